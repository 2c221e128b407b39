/*
 * src/host/listen.c - sockets the command line listens on
 */
#include "host/host.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG		1024	/* a thousand at once are refused with a sentence, not by silence */
#define SEND_BYTES	(128 * 1024)	/* the kernel's share of a session that reads nothing */
#define SOCKET_MODE	0660
#define DIRECTORY_MODE	0755

static socklen_t tcp_name(const struct ip6_addr *a, uint16_t port, struct sockaddr_storage *ss)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct ip4_addr wire;

	memset(ss, 0, sizeof(*ss));
	if (!addr_is_ip4(a)) {
		memcpy(&six.sin6_addr, a, sizeof(*a));
		memcpy(ss, &six, sizeof(six));
		return sizeof(six);
	}
	wire = addr_to_ip4_wire(a);
	memcpy(&four.sin_addr, &wire, sizeof(wire));
	memcpy(ss, &four, sizeof(four));
	return sizeof(four);
}

static int tcp_failed(struct why *why, int error, const char *address, uint16_t port,
		      const char *what)
{
	if (error == EADDRINUSE)
		return why_say(why, -error, "%s's %s port %u (TCP) is taken by another program: "
			       "another sixxsd?", what, address, port);
	if (error == EACCES)
		return why_say(why, -error, "cannot listen on %s port %u (TCP) for %s: ports below "
			       "1024 are root's; set it in the file and restart, or choose "
			       "another", address, port, what);
	return why_say(why, -error, "cannot listen on %s port %u (TCP) for %s: %s",
		       address, port, what, strerror(error));
}

int host_listen_tcp(const struct ip6_addr *address, uint16_t port, const char *what,
		    struct why *why)
{
	struct sockaddr_storage ss;
	socklen_t len = tcp_name(address, port, &ss);
	char text[ADDR_TEXT_MAX];
	int one = 1, bytes = SEND_BYTES, error;
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return tcp_failed(why, errno, addr_text(address, text), port, what);
	/* not to wait for the last run's connections to be forgotten */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* sessions inherit it; left alone it would grow to megabytes */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	if (ss.ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&ss, len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	error = tcp_failed(why, errno, addr_text(address, text), port, what);
	close(fd);
	return error;
}

/* A directory we make belongs to the user we become; one that exists is left as it is. */
static int make_directory(const char *path, uint32_t uid, uint32_t gid, struct why *why)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return 0;
	*slash = '\0';
	if (mkdir(dir, DIRECTORY_MODE) < 0)
		return errno == EEXIST ? 0 :
		       why_say(why, -errno, "cannot make the directory %s: %s", dir,
			       strerror(errno));
	if (chmod(dir, DIRECTORY_MODE) < 0 || (geteuid() == 0 && chown(dir, uid, gid) < 0))
		return why_say(why, -errno, "cannot set the owner of %s: %s", dir,
			       strerror(errno));
	return 0;
}

/* Return: 0 when nothing is in the way (any more) */
static int clear_way(const struct sockaddr_un *un, struct why *why)
{
	int fd, answered;
	struct stat st;

	if (lstat(un->sun_path, &st) < 0)
		return errno == ENOENT ? 0 :
		       why_say(why, -errno, "cannot look at %s: %s", un->sun_path,
			       strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return why_say(why, -EEXIST, "%s exists and is no socket: remove it, or choose "
			       "another --run-dir", un->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return why_say(why, -errno, "cannot open a UNIX socket: %s", strerror(errno));
	answered = connect(fd, (const struct sockaddr *)un, sizeof(*un)) == 0 || errno == EAGAIN;
	close(fd);
	if (answered)
		return why_say(why, -EADDRINUSE, "another sixxsd answers on %s: stop it, or "
			       "choose another --run-dir", un->sun_path);
	if (unlink(un->sun_path) < 0 && errno != ENOENT)
		return why_say(why, -errno, "cannot remove the old %s: %s", un->sun_path,
			       strerror(errno));
	return 0;
}

static int bind_unix(int fd, const struct sockaddr_un *un, uint32_t gid)
{
	mode_t before = umask(0777 & ~SOCKET_MODE);
	int bound = bind(fd, (const struct sockaddr *)un, sizeof(*un));

	umask(before);
	if (bound < 0)
		return -1;
	if (geteuid() == 0 && lchown(un->sun_path, 0, gid) < 0)
		return -1;
	return listen(fd, BACKLOG);
}

int host_listen_unix(const char *path, uint32_t uid, uint32_t gid, struct why *why)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd, error;

	if (strlen(path) >= sizeof(un.sun_path))
		return why_say(why, -ENAMETOOLONG, "%s is too long for a UNIX socket: choose a "
			       "shorter --run-dir", path);
	memcpy(un.sun_path, path, strlen(path) + 1);
	error = make_directory(path, uid, gid, why);
	if (!error)
		error = clear_way(&un, why);
	if (error)
		return error;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && bind_unix(fd, &un, gid) == 0)
		return fd;
	error = why_say(why, -errno, "cannot listen on %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return error;
}
