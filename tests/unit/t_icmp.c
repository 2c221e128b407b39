/* ICMP errors: exact bytes, who is never answered, how many are (forwarding.md 8 and 10). */
#include "pop.h"
#include "naive.h"
#include "path/icmp.h"
#include "vec_icmp.h"

#define INET6	"2001:db8:ffff::1"
#define INET4	"203.0.113.9"
#define T1_FOUR	"240.127.128.3"
#define T2_FOUR	"240.127.128.5"

enum { UP = TID_NONE };

static struct fixture *f;

/* The packet as it stands when a step has dropped it. */
static void drop(uint16_t from, uint16_t to, const void *bytes, size_t len)
{
	pop_arrive(f, from == UP ? VIA_TUN : VIA_P41, bytes, len, NULL, NULL);
	f->p.from = from;
	f->p.to = to;
}

static uint64_t withheld(enum verdict v)
{
	return f->pa.me->verdict[v];
}

static void later(int64_t us)
{
	pop_pass_time(f, us);
}

static bool answers(enum verdict v)
{
	f->reply.len = 0;
	icmp_answer(&f->pa, &f->p, v, &f->reply);
	return f->reply.len != 0;
}

/* ---- exact bytes ---- */

static size_t vector(const char *hex, size_t x, uint8_t *out, size_t room)
{
	size_t n = unhex(hex, out, room);

	if (n + x > room)
		exit(99);
	memset(out + n, 'x', x);
	return n + x;
}

static void the_vectors(void)
{
	/* how forwarding.md 4 comes to each row of vec_icmp; a step sets param */
	static const struct { uint16_t from, to; enum verdict v; uint32_t param; } way[] = {
		{ UP, 1, DROP_TO_DISABLED, 0 },
		{ UP, 1, DROP_TO_DOWN, 0 },
		{ UP, UP, DROP_TRANSFER, 0 },
		{ 1, UP, PASS, 0 },		/* 1/5: see below */
		{ 1, UP, DROP_HOP_LIMIT, 0 },
		{ UP, 1, DROP_TOO_BIG, 1428 },
		{ 1, UP, DROP_LOCAL_PORT, 0 },
		{ 1, UP, DROP_UNASSIGNED, 0 },
		{ UP, UP, DROP_UNASSIGNED, 0 },
	};
	uint8_t off[1500], expect[1500];

	ok(ARRAY_LEN(way) == ARRAY_LEN(vec_icmp), "every vector has a way");
	for (size_t i = 0; i < ARRAY_LEN(way); i++) {
		size_t n = vector(vec_icmp[i].offending, vec_icmp[i].offending_x, off, sizeof(off));
		size_t m = vector(vec_icmp[i].result, vec_icmp[i].result_x, expect, sizeof(expect));

		if (way[i].v == PASS)
			continue;
		later(US_PER_S);
		drop(way[i].from, way[i].to, off, n);
		f->p.param = way[i].param;
		ok(answers(way[i].v) && f->reply.len == m && !memcmp(f->reply.data, expect, m),
		   "%s: type %d code %d, byte for byte", vec_icmp[i].name, vec_icmp[i].type,
		   vec_icmp[i].code);
		ok(f->reply.via == VIA_SELF && f->reply.out == OUT_NONE &&
		   f->reply.data - f->reply.start >= 112, "and bare, with headroom for every encapsulation");
	}
}

/* No verdict owes 1/5 (it could not be delivered), but it shows the format. */
static void the_format_sample(void)
{
	struct icmp6_hdr icmp = { .type = 1, .code = 5 };
	struct ip6_addr src = address("2001:db8:2ff:1::1"), dst = address("2001:db8:2ff:1::3");
	uint8_t off[1500], expect[1500];
	size_t n = vector(vec_icmp[3].offending, 0, off, sizeof(off));
	size_t m = vector(vec_icmp[3].result, 0, expect, sizeof(expect));

	drop(1, UP, off, n);
	memcpy(icmp6_room(&f->reply), &icmp, sizeof(icmp));
	memcpy(icmp6_room(&f->reply) + sizeof(icmp), off, n);
	icmp6_finish(&f->reply, &src, &dst, 64, sizeof(icmp) + n);
	ok(f->reply.len == m && !memcmp(f->reply.data, expect, m), "%s", vec_icmp[3].name);
	ok(!answers(DROP_IP6_SOURCE_TRANSFER), "but the PoP does not send it");
}

