#include "table/history.h"

#include <string.h>

#define HISTORY_FIRST		1000	/* number of the first six hours since boot */
#define MINUTES_PER_QUARTER	15
#define QUARTERS_PER_SIXTH	24

static const struct {
	unsigned int	length, step_s;
} rings[HISTORY_RINGS] = {
	[HISTORY_MINUTES]	= { HISTORY_MINUTES_N, 60 },
	[HISTORY_QUARTERS]	= { HISTORY_QUARTERS_N, 60 * MINUTES_PER_QUARTER },
	[HISTORY_SIXTHS]	= { HISTORY_SIXTHS_N, 60 * MINUTES_PER_QUARTER * QUARTERS_PER_SIXTH },
};

unsigned int history_step_s(enum history_ring r)
{
	return rings[r].step_s;
}

unsigned int history_length(enum history_ring r)
{
	return rings[r].length;
}

/* ---- rounding: a mantissa behind an exponent, as floating point has it ---- */

/*
 * Written like an IEEE number without a sign: exponent e and mantissa m are (m + 2^(bits-1)) <<
 * (e - 1), and e = 0 is m alone. So order is kept, and what is below 2^bits is exact.
 */
static uint64_t pack(uint64_t n, unsigned int bits, unsigned int exponent_max)
{
	uint64_t half = UINT64_C(1) << (bits - 1);
	unsigned int shift = 0;

	if (n < half)
		return n;
	while (n >> shift >= 2 * half)
		shift++;
	if (shift + 1 > exponent_max)
		return (uint64_t)exponent_max << (bits - 1) | (half - 1);	/* the largest there is */
	return (uint64_t)(shift + 1) << (bits - 1) | ((n >> shift) - half);
}

static uint64_t unpack(uint64_t n, unsigned int bits)
{
	uint64_t half = UINT64_C(1) << (bits - 1), exponent = n >> (bits - 1);

	return exponent == 0 ? n : (n % half + half) << (exponent - 1);
}

uint16_t history_round(uint64_t n)
{
	return (uint16_t)pack(n, 12, 31);
}

uint64_t history_unround(uint16_t n)
{
	return unpack(n, 12);
}

uint8_t history_round8(uint64_t n)
{
	return (uint8_t)pack(n, 4, 31);
}

uint64_t history_unround8(uint8_t n)
{
	return unpack(n, 4);
}

/* ---- samples, kept as words so that a reader in another thread is a defined thing ---- */

static struct history_word *ring_of(const struct history *h, enum history_ring r)
{
	struct history *all = (struct history *)(uintptr_t)h;

	switch (r) {
	case HISTORY_MINUTES:
		return all->minute;
	case HISTORY_QUARTERS:
		return all->quarter;
	case HISTORY_SIXTHS:
	case HISTORY_RINGS:
		break;
	}
	return all->sixth;
}

static struct history_sample get(const struct history *h, enum history_ring r, uint32_t n)
{
	const struct history_word *w = &ring_of(h, r)[n % rings[r].length];
	struct history_sample k;
	uint32_t word[3];

	for (size_t i = 0; i < ARRAY_LEN(word); i++)
		word[i] = __atomic_load_n(&w->word[i], __ATOMIC_ACQUIRE);
	memcpy(&k, word, sizeof(k));
	return k;
}

static void set(struct history *h, enum history_ring r, uint32_t n, const struct history_sample *k)
{
	struct history_word *w = &ring_of(h, r)[n % rings[r].length];
	uint32_t word[3];

	memcpy(word, k, sizeof(word));
	for (size_t i = 0; i < ARRAY_LEN(word); i++)
		__atomic_store_n(&w->word[i], word[i], __ATOMIC_RELEASE);
}

/* One that nobody wrote is all zero, which a written one never is: see keep(), .lost. */
static bool is_written(const struct history_sample *k)
{
	static const struct history_sample none;

	return memcmp(k, &none, sizeof(none)) != 0;
}

