/*
 * tests/unit/tap.h - what a TAP unit program needs
 *
 * A test's name is the sentence it proves.
 */
#ifndef SIXXSD_TAP_H
#define SIXXSD_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_tests, tap_failed;

__attribute__((format(printf, 2, 3)))
static inline bool ok(bool good, const char *sentence, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++tap_tests);
	va_start(ap, sentence);
	vprintf(sentence, ap);
	va_end(ap);
	putchar('\n');
	tap_failed += !good;
	fflush(stdout);
	return good;
}

static inline int tap_done(void)
{
	printf("1..%d\n", tap_tests);
	return tap_failed != 0;
}

/* Hex text to bytes; the tests' vectors are written as hex. Return: octets */
__attribute__((unused))
static size_t unhex(const char *hex, unsigned char *out, size_t room)
{
	size_t n = 0;

	for (; hex[0] && hex[1]; hex += 2) {
		char pair[3] = { hex[0], hex[1], '\0' };

		if (n == room) {
			fprintf(stderr, "unhex: vector longer than its buffer\n");
			exit(99);
		}
		out[n++] = (unsigned char)strtoul(pair, NULL, 16);
	}
	return n;
}

#endif
