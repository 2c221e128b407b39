#include "host/host.h"

#include <stdarg.h>
#include <stdio.h>

#define SENTENCE_MAX	480

void host_say(const struct say *to, const char *fmt, ...)
{
	char text[SENTENCE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	to->line(to->context, LOGGED_HOST, NULL, 0, text);
}

void host_say_facts(const struct say *to, enum logged event, const struct fact *facts,
		    unsigned int n, const char *fmt, ...)
{
	char text[SENTENCE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	to->line(to->context, event, facts, n, text);
}

int why_say(struct why *why, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	why->code = 500;
	return error;
}
