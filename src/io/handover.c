#include "io/handover.h"

#include <assert.h>
#include <stdlib.h>

/* The packet's octets follow, behind PKT_HEADROOM. */
struct record_head {
	uint32_t	octets;		/* of the whole record, a multiple of CACHE_LINE */
	uint32_t	filler;		/* not a packet: the next record begins at the start again */
	struct pkt	pkt;		/* its pointers are the producer's: set anew by the taker */
} ALIGNED(CACHE_LINE);

_Static_assert(LANE_BYTES_MIN >= 2 * (sizeof(struct record_head) + PKT_ROOM),
	       "the largest packet fits beside what is lost at the end");

static size_t record_octets(size_t len)
{
	size_t all = sizeof(struct record_head) + PKT_HEADROOM + len;

	return (all + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
}

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
	*l = (struct lane){ .octets = memory, .size = size };
}

static struct record_head *record_at(const struct lane *l, uint64_t at)
{
	return (void *)(l->octets + (at & (l->size - 1)));
}

/* Is there room for @octets from l->head on? */
static bool has_room(struct lane *l, uint64_t head, size_t octets)
{
	if (head + octets - l->tail_seen <= l->size)
		return true;
	l->tail_seen = __atomic_load_n(&l->tail, __ATOMIC_ACQUIRE);
	return head + octets - l->tail_seen <= l->size;
}

bool lane_put(struct lane *l, const struct pkt *p)
{
	uint64_t head = __atomic_load_n(&l->head, __ATOMIC_RELAXED);
	size_t front = pkt_front(p), octets = record_octets(p->len);
	size_t to_end = l->size - (head & (l->size - 1));
	size_t lost = to_end < octets ? to_end : 0;
	struct record_head *r;

	if (p->len > PKT_ROOM - PKT_HEADROOM || !has_room(l, head, lost + octets))
		return false;
	if (lost) {
		r = record_at(l, head);
		r->octets = (uint32_t)lost;
		r->filler = 1;
		head += lost;
	}
	r = record_at(l, head);
	r->octets = (uint32_t)octets;
	r->filler = 0;
	r->pkt = *p;
	r->pkt.peeled = (uint16_t)front;
	memcpy((uint8_t *)(r + 1) + PKT_HEADROOM - front, p->data - front, front + p->len);
	__atomic_store_n(&l->head, head + octets, __ATOMIC_RELEASE);
	return true;
}

bool lane_waits(const struct lane *l)
{
	return __atomic_load_n(&l->head, __ATOMIC_ACQUIRE) != l->at;
}

bool lane_take(struct lane *l, struct pkt *p)
{
	struct record_head *r;

	if (!lane_waits(l))
		return false;
	r = record_at(l, l->at);
	if (r->filler) {	/* never the last one put: a packet follows */
		l->at += r->octets;
		r = record_at(l, l->at);
	}
	*p = r->pkt;
	p->start = (uint8_t *)(r + 1);
	p->data = p->start + PKT_HEADROOM;
	p->inner = p->data;
	p->inner_len = p->len;
	p->traced = p->captured = false;	/* told where it was counted */
	l->at += r->octets;
	return true;
}

void lane_free(struct lane *l)
{
	__atomic_store_n(&l->tail, l->at, __ATOMIC_RELEASE);
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
	if (!c->lane || !c->bell || (workers > 1 && !crew_lane(c, workers - 1, workers - 2)->octets)) {
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
		free(c->lane[i].octets);
	free(c->lane);
	free(c->bell);
	free(c);
}
