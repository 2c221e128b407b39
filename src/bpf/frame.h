/*
 * src/bpf/frame.h - what a frame is, and what is to become of it
 *
 * Reading only: a step returns STAY_FAST or the reason for which the frame goes up as it
 * came. The meaning of every check is in path/; where path/ would look twice, this passes up.
 */
#ifndef SIXXSD_BPF_FRAME_H
#define SIXXSD_BPF_FRAME_H

#include "bpf/plan.h"
#include "wire/ayiya.h"
#include "wire/ether.h"
#include "wire/gre.h"
#include "wire/proto.h"
#include "wire/udp.h"

/* Besides enum fast_pass. */
#define STAY_FAST	(-1)
#define NOT_OURS	(-2)		/* concerns no tunnel: nobody counts it */
#define TO_WORKER	(-3)		/* AYIYA: for an AF_XDP socket, if there is room (worker.h) */

#define PROTO_SCTP	132
#define PROTO_UDPLITE	136
#define ECN_MASK	3
#define TC_SHIFT	20

/* The frame, as far as it was understood. Offsets are from its first octet. */
struct frame {
	void		*data, *end;
	__u32		len;		/* of the frame, also where that is not all in reach */
	__u32		cpu;
	__u32		l2;		/* octets of Ethernet header and tag */
	__u32		port;		/* arrived on */
	__u32		queue;		/* and in which receive queue of it */
	__u32		inner;		/* where the IPv6 packet of the two ends begins */
	__u32		inner_len;
	__u32		largest;	/* octets of the largest packet it will be on the wire */
	__u32		from, to;	/* tunnel, or OWNER_UPLINK */
	__u8		ecn;		/* of the inner packet when it leaves */
	__u8		new_ecn;	/* bool: differs from what is in it */
	__u8		from_type, to_type;	/* enum fast_type; FAST_OFF: the uplink */
	__u8		whole;		/* bool: the kernel has taken the tag off (tc.h) */
	__u16		vlan;		/* of that tag */
	__u32		segment;	/* super-packet: payload of each on the wire; else 0 */
	__u32		headers;	/* super-packet: octets in front of each payload */
	struct fast_line *in;		/* of @from, if a tunnel */
	struct fast_line *out;		/* of @to, if a tunnel */
};

static __always_inline int port_of(__u32 device, __u16 vlan)
{
	for (int i = 0; i < FAST_PORTS_MAX && i < (int)head.ports; i++) {
		if (head.port[i].device == device && head.port[i].vlan == vlan)
			return i;
	}
	return -1;
}

/* To us and nobody else: a switch may flood, a port may be promiscuous. */
static __always_inline bool is_for(const struct ether_hdr *e, const struct fast_port *p)
{
	const __u32 *to = (const __u32 *)e->dst, *me = (const __u32 *)p->mac;

	return to[0] == me[0] && (__u16)to[1] == (__u16)me[1];
}

/* Ethernet and at most one tag. @type: what follows */
static __always_inline int read_ethernet(struct frame *f, __u32 device, be16_t *type)
{
	const struct ether_hdr *e = f->data;
	const struct vlan_tag *tag = (const void *)(e + 1);
	__u16 vlan = f->vlan;
	int port;

	if ((void *)(e + 1) > f->end)
		return NOT_OURS;
	*type = e->type;
	f->l2 = sizeof(*e);
	if (be16_get(type) == ETHER_VLAN) {
		if (f->whole || (void *)(tag + 1) > f->end)
			return NOT_OURS;
		vlan = be16_get(&tag->tci) & 0x0fff;
		*type = tag->type;
		f->l2 += sizeof(*tag);
	}
	port = port_of(device, vlan);
	if (port < 0 || !is_for(e, &head.port[port & (FAST_PORTS_MAX - 1)]))
		return NOT_OURS;
	/* or the verifier would follow each number the loop may end with through all that comes after */
	f->port = (port + head.zero) & (FAST_PORTS_MAX - 1);
	return STAY_FAST;
}

