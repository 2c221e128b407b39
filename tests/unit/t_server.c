#include <sanitizer/asan_interface.h>
#include "cli.h"
#include "ctl/connection.h"

#define TOO_LONG "400 Line is too long (more than 4095 octets)\n"

static void a_session_from_banner_to_farewell(void)
{
	serve();
	int fd = client();

	ok(says(fd, BANNER), "the banner names the PoP and the version");
	type(fd, "echo hello\r\n");
	ok(says(fd, "200 hello\n"), "one line has its code in front");
	type(fd, "lines 2\n");
	ok(says(fd, "201 2\nline 0 of 2\nline 1 of 2\n200 OK\n"), "two lines are framed");
	type(fd, "lines 0\n");
	ok(says(fd, "200 OK\n"), "none is OK");
	type(fd, "foo\n");
	ok(says(fd, "404 Unknown command, 3 octets\n"), "an error carries its code");
	type(fd, "json\nlines 1\necho x\n");
	ok(says(fd, "200 as JSON from now on\n200 {}\n200 {\"message\":\"x\"}\n"),
	   "the session's format is used");
	type(fd, "exit\necho never\n");
	ok(says(fd, "666 {\"message\":\"Tschau\"}\n"),
	   "exit says Tschau");
	ok(hangs_up(fd), "and hangs up; what came behind is not answered");
	ok(executed == 8, "nor executed");
	ok(settles(0), "the session is gone");
	unserve();
}

/* What a client sends, cut where told, and exactly what it hears. */
static const struct {
	const char	*name;
	const char	*sent;
	size_t		len;
	const char	*heard;
} stream[] = {
#define STREAM(name, sent, heard) { name, sent, sizeof(sent) - 1, heard }
	STREAM("LF and CRLF end a line", "echo a\necho b\r\necho c\n", "200 a\n200 b\n200 c\n"),
	STREAM("empty lines get no answer and hold nothing up",
	       "\n\r\n\necho a\n\n\necho b\n", "200 a\n200 b\n"),
	STREAM("a collector's NUL behind the line end", "echo a\r\n\0echo b\r\n\0", "200 a\n200 b\n"),
	STREAM("many NULs at the start of a line", "\0\0\0\0\0\0echo a\n", "200 a\n"),
	STREAM("a NUL and nothing else", "\0\r\necho a\n", "200 a\n"),
	STREAM("a NUL within a line is content", "ec\0ho\n", "404 Unknown command, 5 octets\n"),
	STREAM("a NUL at the end of a line too", "echo\0\n", "404 Unknown command, 5 octets\n"),
	STREAM("CR alone ends nothing", "a\rb\n", "404 Unknown command, 3 octets\n"),
	STREAM("only the last CR belongs to the end", "a\r\r\n", "404 Unknown command, 2 octets\n"),
	STREAM("blanks are a line", "   \n", "404 Unknown command, 3 octets\n"),
	STREAM("octets above 127", "\xff\xfe\x80\n", "404 Unknown command, 3 octets\n"),
	STREAM("control characters", "\x01\x1b[2J\x7f\n", "404 Unknown command, 6 octets\n"),
};

static void every_stream_is_answered_however_it_is_cut(void)
{
	serve();
	for (size_t i = 0; i < ARRAY_LEN(stream); i++) {
		bool same = true;

		for (size_t cut = 0; cut <= stream[i].len; cut++) {
			int fd = client();

			same &= says(fd, BANNER);
			transmit(fd, stream[i].sent, cut);
			turn();
			transmit(fd, stream[i].sent + cut, stream[i].len - cut);
			same &= says(fd, stream[i].heard) && is_in_step(fd);
			close(fd);
			same &= settles(0);
		}
		ok(same, "%s, whole and cut at every octet", stream[i].name);
	}
	unserve();
}

