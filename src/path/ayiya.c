#include "path/steps.h"

enum verdict ayiya_decap(struct path *pa, struct pkt *p, struct pkt *reply)
{
	(void)pa, (void)p, (void)reply;
	return DROP_AYIYA_SHORT;
}

void ayiya_push(struct path *pa, struct pkt *p, uint16_t tid, uint8_t opcode, uint8_t next)
{
	(void)pa, (void)p, (void)tid, (void)opcode, (void)next;
}
