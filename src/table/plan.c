#include "table/plan.h"

#define FOUR_TRANSFER	UINT32_C(0x3f8000)	/* selectors from here on are /31s */

static uint64_t mask_of(unsigned int len)
{
	return len ? ~UINT64_C(0) << (64 - len) : 0;
}

void plan_set_tunnel_prefix(struct plan *p, const struct prefix *prefix)
{
	unsigned int bits = 64u - prefix->len;

	p->tunnel_hi = addr_hi(&prefix->addr);
	p->tunnel_mask = mask_of(prefix->len);
	p->routed_bit = UINT64_C(1) << (bits - 1);
	p->tid_mask = p->routed_bit - 1;
	p->tunnel_len = prefix->len;
}

static struct place transfer_place(const struct plan *p, uint64_t hi, uint64_t lo)
{
	uint64_t tid = hi & p->tid_mask;
	bool routed = hi & p->routed_bit;
	struct place w = { .kind = PLACE_TRANSFER, .tid = (uint16_t)tid };

	if (tid == p->tid_mask) {	/* all ones: reserved, its routed /64 holds the PoP */
		w.kind = routed && lo == IID_POP ? PLACE_POP : PLACE_UNASSIGNED;
		w.tid = TID_NONE;
	} else if (routed) {
		w.kind = PLACE_ROUTED;
	} else if (lo == IID_POP) {
		w.kind = PLACE_LOCAL;
	} else if (lo == IID_USER) {
		w.kind = PLACE_REMOTE;
	}
	return w;
}

struct place plan_place(const struct plan *p, const struct ip6_addr *a)
{
	uint64_t hi = addr_hi(a);

	/* the tunnel prefix first: it may lie inside a subnet prefix */
	if (plan_has_tunnel_prefix(p) && ((hi ^ p->tunnel_hi) & p->tunnel_mask) == 0)
		return transfer_place(p, hi, addr_lo(a));

	for (unsigned int i = 0; i < p->subnet_prefixes; i++) {
		const struct subnet_prefix *s = &p->subnet[i];

		if (((hi ^ s->hi) & s->mask) != 0)
			continue;
		return (struct place){
			.kind = PLACE_SUBNET,
			.tid = TID_NONE,
			.subnet = s->base + (uint32_t)((hi & ~s->mask) >> (64 - s->delegate)),
			.prefix = 1 + i,
		};
	}
	return (struct place){ .kind = PLACE_UPLINK, .tid = TID_NONE };
}

bool plan_is_inside(const struct plan *p, const struct ip6_addr *a)
{
	return plan_place(p, a).kind != PLACE_UPLINK;
}

struct ip6_addr plan_tunnel_addr(const struct plan *p, uint16_t tid, uint64_t iid)
{
	return addr_from_parts(p->tunnel_hi | tid, iid);
}

struct ip6_addr plan_pop_addr(const struct plan *p)
{
	return addr_from_parts(p->tunnel_hi | p->routed_bit | p->tid_mask, IID_POP);
}

struct prefix plan_routed_prefix(const struct plan *p, uint16_t tid)
{
	return (struct prefix){
		.addr = addr_from_parts(p->tunnel_hi | p->routed_bit | tid, 0), .len = 64
	};
}

struct prefix plan_tunnel_prefix(const struct plan *p)
{
	return (struct prefix){ .addr = addr_from_parts(p->tunnel_hi, 0), .len = p->tunnel_len };
}

struct prefix plan_subnet_prefix(const struct subnet_prefix *s)
{
	return (struct prefix){ .addr = addr_from_parts(s->hi, 0), .len = s->len };
}

struct prefix plan_subnet(const struct subnet_prefix *s, uint32_t index)
{
	return (struct prefix){
		.addr = addr_from_parts(s->hi | (uint64_t)index << (64 - s->delegate), 0),
		.len = s->delegate,
	};
}

struct four plan_four(const struct plan *p, uint32_t a)
{
	uint32_t selector = a & 0x3fffff;
	struct four f = { .kind = FOUR_UPLINK, .tid = TID_NONE };

	if (a >> 28 != 15)
		return f;
	if ((a >> 22 & 63) != p->pop_id) {
		f.kind = FOUR_OTHER_POP;
		return f;
	}
	if (selector >= FOUR_TRANSFER) {
		f.kind = selector & 1 ? FOUR_REMOTE : FOUR_LOCAL;
		f.tid = (uint16_t)(selector >> 1 & 0x3fff);
	} else {
		f.kind = FOUR_SUBNET;
		f.tid = (uint16_t)(selector >> 8 & 0x3fff);
	}
	return f;
}

static uint32_t four_base(const struct plan *p)
{
	return UINT32_C(0xf0000000) + ((uint32_t)p->pop_id << 22);
}

uint32_t plan_four_local(const struct plan *p, uint16_t tid)
{
	return four_base(p) + FOUR_TRANSFER + tid * UINT32_C(2);
}

uint32_t plan_four_remote(const struct plan *p, uint16_t tid)
{
	return plan_four_local(p, tid) + 1;
}

uint32_t plan_four_subnet(const struct plan *p, uint16_t tid)
{
	return four_base(p) + ((uint32_t)tid << 8);
}
