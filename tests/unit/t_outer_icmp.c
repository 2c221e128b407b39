/* Outer ICMP: who is believed, which tunnel it is about, and what it may change. */
#include "pop.h"
#include "naive.h"
#include "vec_icmp.h"

#define US	"192.0.2.42"
#define US6	"2001:db8::42"
#define ROUTER	"203.0.113.1"
#define ROUTER6	"2001:db8:aa::1"
#define CAFE	"2001:db8:cafe::7"

static struct fixture *f;

static enum verdict report(const uint8_t *icmp, size_t len)
{
	return pop_give(f, VIA_ICMP4, icmp, len, ROUTER, US);
}

/* T1 direct and T2 GRE, T5 AYIYA at the same address as T1, T42c 6in6 */
static void configure(void)
{
	f = pop_new(NULL);

	struct config *cf = pop_edit(f);

	pop_touch(f, cf, 2)->encap = ENCAP_GRE;
	pop_touch(f, cf, 5)->kind = KIND_AYIYA;
	cf->tunnel[5].mtu_bytes = 1428;
	pop_apply(f);

	struct endpoint ep = pop_tunnel(f, 5)->ep;

	ep.them = address("198.51.100.7");
	ep.us = address(US);
	ep.them_port = 40001;
	ep.state = STATE_UP;
	ep.type = TYPE_AYIYA;
	tunnel_commit(&f->region.table, 5, &ep);
}

static uint16_t path_mtu(uint16_t tid)
{
	return pop_tunnel(f, tid)->ep.path_mtu_bytes;
}

static uint16_t inner_mtu(uint16_t tid)
{
	return tunnel_mtu(&f->pa.cf->tunnel[tid], &pop_tunnel(f, tid)->ep);
}

static void forget_mtu(uint16_t tid)
{
	struct endpoint ep = pop_tunnel(f, tid)->ep;

	ep.path_mtu_bytes = 0;
	tunnel_commit(&f->region.table, tid, &ep);
	f->pa.events = 0;
}

/* ---- the vectors ---- */

static void the_vectors(void)
{
	static const struct { enum verdict v; uint16_t outer, inner; } expect[] = {
		{ CONSUMED_OUTER_ICMP, 0, 1428 },
		{ CONSUMED_OUTER_PMTU, 1400, 1380 },
		{ CONSUMED_OUTER_PMTU, 576, 1280 },
		{ DROP_OUTER_ICMP, 0, 1428 },
		{ DROP_OUTER_ICMP, 0, 1428 },
	};

	for (size_t i = 0; i < ARRAY_LEN(vec_outer); i++) {
		uint8_t icmp[100];
		size_t n = unhex(vec_outer[i].icmp, icmp, sizeof(icmp));
		uint64_t counted = pop_errors(f, 1, ERR_ICMP4);
		enum verdict v = report(icmp, n);

		ok(v == expect[i].v && path_mtu(1) == expect[i].outer &&
		   inner_mtu(1) == expect[i].inner, "%s: %s, inner MTU %u", vec_outer[i].name,
		   verdict_info[v].name, inner_mtu(1));
		ok(pop_errors(f, 1, ERR_ICMP4) - counted == (v != DROP_OUTER_ICMP),
		   "and counted only if it is about T1");
		ok(f->p.out == OUT_NONE && f->reply.out == OUT_NONE, "and never answered");
		if (v == CONSUMED_OUTER_PMTU) {
			ok(f->pa.events == 1 && f->pa.event[0].event == EVENT_PATH_MTU &&
			   f->pa.event[0].tid == 1 && f->pa.event[0].value == expect[i].outer &&
			   f->region.table.cold[1].path_mtu_at.us == f->pa.now.us,
			   "and told, and dated");
		}
		forget_mtu(1);
	}

	struct ip6_addr router = address(ROUTER);
	struct error_sample s =
		tunnel_error(&f->region.table.errors[1].record[ERR_ICMP4]);

	ok(addr_eq(&s.source, &router), "the sample names the reporting router");
}

/* ---- building reports ---- */

struct quote {
	const char *src, *dst;
	uint8_t proto;
	const char *payload;	/* hex, behind the quoted IP header */
};

static size_t icmp4_about(uint8_t *at, const struct quote *q, uint8_t type, uint8_t code,
			  uint16_t mtu)
{
	size_t n = strlen(q->payload) / 2;

	naive_ip4(at + 8, q->src, q->dst, 20 + n, 60, q->proto);
	unhex(q->payload, at + 28, 1000);
	memset(at, 0, 8);
	at[6] = (uint8_t)(mtu >> 8);
	at[7] = (uint8_t)mtu;
	naive_icmp4(at, 28 + n, type, code);
	return 28 + n;
}

