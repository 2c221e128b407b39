/*
 * src/metrics/metrics.h - /metrics and /metrics/tunnels, as Prometheus and OpenMetrics read them
 *
 * Reads the state region and nothing else, and writes into the caller's memory: no allocation,
 * no clock, no lock that a worker could wait for. Any thread, any process that maps the
 * region; r->table.fast is what that process could map of the fast path's counters. What
 * there is stands in metrics.def.
 *
 * No label is ever an address, a port or a time. Counters only grow while the daemon runs; those
 * of a tunnel begin at 0 when its slot is given to somebody else.
 */
#ifndef SIXXSD_METRICS_METRICS_H
#define SIXXSD_METRICS_METRICS_H

#include "table/region.h"

enum metrics_format {
	METRICS_TEXT,		/* Prometheus text 0.0.4 */
	METRICS_OPENMETRICS,	/* 1.0.0 */
};

/**
 * metrics_format() - what the asker wants
 * @accept:	the Accept header's value, NUL-terminated; NULL: there is none
 *
 * Return: OpenMetrics only where it is named, and not liked less than text (RFC 9110 12.5.1)
 */
enum metrics_format metrics_format(const char *accept);

/* For the Content-Type header. */
const char *metrics_content_type(enum metrics_format f);

/* Room for the largest answer of metrics_pop(): 16 workers, every counter at its end. */
#define METRICS_POP_BYTES	(96 * 1024)

/**
 * metrics_pop() - the whole answer to /metrics
 * @now:	wall clock
 *
 * Return: octets written to @buf; 0: @room was too little
 */
size_t metrics_pop(const struct region *r, wall_t now, enum metrics_format f, char *buf,
		   size_t room);

/*
 * The answer to /metrics/tunnels, in pieces: all lines of one metric stand together, so it
 * goes over the tunnels once for each. Whoever asks slowly may find another configuration with
 * the next piece. What is no more has no line from there on, and what is new or was changed waits
 * for the next answer: no series occurs twice.
 */
struct metrics_cursor {
	enum metrics_format	format;
	unsigned int		metric;		/* enum metric: the next line's */
	uint32_t		tid;
	uint32_t		end;		/* of the tunnels there were at the beginning */
	uint32_t		generation;	/* of the newest record there was */
	bool			begun, headed, done;
	/* an earlier slot has the same T-id, and the name */
	uint64_t		twice[MOVED_WORDS];
};

/* What one piece needs at least. */
#define METRICS_PIECE_MIN	(16 * 1024)

void metrics_tunnels_begin(struct metrics_cursor *c, enum metrics_format f);

/**
 * metrics_tunnels() - the next piece
 * @room:	METRICS_PIECE_MIN or more
 * @len:	octets written to @buf
 *
 * Return: is there more?
 */
bool metrics_tunnels(struct metrics_cursor *c, const struct region *r, char *buf, size_t room,
		     size_t *len);

#endif
