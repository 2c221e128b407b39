#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "ctl/log.h"

#define SYSLOG_DAEMON		(3 << 3)	/* RFC 5424 6.2.1: facility "system daemons" */
#define FRONT_MAX		96
#define MONTHS			12
#define WORD_MAX		16	/* "warning: " */
#define FIELD_NAME_MAX		24	/* SIXXSD_INTERFACE */
/* the line, what every entry has, and the facts: far below what a datagram may have */
#define JOURNAL_MAX		(LOG_LINE_MAX + 160 + FACTS_MAX * (FIELD_NAME_MAX + LOG_FACT_MAX + 2))

/* Level to RFC 5424 severity, and the verbosity from which on it is seen. */
static const struct {
	int		severity;
	unsigned int	verbosity;
	const char	*word;
} levels[] = {
	[LEVEL_ERROR]	= { 3, 0, "error: " },
	[LEVEL_WARNING]	= { 4, 0, "warning: " },
	[LEVEL_NOTICE]	= { 5, 0, "" },
	[LEVEL_INFO]	= { 6, 1, "" },
	[LEVEL_DEBUG]	= { 7, 2, "" },
};

/* A PoP whose 8192 tunnels come up at once is worth a page of it, not all. */
static const struct {
	struct bucket_rate	rate;
	const char		*whom;
} causes[LOG_CAUSES] = {
	[BY_US]		= { { 0, 0 }, "us" },
	[BY_TUNNELS]	= { { .per_s = 50, .burst = 500 }, "tunnels" },
	[BY_STRANGERS]	= { { .per_s = 2, .burst = 20 }, "strangers" },
};

static const char *const event_name[LOGGED_COUNT] = {
#define EVENT(symbol, name, facts, sentence) [LOGGED_##symbol] = name,
#include "table/event.def"
#undef EVENT
};

/* What happened, beside the words for it. */
struct happened {
	enum logged		event;
	const struct fact	*facts;
	unsigned int		n;
};

static mono_t clock_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (mono_t){ (int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000 };
}

static wall_t clock_wall(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (wall_t){ ts.tv_sec };
}

/* glibc allocates names of time zones when it first meets them: meet a whole year now. */
static void load_time_zone(wall_t now)
{
	tzset();
	for (int month = 0; month <= MONTHS; month++) {
		time_t at = now.s + (time_t)month * 30 * 24 * 3600;
		struct tm tm;

		localtime_r(&at, &tm);
	}
}

/* Again and again, on the same descriptor: the other side may come later, or restart. */
static int socket_connect(const struct log *l)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	memcpy(sa.sun_path, l->path, sizeof(l->path));
	return connect(l->fd, (struct sockaddr *)&sa, sizeof(sa)) ? -errno : 0;
}

bool log_is_journal(int fd, const char *stream)
{
	struct stat st;
	char *colon, *end;

	if (!stream || stream[0] < '0' || stream[0] > '9' || fstat(fd, &st) < 0)
		return false;

	unsigned long long device = strtoull(stream, &colon, 10);
	unsigned long long inode = *colon == ':' ? strtoull(colon + 1, &end, 10) : 0;

	return *colon == ':' && end != colon + 1 && *end == '\0' && st.st_dev == device &&
	       st.st_ino == inode;
}

int log_open(struct log *l, enum log_to to, const char *path, unsigned int verbosity,
	     struct why *why)
{
	*l = (struct log){
		.to = LOG_TO_STDERR, .fd = STDERR_FILENO, .away = STDERR_FILENO,
		.verbosity = verbosity,
		.mono = clock_mono, .wall = clock_wall,
	};
	for (int c = 0; c < LOG_CAUSES; c++)
		bucket_init(&l->cause[c].bucket, causes[c].rate, l->mono());
	load_time_zone(l->wall());
	if (to == LOG_TO_STDERR)
		return 0;

	if (strlen(path) >= sizeof(l->path)) {
		snprintf(why->text, sizeof(why->text), "log socket %.80s...: path too long", path);
		return -ENAMETOOLONG;
	}
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0) {
		int error = errno;

		snprintf(why->text, sizeof(why->text), "log socket: %s", strerror(error));
		return -error;
	}
	memcpy(l->path, path, strlen(path) + 1);
	l->to = to;
	l->fd = fd;
	socket_connect(l);
	return 0;
}

