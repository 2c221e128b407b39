/*
 * src/xdp/sync.h - the maps equal to the tables
 *
 * Control's part of the protocol of wire/fast.h. A transaction takes out of force what it
 * concerns before it publishes, and puts it in force again when every worker has moved over;
 * what packets change is picked up from the table's bitmap. In between packets go up: no
 * packet is lost, and none is forwarded by what does not hold any more.
 */
#ifndef SIXXSD_XDP_SYNC_H
#define SIXXSD_XDP_SYNC_H

#include "table/region.h"
#include "xdp/load.h"

struct sync {
	struct xdp	*x;
	struct region	*region;
	bool		on;		/* attached somewhere: else nothing is kept level */
	bool		held;		/* a transaction is between hold and release */
	bool		all;		/* everything has to be written again */
	bool		subnets;	/* the subnet map has to be */
	uint64_t	stale[MOVED_WORDS];	/* tunnels whose lines have to be */
};

void sync_init(struct sync *s, struct xdp *x, struct region *region);

/* @next is about to follow @now. Returns when no program uses what differs. */
void sync_hold(struct sync *s, const struct config *now, const struct config *next);
/* Every worker has moved over to what is published now. */
void sync_release(struct sync *s);
/* What packets moved since the last call. */
void sync_moved(struct sync *s);

/* The fast path has been attached somewhere, or is nowhere any more. */
void sync_switch(struct sync *s, bool on);

/* Stop, then go on: between the two no program looks at head.port or head.cache. */
void sync_pause(struct sync *s);
void sync_resume(struct sync *s);

/* Routes, neighbours or links changed: next hops are asked for again. */
void sync_forget_hops(struct sync *s);

/* Pure: what the line of @tid says now. type FAST_OFF: its packets go up. */
struct fast_line sync_line(const struct config *cf, const struct table *tb, uint16_t tid);

#endif
