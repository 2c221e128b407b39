/*
 * tests/bench/p41.bpf.c - a protocol 41 client in the kernel, for kernels without sit
 *
 * put_on runs where packets leave through the tunnel's dummy device, take_off where outer
 * packets arrive on the real one. Super-packets stay whole both ways.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "wire/ether.h"
#include "wire/ip4.h"
#include "wire/proto.h"

#define TAKE_OFF_TO_IP6 (1 << 8) /* BPF_F_ADJ_ROOM_DECAP_L3_IPV6 */

const volatile __u32 us = 0, them = 0;    /* network order */
const volatile __u32 dummy = 0, real = 0; /* interface indexes */
const volatile __u8 dmac[6] = { 0 }, smac[6] = { 0 };

struct outer {
	struct ether_hdr e;
	struct ip4_hdr ip;
};
_Static_assert(sizeof(struct outer) == 34, "no holes");

static __always_inline void put_outer(struct outer *o, __u32 total)
{
	const __u16 *w = (const __u16 *)&o->ip;
	__u32 sum = 0;

	for (int i = 0; i < 6; i++) {
		o->e.dst[i] = dmac[i];
		o->e.src[i] = smac[i];
	}
	o->e.type.raw = bpf_htons(ETHER_IPV4);
	o->ip.vihl = 0x45;
	o->ip.tos = 0;
	o->ip.total_len.raw = bpf_htons(total);
	o->ip.id.raw = 0;
	o->ip.frag.raw = bpf_htons(0x4000);
	o->ip.ttl = 64;
	o->ip.protocol = PROTO_IPV6;
	o->ip.checksum.raw = 0;
	*(__u32 *)&o->ip.src = us;
	*(__u32 *)&o->ip.dst = them;
	for (int i = 0; i < 10; i++)
		sum += w[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	o->ip.checksum.raw = ~sum;
}

SEC("tc")
int put_on(struct __sk_buff *s)
{
	struct outer o;

	if (s->protocol != bpf_htons(ETHER_IPV6))
		return TC_ACT_SHOT;
	if (bpf_skb_adjust_room(s, sizeof(o.ip), BPF_ADJ_ROOM_MAC,
	                        BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L3_IPV4))
		return TC_ACT_SHOT;
	put_outer(&o, s->len - sizeof(o.e));
	if (bpf_skb_store_bytes(s, 0, &o, sizeof(o), 0))
		return TC_ACT_SHOT;
	return bpf_redirect(real, 0);
}

SEC("tc")
int take_off(struct __sk_buff *s)
{
	__u16 type = bpf_htons(ETHER_IPV6);
	__u8 protocol;

	if (s->protocol != bpf_htons(ETHER_IPV4) ||
	    bpf_skb_load_bytes(s, sizeof(struct ether_hdr) + 9, &protocol, 1) ||
	    protocol != PROTO_IPV6)
		return TC_ACT_OK;
	if (bpf_skb_adjust_room(s, -(int)sizeof(struct ip4_hdr), BPF_ADJ_ROOM_MAC,
	                        BPF_F_ADJ_ROOM_FIXED_GSO | TAKE_OFF_TO_IP6) ||
	    bpf_skb_store_bytes(s, 12, &type, sizeof(type), 0))
		return TC_ACT_SHOT;
	return bpf_redirect(dummy, BPF_F_INGRESS);
}

char _license[] SEC("license") = "GPL";
