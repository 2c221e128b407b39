/*
 * src/xdp/load.h - the fast path's programs and maps, as this process holds them
 *
 * Loaded once at start, as root, sized from the limits and the number of cpus; nothing
 * allocates after that. Without the rights, or on a kernel that refuses, there is no
 * struct xdp, one sentence says why, and user space forwards everything.
 */
#ifndef SIXXSD_XDP_LOAD_H
#define SIXXSD_XDP_LOAD_H

#include "base/why.h"
#include "table/tunnel.h"

struct xdp;
struct steer;

/* @steer: whose gates AYIYA passes; NULL: none, and it will not. Return: NULL with @why filled */
struct xdp *xdp_load(struct limits limits, unsigned int workers, const struct steer *steer,
		     struct why *why);
void xdp_unload(struct xdp *x);

/* Descriptors through which nobody can write: [0] of the lines, [1] of the cpus' counters; -1: no */
void xdp_readers(const struct xdp *x, int fd[2]);
/* For struct table: where the lines and counters are. */
struct fast xdp_fast(const struct xdp *x);

/* ---- between the files of xdp/ ---- */

struct fast_head *xdp_head(struct xdp *x);
struct fast_subnet_value *xdp_subnets(struct xdp *x);
const struct fast_hop *xdp_hops(const struct xdp *x);	/* [cpus][FAST_HOPS] */
int xdp_program(const struct xdp *x);			/* descriptor */
int xdp_program_tc(const struct xdp *x);		/* likewise, for a link */
/* What the XDP program sends to @port leaves through @device. Return: 0, or -errno, none then */
int xdp_set_exit(struct xdp *x, uint32_t port, uint32_t device);
int xdp_program_clsact(const struct xdp *x);		/* likewise, for a filter that may outlive us */
int xdp_program_order(const struct xdp *x);		/* likewise, for the device of orders */
/* Frames for @at (struct fast_head.keeper) go to that AF_XDP socket; -1: to none. Or -errno */
int xdp_set_socket(struct xdp *x, uint32_t at, int socket);
const struct fast_answer *xdp_answers(const struct xdp *x);	/* [workers] */
bool xdp_tc_takes_off(const struct xdp *x);		/* else that one only puts headers on */

/*
 * No program that began before the call is running any more when it returns; some
 * milliseconds. xdp_load() has made sure that the kernel can.
 */
void xdp_grace(void);

#endif
