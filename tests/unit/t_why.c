/*
 * tests/unit/t_why.c - the answers of `tunnel why` and `pop why`, from a region filled with times
 *
 * tests/netns/test_80_why.py has real clients do the wrong thing; here is what takes minutes there,
 * every cause once more, with short and with the longest words, and how findings are ordered.
 */
#include "pop.h"

#include "wire/icmp4.h"
#include "why/why.h"

enum { T = 9 };

static struct fixture *f;
static struct diagnosis d;
static enum why_reader reader = WHY_OPERATOR;
static bool longest;		/* names, numbers and addresses as long as they get */
static bool produced[CAUSES];
static bool all_fit = true, all_in_order = true, all_once = true;

static const char *client(void)
{
	return longest ? "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff" : "198.51.100.19";
}

static const char *elsewhere(void)
{
	return longest ? "2001:db8:ffff:eeee:eeee:eeee:eeee:eeee" : "203.0.113.9";
}

static uint64_t many(uint64_t few)
{
	return longest ? UINT64_MAX : few;
}

static struct table *tb(void)
{
	return &f->region.table;
}

/* ---- the state ---- */

/* A PoP that has run for a day. */
static void fresh(void)
{
	if (f)
		pop_free(f);
	f = pop_new(NULL);
	pop_pass_time(f, 86400 * (int64_t)US_PER_S);

	struct config *cf = pop_edit(f);

	cf->head->latency_interval_s = 60;
	pop_apply(f);
}

static int64_t ago(int64_t s)
{
	return f->pa.wall.s - s;
}

static struct tunnel_conf *edit(struct config **cf)
{
	*cf = pop_edit(f);
	return pop_touch(f, *cf, T);
}

static void tunnel(enum tunnel_kind kind)
{
	struct config *cf;
	struct tunnel_conf *c = edit(&cf);

	c->kind = (uint8_t)kind;
	c->id = longest ? UINT32_MAX : T;
	c->mtu_bytes = 1480;
	c->flags = kind == KIND_STATIC ? 0 : TUNNEL_SECRET;
	if (kind == KIND_STATIC)
		c->them = address(client());
	pop_apply(f);
}

/* An endpoint, up since long ago. */
static void up(enum tunnel_type type)
{
	struct endpoint ep = { .them = address(client()), .us = address(longest ? pop_v6 : pop_v4),
			       .state = STATE_UP, .type = (uint8_t)type,
			       .them_port = type == TYPE_AYIYA ? 40001 : 0 };

	tunnel_commit(tb(), T, &ep);
	story_since(&tb()->story[T], (wall_t){ ago(7200) });
}

static void down(int64_t since)
{
	struct endpoint ep = tb()->tunnel[T].ep;

	ep.state = STATE_DOWN;
	tunnel_commit(tb(), T, &ep);
	story_since(&tb()->story[T], (wall_t){ ago(since) });
}

static void heard(int64_t beat, uint64_t beats)
{
	tb()->tunnel[T].last_beat_s = ago(beat);
	tb()->cold[T].beats = many(beats);
}

/* Each this many seconds ago. */
static void traffic(int64_t in, int64_t data_in, int64_t data_out)
{
	struct tunnel *t = &tb()->tunnel[T];

	t->last_in_s = in < 0 ? 0 : ago(in);
	t->data_in_s = data_in < 0 ? 0 : ago(data_in);
	t->data_out_s = t->last_out_s = data_out < 0 ? 0 : ago(data_out);
}

enum { NEVER = -1 };

static void sample(enum verdict v, int64_t at, const char *source, const void *bytes, size_t len)
{
	struct error_record *r = &tb()->errors[T].record[verdict_info[v].error];
	struct error_sample s = { .at_s = ago(at), .source = address(source), .real_len = (uint32_t)len,
				  .kept = (uint16_t)min_size(len, ERROR_SAMPLE_BYTES),
				  .verdict = (uint16_t)v };

	memcpy(s.bytes, bytes, s.kept);
	count_add(&r->count, many(1));
	seq_write(&r->seq, &r->last, &s, sizeof(s));
}

