/* path/sign.c: signatures of a batch, before it is decided about and when it leaves */
#include "auth.h"
#include "base/sum.h"
#include "crypto/digest_mb.h"
#include "wire/udp.h"

enum { MOST = 150 };

static struct fixture *f;
static uint8_t room[MOST][4096], was[MOST][4096];
static struct pkt batch[MOST];
static unsigned int hashed;
static struct digest inside;	/* what the counted one is made of */

static void counted_many(void *context, const struct digest_job *job, size_t n)
{
	(void)context;
	hashed += (unsigned int)n;
	inside.sha1_many(inside.context, job, n);
}

static void counted(void *context, const struct span *span, size_t n, uint8_t out[SHA1_BYTES])
{
	(void)context;
	hashed++;
	inside.sha1(inside.context, span, n, out);
}

static struct digest counting;

static void fresh(void)
{
	if (f)
		pop_free(f);
	f = auth_new();
	f->pa.digest = &counting;
	hashed = 0;
}

static void put(unsigned int i, const void *bytes, size_t len, const char *them, uint16_t port)
{
	memcpy(room[i] + PKT_HEADROOM, bytes, len);
	pkt_init(&batch[i], room[i], len, VIA_AYIYA);
	batch[i].outer.them = address(them);
	batch[i].outer.us = address(pop_like(them));
	batch[i].outer.them_port = port;
	batch[i].outer.us_port = PORT_AYIYA;
}

/* An IPv6 packet of @len octets to the uplink, signed as @method by @who's @password. */
static void put_forward(unsigned int i, size_t len, const char *method, const char *who,
			const char *password, const char *them)
{
	uint8_t inner[2048], bytes[2200];

	make_ip6(inner, who, "2001:db8:ffff::1", len, 64, 59);
	inner[len - 1] = (uint8_t)i;
	put(i, bytes, make_ayiya(bytes, method, AYIYA_OP_FORWARD, 41, (uint32_t)f->pa.wall.s, who,
				 password, inner, len), them, 4000);
}

static enum verdict run(unsigned int i)
{
	pkt_init(&f->reply, f->out, 0, VIA_SELF);
	return saw(path_run(&f->pa, &batch[i], &f->reply));
}

/* Tunnel 1 is up at ALICE, tunnel 8 (SHA-256) too. */
static void come_up(void)
{
	put_forward(0, 100, "SHA1", BOB, PASSWORD, ALICE);
	(void)run(0);
	put_forward(0, 100, "SHA256", "2001:db8:2ff:8::2", PASSWORD, ALICE);
	(void)run(0);
	hashed = 0;
}

static void a_batch_is_hashed_once(unsigned int n)
{
	bool good = true, same = true;

	fresh();
	come_up();
	for (unsigned int i = 0; i < n; i++) {
		put_forward(i, 60 + 9 * i, "SHA1", BOB, PASSWORD, ALICE);
		memcpy(was[i], room[i], sizeof(was[i]));
	}
	path_digest(&f->pa, batch, n);
	for (unsigned int i = 0; i < n; i++)
		same &= memcmp(was[i], room[i], sizeof(was[i])) == 0;
	for (unsigned int i = 0; i < n; i++)
		good &= run(i) == SENT_UPLINK;
	ok(same, "%u packets are as they came: the secret did not stay", n);
	ok(good, "and are the client's");
	ok(hashed == n, "each was hashed once (%u)", hashed);
}

static void what_is_wrong_stays_wrong(void)
{
	enum verdict ahead_says[8], says[8];
	unsigned int n = 0;

	for (int pass = 0; pass < 2; pass++) {
		fresh();
		come_up();
		n = 0;
		put_forward(n++, 200, "SHA1", BOB, PASSWORD, ALICE);
		put_forward(n++, 200, "SHA1", BOB, "wrong", ALICE);
		put_forward(n++, 200, "SHA256", "2001:db8:2ff:8::2", PASSWORD, ALICE);
		put_forward(n++, 200, "SHA256", BOB, PASSWORD, ALICE);
		put_forward(n++, 200, "SHA1", "2001:db8:2ff:77::2", PASSWORD, ALICE);
		put_forward(n++, 200, "SHA1", "2001:db8:2ff:7::2", PASSWORD, ALICE);
		put_forward(n++, 200, "SHA1", BOB, PASSWORD, MALLORY);
		put_forward(n++, 200, "SHA1", BOB, "wrong", MALLORY);
		if (pass)
			path_digest(&f->pa, batch, n);
		for (unsigned int i = 0; i < n; i++)
			(pass ? ahead_says : says)[i] = run(i);
	}
	for (unsigned int i = 0; i < n; i++)
		ok(ahead_says[i] == says[i], "packet %u: %s either way", i, verdict_info[says[i]].name);
	ok(says[0] == SENT_UPLINK && says[1] == DROP_AYIYA_DIGEST && says[2] == SENT_UPLINK,
	   "(good, wrong and SHA-256 are among them)");
}

