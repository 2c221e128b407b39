/* Arguments: words to values, each checked before any handler sees one. */
#include "ctl/tree.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ctl/refuse.h"

/* What is quoted of a word that is wrong: enough to recognise it. */
#define QUOTE_MAX	80

static bool is_keyword(const struct arg_spec *spec)
{
	return spec->type == ARG_CHOICE && !strchr(spec->choices, '|');
}

/* Names that say it all stand bare: RESET, {all|<tid>}, <address>|off. */
static bool is_bare(const char *name)
{
	return (*name >= 'A' && *name <= 'Z') || strpbrk(name, "<{|");
}

static size_t spec_text(const struct arg_spec *spec, char *at, size_t room)
{
	const char *name = spec->name;
	int n;

	if (is_keyword(spec))
		n = snprintf(at, room, "%s", spec->choices);
	else if (spec->type == ARG_CHOICE)
		n = snprintf(at, room, "{%s}", spec->choices);
	else if (spec->type == ARG_ONOFF)
		n = snprintf(at, room, "{on|off}");
	else if (spec->type == ARG_REST)
		n = snprintf(at, room, "<%s> ...", name);
	else if (is_bare(name))
		n = snprintf(at, room, "%s", name);
	else
		n = snprintf(at, room, "<%s>", name);
	return n < 0 ? 0 : min_size((size_t)n, room - 1);
}

const char *cmd_synopsis(const struct cmd *row, char buf[CMD_SYNOPSIS_MAX])
{
	size_t len = 0;

	buf[0] = '\0';
	for (unsigned int i = 0; i < CMD_ARGS_MAX && row->args[i].type != ARG_END; i++) {
		const struct arg_spec *spec = &row->args[i];
		bool belongs = i > 0 && is_keyword(spec - 1) && spec[-1].optional;
		bool leads = is_keyword(spec) && spec->optional;

		/* room for one more octet and the NUL throughout; rows are ours, not a stranger's */
		assert(len + 3 < CMD_SYNOPSIS_MAX);
		if (i > 0)
			buf[len++] = ' ';
		if (spec->optional && !belongs)
			buf[len++] = '[';
		len += spec_text(spec, buf + len, CMD_SYNOPSIS_MAX - len - 2);
		if (spec->optional && !leads)
			buf[len++] = ']';
	}
	buf[len] = '\0';
	return buf;
}

void cmd_arg_counts(const struct cmd *row, unsigned int *min, unsigned int *max)
{
	*min = *max = 0;
	for (unsigned int i = 0; i < CMD_ARGS_MAX && row->args[i].type != ARG_END; i++) {
		if (row->args[i].type == ARG_REST) {
			*max = CMD_ARGS_MAX;
			*min += !row->args[i].optional;
			return;
		}
		*min += !row->args[i].optional;
		(*max)++;
	}
}

/* @template with the word in place of every @. */
static int refuse_as(struct why *why, const struct arg_spec *spec, const char *template,
		     const char *word)
{
	char text[sizeof(why->text)];
	size_t len = 0;

	for (; *template && len < sizeof(text) - 1; template++) {
		if (*template == '@')
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%.*s", QUOTE_MAX,
						word);
		else
			text[len++] = *template;
		len = min_size(len, sizeof(text) - 1);
	}
	text[len] = '\0';
	return refuse(why, spec->code ? spec->code : ANSWER_BAD, "%s", text);
}

static int wrong(struct why *why, const struct arg_spec *spec, const char *word,
		 const char *general)
{
	return refuse_as(why, spec, spec->bad ? spec->bad : general, word);
}

/* Value of a digit; 16 when it is none. */
static unsigned int digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned int)(c - 'A') + 10;
	return 16;
}

/* Digits of @base (10 or 16) and nothing else; no sign, no blank, no overflow. */
static bool number(const char *word, size_t len, unsigned int base, uint64_t *value)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned int d = digit(word[i]);

		if (d >= base || n > (UINT64_MAX - d) / base)
			return false;
		n = n * base + d;
	}
	*value = n;
	return len > 0;
}

