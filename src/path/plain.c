/*
 * Protocol 41 and GRE carry no proof of who sent them: forwarding.md 2.1.
 *
 * plain_accept() says whether a packet may be this tunnel's and changes nothing;
 * plain_learn() tells the tunnel, after the inner source check passed too. So a
 * packet that is dropped for what it carries cannot set the type (security.md H8).
 */
#include "path/steps.h"

static enum tunnel_type type_of(const struct pkt *p)
{
	return p->via == VIA_GRE ? TYPE_GRE : TYPE_DIRECT;
}

/* encap auto: the type may follow a client that changed, but not flap per packet. */
static bool type_may_change(const struct path *pa, uint16_t tid)
{
	mono_t last = pa->tb->cold[tid].last_typed;
	wall_t fast = { tunnel_fast_in_s(pa->tb, tid) };

	/* the fast path carries the present type alone */
	if (fast.s && wall_since_s(pa->wall, fast) < TYPE_HOLD_S)
		return false;
	return last.us == 0 ||
	       mono_since_us(pa->now, last) >= TYPE_HOLD_S * (int64_t)US_PER_S;
}

static bool encap_ok(const struct path *pa, uint16_t tid, enum tunnel_type type)
{
	const struct tunnel_conf *c = &pa->cf->tunnel[tid];
	uint8_t current = pa->tb->tunnel[tid].ep.type;

	switch ((enum tunnel_encap)c->encap) {
	case ENCAP_DIRECT:
		return type == TYPE_DIRECT;
	case ENCAP_GRE:
		return type == TYPE_GRE;
	case ENCAP_AUTO:
		break;
	}
	return type == current || type_may_change(pa, tid);
}

enum verdict plain_accept(struct path *pa, struct pkt *p, uint16_t tid)
{
	const struct tunnel_conf *c = &pa->cf->tunnel[tid];
	const struct endpoint *ep = &pa->tb->tunnel[tid].ep;

	if (!path_owns(pa, tid))
		return path_elsewhere(pa, p, AT_START, tid);

	p->from = tid;		/* from here on, drops are counted against it */
	pkt_note(p, NOTE_TUNNEL_IS, tid, 0);
	if (ep->state == STATE_DISABLED || (c->flags & TUNNEL_DISABLED))
		return DROP_TUNNEL_DISABLED;
	if (c->kind == KIND_AYIYA || ep->type == TYPE_AYIYA)
		return DROP_TUNNEL_AYIYA;
	if (ep->state != STATE_UP)
		return DROP_TUNNEL_DOWN;
	if (!addr_eq(&p->outer.them, &ep->them))
		return DROP_OUTER_SOURCE;
	if (!encap_ok(pa, tid, type_of(p)))
		return DROP_ENCAP_OTHER;
	return PASS;
}

/* A raw socket also receives what was sent to a broadcast address: nothing to answer from. */
static bool can_be_us(const struct path *pa, const struct ip6_addr *us)
{
	return !addr_is_ip4(us) || config_is_own(pa->cf, us);
}

void plain_learn(struct path *pa, struct pkt *p)
{
	struct tunnel *t = &pa->tb->tunnel[p->from];
	struct tunnel_cold *k = &pa->tb->cold[p->from];
	struct endpoint ep = t->ep;

	/* a second is fine enough, and spares the cold line a write for every packet */
	if (mono_since_us(pa->now, k->last_typed) >= US_PER_S || k->last_typed.us == 0)
		k->last_typed = pa->now;

	if (ep.type != type_of(p)) {
		ep.type = (uint8_t)type_of(p);
		pkt_note(p, NOTE_TYPE, p->from, ep.type);
		path_emit(pa, (struct path_event){ .event = EVENT_TYPE, .tid = p->from,
						   .value = ep.type, .address = ep.them });
	}
	if (!addr_eq(&ep.us, &p->outer.us) && can_be_us(pa, &p->outer.us))
		ep.us = p->outer.us;
	if (memcmp(&ep, &t->ep, sizeof(ep)) != 0)
		path_commit(pa, p->from, &ep);
}

enum verdict plain_owner6(const struct path *pa, struct cur inner, uint16_t *tid)
{
	struct ip6_hdr h;
	struct place w;
	enum verdict v;

	if (!CUR_TAKE(&inner, &h) || be32_get(&h.vtf) >> 28 != IP6_VERSION)
		return DROP_IP6_MALFORMED;

	w = config_lookup6(pa->cf, &h.src);
	if (w.kind == PLACE_UPLINK || w.kind == PLACE_POP || w.kind == PLACE_UNASSIGNED) {
		v = class6(&h);		/* a client's own noise (RS, MLD, DAD) by its own name */
		return v != PASS ? v : DROP_INNER_UNKNOWN;
	}
	*tid = w.tid;
	return PASS;
}

enum verdict plain_owner4(const struct path *pa, struct cur inner, uint16_t *tid)
{
	struct ip4_hdr h;
	struct ip6_addr src;
	struct four f;

	if (!CUR_TAKE(&inner, &h) || h.vihl >> 4 != IP4_VERSION)
		return DROP_IP4_MALFORMED;

	src = addr_from_ip4_wire(&h.src);
	f = plan_four(config_plan(pa->cf), addr_ip4(&src));
	if (f.kind == FOUR_UPLINK || f.kind == FOUR_OTHER_POP || !config_tunnel(pa->cf, f.tid))
		return DROP_INNER_UNKNOWN;

	*tid = f.tid;
	return PASS;
}
