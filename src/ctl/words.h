/*
 * src/ctl/words.h - a line of the dialect as words, and a word as text that reads back
 *
 * sixxsd-config.md 2: runs of space and tab separate; '"' toggles quoting, and what it
 * encloses joins the word around it; a backslash escapes.
 */
#ifndef SIXXSD_CTL_WORDS_H
#define SIXXSD_CTL_WORDS_H

#include "base/why.h"
#include "ctl/cmd.h"

struct words {
	unsigned int	n;
	const char	*word[CMD_WORDS_MAX];	/* into .text; NUL-terminated */
	size_t		len[CMD_WORDS_MAX];
	char		text[CMD_LINE_MAX + 1];
};

/**
 * words_split() - take a line apart
 * @line:	anything at all, without line end
 * @w:		usable only on success; may hold a password: words_wipe()
 *
 * Return: 0, or -EINVAL: too long, too many words, a NUL octet, a quote left open,
 * nothing behind the last backslash
 */
int words_split(struct words *w, const char *line, size_t len, struct why *why);
void words_wipe(struct words *w);

/* Any case? @name ends in NUL. */
bool word_is(const char *word, size_t len, const char *name);

/* Octets of the longest word that is ever said again: a file's name, or a password. */
#define WORD_SAID_MAX	(HTTP_FILE_MAX > PASSWORD_MAX ? HTTP_FILE_MAX : PASSWORD_MAX)
/* Room that it needs when every octet is escaped. */
#define WORD_QUOTED_MAX	(2 * WORD_SAID_MAX + 3)

/**
 * word_quote() - text that words_split() makes @word of again
 * @word:	at most WORD_SAID_MAX octets, none of them NUL
 *
 * Plain where plain will do. Return: @buf, NUL-terminated
 */
const char *word_quote(char buf[WORD_QUOTED_MAX], const char *word, size_t len);

#endif
