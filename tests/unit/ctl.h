/*
 * tests/unit/ctl.h - a control thread without a world: fake routes, clock and workers
 */
#ifndef SIXXSD_TEST_CTL_H
#define SIXXSD_TEST_CTL_H

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/digest_openssl.h"
#include "ctl/control.h"
#include "tap.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"

struct world {
	struct region	region;
	struct control	control;
	struct session	session;
	struct answer	answer;
	mono_t		mono;
	bool		stuck;		/* workers do not move on */
	bool		no_routes;	/* the host refuses the next route */
	unsigned int	refused_route;	/* the how-many-th from here the host refuses; 0: none */
	unsigned int	wakes;
	char		routes[4096];	/* "+prefix " and "-prefix ", in order */
	struct ip6_addr	address[HOST_ADDRESSES_MAX];
	unsigned int	addresses;
	char		dir[64];	/* for files; removed by world_end() */
	char		file[96];
	char		problems[65536];	/* "line: sentence\n" of the last load */
};

static void world_route(struct world *w, char sign, const struct prefix *p,
			const struct ip6_addr *pop)
{
	char text[PREFIX_TEXT_MAX];
	size_t len = strlen(w->routes);

	snprintf(w->routes + len, sizeof(w->routes) - len, "%c%s%s ", sign, prefix_text(p, text),
		 pop ? "*" : "");
}

static int world_route_put(void *context, const struct prefix *p, const struct ip6_addr *pop,
			   struct why *why)
{
	struct world *w = context;

	if (w->no_routes || (w->refused_route && --w->refused_route == 0)) {
		snprintf(why->text, sizeof(why->text), "The host has no room for routes");
		why->code = 500;
		return -5;
	}
	world_route(w, '+', p, pop);
	return 0;
}

static int world_route_remove(void *context, const struct prefix *p, struct why *why)
{
	(void)why;
	world_route(context, '-', p, NULL);
	return 0;
}

static void world_wake(void *context)
{
	struct world *w = context;

	w->wakes++;
	if (w->stuck)
		return;
	for (unsigned int n = 0; n < w->control.workers; n++)
		__atomic_store_n(&w->region.table.worker[n].seen_revision,
				 w->region.head->published, __ATOMIC_RELEASE);
}

static unsigned int world_addresses(void *context, struct ip6_addr *list, unsigned int max)
{
	struct world *w = context;
	unsigned int n = w->addresses < max ? w->addresses : max;

	memcpy(list, w->address, n * sizeof(*list));
	return n;
}

/* Every look at the clock takes 100 ms: a wait is over after twenty. */
static mono_t world_mono(void *context)
{
	struct world *w = context;

	w->mono.us += 100 * US_PER_MS;
	return w->mono;
}

static wall_t world_wall(void *context)
{
	(void)context;
	return (wall_t){ 1795409058 };
}

static void *world_pages(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED) {
		perror("mmap");
		exit(99);
	}
	return at;
}

static struct world *world_new(struct limits limits)
{
	struct world *w = world_pages(sizeof(*w));
	struct why why;

	region_init(&w->region, world_pages(region_bytes(limits)),
		    world_pages(region_secret_bytes(limits)), limits, (wall_t){ 1795400000 });
	w->control.ops = (struct control_ops){
		.context = w, .route_put = world_route_put, .route_remove = world_route_remove,
		.wake = world_wake, .addresses = world_addresses, .mono = world_mono,
		.wall = world_wall,
	};
	w->control.digest = &digest_openssl;
	if (control_init(&w->control, &w->region, &why) < 0)
		exit(99);
	strcpy(w->dir, "/tmp/sixxsd-test-XXXXXX");
	if (!mkdtemp(w->dir))
		exit(99);
	snprintf(w->file, sizeof(w->file), "%s/sixxsd.conf", w->dir);
	w->control.file = w->file;
	session_init(&w->session, SESSION_UNIX, &control_root);
	w->session.connection = w;
	w->answer = (struct answer){ .buf = w->control.answer_buf, .size = w->control.answer_size };
	return w;
}

static const struct limits limits_default = { TUNNELS_DEFAULT, SUBNETS_DEFAULT, TUNNELS_DEFAULT };

