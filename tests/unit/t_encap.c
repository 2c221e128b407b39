/* The way out: outer headers, ECN, MTU and path MTU. forwarding.md 6, 7; ayiya.md 9 */
#include "base/sum.h"
#include "crypto/digest_openssl.h"
#include "crypto/secret.h"
#include "pop.h"
#include "wire/gre.h"
#include "wire/udp.h"

#define WHO	"2001:db8:ffff::1"
#define T1	"2001:db8:2ff:1::2"
#define CLIENT	"198.51.100.7"
#define CLIENT6 "2001:db8:cafe::7"

enum { INNER_BYTES = 64, KEY = 0x01020304 };

/* T1 with any endpoint and type; AYIYA ones get a password and port 40000. */
static struct fixture *pop_with(const char *them, enum tunnel_type type, uint8_t flags)
{
	struct fixture *f = pop_new(&digest_openssl);
	struct config *cf = pop_edit(f);
	struct tunnel_conf *c = pop_touch(f, cf, 1);
	struct endpoint ep;

	c->them = address(them);
	c->encap = type == TYPE_GRE ? ENCAP_GRE : type == TYPE_DIRECT ? ENCAP_DIRECT : ENCAP_AUTO;
	c->kind = type == TYPE_AYIYA ? KIND_AYIYA : KIND_STATIC;
	c->mtu_bytes = MTU_MAX_BYTES;
	c->gre_key = KEY;
	c->flags = flags;
	if (type == TYPE_AYIYA) {
		if (!secret_set(&cf->secret[1], &digest_openssl, "password", 8))
			exit(99);
		c->flags |= TUNNEL_SECRET;
	}
	pop_apply(f);
	ep = (struct endpoint){ .them = address(them), .them_port = 40000, .type = (uint8_t)type,
				.state = STATE_UP };
	tunnel_commit(&f->region.table, 1, &ep);
	return f;
}

static size_t inner_ip6(uint8_t *at, const char *src, const char *dst)
{
	static const char payload[] = "8100e46b12340001696e6e65722d697076362d6563686f21";

	make_ip6(at, src, dst, INNER_BYTES, 64, PROTO_ICMP6);
	unhex(payload, at + 40, INNER_BYTES - 40);
	return INNER_BYTES;
}

static enum verdict give_from_uplink(struct fixture *f, size_t len)
{
	static uint8_t bytes[2000];

	make_ip6(bytes, WHO, T1, len, 64, PROTO_UDP);
	return pop_give(f, VIA_TUN, bytes, len, NULL, NULL);
}

/* ---- whole frames ---- */

#define REPLY6	"6000000000183a4020010db8ffff0000000000000000000120010db802ff00010000000000000002" \
		"8100e46b12340001696e6e65722d697076362d6563686f21"

static const struct {
	const char *name, *them;
	enum tunnel_type type;
	uint8_t flags;
	const char *hex;
} frame[] = {
	{ "6in4: DF set, TTL 64", CLIENT, TYPE_DIRECT, 0,
	  "450000540000400040294e1cc000022ac6336407" REPLY6 },
	{ "6-in-GRE over IPv4", CLIENT, TYPE_GRE, 0,
	  "4500005800004000402f4e12c000022ac6336407000086dd" REPLY6 },
	{ "the same with a key", CLIENT, TYPE_GRE, TUNNEL_GRE_KEY,
	  "4500005c00004000402f4e0ec000022ac6336407200086dd01020304" REPLY6 },
	{ "6in6: next header 41, payload length of the inner packet", CLIENT6, TYPE_DIRECT, 0,
	  "6000000000402940" "20010db8000000000000000000000042" "20010db8cafe00000000000000000007"
	  REPLY6 },
	{ "6-in-GRE over IPv6: next header 47, payload length 4 more", CLIENT6, TYPE_GRE, 0,
	  "6000000000442f40" "20010db8000000000000000000000042" "20010db8cafe00000000000000000007"
	  "000086dd" REPLY6 },
};

/* The label of an outer IPv6 header depends on the flow and has its own test. */
static void without_flow_label(uint8_t *at)
{
	if (at[0] >> 4 == IP6_VERSION) {
		at[1] &= 0xf0;
		at[2] = at[3] = 0;
	}
}

