/*
 * src/web/show_packet.c - the last offending packet, field by field
 *
 * As much of it as was kept. What its first octets are follows from the reason; what cannot be
 * read any more is left out.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/cur.h"
#include "web/parts.h"
#include "wire/ayiya.h"
#include "wire/gre.h"
#include "wire/icmp6.h"
#include "wire/proto.h"
#include "wire/udp.h"

#define LAYERS_MAX	6

struct decoder {
	const uint8_t	*start;
	struct cur	c;
	struct answer	*an;
	const char	*layer;
	size_t		at;		/* of the layer */
	unsigned int	layers;
};

static void PRINTF(5, 6) field(struct decoder *d, const char *name, size_t offset, size_t len, const char *fmt,
			       ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_open(d->an, NULL, '{');
	json_str(d->an, "layer", d->layer);
	json_str(d->an, "name", name);
	json_str(d->an, "value", text);
	json_uint(d->an, "offset", d->at + offset);
	json_uint(d->an, "length", len);
	json_close(d->an, '}');
}

/* The next layer begins where the cursor is. Return: false: there were enough */
static bool begin(struct decoder *d, const char *layer)
{
	d->layer = layer;
	d->at = (size_t)(d->c.at - d->start);
	return d->layers++ < LAYERS_MAX;
}

static const char *protocol(uint8_t n)
{
	switch (n) {
	case PROTO_ICMP4:
		return "ICMP";
	case PROTO_IPV4:
		return "IPv4";
	case PROTO_TCP:
		return "TCP";
	case PROTO_UDP:
		return "UDP";
	case PROTO_IPV6:
		return "IPv6";
	case PROTO_FRAGMENT:
		return "fragment header";
	case PROTO_GRE:
		return "GRE";
	case PROTO_ICMP6:
		return "ICMPv6";
	case PROTO_NONE:
		return "nothing";
	}
	return "?";
}

static void decode_ip(struct decoder *d);

static void decode_ports(struct decoder *d, const char *layer)
{
	struct { be16_t src, dst; } h;

	if (!begin(d, layer) || !CUR_TAKE(&d->c, &h))
		return;
	field(d, "source port", 0, 2, "%u", (unsigned int)be16_get(&h.src));
	field(d, "destination port", 2, 2, "%u", (unsigned int)be16_get(&h.dst));
}

static void decode_icmp(struct decoder *d, const char *layer, bool error)
{
	struct { uint8_t type, code; be16_t checksum; be32_t rest; } h;

	if (!begin(d, layer) || !CUR_TAKE(&d->c, &h))
		return;
	field(d, "type", 0, 1, "%u", (unsigned int)h.type);
	field(d, "code", 1, 1, "%u", (unsigned int)h.code);
	field(d, "checksum", 2, 2, "0x%04x", (unsigned int)be16_get(&h.checksum));
	field(d, "parameter", 4, 4, "%" PRIu32, be32_get(&h.rest));
	if (error)		/* what it is about is quoted behind */
		decode_ip(d);
}

static void decode_next(struct decoder *d, uint8_t proto)
{
	switch (proto) {
	case PROTO_TCP:
		decode_ports(d, "TCP");
		return;
	case PROTO_UDP:
		decode_ports(d, "UDP");
		return;
	case PROTO_ICMP4:
		decode_icmp(d, "ICMP", d->c.left && (d->c.at[0] == 3 || d->c.at[0] == 11 || d->c.at[0] == 12));
		return;
	case PROTO_ICMP6:
		decode_icmp(d, "ICMPv6", d->c.left && d->c.at[0] < ICMP6_INFORMATIONAL);
		return;
	case PROTO_IPV6:
	case PROTO_IPV4:
		decode_ip(d);
		return;
	}
}

static void decode_ip6(struct decoder *d)
{
	char src[ADDR_TEXT_MAX], dst[ADDR_TEXT_MAX];
	struct ip6_hdr h;
	uint32_t vtf;

	if (!begin(d, "IPv6") || !CUR_TAKE(&d->c, &h))
		return;
	vtf = be32_get(&h.vtf);
	field(d, "version", 0, 1, "%" PRIu32, vtf >> 28);
	field(d, "traffic class", 0, 2, "0x%02" PRIx32, vtf >> 20 & 255);
	field(d, "flow label", 1, 3, "0x%05" PRIx32, vtf & 0xfffff);
	field(d, "payload length", 4, 2, "%u", (unsigned int)be16_get(&h.payload_len));
	field(d, "next header", 6, 1, "%u (%s)", (unsigned int)h.next, protocol(h.next));
	field(d, "hop limit", 7, 1, "%u", (unsigned int)h.hop_limit);
	field(d, "source", 8, 16, "%s", addr_text(&h.src, src));
	field(d, "destination", 24, 16, "%s", addr_text(&h.dst, dst));
	decode_next(d, h.next);
}

static void decode_ip4(struct decoder *d)
{
	char src[ADDR_TEXT_MAX], dst[ADDR_TEXT_MAX];
	struct ip6_addr s, t;
	struct ip4_hdr h;
	size_t options;

	if (!begin(d, "IPv4") || !CUR_TAKE(&d->c, &h))
		return;
	s = addr_from_ip4_wire(&h.src);
	t = addr_from_ip4_wire(&h.dst);
	field(d, "version and header length", 0, 1, "%u, %u octets", h.vihl >> 4u, (h.vihl & 15u) * 4);
	field(d, "type of service", 1, 1, "0x%02x", (unsigned int)h.tos);
	field(d, "total length", 2, 2, "%u", (unsigned int)be16_get(&h.total_len));
	field(d, "identification", 4, 2, "0x%04x", (unsigned int)be16_get(&h.id));
	field(d, "flags and fragment offset", 6, 2, "0x%04x", (unsigned int)be16_get(&h.frag));
	field(d, "time to live", 8, 1, "%u", (unsigned int)h.ttl);
	field(d, "protocol", 9, 1, "%u (%s)", (unsigned int)h.protocol, protocol(h.protocol));
	field(d, "header checksum", 10, 2, "0x%04x", (unsigned int)be16_get(&h.checksum));
	field(d, "source", 12, 4, "%s", addr_text(&s, src));
	field(d, "destination", 16, 4, "%s", addr_text(&t, dst));
	options = (h.vihl & 15u) * 4u;
	if (options > sizeof(h) && !cur_skip(&d->c, options - sizeof(h)))
		return;
	if ((be16_get(&h.frag) & IP4_OFFSET_MASK) == 0)
		decode_next(d, h.protocol);
}