static void line_length_has_a_limit(void)
{
	/* octets of the line, its end, octets in a piece, octets that reach control */
	static const struct {
		size_t		len, piece, reach;
		const char	*end;
	} row[] = {
		{ 4095, 65536, 4095, "\n" },	{ 4095, 65536, 4095, "\r\n" },
		{ 4095, 1000, 4095, "\r\n" },	{ 4095, 4096, 4095, "\r\n" },
		{ 4096, 65536, 0, "\n" },	{ 4096, 65536, 0, "\r\n" },
		{ 4096, 4096, 0, "\n" },	{ 4097, 4096, 0, "\r\n" },
		{ 8192, 4096, 0, "\n" },	{ 20000, 65536, 0, "\n" },
		{ 20000, 100, 0, "\r\n" },	{ 1000000, 65536, 0, "\n" },
	};
	static char line[1000000 + 3];

	serve();
	int fd = client();

	ok(says(fd, BANNER), "a session");
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		size_t len = row[i].len + strlen(row[i].end);
		bool good;

		memset(line, 'x', row[i].len);
		memcpy(line + row[i].len, row[i].end, strlen(row[i].end) + 1);
		for (size_t at = 0; at < len; at += row[i].piece)
			transmit(fd, line + at, min_size(row[i].piece, len - at));
		good = row[i].reach ? says(fd, "404 Unknown command, 4095 octets\n") :
				      says(fd, TOO_LONG);
		ok(good && is_in_step(fd), "a line of %zu octets and %s, %zu at a time, is %s",
		   row[i].len, row[i].end[0] == '\r' ? "CRLF" : "LF", row[i].piece,
		   row[i].reach ? "executed" : "answered with one error");
	}
	memset(line, 'x', 20000);
	transmit(fd, line, 20000);
	ok(says(fd, TOO_LONG), "20 kB without an end: the error comes at once");
	transmit(fd, line, 20000);
	type(fd, "\necho next\n");
	ok(says(fd, "200 next\n"), "the rest of the line is skipped, the next one is a command");

	size_t len = 0;

	for (int i = 0; i < 300; i++)
		len += (size_t)sprintf(line + len, "arg%d ", i);
	line[len++] = '\n';
	transmit(fd, line, len);
	ok(hear(fd, 31) && executed && last_len == len - 1 && memcmp(last_line, line, last_len) == 0,
	   "300 arguments reach control as they came");
	close(fd);
	unserve();
}

static void a_client_that_stops_sending_still_hears_everything(void)
{
	serve();
	int fd = client();

	type(fd, "echo a\nlines 2\necho half a li");
	shutdown(fd, SHUT_WR);
	ok(says(fd, BANNER "200 a\n201 2\nline 0 of 2\nline 1 of 2\n200 OK\n"),
	   "half closed: what was asked is answered");
	ok(hangs_up(fd) && executed == 2, "half a line is not a command");

	fd = client();
	for (int i = 0; i < 300; i++)
		type(fd, "lines 300\n");
	shutdown(fd, SHUT_WR);
	ok(hear(fd, strlen(BANNER)) == strlen(BANNER), "300 long answers pipelined");
	unsigned int answers = 0;

	for (; answers < 300 && hear(fd, 8) == 8 && strcmp(heard, "201 300\n") == 0; answers++) {
		/* "line 0 of 300\n": 10 lines of one digit, 90 of two, 200 of three */
		size_t body = 10 * 14 + 90 * 15 + 200 * 16 + 7;

		if (hear(fd, body) != body || strcmp(heard + body - 7, "200 OK\n") != 0)
			break;
	}
	ok(answers == 300, "all arrive in order, %u", answers);
	ok(hangs_up(fd), "and then the server hangs up");
	unserve();
}

static void silence_ends_a_session(void)
{
	static const char *const half[] = { "", "pop show sta", "echo a\r", "\0" };

	limits.idle_ms = 20;
	serve();
	for (size_t i = 0; i < ARRAY_LEN(half); i++) {
		int fd = client();

		type(fd, half[i]);
		ok(says(fd, BANNER "500 Tschau, connection timed out\n") && hangs_up(fd),
		   "after \"%.8s\" and silence: a farewell, closed", half[i]);
	}
	ok(executed == 0 && settles(0), "nothing was executed, nothing is left");
	unserve();
}

