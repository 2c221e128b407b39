#include <sanitizer/asan_interface.h>
#include <sys/wait.h>
#include <unistd.h>
#include "ctl/arena.h"
#include "tap.h"

#define MEMORY_BYTES	(256 * 1024)
#define SLOTS		400
#define STEPS		200000

static uint8_t memory[MEMORY_BYTES] ALIGNED(ARENA_ALIGN);

static struct arena *fresh(void)
{
	return arena_init(memory, sizeof(memory));
}

static void what_is_freed_is_one_piece_again(void)
{
	/* every order of freeing three neighbours */
	static const int order[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
					{ 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };

	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		struct arena *a = fresh();
		void *p[3];

		for (int n = 0; n < 3; n++)
			p[n] = arena_alloc(a, 1000);
		ok(arena_room(a) < arena_size(a), "three pieces are taken");
		for (int n = 0; n < 3; n++)
			arena_free(a, p[order[i][n]]);
		ok(arena_sane(a) && arena_room(a) == arena_size(a),
		   "freed in the order %d %d %d they are one piece again", order[i][0], order[i][1],
		   order[i][2]);
		ok(arena_alloc(a, arena_size(a)) != NULL, "which can be taken whole");
	}
}

static void an_empty_arena_says_no(void)
{
	struct arena *a = fresh();
	void *all = arena_alloc(a, arena_size(a));

	ok(all != NULL, "exactly everything can be taken");
	ok(arena_room(a) == 0 && arena_low(a) == 0, "then there is no room");
	ok(arena_alloc(a, 1) == NULL, "not even for one octet");
	ok(arena_realloc(a, all, arena_size(a) + 1) == NULL, "nor to grow by one");
	ok(arena_sane(a), "a refusal breaks nothing");
	arena_free(a, all);
	ok(arena_alloc(a, arena_size(a) + 1) == NULL, "one octet more than everything is refused");
	ok(arena_alloc(a, SIZE_MAX) == NULL, "and a size that would wrap around");
	ok(arena_alloc(a, SIZE_MAX - 15) == NULL, "or would when rounded up");
	ok(arena_alloc(a, 0) == NULL, "nothing is not allocated");
	ok(arena_low(a) == 0, "the low mark stays");
	arena_free(a, NULL);
	ok(arena_sane(a) && arena_room(a) == arena_size(a), "freeing NULL is harmless");
}

static void realloc_keeps_what_was_there(void)
{
	struct arena *a = fresh();
	uint8_t *p = arena_alloc(a, 100);
	size_t kept = 0;

	for (uint8_t i = 0; i < 100; i++)
		p[i] = i;
	ok(arena_realloc(a, p, 5000) == p, "grows in place when the next piece is free");
	void *wall = arena_alloc(a, 32);
	uint8_t *q = arena_realloc(a, p, 9000);

	ok(q && q != p, "moves when it is not");
	for (uint8_t i = 0; i < 100; i++)
		kept += q[i] == i;
	ok(kept == 100, "with its content");
	ok(arena_realloc(a, q, 40) == q, "shrinks in place");
	ok(arena_sane(a), "and the rest is free");
	ok(arena_realloc(a, q, 0) == NULL, "to nothing is free()");
	q = arena_realloc(a, NULL, 64);
	ok(q != NULL, "from nothing is malloc()");
	arena_free(a, q);
	arena_free(a, wall);
	ok(arena_sane(a) && arena_room(a) == arena_size(a), "nothing is left over");
}

/*
 * Runs in a child, where an assertion may end it, or a sanitizer that saw the misuse first: that
 * one aborts or exits with a code, as its options say. Return: did it end that way?
 */
static bool dies(void (*deed)(struct arena *a))
{
	fflush(stdout);
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		fclose(stderr);
		deed(fresh());
		_exit(0);
	}
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) == SIGABRT : WEXITSTATUS(status) != 0;
}

static void free_twice(struct arena *a)
{
	void *p = arena_alloc(a, 48);
	void *wall = arena_alloc(a, 48);

	(void)wall;
	arena_free(a, p);
	arena_free(a, p);
}

static void free_twice_merged(struct arena *a)
{
	void *p = arena_alloc(a, 48), *q = arena_alloc(a, 48);

	arena_free(a, p);
	arena_free(a, q);
	arena_free(a, q);
}

static void free_foreign(struct arena *a)
{
	static uint8_t other[64] ALIGNED(ARENA_ALIGN);

	arena_free(a, other + 32);
}

static void free_after_overrun(struct arena *a)
{
	uint8_t *p = arena_alloc(a, 48);

	memset(p, 0x41, 48 + 8);	/* into the next head */
	arena_free(a, p);
}

static void misuse_is_noticed(void)
{
	ok(dies(free_twice), "a second free ends the program");
	ok(dies(free_twice_merged), "also when the chunk was merged meanwhile");
	ok(dies(free_foreign), "so does freeing what is not the arena's");
	ok(dies(free_after_overrun), "and an overwritten head");
}

struct shadow {
	uint8_t	*p;
	size_t	len;
	uint8_t	fill;
};

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static bool intact(const struct shadow *s)
{
	for (size_t i = 0; i < s->len; i++) {
		if (s->p[i] != s->fill)
			return false;
	}
	return true;
}

static void a_shadow_model_agrees(uint64_t seed)
{
	struct arena *a = fresh();
	struct shadow slot[SLOTS] = { 0 };
	size_t refused = 0, broken = 0, crooked = 0, insane = 0;
	uint64_t r = seed;

	for (unsigned int step = 0; step < STEPS; step++) {
		struct shadow *s = &slot[next_random(&r) % SLOTS];
		/* mostly small, sometimes large: both fragment in their own way */
		size_t most = next_random(&r) % 16 ? 700 : 40000;
		size_t len = next_random(&r) % 3 ? 1 + next_random(&r) % most : 0;

		broken += !intact(s);
		if (len == 0) {
			arena_free(a, s->p);
			*s = (struct shadow){ 0 };
		} else {
			uint8_t *p = arena_realloc(a, s->p, len);

			if (!p) {
				refused++;
				broken += !intact(s);
				continue;
			}
			for (size_t i = 0; i < min_size(s->len, len); i++)
				broken += p[i] != s->fill;
			crooked += (uintptr_t)p % ARENA_ALIGN != 0;
			*s = (struct shadow){ p, len, (uint8_t)next_random(&r) };
			memset(p, s->fill, len);
		}
		if (step % 64 == 0)
			insane += !arena_sane(a);
	}
	ok(broken == 0, "seed %#llx: no allocation is touched by another", (unsigned long long)seed);
	ok(crooked == 0, "all are aligned");
	ok(insane == 0, "lists and chunks agree at every look");
	ok(refused > 0, "and it was full %zu times", refused);
	for (size_t i = 0; i < SLOTS; i++)
		arena_free(a, slot[i].p);
	ok(arena_sane(a) && arena_room(a) == arena_size(a), "at the end all of it is free");
}

int main(void)
{
	what_is_freed_is_one_piece_again();
	an_empty_arena_says_no();
	realloc_keeps_what_was_there();
	misuse_is_noticed();
	a_shadow_model_agrees(UINT64_C(0x5072));
	a_shadow_model_agrees(UINT64_C(0x3740123456789));
	return tap_done();
}
