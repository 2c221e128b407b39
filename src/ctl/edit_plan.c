/* Changes to the address plan: the tunnel prefix, subnet prefixes, and who has which subnet. */
#include "ctl/edit.h"
#include "ctl/edit_notes.h"

#include <stdio.h>

#include "ctl/answer.h"
#include "ctl/refuse.h"

/* Lengths that need no `delegate`: a /40 hands out /48s, a /48 hands out /56s. */
#define HISTORIC_BITS	8

static bool prefixes_overlap(const struct prefix *a, const struct prefix *b)
{
	return a->len <= b->len ? prefix_has(a, &b->addr) : prefix_has(b, &a->addr);
}

static bool prefix_eq(const struct prefix *a, const struct prefix *b)
{
	return a->len == b->len && addr_eq(&a->addr, &b->addr);
}

/* Everything in @inner is in @outer too. */
static bool prefix_covers(const struct prefix *outer, const struct prefix *inner)
{
	return outer->len <= inner->len && prefix_has(outer, &inner->addr);
}

static int prefix_in_use(const struct prefix *p, const char *as, struct why *why)
{
	char text[PREFIX_TEXT_MAX];

	return refuse(why, ANSWER_BAD, "The prefix overlaps the %s %s", as, prefix_text(p, text));
}

static int tunnel_prefix_form(const struct prefix *p, struct why *why)
{
	char text[PREFIX_TEXT_MAX];

	if (p->len < TUNNEL_PREFIX_LEN_MIN || p->len > TUNNEL_PREFIX_LEN_MAX ||
	    addr_is_ip4(&p->addr))
		return refuse(why, ANSWER_BAD, "Tunnel Prefix %s must be IPv6 and of length /%d to "
			      "/%d", prefix_text(p, text), TUNNEL_PREFIX_LEN_MIN,
			      TUNNEL_PREFIX_LEN_MAX);
	if (addr_is_bad_endpoint(&p->addr))
		return refuse(why, ANSWER_BAD, "Tunnel Prefix %s is no prefix of global addresses",
			      prefix_text(p, text));
	return 0;
}

/* A subnet somebody has, which the tunnel prefix @p would hide. */
static bool hidden_subnet(const struct config *cf, const struct prefix *p, struct prefix *hidden)
{
	const struct plan *plan = config_plan(cf);

	for (unsigned int i = 0; i < plan->subnet_prefixes; i++) {
		const struct subnet_prefix *s = &plan->subnet[i];

		for (uint32_t n = 0; n < subnet_prefix_count(s); n++) {
			*hidden = plan_subnet(s, n);
			if (cf->subnet[s->base + n] != TID_NONE && prefix_covers(p, hidden))
				return true;
		}
	}
	return false;
}

static int tunnel_prefix_place(const struct config *cf, const struct prefix *p, struct why *why)
{
	const struct plan *plan = config_plan(cf);
	char text[PREFIX_TEXT_MAX], other[PREFIX_TEXT_MAX];
	struct prefix hidden;

	for (unsigned int i = 0; i < plan->subnet_prefixes; i++) {
		struct prefix s = plan_subnet_prefix(&plan->subnet[i]);

		/* it may lie inside, but not be it or be around it */
		if (prefix_covers(p, &s))
			return prefix_in_use(&s, "Subnet Prefix", why);
	}
	if (hidden_subnet(cf, p, &hidden))
		return refuse(why, ANSWER_BAD, "Tunnel Prefix %s would hide the subnet %s, which is "
			      "in use", prefix_text(p, text), prefix_text(&hidden, other));
	return 0;
}

static uint16_t endpoint_inside(const struct config *cf)
{
	for (uint32_t tid = 0; tid < cf->head->tunnel_end; tid++) {
		const struct tunnel_conf *t = &cf->tunnel[tid];

		if (t->kind == KIND_STATIC && plan_is_inside(config_plan(cf), &t->them))
			return (uint16_t)tid;
	}
	return TID_NONE;
}

