/*
 * src/host/notify.h - telling a service manager how far we are: sd_notify(3), without its library
 *
 * The protocol is one datagram of "NAME=VALUE" lines to the UNIX socket named in $NOTIFY_SOCKET.
 * The socket to send from is opened at start, like all others; nothing waits for an answer, and a
 * manager that does not listen is no error of ours. Control's thread alone calls.
 */
#ifndef SIXXSD_HOST_NOTIFY_H
#define SIXXSD_HOST_NOTIFY_H

#include <sys/socket.h>
#include <sys/un.h>

#include "base/time.h"

struct notify {
	int			fd;	/* -1: nobody wants to know */
	socklen_t		len;
	struct sockaddr_un	to;
};

/**
 * notify_open() - remember whom to tell
 * @socket:	the value of NOTIFY_SOCKET: a path, or @ and an abstract name; NULL: nobody.
 *		So is what cannot be such a name.
 */
void notify_open(struct notify *n, const char *socket);
void notify_close(struct notify *n);

/* Started, or done with a reload: everything is in force. */
void notify_ready(const struct notify *n);
/* A reload begins; notify_ready() ends it, whether it changed anything or not. */
void notify_reloading(const struct notify *n, mono_t now);
void notify_stopping(const struct notify *n);

#endif
