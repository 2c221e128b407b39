/*
 * src/xdp/sockets.h - which receive queue's AYIYA goes to which worker's AF_XDP socket
 *
 * Control thread. A socket is bound when its queue first appears among the ports, and serves
 * that queue whenever it is one again; queues for which none is left, or which somebody else
 * has taken, go the way through the kernel. Generic and native XDP alike; TC has none.
 */
#ifndef SIXXSD_XDP_SOCKETS_H
#define SIXXSD_XDP_SOCKETS_H

#include "host/netlink.h"
#include "host/xsk.h"
#include "xdp/load.h"

struct socket_slot {
	uint32_t	device;		/* ifindex it is bound to; 0: free */
	uint32_t	queue;
};

struct sockets {
	struct xdp		*x;
	struct xsk_set		*sets;		/* [workers]; NULL: none, @why */
	unsigned int		workers;
	struct socket_slot	slot[WORKERS_MAX][XSK_SOCKETS];
	int			link;		/* of the program on the device of orders; -1: none */
	uint32_t		index;		/* of that device */
	bool			generic;	/* how it is attached: as what it sends to needs */
	unsigned int		queues;		/* that a worker takes AYIYA from */
	char			why[160];	/* none, or not all */
};

/* As root, after netlink_device(). Without AF_XDP everything works, slower. */
void sockets_open(struct sockets *s, struct xdp *x, unsigned int workers, struct netlink *nl);
void sockets_close(struct sockets *s);

/* The programs do not look meanwhile (sync_pause()): as head.port says now. */
void sockets_renew(struct sockets *s);

#endif
