/* Protocol 41 and GRE: whose packet is it, and what may it change? forwarding.md 2.1 */
#include "pop.h"
#include "wire/gre.h"

#define CLIENT	"198.51.100.7"
#define WHO	"2001:db8:ffff::1"
#define T1	"2001:db8:2ff:1::2"

/* The inner packet of the vectors: T1 pings WHO, 64 octets. */
#define INNER6	"6000000000183a4020010db802ff0001000000000000000220010db8ffff0000000000" \
		"00000000018000e56b12340001696e6e65722d697076362d6563686f21"
#define INNER4	"4500001400014000403b59a6f07f8003f07f8005"

enum { INNER6_BYTES = 64 };

static size_t inner6(uint8_t *at)
{
	return unhex(INNER6, at, INNER6_BYTES);
}

/* ---- GRE ---- */

static const struct {
	const char	*name, *hex;
	bool		keyed;		/* the tunnel has key 0x01020304 */
	enum verdict	v;
	size_t		header;		/* octets of a good one */
} gre[] = {
	{ "plain IPv6", "000086dd" INNER6, false, SENT_UPLINK, 4 },
	{ "checksum", "800086dd5f1b0000" INNER6, false, SENT_UPLINK, 8 },
	{ "bad checksum", "800086dd5f1a0000" INNER6, false, DROP_GRE_CHECKSUM, 0 },
	{ "key, configured", "200086dd01020304" INNER6, true, SENT_UPLINK, 8 },
	{ "key, not configured", "200086dd01020304" INNER6, false, DROP_GRE_KEY, 0 },
	{ "another key", "200086dd01020305" INNER6, true, DROP_GRE_KEY, 0 },
	{ "no key where one is configured", "000086dd" INNER6, true, DROP_GRE_KEY, 0 },
	{ "sequence", "100086dd00000007" INNER6, false, SENT_UPLINK, 8 },
	{ "checksum, key, sequence", "b00086dd2b0e00000102030400000007" INNER6, true, SENT_UPLINK,
	  16 },
	{ "version 1", "0001880b" INNER6, false, DROP_GRE_VERSION, 0 },
	{ "routing present", "400086dd00000000" INNER6, false, DROP_GRE_FLAGS, 0 },
	{ "bit 4", "080086dd" INNER6, false, DROP_GRE_FLAGS, 0 },
	{ "bit 5", "040086dd" INNER6, false, DROP_GRE_FLAGS, 0 },
	{ "bits 6 to 12 are ignored", "03f886dd" INNER6, false, SENT_UPLINK, 4 },
	{ "unknown protocol", "00006558" INNER6, false, DROP_GRE_PROTOCOL, 0 },
	{ "truncated", "000086", false, DROP_GRE_SHORT, 0 },
	{ "empty", "", false, DROP_GRE_SHORT, 0 },
	{ "truncated checksum", "800086dd0000", false, DROP_GRE_SHORT, 0 },
	{ "truncated key", "200086dd010203", false, DROP_GRE_SHORT, 0 },
	{ "truncated sequence", "100086dd", false, DROP_GRE_SHORT, 0 },
	{ "says IPv6, holds IPv4", "000086dd" INNER4, false, DROP_IP6_MALFORMED, 0 },
	{ "says IPv4, holds IPv6", "00000800" INNER6, false, DROP_IP4_MALFORMED, 0 },
	{ "IPv4 of nobody", "000008004500001400014000403b59a60a0000010a000002", false,
	  DROP_INNER_UNKNOWN, 0 },
	{ "IPv4 of another PoP", "000008004500001400014000403b59a6f0bf8003f07f8005", false,
	  DROP_INNER_UNKNOWN, 0 },
};

static void gre_vectors(void)
{
	for (size_t i = 0; i < ARRAY_LEN(gre); i++) {
		struct fixture *f = pop_new(NULL);
		struct config *cf = pop_edit(f);
		struct tunnel_conf *c = pop_touch(f, cf, 1);
		uint8_t bytes[200];
		size_t len = unhex(gre[i].hex, bytes, sizeof(bytes));
		enum verdict v;

		c->flags |= gre[i].keyed ? TUNNEL_GRE_KEY : 0;
		c->gre_key = 0x01020304;
		pop_apply(f);
		v = pop_give(f, VIA_GRE, bytes, len, CLIENT, pop_v4);
		ok(v == gre[i].v && !f->reply.len, "GRE, %s: %s", gre[i].name,
		   verdict_info[v].name);
		if (gre[i].v == SENT_UPLINK)
			ok(f->p.len == INNER6_BYTES &&
			           !memcmp(f->p.data, bytes + gre[i].header, 64),
			   "its header was %zu octets", gre[i].header);
		pop_free(f);
	}
}

