/*
 * src/why/flow.c - the tunnel is up, and something is wrong all the same
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/cur.h"
#include "wire/icmp4.h"
#include "wire/icmp6.h"
#include "wire/ip4.h"
#include "why/facts.h"

#define ICMP_S		5	/* as often as a router complains, at least */
#define HEEDED_S	INT64_C(240)	/* TCP tries again after 120 s at most */
#define MOVES_MANY	4	/* in an hour: more than a router that dials in again */
#define MOVES_S		3600
#define LOSS_WINDOW	30	/* half an hour, as delivered */
#define LOSS_PERCENT	5.0
#define LOSS_LEAST	3
#define LOSS_PROBES	10	/* fewer say nothing */
#define RISE_TIMES	2
#define RISE_US		20000

/* "Packet too big" is no trouble: look_outer_mtu() tells what became of it. */
static bool is_too_big(bool four, const struct error_sample *s)
{
	if (s->kept < 2)
		return false;
	return four ? s->bytes[0] == ICMP4_UNREACHABLE && s->bytes[1] == ICMP4_FRAG_NEEDED
		    : s->bytes[0] == ICMP6_TOO_BIG;
}

/* Is it about where the client is now? What is quoted begins behind 8 octets of ICMP. */
static bool is_about(const struct error_sample *s, bool four, const struct ip6_addr *them)
{
	struct cur c = cur_of(s->bytes, min_size(s->kept, sizeof(s->bytes)));
	struct ip4_hdr h4;
	struct ip6_hdr h6;
	struct ip6_addr dst;

	if (!cur_skip(&c, sizeof(struct icmp6_hdr)) || (four ? !CUR_TAKE(&c, &h4) : !CUR_TAKE(&c, &h6)))
		return true;	/* not kept: it was, when it was counted */
	dst = four ? addr_from_ip4_wire(&h4.dst) : h6.dst;
	return addr_eq(&dst, them);
}

void look_outer_icmp(struct facts *f)
{
	char router[ADDR_TEXT_MAX], them[ADDR_TEXT_MAX], when[AT_TEXT];
	struct error_sample s = tunnel_error(&f->errors->record[ERR_ICMP4]);
	uint64_t count = count_get(&f->errors->record[ERR_ICMP4].count);
	bool four = addr_is_ip4(&s.source), itself = addr_eq(&s.source, &f->ep.them);
	size_t kept = min_size(s.kept, sizeof(s.bytes));
	struct finding *e;

	if (count == 0 || s.verdict != CONSUMED_OUTER_ICMP || is_too_big(four, &s) ||
	    !is_about(&s, four, &f->ep.them))
		return;
	if (f->out_s - s.at_s >= WHY_RECENT_S)
		return;		/* nobody complained about what we have sent since */
	/* what came since says that it is over, unless we have not sent anything that fared better */
	if (s.at_s < f->in_s && (is_answering(f) || f->out_s + f->lag_s - s.at_s >= ICMP_S ||
				 !is_within(f, s.at_s, WHY_BESIDE_S)))
		return;
	e = why_find(f->d, CAUSE_OUTER_ICMP, "%s %s answers our packets to %s with \"%s\".",
		     itself ? "The client's own host" : "The router", addr_text(&s.source, router),
		     itself ? "it" : addr_text(&f->ep.them, them), icmp_word(four, s.bytes, kept));
	if (kept >= 2)
		why_evidence(e, "%s type %u code %u, %" PRIu64 " ICMP message%s, the last %s",
			     four ? "ICMP" : "ICMPv6", s.bytes[0], s.bytes[1], count, count == 1 ? "" : "s",
			     at_text(s.at_s, f->now, when));
	why_remedy(e, "%s", icmp_remedy(four, f->ep.type == TYPE_AYIYA, s.bytes, kept));
}

