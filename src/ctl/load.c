/*
 * A file as the whole truth: read into the spare from empty, every wrong line reported,
 * what runtime knows carried over, then one commit, or nothing.
 */
#include "ctl/load.h"

#include <errno.h>
#include <string.h>

#include "ctl/commands.h"
#include "ctl/refuse.h"
#include "ctl/tree.h"

#define ERRORS_MAX	1000	/* it is another kind of file, or one mistake in all its lines */

/* What goes on while a file is read. */
struct loader {
	struct control	*c;
	const char	*file;
	void		(*problem)(void *context, unsigned int line, const struct why *why);
	void		*context;
	unsigned int	problems;
	struct why	first;		/* sentence and line of the first */
	unsigned int	first_line;
};

static void report(struct loader *ld, unsigned int line, const struct why *why)
{
	if (why->code != ANSWER_OK && ld->problems++ == 0) {
		ld->first = *why;
		ld->first_line = line;
	}
	if (ld->problem)
		ld->problem(ld->context, line, why);
}

static void report_answer(struct loader *ld, unsigned int line, const struct answer *an)
{
	size_t len = strcspn(an->buf, "\n");
	struct why why;

	refuse(&why, an->code, "%.*s", (int)len, an->buf);
	report(ld, line, &why);
}

static void one_line(struct loader *ld, struct session *s, unsigned int number, const char *line,
		     size_t len)
{
	struct control *c = ld->c;
	struct why warning = { .code = 0 };
	struct answer an = { .buf = c->scratch, .size = CONTROL_SCRATCH };

	c->warning = &warning;
	c->line = number;
	answer_reset(&an, ANSWER_TEXT);
	control_execute(c, s, line, len, &an);
	c->warning = NULL;
	if (an.code != ANSWER_OK)
		report_answer(ld, number, &an);
	else if (warning.code)
		report(ld, number, &warning);
}

static int every_line(struct loader *ld, struct why *why)
{
	struct session s;
	struct lines l;
	const char *line;
	size_t len;
	int r = lines_open(&l, ld->file, why);

	if (r < 0)
		return r;
	session_init(&s, SESSION_FILE, ld->c->root);
	while (ld->problems < ERRORS_MAX && (r = lines_next(&l, &line, &len, why)) > 0)
		one_line(ld, &s, l.number, line, len);
	if (ld->problems == ERRORS_MAX) {
		struct why more;

		refuse(&more, ANSWER_BAD, "That is error %d: the rest of the file was not read", ERRORS_MAX);
		report(ld, l.number, &more);
		r = 0;
	}
	lines_close(&l);
	return r;
}

/* ---- what only shows when the whole file was read ---- */

/* Two tunnels with one T-id: one pass through a table of hashed ids. */
static void find_twins(struct loader *ld, const struct config *cf)
{
	uint16_t *slot = ld->c->scratch;

	memset(slot, 0xff, CONTROL_SCRATCH);	/* TID_NONE */
	for (uint32_t tid = 0; tid < cf->head->tunnel_end; tid++) {
		uint32_t id = cf->tunnel[tid].id, at = id * UINT32_C(2654435761) >> 16;
		struct why why;

		if (cf->tunnel[tid].kind == KIND_NONE)
			continue;
		while (slot[at] != TID_NONE && cf->tunnel[slot[at]].id != id)
			at = (at + 1) % ID_SLOTS;
		if (slot[at] == TID_NONE) {
			slot[at] = (uint16_t)tid;
			continue;
		}
		refuse(&why, ANSWER_OK, "Tunnels %x and %x are both called T%u; commands that say T%u "
		       "mean tunnel %x", slot[at], tid, id, id, slot[at]);
		report(ld, 0, &why);
	}
}

static void check_limits(struct loader *ld, const struct config *cf)
{
	char text[LIMITS_TEXT_MAX];
	struct why why;

	if (ld->c->named & NAMED_LIMITS || ld->c->region->head->published == 0)
		return;		/* at start the region was made for this file */
	if (cf->limits.tunnels == TUNNELS_DEFAULT && cf->limits.subnets == SUBNETS_DEFAULT &&
	    cf->limits.history == TUNNELS_DEFAULT)
		return;
	refuse(&why, ANSWER_BAD, "The limits are %s and the file does not say so; changing limits "
	       "needs a restart", limits_text(cf->limits, text));
	report(ld, 0, &why);
}

/* What runtime knows and a file does not. */
static void carry_over(const struct control *c, struct config *next)
{
	const struct config *now = region_config(c->region);

	for (uint32_t tid = 0; tid < now->head->tunnel_end; tid++) {
		const struct tunnel_conf *old = &now->tunnel[tid];
		struct tunnel_conf *new = &next->tunnel[tid];

		if (old->kind == KIND_NONE || new->kind == KIND_NONE)
			continue;
		new->tenant = (uint16_t)(old->tenant + (new->id != old->id));
		if (new->tenant != old->tenant)
			continue;	/* the file names T@old no more: tunnel_adopt() forgets it */
		new->flags |= old->flags & (TUNNEL_DEBUG | TUNNEL_CAPTURE);
		new->remote_seq = old->remote_seq;
		new->reset_seq = old->reset_seq;
		if (conf_is_dynamic(old) && conf_is_dynamic(new))
			new->them = old->them;
	}
	next->head->stats_epoch = now->head->stats_epoch;
	next->head->captures = now->head->captures;
	next->head->capture_all = now->head->capture_all;
}

