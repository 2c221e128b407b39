/*
 * src/base/digest.h - hash functions as an argument
 *
 * Pure code may not call a library, and which library hashes fastest depends on
 * the machine: so the caller hands in the functions. One set belongs to one
 * thread. Implementations are in crypto/.
 */
#ifndef SIXXSD_BASE_DIGEST_H
#define SIXXSD_BASE_DIGEST_H

#include "base/def.h"

struct span {
	const void	*at;
	size_t		len;
};

enum {
	SHA1_BYTES	= 20,
	SHA256_BYTES	= 32,
	MD5_BYTES	= 16,
};

/* One message of several that are hashed together. */
struct digest_job {
	const void	*at;
	size_t		len;
	uint8_t		*out;		/* SHA1_BYTES; not inside a message */
};

struct digest {
	void	*context;	/* the implementation's; one thread's */
	/* Hash the concatenation of @n spans into @out; cannot fail and does not allocate. */
	void	(*sha1)(void *context, const struct span *span, size_t n, uint8_t out[SHA1_BYTES]);
	/* @n messages; likewise */
	void	(*sha1_many)(void *context, const struct digest_job *job, size_t n);
	void	(*sha256)(void *context, const struct span *span, size_t n,
			  uint8_t out[SHA256_BYTES]);
	void	(*md5)(void *context, const struct span *span, size_t n, uint8_t out[MD5_BYTES]);
};

#endif
