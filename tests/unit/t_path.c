/* What path_run() does beside forwarding: counts, samples, rates, traces, configurations. */
#include "pop.h"

#define WHO	"2001:db8:ffff::1"
#define T1	"2001:db8:2ff:1::2"
#define T2	"2001:db8:2ff:2::2"

static bool traffic_is(const struct traffic *t, uint64_t in, uint64_t in_octets, uint64_t out,
		       uint64_t out_octets)
{
	return t->in_packets == in && t->in_octets == in_octets && t->out_packets == out &&
	       t->out_octets == out_octets;
}

static void accounting(void)
{
	struct fixture *f = pop_new(NULL);
	uint8_t bytes[200];
	const struct traffic *t1 = &pop_tunnel(f, 1)->traffic, *t2 = &pop_tunnel(f, 2)->traffic;
	const struct traffic *up = &f->pa.me->uplink, *total = &f->pa.me->total;

	make_ip6(bytes, WHO, T1, 100, 64, PROTO_UDP);
	pop_give(f, VIA_TUN, bytes, 100, NULL, NULL);
	ok(traffic_is(up, 1, 100, 0, 0) && traffic_is(t1, 0, 0, 1, 120) &&
	           traffic_is(total, 1, 100, 1, 120),
	   "towards a tunnel: inner octets in, outer octets out");
	ok(pop_tunnel(f, 1)->last_out_s == POP_WALL_S && pop_tunnel(f, 1)->last_in_s == 0,
	   "and when it was");

	make_ip6(bytes, T1, T2, 100, 64, PROTO_UDP);
	pop_give(f, VIA_P41, bytes, 130, "198.51.100.7", pop_v4);
	ok(traffic_is(t1, 1, 100, 1, 120) && traffic_is(t2, 0, 0, 1, 120) &&
	   traffic_is(up, 1, 100, 0, 0) && traffic_is(total, 2, 200, 2, 240),
	   "hairpin: both tunnels, trailing octets are nobody's traffic");

	make_ip6(bytes, T1, WHO, 100, 64, PROTO_UDP);
	pop_give(f, VIA_P41, bytes, 100, "198.51.100.7", pop_v4);
	ok(traffic_is(t1, 2, 200, 1, 120) && traffic_is(up, 1, 100, 1, 100),
	   "from a tunnel to the uplink");

	make_ip6(bytes, "2001:db8:2ff:1::3", WHO, 100, 64, PROTO_UDP);
	pop_give(f, VIA_P41, bytes, 100, "198.51.100.7", pop_v4);
	ok(traffic_is(t1, 3, 300, 1, 120), "in counts on acceptance, before the source check");

	make_ip6(bytes, T1, WHO, 100, 64, PROTO_UDP);
	pop_give(f, VIA_P41, bytes, 100, "203.0.113.66", pop_v4);
	ok(traffic_is(t1, 3, 300, 1, 120) && traffic_is(total, 4, 400, 3, 340),
	   "what was not accepted is no traffic");
	pop_free(f);
}

/* Sums over tunnels by their present type would fall when one changes its type. */
static void a_transports_counters_stay(void)
{
	struct fixture *f = pop_new(NULL);
	uint8_t bytes[200];
	const struct traffic *by = f->pa.me->transport;
	struct config *cf;

	make_ip6(bytes, T1, WHO, 100, 64, PROTO_UDP);
	pop_give(f, VIA_P41, bytes, 100, "198.51.100.7", pop_v4);
	make_ip6(bytes, WHO, T1, 100, 64, PROTO_UDP);
	pop_give(f, VIA_TUN, bytes, 100, NULL, NULL);
	ok(traffic_is(&by[TYPE_DIRECT], 1, 100, 1, 120), "traffic counts for the tunnel's transport");
	pop_touch(f, cf = pop_edit(f), 1)->encap = ENCAP_GRE;
	pop_apply(f);
	make_ip6(bytes, WHO, T1, 100, 64, PROTO_UDP);
	pop_give(f, VIA_TUN, bytes, 100, NULL, NULL);
	ok(traffic_is(&by[TYPE_DIRECT], 1, 100, 1, 120) && traffic_is(&by[TYPE_GRE], 0, 0, 1, 124),
	   "when that changes, what was counted stays where it was");
	make_ip6(bytes, T2, T1, 100, 64, PROTO_UDP);
	pop_give(f, VIA_P41, bytes, 100, "198.51.100.8", pop_v4);
	ok(traffic_is(&by[TYPE_DIRECT], 2, 200, 1, 120) && traffic_is(&by[TYPE_GRE], 0, 0, 2, 248) &&
	   traffic_is(&by[TYPE_AYIYA], 0, 0, 0, 0) && traffic_is(&by[TYPE_NONE], 0, 0, 0, 0),
	   "a packet between two tunnels comes by one and leaves by the other");
	pop_free(f);
}

