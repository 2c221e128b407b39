/* `tunnel capture` and `pop capture`: the answer, and what the server shall stream behind it. */
#include "ctl/commands.h"

#include "ctl/capture.h"
#include "ctl/refuse.h"
#include "ctl/tree.h"

#define PACKETS_MAX	1000000000
#define SECONDS_MAX	(366 * 86400)

/* The words of every stream, in either format: what follows is no line. */
static int follows(struct session *s, struct answer *an)
{
	s->wants = WANTS_STREAM;
	answer_reset(an, ANSWER_TEXT);
	answer_say(an, ANSWER_OK, "pcapng follows");
	return 0;
}

/* "20" packets or "20s"; each once. */
static bool limit_of(const struct arg *a, struct capture_order *o)
{
	bool seconds = a->len > 1 && a->word[a->len - 1] == 's';
	uint32_t *to = seconds ? &o->seconds : &o->packets;
	size_t digits = a->len - seconds;
	uint64_t n = 0;

	for (size_t i = 0; i < digits && n <= PACKETS_MAX; i++) {
		if (a->word[i] < '0' || a->word[i] > '9')
			return false;
		n = 10 * n + (uint64_t)(a->word[i] - '0');
	}
	if (*to != 0 || n == 0 || n > (seconds ? SECONDS_MAX : PACKETS_MAX))
		return false;
	*to = (uint32_t)n;
	return true;
}

HANDLER(tunnel_capture)
{
	struct capture_order o = { .tid = TID_NONE };
	struct why why;

	if (!s->connection)
		return answer_error(an, ANSWER_BAD, "Only a session can capture");
	if (!word_is(args[0].word, args[0].len, "all") &&
	    arg_tunnel(c, args[0].word, args[0].len, WORDS_FREE, &o.tid, &why) < 0)
		return answer_why(an, &why);
	for (unsigned int i = 1; i < n; i++) {
		if (!limit_of(&args[i], &o))
			return answer_error(an, ANSWER_BAD, "%.*s is neither a number of packets (20) "
					    "nor of seconds (20s), or is given twice",
					    (int)min_size(args[i].len, 40), args[i].word);
	}
	if (o.tid != TID_NONE)
		o.id = control_config(c)->tunnel[o.tid].id;
	if (capture_begin(c, s->connection, o.tid, &why) < 0)
		return answer_why(an, &why);
	s->order = o;
	return follows(s, an);
}

static HANDLER(capture_drops)
{
	(void)c, (void)args, (void)n;
	if (!s->connection)
		return answer_error(an, ANSWER_BAD, "Only a session can capture");
	s->order = (struct capture_order){ .drops = true, .tid = TID_NONE };
	return follows(s, an);
}

const struct cmd pop_capture_rows[] = {
	{ .name = "drops", .run = capture_drops,
	  .help = "the last packets that died and why, as a pcapng stream" },
	{ .name = NULL }
};
