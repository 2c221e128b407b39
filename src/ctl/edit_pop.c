/* Changes to what the PoP says of itself: names, addresses, access list, numbers. */
#include "ctl/edit.h"
#include "ctl/edit_notes.h"

#include <string.h>

#include "ctl/answer.h"
#include "ctl/refuse.h"

#define LATENCY_INTERVAL_MAX_S	3600
#define VERBOSITY_MAX		41	/* sixxsd-cli.md 9 */

static void own_add(struct config_head *h, const struct ip6_addr *a)
{
	if (addr_is_unspecified(a))
		return;
	for (uint32_t i = 0; i < h->owns; i++) {
		if (addr_eq(&h->own[i], a))
			return;
	}
	h->own[h->owns++] = *a;		/* OWN_MAX is the sum of the three sources */
}

/* The PoP's own addresses follow from its details, localip and the host. */
static void own_derive(struct config_head *h)
{
	const struct pop *pop = &h->pop[h->plan.pop_id];

	memset(h->own, 0, sizeof(h->own));
	h->owns = 0;
	if (pop->set) {
		own_add(h, &pop->v4);
		own_add(h, &pop->v6);
	}
	for (uint32_t i = 0; i < h->locals; i++)
		own_add(h, &h->local[i]);
	for (uint32_t i = 0; i < h->hosts; i++)
		own_add(h, &h->host[i]);
}

static bool own_has(const struct config_head *h, const struct ip6_addr *a)
{
	for (uint32_t i = 0; i < h->owns; i++) {
		if (addr_eq(&h->own[i], a))
			return true;
	}
	return false;
}

/* A static tunnel whose endpoint became the PoP itself. One that was that before (the host
 * got the address later) is not this edit's fault. */
static uint16_t newly_own(const struct config *cf, const struct config_head *was)
{
	for (uint32_t tid = 0; tid < cf->head->tunnel_end; tid++) {
		const struct tunnel_conf *t = &cf->tunnel[tid];

		if (t->kind == KIND_STATIC && own_has(cf->head, &t->them) && !own_has(was, &t->them))
			return (uint16_t)tid;
	}
	return TID_NONE;
}

/* Derive what follows from the edit; put @was back when a tunnel forbids it. */
static int own_update(struct config *cf, struct changes *ch, const struct config_head *was,
		      struct why *why)
{
	char text[ADDR_TEXT_MAX];

	own_derive(cf->head);

	uint16_t tid = newly_own(cf, was);

	if (tid != TID_NONE) {
		*cf->head = *was;
		return refuse(why, ANSWER_BAD, "Tunnel %x/T%u has the endpoint %s, which would be an "
			      "address of this PoP; change the tunnel first", tid,
			      cf->tunnel[tid].id, addr_text(&cf->tunnel[tid].them, text));
	}
	note_head(ch);
	return 0;
}

static bool name_ok(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++) {
		if (name[i] <= ' ' || name[i] > '~')
			return false;
	}
	return len >= 1 && len <= POP_NAME_MAX;
}

/* 0.0.0.0 means the same as the word. */
static struct ip6_addr or_unspecified(const struct ip6_addr *a)
{
	if (addr_is_ip4(a) && addr_ip4(a) == 0)
		return (struct ip6_addr){ { 0 } };
	return *a;
}

int edit_pop(struct config *cf, struct changes *ch, unsigned int id, const char *name,
	     const struct ip6_addr *v4, const struct ip6_addr *v6, struct why *why)
{
	const struct config_head was = *cf->head;
	struct pop pop = { .v4 = or_unspecified(v4), .v6 = or_unspecified(v6), .set = 1 };
	char text[ADDR_TEXT_MAX];

	if (id >= POPS_MAX)
		return refuse(why, ANSWER_BAD, "PoP ID out of range (%u / %u > %d)", id, id, POPS_MAX);
	if (!name_ok(name))
		return refuse(why, ANSWER_BAD, "PoP name must be 1 to %d visible characters",
			      POP_NAME_MAX);
	if (!addr_is_unspecified(&pop.v4) && (!addr_is_ip4(&pop.v4) || addr_is_bad_endpoint(&pop.v4)))
		return refuse(why, ANSWER_BAD, "Invalid IPv4 address (%s): an address clients can "
			      "reach, or unspecified", addr_text(v4, text));
	if (!addr_is_unspecified(&pop.v6) && (addr_is_ip4(&pop.v6) || addr_is_bad_endpoint(&pop.v6)))
		return refuse(why, ANSWER_BAD, "Invalid IPv6 address (%s): an address clients can "
			      "reach, or unspecified", addr_text(v6, text));

	memcpy(pop.name, name, strlen(name));
	cf->head->pop[id] = pop;
	return own_update(cf, ch, &was, why);
}

int edit_pop_id(struct config *cf, struct changes *ch, unsigned int id, struct why *why)
{
	const struct config_head was = *cf->head;

	if (id >= POPS_MAX)
		return refuse(why, ANSWER_BAD, "PoP ID out of range (%u / %u > %d)", id, id, POPS_MAX);

	cf->head->plan.pop_id = (uint8_t)id;
	return own_update(cf, ch, &was, why);
}

