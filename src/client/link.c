#include "client/link.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECT_MS	10000
#define ANSWER_MS	60000		/* without a single octet */
#define CHUNK		65536
#define LINE_OCTETS_MAX	(256u << 20)	/* of JSON; more is not an answer */

/* ---- connecting ---- */

static int wait_connected(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int err = 0;

	if (poll(&p, 1, CONNECT_MS) <= 0)
		return -ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		return -errno;
	return -err;
}

/* Return: descriptor or -errno */
static int dial(int family, const struct sockaddr *to, socklen_t len)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int yes = 1, err = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, to, len) < 0)
		err = errno == EINPROGRESS ? wait_connected(fd) : -errno;
	if (err) {
		close(fd);
		return err;
	}
	if (family != AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
	return fd;
}

static int dial_path(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	memcpy(to.sun_path, path, strlen(path) + 1);
	return dial(AF_UNIX, (const struct sockaddr *)&to, sizeof(to));
}

static int dial_host(const char *host, const char *port, int family, struct why *why)
{
	struct addrinfo want = { .ai_family = family, .ai_socktype = SOCK_STREAM }, *list;
	int gai = getaddrinfo(host, port, &want, &list), fd = -EHOSTUNREACH;

	if (gai) {
		snprintf(why->text, sizeof(why->text), "%s port %s: %s", host, port,
			 gai_strerror(gai));
		return -EHOSTUNREACH;
	}
	for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
		fd = dial(a->ai_family, a->ai_addr, a->ai_addrlen);
	freeaddrinfo(list);
	if (fd < 0)
		snprintf(why->text, sizeof(why->text), "%s port %s: %s", host, port,
			 strerror(-fd));
	return fd;
}

static const char *path_hint(int err)
{
	return err == -EACCES ? " (are you in the group sixxsd?)" : "";
}

/* Return: descriptor or -errno with @why */
static int dial_any(const struct link_options *o, struct why *why)
{
	const char *path = o->path ? o->path : LINK_SOCKET;
	struct why tcp;

	if (!o->path && (o->host || o->port))
		return dial_host(o->host ? o->host : LINK_HOST, o->port ? o->port : LINK_PORT,
				 o->family, why);

	int err = dial_path(path);

	if (err >= 0)
		return err;
	snprintf(why->text, sizeof(why->text), "%s: %s%s", path, strerror(-err), path_hint(err));
	if (o->path)
		return err;

	const char *host = o->family == AF_INET6 ? "::1" : LINK_HOST;
	int fd = dial_host(host, LINK_PORT, o->family, &tcp);
	size_t len = strlen(why->text);

	if (fd < 0)
		snprintf(why->text + len, sizeof(why->text) - len, "; %.200s", tcp.text);
	return fd;
}

static void banner_line(void *context, int digit, const char *line, size_t len)
{
	struct why *banner = context;

	(void)digit;
	snprintf(banner->text, sizeof(banner->text), "%.*s", (int)min_size(len, 400), line);
}

/* The banner is framed like an answer of one line. */
static int greet(struct link *l, struct why *why)
{
	struct reply r;

	l->banner.text[0] = '\0';
	if (link_answer(l, &r, banner_line, &l->banner) != LINK_OK) {
		snprintf(why->text, sizeof(why->text),
			 "connected, but no sixxsd answers there%s%.300s",
			 l->banner.text[0] ? ": " : "", l->banner.text);
		return -EPROTO;
	}
	if (r.code != 200) {
		snprintf(why->text, sizeof(why->text), "turned away: %d %.300s", r.code,
			 l->banner.text);
		return -EACCES;
	}
	return 0;
}

int link_open(struct link *l, const struct link_options *o, struct why *why)
{
	l->fd = dial_any(o, why);
	l->start = l->end = 0;
	if (l->fd < 0) {
		int err = l->fd;

		l->fd = -1;
		return err;
	}

	int err = greet(l, why);

	if (err)
		link_close(l);
	return err;
}