static struct history_sample keep(const struct history_sum *s)
{
	struct history_sample k = {
		.in_octets = history_round(s->in_octets), .out_octets = history_round(s->out_octets),
		.in_packets = history_round(s->in_packets),
		.out_packets = history_round(s->out_packets),
		.drops = history_round8(s->drops), .lost = HISTORY_NO_TEST,
	};

	if (s->received)	/* 0 stands for none: what is faster than the unit is one unit */
		k.rtt = history_round(max_size(s->rtt_sum_us / s->received / HISTORY_RTT_US, 1));
	if (s->sent) {
		/* an answer can come a sample later than its request */
		uint64_t lost = s->received < s->sent ? s->sent - s->received : 0;

		k.lost = (uint8_t)(1 + lost * HISTORY_LOST_ALL / s->sent);
	}
	return k;
}

/* Each sample weighs the same in a longer one, however many probes it saw. */
static struct history_sum unkeep(const struct history_sample *k)
{
	struct history_sum s = {
		.in_octets = history_unround(k->in_octets),
		.out_octets = history_unround(k->out_octets),
		.in_packets = history_unround(k->in_packets),
		.out_packets = history_unround(k->out_packets),
		.drops = history_unround8(k->drops),
	};

	if (k->lost != HISTORY_NO_TEST) {
		s.sent = HISTORY_LOST_ALL;
		s.received = s.sent - (k->lost - 1u);
	}
	if (k->rtt)
		s.rtt_sum_us = history_unround(k->rtt) * HISTORY_RTT_US * max_size(s.received, 1);
	return s;
}

static void add(struct history_sum *sum, const struct history_sum *s)
{
	sum->in_octets += s->in_octets;
	sum->out_octets += s->out_octets;
	sum->in_packets += s->in_packets;
	sum->out_packets += s->out_packets;
	sum->drops += s->drops;
	sum->sent += s->sent;
	sum->received += s->received;
	sum->rtt_sum_us += s->rtt_sum_us;
}

