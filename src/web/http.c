/*
 * src/web/http.c - evhttp, and what it does not do by itself
 *
 * evhttp neither counts its connections nor limits how long a request may take to arrive. So
 * each connection's bufferevent is made here and held by a reference of ours: evhttp has let go
 * of one when its callbacks are gone. Too many: the listener rests until one is free.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "ctl/site.h"
#include "web/parts.h"

/* What evhttp refuses it refuses with a page of its own; route() does it in our words. */
#define EVERY_METHOD	(EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | \
			 EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH)

/* ---- connections ---- */

static struct client *free_client(struct web *w)
{
	for (size_t i = 0; i < WEB_CLIENTS_MAX; i++) {
		if (!w->client[i].bev)
			return &w->client[i];
	}
	return NULL;
}

static struct bufferevent *make_bev(struct web *w)
{
	SSL *ssl;

	if (!w->now.tls)
		return bufferevent_socket_new(w->base, -1, BEV_OPT_CLOSE_ON_FREE);
	ssl = SSL_new(w->now.tls);
	return ssl ? bufferevent_openssl_socket_new(w->base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING,
						    BEV_OPT_CLOSE_ON_FREE) : NULL;
}

/* evhttp asks for one for each connection it accepts. */
static struct bufferevent *on_bev(struct event_base *base, void *arg)
{
	struct web *w = arg;
	struct client *c = free_client(w);
	struct bufferevent *bev = make_bev(w);

	(void)base;
	/* while it answers, evhttp reads on to see the end, and takes nothing from what came */
	if (bev)
		bufferevent_setwatermark(bev, EV_READ, 0, WEB_INPUT_BYTES);
	if (!bev || !c)
		return bev;	/* no memory: evhttp makes one and fails; no room: looked after below */
	bufferevent_incref(bev);
	*c = (struct client){ .bev = bev, .since = web_mono(), .number = w->clients++ };
	event_active(w->on_newcomers, 0, 0);
	if (!free_client(w) && w->now.listener)
		evconnlistener_disable(w->now.listener);
	return bev;
}

/* Has evhttp freed it? Then nobody listens to it any more. */
static bool is_orphan(struct bufferevent *bev)
{
	bufferevent_data_cb readcb = NULL;
	bufferevent_event_cb eventcb = NULL;

	bufferevent_getcb(bev, &readcb, NULL, &eventcb, NULL);
	return !readcb && !eventcb;
}

/* How long it may go on like this; 0: for ever */
static unsigned int patience_s(const struct web *w, const struct client *c)
{
	if (!c->asked)
		return WEB_REQUEST_S;
	if (stream_is_on(w, c->bev))
		return 0;
	return evbuffer_get_length(bufferevent_get_output(c->bev)) ? WEB_ANSWER_S : WEB_AGAIN_S;
}

static void look_up(struct client *c)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(ss);

	if (addr_is_unspecified(&c->peer) &&
	    getpeername(bufferevent_getfd(c->bev), (struct sockaddr *)&ss, &len) == 0)
		c->peer = site_address(&ss);
}

/* One site must leave room for others; this host's own programs, and a proxy on it, need not. */
static bool is_one_too_many(const struct web *w, const struct client *c)
{
	unsigned int before = 0;

	if (addr_is_unspecified(&c->peer) || site_is_here(&c->peer))
		return false;
	for (size_t i = 0; i < WEB_CLIENTS_MAX; i++) {
		const struct client *o = &w->client[i];

		before += o->bev && !o->ending && o->number < c->number && site_is_same(&o->peer, &c->peer);
	}
	return before >= WEB_SITE_MAX;
}

static bool is_over(const struct web *w, const struct client *c, mono_t now)
{
	unsigned int most_s = patience_s(w, c);

	return (most_s && mono_since_us(now, c->since) > most_s * US_PER_S) || is_one_too_many(w, c);
}

