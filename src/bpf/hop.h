/*
 * src/bpf/hop.h - the next hop, as the kernel would choose it
 *
 * The kernel is asked once and its answer kept, by this cpu for this cpu: a slot for the
 * next hop itself, found by what it is, and a note of which slot serves whom: in the hot
 * line of a tunnel for its endpoint, in a slot of its own for a native destination. All of
 * it is void as soon as control, who hears what netlink says, steps head.gen. A slot that
 * is taken over gets a new serial, so that old notes do not lead to the new hop.
 *
 * Both questions are those the kernel asks itself when user space has sent the packet.
 * Towards an endpoint that is a packet of our own: it enters routing at the loopback
 * device. A native packet enters at the TUN device.
 */
#ifndef SIXXSD_BPF_HOP_H
#define SIXXSD_BPF_HOP_H

#include "bpf/frame.h"

#define FAMILY_IP4	2
#define FAMILY_IP6	10
#define LOOPBACK	1		/* its index in every network namespace */
#define ANY_LENGTH	1		/* so that the kernel tells the MTU instead of judging */
#define MIX		0x9e3779b1

static __always_inline struct fast_hop *hop_slot(__u32 cpu, __u32 slot)
{
	__u32 key = cpu * FAST_HOPS + (slot & (FAST_HOPS - 1));

	return bpf_map_lookup_elem(&hops, &key);
}

/* A note is good while the slot still is what it was. Return: NULL: ask */
static __always_inline const struct fast_hop *hop_noted(__u32 cpu, __u32 slot, __u32 serial)
{
	const struct fast_hop *s;

	if (!serial || head.cache != FAST_CACHE_ON)
		return NULL;
	s = hop_slot(cpu, slot);
	return s && s->serial == serial && s->gen == head.gen ? s : NULL;
}

static __always_inline bool same_hop(const struct fast_hop *a, const struct fast_hop *b)
{
	const __u32 *x = (const __u32 *)a, *y = (const __u32 *)b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2] && x[3] == y[3] && a->gen == b->gen;
}

/* The answer of the kernel becomes a slot. Return: that; @number: of it; NULL: no such cpu */
static __always_inline const struct fast_hop *hop_keep(__u32 cpu, const struct fast_hop *answer,
						       __u16 *number)
{
	const __u32 *w = (const __u32 *)answer;
	__u32 slot = (((w[0] ^ w[1] ^ (__u32)answer->port << 8) * MIX) >> 16) & (FAST_HOPS - 1);
	struct fast_hop *s = hop_slot(cpu, slot);
	struct fast_cpu *c = bpf_map_lookup_elem(&cpus, &cpu);

	if (!s || !c)
		return NULL;
	*number = slot;
	if (!same_hop(s, answer)) {
		__u32 next = c->serial + 1;

		next += next == 0;
		c->serial = next;
		s->serial = 0;
		__builtin_memcpy(s->dmac, answer->dmac, 6);
		__builtin_memcpy(s->smac, answer->smac, 6);
		s->port = answer->port;
		s->mtu_bytes = answer->mtu_bytes;
		s->gen = answer->gen;
		s->serial = next;
	}
	return s;
}

/* Return: does the kernel know a way that leaves through one of our ports? */
static __always_inline bool hop_ask(void *ctx, struct bpf_fib_lookup *q, struct fast_hop *answer)
{
	__u32 gen = *(const volatile __u32 *)&head.gen;	/* before the question */

	q->tot_len = ANY_LENGTH;
	if (bpf_fib_lookup(ctx, q, sizeof(*q), 0) != BPF_FIB_LKUP_RET_SUCCESS)
		return false;
	for (__u32 i = 0; i < FAST_PORTS_MAX && i < head.ports; i++) {
		if (head.port[i].ifindex != q->ifindex)
			continue;
		__builtin_memcpy(answer->dmac, q->dmac, 6);
		__builtin_memcpy(answer->smac, q->smac, 6);
		answer->port = i;
		answer->mtu_bytes = q->mtu_result;
		answer->gen = gen;
		return true;
	}
	return false;
}

/* Asking is rare and needs room on the stack: functions of their own, off the packet's way. */