/* Tunnels and endpoints that were legal without the new prefix. */
static int tunnels_fit(const struct config *cf, struct why *why)
{
	uint32_t last = cf->head->tunnel_end;
	char text[ADDR_TEXT_MAX];

	if (last > 0 && last - 1 > config_tid_last(cf))
		return refuse(why, ANSWER_BAD, "Tunnel %x/T%u would be out of range (0x0 - 0x%x)",
			      last - 1, cf->tunnel[last - 1].id, config_tid_last(cf));

	uint16_t tid = endpoint_inside(cf);

	if (tid != TID_NONE)
		return refuse(why, ANSWER_BAD, "Tunnel %x/T%u has the endpoint %s, which would lie "
			      "inside this PoP's own prefixes; change the tunnel first", tid,
			      cf->tunnel[tid].id, addr_text(&cf->tunnel[tid].them, text));
	return 0;
}

int edit_tunnel_prefix(struct config *cf, struct changes *ch, const struct prefix *p,
		       struct why *why)
{
	struct plan *plan = &cf->head->plan;
	const struct plan was = *plan;
	int r;

	if (plan_has_tunnel_prefix(plan))
		return 1;
	r = tunnel_prefix_form(p, why);
	if (r == 0)
		r = tunnel_prefix_place(cf, p, why);
	if (r < 0)
		return r;

	plan_set_tunnel_prefix(plan, p);
	r = tunnels_fit(cf, why);
	if (r < 0) {
		*plan = was;
		return r;
	}
	note_head(ch);
	return 0;
}

static int delegation_form(const struct prefix *p, unsigned int *delegate, struct why *why)
{
	char text[PREFIX_TEXT_MAX];

	if (addr_is_ip4(&p->addr) || addr_is_bad_endpoint(&p->addr))
		return refuse(why, ANSWER_BAD, "Subnet Prefix %s is no prefix of global IPv6 "
			      "addresses", prefix_text(p, text));
	if (*delegate == 0 && (p->len == 40 || p->len == 48))
		*delegate = p->len + HISTORIC_BITS;
	if (*delegate == 0)
		return refuse(why, ANSWER_BAD, "Subnet Prefix %s is neither a /40 nor a /48; say "
			      "what it hands out: delegate <length>", prefix_text(p, text));
	if (*delegate > 64 || *delegate <= p->len || *delegate - p->len > DELEGATION_BITS_MAX)
		return refuse(why, ANSWER_BAD, "Subnet Prefix %s cannot delegate a /%u: it must be 1 "
			      "to %d bits longer than the prefix, and /64 at most",
			      prefix_text(p, text), *delegate, DELEGATION_BITS_MAX);
	return 0;
}

static int subnet_prefix_place(const struct config *cf, const struct prefix *p,
			       unsigned int delegate, struct why *why)
{
	const struct plan *plan = config_plan(cf);
	uint32_t used = config_subnets_used(cf), more = UINT32_C(1) << (delegate - p->len);

	if (plan_has_tunnel_prefix(plan)) {
		struct prefix t = plan_tunnel_prefix(plan);

		/* the tunnel prefix may lie inside this one */
		if (prefix_covers(&t, p))
			return prefix_in_use(&t, "Tunnel Prefix", why);
	}
	for (unsigned int i = 0; i < plan->subnet_prefixes; i++) {
		struct prefix s = plan_subnet_prefix(&plan->subnet[i]);

		if (prefixes_overlap(&s, p))
			return prefix_in_use(&s, "Subnet Prefix", why);
	}
	if (plan->subnet_prefixes == SUBNET_PREFIXES_MAX)
		return refuse(why, ANSWER_BAD, "There are %d Subnet Prefixes already, and no more "
			      "can be", SUBNET_PREFIXES_MAX);
	if (more > cf->limits.subnets - used)
		return refuse(why, ANSWER_BAD, "The prefix holds %u subnets, %u of %u are left; see "
			      "pop set limits", more, cf->limits.subnets - used,
			      cf->limits.subnets);
	return 0;
}

/* Return: 1 it is there, 0 it is not, -errno there with another delegation */
static int subnet_prefix_known(const struct plan *plan, const struct prefix *p,
			       unsigned int delegate, struct why *why)
{
	for (unsigned int i = 0; i < plan->subnet_prefixes; i++) {
		struct prefix s = plan_subnet_prefix(&plan->subnet[i]);

		if (!prefix_eq(&s, p))
			continue;
		if (plan->subnet[i].delegate == delegate)
			return 1;
		return refuse(why, ANSWER_BAD, "Subnet Prefix is configured already and hands out "
			      "/%us; remove it from the file and reload", plan->subnet[i].delegate);
	}
	return 0;
}

