/* What a service manager hears, and that nobody is told where nobody listens. */
#include "host/notify.h"

#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

#include "base/def.h"
#include "tap.h"

struct manager {
	int	fd;
	char	said[128];
};

/* @name as in NOTIFY_SOCKET */
static struct manager listening(const char *name)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t len = strlen(name);
	struct manager m = { .fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) };

	memcpy(un.sun_path, name, len);
	if (name[0] == '@')
		un.sun_path[0] = '\0';
	if (bind(m.fd, (struct sockaddr *)&un, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)))
		abort();
	return m;
}

static const char *heard(struct manager *m)
{
	ssize_t n = recv(m->fd, m->said, sizeof(m->said) - 1, 0);

	m->said[n < 0 ? 0 : n] = '\0';
	return m->said;
}

static void a_life(const char *name, const char *kind)
{
	struct manager m = listening(name);
	struct notify n;

	notify_open(&n, name);
	ok(n.fd >= 0, "a socket %s is somebody to tell", kind);
	ok(fcntl(n.fd, F_GETFD) & FD_CLOEXEC, "no other program gets our end");
	notify_ready(&n);
	ok(!strcmp(heard(&m), "READY=1"), "started");
	notify_reloading(&n, (mono_t){ 1234567890123 });
	ok(!strcmp(heard(&m), "RELOADING=1\nMONOTONIC_USEC=1234567890123"), "reloading, and since when");
	notify_ready(&n);
	ok(!strcmp(heard(&m), "READY=1"), "done with it");
	notify_stopping(&n);
	ok(!strcmp(heard(&m), "STOPPING=1"), "ending");
	ok(!heard(&m)[0], "and no more than that");
	close(m.fd);
	notify_ready(&n);
	ok(true, "a manager that went away is no error");
	notify_close(&n);
	ok(n.fd == -1, "closed");
}

static void nobody(void)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 2];
	static const char *const not_a_name[] = { NULL, "", "@", "/", "relative", "vsock:2:1234" };
	struct notify n;

	for (size_t i = 0; i < ARRAY_LEN(not_a_name); i++) {
		notify_open(&n, not_a_name[i]);
		ok(n.fd == -1, "NOTIFY_SOCKET=%s is nobody", not_a_name[i] ? not_a_name[i] : "(unset)");
		notify_ready(&n);
		notify_reloading(&n, (mono_t){ 1 });
		notify_stopping(&n);
		notify_close(&n);
	}
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 2] = '\0';
	notify_open(&n, path);
	ok(n.fd == -1, "a name of %zu octets does not fit and is nobody", strlen(path));
	path[sizeof(path) - 3] = '\0';
	notify_open(&n, path);
	ok(n.fd >= 0, "one of %zu does fit", strlen(path));
	notify_close(&n);
}

int main(void)
{
	char dir[] = "/tmp/t_notify.XXXXXX", path[64], abstract[64];

	if (!mkdtemp(dir))
		abort();
	snprintf(path, sizeof(path), "%s/socket", dir);
	snprintf(abstract, sizeof(abstract), "@sixxsd-t-notify-%d", (int)getpid());
	a_life(path, "in the file tree");
	a_life(abstract, "with an abstract name");
	nobody();
	unlink(path);
	rmdir(dir);
	return tap_done();
}
