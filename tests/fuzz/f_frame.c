/*
 * Frames of an AF_XDP socket, as a worker takes them apart. The first octet is nobody's: all is
 * the frame, from the Ethernet header on.
 */
#include "fuzz.h"
#include "io/outer.h"
#include "wire/ip6.h"

static uint8_t room[PKT_ROOM];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end;
	struct pkt p;

	if (size < 1 || size - 1 > 2048)
		return 0;
	memcpy(room + PKT_HEADROOM, data + 1, size - 1);
	end = room + PKT_HEADROOM + size - 1;
	pkt_init(&p, room, size - 1, VIA_TUN);
	if (outer_strip_frame(&p) != PASS)
		return 0;
	must(p.data >= room + PKT_HEADROOM + 14 && p.data + p.len <= end, "it lies within the frame");
	must(p.inner == p.data && p.inner_len == p.len, "and is what an error would quote");
	must(p.via == VIA_AYIYA || (p.via == VIA_TUN && p.len >= sizeof(struct ip6_hdr)),
	     "and is one of two things");
	return 0;
}
