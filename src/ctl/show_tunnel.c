#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/show_part.h"
#include "ctl/text.h"
#include "table/enumword.h"
#include "wire/proto.h"

/* What `tunnel show` lists of a tunnel's subnets; the others are only counted. */
#define SUBNETS_SHOWN	16

/* Everything about one tunnel, read once. */
struct view {
	wall_t			now;
	uint16_t		tid;
	const struct config	*cf;
	const struct tunnel_conf *conf;
	const struct tunnel_errors *errors;
	struct endpoint		ep;
	struct ip6_addr		outer_us;
	struct stats		traffic;
	struct stats_latency	latency;
	int64_t			in_s, out_s, beat_s;	/* wall clock; 0: never */
	uint64_t		moves, beats;
	struct prefix		subnet[SUBNETS_SHOWN];
	uint32_t		subnets;
	char			inner_us[ADDR_TEXT_MAX], inner_them[ADDR_TEXT_MAX];
	char			id[16];
};

static void view_subnets(struct view *v)
{
	const struct plan *plan = config_plan(v->cf);

	for (unsigned int p = 0; p < plan->subnet_prefixes; p++) {
		const struct subnet_prefix *sp = &plan->subnet[p];

		for (uint32_t i = 0; i < subnet_prefix_count(sp); i++) {
			if (v->cf->subnet[sp->base + i] != v->tid)
				continue;
			if (v->subnets < SUBNETS_SHOWN)
				v->subnet[v->subnets] = plan_subnet(sp, i);
			v->subnets++;
		}
	}
}

static void view_fill(struct view *v, const struct control *c, uint16_t tid)
{
	const struct table *tb = &c->region->table;
	const struct tunnel *t = &tb->tunnel[tid];
	const struct config *cf = region_config(c->region);

	*v = (struct view){
		.now = c->ops.wall(c->ops.context), .tid = tid, .cf = cf,
		.conf = &cf->tunnel[tid], .errors = &tb->errors[tid], .ep = tunnel_endpoint(t),
		.traffic = stats_tunnel(c, tid), .latency = stats_latency(c, tid),
		.in_s = tunnel_last_in_s(&c->region->table, tid),
		.out_s = tunnel_last_out_s(&c->region->table, tid),
		.beat_s = __atomic_load_n(&t->last_beat_s, __ATOMIC_RELAXED),
		.moves = count_get(&tb->cold[tid].moves),
		.beats = count_get(&tb->cold[tid].beats),
	};
	v->outer_us = v->ep.us;
	if (addr_is_unspecified(&v->outer_us) && !addr_is_unspecified(&v->ep.them))
		v->outer_us = config_outer_us(cf, &v->ep.them);
	inner_text(config_plan(cf), tid, IID_POP, v->inner_us);
	inner_text(config_plan(cf), tid, IID_USER, v->inner_them);
	snprintf(v->id, sizeof(v->id), "T%" PRIu32, v->conf->id);
	view_subnets(v);
}

static bool stays_down(const struct view *v)
{
	return conf_is_dynamic(v->conf) && !(v->conf->flags & TUNNEL_SECRET);
}

static bool has_four(const struct view *v)
{
	return v->tid <= FOUR_TID_LAST;
}

/* ---- the lines of sixxsd-cli.md 6, in its order; parsers count on them ---- */

static void text_endpoint(const struct view *v, struct answer *an)
{
	char us[ADDR_TEXT_MAX], them[ADDR_TEXT_MAX];

	label(an, "Tunnel ID", "%s", v->id);
	label(an, "TID", "0x%x", v->tid);
	label(an, "Tunnel Debugging", "%s", v->conf->flags & TUNNEL_DEBUG ? "yes" : "no");
	label(an, "Inner Us", "%s", v->inner_us);
	label(an, "Inner Them", "%s", v->inner_them);
	label(an, "Outer Us", "%s", addr_text(&v->outer_us, us));
	label(an, "Outer Them", "%s", them_text(&v->ep.them, them));
	label(an, "MTU", "%u", v->conf->mtu_bytes);
	label(an, "Tunnel State", "%s", word_state(v->ep.state));
	label(an, "Tunnel Type", "%s", word_type(v->ep.type));
	label(an, "Dynamic Tunnel", "%s", conf_is_dynamic(v->conf) ? "yes" : "no");
}

