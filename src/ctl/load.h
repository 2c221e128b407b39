/*
 * src/ctl/load.h - what reading files needs from the rest of ctl/
 */
#ifndef SIXXSD_CTL_LOAD_H
#define SIXXSD_CTL_LOAD_H

#include "ctl/control.h"

/* Slots of the table that finds T-ids used twice: a power of two, twice the tunnels. */
#define ID_SLOTS	65536

/* The lines' answers first, the table of ids afterwards: the same memory. */
#define CONTROL_SCRATCH	(ID_SLOTS * sizeof(uint16_t))

_Static_assert(CONTROL_SCRATCH >= ANSWER_SIZE_MIN, "room for an answer");
_Static_assert(ID_SLOTS >= 2 * TUNNELS_MAX, "half empty at worst");

/* A text file, line by line, without allocating. */
/* More than every tunnel and subnet there can be, with all there is to say of each. */
#define LINES_MAX	1000000
#define LINES_MIB_MAX	64

struct lines {
	int		fd;
	size_t		octets;		/* read */
	unsigned int	number;		/* of the line returned last, from 1 */
	bool		eof;
	bool		too_long;	/* the last line goes on: its rest is skipped */
	size_t		at, end;	/* unread part of .buf */
	char		buf[8192];
};

/* Return: 0, or -errno with @why, code 406 */
int lines_open(struct lines *l, const char *file, struct why *why);
/**
 * lines_next() - the next line, without LF or CRLF; the last one needs none
 * @line:	borrowed until the next call; longer than CMD_LINE_MAX: cut at CMD_LINE_MAX + 1
 *
 * Return: 1, 0 at the end, -errno with @why
 */
int lines_next(struct lines *l, const char **line, size_t *len, struct why *why);
/* Wipes the buffer: passwords went through it. */
void lines_close(struct lines *l);

#endif
