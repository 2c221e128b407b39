#include "xdp/fastpath.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "xdp/guard.h"
#include "xdp/links.h"
#include "xdp/watch.h"

#define NEIGHBOURS_EVERY_S	10	/* well below the 30 s a neighbour stays reachable */
#define GUARD_EVERY_S		2	/* rules that somebody adds are noticed by then */
#define WAYS_EVERY_S		60	/* default routes, of which the kernel did not tell */

struct fastpath {
	struct xdp	*x;		/* NULL: there is none, @why */
	char		why[160];
	struct sync	sync;
	struct sockets	sockets;
	struct ports	ports;
	struct watch	watch;
	struct guard	guard;
	struct netlink	*netlink;
	const struct say *say;
	bool		automatic;	/* `pop set fastpath auto` */
	struct fastpath_conf ways;	/* what guard_choose() named last */
	bool		has_ways;
	struct objection no_ways;	/* or why it named nothing */
	unsigned int	ways_age_s;
	char		off[160];	/* automatic, but off: why; else empty */
	unsigned int	seconds;
};

struct fastpath *fastpath_open(struct region *region, unsigned int workers,
			       const struct steer *steer, struct netlink *nl, const struct say *say)
{
	struct fastpath *f = calloc(1, sizeof(*f));
	struct why why = { .code = 0 };

	if (!f)
		return NULL;
	f->netlink = nl;
	f->say = say;
	f->x = xdp_load(region->head->limits, workers, steer, &why);
	if (f->x) {
		sync_init(&f->sync, f->x, region);
		sockets_open(&f->sockets, f->x, steer ? workers : 0, nl);
		ports_init(&f->ports, &f->sync, &f->sockets, nl, say);
		if (watch_open(&f->watch, &f->ports, nl, &why) < 0) {
			watch_close(&f->watch);
			sockets_close(&f->sockets);
			xdp_unload(f->x);
			f->x = NULL;
			region->table.fast = (struct fast){ .cpus = 0 };
		}
	}
	if (!f->x) {
		const struct fact reason = { "REASON", why.text };

		snprintf(f->why, sizeof(f->why), "%.150s", why.text);
		host_say_facts(say, LOGGED_FASTPATH_NONE, &reason, 1,
			       "no fast path, user space forwards everything: %s", why.text);
		return f;
	}
	guard_open(&f->guard);
	fastpath_second(f);
	return f;
}

void fastpath_close(struct fastpath *f)
{
	if (!f)
		return;
	if (f->x) {
		ports_close(&f->ports);
		guard_close(&f->guard);
		watch_close(&f->watch);
		sockets_close(&f->sockets);
		xdp_unload(f->x);
	}
	free(f);
}

/* All routes are listed for that, so not without reason; the kernel does not tell of every change. */
static void find_ways(struct fastpath *f)
{
	if (!f->watch.ways && f->ways_age_s < WAYS_EVERY_S)
		return;
	f->watch.ways = false;
	f->ways_age_s = 0;
	f->has_ways = guard_choose(f->netlink, &f->ways, &f->no_ways);
}

/* What `auto` means at this moment. Return: false with the reason why it is off */
static bool choose(struct fastpath *f, struct fastpath_conf *chosen, struct objection *o)
{
	if (guard_rules(&f->guard, o))
		return false;
	find_ways(f);
	*chosen = f->ways;
	if (f->has_ways)
		return !guard_queues(f->netlink, chosen, o);
	*o = f->no_ways;
	return false;
}

/* Each change of mind is said once. */
static void automatic(struct fastpath *f)
{
	const struct fastpath_conf none = { .ports = 0 };
	struct fastpath_conf chosen;
	struct objection o = { .text = "" };
	struct why why = { .code = 0 };

	if (choose(f, &chosen, &o) && ports_set(&f->ports, &chosen, false, &why) < 0)
		snprintf(o.text, sizeof(o.text), "%.150s", why.text);
	if (strcmp(f->off, o.text) == 0)
		return;
	if (o.text[0]) {
		const struct fact reason = { "REASON", o.text };

		host_say_facts(f->say, LOGGED_FASTPATH_WAITS, &reason, 1,
			       "fast path: automatic, and off: %s", o.text);
		(void)ports_set(&f->ports, &none, false, &why);
	} else {
		host_say_facts(f->say, LOGGED_FASTPATH_CLEAR, NULL, 0,
			       "fast path: automatic, and nothing is in the way any more");
	}
	snprintf(f->off, sizeof(f->off), "%s", o.text);
}

