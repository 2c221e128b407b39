/*
 * src/table/history.h - a tunnel's last hours, days and weeks in 8 KiB
 *
 * Three rings of fixed length. Every minute the tunnel's owner writes one sample of
 * the first; at the end of a quarter and of six hours the samples below are summed into one of
 * the next. Figures are rounded to 12 bits, which a chart cannot show. A ring is indexed
 * by the time since boot, so a minute nobody wrote (the daemon was stopped) is a sample
 * without a stamp and reads as unknown.
 *
 * The block is memory of its own (region_history_bytes()), touched after forwarding has begun.
 */
#ifndef SIXXSD_TABLE_HISTORY_H
#define SIXXSD_TABLE_HISTORY_H

#include "base/seq.h"
#include "base/time.h"

enum history_ring {
	HISTORY_MINUTES,	/* 1 min x 2 h */
	HISTORY_QUARTERS,	/* 15 min x 2 d */
	HISTORY_SIXTHS,		/* 6 h x 90 d */
	HISTORY_RINGS,
};

#define HISTORY_MINUTES_N	120
#define HISTORY_QUARTERS_N	192
#define HISTORY_SIXTHS_N	360
#define HISTORY_N_MAX		HISTORY_SIXTHS_N

/* What was summed over one sample's time. */
struct history_sum {
	uint64_t	in_octets, out_octets, in_packets, out_packets;
	uint64_t	drops;
	uint64_t	sent, received;		/* latency test; 0 sent: nothing known */
	uint64_t	rtt_sum_us;		/* of @received */
};

/* As kept. */
struct history_sample {
	uint16_t	in_octets, out_octets, in_packets, out_packets;	/* history_round() */
	uint16_t	rtt;		/* average, of HISTORY_RTT_US each; 0: none */
	uint8_t		lost;		/* 1 + of HISTORY_LOST_ALL; HISTORY_NO_TEST: no probe was sent */
	uint8_t		drops;		/* history_round8() */
};
_Static_assert(sizeof(struct history_sample) == 12, "672 of them and a head are 8 KiB");

#define HISTORY_LOST_ALL	250
#define HISTORY_NO_TEST		255
#define HISTORY_RTT_US		16

struct history_word {
	uint32_t	word[3];	/* a struct history_sample */
};

struct history {
	struct seq		seq;
	uint32_t		newest[HISTORY_RINGS];	/* number of the newest sample, from boot */
	uint32_t		oldest[HISTORY_RINGS];	/* what is older was never written */
	struct history_sum	last;		/* counters as they were a minute ago; the owner's */
	struct history_word	minute[HISTORY_MINUTES_N];
	struct history_word	quarter[HISTORY_QUARTERS_N];
	struct history_word	sixth[HISTORY_SIXTHS_N];
} ALIGNED(CACHE_LINE);
_Static_assert(sizeof(struct history) <= 8 * 1024, "the budget of doc/architecture.md");

/* Seconds and number of samples of a ring. */
unsigned int history_step_s(enum history_ring r);
unsigned int history_length(enum history_ring r);

/**
 * history_minute() - @now, the counters are @total
 *
 * The owner's; about once a minute, and it does no harm to call it more often or late. What
 * a counter lost (a reset, another tenant) counts as nothing.
 */
void history_minute(struct history *h, const struct history_sum *total, mono_t now);
/* Another tenant. @total: its counters so far */
void history_forget(struct history *h);

/* One ring as it can be drawn. */
struct history_view {
	unsigned int		samples;	/* oldest first; those known to nobody included */
	int64_t			age_s;		/* of the end of the newest one, at the time of asking */
	struct history_sample	sample[HISTORY_N_MAX];
	bool			known[HISTORY_N_MAX];
};

/* Any thread. Return: false: a writer was in the way, ask again */
MUST_CHECK bool history_read(const struct history *h, enum history_ring r, mono_t now,
			     struct history_view *v);

/* Was there a probe in it? Then: */
bool history_tested(const struct history_sample *k);
double history_loss_percent(const struct history_sample *k);
uint64_t history_rtt_us(const struct history_sample *k);	/* 0: no answer */

/* 12 significant bits; exact below 4096. */
uint16_t history_round(uint64_t n);
uint64_t history_unround(uint16_t n);
/* 4 significant bits; exact below 16. */
uint8_t history_round8(uint64_t n);
uint64_t history_unround8(uint8_t n);

#endif
