/*
 * src/why/why.h - why is it dead, slow or dropping? An answer in sentences, with evidence
 *
 * Reads the state region and nothing else, and writes into the caller's memory: the command
 * line and the page say the same. Most likely cause first; each finding names its evidence
 * (counter, time, address, packet) and says what to do. What cannot be known is worded so.
 * Any thread, any process that maps the region; no secret is needed.
 */
#ifndef SIXXSD_WHY_WHY_H
#define SIXXSD_WHY_WHY_H

#include "table/region.h"

enum cause {
#define CAUSE(name, severity, weight, sentence) CAUSE_##name,
#include "why/cause.def"
#undef CAUSE
	CAUSES,
};

enum severity {
	SEVERITY_OK,
	SEVERITY_NOTE,
	SEVERITY_WARNING,
	SEVERITY_ERROR,
};

struct cause_info {
	const char	*name;		/* "NEVER_HEARD" */
	const char	*sentence;	/* for the manual */
	enum severity	severity;
	unsigned int	weight;
};

extern const struct cause_info cause_info[CAUSES];
/* "error", "warning", "note", "ok" */
const char *severity_word(enum severity s);

#define WHY_TEXT	480
#define WHY_EVIDENCE	4
#define WHY_FINDINGS	16

struct finding {
	enum cause	cause;
	char		sentence[WHY_TEXT];
	char		evidence[WHY_EVIDENCE][WHY_TEXT];
	unsigned int	evidences;
	char		remedy[WHY_TEXT];	/* empty: there is nothing to do */
};

/* What was found, most likely first; at least one. Where there are more, the lightest are left out. */
struct diagnosis {
	struct finding	finding[WHY_FINDINGS + 1];	/* the last: the one that is being left out */
	unsigned int	n;
};

enum why_reader {
	WHY_OPERATOR,
	WHY_OWNER,		/* of this tunnel: no other one is named */
};

/**
 * why_tunnel() - of a configured tunnel
 * @now, @mono:	the same moment on both clocks
 */
void why_tunnel(const struct region *r, uint16_t tid, enum why_reader reader, wall_t now, mono_t mono,
		struct diagnosis *d);
void why_pop(const struct region *r, wall_t now, mono_t mono, struct diagnosis *d);

/* Younger than this is "now", and older than that is "silent". */
#define WHY_RECENT_S	600
#define WHY_SILENT_S	300
#define WHY_BESIDE_S	150	/* two heartbeats and a half */

#endif
