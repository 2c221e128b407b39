/*
 * Capture files: blocks byte for byte as in tests/data/vectors/pcapng.json, and what is said of
 * a packet.
 */
#include "ctl/capture_stream.h"
#include "ctl/pcapng.h"
#include "table/verdict.h"
#include "tap.h"

#define SHB "0a0d0d0a340000004d3c2b1a01000000ffffffffffffffff04000e006578616d706c652d6461656d6f6e" \
	"00000000000034000000"
#define IDB "010000002c00000065000000000000000200050054353037320000000900010006000000000000002c000000"
#define EPB "060000006c00000000000000240a06004022201830000000400000006000000000183a4020010db802ff0001" \
	"000000000000000220010db8ffff000000000000000000018000e56b123400010100110057726f6e6720536f" \
	"757263652049507636000000000000006c000000"
#define EPB_HEAD	28
#define EPB_CAPTURED	48

static bool is_hex(const uint8_t *got, size_t len, const char *hex)
{
	uint8_t want[256];
	size_t n = unhex(hex, want, sizeof(want));

	return n == len && memcmp(got, want, n) == 0;
}

static void blocks_are_those_of_the_vectors(void)
{
	uint8_t buf[PCAPNG_BLOCK_MAX], want[256];
	struct pcapng_packet p = {
		.interface = 0, .us = INT64_C(0x60a2418202240), .captured = EPB_CAPTURED,
		.original = 64, .comment = "Wrong Source IPv6",
	};
	size_t n;

	ok(is_hex(buf, pcapng_section(buf, NULL, "example-daemon"), SHB), "section header");
	ok(is_hex(buf, pcapng_interface(buf, "T5072", NULL), IDB), "interface description");
	n = unhex(EPB, want, sizeof(want));
	ok(pcapng_head(buf, &p) == EPB_HEAD && memcmp(buf, want, EPB_HEAD) == 0,
	   "what is in front of a packet");
	ok(pcapng_tail(buf, &p) == n - EPB_HEAD - EPB_CAPTURED &&
		   memcmp(buf, want + EPB_HEAD + EPB_CAPTURED, n - EPB_HEAD - EPB_CAPTURED) == 0,
	   "and what is behind it");
}

static uint32_t le32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void every_length_makes_a_whole_block(void)
{
	char comment[PCAPNG_TEXT_MAX + 100];
	bool good = true;

	memset(comment, 'x', sizeof(comment));
	comment[sizeof(comment) - 1] = '\0';
	for (uint32_t len = 0; len < 70 && good; len++) {
		struct pcapng_packet p = {
			.interface = 1, .captured = len, .original = len, .way = PCAPNG_OUTBOUND,
			.comment = comment + sizeof(comment) - 1 - len * 7,
		};
		uint8_t head[PCAPNG_BLOCK_MAX], tail[PCAPNG_BLOCK_MAX];
		size_t all = pcapng_head(head, &p) + len + pcapng_tail(tail, &p);
		size_t end = pcapng_tail(tail, &p);

		good = all % 4 == 0 && le32(head + 4) == all && le32(tail + end - 4) == all;
	}
	ok(good, "lengths in front and behind agree, and are multiples of four");
}

static void statistics_count_what_was_lost(void)
{
	uint8_t buf[PCAPNG_BLOCK_MAX];

	ok(is_hex(buf, pcapng_statistics(buf, 1, INT64_C(0x100000002), 7, 258),
		  "05000000340000000100000001000000020000000400080007000000000000000500080002010000"
		  "000000000000000034000000"),
	   "interface statistics");
}

/* ---- words ---- */

static const struct {
	struct capture	c;
	const char	*says;
} comments[] = {
	{ { .from = 1, .to = TID_NONE, .blame = TID_NONE, .via = VIA_P41,
	    .toward = TOWARD_UPLINK, .verdict = DROP_IP6_SOURCE }, "T101 -> uplink: DROP_IP6_SOURCE: " },
	{ { .from = TID_NONE, .to = 2, .blame = TID_NONE, .via = VIA_TUN,
	    .toward = TOWARD_TUNNEL, .verdict = SENT_TUNNEL }, "uplink -> T102: SENT_TUNNEL: " },
	{ { .from = 1, .to = 2, .blame = 1, .via = VIA_GRE,
	    .toward = TOWARD_TUNNEL, .verdict = SENT_TUNNEL }, "T101 -> T102: SENT_TUNNEL: " },
	{ { .from = TID_NONE, .to = TID_NONE, .blame = 2, .via = VIA_AYIYA,
	    .verdict = DROP_AYIYA_DIGEST }, "unknown (of T102): DROP_AYIYA_DIGEST: " },
	{ { .from = TID_NONE, .to = 1, .blame = TID_NONE, .via = VIA_SELF,
	    .toward = TOWARD_TUNNEL, .verdict = SENT_TUNNEL }, "PoP -> T101: SENT_TUNNEL: " },
	{ { .from = 1, .to = TID_NONE, .blame = TID_NONE, .via = VIA_P41,
	    .toward = TOWARD_POP, .verdict = CONSUMED_ECHO }, "T101 -> PoP: CONSUMED_ECHO: " },
	{ { .from = 7, .to = TID_NONE, .blame = TID_NONE, .via = VIA_P41,
	    .verdict = DROP_IP6_SOURCE }, "0x7: DROP_IP6_SOURCE: " },
};

static void a_comment_says_who_whereto_what_and_why(void)
{
	struct tunnel_conf tunnel[8] = { [1] = { .kind = KIND_STATIC, .id = 101 },
					 [2] = { .kind = KIND_AYIYA, .id = 102 } };
	struct config cf = { .tunnel = tunnel, .limits = { .tunnels = 8 } };

	for (size_t i = 0; i < ARRAY_LEN(comments); i++) {
		char want[CAPTURE_COMMENT_MAX], got[CAPTURE_COMMENT_MAX];

		snprintf(want, sizeof(want), "%s%s", comments[i].says,
			 verdict_info[comments[i].c.verdict].sentence);
		ok(strcmp(capture_comment(&cf, &comments[i].c, got), want) == 0, "%s", want);
	}
}

int main(void)
{
	blocks_are_those_of_the_vectors();
	every_length_makes_a_whole_block();
	statistics_count_what_was_lost();
	a_comment_says_who_whereto_what_and_why();
	return tap_done();
}
