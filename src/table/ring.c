#include "table/ring.h"

bool ring_put(struct ring *r, const struct record *rec)
{
	uint64_t head = __atomic_load_n(&r->head, __ATOMIC_RELAXED);

	if (head - __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE) == RING_RECORDS)
		return false;

	r->record[head % RING_RECORDS] = *rec;
	__atomic_store_n(&r->head, head + 1, __ATOMIC_RELEASE);
	return true;
}

bool ring_take(struct ring *r, struct record *rec)
{
	uint64_t tail = __atomic_load_n(&r->tail, __ATOMIC_RELAXED);

	if (tail == __atomic_load_n(&r->head, __ATOMIC_ACQUIRE))
		return false;

	*rec = r->record[tail % RING_RECORDS];
	__atomic_store_n(&r->tail, tail + 1, __ATOMIC_RELEASE);
	return true;
}
