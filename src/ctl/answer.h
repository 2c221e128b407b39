/*
 * src/ctl/answer.h - what a command answers, as text lines or as one JSON object
 *
 * A handler describes its answer once: lines for people (and the monitoring that
 * parses them), fields for programs. Which of the two is kept depends on the
 * session's format; the framing of sixxsd-cli.md 2 and 11 is added when it is sent.
 * Everything is written into one fixed buffer of the control thread.
 */
#ifndef SIXXSD_CTL_ANSWER_H
#define SIXXSD_CTL_ANSWER_H

#include "base/def.h"

enum answer_format {
	ANSWER_TEXT,
	ANSWER_JSON,
};

struct answer {
	int		code;		/* 200 unless said otherwise */
	enum answer_format format;
	char		*buf;		/* fixed; control's */
	size_t		size;
	size_t		len;
	unsigned int	lines;		/* text */
	unsigned int	depth;		/* JSON nesting */
	bool		comma;		/* JSON: a sibling stands before */
	bool		full;		/* did not fit: answered 500 */
};

/* One line of text, without line end; ignored when the format is JSON. */
void answer_line(struct answer *an, const char *fmt, ...) PRINTF(2, 3);
/* The whole answer is one message; JSON: {"message": ...}. */
void answer_say(struct answer *an, int code, const char *fmt, ...) PRINTF(3, 4);

/* Fields; ignored when the format is text. @key NULL inside arrays. */
void json_open(struct answer *an, const char *key, char bracket);	/* '{' or '[' */
void json_close(struct answer *an, char bracket);			/* '}' or ']' */
void json_str(struct answer *an, const char *key, const char *value);
void json_uint(struct answer *an, const char *key, uint64_t value);
void json_int(struct answer *an, const char *key, int64_t value);
void json_real(struct answer *an, const char *key, double value);
void json_bool(struct answer *an, const char *key, bool value);
void json_null(struct answer *an, const char *key);

#endif
