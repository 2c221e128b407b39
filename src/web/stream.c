/*
 * src/web/stream.c - answers that go on: event streams, and the list in pieces
 *
 * A fixed number of them. Each is asked for more when what it said has been sent (pieces) or when
 * a second has passed (events); one that reads too slowly misses events, and nobody else notices.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <string.h>
#include "web/parts.h"

static void on_gone(struct evhttp_connection *conn, void *arg)
{
	struct stream *s = arg;

	(void)conn;
	trace_close(s);
	request_gone(s->req);
	s->kind = STREAM_FREE;
	s->req = NULL;
}

static bool is_events(enum stream_kind kind)
{
	return kind == STREAM_POP || kind == STREAM_TUNNEL || kind == STREAM_TRACE;
}

static size_t unsent(const struct stream *s)
{
	struct evhttp_connection *conn = evhttp_request_get_connection(s->req);
	struct bufferevent *bev = evhttp_connection_get_bufferevent(conn);

	return evbuffer_get_length(bufferevent_get_output(bev));
}

void stream_end(struct stream *s)
{
	struct evhttp_request *req = s->req;

	trace_close(s);
	s->kind = STREAM_FREE;
	s->req = NULL;
	evhttp_connection_set_closecb(evhttp_request_get_connection(req), NULL, NULL);
	evhttp_send_reply_end(req);
}

bool stream_is_on(const struct web *w, const struct bufferevent *bev)
{
	for (size_t i = 0; i < WEB_STREAMS_MAX; i++) {
		const struct stream *s = &w->stream[i];

		if (is_events(s->kind) && s->req &&
		    evhttp_connection_get_bufferevent(evhttp_request_get_connection(s->req)) == bev)
			return true;
	}
	return false;
}

/* @octets, or all of it is given up: half an answer misleads. */
static bool send_piece(struct stream *s, const void *octets, size_t len,
		       void (*sent)(struct evhttp_connection *conn, void *arg))
{
	struct evbuffer *piece = evbuffer_new();
	bool good = piece && evbuffer_add(piece, octets, len) == 0;

	if (good)
		evhttp_send_reply_chunk_with_cb(s->req, piece, sent, s);
	if (piece)
		evbuffer_free(piece);
	return good;
}

bool stream_event(struct stream *s, const char *name, const char *octets, size_t len)
{
	struct evbuffer *piece;
	bool good;

	if (unsent(s) > WEB_SLOW_BYTES)
		return true;
	piece = evbuffer_new();
	good = piece && evbuffer_add_printf(piece, "event: %s\ndata: ", name) > 0 &&
	       evbuffer_add(piece, octets, len) == 0 && evbuffer_add(piece, "\n\n", 2) == 0;
	if (good)
		evhttp_send_reply_chunk(s->req, piece);
	if (piece)
		evbuffer_free(piece);
	return good;
}

/* ---- may they still? ---- */

static uint64_t revision(const struct web *w)
{
	return region_config(&w->region)->head->revision;
}

static void check(struct stream *s)
{
	struct web *w = s->web;
	struct web_word word = { .what = WEB_VERIFY, .tid = s->tid };

	if (!s->asker.token) {
		if (region_config(&w->region)->head->token_needed)
			stream_end(s);
		return;
	}
	if (s->asker.revision == revision(w))
		return;
	/* asked anew each time: what the last question was answered may be old by now, or lost */
	s->check = word.id = ++w->asked;
	memcpy(word.sha256, s->asker.sha256, sizeof(word.sha256));
	(void)web_ask(w, &word);
}

void streams_check(struct web *w)
{
	for (size_t i = 0; i < WEB_STREAMS_MAX; i++) {
		if (is_events(w->stream[i].kind))
			check(&w->stream[i]);
	}
}

bool streams_verified(struct web *w, const struct web_order *o)
{
	for (size_t i = 0; i < WEB_STREAMS_MAX; i++) {
		struct stream *s = &w->stream[i];

		if (!is_events(s->kind) || s->check == 0 || s->check != o->id)
			continue;
		s->check = 0;
		s->asker.revision = o->revision;
		if (o->role != WEB_ADMIN && (o->role != WEB_OWNER || s->kind == STREAM_POP))
			stream_end(s);
		return true;
	}
	return false;
}

/* ---- events ---- */

bool stream_is_same(const struct stream *s)
{
	const struct tunnel_conf *t = config_tunnel(region_config(&s->web->region), s->tid);

	return t && t->id == s->id && t->tenant == s->tenant;
}

