#include "web/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/secret.h"
#include "host/host.h"
#include "web/channel.h"

#define WAIT_MS		3000	/* for the process to read a certificate */
#define AGAIN_FIRST_S	1
#define AGAIN_MAX_S	60
#define WELL_S		60	/* it ran so long: the next death is news again */
#define QUIT_MS		500	/* at our end it has so long to go */
#define WORDS_PER_EVENT	64
#define HELD_MAX	8		/* views asked for while control waits: a process has no more */

struct keeper {
	struct keeper_config	config;
	int			epoll;
	int			channel;	/* -1: no process */
	pid_t			pid;
	bool			started;	/* keeper_start() was tried: processes may be made */
	bool			fresh;		/* the process was made for @tried, and serves nothing yet */
	int			listener;	/* in force; -1: off */
	struct http_conf	http;		/* in force */
	struct http_conf	tried;
	int			tried_listener;	/* >= 0: bound for @tried */
	bool			trying;
	bool			uncaged;	/* and that was said */
	uint32_t		tries;
	bool			answered;	/* the process, to the last WEB_TRY */
	struct why		*answer;	/* NULL: good */
	/* Within await() somebody's transaction may be open, and to show a view is a command of its own. */
	bool			waiting;
	struct { uint32_t id; uint16_t tid; } held[HELD_MAX];
	unsigned int		helds;
	struct why		bad;
	unsigned int		wait_s, again_s;
	unsigned int		ran_s;
};

/* ---- the channel ---- */

