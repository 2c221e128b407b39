/*
 * src/table/recorder.h - the flight recorder: the last dropped packets, with the reason
 *
 * One a worker, in the region, always on. A ring for each reason, so that a flood of one
 * kind does not wash away the single packet of another. The worker writes, everybody reads.
 */
#ifndef SIXXSD_TABLE_RECORDER_H
#define SIXXSD_TABLE_RECORDER_H

#include "base/addr.h"
#include "base/seq.h"
#include "base/time.h"
#include "table/limits.h"
#include "table/verdict.h"
#include "table/via.h"

#define DROPS_KEPT	8	/* of each reason, a worker */
#define DROP_BYTES	256	/* of each packet at most */
#define DROP_REASONS	(VERDICT_COUNT - VERDICT_FIRST_DROP)

struct drop {
	mono_t		at;
	uint32_t	len;		/* octets the packet had, as received without outer headers */
	uint16_t	kept;		/* in @bytes */
	uint16_t	verdict;
	uint16_t	from, to, blame;	/* tunnels, or TID_NONE */
	uint8_t		via;		/* enum via */
	uint8_t		accepted;	/* @bytes are the inner packet, its encapsulation was good */
	struct ip6_addr	them, us;	/* outer addresses; unspecified: came from the TUN device */
	uint16_t	them_port, us_port;
	uint32_t	pad;
	uint8_t		bytes[DROP_BYTES];
};
_Static_assert(sizeof(struct drop) == 64 + DROP_BYTES, "whole words for the sequence");

struct drop_slot {
	struct seq	seq;
	struct drop	drop;
};

struct recorder {
	uint64_t	written[DROP_REASONS];	/* of each ring, ever */
	struct drop_slot slot[DROP_REASONS][DROPS_KEPT];
} ALIGNED(CACHE_LINE);

/* The worker. @d->verdict is a drop. */
void recorder_put(struct recorder *r, const struct drop *d);

/**
 * recorder_at() - the one that was put as number @n of all of @reason
 *
 * Return: false: it was overwritten, or is being; or it was not put yet
 */
MUST_CHECK bool recorder_at(const struct recorder *r, enum verdict reason, uint64_t n, struct drop *d);

/**
 * recorder_get() - number @n of @reason's ring, 0 the oldest that is left
 *
 * Return: false: there are not so many, or it is being overwritten
 */
MUST_CHECK bool recorder_get(const struct recorder *r, enum verdict reason, unsigned int n,
			     struct drop *d);

/*
 * All that lie in the recorders of all workers, by time. They are copied at once, while the
 * workers go on writing: what is overwritten before it was read is lost and counted, and even in
 * a flood a reason has some.
 */
struct recall_ring {
	unsigned int	left;			/* still to be told */
	struct drop	drop[DROPS_KEPT];	/* [left - 1] is the oldest */
};

struct recall {
	uint64_t	lost;
	struct recall_ring ring[WORKERS_MAX][DROP_REASONS];
};

/* @recorders: [WORKERS_MAX] */
void recall_begin(struct recall *c, const struct recorder *recorders);
/* Return: false: there are no more */
MUST_CHECK bool recall_next(struct recall *c, struct drop *d);

#endif
