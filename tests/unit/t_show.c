/*
 * tests/unit/t_show.c - the looking commands, line by line as monitoring parses them
 *
 * A region is laid out and filled by hand with what the workers would have written;
 * expected answers are data, after the samples of the dialect's reference.
 */
#include <sys/mman.h>
#include <time.h>

#include "saw.h"
#include "tap.h"

#include "ctl/control.h"
#include "ctl/show.h"
#include "ctl/stats.h"

enum {
	NOW_S		= 1795409060,	/* 2026-11-23 04:44:20 */
	TUNNELS		= 0x4000,	/* one beyond the to-four plan is needed */
	SUBNETS		= 1024,
	TID_AYIYA	= 1,
	TID_BEAT	= 2,
	TID_NO_FOUR	= 0x3f80,
};

static struct region region;
static struct control ctl;
static struct session session;
static struct answer an;
static char wire[1 << 20];
static int64_t now_s;

static wall_t wall(void *context)
{
	(void)context;
	return (wall_t){ now_s };
}

static mono_t mono(void *context)
{
	(void)context;
	return (mono_t){ (int64_t)(19 + 100) * US_PER_S };
}

static struct ip6_addr address(const char *text)
{
	struct ip6_addr a = { { 0 } };

	if (!addr_parse(text, strlen(text), &a))
		exit(99);
	return a;
}

static void *pages(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		exit(99);
	return at;
}

static void plan_fill(struct config_head *h)
{
	struct prefix p;

	if (!prefix_parse("2001:db8:2ff::/48", 17, &p))
		exit(99);
	plan_set_tunnel_prefix(&h->plan, &p);
	h->plan.pop_id = 1;
	h->plan.subnet_prefixes = 1;
	h->plan.subnet[0] = (struct subnet_prefix){
		.hi = UINT64_C(0x20010db830000000), .mask = ~UINT64_C(0) << 24,
		.len = 40, .delegate = 48,
	};
	h->pop[1] = (struct pop){ .v4 = address("192.0.2.42"), .v6 = address("2001:db8::42"),
				  .name = "chtst01", .set = 1 };
}

static struct tunnel_conf *add(uint16_t tid, uint32_t id, enum tunnel_kind kind, uint16_t mtu)
{
	for (int i = 0; i < 2; i++) {
		struct config *cf = &region.config[i];

		cf->tunnel[tid] = (struct tunnel_conf){ .kind = (uint8_t)kind, .id = id,
							.mtu_bytes = mtu, .generation = 1 };
		cf->head->tunnels++;
		if (cf->head->tunnel_end <= tid)
			cf->head->tunnel_end = tid + 1u;
	}
	return &region.config[0].tunnel[tid];
}

static void endpoint(uint16_t tid, const char *them, enum tunnel_state state,
		     enum tunnel_type type, uint16_t port)
{
	struct endpoint ep = { .state = (uint8_t)state, .type = (uint8_t)type,
			       .them_port = port };

	if (them)
		ep.them = address(them);
	tunnel_commit(&region.table, tid, &ep);
}

static void count_error(uint16_t tid, enum errname e, const char *source, int64_t at_s,
			const char *hex, uint32_t real_len)
{
	struct error_record *r = &region.table.errors[tid].record[e];
	struct error_sample s = { .at_s = at_s, .real_len = real_len };

	if (source)
		s.source = address(source);
	s.verdict = DROP_IP6_SOURCE;
	s.kept = (uint16_t)unhex(hex, s.bytes, sizeof(s.bytes));
	count_add(&r->count, 1);
	seq_write(&r->seq, &r->last, &s, sizeof(s));
}

static void latency(uint16_t tid, struct latency l)
{
	struct tunnel_cold *k = &region.table.cold[tid];

	seq_write(&k->latency_seq, &k->latency, &l, sizeof(l));
}

/* A PoP without tunnels. */
static void fresh(void)
{
	const struct limits limits = { .tunnels = TUNNELS, .subnets = SUBNETS };

	if (region.head) {
		control_fini(&ctl);
		munmap(region.head, region_bytes(limits));
	}
	now_s = NOW_S;
	memset(&region, 0, sizeof(region));
	region_init(&region, pages(region_bytes(limits)), pages(region_secret_bytes(limits)),
		    limits, (wall_t){ NOW_S - 19 });
	plan_fill(region.config[0].head);
	plan_fill(region.config[1].head);

	struct why why;

	ctl = (struct control){ .ops = { .wall = wall, .mono = mono },
				.started = { (int64_t)100 * US_PER_S }, .sessions = 2,
				.sessions_max = 80 };
	if (control_init(&ctl, &region, &why) < 0)
		exit(99);
	an = (struct answer){ .buf = ctl.answer_buf, .size = ctl.answer_size };
	session_init(&session, SESSION_UNIX, ctl.root);
}

