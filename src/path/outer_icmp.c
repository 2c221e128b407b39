/*
 * src/path/outer_icmp.c - ICMP errors about the outer packets we sent
 *
 * forwarding.md 7, security.md P1, P2. Anybody can send one, so it is believed only
 * as far as it proves to have seen a packet of ours: it quotes our outer source, the
 * endpoint of exactly one tunnel, that tunnel's encapsulation, and of AYIYA both
 * ports. What it says is counted; the one thing it may change is the path MTU, never
 * upwards and never below what keeps 1280 octets passing.
 *
 * Which tunnel? The quote names it: the identity of an AYIYA header, the inner
 * destination of the others. A router that quotes only 8 octets (all that RFC 792
 * asks for) leaves the endpoint alone to go by, and that means looking at every
 * tunnel. So such searches pass a token bucket.
 */
#include "path/steps.h"

#include "base/sum.h"
#include "path/inner4.h"
#include "wire/ayiya.h"
#include "wire/gre.h"
#include "wire/icmp4.h"
#include "wire/icmp6.h"
#include "wire/proto.h"
#include "wire/udp.h"

#define QUOTE_BYTES	8	/* behind the quoted IP header, at least: RFC 792 */

/* What the quoted outer packet says about itself. */
struct quote {
	struct ip6_addr	us, them;
	struct cur	payload;	/* behind the quoted IP header, as far as it was quoted */
	uint8_t		proto;
	enum tunnel_type type;
	uint16_t	them_port;	/* AYIYA */
};

/* What the error says. */
struct report {
	bool		too_big;
	uint32_t	mtu_bytes;
	uint32_t	least_bytes;	/* a smaller MTU is no MTU of this family */
};

/* ---- reading ---- */

/* forwarding.md 7: which types are about a packet of ours; the rest is for nobody here */
static bool is_error4(uint8_t type)
{
	switch (type) {
	case ICMP4_ECHO_REPLY:
	case ICMP4_SOURCE_QUENCH:
	case ICMP4_REDIRECT:
	case ICMP4_ECHO_REQUEST:
	case ICMP4_ROUTER_ADVERT:
	case ICMP4_ROUTER_SOLICIT:
		return false;
	}
	return type < ICMP4_TIMESTAMP || type > ICMP4_MASK_REPLY;
}

static bool read_report4(struct cur *c, struct report *r)
{
	struct icmp4_hdr icmp;
	struct cur whole = *c;

	if (!CUR_TAKE(c, &icmp) || !sum_ok(sum_add(0, whole.at, whole.left)))
		return false;
	*r = (struct report){
		.too_big = icmp.type == ICMP4_UNREACHABLE && icmp.code == ICMP4_FRAG_NEEDED,
		.mtu_bytes = be16_get(&icmp.mtu), .least_bytes = IP4_MTU_MIN_BYTES,
	};
	return is_error4(icmp.type);
}

static bool read_report6(struct cur *c, const struct outer *o, struct report *r)
{
	struct icmp6_hdr icmp;
	struct cur whole = *c;
	uint64_t sum = sum_pseudo6(&o->them, &o->us, (uint32_t)whole.left, PROTO_ICMP6);

	if (!CUR_TAKE(c, &icmp) || !sum_ok(sum_add(sum, whole.at, whole.left)))
		return false;
	*r = (struct report){
		.too_big = icmp.type == ICMP6_TOO_BIG,
		.mtu_bytes = be32_get(&icmp.param), .least_bytes = IP6_MTU_MIN_BYTES,
	};
	return icmp.type < ICMP6_INFORMATIONAL;
}

/* We never send options, and only the first fragment says what it carries. */
static bool read_quote4(struct cur *c, struct quote *q)
{
	struct ip4_hdr h;

	if (!CUR_TAKE(c, &h) || h.vihl != (IP4_VERSION << 4 | sizeof(h) / 4) ||
	    be16_get(&h.frag) & IP4_OFFSET_MASK)
		return false;
	q->us = addr_from_ip4_wire(&h.src);
	q->them = addr_from_ip4_wire(&h.dst);
	q->proto = h.protocol;
	return true;
}

static bool read_quote6(struct cur *c, struct quote *q)
{
	struct ip6_hdr h;
	struct ip6_frag frag;

	if (!CUR_TAKE(c, &h) || be32_get(&h.vtf) >> 28 != IP6_VERSION)
		return false;
	q->us = h.src;
	q->them = h.dst;
	q->proto = h.next;
	if (h.next != PROTO_FRAGMENT)
		return true;

	/* over IPv6 we are the ones who fragment (path/fragment.h) */
	if (!CUR_TAKE(c, &frag) || be16_get(&frag.offset) & IP6_FRAG_OFFSET_MASK)
		return false;
	q->proto = frag.next;
	return true;
}

static bool read_encap(struct quote *q)
{
	struct cur c = q->payload;
	struct udp_hdr udp;

	if (c.left < QUOTE_BYTES)
		return false;
	switch (q->proto) {
	case PROTO_IPV6:
		q->type = TYPE_DIRECT;
		return true;
	case PROTO_GRE:
		q->type = TYPE_GRE;
		return true;
	case PROTO_UDP:
		if (!CUR_TAKE(&c, &udp) || be16_get(&udp.src) != PORT_AYIYA)
			return false;
		q->type = TYPE_AYIYA;
		q->them_port = be16_get(&udp.dst);
		return true;
	}
	return false;
}

/* ---- which tunnel? ---- */

