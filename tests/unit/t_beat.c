/*
 * The heartbeat: whose it is, when it is good, and that it is good only once.
 */
#include "auth.h"

#define DAVE "2001:db8:2ff:2::2" /* tunnel 2's client */
#define NOW  "1700000000"

/* tunnel 2, password "0123456789abcdef0123456789abcdef"; now is the receiver's clock */
static const struct {
	const char *name;
	int64_t now_s;
	const char *source;
	enum verdict ends;
	const char *text;
} vectors[] = {
	{ "aiccu-sender", 1700000000, "198.51.100.7", CONSUMED_BEAT,
	  "HEARTBEAT TUNNEL 2001:db8:2ff:2::2 sender 1700000000 "
	  "2278bbd6950d729ebf0b0e1bf0a6cee2" },
	{ "aiccu-sender-crlf", 1700000000, "198.51.100.7", CONSUMED_BEAT,
	  "HEARTBEAT TUNNEL 2001:db8:2ff:2::2 sender 1700000000 "
	  "2278bbd6950d729ebf0b0e1bf0a6cee2\r\n" },
	{ "aiccu-sender-ipv6-outer", 1700000000, "2001:db8:cafe::7", CONSUMED_BEAT,
	  "HEARTBEAT TUNNEL 2001:db8:2ff:2::2 sender 1700000000 "
	  "2278bbd6950d729ebf0b0e1bf0a6cee2" },
	{ "clock-120", 1700000120, "198.51.100.7", CONSUMED_BEAT,
	  "HEARTBEAT TUNNEL 2001:db8:2ff:2::2 sender 1700000000 "
	  "2278bbd6950d729ebf0b0e1bf0a6cee2" },
	{ "clock-121", 1700000121, "198.51.100.7", DROP_BEAT_CLOCK,
	  "HEARTBEAT TUNNEL 2001:db8:2ff:2::2 sender 1700000000 "
	  "2278bbd6950d729ebf0b0e1bf0a6cee2" },
	{ "clock-future-121", 1699999879, "198.51.100.7", DROP_BEAT_CLOCK,
	  "HEARTBEAT TUNNEL 2001:db8:2ff:2::2 sender 1700000000 "
	  "2278bbd6950d729ebf0b0e1bf0a6cee2" },
	{ "uppercase-digest", 1700000000, "198.51.100.7", DROP_BEAT_DIGEST,
	  "HEARTBEAT TUNNEL 2001:db8:2ff:2::2 sender 1700000000 "
	  "2278BBD6950D729EBF0B0E1BF0A6CEE2" },
	{ "trailing-space", 1700000000, "198.51.100.7", DROP_BEAT_DIGEST,
	  "HEARTBEAT TUNNEL 2001:db8:2ff:2::2 sender 1700000000 "
	  "2278bbd6950d729ebf0b0e1bf0a6cee2 " },
	{ "bad-digest", 1700000000, "198.51.100.7", DROP_BEAT_DIGEST,
	  "HEARTBEAT TUNNEL 2001:db8:2ff:2::2 sender 1700000000 "
	  "00000000000000000000000000000000" },
	{ "explicit-address", 1700000000, "198.51.100.7", CONSUMED_BEAT,
	  "HEARTBEAT TUNNEL 2001:db8:2ff:2::2 198.51.100.7 1700000000 "
	  "c9bbb0bd948f2b4ed74cf91ea2be0aec" },
	{ "explicit-address-mismatch", 1700000000, "203.0.113.9", DROP_BEAT_MISMATCH,
	  "HEARTBEAT TUNNEL 2001:db8:2ff:2::2 198.51.100.7 1700000000 "
	  "c9bbb0bd948f2b4ed74cf91ea2be0aec" },
	{ "uncompressed-address", 1700000000, "198.51.100.7", CONSUMED_BEAT,
	  "HEARTBEAT TUNNEL 2001:0db8:02ff:0002:0000:0000:0000:0002 sender 1700000000 "
	  "500384bd46e4ac3ee37df9d2a2ea7f14" },
	{ "no-endpoint", 1700000000, "198.51.100.7", DROP_BEAT_MALFORMED,
	  "HEARTBEAT TUNNEL 2001:db8:2ff:2::2" },
	{ "no-sender", 1700000000, "198.51.100.7", DROP_BEAT_NO_SENDER,
	  "HEARTBEAT TUNNEL 2001:db8:2ff:2::2 sender" },
	{ "no-time", 1700000000, "198.51.100.7", DROP_BEAT_NO_TIME,
	  "HEARTBEAT TUNNEL 2001:db8:2ff:2::2 sender 1700000000" },
	{ "ipv4-identity", 1700000000, "198.51.100.7", DROP_BEAT_MALFORMED,
	  "HEARTBEAT TUNNEL 192.0.2.1 sender 1700000000 2278bbd6950d729ebf0b0e1bf0a6cee2" },
	{ "lowercase-verb", 1700000000, "198.51.100.7", DROP_BEAT_MALFORMED,
	  "heartbeat tunnel 2001:db8:2ff:2::2 sender 1700000000 "
	  "2278bbd6950d729ebf0b0e1bf0a6cee2" },
	{ "empty", 1700000000, "198.51.100.7", DROP_BEAT_MALFORMED, "" },
	{ "too-long", 1700000000, "198.51.100.7", DROP_BEAT_MALFORMED,
	  "HEARTBEAT TUNNEL 2001:db8:2ff:2::2 sender 1700000000 "
	  "2278bbd6950d729ebf0b0e1bf0a6cee2xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" },
};