static bool is_unsent(const struct facts *f, enum verdict v)
{
	int64_t at = story_verdict_s(f->ts, v);

	/* sent is counted before the kernel refuses: the same second says nothing */
	return count_of(f, v) > 0 && (at >= f->out_s || recorded(f, v, f->now.s - WHY_BESIDE_S) > 1) &&
	       (is_within(f, at, WHY_RECENT_S) || at >= f->out_s);
}

void look_send(struct facts *f)
{
	static const enum verdict which[] = { DROP_SEND, DROP_ENDPOINT_LOOP, DROP_NO_ENDPOINT };
	enum verdict v = latest(f, is_unsent, which, ARRAY_LEN(which));
	char them[ADDR_TEXT_MAX];
	struct finding *e;

	if (v == VERDICT_COUNT)
		return;
	e = why_find(f->d, CAUSE_SEND_REFUSED, "Packets for the client at %s cannot be sent: %s.",
		     addr_text(&f->ep.them, them),
		     v == DROP_SEND ? "this host's kernel refuses them (no route, or a rule of its firewall)"
				    : verdict_info[v].sentence);
	evidence_count(e, f, v);
	if (v == DROP_SEND)
		why_remedy(e, "look at this host's routes and firewall for that address: ip route get %s, nft list "
			   "ruleset", them);
	else if (v == DROP_ENDPOINT_LOOP)
		why_remedy(e, "the endpoint has to be an address outside this PoP: tunnel set config %x T%u "
			   "<address> ...", (unsigned int)f->tid, (unsigned int)f->c->id);
	else
		why_remedy(e, "the PoP has no outer address of that family: pop set details <id> <name> <ipv4> "
			   "<ipv6>");
}

/* It went into the tunnel to an address that is the client's, and came out again. */
static bool is_returned(const struct facts *f, const struct error_sample *s, struct ip6_hdr *h)
{
	return inner_of(s, h) && is_own(f, &h->dst) && !is_own(f, &h->src);
}

static const enum verdict bad_source[] = { DROP_IP6_SOURCE, DROP_IP6_SOURCE_CLASS, DROP_IP6_SOURCE_POP };

void look_source(struct facts *f)
{
	enum verdict v = latest(f, is_repeated, bad_source, ARRAY_LEN(bad_source));
	char source[ADDR_TEXT_MAX], whose[WHOSE_TEXT], inner[ADDR_TEXT_MAX];
	struct ip6_addr right = plan_tunnel_addr(config_plan(f->cf), f->tid, IID_USER);
	struct error_sample s;
	struct finding *e;
	struct ip6_hdr h;

	if (v == VERDICT_COUNT || was_found(f, CAUSE_WRONG_SOURCE))
		return;
	if (!packet_of(f, v, &s)) {
		e = why_find(f->d, CAUSE_WRONG_SOURCE, "The client sends with a source that does not belong to "
			     "this tunnel.");
		evidence_count(e, f, v);
	} else {
		if (is_returned(f, &s, &h) || is_own(f, &s.source))
			return;		/* look_loop(); or it was given a subnet since */
		e = why_find(f->d, CAUSE_WRONG_SOURCE, "The client sends with the source %s, which is %s.",
			     addr_text(&s.source, source), whose_word(f, &s.source, whose));
		evidence_count(e, f, v);
		evidence_packet(e, &s);
	}
	why_remedy(e, "the client may use %s, its routed /64 and its subnets (tunnel show T%u)",
		   addr_text(&right, inner), (unsigned int)f->c->id);
}

