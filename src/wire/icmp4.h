/*
 * src/wire/icmp4.h - ICMPv4, RFC 792 and RFC 1191
 */
#ifndef SIXXSD_WIRE_ICMP4_H
#define SIXXSD_WIRE_ICMP4_H

#include "wire/ip4.h"

struct icmp4_hdr {
	uint8_t		type;
	uint8_t		code;
	be16_t		checksum;
	be16_t		unused;		/* echo: identifier */
	be16_t		mtu;		/* 3/4: next-hop MTU (RFC 1191 4); echo: sequence */
};
_Static_assert(sizeof(struct icmp4_hdr) == 8, "RFC 792");

enum icmp4_type {
	ICMP4_ECHO_REPLY	= 0,
	ICMP4_UNREACHABLE	= 3,
	ICMP4_SOURCE_QUENCH	= 4,
	ICMP4_REDIRECT		= 5,
	ICMP4_ECHO_REQUEST	= 8,
	ICMP4_ROUTER_ADVERT	= 9,
	ICMP4_ROUTER_SOLICIT	= 10,
	ICMP4_TIME_EXCEEDED	= 11,
	ICMP4_PARAMETER		= 12,
	ICMP4_TIMESTAMP		= 13,	/* 13..18 are questions and answers, RFC 792, 950 */
	ICMP4_MASK_REPLY	= 18,
};

enum icmp4_unreachable_code {
	ICMP4_NET		= 0,
	ICMP4_HOST		= 1,
	ICMP4_PROTOCOL		= 2,
	ICMP4_PORT		= 3,
	ICMP4_FRAG_NEEDED	= 4,
	ICMP4_ADMIN		= 13,
};

#endif