void clients_look(struct web *w)
{
	mono_t now = web_mono();

	for (size_t i = 0; i < WEB_CLIENTS_MAX; i++) {
		struct client *c = &w->client[i];

		if (!c->bev)
			continue;
		look_up(c);
		if (!c->ending && !is_orphan(c->bev) && is_over(w, c, now)) {
			/* evhttp takes that for its own time-out */
			c->ending = true;
			bufferevent_trigger_event(c->bev, BEV_EVENT_READING | BEV_EVENT_TIMEOUT, 0);
		}
		if (is_orphan(c->bev)) {
			bufferevent_decref(c->bev);
			c->bev = NULL;
		}
	}
	if (!w->now.listener)
		return;
	if (free_client(w))
		evconnlistener_enable(w->now.listener);
	else
		evconnlistener_disable(w->now.listener);
}

static void mark_asked(struct web *w, struct evhttp_request *req)
{
	struct bufferevent *bev = evhttp_connection_get_bufferevent(evhttp_request_get_connection(req));

	for (size_t i = 0; i < WEB_CLIENTS_MAX; i++) {
		if (w->client[i].bev != bev)
			continue;
		w->client[i].asked = true;
		w->client[i].since = web_mono();
	}
}

/* ---- where a request ends ---- */

static bool is_token(const char *name)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return *name && name[strspn(name, token)] == '\0';
}

/*
 * RFC 9112 3.2, 5.1, 6.3. Where a proxy sees the end elsewhere than evhttp does, a stranger's body
 * would be a request, without what the proxy says of him: one from this host.
 */
static bool is_ambiguous(struct evhttp_request *req)
{
	const struct evkeyvalq *in = evhttp_request_get_input_headers(req);
	enum evhttp_cmd_type c = evhttp_request_get_command(req);
	unsigned int lengths = 0, codings = 0, hosts = 0;
	bool body = false;

	for (const struct evkeyval *h = in->tqh_first; h; h = h->next.tqe_next) {
		if (!is_token(h->key))
			return true;
		if (strcasecmp(h->key, "Content-Length") == 0) {
			if (!*h->value || h->value[strspn(h->value, "0123456789")])
				return true;
			body |= h->value[strspn(h->value, "0")] != '\0';
			lengths++;
		} else if (strcasecmp(h->key, "Transfer-Encoding") == 0) {
			if (strcasecmp(h->value, "chunked") != 0)
				return true;
			body = true;
			codings++;
		} else if (strcasecmp(h->key, "Host") == 0) {
			hosts++;
		}
	}
	/* evhttp would take the bodies of these two for requests */
	if (body && (c == EVHTTP_REQ_HEAD || c == EVHTTP_REQ_TRACE))
		return true;
	return lengths + codings > 1 || hosts > 1;
}

static void on_request(struct evhttp_request *req, void *arg)
{
	mark_asked(arg, req);
	if (!is_ambiguous(req)) {
		route(req, arg);
		return;
	}
	(void)evhttp_add_header(evhttp_request_get_output_headers(req), "Connection", "close");
	reply_error(req, 400, "its headers do not say clearly what it is or where it ends");
}

/* evhttp leaves it to us if the client went; not if we closed, as when the page moves. */
void request_gone(struct evhttp_request *req)
{
	if (!evhttp_request_get_connection(req))
		evhttp_request_free(req);
}

/* ---- listening ---- */

static void on_listen_error(struct evconnlistener *l, void *arg)
{
	(void)arg;
	/* descriptors ran out: clients_look() enables it again when somebody has left */
	evconnlistener_disable(l);
}

bool site_open(struct web *w, struct site *s, const struct http_conf *h, const int fd[WEB_FDS_MAX],
	       char why[WEB_SENTENCE])
{
	struct site fresh = { .address = h->address, .port = h->port };
	int listener = fd[WEB_TRY_LISTENER];

	if (listener < 0) {
		snprintf(why, WEB_SENTENCE, "no socket came along");
		return false;
	}
	if (h->certificate[0]) {
		fresh.tls = tls_open(h, fd[WEB_TRY_CERTIFICATE], fd[WEB_TRY_KEY], w->answer,
				     WEB_ANSWER_BYTES, why);
		if (!fresh.tls) {
			close(listener);
			return false;
		}
	}
	evutil_make_socket_nonblocking(listener);
	fresh.http = evhttp_new(w->base);
	fresh.listener = evconnlistener_new(w->base, NULL, NULL,
					    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_DISABLED,
					    0, listener);
	if (!fresh.http || !fresh.listener || !evhttp_bind_listener(fresh.http, fresh.listener)) {
		if (!fresh.listener)
			close(listener);
		snprintf(why, WEB_SENTENCE, "no memory to listen");
		site_close(&fresh);
		return false;
	}
	evconnlistener_set_error_cb(fresh.listener, on_listen_error);
	evhttp_set_allowed_methods(fresh.http, EVERY_METHOD);
	evhttp_set_max_headers_size(fresh.http, WEB_HEADERS_BYTES);
	evhttp_set_max_body_size(fresh.http, WEB_BODY_BYTES);
	evhttp_set_timeout(fresh.http, WEB_IDLE_S);
	evhttp_set_bevcb(fresh.http, on_bev, w);
	evhttp_set_gencb(fresh.http, on_request, w);
	*s = fresh;
	return true;
}

