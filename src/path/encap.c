#include "path/steps.h"

enum verdict encap(struct path *pa, struct pkt *p)
{
	(void)pa, (void)p;
	return DROP_NO_ENDPOINT;
}

enum verdict outer_push(struct path *pa, struct pkt *p, uint16_t tid, uint8_t proto, uint8_t ecn)
{
	(void)pa, (void)p, (void)tid, (void)proto, (void)ecn;
	return DROP_NO_ENDPOINT;
}