/* @n packets of it, the last @at seconds ago, as account() leaves them. */
static void dropped(enum verdict v, unsigned int n, int64_t at, const char *source, const void *bytes,
		    size_t len)
{
	struct drop one = { .verdict = (uint16_t)v, .from = T, .to = TID_NONE, .blame = TID_NONE,
			    .via = VIA_P41, .them = address(source), .len = (uint32_t)len,
			    .kept = (uint16_t)min_size(len, DROP_BYTES),
			    .at = { f->pa.now.us - at * (int64_t)US_PER_S } };

	memcpy(one.bytes, bytes, one.kept);
	for (unsigned int i = 0; i < n; i++)
		recorder_put(&tb()->recorder[0], &one);
	count_add(&tb()->errors[T].verdict[v], many(n));
	story_verdict(&tb()->story[T], v, (wall_t){ ago(at) });
	if (verdict_info[v].error != ERR_NONE)
		sample(v, at, source, bytes, len);
}

static void refused(enum verdict v, unsigned int n, int64_t at)
{
	dropped(v, n, at, elsewhere(), "", 0);
}

static void worker_dropped(enum verdict v, uint64_t n, int64_t at)
{
	tb()->worker[1].verdict[v] = many(n);	/* no test of a packet: not worker 0, saw.h */
	tb()->worker[1].verdict_s[v] = (uint32_t)ago(at);
}

/* The last 64 of @sent probes, newest in bit 0; answered in @rtt_us. */
static void probes(uint64_t sent, uint64_t seen, uint64_t received, uint32_t rtt_us, uint32_t recent_us)
{
	struct latency l = { .sent = sent, .seen = seen, .received = received, .min_us = rtt_us,
			     .max_us = recent_us, .recent_us = recent_us, .sum_us = received * rtt_us };

	seq_write(&tb()->cold[T].latency_seq, &tb()->cold[T].latency, &l, sizeof(l));
}

static void moved(const char *them, uint16_t port, int64_t at)
{
	struct ip6_addr a = address(them);

	story_moved(&tb()->story[T], &a, port, (wall_t){ ago(at) });
}

static const struct outside_link well = { .present = 1, .up = 1, .running = 1, .found = 1 };

/* A host as it should be. */
static struct outside host(void)
{
	static const enum outside_role role[] = { ROLE_DEVICE, ROLE_UPLINK, ROLE_OUTER4, ROLE_OUTER6 };
	struct outside o = { .clock_synchronised = OUTSIDE_YES, .forwarding6 = OUTSIDE_YES,
			     .links = ARRAY_LEN(role), .workers = 1 };

	for (size_t i = 0; i < ARRAY_LEN(role); i++) {
		o.link[i] = well;
		o.link[i].role = (uint8_t)role[i];
		snprintf(o.link[i].name, sizeof(o.link[i].name), "%s%d", longest ? "interface-of-1" : "eth",
			 (int)i);
	}
	return o;
}

static void on_host(struct outside o)
{
	outside_write(tb()->outside, &o);
}

/* ---- the answer ---- */

static bool fits(const char *text)
{
	bool good = strlen(text) < WHY_TEXT - 1 && !strstr(text, "(null)") && !strstr(text, "  ");

	if (!good)
		printf("# %s\n", text);
	return good;
}

