/*
 * src/client/link.h - the connection to a daemon: lines out, framed answers in
 *
 * Framing: sixxsd-cli.md 2 and 11. Nothing is assumed about how the octets arrive. While
 * Ctrl-C is watched (link_watch_interrupt()) it is an event here like any other, instead of
 * a signal somewhere.
 */
#ifndef SIXXSD_CLIENT_LINK_H
#define SIXXSD_CLIENT_LINK_H

#include <sys/types.h>

#include "base/why.h"

#define LINK_SOCKET	"/run/sixxsd/control"
#define LINK_HOST	"127.0.0.1"
#define LINK_PORT	"42003"

struct link_options {
	const char	*path;		/* UNIX socket; NULL: the default, then TCP */
	const char	*host, *port;	/* either given: TCP and nothing else */
	int		family;		/* AF_UNSPEC, AF_INET or AF_INET6 */
};

enum link_end {
	LINK_OK,
	LINK_LOST,		/* closed, reset, or silent for too long */
	LINK_ENDED,		/* link_read() alone: closed in order */
	LINK_INTERRUPTED,	/* Ctrl-C; or nobody reads any more what we write */
	LINK_UNWRITTEN,		/* what came could not be written; the user was told */
};

struct link {
	int		fd;		/* -1: not connected */
	int		interrupt;	/* signalfd of Ctrl-C; -1: not watched */
	int		reader;		/* that we write a stream to; -1: not watched */
	char		*buf;		/* what arrived and was not read; grows */
	size_t		size, start, end;
	struct why	banner;		/* its text: what the daemon said first */
};

/* One answer. The lines went to the receiver. */
struct reply {
	int		code;
	bool		stream;		/* "200 trace follows": raw octets from here on */
	bool		binary;		/* they are a file: "200 pcapng follows" */
};

/* A line of the answer, without line end, and the first digit of its code. */
typedef void link_line(void *context, int digit, const char *line, size_t len);

/* Return: 0, or -errno with @why */
int link_open(struct link *l, const struct link_options *o, struct why *why);
void link_close(struct link *l);

/* From here on Ctrl-C ends what waits instead of the program. */
void link_watch_interrupt(struct link *l);
/* The same of SIGTERM and SIGHUP, for what has to be ended in order. */
void link_watch_end(struct link *l);
/* Forget one that came when nothing waited. Return: whether there was one */
bool link_interrupted(struct link *l);

enum link_end link_send(struct link *l, const char *line, size_t len);
/* LINK_LOST also for what no daemon of ours says; it went to @each with digit 0. */
enum link_end link_answer(struct link *l, struct reply *r, link_line *each, void *context);

/* A line without its end, valid until the next call. @timeout_ms -1: for ever */
enum link_end link_next(struct link *l, int timeout_ms, char **line, size_t *len);
/* We say no more, which ends a capture; what is on its way still comes. */
void link_end_input(struct link *l);
/* Octets of a stream, at least one. @timeout_ms as above */
enum link_end link_read(struct link *l, int timeout_ms, char *to, size_t size, size_t *len);

#endif
