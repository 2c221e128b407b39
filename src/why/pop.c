/*
 * src/why/pop.c - what is wrong with the PoP as a whole?
 *
 * What host and fast path are like control has written into the region (table/outside.h);
 * the rest are counters of the workers.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "why/parts.h"

/* All workers together. */
static uint64_t count_all(const struct region *r, enum verdict v)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < WORKERS_MAX; i++)
		sum += count_get(&r->table.worker[i].verdict[v]);
	return sum;
}

static int64_t last_all(const struct region *r, enum verdict v)
{
	int64_t last = 0;

	for (unsigned int i = 0; i < WORKERS_MAX; i++) {
		int64_t at = __atomic_load_n(&r->table.worker[i].verdict_s[v], __ATOMIC_RELAXED);

		last = at > last ? at : last;
	}
	return last;
}

/* What the device's queue lost is counted by the kernel, not by a worker. */
static uint64_t count_lost(const struct region *r, const struct outside *o, enum verdict v)
{
	return v == DROP_QUEUE_TUN ? o->tun_lost : count_all(r, v);
}

static int64_t last_lost(const struct region *r, const struct outside *o, enum verdict v)
{
	return v == DROP_QUEUE_TUN ? o->tun_lost_s : last_all(r, v);
}

static void look_forwarding(const struct outside *o, struct diagnosis *d)
{
	struct finding *e;

	if (o->forwarding6 != OUTSIDE_NO)
		return;
	e = why_find(d, CAUSE_FORWARDING_OFF, "The kernel does not forward IPv6: tunnels reach each other, but "
		     "not the world.");
	why_evidence(e, "net.ipv6.conf.all.forwarding is 0");
	why_remedy(e, "sysctl -w net.ipv6.conf.all.forwarding=1, and write it to /etc/sysctl.d");
}

static const char *role_word(enum outside_role role)
{
	switch (role) {
	case ROLE_DEVICE:
		return "which carries every tunnel's packets";
	case ROLE_UPLINK:
		return "which leads to the internet";
	case ROLE_OUTER4:
		return "which has the PoP's IPv4 address";
	case ROLE_OUTER6:
		return "which has the PoP's IPv6 address";
	case ROLE_PORT:
		break;
	}
	return "which the fast path uses";
}

/* For whom is it asked? */
struct concern {
	bool			one_tunnel;	/* or the whole PoP */
	const struct ip6_addr	*them;		/* where its client is; NULL: not known */
};

static bool is_needed(const struct outside_link *l, struct concern c)
{
	if (!c.one_tunnel)
		return true;
	switch ((enum outside_role)l->role) {
	case ROLE_PORT:
		return false;	/* a shortcut: packets have another way */
	case ROLE_OUTER4:
		return !c.them || addr_is_ip4(c.them);
	case ROLE_OUTER6:
		return !c.them || !addr_is_ip4(c.them);
	case ROLE_DEVICE:
	case ROLE_UPLINK:
		break;
	}
	return true;
}

static bool is_down(const struct outside_link *l)
{
	return l->name[0] && !(l->present && l->up && l->running);
}

static void look_links(const struct outside *o, struct concern c, struct diagnosis *d)
{
	for (uint32_t i = 0; i < o->links && i < OUTSIDE_LINKS; i++) {
		const struct outside_link *l = &o->link[i];
		const char *how = !l->present ? "is gone" : !l->up ? "is down" : "has no carrier";
		struct finding *e;
		bool known = false;

		/* one interface may have several roles: it is told once, by the first */
		for (uint32_t n = 0; n < i; n++)
			known = known || strncmp(o->link[n].name, l->name, sizeof(l->name)) == 0;
		if (!is_down(l) || !is_needed(l, c) || known)
			continue;
		e = why_find(d, CAUSE_LINK_DOWN, "The interface %.16s, %s, %s.", l->name,
			     role_word((enum outside_role)l->role), how);
		why_evidence(e, "the kernel says: present %s, up %s, running %s", l->present ? "yes" : "no",
			     l->up ? "yes" : "no", l->running ? "yes" : "no");
		if (l->role == ROLE_DEVICE && !l->present)
			why_remedy(e, "somebody removed it: restart the daemon");
		else if (!l->present)
			why_remedy(e, "bring it back, or name another one in the configuration");
		else if (!l->up)
			why_remedy(e, "ip link set %.16s up", l->name);
		else
			why_remedy(e, "look at the cable and at the other end");
	}
}