static int parse_uint(const struct arg_spec *spec, struct arg *a, struct why *why)
{
	if (!number(a->word, a->len, 10, &a->number))
		return wrong(why, spec, a->word, "'@' is not a number");
	if (a->number >= spec->min && a->number <= spec->max)
		return 0;
	if (spec->range)
		return refuse_as(why, spec, spec->range, a->word);
	return refuse(why, spec->code ? spec->code : ANSWER_BAD,
		      "%s %.*s is outside range (%llu-%llu)", spec->name, QUOTE_MAX, a->word,
		      (unsigned long long)spec->min, (unsigned long long)spec->max);
}

static int parse_hex_tid(const struct control *c, const struct arg_spec *spec, struct arg *a,
			 struct why *why)
{
	size_t skip = a->len > 2 && a->word[0] == '0' && (a->word[1] | 32) == 'x' ? 2 : 0;
	uint16_t last = config_tid_last(control_config(c));

	if (!number(a->word + skip, a->len - skip, 16, &a->number))
		return wrong(why, spec, a->word, "Invalid TID (@) - not a hex number");
	if (a->number > last && spec->range)
		return refuse_as(why, spec, spec->range, a->word);
	if (a->number > last)
		return refuse_tid(control_config(c), a->number, why);
	a->tid = (uint16_t)a->number;
	return 0;
}

static bool t_id(const char *word, size_t len, uint64_t *id)
{
	return len > 1 && word[0] == 'T' && number(word + 1, len - 1, 10, id) && *id <= UINT32_MAX;
}

bool arg_address(const char *word, size_t len, struct ip6_addr *a)
{
	const char *slash = memchr(word, '/', len);

	if (slash)
		len = (size_t)(slash - word);
	if (word_is(word, len, "unspecified")) {
		*a = (struct ip6_addr){ { 0 } };
		return true;
	}
	return addr_parse(word, len, a);
}

bool arg_host_or_prefix(const char *word, size_t len, struct prefix *p)
{
	struct ip6_addr a;

	if (memchr(word, '/', len))
		return prefix_parse(word, len, p);
	if (!addr_parse(word, len, &a))
		return false;
	*p = (struct prefix){ .addr = a, .len = 128 };
	return true;
}

/* Who has this inner address? IPv4 is the to-four plan's (ayiya.md 10). */
static uint16_t tunnel_at(const struct config *cf, const struct ip6_addr *a)
{
	struct place w;

	if (addr_is_ip4(a)) {
		uint16_t tid = plan_four(config_plan(cf), addr_ip4(a)).tid;

		return config_tunnel(cf, tid) ? tid : TID_NONE;
	}
	w = config_lookup6(cf, a);
	return w.kind == PLACE_UNASSIGNED ? TID_NONE : w.tid;
}

/* The sentence is historic to the octet; where the command is not, it may go on. */
static int no_tunnel_word(const char *word, size_t len, enum arg_words words, struct why *why)
{
	bool digits = words == WORDS_FREE && strspn(word, "0123456789") == len;

	return refuse(why, ANSWER_BAD, "It would be nice if you provided a proper IP address "
		      "or Tunnel ID (eg T<xxx>) and not '%.*s'%s%.*s%s", QUOTE_MAX, word,
		      digits ? ": did you mean T" : "", digits ? QUOTE_MAX : 0, word,
		      digits ? "?" : "");
}

int arg_tunnel(struct control *c, const char *word, size_t len, enum arg_words words, uint16_t *tid,
	       struct why *why)
{
	const struct config *cf = control_config(c);
	struct ip6_addr a;
	uint64_t id;

	if (t_id(word, len, &id)) {
		uint16_t found = config_find_t_id(cf, (uint32_t)id, c->reloading ? c->hint : 0);

		if (found == TID_NONE)
			return refuse(why, ANSWER_NOT_FOUND, "No such Tunnel ID (%.*s/T%llu) found",
				      QUOTE_MAX, word, (unsigned long long)id);
		*tid = c->hint = found;
		return 0;
	}
	if (!addr_parse(word, len, &a))
		return no_tunnel_word(word, len, words, why);

	uint16_t found = tunnel_at(cf, &a);

	if (found == TID_NONE)
		return refuse(why, ANSWER_NOT_FOUND, "No such tunnel %.*s", QUOTE_MAX, word);
	*tid = found;
	return 0;
}

