#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "ctl/connection.h"
#include "ctl/trace.h"

#define LINES_PER_TURN	4		/* of one session, while others wait; a file may be read in each */
#define INPUT_BYTES	8192		/* read ahead at most; two lines of the longest kind */
#define LINGER_MS	1000
#define LINGER_BYTES	(64 * 1024)
/* Chains of a power of two, their head included, waste nothing (libevent rounds up). */
#define SLICE_BYTES	(32 * 1024 - 64)
#define SLICE_OVERHEAD	1024
#define DISCARD_READS	16

static struct timeval from_ms(unsigned int ms)
{
	return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
}

static size_t unsent(const struct connection *cn)
{
	return evbuffer_get_length(bufferevent_get_output(cn->bev));
}

static bool is_backlogged(const struct connection *cn)
{
	return unsent(cn) > cn->server->config.limits.output_bytes;
}

void connection_discard(int fd)
{
	char unread[4096];

	for (int i = 0; i < DISCARD_READS; i++) {
		if (recv(fd, unread, sizeof(unread), MSG_DONTWAIT) <= 0)
			return;
	}
}

void connection_drop(struct connection *cn, const char *reason)
{
	struct server *s = cn->server;
	char number[LOG_NUMBER_MAX];
	const struct fact facts[] = { fact_number("SESSION", cn->number, number),
				      { "REASON", reason } };

	log_facts(s->log, LEVEL_INFO, BY_STRANGERS, LOGGED_SESSION_CLOSED, facts, ARRAY_LEN(facts),
		  "session %u: closed: %s", cn->number, reason);
	control_forget_session(s->control, &cn->session);
	connection_discard(bufferevent_getfd(cn->bev));
	bufferevent_free(cn->bev);
	explicit_bzero(&cn->line, sizeof(cn->line));
	cn->bev = NULL;
	cn->state = CONNECTION_FREE;
	s->control->sessions--;
}

/* ---- out ---- */

static bool add(struct connection *cn, const void *octets, size_t len)
{
	struct evbuffer *out = bufferevent_get_output(cn->bev);
	struct cur c = cur_of(octets, len), slice;

	while (c.left) {
		if (!cur_sub(&c, &slice, min_size(c.left, SLICE_BYTES)) ||
		    evbuffer_add(out, slice.at, slice.left))
			return false;
	}
	return true;
}

/* Half an answer would mislead: either all of it is queued or the session ends. */
static void send_whole(struct connection *cn, const struct answer *an)
{
	struct answer_frame f = answer_frame(an);

	if (!add(cn, f.head, f.head_len) || !add(cn, an->buf, an->len) ||
	    !add(cn, f.tail, f.tail_len))
		connection_drop(cn, "out of memory");
}

static void tell_no_memory(const struct connection *cn, size_t octets)
{
	char number[LOG_NUMBER_MAX], value[LOG_NUMBER_MAX];
	const struct fact facts[] = { fact_number("SESSION", cn->number, number),
				      fact_number("VALUE", octets, value) };

	log_facts(cn->server->log, LEVEL_WARNING, BY_STRANGERS, LOGGED_ANSWER_REFUSED, facts,
		  ARRAY_LEN(facts), "session %u: no memory for an answer of %zu octets", cn->number,
		  octets);
}

static void send_answer(struct connection *cn, struct answer *an)
{
	const struct server *s = cn->server;
	size_t need = an->len + an->len / SLICE_BYTES * SLICE_OVERHEAD + SLICE_BYTES;

	/* what is left must do for libevent's own needs */
	if (need + s->config.limits.reserve_bytes / 2 > arena_room(s->arena)) {
		tell_no_memory(cn, an->len);
		answer_reset(an, an->format);
		answer_say(an, ANSWER_INTERNAL, "Too many answers are waiting to be read, "
			   "no memory for this one; try again later");
	}
	send_whole(cn, an);
}

static struct answer blank(const struct connection *cn)
{
	const struct control *c = cn->server->control;
	struct answer an = { .buf = c->answer_buf, .size = c->answer_size };

	answer_reset(&an, cn->session.format);
	return an;
}

