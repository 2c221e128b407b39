#include <stdarg.h>
#include <stdio.h>
#include "base/cur.h"
#include "ctl/trace.h"
#include "table/note.h"
#include "table/tunnel.h"

static const char *const note_text[NOTE_COUNT] = {
#define NOTE(symbol, text) [NOTE_##symbol] = text,
#include "table/note.def"
#undef NOTE
};

#define IHL_MIN	5			/* words of an IPv4 header */

/* The words of `tunnel list`. */
static const char *const type_text[] = {
	[TYPE_NONE] = "none", [TYPE_DIRECT] = "direct", [TYPE_AYIYA] = "ayiya", [TYPE_GRE] = "gre",
};

struct text {
	char	*buf;
	size_t	room, len;		/* len < room: a NUL always fits */
};

static void PRINTF(2, 3) put(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(t->buf + t->len, t->room - t->len, fmt, ap);

	va_end(ap);
	if (n > 0)
		t->len = min_size(t->len + (size_t)n, t->room - 1);
}

const char *trace_tunnel(const struct config *cf, uint16_t tid, char buf[TRACE_WHO_MAX])
{
	const struct tunnel_conf *c = config_tunnel(cf, tid);

	if (c)
		snprintf(buf, TRACE_WHO_MAX, "T%u", (unsigned int)c->id);
	else if (tid == TID_NONE)
		snprintf(buf, TRACE_WHO_MAX, "-");
	else
		snprintf(buf, TRACE_WHO_MAX, "0x%x", (unsigned int)tid);
	return buf;
}

static bool has_note(const struct record *rec, enum note_kind what)
{
	for (unsigned int i = 0; i + 1 < trace_lines(rec); i++) {
		if (rec->note[i].what == what)
			return true;
	}
	return false;
}

/* "[T5072  uplink ]": where it came from and where it went, as far as it got. */
static void put_ends(struct text *t, const struct config *cf, const struct record *rec)
{
	char from[TRACE_WHO_MAX], to[TRACE_WHO_MAX];

	trace_tunnel(cf, rec->from, from);
	trace_tunnel(cf, rec->to, to);
	if (rec->from == TID_NONE && has_note(rec, NOTE_FROM_TUN))
		snprintf(from, sizeof(from), "uplink");
	if (rec->to == TID_NONE && (rec->verdict == SENT_UPLINK || has_note(rec, NOTE_TO_UPLINK)))
		snprintf(to, sizeof(to), "uplink");
	else if (rec->to == TID_NONE && has_note(rec, NOTE_TO_LOCAL))
		snprintf(to, sizeof(to), "local");
	put(t, "[%s  %s ]", from, to);
}

static void put_header(struct text *t, const struct record *rec)
{
	struct cur c = cur_of(rec->bytes, min_size(rec->kept, sizeof(rec->bytes)));
	char src[ADDR_TEXT_MAX], dst[ADDR_TEXT_MAX];
	struct ip6_hdr h6;
	struct ip4_hdr h4;

	if (CUR_PEEK(c, &h6) && be32_get(&h6.vtf) >> 28 == 6) {
		put(t, "[IPv6 : %s - %s ttl=%u proto=%u len=%u plen=%u] ",
		    addr_text(&h6.src, src), addr_text(&h6.dst, dst), (unsigned int)h6.hop_limit,
		    (unsigned int)h6.next, (unsigned int)rec->len,
		    (unsigned int)be16_get(&h6.payload_len));
		return;
	}
	/* AYIYA begins with 0x41 and a heartbeat with 'H', which is no header either */
	if (!CUR_PEEK(c, &h4) || h4.vihl >> 4 != IP4_VERSION || (h4.vihl & 15) < IHL_MIN ||
	    has_note(rec, NOTE_FROM_BEAT)) {
		put(t, "[len=%u] ", (unsigned int)rec->len);
		return;
	}
	struct ip6_addr s = addr_from_ip4_wire(&h4.src), d = addr_from_ip4_wire(&h4.dst);
	unsigned int total = be16_get(&h4.total_len), header = (h4.vihl & 15u) * 4;

	put(t, "[IPv4 : %s - %s ttl=%u proto=%u len=%u plen=%u] ", addr_text(&s, src),
	    addr_text(&d, dst), (unsigned int)h4.ttl, (unsigned int)h4.protocol,
	    (unsigned int)rec->len, total > header ? total - header : 0);
}

/* The words of note.def with %u and %t filled in. */
static void put_note(struct text *t, const struct config *cf, const struct note *n)
{
	char who[TRACE_WHO_MAX];

	if (n->what >= NOTE_COUNT) {
		put(t, "note %u", (unsigned int)n->what);
		return;
	}
	for (const char *w = note_text[n->what]; *w; w++) {
		if (w[0] != '%') {
			put(t, "%c", *w);
			continue;
		}
		w++;
		if (*w == 't')
			put(t, "%s", trace_tunnel(cf, n->tid, who));
		else if (n->what == NOTE_TYPE && n->value < ARRAY_LEN(type_text))
			put(t, "%s", type_text[n->value]);
		else
			put(t, "%u", (unsigned int)n->value);
	}
}

static const char *verdict_text(unsigned int verdict)
{
	return verdict < VERDICT_COUNT ? verdict_info[verdict].sentence : "unknown verdict";
}