static void frames(void)
{
	for (size_t i = 0; i < ARRAY_LEN(frame); i++) {
		struct fixture *f = pop_with(frame[i].them, frame[i].type, frame[i].flags);
		uint8_t bytes[INNER_BYTES], want[200];
		size_t len = unhex(frame[i].hex, want, sizeof(want));
		struct ip6_addr them = address(frame[i].them);
		enum verdict v;

		inner_ip6(bytes, WHO, T1);
		v = pop_give(f, VIA_TUN, bytes, INNER_BYTES, NULL, NULL);
		without_flow_label(f->p.data);
		ok(v == SENT_TUNNEL && f->p.out == OUT_WIRE && addr_eq(&f->p.out_to, &them) &&
		   f->p.len == len && !memcmp(f->p.data, want, len), "%s, octet for octet",
		   frame[i].name);
		pop_free(f);
	}
}

/* ---- overheads, ayiya.md 9 ---- */

static void overheads(void)
{
	static const struct {
		const char *them;
		enum tunnel_type type;
		uint8_t flags, hash;
		uint16_t over, mtu_at_1500, mtu_at_1492;
	} row[] = {
		{ CLIENT, TYPE_AYIYA, 0, HASH_SHA1, 72, 1428, 1420 },
		{ CLIENT6, TYPE_AYIYA, 0, HASH_SHA1, 92, 1408, 1400 },
		{ CLIENT, TYPE_AYIYA, 0, HASH_SHA256, 84, 1416, 1408 },
		{ CLIENT, TYPE_DIRECT, 0, 0, 20, 1480, 1472 },
		{ CLIENT6, TYPE_DIRECT, 0, 0, 40, 1460, 1452 },
		{ CLIENT, TYPE_GRE, 0, 0, 24, 1476, 1468 },
		{ CLIENT6, TYPE_GRE, 0, 0, 44, 1456, 1448 },
		{ CLIENT, TYPE_GRE, TUNNEL_GRE_KEY, 0, 28, 1472, 1464 },
		{ CLIENT6, TYPE_GRE, TUNNEL_GRE_KEY, 0, 48, 1452, 1444 },
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct fixture *f = pop_with(row[i].them, row[i].type, row[i].flags);
		struct tunnel_conf *c = pop_touch(f, pop_edit(f), 1);
		struct endpoint *ep = &pop_tunnel(f, 1)->ep;

		c->hash = row[i].hash;
		pop_apply(f);
		ok(give_from_uplink(f, 1000) == SENT_TUNNEL && f->p.len == 1000u + row[i].over &&
		           tunnel_overhead(c, ep) == row[i].over,
		   "type %u to %s: %u octets more", row[i].type, row[i].them, row[i].over);
		ep->path_mtu_bytes = 1500;
		ok(give_from_uplink(f, row[i].mtu_at_1500) == SENT_TUNNEL && f->p.len <= 1500 &&
		   (row[i].mtu_at_1500 == MTU_MAX_BYTES || f->p.len == 1500) &&
		   give_from_uplink(f, row[i].mtu_at_1500 + 1u) == DROP_TOO_BIG &&
		   f->p.param == row[i].mtu_at_1500, "over 1500 it carries %u", row[i].mtu_at_1500);
		ep->path_mtu_bytes = 1492;
		ok(give_from_uplink(f, row[i].mtu_at_1492) == SENT_TUNNEL && f->p.len == 1492 &&
		   give_from_uplink(f, row[i].mtu_at_1492 + 1u) == DROP_TOO_BIG,
		   "over 1492 it carries %u", row[i].mtu_at_1492);
		pop_free(f);
	}
}

/* ---- congestion marks ---- */

static void set_ecn6(uint8_t *at, uint8_t ecn)
{
	at[1] = (uint8_t)((at[1] & 0xcf) | ecn << 4);
}