static void look_addresses(const struct region *r, const struct outside *o, struct concern c,
			   struct diagnosis *d)
{
	const struct config_head *h = region_config(r)->head;
	const struct pop *us = &h->pop[h->plan.pop_id];

	for (uint32_t i = 0; i < o->links && i < OUTSIDE_LINKS; i++) {
		const struct outside_link *l = &o->link[i];
		char text[ADDR_TEXT_MAX];
		struct finding *e;

		/* with its interface down the kernel forgets addresses: that is said already */
		if ((l->role != ROLE_OUTER4 && l->role != ROLE_OUTER6) || l->found || !l->name[0] ||
		    is_down(l) || !is_needed(l, c))
			continue;
		addr_text(l->role == ROLE_OUTER4 ? &us->v4 : &us->v6, text);
		e = why_find(d, CAUSE_ADDRESS_GONE, "The PoP's address %s, which clients send to, is on no interface any "
			     "more; it was on %.16s.", text, l->name);
		why_evidence(e, "the kernel's list of addresses (ip address)");
		why_remedy(e, "ip address add %s/<length> dev %.16s, and look what took it away", text, l->name);
	}
}

static void look_uplink(const struct outside *o, struct diagnosis *d)
{
	for (uint32_t i = 0; i < o->links && i < OUTSIDE_LINKS; i++) {
		const struct outside_link *l = &o->link[i];
		struct finding *e;

		if (l->role != ROLE_UPLINK || l->found || !l->name[0] || is_down(l))
			continue;
		e = why_find(d, CAUSE_UPLINK_GONE, "The kernel has no route to the internet any more; it led out of "
			     "%.16s.", l->name);
		why_evidence(e, "ip -6 route get 2000:: finds none");
		why_remedy(e, "ip -6 route add default via <router> dev %.16s, or look after the routing daemon",
			   l->name);
	}
}

/* Never seen: a host that is not set up yet, or one that is to carry packets between tunnels only. */
static void look_no_uplink(const struct outside *o, struct diagnosis *d)
{
	for (uint32_t i = 0; i < o->links && i < OUTSIDE_LINKS; i++) {
		const struct outside_link *l = &o->link[i];
		struct finding *e;

		if (l->role != ROLE_UPLINK || l->found || l->name[0])
			continue;
		e = why_find(d, CAUSE_NO_UPLINK, "The kernel has no IPv6 route to the internet: what tunnels send "
			     "there is answered with \"no route\".");
		why_evidence(e, "ip -6 route get 2000:: has found none since the daemon started");
		why_remedy(e, "ip -6 route add default via <router> dev <interface>");
	}
}

static void look_configuration(const struct region *r, struct diagnosis *d)
{
	const struct config *cf = region_config(r);

	if (!plan_has_tunnel_prefix(config_plan(cf)))
		why_remedy(why_find(d, CAUSE_NO_PREFIX, "There is no tunnel prefix, so no tunnel can be addressed."),
			   "pop tunnelprefix add <prefix>/48, and route it to this host");
	else if (cf->head->tunnels == 0)
		why_remedy(why_find(d, CAUSE_NO_TUNNELS, "No tunnel is configured."),
			   "tunnel set config <tid> T<id> <address>|ayiya|heartbeat up <mtu> [<password>]");
}

