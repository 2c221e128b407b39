/* Along the extension headers: where the upper layer begins, and what a chain may not be. */
#include "base/def.h"
#include "path/ext.h"
#include "tap.h"
#include "wire/ip6.h"
#include "wire/proto.h"

static const struct {
	const char *name;
	uint8_t first;
	const char *chain;	/* what follows the IPv6 header */
	enum verdict v;
	uint8_t proto;
	size_t at;
	bool upper, fragment;
	uint32_t pointer;
} row[] = {
	{ "UDP at once", 17, "0000000000000000", PASS, 17, 40, true, false, 0 },
	{ "no next header", 59, "", PASS, 59, 40, false, false, 0 },
	{ "ICMPv6, nothing there: the next step's matter", 58, "", PASS, 58, 40, true, false, 0 },
	{ "ESP ends the walk", 50, "0011223344556677", PASS, 50, 40, true, false, 0 },
	{ "hop-by-hop of 8", 0,
	  "0600010400000000"
	  "11",
	  PASS, 6, 48, true, false, 0 },
	{ "hop-by-hop of 16", 0,
	  "0601010c0000000000000000000000aa"
	  "11",
	  PASS, 6, 56, true, false, 0 },
	{ "AH counts in words of 4: 24", 51,
	  "11040000"
	  "00000001"
	  "00000001"
	  "aaaaaaaaaaaaaaaaaaaaaaaa"
	  "22",
	  PASS, 17, 64, true, false, 0 },
	{ "destination options, routing type 2, UDP", 60,
	  "2b00010400000000"
	  "1100020000000000"
	  "0035",
	  PASS, 17, 56, true, false, 0 },
	{ "first fragment", 44,
	  "1100000100000007"
	  "0035",
	  PASS, 17, 48, true, true, 0 },
	{ "later fragment: no header behind it", 44,
	  "1100000800000007"
	  "0035",
	  PASS, 17, 40, false, true, 0 },
	{ "atomic fragment is none", 44,
	  "1100000000000007"
	  "0035",
	  PASS, 17, 48, true, false, 0 },
	{ "first fragment whose chain goes on beyond it (P6)", 44,
	  "3c00000100000007"
	  "11",
	  PASS, 60, 48, false, true, 0 },
	{ "first fragment, chain longer than it (P6)", 44,
	  "3c00000100000007"
	  "1103000000000000",
	  PASS, 60, 48, false, true, 0 },
	{ "RH0", 43, "1100000000000000", DROP_IP6_RH0, 0, 0, false, false, 42 },
	{ "RH0 with segments left", 43,
	  "1102000100000000"
	  "20010db8000000000000000000000001"
	  "1111",
	  DROP_IP6_RH0, 0, 0, false, false, 42 },
	{ "RH0 behind other headers", 60,
	  "3c00010400000000"
	  "2b00010400000000"
	  "1100000000000000",
	  DROP_IP6_RH0, 0, 0, false, false, 58 },
	{ "RH0 in a first fragment", 44,
	  "2b00000100000007"
	  "1100000000000000",
	  DROP_IP6_RH0, 0, 0, false, false, 50 },
	{ "hop-by-hop that is not there", 0, "", DROP_IP6_EXTENSIONS, 0, 0, false, false, 6 },
	{ "hop-by-hop cut in the middle", 0, "06000104000000", DROP_IP6_EXTENSIONS, 0, 0, false,
	  false, 6 },
	{ "hop-by-hop longer than the packet", 0, "0601010400000000", DROP_IP6_EXTENSIONS, 0, 0,
	  false, false, 41 },
	{ "second header cut", 60,
	  "3c00010400000000"
	  "1100",
	  DROP_IP6_EXTENSIONS, 0, 0, false, false, 40 },
	{ "fragment header cut", 44, "11000001", DROP_IP6_EXTENSIONS, 0, 0, false, false, 6 },
};

static size_t build(uint8_t *at, size_t room, uint8_t first, const char *chain)
{
	size_t n = unhex(chain, at + 40, room - 40);

	memset(at, 0, 40);
	at[0] = 0x60;
	at[5] = (uint8_t)n;
	at[6] = first;
	return 40 + n;
}

static void rows(void)
{
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		uint8_t bytes[200];
		size_t len = build(bytes, sizeof(bytes), row[i].first, row[i].chain);
		struct ext_end end;
		enum verdict v = ext_walk(cur_of(bytes, len), &end);
		bool good = v == row[i].v;

		if (v == PASS)
			good = good && end.proto == row[i].proto && end.at == row[i].at &&
			       end.upper == row[i].upper && end.fragment == row[i].fragment;
		else
			good = good && end.pointer == row[i].pointer;
		ok(good, "%s: %s", row[i].name, verdict_info[v].name);
	}
}

static void bounded(void)
{
	for (size_t n = 7; n <= 10; n++) {
		uint8_t bytes[200] = { 0x60, [6] = PROTO_DSTOPTS };
		struct ext_end end;

		for (size_t i = 0; i < n; i++)
			bytes[40 + 8 * i] = i + 1 < n ? PROTO_DSTOPTS : PROTO_UDP;
		enum verdict v = ext_walk(cur_of(bytes, 40 + 8 * n + 8), &end);

		ok(v == (n <= EXT_MAX ? PASS : DROP_IP6_EXTENSIONS) &&
		           (v != PASS || (end.at == 40 + 8 * n && end.upper)) &&
		           (v == PASS || end.pointer == 40 + 8 * 7),
		   "H4: %zu headers: %s", n, verdict_info[v].name);
	}
}

/* Whatever it is: the walk ends, within the packet. A memory checker watches the end. */
static void anything(void)
{
	static const uint8_t kinds[] = { 0, 43, 44, 51, 60, 17, 59 };
	uint32_t r = 1;
	size_t beyond = 0, passed = 0;

	for (int n = 0; n < 200000; n++) {
		size_t len = (r >> 8) % 100;
		uint8_t *bytes = malloc(len ? len : 1);
		struct ext_end end;

		for (size_t i = 0; i < len; i++) {
			r = r * 1664525 + 1013904223;
			bytes[i] = i == 6 || i % 8 == 0 ? kinds[(r >> 16) % sizeof(kinds)] :
				   i % 8 == 1 ? (uint8_t)((r >> 24) % 3) : (uint8_t)(r >> 24);
		}
		if (ext_walk(cur_of(bytes, len), &end) == PASS) {
			passed++;
			beyond += end.at > len || len < 40;
		}
		r = r * 1664525 + 1013904223;
		free(bytes);
	}
	ok(beyond == 0 && passed > 1000, "200000 random chains stay within their packet");
}

int main(void)
{
	rows();
	bounded();
	anything();
	return tap_done();
}
