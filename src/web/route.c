/*
 * src/web/route.c - who may see what, and who answers it
 *
 *	everything	the admin token; or, where none is set, anybody on this host
 *	one tunnel	its own token
 *	the bundle	anybody: it holds nothing
 *
 * "On this host" means a connection from loopback that asks for a loopback name: a page
 * elsewhere that the operator's browser has open cannot make it ask so (DNS rebinding), and what
 * a proxy on this host passes on says so in its headers.
 */
#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include "base/secret.h"
#include "crypto/digest_openssl.h"
#include "ctl/site.h"
#include "web/parts.h"
#include "web/wish.h"

#define WRONG_RATE	((struct bucket_rate){ .per_s = 5, .burst = 30 })

static const char *header(struct evhttp_request *req, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(req), name);
}

/* ---- on this host? ---- */

/* Who asks; unspecified: not known any more */
static struct ip6_addr peer_of(struct evhttp_request *req)
{
	struct ip6_addr a = { { 0 } };
	ev_uint16_t port;
	char *peer = NULL;

	evhttp_connection_get_peer(evhttp_request_get_connection(req), &peer, &port);
	if (!peer || !addr_parse(peer, strlen(peer), &a))
		a = (struct ip6_addr){ { 0 } };
	return a;
}

/* A proxy may add its own behind one that came: the last of them. */
static const char *last_header(struct evhttp_request *req, const char *name)
{
	const struct evkeyval *kv;
	const char *value = NULL;

	TAILQ_FOREACH(kv, evhttp_request_get_input_headers(req), next) {
		if (evutil_ascii_strcasecmp(kv->key, name) == 0)
			value = kv->value;
	}
	return value;
}

/* Behind a proxy on this host everybody's peer is the proxy: who asked it is the last it names. */
static struct ip6_addr sender_of(struct evhttp_request *req)
{
	struct ip6_addr peer = peer_of(req), said;
	const char *list, *text;

	if (!site_is_here(&peer))
		return peer;
	list = last_header(req, "X-Forwarded-For");
	if (!list)
		list = last_header(req, "X-Real-IP");
	if (!list)
		return peer;
	text = strrchr(list, ',') ? strrchr(list, ',') + 1 : list;
	text += strspn(text, " \t");
	return addr_parse(text, strcspn(text, " \t"), &said) ? said : peer;
}

/* The target may be a whole URI, whose host then counts: RFC 9112 3.2.2 */
static bool is_asked_elsewhere(struct evhttp_request *req)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *host = uri ? evhttp_uri_get_host(uri) : NULL;

	return host && *host && !is_local_name(host);
}

static bool is_here(struct evhttp_request *req)
{
	struct ip6_addr peer = peer_of(req);

	return site_is_here(&peer) && !is_asked_elsewhere(req) && is_local_name(header(req, "Host")) &&
	       !header(req, "X-Forwarded-For") && !header(req, "X-Real-IP") &&
	       !header(req, "Forwarded") && !header(req, "Via");
}

/* ---- tokens ---- */

/* Of "Authorization: Bearer <token>". Return: false: there is none */
static bool take_token(struct evhttp_request *req, uint8_t sha256[32])
{
	struct span text;

	if (!bearer_of(header(req, "Authorization"), &text))
		return false;
	digest_openssl.sha256(digest_openssl.context, &text, 1, sha256);
	return true;
}

/* A token that was right once, for what is asked now. Whether it still is, .revision tells. */
static struct known *find_known(struct web *w, const uint8_t sha256[32], uint16_t tid)
{
	for (size_t i = 0; i < WEB_KNOWN_MAX; i++) {
		struct known *k = &w->known[i];

		if (k->role != WEB_NOBODY && secret_eq(k->sha256, sha256, sizeof(k->sha256)) &&
		    (k->role == WEB_ADMIN || k->tid == tid))
			return k;
	}
	return NULL;
}

static void remember(struct web *w, const struct web_order *o, const uint8_t sha256[32])
{
	struct known *k = find_known(w, sha256, o->tid);

	if (!k && o->role == WEB_NOBODY)
		return;
	if (!k)
		k = &w->known[w->knowns++ % WEB_KNOWN_MAX];
	*k = (struct known){ .tid = o->tid, .role = (enum web_role)o->role, .revision = o->revision };
	memcpy(k->sha256, sha256, sizeof(k->sha256));
}

