/*
 * A stranger's octets on the command line: lines out of a stream that arrives in pieces,
 * words out of a line. First octet: how large the pieces are. However it is cut, the
 * lines are the same; what a word is quoted as reads back as that word.
 */
#include <string.h>

#include "ctl/line.h"
#include "ctl/words.h"
#include "fuzz.h"

#define LINES_MAX 64

struct heard {
	unsigned int	lines, too_long;
	size_t		len[LINES_MAX];
	uint32_t	sum[LINES_MAX];
};

static uint32_t sum_of(const char *text, size_t len)
{
	uint32_t s = 2166136261u;

	for (size_t i = 0; i < len; i++)
		s = (s ^ (uint8_t)text[i]) * 16777619u;
	return s;
}

static void words(const char *line, size_t len)
{
	static struct words w, again;
	char quoted[WORD_QUOTED_MAX];
	struct why why;

	if (words_split(&w, line, len, &why) < 0)
		return;
	must(w.n <= CMD_WORDS_MAX, "no more words than there is room for");
	for (unsigned int i = 0; i < w.n; i++) {
		if (w.len[i] > WORD_SAID_MAX)
			continue;
		word_quote(quoted, w.word[i], w.len[i]);
		must(words_split(&again, quoted, strlen(quoted), &why) == 0 && again.n == 1 &&
		     again.len[0] == w.len[i] && !memcmp(again.word[0], w.word[i], w.len[i]),
		     "a quoted word reads back");
	}
}

static void listen_to(const uint8_t *data, size_t size, size_t piece, struct heard *h)
{
	static struct line l;

	line_init(&l);
	while (size) {
		size_t n = size < piece ? size : piece;
		struct cur c = cur_of(data, n);
		enum line_event e;

		while ((e = line_take(&l, &c)) != LINE_NONE) {
			if (e == LINE_TOO_LONG) {
				h->too_long++;
				continue;
			}
			must(l.len <= CMD_LINE_MAX, "a line is no longer than it may be");
			if (h->lines < LINES_MAX) {
				h->len[h->lines] = l.len;
				h->sum[h->lines] = sum_of(l.text, l.len);
			}
			h->lines++;
			words(l.text, l.len);
		}
		must(c.left == 0, "every octet is taken");
		data += n;
		size -= n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct heard whole = { 0 }, cut = { 0 };

	if (size < 1)
		return 0;
	listen_to(data + 1, size - 1, SIZE_MAX, &whole);
	listen_to(data + 1, size - 1, data[0] + 1u, &cut);
	must(!memcmp(&whole, &cut, sizeof(whole)), "the pieces make no difference");
	return 0;
}
