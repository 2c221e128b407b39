/* io/outer.c: the IPv4 header an outer packet arrives with */
#include "io/outer.h"
#include "wire/ip4.h"
#include "saw.h"
#include "tap.h"

enum { PAYLOAD = 48, HEADER_MAX = 60 };

static uint8_t room[PKT_ROOM];

struct shape {
	const char	*what;
	uint8_t		vihl;
	uint16_t	frag;
	int		total;		/* relative to what arrives */
	size_t		arrives;	/* octets, header included */
	enum verdict	want;
	size_t		payload;	/* of PASS */
};

static const struct shape shapes[] = {
	{ "a plain header", 0x45, 0, 0, 20 + PAYLOAD, PASS, PAYLOAD },
	{ "DF alone is no fragment", 0x45, IP4_DF, 0, 20 + PAYLOAD, PASS, PAYLOAD },
	{ "options", 0x46, 0, 0, 24 + PAYLOAD, PASS, PAYLOAD },
	{ "all options there can be", 0x4f, 0, 0, 60 + PAYLOAD, PASS, PAYLOAD },
	{ "an empty payload", 0x45, 0, 0, 20, PASS, 0 },
	{ "octets behind the packet", 0x45, 0, -7, 20 + PAYLOAD, PASS, PAYLOAD - 7 },
	{ "one octet less than it says", 0x45, 0, 1, 20 + PAYLOAD, DROP_OUTER_SHORT, 0 },
	{ "19 octets", 0x45, 0, 0, 19, DROP_OUTER_SHORT, 0 },
	{ "nothing", 0x45, 0, 0, 0, DROP_OUTER_SHORT, 0 },
	{ "a header length of 16", 0x44, 0, 0, 20 + PAYLOAD, DROP_OUTER_SHORT, 0 },
	{ "options cut off", 0x46, 0, 0, 23, DROP_OUTER_SHORT, 0 },
	{ "a total length inside the header", 0x46, 0, -1 - PAYLOAD, 24 + PAYLOAD,
	  DROP_OUTER_SHORT, 0 },
	{ "version 6", 0x65, 0, 0, 20 + PAYLOAD, DROP_OUTER_SHORT, 0 },
	{ "a first fragment", 0x45, IP4_MF, 0, 20 + PAYLOAD, DROP_OUTER_FRAGMENT, 0 },
	{ "a later fragment", 0x45, IP4_MF | 1, 0, 20 + PAYLOAD, DROP_OUTER_FRAGMENT, 0 },
	{ "the last fragment", 0x45, 1, 0, 20 + PAYLOAD, DROP_OUTER_FRAGMENT, 0 },
	{ "the highest offset", 0x45, IP4_OFFSET_MASK, 0, 20 + PAYLOAD, DROP_OUTER_FRAGMENT, 0 },
};

static struct pkt arrived(const struct shape *s)
{
	struct ip4_hdr h = {
		.vihl = s->vihl, .tos = 0xb8 | 2, .frag = be16_put(s->frag), .ttl = 64,
		.total_len = be16_put((uint16_t)((int)s->arrives + s->total)), .protocol = 41,
		.src = { { 198, 51, 100, 7 } }, .dst = { { 192, 0, 2, 42 } },
	};
	struct pkt p;

	memset(room, 0xee, sizeof(room));	/* what the last packet left */
	memcpy(room + PKT_HEADROOM, &h, min_size(sizeof(h), s->arrives));
	for (size_t i = 0; i < PAYLOAD; i++)
		room[PKT_HEADROOM + (size_t)(s->vihl & 15) * 4 + i] = (uint8_t)i;
	pkt_init(&p, room, s->arrives, VIA_P41);
	return p;
}

static void every_shape(void)
{
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		const struct shape *s = &shapes[i];
		struct pkt p = arrived(s);
		struct ip6_addr them = addr_from_ip4(0xc6336407), us = addr_from_ip4(0xc000022a);
		enum verdict v = saw(outer_strip4(&p));
		bool good = v == s->want;

		if (v == PASS)
			good = good && p.len == s->payload && p.inner == p.data &&
			       p.inner_len == p.len && (p.len == 0 || p.data[0] == 0) &&
			       addr_eq(&p.outer.them, &them) && addr_eq(&p.outer.us, &us) &&
			       p.outer.ecn == 2;
		ok(good, "%s: %s", s->what, verdict_info[v].name);
	}
}

static void no_octet_beyond_the_packet_is_ever_part_of_it(void)
{
	static const struct shape plain = { "", 0x45, 0, 0, 20 + PAYLOAD, PASS, 0 };
	size_t bad = 0;

	for (size_t arrives = 0; arrives <= 20 + PAYLOAD; arrives++) {
		for (unsigned int total = 0; total < 256; total++) {
			struct pkt p = arrived(&plain);
			be16_t t = be16_put((uint16_t)total);

			memcpy(room + PKT_HEADROOM + offsetof(struct ip4_hdr, total_len), &t,
			       sizeof(t));
			p.len = arrives;
			if (outer_strip4(&p) == PASS)
				bad += p.data + p.len > room + PKT_HEADROOM + arrives;
			else
				bad += p.data != room + PKT_HEADROOM || p.len != arrives;
		}
	}
	ok(bad == 0, "no octet beyond the packet is ever part of it, and a refused one is untouched");
}

int main(void)
{
	every_shape();
	no_octet_beyond_the_packet_is_ever_part_of_it();
	return tap_done();
}
