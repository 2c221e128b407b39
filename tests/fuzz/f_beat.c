/* Heartbeats. First octet: bits 0-1 who sends it, bit 5: append the digest it needs. */
#include "scene.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sender from[] = {
		{ "198.51.100.20", 40001 }, { MALLORY, 40001 }, { "2001:db8:cafe::8", 40001 },
		{ "127.0.0.1", 40001 },
	};
	static uint8_t bytes[1024 + sizeof(PASSWORD)];

	scene_open();
	if (size < 1 || size > 1024)
		return 0;

	size_t len = size - 1;

	memcpy(bytes, data + 1, len);
	if (data[0] & 0x20) {
		char hex[33];
		uint8_t out[32];

		memcpy(bytes + len, PASSWORD, strlen(PASSWORD));
		test_digest("MD5", bytes, len + strlen(PASSWORD), out);
		for (int i = 0; i < 16; i++)
			snprintf(hex + 2 * i, 3, "%02x", out[i]);
		memcpy(bytes + len, hex, 32);
		len += 32;
	}
	scene_run(VIA_BEAT, from[data[0] & 3], 0, bytes, len);
	return 0;
}