void log_close(struct log *l)
{
	log_flush(l);
	if (l->to != LOG_TO_STDERR)
		close(l->fd);
	l->to = LOG_TO_STDERR;
	l->fd = STDERR_FILENO;
}

/* "1795409058 2026-11-23 04:44:18 +0100 " */
static size_t front_for_people(char *buf, wall_t now)
{
	time_t at = now.s;
	struct tm tm;
	char local[40] = "";

	if (localtime_r(&at, &tm))
		strftime(local, sizeof(local), "%Y-%m-%d %H:%M:%S %z", &tm);
	return (size_t)snprintf(buf, FRONT_MAX, "%lld %s ", (long long)now.s, local);
}

/* "<29>Nov 23 04:44:18 sixxsd[4711]: ", RFC 3164 4.1 as local syslog daemons want it */
static size_t front_for_syslog(char *buf, wall_t now, enum log_level level)
{
	static const char month[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t at = now.s;
	struct tm tm = { .tm_mday = 1 };

	localtime_r(&at, &tm);
	return (size_t)snprintf(buf, FRONT_MAX, "<%d>%s %2d %02d:%02d:%02d sixxsd[%d]: ",
				SYSLOG_DAEMON | levels[level].severity, month[tm.tm_mon % MONTHS],
				tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)getpid());
}

