/*
 * src/crypto/digest_mb_none.c - a build without libipsec-mb
 */
#include "crypto/digest_mb.h"

#include "crypto/digest_openssl.h"

const char *digest_mb_open(struct digest *d)
{
	*d = digest_openssl;
	return "built without libipsec-mb";
}

void digest_mb_close(struct digest *d)
{
	*d = digest_openssl;
}

const char *digest_name(const struct digest *d)
{
	(void)d;
	return "OpenSSL";
}
