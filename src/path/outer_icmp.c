#include "path/steps.h"

enum verdict outer_icmp_take(struct path *pa, struct pkt *p)
{
	(void)pa, (void)p;
	return DROP_OUTER_ICMP;
}
