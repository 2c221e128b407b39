/*
 * src/ctl/tree.h - walking the tree of commands: which row do these words name?
 *
 * Menus, sixxsd-config.md 3: a word that names a submenu descends, `end` and `..` go up,
 * `/` to main; what is left when a command is reached are its arguments.
 */
#ifndef SIXXSD_CTL_TREE_H
#define SIXXSD_CTL_TREE_H

#include "ctl/control.h"
#include "ctl/words.h"

/* A place in the tree. */
struct walk {
	const struct cmd	*menu[CMD_DEPTH_MAX];
	unsigned int		depth;		/* index of the menu we are in */
	bool			up;		/* the last step went up */
};

#define WALK_PATH_MAX	256

/* "main > pop > set" */
const char *walk_path(const struct walk *wk, char buf[WALK_PATH_MAX]);

/**
 * walk_words() - go where the words lead
 * @wk:		starts as the session's place
 * @at:		in: first word; out: the first one that is an argument
 * @row:	the command reached; NULL: the words ended in a menu
 *
 * Return: 0, or -ENOENT with @why: no such word here
 */
int walk_words(struct walk *wk, const struct words *w, unsigned int *at, const struct cmd **row,
	       struct why *why);

struct walk walk_of(const struct session *s);

/**
 * args_parse() - the words behind a command as its row wants them
 * @c:		for what refers to tunnels; may be NULL when no argument does
 * @at:		first argument word
 * @args:	CMD_ARGS_MAX of them, cleared here
 */
int args_parse(struct control *c, const struct cmd *row, const struct words *w, unsigned int at,
	       struct arg *args, struct why *why);

/* The arguments of types that refer to a tunnel or name one, also for handlers' own use. */
int arg_tunnel(struct control *c, const char *word, size_t len, enum arg_words words, uint16_t *tid,
	       struct why *why);
/* "/length" behind it is ignored; "unspecified" in any case is one. */
MUST_CHECK bool arg_address(const char *word, size_t len, struct ip6_addr *a);
/* address or address/length; an address alone is a host's */
MUST_CHECK bool arg_host_or_prefix(const char *word, size_t len, struct prefix *p);

/* help, fullhelp and `.`: rows of every menu */
extern const struct cmd builtin_rows[];

#endif
