/*
 * src/host/spawn.c - another process of this program, with nothing of ours but a descriptor
 */
#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "host/privileges.h"

#define FIRST	3	/* behind standard input, output and error */

/* posix_spawn() without file actions allocates nothing, and other threads do not notice. */
int host_spawn_self(const char *mode, int fd, struct why *why)
{
	char word[32], number[16], name[] = "sixxsd";
	char *argv[] = { name, word, number, NULL };
	int error;
	pid_t pid;

	snprintf(word, sizeof(word), "%s", mode);
	snprintf(number, sizeof(number), "%d", fd);
	if (fcntl(fd, F_SETFD, 0) < 0)
		return why_say(why, -errno, "cannot hand a descriptor on: %s", strerror(errno));
	error = posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ);
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (error)
		return why_say(why, -error, "cannot start a process for it: %s", strerror(error));
	return pid;
}

int host_spawned(const char *number)
{
	char *end;
	long fd = strtol(number, &end, 10);
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (*end || fd < FIRST || prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -EINVAL;
	if (fd != FIRST && dup2((int)fd, FIRST) < 0)
		return -errno;
	if (close_range(FIRST + 1, ~0U, 0) < 0 && errno != ENOSYS)
		return -errno;
	(void)fcntl(FIRST, F_SETFD, FD_CLOEXEC);
	(void)prctl(PR_SET_NAME, "sixxsd-web", 0, 0, 0);
	return privileges_thread() < 0 ? -EPERM : FIRST;
}
