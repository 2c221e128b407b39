#include "path/steps.h"

enum verdict account(struct path *pa, struct pkt *p, enum verdict v)
{
	(void)pa, (void)p;
	return v;
}
