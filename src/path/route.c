/* Who owns the destination? forwarding.md 4, rows 1 to 8, in the order required there. */
#include "path/steps.h"

static enum verdict to_tunnel(struct path *pa, struct pkt *p, uint16_t tid)
{
	p->to = tid;
	if (tid == p->from)
		return DROP_SAME_INTERFACE;	/* row 3: RFC 6324, no ping-pong */

	switch ((enum tunnel_state)pa->tb->tunnel[tid].ep.state) {
	case STATE_NONE:
		return DROP_UNASSIGNED;
	case STATE_DISABLED:
		return DROP_TO_DISABLED;
	case STATE_DOWN:
		return DROP_TO_DOWN;
	case STATE_UP:
		break;
	}
	pkt_note(p, NOTE_TO_TUNNEL, tid, 0);
	return PASS;
}

/*
 * A packet from a tunnel for the PoP is answered where it is; of the others everything
 * from here on is about the tunnel they are for.
 */
static bool is_elsewhere(const struct path *pa, const struct pkt *p, const struct place *w)
{
	switch (w->kind) {
	case PLACE_UPLINK:
	case PLACE_POP:
	case PLACE_UNASSIGNED:
		return false;
	case PLACE_LOCAL:
		return p->from == TID_NONE && !path_owns(pa, w->tid);
	case PLACE_TRANSFER:
	case PLACE_REMOTE:
	case PLACE_ROUTED:
	case PLACE_SUBNET:
		break;
	}
	return !path_owns(pa, w->tid);
}

/* The router sends us what is for this prefix. */
static void stamp_prefix(const struct path *pa, const struct pkt *p, const struct place *w)
{
	if (p->via == VIA_TUN && w->kind != PLACE_UPLINK)
		__atomic_store_n(&pa->me->prefix_in_s[w->prefix], pa->wall.s, __ATOMIC_RELAXED);
}

enum verdict route6(struct path *pa, struct pkt *p)
{
	struct cur c = pkt_cur(p);
	struct ip6_hdr h;
	struct place w;

	if (!CUR_TAKE(&c, &h))
		return DROP_IP6_MALFORMED;

	w = config_lookup6(pa->cf, &h.dst);
	stamp_prefix(pa, p, &w);
	if (is_elsewhere(pa, p, &w))
		return path_elsewhere(pa, p, AT_ROUTE, w.tid);
	switch (w.kind) {
	case PLACE_POP:
	case PLACE_LOCAL:
		p->to_local = true;
		pkt_note(p, NOTE_TO_LOCAL, w.tid, 0);
		return PASS;
	case PLACE_TRANSFER:
		p->to = w.tid;		/* whom the packet was for: the error's source and its bucket */
		return DROP_TRANSFER;
	case PLACE_UPLINK:
		if (p->from == TID_NONE && p->via != VIA_SELF)
			return DROP_UPLINK_UPLINK;
		pkt_note(p, NOTE_TO_UPLINK, TID_NONE, 0);
		return PASS;
	case PLACE_UNASSIGNED:
		return DROP_UNASSIGNED;
	case PLACE_REMOTE:
	case PLACE_ROUTED:
	case PLACE_SUBNET:
		break;
	}
	return to_tunnel(pa, p, w.tid);
}
