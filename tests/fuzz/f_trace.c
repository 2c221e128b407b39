/* Lines of control's session, as the page's live view reads them. First octet: has it begun? */
#include "json.h"

#include "web/trace_line.h"

/* @object: as it came, valid or not. @rest: what goes on */
static void text_holds(const char *object, const char *rest)
{
	json_t *was = json_loads(object, 0, NULL), *is;
	size_t len = strlen(rest) + sizeof("{\"text\":");
	char *event;

	if (!was)
		return;
	event = malloc(len);
	if (!event)
		exit(1);
	snprintf(event, len, "{\"text\":%s", rest);
	is = json_loads(event, 0, NULL);
	must(is, "what was JSON is JSON");
	must(json_object_get(is, "text"), "with a text");
	json_decref(is);
	json_decref(was);
	free(event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *rest = NULL, *object;
	enum trace_line is;
	char *line;

	if (size < 1)
		return 0;
	line = malloc(size);
	if (!line)
		exit(1);
	memcpy(line, data + 1, size - 1);
	line[size - 1] = '\0';
	object = strchr(line, '{');
	is = trace_read(line, data[0] & 1, &rest);
	must((is == TRACE_TEXT) == (rest != NULL), "a trace, and nothing else, has a text");
	if (data[0] & 1) {
		must(is == TRACE_TEXT || is == TRACE_OTHER, "a stream begins once");
	} else {
		must(is == TRACE_BEGUN || is == TRACE_REFUSED, "with yes or no");
		must(is != TRACE_BEGUN || (strtol(line, NULL, 10) == 200 && object), "yes is 200");
	}
	if (rest) {
		must(object && rest == object + 9 && memcmp(object, "{\"trace\":", 9) == 0,
		     "and it is what stands there");
		text_holds(object, rest);
	}
	free(line);
	return 0;
}
