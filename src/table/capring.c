#include "table/capring.h"

#include <assert.h>
#include <string.h>

#define BYTES_MIN	((size_t)256 << 10)	/* the largest packet, wherever the end lies */

/* The packet's octets follow. */
struct shot {
	struct fifo_record	record;
	struct capture		c;
};
_Static_assert(sizeof(struct shot) <= CACHE_LINE, "fits wherever a record may begin");

void capring_init(struct capring *r, void *memory, size_t size)
{
	assert(size >= BYTES_MIN && (size & (size - 1)) == 0);
	*r = (struct capring){ .fifo = { .octets = memory, .size = size } };
}

bool capring_put(struct capring *r, const struct capture *c, struct cur head, struct cur body)
{
	size_t kept = head.left + body.left, octets = sizeof(struct shot) + kept;
	struct fifo_record *record = octets <= r->fifo.size / 2 ? fifo_reserve(&r->fifo, octets) : NULL;
	struct shot *s = (void *)record;

	if (!record) {
		uint64_t *lost = &r->lost[c->shown];

		__atomic_store_n(lost, *lost + 1, __ATOMIC_RELAXED);
		return false;
	}
	s->c = *c;
	s->c.kept = (uint32_t)kept;
	if (head.left)
		memcpy(s + 1, head.at, head.left);
	if (body.left)
		memcpy((uint8_t *)(s + 1) + head.left, body.at, body.left);
	fifo_publish(&r->fifo);
	return true;
}

uint64_t capring_end(const struct capring *r)
{
	return __atomic_load_n(&r->fifo.head, __ATOMIC_ACQUIRE);
}

uint64_t capring_at(const struct capring *r)
{
	return __atomic_load_n(&r->fifo.tail, __ATOMIC_RELAXED);
}

const struct capture *capring_peek(struct capring *r, const uint8_t **octets)
{
	const struct shot *s = (void *)fifo_look(&r->fifo);

	if (!s)
		return NULL;
	*octets = (const uint8_t *)(s + 1);
	return &s->c;
}

void capring_drop(struct capring *r)
{
	const struct fifo_record *record = fifo_look(&r->fifo);

	if (!record)
		return;
	fifo_take(&r->fifo, record);
	fifo_free(&r->fifo);
}
