#include "ctl/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

const char *date_text(int64_t at_s, char buf[DATE_TEXT_MAX])
{
	time_t t = at_s;
	struct tm tm;

	if (!gmtime_r(&t, &tm)) {
		snprintf(buf, DATE_TEXT_MAX, "beyond the calendar");
		return buf;
	}
	snprintf(buf, DATE_TEXT_MAX, "%04d-%02d-%02d %02d:%02d:%02d", tm.tm_year + 1900,
		 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	return buf;
}

const char *span_text(uint64_t seconds, char buf[SPAN_TEXT_MAX])
{
	uint64_t minutes = seconds / 60, hours = minutes / 60;

	snprintf(buf, SPAN_TEXT_MAX, "%" PRIu64 " days %02u:%02u:%02u", hours / 24,
		 (unsigned int)(hours % 24), (unsigned int)(minutes % 60),
		 (unsigned int)(seconds % 60));
	return buf;
}

const char *when_text(int64_t at_s, wall_t now, char buf[WHEN_TEXT_MAX])
{
	char date[DATE_TEXT_MAX], span[SPAN_TEXT_MAX];

	if (at_s == 0) {
		snprintf(buf, WHEN_TEXT_MAX, "never");
		return buf;
	}
	if (at_s > now.s)
		at_s = now.s;
	snprintf(buf, WHEN_TEXT_MAX, "%s (%" PRId64 "; %s ago)", date_text(at_s, date), at_s,
		 span_text((uint64_t)(now.s - at_s), span));
	return buf;
}

const char *inner_text(const struct plan *p, uint16_t tid, uint64_t iid, char buf[ADDR_TEXT_MAX])
{
	if (!plan_has_tunnel_prefix(p)) {
		snprintf(buf, ADDR_TEXT_MAX, "::");
		return buf;
	}

	struct ip6_addr a = plan_tunnel_addr(p, tid, iid);
	uint64_t hi = addr_hi(&a);

	snprintf(buf, ADDR_TEXT_MAX, "%x:%x:%x:%x::%x", (unsigned int)(hi >> 48),
		 (unsigned int)(hi >> 32 & 0xffff), (unsigned int)(hi >> 16 & 0xffff),
		 (unsigned int)(hi & 0xffff), (unsigned int)iid);
	return buf;
}

const char *them_text(const struct ip6_addr *a, char buf[ADDR_TEXT_MAX])
{
	if (!addr_is_unspecified(a))
		return addr_text(a, buf);
	snprintf(buf, ADDR_TEXT_MAX, "0.0.0.0");
	return buf;
}

void label(struct answer *an, const char *name, const char *fmt, ...)
{
	char value[512];
	va_list ap;

	if (an->format != ANSWER_TEXT)
		return;
	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	answer_line(an, "%-24s: %s", name, value);
}

void json_when(struct answer *an, const char *key, int64_t at_s)
{
	if (at_s == 0)
		json_none(an, key);
	else
		json_int(an, key, at_s);
}

void json_addr(struct answer *an, const char *key, const struct ip6_addr *a)
{
	char text[ADDR_TEXT_MAX];

	json_str(an, key, addr_is_unspecified(a) ? NULL : addr_text(a, text));
}