static void text_ayiya(const struct view *v, struct answer *an)
{
	if (v->ep.type != TYPE_AYIYA)
		return;
	label(an, "AYIYA Socket Type", "2 (DGRAM (UDP))");
	label(an, "AYIYA Protocol", "%u (UDP)", PROTO_UDP);
	label(an, "AYIYA Port Us", "%u", PORT_AYIYA);
	label(an, "AYIYA Port Them", "%u", v->ep.them_port);
	label(an, "AYIYA Hash", "%s", v->conf->hash == HASH_SHA256 ? "4 (SHA-256)" : "2 (SHA-1)");
}

static void text_beat(const struct view *v, struct answer *an)
{
	char when[WHEN_TEXT_MAX];

	if (!conf_is_dynamic(v->conf))
		return;
	label(an, "Last Heartbeat", "%s", when_text(v->beat_s, v->now, when));
	label(an, "Heartbeat Password", "%s",
	      v->conf->flags & TUNNEL_SECRET ? "(set)" : "(not set)");
}

static void text_traffic(const struct view *v, struct answer *an)
{
	const struct traffic *since = &v->traffic.since, *all = &v->traffic.now;
	char when[WHEN_TEXT_MAX];

	label(an, "Packet In", "%s", when_text(v->in_s, v->now, when));
	label(an, "Packets In", "%" PRIu64, since->in_packets);
	label(an, "Packets In  (Total)", "%" PRIu64, all->in_packets);
	label(an, "Octets In", "%" PRIu64, since->in_octets);
	label(an, "Octets In  (Total)", "%" PRIu64, all->in_octets);
	label(an, "Packet Out", "%s", when_text(v->out_s, v->now, when));
	label(an, "Packets Out", "%" PRIu64, since->out_packets);
	label(an, "Packets Out (Total)", "%" PRIu64, all->out_packets);
	label(an, "Octets Out", "%" PRIu64, since->out_octets);
	label(an, "Octets Out (Total)", "%" PRIu64, all->out_octets);
}

static void text_latency(const struct view *v, struct answer *an)
{
	const struct stats_latency *l = &v->latency;

	label(an, "Latency Pkt Sent", "%" PRIu64, l->sent);
	label(an, "Latency Pkt Recv", "%" PRIu64, l->received);
	if (l->sent == 0 || l->received == 0)
		return;
	label(an, "Latency Loss", "%2.2f", l->loss_percent);
	label(an, "Latency Min", "%2.2f ms", l->min_ms);
	label(an, "Latency Avg", "%2.2f ms", l->avg_ms);
	label(an, "Latency Max", "%2.2f ms", l->max_ms);
}

static void text_errors(const struct view *v, struct answer *an)
{
	for (unsigned int e = 0; e < ERR_COUNT; e++) {
		const struct error_record *r = &v->errors->record[e];
		uint64_t count = count_get(&r->count);
		char source[ADDR_TEXT_MAX], when[WHEN_TEXT_MAX];

		if (count == 0) {
			label(an, errname_text[e], "none");
			continue;
		}

		struct error_sample last = tunnel_error(r);

		label(an, errname_text[e], "%" PRIu64 ", last: %s %s", count,
		      addr_text(&last.source, source), when_text(last.at_s, v->now, when));
	}
}

/* ---- our own lines, behind all of the original's ---- */

static void text_settings(const struct view *v, struct answer *an)
{
	const struct tunnel_conf *c = v->conf;

	label(an, "Endpoint From", "%s", word_kind(c->kind));
	label(an, "MTU In Force", "%u", tunnel_mtu(c, &v->ep));
	if (v->ep.path_mtu_bytes)
		label(an, "Outer Path MTU", "%u", v->ep.path_mtu_bytes);
	else
		label(an, "Outer Path MTU", "nothing smaller heard of");
	label(an, "Encapsulation", "%s", word_encap(c->encap));
	if (c->flags & TUNNEL_GRE_KEY)
		label(an, "GRE Key", "%" PRIu32, c->gre_key);
	label(an, "Hash", "%s", word_hash(c->hash));
	if (c->rate_kbit_s)
		label(an, "Rate Limit Octets", "%" PRIu32 " kbit/s", c->rate_kbit_s);
	if (c->rate_pps)
		label(an, "Rate Limit Packets", "%" PRIu32 " packets/s", c->rate_pps);
	if (!c->rate_kbit_s && !c->rate_pps)
		label(an, "Rate Limit", "none");
	label(an, "TCP MSS", "%s", c->flags & TUNNEL_MSS ? "auto" : "off");
	label(an, "Endpoint Moves", "%" PRIu64, v->moves);
	label(an, "Messages Accepted", "%" PRIu64, v->beats);
}

