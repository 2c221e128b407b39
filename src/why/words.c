#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "wire/icmp4.h"
#include "wire/icmp6.h"
#include "why/facts.h"

const struct cause_info cause_info[CAUSES] = {
#define CAUSE(name, severity, weight, sentence) \
	[CAUSE_##name] = { #name, sentence, SEVERITY_##severity, weight },
#include "why/cause.def"
#undef CAUSE
};

const char *severity_word(enum severity s)
{
	static const char *const word[] = {
		[SEVERITY_OK] = "ok", [SEVERITY_NOTE] = "note",
		[SEVERITY_WARNING] = "warning", [SEVERITY_ERROR] = "error",
	};

	return word[s];
}

/* ---- findings ---- */

struct finding *why_find(struct diagnosis *d, enum cause cause, const char *fmt, ...)
{
	unsigned int at = d->n;
	va_list ap;

	while (at > 0 && cause_info[d->finding[at - 1].cause].weight < cause_info[cause].weight)
		at--;
	memmove(&d->finding[at + 1], &d->finding[at],
		(min_size(d->n, WHY_FINDINGS) - at) * sizeof(d->finding[0]));
	d->n = (unsigned int)min_size(d->n + 1, WHY_FINDINGS);
	d->finding[at] = (struct finding){ .cause = cause };
	va_start(ap, fmt);
	vsnprintf(d->finding[at].sentence, WHY_TEXT, fmt, ap);
	va_end(ap);
	return &d->finding[at];
}

void why_evidence(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	if (f->evidences == WHY_EVIDENCE)
		return;
	va_start(ap, fmt);
	vsnprintf(f->evidence[f->evidences++], WHY_TEXT, fmt, ap);
	va_end(ap);
}

void why_remedy(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->remedy, WHY_TEXT, fmt, ap);
	va_end(ap);
}

/* ---- words ---- */

const char *span_word(int64_t s, char buf[AT_TEXT])
{
	if (s < 0)
		s = 0;
	if (s < 120)
		snprintf(buf, AT_TEXT, "%" PRId64 " s", s);
	else if (s < 120 * 60)
		snprintf(buf, AT_TEXT, "%" PRId64 " min", s / 60);
	else if (s < 48 * 3600)
		snprintf(buf, AT_TEXT, "%" PRId64 " h", s / 3600);
	else
		snprintf(buf, AT_TEXT, "%" PRId64 " days", s / 86400);
	return buf;
}

const char *at_text(int64_t at_s, wall_t now, char buf[AT_TEXT])
{
	time_t at = (time_t)at_s;
	char span[AT_TEXT];
	struct tm tm;
	size_t len;

	if (at_s == 0 || !gmtime_r(&at, &tm))
		return "never";
	len = strftime(buf, AT_TEXT, "at %Y-%m-%d %H:%M:%S UTC", &tm);
	if (is_ahead(at_s, now))
		snprintf(buf + len, AT_TEXT - len, ", before the clock was set back");
	else
		snprintf(buf + len, AT_TEXT - len, ", %.20s ago",
			 span_word(wall_since_s(now, (wall_t){ at_s }), span));
	return buf;
}

const char *endpoint_word(const struct ip6_addr *a, uint16_t port, char buf[ENDPOINT_TEXT])
{
	char text[ADDR_TEXT_MAX];

	addr_text(a, text);
	if (port)
		snprintf(buf, ENDPOINT_TEXT, "%s port %u", text, (unsigned int)port);
	else
		snprintf(buf, ENDPOINT_TEXT, "%s", text);
	return buf;
}

const char *tunnel_word(const struct facts *f, uint16_t tid, char buf[AT_TEXT])
{
	const struct tunnel_conf *c = config_tunnel(f->cf, tid);

	if (tid == TID_NONE)
		return "the uplink";
	if (f->reader == WHY_OWNER && tid != f->tid)
		return "another tunnel";
	if (c)
		snprintf(buf, AT_TEXT, "T%" PRIu32, c->id);
	else
		snprintf(buf, AT_TEXT, "tunnel 0x%x, which is not configured", (unsigned int)tid);
	return buf;
}

