/*
 * src/bpf/maps.h - the maps of the fast path; layouts and writers in wire/fast.h
 *
 * Sizes of one entry are placeholders: xdp/load.c sets what the limits and the number of
 * cpus ask for before it loads.
 */
#ifndef SIXXSD_BPF_MAPS_H
#define SIXXSD_BPF_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <stdbool.h>
#include "wire/fast.h"
#include "wire/steer.h"

/* Control's word, read with plain loads: the daemon maps it. */
struct fast_head head;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);			/* cpus x tunnels */
	__type(key, __u32);
	__type(value, struct fast_line);
} lines SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);			/* cpus */
	__type(key, __u32);
	__type(value, struct fast_cpu);
} cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);			/* limits.subnets / FAST_SUBNETS_PER_VALUE */
	__type(key, __u32);
	__type(value, struct fast_subnet_value);
} subnets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, FAST_HOPS);		/* x cpus */
	__type(key, __u32);
	__type(value, struct fast_hop);
} hops SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FAST_DESTS);	/* x cpus */
	__type(key, __u32);
	__type(value, struct fast_dest);
} dests SEC(".maps");

/* By port: the device it is on, kept ready by the kernel for what is redirected there. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, FAST_PORTS_MAX);
	__type(key, __u32);
	__type(value, __u32);			/* ifindex; control */
} exits SEC(".maps");

/* By port and queue, as head.keeper: the AF_XDP socket. */
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, FAST_PORTS_MAX * FAST_QUEUES);
	__type(key, __u32);
	__type(value, __u32);			/* descriptor; control */
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);			/* workers */
	__type(key, __u32);
	__type(value, struct fast_answer);
} answers SEC(".maps");

/* These two are those of steer.bpf.c: wire/steer.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct steer_gate);
} gates SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct steer_flow);
} flows SEC(".maps");

#endif
