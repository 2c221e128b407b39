/*
 * src/ctl/answer.h - what a command answers, as text lines or as one JSON object
 *
 * A handler describes its answer once: lines for people (and the monitoring that
 * parses them), fields for programs. Which of the two is kept depends on the
 * session's format; the framing of sixxsd-cli.md 2 and 11 is added when it is sent.
 * Everything is written into one fixed buffer of the control thread.
 *
 * A handler either describes (answer_line() and json_*(), in one go, code 200 or
 * another set by hand) or says one sentence (answer_say(), answer_error()), which
 * replaces whatever was described before. The JSON object itself is opened by
 * answer_reset() and closed by the framing: handlers write its fields.
 */
#ifndef SIXXSD_CTL_ANSWER_H
#define SIXXSD_CTL_ANSWER_H

#include "base/def.h"
#include "base/why.h"
#include "table/limits.h"

/* Result codes, sixxsd-cli.md 2. */
enum answer_code {
	ANSWER_OK		= 200,
	ANSWER_NOTHING		= 300,	/* nothing to show */
	ANSWER_BAD		= 400,	/* bad argument */
	ANSWER_UNAVAILABLE	= 401,
	ANSWER_NOT_FOUND	= 404,	/* and unknown command, wrong argument count */
	ANSWER_FILE		= 406,
	ANSWER_NO_COMMAND	= 425,
	ANSWER_INTERNAL		= 500,
	ANSWER_END		= 666,	/* the session ends */
};

enum answer_format {
	ANSWER_TEXT,
	ANSWER_JSON,
};

struct answer {
	int		code;		/* 200 unless said otherwise */
	enum answer_format format;
	char		*buf;		/* fixed; control's */
	size_t		size;		/* at least ANSWER_SIZE_MIN */
	size_t		len;
	unsigned int	lines;		/* text */
	unsigned int	depth;		/* JSON nesting; 1: in the object itself */
	bool		comma;		/* JSON: a sibling stands before */
	bool		full;		/* did not fit: answered 500 */
};

/* What goes around .buf[0 .. .len) on the wire. */
struct answer_frame {
	char		head[24];
	size_t		head_len;
	char		tail[24];
	size_t		tail_len;
};

/* One message always fits: the longest line a client can send, echoed and escaped, and more. */
#define ANSWER_MESSAGE_MAX	8192
#define ANSWER_SIZE_MIN		(8 * ANSWER_MESSAGE_MAX)

/* Octets of buffer that hold the longest answer (every tunnel or every subnet, as JSON). */
size_t answer_size(struct limits limits);

/* Empty, 200, in @format; .buf and .size stay as they are. */
void answer_reset(struct answer *an, enum answer_format format);

/* One line of text, without line end; ignored when the format is JSON. Controls but tab
 * (a client can quote them into a word) come out as '?': a line is a line. */
void answer_line(struct answer *an, const char *fmt, ...) PRINTF(2, 3);
/* The whole answer is one message; JSON: {"message": ...}. */
void answer_say(struct answer *an, int code, const char *fmt, ...) PRINTF(3, 4);
/* The same, for `return answer_error(an, 404, ...);`. Return: -ENOENT for 404, -EIO for
 * 406 and 500, else -EINVAL */
int answer_error(struct answer *an, int code, const char *fmt, ...) PRINTF(3, 4);
/* A refusal as a control function gave it. */
int answer_why(struct answer *an, const struct why *why);

/* The framing of a complete answer. Every bracket but the object's own is closed. */
struct answer_frame answer_frame(const struct answer *an);

/* Fields; ignored when the format is text. @key NULL inside arrays. */
void json_open(struct answer *an, const char *key, char bracket);	/* '{' or '[' */
void json_close(struct answer *an, char bracket);			/* '}' or ']' */
/* @value as UTF-8; what is not becomes U+FFFD. NULL: null */
void json_str(struct answer *an, const char *key, const char *value);
void json_uint(struct answer *an, const char *key, uint64_t value);
void json_int(struct answer *an, const char *key, int64_t value);
void json_float(struct answer *an, const char *key, double value);	/* three decimals */
void json_bool(struct answer *an, const char *key, bool value);
void json_none(struct answer *an, const char *key);

#endif
