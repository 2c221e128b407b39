/*
 * src/ctl/cmd.h - one tree of commands: file, CLI, help, completion and manual
 *
 * Every part exports rows; main.c hangs them into one tree. The file is a list of
 * commands, saveconfig writes them back. A row's run() receives parsed, range-checked
 * values. See sixxsd-config.md 2-6 for words and menus, sixxsd-cli.md for answers.
 */
#ifndef SIXXSD_CTL_CMD_H
#define SIXXSD_CTL_CMD_H

#include "base/why.h"
#include "ctl/answer.h"
#include "table/config.h"

#define CMD_WORDS_MAX	128
#define CMD_LINE_MAX	4095		/* octets without the line end */
#define CMD_DEPTH_MAX	10
#define CMD_ARGS_MAX	20

enum arg_type {
	ARG_END,
	ARG_WORD,		/* any text */
	ARG_UINT,		/* decimal, within min..max */
	ARG_HEX_TID,		/* hex, 0x tolerated, below the configured limit */
	ARG_T_ID,		/* T<decimal>, an external id being given */
	ARG_TUNNEL,		/* an existing tunnel: T<decimal> or an inner address */
	ARG_ADDRESS,		/* either family, "unspecified" */
	ARG_PREFIX,		/* address/length */
	ARG_ENDPOINT,		/* address, or ayiya | heartbeat | dynamic */
	ARG_CHOICE,		/* one of .choices, any case; a single one is a keyword, and the
				 * argument after an optional keyword belongs to it */
	ARG_ONOFF,		/* yes true on enabled 1, any case; else false */
	ARG_SECRET,		/* text that is never printed back */
	ARG_REST,		/* any number of further words, as many as args[] has room for */
};

/* May the general sentence of an ARG_TUNNEL say more than the historic one? */
enum arg_words {
	WORDS_FREE,
	WORDS_OF_OLD,		/* to the octet: others read it */
};

struct arg_spec {
	enum arg_type	type;
	const char	*name;		/* in the synopsis */
	uint64_t	min, max;	/* ARG_UINT */
	const char	*choices;	/* "auto|direct|gre" */
	bool		optional;
	/*
	 * What to say instead of the general sentence, @ standing for the word: it is not
	 * of its type, or not within its range. NULL: the general sentence.
	 */
	const char	*bad, *range;
	int		code;		/* with it; 0: 400 */
	enum arg_words	words;		/* ARG_TUNNEL */
};

struct arg {
	const char	*word;		/* as given; NULL: optional and absent */
	size_t		len;
	uint64_t	number;		/* UINT, HEX_TID, T_ID; CHOICE: index; ONOFF: 0 or 1 */
	uint16_t	tid;		/* TUNNEL, HEX_TID */
	struct ip6_addr	address;	/* ADDRESS, ENDPOINT */
	struct prefix	prefix;		/* PREFIX */
	enum tunnel_kind kind;		/* ENDPOINT */
};

struct session;			/* who asks: ctl/session.h */
struct control;			/* everything control holds: ctl/control.h */

enum cmd_flag {
	CMD_CONFIG	= 1 << 0,	/* changes the configuration: run inside a transaction */
	CMD_FILE	= 1 << 1,	/* allowed in a file */
	CMD_NO_RELOAD	= 1 << 2,	/* needs a restart: a reload that differs is refused */
};

struct cmd {
	const char	*name;		/* NULL ends a table */
	const struct cmd *menu;		/* a submenu: its rows; run is NULL then */
	/*
	 * Fill @an and return 0, or return -errno with @an an error (answer_error()).
	 * args[i] for i < the number of specs; n is how many words were given.
	 */
	int		(*run)(struct control *c, struct session *s, const struct arg *args,
			       unsigned int n, struct answer *an);
	unsigned int	flags;
	struct arg_spec	args[CMD_ARGS_MAX];
	const char	*help;		/* one line, lower case, no full stop */
};

/* The tree: its root is a row too, "main", whose .menu holds everything. ctl/root.c */
extern const struct cmd control_root;

#define CMD_SYNOPSIS_MAX	400

/* "<tid> <tunnel-id> ... [<password>]", empty without arguments. Return: @buf */
const char *cmd_synopsis(const struct cmd *row, char buf[CMD_SYNOPSIS_MAX]);
/* How many words a command takes at least and at most. */
void cmd_arg_counts(const struct cmd *row, unsigned int *min, unsigned int *max);

#endif
