/*
 * src/bpf/dress.h - the frame as it leaves, and the one place that counts
 *
 * The caller has made room: from @at on lie link header, outer header if one is due, and
 * the inner packet. Nothing here can fail but a bounds check that the verifier wants.
 */
#ifndef SIXXSD_BPF_DRESS_H
#define SIXXSD_BPF_DRESS_H

#include "bpf/hop.h"

/* Octets of outer headers towards @f->to. */
static __always_inline __u32 outer_len(const struct frame *f)
{
	if (!f->out)
		return 0;
	return sizeof(struct ip4_hdr) + (f->to_type == FAST_GRE ? sizeof(struct gre_hdr) : 0);
}

/* One hop less; ECN as merge_ecn() decided (path/encap.c, dress_inner()). */
static __always_inline void dress_inner(const struct frame *f, struct ip6_hdr *h)
{
	h->hop_limit--;
	if (f->new_ecn)
		h->vtf = be32_put((be32_get(&h->vtf) & ~((__u32)ECN_MASK << TC_SHIFT)) |
				  (__u32)f->ecn << TC_SHIFT);
}

/* path/encap.c, push_ip4() bit for bit. The constant words' sum is in the line. */
static __always_inline void put_outer(const struct frame *f, struct ip4_hdr *o, __u32 total)
{
	__u32 sum = f->out->sum.raw;
	be16_t tos = be16_put(f->ecn), len = be16_put(total);

	sum += tos.raw;
	sum += len.raw;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	o->vihl = IP4_VERSION << 4 | sizeof(*o) / 4;
	o->tos = f->ecn;
	o->total_len = len;
	o->id.raw = 0;
	o->frag = be16_put(IP4_DF);
	o->ttl = OUTER_HOPS;
	o->protocol = f->to_type == FAST_GRE ? PROTO_GRE : PROTO_IPV6;
	o->checksum.raw = ~sum;
	o->src = f->out->us;
	o->dst = f->out->them;
}

static __always_inline void put_gre(struct gre_hdr *g)
{
	g->flags.raw = 0;
	g->protocol = be16_put(ETHER_IPV6);
}

/* @type: of what follows; @vlan: 0: no tag */
static __always_inline void put_ethernet(struct ether_hdr *e, const struct fast_hop *to, __u16 type)
{
	const __u32 *mac = (const __u32 *)to->dmac;
	__u32 *w = (__u32 *)e->dst;

	w[0] = mac[0];		/* both addresses: twelve octets, in the same order */
	w[1] = mac[1];
	w[2] = mac[2];
	e->type = be16_put(type);
}

/* ---- counting, as path/account.c ---- */

/* @packets of them, @headers octets in front of every one but the first (super-packets) */
static __always_inline void count(struct frame *f, __u32 packets, __u32 headers)
{
	__u32 cpu = f->cpu, over = outer_len(f);
	struct fast_cpu *c = bpf_map_lookup_elem(&cpus, &cpu);
	__u64 octets = f->inner_len + (__u64)(packets - 1) * headers;
	__u64 sent = octets + (__u64)packets * over;
	__u32 way = FAST_WAY(f->from_type, f->to_type);
	struct fast_way_count *w;

	if (!c || way >= FAST_WAYS)
		return;
	w = &c->way[way];
	w->packets += packets;
	w->in_octets += octets;
	w->out_octets += sent;
	if (f->in) {
		f->in->in_packets += packets;
		f->in->in_octets += octets;
		f->in->last_in_s = head.wall_s;
	}
	if (f->out) {
		f->out->out_packets += packets;
		f->out->out_octets += sent;
		f->out->last_out_s = head.wall_s;
	}
}

static __always_inline void count_pass(__u32 cpu, int why)
{
	struct fast_cpu *c = bpf_map_lookup_elem(&cpus, &cpu);

	if (c && why >= 0 && why < FAST_PASS_COUNT)
		c->passed[why]++;
}

#endif
