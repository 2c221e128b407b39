/*
 * tests/unit/t_json.c - every command of the tree answers one JSON object that parses
 *
 * Arguments are made up from the rows' types: right ones, wrong ones, too few. Another
 * reader than the writer's decides (jansson), so both would have to be wrong alike.
 */
#include <jansson.h>

#include "ctl.h"

static const char file[] =
	"pop set details 1 chtst01 192.0.2.42 2001:db8::42\n"
	"pop set id 1\n"
	"pop tunnelprefix add 2001:db8:2ff::/48\n"
	"pop subnetprefix add 2001:db8:3000::/40\n"
	"tunnel set config 0 T4141 198.51.100.1 up 1480\n"
	"tunnel set config 1 T5072 dynamic up 1428 \"hunter2 \\\" \\t\"\n"
	"subnet set config 2001:db8:3001::/48 1 static\n";

enum fill {
	FILL_RIGHT,
	FILL_WRONG,
	FILL_NOTHING,
	FILLS,
};

static const char *word_for(const struct arg_spec *a)
{
	switch (a->type) {
	case ARG_END:
	case ARG_REST:
	case ARG_SECRET:
		break;
	case ARG_WORD:
		return strcmp(a->name, "RESET") == 0 ? a->name : "word";
	case ARG_UINT:
		return a->min > 1 ? "1300" : "1";
	case ARG_HEX_TID:
		return "1";
	case ARG_T_ID:
		return "T77";
	case ARG_TUNNEL:
		return "T5072";
	case ARG_ADDRESS:
		return "192.0.2.9";
	case ARG_PREFIX:
		return "2001:db8:3001::/48";
	case ARG_ENDPOINT:
		return "198.51.100.9";
	case ARG_CHOICE:
		return a->choices;
	case ARG_ONOFF:
		return "on";
	}
	return "word";
}

/* An odd word: quotes, controls, no UTF-8. */
static const char odd[] = " \"\\x \\\" \\\\ \\n \xff\xfe \x01\"";

static void line_for(const char *path, const struct cmd *row, enum fill fill, char *line, size_t size)
{
	size_t len = (size_t)snprintf(line, size, "%s", path);

	for (unsigned int i = 0; fill != FILL_NOTHING && row->args[i].type != ARG_END; i++) {
		const char *word = word_for(&row->args[i]);

		if (fill == FILL_WRONG)
			len += (size_t)snprintf(line + len, size - len, "%s", odd);
		else
			len += (size_t)snprintf(line + len, size - len, " %.*s",
						(int)strcspn(word, "|"), word);
	}
}

static bool is_one_object(const char *answer, json_t **object)
{
	size_t len = strlen(answer);
	json_error_t e;

	*object = NULL;
	if (len < 6 || answer[3] != ' ' || strchr(answer, '\n') != answer + len - 1)
		return false;
	*object = json_loadb(answer + 4, len - 5, JSON_REJECT_DUPLICATES, &e);
	if (!*object)
		printf("# %s at %d: %.200s\n", e.text, e.position, answer);
	return json_is_object(*object);
}

static unsigned int commands, bad;

/* sixxsd-cli.md 11: what follows is no line, in either format. */
static bool is_stream(const struct world *w, const char *answer)
{
	return w->session.wants == WANTS_STREAM && strcmp(answer, "200 pcapng follows\n") == 0;
}

/* The session and the configuration are as new for every line: order must not matter. */
static void one_line(const char *line)
{
	struct world *w = world_new(limits_default);
	struct why why;
	json_t *object;

	if (load(w, file, &why) < 0) {
		printf("# %s", why.text);
		exit(99);
	}
	w->session.format = ANSWER_JSON;

	const char *answer = ask(w, line);

	object = NULL;
	if (!is_stream(w, answer) && (!is_one_object(answer, &object) ||
	    (answer[0] != '2' && !json_is_string(json_object_get(object, "message")) &&
	     answer[0] != '3'))) {
		printf("# %s\n# %.300s", line, answer);
		bad++;
	}
	if (strstr(answer, "hunter2")) {
		printf("# shows the password: %s\n", line);
		bad++;
	}
	json_decref(object);
	world_end(w);
	commands++;
}

static void each_command(const char *path, const struct cmd *rows)
{
	for (; rows->name; rows++) {
		char at[256], line[1024];

		snprintf(at, sizeof(at), "%s%s%s", path, *path ? " " : "", rows->name);
		if (rows->menu) {
			one_line(at);
			each_command(at, rows->menu);
			continue;
		}
		for (enum fill fill = FILL_RIGHT; fill < FILLS; fill++) {
			line_for(at, rows, fill, line, sizeof(line));
			one_line(line);
		}
	}
}

static void every_answer_parses(void)
{
	each_command("", control_root.menu);
	ok(commands > 150 && bad == 0, "%u lines, %u answers that are no object", commands, bad);
	one_line("help");
	one_line("fullhelp");
	one_line(".");
	one_line("");
	one_line("// comment");
	one_line("no such command");
	one_line("exit");
	ok(bad == 0, "and what is in every menu");
}

int main(void)
{
	every_answer_parses();
	return tap_done();
}
