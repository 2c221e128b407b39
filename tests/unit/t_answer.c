/*
 * tests/unit/t_answer.c - the framing of sixxsd-cli.md 2 and 11, and the JSON writer
 */
#include "tap.h"

#include <errno.h>
#include <math.h>

#include "ctl/answer.h"

static char buffer[ANSWER_SIZE_MIN];
static char wire[ANSWER_SIZE_MIN + 64];

static struct answer fresh(enum answer_format format)
{
	struct answer an = { .buf = buffer, .size = sizeof(buffer) };

	memset(buffer, '#', sizeof(buffer));
	answer_reset(&an, format);
	return an;
}

static const char *sent(const struct answer *an)
{
	struct answer_frame f = answer_frame(an);

	memcpy(wire, f.head, f.head_len);
	memcpy(wire + f.head_len, an->buf, an->len);
	memcpy(wire + f.head_len + an->len, f.tail, f.tail_len);
	wire[f.head_len + an->len + f.tail_len] = '\0';
	return wire;
}

static bool is(const struct answer *an, const char *want)
{
	bool same = strcmp(sent(an), want) == 0;

	if (!same)
		printf("# have: %.300s\n# want: %.300s\n", wire, want);
	return same;
}

static void text_is_framed_by_its_number_of_lines(void)
{
	struct answer an = fresh(ANSWER_TEXT);

	ok(is(&an, "200 OK\n"), "no line: the code and OK, with a line end");
	answer_line(&an, "0 days %02d:%02d:%02d", 0, 0, 19);
	ok(is(&an, "200 0 days 00:00:19\n"), "one line: behind its code");
	answer_line(&an, "total 2 1 3");
	ok(is(&an, "201 2\n0 days 00:00:19\ntotal 2 1 3\n200 OK\n"),
	   "two lines: 201, the count, the bare lines, 200 OK");
	an.code = ANSWER_NOTHING;
	ok(is(&an, "301 2\n0 days 00:00:19\ntotal 2 1 3\n300 OK\n"), "300: 301 and 300 OK");
	an.code = 404;
	ok(is(&an, "401 2\n0 days 00:00:19\ntotal 2 1 3\n404 OK\n"),
	   "404: its first digit in front, itself at the end");
	answer_reset(&an, ANSWER_TEXT);
	answer_line(&an, "%s", "");
	answer_line(&an, "x");
	ok(is(&an, "201 2\n\nx\n200 OK\n"), "an empty line is a line");
}

static void a_message_is_the_whole_answer(void)
{
	struct answer an = fresh(ANSWER_TEXT);

	answer_line(&an, "half an answer");
	ok(answer_error(&an, 404, "No such tunnel %s", "T9") == -ENOENT, "404 is -ENOENT");
	ok(is(&an, "404 No such tunnel T9\n"), "and what stood there before is gone");
	ok(answer_error(&an, 400, "x") == -EINVAL, "400 is -EINVAL");
	ok(answer_error(&an, 406, "x") == -EIO, "406 is -EIO");

	an = fresh(ANSWER_JSON);
	json_open(&an, "rows", '[');
	answer_why(&an, &(struct why){ .text = "say \"why\"" });
	ok(is(&an, "400 {\"message\":\"say \\\"why\\\"\"}\n"),
	   "as JSON it is an object with a message, whatever was open");
	answer_say(&an, 666, "Tschau");
	ok(is(&an, "666 {\"message\":\"Tschau\"}\n"), "any code");
}

static void fields_nest_and_take_commas_where_they_belong(void)
{
	struct answer an = fresh(ANSWER_JSON);

	ok(is(&an, "200 {}\n"), "nothing to tell is an empty object");
	answer_line(&an, "a line for people");
	json_open(&an, "empty", '[');
	json_close(&an, ']');
	json_open(&an, "rows", '[');
	json_open(&an, NULL, '{');
	json_uint(&an, "most", UINT64_MAX);
	json_int(&an, "least", INT64_MIN);
	json_close(&an, '}');
	json_open(&an, NULL, '{');
	json_close(&an, '}');
	json_str(&an, NULL, "x");
	json_close(&an, ']');
	json_bool(&an, "yes", true);
	json_bool(&an, "no", false);
	json_float(&an, "ms", 12.3456);
	json_float(&an, "none", (double)INFINITY);
	json_none(&an, "null");
	json_str(&an, "unset", NULL);
	ok(is(&an, "200 {\"empty\":[],\"rows\":[{\"most\":18446744073709551615,"
		   "\"least\":-9223372036854775808},{},\"x\"],\"yes\":true,\"no\":false,"
		   "\"ms\":12.346,\"none\":null,\"null\":null,\"unset\":null}\n"),
	   "objects, arrays, every kind of value");

	an = fresh(ANSWER_TEXT);
	json_open(&an, "rows", '[');
	json_str(&an, NULL, "x");
	json_close(&an, ']');
	ok(is(&an, "200 OK\n"), "fields are not for people");
}

