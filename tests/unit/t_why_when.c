/* tests/unit/t_why_when.c - when a cause is told, when it is over, and which of several comes first */
#include "why.h"

/* ---- silence ---- */

static void silence_has_its_time(void)
{
	fresh();
	is_down();
	why();
	ok(says("went down at 2023-11-15 21:08:40 UTC, 64 min ago") &&
	   says("for 120 s nothing signed had come from the client") && shows("198.51.100.19 port 40001") &&
	   shows("21:06:40 UTC, 66 min ago"), "down: since when, why, and who was heard last");
	down(7200, false);
	heard(7230, 100);
	why();
	ok(says("its configuration was changed then"), "down sooner than silence allows: it was a command");
	down(60, false);
	why();
	ok(says("its configuration was changed then"), "and later than it, too: it was disabled until then");

	fresh();
	is_down();
	heard(-3600, 100);
	why();
	ok(says("nothing signed had come from the client") && shows("before the clock was set back"),
	   "a clock set back does not change why the tunnel is down");
	refused(DROP_AYIYA_DIGEST, 40, 2);
	why();
	ok(first(CAUSE_WRONG_PASSWORD) && !finding(CAUSE_STRANGERS), "and hides no refusal");

	fresh();
	gets_nothing();
	why();
	ok(says("since 2023-11-15 21:13:20 UTC, 60 min ago") && shows("last packet from the client at"),
	   "nothing from the uplink: since when");
	traffic(2, 2, NEVER);
	why();
	ok(first(CAUSE_UPLINK_SILENT) && says("since the daemon started") && shows("the daemon started at"),
	   "or since the daemon started, and when that was");
	traffic(2, 2, 299);
	why();
	ok(first(CAUSE_TUNNEL_WELL), "299 s are no silence");
	traffic(2, 2, NEVER);
	story_since(&tb()->story[T], false, (wall_t){ ago(20) });
	why();
	ok(first(CAUSE_TUNNEL_WELL), "nor is it for a tunnel that came up 20 s ago");

	fresh();
	sends_nothing();
	why();
	ok(first(CAUSE_CLIENT_SILENT) && shows("last packet from it at 2023-11-15 22:06:40 UTC, 6 min ago"),
	   "nothing from the client: since when");
	probes(30, ~UINT64_C(0), 30, 1000, 1000);
	traffic(30, 400, 2);
	why();
	ok(first(CAUSE_TUNNEL_WELL), "one that answers pings is no silent one");

	fresh();
	is_filtered();
	traffic(400, 400, 5);
	why();
	ok(first(CAUSE_BEATS_NO_DATA) && says("protocol 41 is filtered") && !finding(CAUSE_CLIENT_SILENT) &&
	   shows("29 of our last 29"), "heartbeats and no data: said once");
	heard(10, 30);
	probes(0, 0, 0, 0, 0);
	traffic(NEVER, NEVER, NEVER);
	why();
	ok(first(CAUSE_IDLE), "where nothing was sent to the client either, that is not known");
}

static void a_prefix_may_be_silent(void)
{
	fresh();
	prefix_is_silent();
	why_of_pop();
	ok(first(CAUSE_PREFIX_SILENT) && says("for 2001:db8:2ff::/48 since 2023-11-15 21:13:20 UTC, 60 min ago"),
	   "nothing arrives for a prefix: which, and since when");
	pop_at_work();
	tb()->worker[0].prefix_in_s[1] = 0;
	why_of_pop();
	ok(first(CAUSE_PREFIX_SILENT) && says("2001:db8:3000::/40 since the daemon started"),
	   "the same of subnets");
	tb()->worker[3].prefix_in_s[1] = ago(1);
	why_of_pop();
	ok(first(CAUSE_POP_WELL), "any worker may have got it");
	tb()->worker[0].prefix_in_s[2] = 0;
	why_of_pop();
	ok(first(CAUSE_POP_WELL), "a prefix that nobody has a subnet of may be silent");
	tb()->worker[0].prefix_in_s[0] = 0;
	f->region.head->started_s = ago(20);
	why_of_pop();
	ok(first(CAUSE_POP_WELL), "and so may all, 20 s after the start");
}

