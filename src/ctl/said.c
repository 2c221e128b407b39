#include "ctl/said.h"

#include <stdio.h>
#include <string.h>

#include "ctl/commands.h"
#include "ctl/edit.h"
#include "table/enumword.h"

static const char *endpoint_text(const struct tunnel_conf *t, char buf[ADDR_TEXT_MAX])
{
	return conf_is_dynamic(t) ? word_kind(t->kind) : addr_text(&t->them, buf);
}

static void said_config(const struct config *cf, uint16_t tid, enum text_secret secret,
			char buf[SAID_MAX])
{
	const struct tunnel_conf *t = &cf->tunnel[tid];
	char them[ADDR_TEXT_MAX], quoted[WORD_QUOTED_MAX];
	const char *password = "";

	if (t->flags & TUNNEL_SECRET && secret == SECRET_HIDDEN)
		password = "<password>";
	else if (t->flags & TUNNEL_SECRET)
		password = word_quote(quoted, (const char *)cf->secret[tid].password,
				      cf->secret[tid].len);
	snprintf(buf, SAID_MAX, "config %x T%u %s %s %u%s%s", tid, t->id, endpoint_text(t, them),
		 t->flags & TUNNEL_DISABLED ? "disabled" : "up", t->mtu_bytes,
		 *password ? " " : "", password);
	explicit_bzero(quoted, sizeof(quoted));
}

static bool said_encap(const struct tunnel_conf *t, char buf[SAID_MAX])
{
	if (t->flags & TUNNEL_GRE_KEY)
		snprintf(buf, SAID_MAX, "encap T%u %s key %u", t->id, word_encap(t->encap),
			 t->gre_key);
	else if (t->encap != ENCAP_AUTO)
		snprintf(buf, SAID_MAX, "encap T%u %s", t->id, word_encap(t->encap));
	else
		return false;
	return true;
}

#define TOKEN_TEXT_MAX	(2 * 32 + 1)

/* The hash, which is not the token; where people look on, not even that. */
static const char *token_text(const struct token *t, enum text_secret secret, char buf[TOKEN_TEXT_MAX])
{
	if (secret == SECRET_HIDDEN)
		return "<hash>";
	for (size_t i = 0; i < sizeof(t->sha256); i++)
		snprintf(buf + 2 * i, 3, "%02x", t->sha256[i]);
	return buf;
}

bool said_tunnel(const struct config *cf, uint16_t tid, enum tunnel_line line,
		 enum text_secret secret, char buf[SAID_MAX])
{
	const struct tunnel_conf *t = config_tunnel(cf, tid);
	char hex[TOKEN_TEXT_MAX];

	if (!t)
		return false;
	switch (line) {
	case TUNNEL_LINE_CONFIG:
		said_config(cf, tid, secret, buf);
		return true;
	case TUNNEL_LINE_ENCAP:
		return said_encap(t, buf);
	case TUNNEL_LINE_HASH:
		if (t->hash == HASH_SHA1)
			return false;
		snprintf(buf, SAID_MAX, "hash T%u %s", t->id, word_hash(t->hash));
		return true;
	case TUNNEL_LINE_RATE:
		if (!t->rate_kbit_s && !t->rate_pps)
			return false;
		snprintf(buf, SAID_MAX, "rate T%u %u %u", t->id, t->rate_kbit_s, t->rate_pps);
		return true;
	case TUNNEL_LINE_MSS:
		if (!(t->flags & TUNNEL_MSS))
			return false;
		snprintf(buf, SAID_MAX, "mss T%u auto", t->id);
		return true;
	case TUNNEL_LINE_TOKEN:
		if (!cf->token[tid].set)
			return false;
		snprintf(buf, SAID_MAX, "token T%u %s", t->id, token_text(&cf->token[tid], secret, hex));
		return true;
	case TUNNEL_LINES:
		break;
	}
	return false;
}

static bool said_details(const struct pop *pop, unsigned int id, char buf[SAID_MAX])
{
	char v4[ADDR_TEXT_MAX], v6[ADDR_TEXT_MAX], name[WORD_QUOTED_MAX];

	if (!pop->set)
		return false;
	snprintf(buf, SAID_MAX, "details %u %s %s %s", id,
		 word_quote(name, pop->name, strlen(pop->name)),
		 addr_is_unspecified(&pop->v4) ? "unspecified" : addr_text(&pop->v4, v4),
		 addr_is_unspecified(&pop->v6) ? "unspecified" : addr_text(&pop->v6, v6));
	return true;
}

static bool said_localip(const struct config_head *h, char buf[SAID_MAX])
{
	size_t len = 0;

	if (h->locals == 0)
		return false;
	len += (size_t)snprintf(buf, SAID_MAX, "localip");
	for (uint32_t i = 0; i < h->locals; i++) {
		char text[ADDR_TEXT_MAX];

		len += (size_t)snprintf(buf + len, SAID_MAX - len, " %s",
					addr_text(&h->local[i], text));
	}
	return true;
}

static bool said_fastpath(const struct fastpath_conf *f, char buf[SAID_MAX])
{
	static const char *const mode[] = {
		[FASTPATH_ANY] = "", [FASTPATH_NATIVE] = "/native",
		[FASTPATH_GENERIC] = "/generic", [FASTPATH_TC] = "/tc",
		[FASTPATH_CLSACT] = "/clsact",
	};
	size_t len;

	if (f->automatic) {
		snprintf(buf, SAID_MAX, "fastpath auto");
		return true;
	}
	if (f->ports == 0)
		return false;
	len = (size_t)snprintf(buf, SAID_MAX, "fastpath");
	for (uint32_t i = 0; i < f->ports; i++)
		len += (size_t)snprintf(buf + len, SAID_MAX - len, " %s%s", f->port[i].name,
					mode[f->port[i].mode]);
	return true;
}

