/*
 * src/wire/proto.h - protocol numbers, ports and EtherTypes
 *
 * An IP protocol number and an EtherType are different things and therefore
 * different enums: comparing one with the other does not compile quietly.
 */
#ifndef SIXXSD_WIRE_PROTO_H
#define SIXXSD_WIRE_PROTO_H

#include <stdint.h>

/* IANA protocol numbers, also IPv6 next headers. */
enum ip_proto {
	PROTO_HOPOPTS		= 0,
	PROTO_ICMP4		= 1,
	PROTO_IPV4		= 4,
	PROTO_TCP		= 6,
	PROTO_UDP		= 17,
	PROTO_IPV6		= 41,
	PROTO_ROUTING		= 43,
	PROTO_FRAGMENT		= 44,
	PROTO_GRE		= 47,
	PROTO_ESP		= 50,
	PROTO_AH		= 51,
	PROTO_ICMP6		= 58,
	PROTO_NONE		= 59,
	PROTO_DSTOPTS		= 60,
	PROTO_MOBILITY		= 135,
};

enum ether_type {
	ETHER_IPV4		= 0x0800,
	ETHER_VLAN		= 0x8100,
	ETHER_IPV6		= 0x86dd,
};

/* Hop limit of the packets we make around others. */
#define OUTER_HOPS	64

enum port {
	PORT_HEARTBEAT		= 3740,
	PORT_AYIYA		= 5072,
	PORT_CLI		= 42003,
};

/* ECN codepoints, RFC 3168 5 */
enum ecn {
	ECN_NOT_ECT		= 0,
	ECN_ECT1		= 1,
	ECN_ECT0		= 2,
	ECN_CE			= 3,
};

#endif
