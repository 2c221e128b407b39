/*
 * Who waits for a worker that is behind: a flood fills its own share, and what sends less
 * than its share loses nothing. And which packet is whose, before anything is verified.
 */
#include "auth.h"
#include "io/fair.h"

enum { FLOWS = 202, FLOOD = 200, SECOND = 201 };

static uint8_t buffer[PKT_ROOM];

static struct pkt numbered(uint32_t n, size_t len)
{
	struct pkt p;

	pkt_init(&p, buffer, len, VIA_TUN);
	memset(p.data, (int)(n & 0xff), len);
	p.param = n;
	return p;
}

static bool put(struct fair *f, uint32_t flow, uint32_t n, size_t len)
{
	struct pkt p = numbered(n, len);

	return fair_put(f, flow, &p);
}

/* In each round a flood of 1000, then one packet of each of a hundred; 300 are forwarded. */
static void a_flood_does_not_starve_the_others(void)
{
	struct fair *f = fair_new(FLOWS);
	uint32_t refused = 0, lost = 0, sent[100] = { 0 }, got[100] = { 0 }, flood = 0, disorder = 0;
	struct pkt p;

	for (uint32_t round = 0; round < 500; round++) {
		for (uint32_t i = 0; i < 1000; i++)
			refused += !put(f, FLOOD, UINT32_MAX, 1000);
		for (uint32_t t = 0; t < 100; t++)
			lost += !put(f, t, t << 16 | sent[t]++, 100);
		for (uint32_t i = 0; i < 300 && fair_take(f, &p); i++) {
			if (p.param == UINT32_MAX) {
				flood++;
				continue;
			}
			disorder += (p.param & 0xffff) != got[p.param >> 16]++;
			disorder += p.len != 100 || p.data[99] != (uint8_t)p.param;
		}
		fair_done(f);
	}
	ok(lost == 0 && disorder == 0, "a hundred that send less than their share lose nothing");
	ok(refused > 250000 && flood > 90000, "the flood fills the rest: %u forwarded, %u refused",
	   flood, refused);
	fair_free(f);
}

static void two_floods_get_the_same(void)
{
	struct fair *f = fair_new(FLOWS);
	uint32_t n[2] = { 0 };
	struct pkt p;

	for (uint32_t round = 0; round < 200; round++) {
		for (uint32_t i = 0; i < 1000; i++) {
			(void)put(f, FLOOD, 0, 100);
			if (i % 3 == 0)
				(void)put(f, SECOND, 1, 100);
		}
		for (uint32_t i = 0; i < 100 && fair_take(f, &p); i++)
			n[p.param]++;
		fair_done(f);
	}
	ok(n[0] + n[1] == 20000 && n[0] < n[1] + 200 && n[1] < n[0] + 200,
	   "two that send too much are served alike: %u and %u", n[0], n[1]);
	fair_free(f);
}

/* Twenty large packets cost as much as many small ones. */
static void turns_are_paid_in_octets(void)
{
	struct fair *f = fair_new(FLOWS);
	uint32_t small = 0, large = 0;
	struct pkt p;

	for (uint32_t i = 0; i < 400; i++)
		(void)put(f, FLOOD, 0, 100);
	for (uint32_t i = 0; i < 20; i++)
		(void)put(f, SECOND, 1, 60000);
	for (uint32_t i = 0; i < 200 && fair_take(f, &p); i++) {
		small += p.param == 0;
		large += p.param == 1;
	}
	fair_done(f);
	ok(large >= 3 && large <= 6 && small >= 190, "%u small ones leave beside %u large ones", small,
	   large);
	fair_free(f);
}

static void everything_comes_back(void)
{
	struct fair *f = fair_new(FLOWS);
	uint32_t most = 0, again = 0;
	struct pkt p;

	for (int round = 0; round < 3; round++) {
		uint32_t kept = 0, taken = 0;

		for (uint32_t flow = 0; flow < FLOWS; flow++) {
			while (put(f, flow, flow, (flow * 331) % 4000))
				kept++;
		}
		while (fair_take(f, &p))
			taken++;
		if (round == 0)
			most = kept;
		again += kept == most && taken == kept;
		fair_done(f);
	}
	ok(again == 3 && f->waiting == 0 && f->left[0] == FAIR_SMALL && f->left[1] == FAIR_LARGE,
	   "every cell is free again: %u packets, three times", most);
	ok(most > FAIR_SMALL / 2 && most <= FAIR_CELLS, "most of them can be used");
	ok(put(f, 1, 7, 65536), "the largest packet has a cell");
	ok(fair_take(f, &p) && p.len == 65536 && p.data[65535] == 7 && p.data - p.start == PKT_HEADROOM,
	   "with headroom to wrap it");
	fair_done(f);
	ok(!fair_take(f, &p), "and then nothing waits");
	fair_free(f);
}

