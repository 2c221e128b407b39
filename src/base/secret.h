/*
 * src/base/secret.h - comparing what an attacker may measure
 */
#ifndef SIXXSD_BASE_SECRET_H
#define SIXXSD_BASE_SECRET_H

#include "base/def.h"

/* Time depends on @len alone. Return: equal */
static inline MUST_CHECK bool secret_eq(const void *a, const void *b, size_t len)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t differ = 0;

	for (size_t i = 0; i < len; i++)
		differ |= x[i] ^ y[i];
	return differ == 0;
}

#endif
