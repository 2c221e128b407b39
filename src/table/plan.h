/*
 * src/table/plan.h - the address plan: an address is a route
 *
 *	tunnel prefix (48..60)   R tid          interface id
 *	|<------- L ------->|<- 64 - L bits ->|<---- 64 ---->|
 *
 * Of the bits between the tunnel prefix and 64 the topmost (R) marks the default
 * routed /64, the others are the tunnel id. A subnet prefix of length P that
 * delegates length D is an array of 2^(D-P) tunnel ids. Every question is a
 * mask, a shift and an index; the cost is the same for all lengths and does not
 * grow with the number of tunnels. sixxsd-config.md 7, forwarding.md 1.
 *
 * The to-four plan for IPv4 inside (ayiya.md 10) is arithmetic on the same id.
 */
#ifndef SIXXSD_TABLE_PLAN_H
#define SIXXSD_TABLE_PLAN_H

#include "base/addr.h"
#include "table/limits.h"

/* Interface ids of the two ends of a tunnel. */
#define IID_POP		UINT64_C(1)
#define IID_USER	UINT64_C(2)

/* One delegating prefix; the loop over at most 16 of them touches only this. */
struct subnet_prefix {
	uint64_t	hi;		/* upper half of the prefix, host order */
	uint64_t	mask;		/* of its length */
	uint32_t	base;		/* first entry in the subnet array */
	uint8_t		len;
	uint8_t		delegate;	/* length of one subnet, len < delegate <= 64 */
	uint8_t		pad[2];
};
_Static_assert(sizeof(struct subnet_prefix) == 24, "part of the region");

struct plan {
	uint64_t	tunnel_hi;	/* upper half of the tunnel prefix, host order */
	uint64_t	tunnel_mask;	/* 0: no tunnel prefix yet */
	uint64_t	tid_mask;	/* (1 << tid bits) - 1 */
	uint64_t	routed_bit;	/* tid_mask + 1 */
	uint8_t		tunnel_len;
	uint8_t		subnet_prefixes;
	uint8_t		pop_id;		/* to-four */
	uint8_t		pad[5];
	struct subnet_prefix subnet[SUBNET_PREFIXES_MAX];
};

static inline bool plan_has_tunnel_prefix(const struct plan *p)
{
	return p->tunnel_mask != 0;
}

/* Entries a subnet prefix takes in the subnet array. */
static inline uint32_t subnet_prefix_count(const struct subnet_prefix *s)
{
	return UINT32_C(1) << (s->delegate - s->len);
}

/* What an IPv6 address is in this plan, before asking whether a tunnel is configured there. */
enum place_kind {
	PLACE_UPLINK,		/* outside all our prefixes */
	PLACE_POP,		/* <prefix>:ffff::1, the PoP itself */
	PLACE_LOCAL,		/* <prefix>:<tid>::1 */
	PLACE_REMOTE,		/* <prefix>:<tid>::2 */
	PLACE_TRANSFER,		/* the rest of a transfer /64 */
	PLACE_ROUTED,		/* default routed /64 of a tunnel */
	PLACE_SUBNET,		/* in a subnet prefix; tid is TID_NONE until looked up */
	PLACE_UNASSIGNED,	/* ours, but nobody's: reserved ids */
};

struct place {
	enum place_kind	kind;
	uint16_t	tid;		/* of LOCAL .. ROUTED; else TID_NONE */
	uint32_t	subnet;		/* of SUBNET: index into the subnet array */
	uint32_t	prefix;		/* inside which: 0 the tunnel prefix, 1 + n subnet prefix n */
};

/* Classify by bits alone. */
struct place plan_place(const struct plan *p, const struct ip6_addr *a);

/* In the tunnel prefix or a subnet prefix: an endpoint may not be (security.md L3). */
bool plan_is_inside(const struct plan *p, const struct ip6_addr *a);

/* <prefix>:<tid>::1 or ::2; undefined without a tunnel prefix. */
struct ip6_addr plan_tunnel_addr(const struct plan *p, uint16_t tid, uint64_t iid);
/* <prefix>:ffff::1: source of errors that belong to no tunnel. */
struct ip6_addr plan_pop_addr(const struct plan *p);
/* <prefix>:<tid | routed>::/64 */
struct prefix plan_routed_prefix(const struct plan *p, uint16_t tid);
/* The prefixes as configured. */
struct prefix plan_tunnel_prefix(const struct plan *p);
struct prefix plan_subnet_prefix(const struct subnet_prefix *s);
/* The subnet (length s->delegate) at @index of @s. */
struct prefix plan_subnet(const struct subnet_prefix *s, uint32_t index);

/* Largest tid the prefix has room for (the all-ones one is reserved). */
static inline uint16_t plan_tid_last(const struct plan *p)
{
	return (uint16_t)(p->tid_mask - 1);
}

/* Set the tunnel prefix; @len 48..60, host bits zero: checked by the caller. */
void plan_set_tunnel_prefix(struct plan *p, const struct prefix *prefix);

/* ---- IPv4 inside: the to-four plan, ayiya.md 10; addresses in host order ---- */

#define FOUR_TID_LAST	UINT16_C(0x3f7f)	/* from 0x3f80 on ids collide with the /31s */

enum four_kind {
	FOUR_UPLINK,		/* outside 240/4 */
	FOUR_OTHER_POP,
	FOUR_LOCAL,		/* PoP side of a /31 */
	FOUR_REMOTE,		/* user side of a /31 */
	FOUR_SUBNET,		/* in a user /24 */
};

struct four {
	enum four_kind	kind;
	uint16_t	tid;		/* of LOCAL, REMOTE, SUBNET */
};

struct four plan_four(const struct plan *p, uint32_t a);
uint32_t plan_four_local(const struct plan *p, uint16_t tid);
uint32_t plan_four_remote(const struct plan *p, uint16_t tid);
uint32_t plan_four_subnet(const struct plan *p, uint16_t tid);

#endif
