/*
 * AYIYA: who may say it, from where, when, and what a captured packet is still good for.
 */
#include "auth.h"
#include "base/sum.h"

/* tunnel 1, password "0123456789abcdef0123456789abcdef"; now is the receiver's clock */
static const struct {
	const char *name;
	int64_t now_s;
	enum verdict ends;
	const char *hex;
} vectors[] = {
	{ "beat-noop", 1700000000, CONSUMED_BEAT,
	  "4152103b6553f10020010db802ff0001000000000000000206f0aab32fb81d0ba048a62c81944a56"
	  "7d7e38a3" },
	{ "forward-ipv6", 1700000000, PASS,
	  "415211296553f10020010db802ff00010000000000000002856ef4d71f47042116f89c2b6f233525"
	  "07bbc86c6000000000183a4020010db802ff0001000000000000000220010db8ffff000000000000"
	  "000000018000e56b12340001696e6e65722d697076362d6563686f21" },
	{ "forward-ipv4", 1700000000, PASS,
	  "415211046553f10020010db802ff000100000000000000027a0bbe699d5db37fff591c5e16776b52"
	  "5ac3174b4500002600014000400159cef07f8003f07f80050800bc2412340001696e6e65722d6970"
	  "7634" },
	{ "echo-request", 1700000000, CONSUMED_ECHO,
	  "4152123b6553f10020010db802ff00010000000000000002a23f289d099760862f99662325269ace"
	  "5126004f70696e67" },
	{ "echo-request-and-forward", 1700000000, PASS,
	  "415213296553f10020010db802ff000100000000000000020d92eb62ae342eee4879f580c4888b9b"
	  "cfb344946000000000183a4020010db802ff0001000000000000000220010db8ffff000000000000"
	  "000000018000e56b12340001696e6e65722d697076362d6563686f21" },
	{ "clock-minus-120", 1700000120, CONSUMED_BEAT,
	  "4152103b6553f10020010db802ff0001000000000000000206f0aab32fb81d0ba048a62c81944a56"
	  "7d7e38a3" },
	{ "clock-plus-120", 1699999880, CONSUMED_BEAT,
	  "4152103b6553f10020010db802ff0001000000000000000206f0aab32fb81d0ba048a62c81944a56"
	  "7d7e38a3" },
	{ "clock-minus-121", 1700000121, DROP_AYIYA_CLOCK,
	  "4152103b6553f10020010db802ff0001000000000000000206f0aab32fb81d0ba048a62c81944a56"
	  "7d7e38a3" },
	{ "clock-plus-121", 1699999879, DROP_AYIYA_CLOCK,
	  "4152103b6553f10020010db802ff0001000000000000000206f0aab32fb81d0ba048a62c81944a56"
	  "7d7e38a3" },
	{ "bad-signature", 1700000000, DROP_AYIYA_DIGEST,
	  "415211296553f10020010db802ff00010000000000000002856ef4d71f47052116f89c2b6f233525"
	  "07bbc86c6000000000183a4020010db802ff0001000000000000000220010db8ffff000000000000"
	  "000000018000e56b12340001696e6e65722d697076362d6563686f21" },
	{ "modified-payload", 1700000000, DROP_AYIYA_DIGEST,
	  "415211296553f10020010db802ff00010000000000000002856ef4d71f47042116f89c2b6f233525"
	  "07bbc86c6000000000183a4020010db802ff0001000000000000000220010db8ffff000000000000"
	  "000000018000e56b12340001696e6e65722d697076362d6563686f20" },
	{ "wrong-password", 1700000000, DROP_AYIYA_DIGEST,
	  "4152103b6553f10020010db802ff0001000000000000000203384d2463ec70f09a916e53a7e164f9"
	  "f5aea62c" },
	{ "zero-secret", 1700000000, DROP_AYIYA_DIGEST,
	  "4152103b6553f10020010db802ff00010000000000000002fc6b796d2dd50909cc85bb8d6a9800b4"
	  "026a47db" },
	{ "short-43", 1700000000, DROP_AYIYA_SHORT,
	  "4152103b6553f10020010db802ff0001000000000000000206f0aab32fb81d0ba048a62c81944a56"
	  "7d7e38" },
	{ "empty", 1700000000, DROP_AYIYA_SHORT, "" },
	{ "identity-outside-prefix", 1700000000, DROP_AYIYA_UNKNOWN,
	  "4152103b6553f10020010db803ff00010000000000000002fbeb1f7530610f2e50e9c30fe665e74e"
	  "f99a45e7" },
	{ "identity-pop-side-reflected", 1700000000, DROP_AYIYA_UNKNOWN,
	  "415211296553f10020010db802ff000100000000000000017ac778418d5dcb11c24360a8f6cda706"
	  "9c1ba33d6000000000183a4020010db8ffff0000000000000000000120010db802ff000100000000"
	  "000000028100e46b12340001696e6e65722d697076362d6563686f21" },
	{ "identity-other-host", 1700000000, DROP_AYIYA_UNKNOWN,
	  "4152103b6553f10020010db802ff0001000000000000000393213d0abd5d59005b343d8180cbfae4"
	  "48c828e8" },
	{ "identity-routed-64", 1700000000, DROP_AYIYA_UNKNOWN,
	  "4152103b6553f10020010db802ff80010000000000000002b345b6f5971708f8002c9893f35a85fc"
	  "3b7d4495" },
	{ "opcode-4", 1700000000, DROP_AYIYA_PROFILE,
	  "4152143b6553f10020010db802ff0001000000000000000206f841a05b4d02a8a0bc2ce378146d6b"
	  "6b13addb" },
	{ "opcode-7", 1700000000, DROP_AYIYA_PROFILE,
	  "4152173b6553f10020010db802ff000100000000000000025a2ed66cd4ef5e04b4f0287310a3b562"
	  "3eec37c6" },
	{ "nexthdr-17", 1700000000, DROP_AYIYA_PROFILE,
	  "415211116553f10020010db802ff0001000000000000000226f5e637787b3b75e9c6c4f52f4d28d4"
	  "66366a3578787878" },
	{ "idtype-2", 1700000000, DROP_AYIYA_PROFILE,
	  "4252103b6553f10020010db802ff000100000000000000022e4b51d452cc1892ae9d5ee6a13baa36"
	  "7949d2c4" },
	{ "autmeth-0", 1700000000, DROP_AYIYA_PROFILE,
	  "4152003b6553f10020010db802ff0001000000000000000247041beca1ec1a6126353a72a4949084"
	  "4eb23d07" },
	{ "forward-none", 1700000000, DROP_AYIYA_FORWARD_NONE,
	  "4152113b6553f10020010db802ff000100000000000000024da24692c5644b0b17dc6c307f4ec153"
	  "2bb945a3" },
	{ "nexthdr-41-but-ipv4", 1700000000, DROP_AYIYA_NON_IPV6,
	  "415211296553f10020010db802ff0001000000000000000211cdbc3bef49e5468d7028662422882b"
	  "ede227594500002600014000400159cef07f8003f07f80050800bc2412340001696e6e65722d6970"
	  "7634" },
	{ "nexthdr-41-empty", 1700000000, DROP_AYIYA_NON_IPV6,
	  "415211296553f10020010db802ff00010000000000000002533fa1dc2006f51f441065c394ce5d4c"
	  "f4d893fc" },
};

