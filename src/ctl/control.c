/*
 * Transactions: what a command or a file did to the spare becomes what the workers read,
 * or never was. See ctl/control.h.
 */
#include "ctl/control.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/capture.h"
#include "ctl/edit_notes.h"
#include "ctl/load.h"
#include "ctl/refuse.h"
#include "ctl/stats.h"

#define WAIT_MAX_US	(2 * US_PER_S)
#define WAIT_STEP_NS	100000

/* The tunnel prefix and the subnet prefixes. */
#define ROUTES_MAX	(1 + SUBNET_PREFIXES_MAX)

struct route {
	struct prefix	prefix;
	bool		has_pop;
	struct ip6_addr	pop;
};

struct routes {
	struct route	route[ROUTES_MAX];
	unsigned int	n;
};

int control_init(struct control *c, struct region *region, struct why *why)
{
	struct limits l = region->head->limits;

	c->region = region;
	c->root = &control_root;
	c->answer_size = answer_size(l);
	c->answer_buf = calloc(1, c->answer_size);
	c->tracer = calloc(l.tunnels, sizeof(*c->tracer));
	c->scratch = calloc(1, CONTROL_SCRATCH);
	c->recall = malloc(sizeof(*c->recall));
	if (c->answer_buf && c->tracer && c->scratch && c->recall) {
		memset(c->recall, 0, sizeof(*c->recall));	/* present from now on */
		return 0;
	}

	control_fini(c);
	refuse(why, ANSWER_INTERNAL, "There is no memory for the control thread");
	return -ENOMEM;
}

void control_fini(struct control *c)
{
	free(c->answer_buf);
	free(c->tracer);
	free(c->scratch);
	free(c->recall);
	c->recall = NULL;
	c->answer_buf = NULL;
	c->tracer = NULL;
	c->scratch = NULL;
}

const struct config *control_config(const struct control *c)
{
	return c->open ? region_spare(c->region) : region_config(c->region);
}

static bool everyone_moved(const struct control *c)
{
	uint64_t revision = __atomic_load_n(&c->region->head->published, __ATOMIC_RELAXED);

	for (unsigned int n = 0; n < c->workers; n++) {
		if (!region_seen(c->region, n, revision))
			return false;
	}
	return true;
}

/* Workers look at the revision between two batches: this is microseconds, or something is wrong. */
static bool wait_for_workers(const struct control *c)
{
	const struct timespec step = { .tv_nsec = WAIT_STEP_NS };
	mono_t start;

	if (everyone_moved(c))
		return true;
	start = c->ops.mono(c->ops.context);
	while (mono_since_us(c->ops.mono(c->ops.context), start) < WAIT_MAX_US) {
		nanosleep(&step, NULL);
		if (everyone_moved(c))
			return true;
	}
	return false;
}

/* Slots that were freed keep nothing of their last tenant in control either; nor another's. */
static void forget_removed(struct control *c, const struct config *old, const struct config *now,
			   uint16_t tid)
{
	if (config_tunnel(now, tid) && old->tunnel[tid].tenant == now->tunnel[tid].tenant)
		return;
	c->tracer[tid] = NULL;
	stats_forget(&c->region->table, tid);
}

/* The old copy becomes equal to the published one; only when no worker reads it any more. */
static void level(struct control *c)
{
	const struct config *now = region_config(c->region), *old = region_spare(c->region);
	const struct changes *ch = &c->changes;

	if (ch->tunnels > CHANGES_MAX) {
		for (uint32_t tid = 0; tid < now->limits.tunnels; tid++)
			forget_removed(c, old, now, (uint16_t)tid);
	} else {
		for (uint32_t i = 0; i < ch->tunnels; i++)
			forget_removed(c, old, now, ch->tunnel[i]);
	}
	config_level(region_spare(c->region), now, ch);
	c->behind = false;
	if (c->ops.fast_release)
		c->ops.fast_release(c->ops.context);
}

void control_settle(struct control *c)
{
	if (c->behind && everyone_moved(c))
		level(c);
	if (c->captures_behind && !c->behind)
		capture_settle(c);
}

struct config *control_begin(struct control *c, struct why *why)
{
	assert(!c->open);
	if (c->behind && !wait_for_workers(c)) {
		refuse(why, ANSWER_INTERNAL, "A worker has not taken over the last change yet; "
		       "nothing was changed, try again");
		return NULL;
	}
	if (c->behind)
		level(c);
	c->changes = (struct changes){ .head = false };
	c->open = true;
	return region_spare(c->region);
}

