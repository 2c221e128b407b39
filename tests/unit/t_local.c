/* IPv6 for the PoP itself: forwarding.md 5, the whole way through path_run(). */
#include "pop.h"
#include "naive.h"
#include "vec_icmp.h"

#define ALICE	"198.51.100.7"
#define US	"192.0.2.42"
#define T1	"2001:db8:2ff:1::2"
#define T1_POP	"2001:db8:2ff:1::1"
#define INET6	"2001:db8:ffff::1"

static struct fixture *f;

/* T1 sends @len octets in protocol 41. */
static enum verdict from_t1(const uint8_t *bytes, size_t len)
{
	pop_pass_time(f, US_PER_S);
	return pop_give(f, VIA_P41, bytes, len, ALICE, US);
}

static enum verdict from_uplink(const uint8_t *bytes, size_t len)
{
	pop_pass_time(f, US_PER_S);
	return pop_give(f, VIA_TUN, bytes, len, NULL, NULL);
}

/* The reply went to T1 as @expect inside protocol 41. */
static bool t1_got(const uint8_t *expect, size_t len)
{
	return f->reply.out == OUT_WIRE && f->reply.to == 1 && f->reply.len == 20 + len &&
	       f->reply.data[9] == 41 && !memcmp(f->reply.data + 20, expect, len);
}

/* The reply is an ICMPv6 error to T1 of this type and code. */
static bool t1_was_told(int type, int code)
{
	return f->reply.out == OUT_WIRE && f->reply.to == 1 && f->reply.len > 68 &&
	       f->reply.data[60] == type && f->reply.data[61] == code &&
	       naive_upper6(f->reply.data + 20, f->reply.data + 60, f->reply.len - 60, 58) == 0xffff;
}

static bool nothing_was_sent(void)
{
	return f->reply.out == OUT_NONE && f->p.out == OUT_NONE;
}

/* An ICMPv6 message of @len octets in all, checksum good. */
static size_t make_icmp6(uint8_t *at, const char *src, const char *dst, size_t len, uint8_t type,
			 uint8_t code)
{
	make_ip6(at, src, dst, len, 64, PROTO_ICMP6);
	naive_icmp6(at, at + 40, len - 40, type, code);
	return len;
}

static void the_vectors(void)
{
	static const enum verdict expect[] = { CONSUMED_ECHO, CONSUMED_NEIGHBOR };

	for (size_t i = 0; i < ARRAY_LEN(vec_local); i++) {
		uint8_t request[200], reply[200];
		size_t n = unhex(vec_local[i].request, request, sizeof(request));
		size_t m = unhex(vec_local[i].reply, reply, sizeof(reply));

		ok(from_t1(request, n) == expect[i] && t1_got(reply, m),
		   "%s is answered byte for byte", vec_local[i].name);
	}
}

static void a_ping_is_answered_from_where_it_went(void)
{
	static const struct { const char *dst; size_t len; } row[] = {
		{ T1_POP, 48 }, { T1_POP, 49 }, { T1_POP, 50 }, { T1_POP, 51 }, { T1_POP, 1427 },
		{ T1_POP, 1428 }, { "2001:db8:2ff:2::1", 100 }, { "2001:db8:2ff:3::1", 100 },
		{ "2001:db8:2ff:4::1", 100 }, { "2001:db8:2ff:ffff::1", 100 },
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		uint8_t ask[1500], expect[1500];
		size_t len = make_icmp6(ask, T1, row[i].dst, row[i].len, 128, 0);

		make_icmp6(expect, row[i].dst, T1, len, 129, 0);
		ok(from_t1(ask, len) == CONSUMED_ECHO && t1_got(expect, len),
		   "%zu octets to %s", len, row[i].dst);
		make_icmp6(ask, INET6, row[i].dst, len, 128, 0);
		make_icmp6(expect, row[i].dst, INET6, len, 129, 0);
		ok(from_uplink(ask, len) == CONSUMED_ECHO && f->reply.out == OUT_TUN &&
		   f->reply.len == len && !memcmp(f->reply.data, expect, len),
		   "and from the uplink");
	}
}

static void an_answer_that_does_not_fit(void)
{
	uint8_t ask[2048];
	size_t len = make_icmp6(ask, T1, T1_POP, 1429, 128, 0);

	ok(from_t1(ask, len) == DROP_TOO_BIG && t1_was_told(2, 0) &&
	   !memcmp(f->reply.data + 64, "\0\0\x05\x94", 4), "a ping of 1429: packet too big, MTU 1428");
	len = make_icmp6(ask, INET6, T1_POP, 2000, 128, 0);
	ok(from_uplink(ask, len) == CONSUMED_ECHO, "from the uplink there is no such limit");
}