static void ecn_outward(void)
{
	for (uint8_t ecn = 0; ecn < 4; ecn++) {
		struct fixture *f = pop_with(CLIENT, TYPE_DIRECT, 0),
			       *g = pop_with(CLIENT6, TYPE_GRE, 0);
		uint8_t bytes[INNER_BYTES];

		inner_ip6(bytes, WHO, T1);
		bytes[0] |= 0x0b;	/* DSCP EF: stays inside (RFC 2983, pipe) */
		bytes[1] |= 0x80;
		set_ecn6(bytes, ecn);
		pop_give(f, VIA_TUN, bytes, INNER_BYTES, NULL, NULL);
		ok(f->p.data[1] == ecn && !memcmp(f->p.data + 20, bytes, INNER_BYTES),
		   "H6: inner ECN %u is the outer one, DSCP stays inside", ecn);
		pop_give(g, VIA_TUN, bytes, INNER_BYTES, NULL, NULL);
		ok((g->p.data[0] & 0xf) == 0 && g->p.data[1] >> 4 == ecn, "likewise over IPv6");
		pop_free(f);
		pop_free(g);
	}
}

static const struct { uint8_t inner, outer; int result; } arriving[] = {
	{ 0, 0, 0 }, { 0, 1, 0 }, { 0, 2, 0 }, { 0, 3, -1 },
	{ 1, 0, 1 }, { 1, 1, 1 }, { 1, 2, 1 }, { 1, 3, 3 },
	{ 2, 0, 2 }, { 2, 1, 1 }, { 2, 2, 2 }, { 2, 3, 3 },
	{ 3, 0, 3 }, { 3, 1, 3 }, { 3, 2, 3 }, { 3, 3, 3 },
};

static void ecn_inward(void)
{
	for (size_t i = 0; i < ARRAY_LEN(arriving); i++) {
		struct fixture *f = pop_new(NULL);
		uint8_t bytes[INNER_BYTES], want[INNER_BYTES];
		enum verdict v;

		inner_ip6(bytes, T1, WHO);
		bytes[0] |= 0x0b;
		set_ecn6(bytes, arriving[i].inner);
		memcpy(want, bytes, sizeof(want));
		pop_arrive(f, VIA_P41, bytes, INNER_BYTES, CLIENT, pop_v4);
		f->p.outer.ecn = arriving[i].outer;
		v = path_run(&f->pa, &f->p, &f->reply);
		if (arriving[i].result < 0) {
			ok(v == DROP_ECN && pop_errors(f, 1, ERR_MALFORMED) == 1,
			   "H6: a congestion mark on what cannot carry it is dropped and counted");
		} else {
			set_ecn6(want, (uint8_t)arriving[i].result);
			ok(v == SENT_UPLINK && !memcmp(f->p.data, want, sizeof(want)),
			   "ECN inside %u, outside %u: %d goes on", arriving[i].inner,
			   arriving[i].outer, arriving[i].result);
		}
		pop_free(f);
	}
}

static size_t inner_ip4(uint8_t *at, uint8_t tos, uint8_t ttl)
{
	struct ip4_hdr h = {
		.vihl = 0x45,
		.tos = tos,
		.total_len = be16_put(40),
		.ttl = ttl,
		.protocol = PROTO_UDP,
		.src = { { 240, 127, 128, 3 } },
		.dst = { { 240, 127, 128, 5 } },
	};

	h.checksum = sum_done(sum_add(0, &h, sizeof(h)));
	memset(at, 7, 40);
	memcpy(at, &h, sizeof(h));
	return 40;
}

static void ecn_inward_ip4(void)
{
	size_t wrong = 0;

	for (size_t i = 0; i < ARRAY_LEN(arriving); i++) {
		struct fixture *f = pop_new(NULL);
		uint8_t bytes[40];

		inner_ip4(bytes, (uint8_t)(0xb8 | arriving[i].inner), 64);
		pop_arrive(f, VIA_GRE, bytes, 40, CLIENT, pop_v4);
		f->p.outer.ecn = arriving[i].outer;
		if (ecn_inner(&f->p) != arriving[i].inner)
			wrong++;
		if (saw(ecn_decap(&f->p, arriving[i].inner)) == DROP_ECN) {
			wrong += arriving[i].result >= 0;
		} else {
			ecn_apply(&f->p);
			wrong += f->p.data[1] != (0xb8 | arriving[i].result) ||
				 !sum_ok(sum_add(0, f->p.data, 20));
		}
		pop_free(f);
	}
	ok(wrong == 0, "the same table for IPv4 inside, its header checksum kept right");
}

/* ---- IPv4 inside ---- */

