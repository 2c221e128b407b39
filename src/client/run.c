#include "client/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- one answer ---- */

static bool is_refusal(int digit)
{
	return digit == 4 || digit == 5;
}

/* The text of an answer of one sentence, in either format. */
static bool message_of(const struct client *c, const char **line, size_t *len)
{
	static const char head[] = "{\"message\":\"", tail[] = "\"}";

	if (!c->json)
		return true;
	if (*len < strlen(head) + strlen(tail) || memcmp(*line, head, strlen(head)) != 0)
		return false;
	*line += strlen(head);
	*len -= strlen(head) + strlen(tail);
	return true;
}

static bool starts(const char *text, size_t len, const char *with)
{
	return len >= strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

/* Two answers that change what comes next: another menu, and a tunnel under debug. */
static void notice(struct client *c, const char *line, size_t len)
{
	static const char debug[] = "Debugging has been enabled", hint[] = " (use ";

	if (!message_of(c, &line, &len))
		return;
	if (len == strlen(debug) && starts(line, len, debug))
		c->traces = true;
	/* ">> main > pop (use '..' or ...)" and "<< main" */
	if (!starts(line, len, ">> main") && !starts(line, len, "<< main"))
		return;

	const char *end = memmem(line, len, hint, strlen(hint));

	menu_read(&c->menu, line + 3, (end ? (size_t)(end - line) : len) - 3);
}

static void print_line(void *context, int digit, const char *line, size_t len)
{
	FILE *to = is_refusal(digit) || digit == 0 ? stderr : stdout;

	if (digit == 2)
		notice(context, line, len);
	fwrite(line, 1, len, to);
	putc('\n', to);
}

/* Raw octets until Ctrl-C (which is how it ends well) or until the daemon is gone. */
static enum link_end print_stream(struct link *l)
{
	char octets[8192];
	enum link_end e;
	size_t len;

	link_watch_interrupt(l);
	fflush(stdout);
	while ((e = link_read(l, -1, octets, sizeof(octets), &len)) == LINK_OK) {
		if (write(STDOUT_FILENO, octets, len) < 0)
			return LINK_INTERRUPTED;	/* nobody reads any more */
	}
	return e;
}

/* The session goes on, but a line is a packet's: show them like a stream. */
static enum link_end print_traces(struct link *l)
{
	static const char code[] = "200 ";
	enum link_end e;
	char *line;
	size_t len;

	link_watch_interrupt(l);
	fflush(stdout);
	while ((e = link_next(l, -1, &line, &len)) == LINK_OK) {
		size_t skip = starts(line, len, code) ? strlen(code) : 0;

		fwrite(line + skip, 1, len - skip, stdout);
		putchar('\n');
		if (fflush(stdout) == EOF)
			return LINK_INTERRUPTED;	/* nobody reads any more */
	}
	return e;
}

static enum status status_of(int code)
{
	return is_refusal(code / 100) ? STATUS_REFUSED : STATUS_OK;
}

struct result run_line(struct client *c, const char *line, size_t len)
{
	struct result r = { .status = STATUS_LOST };
	struct reply reply;

	c->traces = false;
	r.end = link_send(&c->link, line, len);
	if (r.end == LINK_OK)
		r.end = link_answer(&c->link, &reply, print_line, c);
	if (r.end != LINK_OK)
		return r;

	r.status = status_of(reply.code);
	r.farewell = reply.code == 666;
	if (reply.stream || c->traces) {
		r.streamed = true;
		r.end = reply.stream ? print_stream(&c->link) : print_traces(&c->link);
		r.status = r.end == LINK_INTERRUPTED ? STATUS_OK : STATUS_LOST;
	}
	fflush(stdout);
	return r;
}

/* ---- commands from a pipe or a file ---- */

static bool is_empty(const char *line)
{
	line += strspn(line, " \t\r\n");
	return !*line || *line == '#' || strncmp(line, "//", 2) == 0;
}

static void drop_line(void *context, int digit, const char *line, size_t len)
{
	if (is_refusal(digit))
		print_line(context, digit, line, len);
}

enum status run_silently(struct client *c, const char *line)
{
	struct reply reply;

	if (link_send(&c->link, line, strlen(line)) != LINK_OK ||
	    link_answer(&c->link, &reply, drop_line, c) != LINK_OK)
		return STATUS_LOST;
	return status_of(reply.code);
}

void tell_lost(void)
{
	fprintf(stderr, "sixxsctl: connection lost\n");
}

static enum status batch_line(struct client *c, const char *line, unsigned long number, bool *more)
{
	size_t len = strcspn(line, "\r\n");

	if (is_empty(line))
		return STATUS_OK;
	if (len > LINE_MAX_OCTETS) {
		fprintf(stderr, "sixxsctl: line %lu is longer than %d octets\n", number,
			LINE_MAX_OCTETS);
		return STATUS_REFUSED;
	}

	struct result r = run_line(c, line, len);

	if (r.status == STATUS_REFUSED)
		fprintf(stderr, "sixxsctl: line %lu was refused, the rest was not sent\n", number);
	if (r.status == STATUS_LOST)
		tell_lost();
	*more = !r.farewell && !r.streamed;
	return r.status;
}

int run_batch(struct client *c)
{
	enum status status = c->json ? run_silently(c, "cmd format json") : STATUS_OK;
	char *line = NULL;
	size_t size = 0;
	bool more = true;

	for (unsigned long n = 1; status == STATUS_OK && more && getline(&line, &size, stdin) > 0; n++)
		status = batch_line(c, line, n, &more);
	free(line);
	return (int)status;
}