void look_transfer(struct facts *f)
{
	char source[ADDR_TEXT_MAX] = "another address", inner[ADDR_TEXT_MAX], text[PREFIX_TEXT_MAX];
	struct ip6_addr right = plan_tunnel_addr(config_plan(f->cf), f->tid, IID_USER);
	struct prefix routed = plan_routed_prefix(config_plan(f->cf), f->tid);
	struct error_sample s;
	struct finding *e;

	if (!is_repeated(f, DROP_IP6_SOURCE_TRANSFER))
		return;
	if (packet_of(f, DROP_IP6_SOURCE_TRANSFER, &s))
		addr_text(&s.source, source);
	e = why_find(f->d, CAUSE_TRANSFER_SOURCE, "The client uses %s: in the tunnel's own /64 only %s belongs to it.",
		     source, addr_text(&right, inner));
	evidence_count(e, f, DROP_IP6_SOURCE_TRANSFER);
	why_remedy(e, "give the tunnel interface %s/64 and nothing else (no autoconfiguration); addresses for "
		   "hosts are in %s", inner, prefix_text(&routed, text));
}

void look_black_hole(struct facts *f)
{
	const struct story_big *b = &f->story.big;
	char source[ADDR_TEXT_MAX], dst[ADDR_TEXT_MAX], first[AT_TEXT];
	struct finding *e;

	/* who tries a larger one once in 10 minutes has heeded it (RFC 8201 4) */
	if (b->again == 0 || !is_recent(b->last_s, f->now) || b->last_s - b->first_s > b->again * HEEDED_S ||
	    b->bytes <= tunnel_mtu(f->c, &f->ep))
		return;
	e = why_find(f->d, CAUSE_PMTU_BLACK_HOLE, "%s keeps sending packets of %u octets to %s, although it was "
		     "told that %u fit: ICMPv6 is filtered on the way there, most likely (a path MTU black hole).",
		     addr_text(&b->source, source), (unsigned int)b->bytes,
		     addr_text(&b->destination, dst), (unsigned int)b->mtu_bytes);
	why_evidence(e, "%u more later than %d s after the first, which was %s", (unsigned int)b->again,
		     STORY_BIG_S, at_text(b->first_s, f->now, first));
	evidence_count(e, f, DROP_TOO_BIG);
	why_remedy(e, "let ICMPv6 type 2 reach %s; for TCP clamping helps: tunnel set mss T%u auto", source,
		   (unsigned int)f->c->id);
}

/* The same of protocol 41 and GRE, where the source names the tunnel, and one from outside none. */
static unsigned int count_returned(const struct facts *f, struct ip6_hdr *newest)
{
	int64_t newest_us = 0;
	unsigned int n = 0;
	struct ip6_hdr h;
	struct drop d;

	for (size_t i = 0; i < (size_t)WORKERS_MAX * DROPS_KEPT; i++) {
		if (!recorder_get(&f->r->table.recorder[i / DROPS_KEPT], DROP_INNER_UNKNOWN, i % DROPS_KEPT,
				  &d) ||
		    !addr_eq(&d.them, &f->ep.them) || !inner_of_drop(&d, &h) || !is_own(f, &h.dst) ||
		    mono_since_us(f->mono, d.at) > WHY_BESIDE_S * (int64_t)US_PER_S)
			continue;
		n++;
		if (d.at.us > newest_us) {
			newest_us = d.at.us;
			*newest = h;
		}
	}
	return n;
}

static struct finding *find_loop(const struct facts *f, const struct ip6_hdr *h)
{
	char source[ADDR_TEXT_MAX], dst[ADDR_TEXT_MAX];
	struct finding *e;

	e = why_find(f->d, CAUSE_LOOP, "A loop: packets from %s to %s, which is the client's, come back out of the "
		     "tunnel: the client's router has no other route for it than its default.",
		     addr_text(&h->src, source), addr_text(&h->dst, dst));
	why_remedy(e, "on the client, route the whole subnet somewhere: a discard route for what is not in use "
		   "(ip -6 route add unreachable <subnet>)");
	return e;
}