static void look_over(bool of_tunnel)
{
	for (unsigned int i = 0; i < d.n; i++) {
		const struct finding *e = &d.finding[i];
		size_t len = strlen(e->sentence);

		produced[e->cause] = true;
		all_fit = fits(e->sentence) && len > 0 && e->sentence[len - 1] == '.' &&
			  fits(e->remedy) && all_fit;
		for (unsigned int n = 0; n < e->evidences; n++)
			all_fit = fits(e->evidence[n]) && all_fit;
		if (i > 0)
			all_in_order = all_in_order && cause_info[d.finding[i - 1].cause].weight >=
							       cause_info[e->cause].weight;
		for (unsigned int n = 0; n < i; n++) {
			/* of the PoP's interfaces and queues several may be in trouble */
			if (d.finding[n].cause == e->cause &&
			    (of_tunnel || strcmp(d.finding[n].sentence, e->sentence) == 0))
				all_once = false;
		}
	}
}

static void why(void)
{
	why_tunnel(&f->region, T, reader, f->pa.wall, f->pa.now, &d);
	look_over(true);
}

static void why_of_pop(void)
{
	why_pop(&f->region, f->pa.wall, f->pa.now, &d);
	look_over(false);
}

static bool first(enum cause c)
{
	if (d.n > 0 && d.finding[0].cause == c)
		return true;
	for (unsigned int i = 0; i < d.n; i++)
		printf("# %s: %s\n", cause_info[d.finding[i].cause].name, d.finding[i].sentence);
	printf("# and not %s\n", cause_info[c].name);
	return false;
}

static const struct finding *finding(enum cause c)
{
	for (unsigned int i = 0; i < d.n; i++) {
		if (d.finding[i].cause == c)
			return &d.finding[i];
	}
	return NULL;
}

static bool says(const char *words)
{
	if (d.n > 0 && strstr(d.finding[0].sentence, words))
		return true;
	printf("# not said: %s\n# but: %s\n", words, d.n ? d.finding[0].sentence : "nothing");
	return false;
}

static bool shows(const char *words)
{
	for (unsigned int i = 0; d.n > 0 && i < d.finding[0].evidences; i++) {
		if (strstr(d.finding[0].evidence[i], words))
			return true;
	}
	printf("# no evidence: %s\n", words);
	for (unsigned int i = 0; d.n > 0 && i < d.finding[0].evidences; i++)
		printf("# %s\n", d.finding[0].evidence[i]);
	return false;
}

/* ---- every cause ---- */

static size_t inner(uint8_t *at, const char *src, const char *dst)
{
	return make_ip6(at, src, dst, 100, 60, 17);
}

static void is_disabled(void)
{
	struct config *cf;

	tunnel(KIND_STATIC);
	edit(&cf)->flags |= TUNNEL_DISABLED;
	pop_apply(f);
}

static void is_broken(void)
{
	struct outside o = host();

	tunnel(KIND_STATIC);
	traffic(1, 1, 1);
	o.link[1].up = o.link[1].running = 0;
	on_host(o);
}

static void has_no_password(void)
{
	struct config *cf;

	tunnel(KIND_AYIYA);
	edit(&cf)->flags = 0;
	pop_apply(f);
}

static void has_wrong_password(void)
{
	tunnel(KIND_AYIYA);
	refused(DROP_AYIYA_DIGEST, 3, 2);
}

static void has_wrong_clock(void)
{
	static const char beat[] = "HEARTBEAT TUNNEL 2001:db8:2ff:9::2 sender 1700086100 x";

	tunnel(KIND_HEARTBEAT);
	dropped(DROP_BEAT_CLOCK, 3, 2, elsewhere(), beat, sizeof(beat) - 1);
}

static void has_wrong_address(void)
{
	tunnel(KIND_STATIC);
	refused(DROP_OUTER_SOURCE, 3, 2);
}

static void has_wrong_protocol(void)
{
	tunnel(KIND_STATIC);
	refused(DROP_AYIYA_STATIC, 3, 2);
}

static void is_plain(void)
{
	tunnel(KIND_AYIYA);
	refused(DROP_TUNNEL_AYIYA, 3, 2);
}

static void has_bad_beats(void)
{
	tunnel(KIND_HEARTBEAT);
	refused(DROP_BEAT_MISMATCH, 3, 2);
}

