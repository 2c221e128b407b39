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

/*
 * A flood is cut where it is queued. Time is counted in rounds of a gate (one a queue): the
 * worker begins a new one when it has read steer_round() from that queue, or all of it. In a round
 * a flow, which is a tunnel at a gate, may put @quota into the queue. While there is always
 * more, the quota is halved with each round, else doubled: so it settles where what is let in
 * is what is read, and a flow below it loses nothing. All in units of STEER_UNIT octets.
 */
enum {
	STEER_UNIT		= 1024,
	STEER_ROUND_TUN		= 4096,	/* packets the device's queue holds (host/netlink.c) */
	STEER_ROUND_SOCKET	= 8192,	/* well below what a socket's buffer holds (host/sockets.c) */
	STEER_ROUND_XSK		= 1024,	/* frames an AF_XDP socket's ring holds (host/xsk.h) */
	STEER_QUOTA_MIN		= 64,	/* a stall of some milliseconds is no flood */
};

/* Queues of a worker that have a gate. */
enum steer_gate_kind {
	STEER_GATE_TUN,
	STEER_GATE_P41_FOUR,
	STEER_GATE_P41_SIX,
	STEER_GATE_GRE_FOUR,
	STEER_GATE_GRE_SIX,
	STEER_GATE_AYIYA_FOUR,
	STEER_GATE_AYIYA_SIX,
	/* all AF_XDP sockets of a worker; its gate is the first's, what came from tunnels and what
	 * is to go into them are flows of their own (bpf/worker.h) */
	STEER_GATE_XSK,
	STEER_GATE_XSK_INTO,
	STEER_GATES,
};

/* [worker][kind]; the first line the worker writes, the second the programs. */
struct steer_gate {
	uint32_t	round;
	uint32_t	quota;
	uint32_t	pad[14];

	uint32_t	shed;		/* not let in, all flows, a merged packet once, as the
					 * queue's own counters have it; wraps */
	uint32_t	pad1[15];
};
_Static_assert(sizeof(struct steer_gate) == 128, "two cache lines");

/* [kind][tid, and one for all that names no tunnel]; the programs write. */
struct steer_flow {
	uint32_t	round;		/* in which @used was counted */
	uint32_t	used;
	uint32_t	shed;		/* packets not let in, merged ones as many as they are */
	uint32_t	pad;
};
_Static_assert(sizeof(struct steer_flow) == 16, "four a cache line");

static inline uint32_t steer_round(enum steer_gate_kind kind)
{
	if (kind == STEER_GATE_XSK || kind == STEER_GATE_XSK_INTO)
		return STEER_ROUND_XSK;
	return kind == STEER_GATE_TUN ? STEER_ROUND_TUN : STEER_ROUND_SOCKET;
}

/* Nobody may fill more than half of a queue. */
static inline uint32_t steer_quota_max(enum steer_gate_kind kind)
{
	return steer_round(kind) / 2;
}

static inline uint32_t steer_cost(uint32_t octets)
{
	return 1 + octets / STEER_UNIT;
}

struct steer_subnets {
	uint16_t	tid[STEER_SUBNETS_PER_VALUE];
};
_Static_assert(sizeof(struct steer_subnets) == 64, "one cache line");

#endif
