/*
 * src/xdp/watch.h - what the kernel's routing says, as far as kept next hops depend on it
 *
 * A program keeps what the kernel told it about a next hop; here control hears, by netlink,
 * when that may not hold any more, and makes every cpu ask again. And since the kernel sees
 * no packet of the fast path, control tells it which neighbours are in use, so that it
 * verifies them as if they were its own (RFC 4861 7.3).
 */
#ifndef SIXXSD_XDP_WATCH_H
#define SIXXSD_XDP_WATCH_H

#include "host/netlink.h"
#include "xdp/ports.h"

struct mnl_socket;

struct watch {
	struct ports		*ports;
	struct netlink		*netlink;	/* for questions; events have their own socket */
	struct mnl_socket	*events;
	/* routing depends on more than the destination */
	bool			rules;
	bool			sources;	/* there are IPv6 routes for some sources only */
	bool			sources_unsure;	/* or may be none left */
	uint32_t		sources_age_s;	/* since all were listed, as far as it matters */
	bool			ways;		/* default routes or links may be others since this was cleared */
	uint64_t		buffer[NETLINK_BYTES / sizeof(uint64_t)];
};

int watch_open(struct watch *w, struct ports *ports, struct netlink *nl, struct why *why);
void watch_close(struct watch *w);
/* To be watched for reading. */
int watch_fd(const struct watch *w);
/* Something is there to be read. */
void watch_read(struct watch *w);
void watch_second(struct watch *w);
/* Why the kernel is asked for every packet: what routing looks at. NULL: next hops are kept */
const char *watch_asks(const struct watch *w);
/* Every few seconds: neighbours in use. */
void watch_neighbours(struct watch *w);

#endif
