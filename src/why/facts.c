#include <inttypes.h>
#include <stdio.h>

#include "base/cur.h"
#include "wire/ayiya.h"
#include "wire/gre.h"
#include "why/facts.h"

#define FAST_LAG_S	2	/* the fast path's clock is set once a second */
#define BEAT_S		65	/* as often as clients say that they are there, and a bit */
#define REPEATS		3	/* fewer may be an accident */
#define OVER_S		30	/* good ones alone for so long: what was wrong was mended */
#define FAR_MORE	8
#define PROBES_SEEN	64	/* bits of struct latency.seen */

void read_facts(struct facts *f, const struct region *r, uint16_t tid, wall_t now, mono_t mono,
		struct diagnosis *d)
{
	const struct table *tb = &r->table;

	*f = (struct facts){
		.r = r, .cf = region_config(r), .errors = &tb->errors[tid], .ts = &tb->story[tid],
		.story = story_read(&tb->story[tid]), .ep = tunnel_endpoint(&tb->tunnel[tid]),
		.latency = tunnel_latency(&tb->cold[tid]), .tid = tid, .now = now, .mono = mono,
		.beat_s = __atomic_load_n(&tb->tunnel[tid].last_beat_s, __ATOMIC_RELAXED),
		.in_s = tunnel_last_in_s(tb, tid), .out_s = tunnel_last_out_s(tb, tid),
		.data_in_s = tunnel_data_in_s(tb, tid), .data_out_s = tunnel_data_out_s(tb, tid),
		.started_s = r->head->started_s,
		.beats = count_get(&tb->cold[tid].beats), .moves = count_get(&tb->cold[tid].moves),
		.d = d,
	};
	f->c = &f->cf->tunnel[tid];
	f->lag_s = tunnel_fast_in_s(tb, tid) ? FAST_LAG_S : 0;
	/* of another window, or from before the test was switched off */
	if (f->latency.epoch != f->cf->head->stats_epoch || f->cf->head->latency_interval_s == 0)
		f->latency = (struct latency){ .sent = 0 };
}

uint64_t count_of(const struct facts *f, enum verdict v)
{
	return count_get(&f->errors->verdict[v]);
}

static int64_t when(const struct facts *f, enum verdict v)
{
	return count_of(f, v) ? story_verdict_s(f->ts, v) : 0;
}

bool is_within(const struct facts *f, int64_t at_s, int64_t span_s)
{
	return at_s != 0 && !is_ahead(at_s, f->now) && f->now.s - at_s < span_s;
}

/* ---- is it the trouble? ---- */

/* What a good one in its place would have been. */
enum good { GOOD_MESSAGE, GOOD_PACKET };

static const struct refusal {
	enum verdict	verdict;
	enum good	good;
} refusal[] = {
	{ DROP_AYIYA_DIGEST, GOOD_MESSAGE },	{ DROP_AYIYA_HASH_METHOD, GOOD_MESSAGE },
	{ DROP_BEAT_DIGEST, GOOD_MESSAGE },	{ DROP_AYIYA_CLOCK, GOOD_MESSAGE },
	{ DROP_BEAT_CLOCK, GOOD_MESSAGE },	{ DROP_BEAT_NO_SENDER, GOOD_MESSAGE },
	{ DROP_BEAT_MISMATCH, GOOD_MESSAGE },	{ DROP_BEAT_NO_TIME, GOOD_MESSAGE },
	{ DROP_BEAT_ENDPOINT, GOOD_MESSAGE },	{ DROP_AYIYA_ENDPOINT, GOOD_MESSAGE },
	/* where messages are not taken at all, packets tell whether the tunnel works */
	{ DROP_AYIYA_STATIC, GOOD_PACKET },	{ DROP_BEAT_STATIC, GOOD_PACKET },
	{ DROP_OUTER_SOURCE, GOOD_PACKET },	{ DROP_ENCAP_OTHER, GOOD_PACKET },
	{ DROP_GRE_KEY, GOOD_PACKET },		{ DROP_TUNNEL_AYIYA, GOOD_PACKET },
	{ DROP_TUNNEL_DOWN, GOOD_PACKET },
};

