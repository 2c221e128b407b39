/*
 * src/wire/ether.h - Ethernet II and the 802.1Q tag
 *
 * Big endian on the wire. EtherTypes are in wire/proto.h.
 */
#ifndef SIXXSD_WIRE_ETHER_H
#define SIXXSD_WIRE_ETHER_H

#include "wire/be.h"

struct ether_hdr {
	uint8_t		dst[6];
	uint8_t		src[6];
	be16_t		type;
};
_Static_assert(sizeof(struct ether_hdr) == 14, "no padding");

/* Behind an ether_hdr of type ETHER_VLAN. */
struct vlan_tag {
	be16_t		tci;		/* priority << 13 | drop eligible << 12 | VLAN id */
	be16_t		type;		/* of what follows */
};
_Static_assert(sizeof(struct vlan_tag) == 4, "IEEE 802.1Q 9.6");

#endif
