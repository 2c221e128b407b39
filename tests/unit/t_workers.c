/*
 * One worker or several: the same packets leave, the same things are counted, and nobody
 * writes what is another's (path/path.h, "One writer").
 *
 * Two PoPs get the same packets. In one there is one worker; in the other every packet
 * arrives at any of several, as if nothing were steered, and changes hands through lanes.
 */
#include "auth.h"
#include "base/sum.h"
#include "io/handover.h"

#define PACKETS		40000
#define TRIES_MAX	3		/* changes of hands a packet may need: path.h */
#define OUTPUTS_MAX	8

static uint64_t seed = 1;

static uint32_t any(uint32_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

/* ---- what left ---- */

struct output {
	enum out	out;
	struct ip6_addr	to;
	size_t		len;
	uint8_t		bytes[2048];
};

struct outputs {
	unsigned int	n;
	struct output	one[OUTPUTS_MAX];
};

static void left(struct outputs *all, const struct pkt *p)
{
	struct output *o = &all->one[all->n];

	if (p->out != OUT_TUN && p->out != OUT_WIRE)
		return;
	if (all->n++ >= OUTPUTS_MAX || p->len > sizeof(o->bytes))
		exit(99);
	memset(o, 0, sizeof(*o));
	o->out = p->out;
	if (p->out == OUT_WIRE)
		o->to = p->out_to;
	o->len = p->len;
	memcpy(o->bytes, p->data, p->len);
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct output));
}

static bool same_outputs(struct outputs *a, struct outputs *b)
{
	qsort(a->one, a->n, sizeof(a->one[0]), by_bytes);
	qsort(b->one, b->n, sizeof(b->one[0]), by_bytes);
	return a->n == b->n && memcmp(a->one, b->one, a->n * sizeof(a->one[0])) == 0;
}

/* ---- the PoP of several ---- */

static const uint16_t tids[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x42c };

struct state {
	struct tunnel		tunnel[ARRAY_LEN(tids)];
	struct tunnel_cold	cold[ARRAY_LEN(tids)];
	struct tunnel_errors	errors[ARRAY_LEN(tids)];
};

static struct state before, after;

static void look(const struct fixture *f, struct state *s)
{
	for (size_t i = 0; i < ARRAY_LEN(tids); i++) {
		s->tunnel[i] = f->region.table.tunnel[tids[i]];
		s->cold[i] = f->region.table.cold[tids[i]];
		s->errors[i] = f->region.table.errors[tids[i]];
	}
}

struct several {
	struct fixture	*f;
	unsigned int	workers;
	struct path	path[WORKERS_MAX];
	struct crew	*crew;
	unsigned int	trespasses;	/* changes of a tunnel that is another worker's */
	unsigned int	hops;		/* of the packet that needed most */
	uint64_t	given;
};

static void check_trespass(struct several *s, unsigned int worker)
{
	look(s->f, &after);
	for (size_t i = 0; i < ARRAY_LEN(tids); i++) {
		if (path_owns(&s->path[worker], tids[i]))
			continue;
		s->trespasses += memcmp(&before.tunnel[i], &after.tunnel[i], sizeof(before.tunnel[i])) ||
				 memcmp(&before.cold[i], &after.cold[i], sizeof(before.cold[i])) ||
				 memcmp(&before.errors[i], &after.errors[i], sizeof(before.errors[i]));
	}
}

static void pass_on(struct several *s, unsigned int worker, const struct pkt *p, unsigned int *to)
{
	if (p->out != OUT_WORKER)
		return;
	*to = path_worker_of(&s->path[worker], p->owner);
	if (!lane_put(crew_lane(s->crew, worker, *to), p))
		exit(99);
}

/* One packet at worker @at, and all that becomes of it at others. */
static enum verdict run_several(struct several *s, unsigned int at, struct pkt *p,
				struct outputs *all)
{
	struct pkt *reply = &s->f->reply;
	unsigned int hops = 0;
	enum verdict v;

	for (;;) {
		unsigned int to = at, from = at;
		struct pkt copy;

		s->path[at].now = s->f->pa.now;
		s->path[at].wall = s->f->pa.wall;
		pkt_init(reply, s->f->out, 0, VIA_SELF);
		look(s->f, &before);
		v = saw(path_run(&s->path[at], p, reply));
		check_trespass(s, at);
		s->path[at].events = 0;
		left(all, p);
		left(all, reply);
		pass_on(s, at, reply, &to);
		pass_on(s, at, p, &to);
		if (to == at)
			break;
		hops++;
		if (hops > TRIES_MAX)
			break;
		at = to;
		lane_free(crew_lane(s->crew, from, at));
		if (!lane_take(crew_lane(s->crew, from, at), &copy))
			exit(99);
		*p = copy;
	}
	s->given++;
	if (hops > s->hops)
		s->hops = hops;
	return v;
}