static void every_length_is_quoted_and_summed(void)
{
	uint8_t bytes[1600];
	size_t wrong = 0;

	for (size_t len = 41; len <= 1500; len++) {
		size_t quote = len < 1232 ? len : 1232;

		make_ip6(bytes, INET6, "2001:db8:2ff:1::3", len, 64, PROTO_UDP);
		drop(UP, UP, bytes, len);
		later(US_PER_S);
		wrong += !answers(DROP_TRANSFER) || f->reply.len != 48 + quote ||
			 memcmp(f->reply.data + 48, bytes, quote) != 0 ||
			 naive_upper6(f->reply.data, f->reply.data + 40, 8 + quote, 58) != 0xffff;
	}
	ok(wrong == 0, "41 to 1500 octets: quoted as received, at most 1280, checksum right");
}

static void too_big_says_at_least_1280(void)
{
	static const struct { uint32_t param, said; } row[] = {
		{ 0, 1280 }, { 68, 1280 }, { 1279, 1280 }, { 1280, 1280 }, { 1281, 1281 },
		{ 1480, 1480 },
	};
	uint8_t bytes[1500];

	make_ip6(bytes, INET6, "2001:db8:2ff:1::2", 1500, 64, PROTO_UDP);
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		drop(UP, 1, bytes, 1500);
		f->p.param = row[i].param;
		ok(answers(DROP_TOO_BIG) && f->reply.data[46] == row[i].said >> 8 &&
		   f->reply.data[47] == (row[i].said & 255), "MTU %u is said as %u",
		   row[i].param, row[i].said);
	}
}

static void whose_name_it_bears(void)
{
	static const struct { uint16_t from, to; const char *src, *dst, *says; } row[] = {
		{ 1, 2, "2001:db8:2ff:1::2", "2001:db8:2ff:2::2", "2001:db8:2ff:1::1" },
		{ 1, UP, "2001:db8:2ff:1::2", INET6, "2001:db8:2ff:1::1" },
		{ UP, 2, INET6, "2001:db8:2ff:2::2", "2001:db8:2ff:2::1" },
		{ UP, UP, INET6, "2001:db8:2ff:2::3", "2001:db8:2ff:2::1" },
		{ UP, UP, INET6, "2001:db8:3002::5", "2001:db8:2ff:2::1" },
		{ UP, UP, INET6, "2001:db8:2ff:5::2", "2001:db8:2ff:ffff::1" },
		{ UP, UP, INET6, "2001:db8:30ff::2", "2001:db8:2ff:ffff::1" },
	};
	uint8_t bytes[100];

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct ip6_addr says = address(row[i].says), to = address(row[i].src);

		make_ip6(bytes, row[i].src, row[i].dst, 100, 64, PROTO_UDP);
		drop(row[i].from, row[i].to, bytes, 100);
		later(US_PER_S);
		ok(answers(DROP_TO_DOWN) && !memcmp(f->reply.data + 8, &says, 16) &&
		   !memcmp(f->reply.data + 24, &to, 16), "about %s to %s: from %s", row[i].src,
		   row[i].dst, row[i].says);
	}
}

