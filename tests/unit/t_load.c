/* Files: whole or nothing, every wrong line named, what runtime knows kept. */
#include <errno.h>
#include <time.h>

#include "ctl.h"
#include "ctl/load.h"

#define HEAD \
	"# a PoP\n\npop\n\tset\n\t\tdetails 1 chtst01 192.0.2.42 2001:db8::42\n\t\tid 1\n\tend\n" \
	"\ttunnelprefix add 2001:db8:2ff::/48\n\tsubnetprefix\n\t\tadd 2001:db8:3000::/40\n\tend\nend\n"
#define TUNNELS \
	"tunnel\n\tset\n\t\tconfig 0 T4141 198.51.100.1 up 1480\n" \
	"\t\tconfig 1 T5072 dynamic up 1428 0123456789abcdef\n\tend\nend\n"
#define SUBNETS "subnet\n\tset\n\t\tconfig 2001:db8:3001::/48 1 static\n\tend\nend\n"

static const struct { const char *name, *text, *problems; } bad[] = {
	{ "every wrong line is reported",
	  HEAD "foo\n" TUNNELS "tunnel set config 5 T5 127.0.0.1 up 1480\nsubnet set config x 1 static\n",
	  "13 404 Unknown command: main >> foo\n"
	  "20 400 Invalid Tunnel_Them address (127.0.0.1): no loopback, multicast, broadcast, "
	  "link-local or reserved address can be an endpoint\n"
	  "21 400 Invalid IPv6 prefix (x), it must be <address>/<length> with nothing set behind "
	  "the length\n" },
	{ "a word that is nearly one", "popp\npop set idd 1\npop\nste id 1\nset i 1\npop\n",
	  "1 404 Unknown command: main >> popp (did you mean pop?)\n"
	  "2 404 Unknown command: main > pop > set >> idd (did you mean id?)\n"
	  "4 404 Unknown command: main > pop >> ste (did you mean set?)\n"
	  "5 404 Unknown command: main > pop > set >> i\n"
	  "6 404 Unknown command: main > pop >> pop\n" },
	{ "end at main", "end\n", "1 404 Unknown command: main >> end\n" },
	{ "nesting that does not balance", "pop\nset\nid 1\nend\nend\nend\n",
	  "6 404 Unknown command: main >> end\n" },
	{ "no trailing comments", "pop set id 1 # one\n",
	  "1 404 Command 'id' requires arguments: id <id> (min=1, max=1, given=3)\n" },
	{ "commands that are not configuration", "pop show version\npop shutdown\nexit\nhelp\nconfig apply x\n"
	  "tunnel set debug T1 on\n",
	  "1 400 'version' does not belong in a configuration file\n"
	  "2 400 'shutdown' does not belong in a configuration file\n"
	  "3 400 'exit' does not belong in a configuration file\n"
	  "4 400 'help' does not belong in a configuration file\n"
	  "5 400 'apply' does not belong in a configuration file\n"
	  "6 400 'debug' does not belong in a configuration file\n" },
	{ "a last line without line end counts", "pop set id 1\npop set id 64",
	  "2 400 PoP ID out of range (64 / 64 > 64)\n" },
	{ "limits after the first prefix", HEAD "pop set limits tunnels 8192 subnets 65536\n",
	  "13 400 Limits must be set before the first prefix\n" },
	{ "other limits", "pop set limits tunnels 100 subnets 65536\n",
	  "1 400 The limits are tunnels 8192 subnets 65536; changing limits needs a restart\n" },
	{ "an endpoint that becomes the PoP", "tunnel set config 5 T5 192.0.2.42 up 1480\n" HEAD,
	  "7 400 Tunnel 5/T5 has the endpoint 192.0.2.42, which would be an address of this PoP; "
	  "change the tunnel first\n" },
	{ "an endpoint that a prefix swallows", "tunnel set config 5 T5 2001:db8:2ff::7 up 1480\n" HEAD,
	  "9 400 Tunnel 5/T5 has the endpoint 2001:db8:2ff::7, which would lie inside this PoP's own "
	  "prefixes; change the tunnel first\n" },
	{ "the host's own address", "tunnel set config 5 T5 192.0.2.99 up 1480\n",
	  "1 400 Invalid Tunnel_Them address (192.0.2.99): it is an address of this PoP\n" },
};

