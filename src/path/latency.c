/*
 * The latency test, forwarding.md 9: an echo request from the PoP's end of a tunnel to
 * the client's, with its own send time and a random number inside. What comes back is
 * believed only with that number, once, and within 10 s.
 *
 * The figures belong to one window: `tunnel stats RESET` steps the configuration's
 * stats_epoch, and the next request of each tunnel starts from zero. A reply is counted
 * only for a request of the same window, so a request in flight at RESET is lost to both.
 */
#include "path/steps.h"
#include "base/sum.h"
#include "wire/icmp6.h"
#include "wire/proto.h"

#define PROBE_HOP_LIMIT		64
#define REPLY_ICMP_BYTES_MIN	57	/* more than 56, as the original had it */
#define IP6_VTF			((uint32_t)IP6_VERSION << 28)

/* Private to this file: only the daemon reads it again. */
struct payload {
	be64_t		sent_us;	/* mono_t */
	be64_t		magic;
};
_Static_assert(sizeof(struct payload) == 16, "time and magic, 8 octets each");

#define FILLER_BYTES	(LATENCY_ICMP_BYTES - sizeof(struct icmp6_echo) - sizeof(struct payload))

void path_magic(struct path *pa, uint64_t random)
{
	pa->magic_before = pa->magic;
	pa->magic = random;
}

/* 0 is what stands there before there was a number; everybody knows it. */
static bool magic_ok(const struct path *pa, uint64_t magic)
{
	return magic != 0 && (magic == pa->magic || magic == pa->magic_before);
}

/* The figures of the window now open. */
static struct latency latency_now(const struct path *pa, uint16_t tid)
{
	struct latency l = pa->tb->cold[tid].latency;

	if (l.epoch == pa->cf->head->stats_epoch)
		return l;
	return (struct latency){ .epoch = pa->cf->head->stats_epoch, .next_seq = l.next_seq };
}

static void latency_commit(struct path *pa, uint16_t tid, const struct latency *l)
{
	struct tunnel_cold *k = &pa->tb->cold[tid];

	seq_write(&k->latency_seq, &k->latency, l, sizeof(*l));
}

static void put(struct pkt *p, const void *bytes, size_t len)
{
	memcpy(p->data + p->len, bytes, len);
	p->len += len;
}

static void put_filler(struct pkt *p)
{
	static const char text[32] = "SixXS PoP latency test, no worry";

	for (size_t left = FILLER_BYTES; left > 0;) {
		size_t n = min_size(left, sizeof(text));

		put(p, text, n);
		left -= n;
	}
}

static void probe_build(const struct path *pa, uint16_t tid, uint16_t seq, struct pkt *p)
{
	struct ip6_hdr six = {
		.vtf = be32_put(IP6_VTF),
		.payload_len = be16_put(LATENCY_ICMP_BYTES),
		.next = PROTO_ICMP6,
		.hop_limit = PROBE_HOP_LIMIT,
		.src = plan_tunnel_addr(config_plan(pa->cf), tid, IID_POP),
		.dst = plan_tunnel_addr(config_plan(pa->cf), tid, IID_USER),
	};
	struct icmp6_echo echo = {
		.type = ICMP6_ECHO_REQUEST, .id = be16_put(LATENCY_ID), .seq = be16_put(seq),
	};
	struct payload own = {
		.sent_us = be64_put((uint64_t)pa->now.us), .magic = be64_put(pa->magic),
	};

	put(p, &six, sizeof(six));
	put(p, &echo, sizeof(echo));
	put(p, &own, sizeof(own));
	put_filler(p);

	uint64_t sum = sum_pseudo6(&six.src, &six.dst, LATENCY_ICMP_BYTES, PROTO_ICMP6);

	echo.checksum = sum_done(sum_add(sum, p->data + sizeof(six), LATENCY_ICMP_BYTES));
	memcpy(p->data + sizeof(six), &echo, sizeof(echo));
	p->inner = p->data;
	p->inner_len = p->len;
}

enum verdict path_probe(struct path *pa, uint16_t tid, struct pkt *p)
{
	const struct tunnel_conf *t = config_tunnel(pa->cf, tid);

