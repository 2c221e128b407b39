/*
 * What a request asks for. First octet: 0 a path, 1 a query, 2 a host, 3 a token, 4 Accept; the
 * rest is the text, up to a NUL. Each is read once more here, in another way.
 */
#include "scene.h"

#include "metrics/metrics.h"
#include "web/wish.h"

static const struct config *cf(void)
{
	return region_config(&scene->region);
}

/* "T42" and nothing else */
static uint16_t named(const char *name, size_t len)
{
	unsigned long id = 0;

	if (len < 2 || name[0] != 'T' || (len > 2 && name[1] == '0'))
		return TID_NONE;
	for (size_t i = 1; i < len; i++) {
		if (name[i] < '0' || name[i] > '9' || id > UINT32_MAX)
			return TID_NONE;
		id = 10 * id + (unsigned long)(name[i] - '0');
	}
	for (uint16_t tid = 0; tid < cf()->head->tunnel_end; tid++) {
		if (config_tunnel(cf(), tid) && cf()->tunnel[tid].id == id)
			return tid;
	}
	return TID_NONE;
}

static void path_holds(const char *path)
{
	struct wish w = read_path(cf(), path);
	char name[64] = "", rest[64] = "";
	bool below = sscanf(path, "/api/v1/tunnels/%63[^/]%63s", name, rest) >= 1;

	must(w.what <= WHAT_NOTHING, "a path is for something");
	if (strncmp(path, "/api", 4) == 0)
		must(w.what != WHAT_PAGE, "what is below /api is no file");
	if (w.names) {
		must(below || strncmp(path, "/api/v1/tunnels/", 16) == 0, "a tunnel's has its name");
		must(w.tid == named(path + 16, strcspn(path + 16, "/")), "and is that tunnel's");
	} else {
		must(w.what < WHAT_TUNNEL || w.what > WHAT_TRACE, "what is a tunnel's names one");
	}
	if (below && (!*rest || !strcmp(rest, "/history") || !strcmp(rest, "/events") ||
		      !strcmp(rest, "/trace")) && strlen(path) == 16 + strlen(name) + strlen(rest))
		must(w.names, "a tunnel's path is read");
}

static void query_holds(const char *query)
{
	uint16_t want = TID_NONE;
	bool found = false;

	for (const char *at = query; !found;) {
		size_t len = strcspn(at, "&");

		if (len >= 7 && memcmp(at, "tunnel=", 7) == 0) {
			want = named(at + 7, len - 7);
			found = true;
		}
		if (!at[len])
			break;
		at += len + 1;
	}
	must(asked_tunnel(cf(), query) == want, "the first tunnel= of a query is it");
}

static void host_holds(const char *host)
{
	size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");

	if (!is_local_name(host))
		return;
	must((len == 9 && (!strncasecmp(host, "localhost", 9) || !memcmp(host, "127.0.0.1", 9))) ||
		     (len == 5 && !memcmp(host, "[::1]", 5)),
	     "local is what loops back");
	must(strspn(host + len, ":0123456789") == strlen(host + len), "with a port at most");
}

static void token_holds(const char *header)
{
	struct span t = { NULL, 0 };

	if (!bearer_of(header, &t)) {
		must(strncasecmp(header, "Bearer ", 7) || strlen(header) == 7 ||
			     strlen(header) > 7 + TOKEN_MAX, "a token is found");
		return;
	}
	must((const char *)t.at == header + 7 && t.len == strlen(header) - 7 && t.len >= 1 &&
		     t.len <= TOKEN_MAX, "what follows Bearer is the token, whole");
}

static void accept_holds(const char *accept)
{
	static char other[4096];
	enum metrics_format f = metrics_format(accept);

	if (f == METRICS_OPENMETRICS)
		must(strcasestr(accept, "application/openmetrics-text"), "none gets what it did not name");
	if (strlen(accept) + 64 > sizeof(other))
		return;
	snprintf(other, sizeof(other), "%s,\t;q=1 ,text/plain;q=0,application/openmetrics-text;q=0.000", accept);
	must(metrics_format(other) == f, "what is not wanted changes nothing");
	snprintf(other, sizeof(other), "text/html;q=0.7 , image/*; q=1,%s", accept);
	for (char *c = other; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	must(metrics_format(other) == f, "nor does what we do not have, nor the case");
	snprintf(other, sizeof(other), "%s,application/openmetrics-text", accept);
	must(metrics_format(other) == METRICS_OPENMETRICS, "what is liked most is given");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	scene_open();
	if (size < 1)
		return 0;
	text = malloc(size);	/* of its own size, so that a read beyond it shows */
	if (!text)
		exit(1);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	switch (data[0] % 5) {
	case 0:
		path_holds(text);
		break;
	case 1:
		query_holds(text);
		break;
	case 2:
		host_holds(text);
		break;
	case 3:
		token_holds(text);
		break;
	case 4:
		accept_holds(text);
		break;
	}
	free(text);
	return 0;
}