static const struct refusal *refusal_of(enum verdict v)
{
	for (size_t i = 0; i < ARRAY_LEN(refusal); i++) {
		if (refusal[i].verdict == v)
			return &refusal[i];
	}
	return NULL;
}

/* One from before the clock was set back came before all that is refused since, whatever it says. */
static int64_t good_s(const struct facts *f, enum good kind)
{
	int64_t at = kind == GOOD_MESSAGE ? f->beat_s : f->in_s;

	if (at == 0 || is_ahead(at, f->now))
		return 0;
	return kind == GOOD_MESSAGE ? at : at + f->lag_s;
}

uint64_t recorded(const struct facts *f, enum verdict v, int64_t since_s)
{
	unsigned int mine = 0;
	bool washed = false;
	struct drop d;

	for (unsigned int w = 0; w < WORKERS_MAX; w++) {
		unsigned int recent = 0, others = 0;

		for (unsigned int n = 0; n < DROPS_KEPT; n++) {
			uint16_t whose;

			if (!recorder_get(&f->r->table.recorder[w], v, n, &d) ||
			    f->now.s - mono_since_us(f->mono, d.at) / US_PER_S < since_s)
				continue;
			whose = d.to != TID_NONE ? d.to : d.from != TID_NONE ? d.from : d.blame;
			recent++;
			mine += whose == f->tid;
			others += whose != f->tid;
		}
		washed = washed || (recent == DROPS_KEPT && others);
	}
	return washed ? count_of(f, v) : mine;
}

/* The newest drop of this tunnel for that reason. */
static bool newest_of(const struct facts *f, enum verdict v, struct drop *newest)
{
	struct drop d;

	newest->at.us = 0;
	for (size_t i = 0; i < (size_t)WORKERS_MAX * DROPS_KEPT; i++) {
		if (recorder_get(&f->r->table.recorder[i / DROPS_KEPT], v, i % DROPS_KEPT, &d) &&
		    d.from == f->tid && d.at.us > newest->at.us)
			*newest = d;
	}
	return newest->at.us != 0;
}

static bool is_key_ours(const struct facts *f, const struct drop *d)
{
	struct cur c = cur_of(d->bytes, min_size(d->kept, sizeof(d->bytes)));
	struct gre_hdr gre;
	be32_t key;

	if (!CUR_TAKE(&c, &gre))
		return false;
	if (!(be16_get(&gre.flags) & GRE_KEY))
		return !(f->c->flags & TUNNEL_GRE_KEY);
	if (be16_get(&gre.flags) & GRE_CHECKSUM && !cur_skip(&c, sizeof(be32_t)))
		return false;
	return CUR_TAKE(&c, &key) && f->c->flags & TUNNEL_GRE_KEY && be32_get(&key) == f->c->gre_key;
}

static bool is_hash_ours(const struct facts *f, const struct error_sample *s)
{
	return s->kept >= 2 && s->bytes[1] == (f->c->hash == HASH_SHA256 ? AYIYA_SIG_SHA256 : AYIYA_SIG_SHA1);
}

/* Would the configuration of today take what was refused then? */
static bool is_mended(const struct facts *f, enum verdict v)
{
	struct error_sample s;
	struct drop d;

	switch ((int)v) {
	case DROP_OUTER_SOURCE:
		return packet_of(f, v, &s) && addr_eq(&s.source, &f->ep.them);
	case DROP_ENCAP_OTHER:
		return newest_of(f, v, &d) && (d.via == VIA_GRE) == (f->ep.type == TYPE_GRE);
	case DROP_GRE_KEY:
		return newest_of(f, v, &d) && is_key_ours(f, &d);
	case DROP_TUNNEL_AYIYA:
		return f->c->kind != KIND_AYIYA && f->ep.type != TYPE_AYIYA;
	case DROP_AYIYA_STATIC:
		return conf_takes_ayiya(f->c);
	case DROP_BEAT_STATIC:
		return conf_takes_heartbeat(f->c);
	case DROP_AYIYA_HASH_METHOD:
		return packet_of(f, v, &s) && is_hash_ours(f, &s);
	}
	return false;
}

