/*
 * src/wire/steer.h - what the steering programs know of the address plan
 *
 * One value of a map that the control thread writes and the programs of bpf/steer.bpf.c
 * read: how to get from an address to a tunnel id, and no more. Everything is in host
 * order, as in struct plan of table/plan.h. A value that is half old and half new costs
 * a hand-over (io/handover.h): which worker a tunnel belongs to does not depend on it.
 */
#ifndef SIXXSD_WIRE_STEER_H
#define SIXXSD_WIRE_STEER_H

#include <stdint.h>

enum {
	STEER_PREFIXES		= 16,
	STEER_SUBNETS_PER_VALUE	= 32,	/* tids in one value of the subnet map */
	STEER_TID_NONE		= 0xffff,
};

struct steer_prefix {
	uint64_t	hi, mask;
	uint32_t	base;		/* first entry in the subnet map */
	uint32_t	shift;		/* 64 - delegate */
};
_Static_assert(sizeof(struct steer_prefix) == 24, "part of struct steer_plan");

struct steer_plan {
	uint64_t	tunnel_hi;
	uint64_t	tunnel_mask;	/* 0: no tunnel prefix yet */
	uint64_t	tid_mask;
	uint32_t	prefixes;
	uint32_t	pop_id;		/* to-four */
	struct steer_prefix prefix[STEER_PREFIXES];
};
_Static_assert(sizeof(struct steer_plan) == 32 + 16 * 24, "nothing in between");

struct steer_subnets {
	uint16_t	tid[STEER_SUBNETS_PER_VALUE];
};
_Static_assert(sizeof(struct steer_subnets) == 64, "one cache line");

#endif
