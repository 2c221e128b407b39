/* src/web/show_pop.c - the PoP as one JSON object */
#include <string.h>
#include "ctl/show.h"
#include "ctl/text.h"
#include "table/enumword.h"
#include "web/parts.h"
#include "why/why.h"

#define ACTIVE_S	900	/* sixxsd-cli.md 3 */

static void prefixes(const struct plan *plan, struct answer *an)
{
	char text[PREFIX_TEXT_MAX];
	struct prefix p;

	json_open(an, "prefixes", '{');
	if (plan_has_tunnel_prefix(plan)) {
		p = plan_tunnel_prefix(plan);
		json_str(an, "tunnel", prefix_text(&p, text));
	} else {
		json_none(an, "tunnel");
	}
	json_open(an, "subnets", '[');
	for (unsigned int i = 0; i < plan->subnet_prefixes; i++) {
		p = plan_subnet_prefix(&plan->subnet[i]);
		json_str(an, NULL, prefix_text(&p, text));
	}
	json_close(an, ']');
	json_close(an, '}');
}

static void tunnels(const struct region *r, wall_t now, struct answer *an)
{
	const struct config *cf = region_config(r);
	uint32_t state[STATE_UP + 1] = { 0 }, type[TYPE_GRE + 1] = { 0 }, active = 0;

	for (uint32_t tid = 0; tid < cf->head->tunnel_end && tid < cf->limits.tunnels; tid++) {
		struct endpoint ep;

		if (!config_tunnel(cf, (uint16_t)tid))
			continue;
		ep = tunnel_endpoint(&r->table.tunnel[tid]);
		state[ep.state <= STATE_UP ? ep.state : STATE_NONE]++;
		type[ep.type <= TYPE_GRE ? ep.type : TYPE_NONE]++;
		active += now.s - tunnel_last_in_s(&r->table, (uint16_t)tid) < ACTIVE_S;
	}
	json_open(an, "tunnels", '{');
	json_uint(an, "configured", cf->head->tunnels);
	json_uint(an, "up", state[STATE_UP]);
	json_uint(an, "down", state[STATE_DOWN]);
	json_uint(an, "disabled", state[STATE_DISABLED]);
	json_uint(an, "active", active);
	json_open(an, "by_type", '{');
	for (unsigned int t = 0; t <= TYPE_GRE; t++)
		json_uint(an, word_type((enum tunnel_type)t), type[t]);
	json_close(an, '}');
	json_uint(an, "limit", cf->limits.tunnels);
	json_close(an, '}');
}

static uint64_t verdict_sum(const struct region *r, const struct outside *o, unsigned int v)
{
	uint64_t sum = v == DROP_QUEUE_TUN ? o->tun_lost : 0;

	for (unsigned int i = 0; i < WORKERS_MAX; i++)
		sum += count_get(&r->table.worker[i].verdict[v]);
	return sum;
}

static void drops(const struct region *r, const struct outside *o, struct answer *an)
{
	json_open(an, "drops", '[');
	for (unsigned int v = VERDICT_FIRST_DROP; v < VERDICT_COUNT; v++) {
		uint64_t n = verdict_sum(r, o, v);

		if (n == 0)
			continue;
		json_open(an, NULL, '{');
		json_str(an, "reason", verdict_info[v].name);
		json_str(an, "sentence", verdict_info[v].sentence);
		json_uint(an, "count", n);
		json_close(an, '}');
	}
	json_close(an, ']');
}

