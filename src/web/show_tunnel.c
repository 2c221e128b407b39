/* src/web/show_tunnel.c - one tunnel as one JSON object */
#include <stdio.h>
#include "ctl/show.h"
#include "ctl/text.h"
#include "table/enumword.h"
#include "web/parts.h"
#include "why/why.h"

#define SUBNETS_SHOWN	64

static void or_none(struct answer *an, const char *key, uint64_t n)
{
	if (n)
		json_uint(an, key, n);
	else
		json_none(an, key);
}

static void addresses(const struct web *w, uint16_t tid, const struct endpoint *ep, struct answer *an)
{
	const struct config *cf = region_config(&w->region);
	char us[ADDR_TEXT_MAX], them[ADDR_TEXT_MAX];
	struct ip6_addr outer_us = ep->us;

	if (addr_is_unspecified(&outer_us) && !addr_is_unspecified(&ep->them))
		outer_us = config_outer_us(cf, &ep->them);
	json_str(an, "inner_us", inner_text(config_plan(cf), tid, IID_POP, us));
	json_str(an, "inner_them", inner_text(config_plan(cf), tid, IID_USER, them));
	json_addr(an, "outer_us", &outer_us);
	json_addr(an, "outer_them", &ep->them);
	or_none(an, "outer_port", ep->type == TYPE_AYIYA ? ep->them_port : 0);
}

static void prefixes(const struct config *cf, uint16_t tid, struct answer *an)
{
	const struct plan *plan = config_plan(cf);
	char text[PREFIX_TEXT_MAX];
	unsigned int shown = 0;
	struct prefix p;

	if (plan_has_tunnel_prefix(plan)) {
		p = plan_routed_prefix(plan, tid);
		json_str(an, "routed_prefix", prefix_text(&p, text));
	} else {
		json_none(an, "routed_prefix");
	}
	json_open(an, "subnets", '[');
	for (unsigned int i = 0; i < plan->subnet_prefixes; i++) {
		for (uint32_t n = 0; n < subnet_prefix_count(&plan->subnet[i]); n++) {
			if (cf->subnet[plan->subnet[i].base + n] != tid || shown++ >= SUBNETS_SHOWN)
				continue;
			p = plan_subnet(&plan->subnet[i], n);
			json_str(an, NULL, prefix_text(&p, text));
		}
	}
	json_close(an, ']');
}

static void settings(const struct tunnel_conf *c, const struct endpoint *ep, struct answer *an)
{
	json_str(an, "kind", word_kind(c->kind));
	json_str(an, "encapsulation", word_encap(c->encap));
	json_str(an, "hash", word_hash(c->hash));
	json_bool(an, "dynamic", conf_is_dynamic(c));
	json_bool(an, "disabled", c->flags & TUNNEL_DISABLED);
	json_bool(an, "password_set", c->flags & TUNNEL_SECRET);
	json_bool(an, "debugging", c->flags & TUNNEL_DEBUG);
	json_uint(an, "mtu_bytes", c->mtu_bytes);
	json_uint(an, "mtu_in_force_bytes", tunnel_mtu(c, ep));
	or_none(an, "outer_path_mtu_bytes", ep->path_mtu_bytes);
	json_uint(an, "rate_kbit_s", c->rate_kbit_s);
	json_uint(an, "rate_packets_s", c->rate_pps);
	json_bool(an, "tcp_mss_clamp", c->flags & TUNNEL_MSS);
}

static void traffic(const struct table *tb, uint16_t tid, struct answer *an)
{
	struct traffic t = tunnel_traffic(tb, tid);

	json_open(an, "traffic", '{');
	json_uint(an, "in_packets", t.in_packets);
	json_uint(an, "in_octets", t.in_octets);
	json_uint(an, "out_packets", t.out_packets);
	json_uint(an, "out_octets", t.out_octets);
	json_close(an, '}');
	json_when(an, "last_in", tunnel_last_in_s(tb, tid));
	json_when(an, "last_out", tunnel_last_out_s(tb, tid));
	json_when(an, "last_heartbeat", __atomic_load_n(&tb->tunnel[tid].last_beat_s, __ATOMIC_RELAXED));
	json_uint(an, "beats", count_get(&tb->cold[tid].beats));
	json_uint(an, "moves", count_get(&tb->cold[tid].moves));
}

