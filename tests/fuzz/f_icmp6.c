/*
 * ICMPv6: outer errors, and what 6in4 and the uplink bring to the PoP itself. First octet:
 * bit 0: make the checksum good, bits 1-2: 0 outer, 1 inner from T9, 2 from the uplink.
 */
#include "scene.h"

/* The message directly behind the IPv6 header, as long as that says. */
static void fix_inner(uint8_t *bytes, size_t len)
{
	size_t payload = len >= 44 ? (size_t)bytes[4] << 8 | bytes[5] : 0;

	if (payload >= 4 && payload <= len - 40)
		naive_icmp6(bytes, bytes + 40, payload, bytes[40], bytes[41]);
}

static void fix_outer(uint8_t *bytes, size_t len)
{
	uint8_t whole[40] = { 0 };
	struct ip6_addr us = address(pop_v6), them = address("2001:db8:aa::1");

	memcpy(whole + 8, &them, sizeof(them));
	memcpy(whole + 24, &us, sizeof(us));
	if (len >= 4)
		naive_icmp6(whole, bytes, len, bytes[0], bytes[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[SCENE_INPUT_MAX];

	scene_open();
	if (size < 1 || size > sizeof(bytes))
		return 0;

	unsigned int way = data[0] >> 1 & 3;
	bool good = data[0] & 1;
	size_t len = size - 1;

	memcpy(bytes, data + 1, len);
	if (way == 0) {
		if (good)
			fix_outer(bytes, len);
		scene_run(VIA_ICMP6, (struct sender){ "2001:db8:aa::1", 0 }, 0, bytes, len);
		return 0;
	}
	if (good)
		fix_inner(bytes, len);
	if (way == 1)
		scene_run(VIA_P41, (struct sender){ "203.0.113.200", 0 }, 0, bytes, len);
	else
		scene_run(VIA_TUN, (struct sender){ NULL, 0 }, 0, bytes, len);
	return 0;
}
