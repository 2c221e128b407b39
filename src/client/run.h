/*
 * src/client/run.h - one line sent, its answer printed
 */
#ifndef SIXXSD_CLIENT_RUN_H
#define SIXXSD_CLIENT_RUN_H

#include "client/complete.h"
#include "client/link.h"

/* Exit statuses; --help and the manual tell them. */
enum status {
	STATUS_OK	= 0,		/* 2xx, 3xx (nothing to show), 666 (the session ends) */
	STATUS_REFUSED	= 1,		/* 4xx, 5xx */
	STATUS_USAGE	= 2,
	STATUS_LOST	= 3,		/* no connection, or it broke */
};

struct client {
	struct link		link;
	struct link_options	where;
	bool			json;
	struct table		table;	/* interactive only */
	struct menu		menu;	/* interactive only */
	bool			traces;	/* the last answer: what a tunnel does follows, line by line */
};

struct result {
	enum link_end	end;
	enum status	status;
	bool		streamed;	/* the connection is used up */
	bool		farewell;	/* 666: the daemon closes it */
};

/* Answers go to standard output, refusals to standard error. */
struct result run_line(struct client *c, const char *line, size_t len);

/* The same, but only a refusal is printed. */
enum status run_silently(struct client *c, const char *line);
void tell_lost(void);

/* Commands from standard input, up to the first that fails. Return: exit status */
int run_batch(struct client *c);
/* client/prompt.c: with editing, history and completion. Return: exit status */
int run_interactive(struct client *c);

#endif
