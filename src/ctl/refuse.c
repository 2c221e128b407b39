#include "ctl/refuse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "ctl/answer.h"

int refuse(struct why *why, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	for (char *c = why->text; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	}
	why->code = code;

	if (code == ANSWER_NOT_FOUND)
		return -ENOENT;
	if (code == ANSWER_FILE || code == ANSWER_INTERNAL)
		return -EIO;
	return -EINVAL;
}
