/* `tunnel why` and `pop why`: what why/ finds, as text and as JSON. */
#include <stdio.h>

#include "ctl/show_part.h"
#include "why/why.h"

static void text_finding(const struct finding *f, unsigned int n, struct answer *an)
{
	answer_line(an, "%u. [%s] %s", n, severity_word(cause_info[f->cause].severity), f->sentence);
	for (unsigned int i = 0; i < f->evidences; i++)
		answer_line(an, "   evidence: %s", f->evidence[i]);
	if (f->remedy[0])
		answer_line(an, "   what to do: %s", f->remedy);
}

static void json_finding(const struct finding *f, struct answer *an)
{
	json_open(an, NULL, '{');
	json_str(an, "cause", cause_info[f->cause].name);
	json_str(an, "severity", severity_word(cause_info[f->cause].severity));
	json_str(an, "sentence", f->sentence);
	json_open(an, "evidence", '[');
	for (unsigned int i = 0; i < f->evidences; i++)
		json_str(an, NULL, f->evidence[i]);
	json_close(an, ']');
	json_str(an, "remedy", f->remedy);
	json_close(an, '}');
}

void json_diagnosis(struct answer *an, const struct diagnosis *d)
{
	json_open(an, "why", '[');
	for (unsigned int i = 0; i < d->n; i++)
		json_finding(&d->finding[i], an);
	json_close(an, ']');
}

static void answer_diagnosis(const struct diagnosis *d, struct answer *an)
{
	for (unsigned int i = 0; i < d->n; i++)
		text_finding(&d->finding[i], i + 1, an);
	json_diagnosis(an, d);
}

int tunnel_why(struct control *c, struct session *s, const struct arg *args, unsigned int n,
	       struct answer *an)
{
	struct diagnosis d;
	char id[16];

	(void)s, (void)n;
	control_look_outside(c);
	why_tunnel(c->region, args[0].tid, WHY_OPERATOR, c->ops.wall(c->ops.context),
		   c->ops.mono(c->ops.context), &d);
	snprintf(id, sizeof(id), "T%u", region_config(c->region)->tunnel[args[0].tid].id);
	json_str(an, "tunnel", id);
	answer_diagnosis(&d, an);
	return 0;
}

int pop_why(struct control *c, struct session *s, const struct arg *args, unsigned int n,
	    struct answer *an)
{
	struct diagnosis d;

	(void)s, (void)args, (void)n;
	control_look_outside(c);
	why_pop(c->region, c->ops.wall(c->ops.context), c->ops.mono(c->ops.context), &d);
	answer_diagnosis(&d, an);
	return 0;
}
