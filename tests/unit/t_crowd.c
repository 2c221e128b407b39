/* The command line server when there are too many, when memory ends, and while tracing. */
#include <sys/resource.h>
#include "cli.h"
#include "host/trap.h"
#include "path/pkt.h"

#define CROWD		1000
#define FULL		"401 Too many sessions\n"
#define DENIED		"401 Access denied\n"
#define NO_MEMORY	"500 Too many answers are waiting to be read, no memory for this one; " \
			"try again later\n"

static void pretend(const char *peer)
{
	pretending = addr_parse(peer, strlen(peer), &pretended);
	if (!pretending)
		exit(99);
}

static void the_access_list_decides(void)
{
	static const struct {
		const char	*list[3];
		const char	*peer;
		bool		listed;
	} row[] = {
		{ { "127.0.0.1" }, "127.0.0.1", true },
		{ { "127.0.0.1" }, "127.0.0.2", false },
		{ { "::1" }, "::1", true },
		{ { "::1" }, "127.0.0.1", false },
		{ { "::1" }, "::2", false },
		{ { 0 }, "127.0.0.1", false },
		{ { 0 }, "::1", false },
		{ { "192.0.2.0/24" }, "192.0.2.0", true },
		{ { "192.0.2.0/24" }, "192.0.2.255", true },
		{ { "192.0.2.0/24" }, "192.0.3.0", false },
		{ { "192.0.2.0/24" }, "192.0.1.255", false },
		{ { "2001:db8::/32" }, "2001:db8:ffff::1", true },
		{ { "2001:db8::/32" }, "2001:db9::1", false },
		{ { "2001:db8::/127" }, "2001:db8::2", false },
		{ { "::ffff:192.0.2.1" }, "192.0.2.1", true },
		{ { "0.0.0.0/0" }, "203.0.113.5", true },
		{ { "0.0.0.0/0" }, "2001:db8::1", false },
		{ { "::/0" }, "203.0.113.5", true },
		{ { "192.0.2.1", "198.51.100.0/24", "::1" }, "198.51.100.7", true },
		{ { "192.0.2.1", "198.51.100.0/24", "::1" }, "198.51.101.7", false },
	};

	serve();
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		head()->acls = 0;
		for (size_t n = 0; n < ARRAY_LEN(row[i].list) && row[i].list[n]; n++)
			acl(row[i].list[n]);
		pretend(row[i].peer);

		int fd = client();
		bool good = says(fd, row[i].listed ? BANNER : DENIED);

		if (row[i].listed)
			close(fd);
		else
			good &= hangs_up(fd);
		ok(good && settles(0), "%s is %s by a list of %s%s%s", row[i].peer,
		   row[i].listed ? "let in" : "refused", row[i].list[0] ? row[i].list[0] : "nobody",
		   row[i].list[1] ? " " : "", row[i].list[1] ? row[i].list[1] : "");
	}
	head()->acls = 0;
	pretend("203.0.113.66");
	int fd = client();

	transmit(fd, "echo a\r\nlines 3\r\n", 17);
	ok(says(fd, DENIED) && is_dropped(fd) && executed == 0,
	   "whoever is refused and talks nevertheless is not executed");
	fd = local_client();
	ok(says(fd, BANNER) && is_in_step(fd), "the local socket does not pass the list");
	close(fd);
	acl("127.0.0.1");
	settles(0);
	unserve();
}

static void one_address_does_not_take_all(void)
{
	int fd[8], more;

	serve();
	head()->acls = 0;
	acl("::/0");
	pretend("203.0.113.5");
	for (int i = 0; i < 8; i++) {
		fd[i] = client();
		says(fd[i], BANNER);
	}
	more = client();
	ok(says(more, "401 Too many sessions from your address\n") && hangs_up(more),
	   "the ninth session of an address is refused");
	pretend("203.0.113.6");
	more = client();
	ok(says(more, BANNER), "one from another address is not");
	close(more);
	pretend("2001:db8:1:2::1");
	for (int i = 0; i < 8; i++) {
		close(fd[i]);
		fd[i] = client();
		says(fd[i], BANNER);
	}
	pretend("2001:db8:1:2:ffff::1");
	more = client();
	ok(says(more, "401 Too many sessions from your address\n") && hangs_up(more),
	   "of IPv6 a /64 counts as one");
	pretend("2001:db8:1:3::1");
	more = client();
	ok(says(more, BANNER), "the next /64 as another");
	close(more);
	for (int i = 0; i < 8; i++)
		close(fd[i]);
	ok(settles(0), "all leave");
	head()->acls = 0;
	acl("127.0.0.1");
	unserve();
}

