/*
 * src/web/wish.h - what a request asks for, and what it says of itself: texts of strangers
 *
 * Nothing here knows of connections.
 */
#ifndef SIXXSD_WEB_WISH_H
#define SIXXSD_WEB_WISH_H

#include "base/digest.h"
#include "table/config.h"

enum what {
	WHAT_PAGE,
	WHAT_SESSION,
	WHAT_POP,
	WHAT_POP_EVENTS,
	WHAT_LIST,
	WHAT_TUNNEL,
	WHAT_HISTORY,
	WHAT_TUNNEL_EVENTS,
	WHAT_TRACE,
	WHAT_OPENAPI,
	WHAT_METRICS,
	WHAT_METRICS_TUNNELS,
	WHAT_NOTHING,		/* below /api, and not there */
};

struct wish {
	enum what	what;
	uint16_t	tid;		/* TID_NONE: no such tunnel */
	bool		names;		/* a tunnel */
};

/* @path: at least "/" */
struct wish read_path(const struct config *cf, const char *path);

/*
 * The query of /api/v1/session, "tunnel=T42": the tunnel whose token it may be.
 * @query: or NULL. Return: TID_NONE: it names none
 */
uint16_t asked_tunnel(const struct config *cf, const char *query);

/* Of a URI or a header, with or without a port; NULL: not said, so not local. */
bool is_local_name(const char *host);

#define TOKEN_MAX	256

/* Of "Authorization: Bearer <token>"; borrowed from @authorization, NULL if there is none. */
MUST_CHECK bool bearer_of(const char *authorization, struct span *token);

#endif
