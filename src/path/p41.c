/* Protocol 41, 6in4 and 6in6: RFC 4213 3.6, forwarding.md 2.1. Silent about all it refuses. */
#include "path/steps.h"

enum verdict p41_decap(struct path *pa, struct pkt *p)
{
	struct cur c = pkt_cur(p);
	struct ip6_hdr h;
	uint16_t tid;

	if (!CUR_PEEK(c, &h))
		return DROP_P41_SHORT;
	if (be32_get(&h.vtf) >> 28 != IP6_VERSION)
		return DROP_P41_VERSION;

	enum verdict v = plain_owner6(pa, c, &tid);

	return v == PASS ? plain_accept(pa, p, tid) : v;
}
