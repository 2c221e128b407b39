/*
 * src/options.h - the command line of sixxsd (sixxsd-config.md 10)
 */
#ifndef SIXXSD_OPTIONS_H
#define SIXXSD_OPTIONS_H

#include "base/addr.h"
#include "base/why.h"

#define OPTIONS_FILE		"/etc/sixxsd/sixxsd.conf"
#define OPTIONS_RUN_DIR		"/run/sixxsd"
#define OPTIONS_LISTEN_MAX	8

enum mode {
	MODE_RUN,
	MODE_CHECK,
	MODE_VERSION,
	MODE_HELP,
	MODE_WRONG,		/* not understood; getopt has said what */
};

struct options {
	enum mode	mode;
	bool		foreground;
	unsigned int	verbosity;
	const char	*file;
	const char	*run_dir;
	struct ip6_addr	listen[OPTIONS_LISTEN_MAX];	/* none: loopback of both families */
	unsigned int	listens;
	uint16_t	port;
};

struct options options_read(int argc, char **argv);
void options_usage(void);

#endif