static void ip4_inside(void)
{
	struct fixture *f = pop_with(CLIENT, TYPE_GRE, 0);
	uint8_t bytes[40];

	inner_ip4(bytes, 2, 64);
	pop_arrive(f, VIA_GRE, bytes, 40, "198.51.100.8", pop_v4);
	f->p.from = 2;
	f->p.to = 1;
	ok(saw(encap(&f->pa, &f->p)) == SENT_TUNNEL && f->p.len == 64 && f->p.data[1] == 2 &&
	   !memcmp(f->p.data + 20, "\0\0\x08\0", 4) && f->p.data[24 + 8] == 63 &&
	   sum_ok(sum_add(0, f->p.data + 24, 20)), "IPv4 in GRE: 0x0800, one hop less, ECN copied");

	pop_arrive(f, VIA_GRE, bytes, 40, CLIENT, pop_v4);
	f->p.from = 1;
	f->p.to = 2;
	ok(saw(encap(&f->pa, &f->p)) == DROP_IP4_NOT_CARRIED && !memcmp(f->p.data, bytes, 40) &&
	   f->p.len == 40, "protocol 41 carries no IPv4, and the packet is as it was");
	pop_free(f);
}

/* ---- path MTU and fragmentation, P4 ---- */

static bool df_set(const struct fixture *f)
{
	return f->p.data[6] & 0x40;
}

static void narrow_paths_ip4(void)
{
	struct fixture *f = pop_with(CLIENT, TYPE_DIRECT, 0);
	struct endpoint *ep = &pop_tunnel(f, 1)->ep;

	ok(give_from_uplink(f, 1480) == SENT_TUNNEL && df_set(f) && !f->p.out_fragment,
	   "no path MTU known: DF");
	ep->path_mtu_bytes = 1300;
	ok(give_from_uplink(f, 1280) == SENT_TUNNEL && df_set(f),
	   "path MTU 1300 holds 1280 + 20: DF");
	ok(give_from_uplink(f, 1281) == DROP_TOO_BIG && f->p.param == 1280,
	   "and no more than 1280");
	ep->path_mtu_bytes = 1299;
	ok(give_from_uplink(f, 1280) == SENT_TUNNEL && !df_set(f) && !f->p.out_fragment &&
	   sum_ok(sum_add(0, f->p.data, 20)), "P4: 1299 does not: DF clear, routers may fragment");
	ok(give_from_uplink(f, 1281) == DROP_TOO_BIG && f->p.param == 1280,
	   "P3: the sender is never told less than 1280");
	ep->path_mtu_bytes = 576;
	ok(give_from_uplink(f, 1280) == SENT_TUNNEL && !df_set(f),
	   "nor is a path of 576 too narrow");
	pop_free(f);

	f = pop_with(CLIENT, TYPE_GRE, 0);
	pop_tunnel(f, 1)->ep.path_mtu_bytes = 1300;
	ok(give_from_uplink(f, 1280) == SENT_TUNNEL && !df_set(f), "P4: GRE over 1300: DF clear");
	pop_tunnel(f, 1)->ep.path_mtu_bytes = 1304;
	ok(give_from_uplink(f, 1280) == SENT_TUNNEL && df_set(f), "over 1304: DF");
	pop_free(f);
}

static void narrow_paths_ip6(void)
{
	struct fixture *f = pop_with(CLIENT6, TYPE_DIRECT, 0);
	struct endpoint *ep = &pop_tunnel(f, 1)->ep;

	ep->path_mtu_bytes = 1320;
	ok(give_from_uplink(f, 1280) == SENT_TUNNEL && !f->p.out_fragment, "6in6 over 1320: whole");
	ep->path_mtu_bytes = 1319;
	ok(give_from_uplink(f, 1280) == SENT_TUNNEL && f->p.out_fragment == 1319,
	   "P4: over 1319 we fragment, since no router will");
	ok(give_from_uplink(f, 1279) == SENT_TUNNEL && !f->p.out_fragment,
	   "only what does not fit");
	pop_free(f);
}

