/*
 * A tunnel's last hours, days and weeks.
 */
#include "tap.h"

#include "table/history.h"

#define MINUTE	INT64_C(60000000)

static struct history history;

static mono_t minute(int64_t n)
{
	return (mono_t){ n * MINUTE + 12345678 };	/* 12 s into it: any moment of it will do */
}

static void rounding_keeps_order_and_small_numbers(void)
{
	uint64_t worst = 0;
	bool exact = true, ordered = true;

	for (uint64_t n = 0; n < 4096; n++)
		exact = exact && history_unround(history_round(n)) == n;
	ok(exact, "what is below 4096 is kept as it is");
	for (uint64_t n = 1, before = 0; n < UINT64_C(1) << 41; n += 1 + n / 7) {
		uint64_t back = history_unround(history_round(n));

		worst = max_size(worst, (n - back) * 1000000 / n);
		ordered = ordered && back >= before && back <= n;
		before = back;
	}
	ok(ordered && worst < 489, "above it is a 2048th off at most (%llu millionths)",
	   (unsigned long long)worst);
	ok(history_round(UINT64_MAX) == UINT16_MAX &&
	           history_unround(UINT16_MAX) == UINT64_C(4095) << 30,
	   "what is larger than the largest is the largest");
	exact = true;
	for (uint64_t n = 0; n < 16; n++)
		exact = exact && history_unround8(history_round8(n)) == n;
	ok(exact && history_round8(UINT64_MAX) == UINT8_MAX && history_unround8(history_round8(100)) == 96,
	   "and in eight bits what is below 16 is exact");
}

static void a_minute_is_what_was_counted_in_it(void)
{
	struct history_sum total = { .in_octets = 1000, .out_octets = 2000, .in_packets = 10,
				     .out_packets = 20, .drops = 3 };
	struct history_view v;

	memset(&history, 0, sizeof(history));
	ok(history_read(&history, HISTORY_MINUTES, minute(5), &v) && v.samples == 0,
	   "before the first minute there is nothing");
	history_minute(&history, &total, minute(5));
	total.in_octets += 600;
	total.sent = 4;
	total.received = 3;
	total.rtt_sum_us = 3 * 16000;
	history_minute(&history, &total, minute(6));
	history_minute(&history, &total, minute(6));	/* again within the minute: nothing */
	ok(history_read(&history, HISTORY_MINUTES, minute(6), &v) && v.samples == 2,
	   "a sample each minute, not more");
	ok(history_unround(v.sample[0].in_octets) == 1000 && history_unround8(v.sample[0].drops) == 3 &&
	           !history_tested(&v.sample[0]) && history_rtt_us(&v.sample[0]) == 0,
	   "the first holds what there was, and no probe");
	ok(history_unround(v.sample[1].in_octets) == 600 && v.sample[1].out_octets == 0 &&
	           history_tested(&v.sample[1]) && history_rtt_us(&v.sample[1]) == 16000,
	   "the second what was new");
	ok(history_loss_percent(&v.sample[1]) > 24.5 && history_loss_percent(&v.sample[1]) < 25.5,
	   "one probe of four lost is 25 %%: %f", history_loss_percent(&v.sample[1]));
	ok(v.age_s == -47, "its minute is not over yet (%lld)", (long long)v.age_s);
}

static void what_was_skipped_is_unknown(void)
{
	struct history_sum total = { .in_octets = 100 };
	struct history_view v;

	memset(&history, 0, sizeof(history));
	history_minute(&history, &total, minute(10));
	total.in_octets = 200;
	history_minute(&history, &total, minute(14));
	ok(history_read(&history, HISTORY_MINUTES, minute(14), &v) && v.samples == 5 && v.known[0] &&
	           !v.known[1] && !v.known[2] && !v.known[3] && v.known[4],
	   "minutes nobody wrote are there, and unknown");
	history_minute(&history, &total, minute(14 + 1000));
	ok(history_read(&history, HISTORY_MINUTES, minute(1014), &v) && v.samples == HISTORY_MINUTES_N &&
	           v.known[HISTORY_MINUTES_N - 1] && !v.known[HISTORY_MINUTES_N - 2] && !v.known[0],
	   "after a long stop nothing of the round before is shown as new");
}

