/*
 * src/host/background.c - leaving the terminal, but not before the start has succeeded
 */
#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int host_background(int *parent, struct why *why)
{
	unsigned char status = EXIT_FAILURE;
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0 || (child = fork()) < 0)
		return why_say(why, -errno, "cannot go into the background: %s", strerror(errno));
	if (child == 0) {
		close(ends[0]);
		*parent = ends[1];
		setsid();
		return 0;
	}
	close(ends[1]);
	/* nothing to read: the child has said its sentence and ended */
	(void)!read(ends[0], &status, sizeof(status));
	_exit(status);
}

void host_started(int *parent)
{
	const unsigned char good = EXIT_SUCCESS;
	int null;

	(void)!chdir("/");
	if (*parent < 0)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd <= 2 && null >= 0; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	(void)!write(*parent, &good, sizeof(good));
	close(*parent);
	*parent = -1;
}
