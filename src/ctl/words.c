#include "ctl/words.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "ctl/refuse.h"

/* The letter behind the backslash, and what it stands for. */
static const char escapes[] = "abfnrtv";
static const char escaped[] = "\a\b\f\n\r\t\v";

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static char unescape(char letter)
{
	const char *at = memchr(escapes, letter, sizeof(escapes) - 1);

	if (!at)
		return letter;
	return escaped[at - escapes];
}

/* One word from @line on. Return: octets of @line it took, 0 with @why */
static size_t take_word(const char *line, size_t len, char **to, struct why *why)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < len && (quoted || !is_blank(line[i])); i++) {
		if (line[i] == '"') {
			quoted = !quoted;
			continue;
		}
		if (line[i] != '\\') {
			*(*to)++ = line[i];
			continue;
		}
		if (++i == len) {
			refuse(why, ANSWER_BAD, "The line ends in a backslash, which escapes nothing; "
			       "write \\\\ for a backslash");
			return 0;
		}
		*(*to)++ = unescape(line[i]);
	}
	if (quoted) {
		refuse(why, ANSWER_BAD, "A quote is opened but not closed");
		return 0;
	}
	return i;
}

int words_split(struct words *w, const char *line, size_t len, struct why *why)
{
	char *to = w->text;
	size_t i = 0;

	w->n = 0;
	if (len > CMD_LINE_MAX)
		return refuse(why, ANSWER_BAD, "The line is longer than %d octets", CMD_LINE_MAX);
	if (memchr(line, '\0', len))
		return refuse(why, ANSWER_BAD, "There is a NUL octet in the line");

	for (;;) {
		while (i < len && is_blank(line[i]))
			i++;
		if (i == len)
			return 0;
		if (w->n == CMD_WORDS_MAX)
			return refuse(why, ANSWER_BAD, "The line has more than %d words",
				      CMD_WORDS_MAX);

		char *start = to;
		size_t took = take_word(line + i, len - i, &to, why);

		if (took == 0)
			return -EINVAL;
		i += took;
		w->word[w->n] = start;
		w->len[w->n++] = (size_t)(to - start);
		*to++ = '\0';	/* fits: words are apart by a blank at least */
	}
}

void words_wipe(struct words *w)
{
	explicit_bzero(w->text, sizeof(w->text));
}

bool word_is(const char *word, size_t len, const char *name)
{
	return strlen(name) == len && strncasecmp(word, name, len) == 0;
}

static bool is_plain(char c)
{
	return (unsigned char)c > ' ' && c != '"' && c != '\\' && c != 0x7f;
}

const char *word_quote(char buf[WORD_QUOTED_MAX], const char *word, size_t len)
{
	bool plain = len > 0;
	char *to = buf;

	assert(len <= WORD_SAID_MAX);
	for (size_t i = 0; i < len; i++)
		plain = plain && is_plain(word[i]);
	if (!plain)
		*to++ = '"';
	for (size_t i = 0; i < len; i++) {
		const char *at = memchr(escaped, word[i], sizeof(escaped) - 1);

		if (at || word[i] == '"' || word[i] == '\\')
			*to++ = '\\';
		*to = word[i];
		if (at)
			*to = escapes[at - escaped];
		to++;
	}
	if (!plain)
		*to++ = '"';
	*to = '\0';
	return buf;
}