static bool is_quoted(const struct path *pa, uint16_t tid, const struct quote *q)
{
	struct endpoint ep = tunnel_endpoint(&pa->tb->tunnel[tid]);
	struct ip6_addr us = ep.us;

	if (ep.state != STATE_UP || ep.type != q->type || !addr_eq(&ep.them, &q->them))
		return false;
	if (ep.type == TYPE_AYIYA && ep.them_port != q->them_port)
		return false;
	if (addr_is_unspecified(&us))
		us = config_outer_us(pa->cf, &ep.them);
	return addr_is_unspecified(&us) ? config_is_own(pa->cf, &q->us) : addr_eq(&us, &q->us);
}

static uint16_t tid_of_ip6(const struct path *pa, struct cur c)
{
	struct ip6_hdr h;

	if (!CUR_TAKE(&c, &h))
		return TID_NONE;

	struct place w = config_lookup6(pa->cf, &h.dst);

	return w.kind == PLACE_UNASSIGNED ? TID_NONE : w.tid;
}

static uint16_t tid_of_gre(const struct path *pa, struct cur c)
{
	struct gre_hdr gre;
	struct ip4_hdr h;

	if (!CUR_TAKE(&c, &gre))
		return TID_NONE;
	if (be16_get(&gre.flags) & GRE_KEY && !cur_skip(&c, sizeof(be32_t)))
		return TID_NONE;
	if (be16_get(&gre.protocol) != ETHER_IPV4)
		return tid_of_ip6(pa, c);
	return CUR_TAKE(&c, &h) ? ip4_place(pa->cf, &h.dst).tid : TID_NONE;
}

static uint16_t tid_of_ayiya(const struct path *pa, struct cur c)
{
	struct ayiya_hdr a;

	if (!cur_skip(&c, sizeof(struct udp_hdr)) || !CUR_TAKE(&c, &a))
		return TID_NONE;

	struct place w = config_lookup6(pa->cf, &a.identity);

	return w.kind == PLACE_LOCAL ? w.tid : TID_NONE;
}

/* Does the quote reach far enough to name its tunnel? */
static bool is_long(const struct quote *q)
{
	switch (q->type) {
	case TYPE_NONE:
		break;
	case TYPE_DIRECT:
		return q->payload.left >= sizeof(struct ip6_hdr);
	case TYPE_GRE:
		return q->payload.left >= sizeof(struct gre_hdr) + sizeof(be32_t) +
					  sizeof(struct ip6_hdr);
	case TYPE_AYIYA:
		return q->payload.left >= sizeof(struct udp_hdr) + sizeof(struct ayiya_hdr);
	}
	return false;
}

static uint16_t named(const struct path *pa, const struct quote *q)
{
	uint16_t tid = TID_NONE;

	switch (q->type) {
	case TYPE_NONE:
		break;
	case TYPE_DIRECT:
		tid = tid_of_ip6(pa, q->payload);
		break;
	case TYPE_GRE:
		tid = tid_of_gre(pa, q->payload);
		break;
	case TYPE_AYIYA:
		tid = tid_of_ayiya(pa, q->payload);
		break;
	}
	return tid != TID_NONE && is_quoted(pa, tid, q) ? tid : TID_NONE;
}

/* The one tunnel that fits; TID_NONE if none or several do, or the search may not be had. */
static uint16_t searched(struct path *pa, const struct quote *q)
{
	uint16_t found = TID_NONE;

	if (!bucket_take(&pa->scans, OUTER_SCAN_RATE, pa->now, 1))
		return TID_NONE;
	for (uint32_t i = 0; i < pa->cf->head->tunnel_end; i++) {
		if (!is_quoted(pa, (uint16_t)i, q))
			continue;
		if (found != TID_NONE)
			return TID_NONE;
		found = (uint16_t)i;
	}
	return found;
}

/* ---- what it may change ---- */

/* Return: whether the tunnel's path MTU is now another */
static bool narrow(struct path *pa, uint16_t tid, const struct report *r)
{
	const struct tunnel_conf *conf = &pa->cf->tunnel[tid];
	struct tunnel *t = &pa->tb->tunnel[tid];
	struct endpoint ep = t->ep;
	uint32_t now = ep.path_mtu_bytes;

	if (now == 0)
		now = (uint32_t)conf->mtu_bytes + tunnel_overhead(conf, &ep);
	if (r->mtu_bytes < r->least_bytes || r->mtu_bytes >= now)
		return false;

	ep.path_mtu_bytes = (uint16_t)r->mtu_bytes;
	path_commit(pa, tid, &ep);
	pa->tb->cold[tid].path_mtu_at = pa->now;
	path_emit(pa, (struct path_event){
		.event = EVENT_PATH_MTU, .tid = tid, .value = r->mtu_bytes, .address = ep.them,
	});
	return true;
}

enum verdict outer_icmp_take(struct path *pa, struct pkt *p)
{
	struct cur c = pkt_cur(p);
	struct quote q = { .type = TYPE_NONE };
	struct report r;
	bool four = p->via == VIA_ICMP4;

	if (four ? !read_report4(&c, &r) : !read_report6(&c, &p->outer, &r))
		return DROP_OUTER_ICMP;
	if (four ? !read_quote4(&c, &q) : !read_quote6(&c, &q))
		return DROP_OUTER_ICMP;
	q.payload = c;
	if (!read_encap(&q))
		return DROP_OUTER_ICMP;

	uint16_t tid = p->owner;	/* another worker has found out whose it is */

	if (tid == TID_NONE || !is_quoted(pa, tid, &q))
		tid = is_long(&q) ? named(pa, &q) : searched(pa, &q);
	if (tid == TID_NONE)
		return DROP_OUTER_ICMP;
	if (!path_owns(pa, tid))
		return path_elsewhere(pa, p, AT_START, tid);
	p->from = tid;
	pkt_note(p, NOTE_TUNNEL_IS, tid, 0);

	return r.too_big && narrow(pa, tid, &r) ? CONSUMED_OUTER_PMTU : CONSUMED_OUTER_ICMP;
}