/* Does the fast path carry frames? Then what it carries does not show by prefix. */
static bool fast_is_attached(const struct outside *o)
{
	for (uint32_t i = 0; i < o->ports && i < FASTPATH_MAX; i++) {
		if (o->port[i].mode[0])
			return true;
	}
	return false;
}

/* Somebody who could be sent to: a tunnel that is up, of those that have a subnet of @s if it is given. */
static bool any_tunnel_up(const struct region *r, const struct subnet_prefix *s)
{
	const struct config *cf = region_config(r);
	uint32_t from = s ? s->base : 0, to = s ? s->base + subnet_prefix_count(s) : cf->head->tunnel_end;

	for (uint32_t i = from; i < to && (!s || i < cf->limits.subnets); i++) {
		uint32_t tid = s ? cf->subnet[i] : i;

		if (tid != TID_NONE && config_tunnel(cf, (uint16_t)tid) &&
		    tunnel_endpoint(&r->table.tunnel[tid]).state == STATE_UP)
			return true;
	}
	return false;
}

static bool any_data_out(const struct region *r, wall_t now)
{
	const struct config *cf = region_config(r);

	for (uint32_t tid = 0; tid < cf->head->tunnel_end; tid++) {
		if (config_tunnel(cf, (uint16_t)tid) &&
		    is_recent(tunnel_data_out_s(&r->table, (uint16_t)tid), now))
			return true;
	}
	return false;
}

static void look_prefix(const struct region *r, unsigned int which, const struct prefix *p, wall_t now,
			struct diagnosis *d)
{
	char text[PREFIX_TEXT_MAX], when[AT_TEXT], started[AT_TEXT];
	struct finding *e;
	int64_t last = 0;

	for (unsigned int i = 0; i < WORKERS_MAX; i++) {
		int64_t at = __atomic_load_n(&r->table.worker[i].prefix_in_s[which], __ATOMIC_RELAXED);

		last = at > last ? at : last;
	}
	if (is_recent(last, now))
		return;
	prefix_text(p, text);
	if (last)
		e = why_find(d, CAUSE_PREFIX_SILENT, "Nothing has arrived from the uplink for %s since %s.", text,
			     at_text(last, now, when) + 3);
	else
		e = why_find(d, CAUSE_PREFIX_SILENT, "Nothing has arrived from the uplink for %s since the daemon "
			     "started.", text);
	why_evidence(e, "the daemon started %s, and tunnels are up that have addresses of this prefix",
		     at_text(r->head->started_s, now, started));
	why_remedy(e, "does your router send %s to this host? (on it: ip -6 route get an address in it); does a "
		   "firewall here drop it before it reaches the device sixxs?", text);
}

static void look_prefixes(const struct region *r, const struct outside *o, wall_t now, struct diagnosis *d)
{
	const struct plan *plan = config_plan(region_config(r));
	struct prefix p;

	/* of a daemon that just started silence means nothing; what the fast path carries shows in sum */
	if (is_recent(r->head->started_s, now) || (fast_is_attached(o) && any_data_out(r, now)))
		return;
	if (plan_has_tunnel_prefix(plan) && any_tunnel_up(r, NULL)) {
		p = plan_tunnel_prefix(plan);
		look_prefix(r, 0, &p, now, d);
	}
	for (unsigned int i = 0; i < plan->subnet_prefixes; i++) {
		p = plan_subnet_prefix(&plan->subnet[i]);
		if (any_tunnel_up(r, &plan->subnet[i]))
			look_prefix(r, 1 + i, &p, now, d);
	}
}

static void look_clock(const struct outside *o, struct diagnosis *d)
{
	struct finding *e;

	if (o->clock_synchronised != OUTSIDE_NO)
		return;
	e = why_find(d, CAUSE_CLOCK_UNSYNCED, "This host's clock is not synchronised: once it is more than 120 s "
		     "off, AYIYA and heartbeats of every client are refused.");
	why_evidence(e, "the kernel says so (adjtimex)");
	why_remedy(e, "start an NTP client, and look whether its servers answer");
}

