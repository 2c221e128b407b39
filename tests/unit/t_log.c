#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "ctl/log.h"
#include "tap.h"

#define NOW_S	INT64_C(1795409058)	/* 2026-11-23 04:44:18 UTC */

/* The tests' clocks stand still unless they move them. */
static int64_t now_us = 1000000;

static mono_t test_mono(void)
{
	return (mono_t){ now_us };
}

static wall_t test_wall(void)
{
	return (wall_t){ NOW_S };
}

static int out[2];			/* what is logged comes out at [0] */
static char got[65536];

static struct log to_pipe(unsigned int verbosity)
{
	struct why why;
	struct log l;

	log_open(&l, LOG_TO_STDERR, NULL, verbosity, &why);
	l.fd = out[1];
	l.mono = test_mono;
	l.wall = test_wall;
	for (int c = 0; c < LOG_CAUSES; c++)
		l.cause[c].bucket.filled = test_mono();
	return l;
}

/* Everything logged since the last look. */
static const char *logged(void)
{
	ssize_t n = recv(out[0], got, sizeof(got) - 1, MSG_DONTWAIT);

	got[n > 0 ? n : 0] = '\0';
	return got;
}

static size_t lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void a_line_has_the_time_in_front(void)
{
	struct log l = to_pipe(0);

	log_event(&l, LEVEL_NOTICE, BY_TUNNELS, "tunnel T%u: up from %s", 42, "192.0.2.1");
	ok(strcmp(logged(), "1795409058 2026-11-23 04:44:18 +0000 tunnel T42: up from 192.0.2.1\n") == 0,
	   "epoch, local time, event and facts");
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	l = to_pipe(0);
	log_event(&l, LEVEL_ERROR, BY_US, "tun: gone");
	ok(strcmp(logged(), "1795409058 2026-11-23 05:44:18 +0100 error: tun: gone\n") == 0,
	   "in the zone of the host, an error says so");
	setenv("TZ", "UTC0", 1);
	l = to_pipe(0);
}

static void verbosity_decides_what_is_seen(void)
{
	static const struct {
		unsigned int	verbosity, configured;
		size_t		lines;
	} row[] = { { 0, 0, 3 }, { 1, 0, 4 }, { 2, 0, 5 }, { 0, 1, 4 }, { 0, 2, 5 }, { 41, 0, 5 } };

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct log l = to_pipe(row[i].verbosity);

		l.configured = row[i].configured;
		for (int level = LEVEL_ERROR; level <= LEVEL_DEBUG; level++)
			log_event(&l, (enum log_level)level, BY_US, "x");
		ok(lines(logged()) == row[i].lines, "-v %u and `pop set verbosity %u` show %zu of 5",
		   row[i].verbosity, row[i].configured, row[i].lines);
	}
}

static void strangers_are_held_back_and_counted(void)
{
	struct log l = to_pipe(0);

	for (int i = 0; i < 1000; i++)
		log_event(&l, LEVEL_NOTICE, BY_STRANGERS, "stranger %d", i);
	ok(lines(logged()) == 20, "of 1000 lines at once 20 appear");
	ok(l.cause[BY_STRANGERS].held_ever == 980, "the others are counted");
	log_event(&l, LEVEL_NOTICE, BY_US, "reload done");
	ok(lines(logged()) == 1, "our own lines pass");
	log_event(&l, LEVEL_NOTICE, BY_TUNNELS, "tunnel T1: up");
	ok(lines(logged()) == 1, "and those of tunnels, which have a bucket of their own");

	now_us += 499999;
	log_event(&l, LEVEL_NOTICE, BY_STRANGERS, "early");
	ok(lines(logged()) == 0, "half a second less a microsecond later: still none");
	now_us += 1;
	log_event(&l, LEVEL_NOTICE, BY_STRANGERS, "late");
	ok(lines(logged()) == 2 && strstr(got, "log: 981 lines about strangers held back\n") &&
	   strstr(got, " late\n"), "half a second later: one, and how many were held back");
	log_event(&l, LEVEL_NOTICE, BY_STRANGERS, "again");
	log_flush(&l);
	ok(strstr(logged(), "log: 1 lines about strangers held back\n") != NULL,
	   "the timer reports them too");
	log_flush(&l);
	ok(lines(logged()) == 0, "once");
	log_event(&l, LEVEL_DEBUG, BY_STRANGERS, "not of interest");
	ok(l.cause[BY_STRANGERS].held == 0, "what verbosity hides is not counted as held back");
}

