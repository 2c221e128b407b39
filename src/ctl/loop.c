#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "ctl/loop.h"
#include "ctl/trace.h"

#define JOBS_MAX	8
#define FLUSH_MS	10000		/* held-back log lines are reported at least so often */
#define PARTING_MS	20		/* how often we look whether all sessions are gone */
#define PARTING_LOOKS	20		/* after 400 ms we go anyway: a stop takes below a second */

struct job {
	struct event	*event;
	void		(*run)(void *context);
	void		*context;
};

enum { ON_TERM, ON_INT, ON_HUP, ON_TELL, ON_PARTING, EVENTS };

struct loop {
	struct loop_config	config;
	struct event_base	*base;
	struct server		*server;
	struct event		*event[EVENTS];
	struct job		job[JOBS_MAX];
	unsigned int		jobs;
	unsigned int		looks;
	bool			stopping;
	/* events_lost as last reported; what a region brought along is old news */
	uint64_t		lost[WORKERS_MAX];
};

/* ---- what the workers tell ---- */

static struct connection *tracer_of(const struct control *c, uint16_t tid)
{
	return c->tracer && tid < c->region->head->limits.tunnels ? c->tracer[tid] : NULL;
}

static void tell_trace(const struct control *c, const struct record *rec)
{
	struct connection *from = tracer_of(c, rec->from);

	if (from)
		server_trace(from, rec);
	/* asked only now: the first may have been closed for lack of memory */
	struct connection *to = tracer_of(c, rec->to);

	if (to && to != from)
		server_trace(to, rec);

	struct connection *blame = tracer_of(c, rec->blame);

	if (blame && blame != from && blame != to)
		server_trace(blame, rec);
}

/* Who can make us write this line? An ICMP error about a path comes from anywhere. */
static enum log_cause cause_of(enum event_kind what)
{
	return what == EVENT_DROP || what == EVENT_PATH_MTU ? BY_STRANGERS : BY_TUNNELS;
}

static void tell(struct loop *lp, const struct record *rec)
{
	const struct control *c = lp->config.control;
	char text[TRACE_LINE_MAX];
	struct trace_facts f;

	if (rec->event == EVENT_TRACE) {
		tell_trace(c, rec);
		return;
	}
	trace_event(region_config(c->region), rec, text);
	trace_facts(region_config(c->region), rec, &f);
	log_facts(lp->config.log, LEVEL_NOTICE, cause_of((enum event_kind)rec->event), f.event,
		  f.fact, f.n, "%s", text);
}

static void tell_lost(struct loop *lp, unsigned int worker)
{
	const struct region *r = lp->config.control->region;
	uint64_t lost = count_get(&r->table.worker[worker].events_lost);
	uint64_t news = lost - lp->lost[worker];

	if (news == 0)
		return;
	lp->lost[worker] = lost;

	char number[LOG_NUMBER_MAX], value[LOG_NUMBER_MAX];
	const struct fact facts[] = { fact_number("WORKER", worker, number),
				      fact_number("VALUE", news, value) };

	log_facts(lp->config.log, LEVEL_WARNING, BY_STRANGERS, LOGGED_EVENTS_LOST, facts,
		  ARRAY_LEN(facts),
		  "worker %u: %llu events and trace records lost, they came too fast", worker,
		  (unsigned long long)news);
	server_trace_lost(lp->server, news);
}

/*
 * At most one ring full of each worker, so that sessions and signals get their turn. What
 * is left then was put in after we were woken, and its worker wakes us again.
 */
static void drain(struct loop *lp)
{
	const struct control *c = lp->config.control;

	for (unsigned int w = 0; w < c->workers; w++) {
		struct record rec;

		for (int n = 0; n < RING_RECORDS && ring_take(&c->region->ring[w], &rec); n++)
			tell(lp, &rec);
		tell_lost(lp, w);
	}
}

/* The worker whose oldest record is the oldest, of those that were there when this began. */
static const struct capture *next_capture(const struct region *r, const uint64_t *end,
					  unsigned int workers, unsigned int *worker,
					  const uint8_t **octets)
{
	const struct capture *first = NULL;

	for (unsigned int w = 0; w < workers; w++) {
		const struct capture *c;
		const uint8_t *at;

		if (!r->capture[w] || capring_at(r->capture[w]) == end[w])
			continue;
		c = capring_peek(r->capture[w], &at);
		if (!c || (first && first->at.us <= c->at.us))
			continue;
		first = c;
		*worker = w;
		*octets = at;
	}
	return first;
}

static void drain_captures(struct loop *lp)
{
	const struct control *c = lp->config.control;
	const struct region *r = c->region;
	uint64_t end[WORKERS_MAX] = { 0 };
	const struct capture *next;
	const uint8_t *octets;
	unsigned int w;

	for (w = 0; w < c->workers; w++)
		end[w] = r->capture[w] ? capring_end(r->capture[w]) : 0;
	while ((next = next_capture(r, end, c->workers, &w, &octets)) != NULL) {
		server_capture(lp->server, next, octets);
		capring_drop(r->capture[w]);
	}
}

static void on_tell(evutil_socket_t fd, short what, void *arg)
{
	struct loop *lp = arg;
	uint64_t times;

	(void)what;
	if (read(fd, &times, sizeof(times)) < 0 && errno != EAGAIN)
		return;
	drain(lp);
	drain_captures(lp);
}

/* ---- signals and timers ---- */

