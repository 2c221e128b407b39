/* io/offload.c: packets that receive offload merged, or left without their checksum */
#include "base/sum.h"
#include "io/offload.h"
#include "wire/gre.h"
#include "wire/proto.h"
#include "wire/udp.h"
#include "tap.h"

enum {
	ROOM		= 65536,
	SEQ		= 0xfffffd00u,	/* wraps within the packet */
	FLAGS_ACK	= 0x10,
	FLAGS_FIN_PSH	= 0x09,
	FLAGS_CWR	= 0x80,
	TIMESTAMPS	= 12,		/* an option to be repeated */
};

static uint8_t packet[PKT_ROOM], out[ROOM];

struct shape {
	const char	*what;
	bool		gre, four, checksum, key;
	uint8_t		proto, flags;
	size_t		payload;
	bool		finished;	/* carries its real checksum */
	bool		found, cut;
	unsigned int	becomes;
};

static const struct shape shapes[] = {
	{ "TCP, 1 octet", 0, 0, 0, 0, PROTO_TCP, 0, 1, 0, 1, 0, 0 },
	{ "TCP, exactly 1280", 0, 0, 0, 0, PROTO_TCP, 0, 1280 - 72, 0, 1, 0, 0 },
	{ "TCP, 1281", 0, 0, 0, 0, PROTO_TCP, 0, 1281 - 72, 0, 1, 1, 2 },
	{ "TCP, two full ones", 0, 0, 0, 0, PROTO_TCP, FLAGS_FIN_PSH, 2 * 1208, 0, 1, 1, 2 },
	{ "TCP, as much as there can be", 0, 0, 0, 0, PROTO_TCP, FLAGS_FIN_PSH | FLAGS_CWR, 65000,
	  0, 1, 1, 54 },
	{ "TCP, a SYN is never cut", 0, 0, 0, 0, PROTO_TCP, TCP_SYN, 1300, 0, 1, 0, 0 },
	{ "TCP with its checksum, however large", 0, 0, 0, 0, PROTO_TCP, 0, 60000, 1, 0, 0, 0 },
	{ "TCP with its checksum", 0, 0, 0, 0, PROTO_TCP, 0, 100, 1, 0, 0, 0 },
	{ "UDP", 0, 0, 0, 0, PROTO_UDP, 0, 1000, 0, 1, 0, 0 },
	{ "UDP with its checksum", 0, 0, 0, 0, PROTO_UDP, 0, 1000, 1, 0, 0, 0 },
	{ "ICMP", 0, 0, 0, 0, PROTO_ICMP6, 0, 1000, 0, 0, 0, 0 },
	{ "GRE, TCP over IPv6", 1, 0, 0, 0, PROTO_TCP, FLAGS_FIN_PSH, 3000, 0, 1, 1, 3 },
	{ "GRE with a key", 1, 0, 0, 1, PROTO_TCP, FLAGS_FIN_PSH, 3000, 0, 1, 1, 3 },
	{ "GRE with checksum and key", 1, 0, 1, 1, PROTO_TCP, FLAGS_FIN_PSH, 3000, 0, 1, 1, 3 },
	{ "GRE with a checksum, small", 1, 0, 1, 0, PROTO_TCP, 0, 500, 0, 1, 1, 1 },
	{ "GRE, TCP over IPv4", 1, 1, 0, 0, PROTO_TCP, FLAGS_FIN_PSH, 5000, 0, 1, 1, 5 },
	{ "GRE, UDP over IPv4", 1, 1, 0, 0, PROTO_UDP, 0, 500, 0, 1, 0, 0 },
};

static uint8_t octet(size_t i)
{
	return (uint8_t)(i * 7 + i / 251);
}

static size_t put(uint8_t *at, const void *what, size_t len)
{
	memcpy(at, what, len);
	return len;
}

