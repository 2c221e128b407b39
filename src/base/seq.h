/*
 * src/base/seq.h - one writer, many readers, no lock: a sequence around a record
 *
 * The writer makes the sequence odd, copies, and makes it even; a reader copies
 * and accepts only when it saw the same even number before and after. The words
 * in between are copied with relaxed atomics, so this is a defined program and
 * not just one that happens to work. Records are whole 64-bit words.
 */
#ifndef SIXXSD_BASE_SEQ_H
#define SIXXSD_BASE_SEQ_H

#include "base/def.h"

struct seq {
	uint32_t	n;		/* odd while the writer is inside */
	uint32_t	pad;
};

/* @len is a multiple of 8; both sides 8-aligned. Only the record's one writer calls this. */
static inline void seq_write(struct seq *s, void *record, const void *from, size_t len)
{
	uint32_t n = __atomic_load_n(&s->n, __ATOMIC_RELAXED);
	const uint64_t *src = from;
	uint64_t *dst = record;

	__atomic_store_n(&s->n, n + 1, __ATOMIC_RELAXED);
	for (size_t i = 0; i < len / 8; i++)	/* release: not before the odd number */
		__atomic_store_n(&dst[i], src[i], __ATOMIC_RELEASE);
	__atomic_store_n(&s->n, n + 2, __ATOMIC_RELEASE);
}

/**
 * seq_read() - copy a record out, whole
 *
 * Return: false when the writer was inside; try again, bounded
 */
static inline MUST_CHECK bool seq_read(const struct seq *s, const void *record, void *to,
				       size_t len)
{
	uint32_t before = __atomic_load_n(&s->n, __ATOMIC_ACQUIRE);
	const uint64_t *src = record;
	uint64_t *dst = to;

	if (before & 1)
		return false;
	for (size_t i = 0; i < len / 8; i++)	/* acquire: not after the second look */
		dst[i] = __atomic_load_n(&src[i], __ATOMIC_ACQUIRE);
	return __atomic_load_n(&s->n, __ATOMIC_RELAXED) == before;
}

/* A counter with one writer: readers sum relaxed loads. */
static inline void count_add(uint64_t *c, uint64_t n)
{
	__atomic_store_n(c, __atomic_load_n(c, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

static inline uint64_t count_get(const uint64_t *c)
{
	return __atomic_load_n(c, __ATOMIC_RELAXED);
}

#endif