static void has_wrong_key(void)
{
	struct config *cf;
	struct tunnel_conf *c;

	tunnel(KIND_STATIC);
	c = edit(&cf);
	c->flags |= TUNNEL_GRE_KEY;
	c->encap = ENCAP_GRE;
	c->gre_key = UINT32_MAX;
	pop_apply(f);
	refused(DROP_GRE_KEY, 3, 2);
}

static void is_early(void)
{
	tunnel(KIND_HEARTBEAT);
	refused(DROP_TUNNEL_DOWN, 3, 2);
}

static void is_replayed(void)
{
	tunnel(KIND_AYIYA);
	up(TYPE_AYIYA);
	heard(1, 100);
	refused(DROP_AYIYA_REPLAYED, 3, 2);
}

static void is_never_heard(void)
{
	tunnel(KIND_DYNAMIC);
}

static void is_down(void)
{
	tunnel(KIND_AYIYA);
	up(TYPE_AYIYA);
	heard(4000, 100);
	down(3880);
}

static void gets_icmp(void)
{
	static const uint8_t icmp[8] = { ICMP4_UNREACHABLE, 13 };

	tunnel(KIND_STATIC);
	up(TYPE_DIRECT);
	traffic(60, 60, 1);
	tb()->errors[T].verdict[CONSUMED_OUTER_ICMP] = 1;
	sample(CONSUMED_OUTER_ICMP, 2, elsewhere(), icmp, sizeof(icmp));
}

static void is_filtered(void)
{
	tunnel(KIND_HEARTBEAT);
	up(TYPE_DIRECT);
	heard(10, 30);
	traffic(NEVER, NEVER, 5);
	probes(30, 0, 0, 0, 0);
}

static void is_not_sent(void)
{
	tunnel(KIND_STATIC);
	traffic(60, 60, 2);
	refused(DROP_SEND, 3, 2);
}

static void has_wrong_source(void)
{
	uint8_t p[128];
	size_t len = inner(p, longest ? elsewhere() : "2001:db8:2ff:1::2", "2001:db8:ffff::1");

	tunnel(KIND_STATIC);
	up(TYPE_DIRECT);
	traffic(2, NEVER, 5);
	dropped(DROP_IP6_SOURCE, 3, 2, longest ? elsewhere() : "2001:db8:2ff:1::2", p, len);
}

static void has_transfer_source(void)
{
	tunnel(KIND_STATIC);
	up(TYPE_DIRECT);
	traffic(2, NEVER, 5);
	dropped(DROP_IP6_SOURCE_TRANSFER, 3, 2,
		longest ? "2001:db8:2ff:9:ffff:ffff:ffff:ffff" : "2001:db8:2ff:9::3", "", 0);
}

static void is_black_hole(void)
{
	struct ip6_addr a = address(elsewhere()), b = address(longest ? client() : "2001:db8:2ff:9::2");

	tunnel(KIND_STATIC);
	up(TYPE_DIRECT);
	traffic(1, 1, 1);
	for (int i = 20; i > 0; i--)
		story_too_big(&tb()->story[T], &a, &b, 1500, 1480, (wall_t){ ago(i) });
	refused(DROP_TOO_BIG, 20, 1);
}

