#include "table/capring.h"

#include <assert.h>
#include <string.h>

#define BYTES_MIN	((size_t)256 << 10)	/* the largest packet, wherever the end lies */

/* The packet's octets follow. */
struct record_head {
	uint32_t	octets;		/* of the whole record, a multiple of CACHE_LINE */
	uint32_t	filler;		/* not a record: the next begins at the start again */
	struct capture	c;
};
_Static_assert(sizeof(struct record_head) <= CACHE_LINE, "fits wherever a record may begin");

static size_t record_octets(size_t len)
{
	return (sizeof(struct record_head) + len + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
}

void capring_init(struct capring *r, void *memory, size_t size)
{
	assert(size >= BYTES_MIN && (size & (size - 1)) == 0);
	*r = (struct capring){ .octets = memory, .size = size };
}

static struct record_head *record_at(const struct capring *r, uint64_t at)
{
	return (void *)(r->octets + (at & (r->size - 1)));
}

static bool has_room(struct capring *r, uint64_t head, size_t octets)
{
	if (head + octets - r->tail_seen <= r->size)
		return true;
	r->tail_seen = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
	return head + octets - r->tail_seen <= r->size;
}

bool capring_put(struct capring *r, const struct capture *c, struct cur head, struct cur body)
{
	uint64_t at = __atomic_load_n(&r->head, __ATOMIC_RELAXED);
	size_t kept = head.left + body.left, octets = record_octets(kept);
	size_t to_end = r->size - (at & (r->size - 1));
	size_t skipped = to_end < octets ? to_end : 0;
	struct record_head *h;

	if (octets > r->size / 2 || !has_room(r, at, skipped + octets)) {
		uint64_t *lost = &r->lost[c->shown];

		__atomic_store_n(lost, *lost + 1, __ATOMIC_RELAXED);
		return false;
	}
	if (skipped) {
		h = record_at(r, at);
		h->octets = (uint32_t)skipped;
		h->filler = 1;
		at += skipped;
	}
	h = record_at(r, at);
	h->octets = (uint32_t)octets;
	h->filler = 0;
	h->c = *c;
	h->c.kept = (uint32_t)kept;
	if (head.left)
		memcpy(h + 1, head.at, head.left);
	if (body.left)
		memcpy((uint8_t *)(h + 1) + head.left, body.at, body.left);
	__atomic_store_n(&r->head, at + octets, __ATOMIC_RELEASE);
	return true;
}

uint64_t capring_end(const struct capring *r)
{
	return __atomic_load_n(&r->head, __ATOMIC_ACQUIRE);
}

uint64_t capring_at(const struct capring *r)
{
	return __atomic_load_n(&r->tail, __ATOMIC_RELAXED);
}

/* Past a filler, which is never the last thing put. */
static const struct record_head *oldest(const struct capring *r, uint64_t *at)
{
	const struct record_head *h;

	*at = capring_at(r);
	if (*at == capring_end(r))
		return NULL;
	h = record_at(r, *at);
	if (h->filler) {
		*at += h->octets;
		h = record_at(r, *at);
	}
	return h;
}

const struct capture *capring_peek(const struct capring *r, const uint8_t **octets)
{
	uint64_t at;
	const struct record_head *h = oldest(r, &at);

	if (!h)
		return NULL;
	*octets = (const uint8_t *)(h + 1);
	return &h->c;
}

void capring_drop(struct capring *r)
{
	uint64_t at;
	const struct record_head *h = oldest(r, &at);

	if (h)
		__atomic_store_n(&r->tail, at + h->octets, __ATOMIC_RELEASE);
}
