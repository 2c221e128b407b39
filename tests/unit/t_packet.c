/*
 * An offending packet as the page shows it: which fields, and where. tests/fuzz/f_packet.c throws
 * everything else at it.
 */
#include <stdio.h>
#include "tap.h"
#include "web/parts.h"

#define INNER6	"600000000000" "3b40" "20010db802ff00090000000000000002" "20010db8ffff00000000000000000001"
#define AYIYA	"41521129" "6553f100" "20010db802ff00010000000000000002"
#define SHA1	"000102030405060708090a0b0c0d0e0f10111213"

static char buf[ANSWER_SIZE_MIN];

/* Of @hex, the first @kept octets. */
static const char *shown(enum verdict v, const char *hex, size_t kept)
{
	struct answer an = { .buf = buf, .size = sizeof(buf) };
	struct error_sample s = { .verdict = (uint16_t)v, .source = addr_from_ip4(0xc6336407) };
	uint8_t octets[256];

	s.real_len = (uint32_t)unhex(hex, octets, sizeof(octets));
	s.kept = (uint16_t)min_size(min_size(s.real_len, kept), sizeof(s.bytes));
	memcpy(s.bytes, octets, s.kept);
	answer_reset(&an, ANSWER_JSON);
	show_packet(NULL, &s, &an);
	buf[an.len] = '\0';
	return buf;
}

static bool has(const char *json, const char *layer, const char *name, const char *value, int offset, int length)
{
	char field[200];

	snprintf(field, sizeof(field), "{\"layer\":\"%s\",\"name\":\"%s\",\"value\":\"%s\",\"offset\":%d,\"length\":%d}",
		 layer, name, value, offset, length);
	return strstr(json, field);
}

static void words_of_gre_are_stepped_over(void)
{
	static const struct {
		const char	*head;
		int		octets;
	} row[] = {
		{ "000086dd", 4 },
		{ "800086dd" "abcd0000", 8 },
		{ "200086dd" "00000007", 8 },
		{ "100086dd" "60000001", 8 },
		{ "300086dd" "00000007" "60000001", 12 },
		{ "b00086dd" "abcd0000" "00000007" "60000001", 16 },
	};
	char hex[256];

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		snprintf(hex, sizeof(hex), "%s" INNER6, row[i].head);
		ok(has(shown(DROP_GRE_KEY, hex, 128), "IPv6", "source", "2001:db8:2ff:9::2", row[i].octets + 8, 16),
		   "inside is what is inside");
	}
	ok(has(buf, "GRE", "key", "7", 8, 4) && has(buf, "GRE", "sequence number", "1610612737", 12, 4),
	   "and the words are shown");
}

static void nothing_is_shown_of_what_was_not_kept(void)
{
	static const char all[] = AYIYA SHA1 INNER6;

	ok(has(shown(DROP_AYIYA_DIGEST, all, 44), "AYIYA", "signature", "20 octets", 24, 20),
	   "a signature that is there is shown");
	ok(has(buf, "AYIYA", "identity", "2001:db8:2ff:1::2", 8, 16), "with what is in front of it");
	ok(!strstr(shown(DROP_AYIYA_DIGEST, all, 43), "\"signature\""), "half a one is not");
	ok(has(buf, "AYIYA", "identity", "2001:db8:2ff:1::2", 8, 16), "but what is in front of it");
}

int main(void)
{
	words_of_gre_are_stepped_over();
	nothing_is_shown_of_what_was_not_kept();
	return tap_done();
}
