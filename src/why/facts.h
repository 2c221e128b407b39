/*
 * src/why/facts.h - everything about one tunnel, read once, and what the look_* functions share
 *
 * Each of them looks for one situation and says nothing where it does not find it. What they
 * have to tell apart first is whether a reason for drops is the trouble, or an accident beside
 * good packets, or over: is_refused() and is_beside().
 */
#ifndef SIXXSD_WHY_FACTS_H
#define SIXXSD_WHY_FACTS_H

#include "wire/ip6.h"
#include "why/parts.h"

struct facts {
	const struct region	*r;
	const struct config	*cf;
	const struct tunnel_conf *c;
	const struct tunnel_errors *errors;
	const struct tunnel_story *ts;
	struct story		story;
	struct endpoint		ep;
	struct latency		latency;
	uint16_t		tid;
	enum why_reader		reader;
	wall_t			now;
	mono_t			mono;
	int64_t			beat_s, in_s, out_s, data_in_s, data_out_s, started_s;
	int64_t			lag_s;		/* times of good packets may be so much later */
	uint64_t		beats, moves;
	struct diagnosis	*d;
};

void read_facts(struct facts *f, const struct region *r, uint16_t tid, wall_t now, mono_t mono,
		struct diagnosis *d);

/* ---- how often, when, by whom ---- */

uint64_t count_of(const struct facts *f, enum verdict v);
bool is_within(const struct facts *f, int64_t at_s, int64_t span_s);

/*
 * Packets that do not get as far as being the tunnel's: is that so now? Not if good ones of the
 * same kind came later, or a moment before and this is a single one, or if another reason of the
 * kind is newer or far more frequent.
 */
bool is_refused(const struct facts *f, enum verdict v);
/* The same of something that arrives beside what is good. */
bool is_beside(const struct facts *f, enum verdict v);
/* Of the client's own packets, accepted: more than an accident? */
bool is_repeated(const struct facts *f, enum verdict v);
/* How many the recorder has since @since_s; where those of other tunnels washed it out, all ever. */
uint64_t recorded(const struct facts *f, enum verdict v, int64_t since_s);
/* That one of @list which happened last, of those for which @holds; VERDICT_COUNT: none */
typedef bool holds_fn(const struct facts *f, enum verdict v);
enum verdict latest(const struct facts *f, holds_fn *holds, const enum verdict *list, size_t n);

/* The packet, if the last one kept under that error's name is this reason's. */
bool packet_of(const struct facts *f, enum verdict v, struct error_sample *s);
void evidence_count(struct finding *e, const struct facts *f, enum verdict v);
void evidence_packet(struct finding *e, const struct error_sample *s);
/* Source and destination of what is kept of a packet; false: it is not IPv6, or not known */
bool inner_of(const struct error_sample *s, struct ip6_hdr *h);
bool inner_of_drop(const struct drop *d, struct ip6_hdr *h);
/* The client's, and so to be sent into this tunnel. */
bool is_own(const struct facts *f, const struct ip6_addr *a);
bool was_found(const struct facts *f, enum cause cause);

/* ---- what it is like ---- */

bool is_up(const struct facts *f);
/* Anything at all, good or bad, that names this tunnel. */
bool is_heard(const struct facts *f);
/* One of our latest probes was answered: packets pass both ways. */
bool is_answering(const struct facts *f);
/* Of our last @most probes, without the newest, which is on its way: how many were not answered? */
unsigned int lost_of_last(const struct latency *l, unsigned int most, unsigned int *of);
/* Another tunnel whose endpoint this is; TID_NONE: none */
uint16_t tunnel_at(const struct facts *f, const struct ip6_addr *them);

#define US_TEXT		(2 * ADDR_TEXT_MAX + 8)
/* Where the client should send to. */
const char *us_word(const struct facts *f, char buf[US_TEXT]);
/* "AYIYA (UDP port 5072)" */
const char *protocol_word(const struct facts *f);

/* ---- heard.c: configured so, or something is heard, and it is wrong ---- */
bool look_disabled(struct facts *f);
bool look_password(struct facts *f);
void look_secret(struct facts *f);
void look_clock(struct facts *f);
void look_address(struct facts *f);
void look_protocol(struct facts *f);
void look_plain(struct facts *f);
void look_beats(struct facts *f);
void look_key(struct facts *f);
void look_early_data(struct facts *f);
void look_replay(struct facts *f);
void look_strangers(struct facts *f);

/* ---- silent.c: nothing is heard, or one thing is not ---- */
void look_elsewhere(struct facts *f);
void look_never(struct facts *f);
void look_down(struct facts *f);
void look_filtered(struct facts *f);
void look_one_way(struct facts *f);

/* ---- flow.c: it is up, and something is wrong all the same ---- */
void look_outer_icmp(struct facts *f);
void look_send(struct facts *f);
void look_source(struct facts *f);
void look_transfer(struct facts *f);
void look_black_hole(struct facts *f);
void look_loop(struct facts *f);
void look_rate(struct facts *f);
void look_moves(struct facts *f);
void look_loss(struct facts *f);
void look_latency(struct facts *f);
void look_outer_mtu(struct facts *f);
void look_others(struct facts *f);

#endif
