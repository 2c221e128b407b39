/*
 * src/wire/icmp6.h - ICMPv6 (RFC 4443) and neighbour discovery (RFC 4861)
 */
#ifndef SIXXSD_WIRE_ICMP6_H
#define SIXXSD_WIRE_ICMP6_H

#include "wire/ip6.h"

struct icmp6_hdr {
	uint8_t		type;
	uint8_t		code;
	be16_t		checksum;
	be32_t		param;		/* MTU, pointer, or identifier << 16 | sequence */
};
_Static_assert(sizeof(struct icmp6_hdr) == 8, "RFC 4443 2.1");

struct icmp6_echo {
	uint8_t		type;
	uint8_t		code;
	be16_t		checksum;
	be16_t		id;
	be16_t		seq;
};
_Static_assert(sizeof(struct icmp6_echo) == 8, "RFC 4443 4.1");

/* Neighbour solicitation and advertisement without options. */
struct icmp6_nd {
	uint8_t		type;
	uint8_t		code;
	be16_t		checksum;
	be32_t		flags;
	struct ip6_addr	target;
};
_Static_assert(sizeof(struct icmp6_nd) == 24, "RFC 4861 4.3, 4.4");

struct icmp6_option {
	uint8_t		type;
	uint8_t		len;	/* in units of 8 octets, this header included */
};
_Static_assert(sizeof(struct icmp6_option) == 2, "RFC 4861 4.6");

enum icmp6_type {
	ICMP6_UNREACHABLE	= 1,
	ICMP6_TOO_BIG		= 2,
	ICMP6_TIME_EXCEEDED	= 3,
	ICMP6_PARAMETER		= 4,
	ICMP6_INFORMATIONAL	= 128,	/* the first type that is no error */
	ICMP6_ECHO_REQUEST	= 128,
	ICMP6_ECHO_REPLY	= 129,
	ICMP6_NEIGHBOR_SOLICIT	= 135,
	ICMP6_NEIGHBOR_ADVERT	= 136,
	ICMP6_REDIRECT		= 137,
};

enum icmp6_unreachable_code {
	ICMP6_NO_ROUTE		= 0,
	ICMP6_ADMIN		= 1,
	ICMP6_ADDRESS		= 3,
	ICMP6_PORT		= 4,
};

enum {
	ICMP6_NA_ROUTER		= 0x80000000u,
	ICMP6_NA_SOLICITED	= 0x40000000u,
};

#endif
