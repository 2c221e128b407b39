/*
 * Where an AYIYA tunnel's endpoint is, and what does not move it: captured packets,
 * guesses, addresses that nobody may have, plain packets.
 */
#include "auth.h"

static const uint8_t nothing[1];

/* security.md C2, C2a: what a captured packet can and cannot do, told in order */
static void a_captured_packet_moves_nothing(void)
{
	enum { NOW = POP_WALL_S };
	static const struct {
		int32_t epoch; /* relative to the clock at the beginning */
		uint8_t tag;   /* makes the payload, so the signature, its own */
		const char *from;
		uint16_t port;
		enum verdict ends;
		const char *at; /* where the tunnel is afterwards */
		uint16_t at_port;
		const char *tale;
	} story[] = {
		{ 0, 'a', ALICE, 1000, CONSUMED_ECHO, ALICE, 1000, "the client's first packet" },
		{ 0, 'a', ALICE, 1000, CONSUMED_ECHO, ALICE, 1000, "the same again from there" },
		{ 0, 'a', MALLORY, 6666, DROP_AYIYA_REPLAYED, ALICE, 1000, "replayed at once" },
		{ 0, 'a', ALICE, 6666, DROP_AYIYA_REPLAYED, ALICE, 1000,
		  "replayed from its address" },
		{ 0, 'b', ALICE, 1001, CONSUMED_ECHO, ALICE, 1001,
		  "a new port in the same second" },
		{ 0, 'a', ALICE, 1000, DROP_AYIYA_REPLAYED, ALICE, 1001,
		  "the old port's packet, late" },
		{ 2, 'c', ALICE, 1001, CONSUMED_ECHO, ALICE, 1001, "two seconds later" },
		{ 1, 'd', ALICE, 1001, CONSUMED_ECHO, ALICE, 1001, "one overtaken on the way" },
		{ 1, 'e', MALLORY, 6666, DROP_AYIYA_REPLAYED, ALICE, 1001,
		  "captured and held back, older than the newest" },
		{ 2, 'c', MALLORY, 6666, DROP_AYIYA_REPLAYED, ALICE, 1001, "the newest, replayed" },
		{ 3, 'f', "192.0.2.99", 7, CONSUMED_ECHO, "192.0.2.99", 7, "the client roams" },
		{ 3, 'f', ALICE, 1001, DROP_AYIYA_REPLAYED, "192.0.2.99", 7,
		  "replayed from where it was" },
		{ 4, 'g', "2001:db8:cafe::7", 9, CONSUMED_ECHO, "2001:db8:cafe::7", 9,
		  "roams to IPv6" },
		{ 120, 'h', ALICE, 5, CONSUMED_ECHO, ALICE, 5, "a clock 120 s fast" },
		{ 119, 'i', "192.0.2.99", 5, DROP_AYIYA_REPLAYED, ALICE, 5,
		  "the clock jumped back and the address changed: not believed" },
		{ -120, 'j', ALICE, 5, CONSUMED_ECHO, ALICE, 5,
		  "the clock jumped back, same address" },
		{ 120, 'h', MALLORY, 6666, DROP_AYIYA_REPLAYED, ALICE, 5,
		  "and that changed nothing" },
	};
	struct fixture *f = auth_new();
	size_t moves = 0, accepted = 0;

	for (size_t i = 0; i < ARRAY_LEN(story); i++) {
		uint8_t bytes[64];
		size_t len = make_ayiya(bytes, "SHA1", AYIYA_OP_ECHO, 59,
		                        (uint32_t)(NOW + story[i].epoch), BOB, PASSWORD,
		                        &story[i].tag, 1);
		struct endpoint was = *auth_ep(f, 1);
		struct snapshot before;
		enum verdict v;

		f->pa.events = 0;
		before = auth_snapshot(f);
		v = give_ayiya(f, bytes, len, story[i].from, story[i].port);
		ok(v == story[i].ends && is_at(f, 1, story[i].at, story[i].at_port) &&
		           auth_unchanged(f, &before) == verdict_is_drop(v),
		   "%zu. %s: %s", i + 1, story[i].tale, verdict_info[v].name);
		accepted += !verdict_is_drop(v);
		moves += i > 0 && (!addr_eq(&was.them, &auth_ep(f, 1)->them) ||
		                   was.them_port != auth_ep(f, 1)->them_port);
	}
	ok(auth_cold(f, 1)->moves == moves && moves == 4, "four moves were counted");
	ok(auth_cold(f, 1)->beats == accepted, "and every accepted packet");
}

