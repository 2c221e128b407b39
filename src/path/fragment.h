/*
 * src/path/fragment.h - outer packets in fragments, where the path is too narrow
 *
 * RFC 4213 3.2.2, RFC 2473 7.1: when the path MTU is below 1280 + overhead, 1280
 * octets must still pass. IPv4 leaves with DF clear and routers may fragment; where
 * our own interface is the narrow one, and always over IPv6, we are the source and
 * fragment ourselves (RFC 791 3.2, RFC 8200 4.5).
 */
#ifndef SIXXSD_PATH_FRAGMENT_H
#define SIXXSD_PATH_FRAGMENT_H

#include "base/def.h"

struct fragmenter {
	const uint8_t	*packet;	/* whole outer packet; borrowed */
	size_t		len;
	size_t		offset;		/* next payload octet to send */
	uint16_t	mtu;		/* octets a fragment may have, headers included */
	uint32_t	id;		/* IPv6: unique per destination; IPv4: low 16 bits */
};

/* @mtu >= 68 (IPv4) or 1280 (IPv6); packet is IPv4 without options or IPv6 without extensions */
void fragment_begin(struct fragmenter *f, const void *packet, size_t len, uint16_t mtu,
		    uint32_t id);

/**
 * fragment_next() - write the next fragment
 * @out:	f->mtu octets of room
 *
 * Return: octets written; 0 when all have been
 */
size_t fragment_next(struct fragmenter *f, uint8_t *out);

#endif