static void start_empty(struct control *c, struct config *cf)
{
	struct ip6_addr list[HOST_ADDRESSES_MAX];
	unsigned int n = 0;

	/* everything was touched */
	c->changes.head = true;
	c->changes.tunnels = c->changes.subnets = CHANGES_MAX + 1;
	config_clear(cf);
	if (c->ops.addresses)
		n = c->ops.addresses(c->ops.context, list, ARRAY_LEN(list));
	edit_hosts(cf, &c->changes, list, n);
}

/* The historic sentence; what was wrong with the line only where nobody was told. */
static int refuse_file(const struct loader *ld, struct why *why)
{
	if (ld->problem)
		return refuse(why, ANSWER_BAD, "Code %d occured on line %u of %.200s",
			      ld->first.code, ld->first_line, ld->file);
	return refuse(why, ANSWER_BAD, "Code %d occured on line %u of %.200s: %.200s%s",
		      ld->first.code, ld->first_line, ld->file, ld->first.text,
		      ld->problems > 1 ? " (and more)" : "");
}

/*
 * Parse into the spare, inside an open transaction. Return: 0, and the spare holds what
 * the file says; -errno when anything was wrong with it
 */
static int parse(struct loader *ld, struct config *cf, struct why *why)
{
	struct control *c = ld->c;
	int r;

	start_empty(c, cf);
	c->reloading = true;
	c->named = c->http_line = 0;
	c->hint = 0;
	r = every_line(ld, why);
	c->reloading = false;
	if (r < 0)
		return r;

	check_limits(ld, cf);
	find_twins(ld, cf);
	if (ld->problems > 0)
		return refuse_file(ld, why);
	carry_over(c, cf);
	return 0;
}

static int load(struct control *c, const char *file,
		void (*problem)(void *context, unsigned int line, const struct why *why),
		void *context, struct why *why)
{
	struct loader ld = { .c = c, .file = file, .problem = problem, .context = context };
	struct config *cf = control_begin(c, why);
	int r;

	if (!cf)
		return -EBUSY;
	r = parse(&ld, cf, why);
	if (r < 0) {
		control_abort(c);
		return r;
	}
	c->loading = true;
	r = control_commit(c, why);
	c->loading = false;
	return r;
}

int control_load(struct control *c, const char *file,
		 void (*problem)(void *context, unsigned int line, const struct why *why),
		 void *context, struct why *why)
{
	int r = load(c, file, problem, context, why);

	c->load_failed = r < 0;
	if (r == 0)
		c->loaded_s = c->ops.wall(c->ops.context).s;
	return r;
}

int control_check(struct control *c, const char *file,
		  void (*problem)(void *context, unsigned int line, const struct why *why),
		  void *context, struct why *why)
{
	struct loader ld = { .c = c, .file = file, .problem = problem, .context = context };
	struct config *cf = control_begin(c, why);
	int r;

	if (!cf)
		return -EBUSY;
	c->checking = true;
	r = parse(&ld, cf, why);
	c->checking = false;
	control_abort(c);
	return r;
}

int control_diff(struct control *c, const char *file, struct answer *an, struct why *why)
{
	struct loader ld = { .c = c, .file = file };
	struct config *cf = control_begin(c, why);
	int r;

	if (!cf)
		return -EBUSY;
	r = parse(&ld, cf, why);
	if (r == 0)
		diff_answer(region_config(c->region), cf, an);
	control_abort(c);
	return r;
}

/* ---- before there is a region ---- */

static int scan_line(struct session *s, const char *line, size_t len, struct limits *limits,
		     uint32_t *workers, struct why *why)
{
	struct arg args[CMD_ARGS_MAX];
	struct walk wk = walk_of(s);
	struct why ignored;
	const struct cmd *row;
	struct words w;
	unsigned int at = 0;
	int r = 0;

	/* what is wrong elsewhere is for control_load() to say */
	if (words_split(&w, line, len, &ignored) == 0 && w.n > 0 && *w.word[0] != '#' &&
	    walk_words(&wk, &w, &at, &row, &ignored) == 0) {
		if (!row) {
			memcpy(s->menu, wk.menu, sizeof(s->menu));
			s->depth = wk.depth;
		} else if (row->run == pop_set_limits) {
			r = args_parse(NULL, row, &w, at, args, why);
			if (r == 0)
				*limits = limits_of(args);
			limits->history = (uint32_t)min_size(limits->history, limits->tunnels);
		} else if (row->run == pop_set_workers) {
			if (args_parse(NULL, row, &w, at, args, &ignored) == 0)
				(void)workers_of(args, workers);
		}
	}
	words_wipe(&w);
	return r;
}

int config_scan_limits(const char *file, struct limits *limits, uint32_t *workers,
		       struct why *why)
{
	struct limits found = LIMITS_DEFAULT;
	struct why fault = { .code = 0 };
	uint32_t many = WORKERS_DEFAULT;
	struct session s;
	struct lines l;
	const char *line;
	size_t len;
	int r = lines_open(&l, file, why), bad = 0;

	if (r < 0)
		return r;
	session_init(&s, SESSION_FILE, &control_root);
	while (bad == 0 && (r = lines_next(&l, &line, &len, why)) > 0)
		bad = scan_line(&s, line, len, &found, &many, &fault);
	lines_close(&l);
	if (bad < 0)
		return refuse(why, ANSWER_BAD, "Code %d occured on line %u of %.200s: %.200s",
			      fault.code, l.number, file, fault.text);
	if (r < 0)
		return r;

	*limits = found;
	*workers = many;
	return 0;
}
