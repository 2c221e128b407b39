#include "path/steps.h"

void tunnel_heard(struct path *pa, struct pkt *p, uint16_t tid, enum tunnel_type type)
{
	(void)pa, (void)p, (void)tid, (void)type;
}

void path_emit(struct path *pa, struct path_event ev)
{
	if (pa->events < EVENTS_MAX)
		pa->event[pa->events++] = ev;
}