static void error_sample(void)
{
	struct fixture *f = pop_new(NULL);
	uint8_t bytes[200];
	struct ip6_addr spoofed = address("2001:db8:2ff:1::3"), stranger = address("203.0.113.66");
	struct error_sample s;

	make_ip6(bytes, "2001:db8:2ff:1::3", WHO, 150, 64, PROTO_UDP);
	pop_give(f, VIA_P41, bytes, 170, "198.51.100.7", pop_v4);
	s = tunnel_error(&f->region.table.errors[1].record[ERR_SOURCE6]);
	ok(s.at_s == POP_WALL_S && addr_eq(&s.source, &spoofed) && s.real_len == 150 &&
	   s.kept == ERROR_SAMPLE_BYTES && memcmp(s.bytes, bytes, ERROR_SAMPLE_BYTES) == 0 &&
	   s.verdict == DROP_IP6_SOURCE_TRANSFER,
	   "the last offending packet is kept: when, who, how long, its first octets");

	make_ip6(bytes, T1, WHO, 100, 64, PROTO_UDP);
	pop_give(f, VIA_P41, bytes, 100, "203.0.113.66", pop_v4);
	s = tunnel_error(&f->region.table.errors[1].record[ERR_OUTER_SOURCE]);
	ok(addr_eq(&s.source, &stranger) && s.kept == 100 && memcmp(s.bytes, bytes, 100) == 0,
	   "of a packet that was not accepted the outer source is kept");
	pop_free(f);
}

/* A burst at one moment, then what a second brings. */
static void rates(void)
{
	struct fixture *f = pop_new(NULL);
	struct config *cf = pop_edit(f);
	uint8_t bytes[1000];
	size_t passed = 0;

	pop_touch(f, cf, 1)->rate_pps = 1000;
	pop_touch(f, cf, 2)->rate_kbit_s = 800;		/* 100,000 octets a second */
	pop_apply(f);

	make_ip6(bytes, T1, WHO, 1000, 64, PROTO_UDP);
	for (int i = 0; i < 1000; i++)
		passed += pop_give(f, VIA_P41, bytes, 1000, "198.51.100.7", pop_v4) == SENT_UPLINK;
	ok(passed == 100 && pop_errors(f, 1, ERR_RATE) == 900,
	   "H7: 100 ms worth of packets at once: %zu", passed);
	pop_pass_time(f, 10 * US_PER_MS);
	passed = 0;
	for (int i = 0; i < 100; i++)
		passed += pop_give(f, VIA_P41, bytes, 1000, "198.51.100.7", pop_v4) == SENT_UPLINK;
	ok(passed == 10, "then as the rate says: %zu in 10 ms", passed);

	make_ip6(bytes, WHO, T1, 1000, 64, PROTO_UDP);
	ok(pop_give(f, VIA_TUN, bytes, 1000, NULL, NULL) == SENT_TUNNEL,
	   "the other way has its own bucket");

	passed = 0;
	make_ip6(bytes, WHO, T2, 1000, 64, PROTO_UDP);
	for (int i = 0; i < 100; i++)
		passed += pop_give(f, VIA_TUN, bytes, 1000, NULL, NULL) == SENT_TUNNEL;
	ok(passed == 10 && pop_verdicts(f, DROP_RATE_TO) == 90,
	   "octets towards a tunnel likewise: %zu", passed);

	pop_touch(f, cf = pop_edit(f), 2)->rate_kbit_s = 1;
	pop_apply(f);
	pop_pass_time(f, 100 * (int64_t)US_PER_S);
	static uint8_t jumbo[9000];
	make_ip6(jumbo, T2, WHO, 9000, 64, PROTO_UDP);
	ok(pop_give(f, VIA_P41, jumbo, 9000, "198.51.100.8", pop_v4) == SENT_UPLINK &&
	   pop_give(f, VIA_P41, jumbo, 9000, "198.51.100.8", pop_v4) == DROP_RATE_FROM,
	   "a packet larger than the bucket empties it, and is not locked out for ever");

	pop_touch(f, cf = pop_edit(f), 2)->rate_pps = 10;
	pop_apply(f);
	pop_pass_time(f, 100 * (int64_t)US_PER_S);
	make_ip6(bytes, T2, WHO, 1000, 64, PROTO_UDP);
	ok(pop_give(f, VIA_P41, bytes, 1000, "198.51.100.8", pop_v4) == SENT_UPLINK &&
	   pop_give(f, VIA_P41, bytes, 1000, "198.51.100.8", pop_v4) == DROP_RATE_FROM,
	   "both limits at once: the narrower one decides");

	/* now octets refuse first: that may not cost a packet's token */
	pop_touch(f, cf = pop_edit(f), 2)->rate_pps = 20;
	pop_apply(f);
	pop_pass_time(f, 100 * (int64_t)US_PER_S);
	ok(pop_give(f, VIA_P41, bytes, 1000, "198.51.100.8", pop_v4) == SENT_UPLINK &&
	   pop_give(f, VIA_P41, bytes, 1000, "198.51.100.8", pop_v4) == DROP_RATE_FROM,
	   "two packets a burst, but not the octets for both");
	make_ip6(bytes, T2, WHO, 100, 64, PROTO_UDP);
	ok(pop_give(f, VIA_P41, bytes, 100, "198.51.100.8", pop_v4) == SENT_UPLINK,
	   "what one bucket refused costs nothing in the other");
	pop_free(f);
}