/* The tunnels of the reference's samples. */
static void sample_pop(void)
{
	fresh();
	add(TID_AYIYA, 5072, KIND_DYNAMIC, 1428)->flags = TUNNEL_SECRET;
	add(TID_BEAT, 3740, KIND_HEARTBEAT, 1280);
	endpoint(TID_AYIYA, "198.51.100.7", STATE_UP, TYPE_AYIYA, 40001);
	endpoint(TID_BEAT, "198.51.100.8", STATE_UP, TYPE_NONE, 0);

	struct tunnel *t = &region.table.tunnel[TID_AYIYA];

	t->traffic = (struct traffic){ .in_packets = 15, .in_octets = 2045, .out_packets = 11,
				       .out_octets = 2917 };
	t->last_in_s = t->last_beat_s = NOW_S - 2;
	region.table.worker[0].total = (struct traffic){ .in_packets = 10, .in_octets = 2000,
							 .out_packets = 11, .out_octets = 2917 };
	region.table.worker[1].total = (struct traffic){ .in_packets = 8, .in_octets = 189 };
	region.table.worker[0].uplink = (struct traffic){ .in_packets = 3, .in_octets = 144 };
	count_error(TID_AYIYA, ERR_AYIYA_HASH, "198.51.100.7", NOW_S - 2, "", 0);
}

typedef int run_fn(struct control *, struct session *, const struct arg *, unsigned int,
		   struct answer *);

static const char *run(run_fn *fn, enum answer_format format, uint16_t tid, const char *word)
{
	struct arg args[2] = { { .tid = tid }, { .word = word } };

	answer_reset(&an, format);
	if (fn == tunnel_list || fn == tunnel_stats)
		args[0].word = word;
	fn(&ctl, &session, args, 2, &an);

	struct answer_frame f = answer_frame(&an);

	if (an.len + sizeof(f) > sizeof(wire))
		exit(99);
	memcpy(wire, f.head, f.head_len);
	memcpy(wire + f.head_len, an.buf, an.len);
	memcpy(wire + f.head_len + an.len, f.tail, f.tail_len);
	wire[f.head_len + an.len + f.tail_len] = '\0';
	return wire;
}

static run_fn *row(const struct cmd *rows, const char *name)
{
	for (; rows->name; rows++) {
		if (strcmp(rows->name, name) == 0)
			return rows->run;
	}
	exit(99);
}

static const char *pop_show(const char *name)
{
	return run(row(pop_show_rows, name), ANSWER_TEXT, 0, NULL);
}

static bool same(const char *have, const char *want)
{
	if (strcmp(have, want) == 0)
		return true;
	printf("# have:\n%s# want:\n%s", have, want);
	return false;
}

static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (; text && *text; text = strchr(text, '\n'), text += text != NULL) {
		if (strncmp(text, line, len) == 0 && text[len] == '\n')
			return true;
	}
	printf("# no line: %s\n", line);
	return false;
}

/* ---- pop show status ---- */

static void status_counts_by_type(void)
{
	fresh();
	ok(same(pop_show("status"), "201 4\ndirect 0 0 0\nayiya 0 0 0\ngre 0 0 0\ntotal 0 0 0\n"
				    "200 OK\n"), "status of an empty PoP");
	add(1, 1, KIND_STATIC, 1480);
	endpoint(1, "198.51.100.1", STATE_UP, TYPE_DIRECT, 0);
	add(2, 2, KIND_AYIYA, 1428);
	endpoint(2, "198.51.100.7", STATE_UP, TYPE_AYIYA, 1);
	region.table.tunnel[2].last_in_s = NOW_S - 1;
	add(3, 3, KIND_AYIYA, 1428);
	endpoint(3, NULL, STATE_DOWN, TYPE_NONE, 0);
	add(4, 4, KIND_STATIC, 1480);
	endpoint(4, "198.51.100.4", STATE_DISABLED, TYPE_DIRECT, 0);
	ok(same(pop_show("status"), "201 4\ndirect 1 0 2\nayiya 1 1 1\ngre 0 0 0\ntotal 2 1 3\n"
				    "200 OK\n"),
	   "status: the reference's sample; a tunnel never heard is in no row");
	ok(same(run(row(pop_show_rows, "status"), ANSWER_JSON, 0, NULL),
		"200 {\"direct\":{\"online\":1,\"active\":0,\"configured\":2},"
		"\"ayiya\":{\"online\":1,\"active\":1,\"configured\":1},"
		"\"gre\":{\"online\":0,\"active\":0,\"configured\":0},"
		"\"total\":{\"online\":2,\"active\":1,\"configured\":3}}\n"), "and as JSON");

	endpoint(1, "198.51.100.1", STATE_UP, TYPE_GRE, 0);
	region.table.tunnel[1].last_in_s = NOW_S - 899;
	ok(has_line(pop_show("status"), "gre 1 1 1"), "heard 899 s ago: active");
	region.table.tunnel[1].last_in_s = NOW_S - 900;
	ok(has_line(pop_show("status"), "gre 1 0 1"), "heard 900 s ago: not");
	region.table.tunnel[1].last_in_s = NOW_S + 3600;
	ok(has_line(pop_show("status"), "gre 1 1 1"), "a clock that stepped back: active");
}

/* ---- tunnel list ---- */