static void what_each_verdict_owes(void)
{
	static const struct { enum verdict v; int type6, code6, type4, code4; } row[] = {
		{ DROP_TRANSFER, 1, 0, 3, 0 }, { DROP_TO_DOWN, 1, 0, 3, 0 },
		{ DROP_NO_ENDPOINT, 1, 0, 3, 0 }, { DROP_TO_DISABLED, 1, 1, 3, 13 },
		{ DROP_UNASSIGNED, 1, 3, 3, 0 }, { DROP_LOCAL_PORT, 1, 4, 3, 3 },
		{ DROP_IP4_PROTOCOL, 1, 4, 3, 2 }, { DROP_HOP_LIMIT, 3, 0, 11, 0 },
		{ DROP_TOO_BIG, 2, 0, 3, 4 }, { DROP_LOCAL_EXTENSIONS, 4, 0, 12, 0 },
		{ DROP_IP4_OTHER_POP, 1, 0, 3, 0 }, { DROP_IP4_NO_GATEWAY, 1, 1, 3, 13 },
		{ DROP_IP4_NOT_CARRIED, 1, 0, 3, 0 },
	};
	uint8_t six[1500], four[1500];
	size_t silent = 0;

	make_ip6(six, "2001:db8:2ff:1::2", "2001:db8:2ff:2::2", 1500, 64, PROTO_UDP);
	naive_ip4(four, T1_FOUR, T2_FOUR, 1500, 64, 17);
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		later(US_PER_S);
		drop(1, 2, six, sizeof(six));
		f->p.param = 1300;
		ok(answers(row[i].v) && f->reply.data[40] == row[i].type6 &&
		   f->reply.data[41] == row[i].code6 && f->reply.len == 1280,
		   "%s owes ICMPv6 %d/%d", verdict_info[row[i].v].name, row[i].type6, row[i].code6);
		later(US_PER_S);
		drop(1, 2, four, sizeof(four));
		f->p.param = 1300;
		ok(answers(row[i].v) && f->reply.data[20] == row[i].type4 &&
		   f->reply.data[21] == row[i].code4 && f->reply.len == 576,
		   "%s owes ICMPv4 %d/%d", verdict_info[row[i].v].name, row[i].type4, row[i].code4);
	}
	drop(1, 2, six, sizeof(six));
	for (int v = 0; v < VERDICT_COUNT; v++) {
		if (verdict_info[v].owed != OWED_NONE)
			continue;
		later(US_PER_S);
		f->reply.len = 0;
		icmp_answer(&f->pa, &f->p, (enum verdict)v, &f->reply);
		silent += f->reply.len != 0;
	}
	ok(silent == 0, "what owes nothing is silent");
}

static void a_parameter_problem_points(void)
{
	uint8_t bytes[100];

	make_ip6(bytes, "2001:db8:2ff:1::2", "2001:db8:2ff:1::1", 100, 64, PROTO_DSTOPTS);
	bytes[41] = 200;	/* far beyond the packet */
	drop(1, UP, bytes, 100);
	f->p.param = 41;
	later(US_PER_S);
	ok(answers(DROP_LOCAL_EXTENSIONS) && f->reply.data[40] == 4 && f->reply.data[41] == 0 &&
	   !memcmp(f->reply.data + 44, "\0\0\0\x29", 4), "4/0 with the offset of the octet at fault");
	later(US_PER_S);
	ok(!answers(DROP_HOP_LIMIT), "nothing else is said about a chain nobody can read");
}

/* An AYIYA "echo request and forward" left its response in the one reply there is. */
static void an_error_replaces_an_echo_response(void)
{
	uint8_t bytes[100];

	make_ip6(bytes, INET6, "2001:db8:2ff:1::3", 100, 64, PROTO_UDP);
	drop(UP, UP, bytes, 100);
	later(US_PER_S);
	f->reply.data += 100;
	f->reply.len = 72;
	f->reply.out = OUT_WIRE;
	f->reply.to = 2;
	icmp_answer(&f->pa, &f->p, DROP_TRANSFER, &f->reply);
	ok(f->reply.data == f->out + PKT_HEADROOM && f->reply.len == 148 &&
	   f->reply.out == OUT_NONE && f->reply.to == TID_NONE, "the error replaces it");

	unhex("6000000000083a40", bytes, 8);
	memset(bytes + 8, 0, 16);
	f->reply.out = OUT_WIRE;
	pkt_init(&f->p, f->in, 48, VIA_TUN);
	memcpy(f->p.data, bytes, 48);
	icmp_answer(&f->pa, &f->p, DROP_TRANSFER, &f->reply);
	ok(f->reply.out == OUT_WIRE, "an error that is withheld leaves it");
}