/* Wrong ones are counted by who sends them: an address, or what one site has of IPv6. */
static struct bucket *wrongs_of(struct web *w, const struct ip6_addr *sender)
{
	uint64_t site = (addr_is_ip4(sender) ? addr_ip4(sender) : addr_hi(sender)) ^ w->seed;

	site *= UINT64_C(0x9e3779b97f4a7c15);
	return &w->wrong[site >> 32 & (WEB_SITES - 1)];
}

/* ---- requests that wait for control's word ---- */

static void on_gone(struct evhttp_connection *conn, void *arg)
{
	struct pending *p = arg;

	(void)conn;
	request_gone(p->req);
	p->req = NULL;
}

static void ask(struct web *w, struct evhttp_request *req, const uint8_t sha256[32], uint16_t tid,
		struct bucket *taken)
{
	struct web_word word = { .what = WEB_VERIFY, .id = ++w->asked, .tid = tid };

	memcpy(word.sha256, sha256, sizeof(word.sha256));
	for (size_t i = 0; i < WEB_PENDING_MAX; i++) {
		struct pending *p = &w->pending[i];

		if (p->req)
			continue;
		*p = (struct pending){ .req = req, .web = w, .id = word.id, .tid = tid, .taken = taken };
		memcpy(p->sha256, sha256, sizeof(p->sha256));
		if (!web_ask(w, &word)) {
			p->req = NULL;
			break;
		}
		evhttp_connection_set_closecb(evhttp_request_get_connection(req), on_gone, p);
		return;
	}
	reply_error(req, 503, "too many requests at once, try again");
}

static void dispatch(struct web *w, struct evhttp_request *req, struct asker who, bool wrong);

void route_verified(struct web *w, const struct web_order *o)
{
	for (size_t i = 0; i < WEB_PENDING_MAX; i++) {
		struct pending *p = &w->pending[i];
		struct evhttp_request *req = p->req;
		struct asker who = { .role = (enum web_role)o->role, .tid = o->tid, .token = true,
				     .revision = o->revision };

		if (!req || p->id != o->id)
			continue;
		p->req = NULL;
		memcpy(who.sha256, p->sha256, sizeof(who.sha256));
		evhttp_connection_set_closecb(evhttp_request_get_connection(req), NULL, NULL);
		if (who.role != WEB_NOBODY && p->taken)
			bucket_give(p->taken, 1);
		remember(w, o, p->sha256);
		dispatch(w, req, who, who.role == WEB_NOBODY);
		return;
	}
}

/* ---- answers ---- */

static void answer_session(struct web *w, struct evhttp_request *req, struct asker who)
{
	const struct config *cf = region_config(&w->region);
	const struct pop *pop = &cf->head->pop[cf->head->plan.pop_id];
	static const char *const role[] = {
		[WEB_NOBODY] = "none", [WEB_OWNER] = "owner", [WEB_ADMIN] = "admin",
	};
	struct answer an = answer_begin(w);
	char name[16];

	snprintf(name, sizeof(name), "T%u", who.role == WEB_OWNER ?
		 (unsigned int)cf->tunnel[who.tid].id : 0);
	json_str(&an, "role", role[who.role]);
	json_str(&an, "tunnel", who.role == WEB_OWNER ? name : NULL);
	json_str(&an, "pop", who.role == WEB_NOBODY ? NULL : pop->name);
	json_str(&an, "version", who.role == WEB_NOBODY ? NULL : SIXXSD_VERSION);
	json_bool(&an, "token_needed", cf->head->token_needed || who.role == WEB_NOBODY);
	reply_json(req, &an);
}

static void answer_metrics(struct web *w, struct evhttp_request *req)
{
	enum metrics_format f = metrics_format(header(req, "Accept"));
	size_t len = metrics_pop(&w->region, web_wall(), f, w->answer, WEB_ANSWER_BYTES);

	reply(req, 200, metrics_content_type(f), w->answer, len);
}

static void answer_tunnel(struct web *w, struct evhttp_request *req, uint16_t tid, struct asker who)
{
	struct answer an = answer_begin(w);

	show_tunnel(w, tid, who.role, SHOW_ALL, &an);
	reply_json(req, &an);
}

static void answer_history(struct web *w, struct evhttp_request *req, uint16_t tid)
{
	struct answer an = answer_begin(w);

	show_history(w, tid, &an);
	reply_json(req, &an);
}

static void answer_pop(struct web *w, struct evhttp_request *req)
{
	struct answer an = answer_begin(w);

	show_pop(w, &an);
	reply_json(req, &an);
}

