#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "ctl/connection.h"
#include "ctl/site.h"

#define ACCEPTS_PER_TURN	64
#define PAUSE_MS		100	/* when descriptors or kernel memory ran out */
#define LOOK_MS			100	/* how late a capture may end */

/* ---- who may come in ---- */

static bool is_listed(const struct server *s, const struct ip6_addr *peer)
{
	const struct config_head *h = region_config(s->control->region)->head;

	for (uint32_t i = 0; i < h->acls; i++) {
		struct prefix p = { .addr = h->acl[i], .len = h->acl_len[i] };

		if (prefix_has(&p, peer))
			return true;
	}
	return false;
}

struct crowd {
	unsigned int	kind;		/* sessions of the same kind */
	unsigned int	site;		/* of them from the same site */
};

static struct crowd crowd_of(const struct server *s, enum session_kind kind,
			     const struct ip6_addr *peer)
{
	struct crowd n = { 0 };

	for (unsigned int i = 0; i < s->slots; i++) {
		const struct connection *cn = &s->connection[i];

		if (cn->state == CONNECTION_FREE || cn->session.kind != kind)
			continue;
		n.kind++;
		n.site += site_is_same(&cn->session.peer, peer);
	}
	return n;
}

static unsigned int most(const struct server_limits *l, enum session_kind kind)
{
	switch (kind) {
	case SESSION_TCP:
		return l->tcp;
	case SESSION_UNIX:
		return l->local;
	case SESSION_WATCH:
		return l->watch;
	case SESSION_FILE:
		break;
	}
	return 0;
}

/* Why this client has to go, in the words it is told; NULL: it may stay. */
static const char *objection(const struct server *s, enum session_kind kind,
			     const struct ip6_addr *peer)
{
	const struct server_limits *l = &s->config.limits;
	struct crowd n = crowd_of(s, kind, peer);

	if (kind == SESSION_TCP && !is_listed(s, peer))
		return "Access denied";
	if (n.kind >= most(l, kind))
		return "Too many sessions";
	if (kind == SESSION_TCP && !site_is_here(peer) && n.site >= l->per_address)
		return "Too many sessions from your address";
	if (arena_room(s->arena) < l->reserve_bytes)
		return "Out of memory for another session";
	return NULL;
}

static const char *name_of(enum session_kind kind, const struct ip6_addr *peer,
			   char buf[ADDR_TEXT_MAX])
{
	switch (kind) {
	case SESSION_TCP:
		return addr_text(peer, buf);
	case SESSION_WATCH:
		return "the page";
	case SESSION_UNIX:
	case SESSION_FILE:
		break;
	}
	return "the local socket";
}

/* One line, so that the one who set it up wrongly knows; nothing waits for it to be read. */
static void refuse(struct server *s, int fd, enum session_kind kind, const struct ip6_addr *peer,
		   const char *why)
{
	char line[80], who[ADDR_TEXT_MAX];
	const char *from = name_of(kind, peer, who);
	const struct fact facts[] = { { "ADDRESS", kind == SESSION_TCP ? from : NULL },
				      { "REASON", why } };
	int len = snprintf(line, sizeof(line), "%d %s\n", ANSWER_UNAVAILABLE, why);

	if (send(fd, line, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) == len)
		shutdown(fd, SHUT_WR);
	connection_discard(fd);
	close(fd);
	log_facts(s->log, LEVEL_WARNING, BY_STRANGERS, LOGGED_SESSION_REFUSED, facts,
		  ARRAY_LEN(facts), "command line: refused %s: %s", from, why);
}

static struct connection *free_slot(struct server *s)
{
	for (unsigned int i = 0; i < s->slots; i++) {
		if (s->connection[i].state == CONNECTION_FREE)
			return &s->connection[i];
	}
	return NULL;
}

static void tell_opened(struct server *s, enum session_kind kind, const struct ip6_addr *peer)
{
	char who[ADDR_TEXT_MAX], number[LOG_NUMBER_MAX];
	const char *from = name_of(kind, peer, who);
	const struct fact facts[] = { fact_number("SESSION", s->opened, number),
				      { "ADDRESS", kind == SESSION_TCP ? from : NULL } };

	log_facts(s->log, LEVEL_INFO, BY_STRANGERS, LOGGED_SESSION_OPENED, facts, ARRAY_LEN(facts),
		  "session %u: from %s", s->opened, from);
}

/* Return: NULL: it was turned away */
static struct connection *admit(struct server *s, int fd, enum session_kind kind,
				const struct ip6_addr *peer)
{
	const char *why = objection(s, kind, peer);
	struct connection *cn = free_slot(s);
	int on = 1;

	if (why || !cn) {
		refuse(s, fd, kind, peer, why ? why : "Too many sessions");
		return NULL;
	}
	if (kind == SESSION_TCP) {
		/* answers leave at once; a client that vanished is noticed */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	}
	if (!connection_open(cn, fd, kind, peer)) {
		refuse(s, fd, kind, peer, "Out of memory for another session");
		return NULL;
	}
	tell_opened(s, kind, peer);
	return cn;
}

void server_watch(struct server *s, int fd, uint32_t id)
{
	const struct ip6_addr nowhere = { { 0 } };
	struct connection *cn = admit(s, fd, SESSION_WATCH, &nowhere);

	if (cn)
		connection_watch(cn, id);
}

/* ---- turns ---- */