static void list_has_one_line_per_tunnel(void)
{
	static const struct {
		const char *option, *want;
	} rows[] = {
		{ "debugonly", "200 No tunnels are configured which are in debugging mode\n" },
		{ "erroronly", "200 T5072 2001:db8:2ff:1::2 198.51.100.7 up ayiya 1428 1\n" },
		{ "err=ayiya hash FAIL", "200 T5072 2001:db8:2ff:1::2 198.51.100.7 up ayiya 1428 1\n" },
		{ "err=Clock Off", "200 No tunnels are configured which have the requested error\n" },
		{ "err=Bad Hair", "404 Unknown error 'Bad Hair'\n" },
		{ "err=", "404 Unknown error ''\n" },
		{ "foo", "400 Unknown option 'foo'\n" },
	};

	fresh();
	ok(same(run(tunnel_list, ANSWER_TEXT, 0, NULL), "200 No tunnels are configured\n"),
	   "an empty PoP lists nothing");
	sample_pop();
	endpoint(TID_AYIYA, "198.51.100.7", STATE_UP, TYPE_AYIYA, 40001);
	ok(same(run(tunnel_list, ANSWER_TEXT, 0, "all"),
		"201 2\nT5072 2001:db8:2ff:1::2 198.51.100.7 up ayiya 1428 1\n"
		"T3740 2001:db8:2ff:2::2 198.51.100.8 up none 1280 0\n200 OK\n"),
	   "one line per tunnel, by tid");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ok(same(run(tunnel_list, ANSWER_TEXT, 0, rows[i].option), rows[i].want),
		   "tunnel list %s", rows[i].option);
	region.config[0].tunnel[TID_BEAT].flags |= TUNNEL_DEBUG;
	ok(same(run(tunnel_list, ANSWER_TEXT, 0, "debugonly"),
		"200 T3740 2001:db8:2ff:2::2 198.51.100.8 up none 1280 0\n"),
	   "debugonly: the traced ones");

	count_error(TID_BEAT, ERR_TOO_BIG, NULL, NOW_S, "", 0);
	ok(strstr(run(tunnel_list, ANSWER_TEXT, 0, "erroronly"), "T3740") == NULL,
	   "too big is no error for the sum");
	ok(same(run(tunnel_list, ANSWER_TEXT, 0, "err=Encap.Pkt Too Big"),
		"200 T3740 2001:db8:2ff:2::2 198.51.100.8 up none 1280 1\n"),
	   "unless it is asked for");
	count_error(TID_BEAT, ERR_MALFORMED, NULL, NOW_S, "", 0);
	ok(strstr(run(tunnel_list, ANSWER_TEXT, 0, "erroronly"), "T3740") != NULL,
	   "the appended names count");

	fresh();
	add(0, 4141, KIND_DYNAMIC, 1480);
	endpoint(0, NULL, STATE_DOWN, TYPE_NONE, 0);
	ok(same(run(tunnel_list, ANSWER_TEXT, 0, NULL),
		"200 T4141 2001:db8:2ff:0::2 0.0.0.0 down none 1480 0\n"),
	   "tid 0 is spelled out; an unknown endpoint is 0.0.0.0");
	ok(same(run(tunnel_list, ANSWER_JSON, 0, NULL),
		"200 {\"tunnels\":[{\"tunnel\":\"T4141\",\"inner_them\":\"2001:db8:2ff:0::2\","
		"\"outer_them\":null,\"state\":\"down\",\"type\":\"none\",\"mtu_bytes\":1480,"
		"\"errors\":0}]}\n"), "and as JSON");
}

static void every_tunnel_fits_the_answer(void)
{
	static const enum answer_format format[] = { ANSWER_TEXT, ANSWER_JSON };

	fresh();
	for (uint32_t tid = 0; tid < TUNNELS; tid++) {
		struct tunnel *t = &region.table.tunnel[tid];

		add((uint16_t)tid, UINT32_MAX - tid, KIND_STATIC, 1480);
		endpoint((uint16_t)tid, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", STATE_DISABLED,
			 TYPE_DIRECT, 0);
		memset(&t->traffic, 0xff, sizeof(t->traffic));
		latency((uint16_t)tid, (struct latency){ .sent = UINT64_MAX, .received = UINT64_MAX - 1,
							 .min_us = UINT32_MAX, .max_us = UINT32_MAX,
							 .sum_us = UINT64_MAX });
		region.table.errors[tid].record[ERR_SEND].count = UINT64_MAX;
	}
	for (size_t i = 0; i < ARRAY_LEN(format); i++) {
		struct arg none[1] = { { .word = NULL } };

		answer_reset(&an, format[i]);
		tunnel_list(&ctl, &session, none, 0, &an);
		ok(an.code == 200 && !an.full, "the list of every tunnel fits, format %zu", i);
		answer_reset(&an, format[i]);
		tunnel_stats(&ctl, &session, none, 0, &an);
		ok(an.code == 200 && !an.full, "and their statistics at the largest numbers");
	}
}

/* ---- tunnel stats ---- */

