/*
 * tests/fuzz/fuzz.h - one entry point for libFuzzer and for the replay of its corpora
 *
 * -Dfuzz=true (clang) links every f_*.c with libFuzzer; without it the same file is
 * linked with replay.c, which runs the inputs below tests/data/fuzz/ once.
 */
#ifndef SIXXSD_TEST_FUZZ_H
#define SIXXSD_TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold after every input, whatever it was. */
#define must(good, sentence)								\
	do {										\
		if (!(good)) {								\
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, sentence); \
			abort();							\
		}									\
	} while (0)

#endif
