/*
 * src/ctl/server.h - the command line on TCP 42003 and on the UNIX socket
 *
 * One session per connection, lines in, framed answers out (sixxsd-cli.md 1, 2, 11).
 * Listening sockets come from outside; connections' memory is taken in server_new(), what
 * libevent needs for one comes from the arena. Whatever a stranger does ends in a clear
 * error or a closed connection:
 *
 *	not in the access list, too many	one line, closed
 *	line above CMD_LINE_MAX			400 once, the rest of the line is skipped
 *	HTTP, over TCP				one line, closed; the rest is not read
 *	NUL at the start of a line		skipped; elsewhere: a character no command has
 *	does not read				not read from either; closed after .stalled_ms
 *	does not write				closed after .idle_ms
 *	arena nearly empty			new ones refused, the greedy one closed
 *
 * Control thread.
 */
#ifndef SIXXSD_CTL_SERVER_H
#define SIXXSD_CTL_SERVER_H

#include "base/why.h"
#include "ctl/arena.h"
#include "ctl/control.h"
#include "ctl/log.h"
#include "table/capring.h"

#define SERVER_LISTENERS_MAX	8
#define SERVER_PORT		42003

struct event_base;
struct server;
struct connection;			/* session.connection points to one */

struct server_limits {
	unsigned int	tcp;		/* sessions over TCP, all addresses together */
	unsigned int	per_address;	/* of them from one address that is not loopback */
	unsigned int	local;		/* sessions over the UNIX socket, kept free for it */
	unsigned int	watch;		/* views of the page, likewise */
	unsigned int	idle_ms;	/* without input */
	unsigned int	stalled_ms;	/* without the client taking any output */
	size_t		output_bytes;	/* unsent: above this no further command is read */
	size_t		trace_bytes;	/* unsent: above this trace records are lost */
	size_t		stream_bytes;	/* likewise those of a capture */
	size_t		reserve_bytes;	/* of the arena: below this nobody new is let in */
};

#define SERVER_LIMITS_DEFAULT ((struct server_limits){		\
	.tcp = 64, .per_address = 8, .local = 16, .watch = 8,	\
	.idle_ms = 900 * 1000, .stalled_ms = 60 * 1000,		\
	.output_bytes = 128 * 1024, .trace_bytes = 64 * 1024,	\
	.stream_bytes = 1024 * 1024,				\
	.reserve_bytes = 256 * 1024 })

/*
 * An arena of this size serves the limits above and, besides, one answer of half the size
 * of control's answer buffer (which is sized for the worst case), waiting to be read. An
 * answer that finds less room is replaced by a 500 that says so.
 */
#define SERVER_ARENA_BYTES(answer_bytes) ((size_t)8 * 1024 * 1024 + (answer_bytes) / 2)

struct server_config {
	int		listener[SERVER_LISTENERS_MAX];	/* TCP, listening, non-blocking */
	unsigned int	listeners;
	int		local;		/* UNIX stream, likewise; -1: none. All stay the caller's */
	struct server_limits limits;
};

/**
 * server_new() - start answering on @base
 * @shutdown:	called when a session asks for `pop shutdown`, after its answer was queued
 *
 * All borrowed until server_free(); @sc is copied. Return: NULL with @why
 */
struct server *server_new(struct event_base *base, const struct server_config *sc,
			  struct control *c, struct log *log, struct arena *arena,
			  void (*shutdown)(void *context), void *context, struct why *why);

/**
 * server_watch() - show on @fd what is decided about a tunnel's packets, as JSON lines
 * @fd:	stream socket, non-blocking; closed in any case
 *
 * The answer to `tunnel set debug` comes first. What arrives on @fd is thrown away: whoever
 * reads there can ask for nothing. It ends with @fd, or when the tunnel is no longer debugged.
 */
void server_watch(struct server *s, int fd, uint32_t id);

/* Stop listening, tell every session `404 Tschau, closing down`, close them as it is sent. */
void server_farewell(struct server *s);
/* Sessions there are now. */
unsigned int server_sessions(const struct server *s);
/* Closes whatever is open. @s may be NULL. */
void server_free(struct server *s);

/**
 * server_trace() - one traced packet to the session that asked for it
 * @connection:	as in control.tracer[]
 *
 * Lost, and reported as lost in the same session later, when the client reads too slowly.
 */
void server_trace(struct connection *connection, const struct record *rec);

/* A captured packet, to every session whose capture it belongs to; lost likewise. */
void server_capture(struct server *s, const struct capture *c, const uint8_t *octets);
/* Look after captures from time to time, as long as there are any. */
void server_look(struct server *s);

/* @records never reached us: tell every session that is tracing. */
void server_trace_lost(struct server *s, uint64_t records);

#endif
