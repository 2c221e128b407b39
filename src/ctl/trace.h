/*
 * src/ctl/trace.h - what a worker recorded, in words
 *
 * A traced packet becomes one line for every decision and one for the verdict
 * (sixxsd-cli.md 6):
 *
 *	[T5072  uplink ][IPv6 : 2001:db8::2 - 2001:db8:f::1 ttl=64 proto=58 len=104 plen=64] text
 *
 * An event becomes the text of one log line. Words come from table/note.def and
 * table/verdict.def; a tunnel that is gone meanwhile is named by its hex tid. Pure.
 */
#ifndef SIXXSD_CTL_TRACE_H
#define SIXXSD_CTL_TRACE_H

#include "ctl/log.h"
#include "table/config.h"
#include "table/ring.h"

#define TRACE_LINE_MAX	320
#define TRACE_WHO_MAX	16

/* "T5072", or "0x1" of a slot that is not configured, "-" for TID_NONE. Returns @buf. */
const char *trace_tunnel(const struct config *cf, uint16_t tid, char buf[TRACE_WHO_MAX]);

/* Lines @rec has: its notes and the verdict. */
static inline unsigned int trace_lines(const struct record *rec)
{
	return (rec->notes < TRACE_NOTES ? rec->notes : TRACE_NOTES) + 1u;
}

/* Line @n < trace_lines() of @rec, without line end. Return: octets */
size_t trace_line(const struct config *cf, const struct record *rec, unsigned int n,
		  char buf[TRACE_LINE_MAX]);

/* The log's text of an event other than EVENT_TRACE. Return: octets */
size_t trace_event(const struct config *cf, const struct record *rec, char buf[TRACE_LINE_MAX]);

/* The same for programs; facts point into the struct and into tables. */
struct trace_facts {
	enum logged	event;
	unsigned int	n;
	struct fact	fact[FACTS_MAX];
	char		tunnel[TRACE_WHO_MAX];
	char		address[ADDR_TEXT_MAX];
	char		port[LOG_NUMBER_MAX];
	char		value[LOG_NUMBER_MAX];
};

void trace_facts(const struct config *cf, const struct record *rec, struct trace_facts *f);

#endif