void site_close(struct site *s)
{
	if (s->http)
		evhttp_free(s->http);	/* and the listener with it */
	if (s->tls)
		SSL_CTX_free(s->tls);
	*s = (struct site){ .http = NULL };
}

/* ---- answers ---- */

static const char *reason(int code)
{
	switch (code) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 429:
		return "Too Many Requests";
	case 503:
		return "Service Unavailable";
	}
	return "Error";
}

void headers_common(struct evhttp_request *req)
{
	static const char *const all[][2] = {
		{ "Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; "
		  "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
		  "frame-ancestors 'none'" },
		{ "X-Content-Type-Options", "nosniff" },
		{ "X-Frame-Options", "DENY" },
		{ "Referrer-Policy", "no-referrer" },
		{ "Cross-Origin-Opener-Policy", "same-origin" },
		{ "Cross-Origin-Resource-Policy", "same-origin" },
		{ "Permissions-Policy", "camera=(), geolocation=(), microphone=()" },
		{ "Cache-Control", "no-store" },
		{ "Server", "sixxsd" },
	};
	struct evkeyvalq *out = evhttp_request_get_output_headers(req);

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		evhttp_remove_header(out, all[i][0]);
		(void)evhttp_add_header(out, all[i][0], all[i][1]);
	}
}

void reply(struct evhttp_request *req, int code, const char *type, const void *octets, size_t len)
{
	struct evkeyvalq *out = evhttp_request_get_output_headers(req);
	struct evbuffer *body = evhttp_request_get_output_buffer(req);
	char length[24];

	headers_common(req);
	(void)evhttp_add_header(out, "Content-Type", type);
	if (code == 401)
		(void)evhttp_add_header(out, "WWW-Authenticate", "Bearer realm=\"sixxsd\"");
	if (code == 405)
		(void)evhttp_add_header(out, "Allow", "GET, HEAD");
	/* evhttp would send it after the answer to HEAD too, where the next one is expected */
	if (evhttp_request_get_command(req) == EVHTTP_REQ_HEAD) {
		if (len) {
			snprintf(length, sizeof(length), "%zu", len);
			(void)evhttp_add_header(out, "Content-Length", length);
		}
	} else if (evbuffer_add(body, octets, len)) {
		evhttp_send_error(req, HTTP_SERVUNAVAIL, NULL);
		return;
	}
	evhttp_send_reply(req, code, reason(code), NULL);
}

void reply_error(struct evhttp_request *req, int code, const char *sentence)
{
	char room[ANSWER_SIZE_MIN];
	struct answer an = { .buf = room, .size = sizeof(room) };

	answer_reset(&an, ANSWER_JSON);
	json_str(&an, "error", sentence);
	room[an.len++] = '}';
	reply(req, code, "application/json", room, an.len);
}

void reply_json(struct evhttp_request *req, struct answer *an)
{
	if (an->full) {
		reply_error(req, 503, "the answer is larger than its buffer");
		return;
	}
	an->buf[an->len++] = '}';
	reply(req, 200, "application/json", an->buf, an->len);
}

struct answer answer_begin(struct web *w)
{
	struct answer an = { .buf = w->answer, .size = WEB_ANSWER_BYTES - 1 };

	answer_reset(&an, ANSWER_JSON);
	return an;
}