/* RFC 5095, and H4: where it may hide */
static size_t with_headers(uint8_t *at, size_t n, uint8_t kind, uint8_t last)
{
	size_t len = make_ip6(at, T1, WHO, 40 + 8 * n + 20, 64, n ? kind : last);

	for (size_t i = 0; i < n; i++) {
		uint8_t *x = at + 40 + 8 * i;

		memset(x, 0, 8);
		x[0] = i + 1 < n ? kind : last;
	}
	return len;
}

static void extension_headers(void)
{
	struct fixture *f = pop_new(NULL);
	uint8_t bytes[400];
	size_t len = with_headers(bytes, 1, PROTO_ROUTING, PROTO_UDP);

	ok(pop_give(f, VIA_P41, bytes, len, "198.51.100.7", pop_v4) == DROP_IP6_RH0,
	   "H3: RH0 is dropped");
	bytes[42] = 4;
	ok(pop_give(f, VIA_P41, bytes, len, "198.51.100.7", pop_v4) == SENT_UPLINK,
	   "a segment routing header is not");
	len = with_headers(bytes, 8, PROTO_DSTOPTS, PROTO_UDP);
	ok(pop_give(f, VIA_P41, bytes, len, "198.51.100.7", pop_v4) == SENT_UPLINK,
	   "H4: 8 headers pass");
	len = with_headers(bytes, 9, PROTO_DSTOPTS, PROTO_UDP);
	ok(pop_give(f, VIA_P41, bytes, len, "198.51.100.7", pop_v4) == DROP_IP6_EXTENSIONS &&
	   pop_errors(f, 1, ERR_MALFORMED) == 1, "H4: 9 do not, and are counted");
	len = with_headers(bytes, 1, PROTO_HOPOPTS, PROTO_UDP);
	bytes[4] = bytes[5] = 0;	/* a jumbogram says 0 here */
	ok(pop_give(f, VIA_P41, bytes, len, "198.51.100.7", pop_v4) == DROP_IP6_EXTENSIONS,
	   "a jumbogram is not carried");
	pop_free(f);
}

/* D10: forwarded length is what the packet says, never what came with it. */
static void trailing_octets(void)
{
	struct fixture *f = pop_new(NULL);
	uint8_t bytes[400];
	size_t wrong = 0;

	make_ip6(bytes, T1, WHO, 100, 64, PROTO_UDP);
	for (size_t len = 100; len <= 400; len++)
		wrong += pop_give(f, VIA_P41, bytes, len, "198.51.100.7", pop_v4) != SENT_UPLINK ||
			 f->p.len != 100;
	ok(wrong == 0, "D10: 0 to 300 trailing octets: 100 octets are forwarded");
	pop_free(f);
}

static bool has_note(const struct fixture *f, enum note_kind what)
{
	for (uint8_t i = 0; i < f->p.notes; i++) {
		if (f->p.note[i].what == what)
			return true;
	}
	return false;
}

