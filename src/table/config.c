#include "table/config.h"

struct place config_lookup6(const struct config *cf, const struct ip6_addr *a)
{
	struct place w = plan_place(config_plan(cf), a);

	switch (w.kind) {
	case PLACE_UPLINK:
	case PLACE_POP:
	case PLACE_UNASSIGNED:
		return w;
	case PLACE_SUBNET:
		w.tid = w.subnet < cf->limits.subnets ? cf->subnet[w.subnet] : TID_NONE;
		break;
	case PLACE_LOCAL:
	case PLACE_REMOTE:
	case PLACE_TRANSFER:
	case PLACE_ROUTED:
		break;
	}
	if (!config_tunnel(cf, w.tid))
		w.kind = PLACE_UNASSIGNED;
	return w;
}

static bool listed(const struct ip6_addr *list, uint32_t n, const struct ip6_addr *a)
{
	for (uint32_t i = 0; i < n; i++) {
		if (addr_eq(&list[i], a))
			return true;
	}
	return false;
}

bool config_is_own(const struct config *cf, const struct ip6_addr *a)
{
	return listed(cf->head->own, cf->head->owns, a);
}

bool config_bad_endpoint(const struct config *cf, const struct ip6_addr *a)
{
	return addr_is_bad_endpoint(a) || config_is_own(cf, a) ||
	       plan_is_inside(config_plan(cf), a);
}

bool config_serves(const struct config *cf, const struct ip6_addr *local)
{
	return cf->head->locals == 0 || listed(cf->head->local, cf->head->locals, local);
}

struct ip6_addr config_outer_us(const struct config *cf, const struct ip6_addr *family_of)
{
	const struct config_head *h = cf->head;
	const struct pop *pop = &h->pop[h->plan.pop_id];
	bool four = addr_is_ip4(family_of);
	struct ip6_addr none = { { 0 } };

	for (uint32_t i = 0; i < h->locals; i++) {
		if (addr_is_ip4(&h->local[i]) == four)
			return h->local[i];
	}
	return pop->set ? (four ? pop->v4 : pop->v6) : none;
}