static void answer(struct web *w, struct evhttp_request *req, const struct wish *wish, struct asker who)
{
	switch (wish->what) {
	case WHAT_SESSION:
		answer_session(w, req, who);
		return;
	case WHAT_POP:
		answer_pop(w, req);
		return;
	case WHAT_POP_EVENTS:
		stream_open(w, req, STREAM_POP, TID_NONE, &who);
		return;
	case WHAT_LIST:
		stream_open(w, req, STREAM_LIST, TID_NONE, &who);
		return;
	case WHAT_TUNNEL:
		answer_tunnel(w, req, wish->tid, who);
		return;
	case WHAT_HISTORY:
		answer_history(w, req, wish->tid);
		return;
	case WHAT_TUNNEL_EVENTS:
		stream_open(w, req, STREAM_TUNNEL, wish->tid, &who);
		return;
	case WHAT_TRACE:
		stream_open(w, req, STREAM_TRACE, wish->tid, &who);
		return;
	case WHAT_METRICS:
		answer_metrics(w, req);
		return;
	case WHAT_METRICS_TUNNELS:
		stream_open(w, req, STREAM_METRICS, TID_NONE, &who);
		return;
	case WHAT_OPENAPI:
	case WHAT_PAGE:
	case WHAT_NOTHING:
		break;
	}
	reply_error(req, 404, "there is nothing of that name");
}

static bool is_owners(const struct wish *wish, struct asker who)
{
	return who.role == WEB_OWNER && wish->names && wish->tid == who.tid;
}

static void dispatch(struct web *w, struct evhttp_request *req, struct asker who, bool wrong)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
	struct wish wish = read_path(region_config(&w->region), path && *path ? path : "/");

	if (who.role == WEB_ADMIN || is_owners(&wish, who) || (wish.what == WHAT_SESSION && !wrong)) {
		/* who may not see a tunnel does not learn whether it is there */
		if (wish.names && wish.tid == TID_NONE)
			reply_error(req, 404, "no such tunnel");
		else
			answer(w, req, &wish, who);
		return;
	}
	if (who.role == WEB_OWNER)
		reply_error(req, 403, "this token is for another tunnel's page");
	else if (wrong)
		reply_error(req, 401, "the token is wrong");
	else
		reply_error(req, 401, region_config(&w->region)->head->token_needed ? "a token is needed" :
			    "a token is needed, or a connection from the PoP itself (http://127.0.0.1)");
}

static bool only_reads(struct evhttp_request *req)
{
	enum evhttp_cmd_type c = evhttp_request_get_command(req);

	return c == EVHTTP_REQ_GET || c == EVHTTP_REQ_HEAD;
}

void route(struct evhttp_request *req, void *arg)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
	struct asker nobody = { .role = WEB_NOBODY, .tid = TID_NONE };
	struct web *w = arg;
	uint8_t sha256[32];
	struct known *k;
	struct wish wish;
	uint16_t tid;

	if (!only_reads(req)) {
		reply_error(req, 405, "this can only be read: GET or HEAD");
		return;
	}
	if (!w->mapped) {
		reply_error(req, 503, "starting");
		return;
	}
	wish = read_path(region_config(&w->region), path && *path ? path : "/");
	if (wish.what == WHAT_PAGE || wish.what == WHAT_OPENAPI) {
		if (!page_reply(req, path && *path ? path : "/"))
			reply_error(req, 404, "there is nothing of that name");
		return;
	}
	if (!take_token(req, sha256)) {
		if (!region_config(&w->region)->head->token_needed && is_here(req))
			nobody.role = WEB_ADMIN;
		dispatch(w, req, nobody, false);
		return;
	}
	tid = wish.what == WHAT_SESSION ? asked_tunnel(region_config(&w->region), evhttp_uri_get_query(uri)) : wish.tid;
	k = find_known(w, sha256, tid);
	if (k && k->revision == region_config(&w->region)->head->revision) {
		struct asker who = { .role = k->role, .tid = k->tid, .token = true, .revision = k->revision };

		memcpy(who.sha256, sha256, sizeof(who.sha256));
		dispatch(w, req, who, false);
		return;
	}

	struct ip6_addr sender = sender_of(req);
	struct bucket *wrong = k ? NULL : wrongs_of(w, &sender);

	if (!wrong || bucket_take(wrong, WRONG_RATE, web_mono(), 1))	/* back if it is right */
		ask(w, req, sha256, tid, wrong);
	else
		reply_error(req, 429, "too many wrong tokens, wait a little");
}