static void traces(void)
{
	struct fixture *f = pop_new(NULL);
	struct config *cf = pop_edit(f);
	uint8_t bytes[100];

	pop_touch(f, cf, 2)->flags |= TUNNEL_DEBUG;
	pop_apply(f);
	make_ip6(bytes, T1, WHO, 100, 64, PROTO_UDP);
	pop_give(f, VIA_P41, bytes, 100, "198.51.100.7", pop_v4);
	ok(!f->p.traced, "a packet of tunnels without debug is not traced");
	make_ip6(bytes, T1, T2, 100, 64, PROTO_UDP);
	pop_give(f, VIA_P41, bytes, 100, "198.51.100.7", pop_v4);
	ok(f->p.traced && has_note(f, NOTE_FROM_P41) && has_note(f, NOTE_TUNNEL_IS) &&
	   has_note(f, NOTE_SOURCE_OK) && has_note(f, NOTE_TO_TUNNEL) && has_note(f, NOTE_MTU) &&
	   has_note(f, NOTE_HOP) && has_note(f, NOTE_ENCAP_DIRECT),
	   "one that touches a tunnel under debug is, with every decision");
	make_ip6(bytes, T2, T1, 100, 64, PROTO_UDP);
	pop_give(f, VIA_TUN, bytes, 100, NULL, NULL);
	ok(f->p.traced, "also one that is only charged to it");
	pop_free(f);
}

static void captures(void)
{
	struct fixture *f = pop_new(NULL);
	struct config *cf = pop_edit(f);
	uint8_t bytes[100];

	pop_touch(f, cf, 2)->flags |= TUNNEL_CAPTURE;
	pop_apply(f);
	make_ip6(bytes, T1, WHO, 100, 64, PROTO_UDP);
	pop_give(f, VIA_P41, bytes, 100, "198.51.100.7", pop_v4);
	ok(!f->p.captured, "a packet of other tunnels is not captured");
	make_ip6(bytes, T1, T2, 100, 64, PROTO_UDP);
	pop_give(f, VIA_P41, bytes, 100, "198.51.100.7", pop_v4);
	ok(f->p.captured && f->p.verdict == SENT_TUNNEL && !f->p.traced,
	   "one that goes to a captured tunnel is, and says what became of it");
	pop_edit(f)->head->capture_all = 1;
	pop_apply(f);
	make_ip6(bytes, T1, WHO, 100, 64, PROTO_UDP);
	pop_give(f, VIA_P41, bytes, 100, "198.51.100.7", pop_v4);
	ok(f->p.captured, "when all is captured, every one is");
	pop_give(f, VIA_PROTO4, bytes, 100, "203.0.113.7", pop_v4);
	ok(f->p.captured && f->p.verdict == DROP_PROTO4 && f->p.from == TID_NONE,
	   "a stranger's too");
	pop_free(f);
}

/* path_adopt(): nothing that did not change may show (sixxsd-config.md 6). */
static void adopting(void)
{
	struct fixture *f = pop_new(NULL);
	struct tunnel before = *pop_tunnel(f, 1);
	struct config *cf = pop_edit(f);

	ok(f->pa.me->seen_revision == 1, "the worker says which configuration it has moved to");
	pop_static(f, cf, 9, "198.51.100.30", 1280, 0);
	pop_apply(f);
	ok(pop_tunnel(f, 9)->ep.state == STATE_UP && f->pa.me->seen_revision == 2,
	   "a new tunnel is up");
	ok(memcmp(&before, pop_tunnel(f, 1), sizeof(before)) == 0 && f->pa.events == 0,
	   "the others did not notice");

	cf = pop_edit(f);
	for (uint16_t tid = 100; tid < 200; tid++)
		pop_static(f, cf, tid, "198.51.100.30", 1280, 0);
	pop_apply(f);
	ok(pop_tunnel(f, 100)->ep.state == STATE_UP && pop_tunnel(f, 199)->ep.state == STATE_UP,
	   "more changes than the list holds are all taken over");

	/* a worker that was busy while two configurations were published */
	pop_static(f, pop_edit(f), 300, "198.51.100.31", 1280, 0);
	region_publish(&f->region);
	pop_static(f, pop_edit(f), 301, "198.51.100.31", 1280, 0);
	pop_apply(f);
	ok(pop_tunnel(f, 300)->ep.state == STATE_UP && pop_tunnel(f, 301)->ep.state == STATE_UP,
	   "nor is one lost to a worker that skipped a revision");
	pop_free(f);
}

int main(void)
{
	accounting();
	a_transports_counters_stay();
	error_sample();
	rates();
	extension_headers();
	trailing_octets();
	traces();
	captures();
	adopting();
	return tap_done();
}