/* ---- never ---- */

static void the_suppressed_vectors(void)
{
	uint8_t off[1500];

	for (size_t i = 0; i < ARRAY_LEN(vec_icmp_never); i++) {
		size_t n = unhex(vec_icmp_never[i].offending, off, sizeof(off));
		uint64_t before = withheld(DROP_ICMP_NEVER);

		later(US_PER_S);
		drop(UP, UP, off, n);
		ok(!answers(DROP_TRANSFER) && withheld(DROP_ICMP_NEVER) == before + 1,
		   "%s: not answered, and counted", vec_icmp_never[i].name);
	}
}

static void addresses_that_are_never_answered(void)
{
	static const struct { const char *src, *dst; enum verdict v; bool answered; } row[] = {
		{ INET6, "2001:db8:2ff:1::3", DROP_HOP_LIMIT, true },
		{ "::", INET6, DROP_HOP_LIMIT, false },
		{ "::1", INET6, DROP_HOP_LIMIT, false },
		{ "fe80::1", INET6, DROP_HOP_LIMIT, false },
		{ "ff02::1", INET6, DROP_HOP_LIMIT, false },
		{ "ff0e::1", INET6, DROP_TOO_BIG, false },
		{ "2001:db8:2ff:1::1", INET6, DROP_HOP_LIMIT, false },
		{ "2001:db8:2ff:4::1", INET6, DROP_TO_DOWN, false },
		{ "2001:db8:2ff:ffff::1", INET6, DROP_TOO_BIG, false },
		{ INET6, "ff0e::1", DROP_TOO_BIG, true },
		{ INET6, "ff0e::1", DROP_HOP_LIMIT, false },
		{ INET6, "ff0e::1", DROP_TRANSFER, false },
		{ INET6, "ff0e::1", DROP_LOCAL_EXTENSIONS, false },
	};
	uint8_t bytes[100];

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		make_ip6(bytes, row[i].src, row[i].dst, 100, 64, PROTO_UDP);
		drop(UP, UP, bytes, 100);
		later(US_PER_S);
		ok(answers(row[i].v) == row[i].answered, "%s, from %s to %s: %s",
		   verdict_info[row[i].v].name, row[i].src, row[i].dst,
		   row[i].answered ? "answered" : "silence");
	}
}

static void icmp6_types_behind_any_chain(void)
{
	/* what stands before the ICMPv6 header: next header, then the extension headers */
	static const struct { const char *name; uint8_t next; const char *chain; } row[] = {
		{ "nothing", 58, "" },
		{ "hop-by-hop", 0, "3a00010400000000" },
		{ "destination options", 60, "3a01010c000000000000000000000000" },
		{ "authentication", 51, "3a04000000000001000000010000000000000000000000aa" },
		{ "hop-by-hop and destination options", 0, "3c00010400000000" "3a00010400000000" },
		{ "a first fragment header", 44, "3a00000100000007" },
		{ "an atomic fragment header", 44, "3a00000000000007" },
	};
	uint8_t bytes[200];

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		size_t at = 40 + strlen(row[i].chain) / 2, wrong = 0;

		make_ip6(bytes, INET6, "2001:db8:2ff:1::3", sizeof(bytes), 64, row[i].next);
		unhex(row[i].chain, bytes + 40, sizeof(bytes) - 40);
		for (unsigned int type = 0; type < 256; type++) {
			bytes[at] = (uint8_t)type;
			drop(UP, UP, bytes, sizeof(bytes));
			later(US_PER_S);
			wrong += answers(DROP_TRANSFER) != (type >= 128 && type != 137);
		}
		ok(wrong == 0, "behind %s: no answer to types 0..127 and 137, one to the rest",
		   row[i].name);
		make_ip6(bytes, INET6, "2001:db8:2ff:1::3", at, 64, row[i].next);
		unhex(row[i].chain, bytes + 40, sizeof(bytes) - 40);
		drop(UP, UP, bytes, at);
		ok(!answers(DROP_TRANSFER), "nor where the type is cut off");
	}
}

