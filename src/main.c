/*
 * src/main.c - sixxsd: the root struct; starts, joins and stops the parts
 *
 * The order of start() is the order in which things are taken from the host; each
 * step that fails says one sentence and nothing stays behind, because everything taken
 * is a descriptor, memory, or goes with one. After the privileges are gone nothing is
 * opened any more but the configuration file; after the trap is armed nothing allocates.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crypto/digest_mb.h"
#include "crypto/digest_openssl.h"
#include "ctl/arena.h"
#include "ctl/control.h"
#include "ctl/log.h"
#include "ctl/loop.h"
#include "host/host.h"
#include "host/netlink.h"
#include "host/privileges.h"
#include "host/steer.h"
#include "host/trap.h"
#include "io/handover.h"
#include "io/worker.h"
#include "options.h"
#include "xdp/fastpath.h"

#define WATCH_MS	5000	/* addresses, drops and clock are looked at this often */
#define EXIT_WRONG	2	/* options that were not understood */

struct root {
	struct options		options;
	char			file[PATH_MAX];		/* absolute */
	char			socket[PATH_MAX];
	struct log		log;
	struct say		say;
	struct limits		limits;
	struct region		region;
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
	struct ip6_addr		address[HOST_ADDRESSES_MAX];	/* of the host, as last seen */
	unsigned int		addresses;
	bool			failed;			/* while running: exit status 1 */
};

/* ---- what control asks of the world ---- */

static int op_route_add(void *context, const struct prefix *p, const struct ip6_addr *pop,
			struct why *why)
{
	return netlink_route_add(&((struct root *)context)->netlink, p, pop, why);
}

static int op_route_remove(void *context, const struct prefix *p, const struct ip6_addr *pop,
			   struct why *why)
{
	return netlink_route_remove(&((struct root *)context)->netlink, p, pop, why);
}

static void op_wake(void *context)
{
	const struct root *r = context;
	uint64_t one = 1;

	for (unsigned int i = 0; i < r->workers; i++)
		(void)!write(r->fds[i].wake, &one, sizeof(one));
}

static void op_published(void *context, const struct config *cf)
{
	struct root *r = context;
	bool offload = !cf->head->no_offload;

	steer_update(r->steer, cf);
	if (offload != r->offload)
		host_offload(r->fds, r->workers, offload);
	r->offload = offload;
}

static unsigned int op_addresses(void *context, struct ip6_addr *list, unsigned int max)
{
	return netlink_addresses(&((struct root *)context)->netlink, list, max);
}

static int op_fast_ports(void *context, const struct fastpath_conf *want, bool strict,
			 struct why *why)
{
	return fastpath_ports(((struct root *)context)->fast, want, strict, why);
}

static void op_fast_hold(void *context, const struct config *now, const struct config *next)
{
	fastpath_hold(((struct root *)context)->fast, now, next);
}

static void op_fast_release(void *context)
{
	fastpath_release(((struct root *)context)->fast);
}

static void op_fast_view(void *context, struct fast_view *v)
{
	fastpath_view(((struct root *)context)->fast, v);
}

static mono_t op_mono(void *context)
{
	(void)context;
	return host_mono();
}

static wall_t op_wall(void *context)
{
	(void)context;
	return host_wall();
}

/* ---- sentences ---- */

static void say_line(void *context, const char *sentence)
{
	log_event(&((struct root *)context)->log, LEVEL_WARNING, BY_US, "%s", sentence);
}

/* Where somebody looks who has just typed the command. */
static void complain(const struct why *why)
{
	fprintf(stderr, "sixxsd: %s\n", why->text);
}

static void print_problem(void *context, unsigned int line, const struct why *why)
{
	const char *kind = why->code == 200 ? "warning: " : "";

	if (line)
		fprintf(stderr, "%s:%u: %s%s\n", (const char *)context, line, kind, why->text);
	else
		fprintf(stderr, "%s: %s%s\n", (const char *)context, kind, why->text);
}

