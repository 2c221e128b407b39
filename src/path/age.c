/* Hop limit and MTU: forwarding.md 4, rows 10 to 12. Tests only; encap() decrements. */
#include "path/steps.h"

/*
 * Every packet loses one hop in the PoP. Between tunnels it loses it here, on the way
 * to the uplink in the kernel after us, and from the uplink it has lost it already.
 */
static enum verdict hop_limit(struct pkt *p, uint8_t hop)
{
	if (hop == 0)
		return DROP_HOP_ZERO;
	if (p->from == TID_NONE)
		return PASS;
	if (hop == 1)
		return DROP_HOP_LIMIT;

	pkt_note(p, NOTE_HOP, p->from, hop - 1u);
	return PASS;
}

enum verdict age6(struct path *pa, struct pkt *p)
{
	struct cur c = pkt_cur(p);
	struct ip6_hdr h;
	enum verdict v;
	uint16_t mtu;

	if (!CUR_TAKE(&c, &h))
		return DROP_IP6_MALFORMED;

	v = hop_limit(p, h.hop_limit);
	if (v != PASS || p->to == TID_NONE)
		return v;

	mtu = tunnel_mtu(&pa->cf->tunnel[p->to], &pa->tb->tunnel[p->to].ep);
	if (p->len > mtu) {
		p->param = mtu;
		return DROP_TOO_BIG;
	}
	pkt_note(p, NOTE_MTU, p->to, mtu);
	return PASS;
}
