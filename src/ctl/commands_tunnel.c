/* The `tunnel` and `subnet` menus' commands that change something. */
#include "ctl/commands.h"

#include <stdio.h>
#include <string.h>

#include "ctl/refuse.h"
#include "ctl/tree.h"
#include "table/enumword.h"

#define RATE_KBIT_MAX	100000000	/* 100 Gbit/s */
#define RATE_PPS_MAX	100000000

static struct config *spare(struct control *c)
{
	return region_spare(c->region);
}

static uint32_t id_of(struct control *c, uint16_t tid)
{
	return control_config(c)->tunnel[tid].id;
}

static HANDLER(set_config)
{
	const struct tunnel_args a = {
		.tid = args[0].tid, .id = (uint32_t)args[1].number,
		.kind = args[2].kind, .them = args[2].address,
		.disabled = word_is(args[3].word, args[3].len, "disabled"),
		.mtu_bytes = (uint16_t)args[4].number,
		.password = args[5].word, .password_len = args[5].len, .digest = c->digest,
	};
	struct config *cf = spare(c);
	struct why why;

	(void)s, (void)n;
	if (edit_tunnel(cf, &c->changes, &a, &why) < 0)
		return answer_why(an, &why);
	c->hint = a.tid;
	if (c->warning && conf_is_dynamic(&cf->tunnel[a.tid]) &&
	    !(cf->tunnel[a.tid].flags & TUNNEL_SECRET))
		refuse(c->warning, ANSWER_OK, "Tunnel %x/T%u has no password and stays down for ever",
		       a.tid, a.id);
	answer_say(an, ANSWER_OK, "Accepted Tunnel %x/T%u", a.tid, a.id);
	return 0;
}

static HANDLER(set_remote)
{
	char text[ADDR_TEXT_MAX];
	struct why why;

	(void)s, (void)n;
	if (edit_remote(spare(c), &c->changes, args[0].tid, &args[1].address, &why) < 0)
		return answer_why(an, &why);
	answer_say(an, ANSWER_OK, "Updated remote address to %s", addr_text(&args[1].address, text));
	return 0;
}

static HANDLER(set_encap)
{
	enum tunnel_encap e = (enum tunnel_encap)args[1].number;
	struct why why;

	(void)s;
	if (edit_encap(spare(c), &c->changes, args[0].tid, e, n > 2, (uint32_t)args[3].number,
		       &why) < 0)
		return answer_why(an, &why);
	answer_say(an, ANSWER_OK, "Encapsulation of T%u is now %s", id_of(c, args[0].tid),
		   word_encap(e));
	return 0;
}

static HANDLER(set_hash)
{
	enum tunnel_hash h = (enum tunnel_hash)args[1].number;
	struct why why;

	(void)s, (void)n;
	if (edit_hash(spare(c), &c->changes, args[0].tid, h, &why) < 0)
		return answer_why(an, &why);
	answer_say(an, ANSWER_OK, "Hash of T%u is now %s", id_of(c, args[0].tid), word_hash(h));
	return 0;
}

static HANDLER(set_rate)
{
	struct why why;

	(void)s, (void)n;
	if (edit_rate(spare(c), &c->changes, args[0].tid, (uint32_t)args[1].number,
		      (uint32_t)args[2].number, &why) < 0)
		return answer_why(an, &why);
	answer_say(an, ANSWER_OK, "Rate of T%u is now %u kbit/s and %u packets/s",
		   id_of(c, args[0].tid), (unsigned int)args[1].number,
		   (unsigned int)args[2].number);
	return 0;
}

static HANDLER(set_mss)
{
	bool clamp = args[1].number == 0;
	struct why why;

	(void)s, (void)n;
	if (edit_mss(spare(c), &c->changes, args[0].tid, clamp, &why) < 0)
		return answer_why(an, &why);
	answer_say(an, ANSWER_OK, "TCP MSS of T%u is %s", id_of(c, args[0].tid),
		   clamp ? "clamped to its MTU" : "left alone");
	return 0;
}