static void log_problem(void *context, unsigned int line, const struct why *why)
{
	struct root *r = context;

	log_event(&r->log, why->code == 200 ? LEVEL_WARNING : LEVEL_ERROR, BY_US, "%s:%u: %s",
		  r->file, line, why->text);
}

/* ---- --check: no privilege, no network ---- */

static void *plain_memory(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int check_into(struct root *r, struct why *why)
{
	void *memory = plain_memory(region_bytes(r->limits));
	void *secret = plain_memory(region_secret_bytes(r->limits));
	struct control *c = &r->control;
	int error;

	if (!memory || !secret)
		return why_say(why, -ENOMEM, "not enough memory for the limits it asks for");
	region_init(&r->region, memory, secret, r->limits, host_wall());
	c->digest = &digest_openssl;
	c->file = r->options.file;
	c->ops = (struct control_ops){ .context = r, .mono = op_mono, .wall = op_wall };
	error = control_init(c, &r->region, why);
	if (!error)
		error = control_check(c, r->options.file, print_problem,
				      (void *)(uintptr_t)r->options.file, why);
	return error;
}

static int check(struct root *r)
{
	struct why why = { .code = 0 };
	int error;

	/* Limits that are wrong are one error of the file: the check reports it with the rest. */
	if (config_scan_limits(r->options.file, &r->limits, &r->control.workers_set, &why))
		r->limits = (struct limits){ .tunnels = TUNNELS_DEFAULT,
					     .subnets = SUBNETS_DEFAULT };
	error = check_into(r, &why);
	if (error && why.text[0])
		complain(&why);
	control_fini(&r->control);
	return error ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- start ---- */

/* Relative names mean the directory we were started in, also after chdir(). */
static int absolute(const char *name, char out[PATH_MAX], struct why *why)
{
	char here[PATH_MAX] = "";
	int n;

	if (name[0] != '/' && !getcwd(here, sizeof(here)))
		return why_say(why, -errno, "the current directory has no name: %s",
			       strerror(errno));
	n = snprintf(out, PATH_MAX, "%s%s%s", here, here[0] ? "/" : "", name);
	if (n >= PATH_MAX)
		return why_say(why, -ENAMETOOLONG, "the name %.60s... is too long", name);
	return 0;
}

static int take_memory(struct root *r, struct why *why)
{
	void *memory, *secret;
	uint32_t workers;
	int error = config_scan_limits(r->file, &r->limits, &workers, why);

	if (error)
		return error;
	r->control.workers_set = workers;
	r->workers = workers == WORKERS_AUTO ? (unsigned int)min_size(host_cpus(), WORKERS_AUTO_MAX) :
					       workers;
	memory = host_map("sixxsd-state", region_bytes(r->limits), false, why);
	secret = memory ? host_map("sixxsd-secrets", region_secret_bytes(r->limits), true, why) :
		 NULL;
	if (!secret)
		return -ENOMEM;
	region_init(&r->region, memory, secret, r->limits, host_wall());
	return 0;
}

static int take_network(struct root *r, struct why *why)
{
	int error;

	r->steer = steer_open(r->workers, r->limits, &r->say);
	error = host_open(r->fds, r->workers, r->steer, &r->say, why);
	if (!error)
		error = netlink_open(&r->netlink, why);
	if (!error)
		error = netlink_device(&r->netlink, &r->say, why);
	if (error)
		return error;
	netlink_look_around(&r->netlink, &r->say);
	r->fast = fastpath_open(&r->region, &r->netlink, &r->say);
	return r->fast ? 0 : why_say(why, -ENOMEM, "no memory for the fast path");
}

static int load(struct root *r, struct why *why)
{
	struct control *c = &r->control;
	int error;

	c->digest = &digest_openssl;
	c->file = r->file;
	c->started = host_mono();
	c->ops = (struct control_ops){
		.context = r, .route_add = op_route_add, .route_remove = op_route_remove,
		.wake = op_wake, .published = op_published, .addresses = op_addresses,
		.mono = op_mono, .wall = op_wall,
		.fast_ports = op_fast_ports, .fast_hold = op_fast_hold,
		.fast_release = op_fast_release, .fast_view = op_fast_view,
	};
	error = control_init(c, &r->region, why);
	if (!error)
		error = control_load(c, r->file, print_problem, r->file, why);
	r->addresses = netlink_addresses(&r->netlink, r->address, HOST_ADDRESSES_MAX);
	return error;
}

static int listen_tcp(struct root *r, struct why *why)
{
	static const struct ip6_addr loopback[] = {
		{ { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1 } },
		{ { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 } },
	};
	bool chosen = r->options.listens != 0;
	const struct ip6_addr *list = chosen ? r->options.listen : loopback;
	unsigned int n = chosen ? r->options.listens : ARRAY_LEN(loopback);

	for (unsigned int i = 0; i < n; i++) {
		int fd = host_listen_tcp(&list[i], r->options.port, why);

		if (fd >= 0) {
			r->listener[r->listeners++] = fd;
			continue;
		}
		/* a host without one of the families: the default shrinks to the other */
		if (chosen || (fd != -EADDRNOTAVAIL && fd != -EAFNOSUPPORT))
			return fd;
		if (fd == -EADDRNOTAVAIL)
			host_say(&r->say, "%s", why->text);
	}
	return 0;
}

static int listen_all(struct root *r, struct why *why)
{
	int error = listen_tcp(r, why);

	if (error)
		return error;
	r->local = host_listen_unix(r->socket, r->user.uid, r->user.socket_gid, why);
	return r->local < 0 ? r->local : 0;
}

/* What the run-time user will not be able to do later is said now. */
static void look_at_file(struct root *r)
{
	char dir[PATH_MAX];
	char *slash;

	if (access(r->file, R_OK) < 0)
		host_say(&r->say, "user %s cannot read %s: a reload will fail (chown %s %s)",
			 r->user.name, r->file, r->user.name, r->file);
	snprintf(dir, sizeof(dir), "%s", r->file);
	slash = strrchr(dir, '/');
	*(slash == dir ? slash + 1 : slash) = '\0';
	if (access(dir, W_OK) < 0)
		host_say(&r->say, "user %s cannot write in %s: `pop saveconfig` will fail (chown "
			 "%s %s)", r->user.name, dir, r->user.name, dir);
}

static void look_at_clock(struct root *r)
{
	bool off = !host_clock_synchronised();

	if (off == r->control.clock_unsynced)
		return;
	r->control.clock_unsynced = off;
	if (off)
		host_say(&r->say, "the clock is not synchronised: AYIYA and heartbeats are refused "
			 "if it is more than 120 s off (start an NTP client)");
	else
		log_event(&r->log, LEVEL_NOTICE, BY_US, "the clock is synchronised now");
}

static void look_at_addresses(struct root *r)
{
	struct ip6_addr list[HOST_ADDRESSES_MAX];
	unsigned int n = netlink_addresses(&r->netlink, list, HOST_ADDRESSES_MAX);

	if (n == r->addresses && memcmp(list, r->address, n * sizeof(list[0])) == 0)
		return;
	/* a worker was late: they stay news, or an endpoint among them would loop for good */
	if (!control_addresses_changed(&r->control))
		return;
	memcpy(r->address, list, n * sizeof(list[0]));
	r->addresses = n;
}

static void watch(void *context)
{
	struct root *r = context;

	look_at_clock(r);
	look_at_addresses(r);
	control_settle(&r->control);
	if (netlink_drops(&r->netlink, &r->control.tun_drops) == -ENODEV) {
		log_event(&r->log, LEVEL_ERROR, BY_US, "somebody removed the device "
			  HOST_DEVICE ": nothing can be forwarded, ending");
		r->failed = true;
		loop_stop(r->loop);
	}
}

static void reload(void *context)
{
	struct root *r = context;
	struct why why = { .code = 0 };

	if (control_load(&r->control, r->file, log_problem, r, &why) < 0)
		log_event(&r->log, LEVEL_ERROR, BY_US, "reload of %s: nothing changed: %s",
			  r->file, why.text);
	else
		log_event(&r->log, LEVEL_NOTICE, BY_US, "reload of %s: done", r->file);
}

static void fast_event(void *context)
{
	fastpath_event(((struct root *)context)->fast);
}

static void fast_moved(void *context)
{
	fastpath_moved(((struct root *)context)->fast);
}

static void fast_second(void *context)
{
	fastpath_second(((struct root *)context)->fast);
}

static int watch_fastpath(struct root *r, struct why *why)
{
	int fd = fastpath_fd(r->fast), error;

	if (fd < 0)
		return 0;
	error = loop_when(r->loop, fd, fast_event, r, why);
	if (!error)
		error = loop_every(r->loop, FASTPATH_MOVED_MS, fast_moved, r, why);
	return error ? error : loop_every(r->loop, FASTPATH_SECOND_MS, fast_second, r, why);
}

/* libevent draws from the arena from its first call on. */
static int make_loop(struct root *r, struct why *why)
{
	size_t bytes = SERVER_ARENA_BYTES(r->control.answer_size);
	void *memory = aligned_alloc(CACHE_LINE, bytes / CACHE_LINE * CACHE_LINE);
	struct loop_config lc = {
		.control = &r->control, .log = &r->log, .tell = r->fds[0].tell,
		.server = { .listeners = r->listeners, .local = r->local,
			    .limits = SERVER_LIMITS_DEFAULT },
		.reload = reload, .context = r,
	};

	if (!memory)
		return why_say(why, -ENOMEM, "no memory for the command line");
	memset(memory, 0, bytes / CACHE_LINE * CACHE_LINE);
	r->arena = arena_init(memory, bytes / CACHE_LINE * CACHE_LINE);
	arena_lend(r->arena);
	lc.arena = r->arena;
	_Static_assert(OPTIONS_LISTEN_MAX <= SERVER_LISTENERS_MAX, "every listener fits");
	memcpy(lc.server.listener, r->listener, r->listeners * sizeof(r->listener[0]));
	r->loop = loop_new(&lc, why);
	if (!r->loop)
		return -ENOMEM;
	int error = watch_fastpath(r, why);

	return error ? error : loop_every(r->loop, WATCH_MS, watch, r, why);
}

static int make_workers(struct root *r, struct why *why)
{
	r->crew = crew_new(r->workers);
	if (!r->crew)
		return why_say(why, -ENOMEM, "no memory for what %u workers hand each other",
			       r->workers);
	for (unsigned int i = 0; i < r->workers; i++) {
		const char *alone = digest_mb_open(&r->digest[i]);

		if (alone && i == 0)
			log_event(&r->log, LEVEL_INFO, BY_US, "AYIYA signatures are computed one by one: %s",
				  alone);
		r->worker[i] = worker_new(&r->region, r->crew, &r->fds[i], r->steer, i,
					  &r->digest[i], why);
		if (!r->worker[i])
			return -ENOMEM;
	}
	r->control.digests = digest_name(&r->digest[0]);
	return 0;
}

/* A worker drops its bounding set with CAP_SETPCAP, which control gives up after them. */
static int start_workers(struct root *r, struct why *why)
{
	int error = privileges_drop(&r->user, why);

	if (!error)
		error = make_workers(r, why);
	for (unsigned int i = 0; i < r->workers && !error; i++)
		error = worker_start(r->worker[i], why);
	if (error)
		return error;
	r->control.workers = r->workers;
	return privileges_settle(why);
}

static int start(struct root *r, struct why *why)
{
	int error = privileges_enough(why);

	if (!error)
		error = take_memory(r, why);
	if (!error)
		error = privileges_user(&r->user, why);
	if (!error)
		error = take_network(r, why);
	if (!error)
		error = load(r, why);
	if (!error)
		error = listen_all(r, why);
	if (!error)
		error = start_workers(r, why);
	if (!error)
		error = make_loop(r, why);
	if (error)
		return error;
	look_at_file(r);
	look_at_clock(r);
	return 0;
}

static void stop(struct root *r)
{
	loop_free(r->loop);
	for (unsigned int i = 0; i < r->workers; i++)
		worker_stop(r->worker[i]);
	for (unsigned int i = 0; i < r->workers; i++)
		digest_mb_close(&r->digest[i]);
	crew_free(r->crew);
	if (r->local >= 0) {
		close(r->local);
		if (unlink(r->socket) < 0 && errno != ENOENT)
			log_event(&r->log, LEVEL_INFO, BY_US, "%s stays: %s", r->socket,
				  strerror(errno));
	}
	for (unsigned int i = 0; i < r->listeners; i++)
		close(r->listener[i]);
	fastpath_close(r->fast);
	netlink_close(&r->netlink);
	for (unsigned int i = 0; i < r->workers; i++)
		host_close(&r->fds[i]);		/* device and routes go with the last */
	steer_close(r->steer);
	control_fini(&r->control);
}

/* ---- main ---- */

static int prepare(struct root *r, struct why *why)
{
	int error = absolute(r->options.file, r->file, why);

	if (!error)
		error = absolute(r->options.run_dir, r->socket, why);
	if (error)
		return error;
	if (strlen(r->socket) + sizeof("/control") > sizeof(r->socket))
		return why_say(why, -ENAMETOOLONG, "--run-dir is too long");
	strncat(r->socket, "/control", sizeof(r->socket) - strlen(r->socket) - 1);
	if (!r->options.foreground)
		error = host_background(&r->parent, why);
	if (error)
		return error;
	/* without syslog the reasons go to standard error, which is no reason not to start */
	if (log_open(&r->log, r->options.foreground ? LOG_TO_STDERR : LOG_TO_SYSLOG,
		     LOG_SYSLOG_PATH, r->options.verbosity, why) < 0)
		host_say(&r->say, "%s", why->text);
	return 0;
}

static int run(struct root *r)
{
	struct why why = { .code = 0 };
	int error = prepare(r, &why);

	if (!error)
		error = start(r, &why);
	if (error) {
		complain(&why);
		stop(r);
		return EXIT_FAILURE;
	}
	log_event(&r->log, LEVEL_NOTICE, BY_US, "sixxsd " SIXXSD_VERSION " started: %u tunnels, "
		  "room for %u, as user %s", region_config(&r->region)->head->tunnels,
		  r->limits.tunnels, r->user.name);
	host_started(&r->parent);
	trap_arm();
	error = loop_run(r->loop);
	trap_disarm();
	log_event(&r->log, LEVEL_NOTICE, BY_US, "sixxsd ends");
	stop(r);
	log_close(&r->log);
	return error || r->failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int print_version(void)
{
	puts("Product: SixXSd\n"
	     "Version: " SIXXSD_VERSION "\n"
	     "Release: sixxsd-" SIXXSD_VERSION);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct root root = {
		.options = options_read(argc, argv), .local = -1, .parent = -1,
		.say = { .line = say_line, .context = &root },
	};

	for (unsigned int i = 0; i < WORKERS_MAX; i++)
		host_none(&root.fds[i]);
	signal(SIGPIPE, SIG_IGN);
	switch (root.options.mode) {
	case MODE_VERSION:
		return print_version();
	case MODE_HELP:
		options_usage();
		return EXIT_FAILURE;
	case MODE_WRONG:
		fputs("sixxsd: try sixxsd --help\n", stderr);
		return EXIT_WRONG;
	case MODE_CHECK:
		return check(&root);
	case MODE_RUN:
		break;
	}
	return run(&root);
}
