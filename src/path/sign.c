/*
 * AYIYA signatures, ayiya.md 4: the digest of the packet with the secret where the signature
 * goes. A batch's are computed together, which a vector unit does several times faster: those
 * that will be compared before the batch is looked at, those that are due when it leaves.
 * What is computed here ahead is only kept: ayiya.c decides as if it were not, and computes
 * what is missing.
 *
 * For as long as that takes the secret lies in the packet's own buffer. It never stays.
 */
#include "path/steps.h"

#include "base/sum.h"
#include "wire/ayiya.h"
#include "wire/proto.h"
#include "wire/udp.h"

#define TOGETHER	64

/* One round of jobs, and what has to be put back. */
struct round {
	struct digest_job	job[TOGETHER];
	uint8_t			*at[TOGETHER];		/* of the signature */
	uint8_t			was[TOGETHER][SHA1_BYTES];
	size_t			n;
};

static void add(const struct path *pa, struct round *r, struct pkt *p, uint8_t *at, uint16_t tid)
{
	uint8_t *image = at - sizeof(struct ayiya_hdr);

	memcpy(r->was[r->n], at, SHA1_BYTES);
	memcpy(at, pa->cf->secret[tid].sha1, SHA1_BYTES);
	r->at[r->n] = at;
	r->job[r->n++] = (struct digest_job){ image, (size_t)(p->data + p->len - image), p->digest };
}

static void hash(const struct path *pa, struct round *r)
{
	const struct digest *d = pa->digest;

	if (r->n > 0)
		d->sha1_many(d->context, r->job, r->n);
	for (size_t i = 0; i < r->n; i++)
		memcpy(r->at[i], r->was[i], SHA1_BYTES);
	r->n = 0;
}

/* ---- what will be compared ---- */

/* Only from where the tunnel is: a stranger's costs what it always did (security.md C4). */
static bool is_worth_it(const struct path *pa, const struct pkt *p, struct ayiya_view *v)
{
	return p->via == VIA_AYIYA && !p->merged && p->at == AT_START && ayiya_view(pa, p, v) == PASS &&
	       path_owns(pa, v->tid) && v->h.sig == AYIYA_SIG_SHA1 && tunnel_is_at(pa, p, v->tid) &&
	       ayiya_acceptable(pa, v) == PASS;
}

void path_digest(struct path *pa, struct pkt *p, size_t n)
{
	struct round r;

	r.n = 0;
	for (size_t i = 0; i < n; i++) {
		struct ayiya_view v;

		if (!is_worth_it(pa, &p[i], &v))
			continue;
		add(pa, &r, &p[i], p[i].data + sizeof(v.h), v.tid);
		p[i].digest_of = v.tid;
		if (r.n == TOGETHER)
			hash(pa, &r);
	}
	hash(pa, &r);
}

/* ---- what is due ---- */

void path_sign(struct path *pa, struct pkt *const *p, size_t n)
{
	struct round r;

	for (size_t from = 0; from < n; from += TOGETHER) {
		size_t to = min_size(from + TOGETHER, n);

		r.n = 0;
		for (size_t i = from; i < to; i++) {
			if (p[i]->unsigned_at)
				add(pa, &r, p[i], p[i]->unsigned_at, p[i]->to);
		}
		hash(pa, &r);
		for (size_t i = from; i < to; i++) {
			if (p[i]->unsigned_at)
				memcpy(p[i]->unsigned_at, p[i]->digest, SHA1_BYTES);
			p[i]->unsigned_at = NULL;
		}
	}
}

void path_sum(struct pkt *p)
{
	bool four = addr_is_ip4(&p->out_to);
	uint8_t *at = p->data + (four ? sizeof(struct ip4_hdr) : sizeof(struct ip6_hdr));
	size_t len = (size_t)(p->data + p->len - at);
	struct udp_hdr u;
	struct ip4_hdr h4;
	struct ip6_hdr h6;
	uint64_t sum;

	if (!p->unsummed)
		return;
	if (four) {
		memcpy(&h4, p->data, sizeof(h4));
		sum = sum_pseudo4(&h4.src, &h4.dst, (uint16_t)len, PROTO_UDP);
	} else {
		memcpy(&h6, p->data, sizeof(h6));
		sum = sum_pseudo6(&h6.src, &h6.dst, (uint32_t)len, PROTO_UDP);
	}
	memcpy(&u, at, sizeof(u));
	u.checksum.raw = 0;
	memcpy(at, &u, sizeof(u));
	u.checksum = sum_done(sum_add(sum, at, len));
	if (u.checksum.raw == 0)
		u.checksum.raw = 0xffff;	/* 0 would say that there is none (RFC 8200 8.1) */
	memcpy(at, &u, sizeof(u));
	p->unsummed = false;
}