static const char forward_hex[] =
	"415211296553f10020010db802ff00010000000000000002856ef4d71f47042116f89c2b6f233525"
	"07bbc86c6000000000183a4020010db802ff0001000000000000000220010db8ffff000000000000"
	"000000018000e56b12340001696e6e65722d697076362d6563686f21";

static const char forward_inner_hex[] =
	"6000000000183a4020010db802ff0001000000000000000220010db8ffff00000000000000000001"
	"8000e56b12340001696e6e65722d697076362d6563686f21";

static const char from_pop_hex[] =
	"415211296553f10020010db802ff000100000000000000017ac778418d5dcb11c24360a8f6cda706"
	"9c1ba33d6000000000183a4020010db8ffff0000000000000000000120010db802ff000100000000"
	"000000028100e46b12340001696e6e65722d697076362d6563686f21";

static const char from_pop_inner_hex[] =
	"6000000000183a4020010db8ffff0000000000000000000120010db802ff00010000000000000002"
	"8100e46b12340001696e6e65722d697076362d6563686f21";

static const char sha256_beat_hex[] =
	"4184103b6553f10020010db802ff000100000000000000025d96eb4b3b6f632b00927eda09e15562"
	"e6c371781bdbe614cea809b4bb602bb6";

static const char sha256_forward_hex[] =
	"418411296553f10020010db802ff00010000000000000002719bd137a38c1fb6b74b5fcd6f31cbdc"
	"98f654c234637db9388eaaf8900b3a4b6000000000183a4020010db802ff00010000000000000002"
	"20010db8ffff000000000000000000018000e56b12340001696e6e65722d697076362d6563686f21";

static const uint8_t nothing[1];

