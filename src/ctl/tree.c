#include "ctl/tree.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ctl/refuse.h"

#define TYPED_MAX	32	/* octets; what is longer is no command that somebody mistyped */

void session_init(struct session *s, enum session_kind kind, const struct cmd *root)
{
	*s = (struct session){ .kind = kind, .format = ANSWER_TEXT, .menu = { root } };
}

struct walk walk_of(const struct session *s)
{
	struct walk wk = { .depth = s->depth };

	memcpy(wk.menu, s->menu, sizeof(wk.menu));
	return wk;
}

const char *walk_path(const struct walk *wk, char buf[WALK_PATH_MAX])
{
	size_t len = 0;

	buf[0] = '\0';
	for (unsigned int i = 0; i <= wk->depth && len < WALK_PATH_MAX - 1; i++)
		len += (size_t)snprintf(buf + len, WALK_PATH_MAX - len, "%s%s", i ? " > " : "",
					wk->menu[i]->name);
	return buf;
}

static const struct cmd *find_row(const struct cmd *rows, const char *word, size_t len)
{
	for (; rows->name; rows++) {
		if (word_is(word, len, rows->name))
			return rows;
	}
	return NULL;
}

static int unknown(const struct walk *wk, const char *word, struct why *why)
{
	char path[WALK_PATH_MAX];
	size_t len = strlen(word);

	/* `config check` of a wrong file shall not show a key's lines */
	if (len > TYPED_MAX)
		return refuse(why, ANSWER_NOT_FOUND, "Unknown command: %s >> (a word of %zu octets)",
			      walk_path(wk, path), len);
	return refuse(why, ANSWER_NOT_FOUND, "Unknown command: %s >> %s", walk_path(wk, path), word);
}

/* `end`, `..` and `/`. Return: false when it is none of them, or there is no way up */
static bool walk_up(struct walk *wk, const char *word, size_t len)
{
	if (word_is(word, len, "/")) {
		wk->depth = 0;
		wk->up = true;
		return true;
	}
	if (wk->depth == 0 || (!word_is(word, len, "end") && !word_is(word, len, "..")))
		return false;
	wk->depth--;
	wk->up = true;
	return true;
}

int walk_words(struct walk *wk, const struct words *w, unsigned int *at, const struct cmd **row,
	       struct why *why)
{
	*row = NULL;
	for (; *at < w->n; (*at)++) {
		const char *word = w->word[*at];
		size_t len = w->len[*at];
		const struct cmd *next;

		if (walk_up(wk, word, len))
			continue;
		next = find_row(wk->menu[wk->depth]->menu, word, len);
		if (!next)
			next = find_row(builtin_rows, word, len);
		if (!next || (next->menu && wk->depth + 1 == CMD_DEPTH_MAX))
			return unknown(wk, word, why);
		if (!next->menu) {
			(*at)++;
			*row = next;
			return 0;
		}
		wk->menu[++wk->depth] = next;
		wk->up = false;
	}
	return 0;
}

static void enter(struct session *s, const struct walk *wk, struct answer *an)
{
	char path[WALK_PATH_MAX];

	memcpy(s->menu, wk->menu, sizeof(s->menu));
	s->depth = wk->depth;
	walk_path(wk, path);
	if (wk->up)
		answer_say(an, ANSWER_OK, "<< %s", path);
	else
		answer_say(an, ANSWER_OK, ">> %s (use '..' or 'end' to go up one level)", path);
}

/* A row that changes the configuration, in a transaction of its own. */
static void run_config(struct control *c, struct session *s, const struct cmd *row,
		       const struct arg *args, unsigned int given, struct answer *an)
{
	struct why why = { .code = 0 };

	if (!control_begin(c, &why)) {
		answer_why(an, &why);
		return;
	}
	if (row->run(c, s, args, given, an) < 0) {
		control_abort(c);
		return;
	}
	if (control_commit(c, &why) < 0)
		answer_why(an, &why);
}