void look_loop(struct facts *f)
{
	enum verdict v = latest(f, is_repeated, bad_source, ARRAY_LEN(bad_source));
	const int64_t since_s = f->now.s - WHY_BESIDE_S;
	struct error_sample s;
	struct finding *e;
	struct ip6_hdr h;
	unsigned int n;

	/* of its own packets good ones say nothing: those count as data themselves */
	if (v == VERDICT_COUNT || !packet_of(f, v, &s) || !is_returned(f, &s, &h))
		v = recorded(f, DROP_SAME_INTERFACE, since_s) > 1 ? DROP_SAME_INTERFACE : VERDICT_COUNT;
	if (v != VERDICT_COUNT && packet_of(f, v, &s) && inner_of(&s, &h)) {
		e = find_loop(f, &h);
		evidence_count(e, f, v);
		evidence_packet(e, &s);
		return;
	}
	n = addr_is_unspecified(&f->ep.them) ? 0 : count_returned(f, &h);
	if (n > 1)
		why_evidence(find_loop(f, &h), "DROP_INNER_UNKNOWN: %u of the last packets kept in `pop capture "
			     "drops`", n);
}

void look_rate(struct facts *f)
{
	static const enum verdict which[] = { DROP_RATE_FROM, DROP_RATE_TO, DROP_QUEUE_SHARE };
	enum verdict v = VERDICT_COUNT;
	struct finding *e;

	for (size_t i = 0; i < ARRAY_LEN(which); i++) {
		if (which[i] != DROP_QUEUE_SHARE && !(f->c->rate_kbit_s | f->c->rate_pps))
			continue;	/* it was limited, then */
		if (count_of(f, which[i]) > 0 &&
		    is_within(f, story_verdict_s(f->ts, which[i]), WHY_BESIDE_S))
			v = v == VERDICT_COUNT || count_of(f, which[i]) > count_of(f, v) ? which[i] : v;
	}
	if (v == VERDICT_COUNT)
		return;
	if (v == DROP_QUEUE_SHARE) {
		e = why_find(f->d, CAUSE_RATE_LIMITED, "The tunnel sends or gets more than its share of a queue: "
			     "what is beyond it is dropped, so that others lose nothing.");
		why_remedy(e, "the PoP is short of processor, or this is a flood: pop show threads, pop why");
	} else {
		e = why_find(f->d, CAUSE_RATE_LIMITED, "The tunnel is limited to %u kbit/s and %u packets/s (0: no "
			     "limit), and more %s.", (unsigned int)f->c->rate_kbit_s,
			     (unsigned int)f->c->rate_pps,
			     v == DROP_RATE_FROM ? "comes from the client" : "is sent to the client");
		why_remedy(e, "wait, or raise it: tunnel set rate T%u <kbit/s> <packets/s>",
			   (unsigned int)f->c->id);
	}
	evidence_count(e, f, v);
}

/* Of the last entries: how many in the last hour, and do they differ in more than the port? */
void look_moves(struct facts *f)
{
	const struct story *s = &f->story;
	unsigned int kept = (unsigned int)min_size(s->moves, STORY_MOVES), recent = 0, addresses = 0, back = 0;
	const struct story_move *last = &s->move[(s->moves - 1) % STORY_MOVES], *other = NULL;
	char a[ENDPOINT_TEXT], b[ENDPOINT_TEXT], span[AT_TEXT];
	int64_t first_s = 0;
	struct finding *e;

	for (unsigned int i = 1; i < kept; i++) {
		const struct story_move *m = &s->move[(s->moves - 1 - i) % STORY_MOVES];

		if (!is_within(f, m->at_s, MOVES_S))
			break;
		recent++;
		first_s = m->at_s;
		addresses += !addr_eq(&m->them, &last->them);
		back += i > 1 && addr_eq(&m->them, &last->them);
		if (!other)
			other = m;
	}
	if (recent < MOVES_MANY || !other)
		return;
	e = why_find(f->d, CAUSE_ENDPOINT_MOVES, "The client's %s changed %s%u times within %s: %s.",
		     addresses ? "address" : "port", recent == STORY_MOVES - 1 ? "at least " : "", recent,
		     span_word(f->now.s - first_s, span),
		     addresses && back ? "it goes back and forth, so two clients share the tunnel, most likely" :
		     addresses ? "its line is dialled again and again, or two clients share the tunnel"
			       : "a NAT on the way forgets it, most likely");
	why_evidence(e, "now %s, before %s", endpoint_word(&last->them, last->port, a),
		     endpoint_word(&other->them, other->port, b));
	why_evidence(e, "%" PRIu64 " moves since the daemon started", f->moves);
	why_remedy(e, "%s", addresses ? "make sure that only one client uses the tunnel"
				      : "let the client send more often than the NAT forgets (AICCU: every 60 s), "
					"or forward a port");
}