/* Good ones came later; or a moment before, and this is a single one. */
static bool is_overruled(const struct facts *f, const struct refusal *r)
{
	int64_t good = good_s(f, r->good), at = when(f, r->verdict);

	return good >= at || (at - good < BEAT_S && recorded(f, r->verdict, good + 1) < REPEATS);
}

/* Is @b what the client does now, and @a what once happened? */
static bool is_past(const struct facts *f, enum verdict a, enum verdict b)
{
	if (when(f, b) > when(f, a) + WHY_BESIDE_S)
		return true;
	return when(f, b) + WHY_BESIDE_S > when(f, a) && count_of(f, b) / FAR_MORE >= count_of(f, a);
}

bool is_refused(const struct facts *f, enum verdict v)
{
	const struct refusal *r = refusal_of(v);

	if (!r || !when(f, v) || is_mended(f, v) || is_overruled(f, r))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(refusal); i++) {
		const struct refusal *other = &refusal[i];

		if (other != r && other->good == r->good && when(f, other->verdict) &&
		    !is_mended(f, other->verdict) && !is_overruled(f, other) && is_past(f, v, other->verdict))
			return false;
	}
	return true;
}

bool is_beside(const struct facts *f, enum verdict v)
{
	const struct refusal *r = refusal_of(v);

	return r && !is_mended(f, v) && is_within(f, when(f, v), WHY_BESIDE_S) &&
	       is_within(f, good_s(f, r->good), WHY_RECENT_S) && is_overruled(f, r);
}

bool is_repeated(const struct facts *f, enum verdict v)
{
	int64_t at = when(f, v), good = f->data_in_s ? f->data_in_s + f->lag_s : 0;

	if (!at)
		return false;
	if (at > good)
		return is_within(f, at, WHY_RECENT_S) || !is_within(f, good, WHY_RECENT_S);
	/* beside good ones: it goes on, and not just once */
	return is_within(f, at, WHY_BESIDE_S) && good - at < OVER_S &&
	       recorded(f, v, f->now.s - WHY_BESIDE_S) >= REPEATS;
}

bool packet_of(const struct facts *f, enum verdict v, struct error_sample *s)
{
	if (verdict_info[v].error == ERR_NONE)
		return false;
	*s = tunnel_error(&f->errors->record[verdict_info[v].error]);
	return s->at_s != 0 && s->verdict == v;
}

enum verdict latest(const struct facts *f, holds_fn *holds, const enum verdict *list, size_t n)
{
	enum verdict best = VERDICT_COUNT;
	struct error_sample s;

	for (size_t i = 0; i < n; i++) {
		if (!holds(f, list[i]))
			continue;
		/* of the same second: the one whose packet is kept came last */
		if (best == VERDICT_COUNT || when(f, list[i]) > when(f, best) ||
		    (when(f, list[i]) == when(f, best) && packet_of(f, list[i], &s)))
			best = list[i];
	}
	return best;
}

/* ---- evidence ---- */

void evidence_count(struct finding *e, const struct facts *f, enum verdict v)
{
	uint64_t n = count_of(f, v);
	char at[AT_TEXT];

	why_evidence(e, "%s: %" PRIu64 " %s, the last %s", verdict_info[v].name, n, packets_word(n),
		     at_text(when(f, v), f->now, at));
}

void evidence_packet(struct finding *e, const struct error_sample *s)
{
	char source[ADDR_TEXT_MAX];

	why_evidence(e, "the last one: %u octets from %s, kept for `tunnel get errorpacket`",
		     (unsigned int)s->real_len, addr_text(&s->source, source));
}

bool was_found(const struct facts *f, enum cause cause)
{
	for (unsigned int i = 0; i < f->d->n; i++) {
		if (f->d->finding[i].cause == cause)
			return true;
	}
	return false;
}

/* ---- packets ---- */

bool inner_of(const struct error_sample *s, struct ip6_hdr *h)
{
	struct cur c = cur_of(s->bytes, min_size(s->kept, sizeof(s->bytes)));

	return CUR_PEEK(c, h) && be32_get(&h->vtf) >> 28 == IP6_VERSION;
}