static void a_thousand_at_once(void)
{
	static int crowd[CROWD];
	unsigned int in = 0, refused = 0, odd = 0;
	int local;

	serve();
	for (int i = 0; i < CROWD; i++) {
		crowd[i] = client();
		/* so that the kernel's queue of new connections is not what refuses them */
		if (i % 500 == 499)
			turn();
	}
	for (int i = 0; i < CROWD; i++) {
		hear(crowd[i], strlen(FULL));
		if (strncmp(heard, BANNER, strlen(FULL)) == 0)
			in++;
		else if (strcmp(heard, FULL) == 0)
			refused++;
		else
			odd++;
	}
	ok(in == 64 && refused == CROWD - 64 && odd == 0,
	   "of %d connections 64 are sessions, the others hear why not: %u %u %u", CROWD, in,
	   refused, odd);
	local = local_client();
	ok(says(local, BANNER) && is_in_step(local), "the local socket still answers");
	ok(control.sessions == 65 && control.sessions_max == 88, "control knows how many there are");
	for (int i = 0; i < CROWD; i++)
		close(crowd[i]);
	ok(settles(1), "they leave");
	crowd[0] = client();
	ok(says(crowd[0], BANNER) && is_in_step(crowd[0]), "and the next one is welcome");
	for (int i = 1; i < 16; i++)
		crowd[i] = local_client();
	ok(says(crowd[15], BANNER), "sixteen on the local socket");
	crowd[16] = local_client();
	ok(says(crowd[16], FULL) && hangs_up(crowd[16]), "but no seventeenth");
	for (int i = 0; i < 16; i++)
		close(crowd[i]);
	close(local);
	settles(0);
	unserve();
}

static void *hogged[4096];
static size_t hogs;

/* Take whatever there is until only @left octets are, in however many pieces. */
static void hog(size_t left)
{
	for (size_t piece = arena_size(arena); piece >= 32; piece /= 2) {
		while (arena_room(arena) > left + piece && hogs < ARRAY_LEN(hogged)) {
			void *p = arena_alloc(arena, piece);

			if (!p)
				break;
			hogged[hogs++] = p;
		}
	}
}

static void unhog(void)
{
	while (hogs)
		arena_free(arena, hogged[--hogs]);
}

static void memory_that_ends_is_an_answer(void)
{
	int fd, other;

	limits.reserve_bytes = 128 * 1024;
	serve();
	size_t room = arena_room(arena);

	fd = client();
	other = client();
	ok(says(fd, BANNER) && says(other, BANNER), "two sessions");
	hog(300 * 1024);
	type(fd, "lines 30000\n");
	ok(says(fd, NO_MEMORY) && is_in_step(fd), "an answer that does not fit is replaced by an error");
	ok(is_in_step(other), "others are served");
	unhog();
	hog(100 * 1024);

	int late_one = client();

	ok(says(late_one, "401 Out of memory for another session\n") && hangs_up(late_one),
	   "with less than the reserve nobody new is let in");
	ok(is_in_step(fd) && is_in_step(other), "those who are in are served");
	unhog();
	late_one = client();
	ok(says(late_one, BANNER), "afterwards newcomers are welcome again");
	close(late_one);

	/* not a single octet more than now: whatever libevent wants fails */
	hog(0);
	unsigned int alive = control.sessions;

	type(fd, "lines 5\n");
	type(other, "echo a\n");
	for (int i = 0; i < 50; i++)
		turn();
	ok(control.sessions <= alive && arena_sane(arena), "with nothing at all nothing breaks");
	unhog();
	close(fd);
	close(other);
	ok(settles(0), "the sessions end");
	ok(arena_sane(arena) && arena_room(arena) + 16 * 1024 > room, "nothing is left behind");
	unserve();
}

static void descriptors_that_run_out_do_not_spin(void)
{
	struct rlimit was, tight;
	int fd[3];

	serve();
	getrlimit(RLIMIT_NOFILE, &was);
	for (int i = 0; i < 3; i++)
		fd[i] = client();
	tight = was;
	tight.rlim_cur = (rlim_t)fd[2] + 1;	/* no further descriptor */
	setrlimit(RLIMIT_NOFILE, &tight);
	turn();
	ok(control.sessions == 0, "nobody can be accepted");
	accepts = 0;
	for (int i = 0; i < 1000; i++)
		turn();
	ok(accepts < 100, "which is not tried again at every turn");
	setrlimit(RLIMIT_NOFILE, &was);
	ok(says(fd[0], BANNER) && says(fd[1], BANNER) && says(fd[2], BANNER), "later all are");
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	settles(0);
	unserve();
}

/* ---- live debug ---- */

static struct record a_packet(void)
{
	static const char header[] =
		"600000000010403f" "20010db802ff00010000000000000002" "20010db8000f00000000000000000001";
	struct record rec = { .event = EVENT_TRACE, .verdict = SENT_UPLINK, .from = 1,
			      .to = TID_NONE, .notes = 2, .len = 56 };

	rec.kept = (uint16_t)unhex(header, rec.bytes, sizeof(rec.bytes));
	rec.note[0] = (struct note){ NOTE_FROM_P41, TID_NONE, 0 };
	rec.note[1] = (struct note){ NOTE_TO_UPLINK, TID_NONE, 0 };
	return rec;
}

