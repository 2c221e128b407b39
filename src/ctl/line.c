#include "ctl/line.h"

void line_init(struct line *l)
{
	*l = (struct line){ .len = 0 };
}

/* The octets before LF, or all there are. Return: is there an LF? */
static bool up_to_lf(struct cur *c, struct cur *part)
{
	const uint8_t *lf = c->left ? memchr(c->at, '\n', c->left) : NULL;

	*part = cur_of(c->at, lf ? (size_t)(lf - c->at) : c->left);
	c->at += part->left + (lf != NULL);
	c->left -= part->left + (lf != NULL);
	return lf;
}

static void skip_nuls(struct cur *part)
{
	while (part->left && *part->at == '\0') {
		part->at++;
		part->left--;
	}
}

enum line_event line_take(struct line *l, struct cur *c)
{
	struct cur part;
	bool whole;

	if (l->done)
		line_init(l);
	whole = up_to_lf(c, &part);
	if (l->skipping) {
		l->skipping = !whole;
		return whole && c->left ? line_take(l, c) : LINE_NONE;
	}
	if (l->len == 0)
		skip_nuls(&part);

	/* one octet more than the limit is kept: it may turn out to be the CR of CRLF */
	size_t kept = min_size(part.left, CMD_LINE_MAX + 1 - l->len);
	bool over = kept < part.left;

	if (kept)
		memcpy(l->text + l->len, part.at, kept);
	l->len += kept;
	if (whole && !over && l->len && l->text[l->len - 1] == '\r')
		l->len--;
	else if (l->len > CMD_LINE_MAX && l->text[CMD_LINE_MAX] != '\r')
		over = true;
	if (over) {
		line_init(l);
		l->skipping = !whole;
		return LINE_TOO_LONG;
	}
	if (!whole)
		return LINE_NONE;

	l->text[l->len] = '\0';
	l->done = true;
	return LINE_READY;
}
