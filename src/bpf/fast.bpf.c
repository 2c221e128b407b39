/*
 * src/bpf/fast.bpf.c - the fast path: a shortcut for the common packet of a healthy tunnel
 *
 * Protocol 41 and GRE over IPv4, out of tunnels, into tunnels and between two of them,
 * without leaving the driver. path/ is the definition: a frame leaves here exactly as it
 * would have left through user space, and is counted alike, or it goes up untouched. So
 * nothing is dropped here, and no ICMP is made here: every reason stays in table/verdict.def.
 *
 *	understand	frame.h, plan.h		what is it, whose is it, who gets it?
 *	next_hop	hop.h			where is that?
 *	dress, count	dress.h			as path/encap.c and path/account.c
 *	to_worker	worker.h		AYIYA: signatures are user space's
 */
#include "bpf/dress.h"
#include "bpf/tc.h"
#include "bpf/worker.h"

/*
 * What lies before the inner packet is replaced. The frame is not touched until the kernel
 * has moved its start, the only thing that can still fail; the checks after that are the
 * verifier's.
 */
SEC("xdp")
int fast_xdp(struct xdp_md *x)
{
	struct frame f = {
		.data = (void *)(long)x->data, .end = (void *)(long)x->data_end,
		.cpu = bpf_get_smp_processor_id(), .queue = x->rx_queue_index,
	};
	const struct fast_hop *to = NULL;
	int why;

	f.len = (__u32)(f.end - f.data);
	why = understand(&f, x->ingress_ifindex);
	if (why == NOT_OURS)
		return XDP_PASS;
	if (why == TO_WORKER)
		return to_worker(&f);
	if (why == STAY_FAST)
		why = next_hop(x, &f, &to);
	/* a veth loses what XDP sends it, unless its other end polls */
	if (to && head.port[to->port & (FAST_PORTS_MAX - 1)].flags & FAST_PORT_NO_EXIT)
		why = FAST_PASS_ROUTE;
	if (why != STAY_FAST || !to) {
		count_pass(f.cpu, why);
		return XDP_PASS;
	}

	const struct fast_port *p = &head.port[to->port & (FAST_PORTS_MAX - 1)];
	__u16 vlan = p->vlan;
	__u32 over = outer_len(&f);
	__u32 link = sizeof(struct ether_hdr) + (vlan ? sizeof(struct vlan_tag) : 0);

	if (bpf_xdp_adjust_head(x, (int)f.inner - (int)(link + over))) {
		count_pass(f.cpu, FAST_PASS_ROOM);
		return XDP_PASS;
	}

	void *data = (void *)(long)x->data, *end = (void *)(long)x->data_end;
	struct ether_hdr *e = data;
	struct vlan_tag *tag = (void *)(e + 1);
	struct ip4_hdr *o = data + link;
	struct ip6_hdr *h = data + link + over;

	if ((void *)(tag + 1) > end || (void *)(h + 1) > end)
		return XDP_DROP;
	put_ethernet(e, to, vlan ? ETHER_VLAN : f.out ? ETHER_IPV4 : ETHER_IPV6);
	if (vlan) {
		tag->tci = be16_put(vlan);
		tag->type = be16_put(f.out ? ETHER_IPV4 : ETHER_IPV6);
	}
	dress_inner(&f, h);
	if (f.out) {
		if ((void *)(o + 1) + sizeof(struct gre_hdr) > end)
			return XDP_DROP;
		if (f.to_type == FAST_GRE)
			put_gre((void *)(o + 1));
		put_outer(&f, o, f.inner_len + over);
	}
	count(&f, 1, 0);
	return bpf_redirect_map(&exits, to->port, XDP_ABORTED);
}

/* What a filter of clsact calls: fast_tc while the daemon is there (xdp/clsact.h). */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} present SEC(".maps") = { .values = { [0] = (void *)&fast_tc } };

SEC("tc")
int fast_clsact(struct __sk_buff *s)
{
	bpf_tail_call(s, &present, 0);
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "GPL";
