/* The `pop` menu's commands that change something, and its lists. */
#include "ctl/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/refuse.h"
#include "ctl/said.h"
#include "ctl/tree.h"

#define LIMITS_TUNNELS	1	/* where `limits tunnels <n> subnets <n>` has its numbers */
#define LIMITS_SUBNETS	3
#define LIMITS_HISTORY	5

static struct config *spare(struct control *c)
{
	return region_spare(c->region);
}

/* ---- pop get ---- */

static HANDLER(get_id)
{
	(void)s, (void)args, (void)n;
	answer_line(an, "%u", config_plan(control_config(c))->pop_id);
	json_uint(an, "id", config_plan(control_config(c))->pop_id);
	return 0;
}

static HANDLER(get_name)
{
	const struct config_head *h = control_config(c)->head;

	(void)s, (void)args, (void)n;
	answer_line(an, "%s", h->pop[h->plan.pop_id].name);
	json_str(an, "name", h->pop[h->plan.pop_id].name);
	return 0;
}

const struct cmd pop_get_rows[] = {
	{ .name = "id", .run = get_id, .help = "the number of this PoP" },
	{ .name = "name", .run = get_name, .help = "the name of this PoP" },
	{ .name = NULL }
};

/* ---- pop set ---- */

static HANDLER(set_details)
{
	struct why why;

	(void)s, (void)n;
	if (edit_pop(spare(c), &c->changes, (unsigned int)args[0].number, args[1].word,
		     &args[2].address, &args[3].address, &why) < 0)
		return answer_why(an, &why);
	answer_say(an, ANSWER_OK, "PoP details updated");
	return 0;
}

static HANDLER(set_id)
{
	struct why why;

	(void)s, (void)n;
	if (edit_pop_id(spare(c), &c->changes, (unsigned int)args[0].number, &why) < 0)
		return answer_why(an, &why);
	answer_say(an, ANSWER_OK, "Configured to ID %u", (unsigned int)args[0].number);
	return 0;
}

static HANDLER(set_localip)
{
	struct ip6_addr list[CMD_ARGS_MAX];
	bool none = n == 1 && word_is(args[0].word, args[0].len, "any");
	struct why why;

	(void)s;
	for (unsigned int i = 0; i < n && !none; i++) {
		if (!addr_parse(args[i].word, args[i].len, &list[i]))
			return answer_error(an, ANSWER_BAD, "Invalid IP address (%.80s), it must be an "
					    "address of this host, or \"any\" alone", args[i].word);
	}
	if (edit_local(spare(c), &c->changes, list, none ? 0 : n, &why) < 0)
		return answer_why(an, &why);
	answer_say(an, ANSWER_OK, "Local addresses updated");
	return 0;
}

static HANDLER(set_reserved)
{
	bool drop = args[0].number == 1;

	(void)s, (void)n;
	edit_reserved(spare(c), &c->changes, drop);
	answer_say(an, ANSWER_OK, drop ? "Reserved sources from the uplink are dropped" :
				  "Reserved sources from the uplink pass");
	return 0;
}

static HANDLER(set_offload)
{
	bool on = args[0].number == 1;

	(void)s, (void)n;
	edit_offload(spare(c), &c->changes, on);
	answer_say(an, ANSWER_OK, on ? "Packets may come and go merged" : "Packets come and go one by one");
	return 0;
}

static const char *const fastpath_modes[] = {
	[FASTPATH_ANY] = "", [FASTPATH_NATIVE] = "/native", [FASTPATH_GENERIC] = "/generic",
	[FASTPATH_TC] = "/tc", [FASTPATH_CLSACT] = "/clsact",
};

/* "eth0", "eth0/native" */
static int fastpath_port(const struct arg *a, struct fastpath_port *p, struct answer *an)
{
	const char *slash = memchr(a->word, '/', a->len);
	size_t len = slash ? (size_t)(slash - a->word) : a->len;
	const char *rest = a->word + len;

	*p = (struct fastpath_port){ .mode = FASTPATH_ANY };
	if (len == 0 || len >= sizeof(p->name))
		return answer_error(an, ANSWER_BAD, "Invalid interface (%.80s), a name has 1 to %zu "
				    "characters", a->word, sizeof(p->name) - 1);
	memcpy(p->name, a->word, len);
	for (size_t i = 0; i < ARRAY_LEN(fastpath_modes); i++) {
		if (strlen(fastpath_modes[i]) != a->len - len ||
		    memcmp(fastpath_modes[i], rest, a->len - len) != 0)
			continue;
		p->mode = (uint8_t)i;
		return 0;
	}
	return answer_error(an, ANSWER_BAD, "Invalid mode (%.80s), it must be <interface>/native, "
			    "<interface>/generic, <interface>/tc or <interface>/clsact", a->word);
}

