/* The one tree: rows of all parts, hung into menus. */
#include "ctl/commands.h"
#include "ctl/show.h"
#include "ctl/tree.h"

static const struct cmd cmd_rows[] = {
	{ .name = "format", .run = cmd_format,
	  .args = { { .type = ARG_CHOICE, .choices = "json|text" } },
	  .help = "how this session is answered" },
	CMD_TREE_ROW,
	{ .name = NULL }
};

static const struct cmd pop_rows[] = {
	{ .name = "capture", .menu = pop_capture_rows, .help = "packets that died" },
	{ .name = "cliacl", .menu = pop_cliacl_rows, .help = "who may use the command line" },
	{ .name = "get", .menu = pop_get_rows, .help = "single values" },
	{ .name = "saveconfig", .run = pop_saveconfig,
	  .help = "write the running configuration to its file" },
	{ .name = "set", .menu = pop_set_rows, .help = "what this PoP is" },
	{ .name = "show", .menu = pop_show_rows, .help = "how it is doing" },
	{ .name = "shutdown", .run = pop_shutdown, .help = "end the daemon" },
	{ .name = "subnetprefix", .menu = pop_subnetprefix_rows,
	  .help = "prefixes that subnets are taken from" },
	{ .name = "tunnelprefix", .menu = pop_tunnelprefix_rows,
	  .help = "the prefix tunnels live in" },
	POP_WHY_ROW,
	{ .name = NULL }
};

static const struct cmd pproxy_rows[] = {
	{ .name = "set", .menu = pproxy_set_rows, .help = "accepted for old files" },
	{ .name = NULL }
};

static const struct cmd subnet_rows[] = {
	{ .name = "list", .run = subnet_list, .help = "subnets and whose they are" },
	{ .name = "remove", .run = subnet_remove, .flags = CMD_CONFIG,
	  .args = { { .type = ARG_PREFIX, .name = "prefix" } },
	  .help = "take a subnet from its tunnel" },
	{ .name = "set", .menu = subnet_set_rows, .help = "give subnets to tunnels" },
	{ .name = NULL }
};

static const struct cmd tunnel_rows[] = {
	TUNNEL_CAPTURE_ROW,
	{ .name = "get", .menu = tunnel_get_rows, .help = "single values" },
	{ .name = "remove", .run = tunnel_remove, .flags = CMD_CONFIG,
	  .args = { { .type = ARG_TUNNEL, .name = "tunnel" } },
	  .help = "free the slot of a tunnel that has no subnets" },
	{ .name = "reseterrors", .run = tunnel_reset_errors, .flags = CMD_CONFIG,
	  .args = { { .type = ARG_WORD, .name = "{all|<tunnel>}" } },
	  .help = "forget the errors of one tunnel or of all" },
	{ .name = "set", .menu = tunnel_set_rows, .help = "create and change tunnels" },
	TUNNEL_SHOW_ROWS,
	{ .name = NULL }
};

static const struct cmd main_rows[] = {
	{ .name = "cmd", .menu = cmd_rows, .help = "this session" },
	{ .name = "config", .menu = config_rows, .help = "configuration files" },
	{ .name = "pop", .menu = pop_rows, .help = "the PoP" },
	{ .name = "pproxy", .menu = pproxy_rows, .help = "accepted for old files" },
	{ .name = "subnet", .menu = subnet_rows, .help = "routed subnets" },
	{ .name = "tunnel", .menu = tunnel_rows, .help = "tunnels" },
	{ .name = NULL }
};

const struct cmd control_root = { .name = "main", .menu = main_rows, .help = "everything" };
