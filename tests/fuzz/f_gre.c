/* GRE; first octet: bits 0-1 who sends it, bits 2-3 the outer ECN mark. */
#include "scene.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sender from[] = {
		{ "203.0.113.201", 0 }, { "203.0.113.202", 0 }, { MALLORY, 0 },
		{ "2001:db8:cafe::7", 0 },
	};

	scene_open();
	if (size < 1)
		return 0;
	scene_run(VIA_GRE, from[data[0] & 3], data[0] >> 2 & 3, data + 1, size - 1);
	return 0;
}
