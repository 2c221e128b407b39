/*
 * src/ctl/pcapng.h - blocks of a capture file, draft-ietf-opsawg-pcapng
 *
 * Little endian, LINKTYPE_RAW, microseconds (sixxsd-cli.md 10). Everything goes into buffers
 * of the caller; a packet's octets are not copied: head, octets, tail are written one after
 * the other.
 */
#ifndef SIXXSD_CTL_PCAPNG_H
#define SIXXSD_CTL_PCAPNG_H

#include "base/def.h"

#define PCAPNG_TEXT_MAX		400	/* octets of a text in a block; longer ones are cut */
#define PCAPNG_BLOCK_MAX	1024	/* any block here, and head or tail of a packet's */

enum pcapng_way {
	PCAPNG_WAY_UNKNOWN,
	PCAPNG_INBOUND,
	PCAPNG_OUTBOUND,
};

struct pcapng_packet {
	uint32_t	interface;
	int64_t		us;		/* since 1970 UTC */
	uint32_t	captured, original;	/* octets */
	enum pcapng_way	way;
	const char	*comment;	/* NULL: none */
};

/* NULL: not said. Return: octets in @buf, for all of these */
size_t pcapng_section(uint8_t buf[PCAPNG_BLOCK_MAX], const char *os, const char *application);
size_t pcapng_interface(uint8_t buf[PCAPNG_BLOCK_MAX], const char *name, const char *description);
/* In front of .captured octets, and behind them. */
size_t pcapng_head(uint8_t buf[PCAPNG_BLOCK_MAX], const struct pcapng_packet *p);
size_t pcapng_tail(uint8_t buf[PCAPNG_BLOCK_MAX], const struct pcapng_packet *p);
/* @received: packets shown and lost together */
size_t pcapng_statistics(uint8_t buf[PCAPNG_BLOCK_MAX], uint32_t interface, int64_t us,
			 uint64_t received, uint64_t lost);

#endif
