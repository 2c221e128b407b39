/*
 * src/wire/fast.h - what the fast path's programs and the daemon both read and write
 *
 * Layouts of the maps of bpf/, mapped into the daemon by xdp/. Every field has one
 * writer, named here; all numbers are in host order unless their type says otherwise.
 *
 *	control		xdp/, in the daemon's control thread
 *	owner		the worker a tunnel belongs to (table/tunnel.c)
 *	program		the BPF program on that cpu, and nobody else
 *
 * How a change reaches every cpu. A line is in force while @have equals @want and @type
 * is not FAST_OFF. The owner steps @want whenever it commits an endpoint: from that
 * store on the packets of the tunnel go up to user space. Control clears @type before
 * it publishes a configuration that concerns the tunnel: likewise. To put a line in
 * force control reads @want, waits until no program that saw the old fields is running
 * any more (a grace period), reads endpoint and configuration, writes the fields, then
 * @type and @have. A step of @want in between leaves @have behind: the line stays out.
 */
#ifndef SIXXSD_WIRE_FAST_H
#define SIXXSD_WIRE_FAST_H

#include "wire/ip4.h"
#include "wire/ip6.h"

enum fast_type {
	FAST_OFF,			/* this tunnel's packets go up */
	FAST_DIRECT,			/* protocol 41 over IPv4 */
	FAST_GRE,			/* GRE without key, checksum or sequence, over IPv4 */
	FAST_AYIYA,			/* over IPv4; to its worker, past the kernel's stack */
};

enum fast_flag {
	FAST_MSS	= 1 << 0,	/* TCP SYNs go up: their MSS is lowered there */
};

/* [cpu][tunnel], one cache line each: everything a packet of the tunnel needs. */
struct fast_line {
	struct ip4_addr	them;		/* control: the endpoint; outer source inward */
	struct ip4_addr	us;		/* control: outer destination inward, source outward */
	uint16_t	have;		/* control: the step of @want these fields describe */
	uint16_t	mtu_bytes;	/* control: largest inner packet towards the tunnel */
	be16_t		sum;		/* control: folded sum of the outer header's constant words */
	uint8_t		type;		/* control: enum fast_type; written last but one */
	uint8_t		flags;		/* control: enum fast_flag */

	uint16_t	want;		/* owner: steps with every change of the endpoint */

	uint16_t	hop;		/* program: slot of the next hop towards @them ... */
	uint32_t	hop_serial;	/* program: ... and what fast_hop.serial was there; 0: none */

	uint32_t	last_in_s;	/* program: wall clock as fast_head.wall_s; 0: never */
	uint32_t	last_out_s;	/* program */
	uint64_t	in_packets;	/* program: this and the next three as struct traffic has them */
	uint64_t	in_octets;
	uint64_t	out_packets;
	uint64_t	out_octets;
};
_Static_assert(sizeof(struct fast_line) == 64, "one cache line");

/*
 * Between whom: the type of the tunnel a packet comes from and of the one it goes to, FAST_OFF
 * for the uplink, which is never at both ends. Traffic by transport, with the uplink and in
 * all are sums of these: table/tunnel.c.
 */
#define FAST_WAY(from, to)	(((from) * FAST_WAY_ENDS + (to)) - 1)

enum {
	FAST_WAY_ENDS	= FAST_GRE + 1,	/* AYIYA is counted in user space */
	FAST_WAYS	= FAST_WAY_ENDS * FAST_WAY_ENDS - 1,
};

struct fast_way_count {
	uint64_t	packets;
	uint64_t	in_octets;	/* of the packets as they came out of their outer headers */
	uint64_t	out_octets;	/* with those they left in */
};

/* [cpu]; program. */
struct fast_cpu {
	struct fast_way_count way[FAST_WAYS];
	uint64_t	passed[7];	/* enum fast_pass: frames that were ours, but went up */
	uint32_t	serial;		/* last one given to a next hop */
	uint32_t	pad;
};
_Static_assert(sizeof(struct fast_cpu) == 256, "cache lines of its own");

/* Why a frame that concerns a tunnel went up; for `pop show fastpath`. */
enum fast_pass {
	FAST_PASS_LINE,			/* tunnel unknown, off, changing, or another endpoint */
	FAST_PASS_PACKET,		/* header or packet that is not the common one */
	FAST_PASS_LOCAL,		/* for the PoP itself, or within one tunnel */
	FAST_PASS_AGE,			/* hop limit or MTU */
	FAST_PASS_ROUTE,		/* no next hop known, or not through a fast interface */
	FAST_PASS_ROOM,			/* no headroom, or the kernel refused */
	FAST_PASS_COUNT,
};
_Static_assert(FAST_PASS_COUNT <= 7, "fast_cpu.passed");

/* [cpu][slot], direct mapped by what the next hop is; program. */
struct fast_hop {
	uint8_t		dmac[6];
	uint8_t		smac[6];
	uint16_t	port;		/* index into fast_head.port */
	uint16_t	mtu_bytes;	/* of the way out, as the kernel said; 0: it did not */
	uint32_t	gen;		/* valid while it equals fast_head.gen */
	uint32_t	serial;		/* new with every change of the above; never 0 */
	uint32_t	pad[2];
};
_Static_assert(sizeof(struct fast_hop) == 32, "two a cache line");

