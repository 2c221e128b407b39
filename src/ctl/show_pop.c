#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl/show_part.h"
#include "ctl/text.h"
#include "table/enumword.h"

/* ---- pop show status, sixxsd-cli.md 3 ---- */

#define ACTIVE_S	900	/* strictly younger is active */

/* Rows in the order that monitoring knows; total stays last. */
enum status_row {
	ROW_DIRECT,
	ROW_AYIYA,
	ROW_GRE,
	ROW_TOTAL,
	ROW_COUNT,
};

struct status {
	uint32_t	online[ROW_COUNT], active[ROW_COUNT], configured[ROW_COUNT];
};

static enum status_row row_of(enum tunnel_type type)
{
	switch (type) {
	case TYPE_NONE:
		return ROW_COUNT;	/* never heard: in no row */
	case TYPE_DIRECT:
		return ROW_DIRECT;
	case TYPE_AYIYA:
		return ROW_AYIYA;
	case TYPE_GRE:
		return ROW_GRE;
	}
	return ROW_COUNT;
}

static void status_add(struct status *st, enum status_row row, const struct endpoint *ep,
		       bool active)
{
	st->configured[row]++;
	st->online[row] += ep->state == STATE_UP;
	st->active[row] += active;
}

static void status_fill(struct status *st, const struct control *c)
{
	const struct config *cf = region_config(c->region);
	wall_t now = c->ops.wall(c->ops.context);

	*st = (struct status){ .online = { 0 } };
	for (uint32_t i = 0; i < cf->head->tunnel_end; i++) {
		const struct tunnel *t = &c->region->table.tunnel[i];

		if (!config_tunnel(cf, (uint16_t)i))
			continue;

		struct endpoint ep = tunnel_endpoint(t);
		int64_t in_s = tunnel_last_in_s(&c->region->table, (uint16_t)i);
		bool active = in_s != 0 && wall_since_s(now, (wall_t){ in_s }) < ACTIVE_S;
		enum status_row row = row_of(ep.type);

		if (row == ROW_COUNT)
			continue;
		status_add(st, row, &ep, active);
		status_add(st, ROW_TOTAL, &ep, active);
	}
}

static int show_status(struct control *c, struct session *s, const struct arg *args,
		       unsigned int n, struct answer *an)
{
	static const char *const name[ROW_COUNT] = { "direct", "ayiya", "gre", "total" };
	struct status st;

	(void)s, (void)args, (void)n;
	status_fill(&st, c);
	for (unsigned int i = 0; i < ROW_COUNT; i++) {
		answer_line(an, "%s %" PRIu32 " %" PRIu32 " %" PRIu32, name[i], st.online[i],
			    st.active[i], st.configured[i]);
		json_open(an, name[i], '{');
		json_uint(an, "online", st.online[i]);
		json_uint(an, "active", st.active[i]);
		json_uint(an, "configured", st.configured[i]);
		json_close(an, '}');
	}
	return 0;
}

/* ---- time ---- */

static int show_uptime(struct control *c, struct session *s, const struct arg *args,
		       unsigned int n, struct answer *an)
{
	uint64_t up_s = show_uptime_s(c);
	char span[SPAN_TEXT_MAX];

	(void)s, (void)args, (void)n;
	answer_line(an, "%s", span_text(up_s, span));
	json_uint(an, "uptime_s", up_s);
	return 0;
}

static int show_unixtime(struct control *c, struct session *s, const struct arg *args,
			 unsigned int n, struct answer *an)
{
	wall_t now = c->ops.wall(c->ops.context);

	(void)s, (void)args, (void)n;
	answer_line(an, "%" PRId64, now.s);
	json_int(an, "unixtime", now.s);
	return 0;
}

static int show_timeinfo(struct control *c, struct session *s, const struct arg *args,
			 unsigned int n, struct answer *an)
{
	wall_t now = c->ops.wall(c->ops.context);
	uint64_t up_s = show_uptime_s(c);
	int64_t started = now.s - (int64_t)up_s;
	char date[DATE_TEXT_MAX], span[SPAN_TEXT_MAX], local[64] = "";
	time_t t = now.s;
	struct tm tm = { .tm_gmtoff = 0 };

	(void)s, (void)args, (void)n;
	if (localtime_r(&t, &tm))
		strftime(local, sizeof(local), "%Y-%m-%d %H:%M:%S %Z", &tm);

	answer_line(an, "Started: %s UTC (%" PRId64 ")", date_text(started, date), started);
	answer_line(an, "Current: %s UTC (%" PRId64 ")", date_text(now.s, date), now.s);
	answer_line(an, "UTC Offset: %ld", tm.tm_gmtoff);
	answer_line(an, "LocalTime: %s", local);
	answer_line(an, "Uptime: %s", span_text(up_s, span));

	json_int(an, "started", started);
	json_int(an, "current", now.s);
	json_int(an, "utc_offset_s", tm.tm_gmtoff);
	json_str(an, "local_time", local);
	json_uint(an, "uptime_s", up_s);
	return 0;
}

/* ---- info, version, pops ---- */

static void info_verbosity(struct answer *an)
{
	static const char *const section[] = { "AYIYA", "Common", "Config", "Prefix", "Thread" };

	/* every section logs what it has; there is no switch to tell of */
	label(an, "Verbose SixXSd", "yes");
	for (size_t i = 0; i < ARRAY_LEN(section); i++)
		answer_line(an, "        %-16s: yes", section[i]);
}