static bool put(struct keeper *k, const struct web_order *o, const int *fd, unsigned int n)
{
	union {
		char		octets[CMSG_SPACE(WEB_FDS_MAX * sizeof(int))];
		struct cmsghdr	align;
	} control = { .octets = "" };
	struct iovec iov = { (void *)(uintptr_t)o, sizeof(*o) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (k->channel < 0)
		return false;
	if (n > 0) {
		struct cmsghdr *c;

		mh.msg_control = control.octets;
		mh.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(c), fd, n * sizeof(int));
	}
	return sendmsg(k->channel, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof(*o);
}

static bool put_state(struct keeper *k)
{
	const struct keeper_config *c = &k->config;
	const int all[] = { c->state, c->history, c->lines, c->cpus_map };
	struct web_order o = {
		.what = WEB_STATE, .cpus = c->cpus, .state_bytes = c->region->head->bytes,
		.history_bytes = region_history_bytes(c->region->head->limits),
	};
	int fd[WEB_FDS_MAX];
	unsigned int n = 0;

	for (unsigned int i = 0; i < ARRAY_LEN(all); i++) {
		if (all[i] < 0)
			continue;
		fd[n++] = all[i];
		o.descriptors |= 1u << i;
	}
	return put(k, &o, fd, n);
}

static bool put_try(struct keeper *k, const struct http_conf *h, const int fd[WEB_FDS_MAX])
{
	struct web_order o = { .what = WEB_TRY, .id = ++k->tries, .http = *h };
	unsigned int n = 0;

	while (n < WEB_FDS_MAX && fd[n] >= 0)
		n++;
	return put(k, &o, fd, n);
}

void keeper_news(struct keeper *k)
{
	struct web_order o = { .what = WEB_NEWS };

	(void)put(k, &o, NULL, 0);
}

/* ---- whose is a token? ---- */

static bool is_token(const struct token *t, const uint8_t sha256[32])
{
	return t->set && secret_eq(t->sha256, sha256, sizeof(t->sha256));
}

static void verify(struct keeper *k, const struct web_word *w)
{
	const struct config *cf = region_config(k->config.region);
	struct web_order o = {
		.what = WEB_VERIFIED, .id = w->id, .revision = cf->head->revision, .tid = w->tid,
		.role = WEB_NOBODY,
	};

	if (w->tid < cf->limits.tunnels && is_token(&cf->token[w->tid], w->sha256))
		o.role = WEB_OWNER;
	if (is_token(config_admin_token(cf), w->sha256))
		o.role = WEB_ADMIN;
	(void)put(k, &o, NULL, 0);
}

/* ---- a view ---- */

static void watch(struct keeper *k, uint32_t id, uint16_t tid)
{
	struct web_order o = { .what = WEB_WATCHED, .id = id };
	int pair[2];

	if (k->waiting && k->helds < HELD_MAX) {
		k->held[k->helds].id = id;
		k->held[k->helds++].tid = tid;
		return;
	}
	if (k->waiting || !config_tunnel(region_config(k->config.region), tid) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0) {
		(void)put(k, &o, NULL, 0);
		return;
	}
	(void)put(k, &o, &pair[1], 1);
	close(pair[1]);
	k->config.watch(k->config.context, pair[0], tid);
}

static void watch_held(struct keeper *k)
{
	unsigned int n = k->helds;

	k->helds = 0;
	for (unsigned int i = 0; i < n; i++)
		watch(k, k->held[i].id, k->held[i].tid);
}

/* ---- the process ---- */

static void tell_uncaged(struct keeper *k, int error)
{
	const char *known = strerrordesc_np(error), *why = known ? known : "for no known reason";
	const struct fact reason = { "REASON", why };

	if (k->uncaged)
		return;
	k->uncaged = true;
	log_facts(k->config.log, LEVEL_NOTICE, BY_US, LOGGED_WEB_UNCAGED, &reason, 1,
		  "web: the page's process runs without a system-call filter: %s", why);
}

/* SIGKILL is our own. */
static void tell_ended(const struct keeper *k, const char *how, int sig)
{
	bool died = sig && sig != SIGKILL;
	char number[LOG_NUMBER_MAX], value[LOG_NUMBER_MAX];
	const struct fact facts[] = { { "REASON", how }, fact_number("VALUE", k->again_s, value),
				fact_number("SIGNAL", (unsigned long long)sig, number) };

	if (died)
		log_facts(k->config.log, LEVEL_ERROR, BY_US, LOGGED_WEB_ENDED, facts, 3,
			  "web: the process died of signal %d; another in %u s", sig, k->again_s);
	else
		log_facts(k->config.log, LEVEL_ERROR, BY_US, LOGGED_WEB_ENDED, facts, 2,
			  "web: the process %s; another in %u s", how, k->again_s);
}

/* Return: as of waitpid() */
static int end_process(struct keeper *k)
{
	int status = 0;

	(void)epoll_ctl(k->epoll, EPOLL_CTL_DEL, k->channel, NULL);
	close(k->channel);
	k->channel = -1;
	k->helds = 0;
	(void)kill(k->pid, SIGKILL);	/* without its channel it is of no use */
	while (waitpid(k->pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static void back_off(struct keeper *k)
{
	k->again_s = k->again_s ? (unsigned int)min_size(2 * k->again_s, AGAIN_MAX_S) : AGAIN_FIRST_S;
	k->wait_s = k->again_s;
}

/* It failed, or ended by itself: then @how */
static void reap(struct keeper *k, const char *how)
{
	int status = end_process(k);

	if (k->ran_s >= WELL_S)
		k->again_s = 0;
	back_off(k);
	if (how)
		tell_ended(k, how, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

/* It may come to be on a terminal. */
static void tame(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
	}
}

/* To a question we gave up on it may still answer. */
static void take_answer(struct keeper *k, const struct web_word *w)
{
	if (w->id != k->tries)
		return;
	k->answered = true;
	k->answer = NULL;
	if (w->what == WEB_BAD) {
		why_say(&k->bad, -EINVAL, "%s", w->text);
		tame(k->bad.text);
		k->answer = &k->bad;
	}
}

static void take_word(struct keeper *k, struct web_word *w)
{
	w->text[sizeof(w->text) - 1] = '\0';
	switch ((enum web_word_what)w->what) {
	case WEB_GOOD:
	case WEB_BAD:
		take_answer(k, w);
		break;
	case WEB_VERIFY:
		verify(k, w);
		break;
	case WEB_WATCH:
		watch(k, w->id, w->tid);
		break;
	case WEB_UNCAGED:
		tell_uncaged(k, (int)w->id);
		break;
	}
}

static void take_words(struct keeper *k)
{
	for (int i = 0; i < WORDS_PER_EVENT && k->channel >= 0; i++) {
		struct web_word w;
		ssize_t got = recv(k->channel, &w, sizeof(w), MSG_DONTWAIT);

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got == (ssize_t)sizeof(w))
			take_word(k, &w);
		else
			reap(k, "ended");
	}
}

void keeper_event(struct keeper *k)
{
	watch_held(k);
	take_words(k);
}

/* Return: 0, or -errno with @why: it said no, or nothing at all */
static int await(struct keeper *k, struct why *why)
{
	mono_t start = host_mono();

	while (!k->answered && k->channel >= 0) {
		int64_t left = WAIT_MS - mono_since_us(host_mono(), start) / US_PER_MS;
		struct pollfd p = { .fd = k->channel, .events = POLLIN };

		if (left <= 0)
			return why_say(why, -ETIMEDOUT, "the process that serves the page did not answer");
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		k->waiting = true;
		take_words(k);
		k->waiting = false;
	}
	if (!k->answered)
		return why_say(why, -EPIPE, "the process that serves the page ended");
	if (!k->answer)
		return 0;
	*why = *k->answer;
	return -EINVAL;
}

/* With the rights we have left: what can be opened once can be opened again to renew it. */
static int open_file(const char *what, const char *name, const char *who, struct why *why)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return why_say(why, -errno, "cannot use the %s %.150s: %s (as the user %s)",
			       what, name, strerror(errno), who);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return why_say(why, -EINVAL, "cannot use the %s %.150s: it is not a plain file", what, name);
}

static int open_tls(const struct http_conf *h, int fd[WEB_FDS_MAX], const char *who,
		    struct why *why)
{
	if (h->off || !h->certificate[0])
		return 0;
	fd[WEB_TRY_CERTIFICATE] = open_file("certificate", h->certificate, who, why);
	if (fd[WEB_TRY_CERTIFICATE] < 0)
		return fd[WEB_TRY_CERTIFICATE];
	fd[WEB_TRY_KEY] = open_file("key", h->key, who, why);
	return fd[WEB_TRY_KEY] < 0 ? fd[WEB_TRY_KEY] : 0;
}

static void close_tls(const int fd[WEB_FDS_MAX])
{
	for (unsigned int i = WEB_TRY_CERTIFICATE; i < WEB_FDS_MAX; i++) {
		if (fd[i] >= 0)
			close(fd[i]);
	}
}

int keeper_files(const struct http_conf *h, const char *who, struct why *why)
{
	int fd[WEB_FDS_MAX] = { -1, -1, -1, -1 };
	int error = open_tls(h, fd, who, why);

	close_tls(fd);
	return error;
}

/* @listener stays the caller's. */
static int try(struct keeper *k, const struct http_conf *h, int listener, struct why *why)
{
	int fd[WEB_FDS_MAX] = { listener, -1, -1, -1 };
	int error = open_tls(h, fd, "the daemon runs as", why);

	k->answered = false;
	if (!error && !put_try(k, h, fd))
		error = why_say(why, -EPIPE, "the process that serves the page does not listen");
	close_tls(fd);
	return error ? error : await(k, why);
}

static void settle(struct keeper *k, bool keep)
{
	struct web_order o = { .what = keep ? WEB_KEEP : WEB_FORGET };

	(void)put(k, &o, NULL, 0);
}

static int spawn(struct keeper *k, struct why *why)
{
	int pair[2], pid;
	struct epoll_event ev = { .events = EPOLLIN };

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return why_say(why, -errno, "no socket for the page's process: %s", strerror(errno));
	pid = host_spawn_self("--web", pair[1], why);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return pid;
	}
	k->pid = pid;
	k->channel = pair[0];
	k->ran_s = 0;
	if (epoll_ctl(k->epoll, EPOLL_CTL_ADD, k->channel, &ev) < 0 || !put_state(k)) {
		reap(k, NULL);
		return why_say(why, -EIO, "the page's process cannot be talked to");
	}
	keeper_news(k);
	return 0;
}

int keeper_start(struct keeper *k, struct why *why)
{
	int error;

	k->started = true;
	if (k->http.off)
		return 0;
	error = spawn(k, why);
	if (!error)
		error = try(k, &k->http, k->listener, why);
	if (error)
		return error;
	settle(k, true);
	return 0;
}

void keeper_later(struct keeper *k, const struct why *why)
{
	if (k->channel >= 0)
		reap(k, NULL);
	else
		back_off(k);

	char value[LOG_NUMBER_MAX];
	const struct fact facts[] = { { "REASON", why->text },
				      fact_number("VALUE", k->again_s, value) };

	log_facts(k->config.log, LEVEL_ERROR, BY_US, LOGGED_WEB_FAILED, facts, ARRAY_LEN(facts),
		  "web: %s; another try in %u s", why->text, k->again_s);
}

void keeper_second(struct keeper *k)
{
	struct why why = { .code = 0 };

	watch_held(k);
	k->ran_s++;
	if (k->channel >= 0 || k->http.off || (k->wait_s > 0 && --k->wait_s > 0))
		return;
	if (keeper_start(k, &why) < 0)
		keeper_later(k, &why);
}

/* ---- where it listens ---- */

static bool same(const struct http_conf *a, const struct http_conf *b)
{
	return a->off == b->off && a->port == b->port && addr_eq(&a->address, &b->address) &&
	       strcmp(a->certificate, b->certificate) == 0 && strcmp(a->key, b->key) == 0;
}

/* What was tried is not wanted: a process that was made for it goes, and keeper_second() restores the old. */
static void forget_try(struct keeper *k)
{
	if (k->fresh && k->channel >= 0)
		(void)end_process(k);		/* it did not fail: no back-off */
	else if (k->channel >= 0)
		settle(k, false);
	k->fresh = false;
	if (k->tried_listener >= 0)
		close(k->tried_listener);
	k->tried_listener = -1;
}

static bool is_any(const struct ip6_addr *a)
{
	return addr_is_ip4(a) ? addr_ip4(a) == 0 : addr_is_unspecified(a);
}

/* A socket of ours is in the way, which listens for the same port at another address. */
static int listen_page(const struct keeper *k, const struct http_conf *next, struct why *why)
{
	int fd = host_listen_tcp(&next->address, next->port, "the page", why);
	char address[ADDR_TEXT_MAX];

	if (fd == -EADDRINUSE && k->listener >= 0 && k->http.port == next->port &&
	    addr_is_ip4(&k->http.address) == addr_is_ip4(&next->address) &&
	    (is_any(&k->http.address) || is_any(&next->address)))
		return why_say(why, fd, "the page itself listens on port %u, at %s: pop set http off first",
			       next->port, addr_text(&k->http.address, address));
	return fd;
}

int keeper_prepare(struct keeper *k, const struct http_conf *next, bool again, struct why *why)
{
	bool here = !k->http.off && k->listener >= 0 && k->http.port == next->port &&
		    addr_eq(&k->http.address, &next->address);
	int error = 0;

	k->trying = false;
	if (same(&k->http, next) && !(again && !next->off && next->certificate[0]))
		return 0;
	k->tried_listener = -1;
	if (!next->off) {
		k->tried_listener = here ? dup(k->listener) :
				    listen_page(k, next, why);
		if (k->tried_listener < 0)
			return here ? why_say(why, -errno, "no descriptor is left") : k->tried_listener;
	}
	if (k->channel < 0 && k->started && !next->off) {
		error = spawn(k, why);
		k->fresh = !error;
	}
	if (!error && k->channel >= 0)
		error = try(k, next, k->tried_listener, why);
	if (error) {
		forget_try(k);
		return error;
	}
	k->tried = *next;
	k->trying = true;
	return 0;
}

void keeper_settle(struct keeper *k, bool keep)
{
	if (!k->trying)
		return;
	k->trying = false;
	if (!keep) {
		forget_try(k);
		return;
	}
	settle(k, true);
	k->fresh = false;
	if (k->listener >= 0)
		close(k->listener);
	k->listener = k->tried_listener;
	k->http = k->tried;
}

/* ---- start and end ---- */

struct keeper *keeper_new(const struct keeper_config *kc, struct why *why)
{
	struct keeper *k = calloc(1, sizeof(*k));

	if (!k) {
		why_say(why, -ENOMEM, "no memory for the page");
		return NULL;
	}
	k->config = *kc;
	k->channel = k->listener = k->tried_listener = -1;
	k->http.off = 1;
	k->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (k->epoll < 0) {
		why_say(why, -errno, "no descriptor for the page: %s", strerror(errno));
		free(k);
		return NULL;
	}
	return k;
}

int keeper_fd(const struct keeper *k)
{
	return k->epoll;
}

void keeper_free(struct keeper *k)
{
	if (!k)
		return;
	if (k->channel >= 0) {
		struct pollfd p = { .fd = k->channel, .events = POLLIN };

		shutdown(k->channel, SHUT_WR);	/* it takes that for a wish */
		(void)poll(&p, 1, QUIT_MS);
		reap(k, NULL);
	}
	if (k->listener >= 0)
		close(k->listener);
	close(k->epoll);
	free(k);
}
