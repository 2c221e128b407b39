/*
 * src/io/worker.h - one worker: an epoll loop around path_run()
 *
 * Reads batches from its descriptors, hands every packet to path_run(), sends what
 * that says, ticks the tunnels and sends the latency probes. Takes no lock, allocates
 * nothing after worker_new(), talks to control through the region's ring and two
 * eventfds, to other workers through the lanes of io/handover.h alone. Runs as its own thread, without any capability.
 */
#ifndef SIXXSD_IO_WORKER_H
#define SIXXSD_IO_WORKER_H

#include <pthread.h>
#include "host/host.h"
#include "path/path.h"
#include "table/region.h"

struct worker;

struct crew;
struct steer;
struct xsk_set;

/**
 * worker_new() - take everything the worker will ever need
 * @crew:	of all workers, crew_new(); this one is @number
 * @fds:	the worker's own set
 * @steer:	whose gates are in front of them; NULL: none are
 * @xsks:	what AYIYA comes and goes by past the kernel's stack; NULL: nothing
 *
 * All are borrowed until worker_stop(). Return: NULL with @why filled
 */
struct worker *worker_new(struct region *region, struct crew *crew, const struct host_fds *fds,
			  const struct steer *steer, struct xsk_set *xsks, unsigned int number,
			  const struct digest *digest, struct why *why);
int worker_start(struct worker *w, struct why *why);
/* Asks, joins, releases. */
void worker_stop(struct worker *w);

#endif
