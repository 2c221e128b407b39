#include "ctl/stats.h"

/* Behind the tunnels in the array of windows. */
enum {
	WINDOW_UPLINK,
	WINDOW_TOTAL,
};

static struct traffic *window(const struct control *c, unsigned int which)
{
	const struct table *tb = &c->region->table;

	return &tb->window[tb->limits.tunnels + which].tunnel;
}

static struct stats since(struct traffic now, const struct traffic *base)
{
	struct stats st = { .now = now, .since = now };

	if (now.in_packets < base->in_packets || now.in_octets < base->in_octets ||
	    now.out_packets < base->out_packets || now.out_octets < base->out_octets)
		return st;		/* another tenant's baseline */

	st.since.in_packets -= base->in_packets;
	st.since.in_octets -= base->in_octets;
	st.since.out_packets -= base->out_packets;
	st.since.out_octets -= base->out_octets;
	return st;
}

struct stats stats_tunnel(const struct control *c, uint16_t tid)
{
	const struct table *tb = &c->region->table;

	return since(tunnel_traffic(tb, tid), &tb->window[tid].tunnel);
}

struct stats stats_uplink(const struct control *c)
{
	return since(table_uplink(&c->region->table), window(c, WINDOW_UPLINK));
}

struct stats stats_total(const struct control *c)
{
	return since(table_total(&c->region->table), window(c, WINDOW_TOTAL));
}

static double to_ms(double us)
{
	return us / US_PER_MS;
}

struct stats_latency stats_latency(const struct control *c, uint16_t tid)
{
	struct latency l = tunnel_latency(&c->region->table.cold[tid]);
	struct stats_latency r = { .min_ms = -1, .avg_ms = -1, .max_ms = -1 };

	if (l.epoch != region_config(c->region)->head->stats_epoch || l.sent == 0)
		return r;

	r.sent = l.sent;
	r.received = l.received;
	if (l.received < l.sent)
		r.loss_percent = (double)(l.sent - l.received) * 100 / (double)l.sent;
	if (l.received > 0) {
		r.min_ms = to_ms((double)l.min_us);
		r.avg_ms = to_ms((double)l.sum_us / (double)l.received);
		r.max_ms = to_ms((double)l.max_us);
	}
	return r;
}

void stats_begin_tunnel(struct control *c, uint16_t tid, const struct stats *read)
{
	c->region->table.window[tid].tunnel = read->now;
}

void stats_begin_uplink(struct control *c, const struct stats *read)
{
	*window(c, WINDOW_UPLINK) = read->now;
}

void stats_begin_total(struct control *c, const struct stats *read)
{
	*window(c, WINDOW_TOTAL) = read->now;
}

void stats_forget(struct table *tb, uint16_t tid)
{
	tb->window[tid] = (struct window){ .tunnel = { .in_packets = 0 } };
}

/* What the gate kept out is a drop of the device too, and has a reason of its own. */
uint64_t stats_tun_lost(const struct control *c)
{
	uint64_t shed = 0;

	for (unsigned int i = 0; i < WORKERS_MAX; i++)
		shed += count_get(&c->region->table.worker[i].shed_tun);
	return c->tun_drops > shed ? c->tun_drops - shed : 0;
}

uint64_t stats_verdict(const struct control *c, enum verdict v)
{
	uint64_t sum = v == DROP_QUEUE_TUN ? stats_tun_lost(c) : 0;

	for (unsigned int i = 0; i < WORKERS_MAX; i++)
		sum += count_get(&c->region->table.worker[i].verdict[v]);
	return sum;
}

uint64_t stats_errors(const struct control *c, uint16_t tid)
{
	const struct tunnel_errors *e = &c->region->table.errors[tid];
	uint64_t sum = 0;

	for (unsigned int i = 0; i < ERR_COUNT; i++) {
		if (errname_summed[i])
			sum += count_get(&e->record[i].count);
	}
	return sum;
}
