/*
 * The straight line, and the three other ways in: an answer of our own (send_own), the
 * outcome of sending (path_sent), another configuration (path_adopt).
 */
#include "path/steps.h"

#include <assert.h>

void path_init(struct path *pa, const struct config *cf, struct table *tb,
	       struct worker_shared *me, const struct digest *digest, mono_t now, wall_t wall)
{
	*pa = (struct path){
		.cf = cf, .tb = tb, .me = me, .digest = digest, .now = now, .wall = wall,
		.workers = 1,
	};
	path_share(pa, 0, 1);
	bucket_init(&pa->scans, OUTER_SCAN_RATE, now);
	bucket_init(&pa->digests, DIGEST_RATE, now);
}

void path_share(struct path *pa, unsigned int worker, unsigned int workers)
{
	assert(worker < workers);
	pa->worker = worker;
	pa->workers = workers;
	bucket_init(&pa->icmp, path_part(pa, ICMP_TOTAL_RATE), pa->now);
	bucket_init(&pa->icmp_big, path_part(pa, ICMP_BIG_RATE), pa->now);
}

enum verdict path_elsewhere(struct path *pa, struct pkt *p, enum stage at, uint16_t tid)
{
	if (at == AT_START) {	/* what was found out is found out again */
		p->from = p->blame = TID_NONE;
		p->notes = 0;
	}
	if (at >= AT_COUNT) {	/* all that is left of it is what it was */
		p->data += p->inner - p->data;
		p->len = p->inner_len;
	}
	p->at = at;
	p->owner = tid;
	p->out = OUT_WORKER;
	account_verdict(pa, HANDED_OVER, 1);
	return HANDED_OVER;
}

/* A broadcast or multicast address, or one that `pop set localip` left out, serves nobody. */
static bool arrived_well(const struct path *pa, const struct pkt *p)
{
	return config_serves(pa->cf, &p->outer.us) && !addr_is_bad_endpoint(&p->outer.us);
}

static enum note_kind arrival(const struct pkt *p)
{
	switch (p->via) {
	case VIA_TUN:
		return NOTE_FROM_TUN;
	case VIA_P41:
	case VIA_PROTO4:
		return NOTE_FROM_P41;
	case VIA_GRE:
		return NOTE_FROM_GRE;
	case VIA_AYIYA:
		return NOTE_FROM_AYIYA;
	case VIA_BEAT:
		return NOTE_FROM_BEAT;
	case VIA_ICMP4:
	case VIA_ICMP6:
	case VIA_SELF:
		break;
	}
	return NOTE_FROM_ICMP;
}

/* At most one layer is peeled from what arrives (security.md L5). */
static enum verdict peel(struct path *pa, struct pkt *p, struct pkt *reply)
{
	switch (p->via) {
	case VIA_TUN:
	case VIA_SELF:
		return PASS;
	case VIA_P41:
		return p41_decap(pa, p);
	case VIA_GRE:
		return gre_decap(pa, p);
	case VIA_AYIYA:
		return ayiya_decap(pa, p, reply);
	case VIA_BEAT:
		return beat_take(pa, p);
	case VIA_ICMP4:
	case VIA_ICMP6:
		return outer_icmp_take(pa, p);
	case VIA_PROTO4:
		break;
	}
	return DROP_PROTO4;
}

/* Whose packet is it, and is it theirs? */
static enum verdict decap(struct path *pa, struct pkt *p, struct pkt *reply)
{
	const uint8_t *arrived = p->data;
	enum verdict v;

	pkt_note(p, arrival(p), TID_NONE, 0);
	if (p->via == VIA_TUN)
		return PASS;
	if (p->via != VIA_PROTO4 && !arrived_well(pa, p))
		return DROP_OUTER_LOCAL;

	v = peel(pa, p, reply);
	if (v != PASS)
		return v;

