/*
 * src/ctl/control.h - the control thread's root: transactions, loading, executing
 *
 * A command that changes the configuration runs inside a transaction: the spare copy
 * is edited, the host is asked for the routes the new plan needs, the copy is
 * published with one store, every worker is seen to have moved over, routes no longer
 * needed go, and the old copy is brought level. Any failure before publication
 * restores the spare and undoes the routes: nothing has happened.
 *
 * Everything here runs in the control thread.
 */
#ifndef SIXXSD_CTL_CONTROL_H
#define SIXXSD_CTL_CONTROL_H

#include "base/digest.h"
#include "base/why.h"
#include "ctl/answer.h"
#include "ctl/cmd.h"
#include "ctl/edit.h"
#include "ctl/session.h"
#include "table/region.h"
#include "wire/fast.h"

/* An interface of the fast path, as it is at this moment. */
struct fast_port_view {
	char		name[16];
	const char	*mode;		/* "native", "generic", "tc", "clsact"; NULL: not attached */
	int64_t		since_s;	/* wall clock; with a mode */
	char		why[160];	/* this mode, or none */
};

struct fast_view {
	bool			available;
	char			why[160];	/* not available; automatic: or off */
	bool			automatic;
	unsigned int		ports;
	struct fast_port_view	port[FASTPATH_MAX];
	const char		*asked;		/* why next hops are asked for each time; NULL: they are kept */
	bool			forwards4;	/* the kernel would tell the way to endpoints */
	uint32_t		generation;	/* of the next hops */
	struct traffic		traffic;	/* of all tunnels, this path alone */
	uint64_t		passed[FAST_PASS_COUNT];
	unsigned int		queues;		/* from which workers take AYIYA by AF_XDP */
	char			queues_why[160];	/* none, or not all; empty: all */
};

/* What control asks of the world. main.c fills it in; unit tests use fakes. NULL: not needed. */
struct control_ops {
	void	*context;
	/*
	 * Kernel routes of a prefix into the TUN device. @pop: the PoP's own address, given
	 * with the tunnel prefix it lies in, NULL with a subnet prefix. One that is there is
	 * left, or becomes what @pop says.
	 */
	int	(*route_put)(void *context, const struct prefix *p, const struct ip6_addr *pop,
			     struct why *why);
	int	(*route_remove)(void *context, const struct prefix *p, struct why *why);
	/* make sleeping workers look at the published revision */
	void	(*wake)(void *context);
	/* the PoP's own outer addresses: addresses of the host's interfaces. Return: how many */
	unsigned int (*addresses)(void *context, struct ip6_addr *list, unsigned int max);
	/* @cf was published: what lies outside the region and follows it (host/steer.h) */
	void	(*published)(void *context, const struct config *cf);
	/*
	 * The fast path (xdp/). fast_ports attaches it where @f says; with @strict an interface
	 * that is not there is an error, without it one that may come. fast_hold: @next is about
	 * to be published. fast_release: every worker has moved over.
	 */
	int	(*fast_ports)(void *context, const struct fastpath_conf *f, bool strict,
			      struct why *why);
	void	(*fast_hold)(void *context, const struct config *now, const struct config *next);
	void	(*fast_release)(void *context);
	/*
	 * The page: can it be where @next wants it? Then http_settle says whether that is in force.
	 * @again: a file was read, so what it names may have changed.
	 * NULL: there is none.
	 */
	int	(*http_prepare)(void *context, const struct http_conf *next, bool again,
				struct why *why);
	void	(*http_settle)(void *context, bool keep);
	/* can we open certificate and key? Asked where a file is only checked. Return: -errno, no */
	int	(*http_files)(void *context, const struct http_conf *h, struct why *why);
	/* what `pop show fastpath` tells; NULL there: built without */
	void	(*fast_view)(void *context, struct fast_view *v);
	/* the interfaces @list names by role, and whether the kernel forwards; host/netlink.h */
	void	(*outside)(void *context, struct outside_link *list, unsigned int n,
			   uint8_t *forwarding6);
	mono_t	(*mono)(void *context);
	wall_t	(*wall)(void *context);
};

/* A session that captures. ctl/capture.h */
struct captor {
	void			*connection;
	uint16_t		tid;		/* TID_NONE: every tunnel */
};
#define CAPTORS_MAX	16