static int show_info(struct control *c, struct session *s, const struct arg *args, unsigned int n,
		     struct answer *an)
{
	const struct config_head *h = region_config(c->region)->head;

	(void)s, (void)args, (void)n;
	label(an, "PoP Name", "%s", show_pop_name(c));
	label(an, "Running", "yes");
	label(an, "Verbosity Level", "%" PRIu32, h->verbosity);
	info_verbosity(an);
	label(an, "Version", "%s", SIXXSD_VERSION);
	label(an, "Configuration", "%s, revision %" PRIu64, c->file ? c->file : "none", h->revision);
	label(an, "Tunnels Configured", "%" PRIu32, h->tunnels);
	label(an, "Workers", "%u", c->workers);
	label(an, "Latency Interval", "%" PRIu32 " s", h->latency_interval_s);
	label(an, "Offload", "%s", h->no_offload ? "off" : "on");
	label(an, "Signatures", "%s", c->digests ? c->digests : "unknown");
	label(an, "Reserved Sources", "%s", h->drop_reserved ? "drop" : "pass");
	label(an, "Clock", "%s", c->clock_unsynced ?
	      "not synchronised: dynamic tunnels may be refused, their clients' clocks seem off" :
	      "synchronised");

	json_str(an, "pop_name", show_pop_name(c));
	json_bool(an, "running", true);
	json_uint(an, "verbosity", h->verbosity);
	json_str(an, "version", SIXXSD_VERSION);
	json_str(an, "configuration", c->file);
	json_uint(an, "revision", h->revision);
	json_uint(an, "tunnels", h->tunnels);
	json_uint(an, "workers", c->workers);
	json_uint(an, "latency_interval_s", h->latency_interval_s);
	json_bool(an, "offload", !h->no_offload);
	json_str(an, "signatures", c->digests);
	json_str(an, "reserved_sources", h->drop_reserved ? "drop" : "pass");
	json_bool(an, "clock_synchronised", !c->clock_unsynced);
	return 0;
}

static int show_version(struct control *c, struct session *s, const struct arg *args,
			unsigned int n, struct answer *an)
{
	unsigned int bits = 8 * sizeof(void *);

	(void)c, (void)s, (void)args, (void)n;
	answer_line(an, "sixxsd - IPv6 tunnel daemon of a PoP %s", SIXXSD_VERSION);
	answer_line(an, "Speaks the dialect of SixXSd 4.0");
	answer_line(an, "Copyright (c) 2026, the sixxsd authors; BSD-3-Clause");
	answer_line(an, "%s", "");
	answer_line(an, "Build Information: %s", __VERSION__);
	answer_line(an, "SixXSd Version: %s", SIXXSD_VERSION);
	answer_line(an, "SixXSd Release: %s", "sixxsd-" SIXXSD_VERSION);
	answer_line(an, "OS/CPU Bits: %u", bits);

	json_str(an, "version", SIXXSD_VERSION);
	json_str(an, "build", __VERSION__);
	json_uint(an, "bits", bits);
	return 0;
}

static int show_pops(struct control *c, struct session *s, const struct arg *args, unsigned int n,
		     struct answer *an)
{
	const struct config_head *h = region_config(c->region)->head;
	char v4[ADDR_TEXT_MAX], v6[ADDR_TEXT_MAX];
	unsigned int pops = 0;

	(void)s, (void)args, (void)n;
	json_open(an, "pops", '[');
	for (unsigned int i = 0; i < POPS_MAX; i++) {
		const struct pop *pop = &h->pop[i];

		if (!pop->set)
			continue;
		answer_line(an, "%u %s %s %s", i, pop->name, them_text(&pop->v4, v4),
			    addr_text(&pop->v6, v6));
		json_open(an, NULL, '{');
		json_uint(an, "id", i);
		json_str(an, "name", pop->name);
		json_addr(an, "ipv4", &pop->v4);
		json_addr(an, "ipv6", &pop->v6);
		json_close(an, '}');
		pops++;
	}
	json_close(an, ']');
	if (pops == 0) {
		an->code = ANSWER_NOTHING;
		answer_line(an, "No PoPs are configured");
	}
	return 0;
}

const struct cmd pop_show_rows[] = {
	{ .name = "drops", .run = show_drops, .help = "every packet that went nowhere, by reason" },
	{ .name = "fastpath", .run = show_fastpath,
	  .help = "what the driver forwards by itself, where, and what went up" },
	{ .name = "hostinfo", .run = show_hostinfo, .help = "the machine this runs on" },
	{ .name = "info", .run = show_info, .help = "name, configuration, clock" },
	{ .name = "limits", .run = show_limits, .help = "how much of everything there is, and is used" },
	{ .name = "pops", .run = show_pops, .help = "the PoPs that are known" },
	{ .name = "status", .run = show_status, .help = "tunnels online, active and configured, by type; no type: never heard" },
	{ .name = "threads", .run = show_threads, .help = "the threads of the daemon" },
	{ .name = "timeinfo", .run = show_timeinfo, .help = "start, now, time zone" },
	{ .name = "unixtime", .run = show_unixtime, .help = "seconds since 1970" },
	{ .name = "uptime", .run = show_uptime, .help = "how long the daemon has been running" },
	{ .name = "version", .run = show_version, .help = "version and build" },
	{ .name = NULL }
};
