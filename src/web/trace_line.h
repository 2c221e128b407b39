/* src/web/trace_line.h - what a line of control's session says, for the live decision view */
#ifndef SIXXSD_WEB_TRACE_LINE_H
#define SIXXSD_WEB_TRACE_LINE_H

#include "base/def.h"

enum trace_line {
	TRACE_REFUSED,		/* the first one: there will be no traces */
	TRACE_BEGUN,		/* the first one: there will */
	TRACE_TEXT,		/* a trace */
	TRACE_OTHER,
};

/**
 * trace_read() - one line, without its end
 * @on:		it is not the first one
 * @rest:	TRACE_TEXT: of the object {"trace":...}, from behind the colon on; else untouched
 */
enum trace_line trace_read(const char *line, bool on, const char **rest);

#endif
