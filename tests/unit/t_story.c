/*
 * What happened to a tunnel, and the flight recorder.
 */
#include "tap.h"

#include "table/recorder.h"
#include "table/story.h"

static struct tunnel_story story;
static struct recorder recorder;

static struct ip6_addr address(uint8_t last)
{
	struct ip6_addr a = { { 0x20, 0x01, 0x0d, 0xb8 } };

	a.b[15] = last;
	return a;
}

static void the_last_endpoints_are_kept(void)
{
	struct story s;

	for (uint8_t i = 1; i <= 10; i++) {
		struct ip6_addr a = address(i);

		story_moved(&story, &a, (uint16_t)(1000 + i), (wall_t){ 100 + i });
	}
	s = story_read(&story);
	ok(s.moves == 10 && s.move[(s.moves - 1) % STORY_MOVES].port == 1010 &&
	           s.move[s.moves % STORY_MOVES].port == 1003 &&
	           s.move[(s.moves - 1) % STORY_MOVES].at_s == 110,
	   "eight of ten, and the count of all");
	story_since(&story, true, (wall_t){ 77 });
	ok(story_read(&story).since_s == 77 && story_read(&story).moves == 10 && story_read(&story).silent,
	   "a state's beginning stands beside them");
}

static void who_does_not_heed_is_found(void)
{
	struct ip6_addr a = address(1), b = address(2), c = address(3);

	for (int i = 0; i < 50; i++)
		story_too_big(&story, &a, &b, 1500, 1428, (wall_t){ 1000 });
	ok(story_read(&story).big.again == 0, "a burst within the round trip is no disobedience");
	story_too_big(&story, &a, &b, 1500, 1428, (wall_t){ 1001 });
	ok(story_read(&story).big.again == 0, "nor is the second after");
	story_too_big(&story, &a, &b, 1490, 1428, (wall_t){ 1002 });
	ok(story_read(&story).big.again == 1 && story_read(&story).big.bytes == 1490 &&
	           story_read(&story).big.last_s == 1002 && story_read(&story).big.first_s == 1000,
	   "two seconds later it is");
	story_too_big(&story, &a, &c, 1500, 1428, (wall_t){ 1003 });
	ok(story_read(&story).big.again == 0, "to another destination it may try");
}

static void a_freed_slot_tells_nothing(void)
{
	struct story s;

	story_verdict(&story, DROP_TOO_BIG, (wall_t){ 5 });
	ok(story_verdict_s(&story, DROP_TOO_BIG) == 5, "a verdict has its time");
	story_forget(&story);
	s = story_read(&story);
	ok(s.moves == 0 && s.since_s == 0 && s.big.last_s == 0 && story_verdict_s(&story, DROP_TOO_BIG) == 0,
	   "and the next tenant finds none of it");
}

static void each_reason_has_its_own_ring(void)
{
	struct drop d = { .verdict = DROP_HOP_LIMIT, .len = 1 }, got;

	ok(!recorder_get(&recorder, DROP_HOP_LIMIT, 0, &got), "an empty ring has nothing");
	recorder_put(&recorder, &d);
	for (uint32_t i = 0; i < 1000; i++) {
		d = (struct drop){ .verdict = DROP_OUTER_SOURCE, .len = i };
		recorder_put(&recorder, &d);
	}
	ok(recorder_get(&recorder, DROP_HOP_LIMIT, 0, &got) && got.len == 1 &&
	           !recorder_get(&recorder, DROP_HOP_LIMIT, 1, &got),
	   "a flood of one reason leaves the others");
	ok(recorder_get(&recorder, DROP_OUTER_SOURCE, 0, &got) && got.len == 992 &&
	           recorder_get(&recorder, DROP_OUTER_SOURCE, 7, &got) && got.len == 999 &&
	           !recorder_get(&recorder, DROP_OUTER_SOURCE, 8, &got),
	   "and keeps its last eight, oldest first");
	d = (struct drop){ .verdict = VERDICT_COUNT - 1, .len = 9 };
	recorder_put(&recorder, &d);
	ok(recorder_get(&recorder, VERDICT_COUNT - 1, 0, &got) && got.len == 9,
	   "the last reason of the table has room too");
}

/* ---- all of them at once ---- */

