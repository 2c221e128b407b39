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

/* Return: NULL with @why filled */
struct xdp *xdp_load(struct limits limits, struct why *why);
void xdp_unload(struct xdp *x);

/* For struct table: where the lines and counters are. */
struct fast xdp_fast(const struct xdp *x);

/* ---- between the files of xdp/ ---- */

struct fast_head *xdp_head(struct xdp *x);
struct fast_subnet_value *xdp_subnets(struct xdp *x);
const struct fast_hop *xdp_hops(const struct xdp *x);	/* [cpus][FAST_HOPS] */
int xdp_program(const struct xdp *x);			/* descriptor */
int xdp_program_tc(const struct xdp *x);		/* likewise, for clsact or tcx */
/* What the XDP program sends to @port leaves through @device. Return: 0, or -errno, none then */
int xdp_set_exit(struct xdp *x, uint32_t port, uint32_t device);
bool xdp_tc_takes_off(const struct xdp *x);		/* else that one only puts headers on */

/*
 * No program that began before the call is running any more when it returns; some
 * milliseconds. xdp_load() has made sure that the kernel can.
 */
void xdp_grace(void);

#endif
