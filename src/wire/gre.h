/*
 * src/wire/gre.h - GRE, RFC 2784 with the key and sequence of RFC 2890
 */
#ifndef SIXXSD_WIRE_GRE_H
#define SIXXSD_WIRE_GRE_H

#include "wire/be.h"

struct gre_hdr {
	be16_t		flags;
	be16_t		protocol;	/* enum ether_type */
};
_Static_assert(sizeof(struct gre_hdr) == 4, "RFC 2784 2.1; optional words follow");

enum {
	GRE_CHECKSUM		= 0x8000,	/* + checksum, reserved */
	GRE_ROUTING		= 0x4000,	/* RFC 1701, refused */
	GRE_KEY			= 0x2000,	/* + 32-bit key */
	GRE_SEQUENCE		= 0x1000,	/* + 32-bit sequence number, ignored */
	GRE_REFUSED		= 0x4c00,	/* bits 1, 4, 5: RFC 2784 2.3 */
	GRE_VERSION_MASK	= 0x0007,
};

#endif
