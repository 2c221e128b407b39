/*
 * src/ctl/log.h - the event log: a line is an event and its facts
 *
 *	tunnel T42: endpoint moved to [2001:db8::1]:5072
 *
 * In the foreground lines go to standard error with the epoch and the local time in
 * front, in the background as datagrams to /dev/log, and where standard error is the journal
 * as datagrams in its own protocol, with the event's name and its facts as fields
 * (table/event.def). glibc's syslog() may allocate, so the datagrams are written here. What
 * others can trigger passes a token bucket; lines held back are counted, and the number is
 * logged with the next line that passes or by log_flush(). Control characters never reach the
 * log: a line is one line, and a field's value too, so the journal's form for values with line
 * ends, a length in front, is never needed.
 *
 * Never a password, never a whole command line. Main thread before the workers run,
 * control thread afterwards.
 */
#ifndef SIXXSD_CTL_LOG_H
#define SIXXSD_CTL_LOG_H

#include <stdbool.h>
#include "base/bucket.h"
#include "base/why.h"
#include "table/event.h"

enum log_to {
	LOG_TO_STDERR,
	LOG_TO_SYSLOG,
	LOG_TO_JOURNAL,			/* while it is away: to standard error, "<5>" in front */
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
	int		away;		/* LOG_TO_JOURNAL: what else there is, 2 */
	unsigned int	verbosity;	/* -v on the command line */
	unsigned int	configured;	/* pop set verbosity; the larger counts */
	char		path[108];	/* of the socket of syslog or the journal */
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

#define LOG_SYSLOG_PATH		"/dev/log"
#define LOG_JOURNAL_PATH	"/run/systemd/journal/socket"
#define LOG_LINE_MAX	1000		/* octets of text; longer lines end in "..." */
#define LOG_FACT_MAX	400		/* octets of a fact's value; the same */
#define LOG_NUMBER_MAX	24

/**
 * log_is_journal() - is that descriptor a stream of the journal?
 * @stream:	$JOURNAL_STREAM, "device:inode" in decimal (systemd.exec(5)), or NULL
 */
bool log_is_journal(int fd, const char *stream);

/**
 * log_open() - ready to log, and to stay so without allocating
 * @path:	the socket, LOG_SYSLOG_PATH or LOG_JOURNAL_PATH; may appear later
 *
 * Loads the time zone. Return: 0, or -errno with @why and @l logging to standard error
 */
int log_open(struct log *l, enum log_to to, const char *path, unsigned int verbosity,
	     struct why *why);
void log_close(struct log *l);

/* A line without facts. */
void log_event(struct log *l, enum log_level level, enum log_cause cause, const char *fmt, ...)
	PRINTF(4, 5);

/**
 * log_facts() - a line, and for programs the name of what happened and its facts
 * @facts:	[@n], at most FACTS_MAX, those of the event in event.def; the line says them too
 */
void log_facts(struct log *l, enum log_level level, enum log_cause cause, enum logged event,
	       const struct fact *facts, unsigned int n, const char *fmt, ...) PRINTF(7, 8);

/* A number as a fact; lives as long as @buf. */
struct fact fact_number(const char *name, unsigned long long value, char buf[LOG_NUMBER_MAX]);

/* Report what was held back, if anything was; every few seconds. */
void log_flush(struct log *l);

#endif