void look_loss(struct facts *f)
{
	unsigned int of, newest_of, lost = lost_of_last(&f->latency, LOSS_WINDOW, &of);
	double percent = of ? lost * 100.0 / of : 0;
	bool none = f->latency.received == 0;
	struct finding *e;

	if (!is_up(f) || of < LOSS_PROBES || lost < LOSS_LEAST || percent < LOSS_PERCENT)
		return;
	if (lost_of_last(&f->latency, LOSS_PROBES, &newest_of) == 0)
		return;		/* it is over */
	if (none && is_recent(f->data_in_s, f->now))
		return;		/* a client that does not answer pings; look_well() says so */
	if (none || lost == of)
		e = why_find(f->d, CAUSE_LOSS, "None of our last %u latency tests was answered: nothing reaches the "
			     "client, or it does not answer pings.", of);
	else
		e = why_find(f->d, CAUSE_LOSS, "%.0f %% of the last latency tests were lost (%u of %u).", percent,
			     lost, of);
	why_evidence(e, "%" PRIu64 " sent, %" PRIu64 " answered since `tunnel stats RESET`, or the start",
		     f->latency.sent, f->latency.received);
	why_remedy(e, "the line of the client is overloaded or bad, or its firewall drops ICMPv6 echo");
}

void look_latency(struct facts *f)
{
	const struct latency *l = &f->latency;
	char them[ADDR_TEXT_MAX];
	struct finding *e;
	uint64_t usual, best;

	if (!is_up(f) || l->received < LOSS_PROBES)
		return;
	usual = l->sum_us / l->received;
	/* the average holds the rise too: compared with the best it shows earlier */
	best = usual < 2 * (uint64_t)l->min_us ? usual : 2 * (uint64_t)l->min_us;
	if (l->recent_us < RISE_TIMES * best + RISE_US || 2 * (uint64_t)l->recent_us < 3 * usual)
		return;
	e = why_find(f->d, CAUSE_LATENCY_RISE, "Round trips take %.0f ms now; on average it was %.0f ms, at best "
		     "%.0f ms.", l->recent_us / 1000.0, (double)usual / 1000.0, l->min_us / 1000.0);
	why_evidence(e, "latency test: %.1f ms at best, %.1f ms on average, %.1f ms at worst of %" PRIu64
		     " answers", l->min_us / 1000.0, (double)l->sum_us / (double)l->received / 1000.0,
		     l->max_us / 1000.0, l->received);
	why_remedy(e, "something fills the client's line, or the way there has changed: compare with a ping to %s",
		   addr_text(&f->ep.them, them));
}

