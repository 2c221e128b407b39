#include "path/steps.h"

enum verdict ecn_decap(struct pkt *p, uint8_t inner_ecn)
{
	(void)p, (void)inner_ecn;
	return PASS;
}

uint8_t ecn_inner(const struct pkt *p)
{
	(void)p;
	return 0;
}

void ecn_apply(struct pkt *p)
{
	(void)p;
}
