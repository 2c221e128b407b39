/* IPv4 inside the tunnels: forwarding.md 10 and the to-four plan, row by row. */
#include "pop.h"
#include "naive.h"
#include "path/inner4.h"

#define T1_USER	"240.127.128.3"
#define T1_POP	"240.127.128.2"
#define T2_USER	"240.127.128.5"
#define T2_POP	"240.127.128.4"

static struct fixture *f;

/* ---- the plan ---- */

static uint32_t number(const char *text)
{
	uint8_t b[4];

	naive_address(AF_INET, text, b);
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static void the_plan_is_arithmetic(void)
{
	static const struct { uint16_t tid; const char *pop, *user, *subnet; } row[] = {
		{ 0x0, "240.127.128.0", "240.127.128.1", "240.64.0.0" },
		{ 0x1, "240.127.128.2", "240.127.128.3", "240.64.1.0" },
		{ 0x2, "240.127.128.4", "240.127.128.5", "240.64.2.0" },
		{ 0x2ae, "240.127.133.92", "240.127.133.93", "240.66.174.0" },
		{ 0x42c, "240.127.136.88", "240.127.136.89", "240.68.44.0" },
		{ 0x666, "240.127.140.204", "240.127.140.205", "240.70.102.0" },
		{ 0x1fff, "240.127.191.254", "240.127.191.255", "240.95.255.0" },
	};
	struct plan plan = { .pop_id = 1 };

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		uint16_t tid = row[i].tid;

		ok(plan_four_local(&plan, tid) == number(row[i].pop) &&
		   plan_four_remote(&plan, tid) == number(row[i].user) &&
		   plan_four_subnet(&plan, tid) == number(row[i].subnet),
		   "tunnel %x has %s, %s and %s/24", tid, row[i].pop, row[i].user, row[i].subnet);
	}
}

static void an_address_is_a_tunnel_id(void)
{
	static const struct { const char *address; enum four_kind kind; uint16_t tid; } row[] = {
		{ "240.127.128.2", FOUR_LOCAL, 1 },
		{ "240.127.128.3", FOUR_REMOTE, 1 },
		{ "240.127.136.89", FOUR_REMOTE, 0x42c },
		{ "240.191.128.3", FOUR_OTHER_POP, TID_NONE },
		{ "240.64.1.5", FOUR_SUBNET, 1 },
		{ "240.68.44.7", FOUR_SUBNET, 0x42c },
		{ "240.0.0.1", FOUR_OTHER_POP, TID_NONE },
		{ "239.255.255.255", FOUR_UPLINK, TID_NONE },
		{ "10.0.0.1", FOUR_UPLINK, TID_NONE },
		/* both sides of the boundary between /24s and /31s */
		{ "240.127.127.255", FOUR_SUBNET, 0x3f7f },
		{ "240.127.128.0", FOUR_LOCAL, 0 },
		{ "240.127.255.255", FOUR_REMOTE, 0x3fff },
		{ "240.128.0.0", FOUR_OTHER_POP, TID_NONE },
	};
	struct plan plan = { .pop_id = 1 };

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct four p = plan_four(&plan, number(row[i].address));

		ok(p.kind == row[i].kind && p.tid == row[i].tid, "%s is kind %d of tunnel %x",
		   row[i].address, row[i].kind, row[i].tid);
	}
}

/* ---- the decision table ---- */

/* T1 and T2 in GRE, T3 down, T4 disabled, T42c direct, T7 beyond nothing */
static void configure(void)
{
	struct config *cf;

	f = pop_new(NULL);
	cf = pop_edit(f);
	for (uint16_t tid = 1; tid <= 4; tid++)
		pop_touch(f, cf, tid)->encap = ENCAP_GRE;
	pop_apply(f);
	for (uint16_t tid = 1; tid <= 4; tid++)		/* what path_adopt() will do */
		tunnel_adopt(&f->region.table, f->pa.cf, tid, f->pa.now, f->pa.wall);
	tunnel_adopt(&f->region.table, f->pa.cf, 0x42c, f->pa.now, f->pa.wall);
}