static void a_ping_behind_extension_headers(void)
{
	uint8_t ask[100], expect[100];

	make_ip6(ask, T1, T1_POP, 100, 64, PROTO_HOPOPTS);
	unhex("3a00010400000000", ask + 40, 8);
	memset(ask + 52, 7, 48);
	naive_icmp6(ask, ask + 48, 52, 128, 0);
	make_ip6(expect, T1_POP, T1, 92, 64, PROTO_ICMP6);
	memcpy(expect + 40, ask + 48, 52);
	naive_icmp6(expect, expect + 40, 52, 129, 0);
	ok(from_t1(ask, 100) == CONSUMED_ECHO && t1_got(expect, 92), "is answered without them");
}

static void every_bit_of_a_ping_counts(void)
{
	uint8_t good[72], bytes[72];
	size_t answered = 0;

	make_icmp6(good, T1, T1_POP, sizeof(good), 128, 0);
	for (size_t bit = 8 * 40; bit < 8 * sizeof(good); bit++) {
		memcpy(bytes, good, sizeof(good));
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		answered += from_t1(bytes, sizeof(bytes)) != DROP_LOCAL_CHECKSUM ||
			    !nothing_was_sent();
	}
	ok(answered == 0, "no ICMPv6 with a flipped bit is acted upon (security.md H5)");
}

static void every_truncation(void)
{
	static const uint8_t types[] = { 128, 129, 135 };
	size_t wrong = 0, answered = 0;
	uint8_t bytes[80];

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		for (size_t n = 40; n < 64; n++) {
			make_icmp6(bytes, T1, T1_POP, sizeof(bytes), types[i], 0);
			bytes[5] = (uint8_t)(n - 40);	/* a shorter packet, not a lie */
			enum verdict v = from_t1(bytes, n);

			wrong += n < 48 && v != DROP_LOCAL_SHORT;
			answered += f->reply.out != OUT_NONE;
		}
	}
	ok(wrong == 0, "ICMPv6 shorter than its header is truncated");
	ok(answered == 0, "and no truncation is answered");
	make_icmp6(bytes, T1, T1_POP, 56, 135, 0);
	ok(from_t1(bytes, 56) == DROP_LOCAL_SHORT, "a solicitation without a target is truncated");
}

static size_t make_solicit(uint8_t *at, const char *dst, const char *target, size_t len)
{
	struct ip6_addr a = address(target);

	make_ip6(at, T1, dst, len, 255, PROTO_ICMP6);
	memset(at + 40, 0, len - 40);
	memcpy(at + 48, &a, sizeof(a));
	naive_icmp6(at, at + 40, len - 40, 135, 0);
	return len;
}

static void solicitation_options(uint8_t *bytes)
{
	static const struct { uint8_t len; size_t total; enum verdict v; } row[] = {
		{ 1, 72, CONSUMED_NEIGHBOR }, { 2, 80, CONSUMED_NEIGHBOR },
		{ 0, 72, DROP_LOCAL_NEIGHBOR }, { 2, 72, DROP_LOCAL_NEIGHBOR },
		{ 255, 72, DROP_LOCAL_NEIGHBOR }, { 1, 65, DROP_LOCAL_NEIGHBOR },
		{ 1, 73, DROP_LOCAL_NEIGHBOR },
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		size_t len = make_solicit(bytes, T1_POP, T1_POP, row[i].total);

		bytes[64] = 1;		/* source link-layer address */
		if (len > 65)
			bytes[65] = row[i].len;
		naive_icmp6(bytes, bytes + 40, len - 40, 135, 0);
		ok(from_t1(bytes, len) == row[i].v &&
		   f->reply.len == (row[i].v == CONSUMED_NEIGHBOR ? 20 + 64 : 0),
		   "%zu octets of options, the first of length %u: %s", row[i].total - 64,
		   row[i].len, verdict_info[row[i].v].name);
	}
}

static void solicitations(void)
{
	static const struct { const char *dst, *target; uint8_t hops, code; enum verdict v; } row[] = {
		{ T1_POP, T1_POP, 255, 0, CONSUMED_NEIGHBOR },
		{ "2001:db8:2ff:2::1", "2001:db8:2ff:2::1", 255, 0, CONSUMED_NEIGHBOR },
		{ T1_POP, T1_POP, 254, 0, DROP_LOCAL_NEIGHBOR },
		{ T1_POP, T1_POP, 64, 0, DROP_LOCAL_NEIGHBOR },
		{ T1_POP, T1_POP, 255, 1, DROP_LOCAL_NEIGHBOR },
		{ T1_POP, T1, 255, 0, DROP_LOCAL_NEIGHBOR },
		{ T1_POP, "2001:db8:2ff:2::1", 255, 0, DROP_LOCAL_NEIGHBOR },
		{ T1_POP, "::", 255, 0, DROP_LOCAL_NEIGHBOR },
	};
	uint8_t bytes[100];

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		size_t len = make_solicit(bytes, row[i].dst, row[i].target, 64);

		bytes[7] = row[i].hops;
		naive_icmp6(bytes, bytes + 40, len - 40, 135, row[i].code);
		ok(from_t1(bytes, len) == row[i].v &&
		   (f->reply.out == OUT_WIRE) == (row[i].v == CONSUMED_NEIGHBOR),
		   "to %s about %s, hop limit %u, code %u: %s", row[i].dst, row[i].target,
		   row[i].hops, row[i].code, verdict_info[row[i].v].name);
	}
	solicitation_options(bytes);

	/* a source of :: is dropped before it comes here, but the step does not rely on it */
	size_t len = make_solicit(bytes, T1_POP, T1_POP, 64);

	memset(bytes + 8, 0, 16);
	naive_icmp6(bytes, bytes + 40, 24, 135, 0);
	pop_arrive(f, VIA_P41, bytes, len, NULL, NULL);
	f->p.from = 1;
	ok(saw(local6(&f->pa, &f->p, &f->reply)) == DROP_LOCAL_NEIGHBOR && f->reply.len == 0,
	   "duplicate address detection is not answered");
}

