/*
 * src/client/prompt.c - the interactive session: editing, history, completion, help
 *
 * libedit edits; its one source of characters is get_char() here, which waits for the
 * terminal, the connection and Ctrl-C at once. So a daemon that goes away is noticed at
 * the prompt, and an idle session is kept alive with comments.
 */
#include <errno.h>
#include <histedit.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "client/run.h"

#define HISTORY_LINES	500
#define PATH_OCTETS	1024
/* The daemon closes after 900 s of silence. */
#define KEEP_ALIVE_MS	(300 * 1000)
#define CTRL_D		L'\x04'

struct prompt {
	struct client	*client;
	EditLine	*el;
	History		*history;
	char		file[PATH_OCTETS];	/* of the history; empty: none */
	char		name[64];		/* of the PoP */
	char		text[256];		/* what the user sees */
	bool		interrupted;		/* Ctrl-C at the prompt */
	bool		lost;
};

static struct prompt *prompt_of(EditLine *el)
{
	void *p = NULL;

	el_get(el, EL_CLIENTDATA, &p);
	return p;
}

static char *prompt_text(EditLine *el)
{
	struct prompt *p = prompt_of(el);
	const struct menu *m = &p->client->menu;
	size_t len = (size_t)snprintf(p->text, sizeof(p->text), "%s", p->name);

	for (unsigned int i = 0; i < m->n && len < sizeof(p->text); i++)
		len += (size_t)snprintf(p->text + len, sizeof(p->text) - len, " %s", m->word[i]);
	len = min_size(len, sizeof(p->text) - 3);
	memcpy(p->text + len, "> ", 3);
	return p->text;
}

/* ---- characters ---- */

/* The daemon speaks without being asked: it says farewell, or is gone. */
static void unasked(struct prompt *p)
{
	char octets[512];
	size_t len;

	p->lost = true;
	fputc('\n', stdout);
	while (link_read(&p->client->link, 1000, octets, sizeof(octets), &len) == LINK_OK)
		fwrite(octets, 1, len, stdout);
	fflush(stdout);
}

