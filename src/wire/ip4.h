/*
 * src/wire/ip4.h - IPv4 header and pseudo header
 *
 * RFC 791. Big endian on the wire.
 */
#ifndef SIXXSD_WIRE_IP4_H
#define SIXXSD_WIRE_IP4_H

#include <stddef.h>
#include "wire/be.h"

/* 4 octets in network order; everything above the wire uses the mapped form. */
struct ip4_addr {
	uint8_t		b[4];
};
_Static_assert(sizeof(struct ip4_addr) == 4, "an IPv4 address");

struct ip4_hdr {
	uint8_t		vihl;		/* version << 4 | header length in 32-bit words */
	uint8_t		tos;		/* DSCP << 2 | ECN */
	be16_t		total_len;	/* octets, header included */
	be16_t		id;
	be16_t		frag;		/* reserved, DF, MF << 13 | offset in 8 octets */
	uint8_t		ttl;
	uint8_t		protocol;
	be16_t		checksum;
	struct ip4_addr	src;
	struct ip4_addr	dst;
};
_Static_assert(sizeof(struct ip4_hdr) == 20, "RFC 791 3.1, no options");

struct ip4_pseudo {
	struct ip4_addr	src;
	struct ip4_addr	dst;
	uint8_t		zero;
	uint8_t		protocol;
	be16_t		len;		/* upper layer, octets */
};
_Static_assert(sizeof(struct ip4_pseudo) == 12, "RFC 793 3.1");

enum {
	IP4_VERSION		= 4,
	IP4_HDR_BYTES		= 20,
	IP4_DF			= 0x4000,
	IP4_MF			= 0x2000,
	IP4_OFFSET_MASK		= 0x1fff,	/* in 8 octets */
	IP4_MTU_MIN_BYTES	= 68,		/* RFC 791 3.2 */
	IP4_MTU_COMMON_BYTES	= 576,		/* what every host takes, RFC 791 3.1 */
};

#endif