static void world_end(struct world *w)
{
	char path[128];

	unlink(w->file);
	snprintf(path, sizeof(path), "%s.new", w->file);
	unlink(path);
	rmdir(w->dir);
	control_fini(&w->control);
	munmap(w->region.head, region_bytes(w->region.head->limits));
	munmap(w->region.config[0].secret, region_secret_bytes(w->region.config[0].limits));
	munmap(w, sizeof(*w));
}

/* One line; the framed answer, valid until the next. */
static const char *ask_as(struct world *w, struct session *s, const char *line, size_t len)
{
	static char framed[262144];
	struct answer_frame f;

	answer_reset(&w->answer, s->format);
	control_execute(&w->control, s, line, len, &w->answer);
	f = answer_frame(&w->answer);
	if (f.head_len + w->answer.len + f.tail_len >= sizeof(framed))
		exit(99);
	memcpy(framed, f.head, f.head_len);
	memcpy(framed + f.head_len, w->answer.buf, w->answer.len);
	memcpy(framed + f.head_len + w->answer.len, f.tail, f.tail_len);
	framed[f.head_len + w->answer.len + f.tail_len] = '\0';
	return framed;
}

static const char *ask(struct world *w, const char *line)
{
	return ask_as(w, &w->session, line, strlen(line));
}

static bool answers(struct world *w, const char *line, const char *expected)
{
	const char *got = ask(w, line);
	bool same = strcmp(got, expected) == 0;

	ok(same, "%s", line);
	if (!same)
		printf("# got:      %s# expected: %s", got, expected);
	return same;
}

static void write_file(const char *file, const char *text)
{
	FILE *f = fopen(file, "w");

	if (!f || fputs(text, f) == EOF || fclose(f) == EOF)
		exit(99);
}

static char *read_file(const char *file)
{
	static char text[8 * 1024 * 1024];
	FILE *f = fopen(file, "r");
	size_t n;

	if (!f)
		return NULL;
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static void world_problem(void *context, unsigned int line, const struct why *why)
{
	struct world *w = context;
	size_t len = strlen(w->problems);

	snprintf(w->problems + len, sizeof(w->problems) - len, "%u %d %s\n", line, why->code,
		 why->text);
}

static int load(struct world *w, const char *text, struct why *why)
{
	write_file(w->file, text);
	w->problems[0] = '\0';
	return control_load(&w->control, w->file, world_problem, w, why);
}

static const struct config *running(const struct world *w)
{
	return region_config(&w->region);
}

/* Everything a configuration holds, by value. */
struct copy {
	struct config_head	head;
	struct tunnel_conf	*tunnel;
	uint16_t		*subnet;
	struct secret		*secret;
};

static struct copy copy_of(const struct config *cf)
{
	struct copy k = { .head = *cf->head };

	k.tunnel = malloc(cf->limits.tunnels * sizeof(*k.tunnel));
	k.subnet = malloc(cf->limits.subnets * sizeof(*k.subnet));
	k.secret = malloc(cf->limits.tunnels * sizeof(*k.secret));
	if (!k.tunnel || !k.subnet || !k.secret)
		exit(99);
	memcpy(k.tunnel, cf->tunnel, cf->limits.tunnels * sizeof(*k.tunnel));
	memcpy(k.subnet, cf->subnet, cf->limits.subnets * sizeof(*k.subnet));
	memcpy(k.secret, cf->secret, cf->limits.tunnels * sizeof(*k.secret));
	return k;
}

/* Nothing moved, not one octet; frees @k. */
static bool is_copy(const struct config *cf, struct copy *k)
{
	bool same = memcmp(cf->head, &k->head, sizeof(k->head)) == 0 &&
		    memcmp(cf->tunnel, k->tunnel, cf->limits.tunnels * sizeof(*k->tunnel)) == 0 &&
		    memcmp(cf->subnet, k->subnet, cf->limits.subnets * sizeof(*k->subnet)) == 0 &&
		    memcmp(cf->secret, k->secret, cf->limits.tunnels * sizeof(*k->secret)) == 0;

	free(k->tunnel);
	free(k->subnet);
	free(k->secret);
	return same;
}

#pragma GCC diagnostic pop

#endif
