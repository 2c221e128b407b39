/*
 * src/crypto/secret.h - from a tunnel's password to what packets are verified with
 *
 * ayiya.md 4: the secret is the digest of the password as text, whatever it looks
 * like. Computed by control when the password is set, so that a packet costs one
 * digest and not two.
 */
#ifndef SIXXSD_CRYPTO_SECRET_H
#define SIXXSD_CRYPTO_SECRET_H

#include "base/digest.h"
#include "table/config.h"

/**
 * secret_set() - fill @s from a password
 * @s:		secrets region; untouched on failure
 * @password:	not terminated; control keeps no other copy
 * @len:	octets, 1..PASSWORD_MAX
 *
 * The caller sets TUNNEL_SECRET only after this returned true.
 * Return: false when the password is empty (which counts as none) or too long
 */
MUST_CHECK bool secret_set(struct secret *s, const struct digest *d, const void *password,
			   size_t len);

/* All zero, in a way the compiler may not leave out. */
void secret_wipe(struct secret *s);

#endif
