/*
 * The way out: forwarding.md 6 and 7. Everything that can fail is asked first, so that a
 * packet which is dropped here is still the one that arrived and can be quoted.
 */
#include "path/steps.h"

#include "base/sum.h"
#include "wire/ayiya.h"
#include "wire/gre.h"
#include "wire/proto.h"
#include "wire/udp.h"

#define FLOW_LABEL_MASK UINT32_C(0xfffff)
#define TC_SHIFT	20

/* One outer packet to be: what the headers need to know. */
struct wrap {
	const struct endpoint	*ep;
	struct ip6_addr		us;
	uint16_t		over;	/* octets of all outer headers */
	uint8_t			proto;
	uint8_t			ecn;
	uint32_t		flow;	/* RFC 6438; 0: none */
};

static enum verdict wrap_begin(const struct path *pa, uint16_t tid, struct wrap *w)
{
	const struct endpoint *ep = &pa->tb->tunnel[tid].ep;

	if (ep->type == TYPE_NONE || addr_is_unspecified(&ep->them))
		return DROP_NO_ENDPOINT;
	if (config_bad_endpoint(pa->cf, &ep->them))
		return DROP_ENDPOINT_LOOP;	/* security.md L3, L4 */
	/* `tunnel set remote`, or a reload that took the password away: anyone could sign so */
	if (ep->type == TYPE_AYIYA && !(pa->cf->tunnel[tid].flags & TUNNEL_SECRET))
		return DROP_NO_SECRET;

	*w = (struct wrap){ .ep = ep, .us = ep->us };
	w->over = tunnel_overhead(&pa->cf->tunnel[tid], ep);
	if (addr_is_unspecified(&w->us) || addr_is_ip4(&w->us) != addr_is_ip4(&ep->them))
		w->us = config_outer_us(pa->cf, &ep->them);
	/* not even configured: for IPv4 the kernel fills one in, for IPv6 it would send :: */
	if (addr_is_unspecified(&w->us) && addr_is_ip4(&ep->them))
		w->us = addr_from_ip4(0);
	return addr_is_unspecified(&w->us) ? DROP_NO_ENDPOINT : PASS;
}

/*
 * The path is too narrow even for 1280 octets inside: then the outer packet may be
 * fragmented, so that they still pass (RFC 4213 3.2.2, RFC 2473 7.1).
 */
static bool is_narrow(const struct wrap *w)
{
	return w->ep->path_mtu_bytes && w->ep->path_mtu_bytes < MTU_MIN_BYTES + w->over;
}

static void push_ip4(struct pkt *p, const struct wrap *w)
{
	struct ip4_hdr h = {
		.vihl = IP4_VERSION << 4 | sizeof(h) / 4,
		.tos = w->ecn,
		.total_len = be16_put((uint16_t)(p->len + sizeof(h))),
		.frag = be16_put(is_narrow(w) ? 0 : IP4_DF),
		.ttl = OUTER_HOPS,
		.protocol = w->proto,
		.src = addr_to_ip4_wire(&w->us),
		.dst = addr_to_ip4_wire(&w->ep->them),
	};

	h.checksum = sum_done(sum_add(0, &h, sizeof(h)));
	memcpy(pkt_push(p, sizeof(h)), &h, sizeof(h));
	if (is_narrow(w) && w->ep->fragment_here && p->len > w->ep->path_mtu_bytes)
		p->out_fragment = w->ep->path_mtu_bytes;
}

static void push_ip6(struct pkt *p, const struct wrap *w)
{
	struct ip6_hdr h = {
		.vtf = be32_put((uint32_t)IP6_VERSION << 28 | (uint32_t)w->ecn << TC_SHIFT |
				w->flow),
		.payload_len = be16_put((uint16_t)p->len),
		.next = w->proto,
		.hop_limit = OUTER_HOPS,
		.src = w->us,
		.dst = w->ep->them,
	};

	memcpy(pkt_push(p, sizeof(h)), &h, sizeof(h));
	if (is_narrow(w) && p->len > w->ep->path_mtu_bytes)	/* no router will do it for us */
		p->out_fragment = w->ep->path_mtu_bytes;
}

static void push_udp(struct pkt *p, const struct wrap *w)
{
	struct udp_hdr u = { .src = be16_put(PORT_AYIYA), .dst = be16_put(w->ep->them_port) };

	u.len = be16_put((uint16_t)(p->len + sizeof(u)));
	memcpy(pkt_push(p, sizeof(u)), &u, sizeof(u));
	/* without our address in the sum: the kernel fills the source in after us */
	p->unsummed = !addr_is_ip4(&w->us) || addr_ip4(&w->us) != 0;
}

static void wrap_end(struct pkt *p, const struct wrap *w, uint16_t tid)
{
	if (w->proto == PROTO_UDP) {
		push_udp(p, w);
		p->datagram = !is_narrow(w) && !addr_is_unspecified(&w->us) &&
			      !(addr_is_ip4(&w->us) && addr_ip4(&w->us) == 0);
	}
	if (addr_is_ip4(&w->ep->them))
		push_ip4(p, w);
	else
		push_ip6(p, w);

	p->to = tid;
	p->out = OUT_WIRE;
	p->out_to = w->ep->them;
	if (!p->unsigned_at)
		path_sum(p);
	if (p->out_fragment)
		pkt_note(p, NOTE_FRAGMENTED, tid, p->out_fragment);
}

/* Octets of what wrap_end() pushes: of w->over, an AYIYA payload has its part already. */
static size_t outermost(const struct wrap *w)
{
	return (addr_is_ip4(&w->ep->them) ? sizeof(struct ip4_hdr) : sizeof(struct ip6_hdr)) +
	       (w->proto == PROTO_UDP ? sizeof(struct udp_hdr) : 0);
}

