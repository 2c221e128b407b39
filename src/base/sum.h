/*
 * src/base/sum.h - the ones' complement checksum of IP, ICMP, UDP and GRE
 *
 * RFC 1071, incremental update RFC 1624. The running sum is kept unfolded in
 * 64 bits, so any number of spans may be added before folding once. Spans after
 * the first must start at an even offset of the message.
 */
#ifndef SIXXSD_BASE_SUM_H
#define SIXXSD_BASE_SUM_H

#include <string.h>
#include "base/def.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

/* Adds @len bytes to the running sum; an odd last byte counts as its high half. */
uint64_t sum_add(uint64_t sum, const void *bytes, size_t len);

/* Folds and complements: ready for a checksum field, byte order as summed. */
static inline be16_t sum_done(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (be16_t){ (uint16_t)~sum };
}

/* Over data that includes its checksum field the folded sum is all ones. */
static inline bool sum_ok(uint64_t sum)
{
	return sum_done(sum).raw == 0;
}

static inline uint64_t sum_pseudo6(const struct ip6_addr *src, const struct ip6_addr *dst,
				   uint32_t len, uint8_t next)
{
	struct ip6_pseudo ph = { .src = *src, .dst = *dst, .len = be32_put(len), .next = next };

	return sum_add(0, &ph, sizeof(ph));
}

static inline uint64_t sum_pseudo4(const struct ip4_addr *src, const struct ip4_addr *dst,
				   uint16_t len, uint8_t protocol)
{
	struct ip4_pseudo ph = {
		.src = *src, .dst = *dst, .protocol = protocol, .len = be16_put(len)
	};

	return sum_add(0, &ph, sizeof(ph));
}

/* A 16-bit word of the message changes from @from to @to (RFC 1624 eqn. 3). */
static inline be16_t sum_replace(be16_t sum, be16_t from, be16_t to)
{
	return sum_done((uint64_t)(uint16_t)~sum.raw + (uint16_t)~from.raw + to.raw);
}

#endif
