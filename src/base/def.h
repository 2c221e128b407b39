/*
 * src/base/def.h - the few words the compiler lacks
 */
#ifndef SIXXSD_BASE_DEF_H
#define SIXXSD_BASE_DEF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_CHECK		__attribute__((warn_unused_result))
#define PRINTF(fmt, first)	__attribute__((format(printf, fmt, first)))
#define ALIGNED(bytes)		__attribute__((aligned(bytes)))

#define ARRAY_LEN(a)		(sizeof(a) / sizeof((a)[0]))

#define CACHE_LINE		64

static inline size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline size_t max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

#endif
