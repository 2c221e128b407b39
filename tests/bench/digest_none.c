/*
 * tests/bench/digest_none.c - digests that cost nothing, for a daemon that is only measured
 *
 * Linked into sixxsd-nohash before the library that has the real ones: every signature is
 * zero, and every zero signature is good.
 */
#include <string.h>
#include "crypto/digest_openssl.h"

static void sha1(void *context, const struct span *span, size_t n, uint8_t out[SHA1_BYTES])
{
	(void)context, (void)span, (void)n;
	memset(out, 0, SHA1_BYTES);
}

static void sha1_many(void *context, const struct digest_job *job, size_t n)
{
	(void)context;
	for (size_t i = 0; i < n; i++)
		memset(job[i].out, 0, SHA1_BYTES);
}

static void sha256(void *context, const struct span *span, size_t n, uint8_t out[SHA256_BYTES])
{
	(void)context, (void)span, (void)n;
	memset(out, 0, SHA256_BYTES);
}

static void md5(void *context, const struct span *span, size_t n, uint8_t out[MD5_BYTES])
{
	(void)context, (void)span, (void)n;
	memset(out, 0, MD5_BYTES);
}

const struct digest digest_openssl = {
	.sha1 = sha1, .sha1_many = sha1_many, .sha256 = sha256, .md5 = md5,
};
