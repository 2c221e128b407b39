#include "crypto/digest_mb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "crypto/digest_openssl.h"

/* The old names collide with OpenSSL's. */
#define NO_COMPAT_IMB_API_053
#include <intel-ipsec-mb.h>

/*
 * Fewer are faster one by one (measured, AVX512: four of 1,300 octets take a fifth less
 * together, three a tenth more). Shorter ones stay out for another reason: the library keeps a
 * copy of a message's last block, and in a short one that holds the secret.
 */
#define TOGETHER_MIN	4
#define OCTETS_MIN	128

struct mb {
	IMB_MGR		*manager;
	char		name[48];
};

static void take_back(IMB_MGR *m, const IMB_JOB *job)
{
	while (job)
		job = IMB_GET_COMPLETED_JOB(m);
}

static void submit(IMB_MGR *m, const struct digest_job *from)
{
	IMB_JOB *j = IMB_GET_NEXT_JOB(m);

	*j = (IMB_JOB){
		.cipher_mode = IMB_CIPHER_NULL, .cipher_direction = IMB_DIR_ENCRYPT,
		.chain_order = IMB_ORDER_HASH_CIPHER, .hash_alg = IMB_AUTH_SHA_1,
		.src = from->at, .msg_len_to_hash_in_bytes = from->len,
		.auth_tag_output = from->out, .auth_tag_output_len_in_bytes = SHA1_BYTES,
	};
	take_back(m, IMB_SUBMIT_JOB_NOCHECK(m));
}

static void one(const struct digest_job *j)
{
	digest_openssl.sha1(NULL, &(struct span){ j->at, j->len }, 1, j->out);
}

static void sha1_many(void *context, const struct digest_job *job, size_t n)
{
	IMB_MGR *m = ((struct mb *)context)->manager;
	size_t fit = 0;

	for (size_t i = 0; i < n; i++)
		fit += job[i].len >= OCTETS_MIN;
	for (size_t i = 0; i < n; i++) {
		if (fit < TOGETHER_MIN || job[i].len < OCTETS_MIN)
			one(&job[i]);
		else
			submit(m, &job[i]);
	}
	while (fit >= TOGETHER_MIN && IMB_FLUSH_JOB(m))
		;
}

/* ---- trust ---- */

/* Each message begins an octet later than the one before, and is STEP octets longer. */
enum { TRIAL = 67, STEP = 21, TRIAL_OCTETS = OCTETS_MIN + (TRIAL - 1) * (STEP + 1) };

/* Different lengths at once, on both sides of every block's end. */
static bool agrees(const struct digest *d)
{
	static uint8_t text[TRIAL_OCTETS];
	uint8_t got[TRIAL][SHA1_BYTES] = { { 0 } }, want[SHA1_BYTES];
	struct digest_job job[TRIAL];
	bool good = true;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 131 + i / 256);
	for (size_t i = 0; i < TRIAL; i++)
		job[i] = (struct digest_job){ text + i, OCTETS_MIN + i * STEP, got[i] };
	d->sha1_many(d->context, job, TRIAL);
	for (size_t i = 0; i < TRIAL; i++) {
		digest_openssl.sha1(NULL, &(struct span){ job[i].at, job[i].len }, 1, want);
		good &= memcmp(got[i], want, sizeof(want)) == 0;
	}
	return good;
}

static const char *architecture(IMB_ARCH a)
{
	switch (a) {
	case IMB_ARCH_AVX512:
		return "AVX512";
	case IMB_ARCH_AVX2:
		return "AVX2";
	case IMB_ARCH_AVX:
		return "AVX";
	case IMB_ARCH_SSE:
	case IMB_ARCH_NOAESNI:
	case IMB_ARCH_NONE:
	case IMB_ARCH_NUM:
		break;
	}
	return "SSE";
}

const char *digest_mb_open(struct digest *d)
{
	struct mb *mb = calloc(1, sizeof(*mb));
	IMB_ARCH found = IMB_ARCH_NONE;

	*d = digest_openssl;
	if (mb)
		mb->manager = alloc_mb_mgr(0);
	if (!mb || !mb->manager) {
		free(mb);
		return "no memory for libipsec-mb";
	}
	init_mb_mgr_auto(mb->manager, &found);
	*d = (struct digest){
		.context = mb, .sha1 = digest_openssl.sha1, .sha256 = digest_openssl.sha256,
		.md5 = digest_openssl.md5, .sha1_many = sha1_many,
	};
	if (found == IMB_ARCH_NONE || found == IMB_ARCH_NOAESNI) {
		digest_mb_close(d);
		return "this CPU has no vectors that libipsec-mb uses";
	}
	if (!agrees(d)) {
		digest_mb_close(d);
		return "libipsec-mb and OpenSSL do not agree on this machine";
	}
	snprintf(mb->name, sizeof(mb->name), "libipsec-mb %s, %s", imb_get_version_str(),
		 architecture(found));
	return NULL;
}

void digest_mb_close(struct digest *d)
{
	struct mb *mb = d->context;

	*d = digest_openssl;
	if (!mb)
		return;
	free_mb_mgr(mb->manager);
	free(mb);
}

const char *digest_name(const struct digest *d)
{
	return d->context ? ((const struct mb *)d->context)->name : "OpenSSL";
}