static void text_addresses(const struct view *v, struct answer *an)
{
	const struct plan *plan = config_plan(v->cf);
	char text[PREFIX_TEXT_MAX];

	if (plan_has_tunnel_prefix(plan)) {
		struct prefix routed = plan_routed_prefix(plan, v->tid);

		label(an, "Routed Prefix", "%s", prefix_text(&routed, text));
	}
	for (uint32_t i = 0; i < v->subnets && i < SUBNETS_SHOWN; i++)
		label(an, "Routed Subnet", "%s", prefix_text(&v->subnet[i], text));
	if (v->subnets > SUBNETS_SHOWN)
		label(an, "Routed Subnets, more", "%" PRIu32, v->subnets - SUBNETS_SHOWN);

	if (!has_four(v)) {
		label(an, "IPv4 Inside", "none: TID 0x%x is beyond the to-four plan, which ends at 0x%x",
		      v->tid, FOUR_TID_LAST);
		return;
	}

	struct ip6_addr us = addr_from_ip4(plan_four_local(plan, v->tid));
	struct ip6_addr them = addr_from_ip4(plan_four_remote(plan, v->tid));
	struct ip6_addr net = addr_from_ip4(plan_four_subnet(plan, v->tid));

	label(an, "IPv4 Us", "%s", addr_text(&us, text));
	label(an, "IPv4 Them", "%s", addr_text(&them, text));
	label(an, "IPv4 Subnet", "%s/24", addr_text(&net, text));
}

static void text_reasons(const struct view *v, struct answer *an)
{
	if (stays_down(v))
		label(an, "Remark", "no password is set: the tunnel stays down until it has one");
	for (unsigned int i = VERDICT_FIRST_DROP; i < VERDICT_COUNT; i++) {
		uint64_t count = count_get(&v->errors->verdict[i]);

		if (count)
			label(an, verdict_info[i].name, "%" PRIu64 ", %s", count,
			      verdict_info[i].sentence);
	}
}

/* ---- the same as JSON ---- */

void json_traffic(const char *key, const struct traffic *t, struct answer *an)
{
	json_open(an, key, '{');
	json_uint(an, "in_packets", t->in_packets);
	json_uint(an, "in_octets", t->in_octets);
	json_uint(an, "out_packets", t->out_packets);
	json_uint(an, "out_octets", t->out_octets);
	json_close(an, '}');
}

static void json_state(const struct view *v, struct answer *an)
{
	json_str(an, "tunnel", v->id);
	json_uint(an, "tid", v->tid);
	json_bool(an, "debugging", v->conf->flags & TUNNEL_DEBUG);
	json_str(an, "inner_us", v->inner_us);
	json_str(an, "inner_them", v->inner_them);
	json_addr(an, "outer_us", &v->outer_us);
	json_addr(an, "outer_them", &v->ep.them);
	json_str(an, "state", word_state(v->ep.state));
	json_str(an, "type", word_type(v->ep.type));
	json_bool(an, "dynamic", conf_is_dynamic(v->conf));
	json_bool(an, "stays_down", stays_down(v));
	if (v->ep.type == TYPE_AYIYA) {
		json_uint(an, "ayiya_port_us", PORT_AYIYA);
		json_uint(an, "ayiya_port_them", v->ep.them_port);
	}
	json_when(an, "last_heartbeat", v->beat_s);
	json_when(an, "last_in", v->in_s);
	json_when(an, "last_out", v->out_s);
	json_uint(an, "endpoint_moves", v->moves);
	json_uint(an, "messages_accepted", v->beats);
}

