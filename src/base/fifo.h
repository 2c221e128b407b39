/*
 * src/base/fifo.h - records of any length from one thread to another, without a lock
 *
 * One producer, one consumer, memory of a fixed size. What does not fit is the producer's to
 * count: nobody waits. A record begins on a cache line and never wraps: what is left at the end
 * of the memory is a record that the consumer does not see.
 */
#ifndef SIXXSD_BASE_FIFO_H
#define SIXXSD_BASE_FIFO_H

#include "base/def.h"

/* Begins every record; what the record says follows. */
struct fifo_record {
	uint32_t	octets;		/* of the whole record, a multiple of CACHE_LINE */
	uint32_t	filler;		/* says nothing: the next begins at the start again */
};

struct fifo {
	/* the producer's line */
	uint64_t	head ALIGNED(CACHE_LINE);	/* octets ever put */
	uint64_t	next;			/* head, when what is being written is published */
	uint64_t	tail_seen;		/* an old tail: room at least this far */
	/* the consumer's line */
	uint64_t	tail ALIGNED(CACHE_LINE);	/* octets ever freed */
	uint64_t	at;			/* next to take; tail follows with fifo_free() */
	/* nobody's: constant after start */
	uint8_t		*octets ALIGNED(CACHE_LINE);
	size_t		size;			/* power of two */
};

static inline struct fifo_record *fifo_at(const struct fifo *f, uint64_t at)
{
	return (void *)(f->octets + (at & (f->size - 1)));
}

/* Is there room for @octets from head on? */
static inline bool fifo_has_room(struct fifo *f, uint64_t head, size_t octets)
{
	if (head + octets - f->tail_seen <= f->size)
		return true;
	f->tail_seen = __atomic_load_n(&f->tail, __ATOMIC_ACQUIRE);
	return head + octets - f->tail_seen <= f->size;
}

/**
 * fifo_reserve() - producer: room for a record, which nobody sees before fifo_publish()
 * @len:	octets it needs, struct fifo_record included
 *
 * Return: NULL when it does not fit; nothing has changed
 */
static inline struct fifo_record *fifo_reserve(struct fifo *f, size_t len)
{
	uint64_t at = __atomic_load_n(&f->head, __ATOMIC_RELAXED);
	size_t octets = (len + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
	size_t to_end = f->size - (at & (f->size - 1));
	size_t skipped = to_end < octets ? to_end : 0;
	struct fifo_record *rec;

	if (octets > f->size || !fifo_has_room(f, at, skipped + octets))
		return NULL;
	if (skipped)
		*fifo_at(f, at) = (struct fifo_record){ .octets = (uint32_t)skipped, .filler = 1 };
	rec = fifo_at(f, at + skipped);
	*rec = (struct fifo_record){ .octets = (uint32_t)octets };
	f->next = at + skipped + octets;
	return rec;
}

/* Producer: what was reserved last is whole. */
static inline void fifo_publish(struct fifo *f)
{
	__atomic_store_n(&f->head, f->next, __ATOMIC_RELEASE);
}

/* Consumer: is there anything to take? */
static inline bool fifo_waits(const struct fifo *f)
{
	return __atomic_load_n(&f->head, __ATOMIC_ACQUIRE) != f->at;
}

/* Consumer: the oldest record that was not taken; NULL: there is none */
static inline struct fifo_record *fifo_look(struct fifo *f)
{
	struct fifo_record *rec;

	if (!fifo_waits(f))
		return NULL;
	rec = fifo_at(f, f->at);
	if (!rec->filler)
		return rec;
	f->at += rec->octets;		/* never the last one put: another follows */
	return fifo_at(f, f->at);
}

/* Consumer: the next fifo_look() finds what follows @rec, which stays where it is until fifo_free(). */
static inline void fifo_take(struct fifo *f, const struct fifo_record *rec)
{
	f->at += rec->octets;
}

/* Consumer: the memory of everything taken is the producer's again. */
static inline void fifo_free(struct fifo *f)
{
	__atomic_store_n(&f->tail, f->at, __ATOMIC_RELEASE);
}

#endif