static void stats_are_since_reset(void)
{
	static const char first[] =
		"201 3\ntotal 2189 2917 18 11\nuplink 144 0 3 0\n"
		"T5072 2045 2917 15 11 0 0 0.00 -1.00 -1.00 -1.00\n200 OK\n";
	struct tunnel *t = &region.table.tunnel[TID_AYIYA];

	fresh();
	ok(same(run(tunnel_stats, ANSWER_TEXT, 0, NULL), "404 No tunnels are configured\n"),
	   "no tunnels, no statistics");
	sample_pop();
	t = &region.table.tunnel[TID_AYIYA];
	ok(same(run(tunnel_stats, ANSWER_TEXT, 0, NULL), first),
	   "statistics: the reference's sample; workers are added, silent tunnels left out");
	ok(same(run(tunnel_stats, ANSWER_TEXT, 0, "reset"), "400 Unknown option 'reset'\n"),
	   "reset in lower case is no RESET");
	ok(same(run(tunnel_stats, ANSWER_TEXT, 0, NULL), first), "and resets nothing");

	latency(TID_AYIYA, (struct latency){ .sent = 4, .received = 3, .min_us = 12340,
					     .max_us = 45670, .sum_us = 90000 });
	ok(has_line(run(tunnel_stats, ANSWER_TEXT, 0, NULL),
		    "T5072 2045 2917 15 11 4 3 25.00 12.34 30.00 45.67"),
	   "latency: sent, received, loss in per cent, three times in ms");
	latency(TID_AYIYA, (struct latency){ .sent = 3 });
	ok(has_line(run(tunnel_stats, ANSWER_TEXT, 0, NULL),
		    "T5072 2045 2917 15 11 3 0 100.00 -1.00 -1.00 -1.00"),
	   "nothing came back: all lost, -1");

	ok(has_line(run(tunnel_stats, ANSWER_TEXT, 0, "RESET"),
		    "T5072 2045 2917 15 11 3 0 100.00 -1.00 -1.00 -1.00"), "RESET prints first");
	ok(same(run(tunnel_stats, ANSWER_TEXT, 0, NULL),
		"201 2\ntotal 0 0 0 0\nuplink 0 0 0 0\n200 OK\n"),
	   "then everything starts at zero, total and uplink still told");
	t->traffic.in_packets += 2;
	t->traffic.in_octets += 200;
	region.table.worker[1].uplink.out_packets = 7;
	ok(same(run(tunnel_stats, ANSWER_TEXT, 0, NULL),
		"201 3\ntotal 0 0 0 0\nuplink 0 0 0 7\n"
		"T5072 200 0 2 0 0 0 0.00 -1.00 -1.00 -1.00\n200 OK\n"),
	   "and counts on; the latency of the last window is not told again");
	ok(has_line(run(tunnel_show, ANSWER_TEXT, TID_AYIYA, NULL), "Packets In              : 2") &&
	   has_line(wire, "Packets In  (Total)     : 17") &&
	   has_line(wire, "Octets Out (Total)      : 2917"), "lifetime totals stay");
	latency(TID_AYIYA, (struct latency){ .sent = 1, .epoch = 1 });
	ok(has_line(run(tunnel_stats, ANSWER_TEXT, 0, NULL),
		    "T5072 200 0 2 0 1 0 100.00 -1.00 -1.00 -1.00"), "the new window's latency is");

	t->traffic = (struct traffic){ .in_packets = 1, .in_octets = 40 };
	ok(has_line(run(tunnel_stats, ANSWER_TEXT, 0, NULL),
		    "T5072 40 0 1 0 1 0 100.00 -1.00 -1.00 -1.00"),
	   "counters that restarted below the baseline do not underflow");
	stats_forget(&region.table, TID_AYIYA);
	t->traffic.in_packets = 1000;
	t->traffic.in_octets = 99999;
	ok(has_line(run(tunnel_stats, ANSWER_TEXT, 0, NULL),
		    "T5072 99999 0 1000 0 1 0 100.00 -1.00 -1.00 -1.00"),
	   "a removed slot's baseline is forgotten");
	ok(strstr(run(tunnel_stats, ANSWER_JSON, 0, NULL),
		  "\"tunnels\":[{\"tunnel\":\"T5072\",\"in_octets\":99999,\"out_octets\":0,"
		  "\"in_packets\":1000,\"out_packets\":0,\"pings_sent\":1,\"pings_received\":0,"
		  "\"loss_percent\":100.000,\"min_ms\":null,\"avg_ms\":null,\"max_ms\":null}]}")
	   != NULL, "as JSON: no times are null");
}

/* ---- tunnel show ---- */

