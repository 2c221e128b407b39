/*
 * src/xdp/fastpath.h - the fast path as a whole, for main.c
 *
 * Owns programs, maps, attachments and the netlink watch. All of it belongs to the control
 * thread. Where the kernel or the build has none, fastpath_open() says so once and every
 * other call does nothing, but that interfaces cannot be named.
 */
#ifndef SIXXSD_XDP_FASTPATH_H
#define SIXXSD_XDP_FASTPATH_H

#include "ctl/control.h"
#include "host/netlink.h"

struct fastpath;
struct steer;
struct xsk_set;

/* After netlink_device(), as root. Return: never NULL but for want of memory */
struct fastpath *fastpath_open(struct region *region, unsigned int workers,
			       const struct steer *steer, struct netlink *nl, const struct say *say);
void fastpath_close(struct fastpath *f);

/* For another process that reads counters: xdp/load.h. Return: how many cpus there are; 0: none */
unsigned int fastpath_readers(const struct fastpath *f, int fd[2]);

/* What @worker takes AYIYA from and sends it by; NULL: nothing. Until fastpath_close() */
struct xsk_set *fastpath_sockets(struct fastpath *f, unsigned int worker);

/* For struct control_ops, ctl/control.h. */
int fastpath_ports(struct fastpath *f, const struct fastpath_conf *want, bool strict,
		   struct why *why);
void fastpath_hold(struct fastpath *f, const struct config *now, const struct config *next);
void fastpath_release(struct fastpath *f);
void fastpath_view(struct fastpath *f, struct fast_view *v);

/* What the loop is to call: when the descriptor (-1: none) is readable, and how often. */
int fastpath_fd(const struct fastpath *f);
void fastpath_event(struct fastpath *f);

#define FASTPATH_MOVED_MS	200	/* tunnels that packets moved are back in force by then */
void fastpath_moved(struct fastpath *f);
#define FASTPATH_SECOND_MS	1000
void fastpath_second(struct fastpath *f);

#endif
