#include "path/steps.h"

enum verdict beat_take(struct path *pa, struct pkt *p)
{
	(void)pa, (void)p;
	return DROP_BEAT_MALFORMED;
}
