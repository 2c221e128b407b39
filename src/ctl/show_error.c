#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ctl/show_part.h"
#include "ctl/text.h"

#define DUMP_COLUMNS	16

enum errname show_error_named(const char *name)
{
	for (unsigned int e = 0; e < ERR_COUNT; e++) {
		if (strcasecmp(name, errname_text[e]) == 0)
			return e;
	}
	return ERR_NONE;
}

/* ---- tunnel get errorpacket, sixxsd-cli.md 8 ---- */

static void dump_line(const uint8_t *bytes, size_t at, size_t len, struct answer *an)
{
	char hex[3 * DUMP_COLUMNS + 1], ascii[DUMP_COLUMNS + 1];
	size_t n = min_size(len - at, DUMP_COLUMNS);

	for (size_t i = 0; i < DUMP_COLUMNS; i++) {
		uint8_t b = i < n ? bytes[at + i] : 0;

		snprintf(hex + 3 * i, sizeof(hex) - 3 * i, i < n ? "%02x " : "   ", b);
		ascii[i] = '.';
		if (b >= 0x20 && b <= 0x7e)
			ascii[i] = (char)b;
	}
	ascii[n] = '\0';
	answer_line(an, "%08zx %s%s", at, hex, ascii);
}

static void json_packet(const struct error_sample *last, size_t kept, struct answer *an)
{
	char hex[2 * ERROR_SAMPLE_BYTES + 1] = "";

	for (size_t i = 0; i < kept; i++)
		snprintf(hex + 2 * i, 3, "%02x", last->bytes[i]);
	json_uint(an, "real_length", last->real_len);
	json_str(an, "octets", hex);
}

void json_error(const struct error_sample *s, struct answer *an)
{
	json_when(an, "last", s->at_s);
	json_addr(an, "source", &s->source);
	if (s->verdict < VERDICT_COUNT) {
		json_str(an, "reason", verdict_info[s->verdict].name);
		json_str(an, "sentence", verdict_info[s->verdict].sentence);
	}
}

static int get_errorpacket(struct control *c, struct session *s, const struct arg *args,
			   unsigned int n, struct answer *an)
{
	enum errname e = show_error_named(args[1].word);
	wall_t now = c->ops.wall(c->ops.context);
	char source[ADDR_TEXT_MAX], when[WHEN_TEXT_MAX];

	(void)s, (void)n;
	if (e == ERR_NONE)
		return answer_error(an, 404, "Unknown Error \"%s\"", args[1].word);

	const struct error_record *r = &c->region->table.errors[args[0].tid].record[e];
	uint64_t count = count_get(&r->count);
	struct error_sample last = tunnel_error(r);
	size_t kept = min_size(last.kept, sizeof(last.bytes));

	if (count == 0)
		return answer_error(an, 400, "That error did not happen yet");

	answer_line(an, "Error       : %s", errname_text[e]);
	answer_line(an, "Count       : %" PRIu64, count);
	answer_line(an, "Last Seen   : %s", when_text(last.at_s, now, when));
	answer_line(an, "Source      : %s", addr_text(&last.source, source));
	answer_line(an, "Real Length : %" PRIu32, last.real_len);
	answer_line(an, "8<--------------------------------------------");
	for (size_t at = 0; at < kept; at += DUMP_COLUMNS)
		dump_line(last.bytes, at, kept, an);
	answer_line(an, "-------------------------------------------->8");

	json_str(an, "error", errname_text[e]);
	json_uint(an, "count", count);
	json_error(&last, an);
	json_packet(&last, kept, an);
	return 0;
}

static int get_outer_endpoint(struct control *c, struct session *s, const struct arg *args,
			      unsigned int n, struct answer *an)
{
	struct endpoint ep = tunnel_endpoint(&c->region->table.tunnel[args[0].tid]);
	char them[ADDR_TEXT_MAX];

	(void)s, (void)n;
	answer_line(an, "%s", them_text(&ep.them, them));
	json_addr(an, "outer_them", &ep.them);
	return 0;
}

const struct cmd tunnel_get_rows[] = {
	{ .name = "outer_endpoint", .run = get_outer_endpoint,
	  .args = { { .type = ARG_TUNNEL, .name = "tunnel", .words = WORDS_OF_OLD } },
	  .help = "the client's address, as learned or configured" },
	{ .name = "errorpacket", .run = get_errorpacket,
	  .args = { { .type = ARG_TUNNEL, .name = "tunnel", .words = WORDS_OF_OLD },
		    { .type = ARG_WORD, .name = "error" } },
	  .help = "the last packet that was counted under this error" },
	{ .name = NULL }
};