static void bad_files_change_nothing(struct world *w)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct copy k0 = copy_of(&w->region.config[0]), k1 = copy_of(&w->region.config[1]);
		char routes[sizeof(w->routes)];
		struct why why;
		bool same;

		strcpy(routes, w->routes);
		ok(load(w, bad[i].text, &why) == -EINVAL && !strcmp(w->problems, bad[i].problems),
		   "%s", bad[i].name);
		if (strcmp(w->problems, bad[i].problems))
			printf("# got:\n# %s", w->problems);
		same = is_copy(&w->region.config[0], &k0);
		same = is_copy(&w->region.config[1], &k1) && same;
		ok(same && !strcmp(routes, w->routes) && !w->control.open && !w->control.reloading,
		   "and nothing moved: %s", why.text);
	}
}

static void what_is_no_configuration_is_not_read_to_its_end(struct world *w)
{
	enum { MANY = 2000, LONG = 65 << 20 };
	static char x[2 * MANY + 1], hashes[2 * LINES_MAX + 3];
	struct why why;
	char *octets;

	for (size_t i = 0; i < sizeof(x) - 1; i++)
		x[i] = i % 2 ? '\n' : 'x';
	ok(load(w, x, &why) < 0 && strstr(w->problems, "\n1000 404 ") && !strstr(w->problems, "\n1001 ") &&
	   strstr(w->problems, "That is error 1000: the rest of the file was not read"), "errors without end");

	for (size_t i = 0; i < sizeof(hashes) - 1; i++)
		hashes[i] = i % 2 ? '\n' : '#';
	ok(load(w, hashes, &why) < 0 && strstr(why.text, "more than 1000000 lines"), "nor lines: %s", why.text);

	octets = malloc(LONG + 1);
	memset(octets, 'x', LONG);
	octets[LONG] = '\0';
	ok(load(w, octets, &why) < 0 && strstr(why.text, "longer than 64 MiB"), "nor a line: %s", why.text);
	free(octets);
}

static void the_sentence_of_old(struct world *w)
{
	char expected[256];
	struct why why;

	snprintf(expected, sizeof(expected), "Code 404 occured on line 2 of %s", w->file);
	load(w, "pop set id 1\nfoo\nbar\n", &why);
	ok(!strcmp(why.text, expected) && why.code == 400, "%s, and no word of what was said", why.text);
	snprintf(expected, sizeof(expected), "Code 404 occured on line 2 of %s: Unknown command: "
		 "main >> foo (and more)", w->file);
	control_load(&w->control, w->file, NULL, NULL, &why);
	ok(!strcmp(why.text, expected) && why.code == 400, "%s", why.text);
	ok(control_load(&w->control, "/nonexistent/x", NULL, NULL, &why) == -EIO && why.code == 406,
	   "%s", why.text);
	ok(control_load(&w->control, w->dir, NULL, NULL, &why) == -EIO, "%s", why.text);
}

static uint8_t load_ok(struct world *w)
{
	struct outside o = { .at_s = 0 };

	control_look_outside(&w->control);
	return outside_read(w->region.table.outside, &o) ? o.load_ok : 255;
}

static wall_t a_minute_later(void *context)
{
	return (wall_t){ world_wall(context).s + 60 };
}

/* For whoever maps the region: alerts go by it. */
static void the_region_tells(struct world *w)
{
	struct worker_shared *first = &w->region.table.worker[0];
	struct outside o = { .at_s = 0 };
	struct why why;
	int64_t at_s;

	load(w, "foo\n", &why);
	ok(load_ok(w) == OUTSIDE_NO, "that the last file was refused");
	ok(load(w, "pop set id 1\n", &why) == 0 && load_ok(w) == OUTSIDE_YES,
	   "and that the next was loaded");
	w->control.tun_drops = 100;
	first->shed_tun = 60;
	(void)load_ok(w);
	at_s = w->control.outside.at_s;
	w->control.ops.wall = a_minute_later;
	first->shed_tun = 80;		/* the kernel's own count is still the old one */
	(void)load_ok(w);
	ok(outside_read(w->region.table.outside, &o) && o.tun_lost == 40,
	   "what the device's queue lost never falls");
	w->control.ops.wall = world_wall;
	ok(at_s && o.tun_lost_s == at_s && o.at_s == at_s + 60, "and it says when it last grew");
}

