/* tests/unit/t_why.c - every cause of the table, with short and with the longest words */
#include "why.h"

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

int main(void)
{
	every_cause_is_produced();
	return answers_were_good();
}
