#include "ctl/answer.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The longest row of `tunnel list` and `tunnel stats` as JSON, and of `subnet list`. */
#define OCTETS_PER_TUNNEL	512
#define OCTETS_PER_SUBNET	96

#define REPLACEMENT		"\xef\xbf\xbd"	/* U+FFFD */

size_t answer_size(struct limits limits)
{
	return ANSWER_SIZE_MIN + (size_t)limits.tunnels * OCTETS_PER_TUNNEL +
	       (size_t)limits.subnets * OCTETS_PER_SUBNET;
}

void answer_reset(struct answer *an, enum answer_format format)
{
	assert(an->size >= ANSWER_SIZE_MIN);
	an->code = ANSWER_OK;
	an->format = format;
	an->len = 0;
	an->lines = 0;
	an->depth = 0;
	an->comma = false;
	an->full = false;
	if (format == ANSWER_JSON) {
		an->buf[an->len++] = '{';
		an->depth = 1;
	}
}

/* Whatever was described goes; what is still to come is ignored. */
static void overflow(struct answer *an)
{
	if (an->full)
		return;
	answer_say(an, ANSWER_INTERNAL, "The answer is longer than the answer buffer");
	an->full = true;
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static void line_put(struct answer *an, const char *fmt, va_list ap)
{
	size_t room = an->size - an->len;
	char *at = an->buf + an->len;
	int n = vsnprintf(at, room, fmt, ap);

	if (n < 0 || (size_t)n >= room) {
		overflow(an);
		return;
	}
	for (int i = 0; i < n; i++) {
		if (is_control(at[i]) && at[i] != '\t')
			at[i] = '?';
	}
	at[n] = '\n';
	an->len += (size_t)n + 1;
	an->lines++;
}

void answer_line(struct answer *an, const char *fmt, ...)
{
	va_list ap;

	if (an->format != ANSWER_TEXT || an->full)
		return;
	va_start(ap, fmt);
	line_put(an, fmt, ap);
	va_end(ap);
}

static void say(struct answer *an, int code, const char *fmt, va_list ap)
{
	char text[ANSWER_MESSAGE_MAX];

	if (an->full)
		return;
	answer_reset(an, an->format);
	an->code = code;
	/* longer is cut: it quotes a stranger's line, and he knows what he sent */
	vsnprintf(text, sizeof(text), fmt, ap);
	answer_line(an, "%s", text);
	json_str(an, "message", text);
}

void answer_say(struct answer *an, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(an, code, fmt, ap);
	va_end(ap);
}

static int errno_of(int code)
{
	if (code == ANSWER_NOT_FOUND)
		return -ENOENT;
	if (code == ANSWER_FILE || code == ANSWER_INTERNAL)
		return -EIO;
	return -EINVAL;
}

int answer_error(struct answer *an, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(an, code, fmt, ap);
	va_end(ap);
	return errno_of(code);
}

int answer_why(struct answer *an, const struct why *why)
{
	return answer_error(an, why->code ? why->code : ANSWER_BAD, "%s", why->text);
}

struct answer_frame answer_frame(const struct answer *an)
{
	struct answer_frame f = { .head_len = 0 };
	int head = 0, tail = 0;

	if (an->format == ANSWER_JSON) {
		assert(an->depth == 1);
		head = snprintf(f.head, sizeof(f.head), "%d ", an->code);
		tail = snprintf(f.tail, sizeof(f.tail), "}\n");
	} else if (an->lines == 0) {
		head = snprintf(f.head, sizeof(f.head), "%d OK\n", an->code);
	} else if (an->lines == 1) {
		head = snprintf(f.head, sizeof(f.head), "%d ", an->code);
	} else {
		head = snprintf(f.head, sizeof(f.head), "%d01 %u\n", an->code / 100, an->lines);
		tail = snprintf(f.tail, sizeof(f.tail), "%d OK\n", an->code);
	}
	f.head_len = (size_t)head;
	f.tail_len = (size_t)tail;
	return f;
}

static void put(struct answer *an, const char *bytes, size_t len)
{
	if (an->full)
		return;
	if (an->size - an->len < len) {
		overflow(an);
		return;
	}
	memcpy(an->buf + an->len, bytes, len);
	an->len += len;
}

/* Octets of the UTF-8 character at @s; 0: none begins here (RFC 3629 4). */
static size_t utf8_len(const unsigned char *s)
{
	unsigned char a = s[0], low = 0x80, high = 0xbf;
	size_t n;

	if (a < 0x80)
		return 1;
	if (a < 0xc2 || a > 0xf4)
		return 0;
	n = a < 0xe0 ? 2 : a < 0xf0 ? 3 : 4;
	if (a == 0xe0)
		low = 0xa0;
	if (a == 0xed)
		high = 0x9f;
	if (a == 0xf0)
		low = 0x90;
	if (a == 0xf4)
		high = 0x8f;
	for (size_t i = 1; i < n; i++, low = 0x80, high = 0xbf) {
		if (s[i] < low || s[i] > high)	/* the NUL at the end too */
			return 0;
	}
	return n;
}

static void put_quoted(struct answer *an, const char *text)
{
	put(an, "\"", 1);
	for (size_t n; *text; text += n) {
		char escape[8];

		n = utf8_len((const unsigned char *)text);
		if (n == 0) {
			put(an, REPLACEMENT, sizeof(REPLACEMENT) - 1);
			n = 1;
		} else if (is_control(*text)) {
			snprintf(escape, sizeof(escape), "\\u%04x", (unsigned int)(unsigned char)*text);
			put(an, escape, strlen(escape));
		} else {
			if (*text == '"' || *text == '\\')
				put(an, "\\", 1);
			put(an, text, n);
		}
	}
	put(an, "\"", 1);
}

/* Comma and key; false when there is nothing to write. */
static bool begin(struct answer *an, const char *key)
{
	if (an->format != ANSWER_JSON || an->full)
		return false;
	if (an->comma)
		put(an, ",", 1);
	if (key) {
		put_quoted(an, key);
		put(an, ":", 1);
	}
	an->comma = true;
	return !an->full;
}

static void put_value(struct answer *an, const char *key, const char *literal)
{
	if (begin(an, key))
		put(an, literal, strlen(literal));
}

void json_open(struct answer *an, const char *key, char bracket)
{
	if (!begin(an, key))
		return;
	put(an, &bracket, 1);
	if (an->full)
		return;
	an->depth++;
	an->comma = false;
}

void json_close(struct answer *an, char bracket)
{
	if (an->format != ANSWER_JSON || an->full)
		return;
	assert(an->depth > 1);
	an->depth--;
	an->comma = true;
	put(an, &bracket, 1);
}

void json_str(struct answer *an, const char *key, const char *value)
{
	if (!value) {
		json_none(an, key);
		return;
	}
	if (begin(an, key))
		put_quoted(an, value);
}

void json_uint(struct answer *an, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	put_value(an, key, text);
}

void json_int(struct answer *an, const char *key, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	put_value(an, key, text);
}

void json_float(struct answer *an, const char *key, double value)
{
	char text[328];		/* of the largest double */

	if (!isfinite(value)) {
		json_none(an, key);
		return;
	}
	snprintf(text, sizeof(text), "%.3f", value);
	put_value(an, key, text);
}

void json_bool(struct answer *an, const char *key, bool value)
{
	put_value(an, key, value ? "true" : "false");
}

void json_none(struct answer *an, const char *key)
{
	put_value(an, key, "null");
}
