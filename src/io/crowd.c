/*
 * src/io/crowd.c - a worker that falls behind: read on, sort, forward a little of each
 *
 * Behind is who finds a whole batch waiting where packets of more than one flow arrive, now or
 * within the last CROWD_S: only then is there somebody to protect. A single tunnel that floods
 * alone is read no faster than it is forwarded; the kernel drops what is too much, which costs us
 * nothing. A worker that keeps up never comes here, and no packet is copied.
 */
#include "io/parts.h"

#define CROWD_S		10
#define READ_ON_MAX	16	/* batches from one input, before anything is forwarded */
#define SERVE_MAX	2	/* batches forwarded before anything is read again */

/* Return: whether the @n packets are of several flows */
static bool are_mixed(const struct worker *w, unsigned int n)
{
	uint32_t first = path_flow(&w->path, &w->in.pkt[0]);

	for (unsigned int i = 1; i < n; i++) {
		if (path_flow(&w->path, &w->in.pkt[i]) != first)
			return true;
	}
	return false;
}

static bool is_behind(struct worker *w, unsigned int n)
{
	if (w->fair->waiting)
		return true;	/* what comes later may not overtake */
	if (n < BATCH)
		return false;
	if (are_mixed(w, n)) {
		w->crowded = w->path.now;
		return true;
	}
	return w->crowded.us && mono_since_us(w->path.now, w->crowded) < CROWD_S * (int64_t)US_PER_S;
}

static void line_up(struct worker *w, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		uint32_t flow = path_flow(&w->path, &w->in.pkt[i]);

		if (!fair_put(w->fair, flow, &w->in.pkt[i]))
			path_shed(&w->path, flow, worker_pieces(&w->in.pkt[i]));
	}
}

bool worker_crowd(struct worker *w, unsigned int n)
{
	if (!is_behind(w, n))
		return false;
	line_up(w, n);
	return true;
}

void worker_read_on(struct worker *w, struct input *in)
{
	unsigned int n = BATCH;

	for (unsigned int i = 1; n > 0 && i < READ_ON_MAX; i++) {
		n = worker_receive(w, in);
		line_up(w, n);
	}
}

void worker_serve(struct worker *w)
{
	for (unsigned int i = 0; i < SERVE_MAX && w->fair->waiting; i++) {
		unsigned int n = 0;

		worker_refresh(w);
		while (n < BATCH && fair_take(w->fair, &w->in.pkt[n]))
			n++;
		worker_run(w, n);
		fair_done(w->fair);
	}
}