/* IPv4 inside takes the same door: the step alone, since what follows is inner4.c's. */
static void gre_carries_ipv4(void)
{
	struct fixture *f = pop_new(NULL);
	uint8_t bytes[64];
	size_t len = unhex("00000800" INNER4, bytes, sizeof(bytes));

	pop_arrive(f, VIA_GRE, bytes, len, CLIENT, pop_v4);
	ok(saw(gre_decap(&f->pa, &f->p)) == PASS && f->p.from == 1 && f->p.len == 20 &&
	   f->p.data[0] == 0x45, "GRE, plain IPv4: tunnel 1's by its to-four address");

	bytes[4 + 12 + 1] = 0x40;	/* 240.64.5.3: the /24 of a tunnel that is not there */
	bytes[4 + 12 + 2] = 5;
	pop_arrive(f, VIA_GRE, bytes, len, CLIENT, pop_v4);
	ok(saw(gre_decap(&f->pa, &f->p)) == DROP_INNER_UNKNOWN,
	   "GRE, IPv4 of a tunnel that is not there");
	pop_free(f);
}

/* ---- protocol 41 ---- */

static void frames(void)
{
	static const struct {
		const char *name, *hex, *them, *us;
		uint8_t outer;
		enum verdict v;
	} row[] = {
		{ "6in4 client->pop", INNER6, CLIENT, pop_v4, 20, SENT_UPLINK },
		{ "6in4 with a spoofed outer source", INNER6, "203.0.113.66", pop_v4, 20,
		  DROP_OUTER_SOURCE },
		{ "6in4 of another client", INNER6, "198.51.100.8", pop_v4, 20, DROP_OUTER_SOURCE },
		{ "protocol 41 over the wrong family", INNER6, "2001:db8:cafe::7", pop_v6, 40,
		  DROP_OUTER_SOURCE },
		{ "IPv4 in protocol 41", INNER4, CLIENT, pop_v4, 20, DROP_P41_SHORT },
		{ "IPv4, long enough", INNER4 INNER4, CLIENT, pop_v4, 20, DROP_P41_VERSION },
		{ "sent to a broadcast address", INNER6, CLIENT, "255.255.255.255", 20,
		  DROP_OUTER_LOCAL },
		{ "sent to a multicast address", INNER6, CLIENT, "224.0.0.1", 20,
		  DROP_OUTER_LOCAL },
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct fixture *f = pop_new(NULL);
		uint8_t bytes[200];
		size_t len = unhex(row[i].hex, bytes, sizeof(bytes));
		enum verdict v = pop_give(f, VIA_P41, bytes, len, row[i].them, row[i].us);

		ok(v == row[i].v && !f->reply.len && pop_verdicts(f, row[i].v) == 1, "%s: %s",
		   row[i].name, verdict_info[v].name);
		pop_free(f);
	}
}

static void six_in_six(void)
{
	struct fixture *f = pop_new(NULL);
	uint8_t bytes[100];

	make_ip6(bytes, "2001:db8:2ff:42c::2", WHO, 100, 64, PROTO_UDP);
	ok(pop_give(f, VIA_P41, bytes, 100, "2001:db8:cafe::7", pop_v6) == SENT_UPLINK &&
	   f->p.from == 0x42c, "6in6 is accepted from its endpoint");
	ok(pop_give(f, VIA_P41, bytes, 100, "2001:db8:cafe::8", pop_v6) == DROP_OUTER_SOURCE,
	   "and from no other address");
	pop_free(f);
}

/* D2: what is not configured is not decapsulated, and nobody hears about it (D4). */
static void protocol_4_is_refused(void)
{
	struct fixture *f = pop_new(NULL);
	uint8_t bytes[100];
	size_t len = unhex(INNER4, bytes, sizeof(bytes));

	ok(pop_give(f, VIA_PROTO4, bytes, len, CLIENT, pop_v4) == DROP_PROTO4 &&
	   f->p.out == OUT_NONE && f->reply.len == 0, "D2: IPv4 in IP is dropped in silence");
	make_ip6(bytes, T1, WHO, 100, 64, PROTO_UDP);
	ok(pop_give(f, VIA_PROTO4, bytes, 100, CLIENT, pop_v4) == DROP_PROTO4,
	   "D2: whatever it carries");
	pop_free(f);
}

