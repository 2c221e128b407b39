/*
 * src/path/ext.h - along the extension headers of an inner IPv6 packet
 *
 * RFC 8200 4. Bounded to EXT_MAX headers and to the packet (security.md H4): a chain
 * that needs more is dropped, because behind it a routing header type 0 could hide.
 */
#ifndef SIXXSD_PATH_EXT_H
#define SIXXSD_PATH_EXT_H

#include "base/cur.h"
#include "table/verdict.h"

#define EXT_MAX 8

struct ext_end {
	size_t		at;		/* offset of what follows the chain, from the IPv6 header on */
	uint8_t		proto;		/* its protocol; PROTO_NONE: nothing follows */
	bool		upper;		/* a header of @proto does begin at @at */
	bool		fragment;	/* the packet is a fragment, first or later */
	uint32_t	pointer;	/* malformed: the octet at fault (RFC 4443 3.4) */
};

/**
 * ext_walk() - find the upper-layer header
 * @packet:	begins with an IPv6 header and ends where its payload length says
 * @end:	always written; after a drop only @pointer means something
 *
 * A fragment whose chain is cut off by its end is no fault of its own (RFC 7112 lets a
 * router forward it): PASS without @upper.
 *
 * Return: PASS, DROP_IP6_RH0 (RFC 5095) or DROP_IP6_EXTENSIONS
 */
enum verdict ext_walk(struct cur packet, struct ext_end *end);

#endif