static void long_lines(struct world *w)
{
	static char text[20000];
	struct why why;

	memset(text, 'x', sizeof(text) - 1);
	memcpy(text + 4095, "\nfoo\n", 5);
	memcpy(text + 4100 + 4096, "\nbar\n", 5);
	load(w, text, &why);
	ok(strstr(w->problems, "\n3 400 The line is longer than 4095 octets\n") &&
	   strstr(w->problems, "\n2 404 Unknown command: main >> foo\n") &&
	   strstr(w->problems, "\n4 404 Unknown command: main >> bar\n") &&
	   strstr(w->problems, "\n5 400 The line is longer than 4095 octets\n") &&
	   !strncmp(w->problems, "1 404 Unknown", 13), "4095 octets are a line, 4096 and 11804 are not");
}

static void crlf_and_defaults(struct world *w)
{
	struct why why;

	ok(load(w, "pop\r\n\tset id 7\r\nend\r\n# x\r\n// y\r\n\r\npop set details 7 x 192.0.2.42 ::", &why) == 0 &&
	   running(w)->head->plan.pop_id == 7 && running(w)->head->pop[7].set, "CRLF and a last line without LF");
	answers(w, "pop cliacl list", "201 2\n127.0.0.1\n::1\n200 OK\n");
	ok(load(w, "pop cliacl add 192.0.2.7\n", &why) == 0, "a file with an access list");
	answers(w, "pop cliacl list", "200 192.0.2.7\n");
	ok(load(w, "pop cliacl reset\n", &why) == 0, "a file that empties it");
	answers(w, "pop cliacl list", "404 No CLI ACLs are configured\n");
}

static void warnings(struct world *w)
{
	struct why why;

	ok(load(w, HEAD "tunnel set config 1 T1 ayiya up 1280\n"
		   "tunnel set config 2 T5 198.51.100.1 up 1280\n"
		   "tunnel set rate T5 1 1\n"
		   "tunnel set config 3 T5 198.51.100.2 up 1280\n"
		   "tunnel set rate T5 2 2\n", &why) == 0, "warnings do not stop a load");
	ok(!strcmp(w->problems, "13 200 Tunnel 1/T1 has no password and stays down for ever\n"
		   "0 200 Tunnels 2 and 3 are both called T5; commands that say T5 mean tunnel 2\n"),
	   "but are told");
	ok(running(w)->tunnel[2].rate_pps == 1 && running(w)->tunnel[3].rate_pps == 2,
	   "a command right behind its tunnel means that one");
}

static void a_reload_keeps_what_runtime_knows(struct world *w)
{
	struct ip6_addr remote = addr_from_ip4(UINT32_C(0xcb007107));
	uint32_t generation[2];
	uint64_t published;
	struct why why;

	ok(load(w, HEAD TUNNELS SUBNETS, &why) == 0, "the first load");
	ask(w, "tunnel set debug T5072 on");
	ask(w, "tunnel capture T5072");
	ask(w, "tunnel set remote T5072 203.0.113.7");
	ask(w, "tunnel reseterrors T4141");
	generation[0] = running(w)->tunnel[0].generation;
	generation[1] = running(w)->tunnel[1].generation;
	published = w->region.head->published;
	ok(load(w, HEAD TUNNELS SUBNETS, &why) == 0 && w->region.head->published == published,
	   "the same file again publishes nothing");
	ok(w->control.tracer[1] == w && running(w)->tunnel[1].flags & TUNNEL_DEBUG &&
	   addr_eq(&running(w)->tunnel[1].them, &remote) && running(w)->tunnel[0].reset_seq == 1,
	   "debug, remote and resets are as they were");
	ok(running(w)->tunnel[1].flags & TUNNEL_CAPTURE && running(w)->head->captures == 1,
	   "so is a capture");

	ok(load(w, HEAD TUNNELS "tunnel set mss T4141 auto\n", &why) == 0 &&
	   w->region.head->published == published + 1, "a changed file is published once");
	ok(running(w)->tunnel[0].generation != generation[0] &&
	   running(w)->tunnel[1].generation == generation[1] &&
	   running(w)->head->changes == 1 && running(w)->head->change[0] == 0,
	   "the tunnel that changed is told, the other is not");
	ok(running(w)->subnet[1] == TID_NONE, "a subnet the file does not name is gone");
	ok(load(w, HEAD "tunnel set config 1 T5072 dynamic up 1428\n", &why) == 0 &&
	   !config_tunnel(running(w), 0) && !(running(w)->tunnel[1].flags & TUNNEL_SECRET),
	   "so are a tunnel and a password");
	ok(running(w)->tunnel[1].flags & TUNNEL_DEBUG, "debugging is not");
	ok(load(w, HEAD "tunnel set config 1 T5073 dynamic up 1428\n", &why) == 0 &&
	   !(running(w)->tunnel[1].flags & TUNNEL_CAPTURE), "nobody captures who has its place now");
	ok(load(w, HEAD, &why) == 0 && !w->control.tracer[1] && running(w)->head->tunnels == 0,
	   "until the tunnel goes too");
}

