/*
 * What time alone does to a tunnel.
 */
#include "auth.h"

#define S INT64_C(1000000)

static void silence_takes_a_dynamic_tunnel_down(void)
{
	static const struct {
		enum tunnel_kind kind;
		enum tunnel_state before, after;
		int64_t silent_us;
		const char *why;
	} rows[] = {
		{ KIND_AYIYA, STATE_UP, STATE_UP, 120 * S - 1, "ayiya, a moment before 120 s" },
		{ KIND_AYIYA, STATE_UP, STATE_DOWN, 120 * S, "ayiya, 120 s" },
		{ KIND_HEARTBEAT, STATE_UP, STATE_UP, 120 * S - 1, "heartbeat, a moment before" },
		{ KIND_HEARTBEAT, STATE_UP, STATE_DOWN, 120 * S, "heartbeat, 120 s" },
		{ KIND_DYNAMIC, STATE_UP, STATE_DOWN, 180 * S, "dynamic, 180 s" },
		{ KIND_STATIC, STATE_UP, STATE_UP, 100000 * S, "static: never" },
		{ KIND_AYIYA, STATE_DOWN, STATE_DOWN, 500 * S, "down stays down" },
		{ KIND_AYIYA, STATE_DISABLED, STATE_DISABLED, 500 * S, "disabled stays disabled" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture *f = auth_new();
		bool falls = rows[i].before != rows[i].after;
		bool down = rows[i].after == STATE_DOWN;

		/* as adopted: a static one by its address, the others without */
		auth_change(f, 5, rows[i].kind, HASH_SHA1, PASSWORD, 0);
		auth_ep(f, 5)->state = (uint8_t)rows[i].before;
		auth_ep(f, 5)->type = TYPE_AYIYA;
		auth_ep(f, 5)->them = address(ALICE);
		auth_ep(f, 5)->them_port = 1000;
		auth_cold(f, 5)->last_beat = f->pa.now;
		auth_cold(f, 5)->ayiya_newest_s = 17;
		auth_cold(f, 5)->ayiya_seens = 3;
		auth_cold(f, 5)->beat_newest_s = 17;
		f->pa.events = 0;
		pop_pass_time(f, rows[i].silent_us);
		path_tick(&f->pa, 5);
		ok(auth_ep(f, 5)->state == rows[i].after && f->pa.events == falls &&
		           (auth_cold(f, 5)->ayiya_newest_s == -1) == down &&
		           (auth_cold(f, 5)->ayiya_seens == 0) == down &&
		           auth_cold(f, 5)->beat_newest_s == 17 && is_at(f, 5, ALICE, 1000) &&
		           auth_ep(f, 5)->type == TYPE_AYIYA,
		   "%s: state %d, endpoint and type are kept", rows[i].why, rows[i].after);
		if (falls)
			ok(f->pa.event[0].event == EVENT_DOWN && f->pa.event[0].tid == 5 &&
			           f->pa.event[0].port == 1000,
			   "%s: told once", rows[i].why);
		f->pa.events = 0;
		path_tick(&f->pa, 5);
		ok(f->pa.events == 0, "%s: the next tick has nothing to tell", rows[i].why);
	}
}

/* sixxsd-config.md 6: a static tunnel pushed as dynamic stays up until the time-out */
static void one_that_never_beat_goes_down_with_the_next_tick(void)
{
	struct fixture *f = auth_new();

	auth_change(f, 9, KIND_HEARTBEAT, HASH_SHA1, PASSWORD, 0);
	ok(auth_ep(f, 9)->state == STATE_UP && is_at(f, 9, "203.0.113.200", 0),
	   "static made heartbeat: still up at the old address");
	f->pa.now.us = S; /* a host that has just booted */
	path_tick(&f->pa, 9);
	ok(auth_ep(f, 9)->state == STATE_DOWN, "it never beat, so the tick takes it down");
}

static void a_path_mtu_is_believed_for_ten_minutes(void)
{
	static const struct {
		uint16_t tid;
		int64_t age_us;
		bool forgotten;
	} rows[] = {
		{ 9, 600 * S - 1, false },
		{ 9, 600 * S, true },
		{ 5, 600 * S - 1, false },
		{ 5, 600 * S, true },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture *f = auth_new();
		uint16_t tid = rows[i].tid;

		auth_ep(f, tid)->path_mtu_bytes = 1300;
		auth_ep(f, tid)->fragment_here = 1;
		auth_cold(f, tid)->path_mtu_at = f->pa.now;
		pop_pass_time(f, rows[i].age_us);
		path_tick(&f->pa, tid);
		ok((auth_ep(f, tid)->path_mtu_bytes == 0) == rows[i].forgotten &&
		           (auth_ep(f, tid)->fragment_here == 0) == rows[i].forgotten &&
		           f->pa.events == rows[i].forgotten &&
		           (!rows[i].forgotten ||
		            (f->pa.event[0].event == EVENT_PATH_MTU && f->pa.event[0].value == 0)),
		   "tunnel %u, learned %lld us ago: %s", tid, (long long)rows[i].age_us,
		   rows[i].forgotten ? "forgotten, and told" : "kept");
	}
}

static void slots_without_a_tunnel_are_passed_over(void)
{
	struct fixture *f = auth_new();
	struct snapshot before = auth_snapshot(f);

	pop_pass_time(f, 1000 * S);
	path_tick(&f->pa, 10);
	path_tick(&f->pa, POP_TUNNELS);
	path_tick(&f->pa, TID_NONE);
	ok(auth_unchanged(f, &before), "an empty slot, and numbers beyond the table: nothing");
}

int main(void)
{
	silence_takes_a_dynamic_tunnel_down();
	one_that_never_beat_goes_down_with_the_next_tick();
	a_path_mtu_is_believed_for_ten_minutes();
	slots_without_a_tunnel_are_passed_over();
	return tap_done();
}
