#include "path/steps.h"

enum verdict plain_accept(struct path *pa, struct pkt *p, uint16_t tid, enum tunnel_type type)
{
	(void)pa, (void)p, (void)tid, (void)type;
	return DROP_INNER_UNKNOWN;
}