const char *whose_word(const struct facts *f, const struct ip6_addr *a, char buf[WHOSE_TEXT])
{
	struct place w = config_lookup6(f->cf, a);
	const char *what = "a part";
	char who[AT_TEXT];

	if (a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80)
		return "a link-local address, which no tunnel carries";
	switch (w.kind) {
	case PLACE_UPLINK:
		return "outside this PoP's prefixes: another provider's, or made up";
	case PLACE_POP:
		return "the PoP's own";
	case PLACE_UNASSIGNED:
		return "inside this PoP's prefixes, but nobody's";
	case PLACE_LOCAL:
		what = "the PoP's end";
		break;
	case PLACE_REMOTE:
		what = "the client's address";
		break;
	case PLACE_TRANSFER:
		what = "in the transfer /64";
		break;
	case PLACE_ROUTED:
		what = "in the routed /64";
		break;
	case PLACE_SUBNET:
		what = "in a subnet";
		break;
	}
	snprintf(buf, WHOSE_TEXT, "%s of %s", what, tunnel_word(f, w.tid, who));
	return buf;
}

/* ---- ICMP errors from the way, RFC 792, 1812 5.2.7 and 4443 3 ---- */

struct icmp_word {
	uint8_t		type, code;
	const char	*word, *remedy;
};

#define ANY_CODE	255
#define OFFLINE		"the client is off line, its address has changed, or the way to it is broken"
#define NO_TUNNEL	"the client's host has no tunnel for what we send: bring its tunnel interface up, with the "	\
			"PoP's address as remote and its own as local"
#define FILTERED	"ask whoever runs that router or the client's firewall to let the tunnel's packets pass"

static const struct icmp_word words4[] = {
	{ 3, 0, "network unreachable", OFFLINE },
	{ 3, 1, "host unreachable", OFFLINE },
	{ 3, 2, "protocol unreachable", NO_TUNNEL },
	{ 3, 3, "port unreachable",
	  "the client's program does not run, or its NAT has forgotten the port: restart the client" },
	{ 3, 4, "packet too big", "nothing: the tunnel's MTU follows" },
	{ 3, 9, "network administratively prohibited", FILTERED },
	{ 3, 10, "host administratively prohibited", FILTERED },
	{ 3, 13, "communication administratively prohibited", FILTERED },
	{ 3, ANY_CODE, "destination unreachable", OFFLINE },
	{ 11, ANY_CODE, "time to live exceeded", "there is a routing loop on the way to the client" },
	{ 12, ANY_CODE, "parameter problem", FILTERED },
};

static const struct icmp_word words6[] = {
	{ 1, 0, "no route to destination", OFFLINE },
	{ 1, 1, "administratively prohibited", FILTERED },
	{ 1, 3, "address unreachable", OFFLINE },
	{ 1, 4, "port unreachable",
	  "the client's program does not run, or a firewall has forgotten it: restart the client" },
	{ 1, 5, "source address failed a policy", FILTERED },
	{ 1, ANY_CODE, "destination unreachable", OFFLINE },
	{ 2, ANY_CODE, "packet too big", "nothing: the tunnel's MTU follows" },
	{ 3, ANY_CODE, "hop limit exceeded", "there is a routing loop on the way to the client" },
	{ 4, 1, "next header not recognised", NO_TUNNEL },
	{ 4, ANY_CODE, "parameter problem", FILTERED },
};

static const struct icmp_word *find_icmp(bool four, const uint8_t *bytes, size_t len)
{
	const struct icmp_word *list = four ? words4 : words6;
	size_t n = four ? ARRAY_LEN(words4) : ARRAY_LEN(words6);

	for (size_t i = 0; len >= 2 && i < n; i++) {
		if (list[i].type == bytes[0] && (list[i].code == bytes[1] || list[i].code == ANY_CODE))
			return &list[i];
	}
	return NULL;
}

const char *icmp_word(bool four, const uint8_t *bytes, size_t len)
{
	const struct icmp_word *w = find_icmp(four, bytes, len);

	return w ? w->word : "an ICMP error";
}

const char *icmp_remedy(bool four, bool udp, const uint8_t *bytes, size_t len)
{
	const struct icmp_word *w = find_icmp(four, bytes, len);

	/* what Linux says of protocol 41 and GRE where its drivers have no interface for them */
	if (w && !udp && bytes[0] == (four ? 3 : 1) && bytes[1] == (four ? 3 : 4))
		return NO_TUNNEL;
	return w ? w->remedy : "";
}
