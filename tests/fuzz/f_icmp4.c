/*
 * ICMPv4: outer errors, and IPv4 inside GRE. First octet: bit 0: make the ICMP checksum
 * good, bit 1: inner (then the IPv4 header's as well), bit 2: from the GRE tunnel with a key.
 */
#include "scene.h"

static size_t inner(uint8_t *bytes, const uint8_t *data, size_t size)
{
	bool keyed = data[0] & 4;
	size_t gre = keyed ? 8 : 4, header;

	unhex(keyed ? "2000080000000007" : "00000800", bytes, 8);
	memcpy(bytes + gre, data + 1, size - 1);
	if (size - 1 < 20)
		return gre + size - 1;

	header = (bytes[gre] & 15u) * 4u;
	if (data[0] & 1 && header >= 20 && header <= size - 1) {
		size_t total = (size_t)bytes[gre + 2] << 8 | bytes[gre + 3];

		naive_sum4(bytes + gre, header);
		if (bytes[gre + 9] == 1 && total <= size - 1 && total >= header + 4)
			naive_icmp4(bytes + gre + header, total - header, bytes[gre + header],
				    bytes[gre + header + 1]);
	}
	return gre + size - 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[SCENE_INPUT_MAX];

	scene_open();
	if (size < 1 || size > sizeof(bytes) - 8)
		return 0;
	if (data[0] & 2) {
		size_t len = inner(bytes, data, size);
		struct sender s = { data[0] & 4 ? "203.0.113.202" : "203.0.113.201", 0 };

		scene_run(VIA_GRE, s, 0, bytes, len);
		return 0;
	}
	memcpy(bytes, data + 1, size - 1);
	if (data[0] & 1 && size - 1 >= 4)
		naive_icmp4(bytes, size - 1, bytes[0], bytes[1]);
	scene_run(VIA_ICMP4, (struct sender){ "203.0.113.1", 0 }, 0, bytes, size - 1);
	return 0;
}