/* The L4 part with the folded pseudo sum where the checksum goes. */
static size_t put_l4(uint8_t *at, const struct shape *s, uint64_t pseudo)
{
	be16_t sum = { (uint16_t)~sum_done(pseudo).raw };
	size_t n = 0, field = 16;

	if (s->proto == PROTO_TCP) {
		struct tcp_hdr h = {
			.src = be16_put(1000), .dst = be16_put(80), .seq = be32_put(SEQ),
			.off = (20 + TIMESTAMPS) / 4 << 4,
			.flags = (uint8_t)(FLAGS_ACK | s->flags), .checksum = sum,
		};

		n += put(at, &h, sizeof(h));
		n += put(at + n, "\1\1\x8\xa" "abcdefgh", TIMESTAMPS);
	} else {
		struct udp_hdr h = { .len = be16_put((uint16_t)(8 + s->payload)), .checksum = sum };

		n += put(at, &h, sizeof(h));
		field = 6;
	}
	for (size_t i = 0; i < s->payload; i++)
		at[n + i] = octet(i);
	n += s->payload;
	if (s->finished) {
		sum = sum_done(sum_add(0, at, n));
		put(at + field, &sum, sizeof(sum));
	}
	return n;
}

static size_t l4_octets(const struct shape *s)
{
	return s->payload + (s->proto == PROTO_TCP ? 20 + TIMESTAMPS : 8);
}

static size_t put_ip(uint8_t *at, const struct shape *s, uint64_t *pseudo)
{
	struct ip6_hdr six = {
		.vtf = be32_put(0x60012345), .payload_len = be16_put((uint16_t)l4_octets(s)),
		.next = s->proto, .hop_limit = 60, .src = { { 0x20, 1 } }, .dst = { { 0x20, 2 } },
	};
	struct ip4_hdr four = {
		.vihl = 0x45, .total_len = be16_put((uint16_t)(20 + l4_octets(s))),
		.id = be16_put(0xfffe), .frag = be16_put(IP4_DF), .ttl = 60,
		.protocol = s->proto, .src = { { 240, 1, 2, 3 } }, .dst = { { 240, 3, 2, 1 } },
	};

	if (s->four) {
		four.checksum = sum_done(sum_add(0, &four, sizeof(four)));
		*pseudo = sum_pseudo4(&four.src, &four.dst, (uint16_t)l4_octets(s), s->proto);
		return put(at, &four, sizeof(four));
	}
	*pseudo = sum_pseudo6(&six.src, &six.dst, (uint32_t)l4_octets(s), s->proto);
	return put(at, &six, sizeof(six));
}

static size_t gre_octets(const struct shape *s)
{
	return s->gre ? 4u + (s->checksum ? 4 : 0) + (s->key ? 4 : 0) : 0;
}

static struct pkt build(const struct shape *s)
{
	uint8_t *at = packet + PKT_HEADROOM;
	struct gre_hdr gre = {
		.flags = be16_put((uint16_t)((s->checksum ? GRE_CHECKSUM : 0) |
					     (s->key ? GRE_KEY : 0))),
		.protocol = be16_put(s->four ? ETHER_IPV4 : ETHER_IPV6),
	};
	uint64_t pseudo;
	size_t n = 0;
	struct pkt p;

	memset(packet, 0xee, sizeof(packet));
	if (s->gre)
		n += put(at, &gre, sizeof(gre));
	if (s->checksum)
		n += put(at + n, "csum", 4);
	if (s->key)
		n += put(at + n, "key!", 4);
	n += put_ip(at + n, s, &pseudo);
	n += put_l4(at + n, s, pseudo);
	pkt_init(&p, packet, n, s->gre ? VIA_GRE : VIA_P41);
	return p;
}

/* A whole packet at @at: lengths, checksums, GRE. Return: its L4 octets, or 0 when bad */
static size_t whole(const struct shape *s, const uint8_t *at, size_t len, const uint8_t **l4)
{
	size_t gre = gre_octets(s) - (s->checksum ? 4 : 0), l4_len;
	struct ip6_hdr six;
	struct ip4_hdr four;
	struct gre_hdr g;
	uint64_t pseudo;

	if (s->gre) {
		memcpy(&g, at, sizeof(g));
		if (be16_get(&g.flags) != (s->key ? GRE_KEY : 0) ||
		    (s->key && memcmp(at + 4, "key!", 4) != 0))
			return 0;
	}
	if (s->four) {
		memcpy(&four, at + gre, sizeof(four));
		l4_len = be16_get(&four.total_len) - sizeof(four);
		*l4 = at + gre + sizeof(four);
		pseudo = sum_pseudo4(&four.src, &four.dst, (uint16_t)l4_len, s->proto);
		if (!sum_ok(sum_add(0, &four, sizeof(four))))
			return 0;
	} else {
		memcpy(&six, at + gre, sizeof(six));
		l4_len = be16_get(&six.payload_len);
		*l4 = at + gre + sizeof(six);
		pseudo = sum_pseudo6(&six.src, &six.dst, (uint32_t)l4_len, s->proto);
		if (be32_get(&six.vtf) != 0x60012345 || six.hop_limit != 60)
			return 0;
	}
	if (*l4 + l4_len != at + len || !sum_ok(sum_add(pseudo, *l4, l4_len)))
		return 0;
	return l4_len;
}

