/*
 * src/ctl/said.h - the configuration as the commands that make it
 *
 * Each function gives the command of one thing without the menu it belongs to, as
 * saveconfig writes it and `config diff` shows it. Return: false when there is nothing to
 * say, because the thing is not there or at its default; @buf is untouched then.
 */
#ifndef SIXXSD_CTL_SAID_H
#define SIXXSD_CTL_SAID_H

#include "ctl/words.h"
#include "table/config.h"

#define SAID_MAX	1024	/* 16 local addresses, or a tunnel with an escaped password */

enum text_secret {
	SECRET_SHOWN,
	SECRET_HIDDEN,
};

/* What can be said of a tunnel, in `tunnel set`. */
enum tunnel_line {
	TUNNEL_LINE_CONFIG,
	TUNNEL_LINE_ENCAP,
	TUNNEL_LINE_HASH,
	TUNNEL_LINE_RATE,
	TUNNEL_LINE_MSS,
	TUNNEL_LINE_TOKEN,
	TUNNEL_LINES,
};

bool said_tunnel(const struct config *cf, uint16_t tid, enum tunnel_line line,
		 enum text_secret secret, char buf[SAID_MAX]);

/* Lines of `pop set`, in the order they must be in: limits before any prefix. */
enum {
	SET_LINE_LIMITS,
	SET_LINE_WORKERS,
	SET_LINE_DETAILS,		/* one for each PoP */
	SET_LINE_ID = SET_LINE_DETAILS + POPS_MAX,
	SET_LINE_LOCALIP,
	SET_LINE_FASTPATH,
	SET_LINE_LATENCY,
	SET_LINE_OFFLOAD,
	SET_LINE_RESERVED,
	SET_LINE_HTTP,
	SET_LINE_TOKEN,
	SET_LINE_VERBOSITY,
	SET_LINES,
};

bool said_pop_set(const struct config *cf, unsigned int line, enum text_secret secret,
		  char buf[SAID_MAX]);

/* "add ..." in `pop tunnelprefix`, `pop subnetprefix`, `pop cliacl` */
bool said_tunnel_prefix(const struct config *cf, char buf[SAID_MAX]);
bool said_subnet_prefix(const struct config *cf, unsigned int i, char buf[SAID_MAX]);
/* @i up to .acls: the entry; an empty list is "reset" at 0 */
bool said_acl(const struct config *cf, uint32_t i, char buf[SAID_MAX]);
/* "config ..." in `subnet set`; @n: which subnet of prefix @i */
bool said_subnet(const struct config *cf, unsigned int i, uint32_t n, char buf[SAID_MAX]);

/* An access list entry for people: an address, or a prefix. Return: @buf */
const char *acl_text(const struct config_head *h, uint32_t i, char buf[PREFIX_TEXT_MAX]);


#endif