static bool is_there(const struct outside *o, const char *name)
{
	for (uint32_t i = 0; i < o->links && i < OUTSIDE_LINKS; i++) {
		if (strncmp(o->link[i].name, name, sizeof(o->link[i].name)) == 0)
			return o->link[i].present;
	}
	return true;
}

static void look_fast(const struct outside *o, struct diagnosis *d)
{
	struct finding *e;

	for (uint32_t i = 0; i < o->ports && i < FASTPATH_MAX; i++) {
		const struct outside_port *p = &o->port[i];
		bool there = is_there(o, p->name);

		if (p->mode[0])
			continue;
		e = why_find(d, CAUSE_FAST_NOT_ATTACHED, "The fast path is not attached to %.16s: %.160s.", p->name,
			     !there ? "there is no such interface now" : p->why[0] ? p->why : "the kernel refused");
		why_evidence(e, "packets go through user space; pop show fastpath");
		why_remedy(e, there ? "another mode may do (pop set fastpath %.16s/tc), or take the name out"
				    : "nothing: it is taken again when %.16s comes back", p->name);
	}
	if (o->fast_automatic && o->ports == 0) {
		e = why_find(d, CAUSE_FAST_AUTO_OFF, "The fast path is on auto, and off: %.160s.", o->fast_why);
		why_evidence(e, "packets go through user space; pop show fastpath");
		why_remedy(e, "name the interfaces (pop set fastpath <interface>) if what is bypassed is not needed");
	}
}

/* @others: only what tunnels lose that did not send too much themselves. */
static void look_queues(const struct region *r, const struct outside *o, bool others, wall_t now,
			struct diagnosis *d)
{
	static const enum verdict which[] = { DROP_QUEUE_SOCKET, DROP_QUEUE_SHARE, DROP_QUEUE_HANDOVER,
					      DROP_QUEUE_TUN, DROP_SEND_QUEUE };

	for (size_t i = 0; i < ARRAY_LEN(which); i++) {
		char when[AT_TEXT];
		struct finding *e;

		int64_t last = last_lost(r, o, which[i]);
		uint64_t lost = count_lost(r, o, which[i]);

		if (!is_recent(last, now))
			continue;
		if (others && (which[i] == DROP_QUEUE_SHARE || now.s - last >= WHY_BESIDE_S))
			continue;
		if (which[i] == DROP_QUEUE_SHARE)
			e = why_find(d, CAUSE_QUEUE_DROPS, "More came than can be dealt with: what tunnels sent beyond "
				     "their share was dropped, so that others lose nothing.");
		else
			e = why_find(d, CAUSE_QUEUE_DROPS, "Packets were lost because more came than can be dealt "
				     "with: %s.", verdict_info[which[i]].sentence);
		why_evidence(e, "%s: %" PRIu64 " %s, the last %s", verdict_info[which[i]].name,
			     lost, packets_word(lost), at_text(last, now, when));
		if (which[i] == DROP_QUEUE_SHARE)
			why_remedy(e, "somebody sends too much: tunnel why of each names it (RATE_LIMITED), pop "
				   "capture drops shows the packets");
		else
			why_remedy(e, "use the fast path (pop set fastpath), or more workers (pop set workers); %u work "
				   "now", (unsigned int)o->workers);
	}
}

static void look_floods(const struct region *r, wall_t now, struct diagnosis *d)
{
	int64_t last = last_all(r, DROP_DIGEST_BUDGET);
	char when[AT_TEXT];
	struct finding *e;

	if (last == 0 || now.s - last >= WHY_BESIDE_S)
		return;
	e = why_find(d, CAUSE_DIGEST_FLOOD, "Strangers send more signed packets than are verified: clients that move "
		     "now may be refused.");
	why_evidence(e, "DROP_DIGEST_BUDGET: %" PRIu64 " %s, the last %s", count_all(r, DROP_DIGEST_BUDGET),
		     packets_word(count_all(r, DROP_DIGEST_BUDGET)), at_text(last, now, when));
	why_remedy(e, "pop capture drops shows from where; block that address before it reaches this host");
}

