#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "wire/proto.h"

/* Long options without a letter. */
enum {
	ONLY_CHECK = 256,
	ONLY_RUN_DIR,
	ONLY_CLI_ADDRESS,
	ONLY_CLI_PORT,
};

static const struct option longs[] = {
	{ "check", required_argument, NULL, ONLY_CHECK },
	{ "cli-address", required_argument, NULL, ONLY_CLI_ADDRESS },
	{ "cli-port", required_argument, NULL, ONLY_CLI_PORT },
	{ "config", required_argument, NULL, 'c' },
	{ "daemonize", no_argument, NULL, 'd' },
	{ "help", no_argument, NULL, 'h' },
	{ "nodaemonize", no_argument, NULL, 'f' },
	{ "run-dir", required_argument, NULL, ONLY_RUN_DIR },
	{ "silent", no_argument, NULL, 's' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{ .name = NULL },
};

void options_usage(void)
{
	fputs("usage: sixxsd [options]\n"
	      "\n"
	      "  -c, --config FILE      read the configuration from FILE\n"
	      "                         (default " OPTIONS_FILE ")\n"
	      "      --check FILE       only read and validate FILE, and say what is wrong\n"
	      "  -d, --daemonize        run in the background, log to syslog (default)\n"
	      "  -f, --nodaemonize      stay in the foreground, log to standard error\n"
	      "      --run-dir DIR      directory of the control socket\n"
	      "                         (default " OPTIONS_RUN_DIR ")\n"
	      "      --cli-address ADDRESS\n"
	      "                         where the command line listens; repeatable\n"
	      "                         (default 127.0.0.1 and ::1)\n"
	      "      --cli-port PORT    its TCP port (default 42003)\n"
	      "  -v, --verbose          log more; repeatable\n"
	      "  -s, --silent           verbosity 0: takes back earlier -v\n"
	      "  -V, --version          print product, version and release\n"
	      "  -h, -?, --help         print this\n", stdout);
}

static bool take_address(struct options *o, const char *word)
{
	if (o->listens == OPTIONS_LISTEN_MAX) {
		fprintf(stderr, "sixxsd: more than %d addresses to listen on\n",
			OPTIONS_LISTEN_MAX);
		return false;
	}
	if (!addr_parse(word, strlen(word), &o->listen[o->listens])) {
		fprintf(stderr, "sixxsd: %s is no IPv4 or IPv6 address\n", word);
		return false;
	}
	o->listens++;
	return true;
}

static bool take_port(struct options *o, const char *word)
{
	char *end;
	unsigned long n = strtoul(word, &end, 10);

	if (*word < '0' || *word > '9' || *end || n == 0 || n > UINT16_MAX) {
		fprintf(stderr, "sixxsd: %s is no port: 1 to 65535\n", word);
		return false;
	}
	o->port = (uint16_t)n;
	return true;
}

/* Return: understood */
static bool take(struct options *o, int letter)
{
	switch (letter) {
	case 'c':
		o->file = optarg;
		return true;
	case 'd':
		o->foreground = false;
		return true;
	case 'f':
		o->foreground = true;
		return true;
	case 'v':
		o->verbosity++;
		return true;
	case 's':
		o->verbosity = 0;
		return true;
	case 'V':
		o->mode = MODE_VERSION;
		return true;
	case 'h':
		o->mode = MODE_HELP;
		return true;
	case ONLY_CHECK:
		o->mode = MODE_CHECK;
		o->file = optarg;
		return true;
	case ONLY_RUN_DIR:
		o->run_dir = optarg;
		return true;
	case ONLY_CLI_ADDRESS:
		return take_address(o, optarg);
	case ONLY_CLI_PORT:
		return take_port(o, optarg);
	default:
		return false;
	}
}

struct options options_read(int argc, char **argv)
{
	struct options o = {
		.mode = MODE_RUN, .file = OPTIONS_FILE, .run_dir = OPTIONS_RUN_DIR,
		.port = PORT_CLI,
	};
	int letter;

	/* getopt answers '?' to what it does not know, so that letter cannot be asked for there */
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-?") == 0) {
			o.mode = MODE_HELP;
			return o;
		}
	}
	while ((letter = getopt_long(argc, argv, "c:dfhsvV", longs, NULL)) != -1) {
		if (!take(&o, letter)) {
			o.mode = MODE_WRONG;
			return o;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "sixxsd: %s: options only, no arguments\n", argv[optind]);
		o.mode = MODE_WRONG;
	}
	return o;
}
