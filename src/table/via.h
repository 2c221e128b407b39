/*
 * src/table/via.h - how a packet came to us
 *
 * It lies in table/ and not in path/ because records of packets say it too.
 */
#ifndef SIXXSD_TABLE_VIA_H
#define SIXXSD_TABLE_VIA_H

/* How it came to us. */
enum via {
	VIA_TUN,		/* native IPv6 or IPv4 from the kernel; data is the packet */
	VIA_P41,		/* data is the payload of the outer header, reassembled */
	VIA_GRE,		/* data starts at the GRE header */
	VIA_AYIYA,		/* data is the UDP payload, outer has the ports */
	VIA_BEAT,		/* data is the UDP payload */
	VIA_ICMP4,		/* data starts at the outer ICMPv4 header */
	VIA_ICMP6,		/* data starts at the outer ICMPv6 header */
	VIA_PROTO4,		/* IPv4 in IP: received only so that the kernel stays silent */
	VIA_SELF,		/* made here: an answer or a probe */
};

#endif
