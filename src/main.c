/*
 * src/main.c - sixxsd: starts, joins and stops the parts of the root struct
 *
 * The order of start() is the order in which things are taken from the host; each
 * step that fails says one sentence and nothing stays behind, because everything taken
 * is a descriptor, memory, or goes with one. After the privileges are gone nothing is
 * opened any more but the configuration file; after the trap is armed nothing allocates.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crypto/digest_mb.h"
#include "crypto/digest_openssl.h"
#include "ctl/arena.h"
#include "host/steer.h"
#include "host/trap.h"
#include "root.h"
#include "web/web.h"

#define WATCH_MS	5000	/* addresses, drops and clock are looked at this often */
#define WEB_SECOND_MS	1000
#define EXIT_WRONG	2	/* options that were not understood */

/* ---- sentences ---- */

static void say_line(void *context, enum logged event, const struct fact *facts, unsigned int n,
		     const char *sentence)
{
	log_facts(&((struct root *)context)->log, LEVEL_WARNING, BY_US, event, facts, n, "%s",
		  sentence);
}

/* Where somebody looks who has just typed the command. */
static void complain(const struct why *why)
{
	fprintf(stderr, "sixxsd: %s\n", why->text);
}

/* The same of a start: nobody typed it where standard error is the journal. */
static void complain_start(struct root *r, const struct why *why)
{
	const struct fact reason = { "REASON", why->text };

	if (r->log.to == LOG_TO_JOURNAL)
		log_facts(&r->log, LEVEL_ERROR, BY_US, LOGGED_START_FAILED, &reason, 1, "sixxsd: %s",
			  why->text);
	else
		complain(why);
}

static void print_problem(void *context, unsigned int line, const struct why *why)
{
	struct root *r = context;
	const char *kind = why->code == 200 ? "warning: " : "";

	r->errors += why->code != 200;
	if (line)
		fprintf(stderr, "%s:%u: %s%s\n", r->file, line, kind, why->text);
	else
		fprintf(stderr, "%s: %s%s\n", r->file, kind, why->text);
}

static void log_problem(void *context, unsigned int line, const struct why *why)
{
	struct root *r = context;
	char number[LOG_NUMBER_MAX];
	const struct fact facts[] = { { "FILE", r->file }, fact_number("LINE", line, number),
				      { "REASON", why->text } };

	r->errors += why->code != 200;
	log_facts(&r->log, why->code == 200 ? LEVEL_WARNING : LEVEL_ERROR, BY_US,
		  LOGGED_CONFIG_PROBLEM, facts, ARRAY_LEN(facts), "%s:%u: %s", r->file, line,
		  why->text);
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
	c->file = r->file;
	c->ops = root_ops_check(r);
	error = control_init(c, &r->region, why);
	return error ? error : control_check(c, r->file, print_problem, r, why);
}

static int check(struct root *r)
{
	struct why why = { .code = 0 };
	int error;

	snprintf(r->file, sizeof(r->file), "%s", r->options.file);	/* as it was typed */
	/* Limits that are wrong are one error of the file: the check reports it with the rest. */
	if (config_scan_limits(r->file, &r->limits, &r->control.workers_set, &why))
		r->limits = LIMITS_DEFAULT;
	error = check_into(r, &why);
	if (error && why.text[0] && r->errors == 0)
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
	memory = host_map("sixxsd-state", region_bytes(r->limits), false, &r->state_reader, why);
	secret = memory ? host_map("sixxsd-secrets", region_secret_bytes(r->limits), true, NULL,
				   why) : NULL;
	if (!secret)
		return -ENOMEM;
	if (r->limits.history)
		r->history = host_map_later("sixxsd-history", region_history_bytes(r->limits),
					    &r->history_reader, why);
	if (r->limits.history && !r->history)
		return -ENOMEM;
	region_init(&r->region, memory, secret, r->limits, host_wall());
	region_history(&r->region, r->history);
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
	r->fast = fastpath_open(&r->region, r->workers, r->steer, &r->netlink, &r->say);
	return r->fast ? 0 : why_say(why, -ENOMEM, "no memory for the fast path");
}

/* Its process is handed what lets it read, and nothing else. */
static int make_keeper(struct root *r, struct why *why)
{
	struct keeper_config kc = {
		.region = &r->region, .log = &r->log,
		.state = r->state_reader, .history = r->history_reader,
		.watch = root_show_decisions, .context = r,
	};
	int fd[2];

	kc.cpus = fastpath_readers(r->fast, fd);
	kc.lines = fd[0];
	kc.cpus_map = fd[1];
	r->keeper = keeper_new(&kc, why);
	return r->keeper ? 0 : -ENOMEM;
}