bool inner_of_drop(const struct drop *d, struct ip6_hdr *h)
{
	static const uint16_t optional[] = { GRE_CHECKSUM, GRE_KEY, GRE_SEQUENCE };
	struct cur c = cur_of(d->bytes, min_size(d->kept, sizeof(d->bytes)));
	struct gre_hdr gre;

	if (d->via == VIA_GRE && !d->accepted) {
		if (!CUR_TAKE(&c, &gre))
			return false;
		for (size_t i = 0; i < ARRAY_LEN(optional); i++) {
			if (be16_get(&gre.flags) & optional[i] && !cur_skip(&c, sizeof(be32_t)))
				return false;
		}
	}
	return (d->via == VIA_GRE || d->via == VIA_P41) && CUR_PEEK(c, h) &&
	       be32_get(&h->vtf) >> 28 == IP6_VERSION;
}

bool is_own(const struct facts *f, const struct ip6_addr *a)
{
	struct place w = config_lookup6(f->cf, a);

	return w.tid == f->tid &&
	       (w.kind == PLACE_REMOTE || w.kind == PLACE_ROUTED || w.kind == PLACE_SUBNET);
}

/* ---- what it is like ---- */

bool is_up(const struct facts *f)
{
	return f->ep.state == STATE_UP;
}

bool is_heard(const struct facts *f)
{
	for (size_t i = 0; i < ARRAY_LEN(refusal); i++) {
		if (count_of(f, refusal[i].verdict))
			return true;
	}
	return f->beats > 0 || f->in_s != 0 || count_of(f, DROP_AYIYA_REPLAYED) ||
	       count_of(f, DROP_BEAT_REPLAYED) || count_of(f, DROP_DIGEST_BUDGET) ||
	       count_of(f, DROP_AYIYA_NON_IPV6) || count_of(f, DROP_AYIYA_NON_IPV4);
}

bool is_answering(const struct facts *f)
{
	return f->latency.received > 0 && f->latency.seen & 0xe;	/* of 1, 2 and 3 before the newest */
}

unsigned int lost_of_last(const struct latency *l, unsigned int most, unsigned int *of)
{
	unsigned int n = (unsigned int)min_size(l->sent ? l->sent - 1 : 0,
						min_size(most, PROBES_SEEN - 1));
	uint64_t mask = n ? ((UINT64_C(1) << n) - 1) << 1 : 0;

	*of = n;
	return n - (unsigned int)__builtin_popcountll(l->seen & mask);
}

uint16_t tunnel_at(const struct facts *f, const struct ip6_addr *them)
{
	for (uint32_t tid = 0; tid < f->cf->head->tunnel_end; tid++) {
		if (tid == f->tid || !config_tunnel(f->cf, (uint16_t)tid))
			continue;

		struct endpoint ep = tunnel_endpoint(&f->r->table.tunnel[tid]);

		if (addr_eq(&ep.them, them))
			return (uint16_t)tid;
	}
	return TID_NONE;
}

const char *us_word(const struct facts *f, char buf[US_TEXT])
{
	const struct config_head *h = f->cf->head;
	const struct pop *us = &h->pop[h->plan.pop_id];
	char four[ADDR_TEXT_MAX], six[ADDR_TEXT_MAX];

	if (!addr_is_unspecified(&us->v4) && !addr_is_unspecified(&us->v6))
		snprintf(buf, US_TEXT, "%s or %s", addr_text(&us->v4, four), addr_text(&us->v6, six));
	else
		addr_text(addr_is_unspecified(&us->v4) ? &us->v6 : &us->v4, buf);
	return buf;
}

const char *protocol_word(const struct facts *f)
{
	switch ((enum tunnel_kind)f->c->kind) {
	case KIND_AYIYA:
		return "AYIYA (UDP port 5072)";
	case KIND_HEARTBEAT:
		return "heartbeats (UDP port 3740)";
	case KIND_DYNAMIC:
		return "AYIYA (UDP port 5072) or heartbeats (UDP port 3740)";
	case KIND_NONE:
	case KIND_STATIC:
		break;
	}
	return f->c->encap == ENCAP_GRE ? "GRE (protocol 47)" :
	       f->c->encap == ENCAP_DIRECT ? "protocol 41" : "protocol 41 or GRE";
}