static void prefixes_move(struct world *w)
{
	struct why why;

	load(w, "pop subnetprefix add 2001:db8:3000::/40\npop subnetprefix add 2001:db8:4242::/48\n"
	     "tunnel set config 1 T1 198.51.100.1 up 1280\n"
	     "subnet set config 2001:db8:4242:100::/56 1 static\n", &why);
	ok(running(w)->subnet[257] == 1, "the second prefix lies behind the first");
	w->routes[0] = '\0';
	ok(load(w, "pop tunnelprefix add 2001:db8:2fe::/56\npop subnetprefix add 2001:db8:4242::/48\n"
		   "tunnel set config 1 T1 198.51.100.1 up 1280\n"
		   "subnet set config 2001:db8:4242:100::/56 1 static\n", &why) == 0 &&
	   running(w)->subnet[1] == 1 && running(w)->subnet[257] == TID_NONE,
	   "without the first it moves to its place: %s", why.text);
	ok(!strcmp(w->routes, "+2001:db8:2fe::/56* -2001:db8:3000::/40 "), "routes follow: %s", w->routes);
	w->no_routes = true;
	ok(load(w, "pop subnetprefix add 2001:db8:5000::/40\n", &why) < 0 &&
	   running(w)->head->plan.subnet_prefixes == 1 && running(w)->head->tunnels == 1,
	   "a reload whose route fails changes nothing: %s", why.text);
	w->no_routes = false;
	w->routes[0] = '\0';
	w->refused_route = 3;
	ok(load(w, "pop tunnelprefix add 2001:db8:4242::/48\npop subnetprefix add 2001:db8:2fe::/56 delegate 64\n"
		   "pop subnetprefix add 2001:db8:5000::/40\n", &why) < 0 &&
	   !strcmp(w->routes, "+2001:db8:4242::/48* +2001:db8:2fe::/56 +2001:db8:2fe::/56* "
			      "+2001:db8:4242::/48 "),
	   "nor where prefixes change their use: %s", w->routes);
}

static void check_and_diff(struct world *w)
{
	char line[256], expected[512];
	struct copy k;
	struct why why;

	load(w, HEAD TUNNELS SUBNETS, &why);
	k = copy_of(running(w));
	write_file(w->file, HEAD "tunnel\nset\nconfig 0 T4141 198.51.100.2 up 1480\n"
		   "config 1 T5072 dynamic up 1428 another\nconfig 2 T3 ayiya up 1280\nend\nend\n"
		   "pop set latency 5\npop cliacl add ::1\n");
	snprintf(line, sizeof(line), "config diff %s", w->file);
	answers(w, line,
		"201 7\n"
		"+ pop set latency 5\n"
		"- pop cliacl add 127.0.0.1\n"
		"- tunnel set config 0 T4141 198.51.100.1 up 1480\n"
		"+ tunnel set config 0 T4141 198.51.100.2 up 1480\n"
		"~ tunnel set config 1 T5072 dynamic up 1428 <password>\n"
		"+ tunnel set config 2 T3 ayiya up 1280\n"
		"- subnet set config 2001:db8:3001::/48 1 static\n"
		"200 OK\n");
	snprintf(line, sizeof(line), "config check %s", w->file);
	answers(w, line, "201 2\nline 17: warning: Tunnel 2/T3 has no password and stays down for ever\n"
		"Configuration is fine\n200 OK\n");
	ok(is_copy(running(w), &k), "diff and check change nothing");

	write_file(w->file, "foo\npop set id 64\n");
	answers(w, line, "401 2\nline 1: Unknown command: main >> foo\n"
		"line 2: PoP ID out of range (64 / 64 > 64)\n400 OK\n");
	snprintf(line, sizeof(line), "json config apply %s", w->file);
	answers(w, line, "400 {\"problems\":[{\"line\":1,\"warning\":false,\"message\":\"Unknown command: "
		"main >> foo\"},{\"line\":2,\"warning\":false,\"message\":\"PoP ID out of range "
		"(64 / 64 > 64)\"}]}\n");
	snprintf(line, sizeof(line), "config diff %s", w->file);
	snprintf(expected, sizeof(expected), "400 Code 404 occured on line 1 of %s: Unknown command: "
		 "main >> foo (and more)\n", w->file);
	answers(w, line, expected);
	write_file(w->file, HEAD TUNNELS SUBNETS);
	answers(w, line, "200 No differences\n");
	answers(w, "config diff", "200 No differences\n");
	snprintf(line, sizeof(line), "config apply %s", w->file);
	answers(w, line, "200 Configuration is applied\n");
	answers(w, "config check /nonexistent", "406 Cannot open /nonexistent: No such file or directory\n");
}

