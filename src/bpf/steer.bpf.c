/*
 * src/bpf/steer.bpf.c - which worker takes a packet, decided where it is queued
 *
 *	tun		TUN device: index of the queue, by destination
 *	tun_gate	and whether there is room for it
 *	ayiya		UDP sockets: index in the group, by the AYIYA identity
 *	ayiya_*		and whether there is room for it
 *	p41_*, gre_*	raw sockets: each takes its own worker's packets, by inner source, while
 *			there is room
 *
 * All compute the tunnel id from an address, as table/plan.h does, and the worker from that.
 * Exactly one worker gets a packet, also if nothing can be made of it: then it is the
 * first. Nothing depends on the answer but speed (io/handover.h). Room: wire/steer.h.
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
#define UDP_BYTES	8

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
const volatile __u32 mine = 0;		/* sockets: whose this instance is */
const volatile __u32 tunnels = 0;	/* tids; the flow behind them is everybody else's */

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

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);			/* workers * STEER_GATES */
	__type(key, __u32);
	__type(value, struct steer_gate);
} gates SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);			/* STEER_GATES * (tunnels + 1) */
	__type(key, __u32);
	__type(value, struct steer_flow);
} flows SEC(".maps");

static __always_inline __u32 worker_of(__u32 tid)
{
	return tid == STEER_TID_NONE ? FIRST_WORKER : tid % workers;
}

/* The kernel says of a merged packet how many it is. */
static __always_inline __u32 packets_in(struct __sk_buff *skb)
{
	return skb->gso_segs > 1 ? skb->gso_segs : 1;
}

/* May another packet of @tid's wait in that queue? */
static __always_inline int has_room(struct __sk_buff *skb, __u32 worker, __u32 kind, __u32 tid)
{
	__u32 at = worker * STEER_GATES + kind;
	struct steer_gate *g = bpf_map_lookup_elem(&gates, &at);
	__u32 flow = kind * (tunnels + 1) + (tid < tunnels ? tid : tunnels);
	struct steer_flow *f = bpf_map_lookup_elem(&flows, &flow);

	if (!g || !f || !g->quota)
		return 1;
	if (f->round != g->round) {
		f->round = g->round;
		f->used = 0;
	}
	if (f->used >= g->quota) {
		__sync_fetch_and_add(&f->shed, packets_in(skb));
		__sync_fetch_and_add(&g->shed, 1);
		return 0;
	}
	f->used += steer_cost(skb->len);
	return 1;
}

static __always_inline __u32 subnet_tid(__u32 index)
{
	__u32 value = index / STEER_SUBNETS_PER_VALUE;
	struct steer_subnets *s = bpf_map_lookup_elem(&subnets, &value);

	return s ? s->tid[index % STEER_SUBNETS_PER_VALUE] : STEER_TID_NONE;
}

/* @hi: the upper half of an IPv6 address */
static __always_inline __u32 tid_of6(__u64 hi)
{
	__u32 only = 0;
	struct steer_plan *p = bpf_map_lookup_elem(&plan, &only);

	if (!p)
		return STEER_TID_NONE;
	if (p->tunnel_mask && ((hi ^ p->tunnel_hi) & p->tunnel_mask) == 0)
		return hi & p->tid_mask;
	for (__u32 i = 0; i < STEER_PREFIXES; i++) {
		struct steer_prefix *s = &p->prefix[i];

		if (i >= p->prefixes)
			break;
		if (((hi ^ s->hi) & s->mask) == 0)
			return subnet_tid(s->base + ((hi & ~s->mask) >> (s->shift & 63)));
	}
	return STEER_TID_NONE;
}

static __always_inline __u32 tid_of4(__u32 a)
{
	__u32 only = 0, selector = a & FOUR_SELECTOR;
	struct steer_plan *p = bpf_map_lookup_elem(&plan, &only);

	if (!p || a >> 28 != FOUR_CLASS || (a >> 22 & 63) != p->pop_id)
		return STEER_TID_NONE;
	return (selector >= FOUR_TRANSFER ? selector >> 1 : selector >> 8) & FOUR_TID;
}

static __always_inline __u32 by_ip6(struct __sk_buff *skb, __u32 at)
{
	__u64 hi;

	if (bpf_skb_load_bytes(skb, at, &hi, sizeof(hi)) < 0)
		return STEER_TID_NONE;
	return tid_of6(bpf_be64_to_cpu(hi));
}

static __always_inline __u32 by_ip4(struct __sk_buff *skb, __u32 at)
{
	__u32 a;

	if (bpf_skb_load_bytes(skb, at, &a, sizeof(a)) < 0)
		return STEER_TID_NONE;
	return tid_of4(bpf_ntohl(a));
}

static __always_inline __u32 by_destination(struct __sk_buff *skb)
{
	__u8 version;

	if (bpf_skb_load_bytes(skb, 0, &version, sizeof(version)) < 0)
		return STEER_TID_NONE;
	return version >> 4 == 4 ? by_ip4(skb, IP4_DST) : by_ip6(skb, IP6_DST);
}

SEC("socket")
int tun(struct __sk_buff *skb)
{
	return worker_of(by_destination(skb));
}

SEC("socket")
int tun_gate(struct __sk_buff *skb)
{
	__u32 tid = by_destination(skb);

	return has_room(skb, worker_of(tid), STEER_GATE_TUN, tid) ? skb->len : 0;
}

SEC("socket")
int ayiya(struct __sk_buff *skb)
{
	return worker_of(by_ip6(skb, AYIYA_IDENTITY));
}

/* It is chosen already; the UDP header is still in front. */
static __always_inline int ayiya_gate(struct __sk_buff *skb, __u32 kind)
{
	__u32 tid = by_ip6(skb, UDP_BYTES + AYIYA_IDENTITY);

	return has_room(skb, mine, kind, tid) ? WHOLE_PACKET : 0;
}

SEC("socket")
int ayiya_four(struct __sk_buff *skb)
{
	return ayiya_gate(skb, STEER_GATE_AYIYA_FOUR);
}

SEC("socket")
int ayiya_six(struct __sk_buff *skb)
{
	return ayiya_gate(skb, STEER_GATE_AYIYA_SIX);
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
		return STEER_TID_NONE;
	flags = bpf_ntohs(head[0]);
	at += sizeof(head);
	at += flags & GRE_CHECKSUM ? 4 : 0;
	at += flags & GRE_KEY ? 4 : 0;
	at += flags & GRE_SEQUENCE ? 4 : 0;
	return bpf_ntohs(head[1]) == GRE_IP4 ? by_ip4(skb, at + IP4_SRC) : by_ip6(skb, at + IP6_SRC);
}

static __always_inline int take(struct __sk_buff *skb, __u32 kind, __u32 tid)
{
	return worker_of(tid) == mine && has_room(skb, mine, kind, tid) ? WHOLE_PACKET : 0;
}

SEC("socket")
int p41_four(struct __sk_buff *skb)
{
	return take(skb, STEER_GATE_P41_FOUR, by_ip6(skb, behind4(skb) + IP6_SRC));
}

SEC("socket")
int p41_six(struct __sk_buff *skb)
{
	return take(skb, STEER_GATE_P41_SIX, by_ip6(skb, IP6_SRC));
}

SEC("socket")
int gre_four(struct __sk_buff *skb)
{
	return take(skb, STEER_GATE_GRE_FOUR, by_gre(skb, behind4(skb)));
}

SEC("socket")
int gre_six(struct __sk_buff *skb)
{
	return take(skb, STEER_GATE_GRE_SIX, by_gre(skb, 0));
}

char _license[] SEC("license") = "GPL";