static const char shown[] =
	"Tunnel ID               : T5072\n"
	"TID                     : 0x1\n"
	"Tunnel Debugging        : no\n"
	"Inner Us                : 2001:db8:2ff:1::1\n"
	"Inner Them              : 2001:db8:2ff:1::2\n"
	"Outer Us                : 192.0.2.42\n"
	"Outer Them              : 198.51.100.7\n"
	"MTU                     : 1428\n"
	"Tunnel State            : up\n"
	"Tunnel Type             : ayiya\n"
	"Dynamic Tunnel          : yes\n"
	"AYIYA Socket Type       : 2 (DGRAM (UDP))\n"
	"AYIYA Protocol          : 17 (UDP)\n"
	"AYIYA Port Us           : 5072\n"
	"AYIYA Port Them         : 40001\n"
	"AYIYA Hash              : 2 (SHA-1)\n"
	"Last Heartbeat          : 2026-11-23 04:44:18 (1795409058; 0 days 00:00:02 ago)\n"
	"Heartbeat Password      : (set)\n"
	"Packet In               : 2026-11-23 04:44:18 (1795409058; 0 days 00:00:02 ago)\n"
	"Packets In              : 15\n"
	"Packets In  (Total)     : 15\n"
	"Octets In               : 2045\n"
	"Octets In  (Total)      : 2045\n"
	"Packet Out              : never\n"
	"Packets Out             : 11\n"
	"Packets Out (Total)     : 11\n"
	"Octets Out              : 2917\n"
	"Octets Out (Total)      : 2917\n"
	"Latency Pkt Sent        : 0\n"
	"Latency Pkt Recv        : 0\n"
	"Encap.Pkt Too Big       : none\n"
	"Disabled tunnel         : none\n"
	"Clock Off               : none\n"
	"Encap.Pkt Send Error    : none\n"
	"Same In&Out Interface   : none\n"
	"Wrong Source IPv6       : none\n"
	"Wrong Source IPv4       : none\n"
	"Packet over uplink      : none\n"
	"Non-IPv6 Payload        : none\n"
	"Non-IPv4 Payload        : none\n"
	"AYIYA Hash Fail         : 1, last: 198.51.100.7 2026-11-23 04:44:18 (1795409058; 0 days 00:00:02 ago)\n"
	"AYIYA-non-AYIYA         : none\n"
	"AYIYA Invalid Forward   : none\n"
	"Heartbeat Hash Fail     : none\n"
	"HB-non-HB               : none\n"
	"HB Missing sender       : none\n"
	"HB Sender Mismatch      : none\n"
	"HB Missing Time         : none\n"
	"ICMPv4 Errors Received  : none\n"
	"ICMPv4 Echo Req. Recv.  : none\n"
	"Wrong Payload           : none\n"
	"Wrong Outer Source      : none\n"
	"Replayed Packet         : none\n"
	"Rate Limited            : none\n"
	"Nested Encapsulation    : none\n"
	"Malformed Packet        : none\n"
	"Endpoint From           : dynamic\n"
	"MTU In Force            : 1428\n"
	"Outer Path MTU          : nothing smaller heard of\n"
	"Encapsulation           : auto\n"
	"Hash                    : sha1\n"
	"Rate Limit              : none\n"
	"TCP MSS                 : off\n"
	"Endpoint Moves          : 0\n"
	"Messages Accepted       : 0\n"
	"Routed Prefix           : 2001:db8:2ff:8001::/64\n"
	"Routed Subnet           : 2001:db8:3001::/48\n"
	"IPv4 Us                 : 240.127.128.2\n"
	"IPv4 Them               : 240.127.128.3\n"
	"IPv4 Subnet             : 240.64.1.0/24\n"
	"200 OK\n";

static void show_tells_everything_in_the_historic_order(void)
{
	sample_pop();
	region.config[0].subnet[1] = TID_AYIYA;

	const char *text = run(tunnel_show, ANSWER_TEXT, TID_AYIYA, NULL);
	const char *body = strchr(text, '\n') + 1;

	ok(strncmp(text, "201 70\n", 7) == 0, "as many lines as it says");
	ok(same(body, shown), "tunnel show, to the letter");
	ok(!strstr(text, "0123456789abcdef"), "no password");
}

static void show_leaves_out_what_does_not_apply(void)
{
	sample_pop();
	add(5, 5, KIND_STATIC, 1480);
	endpoint(5, "2001:db8:cafe::5", STATE_UP, TYPE_GRE, 0);

	const char *text = run(tunnel_show, ANSWER_TEXT, 5, NULL);

	ok(!strstr(text, "\nAYIYA Port") && !strstr(text, "\nLast Heartbeat") &&
	   !strstr(text, "\nHeartbeat Password") && !strstr(text, "\nLatency Loss"),
	   "a static tunnel has no AYIYA, beat or password lines, without replies no latency");
	ok(has_line(text, "Outer Us                : 2001:db8::42"), "its address family's own end");
	ok(has_line(text, "Dynamic Tunnel          : no"), "not dynamic");

	latency(5, (struct latency){ .sent = 3, .received = 2, .min_us = 12340, .max_us = 12345,
				     .sum_us = 24680 });
	text = run(tunnel_show, ANSWER_TEXT, 5, NULL);
	ok(has_line(text, "Latency Loss            : 33.33") &&
	   has_line(text, "Latency Min             : 12.34 ms") &&
	   has_line(text, "Latency Avg             : 12.34 ms") &&
	   has_line(text, "Latency Max             : 12.35 ms"), "with replies it has");

	add(6, 6, KIND_HEARTBEAT, 1280);
	endpoint(6, NULL, STATE_DOWN, TYPE_NONE, 0);
	text = run(tunnel_show, ANSWER_TEXT, 6, NULL);
	ok(has_line(text, "Outer Us                : ::") &&
	   has_line(text, "Outer Them              : 0.0.0.0") &&
	   has_line(text, "Last Heartbeat          : never") &&
	   has_line(text, "Packet In               : never"), "never heard of: ::, 0.0.0.0, never");
	ok(has_line(text, "Heartbeat Password      : (not set)") &&
	   has_line(text, "Remark                  : no password is set: the tunnel stays down "
			  "until it has one"), "without password: that it stays down is said");
}