int edit_local(struct config *cf, struct changes *ch, const struct ip6_addr *list, unsigned int n,
	       struct why *why)
{
	const struct config_head was = *cf->head;
	struct config_head *h = cf->head;
	char text[ADDR_TEXT_MAX];

	if (n > LOCAL_MAX)
		return refuse(why, ANSWER_BAD, "%u local addresses are too many; %d can be", n,
			      LOCAL_MAX);
	for (unsigned int i = 0; i < n; i++) {
		if (addr_is_bad_endpoint(&list[i]) || plan_is_inside(config_plan(cf), &list[i]))
			return refuse(why, ANSWER_BAD, "Invalid local address (%s): clients cannot "
				      "reach the PoP there", addr_text(&list[i], text));
	}

	memset(h->local, 0, sizeof(h->local));
	memcpy(h->local, list, n * sizeof(*list));
	h->locals = n;
	return own_update(cf, ch, &was, why);
}

void edit_hosts(struct config *cf, struct changes *ch, const struct ip6_addr *list,
		unsigned int n)
{
	struct config_head *h = cf->head;

	if (n > HOST_ADDRESSES_MAX)
		n = HOST_ADDRESSES_MAX;
	memset(h->host, 0, sizeof(h->host));
	memcpy(h->host, list, n * sizeof(*list));
	h->hosts = n;
	own_derive(h);
	note_head(ch);
}

static uint32_t acl_find(const struct config_head *h, const struct prefix *p)
{
	uint32_t i = 0;

	while (i < h->acls && !(h->acl_len[i] == p->len && addr_eq(&h->acl[i], &p->addr)))
		i++;
	return i;
}

int edit_acl_add(struct config *cf, struct changes *ch, const struct prefix *p, struct why *why)
{
	struct config_head *h = cf->head;

	if (acl_find(h, p) < h->acls)
		return 1;
	if (h->acls == ACL_MAX)
		return refuse(why, ANSWER_BAD, "The CLI ACL is full, %d entries", ACL_MAX);

	h->acl[h->acls] = p->addr;
	h->acl_len[h->acls] = p->len;
	h->acls++;
	note_head(ch);
	return 0;
}

int edit_acl_remove(struct config *cf, struct changes *ch, const struct prefix *p,
		    struct why *why)
{
	struct config_head *h = cf->head;
	uint32_t i = acl_find(h, p);
	char text[PREFIX_TEXT_MAX];

	if (i == h->acls)
		return refuse(why, ANSWER_NOT_FOUND, "CLI ACL %s not found",
			      p->len == 128 ? addr_text(&p->addr, text) : prefix_text(p, text));

	uint32_t behind = --h->acls - i;

	memmove(&h->acl[i], &h->acl[i + 1], behind * sizeof(h->acl[0]));
	memmove(&h->acl_len[i], &h->acl_len[i + 1], behind);
	h->acl[h->acls] = (struct ip6_addr){ { 0 } };
	h->acl_len[h->acls] = 0;
	note_head(ch);
	return 0;
}

void edit_acl_reset(struct config *cf, struct changes *ch, const struct ip6_addr *keep)
{
	struct config_head *h = cf->head;

	memset(h->acl, 0, sizeof(h->acl));
	memset(h->acl_len, 0, sizeof(h->acl_len));
	h->acls = 0;
	if (keep) {
		h->acl[0] = *keep;
		h->acl_len[0] = 128;
		h->acls = 1;
	}
	note_head(ch);
}

void edit_reserved(struct config *cf, struct changes *ch, bool drop)
{
	cf->head->drop_reserved = drop;
	note_head(ch);
}

void edit_offload(struct config *cf, struct changes *ch, bool on)
{
	cf->head->no_offload = !on;
	note_head(ch);
}

void edit_workers(struct config *cf, struct changes *ch, uint32_t workers)
{
	cf->head->workers = workers;
	note_head(ch);
}

void edit_fastpath(struct config *cf, struct changes *ch, const struct fastpath_conf *f)
{
	cf->head->fastpath = *f;
	note_head(ch);
}

void edit_http(struct config *cf, struct changes *ch, const struct http_conf *h)
{
	cf->head->http = *h;
	note_head(ch);
}

void edit_admin_token(struct config *cf, struct changes *ch, const struct token *token)
{
	*config_admin_token(cf) = *token;
	cf->head->token_needed = token->set;
	note_head(ch);
}

int edit_latency(struct config *cf, struct changes *ch, uint32_t interval_s, struct why *why)
{
	if (interval_s > LATENCY_INTERVAL_MAX_S)
		return refuse(why, ANSWER_BAD, "Latency interval %u s is outside range (0-%d)",
			      interval_s, LATENCY_INTERVAL_MAX_S);

	cf->head->latency_interval_s = interval_s;
	note_head(ch);
	return 0;
}

int edit_verbosity(struct config *cf, struct changes *ch, uint32_t level, struct why *why)
{
	if (level > VERBOSITY_MAX)
		return refuse(why, ANSWER_INTERNAL, "Invalid number (%u) given for verbosity "
			      "(range: 0 - %d)", level, VERBOSITY_MAX + 1);

	cf->head->verbosity = level;
	note_head(ch);
	return 0;
}

void edit_stats_epoch(struct config *cf, struct changes *ch)
{
	cf->head->stats_epoch++;
	note_head(ch);
}