static void say_now(struct stream *s)
{
	struct answer an = answer_begin(s->web);
	const char *name = s->kind == STREAM_POP ? "pop" : "tunnel";
	const struct config *cf = region_config(&s->web->region);

	if (s->asker.token && s->asker.revision != cf->head->revision)
		return;			/* until control says that this is still theirs to see */
	if (s->kind == STREAM_TUNNEL && !stream_is_same(s)) {
		stream_end(s);
		return;
	}
	if (s->kind == STREAM_POP)
		show_pop(s->web, &an);
	else
		show_tunnel(s->web, s->tid, s->asker.role, SHOW_LIVE, &an);
	if (!an.full)
		an.buf[an.len++] = '}';
	if (an.full || !stream_event(s, name, an.buf, an.len))
		stream_end(s);
}

void streams_second(struct web *w)
{
	streams_check(w);
	for (size_t i = 0; i < WEB_STREAMS_MAX; i++) {
		struct stream *s = &w->stream[i];

		if (s->kind == STREAM_POP || s->kind == STREAM_TUNNEL)
			say_now(s);
		else if (s->kind == STREAM_TRACE && trace_look(s) && unsent(s) == 0)
			(void)send_piece(s, ": still here\n\n", 14, NULL);	/* so that a dead one is noticed */
	}
}

/* ---- pieces ---- */

static void next_piece(struct evhttp_connection *conn, void *arg)
{
	struct stream *s = arg;
	size_t len;

	(void)conn;
	if (s->kind == STREAM_FREE || !s->req)
		return;
	len = s->done ? 0 : stream_fill(s, s->web->answer, WEB_PIECE_BYTES);
	if (len == 0 || !send_piece(s, s->web->answer, len, next_piece))
		stream_end(s);
}

/* ---- open ---- */

static struct stream *free_stream(struct web *w)
{
	for (size_t i = 0; i < WEB_STREAMS_MAX; i++) {
		if (w->stream[i].kind == STREAM_FREE)
			return &w->stream[i];
	}
	return NULL;
}

/* Streams that owners have; @tid: of that tunnel's, or TID_NONE: of all */
static unsigned int of_owners(const struct web *w, uint16_t tid, bool traces_only)
{
	unsigned int n = 0;

	for (size_t i = 0; i < WEB_STREAMS_MAX; i++) {
		const struct stream *s = &w->stream[i];

		n += s->kind != STREAM_FREE && s->asker.role == WEB_OWNER &&
		     (tid == TID_NONE || s->asker.tid == tid) &&
		     (!traces_only || s->kind == STREAM_TRACE);
	}
	return n;
}

/* The owner of one tunnel leaves room for the others, and all of them for the operator. */
static bool owners_have_room(const struct web *w, enum stream_kind kind)
{
	return of_owners(w, TID_NONE, false) < WEB_OWNERS_STREAMS_MAX &&
	       (kind != STREAM_TRACE || of_owners(w, TID_NONE, true) < WEB_OWNERS_TRACES_MAX);
}

void stream_open(struct web *w, struct evhttp_request *req, enum stream_kind kind, uint16_t tid,
		 const struct asker *who)
{
	const struct tunnel_conf *t = config_tunnel(region_config(&w->region), tid);
	struct stream *s = free_stream(w);

	if (who->role == WEB_OWNER && of_owners(w, who->tid, false) >= WEB_OWNER_STREAMS_MAX) {
		reply_error(req, 429, "this tunnel's token has too many streams open: close one");
		return;
	}
	if (!s || (who->role == WEB_OWNER && !owners_have_room(w, kind))) {
		reply_error(req, 503, "too many streams at once, try again");
		return;
	}
	*s = (struct stream){ .kind = kind, .web = w, .req = req, .tid = tid, .asker = *who,
			      .id = t ? t->id : 0, .tenant = t ? t->tenant : 0 };
	metrics_tunnels_begin(&s->metrics, metrics_format(evhttp_find_header(
				      evhttp_request_get_input_headers(req), "Accept")));
	if (evhttp_request_get_command(req) == EVHTTP_REQ_HEAD) {
		reply(req, 200, stream_type(s), "", 0);
		s->kind = STREAM_FREE;
		return;
	}
	/* HTTP/1.0 knows no pieces: it ends with the connection, which evhttp would keep if asked */
	if (req->major == 1 && req->minor == 0)
		(void)evhttp_remove_header(evhttp_request_get_input_headers(req), "Connection");
	headers_common(req);
	(void)evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", stream_type(s));
	evhttp_connection_set_closecb(evhttp_request_get_connection(req), on_gone, s);
	evhttp_send_reply_start(req, 200, "OK");
	if (!is_events(kind))
		next_piece(NULL, s);
	else if (kind != STREAM_TRACE)
		say_now(s);
	else if (!trace_open(s))
		stream_end(s);
}
