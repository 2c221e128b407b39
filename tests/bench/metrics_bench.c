/*
 * How long an answer of /metrics/tunnels takes, all tunnels that there can be:
 *
 *	metrics_bench [rounds]
 *
 * Rendering is all that is measured; what takes the answer away is the HTTP server's. Prints JSON.
 */
#include <time.h>

#include "../unit/scrape.h"

#define PIECE	(64 * 1024)

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t render(const struct region *r, double *longest)
{
	static char buf[PIECE];
	struct metrics_cursor c;
	size_t all = 0, len;
	bool more;

	metrics_tunnels_begin(&c, METRICS_OPENMETRICS);
	do {
		double began = seconds();

		more = metrics_tunnels(&c, r, buf, sizeof(buf), &len);
		if (seconds() - began > *longest)
			*longest = seconds() - began;
		all += len;
	} while (more);
	return all;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static char pop[METRICS_POP_BYTES];
	size_t rounds = argc > 1 ? (size_t)atoi(argv[1]) : 10, octets = 0;
	double took[100], longest = 0, pop_s = 0;
	struct region r;

	if (rounds < 1 || rounds > ARRAY_LEN(took))
		return 2;
	scrape_init(&r, TUNNELS_MAX);
	octets = render(&r, &longest);	/* the pages are there from here on */
	longest = 0;
	for (size_t i = 0; i < rounds; i++) {
		double began = seconds();

		octets = render(&r, &longest);
		took[i] = seconds() - began;
		began = seconds();
		(void)metrics_pop(&r, (wall_t){ SCRAPE_WALL_S }, METRICS_OPENMETRICS, pop, sizeof(pop));
		pop_s = seconds() - began;
	}
	qsort(took, rounds, sizeof(took[0]), by_size);
	printf("{ \"tunnels\": %d, \"rounds\": %zu, \"octets\": %zu, \"median_s\": %.6f, \"max_s\": %.6f, "
	       "\"piece_max_s\": %.6f, \"pop_s\": %.6f }\n", TUNNELS_MAX, rounds, octets, took[rounds / 2],
	       took[rounds - 1], longest, pop_s);
	return 0;
}