static int parse_endpoint(const struct arg_spec *spec, struct arg *a, struct why *why)
{
	static const struct { const char *word; enum tunnel_kind kind; } kinds[] = {
		{ "ayiya", KIND_AYIYA }, { "heartbeat", KIND_HEARTBEAT },
		{ "dynamic", KIND_DYNAMIC },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (word_is(a->word, a->len, kinds[i].word)) {
			a->kind = kinds[i].kind;
			return 0;
		}
	}
	a->kind = KIND_STATIC;
	if (!arg_address(a->word, a->len, &a->address))
		return wrong(why, spec, a->word, "Invalid address (@): an IPv4 or IPv6 address, or "
			     "ayiya, heartbeat, dynamic");
	return 0;
}

/* Index of @a's word in "auto|direct|gre" */
static int parse_choice(const struct arg_spec *spec, struct arg *a, struct why *why)
{
	const char *at = spec->choices;

	for (a->number = 0;; a->number++) {
		size_t len = strcspn(at, "|");

		if (len == a->len && strncasecmp(at, a->word, len) == 0)
			return 0;
		if (at[len] == '\0')
			break;
		at += len + 1;
	}
	if (spec->bad)
		return refuse_as(why, spec, spec->bad, a->word);
	return refuse(why, ANSWER_BAD, "'%.*s' is wrong here, it must be %s", QUOTE_MAX, a->word,
		      spec->choices);
}

static uint64_t is_true(const struct arg *a)
{
	static const char *const words[] = { "yes", "true", "on", "enabled", "1" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (word_is(a->word, a->len, words[i]))
			return 1;
	}
	return 0;
}

static int parse_one(struct control *c, const struct arg_spec *spec, struct arg *a,
		     struct why *why)
{
	switch (spec->type) {
	case ARG_END:
	case ARG_WORD:
	case ARG_REST:
	case ARG_SECRET:
		return 0;
	case ARG_UINT:
		return parse_uint(spec, a, why);
	case ARG_HEX_TID:
		return parse_hex_tid(c, spec, a, why);
	case ARG_T_ID:
		if (t_id(a->word, a->len, &a->number))
			return 0;
		return wrong(why, spec, a->word, "Invalid Tunnel ID (@) - not a number: it must be T "
			     "and digits (T1)");
	case ARG_TUNNEL:
		return arg_tunnel(c, a->word, a->len, spec->words, &a->tid, why);
	case ARG_ADDRESS:
		if (arg_address(a->word, a->len, &a->address))
			return 0;
		return wrong(why, spec, a->word, "Invalid IP address (@)");
	case ARG_PREFIX:
		if (prefix_parse(a->word, a->len, &a->prefix) && !addr_is_ip4(&a->prefix.addr))
			return 0;
		return wrong(why, spec, a->word, "Invalid IPv6 prefix (@), it must be "
			     "<address>/<length> with nothing set behind the length");
	case ARG_ENDPOINT:
		return parse_endpoint(spec, a, why);
	case ARG_CHOICE:
		return parse_choice(spec, a, why);
	case ARG_ONOFF:
		a->number = is_true(a);
		return 0;
	}
	return 0;
}

static int wrong_count(const struct cmd *row, unsigned int given, struct why *why)
{
	char synopsis[CMD_SYNOPSIS_MAX];
	unsigned int min, max;

	cmd_arg_counts(row, &min, &max);
	cmd_synopsis(row, synopsis);
	if (max == 0)
		snprintf(synopsis, sizeof(synopsis), "(takes none)");
	return refuse(why, ANSWER_NOT_FOUND, "Command '%s' requires arguments: %s %s "
		      "(min=%u, max=%u, given=%u)", row->name, row->name, synopsis, min, max,
		      given);
}

int args_parse(struct control *c, const struct cmd *row, const struct words *w, unsigned int at,
	       struct arg *args, struct why *why)
{
	unsigned int given = w->n - at, min, max, spec = 0;

	cmd_arg_counts(row, &min, &max);
	if (given < min || given > max)
		return wrong_count(row, given, why);

	memset(args, 0, CMD_ARGS_MAX * sizeof(*args));
	for (unsigned int i = 0; i < given; i++) {
		int r;

		args[i].word = w->word[at + i];
		args[i].len = w->len[at + i];
		r = parse_one(c, &row->args[spec], &args[i], why);
		if (r < 0)
			return r;
		/* a keyword without what belongs to it */
		if (is_keyword(&row->args[spec]) && i + 1 == given)
			return wrong_count(row, given, why);
		if (row->args[spec].type != ARG_REST)
			spec++;
	}
	return 0;
}
