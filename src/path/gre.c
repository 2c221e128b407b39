/* GRE, RFC 2784 with key and sequence of RFC 2890; forwarding.md 2.1. */
#include "path/steps.h"

#include "base/sum.h"
#include "wire/gre.h"
#include "wire/proto.h"

struct gre {
	uint16_t	flags;
	uint16_t	protocol;	/* enum ether_type */
	uint32_t	key;		/* valid with GRE_KEY */
};

/* The header and its optional words; @c is left at the payload. */
static enum verdict gre_read(struct cur *c, struct gre *g)
{
	const struct cur all = *c;
	struct gre_hdr h;
	be32_t word;

	if (!CUR_TAKE(c, &h))
		return DROP_GRE_SHORT;

	g->flags = be16_get(&h.flags);
	g->protocol = be16_get(&h.protocol);
	if (g->flags & GRE_VERSION_MASK)
		return DROP_GRE_VERSION;
	if (g->flags & GRE_REFUSED)
		return DROP_GRE_FLAGS;
	if (g->flags & GRE_CHECKSUM && !CUR_TAKE(c, &word))
		return DROP_GRE_SHORT;
	if (g->flags & GRE_KEY) {
		if (!CUR_TAKE(c, &word))
			return DROP_GRE_SHORT;
		g->key = be32_get(&word);
	}
	if (g->flags & GRE_SEQUENCE && !CUR_TAKE(c, &word))
		return DROP_GRE_SHORT;
	if (g->flags & GRE_CHECKSUM && !sum_ok(sum_add(0, all.at, all.left)))
		return DROP_GRE_CHECKSUM;
	return PASS;
}

/* A configured key is required; without one none is accepted. */
static bool gre_key_ok(const struct tunnel_conf *c, const struct gre *g)
{
	if (!(c->flags & TUNNEL_GRE_KEY))
		return !(g->flags & GRE_KEY);
	return g->flags & GRE_KEY && g->key == c->gre_key;
}

static enum verdict gre_owner(const struct path *pa, struct cur payload, const struct gre *g,
			      uint16_t *tid)
{
	if (g->protocol == ETHER_IPV6)
		return plain_owner6(pa, payload, tid);
	if (g->protocol == ETHER_IPV4)
		return plain_owner4(pa, payload, tid);
	return DROP_GRE_PROTOCOL;
}

enum verdict gre_decap(struct path *pa, struct pkt *p)
{
	struct cur c = pkt_cur(p);
	struct gre g = { 0 };
	uint16_t tid = TID_NONE;
	enum verdict v = gre_read(&c, &g);

	if (v == PASS)
		v = gre_owner(pa, c, &g, &tid);
	if (v == PASS)
		v = plain_accept(pa, p, tid);
	if (v != PASS)
		return v;
	if (!gre_key_ok(&pa->cf->tunnel[tid], &g))
		return DROP_GRE_KEY;

	pkt_keep(p, c);
	return PASS;
}