/* Who traces is control's, not the configuration's: set only once the flag is published. */
static HANDLER(set_debug)
{
	uint16_t tid = args[0].tid;
	bool on = args[1].number;
	struct config *cf;
	struct why why;

	(void)n;
	if (!s->connection)
		return answer_error(an, ANSWER_BAD, "Only a session can debug a tunnel");
	if (on && c->tracer[tid] && c->tracer[tid] != s->connection)
		return answer_error(an, ANSWER_BAD, "Another session is debugging T%u already",
				    id_of(c, tid));
	cf = control_begin(c, &why);
	if (!cf)
		return answer_why(an, &why);
	edit_debug(cf, &c->changes, tid, on, &why);
	if (control_commit(c, &why) < 0)
		return answer_why(an, &why);
	c->tracer[tid] = on ? s->connection : NULL;
	answer_say(an, ANSWER_OK, "Debugging has been %s", on ? "enabled" : "disabled");
	return 0;
}

static HANDLER(set_token)
{
	struct token t;
	struct why why;
	int r = token_of(&args[1], &t, an);

	(void)s, (void)n;
	if (r < 0)
		return r;
	if (edit_token(spare(c), &c->changes, args[0].tid, &t, &why) < 0)
		return answer_why(an, &why);
	answer_say(an, ANSWER_OK, t.set ? "The token of T%u is set" : "T%u has no token now",
		   id_of(c, args[0].tid));
	return 0;
}

#define TUNNEL_ARG	{ .type = ARG_TUNNEL, .name = "tunnel" }
#define TUNNEL_ARG_OLD	{ .type = ARG_TUNNEL, .name = "tunnel", .words = WORDS_OF_OLD }

const struct cmd tunnel_set_rows[] = {
	{ .name = "config", .run = set_config, .flags = CMD_CONFIG | CMD_FILE,
	  .args = { { .type = ARG_HEX_TID, .name = "tid" },
		    { .type = ARG_T_ID, .name = "tunnel-id" },
		    { .type = ARG_ENDPOINT, .name = "them",
		      .bad = "Invalid Tunnel_Them address (@): an IPv4 or IPv6 address, or ayiya, "
			     "heartbeat, dynamic" },
		    { .type = ARG_WORD, .name = "state" },
		    { .type = ARG_UINT, .name = "mtu", .min = MTU_MIN_BYTES,
		      .max = MTU_MAX_BYTES, .bad = "Invalid Tunnel MTU (@) - not a number",
		      .range = "Tunnel MTU @ is outside range (1280-1480)" },
		    { .type = ARG_SECRET, .name = "password", .optional = true } },
	  .help = "create a tunnel or change it; tid is hexadecimal" },
	{ .name = "debug", .run = set_debug,
	  .args = { TUNNEL_ARG_OLD, { .type = ARG_ONOFF, .name = "on|off" } },
	  .help = "show every packet of a tunnel in this session" },
	{ .name = "encap", .run = set_encap, .flags = CMD_CONFIG | CMD_FILE,
	  .args = { TUNNEL_ARG, { .type = ARG_CHOICE, .choices = "auto|direct|gre" },
		    { .type = ARG_CHOICE, .choices = "key", .optional = true },
		    { .type = ARG_UINT, .name = "n", .max = UINT32_MAX, .optional = true } },
	  .help = "protocol 41 (direct), GRE, or what the client sends (auto)" },
	{ .name = "hash", .run = set_hash, .flags = CMD_CONFIG | CMD_FILE,
	  .args = { TUNNEL_ARG, { .type = ARG_CHOICE, .choices = "sha1|sha256" } },
	  .help = "what AYIYA packets are signed with" },
	{ .name = "mss", .run = set_mss, .flags = CMD_CONFIG | CMD_FILE,
	  .args = { TUNNEL_ARG, { .type = ARG_CHOICE, .choices = "auto|off" } },
	  .help = "clamp the MSS of TCP to the tunnel's MTU" },
	{ .name = "rate", .run = set_rate, .flags = CMD_CONFIG | CMD_FILE,
	  .args = { TUNNEL_ARG, { .type = ARG_UINT, .name = "kbit/s", .max = RATE_KBIT_MAX },
		    { .type = ARG_UINT, .name = "packets/s", .max = RATE_PPS_MAX } },
	  .help = "limits of each direction, 0 for none" },
	{ .name = "remote", .run = set_remote, .flags = CMD_CONFIG,
	  .args = { TUNNEL_ARG_OLD, { .type = ARG_ADDRESS, .name = "ip" } },
	  .help = "set where the client is now, and the tunnel up" },
	{ .name = "token", .run = set_token, .flags = CMD_CONFIG | CMD_FILE,
	  .args = { TUNNEL_ARG, { .type = ARG_SECRET, .name = "<sha256>|none" } },
	  .help = "its owner may see its page, by the hash of a token" },
	{ .name = NULL }
};

