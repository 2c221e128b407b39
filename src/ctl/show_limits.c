#include <inttypes.h>

#include "ctl/control.h"
#include "ctl/show_part.h"
#include "ctl/text.h"

/* ---- pop show limits ---- */

static void pair(struct answer *an, const char *name, const char *key, uint64_t used,
		 uint64_t limit)
{
	label(an, name, "%" PRIu64 " of %" PRIu64, used, limit);
	json_open(an, key, '{');
	json_uint(an, "used", used);
	json_uint(an, "limit", limit);
	json_close(an, '}');
}

static void number(struct answer *an, const char *name, const char *key, uint64_t n)
{
	label(an, name, "%" PRIu64, n);
	json_uint(an, key, n);
}

static uint32_t subnets_assigned(const struct config *cf)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < cf->limits.subnets; i++)
		n += cf->subnet[i] != TID_NONE;
	return n;
}

static uint32_t secrets_set(const struct config *cf)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < cf->head->tunnel_end; i++)
		n += cf->tunnel[i].kind != KIND_NONE && cf->tunnel[i].flags & TUNNEL_SECRET;
	return n;
}

/* Those of the first slots, as many as there is history for. */
static uint32_t tunnels_remembered(const struct config *cf, uint32_t limit)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < min_size(limit, cf->head->tunnel_end); i++)
		n += cf->tunnel[i].kind != KIND_NONE;
	return n;
}

static uint32_t pops_set(const struct config_head *h)
{
	uint32_t n = 0;

	for (unsigned int i = 0; i < POPS_MAX; i++)
		n += h->pop[i].set;
	return n;
}

/* Whichever ends first: the slots, or the tunnel ids the prefix has room for. */
static void limits_tunnels(const struct config *cf, struct answer *an)
{
	const struct plan *p = config_plan(cf);

	pair(an, "Tunnels", "tunnels", cf->head->tunnels, cf->limits.tunnels);
	if (plan_has_tunnel_prefix(p)) {
		number(an, "Tunnels, prefix's room", "tunnel_prefix_room",
		       (uint64_t)plan_tid_last(p) + 1);
	} else {
		label(an, "Tunnels, prefix's room", "no tunnel prefix yet");
		json_none(an, "tunnel_prefix_room");
	}
}

static void limits_configuration(const struct control *c, struct answer *an)
{
	const struct config *cf = region_config(c->region);
	const struct config_head *h = cf->head;

	limits_tunnels(cf, an);
	pair(an, "Subnets", "subnets", config_subnets_used(cf), cf->limits.subnets);
	number(an, "Subnets Assigned", "subnets_assigned", subnets_assigned(cf));
	pair(an, "Subnet Prefixes", "subnet_prefixes", h->plan.subnet_prefixes,
	     SUBNET_PREFIXES_MAX);
	pair(an, "Passwords", "passwords", secrets_set(cf), cf->limits.tunnels);
	pair(an, "PoPs", "pops", pops_set(h), POPS_MAX);
	pair(an, "CLI ACL", "cli_acl", h->acls, ACL_MAX);
	pair(an, "CLI Sessions", "cli_sessions", c->sessions, c->sessions_max);
	pair(an, "Local Addresses", "local_addresses", h->locals, LOCAL_MAX);
	pair(an, "Workers", "workers", c->workers, WORKERS_MAX);
}

static void limits_memory(const struct control *c, struct answer *an)
{
	struct limits l = c->region->head->limits;

	number(an, "State, octets", "state_bytes", region_bytes(l));
	number(an, "State, octets a tunnel", "state_bytes_per_tunnel", region_bytes_per_tunnel());
	pair(an, "Tunnels With History", "history",
	     tunnels_remembered(region_config(c->region), l.history), l.history);
	number(an, "History, octets", "history_bytes", region_history_bytes(l));
	number(an, "Secrets, octets", "secret_bytes", region_secret_bytes(l));
	number(an, "Answer buffer, octets", "answer_bytes", c->answer_size);
}

static void limits_reached(const struct control *c, struct answer *an)
{
	uint64_t lost = 0;

	for (unsigned int i = 0; i < WORKERS_MAX; i++)
		lost += count_get(&c->region->table.worker[i].events_lost);
	number(an, "Socket Queue Drops", "socket_queue_drops",
	       stats_verdict(c, DROP_QUEUE_SOCKET));
	number(an, "Share Drops", "share_drops", stats_verdict(c, DROP_QUEUE_SHARE));
	number(an, "Handover Drops", "handover_drops", stats_verdict(c, DROP_QUEUE_HANDOVER));
	number(an, "TUN Queue Drops", "tun_queue_drops", stats_verdict(c, DROP_QUEUE_TUN));
	number(an, "Send Queue Drops", "send_queue_drops", stats_verdict(c, DROP_SEND_QUEUE));
	number(an, "Digests Not Checked", "digest_budget_drops",
	       stats_verdict(c, DROP_DIGEST_BUDGET));
	number(an, "ICMP Answers Withheld", "icmp_withheld", stats_verdict(c, DROP_ICMP_RATE));
	number(an, "Log Events Lost", "events_lost", lost);
}

int show_limits(struct control *c, struct session *s, const struct arg *args, unsigned int n,
		struct answer *an)
{
	(void)s, (void)args, (void)n;
	limits_configuration(c, an);
	limits_memory(c, an);
	limits_reached(c, an);
	return 0;
}

/* ---- pop show drops ---- */

int show_drops(struct control *c, struct session *s, const struct arg *args, unsigned int n,
	       struct answer *an)
{
	unsigned int reasons = 0;

	(void)s, (void)args, (void)n;
	json_open(an, "dropped", '[');
	for (unsigned int v = VERDICT_FIRST_DROP; v < VERDICT_COUNT; v++) {
		uint64_t count = stats_verdict(c, v);

		if (count == 0)
			continue;
		answer_line(an, "%s %" PRIu64 " %s", verdict_info[v].name, count,
			    verdict_info[v].sentence);
		json_verdict(an, v, count);
		reasons++;
	}
	json_close(an, ']');
	if (reasons == 0) {
		an->code = ANSWER_NOTHING;
		answer_line(an, "No packet has been dropped");
	}
	return 0;
}
