/*
 * src/table/verdict.h - the verdict of every step, generated from verdict.def
 *
 * It lies in table/ and not in path/ because counters, CLI and BPF read it too.
 */
#ifndef SIXXSD_TABLE_VERDICT_H
#define SIXXSD_TABLE_VERDICT_H

#include "table/errname.h"

enum verdict {
#define VERDICT(name, owed, error, sentence) name,
#include "table/verdict.def"
#undef VERDICT
	VERDICT_COUNT,
};

/* What the sender is owed, named for IPv6 (forwarding.md 8 and 10). */
enum owed {
	OWED_NONE,
	OWED_NO_ROUTE,		/* ICMPv6 1/0, ICMPv4 3/0 */
	OWED_ADMIN,		/* 1/1, 3/13 */
	OWED_ADDRESS,		/* 1/3, 3/0 */
	OWED_PORT,		/* 1/4, 3/3 */
	OWED_PROTOCOL,		/* 1/4, 3/2 */
	OWED_TIME_EXCEEDED,	/* 3/0, 11/0 */
	OWED_TOO_BIG,		/* 2/0, 3/4 */
	OWED_PARAMETER,		/* 4/0, 12/0 */
};

struct verdict_info {
	const char	*name;		/* "DROP_HOP_LIMIT", the enum's spelling */
	const char	*sentence;	/* for people */
	enum owed	owed;
	enum errname	error;		/* ERR_NONE where history has no name */
};

extern const struct verdict_info verdict_info[VERDICT_COUNT];

/* The first verdict that is a drop; everything before it did what was wanted. */
#define VERDICT_FIRST_DROP	DROP_OUTER_SHORT

static inline int verdict_is_drop(enum verdict v)
{
	return v >= VERDICT_FIRST_DROP;
}

#endif
