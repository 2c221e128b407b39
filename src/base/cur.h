/*
 * src/base/cur.h - the cursor: the only way bytes from outside become values
 *
 * A cursor borrows memory and never outlives it. Nothing is ever cast to a
 * struct: a header is copied out, which freezes what was checked and ends the
 * question of alignment. A nested length gets its own cursor, so that an inner
 * lie cannot reach outer bytes.
 */
#ifndef SIXXSD_BASE_CUR_H
#define SIXXSD_BASE_CUR_H

#include <string.h>
#include "base/def.h"

struct cur {
	const uint8_t	*at;	/* next unread byte; borrowed, never outlives the packet */
	size_t		left;	/* bytes from there to the end */
};

static inline struct cur cur_of(const void *bytes, size_t len)
{
	return (struct cur){ .at = bytes, .left = len };
}

/**
 * cur_take() - copy the next header out and step over it
 * @c:		moved only on success
 * @dst:	written only on success; any alignment its type needs
 * @len:	bytes
 *
 * Return: false when fewer than @len bytes are left
 */
static inline MUST_CHECK bool cur_take(struct cur *c, void *dst, size_t len)
{
	if (c->left < len)
		return false;

	memcpy(dst, c->at, len);
	c->at += len;
	c->left -= len;
	return true;
}
#define CUR_TAKE(c, hdr) cur_take((c), (hdr), sizeof(*(hdr)))

/* Copies without stepping; by value, so the caller's cursor stays. */
static inline MUST_CHECK bool cur_peek(struct cur c, void *dst, size_t len)
{
	return cur_take(&c, dst, len);
}
#define CUR_PEEK(c, hdr) cur_peek((c), (hdr), sizeof(*(hdr)))

static inline MUST_CHECK bool cur_skip(struct cur *c, size_t len)
{
	if (c->left < len)
		return false;

	c->at += len;
	c->left -= len;
	return true;
}

/**
 * cur_sub() - step over @len bytes and hand them out as a cursor of their own
 * @c:		moved only on success
 * @sub:	written only on success
 */
static inline MUST_CHECK bool cur_sub(struct cur *c, struct cur *sub, size_t len)
{
	if (c->left < len)
		return false;

	*sub = cur_of(c->at, len);
	c->at += len;
	c->left -= len;
	return true;
}

/* Forget what lies behind the first @len bytes. */
static inline MUST_CHECK bool cur_cut(struct cur *c, size_t len)
{
	if (c->left < len)
		return false;

	c->left = len;
	return true;
}

#endif