static void on_stop(evutil_socket_t sig, short what, void *arg)
{
	struct loop *lp = arg;
	char number[LOG_NUMBER_MAX];
	const struct fact facts[] = { fact_number("SIGNAL", (unsigned long long)sig, number) };

	(void)what;
	log_facts(lp->config.log, LEVEL_NOTICE, BY_US, LOGGED_STOP_ASKED, facts, ARRAY_LEN(facts),
		  "stop: asked by signal %d", (int)sig);
	loop_stop(lp);
}

static void on_hup(evutil_socket_t sig, short what, void *arg)
{
	struct loop *lp = arg;

	(void)sig, (void)what;
	if (lp->stopping || !lp->config.reload)
		return;
	lp->config.reload(lp->config.context);
	lp->config.log->configured = region_config(lp->config.control->region)->head->verbosity;
}

static void on_parting(evutil_socket_t fd, short what, void *arg)
{
	struct loop *lp = arg;

	(void)fd, (void)what;
	if (server_sessions(lp->server) == 0 || ++lp->looks >= PARTING_LOOKS)
		event_base_loopbreak(lp->base);
}

static void on_job(evutil_socket_t fd, short what, void *arg)
{
	struct job *j = arg;

	(void)fd, (void)what;
	j->run(j->context);
}

static void flush_log(void *context)
{
	struct loop *lp = context;

	log_flush(lp->config.log);
}

/* @each: NULL with a descriptor */
static int add_job(struct loop *lp, int fd, const struct timeval *each,
		   void (*run)(void *context), void *context, struct why *why)
{
	struct job *j = &lp->job[lp->jobs];

	if (lp->jobs == JOBS_MAX) {
		snprintf(why->text, sizeof(why->text), "more than %d periodic jobs", JOBS_MAX);
		return -ENOSPC;
	}
	*j = (struct job){ .run = run, .context = context };
	j->event = event_new(lp->base, fd, (short)(EV_PERSIST | (fd < 0 ? 0 : EV_READ)), on_job, j);
	if (!j->event || event_add(j->event, each)) {
		if (j->event)
			event_free(j->event);
		snprintf(why->text, sizeof(why->text), "no memory for a timer");
		return -ENOMEM;
	}
	lp->jobs++;
	return 0;
}

int loop_every(struct loop *lp, unsigned int ms, void (*run)(void *context), void *context,
	       struct why *why)
{
	const struct timeval each = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	return add_job(lp, -1, &each, run, context, why);
}

int loop_when(struct loop *lp, int fd, void (*run)(void *context), void *context, struct why *why)
{
	return add_job(lp, fd, NULL, run, context, why);
}

/* ---- start and end ---- */

static void on_shutdown(void *context)
{
	loop_stop(context);
}

static bool watch(struct loop *lp, int which, int fd, short what, event_callback_fn call)
{
	lp->event[which] = event_new(lp->base, fd, what, call, lp);
	return lp->event[which] && (which == ON_PARTING || event_add(lp->event[which], NULL) == 0);
}

static bool watch_all(struct loop *lp)
{
	const short each_signal = EV_SIGNAL | EV_PERSIST;

	return watch(lp, ON_TERM, SIGTERM, each_signal, on_stop) &&
	       watch(lp, ON_INT, SIGINT, each_signal, on_stop) &&
	       watch(lp, ON_HUP, SIGHUP, each_signal, on_hup) &&
	       watch(lp, ON_PARTING, -1, EV_PERSIST, on_parting) &&
	       (lp->config.tell < 0 ||
		watch(lp, ON_TELL, lp->config.tell, EV_READ | EV_PERSIST, on_tell));
}

static struct loop *fail(struct loop *lp, struct why *why)
{
	if (!why->text[0])
		snprintf(why->text, sizeof(why->text), "event loop: cannot be set up");
	loop_free(lp);
	return NULL;
}

struct loop *loop_new(const struct loop_config *lc, struct why *why)
{
	struct loop *lp = calloc(1, sizeof(*lp));

	why->text[0] = '\0';
	if (!lp)
		return fail(NULL, why);
	lp->config = *lc;
	for (unsigned int w = 0; w < WORKERS_MAX; w++)
		lp->lost[w] = count_get(&lc->control->region->table.worker[w].events_lost);
	lp->base = event_base_new();
	/* a client that went away is an error of a write, not the end of us */
	signal(SIGPIPE, SIG_IGN);
	if (!lp->base || !watch_all(lp))
		return fail(lp, why);

	lp->server = server_new(lp->base, &lc->server, lc->control, lc->log, lc->arena, on_shutdown,
				lp, why);
	if (!lp->server || loop_every(lp, FLUSH_MS, flush_log, lp, why))
		return fail(lp, why);
	return lp;
}

int loop_run(struct loop *lp)
{
	lp->config.log->configured = region_config(lp->config.control->region)->head->verbosity;
	return event_base_dispatch(lp->base) == 0 ? 0 : -EIO;
}

void loop_watch(struct loop *lp, int fd, uint32_t id)
{
	server_watch(lp->server, fd, id);
}

void loop_stop(struct loop *lp)
{
	const struct timeval look = { .tv_usec = PARTING_MS * 1000 };

	if (lp->stopping)
		return;
	lp->stopping = true;
	server_farewell(lp->server);
	if (server_sessions(lp->server) == 0)
		event_base_loopbreak(lp->base);
	else
		event_add(lp->event[ON_PARTING], &look);
}

void loop_free(struct loop *lp)
{
	if (!lp)
		return;
	server_free(lp->server);
	for (unsigned int i = 0; i < lp->jobs; i++)
		event_free(lp->job[i].event);
	for (int i = 0; i < EVENTS; i++) {
		if (lp->event[i])
			event_free(lp->event[i]);
	}
	if (lp->base)
		event_base_free(lp->base);
	free(lp);
}
