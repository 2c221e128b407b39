/*
 * src/xdp/clsact.h - the TC program on kernels before Linux 6.6: a filter of the qdisc clsact
 *
 * A filter is the interface's, not ours: it stays when the daemon is gone. So what is attached is
 * a program that calls ours through a table of programs (BPF_MAP_TYPE_PROG_ARRAY), which the kernel
 * empties when the last descriptor of it is closed. However the daemon ends, from then on
 * what was left behind does nothing and lets the next filter have the packet; the next start
 * replaces it. Control thread, CAP_NET_ADMIN.
 */
#ifndef SIXXSD_XDP_CLSACT_H
#define SIXXSD_XDP_CLSACT_H

#include "host/netlink.h"

/* Return: 0 or -errno; @made: was the qdisc not there before? */
int clsact_attach(struct netlink *nl, uint32_t ifindex, int program, bool *made);
/* @made: remove the qdisc as well, if nobody else's filter is on it. */
void clsact_detach(struct netlink *nl, uint32_t ifindex, bool made);
/* Filters on it besides ours? */
bool clsact_has_others(struct netlink *nl, uint32_t ifindex);

#endif