static void PRINTF(3, 4) say(struct connection *cn, int code, const char *fmt, ...)
{
	struct answer an = blank(cn);
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	answer_say(&an, code, "%s", text);
	send_answer(cn, &an);
}

/* ---- the end ---- */

static void linger(struct connection *cn)
{
	struct timeval patience = from_ms(LINGER_MS);

	shutdown(bufferevent_getfd(cn->bev), SHUT_WR);
	if (cn->ended || cn->server->ending) {
		connection_drop(cn, "in order");
		return;
	}
	cn->state = CONNECTION_LINGERING;
	evbuffer_drain(bufferevent_get_input(cn->bev), SIZE_MAX);
	bufferevent_set_timeouts(cn->bev, &patience, NULL);
	if (bufferevent_enable(cn->bev, EV_READ))
		connection_drop(cn, "out of memory");
}

void connection_finish(struct connection *cn)
{
	if (cn->state != CONNECTION_OPEN && cn->state != CONNECTION_STREAMING)
		return;

	control_forget_session(cn->server->control, &cn->session);
	cn->state = CONNECTION_CLOSING;
	bufferevent_disable(cn->bev, EV_READ);
	if (unsent(cn) == 0)
		linger(cn);
}

void connection_farewell(struct connection *cn)
{
	switch (cn->state) {
	case CONNECTION_FREE:
	case CONNECTION_CLOSING:
		return;
	case CONNECTION_LINGERING:
		connection_drop(cn, "closing down");
		return;
	case CONNECTION_STREAMING:
		capture_stream_end(cn);
		return;
	case CONNECTION_OPEN:
		say(cn, ANSWER_NOT_FOUND, "Tschau, closing down");
		connection_finish(cn);
	}
}

/* ---- a capture ---- */

bool connection_put(struct connection *cn, const void *octets, size_t len)
{
	if (add(cn, octets, len))
		return true;
	connection_drop(cn, "out of memory");
	return false;
}

bool connection_has_memory(const struct connection *cn)
{
	return arena_room(cn->server->arena) > cn->server->config.limits.reserve_bytes;
}

bool connection_has_room(const struct connection *cn)
{
	return unsent(cn) <= cn->server->config.limits.stream_bytes && connection_has_memory(cn);
}

/* It may be silent from here on for as long as it likes; what it says is not read. */
static void begin_stream(struct connection *cn)
{
	struct timeval stalled = from_ms(cn->server->config.limits.stalled_ms);

	cn->state = CONNECTION_STREAMING;
	bufferevent_set_timeouts(cn->bev, NULL, &stalled);
	if (bufferevent_enable(cn->bev, EV_READ)) {
		connection_drop(cn, "out of memory");
		return;
	}
	server_look(cn->server);
	capture_stream_begin(cn);
}

/* ---- in ---- */

static void execute(struct connection *cn, const char *line, size_t len)
{
	struct server *s = cn->server;
	struct answer an = blank(cn);

	/* as it always was: no answer to nothing at all */
	if (len == 0)
		return;
	cn->session.wants = WANTS_NOTHING;
	control_execute(s->control, &cn->session, line, len, &an);
	s->log->configured = region_config(s->control->region)->head->verbosity;
	send_answer(cn, &an);
	if (cn->session.wants == WANTS_CLOSE || cn->session.wants == WANTS_SHUTDOWN)
		connection_finish(cn);
	if (cn->session.wants == WANTS_STREAM && cn->state == CONNECTION_OPEN)
		begin_stream(cn);
	if (cn->session.wants == WANTS_SHUTDOWN) {
		char number[LOG_NUMBER_MAX];
		const struct fact facts[] = { fact_number("SESSION", cn->number, number) };

		log_facts(s->log, LEVEL_NOTICE, BY_US, LOGGED_STOP_ASKED, facts, ARRAY_LEN(facts),
			  "session %u: pop shutdown", cn->number);
		s->shutdown(s->context);
	}
}

/*
 * A page from anywhere can make a browser that may come here send a request, whose body would be
 * commands. No command begins with a field's name and its colon, and a method is all capitals
 * (RFC 9112 3, 5): the first line that is one ends the session, before there is a body.
 */
