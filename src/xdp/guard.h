/*
 * src/xdp/guard.h - what on this host a fast path would bypass
 *
 * `pop set fastpath auto` stays off while somebody has set up a thing that looks at forwarded
 * packets: rules of nftables or iptables, a queueing discipline of their own. When in
 * doubt, somebody has. Control thread; asks the kernel, keeps nothing but a socket.
 */
#ifndef SIXXSD_XDP_GUARD_H
#define SIXXSD_XDP_GUARD_H

#include "host/netlink.h"
#include "table/config.h"

struct mnl_socket;

struct guard {
	struct mnl_socket	*rules;		/* netfilter's netlink; NULL: this kernel has none */
	uint64_t		buffer[NETLINK_BYTES / sizeof(uint64_t)];
	uint32_t		seq;
};

/* A sentence for people; empty: nothing is in the way. */
struct objection {
	char	text[160];
};

/* As root: the socket of the questions. */
void guard_open(struct guard *g);
void guard_close(struct guard *g);

/* Return: does anything look at forwarded packets? */
bool guard_rules(struct guard *g, struct objection *o);

/* Likewise on the interfaces of @f, by their queueing disciplines. */
bool guard_queues(struct netlink *nl, const struct fastpath_conf *f, struct objection *o);

/*
 * The Ethernet interfaces of the default routes; of a VLAN, the one it is on.
 * Return: false with @o when there are none, or too many
 */
MUST_CHECK bool guard_choose(struct netlink *nl, struct fastpath_conf *f, struct objection *o);

#endif