enum verdict outer_push(struct path *pa, struct pkt *p, uint16_t tid, uint8_t proto, uint8_t ecn)
{
	struct wrap w;
	enum verdict v = wrap_begin(pa, tid, &w);

	if (v != PASS)
		return v;
	w.proto = proto;
	w.ecn = ecn;
	if (p->len + outermost(&w) > UINT16_MAX)
		return DROP_SEND_BIG;
	wrap_end(p, &w, tid);
	return PASS;
}

static void push_gre(struct pkt *p, const struct tunnel_conf *c, bool four)
{
	bool keyed = c->flags & TUNNEL_GRE_KEY;
	be32_t key = be32_put(c->gre_key);
	struct gre_hdr h = {
		.flags = be16_put(keyed ? GRE_KEY : 0),
		.protocol = be16_put(four ? ETHER_IPV4 : ETHER_IPV6),
	};

	if (keyed)
		memcpy(pkt_push(p, sizeof(key)), &key, sizeof(key));
	memcpy(pkt_push(p, sizeof(h)), &h, sizeof(h));
}

static uint32_t mix(uint32_t hash, const void *at, size_t words)
{
	const uint8_t *from = at;

	for (size_t i = 0; i < words; i++) {
		uint32_t w;

		memcpy(&w, from + 4 * i, sizeof(w));
		hash = (hash ^ w) * UINT32_C(0x9e3779b1);
		hash ^= hash >> 15;
	}
	return hash;
}

/* RFC 6438: packets of one inner flow get one label, different flows most likely others. */
static uint32_t flow_of(const struct pkt *p)
{
	struct cur c = pkt_cur(p);
	uint32_t hash = 0, ports;
	struct ip4_hdr h4;
	struct ip6_hdr h6;
	uint8_t proto = PROTO_NONE;

	if (pkt_version(p) == IP4_VERSION && CUR_TAKE(&c, &h4)) {
		bool whole = h4.vihl == (IP4_VERSION << 4 | sizeof(h4) / 4) &&
			     !(be16_get(&h4.frag) & (IP4_MF | IP4_OFFSET_MASK));

		hash = mix(h4.protocol, &h4.src, (sizeof(h4.src) + sizeof(h4.dst)) / 4);
		proto = whole ? h4.protocol : PROTO_NONE;
	} else if (CUR_TAKE(&c, &h6)) {
		uint32_t label = be32_get(&h6.vtf) & FLOW_LABEL_MASK;

		hash = mix(h6.next ^ label << 8, &h6.src, (sizeof(h6.src) + sizeof(h6.dst)) / 4);
		proto = h6.next;
	}
	if ((proto == PROTO_TCP || proto == PROTO_UDP) && CUR_TAKE(&c, &ports))
		hash = mix(hash, &ports, 1);
	return (hash >> 12) ? hash >> 12 : 1;
}

/* What changes of the inner packet, and only now: nobody will quote it any more. */
static void dress_inner(struct path *pa, struct pkt *p)
{
	uint16_t ends[2] = { p->from, p->to };

	if (p->ecn_changes)
		ecn_apply(p);
	if (p->from != TID_NONE && p->to != TID_NONE) {
		if (pkt_version(p) == IP4_VERSION)
			ttl_apply(p);
		else
			p->data[offsetof(struct ip6_hdr, hop_limit)]--;
	}
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		if (ends[i] == TID_NONE || !(pa->cf->tunnel[ends[i]].flags & TUNNEL_MSS))
			continue;
		struct endpoint ep = path_endpoint(pa, ends[i]);
		uint16_t mss = mss_clamp(p, tunnel_mtu(&pa->cf->tunnel[ends[i]], &ep));

		if (mss)
			pkt_note(p, NOTE_MSS, ends[i], mss);
	}
}

static enum verdict to_tunnel(struct path *pa, struct pkt *p)
{
	const struct tunnel_conf *c = &pa->cf->tunnel[p->to];
	bool four = pkt_version(p) == IP4_VERSION;
	struct wrap w;
	enum verdict v = wrap_begin(pa, p->to, &w);

	if (v != PASS)
		return v;
	if (w.ep->type == TYPE_DIRECT && four)
		return DROP_IP4_NOT_CARRIED;

	dress_inner(pa, p);
	w.ecn = ecn_inner(p);
	if (!addr_is_ip4(&w.ep->them))
		w.flow = flow_of(p);

	switch ((enum tunnel_type)w.ep->type) {
	case TYPE_NONE:
	case TYPE_DIRECT:
		w.proto = PROTO_IPV6;
		pkt_note(p, NOTE_ENCAP_DIRECT, p->to, 0);
		break;
	case TYPE_GRE:
		w.proto = PROTO_GRE;
		push_gre(p, c, four);
		pkt_note(p, NOTE_ENCAP_GRE, p->to, 0);
		break;
	case TYPE_AYIYA:
		w.proto = PROTO_UDP;
		ayiya_push(pa, p, p->to, AYIYA_OP_FORWARD, four ? PROTO_IPV4 : PROTO_IPV6);
		pkt_note(p, NOTE_ENCAP_AYIYA, p->to, w.ep->them_port);
		break;
	}
	wrap_end(p, &w, p->to);
	return SENT_TUNNEL;
}

enum verdict encap(struct path *pa, struct pkt *p)
{
	if (p->to != TID_NONE)
		return to_tunnel(pa, p);

	dress_inner(pa, p);
	p->out = OUT_TUN;
	return SENT_UPLINK;
}
