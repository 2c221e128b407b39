/*
 * src/client/ctl.c - sixxsctl: options, and which of the three ways to run
 */
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/run.h"

static const char help[] =
	"usage: sixxsctl [-j] [-46] [-s PATH | -h HOST] [-p PORT] [COMMAND ...]\n"
	"\n"
	"Talks to a running sixxsd: sends COMMAND and prints the answer; without one, reads\n"
	"commands from a terminal (Tab completes, ? helps, Ctrl-D ends) or from a pipe or file,\n"
	"up to the first that fails.\n"
	"\n"
	"  -s PATH   UNIX socket (" LINK_SOCKET ", then TCP)\n"
	"  -h HOST   TCP to HOST (" LINK_HOST ") and to nothing else\n"
	"  -p PORT   TCP port (" LINK_PORT ")\n"
	"  -4, -6    IPv4 or IPv6 only\n"
	"  -j        answers as JSON, one object a line\n"
	"  -V        print the version\n"
	"  --help    print this\n"
	"\n"
	"Exit status: 0 the daemon did it (or had nothing to show), 1 it refused, 2 wrong\n"
	"options, or a capture onto a terminal, 3 no connection, or it was lost.\n";

static const struct option long_options[] = {
	{ "help", no_argument, NULL, '?' + 256 },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static bool is_port(const char *word)
{
	char *end;
	unsigned long n = strtoul(word, &end, 10);

	if (*word >= '0' && *word <= '9' && !*end && n >= 1 && n <= UINT16_MAX)
		return true;
	fprintf(stderr, "sixxsctl: %s is no port: 1 to 65535\n", word);
	return false;
}

/* Return: -1 to go on, else the exit status */
static int read_options(struct client *c, int argc, char **argv)
{
	int option;

	/* '+': what begins with a dash behind the command is the command's */
	while ((option = getopt_long(argc, argv, "+46jh:p:s:V", long_options, NULL)) != -1) {
		switch (option) {
		case '4':
			c->where.family = AF_INET;
			break;
		case '6':
			c->where.family = AF_INET6;
			break;
		case 'j':
			c->json = true;
			break;
		case 'h':
			c->where.host = optarg;
			break;
		case 'p':
			c->where.port = optarg;
			break;
		case 's':
			c->where.path = optarg;
			break;
		case 'V':
			printf("sixxsctl %s\n", SIXXSD_VERSION);
			return STATUS_OK;
		case '?' + 256:
			fputs(help, stdout);
			return STATUS_OK;
		default:
			fputs("try sixxsctl --help\n", stderr);
			return STATUS_USAGE;
		}
	}
	if (c->where.port && !is_port(c->where.port))
		return STATUS_USAGE;
	if (c->where.path && (c->where.host || c->where.port)) {
		fputs("sixxsctl: -s is for the UNIX socket, -h and -p are for TCP\n", stderr);
		return STATUS_USAGE;
	}
	return -1;
}

static int run_once(struct client *c, char *const word[], int words)
{
	static const char prefix[] = "json ";
	char line[sizeof(prefix) + LINE_MAX_OCTETS + 1];
	size_t skip = c->json ? strlen(prefix) : 0;

	if (c->json)
		memcpy(line, prefix, sizeof(prefix));

	size_t len = quote_words(word, words, line + skip);

	if (len == 0 || skip + len > LINE_MAX_OCTETS) {
		fprintf(stderr, "sixxsctl: the command is longer than %d octets\n", LINE_MAX_OCTETS);
		return STATUS_USAGE;
	}

	struct result r = run_line(c, line, skip + len);

	if (r.status == STATUS_LOST && r.end != LINK_UNWRITTEN)
		tell_lost();
	return (int)r.status;
}

static int run(struct client *c, char *const word[], int words)
{
	struct why why;

	if (link_open(&c->link, &c->where, &why)) {
		fprintf(stderr, "sixxsctl: %s\n", why.text);
		return STATUS_LOST;
	}
	if (words > 0)
		return run_once(c, word, words);
	if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		return run_interactive(c);
	return run_batch(c);
}

int main(int argc, char **argv)
{
	struct client c = { .link = { .fd = -1, .interrupt = -1, .reader = -1 } };

	setlocale(LC_CTYPE, "");

	int status = read_options(&c, argc, argv);

	if (status < 0)
		status = run(&c, argv + optind, argc - optind);
	link_close(&c.link);
	free(c.link.buf);
	if (fflush(stdout) == EOF && status == STATUS_OK) {
		perror("sixxsctl: standard output");
		status = STATUS_LOST;
	}
	return status;
}
