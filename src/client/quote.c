#include "client/quote.h"

#include <string.h>

/* The letter behind the backslash, and what it stands for. */
static const char letters[] = "abfnrtv";
static const char controls[] = "\a\b\f\n\r\t\v";

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_plain(const char *word)
{
	/* a comment sign in front would hide the whole line */
	if (!*word || *word == '#' || strncmp(word, "//", 2) == 0)
		return false;
	for (; *word; word++) {
		if ((unsigned char)*word <= ' ' || *word == '"' || *word == '\\' || *word == 0x7f)
			return false;
	}
	return true;
}

struct out {
	char	*line;
	size_t	len;
	bool	full;
};

static void put(struct out *o, char c)
{
	if (o->len == LINE_MAX_OCTETS) {
		o->full = true;
		return;
	}
	o->line[o->len++] = c;
}

static void put_word(struct out *o, const char *word)
{
	bool plain = is_plain(word);

	if (!plain)
		put(o, '"');
	for (; *word; word++) {
		const char *control = strchr(controls, *word);
		char c = *word;

		if (control)
			c = letters[control - controls];
		if (control || c == '"' || c == '\\')
			put(o, '\\');
		put(o, c);
	}
	if (!plain)
		put(o, '"');
}

size_t quote_words(char *const word[], int words, char line[LINE_MAX_OCTETS + 1])
{
	struct out o = { .line = line };

	for (int i = 0; i < words; i++) {
		if (i > 0)
			put(&o, ' ');
		put_word(&o, word[i]);
	}
	line[o.len] = '\0';
	return o.full ? 0 : o.len;
}

static char unescape(char c)
{
	const char *letter = memchr(letters, c, sizeof(letters) - 1);

	if (letter)
		c = controls[letter - letters];
	return c;
}

void words_of(struct words *w, const char *line, size_t len)
{
	char *to = w->text;
	size_t i = 0;

	w->n = 0;
	w->open = w->quoted = false;
	len = min_size(len, LINE_MAX_OCTETS);
	for (;;) {
		while (i < len && is_blank(line[i]))
			i++;
		if (i == len || w->n == LINE_WORDS_MAX)
			return;
		w->at[w->n] = line + i;
		w->word[w->n++] = to;
		for (; i < len && (w->quoted || !is_blank(line[i])); i++) {
			if (line[i] == '"')
				w->quoted = !w->quoted;
			else if (line[i] == '\\' && i + 1 < len)
				*to++ = unescape(line[++i]);
			else
				*to++ = line[i];
		}
		*to++ = '\0';
		w->open = i == len;
	}
}
