/*
 * saveconfig: the running configuration as a file that loads to the same state.
 *
 * There is no moment without a whole file: the new one is written beside the old, synced,
 * renamed over it in one step, and the directory synced. Mode 0600, for the passwords.
 */
#include "ctl/control.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/load.h"
#include "ctl/refuse.h"
#include "ctl/said.h"

#define FIRST_LINE	"# SixXS PoP dump stored by SixXSd"

/* The file being written; the first error stays and everything after it does nothing. */
struct out {
	int	fd;
	int	error;
	size_t	len;
	char	buf[8192];
};

static void flush(struct out *o)
{
	size_t done = 0;

	while (!o->error && done < o->len) {
		ssize_t n = write(o->fd, o->buf + done, o->len - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			o->error = errno;
	}
	o->len = 0;
}

static void put(struct out *o, const char *bytes, size_t len)
{
	while (len > 0) {
		size_t n = min_size(len, sizeof(o->buf) - o->len);

		memcpy(o->buf + o->len, bytes, n);
		o->len += n;
		bytes += n;
		len -= n;
		if (o->len == sizeof(o->buf))
			flush(o);
	}
}

static void put_line(struct out *o, unsigned int depth, const char *text)
{
	put(o, "\t\t\t", depth);
	put(o, text, strlen(text));
	put(o, "\n", 1);
}

static void put_pop(struct out *o, const struct config *cf, char text[SAID_MAX])
{
	put_line(o, 0, "pop");
	put_line(o, 1, "set");
	for (unsigned int i = 0; i < SET_LINES; i++) {
		if (said_pop_set(cf, i, SECRET_SHOWN, text))
			put_line(o, 2, text);
	}
	put_line(o, 1, "end");
	if (said_tunnel_prefix(cf, text)) {
		put(o, "\n\ttunnelprefix ", 15);
		put_line(o, 0, text);
	}
	if (config_plan(cf)->subnet_prefixes > 0) {
		put_line(o, 0, "\n\tsubnetprefix");
		for (unsigned int i = 0; said_subnet_prefix(cf, i, text); i++)
			put_line(o, 2, text);
		put_line(o, 1, "end");
	}
	put_line(o, 0, "\n\tcliacl");
	for (uint32_t i = 0; i < ACL_MAX && said_acl(cf, i, text); i++)
		put_line(o, 2, text);
	put_line(o, 1, "end");
	put_line(o, 0, "end");
}

static void put_tunnels(struct out *o, const struct config *cf, char text[SAID_MAX])
{
	put_line(o, 0, "\ntunnel");
	put_line(o, 1, "set");
	for (uint32_t tid = 0; tid < cf->head->tunnel_end; tid++) {
		for (int line = 0; line < TUNNEL_LINES; line++) {
			if (said_tunnel(cf, (uint16_t)tid, (enum tunnel_line)line, SECRET_SHOWN, text))
				put_line(o, 2, text);
		}
	}
	put_line(o, 1, "end");
	put_line(o, 0, "end");
}

static void put_subnets(struct out *o, const struct config *cf, char text[SAID_MAX])
{
	const struct plan *p = config_plan(cf);

	put_line(o, 0, "\nsubnet");
	put_line(o, 1, "set");
	for (unsigned int i = 0; i < p->subnet_prefixes; i++) {
		for (uint32_t n = 0; n < subnet_prefix_count(&p->subnet[i]); n++) {
			if (said_subnet(cf, i, n, text))
				put_line(o, 2, text);
		}
	}
	put_line(o, 1, "end");
	put_line(o, 0, "end");
}

static bool is_comment(const char *line, size_t len)
{
	while (len > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	return len > 0 && (*line == '#' || (len > 1 && line[0] == '/' && line[1] == '/'));
}

static bool is_blank(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (line[i] != ' ' && line[i] != '\t')
			return false;
	}
	return true;
}

/* The comments at the head of the old file, up to its first command. */
static int copy_head(struct out *o, const char *file, struct why *why)
{
	unsigned int blanks = 0;
	const char *line;
	struct lines l;
	size_t len;
	int r;

	put_line(o, 0, FIRST_LINE);
	if (access(file, F_OK) < 0 && errno == ENOENT)
		return 0;
	r = lines_open(&l, file, why);
	if (r < 0)
		return r;
	while ((r = lines_next(&l, &line, &len, why)) > 0) {
		if (is_blank(line, len)) {
			blanks++;
			continue;
		}
		if (!is_comment(line, len))
			break;
		if (l.number > 1 || len != strlen(FIRST_LINE) || memcmp(line, FIRST_LINE, len) != 0) {
			for (; blanks > 0; blanks--)
				put(o, "\n", 1);
			put(o, line, len);
			put(o, "\n", 1);
		}
		blanks = 0;
	}
	lines_close(&l);
	return r < 0 ? r : 0;
}

static int write_all(int fd, const struct config *cf, const char *file, struct why *why)
{
	struct out o = { .fd = fd };
	char text[SAID_MAX];
	int r = copy_head(&o, file, why);

	if (r == 0) {
		put(&o, "\n", 1);
		put_pop(&o, cf, text);
		put_tunnels(&o, cf, text);
		put_subnets(&o, cf, text);
		flush(&o);
		if (!o.error && fsync(fd) < 0)
			o.error = errno;
		if (o.error)
			r = refuse(why, ANSWER_FILE, "Cannot write the configuration: %s",
				   strerrordesc_np(o.error));
	}
	explicit_bzero(text, sizeof(text));
	explicit_bzero(o.buf, sizeof(o.buf));
	return r;
}

/* Write beside @name in @dir, and take its place. */
static int replace(int dir, const char *name, const char *beside, const struct config *cf,
		   const char *file, struct why *why)
{
	int fd, r;

	/* of an earlier attempt that was killed; whatever it is, it is not ours to write into */
	unlinkat(dir, beside, 0);
	fd = openat(dir, beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return refuse(why, ANSWER_FILE, "Cannot create %.300s.new: %s", file,
			      strerrordesc_np(errno));
	r = write_all(fd, cf, file, why);
	if (close(fd) < 0 && r == 0)
		r = refuse(why, ANSWER_FILE, "Cannot write the configuration: %s",
			   strerrordesc_np(errno));
	if (r == 0 && renameat(dir, beside, dir, name) < 0)
		r = refuse(why, ANSWER_FILE, "Cannot replace %.300s: %s", file, strerrordesc_np(errno));
	if (r < 0) {
		unlinkat(dir, beside, 0);
		return r;
	}
	if (fsync(dir) < 0)
		return refuse(why, ANSWER_FILE, "The configuration is stored, but its directory cannot "
			      "be synced: %s", strerrordesc_np(errno));
	return 0;
}

int control_save(struct control *c, const char *file, struct why *why)
{
	const char *slash = strrchr(file, '/');
	const char *name = slash ? slash + 1 : file;
	char path[PATH_MAX], beside[NAME_MAX + 1];
	int dir, r;

	if (snprintf(path, sizeof(path), "%.*s", slash ? (int)(slash - file) + 1 : 1,
		     slash ? file : ".") >= (int)sizeof(path) ||
	    snprintf(beside, sizeof(beside), "%s.new", name) >= (int)sizeof(beside))
		return refuse(why, ANSWER_FILE, "The name of the configuration file is too long");

	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return refuse(why, ANSWER_FILE, "Cannot open the directory %.300s: %s", path,
			      strerrordesc_np(errno));
	r = replace(dir, name, beside, control_config(c), file, why);
	close(dir);
	return r;
}