/* ---- strays, and what is over ---- */

static void a_stray_is_not_the_cause(void)
{
	fresh();
	is_well();
	refused(DROP_AYIYA_DIGEST, 1, 0);
	why();
	ok(first(CAUSE_TUNNEL_WELL) && finding(CAUSE_STRANGERS), "one bad signature a second after a good one");
	refused(DROP_AYIYA_DIGEST, 5, 0);
	heard(20, 100);
	why();
	ok(first(CAUSE_WRONG_PASSWORD), "six, and nothing good for 20 s");
	heard(0, 100);
	why();
	ok(first(CAUSE_TUNNEL_WELL), "good ones are back");

	fresh();
	tunnel(KIND_AYIYA);
	refused(DROP_AYIYA_DIGEST, 1, 3);
	refused(DROP_AYIYA_CLOCK, 40, 2);
	why();
	ok(first(CAUSE_CLOCK_OFF) && !finding(CAUSE_WRONG_PASSWORD), "what comes all the time outranks a stray");
	refused(DROP_AYIYA_DIGEST, 40, 4000);
	refused(DROP_AYIYA_CLOCK, 1, 2);
	why();
	ok(first(CAUSE_CLOCK_OFF) && !finding(CAUSE_WRONG_PASSWORD), "and what comes now what came an hour ago");

	fresh();
	tunnel(KIND_AYIYA);
	refused(DROP_AYIYA_DIGEST, 1, 7 * 86400);
	why();
	ok(first(CAUSE_WRONG_PASSWORD) && shows("7 days ago"), "of a tunnel never heard else a single one says all");
}

static void what_is_over_is_not_told(void)
{
	fresh();
	has_strangers();
	heard(1, 100);
	story_verdict(&tb()->story[T], DROP_AYIYA_DIGEST, (wall_t){ ago(151) });
	why();
	ok(first(CAUSE_TUNNEL_WELL) && d.n == 1, "a stranger two and a half minutes ago");

	fresh();
	has_transfer_source();
	traffic(1, 1, 1);
	why();
	ok(first(CAUSE_TRANSFER_SOURCE), "a wrong source among good ones");
	f->pa.wall.s += 29;
	f->pa.now.us += 29 * (int64_t)US_PER_S;
	traffic(0, 0, 0);
	why();
	ok(first(CAUSE_TUNNEL_WELL) && d.n == 1, "half a minute of good ones alone: mended");

	fresh();
	gets_icmp();
	traffic(1, 1, 2);
	why();
	ok(first(CAUSE_OUTER_ICMP), "an ICMP error, and the client sends on");
	traffic(1, 1, 1);
	tb()->tunnel[T].last_out_s = ago(-4);
	why();
	ok(first(CAUSE_TUNNEL_WELL), "what we sent since was not answered with another");

	fresh();
	is_limited();
	pop_edit(f);
	why();
	ok(first(CAUSE_RATE_LIMITED), "limited");
	story_verdict(&tb()->story[T], DROP_RATE_TO, (wall_t){ ago(151) });
	why();
	ok(first(CAUSE_TUNNEL_WELL), "and no more");

	fresh();
	loses();
	struct config *cf = pop_edit(f);

	cf->head->latency_interval_s = 0;
	pop_apply(f);
	why();
	ok(first(CAUSE_TUNNEL_WELL) && d.n == 1, "a latency test that was switched off says nothing any more");

	fresh();
	suffers();
	why();
	ok(first(CAUSE_POP_TROUBLE), "a queue was full a moment ago");
	tb()->worker[1].verdict_s[DROP_QUEUE_SOCKET] = (uint32_t)ago(151);
	why();
	ok(first(CAUSE_TUNNEL_WELL), "a while ago: for this tunnel it is over");
	why_of_pop();
	ok(finding(CAUSE_QUEUE_DROPS) != NULL, "and of the PoP it is still told");
	tb()->worker[1].verdict_s[DROP_QUEUE_SOCKET] = 0;
	worker_dropped(DROP_QUEUE_SHARE, 100, 1);
	why();
	ok(first(CAUSE_TUNNEL_WELL), "who sends beyond a share is another tunnel");

	fresh();
	keeps_moving();
	f->pa.wall.s += 3400;
	traffic(1, 1, 1);
	heard(1, 100);
	why();
	ok(first(CAUSE_TUNNEL_WELL), "an hour ago it moved a lot");

	fresh();
	loses();
	probes(60, UINT64_C(0x7777777777777fff), 40, 10000, 10000);
	why();
	ok(first(CAUSE_TUNNEL_WELL), "of the last ten probes none was lost");
	probes(60, UINT64_C(0xfffffffffffffff7), 59, 10000, 10000);
	why();
	ok(first(CAUSE_TUNNEL_WELL), "one lost probe is no loss");
}