void link_close(struct link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

/* ---- Ctrl-C ---- */

static void watch(struct link *l, const int *signals, size_t n)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < n; i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	l->interrupt = signalfd(l->interrupt, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

void link_watch_interrupt(struct link *l)
{
	static const int signals[] = { SIGINT };

	if (l->interrupt < 0)
		watch(l, signals, ARRAY_LEN(signals));
}

void link_watch_end(struct link *l)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

	watch(l, signals, ARRAY_LEN(signals));
}

bool link_interrupted(struct link *l)
{
	struct signalfd_siginfo info;

	return l->interrupt >= 0 && read(l->interrupt, &info, sizeof(info)) == sizeof(info);
}

/* ---- octets ---- */

static enum link_end wait_for(struct link *l, short events, int timeout_ms)
{
	/* of the reader only its end is heard */
	struct pollfd p[] = { { .fd = l->fd, .events = events },
			      { .fd = l->interrupt, .events = POLLIN }, { .fd = l->reader } };
	int n;

	do {
		n = poll(p, ARRAY_LEN(p), timeout_ms);
	} while (n < 0 && errno == EINTR);
	if (n > 0 && p[1].revents && link_interrupted(l))
		return LINK_INTERRUPTED;
	if (n > 0 && p[2].revents & (POLLERR | POLLHUP))
		return LINK_INTERRUPTED;
	return n > 0 ? LINK_OK : LINK_LOST;
}

enum link_end link_send(struct link *l, const char *line, size_t len)
{
	char out[8192];
	size_t sent = 0;

	if (l->fd < 0 || len >= sizeof(out))
		return LINK_LOST;
	memcpy(out, line, len);
	out[len++] = '\n';
	while (sent < len) {
		ssize_t n = send(l->fd, out + sent, len - sent, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return LINK_LOST;
		if (n > 0)
			sent += (size_t)n;
		if (sent < len) {
			enum link_end e = wait_for(l, POLLOUT, ANSWER_MS);

			if (e != LINK_OK)
				return e;
		}
	}
	return LINK_OK;
}

static bool make_room(struct link *l)
{
	if (l->start > 0) {
		memmove(l->buf, l->buf + l->start, l->end - l->start);
		l->end -= l->start;
		l->start = 0;
	}
	if (l->size - l->end >= CHUNK)
		return true;
	if (l->size > LINE_OCTETS_MAX)
		return false;

	size_t size = l->size ? 2 * l->size : 2 * CHUNK;
	char *buf = realloc(l->buf, size);

	if (!buf)
		return false;
	l->buf = buf;
	l->size = size;
	return true;
}

static enum link_end fill(struct link *l, int timeout_ms)
{
	for (;;) {
		ssize_t n;

		if (l->fd < 0 || !make_room(l))
			return LINK_LOST;
		n = recv(l->fd, l->buf + l->end, l->size - l->end, 0);
		if (n > 0) {
			l->end += (size_t)n;
			return LINK_OK;
		}
		if (n == 0)
			return LINK_ENDED;
		if (errno != EAGAIN && errno != EINTR)
			return LINK_LOST;

		enum link_end e = wait_for(l, POLLIN, timeout_ms);

		if (e != LINK_OK)
			return e;
	}
}

enum link_end link_next(struct link *l, int timeout_ms, char **line, size_t *len)
{
	size_t looked = 0;

	for (;;) {
		char *at = l->buf + l->start;
		size_t have = l->end - l->start;
		char *end = have > looked ? memchr(at + looked, '\n', have - looked) : NULL;

		if (end) {
			*line = at;
			*len = (size_t)(end - at);
			l->start += *len + 1;
			if (*len > 0 && at[*len - 1] == '\r')
				--*len;
			return LINK_OK;
		}
		looked = have;

		enum link_end e = fill(l, timeout_ms);

		if (e != LINK_OK)
			return e == LINK_ENDED ? LINK_LOST : e;
	}
}

void link_end_input(struct link *l)
{
	shutdown(l->fd, SHUT_WR);
}

enum link_end link_read(struct link *l, int timeout_ms, char *to, size_t size, size_t *len)
{
	if (l->start == l->end) {
		enum link_end e = fill(l, timeout_ms);

		if (e != LINK_OK)
			return e;
	}
	*len = min_size(size, l->end - l->start);
	memcpy(to, l->buf + l->start, *len);
	l->start += *len;
	return LINK_OK;
}

/* ---- answers ---- */

/* "200 text": three digits and a blank. Return: the code or 0 */
static int code_of(const char *line, size_t len)
{
	if (len < 4 || line[3] != ' ')
		return 0;
	for (int i = 0; i < 3; i++) {
		if (!isdigit((unsigned char)line[i]))
			return 0;
	}
	return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

/* "201 17": that many bare lines follow. Return: 0 when it is something else */
static unsigned long lines_of(int code, const char *text, size_t len)
{
	unsigned long n = 0;

	if (code % 100 != 1 || len == 0 || len > 9)
		return 0;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)text[i]))
			return 0;
		n = 10 * n + (unsigned long)(text[i] - '0');
	}
	return n;
}

static bool is_stream(int code, const char *text, size_t len)
{
	static const char end[] = " follows";
	const size_t n = sizeof(end) - 1;

	return code == 200 && len > n && memcmp(text + len - n, end, n) == 0 &&
	       !memchr(text, ' ', len - n);
}

static enum link_end bare_lines(struct link *l, int digit, unsigned long lines,
				struct reply *r, link_line *each, void *context)
{
	char *line;
	size_t len;
	enum link_end e;

	for (; lines; lines--) {
		e = link_next(l, ANSWER_MS, &line, &len);
		if (e != LINK_OK)
			return e;
		each(context, digit, line, len);
	}
	e = link_next(l, ANSWER_MS, &line, &len);
	if (e != LINK_OK)
		return e;
	r->code = code_of(line, len);
	return r->code ? LINK_OK : LINK_LOST;
}

enum link_end link_answer(struct link *l, struct reply *r, link_line *each, void *context)
{
	static const char nothing[] = "OK", file[] = "pcapng ";
	char *line;
	size_t len;
	enum link_end e = link_next(l, ANSWER_MS, &line, &len);

	*r = (struct reply){ .code = 0 };
	if (e != LINK_OK)
		return e;

	int code = code_of(line, len);

	if (code == 0) {
		each(context, 0, line, len);	/* no daemon of ours says that */
		return LINK_LOST;
	}

	unsigned long lines = lines_of(code, line + 4, len - 4);

	if (lines)
		return bare_lines(l, code / 100, lines, r, each, context);

	r->code = code;
	r->stream = is_stream(code, line + 4, len - 4);
	r->binary = r->stream && len - 4 > strlen(file) && memcmp(line + 4, file, strlen(file)) == 0;
	if (!r->stream && !(len - 4 == sizeof(nothing) - 1 && memcmp(line + 4, nothing, 2) == 0))
		each(context, code / 100, line + 4, len - 4);
	return LINK_OK;
}
