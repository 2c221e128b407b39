/*
 * src/path/steps.h - the steps of path_run(), each in its own file
 *
 * A step decides and returns PASS or a reason; it does not count, send, or call the
 * next one. Private to path/ and its tests.
 */
#ifndef SIXXSD_PATH_STEPS_H
#define SIXXSD_PATH_STEPS_H

#include "path/path.h"
#include "wire/ayiya.h"

/*
 * An answer. Whoever builds one begins here. An AYIYA echo response leaves its step
 * with reply->out and reply->to set, by outer_push(). What icmp_answer(), local6() and
 * local4() build is a bare inner packet, reply->len octets and reply->out still OUT_NONE:
 * path_run() gives it to send_own().
 * There is one @reply a packet: an answer to the inner packet replaces the echo
 * response that an AYIYA "echo request and forward" may have left there, unless the inner
 * packet is another worker's (path.h): then both are sent. Nobody
 * counts it but path_run(), at the end, once.
 */
static inline void reply_begin(struct pkt *reply)
{
	pkt_init(reply, reply->start, 0, VIA_SELF);
}

/*
 * The rest is another worker's: path.h, "One writer". @p is left to be taken up @at that
 * point by the worker of @tid. Return: HANDED_OVER
 */
enum verdict path_elsewhere(struct path *pa, struct pkt *p, enum stage at, uint16_t tid); /* path.c */
/* This worker's part of a rate that holds for all of them together. */
static inline struct bucket_rate path_part(const struct path *pa, struct bucket_rate r)
{
	return (struct bucket_rate){ max_size(r.per_s / pa->workers, 1),
				     max_size(r.burst / pa->workers, 1) };
}

/* tunnel_commit(), and since when its state holds. */
static inline void path_commit(struct path *pa, uint16_t tid, const struct endpoint *ep)
{
	if (ep->state != pa->tb->tunnel[tid].ep.state)
		story_since(&pa->tb->story[tid], ep->state == STATE_DOWN, pa->wall);
	tunnel_commit(pa->tb, tid, ep);
}

/* The endpoint of any tunnel, own or not. */
static inline struct endpoint path_endpoint(const struct path *pa, uint16_t tid)
{
	const struct tunnel *t = &pa->tb->tunnel[tid];

	return path_owns(pa, tid) ? t->ep : tunnel_endpoint(t);
}

/* ---- whose packet is it, and is it theirs? sets p->from, peels one layer ---- */
enum verdict p41_decap(struct path *pa, struct pkt *p);			/* p41.c, forwarding.md 2.1 */
enum verdict gre_decap(struct path *pa, struct pkt *p);			/* gre.c, RFC 2784, 2890 */
enum verdict ayiya_decap(struct path *pa, struct pkt *p, struct pkt *reply); /* ayiya.c, ayiya.md 5 */
enum verdict beat_take(struct path *pa, struct pkt *p);			/* beat.c, heartbeat.md 4 */
enum verdict outer_icmp_take(struct path *pa, struct pkt *p);		/* outer_icmp.c, forwarding.md 7 */

/* ---- what protocol 41 and GRE share, plain.c, forwarding.md 2.1 ---- */
/* Whose source is it? Return: PASS with @tid, or why it is nobody's */
enum verdict plain_owner6(const struct path *pa, struct cur inner, uint16_t *tid);
enum verdict plain_owner4(const struct path *pa, struct cur inner, uint16_t *tid);
/* State, outer source, encapsulation and type of the tunnel. Sets p->from, changes no tunnel. */
enum verdict plain_accept(struct path *pa, struct pkt *p, uint16_t tid);
/* Tell the tunnel (outer-us, type), once the inner source check has passed as well. */
void plain_learn(struct path *pa, struct pkt *p);

/* ---- congestion marks, ecn.c; path_run() calls them for every encapsulation ---- */
/* RFC 6040 4.2: sets p->inner_ecn, or DROP_ECN. */
enum verdict ecn_decap(struct pkt *p, uint8_t inner_ecn);
/* What the inner header says, either family; the packet must be sane. */
uint8_t ecn_inner(const struct pkt *p);
/* Write p->inner_ecn into the inner header (IPv4: checksum kept right). */
void ecn_apply(struct pkt *p);

/* ---- may this interface use that source? ---- */
enum verdict check6(struct path *pa, struct pkt *p);			/* check.c, forwarding.md 2.2, 3 */
/* Of which rows 2 to 5: addresses that nobody may use here. */
enum verdict class6(const struct ip6_hdr *h);
enum verdict check4(struct path *pa, struct pkt *p);			/* inner4.c, forwarding.md 10 */

/* ---- who owns the destination? sets p->to or p->to_local ---- */
enum verdict route6(struct path *pa, struct pkt *p);			/* route.c, forwarding.md 4 */
enum verdict route4(struct path *pa, struct pkt *p);

/* ---- hop limit, MTU, rate; p->param is the MTU of DROP_TOO_BIG ---- */
enum verdict rate_from(struct path *pa, struct pkt *p);			/* rate.c; before routing */
enum verdict rate_to(struct path *pa, struct pkt *p);			/* after ageing */
enum verdict age6(struct path *pa, struct pkt *p);			/* age.c */
enum verdict age4(struct path *pa, struct pkt *p);
/* One hop less in the inner IPv4 header, its checksum kept right; for tunnel to tunnel. */
void ttl_apply(struct pkt *p);						/* inner4.c */