/* Whose it may be that died before that was known, and whom to ask. */
static void put_blame(struct text *t, const struct config *cf, const struct record *rec)
{
	char who[TRACE_WHO_MAX], from[ADDR_TEXT_MAX];

	if (!verdict_is_drop(rec->verdict) || rec->blame == TID_NONE || rec->blame == rec->from ||
	    rec->blame == rec->to)
		return;
	put(t, " (counted on %s; from %s", trace_tunnel(cf, rec->blame, who),
	    addr_text(&rec->address, from));
	if (rec->port)
		put(t, " port %u", (unsigned int)rec->port);
	put(t, ")");
}

size_t trace_line(const struct config *cf, const struct record *rec, unsigned int n,
		  char buf[TRACE_LINE_MAX])
{
	struct text t = { buf, TRACE_LINE_MAX, 0 };

	put_ends(&t, cf, rec);
	put_header(&t, rec);
	if (n + 1 < trace_lines(rec)) {
		put_note(&t, cf, &rec->note[n]);
		return t.len;
	}
	put(&t, "%s%s", verdict_is_drop(rec->verdict) ? "dropped: " : "", verdict_text(rec->verdict));
	put_blame(&t, cf, rec);
	return t.len;
}

/* "192.0.2.1", "192.0.2.1:5072", "[2001:db8::1]:5072" */
static void put_endpoint(struct text *t, const struct record *rec)
{
	char a[ADDR_TEXT_MAX];

	addr_text(&rec->address, a);
	if (rec->port == 0)
		put(t, "%s", a);
	else if (addr_is_ip4(&rec->address))
		put(t, "%s:%u", a, (unsigned int)rec->port);
	else
		put(t, "[%s]:%u", a, (unsigned int)rec->port);
}

static void put_drop(struct text *t, const struct config *cf, const struct record *rec)
{
	char who[TRACE_WHO_MAX];

	if (rec->from != TID_NONE)
		put(t, "tunnel %s: ", trace_tunnel(cf, rec->from, who));
	put(t, "dropped, from ");
	put_endpoint(t, rec);
	put(t, ": %s", verdict_text(rec->verdict));
}

static void put_path_mtu(struct text *t, const struct record *rec)
{
	if (rec->value)
		put(t, "path MTU of the outer packets is now %u", (unsigned int)rec->value);
	else
		put(t, "path MTU of the outer packets forgotten");
}

static const char *type_of(const struct record *rec)
{
	return rec->value < ARRAY_LEN(type_text) ? type_text[rec->value] : "unknown";
}

size_t trace_event(const struct config *cf, const struct record *rec, char buf[TRACE_LINE_MAX])
{
	struct text t = { buf, TRACE_LINE_MAX, 0 };
	char who[TRACE_WHO_MAX];

	buf[0] = '\0';
	if (rec->event != EVENT_DROP)
		put(&t, "tunnel %s: ", trace_tunnel(cf, rec->from, who));
	switch ((enum event_kind)rec->event) {
	case EVENT_TRACE:
		put(&t, "traced");
		break;
	case EVENT_UP:
		put(&t, "up from ");
		put_endpoint(&t, rec);
		break;
	case EVENT_DOWN:
		put(&t, "down: no heartbeat for %u s", (unsigned int)rec->value);
		break;
	case EVENT_MOVED:
		put(&t, "endpoint moved to ");
		put_endpoint(&t, rec);
		break;
	case EVENT_TYPE:
		put(&t, "type is now %s", type_of(rec));
		break;
	case EVENT_PATH_MTU:
		put_path_mtu(&t, rec);
		break;
	case EVENT_DROP:
		put_drop(&t, cf, rec);
		break;
	}
	return t.len;
}

/* ---- the same for programs ---- */

static void add(struct trace_facts *f, const char *name, const char *value)
{
	f->fact[f->n++] = (struct fact){ name, value };
}

static void add_number(struct trace_facts *f, const char *name, uint32_t value,
		       char buf[LOG_NUMBER_MAX])
{
	f->fact[f->n++] = fact_number(name, value, buf);
}

static void add_endpoint(struct trace_facts *f, const struct record *rec)
{
	add(f, "ADDRESS", addr_text(&rec->address, f->address));
	if (rec->port)
		add_number(f, "PORT", rec->port, f->port);
}

void trace_facts(const struct config *cf, const struct record *rec, struct trace_facts *f)
{
	f->event = LOGGED_NOTHING;
	f->n = 0;
	if (rec->from != TID_NONE)
		add(f, "TUNNEL", trace_tunnel(cf, rec->from, f->tunnel));
	switch ((enum event_kind)rec->event) {
	case EVENT_TRACE:
		break;
	case EVENT_UP:
		f->event = LOGGED_TUNNEL_UP;
		add_endpoint(f, rec);
		break;
	case EVENT_DOWN:
		f->event = LOGGED_TUNNEL_DOWN;
		add_number(f, "VALUE", rec->value, f->value);
		break;
	case EVENT_MOVED:
		f->event = LOGGED_ENDPOINT_MOVED;
		add_endpoint(f, rec);
		break;
	case EVENT_TYPE:
		f->event = LOGGED_TYPE_CHANGED;
		add(f, "TYPE", type_of(rec));
		break;
	case EVENT_PATH_MTU:
		f->event = LOGGED_PATH_MTU;
		add_number(f, "VALUE", rec->value, f->value);
		break;
	case EVENT_DROP:
		f->event = LOGGED_DROPPED;
		add_endpoint(f, rec);
		add(f, "REASON", rec->verdict < VERDICT_COUNT ? verdict_info[rec->verdict].name : NULL);
		break;
	}
}
