#include "io/outer.h"

#include "wire/ether.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/proto.h"
#include "wire/udp.h"

enum { TOS_ECN_MASK = 3 };

enum verdict outer_strip4(struct pkt *p)
{
	struct cur c = pkt_cur(p);
	struct ip4_hdr h;
	size_t header, total;

	if (!CUR_TAKE(&c, &h))
		return DROP_OUTER_SHORT;
	header = (size_t)(h.vihl & 0x0f) * 4;
	total = be16_get(&h.total_len);
	if (h.vihl >> 4 != IP4_VERSION || header < sizeof(h) || total < header)
		return DROP_OUTER_SHORT;
	/* the kernel reassembles: a fragment that still gets here is nobody's whole packet */
	if (be16_get(&h.frag) & (IP4_MF | IP4_OFFSET_MASK))
		return DROP_OUTER_FRAGMENT;
	if (!cur_skip(&c, header - sizeof(h)) || !cur_cut(&c, total - header))
		return DROP_OUTER_SHORT;

	p->outer.them = addr_from_ip4_wire(&h.src);
	p->outer.us = addr_from_ip4_wire(&h.dst);
	p->outer.ecn = h.tos & TOS_ECN_MASK;
	pkt_keep(p, c);
	p->inner = p->data;
	p->inner_len = p->len;
	return PASS;
}

/* @c begins with the UDP header */
static enum verdict strip_udp(struct pkt *p, struct cur c)
{
	struct udp_hdr u;
	size_t len;

	if (!CUR_TAKE(&c, &u))
		return DROP_OUTER_SHORT;
	len = be16_get(&u.len);
	if (len < sizeof(u) || !cur_cut(&c, len - sizeof(u)))
		return DROP_OUTER_SHORT;
	p->outer.them_port = be16_get(&u.src);
	p->outer.us_port = be16_get(&u.dst);
	p->via = VIA_AYIYA;
	pkt_keep(p, c);
	return PASS;
}

/* @c begins with the IPv6 header, which stays */
static enum verdict keep_ip6(struct pkt *p, struct cur c)
{
	struct ip6_hdr h;

	if (!CUR_PEEK(c, &h) || !cur_cut(&c, sizeof(h) + be16_get(&h.payload_len)))
		return DROP_OUTER_SHORT;
	p->via = VIA_TUN;
	pkt_keep(p, c);
	return PASS;
}

enum verdict outer_strip_frame(struct pkt *p)
{
	struct cur c = pkt_cur(p);
	struct ether_hdr e;
	struct vlan_tag tag;
	enum verdict v;
	be16_t type;

	if (!CUR_TAKE(&c, &e))
		return DROP_OUTER_SHORT;
	type = e.type;
	if (be16_get(&type) == ETHER_VLAN) {
		if (!CUR_TAKE(&c, &tag))
			return DROP_OUTER_SHORT;
		type = tag.type;
	}
	pkt_keep(p, c);
	if (be16_get(&type) == ETHER_IPV6) {
		v = keep_ip6(p, c);
	} else {
		v = be16_get(&type) == ETHER_IPV4 ? outer_strip4(p) : DROP_OUTER_SHORT;
		if (v == PASS)
			v = strip_udp(p, pkt_cur(p));
	}
	p->inner = p->data;
	p->inner_len = p->len;
	return v;
}