#define ENDS	"[T5072  uplink ]" \
		"[IPv6 : 2001:db8:2ff:1::2 - 2001:db8:f::1 ttl=63 proto=64 len=56 plen=16] "
#define LINES	"200 " ENDS "arrived as protocol 41\n" \
		"200 " ENDS "destination is outside: uplink\n" \
		"200 " ENDS "forwarded to the uplink\n"

static void a_trace_arrives_between_answers(void)
{
	struct record rec = a_packet();

	serve();
	int fd = client();

	type(fd, "trace 1\n");
	ok(says(fd, BANNER "200 Debugging has been enabled\n"), "debug is on");
	server_trace(control.tracer[1], &rec);
	ok(says(fd, LINES), "a line for every decision, in order, and the verdict");
	type(fd, "lines 2\n");
	turn();
	server_trace(control.tracer[1], &rec);
	ok(says(fd, "201 2\nline 0 of 2\nline 1 of 2\n200 OK\n" LINES) ||
	   says(fd, LINES "201 2\nline 0 of 2\nline 1 of 2\n200 OK\n"), "never within an answer");
	type(fd, "json\n");
	says(fd, "200 as JSON from now on\n");
	rec.notes = 0;
	server_trace(control.tracer[1], &rec);
	ok(says(fd, "200 {\"trace\":\"" ENDS "forwarded to the uplink\"}\n"), "as JSON where asked");
	close(fd);
	ok(settles(0) && control.tracer[1] == NULL, "the end of the session ends the debugging");
	unserve();
}

static void a_slow_tracer_loses_lines_and_is_told(void)
{
	struct record rec = a_packet();
	const unsigned int packets = 100000;
	unsigned int seen = 0, lost = 0, rest;

	serve();
	int fd = client(), other = client();

	type(fd, "trace 1\n");
	says(fd, BANNER "200 Debugging has been enabled\n");
	says(other, BANNER);
	for (unsigned int i = 0; i < packets; i++) {
		server_trace(control.tracer[1], &rec);
		if (i % 100 == 0)
			turn();
	}
	ok(arena_size(arena) - arena_room(arena) < 512 * 1024, "what waits for it is bounded");
	ok(is_in_step(other), "others do not notice");
	while (seen + lost < packets && hear(fd, 4) == 4) {
		char line[400] = "";
		size_t n = 0;

		while (n < sizeof(line) - 1 && hear(fd, 1) == 1 && heard[0] != '\n')
			line[n++] = heard[0];
		line[n] = '\0';
		if (sscanf(line, "trace: %u packets are not shown, they came too fast", &rest) == 1)
			lost += rest;
		else
			seen += strcmp(line, ENDS "forwarded to the uplink") == 0;
	}
	ok(lost > 0 && seen + lost == packets, "%u packets are shown, %u reported as lost", seen, lost);
	server_trace_lost(server, 7);
	ok(says(fd, "200 trace: 7 packets are not shown, they came too fast\n"),
	   "and those that were lost before they reached the session");
	ok(is_in_step(fd) && is_in_step(other), "commands go on, and who traces nothing hears nothing");
	close(fd);
	close(other);
	settles(0);
	unserve();
}

static void nothing_allocates_while_it_runs(void)
{
	struct record rec = a_packet();

	serve();
	/* the test program's own output is not what is tested: it has its buffer by now */
	trap_arm();
	int fd = client(), other = local_client();

	says(fd, BANNER);
	type(fd, "lines 100\njson\nlines 3\ntrace 1\nfoo\n");
	says(other, BANNER);
	hear(fd, 100);
	server_trace(control.tracer[1] ? control.tracer[1] : NULL, &rec);
	log_event(&test_log, LEVEL_ERROR, BY_US, "a line %d", 1);
	type(other, "exit\n");
	hear(other, 100);
	close(fd);
	close(other);
	settles(0);
	trap_disarm();
	ok(control.sessions == 0, "sessions come, work and go without malloc");
	unserve();
}

/* Both ends of every connection are ours; an ordinary user starts with room for 1024. */
static void make_room(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_max < 2 * CROWD + 100)
		return;
	if (r.rlim_cur < 2 * CROWD + 100)
		r.rlim_cur = 2 * CROWD + 100;
	setrlimit(RLIMIT_NOFILE, &r);
}

int main(void)
{
	make_room();
	world();
	test_log.verbosity = 2;
	base = event_base_new();
	head()->plan.tunnel_mask = 0;
	region.config[0].tunnel[1] = (struct tunnel_conf){ .kind = KIND_STATIC, .id = 5072 };

	the_access_list_decides();
	one_address_does_not_take_all();
	a_thousand_at_once();
	memory_that_ends_is_an_answer();
	descriptors_that_run_out_do_not_spin();
	a_trace_arrives_between_answers();
	a_slow_tracer_loses_lines_and_is_told();
	nothing_allocates_while_it_runs();
	event_base_free(base);
	libevent_global_shutdown();
	ok(arena_room(arena) == arena_size(arena), "at the end libevent holds nothing");
	return tap_done();
}