static void ms_or_none(struct answer *an, const char *key, bool known, double us)
{
	if (known)
		json_float(an, key, us / US_PER_MS);
	else
		json_none(an, key);
}

static void latency(const struct region *r, uint16_t tid, struct answer *an)
{
	struct latency l = tunnel_latency(&r->table.cold[tid]);
	bool known;

	if (l.epoch != region_config(r)->head->stats_epoch)
		l = (struct latency){ .sent = 0 };
	known = l.received > 0;
	json_open(an, "latency", '{');
	json_uint(an, "sent", l.sent);
	json_uint(an, "received", l.received);
	json_float(an, "loss_percent", l.sent ? (double)(l.sent - l.received) * 100 / (double)l.sent : 0);
	ms_or_none(an, "min_ms", known, l.min_us);
	ms_or_none(an, "avg_ms", known, known ? (double)l.sum_us / (double)l.received : 0);
	ms_or_none(an, "max_ms", known, l.max_us);
	ms_or_none(an, "recent_ms", known, l.recent_us);
	json_close(an, '}');
}

static void errors(const struct web *w, uint16_t tid, struct answer *an)
{
	const struct tunnel_errors *e = &w->region.table.errors[tid];

	json_open(an, "errors", '[');
	for (unsigned int i = 0; i < ERR_COUNT; i++) {
		uint64_t count = count_get(&e->record[i].count);
		struct error_sample s;

		if (count == 0)
			continue;
		s = tunnel_error(&e->record[i]);
		json_open(an, NULL, '{');
		json_str(an, "name", errname_text[i]);
		json_uint(an, "count", count);
		json_error(&s, an);
		show_packet(w, &s, an);
		json_close(an, '}');
	}
	json_close(an, ']');
	json_open(an, "drops", '[');
	for (unsigned int v = VERDICT_FIRST_DROP; v < VERDICT_COUNT; v++) {
		uint64_t count = count_get(&e->verdict[v]);

		if (count == 0)
			continue;
		json_open(an, NULL, '{');
		json_str(an, "reason", verdict_info[v].name);
		json_str(an, "sentence", verdict_info[v].sentence);
		json_uint(an, "count", count);
		json_when(an, "last", story_verdict_s(&w->region.table.story[tid], v));
		json_close(an, '}');
	}
	json_close(an, ']');
}

static void endpoints(const struct story *s, struct answer *an)
{
	json_open(an, "endpoints", '[');
	for (uint64_t i = 0; i < s->moves && i < STORY_MOVES; i++) {
		const struct story_move *m = &s->move[(s->moves - 1 - i) % STORY_MOVES];

		json_open(an, NULL, '{');
		json_when(an, "at", m->at_s);
		json_addr(an, "address", &m->them);
		or_none(an, "port", m->port);
		json_close(an, '}');
	}
	json_close(an, ']');
}

void show_tunnel(const struct web *w, uint16_t tid, enum web_role role, enum show_how how, struct answer *an)
{
	const struct region *r = &w->region;
	const struct config *cf = region_config(r);
	const struct tunnel_conf *c = &cf->tunnel[tid];
	struct endpoint ep = tunnel_endpoint(&r->table.tunnel[tid]);
	struct story story = story_read(&r->table.story[tid]);
	wall_t now = web_wall();
	mono_t mono = web_mono();
	struct diagnosis d;
	char id[16];

	snprintf(id, sizeof(id), "T%u", (unsigned int)c->id);
	json_int(an, "now", now.s);
	json_int(an, "now_ms", mono.us / US_PER_MS);
	json_str(an, "tunnel", id);
	json_uint(an, "tid", tid);
	addresses(w, tid, &ep, an);
	json_str(an, "state", word_state(ep.state));
	json_when(an, "state_since", story.since_s);
	json_str(an, "type", word_type(ep.type));
	settings(c, &ep, an);
	prefixes(cf, tid, an);
	traffic(&r->table, tid, an);
	latency(r, tid, an);
	errors(w, tid, an);
	endpoints(&story, an);
	why_tunnel(r, tid, role == WEB_ADMIN ? WHY_OPERATOR : WHY_OWNER, now, mono, &d);
	json_diagnosis(an, &d);
	if (how == SHOW_ALL)
		show_clients(w, tid, an);
}