int fastpath_ports(struct fastpath *f, const struct fastpath_conf *want, bool strict,
		   struct why *why)
{
	if (f->x && want->automatic) {
		if (!f->automatic) {
			f->automatic = true;
			f->watch.ways = true;
			automatic(f);
		}
		return 0;
	}
	if (f->x) {
		int error = ports_set(&f->ports, want, strict, why);

		f->automatic = f->automatic && error;
		if (!f->automatic)
			f->off[0] = '\0';
		return error;
	}
	/* a file that names interfaces still starts a daemon: user space does the same, slower */
	if (!strict || (want->ports == 0 && !want->automatic))
		return 0;
	return why_say(why, -ENOTSUP, "there is no fast path: %s", f->why);
}

void fastpath_hold(struct fastpath *f, const struct config *now, const struct config *next)
{
	if (f->x)
		sync_hold(&f->sync, now, next);
}

void fastpath_release(struct fastpath *f)
{
	if (f->x)
		sync_release(&f->sync);
}

static void view_ports(const struct ports *p, struct fast_view *v)
{
	v->ports = p->n;
	for (unsigned int i = 0; i < p->n; i++) {
		const struct port *t = &p->port[i];
		struct fast_port_view *to = &v->port[i];

		snprintf(to->name, sizeof(to->name), "%s", t->want.name);
		snprintf(to->why, sizeof(to->why), "%s", t->why);
		to->mode = t->link < 0 ? NULL : ports_mode(t->mode);
		to->since_s = t->since_s;
	}
}

static void view_counts(const struct fast *fast, struct fast_view *v)
{
	v->traffic = fast_total(fast);
	for (unsigned int i = 0; i < fast->cpus; i++) {
		const struct fast_cpu *c = &fast->cpu[i];

		for (unsigned int why = 0; why < FAST_PASS_COUNT; why++)
			v->passed[why] += count_get(&c->passed[why]);
	}
}

unsigned int fastpath_readers(const struct fastpath *f, int fd[2])
{
	fd[0] = fd[1] = -1;
	if (!f->x)
		return 0;
	xdp_readers(f->x, fd);
	return fd[0] >= 0 && fd[1] >= 0 ? f->sync.region->table.fast.cpus : 0;
}

struct xsk_set *fastpath_sockets(struct fastpath *f, unsigned int worker)
{
	return f->x && f->sockets.sets ? &f->sockets.sets[worker] : NULL;
}

void fastpath_view(struct fastpath *f, struct fast_view *v)
{
	*v = (struct fast_view){ .available = f->x };
	v->automatic = f->automatic;
	snprintf(v->why, sizeof(v->why), "%s", f->x ? f->off : f->why);
	if (!f->x)
		return;
	v->asked = watch_asks(&f->watch);
	v->generation = xdp_head(f->x)->gen;
	v->forwards4 = link_forwards("ipv4", "lo");
	view_ports(&f->ports, v);
	v->queues = f->sockets.queues;
	snprintf(v->queues_why, sizeof(v->queues_why), "%s", f->sockets.why);
	view_counts(&f->sync.region->table.fast, v);
}

int fastpath_fd(const struct fastpath *f)
{
	return f->x ? watch_fd(&f->watch) : -1;
}

void fastpath_event(struct fastpath *f)
{
	if (f->x)
		watch_read(&f->watch);
}

void fastpath_moved(struct fastpath *f)
{
	if (f->x)
		sync_moved(&f->sync);
}

void fastpath_second(struct fastpath *f)
{
	if (!f->x)
		return;
	__atomic_store_n(&xdp_head(f->x)->wall_s, (uint32_t)host_wall().s, __ATOMIC_RELAXED);
	f->ways_age_s++;
	watch_second(&f->watch);
	if (++f->seconds % NEIGHBOURS_EVERY_S == 0)
		watch_neighbours(&f->watch);
	if (f->automatic && f->seconds % GUARD_EVERY_S == 0)
		automatic(f);
}
