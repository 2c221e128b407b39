/*
 * src/ops.c - what control asks of the world: host, workers, fast path, page, clocks
 */
#include <unistd.h>

#include "host/steer.h"
#include "root.h"

static int op_route_put(void *context, const struct prefix *p, const struct ip6_addr *pop,
			struct why *why)
{
	return netlink_route_put(&((struct root *)context)->netlink, p, pop, why);
}

static int op_route_remove(void *context, const struct prefix *p, struct why *why)
{
	return netlink_route_remove(&((struct root *)context)->netlink, p, why);
}

static void op_wake(void *context)
{
	const struct root *r = context;
	uint64_t one = 1;

	for (unsigned int i = 0; i < r->workers; i++)
		(void)!write(r->fds[i].wake, &one, sizeof(one));
}

static void op_published(void *context, const struct config *cf)
{
	struct root *r = context;
	bool offload = !cf->head->no_offload;

	steer_update(r->steer, cf);
	if (offload != r->offload)
		host_offload(r->fds, r->workers, offload);
	r->offload = offload;
	keeper_news(r->keeper);
}

static unsigned int op_addresses(void *context, struct ip6_addr *list, unsigned int max)
{
	return netlink_addresses(&((struct root *)context)->netlink, list, max);
}

static int op_fast_ports(void *context, const struct fastpath_conf *want, bool strict,
			 struct why *why)
{
	return fastpath_ports(((struct root *)context)->fast, want, strict, why);
}

static void op_fast_hold(void *context, const struct config *now, const struct config *next)
{
	fastpath_hold(((struct root *)context)->fast, now, next);
}

static void op_fast_release(void *context)
{
	fastpath_release(((struct root *)context)->fast);
}

/* Where the page was never asked for, that it cannot be is no reason for anything. */
static int op_http_prepare(void *context, const struct http_conf *next, bool again, struct why *why)
{
	struct root *r = context;
	struct http_conf none = { .off = 1 };
	int error = keeper_prepare(r->keeper, next, again, why);

	if (!error)
		r->no_page.text[0] = '\0';
	if (!error || next->chosen)
		return error;
	const struct fact reason = { "REASON", why->text };

	/* each transaction tries, and does not repeat itself */
	if (strcmp(r->no_page.text, why->text) != 0)
		log_facts(&r->log, LEVEL_WARNING, BY_US, LOGGED_WEB_OFF, &reason, 1,
			  "no page: %s (pop set http)", why->text);
	r->no_page = *why;
	why->text[0] = '\0';
	return keeper_prepare(r->keeper, &none, false, why);
}

void root_show_decisions(void *context, int fd, uint16_t tid)
{
	struct root *r = context;

	loop_watch(r->loop, fd, region_config(&r->region)->tunnel[tid].id);
}

static int op_http_files(void *context, const struct http_conf *h, struct why *why)
{
	const struct root *r = context;

	return keeper_files(h, r->options.mode == MODE_CHECK ? "that checks" : "the daemon runs as",
			    why);
}

static void op_http_settle(void *context, bool keep)
{
	keeper_settle(((struct root *)context)->keeper, keep);
}

static void op_fast_view(void *context, struct fast_view *v)
{
	fastpath_view(((struct root *)context)->fast, v);
}

static void op_outside(void *context, struct outside_link *list, unsigned int n,
		       uint8_t *forwarding6)
{
	struct root *r = context;
	const struct config_head *h = region_config(&r->region)->head;
	const struct pop *us = &h->pop[h->plan.pop_id];

	netlink_outside(&r->netlink, list, n, &us->v4, &us->v6);
	*forwarding6 = (uint8_t)host_forwards6();
}

static mono_t op_mono(void *context)
{
	(void)context;
	return host_mono();
}

static wall_t op_wall(void *context)
{
	(void)context;
	return host_wall();
}

struct control_ops root_ops(struct root *r)
{
	return (struct control_ops){
		.context = r, .route_put = op_route_put, .route_remove = op_route_remove,
		.wake = op_wake, .published = op_published, .addresses = op_addresses,
		.mono = op_mono, .wall = op_wall,
		.fast_ports = op_fast_ports, .fast_hold = op_fast_hold,
		.fast_release = op_fast_release, .fast_view = op_fast_view,
		.outside = op_outside,
		.http_prepare = op_http_prepare, .http_settle = op_http_settle,
		.http_files = op_http_files,
	};
}

struct control_ops root_ops_check(struct root *r)
{
	return (struct control_ops){ .context = r, .mono = op_mono, .wall = op_wall,
				     .http_files = op_http_files };
}
