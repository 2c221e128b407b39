/*
 * Protocol 41, the IPv6 chain and the uplink. The first octet says how it arrives:
 * bits 0-1 who sends it, bits 2-3 the outer ECN mark.
 */
#include "scene.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sender from[] = {
		{ "203.0.113.200", 0 }, { "2001:db8:cafe::7", 0 }, { MALLORY, 0 }, { NULL, 0 },
	};

	scene_open();
	if (size < 1)
		return 0;

	struct sender s = from[data[0] & 3];

	scene_run(s.them ? VIA_P41 : VIA_TUN, s, data[0] >> 2 & 3, data + 1, size - 1);
	return 0;
}