/* The steps as path_run() calls them. */
static enum verdict steps(uint16_t from, const uint8_t *bytes, size_t len)
{
	pop_arrive(f, from == TID_NONE ? VIA_TUN : VIA_GRE, bytes, len, NULL, NULL);
	f->p.from = from;

	enum verdict v = check4(&f->pa, &f->p);

	if (v == PASS)
		v = route4(&f->pa, &f->p);
	if (v == PASS && f->p.to_local)
		return saw(local4(&f->pa, &f->p, &f->reply));
	if (v == PASS)
		v = age4(&f->pa, &f->p);
	return saw(v);
}

static void the_decision_table(void)
{
	static const struct {
		uint16_t from;
		const char *src, *dst;
		size_t len;
		uint8_t ttl;
		enum verdict expect;
		const char *sentence;
	} row[] = {
		{ 1, T1_USER, T2_USER, 100, 64, PASS, "from user address to user address" },
		{ 1, "240.64.1.5", T2_USER, 100, 64, PASS, "from a /24" },
		{ 1, "240.64.1.255", "240.64.2.77", 100, 64, PASS, "from /24 to /24" },
		{ TID_NONE, "192.0.2.1", T1_USER, 100, 64, PASS, "from the uplink" },
		{ TID_NONE, "240.191.128.3", T1_USER, 100, 64, PASS, "from another PoP's space" },
		/* source */
		{ 1, T2_USER, T2_USER, 100, 64, DROP_IP4_SOURCE, "another tunnel's user address" },
		{ 1, "240.64.2.5", T2_USER, 100, 64, DROP_IP4_SOURCE, "another tunnel's /24" },
		{ 1, "240.64.0.255", T2_USER, 100, 64, DROP_IP4_SOURCE, "one below the /24" },
		{ 1, T1_POP, T2_USER, 100, 64, DROP_IP4_SOURCE, "the PoP's own side" },
		{ 1, "240.191.128.3", T2_USER, 100, 64, DROP_IP4_SOURCE, "another PoP's" },
		{ 1, "10.0.0.1", T2_USER, 100, 64, DROP_IP4_SOURCE, "a private source" },
		{ 1, "0.0.0.0", T2_USER, 100, 64, DROP_IP4_SOURCE, "no source" },
		{ 1, "127.0.0.1", T2_USER, 100, 64, DROP_IP4_SOURCE, "a loopback source" },
		{ 1, "224.0.0.1", T2_USER, 100, 64, DROP_IP4_SOURCE, "a multicast source" },
		{ 1, "255.255.255.255", T2_USER, 100, 64, DROP_IP4_SOURCE, "a broadcast source" },
		{ TID_NONE, T1_USER, T2_USER, 100, 64, DROP_OVER_UPLINK, "a user over the uplink" },
		{ TID_NONE, "240.64.1.9", T2_USER, 100, 64, DROP_OVER_UPLINK, "a /24 over the uplink" },
		{ TID_NONE, "240.64.99.9", T2_USER, 100, 64, DROP_OVER_UPLINK, "nobody's /24 there" },
		{ TID_NONE, "0.1.2.3", T2_USER, 100, 64, DROP_IP4_CLASS, "0/8 from the uplink" },
		{ TID_NONE, "127.0.0.1", T2_USER, 100, 64, DROP_IP4_CLASS, "127/8 from the uplink" },
		{ TID_NONE, "239.1.1.1", T2_USER, 100, 64, DROP_IP4_CLASS, "multicast from there" },
		{ TID_NONE, "255.255.255.255", T2_USER, 100, 64, DROP_IP4_CLASS, "broadcast from there" },
		{ TID_NONE, "1.0.0.0", T2_USER, 100, 64, PASS, "1/8 is an ordinary source" },
		{ TID_NONE, "126.255.255.255", T2_USER, 100, 64, PASS, "so is 126/8" },
		/* destination */
		{ 1, T1_USER, "224.0.0.5", 100, 1, DROP_IP4_CLASS, "to multicast" },
		{ 1, T1_USER, "255.255.255.255", 100, 64, DROP_IP4_CLASS, "to broadcast" },
		{ 1, T1_USER, "127.0.0.1", 100, 64, DROP_IP4_CLASS, "to loopback" },
		{ 1, T1_USER, "0.0.0.0", 100, 64, DROP_IP4_CLASS, "to nobody" },
		{ 1, T1_USER, T1_USER, 100, 64, DROP_SAME_INTERFACE, "to itself" },
		{ 1, T1_USER, "240.64.1.9", 100, 64, DROP_SAME_INTERFACE, "to its own /24" },
		{ 1, T1_USER, "240.191.128.3", 100, 64, DROP_IP4_OTHER_POP, "to another PoP" },
		{ 1, T1_USER, "240.127.128.11", 100, 64, DROP_IP4_OTHER_POP, "to nobody's /31" },
		{ 1, T1_USER, "240.127.128.10", 100, 64, DROP_IP4_OTHER_POP, "to nobody's PoP side" },
		{ 1, T1_USER, "240.64.5.1", 100, 64, DROP_IP4_OTHER_POP, "to nobody's /24" },
		{ 1, T1_USER, "240.127.255.1", 100, 64, DROP_IP4_OTHER_POP, "to a tid past the plan" },
		{ 1, T1_USER, "192.0.2.1", 100, 64, DROP_IP4_NO_GATEWAY, "to the rest of IPv4" },
		{ TID_NONE, "192.0.2.9", "192.0.2.1", 100, 64, DROP_UPLINK_UPLINK, "through and out" },
		{ 1, T1_USER, "240.127.128.9", 100, 64, DROP_TO_DISABLED, "to a disabled tunnel" },
		{ 1, T1_USER, "240.127.128.7", 100, 64, DROP_TO_DOWN, "to a tunnel that is down" },
		{ 1, T1_USER, "240.127.136.89", 100, 64, DROP_IP4_NOT_CARRIED, "to a 6in4 tunnel" },
		/* hops and size */
		{ 1, T1_USER, T2_USER, 100, 0, DROP_HOP_ZERO, "TTL 0" },
		{ 1, T1_USER, T2_USER, 100, 1, DROP_HOP_LIMIT, "TTL 1" },
		{ 1, T1_USER, T2_USER, 100, 2, PASS, "TTL 2" },
		{ TID_NONE, "192.0.2.1", T1_USER, 100, 1, PASS, "TTL 1 the kernel has left" },
		{ TID_NONE, "192.0.2.1", T1_USER, 100, 0, DROP_HOP_ZERO, "TTL 0 from the uplink" },
		{ 1, T1_USER, T2_USER, 1480, 64, PASS, "exactly the MTU" },
		{ 1, T1_USER, T2_USER, 1481, 64, DROP_TOO_BIG, "one more than the MTU" },
		{ 1, T1_USER, T2_USER, 1481, 1, DROP_HOP_LIMIT, "too big and expired: expired" },
		{ TID_NONE, "192.0.2.1", T1_USER, 1428, 64, PASS, "exactly T1's MTU" },
		{ TID_NONE, "192.0.2.1", T1_USER, 1429, 64, DROP_TOO_BIG, "one more than T1's MTU" },
	};
	uint8_t bytes[2048];

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		size_t len = naive_ip4(bytes, row[i].src, row[i].dst, row[i].len, row[i].ttl, 17);
		enum verdict v = steps(row[i].from, bytes, len);

		ok(v == row[i].expect, "%s: %s (%s to %s), got %s", row[i].sentence,
		   verdict_info[row[i].expect].name, row[i].src, row[i].dst, verdict_info[v].name);
	}
	ok(steps(TID_NONE, bytes, naive_ip4(bytes, T2_USER, T1_USER, 60, 64, 17)) ==
	   DROP_OVER_UPLINK && f->p.blame == 2, "a spoofed source is counted on its owner");
	ok(steps(1, bytes, naive_ip4(bytes, T1_USER, T2_USER, 1481, 64, 17)) == DROP_TOO_BIG &&
	   f->p.param == 1480 && f->p.to == 2, "too big says how much fits");

	naive_ip4(bytes, T1_USER, T2_USER, 1481, 64, 17);
	bytes[6] = 0;
	naive_sum4(bytes, 20);
	ok(steps(1, bytes, 1481) == DROP_TOO_BIG, "without DF as well");
}

