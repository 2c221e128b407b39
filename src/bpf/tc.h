/*
 * src/bpf/tc.h - the same for packets of the kernel's, which may be super-packets
 *
 * On veth, and wherever somebody on this host sends 64 KB at a time, XDP would see what the
 * kernel had to cut to pieces first. This program leaves such a packet whole where the
 * kernel can still cut it right afterwards: TCP into a protocol 41 tunnel, and between two
 * of them. Counted is what will be on the wire. Then the kernel numbers the outer headers
 * (id); with DF set nobody looks at that (RFC 6864 4.1).
 *
 * Up goes a super-packet that concerns GRE (a kernel without GRE of its own drops it where
 * the device cannot cut it) or leaves its tunnel (the kernel would go on taking it for an
 * encapsulated one).
 */
#ifndef SIXXSD_BPF_TC_H
#define SIXXSD_BPF_TC_H

#include <linux/pkt_cls.h>
#include "bpf/dress.h"

/* Set by the loader: does bpf_skb_adjust_room() know how to take an outer header off? Linux 6.3 */
const volatile bool tc_takes_off = false;

/* BPF_F_ADJ_ROOM_DECAP_L3_IPV6, which not every header has yet. */
#define TAKE_OFF_TO_IP6	(1 << 8)

/* All that is read, and so has to lie in one piece. */
#define TC_REACH	(sizeof(struct ether_hdr) + sizeof(struct ip4_hdr) + \
			 sizeof(struct gre_hdr) + sizeof(struct ip6_hdr) + sizeof(struct tcp_hdr))

static __always_inline void reach(struct __sk_buff *s)
{
	__u32 want = s->len < TC_REACH ? s->len : TC_REACH;

	if ((void *)(long)s->data + want > (void *)(long)s->data_end)
		(void)bpf_skb_pull_data(s, want);
}

/* The kernel has taken the outermost tag off. Return: false: it is none we know */
static __always_inline bool tag_of(const struct __sk_buff *s, struct frame *f)
{
	const be16_t proto = { (__u16)s->vlan_proto };

	f->whole = 1;
	if (!s->vlan_present)
		return true;
	f->vlan = s->vlan_tci & 0x0fff;
	return be16_get(&proto) == ETHER_VLAN;
}

/* Return: may a super-packet go where it is going? */
static __always_inline bool stays_whole(const struct frame *f, const struct ip6_hdr *h)
{
	if (!f->segment)
		return true;
	return h->next == PROTO_TCP && f->out && f->to_type == FAST_DIRECT &&
	       (!f->in || f->inner - f->l2 == sizeof(struct ip4_hdr)) &&
	       f->inner_len + sizeof(struct ip4_hdr) <= 0xffff;
}

/* Outer headers of one kind are replaced by those of another. Fails with all as it was. */
static __always_inline long change_room(struct __sk_buff *s, const struct frame *f)
{
	int have = (int)(f->inner - f->l2), want = (int)outer_len(f);
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO;

	if (have == want)
		return 0;
	if (have == 0)
		flags |= BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 |
			 (f->to_type == FAST_GRE ? BPF_F_ADJ_ROOM_ENCAP_L4_GRE : 0);
	if (want == 0)
		flags |= TAKE_OFF_TO_IP6;
	return bpf_skb_adjust_room(s, want - have, BPF_ADJ_ROOM_MAC, flags);
}

/* Packets on the wire of a super-packet. */
static __always_inline __u32 pieces(const struct frame *f)
{
	__u32 payload = f->inner_len - f->headers;

	return f->segment && payload > f->segment ? (payload + f->segment - 1) / f->segment : 1;
}

static __always_inline int tc_decide(struct __sk_buff *s, struct frame *f, const struct fast_hop **to)
{
	const struct ip6_hdr *h;
	int why = understand(f, s->ifindex);

	if (why != STAY_FAST)
		return why;		/* never TO_WORKER: a socket of that kind takes frames from XDP */
	h = f->data + f->inner;
	if ((void *)(h + 1) > f->end || !stays_whole(f, h))
		return FAST_PASS_PACKET;
	if (!f->out && !tc_takes_off)
		return FAST_PASS_ROOM;
	return next_hop(s, f, to);
}

SEC("tc")
int fast_tc(struct __sk_buff *s)
{
	const struct fast_hop *to = NULL;
	int why;

	reach(s);

	struct frame f = {
		.data = (void *)(long)s->data, .end = (void *)(long)s->data_end,
		.cpu = bpf_get_smp_processor_id(), .len = s->len, .segment = s->gso_size,
		.queue = FAST_QUEUES,
	};

	if (!tag_of(s, &f))
		return TC_ACT_UNSPEC;		/* the next program's, and then the kernel's */
	why = tc_decide(s, &f, &to);
	if (why == STAY_FAST && change_room(s, &f))
		why = FAST_PASS_ROOM;
	if (why != STAY_FAST || !to) {
		count_pass(f.cpu, why);
		return TC_ACT_UNSPEC;		/* the next program's, and then the kernel's */
	}

	const struct fast_port *p = &head.port[to->port & (FAST_PORTS_MAX - 1)];
	__u32 over = outer_len(&f), device = p->device;
	__u16 vlan = p->vlan;
	void *data = (void *)(long)s->data, *end = (void *)(long)s->data_end;
	struct ip4_hdr *o = data + sizeof(struct ether_hdr);
	struct ip6_hdr *h = (void *)o + over;

	if ((void *)(h + 1) > end)
		return TC_ACT_SHOT;
	put_ethernet(data, to, f.out ? ETHER_IPV4 : ETHER_IPV6);
	dress_inner(&f, h);
	if (f.out) {
		if ((void *)(o + 1) + sizeof(struct gre_hdr) > end)
			return TC_ACT_SHOT;
		if (f.to_type == FAST_GRE)
			put_gre((void *)(o + 1));
		put_outer(&f, o, f.inner_len + over);
	}
	count(&f, pieces(&f), f.headers);
	/* tags live beside the packet: neither can fail */
	if (s->vlan_present)
		(void)bpf_skb_vlan_pop(s);
	if (vlan)
		(void)bpf_skb_vlan_push(s, be16_put(ETHER_VLAN).raw, vlan);
	return bpf_redirect(device, 0);
}

#endif
