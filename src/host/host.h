/*
 * src/host/host.h - everything taken from the operating system, opened in one place
 *
 * The keeper's part (architecture, "Processes"): descriptors, memory and privileges
 * are taken here once, at start, as root; the rest of the program is handed what it
 * needs and opens nothing on its own. Order: host_open(), netlink set-up, threads'
 * preparation, host_drop_privileges().
 */
#ifndef SIXXSD_HOST_HOST_H
#define SIXXSD_HOST_HOST_H

#include "base/addr.h"
#include "base/why.h"
#include "table/limits.h"

/* -1: not there (a host without IPv6, say). */
struct host_fds {
	int	tun;		/* IFF_TUN | IFF_NO_PI, non-blocking */
	int	p41[2];		/* raw sockets, [0] IPv4, [1] IPv6 */
	int	gre[2];
	int	proto4[2];	/* drops all; keeps the kernel from answering protocol 4 */
	int	ayiya[2];	/* UDP 5072 */
	int	beat[2];	/* UDP 3740 */
	int	icmp[2];	/* outer ICMP errors; filtered in the kernel */
	int	send[2];	/* raw, header included: everything outward */
	int	wake;		/* eventfd: control wakes the worker */
	int	tell;		/* eventfd: the worker wakes control */
};

#endif