/* Return: 0, -EAGAIN when the other side is busy, else -errno: there is nobody */
static int send_datagram(struct log *l, const char *datagram, size_t len)
{
	if (send(l->fd, datagram, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return 0;
	if (errno == EAGAIN || errno == ENOBUFS)
		return -EAGAIN;

	int error = socket_connect(l);

	if (error)
		return error;
	return send(l->fd, datagram, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ? 0 : -errno;
}

static bool to_stderr(struct log *l, enum log_level level, const char *text)
{
	char line[FRONT_MAX + WORD_MAX + LOG_LINE_MAX + 2];
	size_t len = front_for_people(line, l->wall());

	len += (size_t)snprintf(line + len, sizeof(line) - len, "%s%s\n", levels[level].word, text);
	return write(l->fd, line, len) == (ssize_t)len;
}

static bool to_syslog(struct log *l, enum log_level level, const char *text)
{
	char line[FRONT_MAX + WORD_MAX + LOG_LINE_MAX + 1];
	size_t len = front_for_syslog(line, l->wall(), level);

	len += (size_t)snprintf(line + len, sizeof(line) - len, "%s%s", levels[level].word, text);
	return send_datagram(l, line, len) == 0;
}

/* One event is one line, whatever a stranger put into its facts. */
static void tame(char *text, size_t len, size_t room)
{
	static const char dots[] = "...";

	if (len >= room)
		memcpy(text + room - sizeof(dots), dots, sizeof(dots));
	for (char *c = text; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	}
}

/* "SIXXSD_TUNNEL=T42" */
static size_t put_fact(char *at, const struct fact *f)
{
	char value[LOG_FACT_MAX + 1];
	int n = snprintf(value, sizeof(value), "%s", f->value);

	tame(value, (size_t)n, sizeof(value));
	return (size_t)snprintf(at, FIELD_NAME_MAX + LOG_FACT_MAX + 2, "SIXXSD_%.*s=%s\n",
				FIELD_NAME_MAX - (int)sizeof("SIXXSD_="), f->name, value);
}

/* The prefix is how sd-daemon(3) has it. The stream of the journal is a socket: do not wait. */
static bool to_journal_stream(const struct log *l, enum log_level level, const char *text)
{
	char line[WORD_MAX + LOG_LINE_MAX + 8];
	ssize_t len = snprintf(line, sizeof(line), "<%d>%s%s\n", levels[level].severity,
			       levels[level].word, text);
	ssize_t sent = send(l->away, line, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent < 0 && errno == ENOTSOCK)
		sent = write(l->away, line, (size_t)len);
	return sent == len;
}

/* https://systemd.io/JOURNAL_NATIVE_PROTOCOL/: a field a line, each ended by one */
static bool to_journal(struct log *l, enum log_level level, const struct happened *h,
		       const char *text)
{
	char datagram[JOURNAL_MAX];
	size_t len = (size_t)snprintf(datagram, sizeof(datagram),
				      "MESSAGE=%s%s\nPRIORITY=%d\nSYSLOG_FACILITY=%d\n"
				      "SYSLOG_IDENTIFIER=sixxsd\n",
				      levels[level].word, text, levels[level].severity,
				      SYSLOG_DAEMON >> 3);

	if (h->event != LOGGED_NOTHING)
		len += (size_t)snprintf(datagram + len, sizeof(datagram) - len,
					"SIXXSD_EVENT=%s\n", event_name[h->event]);
	for (unsigned int i = 0; i < h->n; i++) {
		if (h->facts[i].value)
			len += put_fact(datagram + len, &h->facts[i]);
	}
	int error = send_datagram(l, datagram, len);

	return !error || (error != -EAGAIN && to_journal_stream(l, level, text));
}

static void emit(struct log *l, enum log_level level, const struct happened *h, const char *text)
{
	bool taken = false;

	switch (l->to) {
	case LOG_TO_STDERR:
		taken = to_stderr(l, level, text);
		break;
	case LOG_TO_SYSLOG:
		taken = to_syslog(l, level, text);
		break;
	case LOG_TO_JOURNAL:
		taken = to_journal(l, level, h, text);
		break;
	}
	if (!taken)
		l->lost++;
}

static void PRINTF(4, 5) emit_fmt(struct log *l, enum log_level level, const struct happened *h,
				  const char *fmt, ...)
{
	char text[LOG_LINE_MAX + 1];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	emit(l, level, h, text);
}

struct fact fact_number(const char *name, unsigned long long value, char buf[LOG_NUMBER_MAX])
{
	snprintf(buf, LOG_NUMBER_MAX, "%llu", value);
	return (struct fact){ name, buf };
}

static void report_held(struct log *l, uint64_t held, const char *whom)
{
	char number[LOG_NUMBER_MAX];
	const struct fact facts[] = { fact_number("HELD", held, number), { "REASON", whom } };
	const struct happened h = { LOGGED_LINES_HELD, facts, ARRAY_LEN(facts) };

	emit_fmt(l, LEVEL_NOTICE, &h, "log: %llu lines about %s held back",
		 (unsigned long long)held, whom);
}

static void report_lost(struct log *l, uint64_t lost)
{
	char number[LOG_NUMBER_MAX];
	const struct fact facts[] = { fact_number("VALUE", lost, number) };
	const struct happened h = { LOGGED_LINES_LOST, facts, ARRAY_LEN(facts) };

	emit_fmt(l, LEVEL_WARNING, &h, "log: %llu lines lost, nobody took them",
		 (unsigned long long)lost);
}

void log_flush(struct log *l)
{
	for (int c = 0; c < LOG_CAUSES; c++) {
		uint64_t held = l->cause[c].held;

		l->cause[c].held = 0;
		if (held)
			report_held(l, held, causes[c].whom);
	}
	uint64_t lost = l->lost;

	if (lost) {
		l->lost = 0;
		report_lost(l, lost);
		l->lost = l->lost ? lost + l->lost : 0;	/* still nobody: keep the sum */
	}
}

/* May it appear now? If not, it is counted. */
static bool passes(struct log *l, enum log_cause cause)
{
	if (cause == BY_US || bucket_take(&l->cause[cause].bucket, causes[cause].rate, l->mono(), 1))
		return true;

	l->cause[cause].held++;
	l->cause[cause].held_ever++;
	return false;
}

static void PRINTF(5, 0) line(struct log *l, enum log_level level, enum log_cause cause,
			      const struct happened *h, const char *fmt, va_list ap)
{
	char text[LOG_LINE_MAX + 1];

	if (levels[level].verbosity > l->verbosity && levels[level].verbosity > l->configured)
		return;
	if (!passes(l, cause))
		return;
	if (l->cause[cause].held)
		log_flush(l);

	int n = vsnprintf(text, sizeof(text), fmt, ap);

	if (n < 0)
		return;
	tame(text, (size_t)n, sizeof(text));
	emit(l, level, h, text);
}

void log_event(struct log *l, enum log_level level, enum log_cause cause, const char *fmt, ...)
{
	const struct happened nothing = { .event = LOGGED_NOTHING };
	va_list ap;

	va_start(ap, fmt);
	line(l, level, cause, &nothing, fmt, ap);
	va_end(ap);
}

void log_facts(struct log *l, enum log_level level, enum log_cause cause, enum logged event,
	       const struct fact *facts, unsigned int n, const char *fmt, ...)
{
	const struct happened h = { event, facts, n };
	va_list ap;

	assert(event < LOGGED_COUNT && n <= FACTS_MAX);
	va_start(ap, fmt);
	line(l, level, cause, &h, fmt, ap);
	va_end(ap);
}