/* ICMP of protocol 41 to @them, as routers quote it. */
static void complained(uint8_t type, uint8_t code, const char *router, const char *them)
{
	struct {
		uint8_t		icmp[8];
		struct ip4_hdr	ip;
	} e = { .icmp = { type, code }, .ip = { .vihl = 0x45 } };
	struct ip6_addr a = address(them);

	e.ip.dst = addr_to_ip4_wire(&a);
	sample(CONSUMED_OUTER_ICMP, 2, router, &e, sizeof(e));
}

static void what_the_configuration_mended_is_not_told(void)
{
	struct config *cf;

	fresh();
	has_wrong_address();
	edit(&cf)->them = address(elsewhere());
	pop_apply(f);
	why();
	ok(!finding(CAUSE_WRONG_ADDRESS), "packets came from where they now should");

	fresh();
	tunnel(KIND_STATIC);
	up(TYPE_DIRECT);
	traffic(60, 60, 60);
	complained(3, 1, "203.0.113.1", client());
	why();
	ok(first(CAUSE_OUTER_ICMP) && says("The router 203.0.113.1 answers our packets to 198.51.100.19 with \"host "
					   "unreachable\""), "a router complains");
	complained(3, 1, "203.0.113.1", elsewhere());
	why();
	ok(!finding(CAUSE_OUTER_ICMP), "about another address than the client's of now");
	complained(3, 3, client(), client());
	why();
	ok(first(CAUSE_OUTER_ICMP) && says("The client's own host 198.51.100.19") &&
	   strstr(d.finding[0].remedy, "bring its tunnel interface up"),
	   "port unreachable about protocol 41: there is no tunnel interface");
	up(TYPE_AYIYA);
	why();
	ok(strstr(d.finding[0].remedy, "the client's program does not run"), "about AYIYA: no program");

	fresh();
	is_black_hole();
	why();
	ok(first(CAUSE_PMTU_BLACK_HOLE), "who does not heed");
	tb()->story[T].story.big.bytes = 1480;
	why();
	ok(first(CAUSE_TUNNEL_WELL), "what would fit now is not too big");
}

static void who_probes_the_path_again_heeds(void)
{
	struct ip6_addr a = address(elsewhere()), b = address("2001:db8:2ff:9::2");

	fresh();
	is_well();
	for (int i = 5; i >= 0; i--)
		story_too_big(&tb()->story[T], &a, &b, 1500, 1480, (wall_t){ ago(600 * i) });
	refused(DROP_TOO_BIG, 6, 0);
	why();
	ok(first(CAUSE_TUNNEL_WELL), "too big once in ten minutes is a sender that looks for a wider path");
}

static void two_clients_are_told_from_a_nat(void)
{
	fresh();
	keeps_moving();
	why();
	ok(says("port changed 6 times within 11 min: a NAT"), "ports alone: a NAT");
	for (uint16_t i = 0; i < 8; i++)
		moved(i % 2 ? client() : elsewhere(), 40000, 80 - 10 * i);
	why();
	ok(says("address changed at least 7 times within 80 s: it goes back and forth, so two clients"),
	   "to and fro between two addresses: two clients");
}

