/*
 * src/web/parts.h - the inside of the web process
 *
 *	process.c	maps the region, talks with control, runs the loop
 *	cage.c		what it may ask of the kernel
 *	http.c		listens, limits, headers; hands requests to route()
 *	tls.c		certificate and key
 *	route.c		roles, tokens
 *	wish.c		paths
 *	stream.c	answers in pieces: event streams, the list, metrics by tunnel
 *	trace.c		the live decision view, from control
 *	show_*.c	what is said, as JSON
 *	page.c		the bundle
 */
#ifndef SIXXSD_WEB_PARTS_H
#define SIXXSD_WEB_PARTS_H

#include <event2/event.h>
#include <event2/http.h>
#include "base/bucket.h"
#include "ctl/answer.h"
#include "ctl/arena.h"
#include "ctl/log.h"
#include "metrics/metrics.h"
#include "table/region.h"
#include "web/channel.h"

#define WEB_CLIENTS_MAX		128	/* connections */
#define WEB_PENDING_MAX		64	/* requests whose token control is asked about */
#define WEB_STREAMS_MAX		64
#define WEB_OWNER_STREAMS_MAX	8	/* of them with one tunnel's token */
#define WEB_OWNERS_STREAMS_MAX	48	/* of them with any tunnel's: the rest is the operator's */
#define WEB_KNOWN_MAX		64	/* tokens whose owner is remembered */
#define WEB_SITES		1024	/* buckets for wrong ones; a power of two */
#define WEB_SITE_MAX		32	/* connections of one address, or IPv6 /64, elsewhere */
#define WEB_TRACES_MAX		8
#define WEB_OWNERS_TRACES_MAX	6	/* likewise */
#define WEB_ANSWER_BYTES	(2 * 1024 * 1024)
#define WEB_PIECE_BYTES		(64 * 1024)
#define WEB_SLOW_BYTES		(256 * 1024)	/* unsent: a stream skips what is new */
#define WEB_REQUEST_S		15	/* from connecting to a whole request */
#define WEB_AGAIN_S		30	/* from a request to the next whole one on its connection */
#define WEB_ANSWER_S		600	/* from a request to the end of its answer, streams aside */
#define WEB_IDLE_S		60	/* without an octet */
#define WEB_HEADERS_BYTES	8192
#define WEB_BODY_BYTES		1024
#define WEB_INPUT_BYTES		(16 * 1024)	/* read ahead at most: a request and the next */

struct web;

/* A connection, kept so that we know how many there are and can end those that dawdle. */
struct client {
	struct bufferevent	*bev;	/* NULL: free. We hold a reference of our own */
	struct ip6_addr		peer;	/* unspecified: not looked up yet */
	unsigned int		number;	/* ever: who came later has the higher one */
	mono_t			since;	/* of the last whole request; before the first: connected */
	bool			asked;	/* a whole request has come */
	bool			ending;	/* was told to */
};

/* Who asks, and what for. */
struct asker {
	enum web_role		role;
	uint16_t		tid;	/* WEB_OWNER */
	bool			token;
	uint8_t			sha256[32];	/* of the token */
	uint64_t		revision;	/* of the configuration that says so */
};

struct pending {
	struct evhttp_request	*req;	/* NULL: free */
	struct web		*web;
	uint32_t		id;
	uint16_t		tid;
	uint8_t			sha256[32];
	struct bucket		*taken;	/* what it cost, should it be wrong; NULL: it was right once */
};

struct known {
	uint8_t			sha256[32];
	uint16_t		tid;	/* asked with this one */
	enum web_role		role;
	uint64_t		revision;
};

enum stream_kind {
	STREAM_FREE,
	STREAM_POP,		/* an event each second */
	STREAM_TUNNEL,
	STREAM_TRACE,
	STREAM_LIST,		/* one answer in pieces */
	STREAM_METRICS,
};

struct stream {
	enum stream_kind	kind;
	struct web		*web;
	struct evhttp_request	*req;
	uint16_t		tid;
	uint32_t		id;	/* of the tunnel, T<id> */
	uint16_t		tenant;	/* of its slot */
	uint32_t		at;	/* STREAM_LIST: the next tunnel */
	uint32_t		rows;	/* STREAM_LIST: so far */
	uint32_t		asked;	/* STREAM_TRACE: the number control was asked under */
	struct bufferevent	*line;	/* STREAM_TRACE: from control; NULL: not yet */
	bool			on;	/* STREAM_TRACE: it debugs */
	struct asker		asker;	/* may see it as long as its configuration is in force */
	uint32_t		check;	/* control was asked under this number whether still; 0: was not */
	struct metrics_cursor	metrics;
	bool			done;
};

struct site {
	struct evhttp		*http;
	struct evconnlistener	*listener;	/* evhttp's */
	void			*tls;	/* SSL_CTX; NULL: none */
	struct ip6_addr		address;
	uint16_t		port;
};

