#include "client/run.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/blocks.h"

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

#define WRITE_OCTETS	4096		/* PIPE_BUF: a pipe that is ready takes them at once */

/* Nobody who reads any more is an end like any other; a full disk is none. */
static enum link_end unwritten(void)
{
	if (errno == EPIPE)
		return LINK_INTERRUPTED;
	perror("sixxsctl: standard output");
	return LINK_UNWRITTEN;
}

#define ENDING_MS	5000		/* what is on its way after Ctrl-C, in and out */

/*
 * Ctrl-C is heard also while who reads us does not. @ending: it was heard, and @l asked to end; what
 * is here is written all the same if the reader takes it. NULL: write no more.
 */
static enum link_end write_out(struct link *l, const char *octets, size_t len, bool *ending)
{
	while (len > 0) {
		struct pollfd p[2] = { { .fd = STDOUT_FILENO, .events = POLLOUT },
				       { .fd = l->interrupt, .events = POLLIN } };
		int ready = poll(p, ARRAY_LEN(p), ending && *ending ? ENDING_MS : -1);
		ssize_t n;

		if (ready < 0 && errno != EINTR)
			return LINK_LOST;
		if (ready == 0)
			return LINK_INTERRUPTED;
		if (ready > 0 && p[1].revents && !p[0].revents && link_interrupted(l)) {
			if (!ending || *ending)
				return LINK_INTERRUPTED;
			*ending = true;
			link_end_input(l);
		}
		if (ready < 0 || !p[0].revents)
			continue;
		n = write(STDOUT_FILENO, octets, min_size(len, WRITE_OCTETS));
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return unwritten();
		if (n > 0) {
			octets += n;
			len -= (size_t)n;
		}
	}
	return LINK_OK;
}

/* Raw octets until Ctrl-C (which is how it ends well) or until the daemon is gone. */
static enum link_end print_stream(struct link *l)
{
	char octets[8192];
	enum link_end e;
	size_t len;

	link_watch_interrupt(l);
	l->reader = STDOUT_FILENO;
	fflush(stdout);
	while ((e = link_read(l, -1, octets, sizeof(octets), &len)) == LINK_OK) {
		e = write_out(l, octets, len, NULL);
		if (e != LINK_OK)
			return e;
	}
	return e == LINK_ENDED ? LINK_LOST : e;
}

/*
 * A capture, until the daemon ends it, which it does between two blocks: else it broke. Ctrl-C (or
 * another signal that says to end) asks it to, so that the file ends with a whole block; a second
 * one does not wait for that.
 */
static enum link_end print_file(struct link *l)
{
	struct blocks at = { .have = 0 };
	bool ending = false;
	char octets[8192];
	enum link_end e;
	size_t len;

	link_watch_end(l);
	l->reader = STDOUT_FILENO;
	fflush(stdout);
	for (;;) {
		e = link_read(l, ending ? ENDING_MS : -1, octets, sizeof(octets), &len);
		if (e == LINK_INTERRUPTED && !ending) {
			ending = true;
			link_end_input(l);
			continue;
		}
		if (e == LINK_OK) {
			blocks_pass(&at, octets, len);
			e = write_out(l, octets, len, &ending);
		}
		if (e == LINK_ENDED)
			return blocks_whole(&at) ? LINK_INTERRUPTED : LINK_LOST;
		if (e != LINK_OK)
			return e;
	}
}

/* The session goes on, but a line is a packet's: show them like a stream. */
static enum link_end print_traces(struct link *l)
{
	static const char code[] = "200 ";
	enum link_end e;
	char *line;
	size_t len;

	link_watch_interrupt(l);
	l->reader = STDOUT_FILENO;
	fflush(stdout);
	while ((e = link_next(l, -1, &line, &len)) == LINK_OK) {
		size_t skip = starts(line, len, code) ? strlen(code) : 0;

		fwrite(line + skip, 1, len - skip, stdout);
		putchar('\n');
		if (fflush(stdout) == EOF)
			return unwritten();
	}
	return e;
}

static enum status status_of(int code)
{
	return is_refusal(code / 100) ? STATUS_REFUSED : STATUS_OK;
}

/* With what was typed, from main on. */
static void tell_no_text(const struct client *c, const char *line, size_t len)
{
	static const char prefix[] = "json ";

	if (c->json && starts(line, len, prefix)) {
		line += strlen(prefix);
		len -= strlen(prefix);
	}
	fputs("sixxsctl: a capture is no text: redirect it into a file, or pipe it on: sixxsctl ", stderr);
	for (unsigned int i = 0; i < c->menu.n; i++)
		fprintf(stderr, "%s ", c->menu.word[i]);
	fprintf(stderr, "%.*s | wireshark -k -i -\n", (int)len, line);
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
	if (reply.binary && isatty(STDOUT_FILENO)) {
		tell_no_text(c, line, len);
		r.streamed = true;
		r.end = LINK_INTERRUPTED;
		r.status = STATUS_USAGE;
	} else if (reply.stream || c->traces) {
		r.streamed = true;
		r.end = reply.binary ? print_file(&c->link) :
			reply.stream ? print_stream(&c->link) : print_traces(&c->link);
		r.status = r.end == LINK_INTERRUPTED ? STATUS_OK : STATUS_LOST;
	}
	if (fflush(stdout) == EOF && r.status == STATUS_OK) {
		perror("sixxsctl: standard output");
		r.end = LINK_UNWRITTEN;
		r.status = STATUS_LOST;
	}
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
	if (r.status == STATUS_LOST && r.end != LINK_UNWRITTEN)
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
