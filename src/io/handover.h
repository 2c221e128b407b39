/*
 * src/io/handover.h - packets from one worker to another
 *
 * A lane for every ordered pair of workers: a FIFO in memory taken at start. A record holds the packet's facts and octets, with the
 * headroom that encapsulation needs, so its taker works on it where it lies. A full lane
 * loses the newest packet, which the producer counts (DROP_QUEUE_HANDOVER): nobody waits.
 *
 * A worker that is about to sleep hangs out its bell; who puts something into one of its
 * lanes and finds the bell out takes it in and writes to its eventfd. Both are exchanges of one
 * word, so one of the two sees what the other did: nothing is left lying in a lane
 * while its taker sleeps. A worker that is awake costs nobody a system call.
 */
#ifndef SIXXSD_IO_HANDOVER_H
#define SIXXSD_IO_HANDOVER_H

#include "base/fifo.h"
#include "path/pkt.h"

struct lane {
	struct fifo	fifo;
};

struct bell {
	uint32_t	out;			/* atomic; the worker sleeps, or is about to */
} ALIGNED(CACHE_LINE);

/* Everything the workers have in common. */
struct crew {
	unsigned int	workers;
	struct lane	*lane;			/* [from][to], workers * workers */
	struct bell	*bell;			/* [workers] */
	int		wake[WORKERS_MAX];	/* eventfds */
};

/* What lanes into and out of one worker may take, all together; at least LANE_BYTES_MIN each. */
#define LANES_BYTES	((size_t)2 << 20)
/* The largest packet fits wherever the end of the memory lies. */
#define LANE_BYTES_MIN	((size_t)256 << 10)

/* Octets of one lane when there are @workers. */
size_t lane_bytes(unsigned int workers);
/* @memory: @size octets, cache-line aligned, a power of two >= LANE_BYTES_MIN; outlives @l */
void lane_init(struct lane *l, void *memory, size_t size);

/* Producer: a copy of @p. Return: false when it does not fit, nothing put */
MUST_CHECK bool lane_put(struct lane *l, const struct pkt *p);
/**
 * lane_take() - consumer: the next packet, in the lane's own memory
 *
 * It is the taker's to change, headroom included, until lane_free(). Ready for path_run().
 * Return: false when there is none, @p untouched
 */
MUST_CHECK bool lane_take(struct lane *l, struct pkt *p);
/* Consumer: everything taken was sent. */
void lane_free(struct lane *l);
/* Consumer: is there anything to take? */
bool lane_waits(const struct lane *l);

/* NULL: no memory. Every page is written once. */
struct crew *crew_new(unsigned int workers);
void crew_free(struct crew *c);

static inline struct lane *crew_lane(const struct crew *c, unsigned int from, unsigned int to)
{
	return &c->lane[from * c->workers + to];
}

#endif
