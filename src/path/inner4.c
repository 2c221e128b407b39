/*
 * src/path/inner4.c - IPv4 inside the tunnels: check, route, age
 *
 * forwarding.md 10 over the to-four plan (table/plan.h): an address in 240/4 is a
 * tunnel id, as in IPv6, so there is nothing to search. There is no gateway from
 * 240/4 to the rest of IPv4: what is for elsewhere gets an answer, not a way out.
 */
#include "path/steps.h"

#include "base/sum.h"
#include "path/inner4.h"

bool ip4_read(const struct pkt *p, struct ip4_hdr *h)
{
	struct cur c = pkt_cur(p);

	if (!CUR_TAKE(&c, h) || h->vihl >> 4 != IP4_VERSION)
		return false;

	size_t header = ip4_header_len(h), total = be16_get(&h->total_len);

	if (header < sizeof(*h) || total < header || total > p->len)
		return false;
	return sum_ok(sum_add(0, p->data, header));
}

bool ip4_is_nobody(uint32_t a)
{
	return a >> 24 == 0 || a >> 24 == 127 || a >> 28 == 14 || a == UINT32_MAX;
}

struct four ip4_place(const struct config *cf, const struct ip4_addr *a)
{
	struct four f = plan_four(config_plan(cf), ip4_number(a));

	if (f.tid != TID_NONE && (f.tid > FOUR_TID_LAST || !config_tunnel(cf, f.tid)))
		f = (struct four){ .kind = FOUR_OTHER_POP, .tid = TID_NONE };
	return f;
}

static enum verdict check_source_uplink(struct path *pa, struct pkt *p, const struct ip4_hdr *h)
{
	struct four f = plan_four(config_plan(pa->cf), ip4_number(&h->src));

	if (f.tid != TID_NONE) {
		if (config_tunnel(pa->cf, f.tid))
			p->blame = f.tid;
		return DROP_OVER_UPLINK;
	}
	if (ip4_is_nobody(ip4_number(&h->src)))
		return DROP_IP4_CLASS;

	pkt_note(p, NOTE_SOURCE_UPLINK, TID_NONE, 0);
	return PASS;
}

static enum verdict check_source_tunnel(struct path *pa, struct pkt *p, const struct ip4_hdr *h)
{
	struct four f = plan_four(config_plan(pa->cf), ip4_number(&h->src));

	if (p->from > FOUR_TID_LAST)
		return DROP_IP4_NO_PLAN;
	if (f.tid != p->from || f.kind == FOUR_LOCAL)
		return DROP_IP4_SOURCE;

	pkt_note(p, NOTE_SOURCE_OK, p->from, 0);
	return PASS;
}

enum verdict check4(struct path *pa, struct pkt *p)
{
	struct ip4_hdr h;

	if (!ip4_read(p, &h))
		return DROP_IP4_MALFORMED;
	p->len = be16_get(&h.total_len);	/* what trails is not the packet's (security.md D10) */
	p->inner = p->data;
	p->inner_len = p->len;

	enum verdict v = p->from == TID_NONE ? check_source_uplink(pa, p, &h) :
					       check_source_tunnel(pa, p, &h);

	if (v == PASS && ip4_is_nobody(ip4_number(&h.dst)))
		v = DROP_IP4_CLASS;
	return v;
}

/* The destination is in tunnel @p->to's /31 or /24. */
static enum verdict route_to_tunnel(struct path *pa, struct pkt *p)
{
	const struct endpoint *ep = &pa->tb->tunnel[p->to].ep;

	if (p->to == p->from)
		return DROP_SAME_INTERFACE;

	switch ((enum tunnel_state)ep->state) {
	case STATE_NONE:
		return DROP_IP4_OTHER_POP;
	case STATE_DISABLED:
		return DROP_TO_DISABLED;
	case STATE_DOWN:
		return DROP_TO_DOWN;
	case STATE_UP:
		break;
	}
	/* protocol 4 is never accepted back, so it is not sent either (forwarding.md 6) */
	if (ep->type == TYPE_DIRECT)
		return DROP_IP4_NOT_CARRIED;

	pkt_note(p, NOTE_TO_TUNNEL, p->to, 0);
	return PASS;
}

enum verdict route4(struct path *pa, struct pkt *p)
{
	struct cur c = pkt_cur(p);
	struct ip4_hdr h;

	if (!CUR_TAKE(&c, &h))
		return DROP_IP4_MALFORMED;

	struct four f = ip4_place(pa->cf, &h.dst);

	switch (f.kind) {
	case FOUR_UPLINK:
		return p->from == TID_NONE ? DROP_UPLINK_UPLINK : DROP_IP4_NO_GATEWAY;
	case FOUR_OTHER_POP:
		return DROP_IP4_OTHER_POP;
	case FOUR_LOCAL:
		if (p->from == TID_NONE && !path_owns(pa, f.tid))
			return path_elsewhere(pa, p, AT_ROUTE, f.tid);
		p->to_local = true;
		pkt_note(p, NOTE_TO_LOCAL, f.tid, 0);
		return PASS;
	case FOUR_REMOTE:
	case FOUR_SUBNET:
		break;
	}
	if (!path_owns(pa, f.tid))
		return path_elsewhere(pa, p, AT_ROUTE, f.tid);
	p->to = f.tid;
	return route_to_tunnel(pa, p);
}

enum verdict age4(struct path *pa, struct pkt *p)
{
	struct cur c = pkt_cur(p);
	struct ip4_hdr h;

	if (!CUR_TAKE(&c, &h))
		return DROP_IP4_MALFORMED;
	if (h.ttl == 0)
		return DROP_HOP_ZERO;
	/* from the uplink the kernel has taken the hop already: what is left may reach the user */
	if (h.ttl == 1 && p->from != TID_NONE)
		return DROP_HOP_LIMIT;
	if (p->to == TID_NONE)
		return PASS;

	uint16_t mtu = tunnel_mtu(&pa->cf->tunnel[p->to], &pa->tb->tunnel[p->to].ep);

	if (p->len > mtu) {
		/* without DF too: it says the same and costs no fragments (forwarding.md 10) */
		p->param = mtu;
		return DROP_TOO_BIG;
	}
	pkt_note(p, NOTE_MTU, p->to, mtu);
	return PASS;
}

void ttl_apply(struct pkt *p)
{
	size_t at = offsetof(struct ip4_hdr, ttl), sum_at = offsetof(struct ip4_hdr, checksum);
	be16_t before, after, sum;

	assert(p->len >= sizeof(struct ip4_hdr) && p->data[at] > 0);
	memcpy(&before, p->data + at, sizeof(before));	/* TTL and protocol are one word of the sum */
	p->data[at]--;
	memcpy(&after, p->data + at, sizeof(after));
	memcpy(&sum, p->data + sum_at, sizeof(sum));
	sum = sum_replace(sum, before, after);
	memcpy(p->data + sum_at, &sum, sizeof(sum));
	pkt_note(p, NOTE_HOP, p->to, p->data[at]);
}