/* What the daemon may read is not for everybody whom it answers. */
static void a_key_is_not_repeated(struct world *w)
{
	static const char *const lines[] = {
		"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgAAECAwQFBgcICQoL",
		"DA0ODxAREhMUFRYXGBkaGxwdHh+hRANCAAQgISIjJCUmJygpKissLS4vMDEyMzQ1",
		"Njc4OTo7PD0+P0BBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5f",
	};
	static const char *const asked[] = { "check", "diff", "apply" };
	char text[512], line[256];

	snprintf(text, sizeof(text), "-----BEGIN PRIVATE KEY-----\n%s\n%s\n%s\n-----END PRIVATE KEY-----\n",
		 lines[0], lines[1], lines[2]);
	write_file(w->file, text);
	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		const char *said;
		bool shown = false;

		snprintf(line, sizeof(line), "config %s %s", asked[i], w->file);
		said = ask(w, line);
		/* not even a part that could be put together */
		for (size_t n = 0; n < ARRAY_LEN(lines); n++) {
			for (size_t at = 0; at + 8 <= strlen(lines[n]); at++) {
				char part[9] = "";

				memcpy(part, lines[n] + at, 8);
				shown = shown || strstr(said, part);
			}
		}
		ok(!shown && strstr(said, "Unknown command: main >> "), "config %s repeats nothing of a private key",
		   asked[i]);
	}
}

