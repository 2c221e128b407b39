/*
 * src/ctl/commands.h - the rows of commands that change something, for ctl/root.c
 */
#ifndef SIXXSD_CTL_COMMANDS_H
#define SIXXSD_CTL_COMMANDS_H

#include "ctl/control.h"

/* Whole menus. */
extern const struct cmd pop_capture_rows[];
extern const struct cmd pop_cliacl_rows[];
extern const struct cmd pop_get_rows[];
extern const struct cmd pop_set_rows[];
extern const struct cmd pop_subnetprefix_rows[];
extern const struct cmd pop_tunnelprefix_rows[];
extern const struct cmd pproxy_set_rows[];
extern const struct cmd subnet_set_rows[];
extern const struct cmd tunnel_set_rows[];
extern const struct cmd config_rows[];

#define HANDLER(name) \
	int name(struct control *c, struct session *s, const struct arg *args, unsigned int n, \
		 struct answer *an)

/* Single rows of menus that other files fill too. */
HANDLER(pop_saveconfig);
HANDLER(pop_shutdown);
HANDLER(pop_set_limits);
HANDLER(pop_set_workers);
HANDLER(subnet_remove);
HANDLER(subnet_list);
HANDLER(tunnel_capture);
HANDLER(tunnel_remove);
HANDLER(tunnel_reset_errors);
HANDLER(cmd_format);

#define TUNNEL_CAPTURE_ROW \
	{ .name = "capture", .run = tunnel_capture, \
	  .args = { { .type = ARG_WORD, .name = "{all|<tunnel>}" }, \
		    { .type = ARG_WORD, .name = "packets", .optional = true }, \
		    { .type = ARG_WORD, .name = "<seconds>s", .optional = true } }, \
	  .help = "packets of a tunnel or of all, as a pcapng stream" }

/* The hash of a token, or none. Return: 0, or with @an an error */
int token_of(const struct arg *a, struct token *t, struct answer *an);
/* The limits that `pop set limits` was given. */
struct limits limits_of(const struct arg *args);
#define LIMITS_TEXT_MAX	80
/* "tunnels 8192 subnets 65536", and the history if it is not every tunnel's. Return: @buf */
const char *limits_text(struct limits l, char buf[LIMITS_TEXT_MAX]);
/* What `pop set workers` was given. Return: false when it is neither "auto" nor in range */
bool workers_of(const struct arg *args, uint32_t *workers);

/* The lines of `config diff`: "- command" of @now, "+ command" of @next, no secrets. */
void diff_answer(const struct config *now, const struct config *next, struct answer *an);

#endif
