#include "web/trace_line.h"

#include <stdlib.h>
#include <string.h>

/* "<code> {...}". Return: the object; NULL: it is no such line */
static const char *object_of(const char *line, int *code)
{
	char *end;
	long n = strtol(line, &end, 10);

	if (end == line || n < 0 || n > 999)
		return NULL;
	*code = (int)n;
	return strchr(end, '{');
}

enum trace_line trace_read(const char *line, bool on, const char **rest)
{
	static const char trace[] = "{\"trace\":";
	int code = 0;
	const char *object = object_of(line, &code);

	if (!on)
		return code == 200 && object ? TRACE_BEGUN : TRACE_REFUSED;
	if (!object || strncmp(object, trace, sizeof(trace) - 1) != 0)
		return TRACE_OTHER;
	*rest = object + sizeof(trace) - 1;
	return TRACE_TEXT;
}