static __noinline const struct fast_hop *ask_endpoint(void *ctx, struct fast_line *l, __u32 cpu,
						      __u32 type)
{
	struct bpf_fib_lookup q = { .family = FAMILY_IP4, .ifindex = LOOPBACK };
	struct fast_hop answer = { .serial = 0 };
	const struct fast_hop *s;

	if (!l)
		return NULL;
	q.l4_protocol = type == FAST_AYIYA ? PROTO_UDP : type == FAST_GRE ? PROTO_GRE : PROTO_IPV6;
	q.ipv4_src = *(const __u32 *)&l->us;
	q.ipv4_dst = *(const __u32 *)&l->them;
	if (!hop_ask(ctx, &q, &answer))
		return NULL;
	s = hop_keep(cpu, &answer, &l->hop);
	l->hop_serial = s ? s->serial : 0;
	return s;
}

/* What of the inner header the kernel may want to know. */
struct native {
	struct ip6_addr	src, dst;
	__u32		flow;
	__u32		next;
};

static __noinline const struct fast_hop *ask_uplink(void *ctx, const struct native *n,
						    struct fast_dest *d, __u32 cpu)
{
	struct bpf_fib_lookup q = { .family = FAMILY_IP6, .ifindex = head.tun };
	struct fast_hop answer = { .serial = 0 };
	const struct fast_hop *s;

	if (!d)
		return NULL;
	q.l4_protocol = n->next;
	q.flowinfo = n->flow;
	__builtin_memcpy(q.ipv6_src, &n->src, sizeof(q.ipv6_src));
	__builtin_memcpy(q.ipv6_dst, &n->dst, sizeof(q.ipv6_dst));
	if (!hop_ask(ctx, &q, &answer))
		return NULL;
	d->serial = 0;
	__builtin_memcpy(&d->dst, &n->dst, sizeof(d->dst));
	s = hop_keep(cpu, &answer, &d->hop);
	d->serial = s ? s->serial : 0;
	return s;
}

static __always_inline const struct fast_hop *hop_to_endpoint(void *ctx, const struct frame *f)
{
	struct fast_line *l = f->out;
	const struct fast_hop *s = hop_noted(f->cpu, l->hop, l->hop_serial);

	return s ? s : ask_endpoint(ctx, l, f->cpu, f->to_type);
}

static __always_inline struct fast_dest *dest_slot(__u32 cpu, const struct ip6_addr *a)
{
	const __u32 *w = (const __u32 *)a;
	__u32 slot = ((w[0] ^ w[1] ^ w[2] ^ w[3]) * MIX) >> 16 & (FAST_DESTS - 1);
	__u32 key = cpu * FAST_DESTS + slot;

	return bpf_map_lookup_elem(&dests, &key);
}

static __always_inline bool same6(const struct ip6_addr *a, const struct ip6_addr *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	return x[0] == y[0] && x[1] == y[1];
}

static __always_inline const struct fast_hop *hop_to_uplink(void *ctx, const struct frame *f,
							    const struct ip6_hdr *h)
{
	struct fast_dest *d = dest_slot(f->cpu, &h->dst);
	const struct fast_hop *s;
	struct native n;

	if (!d)
		return NULL;
	s = same6(&d->dst, &h->dst) ? hop_noted(f->cpu, d->hop, d->serial) : NULL;
	if (s)
		return s;
	n = (struct native){ .src = h->src, .dst = h->dst, .next = h->next,
			     .flow = h->vtf.raw & be32_put(0x0fffffff).raw };
	return ask_uplink(ctx, &n, d, f->cpu);
}

/*
 * Where to, and does it fit? What @to points at stays as it is until the frame has left: no
 * program on this cpu interrupts another.
 */
static __always_inline int next_hop(void *ctx, struct frame *f, const struct fast_hop **to)
{
	const struct ip6_hdr *h = f->data + f->inner;
	__u32 len = f->largest;

	if ((void *)(h + 1) > f->end)
		return FAST_PASS_PACKET;
	if (f->out) {
		len += sizeof(struct ip4_hdr);
		if (f->to_type == FAST_GRE)
			len += sizeof(struct gre_hdr);
		*to = hop_to_endpoint(ctx, f);
	} else {
		*to = hop_to_uplink(ctx, f, h);
	}
	if (!*to)
		return FAST_PASS_ROUTE;
	if ((*to)->mtu_bytes && len > (*to)->mtu_bytes)
		return FAST_PASS_AGE;
	return STAY_FAST;
}

#endif
