#include "path/steps.h"

enum verdict local4(struct path *pa, struct pkt *p, struct pkt *reply)
{
	(void)pa, (void)p, (void)reply;
	return DROP_LOCAL_NONE;
}
