/*
 * src/crypto/digest_openssl.h - struct digest over OpenSSL
 */
#ifndef SIXXSD_CRYPTO_DIGEST_OPENSSL_H
#define SIXXSD_CRYPTO_DIGEST_OPENSSL_H

#include "base/digest.h"

/* Keeps nothing between calls (context is NULL): any thread may use it. */
extern const struct digest digest_openssl;

#endif
