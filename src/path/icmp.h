/*
 * src/path/icmp.h - the last strokes of every ICMP message made here
 *
 * Private to path/. The message (ICMP header and all behind it) is written to where
 * icmp6_room() or icmp4_room() says, its checksum zero; the _finish puts the IP
 * header in front and fills in both checksums. The packet stays bare: path_run()
 * dresses it with send_own().
 */
#ifndef SIXXSD_PATH_ICMP_H
#define SIXXSD_PATH_ICMP_H

#include "path/pkt.h"
#include "wire/icmp4.h"
#include "wire/icmp6.h"

enum {
	ICMP_HOPS		= 64,
	ICMP_ND_HOPS		= 255,	/* RFC 4861 7.1: proof that no router was passed */
	ICMP4_ERROR_BYTES	= 576,	/* the most an error has in all, RFC 1812 4.3.2.3 */
};

static inline uint8_t *icmp6_room(struct pkt *reply)
{
	return reply->data + sizeof(struct ip6_hdr);
}

static inline uint8_t *icmp4_room(struct pkt *reply)
{
	return reply->data + sizeof(struct ip4_hdr);
}

/* @len octets of message lie at icmp6_room(). */
void icmp6_finish(struct pkt *reply, const struct ip6_addr *src, const struct ip6_addr *dst,
		  uint8_t hop_limit, size_t len);
void icmp4_finish(struct pkt *reply, const struct ip4_addr *src, const struct ip4_addr *dst,
		  size_t len);

#endif
