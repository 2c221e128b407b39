#include "host/host.h"

#include <sys/timex.h>
#include <time.h>

mono_t host_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (mono_t){ (int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000 };
}

wall_t host_wall(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (wall_t){ ts.tv_sec };
}

bool host_clock_synchronised(void)
{
	struct timex tx = { .modes = 0 };

	/* Who may not ask is told nothing wrong. */
	if (adjtimex(&tx) < 0)
		return true;
	return !(tx.status & STA_UNSYNC);
}
