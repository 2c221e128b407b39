/*
 * What every edit needs: notes of what was touched, the empty configuration, and how two
 * copies compare and are brought level.
 */
#include "ctl/edit.h"
#include "ctl/edit_notes.h"

#include <string.h>

/* Configured facts of the head lie between these two, in one piece. */
#define HEAD_FIRST	offsetof(struct config_head, plan)
#define HEAD_END	offsetof(struct config_head, changes)

void note_head(struct changes *ch)
{
	ch->head = true;
}

void note_tunnel(struct changes *ch, uint16_t tid)
{
	ch->head = true;	/* counts and bounds live there */
	for (uint32_t i = 0; i < ch->tunnels && i < CHANGES_MAX; i++) {
		if (ch->tunnel[i] == tid)
			return;
	}
	if (ch->tunnels < CHANGES_MAX)
		ch->tunnel[ch->tunnels] = tid;
	if (ch->tunnels <= CHANGES_MAX)
		ch->tunnels++;
}

void note_subnet(struct changes *ch, uint32_t index)
{
	if (ch->subnets < CHANGES_MAX)
		ch->subnet[ch->subnets] = index;
	if (ch->subnets <= CHANGES_MAX)
		ch->subnets++;
}

void config_clear(struct config *cf)
{
	struct config_head *h = cf->head;

	memset(h, 0, sizeof(*h));
	memset(cf->tunnel, 0, cf->limits.tunnels * sizeof(*cf->tunnel));
	memset(cf->subnet, 0xff, cf->limits.subnets * sizeof(*cf->subnet));
	explicit_bzero(cf->secret, cf->limits.tunnels * sizeof(*cf->secret));
	explicit_bzero(cf->token, (cf->limits.tunnels + 1) * sizeof(*cf->token));

	h->acl[0] = addr_from_ip4(UINT32_C(0x7f000001));
	h->acl[1] = addr_from_parts(0, 1);
	h->acl_len[0] = h->acl_len[1] = 128;
	h->acls = 2;
	h->latency_interval_s = LATENCY_INTERVAL_DEFAULT_S;
	h->workers = WORKERS_DEFAULT;
	h->http.address = addr_from_ip4(UINT32_C(0x7f000001));
	h->http.port = HTTP_PORT;
}

uint32_t config_subnets_used(const struct config *cf)
{
	const struct plan *p = config_plan(cf);
	uint32_t end = 0;

	for (unsigned int i = 0; i < p->subnet_prefixes; i++)
		end = p->subnet[i].base + subnet_prefix_count(&p->subnet[i]);
	return end;
}

static bool token_same(const struct config *a, const struct config *b, uint32_t which)
{
	return memcmp(&a->token[which], &b->token[which], sizeof(*a->token)) == 0;
}

bool tunnel_conf_same(const struct config *a, const struct config *b, uint16_t tid)
{
	struct tunnel_conf x = a->tunnel[tid], y = b->tunnel[tid];

	x.generation = y.generation = 0;
	if (memcmp(&x, &y, sizeof(x)) != 0 || !token_same(a, b, tid))
		return false;
	return !(x.flags & TUNNEL_SECRET) ||
	       memcmp(&a->secret[tid], &b->secret[tid], sizeof(*a->secret)) == 0;
}

bool config_head_same(const struct config *a, const struct config *b)
{
	return memcmp((const char *)a->head + HEAD_FIRST, (const char *)b->head + HEAD_FIRST,
		      HEAD_END - HEAD_FIRST) == 0 && token_same(a, b, a->limits.tunnels);
}

/* Runtime facts put aside, as a file would have the record. */
static struct tunnel_conf durable(const struct config *cf, uint32_t tid)
{
	struct tunnel_conf c = cf->tunnel[tid];

	c.generation = c.remote_seq = c.reset_seq = 0;
	c.tenant = 0;
	c.flags &= (uint8_t)~(TUNNEL_DEBUG | TUNNEL_CAPTURE);
	if (conf_is_dynamic(&c))
		c.them = (struct ip6_addr){ { 0 } };
	return c;
}

static bool tunnels_equal(const struct config *a, const struct config *b)
{
	for (uint32_t tid = 0; tid < a->limits.tunnels; tid++) {
		struct tunnel_conf x = durable(a, tid), y = durable(b, tid);

		if (memcmp(&x, &y, sizeof(x)) != 0 || !token_same(a, b, tid))
			return false;
		if (x.flags & TUNNEL_SECRET &&
		    memcmp(&a->secret[tid], &b->secret[tid], sizeof(*a->secret)) != 0)
			return false;
	}
	return true;
}

bool config_equal(const struct config *a, const struct config *b)
{
	const struct config_head *x = a->head, *y = b->head;

	return memcmp(&x->plan, &y->plan, sizeof(x->plan)) == 0 &&
	       memcmp(x->pop, y->pop, sizeof(x->pop)) == 0 &&
	       memcmp(x->acl, y->acl, sizeof(x->acl)) == 0 &&
	       memcmp(x->acl_len, y->acl_len, sizeof(x->acl_len)) == 0 &&
	       memcmp(x->local, y->local, sizeof(x->local)) == 0 &&
	       x->acls == y->acls && x->locals == y->locals && x->tunnels == y->tunnels &&
	       x->tunnel_end == y->tunnel_end && x->verbosity == y->verbosity &&
	       x->latency_interval_s == y->latency_interval_s &&
	       x->drop_reserved == y->drop_reserved && x->no_offload == y->no_offload &&
	       memcmp(&x->fastpath, &y->fastpath, sizeof(x->fastpath)) == 0 &&
	       memcmp(&x->http, &y->http, sizeof(x->http)) == 0 &&
	       token_same(a, b, a->limits.tunnels) &&
	       memcmp(a->subnet, b->subnet, a->limits.subnets * sizeof(*a->subnet)) == 0 &&
	       tunnels_equal(a, b);
}

static void level_tunnels(struct config *to, const struct config *from, const struct changes *ch)
{
	if (ch->tunnels > CHANGES_MAX) {
		memcpy(to->tunnel, from->tunnel, from->limits.tunnels * sizeof(*to->tunnel));
		memcpy(to->secret, from->secret, from->limits.tunnels * sizeof(*to->secret));
		memcpy(to->token, from->token, from->limits.tunnels * sizeof(*to->token));
		return;
	}
	for (uint32_t i = 0; i < ch->tunnels; i++) {
		uint16_t tid = ch->tunnel[i];

		to->tunnel[tid] = from->tunnel[tid];
		to->secret[tid] = from->secret[tid];
		to->token[tid] = from->token[tid];
	}
}

static void level_subnets(struct config *to, const struct config *from, const struct changes *ch)
{
	if (ch->subnets > CHANGES_MAX) {
		memcpy(to->subnet, from->subnet, from->limits.subnets * sizeof(*to->subnet));
		return;
	}
	for (uint32_t i = 0; i < ch->subnets; i++)
		to->subnet[ch->subnet[i]] = from->subnet[ch->subnet[i]];
}

void config_level(struct config *to, const struct config *from, const struct changes *ch)
{
	if (ch->head) {
		*to->head = *from->head;
		*config_admin_token(to) = *config_admin_token(from);
	}
	level_tunnels(to, from, ch);
	level_subnets(to, from, ch);
}