static void every_vector_ends_as_it_should(void)
{
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		struct fixture *f = auth_new();
		struct snapshot before = auth_snapshot(f);
		enum verdict v;
		bool state;

		f->pa.wall.s = vectors[i].now_s;
		v = give_beat(f, vectors[i].text, vectors[i].source);
		state = verdict_is_drop(v)
		                ? auth_unchanged(f, &before)
		                : is_at(f, 2, vectors[i].source, 0) &&
		                          auth_ep(f, 2)->state == STATE_UP &&
		                          auth_ep(f, 2)->type == TYPE_DIRECT && f->p.from == 2;
		ok(v == vectors[i].ends && state, "vector %s: %s", vectors[i].name,
		   verdict_info[v].name);
	}
}

static void the_published_example_verifies(void)
{
	static const char text[] = "HEARTBEAT TUNNEL 2001:db8::2 10.100.13.42 1063665852 "
				   "da46fdc28f568bb62d29661f73758095";
	struct fixture *f = auth_new();
	struct config *cf = pop_edit(f);
	struct prefix p;

	if (!prefix_parse("2001:db8::/48", 13, &p))
		exit(99);
	plan_set_tunnel_prefix(&cf->head->plan, &p);
	auth_tunnel(f, cf, 0, KIND_HEARTBEAT, HASH_SHA1, "hartslag", 0);
	pop_apply(f);
	f->pa.wall.s = 1063665852;
	ok(give_beat(f, text, "10.100.13.42") == CONSUMED_BEAT && is_at(f, 0, "10.100.13.42", 0),
	   "the example of the protocol's own documentation is accepted");
}

static void the_test_client_hashes_like_the_vectors(void)
{
	char text[256];

	ok(strcmp(make_beat(text, "MD5", DAVE, "sender", NOW, PASSWORD), vectors[0].text) == 0,
	   "the test client's message is the vector");
	make_beat(text, "SHA256", DAVE, "sender", NOW, PASSWORD);
	ok(strcmp(text, "HEARTBEAT TUNNEL 2001:db8:2ff:2::2 sender 1700000000 51bdbf2981c49b5c7187"
	                "99df225593f4dd6a10e87b721e0d0d5876d70ef710e0") == 0,
	   "with SHA-256 as well");
}

static void sha256_is_the_tunnels_choice(void)
{
	struct fixture *f = auth_new();
	char sha256[256], md5[256];

	make_beat(sha256, "SHA256", DAVE, "sender", NOW, PASSWORD);
	make_beat(md5, "MD5", DAVE, "sender", NOW, PASSWORD);
	ok(give_beat(f, sha256, ALICE) == DROP_BEAT_DIGEST, "64 digits where MD5 is set: refused");
	auth_change(f, 2, KIND_HEARTBEAT, HASH_SHA256, PASSWORD, 0);
	ok(give_beat(f, md5, ALICE) == DROP_BEAT_DIGEST, "MD5 where SHA-256 is set: refused");
	ok(give_beat(f, sha256, ALICE) == CONSUMED_BEAT, "SHA-256 where it is set: accepted");
}