/* Built-in rows look at the menu they are asked in, which may not be the session's. */
static void run_row(struct control *c, struct session *s, const struct walk *wk,
		    const struct cmd *row, const struct words *w, unsigned int at,
		    struct answer *an)
{
	struct arg args[CMD_ARGS_MAX];
	struct why why = { .code = 0 };
	struct session here = *s;

	if (s->kind == SESSION_FILE && !(row->flags & CMD_FILE)) {
		answer_error(an, ANSWER_BAD, "'%s' does not belong in a configuration file", row->name);
		return;
	}
	if (args_parse(c, row, w, at, args, &why) < 0) {
		answer_why(an, &why);
		return;
	}
	memcpy(here.menu, wk->menu, sizeof(here.menu));
	here.depth = wk->depth;
	if (row->flags & CMD_CONFIG && !c->reloading)
		run_config(c, &here, row, args, w->n - at, an);
	else
		row->run(c, &here, args, w->n - at, an);
	s->format = here.format;
	s->wants = here.wants;
	s->order = here.order;
}

/* One letter more, less or other, or two that changed places. */
static bool nearly(const char *word, size_t len, const char *name)
{
	size_t n = strlen(name), same = 0, tail = 0, least = min_size(len, n);

	while (same < least && strncasecmp(word + same, name + same, 1) == 0)
		same++;
	while (tail < least - same &&
	       strncasecmp(word + len - tail - 1, name + n - tail - 1, 1) == 0)
		tail++;
	if (len == n && n - same - tail == 2)
		return strncasecmp(word + same, name + same + 1, 1) == 0 &&
		       strncasecmp(word + same + 1, name + same, 1) == 0;
	return len <= n + 1 && n <= len + 1 && (len > n ? len : n) - same - tail <= 1;
}

/* To sessions the sentence is historic to the octet; a file's is read by people. */
static void suggest(const struct walk *wk, const struct words *w, unsigned int at, struct why *why)
{
	size_t said = strlen(why->text);

	if (at == w->n || w->len[at] < 2)
		return;
	for (const struct cmd *row = wk->menu[wk->depth]->menu; row->name; row++) {
		if (!nearly(w->word[at], w->len[at], row->name))
			continue;
		snprintf(why->text + said, sizeof(why->text) - said, " (did you mean %s?)", row->name);
		return;
	}
}

static void execute_words(struct control *c, struct session *s, const struct words *w,
			  struct answer *an)
{
	struct walk wk = walk_of(s);
	struct why why = { .code = 0 };
	const struct cmd *row;
	unsigned int at = 0;

	/* `json` in front: this answer alone */
	if (s->kind != SESSION_FILE && w->n > 1 && word_is(w->word[0], w->len[0], "json")) {
		answer_reset(an, ANSWER_JSON);
		at = 1;
	}
	if (walk_words(&wk, w, &at, &row, &why) < 0) {
		if (s->kind == SESSION_FILE)
			suggest(&wk, w, at, &why);
		answer_why(an, &why);
	} else if (row) {
		run_row(c, s, &wk, row, w, at, an);
	} else {
		enter(s, &wk, an);
	}
}

void control_execute(struct control *c, struct session *s, const char *line, size_t len,
		     struct answer *an)
{
	struct why why = { .code = 0 };
	struct words w;

	while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == '\n'))
		len--;
	while (len > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	if (len == 0) {
		answer_say(an, ANSWER_OK, "Thank you for your empty line");
		return;
	}
	if (line[0] == '#' || (len > 1 && line[0] == '/' && line[1] == '/')) {
		answer_say(an, ANSWER_OK, "I appreciate your comments");
		return;
	}
	if (words_split(&w, line, len, &why) < 0)
		answer_why(an, &why);
	else
		execute_words(c, s, &w, an);
	words_wipe(&w);		/* it may have held a password */
}

/* ---- help ---- */

