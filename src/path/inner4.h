/*
 * src/path/inner4.h - what the IPv4 steps share
 *
 * Private to path/. Addresses on the wire are struct ip4_addr, numbers host order.
 */
#ifndef SIXXSD_PATH_INNER4_H
#define SIXXSD_PATH_INNER4_H

#include "path/pkt.h"
#include "table/config.h"
#include "wire/ip4.h"

static inline size_t ip4_header_len(const struct ip4_hdr *h)
{
	return (h->vihl & 15u) * 4u;
}

/**
 * ip4_read() - a sane header at the start of @p
 *
 * Version, header length, total length within the packet, header checksum.
 *
 * Return: false when any is wrong; @h may then hold anything
 */
MUST_CHECK bool ip4_read(const struct pkt *p, struct ip4_hdr *h);

static inline uint32_t ip4_number(const struct ip4_addr *a)
{
	struct ip6_addr mapped = addr_from_ip4_wire(a);

	return addr_ip4(&mapped);
}

/* An address no single host has: 0/8, 127/8, multicast, broadcast. 240/4 is the plan's. */
bool ip4_is_nobody(uint32_t a);

/* plan_four(), and FOUR_OTHER_POP where no tunnel is configured. */
struct four ip4_place(const struct config *cf, const struct ip4_addr *a);

#endif