/* D1, D3, D4 */
static void strangers(void)
{
	struct fixture *f = pop_new(NULL);
	uint8_t bytes[100];
	struct tunnel before[2] = { *pop_tunnel(f, 1), *pop_tunnel(f, 2) };

	make_ip6(bytes, T1, WHO, 100, 64, PROTO_UDP);
	ok(pop_give(f, VIA_P41, bytes, 100, "203.0.113.66", pop_v4) == DROP_OUTER_SOURCE &&
	           f->p.out == OUT_NONE && f->reply.len == 0 && f->reply.out == OUT_NONE &&
	           pop_errors(f, 1, ERR_OUTER_SOURCE) == 1,
	   "D1: a stranger's 6in4: nothing forwarded, nothing sent back, counted");
	make_ip6(bytes, WHO, T1, 100, 64, PROTO_UDP);
	ok(pop_give(f, VIA_P41, bytes, 100, "203.0.113.66", pop_v4) == DROP_INNER_UNKNOWN &&
	   f->reply.len == 0, "D4: with a source of no tunnel as well");
	make_ip6(bytes, "2001:db8:2ff:2::2", WHO, 100, 64, PROTO_UDP);
	ok(pop_give(f, VIA_P41, bytes, 100, CLIENT, pop_v4) == DROP_OUTER_SOURCE,
	   "D3: T1's endpoint may not speak for T2");
	ok(!memcmp(&before[0], pop_tunnel(f, 1), sizeof(before[0])) &&
	           !memcmp(&before[1], pop_tunnel(f, 2), sizeof(before[1])),
	   "H8: the tunnels are untouched");
	pop_free(f);
}

/* Clients' kernels say these all day: they have names of their own and count no error. */
static void noise(void)
{
	static const struct { const char *src, *dst; enum verdict v; } row[] = {
		{ "fe80::1", "ff02::2", DROP_IP6_LINK_LOCAL },
		{ "::", "ff02::16", DROP_IP6_UNSPECIFIED },
		{ "::", "ff02::1:ff00:2", DROP_IP6_UNSPECIFIED },
		{ "::1", WHO, DROP_IP6_SOURCE_CLASS },
		{ "2001:db8::1", "ff02::1", DROP_IP6_DEST_CLASS },
		{ "2001:db8::1", WHO, DROP_INNER_UNKNOWN },
		{ "2001:db8:2ff:ffff::1", WHO, DROP_INNER_UNKNOWN },
		{ "2001:db8:2ff:5::2", WHO, DROP_INNER_UNKNOWN },
	};
	struct fixture *f = pop_new(NULL);
	uint8_t bytes[76];
	uint64_t errors = 0;

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		make_ip6(bytes, row[i].src, row[i].dst, 76, 1, PROTO_ICMP6);
		ok(pop_give(f, VIA_P41, bytes, 76, CLIENT, pop_v4) == row[i].v && f->reply.len == 0,
		   "%s > %s: %s", row[i].src, row[i].dst, verdict_info[row[i].v].name);
	}
	for (enum errname e = 0; e < ERR_COUNT; e++)
		errors += pop_errors(f, 1, e);
	ok(errors == 0, "and none is held against the tunnel");
	pop_free(f);
}

/* D6 */
static void disabled_and_down(void)
{
	struct fixture *f = pop_new(NULL);
	struct config *cf;
	uint8_t bytes[100];

	make_ip6(bytes, "2001:db8:2ff:4::2", WHO, 100, 64, PROTO_UDP);
	ok(pop_give(f, VIA_P41, bytes, 100, "198.51.100.9", pop_v4) == DROP_TUNNEL_DISABLED &&
	   pop_errors(f, 4, ERR_DISABLED) == 1, "D6: from a disabled tunnel: dropped and counted");
	pop_touch(f, cf = pop_edit(f), 4)->flags = 0;
	pop_apply(f);
	ok(pop_give(f, VIA_P41, bytes, 100, "198.51.100.9", pop_v4) == SENT_UPLINK,
	   "enabled, it passes");

	make_ip6(bytes, "2001:db8:2ff:3::2", WHO, 100, 64, PROTO_UDP);
	ok(pop_give(f, VIA_P41, bytes, 100, "0.0.0.0", pop_v4) == DROP_TUNNEL_DOWN &&
	   pop_give(f, VIA_P41, bytes, 100, "203.0.113.1", pop_v4) == DROP_TUNNEL_DOWN,
	   "D6: from a dynamic tunnel that is down: a heartbeat must come first");
	pop_free(f);
}