static void show_tells_our_own_settings(void)
{
	sample_pop();

	struct tunnel_conf *c = add(TID_NO_FOUR, 16256, KIND_AYIYA, 1428);
	struct endpoint ep = { .them = address("198.51.100.9"), .us = address("192.0.2.43"),
			       .them_port = 7, .path_mtu_bytes = 1400, .state = STATE_UP,
			       .type = TYPE_AYIYA };

	c->hash = HASH_SHA256;
	c->encap = ENCAP_GRE;
	c->flags = TUNNEL_GRE_KEY | TUNNEL_MSS | TUNNEL_SECRET | TUNNEL_DEBUG;
	c->gre_key = 4294967295u;
	c->rate_kbit_s = 1000;
	c->rate_pps = 50;
	tunnel_commit(&region.table, TID_NO_FOUR, &ep);
	for (unsigned int i = 0; i < 18; i++)
		region.config[0].subnet[100 + i] = TID_NO_FOUR;
	region.table.cold[TID_NO_FOUR].moves = 4;
	region.table.cold[TID_NO_FOUR].beats = 9;
	region.table.errors[TID_NO_FOUR].verdict[DROP_HOP_LIMIT] = 12;

	const char *text = run(tunnel_show, ANSWER_TEXT, TID_NO_FOUR, NULL);

	ok(has_line(text, "Tunnel Debugging        : yes") &&
	   has_line(text, "Outer Us                : 192.0.2.43"), "the address the client used");
	ok(has_line(text, "AYIYA Hash              : 4 (SHA-256)"), "the other hash");
	ok(has_line(text, "MTU                     : 1428") &&
	   has_line(text, "MTU In Force            : 1316") &&
	   has_line(text, "Outer Path MTU          : 1400"), "a path MTU lowers the MTU in force");
	ok(has_line(text, "Encapsulation           : gre") &&
	   has_line(text, "GRE Key                 : 4294967295"), "encapsulation and key");
	ok(has_line(text, "Rate Limit Octets       : 1000 kbit/s") &&
	   has_line(text, "Rate Limit Packets      : 50 packets/s"), "rate limits");
	ok(has_line(text, "TCP MSS                 : auto"), "clamp");
	ok(has_line(text, "Endpoint Moves          : 4") &&
	   has_line(text, "Messages Accepted       : 9"), "moves and messages");
	ok(has_line(text, "Routed Subnet           : 2001:db8:3064::/48") &&
	   has_line(text, "Routed Subnets, more    : 2"), "sixteen subnets, then how many more");
	ok(has_line(text, "IPv4 Inside             : none: TID 0x3f80 is beyond the to-four plan, "
			  "which ends at 0x3f7f"), "no IPv4, and why");
	ok(has_line(text, "DROP_HOP_LIMIT          : 12, hop limit ran out here"),
	   "the finer reasons");
	ok(strstr(run(tunnel_show, ANSWER_JSON, TID_NO_FOUR, NULL), "\"ipv4\":null") &&
	   strstr(wire, "\"subnets\":18,") && strstr(wire, "\"gre_key\":4294967295"),
	   "as JSON");
}

static void times_are_utc_and_never_in_the_future(void)
{
	sample_pop();
	region.table.tunnel[TID_AYIYA].last_in_s = NOW_S + 5;
	ok(has_line(run(tunnel_show, ANSWER_TEXT, TID_AYIYA, NULL),
		    "Packet In               : 2026-11-23 04:44:20 (1795409060; 0 days 00:00:00 ago)"),
	   "the future prints as now");
	region.table.tunnel[TID_AYIYA].last_in_s = NOW_S - (3 * 86400 + 2 * 3600 + 59 * 60 + 59);
	ok(has_line(run(tunnel_show, ANSWER_TEXT, TID_AYIYA, NULL),
		    "Packet In               : 2026-11-20 01:44:21 (1795139061; 3 days 02:59:59 ago)"),
	   "days, hours, minutes, seconds");
	region.table.tunnel[TID_AYIYA].last_in_s = INT64_MAX;
	now_s = INT64_MAX;
	ok(strstr(run(tunnel_show, ANSWER_TEXT, TID_AYIYA, NULL), "beyond the calendar") != NULL,
	   "a year that does not exist kills nobody");
}

/* ---- tunnel get ---- */