/* ---- path/flow.c ---- */

static uint32_t flow_of(struct fixture *f, enum via via, const void *bytes, size_t len,
			const char *them)
{
	pop_arrive(f, via, bytes, len, them, them ? pop_like(them) : NULL);
	return path_flow(&f->pa, &f->p);
}

static void a_packet_belongs_to_the_tunnel_it_names(void)
{
	struct fixture *f = auth_new();
	uint32_t strangers = path_flows(f->pa.cf->limits) - 1;
	uint8_t six[200], gre[300], signed_one[400];
	static const char t9[] = "2001:db8:2ff:9::2", host[] = "2001:db8:ffff::1";
	size_t len = make_ip6(six, t9, host, 100, 64, PROTO_UDP);

	ok(flow_of(f, VIA_P41, six, len, "203.0.113.200") == 18, "protocol 41 from its endpoint");
	ok(flow_of(f, VIA_P41, six, len, MALLORY) == strangers, "from elsewhere it is a stranger's");
	ok(flow_of(f, VIA_P41, six, 39, "203.0.113.200") == strangers, "as is what is too short");
	ok(flow_of(f, VIA_P41, six, 0, "203.0.113.200") == strangers, "or empty");

	memcpy(gre, "\xb0\0\x86\xdd" "cccckkkkssss", 16);
	memcpy(gre + 16, six, len);
	ok(flow_of(f, VIA_GRE, gre, 16 + len, "203.0.113.200") == 18, "GRE with all its words");
	ok(flow_of(f, VIA_GRE, gre, 12, "203.0.113.200") == strangers, "but not with half of them");

	len = make_ayiya(signed_one, "SHA1", AYIYA_OP_NOOP, 59, POP_WALL_S, BOB, PASSWORD, NULL, 0);
	ok(flow_of(f, VIA_AYIYA, signed_one, len, ALICE) == strangers, "AYIYA of a tunnel that is down");
	give_ayiya(f, signed_one, len, ALICE, 40000);
	ok(flow_of(f, VIA_AYIYA, signed_one, len, ALICE) == 2, "of one that is up, from its endpoint");
	ok(flow_of(f, VIA_AYIYA, signed_one, 23, ALICE) == strangers, "whole");

	len = make_ip6(six, host, t9, 100, 64, PROTO_UDP);
	ok(flow_of(f, VIA_TUN, six, len, NULL) == 19, "from the uplink, towards a tunnel");
	len = make_ip6(six, host, "2001:db8:2ff:700::2", 100, 64, PROTO_UDP);
	ok(flow_of(f, VIA_TUN, six, len, NULL) == strangers, "towards nobody");
}

static void what_is_shed_is_counted_on_its_tunnel(void)
{
	struct fixture *f = auth_new();
	uint64_t *sum = &f->pa.me->verdict[DROP_QUEUE_SHARE];

	path_shed(&f->pa, 18, 1);
	path_shed(&f->pa, 19, 1);
	path_shed(&f->pa, path_flows(f->pa.cf->limits) - 1, 1);
	ok(*sum == 3 && f->region.table.errors[9].verdict[DROP_QUEUE_SHARE] == 2,
	   "two of three were the tunnel's");
	path_share(&f->pa, 0, 2);
	path_shed(&f->pa, 18, 1);
	ok(*sum == 4 && f->region.table.errors[9].verdict[DROP_QUEUE_SHARE] == 2,
	   "the record of another worker's tunnel is left alone");
}

int main(void)
{
	a_flood_does_not_starve_the_others();
	two_floods_get_the_same();
	turns_are_paid_in_octets();
	everything_comes_back();
	a_packet_belongs_to_the_tunnel_it_names();
	what_is_shed_is_counted_on_its_tunnel();
	return tap_done();
}
