/* What /metrics and /metrics/tunnels say; that it is well-formed, scripts/check-metrics.py sees. */
#include "scrape.h"
#include "table/enumword.h"

enum { TUNNELS = 40, ROOM = 4 * 1024 * 1024 };

static const wall_t now = { SCRAPE_WALL_S };
static char answer[ROOM + 1], other[ROOM + 1];

static const char *pop_of(const struct region *r, enum metrics_format f)
{
	answer[metrics_pop(r, now, f, answer, ROOM)] = '\0';
	return answer;
}

static size_t tunnels_of(const struct region *r, enum metrics_format f, size_t room, char *to)
{
	struct metrics_cursor c;
	size_t all = 0, len;
	bool more;

	metrics_tunnels_begin(&c, f);
	do {
		more = metrics_tunnels(&c, r, to + all, room, &len);
		all += len;
	} while (more);
	to[all] = '\0';
	return all;
}

/* Is there such a line? */
__attribute__((format(printf, 2, 3)))
static bool has(const char *text, const char *fmt, ...)
{
	char line[200] = "\n";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line + 1, sizeof(line) - 2, fmt, ap);
	va_end(ap);
	strcat(line, "\n");
	return strstr(text, line) != NULL;
}

static size_t times(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

static const char *lower(const char *name)
{
	static char word[64];
	size_t i;

	for (i = 0; name[i] && i < sizeof(word) - 1; i++)
		word[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 0x20 : name[i]);
	word[i] = '\0';
	return word;
}

static void the_pop_says_what_was_counted(const struct region *r)
{
	const char *t = pop_of(r, METRICS_TEXT);
	bool all = true;

	for (unsigned int v = VERDICT_FIRST_DROP; v < VERDICT_COUNT; v++)
		all &= has(t, "sixxsd_drops_total{reason=\"%s\"} %u", lower(verdict_info[v].name + 5),
			   1000 + 2 * v + (v == DROP_QUEUE_TUN ? 5 : 0));
	ok(all, "every reason has its series, all workers together, and the kernel's own");
	for (unsigned int v = PASS + 1; v < VERDICT_FIRST_DROP; v++)
		all &= has(t, "sixxsd_handled_total{outcome=\"%s\"} %u", lower(verdict_info[v].name),
			   1000 + 2 * v);
	ok(all, "and so has every other verdict");

	ok(has(t, "sixxsd_packets_total{direction=\"receive\",transport=\"direct\"} %u",
	       2001 + 2 * ((1 << FAST_WAY(1, 0)) + (1 << FAST_WAY(1, 1)) + (1 << FAST_WAY(1, 2)))) &&
	   has(t, "sixxsd_bytes_total{direction=\"transmit\",transport=\"gre\"} %u",
	       120001 + 240 * ((1 << FAST_WAY(0, 2)) + (1 << FAST_WAY(1, 2)) + (1 << FAST_WAY(2, 2)))) &&
	   has(t, "sixxsd_packets_total{direction=\"receive\",transport=\"ayiya\"} 4001"),
	   "traffic by transport: user space and fast path");
	ok(has(t, "sixxsd_uplink_packets_total{direction=\"receive\"} %u",
	       3 + 2 * ((1 << FAST_WAY(0, 1)) + (1 << FAST_WAY(0, 2)))) &&
	   has(t, "sixxsd_fastpath_packets_total %u", 2 * ((1 << FAST_WAYS) - 1)) &&
	   has(t, "sixxsd_fastpath_passed_packets_total{reason=\"room\"} 101"),
	   "the uplink's, and the fast path's part of all");
	ok(has(t, "sixxsd_latency_seconds_bucket{le=\"0.001\"} 2") &&
	   has(t, "sixxsd_latency_seconds_bucket{le=\"1.0\"} 110") &&
	   has(t, "sixxsd_latency_seconds_bucket{le=\"+Inf\"} 182") &&
	   has(t, "sixxsd_latency_seconds_count 182") &&
	   has(t, "sixxsd_latency_seconds_sum 2.469134"), "round trips add up from bucket to bucket");
	ok(has(t, "sixxsd_worker_busy_seconds_total{worker=\"1\"} 1.500001") &&
	   has(t, "sixxsd_worker_afxdp_packets_total{worker=\"1\",direction=\"transmit\"} 71") &&
	   has(t, "sixxsd_queue_bytes{worker=\"1\",queue=\"ayiya_ip4\"} 104") &&
	   has(t, "sixxsd_queue_limit_bytes{worker=\"0\",queue=\"ayiya_ip4\"} 212992") &&
	   !strstr(t, "worker=\"2\""), "workers and queues, those that there are");
	ok(has(t, "sixxsd_fastpath_attached{interface=\"eth0\",mode=\"native\"} 1") &&
	   has(t, "sixxsd_fastpath_attached{interface=\"eth1\",mode=\"none\"} 0") &&
	   has(t, "sixxsd_interface_up{interface=\"eth1\",role=\"outer4\"} 0"), "interfaces");
	ok(has(t, "sixxsd_config_revision 1") && has(t, "sixxsd_build_info{version=\"%s\"} 1", SIXXSD_VERSION) &&
	   has(t, "sixxsd_start_timestamp_seconds %d", SCRAPE_WALL_S - 3600) &&
	   has(t, "sixxsd_config_load_successful 1") && has(t, "sixxsd_clock_synchronised 1"),
	   "version, revision, start, file, clock");
}

static void tunnels_by_state(const struct region *r)
{
	unsigned int up[TUNNEL_TYPES] = { 0 }, down = 0, active = 0;
	const char *t = pop_of(r, METRICS_TEXT);
	bool all = true;

	for (uint32_t n = 0; n < TUNNELS; n++) {
		up[r->table.tunnel[n].ep.type] += r->table.tunnel[n].ep.state == STATE_UP;
		down += r->table.tunnel[n].ep.state == STATE_DOWN && n % 2;
		active += n % 2 && 10 * n + 1 < 900;
	}
	for (unsigned int type = TYPE_DIRECT; type < TUNNEL_TYPES; type++)
		all &= has(t, "sixxsd_tunnels{state=\"up\",transport=\"%s\"} %u", word_type(type),
			   up[type]);
	ok(all && has(t, "sixxsd_tunnels{state=\"down\",transport=\"ayiya\"} %u", down),
	   "tunnels by state and transport");
	ok(has(t, "sixxsd_tunnels_active{transport=\"ayiya\"} %u", active), "and those that are used");
}

static void what_is_not_known_is_not_said(void)
{
	struct region r;
	const char *t;

	scrape_init(&r, 3);
	memset(r.table.outside, 0, sizeof(*r.table.outside));
	t = pop_of(&r, METRICS_TEXT);
	ok(!strstr(t, "sixxsd_clock_synchronised") && !strstr(t, "sixxsd_config_load_successful ") &&
	   has(t, "sixxsd_workers 0") && has(t, "sixxsd_config_loaded_timestamp_seconds 0"),
	   "before control looked around there is neither yes nor no");
}

static void a_tunnel_says_what_was_counted(const struct region *r)
{
	const char *t = answer;

	(void)tunnels_of(r, METRICS_TEXT, ROOM, answer);
	ok(has(t, "sixxsd_tunnel_info{tunnel=\"T103\",kind=\"ayiya\",transport=\"ayiya\"} 1") &&
	   has(t, "sixxsd_tunnel_info{tunnel=\"T102\",kind=\"static\",transport=\"gre\"} 1"),
	   "how it is configured, what it uses");
	ok(has(t, "sixxsd_tunnel_up{tunnel=\"T103\"} 1") && has(t, "sixxsd_tunnel_up{tunnel=\"T105\"} 0") &&
	   has(t, "sixxsd_tunnel_enabled{tunnel=\"T105\"} 1") &&
	   has(t, "sixxsd_tunnel_enabled{tunnel=\"T107\"} 0"), "up, down, disabled");
	ok(has(t, "sixxsd_tunnel_receive_packets_total{tunnel=\"T103\"} 15") &&
	   has(t, "sixxsd_tunnel_receive_bytes_total{tunnel=\"T103\"} 1007") &&
	   has(t, "sixxsd_tunnel_transmit_packets_total{tunnel=\"T103\"} 29") &&
	   has(t, "sixxsd_tunnel_transmit_bytes_total{tunnel=\"T103\"} 2011"),
	   "traffic: user space and every cpu");
	ok(has(t, "sixxsd_tunnel_last_receive_timestamp_seconds{tunnel=\"T103\"} %d", SCRAPE_WALL_S - 31) &&
	   has(t, "sixxsd_tunnel_latency_seconds{tunnel=\"T103\"} 0.001003") &&
	   has(t, "sixxsd_tunnel_latency_loss_ratio{tunnel=\"T103\"} 0.03") &&
	   has(t, "sixxsd_tunnel_latency_loss_ratio{tunnel=\"T110\"} 0") &&
	   has(t, "sixxsd_tunnel_mtu_bytes{tunnel=\"T103\"} 1480"), "when, how long, how large");
	ok(has(t, "sixxsd_tunnel_keepalives_total{tunnel=\"T103\"} 10") &&
	   has(t, "sixxsd_tunnel_endpoint_changes_total{tunnel=\"T103\"} 3") &&
	   !strstr(t, "keepalives_total{tunnel=\"T102\"}"), "keep-alives of dynamic tunnels");
	ok(has(t, "sixxsd_tunnel_drops_total{tunnel=\"T103\",reason=\"too_big\"} 6") &&
	   has(t, "sixxsd_tunnel_drops_total{tunnel=\"T103\",reason=\"beat_clock\"} 2") &&
	   has(t, "sixxsd_tunnel_errors_total{tunnel=\"T103\",error=\"clock_off\"} 3") &&
	   times(t, "tunnel_drops_total{tunnel=\"T103\"") == 3,
	   "drops by reason, errors by their historic names, those that occurred");
	ok(times(t, "sixxsd_tunnel_up{") == TUNNELS, "every tunnel is there");
}

static void pieces_make_the_same_answer(const struct region *r)
{
	bool same = true, whole = true;
	size_t len;

	for (enum metrics_format f = METRICS_TEXT; f <= METRICS_OPENMETRICS; f++) {
		len = tunnels_of(r, f, ROOM, answer);
		for (size_t room = METRICS_PIECE_MIN; room < METRICS_PIECE_MIN + 300; room += 7) {
			same &= tunnels_of(r, f, room, other) == len && !memcmp(answer, other, len);
			whole &= other[len - 1] == '\n';
		}
	}
	ok(same && whole, "wherever it is cut, it is the same answer");
	ok(len > 2 * METRICS_PIECE_MIN && !strcmp(answer + len - 6, "# EOF\n") && times(answer, "# EOF") == 1,
	   "and OpenMetrics ends once");
}

static void a_name_given_twice_is_said_once(void)
{
	struct region r;
	struct config *cf;

	scrape_init(&r, TUNNELS);
	cf = scrape_edit(&r);
	cf->tunnel[20].id = cf->tunnel[7].id;
	cf->tunnel[30].id = cf->tunnel[7].id;
	(void)region_publish(&r);
	(void)tunnels_of(&r, METRICS_TEXT, ROOM, answer);
	ok(times(answer, "sixxsd_tunnel_up{tunnel=\"T107\"}") == 1 &&
	   times(answer, "sixxsd_tunnel_up{") == TUNNELS - 2,
	   "two tunnels of one name: the first has it");
}

/* A tunnel moves to another slot, one goes, one comes, between every two pieces. */
static void a_change_repeats_nothing(void)
{
	struct metrics_cursor c;
	struct region r;
	uint32_t generation = 1000, at = 5;
	size_t all = 0, len, pieces = 0;
	bool more, once = true;

	scrape_init(&r, 2000);
	metrics_tunnels_begin(&c, METRICS_TEXT);
	do {
		struct config *cf;

		more = metrics_tunnels(&c, &r, answer + all, METRICS_PIECE_MIN, &len);
		all += len;
		pieces++;
		cf = scrape_edit(&r);
		cf->tunnel[at + 50] = cf->tunnel[at];
		cf->tunnel[at + 50].generation = ++generation + 2000;
		cf->tunnel[at] = (struct tunnel_conf){ .generation = ++generation + 2000 };
		at = (at + 50) % 1900;
		(void)region_publish(&r);
	} while (more && all < ROOM - METRICS_PIECE_MIN);
	answer[all] = '\0';
	for (unsigned int id = 100; id < 2100; id++) {
		char line[60];

		snprintf(line, sizeof(line), "sixxsd_tunnel_transmit_bytes_total{tunnel=\"T%u\"}", id);
		once &= times(answer, line) <= 1;
	}
	ok(!more && pieces > 50 && once, "a configuration that changes %zu times repeats no series", pieces);
	ok(times(answer, "# TYPE ") == METRICS - METRICS_FIRST_TUNNEL, "and every metric has its head once");
	ok(times(answer, "\nsixxsd_tunnel_info{") == 2000 &&
	   times(answer, "\nsixxsd_tunnel_mtu_bytes{") < 2000, "what is gone is not said");
}

static void fill_all(void *at, size_t bytes)
{
	memset(at, 0xff, bytes);
}

/* The longest that can be said of everything. */
static void the_largest_answer_has_room(void)
{
	struct region r;
	struct outside o;
	size_t len;

	scrape_init(&r, 3);
	fill_all(r.table.fast.cpu, SCRAPE_CPUS * sizeof(*r.table.fast.cpu));
	fill_all(r.table.worker, WORKERS_MAX * sizeof(*r.table.worker));
	fill_all(&o, sizeof(o));
	o.at_s = o.loaded_s = INT64_MAX;
	o.clock_synchronised = o.forwarding6 = o.fast_available = o.load_ok = OUTSIDE_YES;
	/* what must be escaped is two octets long */
	for (unsigned int i = 0; i < OUTSIDE_LINKS; i++)
		memset(o.link[i].name, '"', sizeof(o.link[i].name));
	for (unsigned int i = 0; i < FASTPATH_MAX; i++) {
		memset(o.port[i].name, '\\', sizeof(o.port[i].name));
		memset(o.port[i].mode, '\n', sizeof(o.port[i].mode));
	}
	outside_write(r.table.outside, &o);
	len = metrics_pop(&r, now, METRICS_OPENMETRICS, answer, METRICS_POP_BYTES);
	ok(len > 0, "all counters at their end, 16 workers, 8 ports: %zu octets of %d", len, METRICS_POP_BYTES);
	memset(answer, '!', METRICS_POP_BYTES);
	ok(metrics_pop(&r, now, METRICS_OPENMETRICS, answer, len) == len && answer[len] == '!' &&
	   metrics_pop(&r, now, METRICS_OPENMETRICS, answer, len - 1) == 0,
	   "it is written whole or not at all, and nothing behind it");
	ok(strstr(answer, "interface=\"\\\"\\\"") && strstr(answer, "mode=\"\\n\\n"),
	   "what a label may not hold is escaped");
	fill_all(r.table.errors[2].verdict, sizeof(r.table.errors[2].verdict));
	scrape_edit(&r)->tunnel[2].id = UINT32_MAX;
	(void)region_publish(&r);
	len = tunnels_of(&r, METRICS_OPENMETRICS, METRICS_PIECE_MIN, answer);
	ok(times(answer, "tunnel_drops_total{tunnel=\"T4294967295\"") == VERDICT_COUNT - VERDICT_FIRST_DROP,
	   "a tunnel that met every reason fits a piece");
}

static void nothing_to_say(void)
{
	struct region r;

	scrape_init(&r, 0);
	ok(tunnels_of(&r, METRICS_OPENMETRICS, METRICS_PIECE_MIN, answer) > 0 &&
	   !strstr(answer, "tunnel=\"") && strstr(answer, "# EOF\n"), "no tunnel, no series");
}

static void sentences_need_no_escape(void)
{
	bool good = true;

	for (unsigned int m = 0; m < METRICS; m++) {
		const struct metric_info *i = &metric_info[m];
		size_t name = strlen(i->name), unit = strlen(i->unit);

		good &= !strpbrk(i->sentence, "\\\"\n") && i->sentence[0] &&
			(!unit || (name >= unit && !strcmp(i->name + name - unit, i->unit)));
	}
	ok(good, "a name ends in its unit, a sentence has nothing to escape");
}

static void who_asks_gets_what_they_understand(void)
{
	static const struct {
		const char *accept;
		enum metrics_format f;
	} row[] = {
		{ NULL, METRICS_TEXT },
		{ "", METRICS_TEXT },
		{ "*/*", METRICS_TEXT },
		{ "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", METRICS_TEXT },
		/* Prometheus 2.42 */
		{ "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
		  "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", METRICS_OPENMETRICS },
		/* Prometheus 3 */
		{ "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
		  "application/openmetrics-text;version=0.0.1;q=0.5,"
		  "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,*/*;q=0.2", METRICS_OPENMETRICS },
		{ "application/openmetrics-text", METRICS_OPENMETRICS },
		{ " Application/OpenMetrics-Text ; Version=\"1.0.0\" ; charset=utf-8", METRICS_OPENMETRICS },
		{ "application/openmetrics-text;version=0.0.1", METRICS_TEXT },
		{ "application/openmetrics-text; q=0", METRICS_TEXT },
		{ "application/openmetrics-text; q=0.000, */*", METRICS_TEXT },
		{ "application/openmetrics-text;q=0.3,text/plain;q=0.4", METRICS_TEXT },
		{ "application/openmetrics-text;q=0.3,text/plain;q=0.3", METRICS_OPENMETRICS },
		{ "application/openmetrics-text;q=x", METRICS_TEXT },
		{ "application/openmetrics-text;q=9", METRICS_TEXT },
		{ "application/openmetrics-text;q=99999999999999999999", METRICS_TEXT },
		{ "application/openmetrics-texts", METRICS_TEXT },
		{ "application/openmetrics-tex", METRICS_TEXT },
		{ ",,;;,;=;q=,", METRICS_TEXT },
	};

	memset(answer, ',', 10000);
	answer[10000] = '\0';
	ok(metrics_format(answer) == METRICS_TEXT, "of a header too long nothing is believed");
	for (size_t i = 0; i < ARRAY_LEN(row); i++)
		ok(metrics_format(row[i].accept) == row[i].f, "Accept: %s",
		   row[i].accept ? row[i].accept : "(none)");
}

int main(void)
{
	struct region r;

	scrape_init(&r, TUNNELS);
	the_pop_says_what_was_counted(&r);
	tunnels_by_state(&r);
	what_is_not_known_is_not_said();
	a_tunnel_says_what_was_counted(&r);
	pieces_make_the_same_answer(&r);
	a_name_given_twice_is_said_once();
	a_change_repeats_nothing();
	the_largest_answer_has_room();
	nothing_to_say();
	sentences_need_no_escape();
	who_asks_gets_what_they_understand();
	return tap_done();
}