	if (!t || t->flags & TUNNEL_DISABLED)
		return DROP_TO_DISABLED;

	const struct endpoint *ep = &pa->tb->tunnel[tid].ep;

	if (ep->state != STATE_UP)
		return DROP_TO_DOWN;
	/* user space learns our address, unless the fast path leaves it nothing to learn from */
	if (addr_is_unspecified(&ep->us) && tunnel_fast_in_s(pa->tb, tid) == 0)
		return DROP_NO_ENDPOINT;	/* never heard from: nothing to measure yet */

	struct latency l = latency_now(pa, tid);

	p->via = VIA_SELF;
	pkt_note(p, NOTE_FROM_PROBE, tid, l.next_seq);
	probe_build(pa, tid, l.next_seq, p);

	enum verdict v = send_own(pa, p);

	if (v != PASS)
		return v;
	l.next_seq++;
	l.sent++;
	l.seen <<= 1;
	latency_commit(pa, tid, &l);
	return PASS;
}

/* Did @tid's client send this about a request of ours? Lengths and checksum are good. */
static bool reply_is_ours(const struct path *pa, uint16_t tid, const struct ip6_hdr *six,
			  const struct icmp6_echo *echo)
{
	struct ip6_addr us = plan_tunnel_addr(config_plan(pa->cf), tid, IID_POP);
	struct ip6_addr them = plan_tunnel_addr(config_plan(pa->cf), tid, IID_USER);

	return six->next == PROTO_ICMP6 && addr_eq(&six->src, &them) && addr_eq(&six->dst, &us) &&
	       echo->type == ICMP6_ECHO_REPLY && be16_get(&echo->id) == LATENCY_ID;
}

static void count_reply(struct latency *l, uint64_t bit, uint64_t rtt_us)
{
	uint32_t us = (uint32_t)rtt_us;		/* LATENCY_MAX_US at most */

	l->min_us = l->received == 0 || us < l->min_us ? us : l->min_us;
	l->max_us = us > l->max_us ? us : l->max_us;
	l->recent_us = l->received == 0 ? us : (uint32_t)(((uint64_t)l->recent_us * 3 + us) / 4);
	l->sum_us += rtt_us;
	l->received++;
	l->seen |= bit;
}

/* Into the worker's histogram. */
static void count_rtt(struct worker_shared *me, uint64_t rtt_us)
{
	unsigned int bucket = 0;

	while (bucket < RTT_BOUNDS && rtt_us > rtt_bound_us[bucket])
		bucket++;
	count_add(&me->rtt[bucket], 1);
	count_add(&me->rtt_sum_us, rtt_us);
}

enum verdict latency_take(struct path *pa, struct pkt *p)
{
	struct cur c = pkt_cur(p);
	struct icmp6_echo echo;
	struct payload own;
	struct ip6_hdr six;

	if (p->from == TID_NONE || !CUR_TAKE(&c, &six) || c.left < REPLY_ICMP_BYTES_MIN ||
	    !CUR_TAKE(&c, &echo) || !CUR_TAKE(&c, &own))
		return DROP_LOCAL_LATENCY;
	if (!reply_is_ours(pa, p->from, &six, &echo) || !magic_ok(pa, be64_get(&own.magic)))
		return DROP_LOCAL_LATENCY;

	struct latency l = latency_now(pa, p->from);
	uint16_t age = (uint16_t)(l.next_seq - 1 - be16_get(&echo.seq));	/* modulo 65536 */

	/* one answer for every request of this window: so received stays below sent */
	if (age >= LATENCY_WINDOW || age >= l.sent || l.seen >> age & 1)
		return DROP_LOCAL_LATENCY;

	uint64_t sent_us = be64_get(&own.sent_us), now_us = (uint64_t)pa->now.us;

	if (sent_us > now_us || now_us - sent_us > LATENCY_MAX_US)
		return DROP_LOCAL_LATENCY;

	count_reply(&l, UINT64_C(1) << age, now_us - sent_us);
	count_rtt(pa->me, now_us - sent_us);
	latency_commit(pa, p->from, &l);
	return CONSUMED_LATENCY;
}
