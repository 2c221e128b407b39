#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

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

void *host_map(const char *name, size_t bytes, bool secret, struct why *why)
{
	int fd = sized_memfd(name, bytes, why);
	void *p;

	if (fd < 0)
		return NULL;
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	close(fd);	/* the mapping keeps it */
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
