/*
 * tests/netns/clock.c - preloaded into a daemon: its clocks run ahead, so that minutes pass at once
 *
 * By how much stands in the file that SIXXSD_CLOCK names (lib/clock.py writes it), and whether the
 * kernel shall call the clock synchronised.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

struct shift {
	int64_t		ahead_s;
	int64_t		synchronised;	/* -1: as it is */
};

static const volatile struct shift *shift;

__attribute__((constructor)) static void open_shift(void)
{
	const char *name = getenv("SIXXSD_CLOCK");
	int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
	void *p = fd >= 0 ? mmap(NULL, sizeof(*shift), PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

	if (fd >= 0)
		close(fd);
	if (p != MAP_FAILED)
		shift = p;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	long r = syscall(SYS_clock_gettime, id, ts);

	if (r == 0 && shift && (id == CLOCK_REALTIME || id == CLOCK_MONOTONIC || id == CLOCK_BOOTTIME))
		ts->tv_sec += shift->ahead_s;
	return (int)r;
}

int adjtimex(struct timex *tx)
{
	long r = syscall(SYS_adjtimex, tx);

	if (r < 0 || !shift || shift->synchronised < 0)
		return (int)r;
	tx->status = shift->synchronised ? tx->status & ~STA_UNSYNC : tx->status | STA_UNSYNC;
	return (int)r;
}
