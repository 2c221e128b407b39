#include "path/steps.h"

enum verdict latency_take(struct path *pa, struct pkt *p)
{
	(void)pa, (void)p;
	return DROP_LOCAL_LATENCY;
}

enum verdict path_probe(struct path *pa, uint16_t tid, struct pkt *p)
{
	(void)pa, (void)tid, (void)p;
	return DROP_NO_ENDPOINT;
}

void path_magic(struct path *pa, uint64_t random)
{
	pa->magic_before = pa->magic;
	pa->magic = random;
}
