#include "crypto/secret.h"

#include <openssl/crypto.h>
#include <string.h>

bool secret_set(struct secret *s, const struct digest *d, const void *password, size_t len)
{
	struct span text = { password, len };

	if (len == 0 || len > PASSWORD_MAX)
		return false;

	secret_wipe(s);
	d->sha1(d->context, &text, 1, s->sha1);
	d->sha256(d->context, &text, 1, s->sha256);
	memcpy(s->password, password, len);
	s->len = (uint8_t)len;
	return true;
}

void secret_wipe(struct secret *s)
{
	OPENSSL_cleanse(s, sizeof(*s));
}