static void rtt(const struct region *r, struct answer *an)
{
	uint64_t sum_us = 0, all = 0;

	json_open(an, "rtt", '{');
	json_open(an, "bounds_ms", '[');
	for (unsigned int b = 0; b < RTT_BOUNDS; b++)
		json_uint(an, NULL, rtt_bound_us[b] / US_PER_MS);
	json_close(an, ']');
	json_open(an, "counts", '[');
	for (unsigned int b = 0; b < RTT_BUCKETS; b++) {
		uint64_t n = 0;

		for (unsigned int i = 0; i < WORKERS_MAX; i++)
			n += count_get(&r->table.worker[i].rtt[b]);
		json_uint(an, NULL, n);
		all += n;
	}
	json_close(an, ']');
	for (unsigned int i = 0; i < WORKERS_MAX; i++)
		sum_us += count_get(&r->table.worker[i].rtt_sum_us);
	json_float(an, "sum_ms", (double)sum_us / US_PER_MS);
	json_uint(an, "count", all);
	json_close(an, '}');
}

static void workers(const struct region *r, const struct outside *o, struct answer *an)
{
	json_open(an, "workers", '[');
	for (unsigned int i = 0; i < o->workers && i < WORKERS_MAX; i++) {
		const struct worker_shared *w = &r->table.worker[i];

		json_open(an, NULL, '{');
		json_uint(an, "busy_us", count_get(&w->busy_us));
		json_uint(an, "events_lost", count_get(&w->events_lost));
		json_uint(an, "merged_in", count_get(&w->merged_in));
		json_uint(an, "merged_out", count_get(&w->merged_out));
		json_uint(an, "frames_in", count_get(&w->frames_in));
		json_uint(an, "frames_out", count_get(&w->frames_out));
		json_close(an, '}');
	}
	json_close(an, ']');
}

static void fastpath(const struct outside *o, struct answer *an)
{
	json_open(an, "fastpath", '{');
	json_bool(an, "available", o->fast_available == OUTSIDE_YES);
	json_str(an, "why", o->fast_why);
	json_bool(an, "automatic", o->fast_automatic);
	json_open(an, "ports", '[');
	for (unsigned int i = 0; i < o->ports && i < FASTPATH_MAX; i++) {
		const struct outside_port *p = &o->port[i];

		json_open(an, NULL, '{');
		json_str(an, "name", p->name);
		json_str(an, "mode", p->mode[0] ? p->mode : NULL);
		json_when(an, "since", p->since_s);
		json_str(an, "why", p->why);
		json_close(an, '}');
	}
	json_close(an, ']');
	json_uint(an, "queues", o->queues);
	json_close(an, '}');
}

void show_pop(const struct web *w, struct answer *an)
{
	const struct region *r = &w->region;
	const struct config *cf = region_config(r);
	const struct config_head *h = cf->head;
	struct traffic uplink = table_uplink(&r->table), total = table_total(&r->table);
	struct traffic fast = fast_total(&r->table.fast);
	wall_t now = web_wall();
	mono_t mono = web_mono();
	struct diagnosis d;
	struct outside o;

	if (!outside_read(r->table.outside, &o))
		memset(&o, 0, sizeof(o));
	json_str(an, "name", h->pop[h->plan.pop_id].name);
	json_uint(an, "id", h->plan.pop_id);
	json_str(an, "version", SIXXSD_VERSION);
	json_int(an, "started", r->head->started_s);
	json_int(an, "now", now.s);
	json_int(an, "now_ms", mono.us / US_PER_MS);
	json_int(an, "uptime_s", wall_since_s(now, (wall_t){ r->head->started_s }));
	json_uint(an, "revision", h->revision);
	json_when(an, "loaded", o.loaded_s);
	json_bool(an, "clock_synchronised", o.clock_synchronised != OUTSIDE_NO);
	prefixes(config_plan(cf), an);
	tunnels(r, now, an);
	json_open(an, "traffic", '{');
	json_traffic("uplink", &uplink, an);
	json_traffic("total", &total, an);
	json_traffic("fast", &fast, an);
	json_close(an, '}');
	drops(r, &o, an);
	rtt(r, an);
	workers(r, &o, an);
	fastpath(&o, an);
	why_pop(r, now, mono, &d);
	json_diagnosis(an, &d);
}