static int load(struct root *r, struct why *why)
{
	struct control *c = &r->control;
	int error;

	c->digest = &digest_openssl;
	c->file = r->file;
	c->started = host_mono();
	c->ops = root_ops(r);
	/* before the file's are read: an address that comes meanwhile is news to watch() */
	r->addresses = netlink_addresses(&r->netlink, r->address, HOST_ADDRESSES_MAX);
	error = control_init(c, &r->region, why);
	if (!error)
		error = control_load(c, r->file,
				     r->log.to == LOG_TO_JOURNAL ? log_problem : print_problem, r,
				     why);
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
		int fd = host_listen_tcp(&list[i], r->options.port, "the command line", why);

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
		log_facts(&r->log, LEVEL_WARNING, BY_US, LOGGED_CLOCK_WRONG, NULL, 0,
			  "the clock is not synchronised: AYIYA and heartbeats are refused if it "
			  "is more than 120 s off (start an NTP client)");
	else
		log_facts(&r->log, LEVEL_NOTICE, BY_US, LOGGED_CLOCK_RIGHT, NULL, 0,
			  "the clock is synchronised now");
}

static void look_at_history(struct root *r)
{
	int error = host_touch_error(r->toucher);

	if (!error || r->unlocked)
		return;
	r->unlocked = true;
	const struct fact reason = { "REASON", strerror(-error) };

	log_facts(&r->log, LEVEL_WARNING, BY_US, LOGGED_HISTORY_UNLOCKED, &reason, 1,
		  "cannot lock %zu MiB of memory for the past of tunnels: %s; it may be swapped out (raise the "
		  "limit RLIMIT_MEMLOCK, or `pop set limits ... history` to fewer tunnels)",
		  region_history_bytes(r->limits) >> 20, reason.value);
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

static void look_at_routes(struct root *r)
{
	const struct fact device = { "INTERFACE", HOST_DEVICE };

	if (netlink_routes_back(&r->netlink))
		log_facts(&r->log, LEVEL_WARNING, BY_US, LOGGED_ROUTES_BACK, &device, 1,
			  "the routes into " HOST_DEVICE " had gone (it was down, or IPv6 was off): put back");
}

static void watch(void *context)
{
	struct root *r = context;

	look_at_routes(r);
	look_at_clock(r);
	look_at_history(r);
	look_at_addresses(r);
	control_settle(&r->control);
	control_look_outside(&r->control);
	if (netlink_drops(&r->netlink, &r->control.tun_drops) == -ENODEV) {
		const struct fact device = { "INTERFACE", HOST_DEVICE };

		log_facts(&r->log, LEVEL_ERROR, BY_US, LOGGED_DEVICE_GONE, &device, 1,
			  "somebody removed the device " HOST_DEVICE
			  ": nothing can be forwarded, ending");
		r->failed = true;
		loop_stop(r->loop);
	}
}

/* What was said about each line is not said again. */
static void tell_not_reloaded(struct root *r, struct why *why)
{
	const struct fact facts[] = { { "FILE", r->file }, { "REASON", why->text } };

	if (r->errors)
		why_say(why, 0, "%u error%s in it", r->errors, r->errors == 1 ? "" : "s");
	log_facts(&r->log, LEVEL_ERROR, BY_US, LOGGED_RELOAD_REFUSED, facts, 2,
		  "reload of %s: nothing changed: %s", r->file, why->text);
}

static void reload(void *context)
{
	struct root *r = context;
	struct why why = { .code = 0 };
	const struct fact file = { "FILE", r->file };

	r->errors = 0;
	notify_reloading(&r->notify, host_mono());
	if (control_load(&r->control, r->file, log_problem, r, &why) < 0)
		tell_not_reloaded(r, &why);
	else
		log_facts(&r->log, LEVEL_NOTICE, BY_US, LOGGED_RELOADED, &file, 1,
			  "reload of %s: done", r->file);
	notify_ready(&r->notify);
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

static void web_event(void *context)
{
	keeper_event(((struct root *)context)->keeper);
}

static void web_second(void *context)
{
	keeper_second(((struct root *)context)->keeper);
}

static int watch_web(struct root *r, struct why *why)
{
	int error = loop_when(r->loop, keeper_fd(r->keeper), web_event, r, why);

	return error ? error : loop_every(r->loop, WEB_SECOND_MS, web_second, r, why);
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

	if (!error)
		error = watch_web(r, why);
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
		r->worker[i] = worker_new(&r->region, r->crew, &r->fds[i], r->steer,
					  fastpath_sockets(r->fast, i), i, &r->digest[i], why);
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
	/* forwarding has begun: now there is time for what it does not need */
	if (r->history)
		r->toucher = host_touch(r->history, region_history_bytes(r->limits));
	return privileges_settle(why);
}

/* What the page cannot be used with has a line, if the file said so. */
static int start_page(struct root *r, struct why *why)
{
	int error = keeper_start(r->keeper, why);
	struct why plain = *why;

	if (error && !region_config(&r->region)->head->http.chosen) {
		keeper_later(r->keeper, why);	/* tunnels do without */
		return 0;
	}
	if (error && r->control.http_line)
		return why_say(why, error, "%s:%u: %s", r->file, r->control.http_line, plain.text);
	return error;
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
		error = make_keeper(r, why);
	if (!error)
		error = load(r, why);
	if (!error)
		error = listen_all(r, why);
	if (!error)
		error = start_workers(r, why);
	if (!error)
		error = make_loop(r, why);
	if (!error)
		error = start_page(r, why);
	if (error)
		return error;
	look_at_file(r);
	look_at_clock(r);
	control_look_outside(&r->control);
	return 0;
}

static void stop(struct root *r)
{
	loop_free(r->loop);
	keeper_free(r->keeper);
	for (unsigned int i = 0; i < r->workers; i++)
		worker_stop(r->worker[i]);
	for (unsigned int i = 0; i < r->workers; i++)
		digest_mb_close(&r->digest[i]);
	(void)host_touched(r->toucher);
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
	notify_close(&r->notify);
}

/* ---- main ---- */

/* Without a socket for it lines go to standard error, which is no reason not to start. */
static void open_log(struct root *r)
{
	enum log_to to = LOG_TO_SYSLOG;
	struct why why;

	if (r->options.foreground)
		to = log_is_journal(STDERR_FILENO, getenv("JOURNAL_STREAM")) ? LOG_TO_JOURNAL :
									      LOG_TO_STDERR;
	if (log_open(&r->log, to, to == LOG_TO_JOURNAL ? LOG_JOURNAL_PATH : LOG_SYSLOG_PATH,
		     r->options.verbosity, &why) < 0)
		host_say(&r->say, "%s", why.text);
}

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
	open_log(r);
	return 0;
}

static void tell_started(struct root *r)
{
	unsigned int tunnels = region_config(&r->region)->head->tunnels;
	char number[LOG_NUMBER_MAX];
	const struct fact facts[] = { { "VERSION", SIXXSD_VERSION },
				      fact_number("VALUE", tunnels, number) };

	log_facts(&r->log, LEVEL_NOTICE, BY_US, LOGGED_STARTED, facts, ARRAY_LEN(facts),
		  "sixxsd " SIXXSD_VERSION " started: %u tunnels, room for %u, as user %s", tunnels,
		  r->limits.tunnels, r->user.name);
}

static int run(struct root *r)
{
	struct why why = { .code = 0 };
	int error;

	notify_open(&r->notify, getenv("NOTIFY_SOCKET"));
	unsetenv("NOTIFY_SOCKET");	/* not for anything we start */
	error = prepare(r, &why);
	if (!error)
		error = start(r, &why);
	if (error) {
		complain_start(r, &why);
		stop(r);
		return EXIT_FAILURE;
	}
	tell_started(r);
	host_started(&r->parent);
	notify_ready(&r->notify);
	trap_arm();
	error = loop_run(r->loop);
	trap_disarm();
	notify_stopping(&r->notify);
	log_facts(&r->log, LEVEL_NOTICE, BY_US, LOGGED_STOPPED, NULL, 0, "sixxsd ends");
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

static int daemon_main(int argc, char **argv)
{
	struct root root = {
		.options = options_read(argc, argv), .local = -1, .parent = -1,
		.state_reader = -1, .history_reader = -1,
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

int main(int argc, char **argv)
{
	/* not an option: the daemon's own way to its second process */
	if (argc == 3 && strcmp(argv[1], "--web") == 0)
		return web_main(argv[2]);
	return daemon_main(argc, argv);
}
