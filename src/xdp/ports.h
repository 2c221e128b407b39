/*
 * src/xdp/ports.h - where the programs are attached
 *
 * By BPF links, which end with their descriptor: however the daemon ends, the programs go
 * with it; where the kernel has none for TC, by a filter that does nothing any more (clsact.h). An interface that vanishes takes its link along and is attached again when it
 * returns. The table of ports the programs see (struct fast_head) is made here.
 */
#ifndef SIXXSD_XDP_PORTS_H
#define SIXXSD_XDP_PORTS_H

#include "host/netlink.h"
#include "table/config.h"
#include "xdp/sockets.h"
#include "xdp/sync.h"

struct port {
	struct fastpath_port	want;
	uint32_t		ifindex;	/* attached to; 0: to nothing */
	int			link;		/* descriptor; -1: none. Of a filter: the program's */
	bool			made;		/* the qdisc of that filter, too */
	enum fastpath_mode	mode;		/* in use; valid with a link */
	int64_t			since_s;	/* wall clock; valid with a link */
	char			why[160];	/* this mode, or not attached */
};

struct ports {
	struct sync	*sync;
	struct sockets	*sockets;
	struct netlink	*netlink;
	const struct say *say;
	struct port	port[FASTPATH_MAX];
	unsigned int	n;
	bool		moved;		/* attached anew: the exits have to be set again */
};

void ports_init(struct ports *p, struct sync *sync, struct sockets *sockets, struct netlink *nl,
		const struct say *say);
void ports_close(struct ports *p);

/**
 * ports_set() - be attached where @f says and nowhere else
 * @strict:	an interface that does not exist is an error, not one that may come
 *
 * Return: 0, or -errno with @why and everything attached as before
 */
int ports_set(struct ports *p, const struct fastpath_conf *f, bool strict, struct why *why);

/* As `pop set fastpath` writes it. */
const char *ports_mode(enum fastpath_mode m);

/* Links came, went or changed: attach again what can be, and renew the programs' table. */
void ports_look(struct ports *p);

#endif
