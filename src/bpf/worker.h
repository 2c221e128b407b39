/*
 * src/bpf/worker.h - AYIYA to a worker and back, past the kernel's stack (wire/fast.h)
 *
 * Inward the frame goes as it came, but that a native packet has lost its hop, as the kernel
 * would have taken it. The sockets' memory is fixed, and one tunnel may not take all of
 * it from the others: wire/steer.h, as for the queues of steer.bpf.c.
 */
#ifndef SIXXSD_BPF_WORKER_H
#define SIXXSD_BPF_WORKER_H

#include "bpf/dress.h"

/* May another of this tunnel's wait for @worker? */
static __always_inline bool has_room(const struct frame *f, __u32 worker)
{
	__u32 kind = f->in ? STEER_GATE_XSK : STEER_GATE_XSK_INTO;
	__u32 tid = f->in ? f->from : f->to, at = worker * STEER_GATES + STEER_GATE_XSK;
	__u32 flow = kind * (head.tunnels + 1) + tid;
	struct steer_gate *g = bpf_map_lookup_elem(&gates, &at);
	struct steer_flow *w = bpf_map_lookup_elem(&flows, &flow);

	if (!g || !w)
		return false;
	if (w->round != g->round) {
		w->round = g->round;
		w->used = 0;
	}
	if (w->used >= g->quota) {
		__sync_fetch_and_add(&w->shed, 1);
		__sync_fetch_and_add(&g->shed, 1);
		return false;
	}
	w->used += steer_cost(f->len);
	return true;
}

static __always_inline int to_worker(struct frame *f)
{
	__u32 keeper = keeper_of(f), at = f->port * FAST_QUEUES + f->queue;

	if (!keeper)
		return XDP_PASS;
	if (!has_room(f, keeper - 1))
		return XDP_DROP;		/* the worker counts it, io/gate.c */
	if (!f->in) {
		struct ip6_hdr *h = f->data + f->inner;

		if ((void *)(h + 1) > f->end)
			return XDP_PASS;
		h->hop_limit--;
	}
	return bpf_redirect_map(&sockets, at, XDP_PASS);
}

/* ---- back ---- */

/* Return: the next hop of an order, or NULL: it cannot be followed */
static __always_inline const struct fast_hop *ordered(void *ctx, struct frame *f,
						      const struct fast_order *order)
{
	const struct ip6_hdr *h = f->data + sizeof(*order);
	const struct ip4_hdr *o = (const void *)h;

	f->inner_len = f->len - sizeof(*order);
	if ((void *)(h + 1) > f->end || !head.on)
		return NULL;
	if (order->what == FAST_ORDER_NATIVE)
		return h->hop_limit > 1 ? hop_to_uplink(ctx, f, h) : NULL;
	f->out = line_of(f->cpu, order->tid);
	f->to_type = FAST_AYIYA;
	if (!f->out || type_in_force(f->out) != FAST_AYIYA || !same4(&f->out->them, &o->dst) ||
	    !same4(&f->out->us, &o->src))
		return NULL;
	return hop_to_endpoint(ctx, f);
}

static __always_inline int refuse(__u32 worker)
{
	struct fast_answer *a = bpf_map_lookup_elem(&answers, &worker);

	if (a)
		a->refused++;
	return XDP_DROP;		/* the worker still has the packet */
}

/* On the device that workers write to; in the writer's own system call. */
SEC("xdp")
int fast_order(struct xdp_md *x)
{
	struct frame f = {
		.data = (void *)(long)x->data, .end = (void *)(long)x->data_end,
		.cpu = bpf_get_smp_processor_id(),
	};
	const struct fast_hop *to;
	struct fast_order order;

	f.len = (__u32)(f.end - f.data);
	if (f.data + sizeof(order) > f.end)
		return XDP_DROP;
	__builtin_memcpy(&order, f.data, sizeof(order));
	to = ordered(x, &f, &order);
	if (!to || (to->mtu_bytes && f.inner_len > to->mtu_bytes))
		return refuse(order.worker);

	const struct fast_port *p = &head.port[to->port & (FAST_PORTS_MAX - 1)];
	__u16 vlan = p->vlan, type = f.out ? ETHER_IPV4 : ETHER_IPV6;

	if (p->flags & FAST_PORT_NO_EXIT ||
	    (vlan && bpf_xdp_adjust_head(x, -(int)sizeof(struct vlan_tag))))
		return refuse(order.worker);

	struct ether_hdr *e = (void *)(long)x->data;
	struct vlan_tag *tag = (void *)(e + 1);
	struct ip6_hdr *h = (void *)(e + 1) + (vlan ? sizeof(*tag) : 0);

	if ((void *)(tag + 1) > (void *)(long)x->data_end ||
	    (void *)(h + 1) > (void *)(long)x->data_end)
		return XDP_DROP;
	put_ethernet(e, to, vlan ? ETHER_VLAN : type);
	if (vlan) {
		tag->tci = be16_put(vlan);
		tag->type = be16_put(type);
	}
	if (!f.out)
		h->hop_limit--;
	return bpf_redirect_map(&exits, to->port, XDP_ABORTED);
}

#endif
