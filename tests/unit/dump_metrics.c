/*
 * What a PoP of @tunnels tunnels would answer, for checkers that are no C:
 *
 *	dump_metrics pop|tunnels text|openmetrics [tunnels]
 */
#include "scrape.h"

#define PIECE	(64 * 1024)

static int usage(void)
{
	fprintf(stderr, "usage: dump_metrics pop|tunnels text|openmetrics [tunnels]\n");
	return 2;
}

static void dump_tunnels(const struct region *r, enum metrics_format f)
{
	static char buf[PIECE];
	struct metrics_cursor c;
	size_t len;
	bool more;

	metrics_tunnels_begin(&c, f);
	do {
		more = metrics_tunnels(&c, r, buf, sizeof(buf), &len);
		fwrite(buf, 1, len, stdout);
	} while (more);
}

int main(int argc, char **argv)
{
	static char buf[METRICS_POP_BYTES];
	enum metrics_format f = METRICS_TEXT;
	struct region r;

	if (argc < 3)
		return usage();
	if (!strcmp(argv[2], "openmetrics"))
		f = METRICS_OPENMETRICS;
	scrape_init(&r, argc > 3 ? (uint32_t)atoi(argv[3]) : 20);
	if (!strcmp(argv[1], "tunnels"))
		dump_tunnels(&r, f);
	else if (!strcmp(argv[1], "pop"))
		fwrite(buf, 1, metrics_pop(&r, (wall_t){ SCRAPE_WALL_S }, f, buf, sizeof(buf)), stdout);
	else
		return usage();
	return fflush(stdout) != 0;
}
