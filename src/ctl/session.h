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
};

enum session_wants {
	WANTS_NOTHING,
	WANTS_CLOSE,		/* exit, quit: close after the answer */
	WANTS_SHUTDOWN,		/* pop shutdown */
};

struct session {
	enum session_kind	kind;
	struct ip6_addr		peer;		/* SESSION_TCP */
	enum answer_format	format;		/* cmd format */
	const struct cmd	*menu[CMD_DEPTH_MAX];	/* menu[0] is main */
	unsigned int		depth;		/* index of the current menu */
	enum session_wants	wants;		/* set by a handler, read by the server */
	void			*connection;	/* the server's; NULL for a file */
};

void session_init(struct session *s, enum session_kind kind, const struct cmd *root);

#endif
