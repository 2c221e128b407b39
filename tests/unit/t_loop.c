/*
 * The control loop, alive: it runs in a child, and this program is its clients, its
 * worker (the region is shared) and whoever sends signals.
 */
#include <sys/eventfd.h>
#include <sys/wait.h>
#include "cli.h"
#include "table/note.h"

static int tell_fd, log_pipe[2];
static struct loop *loop;
static pid_t child;
static struct server_config at;
static int send_buffer;			/* of the server's sockets; 0: as it comes */

static void reload(void *context)
{
	log_event(&test_log, LEVEL_NOTICE, BY_US, "reload %s", (const char *)context);
	head()->verbosity = 2;
}

static void job(void *context)
{
	unsigned int *times = context;

	if (++*times == 3)
		log_event(&test_log, LEVEL_NOTICE, BY_US, "job ran three times");
}

static void job_that_stops(void *context)
{
	(void)context;
	loop_stop(loop);
}

/* Exit status of the child: what loop_run() returned, or 90 and up. */
static void live(bool stops_itself)
{
	struct loop_config lc = {
		.control = &control, .log = &test_log, .arena = arena, .server = at,
		.tell = tell_fd, .reload = reload, .context = (void *)(uintptr_t)"asked for",
	};
	unsigned int times = 0;
	struct why why;

	loop = loop_new(&lc, &why);
	if (!loop || loop_every(loop, 1, job, &times, &why))
		_exit(90);
	if (stops_itself && loop_every(loop, 5, job_that_stops, NULL, &why))
		_exit(91);
	log_event(&test_log, LEVEL_NOTICE, BY_US, "runs");

	int result = loop_run(loop);

	if (control.sessions)
		_exit(92);
	loop_free(loop);
	libevent_global_shutdown();
	if (arena_room(arena) != arena_size(arena))
		_exit(93);
	_exit(result ? 94 : 0);
}

/* Is this in the log by now, or does it come? */
static char logged[1 << 20];
static size_t log_len;

static bool logs(const char *text)
{
	time_t since = time(NULL);

	while (!strstr(logged, text) && !late(since)) {
		ssize_t n = read(log_pipe[0], logged + log_len, sizeof(logged) - 1 - log_len);

		if (n > 0)
			log_len += (size_t)n;
		else
			turn();
		logged[log_len] = '\0';
	}
	return strstr(logged, text) != NULL;
}

static void begin(bool stops_itself)
{
	at = listeners();
	if (send_buffer)
		setsockopt(at.listener[0], SOL_SOCKET, SO_SNDBUF, &send_buffer,
			   sizeof(send_buffer));
	tell_fd = eventfd(0, EFD_NONBLOCK);
	if (pipe2(log_pipe, O_NONBLOCK))
		exit(99);
	test_log.fd = log_pipe[1];
	head()->verbosity = 0;
	logged[log_len = 0] = '\0';
	fflush(stdout);
	child = fork();
	if (child == 0)
		live(stops_itself);
	close(at.listener[0]);
	close(at.local);
	if (!logs("runs\n"))
		exit(98);
}

