/*
 * Whom a packet belongs to as far as waiting goes, known before anything is verified: the
 * tunnel it names, towards it or from it. A packet that names a tunnel but does not come from that
 * tunnel's endpoint is a stranger's: all strangers share one flow, so who pretends to be
 * a tunnel uses up its share only if he sends from its address.
 */
#include "path/steps.h"

#include "path/inner4.h"
#include "wire/ayiya.h"
#include "wire/gre.h"
#include "wire/proto.h"

uint32_t path_flows(struct limits limits)
{
	return 2 * limits.tunnels + 1;
}

static uint16_t tid_at(const struct path *pa, const struct ip6_addr *a)
{
	struct place w = config_lookup6(pa->cf, a);

	return w.kind == PLACE_UNASSIGNED ? TID_NONE : w.tid;
}

/* IPv6 or IPv4, by what the first nibble says; its source, or its destination. */
static uint16_t tid_of_inner(const struct path *pa, struct cur c, bool source)
{
	struct ip6_hdr six;
	struct ip4_hdr four;

	if (c.left && c.at[0] >> 4 == IP4_VERSION)
		return CUR_TAKE(&c, &four) ?
		       ip4_place(pa->cf, source ? &four.src : &four.dst).tid : TID_NONE;
	return CUR_TAKE(&c, &six) ? tid_at(pa, source ? &six.src : &six.dst) : TID_NONE;
}

static uint16_t tid_of_gre(const struct path *pa, struct cur c)
{
	static const uint16_t optional[] = { GRE_CHECKSUM, GRE_KEY, GRE_SEQUENCE };
	struct gre_hdr gre;

	if (!CUR_TAKE(&c, &gre))
		return TID_NONE;
	for (size_t i = 0; i < ARRAY_LEN(optional); i++) {
		if (be16_get(&gre.flags) & optional[i] && !cur_skip(&c, sizeof(be32_t)))
			return TID_NONE;
	}
	return tid_of_inner(pa, c, true);
}

static uint16_t tid_of_ayiya(const struct path *pa, struct cur c)
{
	struct ayiya_hdr h;

	return CUR_TAKE(&c, &h) ? tid_at(pa, &h.identity) : TID_NONE;
}

/* The tunnel a packet from a client names. */
static uint16_t named_by(const struct path *pa, const struct pkt *p)
{
	switch (p->via) {
	case VIA_P41:
		return tid_of_inner(pa, pkt_cur(p), true);
	case VIA_GRE:
		return tid_of_gre(pa, pkt_cur(p));
	case VIA_AYIYA:
		return tid_of_ayiya(pa, pkt_cur(p));
	case VIA_BEAT:
	case VIA_ICMP4:
	case VIA_ICMP6:
	case VIA_PROTO4:
	case VIA_TUN:
	case VIA_SELF:
		break;
	}
	return TID_NONE;
}

uint32_t path_flow(const struct path *pa, const struct pkt *p)
{
	uint32_t strangers = path_flows(pa->cf->limits) - 1;
	struct endpoint ep;
	uint16_t tid;

	if (p->at != AT_START)		/* another worker has checked it: towards its owner */
		return 2u * p->owner + 1;
	if (p->via == VIA_TUN) {
		tid = tid_of_inner(pa, pkt_cur(p), false);
		return tid == TID_NONE ? strangers : 2u * tid + 1;
	}
	tid = named_by(pa, p);
	if (tid == TID_NONE)
		return strangers;
	ep = path_endpoint(pa, tid);
	return addr_eq(&ep.them, &p->outer.them) ? 2u * tid : strangers;
}

void path_shed(struct path *pa, uint32_t flow, uint64_t n)
{
	uint16_t tid = (uint16_t)(flow / 2);

	account_verdict(pa, DROP_QUEUE_SHARE, n);
	if (flow == path_flows(pa->cf->limits) - 1 || !path_owns(pa, tid))
		return;
	count_add(&pa->tb->errors[tid].verdict[DROP_QUEUE_SHARE], n);
	count_add(&pa->tb->story[tid].drops, n);
	story_verdict(&pa->tb->story[tid], DROP_QUEUE_SHARE, pa->wall);
}
