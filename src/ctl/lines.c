#include "ctl/load.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/refuse.h"

int lines_open(struct lines *l, const char *file, struct why *why)
{
	struct stat st;

	l->number = 0;
	l->octets = 0;
	l->eof = l->too_long = false;
	l->at = l->end = 0;
	/* non-blocking: opening a FIFO would wait for ever */
	l->fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (l->fd < 0)
		return refuse(why, ANSWER_FILE, "Cannot open %.300s: %s", file, strerrordesc_np(errno));
	if (fstat(l->fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(l->fd);
		return refuse(why, ANSWER_FILE, "%.300s is not a file", file);
	}
	return 0;
}

/* Read until a line end is there, or the buffer holds more than any line may. */
static int fill(struct lines *l, struct why *why)
{
	ssize_t n;

	memmove(l->buf, l->buf + l->at, l->end - l->at);
	l->end -= l->at;
	l->at = 0;
	do {
		n = read(l->fd, l->buf + l->end, sizeof(l->buf) - l->end);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return refuse(why, ANSWER_FILE, "Cannot read the file: %s", strerrordesc_np(errno));
	if (n == 0)
		l->eof = true;
	l->end += (size_t)n;
	l->octets += (size_t)n;
	if (l->octets > LINES_MIB_MAX << 20)
		return refuse(why, ANSWER_FILE, "The file is longer than %d MiB: no configuration is",
			      LINES_MIB_MAX);
	return 0;
}

/* The rest of a line that is too long: it has been reported by then. */
static int skip_rest(struct lines *l, struct why *why)
{
	int r;

	for (;;) {
		const char *lf = memchr(l->buf + l->at, '\n', l->end - l->at);

		if (lf) {
			l->at = (size_t)(lf + 1 - l->buf);
			return 0;
		}
		l->at = l->end;
		if (l->eof)
			return 0;
		r = fill(l, why);
		if (r < 0)
			return r;
	}
}

int lines_next(struct lines *l, const char **line, size_t *len, struct why *why)
{
	const char *lf;
	int r;

	if (l->too_long) {
		l->too_long = false;
		r = skip_rest(l, why);
		if (r < 0)
			return r;
	}
	for (;;) {
		size_t have = l->end - l->at;

		lf = memchr(l->buf + l->at, '\n', have);
		/* two more: a CR, and one that shows that it is too long */
		if (lf || l->eof || have > CMD_LINE_MAX + 2)
			break;
		r = fill(l, why);
		if (r < 0)
			return r;
	}
	if (!lf && l->at == l->end)
		return 0;
	if (l->number == LINES_MAX)
		return refuse(why, ANSWER_FILE, "The file has more than %d lines: no configuration has",
			      LINES_MAX);

	*line = l->buf + l->at;
	*len = lf ? (size_t)(lf - *line) : l->end - l->at;
	l->at += *len + (lf != NULL);
	l->number++;
	if (*len > 0 && (*line)[*len - 1] == '\r' && lf)
		(*len)--;
	if (*len > CMD_LINE_MAX)
		*len = CMD_LINE_MAX + 1;
	l->too_long = !lf && !l->eof;
	return 1;
}

void lines_close(struct lines *l)
{
	close(l->fd);
	l->fd = -1;
	explicit_bzero(l->buf, sizeof(l->buf));
}