static void a_stranger_is_not_hashed_ahead(void)
{
	fresh();
	come_up();
	for (unsigned int i = 0; i < MOST; i++)
		put_forward(i, 500, "SHA1", BOB, "wrong", MALLORY);
	path_digest(&f->pa, batch, MOST);
	ok(hashed == 0, "what a stranger sends is not hashed before its digest is paid for");
	put_forward(0, 500, "SHA1", BOB, PASSWORD, ALICE);
	batch[0].merged = 17;
	batch[0].segment = 100;
	path_digest(&f->pa, batch, 1);
	ok(hashed == 0, "nor is what still has to be cut");
}

/* The signature is right, and the UDP checksum over it. */
static bool is_complete(const struct pkt *p)
{
	bool four = p->data[0] >> 4 == 4;
	size_t at = four ? 20 : 40, len = p->len - at;
	const uint8_t *ayiya = p->data + at + 8;
	uint8_t image[2200], out[32];
	struct ip4_hdr h4;
	struct ip6_hdr h6;
	uint64_t sum;

	if (four) {
		memcpy(&h4, p->data, sizeof(h4));
		sum = sum_pseudo4(&h4.src, &h4.dst, (uint16_t)len, 17);
	} else {
		memcpy(&h6, p->data, sizeof(h6));
		sum = sum_pseudo6(&h6.src, &h6.dst, (uint32_t)len, 17);
	}
	memcpy(image, ayiya, len - 8);
	test_digest("SHA1", PASSWORD, strlen(PASSWORD), image + 24);
	test_digest("SHA1", image, len - 8, out);
	return memcmp(out, ayiya + 24, 20) == 0 && sum_ok(sum_add(sum, p->data + at, len)) &&
	       !p->unsigned_at && !p->unsummed;
}

static void what_leaves_is_signed_together(const char *them)
{
	struct pkt *list[MOST];
	bool due = true, good = true;

	fresh();
	put_forward(0, 100, "SHA1", BOB, PASSWORD, them);
	(void)run(0);
	f->pa.defer = true;
	hashed = 0;
	for (unsigned int i = 0; i < MOST; i++) {
		size_t len = make_ip6(room[i] + PKT_HEADROOM, "2001:db8:ffff::1", BOB, 41 + i * 8, 64, 59);

		pkt_init(&batch[i], room[i], len, VIA_TUN);
		(void)run(i);
		due &= batch[i].out == OUT_WIRE && batch[i].unsigned_at && batch[i].unsummed;
		list[i] = &batch[i];
	}
	ok(due && hashed == 0, "to %s: %d signatures are due, none was computed", them, MOST);
	path_sign(&f->pa, list, MOST);
	ok(hashed == MOST, "then all are");
	for (unsigned int i = 0; i < MOST; i++) {
		path_sum(&batch[i]);
		good &= is_complete(&batch[i]);
	}
	ok(good, "and right, as are the checksums over them");
	path_sign(&f->pa, list, MOST);
	path_sum(&batch[0]);
	ok(hashed == MOST && is_complete(&batch[0]), "nothing is due twice");
}

int main(void)
{
	static const unsigned int sizes[] = { 1, 3, 4, 16, 64, 65, MOST };
	const char *why = digest_mb_open(&inside);

	printf("# %s%s\n", digest_name(&inside), why ? why : "");
	counting = (struct digest){
		.sha1 = counted, .sha1_many = counted_many, .sha256 = digest_openssl.sha256,
		.md5 = digest_openssl.md5,
	};
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		a_batch_is_hashed_once(sizes[i]);
	what_is_wrong_stays_wrong();
	a_stranger_is_not_hashed_ahead();
	what_leaves_is_signed_together(ALICE);
	what_leaves_is_signed_together("2001:db8:cafe::99");
	digest_mb_close(&inside);
	return tap_done();
}
