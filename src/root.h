/*
 * src/root.h - the root struct: every part the daemon is made of
 *
 * main.c starts, joins and stops them; ops.c is what control asks of them.
 */
#ifndef SIXXSD_ROOT_H
#define SIXXSD_ROOT_H

#include <limits.h>
#include "ctl/control.h"
#include "ctl/log.h"
#include "ctl/loop.h"
#include "host/host.h"
#include "host/netlink.h"
#include "host/notify.h"
#include "host/privileges.h"
#include "io/handover.h"
#include "io/worker.h"
#include "options.h"
#include "web/keeper.h"
#include "xdp/fastpath.h"

struct root {
	struct options		options;
	char			file[PATH_MAX];		/* absolute */
	char			socket[PATH_MAX];
	struct log		log;
	struct say		say;
	struct limits		limits;
	struct region		region;
	int			state_reader, history_reader;	/* the region, for the web process */
	void			*history;		/* NULL: none is kept */
	struct toucher		*toucher;
	bool			unlocked;		/* the history is, and that was said */
	struct keeper		*keeper;		/* of the page's process */
	struct why		no_page;		/* what was said of it last */
	struct netlink		netlink;
	unsigned int		workers;
	bool			offload;		/* as the kernel was told last */
	struct steer		*steer;		/* NULL: one worker, or the kernel cannot */
	struct host_fds		fds[WORKERS_MAX];
	struct runtime_user	user;
	struct control		control;
	struct arena		*arena;
	int			listener[OPTIONS_LISTEN_MAX];
	unsigned int		listeners;
	int			local;
	struct crew		*crew;
	struct worker		*worker[WORKERS_MAX];
	struct digest		digest[WORKERS_MAX];	/* a worker's own */
	struct fastpath		*fast;
	struct loop		*loop;
	int			parent;			/* pipe to who waits for us; -1: nobody */
	struct notify		notify;			/* the service manager, if there is one */
	struct ip6_addr		address[HOST_ADDRESSES_MAX];	/* of the host, as last seen */
	unsigned int		addresses;
	unsigned int		errors;			/* of the file, as read last; each was said */
	bool			failed;			/* while running: exit status 1 */
};

/* What control asks of the world; of --check, where there is none. */
struct control_ops root_ops(struct root *r);
struct control_ops root_ops_check(struct root *r);
/* The page asks to see what is decided about a tunnel's packets. */
void root_show_decisions(void *root, int fd, uint16_t tid);

#endif
