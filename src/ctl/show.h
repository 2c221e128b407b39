/*
 * src/ctl/show.h - the commands that only look: rows for ctl/root.c
 *
 * Every handler fills a struct once (ctl/show_*.c) and renders it twice: as the
 * lines that monitoring parses (sixxsd-cli.md 3 to 9, exact) and as JSON fields.
 * Nothing here changes the configuration, but for `tunnel stats RESET`, which opens
 * a transaction of its own.
 */
#ifndef SIXXSD_CTL_SHOW_H
#define SIXXSD_CTL_SHOW_H

#include "ctl/cmd.h"

struct diagnosis;
struct error_sample;
struct traffic;

/* Whole menus, to hang under `pop show` and `tunnel get`; each ends with a NULL name. */
extern const struct cmd pop_show_rows[];
extern const struct cmd tunnel_get_rows[];

int tunnel_show(struct control *c, struct session *s, const struct arg *args, unsigned int n,
		struct answer *an);
int tunnel_list(struct control *c, struct session *s, const struct arg *args, unsigned int n,
		struct answer *an);
int tunnel_stats(struct control *c, struct session *s, const struct arg *args, unsigned int n,
		 struct answer *an);
int tunnel_why(struct control *c, struct session *s, const struct arg *args, unsigned int n,
	       struct answer *an);
int pop_why(struct control *c, struct session *s, const struct arg *args, unsigned int n,
	    struct answer *an);
int cmd_tree(struct control *c, struct session *s, const struct arg *args, unsigned int n,
	     struct answer *an);

/* Field @key: what is counted of a tunnel, the uplink or all. */
void json_traffic(const char *key, const struct traffic *t, struct answer *an);
/* Fields "last", "source", "reason", "sentence": the last packet that was counted as an error. */
void json_error(const struct error_sample *s, struct answer *an);
/* Field "why": what was found, most likely first. */
void json_diagnosis(struct answer *an, const struct diagnosis *d);

/* Rows for the initializer of the `tunnel` menu, which has rows of other files too. */
#define TUNNEL_SHOW_ROWS							\
	{ .name = "show", .run = tunnel_show,					\
	  .args = { { .type = ARG_TUNNEL, .name = "tunnel", .words = WORDS_OF_OLD } }, \
	  .help = "everything about one tunnel" },				\
	{ .name = "list", .run = tunnel_list,					\
	  .args = { { .type = ARG_WORD, .name = "all|debugonly|erroronly|err=<error name>", \
		      .optional = true } },					\
	  .help = "one line per tunnel" },					\
	{ .name = "stats", .run = tunnel_stats,					\
	  .args = { { .type = ARG_WORD, .name = "RESET", .optional = true } },	\
	  .help = "traffic and latency since the last RESET" },			\
	{ .name = "why", .run = tunnel_why,					\
	  .args = { { .type = ARG_TUNNEL, .name = "tunnel" } },			\
	  .help = "why it is dead, slow or dropping, and what to do" }

/* Row for the `pop` menu. */
#define POP_WHY_ROW								\
	{ .name = "why", .run = pop_why,					\
	  .help = "what is wrong with the PoP as a whole, and what to do" }

/* Row for the `cmd` menu: the tree itself, for clients that complete and help. */
#define CMD_TREE_ROW								\
	{ .name = "tree", .run = cmd_tree,					\
	  .help = "every command and argument, for programs" }

#endif
