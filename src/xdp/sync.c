#include "xdp/sync.h"

#include <string.h>

#include "base/sum.h"
#include "wire/proto.h"

static enum fast_type type_of(const struct endpoint *ep)
{
	switch ((enum tunnel_type)ep->type) {
	case TYPE_DIRECT:
		return FAST_DIRECT;
	case TYPE_GRE:
		return FAST_GRE;
	case TYPE_AYIYA:
		return FAST_AYIYA;
	case TYPE_NONE:
		break;
	}
	return FAST_OFF;
}

/* Words of the outer header that are the same for every packet of a tunnel: path/encap.c. */
static be16_t constant_sum(const struct fast_line *l)
{
	struct ip4_hdr h = {
		.vihl = IP4_VERSION << 4 | sizeof(h) / 4, .frag = be16_put(IP4_DF), .ttl = 64,
		.protocol = l->type == FAST_GRE ? PROTO_GRE : PROTO_IPV6,
		.src = l->us, .dst = l->them,
	};
	be16_t done = sum_done(sum_add(0, &h, sizeof(h)));

	return (be16_t){ (uint16_t)~done.raw };
}

/* A tunnel of which user space wants to see every packet. */
static bool wants_all(const struct tunnel_conf *c)
{
	return c->flags & (TUNNEL_DISABLED | TUNNEL_DEBUG | TUNNEL_CAPTURE | TUNNEL_GRE_KEY) || c->rate_kbit_s ||
	       c->rate_pps;
}

/* Fragments are made in user space: path/encap.c, is_narrow(). */
static bool is_narrow(const struct tunnel_conf *c, const struct endpoint *ep)
{
	return ep->path_mtu_bytes && ep->path_mtu_bytes < MTU_MIN_BYTES + tunnel_overhead(c, ep);
}

static struct ip6_addr us_of(const struct config *cf, const struct endpoint *ep)
{
	if (addr_is_unspecified(&ep->us) || !addr_is_ip4(&ep->us))
		return config_outer_us(cf, &ep->them);
	return ep->us;
}

struct fast_line sync_line(const struct config *cf, const struct table *tb, uint16_t tid)
{
	const struct tunnel_conf *c = config_tunnel(cf, tid);
	struct fast_line l = { .type = FAST_OFF };
	struct endpoint ep;
	struct ip6_addr us;

	if (!c || wants_all(c) || cf->head->capture_all)
		return l;
	ep = tunnel_endpoint(&tb->tunnel[tid]);
	if (ep.state != STATE_UP || type_of(&ep) == FAST_OFF || !addr_is_ip4(&ep.them) || config_bad_endpoint(cf, &ep.them) || is_narrow(c, &ep))
		return l;
	us = us_of(cf, &ep);
	if (!addr_is_ip4(&us) || addr_ip4(&us) == 0 || addr_is_bad_endpoint(&us) ||
	    !config_serves(cf, &us))
		return l;
	l.them = addr_to_ip4_wire(&ep.them);
	l.us = addr_to_ip4_wire(&us);
	l.mtu_bytes = tunnel_mtu(c, &ep);
	l.flags = c->flags & TUNNEL_MSS ? FAST_MSS : 0;
	l.type = (uint8_t)type_of(&ep);
	l.sum = constant_sum(&l);
	return l;
}

/* ---- one line, on every cpu ---- */

static void line_off(struct table *tb, uint16_t tid)
{
	for (unsigned int cpu = 0; cpu < tb->fast.cpus; cpu++)
		__atomic_store_n(&tunnel_line(tb, cpu, tid)->type, (uint8_t)FAST_OFF,
				 __ATOMIC_RELAXED);
}

/*
 * The line is out of force and nobody reads it. @want was taken before the endpoint was
 * read: if the owner has moved on since, the line stays out, and the bitmap says so again.
 */
static void line_write(struct fast_line *to, const struct fast_line *l, uint16_t want)
{
	to->them = l->them;
	to->us = l->us;
	to->mtu_bytes = l->mtu_bytes;
	to->sum = l->sum;
	to->flags = l->flags;
	to->hop_serial = 0;
	__atomic_store_n(&to->type, l->type, __ATOMIC_RELEASE);
	__atomic_store_n(&to->have, want, __ATOMIC_RELEASE);
}

static void line_on(struct table *tb, const struct config *cf, uint16_t tid)
{
	uint16_t want = __atomic_load_n(&tunnel_line(tb, 0, tid)->want, __ATOMIC_ACQUIRE);
	struct fast_line l = sync_line(cf, tb, tid);

	for (unsigned int cpu = 0; cpu < tb->fast.cpus; cpu++)
		line_write(tunnel_line(tb, cpu, tid), &l, want);
}

/* ---- the plan ---- */

static void write_plan(struct fast_head *h, const struct plan *p)
{
	h->tunnel_hi = p->tunnel_hi;
	h->tunnel_mask = p->tunnel_mask;
	h->tid_mask = p->tid_mask;
	h->routed_bit = p->routed_bit;
	h->subnet_prefixes = p->subnet_prefixes;
	for (unsigned int i = 0; i < p->subnet_prefixes; i++) {
		const struct subnet_prefix *s = &p->subnet[i];

		h->subnet[i] = (struct fast_subnets){
			.hi = s->hi, .mask = s->mask, .base = s->base, .shift = 64u - s->delegate,
		};
	}
}

static void write_subnets(struct fast_subnet_value *v, const struct config *cf)
{
	for (uint32_t i = 0; i < cf->limits.subnets; i++)
		__atomic_store_n(&v[i / FAST_SUBNETS_PER_VALUE].tid[i % FAST_SUBNETS_PER_VALUE],
				 cf->subnet[i], __ATOMIC_RELAXED);
}

