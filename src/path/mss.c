#include "path/steps.h"

uint16_t mss_clamp(struct pkt *p, uint16_t mtu_bytes)
{
	(void)p, (void)mtu_bytes;
	return 0;
}
