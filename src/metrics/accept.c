/*
 * Accept (RFC 9110 12.5.1), as far as two formats need it: media ranges by commas, each with
 * parameters by semicolons, of which q says how much it is liked, from 0 to 1.
 */
#include "metrics/metrics.h"
#include "base/cur.h"

#define Q_MAX		1000
#define ACCEPT_MAX	8192	/* of a longer one nothing is read: text */

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* Up to @stop or the end, without the spaces around it. Return: false: nothing is left */
static bool take_part(struct cur *c, char stop, struct cur *part)
{
	size_t n = 0;

	if (c->left == 0)
		return false;
	while (n < c->left && c->at[n] != (uint8_t)stop)
		n++;
	if (!cur_sub(c, part, n))
		return false;
	if (c->left && !cur_skip(c, 1))
		return false;
	while (part->left && is_space(part->at[0])) {
		if (!cur_skip(part, 1))
			return false;
	}
	while (part->left && is_space(part->at[part->left - 1]))
		part->left--;
	return true;
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* Does it begin with @word, whatever the case? Then step over that. */
static bool take_word(struct cur *c, const char *word, size_t len)
{
	if (c->left < len)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (lower(c->at[i]) != (uint8_t)word[i])
			return false;
	}
	return cur_skip(c, len);
}
#define TAKE_WORD(c, word)	take_word((c), (word), sizeof(word) - 1)

static bool is_word(struct cur c, const char *word, size_t len)
{
	return take_word(&c, word, len) && c.left == 0;
}
#define IS_WORD(c, word)	is_word((c), (word), sizeof(word) - 1)

/* Thousandths; what is no weight weighs nothing. */
static unsigned int weight(struct cur c)
{
	unsigned int q = 0, digit = Q_MAX;
	uint8_t at;

	for (bool point = false; cur_take(&c, &at, 1);) {
		if (at == '.' && !point) {
			point = true;
			digit = Q_MAX / 10;
		} else if (at >= '0' && at <= '9') {
			q += (unsigned int)(at - '0') * digit;
			digit = point ? digit / 10 : digit;
		} else {
			return 0;
		}
		if (q > Q_MAX)
			return 0;
	}
	return q;
}

struct wish {
	unsigned int	text, openmetrics;	/* how much each is liked; 0: not at all */
};

static void one_range(struct cur range, struct wish *w)
{
	struct cur media = { NULL, 0 }, parameter;
	unsigned int q = Q_MAX;
	bool version = true;

	(void)take_part(&range, ';', &media);
	while (take_part(&range, ';', &parameter)) {
		if (TAKE_WORD(&parameter, "q="))
			q = weight(parameter);
		else if (TAKE_WORD(&parameter, "version="))
			version = IS_WORD(parameter, "1.0.0") || IS_WORD(parameter, "\"1.0.0\"");
	}
	if (IS_WORD(media, "application/openmetrics-text") && version && q > w->openmetrics)
		w->openmetrics = q;
	if ((IS_WORD(media, "text/plain") || IS_WORD(media, "text/*") || IS_WORD(media, "*/*")) &&
	    q > w->text)
		w->text = q;
}

enum metrics_format metrics_format(const char *accept)
{
	struct wish w = { 0, 0 };
	struct cur all = { NULL, 0 }, range;

	const char *end = accept ? memchr(accept, '\0', ACCEPT_MAX) : NULL;

	if (end)
		all = cur_of(accept, (size_t)(end - accept));
	while (take_part(&all, ',', &range))
		one_range(range, &w);
	return w.openmetrics && w.openmetrics >= w.text ? METRICS_OPENMETRICS : METRICS_TEXT;
}

const char *metrics_content_type(enum metrics_format f)
{
	return f == METRICS_OPENMETRICS ?
	       "application/openmetrics-text; version=1.0.0; charset=utf-8" :
	       "text/plain; version=0.0.4; charset=utf-8";
}
