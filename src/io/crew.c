/*
 * src/io/crew.c - a worker among others: what it hands them, what it takes, when it may sleep
 */
#include "io/parts.h"

#include <unistd.h>

void worker_hand_over(struct worker *w, const struct pkt *p)
{
	unsigned int to = path_worker_of(&w->path, p->owner);

	/* the tunnel's own record is the other worker's: only the sum is told */
	if (!lane_put(crew_lane(w->crew, w->number, to), p))
		worker_refuse(w, DROP_QUEUE_HANDOVER, 1);
	w->handed |= UINT32_C(1) << to;
}

/* Who is not asleep looks into its lanes before it sleeps. */
void worker_hand_over_flush(struct worker *w)
{
	uint64_t one = 1;

	while (w->handed) {
		unsigned int to = (unsigned int)__builtin_ctz(w->handed);

		w->handed &= w->handed - 1;
		if (__atomic_exchange_n(&w->crew->bell[to].out, 0, __ATOMIC_SEQ_CST))
			(void)!write(w->crew->wake[to], &one, sizeof(one));
	}
}

static bool any_waits(const struct worker *w)
{
	for (unsigned int from = 0; from < w->crew->workers; from++) {
		if (from != w->number && lane_waits(crew_lane(w->crew, from, w->number)))
			return true;
	}
	return false;
}

bool worker_may_sleep(struct worker *w)
{
	if (w->fair->waiting)
		return false;
	if (w->crew->workers == 1)
		return true;
	(void)__atomic_exchange_n(&w->crew->bell[w->number].out, 1, __ATOMIC_SEQ_CST);
	return !any_waits(w);
}

void worker_woke(struct worker *w)
{
	if (w->crew->workers > 1)
		__atomic_store_n(&w->crew->bell[w->number].out, 0, __ATOMIC_RELAXED);
}

static unsigned int take_batch(struct worker *w, struct lane *l)
{
	unsigned int n = 0;

	while (n < BATCH && lane_take(l, &w->in.pkt[n]))
		n++;
	return n;
}

/* A worker that is behind empties it, so that it does not overflow for all tunnels alike. */
static void take_lane(struct worker *w, struct lane *l)
{
	bool waits;

	do {
		unsigned int n;

		worker_refresh(w);	/* at least as new as what the other one has read */
		n = take_batch(w, l);
		waits = worker_crowd(w, n);
		if (!waits)
			worker_run(w, n);
		lane_free(l);
	} while (waits && lane_waits(l));
}

void worker_take_over(struct worker *w)
{
	for (unsigned int from = 0; from < w->crew->workers; from++) {
		struct lane *l = crew_lane(w->crew, from, w->number);

		if (from != w->number && lane_waits(l))
			take_lane(w, l);
	}
}