/* Until the newest second is outside the clock window, what was captured in it is a replay. */
static void silence_forgets_the_newest_epoch_once_it_cannot_be_replayed(void)
{
	struct fixture *f = auth_new();
	uint8_t ahead[64], captured[64], after[64];
	size_t len = make_ayiya(ahead, "SHA1", AYIYA_OP_NOOP, 59, POP_WALL_S + 120, BOB, PASSWORD,
	                        nothing, 0);
	size_t len2 = make_ayiya(captured, "SHA1", AYIYA_OP_NOOP, 59, POP_WALL_S + 119, BOB,
	                         PASSWORD, nothing, 0);

	give_ayiya(f, ahead, len, ALICE, 1000);
	pop_pass_time(f, (BEAT_TIMEOUT_S - 1) * (int64_t)US_PER_S);
	path_tick(&f->pa, 1);
	ok(give_ayiya(f, captured, len2, "192.0.2.99", 7) == DROP_AYIYA_REPLAYED,
	   "before the time-out an older epoch does not move the tunnel");
	pop_pass_time(f, US_PER_S);
	path_tick(&f->pa, 1);
	ok(auth_ep(f, 1)->state == STATE_DOWN &&
	           give_ayiya(f, captured, len2, "192.0.2.99", 7) == DROP_AYIYA_REPLAYED &&
	           give_ayiya(f, ahead, len, "192.0.2.99", 7) == DROP_AYIYA_REPLAYED &&
	           auth_ep(f, 1)->state == STATE_DOWN,
	   "nor after it, while the clock check would still let it pass");
	pop_pass_time(f, AYIYA_SKEW_MAX_S * (int64_t)US_PER_S);
	path_tick(&f->pa, 1);
	ok(auth_cold(f, 1)->ayiya_newest_s == POP_WALL_S + 120,
	   "120 s after that second it is still remembered");
	pop_pass_time(f, US_PER_S);
	path_tick(&f->pa, 1);
	ok(auth_cold(f, 1)->ayiya_newest_s == -1, "121 s after it, forgotten");
	len = make_ayiya(after, "SHA1", AYIYA_OP_NOOP, 59, (uint32_t)(f->pa.wall.s - 100), BOB, PASSWORD,
	                 nothing, 0);
	ok(give_ayiya(f, after, len, "192.0.2.99", 7) == CONSUMED_BEAT &&
	           auth_ep(f, 1)->state == STATE_UP,
	   "and a client whose clock jumped back is heard again");
}

static void sixty_four_signatures_of_a_second_are_remembered(void)
{
	struct fixture *f = auth_new();
	struct snapshot before;
	size_t moved = 0, len;
	uint8_t bytes[64];

	for (uint32_t n = 0; n < AYIYA_SEEN_MAX; n++) {
		len = echo_of(bytes, POP_WALL_S, n);
		give_ayiya(f, bytes, len, ALICE, 1000);
	}
	before = auth_snapshot(f);
	for (uint32_t n = 0; n < AYIYA_SEEN_MAX; n++) {
		len = echo_of(bytes, POP_WALL_S, n);
		moved += give_ayiya(f, bytes, len, MALLORY, 6666) != DROP_AYIYA_REPLAYED;
	}
	ok(moved == 0 && auth_unchanged(f, &before),
	   "each of 64 packets of a second is recognised");

	len = echo_of(bytes, POP_WALL_S, 1000);
	ok(give_ayiya(f, bytes, len, ALICE, 1001) == CONSUMED_ECHO,
	   "a 65th one of that second still moves the endpoint");
	len = echo_of(bytes, POP_WALL_S, 1001);
	ok(give_ayiya(f, bytes, len, ALICE, 1002) == DROP_AYIYA_REPLAYED,
	   "from then on no packet of that second does: not all of them are remembered");
	ok(give_ayiya(f, bytes, len, ALICE, 1001) == CONSUMED_ECHO, "from the endpoint all pass");
	for (uint32_t n = 2000; n < 2300; n++) {
		len = echo_of(bytes, POP_WALL_S, n);
		give_ayiya(f, bytes, len, ALICE, 1001);
	}
	len = echo_of(bytes, POP_WALL_S + 1, 1);
	ok(give_ayiya(f, bytes, len, ALICE, 1002) == CONSUMED_ECHO && is_at(f, 1, ALICE, 1002),
	   "the next second is open again");
	ok(give_ayiya(f, bytes, len, MALLORY, 1) == DROP_AYIYA_REPLAYED, "and remembers its own");
	for (uint32_t n = 0; n < 2 * AYIYA_SEEN_MAX; n++) {
		len = echo_of(bytes, POP_WALL_S, 3000 + n);
		give_ayiya(f, bytes, len, ALICE, 1002);
	}
	len = echo_of(bytes, POP_WALL_S + 1, 2);
	ok(give_ayiya(f, bytes, len, ALICE, 1003) == CONSUMED_ECHO && is_at(f, 1, ALICE, 1003),
	   "stragglers of the second before take no room in it");
}