static bool has_port(const struct fastpath_conf *f, const struct fastpath_port *p)
{
	for (uint32_t i = 0; i < f->ports; i++) {
		if (strcmp(f->port[i].name, p->name) == 0)
			return true;
	}
	return false;
}

static HANDLER(set_fastpath)
{
	bool none = n == 1 && word_is(args[0].word, args[0].len, "off");
	bool automatic = n == 1 && word_is(args[0].word, args[0].len, "auto");
	struct fastpath_conf f = { .automatic = automatic };

	(void)s;
	if (n > FASTPATH_MAX)
		return answer_error(an, ANSWER_BAD, "The fast path takes at most %d interfaces",
				    FASTPATH_MAX);
	for (unsigned int i = 0; i < n && !none && !automatic; i++) {
		struct fastpath_port p;
		int r = fastpath_port(&args[i], &p, an);

		if (r < 0)
			return r;
		if (has_port(&f, &p))
			return answer_error(an, ANSWER_BAD, "Interface %s is named twice", p.name);
		f.port[f.ports++] = p;
	}
	edit_fastpath(spare(c), &c->changes, &f);
	answer_say(an, ANSWER_OK, none ? "Fast path is off" : "Fast path updated");
	return 0;
}

static HANDLER(set_latency)
{
	struct why why;

	(void)s, (void)n;
	if (edit_latency(spare(c), &c->changes, (uint32_t)args[0].number, &why) < 0)
		return answer_why(an, &why);
	if (args[0].number == 0)
		answer_say(an, ANSWER_OK, "Latency test is off");
	else
		answer_say(an, ANSWER_OK, "Latency test every %u s", (unsigned int)args[0].number);
	return 0;
}

struct limits limits_of(const struct arg *args)
{
	return (struct limits){ .tunnels = (uint32_t)args[LIMITS_TUNNELS].number,
				.subnets = (uint32_t)args[LIMITS_SUBNETS].number,
				.history = (uint32_t)args[args[LIMITS_HISTORY].word ?
							  LIMITS_HISTORY : LIMITS_TUNNELS].number };
}

const char *limits_text(struct limits l, char buf[LIMITS_TEXT_MAX])
{
	int len = snprintf(buf, LIMITS_TEXT_MAX, "tunnels %u subnets %u", l.tunnels, l.subnets);

	if (l.history != l.tunnels)
		snprintf(buf + len, LIMITS_TEXT_MAX - (size_t)len, " history %u", l.history);
	return buf;
}

HANDLER(pop_set_limits)
{
	const struct config *cf = spare(c);
	const struct limits l = limits_of(args);
	char text[LIMITS_TEXT_MAX];

	(void)s, (void)n;
	if (l.history > l.tunnels)
		return answer_error(an, ANSWER_BAD, "history %u is more than the %u tunnels there can "
				    "be", l.history, l.tunnels);
	if (c->reloading &&
	    (plan_has_tunnel_prefix(config_plan(cf)) || config_plan(cf)->subnet_prefixes > 0))
		return answer_error(an, ANSWER_BAD, "Limits must be set before the first prefix");
	if (l.tunnels != cf->limits.tunnels || l.subnets != cf->limits.subnets ||
	    l.history != cf->limits.history)
		return answer_error(an, ANSWER_BAD, "The limits are %s; changing limits needs a restart",
				    limits_text(cf->limits, text));
	c->named |= NAMED_LIMITS;
	answer_say(an, ANSWER_OK, "Limits are %s", limits_text(l, text));
	return 0;
}

bool workers_of(const struct arg *args, uint32_t *workers)
{
	char *end;
	unsigned long n;

	if (word_is(args[0].word, args[0].len, "auto")) {
		*workers = WORKERS_AUTO;
		return true;
	}
	n = strtoul(args[0].word, &end, 10);
	if (args[0].word[0] < '1' || args[0].word[0] > '9' || *end || n > WORKERS_MAX)
		return false;
	*workers = (uint32_t)n;
	return true;
}

