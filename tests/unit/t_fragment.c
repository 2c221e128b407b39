/* Outer packets in fragments: a naive reassembly must give back every packet for every MTU. */
#include <stdint.h>

#include "base/sum.h"
#include "path/fragment.h"
#include "wire/proto.h"
#include "tap.h"

enum { ROOM = 4000, ID = 0x1234beef };

static uint8_t packet[ROOM], back[ROOM];
static bool have[ROOM];

static size_t make4(size_t len)
{
	struct ip4_hdr h = {
		.vihl = 0x45,
		.tos = 2,
		.total_len = be16_put((uint16_t)len),
		.ttl = 64,
		.protocol = PROTO_IPV6,
		.src = { { 192, 0, 2, 42 } },
		.dst = { { 198, 51, 100, 7 } },
	};

	h.checksum = sum_done(sum_add(0, &h, sizeof(h)));
	for (size_t i = sizeof(h); i < len; i++)
		packet[i] = (uint8_t)(i * 7 + i / 256);
	memcpy(packet, &h, sizeof(h));
	return len;
}

static size_t make6(size_t len)
{
	struct ip6_hdr h = {
		.vtf = be32_put(0x60212345), .payload_len = be16_put((uint16_t)(len - sizeof(h))),
		.next = PROTO_IPV6, .hop_limit = 64, .src = { { 0x20, 1 } }, .dst = { { 0x20, 2 } },
	};

	for (size_t i = sizeof(h); i < len; i++)
		packet[i] = (uint8_t)(i * 7 + i / 256);
	memcpy(packet, &h, sizeof(h));
	return len;
}

/* One piece into the whole. Return: false when anything about it is wrong. */
static bool place(const uint8_t *at, size_t bytes, size_t header, size_t offset, bool more,
		  size_t *end)
{
	size_t n = bytes - header;

	if (n == 0 || offset % 8 || (more && n % 8) || offset + n > ROOM)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (have[offset + i])
			return false;	/* overlapping */
		have[offset + i] = true;
		back[offset + i] = at[header + i];
	}
	if (!more)
		*end = offset + n;
	return true;
}

static bool take4(const uint8_t *at, size_t bytes, size_t *end)
{
	struct ip4_hdr h, was;

	memcpy(&h, at, sizeof(h));
	memcpy(&was, packet, sizeof(was));
	uint16_t where = be16_get(&h.frag);

	return h.vihl == 0x45 && be16_get(&h.total_len) == bytes &&
	       sum_ok(sum_add(0, at, sizeof(h))) && be16_get(&h.id) == (ID & 0xffff) &&
	       !(where & IP4_DF) && h.ttl == 64 && h.tos == 2 && h.protocol == PROTO_IPV6 &&
	       !memcmp(&h.src, &was.src, 8) &&
	       place(at, bytes, sizeof(h), (where & IP4_OFFSET_MASK) * 8u, where & IP4_MF, end);
}

static bool take6(const uint8_t *at, size_t bytes, size_t *end)
{
	struct ip6_hdr h;
	struct ip6_frag x;

	memcpy(&h, at, sizeof(h));
	memcpy(&x, at + sizeof(h), sizeof(x));
	uint16_t where = be16_get(&x.offset);

	return be32_get(&h.vtf) == 0x60212345 && be16_get(&h.payload_len) == bytes - sizeof(h) &&
	       h.next == PROTO_FRAGMENT && h.hop_limit == 64 && !memcmp(at + 8, packet + 8, 32) &&
	       x.next == PROTO_IPV6 && x.reserved == 0 && be32_get(&x.id) == ID &&
	       place(at, bytes, sizeof(h) + sizeof(x), where & IP6_FRAG_OFFSET_MASK,
		     where & IP6_FRAG_MORE, end);
}

/* Return: fragments, 0 when something is wrong. The output buffer has mtu octets and no more. */
static size_t there_and_back(size_t len, uint16_t mtu, bool four)
{
	size_t header = four ? sizeof(struct ip4_hdr) : sizeof(struct ip6_hdr), end = 0, n = 0,
	       bytes;
	uint8_t *out = malloc(mtu);
	struct fragmenter f;
	bool good = true;

	memset(have, 0, sizeof(have));
	fragment_begin(&f, packet, len, mtu, ID);
	while (good && (bytes = fragment_next(&f, out)) != 0) {
		good = bytes <= mtu && (four ? take4(out, bytes, &end) : take6(out, bytes, &end));
		n++;
	}
	free(out);
	return good && end == len - header && !memcmp(back, packet + header, end) ? n : 0;
}

static void every_mtu(bool four)
{
	static const size_t lens[] = { 1300, 1301, 1320, 1352, 1500, 2999 };
	uint16_t least = four ? IP4_MTU_MIN_BYTES : IP6_MTU_MIN_BYTES;
	size_t tried = 0, wrong = 0;

	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		if (four)
			make4(lens[i]);
		else
			make6(lens[i]);
		for (uint16_t mtu = least; mtu < lens[i]; mtu++) {
			wrong += there_and_back(lens[i], mtu, four) < 2;
			tried++;
		}
	}
	ok(wrong == 0, "IPv%d: %zu packets come back whole, every piece within its MTU",
	   four ? 4 : 6, tried);
}

static void what_fits_is_left_alone(void)
{
	uint8_t out[1400];
	struct fragmenter f;

	fragment_begin(&f, packet, make4(1300), 1300, ID);
	ok(fragment_next(&f, out) == 1300 && !memcmp(out, packet, 1300) &&
	           fragment_next(&f, out) == 0,
	   "IPv4 that fits goes as it is, once");
	fragment_begin(&f, packet, make6(1280), 1280, ID);
	ok(fragment_next(&f, out) == 1280 && !memcmp(out, packet, 1280) &&
	           fragment_next(&f, out) == 0,
	   "IPv6 likewise: no atomic fragment (RFC 8021)");
}

static void as_few_as_possible(void)
{
	make4(1300);
	ok(there_and_back(1300, 1299, true) == 2, "one octet too many makes two IPv4 fragments");
	make6(1320);
	ok(there_and_back(1320, 1319, false) == 2, "and two IPv6 fragments");
	make4(1300);
	ok(there_and_back(1300, 660, true) == 2 && there_and_back(1300, 659, true) == 3,
	   "640 of payload fit 660 twice, 632 fit 659 not quite");
}

int main(void)
{
	every_mtu(true);
	every_mtu(false);
	what_fits_is_left_alone();
	as_few_as_possible();
	return tap_done();
}