static bool is_http(const char *line)
{
	size_t word = strcspn(line, " \t"), len = strlen(line);
	size_t capitals = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	if (word > 1 && line[word - 1] == ':')
		return true;
	return word > 0 && capitals == word && len > 9 && memcmp(line + len - 9, " HTTP/", 6) == 0;
}

static void take_command(struct connection *cn)
{
	if (cn->session.kind == SESSION_TCP && is_http(cn->line.text)) {
		say(cn, ANSWER_BAD, "This is a command line and no web server: the page has an address of "
		    "its own (pop set http), and nothing else that was sent here is read");
		connection_finish(cn);
	} else {
		execute(cn, cn->line.text, cn->line.len);
	}
	explicit_bzero(&cn->line, sizeof(cn->line));	/* it may have held a password */
}

/* The next event in what was read. Return: false when there is nothing left */
static bool take_line(struct connection *cn)
{
	struct evbuffer *in = bufferevent_get_input(cn->bev);
	struct evbuffer_iovec part;

	if (evbuffer_peek(in, -1, NULL, &part, 1) < 1 || part.iov_len == 0)
		return false;

	struct cur c = cur_of(part.iov_base, part.iov_len);
	enum line_event event = line_take(&cn->line, &c);

	evbuffer_drain(in, part.iov_len - c.left);
	switch (event) {
	case LINE_NONE:
		break;
	case LINE_READY:
		take_command(cn);
		break;
	case LINE_TOO_LONG:
		say(cn, ANSWER_BAD, "Line is too long (more than %u octets)", CMD_LINE_MAX);
		break;
	}
	return true;
}

/* Commands in order, until the client has to read some answers first, or others have their turn. */
static void take_lines(struct connection *cn)
{
	for (int n = 0; cn->state == CONNECTION_OPEN && !is_backlogged(cn); n++) {
		if (n == LINES_PER_TURN) {
			cn->more = true;
			server_go_on(cn->server);
			return;
		}
		if (take_line(cn))
			continue;
		if (cn->ended)
			connection_finish(cn);
		else if (bufferevent_enable(cn->bev, EV_READ))
			connection_drop(cn, "out of memory");
		return;
	}
	if (cn->state == CONNECTION_OPEN)
		bufferevent_disable(cn->bev, EV_READ);
}

void connection_go_on(struct connection *cn)
{
	if (!cn->more)
		return;
	cn->more = false;
	take_lines(cn);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct connection *cn = arg;

	if (cn->state == CONNECTION_STREAMING || cn->session.kind == SESSION_WATCH) {
		evbuffer_drain(in, SIZE_MAX);
		return;
	}
	if (cn->state == CONNECTION_OPEN) {
		take_lines(cn);
		return;
	}
	cn->lingered += evbuffer_get_length(in);
	evbuffer_drain(in, SIZE_MAX);
	if (cn->lingered > LINGER_BYTES)
		connection_drop(cn, "in order, though it talked on");
}

/* ---- trace ---- */

static bool takes_trace(const struct connection *cn)
{
	return cn->state == CONNECTION_OPEN &&
	       unsent(cn) <= cn->server->config.limits.trace_bytes &&
	       arena_room(cn->server->arena) > cn->server->config.limits.reserve_bytes;
}

static void send_trace(struct connection *cn, const char *text)
{
	struct answer an = blank(cn);

	answer_line(&an, "%s", text);
	json_str(&an, "trace", text);
	send_whole(cn, &an);
}

static void report_lost(struct connection *cn)
{
	char text[TRACE_LINE_MAX];

	if (cn->lost == 0 || !takes_trace(cn))
		return;
	snprintf(text, sizeof(text), "trace: %llu packets are not shown, they came too fast",
		 (unsigned long long)cn->lost);
	cn->lost = 0;
	send_trace(cn, text);
}

void server_trace(struct connection *cn, const struct record *rec)
{
	const struct config *cf = region_config(cn->server->control->region);
	char text[TRACE_LINE_MAX];

	cn->traces = true;
	if (!takes_trace(cn)) {
		cn->lost++;
		return;
	}
	report_lost(cn);
	for (unsigned int n = 0; n < trace_lines(rec) && cn->state == CONNECTION_OPEN; n++) {
		trace_line(cf, rec, n, text);
		send_trace(cn, text);
	}
}

