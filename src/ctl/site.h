/*
 * src/ctl/site.h - who connected: an address, and what counts as one customer's
 */
#ifndef SIXXSD_CTL_SITE_H
#define SIXXSD_CTL_SITE_H

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include "base/addr.h"

#define SITE_BITS	64	/* one customer's worth of IPv6 addresses */

/* Unspecified: no IP address. */
static inline struct ip6_addr site_address(const struct sockaddr_storage *ss)
{
	struct ip6_addr a = { { 0 } };

	if (ss->ss_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, ss, sizeof(in));
		return addr_from_ip4(ntohl(in.sin_addr.s_addr));
	}
	if (ss->ss_family == AF_INET6) {
		struct sockaddr_in6 in;

		memcpy(&in, ss, sizeof(in));
		memcpy(a.b, in.sin6_addr.s6_addr, sizeof(a.b));
	}
	return a;
}

static inline bool site_is_here(const struct ip6_addr *a)
{
	return addr_is_loopback6(a) || (addr_is_ip4(a) && addr_ip4(a) >> 24 == IN_LOOPBACKNET);
}

/* IPv4 by address; of IPv6 everybody has 2^64. */
static inline bool site_is_same(const struct ip6_addr *a, const struct ip6_addr *b)
{
	return addr_is_ip4(a) || addr_is_ip4(b) ? addr_eq(a, b) : addr_hi(a) == addr_hi(b);
}
_Static_assert(SITE_BITS == 64, "addr_hi() is the site");

#endif