static void every_vector_ends_as_it_should(void)
{
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		struct fixture *f = auth_new();
		uint8_t bytes[256];
		size_t len = unhex(vectors[i].hex, bytes, sizeof(bytes));
		struct snapshot before = auth_snapshot(f);
		enum verdict v;
		bool state;

		f->pa.wall.s = vectors[i].now_s;
		v = give_ayiya(f, bytes, len, ALICE, 40001);
		if (!verdict_is_drop(vectors[i].ends) || vectors[i].ends == DROP_AYIYA_FORWARD_NONE)
			state = is_at(f, 1, ALICE, 40001) && auth_ep(f, 1)->state == STATE_UP &&
			        auth_ep(f, 1)->type == TYPE_AYIYA && f->p.from == 1;
		else
			state = auth_unchanged(f, &before) && f->p.from == TID_NONE;
		ok(v == vectors[i].ends && state, "vector %s: %s", vectors[i].name,
		   verdict_info[v].name);
	}
}

static void the_test_client_signs_like_the_vectors(void)
{
	static const struct {
		const char *method, *hex;
		uint8_t op, next;
	} rows[] = {
		{ "SHA1", forward_hex, AYIYA_OP_FORWARD, 41 },
		{ "SHA256", sha256_forward_hex, AYIYA_OP_FORWARD, 41 },
		{ "SHA256", sha256_beat_hex, AYIYA_OP_NOOP, 59 },
	};
	uint8_t inner[128];
	size_t inner_len = unhex(forward_inner_hex, inner, sizeof(inner));

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t want[256], have[256];
		size_t want_len = unhex(rows[i].hex, want, sizeof(want));
		size_t len = make_ayiya(have, rows[i].method, rows[i].op, rows[i].next, POP_WALL_S,
		                        BOB, PASSWORD, inner, rows[i].next == 59 ? 0 : inner_len);

		ok(len == want_len && memcmp(have, want, len) == 0,
		   "the test client's %s signature, opcode %u, is the vector's", rows[i].method,
		   rows[i].op);
	}
}

static void we_sign_like_the_vectors(void)
{
	struct fixture *f = auth_new();
	uint8_t inner[128], want[256];
	size_t inner_len = unhex(from_pop_inner_hex, inner, sizeof(inner));
	size_t len = unhex(from_pop_hex, want, sizeof(want));

	pop_arrive(f, VIA_SELF, inner, inner_len, NULL, NULL);
	ayiya_push(&f->pa, &f->p, 1, AYIYA_OP_FORWARD, PROTO_IPV6);
	ok(f->p.len == len && memcmp(f->p.data, want, len) == 0,
	   "what the PoP emits is the vector, octet for octet");

	len = make_ayiya(want, "SHA256", AYIYA_OP_FORWARD, PROTO_IPV6, POP_WALL_S,
	                 "2001:db8:2ff:8::1", PASSWORD, inner, inner_len);
	pop_arrive(f, VIA_SELF, inner, inner_len, NULL, NULL);
	ayiya_push(&f->pa, &f->p, 8, AYIYA_OP_FORWARD, PROTO_IPV6);
	ok(f->p.len == len && memcmp(f->p.data, want, len) == 0,
	   "and with SHA-256 where the tunnel says so");
}

static void a_flipped_bit_is_refused_and_changes_nothing(const char *name, const char *hex,
                                                         enum tunnel_hash hash)
{
	struct fixture *f = auth_new();
	uint8_t good[256], bytes[256];
	size_t len = unhex(hex, good, sizeof(good));
	size_t accepted = 0, changed = 0;
	struct snapshot before;

	auth_change(f, 1, KIND_AYIYA, hash, PASSWORD, 0);
	before = auth_snapshot(f);
	for (size_t bit = 0; bit < 8 * len; bit++) {
		memcpy(bytes, good, len);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		accepted += !verdict_is_drop(give_ayiya(f, bytes, len, ALICE, 40001));
		changed += !auth_unchanged(f, &before);
	}
	ok(accepted == 0, "%s: no packet with one of its %zu bits flipped is accepted", name,
	   8 * len);
	ok(changed == 0, "%s: and none changed a tunnel", name);
	ok(give_ayiya(f, good, len, ALICE, 40001) == PASS, "%s: as it is, it passes", name);
}

/* security.md D9 */
static void every_shorter_length_is_refused(const char *name, const char *hex,
                                            enum tunnel_hash hash)
{
	struct fixture *f = auth_new();
	size_t accepted = 0, wrong = 0, sig = hash == HASH_SHA256 ? 32 : 20;
	struct snapshot before;
	uint8_t good[256];
	size_t len = unhex(hex, good, sizeof(good));

