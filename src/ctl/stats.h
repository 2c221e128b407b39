/*
 * src/ctl/stats.h - counters as `tunnel stats` and `tunnel show` count them
 *
 * The workers' counters only grow. "Since the last RESET" is the difference to a
 * baseline that control keeps in the region (struct window), one per tunnel and two
 * more for uplink and total. A slot that was removed starts at zero again: its
 * baseline is forgotten with it, and one that was not forgotten yet is recognised by
 * being larger than the counter. Control thread.
 */
#ifndef SIXXSD_CTL_STATS_H
#define SIXXSD_CTL_STATS_H

#include "ctl/control.h"

struct stats {
	struct traffic	now;		/* since start */
	struct traffic	since;		/* since RESET */
};

/* Latency of one tunnel since RESET; all zero when nothing was sent since. */
struct stats_latency {
	uint64_t	sent, received;
	double		loss_percent;		/* 0 when nothing was sent */
	double		min_ms, avg_ms, max_ms;	/* -1 when nothing came back */
};

struct stats stats_tunnel(const struct control *c, uint16_t tid);
struct stats stats_uplink(const struct control *c);
struct stats stats_total(const struct control *c);
struct stats_latency stats_latency(const struct control *c, uint16_t tid);

/* The window begins at what was read: nothing that was counted in between is lost. */
void stats_begin_tunnel(struct control *c, uint16_t tid, const struct stats *read);
void stats_begin_uplink(struct control *c, const struct stats *read);
void stats_begin_total(struct control *c, const struct stats *read);

/* The slot was removed: call it when the workers have adopted that. */
void stats_forget(struct table *tb, uint16_t tid);

/* A verdict's count, all workers and queues together. */
uint64_t stats_verdict(const struct control *c, enum verdict v);
/* Of the TUN device's queue: what the kernel lost there and no gate kept out. */
uint64_t stats_tun_lost(const struct control *c);
/* A tunnel's errors as `tunnel list` sums them: without "Encap.Pkt Too Big". */
uint64_t stats_errors(const struct control *c, uint16_t tid);

#endif
