/*
 * tests/diff/dice.h - chance that can be repeated: xorshift64*, its seed is printed
 */
#ifndef SIXXSD_TEST_DICE_H
#define SIXXSD_TEST_DICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dice {
	uint64_t	state;		/* never 0 */
};

static inline uint64_t dice_roll(struct dice *d)
{
	d->state ^= d->state >> 12;
	d->state ^= d->state << 25;
	d->state ^= d->state >> 27;
	return d->state * UINT64_C(0x2545f4914f6cdd1d);
}

/* 0 .. @n - 1 */
static inline uint32_t dice_below(struct dice *d, uint32_t n)
{
	return (uint32_t)(((dice_roll(d) >> 32) * n) >> 32);
}

static inline bool dice_one_in(struct dice *d, uint32_t n)
{
	return dice_below(d, n) == 0;
}

static inline uint8_t dice_byte(struct dice *d)
{
	return (uint8_t)(dice_roll(d) >> 56);
}

static inline void dice_fill(struct dice *d, void *to, size_t len)
{
	uint8_t *at = to;

	for (size_t i = 0; i < len; i++)
		at[i] = dice_byte(d);
}

#endif
