#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

/* ---- the journal ---- */

static char socket_name[108];

/* Ours, in place of the journal's. */
static int journal(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	memcpy(sa.sun_path, socket_name, sizeof(sa.sun_path));
	unlink(socket_name);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)))
		exit(99);
	return fd;
}

static const char *datagram(int fd)
{
	ssize_t n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);

	got[n > 0 ? n : 0] = '\0';
	return got;
}

static struct log to_journal(void)
{
	struct why why;
	struct log l;

	log_open(&l, LOG_TO_JOURNAL, socket_name, 0, &why);
	l.away = out[1];
	l.mono = test_mono;
	for (int c = 0; c < LOG_CAUSES; c++)
		l.cause[c].bucket.filled = test_mono();
	return l;
}

static void is(const char *have, const char *want, const char *what)
{
	ok(strcmp(have, want) == 0, "%s", what);
	if (strcmp(have, want) != 0)
		printf("# have: %s\n# want: %s\n", have, want);
}

static void the_journal_gets_fields(void)
{
	int fd = journal();
	struct log l = to_journal();
	char number[LOG_NUMBER_MAX];
	const struct fact facts[] = { { "TUNNEL", "T42" }, { "ADDRESS", "2001:db8::1" },
				      fact_number("PORT", 5072, number), { "REASON", NULL } };

	log_facts(&l, LEVEL_NOTICE, BY_TUNNELS, LOGGED_ENDPOINT_MOVED, facts, ARRAY_LEN(facts),
		  "tunnel T%u: endpoint moved to %s", 42, "[2001:db8::1]:5072");
	is(datagram(fd),
	   "MESSAGE=tunnel T42: endpoint moved to [2001:db8::1]:5072\nPRIORITY=5\n"
	   "SYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=sixxsd\nSIXXSD_EVENT=endpoint_moved\n"
	   "SIXXSD_TUNNEL=T42\nSIXXSD_ADDRESS=2001:db8::1\nSIXXSD_PORT=5072\n",
	   "an event and its facts, byte for byte; a fact without a value is left out");
	log_event(&l, LEVEL_ERROR, BY_US, "tun: gone");
	is(datagram(fd),
	   "MESSAGE=error: tun: gone\nPRIORITY=3\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=sixxsd\n",
	   "a line without facts");
	log_close(&l);
	close(fd);
}