static bool said_http(const struct http_conf *h, char buf[SAID_MAX])
{
	char address[ADDR_TEXT_MAX], certificate[WORD_QUOTED_MAX], key[WORD_QUOTED_MAX];

	if (!h->chosen)
		return false;
	if (h->off)
		snprintf(buf, SAID_MAX, "http off");
	else if (h->certificate[0])
		snprintf(buf, SAID_MAX, "http %s %u %.420s %.420s", addr_text(&h->address, address), h->port,
			 word_quote(certificate, h->certificate, strlen(h->certificate)),
			 word_quote(key, h->key, strlen(h->key)));
	else
		snprintf(buf, SAID_MAX, "http %s %u", addr_text(&h->address, address), h->port);
	return true;
}

bool said_pop_set(const struct config *cf, unsigned int line, enum text_secret secret,
		  char buf[SAID_MAX])
{
	char hex[TOKEN_TEXT_MAX];
	const struct config_head *h = cf->head;
	char text[LIMITS_TEXT_MAX];

	if (line >= SET_LINE_DETAILS && line < SET_LINE_ID)
		return said_details(&h->pop[line - SET_LINE_DETAILS], line - SET_LINE_DETAILS, buf);

	switch (line) {
	case SET_LINE_LIMITS:
		if (cf->limits.tunnels == TUNNELS_DEFAULT && cf->limits.subnets == SUBNETS_DEFAULT &&
		    cf->limits.history == TUNNELS_DEFAULT)
			return false;
		snprintf(buf, SAID_MAX, "limits %s", limits_text(cf->limits, text));
		return true;
	case SET_LINE_WORKERS:
		if (h->workers == WORKERS_DEFAULT)
			return false;
		if (h->workers == WORKERS_AUTO)
			snprintf(buf, SAID_MAX, "workers auto");
		else
			snprintf(buf, SAID_MAX, "workers %u", h->workers);
		return true;
	case SET_LINE_ID:
		snprintf(buf, SAID_MAX, "id %u", h->plan.pop_id);
		return true;
	case SET_LINE_LOCALIP:
		return said_localip(h, buf);
	case SET_LINE_FASTPATH:
		return said_fastpath(&h->fastpath, buf);
	case SET_LINE_LATENCY:
		if (h->latency_interval_s == LATENCY_INTERVAL_DEFAULT_S)
			return false;
		snprintf(buf, SAID_MAX, "latency %u", h->latency_interval_s);
		return true;
	case SET_LINE_OFFLOAD:
		if (!h->no_offload)
			return false;
		snprintf(buf, SAID_MAX, "offload off");
		return true;
	case SET_LINE_RESERVED:
		if (!h->drop_reserved)
			return false;
		snprintf(buf, SAID_MAX, "reserved drop");
		return true;
	case SET_LINE_HTTP:
		return said_http(&h->http, buf);
	case SET_LINE_TOKEN:
		if (!config_admin_token(cf)->set)
			return false;
		snprintf(buf, SAID_MAX, "token admin %s",
			 token_text(config_admin_token(cf), secret, hex));
		return true;
	case SET_LINE_VERBOSITY:
		if (h->verbosity == 0)
			return false;
		snprintf(buf, SAID_MAX, "verbosity %u", h->verbosity);
		return true;
	}
	return false;
}

bool said_tunnel_prefix(const struct config *cf, char buf[SAID_MAX])
{
	char text[PREFIX_TEXT_MAX];
	struct prefix p;

	if (!plan_has_tunnel_prefix(config_plan(cf)))
		return false;
	p = plan_tunnel_prefix(config_plan(cf));
	snprintf(buf, SAID_MAX, "add %s", prefix_text(&p, text));
	return true;
}

bool said_subnet_prefix(const struct config *cf, unsigned int i, char buf[SAID_MAX])
{
	const struct subnet_prefix *s = &config_plan(cf)->subnet[i];
	char text[PREFIX_TEXT_MAX];
	struct prefix p;

	if (i >= config_plan(cf)->subnet_prefixes)
		return false;
	p = plan_subnet_prefix(s);
	prefix_text(&p, text);
	if ((s->len == 40 && s->delegate == 48) || (s->len == 48 && s->delegate == 56))
		snprintf(buf, SAID_MAX, "add %s", text);
	else
		snprintf(buf, SAID_MAX, "add %s delegate %u", text, s->delegate);
	return true;
}

const char *acl_text(const struct config_head *h, uint32_t i, char buf[PREFIX_TEXT_MAX])
{
	struct prefix p = { .addr = h->acl[i], .len = h->acl_len[i] };

	return p.len == 128 ? addr_text(&p.addr, buf) : prefix_text(&p, buf);
}

bool said_acl(const struct config *cf, uint32_t i, char buf[SAID_MAX])
{
	char text[PREFIX_TEXT_MAX];

	if (i == 0 && cf->head->acls == 0) {
		snprintf(buf, SAID_MAX, "reset");
		return true;
	}
	if (i >= cf->head->acls)
		return false;
	snprintf(buf, SAID_MAX, "add %s", acl_text(cf->head, i, text));
	return true;
}

bool said_subnet(const struct config *cf, unsigned int i, uint32_t n, char buf[SAID_MAX])
{
	const struct subnet_prefix *s = &config_plan(cf)->subnet[i];
	char text[PREFIX_TEXT_MAX];
	struct prefix p = plan_subnet(s, n);
	uint16_t tid = cf->subnet[s->base + n];

	if (tid == TID_NONE)
		return false;
	snprintf(buf, SAID_MAX, "config %s %x static", prefix_text(&p, text), tid);
	return true;
}
