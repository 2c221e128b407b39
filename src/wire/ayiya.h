/*
 * src/wire/ayiya.h - AYIYA, draft-massar-v6ops-ayiya-02: the one profile this PoP
 * speaks, IPv6 identity, SHA-1 (or the SHA-256 extension) over a shared secret.
 * Big endian on the wire.
 */
#ifndef SIXXSD_WIRE_AYIYA_H
#define SIXXSD_WIRE_AYIYA_H

#include "wire/ip6.h"

/* The signature follows: 20 octets for SHA-1, 32 for SHA-256. */
struct ayiya_hdr {
	uint8_t		id;		/* log2(octets) << 4 | type:  0x41, IPv6 address */
	uint8_t		sig;		/* 32-bit words << 4 | hash:  0x52 SHA-1, 0x84 SHA-256 */
	uint8_t		op;		/* auth << 4 | opcode:        0x1_, shared secret */
	uint8_t		next;		/* 41, 4 or 59 */
	be32_t		epoch_s;	/* sender's clock, seconds since 1970 UTC */
	struct ip6_addr	identity;	/* the sender's own inner tunnel address */
};
_Static_assert(sizeof(struct ayiya_hdr) == 24, "8 fixed, 16 identity");

enum {
	AYIYA_ID_IP6		= 0x41,
	AYIYA_SIG_SHA1		= 0x52,
	AYIYA_SIG_SHA256	= 0x84,
	AYIYA_AUTH_SECRET	= 0x10,
	AYIYA_AUTH_MASK		= 0xf0,
	AYIYA_OP_MASK		= 0x0f,
	AYIYA_OP_NOOP		= 0,
	AYIYA_OP_FORWARD	= 1,
	AYIYA_OP_ECHO		= 2,
	AYIYA_OP_ECHO_FORWARD	= 3,
	AYIYA_OP_ECHO_REPLY	= 4,
	AYIYA_SKEW_MAX_S	= 120,	/* 120 is accepted, 121 is not */
};

#endif
