#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "ctl/log.h"

#define SYSLOG_DAEMON		(3 << 3)	/* RFC 5424 6.2.1: facility "system daemons" */
#define FRONT_MAX		96
#define MONTHS			12

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
static int syslog_connect(const struct log *l)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	memcpy(sa.sun_path, l->path, sizeof(l->path));
	return connect(l->fd, (struct sockaddr *)&sa, sizeof(sa)) ? -errno : 0;
}

int log_open(struct log *l, enum log_to to, const char *path, unsigned int verbosity,
	     struct why *why)
{
	*l = (struct log){
		.to = LOG_TO_STDERR, .fd = STDERR_FILENO, .verbosity = verbosity,
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
	syslog_connect(l);
	return 0;
}

void log_close(struct log *l)
{
	log_flush(l);
	if (l->to == LOG_TO_SYSLOG)
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

static bool hand_over(struct log *l, const char *line, size_t len)
{
	if (l->to == LOG_TO_STDERR)
		return write(l->fd, line, len) == (ssize_t)len;

	if (send(l->fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return true;
	if (errno == EAGAIN || errno == ENOBUFS || syslog_connect(l))
		return false;
	return send(l->fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static void emit(struct log *l, enum log_level level, const char *text)
{
	char line[FRONT_MAX + LOG_LINE_MAX + 16];
	size_t len = l->to == LOG_TO_STDERR ? front_for_people(line, l->wall())
					    : front_for_syslog(line, l->wall(), level);

	len += (size_t)snprintf(line + len, sizeof(line) - len, "%s%s", levels[level].word, text);
	len = min_size(len, sizeof(line) - 1);
	if (l->to == LOG_TO_STDERR)
		line[len++] = '\n';
	if (!hand_over(l, line, len))
		l->lost++;
}

static void PRINTF(3, 4) emit_fmt(struct log *l, enum log_level level, const char *fmt, ...)
{
	char text[LOG_LINE_MAX + 1];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	emit(l, level, text);
}

void log_flush(struct log *l)
{
	for (int c = 0; c < LOG_CAUSES; c++) {
		uint64_t held = l->cause[c].held;

		l->cause[c].held = 0;
		if (held)
			emit_fmt(l, LEVEL_NOTICE, "log: %llu lines about %s held back",
				 (unsigned long long)held, causes[c].whom);
	}
	uint64_t lost = l->lost;

	if (lost) {
		l->lost = 0;
		emit_fmt(l, LEVEL_WARNING, "log: %llu lines lost, nobody took them",
			 (unsigned long long)lost);
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

void log_vevent(struct log *l, enum log_level level, enum log_cause cause, const char *fmt,
		va_list ap)
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
	emit(l, level, text);
}

void log_event(struct log *l, enum log_level level, enum log_cause cause, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vevent(l, level, cause, fmt, ap);
	va_end(ap);
}
