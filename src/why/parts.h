/*
 * src/why/parts.h - what the files of why/ share
 */
#ifndef SIXXSD_WHY_PARTS_H
#define SIXXSD_WHY_PARTS_H

#include "why/why.h"

/* A new finding, in its place by weight; the lightest goes when there is no room. */
struct finding *why_find(struct diagnosis *d, enum cause cause, const char *fmt, ...) PRINTF(3, 4);
void why_evidence(struct finding *f, const char *fmt, ...) PRINTF(2, 3);
void why_remedy(struct finding *f, const char *fmt, ...) PRINTF(2, 3);

/* Of the PoP what keeps every packet of a tunnel at @them from passing; NULL: not known where. */
void why_host(const struct region *r, const struct ip6_addr *them, struct diagnosis *d);
/* And what makes it lose some. */
void why_load(const struct region *r, wall_t now, struct diagnosis *d);

/* Written before the host's clock was set back; readings of the same moment differ by no more. */
static inline bool is_ahead(int64_t at_s, wall_t now)
{
	return at_s > now.s + 2;
}

#define AT_TEXT		64
/* "at 2026-11-23 04:44:18 UTC, 12 s ago"; 0: "never" */
const char *at_text(int64_t at_s, wall_t now, char buf[AT_TEXT]);
/* "12 s", "3 min", "2 h", "5 days" */
const char *span_word(int64_t s, char buf[AT_TEXT]);
static inline const char *packets_word(uint64_t n)
{
	return n == 1 ? "packet" : "packets";
}

#define ENDPOINT_TEXT	(ADDR_TEXT_MAX + 16)
/* "198.51.100.7", "198.51.100.7 port 40001" */
const char *endpoint_word(const struct ip6_addr *a, uint16_t port, char buf[ENDPOINT_TEXT]);
struct facts;
/* "T42", "the uplink"; for an owner others have no names */
const char *tunnel_word(const struct facts *f, uint16_t tid, char buf[AT_TEXT]);
/* Whose an address is: "an address of T43", "inside 2001:db8:3000::/40 but nobody's", ... */
#define WHOSE_TEXT	160
const char *whose_word(const struct facts *f, const struct ip6_addr *a, char buf[WHOSE_TEXT]);
/* What an ICMP error says, and what to do: @bytes begin at its header. @udp: AYIYA */
const char *icmp_word(bool four, const uint8_t *bytes, size_t len);
const char *icmp_remedy(bool four, bool udp, const uint8_t *bytes, size_t len);

#define WHY_PROBES	63	/* struct latency remembers one more */

static inline bool is_recent(int64_t at_s, wall_t now)
{
	return at_s != 0 && now.s - at_s < WHY_RECENT_S;
}

#endif