static void who_watches_may_be_silent(void)
{
	const struct timespec longer = { .tv_nsec = 30 * 1000 * 1000 };

	limits.idle_ms = 20;
	serve();
	int fd = client();

	ok(says(fd, BANNER), "a session");
	type(fd, "trace 1\n");
	ok(says(fd, "200 Debugging has been enabled\n"), "traces");
	for (int i = 0; i < 3; i++) {
		nanosleep(&longer, NULL);
		turn();
	}
	type(fd, "echo a\n");
	ok(says(fd, "200 a\n"), "silent for longer than others may be, it goes on");
	control.tracer[1] = NULL;
	ok(says(fd, "500 Tschau, connection timed out\n") && hangs_up(fd), "and when it watches no more, not");
	ok(settles(0), "nothing is left");
	unserve();
}

static void who_does_not_read_is_not_read(void)
{
	limits.output_bytes = 32 * 1024;
	serve();
	int fd = client(), other = client(), small = 4096;
	static char ask[20000 * 10];
	size_t asked = 0;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (size_t i = 0; i < 20000; i++)
		memcpy(ask + 10 * i, "lines 100\n", 10);
	/* until the server takes no more: both socket buffers are full */
	for (int stuck = 0; stuck < 200 && asked < sizeof(ask); turn()) {
		ssize_t n = send(fd, ask + asked, sizeof(ask) - asked, MSG_NOSIGNAL);

		stuck = n > 0 ? 0 : stuck + 1;
		asked += n > 0 ? (size_t)n : 0;
	}
	unsigned int before = executed;

	for (int i = 0; i < 100; i++)
		turn();
	ok(executed == before && executed < 20000 && control.sessions == 2,
	   "%u commands in, no further one is read", before);
	ok(arena_size(arena) - arena_room(arena) < 512 * 1024, "what waits is bounded");
	ok(says(other, BANNER) && is_in_step(other), "others do not notice");
	before = executed;
	ok(says(fd, BANNER "201 100\nline 0 of 100\n"), "once it reads it gets its answers");
	for (int i = 0; i < 20 && executed == before; i++)
		hear(fd, 100000);
	ok(executed > before, "and its further commands are read");
	close(fd);
	close(other);
	ok(settles(0), "and it may leave in the middle");
	unserve();

	limits.stalled_ms = 20;
	limits.output_bytes = 32 * 1024;
	serve();
	fd = client();
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (int i = 0; i < 2000 && control.sessions <= 1 && !(executed && !control.sessions); i++) {
		send(fd, ask, sizeof(ask) / 10, MSG_NOSIGNAL);
		turn();
	}
	ok(settles(0), "who never reads is closed after a while");
	ok(forgotten == 1, "and forgotten");
	close(fd);
	unserve();
}

static void the_last_answer_arrives(void)
{
	/* "line 0 of 3000\n": 10 lines of one digit, 90 of two, 900 of three, 2000 of four */
	const size_t body = 10 * 15 + 90 * 16 + 900 * 17 + 2000 * 18;
	const size_t before = strlen(BANNER "201 3000\n");
	int small = 4096;

	serve();
	int fd = client();

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	type(fd, "lines 3000\nexit\n");
	for (int i = 0; i < 100; i++)
		turn();
	/* more than the client's window is still in the server's kernel: a reset would kill it */
	type(fd, "and what else I wanted to say\n");
	for (int i = 0; i < 100; i++)
		turn();
	ok(hear(fd, before + body) == before + body && says(fd, "200 OK\n666 Tschau\n"),
	   "also when the client talks after exit and reads late");
	ok(hangs_up(fd), "and it ends in order");
	unserve();
}

static void a_talkative_leaver_is_closed_in_the_end(void)
{
	static char noise[4096];
	time_t since = time(NULL);

	serve();
	int fd = client();

	type(fd, "exit\n");
	memset(noise, 'x', sizeof(noise));
	do {
		send(fd, noise, sizeof(noise), MSG_NOSIGNAL);
		turn();
	} while (control.sessions && !late(since));
	ok(control.sessions == 0, "who talks on and on after exit is closed");
	close(fd);

	fd = client();
	type(fd, "exit\n");
	ok(says(fd, BANNER "666 Tschau\n"), "who only stays");
	ok(settles(0), "is closed as well");
	close(fd);
	unserve();
}

