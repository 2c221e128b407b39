#include "io/handover.h"

#include <assert.h>
#include <stdlib.h>

/* The packet's octets follow, behind PKT_HEADROOM. */
struct handed {
	struct fifo_record	record;
	struct pkt		pkt;	/* its pointers are the producer's: set anew by the taker */
} ALIGNED(CACHE_LINE);

_Static_assert(LANE_BYTES_MIN >= 2 * (sizeof(struct handed) + PKT_ROOM),
	       "the largest packet fits beside what is lost at the end");

size_t lane_bytes(unsigned int workers)
{
	size_t bytes = LANES_BYTES;

	for (unsigned int others = workers - 1; others > 1 && bytes > LANE_BYTES_MIN; others /= 2)
		bytes /= 2;
	return bytes;
}

void lane_init(struct lane *l, void *memory, size_t size)
{
	assert(size >= LANE_BYTES_MIN && (size & (size - 1)) == 0);
	*l = (struct lane){ .fifo = { .octets = memory, .size = size } };
}

bool lane_put(struct lane *l, const struct pkt *p)
{
	size_t front = pkt_front(p);
	struct fifo_record *record;
	struct handed *h;

	if (p->len > PKT_ROOM - PKT_HEADROOM)
		return false;
	record = fifo_reserve(&l->fifo, sizeof(*h) + PKT_HEADROOM + p->len);
	if (!record)
		return false;
	h = (void *)record;
	h->pkt = *p;
	h->pkt.peeled = (uint16_t)front;
	memcpy((uint8_t *)(h + 1) + PKT_HEADROOM - front, p->data - front, front + p->len);
	fifo_publish(&l->fifo);
	return true;
}

bool lane_waits(const struct lane *l)
{
	return fifo_waits(&l->fifo);
}

bool lane_take(struct lane *l, struct pkt *p)
{
	struct fifo_record *record = fifo_look(&l->fifo);
	struct handed *h = (void *)record;

	if (!record)
		return false;
	*p = h->pkt;
	p->start = (uint8_t *)(h + 1);
	p->data = p->start + PKT_HEADROOM;
	p->inner = p->data;
	p->inner_len = p->len;
	p->traced = p->captured = false;	/* told where it was counted */
	fifo_take(&l->fifo, record);
	return true;
}

void lane_free(struct lane *l)
{
	fifo_free(&l->fifo);
}

/* ---- all of them ---- */

/* Written once, so that the first packet finds its pages. */
static void *taken(size_t bytes)
{
	size_t whole = (bytes + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
	void *p = aligned_alloc(CACHE_LINE, whole);

	return p ? memset(p, 0, whole) : NULL;
}

struct crew *crew_new(unsigned int workers)
{
	struct crew *c = taken(sizeof(*c));
	size_t bytes = lane_bytes(workers);

	if (!c)
		return NULL;
	c->workers = workers;
	c->lane = taken((size_t)workers * workers * sizeof(*c->lane));
	c->bell = taken(workers * sizeof(*c->bell));
	for (unsigned int i = 0; c->lane && i < workers * workers; i++) {
		void *memory;

		if (i / workers == i % workers)
			continue;	/* nobody hands himself anything */
		memory = taken(bytes);
		if (!memory)
			break;
		lane_init(&c->lane[i], memory, bytes);
	}
	if (!c->lane || !c->bell || (workers > 1 && !crew_lane(c, workers - 1, workers - 2)->fifo.octets)) {
		crew_free(c);
		return NULL;
	}
	return c;
}

void crew_free(struct crew *c)
{
	if (!c)
		return;
	for (unsigned int i = 0; c->lane && i < c->workers * c->workers; i++)
		free(c->lane[i].fifo.octets);
	free(c->lane);
	free(c->bell);
	free(c);
}
