/*
 * src/io/tick.c - what time does: every tunnel once a minute, probes over their interval
 *
 * Only tunnels of this worker. They are visited by their id modulo 60, so that a minute's work is spread over its
 * seconds; probes likewise over the configured interval.
 */
#include "io/parts.h"

#include <errno.h>
#include <sys/random.h>

#define ROUND_S		60	/* every tunnel once in this time */

static void new_magic(struct worker *w)
{
	uint64_t random;

	/* Early at boot there may be none yet: the last one serves on. */
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) == (ssize_t)sizeof(random))
		path_magic(&w->path, random);
}

void worker_tick_init(struct worker *w)
{
	uint64_t random[2];

	w->second = w->path.now.us / US_PER_S;
	if (getrandom(random, sizeof(random), 0) == (ssize_t)sizeof(random)) {
		path_magic(&w->path, random[0]);
		/* no worker uses another's */
		w->fragment_id = (uint32_t)random[1] * w->path.workers + w->number;
	}
}

static void probe_batch(struct worker *w, uint32_t *tid, uint32_t end, uint32_t step)
{
	for (unsigned int n = 0; n < BATCH && *tid < end; *tid += step) {
		struct pkt *p = &w->in.reply[n];
		enum verdict v;

		if (!path_owns(&w->path, (uint16_t)*tid))
			continue;
		pkt_init(p, w->in.answer + (size_t)n * PKT_ROOM, 0, VIA_SELF);
		v = path_probe(&w->path, (uint16_t)*tid, p);
		if (v != PASS)
			continue;
		if (w->capturing)
			worker_capture_probe(w, p);
		worker_send(w, p);
		worker_tell(w, p, p->verdict);
		n++;
	}
	worker_send_flush(w);
}

static void probe(struct worker *w)
{
	const struct config_head *h = w->path.cf->head;
	uint32_t interval = h->latency_interval_s;

	if (interval == 0)
		return;
	for (uint32_t tid = (uint32_t)((uint64_t)w->second % interval); tid < h->tunnel_end;)
		probe_batch(w, &tid, h->tunnel_end, interval);
}

static void one_second(struct worker *w)
{
	uint32_t end = w->path.cf->head->tunnel_end;

	for (uint32_t tid = (uint32_t)((uint64_t)w->second % ROUND_S); tid < end; tid += ROUND_S) {
		if (!path_owns(&w->path, (uint16_t)tid))
			continue;
		path_tick(&w->path, (uint16_t)tid);
		worker_tell(w, NULL, PASS);
	}
	if (w->second % ROUND_S == 0)
		new_magic(w);
	probe(w);
}

void worker_tick(struct worker *w)
{
	int64_t now = w->path.now.us / US_PER_S;

	/* After a long stop (suspend, a debugger) one round is enough to see everybody. */
	if (now - w->second > ROUND_S)
		w->second = now - ROUND_S;
	if (w->second < now)
		worker_poll_overflow(w);
	if (w->second < now)
		worker_count_shed(w);
	while (w->second < now) {
		w->second++;
		one_second(w);
	}
}

int worker_wait_ms(const struct worker *w)
{
	int64_t left_us = (w->second + 1) * US_PER_S - w->path.now.us;

	if (left_us <= 0)
		return 0;
	return (int)((left_us + US_PER_MS - 1) / US_PER_MS);
}
