/*
 * tests/unit/auth.h - tunnels that have to prove who they are
 *
 * On top of pop.h, tunnels 1 and up with the password of the published examples:
 *
 *	T1	ayiya		T2	heartbeat	T5	dynamic
 *	T6	dynamic, no password			T7	ayiya, disabled
 *	T8	dynamic, SHA-256			T9	static 203.0.113.200
 *
 * The clients here sign with a digest library of their own choosing from flat images,
 * as the protocol documents put it, and share no code with src/path.
 */
#ifndef SIXXSD_TEST_AUTH_H
#define SIXXSD_TEST_AUTH_H

#include <openssl/evp.h>

#include "crypto/digest_openssl.h"
#include "crypto/secret.h"
#include "pop.h"
#include "wire/ayiya.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"

#define PASSWORD     "0123456789abcdef0123456789abcdef"
#define ALICE        "198.51.100.7"
#define BOB          "2001:db8:2ff:1::2" /* tunnel 1 has for its client */
#define MALLORY      "203.0.113.66"
#define AUTH_TUNNELS 16 /* the records a test may have changed */

struct snapshot {
	struct tunnel tunnel[AUTH_TUNNELS];
	struct tunnel_cold cold[AUTH_TUNNELS];
	unsigned int events;
};

static void auth_tunnel(struct fixture *f, struct config *cf, uint16_t tid, enum tunnel_kind kind,
                        enum tunnel_hash hash, const char *password, uint8_t flags)
{
	struct tunnel_conf *c = pop_touch(f, cf, tid);

	*c = (struct tunnel_conf){ .generation = c->generation, .id = tid, .mtu_bytes = 1280 };
	c->kind = (uint8_t)kind;
	c->hash = (uint8_t)hash;
	c->flags = flags;
	if (password && secret_set(&cf->secret[tid], &digest_openssl, password, strlen(password)))
		c->flags |= TUNNEL_SECRET;
}

static struct fixture *auth_new(void)
{
	struct fixture *f = pop_new(&digest_openssl);
	struct config *cf = pop_edit(f);

	/* free the slots first: a tunnel that was static would keep its endpoint */
	auth_tunnel(f, cf, 1, KIND_NONE, HASH_SHA1, NULL, 0);
	auth_tunnel(f, cf, 2, KIND_NONE, HASH_SHA1, NULL, 0);
	pop_apply(f);

	cf = pop_edit(f);
	auth_tunnel(f, cf, 1, KIND_AYIYA, HASH_SHA1, PASSWORD, 0);
	auth_tunnel(f, cf, 2, KIND_HEARTBEAT, HASH_SHA1, PASSWORD, 0);
	auth_tunnel(f, cf, 5, KIND_DYNAMIC, HASH_SHA1, PASSWORD, 0);
	auth_tunnel(f, cf, 6, KIND_DYNAMIC, HASH_SHA1, NULL, 0);
	auth_tunnel(f, cf, 7, KIND_AYIYA, HASH_SHA1, PASSWORD, TUNNEL_DISABLED);
	auth_tunnel(f, cf, 8, KIND_DYNAMIC, HASH_SHA256, PASSWORD, 0);
	pop_static(f, cf, 9, "203.0.113.200", 1280, 0);
	pop_apply(f);
	return f;
}

/* One record changed and published. */
static void auth_change(struct fixture *f, uint16_t tid, enum tunnel_kind kind,
                        enum tunnel_hash hash, const char *password, uint8_t flags)
{
	struct config *cf = pop_edit(f);

	auth_tunnel(f, cf, tid, kind, hash, password, flags);
	pop_apply(f);
}

static struct snapshot auth_snapshot(const struct fixture *f)
{
	struct snapshot s;

	memset(&s, 0, sizeof(s));
	memcpy(s.tunnel, f->region.table.tunnel, sizeof(s.tunnel));
	memcpy(s.cold, f->region.table.cold, sizeof(s.cold));
	s.events = f->pa.events;
	return s;
}

/* Nothing but counters of drops may differ: all of both records is compared. */
static bool auth_unchanged(const struct fixture *f, const struct snapshot *before)
{
	return memcmp(f->region.table.tunnel, before->tunnel, sizeof(before->tunnel)) == 0 &&
	       memcmp(f->region.table.cold, before->cold, sizeof(before->cold)) == 0 &&
	       f->pa.events == before->events;
}