static void the_last_bad_packet_is_kept(void)
{
	static const char packet[] =
		"6000000000093a4020010db802ff00020000000000000002"
		"20010db8ffff0000000000000000000180" "00a9430001000178";
	run_fn *get = row(tunnel_get_rows, "errorpacket");

	sample_pop();
	count_error(TID_AYIYA, ERR_SOURCE6, "2001:db8:2ff:2::2", NOW_S - 6, packet, 49);
	now_s = NOW_S + 2;
	ok(same(run(get, ANSWER_TEXT, TID_AYIYA, "wrong source ipv6"),
		"201 11\n"
		"Error       : Wrong Source IPv6\n"
		"Count       : 1\n"
		"Last Seen   : 2026-11-23 04:44:14 (1795409054; 0 days 00:00:08 ago)\n"
		"Source      : 2001:db8:2ff:2::2\n"
		"Real Length : 49\n"
		"8<--------------------------------------------\n"
		"00000000 60 00 00 00 00 09 3a 40 20 01 0d b8 02 ff 00 02 `.....:@ .......\n"
		"00000010 00 00 00 00 00 00 00 02 20 01 0d b8 ff ff 00 00 ........ .......\n"
		"00000020 00 00 00 00 00 00 00 01 80 00 a9 43 00 01 00 01 ...........C....\n"
		"00000030 78                                              x\n"
		"-------------------------------------------->8\n"
		"200 OK\n"), "errorpacket: the reference's sample, with all sixteen columns");
	ok(strstr(run(get, ANSWER_JSON, TID_AYIYA, "Wrong Source IPv6"), packet) != NULL &&
	   strstr(wire, "\"reason\":\"DROP_IP6_SOURCE\"") != NULL, "as JSON: hex and the finer reason");
	ok(same(run(get, ANSWER_TEXT, TID_AYIYA, "Bad Hair"), "404 Unknown Error \"Bad Hair\"\n"),
	   "an unknown name");
	ok(same(run(get, ANSWER_TEXT, TID_AYIYA, "Clock Off"), "400 That error did not happen yet\n"),
	   "one that did not happen");
	ok(same(run(get, ANSWER_TEXT, TID_AYIYA, "AYIYA Hash Fail"),
		"201 7\nError       : AYIYA Hash Fail\nCount       : 1\n"
		"Last Seen   : 2026-11-23 04:44:18 (1795409058; 0 days 00:00:04 ago)\n"
		"Source      : 198.51.100.7\nReal Length : 0\n"
		"8<--------------------------------------------\n"
		"-------------------------------------------->8\n200 OK\n"),
	   "without a packet: length 0, an empty dump");

	char full[2 * ERROR_SAMPLE_BYTES + 1];

	memset(full, '7', sizeof(full) - 1);
	full[sizeof(full) - 1] = '\0';
	count_error(TID_AYIYA, ERR_SEND, NULL, NOW_S, full, 1500);
	ok(strncmp(run(get, ANSWER_TEXT, TID_AYIYA, "Encap.Pkt Send Error"), "201 15\n", 7) == 0 &&
	   strstr(wire, "\n00000070 77 77 ") && !strstr(wire, "\n00000080"), "at most 128 octets");
}

static void the_outer_endpoint_is_one_line(void)
{
	run_fn *get = row(tunnel_get_rows, "outer_endpoint");

	sample_pop();
	ok(same(run(get, ANSWER_TEXT, TID_AYIYA, NULL), "200 198.51.100.7\n"), "outer_endpoint");
	add(7, 7, KIND_DYNAMIC, 1280);
	ok(same(run(get, ANSWER_TEXT, 7, NULL), "200 0.0.0.0\n"), "0.0.0.0 while unknown");
}

/* ---- pop show ---- */

static void pop_show_tells_the_time(void)
{
	fresh();
	setenv("TZ", "CET-1", 1);
	tzset();
	ok(same(pop_show("uptime"), "200 0 days 00:00:19\n"), "uptime");
	ok(same(pop_show("unixtime"), "200 1795409060\n"), "unixtime");
	ok(same(pop_show("timeinfo"),
		"201 5\nStarted: 2026-11-23 04:44:01 UTC (1795409041)\n"
		"Current: 2026-11-23 04:44:20 UTC (1795409060)\nUTC Offset: 3600\n"
		"LocalTime: 2026-11-23 05:44:20 CET\nUptime: 0 days 00:00:19\n200 OK\n"), "timeinfo");
	now_s += 86400;
	ok(same(pop_show("uptime"), "200 0 days 00:00:19\n"), "a wall clock that steps ages nothing");
}