/* security.md C4: strangers share a budget of digests, the tunnel's own packets are free */
static void the_digest_budget_bounds_strangers_alone(void)
{
	struct fixture *f = auth_new();
	uint8_t good[64], bad[64];
	size_t len = echo_of(good, POP_WALL_S, 0), n;
	struct snapshot before;
	enum verdict v = PASS;

	memcpy(bad, good, len);
	bad[len - 1] ^= 1;
	give_ayiya(f, good, len, ALICE, 1000);
	before = auth_snapshot(f);
	for (n = 0; n < DIGEST_RATE.burst + 1; n++) {
		v = give_ayiya(f, bad, len, MALLORY, 6666);
		if (v != DROP_AYIYA_DIGEST)
			break;
	}
	ok(n == DIGEST_RATE.burst && v == DROP_DIGEST_BUDGET && auth_unchanged(f, &before),
	   "%zu forged packets are hashed, the next one is not", n);
	len = echo_of(good, POP_WALL_S + 1, 0);
	ok(give_ayiya(f, good, len, ALICE, 2000) == DROP_DIGEST_BUDGET,
	   "nor is the client's from a new address");
	ok(give_ayiya(f, good, len, ALICE, 1000) == CONSUMED_ECHO,
	   "but from its endpoint it is free");
	pop_pass_time(f, US_PER_S / (int64_t)DIGEST_RATE.per_s);
	len = echo_of(good, POP_WALL_S + 2, 0);
	ok(give_ayiya(f, good, len, ALICE, 2000) == CONSUMED_ECHO, "one token later it may move");
	for (n = 3; n < 103; n++) {
		len = echo_of(good, POP_WALL_S + (uint32_t)n, 0);
		if (give_ayiya(f, good, len, ALICE, (uint16_t)(2000 + n)) != CONSUMED_ECHO)
			break;
	}
	ok(n == 103, "and a hundred times more: what verifies gives its token back");
	ok(give_ayiya(f, good, len, MALLORY, 6666) == DROP_AYIYA_REPLAYED &&
	           give_ayiya(f, good, len, MALLORY, 6666) == DROP_DIGEST_BUDGET,
	   "a replay does not");
}

/* security.md C3, L3, L4 */
static void a_bad_endpoint_is_not_learned(void)
{
	static const char *const bad[] = {
		"0.0.0.0",
		"0.1.2.3",
		"127.0.0.1",
		"224.0.0.1",
		"239.255.255.255",
		"255.255.255.255",
		"240.0.0.1",
		"192.0.2.42",
		"::",
		"::1",
		"ff02::1",
		"fe80::1",
		"2001:db8::42",
		"2001:db8:2ff:1::2",
		"2001:db8:2ff:5::2",
		"2001:db8:3001::1",
		"2001:db8:4242::1",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct fixture *f = auth_new();
		struct snapshot before;
		uint8_t bytes[64];
		size_t len = echo_of(bytes, POP_WALL_S + 1, 1);

		give_ayiya(f, bytes, len, ALICE, 1000);
		before = auth_snapshot(f);
		len = echo_of(bytes, POP_WALL_S + 2, 1);
		ok(give_ayiya(f, bytes, len, bad[i], 1000) == DROP_AYIYA_ENDPOINT &&
		           auth_unchanged(f, &before),
		   "%s cannot become an endpoint", bad[i]);
	}
	struct fixture *f = auth_new();
	uint8_t bytes[64];
	size_t len = echo_of(bytes, POP_WALL_S, 1);

	ok(give_ayiya(f, bytes, len, ALICE, 0) == DROP_AYIYA_ENDPOINT, "port 0 neither");
}