void control_abort(struct control *c)
{
	assert(c->open);
	config_level(region_spare(c->region), region_config(c->region), &c->changes);
	c->open = false;
}

/* ---- what really changed ---- */

/* Give a changed record a new generation, an unchanged one its old. Return: changed */
static bool settle_tunnel(struct control *c, struct config *next, const struct config *now,
			  uint16_t tid)
{
	if (tunnel_conf_same(next, now, tid)) {
		next->tunnel[tid].generation = now->tunnel[tid].generation;
		return false;
	}
	next->tunnel[tid].generation = ++c->generation;
	return true;
}

/* Replace what was touched by what differs, and tell the workers. Return: anything at all? */
static bool settle(struct control *c, struct config *next, const struct config *now)
{
	const struct changes touched = c->changes;
	struct config_head *h = next->head;
	uint32_t n = 0;
	bool sweep = touched.tunnels > CHANGES_MAX;
	bool subnets = touched.subnets > CHANGES_MAX &&
		       memcmp(next->subnet, now->subnet,
			      now->limits.subnets * sizeof(*now->subnet)) != 0;

	_Static_assert(ARRAY_LEN(h->change) == CHANGES_MAX, "one list becomes the other");
	for (uint32_t i = 0; i < (sweep ? now->limits.tunnels : touched.tunnels); i++) {
		uint16_t tid = sweep ? (uint16_t)i : touched.tunnel[i];

		if (!settle_tunnel(c, next, now, tid))
			continue;
		if (n < CHANGES_MAX)
			h->change[n] = c->changes.tunnel[n] = tid;
		n++;
	}
	h->changes = n;
	c->changes.head = true;
	c->changes.tunnels = n > CHANGES_MAX ? CHANGES_MAX + 1 : n;
	if (touched.subnets > CHANGES_MAX && !subnets)
		c->changes.subnets = 0;
	for (uint32_t i = 0; i < touched.subnets && touched.subnets <= CHANGES_MAX; i++)
		subnets = subnets || next->subnet[touched.subnet[i]] != now->subnet[touched.subnet[i]];
	return n > 0 || subnets || !config_head_same(next, now);
}

/* ---- kernel routes ---- */

static void routes_of(const struct config *cf, struct routes *r)
{
	const struct plan *p = config_plan(cf);

	r->n = 0;
	if (plan_has_tunnel_prefix(p))
		r->route[r->n++] = (struct route){ plan_tunnel_prefix(p), true, plan_pop_addr(p) };
	for (unsigned int i = 0; i < p->subnet_prefixes; i++)
		r->route[r->n++] = (struct route){ .prefix = plan_subnet_prefix(&p->subnet[i]) };
}

/* Return: NULL: @list has none for @p */
static const struct route *routes_find(const struct routes *list, const struct prefix *p)
{
	for (unsigned int i = 0; i < list->n; i++) {
		if (list->route[i].prefix.len == p->len && addr_eq(&list->route[i].prefix.addr, &p->addr))
			return &list->route[i];
	}
	return NULL;
}

static int route_put(const struct control *c, const struct route *r, struct why *why)
{
	if (!c->ops.route_put)
		return 0;
	return c->ops.route_put(c->ops.context, &r->prefix, r->has_pop ? &r->pop : NULL, why);
}

/* One that cannot be removed does no harm that anybody could undo here; the host logs it. */
static void route_remove(const struct control *c, const struct route *r)
{
	struct why ignored;

	if (c->ops.route_remove)
		c->ops.route_remove(c->ops.context, &r->prefix, &ignored);
}

/* The first @n routes of @to are there: what differs is again as @from has it. */
static void routes_undo(const struct control *c, const struct routes *from, const struct routes *to,
			unsigned int n)
{
	struct why ignored;

	while (n-- > 0) {
		const struct route *r = &to->route[n], *was = routes_find(from, &r->prefix);

		if (!was)
			route_remove(c, r);
		else if (was->has_pop != r->has_pop)
			(void)route_put(c, was, &ignored);
	}
}

/* All that @to has and @from has not, or none. */
static int routes_put(const struct control *c, const struct routes *from, const struct routes *to,
		      struct why *why)
{
	for (unsigned int i = 0; i < to->n; i++) {
		const struct route *r = &to->route[i], *was = routes_find(from, &r->prefix);
		int error = 0;

		if (!was || was->has_pop != r->has_pop)
			error = route_put(c, r, why);
		if (error) {
			routes_undo(c, from, to, i);
			return error;
		}
	}
	return 0;
}

