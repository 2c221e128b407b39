#include "path/steps.h"

enum verdict p41_decap(struct path *pa, struct pkt *p)
{
	(void)pa, (void)p;
	return DROP_P41_SHORT;
}
