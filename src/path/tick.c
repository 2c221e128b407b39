/*
 * What time alone does to a tunnel: a dynamic one that was silent too long goes down,
 * and what an ICMP message said about the path is believed no longer than 10 minutes.
 */
#include "path/steps.h"

#include "wire/ayiya.h"

static bool is_over(mono_t now, mono_t since, int64_t limit_s)
{
	return since.us == 0 || mono_since_us(now, since) >= limit_s * US_PER_S;
}

static void go_down(struct path *pa, uint16_t tid, struct endpoint *ep)
{
	ep->state = STATE_DOWN;
	path_emit(pa, (struct path_event){
		.event = EVENT_DOWN, .tid = tid, .value = BEAT_TIMEOUT_S, .address = ep->them,
		.port = ep->type == TYPE_AYIYA ? ep->them_port : 0,
	});
}

/*
 * A tunnel that is down forgets its newest epoch, so that a client whose clock jumped
 * back recovers (ayiya.md 8), but not while a captured packet of that second would still
 * pass the clock check: if the client's clock was ahead, that is later than the time-out.
 * The newest heartbeat stays for 240 s, see beat.c.
 */
static void forget_epoch(const struct path *pa, struct tunnel_cold *k)
{
	if (k->ayiya_newest_s < 0 ||
	    wall_skew_s(pa->wall, (uint64_t)k->ayiya_newest_s) <= AYIYA_SKEW_MAX_S)
		return;

	k->ayiya_newest_s = -1;
	k->ayiya_seens = 0;
}

/*
 * A tunnel that is not up and of which nothing was dropped has no sample: thousands of them cost
 * nothing, and a chart has a gap where it was down. What it forwarded since the last look is
 * found when it is up again.
 */
static void remember(struct path *pa, uint16_t tid, bool up)
{
	struct history *h = tunnel_history(pa->tb, tid);
	const struct latency *l = &pa->tb->cold[tid].latency;
	struct tunnel_story *ts = &pa->tb->story[tid];
	struct history_sum sum;

	if (!h || (!up && ts->drops == ts->drops_kept))
		return;
	sum = h->last;
	sum.drops = ts->drops_kept = ts->drops;
	if (up) {
		struct traffic t = tunnel_traffic(pa->tb, tid);

		sum = (struct history_sum){
			.in_octets = t.in_octets, .out_octets = t.out_octets,
			.in_packets = t.in_packets, .out_packets = t.out_packets,
			.drops = sum.drops,
			.sent = l->sent, .received = l->received, .rtt_sum_us = l->sum_us,
		};
	}
	history_minute(h, &sum, pa->now);
}

void path_tick(struct path *pa, uint16_t tid)
{
	const struct tunnel_conf *c = config_tunnel(pa->cf, tid);

	if (!c)
		return;

	struct tunnel_cold *k = &pa->tb->cold[tid];
	struct tunnel *t = &pa->tb->tunnel[tid];
	struct endpoint ep = t->ep;

	if (conf_is_dynamic(c) && ep.state == STATE_UP &&
	    is_over(pa->now, k->last_beat, BEAT_TIMEOUT_S))
		go_down(pa, tid, &ep);
	if (ep.state == STATE_DOWN)
		forget_epoch(pa, k);
	if (ep.path_mtu_bytes && is_over(pa->now, k->path_mtu_at, PATH_MTU_AGE_S)) {
		endpoint_forget_path(&ep);
		path_emit(pa, (struct path_event){
			.event = EVENT_PATH_MTU, .tid = tid, .address = ep.them,
		});
	}
	if (memcmp(&ep, &t->ep, sizeof(ep)) != 0)
		path_commit(pa, tid, &ep);
	remember(pa, tid, ep.state == STATE_UP);
}
