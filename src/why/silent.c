/*
 * src/why/silent.c - nothing is heard of the client, or one thing is not
 */
#include <inttypes.h>
#include <stdio.h>

#include "why/facts.h"

/* A packet of the client's that named nobody or another tunnel; the newest, if nothing good came since. */
static bool find_elsewhere(const struct facts *f, struct drop *last, int64_t *at_s)
{
	static const enum verdict which[] = { DROP_INNER_UNKNOWN, DROP_OUTER_SOURCE, DROP_TUNNEL_AYIYA,
					      DROP_TUNNEL_DOWN };
	struct ip6_hdr h;
	struct drop d;

	last->at.us = 0;
	for (size_t i = 0; i < ARRAY_LEN(which) * WORKERS_MAX * DROPS_KEPT; i++) {
		const struct recorder *rec = &f->r->table.recorder[i / DROPS_KEPT % WORKERS_MAX];

		if (!recorder_get(rec, which[i / DROPS_KEPT / WORKERS_MAX], i % DROPS_KEPT, &d) ||
		    !addr_eq(&d.them, &f->ep.them) || d.from == f->tid || d.at.us <= last->at.us ||
		    !inner_of_drop(&d, &h) || is_own(f, &h.dst))
			continue;	/* to itself: look_loop() */
		/* another tunnel at the same address has its own troubles */
		if (d.from != TID_NONE) {
			struct endpoint ep = tunnel_endpoint(&f->r->table.tunnel[d.from]);

			if (addr_eq(&ep.them, &d.them))
				continue;
		}
		*last = d;
	}
	*at_s = f->now.s - mono_since_us(f->mono, last->at) / US_PER_S;
	return last->at.us != 0 && *at_s > f->in_s + (f->in_s ? f->lag_s : 0);
}

void look_elsewhere(struct facts *f)
{
	char them[ADDR_TEXT_MAX], text[ADDR_TEXT_MAX], whose[WHOSE_TEXT], when[AT_TEXT];
	struct drop last;
	struct finding *e;
	struct ip6_hdr h;
	int64_t at_s;

	if (addr_is_unspecified(&f->ep.them) || conf_takes_ayiya(f->c) ||
	    !find_elsewhere(f, &last, &at_s) || !inner_of_drop(&last, &h))
		return;
	e = why_find(f->d, CAUSE_WRONG_SOURCE, "The client at %s sends with the source %s, which is %s.",
		     addr_text(&f->ep.them, them), addr_text(&h.src, text),
		     whose_word(f, &h.src, whose));
	why_evidence(e, "%s: a packet of %u octets, %s", verdict_info[last.verdict].name,
		     (unsigned int)last.len, at_text(at_s, f->now, when));
	why_evidence(e, "kept in `pop capture drops`");
	why_remedy(e, "configure the client with this tunnel's address (tunnel show T%u: Inner Them)",
		   (unsigned int)f->c->id);
}

/* Its tunnel interface is up, but that is all: routers are looked for, nothing else is sent. */
static bool find_link_local(const struct facts *f, int64_t *at_s)
{
	struct drop d;

	*at_s = 0;
	for (size_t i = 0; i < (size_t)WORKERS_MAX * DROPS_KEPT; i++) {
		if (recorder_get(&f->r->table.recorder[i / DROPS_KEPT], DROP_IP6_LINK_LOCAL, i % DROPS_KEPT,
				 &d) &&
		    addr_eq(&d.them, &f->ep.them) && (d.via == VIA_P41 || d.via == VIA_GRE)) {
			int64_t at = f->now.s - mono_since_us(f->mono, d.at) / US_PER_S;

			*at_s = at > *at_s ? at : *at_s;
		}
	}
	return *at_s != 0;
}

void look_never(struct facts *f)
{
	char when[AT_TEXT], us[US_TEXT], them[ADDR_TEXT_MAX];
	bool fixed = f->c->kind == KIND_STATIC;
	struct finding *e;
	int64_t at_s;

	if (is_heard(f) || was_found(f, CAUSE_WRONG_SOURCE))
		return;
	e = why_find(f->d, CAUSE_NEVER_HEARD, "Nothing was ever heard of this tunnel's client, neither good nor "
		     "bad, since the daemon started.");
	why_evidence(e, "no packet and no message of it is counted; started %s",
		     at_text(f->started_s, f->now, when));
	if (fixed)
		why_evidence(e, "expected from %s", addr_text(&f->c->them, them));
	if (fixed && find_link_local(f, &at_s)) {
		why_evidence(e, "that address does send into a tunnel, but link-local packets alone, the last %s",
			     at_text(at_s, f->now, when));
		why_remedy(e, "the client's tunnel interface is up: give it its address and the default route "
			   "(tunnel show T%u: Inner Them)", (unsigned int)f->c->id);
	} else {
		why_remedy(e, "start the client; a firewall, a NAT without support for it, or a wrong address "
			   "may keep %s from reaching %s", protocol_word(f), us_word(f, us));
	}
}

