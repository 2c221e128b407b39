#include "web/wish.h"

#include <string.h>
#include <strings.h>

/* "T42", and no other way to write it. Return: false: it is no such name */
static bool read_id(const char *name, size_t len, uint32_t *id)
{
	uint64_t n = 0;

	if (len < 2 || len > sizeof("T4294967295") - 1 || name[0] != 'T' || (name[1] == '0' && len > 2))
		return false;
	for (size_t i = 1; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(name[i] - '0');
	}
	*id = (uint32_t)n;
	return n <= UINT32_MAX;
}

static uint16_t find_tunnel(const struct config *cf, const char *name, size_t len)
{
	uint32_t id;

	if (!read_id(name, len, &id))
		return TID_NONE;
	for (uint32_t tid = 0; tid < cf->head->tunnel_end && tid < cf->limits.tunnels; tid++) {
		if (cf->tunnel[tid].id == id && config_tunnel(cf, (uint16_t)tid))
			return (uint16_t)tid;
	}
	return TID_NONE;
}

struct wish read_path(const struct config *cf, const char *path)
{
	static const struct {
		const char	*path;
		enum what	what;
	} fixed[] = {
		{ "/api/v1/session", WHAT_SESSION }, { "/api/v1/pop", WHAT_POP },
		{ "/api/v1/pop/events", WHAT_POP_EVENTS }, { "/api/v1/tunnels", WHAT_LIST },
		{ "/api/v1/openapi.json", WHAT_OPENAPI }, { "/metrics", WHAT_METRICS },
		{ "/metrics/tunnels", WHAT_METRICS_TUNNELS },
	}, below[] = {
		{ "", WHAT_TUNNEL }, { "/history", WHAT_HISTORY }, { "/events", WHAT_TUNNEL_EVENTS },
		{ "/trace", WHAT_TRACE },
	};
	static const char tunnels[] = "/api/v1/tunnels/";
	struct wish wish = { .what = WHAT_PAGE, .tid = TID_NONE };

	for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
		if (strcmp(path, fixed[i].path) == 0)
			wish.what = fixed[i].what;
	}
	if (wish.what != WHAT_PAGE || strncmp(path, "/api", 4) != 0)
		return wish;
	wish.what = WHAT_NOTHING;
	if (strncmp(path, tunnels, sizeof(tunnels) - 1) != 0)
		return wish;

	const char *name = path + sizeof(tunnels) - 1, *rest = strchr(name, '/');
	size_t len = rest ? (size_t)(rest - name) : strlen(name);

	for (size_t i = 0; i < ARRAY_LEN(below); i++) {
		if (strcmp(rest ? rest : "", below[i].path) == 0)
			wish.what = below[i].what;
	}
	wish.names = wish.what != WHAT_NOTHING;
	wish.tid = find_tunnel(cf, name, len);
	return wish;
}

uint16_t asked_tunnel(const struct config *cf, const char *query)
{
	static const char key[] = "tunnel=";
	const size_t skip = sizeof(key) - 1;

	while (query) {
		size_t len = strcspn(query, "&");

		if (strncmp(query, key, skip) == 0)
			return find_tunnel(cf, query + skip, len - skip);
		query = query[len] ? query + len + 1 : NULL;
	}
	return TID_NONE;
}

/* ":8080", or nothing */
static bool is_port(const char *text)
{
	return *text == '\0' || (*text == ':' && text[1 + strspn(text + 1, "0123456789")] == '\0');
}

bool is_local_name(const char *host)
{
	static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };

	for (size_t i = 0; host && i < ARRAY_LEN(names); i++) {
		size_t len = strlen(names[i]);

		if (strncasecmp(host, names[i], len) == 0 && is_port(host + len))
			return true;
	}
	return false;
}

bool bearer_of(const char *authorization, struct span *token)
{
	static const char bearer[] = "Bearer ";
	const size_t skip = sizeof(bearer) - 1;

	if (!authorization || strncasecmp(authorization, bearer, skip) != 0)
		return false;
	*token = (struct span){ authorization + skip, strlen(authorization + skip) };
	return token->len > 0 && token->len <= TOKEN_MAX;
}
