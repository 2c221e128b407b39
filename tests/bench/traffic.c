/*
 * tests/bench/traffic.c - one stream of packets: make it here, count it there
 *
 *	traffic --from NETNS:DEV --to NETNS:DEV --frame HEX --ether-type 0xNNNN --seconds S
 *		[--rate PPS] [--heads FILE] [--id-offset N --id-balance N --id-first N --id-count N] [--warm S] [--samples N]
 *		[--redirect NETNS:IN --out DEV --mac HEX]
 *
 * Sends the frame out of DEV in the first namespace as live XDP frames and counts what comes
 * to DEV in the second one. --redirect puts the yardstick, a bare XDP redirect, on a device in
 * between. --heads: a file of heads of HEAD_OCTETS each, a random one for every frame. Prints
 * one JSON object: offered and received packets, octets,
 * seconds, and sampled frames as hex. Content is judged by the caller, who knows what must
 * have happened to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <net/if.h>
#include <linux/if_link.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "gen.skel.h"
#include "redirect.skel.h"
#include "sink.skel.h"

#define FRAME_MAX	2048
#define BATCH		64
#define SAMPLE_BYTES	1536
#define SAMPLES_MAX	64
#define HEAD_OCTETS	112
#define HEADS_MAX	65536

struct sample {
	uint32_t	len;
	uint32_t	kept;
	uint8_t		bytes[SAMPLE_BYTES];
};

struct options {
	char		*from_ns, *from_dev, *to_ns, *to_dev;
	char		*redirect_ns, *redirect_dev, *redirect_out;	/* NULL: no yardstick */
	uint8_t		mac[FRAME_MAX];
	uint8_t		frame[FRAME_MAX];
	size_t		len;
	uint32_t	ether_type, id_offset, id_balance, id_first, id_count;
	const char	*heads;
	double		seconds, warm, rate;
	unsigned int	samples;
};

struct source {
	const struct options	*o;
	int			prog;
	volatile bool		stop;
};

struct samples {
	struct sample	taken[SAMPLES_MAX];
	unsigned int	n, most;
};

