#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ctl/show_part.h"
#include "ctl/text.h"
#include "table/enumword.h"

/* ---- tunnel list, sixxsd-cli.md 5 ---- */

enum list_what {
	LIST_ALL,
	LIST_DEBUG,
	LIST_ERRORS,
	LIST_ERROR,		/* one of them */
};

struct list_row {
	uint32_t	id;
	char		inner[ADDR_TEXT_MAX];
	struct ip6_addr	outer;
	enum tunnel_state state;
	enum tunnel_type type;
	uint16_t	mtu_bytes;
	uint64_t	errors;
};

#define ERR_OPTION	"err="

static int list_option(const struct arg *a, enum list_what *what, enum errname *e,
		       struct answer *an)
{
	if (!a->word || strcasecmp(a->word, "all") == 0) {
		*what = LIST_ALL;
		return 0;
	}
	if (strcasecmp(a->word, "debugonly") == 0) {
		*what = LIST_DEBUG;
		return 0;
	}
	if (strcasecmp(a->word, "erroronly") == 0) {
		*what = LIST_ERRORS;
		return 0;
	}
	if (strncasecmp(a->word, ERR_OPTION, strlen(ERR_OPTION)) != 0)
		return answer_error(an, 400, "Unknown option '%s'", a->word);

	const char *name = a->word + strlen(ERR_OPTION);

	*what = LIST_ERROR;
	*e = show_error_named(name);
	if (*e == ERR_NONE)
		return answer_error(an, 404, "Unknown error '%s'", name);
	return 0;
}

static bool list_wants(enum list_what what, const struct tunnel_conf *t, uint64_t errors)
{
	switch (what) {
	case LIST_ALL:
		return true;
	case LIST_DEBUG:
		return t->flags & TUNNEL_DEBUG;
	case LIST_ERRORS:
	case LIST_ERROR:
		return errors > 0;
	}
	return false;
}

static void list_row(const struct list_row *r, struct answer *an)
{
	char outer[ADDR_TEXT_MAX], id[16];

	answer_line(an, "T%" PRIu32 " %s %s %s %s %u %" PRIu64, r->id, r->inner,
		    them_text(&r->outer, outer), word_state(r->state), word_type(r->type),
		    r->mtu_bytes, r->errors);

	snprintf(id, sizeof(id), "T%" PRIu32, r->id);
	json_open(an, NULL, '{');
	json_str(an, "tunnel", id);
	json_str(an, "inner_them", r->inner);
	json_addr(an, "outer_them", &r->outer);
	json_str(an, "state", word_state(r->state));
	json_str(an, "type", word_type(r->type));
	json_uint(an, "mtu_bytes", r->mtu_bytes);
	json_uint(an, "errors", r->errors);
	json_close(an, '}');
}

static const char *list_nothing(enum list_what what)
{
	switch (what) {
	case LIST_ALL:
		return "";
	case LIST_DEBUG:
		return " which are in debugging mode";
	case LIST_ERRORS:
		return " which have errors";
	case LIST_ERROR:
		return " which have the requested error";
	}
	return "";
}

int tunnel_list(struct control *c, struct session *s, const struct arg *args, unsigned int n,
		struct answer *an)
{
	const struct config *cf = region_config(c->region);
	enum list_what what = LIST_ALL;
	enum errname e = ERR_NONE;
	unsigned int rows = 0;
	int err = list_option(&args[0], &what, &e, an);

	(void)s, (void)n;
	if (err)
		return err;