/* One character from the terminal. Return: 1, 0 at its end, -1 broken off */
static int take_char(wchar_t *to)
{
	mbstate_t state = { 0 };
	char c;

	for (;;) {
		ssize_t n = read(STDIN_FILENO, &c, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;

		size_t done = mbrtowc(to, &c, 1, &state);

		if (done == (size_t)-2)
			continue;		/* the rest of it is to come */
		if (done == (size_t)-1)
			*to = L'?';
		/* Ctrl-D typed while the terminal was not ours arrives as a NUL */
		if (done == 0)
			*to = CTRL_D;
		return 1;
	}
}

static int get_char(EditLine *el, wchar_t *to)
{
	struct prompt *p = prompt_of(el);
	struct link *l = &p->client->link;

	for (;;) {
		struct pollfd fds[] = {
			{ .fd = STDIN_FILENO, .events = POLLIN },
			{ .fd = l->fd, .events = POLLIN },
			{ .fd = l->interrupt, .events = POLLIN },
		};
		int n = poll(fds, ARRAY_LEN(fds), KEEP_ALIVE_MS);

		if (n < 0) {
			el_set(el, EL_REFRESH);	/* the window has another size */
			continue;
		}
		if (n == 0 && run_silently(p->client, "// still here") != STATUS_LOST)
			continue;
		if (n == 0 || fds[1].revents) {
			unasked(p);
			return -1;
		}
		if (fds[2].revents && link_interrupted(l)) {
			p->interrupted = true;
			return -1;
		}
		if (fds[0].revents)
			return take_char(to);
	}
}

/* ---- Tab and ? ---- */

/* The line up to the cursor. */
static size_t before_cursor(EditLine *el, const char **line)
{
	const LineInfo *li = el_line(el);

	*line = li->buffer;
	return (size_t)(li->cursor - li->buffer);
}

static void find(EditLine *el, struct choices *c)
{
	struct prompt *p = prompt_of(el);
	const char *line;
	size_t len = before_cursor(el, &line);

	choices_find(c, &p->client->table, &p->client->menu, line, len);
}

static void print_choices(const struct choices *c)
{
	putchar('\n');
	for (unsigned int i = 0; i < c->n; i++) {
		const struct choice *ch = &c->choice[i];

		/* some say themselves what is a placeholder and what a word: <address>|off */
		if (!ch->word && strpbrk(ch->note, "<{|"))
			printf("  %s\n", ch->note);
		else if (!ch->word)
			printf("  <%s>\n", ch->note);
		else
			printf("  %-20.*s %s%s\n", (int)ch->len, ch->word, ch->menu ? "[>>] " : "",
			       ch->note);
	}
	if (c->n == 0)
		printf("  nothing more\n");
	fflush(stdout);
}

/* Octets that all choices have in common. */
static size_t common(const struct choices *c)
{
	size_t len = c->choice[0].len;

	for (unsigned int i = 1; i < c->n; i++) {
		size_t n = 0;

		while (n < len && n < c->choice[i].len &&
		       c->choice[i].word[n] == c->choice[0].word[n])
			n++;
		len = n;
	}
	return len;
}

static unsigned char on_tab(EditLine *el, int ch)
{
	struct choices c;
	char insert[64];

	(void)ch;
	find(el, &c);
	if (c.n == 0)
		return CC_ERROR;
	if (!c.choice[0].word) {
		print_choices(&c);
		return CC_REDISPLAY;
	}

	size_t len = common(&c), add = len > c.typed ? len - c.typed : 0;

	if (add == 0 && c.n > 1) {
		print_choices(&c);
		return CC_REDISPLAY;
	}
	snprintf(insert, sizeof(insert), "%.*s%s", (int)add, c.choice[0].word + c.typed,
		 c.n == 1 ? " " : "");
	return el_insertstr(el, insert) == 0 ? CC_REFRESH : CC_ERROR;
}

static unsigned char on_help(EditLine *el, int ch)
{
	struct choices c;
	struct words w = { .n = 0 };
	const char *line;
	size_t len = before_cursor(el, &line);

	(void)ch;
	words_of(&w, line, len);
	if (w.quoted)
		return el_insertstr(el, "?") == 0 ? CC_REFRESH : CC_ERROR;
	find(el, &c);
	print_choices(&c);
	return CC_REDISPLAY;
}

/* ---- history ---- */

/* $XDG_STATE_HOME/sixxsctl_history or ~/.local/state/...; the folders are made */
static void history_file(struct prompt *p)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n = -1;

	if (state && state[0] == '/')
		n = snprintf(p->file, sizeof(p->file), "%s/", state);
	else if (home && home[0] == '/')
		n = snprintf(p->file, sizeof(p->file), "%s/.local/state/", home);
	if (n < 0 || (size_t)n + sizeof("sixxsctl_history") > sizeof(p->file)) {
		p->file[0] = '\0';
		return;
	}
	for (char *slash = strchr(p->file + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(p->file, 0700);
		*slash = '/';
	}
	memcpy(p->file + n, "sixxsctl_history", sizeof("sixxsctl_history"));
}

static void history_add(struct prompt *p, const char *line)
{
	HistEvent ev;

	if (line_is_harmless(&p->client->table, &p->client->menu, line, strcspn(line, "\n")))
		history(p->history, &ev, H_ENTER, line);
}

static void history_open(struct prompt *p)
{
	HistEvent ev;

	p->history = history_init();
	history(p->history, &ev, H_SETSIZE, HISTORY_LINES);
	history(p->history, &ev, H_SETUNIQUE, 1);
	history_file(p);
	if (p->file[0])
		history(p->history, &ev, H_LOAD, p->file);
}

static void history_close(struct prompt *p)
{
	HistEvent ev;
	mode_t before = umask(077);

	if (p->file[0])
		history(p->history, &ev, H_SAVE, p->file);
	umask(before);
	history_end(p->history);
}

/* ---- the session ---- */

static void table_line(void *context, int digit, const char *line, size_t len)
{
	struct client *c = context;

	if (digit == 2 && !c->table.root)
		table_read(&c->table, line, len);
}

/* A new session: its table, its format, and main. */
static enum status begin(struct prompt *p)
{
	static const char ask[] = "json cmd tree";
	struct client *c = p->client;
	struct reply reply;

	c->menu.n = 0;
	snprintf(p->name, sizeof(p->name), "%.*s",
		 (int)min_size(strcspn(c->link.banner.text, " "), sizeof(p->name) - 1),
		 c->link.banner.text);
	table_free(&c->table);
	if (link_send(&c->link, ask, strlen(ask)) != LINK_OK ||
	    link_answer(&c->link, &reply, table_line, c) != LINK_OK)
		return STATUS_LOST;
	return c->json ? run_silently(c, "cmd format json") : STATUS_OK;
}

/* In a new session: back to the menu the user was in. */
static enum status go_to(struct client *c, const struct menu *m)
{
	char line[MENU_WORDS_MAX * (sizeof(m->word[0]) + 1)] = "";
	enum status status;
	size_t len = 0;

	for (unsigned int i = 0; i < m->n; i++)
		len += (size_t)snprintf(line + len, sizeof(line) - len, "%s ", m->word[i]);
	status = m->n > 0 ? run_silently(c, line) : STATUS_OK;
	if (status == STATUS_OK)
		c->menu = *m;
	return status;
}

/* The connection went with what it was used for; the user goes on. */
static enum status again(struct prompt *p)
{
	struct client *c = p->client;
	const struct menu menu = c->menu;
	struct why why;

	link_close(&c->link);
	if (link_open(&c->link, &c->where, &why)) {
		fprintf(stderr, "sixxsctl: %s\n", why.text);
		return STATUS_LOST;
	}

	enum status status = begin(p);

	return status == STATUS_OK ? go_to(c, &menu) : status;
}

/* Return: whether the session goes on, @status if not */
static bool session_line(struct prompt *p, const char *line, enum status *status)
{
	size_t len = strcspn(line, "\r\n");

	if (strspn(line, " \t\r\n") >= len)
		return true;
	if (len > LINE_MAX_OCTETS) {
		fprintf(stderr, "sixxsctl: longer than %d octets\n", LINE_MAX_OCTETS);
		return true;
	}
	history_add(p, line);

	struct result r = run_line(p->client, line, len);

	*status = STATUS_OK;
	if (r.farewell)
		return false;
	if (r.end == LINK_INTERRUPTED) {
		putchar('\n');
		*status = again(p);
	} else if (r.end == LINK_LOST) {
		tell_lost();
		*status = STATUS_LOST;
	}
	return *status == STATUS_OK;
}

static enum status session(struct prompt *p)
{
	enum status status = STATUS_OK;
	int n;

	do {
		p->interrupted = false;

		const char *line = el_gets(p->el, &n);

		if (p->lost) {
			tell_lost();
			return STATUS_LOST;
		}
		if (p->interrupted) {
			printf("^C\n");
			el_reset(p->el);
			continue;
		}
		if (!line || n <= 0) {
			putchar('\n');		/* Ctrl-D */
			return STATUS_OK;
		}
		if (!session_line(p, line, &status))
			return status;
	} while (true);
}

static void editor_open(struct prompt *p)
{
	p->el = el_init("sixxsctl", stdin, stdout, stderr);
	el_set(p->el, EL_CLIENTDATA, p);
	el_set(p->el, EL_PROMPT, prompt_text);
	el_set(p->el, EL_EDITOR, "emacs");
	el_set(p->el, EL_SIGNAL, 1);
	el_set(p->el, EL_HIST, history, p->history);
	el_set(p->el, EL_GETCFN, get_char);
	el_set(p->el, EL_ADDFN, "sixxsctl-complete", "complete the word", on_tab);
	el_set(p->el, EL_ADDFN, "sixxsctl-help", "what may come next", on_help);
	el_set(p->el, EL_BIND, "^I", "sixxsctl-complete", NULL);
	el_set(p->el, EL_BIND, "?", "sixxsctl-help", NULL);
}

int run_interactive(struct client *c)
{
	struct prompt p = { .client = c };
	enum status status;

	link_watch_interrupt(&c->link);
	status = begin(&p);
	if (status != STATUS_OK) {
		tell_lost();
		return (int)status;
	}
	history_open(&p);
	editor_open(&p);
	status = session(&p);
	el_end(p.el);
	history_close(&p);
	table_free(&c->table);
	return (int)status;
}
