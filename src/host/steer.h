/*
 * src/host/steer.h - the kernel queues a packet at the worker it belongs to
 *
 * Loads the programs of bpf/steer.bpf.c, puts them on the TUN device and on the sockets,
 * and keeps the address plan they look at equal to the configuration. Built without BPF
 * there is steer_none.c, which can do nothing of it; likewise where the kernel refuses:
 * then raw packets enter at the first worker, the rest where the kernel puts it, and
 * whoever got one hands it over.
 *
 * Root's part is steer_open() and what attaches; steer_update() is two stores into
 * mapped memory, the control thread's, and needs no rights.
 */
#ifndef SIXXSD_HOST_STEER_H
#define SIXXSD_HOST_STEER_H

#include "host/host.h"
#include "table/config.h"
#include "wire/steer.h"

struct steer;

enum steer_socket {
	STEER_P41,
	STEER_GRE,
	STEER_SOCKETS,
};

/* Return: NULL when this host cannot; said to @to where there are several workers */
struct steer *steer_open(unsigned int workers, struct limits limits, const struct say *to);
void steer_close(struct steer *s);

/* All take a NULL @s. Return: 0 or -errno, -ENOTSUP without @s */
int steer_tun(const struct steer *s, int fd);
/* A raw socket that takes what is @worker's and nothing else. */
int steer_raw(const struct steer *s, unsigned int worker, int family, enum steer_socket what, int fd);
/* One socket of the group speaks for all; they were bound in the order of their workers. */
int steer_udp(const struct steer *s, int fd);
/* What @worker's AYIYA socket lets in. */
int steer_udp_gate(const struct steer *s, unsigned int worker, int family, int fd);

/* The gates of @worker, [STEER_GATES], and the flows of all, [STEER_GATES][tunnels + 1]; NULL: none */
struct steer_gate *steer_gates(const struct steer *s, unsigned int worker);
struct steer_flow *steer_flows(const struct steer *s);
/* Their maps, for other programs that let packets in; -1: none */
int steer_gates_map(const struct steer *s);
int steer_flows_map(const struct steer *s);

/* @cf is published: look at its plan from now on. */
void steer_update(struct steer *s, const struct config *cf);

#endif