	auth_change(f, 1, KIND_AYIYA, hash, PASSWORD, 0);
	before = auth_snapshot(f);
	for (size_t n = 0; n < len; n++) {
		/* a block of its own, so that a sanitizer sees a read beyond it */
		uint8_t *block = malloc(PKT_HEADROOM + n);
		enum verdict v;

		memcpy(block + PKT_HEADROOM, good, n);
		pkt_init(&f->p, block, n, VIA_AYIYA);
		pkt_init(&f->reply, f->out, 0, VIA_SELF);
		f->p.outer.them = address(ALICE);
		f->p.outer.them_port = 40001;
		v = saw(ayiya_decap(&f->pa, &f->p, &f->reply));
		accepted += !verdict_is_drop(v);
		wrong += (n < 24 + sig) != (v == DROP_AYIYA_SHORT);
		free(block);
	}
	ok(accepted == 0 && auth_unchanged(f, &before), "%s: no length below %zu is accepted", name,
	   len);
	ok(wrong == 0, "%s: below %zu octets it is called short, from there on not", name,
	   24 + sig);
}

static void length_is_looked_at_first(void)
{
	struct fixture *f = auth_new();
	uint8_t bytes[44] = { 0x41, 0x42, 0x10, 59 }; /* SHA-1 of 16 octets */

	ok(give_ayiya(f, bytes, 43, ALICE, 40001) == DROP_AYIYA_SHORT &&
	           give_ayiya(f, bytes, 44, ALICE, 40001) == DROP_AYIYA_PROFILE,
	   "43 octets are short whatever they say, 44 are read");
}