/* D7 */
static void ayiya_is_not_turned_into_direct(void)
{
	struct fixture *f = pop_new(NULL);
	struct tunnel *t = pop_tunnel(f, 3);
	struct endpoint ep = { .them = address("203.0.113.5"), .us = address(pop_v4),
			       .them_port = 40000, .state = STATE_UP, .type = TYPE_AYIYA };
	struct tunnel before;
	uint8_t bytes[100];

	tunnel_commit(&f->region.table, 3, &ep);
	before = *t;
	make_ip6(bytes, "2001:db8:2ff:3::2", WHO, 100, 64, PROTO_UDP);
	ok(pop_give(f, VIA_P41, bytes, 100, "203.0.113.5", pop_v4) == DROP_TUNNEL_AYIYA &&
	   pop_give(f, VIA_P41, bytes, 100, "203.0.113.6", pop_v4) == DROP_TUNNEL_AYIYA,
	   "D7: protocol 41 for a tunnel in AYIYA operation is dropped");
	pop_pass_time(f, 1000 * (int64_t)US_PER_S);
	pop_give(f, VIA_P41, bytes, 100, "203.0.113.5", pop_v4);
	ok(!memcmp(&before.ep, &t->ep, sizeof(before.ep)),
	   "D7: and its type stays, however long it was quiet");

	pop_touch(f, pop_edit(f), 3)->kind = KIND_AYIYA;
	ep.type = TYPE_DIRECT;	/* whatever it was before */
	pop_apply(f);
	tunnel_commit(&f->region.table, 3, &ep);
	ok(pop_give(f, VIA_P41, bytes, 100, "203.0.113.5", pop_v4) == DROP_TUNNEL_AYIYA,
	   "a tunnel bound to ayiya takes no protocol 41 at all");
	pop_free(f);
}

/* ---- learning ---- */

static enum verdict give_gre(struct fixture *f)
{
	uint8_t bytes[4 + INNER6_BYTES] = { 0, 0, 0x86, 0xdd };

	inner6(bytes + 4);
	return pop_give(f, VIA_GRE, bytes, sizeof(bytes), CLIENT, pop_v4);
}

static enum verdict give_p41(struct fixture *f)
{
	uint8_t bytes[INNER6_BYTES];

	return pop_give(f, VIA_P41, bytes, inner6(bytes), CLIENT, pop_v4);
}

static void encap_setting(void)
{
	struct fixture *f = pop_new(NULL);
	struct config *cf = pop_edit(f);
	struct endpoint *ep = &pop_tunnel(f, 1)->ep;

	pop_touch(f, cf, 1)->encap = ENCAP_DIRECT;
	pop_apply(f);
	ok(give_gre(f) == DROP_ENCAP_OTHER && give_p41(f) == SENT_UPLINK && ep->type == TYPE_DIRECT,
	   "encap direct takes protocol 41 only");
	pop_touch(f, cf = pop_edit(f), 1)->encap = ENCAP_GRE;
	pop_apply(f);
	ok(give_p41(f) == DROP_ENCAP_OTHER && give_gre(f) == SENT_UPLINK && ep->type == TYPE_GRE,
	   "encap gre takes GRE only");
	ok(pop_errors(f, 1, ERR_OUTER_SOURCE) == 2, "the other one is counted");
	pop_pass_time(f, 1000 * (int64_t)US_PER_S);
	ok(give_p41(f) == DROP_ENCAP_OTHER, "also after a long silence");
	pop_free(f);
}