struct web {
	struct event_base	*base;
	struct event		*on_channel, *each_second, *each_quarter;
	struct event		*on_newcomers;	/* those who were accepted in this turn of the loop */
	int			channel;
	struct arena		*arena;
	struct region		region;
	bool			mapped;
	struct site		now, tried;	/* in force, and between WEB_TRY and WEB_KEEP */
	struct client		client[WEB_CLIENTS_MAX];
	struct pending		pending[WEB_PENDING_MAX];
	struct known		known[WEB_KNOWN_MAX];
	unsigned int		knowns;		/* ever */
	unsigned int		clients;	/* ever */
	struct stream		stream[WEB_STREAMS_MAX];
	uint32_t		asked;		/* numbers questions to control */
	struct bucket		wrong[WEB_SITES];	/* tokens that were wrong */
	uint64_t		seed;		/* whose of them is not for strangers to choose */
	char			*answer;	/* [WEB_ANSWER_BYTES] */
};

/* process.c */
bool web_ask(struct web *w, const struct web_word *word);
mono_t web_mono(void);
wall_t web_wall(void);

/*
 * cage.c: from here on nothing can be opened, connected or started, only what we have be used.
 * Return: 0, or -errno: there is no filter
 */
MUST_CHECK int cage(void);

/* tls.c: @buf: room for one of the two files. Return: SSL_CTX, or NULL with @why */
void *tls_open(const struct http_conf *h, int certificate, int key, char *buf, size_t size,
	       char why[WEB_SENTENCE]);

/* http.c: where to listen and how; the listener of @fd is ours then. Return: false with @why */
MUST_CHECK bool site_open(struct web *w, struct site *s, const struct http_conf *h,
			  const int fd[WEB_FDS_MAX], char why[WEB_SENTENCE]);
void site_close(struct site *s);
/* Four times a second and after newcomers: what connections left behind, and those that dawdle. */
void clients_look(struct web *w);
void reply(struct evhttp_request *req, int code, const char *type, const void *octets, size_t len);
/* {"error": sentence} */
void reply_error(struct evhttp_request *req, int code, const char *sentence);
/* @an is whole but for its last bracket. */
void reply_json(struct evhttp_request *req, struct answer *an);
void headers_common(struct evhttp_request *req);
/* Its connection ends before it was answered. */
void request_gone(struct evhttp_request *req);
/* An empty JSON answer in w->answer. */
struct answer answer_begin(struct web *w);

/* route.c */
void route(struct evhttp_request *req, void *web);
void route_verified(struct web *w, const struct web_order *o);

/* stream.c */
void stream_open(struct web *w, struct evhttp_request *req, enum stream_kind kind, uint16_t tid,
		 const struct asker *who);
void streams_second(struct web *w);
/* Another configuration may be in force: who sees what goes on may no longer. */
void streams_check(struct web *w);
/* Control's answer to that. Return: false: nobody here asked */
bool streams_verified(struct web *w, const struct web_order *o);
/* `event: @name`, one line of data */
bool stream_event(struct stream *s, const char *name, const char *octets, size_t len);
void stream_end(struct stream *s);
/* Does one go on over this connection for as long as its viewer likes? */
bool stream_is_on(const struct web *w, const struct bufferevent *bev);

/* pieces.c: the next piece. Return: octets; 0: that was all */
size_t stream_fill(struct stream *s, char *buf, size_t room);
const char *stream_type(const struct stream *s);

/* trace.c */
bool trace_open(struct stream *s);
/* Control's answer. @fd: ours now; -1: there is no such tunnel */
void trace_watched(struct web *w, uint32_t id, int fd);
void trace_close(struct stream *s);
/* Once a second. Return: false: the stream is over, nothing comes any more */
bool trace_look(struct stream *s);
/* Is it still the tunnel that was asked for? Its slot may have become another's. */
bool stream_is_same(const struct stream *s);

/* show_pop.c, show_tunnel.c, show_list.c, show_history.c: fields of the open object */
void show_pop(const struct web *w, struct answer *an);
enum show_how { SHOW_ALL, SHOW_LIVE };
/* @role: an owner is told of his tunnel only. */
void show_tunnel(const struct web *w, uint16_t tid, enum web_role role, enum show_how how, struct answer *an);
void show_history(const struct web *w, uint16_t tid, struct answer *an);
/* The next piece of the list, from *@at on. Return: octets written, @done set with the last */
size_t show_list(const struct web *w, uint32_t *at, uint32_t *rows, bool *done, char *buf, size_t room);
void show_clients(const struct web *w, uint16_t tid, struct answer *an);
void show_packet(const struct web *w, const struct error_sample *s, struct answer *an);

/* page.c: a file of the bundle. Return: false: there is none of that name */
bool page_reply(struct evhttp_request *req, const char *path);

#endif