static void is_looping(void)
{
	uint8_t p[128];
	size_t len = inner(p, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8:2ff:8009:ffff:ffff:ffff:ffff");

	tunnel(KIND_AYIYA);
	up(TYPE_AYIYA);
	heard(1, 10);
	traffic(2, 2, 2);
	dropped(DROP_IP6_SOURCE, 3, 2, elsewhere(), p, len);
}

static void is_limited(void)
{
	struct config *cf;
	struct tunnel_conf *c;

	tunnel(KIND_STATIC);
	c = edit(&cf);
	c->rate_kbit_s = c->rate_pps = longest ? UINT32_MAX : 5;
	pop_apply(f);
	traffic(1, 1, 1);
	refused(DROP_RATE_TO, 3, 2);
}

static void gets_nothing(void)
{
	tunnel(KIND_STATIC);
	up(TYPE_DIRECT);
	traffic(2, 2, 3600);
}

static void sends_nothing(void)
{
	tunnel(KIND_STATIC);
	up(TYPE_DIRECT);
	traffic(400, 400, 2);
}

static void suffers(void)
{
	tunnel(KIND_STATIC);
	traffic(1, 1, 1);
	worker_dropped(DROP_QUEUE_SOCKET, 100, 5);
}

/* No worker counts what the device's queue loses. */
static void suffers_at_the_device(void)
{
	struct outside o = host();

	tunnel(KIND_STATIC);
	traffic(1, 1, 1);
	o.tun_lost = many(100);
	o.tun_lost_s = ago(5);
	on_host(o);
}

static void keeps_moving(void)
{
	tunnel(KIND_AYIYA);
	up(TYPE_AYIYA);
	heard(1, 100);
	traffic(1, 1, 1);
	tb()->cold[T].moves = many(6);
	for (uint16_t i = 0; i < 7; i++)
		moved(client(), 40000 + i, 700 - 100 * i);
}

static void loses(void)
{
	tunnel(KIND_STATIC);
	up(TYPE_DIRECT);
	traffic(1, 1, 1);
	probes(60, UINT64_C(0x7777777777777777), 40, 10000, 10000);
}

static void became_slow(void)
{
	tunnel(KIND_STATIC);
	up(TYPE_DIRECT);
	traffic(1, 1, 1);
	probes(60, ~UINT64_C(0), 60, 10000, 90000);
}

static void is_well(void)
{
	tunnel(KIND_AYIYA);
	up(TYPE_AYIYA);
	heard(1, 100);
	traffic(1, 1, 1);
	probes(60, ~UINT64_C(0), 60, 10000, 11000);
	on_host(host());
}

static void is_idle(void)
{
	tunnel(KIND_STATIC);
	up(TYPE_DIRECT);
	traffic(90000, 90000, 90000);
}

static void is_narrow(void)
{
	struct endpoint ep;

	is_well();
	ep = tb()->tunnel[T].ep;
	ep.path_mtu_bytes = 1400;
	tunnel_commit(tb(), T, &ep);
}

static void has_strangers(void)
{
	is_well();
	refused(DROP_AYIYA_DIGEST, 1, 20);
}

static void has_others(void)
{
	is_well();
	refused(DROP_IP6_MALFORMED, 1, 20);
}

static void host_does_not_forward(void)
{
	struct outside o = host();

	o.forwarding6 = OUTSIDE_NO;
	on_host(o);
}

static void host_has_a_link_down(void)
{
	struct outside o = host();

	o.link[2].running = 0;
	on_host(o);
}

static void host_lost_its_address(void)
{
	struct outside o = host();

	o.link[3].found = 0;
	on_host(o);
}

static void host_lost_its_route(void)
{
	struct outside o = host();

	o.link[1].found = 0;
	on_host(o);
}

static void host_never_had_a_route(void)
{
	struct outside o = host();

	o.link[1].found = 0;
	o.link[1].name[0] = '\0';
	on_host(o);
}

static void pop_has_no_prefix(void)
{
	struct config *cf = pop_edit(f);
	static const struct plan none;

	cf->head->plan = none;
	for (uint16_t tid = 0; tid < 0x430; tid++) {
		if (cf->tunnel[tid].kind != KIND_NONE)
			pop_touch(f, cf, tid)->kind = KIND_NONE;
	}
	pop_apply(f);
	on_host(host());
}

static void pop_has_no_tunnels(void)
{
	struct config *cf = pop_edit(f);

	for (uint16_t tid = 0; tid < 0x430; tid++) {
		if (cf->tunnel[tid].kind != KIND_NONE)
			pop_touch(f, cf, tid)->kind = KIND_NONE;
	}
	cf->head->tunnels = 0;
	pop_apply(f);
	on_host(host());
}

/* Counted, as the command line would; and every prefix of the fixture was heard of. */
static void pop_at_work(void)
{
	struct config *cf = pop_edit(f);

	cf->head->tunnels = 5;
	pop_apply(f);
	for (unsigned int i = 0; i < 3; i++)
		tb()->worker[0].prefix_in_s[i] = ago(5);
	on_host(host());
}

static void prefix_is_silent(void)
{
	pop_at_work();
	tb()->worker[0].prefix_in_s[0] = longest ? 0 : ago(3600);
}

static void clock_is_unsynced(void)
{
	struct outside o = host();

	pop_at_work();
	o.clock_synchronised = OUTSIDE_NO;
	on_host(o);
}

static void fast_is_not_attached(void)
{
	struct outside o = host();

	pop_at_work();
	o.ports = 1;
	memset(o.port[0].name, 'e', 15);
	memset(o.port[0].why, 'w', OUTSIDE_WHY - 1);
	on_host(o);
}

static void fast_is_off(void)
{
	struct outside o = host();

	pop_at_work();
	o.fast_automatic = 1;
	memset(o.fast_why, 'w', OUTSIDE_WHY - 1);
	on_host(o);
}

static void queues_drop(void)
{
	struct outside o = host();

	pop_at_work();
	o.tun_lost = many(100);
	o.tun_lost_s = ago(5);
	on_host(o);
}

static void strangers_sign(void)
{
	pop_at_work();
	worker_dropped(DROP_DIGEST_BUDGET, 100, 5);
}

static void strangers_come(void)
{
	struct drop one = { .at = f->pa.now, .verdict = DROP_BEAT_UNKNOWN, .them = address(elsewhere()) };

	pop_at_work();
	worker_dropped(DROP_BEAT_UNKNOWN, 100, 5);
	recorder_put(&tb()->recorder[0], &one);
}

static const struct situation {
	enum cause	cause;
	void		(*set)(void);
	bool		later;		/* a note: not the first to be said */
} of_tunnel[] = {
	{ CAUSE_TUNNEL_DISABLED, is_disabled, false },
	{ CAUSE_POP_BROKEN, is_broken, false },
	{ CAUSE_NO_PASSWORD, has_no_password, false },
	{ CAUSE_WRONG_PASSWORD, has_wrong_password, false },
	{ CAUSE_CLOCK_OFF, has_wrong_clock, false },
	{ CAUSE_WRONG_ADDRESS, has_wrong_address, false },
	{ CAUSE_WRONG_PROTOCOL, has_wrong_protocol, false },
	{ CAUSE_PLAIN_FOR_AYIYA, is_plain, false },
	{ CAUSE_BEAT_MALFORMED, has_bad_beats, false },
	{ CAUSE_WRONG_KEY, has_wrong_key, false },
	{ CAUSE_DATA_BEFORE_BEAT, is_early, false },
	{ CAUSE_REPLAYED, is_replayed, false },
	{ CAUSE_NEVER_HEARD, is_never_heard, false },
	{ CAUSE_DOWN, is_down, false },
	{ CAUSE_OUTER_ICMP, gets_icmp, false },
	{ CAUSE_BEATS_NO_DATA, is_filtered, false },
	{ CAUSE_SEND_REFUSED, is_not_sent, false },
	{ CAUSE_WRONG_SOURCE, has_wrong_source, false },
	{ CAUSE_TRANSFER_SOURCE, has_transfer_source, false },
	{ CAUSE_PMTU_BLACK_HOLE, is_black_hole, false },
	{ CAUSE_LOOP, is_looping, false },
	{ CAUSE_RATE_LIMITED, is_limited, false },
	{ CAUSE_UPLINK_SILENT, gets_nothing, false },
	{ CAUSE_CLIENT_SILENT, sends_nothing, false },
	{ CAUSE_POP_TROUBLE, suffers, false },
	{ CAUSE_POP_TROUBLE, suffers_at_the_device, false },
	{ CAUSE_ENDPOINT_MOVES, keeps_moving, false },
	{ CAUSE_LOSS, loses, false },
	{ CAUSE_LATENCY_RISE, became_slow, false },
	{ CAUSE_TUNNEL_WELL, is_well, false },
	{ CAUSE_IDLE, is_idle, false },
	{ CAUSE_OUTER_PMTU, is_narrow, true },
	{ CAUSE_STRANGERS, has_strangers, true },
	{ CAUSE_OTHER_DROPS, has_others, true },
}, of_pop[] = {
	{ CAUSE_FORWARDING_OFF, host_does_not_forward, false },
	{ CAUSE_LINK_DOWN, host_has_a_link_down, false },
	{ CAUSE_ADDRESS_GONE, host_lost_its_address, false },
	{ CAUSE_UPLINK_GONE, host_lost_its_route, false },
	{ CAUSE_NO_UPLINK, host_never_had_a_route, false },
	{ CAUSE_NO_PREFIX, pop_has_no_prefix, false },
	{ CAUSE_NO_TUNNELS, pop_has_no_tunnels, false },
	{ CAUSE_PREFIX_SILENT, prefix_is_silent, false },
	{ CAUSE_CLOCK_UNSYNCED, clock_is_unsynced, false },
	{ CAUSE_FAST_NOT_ATTACHED, fast_is_not_attached, false },
	{ CAUSE_QUEUE_DROPS, queues_drop, false },
	{ CAUSE_DIGEST_FLOOD, strangers_sign, false },
	{ CAUSE_POP_WELL, pop_at_work, false },
	{ CAUSE_FAST_AUTO_OFF, fast_is_off, true },
	{ CAUSE_UNKNOWN_CLIENTS, strangers_come, true },
};

static void each(const struct situation *list, size_t n, void (*ask)(void), enum cause unless)
{
	for (size_t i = 0; i < n; i++) {
		bool good;

		fresh();
		list[i].set();
		ask();
		good = list[i].later ? first(unless) && finding(list[i].cause) : first(list[i].cause);
		ok(good, "%s%s", cause_info[list[i].cause].name, longest ? ", in the longest words" : "");
	}
}

static void every_cause_is_produced(void)
{
	unsigned int missing = 0;

	for (int i = 0; i < 2; i++) {
		longest = i == 1;
		each(of_tunnel, ARRAY_LEN(of_tunnel), why, CAUSE_TUNNEL_WELL);
		each(of_pop, ARRAY_LEN(of_pop), why_of_pop, CAUSE_POP_WELL);
	}
	longest = false;
	for (unsigned int c = 0; c < CAUSES; c++) {
		if (produced[c])
			continue;
		printf("# no test here for %s\n", cause_info[c].name);
		missing++;
	}
	ok(missing == 0, "every cause of the table is produced");
}

/* ---- silence ---- */

static void silence_has_its_time(void)
{
	fresh();
	is_down();
	why();
	ok(says("went down at 2023-11-15 21:08:40 UTC, 64 min ago") &&
	   says("for 120 s nothing signed had come from the client") && shows("198.51.100.19 port 40001") &&
	   shows("21:06:40 UTC, 66 min ago"), "down: since when, why, and who was heard last");
	down(7200);
	heard(7230, 100);
	why();
	ok(says("its configuration was changed then"), "down sooner than silence allows: it was a command");

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
	story_since(&tb()->story[T], (wall_t){ ago(20) });
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
	every_cause_is_produced();
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
	ok(all_fit, "every text ends where it should, and fits");
	ok(all_in_order, "the likeliest first, every time");
	ok(all_once, "and nothing twice");
	return tap_done();
}
