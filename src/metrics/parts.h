/*
 * src/metrics/parts.h - the inside: what there is, and how a line is written
 *
 *	text.c		heads of families, samples, labels, numbers
 *	pop.c		/metrics
 *	tunnels.c	/metrics/tunnels
 *	accept.c	which format
 *
 * Writers append while there is room; the first that has none marks the text full, and nothing
 * is written from there on.
 */
#ifndef SIXXSD_METRICS_PARTS_H
#define SIXXSD_METRICS_PARTS_H

#include "metrics/metrics.h"

enum metric {
#define METRIC(symbol, type, name, unit, labels, sentence) M_##symbol,
#define METRIC_TUNNEL METRIC
#include "metrics/metrics.def"
#undef METRIC
#undef METRIC_TUNNEL
	METRICS,
};

#define METRICS_FIRST_TUNNEL	M_T_INFO

enum metric_type {
	METRIC_COUNTER,
	METRIC_GAUGE,
	METRIC_HISTOGRAM,
	METRIC_INFO,
};

struct metric_info {
	const char	*name;		/* without sixxsd_ and suffix */
	const char	*unit;		/* "": none */
	const char	*sentence;
	enum metric_type type;
	uint32_t	len;		/* of the name */
};

extern const struct metric_info metric_info[METRICS];

struct text {
	char		*at, *end;
	enum metrics_format format;
	bool		full;
	bool		labels;		/* this sample's have begun */
};

/* HELP and TYPE, and UNIT where there is such a thing. */
void text_family(struct text *t, enum metric m);

/* What OpenMetrics wants to know that nothing was cut off. */
void text_end(struct text *t);

/* A sample: its name, with @more behind it ("_bucket"); labels; one value, which ends the line. */
void text_sample(struct text *t, enum metric m, const char *more);
void text_label(struct text *t, const char *name, const char *value);
void text_label_lower(struct text *t, const char *name, const char *value);
void text_label_number(struct text *t, const char *name, uint64_t value);
void text_label_seconds(struct text *t, const char *name, uint64_t us);
void text_value(struct text *t, uint64_t n);
void text_value_seconds(struct text *t, uint64_t us);

/* "T42" of the tunnel that has this number. */
void text_label_tunnel(struct text *t, uint32_t id);

#endif