static void longer_samples_are_the_sum_of_the_shorter(void)
{
	struct history_sum total = { .sent = 0 };
	struct history_view v;

	memset(&history, 0, sizeof(history));
	for (int64_t m = 0; m <= 3 * 360 + 15; m++) {
		total.in_octets += 1000;
		total.in_packets += 2;
		total.drops++;
		total.sent += 2;
		total.received += m % 2 ? 2 : 1;
		total.rtt_sum_us += 32000;
		history_minute(&history, &total, minute(m));
	}
	ok(history_read(&history, HISTORY_QUARTERS, minute(3 * 360 + 15), &v) && v.samples == 73,
	   "73 quarters are over (%u)", v.samples);
	ok(history_unround(v.sample[1].in_octets) >= 14990 && history_unround(v.sample[1].in_octets) <= 15000 &&
	           history_unround(v.sample[1].in_packets) == 30 && history_unround8(v.sample[1].drops) == 15,
	   "15 minutes hold 15 times as much");
	ok(history_loss_percent(&v.sample[1]) > 20 && history_loss_percent(&v.sample[1]) < 30,
	   "and lost as much on average: %f", history_loss_percent(&v.sample[1]));
	ok(history_read(&history, HISTORY_SIXTHS, minute(3 * 360 + 15), &v) && v.samples == 3 &&
	           history_unround(v.sample[2].in_octets) > 359000 &&
	           history_unround(v.sample[2].in_octets) <= 360000,
	   "six hours likewise: %u, %llu", v.samples,
	   (unsigned long long)history_unround(v.sample[2].in_octets));
	ok(v.age_s == 15 * 60 + 12, "and say when they ended (%lld)", (long long)v.age_s);
}

static void rings_go_round(void)
{
	struct history_sum total = { .sent = 0 };
	struct history_view v;
	bool same = true;

	memset(&history, 0, sizeof(history));
	for (int64_t m = 0; m < 500; m++) {
		total.in_packets += (uint64_t)m;
		history_minute(&history, &total, minute(m));
	}
	same = history_read(&history, HISTORY_MINUTES, minute(499), &v) && v.samples == HISTORY_MINUTES_N;
	for (unsigned int i = 0; i < v.samples; i++)
		same = same && v.known[i] && history_unround(v.sample[i].in_packets) == 380 + i;
	ok(same, "the last 120 of 500 minutes, in order");
	history_forget(&history);
	ok(history_read(&history, HISTORY_MINUTES, minute(499), &v) && v.samples == 0 &&
	           history_read(&history, HISTORY_QUARTERS, minute(499), &v) && v.samples == 0,
	   "the next tenant begins with nothing");
	total = (struct history_sum){ .in_packets = 7 };
	history_minute(&history, &total, minute(500));
	ok(history_read(&history, HISTORY_MINUTES, minute(500), &v) && v.samples == 1 &&
	           history_unround(v.sample[0].in_packets) == 7,
	   "and with his own counters");
}

static void a_reset_window_is_new(void)
{
	struct history_sum total = { .sent = 100, .received = 90, .rtt_sum_us = 90 * 16000 };
	struct history_view v;

	memset(&history, 0, sizeof(history));
	history_minute(&history, &total, minute(1));
	total = (struct history_sum){ .sent = 1, .received = 1, .rtt_sum_us = 1600 };
	history_minute(&history, &total, minute(2));
	ok(history_read(&history, HISTORY_MINUTES, minute(2), &v) && v.samples == 2 &&
	           history_rtt_us(&v.sample[1]) == 1600 && history_loss_percent(&v.sample[1]) < 0.01,
	   "after `tunnel stats RESET` the probes of the new window count");
}

int main(void)
{
	rounding_keeps_order_and_small_numbers();
	a_minute_is_what_was_counted_in_it();
	what_was_skipped_is_unknown();
	longer_samples_are_the_sum_of_the_shorter();
	rings_go_round();
	a_reset_window_is_new();
	return tap_done();
}
