/* io/outer.c: what is around an outer packet, or a frame, when it arrives */
#include "io/outer.h"
#include "wire/ether.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/proto.h"
#include "wire/udp.h"
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

/* ---- frames ---- */

struct frame {
	size_t	len;
	size_t	at;			/* of the network header */
};

static void put(struct frame *f, const void *bytes, size_t len)
{
	memcpy(room + PKT_HEADROOM + f->len, bytes, len);
	f->len += len;
}

static struct frame begin(uint16_t type, bool tag)
{
	struct ether_hdr e = { .type = be16_put(tag ? ETHER_VLAN : type) };
	struct vlan_tag t = { be16_put(5 << 13), be16_put(type) };
	struct frame f = { .len = 0 };

	memset(room, 0xee, sizeof(room));
	put(&f, &e, sizeof(e));
	if (tag)
		put(&f, &t, sizeof(t));
	f.at = f.len;
	return f;
}

static struct frame ayiya_frame(bool tag, int udp_len)
{
	struct frame f = begin(ETHER_IPV4, tag);
	struct udp_hdr u = { be16_put(40001), be16_put(PORT_AYIYA),
			     be16_put((uint16_t)(8 + PAYLOAD + udp_len)), { 0 } };
	struct ip4_hdr h = {
		.vihl = 0x45, .tos = 3, .total_len = be16_put(20 + 8 + PAYLOAD), .ttl = 64,
		.protocol = PROTO_UDP, .src = { { 198, 51, 100, 7 } }, .dst = { { 192, 0, 2, 42 } },
	};
	uint8_t payload[PAYLOAD] = { 0x41 };

	put(&f, &h, sizeof(h));
	put(&f, &u, sizeof(u));
	put(&f, payload, sizeof(payload));
	return f;
}

static struct frame native_frame(bool tag, int octets)
{
	struct frame f = begin(ETHER_IPV6, tag);
	struct ip6_hdr h = { .vtf = be32_put(6u << 28),
			     .payload_len = be16_put((uint16_t)(PAYLOAD + octets)) };
	uint8_t payload[PAYLOAD] = { 0 };

	put(&f, &h, sizeof(h));
	put(&f, payload, sizeof(payload));
	return f;
}

static enum verdict strip(struct frame f, struct pkt *p)
{
	pkt_init(p, room, f.len, VIA_TUN);
	return saw(outer_strip_frame(p));
}

static void frames_are_what_they_hold(void)
{
	for (int tag = 0; tag < 2; tag++) {
		struct frame f = ayiya_frame(tag, 0);
		struct pkt p;
		enum verdict v = strip(f, &p);

		ok(v == PASS && p.via == VIA_AYIYA && p.len == PAYLOAD && p.data[0] == 0x41 &&
		   p.outer.them_port == 40001 && p.outer.us_port == PORT_AYIYA && p.outer.ecn == 3 &&
		   p.inner == p.data && p.data == room + PKT_HEADROOM + f.at + 28,
		   "AYIYA%s: addresses, ports and ECN are told, the rest is the datagram",
		   tag ? " with a tag" : "");
		f = native_frame(tag, 0);
		v = strip(f, &p);
		ok(v == PASS && p.via == VIA_TUN && p.len == 40 + PAYLOAD && p.inner_len == p.len &&
		   p.data == room + PKT_HEADROOM + f.at, "IPv6%s is as from the TUN device",
		   tag ? " with a tag" : "");
	}
}

static void frames_that_lie(void)
{
	struct frame f = ayiya_frame(false, -1);
	struct pkt p;

	ok(strip(f, &p) == PASS && p.len == PAYLOAD - 1, "a datagram shorter than its packet is cut");
	f = ayiya_frame(false, 1);
	ok(strip(f, &p) == DROP_OUTER_SHORT, "one that claims more is not one");
	f = ayiya_frame(false, -9 - PAYLOAD);
	ok(strip(f, &p) == DROP_OUTER_SHORT, "nor is one shorter than its header");
	f = native_frame(false, -3);
	ok(strip(f, &p) == PASS && p.len == 40 + PAYLOAD - 3, "what pads a frame is no part of the packet");
	f = native_frame(false, 1);
	ok(strip(f, &p) == DROP_OUTER_SHORT, "nor is what is not there");
	f = begin(0x0806, false);
	ok(strip(f, &p) == DROP_OUTER_SHORT, "other EtherTypes are nothing of ours");

	size_t wrong = 0;

	for (int tag = 0; tag < 2; tag++) {
		f = ayiya_frame(tag, 0);
		for (size_t len = 0; len < f.len; len++)
			wrong += strip((struct frame){ .len = len }, &p) == PASS;
	}
	ok(wrong == 0, "no frame that was cut off passes");
}

int main(void)
{
	every_shape();
	no_octet_beyond_the_packet_is_ever_part_of_it();
	frames_are_what_they_hold();
	frames_that_lie();
	return tap_done();
}
