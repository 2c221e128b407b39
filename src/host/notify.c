#include "host/notify.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void notify_open(struct notify *n, const char *socket_name)
{
	size_t len = socket_name ? strlen(socket_name) : 0;

	*n = (struct notify){ .fd = -1, .to.sun_family = AF_UNIX };
	if (len < 2 || len >= sizeof(n->to.sun_path) ||
	    (socket_name[0] != '/' && socket_name[0] != '@'))
		return;
	memcpy(n->to.sun_path, socket_name, len);
	/* an abstract name begins with a zero octet and has no end but its length */
	if (socket_name[0] == '@')
		n->to.sun_path[0] = '\0';
	n->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

void notify_close(struct notify *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

static void tell(const struct notify *n, const char *state)
{
	if (n->fd >= 0)
		(void)sendto(n->fd, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL,
			     (const struct sockaddr *)&n->to, n->len);
}

void notify_ready(const struct notify *n)
{
	tell(n, "READY=1");
}

/* The time is for a manager that itself sent the signal: it waits for a reload begun since. */
void notify_reloading(const struct notify *n, mono_t now)
{
	char state[64];

	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%" PRId64, now.us);
	tell(n, state);
}

void notify_stopping(const struct notify *n)
{
	tell(n, "STOPPING=1");
}
