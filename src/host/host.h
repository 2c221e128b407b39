/*
 * src/host/host.h - everything taken from the operating system, opened in one place
 *
 * The keeper's part (architecture, "Processes"): descriptors, memory and privileges
 * are taken here once, at start, as root; the rest of the program is handed what it
 * needs and opens nothing on its own. Order: host_map(), netlink_open(), host_open(),
 * netlink_device(), host_listen_*(), privileges_*().
 */
#ifndef SIXXSD_HOST_HOST_H
#define SIXXSD_HOST_HOST_H

#include "base/addr.h"
#include "base/time.h"
#include "base/why.h"
#include "table/event.h"
#include "table/limits.h"

#define HOST_DEVICE	"sixxs"

/*
 * One set a worker. -1: not there (a host without IPv6, say). What is marked is in the first
 * worker's set alone: there is one of it, or it keeps others silent.
 */
struct host_fds {
	int	tun;		/* a queue of the device: IFF_TUN | IFF_NO_PI | IFF_VNET_HDR, non-blocking */
	int	p41[2];		/* raw sockets, [0] IPv4, [1] IPv6 */
	int	gre[2];
	/* first worker: these drop all, and keep the kernel from answering: sockets.c, open_silent() */
	int	proto4[2];
	int	p41_silent[2];
	int	gre_silent[2];
	int	ayiya[2];	/* UDP 5072 */
	int	beat[2];	/* first worker: UDP 3740 */
	int	icmp[2];	/* first worker: outer ICMP errors; filtered in the kernel */
	int	send[2];	/* raw, header included: everything outward */
	int	wake;		/* eventfd: control wakes the worker */
	int	tell;		/* the same eventfd in all: a worker wakes control */
};

/* Where sentences go that do not stop the start; @facts are those of the event. */
struct say {
	void	(*line)(void *context, enum logged event, const struct fact *facts, unsigned int n,
			const char *sentence);
	void	*context;
};

/* Something about the host: LOGGED_HOST. */
void host_say(const struct say *to, const char *fmt, ...) PRINTF(2, 3);
void host_say_facts(const struct say *to, enum logged event, const struct fact *facts,
		    unsigned int n, const char *fmt, ...) PRINTF(5, 6);
/* @why gets the sentence. Return: @error, so that it can stand in a return */
int why_say(struct why *why, int error, const char *fmt, ...) PRINTF(3, 4);

/* All -1. */
void host_none(struct host_fds *fds);

struct steer;

/**
 * host_open() - the TUN device, every socket, the eventfds
 * @fds:	[@workers], a set each
 * @steer:	how the kernel finds a packet's worker; NULL: it cannot
 *
 * Return: 0, or -errno with one sentence in @why and everything closed again
 */
int host_open(struct host_fds *fds, unsigned int workers, const struct steer *steer,
	      const struct say *to, struct why *why);
/* One set. With the last TUN descriptor device and routes go. */
void host_close(struct host_fds *fds);

/* The sockets' part of host_open(), sockets.c. */
int host_open_sockets(struct host_fds *fds, unsigned int workers, const struct steer *steer,
		      const struct say *to, struct why *why);
/**
 * host_offload() - may the kernel hand us packets merged, and take them so?
 *
 * Super-packets on the TUN device and merged datagrams on the AYIYA sockets. Any time, any
 * thread. What the kernel does not know stays off; nothing depends on it.
 */
void host_offload(const struct host_fds *fds, unsigned int workers, bool on);
/* CPUs this process may run on; at least 1. */
unsigned int host_cpus(void);

/**
 * host_map() - a block of memory that is shared by descriptor, locked and present
 * @name:	for /proc/PID/maps
 * @secret:	left out of core dumps
 * @reader:	gets a descriptor of it through which nobody can write; NULL: not wanted
 *
 * Zeroed, page aligned, for the life of the process. Return: NULL with @why
 */
void *host_map(const char *name, size_t bytes, bool secret, int *reader, struct why *why);

/**
 * host_map_later() - likewise, but neither present nor locked yet
 * @reader:	a descriptor through which nobody can write
 */
void *host_map_later(const char *name, size_t bytes, int *reader, struct why *why);

struct toucher;
/**
 * host_touch() - make it present and lock it, beside everything else
 * @p:		@bytes from host_map_later()
 *
 * A thread without privileges that ends when it is done, after host_touched() at the latest.
 * Return: NULL: no thread could be had; then it is touched when it is used
 */
struct toucher *host_touch(void *p, size_t bytes);
/* Return: 0, or -errno: part of it cannot be locked. @t may be NULL */
int host_touch_error(const struct toucher *t);
/* Wait for its end, which comes at once. Return: bytes locked */
size_t host_touched(struct toucher *t);

/**
 * host_listen_tcp() - a listening socket on @address and @port
 * @what:	for the sentence: "the command line", "the page"
 *
 * Return: descriptor, or -errno with @why; -EADDRNOTAVAIL and -EAFNOSUPPORT: not on this host
 */
int host_listen_tcp(const struct ip6_addr *address, uint16_t port, const char *what,
		    struct why *why);

/**
 * host_listen_unix() - the command line on a UNIX socket, 0660 root:@gid
 * @path:	replaced if it is a socket nobody answers on
 * @uid:	becomes owner of the directory if that is made here, so that the
 *		socket can be removed at exit
 */
int host_listen_unix(const char *path, uint32_t uid, uint32_t gid, struct why *why);

/**
 * host_background() - go on in a child; the parent waits for host_started()
 * @parent:	what host_started() needs; stays -1 in the foreground
 *
 * The parent ends with status 0 when the child has started, 1 when it ended before.
 * Returns in the child alone.
 */
int host_background(int *parent, struct why *why);
/* Start-up is over: leave directory and, in the background, the terminal. */
void host_started(int *parent);

/*
 * The calling thread runs briefly and often: who wakes it should not have to wait for the end of
 * somebody's time slice. Linux 6.12, where a shorter slice preempts a longer; elsewhere nothing.
 */
void host_short_slice(void);

/**
 * host_spawn_self() - another process of this program: `sixxsd @mode <number of @fd>`
 *
 * It has an address space of its own, so none of our memory, and of our descriptors @fd alone.
 * Allocates nothing. Return: its pid, or -errno with @why
 */
int host_spawn_self(const char *mode, int fd, struct why *why);
/* In such a process, first of all: it ends when its parent does, has no capability and no other
 * descriptor. @number: its second argument. Return: the descriptor, or -errno */
int host_spawned(const char *number);

mono_t host_mono(void);
wall_t host_wall(void);
/* Has anybody set the clock right (adjtimex)? */
bool host_clock_synchronised(void);

#endif
