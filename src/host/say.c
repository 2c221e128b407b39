#include "host/host.h"

#include <stdarg.h>
#include <stdio.h>

void host_say(const struct say *to, const char *fmt, ...)
{
	char text[480];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	to->line(to->context, text);
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
