#include "table/recorder.h"

#include <assert.h>

void recorder_put(struct recorder *r, const struct drop *d)
{
	unsigned int reason = d->verdict - VERDICT_FIRST_DROP;

	assert(reason < DROP_REASONS);

	uint64_t n = __atomic_load_n(&r->written[reason], __ATOMIC_RELAXED);
	struct drop_slot *s = &r->slot[reason][n % DROPS_KEPT];

	seq_write(&s->seq, &s->drop, d, sizeof(*d));
	__atomic_store_n(&r->written[reason], n + 1, __ATOMIC_RELEASE);
}

static unsigned int index_of(enum verdict reason)
{
	unsigned int which = reason - VERDICT_FIRST_DROP;

	assert(which < DROP_REASONS);
	return which;
}

/* How many were put, ever: their numbers are 0 to that. */
static uint64_t end_of(const struct recorder *r, enum verdict reason)
{
	return __atomic_load_n(&r->written[index_of(reason)], __ATOMIC_ACQUIRE);
}

/* The slot's sequence counts what was put there: two for each. */
static bool holds(const struct drop_slot *s, uint64_t n)
{
	return __atomic_load_n(&s->seq.n, __ATOMIC_ACQUIRE) == (uint32_t)(2 * (n / DROPS_KEPT + 1));
}

bool recorder_at(const struct recorder *r, enum verdict reason, uint64_t n, struct drop *d)
{
	const struct drop_slot *s = &r->slot[index_of(reason)][n % DROPS_KEPT];

	return holds(s, n) && seq_read(&s->seq, &s->drop, d, sizeof(*d)) && holds(s, n);
}

static uint64_t oldest(uint64_t end)
{
	return end > DROPS_KEPT ? end - DROPS_KEPT : 0;
}

bool recorder_get(const struct recorder *r, enum verdict reason, unsigned int n, struct drop *d)
{
	uint64_t end = end_of(r, reason), at = oldest(end) + n;

	return at < end && recorder_at(r, reason, at, d);
}

/* ---- all of them ---- */

#define TRIES		100	/* until one of a ring is had that is written without a pause */

/* The newest first: those are overwritten last. */
static unsigned int take(const struct recorder *r, enum verdict reason, struct drop list[DROPS_KEPT],
			 unsigned int *lost)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < TRIES; i++) {
		uint64_t end = end_of(r, reason), at = end;

		while (at > oldest(end)) {
			if (recorder_at(r, reason, --at, &list[n]))
				n++;
		}
		*lost = (unsigned int)(end - oldest(end)) - n;
		if (n > 0 || end == 0)
			break;
	}
	return n;
}

void recall_begin(struct recall *c, const struct recorder *recorders)
{
	c->lost = 0;
	for (unsigned int w = 0; w < WORKERS_MAX; w++) {
		for (unsigned int i = 0; i < DROP_REASONS; i++) {
			struct recall_ring *ring = &c->ring[w][i];
			unsigned int lost;

			ring->left = take(&recorders[w], (enum verdict)(i + VERDICT_FIRST_DROP),
					  ring->drop, &lost);
			c->lost += lost;
		}
	}
}

bool recall_next(struct recall *c, struct drop *d)
{
	struct recall_ring *first = NULL;

	for (unsigned int w = 0; w < WORKERS_MAX; w++) {
		for (unsigned int i = 0; i < DROP_REASONS; i++) {
			struct recall_ring *ring = &c->ring[w][i];

			if (ring->left > 0 && (!first || ring->drop[ring->left - 1].at.us <
						 first->drop[first->left - 1].at.us))
				first = ring;
		}
	}
	if (!first)
		return false;
	*d = first->drop[--first->left];
	return true;
}
