/*
 * src/path/path.h - the packet's way: bytes, time and configuration in, verdict and bytes out
 *
 * Pure: no system call, clock, allocation, log or lock. One struct path belongs to
 * one worker; the tunnels it changes are that worker's. forwarding.md is the
 * definition of what happens here; path_run() is its table of contents.
 *
 * One writer. A tunnel belongs to worker (tunnel id modulo workers), which alone reads
 * its state plainly and writes it. A packet is taken up by whichever worker received it,
 * and goes on at
 *
 *	decap, check		the worker of the tunnel it came from; from the uplink: anybody
 *	route and all behind it	the worker of the tunnel it goes to; to the uplink or the PoP:
 *				where it is, but from the uplink to the PoP's end of a
 *				tunnel: the worker of that tunnel
 *	counting an error	the worker of the tunnel it is counted on
 *	an ICMP error		the worker of the tunnel that pays for it: the one it came from
 *
 * Whoever finds that a step is not his returns HANDED_OVER, having changed nothing but
 * what was his, and p->out is OUT_WORKER: the packet is to be given, as it is, to
 * path_run() of the worker of p->owner. Nothing is decided twice: before `route` the packet is
 * still the one that arrived, and from there on p->at says what is left to do. With
 * one configuration a packet changes hands three times at most.
 */
#ifndef SIXXSD_PATH_PATH_H
#define SIXXSD_PATH_PATH_H

#include "base/digest.h"
#include "path/pkt.h"
#include "table/config.h"
#include "table/tunnel.h"

#define EVENTS_MAX	8

/* What happened besides forwarding, for the log; io/ empties it after every call. */
struct path_event {
	enum event_kind	event;
	uint16_t	tid;
	uint16_t	port;
	uint32_t	value;
	struct ip6_addr	address;
};

struct path {
	const struct config	*cf;	/* this batch's configuration */
	struct table		*tb;	/* state; only own tunnels are written */
	struct worker_shared	*me;	/* this worker's counters */
	const struct digest	*digest;
	bool			defer;		/* the caller signs what leaves: path_sign() */
	unsigned int		worker, workers;	/* this one's number, of how many */
	mono_t			now;
	wall_t			wall;

	struct bucket		icmp;		/* all ICMP errors of this worker */
	struct bucket		icmp_big;	/* packet too big: its own, so PMTUD survives floods */
	struct bucket		scans;		/* searches for the tunnel an outer ICMP is about */
	struct bucket		digests;	/* failed verifications from strangers, security.md C4 */

	/* latency test: random, replaced every 60 s by path_magic(); both are valid */
	uint64_t		magic, magic_before;

	struct path_event	event[EVENTS_MAX];
	unsigned int		events;
};

/* 10/s burst 20 a tunnel, 1000/s in all: forwarding.md 8 "rate" */
#define ICMP_TUNNEL_RATE	((struct bucket_rate){ .per_s = 10, .burst = 20 })
/* a host that talks to many servers asks once each: path MTU discovery gets more room */
#define ICMP_TUNNEL_BIG_RATE	((struct bucket_rate){ .per_s = 100, .burst = 100 })
#define ICMP_TOTAL_RATE		((struct bucket_rate){ .per_s = 1000, .burst = 1000 })
#define ICMP_BIG_RATE		((struct bucket_rate){ .per_s = 1000, .burst = 1000 })
/* a search looks at every tunnel: what a stranger's ICMP may cost is bounded */
#define OUTER_SCAN_RATE		((struct bucket_rate){ .per_s = 100, .burst = 100 })
/* failed digests: far above what broken clients send, far below a core's worth */
#define DIGEST_RATE		((struct bucket_rate){ .per_s = 20000, .burst = 20000 })

/* The only worker, until path_share() says otherwise. */
void path_init(struct path *pa, const struct config *cf, struct table *tb,
	       struct worker_shared *me, const struct digest *digest, mono_t now, wall_t wall);

/* Number @worker of @workers; before the first packet. ICMP error rates are divided among them. */
void path_share(struct path *pa, unsigned int worker, unsigned int workers);

