/* `config diff`: what a reload would change, as the commands that differ. */
#include "ctl/commands.h"

#include <stdio.h>
#include <string.h>

#include "ctl/edit_notes.h"
#include "ctl/said.h"

/* More lines than anybody reads. */
#define LINES_MAX	2000

struct diff {
	struct answer	*an;
	unsigned int	lines;
};

static void tell(struct diff *d, char sign, const char *menu, const char *command)
{
	char text[SAID_MAX + 64];

	if (d->lines++ >= LINES_MAX)
		return;
	snprintf(text, sizeof(text), "%s %s", menu, command);
	answer_line(d->an, "%c %s", sign, text);
	json_open(d->an, NULL, '{');
	json_str(d->an, "change", sign == '+' ? "add" : sign == '-' ? "remove" : "secret");
	json_str(d->an, "command", text);
	json_close(d->an, '}');
}

/* Two texts of one thing; NULL: it is not there. */
static void compare(struct diff *d, const char *menu, const char *old, const char *new)
{
	if (old && new && strcmp(old, new) == 0)
		return;
	if (old)
		tell(d, '-', menu, old);
	if (new)
		tell(d, '+', menu, new);
}

static bool same_secret(const struct config *a, const struct config *b, uint16_t tid)
{
	return a->secret[tid].len == b->secret[tid].len &&
	       memcmp(a->secret[tid].password, b->secret[tid].password, a->secret[tid].len) == 0;
}

static bool same_token(const struct config *a, const struct config *b, uint32_t which)
{
	return memcmp(&a->token[which], &b->token[which], sizeof(a->token[which])) == 0;
}

static void diff_tunnel(struct diff *d, const struct config *now, const struct config *next,
			uint16_t tid)
{
	char old[SAID_MAX], new[SAID_MAX];

	for (int i = 0; i < TUNNEL_LINES; i++) {
		enum tunnel_line line = (enum tunnel_line)i;
		bool was = said_tunnel(now, tid, line, SECRET_HIDDEN, old);
		bool will = said_tunnel(next, tid, line, SECRET_HIDDEN, new);

		compare(d, "tunnel set", was ? old : NULL, will ? new : NULL);
		if (line == TUNNEL_LINE_CONFIG && was && will && strcmp(old, new) == 0 &&
		    !same_secret(now, next, tid))
			tell(d, '~', "tunnel set", new);
		if (line == TUNNEL_LINE_TOKEN && was && will && !same_token(now, next, tid))
			tell(d, '~', "tunnel set", new);
	}
}

/* The lists of the `pop` menu, where order means nothing: what one has and the other has not. */
typedef bool list_text_fn(const struct config *cf, unsigned int i, char buf[SAID_MAX]);

static bool list_has(list_text_fn *text, const struct config *cf, unsigned int max, const char *line)
{
	char other[SAID_MAX];

	for (unsigned int i = 0; i < max && text(cf, i, other); i++) {
		if (strcmp(line, other) == 0)
			return true;
	}
	return false;
}

static void diff_list(struct diff *d, char sign, const char *menu, list_text_fn *text,
		      unsigned int max, const struct config *in, const struct config *notin)
{
	char line[SAID_MAX];

	for (unsigned int i = 0; i < max && text(in, i, line); i++) {
		if (!list_has(text, notin, max, line))
			tell(d, sign, menu, line);
	}
}

static bool acl_line(const struct config *cf, unsigned int i, char buf[SAID_MAX])
{
	return said_acl(cf, i, buf);
}

static void diff_pop(struct diff *d, const struct config *now, const struct config *next)
{
	char old[SAID_MAX], new[SAID_MAX];
	bool was, will;

	for (unsigned int i = 0; i < SET_LINES; i++) {
		was = said_pop_set(now, i, SECRET_HIDDEN, old);
		will = said_pop_set(next, i, SECRET_HIDDEN, new);
		compare(d, "pop set", was ? old : NULL, will ? new : NULL);
		if (i == SET_LINE_TOKEN && was && will &&
		    !same_token(now, next, now->limits.tunnels))
			tell(d, '~', "pop set", new);
	}
	was = said_tunnel_prefix(now, old);
	will = said_tunnel_prefix(next, new);
	compare(d, "pop tunnelprefix", was ? old : NULL, will ? new : NULL);
	diff_list(d, '-', "pop subnetprefix", said_subnet_prefix, SUBNET_PREFIXES_MAX, now, next);
	diff_list(d, '+', "pop subnetprefix", said_subnet_prefix, SUBNET_PREFIXES_MAX, next, now);
	diff_list(d, '-', "pop cliacl", acl_line, ACL_MAX, now, next);
	diff_list(d, '+', "pop cliacl", acl_line, ACL_MAX, next, now);
}

/* Who has exactly this subnet in @cf? */
static uint16_t subnet_owner(const struct config *cf, const struct prefix *p)
{
	const struct plan *plan = config_plan(cf);

	for (unsigned int i = 0; i < plan->subnet_prefixes; i++) {
		const struct subnet_prefix *s = &plan->subnet[i];

		if (((addr_hi(&p->addr) ^ s->hi) & s->mask) == 0 && p->len == s->delegate)
			return cf->subnet[s->base + ((addr_hi(&p->addr) & ~s->mask) >>
						     (64 - s->delegate))];
	}
	return TID_NONE;
}

static void diff_subnets(struct diff *d, char sign, const struct config *in,
			 const struct config *notin)
{
	const struct plan *plan = config_plan(in);
	char line[SAID_MAX];

	for (unsigned int i = 0; i < plan->subnet_prefixes; i++) {
		const struct subnet_prefix *s = &plan->subnet[i];

		for (uint32_t n = 0; n < subnet_prefix_count(s); n++) {
			struct prefix p = plan_subnet(s, n);

			if (in->subnet[s->base + n] != subnet_owner(notin, &p) &&
			    said_subnet(in, i, n, line))
				tell(d, sign, "subnet set", line);
		}
	}
}

void diff_answer(const struct config *now, const struct config *next, struct answer *an)
{
	struct diff d = { .an = an };
	uint32_t end = now->head->tunnel_end;

	if (next->head->tunnel_end > end)
		end = next->head->tunnel_end;
	json_open(an, "changes", '[');
	diff_pop(&d, now, next);
	for (uint32_t tid = 0; tid < end; tid++)
		diff_tunnel(&d, now, next, (uint16_t)tid);
	diff_subnets(&d, '-', now, next);
	diff_subnets(&d, '+', next, now);
	json_close(an, ']');
	json_uint(an, "count", d.lines);
	if (d.lines > LINES_MAX)
		answer_line(an, "... and %u more", d.lines - LINES_MAX);
	if (d.lines == 0)
		answer_line(an, "No differences");
}
