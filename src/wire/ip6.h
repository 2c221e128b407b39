/*
 * src/wire/ip6.h - IPv6 header, extension headers and pseudo header
 *
 * RFC 8200. Big endian on the wire.
 */
#ifndef SIXXSD_WIRE_IP6_H
#define SIXXSD_WIRE_IP6_H

#include <stddef.h>
#include "wire/be.h"

/* 16 octets in network order. IPv4 addresses travel as ::ffff:a.b.c.d (RFC 4291 2.5.5.2). */
struct ip6_addr {
	uint8_t		b[16];
};
_Static_assert(sizeof(struct ip6_addr) == 16, "an IPv6 address");

struct ip6_hdr {
	be32_t		vtf;		/* version << 28 | traffic class << 20 | flow label */
	be16_t		payload_len;	/* octets behind this header */
	uint8_t		next;		/* IPPROTO_* of what follows */
	uint8_t		hop_limit;
	struct ip6_addr	src;
	struct ip6_addr	dst;
};
_Static_assert(sizeof(struct ip6_hdr) == 40, "RFC 8200 3");

/* Hop-by-hop, routing and destination options share their first two octets. */
struct ip6_ext {
	uint8_t		next;
	uint8_t		len;		/* (len + 1) * 8 octets; AH: (len + 2) * 4 */
	uint8_t		type;		/* routing header: routing type */
	uint8_t		left;		/* routing header: segments left */
	be32_t		data;
};
_Static_assert(sizeof(struct ip6_ext) == 8, "RFC 8200 4.3");

struct ip6_frag {
	uint8_t		next;
	uint8_t		reserved;
	be16_t		offset;		/* offset in 8 octets << 3 | reserved << 1 | more */
	be32_t		id;
};
_Static_assert(sizeof(struct ip6_frag) == 8, "RFC 8200 4.5");

struct ip6_pseudo {
	struct ip6_addr	src;
	struct ip6_addr	dst;
	be32_t		len;		/* upper layer, octets */
	uint8_t		zero[3];
	uint8_t		next;
};
_Static_assert(sizeof(struct ip6_pseudo) == 40, "RFC 8200 8.1");

enum {
	IP6_VERSION		= 6,
	IP6_MTU_MIN_BYTES	= 1280,	/* RFC 8200 5 */
	IP6_HDR_BYTES		= 40,
	IP6_FRAG_MORE		= 0x0001,
	IP6_FRAG_OFFSET_MASK	= 0xfff8,
};

#endif
