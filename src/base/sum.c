#include "base/sum.h"

uint64_t sum_add(uint64_t sum, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint64_t even = 0, odd = 0;

	/* 32-bit words into 64 bits: room for 2^32 of them before a carry is lost */
	while (len >= 16) {
		uint64_t w[2];

		memcpy(w, at, sizeof(w));
		even += (w[0] & 0xffffffff) + (w[1] & 0xffffffff);
		odd += (w[0] >> 32) + (w[1] >> 32);
		at += sizeof(w);
		len -= sizeof(w);
	}
	even += odd;
	while (len >= 4) {
		uint32_t w;

		memcpy(&w, at, sizeof(w));
		even += w;
		at += 4;
		len -= 4;
	}
	if (len >= 2) {
		uint16_t w;

		memcpy(&w, at, sizeof(w));
		even += w;
		at += 2;
		len -= 2;
	}
	if (len) {
		uint8_t pair[2] = { *at, 0 };
		uint16_t w;

		memcpy(&w, pair, sizeof(w));
		even += w;
	}
	/* fold to below 2^33 so that callers may chain without counting */
	even = (even & 0xffffffff) + (even >> 32);
	return sum + even;
}
