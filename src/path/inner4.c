#include "path/steps.h"

enum verdict check4(struct path *pa, struct pkt *p)
{
	(void)pa, (void)p;
	return DROP_IP4_MALFORMED;
}

enum verdict route4(struct path *pa, struct pkt *p)
{
	(void)pa, (void)p;
	return PASS;
}

enum verdict age4(struct path *pa, struct pkt *p)
{
	(void)pa, (void)p;
	return PASS;
}

void ttl_apply(struct pkt *p)
{
	(void)p;
}