static struct endpoint *auth_ep(struct fixture *f, uint16_t tid)
{
	return &pop_tunnel(f, tid)->ep;
}

static struct tunnel_cold *auth_cold(struct fixture *f, uint16_t tid)
{
	return &f->region.table.cold[tid];
}

static bool is_at(struct fixture *f, uint16_t tid, const char *them, uint16_t port)
{
	struct ip6_addr a = address(them);

	return addr_eq(&auth_ep(f, tid)->them, &a) && auth_ep(f, tid)->them_port == port;
}

/* The PoP's address of the family of @them. */
static const char *pop_like(const char *them)
{
	return strchr(them, ':') ? pop_v6 : pop_v4;
}

static enum verdict give_ayiya(struct fixture *f, const void *bytes, size_t len, const char *them,
                               uint16_t port)
{
	pop_arrive(f, VIA_AYIYA, bytes, len, them, pop_like(them));
	f->p.outer.them_port = port;
	f->p.outer.us_port = PORT_AYIYA;
	pop_ahead(f);

	enum verdict v = saw(ayiya_decap(&f->pa, &f->p, &f->reply));

	pop_afterwards(f);
	return v;
}

static enum verdict give_beat(struct fixture *f, const char *text, const char *them)
{
	static uint16_t port = 40000; /* every one from a fresh socket */

	pop_arrive(f, VIA_BEAT, text, strlen(text), them, pop_like(them));
	f->p.outer.them_port = port++;
	f->p.outer.us_port = PORT_HEARTBEAT;
	return saw(beat_take(&f->pa, &f->p));
}

static void test_digest(const char *name, const void *bytes, size_t len, uint8_t *out)
{
	if (!EVP_Q_digest(NULL, name, NULL, bytes, len, out, NULL))
		exit(99);
}

/* A client's packet as ayiya.md 4 has it. Return: octets */
static size_t make_ayiya(uint8_t *at, const char *method, uint8_t op, uint8_t next, uint32_t epoch,
                         const char *identity, const char *password, const void *payload,
                         size_t len)
{
	bool sha256 = strcmp(method, "SHA256") == 0;
	size_t sig = sha256 ? 32 : 20;
	struct ip6_addr id = address(identity);
	uint8_t head[8] = {
		0x41,
		sha256 ? 0x84 : 0x52,
		(uint8_t)(0x10 | op),
		next,
		(uint8_t)(epoch >> 24),
		(uint8_t)(epoch >> 16),
		(uint8_t)(epoch >> 8),
		(uint8_t)epoch,
	};
	uint8_t out[32];

	memcpy(at, head, 8);
	memcpy(at + 8, id.b, 16);
	test_digest(method, password, strlen(password), at + 24);
	if (len)
		memcpy(at + 24 + sig, payload, len);
	test_digest(method, at, 24 + sig + len, out);
	memcpy(at + 24, out, sig);
	return 24 + sig + len;
}

/* Echo requests of tunnel 1: each number has a signature of its own. */
static size_t echo_of(uint8_t *bytes, uint32_t epoch, uint32_t number)
{
	return make_ayiya(bytes, "SHA1", AYIYA_OP_ECHO, 59, epoch, BOB, PASSWORD, &number,
	                  sizeof(number));
}

/* heartbeat.md 3; @at has 256 octets of room. Return: @at */
static const char *make_beat(char *at, const char *method, const char *inner, const char *sender,
                             const char *when, const char *password)
{
	size_t bytes = strcmp(method, "SHA256") == 0 ? 32 : 16;
	int n = snprintf(at, 256, "HEARTBEAT TUNNEL %s %s %s ", inner, sender, when);
	uint8_t digest[32];
	char image[512];
	int m = snprintf(image, sizeof(image), "%s%s", at, password);

	test_digest(method, image, (size_t)m, digest);
	for (size_t i = 0; i < bytes; i++)
		n += snprintf(at + n, 256 - (size_t)n, "%02x", digest[i]);
	return at;
}

#pragma GCC diagnostic pop

#endif
