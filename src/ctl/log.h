/*
 * src/ctl/log.h - the event log: a line is an event and its facts
 *
 *	tunnel T42: endpoint moved to [2001:db8::1]:5072
 *
 * In the foreground lines go to standard error with the epoch and the local time in
 * front, in the background as datagrams to /dev/log. glibc's syslog() may allocate, so the
 * datagrams are written here. What others can trigger passes a token bucket; lines held
 * back are counted, and the number is logged with the next line that passes or by
 * log_flush(). Control characters never reach the log: a line is one line.
 *
 * Never a password, never a whole command line. Main thread before the workers run,
 * control thread afterwards.
 */
#ifndef SIXXSD_CTL_LOG_H
#define SIXXSD_CTL_LOG_H

#include <stdarg.h>
#include "base/bucket.h"
#include "base/why.h"

enum log_to {
	LOG_TO_STDERR,
	LOG_TO_SYSLOG,
};

/* With what verbosity a line appears: the first three always, INFO from 1 on, DEBUG from 2. */
enum log_level {
	LEVEL_ERROR,
	LEVEL_WARNING,
	LEVEL_NOTICE,
	LEVEL_INFO,
	LEVEL_DEBUG,
};

/* Who can make this line appear, and how often it may. */
enum log_cause {
	BY_US,			/* the operator or ourselves: never held back */
	BY_TUNNELS,		/* customers, authenticated */
	BY_STRANGERS,
	LOG_CAUSES,
};

struct log {
	enum log_to	to;
	int		fd;		/* 2, or the datagram socket; -1: none */
	unsigned int	verbosity;	/* -v on the command line */
	unsigned int	configured;	/* pop set verbosity; the larger counts */
	char		path[108];	/* of the syslog socket */
	uint64_t	lost;		/* lines nobody would take: syslog busy or away */
	struct {
		struct bucket	bucket;
		uint64_t	held;	/* since the last report */
		uint64_t	held_ever;
	} cause[LOG_CAUSES];
	/* clocks; tests replace them */
	mono_t		(*mono)(void);
	wall_t		(*wall)(void);
};

#define LOG_SYSLOG_PATH	"/dev/log"
#define LOG_LINE_MAX	1000		/* octets of text; longer lines end in "..." */

/**
 * log_open() - ready to log, and to stay so without allocating
 * @path:	LOG_TO_SYSLOG: the socket, LOG_SYSLOG_PATH; may appear later
 *
 * Loads the time zone. Return: 0, or -errno with @why and @l logging to standard error
 */
int log_open(struct log *l, enum log_to to, const char *path, unsigned int verbosity,
	     struct why *why);
void log_close(struct log *l);

void log_event(struct log *l, enum log_level level, enum log_cause cause, const char *fmt, ...)
	PRINTF(4, 5);
void log_vevent(struct log *l, enum log_level level, enum log_cause cause, const char *fmt,
		va_list ap) PRINTF(4, 0);

/* Report what was held back, if anything was; every few seconds. */
void log_flush(struct log *l);

#endif
