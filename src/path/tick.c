#include "path/steps.h"

void path_tick(struct path *pa, uint16_t tid)
{
	(void)pa, (void)tid;
}
