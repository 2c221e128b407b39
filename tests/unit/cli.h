/*
 * tests/unit/cli.h - a command line server in this process, and clients to annoy it with
 *
 * Server and clients run in one thread: every wait turns the event loop until the
 * expected octets are there, so that nothing depends on how fast the machine is. A wait
 * gives up after WAIT_S. Commands are faked: control_execute() below is the test's.
 */
#ifndef SIXXSD_TEST_CLI_H
#define SIXXSD_TEST_CLI_H

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "ctl/loop.h"
#include "tap.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"

#define WAIT_S		10
#define ARENA_BYTES	(4 * 1024 * 1024)
#define ANSWER_BYTES	(1024 * 1024)
#define TUNNELS		64
#define BANNER		"200 chtst01 sixxsd " SIXXSD_VERSION "\n"

static uint8_t arena_memory[ARENA_BYTES] ALIGNED(ARENA_ALIGN);
static struct arena *arena;
static struct event_base *base;
static struct region region;
static struct control control;
static struct log test_log;
static struct server *server;
static struct server_limits limits;
static struct sockaddr_in tcp_at;
static struct sockaddr_un local_at;
static unsigned int executed, forgotten, shutdowns;
static char last_line[CMD_LINE_MAX + 1];
static size_t last_len;

/* ---- what the server calls ---- */

void session_init(struct session *s, enum session_kind kind, const struct cmd *root)
{
	*s = (struct session){ .kind = kind, .menu = { root } };
}

bool control_traces(const struct control *c, const struct session *s)
{
	for (unsigned int tid = 0; tid < TUNNELS; tid++) {
		if (c->tracer[tid] == s->connection)
			return true;
	}
	return false;
}

void control_forget_session(struct control *c, struct session *s)
{
	for (unsigned int tid = 0; tid < TUNNELS; tid++) {
		if (c->tracer[tid] == s->connection)
			c->tracer[tid] = NULL;
	}
	forgotten++;
}

void control_execute(struct control *c, struct session *s, const char *line, size_t len,
		     struct answer *an)
{
	unsigned int n;

	executed++;
	memcpy(last_line, line, len);
	last_len = len;
	if (sscanf(line, "lines %u", &n) == 1) {
		for (unsigned int i = 0; i < n; i++)
			answer_line(an, "line %u of %u", i, n);
	} else if (sscanf(line, "trace %u", &n) == 1) {
		c->tracer[n] = s->connection;
		answer_say(an, ANSWER_OK, "Debugging has been enabled");
	} else if (strcmp(line, "json") == 0) {
		s->format = ANSWER_JSON;
		answer_say(an, ANSWER_OK, "as JSON from now on");
	} else if (strcmp(line, "exit") == 0) {
		s->wants = WANTS_CLOSE;
		answer_say(an, ANSWER_END, "Tschau");
	} else if (strcmp(line, "pop shutdown") == 0) {
		s->wants = WANTS_SHUTDOWN;
		answer_say(an, ANSWER_END, "Tschau, shutting down");
	} else if (strncmp(line, "echo ", 5) == 0) {
		answer_say(an, ANSWER_OK, "%s", line + 5);
	} else {
		answer_say(an, ANSWER_NOT_FOUND, "Unknown command, %zu octets", len);
	}
}

/* Pretend that clients come from elsewhere. */
static struct ip6_addr pretended;
static bool pretending;
static unsigned int accepts;

int accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	int client = (int)syscall(SYS_accept4, fd, sa, len, flags);

	accepts++;
	if (client >= 0 && pretending && sa->sa_family == AF_INET) {
		struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

		memcpy(&in6.sin6_addr, pretended.b, sizeof(pretended.b));
		memcpy(sa, &in6, sizeof(in6));
		*len = sizeof(in6);
	}
	return client;
}

/* ---- the server ---- */

static void *zeroed(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		exit(99);
	return at;
}

static struct config_head *head(void)
{
	return region.config[region.head->published & 1].head;
}

static void acl(const char *text)
{
	struct config_head *h = head();
	struct prefix p;

	if (prefix_parse(text, strlen(text), &p)) {
		h->acl[h->acls] = p.addr;
		h->acl_len[h->acls++] = p.len;
		return;
	}
	if (!addr_parse(text, strlen(text), &h->acl[h->acls]))
		exit(99);
	h->acl_len[h->acls++] = 128;
}

static int listening(int family, void *sa, socklen_t len)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (bind(fd, sa, len) || listen(fd, 1024) || getsockname(fd, sa, &len)) {
		perror("listen");
		exit(99);
	}
	return fd;
}

static struct server_config listeners(void)
{
	struct server_config sc = { .listeners = 1 };

	tcp_at = (struct sockaddr_in){ .sin_family = AF_INET };
	tcp_at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sc.listener[0] = listening(AF_INET, &tcp_at, sizeof(tcp_at));
	/* Linux invents an abstract name for an address that is only a family */
	local_at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	sc.local = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	socklen_t len = sizeof(local_at);

