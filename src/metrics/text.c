/* How a line is written. */
#include "metrics/parts.h"

#define PREFIX	"sixxsd_"

const struct metric_info metric_info[METRICS] = {
#define METRIC(symbol, type, name, unit, labels, sentence) \
	[M_##symbol] = { name, unit, sentence, METRIC_##type, sizeof(name) - 1 },
#define METRIC_TUNNEL METRIC
#include "metrics/metrics.def"
#undef METRIC
#undef METRIC_TUNNEL
};

static void put(struct text *t, const char *octets, size_t len)
{
	if (t->full || (size_t)(t->end - t->at) < len) {
		t->full = true;
		return;
	}
	memcpy(t->at, octets, len);
	t->at += len;
}

#define PUT(t, literal)	put((t), (literal), sizeof(literal) - 1)

/* Octet by octet: a pure folder has no strlen(). */
static void put_text(struct text *t, const char *s)
{
	while (*s && t->at < t->end && !t->full)
		*t->at++ = *s++;
	if (*s)
		t->full = true;
}

enum { DIGITS = 20 };

/* Return: where they begin in @digits */
static unsigned int digits_of(uint64_t n, char digits[DIGITS])
{
	unsigned int at = DIGITS;

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	return at;
}

static void put_number(struct text *t, uint64_t n)
{
	char digits[DIGITS];
	unsigned int at = digits_of(n, digits);

	put(t, digits + at, DIGITS - at);
}

/* Decimal, no more digits than it takes, at least @places of them behind the point. */
static void put_seconds(struct text *t, uint64_t us, unsigned int places)
{
	char fraction[7] = ".";
	unsigned int n = 6, rest = (unsigned int)(us % US_PER_S);

	put_number(t, us / US_PER_S);
	for (unsigned int i = n; i > 0; i--, rest /= 10)
		fraction[i] = (char)('0' + rest % 10);
	while (n > places && fraction[n] == '0')
		n--;
	if (n)
		put(t, fraction, 1 + n);
}

static const char *suffix(enum metric_type type)
{
	switch (type) {
	case METRIC_COUNTER:
		return "_total";
	case METRIC_INFO:
		return "_info";
	case METRIC_GAUGE:
	case METRIC_HISTOGRAM:
		break;
	}
	return "";
}

static const char *type_word(enum metric_type type, enum metrics_format f)
{
	switch (type) {
	case METRIC_COUNTER:
		return "counter";
	case METRIC_GAUGE:
		return "gauge";
	case METRIC_HISTOGRAM:
		return "histogram";
	case METRIC_INFO:
		return f == METRICS_OPENMETRICS ? "info" : "gauge";
	}
	return "unknown";
}

/* In OpenMetrics a family is named without what its samples end in. */
static void put_head(struct text *t, const char *what, const struct metric_info *m)
{
	put_text(t, what);
	PUT(t, PREFIX);
	put_text(t, m->name);
	if (t->format == METRICS_TEXT)
		put_text(t, suffix(m->type));
	PUT(t, " ");
}

void text_family(struct text *t, enum metric m)
{
	const struct metric_info *i = &metric_info[m];

	put_head(t, "# HELP ", i);
	put_text(t, i->sentence);
	put_head(t, ".\n# TYPE ", i);
	put_text(t, type_word(i->type, t->format));
	PUT(t, "\n");
	if (t->format == METRICS_OPENMETRICS && i->unit[0]) {
		put_head(t, "# UNIT ", i);
		put_text(t, i->unit);
		PUT(t, "\n");
	}
}

void text_end(struct text *t)
{
	if (t->format == METRICS_OPENMETRICS)
		PUT(t, "# EOF\n");
}

void text_sample(struct text *t, enum metric m, const char *more)
{
	PUT(t, PREFIX);
	put(t, metric_info[m].name, metric_info[m].len);
	put_text(t, suffix(metric_info[m].type));
	put_text(t, more);
	t->labels = false;
}

static void begin_label(struct text *t, const char *name)
{
	put_text(t, t->labels ? "," : "{");
	put_text(t, name);
	PUT(t, "=\"");
	t->labels = true;
}

/* What is no printable ASCII has no business here, and need not be UTF-8. */
static void put_escaped(struct text *t, char c)
{
	if (c == '\\' || c == '"')
		PUT(t, "\\");
	if (c == '\n')
		PUT(t, "\\n");
	else if (c < ' ' || c > '~')
		PUT(t, "_");
	else
		put(t, &c, 1);
}

void text_label(struct text *t, const char *name, const char *value)
{
	begin_label(t, name);
	for (; *value; value++)
		put_escaped(t, *value);
	PUT(t, "\"");
}

void text_label_lower(struct text *t, const char *name, const char *value)
{
	begin_label(t, name);
	for (; *value; value++) {
		char c = *value;

		if (c >= 'A' && c <= 'Z')
			c = (char)(c | 0x20);
		put_escaped(t, c);
	}
	PUT(t, "\"");
}

void text_label_number(struct text *t, const char *name, uint64_t value)
{
	begin_label(t, name);
	put_number(t, value);
	PUT(t, "\"");
}

/* One spelling in both formats, or a server that changes its mind would have every series twice. */
void text_label_seconds(struct text *t, const char *name, uint64_t us)
{
	begin_label(t, name);
	put_seconds(t, us, 1);
	PUT(t, "\"");
}

void text_label_tunnel(struct text *t, uint32_t id)
{
	PUT(t, "{tunnel=\"T");
	put_number(t, id);
	PUT(t, "\"");
	t->labels = true;
}

static void begin_value(struct text *t)
{
	if (t->labels)
		PUT(t, "} ");
	else
		PUT(t, " ");
}

void text_value(struct text *t, uint64_t n)
{
	begin_value(t);
	put_number(t, n);
	PUT(t, "\n");
}

void text_value_seconds(struct text *t, uint64_t us)
{
	begin_value(t);
	put_seconds(t, us, 0);
	PUT(t, "\n");
}