static void ids_beyond_the_plan_have_no_ip4(void)
{
	uint8_t bytes[64];
	size_t len = naive_ip4(bytes, T1_USER, T2_USER, 60, 64, 17);

	ok(steps(FOUR_TID_LAST + 1, bytes, len) == DROP_IP4_NO_PLAN, "tid 3f80 has no IPv4");
	ok(steps(FOUR_TID_LAST, bytes, len) == DROP_IP4_SOURCE, "tid 3f7f has, another's source is not its");
}

/* A region larger than the plan: ids from 3f80 on may well be configured. */
static void their_addresses_are_nobodys(void)
{
	enum { SLOTS = FOUR_TID_LAST + 2 };
	struct config_head head = { .plan = { .pop_id = 1 } };
	struct config cf = { .head = &head, .limits = { .tunnels = SLOTS } };
	struct ip4_addr last, beyond;

	cf.tunnel = calloc(SLOTS, sizeof(*cf.tunnel));
	if (!cf.tunnel)
		exit(99);
	cf.tunnel[FOUR_TID_LAST].kind = cf.tunnel[FOUR_TID_LAST + 1].kind = KIND_STATIC;
	naive_address(AF_INET, "240.127.254.255", last.b);
	naive_address(AF_INET, "240.127.255.1", beyond.b);
	ok(ip4_place(&cf, &last).tid == FOUR_TID_LAST && ip4_place(&cf, &last).kind == FOUR_REMOTE,
	   "240.127.254.255 is tid 3f7f's user");
	ok(ip4_place(&cf, &beyond).kind == FOUR_OTHER_POP, "240.127.255.1 is nobody's, configured or not");
	free(cf.tunnel);
}

