/*
 * src/host/netlink_ask.h - what netlink.c lends to its neighbours in host/
 */
#ifndef SIXXSD_HOST_NETLINK_ASK_H
#define SIXXSD_HOST_NETLINK_ASK_H

#include <libmnl/libmnl.h>
#include "host/netlink.h"

/* @each for every link of the network namespace. */
void netlink_links(struct netlink *nl, mnl_cb_t each, void *data);

#endif
