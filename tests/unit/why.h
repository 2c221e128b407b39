/*
 * tests/unit/why.h - a region in every kind of trouble, and what `tunnel why` and `pop why` say of it
 *
 * tests/netns/test_80_why.py has real clients do the wrong thing; here times are written. Each
 * situation is a function that brings it about: is_disabled(), host_does_not_forward().
 */
#ifndef SIXXSD_TESTS_WHY_H
#define SIXXSD_TESTS_WHY_H

#include "pop.h"

#include "wire/icmp4.h"
#include "why/why.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"

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
	story_since(&tb()->story[T], false, (wall_t){ ago(7200) });
}

static void down(int64_t since, bool silent)
{
	struct endpoint ep = tb()->tunnel[T].ep;

	ep.state = STATE_DOWN;
	tunnel_commit(tb(), T, &ep);
	story_since(&tb()->story[T], silent, (wall_t){ ago(since) });
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

/* ---- every situation ---- */

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
	down(3880, true);
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

/* For main() at its end: how all those answers looked. */
static int answers_were_good(void)
{
	ok(all_fit, "every text ends where it should, and fits");
	ok(all_in_order, "the likeliest first, every time");
	ok(all_once, "and nothing twice");
	return tap_done();
}

#pragma GCC diagnostic pop

#endif
