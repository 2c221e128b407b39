/*
 * src/base/bucket.h - token bucket
 *
 * Holds up to @burst tokens and gains @rate a second. Time is an argument; a
 * clock that does not move gives nothing, one that stepped back neither gives
 * nor takes. Tokens are kept in millionths, so no rate is lost to rounding.
 */
#ifndef SIXXSD_BASE_BUCKET_H
#define SIXXSD_BASE_BUCKET_H

#include "base/time.h"

struct bucket {
	mono_t		filled;		/* last time tokens were added */
	uint64_t	tokens_u;	/* millionths of a token */
};

/* Tokens, whole; what they stand for (packets, octets) is the caller's. */
struct bucket_rate {
	uint64_t	per_s;		/* below 2^40 */
	uint64_t	burst;		/* below 2^40 */
};

/* A new bucket is full. */
static inline void bucket_init(struct bucket *b, struct bucket_rate r, mono_t now)
{
	*b = (struct bucket){ .filled = now, .tokens_u = r.burst * 1000000 };
}

/**
 * bucket_take() - may this cost @tokens now?
 *
 * Return: false, and nothing taken, when fewer are there
 */
static inline MUST_CHECK bool bucket_take(struct bucket *b, struct bucket_rate r, mono_t now,
					  uint64_t tokens)
{
	int64_t us = mono_since_us(now, b->filled);
	uint64_t full_u = r.burst * 1000000;

	if (us > 0) {
		/* no more than it takes to fill: keeps the product in range */
		uint64_t enough_us = r.per_s ? full_u / r.per_s + 1 : 0;
		uint64_t gain_us = (uint64_t)us < enough_us ? (uint64_t)us : enough_us;

		b->tokens_u += gain_us * r.per_s;
		b->filled = now;
	}
	if (b->tokens_u > full_u)
		b->tokens_u = full_u;
	if (b->tokens_u < tokens * 1000000)
		return false;

	b->tokens_u -= tokens * 1000000;
	return true;
}

/* Take back what was taken for a packet that then did not pass another bucket. */
static inline void bucket_give(struct bucket *b, uint64_t tokens)
{
	b->tokens_u += tokens * 1000000;
}

#endif
