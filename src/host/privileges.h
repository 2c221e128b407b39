/*
 * src/host/privileges.h - what the running process may still do
 *
 *	start			root, everything: sockets, TUN device, locked memory
 *	privileges_drop()	user sixxsd (nobody where there is none), CAP_NET_ADMIN and,
 *				until the workers have dropped theirs, CAP_SETPCAP
 *	privileges_thread()	a worker: no capability at all, not even in its bounding set
 *	privileges_settle()	control: CAP_NET_ADMIN alone, used for routes
 *
 * No step can be undone: no_new_privs is set, and user and bounding set are gone.
 * Under systemd with User= and AmbientCapabilities= only the capabilities change.
 * Seccomp filters and Landlock rules belong into privileges_thread() and
 * privileges_settle().
 *
 * Core dumps: the kernel makes a process that changed its user undumpable, and it stays
 * so; with fs.suid_dumpable=2 root gets a dump, without the secrets (host_map()).
 */
#ifndef SIXXSD_HOST_PRIVILEGES_H
#define SIXXSD_HOST_PRIVILEGES_H

#include "base/why.h"

#define PRIVILEGES_USER		"sixxsd"
#define PRIVILEGES_FALLBACK	"nobody"

/* Who we are going to be. */
struct runtime_user {
	uint32_t	uid, gid;
	uint32_t	socket_gid;	/* group of the UNIX socket */
	char		name[32];
};

/* Said first, in place of whatever would fail next: start as root. Return: 0 or -EPERM */
int privileges_enough(struct why *why);
int privileges_user(struct runtime_user *u, struct why *why);
/* Whole process, while it has one thread. */
int privileges_drop(const struct runtime_user *u, struct why *why);
/* The calling thread. Return: 0 or -errno */
int privileges_thread(void);
/* The calling thread, once every worker has started. */
int privileges_settle(struct why *why);

#endif
