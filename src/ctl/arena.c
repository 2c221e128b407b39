#include <assert.h>
#include <sanitizer/asan_interface.h>	/* does nothing in a build without it */
#include <string.h>
#include "ctl/arena.h"

#define BINS		48
#define USED		((size_t)1)

/* In front of every payload. Sizes count head and payload and are multiples of 16. */
struct head {
	size_t		before;		/* size of the chunk before; 0: this is the first */
	size_t		size;		/* | USED; 0 | USED: the end of the list */
};
_Static_assert(sizeof(struct head) == ARENA_ALIGN, "a head keeps payloads aligned");

/* What a free chunk holds where its payload was. */
struct links {
	struct head	*next, *prev;
};

#define CHUNK_MIN	(sizeof(struct head) + sizeof(struct links))

struct arena {
	struct head	*first;
	size_t		bytes;		/* from first to the end head */
	size_t		room, low, size;
	struct head	*bin[BINS];	/* [n]: chunks of 2^n .. 2^(n+1) - 1 octets */
} ALIGNED(ARENA_ALIGN);

static size_t size_of(const struct head *h)
{
	return h->size & ~USED;
}

static bool is_used(const struct head *h)
{
	return h->size & USED;
}

static void *payload(const struct head *h)
{
	return (uint8_t *)(uintptr_t)h + sizeof(*h);
}

static struct links *links_of(const struct head *h)
{
	return payload(h);
}

static struct head *after(const struct head *h)
{
	return (void *)((uint8_t *)(uintptr_t)h + size_of(h));
}

static struct head *before(const struct head *h)
{
	return h->before ? (void *)((uint8_t *)(uintptr_t)h - h->before) : NULL;
}

static unsigned int bin_of(size_t size)
{
	return (unsigned int)(8 * sizeof(size_t) - 1) - (unsigned int)__builtin_clzl(size);
}

/* What is free is nobody's: a sanitizer shall see who uses it all the same. */
static void hide(const struct head *h)
{
	ASAN_POISON_MEMORY_REGION(links_of(h) + 1, size_of(h) - CHUNK_MIN);
}

static void reveal(const struct head *h)
{
	ASAN_UNPOISON_MEMORY_REGION(links_of(h) + 1, size_of(h) - CHUNK_MIN);
}

static void hang_in(struct arena *a, struct head *h)
{
	struct head **bin = &a->bin[bin_of(size_of(h))];

	*links_of(h) = (struct links){ .next = *bin };
	if (*bin)
		links_of(*bin)->prev = h;
	*bin = h;
	a->room += size_of(h) - sizeof(*h);
	hide(h);
}

static void take_out(struct arena *a, struct head *h)
{
	struct links *l = links_of(h);

	if (l->prev)
		links_of(l->prev)->next = l->next;
	else
		a->bin[bin_of(size_of(h))] = l->next;
	if (l->next)
		links_of(l->next)->prev = l->prev;
	a->room -= size_of(h) - sizeof(*h);
	reveal(h);
}

static void set_size(struct head *h, size_t size, size_t used)
{
	h->size = size | used;
	after(h)->before = size;
}

struct arena *arena_init(void *memory, size_t bytes)
{
	struct arena *a = memory;

	assert((uintptr_t)memory % ARENA_ALIGN == 0 && bytes >= ARENA_BYTES_MIN);
	ASAN_UNPOISON_MEMORY_REGION(memory, bytes);
	memset(a, 0, sizeof(*a));
	a->first = (void *)((uint8_t *)memory + sizeof(*a));
	a->bytes = (bytes - sizeof(*a) - sizeof(struct head)) & ~(size_t)(ARENA_ALIGN - 1);
	assert(bin_of(a->bytes) < BINS);

	a->first->before = 0;
	set_size(a->first, a->bytes, 0);
	after(a->first)->size = USED;
	hang_in(a, a->first);
	a->size = a->low = a->room;
	return a;
}

/* The smallest chunk that may hold @size is in its own bin or is any of a higher one. */
static struct head *find(struct arena *a, size_t size)
{
	unsigned int bin = bin_of(size);

	for (struct head *h = a->bin[bin]; h; h = links_of(h)->next) {
		if (size_of(h) >= size)
			return h;
	}
	while (++bin < BINS) {
		if (a->bin[bin])
			return a->bin[bin];
	}
	return NULL;
}