/* ---- for the PoP itself: may build @reply ---- */
enum verdict local6(struct path *pa, struct pkt *p, struct pkt *reply);	/* local.c, forwarding.md 5 */
enum verdict local4(struct path *pa, struct pkt *p, struct pkt *reply);
enum verdict latency_take(struct path *pa, struct pkt *p);		/* latency.c, forwarding.md 9 */

/*
 * ---- dress it for the way out; the packet changes only here ----
 * encap() returns SENT_TUNNEL or SENT_UPLINK with p->out set, or a drop with the packet
 * still as it was received.
 */
enum verdict encap(struct path *pa, struct pkt *p);			/* encap.c, forwarding.md 6, 7 */
/**
 * outer_push() - the outer headers of a payload that is ready, UDP included for PROTO_UDP
 * @tid:	its endpoint says from where to where
 * @proto:	PROTO_IPV6, PROTO_GRE or PROTO_UDP (port 5072 to the learned one)
 * @ecn:	for the outer header
 *
 * Sets p->out, p->out_to, p->out_fragment and p->to. Return: PASS, DROP_NO_ENDPOINT,
 * DROP_NO_SECRET, DROP_ENDPOINT_LOOP or DROP_SEND_BIG
 */
enum verdict outer_push(struct path *pa, struct pkt *p, uint16_t tid, uint8_t proto, uint8_t ecn);
/* Clamp TCP MSS in a SYN to @mtu; either inner family. Return: the MSS written, 0: none */
uint16_t mss_clamp(struct pkt *p, uint16_t mtu_bytes);			/* mss.c */
/* An AYIYA packet as far as it has been read. */
struct ayiya_view {
	struct ayiya_hdr	h;
	uint8_t			sig[SHA256_BYTES];	/* as long as the header says */
	struct cur		payload;
	uint16_t		tid;		/* whose identity that is, configured or not */
};
/* Nothing of it is verified. Return: PASS, or DROP_AYIYA_* with @v partly filled */
MUST_CHECK enum verdict ayiya_view(const struct path *pa, const struct pkt *p, struct ayiya_view *v);
/* Is it, the signature aside, one that the configured tunnel takes now? */
MUST_CHECK enum verdict ayiya_acceptable(const struct path *pa, const struct ayiya_view *v);
/* Sign and push the AYIYA header of a packet to @tid; pa->defer: the signature stays due. */
void ayiya_push(struct path *pa, struct pkt *p, uint16_t tid, uint8_t opcode, uint8_t next);

/* ---- consequence ---- */
/* Build into @reply the ICMP error @v owes the sender of @p, if the rules allow one. */
void icmp_answer(struct path *pa, const struct pkt *p, enum verdict v, struct pkt *reply); /* icmp.c */
/**
 * send_own() - route, encapsulate and count a packet made here; path.c
 * @p:	a bare inner packet, VIA_SELF
 *
 * No source check, no ageing, no error about it. For the answers path_run() calls this.
 *
 * Return: PASS with p->out set, else why it cannot go
 */
enum verdict send_own(struct path *pa, struct pkt *p);
/* Traffic as received; once the source is checked. */
void account_in(struct path *pa, const struct pkt *p);			/* account.c */
/* Of which what goes on to somebody else; by the owner of the tunnel it came from. */
void account_data(struct path *pa, const struct pkt *p);		/* account.c */
/* The one place that counts what became of it: traffic, verdict, error sample; and whether @p is traced. */
enum verdict account(struct path *pa, struct pkt *p, enum verdict v);	/* account.c */
/* The verdict's own counters of this worker, @n times. */
static inline void account_verdict(struct path *pa, enum verdict v, uint64_t n)
{
	count_add(&pa->me->verdict[v], n);
	__atomic_store_n(&pa->me->verdict_s[v], (uint32_t)pa->wall.s, __ATOMIC_RELAXED);
}
/* Of which the verdict alone, for what comes to light after sending. */
void account_error(struct path *pa, const struct pkt *p, enum verdict v);
/* The tunnel an error of @p is counted on; TID_NONE: none. */
static inline uint16_t account_tid(const struct pkt *p)
{
	return p->to != TID_NONE ? p->to : p->from != TID_NONE ? p->from : p->blame;
}

/* ---- what a decap may tell a tunnel, tell.c ---- */
/*
 * The tunnel's endpoint is where @p came from: address, and for AYIYA the port. Such a
 * packet can move nothing, so it passes replay rules and digest budget.
 */
bool tunnel_is_at(const struct path *pa, const struct pkt *p, uint16_t tid);
/* May a stranger's digest be computed? security.md C4; a token is taken. */
MUST_CHECK bool digest_allowed(struct path *pa, bool stranger);
/* The stranger was none: its token comes back. */
void digest_good(struct path *pa, bool stranger);
/* An authenticated packet arrived from p->outer: up, beat, endpoint, type; emits events. */
void tunnel_heard(struct path *pa, struct pkt *p, uint16_t tid, enum tunnel_type type);
void path_emit(struct path *pa, struct path_event ev);

#endif