struct control {
	struct region		*region;
	const struct digest	*digest;	/* for the secrets of passwords; control's own */
	unsigned int		workers;	/* running; 0 while loading at start: no waiting */
	uint32_t		workers_set;	/* what config_scan_limits() found: why they are so many */
	struct control_ops	ops;
	const struct cmd	*root;		/* the tree */
	const char		*file;		/* configuration file, absolute */
	struct changes		changes;	/* of the open transaction; then of the last one */
	bool			open;		/* a transaction is open */
	bool			loading;	/* the open transaction is a file's */
	bool			reloading;	/* a file is being read into the spare: do not publish yet */
	bool			behind;		/* the spare is not level yet: a worker was late */
	unsigned int		named;		/* reloading: enum control_named the file has set */
	bool			checking;	/* reloading, and nothing will come of it */
	unsigned int		line;		/* reloading: of the file, from 1 */
	unsigned int		http_line;	/* of the file read last, with `pop set http`; 0: none */
	uint16_t		hint;		/* reloading: where to look for the next T-id */
	struct why		*warning;	/* reloading: what the line should have said; or NULL */
	uint32_t		generation;	/* last one given to a tunnel record */
	const char		*digests;	/* what the workers hash with; NULL: not known */
	bool			clock_unsynced;
	uint64_t		tun_drops;	/* of the TUN device's queue, from netlink */
	int64_t			loaded_s;	/* wall clock: a file was loaded whole */
	bool			load_failed;	/* the last time that one was to be */
	struct outside		outside;	/* as written to the region last */
	mono_t			started;	/* uptime counts from here: the wall clock may step */
	unsigned int		sessions, sessions_max;	/* of the CLI now and at most; the server's */
	char			*answer_buf;	/* one fixed buffer, answer_size octets */
	size_t			answer_size;
	/* live debug: connection that traces a tunnel; NULL: none. [limits.tunnels], start-up memory */
	void			**tracer;
	void			*scratch;	/* CONTROL_SCRATCH octets for loading */
	struct recall		*recall;	/* for `pop capture drops` */
	struct captor		captor[CAPTORS_MAX];
	unsigned int		captors;
	bool			captures_behind;	/* the flags do not say yet what @captor does */
};

/* Things a file may leave out, with a meaning. */
enum control_named {
	NAMED_ACL	= 1 << 0,
	NAMED_LIMITS	= 1 << 1,
};

/**
 * control_init() - take all memory control will ever need, at start
 * @c:		zeroed; ops, digest, file and started are the caller's to fill in
 *
 * Sets region, root, answer_buf, tracer, scratch. Return: 0 or -ENOMEM
 */
int control_init(struct control *c, struct region *region, struct why *why);
void control_fini(struct control *c);

/* What a command sees: the spare while a transaction is open, else the published one. */
const struct config *control_config(const struct control *c);

/**
 * control_begin() - open a transaction
 *
 * Return: the spare, level with the published configuration and ready to be edited, with
 * what is touched noted in c->changes; NULL with @why while a worker still reads it
 */
struct config *control_begin(struct control *c, struct why *why);
/**
 * control_commit() - publish what changed; nothing, when nothing did
 *
 * Waits for the workers, about 2 s at most: one that is late delays the next transaction
 * and nothing else. Return: 0, or -errno with everything as it was before control_begin()
 */
int control_commit(struct control *c, struct why *why);
void control_abort(struct control *c);

/*
 * The host's addresses changed (netlink said so): they may not be endpoints.
 * Return: false when a worker was late and nothing was changed; ask again
 */
MUST_CHECK bool control_addresses_changed(struct control *c);

/**
 * control_execute() - one line of the dialect, from any session
 * @line:	without line end; may hold anything a stranger can send
 * @an:		answer_reset() done, format set from the session
 *
 * Menus, `json` prefix, comments, empty lines, argument checks, transaction around
 * CMD_CONFIG rows. The answer is complete afterwards, failed or not.
 */
void control_execute(struct control *c, struct session *s, const char *line, size_t len,
		     struct answer *an);

/* From time to time: what a worker that was late kept from being finished. */
void control_settle(struct control *c);

/*
 * What control knows of host, clock and fast path, written where all can read it
 * (table/outside.h); every few seconds, and before it is answered from.
 */
void control_look_outside(struct control *c);

/* Does this session trace any tunnel? */
bool control_traces(const struct control *c, const struct session *s);

/* The session ends: the tunnels it traces or captures no longer are for its sake. */
void control_forget_session(struct control *c, struct session *s);

/* Every command, for the manual: @path is "pop set id". Menus are not reported. */
void control_dump_commands(const struct cmd *root,
			   void (*each)(void *context, const char *path, const char *synopsis,
					const char *help),
			   void *context);

/**
 * config_scan_limits() - what the file wants, before there is a region to load it into
 * @limits:	defaults where the file does not say; written on success
 * @workers:	as many as `pop set workers` says, or WORKERS_AUTO; likewise
 *
 * Return: 0, or -errno: the file cannot be read, or its limits are out of range
 */
int config_scan_limits(const char *file, struct limits *limits, uint32_t *workers,
		       struct why *why);

/**
 * control_load() - the file is the whole truth: start-up, SIGHUP, config apply
 * @problem:	called for every line that is wrong (line number, sentence); may be NULL.
 *		Line 0: the file as a whole; why->code 200: a warning, it loads all the same
 *
 * Parsed and validated whole into the spare, then one commit. What runtime knows and a
 * file does not (endpoints, debug, remote) stays. Return: 0, or -errno and nothing changed;
 * @why does not repeat what @problem was told
 */
int control_load(struct control *c, const char *file,
		 void (*problem)(void *context, unsigned int line, const struct why *why),
		 void *context, struct why *why);
/* Only parse and validate; the spare is put back. */
int control_check(struct control *c, const char *file,
		  void (*problem)(void *context, unsigned int line, const struct why *why),
		  void *context, struct why *why);
/* What control_load() would change, as answer lines. */
int control_diff(struct control *c, const char *file, struct answer *an, struct why *why);
/* sixxsd-config.md 9: beside, sync, rename, sync directory; mode 0600; head comments kept. */
int control_save(struct control *c, const char *file, struct why *why);

#endif