static void several_begin(struct several *s, struct fixture *f, unsigned int workers)
{
	const struct config *cf = region_config(&f->region);

	*s = (struct several){ .f = f, .workers = workers, .crew = crew_new(workers) };
	for (unsigned int i = 0; i < workers; i++) {
		path_init(&s->path[i], cf, &f->region.table, &f->region.table.worker[i],
			  &digest_openssl, f->pa.now, f->pa.wall);
		path_share(&s->path[i], i, workers);
		s->path[i].magic = 42;
	}
}

static uint64_t verdicts_of(const struct fixture *f, unsigned int v)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < WORKERS_MAX; i++)
		sum += f->region.table.worker[i].verdict[v];
	return sum;
}

static bool same_traffic(const struct traffic *a, const struct traffic *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static struct traffic total_of(const struct fixture *f, bool uplink)
{
	struct traffic sum = { 0 };

	for (unsigned int i = 0; i < WORKERS_MAX; i++) {
		const struct worker_shared *w = &f->region.table.worker[i];
		const struct traffic *t = uplink ? &w->uplink : &w->total;

		sum.in_packets += t->in_packets;
		sum.in_octets += t->in_octets;
		sum.out_packets += t->out_packets;
		sum.out_octets += t->out_octets;
	}
	return sum;
}

/* ---- packets ---- */

static const char *const inner[] = {
	"2001:db8:2ff:1::2", "2001:db8:2ff:2::2", "2001:db8:2ff:5::2", "2001:db8:2ff:9::2",
	"2001:db8:2ff:42c::2", "2001:db8:2ff:4::2", "2001:db8:2ff:8::2", "2001:db8:2ff:8001::7",
	"2001:db8:3001::1", "2001:db8:3002::1", "2001:db8:ffff::1", "2001:db8:2ff:9::1",
	"2001:db8:2ff:1::1", "2001:db8:2ff:ffff::1", "2001:db8:2ff:9::9", "2001:db8:2ff:700::2",
	"2001:db8:30ff::1", "fe80::1", "2001:db8:2ff:42c::1", "2001:db8:2ff:2::1",
};
static const char *const outer[] = {
	ALICE, "203.0.113.200", "2001:db8:cafe::7", "198.51.100.9", MALLORY, "198.51.100.20",
};

static const char *one_of(const char *const *list, size_t n)
{
	return list[any((uint32_t)n)];
}

#define ANY(list) one_of((list), ARRAY_LEN(list))

static size_t any_inner(uint8_t *at)
{
	static const uint8_t hops[] = { 64, 64, 64, 2, 1, 0 };
	static const size_t lengths[] = { 40, 60, 100, 1280, 1281, 1400, 1480, 1500 };
	static const uint8_t next[] = { PROTO_UDP, PROTO_TCP, PROTO_NONE, PROTO_ICMP6, PROTO_IPV6 };
	/* one after the other: the order of arguments is the compiler's */
	size_t len = lengths[any(ARRAY_LEN(lengths))];
	uint8_t hop = hops[any(ARRAY_LEN(hops))], proto = next[any(ARRAY_LEN(next))];
	const char *src = ANY(inner), *dst = ANY(inner);

	return make_ip6(at, src, dst, len, hop, proto);
}

/* A router's "too big" about the last packet that left, or half of one. */
static size_t too_big_about(uint8_t *at, const struct output *last)
{
	size_t quote = any(2) ? 28 : min_size(last->len, 500);
	struct icmp4_hdr_bytes { uint8_t b[8]; } h = { { 3, 4, 0, 0, 0, 0, 5, 120 } };
	be16_t sum;

	memcpy(at, &h, sizeof(h));
	memcpy(at + sizeof(h), last->bytes, min_size(quote, last->len));
	sum = sum_done(sum_add(0, at, sizeof(h) + quote));
	memcpy(at + 2, &sum, sizeof(sum));
	return sizeof(h) + quote;
}

static size_t any_beat(uint8_t *at, const struct fixture *f)
{
	char when[24];

	snprintf(when, sizeof(when), "%lld", (long long)f->pa.wall.s);
	return strlen(make_beat((char *)at, "MD5", ANY(inner), "sender", when, PASSWORD));
}

static size_t any_ayiya(uint8_t *at, const struct fixture *f)
{
	uint8_t packet[2048];
	size_t len = any(4) ? any_inner(packet) : 0;
	/*
	 * Not "echo request and forward": an ICMP error about what it carries replaces the
	 * echo response where both are one worker's; from elsewhere it comes besides.
	 */
	uint8_t op = any(4) ? AYIYA_OP_FORWARD : (uint8_t)any(AYIYA_OP_ECHO_FORWARD);
	const char *method = any(5) ? "SHA1" : "SHA256", *identity = ANY(inner);

	return make_ayiya(at, method, len ? op : AYIYA_OP_NOOP, len ? 41 : 59,
			  (uint32_t)f->pa.wall.s, identity, PASSWORD, packet, len);
}

struct made {
	enum via	via;
	const char	*them;
	uint16_t	port;
	size_t		len;
	uint8_t		bytes[4096];
};

static void make_any(struct made *m, const struct fixture *f, const struct output *last)
{
	static const enum via ways[] = {
		VIA_TUN, VIA_TUN, VIA_P41, VIA_P41, VIA_GRE, VIA_AYIYA, VIA_AYIYA, VIA_BEAT, VIA_ICMP4,
	};

	m->via = ways[any(ARRAY_LEN(ways))];
	m->them = ANY(outer);
	m->port = (uint16_t)(40000 + any(2));
	switch (m->via) {
	case VIA_GRE:
		memcpy(m->bytes, "\0\0\x86\xdd", 4);
		m->len = 4 + any_inner(m->bytes + 4);
		return;
	case VIA_AYIYA:
		m->len = any_ayiya(m->bytes, f);
		return;
	case VIA_BEAT:
		m->len = any_beat(m->bytes, f);
		return;
	case VIA_ICMP4:
		m->len = too_big_about(m->bytes, last);
		return;
	default:
		m->len = any_inner(m->bytes);
	}
}

static void arrive(struct fixture *f, const struct made *m)
{
	pop_arrive(f, m->via, m->bytes, m->len, m->them, pop_like(m->them));
	f->p.outer.them_port = m->port;
	f->p.outer.us_port = m->via == VIA_AYIYA ? PORT_AYIYA : PORT_HEARTBEAT;
	ASAN_UNPOISON_MEMORY_REGION(f->in, sizeof(f->in));
}

/* ---- the test ---- */

/* Of one PoP's records, all that both must agree on. The split ICMP budget is each one's own. */
static unsigned int states_differ(struct fixture *a, struct fixture *b)
{
	unsigned int n = 0;

	look(a, &before);
	look(b, &after);
	for (size_t i = 0; i < ARRAY_LEN(tids); i++) {
		n += memcmp(&before.tunnel[i], &after.tunnel[i], sizeof(before.tunnel[i])) != 0;
		n += memcmp(&before.cold[i], &after.cold[i], sizeof(before.cold[i])) != 0;
		n += memcmp(&before.errors[i], &after.errors[i], sizeof(before.errors[i])) != 0;
	}
	return n;
}

static unsigned int counts_differ(const struct fixture *a, const struct fixture *b)
{
	unsigned int n = 0;

	for (unsigned int v = 0; v < VERDICT_COUNT; v++) {
		if (v == HANDED_OVER || verdicts_of(a, v) == verdicts_of(b, v))
			continue;
		printf("# %s: %llu alone, %llu together\n", verdict_info[v].name,
		       (unsigned long long)verdicts_of(a, v), (unsigned long long)verdicts_of(b, v));
		n++;
	}
	for (int uplink = 0; uplink < 2; uplink++) {
		struct traffic x = total_of(a, uplink), y = total_of(b, uplink);

		n += !same_traffic(&x, &y);
	}
	return n;
}

static void the_same_with(unsigned int workers)
{
	static struct outputs alone, together;
	struct fixture *a = auth_new(), *b = auth_new();
	unsigned int other_output = 0, other_verdict = 0;
	static struct output last;
	struct several s;
	struct made m;

	several_begin(&s, b, workers);
	a->pa.magic = 42;
	for (unsigned int i = 0; i < PACKETS; i++) {
		enum verdict v, w;

		make_any(&m, a, &last);
		alone.n = together.n = 0;
		arrive(a, &m);
		v = saw(path_run(&a->pa, &a->p, &a->reply));
		a->pa.events = 0;
		left(&alone, &a->p);
		left(&alone, &a->reply);
		arrive(b, &m);
		w = run_several(&s, any(workers), &b->p, &together);
		other_verdict += v != w;
		if (alone.n && alone.one[0].out == OUT_WIRE && addr_is_ip4(&alone.one[0].to))
			last = alone.one[0];
		other_output += !same_outputs(&alone, &together);
		pop_pass_time(a, US_PER_S);
		pop_pass_time(b, US_PER_S);
	}
	ok(other_verdict == 0, "%u workers: every verdict is the one worker's", workers);
	ok(other_output == 0, "and every packet that leaves");
	ok(states_differ(a, b) == 0, "and the state of every tunnel");
	ok(counts_differ(a, b) == 0, "and every sum of counters");
	ok(s.trespasses == 0, "no worker wrote a tunnel that is another's");
	ok(workers == 1 ? s.hops == 0 : s.hops >= 2 && s.hops <= TRIES_MAX,
	   "no packet changed hands more than %u times", s.hops);
	ok((verdicts_of(b, HANDED_OVER) > 0) == (workers > 1), "%llu changes of hands in %u packets",
	   (unsigned long long)verdicts_of(b, HANDED_OVER), PACKETS);
	crew_free(s.crew);
}

/* Only what is its own is adopted, whichever way the configuration came. */
static void a_worker_adopts_its_own_tunnels(void)
{
	struct fixture *f = pop_new(NULL);
	struct several s;
	struct config *cf;

	several_begin(&s, f, 2);
	cf = pop_edit(f);
	pop_static(f, cf, 20, "198.51.100.20", 1280, 0);
	pop_static(f, cf, 21, "198.51.100.21", 1280, 0);
	region_publish(&f->region);
	path_adopt(&s.path[1], cf);
	ok(pop_tunnel(f, 21)->ep.state == STATE_UP && pop_tunnel(f, 20)->ep.state == STATE_NONE,
	   "of a change: the odd ones are the second's");
	path_adopt(&s.path[0], cf);
	ok(pop_tunnel(f, 20)->ep.state == STATE_UP, "and the even ones the first's");

	cf = pop_edit(f);
	for (uint16_t tid = 100; tid < 300; tid++)
		pop_static(f, cf, tid, "198.51.100.22", 1280, 0);
	region_publish(&f->region);
	path_adopt(&s.path[0], cf);
	bool good = true;

	for (uint16_t tid = 100; tid < 300; tid++)
		good = good && (pop_tunnel(f, tid)->ep.state == STATE_UP) == (tid % 2 == 0);
	ok(good, "likewise when all are looked at");
	crew_free(s.crew);
}

static void one_budget_for_all(void)
{
	struct fixture *f = pop_new(NULL);
	uint64_t answered = 0;
	uint8_t packet[100];
	struct several s;
	size_t len = make_ip6(packet, "2001:db8:ffff::1", "2001:db8:2ff:700::2", 100, 64, PROTO_UDP);

	several_begin(&s, f, 4);
	for (unsigned int i = 0; i < 4000; i++) {
		struct outputs all = { 0 };

		pop_arrive(f, VIA_TUN, packet, len, NULL, NULL);
		ASAN_UNPOISON_MEMORY_REGION(f->in, sizeof(f->in));
		run_several(&s, i % 4, &f->p, &all);
		answered += all.n;
	}
	ok(answered == 1000, "four workers answer no more than one would: %llu ICMP errors",
	   (unsigned long long)answered);
	crew_free(s.crew);
}

static void no_line_is_written_by_two(void)
{
	ok(sizeof(struct tunnel) % CACHE_LINE == 0 && _Alignof(struct tunnel) >= CACHE_LINE &&
	   sizeof(struct tunnel_cold) % CACHE_LINE == 0 &&
	   _Alignof(struct tunnel_cold) >= CACHE_LINE &&
	   sizeof(struct tunnel_errors) % CACHE_LINE == 0 &&
	   _Alignof(struct tunnel_errors) >= CACHE_LINE, "neighbours are different workers' tunnels");
	ok(sizeof(struct worker_shared) % CACHE_LINE == 0 &&
	   _Alignof(struct worker_shared) >= CACHE_LINE && sizeof(struct ring) % CACHE_LINE == 0,
	   "what a worker counts and tells");

	struct fixture *f = pop_new(NULL);
	const struct table *tb = &f->region.table;
	const void *start[] = { tb->tunnel, tb->cold, tb->errors, tb->worker, tb->window,
				f->region.ring };
	bool good = true;

	for (size_t i = 0; i < ARRAY_LEN(start); i++)
		good = good && (uintptr_t)start[i] % CACHE_LINE == 0;
	ok(good, "and each of these arrays begins on a line");
}

int main(void)
{
	the_same_with(1);
	the_same_with(2);
	the_same_with(3);
	the_same_with(16);
	a_worker_adopts_its_own_tunnels();
	one_budget_for_all();
	no_line_is_written_by_two();
	return tap_done();
}