static __always_inline bool checksum_ok(const struct ip4_hdr *h)
{
	const __u32 *w = (const __u32 *)h;
	__u64 sum = (__u64)w[0] + w[1] + w[2] + w[3] + w[4];

	/* 2^16 - 1 divides 2^32 - 1: words of either size have the same sum, once folded */
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

static __always_inline bool same4(const struct ip4_addr *a, const struct ip4_addr *b)
{
	return *(const __u32 *)a == *(const __u32 *)b;
}

/* RFC 6040 4.2, as the table of path/ecn.c; CE on what cannot carry it goes up to be dropped. */
static __always_inline bool merge_ecn(struct frame *f, __u8 outer)
{
	if (outer == ECN_CE && f->ecn != ECN_CE) {
		if (f->ecn == ECN_NOT_ECT)
			return false;
		f->ecn = ECN_CE;
		f->new_ecn = 1;
	} else if (outer == ECN_ECT1 && f->ecn == ECN_ECT0) {
		f->ecn = ECN_ECT1;
		f->new_ecn = 1;
	}
	return true;
}

/* Of a super-packet only what the kernel will cut exactly as its sender would have: TCP. */
static __always_inline bool read_super(struct frame *f, const struct ip6_hdr *h)
{
	const struct tcp_hdr *t = (const void *)(h + 1);

	if (h->next != PROTO_TCP || (void *)(t + 1) > f->end || t->off >> 4 < sizeof(*t) / 4)
		return false;
	f->headers = sizeof(*h) + (t->off >> 4) * 4;
	if (f->inner_len < f->headers)
		return false;
	if (f->inner_len > f->headers + f->segment)
		f->largest = f->headers + f->segment;
	return true;
}

/*
 * The IPv6 packet at f->inner, which is all there is from there on. What tells of nothing
 * behind the first header but the upper layer stays; so do packets that are no tunnel of
 * their own (path/check.c looks into those).
 */
static __always_inline int read_inner(struct frame *f, const struct ip6_hdr *h)
{
	const struct udp_hdr *u = (const void *)(h + 1);
	__u32 vtf = be32_get(&h->vtf);

	if (vtf >> 28 != IP6_VERSION)
		return FAST_PASS_PACKET;
	f->inner_len = sizeof(*h) + be16_get(&h->payload_len);
	f->largest = f->inner_len;
	if (f->inner_len != f->len - f->inner)
		return FAST_PASS_PACKET;
	if (f->segment && !read_super(f, h))
		return FAST_PASS_PACKET;
	f->ecn = vtf >> TC_SHIFT & ECN_MASK;
	switch (h->next) {
	case PROTO_TCP:
	case PROTO_ICMP6:
	case PROTO_ESP:
	case PROTO_SCTP:
	case PROTO_UDPLITE:
		return STAY_FAST;
	case PROTO_UDP:
		if ((void *)(u + 1) > f->end || be16_get(&u->dst) == PORT_AYIYA)
			return FAST_PASS_PACKET;
		return STAY_FAST;
	default:
		return FAST_PASS_PACKET;
	}
}

/* `tunnel set mss` wants to see every SYN. */
static __always_inline bool is_clamped(const struct frame *f, const struct fast_line *l,
				       const struct ip6_hdr *h)
{
	const struct tcp_hdr *t = (const void *)(h + 1);

	if (!(l->flags & FAST_MSS) || h->next != PROTO_TCP)
		return false;
	return (void *)(t + 1) > f->end || t->flags & TCP_SYN;
}

/*
 * The line of @tid, which among thousands of tunnels is in no cache: its octets are asked for
 * here, and needed when all else has been looked at.
 */
static __always_inline struct fast_line *early_line(__u32 cpu, __u32 tid)
{
	struct fast_line *l = line_of(cpu, tid);

	if (l)
		(void)*(const volatile __u8 *)&l->type;
	return l;
}

/* Who sent the outer packet, and is it theirs? (path/p41.c, path/gre.c, path/plain.c) */
static __always_inline int from_tunnel(struct frame *f, const struct ip4_hdr *o,
				       const struct ip6_hdr *h, __u32 type)
{
	if (!f->in || type_in_force(f->in) != type || !same4(&f->in->them, &o->src) ||
	    !same4(&f->in->us, &o->dst))
		return FAST_PASS_LINE;
	f->from_type = type;
	return is_clamped(f, f->in, h) ? FAST_PASS_PACKET : STAY_FAST;
}

/* No options, no fragment, undamaged, and as long as the frame. */
static __always_inline bool is_common(const struct frame *f, const struct ip4_hdr *o)
{
	return o->vihl == (IP4_VERSION << 4 | sizeof(*o) / 4) &&
	       !(be16_get(&o->frag) & (IP4_MF | IP4_OFFSET_MASK)) && checksum_ok(o) &&
	       be16_get(&o->total_len) == f->len - f->l2;
}

/* Does somebody take AYIYA from where this frame arrived? Then that worker's number + 1 */
static __always_inline __u32 keeper_of(const struct frame *f)
{
	__u32 at = f->port * FAST_QUEUES + f->queue;

	return f->queue < FAST_QUEUES && at < sizeof(head.keeper) ? head.keeper[at] : 0;
}

/* A datagram from where its tunnel is. The rest, who signed it first of all, is the worker's. */
static __always_inline int read_ayiya(struct frame *f, const struct ip4_hdr *o)
{
	const struct udp_hdr *u = (const void *)(o + 1);
	const struct ayiya_hdr *a = (const void *)(u + 1);

	if ((void *)(a + 1) > f->end || be16_get(&u->dst) != PORT_AYIYA || !keeper_of(f))
		return NOT_OURS;
	if (!is_common(f, o) || f->len > FAST_FRAME_MAX)
		return FAST_PASS_PACKET;
	f->from = owner_of(halves_of(&a->identity));
	if (f->from == OWNER_UPLINK || f->from == OWNER_UP)
		return FAST_PASS_LINE;
	f->in = line_of(f->cpu, f->from);
	if (!f->in || type_in_force(f->in) != FAST_AYIYA || !same4(&f->in->them, &o->src) ||
	    !same4(&f->in->us, &o->dst))
		return FAST_PASS_LINE;
	return TO_WORKER;
}

static __always_inline int read_outer(struct frame *f)
{
	const struct ip4_hdr *o = f->data + f->l2;
	const struct gre_hdr *g = (const void *)(o + 1);
	const struct ip6_hdr *h;
	__u32 type = FAST_DIRECT, at = f->l2 + sizeof(*o);
	int why;

	if ((void *)(o + 1) > f->end)
		return NOT_OURS;
	if (o->protocol == PROTO_UDP)
		return read_ayiya(f, o);
	if (o->protocol == PROTO_GRE)
		type = FAST_GRE;
	else if (o->protocol != PROTO_IPV6)
		return NOT_OURS;
	if (type == FAST_GRE) {
		if ((void *)(g + 1) > f->end || g->flags.raw != 0 ||
		    be16_get(&g->protocol) != ETHER_IPV6)
			return FAST_PASS_PACKET;
		at += sizeof(*g);
	}
	f->inner = at;
	h = f->data + at;
	if ((void *)(h + 1) > f->end)
		return FAST_PASS_PACKET;
	f->from = owner_of(halves_of(&h->src));		/* OWNER_UP, OWNER_UPLINK: no line */
	f->in = early_line(f->cpu, f->from);
	if (!is_common(f, o))
		return FAST_PASS_PACKET;
	why = read_inner(f, h);
	if (why == STAY_FAST)
		why = from_tunnel(f, o, h, type);
	if (why == STAY_FAST && !merge_ecn(f, o->tos & ECN_MASK))
		why = FAST_PASS_PACKET;
	return why;
}

/* Native IPv6 is ours if somebody of ours is to get it; its source may not be one of us. */
static __always_inline int read_native(struct frame *f)
{
	const struct ip6_hdr *h = f->data + f->l2;

	f->inner = f->l2;
	f->from = OWNER_UPLINK;
	if ((void *)(h + 1) > f->end)
		return NOT_OURS;
	f->to = owner_of(halves_of(&h->dst));
	if (f->to == OWNER_UPLINK)
		return NOT_OURS;
	f->out = early_line(f->cpu, f->to);
	if (!(head.port[f->port & (FAST_PORTS_MAX - 1)].flags & FAST_PORT_FORWARDS6))
		return FAST_PASS_ROUTE;
	if (owner_of(halves_of(&h->src)) != OWNER_UPLINK)
		return FAST_PASS_PACKET;
	return read_inner(f, h);
}

/* Who owns the destination, and may it have the packet? (path/route.c, path/age.c) */
static __always_inline int route(struct frame *f, const struct ip6_hdr *h)
{
	if (f->in) {
		f->to = owner_of(halves_of(&h->dst));
		f->out = early_line(f->cpu, f->to);
	}
	if (f->to == OWNER_UP || f->to == f->from)
		return FAST_PASS_LOCAL;
	if (h->hop_limit <= 1)
		return FAST_PASS_AGE;
	if (f->to == OWNER_UPLINK)
		return STAY_FAST;
	if (!f->out)
		return FAST_PASS_LINE;
	f->to_type = type_in_force(f->out);
	if (f->to_type == FAST_AYIYA ? f->in || !keeper_of(f) || f->len > FAST_FRAME_MAX :
				       f->to_type == FAST_OFF)
		return FAST_PASS_LINE;
	if (f->largest > f->out->mtu_bytes)
		return FAST_PASS_AGE;
	if (f->to_type == FAST_AYIYA)
		return TO_WORKER;
	return is_clamped(f, f->out, h) ? FAST_PASS_PACKET : STAY_FAST;
}

/* @device: where it arrived. Return: STAY_FAST, NOT_OURS, TO_WORKER or enum fast_pass */
static __always_inline int understand(struct frame *f, __u32 device)
{
	const struct ip6_hdr *h;
	be16_t type;
	int why;

	if (!head.on)
		return NOT_OURS;
	why = read_ethernet(f, device, &type);
	if (why != STAY_FAST)
		return why;
	if (be16_get(&type) == ETHER_IPV6)
		why = read_native(f);
	else if (be16_get(&type) == ETHER_IPV4)
		why = read_outer(f);
	else
		return NOT_OURS;
	if (why != STAY_FAST)
		return why;
	h = f->data + f->inner;
	if ((void *)(h + 1) > f->end)
		return FAST_PASS_PACKET;
	return route(f, h);
}

#endif