/* What io learns when it sends. */
static void the_interface_refuses(void)
{
	struct fixture *f = pop_with(CLIENT, TYPE_DIRECT, 0);
	struct endpoint *ep = &pop_tunnel(f, 1)->ep;

	give_from_uplink(f, 1480);
	path_sent(&f->pa, &f->p, DROP_SEND_BIG, 1400);
	ok(ep->path_mtu_bytes == 1400 && pop_errors(f, 1, ERR_TOO_BIG) == 1 &&
	           pop_verdicts(f, DROP_SEND_BIG) == 1,
	   "a refused packet is counted and lowers the path MTU");
	ok(f->pa.events == 1 && f->pa.event[0].event == EVENT_PATH_MTU &&
	           f->pa.event[0].value == 1400,
	   "and the log hears of it");
	ok(f->region.table.cold[1].path_mtu_at.us == f->pa.now.us, "from now it ages");
	ok(give_from_uplink(f, 1381) == DROP_TOO_BIG && f->p.param == 1380,
	   "the next sender is told");
	give_from_uplink(f, 1380);
	ok(df_set(f) && !f->p.out_fragment, "what fits goes with DF");
	path_sent(&f->pa, &f->p, DROP_SEND_BIG, 1450);
	ok(ep->path_mtu_bytes == 1400, "a larger value does not raise it");

	path_sent(&f->pa, &f->p, DROP_SEND_BIG, 1290);
	ok(give_from_uplink(f, 1280) == SENT_TUNNEL && !df_set(f) && f->p.out_fragment == 1290,
	   "P4: an interface of 1290: we fragment, since it refuses whole ones");
	ok(give_from_uplink(f, 1270) == SENT_TUNNEL && !f->p.out_fragment,
	   "only what does not fit");
	f->pa.now.us += 5;
	path_sent(&f->pa, &f->p, DROP_SEND_BIG, 1450);
	ok(give_from_uplink(f, 1280) == SENT_TUNNEL && f->p.out_fragment == 1290 &&
	   f->region.table.cold[1].path_mtu_at.us == f->pa.now.us - 5,
	   "a larger one changes nothing of this either, nor how long it is believed");
	path_sent(&f->pa, &f->p, DROP_SEND_BIG, 1);
	ok(ep->path_mtu_bytes == IP4_MTU_MIN_BYTES, "nonsense stops at 68");
	pop_free(f);

	f = pop_with(CLIENT6, TYPE_DIRECT, 0);
	give_from_uplink(f, 1480);
	path_sent(&f->pa, &f->p, DROP_SEND_BIG, 1000);
	ok(pop_tunnel(f, 1)->ep.path_mtu_bytes == 1280, "and at 1280 over IPv6");
	pop_free(f);
}

static void the_interface_does_not_say(void)
{
	struct fixture *f = pop_with(CLIENT, TYPE_DIRECT, 0);
	struct endpoint *ep = &pop_tunnel(f, 1)->ep;

	give_from_uplink(f, 1480);
	path_sent(&f->pa, &f->p, DROP_SEND_BIG, 0);
	ok(ep->path_mtu_bytes == 1300 && give_from_uplink(f, 1281) == DROP_TOO_BIG,
	   "refused without a number: 1280 inside must do");
	give_from_uplink(f, 1280);
	ok(df_set(f) && !f->p.out_fragment, "whole at first");
	path_sent(&f->pa, &f->p, DROP_SEND_BIG, 0);
	give_from_uplink(f, 1280);
	ok(!df_set(f) && f->p.out_fragment == 576,
	   "refused again: in fragments that any way takes");
	path_sent(&f->pa, &f->p, DROP_SEND, 0);
	path_sent(&f->pa, &f->p, DROP_SEND_QUEUE, 0);
	ok(pop_errors(f, 1, ERR_SEND) == 2 && ep->path_mtu_bytes == 576 &&
	   pop_verdicts(f, DROP_SEND) == 1 && pop_verdicts(f, DROP_SEND_QUEUE) == 1,
	   "other failures are only counted");
	pop_free(f);
}

/* ---- from where, to where ---- */

