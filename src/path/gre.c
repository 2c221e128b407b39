#include "path/steps.h"

enum verdict gre_decap(struct path *pa, struct pkt *p)
{
	(void)pa, (void)p;
	return DROP_GRE_SHORT;
}
