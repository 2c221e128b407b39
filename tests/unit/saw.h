/*
 * tests/unit/saw.h - which verdicts a test program produced
 *
 * Every verdict must be produced by some unit test. Each program says at its end
 * which ones it met; verdicts.py unites the lines and names the missing.
 */
#ifndef SIXXSD_TEST_SAW_H
#define SIXXSD_TEST_SAW_H

#include <stdio.h>

#include "table/verdict.h"

static unsigned char verdict_saw[VERDICT_COUNT];

/* What a step called by itself returned. */
__attribute__((unused))
static enum verdict saw(enum verdict v)
{
	verdict_saw[v] = 1;
	return v;
}

__attribute__((destructor(101)))
static void print_verdicts(void)
{
	printf("# verdicts:");
	for (int v = 0; v < VERDICT_COUNT; v++) {
		if (verdict_saw[v])
			printf(" %s", verdict_info[v].name);
	}
	putchar('\n');
}

#endif
