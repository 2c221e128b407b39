/*
 * src/table/story.h - what happened to a tunnel, beyond counters: the evidence of `tunnel why`
 *
 * Written by the tunnel's owner when something happens, which is rarely; read whole through
 * a sequence. Times are wall clock, seconds; 0: never.
 */
#ifndef SIXXSD_TABLE_STORY_H
#define SIXXSD_TABLE_STORY_H

#include "base/addr.h"
#include "base/seq.h"
#include "base/time.h"
#include "table/verdict.h"

#define STORY_MOVES	8
#define STORY_BIG_S	2	/* a sender that was told has had time to heed it (RFC 8201 4) */

/* Where the client was heard, newest last; the ring's next place is moves % STORY_MOVES. */
struct story_move {
	int64_t		at_s;
	struct ip6_addr	them;
	uint16_t	port;		/* AYIYA; else 0 */
	uint16_t	pad[3];
};
_Static_assert(sizeof(struct story_move) == 32, "whole words for the sequence");

/* Somebody who keeps sending what is too big: told once, at least. */
struct story_big {
	struct ip6_addr	source, destination;
	int64_t		first_s, last_s;	/* of this pair */
	uint32_t	again;		/* packets later than STORY_BIG_S after the first */
	uint16_t	bytes;		/* of the last one */
	uint16_t	mtu_bytes;	/* that it was told */
};
_Static_assert(sizeof(struct story_big) == 56, "whole words for the sequence");

struct story {
	int64_t		since_s;	/* the present state holds from here on */
	uint32_t	moves;		/* entries of @move ever written */
	uint32_t	silent;		/* went down because nothing came; else: was set so */
	struct story_move move[STORY_MOVES];
	struct story_big big;
};
_Static_assert(sizeof(struct story) == 16 + STORY_MOVES * 32 + 56, "whole words");

/* One a tunnel, in the region. */
struct tunnel_story {
	uint64_t	drops;		/* of every reason together */
	uint64_t	drops_kept;	/* of them in the history: the owner's */
	struct seq	seq;
	struct story	story;
	uint32_t	verdict_s[VERDICT_COUNT];	/* when each was reached last; its own word */
} ALIGNED(CACHE_LINE);

/* For every thread but the owner; all zero when a writer is in the way, which a bug would be. */
struct story story_read(const struct tunnel_story *ts);
/* Owner. @old: what the owner reads plainly, ts->story. */
static inline void story_write(struct tunnel_story *ts, const struct story *s)
{
	seq_write(&ts->seq, &ts->story, s, sizeof(*s));
}

/* @silent: the client was heard no more; else it was heard, or configured */
void story_since(struct tunnel_story *ts, bool silent, wall_t now);
void story_moved(struct tunnel_story *ts, const struct ip6_addr *them, uint16_t port, wall_t now);
/* A packet from @source to @destination was too big, and @mtu_bytes is what its sender is told. */
void story_too_big(struct tunnel_story *ts, const struct ip6_addr *source,
		   const struct ip6_addr *destination, size_t bytes, uint16_t mtu_bytes, wall_t now);
void story_forget(struct tunnel_story *ts);

static inline void story_verdict(struct tunnel_story *ts, enum verdict v, wall_t now)
{
	__atomic_store_n(&ts->verdict_s[v], (uint32_t)now.s, __ATOMIC_RELAXED);
}

static inline int64_t story_verdict_s(const struct tunnel_story *ts, enum verdict v)
{
	return __atomic_load_n(&ts->verdict_s[v], __ATOMIC_RELAXED);
}

#endif