static void endpoints_before_sending(void)
{
	static const struct { const char *them, *why; enum verdict v; } row[] = {
		{ "2001:db8:2ff:2::2", "L3: inside the tunnel prefix", DROP_ENDPOINT_LOOP },
		{ "2001:db8:3001::5", "L3: inside a subnet prefix", DROP_ENDPOINT_LOOP },
		{ "2001:db8:2ff:1::2", "L3: its own inner address", DROP_ENDPOINT_LOOP },
		{ pop_v4, "L4: the PoP's own IPv4", DROP_ENDPOINT_LOOP },
		{ pop_v6, "L4: the PoP's own IPv6", DROP_ENDPOINT_LOOP },
		{ "224.0.0.1", "C3: multicast", DROP_ENDPOINT_LOOP },
		{ "::", "not known yet", DROP_NO_ENDPOINT },
		{ "198.51.100.99", "any other", SENT_TUNNEL },
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct fixture *f = pop_with(row[i].them, TYPE_DIRECT, 0);
		enum verdict v = give_from_uplink(f, 100);

		ok(v == row[i].v && (f->p.out == OUT_NONE) == verdict_is_drop(v) &&
		   pop_errors(f, 1, ERR_NESTED) == (row[i].v == DROP_ENDPOINT_LOOP),
		   "endpoint %s: %s", row[i].why, verdict_info[v].name);
		ok(f->p.inner == f->p.data + (f->p.len - 100), "and nothing of the packet moved");
		pop_free(f);
	}
}

/* Twenty zeros in place of a secret: nothing leaves under such a signature. */
static void nothing_is_signed_without_a_password(void)
{
	struct fixture *f = pop_with(CLIENT, TYPE_AYIYA, 0);
	struct config *cf = pop_edit(f);

	pop_touch(f, cf, 1)->flags &= (uint8_t)~TUNNEL_SECRET;
	pop_apply(f);
	ok(give_from_uplink(f, 100) == DROP_NO_SECRET && f->p.out == OUT_NONE &&
	   f->p.inner == f->p.data + (f->p.len - 100), "AYIYA without a password: not sent");
	pop_arrive(f, VIA_SELF, "", 0, NULL, NULL);
	ok(saw(outer_push(&f->pa, &f->p, 1, PROTO_UDP, 0)) == DROP_NO_SECRET &&
	   f->p.out == OUT_NONE, "nor an answer");
	pop_tunnel(f, 1)->ep.type = TYPE_DIRECT;
	ok(give_from_uplink(f, 100) == SENT_TUNNEL, "protocol 41 needs none");
	pop_free(f);
}

static struct ip6_addr outer_source(const struct fixture *f)
{
	struct ip4_addr a4;
	struct ip6_addr a;

	if (f->p.data[0] >> 4 == IP4_VERSION) {
		memcpy(&a4, f->p.data + offsetof(struct ip4_hdr, src), sizeof(a4));
		return addr_from_ip4_wire(&a4);
	}
	memcpy(&a, f->p.data + offsetof(struct ip6_hdr, src), sizeof(a));
	return a;
}

static bool source_is(const struct fixture *f, const char *text)
{
	struct ip6_addr a = outer_source(f), want = address(text);

	return addr_eq(&a, &want);
}

static void outer_sources(void)
{
	struct fixture *f = pop_with(CLIENT, TYPE_DIRECT, 0);
	struct config *cf;

	give_from_uplink(f, 100);
	ok(source_is(f, pop_v4), "nothing heard yet: the configured address");
	cf = pop_edit(f);
	cf->head->local[cf->head->locals++] = address("192.0.2.43");
	pop_apply(f);
	give_from_uplink(f, 100);
	ok(source_is(f, "192.0.2.43"), "or the first of pop set localip");
	pop_tunnel(f, 1)->ep.us = address("192.0.2.44");
	give_from_uplink(f, 100);
	ok(source_is(f, "192.0.2.44"), "else the address the client uses");
	pop_tunnel(f, 1)->ep.us = address(pop_v6);
	give_from_uplink(f, 100);
	ok(source_is(f, "192.0.2.43"), "unless it is of the other family");

	cf = pop_edit(f);
	cf->head->locals = 0;
	cf->head->pop[1].set = 0;
	pop_apply(f);
	ok(give_from_uplink(f, 100) == SENT_TUNNEL && source_is(f, "0.0.0.0"),
	   "none configured: over IPv4 the kernel knows one");
	pop_tunnel(f, 1)->ep.them = address(CLIENT6);
	pop_tunnel(f, 1)->ep.us = address("::");
	ok(give_from_uplink(f, 100) == DROP_NO_ENDPOINT, "over IPv6 it does not");
	pop_free(f);
}

/* ---- UDP ---- */

