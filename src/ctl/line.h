/*
 * src/ctl/line.h - octets of a stream become lines
 *
 * LF or CRLF ends a line. NUL octets at its start are skipped: a historic collector
 * sends one behind every command (sixxsd-cli.md 2). Anything else, NULs included, is the
 * line's content, for the parser to refuse. A line above CMD_LINE_MAX octets is
 * reported once and skipped to its end, in constant memory.
 */
#ifndef SIXXSD_CTL_LINE_H
#define SIXXSD_CTL_LINE_H

#include "base/cur.h"
#include "ctl/cmd.h"

enum line_event {
	LINE_NONE,			/* all octets taken, no line is complete */
	LINE_READY,			/* .text[0 .. .len) is a line, until the next call */
	LINE_TOO_LONG,			/* reported as soon as it is */
};

struct line {
	char	text[CMD_LINE_MAX + 2];	/* and CR, and a NUL behind the line's end */
	size_t	len;
	bool	done;			/* .text was handed out */
	bool	skipping;		/* the rest of a line that was too long */
};

void line_init(struct line *l);

/* Take octets up to the next event; call again until LINE_NONE. */
enum line_event line_take(struct line *l, struct cur *c);

#endif
