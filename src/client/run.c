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

/* ">> main > pop (use '..' ...)" and "<< main": the session moved to another menu. */
static void follow_menu(struct client *c, const char *line, size_t len)
{
	static const char json[] = "{\"message\":\"", hint[] = " (use ";

	if (c->json && len > strlen(json) && memcmp(line, json, strlen(json)) == 0) {
		line += strlen(json);
		len -= strlen(json) + strlen("\"}");
	}
	if (len < 7 || (memcmp(line, ">> main", 7) != 0 && memcmp(line, "<< main", 7) != 0))
		return;

	const char *end = memmem(line, len, hint, strlen(hint));

	menu_read(&c->menu, line + 3, (end ? (size_t)(end - line) : len) - 3);
}

static void print_line(void *context, int digit, const char *line, size_t len)
{
	FILE *to = is_refusal(digit) || digit == 0 ? stderr : stdout;

	if (digit == 2)
		follow_menu(context, line, len);
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

static enum status status_of(int code)
{
	return is_refusal(code / 100) ? STATUS_REFUSED : STATUS_OK;
}

struct result run_line(struct client *c, const char *line, size_t len)
{
	struct result r = { .status = STATUS_LOST };
	struct reply reply;

	r.end = link_send(&c->link, line, len);
	if (r.end == LINK_OK)
		r.end = link_answer(&c->link, &reply, print_line, c);
	if (r.end != LINK_OK)
		return r;

	r.status = status_of(reply.code);
	r.farewell = reply.code == 666;
	if (reply.stream) {
		r.streamed = true;
		r.end = print_stream(&c->link);
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