static void routes_remove(const struct control *c, const struct routes *from,
			  const struct routes *to)
{
	for (unsigned int i = from->n; i-- > 0;) {
		if (!routes_find(to, &from->route[i].prefix))
			route_remove(c, &from->route[i]);
	}
}

/* What the kernel has to have before the workers move over, all of it or nothing. */
static int host_change(struct control *c, const struct routes *old, const struct routes *new,
		       const struct config *now, const struct config *next, struct why *why)
{
	const struct fastpath_conf *had = &now->head->fastpath, *want = &next->head->fastpath;
	/* who changes something else is not told what a file asked for and the host has not */
	bool strict = !c->loading && memcmp(had, want, sizeof(*want)) != 0;
	int r = routes_put(c, old, new, why);

	if (r < 0 || !c->ops.fast_ports)
		return r;
	r = c->ops.fast_ports(c->ops.context, want, strict, why);
	if (r < 0)
		routes_undo(c, old, new, new->n);
	return r;
}

/* Can the page be as @h says? What cannot has a line, if a file said it. */
static int http_prepare(const struct control *c, const struct http_conf *h, struct why *why)
{
	int r = c->ops.http_prepare ? c->ops.http_prepare(c->ops.context, h, c->loading, why) : 0;
	char text[sizeof(why->text)];

	if (r < 0 && c->loading && c->http_line) {
		memcpy(text, why->text, sizeof(text));
		refuse(why, why->code, "line %u: %s", c->http_line, text);
	}
	return r;
}

/* A file may say what it said and mean a certificate that was renewed. */
static int read_certificate_again(const struct control *c, const struct config *now,
				  struct why *why)
{
	int r = http_prepare(c, &now->head->http, why);

	if (c->ops.http_settle)
		c->ops.http_settle(c->ops.context, r == 0);
	return r;
}

int control_commit(struct control *c, struct why *why)
{
	struct config *next = region_spare(c->region);
	const struct config *now = region_config(c->region);
	struct routes old, new;
	int r;

	assert(c->open);
	if (!settle(c, next, now)) {
		control_abort(c);
		return c->loading ? read_certificate_again(c, now, why) : 0;
	}
	routes_of(now, &old);
	routes_of(next, &new);
	r = http_prepare(c, &next->head->http, why);
	if (r == 0)
		r = host_change(c, &old, &new, now, next, why);
	if (c->ops.http_settle)
		c->ops.http_settle(c->ops.context, r == 0);
	if (r < 0) {
		control_abort(c);
		return r;
	}

	if (c->ops.fast_hold)
		c->ops.fast_hold(c->ops.context, now, next);
	region_publish(c->region);
	c->open = false;
	c->behind = true;
	if (c->ops.wake)
		c->ops.wake(c->ops.context);
	if (wait_for_workers(c))
		level(c);
	if (c->ops.published)
		c->ops.published(c->ops.context, region_config(c->region));
	routes_remove(c, &old, &new);
	return 0;
}

/* ---- what others tell control ---- */

bool control_traces(const struct control *c, const struct session *s)
{
	for (uint32_t tid = 0; tid < c->region->head->limits.tunnels; tid++) {
		if (s->connection && c->tracer[tid] == s->connection)
			return true;
	}
	return false;
}

void control_forget_session(struct control *c, struct session *s)
{
	struct why why;
	bool captured;

	if (!s->connection)
		return;
	captured = capture_forget(c, s->connection);
	if (!captured && !control_traces(c, s))
		return;

	struct config *cf = control_begin(c, &why);

	for (uint32_t tid = 0; tid < c->region->head->limits.tunnels; tid++) {
		if (c->tracer[tid] != s->connection)
			continue;
		c->tracer[tid] = NULL;
		/* without a transaction the flag stays: the worker traces, nobody listens */
		if (cf)
			edit_debug(cf, &c->changes, (uint16_t)tid, false, &why);
	}
	if (cf && captured)
		capture_mark(c, cf);
	if (!cf || control_commit(c, &why) < 0)
		c->captures_behind = captured;
}

bool control_addresses_changed(struct control *c)
{
	struct ip6_addr list[HOST_ADDRESSES_MAX];
	struct why why;
	struct config *cf;
	unsigned int n;

	if (!c->ops.addresses)
		return true;
	n = c->ops.addresses(c->ops.context, list, ARRAY_LEN(list));
	cf = control_begin(c, &why);
	if (!cf)
		return false;
	edit_hosts(cf, &c->changes, list, n);
	return control_commit(c, &why) == 0;
}
