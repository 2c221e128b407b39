/*
 * src/io/outer.h - what the kernel tells about an outer packet, into struct outer
 *
 * Pure: bytes and lengths in, a verdict out; unit tests call it without a socket.
 * Only the octets that were received count, whatever a header says.
 */
#ifndef SIXXSD_IO_OUTER_H
#define SIXXSD_IO_OUTER_H

#include "path/pkt.h"

/**
 * outer_strip4() - take the IPv4 header off a packet of an IPv4 raw socket
 * @p:	as pkt_init() left it, data at the IPv4 header; on PASS data is the payload, cut to
 *	the header's total length, and them, us and ecn are filled
 *
 * Return: PASS, DROP_OUTER_SHORT, DROP_OUTER_FRAGMENT
 */
enum verdict outer_strip4(struct pkt *p);

/**
 * outer_strip_frame() - take Ethernet, and what is around AYIYA, off a frame of an AF_XDP socket
 * @p:	as pkt_init() left it, data at the Ethernet header; on PASS via says what it is:
 *	VIA_AYIYA with outer filled and data at the UDP payload, VIA_TUN with data at the IPv6 header
 *
 * The UDP checksum is not looked at: the signature covers more. Return: PASS,
 * DROP_OUTER_SHORT, DROP_OUTER_FRAGMENT
 */
enum verdict outer_strip_frame(struct pkt *p);

#endif
