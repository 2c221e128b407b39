/*
 * src/ctl/show_host.c - what the operating system says about the host and our threads
 *
 * Read at command time into fixed buffers: no stdio stream, no directory stream (both
 * allocate), no process.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "ctl/show_part.h"
#include "ctl/text.h"

#define FILE_MAX	4096
#define OCTETS_PER_KB	1024

/* The line after @line; NULL at the end. */
static char *next_line(char *line)
{
	char *end = strchr(line, '\n');

	return end && end[1] ? end + 1 : NULL;
}

/* Value of the first line that starts with @key, behind @separator; false: there is none. */
static bool find_value(char *text, const char *key, char separator, char *value, size_t size)
{
	size_t key_len = strlen(key);

	for (char *line = text; line; line = next_line(line)) {
		char *at = line + key_len;

		if (strncmp(line, key, key_len) != 0)
			continue;
		at += strspn(at, " \t");
		if (*at++ != separator)
			continue;
		at += strspn(at, " \t\"");

		size_t len = strcspn(at, "\n\"");

		snprintf(value, size, "%.*s", (int)len, at);
		return true;
	}
	return false;
}

static void host_memory(struct answer *an)
{
	char text[FILE_MAX];
	size_t len = show_read_file("/proc/meminfo", text, sizeof(text));

	json_open(an, "memory_bytes", '{');
	for (char *line = len ? text : NULL; line && strncmp(line, "Mem", 3) == 0;
	     line = next_line(line)) {
		char name[32];
		size_t n = strcspn(line, ":");
		uint64_t octets = strtoull(line + n + 1, NULL, 10) * OCTETS_PER_KB;

		snprintf(name, sizeof(name), "%.*s", (int)n, line);
		answer_line(an, "%s: %" PRIu64, name, octets);
		json_uint(an, name, octets);
	}
	json_close(an, '}');
}

/* The words that `lsb_release -a` prints, from the file that every Debian has. */
static void host_distribution(struct answer *an)
{
	static const struct {
		const char *key, *label, *json;
	} row[] = {
		{ "NAME", "Distributor ID", "distributor" },
		{ "PRETTY_NAME", "Description", "description" },
		{ "VERSION_ID", "Release", "release" },
		{ "VERSION_CODENAME", "Codename", "codename" },
	};
	char text[FILE_MAX], value[128];

	show_read_file("/etc/os-release", text, sizeof(text));
	json_open(an, "distribution", '{');
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		if (!find_value(text, row[i].key, '=', value, sizeof(value)))
			continue;
		answer_line(an, "%s:\t%s", row[i].label, value);
		json_str(an, row[i].json, value);
	}
	json_close(an, '}');
}

int show_hostinfo(struct control *c, struct session *s, const struct arg *args, unsigned int n,
		  struct answer *an)
{
	char text[FILE_MAX], model[128] = "unknown", span[SPAN_TEXT_MAX];
	struct timespec up = { .tv_sec = 0 };
	struct utsname host;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	(void)s, (void)args, (void)n;
	if (uname(&host) < 0)
		return answer_error(an, 500, "The kernel does not say what it is");
	clock_gettime(CLOCK_BOOTTIME, &up);
	show_read_file("/proc/cpuinfo", text, sizeof(text));
	find_value(text, "model name", ':', model, sizeof(model));

	answer_line(an, "PoP Name: %s", show_pop_name(c));
	answer_line(an, "Platform: %s %s", host.sysname, host.machine);
	answer_line(an, "Release: %s", host.release);
	answer_line(an, "Uptime: %s", span_text((uint64_t)up.tv_sec, span));
	answer_line(an, "CPU Count: %ld", cpus);
	answer_line(an, "CPU Model: %s", model);

	json_str(an, "pop_name", show_pop_name(c));
	json_str(an, "platform", host.sysname);
	json_str(an, "machine", host.machine);
	json_str(an, "kernel_release", host.release);
	json_int(an, "uptime_s", up.tv_sec);
	json_int(an, "cpus", cpus);
	json_str(an, "cpu_model", model);

	host_memory(an);
	host_distribution(an);
	return 0;
}

/* ---- pop show threads ---- */

struct thread {
	unsigned int	id;
	char		name[32];
	char		state;
	int64_t		age_s;
};

