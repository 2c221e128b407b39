/*
 * src/client/complete.h - the daemon's command table: what may come next, and what is secret
 *
 * Comes over the wire (`json cmd tree`), so that a client knows the commands of whatever
 * daemon it talks to. Without it nothing is completed.
 */
#ifndef SIXXSD_CLIENT_COMPLETE_H
#define SIXXSD_CLIENT_COMPLETE_H

#include "client/quote.h"

struct json_t;

struct table {
	struct json_t	*root;		/* the answer; NULL: none */
	struct json_t	*commands;	/* within it */
};

#define MENU_WORDS_MAX	16

/* Where the session stands: "pop set" is two words, main is none. */
struct menu {
	unsigned int	n;
	char		word[MENU_WORDS_MAX][32];
};

/* Something that could stand at the cursor. */
struct choice {
	const char	*word;		/* NULL: any text, .note says what is expected */
	size_t		len;
	const char	*note;		/* help of a command, type of an argument */
	bool		menu;
};

#define CHOICES_MAX	128

struct choices {
	unsigned int	n;
	size_t		typed;		/* octets of the word at the cursor that are there */
	struct choice	choice[CHOICES_MAX];
};

/* @json: an answer without its code. Return: false, and @t empty, when it is no table */
bool table_read(struct table *t, const char *json, size_t len);
void table_free(struct table *t);

/* "main > pop > set" as the daemon writes it */
void menu_read(struct menu *m, const char *text, size_t len);

/* What may stand behind @line, the line up to the cursor. All borrowed from @t. */
void choices_find(struct choices *c, const struct table *t, const struct menu *m,
		  const char *line, size_t len);

/* May @line be written down? Not if it holds a password, or is not understood and might. */
bool line_is_harmless(const struct table *t, const struct menu *m, const char *line, size_t len);

#endif
