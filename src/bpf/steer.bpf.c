/*
 * src/bpf/steer.bpf.c - which worker takes a packet, decided where it is queued
 *
 *	tun	TUN device: index of the queue, by destination
 *	ayiya	UDP sockets: index in the group, by the AYIYA identity
 *	p41_*	raw sockets: each takes its own worker's packets, by inner source
 *	gre_*
 *
 * All compute the tunnel id from an address, as table/plan.h does, and the worker from that.
 * Exactly one worker gets a packet, also if nothing can be made of it: then it is the
 * first. Nothing depends on the answer but speed (io/handover.h).
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "wire/steer.h"

#define FIRST_WORKER	0
#define WHOLE_PACKET	(-1)

#define IP6_SRC		8
#define IP6_DST		24
#define IP4_SRC		12
#define IP4_DST		16
#define AYIYA_IDENTITY	8

#define GRE_CHECKSUM	0x8000
#define GRE_KEY		0x2000
#define GRE_SEQUENCE	0x1000
#define GRE_IP4		0x0800

/* table/plan.h, IPv4 inside */
#define FOUR_CLASS	15
#define FOUR_TRANSFER	0x3f8000
#define FOUR_SELECTOR	0x3fffff
#define FOUR_TID	0x3fff

const volatile __u32 workers = 1;
const volatile __u32 mine = 0;		/* raw sockets: whose this instance is */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct steer_plan);
} plan SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);			/* as many as the limits ask for, set when loaded */
	__type(key, __u32);
	__type(value, struct steer_subnets);
} subnets SEC(".maps");

static __always_inline __u32 worker_of(__u32 tid)
{
	return tid == STEER_TID_NONE ? FIRST_WORKER : tid % workers;
}

static __always_inline __u32 subnet_tid(__u32 index)
{
	__u32 value = index / STEER_SUBNETS_PER_VALUE;
	struct steer_subnets *s = bpf_map_lookup_elem(&subnets, &value);

	return s ? s->tid[index % STEER_SUBNETS_PER_VALUE] : STEER_TID_NONE;
}

/* @hi: the upper half of an IPv6 address */
static __always_inline __u32 worker_of6(__u64 hi)
{
	__u32 only = 0;
	struct steer_plan *p = bpf_map_lookup_elem(&plan, &only);

	if (!p)
		return FIRST_WORKER;
	if (p->tunnel_mask && ((hi ^ p->tunnel_hi) & p->tunnel_mask) == 0)
		return worker_of(hi & p->tid_mask);
	for (__u32 i = 0; i < STEER_PREFIXES; i++) {
		struct steer_prefix *s = &p->prefix[i];

		if (i >= p->prefixes)
			break;
		if (((hi ^ s->hi) & s->mask) == 0)
			return worker_of(subnet_tid(s->base + ((hi & ~s->mask) >> (s->shift & 63))));
	}
	return FIRST_WORKER;
}

static __always_inline __u32 worker_of4(__u32 a)
{
	__u32 only = 0, selector = a & FOUR_SELECTOR;
	struct steer_plan *p = bpf_map_lookup_elem(&plan, &only);

	if (!p || a >> 28 != FOUR_CLASS || (a >> 22 & 63) != p->pop_id)
		return FIRST_WORKER;
	return worker_of((selector >= FOUR_TRANSFER ? selector >> 1 : selector >> 8) & FOUR_TID);
}

static __always_inline __u32 by_ip6(struct __sk_buff *skb, __u32 at)
{
	__u64 hi;

	if (bpf_skb_load_bytes(skb, at, &hi, sizeof(hi)) < 0)
		return FIRST_WORKER;
	return worker_of6(bpf_be64_to_cpu(hi));
}

static __always_inline __u32 by_ip4(struct __sk_buff *skb, __u32 at)
{
	__u32 a;

	if (bpf_skb_load_bytes(skb, at, &a, sizeof(a)) < 0)
		return FIRST_WORKER;
	return worker_of4(bpf_ntohl(a));
}

SEC("socket")
int tun(struct __sk_buff *skb)
{
	__u8 version;

	if (bpf_skb_load_bytes(skb, 0, &version, sizeof(version)) < 0)
		return FIRST_WORKER;
	return version >> 4 == 4 ? by_ip4(skb, IP4_DST) : by_ip6(skb, IP6_DST);
}

SEC("socket")
int ayiya(struct __sk_buff *skb)
{
	return by_ip6(skb, AYIYA_IDENTITY);
}

/* Where the outer IPv4 header ends; a raw socket of that family gets it along. */
static __always_inline __u32 behind4(struct __sk_buff *skb)
{
	__u8 vihl;

	return bpf_skb_load_bytes(skb, 0, &vihl, sizeof(vihl)) < 0 ? 0 : (vihl & 15) * 4;
}

static __always_inline __u32 by_gre(struct __sk_buff *skb, __u32 at)
{
	__u16 head[2], flags;

	if (bpf_skb_load_bytes(skb, at, head, sizeof(head)) < 0)
		return FIRST_WORKER;
	flags = bpf_ntohs(head[0]);
	at += sizeof(head);
	at += flags & GRE_CHECKSUM ? 4 : 0;
	at += flags & GRE_KEY ? 4 : 0;
	at += flags & GRE_SEQUENCE ? 4 : 0;
	return bpf_ntohs(head[1]) == GRE_IP4 ? by_ip4(skb, at + IP4_SRC) : by_ip6(skb, at + IP6_SRC);
}

static __always_inline int take(__u32 worker)
{
	return worker == mine ? WHOLE_PACKET : 0;
}

SEC("socket")
int p41_four(struct __sk_buff *skb)
{
	return take(by_ip6(skb, behind4(skb) + IP6_SRC));
}

SEC("socket")
int p41_six(struct __sk_buff *skb)
{
	return take(by_ip6(skb, IP6_SRC));
}

SEC("socket")
int gre_four(struct __sk_buff *skb)
{
	return take(by_gre(skb, behind4(skb)));
}

SEC("socket")
int gre_six(struct __sk_buff *skb)
{
	return take(by_gre(skb, 0));
}

char _license[] SEC("license") = "GPL";
