/*
 * src/xdp/links.h - the interfaces of this host, as far as the fast path wants to know
 *
 * Asked from the kernel each time, by netlink; nothing is kept. Control thread.
 */
#ifndef SIXXSD_XDP_LINKS_H
#define SIXXSD_XDP_LINKS_H

#include "host/netlink.h"

struct link {
	uint32_t	ifindex;
	uint32_t	parent;		/* of a VLAN: the interface it is on; else 0 */
	uint32_t	mtu_bytes;
	uint16_t	vlan;		/* id; 0: not a VLAN */
	bool		up;
	bool		ethernet;
	bool		veth;
	uint8_t		mac[6];
	char		name[16];
};

/* @each for every interface of the network namespace. */
void links_each(struct netlink *nl, void (*each)(void *context, const struct link *l),
		void *context);
/* Return: false when there is none of that name; @l untouched */
MUST_CHECK bool links_find(struct netlink *nl, const char *name, struct link *l);

/* net.<family>.conf.<name>.forwarding; @family "ipv4" or "ipv6" */
bool link_forwards(const char *family, const char *name);

#endif
