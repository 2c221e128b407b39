/* The daemon's side of the page's process, with this program as one that misbehaves. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl.h"
#include "web/channel.h"
#include "web/keeper.h"

/* ---- the process ---- */

static bool say_good(int channel, uint32_t id)
{
	const struct web_word w = { .what = WEB_GOOD, .id = id };

	return send(channel, &w, sizeof(w), MSG_NOSIGNAL) == (ssize_t)sizeof(w);
}

static bool is_wild(const struct http_conf *h)
{
	return addr_ip4(&h->address) == UINT32_C(0x7f000009);
}

static int say_wild(int channel, uint32_t id)
{
	const struct web_word uncaged = { .what = WEB_UNCAGED, .id = 4242 };
	const struct web_word bad = { .what = WEB_BAD, .id = id, .text = "x\033[31m\n\x7fy" };

	return send(channel, &uncaged, sizeof(uncaged), MSG_NOSIGNAL) < 0 ||
	       send(channel, &bad, sizeof(bad), MSG_NOSIGNAL) < 0;
}

/* It answers the second question when the third has come, and ends. */
static int late(int channel)
{
	struct web_order o;
	uint32_t second = 0;

	for (unsigned int tries = 0; recv(channel, &o, sizeof(o), 0) == (ssize_t)sizeof(o);) {
		if (o.what != WEB_TRY)
			continue;
		if (is_wild(&o.http))
			return say_wild(channel, o.id);
		tries++;
		if (tries == 1 && !say_good(channel, o.id))
			return 1;
		if (tries == 2)
			second = o.id;
		if (tries == 3)
			return !say_good(channel, second);
	}
	return 0;
}

/* ---- the daemon ---- */

static void no_watch(void *context, int fd, uint16_t tid)
{
	(void)context, (void)tid;
	close(fd);
}

/* Some port of 127.0.0.@last */
static struct http_conf at(uint32_t last)
{
	return (struct http_conf){ .address = addr_from_ip4(UINT32_C(0x7f000000) + last) };
}

static void an_answer_that_comes_late_is_not_that_to_the_next_question(struct keeper *k)
{
	const struct http_conf first = at(1), second = at(2), third = at(3);
	struct why why = { .code = 0 };

	ok(keeper_prepare(k, &first, false, &why) == 0, "the page has its place");
	keeper_settle(k, true);
	ok(keeper_start(k, &why) == 0, "and its process says that this is good: %s", why.text);
	ok(keeper_prepare(k, &second, false, &why) == -ETIMEDOUT, "a silent process is not waited for");
	ok(keeper_prepare(k, &third, false, &why) == -EPIPE,
	   "and what it says then to that is not taken for the answer to the next: %s", why.text);
}

static void what_it_says_is_tame(struct keeper *k, struct log *log)
{
	const struct http_conf wild = at(9);
	struct why why = { .code = 0 };
	char line[4096];
	int pair[2];
	ssize_t len = -1;

	if (pipe(pair) == 0) {
		log->fd = pair[1];
		ok(keeper_prepare(k, &wild, false, &why) == -EINVAL && strcmp(why.text, "x?[31m??y") == 0,
		   "no control character of it comes to a terminal: %s", why.text);
		len = read(pair[0], line, sizeof(line) - 1);
	}
	line[len < 0 ? 0 : len] = '\0';
	ok(strstr(line, "for no known reason"), "nor an error that is none to strerror(), which allocates");
}

static bool has_process(void)
{
	return waitpid(-1, NULL, WNOHANG) == 0;
}

/* A process that was made for what it then refuses serves nothing: the place in force comes back. */
static void what_is_refused_while_it_is_gone_does_not_keep_it_away(struct keeper *k, struct log *log)
{
	const struct http_conf wild = at(9);
	struct why why = { .code = 0 };
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC), seconds = 0, refused = 0;

	log->fd = null < 0 ? log->fd : null;
	for (int i = 0; i < 5; i++)
		refused += keeper_prepare(k, &wild, false, &why) == -EINVAL &&
			   waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
	ok(refused == 5, "its process goes with what it was made for, %d of 5", refused);
	for (; seconds < 10 && !has_process(); seconds++)
		keeper_second(k);
	ok(has_process(), "and another one serves the place in force");
	ok(seconds <= 4, "as soon as without those tries, %d s", seconds);
}

int main(int argc, char **argv)
{
	const struct limits limits = { .tunnels = 8, .subnets = 8 };
	struct region region;
	struct log log;
	struct keeper_config kc = { .region = &region, .log = &log, .state = -1, .history = -1,
				    .lines = -1, .cpus_map = -1, .watch = no_watch };
	struct why why = { .code = 0 };
	struct keeper *k;

	if (argc == 3 && strcmp(argv[1], "--web") == 0)
		return late(atoi(argv[2]));
	region_init(&region, world_pages(region_bytes(limits)), world_pages(region_secret_bytes(limits)),
		    limits, (wall_t){ 0 });
	k = log_open(&log, LOG_TO_STDERR, NULL, 0, &why) == 0 ? keeper_new(&kc, &why) : NULL;
	if (ok(k, "there is a keeper")) {
		an_answer_that_comes_late_is_not_that_to_the_next_question(k);
		what_it_says_is_tame(k, &log);
		what_is_refused_while_it_is_gone_does_not_keep_it_away(k, &log);
	}
	keeper_free(k);
	return tap_done();
}