static void an_event_is_one_line_whatever_is_in_it(void)
{
	struct log l = to_pipe(0);
	char longer[3 * LOG_LINE_MAX];

	log_event(&l, LEVEL_NOTICE, BY_US, "a\nb\rc\x1b[31m\x7f\t\xc3\xa9");
	ok(strstr(logged(), " a?b?c?[31m??\xc3\xa9\n") != NULL && lines(got) == 1,
	   "control characters become question marks, UTF-8 stays");
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	log_event(&l, LEVEL_WARNING, BY_US, "%s", longer);
	const char *text = strstr(logged(), "warning: x");

	ok(text && strlen(text) == strlen("warning: ") + LOG_LINE_MAX + 1 &&
	   strcmp(text + strlen(text) - 5, "x...\n") == 0, "a long one is cut and shows it");
	longer[LOG_LINE_MAX + 1] = '\0';
	log_event(&l, LEVEL_WARNING, BY_US, "%s", longer);
	ok(strcmp(logged() + strlen(got) - 5, "x...\n") == 0, "one octet over the limit is cut");
	longer[LOG_LINE_MAX] = '\0';
	log_event(&l, LEVEL_WARNING, BY_US, "%s", longer);
	ok(logged()[strlen(got) - 2] == 'x', "one of exactly the limit is not cut");
}

static void syslog_gets_a_datagram(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char want[128], dir[] = "/tmp/t_log.XXXXXX";
	struct why why;
	struct log l;

	if (!mkdtemp(dir))
		exit(99);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/log", dir);
	ok(log_open(&l, LOG_TO_SYSLOG, sa.sun_path, 0, &why) == 0, "opens before syslog is there");
	l.wall = test_wall;
	log_event(&l, LEVEL_NOTICE, BY_US, "nobody listens");
	ok(l.lost == 1, "what nobody takes is counted");

	for (int life = 0; life < 2; life++) {
		int daemon = socket(AF_UNIX, SOCK_DGRAM, 0);
		ssize_t n;

		unlink(sa.sun_path);
		if (bind(daemon, (struct sockaddr *)&sa, sizeof(sa)))
			exit(99);
		log_event(&l, LEVEL_WARNING, BY_US, "fact %d\n", life);
		n = recv(daemon, got, sizeof(got) - 1, MSG_DONTWAIT);
		got[n > 0 ? n : 0] = '\0';
		snprintf(want, sizeof(want), "<28>Nov 23 04:44:18 sixxsd[%d]: warning: fact %d?",
			 (int)getpid(), life);
		ok(strcmp(got, want) == 0, "syslog %s gets priority, time, name and event",
		   life ? "after its restart" : "that came late");
		log_flush(&l);
		n = recv(daemon, got, sizeof(got) - 1, MSG_DONTWAIT);
		got[n > 0 ? n : 0] = '\0';
		ok(life ? n < 0 : strstr(got, "log: 1 lines lost, nobody took them") != NULL,
		   life ? "and nothing was lost meanwhile" : "and hears what it missed");
		close(daemon);
	}
	log_close(&l);
	unlink(sa.sun_path);
	rmdir(dir);

	char longest[200];

	memset(longest, 'p', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	ok(log_open(&l, LOG_TO_SYSLOG, longest, 0, &why) < 0 && l.fd == STDERR_FILENO,
	   "an impossible path is refused, and the log stays usable");
}

int main(void)
{
	setenv("TZ", "UTC0", 1);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, out))
		return 99;
	a_line_has_the_time_in_front();
	verbosity_decides_what_is_seen();
	strangers_are_held_back_and_counted();
	an_event_is_one_line_whatever_is_in_it();
	syslog_gets_a_datagram();
	return tap_done();
}
