/* base/sum.c against RFC 1071's own way: sixteen bits at a time, in wire order. */
#include <string.h>
#include "base/sum.h"
#include "tap.h"

static uint16_t slowly(const uint8_t *at, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? at[i] : (uint32_t)at[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static bool same(const uint8_t *at, size_t len)
{
	be16_t done = sum_done(sum_add(0, at, len));

	return be16_get(&done) == slowly(at, len);
}

int main(void)
{
	static uint8_t room[65536 + 8];
	size_t wrong = 0;

	for (size_t i = 0; i < sizeof(room); i++)
		room[i] = (uint8_t)(i * 37 + i / 251);
	for (size_t len = 0; len < 200; len++) {
		for (size_t from = 0; from < 8; from++)
			wrong += !same(room + from, len);
	}
	ok(wrong == 0, "every length below 200 octets, wherever it begins");
	ok(same(room, 1344) && same(room + 1, 65535), "and long ones");
	memset(room, 0xff, sizeof(room));
	ok(same(room, 65536 - 4), "no carry is lost");

	be16_t whole = sum_done(sum_add(0, room + 2, 1000));
	be16_t parts = sum_done(sum_add(sum_add(0, room + 2, 604), room + 606, 396));

	ok(whole.raw == parts.raw, "pieces of even length add up");
	return tap_done();
}