/* ---- headers ---- */

static void every_truncation_is_malformed(void)
{
	uint8_t bytes[64];
	size_t len = naive_ip4(bytes, T1_USER, T2_USER, 60, 64, 17), bad = 0;

	for (size_t n = 0; n < len; n++)
		bad += steps(1, bytes, n) == DROP_IP4_MALFORMED;
	ok(bad == len, "%zu of %zu truncations are malformed", bad, len);
	ok(steps(1, bytes, len) == PASS, "the whole packet is not");
	ok(steps(1, bytes, len + 4) == PASS && f->p.len == len && f->p.inner_len == len,
	   "trailing octets are cut");
}

static void a_flipped_header_bit_is_caught(void)
{
	uint8_t good[60], bytes[60];
	size_t passed = 0;

	naive_ip4(good, T1_USER, T2_USER, 60, 64, 17);
	for (size_t bit = 0; bit < 160; bit++) {
		memcpy(bytes, good, sizeof(good));
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		passed += steps(1, bytes, sizeof(bytes)) != DROP_IP4_MALFORMED;
	}
	ok(passed == 0, "no header with a flipped bit is taken");
}

static void header_lengths(void)
{
	static const struct { uint8_t vihl; uint8_t total; bool good; } row[] = {
		{ 0x45, 60, true }, { 0x46, 60, true }, { 0x4f, 60, true },
		{ 0x44, 60, false }, { 0x40, 60, false }, { 0x55, 60, false }, { 0x65, 60, false },
		{ 0x05, 60, false }, { 0x45, 61, false }, { 0x45, 19, false }, { 0x45, 20, true },
		{ 0x4f, 59, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		uint8_t bytes[60];

		naive_ip4(bytes, T1_USER, T2_USER, 60, 64, 17);
		bytes[0] = row[i].vihl;
		bytes[3] = row[i].total;
		naive_sum4(bytes, (row[i].vihl & 15u) * 4u);
		ok((steps(1, bytes, 60) == PASS) == row[i].good,
		   "first octet %02x, total length %u: %s", row[i].vihl, row[i].total,
		   row[i].good ? "taken" : "malformed");
	}
}

static void one_hop_less_keeps_the_checksum(void)
{
	size_t wrong = 0;

	for (unsigned int ttl = 1; ttl < 256; ttl++) {
		for (unsigned int id = 0; id < 65536; id += 257) {
			uint8_t bytes[60], expect[60];

			naive_ip4(bytes, T1_USER, T2_USER, 60, (uint8_t)ttl, 17);
			bytes[4] = (uint8_t)(id >> 8);
			bytes[5] = (uint8_t)id;
			naive_sum4(bytes, 20);
			memcpy(expect, bytes, sizeof(expect));
			expect[8]--;
			naive_sum4(expect, 20);
			pop_arrive(f, VIA_GRE, bytes, 60, NULL, NULL);
			ttl_apply(&f->p);
			wrong += memcmp(f->p.data, expect, 60) != 0;
		}
	}
	ok(wrong == 0, "TTL minus one, same checksum as computed anew, for every TTL");
}

/* ---- the PoP's side ---- */

static size_t make_echo(uint8_t *at, const char *dst, size_t len)
{
	naive_ip4(at, T1_USER, dst, len, 64, 1);
	if (len >= 28)
		naive_icmp4(at + 20, len - 20, 8, 0);
	return len;
}

static void echo_is_answered(void)
{
	static const size_t lens[] = { 28, 29, 30, 31, 99, 100, 1427, 1428 };

	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		uint8_t bytes[2048], expect[2048];
		size_t len = make_echo(bytes, T1_POP, lens[i]);
		enum verdict v = steps(1, bytes, len);

		naive_ip4(expect, T1_POP, T1_USER, len, 64, 1);
		naive_icmp4(expect + 20, len - 20, 0, 0);
		ok(v == CONSUMED_ECHO && f->reply.len == len && !memcmp(f->reply.data, expect, len) &&
		   f->reply.via == VIA_SELF && f->reply.out == OUT_NONE,
		   "a ping of %zu octets is answered", len);
	}
}