void server_go_on(struct server *s)
{
	const struct timeval now = { 0 };	/* that is, after the loop has looked at everything */

	if (!event_pending(s->go_on, EV_TIMEOUT, NULL))
		event_add(s->go_on, &now);
}

static void on_go_on(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;

	(void)fd, (void)what;
	for (unsigned int i = 0; i < s->slots; i++)
		connection_go_on(&s->connection[i]);
}

/* ---- captures ---- */

void server_look(struct server *s)
{
	const struct timeval soon = { .tv_usec = LOOK_MS * 1000 };

	if (!event_pending(s->look, EV_TIMEOUT, NULL))
		event_add(s->look, &soon);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	bool any = false;

	(void)fd, (void)what;
	for (unsigned int i = 0; i < s->slots; i++) {
		if (s->connection[i].state != CONNECTION_STREAMING)
			continue;
		capture_stream_look(&s->connection[i]);
		any = true;
	}
	if (any)
		server_look(s);
}

void server_capture(struct server *s, const struct capture *c, const uint8_t *octets)
{
	for (unsigned int i = 0; i < s->slots; i++) {
		if (s->connection[i].state == CONNECTION_STREAMING)
			capture_stream_put(&s->connection[i], c, octets);
	}
}

/* ---- listening ---- */

static void listen_again(struct server *s)
{
	for (unsigned int i = 0; i < s->listeners && !s->ending; i++)
		event_add(s->listener[i].event, NULL);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	listen_again(arg);
}

/* A listener that stays readable would burn the processor until somebody leaves. */
static void pause_listening(struct server *s, int error)
{
	const struct timeval soon = { .tv_usec = PAUSE_MS * 1000 };
	const struct fact facts[] = { { "REASON", strerror(error) } };

	log_facts(s->log, LEVEL_ERROR, BY_STRANGERS, LOGGED_LISTEN_FAILED, facts, ARRAY_LEN(facts),
		  "command line: accept: %s", facts[0].value);
	for (unsigned int i = 0; i < s->listeners; i++)
		event_del(s->listener[i].event);
	event_add(s->resume, &soon);
}

static void on_listener(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)what;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
		socklen_t len = sizeof(ss);
		int client = accept4(fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (client < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
			return;
		if (client < 0) {
			pause_listening(l->server, errno);
			return;
		}
		struct ip6_addr peer = site_address(&ss);

		(void)admit(l->server, client, l->kind, &peer);
	}
}

static bool listen_on(struct server *s, int fd, enum session_kind kind)
{
	struct listener *l = &s->listener[s->listeners];

	*l = (struct listener){ .server = s, .kind = kind };
	l->event = event_new(s->base, fd, EV_READ | EV_PERSIST, on_listener, l);
	if (!l->event)
		return false;
	s->listeners++;
	return event_add(l->event, NULL) == 0;
}

/* ---- start and end ---- */

static bool prepare(struct server *s)
{
	s->slots = s->config.limits.tcp + s->config.limits.local + s->config.limits.watch;
	s->connection = calloc(s->slots, sizeof(*s->connection));
	s->resume = event_new(s->base, -1, 0, on_resume, s);
	s->look = event_new(s->base, -1, 0, on_look, s);
	s->go_on = event_new(s->base, -1, 0, on_go_on, s);
	if (!s->connection || !s->resume || !s->look || !s->go_on)
		return false;

	for (unsigned int i = 0; i < s->slots; i++)
		s->connection[i].server = s;
	for (unsigned int i = 0; i < s->config.listeners; i++) {
		if (!listen_on(s, s->config.listener[i], SESSION_TCP))
			return false;
	}
	return s->config.local < 0 || listen_on(s, s->config.local, SESSION_UNIX);
}

struct server *server_new(struct event_base *base, const struct server_config *sc,
			  struct control *c, struct log *log, struct arena *arena,
			  void (*shutdown)(void *context), void *context, struct why *why)
{
	struct server *s = calloc(1, sizeof(*s));

	if (s) {
		*s = (struct server){
			.base = base, .config = *sc, .control = c, .log = log, .arena = arena,
			.shutdown = shutdown, .context = context,
		};
		c->sessions = 0;
		c->sessions_max = sc->limits.tcp + sc->limits.local + sc->limits.watch;
	}
	if (!s || !prepare(s)) {
		snprintf(why->text, sizeof(why->text), "command line: out of memory");
		server_free(s);
		return NULL;
	}
	return s;
}

void server_farewell(struct server *s)
{
	s->ending = true;
	event_del(s->resume);
	for (unsigned int i = 0; i < s->listeners; i++)
		event_del(s->listener[i].event);
	for (unsigned int i = 0; i < s->slots; i++)
		connection_farewell(&s->connection[i]);
}

unsigned int server_sessions(const struct server *s)
{
	return s->control->sessions;
}

void server_free(struct server *s)
{
	if (!s)
		return;
	for (unsigned int i = 0; s->connection && i < s->slots; i++) {
		if (s->connection[i].state != CONNECTION_FREE)
			connection_drop(&s->connection[i], "closing down");
	}
	for (unsigned int i = 0; i < s->listeners; i++)
		event_free(s->listener[i].event);
	if (s->resume)
		event_free(s->resume);
	if (s->look)
		event_free(s->look);
	if (s->go_on)
		event_free(s->go_on);
	free(s->connection);
	free(s);
}