static void later_fragments(void)
{
	static const struct { enum verdict v; bool answered; } row[] = {
		{ DROP_TOO_BIG, true }, { DROP_HOP_LIMIT, true }, { DROP_TRANSFER, false },
		{ DROP_TO_DISABLED, false }, { DROP_UNASSIGNED, false }, { DROP_LOCAL_PORT, false },
		{ DROP_LOCAL_EXTENSIONS, false },
	};
	uint8_t bytes[100];

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		make_ip6(bytes, INET6, "2001:db8:2ff:1::2", sizeof(bytes), 64, PROTO_FRAGMENT);
		unhex("3a00000900000007", bytes + 40, 8);
		drop(UP, 1, bytes, sizeof(bytes));
		later(US_PER_S);
		ok(answers(row[i].v) == row[i].answered, "a later fragment, %s: %s",
		   verdict_info[row[i].v].name, row[i].answered ? "answered" : "silence");
	}
}

static void ip4_that_is_never_answered(void)
{
	static const struct { const char *src, *dst; int protocol, type; bool answered; } row[] = {
		{ T1_FOUR, T2_FOUR, 17, 0, true }, { T1_FOUR, T2_FOUR, 6, 0, true },
		{ T1_FOUR, T2_FOUR, 1, 8, true }, { T1_FOUR, T2_FOUR, 1, 0, true },
		{ T1_FOUR, T2_FOUR, 1, 13, true }, { T1_FOUR, T2_FOUR, 1, 18, true },
		{ T1_FOUR, T2_FOUR, 1, 3, false }, { T1_FOUR, T2_FOUR, 1, 4, false },
		{ T1_FOUR, T2_FOUR, 1, 5, false }, { T1_FOUR, T2_FOUR, 1, 11, false },
		{ T1_FOUR, T2_FOUR, 1, 12, false }, { T1_FOUR, T2_FOUR, 1, 19, false },
		{ "0.0.0.0", T2_FOUR, 17, 0, false }, { "0.1.2.3", T2_FOUR, 17, 0, false },
		{ "127.0.0.1", T2_FOUR, 17, 0, false }, { "224.0.0.1", T2_FOUR, 17, 0, false },
		{ "255.255.255.255", T2_FOUR, 17, 0, false }, { "240.127.128.4", T2_FOUR, 17, 0, false },
		{ T1_FOUR, "224.0.0.1", 17, 0, false }, { T1_FOUR, "255.255.255.255", 17, 0, false },
	};
	uint8_t bytes[100];

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		naive_ip4(bytes, row[i].src, row[i].dst, 100, 64, (uint8_t)row[i].protocol);
		if (row[i].protocol == 1)
			naive_icmp4(bytes + 20, 80, (uint8_t)row[i].type, 0);
		drop(1, 2, bytes, 100);
		later(US_PER_S);
		ok(answers(DROP_TO_DOWN) == row[i].answered, "IPv4 %s to %s, protocol %d type %d: %s",
		   row[i].src, row[i].dst, row[i].protocol, row[i].type,
		   row[i].answered ? "answered" : "silence");
	}
	naive_ip4(bytes, T1_FOUR, T2_FOUR, 100, 64, 17);
	bytes[7] = 1;
	drop(1, 2, bytes, 100);
	ok(!answers(DROP_TO_DOWN) && !answers(DROP_TOO_BIG), "a later IPv4 fragment: silence");
	naive_ip4(bytes, T1_FOUR, T2_FOUR, 20, 64, 1);
	drop(1, 2, bytes, 20);
	ok(!answers(DROP_TO_DOWN), "ICMP without a type: silence");
	naive_ip4(bytes, T1_FOUR, T2_FOUR, 100, 64, 17);
	drop(FOUR_TID_LAST + 1, UP, bytes, 100);
	ok(!answers(DROP_TO_DOWN), "a tunnel beyond the plan has no address to be answered from");
	naive_ip4(bytes, INET4, "240.191.128.3", 100, 64, 17);
	drop(UP, UP, bytes, 100);
	ok(!answers(DROP_IP4_OTHER_POP), "no tunnel at either side, no address to say it from");
}

