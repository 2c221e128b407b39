/*
 * Digests and the secret of a password: published values, no allocation after start.
 */
#include "crypto/digest_mb.h"
#include "crypto/digest_openssl.h"
#include "crypto/secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include "tap.h"

static size_t allocations;

static void *counted_malloc(size_t len, const char *file, int line)
{
	(void)file, (void)line;
	allocations++;
	return malloc(len);
}

static void *counted_realloc(void *at, size_t len, const char *file, int line)
{
	(void)file, (void)line;
	allocations++;
	return realloc(at, len);
}

static void counted_free(void *at, const char *file, int line)
{
	(void)file, (void)line;
	free(at);
}

/* RFC 3174 7.3, FIPS 180-2 B, RFC 1321 A.5 */
static const struct {
	const char *text, *sha1, *sha256, *md5;
} published[] = {
	{ "", "da39a3ee5e6b4b0d3255bfef95601890afd80709",
	  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	  "d41d8cd98f00b204e9800998ecf8427e" },
	{ "abc", "a9993e364706816aba3e25717850c26c9cd0d89d",
	  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	  "900150983cd24fb0d6963f7d28e17f72" },
	{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	  "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
	  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
	  "8215ef0796a20bcaaae116d3876c664a" },
};

static void test_sha1(const void *at, size_t len, uint8_t out[SHA1_BYTES])
{
	if (!EVP_Q_digest(NULL, "SHA1", NULL, at, len, out, NULL))
		exit(99);
}

static bool is_hex(const uint8_t *bytes, const char *hex)
{
	uint8_t want[SHA256_BYTES];
	size_t n = unhex(hex, want, sizeof(want));

	return memcmp(bytes, want, n) == 0;
}

static void published_values_come_out(const struct digest *d)
{
	for (size_t i = 0; i < ARRAY_LEN(published); i++) {
		const char *t = published[i].text;
		size_t len = strlen(t), cut = len / 3;
		struct span two[] = { { t, cut }, { t + cut, len - cut } };
		uint8_t out[SHA256_BYTES];
		bool good;

		d->sha1(d->context, two, 2, out);
		good = is_hex(out, published[i].sha1);
		d->sha256(d->context, two, 2, out);
		good &= is_hex(out, published[i].sha256);
		d->md5(d->context, two, 2, out);
		good &= is_hex(out, published[i].md5);
		ok(good, "\"%s\" in two spans: SHA-1, SHA-256, MD5 as published", t);
	}
}

static void no_message_allocates(const struct digest *d)
{
	static uint8_t bytes[2000];
	uint8_t out[SHA256_BYTES];
	size_t before;

	OPENSSL_free(OPENSSL_malloc(1));
	before = allocations;
	for (size_t len = 0; len < sizeof(bytes); len += 7) {
		struct span s = { bytes, len };

		d->sha1(d->context, &s, 1, out);
		d->sha256(d->context, &s, 1, out);
		d->md5(d->context, &s, 1, out);
	}
	ok(before > 0, "(allocations of the library are seen)");
	ok(allocations == before, "hashing allocates nothing after start");
}

static void a_password_becomes_a_secret(const struct digest *d)
{
	static const char password[] = "0123456789abcdef0123456789abcdef";
	char longest[PASSWORD_MAX + 1];
	struct secret s, kept, zero;

	memset(longest, 'x', sizeof(longest));
	memset(&s, 0xee, sizeof(s));
	memset(&zero, 0, sizeof(zero));
	ok(secret_set(&s, d, password, strlen(password)) && s.len == strlen(password) &&
	           memcmp(s.password, password, s.len) == 0 && s.password[s.len] == 0,
	   "password kept");
	ok(is_hex(s.sha1, "b1775a785f09a6ebaf2dc33d6eaeb98974d9cdb8"),
	   "hex-looking text is hashed as text: SHA-1");
	ok(is_hex(s.sha256, "3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f9"),
	   "and SHA-256");
	kept = s;
	ok(!secret_set(&s, d, "", 0) && memcmp(&s, &kept, sizeof(s)) == 0,
	   "an empty password is none, and changes nothing");
	ok(!secret_set(&s, d, longest, PASSWORD_MAX + 1) && memcmp(&s, &kept, sizeof(s)) == 0,
	   "133 octets are too many, and change nothing");
	ok(secret_set(&s, d, longest, PASSWORD_MAX) && s.len == PASSWORD_MAX, "132 octets fit");
	secret_wipe(&s);
	ok(memcmp(&s, &zero, sizeof(s)) == 0, "a wiped secret is all zero");
}

/* Both libraries, every length, place and number at once; and nothing beside is written. */
static void many_at_once_are_what_they_are_alone(const struct digest *d)
{
	enum { MOST = 64, LONGEST = 1600 };
	static uint8_t text[LONGEST + MOST];
	static uint8_t got[MOST + 1][SHA1_BYTES];
	struct digest_job job[MOST];
	uint8_t want[SHA1_BYTES];
	bool good = true, beside = true;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 131 + i / 256);
	for (size_t len = 0; len <= LONGEST; len++) {
		size_t n = 1 + len % MOST;

		memset(got, 0xee, sizeof(got));
		for (size_t i = 0; i < n; i++)
			job[i] = (struct digest_job){ text + i, (len + 37 * i) % (LONGEST + 1), got[i] };
		d->sha1_many(d->context, job, n);
		for (size_t i = 0; i < n; i++) {
			test_sha1(job[i].at, job[i].len, want);
			good &= memcmp(got[i], want, sizeof(want)) == 0;
		}
		for (size_t i = 0; i < SHA1_BYTES; i++)
			beside &= got[n][i] == 0xee;
	}
	ok(good, "%s: many at once are what each is alone, of 0 to %d octets", digest_name(d), LONGEST);
	ok(beside, "%s: nothing beside them is written", digest_name(d));
}

static void the_other_library(void)
{
	static uint8_t text[1500], got[16][SHA1_BYTES];
	struct digest d;
	const char *why = digest_mb_open(&d);
	struct digest_job job[16];
	size_t before;

	if (why)
		printf("# one by one: %s\n", why);
	ok((why != NULL) == (strcmp(digest_name(&d), "OpenSSL") == 0), "it is %s", digest_name(&d));
	published_values_come_out(&d);
	many_at_once_are_what_they_are_alone(&d);
	for (size_t i = 0; i < ARRAY_LEN(job); i++)
		job[i] = (struct digest_job){ text, sizeof(text) - i, got[i] };
	before = allocations;
	d.sha1_many(d.context, job, ARRAY_LEN(job));
	ok(allocations == before, "and allocates nothing after it was opened");
	digest_mb_close(&d);
	ok(!d.context && d.sha1_many, "closed, it is OpenSSL");
}

int main(void)
{
	if (!CRYPTO_set_mem_functions(counted_malloc, counted_realloc, counted_free))
		return 99;
	published_values_come_out(&digest_openssl);
	no_message_allocates(&digest_openssl);
	a_password_becomes_a_secret(&digest_openssl);
	many_at_once_are_what_they_are_alone(&digest_openssl);
	the_other_library();
	return tap_done();
}
