/*
 * src/host/netlink.h - the kernel's side of the network: device, routes, addresses
 *
 * rtnetlink through libmnl, one request at a time, no shell command. Errors come back as
 * sentences with what the kernel said. Control thread; it keeps CAP_NET_ADMIN for this
 * alone. Nothing allocates after netlink_open().
 */
#ifndef SIXXSD_HOST_NETLINK_H
#define SIXXSD_HOST_NETLINK_H

#include "host/host.h"
#include "table/outside.h"

struct mnl_socket;

#define ROUTES_MAX	(2 * (SUBNET_PREFIXES_MAX + 1))	/* those that come are there before those that go */
#define NETLINK_BYTES	32768		/* of one answer; the kernel's dumps use at most this */

/* What we put into the kernel's table, so that a repeated request is no error. */
struct netlink_route {
	struct prefix	prefix;
	struct ip6_addr	pop;		/* of the tunnel prefix; else unspecified */
};

struct netlink {
	struct mnl_socket *socket;
	uint32_t	portid;
	uint32_t	seq;
	uint32_t	device;		/* index of HOST_DEVICE */
	bool		no_ip6;		/* the kernel takes no IPv6 route into it */
	struct netlink_route route[ROUTES_MAX];
	uint32_t	routes;
	bool		overruled;	/* routes of ours are there, and the kernel prefers others */
	uint64_t	buffer[NETLINK_BYTES / sizeof(uint64_t)];
};

int netlink_open(struct netlink *nl, struct why *why);
void netlink_close(struct netlink *nl);

/* HOST_DEVICE exists: IPv6 on, no link-local address, queue length, MTU, up. */
int netlink_device(struct netlink *nl, const struct say *to, struct why *why);
/* Likewise the device @name, through which frames leave only (host/xsk.h): up, and silent. */
int netlink_device_out(struct netlink *nl, const char *name, uint32_t *index, struct why *why);

/**
 * netlink_route_put() - lead @p into the device
 * @pop:	given with the tunnel prefix: <prefix>:ffff::1, its own host route, and from
 *		then on the gateway of every prefix, so that the kernel keeps one neighbour
 *		and not one for every address; NULL with a subnet prefix
 *
 * A prefix that is there already is left, or becomes what @pop says. Without IPv6 on the host
 * nothing is done, as netlink_device() has said. Return: 0 or -errno: all is as it was
 */
int netlink_route_put(struct netlink *nl, const struct prefix *p, const struct ip6_addr *pop,
		      struct why *why);
/*
 * netlink_routes_back() - put our routes where they were, if they have gone
 *
 * The kernel drops them when somebody takes the device down, or switches IPv6 off. Few
 * questions: this is for every few seconds. Return: true: they had gone, and are there again
 */
bool netlink_routes_back(struct netlink *nl);
/* The others go by the gateway of the tunnel prefix that is left, or by none. */
int netlink_route_remove(struct netlink *nl, const struct prefix *p, struct why *why);

/* Addresses of the host's interfaces; loopback and link-local left out. Return: how many */
unsigned int netlink_addresses(struct netlink *nl, struct ip6_addr *list, unsigned int max);

/* Packets the device dropped because we read too slowly. Return: 0, or -errno, @drops kept */
int netlink_drops(struct netlink *nl, uint64_t *drops);

/**
 * netlink_outside() - how the interfaces are that matter
 * @list:	roles, and the names last known; DEVICE and PORT are found by name, the others by
 *		what they are, and keep their name when they are gone
 * @outer4:	the PoP's outer addresses; unspecified: none
 */
void netlink_outside(struct netlink *nl, struct outside_link *list, unsigned int n,
		     const struct ip6_addr *outer4, const struct ip6_addr *outer6);
/* Does the kernel pass IPv6 between interfaces? enum outside_known */
enum outside_known host_forwards6(void);

/*
 * Things about this host that will not stop us, but will disappoint: another driver for
 * our protocols, forwarding off, no address of a family. One sentence each.
 */
void netlink_look_around(struct netlink *nl, const struct say *to);

#endif
