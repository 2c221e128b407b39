/*
 * src/wire/udp.h - UDP (RFC 768) and the part of TCP (RFC 9293) the MSS clamp reads
 */
#ifndef SIXXSD_WIRE_UDP_H
#define SIXXSD_WIRE_UDP_H

#include "wire/be.h"

struct udp_hdr {
	be16_t		src;
	be16_t		dst;
	be16_t		len;		/* octets, header included */
	be16_t		checksum;	/* over IPv6 mandatory; a computed 0 is sent as 0xffff */
};
_Static_assert(sizeof(struct udp_hdr) == 8, "RFC 768");

struct tcp_hdr {
	be16_t		src;
	be16_t		dst;
	be32_t		seq;
	be32_t		ack;
	uint8_t		off;		/* header length in 32-bit words << 4 */
	uint8_t		flags;
	be16_t		window;
	be16_t		checksum;
	be16_t		urgent;
};
_Static_assert(sizeof(struct tcp_hdr) == 20, "RFC 9293 3.1, no options");

enum {
	TCP_SYN			= 0x02,
	TCP_OPT_END		= 0,
	TCP_OPT_NOP		= 1,
	TCP_OPT_MSS		= 2,
	TCP_OPT_MSS_BYTES	= 4,
};

#endif