static void pop_show_tells_about_itself(void)
{
	fresh();
	ok(has_line(pop_show("info"), "PoP Name                : chtst01") &&
	   has_line(wire, "Running                 : yes") &&
	   has_line(wire, "Verbose SixXSd          : yes") &&
	   has_line(wire, "        AYIYA           : yes") &&
	   has_line(wire, "        Thread          : yes") &&
	   has_line(wire, "Clock                   : synchronised"), "info");
	ctl.clock_unsynced = true;
	ok(strstr(pop_show("info"), "\nClock                   : not synchronised: ") != NULL,
	   "info: an unsynchronised clock is told");
	ok(strncmp(pop_show("version"), "201 8\n", 6) == 0 &&
	   has_line(wire, "SixXSd Version: " SIXXSD_VERSION) && has_line(wire, "OS/CPU Bits: 64"),
	   "version has eight lines");
	ok(same(pop_show("pops"), "200 1 chtst01 192.0.2.42 2001:db8::42\n"), "pops");
	region.config[0].head->pop[1].set = 0;
	ok(same(pop_show("pops"), "300 No PoPs are configured\n"), "no pops: 300");
	ok(has_line(pop_show("info"), "PoP Name                : unnamed"), "a PoP without details");
}

static void pop_show_tells_about_the_host(void)
{
	fresh();

	const char *text = pop_show("hostinfo");

	ok(has_line(text, "PoP Name: chtst01") && strstr(text, "\nPlatform: Linux") &&
	   strstr(text, "\nRelease: ") && strstr(text, "\nUptime: ") &&
	   strstr(text, "\nCPU Count: ") && strstr(text, "\nCPU Model: "), "hostinfo");

	const char *total = strstr(text, "\nMemTotal: ");

	ok(total && strtoull(total + 11, NULL, 10) > UINT64_C(64) << 20, "memory in octets");

	text = pop_show("threads");
	ok(strncmp(text, "200 0x", 6) == 0 && strstr(text, " seconds) : t_show [Running]\n"),
	   "one thread, this one: %.80s", text);
}

static void pop_show_tells_limits_and_drops(void)
{
	fresh();
	ok(same(pop_show("drops"), "300 No packet has been dropped\n"), "no drops: 300");
	region.table.worker[0].verdict[DROP_QUEUE_SOCKET] = 4;
	region.table.worker[1].verdict[DROP_QUEUE_SOCKET] = 1;
	region.table.worker[1].verdict[SENT_TUNNEL] = 77;
	ctl.tun_drops = 9;
	ok(same(pop_show("drops"),
		"201 2\nDROP_QUEUE_SOCKET 5 a socket's receive queue overflowed before we read it\n"
		"DROP_QUEUE_TUN 9 the TUN device's queue overflowed before we read it\n200 OK\n"),
	   "drops: workers added, the device's too, deliveries not");
	saw(DROP_QUEUE_TUN);	/* counted by the kernel, a verdict only in this sum */

	add(1, 1, KIND_DYNAMIC, 1280)->flags = TUNNEL_SECRET;
	region.config[0].subnet[3] = 1;

	const char *text = pop_show("limits");

	ok(has_line(text, "Tunnels                 : 1 of 16384") &&
	   has_line(text, "Tunnels, prefix's room  : 32767") &&
	   has_line(text, "Subnets                 : 256 of 1024") &&
	   has_line(text, "Subnets Assigned        : 1") &&
	   has_line(text, "Subnet Prefixes         : 1 of 16") &&
	   has_line(text, "Passwords               : 1 of 16384") &&
	   has_line(text, "CLI Sessions            : 2 of 80") &&
	   has_line(text, "Socket Queue Drops      : 5") &&
	   has_line(text, "TUN Queue Drops         : 9"), "limits");
	ok(strstr(run(row(pop_show_rows, "limits"), ANSWER_JSON, 0, NULL),
		  "\"tunnels\":{\"used\":1,\"limit\":16384},") != NULL, "as JSON");
	region.head->limits.history = 3;
	add(9, 2, KIND_DYNAMIC, 1280);
	ok(has_line(pop_show("limits"), "Tunnels With History    : 1 of 3"),
	   "history: tunnels, not slots, and only those it reaches");
}

/* ---- cmd tree ---- */

static void the_tree_can_be_read_by_programs(void)
{
	fresh();
	ok(strstr(run(cmd_tree, ANSWER_JSON, 0, NULL),
		  "{\"command\":\"tunnel show\",\"menu\":false,\"arguments\":[{\"name\":\"tunnel\","
		  "\"type\":\"tunnel\",\"optional\":false}],\"help\":\"everything about one tunnel\"}")
	   != NULL, "a command, its arguments and its help");
	ok(has_line(run(cmd_tree, ANSWER_TEXT, 0, NULL), "tunnel show <tunnel>") &&
	   has_line(wire, "pop show status"), "or as lines");
}

int main(void)
{
	status_counts_by_type();
	list_has_one_line_per_tunnel();
	every_tunnel_fits_the_answer();
	stats_are_since_reset();
	show_tells_everything_in_the_historic_order();
	show_leaves_out_what_does_not_apply();
	show_tells_our_own_settings();
	times_are_utc_and_never_in_the_future();
	the_last_bad_packet_is_kept();
	the_outer_endpoint_is_one_line();
	pop_show_tells_the_time();
	pop_show_tells_about_itself();
	pop_show_tells_about_the_host();
	pop_show_tells_limits_and_drops();
	the_tree_can_be_read_by_programs();
	return tap_done();
}
