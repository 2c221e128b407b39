/*
 * src/table/event.h - an event of the log has a name and facts; the table is event.def
 *
 * A fact is borrowed for as long as a call takes. One whose value is NULL is none.
 */
#ifndef SIXXSD_TABLE_EVENT_H
#define SIXXSD_TABLE_EVENT_H

enum logged {
	LOGGED_NOTHING,			/* a line for people, without a name */
#define EVENT(symbol, name, facts, sentence) LOGGED_##symbol,
#include "table/event.def"
#undef EVENT
	LOGGED_COUNT
};

struct fact {
	const char	*name;		/* "TUNNEL": A to Z and _ */
	const char	*value;		/* any octets: who writes it down cleans it */
};

#define FACTS_MAX	6		/* of one event */

#endif
