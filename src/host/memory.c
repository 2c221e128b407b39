#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "host/privileges.h"

#define KIB	((size_t)1024)
#define MIB	(KIB * KIB)

/* Root is not bound by the limit, and who may raise it does; else mlock() tells. */
static void raise_memlock(void)
{
	struct rlimit all = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
	struct rlimit now;

	if (setrlimit(RLIMIT_MEMLOCK, &all) == 0 || getrlimit(RLIMIT_MEMLOCK, &now) < 0)
		return;
	now.rlim_cur = now.rlim_max;
	(void)setrlimit(RLIMIT_MEMLOCK, &now);
}

static int sized_memfd(const char *name, size_t bytes, struct why *why)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return why_say(why, -errno, "cannot make the memory block %s: %s", name,
			       strerror(errno));
	/* Whoever is handed the descriptor later can rely on the size. */
	if (ftruncate(fd, (off_t)bytes) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0) {
		int error = -errno;

		close(fd);
		return why_say(why, error, "cannot size the memory block %s to %zu MiB: %s", name,
			       bytes / MIB, strerror(-error));
	}
	return fd;
}

/*
 * The file is not writable for anybody but root from here on, so that who is given this
 * descriptor cannot open it anew for writing.
 */
static int open_reader(int fd)
{
	char path[40];

	if (fchmod(fd, 0444) < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static void *map(const char *name, size_t bytes, int how, int *reader, struct why *why)
{
	int fd = sized_memfd(name, bytes, why);
	void *p;

	if (fd < 0)
		return MAP_FAILED;
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | how, fd, 0);
	if (reader)
		*reader = p == MAP_FAILED ? -1 : open_reader(fd);
	close(fd);	/* the mapping keeps it */
	return p;
}

void *host_map_later(const char *name, size_t bytes, int *reader, struct why *why)
{
	void *p = map(name, bytes, 0, reader, why);

	if (p != MAP_FAILED)
		return p;
	if (!why->text[0])
		why_say(why, -errno, "cannot map %zu MiB for %s: %s", bytes / MIB, name,
			strerror(errno));
	return NULL;
}

/* ---- later ---- */

#define NICE_LAST	19
#define TOUCH_BYTES	(4 * MIB)	/* at a time: what a stop has to wait for */

struct toucher {
	pthread_t	thread;
	uint8_t		*at;
	size_t		bytes;
	size_t		done;		/* atomic */
	int		error;		/* atomic */
	bool		stop;		/* atomic */
};

static void *touch(void *arg)
{
	struct toucher *t = arg;
	size_t done = 0;

	if (privileges_thread() < 0)
		return NULL;
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE_LAST);	/* this thread's alone */
	while (done < t->bytes && !__atomic_load_n(&t->stop, __ATOMIC_RELAXED)) {
		size_t n = min_size(t->bytes - done, TOUCH_BYTES);

		/* mlock(), by the name that sanitizers do not take for themselves */
		if (mlock2(t->at + done, n, 0) < 0) {
			__atomic_store_n(&t->error, -errno, __ATOMIC_RELAXED);
			break;
		}
		done += n;
		__atomic_store_n(&t->done, done, __ATOMIC_RELAXED);
	}
	/* it may be swapped out then, but nothing has to be found for it later */
	if (done < t->bytes && __atomic_load_n(&t->error, __ATOMIC_RELAXED))
		(void)madvise(t->at + done, t->bytes - done, MADV_POPULATE_WRITE);
	return NULL;
}

struct toucher *host_touch(void *p, size_t bytes)
{
	struct toucher *t = calloc(1, sizeof(*t));
	sigset_t all, before;
	int error;

	if (!t)
		return NULL;
	t->at = p;
	t->bytes = bytes;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&t->thread, NULL, touch, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error) {
		free(t);
		return NULL;
	}
	pthread_setname_np(t->thread, "sixxsd-touch");
	return t;
}

int host_touch_error(const struct toucher *t)
{
	return t ? __atomic_load_n(&t->error, __ATOMIC_RELAXED) : 0;
}

size_t host_touched(struct toucher *t)
{
	size_t done;

	if (!t)
		return 0;
	__atomic_store_n(&t->stop, true, __ATOMIC_RELAXED);
	pthread_join(t->thread, NULL);
	done = t->done;
	free(t);
	return done;
}

void *host_map(const char *name, size_t bytes, bool secret, int *reader, struct why *why)
{
	void *p = map(name, bytes, MAP_POPULATE, reader, why);

	if (p == MAP_FAILED && why->text[0])
		return NULL;
	if (p == MAP_FAILED) {
		why_say(why, -errno, "cannot map %zu MiB for %s: %s (fewer tunnels or subnets: "
			"`pop set limits`)", bytes / MIB, name, strerror(errno));
		return NULL;
	}
	raise_memlock();
	if (mlock(p, bytes) < 0) {
		why_say(why, -errno, "cannot lock %zu KiB of memory for %s: %s; raise the limit "
			"RLIMIT_MEMLOCK (LimitMEMLOCK=infinity in the unit, `ulimit -l unlimited` "
			"in a shell) or lower `pop set limits`", bytes / KIB, name,
			strerror(errno));
		munmap(p, bytes);
		return NULL;
	}
	if (secret && madvise(p, bytes, MADV_DONTDUMP) < 0) {
		why_say(why, -errno, "cannot keep the secrets out of core dumps: %s",
			strerror(errno));
		munmap(p, bytes);
		return NULL;
	}
	return p;
}