static void help_line(struct answer *an, const char *name, const struct cmd *row)
{
	char synopsis[CMD_SYNOPSIS_MAX];

	cmd_synopsis(row, synopsis);
	answer_line(an, "%-24s%-22s%4s %s", name, synopsis, row->menu ? "[>>]" : "", row->help);
	json_open(an, NULL, '{');
	json_str(an, "command", name);
	json_str(an, "synopsis", synopsis);
	json_bool(an, "menu", row->menu != NULL);
	json_str(an, "help", row->help);
	json_close(an, '}');
}

/* Everything below @rows, depth first, without recursion: the tree is CMD_DEPTH_MAX deep. */
static void each_row(const struct cmd *rows,
		     void (*each)(void *context, const char *path, const struct cmd *row),
		     void *context)
{
	const struct cmd *at[CMD_DEPTH_MAX] = { rows };
	size_t len[CMD_DEPTH_MAX] = { 0 };
	char path[WALK_PATH_MAX];
	unsigned int depth = 0;

	for (;;) {
		const struct cmd *row = at[depth];
		size_t n = len[depth];

		if (!row->name) {
			if (depth-- == 0)
				return;
			continue;
		}
		at[depth]++;
		n += (size_t)snprintf(path + n, sizeof(path) - n, "%s%s", n ? " " : "", row->name);
		assert(n < sizeof(path));
		each(context, path, row);
		if (row->menu) {
			assert(depth + 1 < CMD_DEPTH_MAX);
			at[++depth] = row->menu;
			len[depth] = n;
		}
	}
}

static void help_each(void *context, const char *path, const struct cmd *row)
{
	if (!row->menu)
		help_line(context, path, row);
}

static int help_all(struct control *c, struct session *s, const struct arg *args, unsigned int n,
		    struct answer *an)
{
	(void)c, (void)args, (void)n;
	json_open(an, "commands", '[');
	each_row(s->menu[s->depth]->menu, help_each, an);
	help_line(an, "help", &builtin_rows[0]);
	json_close(an, ']');
	return 0;
}

static int help(struct control *c, struct session *s, const struct arg *args, unsigned int n,
		struct answer *an)
{
	(void)c, (void)args, (void)n;
	json_open(an, "commands", '[');
	for (const struct cmd *row = s->menu[s->depth]->menu; row->name; row++)
		help_line(an, row->name, row);
	help_line(an, "help", &builtin_rows[0]);
	json_close(an, ']');
	return 0;
}

static int where(struct control *c, struct session *s, const struct arg *args, unsigned int n,
		 struct answer *an)
{
	struct walk wk = walk_of(s);
	char path[WALK_PATH_MAX];

	(void)c, (void)args, (void)n;
	answer_say(an, ANSWER_OK, "%s", walk_path(&wk, path));
	return 0;
}

static int leave(struct control *c, struct session *s, const struct arg *args, unsigned int n,
		 struct answer *an)
{
	(void)c, (void)args, (void)n;
	s->wants = WANTS_CLOSE;
	answer_say(an, ANSWER_END, "Tschau");
	return 0;
}

const struct cmd builtin_rows[] = {
	{ .name = "help", .run = help, .help = "the commands of this menu" },
	{ .name = "fullhelp", .run = help_all, .help = "the commands of this menu and all below" },
	{ .name = ".", .run = where, .help = "the menu you are in" },
	{ .name = "exit", .run = leave, .help = "end the session" },
	{ .name = "quit", .run = leave, .help = "end the session" },
	{ .name = NULL }
};

struct dump {
	void	(*each)(void *context, const char *path, const char *synopsis, const char *help);
	void	*context;
};

static void dump_each(void *context, const char *path, const struct cmd *row)
{
	const struct dump *d = context;
	char synopsis[CMD_SYNOPSIS_MAX];

	if (!row->menu)
		d->each(d->context, path, cmd_synopsis(row, synopsis), row->help);
}

void control_dump_commands(const struct cmd *root,
			   void (*each)(void *context, const char *path, const char *synopsis,
					const char *help),
			   void *context)
{
	struct dump d = { .each = each, .context = context };

	each_row(root->menu, dump_each, &d);
}