	p->accepted = true;
	p->inner = p->data;
	p->inner_len = p->len;
	p->peeled = (uint16_t)(p->inner - arrived);
	return PASS;
}

static bool is_ip4(const struct pkt *p)
{
	return pkt_version(p) == IP4_VERSION;
}

/* May it use that source? Then also: what the packet teaches, and the tunnel's rate. */
static enum verdict check(struct path *pa, struct pkt *p)
{
	enum verdict v = is_ip4(p) ? check4(pa, p) : check6(pa, p);

	if (v == PASS && p->accepted)
		v = ecn_decap(p, ecn_inner(p));
	if (v == PASS && (p->via == VIA_P41 || p->via == VIA_GRE))
		plain_learn(pa, p);
	if (v == PASS)
		v = rate_from(pa, p);
	return v;
}

/* Who owns the destination? */
static enum verdict route(struct path *pa, struct pkt *p)
{
	return is_ip4(p) ? route4(pa, p) : route6(pa, p);
}

static enum verdict local(struct path *pa, struct pkt *p, struct pkt *reply)
{
	return is_ip4(p) ? local4(pa, p, reply) : local6(pa, p, reply);
}

/* Hop limit, MTU, rate. */
static enum verdict age(struct path *pa, struct pkt *p)
{
	enum verdict v = is_ip4(p) ? age4(pa, p) : age6(pa, p);

	return v == PASS ? rate_to(pa, p) : v;
}

/* An echo response left its step ready for the wire; every other answer is a bare packet. */
static void answer(struct path *pa, struct pkt *reply)
{
	if (reply->out != OUT_NONE)
		(void)account(pa, reply, SENT_TUNNEL);
	else if (reply->len)
		(void)send_own(pa, reply);
}

/* Count it, and answer for it, each at the worker whose tunnel that is about. */
static void conclude(struct path *pa, struct pkt *p, enum verdict v, struct pkt *reply)
{
	p->verdict = v;
	if (p->at < AT_ANSWER) {
		if (!path_owns(pa, account_tid(p))) {
			(void)path_elsewhere(pa, p, AT_COUNT, account_tid(p));
			return;
		}
		account(pa, p, v);
	}
	if (verdict_info[v].owed == OWED_NONE)
		return;
	if (path_owns(pa, p->from))
		icmp_answer(pa, p, v, reply);
	else
		(void)path_elsewhere(pa, p, AT_ANSWER, p->from);
}

enum verdict path_run(struct path *pa, struct pkt *p, struct pkt *reply)
{
	enum verdict v = p->verdict;	/* PASS, unless a worker before us came further */
	bool begins = p->at == AT_START;

	p->out = OUT_NONE;
	if (p->at == AT_START)
		v = decap(pa, p, reply);
	if (p->at == AT_START && v == PASS)
		v = check(pa, p);
	if (p->at == AT_START)
		account_in(pa, p);
	begins = begins && v == PASS;
	if (v == PASS)
		v = route(pa, p);
	if (begins && !p->to_local)
		account_data(pa, p);
	if (v == PASS && p->to_local)
		v = local(pa, p, reply);
	if (v == PASS)
		v = age(pa, p);
	if (v == PASS)
		v = encap(pa, p);

	if (v != HANDED_OVER)
		conclude(pa, p, v, reply);
	answer(pa, reply);
	return v;
}

/* 240/4 is ours to route; an answer to any other IPv4 address goes where its cause came from. */
static enum verdict route_own4(struct path *pa, struct pkt *p)
{
	struct cur c = pkt_cur(p);
	struct ip4_hdr h;
	struct ip6_addr dst;

	if (!CUR_TAKE(&c, &h))
		return DROP_IP4_MALFORMED;

	dst = addr_from_ip4_wire(&h.dst);
	if (plan_four(config_plan(pa->cf), addr_ip4(&dst)).kind == FOUR_UPLINK)
		return PASS;
	return route4(pa, p);
}

