/*
 * src/ctl/show_tree.c - the command tree told to programs: completion, help, the manual
 *
 * JSON: {"commands": [{"command": "tunnel show", "arguments": [{"name": "tunnel", "type":
 * "tunnel", "optional": false}], "help": "..."}]}; text: one synopsis a line.
 */
#include <assert.h>
#include <stdio.h>

#include "ctl/control.h"
#include "ctl/show.h"

#define PATH_TEXT_MAX	256

/* Words from main down to where the walk stands. */
struct walk {
	struct answer	*an;
	const char	*word[CMD_DEPTH_MAX];
	unsigned int	depth;
};

static const char *arg_word(enum arg_type type)
{
	switch (type) {
	case ARG_END:
		break;
	case ARG_WORD:
		return "word";
	case ARG_UINT:
		return "number";
	case ARG_HEX_TID:
		return "tid";
	case ARG_T_ID:
		return "new tunnel";
	case ARG_TUNNEL:
		return "tunnel";
	case ARG_ADDRESS:
		return "address";
	case ARG_PREFIX:
		return "prefix";
	case ARG_ENDPOINT:
		return "endpoint";
	case ARG_CHOICE:
		return "choice";
	case ARG_ONOFF:
		return "onoff";
	case ARG_SECRET:
		return "secret";
	case ARG_REST:
		return "rest";
	}
	return "?";
}

static void path_text(const struct walk *w, const struct cmd *cmd, char *text, size_t size)
{
	size_t len = 0;

	for (unsigned int i = 0; i < w->depth; i++) {
		int n = snprintf(text + len, size - len, "%s ", w->word[i]);

		len = min_size(len + (size_t)n, size - 1);
	}
	snprintf(text + len, size - len, "%s", cmd->name);
}

static void text_row(const struct walk *w, const struct cmd *cmd)
{
	char path[PATH_TEXT_MAX], synopsis[CMD_SYNOPSIS_MAX];

	path_text(w, cmd, path, sizeof(path));
	cmd_synopsis(cmd, synopsis);
	answer_line(w->an, "%s%s%s", path, synopsis[0] ? " " : "", synopsis);
}

static void json_row(const struct walk *w, const struct cmd *cmd)
{
	struct answer *an = w->an;
	char text[PATH_TEXT_MAX];

	path_text(w, cmd, text, sizeof(text));
	json_open(an, NULL, '{');
	json_str(an, "command", text);
	json_bool(an, "menu", cmd->menu != NULL);
	json_open(an, "arguments", '[');
	for (unsigned int i = 0; i < CMD_ARGS_MAX && cmd->args[i].type != ARG_END; i++) {
		const struct arg_spec *a = &cmd->args[i];

		json_open(an, NULL, '{');
		json_str(an, "name", a->name ? a->name : a->choices);
		json_str(an, "type", arg_word(a->type));
		json_bool(an, "optional", a->optional);
		if (a->choices)
			json_str(an, "choices", a->choices);
		json_close(an, '}');
	}
	json_close(an, ']');
	json_str(an, "help", cmd->help);
	json_close(an, '}');
}

/* Depth is bounded by the tree, which is ours. */
static void walk_menu(struct walk *w, const struct cmd *menu)
{
	for (const struct cmd *cmd = menu; cmd->name; cmd++) {
		if (cmd->run)
			text_row(w, cmd);
		json_row(w, cmd);
		if (!cmd->menu)
			continue;
		assert(w->depth < CMD_DEPTH_MAX);
		w->word[w->depth++] = cmd->name;
		walk_menu(w, cmd->menu);
		w->depth--;
	}
}

int cmd_tree(struct control *c, struct session *s, const struct arg *args, unsigned int n,
	     struct answer *an)
{
	struct walk w = { .an = an };

	(void)s, (void)args, (void)n;
	json_open(an, "commands", '[');
	walk_menu(&w, c->root->menu);
	json_close(an, ']');
	return 0;
}