/* [cpu][slot], direct mapped by destination: native destinations seen lately; program. */
struct fast_dest {
	struct ip6_addr	dst;
	uint32_t	serial;		/* of the hop, as there; 0: empty */
	uint16_t	hop;
	uint16_t	pad[5];
};
_Static_assert(sizeof(struct fast_dest) == 32, "two a cache line");

enum {
	FAST_HOPS		= 1024,	/* slots a cpu; powers of two */
	FAST_DESTS		= 4096,
	FAST_PORTS_MAX		= 16,
	FAST_QUEUES		= 64,	/* receive queues of a port that a worker may take from */
	FAST_FRAME_MAX		= 1700,	/* octets of a frame that a worker is given */
	FAST_SUBNET_PREFIXES	= 16,
	FAST_SUBNETS_PER_VALUE	= 32,	/* tids in one value of the subnet map */
	FAST_TID_NONE		= 0xffff,
};

enum fast_port_flag {
	FAST_PORT_FORWARDS6	= 1 << 0,	/* the kernel forwards IPv6 that arrives here */
	FAST_PORT_NO_EXIT	= 1 << 1,	/* may not take frames from XDP as it is attached elsewhere */
	FAST_PORT_GENERIC	= 1 << 2,	/* takes them from generic XDP, perhaps from no other */
};

/* An interface the fast path is attached to, or a VLAN on one. */
struct fast_port {
	uint32_t	ifindex;	/* what routes name: the VLAN's own */
	uint32_t	device;		/* where frames arrive and leave: the physical one's */
	uint16_t	vlan;		/* VLAN id; 0: untagged, or tagged with 0 (priority) */
	uint16_t	flags;		/* enum fast_port_flag */
	uint8_t		mac[6];		/* frames to any other address are not for us */
	uint16_t	pad;
	uint32_t	mtu_bytes;	/* of the interface */
};
_Static_assert(sizeof(struct fast_port) == 24, "part of struct fast_head");

/* As struct subnet_prefix of table/plan.h. */
struct fast_subnets {
	uint64_t	hi, mask;
	uint32_t	base;
	uint32_t	shift;		/* 64 - delegate */
};
_Static_assert(sizeof(struct fast_subnets) == 24, "part of struct fast_head");

enum fast_cache {
	FAST_CACHE_ON,
	FAST_CACHE_OFF,			/* routing depends on more than the destination: ask each time */
};

/*
 * AYIYA is signed, so a program cannot forward it; but it can spare it the kernel's stack. What
 * of a tunnel in force arrives, from either side, goes to the AF_XDP socket of a worker
 * (AF_XDP: the kernel hands frames over in shared memory). What the worker makes of it, it
 * writes to a device of ours with an order in front, in the place of an Ethernet header; the
 * program there puts the next hop's in, and the frame leaves. If it cannot, it says so
 * at once, in fast_answer, and the worker sends the packet the way of all others.
 */
enum fast_order_what {
	FAST_ORDER_NATIVE,		/* an inner packet, for the uplink; it loses its hop here */
	FAST_ORDER_OUTER,		/* an outer IPv4 packet, for the endpoint of @tid */
};

struct fast_order {
	uint8_t		what;		/* enum fast_order_what */
	uint8_t		worker;
	uint16_t	tid;
	uint8_t		pad[10];
};
_Static_assert(sizeof(struct fast_order) == 14, "as an Ethernet header");

/* [worker]; program, before write() returns. */
struct fast_answer {
	uint32_t	refused;	/* orders that were not followed; wraps */
	uint32_t	pad[15];
};
_Static_assert(sizeof(struct fast_answer) == 64, "one cache line");

/* One value; control. The plan changes only while @on is 0 and a grace period has passed. */
struct fast_head {
	uint32_t	on;		/* 0: everything goes up */
	uint32_t	gen;		/* steps with every change of routes, neighbours, links; never 0 */
	uint32_t	wall_s;		/* about once a second */
	uint32_t	tunnels;	/* lines a cpu */
	uint32_t	subnets;	/* entries in use of the subnet map */
	uint32_t	cache;		/* enum fast_cache */
	uint64_t	tunnel_hi;	/* as struct plan of table/plan.h */
	uint64_t	tunnel_mask;	/* 0: none */
	uint64_t	tid_mask;
	uint64_t	routed_bit;
	uint32_t	subnet_prefixes;
	uint32_t	ports;
	uint32_t	tun;		/* ifindex routes are asked for: what leaves user space enters here */
	uint32_t	zero;		/* it is; no verifier knows that */
	struct fast_subnets subnet[FAST_SUBNET_PREFIXES];
	struct fast_port port[FAST_PORTS_MAX];
	/* whose socket takes AYIYA of that port and queue: worker + 1; 0: nobody's */
	uint8_t		keeper[FAST_PORTS_MAX * FAST_QUEUES];
};
_Static_assert(sizeof(struct fast_head) == 72 + 16 * 24 + 16 * 24 + 1024, "nothing in between");

struct fast_subnet_value {
	uint16_t	tid[FAST_SUBNETS_PER_VALUE];
};
_Static_assert(sizeof(struct fast_subnet_value) == 64, "one cache line");

#endif
