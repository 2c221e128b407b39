/*
 * tests/unit/scrape.h - a region full of figures, for whoever reads metrics out of it
 *
 * Slot n is T<100 + n>, a static tunnel where n is even, a dynamic one by AYIYA where it is odd;
 * every fifth is down, every seventh disabled. No two figures of one kind are equal. Two cpus
 * of a fast path count as well.
 */
#ifndef SIXXSD_TEST_SCRAPE_H
#define SIXXSD_TEST_SCRAPE_H

#include <sys/mman.h>

#include "metrics/parts.h"
#include "tap.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"

enum { SCRAPE_WALL_S = 1700000000, SCRAPE_WORKERS = 2, SCRAPE_CPUS = 2 };

static void *scrape_pages(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED) {
		perror("mmap");
		exit(99);
	}
	return at;
}

static bool scrape_is_down(uint32_t n)
{
	return n % 5 == 0;
}

static bool scrape_is_disabled(uint32_t n)
{
	return n % 7 == 0;
}

static void scrape_conf(struct tunnel_conf *c, uint32_t n, uint32_t id, uint32_t generation)
{
	*c = (struct tunnel_conf){
		.id = id, .generation = generation, .mtu_bytes = 1480,
		.kind = n % 2 ? KIND_AYIYA : KIND_STATIC,
		.flags = scrape_is_disabled(n) ? TUNNEL_DISABLED : 0,
	};
}

static void scrape_tunnel(struct table *tb, uint16_t n)
{
	struct tunnel *t = &tb->tunnel[n];
	struct tunnel_cold *k = &tb->cold[n];
	struct endpoint ep = {
		.them = addr_from_ip4(UINT32_C(0xc6336400) + n), .them_port = 5072,
		.type = n % 2 ? TYPE_AYIYA : n % 4 ? TYPE_GRE : TYPE_DIRECT,
		.state = scrape_is_disabled(n) ? STATE_DISABLED : scrape_is_down(n) ? STATE_DOWN : STATE_UP,
	};
	struct latency l = {
		.sent = 100, .received = 100u - n % 10, .sum_us = 100000, .min_us = 900,
		.max_us = 20000, .recent_us = 1000u + n,
	};

	tunnel_commit(tb, n, &ep);
	t->traffic = (struct traffic){ 10u + n, 1000u + n, 20u + n, 2000u + n };
	t->last_in_s = SCRAPE_WALL_S - 10 * n - 1;
	seq_write(&k->latency_seq, &k->latency, &l, sizeof(l));
	k->beats = 7u + n;
	k->moves = n;
	/* three reasons each, as a PoP has them */
	tb->errors[n].verdict[DROP_TOO_BIG] = 3u + n;
	tb->errors[n].verdict[DROP_AYIYA_CLOCK] = 1;
	tb->errors[n].verdict[DROP_BEAT_CLOCK] = 2;
	for (unsigned int cpu = 0; cpu < tb->fast.cpus; cpu++)
		*tunnel_line(tb, cpu, n) = (struct fast_line){
			.in_packets = 1, .in_octets = 2, .out_packets = 3, .out_octets = 4,
		};
}

static void scrape_worker(struct worker_shared *w, unsigned int n)
{
	w->seen_revision = 1;
	w->uplink = (struct traffic){ 1 + n, 100 + n, 2 + n, 200 + n };
	w->total = (struct traffic){ 11 + n, 1100 + n, 12 + n, 1200 + n };
	for (unsigned int type = TYPE_DIRECT; type < TUNNEL_TYPES; type++)
		w->transport[type] = (struct traffic){ 1000 * type + n, 10000 * type + n,
						       2000 * type + n, 20000 * type + n };
	for (unsigned int v = 0; v < VERDICT_COUNT; v++)
		w->verdict[v] = 1000 * n + v;
	w->events_lost = 1 + n;
	w->merged_in = 40 + n;
	w->merged_out = 50 + n;
	w->frames_in = 60 + n;
	w->frames_out = 70 + n;
	w->busy_us = 1500000 + n;
	for (unsigned int i = 0; i < RTT_BUCKETS; i++)
		w->rtt[i] = 1 + i;
	w->rtt_sum_us = 1234567;
	w->capture_lost = 80 + n;
	for (unsigned int q = 0; q < SOCKET_QUEUES; q++) {
		w->queue_bytes[q] = 100 * n + q;
		w->queue_limit[q] = 212992;
	}
}