int edit_subnet_prefix(struct config *cf, struct changes *ch, const struct prefix *p,
		       unsigned int delegate, struct why *why)
{
	struct plan *plan = &cf->head->plan;
	int r = delegation_form(p, &delegate, why);

	if (r == 0)
		r = subnet_prefix_known(plan, p, delegate, why);
	if (r == 0)
		r = subnet_prefix_place(cf, p, delegate, why);
	if (r != 0)
		return r;

	plan->subnet[plan->subnet_prefixes] = (struct subnet_prefix){
		.hi = addr_hi(&p->addr), .mask = p->len ? ~UINT64_C(0) << (64 - p->len) : 0,
		.base = config_subnets_used(cf), .len = p->len, .delegate = (uint8_t)delegate,
	};
	plan->subnet_prefixes++;
	r = tunnels_fit(cf, why);
	if (r < 0) {
		plan->subnet[--plan->subnet_prefixes] = (struct subnet_prefix){ .hi = 0 };
		return r;
	}
	note_head(ch);
	return 0;
}

static const struct subnet_prefix *master_of(const struct plan *plan, const struct prefix *p)
{
	for (unsigned int i = 0; i < plan->subnet_prefixes; i++) {
		struct prefix s = plan_subnet_prefix(&plan->subnet[i]);

		if (prefix_has(&s, &p->addr))
			return &plan->subnet[i];
	}
	return NULL;
}

/* Where @p is in the subnet array; the caller knows that @s is its master. */
static uint32_t subnet_index(const struct subnet_prefix *s, const struct prefix *p)
{
	return s->base + (uint32_t)((addr_hi(&p->addr) & ~s->mask) >> (64 - s->delegate));
}

static int subnet_form(const struct subnet_prefix *s, const struct prefix *p, struct why *why)
{
	struct prefix master = plan_subnet_prefix(s);
	char text[PREFIX_TEXT_MAX], in[PREFIX_TEXT_MAX];

	if (p->len != s->delegate)
		return refuse(why, ANSWER_BAD, "Invalid IPv6 prefix (%s): subnets of %s are /%u",
			      prefix_text(p, text), prefix_text(&master, in), s->delegate);
	return 0;
}

int edit_subnet(struct config *cf, struct changes *ch, const struct prefix *p, uint16_t tid,
		struct why *why)
{
	const struct plan *plan = config_plan(cf);
	const struct subnet_prefix *s = master_of(plan, p);
	char text[PREFIX_TEXT_MAX];
	struct prefix t = plan_tunnel_prefix(plan);
	bool tunnels = plan_has_tunnel_prefix(plan) && prefix_covers(&t, p);
	int r;

	if (!s || tunnels)
		return refuse(why, ANSWER_BAD, "Route %s with gateway %x doesn't have a master subnet: "
			      "it lies in %s", prefix_text(p, text), tid,
			      tunnels ? "the tunnel prefix" : "no pop subnetprefix");
	r = subnet_form(s, p, why);
	if (r < 0)
		return r;
	if (!config_tunnel(cf, tid))
		return refuse(why, ANSWER_BAD, "Tunnel %x for subnet %s not found", tid,
			      prefix_text(p, text));

	uint32_t index = subnet_index(s, p);

	cf->subnet[index] = tid;
	note_subnet(ch, index);
	return 0;
}

int edit_subnet_remove(struct config *cf, struct changes *ch, const struct prefix *p,
		       struct why *why)
{
	const struct subnet_prefix *s = master_of(config_plan(cf), p);
	char text[PREFIX_TEXT_MAX];
	int r;

	if (!s)
		return refuse(why, ANSWER_NOT_FOUND, "No Subnet Prefix holds %s",
			      prefix_text(p, text));
	r = subnet_form(s, p, why);
	if (r < 0)
		return r;

	uint32_t index = subnet_index(s, p);

	if (cf->subnet[index] == TID_NONE)
		return refuse(why, ANSWER_NOT_FOUND, "Subnet %s has no tunnel",
			      prefix_text(p, text));
	cf->subnet[index] = TID_NONE;
	note_subnet(ch, index);
	return 0;
}
