/*
 * src/web/channel.h - what control and the web process tell each other
 *
 * A socket pair that keeps messages apart (SOCK_SEQPACKET); both ends are this program, of the
 * same build. Descriptors come along (SCM_RIGHTS). Control never waits for the web process but
 * for the answer to WEB_TRY, and for that not long.
 *
 *	control				web
 *	WEB_STATE  + descriptors -->			what to map
 *	WEB_TRY    + descriptors -->	WEB_GOOD or WEB_BAD, with a sentence
 *	WEB_KEEP or WEB_FORGET   -->			that is in force now, or never was
 *	WEB_NEWS                 -->			the configuration changed; may be lost
 *	WEB_VERIFIED             <--	WEB_VERIFY	whose token is that?
 *	WEB_WATCHED + socket     <--	WEB_WATCH	what is decided about a tunnel's packets
 *				 <--	WEB_UNCAGED	no system call is forbidden to it, and why
 *
 * The web process opens nothing by itself: neither a file (they can hold passwords) nor a socket.
 */
#ifndef SIXXSD_WEB_CHANNEL_H
#define SIXXSD_WEB_CHANNEL_H

#include "table/config.h"

#define WEB_SENTENCE	400

enum web_order_what {
	WEB_STATE,
	WEB_TRY,
	WEB_KEEP,
	WEB_FORGET,
	WEB_NEWS,
	WEB_VERIFIED,
	WEB_WATCHED,
};

enum web_role {
	WEB_NOBODY,
	WEB_OWNER,		/* of one tunnel */
	WEB_ADMIN,
};

/* Descriptors of WEB_STATE, in this order; those that are not there are left out. */
enum web_descriptor {
	WEB_FD_STATE		= 1 << 0,
	WEB_FD_HISTORY		= 1 << 1,
	WEB_FD_LINES		= 1 << 2,
	WEB_FD_CPUS		= 1 << 3,
};
#define WEB_FDS_MAX	4

/* Those of WEB_TRY: unless .off; the last two if there is a certificate. */
enum web_try_fd {
	WEB_TRY_LISTENER,
	WEB_TRY_CERTIFICATE,
	WEB_TRY_KEY,
};

struct web_order {
	uint32_t	what;		/* enum web_order_what */
	uint32_t	id;		/* WEB_TRY: the answer's; WEB_VERIFIED, WEB_WATCHED: of the question */
	uint32_t	descriptors;	/* WEB_STATE: enum web_descriptor */
	uint32_t	cpus;		/* WEB_STATE: of the fast path */
	uint64_t	state_bytes, history_bytes;
	uint64_t	revision;	/* WEB_VERIFIED: of the configuration that says so */
	uint8_t		role;		/* WEB_VERIFIED: enum web_role */
	uint8_t		pad1;
	uint16_t	tid;		/* WEB_VERIFIED */
	uint32_t	pad;
	struct http_conf http;		/* WEB_TRY */
};

enum web_word_what {
	WEB_GOOD,
	WEB_BAD,
	WEB_VERIFY,
	WEB_WATCH,
	WEB_UNCAGED,
};

struct web_word {
	uint32_t	what;		/* enum web_word_what */
	uint32_t	id;		/* WEB_GOOD, WEB_BAD: of WEB_TRY; WEB_UNCAGED: errno */
	uint16_t	tid;		/* WEB_WATCH, WEB_VERIFY: that is asked for; or TID_NONE */
	uint8_t		sha256[32];	/* WEB_VERIFY: of the token */
	char		text[WEB_SENTENCE];
};

#endif