static void the_rest_of_icmp6_is_ignored(void)
{
	uint8_t bytes[100];
	size_t wrong = 0;

	for (unsigned int type = 0; type < 256; type++) {
		size_t len = make_icmp6(bytes, T1, T1_POP, 100, (uint8_t)type, 0);

		if (type == 128 || type == 135)
			continue;
		wrong += from_t1(bytes, len) != CONSUMED_LOCAL || !nothing_was_sent();
	}
	ok(wrong == 0, "every other type is taken and not answered");
	ok(from_t1(bytes, make_icmp6(bytes, T1, T1_POP, 100, 128, 1)) == CONSUMED_LOCAL &&
	   nothing_was_sent(), "so is an echo request with a code");
	make_ip6(bytes, T1, T1_POP, 100, 64, PROTO_ICMP6);
	bytes[44] = LATENCY_ID >> 8;
	bytes[45] = LATENCY_ID & 255;
	naive_icmp6(bytes, bytes + 40, 60, 129, 0);
	ok(from_t1(bytes, 100) == DROP_LOCAL_LATENCY && nothing_was_sent(),
	   "an echo reply with the latency test's identifier goes to the latency test");
}

static void other_protocols(void)
{
	static const struct { uint8_t next; const char *head; enum verdict v; int type, code; } row[] = {
		{ PROTO_TCP, "", DROP_LOCAL_PORT, 1, 4 },
		{ PROTO_UDP, "", DROP_LOCAL_PORT, 1, 4 },
		{ 132, "", DROP_LOCAL_PORT, 1, 4 },
		{ PROTO_IPV6, "60000000", DROP_LOCAL_PORT, 1, 4 },
		{ PROTO_IPV4, "45000000", DROP_LOCAL_PORT, 1, 4 },
		{ PROTO_GRE, "000086dd", DROP_LOCAL_PORT, 1, 4 },
		{ PROTO_ESP, "", DROP_LOCAL_PORT, 1, 4 },
		{ PROTO_ICMP4, "", DROP_LOCAL_PORT, 1, 4 },
		{ PROTO_NONE, "", DROP_LOCAL_NONE, 0, 0 },
		{ PROTO_FRAGMENT, "3a00000100000001", DROP_LOCAL_FRAGMENT, 0, 0 },
		{ PROTO_FRAGMENT, "3a00000800000001", DROP_LOCAL_FRAGMENT, 0, 0 },
		{ PROTO_FRAGMENT, "1100000100000001", DROP_LOCAL_FRAGMENT, 0, 0 },
		/* beyond the packet; RFC 4443 3.4: the octet that says so */
		{ PROTO_DSTOPTS, "3aff000000000000", DROP_LOCAL_EXTENSIONS, 4, 0 },
		{ PROTO_HOPOPTS, "3b08000000000000", DROP_LOCAL_EXTENSIONS, 4, 0 },
		{ PROTO_ROUTING, "3a02000000000000", DROP_IP6_RH0, 0, 0 },
	};
	uint8_t bytes[100];

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		make_ip6(bytes, T1, T1_POP, 100, 64, row[i].next);
		unhex(row[i].head, bytes + 40, 60);
		enum verdict v = from_t1(bytes, 100);

		ok(v == row[i].v && (row[i].type ? t1_was_told(row[i].type, row[i].code) :
						   nothing_was_sent()),
		   "next header %u: %s (%s)", row[i].next, verdict_info[row[i].v].name,
		   verdict_info[v].name);
		if (v == DROP_LOCAL_EXTENSIONS)
			ok(!memcmp(f->reply.data + 64, "\0\0\0\x29", 4), "pointing at octet 41");
	}
}

int main(void)
{
	f = pop_new(NULL);
	the_vectors();
	a_ping_is_answered_from_where_it_went();
	an_answer_that_does_not_fit();
	a_ping_behind_extension_headers();
	every_bit_of_a_ping_counts();
	every_truncation();
	solicitations();
	the_rest_of_icmp6_is_ignored();
	other_protocols();
	return tap_done();
}