static void echo_of_another_tunnels_side(void)
{
	uint8_t bytes[64], expect[64];

	ok(steps(1, bytes, make_echo(bytes, T2_POP, 60)) == CONSUMED_ECHO, "T1 may ping T2's PoP side");
	naive_ip4(expect, T2_POP, T1_USER, 60, 64, 1);
	naive_icmp4(expect + 20, 40, 0, 0);
	ok(f->reply.len == 60 && !memcmp(f->reply.data, expect, 60), "which answers for itself");
	ok(steps(1, bytes, make_echo(bytes, "240.127.128.8", 60)) == CONSUMED_ECHO,
	   "also that of a disabled tunnel");
}

static void options_are_not_returned(void)
{
	uint8_t bytes[68], expect[64];

	make_echo(bytes + 8, T1_POP, 60);
	memmove(bytes, bytes + 8, 20);
	bytes[0] = 0x47;
	bytes[3] = 68;
	memset(bytes + 20, 1, 8);	/* no-operation */
	naive_sum4(bytes, 28);
	naive_ip4(expect, T1_POP, T1_USER, 60, 64, 1);
	naive_icmp4(expect + 20, 40, 0, 0);
	ok(steps(1, bytes, 68) == CONSUMED_ECHO && f->reply.len == 60 &&
	   !memcmp(f->reply.data, expect, 60), "a ping with options is answered without");
}

