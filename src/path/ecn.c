/* Congestion marks through the tunnel: RFC 6040, normal mode outward, 4.2 inward. */
#include "path/steps.h"

#include "base/sum.h"
#include "wire/proto.h"

#define ECN_MASK	3
#define TC_SHIFT	20	/* traffic class within the first word of an IPv6 header */

/* RFC 6040 figure 4, [inner][outer]; DROPPED: a mark on what cannot have been marked. */
#define DROPPED 0xff
static const uint8_t arriving[4][4] = {
	[ECN_NOT_ECT]	= { ECN_NOT_ECT, ECN_NOT_ECT, ECN_NOT_ECT, DROPPED },
	[ECN_ECT1]	= { ECN_ECT1, ECN_ECT1, ECN_ECT1, ECN_CE },
	[ECN_ECT0]	= { ECN_ECT0, ECN_ECT1, ECN_ECT0, ECN_CE },
	[ECN_CE]	= { ECN_CE, ECN_CE, ECN_CE, ECN_CE },
};

enum verdict ecn_decap(struct pkt *p, uint8_t inner_ecn)
{
	uint8_t result = arriving[inner_ecn & ECN_MASK][p->outer.ecn & ECN_MASK];

	if (result == DROPPED)
		return DROP_ECN;

	p->inner_ecn = result;
	p->ecn_changes = result != inner_ecn;
	if (p->ecn_changes)
		pkt_note(p, NOTE_ECN, p->from, result);
	return PASS;
}

uint8_t ecn_inner(const struct pkt *p)
{
	struct cur c = pkt_cur(p);
	be32_t vtf;

	if (!CUR_PEEK(c, &vtf))
		return ECN_NOT_ECT;
	if (pkt_version(p) == IP4_VERSION)
		return p->data[offsetof(struct ip4_hdr, tos)] & ECN_MASK;
	return be32_get(&vtf) >> TC_SHIFT & ECN_MASK;
}

static void apply4(struct pkt *p)
{
	struct ip4_hdr h;
	be16_t before, after;

	memcpy(&h, p->data, sizeof(h));
	memcpy(&before, &h, sizeof(before));
	h.tos = (uint8_t)((h.tos & ~ECN_MASK) | p->inner_ecn);
	memcpy(&after, &h, sizeof(after));
	h.checksum = sum_replace(h.checksum, before, after);
	memcpy(p->data, &h, sizeof(h));
}

void ecn_apply(struct pkt *p)
{
	be32_t vtf;

	if (pkt_version(p) == IP4_VERSION) {
		apply4(p);
		return;
	}
	memcpy(&vtf, p->data, sizeof(vtf));
	vtf = be32_put((be32_get(&vtf) & ~(UINT32_C(3) << TC_SHIFT)) |
		       (uint32_t)p->inner_ecn << TC_SHIFT);
	memcpy(p->data, &vtf, sizeof(vtf));
}
