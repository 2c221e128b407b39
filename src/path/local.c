/*
 * src/path/local.c - IPv6 for the PoP itself, any tunnel's ::1 or <prefix>:ffff::1
 *
 * forwarding.md 5. It answers pings and neighbour solicitations from the address that
 * was asked, hands the latency test its replies, and says "port unreachable" to the
 * rest; a tunnel protocol in here is no exception and is never decapsulated
 * (security.md L5). No ICMPv6 is acted upon before its checksum is right (H5).
 */
#include "path/steps.h"

#include "base/sum.h"
#include "path/ext.h"
#include "path/icmp.h"
#include "wire/proto.h"

/* What the ICMPv6 steps ask about the packet: the header, and the message behind it. */
struct message {
	struct ip6_hdr	ip;
	struct cur	body;		/* from the ICMPv6 header to the end */
};

static enum verdict echo(struct path *pa, struct pkt *p, const struct message *m,
			 struct pkt *reply)
{
	size_t len = m->body.left;
	struct cur c = m->body;
	struct icmp6_echo e;

	if (p->from != TID_NONE) {
		uint16_t mtu = tunnel_mtu(&pa->cf->tunnel[p->from], &pa->tb->tunnel[p->from].ep);

		if (sizeof(m->ip) + len > mtu) {
			p->param = mtu;
			return DROP_TOO_BIG;
		}
	}
	if (!CUR_TAKE(&c, &e))
		return DROP_LOCAL_SHORT;
	e.type = ICMP6_ECHO_REPLY;
	e.checksum = be16_put(0);

	reply_begin(reply);
	memcpy(icmp6_room(reply), &e, sizeof(e));
	memcpy(icmp6_room(reply) + sizeof(e), c.at, c.left);
	icmp6_finish(reply, &m->ip.dst, &m->ip.src, ICMP_HOPS, len);
	return CONSUMED_ECHO;
}

/* Options of neighbour discovery: all whole, none of length 0 (RFC 4861 7.1.1). */
static bool options_ok(struct cur c)
{
	struct icmp6_option o;

	while (c.left > 0) {
		if (!CUR_PEEK(c, &o) || o.len == 0 || !cur_skip(&c, (size_t)o.len * 8))
			return false;
	}
	return true;
}

/* RFC 4861 7.1.1 and 7.2.3; the other end has no link-layer address, so neither do we. */
static enum verdict neighbor(const struct message *m, struct pkt *reply)
{
	struct cur c = m->body;
	struct icmp6_nd nd;

	if (!CUR_TAKE(&c, &nd))
		return DROP_LOCAL_SHORT;
	if (m->ip.hop_limit != ICMP_ND_HOPS || nd.code != 0 ||
	    addr_is_unspecified(&m->ip.src) || !addr_eq(&nd.target, &m->ip.dst) ||
	    !options_ok(c))
		return DROP_LOCAL_NEIGHBOR;

	nd.type = ICMP6_NEIGHBOR_ADVERT;
	nd.checksum = be16_put(0);
	nd.flags = be32_put(ICMP6_NA_ROUTER | ICMP6_NA_SOLICITED);

	reply_begin(reply);
	memcpy(icmp6_room(reply), &nd, sizeof(nd));
	icmp6_finish(reply, &m->ip.dst, &m->ip.src, ICMP_ND_HOPS, sizeof(nd));
	return CONSUMED_NEIGHBOR;
}

static enum verdict icmp(struct path *pa, struct pkt *p, const struct message *m,
			 struct pkt *reply)
{
	size_t len = m->body.left;
	struct icmp6_echo e;

	if (!CUR_PEEK(m->body, &e))
		return DROP_LOCAL_SHORT;
	if (!sum_ok(sum_add(sum_pseudo6(&m->ip.src, &m->ip.dst, (uint32_t)len, PROTO_ICMP6),
			    m->body.at, len)))
		return DROP_LOCAL_CHECKSUM;

	switch (e.type) {
	case ICMP6_ECHO_REQUEST:
		return e.code == 0 ? echo(pa, p, m, reply) : CONSUMED_LOCAL;
	case ICMP6_ECHO_REPLY:
		return be16_get(&e.id) == LATENCY_ID ? latency_take(pa, p) : CONSUMED_LOCAL;
	case ICMP6_NEIGHBOR_SOLICIT:
		return neighbor(m, reply);
	}
	return CONSUMED_LOCAL;
}

enum verdict local6(struct path *pa, struct pkt *p, struct pkt *reply)
{
	struct message m = { .body = pkt_cur(p) };
	struct ext_end end;

	if (!CUR_PEEK(m.body, &m.ip))
		return DROP_IP6_MALFORMED;

	enum verdict v = ext_walk(m.body, &end);

	if (v == DROP_IP6_EXTENSIONS) {
		p->param = end.pointer;
		return DROP_LOCAL_EXTENSIONS;
	}
	if (v != PASS)
		return v;
	if (end.fragment)	/* nothing here is worth reassembling (security.md P6, RFC 7112) */
		return DROP_LOCAL_FRAGMENT;
	if (!cur_skip(&m.body, end.at))
		return DROP_IP6_MALFORMED;

	switch (end.proto) {
	case PROTO_NONE:
		return DROP_LOCAL_NONE;
	case PROTO_ICMP6:
		return icmp(pa, p, &m, reply);
	}
	return DROP_LOCAL_PORT;
}