static void look_unknown(const struct region *r, wall_t now, struct diagnosis *d)
{
	static const enum verdict which[] = { DROP_AYIYA_UNKNOWN, DROP_BEAT_UNKNOWN, DROP_INNER_UNKNOWN };

	for (size_t i = 0; i < ARRAY_LEN(which); i++) {
		char source[ADDR_TEXT_MAX], when[AT_TEXT];
		struct drop last = { .at = { 0 } }, one;
		struct finding *e;

		if (!is_recent(last_all(r, which[i]), now))
			continue;
		for (unsigned int n = 0; n < WORKERS_MAX * DROPS_KEPT; n++) {
			if (recorder_get(&r->table.recorder[n / DROPS_KEPT], which[i], n % DROPS_KEPT, &one) &&
			    one.at.us > last.at.us)
				last = one;
		}
		e = why_find(d, CAUSE_UNKNOWN_CLIENTS, "Somebody sends packets that no tunnel here can be named for: "
			     "%s.", verdict_info[which[i]].sentence);
		why_evidence(e, "%s: %" PRIu64 " %s, the last %s%s%s", verdict_info[which[i]].name,
			     count_all(r, which[i]), packets_word(count_all(r, which[i])),
			     at_text(last_all(r, which[i]), now, when),
			     last.at.us ? ", from " : "", last.at.us ? addr_text(&last.them, source) : "");
		why_remedy(e, "a client whose tunnel was removed or has another PoP; pop capture drops has the packets");
	}
}

static void read_outside(const struct region *r, struct outside *o)
{
	if (!outside_read(r->table.outside, o))
		*o = (struct outside){ .at_s = 0 };
}

void why_host(const struct region *r, const struct ip6_addr *them, struct diagnosis *d)
{
	const struct concern c = { .one_tunnel = true, .them = them };
	struct outside o;

	read_outside(r, &o);
	look_forwarding(&o, d);
	look_links(&o, c, d);
	look_addresses(r, &o, c, d);
	look_uplink(&o, d);
}

void why_load(const struct region *r, wall_t now, struct diagnosis *d)
{
	struct outside o;

	read_outside(r, &o);
	look_no_uplink(&o, d);
	look_queues(r, &o, true, now, d);
	look_floods(r, now, d);
}

void why_pop(const struct region *r, wall_t now, mono_t mono, struct diagnosis *d)
{
	const struct concern all = { .one_tunnel = false };
	struct outside o;
	struct finding *e;
	bool worse = false;

	(void)mono;
	d->n = 0;
	read_outside(r, &o);
	look_forwarding(&o, d);
	look_links(&o, all, d);
	look_addresses(r, &o, all, d);
	look_uplink(&o, d);
	look_no_uplink(&o, d);
	look_configuration(r, d);
	look_prefixes(r, &o, now, d);
	look_clock(&o, d);
	look_fast(&o, d);
	look_queues(r, &o, false, now, d);
	look_floods(r, now, d);
	look_unknown(r, now, d);
	for (unsigned int i = 0; i < d->n; i++)
		worse = worse || cause_info[d->finding[i].cause].severity >= SEVERITY_WARNING;
	if (worse)
		return;

	struct traffic t = table_total(&r->table);

	e = why_find(d, CAUSE_POP_WELL, "All is well: nothing hinders the %" PRIu32 " configured tunnel%s.",
		     region_config(r)->head->tunnels, region_config(r)->head->tunnels == 1 ? "" : "s");
	why_evidence(e, "%" PRIu64 " packets in and %" PRIu64 " out since the daemon started", t.in_packets,
		     t.out_packets);
}
