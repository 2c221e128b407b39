/*
 * src/bpf/plan.h - the address plan and the hot lines, as table/plan.h and table/config.h
 *
 * The rule of the fast path is that whatever is not the common case goes up: so there are
 * only three answers to the question whose an address is.
 */
#ifndef SIXXSD_BPF_PLAN_H
#define SIXXSD_BPF_PLAN_H

#include "bpf/maps.h"

#define IID_USER	2

/* Ours, but not a tunnel's far side; or a class of address that path/check.c looks at. */
#define OWNER_UP	0xfffe
/* A global unicast address outside our prefixes. */
#define OWNER_UPLINK	0xffff

/* Upper and lower half, host order. */
struct halves {
	__u64	hi, lo;
};

/* Packets are not aligned to eight octets; the verifier of every host we run on allows it. */
static __always_inline struct halves halves_of(const struct ip6_addr *a)
{
	const __u64 *w = (const __u64 *)a;

	return (struct halves){ WIRE_SWAP64(w[0]), WIRE_SWAP64(w[1]) };
}

/* RFC 5214 6.1: an IPv4 address may be embedded, and it may be ours. */
static __always_inline bool is_isatap(struct halves a)
{
	return ((a.lo >> 32) & ~(__u64)0x02000000) == 0x00005efe;
}

/* 2000::/3 without Teredo and 6to4: in those an IPv4 address of ours may be embedded. */
static __always_inline bool is_plain_global(struct halves a)
{
	return a.hi >> 61 == 1 && a.hi >> 32 != 0x20010000 && a.hi >> 48 != 0x2002;
}

static __always_inline __u32 subnet_owner(const struct fast_subnets *s, __u64 hi)
{
	__u32 index = s->base + (__u32)((hi & ~s->mask) >> (s->shift & 63));
	__u32 value = index / FAST_SUBNETS_PER_VALUE;
	struct fast_subnet_value *v;

	if (index >= head.subnets)
		return OWNER_UP;
	v = bpf_map_lookup_elem(&subnets, &value);
	if (!v)
		return OWNER_UP;

	__u32 tid = v->tid[index % FAST_SUBNETS_PER_VALUE];

	return tid == FAST_TID_NONE ? OWNER_UP : tid;
}

/* Return: the tunnel @a is routed to, OWNER_UPLINK or OWNER_UP */
static __always_inline __u32 owner_of(struct halves a)
{
	if (is_isatap(a))
		return OWNER_UP;
	if (head.tunnel_mask && ((a.hi ^ head.tunnel_hi) & head.tunnel_mask) == 0) {
		__u64 tid = a.hi & head.tid_mask;

		if (tid == head.tid_mask)
			return OWNER_UP;
		return a.hi & head.routed_bit || a.lo == IID_USER ? (__u32)tid : OWNER_UP;
	}
	for (__u32 i = 0; i < FAST_SUBNET_PREFIXES && i < head.subnet_prefixes; i++) {
		if (((a.hi ^ head.subnet[i].hi) & head.subnet[i].mask) == 0)
			return subnet_owner(&head.subnet[i], a.hi);
	}
	return is_plain_global(a) ? OWNER_UPLINK : OWNER_UP;
}

static __always_inline struct fast_line *line_of(__u32 cpu, __u32 tid)
{
	__u32 key = cpu * head.tunnels + tid;

	return tid < head.tunnels ? bpf_map_lookup_elem(&lines, &key) : NULL;
}

/* Read once each: control or the owner may be changing them at this moment (wire/fast.h). */
static __always_inline __u32 type_in_force(const struct fast_line *l)
{
	__u16 have = *(const volatile __u16 *)&l->have, want = *(const volatile __u16 *)&l->want;

	return have == want ? *(const volatile __u8 *)&l->type : (__u32)FAST_OFF;
}

#endif