void look_outer_mtu(struct facts *f)
{
	uint16_t over = tunnel_overhead(f->c, &f->ep), in_force = tunnel_mtu(f->c, &f->ep);
	struct finding *e;

	if (!is_up(f) || f->ep.path_mtu_bytes == 0 || f->ep.path_mtu_bytes >= f->c->mtu_bytes + over)
		return;
	if (f->ep.path_mtu_bytes < MTU_MIN_BYTES + over)
		e = why_find(f->d, CAUSE_OUTER_PMTU, "The path to the client carries only %u octets, and the least MTU a "
			     "tunnel can have, %u, needs %u: larger packets go in fragments.",
			     (unsigned int)f->ep.path_mtu_bytes, MTU_MIN_BYTES,
			     (unsigned int)(MTU_MIN_BYTES + over));
	else
		e = why_find(f->d, CAUSE_OUTER_PMTU, "The path to the client carries only %u octets, and the tunnel's "
			     "MTU of %u needs %u: %u is used instead.", (unsigned int)f->ep.path_mtu_bytes,
			     (unsigned int)f->c->mtu_bytes, (unsigned int)(f->c->mtu_bytes + over),
			     (unsigned int)in_force);
	why_evidence(e, "learned from %s; forgotten 10 minutes after the last sign",
		     f->ep.fragment_here ? "our own interface towards it" : "ICMP, or from our own interface");
	why_remedy(e, "set the MTU of both ends to %u", (unsigned int)in_force);
}

/* Reasons that have a sentence of their own, or are not about this tunnel's health. */
static bool is_named(enum verdict v)
{
	static const enum verdict named[] = {
		DROP_AYIYA_DIGEST, DROP_AYIYA_HASH_METHOD, DROP_BEAT_DIGEST, DROP_AYIYA_CLOCK, DROP_BEAT_CLOCK,
		DROP_OUTER_SOURCE, DROP_AYIYA_STATIC, DROP_BEAT_STATIC, DROP_ENCAP_OTHER, DROP_TUNNEL_AYIYA,
		DROP_BEAT_NO_SENDER, DROP_BEAT_MISMATCH, DROP_BEAT_NO_TIME, DROP_BEAT_ENDPOINT,
		DROP_AYIYA_ENDPOINT, DROP_GRE_KEY, DROP_TUNNEL_DOWN, DROP_AYIYA_REPLAYED, DROP_BEAT_REPLAYED,
		DROP_SEND, DROP_ENDPOINT_LOOP, DROP_NO_ENDPOINT, DROP_IP6_SOURCE, DROP_IP6_SOURCE_CLASS,
		DROP_IP6_SOURCE_POP, DROP_IP6_SOURCE_TRANSFER, DROP_TOO_BIG, DROP_SAME_INTERFACE,
		DROP_RATE_FROM, DROP_RATE_TO, DROP_QUEUE_SHARE, DROP_TO_DOWN, DROP_TO_DISABLED,
		DROP_TUNNEL_DISABLED, DROP_AYIYA_DISABLED, DROP_BEAT_DISABLED,
		DROP_AYIYA_NO_SECRET, DROP_BEAT_NO_SECRET,
		/* noise every client makes */
		DROP_IP6_LINK_LOCAL, DROP_IP6_UNSPECIFIED, DROP_LOCAL_PORT, DROP_IP6_DEST_CLASS,
		DROP_LOCAL_LATENCY, DROP_HOP_LIMIT, DROP_ICMP_RATE, DROP_ICMP_NEVER,
	};

	for (size_t i = 0; i < ARRAY_LEN(named); i++) {
		if (named[i] == v)
			return true;
	}
	return false;
}

void look_others(struct facts *f)
{
	enum verdict most = VERDICT_COUNT;
	struct error_sample s;
	struct finding *e;

	for (unsigned int v = VERDICT_FIRST_DROP; v < VERDICT_COUNT; v++) {
		if (is_named(v) || !is_recent(story_verdict_s(f->ts, v), f->now))
			continue;
		if (most == VERDICT_COUNT || count_of(f, v) > count_of(f, most))
			most = v;
	}
	if (most == VERDICT_COUNT)
		return;
	e = why_find(f->d, CAUSE_OTHER_DROPS, "Some packets were dropped: %s.", verdict_info[most].sentence);
	evidence_count(e, f, most);
	if (packet_of(f, most, &s))
		evidence_packet(e, &s);
	why_remedy(e, "tunnel show T%u counts all reasons; tunnel capture T%u shows the packets",
		   (unsigned int)f->c->id, (unsigned int)f->c->id);
}

