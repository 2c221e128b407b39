/*
 * src/table/rebuild.h - an outer header as it must have been, for captures
 *
 * A socket hands over a payload and a few facts of what was around it. What it does not
 * tell (hop limit, identification, DSCP, flow label) is shown as 64 or 0.
 */
#ifndef SIXXSD_TABLE_REBUILD_H
#define SIXXSD_TABLE_REBUILD_H

#include "base/addr.h"
#include "base/cur.h"
#include "table/via.h"

#define REBUILT_MAX	48		/* IPv6 and UDP */

struct around {
	enum via	via;		/* neither VIA_TUN nor VIA_SELF */
	struct ip6_addr	them, us;	/* source, destination */
	uint16_t	them_port, us_port;
	uint8_t		ecn;
};

/**
 * rebuild_outer() - the headers in front of @payload
 * @len:	octets the payload had; of them @payload are known
 *
 * The UDP checksum is good if all of it is known; else it is none (IPv4) or wrong (IPv6).
 * Return: octets of @out
 */
size_t rebuild_outer(uint8_t out[REBUILT_MAX], const struct around *a, struct cur payload,
		     size_t len);

#endif