static void a_flipped_bit_is_refused_and_changes_nothing(enum tunnel_hash hash)
{
	struct fixture *f = auth_new();
	const char *method = hash == HASH_SHA256 ? "SHA256" : "MD5";
	size_t accepted = 0, changed = 0, len;
	struct snapshot before;
	char good[256];

	auth_change(f, 2, KIND_HEARTBEAT, hash, PASSWORD, 0);
	before = auth_snapshot(f);
	len = strlen(make_beat(good, method, DAVE, "sender", NOW, PASSWORD));
	for (size_t bit = 0; bit < 8 * len; bit++) {
		char text[256];

		memcpy(text, good, len);
		text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
		pop_arrive(f, VIA_BEAT, text, len, ALICE, pop_v4);
		accepted += !verdict_is_drop(saw(beat_take(&f->pa, &f->p)));
		changed += !auth_unchanged(f, &before);
	}
	ok(accepted == 0 && changed == 0,
	   "%s: no message with one of its %zu bits flipped is accepted or changes a tunnel",
	   method, 8 * len);
	ok(give_beat(f, good, ALICE) == CONSUMED_BEAT, "%s: as it is, it is accepted", method);
}

/* security.md D9: length 0 underflowed in the original */
static void every_shorter_length_is_refused(void)
{
	struct fixture *f = auth_new();
	struct snapshot before = auth_snapshot(f);
	size_t len = strlen(vectors[0].text), accepted = 0;

	for (size_t n = 0; n < len; n++) {
		uint8_t *block = malloc(PKT_HEADROOM + n);

		memcpy(block + PKT_HEADROOM, vectors[0].text, n);
		pkt_init(&f->p, block, n, VIA_BEAT);
		f->p.outer.them = address(ALICE);
		accepted += !verdict_is_drop(saw(beat_take(&f->pa, &f->p)));
		free(block);
	}
	ok(accepted == 0 && auth_unchanged(f, &before), "no length below %zu is accepted", len);
}

static void two_hundred_and_fifty_five_octets_are_the_most(void)
{
	static const struct {
		size_t len;
		enum verdict ends;
	} rows[] = {
		{ 255, CONSUMED_BEAT },
		{ 256, DROP_BEAT_MALFORMED },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture *f = auth_new();
		char text[300];

		memset(text, '\n', sizeof(text));
		memcpy(text, vectors[0].text, strlen(vectors[0].text));
		text[rows[i].len] = '\0';
		ok(give_beat(f, text, ALICE) == rows[i].ends, "%zu octets: %s", rows[i].len,
		   verdict_info[rows[i].ends].name);
	}
}

