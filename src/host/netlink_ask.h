/*
 * src/host/netlink_ask.h - what netlink.c lends to its neighbours in host/
 */
#ifndef SIXXSD_HOST_NETLINK_ASK_H
#define SIXXSD_HOST_NETLINK_ASK_H

#include <libmnl/libmnl.h>
#include "host/netlink.h"

/* A request of ours, without its family's header; then its answers. Return: 0 or -errno */
struct nlmsghdr *netlink_begin(struct netlink *nl, uint16_t type, uint16_t flags);
int netlink_ask(struct netlink *nl, struct nlmsghdr *nh, mnl_cb_t each, void *data);

/* The interface that the kernel sends packets for @to to; 0: none */
uint32_t netlink_towards(struct netlink *nl, const struct ip6_addr *to);

/* @each for every link of the network namespace. */
void netlink_links(struct netlink *nl, mnl_cb_t each, void *data);

#endif
