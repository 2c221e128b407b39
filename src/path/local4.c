/*
 * src/path/local4.c - IPv4 for the PoP's side of a /31: it answers pings and nothing else
 */
#include "path/steps.h"

#include "base/sum.h"
#include "path/icmp.h"
#include "path/inner4.h"
#include "wire/proto.h"

/* @c: the ICMP message, checksum known to be good */
static enum verdict echo(struct path *pa, struct pkt *p, const struct ip4_hdr *h, struct cur c,
			 struct pkt *reply)
{
	size_t len = c.left;

	if (p->from != TID_NONE) {
		uint16_t mtu = tunnel_mtu(&pa->cf->tunnel[p->from], &pa->tb->tunnel[p->from].ep);

		if (sizeof(*h) + len > mtu) {
			p->param = mtu;
			return DROP_TOO_BIG;
		}
	}

	struct icmp4_hdr icmp;

	if (!CUR_TAKE(&c, &icmp))
		return DROP_LOCAL_SHORT;
	icmp.type = ICMP4_ECHO_REPLY;
	icmp.checksum = be16_put(0);

	reply_begin(reply);
	memcpy(icmp4_room(reply), &icmp, sizeof(icmp));
	memcpy(icmp4_room(reply) + sizeof(icmp), c.at, c.left);
	icmp4_finish(reply, &h->dst, &h->src, len);
	return CONSUMED_ECHO;
}

static enum verdict icmp(struct path *pa, struct pkt *p, const struct ip4_hdr *h, struct cur c,
			 struct pkt *reply)
{
	struct icmp4_hdr icmp;

	if (!CUR_PEEK(c, &icmp))
		return DROP_LOCAL_SHORT;
	if (!sum_ok(sum_add(0, c.at, c.left)))
		return DROP_LOCAL_CHECKSUM;
	if (icmp.type != ICMP4_ECHO_REQUEST || icmp.code != 0)
		return CONSUMED_LOCAL;
	return echo(pa, p, h, c, reply);
}

enum verdict local4(struct path *pa, struct pkt *p, struct pkt *reply)
{
	struct cur c = pkt_cur(p);
	struct ip4_hdr h;

	if (!ip4_read(p, &h) || !cur_cut(&c, be16_get(&h.total_len)) ||
	    !cur_skip(&c, ip4_header_len(&h)))
		return DROP_IP4_MALFORMED;
	if (be16_get(&h.frag) & (IP4_MF | IP4_OFFSET_MASK))
		return DROP_LOCAL_FRAGMENT;

	switch (h.protocol) {
	case PROTO_ICMP4:
		return icmp(pa, p, &h, c, reply);
	case PROTO_TCP:
	case PROTO_UDP:
		return DROP_LOCAL_PORT;
	}
	return DROP_IP4_PROTOCOL;
}