/* Where the server kept it, and what libevent has freed. */
static bool is_remembered(const char *word)
{
	size_t len = strlen(word);

	ASAN_UNPOISON_MEMORY_REGION(arena_memory, sizeof(arena_memory));	/* to look at what is free */
	return memmem(arena_memory, sizeof(arena_memory), word, len) ||
	       memmem(server->connection, server->slots * sizeof(*server->connection), word, len);
}

static void what_was_typed_is_not_kept(void)
{
	serve();
	int fd = client();

	ok(says(fd, BANNER), "a session in which passwords are typed");
	type(fd, "tunnel set config 1 T1 ayiya up 1280 correct-horse\n");
	ok(says(fd, "404 Unknown command, 50 octets\n") && !is_remembered("correct-horse"),
	   "a command that was answered is nowhere any more");
	type(fd, "half a line with battery-staple");
	for (int i = 0; i < 10; i++)
		turn();
	close(fd);
	ok(settles(0) && !is_remembered("battery-staple"), "nor is one that was never finished");
	unserve();
}

static void shutting_down_tells_everybody(void)
{
	serve();
	int asker = client(), other = client(), third = local_client();

	ok(says(asker, BANNER) && says(other, BANNER) && says(third, BANNER), "three sessions");
	type(other, "half a li");
	type(asker, "pop shutdown\n");
	ok(says(asker, "666 Tschau, shutting down\n") && hangs_up(asker), "the asker is answered");
	ok(says(other, "404 Tschau, closing down\n") && hangs_up(other), "the others hear why");
	ok(says(third, "404 Tschau, closing down\n") && hangs_up(third), "on every socket");
	ok(shutdowns == 1 && server_sessions(server) == 0, "then all are gone");
	unserve();
}

/* The page's process reads there; whoever has got hold of it must not be able to ask. */
static void a_view_shows_one_tunnel_and_takes_no_command(void)
{
	int pair[2];
	char octet;

	serve();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
		exit(99);
	server_watch(server, pair[0], 7);
	ok(executed == 1 && last_len == 22 && memcmp(last_line, "tunnel set debug T7 on", 22) == 0,
	   "it asks for one tunnel");
	ok(says(pair[1], "404 {\"message\":\"Unknown command, 22 octets\"}\n"),
	   "and answers in JSON, without a banner");
	transmit(pair[1], "echo x\npop shutdown\n", 20);
	for (int i = 0; i < 10; i++)
		turn();
	ok(executed == 1 && server_sessions(server) == 1, "what is said to it is not heard");
	ok(recv(pair[1], &octet, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN, "nor answered");
	close(pair[1]);
	ok(settles(0) && forgotten > 0, "it ends with its reader");

	int view[9][2];

	for (unsigned int i = 0; i < ARRAY_LEN(view); i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, view[i]) < 0)
			exit(99);
		server_watch(server, view[i][0], 7);
	}
	ok(server_sessions(server) == 8, "there is a limit to them");
	ok(says(view[8][1], "401 Too many sessions\n"), "and the next one is told");
	int fd = client();

	ok(says(fd, BANNER), "which takes no room from people");
	close(fd);
	for (unsigned int i = 0; i < ARRAY_LEN(view); i++)
		close(view[i][1]);
	ok(settles(0), "all of them are gone");
	unserve();
}

int main(void)
{
	world();
	base = event_base_new();
	size_t room = arena_room(arena);

	a_session_from_banner_to_farewell();
	every_stream_is_answered_however_it_is_cut();
	line_length_has_a_limit();
	a_client_that_stops_sending_still_hears_everything();
	silence_ends_a_session();
	who_watches_may_be_silent();
	who_does_not_read_is_not_read();
	the_last_answer_arrives();
	a_talkative_leaver_is_closed_in_the_end();
	what_was_typed_is_not_kept();
	shutting_down_tells_everybody();
	a_view_shows_one_tunnel_and_takes_no_command();
	/* the loop keeps its tables for descriptors and timers, a few kilobytes */
	ok(arena_sane(arena) && room - arena_room(arena) < 16 * 1024, "no session left memory behind");
	event_base_free(base);
	libevent_global_shutdown();
	ok(arena_room(arena) == arena_size(arena), "and libevent none at all");
	return tap_done();
}