/* Return: the exit status; a child that hangs counts as 97 */
static int end(void)
{
	time_t since = time(NULL);
	int status = 0;

	while (waitpid(child, &status, WNOHANG) == 0) {
		if (late(since)) {
			kill(child, SIGKILL);
			waitpid(child, &status, 0);
			return 97;
		}
		turn();
	}
	close(tell_fd);
	close(log_pipe[0]);
	close(log_pipe[1]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 96;
}

static void tell_control(void)
{
	uint64_t one = 1;

	if (write(tell_fd, &one, sizeof(one)) < 0)
		exit(99);
}

static bool put(const struct record *rec)
{
	return ring_put(&region.ring[0], rec);
}

static void signals_end_it_cleanly(void)
{
	static const int sig[] = { SIGTERM, SIGINT };

	for (size_t i = 0; i < ARRAY_LEN(sig); i++) {
		begin(false);
		int fd = client(), local = local_client();

		ok(says(fd, BANNER) && says(local, BANNER), "two sessions");
		kill(child, sig[i]);
		ok(says(fd, "404 Tschau, closing down\n") && hangs_up(fd),
		   "signal %d: the session over TCP is told", sig[i]);
		ok(says(local, "404 Tschau, closing down\n") && hangs_up(local), "the local one too");
		ok(end() == 0, "and loop_run() returns, with nothing left in the arena");
	}
}

static void a_client_that_never_reads_does_not_hold_up_the_end(void)
{
	/* half a megabyte: far more than the kernel keeps for these sockets */
	send_buffer = 8192;
	begin(false);
	send_buffer = 0;
	int fd = client();

	type(fd, "lines 30000\n");
	ok(says(fd, BANNER "201 30000\nline 0 of 30000\n"), "an answer begins");
	kill(child, SIGTERM);
	ok(end() == 92, "it ends although that session could not be told");
	close(fd);
}

static void a_shutdown_command_ends_it(void)
{
	begin(false);
	int fd = client(), other = client();

	says(fd, BANNER);
	says(other, BANNER);
	type(fd, "pop shutdown\n");
	ok(says(fd, "666 Tschau, shutting down\n") && hangs_up(fd), "the asker is answered");
	ok(says(other, "404 Tschau, closing down\n") && hangs_up(other), "the other one is told");
	ok(logs("pop shutdown"), "the log knows who asked");
	ok(end() == 0, "and it ends");

	begin(true);
	ok(end() == 0, "a job may end it as well");
}

static void a_hangup_reloads(void)
{
	begin(false);
	int fd = client();

	ok(says(fd, BANNER), "a session");
	kill(child, SIGHUP);
	ok(logs("reload asked for\n"), "SIGHUP calls reload");
	/* verbosity 2 came with it: now sessions are logged */
	int other = client();

	ok(says(other, BANNER) && logs("session 2: from 127.0.0.1\n"), "the new verbosity counts");
	ok(is_in_step(fd), "the session that was there stays");
	ok(logs("job ran three times\n"), "jobs are called again and again");
	kill(child, SIGTERM);
	close(fd);
	close(other);
	ok(end() == 0, "it ends");
}

static void events_become_log_lines(void)
{
	struct record up = { .event = EVENT_UP, .from = 1, .to = TID_NONE, .port = 5072 };
	struct record down = { .event = EVENT_DOWN, .from = 1, .to = TID_NONE, .value = 120 };

	up.address = addr_from_ip4(0xc0000201);
	begin(false);
	if (!put(&up) || !put(&down))
		exit(99);
	tell_control();
	ok(logs("tunnel T5072: up from 192.0.2.1:5072\n"), "an event of the worker");
	ok(logs("tunnel T5072: down: no heartbeat for 120 s\n"), "and the next");
	ok(strstr(logged, ": up from") < strstr(logged, ": down:"), "in order");
	count_add(&region.table.worker[0].events_lost, 5);
	tell_control();
	ok(logs("worker 0: 5 events and trace records lost"), "what the worker could not tell");
	count_add(&region.table.worker[0].events_lost, 2);
	tell_control();
	ok(logs("worker 0: 2 events and trace records lost"), "is reported once, then only the news");
	kill(child, SIGTERM);
	ok(end() == 0, "it ends");
}

static void traces_reach_their_session_and_no_other(void)
{
	struct record rec = { .event = EVENT_TRACE, .verdict = SENT_TUNNEL, .from = 1, .to = 2 };
	unsigned int put_in = 0;

	begin(false);
	int fd[3] = { client(), client(), client() };

	for (int i = 0; i < 3; i++)
		says(fd[i], BANNER);
	type(fd[0], "trace 1\n");
	type(fd[1], "trace 2\n");
	says(fd[0], "200 Debugging has been enabled\n");
	says(fd[1], "200 Debugging has been enabled\n");
	if (!put(&rec))
		exit(99);
	tell_control();
	ok(says(fd[0], "200 [T5072  T42 ][len=0] forwarded into a tunnel\n"), "who traces the one");
	ok(says(fd[1], "200 [T5072  T42 ][len=0] forwarded into a tunnel\n"), "and who the other");
	rec.to = TID_NONE;
	rec.verdict = SENT_UPLINK;
	if (!put(&rec))
		exit(99);
	tell_control();
	ok(says(fd[0], "200 [T5072  uplink ][len=0] forwarded to the uplink\n"), "or one of them");
	type(fd[0], "trace 2\n");
	says(fd[0], "200 Debugging has been enabled\n");
	rec.to = 2;
	rec.verdict = SENT_TUNNEL;
	if (!put(&rec))
		exit(99);
	tell_control();
	ok(says(fd[0], "200 [T5072  T42 ][len=0] forwarded into a tunnel\n") && is_in_step(fd[0]),
	   "both ends in one session: once");
	ok(is_in_step(fd[1]) && is_in_step(fd[2]), "nobody else hears it");
	kill(child, SIGSTOP);
	while (put(&rec))
		put_in++;
	tell_control();
	kill(child, SIGCONT);
	ok(put_in == RING_RECORDS, "the ring was filled while control slept");
	for (unsigned int i = 0; i < 10; i++)
		says(fd[0], "200 [T5072  T42 ][len=0] forwarded into a tunnel\n");
	time_t since = time(NULL);

	while (count_get(&region.ring[0].tail) != count_get(&region.ring[0].head) && !late(since))
		turn();
	ok(count_get(&region.ring[0].tail) == count_get(&region.ring[0].head), "all of it is taken");
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	kill(child, SIGTERM);
	ok(end() == 0, "it ends");
}

int main(void)
{
	world();
	region.config[0].tunnel[1] = (struct tunnel_conf){ .kind = KIND_STATIC, .id = 5072 };
	region.config[0].tunnel[2] = (struct tunnel_conf){ .kind = KIND_STATIC, .id = 42 };

	signals_end_it_cleanly();
	a_client_that_never_reads_does_not_hold_up_the_end();
	a_shutdown_command_ends_it();
	a_hangup_reloads();
	events_become_log_lines();
	traces_reach_their_session_and_no_other();
	return tap_done();
}