static void ip4_bytes(void)
{
	static const size_t lens[] = { 21, 28, 29, 100, 548, 549, 1500 };

	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		size_t quote = lens[i] < 548 ? lens[i] : 548;
		uint8_t bytes[1500], expect[600] = { 0 };

		naive_ip4(bytes, INET4, T2_FOUR, lens[i], 64, 17);
		naive_ip4(expect, "240.127.128.4", INET4, 28 + quote, 64, 1);
		memset(expect + 20, 0, 8);
		expect[26] = 1400 >> 8;
		expect[27] = 1400 & 255;
		memcpy(expect + 28, bytes, quote);
		naive_icmp4(expect + 20, 8 + quote, 3, 4);
		drop(UP, 2, bytes, lens[i]);
		f->p.param = 1400;
		later(US_PER_S);
		ok(answers(DROP_TOO_BIG) && f->reply.len == 28 + quote &&
		   !memcmp(f->reply.data, expect, 28 + quote),
		   "IPv4 of %zu octets: 3/4 from T2's PoP side, quoting %zu", lens[i], quote);
	}
	uint8_t bytes[100];

	naive_ip4(bytes, T1_FOUR, T2_FOUR, 100, 64, 17);
	drop(1, 2, bytes, 100);
	f->p.param = 20;
	ok(answers(DROP_LOCAL_EXTENSIONS) && f->reply.data[24] == 20 && f->reply.data[25] == 0,
	   "an IPv4 pointer is one octet");
	ok(!memcmp(f->reply.data + 12, "\xf0\x7f\x80\x02", 4), "input tunnel's PoP side first");
}

/* ---- how many ---- */

static size_t flood(enum verdict v, size_t triggers, int64_t over_us)
{
	int64_t start = f->pa.now.us;
	size_t sent = 0;

	for (size_t i = 0; i < triggers; i++) {
		f->pa.now.us = start + (int64_t)i * over_us / (int64_t)triggers;
		sent += answers(v);
	}
	f->pa.now.us = start + over_us;
	return sent;
}

static void a_tunnel_has_20_at_once_and_10_a_second(void)
{
	uint8_t bytes[100];

	make_ip6(bytes, "2001:db8:2ff:1::2", INET6, 100, 1, PROTO_UDP);
	drop(1, UP, bytes, 100);
	later(1000 * (int64_t)US_PER_S);

	uint64_t before = withheld(DROP_ICMP_RATE);

	ok(flood(DROP_HOP_LIMIT, 100, 0) == 20, "100 at once: 20 answers");
	ok(withheld(DROP_ICMP_RATE) == before + 80, "80 withheld, and counted");
	later(99999);
	ok(!answers(DROP_HOP_LIMIT), "99.999 ms later none");
	later(1);
	ok(answers(DROP_HOP_LIMIT) && !answers(DROP_HOP_LIMIT), "after 100 ms one");
	later(1000 * (int64_t)US_PER_S);

	size_t n = flood(DROP_HOP_LIMIT, 10000, US_PER_S);

	ok(n == 29, "10,000 in a second: %zu answers, burst and rate", n);
	flood(DROP_HOP_LIMIT, 2, 0);
	f->p.param = 1428;
	ok(answers(DROP_TOO_BIG), "packet too big still goes out: path MTU discovery survives");
	drop(2, UP, bytes, 100);
	ok(answers(DROP_HOP_LIMIT), "and another tunnel has its own");
	make_ip6(bytes, INET6, "2001:db8:2ff:1::2", 100, 64, PROTO_UDP);
	drop(UP, 1, bytes, 100);
	ok(!answers(DROP_TO_DOWN), "towards the uplink it is charged to the tunnel it was for");
}