void look_down(struct facts *f)
{
	char since[AT_TEXT], beat[AT_TEXT], them[ENDPOINT_TEXT];
	bool timed_out = f->story.silent;
	struct finding *e;

	if (f->ep.state != STATE_DOWN || !is_heard(f))
		return;
	if (f->beats == 0)
		e = why_find(f->d, CAUSE_DOWN, "The tunnel is down: nothing good has come yet; it waits for %s.",
			     protocol_word(f));
	else
		e = why_find(f->d, CAUSE_DOWN, "The tunnel went down %s, because %s.",
			     at_text(f->story.since_s, f->now, since),
			     timed_out ? "for 120 s nothing signed had come from the client"
				       : "its configuration was changed then, and nothing signed has come since");
	if (f->beats > 0)
		why_evidence(e, "last message %s, from %s", at_text(f->beat_s, f->now, beat),
			     endpoint_word(&f->ep.them, f->ep.them_port, them));
	why_evidence(e, "messages accepted since the daemon started: %" PRIu64, f->beats);
	why_remedy(e, "%s", f->beats == 0 ? "see what is refused and why above, or in tunnel show" :
		   timed_out ? "the client is off, off line, or its network changed: look there"
			     : "start the client again");
}

static bool is_plain(const struct facts *f)
{
	return f->ep.type == TYPE_DIRECT || f->ep.type == TYPE_GRE;
}

/* Is something of ours underway to the client, and nothing came for it? */
static bool is_unanswered(const struct facts *f, unsigned int lost, unsigned int of)
{
	return (of > 1 && lost == of) || (is_within(f, f->data_out_s, WHY_RECENT_S) && f->data_out_s > f->in_s);
}

void look_filtered(struct facts *f)
{
	char beat[AT_TEXT], in[AT_TEXT], them[ADDR_TEXT_MAX];
	const char *what = f->ep.type == TYPE_GRE ? "GRE (protocol 47)" : "protocol 41";
	unsigned int of, lost = lost_of_last(&f->latency, WHY_PROBES, &of);
	struct finding *e;

	/* the tunnel's data has been silent for as long as heartbeats have been good, nearly */
	if (!is_up(f) || !conf_takes_heartbeat(f->c) || !is_plain(f) || f->beats < 2 ||
	    (f->in_s != 0 && f->beat_s - f->in_s < WHY_SILENT_S) || !is_unanswered(f, lost, of))
		return;
	if (is_refused(f, DROP_OUTER_SOURCE) || is_refused(f, DROP_ENCAP_OTHER) || is_refused(f, DROP_GRE_KEY))
		return;		/* something comes, and that has its own sentence */
	e = why_find(f->d, CAUSE_BEATS_NO_DATA, "Heartbeats arrive from %s, but no packet of the tunnel does: "
		     "%s is filtered on the way, most likely by a NAT or firewall at the client, or the "
		     "client's tunnel interface is down.", addr_text(&f->ep.them, them), what);
	why_evidence(e, "last heartbeat %s (%" PRIu64 " accepted), last packet %s",
		     at_text(f->beat_s, f->now, beat), f->beats, at_text(f->in_s, f->now, in));
	if (of > 0)
		why_evidence(e, "%u of our last %u latency tests were not answered", lost, of);
	why_remedy(e, "let %s pass at the client's router (a DMZ host, or bridge mode), or use AYIYA, which is "
		   "UDP", what);
}

static void find_uplink_silent(struct facts *f)
{
	char in[AT_TEXT], out[AT_TEXT], since[AT_TEXT], routed[PREFIX_TEXT_MAX], inner[ADDR_TEXT_MAX];
	struct ip6_addr them = plan_tunnel_addr(config_plan(f->cf), f->tid, IID_USER);
	struct prefix p = plan_routed_prefix(config_plan(f->cf), f->tid);
	struct finding *e;

	e = why_find(f->d, CAUSE_UPLINK_SILENT, "The client sends, but nothing has arrived for it since %s: "
		     "answers do not find the way back.",
		     f->data_out_s ? at_text(f->data_out_s, f->now, since) + 3 : "the daemon started");
	why_evidence(e, "last packet from the client %s; last packet for it %s",
		     at_text(f->data_in_s, f->now, in), at_text(f->data_out_s, f->now, out));
	if (!f->data_out_s)
		why_evidence(e, "the daemon started %s", at_text(f->started_s, f->now, since));
	why_remedy(e, "are %s, %s and its subnets routed to this PoP? pop why tells about whole prefixes; traceroute "
		   "from outside shows where it ends", addr_text(&them, inner), prefix_text(&p, routed));
}

static void find_client_silent(struct facts *f)
{
	char in[AT_TEXT], out[AT_TEXT];
	struct finding *e;

	e = why_find(f->d, CAUSE_CLIENT_SILENT, "Packets go to the client, and nothing comes back through the "
		     "tunnel.");
	why_evidence(e, "last packet for the client %s; last packet from it %s",
		     at_text(f->data_out_s, f->now, out), at_text(f->in_s, f->now, in));
	why_remedy(e, "is the client's tunnel interface up, does it answer (ping its ::2), and does its firewall let "
		   "%s in?", protocol_word(f));
}

void look_one_way(struct facts *f)
{
	int64_t silent = f->now.s - WHY_SILENT_S;

	if (!is_up(f))
		return;
	/* what began a moment ago, or with the daemon, may still be answered */
	if (is_within(f, f->data_in_s, WHY_RECENT_S) && f->data_out_s < silent &&
	    f->data_out_s < f->data_in_s && f->started_s < silent && f->story.since_s < silent)
		find_uplink_silent(f);
	if (is_within(f, f->data_out_s, WHY_RECENT_S) && f->in_s != 0 && f->in_s < silent &&
	    f->data_in_s < f->data_out_s && !was_found(f, CAUSE_BEATS_NO_DATA))
		find_client_silent(f);
}
