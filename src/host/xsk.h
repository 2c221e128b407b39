/*
 * src/host/xsk.h - AF_XDP sockets: frames in memory that the kernel and a worker share
 *
 * Everything is taken at start, as root: sockets that belong to no interface yet, their memory,
 * and a device that frames leave by. Control binds a socket to a receive queue when it is
 * needed there (xdp/sockets.c), and it stays with that queue for good: the kernel binds once.
 * Frames are copied into our memory (XDP_COPY); without the copy the interface would live
 * off our buffers, and a worker that is stopped would stop ssh along with it.
 *
 *	fill	we put addresses of free frames in, the kernel takes them
 *	rx	the kernel puts descriptors of received frames in, the worker takes them
 *
 * Each ring has one producer and one consumer, and its indexes only ever grow.
 */
#ifndef SIXXSD_HOST_XSK_H
#define SIXXSD_HOST_XSK_H

#include <linux/if_xdp.h>
#include "host/host.h"
#include "wire/fast.h"
#include "wire/steer.h"

#define XSK_DEVICE	"sixxs-out"
#define XSK_SOCKETS	8		/* a worker */
#define XSK_FRAMES	STEER_ROUND_XSK	/* a socket; power of two */
#define XSK_FRAME_BYTES	2048		/* the kernel leaves 256 in front of a frame */

struct xsk_ring {
	uint32_t	*producer, *consumer;	/* mapped */
	void		*entries;		/* mapped */
	uint32_t	at;			/* our side's index */
};

struct xsk {
	int		fd;
	uint8_t		*frames;		/* XSK_FRAMES of them */
	struct xsk_ring	rx, fill;
	uint64_t	lost;			/* frames without room, as last asked */
};

/* What one worker has of it. */
struct xsk_set {
	struct xsk	xsk[XSK_SOCKETS];
	const struct fast_answer *answer;	/* the program's, to this worker's orders */
	int		out;			/* non-blocking queue of XSK_DEVICE: one frame a write */
};

/**
 * xsk_open() - sockets and queues for @workers
 *
 * The device is there, but not up; netlink_device_out() does that. Return: [@workers], or NULL with
 * @why and nothing left open
 */
struct xsk_set *xsk_open(unsigned int workers, struct why *why);
void xsk_close(struct xsk_set *sets, unsigned int workers);

/* Control: -EINVAL: there is no such queue; -EBUSY: it is somebody's, or the socket is elsewhere */
int xsk_bind(const struct xsk *x, uint32_t ifindex, uint32_t queue);
/* Frames the socket had no room for since the last call. */
uint64_t xsk_lost(struct xsk *x);

/* Worker: the next received frame. Return: false when there is none */
static inline bool xsk_take(struct xsk *x, struct xdp_desc *d)
{
	const struct xdp_desc *ring = x->rx.entries;

	if (__atomic_load_n(x->rx.producer, __ATOMIC_ACQUIRE) == x->rx.at)
		return false;
	*d = ring[x->rx.at++ & (XSK_FRAMES - 1)];
	__atomic_store_n(x->rx.consumer, x->rx.at, __ATOMIC_RELEASE);
	return true;
}

/* Worker: the frame of @address may be filled again; there is always room for it. */
static inline void xsk_give(struct xsk *x, uint64_t address)
{
	uint64_t *ring = x->fill.entries;

	ring[x->fill.at++ & (XSK_FRAMES - 1)] = address & ~(uint64_t)(XSK_FRAME_BYTES - 1);
	__atomic_store_n(x->fill.producer, x->fill.at, __ATOMIC_RELEASE);
}

#endif
