/* `tunnel set rate`: two token buckets for each direction, security.md H7. */
#include "path/steps.h"

/* About 100 ms worth; a single packet of the largest MTU always fits. */
#define BURST_PER_S	10
#define OCTETS_PER_KBIT 125

static struct bucket_rate octets_rate(uint32_t kbit_s)
{
	uint64_t per_s = (uint64_t)kbit_s * OCTETS_PER_KBIT;
	uint64_t burst = per_s / BURST_PER_S;

	return (struct bucket_rate){ per_s, burst > MTU_MAX_BYTES ? burst : MTU_MAX_BYTES };
}

static struct bucket_rate packets_rate(uint32_t pps)
{
	uint64_t burst = pps / BURST_PER_S;

	return (struct bucket_rate){ pps, burst ? burst : 1 };
}

static bool rate_ok(const struct tunnel_conf *c, struct bucket *pps, struct bucket *octets,
		    mono_t now, size_t len)
{
	if (c->rate_pps && !bucket_take(pps, packets_rate(c->rate_pps), now, 1))
		return false;
	if (c->rate_kbit_s == 0)
		return true;

	struct bucket_rate r = octets_rate(c->rate_kbit_s);

	/* what is larger than the bucket empties it: it could never pass else */
	if (bucket_take(octets, r, now, len < r.burst ? len : r.burst))
		return true;
	if (c->rate_pps)
		bucket_give(pps, 1);
	return false;
}

enum verdict rate_from(struct path *pa, struct pkt *p)
{
	const struct tunnel_conf *c;
	struct tunnel_cold *k;

	if (p->from == TID_NONE)
		return PASS;

	c = &pa->cf->tunnel[p->from];
	if (!(c->rate_pps | c->rate_kbit_s))
		return PASS;

	k = &pa->tb->cold[p->from];
	return rate_ok(c, &k->from_pps, &k->from_octets, pa->now, p->len) ? PASS : DROP_RATE_FROM;
}

enum verdict rate_to(struct path *pa, struct pkt *p)
{
	const struct tunnel_conf *c;
	struct tunnel_cold *k;

	if (p->to == TID_NONE)
		return PASS;

	c = &pa->cf->tunnel[p->to];
	if (!(c->rate_pps | c->rate_kbit_s))
		return PASS;

	k = &pa->tb->cold[p->to];
	return rate_ok(c, &k->to_pps, &k->to_octets, pa->now, p->len) ? PASS : DROP_RATE_TO;
}
