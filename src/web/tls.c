/*
 * src/web/tls.c - certificate and key, of which control gives us descriptors
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "web/parts.h"

static const char *reason(char buf[200])
{
	unsigned long e = ERR_get_error();

	if (!e)
		return "unknown reason";
	ERR_error_string_n(e, buf, 200);
	ERR_clear_error();
	return buf;
}

/* Return: NULL with @why: it cannot be read, or is larger than @buf */
static BIO *read_whole(int fd, char *buf, size_t size, char why[200])
{
	size_t len = 0;
	ssize_t got = -1;

	while (len < size) {
		got = read(fd, buf + len, size - len);
		if (got == 0 || (got < 0 && errno != EINTR))
			break;
		len += got > 0 ? (size_t)got : 0;
	}
	if (got == 0)
		return BIO_new_mem_buf(buf, (int)len);
	snprintf(why, 200, "%s", got < 0 ? strerror(errno) : "it is far too large");
	return NULL;
}

/* What wants a password cannot be had: nobody is there to be asked. @asked: bool, that it did */
static int no_password(char *buf, int size, int writing, void *asked)
{
	(void)buf, (void)size, (void)writing;
	*(bool *)asked = true;
	return -1;
}

/* The server's own comes first, then those that vouch for it: RFC 8446 4.4.2 */
static bool take_chain(SSL_CTX *ctx, BIO *in)
{
	bool asked;
	X509 *x = PEM_read_bio_X509_AUX(in, NULL, no_password, &asked);
	bool good = x && SSL_CTX_use_certificate(ctx, x) == 1;

	X509_free(x);
	while (good && (x = PEM_read_bio_X509(in, NULL, no_password, &asked)) != NULL) {
		good = SSL_CTX_add0_chain_cert(ctx, x) == 1;
		if (!good)
			X509_free(x);
	}
	if (good && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE)
		ERR_clear_error();	/* the file's end */
	return good && ERR_peek_error() == 0;
}

static bool use_certificate(SSL_CTX *ctx, const struct http_conf *h, int fd, char *buf, size_t size,
			    char why[WEB_SENTENCE])
{
	char text[200] = "";
	BIO *in = read_whole(fd, buf, size, text);
	bool good = in && take_chain(ctx, in);

	BIO_free(in);
	if (!good)
		snprintf(why, WEB_SENTENCE, "cannot use the certificate %.150s: %.150s", h->certificate,
			 text[0] ? text : reason(text));
	return good;
}

static bool use_key(SSL_CTX *ctx, const struct http_conf *h, int fd, char *buf, size_t size,
		    char why[WEB_SENTENCE])
{
	char text[200] = "";
	BIO *in = read_whole(fd, buf, size, text);
	bool encrypted = false;
	EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, no_password, &encrypted) : NULL;
	bool good = key && SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;
	int error = ERR_GET_REASON(ERR_peek_error());

	EVP_PKEY_free(key);
	BIO_free(in);
	if (good)
		return true;
	if (key && (error == X509_R_KEY_VALUES_MISMATCH || error == X509_R_KEY_TYPE_MISMATCH))
		snprintf(why, WEB_SENTENCE, "the key %.150s is not that of the certificate", h->key);
	else if (encrypted)
		snprintf(why, WEB_SENTENCE, "cannot use the key %.150s: it is encrypted, and nobody is "
			 "there to give its password (openssl pkey -in FILE -out FILE2)", h->key);
	else
		snprintf(why, WEB_SENTENCE, "cannot use the key %.150s: %.150s", h->key,
			 text[0] ? text : reason(text));
	return false;
}

void *tls_open(const struct http_conf *h, int certificate, int key, char *buf, size_t size,
	       char why[WEB_SENTENCE])
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	bool good;

	ERR_clear_error();
	if (!ctx || !SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION)) {
		snprintf(why, WEB_SENTENCE, "no memory for TLS");
		SSL_CTX_free(ctx);
		return NULL;
	}
	good = use_certificate(ctx, h, certificate, buf, size, why) &&
	       use_key(ctx, h, key, buf, size, why);
	explicit_bzero(buf, size);	/* it held the key */
	ERR_clear_error();
	if (!good) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	(void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	return ctx;
}
