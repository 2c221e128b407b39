/*
 * tests/unit/pop.h - a small PoP in memory, and packets to throw at it
 *
 *	2001:db8:2ff::/48 tunnels, 2001:db8:3000::/40 of /48s, 2001:db8:4242::/48 of /56s
 *	outer 192.0.2.42 and 2001:db8::42; id 1
 *
 *	T1	static 198.51.100.7, mtu 1428, up	2001:db8:3001::/48
 *	T2	static 198.51.100.8, mtu 1480, up	2001:db8:3002::/48
 *	T3	dynamic, no password, down
 *	T4	static 198.51.100.9, disabled
 *	T42c	static 2001:db8:cafe::7, mtu 1280, up	(6in6)
 *
 * The endpoints are static so that packets reach the wire without a digest; a test
 * that wants AYIYA or heartbeats changes the records: pop_edit(), then pop_apply().
 */
#ifndef SIXXSD_TEST_POP_H
#define SIXXSD_TEST_POP_H

#include <sys/mman.h>

#include "path/steps.h"
#include "table/region.h"
#include "wire/icmp6.h"
#include "wire/proto.h"
#include "saw.h"
#include "tap.h"

#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h>	/* without the sanitizer its macros do nothing */
#else
#define ASAN_POISON_MEMORY_REGION(at, len)	((void)(at), (void)(len))
#define ASAN_UNPOISON_MEMORY_REGION(at, len)	((void)(at), (void)(len))
#endif

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"

enum {
	POP_TUNNELS	= 2048,
	POP_SUBNETS	= 1024,
	POP_WALL_S	= 1700000000,
};

static const char pop_v4[] = "192.0.2.42";
static const char pop_v6[] = "2001:db8::42";

struct fixture {
	struct fixture	*next;
	struct region	region;
	struct path	pa;
	struct pkt	p, reply;
	uint32_t	generation;
	uint8_t		in[PKT_ROOM], out[PKT_ROOM];
};

static struct fixture *pop_all;

static void pop_remember(const struct fixture *f)
{
	for (int v = 0; v < VERDICT_COUNT; v++)
		verdict_saw[v] |= f->pa.me->verdict[v] != 0;
}

/* What the fixtures counted, over what the steps returned: before saw.h prints it. */
__attribute__((destructor(102)))	/* the larger number runs first */
static void pop_count_verdicts(void)
{
	for (struct fixture *f = pop_all; f; f = f->next)
		pop_remember(f);
}

static struct ip6_addr address(const char *text)
{
	struct ip6_addr a = { { 0 } };

	if (!addr_parse(text, strlen(text), &a)) {
		fprintf(stderr, "not an address: %s\n", text);
		exit(99);
	}
	return a;
}

static void *zeroed_pages(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED) {
		perror("mmap");
		exit(99);
	}
	return at;
}

/* The configuration to change, equal to the running one. */
static struct config *pop_edit(struct fixture *f)
{
	const struct config *now = region_config(&f->region);
	struct config *next = region_spare(&f->region);

	*next->head = *now->head;
	memcpy(next->tunnel, now->tunnel, now->limits.tunnels * sizeof(*now->tunnel));
	memcpy(next->subnet, now->subnet, now->limits.subnets * sizeof(*now->subnet));
	memcpy(next->secret, now->secret, now->limits.tunnels * sizeof(*now->secret));
	next->head->changes = 0;
	return next;
}

/* Say that @tid's record is new: call before or after changing it, then pop_apply(). */
static struct tunnel_conf *pop_touch(struct fixture *f, struct config *cf, uint16_t tid)
{
	struct config_head *h = cf->head;

	cf->tunnel[tid].generation = ++f->generation;
	if (h->changes < ARRAY_LEN(h->change))
		h->change[h->changes] = tid;
	h->changes++;
	if (tid >= h->tunnel_end)
		h->tunnel_end = tid + 1u;
	return &cf->tunnel[tid];
}

/* Publish what pop_edit() gave, and move the worker to it. */
static void pop_apply(struct fixture *f)
{
	uint64_t revision = region_publish(&f->region);

	path_adopt(&f->pa, &f->region.config[revision & 1]);
}

static void pop_static(struct fixture *f, struct config *cf, uint16_t tid, const char *them,
		       uint16_t mtu, uint8_t flags)
{
	struct tunnel_conf *c = pop_touch(f, cf, tid);

	c->kind = KIND_STATIC;
	c->id = tid;
	c->them = address(them);
	c->mtu_bytes = mtu;
	c->flags = flags;
}

static void pop_subnet_prefix(struct config *cf, const char *prefix, uint8_t delegate)
{
	struct plan *plan = &cf->head->plan;
	struct subnet_prefix *s = &plan->subnet[plan->subnet_prefixes];
	struct prefix p;

	if (!prefix_parse(prefix, strlen(prefix), &p))
		exit(99);
	s->hi = addr_hi(&p.addr);
	s->len = p.len;
	s->delegate = delegate;
	s->mask = ~UINT64_C(0) << (64 - p.len);
	s->base = 0;
	if (plan->subnet_prefixes)
		s->base = s[-1].base + subnet_prefix_count(&s[-1]);
	plan->subnet_prefixes++;
}