static bool udp_sum_ok(const struct fixture *f)
{
	const uint8_t *at = f->p.data;
	struct ip6_hdr h6;
	struct ip4_hdr h4;

	if (at[0] >> 4 == IP4_VERSION) {
		memcpy(&h4, at, sizeof(h4));
		uint16_t n = (uint16_t)(f->p.len - sizeof(h4));

		return sum_ok(
			sum_add(sum_pseudo4(&h4.src, &h4.dst, n, PROTO_UDP), at + sizeof(h4), n));
	}
	memcpy(&h6, at, sizeof(h6));
	uint32_t n = (uint32_t)(f->p.len - sizeof(h6));

	return be16_get(&h6.payload_len) == n &&
	       sum_ok(sum_add(sum_pseudo6(&h6.src, &h6.dst, n, PROTO_UDP), at + sizeof(h6), n));
}

static void udp(void)
{
	static const char *const them[] = { CLIENT, CLIENT6 };

	for (size_t i = 0; i < ARRAY_LEN(them); i++) {
		struct fixture *f = pop_with(them[i], TYPE_AYIYA, 0);
		size_t ip = i ? 40 : 20, zero = 0, bad = 0;
		struct udp_hdr u;

		give_from_uplink(f, 101);
		memcpy(&u, f->p.data + ip, sizeof(u));
		ok(be16_get(&u.src) == PORT_AYIYA && be16_get(&u.dst) == 40000 &&
		   be16_get(&u.len) == 8 + 44 + 101 && udp_sum_ok(f) && f->p.data[ip + 8] == 0x41,
		   "AYIYA to %s: from 5072 to the learned port, checksummed", them[i]);

		for (unsigned int n = 0; n < 65536; n++) {
			uint8_t word[2] = { (uint8_t)(n >> 8), (uint8_t)n };

			pop_arrive(f, VIA_SELF, word, 2, NULL, NULL);
			if (saw(outer_push(&f->pa, &f->p, 1, PROTO_UDP, 0)) != PASS)
				bad++;
			memcpy(&u, f->p.data + ip, sizeof(u));
			zero += u.checksum.raw == 0;
			bad += !udp_sum_ok(f);
		}
		ok(zero == 0 && bad == 0, "a checksum that comes out as 0 is sent as 0xffff");
		pop_free(f);
	}
}

static void outer_push_for_answers(void)
{
	struct fixture *f = pop_with(CLIENT, TYPE_AYIYA, 0);
	static uint8_t big[65600];

	pop_arrive(f, VIA_SELF, big, 100, NULL, NULL);
	ok(outer_push(&f->pa, &f->p, 1, PROTO_UDP, 2) == PASS && f->p.to == 1 &&
	           f->p.out == OUT_WIRE && f->p.data[1] == 2 && f->p.len == 128,
	   "a ready payload gets its outer headers");
	pop_arrive(f, VIA_SELF, big, 65535 - 28, NULL, NULL);
	ok(saw(outer_push(&f->pa, &f->p, 1, PROTO_UDP, 0)) == PASS && f->p.len == 65535,
	   "up to the largest IP packet");
	pop_arrive(f, VIA_SELF, big, 65535 - 27, NULL, NULL);
	ok(saw(outer_push(&f->pa, &f->p, 1, PROTO_UDP, 0)) == DROP_SEND_BIG && f->p.out == OUT_NONE,
	   "unless it would not fit an IP packet");
	pop_tunnel(f, 1)->ep.them = address(pop_v4);
	pop_arrive(f, VIA_SELF, big, 100, NULL, NULL);
	ok(outer_push(&f->pa, &f->p, 1, PROTO_UDP, 0) == DROP_ENDPOINT_LOOP, "or loop");
	pop_free(f);
}

/* ---- flow label, RFC 6438 ---- */

static uint32_t label_of(struct fixture *f, const uint8_t *bytes, size_t len)
{
	be32_t vtf;

	pop_give(f, VIA_TUN, bytes, len, NULL, NULL);
	memcpy(&vtf, f->p.data, sizeof(vtf));
	return be32_get(&vtf) & 0xfffff;
}