static void every_field_is_looked_at(void)
{
	static const struct {
		const char *inner, *sender, *when, *from;
		enum verdict ends;
		const char *why;
	} rows[] = {
		{ DAVE, "sender", "01700000000", ALICE, CONSUMED_BEAT,
		  "a leading zero is hashed as sent" },
		{ DAVE, "sender", "00000000001700000000", ALICE, CONSUMED_BEAT, "20 digits" },
		{ DAVE, "sender", "000000000001700000000", ALICE, DROP_BEAT_NO_TIME, "21 digits" },
		{ DAVE, "sender", "+1700000000", ALICE, DROP_BEAT_NO_TIME, "a sign" },
		{ DAVE, "sender", "-1", ALICE, DROP_BEAT_NO_TIME, "a negative time" },
		{ DAVE, "sender", "1700000000.0", ALICE, DROP_BEAT_NO_TIME, "a fraction" },
		{ DAVE, "sender", "0x6553f100", ALICE, DROP_BEAT_NO_TIME, "hexadecimal" },
		{ DAVE, "sender", "", ALICE, DROP_BEAT_NO_TIME, "two spaces before the digest" },
		{ DAVE, "sender", "18446744073709551615", ALICE, DROP_BEAT_CLOCK, "2^64 - 1" },
		{ DAVE, "sender", "18446744073709551616", ALICE, DROP_BEAT_CLOCK, "2^64" },
		{ DAVE, "sender", "18446744075409551616", ALICE, DROP_BEAT_CLOCK,
		  "2^64 and now: no wrap" },
		{ DAVE, "sender", "99999999999999999999", ALICE, DROP_BEAT_CLOCK, "20 nines" },
		{ DAVE, "sender", "4294967296", ALICE, DROP_BEAT_CLOCK, "2^32" },
		{ DAVE, "sender", "1700000120", ALICE, CONSUMED_BEAT, "120 s fast" },
		{ DAVE, "sender", "1700000121", ALICE, DROP_BEAT_CLOCK, "121 s fast" },
		{ DAVE, "sender", "1699999880", ALICE, CONSUMED_BEAT, "120 s slow" },
		{ DAVE, "sender", "1699999879", ALICE, DROP_BEAT_CLOCK, "121 s slow" },
		{ DAVE, "", NOW, ALICE, DROP_BEAT_NO_SENDER, "two spaces before the time" },
		{ DAVE, "Sender", NOW, ALICE, DROP_BEAT_MISMATCH, "the word in another case" },
		{ DAVE, "sende", NOW, ALICE, DROP_BEAT_MISMATCH, "part of the word" },
		{ DAVE, "2001:DB8:cafe:0::7", NOW, "2001:db8:cafe::7", CONSUMED_BEAT,
		  "its own IPv6 address, spelled otherwise" },
		{ DAVE, "2001:db8:cafe::8", NOW, "2001:db8:cafe::7", DROP_BEAT_MISMATCH,
		  "another's" },
		{ "2001:db8:2ff:2::1", "sender", NOW, ALICE, DROP_BEAT_UNKNOWN, "the PoP's end" },
		{ "2001:db8:2ff:2::3", "sender", NOW, ALICE, DROP_BEAT_UNKNOWN,
		  "another host of the /64" },
		{ "2001:db8:2ff:8002::2", "sender", NOW, ALICE, DROP_BEAT_UNKNOWN,
		  "the routed /64" },
		{ "2001:db8:300::2", "sender", NOW, ALICE, DROP_BEAT_UNKNOWN,
		  "outside the prefix" },
		{ "2001:db8:2ff:800::2", "sender", NOW, ALICE, DROP_BEAT_UNKNOWN,
		  "beyond the table" },
		{ "::ffff:192.0.2.1", "sender", NOW, ALICE, DROP_BEAT_UNKNOWN, "a mapped address" },
		{ "", "sender", NOW, ALICE, DROP_BEAT_MALFORMED, "two spaces before the address" },
		{ "2001:db8:2ff:2::g", "sender", NOW, ALICE, DROP_BEAT_MALFORMED,
		  "not an address" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture *f = auth_new();
		struct snapshot before = auth_snapshot(f);
		char text[256];
		enum verdict v;

		make_beat(text, "MD5", rows[i].inner, rows[i].sender, rows[i].when, PASSWORD);
		v = give_beat(f, text, rows[i].from);
		ok(v == rows[i].ends && auth_unchanged(f, &before) == verdict_is_drop(v), "%s: %s",
		   rows[i].why, verdict_info[v].name);
	}
}

static void only_the_right_tunnel_takes_it(void)
{
	static const struct {
		const char *inner, *method, *password;
		enum verdict ends;
		uint16_t blame;
		const char *why;
	} rows[] = {
		{ DAVE, "MD5", PASSWORD, CONSUMED_BEAT, 2, "type heartbeat" },
		{ "2001:db8:2ff:5::2", "MD5", PASSWORD, CONSUMED_BEAT, 5, "type dynamic" },
		{ "2001:db8:2ff:8::2", "SHA256", PASSWORD, CONSUMED_BEAT, 8, "hash sha256" },
		{ "2001:db8:2ff:1::2", "MD5", PASSWORD, DROP_BEAT_STATIC, 1, "type ayiya" },
		{ "2001:db8:2ff:9::2", "MD5", PASSWORD, DROP_BEAT_STATIC, 9, "static" },
		{ "2001:db8:2ff:7::2", "MD5", PASSWORD, DROP_BEAT_DISABLED, 7, "disabled" },
		{ "2001:db8:2ff:a::2", "MD5", PASSWORD, DROP_BEAT_DISABLED, TID_NONE,
		  "not configured" },
		/* security.md D8 */
		{ "2001:db8:2ff:6::2", "MD5", "", DROP_BEAT_NO_SECRET, 6,
		  "no password, hashed with none" },
		{ DAVE, "MD5", "", DROP_BEAT_DIGEST, 2, "hashed without the password" },
		{ DAVE, "MD5", "0123456789abcdef0123456789abcdeF", DROP_BEAT_DIGEST, 2,
		  "another password" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture *f = auth_new();
		struct snapshot before = auth_snapshot(f);
		char text[256];
		enum verdict v;

		make_beat(text, rows[i].method, rows[i].inner, "sender", NOW, rows[i].password);
		v = give_beat(f, text, ALICE);
		ok(v == rows[i].ends && f->p.blame == rows[i].blame &&
		           auth_unchanged(f, &before) == verdict_is_drop(v),
		   "%s: %s", rows[i].why, verdict_info[v].name);
	}
}

/* security.md C1 */
static void a_captured_message_moves_nothing(void)
{
	static const struct {
		int now; /* relative, of receiver and message */
		int said;
		const char *from;
		enum verdict ends;
		bool effect;
		const char *at, *tale;
	} story[] = {
		{ 0, 0, ALICE, CONSUMED_BEAT, true, ALICE, "the first" },
		{ 0, 0, ALICE, CONSUMED_BEAT, false, ALICE, "its twin: accepted without effect" },
		{ 1, 0, MALLORY, DROP_BEAT_REPLAYED, false, ALICE, "replayed from elsewhere" },
		{ 1, -1, ALICE, DROP_BEAT_REPLAYED, false, ALICE,
		  "an older one from the endpoint" },
		{ 1, -1, MALLORY, DROP_BEAT_REPLAYED, false, ALICE, "an older one from elsewhere" },
		{ 60, 60, ALICE, CONSUMED_BEAT, true, ALICE, "a minute later" },
		{ 61, 61, "192.0.2.99", CONSUMED_BEAT, true, "192.0.2.99", "the client moves" },
		{ 62, 61, ALICE, DROP_BEAT_REPLAYED, false, "192.0.2.99", "the old address again" },
		{ 62, 182, "2001:db8:cafe::7", CONSUMED_BEAT, true, "2001:db8:cafe::7",
		  "to IPv6, 120 s fast" },
		{ 100, 100, "2001:db8:cafe::7", DROP_BEAT_REPLAYED, false, "2001:db8:cafe::7",
		  "the clock jumped back" },
		{ 181, 182, MALLORY, DROP_BEAT_REPLAYED, false, "2001:db8:cafe::7",
		  "replayed after 119 s" },
	};
	struct fixture *f = auth_new();
	int clock = 0;

	for (size_t i = 0; i < ARRAY_LEN(story); i++) {
		struct snapshot before;
		char text[256], when[32];
		enum verdict v;

		pop_pass_time(f, (story[i].now - clock) * (int64_t)US_PER_S);
		clock = story[i].now;
		f->pa.events = 0;
		snprintf(when, sizeof(when), "%d", POP_WALL_S + story[i].said);
		make_beat(text, "MD5", DAVE, "sender", when, PASSWORD);
		before = auth_snapshot(f);
		v = give_beat(f, text, story[i].from);
		ok(v == story[i].ends && is_at(f, 2, story[i].at, 0) &&
		           auth_unchanged(f, &before) == !story[i].effect,
		   "%zu. %s: %s", i + 1, story[i].tale, verdict_info[v].name);
	}
	ok(auth_cold(f, 2)->moves == 2 && auth_cold(f, 2)->beats == 4,
	   "two moves, four beats counted");
}

/* heartbeat.md 7: with the clock 120 s fast a message stays valid for 240 s */
static void the_newest_time_is_kept_for_240_seconds(void)
{
	static const struct {
		int64_t after_us;
		bool ticks;
		int said;
		enum verdict ends;
		const char *why;
	} rows[] = {
		{ 240 * INT64_C(1000000) - 1, true, 119, DROP_BEAT_REPLAYED,
		  "a moment before, down" },
		{ 240 * INT64_C(1000000), true, 120, CONSUMED_BEAT, "after 240 s, down" },
		{ 240 * INT64_C(1000000), false, 120, DROP_BEAT_REPLAYED,
		  "after 240 s, but not down" },
		{ 240 * INT64_C(1000000), true, 121, DROP_BEAT_REPLAYED,
		  "the very message itself" },
		{ 125 * INT64_C(1000000), true, 120, DROP_BEAT_REPLAYED, "just down" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture *f = auth_new();
		char text[256], when[32];

		f->pa.wall.s++; /* the first message is 121 s ahead of where the clock began */
		make_beat(text, "MD5", DAVE, "sender", "1700000121", PASSWORD);
		if (give_beat(f, text, ALICE) != CONSUMED_BEAT)
			exit(99);
		f->pa.now.us += rows[i].after_us;
		f->pa.wall.s += rows[i].after_us / US_PER_S - 1; /* inside the window yet */
		if (rows[i].ticks)
			path_tick(&f->pa, 2);
		snprintf(when, sizeof(when), "%d", POP_WALL_S + rows[i].said);
		make_beat(text, "MD5", DAVE, "sender", when, PASSWORD);
		ok(give_beat(f, text, MALLORY) == rows[i].ends, "an older time, %s: %s",
		   rows[i].why, verdict_info[rows[i].ends].name);
	}
}

static void the_type_is_plain_from_then_on(void)
{
	static const struct {
		enum tunnel_encap encap;
		enum tunnel_type before, after;
		bool open; /* `encap auto` may take the first packet's type */
	} rows[] = {
		{ ENCAP_AUTO, TYPE_NONE, TYPE_DIRECT, true },
		{ ENCAP_AUTO, TYPE_AYIYA, TYPE_DIRECT, true },
		{ ENCAP_AUTO, TYPE_DIRECT, TYPE_DIRECT, false },
		{ ENCAP_AUTO, TYPE_GRE, TYPE_GRE, false },
		{ ENCAP_DIRECT, TYPE_NONE, TYPE_DIRECT, true },
		{ ENCAP_DIRECT, TYPE_AYIYA, TYPE_DIRECT, true },
		{ ENCAP_GRE, TYPE_NONE, TYPE_GRE, true },
		{ ENCAP_GRE, TYPE_AYIYA, TYPE_GRE, true },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture *f = auth_new();
		struct config *cf = pop_edit(f);
		char text[256];

		pop_touch(f, cf, 5)->encap = (uint8_t)rows[i].encap;
		pop_apply(f);
		auth_ep(f, 5)->type = (uint8_t)rows[i].before;
		auth_cold(f, 5)->last_typed = f->pa.now;
		make_beat(text, "MD5", "2001:db8:2ff:5::2", "sender", NOW, PASSWORD);
		give_beat(f, text, ALICE);
		ok(auth_ep(f, 5)->type == rows[i].after &&
		           (auth_cold(f, 5)->last_typed.us == 0) == rows[i].open,
		   "encap %d, type %d: becomes %d%s", rows[i].encap, rows[i].before, rows[i].after,
		   rows[i].open ? ", open to the first packet" : "");
	}
}

static void our_address_is_filled_in_where_unknown(void)
{
	static const struct {
		const char *us, *them, *after;
	} rows[] = {
		{ "::", ALICE, "192.0.2.42" },
		{ "::", "2001:db8:cafe::7", "2001:db8::42" },
		{ "192.0.2.43", ALICE, "192.0.2.43" },
		{ "192.0.2.43", "2001:db8:cafe::7", "2001:db8::42" },
		{ "2001:db8::43", ALICE, "192.0.2.42" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture *f = auth_new();
		struct ip6_addr after = address(rows[i].after);

		auth_ep(f, 2)->us = address(rows[i].us);
		give_beat(f, vectors[0].text, rows[i].them);
		ok(addr_eq(&auth_ep(f, 2)->us, &after), "ours was %s, a beat from %s: %s",
		   rows[i].us, rows[i].them, rows[i].after);
	}
}

static void strangers_are_bounded(void)
{
	struct fixture *f = auth_new();
	char forged[256], text[256];
	size_t n;

	give_beat(f, vectors[0].text, ALICE);
	make_beat(forged, "MD5", DAVE, "sender", NOW, "guess");
	for (n = 0; n <= DIGEST_RATE.burst; n++) {
		if (give_beat(f, forged, MALLORY) != DROP_BEAT_DIGEST)
			break;
	}
	ok(n == DIGEST_RATE.burst && f->pa.digests.tokens_u < 1000000, "%zu guesses are hashed", n);
	make_beat(text, "MD5", DAVE, "sender", "1700000001", PASSWORD);
	ok(give_beat(f, text, "192.0.2.99") == DROP_DIGEST_BUDGET, "then no stranger's message");
	ok(give_beat(f, text, ALICE) == CONSUMED_BEAT, "but the endpoint's own");
}

/* security.md C3, L3, L4 */
static void a_bad_endpoint_is_not_learned(void)
{
	static const char *const bad[] = {
		"0.0.0.0",
		"127.0.0.1",
		"224.0.0.1",
		"255.255.255.255",
		"192.0.2.42",
		"::",
		"::1",
		"ff02::1",
		"fe80::1",
		"2001:db8::42",
		"2001:db8:2ff:2::2",
		"2001:db8:3001::1",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct fixture *f = auth_new();
		struct snapshot before;
		char text[256];

		give_beat(f, vectors[0].text, ALICE);
		before = auth_snapshot(f);
		make_beat(text, "MD5", DAVE, "sender", "1700000001", PASSWORD);
		ok(give_beat(f, text, bad[i]) == DROP_BEAT_ENDPOINT && auth_unchanged(f, &before),
		   "%s cannot become an endpoint", bad[i]);
	}
}

/* heartbeat.md 4, last paragraph; security.md D7 */
static void a_dynamic_tunnel_alternates_by_what_verified_last(void)
{
	struct fixture *f = auth_new();
	uint8_t bytes[64];
	char text[256];
	size_t len = make_ayiya(bytes, "SHA1", AYIYA_OP_NOOP, 59, POP_WALL_S, "2001:db8:2ff:5::2",
	                        PASSWORD, bytes, 0);

	give_ayiya(f, bytes, len, ALICE, 1000);
	ok(auth_ep(f, 5)->type == TYPE_AYIYA, "AYIYA came first");
	make_beat(text, "MD5", "2001:db8:2ff:5::2", "sender", NOW, PASSWORD);
	f->pa.events = 0;
	ok(give_beat(f, text, ALICE) == CONSUMED_BEAT && auth_ep(f, 5)->type == TYPE_DIRECT &&
	           f->pa.events == 1 && f->pa.event[0].event == EVENT_TYPE &&
	           f->pa.event[0].value == TYPE_DIRECT,
	   "a heartbeat makes it plain, and says so");
	ok(give_ayiya(f, bytes, len, MALLORY, 1000) == DROP_AYIYA_REPLAYED &&
	           auth_ep(f, 5)->type == TYPE_DIRECT,
	   "the AYIYA packet replayed does not change it back");
	len = make_ayiya(bytes, "SHA1", AYIYA_OP_NOOP, 59, POP_WALL_S + 1, "2001:db8:2ff:5::2",
	                 PASSWORD, bytes, 0);
	ok(give_ayiya(f, bytes, len, ALICE, 1000) == CONSUMED_BEAT &&
	           auth_ep(f, 5)->type == TYPE_AYIYA,
	   "a new one does");
	ok(give_beat(f, text, ALICE) == CONSUMED_BEAT && auth_ep(f, 5)->type == TYPE_AYIYA,
	   "and the heartbeat heard before does not");
}

int main(void)
{
	every_vector_ends_as_it_should();
	the_published_example_verifies();
	the_test_client_hashes_like_the_vectors();
	sha256_is_the_tunnels_choice();
	a_flipped_bit_is_refused_and_changes_nothing(HASH_SHA1);
	a_flipped_bit_is_refused_and_changes_nothing(HASH_SHA256);
	every_shorter_length_is_refused();
	two_hundred_and_fifty_five_octets_are_the_most();
	every_field_is_looked_at();
	only_the_right_tunnel_takes_it();
	a_captured_message_moves_nothing();
	the_newest_time_is_kept_for_240_seconds();
	the_type_is_plain_from_then_on();
	our_address_is_filled_in_where_unknown();
	strangers_are_bounded();
	a_bad_endpoint_is_not_learned();
	a_dynamic_tunnel_alternates_by_what_verified_last();
	return tap_done();
}