static void die(const char *what)
{
	fprintf(stderr, "traffic: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void enter(const char *ns)
{
	char path[256];

	snprintf(path, sizeof(path), "/run/netns/%s", ns);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(path);
	close(fd);
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void sleep_s(double s)
{
	struct timespec t = { .tv_sec = (time_t)s, .tv_nsec = (long)((s - (double)(time_t)s) * 1e9) };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

static void nothing(int signal)
{
	(void)signal;
}

/* The kernel repeats until a signal comes; the namespace decides which device sends. */
static void *source_run(void *arg)
{
	struct source *s = arg;
	const struct options *o = s->o;
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	sched_setaffinity(0, sizeof(first), &first);
	enter(o->from_ns);

	struct xdp_md ctx = {
		.data_end = (uint32_t)o->len, .ingress_ifindex = if_nametoindex(o->from_dev),
	};

	while (!s->stop) {
		LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = o->frame,
			    .data_size_in = (uint32_t)o->len, .ctx_in = &ctx,
			    .ctx_size_in = sizeof(ctx), .repeat = 1 << 30,
			    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);

		if (bpf_prog_test_run_opts(s->prog, &run) && errno != EINTR && !s->stop)
			die("live frames");
	}
	return NULL;
}

static int sampled(void *context, void *data, size_t len)
{
	struct samples *s = context;

	if (s->n < s->most && len >= sizeof(struct sample))
		memcpy(&s->taken[s->n++], data, sizeof(struct sample));
	return 0;
}

static void split(char *word, char **ns, char **dev)
{
	char *colon = strchr(word, ':');

	if (!colon) {
		fprintf(stderr, "traffic: %s is not NETNS:DEV\n", word);
		exit(2);
	}
	*colon = '\0';
	*ns = word;
	*dev = colon + 1;
}

static size_t unhex(const char *hex, uint8_t *out)
{
	size_t n = 0;

	for (; hex[0] && hex[1] && n < FRAME_MAX; hex += 2) {
		char pair[3] = { hex[0], hex[1], '\0' };

		out[n++] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return n;
}

static struct options parse(int argc, char **argv)
{
	static const struct option names[] = {
		{ "from", 1, NULL, 'f' }, { "to", 1, NULL, 't' }, { "frame", 1, NULL, 'x' },
		{ "ether-type", 1, NULL, 'e' }, { "seconds", 1, NULL, 's' }, { "rate", 1, NULL, 'r' },
		{ "id-offset", 1, NULL, 'o' }, { "id-balance", 1, NULL, 'b' }, { "id-first", 1, NULL, 'i' }, { "id-count", 1, NULL, 'n' },
		{ "redirect", 1, NULL, 'd' }, { "out", 1, NULL, 'u' }, { "mac", 1, NULL, 'm' },
		{ "heads", 1, NULL, 'h' }, { "warm", 1, NULL, 'w' }, { "samples", 1, NULL, 'k' }, { NULL, 0, NULL, 0 },
	};
	struct options o = { .seconds = 1, .warm = 0.3, .id_count = 1, .samples = 8 };
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 'f': split(optarg, &o.from_ns, &o.from_dev); break;
		case 't': split(optarg, &o.to_ns, &o.to_dev); break;
		case 'x': o.len = unhex(optarg, o.frame); break;
		case 'e': o.ether_type = (uint32_t)strtoul(optarg, NULL, 0); break;
		case 's': o.seconds = strtod(optarg, NULL); break;
		case 'r': o.rate = strtod(optarg, NULL); break;
		case 'o': o.id_offset = (uint32_t)strtoul(optarg, NULL, 0); break;
		case 'b': o.id_balance = (uint32_t)strtoul(optarg, NULL, 0); break;
		case 'i': o.id_first = (uint32_t)strtoul(optarg, NULL, 0); break;
		case 'n': o.id_count = (uint32_t)strtoul(optarg, NULL, 0); break;
		case 'd': split(optarg, &o.redirect_ns, &o.redirect_dev); break;
		case 'u': o.redirect_out = optarg; break;
		case 'm': unhex(optarg, o.mac); break;
		case 'h': o.heads = optarg; break;
		case 'w': o.warm = strtod(optarg, NULL); break;
		case 'k': o.samples = (unsigned int)strtoul(optarg, NULL, 0); break;
		default: exit(2);
		}
	}
	if (!o.from_ns || !o.to_ns || !o.len || !o.id_count) {
		fprintf(stderr, "traffic: --from, --to and --frame are needed\n");
		exit(2);
	}
	if (o.samples > SAMPLES_MAX)
		o.samples = SAMPLES_MAX;
	return o;
}

/* Return: the device it was attached to, 0 when none was asked for */
static int yardstick(const struct options *o)
{
	if (!o->redirect_ns)
		return 0;
	enter(o->redirect_ns);
	int in = (int)if_nametoindex(o->redirect_dev);
	struct redirect *r = redirect__open();

	if (!in || !r || !o->redirect_out)
		die("redirect");
	r->rodata->out = if_nametoindex(o->redirect_out);
	memcpy((void *)r->rodata->mac, o->mac, sizeof(r->rodata->mac));
	if (redirect__load(r) ||
	    bpf_xdp_attach(in, bpf_program__fd(r->progs.redirect), XDP_FLAGS_DRV_MODE, NULL))
		die("attach the redirect");
	return in;
}

/* Return: how many there are in the file */
static uint32_t heads_in(const char *file)
{
	FILE *f = fopen(file, "rb");
	long octets;

	if (!f || fseek(f, 0, SEEK_END) || (octets = ftell(f)) < HEAD_OCTETS ||
	    octets / HEAD_OCTETS > HEADS_MAX)
		die(file);
	fclose(f);
	return (uint32_t)(octets / HEAD_OCTETS);
}

static void fill_heads(const char *file, int map)
{
	FILE *f = fopen(file, "rb");
	uint8_t head[HEAD_OCTETS];

	for (uint32_t i = 0; f && fread(head, sizeof(head), 1, f) == 1; i++) {
		if (bpf_map_update_elem(map, &i, head, BPF_ANY))
			die("heads");
	}
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	struct options o = parse(argc, argv);
	struct samples taken = { .most = o.samples };
	struct sigaction wake = { .sa_handler = nothing };
	pthread_t thread;

	sigaction(SIGUSR1, &wake, NULL);
	int between = yardstick(&o);

	enter(o.to_ns);
	unsigned int to = if_nametoindex(o.to_dev);
	struct sink *sink = sink__open();

	if (!to || !sink)
		die(o.to_dev);
	sink->rodata->ether_type = o.ether_type;
	if (sink__load(sink))
		die("sink");
	struct ring_buffer *rb = ring_buffer__new(bpf_map__fd(sink->maps.samples), sampled, &taken,
						  NULL);

	bpf_xdp_detach((int)to, XDP_FLAGS_DRV_MODE, NULL);
	if (!rb || bpf_xdp_attach((int)to, bpf_program__fd(sink->progs.sink), XDP_FLAGS_DRV_MODE, NULL))
		die("attach the sink");

	struct gen *gen = gen__open();

	if (!gen)
		die("gen");
	memcpy((void *)gen->rodata->head, o.frame, sizeof(gen->rodata->head));
	gen->rodata->id_offset = o.id_offset;
	gen->rodata->id_balance = o.id_balance;
	gen->rodata->id_first = o.id_first;
	gen->rodata->id_count = o.id_count;
	gen->rodata->pace_ns = o.rate > 0 ? (uint64_t)(1e9 / o.rate) : 0;
	if (o.heads) {
		gen->rodata->variants = heads_in(o.heads);
		gen->rodata->id_first = 0;
		gen->rodata->id_count = gen->rodata->variants;
		bpf_map__set_max_entries(gen->maps.heads, gen->rodata->variants);
	}
	if (gen__load(gen))
		die("gen");
	if (o.heads)
		fill_heads(o.heads, bpf_map__fd(gen->maps.heads));

	struct source source = { .o = &o, .prog = bpf_program__fd(gen->progs.gen) };

	pthread_create(&thread, NULL, source_run, &source);
	sleep_s(o.warm);
	uint64_t sent = gen->bss->sent, packets = sink->bss->packets, octets = sink->bss->octets;
	double began = now_s();

	sleep_s(o.seconds);
	uint64_t sent_end = gen->bss->sent, packets_end = sink->bss->packets;
	uint64_t octets_end = sink->bss->octets;
	double took = now_s() - began;

	source.stop = true;
	pthread_kill(thread, SIGUSR1);
	pthread_join(thread, NULL);
	sleep_s(0.2);		/* what was under way arrives */
	ring_buffer__consume(rb);
	bpf_xdp_detach((int)to, XDP_FLAGS_DRV_MODE, NULL);
	if (between) {
		enter(o.redirect_ns);
		bpf_xdp_detach(between, XDP_FLAGS_DRV_MODE, NULL);
	}

	printf("{\"seconds\": %.6f, \"offered\": %llu, \"received\": %llu, \"octets\": %llu, "
	       "\"offered_all\": %llu, \"received_all\": %llu, \"samples\": [",
	       took, (unsigned long long)(sent_end - sent), (unsigned long long)(packets_end - packets),
	       (unsigned long long)(octets_end - octets), (unsigned long long)gen->bss->sent,
	       (unsigned long long)sink->bss->packets);
	for (unsigned int i = 0; i < taken.n; i++) {
		printf("%s\"", i ? ", " : "");
		for (unsigned int b = 0; b < taken.taken[i].kept; b++)
			printf("%02x", taken.taken[i].bytes[b]);
		printf("\"");
	}
	printf("]}\n");
	ring_buffer__free(rb);
	gen__destroy(gen);
	sink__destroy(sink);
	return 0;
}