	if (bind(sc.local, (struct sockaddr *)&local_at, sizeof(sa_family_t)) ||
	    listen(sc.local, 1024) || getsockname(sc.local, (struct sockaddr *)&local_at, &len))
		exit(99);
	sc.limits = limits;
	return sc;
}

/* Everything but the server. */
static void world(void)
{
	const struct limits small = { .tunnels = TUNNELS, .subnets = 16 };
	struct why why;

	arena = arena_init(arena_memory, sizeof(arena_memory));
	arena_lend(arena);
	if (log_open(&test_log, LOG_TO_STDERR, NULL, 0, &why))
		exit(99);
	test_log.fd = open("/dev/null", O_WRONLY);
	region_init(&region, zeroed(region_bytes(small)), zeroed(region_secret_bytes(small)), small,
		    (wall_t){ 1 });
	memcpy(head()->pop[0].name, "chtst01", 8);
	acl("127.0.0.1");
	control = (struct control){
		.region = &region, .workers = 1, .answer_size = ANSWER_BYTES,
		.answer_buf = zeroed(ANSWER_BYTES), .tracer = zeroed(TUNNELS * sizeof(void *)),
	};
	limits = SERVER_LIMITS_DEFAULT;
	signal(SIGPIPE, SIG_IGN);
}

static void on_shutdown(void *context)
{
	(void)context;
	shutdowns++;
	server_farewell(server);
}

static struct server_config serving;

static void serve(void)
{
	struct why why;

	serving = listeners();
	server = server_new(base, &serving, &control, &test_log, arena, on_shutdown, NULL, &why);
	if (!server)
		exit(99);
	executed = forgotten = shutdowns = 0;
}

static void unserve(void)
{
	server_free(server);
	server = NULL;
	close(serving.listener[0]);
	close(serving.local);
	limits = SERVER_LIMITS_DEFAULT;
	pretending = false;
}

/* ---- clients ---- */

/* Without a loop here the server runs in another process: let it. */
static void turn(void)
{
	const struct timespec moment = { .tv_nsec = 200000 };

	if (base)
		event_base_loop(base, EVLOOP_NONBLOCK);
	else
		nanosleep(&moment, NULL);
}

static bool late(time_t since)
{
	return time(NULL) - since > WAIT_S;
}

static int client_at(const void *sa, socklen_t len, int family)
{
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, sa, len) || fcntl(fd, F_SETFL, O_NONBLOCK)) {
		perror("connect");
		exit(99);
	}
	return fd;
}

static int client(void)
{
	return client_at(&tcp_at, sizeof(tcp_at), AF_INET);
}

static int local_client(void)
{
	/* the length of an abstract name is part of it: five digits, Linux autobind */
	return client_at(&local_at, sizeof(sa_family_t) + 6, AF_UNIX);
}

/* Hand over all of it, however little the server takes at once. */
static void transmit(int fd, const void *octets, size_t len)
{
	const char *at = octets;
	time_t since = time(NULL);

	while (len && !late(since)) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			return;
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
		turn();
	}
}

static void type(int fd, const char *text)
{
	transmit(fd, text, strlen(text));
}

static char heard[2 * ANSWER_BYTES];

/* Octets until there are @want of them or the other side has closed. Return: how many */
static size_t hear(int fd, size_t want)
{
	time_t since = time(NULL);
	size_t n = 0;

	while (n < want && !late(since)) {
		ssize_t got = recv(fd, heard + n, want - n, 0);

		if (got == 0 || (got < 0 && errno != EAGAIN))
			break;
		if (got > 0)
			n += (size_t)got;
		turn();
	}
	heard[n] = '\0';
	return n;
}

/* Exactly this comes next. */
static bool says(int fd, const char *text)
{
	size_t len = strlen(text);

	if (hear(fd, len) == len && memcmp(heard, text, len) == 0)
		return true;
	printf("# wanted: %s\n# heard:  %s\n", text, heard);
	return false;
}

/* Nothing more comes, and the connection is closed in order: all that was said has arrived. */
static bool hangs_up(int fd)
{
	time_t since = time(NULL);
	ssize_t n;

	while ((n = recv(fd, heard, sizeof(heard), 0)) < 0 && errno == EAGAIN && !late(since))
		turn();
	if (n > 0)
		printf("# unexpected: %.*s\n", (int)n, heard);
	close(fd);
	return n == 0;
}

/* The connection ends, in order or not; what was on its way may be lost. */
static bool is_dropped(int fd)
{
	time_t since = time(NULL);
	ssize_t n;

	while ((n = recv(fd, heard, sizeof(heard), 0)) > 0 || (n < 0 && errno == EAGAIN)) {
		if (late(since))
			return false;
		turn();
	}
	close(fd);
	return true;
}

/* Nothing was left over from before: the next answer is to the next command. */
static bool is_in_step(int fd)
{
	type(fd, "echo in step\n");
	return says(fd, "200 in step\n");
}

static bool settles(unsigned int sessions)
{
	time_t since = time(NULL);

	while (control.sessions != sessions && !late(since))
		turn();
	return control.sessions == sessions;
}

#pragma GCC diagnostic pop

#endif
