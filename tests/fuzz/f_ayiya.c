/*
 * AYIYA. First octet: bits 0-1 who sends it, bits 2-3 the outer ECN mark, bit 4: give it
 * the present time, bit 5: sign it, because no fuzzer finds a digest.
 */
#include "scene.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sender from[] = {
		{ ALICE, 40001 }, { MALLORY, 40001 }, { "2001:db8:cafe::8", 5072 }, { "0.0.0.0", 5072 },
	};
	static uint8_t bytes[SCENE_INPUT_MAX];

	scene_open();
	if (size < 1 || size > sizeof(bytes))
		return 0;

	size_t len = size - 1;
	bool sha256 = len > 1 && data[2] == AYIYA_SIG_SHA256;
	size_t sig = sha256 ? 32 : 20;

	memcpy(bytes, data + 1, len);
	if (data[0] & 0x10 && len >= 8) {
		for (int i = 0; i < 4; i++)
			bytes[4 + i] = (uint8_t)(POP_WALL_S >> (24 - 8 * i));
	}
	if (data[0] & 0x20 && len >= 24 + sig) {
		uint8_t out[32];

		test_digest(sha256 ? "SHA256" : "SHA1", PASSWORD, strlen(PASSWORD), bytes + 24);
		test_digest(sha256 ? "SHA256" : "SHA1", bytes, len, out);
		memcpy(bytes + 24, out, sig);
	}
	scene_run(VIA_AYIYA, from[data[0] & 3], data[0] >> 2 & 3, bytes, len);
	return 0;
}