/* proc(5), /proc/pid/stat: number, name in brackets that may hold anything, then fields 3 to 22 */
static bool thread_fill(struct thread *t, const char *id, int64_t boot_s)
{
	enum { FIELD_STATE = 3, FIELD_START = 22 };
	char path[64], text[1024];

	snprintf(path, sizeof(path), "/proc/self/task/%.16s/stat", id);
	show_read_file(path, text, sizeof(text));

	char *open = strchr(text, '('), *close = strrchr(text, ')');

	if (!open || !close || close < open || close[1] != ' ' || !close[2])
		return false;
	t->id = (unsigned int)strtoul(id, NULL, 10);
	snprintf(t->name, sizeof(t->name), "%.*s", (int)(close - open - 1), open + 1);
	t->state = close[2];

	char *at = close + 2;

	for (int field = FIELD_STATE; field < FIELD_START && at; field++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	if (!at)
		return false;
	t->age_s = boot_s - (int64_t)(strtoull(at, NULL, 10) / (uint64_t)sysconf(_SC_CLK_TCK));
	if (t->age_s < 0)
		t->age_s = 0;
	return true;
}

static void thread_row(const struct thread *t, wall_t now, struct answer *an)
{
	const char *state = t->state == 'R' ? "Running" : t->state == 'S' ? "Sleeping" :
			    t->state == 'D' ? "Waiting" : "Stopped";
	char date[DATE_TEXT_MAX];

	answer_line(an, "0x%x %s (%4u seconds) : %s [%s]", t->id, date_text(now.s - t->age_s, date),
		    (unsigned int)t->age_s, t->name, state);
	json_open(an, NULL, '{');
	json_uint(an, "id", t->id);
	json_int(an, "started", now.s - t->age_s);
	json_int(an, "age_s", t->age_s);
	json_str(an, "name", t->name);
	json_str(an, "state", state);
	json_close(an, '}');
}

/* One buffer of directory entries. */
static void thread_rows(const char *entries, size_t len, int64_t boot_s, wall_t now,
			struct answer *an)
{
	for (size_t at = 0; at < len;) {
		struct dirent64 d;
		struct thread t;

		/* copied: the record is shorter than the struct */
		memcpy(&d, entries + at, min_size(sizeof(d), len - at));
		if (d.d_reclen == 0)
			return;
		if (isdigit((unsigned char)d.d_name[0]) && thread_fill(&t, d.d_name, boot_s))
			thread_row(&t, now, an);
		at += d.d_reclen;
	}
}

/* What each worker has done of the whole: packets it took in and sent, and passed on. */
static void worker_rows(const struct control *c, struct answer *an)
{
	json_open(an, "workers", '[');
	for (unsigned int i = 0; i < c->workers; i++) {
		const struct worker_shared *w = &c->region->table.worker[i];
		uint64_t in = count_get(&w->total.in_packets);
		uint64_t out = count_get(&w->total.out_packets);
		uint64_t handed = count_get(&w->verdict[HANDED_OVER]);
		uint64_t merged_in = count_get(&w->merged_in);
		uint64_t merged_out = count_get(&w->merged_out);
		uint64_t busy_us = count_get(&w->busy_us);

		answer_line(an, "worker %u: %" PRIu64 " packets in, %" PRIu64 " out, %" PRIu64
			    " handed over, %" PRIu64 " came and %" PRIu64 " left merged, busy %.3f s",
			    i, in, out, handed, merged_in, merged_out, (double)busy_us / US_PER_S);
		json_open(an, NULL, '{');
		json_uint(an, "worker", i);
		json_uint(an, "in_packets", in);
		json_uint(an, "out_packets", out);
		json_uint(an, "handed_over", handed);
		json_uint(an, "merged_in", merged_in);
		json_uint(an, "merged_out", merged_out);
		json_uint(an, "busy_us", busy_us);
		json_close(an, '}');
	}
	json_close(an, ']');
}

int show_threads(struct control *c, struct session *s, const struct arg *args, unsigned int n,
		 struct answer *an)
{
	wall_t now = c->ops.wall(c->ops.context);
	struct timespec boot = { .tv_sec = 0 };
	char entries[2048] ALIGNED(8);
	int fd = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ssize_t len;

	(void)s, (void)args, (void)n;
	if (fd < 0)
		return answer_error(an, 401, "The kernel does not list the threads: is /proc mounted?");
	clock_gettime(CLOCK_BOOTTIME, &boot);
	json_open(an, "threads", '[');
	while ((len = getdents64(fd, entries, sizeof(entries))) > 0)
		thread_rows(entries, (size_t)len, boot.tv_sec, now, an);
	json_close(an, ']');
	close(fd);
	worker_rows(c, an);
	return 0;
}