HANDLER(pop_set_workers)
{
	const char *when = "from the next start on";
	uint32_t workers;

	(void)s, (void)n;
	if (!workers_of(args, &workers))
		return answer_error(an, ANSWER_BAD, "Invalid number of workers (%.80s), it must be 1 to "
				    "%d, or \"auto\"", args[0].word, WORKERS_MAX);
	edit_workers(spare(c), &c->changes, workers);
	if (workers == c->workers_set) {
		answer_say(an, ANSWER_OK, "Workers are %s", args[0].word);
		return 0;
	}
	answer_say(an, ANSWER_OK, "Workers are %s %s; changing them needs a restart", args[0].word,
		   when);
	if (c->warning)
		refuse(c->warning, ANSWER_OK, "Workers are %s %s; changing them needs a restart",
		       args[0].word, when);
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The hash of a token, never the token: who reads the file or the line cannot use it. */
int token_of(const struct arg *a, struct token *t, struct answer *an)
{
	*t = (struct token){ .set = 1 };
	if (word_is(a->word, a->len, "none")) {
		t->set = 0;
		return 0;
	}
	for (size_t i = 0; a->len == 2 * sizeof(t->sha256) && i < sizeof(t->sha256); i++) {
		int high = hex_digit(a->word[2 * i]), low = hex_digit(a->word[2 * i + 1]);

		if (high < 0 || low < 0)
			break;
		t->sha256[i] = (uint8_t)(high << 4 | low);
		if (i + 1 == sizeof(t->sha256))
			return 0;
	}
	return answer_error(an, ANSWER_BAD, "A token is given by its SHA-256, 64 hexadecimal digits "
			    "(printf %%s TOKEN | sha256sum), or \"none\"");
}

static HANDLER(set_token)
{
	struct token t;
	int r = token_of(&args[1], &t, an);

	(void)s, (void)n;
	if (r < 0)
		return r;
	edit_admin_token(spare(c), &c->changes, &t);
	answer_say(an, ANSWER_OK, t.set ? "The admin token is set" : "There is no admin token now");
	return 0;
}

static int http_file(const struct arg *a, const char *what, char to[HTTP_FILE_MAX], struct answer *an)
{
	if (a->word[0] != '/' || a->len >= HTTP_FILE_MAX)
		return answer_error(an, ANSWER_BAD, "Invalid %s (%.80s), it must be an absolute file name of "
				    "at most %d characters", what, a->word, HTTP_FILE_MAX - 1);
	memcpy(to, a->word, a->len);
	return 0;
}

/* Whoever checks may be another user than the daemon's: no error. */
static void warn_of_files(const struct control *c, const struct http_conf *h)
{
	struct why why;

	if (c->checking && c->warning && c->ops.http_files &&
	    c->ops.http_files(c->ops.context, h, &why) < 0)
		refuse(c->warning, ANSWER_OK, "%s", why.text);
}

static HANDLER(set_http)
{
	struct http_conf h = { .chosen = 1 };
	char text[ADDR_TEXT_MAX];
	int r;

	(void)s;
	c->http_line = c->reloading ? c->line : 0;
	if (word_is(args[0].word, args[0].len, "off") && n == 1) {
		h.off = 1;
		edit_http(spare(c), &c->changes, &h);
		answer_say(an, ANSWER_OK, "The page is off");
		return 0;
	}
	if (!addr_parse(args[0].word, args[0].len, &h.address) || n == 1 || n == 3)
		return answer_error(an, ANSWER_BAD, "It must be an address of this host and a port, and then "
				    "perhaps certificate and key, or \"off\" alone");
	h.port = (uint16_t)args[1].number;
	if (n == 4) {
		r = http_file(&args[2], "certificate", h.certificate, an);
		if (r == 0)
			r = http_file(&args[3], "key", h.key, an);
		if (r < 0)
			return r;
	}
	warn_of_files(c, &h);
	edit_http(spare(c), &c->changes, &h);
	answer_say(an, ANSWER_OK, "The page is at http%s://%s%s%s:%u/", n == 4 ? "s" : "",
		   addr_is_ip4(&h.address) ? "" : "[", addr_text(&h.address, text),
		   addr_is_ip4(&h.address) ? "" : "]", (unsigned int)h.port);
	return 0;
}

static HANDLER(set_verbosity)
{
	struct why why;

	(void)s, (void)n;
	if (edit_verbosity(spare(c), &c->changes, (uint32_t)args[0].number, &why) < 0)
		return answer_why(an, &why);
	answer_say(an, ANSWER_OK, "Verbosity is now %u", (unsigned int)args[0].number);
	return 0;
}

/* Sections of the historic log; the log has none, old files name them. */
static HANDLER(set_debug)
{
	(void)c, (void)s, (void)args, (void)n;
	answer_say(an, ANSWER_OK, "Ok");
	return 0;
}

#define POP_ID_ARG								\
	{ .type = ARG_UINT, .name = "id", .max = POPS_MAX - 1,			\
	  .bad = "Invalid PoP ID (@) - not a number",				\
	  .range = "PoP ID out of range (@ / @ > 64)" }
#define VERBOSITY_WRONG	"Invalid number (@) given for verbosity (range: 0 - 42)"

const struct cmd pop_set_rows[] = {
	{ .name = "debug", .run = set_debug, .flags = CMD_FILE,
	  .args = { { .type = ARG_CHOICE, .name = "section",
		      .choices = "sixxsd|common|prefix|thread",
		      .bad = "\"@\" is a wrong type for the debug command" },
		    { .type = ARG_ONOFF, .name = "on|off" } },
	  .help = "accepted for old files, without effect" },
	{ .name = "details", .run = set_details, .flags = CMD_CONFIG | CMD_FILE,
	  .args = { POP_ID_ARG, { .type = ARG_WORD, .name = "name" },
		    { .type = ARG_ADDRESS, .name = "ipv4", .bad = "Invalid IPv4 address (@)" },
		    { .type = ARG_ADDRESS, .name = "ipv6", .bad = "Invalid IPv6 address (@)" } },
	  .help = "name and outer addresses of a PoP" },
	{ .name = "fastpath", .run = set_fastpath, .flags = CMD_CONFIG | CMD_FILE,
	  .args = { { .type = ARG_REST, .name = "interface[/native|/generic|/tc|/clsact]" } },
	  .help = "interfaces whose packets the kernel forwards by itself, or auto, or off" },
	{ .name = "http", .run = set_http, .flags = CMD_CONFIG | CMD_FILE,
	  .args = { { .type = ARG_WORD, .name = "<address>|off" },
		    { .type = ARG_UINT, .name = "port", .min = 1, .max = UINT16_MAX, .optional = true },
		    { .type = ARG_WORD, .name = "certificate", .optional = true },
		    { .type = ARG_WORD, .name = "key", .optional = true } },
	  .help = "where page and metrics are, with TLS if there is a certificate" },
	{ .name = "id", .run = set_id, .flags = CMD_CONFIG | CMD_FILE, .args = { POP_ID_ARG },
	  .help = "which of the PoPs this one is" },
	{ .name = "latency", .run = set_latency, .flags = CMD_CONFIG | CMD_FILE,
	  .args = { { .type = ARG_UINT, .name = "seconds", .max = 3600 } },
	  .help = "time between two latency tests of a tunnel, 0 for none" },
	{ .name = "limits", .run = pop_set_limits, .flags = CMD_CONFIG | CMD_FILE | CMD_NO_RELOAD,
	  .args = { { .type = ARG_CHOICE, .choices = "tunnels" },
		    { .type = ARG_UINT, .name = "tunnels", .min = 1, .max = TUNNELS_MAX },
		    { .type = ARG_CHOICE, .choices = "subnets" },
		    { .type = ARG_UINT, .name = "subnets", .min = 1, .max = SUBNETS_MAX },
		    { .type = ARG_CHOICE, .choices = "history", .optional = true },
		    { .type = ARG_UINT, .name = "tunnels", .max = TUNNELS_MAX, .optional = true } },
	  .help = "how many there can be; before the first prefix" },
	{ .name = "localip", .run = set_localip, .flags = CMD_CONFIG | CMD_FILE,
	  .args = { { .type = ARG_REST, .name = "address" } },
	  .help = "addresses of this host that serve tunnels, \"any\" for all" },
	{ .name = "offload", .run = set_offload, .flags = CMD_CONFIG | CMD_FILE,
	  .args = { { .type = ARG_CHOICE, .choices = "off|on" } },
	  .help = "super-packets and merged datagrams between the kernel and the workers" },
	{ .name = "reserved", .run = set_reserved, .flags = CMD_CONFIG | CMD_FILE,
	  .args = { { .type = ARG_CHOICE, .choices = "pass|drop" } },
	  .help = "packets from the uplink with a unique-local, discard or SRv6 source" },
	{ .name = "token", .run = set_token, .flags = CMD_CONFIG | CMD_FILE,
	  .args = { { .type = ARG_CHOICE, .choices = "admin" },
		    { .type = ARG_SECRET, .name = "<sha256>|none" } },
	  .help = "who may see all of the page and the metrics, by the hash of a token" },
	{ .name = "verbosity", .run = set_verbosity, .flags = CMD_CONFIG | CMD_FILE,
	  .args = { { .type = ARG_UINT, .name = "level", .max = 41, .bad = VERBOSITY_WRONG,
		      .range = VERBOSITY_WRONG, .code = ANSWER_INTERNAL } },
	  .help = "how much is logged, 0 to 41" },
	{ .name = "workers", .run = pop_set_workers, .flags = CMD_CONFIG | CMD_FILE,
	  .args = { { .type = ARG_WORD, .name = "<n>|auto" } },
	  .help = "threads that forward, 1 to 16; from the next start on" },
	{ .name = NULL }
};

/* ---- prefixes ---- */

#define PREFIX_ARG	{ .type = ARG_PREFIX, .name = "prefix" }

static HANDLER(tunnelprefix_add)
{
	char text[PREFIX_TEXT_MAX];
	struct why why;
	int r = edit_tunnel_prefix(spare(c), &c->changes, &args[0].prefix, &why);

	(void)s, (void)n;
	if (r < 0)
		return answer_why(an, &why);
	if (r == 1)
		answer_say(an, ANSWER_OK, "Tunnel Prefix already configured");
	else
		answer_say(an, ANSWER_OK, "Tunnel Prefix %s configured",
			   prefix_text(&args[0].prefix, text));
	return 0;
}

static HANDLER(tunnelprefix_list)
{
	const struct plan *p = config_plan(control_config(c));
	char text[PREFIX_TEXT_MAX];

	(void)s, (void)args, (void)n;
	if (!plan_has_tunnel_prefix(p))
		return answer_error(an, ANSWER_NOT_FOUND, "Tunnel Prefix is not configured yet");

	struct prefix prefix = plan_tunnel_prefix(p);

	answer_line(an, "%s", prefix_text(&prefix, text));
	json_str(an, "prefix", prefix_text(&prefix, text));
	return 0;
}

const struct cmd pop_tunnelprefix_rows[] = {
	{ .name = "add", .run = tunnelprefix_add, .flags = CMD_CONFIG | CMD_FILE,
	  .args = { PREFIX_ARG }, .help = "the prefix tunnels live in, /48 to /60" },
	{ .name = "list", .run = tunnelprefix_list, .help = "the prefix tunnels live in" },
	{ .name = NULL }
};

static HANDLER(subnetprefix_add)
{
	unsigned int delegate = n > 1 ? (unsigned int)args[2].number : 0;
	char text[PREFIX_TEXT_MAX];
	struct why why;
	int r = edit_subnet_prefix(spare(c), &c->changes, &args[0].prefix, delegate, &why);

	(void)s;
	if (r < 0)
		return answer_why(an, &why);
	if (r == 1)
		answer_say(an, ANSWER_OK, "Subnet Prefix already configured");
	else
		answer_say(an, ANSWER_OK, "Subnet Prefix %s added",
			   prefix_text(&args[0].prefix, text));
	return 0;
}

static HANDLER(subnetprefix_list)
{
	const struct plan *p = config_plan(control_config(c));

	(void)s, (void)args, (void)n;
	if (p->subnet_prefixes == 0)
		return answer_error(an, ANSWER_NOT_FOUND, "No Subnet Prefixes are configured");
	json_open(an, "prefixes", '[');
	for (unsigned int i = 0; i < p->subnet_prefixes; i++) {
		struct prefix prefix = plan_subnet_prefix(&p->subnet[i]);
		char text[PREFIX_TEXT_MAX];

		answer_line(an, "%s", prefix_text(&prefix, text));
		json_open(an, NULL, '{');
		json_str(an, "prefix", prefix_text(&prefix, text));
		json_uint(an, "delegate", p->subnet[i].delegate);
		json_close(an, '}');
	}
	json_close(an, ']');
	return 0;
}

const struct cmd pop_subnetprefix_rows[] = {
	{ .name = "add", .run = subnetprefix_add, .flags = CMD_CONFIG | CMD_FILE,
	  .args = { PREFIX_ARG,
		    { .type = ARG_CHOICE, .choices = "delegate", .optional = true },
		    { .type = ARG_UINT, .name = "length", .min = 1, .max = 64, .optional = true } },
	  .help = "a prefix that subnets are taken from" },
	{ .name = "list", .run = subnetprefix_list, .help = "the prefixes that subnets come from" },
	{ .name = NULL }
};

/* ---- access list ---- */

/* A file that says anything about the list says all of it. */
static void acl_named(struct control *c)
{
	if (c->reloading && !(c->named & NAMED_ACL))
		edit_acl_reset(spare(c), &c->changes, NULL);
	c->named |= NAMED_ACL;
}

static HANDLER(cliacl_add)
{
	struct prefix p;
	struct why why;
	int r;

	(void)s, (void)n;
	if (!arg_host_or_prefix(args[0].word, args[0].len, &p))
		return answer_error(an, ANSWER_BAD, "Invalid IP address (%.80s), it must be an address "
				    "or <address>/<length> with nothing set behind the length",
				    args[0].word);
	acl_named(c);
	r = edit_acl_add(spare(c), &c->changes, &p, &why);
	if (r < 0)
		return answer_why(an, &why);
	answer_say(an, ANSWER_OK, r == 1 ? "CLI ACL already present" : "CLI ACL added");
	return 0;
}

static HANDLER(cliacl_remove)
{
	struct prefix p;
	struct why why;

	(void)s, (void)n;
	if (!arg_host_or_prefix(args[0].word, args[0].len, &p))
		return answer_error(an, ANSWER_BAD, "Invalid IP address (%.80s)", args[0].word);
	acl_named(c);
	if (edit_acl_remove(spare(c), &c->changes, &p, &why) < 0)
		return answer_why(an, &why);
	answer_say(an, ANSWER_OK, "CLI ACL removed");
	return 0;
}

static HANDLER(cliacl_reset)
{
	(void)args, (void)n;
	acl_named(c);
	edit_acl_reset(spare(c), &c->changes, s->kind == SESSION_TCP ? &s->peer : NULL);
	answer_say(an, ANSWER_OK, "CLI ACL has been reset");
	return 0;
}

static HANDLER(cliacl_list)
{
	const struct config_head *h = control_config(c)->head;

	(void)s, (void)args, (void)n;
	if (h->acls == 0)
		return answer_error(an, ANSWER_NOT_FOUND, "No CLI ACLs are configured");
	json_open(an, "acl", '[');
	for (uint32_t i = 0; i < h->acls; i++) {
		char text[PREFIX_TEXT_MAX];

		answer_line(an, "%s", acl_text(h, i, text));
		json_str(an, NULL, acl_text(h, i, text));
	}
	json_close(an, ']');
	return 0;
}

#define ACL_ARG	{ .type = ARG_WORD, .name = "ip" }

const struct cmd pop_cliacl_rows[] = {
	{ .name = "add", .run = cliacl_add, .flags = CMD_CONFIG | CMD_FILE, .args = { ACL_ARG },
	  .help = "let an address or prefix use the command line over TCP" },
	{ .name = "list", .run = cliacl_list, .help = "who may use the command line over TCP" },
	{ .name = "remove", .run = cliacl_remove, .flags = CMD_CONFIG | CMD_FILE,
	  .args = { ACL_ARG }, .help = "take an entry off the list" },
	{ .name = "reset", .run = cliacl_reset, .flags = CMD_CONFIG | CMD_FILE,
	  .help = "empty the list, but for your own address" },
	{ .name = NULL }
};

/* ---- the PoP itself ---- */

HANDLER(pop_saveconfig)
{
	struct why why;

	(void)s, (void)args, (void)n;
	if (control_save(c, c->file, &why) < 0)
		return answer_why(an, &why);
	answer_say(an, ANSWER_OK, "Configuration stored to disk");
	return 0;
}

HANDLER(pop_shutdown)
{
	(void)c, (void)args, (void)n;
	s->wants = WANTS_SHUTDOWN;
	answer_say(an, ANSWER_END, "Tschau, shutting down");
	return 0;
}
