/* tests/fuzz/json.h - what we write is read by a library that shares no code with it */
#ifndef SIXXSD_TEST_JSON_H
#define SIXXSD_TEST_JSON_H

#include <jansson.h>
#include <string.h>

#include "ctl/answer.h"
#include "fuzz.h"

static inline json_t *json_read(const char *octets, size_t len)
{
	json_t *root = json_loadb(octets, len, JSON_REJECT_DUPLICATES, NULL);

	must(json_is_object(root), "what is written is JSON, without a name twice");
	return root;
}

/* What @an holds, with its last bracket. */
static inline json_t *json_of(struct answer *an)
{
	must(!an->full && an->depth == 1, "it fits, and every bracket is closed but one");
	must(an->len < an->size, "there is room for that one");
	an->buf[an->len++] = '}';
	return json_read(an->buf, an->len);
}

static inline json_int_t json_number(const json_t *object, const char *key)
{
	const json_t *n = json_object_get(object, key);

	must(json_is_integer(n), "a number is one");
	return json_integer_value(n);
}

static inline const char *json_text(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	must(s, "a text is one");
	return s;
}

#endif
