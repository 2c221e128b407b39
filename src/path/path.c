#include "path/steps.h"

void path_init(struct path *pa, const struct config *cf, struct table *tb,
	       struct worker_shared *me, const struct digest *digest, mono_t now, wall_t wall)
{
	*pa = (struct path){
		.cf = cf, .tb = tb, .me = me, .digest = digest, .now = now, .wall = wall,
	};
	bucket_init(&pa->icmp, ICMP_TOTAL_RATE, now);
	bucket_init(&pa->icmp_big, ICMP_BIG_RATE, now);
	bucket_init(&pa->scans, OUTER_SCAN_RATE, now);
	bucket_init(&pa->digests, DIGEST_RATE, now);
}

enum verdict path_run(struct path *pa, struct pkt *p, struct pkt *reply)
{
	(void)reply;
	return account(pa, p, DROP_OUTER_SHORT);
}

void path_sent(struct path *pa, const struct pkt *p, enum verdict v, uint16_t mtu)
{
	(void)pa, (void)p, (void)v, (void)mtu;
}

void path_adopt(struct path *pa, const struct config *cf)
{
	pa->cf = cf;
}

enum verdict send_own(struct path *pa, struct pkt *p)
{
	(void)pa, (void)p;
	return DROP_NO_ENDPOINT;
}