static enum verdict about(const struct quote *q, uint8_t type, uint8_t code, uint16_t mtu)
{
	uint8_t icmp[1200];

	return report(icmp, icmp4_about(icmp, q, type, code, mtu));
}

#define SIX_HEAD	"6000000000083a40" "20010db8ffff00000000000000000001"
#define TO_T1		SIX_HEAD "20010db802ff00010000000000000002"
#define TO_T1_SUBNET	SIX_HEAD "20010db8300100000000000000000009"
#define TO_T2		SIX_HEAD "20010db802ff00020000000000000002"
#define TO_T3		SIX_HEAD "20010db802ff00030000000000000002"
#define TO_T4		SIX_HEAD "20010db802ff00040000000000000002"
#define TO_NOBODY	SIX_HEAD "20010db802ff00990000000000000002"
#define TO_INTERNET	SIX_HEAD "20010db8ffff00000000000000000001"
#define FOUR_TO_T2	"4500001c000040004011000000000000" "f07f8005" "0102030405060708" "0000000000000000"
#define IDENTITY_T5	"41521129655" "3f100" "20010db802ff00050000000000000001"

static void the_exact_tunnel(void)
{
	static const struct { const char *sentence; struct quote q; int tid; } row[] = {
		{ "protocol 41, inner destination", { US, "198.51.100.7", 41, TO_T1 }, 1 },
		{ "protocol 41, 8 octets", { US, "198.51.100.7", 41, "6000000000083a40" }, 1 },
		{ "protocol 41, 39 octets", { US, "198.51.100.7", 41,
		  "6000000000083a4020010db8ffff0000000000000000000120010db802ff00010000000000" }, 1 },
		{ "protocol 41, inner destination in its /48", { US, "198.51.100.7", 41, TO_T1_SUBNET }, 1 },
		{ "7 octets are too few", { US, "198.51.100.7", 41, "60000000000000" }, -1 },
		{ "inner destination of another tunnel", { US, "198.51.100.7", 41, TO_T2 }, -1 },
		{ "inner destination of nobody", { US, "198.51.100.7", 41, TO_NOBODY }, -1 },
		{ "inner destination elsewhere", { US, "198.51.100.7", 41, TO_INTERNET }, -1 },
		{ "another outer source", { "192.0.2.43", "198.51.100.7", 41, TO_T1 }, -1 },
		{ "another outer source, 8 octets", { "192.0.2.43", "198.51.100.7", 41,
						      "6000000000083a40" }, -1 },
		{ "another endpoint", { US, "198.51.100.17", 41, TO_T1 }, -1 },
		{ "another endpoint, 8 octets", { US, "198.51.100.17", 41, "6000000000083a40" }, -1 },
		{ "GRE, inner destination", { US, "198.51.100.8", 47, "000086dd" TO_T2 "00000000" }, 2 },
		{ "GRE with a key", { US, "198.51.100.8", 47, "200086dd00000007" TO_T2 }, 2 },
		{ "GRE, IPv4 inside", { US, "198.51.100.8", 47, "00000800" FOUR_TO_T2
						"00000000000000000000000000000000" }, 2 },
		{ "GRE, 8 octets", { US, "198.51.100.8", 47, "000086dd60000000" }, 2 },
		{ "GRE for a tunnel of protocol 41", { US, "198.51.100.7", 47, "000086dd60000000" }, -1 },
		{ "protocol 41 for a GRE tunnel", { US, "198.51.100.8", 41, TO_T2 }, -1 },
		{ "AYIYA, ports", { US, "198.51.100.7", 17, "13d09c4100400000" }, 5 },
		{ "AYIYA, ports and identity", { US, "198.51.100.7", 17,
						 "13d09c4100400000" IDENTITY_T5 }, 5 },
		{ "AYIYA, the client's identity", { US, "198.51.100.7", 17, "13d09c4100400000"
		  "415211296553f10020010db802ff00050000000000000002" }, -1 },
		{ "AYIYA, identity of another tunnel", { US, "198.51.100.7", 17, "13d09c4100400000"
		  "415211296553f10020010db802ff00010000000000000001" }, -1 },
		{ "AYIYA, another port of theirs", { US, "198.51.100.7", 17, "13d09c4200400000" }, -1 },
		{ "UDP that is not from 5072", { US, "198.51.100.7", 17, "13d19c4100400000" }, -1 },
		{ "TCP", { US, "198.51.100.7", 6, "13d09c4100400000" }, -1 },
		{ "protocol 4", { US, "198.51.100.7", 4, "45000000000083a40000" }, -1 },
		{ "a disabled tunnel", { US, "198.51.100.9", 41, TO_T4 }, -1 },
		{ "a disabled tunnel, 8 octets", { US, "198.51.100.9", 41, "6000000000083a40" }, -1 },
		{ "a tunnel that is down", { US, "0.0.0.0", 41, TO_T3 }, -1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		pop_pass_time(f, US_PER_S);
		enum verdict v = about(&row[i].q, 3, 1, 0);

		ok(row[i].tid < 0 ? v == DROP_OUTER_ICMP && f->p.from == TID_NONE :
				    v == CONSUMED_OUTER_ICMP && f->p.from == row[i].tid,
		   "%s: %s", row[i].sentence, row[i].tid < 0 ? "not believed" : "found");
	}
}

static void two_tunnels_at_one_address(void)
{
	struct config *cf = pop_edit(f);
	const struct quote brief = { US, "198.51.100.7", 41, "6000000000083a40" };
	const struct quote whole = { US, "198.51.100.7", 41, TO_T1 };

	pop_static(f, cf, 6, "198.51.100.7", 1480, 0);
	pop_apply(f);
	ok(about(&brief, 3, 4, 1400) == DROP_OUTER_ICMP && path_mtu(1) == 0 && path_mtu(6) == 0,
	   "8 octets cannot tell them apart: neither changes");
	ok(about(&whole, 3, 4, 1400) == CONSUMED_OUTER_PMTU && path_mtu(1) == 1400 &&
	   path_mtu(6) == 0, "the inner destination can");
	forget_mtu(1);
	cf = pop_edit(f);
	pop_touch(f, cf, 6)->kind = KIND_NONE;
	pop_apply(f);
}

static void the_types(void)
{
	const struct quote q = { US, "198.51.100.7", 41, TO_T1 };
	size_t wrong = 0;

	for (unsigned int type = 0; type < 256; type++) {
		bool ignored = type == 0 || type == 4 || type == 5 || (type >= 8 && type <= 10) ||
			       (type >= 13 && type <= 18);

		wrong += about(&q, (uint8_t)type, 0, 0) !=
			 (ignored ? DROP_OUTER_ICMP : CONSUMED_OUTER_ICMP);
	}
	ok(wrong == 0, "0, 4, 5, 8..10, 13..18 are ignored, the others count");
	ok(about(&q, 11, 4, 1400) == CONSUMED_OUTER_ICMP && path_mtu(1) == 0,
	   "a next-hop MTU is one only in 3/4");
}

static void the_mtu(void)
{
	const struct quote q = { US, "198.51.100.7", 41, TO_T1 };
	static const struct { uint16_t said; enum verdict v; uint16_t outer, inner; } row[] = {
		{ 0, CONSUMED_OUTER_ICMP, 0, 1428 }, { 67, CONSUMED_OUTER_ICMP, 0, 1428 },
		{ 1500, CONSUMED_OUTER_ICMP, 0, 1428 }, { 1448, CONSUMED_OUTER_ICMP, 0, 1428 },
		{ 1447, CONSUMED_OUTER_PMTU, 1447, 1427 }, { 1447, CONSUMED_OUTER_ICMP, 1447, 1427 },
		{ 1448, CONSUMED_OUTER_ICMP, 1447, 1427 }, { 1301, CONSUMED_OUTER_PMTU, 1301, 1281 },
		{ 1300, CONSUMED_OUTER_PMTU, 1300, 1280 }, { 1299, CONSUMED_OUTER_PMTU, 1299, 1280 },
		{ 68, CONSUMED_OUTER_PMTU, 68, 1280 }, { 67, CONSUMED_OUTER_ICMP, 68, 1280 },
		{ 1400, CONSUMED_OUTER_ICMP, 68, 1280 },
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		enum verdict v = about(&q, 3, 4, row[i].said);

		ok(v == row[i].v && path_mtu(1) == row[i].outer && inner_mtu(1) == row[i].inner,
		   "next-hop MTU %u: outer %u, inner %u", row[i].said, row[i].outer, row[i].inner);
	}
	forget_mtu(1);
}

/* security.md P2: whatever ICMP says, nothing but the path MTU changes. */
static void errors_change_no_state(void)
{
	const struct quote q = { US, "198.51.100.7", 41, TO_T1 };
	struct endpoint before = pop_tunnel(f, 1)->ep;
	struct tunnel_cold cold = f->region.table.cold[1];

	for (unsigned int code = 0; code < 16; code++) {
		if (code != 4)
			(void)about(&q, 3, (uint8_t)code, 1300);
		(void)about(&q, 11, (uint8_t)code, 1300);
		(void)about(&q, 12, (uint8_t)code, 1300);
	}
	ok(!memcmp(&before, &pop_tunnel(f, 1)->ep, sizeof(before)) &&
	   !memcmp(&cold, &f->region.table.cold[1], sizeof(cold)),
	   "unreachable in every code leaves the tunnel as it was");
}

static void damage(void)
{
	const struct quote q = { US, "198.51.100.7", 41, TO_T1 };
	uint8_t good[200], bytes[200];
	size_t len = icmp4_about(good, &q, 3, 4, 1400), believed = 0;

	for (size_t n = 0; n < 36; n++) {
		memcpy(bytes, good, len);
		if (n >= 4) {
			bytes[2] = bytes[3] = 0;
			naive_put(bytes + 2, naive_add(0, bytes, n));
		}
		believed += report(bytes, n) != DROP_OUTER_ICMP;
	}
	ok(believed == 0 && path_mtu(1) == 0, "below 8 + 20 + 8 octets nothing is believed");
	for (size_t bit = 0; bit < 8 * len; bit++) {
		memcpy(bytes, good, len);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		believed += report(bytes, len) != DROP_OUTER_ICMP;
	}
	ok(believed == 0 && path_mtu(1) == 0, "nor with a flipped bit");

	static const struct { size_t at; uint8_t value; const char *sentence; } row[] = {
		{ 8, 0x46, "a quoted header with options" }, { 8, 0x65, "a quoted IPv6 header" },
		{ 15, 1, "a later fragment" },
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		memcpy(bytes, good, len);
		bytes[row[i].at] = row[i].value;
		naive_icmp4(bytes, len, 3, 4);
		ok(report(bytes, len) == DROP_OUTER_ICMP, "%s is not ours", row[i].sentence);
	}
}

static void searches_are_bounded(void)
{
	const struct quote brief = { US, "198.51.100.7", 41, "6000000000083a40" };
	const struct quote whole = { US, "198.51.100.7", 41, TO_T1 };
	size_t believed = 0;

	pop_pass_time(f, 100 * (int64_t)US_PER_S);
	for (int i = 0; i < 10000; i++)
		believed += about(&brief, 3, 1, 0) == CONSUMED_OUTER_ICMP;
	ok(believed == 100, "10,000 at once that need a search: %zu are heard", believed);
	ok(about(&whole, 3, 1, 0) == CONSUMED_OUTER_ICMP, "what names its tunnel always is");
	pop_pass_time(f, 10 * US_PER_MS);
	ok(about(&brief, 3, 1, 0) == CONSUMED_OUTER_ICMP &&
	   about(&brief, 3, 1, 0) == DROP_OUTER_ICMP, "10 ms later one more search");
	pop_pass_time(f, US_PER_S);
}

/* ---- outer IPv6 ---- */

static size_t icmp6_about(uint8_t *at, const char *src, const char *dst, uint8_t next,
			  const char *payload, uint8_t type, uint32_t param)
{
	/* the outer IPv6 header is needed for the sum alone */
	size_t n = strlen(payload) / 2, len = 48 + n;
	uint8_t whole[1200];

	make_ip6(whole, ROUTER6, US6, 40 + len, 64, PROTO_ICMP6);
	memset(whole + 40, 0, 8);
	for (int i = 0; i < 4; i++)
		whole[44 + i] = (uint8_t)(param >> (24 - 8 * i));
	make_ip6(whole + 48, src, dst, 40 + n, 60, next);
	unhex(payload, whole + 88, 1000);
	naive_icmp6(whole, whole + 40, len, type, 0);
	memcpy(at, whole + 40, len);
	return len;
}

static enum verdict about6(const char *src, const char *dst, uint8_t next, const char *payload,
			   uint8_t type, uint32_t param)
{
	uint8_t icmp[1200];
	size_t len = icmp6_about(icmp, src, dst, next, payload, type, param);

	return pop_give(f, VIA_ICMP6, icmp, len, ROUTER6, US6);
}

#define TO_42C	SIX_HEAD "20010db802ff042c0000000000000002"

static void outer_ip6(void)
{
	static const struct {
		const char *sentence, *src, *dst;
		uint8_t next, type;
		const char *payload;
		uint32_t param;
		enum verdict v;
	} row[] = {
		{ "inner destination", US6, CAFE, 41, 1, TO_42C, 0, CONSUMED_OUTER_ICMP },
		{ "8 octets", US6, CAFE, 41, 1, "6000000000083a40", 0, CONSUMED_OUTER_ICMP },
		{ "7 octets", US6, CAFE, 41, 1, "60000000000000", 0, DROP_OUTER_ICMP },
		{ "behind our fragment header", US6, CAFE, 44, 1, "2900000100000001" TO_42C, 0,
		  CONSUMED_OUTER_ICMP },
		{ "a later fragment of ours", US6, CAFE, 44, 1, "2900004900000001" TO_42C, 0,
		  DROP_OUTER_ICMP },
		{ "a fragment cut off", US6, CAFE, 44, 1, "29000001000000", 0, DROP_OUTER_ICMP },
		{ "another source", "2001:db8::43", CAFE, 41, 1, TO_42C, 0, DROP_OUTER_ICMP },
		{ "another endpoint", US6, "2001:db8:cafe::8", 41, 1, TO_42C, 0, DROP_OUTER_ICMP },
		{ "another protocol", US6, CAFE, 47, 1, "000086dd" TO_42C "00000000", 0,
		  DROP_OUTER_ICMP },
		{ "an echo request", US6, CAFE, 41, 128, TO_42C, 0, DROP_OUTER_ICMP },
		{ "type 127", US6, CAFE, 41, 127, TO_42C, 0, CONSUMED_OUTER_ICMP },
		{ "time exceeded", US6, CAFE, 41, 3, TO_42C, 1300, CONSUMED_OUTER_ICMP },
		{ "MTU 1279 is none (security.md P3)", US6, CAFE, 41, 2, TO_42C, 1279,
		  CONSUMED_OUTER_ICMP },
		{ "MTU 1320 changes nothing", US6, CAFE, 41, 2, TO_42C, 1320, CONSUMED_OUTER_ICMP },
		{ "nor does 4294967295", US6, CAFE, 41, 2, TO_42C, UINT32_MAX, CONSUMED_OUTER_ICMP },
		{ "MTU 1319 does", US6, CAFE, 41, 2, TO_42C, 1319, CONSUMED_OUTER_PMTU },
		{ "MTU 1280 as well", US6, CAFE, 41, 2, TO_42C, 1280, CONSUMED_OUTER_PMTU },
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		uint16_t before = path_mtu(0x42c);
		enum verdict v;

		pop_pass_time(f, US_PER_S);
		v = about6(row[i].src, row[i].dst, row[i].next, row[i].payload, row[i].type,
			   row[i].param);
		ok(v == row[i].v && inner_mtu(0x42c) == 1280 &&
		   path_mtu(0x42c) == (v == CONSUMED_OUTER_PMTU ? row[i].param : before),
		   "outer IPv6, %s: %s", row[i].sentence, verdict_info[v].name);
	}

	uint8_t good[200], bytes[200];
	size_t len = icmp6_about(good, US6, CAFE, 41, TO_42C, 1, 0), believed = 0;

	for (size_t bit = 0; bit < 8 * len; bit++) {
		memcpy(bytes, good, len);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		believed += pop_give(f, VIA_ICMP6, bytes, len, ROUTER6, US6) != DROP_OUTER_ICMP;
	}
	for (size_t n = 0; n < 56; n++)
		believed += pop_give(f, VIA_ICMP6, good, n, ROUTER6, US6) != DROP_OUTER_ICMP;
	ok(believed == 0, "no flipped bit and no truncation is believed");
}

static void before_anything_was_received(void)
{
	const struct quote own = { US, "198.51.100.7", 41, TO_T1 };
	const struct quote other = { "192.0.2.99", "198.51.100.7", 41, TO_T1 };
	struct endpoint ep = pop_tunnel(f, 1)->ep;

	ok(addr_is_unspecified(&ep.us) && about(&own, 3, 1, 0) == CONSUMED_OUTER_ICMP &&
	   about(&other, 3, 1, 0) == DROP_OUTER_ICMP, "our address is the configured one");
	ep.us = address("192.0.2.99");
	tunnel_commit(&f->region.table, 1, &ep);
	ok(about(&other, 3, 1, 0) == CONSUMED_OUTER_ICMP && about(&own, 3, 1, 0) == DROP_OUTER_ICMP,
	   "later the one the client uses");
}

int main(void)
{
	configure();
	the_vectors();
	the_exact_tunnel();
	two_tunnels_at_one_address();
	the_types();
	the_mtu();
	errors_change_no_state();
	damage();
	searches_are_bounded();
	outer_ip6();
	before_anything_was_received();
	return tap_done();
}
