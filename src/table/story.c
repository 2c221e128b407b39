#include "table/story.h"

#define SEQ_TRIES	1000000

struct story story_read(const struct tunnel_story *ts)
{
	struct story s;

	for (int i = 0; i < SEQ_TRIES; i++) {
		if (seq_read(&ts->seq, &ts->story, &s, sizeof(s)))
			return s;
	}
	return (struct story){ .since_s = 0 };
}

void story_since(struct tunnel_story *ts, bool silent, wall_t now)
{
	struct story s = ts->story;

	s.since_s = now.s;
	s.silent = silent;
	story_write(ts, &s);
}

void story_moved(struct tunnel_story *ts, const struct ip6_addr *them, uint16_t port, wall_t now)
{
	struct story s = ts->story;

	s.move[s.moves++ % STORY_MOVES] = (struct story_move){
		.at_s = now.s, .them = *them, .port = port,
	};
	story_write(ts, &s);
}

void story_too_big(struct tunnel_story *ts, const struct ip6_addr *source,
		   const struct ip6_addr *destination, size_t bytes, uint16_t mtu_bytes, wall_t now)
{
	struct story s = ts->story;

	if (!addr_eq(&s.big.source, source) || !addr_eq(&s.big.destination, destination))
		s.big = (struct story_big){ .source = *source, .destination = *destination,
					    .first_s = now.s };
	else if (now.s - s.big.first_s >= STORY_BIG_S)
		s.big.again++;
	s.big.last_s = now.s;
	s.big.bytes = (uint16_t)min_size(bytes, UINT16_MAX);
	s.big.mtu_bytes = mtu_bytes;
	story_write(ts, &s);
}

void story_forget(struct tunnel_story *ts)
{
	static const struct story none;

	story_write(ts, &none);
	__atomic_store_n(&ts->drops, 0, __ATOMIC_RELAXED);
	ts->drops_kept = 0;
	for (size_t i = 0; i < VERDICT_COUNT; i++)
		__atomic_store_n(&ts->verdict_s[i], 0, __ATOMIC_RELAXED);
}