static void the_clock_is_compared_without_wrapping(void)
{
	static const struct {
		int64_t now_s;
		uint32_t epoch_s;
		bool good;
	} rows[] = {
		{ 1700000000, 1700000120, true },
		{ 1700000000, 1700000121, false },
		{ 1700000000, 1699999880, true },
		{ 1700000000, 1699999879, false },
		{ 0, 0, true },
		{ 120, 0, true },
		{ 121, 0, false },
		{ 0, 120, true },
		{ 0, 121, false },
		{ 0, UINT32_MAX, false },
		{ UINT32_MAX, UINT32_MAX, true },
		{ UINT32_MAX, UINT32_MAX - 120, true },
		{ UINT32_MAX, UINT32_MAX - 121, false },
		{ UINT32_MAX, 0, false },
		{ INT64_C(4294967295) + 120, UINT32_MAX, true },
		{ INT64_C(4294967295) + 121, UINT32_MAX, false },
		{ INT64_C(4294967296), 0, false },
		{ -1, UINT32_MAX, false },
		{ 1700000000, 0x80000000u, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture *f = auth_new();
		uint8_t bytes[64];
		size_t len = make_ayiya(bytes, "SHA1", AYIYA_OP_NOOP, 59, rows[i].epoch_s, BOB,
		                        PASSWORD, nothing, 0);

		f->pa.wall.s = rows[i].now_s;
		ok(give_ayiya(f, bytes, len, ALICE, 40001) ==
		           (rows[i].good ? CONSUMED_BEAT : DROP_AYIYA_CLOCK),
		   "clock %lld, epoch %u: %s", (long long)rows[i].now_s, rows[i].epoch_s,
		   rows[i].good ? "accepted" : "off");
	}
}

static void only_the_right_tunnel_takes_it(void)
{
	static const struct {
		const char *identity, *method, *password;
		enum verdict ends;
		uint16_t blame;
		const char *why;
	} rows[] = {
		{ BOB, "SHA1", PASSWORD, CONSUMED_BEAT, 1, "type ayiya" },
		{ "2001:db8:2ff:5::2", "SHA1", PASSWORD, CONSUMED_BEAT, 5, "type dynamic" },
		{ "2001:db8:2ff:8::2", "SHA256", PASSWORD, CONSUMED_BEAT, 8, "hash sha256" },
		{ "2001:db8:2ff:2::2", "SHA1", PASSWORD, DROP_AYIYA_STATIC, 2, "type heartbeat" },
		{ "2001:db8:2ff:9::2", "SHA1", PASSWORD, DROP_AYIYA_STATIC, 9, "static" },
		{ "2001:db8:2ff:6::2", "SHA1", "", DROP_AYIYA_NO_SECRET, 6, "no password" },
		{ "2001:db8:2ff:7::2", "SHA1", PASSWORD, DROP_AYIYA_DISABLED, 7, "disabled" },
		{ "2001:db8:2ff:a::2", "SHA1", PASSWORD, DROP_AYIYA_DISABLED, TID_NONE,
		  "not configured" },
		{ "2001:db8:2ff:800::2", "SHA1", PASSWORD, DROP_AYIYA_UNKNOWN, TID_NONE,
		  "a slot beyond the table" },
		{ "2001:db8:2ff:ffff::1", "SHA1", PASSWORD, DROP_AYIYA_UNKNOWN, TID_NONE,
		  "the PoP itself" },
		{ "2001:db8:2ff:7fff::2", "SHA1", PASSWORD, DROP_AYIYA_UNKNOWN, TID_NONE,
		  "the reserved id" },
		{ "2001:db8:3001::2", "SHA1", PASSWORD, DROP_AYIYA_UNKNOWN, TID_NONE, "a subnet" },
		{ BOB, "SHA256", PASSWORD, DROP_AYIYA_HASH_METHOD, 1,
		  "SHA-256 where SHA-1 is set" },
		{ "2001:db8:2ff:8::2", "SHA1", PASSWORD, DROP_AYIYA_HASH_METHOD, 8,
		  "SHA-1 where SHA-256 is set" },
		{ BOB, "SHA1", "0123456789abcdef0123456789abcdeF", DROP_AYIYA_DIGEST, 1,
		  "another password" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture *f = auth_new();
		struct snapshot before = auth_snapshot(f);
		uint8_t bytes[64];
		size_t len = make_ayiya(bytes, rows[i].method, AYIYA_OP_NOOP, 59, POP_WALL_S,
		                        rows[i].identity, rows[i].password, nothing, 0);
		enum verdict v = give_ayiya(f, bytes, len, ALICE, 40001);

		ok(v == rows[i].ends && f->p.blame == rows[i].blame &&
		           auth_unchanged(f, &before) == verdict_is_drop(v),
		   "%s: %s", rows[i].why, verdict_info[v].name);
	}
}

/* security.md D8: what a tunnel without password verified in the original */
static void a_zero_secret_never_verifies(void)
{
	struct fixture *f = auth_new();
	struct snapshot before;
	uint8_t bytes[64], image[64] = { 0 };
	struct ip6_addr id = address("2001:db8:2ff:6::2");
	size_t len = make_ayiya(image, "SHA1", AYIYA_OP_NOOP, 59, POP_WALL_S, "2001:db8:2ff:6::2",
	                        "", nothing, 0);

	memset(image + 24, 0, 20);
	memcpy(bytes, image, len);
	memcpy(bytes + 8, id.b, 16);
	test_digest("SHA1", image, len, bytes + 24);
	before = auth_snapshot(f);
	ok(give_ayiya(f, bytes, len, ALICE, 40001) == DROP_AYIYA_NO_SECRET &&
	           auth_unchanged(f, &before),
	   "a packet signed with twenty zeros does not verify");
}

static void wrong_payload_versions_are_told_apart(void)
{
	static const struct {
		uint8_t next, first;
		size_t len;
		enum verdict ends;
	} rows[] = {
		{ 41, 0x45, 40, DROP_AYIYA_NON_IPV6 },
		{ 41, 0x60, 0, DROP_AYIYA_NON_IPV6 },
		{ 4, 0x60, 40, DROP_AYIYA_NON_IPV4 },
		{ 4, 0x45, 0, DROP_AYIYA_NON_IPV4 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture *f = auth_new();
		uint8_t payload[40] = { rows[i].first }, bytes[128];
		size_t len = make_ayiya(bytes, "SHA1", AYIYA_OP_FORWARD, rows[i].next, POP_WALL_S,
		                        BOB, PASSWORD, payload, rows[i].len);
		struct snapshot before = auth_snapshot(f);

		ok(give_ayiya(f, bytes, len, ALICE, 40001) == rows[i].ends &&
		           auth_unchanged(f, &before),
		   "next header %u, %zu octets that begin with %02x: %s", rows[i].next, rows[i].len,
		   rows[i].first, verdict_info[rows[i].ends].name);
	}
}

static void every_opcode_refreshes(void)
{
	static const struct {
		uint8_t op, next;
		enum verdict ends;
	} rows[] = {
		{ 0, 59, CONSUMED_BEAT }, { 0, 41, CONSUMED_BEAT },
		{ 1, 41, PASS },          { 1, 59, DROP_AYIYA_FORWARD_NONE },
		{ 2, 59, CONSUMED_ECHO }, { 2, 41, CONSUMED_ECHO },
		{ 3, 41, PASS },          { 3, 59, DROP_AYIYA_FORWARD_NONE },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture *f = auth_new();
		uint8_t inner[128], bytes[256];
		size_t inner_len = unhex(forward_inner_hex, inner, sizeof(inner));
		size_t len = make_ayiya(bytes, "SHA1", rows[i].op, rows[i].next, POP_WALL_S, BOB,
		                        PASSWORD, inner, rows[i].next == 59 ? 0 : inner_len);
		enum verdict v = give_ayiya(f, bytes, len, ALICE, 40001);

		ok(v == rows[i].ends && is_at(f, 1, ALICE, 40001) && f->p.from == 1 &&
		           auth_ep(f, 1)->state == STATE_UP &&
		           auth_cold(f, 1)->last_beat.us == f->pa.now.us &&
		           pop_tunnel(f, 1)->last_beat_s == f->pa.wall.s &&
		           auth_cold(f, 1)->beats == 1,
		   "opcode %u, next header %u: %s, and the tunnel is refreshed", rows[i].op,
		   rows[i].next, verdict_info[v].name);
	}
	for (uint8_t op = 4; op < 16; op++) {
		struct fixture *f = auth_new();
		struct snapshot before = auth_snapshot(f);
		uint8_t bytes[64];
		size_t len =
			make_ayiya(bytes, "SHA1", op, 59, POP_WALL_S, BOB, PASSWORD, nothing, 0);

		ok(give_ayiya(f, bytes, len, ALICE, 40001) == DROP_AYIYA_PROFILE &&
		           auth_unchanged(f, &before),
		   "opcode %u is outside the profile", op);
	}
}

static void the_inner_packet_is_what_its_header_says(void)
{
	static const struct {
		uint8_t next;
		size_t len;     /* octets carried */
		uint16_t field; /* the length field */
		size_t kept;    /* 0: refused */
	} rows[] = {
		{ 41, 40, 0, 40 },  { 41, 39, 0, 0 },  { 41, 1, 0, 0 },   { 41, 64, 24, 64 },
		{ 41, 64, 23, 63 }, { 41, 64, 25, 0 }, { 41, 64, 0, 40 }, { 41, 64, 65535, 0 },
		{ 4, 20, 20, 20 },  { 4, 19, 19, 0 },  { 4, 38, 38, 38 }, { 4, 38, 39, 0 },
		{ 4, 38, 20, 20 },  { 4, 38, 19, 0 },  { 4, 38, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture *f = auth_new();
		bool six = rows[i].next == 41;
		uint8_t payload[64] = { six ? 0x60 : 0x45 }, bytes[128];
		enum verdict refused = six ? DROP_IP6_MALFORMED : DROP_IP4_MALFORMED, v;
		size_t at = six ? 4 : 2, len;

		payload[at] = (uint8_t)(rows[i].field >> 8);
		payload[at + 1] = (uint8_t)rows[i].field;
		len = make_ayiya(bytes, "SHA1", AYIYA_OP_FORWARD, rows[i].next, POP_WALL_S, BOB,
		                 PASSWORD, payload, rows[i].len);
		v = give_ayiya(f, bytes, len, ALICE, 40001);
		if (rows[i].kept == 0) {
			ok(v == refused, "%s, %zu octets, length field %u: refused",
			   six ? "IPv6" : "IPv4", rows[i].len, rows[i].field);
			continue;
		}
		ok(v == PASS && f->p.len == rows[i].kept &&
		           memcmp(f->p.data, payload, f->p.len) == 0,
		   "%s, %zu octets, length field %u: %zu are kept", six ? "IPv6" : "IPv4",
		   rows[i].len, rows[i].field, rows[i].kept);
	}
}

static void an_echo_is_answered_as_large_as_it_came(void)
{
	static const struct {
		uint16_t tid;
		const char *method, *identity, *ours;
		uint8_t op, next;
		const char *them;
	} rows[] = {
		{ 1, "SHA1", BOB, "2001:db8:2ff:1::1", 2, 59, ALICE },
		{ 1, "SHA1", BOB, "2001:db8:2ff:1::1", 3, 41, ALICE },
		{ 8, "SHA256", "2001:db8:2ff:8::2", "2001:db8:2ff:8::1", 2, 59, ALICE },
		{ 1, "SHA1", BOB, "2001:db8:2ff:1::1", 2, 59, "2001:db8:cafe::7" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture *f = auth_new();
		uint8_t inner[128], bytes[256], want[256];
		size_t inner_len = unhex(forward_inner_hex, inner, sizeof(inner));
		size_t len = make_ayiya(bytes, rows[i].method, rows[i].op, rows[i].next, POP_WALL_S,
		                        rows[i].identity, PASSWORD, inner, inner_len);
		size_t outer = (strchr(rows[i].them, ':') ? 40 : 20) + 8;

		make_ayiya(want, rows[i].method, AYIYA_OP_ECHO_REPLY, rows[i].next, POP_WALL_S,
		           rows[i].ours, PASSWORD, inner, inner_len);
		give_ayiya(f, bytes, len, rows[i].them, 40001);
		ok(f->reply.out == OUT_WIRE && f->reply.to == rows[i].tid &&
		           f->reply.len == outer + len &&
		           f->reply.data[outer - 8] == PORT_AYIYA >> 8 &&
		           f->reply.data[outer - 7] == (PORT_AYIYA & 255) &&
		           f->reply.data[outer - 6] == 40001 >> 8 &&
		           f->reply.data[outer - 5] == (40001 & 255) &&
		           memcmp(f->reply.data + outer, want, len) == 0,
		   "%s, opcode %u: one response, signed, to where the request came from",
		   rows[i].method, rows[i].op);
	}
	struct fixture *f = auth_new();
	uint8_t bytes[64];
	size_t len = echo_of(bytes, POP_WALL_S, 0);

	bytes[len - 1] ^= 1;
	give_ayiya(f, bytes, len, ALICE, 40001);
	ok(f->reply.out == OUT_NONE && f->reply.len == 0, "a forged one is not answered");
}

/* Nor is what was begun of it sent as if it were a packet of ours. */
static void an_echo_that_cannot_be_answered_leaves_nothing_behind(void)
{
	struct fixture *f = auth_new();
	const struct traffic *up = &f->pa.me->uplink;
	uint8_t bytes[64];
	size_t len = echo_of(bytes, POP_WALL_S, 0);
	struct config *cf;
	enum verdict v;

	give_ayiya(f, bytes, len, ALICE, 40001);
	cf = pop_edit(f);
	cf->head->own[cf->head->owns++] = address(ALICE); /* its endpoint is the PoP's now */
	pop_apply(f);
	pop_arrive(f, VIA_AYIYA, bytes, len, ALICE, pop_v4);
	f->p.outer.them_port = 40001;
	pop_ahead(f);
	v = saw(path_run(&f->pa, &f->p, &f->reply));
	ok(v == CONSUMED_ECHO && f->reply.out == OUT_NONE && up->out_packets == 0,
	   "an echo that cannot be answered is not answered to the uplink instead");
}

static void the_largest_echo_is_answered(void)
{
	enum { LARGEST = 65507 - 44 }; /* of IPv4, UDP, and in AYIYA */
	static uint8_t payload[LARGEST + 1], bytes[LARGEST + 1 + 44];
	struct fixture *f = auth_new();

	for (size_t n = LARGEST; n <= LARGEST + 1; n++) {
		size_t len = make_ayiya(bytes, "SHA1", AYIYA_OP_ECHO, 59, POP_WALL_S, BOB, PASSWORD,
		                        payload, n);

		pop_arrive(f, VIA_AYIYA, bytes, len, ALICE, pop_v4);
		f->p.outer.them_port = 40001;
		pop_ahead(f);
		path_run(&f->pa, &f->p, &f->reply);
		pop_afterwards(f);
		if (n == LARGEST)
			ok(f->reply.out == OUT_WIRE && f->reply.len == 65535,
			   "the largest echo there is in IPv4 is answered");
		else
			ok(f->reply.out == OUT_NONE && f->pa.me->uplink.out_packets == 0,
			   "a larger one than an IPv4 packet holds is not");
	}
}

/* The whole way: what the counters say, and that there is one answer at most. */
static void a_forwarded_packet_is_counted_as_what_it_carried(void)
{
	struct fixture *f = auth_new();
	struct traffic *t = &pop_tunnel(f, 1)->traffic;
	uint8_t bytes[256];
	size_t len = unhex(forward_hex, bytes, sizeof(bytes));

	pop_arrive(f, VIA_AYIYA, bytes, len, ALICE, pop_v4);
	f->p.outer.them_port = 40001;
	ok(saw(path_run(&f->pa, &f->p, &f->reply)) == SENT_UPLINK && f->p.out == OUT_TUN &&
	           f->p.len == 64 && f->reply.out == OUT_NONE,
	   "an inner packet leaves for the uplink");
	ok(t->in_packets == 1 && t->in_octets == 64 && t->out_packets == 0,
	   "counted with its own 64 octets");

	len = make_ayiya(bytes, "SHA1", AYIYA_OP_FORWARD, 59, POP_WALL_S, BOB, PASSWORD, nothing,
	                 0);
	pop_arrive(f, VIA_AYIYA, bytes, len, ALICE, pop_v4);
	f->p.outer.them_port = 40001;
	path_run(&f->pa, &f->p, &f->reply);
	ok(pop_errors(f, 1, ERR_AYIYA_FORWARD) == 1 && t->in_packets == 1,
	   "a request to forward nothing is that error, once, and no traffic");
	bytes[30] ^= 1;
	pop_arrive(f, VIA_AYIYA, bytes, len, MALLORY, pop_v4);
	path_run(&f->pa, &f->p, &f->reply);
	ok(pop_errors(f, 1, ERR_AYIYA_HASH) == 1 && f->reply.out == OUT_NONE,
	   "a forged packet is counted on its tunnel and not answered");
}

static size_t ping_of(uint8_t *at, const char *dst, uint8_t hop)
{
	size_t len = make_ip6(at, BOB, dst, 60, hop, PROTO_ICMP6);
	struct ip6_addr src = address(BOB), to = address(dst);
	be16_t sum;

	memcpy(at + 40, (uint8_t[8]){ ICMP6_ECHO_REQUEST }, 8);
	sum = sum_done(sum_add(sum_pseudo6(&src, &to, 20, PROTO_ICMP6), at + 40, 20));
	memcpy(at + 42, &sum, sizeof(sum));
	return len;
}

static void there_is_one_answer_to_a_datagram(void)
{
	static const struct {
		const char *dst;
		uint8_t hop, opcode, first; /* of the answer: AYIYA opcode, ICMPv6 type */
		enum verdict ends;
		const char *why;
	} rows[] = {
		{ "2001:db8:ffff::1", 64, AYIYA_OP_ECHO_REPLY, 128, SENT_UPLINK, "forwarded" },
		{ "2001:db8:2ff:1::1", 64, AYIYA_OP_FORWARD, 129, CONSUMED_ECHO,
		  "a ping to the PoP" },
		{ "2001:db8:ffff::1", 1, AYIYA_OP_FORWARD, 3, DROP_HOP_LIMIT,
		  "a hop limit that ends" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture *f = auth_new();
		struct traffic *t = &pop_tunnel(f, 1)->traffic;
		uint8_t inner[128], bytes[256];
		size_t n = ping_of(inner, rows[i].dst, rows[i].hop);
		size_t len = make_ayiya(bytes, "SHA1", AYIYA_OP_ECHO_FORWARD, 41, POP_WALL_S, BOB,
		                        PASSWORD, inner, n);
		enum verdict v;

		pop_arrive(f, VIA_AYIYA, bytes, len, ALICE, pop_v4);
		f->p.outer.them_port = 40001;
		v = saw(path_run(&f->pa, &f->p, &f->reply));
		ok(v == rows[i].ends && f->reply.out == OUT_WIRE && t->out_packets == 1 &&
		           t->out_octets == f->reply.len &&
		           f->reply.data[28 + 2] == (AYIYA_AUTH_SECRET | rows[i].opcode) &&
		           f->reply.data[28 + 44 + 40] == rows[i].first,
		   "echo and forward, %s: one answer, counted once", rows[i].why);
	}
}

int main(void)
{
	every_vector_ends_as_it_should();
	the_test_client_signs_like_the_vectors();
	we_sign_like_the_vectors();
	a_flipped_bit_is_refused_and_changes_nothing("SHA-1", forward_hex, HASH_SHA1);
	a_flipped_bit_is_refused_and_changes_nothing("SHA-256", sha256_forward_hex, HASH_SHA256);
	every_shorter_length_is_refused("SHA-1", forward_hex, HASH_SHA1);
	every_shorter_length_is_refused("SHA-256", sha256_forward_hex, HASH_SHA256);
	length_is_looked_at_first();
	the_clock_is_compared_without_wrapping();
	only_the_right_tunnel_takes_it();
	a_zero_secret_never_verifies();
	wrong_payload_versions_are_told_apart();
	every_opcode_refreshes();
	the_inner_packet_is_what_its_header_says();
	an_echo_is_answered_as_large_as_it_came();
	an_echo_that_cannot_be_answered_leaves_nothing_behind();
	the_largest_echo_is_answered();
	a_forwarded_packet_is_counted_as_what_it_carried();
	there_is_one_answer_to_a_datagram();
	return tap_done();
}