static void scrape_outside(struct table *tb)
{
	static const struct outside_link link[] = {
		{ .name = "sixxs", .role = ROLE_DEVICE, .present = 1, .up = 1, .running = 1 },
		{ .name = "eth0", .role = ROLE_UPLINK, .present = 1, .up = 1, .running = 1 },
		{ .name = "eth1", .role = ROLE_OUTER4, .present = 1, .up = 1 },
		{ .name = "", .role = ROLE_OUTER6 },
		{ .name = "eth0", .role = ROLE_PORT, .present = 1, .up = 1, .running = 1 },
	};
	struct outside o = {
		.at_s = SCRAPE_WALL_S, .loaded_s = SCRAPE_WALL_S - 60, .tun_lost = 5,
		.clock_synchronised = OUTSIDE_YES, .forwarding6 = OUTSIDE_YES,
		.fast_available = OUTSIDE_YES, .load_ok = OUTSIDE_YES, .workers = SCRAPE_WORKERS,
		.sessions = 1, .sessions_max = 64, .links = ARRAY_LEN(link), .ports = 2,
		.queues = 4,
		.port = { { .name = "eth0", .mode = "native" }, { .name = "eth1" } },
	};

	memcpy(o.link, link, sizeof(link));
	outside_write(tb->outside, &o);
}

static void scrape_fast(struct table *tb)
{
	tb->fast.line = scrape_pages(SCRAPE_CPUS * tb->limits.tunnels * sizeof(struct fast_line));
	tb->fast.cpu = scrape_pages(SCRAPE_CPUS * sizeof(struct fast_cpu));
	tb->fast.cpus = SCRAPE_CPUS;
	for (unsigned int i = 0; i < SCRAPE_CPUS; i++) {
		for (unsigned int n = 0; n < FAST_WAYS; n++)
			tb->fast.cpu[i].way[n] = (struct fast_way_count){ 1 << n, 100u << n, 120u << n };
		for (unsigned int n = 0; n < FAST_PASS_COUNT; n++)
			tb->fast.cpu[i].passed[n] = 10 * n + i;
	}
}

/* @tunnels of them, in a region that has room for as many and one. */
static void scrape_init(struct region *r, uint32_t tunnels)
{
	const struct limits limits = {
		.tunnels = tunnels < TUNNELS_MAX ? tunnels + 1 : TUNNELS_MAX, .subnets = 64,
	};
	struct config *cf;

	region_init(r, scrape_pages(region_bytes(limits)),
		    scrape_pages(region_secret_bytes(limits)), limits,
		    (wall_t){ SCRAPE_WALL_S - 3600 });
	scrape_fast(&r->table);
	cf = region_spare(r);
	cf->head->tunnel_end = cf->head->tunnels = tunnels;
	for (uint32_t n = 0; n < tunnels; n++) {
		scrape_conf(&cf->tunnel[n], n, 100 + n, 1 + n);
		scrape_tunnel(&r->table, (uint16_t)n);
	}
	(void)region_publish(r);
	for (unsigned int i = 0; i < SCRAPE_WORKERS; i++)
		scrape_worker(&r->table.worker[i], i);
	scrape_outside(&r->table);
}

/* The configuration to change, equal to the one in force; then region_publish(). */
static struct config *scrape_edit(struct region *r)
{
	const struct config *now = region_config(r);
	struct config *next = region_spare(r);

	*next->head = *now->head;
	memcpy(next->tunnel, now->tunnel, now->limits.tunnels * sizeof(*now->tunnel));
	return next;
}

#pragma GCC diagnostic pop

#endif
