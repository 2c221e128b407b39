/*
 * src/table/limits.h - how much of everything there is
 *
 * Arrays are sized from struct limits at start and never grow.
 */
#ifndef SIXXSD_TABLE_LIMITS_H
#define SIXXSD_TABLE_LIMITS_H

#include "base/def.h"

enum {
	TUNNELS_DEFAULT		= 8192,
	TUNNELS_MAX		= 32767,	/* 2^15 less the reserved all-ones tid of a /48 */
	SUBNETS_DEFAULT		= 65536,
	SUBNETS_MAX		= 1 << 20,
	SUBNET_PREFIXES_MAX	= 16,
	DELEGATION_BITS_MAX	= 16,
	TUNNEL_PREFIX_LEN_MIN	= 48,
	TUNNEL_PREFIX_LEN_MAX	= 60,
	POPS_MAX		= 64,
	POP_NAME_MAX		= 14,
	ACL_MAX			= 64,
	LOCAL_MAX		= 16,		/* pop set localip */
	HOST_ADDRESSES_MAX	= 32,		/* of the host's interfaces */
	OWN_MAX			= 2 + LOCAL_MAX + HOST_ADDRESSES_MAX,
	PASSWORD_MAX		= 132,
	MTU_MIN_BYTES		= 1280,
	MTU_MAX_BYTES		= 1480,
	ERROR_SAMPLE_BYTES	= 128,
	WORKERS_MAX		= 16,
	WORKERS_AUTO		= 0,		/* pop set workers auto: as many as CPUs, at most */
	WORKERS_AUTO_MAX	= 4,		/* ... this many: every raw socket costs each packet a copy */
	WORKERS_DEFAULT		= 1,
	FASTPATH_MAX		= 8,		/* interfaces of the fast path */
	HTTP_FILE_MAX		= 200,		/* octets of a certificate's or key's name */
	HTTP_PORT		= 42080,
};

/* A tunnel id that is none, and an unassigned subnet. */
#define TID_NONE		((uint16_t)0xffff)

struct limits {
	uint32_t	tunnels;	/* slots: tids 0 .. tunnels - 1 */
	uint32_t	subnets;	/* entries of the subnet array, all prefixes together */
	uint32_t	history;	/* tunnels, from tid 0 on, whose past is kept; 0: none */
};

#define LIMITS_DEFAULT	((struct limits){ .tunnels = TUNNELS_DEFAULT, .subnets = SUBNETS_DEFAULT, \
					 .history = TUNNELS_DEFAULT })

#endif
