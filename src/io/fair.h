/*
 * src/io/fair.h - packets that wait for a worker that has more than it can do
 *
 * A socket's queue is one for all tunnels: when one of them floods it, the kernel drops
 * whatever comes next, mostly other tunnels' packets. So a worker that falls behind reads
 * more than it can forward, which is cheap, sorts it by tunnel and direction ("flow", path/flow.c),
 * and forwards a little of each in turn (deficit round robin). What it cannot keep it drops
 * where it came from: a flow may hold as many packets as are still free (dynamic threshold,
 * Choudhury and Hahne 1998), so one flood takes half of the memory at most, two take a third
 * each, and a tunnel that sends less than its share finds room and loses nothing.
 *
 * Memory is taken at start: small cells for packets of a usual size, large ones for merged
 * ones, each counted for itself. One thread, no system call.
 */
#ifndef SIXXSD_IO_FAIR_H
#define SIXXSD_IO_FAIR_H

#include "path/pkt.h"

#define FAIR_SMALL	1024			/* cells */
#define FAIR_LARGE	64
#define FAIR_SMALL_BYTES 2048			/* headroom included */
#define FAIR_CELLS	(FAIR_SMALL + FAIR_LARGE)
#define FAIR_NONE	UINT16_MAX
#define FAIR_NO_FLOW	UINT32_MAX

/* What a packet costs, in octets: most of it does not depend on its size. */
#define FAIR_PACKET_COST	1500
#define FAIR_QUANTUM		3000

enum fair_class {
	FAIR_IS_SMALL,
	FAIR_IS_LARGE,
	FAIR_CLASSES,
};

struct fair_flow {
	uint16_t	first, last;		/* cells; FAIR_NONE: empty */
	uint16_t	n[FAIR_CLASSES];	/* cells it holds */
	uint32_t	next;			/* flow behind it that waits too */
	int32_t		credit;			/* octets; below 1 it waits for the next round */
};

struct fair {
	struct fair_flow *flow;
	uint32_t	flows;
	uint32_t	first, last;		/* flows that wait; FAIR_NO_FLOW: none */
	uint32_t	waiting;		/* packets */
	struct pkt	*pkt;			/* [FAIR_CELLS] */
	uint16_t	next[FAIR_CELLS];	/* in a flow, or free */
	uint16_t	free[FAIR_CLASSES];
	uint16_t	left[FAIR_CLASSES];	/* free cells */
	uint16_t	taken;			/* cells out for sending, chained by next[] */
	uint8_t		*octets[FAIR_CLASSES];
};

/* @flows numbers of flows. Return: NULL without memory. Every page is written once. */
struct fair *fair_new(uint32_t flows);
void fair_free(struct fair *f);

/* Keep a copy of @p. Return: false when @flow has its share */
MUST_CHECK bool fair_put(struct fair *f, uint32_t flow, const struct pkt *p);
/* Whose turn is it? @p lies in its cell until fair_done(). Return: false when nothing waits */
MUST_CHECK bool fair_take(struct fair *f, struct pkt *p);
/* All that was taken is sent. */
void fair_done(struct fair *f);

#endif
