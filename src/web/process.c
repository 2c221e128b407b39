#include "web/web.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "host/host.h"
#include "web/parts.h"

#define ARENA_BYTES	((size_t)64 * 1024 * 1024)
#define TICKS_MS	250
#define FILES_MAX	(WEB_CLIENTS_MAX + WEB_TRACES_MAX + 64)

/* ---- clocks and words to control ---- */

mono_t web_mono(void)
{
	return host_mono();
}

wall_t web_wall(void)
{
	return host_wall();
}

bool web_ask(struct web *w, const struct web_word *word)
{
	return send(w->channel, word, sizeof(*word), MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof(*word);
}

/* ---- what control hands us ---- */

static void *map(int fd, uint64_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Return: mapped; anything that does not fit is a daemon of another build */
static bool take_state(struct web *w, const struct web_order *o, const int fd[WEB_FDS_MAX])
{
	struct limits l;
	void *state = NULL, *history = NULL, *lines = NULL, *cpus = NULL;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned int at = 0;

	if (!(o->descriptors & WEB_FD_STATE))
		return false;
	state = map(fd[at++], o->state_bytes);
	if (!state || !region_attach(&w->region, state, o->state_bytes, NULL))
		return false;
	l = w->region.head->limits;
	if (o->descriptors & WEB_FD_HISTORY)
		history = map(fd[at++], o->history_bytes);
	if (history && o->history_bytes == region_history_bytes(l))
		region_history(&w->region, history);
	if (o->descriptors & WEB_FD_LINES)
		lines = map(fd[at++], (o->cpus * l.tunnels * sizeof(struct fast_line) + page - 1) / page * page);
	if (o->descriptors & WEB_FD_CPUS)
		cpus = map(fd[at++], (o->cpus * sizeof(struct fast_cpu) + page - 1) / page * page);
	if (lines && cpus)
		w->region.table.fast = (struct fast){ .line = lines, .cpu = cpus, .cpus = o->cpus };
	w->mapped = true;
	return true;
}

static void try_site(struct web *w, const struct web_order *o, const int fd[WEB_FDS_MAX])
{
	struct web_word word = { .what = WEB_GOOD, .id = o->id };

	site_close(&w->tried);
	if (!o->http.off && !site_open(w, &w->tried, &o->http, fd, word.text))
		word.what = WEB_BAD;
	(void)web_ask(w, &word);
}

/* The same place, and a certificate that may be another: whoever is connected stays. */
static bool is_renewal(const struct site *now, const struct site *tried)
{
	return now->tls && tried->tls && now->port == tried->port &&
	       addr_eq(&now->address, &tried->address);
}

static void keep_tried(struct web *w)
{
	if (is_renewal(&w->now, &w->tried)) {
		void *old = w->now.tls;

		w->now.tls = w->tried.tls;	/* of those who come from here on */
		w->tried.tls = old;
		site_close(&w->tried);
	} else {
		site_close(&w->now);
		w->now = w->tried;
		w->tried = (struct site){ .http = NULL };
	}
	clients_look(w);	/* whoever came meanwhile waited */
}

static void take_order(struct web *w, const struct web_order *o, const int fd[WEB_FDS_MAX], unsigned int fds)
{
	unsigned int kept = 0;		/* the first so many */

	switch ((enum web_order_what)o->what) {
	case WEB_STATE:
		if (!take_state(w, o, fd))
			event_base_loopbreak(w->base);
		break;
	case WEB_TRY:
		try_site(w, o, fd);
		kept = WEB_TRY_LISTENER + 1;
		break;
	case WEB_KEEP:
		keep_tried(w);
		break;
	case WEB_FORGET:
		site_close(&w->tried);
		break;
	case WEB_NEWS:
		if (w->mapped)
			streams_check(w);
		break;
	case WEB_VERIFIED:
		if (!streams_verified(w, o))
			route_verified(w, o);
		break;
	case WEB_WATCHED:
		trace_watched(w, o->id, fd[0]);
		kept = 1;
		break;
	}
	for (unsigned int i = kept; i < fds; i++)
		close(fd[i]);
}

static void on_channel(evutil_socket_t channel, short what, void *arg)
{
	union {
		char		octets[CMSG_SPACE(WEB_FDS_MAX * sizeof(int))];
		struct cmsghdr	align;
	} control = { .octets = "" };
	struct web *w = arg;
	struct web_order o;
	struct iovec iov = { &o, sizeof(o) };
	struct msghdr mh = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.octets, .msg_controllen = sizeof(control.octets),
	};
	ssize_t got = recvmsg(channel, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int fd[WEB_FDS_MAX] = { -1, -1, -1, -1 };
	unsigned int fds = 0;

	(void)what;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	for (struct cmsghdr *c = got > 0 ? CMSG_FIRSTHDR(&mh) : NULL; c; c = CMSG_NXTHDR(&mh, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		fds = (unsigned int)min_size((c->cmsg_len - CMSG_LEN(0)) / sizeof(int), WEB_FDS_MAX);
		memcpy(fd, CMSG_DATA(c), fds * sizeof(int));
	}
	if (got != (ssize_t)sizeof(o)) {	/* the daemon ends */
		event_base_loopbreak(w->base);
		return;
	}
	o.http.certificate[sizeof(o.http.certificate) - 1] = '\0';
	o.http.key[sizeof(o.http.key) - 1] = '\0';
	take_order(w, &o, fd, fds);
}

/* ---- the loop ---- */

static void on_second(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	streams_second(arg);
}

/* evhttp has told them their sockets by now: those of one site that are too many go at once. */
static void on_newcomers(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	clients_look(arg);
}

static void on_quarter(evutil_socket_t fd, short what, void *arg)
{
	struct web *w = arg;

	(void)fd, (void)what;
	clients_look(w);
	if (w->mapped)
		streams_check(w);
}

/* OpenSSL's hooks carry no context either; see ctl/lend.c. */
static struct arena *lent;

static void *lent_malloc(size_t bytes, const char *file, int line)
{
	(void)file, (void)line;
	return arena_alloc(lent, bytes);
}

static void *lent_realloc(void *p, size_t bytes, const char *file, int line)
{
	(void)file, (void)line;
	return arena_realloc(lent, p, bytes);
}

static void lent_free(void *p, const char *file, int line)
{
	(void)file, (void)line;
	arena_free(lent, p);
}

/* Everything but @w comes from the arena, and goes with the process. */
static bool web_init(struct web *w, int channel)
{
	const struct timeval second = { .tv_sec = 1 }, quarter = { .tv_usec = TICKS_MS * 1000 };
	void *memory = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return false;
	w->channel = channel;
	/* tokens, requests, the key: not for a core. Nor is the process, for others of its user */
	if (madvise(memory, ARENA_BYTES, MADV_DONTDUMP) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    getrandom(&w->seed, sizeof(w->seed), 0) < 0)
		return false;
	w->arena = lent = arena_init(memory, ARENA_BYTES);
	w->answer = arena_alloc(lent, WEB_ANSWER_BYTES);
	/* it reads its configuration now: later it could not */
	if (!CRYPTO_set_mem_functions(lent_malloc, lent_realloc, lent_free) || !OPENSSL_init_ssl(0, NULL))
		return false;
	arena_lend(w->arena);
	w->base = event_base_new();
	if (!w->base || !w->answer)
		return false;
	evutil_make_socket_nonblocking(channel);
	w->on_channel = event_new(w->base, channel, EV_READ | EV_PERSIST, on_channel, w);
	w->each_second = event_new(w->base, -1, EV_PERSIST, on_second, w);
	w->each_quarter = event_new(w->base, -1, EV_PERSIST, on_quarter, w);
	w->on_newcomers = event_new(w->base, -1, 0, on_newcomers, w);
	return w->on_channel && w->each_second && w->each_quarter && w->on_newcomers &&
	       !event_add(w->on_channel, NULL) && !event_add(w->each_second, &second) &&
	       !event_add(w->each_quarter, &quarter);
}

/* The last that is done before a stranger is listened to. */
static void shut_in(struct web *w)
{
	int error = cage();
	struct web_word word = { .what = WEB_UNCAGED, .id = (uint32_t)-error };

	if (error)
		(void)web_ask(w, &word);
}

int web_main(const char *descriptor)
{
	struct rlimit files = { .rlim_cur = FILES_MAX, .rlim_max = FILES_MAX };
	int channel = host_spawned(descriptor);
	struct web *w = calloc(1, sizeof(*w));
	int status = EXIT_FAILURE;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);	/* the daemon's */
	signal(SIGINT, SIG_IGN);	/* Ctrl-C reaches us too; the daemon ends us in order */
	if (channel < 0 || setrlimit(RLIMIT_NOFILE, &files) < 0)
		fputs("sixxsd: --web is for the daemon itself\n", stderr);
	else if (w && web_init(w, channel)) {
		shut_in(w);
		status = event_base_dispatch(w->base) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	free(w);
	return status;	/* the arena and every connection go with the process */
}