static void what_a_stranger_quotes_cannot_break_the_framing(void)
{
	static const struct {
		const char *text, *line, *json;
	} rows[] = {
		{ "a\n200 OK\nb", "a?200 OK?b", "a\\u000a200 OK\\u000ab" },
		{ "\x01\x1f\x7f\t\r", "???\t?", "\\u0001\\u001f\\u007f\\u0009\\u000d" },
		{ "\"\\", "\"\\", "\\\"\\\\" },
		{ "Z\xc3\xbcrich", "Z\xc3\xbcrich", "Z\xc3\xbcrich" },
		{ "\xe2\x82\xac\xf0\x9f\x90\xa7", "\xe2\x82\xac\xf0\x9f\x90\xa7",
		  "\xe2\x82\xac\xf0\x9f\x90\xa7" },
		{ "\xff" "a", "\xff" "a", "\xef\xbf\xbd" "a" },
		{ "a\xc3", "a\xc3", "a\xef\xbf\xbd" },			/* cut short */
		{ "\xc0\xaf", "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },	/* overlong */
		{ "\xed\xa0\x80", "\xed\xa0\x80",
		  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },		/* surrogate */
		{ "\xf4\x90\x80\x80", "\xf4\x90\x80\x80",
		  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },	/* beyond U+10FFFF */
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct answer an = fresh(ANSWER_TEXT);
		char want[128];

		answer_line(&an, "%s", rows[i].text);
		snprintf(want, sizeof(want), "200 %s\n", rows[i].line);
		ok(is(&an, want), "row %zu as text", i);
		an = fresh(ANSWER_JSON);
		json_str(&an, "x", rows[i].text);
		snprintf(want, sizeof(want), "200 {\"x\":\"%s\"}\n", rows[i].json);
		ok(is(&an, want), "row %zu as JSON", i);
	}
}

/* Fill until @left octets are left of the buffer. */
static void fill(struct answer *an, size_t left)
{
	an->len = an->size - left;
	memset(an->buf, 'x', an->len);
	an->lines = 1;
}

static void too_long_an_answer_is_refused_whole(void)
{
	struct answer an = fresh(ANSWER_TEXT);

	fill(&an, 5);
	answer_line(&an, "1234");
	ok(!an.full && an.len == an.size, "a line fits with its line end, to the last octet");
	fill(&an, 5);
	answer_line(&an, "12345");
	answer_line(&an, "ignored");
	json_str(&an, "x", "ignored");
	ok(is(&an, "500 The answer is longer than the answer buffer\n"),
	   "one more, and the answer is one sentence, 500");
	answer_say(&an, 200, "fine");
	ok(an.code == 500, "which nothing overwrites");

	an = fresh(ANSWER_JSON);
	fill(&an, 7);
	json_str(&an, NULL, "12345");
	ok(!an.full && an.len == an.size, "a string fits with its quotes, to the last octet");
	an = fresh(ANSWER_JSON);
	fill(&an, 6);
	json_open(&an, "rows", '[');
	json_str(&an, NULL, "12345");
	json_close(&an, ']');
	ok(is(&an, "500 {\"message\":\"The answer is longer than the answer buffer\"}\n"),
	   "or it is refused, with every bracket closed");
	answer_reset(&an, ANSWER_TEXT);
	ok(is(&an, "200 OK\n"), "the next answer starts afresh");
}

static void the_longest_echo_fits(void)
{
	static char word[ANSWER_MESSAGE_MAX];
	struct answer an = fresh(ANSWER_JSON);

	memset(word, 1, sizeof(word) - 1);
	answer_say(&an, 404, "%s", word);
	ok(!an.full && an.code == 404, "even if every octet must be escaped");
}

int main(void)
{
	text_is_framed_by_its_number_of_lines();
	a_message_is_the_whole_answer();
	fields_nest_and_take_commas_where_they_belong();
	what_a_stranger_quotes_cannot_break_the_framing();
	too_long_an_answer_is_refused_whole();
	the_longest_echo_fits();
	return tap_done();
}