/* Segment @i of @s, its payload being octets @from on. Return: payload octets, 0: bad */
static size_t segment_ok(const struct shape *s, size_t len, size_t from, unsigned int i)
{
	const uint8_t *l4;
	size_t l4_len = whole(s, out, len, &l4), header = 20 + TIMESTAMPS, n;
	uint16_t id_want = (uint16_t)(0xfffe + i), id;
	bool last;
	struct tcp_hdr h;
	struct ip4_hdr four;

	if (l4_len <= header || len > OFFLOAD_CUT_BYTES + gre_octets(s))
		return 0;
	memcpy(&h, l4, sizeof(h));
	n = l4_len - header;
	last = from + n == s->payload;
	for (size_t o = 0; o < n; o++) {
		if (l4[header + o] != octet(from + o))
			return 0;
	}
	memcpy(&four, out + gre_octets(s) - (s->checksum ? 4 : 0), sizeof(four));
	id = be16_get(&four.id);
	if (be32_get(&h.seq) != SEQ + (uint32_t)from || memcmp(l4 + 20, "\1\1\x8\xa" "abcdefgh", 12) ||
	    (h.flags & FLAGS_FIN_PSH) != (last ? s->flags & FLAGS_FIN_PSH : 0) ||
	    (h.flags & FLAGS_CWR) != (i == 0 ? s->flags & FLAGS_CWR : 0) ||
	    !(h.flags & FLAGS_ACK) || (s->four && id != id_want))
		return 0;
	return n;
}

static void cut(const struct shape *s, struct offload *o)
{
	size_t from = 0, len;
	unsigned int n = 0;
	bool good = true;

	while ((len = offload_next(o, out)) != 0) {
		size_t payload = segment_ok(s, len, from, n++);

		good = good && payload;
		from += payload;
	}
	ok(good && from == s->payload && n == s->becomes,
	   "%s: becomes %u whole packets with every octet once, got %u", s->what, s->becomes, n);
}

static void every_shape(void)
{
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		const struct shape *s = &shapes[i];
		struct pkt p = build(s);
		struct offload o;
		bool found = offload_find(&p, &o);
		const uint8_t *l4;

		if (!ok(found == s->found && (!found || o.cut == s->cut), "%s: %s", s->what,
			s->found ? "is unfinished" : "is left alone") || !found)
			continue;
		if (o.cut) {
			cut(s, &o);
			continue;
		}
		offload_finish(&p, &o);
		ok(whole(s, p.data, p.len, &l4) != 0 && !offload_find(&p, &o),
		   "%s: gets its checksum", s->what);
	}
}

static void cut_short_anywhere_it_is_left_alone(void)
{
	size_t found = 0;

	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		struct pkt whole_one = build(&shapes[i]);

		for (size_t len = 0; len < min_size(whole_one.len, 300); len++) {
			struct pkt p = whole_one;
			struct offload o;

			p.len = len;
			found += offload_find(&p, &o);
		}
		whole_one.len--;
		struct offload o;
		found += offload_find(&whole_one, &o);
	}
	ok(found == 0, "cut short anywhere, a packet is left alone");
}

static void octets_behind_it_are_not_part_of_it(void)
{
	struct pkt p = build(&shapes[3]);
	const uint8_t *l4;
	struct offload o;
	size_t n = 0, len;
	bool good;

	p.len += 100;
	good = offload_find(&p, &o);
	while (good && (len = offload_next(&o, out)) != 0)
		n += whole(&shapes[3], out, len, &l4);
	ok(n == 2 * 1208 + 2 * 32, "octets behind the inner packet are not part of it");
}

int main(void)
{
	every_shape();
	cut_short_anywhere_it_is_left_alone();
	octets_behind_it_are_not_part_of_it();
	return tap_done();
}