static void decode_ip(struct decoder *d)
{
	if (d->c.left && d->c.at[0] >> 4 == IP6_VERSION)
		decode_ip6(d);
	else if (d->c.left && d->c.at[0] >> 4 == IP4_VERSION)
		decode_ip4(d);
}

static void decode_ayiya(struct decoder *d)
{
	char identity[ADDR_TEXT_MAX];
	struct ayiya_hdr h;
	size_t sig;

	if (!begin(d, "AYIYA") || !CUR_TAKE(&d->c, &h))
		return;
	sig = (size_t)(h.sig >> 4) * 4;
	field(d, "identity length and type", 0, 1, "0x%02x", (unsigned int)h.id);
	field(d, "signature length and hash", 1, 1, "%zu octets, method %u", sig, h.sig & 15u);
	field(d, "authentication and opcode", 2, 1, "method %u, opcode %u", h.op >> 4u, h.op & 15u);
	field(d, "next header", 3, 1, "%u (%s)", (unsigned int)h.next, protocol(h.next));
	field(d, "epoch", 4, 4, "%" PRIu32, be32_get(&h.epoch_s));
	field(d, "identity", 8, 16, "%s", addr_text(&h.identity, identity));
	if (!cur_skip(&d->c, sig))
		return;
	field(d, "signature", sizeof(h), sig, "%zu octets", sig);
	decode_next(d, h.next);
}

static void decode_gre(struct decoder *d)
{
	struct gre_hdr h;
	size_t at = sizeof(h);

	if (!begin(d, "GRE") || !CUR_TAKE(&d->c, &h))
		return;
	field(d, "flags and version", 0, 2, "0x%04x", (unsigned int)be16_get(&h.flags));
	field(d, "protocol", 2, 2, "0x%04x", (unsigned int)be16_get(&h.protocol));
	if (be16_get(&h.flags) & GRE_CHECKSUM) {
		if (!cur_skip(&d->c, 4))
			return;
		at += 4;
	}
	if (be16_get(&h.flags) & GRE_KEY) {
		be32_t key;

		if (!CUR_TAKE(&d->c, &key))
			return;
		field(d, "key", at, 4, "%" PRIu32, be32_get(&key));
		at += 4;
	}
	if (be16_get(&h.flags) & GRE_SEQUENCE) {
		be32_t number;

		if (!CUR_TAKE(&d->c, &number))
			return;
		field(d, "sequence number", at, 4, "%" PRIu32, be32_get(&number));
	}
	decode_ip(d);
}

/* Text of the client; json_str() keeps it harmless. */
static void decode_beat(struct decoder *d)
{
	char text[ERROR_SAMPLE_BYTES + 1];
	size_t n = min_size(d->c.left, sizeof(text) - 1);

	if (!begin(d, "heartbeat"))
		return;
	memcpy(text, d->c.at, n);
	text[n] = '\0';
	field(d, "message", 0, n, "%s", text);
}

static bool begins(const char *name, const char *with)
{
	return strncmp(name, with, strlen(with)) == 0;
}

static bool is_gre(const struct error_sample *s)
{
	return s->kept >= 4 && (s->bytes[0] & 0x4f) == 0 && (s->bytes[0] >> 4 != IP6_VERSION) &&
	       ((s->bytes[2] == 0x86 && s->bytes[3] == 0xdd) || (s->bytes[2] == 8 && s->bytes[3] == 0));
}

static void decode(struct decoder *d, const struct error_sample *s)
{
	const char *reason = s->verdict < VERDICT_COUNT ? verdict_info[s->verdict].name : "";

	if (s->verdict == CONSUMED_OUTER_ICMP || s->verdict == CONSUMED_OUTER_PMTU)
		decode_icmp(d, addr_is_ip4(&s->source) ? "ICMP" : "ICMPv6", true);
	else if (begins(reason, "DROP_BEAT"))
		decode_beat(d);
	else if (begins(reason, "DROP_AYIYA") && s->kept && s->bytes[0] >> 4 == IP4_VERSION)
		decode_ayiya(d);
	else if (begins(reason, "DROP_GRE") || is_gre(s))
		decode_gre(d);
	else
		decode_ip(d);
}

void show_packet(const struct web *w, const struct error_sample *s, struct answer *an)
{
	size_t kept = min_size(s->kept, sizeof(s->bytes));
	struct decoder d = { .start = s->bytes, .c = cur_of(s->bytes, kept), .an = an };
	char hex[2 * ERROR_SAMPLE_BYTES + 1] = "";

	(void)w;
	for (size_t i = 0; i < kept; i++)
		snprintf(hex + 2 * i, 3, "%02x", s->bytes[i]);
	json_open(an, "packet", '{');
	json_uint(an, "length", s->real_len);
	json_str(an, "octets", hex);
	json_open(an, "fields", '[');
	decode(&d, s);
	json_close(an, ']');
	json_close(an, '}');
}