/* @h is in use and has @size or more: what is too much becomes a free chunk. */
static void trim(struct arena *a, struct head *h, size_t size)
{
	size_t rest = size_of(h) - size;

	if (rest < CHUNK_MIN)
		return;

	struct head *next = after(h);

	if (!is_used(next)) {
		take_out(a, next);
		rest += size_of(next);
	}
	set_size(h, size, USED);
	set_size(after(h), rest, 0);
	hang_in(a, after(h));
}

static size_t chunk_size(size_t bytes)
{
	size_t size = (bytes + sizeof(struct head) + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);

	return max_size(size, CHUNK_MIN);
}

void *arena_alloc(struct arena *a, size_t bytes)
{
	if (bytes == 0 || bytes > a->bytes)
		return NULL;

	size_t size = chunk_size(bytes);
	struct head *h = find(a, size);

	if (!h)
		return NULL;
	take_out(a, h);
	h->size |= USED;
	trim(a, h, size);
	if (a->room < a->low)
		a->low = a->room;
	return payload(h);
}

/* The head of a live allocation; anything else is a bug that must not go on. */
static struct head *head_of(const struct arena *a, void *p)
{
	struct head *h = (void *)((uint8_t *)p - sizeof(*h));
	uintptr_t offset = (uintptr_t)h - (uintptr_t)a->first;

	assert(offset < a->bytes && offset % ARENA_ALIGN == 0);
	assert(is_used(h) && size_of(h) <= a->bytes - offset && after(h)->before == size_of(h));
	return h;
}

void arena_free(struct arena *a, void *p)
{
	if (!p)
		return;

	struct head *h = head_of(a, p), *next = after(h), *prev = before(h);
	size_t size = size_of(h);

	explicit_bzero(p, size - sizeof(*h));	/* a command may have held a password */
	if (!is_used(next)) {
		take_out(a, next);
		size += size_of(next);
	}
	if (prev && !is_used(prev)) {
		take_out(a, prev);
		size += size_of(prev);
		h->size = 0;		/* no longer a head: a second free is noticed */
		h = prev;
	}
	set_size(h, size, 0);
	hang_in(a, h);
}

/* In place where it is: shrinking always, growing into a free chunk behind. */
static bool resize(struct arena *a, struct head *h, size_t size)
{
	struct head *next = after(h);

	if (size > size_of(h)) {
		if (is_used(next) || size_of(h) + size_of(next) < size)
			return false;
		take_out(a, next);
		set_size(h, size_of(h) + size_of(next), USED);
	}
	trim(a, h, size);
	if (a->room < a->low)
		a->low = a->room;
	return true;
}

void *arena_realloc(struct arena *a, void *p, size_t bytes)
{
	if (!p)
		return arena_alloc(a, bytes);
	if (bytes == 0) {
		arena_free(a, p);
		return NULL;
	}
	if (bytes > a->bytes)
		return NULL;

	struct head *h = head_of(a, p);

	if (resize(a, h, chunk_size(bytes)))
		return p;

	void *moved = arena_alloc(a, bytes);

	if (!moved)
		return NULL;
	memcpy(moved, p, min_size(size_of(h) - sizeof(*h), bytes));
	arena_free(a, p);
	return moved;
}

size_t arena_room(const struct arena *a)
{
	return a->room;
}

size_t arena_size(const struct arena *a)
{
	return a->size;
}

size_t arena_low(const struct arena *a)
{
	return a->low;
}

/* Free chunks that hang where they belong, and their payload together. */
static size_t count_lists(const struct arena *a, size_t *room)
{
	size_t n = 0;

	for (unsigned int b = 0; b < BINS; b++) {
		const struct head *prev = NULL;

		for (const struct head *h = a->bin[b]; h; prev = h, h = links_of(h)->next) {
			if (is_used(h) || bin_of(size_of(h)) != b || links_of(h)->prev != prev)
				return SIZE_MAX;
			*room += size_of(h) - sizeof(*h);
			n++;
		}
	}
	return n;
}

bool arena_sane(const struct arena *a)
{
	const struct head *h = a->first, *end = (const void *)((const uint8_t *)h + a->bytes);
	size_t free_chunks = 0, size_before = 0, room = 0;
	bool free_before = false;

	while (h != end) {
		if (h > end || size_of(h) < CHUNK_MIN || h->before != size_before)
			return false;
		if (!is_used(h) && free_before)
			return false;
		free_before = !is_used(h);
		free_chunks += free_before;
		size_before = size_of(h);
		h = after(h);
	}
	return h->size == USED && h->before == size_before &&
	       count_lists(a, &room) == free_chunks && room == a->room;
}