static void flow_labels(void)
{
	struct fixture *f = pop_with(CLIENT6, TYPE_DIRECT, 0);
	uint8_t bytes[100];
	uint32_t first, zero = 0, seen[64];
	size_t distinct = 0;

	make_ip6(bytes, WHO, T1, 100, 64, PROTO_UDP);
	first = label_of(f, bytes, 100);
	bytes[60] ^= 1;
	bytes[7] = 63;
	ok(first != 0 && label_of(f, bytes, 100) == first, "packets of a flow share a label: %05x",
	   first);
	for (uint8_t i = 0; i < 64; i++) {
		bytes[41] = i;		/* source port */
		seen[i] = label_of(f, bytes, 100);
		zero += seen[i] == 0;
		bool new = true;

		for (uint8_t k = 0; k < i; k++)
			new = new && seen[k] != seen[i];
		distinct += new;
	}
	ok(zero == 0 && distinct >= 60, "64 source ports: %zu labels, none 0", distinct);
	pop_free(f);
}

/* ---- answers of our own ---- */

static enum verdict answer_to(struct fixture *f, const char *dst, size_t len)
{
	static uint8_t bytes[2000];

	make_ip6(bytes, "2001:db8:2ff:1::1", dst, len, 1, PROTO_ICMP6);
	pop_arrive(f, VIA_SELF, bytes, len, NULL, NULL);
	return saw(send_own(&f->pa, &f->p));
}

static void own_packets(void)
{
	struct fixture *f = pop_with(CLIENT, TYPE_DIRECT, 0);
	const struct traffic *t = &pop_tunnel(f, 1)->traffic;

	ok(answer_to(f, T1, 100) == PASS && f->p.out == OUT_WIRE && f->p.data[20 + 7] == 1 &&
	   t->out_packets == 1 && t->out_octets == 120 && f->pa.me->verdict[SENT_TUNNEL] == 1,
	   "an answer into a tunnel: no hop less, counted as out");
	ok(answer_to(f, WHO, 100) == PASS && f->p.out == OUT_TUN &&
	           f->pa.me->uplink.out_octets == 100 && f->pa.me->uplink.in_packets == 0,
	   "an answer to the uplink likewise");
	ok(answer_to(f, "2001:db8:2ff:2::1", 100) == DROP_ICMP_NEVER,
	   "one to the PoP itself dies here");
	ok(answer_to(f, "2001:db8:2ff:ffff::1", 100) == DROP_ICMP_NEVER, "also to ffff::1");
	ok(answer_to(f, "2001:db8:2ff:1fff::1", 100) == DROP_UNASSIGNED &&
	   answer_to(f, "2001:db8:2ff:4::2", 100) == DROP_TO_DISABLED &&
	   answer_to(f, "2001:db8:2ff:3::2", 100) == DROP_TO_DOWN && f->p.out == OUT_NONE,
	   "one to nobody is not answered in turn");
	ok(answer_to(f, T1, 1481) == DROP_TOO_BIG && answer_to(f, T1, 1480) == PASS,
	   "and the tunnel's MTU holds for us too");
	pop_free(f);
}

static void own_ip4_packets(void)
{
	struct fixture *f = pop_with(CLIENT, TYPE_GRE, 0);
	uint8_t bytes[40];
	struct ip4_addr out_there = { { 203, 0, 113, 9 } }, t1 = { { 240, 127, 128, 3 } };

	inner_ip4(bytes, 0, 64);
	memcpy(bytes + 16, &out_there, 4);
	pop_arrive(f, VIA_SELF, bytes, 40, NULL, NULL);
	ok(send_own(&f->pa, &f->p) == PASS && f->p.out == OUT_TUN,
	   "ICMPv4 to a host outside 240/4 goes to the kernel");
	memcpy(bytes + 16, &t1, 4);
	pop_arrive(f, VIA_SELF, bytes, 40, NULL, NULL);
	ok(send_own(&f->pa, &f->p) == PASS && f->p.out == OUT_WIRE && f->p.to == 1 &&
	   f->p.data[24 + 8] == 64, "to a client into its tunnel, no hop less");
	pop_free(f);
}

int main(void)
{
	frames();
	overheads();
	ecn_outward();
	ecn_inward();
	ecn_inward_ip4();
	ip4_inside();
	narrow_paths_ip4();
	narrow_paths_ip6();
	the_interface_refuses();
	the_interface_does_not_say();
	endpoints_before_sending();
	nothing_is_signed_without_a_password();
	outer_sources();
	udp();
	outer_push_for_answers();
	flow_labels();
	own_packets();
	own_ip4_packets();
	return tap_done();
}