static enum verdict route_own(struct path *pa, struct pkt *p)
{
	enum verdict v = is_ip4(p) ? route_own4(pa, p) : route6(pa, p);

	if (v != PASS || p->to == TID_NONE)
		return v == PASS && p->to_local ? DROP_ICMP_NEVER : v;	/* looped to itself */
	if (p->len > tunnel_mtu(&pa->cf->tunnel[p->to], &pa->tb->tunnel[p->to].ep))
		return DROP_TOO_BIG;
	return PASS;
}

enum verdict send_own(struct path *pa, struct pkt *p)
{
	enum verdict v;

	if (p->notes == 0)
		pkt_note(p, NOTE_FROM_ICMP, TID_NONE, 0);
	p->via = VIA_SELF;
	p->inner = p->data;
	p->inner_len = p->len;
	v = route_own(pa, p);
	if (v == HANDED_OVER)
		return PASS;		/* a plan that has just changed; as good as sent */
	if (v == PASS)
		v = encap(pa, p);
	account(pa, p, v);
	return p->out == OUT_NONE ? v : PASS;
}

/* What the way out takes, where it does not say: the largest that is not what it refused. */
static uint16_t mtu_below(const struct pkt *p, uint16_t floor)
{
	if (p->len > floor)
		return floor;
	return addr_is_ip4(&p->out_to) ? IP4_MTU_COMMON_BYTES : IP6_MTU_MIN_BYTES;
}

/* Our own interface is the narrow one: fragments are made here from now on. */
static void way_is_narrow(struct path *pa, const struct pkt *p, uint16_t mtu)
{
	struct tunnel *t = &pa->tb->tunnel[p->to];
	struct endpoint ep = t->ep;
	uint16_t least = addr_is_ip4(&ep.them) ? IP4_MTU_MIN_BYTES : IP6_MTU_MIN_BYTES;
	uint16_t floor = (uint16_t)(MTU_MIN_BYTES + tunnel_overhead(&pa->cf->tunnel[p->to], &ep));

	if (mtu == 0)
		mtu = mtu_below(p, floor);
	if (mtu < least)
		mtu = least;

	if (ep.path_mtu_bytes && mtu > ep.path_mtu_bytes)
		return;
	if (mtu != ep.path_mtu_bytes)
		path_emit(pa, (struct path_event){ .event = EVENT_PATH_MTU, .tid = p->to,
						   .value = mtu, .address = ep.them });
	ep.path_mtu_bytes = mtu;
	ep.fragment_here = mtu < floor;
	pa->tb->cold[p->to].path_mtu_at = pa->now;
	path_commit(pa, p->to, &ep);
}

void path_sent(struct path *pa, const struct pkt *p, enum verdict v, uint16_t mtu)
{
	account_error(pa, p, v);
	if (v == DROP_SEND_BIG && p->to != TID_NONE)
		way_is_narrow(pa, p, mtu);
}

void path_adopt(struct path *pa, const struct config *cf)
{
	const struct config_head *h = cf->head;
	uint64_t seen = __atomic_load_n(&pa->me->seen_revision, __ATOMIC_RELAXED);
	bool listed = h->revision == seen + 1 && h->changes <= ARRAY_LEN(h->change);

	pa->cf = cf;
	if (listed) {
		for (uint32_t i = 0; i < h->changes; i++) {
			if (path_owns(pa, h->change[i]))
				tunnel_adopt(pa->tb, cf, h->change[i], pa->now, pa->wall);
		}
	} else {
		/* which slots an older configuration used is no longer known: all of them */
		for (uint32_t tid = pa->worker; tid < cf->limits.tunnels; tid += pa->workers)
			tunnel_adopt(pa->tb, cf, (uint16_t)tid, pa->now, pa->wall);
	}
	__atomic_store_n(&pa->me->seen_revision, h->revision, __ATOMIC_RELEASE);
}