static void what_changed_is_told(void)
{
	struct fixture *f = auth_new();
	uint8_t bytes[64];
	struct ip6_addr us = address(pop_v4);
	size_t len = echo_of(bytes, POP_WALL_S, 0);

	give_ayiya(f, bytes, len, ALICE, 1000);
	ok(f->pa.events == 2 && f->pa.event[0].event == EVENT_TYPE &&
	           f->pa.event[0].value == TYPE_AYIYA && f->pa.event[1].event == EVENT_UP &&
	           f->pa.event[1].tid == 1 && f->pa.event[1].port == 1000,
	   "coming up: its type, and from where");
	ok(addr_eq(&auth_ep(f, 1)->us, &us), "we answer from the address that was asked");
	auth_ep(f, 1)->path_mtu_bytes = 1400;
	f->pa.events = 0;
	len = echo_of(bytes, POP_WALL_S + 1, 0);
	give_ayiya(f, bytes, len, ALICE, 1000);
	ok(f->pa.events == 0 && auth_ep(f, 1)->path_mtu_bytes == 1400, "the next packet: nothing");
	len = echo_of(bytes, POP_WALL_S + 2, 0);
	give_ayiya(f, bytes, len, ALICE, 1001);
	ok(f->pa.events == 1 && f->pa.event[0].event == EVENT_MOVED &&
	           f->pa.event[0].port == 1001 && auth_ep(f, 1)->path_mtu_bytes == 1400,
	   "another port: moved, the path is the same");
	len = echo_of(bytes, POP_WALL_S + 3, 0);
	give_ayiya(f, bytes, len, "192.0.2.99", 1001);
	ok(f->pa.events == 2 && f->pa.event[1].event == EVENT_MOVED &&
	           auth_ep(f, 1)->path_mtu_bytes == 0,
	   "another address: moved, the path MTU is forgotten");

	uint64_t lost = f->pa.me->events_lost;

	for (uint32_t n = 0; n < EVENTS_MAX; n++) {
		len = echo_of(bytes, POP_WALL_S + 4 + n, 0);
		give_ayiya(f, bytes, len, ALICE, (uint16_t)(3000 + n));
	}
	ok(f->pa.events == EVENTS_MAX && f->pa.me->events_lost == lost + 2,
	   "events nobody took are counted as lost");
}

/* security.md D7, D6 */
static void plain_packets_do_not_touch_an_ayiya_tunnel(void)
{
	struct fixture *f = auth_new();
	uint8_t bytes[256], inner[128];
	size_t inner_len = make_ip6(inner, BOB, "2001:db8:ffff::1", 64, 64, PROTO_UDP);
	size_t len = make_ayiya(bytes, "SHA1", AYIYA_OP_FORWARD, PROTO_IPV6, POP_WALL_S, BOB,
	                        PASSWORD, inner, inner_len);
	struct endpoint before;

	ok(pop_give(f, VIA_P41, inner, inner_len, ALICE, pop_v4) == DROP_TUNNEL_AYIYA &&
	           auth_ep(f, 1)->type == TYPE_NONE,
	   "protocol 41 before any AYIYA: dropped");
	pop_arrive(f, VIA_AYIYA, bytes, len, ALICE, pop_v4);
	f->p.outer.them_port = 40001;
	path_run(&f->pa, &f->p, &f->reply);
	before = *auth_ep(f, 1);
	ok(pop_give(f, VIA_P41, inner, inner_len, ALICE, pop_v4) == DROP_TUNNEL_AYIYA &&
	           memcmp(&before, auth_ep(f, 1), sizeof(before)) == 0,
	   "protocol 41 from the endpoint of a tunnel in AYIYA operation: dropped, type stays");
	auth_change(f, 1, KIND_AYIYA, HASH_SHA1, PASSWORD, TUNNEL_DISABLED);
	pop_arrive(f, VIA_AYIYA, bytes, len, ALICE, pop_v4);
	f->p.outer.them_port = 40001;
	ok(path_run(&f->pa, &f->p, &f->reply) == DROP_AYIYA_DISABLED &&
	           pop_errors(f, 1, ERR_DISABLED) == 1,
	   "disabled: its packets are dropped and counted");
}

int main(void)
{
	a_captured_packet_moves_nothing();
	silence_forgets_the_newest_epoch_once_it_cannot_be_replayed();
	sixty_four_signatures_of_a_second_are_remembered();
	the_digest_budget_bounds_strangers_alone();
	a_bad_endpoint_is_not_learned();
	what_changed_is_told();
	plain_packets_do_not_touch_an_ayiya_tunnel();
	return tap_done();
}
