#include "client/complete.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A line that is not understood and longer than this may be a mistyped one with a password. */
#define HARMLESS_WORDS	5

/* ---- the table ---- */

bool table_read(struct table *t, const char *json, size_t len)
{
	t->root = json_loadb(json, len, 0, NULL);
	t->commands = json_object_get(t->root, "commands");
	if (json_is_array(t->commands))
		return true;
	table_free(t);
	return false;
}

void table_free(struct table *t)
{
	json_decref(t->root);
	*t = (struct table){ .root = NULL };
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

/* ---- where a line leads ---- */

void menu_read(struct menu *m, const char *text, size_t len)
{
	static const char arrow[] = " > ";

	m->n = 0;
	for (bool first = true; len; first = false) {
		const char *end = memmem(text, len, arrow, strlen(arrow));
		size_t word = end ? (size_t)(end - text) : len;

		if (!first && m->n < MENU_WORDS_MAX)
			snprintf(m->word[m->n++], sizeof(m->word[0]), "%.*s", (int)word, text);
		if (!end)
			return;
		text = end + strlen(arrow);
		len -= word + strlen(arrow);
	}
}

/* The words of a line from main on; borrowed from the menu and the line. */
struct path {
	unsigned int	n;
	const char	*word[MENU_WORDS_MAX + LINE_WORDS_MAX];
};

static void path_of(struct path *p, const struct menu *m, const struct words *w, unsigned int words)
{
	p->n = 0;
	for (unsigned int i = 0; i < m->n; i++)
		p->word[p->n++] = m->word[i];
	for (unsigned int i = 0; i < words; i++) {
		bool leading = i == 0 || p->n == 0 || strcmp(w->word[i - 1], "..") == 0 ||
			       strcasecmp(w->word[i - 1], "end") == 0;
		bool up = strcmp(w->word[i], "..") == 0 || strcasecmp(w->word[i], "end") == 0;

		if (leading && strcmp(w->word[i], "/") == 0)
			p->n = 0;
		else if (leading && up)
			p->n -= p->n > 0;
		else
			p->word[p->n++] = w->word[i];
	}
}

static const char *next_word(const char *command, size_t *len)
{
	command += strspn(command, " ");
	*len = strcspn(command, " ");
	return *len ? command : NULL;
}

/* How many words of @command there are, if @p begins with all of them; else 0. */
static unsigned int begins_with(const struct path *p, const char *command)
{
	unsigned int n = 0;
	size_t len;

	while ((command = next_word(command, &len))) {
		if (n == p->n || strlen(p->word[n]) != len ||
		    strncasecmp(command, p->word[n], len) != 0)
			return 0;
		command += len;
		n++;
	}
	return n;
}

/* The command that @p calls, and how many of its words are the command's. */
static const json_t *command_of(const struct table *t, const struct path *p, unsigned int *words)
{
	const json_t *found = NULL, *row;
	size_t i;

	*words = 0;
	json_array_foreach(t->commands, i, row) {
		unsigned int n = begins_with(p, text_of(row, "command"));

		if (n > *words) {
			found = row;
			*words = n;
		}
	}
	return found;
}

/* ---- what may come next ---- */

static void add(struct choices *c, const char *word, size_t len, const char *note, bool menu)
{
	if (c->n < CHOICES_MAX)
		c->choice[c->n++] = (struct choice){ word, len, note, menu };
}

static bool fits(const char *word, size_t len, const char *typed)
{
	return strlen(typed) <= len && strncasecmp(word, typed, strlen(typed)) == 0;
}

/* Commands and menus one word below @p. */
static void add_commands(struct choices *c, const struct table *t, const struct path *p,
			 const char *typed)
{
	const json_t *row;
	size_t i;

	json_array_foreach(t->commands, i, row) {
		const char *at = text_of(row, "command");
		unsigned int n = 0;
		size_t len;

		while (n < p->n && (at = next_word(at, &len)) && strlen(p->word[n]) == len &&
		       strncasecmp(at, p->word[n], len) == 0) {
			at += len;
			n++;
		}
		if (n < p->n || !(at = next_word(at, &len)) || at[len] || !fits(at, len, typed))
			continue;
		add(c, at, len, text_of(row, "help"), json_is_true(json_object_get(row, "menu")));
	}
}

static void add_everywhere(struct choices *c, const char *typed)
{
	static const struct {
		const char *word, *help;
	} row[] = {
		{ "help", "the commands of this menu" },
		{ "end", "one menu up" },
		{ "exit", "end the session" },
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		if (fits(row[i].word, strlen(row[i].word), typed))
			add(c, row[i].word, strlen(row[i].word), row[i].help, false);
	}
}

static void add_argument(struct choices *c, const json_t *row, size_t which, const char *typed)
{
	const json_t *arguments = json_object_get(row, "arguments");
	const json_t *a = json_array_get(arguments, which), *last;
	const char *choices = json_string_value(json_object_get(a, "choices"));

	if (!a) {
		last = json_array_get(arguments, json_array_size(arguments) - 1);
		if (!last || strcmp(text_of(last, "type"), "rest") != 0)
			return;
		a = last;
	}
	if (!choices) {
		add(c, NULL, 0, text_of(a, "name"), false);
		return;
	}
	while (*choices) {
		size_t len = strcspn(choices, "|");

		if (fits(choices, len, typed))
			add(c, choices, len, text_of(a, "name"), false);
		choices += len + (choices[len] == '|');
	}
}

void choices_find(struct choices *c, const struct table *t, const struct menu *m,
		  const char *line, size_t len)
{
	struct words w = { .n = 0 };
	struct path p;
	unsigned int used;

	words_of(&w, line, len);

	unsigned int whole = w.n - w.open;
	const char *typed = w.open ? w.word[whole] : "";

	*c = (struct choices){ .typed = strlen(typed) };
	path_of(&p, m, &w, whole);

	const json_t *row = command_of(t, &p, &used);

	if (row && !json_is_true(json_object_get(row, "menu"))) {
		add_argument(c, row, p.n - used, typed);
		return;
	}
	if (used < p.n)
		return;		/* a word that is in no menu */
	add_commands(c, t, &p, typed);
	if (whole == 0)
		add_everywhere(c, typed);
}

bool line_is_harmless(const struct table *t, const struct menu *m, const char *line, size_t len)
{
	struct words w = { .n = 0 };
	struct path p;
	unsigned int used;
	const json_t *a;
	size_t i;

	words_of(&w, line, len);
	path_of(&p, m, &w, w.n);

	/* once prefixed: `json tunnel show T1` */
	if (w.n > 1 && strcasecmp(w.word[0], "json") == 0)
		return line_is_harmless(t, m, w.at[1], len - (size_t)(w.at[1] - line));

	const json_t *row = command_of(t, &p, &used);

	if (!row || json_is_true(json_object_get(row, "menu")))
		return w.n <= HARMLESS_WORDS;
	json_array_foreach(json_object_get(row, "arguments"), i, a) {
		if (strcmp(text_of(a, "type"), "secret") == 0 && p.n > used + i)
			return false;
	}
	return true;
}
