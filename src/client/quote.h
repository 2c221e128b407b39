/*
 * src/client/quote.h - words as a line of the dialect (sixxsd-config.md 2), and back
 */
#ifndef SIXXSD_CLIENT_QUOTE_H
#define SIXXSD_CLIENT_QUOTE_H

#include "base/def.h"

#define LINE_MAX_OCTETS	4095	/* the daemon's limit, without the line end */
#define LINE_WORDS_MAX	128

/**
 * quote_words() - the words of the shell as one line
 *
 * Blanks, quotes, backslashes and control characters survive. Return: octets in @line,
 * which ends in a NUL; 0 when they do not fit
 */
size_t quote_words(char *const word[], int words, char line[LINE_MAX_OCTETS + 1]);

/* A line taken apart: for completion, and to know whether it holds a password. */
struct words {
	unsigned int	n;
	const char	*word[LINE_WORDS_MAX];
	const char	*at[LINE_WORDS_MAX];	/* where in the line each begins */
	bool		open;			/* the last one is not finished: no blank behind it */
	bool		quoted;			/* it ends within quotes */
	char		text[2 * LINE_MAX_OCTETS];
};

/* More words, or longer than fit, are left out. */
void words_of(struct words *w, const char *line, size_t len);

#endif
