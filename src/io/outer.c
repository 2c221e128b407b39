#include "io/outer.h"

#include "wire/ip4.h"

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