HANDLER(tunnel_remove)
{
	uint32_t id = id_of(c, args[0].tid);
	struct why why;

	(void)s, (void)n;
	if (edit_tunnel_remove(spare(c), &c->changes, args[0].tid, &why) < 0)
		return answer_why(an, &why);
	answer_say(an, ANSWER_OK, "Removed Tunnel %x/T%u", args[0].tid, id);
	return 0;
}

HANDLER(tunnel_reset_errors)
{
	struct config *cf = spare(c);
	struct why why;
	uint16_t one;

	(void)s, (void)n;
	if (!word_is(args[0].word, args[0].len, "all")) {
		if (arg_tunnel(c, args[0].word, args[0].len, WORDS_OF_OLD, &one, &why) < 0 ||
		    edit_reset_errors(cf, &c->changes, one, &why) < 0)
			return answer_why(an, &why);
	}
	for (uint32_t tid = 0; tid < cf->head->tunnel_end; tid++) {
		if (word_is(args[0].word, args[0].len, "all") && config_tunnel(cf, (uint16_t)tid))
			edit_reset_errors(cf, &c->changes, (uint16_t)tid, &why);
	}
	answer_say(an, ANSWER_OK, "Wipeout!");
	return 0;
}

/* ---- subnets ---- */

static HANDLER(subnet_set_config)
{
	char text[PREFIX_TEXT_MAX];
	struct why why;

	(void)s, (void)n;
	if (edit_subnet(spare(c), &c->changes, &args[0].prefix, args[1].tid, &why) < 0)
		return answer_why(an, &why);
	answer_say(an, ANSWER_OK, "Accepted Route %s via %x", prefix_text(&args[0].prefix, text),
		   args[1].tid);
	return 0;
}

const struct cmd subnet_set_rows[] = {
	{ .name = "config", .run = subnet_set_config, .flags = CMD_CONFIG | CMD_FILE,
	  .args = { { .type = ARG_PREFIX, .name = "prefix" },
		    { .type = ARG_HEX_TID, .name = "tunnel-id",
		      .bad = "Tunnel-ID @ is not a number",
		      .range = "Tunnel-ID (@) is out of range" },
		    { .type = ARG_WORD, .name = "type" } },
	  .help = "route a subnet to a tunnel; its id is hexadecimal" },
	{ .name = NULL }
};

HANDLER(subnet_remove)
{
	char text[PREFIX_TEXT_MAX];
	struct why why;

	(void)s, (void)n;
	if (edit_subnet_remove(spare(c), &c->changes, &args[0].prefix, &why) < 0)
		return answer_why(an, &why);
	answer_say(an, ANSWER_OK, "Removed Route %s", prefix_text(&args[0].prefix, text));
	return 0;
}

static void list_subnet(const struct config *cf, const struct prefix *p, uint16_t tid,
			struct answer *an)
{
	char text[PREFIX_TEXT_MAX], name[16];

	snprintf(name, sizeof(name), "T%u", cf->tunnel[tid].id);
	prefix_text(p, text);
	answer_line(an, "%s %x %s", text, tid, name);
	json_open(an, NULL, '{');
	json_str(an, "prefix", text);
	json_uint(an, "tid", tid);
	json_str(an, "tunnel", name);
	json_close(an, '}');
}

HANDLER(subnet_list)
{
	const struct config *cf = control_config(c);
	const struct plan *p = config_plan(cf);
	unsigned int found = 0;

	(void)s, (void)args, (void)n;
	json_open(an, "subnets", '[');
	for (unsigned int i = 0; i < p->subnet_prefixes; i++) {
		for (uint32_t k = 0; k < subnet_prefix_count(&p->subnet[i]); k++) {
			uint16_t tid = cf->subnet[p->subnet[i].base + k];
			struct prefix subnet = plan_subnet(&p->subnet[i], k);

			if (!config_tunnel(cf, tid))
				continue;
			list_subnet(cf, &subnet, tid, an);
			found++;
		}
	}
	json_close(an, ']');
	if (found == 0)
		return answer_error(an, ANSWER_NOT_FOUND, "No subnets are configured");
	return 0;
}
