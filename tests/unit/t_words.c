/* Lines into words and back: sixxsd-config.md 2. */
#include <errno.h>

#include "ctl/words.h"
#include "tap.h"

static const struct {
	const char *line;
	unsigned int n;
	const char *word[4];
} row[] = {
	{ "", 0, { NULL } },
	{ " \t ", 0, { NULL } },
	{ "a", 1, { "a" } },
	{ "  a\t\tb c ", 3, { "a", "b", "c" } },
	{ "\"a b\" c", 2, { "a b", "c" } },
	{ "a\"b c\"d", 1, { "ab cd" } },
	{ "\"\" x", 2, { "", "x" } },
	{ "\\a\\b\\f\\n\\r\\t\\v", 1, { "\a\b\f\n\r\t\v" } },
	{ "\\\"\\\\\\x", 1, { "\"\\x" } },
	{ "a\\ b", 1, { "a b" } },
	{ "\"a\\\"b\"", 1, { "a\"b" } },
	{ "# x", 2, { "#", "x" } },
	{ "\xc3\xa9", 1, { "\xc3\xa9" } },
};

static void lines(void)
{
	struct words w;
	struct why why;

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		bool same = words_split(&w, row[i].line, strlen(row[i].line), &why) == 0 &&
			    w.n == row[i].n;

		for (unsigned int k = 0; same && k < w.n; k++)
			same = !strcmp(w.word[k], row[i].word[k]) &&
			       w.len[k] == strlen(row[i].word[k]);
		ok(same, "'%s' is %u words", row[i].line, row[i].n);
	}
}

static void refused(void)
{
	static const struct { const char *line; size_t len; } bad[] = {
		{ "a \"b", 4 }, { "a\\", 2 }, { "a\0b", 3 }, { "\"\\\"", 3 },
	};
	struct words w;
	struct why why;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		why.text[0] = '\0';
		ok(words_split(&w, bad[i].line, bad[i].len, &why) == -EINVAL && why.text[0],
		   "%s is refused: %s", bad[i].line, why.text);
	}
}

static void limits(void)
{
	char line[CMD_LINE_MAX + 2];
	struct words w;
	struct why why;

	memset(line, 'x', sizeof(line));
	ok(words_split(&w, line, CMD_LINE_MAX, &why) == 0 && w.len[0] == CMD_LINE_MAX,
	   "4095 octets are a line");
	ok(words_split(&w, line, CMD_LINE_MAX + 1, &why) < 0, "4096 are not");
	for (size_t i = 1; i < sizeof(line); i += 2)
		line[i] = ' ';
	ok(words_split(&w, line, 256, &why) == 0 && w.n == 128, "128 words are taken");
	ok(words_split(&w, line, 257, &why) < 0, "129 are not");
}

/* Whatever octets a password has, NUL apart. */
static void every_octet_comes_back(void)
{
	char buf[WORD_QUOTED_MAX], word[WORD_SAID_MAX + 1];
	struct words w;
	struct why why;
	unsigned int wrong = 0;

	srand(4711);
	for (unsigned int round = 0; round < 20000; round++) {
		size_t len = (size_t)rand() % (WORD_SAID_MAX + 1);
		static const char hard[] = "\"\\ \t\n\a#/";

		if (round < 255)
			len = 1;
		for (size_t i = 0; i < len; i++)
			word[i] = (char)(rand() % 3 ? 1 + rand() % 255 :
				  hard[(size_t)rand() % (sizeof(hard) - 1)]);
		if (round < 255)
			word[0] = (char)(round + 1);
		word_quote(buf, word, len);
		wrong += words_split(&w, buf, strlen(buf), &why) < 0 || w.n != 1 ||
			 w.len[0] != len || memcmp(w.word[0], word, len) != 0 ||
			 strchr(buf, '\n') != NULL;
	}
	ok(wrong == 0, "20000 words survive quoting and splitting, each in one line");
	memset(word, '\\', sizeof(word));
	ok(strlen(word_quote(buf, word, WORD_SAID_MAX)) == WORD_QUOTED_MAX - 1,
	   "the longest one fills its buffer exactly");
	ok(!strcmp(word_quote(buf, "plain#/:", 8), "plain#/:"), "plain words stay plain");
}

int main(void)
{
	lines();
	refused();
	limits();
	every_octet_comes_back();
	return tap_done();
}
