/*
 * src/ctl/session.h - who asks: one CLI connection, the configuration file, or a signal
 *
 * Only what commands need to know; the connection itself is ctl/server.c's.
 */
#ifndef SIXXSD_CTL_SESSION_H
#define SIXXSD_CTL_SESSION_H

#include "ctl/answer.h"
#include "ctl/cmd.h"

enum session_kind {
	SESSION_FILE,
	SESSION_UNIX,
	SESSION_TCP,
	SESSION_WATCH,		/* the page's view of one tunnel: it is told nothing more */
};

enum session_wants {
	WANTS_NOTHING,
	WANTS_CLOSE,		/* exit, quit: close after the answer */
	WANTS_SHUTDOWN,		/* pop shutdown */
	WANTS_STREAM,		/* a capture: octets after the answer, as .order says */
};

/* What a capture shall show. */
struct capture_order {
	bool		drops;		/* of the flight recorder; else live */
	uint16_t	tid;		/* live; TID_NONE: every tunnel */
	uint32_t	id;		/* T<id> of it */
	uint32_t	packets;	/* end after so many, 0: never */
	uint32_t	seconds;	/* likewise */
};

struct session {
	enum session_kind	kind;
	struct ip6_addr		peer;		/* SESSION_TCP */
	enum answer_format	format;		/* cmd format */
	const struct cmd	*menu[CMD_DEPTH_MAX];	/* menu[0] is main */
	unsigned int		depth;		/* index of the current menu */
	enum session_wants	wants;		/* set by a handler, read by the server */
	struct capture_order	order;		/* with WANTS_STREAM */
	void			*connection;	/* the server's; NULL for a file */
};

void session_init(struct session *s, enum session_kind kind, const struct cmd *root);

#endif