static void encap_auto(void)
{
	struct fixture *f = pop_new(NULL);
	struct endpoint *ep = &pop_tunnel(f, 1)->ep;

	ok(give_gre(f) == SENT_UPLINK && ep->type == TYPE_GRE,
	   "encap auto: the first packet sets the type");
	ok(f->pa.events == 1 && f->pa.event[0].event == EVENT_TYPE && f->pa.event[0].tid == 1 &&
	   f->pa.event[0].value == TYPE_GRE, "and the log hears of it");
	ok(give_p41(f) == DROP_ENCAP_OTHER && ep->type == TYPE_GRE,
	   "the next of the other type does not");

	pop_pass_time(f, 119 * (int64_t)US_PER_S);
	ok(give_p41(f) == DROP_ENCAP_OTHER, "nor after 119 s of silence");
	pop_pass_time(f, US_PER_S);
	ok(give_p41(f) == SENT_UPLINK && ep->type == TYPE_DIRECT, "after 120 s it does");

	pop_pass_time(f, 60 * (int64_t)US_PER_S);
	give_p41(f);
	pop_pass_time(f, 60 * (int64_t)US_PER_S + 100 * US_PER_MS);
	ok(give_gre(f) == DROP_ENCAP_OTHER, "a packet of the current type starts the 120 s anew");
	pop_pass_time(f, 60 * (int64_t)US_PER_S);
	ok(give_gre(f) == SENT_UPLINK && ep->type == TYPE_GRE, "120 s after it: GRE again");
	pop_free(f);
}

/* H8: the exception of encap auto is for packets that were accepted whole. */
static void a_dropped_packet_sets_no_type(void)
{
	static const char *const src[] = {
		"2001:db8:2ff:1::1", "2001:db8:2ff:1::3", "2001:db8:2ff:1::",
	};
	struct fixture *f = pop_new(NULL);
	struct tunnel_cold cold = f->region.table.cold[1];
	struct endpoint before = pop_tunnel(f, 1)->ep;
	uint8_t bytes[104] = { 0, 0, 0x86, 0xdd };

	for (size_t i = 0; i < ARRAY_LEN(src); i++) {
		make_ip6(bytes + 4, src[i], WHO, 100, 64, PROTO_UDP);
		pop_give(f, VIA_GRE, bytes, sizeof(bytes), CLIENT, pop_v4);
	}
	make_ip6(bytes + 4, T1, "ff02::1", 100, 64, PROTO_UDP);
	pop_give(f, VIA_GRE, bytes, sizeof(bytes), CLIENT, pop_v4);
	make_ip6(bytes + 4, T1, WHO, 100, 64, PROTO_UDP);
	pop_give(f, VIA_GRE, bytes, 90, CLIENT, pop_v4);	/* truncated */
	f->pa.cf->tunnel[1].flags |= TUNNEL_GRE_KEY;
	pop_give(f, VIA_GRE, bytes, sizeof(bytes), CLIENT, pop_v4);
	ok(!memcmp(&before, &pop_tunnel(f, 1)->ep, sizeof(before)) &&
	   !memcmp(&cold, &f->region.table.cold[1], sizeof(cold)) && f->pa.events == 0,
	   "H8: six packets that die later than the outer check leave the tunnel as it was");
	pop_free(f);
}

static void outer_us(void)
{
	struct fixture *f = pop_new(NULL);
	struct config *cf = pop_edit(f);
	struct endpoint *ep = &pop_tunnel(f, 1)->ep;
	struct ip6_addr second = address("192.0.2.43"), first = address(pop_v4);
	uint8_t bytes[INNER6_BYTES];
	size_t len = inner6(bytes);

	cf->head->own[cf->head->owns++] = second;
	pop_apply(f);
	pop_give(f, VIA_P41, bytes, len, CLIENT, "192.0.2.43");
	ok(addr_eq(&ep->us, &second), "the address the client uses is the one it is answered from");
	pop_give(f, VIA_P41, bytes, len, CLIENT, pop_v4);
	ok(addr_eq(&ep->us, &first), "it follows when the client takes another of ours");
	pop_give(f, VIA_P41, bytes, len, CLIENT, "192.0.2.255");
	ok(addr_eq(&ep->us, &first), "a directed broadcast is no address to answer from");

	cf = pop_edit(f);
	cf->head->local[cf->head->locals++] = second;
	pop_apply(f);
	ok(pop_give(f, VIA_P41, bytes, len, CLIENT, pop_v4) == DROP_OUTER_LOCAL,
	   "with pop set localip, what arrives at another address is dropped");
	ok(pop_give(f, VIA_P41, bytes, len, CLIENT, "192.0.2.43") == SENT_UPLINK,
	   "and the named one serves");
	pop_free(f);
}

