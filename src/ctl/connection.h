/*
 * src/ctl/connection.h - one session of the command line, private to server.c
 *
 *	        exit, time-out, farewell,          all of it sent,
 *	        client's end of input              our end shut
 *	OPEN -------------------------> CLOSING ------------------> LINGERING ----> free
 *	  \                                \                            (its end came, a second
 *	   `---- error, stalled, no memory -`-----> free                 passed, or it talks on)
 *
 * A session that captures is STREAMING instead of OPEN: what it says is not listened to, and
 * its end of input ends it (ctl/capture_stream.h). One that watches stays OPEN, likewise deaf.
 *
 * Lingering is what makes sure that the last answer arrives: closing a socket with unread
 * input resets the connection, and the client's kernel throws away what we sent.
 */
#ifndef SIXXSD_CTL_CONNECTION_H
#define SIXXSD_CTL_CONNECTION_H

#include "ctl/line.h"
#include "ctl/server.h"
#include "ctl/capture_stream.h"

struct bufferevent;
struct event;

enum connection_state {
	CONNECTION_FREE,
	CONNECTION_OPEN,
	CONNECTION_STREAMING,
	CONNECTION_CLOSING,
	CONNECTION_LINGERING,
};

struct connection {
	struct session		session;
	struct server		*server;
	struct bufferevent	*bev;
	enum connection_state	state;
	unsigned int		number;		/* in the log */
	bool			ended;		/* the client sends no more */
	bool			more;		/* lines wait that had no turn yet */
	bool			traces;		/* was sent trace lines */
	uint64_t		lost;		/* trace records not shown yet to be reported */
	size_t			lingered;	/* octets thrown away while lingering */
	struct capture_stream		stream;		/* STREAMING */
	struct line		line;
};

struct listener {
	struct server		*server;
	struct event		*event;
	enum session_kind	kind;
};

struct server {
	struct event_base	*base;
	struct server_config	config;
	struct control		*control;
	struct log		*log;
	struct arena		*arena;
	void			(*shutdown)(void *context);
	void			*context;
	struct listener		listener[SERVER_LISTENERS_MAX + 1];
	unsigned int		listeners;
	struct event		*resume;	/* listening again after descriptors ran out */
	struct event		*look;		/* at what is streamed, while anything is */
	struct event		*go_on;		/* with lines of those who sent many at once */
	struct connection	*connection;	/* [slots] */
	unsigned int		slots;
	unsigned int		opened;		/* ever: numbers sessions */
	bool			ending;
};

/* Take @fd, which is closed in any case. Return: false when there is no memory for it */
bool connection_open(struct connection *cn, int fd, enum session_kind kind,
		     const struct ip6_addr *peer);
/* SESSION_WATCH: begin to show T@id; a connection just opened */
void connection_watch(struct connection *cn, uint32_t id);
/* The lines that had no turn. */
void connection_go_on(struct connection *cn);
/* server.c: soon call that for every connection, when everything else has had its turn */
void server_go_on(struct server *s);
/* The last words, then closed in order. Not for a connection that is free. */
void connection_farewell(struct connection *cn);
/* At once; whatever was not sent is lost. */
void connection_drop(struct connection *cn, const char *reason);

/* Queue octets of a stream. Return: false: there was no memory, and the connection is gone */
MUST_CHECK bool connection_put(struct connection *cn, const void *octets, size_t len);
/* May more of a stream be queued? has_memory(): however much waits already */
bool connection_has_room(const struct connection *cn);
bool connection_has_memory(const struct connection *cn);
/* No more is said or listened to; closed when everything is sent. */
void connection_finish(struct connection *cn);

/* Throw away what a client has sent so far, so that closing does not reset. */
void connection_discard(int fd);

#endif