	json_open(an, "tunnels", '[');
	for (uint32_t i = 0; i < cf->head->tunnel_end; i++) {
		uint16_t tid = (uint16_t)i;
		const struct tunnel_conf *t = config_tunnel(cf, tid);
		struct list_row row;

		if (!t)
			continue;
		row.errors = what == LIST_ERROR ?
			     count_get(&c->region->table.errors[tid].record[e].count) :
			     stats_errors(c, tid);
		if (!list_wants(what, t, row.errors))
			continue;

		struct endpoint ep = tunnel_endpoint(&c->region->table.tunnel[tid]);

		row.id = t->id;
		inner_text(config_plan(cf), tid, IID_USER, row.inner);
		row.outer = ep.them;
		row.state = ep.state;
		row.type = ep.type;
		row.mtu_bytes = t->mtu_bytes;
		list_row(&row, an);
		rows++;
	}
	json_close(an, ']');
	if (rows == 0)
		answer_line(an, "No tunnels are configured%s", list_nothing(what));
	return 0;
}

/* ---- tunnel stats, sixxsd-cli.md 4 ---- */

static void stats_fields(const struct traffic *t, struct answer *an)
{
	json_uint(an, "in_octets", t->in_octets);
	json_uint(an, "out_octets", t->out_octets);
	json_uint(an, "in_packets", t->in_packets);
	json_uint(an, "out_packets", t->out_packets);
}

static void stats_whole(const char *name, const struct traffic *t, struct answer *an)
{
	answer_line(an, "%s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, name, t->in_octets,
		    t->out_octets, t->in_packets, t->out_packets);
	json_open(an, name, '{');
	stats_fields(t, an);
	json_close(an, '}');
}

static void stats_row(uint32_t id, const struct traffic *t, const struct stats_latency *l,
		      struct answer *an)
{
	char name[16];

	answer_line(an, "T%" PRIu32 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
		    " %" PRIu64 " %2.2f %2.2f %2.2f %2.2f", id, t->in_octets, t->out_octets,
		    t->in_packets, t->out_packets, l->sent, l->received, l->loss_percent,
		    l->min_ms, l->avg_ms, l->max_ms);

	snprintf(name, sizeof(name), "T%" PRIu32, id);
	json_open(an, NULL, '{');
	json_str(an, "tunnel", name);
	stats_fields(t, an);
	json_latency(an, l);
	json_close(an, '}');
}

/* Prints; with @reset, the window of everything begins at what was printed. */
static void stats_all(struct control *c, const struct config *cf, bool reset, struct answer *an)
{
	struct stats total = stats_total(c), uplink = stats_uplink(c);

	stats_whole("total", &total.since, an);
	stats_whole("uplink", &uplink.since, an);
	if (reset) {
		stats_begin_total(c, &total);
		stats_begin_uplink(c, &uplink);
	}

	json_open(an, "tunnels", '[');
	for (uint32_t i = 0; i < cf->head->tunnel_end; i++) {
		uint16_t tid = (uint16_t)i;
		const struct tunnel_conf *t = config_tunnel(cf, tid);

		if (!t)
			continue;

		struct stats st = stats_tunnel(c, tid);
		struct stats_latency l = stats_latency(c, tid);

		if (st.since.in_packets || st.since.out_packets)
			stats_row(t->id, &st.since, &l, an);
		if (reset)
			stats_begin_tunnel(c, tid, &st);
	}
	json_close(an, ']');
}

int tunnel_stats(struct control *c, struct session *s, const struct arg *args, unsigned int n,
		 struct answer *an)
{
	bool reset = args[0].word != NULL;
	const struct config *cf = region_config(c->region);
	struct config *next = NULL;
	struct why why = { .code = 0 };

	(void)s, (void)n;
	if (reset && strcmp(args[0].word, "RESET") != 0)
		return answer_error(an, 400, "Unknown option '%s'", args[0].word);
	if (cf->head->tunnels == 0)
		return answer_error(an, 404, "No tunnels are configured");

	/* asked before anything is printed or begun anew: a RESET is whole or did not happen */
	if (reset) {
		next = control_begin(c, &why);
		if (!next)
			return answer_why(an, &why);
	}
	stats_all(c, cf, reset, an);
	if (!reset)
		return 0;

	/* the latency is the workers' own: they begin anew when they see the next epoch */
	edit_stats_epoch(next, &c->changes);
	return control_commit(c, &why) ? answer_why(an, &why) : 0;
}