/* ---- the PoP's troubles and a tunnel ---- */

static void only_what_it_needs_breaks_a_tunnel(void)
{
	struct outside o = host();

	fresh();
	is_well();
	o.link[3].up = 0;	/* of IPv6, and the client's is IPv4 */
	on_host(o);
	why();
	ok(first(CAUSE_TUNNEL_WELL), "an interface that leads elsewhere");
	o = host();
	o.link[2].up = 0;
	on_host(o);
	why();
	ok(first(CAUSE_POP_BROKEN) && says("The interface eth2, which has the PoP's IPv4 address, is down."),
	   "the one it needs");
	o = host();
	o.link[o.links] = (struct outside_link){ .name = "eth9", .role = ROLE_PORT };
	o.links++;
	on_host(o);
	why();
	ok(first(CAUSE_TUNNEL_WELL), "one of the fast path: packets have another way");
	why_of_pop();
	ok(finding(CAUSE_LINK_DOWN), "that the PoP does miss");
	o = host();
	memcpy(o.link[3].name, o.link[2].name, sizeof(o.link[2].name));
	o.link[2].up = o.link[3].up = 0;
	on_host(o);
	why_of_pop();
	ok(d.finding[0].cause == CAUSE_LINK_DOWN && d.finding[1].cause != CAUSE_LINK_DOWN,
	   "an interface with two roles is told once");
}

static void too_many_findings_lose_the_lightest(void)
{
	unsigned int heaviest = 0;

	fresh();
	has_wrong_key();
	for (enum verdict v = VERDICT_FIRST_DROP; v < VERDICT_COUNT; v++)
		refused(v, 3, 0);
	is_black_hole();
	up(TYPE_DIRECT);
	probes(60, 0x70, 40, 1000, 900000);
	for (uint16_t i = 0; i < 8; i++)
		moved(client(), 1 + i, 8 - i);
	worker_dropped(DROP_QUEUE_SOCKET, 1, 1);
	host_does_not_forward();
	why();
	for (unsigned int c = 0; c < CAUSES; c++)
		heaviest += finding((enum cause)c) != NULL;
	ok(d.n <= WHY_FINDINGS && heaviest == d.n && first(CAUSE_POP_BROKEN), "%u findings at once", d.n);

	struct outside o = host();

	o.links = OUTSIDE_LINKS;
	for (uint32_t i = 0; i < OUTSIDE_LINKS; i++) {
		o.link[i] = (struct outside_link){ .role = ROLE_PORT };
		snprintf(o.link[i].name, sizeof(o.link[i].name), "eth%u", (unsigned int)i);
	}
	pop_at_work();
	o.forwarding6 = o.clock_synchronised = OUTSIDE_NO;
	on_host(o);
	worker_dropped(DROP_BEAT_UNKNOWN, 1, 1);
	why_of_pop();
	ok(d.n == WHY_FINDINGS && first(CAUSE_FORWARDING_OFF) && !finding(CAUSE_UNKNOWN_CLIENTS) &&
	   d.finding[d.n - 1].cause == CAUSE_LINK_DOWN, "more than fit: the lightest are left out");
}

static void a_fresh_pop_is_well(void)
{
	if (f)
		pop_free(f);
	f = pop_new(NULL);
	why_of_pop();
	ok(d.finding[d.n - 1].cause != CAUSE_PREFIX_SILENT && !finding(CAUSE_PREFIX_SILENT) &&
	   !finding(CAUSE_LINK_DOWN), "just started, and nothing known of the host: no alarm");
}

int main(void)
{
	silence_has_its_time();
	a_prefix_may_be_silent();
	a_stray_is_not_the_cause();
	what_is_over_is_not_told();
	what_the_configuration_mended_is_not_told();
	who_probes_the_path_again_heeds();
	two_clients_are_told_from_a_nat();
	only_what_it_needs_breaks_a_tunnel();
	too_many_findings_lose_the_lightest();
	a_fresh_pop_is_well();
	return answers_were_good();
}