static void ip4_shares_the_buckets(void)
{
	uint8_t six[100], four[100];

	make_ip6(six, "2001:db8:2ff:1::2", INET6, 100, 1, PROTO_UDP);
	naive_ip4(four, T1_FOUR, T2_FOUR, 100, 1, 17);
	later(1000 * (int64_t)US_PER_S);
	drop(1, UP, six, 100);
	flood(DROP_HOP_LIMIT, 15, 0);
	drop(1, 2, four, 100);
	ok(flood(DROP_HOP_LIMIT, 100, 0) == 5, "15 ICMPv6 leave room for 5 ICMPv4");
}

static void too_big_has_a_limit_too(void)
{
	uint8_t bytes[1500];

	make_ip6(bytes, INET6, "2001:db8:2ff:1::2", 1500, 64, PROTO_UDP);
	drop(UP, 1, bytes, 1500);
	f->p.param = 1428;
	later(1000 * (int64_t)US_PER_S);

	size_t n = flood(DROP_TOO_BIG, 10000, US_PER_S);

	ok(n >= 190 && n <= 200, "10,000 too big in a second: %zu answers", n);
}

static void all_together_have_1000(void)
{
	struct config *cf = pop_edit(f);
	uint8_t bytes[1500];
	size_t sent = 0, big = 0, more = 0;

	for (uint16_t tid = 100; tid < 300; tid++)
		pop_static(f, cf, tid, "198.51.100.77", 1280, 0);
	pop_apply(f);
	later(1000 * (int64_t)US_PER_S);
	make_ip6(bytes, INET6, "2001:db8:2ff:1::2", 1500, 64, PROTO_UDP);
	for (uint16_t tid = 100; tid < 300; tid++) {
		drop(UP, tid, bytes, 1500);
		sent += flood(DROP_TO_DOWN, 10, 0);
		big += flood(DROP_TOO_BIG, 10, 0);
	}
	ok(sent == 1000, "200 tunnels of 10 errors each: %zu answers", sent);
	ok(big == 1000, "and %zu of the 2000 too big", big);
	make_ip6(bytes, INET6, "2001:db8:30ff::2", 1500, 64, PROTO_UDP);
	drop(UP, UP, bytes, 1500);
	ok(!answers(DROP_UNASSIGNED), "nobody's addresses share the same thousand");
	for (int ms = 0; ms < 1000; ms++) {
		later(US_PER_MS);
		more += flood(DROP_UNASSIGNED, 10, 0);
	}
	ok(more == 1000, "in the next second %zu more", more);
}

int main(void)
{
	f = pop_new(NULL);
	the_vectors();
	the_format_sample();
	every_length_is_quoted_and_summed();
	too_big_says_at_least_1280();
	whose_name_it_bears();
	what_each_verdict_owes();
	a_parameter_problem_points();
	an_error_replaces_an_echo_response();
	the_suppressed_vectors();
	addresses_that_are_never_answered();
	icmp6_types_behind_any_chain();
	later_fragments();
	ip4_that_is_never_answered();
	ip4_bytes();
	a_tunnel_has_20_at_once_and_10_a_second();
	ip4_shares_the_buckets();
	too_big_has_a_limit_too();
	all_together_have_1000();
	return tap_done();
}