static void no_value_makes_a_field_of_its_own(void)
{
	int fd = journal();
	struct log l = to_journal();
	char longer[3 * LOG_FACT_MAX];
	struct fact facts[FACTS_MAX] = { { "REASON", "a\nPRIORITY=0\r\x1b\x7f" }, { "VALUE", longer } };

	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	log_facts(&l, LEVEL_WARNING, BY_STRANGERS, LOGGED_DROPPED, facts, 2, "a\nb");
	const char *text = datagram(fd);

	ok(strstr(text, "MESSAGE=warning: a?b\n") == text &&
	   strstr(text, "\nSIXXSD_REASON=a?PRIORITY=0???\n") && lines(text) == 7,
	   "control characters become question marks, in the line and in facts");
	text = strstr(text, "SIXXSD_VALUE=");
	ok(text && strlen(text) == strlen("SIXXSD_VALUE=") + LOG_FACT_MAX + 1 &&
	   strcmp(text + strlen(text) - 5, "x...\n") == 0, "a long value is cut and shows it");

	char line[2 * LOG_LINE_MAX];

	memset(line, 'l', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	for (unsigned int i = 0; i < FACTS_MAX; i++)
		facts[i] = (struct fact){ "INTERFACE_OF_A_NAME_TOO_LONG", longer };
	log_facts(&l, LEVEL_WARNING, BY_US, LOGGED_SESSION_REFUSED, facts, FACTS_MAX, "%s", line);
	ok(lines(datagram(fd)) == 5 + FACTS_MAX && strcmp(got + strlen(got) - 5, "x...\n") == 0,
	   "the longest of all entries is whole");
	log_close(&l);
	close(fd);
}

static void the_journal_too_is_told_what_was_held_back(void)
{
	int fd = journal();
	struct log l = to_journal();

	for (int i = 0; i < 1000; i++) {
		log_facts(&l, LEVEL_NOTICE, BY_STRANGERS, LOGGED_DROPPED, NULL, 0, "stranger %d", i);
		if (i < 20)
			ok(datagram(fd)[0] != '\0', "line %d passes", i);
	}
	is(datagram(fd), "", "20 of them, no more");
	log_flush(&l);
	is(datagram(fd),
	   "MESSAGE=log: 980 lines about strangers held back\nPRIORITY=5\nSYSLOG_FACILITY=3\n"
	   "SYSLOG_IDENTIFIER=sixxsd\nSIXXSD_EVENT=lines_held\nSIXXSD_HELD=980\n"
	   "SIXXSD_REASON=strangers\n", "the others are counted, as a fact");
	log_close(&l);
	close(fd);
}

static void a_journal_that_is_away_is_written_to_by_stderr(void)
{
	const struct fact facts[] = { { "TUNNEL", "T1" } };

	unlink(socket_name);
	struct log l = to_journal();

	log_facts(&l, LEVEL_WARNING, BY_US, LOGGED_TUNNEL_UP, facts, 1, "tunnel T1: up");
	is(logged(), "<4>warning: tunnel T1: up\n", "the priority in front, and no time");
	ok(l.lost == 0, "that is not lost");
	int fd = journal();

	log_facts(&l, LEVEL_WARNING, BY_US, LOGGED_TUNNEL_UP, facts, 1, "tunnel T1: up");
	ok(strstr(datagram(fd), "\nSIXXSD_TUNNEL=T1\n") != NULL && logged()[0] == '\0',
	   "when it comes it gets the fields");
	close(fd);
	log_event(&l, LEVEL_NOTICE, BY_US, "alone");
	is(logged(), "<5>alone\n", "when it goes, stderr again");
	fd = journal();
	log_event(&l, LEVEL_NOTICE, BY_US, "back");
	ok(strstr(datagram(fd), "MESSAGE=back\n") == got, "and back");

	unsigned int taken = 0;

	while (l.lost == 0 && taken++ < 100000)
		log_event(&l, LEVEL_NOTICE, BY_US, "flood");
	ok(l.lost == 1 && logged()[0] == '\0', "one that is busy is not waited for: lost, and counted");
	while (datagram(fd)[0])
		;
	log_flush(&l);
	ok(strstr(datagram(fd), "\nSIXXSD_EVENT=lines_lost\nSIXXSD_VALUE=1\n") != NULL, "and told");
	log_close(&l);
	ok(l.to == LOG_TO_STDERR, "closed");
	close(fd);
	unlink(socket_name);

	int pipes[2];

	if (pipe(pipes))
		exit(99);
	l = to_journal();
	l.away = pipes[1];
	log_event(&l, LEVEL_NOTICE, BY_US, "to a pipe");
	got[read(pipes[0], got, sizeof(got) - 1)] = '\0';
	is(got, "<5>to a pipe\n", "a standard error that is no socket works too");
	log_close(&l);
	close(pipes[0]);
	close(pipes[1]);
}

static void the_journal_is_known_by_device_and_inode(void)
{
	struct stat st;
	char stream[64];

	fstat(out[1], &st);
	const unsigned long long device = st.st_dev, inode = st.st_ino;

	snprintf(stream, sizeof(stream), "%llu:%llu", device, inode);
	ok(log_is_journal(out[1], stream), "JOURNAL_STREAM names it");
	ok(!log_is_journal(-1, stream), "no descriptor is none");
	ok(!log_is_journal(out[1], NULL), "without the variable it is none");
	snprintf(stream, sizeof(stream), "%llu:%llu", device, inode + 1);
	ok(!log_is_journal(out[1], stream), "another inode: it was redirected");
	snprintf(stream, sizeof(stream), "%llu:%llu", device + 1, inode);
	ok(!log_is_journal(out[1], stream), "another device too");
	snprintf(stream, sizeof(stream), "%llu:%llux", device, inode);
	ok(!log_is_journal(out[1], stream) && !log_is_journal(out[1], "") &&
	   !log_is_journal(out[1], "8"), "what is no such name is none");
}

/* What journald takes: sd-journal's rules for fields, and our own length. */
static void names_are_good_names(void)
{
	static const struct {
		const char	*name, *facts, *sentence;
	} row[] = {
#define EVENT(symbol, name, facts, sentence) { name, facts, sentence },
#include "table/event.def"
#undef EVENT
	};
	bool good = true, facts_good = true, unique = true;

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		unsigned int facts = row[i].facts[0] != '\0', len = 0;

		good &= strspn(row[i].name, "abcdefghijklmnopqrstuvwxyz_") == strlen(row[i].name) &&
			strlen(row[i].name) <= 16 && row[i].sentence[0];
		for (const char *c = row[i].facts; *c; c++) {
			len = *c == ' ' ? 0 : len + 1;
			facts += *c == ' ';
			facts_good &= (*c == ' ' || (*c >= 'A' && *c <= 'Z')) && len <= 15;
		}
		facts_good &= facts <= FACTS_MAX;
		for (size_t k = 0; k < i; k++)
			unique &= strcmp(row[i].name, row[k].name) != 0;
	}
	ok(good, "every event has a name of small letters, and a sentence");
	ok(facts_good, "every fact's name is a field's, and there is room for all of one event");
	ok(unique, "no name stands for two events");
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

	char dir[] = "/tmp/t_log.XXXXXX";

	if (!mkdtemp(dir))
		return 99;
	snprintf(socket_name, sizeof(socket_name), "%s/journal", dir);
	the_journal_gets_fields();
	no_value_makes_a_field_of_its_own();
	the_journal_too_is_told_what_was_held_back();
	a_journal_that_is_away_is_written_to_by_stderr();
	the_journal_is_known_by_device_and_inode();
	names_are_good_names();
	unlink(socket_name);
	rmdir(dir);
	return tap_done();
}
