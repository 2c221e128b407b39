/*
 * src/base/time.h - two clocks that do not mix
 *
 * mono_t never steps and means nothing outside this boot; wall_t is what peers
 * sign with and people read, and may step either way (security.md H9). Both
 * arrive as arguments: nothing below io/ reads a clock.
 */
#ifndef SIXXSD_BASE_TIME_H
#define SIXXSD_BASE_TIME_H

#include "base/def.h"

typedef struct { int64_t us; } mono_t;	/* CLOCK_MONOTONIC, microseconds; 0 = never */
typedef struct { int64_t s; } wall_t;	/* seconds since 1970 UTC; 0 = never */

#define US_PER_S	1000000
#define US_PER_MS	1000

static inline int64_t mono_since_us(mono_t now, mono_t then)
{
	return now.us - then.us;
}

/* A moment in the future counts as now: the wall clock may have stepped back. */
static inline int64_t wall_since_s(wall_t now, wall_t then)
{
	return now.s > then.s ? now.s - then.s : 0;
}

/* |now - epoch|; @epoch_s is unsigned on the wire, the difference is not. */
static inline int64_t wall_skew_s(wall_t now, uint64_t epoch_s)
{
	if (epoch_s > INT64_MAX)
		return INT64_MAX;
	int64_t d = now.s - (int64_t)epoch_s;

	return d < 0 ? -d : d;
}

#endif