/* ---- D9: every length of a good packet ---- */

static bool inside(const struct fixture *f, const uint8_t *good, size_t from)
{
	return f->p.len == INNER6_BYTES && !memcmp(f->p.data, good + from, INNER6_BYTES);
}

static void truncated(void)
{
	struct fixture *f = pop_new(NULL);
	struct tunnel before = *pop_tunnel(f, 1);
	static const char *const shape[] = {
		"", "000086dd", "800086dd5f1b0000", "100086dd00000007",
	};

	for (size_t s = 0; s < ARRAY_LEN(shape); s++) {
		uint8_t good[120] = { 0 };
		size_t header = unhex(shape[s], good, sizeof(good)), wrong = 0;
		enum via via = s ? VIA_GRE : VIA_P41;

		inner6(good + header);
		for (size_t len = 0; len < header + INNER6_BYTES; len++) {
			enum verdict v;

			pop_arrive(f, via, good, sizeof(good), CLIENT, pop_v4);	/* stale octets */
			v = pop_give(f, via, good, len, CLIENT, pop_v4);
			wrong += !verdict_is_drop(v) || f->p.out != OUT_NONE || f->reply.len != 0;
		}
		ok(wrong == 0,
		   "D9: %zu truncations of \"%s\" and an IPv6 packet: all dropped in silence",
		   header + INNER6_BYTES, shape[s]);
		if (s == 2)
			continue;	/* trailing octets are under the checksum */

		pop_tunnel(f, 1)->ep = before.ep;
		pop_pass_time(f, 200 * (int64_t)US_PER_S);
		wrong = 0;
		for (size_t len = header + INNER6_BYTES; len <= 120; len++)
			wrong += pop_give(f, via, good, len, CLIENT, pop_v4) != SENT_UPLINK ||
				 !inside(f, good, header);
		ok(wrong == 0, "D9: from its own length on, to 120, it passes as it is");
		pop_pass_time(f, 200 * (int64_t)US_PER_S);
	}
	pop_free(f);
}

static uint64_t state_hash(const struct fixture *f)
{
	struct fixture *m = (struct fixture *)(uintptr_t)f;
	uint64_t hash = 14695981039346656037u;

	for (uint16_t tid = 0; tid < 5; tid++) {
		const uint8_t *at = (const uint8_t *)&pop_tunnel(m, tid)->ep;

		for (size_t i = 0; i < sizeof(struct endpoint); i++)
			hash = (hash ^ at[i]) * 1099511628211u;
	}
	return hash;
}

/* A flipped bit either leaves a packet of this very tunnel, or is dropped in silence. */
static void flipped_bits(void)
{
	struct fixture *f = pop_new(NULL);
	uint8_t good[INNER6_BYTES];
	size_t len = inner6(good), strange = 0, passed = 0;
	uint64_t state;

	give_p41(f);
	state = state_hash(f);
	for (size_t bit = 0; bit < 8 * len; bit++) {
		uint8_t bytes[INNER6_BYTES];
		struct place w;
		struct ip6_addr src;
		enum verdict v;

		memcpy(bytes, good, len);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		v = pop_give(f, VIA_P41, bytes, len, CLIENT, pop_v4);
		memcpy(src.b, bytes + 8, 16);
		w = config_lookup6(f->pa.cf, &src);
		passed += v == SENT_UPLINK;
		if (v == SENT_UPLINK)
			strange += w.tid != 1 || w.kind == PLACE_LOCAL || w.kind == PLACE_TRANSFER;
		else
			strange += !verdict_is_drop(v);
	}
	ok(strange == 0 && passed > 100 && state == state_hash(f),
	   "of %zu packets with a flipped bit none passes for another tunnel, and none changes a "
	   "tunnel",
	   8 * len);
	pop_free(f);
}

int main(void)
{
	gre_vectors();
	gre_carries_ipv4();
	frames();
	six_in_six();
	protocol_4_is_refused();
	strangers();
	noise();
	disabled_and_down();
	ayiya_is_not_turned_into_direct();
	encap_setting();
	encap_auto();
	a_dropped_packet_sets_no_type();
	outer_us();
	truncated();
	flipped_bits();
	return tap_done();
}