static uint64_t grown(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

static struct history_sum since(const struct history_sum *now, const struct history_sum *before)
{
	/* `tunnel stats RESET` began a new window of probes: all of it is new */
	bool reset = now->sent < before->sent;

	return (struct history_sum){
		.in_octets = grown(now->in_octets, before->in_octets),
		.out_octets = grown(now->out_octets, before->out_octets),
		.in_packets = grown(now->in_packets, before->in_packets),
		.out_packets = grown(now->out_packets, before->out_packets),
		.drops = grown(now->drops, before->drops),
		.sent = reset ? now->sent : now->sent - before->sent,
		.received = reset ? now->received : grown(now->received, before->received),
		.rtt_sum_us = reset ? now->rtt_sum_us : grown(now->rtt_sum_us, before->rtt_sum_us),
	};
}

/* ---- writing ---- */

static void put(struct history *h, enum history_ring r, uint32_t n, const struct history_sample *k)
{
	static const struct history_sample none;
	uint32_t first = h->newest[r] + 1;

	/* what was skipped is unknown, a whole round of it at most */
	if (h->newest[r] && n - first > rings[r].length)
		first = n - rings[r].length;
	for (uint32_t i = first; h->newest[r] && i < n; i++)
		set(h, r, i, &none);
	set(h, r, n, k);
	__atomic_store_n(&h->newest[r], n, __ATOMIC_RELEASE);
	if (h->oldest[r] == 0)
		__atomic_store_n(&h->oldest[r], n, __ATOMIC_RELEASE);
}

/* Sample @n of @r is over: those of the ring below that lie in it, summed, if any is known. */
static void close_sample(struct history *h, enum history_ring r, uint32_t n, uint32_t parts)
{
	struct history_sum sum = { .sent = 0 };
	struct history_sample k;
	bool any = false;

	if (h->newest[r] >= n)
		return;
	for (uint32_t i = n * parts; i < (n + 1) * parts; i++) {
		struct history_sum s;

		if (i < h->oldest[r - 1] || i > h->newest[r - 1])
			continue;
		k = get(h, r - 1, i);
		if (!is_written(&k))
			continue;
		s = unkeep(&k);
		add(&sum, &s);
		any = true;
	}
	if (!any)
		return;
	k = keep(&sum);
	put(h, r, n, &k);
}

/* Numbers count from boot, from far above 0, which stands for none. */
static uint32_t minute_of(mono_t now)
{
	return (uint32_t)(now.us / US_PER_S / 60) + HISTORY_FIRST * MINUTES_PER_QUARTER * QUARTERS_PER_SIXTH;
}

void history_minute(struct history *h, const struct history_sum *total, mono_t now)
{
	uint32_t minute = minute_of(now), before = h->newest[HISTORY_MINUTES];
	struct history_sum s = since(total, &h->last);
	struct history_sample k;

	if (minute <= before)
		return;
	k = keep(&s);
	h->last = *total;
	/* odd while it is written, as in base/seq.h; the words are atomics of their own */
	__atomic_store_n(&h->seq.n, h->seq.n + 1, __ATOMIC_RELAXED);
	if (before && minute / MINUTES_PER_QUARTER != before / MINUTES_PER_QUARTER) {
		uint32_t quarter = before / MINUTES_PER_QUARTER, now_quarter = minute / MINUTES_PER_QUARTER;

		close_sample(h, HISTORY_QUARTERS, quarter, MINUTES_PER_QUARTER);
		if (quarter / QUARTERS_PER_SIXTH != now_quarter / QUARTERS_PER_SIXTH)
			close_sample(h, HISTORY_SIXTHS, quarter / QUARTERS_PER_SIXTH,
				     QUARTERS_PER_SIXTH);
	}
	put(h, HISTORY_MINUTES, minute, &k);
	__atomic_store_n(&h->seq.n, h->seq.n + 1, __ATOMIC_RELEASE);
}

void history_forget(struct history *h)
{
	__atomic_store_n(&h->seq.n, h->seq.n + 1, __ATOMIC_RELAXED);
	for (unsigned int r = 0; r < HISTORY_RINGS; r++) {
		__atomic_store_n(&h->newest[r], 0, __ATOMIC_RELEASE);
		__atomic_store_n(&h->oldest[r], 0, __ATOMIC_RELEASE);
	}
	h->last = (struct history_sum){ .sent = 0 };
	__atomic_store_n(&h->seq.n, h->seq.n + 1, __ATOMIC_RELEASE);
}

/* ---- reading ---- */

static int64_t end_us(enum history_ring r, uint32_t n)
{
	int64_t from_boot = (int64_t)n - (int64_t)minute_of((mono_t){ 0 }) * 60 / rings[r].step_s;

	return (from_boot + 1) * rings[r].step_s * US_PER_S;
}

bool history_read(const struct history *h, enum history_ring r, mono_t now, struct history_view *v)
{
	uint32_t before = __atomic_load_n(&h->seq.n, __ATOMIC_ACQUIRE);
	uint32_t newest = __atomic_load_n(&h->newest[r], __ATOMIC_ACQUIRE);
	uint32_t oldest = __atomic_load_n(&h->oldest[r], __ATOMIC_ACQUIRE);

	if (before & 1)
		return false;
	v->samples = 0;
	v->age_s = 0;
	if (newest == 0)
		return true;
	if (newest - oldest >= rings[r].length)
		oldest = newest - rings[r].length + 1;
	for (uint32_t n = oldest; n <= newest && v->samples < rings[r].length; n++) {
		v->sample[v->samples] = get(h, r, n);
		v->known[v->samples] = is_written(&v->sample[v->samples]);
		v->samples++;
	}
	v->age_s = (now.us - end_us(r, newest)) / US_PER_S;
	return __atomic_load_n(&h->seq.n, __ATOMIC_RELAXED) == before;
}

/* ---- what a sample says ---- */

bool history_tested(const struct history_sample *k)
{
	return k->lost != HISTORY_NO_TEST && k->lost != 0;
}

double history_loss_percent(const struct history_sample *k)
{
	return (double)(k->lost - 1) * 100 / HISTORY_LOST_ALL;
}

uint64_t history_rtt_us(const struct history_sample *k)
{
	return history_unround(k->rtt) * HISTORY_RTT_US;
}