static inline unsigned int path_worker_of(const struct path *pa, uint16_t tid)
{
	return tid % pa->workers;
}

/* Is tunnel @tid's state this worker's? TID_NONE: there is none, so nobody's is in the way. */
static inline bool path_owns(const struct path *pa, uint16_t tid)
{
	return tid == TID_NONE || path_worker_of(pa, tid) == pa->worker;
}

/**
 * path_run() - one packet, from arrival to departure
 * @p:		as pkt_init() left it, with .outer filled for everything but VIA_TUN
 * @reply:	an empty packet of the caller (pkt_init with len 0) for the answer, if one is
 *		owed: an ICMP message, an echo reply, an AYIYA echo response
 *
 * Counts exactly once, besides HANDED_OVER. Afterwards p->out and reply->out say what to
 * send; OUT_NONE means nothing. At most one datagram comes in, so at most one layer is peeled (security.md L5).
 *
 * Return: the verdict on @p
 */
enum verdict path_run(struct path *pa, struct pkt *p, struct pkt *reply);

/*
 * Overload: the flow a packet belongs to, before anything of it is verified. Numbers below
 * path_flows(): two for each tunnel, from it and towards it, and one for all strangers.
 */
uint32_t path_flows(struct limits limits);
uint32_t path_flow(const struct path *pa, const struct pkt *p);
/* @n packets of @flow were dropped because that has its share: counted, DROP_QUEUE_SHARE. */
void path_shed(struct path *pa, uint32_t flow, uint64_t n);

/**
 * path_sent() - the outcome of sending, where it was not good
 * @v:		DROP_SEND_BIG, DROP_SEND or DROP_SEND_QUEUE
 * @mtu:	for DROP_SEND_BIG: the way out's MTU if known, else 0; lowers the path MTU
 */
void path_sent(struct path *pa, const struct pkt *p, enum verdict v, uint16_t mtu);

/**
 * path_digest() - hash together what of @n packets, none of them run yet, will be verified
 *
 * A help and no more: path_run() decides the same without. With the configuration and at the
 * time the packets will be run with.
 */
void path_digest(struct path *pa, struct pkt *p, size_t n);

/**
 * path_sign() - the signatures due on @n packets that leave; the same configuration as before
 * path_sum() - and then the UDP checksum, unless somebody else writes that
 *
 * Only where pa->defer is set; nothing may be sent without. ayiya.md 4
 */
void path_sign(struct path *pa, struct pkt *const *p, size_t n);
void path_sum(struct pkt *p);

/* One fragment of an outer packet at a time; see path/fragment.h for pkt.out_fragment. */

/**
 * path_adopt() - move to another configuration
 *
 * Adopts every own tunnel the publication changed; all of them if @cf is not the next
 * revision after the last (at start, say). Called between packets.
 */
void path_adopt(struct path *pa, const struct config *cf);

/**
 * path_tick() - what time alone does to tunnel @tid
 *
 * Beat timeout (120 s), path MTU ageing (600 s). Call for every tunnel about once a
 * minute; cheap for tunnels that are not up.
 */
void path_tick(struct path *pa, uint16_t tid);

/**
 * path_probe() - build the latency request of tunnel @tid
 * @p:	an empty packet; on PASS p->out is set
 *
 * Return: PASS, or why there is nothing to send (tunnel not up, our address unknown).
 * Counted as traffic out of the tunnel. forwarding.md 9
 */
enum verdict path_probe(struct path *pa, uint16_t tid, struct pkt *p);

/* A new random number for the latency test; every 60 s. */
void path_magic(struct path *pa, uint64_t random);

/* Payload of the latency test: 981 octets of ICMPv6, 1029 on the inner wire. */
#define LATENCY_ID		0x4242
#define LATENCY_ICMP_BYTES	989	/* 8 header + 981 */
#define LATENCY_WINDOW		64
#define LATENCY_MAX_US		(10 * US_PER_S)

#define BEAT_TIMEOUT_S		120
#define PATH_MTU_AGE_S		600
#define TYPE_HOLD_S		120	/* encap auto: silence before the type may change */

#endif