static void pop_plan(struct config *cf)
{
	struct config_head *h = cf->head;
	struct prefix p;

	if (!prefix_parse("2001:db8:2ff::/48", 17, &p))
		exit(99);
	plan_set_tunnel_prefix(&h->plan, &p);
	h->plan.pop_id = 1;
	h->pop[1] = (struct pop){ .v4 = address(pop_v4), .v6 = address(pop_v6), .name = "chtst01",
				  .set = 1 };
	h->own[h->owns++] = address(pop_v4);
	h->own[h->owns++] = address(pop_v6);
	pop_subnet_prefix(cf, "2001:db8:3000::/40", 48);
	pop_subnet_prefix(cf, "2001:db8:4242::/48", 56);
	cf->subnet[1] = 1;
	cf->subnet[2] = 2;
}

/* Any number of these may exist; only who makes hundreds need free them. @digest may be NULL. */
static struct fixture *pop_new(const struct digest *digest)
{
	const struct limits limits = { .tunnels = POP_TUNNELS, .subnets = POP_SUBNETS };
	struct fixture *f = zeroed_pages(sizeof(*f));
	const wall_t wall = { POP_WALL_S };
	const mono_t now = { 1000 * (int64_t)US_PER_S };

	f->next = pop_all;
	pop_all = f;
	region_init(&f->region, zeroed_pages(region_bytes(limits)),
		    zeroed_pages(region_secret_bytes(limits)), limits, wall);
	path_init(&f->pa, region_config(&f->region), &f->region.table, &f->region.table.worker[0],
		  digest, now, wall);

	struct config *cf = pop_edit(f);

	pop_plan(cf);
	pop_static(f, cf, 1, "198.51.100.7", 1428, 0);
	pop_static(f, cf, 2, "198.51.100.8", 1480, 0);
	pop_touch(f, cf, 3)->kind = KIND_DYNAMIC;
	cf->tunnel[3].id = 3;
	cf->tunnel[3].mtu_bytes = 1280;
	pop_static(f, cf, 4, "198.51.100.9", 1280, TUNNEL_DISABLED);
	pop_static(f, cf, 0x42c, "2001:db8:cafe::7", 1280, 0);
	pop_apply(f);
	return f;
}

static void pop_free(struct fixture *f)
{
	struct fixture **at = &pop_all;

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	pop_remember(f);
	ASAN_UNPOISON_MEMORY_REGION(f->in, sizeof(f->in));
	munmap(f->region.config[0].secret, region_secret_bytes(f->region.head->limits));
	munmap(f->region.head, f->region.head->bytes);
	munmap(f, sizeof(*f));
}

static struct tunnel *pop_tunnel(struct fixture *f, uint16_t tid)
{
	return &f->region.table.tunnel[tid];
}

static uint64_t pop_errors(struct fixture *f, uint16_t tid, enum errname e)
{
	return f->region.table.errors[tid].record[e].count;
}

static uint64_t pop_verdicts(struct fixture *f, enum verdict v)
{
	return f->pa.me->verdict[v];
}

static void pop_pass_time(struct fixture *f, int64_t us)
{
	f->pa.now.us += us;
	f->pa.wall.s += us / US_PER_S;
}

/* Make fixture packets ready: @len octets lie in f->in behind the headroom. */
static void pop_arrive(struct fixture *f, enum via via, const void *bytes, size_t len,
		       const char *them, const char *us)
{
	/* behind the packet lies what earlier ones left, and a memory checker guards it */
	ASAN_UNPOISON_MEMORY_REGION(f->in, sizeof(f->in));
	memcpy(f->in + PKT_HEADROOM, bytes, len);
	ASAN_POISON_MEMORY_REGION(f->in + PKT_HEADROOM + len, sizeof(f->in) - PKT_HEADROOM - len);
	pkt_init(&f->p, f->in, len, via);
	pkt_init(&f->reply, f->out, 0, VIA_SELF);
	if (them)
		f->p.outer.them = address(them);
	if (us)
		f->p.outer.us = address(us);
}

/*
 * -DAHEAD: a test once more as a worker runs it, signatures hashed before and after the
 * packet's way. The same must come out.
 */
#ifdef AHEAD
static const bool hashes_ahead = true;
#else
static const bool hashes_ahead = false;
#endif

static void pop_ahead(struct fixture *f)
{
	f->pa.defer = hashes_ahead;
	if (hashes_ahead && f->pa.digest)
		path_digest(&f->pa, &f->p, 1);
}

static void pop_afterwards(struct fixture *f)
{
	struct pkt *const all[] = { &f->p, &f->reply };

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if (!hashes_ahead || all[i]->out != OUT_WIRE)
			continue;
		path_sign(&f->pa, &all[i], 1);
		path_sum(all[i]);
	}
}

/* The whole way. @them and @us are NULL for VIA_TUN. */
static enum verdict pop_give(struct fixture *f, enum via via, const void *bytes, size_t len,
			     const char *them, const char *us)
{
	enum verdict v;

	pop_arrive(f, via, bytes, len, them, us);
	pop_ahead(f);
	v = saw(path_run(&f->pa, &f->p, &f->reply));
	pop_afterwards(f);
	return v;
}

/* An IPv6 packet of @len octets in all; the payload counts up from 0. Return: @len */
static size_t make_ip6(uint8_t *at, const char *src, const char *dst, size_t len, uint8_t hop,
		       uint8_t next)
{
	struct ip6_hdr h = {
		.vtf = be32_put(UINT32_C(6) << 28),
		.payload_len = be16_put((uint16_t)(len - sizeof(h))),
		.next = next, .hop_limit = hop, .src = address(src), .dst = address(dst),
	};

	for (size_t i = sizeof(h); i < len; i++)
		at[i] = (uint8_t)(i - sizeof(h));
	memcpy(at, &h, sizeof(h));
	return len;
}

#pragma GCC diagnostic pop

#endif