static void json_settings(const struct view *v, struct answer *an)
{
	const struct tunnel_conf *c = v->conf;

	json_uint(an, "mtu_bytes", c->mtu_bytes);
	json_uint(an, "mtu_in_force_bytes", tunnel_mtu(c, &v->ep));
	if (v->ep.path_mtu_bytes)
		json_uint(an, "outer_path_mtu_bytes", v->ep.path_mtu_bytes);
	else
		json_none(an, "outer_path_mtu_bytes");
	json_str(an, "endpoint_from", word_kind(c->kind));
	json_bool(an, "disabled", c->flags & TUNNEL_DISABLED);
	json_bool(an, "password_set", c->flags & TUNNEL_SECRET);
	json_str(an, "encapsulation", word_encap(c->encap));
	if (c->flags & TUNNEL_GRE_KEY)
		json_uint(an, "gre_key", c->gre_key);
	else
		json_none(an, "gre_key");
	json_str(an, "hash", word_hash(c->hash));
	json_uint(an, "rate_kbit_s", c->rate_kbit_s);
	json_uint(an, "rate_packets_s", c->rate_pps);
	json_bool(an, "tcp_mss_clamp", c->flags & TUNNEL_MSS);
}

static void json_addresses(const struct view *v, struct answer *an)
{
	const struct plan *plan = config_plan(v->cf);
	char text[PREFIX_TEXT_MAX];

	if (plan_has_tunnel_prefix(plan)) {
		struct prefix routed = plan_routed_prefix(plan, v->tid);

		json_str(an, "routed_prefix", prefix_text(&routed, text));
	} else {
		json_none(an, "routed_prefix");
	}
	json_uint(an, "subnets", v->subnets);
	json_open(an, "subnets_shown", '[');
	for (uint32_t i = 0; i < v->subnets && i < SUBNETS_SHOWN; i++)
		json_str(an, NULL, prefix_text(&v->subnet[i], text));
	json_close(an, ']');
	if (!has_four(v)) {
		json_none(an, "ipv4");
		return;
	}

	struct ip6_addr us = addr_from_ip4(plan_four_local(plan, v->tid));
	struct ip6_addr them = addr_from_ip4(plan_four_remote(plan, v->tid));
	struct prefix net = { addr_from_ip4(plan_four_subnet(plan, v->tid)), 96 + 24 };

	json_open(an, "ipv4", '{');
	json_addr(an, "us", &us);
	json_addr(an, "them", &them);
	json_str(an, "subnet", prefix_text(&net, text));
	json_close(an, '}');
}

static void json_errors(const struct view *v, struct answer *an)
{
	json_open(an, "errors", '[');
	for (unsigned int e = 0; e < ERR_COUNT; e++) {
		const struct error_record *r = &v->errors->record[e];
		struct error_sample last = tunnel_error(r);
		uint64_t count = count_get(&r->count);

		json_open(an, NULL, '{');
		json_str(an, "name", errname_text[e]);
		json_uint(an, "count", count);
		json_when(an, "last", count ? last.at_s : 0);
		if (count)
			json_addr(an, "last_source", &last.source);
		json_close(an, '}');
	}
	json_close(an, ']');
	json_open(an, "dropped", '[');
	for (unsigned int i = VERDICT_FIRST_DROP; i < VERDICT_COUNT; i++) {
		uint64_t count = count_get(&v->errors->verdict[i]);

		if (count)
			json_verdict(an, i, count);
	}
	json_close(an, ']');
}

int tunnel_show(struct control *c, struct session *s, const struct arg *args, unsigned int n,
		struct answer *an)
{
	struct view v;

	(void)s, (void)n;
	view_fill(&v, c, args[0].tid);

	text_endpoint(&v, an);
	text_ayiya(&v, an);
	text_beat(&v, an);
	text_traffic(&v, an);
	text_latency(&v, an);
	text_errors(&v, an);
	text_settings(&v, an);
	text_addresses(&v, an);
	text_reasons(&v, an);

	json_state(&v, an);
	json_settings(&v, an);
	json_addresses(&v, an);
	json_traffic("since_reset", &v.traffic.since, an);
	json_traffic("total", &v.traffic.now, an);
	json_open(an, "latency", '{');
	json_latency(an, &v.latency);
	json_close(an, '}');
	json_errors(&v, an);
	return 0;
}
