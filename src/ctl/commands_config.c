/* The `config` menu, `cmd format`, and the port proxy that never was. */
#include "ctl/commands.h"

#include <stdio.h>

#include "ctl/refuse.h"
#include "ctl/tree.h"

/* Where the problems of a file go while it is read. */
struct problems {
	struct answer	*an;
	unsigned int	errors;
};

static void tell(void *context, unsigned int line, const struct why *why)
{
	struct problems *p = context;
	bool warning = why->code == ANSWER_OK;

	p->errors += !warning;
	if (line > 0)
		answer_line(p->an, "line %u: %s%s", line, warning ? "warning: " : "", why->text);
	else
		answer_line(p->an, "%s%s", warning ? "warning: " : "", why->text);
	json_open(p->an, NULL, '{');
	json_uint(p->an, "line", line);
	json_bool(p->an, "warning", warning);
	json_str(p->an, "message", why->text);
	json_close(p->an, '}');
}

static const char *file_of(const struct control *c, const struct arg *args)
{
	return args[0].word ? args[0].word : c->file;
}

/* @r and @why: what checking or loading came to. */
static int finish(struct problems *p, int r, const struct why *why, const char *done)
{
	struct answer *an = p->an;

	json_close(an, ']');
	if (r < 0 && p->errors == 0)
		return answer_why(an, why);
	if (r < 0) {
		an->code = ANSWER_BAD;
		return r;
	}
	answer_line(an, "%s", done);
	json_str(an, "message", done);
	return 0;
}

static HANDLER(config_check)
{
	struct problems p = { .an = an };
	struct why why = { .code = 0 };

	(void)s, (void)n;
	json_open(an, "problems", '[');
	return finish(&p, control_check(c, file_of(c, args), tell, &p, &why), &why,
		      "Configuration is fine");
}

static HANDLER(config_apply)
{
	struct problems p = { .an = an };
	struct why why = { .code = 0 };

	(void)s, (void)n;
	json_open(an, "problems", '[');
	return finish(&p, control_load(c, file_of(c, args), tell, &p, &why), &why,
		      "Configuration is applied");
}

static HANDLER(config_diff)
{
	struct why why = { .code = 0 };

	(void)s, (void)n;
	if (control_diff(c, file_of(c, args), an, &why) < 0)
		return answer_why(an, &why);
	return 0;
}

#define FILE_ARG	{ .type = ARG_WORD, .name = "file", .optional = true }

const struct cmd config_rows[] = {
	{ .name = "apply", .run = config_apply, .args = { FILE_ARG },
	  .help = "make a file the running configuration, whole or not at all" },
	{ .name = "check", .run = config_check, .args = { FILE_ARG },
	  .help = "say what is wrong with a file" },
	{ .name = "diff", .run = config_diff, .args = { FILE_ARG },
	  .help = "what apply would change" },
	{ .name = NULL }
};

HANDLER(cmd_format)
{
	(void)c, (void)n;
	s->format = args[0].number == 0 ? ANSWER_JSON : ANSWER_TEXT;
	answer_reset(an, s->format);
	answer_say(an, ANSWER_OK, "Format is now %s", s->format == ANSWER_JSON ? "json" : "text");
	return 0;
}

/* Old files configure it; nothing ever came of it (sixxsd-config.md 10). */
static HANDLER(pproxy_config)
{
	(void)c, (void)s, (void)args, (void)n;
	answer_say(an, ANSWER_OK, "Accepted and ignored, there is no port proxy");
	return 0;
}

const struct cmd pproxy_set_rows[] = {
	{ .name = "config", .run = pproxy_config, .flags = CMD_FILE,
	  .args = { { .type = ARG_WORD, .name = "poff" }, { .type = ARG_WORD, .name = "pid" },
		    { .type = ARG_WORD, .name = "dest_name" },
		    { .type = ARG_WORD, .name = "dest_port" } },
	  .help = "accepted for old files, without effect" },
	{ .name = NULL }
};