static void head_on(struct sync *s, uint32_t on)
{
	__atomic_store_n(&xdp_head(s->x)->on, on, __ATOMIC_RELEASE);
}

/* ---- writing what is stale ---- */

static bool is_stale(const struct sync *s)
{
	for (size_t i = 0; i < MOVED_WORDS; i++) {
		if (s->stale[i])
			return true;
	}
	return false;
}

/* Everything named as stale is out of force already, and a grace period has passed. */
static void write_stale(struct sync *s)
{
	const struct config *cf = region_config(s->region);

	/* a transaction's tunnels were committed as well, when their worker adopted them */
	tunnels_seen(&s->region->table, s->stale);
	for (size_t i = 0; i < MOVED_WORDS; i++) {
		for (uint64_t w = s->stale[i]; w; w &= w - 1) {
			uint32_t tid = (uint32_t)(i * 64) + (uint32_t)__builtin_ctzll(w);

			if (tid < cf->limits.tunnels)
				line_on(&s->region->table, cf, (uint16_t)tid);
		}
		s->stale[i] = 0;
	}
}

/* The head is off and a grace period has passed: everything may be written. */
static void write_all(struct sync *s)
{
	const struct config *cf = region_config(s->region);

	memset(s->stale, 0xff, sizeof(s->stale));
	tunnels_seen(&s->region->table, s->stale);
	write_plan(xdp_head(s->x), config_plan(cf));
	write_subnets(xdp_subnets(s->x), cf);
	for (uint32_t tid = 0; tid < cf->limits.tunnels; tid++)
		line_on(&s->region->table, cf, (uint16_t)tid);
	memset(s->stale, 0, sizeof(s->stale));
	s->all = false;
	head_on(s, 1);
}

static void write_pending(struct sync *s)
{
	if (s->held || !s->on)
		return;
	if (s->all) {
		write_all(s);
		return;
	}
	if (s->subnets)
		write_subnets(xdp_subnets(s->x), region_config(s->region));
	s->subnets = false;
	if (is_stale(s))
		write_stale(s);
}

/* ---- what the others call ---- */

void sync_init(struct sync *s, struct xdp *x, struct region *region)
{
	*s = (struct sync){ .x = x, .region = region };
	region->table.fast = xdp_fast(x);
}

/* What every line depends on: the plan, which addresses are ours, whether all is captured. */
static bool same_for_all(const struct config_head *a, const struct config_head *b)
{
	return !a->capture_all == !b->capture_all &&
	       memcmp(&a->plan, &b->plan, sizeof(a->plan)) == 0 &&
	       memcmp(a->pop, b->pop, sizeof(a->pop)) == 0 &&
	       a->owns == b->owns && memcmp(a->own, b->own, sizeof(a->own)) == 0 &&
	       a->locals == b->locals && memcmp(a->local, b->local, sizeof(a->local)) == 0;
}

/* Return: any? */
static bool hold_tunnels(struct sync *s, const struct config *now, const struct config *next)
{
	bool any = false;

	for (uint32_t tid = 0; tid < now->limits.tunnels; tid++) {
		if (now->tunnel[tid].generation == next->tunnel[tid].generation)
			continue;
		line_off(&s->region->table, (uint16_t)tid);
		s->stale[tid / 64] |= UINT64_C(1) << tid % 64;
		any = true;
	}
	return any;
}

/* A subnet that changes hands is nobody's in between. Return: any? */
static bool hold_subnets(struct sync *s, const struct config *now, const struct config *next)
{
	struct fast_subnet_value *v = xdp_subnets(s->x);
	bool any = false;

	for (uint32_t i = 0; i < now->limits.subnets; i++) {
		if (now->subnet[i] == next->subnet[i])
			continue;
		__atomic_store_n(&v[i / FAST_SUBNETS_PER_VALUE].tid[i % FAST_SUBNETS_PER_VALUE],
				 TID_NONE, __ATOMIC_RELAXED);
		any = true;
	}
	return any;
}

void sync_hold(struct sync *s, const struct config *now, const struct config *next)
{
	bool any;

	s->held = true;
	if (!s->on)
		return;
	s->subnets = hold_subnets(s, now, next);
	any = hold_tunnels(s, now, next) || s->subnets;
	if (!same_for_all(now->head, next->head)) {
		s->all = true;
		head_on(s, 0);
	}
	if (any || s->all)
		xdp_grace();
}

void sync_release(struct sync *s)
{
	s->held = false;
	write_pending(s);
}

/* Their owners took them out of force; a transaction that is open writes them at its end. */
void sync_moved(struct sync *s)
{
	uint64_t which[MOVED_WORDS];

	if (!s->on || !tunnels_moved(&s->region->table, which))
		return;
	for (size_t i = 0; i < MOVED_WORDS; i++) {
		for (uint64_t w = which[i]; w; w &= w - 1)
			line_off(&s->region->table,
				 (uint16_t)(i * 64 + (size_t)__builtin_ctzll(w)));
		s->stale[i] |= which[i];
	}
	xdp_grace();
	write_pending(s);
}

void sync_switch(struct sync *s, bool on)
{
	if (on == s->on)
		return;
	s->on = on;
	s->all = on;
	head_on(s, 0);
	xdp_grace();
	write_pending(s);
}

void sync_pause(struct sync *s)
{
	if (!s->on)
		return;
	head_on(s, 0);
	xdp_grace();
}

void sync_resume(struct sync *s)
{
	sync_forget_hops(s);
	if (s->on && !s->all)
		head_on(s, 1);
}

void sync_forget_hops(struct sync *s)
{
	struct fast_head *h = xdp_head(s->x);
	uint32_t next = h->gen + 1;

	__atomic_store_n(&h->gen, next + (next == 0), __ATOMIC_RELEASE);
}
