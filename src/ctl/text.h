/*
 * src/ctl/text.h - times, labels and addresses the way sixxsd-cli.md writes them
 */
#ifndef SIXXSD_CTL_TEXT_H
#define SIXXSD_CTL_TEXT_H

#include "base/time.h"
#include "ctl/answer.h"
#include "table/plan.h"

#define DATE_TEXT_MAX	48
#define SPAN_TEXT_MAX	48
#define WHEN_TEXT_MAX	128

/* "2026-11-23 04:44:18", UTC */
const char *date_text(int64_t at_s, char buf[DATE_TEXT_MAX]);
/* "0 days 00:00:19" */
const char *span_text(uint64_t seconds, char buf[SPAN_TEXT_MAX]);
/* "2026-11-23 04:44:18 (1795409058; 0 days 00:00:02 ago)"; 0: "never"; the future is now */
const char *when_text(int64_t at_s, wall_t now, char buf[WHEN_TEXT_MAX]);

/* <prefix>:<tid>::<iid> with every group before the "::" spelled out, also a zero one; "::"
 * while there is no tunnel prefix. */
const char *inner_text(const struct plan *p, uint16_t tid, uint64_t iid, char buf[ADDR_TEXT_MAX]);
/* "0.0.0.0" when unspecified */
const char *them_text(const struct ip6_addr *a, char buf[ADDR_TEXT_MAX]);

/* `%-24s: ` and a value */
void label(struct answer *an, const char *name, const char *fmt, ...) PRINTF(3, 4);
/* Seconds since 1970, or null for never. */
void json_when(struct answer *an, const char *key, int64_t at_s);
/* null when unspecified */
void json_addr(struct answer *an, const char *key, const struct ip6_addr *a);

#endif
