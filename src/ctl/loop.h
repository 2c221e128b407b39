/*
 * src/ctl/loop.h - the control thread: signals, timers, what the workers tell, the CLI
 *
 * Everything control does happens in here, one thing after the other. The order in main():
 * arena_lend(), loop_new(), loop_every() for every job, then the malloc trap, then
 * loop_run(), which returns after loop_stop() when the sessions were told.
 */
#ifndef SIXXSD_CTL_LOOP_H
#define SIXXSD_CTL_LOOP_H

#include "ctl/server.h"

struct loop;

struct loop_config {
	struct control		*control;	/* region, workers, tracer are read here */
	struct log		*log;
	struct arena		*arena;		/* lent already */
	struct server_config	server;
	int			tell;		/* eventfd that workers write to; -1: none */
	/* SIGHUP, in the control thread (not in a signal handler) */
	void			(*reload)(void *context);
	void			*context;
};

/**
 * loop_new() - build everything; nothing runs yet
 *
 * SIGTERM and SIGINT end loop_run(), SIGHUP calls reload; SIGPIPE is ignored from here on.
 * Other threads keep all signals blocked. @lc is copied. Return: NULL with @why
 */
struct loop *loop_new(const struct loop_config *lc, struct why *why);

/* Call @job every @ms, for as long as the loop runs. Before loop_run(). */
int loop_every(struct loop *lp, unsigned int ms, void (*job)(void *context), void *context,
	       struct why *why);

/* Call @job whenever @fd has something to read. Before loop_run(). */
int loop_when(struct loop *lp, int fd, void (*job)(void *context), void *context, struct why *why);

/* server_watch() of the loop's server: within the loop, and closed when it ends. */
void loop_watch(struct loop *lp, int fd, uint32_t id);

/* Return: 0 after loop_stop(), else -errno */
int loop_run(struct loop *lp);
/* From within the loop (jobs, callbacks): sessions are told, loop_run() returns soon. */
void loop_stop(struct loop *lp);
/* @lp may be NULL. */
void loop_free(struct loop *lp);

#endif