void server_trace_lost(struct server *s, uint64_t records)
{
	for (unsigned int i = 0; i < s->slots; i++) {
		struct connection *cn = &s->connection[i];

		if (cn->state != CONNECTION_OPEN || !cn->traces)
			continue;
		cn->lost += records;
		report_lost(cn);
	}
}

/* ---- what else happens to a connection ---- */

/* Little or nothing is left to be sent. */
static void on_written(struct bufferevent *bev, void *arg)
{
	struct connection *cn = arg;

	(void)bev;
	if (cn->state == CONNECTION_CLOSING && unsent(cn) == 0) {
		linger(cn);
		return;
	}
	if (cn->state == CONNECTION_STREAMING)
		capture_stream_look(cn);
	if (cn->state != CONNECTION_OPEN)
		return;
	report_lost(cn);
	take_lines(cn);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct connection *cn = arg;

	(void)bev;
	if (what & BEV_EVENT_EOF && cn->state == CONNECTION_OPEN) {
		cn->ended = true;
		take_lines(cn);
		return;
	}
	if (what & BEV_EVENT_EOF && cn->state == CONNECTION_STREAMING) {
		cn->ended = true;
		capture_stream_close(cn);
		return;
	}
	if (what & BEV_EVENT_EOF || cn->state == CONNECTION_LINGERING) {
		connection_drop(cn, "in order");
		return;
	}
	if (what & BEV_EVENT_TIMEOUT && what & BEV_EVENT_READING) {
		/* who watches a tunnel has nothing to say */
		if (control_traces(cn->server->control, &cn->session) &&
		    !bufferevent_enable(cn->bev, EV_READ))
			return;
		say(cn, ANSWER_INTERNAL, "Tschau, connection timed out");
		connection_finish(cn);
		return;
	}
	connection_drop(cn, what & BEV_EVENT_TIMEOUT ? "does not read" : "connection lost");
}

static void greet(struct connection *cn)
{
	const struct config_head *h = region_config(cn->server->control->region)->head;
	const struct pop *pop = &h->pop[h->plan.pop_id];

	say(cn, ANSWER_OK, "%s sixxsd " SIXXSD_VERSION, pop->name[0] ? pop->name : "unnamed");
}

bool connection_open(struct connection *cn, int fd, enum session_kind kind,
		     const struct ip6_addr *peer)
{
	struct server *s = cn->server;
	const struct server_limits *l = &s->config.limits;
	struct timeval idle = from_ms(l->idle_ms), stalled = from_ms(l->stalled_ms);
	struct bufferevent *bev = bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE);

	if (!bev)
		return false;
	*cn = (struct connection){ .server = s, .bev = bev, .state = CONNECTION_OPEN,
				   .number = ++s->opened };
	session_init(&cn->session, kind, s->control->root);
	cn->session.peer = *peer;
	cn->session.connection = cn;
	bufferevent_setcb(bev, on_read, on_written, on_event, cn);
	bufferevent_setwatermark(bev, EV_READ, 0, INPUT_BYTES);
	bufferevent_setwatermark(bev, EV_WRITE, l->output_bytes / 4, 0);
	bufferevent_set_timeouts(bev, &idle, &stalled);
	s->control->sessions++;
	if (kind != SESSION_WATCH)
		greet(cn);
	if (cn->state == CONNECTION_OPEN && bufferevent_enable(bev, EV_READ | EV_WRITE))
		connection_drop(cn, "out of memory");
	return true;
}

void connection_watch(struct connection *cn, uint32_t id)
{
	struct timeval stalled = from_ms(cn->server->config.limits.stalled_ms);
	char line[32];
	int len = snprintf(line, sizeof(line), "tunnel set debug T%u on", id);

	bufferevent_set_timeouts(cn->bev, NULL, &stalled);
	cn->session.format = ANSWER_JSON;
	execute(cn, line, (size_t)len);
}