static struct recorder workers[WORKERS_MAX];

/* @at: also what it is told apart by */
static void die(unsigned int worker, enum verdict v, int64_t at)
{
	struct drop d = { .verdict = (uint16_t)v, .at = { at }, .len = (uint32_t)at };

	recorder_put(&workers[worker], &d);
}

struct recalled {
	unsigned int	n, of[VERDICT_COUNT];
	bool		in_order;
	int64_t		at;		/* of the last one */
};

static bool take_next(struct recall *c, struct recalled *got)
{
	struct drop d;

	if (!recall_next(c, &d))
		return false;
	got->n++;
	got->of[d.verdict]++;
	got->in_order = d.at.us >= got->at && d.len == (uint32_t)d.at.us;
	got->at = d.at.us;
	return true;
}

static void all_are_recalled_by_time(void)
{
	struct recalled got = { .n = 0 };
	bool in_order = true;
	static struct recall c;

	memset(workers, 0, sizeof(workers));
	recall_begin(&c, workers);
	ok(!take_next(&c, &got), "of nothing there is nothing");
	for (int64_t at = 1; at <= 100; at++)
		die((unsigned int)(at % 3), at % 2 ? DROP_HOP_LIMIT : DROP_OUTER_SOURCE, at);
	die(WORKERS_MAX - 1, VERDICT_COUNT - 1, 50);
	recall_begin(&c, workers);
	while (take_next(&c, &got))
		in_order &= got.in_order;
	ok(in_order && got.n == 49 && got.of[DROP_HOP_LIMIT] == 24 && got.of[VERDICT_COUNT - 1] == 1,
	   "the last eight of each worker and reason, by time");
	ok(c.lost == 0, "and none is lost");
}

/* @each: how many more die of the same whenever one was read */
static void recall_in_a_flood(unsigned int each, struct recalled *got, bool *in_order, struct recall *c)
{
	int64_t at = 0;

	memset(workers, 0, sizeof(workers));
	memset(got, 0, sizeof(*got));
	*in_order = true;
	for (int i = 0; i < 5; i++)
		die(0, DROP_HOP_LIMIT, ++at);
	for (int i = 0; i < 20; i++)
		die(1, DROP_OUTER_SOURCE, ++at);
	recall_begin(c, workers);
	while (got->n < 1000 && take_next(c, got)) {
		*in_order &= got->in_order;
		for (unsigned int i = 0; i < each; i++)
			die(1, DROP_OUTER_SOURCE, ++at);
	}
}

static void they_are_those_of_one_moment(void)
{
	static struct recall c;
	struct recalled got;
	bool in_order;

	recall_in_a_flood(100, &got, &in_order, &c);
	ok(in_order && got.of[DROP_HOP_LIMIT] == 5 && got.of[DROP_OUTER_SOURCE] == 8 && c.lost == 0,
	   "what comes while they are told changes nothing");
}

static void one_that_is_written_is_not_read(void)
{
	static struct recall c;
	struct recalled got = { .n = 0 };
	struct drop d;

	memset(workers, 0, sizeof(workers));
	for (int64_t at = 1; at <= 11; at++)
		die(0, DROP_HOP_LIMIT, at);
	ok(!recorder_at(&workers[0], DROP_HOP_LIMIT, 2, &d) && recorder_at(&workers[0], DROP_HOP_LIMIT, 3, &d) &&
		   d.len == 4 && recorder_at(&workers[0], DROP_HOP_LIMIT, 10, &d) && d.len == 11 &&
		   !recorder_at(&workers[0], DROP_HOP_LIMIT, 11, &d),
	   "a number is that drop's and no other's");
	workers[0].slot[DROP_HOP_LIMIT - VERDICT_FIRST_DROP][5].seq.n++;
	recall_begin(&c, workers);
	while (take_next(&c, &got))
		;
	ok(got.n == 7 && c.lost == 1, "and what is being overwritten is lost, alone");
}

int main(void)
{
	the_last_endpoints_are_kept();
	who_does_not_heed_is_found();
	a_freed_slot_tells_nothing();
	each_reason_has_its_own_ring();
	all_are_recalled_by_time();
	they_are_those_of_one_moment();
	one_that_is_written_is_not_read();
	return tap_done();
}