static void what_the_pop_says_to_the_rest(void)
{
	uint8_t bytes[2048];
	size_t len;

	len = make_echo(bytes, T1_POP, 1429);
	ok(steps(1, bytes, len) == DROP_TOO_BIG && f->p.param == 1428,
	   "an answer that would not fit: too big");
	len = make_echo(bytes, T1_POP, 60);
	bytes[40] ^= 1;
	ok(steps(1, bytes, len) == DROP_LOCAL_CHECKSUM, "a damaged ping");
	len = naive_ip4(bytes, T1_USER, T1_POP, 27, 64, 1);
	ok(steps(1, bytes, len) == DROP_LOCAL_SHORT, "seven octets of ICMP");
	len = make_echo(bytes, T1_POP, 60);
	bytes[21] = 1;
	naive_icmp4(bytes + 20, 40, 8, 1);
	ok(steps(1, bytes, len) == CONSUMED_LOCAL, "a ping with a code");
	for (unsigned int type = 0; type < 256; type++) {
		naive_icmp4(bytes + 20, 40, (uint8_t)type, 0);
		if (type != 8 && steps(1, bytes, len) != CONSUMED_LOCAL)
			ok(false, "ICMP type %u is not silently taken", type);
	}
	ok(f->reply.len == 0, "no other ICMP is answered");

	len = make_echo(bytes, T1_POP, 60);
	bytes[6] = 0x20;
	naive_sum4(bytes, 20);
	ok(steps(1, bytes, len) == DROP_LOCAL_FRAGMENT, "a first fragment");
	bytes[6] = 0;
	bytes[7] = 1;
	naive_sum4(bytes, 20);
	ok(steps(1, bytes, len) == DROP_LOCAL_FRAGMENT, "a last fragment");

	static const struct { uint8_t protocol; enum verdict expect; } row[] = {
		{ 6, DROP_LOCAL_PORT }, { 17, DROP_LOCAL_PORT }, { 4, DROP_IP4_PROTOCOL },
		{ 41, DROP_IP4_PROTOCOL }, { 47, DROP_IP4_PROTOCOL }, { 59, DROP_IP4_PROTOCOL },
		{ 132, DROP_IP4_PROTOCOL }, { 0, DROP_IP4_PROTOCOL }, { 255, DROP_IP4_PROTOCOL },
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		len = naive_ip4(bytes, T1_USER, T1_POP, 60, 64, row[i].protocol);
		ok(steps(1, bytes, len) == row[i].expect && f->reply.len == 0,
		   "protocol %u for the PoP: %s", row[i].protocol,
		   verdict_info[row[i].expect].name);
	}
	len = make_echo(bytes, T1_POP, 60);
	bytes[8] = 1;
	naive_sum4(bytes, 20);
	ok(steps(1, bytes, len) == CONSUMED_ECHO, "TTL 1 reaches the PoP itself");
}

static void every_truncation_of_a_ping(void)
{
	uint8_t bytes[64];
	size_t answered = 0;

	for (size_t n = 20; n < 60; n++) {
		make_echo(bytes, T1_POP, 60);
		bytes[3] = (uint8_t)n;
		naive_sum4(bytes, 20);
		answered += steps(1, bytes, n) == CONSUMED_ECHO;
	}
	ok(answered == 0, "no truncated ping is answered");
}

int main(void)
{
	the_plan_is_arithmetic();
	an_address_is_a_tunnel_id();
	configure();
	the_decision_table();
	ids_beyond_the_plan_have_no_ip4();
	their_addresses_are_nobodys();
	every_truncation_is_malformed();
	a_flipped_header_bit_is_caught();
	header_lengths();
	one_hop_less_keeps_the_checksum();
	echo_is_answered();
	echo_of_another_tunnels_side();
	options_are_not_returned();
	what_the_pop_says_to_the_rest();
	every_truncation_of_a_ping();
	return tap_done();
}
