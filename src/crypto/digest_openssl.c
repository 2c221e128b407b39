/*
 * The block functions are called directly and not through EVP: OpenSSL 3.0 allocates
 * in every EVP_DigestInit_ex(), even of a context that stays with its algorithm (the
 * provider's part is freed and made anew), and nothing may allocate after start. It is
 * also the faster way. Deprecated means here that providers are passed by, which is
 * what is wanted.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "crypto/digest_openssl.h"

#include <openssl/crypto.h>
#include <openssl/md5.h>
#include <openssl/sha.h>

_Static_assert(SHA1_BYTES == SHA_DIGEST_LENGTH && SHA256_BYTES == SHA256_DIGEST_LENGTH &&
	       MD5_BYTES == MD5_DIGEST_LENGTH, "the sizes path/ reckons with");

/* Contexts are wiped: what they hold of a short message is a secret. */

static void sha1(void *context, const struct span *span, size_t n, uint8_t out[SHA1_BYTES])
{
	SHA_CTX c;

	(void)context;
	SHA1_Init(&c);
	for (size_t i = 0; i < n; i++)
		SHA1_Update(&c, span[i].at, span[i].len);
	SHA1_Final(out, &c);
	OPENSSL_cleanse(&c, sizeof(c));
}

static void sha256(void *context, const struct span *span, size_t n, uint8_t out[SHA256_BYTES])
{
	SHA256_CTX c;

	(void)context;
	SHA256_Init(&c);
	for (size_t i = 0; i < n; i++)
		SHA256_Update(&c, span[i].at, span[i].len);
	SHA256_Final(out, &c);
	OPENSSL_cleanse(&c, sizeof(c));
}

static void md5(void *context, const struct span *span, size_t n, uint8_t out[MD5_BYTES])
{
	MD5_CTX c;

	(void)context;
	MD5_Init(&c);
	for (size_t i = 0; i < n; i++)
		MD5_Update(&c, span[i].at, span[i].len);
	MD5_Final(out, &c);
	OPENSSL_cleanse(&c, sizeof(c));
}

static void sha1_many(void *context, const struct digest_job *job, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sha1(context, &(struct span){ job[i].at, job[i].len }, 1, job[i].out);
}

const struct digest digest_openssl = {
	.context = NULL, .sha1 = sha1, .sha1_many = sha1_many, .sha256 = sha256, .md5 = md5,
};
