/*
 * src/base/addr.h - IPv6 addresses, IPv4 as ::ffff:a.b.c.d, and prefixes
 *
 * One address type for both families (RFC 4291 2.5.5.2): "unspecified" is all
 * zero for both. Pure functions; parsing and printing are our own because
 * inet_pton() and friends are not, and take text that is not ours to accept.
 */
#ifndef SIXXSD_BASE_ADDR_H
#define SIXXSD_BASE_ADDR_H

#include <string.h>
#include "base/def.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

#define ADDR_TEXT_MAX	46	/* ffff:...:255.255.255.255 and the NUL */
#define PREFIX_TEXT_MAX	50	/* plus /128 */

struct prefix {
	struct ip6_addr	addr;	/* host bits zero */
	uint8_t		len;	/* 0..128; of IPv4: 96 + length */
};

static inline uint64_t addr_hi(const struct ip6_addr *a)
{
	be64_t n;

	memcpy(&n, a->b, sizeof(n));
	return be64_get(&n);
}

static inline uint64_t addr_lo(const struct ip6_addr *a)
{
	be64_t n;

	memcpy(&n, a->b + 8, sizeof(n));
	return be64_get(&n);
}

static inline struct ip6_addr addr_from_parts(uint64_t hi, uint64_t lo)
{
	be64_t h = be64_put(hi), l = be64_put(lo);
	struct ip6_addr a;

	memcpy(a.b, &h, sizeof(h));
	memcpy(a.b + 8, &l, sizeof(l));
	return a;
}

static inline bool addr_eq(const struct ip6_addr *a, const struct ip6_addr *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

static inline bool addr_is_unspecified(const struct ip6_addr *a)
{
	return addr_hi(a) == 0 && addr_lo(a) == 0;
}

/* ::ffff:0:0/96 */
static inline bool addr_is_ip4(const struct ip6_addr *a)
{
	return addr_hi(a) == 0 && addr_lo(a) >> 32 == 0xffff;
}

/* Host order; meaningful only where addr_is_ip4(). */
static inline uint32_t addr_ip4(const struct ip6_addr *a)
{
	return (uint32_t)addr_lo(a);
}

static inline struct ip6_addr addr_from_ip4(uint32_t host_order)
{
	return addr_from_parts(0, 0xffff00000000u | host_order);
}

static inline struct ip6_addr addr_from_ip4_wire(const struct ip4_addr *a)
{
	be32_t n;

	memcpy(&n, a->b, sizeof(n));
	return addr_from_ip4(be32_get(&n));
}

static inline struct ip4_addr addr_to_ip4_wire(const struct ip6_addr *a)
{
	struct ip4_addr r;

	memcpy(r.b, a->b + 12, sizeof(r.b));
	return r;
}

static inline bool addr_is_multicast6(const struct ip6_addr *a)
{
	return a->b[0] == 0xff;
}

static inline bool addr_is_link_local(const struct ip6_addr *a)
{
	return addr_hi(a) >> 54 == 0xfe80 >> 6;
}

static inline bool addr_is_loopback6(const struct ip6_addr *a)
{
	return addr_hi(a) == 0 && addr_lo(a) == 1;
}

/* ::/96, IPv4-compatible, deprecated by RFC 4291 2.5.5.1; :: and ::1 have their own tests */
static inline bool addr_is_compatible(const struct ip6_addr *a)
{
	return addr_hi(a) == 0 && addr_lo(a) >> 32 == 0 && addr_lo(a) > 1;
}

/* fc00::/7, 100::/64 and 5f00::/16: never a source on the public Internet (RFC 4193, 6666, 9602) */
static inline bool addr_is_reserved6(const struct ip6_addr *a)
{
	return a->b[0] >> 1 == 0xfc >> 1 || addr_hi(a) == UINT64_C(0x0100) << 48 ||
	       addr_hi(a) >> 48 == 0x5f00;
}

/* An outer endpoint nobody may have: unspecified, loopback, multicast, broadcast, link-local,
 * 0/8, 127/8, class D and E, compatible; of either family. */
bool addr_is_bad_endpoint(const struct ip6_addr *a);

/* First @len bits of @a, the rest zero. */
struct ip6_addr addr_masked(const struct ip6_addr *a, unsigned int len);

static inline bool prefix_has(const struct prefix *p, const struct ip6_addr *a)
{
	struct ip6_addr m = addr_masked(a, p->len);

	return addr_eq(&m, &p->addr);
}

/**
 * addr_parse() - an address in text, either family
 * @text:	borrowed; need not end in NUL
 * @len:	octets of @text; all of them must belong to the address
 * @a:		written only on success
 *
 * A text with ':' is IPv6 (RFC 4291 2.2, dotted tail allowed, no zone), any
 * other is dotted-quad IPv4 without leading zeros, stored mapped.
 */
MUST_CHECK bool addr_parse(const char *text, size_t len, struct ip6_addr *a);

/**
 * prefix_parse() - "address/length"; the length is required
 *
 * IPv4 lengths come back as 96 + length. Host bits must be zero.
 */
MUST_CHECK bool prefix_parse(const char *text, size_t len, struct prefix *p);

/* RFC 5952 text, IPv4 as a dotted quad. Writes at most ADDR_TEXT_MAX octets with the NUL
 * and returns @buf, so that it can stand inside a call. */
const char *addr_text(const struct ip6_addr *a, char buf[ADDR_TEXT_MAX]);
const char *prefix_text(const struct prefix *p, char buf[PREFIX_TEXT_MAX]);

#endif
