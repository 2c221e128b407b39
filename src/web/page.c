/*
 * src/web/page.c - the bundle: files that scripts/embed.py turned into constants
 *
 * Each lies here twice, as it is and compressed. All of it is anybody's: it holds no data.
 */
#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <string.h>
#include "web/embedded.h"
#include "web/parts.h"

static bool takes_gzip(struct evhttp_request *req)
{
	const char *h = evhttp_find_header(evhttp_request_get_input_headers(req), "Accept-Encoding");

	return h && strstr(h, "gzip");
}

static const struct embedded *find(const char *path)
{
	if (strcmp(path, "/") == 0)
		path = "/index.html";
	for (size_t i = 0; i < embedded_files; i++) {
		if (strcmp(path, embedded_file[i].path) == 0)
			return &embedded_file[i];
	}
	return NULL;
}

bool page_reply(struct evhttp_request *req, const char *path)
{
	const struct embedded *e = find(path);
	struct evkeyvalq *out = evhttp_request_get_output_headers(req);

	if (!e)
		return false;
	(void)evhttp_add_header(out, "Vary", "Accept-Encoding");
	if (takes_gzip(req)) {
		(void)evhttp_add_header(out, "Content-Encoding", "gzip");
		reply(req, 200, e->type, e->gzip, e->gzip_len);
	} else {
		reply(req, 200, e->type, e->plain, e->plain_len);
	}
	return true;
}
