/*
 * src/crypto/digest_mb.h - struct digest that hashes many messages at once
 *
 * libipsec-mb runs as many SHA-1 side by side as the CPU's vectors hold. What it is not for,
 * few or short messages and the other hashes, goes the way of digest_openssl.
 */
#ifndef SIXXSD_CRYPTO_DIGEST_MB_H
#define SIXXSD_CRYPTO_DIGEST_MB_H

#include "base/digest.h"

/**
 * digest_mb_open() - one thread's set of functions
 * @d:	filled; d->context is to be given back with digest_mb_close()
 *
 * Allocates, now and never again. Compares itself with digest_openssl before it is trusted.
 *
 * Return: NULL, or why not, in words that follow "computed one by one: "; then @d is digest_openssl
 */
const char *digest_mb_open(struct digest *d);
void digest_mb_close(struct digest *d);

/* What hashes, for people: "libipsec-mb 1.3.0, AVX512", "OpenSSL". */
const char *digest_name(const struct digest *d);

#endif