static void limits_are_found_first(struct world *w)
{
	static const struct { const char *text; int r; unsigned int tunnels, subnets; } row[] = {
		{ "", 0, 8192, 65536 },
		{ HEAD, 0, 8192, 65536 },
		{ "pop set limits tunnels 32767 subnets 1048576\n", 0, 32767, 1048576 },
		{ "# x\npop\n\tset\n\t\tlimits tunnels 10 subnets 20", 0, 10, 20 },
		{ "pop\nset\nid 1\nend\nset limits tunnels 1 subnets 1\n", 0, 1, 1 },
		{ "foo\n\"\npop set limits tunnels 7 subnets 9\n", 0, 7, 9 },
		{ "pop\r\nset\r\nlimits tunnels 10 subnets 20\r\n", 0, 10, 20 },
		{ "pop set limits tunnels 32768 subnets 1\n", -EINVAL, 0, 0 },
		{ "pop set limits tunnels 1 subnets 1048577\n", -EINVAL, 0, 0 },
		{ "pop set limits tunnels 0 subnets 1\n", -EINVAL, 0, 0 },
		{ "pop set limits tunnels 1\n", -EINVAL, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct limits l = { 0, 0, 0 };
		struct why why = { .text = "" };
		uint32_t workers;

		write_file(w->file, row[i].text);
		ok(config_scan_limits(w->file, &l, &workers, &why) == row[i].r &&
		   l.tunnels == row[i].tunnels && l.subnets == row[i].subnets,
		   "limits: %d, %u tunnels, %u subnets %s", row[i].r, row[i].tunnels,
		   row[i].subnets, why.text);
	}
}

static void workers_are_found_first(struct world *w)
{
	static const struct { const char *text; uint32_t workers; } row[] = {
		{ "", WORKERS_DEFAULT },
		{ "pop set workers 2\n", 2 },
		{ "pop\nset\nworkers 16\nlimits tunnels 10 subnets 20\n", 16 },
		{ "pop set workers auto\n", WORKERS_AUTO },
		{ "pop set workers 17\npop set workers 0\npop set workers 2x\n", WORKERS_DEFAULT },
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		uint32_t workers = UINT32_MAX;
		struct why why = { .text = "" };
		struct limits l;

		write_file(w->file, row[i].text);
		ok(config_scan_limits(w->file, &l, &workers, &why) == 0 &&
		   workers == row[i].workers, "workers: %u", workers);
	}
}

static void workers_change_with_the_next_start(struct world *w)
{
	w->control.workers_set = 2;
	answers(w, "pop set workers 2", "200 Workers are 2\n");
	answers(w, "pop set workers auto", "200 Workers are auto from the next start on; changing them "
		"needs a restart\n");
	answers(w, "pop set workers 17", "400 Invalid number of workers (17), it must be 1 to 16, or "
		"\"auto\"\n");
	answers(w, "pop set workers 0", "400 Invalid number of workers (0), it must be 1 to 16, or "
		"\"auto\"\n");
	ok(control_config(&w->control)->head->workers == WORKERS_AUTO,
	   "what was wrong changed nothing");

	struct why why = { .text = "" };

	ok(load(w, HEAD "pop set workers 3\n", &why) == 0 &&
	   strstr(w->problems, "200 Workers are 3 from the next start on; changing them needs a restart"),
	   "a reload warns");
}

static void a_reload_that_drops_the_limits(void)
{
	const struct limits small = { 16, 512, 16 };
	struct world *w = world_new(small);
	struct why why;

	ok(load(w, "pop set limits tunnels 16 subnets 512\ntunnel set config f T1 198.51.100.1 up 1280\n", &why) == 0,
	   "a file for 16 tunnels");
	ok(load(w, "tunnel set config f T1 198.51.100.1 up 1280\n", &why) < 0 &&
	   strstr(w->problems, "changing limits needs a restart"), "%s", why.text);
	ok(load(w, "pop set limits tunnels 16 subnets 513\n", &why) < 0 &&
	   strstr(w->problems, "changing limits needs a restart"), "%s", why.text);
	world_end(w);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void a_large_file_loads_quickly(void)
{
	const struct limits most = { TUNNELS_MAX, 65536, TUNNELS_MAX };
	struct world *w = world_new(most);
	FILE *f = fopen(w->file, "w");
	struct why why;
	double start;

	if (!f)
		exit(99);
	fprintf(f, "pop set limits tunnels 32767 subnets 65536\n" HEAD
		"pop subnetprefix add 2001:db9::/32 delegate 47\n");
	for (unsigned int i = 0; i < TUNNELS_MAX; i++)
		fprintf(f, "tunnel set config %x T%u ayiya up 1428 password-%u\n", i, 100000 - i, i);
	for (unsigned int i = 0; i < TUNNELS_MAX; i++)
		fprintf(f, "tunnel set rate T%u 1000 1000\n", 100000 - i);
	for (unsigned int i = 0; i < 32768; i++)
		fprintf(f, "subnet set config 2001:db9:%x::/47 %x static\n", i * 2, i % TUNNELS_MAX);
	fclose(f);

	start = seconds();
	ok(control_load(&w->control, w->file, NULL, NULL, &why) == 0 &&
	   running(w)->head->tunnels == TUNNELS_MAX && running(w)->head->changes == TUNNELS_MAX,
	   "32767 tunnels, a rate for each and 32768 subnets load");
	/* a second for a loaded machine or a sanitizer: quadratic would be minutes */
	printf("# in %.3f s\n", seconds() - start);
	ok(seconds() - start < 10, "without going over them again and again");
	start = seconds();
	ok(control_load(&w->control, w->file, NULL, NULL, &why) == 0 && w->region.head->published == 1,
	   "and again, without a change");
	printf("# in %.3f s\n", seconds() - start);
	world_end(w);
}

int main(void)
{
	struct world *w = world_new(limits_default);
	struct why why;

	w->address[0] = addr_from_ip4(UINT32_C(0xc0000263));	/* 192.0.2.99 */
	w->addresses = 1;
	ok(load(w, HEAD TUNNELS SUBNETS, &why) == 0 && w->problems[0] == '\0', "a good file loads: %s",
	   w->problems);
	bad_files_change_nothing(w);
	what_is_no_configuration_is_not_read_to_its_end(w);
	the_sentence_of_old(w);
	the_region_tells(w);
	long_lines(w);
	crlf_and_defaults(w);
	warnings(w);
	a_reload_keeps_what_runtime_knows(w);
	prefixes_move(w);
	check_and_diff(w);
	a_key_is_not_repeated(w);
	limits_are_found_first(w);
	workers_are_found_first(w);
	workers_change_with_the_next_start(w);
	world_end(w);
	a_reload_that_drops_the_limits();
	a_large_file_loads_quickly();
	return tap_done();
}
