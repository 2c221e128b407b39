/* May this interface use that source? forwarding.md 2.2 and 3, in their order. */
#include "path/steps.h"

#include "path/ext.h"
#include "wire/proto.h"
#include "wire/udp.h"

/* Row 1; what lies behind the packet's own length is cut off. */
static enum verdict sane6(struct pkt *p, struct ip6_hdr *h)
{
	struct cur c = pkt_cur(p);

	if (!CUR_TAKE(&c, h) || be32_get(&h->vtf) >> 28 != IP6_VERSION)
		return DROP_IP6_MALFORMED;
	if (!cur_cut(&c, be16_get(&h->payload_len)))
		return DROP_IP6_MALFORMED;

	p->len = sizeof(*h) + c.left;
	p->inner_len = p->len;
	return PASS;
}

static bool is_nobody(const struct ip6_addr *a)
{
	return addr_is_multicast6(a) || addr_is_loopback6(a) || addr_is_compatible(a) ||
	       addr_is_ip4(a);
}

enum verdict class6(const struct ip6_hdr *h)
{
	if (addr_is_unspecified(&h->src) || addr_is_unspecified(&h->dst))
		return DROP_IP6_UNSPECIFIED;
	if (addr_is_link_local(&h->src) || addr_is_link_local(&h->dst))
		return DROP_IP6_LINK_LOCAL;
	if (is_nobody(&h->src))
		return DROP_IP6_SOURCE_CLASS;
	if (is_nobody(&h->dst))
		return DROP_IP6_DEST_CLASS;
	return PASS;
}

/*
 * Rows 6 to 8: of a tunnel, only what is routed to it. That refuses reserved sources too,
 * unless the PoP's own prefix is one.
 */
static enum verdict source_of_tunnel(struct path *pa, struct pkt *p, const struct ip6_hdr *h)
{
	struct place w = config_lookup6(pa->cf, &h->src);

	switch (w.kind) {
	case PLACE_UPLINK:
	case PLACE_POP:
	case PLACE_UNASSIGNED:
		return DROP_IP6_SOURCE;
	case PLACE_LOCAL:
		return w.tid == p->from ? DROP_IP6_SOURCE_POP : DROP_IP6_SOURCE;
	case PLACE_TRANSFER:
		return w.tid == p->from ? DROP_IP6_SOURCE_TRANSFER : DROP_IP6_SOURCE;
	case PLACE_REMOTE:
	case PLACE_ROUTED:
	case PLACE_SUBNET:
		break;
	}
	if (w.tid != p->from)
		return DROP_IP6_SOURCE;

	pkt_note(p, NOTE_SOURCE_OK, p->from, 0);
	return PASS;
}

/* forwarding.md 3, row 2: our customers' addresses do not come from outside (BCP 38). */
static enum verdict source_of_uplink(struct path *pa, struct pkt *p, const struct ip6_hdr *h)
{
	struct place w = config_lookup6(pa->cf, &h->src);

	if (w.kind != PLACE_UPLINK) {
		if (w.kind != PLACE_UNASSIGNED)
			p->blame = w.tid;
		return DROP_OVER_UPLINK;
	}
	if (pa->cf->head->drop_reserved && addr_is_reserved6(&h->src))
		return DROP_IP6_RESERVED;	/* security.md H2, off by default */
	pkt_note(p, NOTE_SOURCE_UPLINK, TID_NONE, 0);
	return PASS;
}

static bool is_own4(const struct path *pa, const uint8_t *at, uint8_t flip)
{
	struct ip4_addr v4;
	struct ip6_addr a;

	for (size_t i = 0; i < sizeof(v4.b); i++)
		v4.b[i] = at[i] ^ flip;
	a = addr_from_ip4_wire(&v4);
	return config_is_own(pa->cf, &a);
}

/*
 * An automatic tunnel at the other side would wrap a packet for such an address in
 * protocol 41 and send it back to us: RFC 6324, RFC 3964.
 */
static bool embeds_us(const struct path *pa, const struct ip6_addr *a)
{
	static const uint8_t teredo[4] = { 0x20, 0x01, 0, 0 };	/* RFC 4380 2.6 */
	static const uint8_t isatap[2] = { 0x5e, 0xfe };	/* RFC 5214 6.1 */

	if (a->b[0] == 0x20 && a->b[1] == 0x02 && is_own4(pa, a->b + 2, 0))
		return true;	/* RFC 3056 2 */
	if (memcmp(a->b, teredo, sizeof(teredo)) == 0 &&
	    (is_own4(pa, a->b + 4, 0) || is_own4(pa, a->b + 12, 0xff)))
		return true;
	return (a->b[8] == 0 || a->b[8] == 2) && a->b[9] == 0 &&
	       memcmp(a->b + 10, isatap, sizeof(isatap)) == 0 && is_own4(pa, a->b + 12, 0);
}

/* A tunnel to this PoP inside a tunnel of this PoP: security.md L5. */
static bool is_nested(const struct path *pa, const struct pkt *p, const struct ip6_hdr *h,
		      const struct ext_end *end)
{
	struct cur c = pkt_cur(p);
	struct udp_hdr u;

	switch ((enum ip_proto)end->proto) {
	case PROTO_IPV6:
	case PROTO_IPV4:
	case PROTO_GRE:
		return config_is_own(pa->cf, &h->dst);
	case PROTO_UDP:
		return end->upper && cur_skip(&c, end->at) && CUR_TAKE(&c, &u) &&
		       be16_get(&u.dst) == PORT_AYIYA && config_is_own(pa->cf, &h->dst);
	default:	/* not our enum: IANA's numbers */
		return false;
	}
}

/* What cannot be read on its way through is dropped; the PoP itself says where it is wrong. */
static bool is_for_pop(const struct path *pa, const struct ip6_hdr *h)
{
	enum place_kind k = config_lookup6(pa->cf, &h->dst).kind;

	return k == PLACE_LOCAL || k == PLACE_POP;
}

enum verdict check6(struct path *pa, struct pkt *p)
{
	struct ip6_hdr h;
	struct ext_end end;
	enum verdict v = sane6(p, &h);

	if (v == PASS)
		v = class6(&h);
	if (v == PASS)
		v = p->via == VIA_TUN ? source_of_uplink(pa, p, &h) : source_of_tunnel(pa, p, &h);
	if (v != PASS)
		return v;

	v = ext_walk(pkt_cur(p), &end);
	if (v != PASS && v != DROP_IP6_EXTENSIONS)
		return v;
	if (embeds_us(pa, &h.src) || embeds_us(pa, &h.dst))
		return DROP_IP6_EMBEDDED;
	if (v == DROP_IP6_EXTENSIONS)
		return is_for_pop(pa, &h) ? PASS : v;
	if (p->via != VIA_TUN && is_nested(pa, p, &h, &end))
		return DROP_NESTED;
	return PASS;
}
