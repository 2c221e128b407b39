#include "table/tunnel.h"

#include "wire/ayiya.h"
#include "wire/gre.h"
#include "wire/udp.h"

/* A writer is inside for a few dozen stores; a reader that loses this often met a bug. */
#define SEQ_TRIES	1000000

const uint32_t rtt_bound_us[RTT_BOUNDS] = {
	1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000, 2000000, 5000000,
};

struct endpoint tunnel_endpoint(const struct tunnel *t)
{
	struct endpoint ep = { .state = STATE_NONE };

	for (int i = 0; i < SEQ_TRIES; i++) {
		if (seq_read(&t->seq, &t->ep, &ep, sizeof(ep)))
			return ep;
	}
	return (struct endpoint){ .state = STATE_NONE };
}

struct latency tunnel_latency(const struct tunnel_cold *c)
{
	struct latency l;

	for (int i = 0; i < SEQ_TRIES; i++) {
		if (seq_read(&c->latency_seq, &c->latency, &l, sizeof(l)))
			return l;
	}
	return (struct latency){ .sent = 0 };
}

struct error_sample tunnel_error(const struct error_record *r)
{
	struct error_sample s;

	for (int i = 0; i < SEQ_TRIES; i++) {
		if (seq_read(&r->seq, &r->last, &s, sizeof(s)))
			return s;
	}
	return (struct error_sample){ .at_s = 0 };
}

void tunnel_commit(struct table *tb, uint16_t tid, const struct endpoint *ep)
{
	struct tunnel *t = &tb->tunnel[tid];

	seq_write(&t->seq, &t->ep, ep, sizeof(*ep));
	for (unsigned int cpu = 0; cpu < tb->fast.cpus; cpu++) {
		struct fast_line *l = tunnel_line(tb, cpu, tid);

		__atomic_store_n(&l->want, (uint16_t)(l->want + 1), __ATOMIC_RELEASE);
	}
	if (tb->fast.cpus)
		__atomic_fetch_or(&tb->moved[tid / 64], UINT64_C(1) << tid % 64, __ATOMIC_RELEASE);
}

bool tunnels_moved(struct table *tb, uint64_t which[MOVED_WORDS])
{
	uint64_t any = 0;

	for (size_t i = 0; i < MOVED_WORDS; i++) {
		which[i] = __atomic_load_n(&tb->moved[i], __ATOMIC_RELAXED) ?
			   __atomic_exchange_n(&tb->moved[i], 0, __ATOMIC_ACQUIRE) : 0;
		any |= which[i];
	}
	return any != 0;
}

void tunnels_seen(struct table *tb, const uint64_t which[MOVED_WORDS])
{
	for (size_t i = 0; i < MOVED_WORDS; i++) {
		if (which[i])
			__atomic_fetch_and(&tb->moved[i], ~which[i], __ATOMIC_ACQUIRE);
	}
}

/* ---- both paths together ---- */

static void add(struct traffic *sum, const uint64_t *in_packets, const uint64_t *in_octets,
		const uint64_t *out_packets, const uint64_t *out_octets)
{
	sum->in_packets += count_get(in_packets);
	sum->in_octets += count_get(in_octets);
	sum->out_packets += count_get(out_packets);
	sum->out_octets += count_get(out_octets);
}

static void add_traffic(struct traffic *sum, const struct traffic *t)
{
	add(sum, &t->in_packets, &t->in_octets, &t->out_packets, &t->out_octets);
}

struct traffic tunnel_traffic(const struct table *tb, uint16_t tid)
{
	struct traffic sum = { .in_packets = 0 };

	add_traffic(&sum, &tb->tunnel[tid].traffic);
	for (unsigned int cpu = 0; cpu < tb->fast.cpus; cpu++) {
		const struct fast_line *l = tunnel_line(tb, cpu, tid);

		add(&sum, &l->in_packets, &l->in_octets, &l->out_packets, &l->out_octets);
	}
	return sum;
}

/* What came from an end of that type, and what went to one. */
static struct traffic fast_end(const struct fast *f, unsigned int end)
{
	struct traffic sum = { .in_packets = 0 };

	for (unsigned int i = 0; i < f->cpus; i++) {
		for (unsigned int n = 0; n < FAST_WAY_ENDS; n++) {
			const struct fast_way_count *from, *to;

			if (end == FAST_OFF && n == FAST_OFF)
				continue;
			from = &f->cpu[i].way[FAST_WAY(end, n)];
			to = &f->cpu[i].way[FAST_WAY(n, end)];
			add(&sum, &from->packets, &from->in_octets, &to->packets, &to->out_octets);
		}
	}
	return sum;
}

struct traffic fast_uplink(const struct fast *f)
{
	return fast_end(f, FAST_OFF);
}

struct traffic fast_transport(const struct fast *f, enum tunnel_type type)
{
	switch (type) {
	case TYPE_DIRECT:
		return fast_end(f, FAST_DIRECT);
	case TYPE_GRE:
		return fast_end(f, FAST_GRE);
	case TYPE_NONE:
	case TYPE_AYIYA:
		break;
	}
	return (struct traffic){ .in_packets = 0 };
}

struct traffic fast_total(const struct fast *f)
{
	struct traffic sum = { .in_packets = 0 };

	for (unsigned int i = 0; i < f->cpus; i++) {
		for (unsigned int n = 0; n < FAST_WAYS; n++) {
			const struct fast_way_count *w = &f->cpu[i].way[n];

			add(&sum, &w->packets, &w->in_octets, &w->packets, &w->out_octets);
		}
	}
	return sum;
}

struct traffic table_uplink(const struct table *tb)
{
	struct traffic sum = { .in_packets = 0 }, fast = fast_uplink(&tb->fast);

	for (unsigned int i = 0; i < WORKERS_MAX; i++)
		add_traffic(&sum, &tb->worker[i].uplink);
	add_traffic(&sum, &fast);
	return sum;
}

struct traffic table_total(const struct table *tb)
{
	struct traffic sum = { .in_packets = 0 }, fast = fast_total(&tb->fast);

	for (unsigned int i = 0; i < WORKERS_MAX; i++)
		add_traffic(&sum, &tb->worker[i].total);
	add_traffic(&sum, &fast);
	return sum;
}

struct traffic table_transport(const struct table *tb, enum tunnel_type type)
{
	struct traffic sum = { .in_packets = 0 }, fast = fast_transport(&tb->fast, type);

	for (unsigned int i = 0; i < WORKERS_MAX; i++)
		add_traffic(&sum, &tb->worker[i].transport[type]);
	add_traffic(&sum, &fast);
	return sum;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t tunnel_fast_in_s(const struct table *tb, uint16_t tid)
{
	int64_t last = 0;

	for (unsigned int cpu = 0; cpu < tb->fast.cpus; cpu++)
		last = later(last, __atomic_load_n(&tunnel_line(tb, cpu, tid)->last_in_s,
						   __ATOMIC_RELAXED));
	return last;
}

int64_t tunnel_last_in_s(const struct table *tb, uint16_t tid)
{
	return later(__atomic_load_n(&tb->tunnel[tid].last_in_s, __ATOMIC_RELAXED),
		     tunnel_fast_in_s(tb, tid));
}

static int64_t fast_out_s(const struct table *tb, uint16_t tid)
{
	int64_t last = 0;

	for (unsigned int cpu = 0; cpu < tb->fast.cpus; cpu++)
		last = later(last, __atomic_load_n(&tunnel_line(tb, cpu, tid)->last_out_s,
						   __ATOMIC_RELAXED));
	return last;
}

int64_t tunnel_last_out_s(const struct table *tb, uint16_t tid)
{
	return later(__atomic_load_n(&tb->tunnel[tid].last_out_s, __ATOMIC_RELAXED),
		     fast_out_s(tb, tid));
}

int64_t tunnel_data_in_s(const struct table *tb, uint16_t tid)
{
	return later(__atomic_load_n(&tb->tunnel[tid].data_in_s, __ATOMIC_RELAXED),
		     tunnel_fast_in_s(tb, tid));
}

int64_t tunnel_data_out_s(const struct table *tb, uint16_t tid)
{
	return later(__atomic_load_n(&tb->tunnel[tid].data_out_s, __ATOMIC_RELAXED),
		     fast_out_s(tb, tid));
}

/* ---- adopting a configuration ---- */

/* Before a slot is freed control has taken its lines out of force, and nobody counts there. */
static void forget_lines(struct table *tb, uint16_t tid)
{
	for (unsigned int cpu = 0; cpu < tb->fast.cpus; cpu++) {
		struct fast_line *l = tunnel_line(tb, cpu, tid);

		__atomic_store_n(&l->last_in_s, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&l->last_out_s, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&l->in_packets, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&l->in_octets, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&l->out_packets, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&l->out_octets, 0, __ATOMIC_RELAXED);
	}
}

static void forget_counters(struct tunnel *t)
{
	uint64_t *all[] = {
		&t->traffic.in_packets, &t->traffic.in_octets,
		&t->traffic.out_packets, &t->traffic.out_octets,
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		__atomic_store_n(all[i], 0, __ATOMIC_RELAXED);
	__atomic_store_n(&t->last_in_s, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&t->last_out_s, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&t->last_beat_s, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&t->data_in_s, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&t->data_out_s, 0, __ATOMIC_RELAXED);
}

static void forget_errors(struct tunnel_errors *e)
{
	static const struct error_sample never;

	for (size_t i = 0; i < ERR_COUNT; i++) {
		__atomic_store_n(&e->record[i].count, 0, __ATOMIC_RELAXED);
		seq_write(&e->record[i].seq, &e->record[i].last, &never, sizeof(never));
	}
}

static void forget_replay(struct tunnel_cold *k)
{
	k->ayiya_newest_s = -1;
	k->ayiya_seens = 0;
	k->beat_newest_s = -1;
	k->beat_newest_at = (mono_t){ 0 };
}

/* The slot was freed, or is another's: its next tenant finds nothing of the last one. */
static void forget_tunnel(struct table *tb, uint16_t tid)
{
	static const struct endpoint none;
	static const struct latency no_latency;
	struct tunnel_cold *k = &tb->cold[tid];
	struct tunnel_errors *e = &tb->errors[tid];

	tunnel_commit(tb, tid, &none);
	forget_counters(&tb->tunnel[tid]);
	forget_lines(tb, tid);
	forget_errors(e);
	for (size_t i = 0; i < VERDICT_COUNT; i++)
		__atomic_store_n(&e->verdict[i], 0, __ATOMIC_RELAXED);
	seq_write(&k->latency_seq, &k->latency, &no_latency, sizeof(no_latency));
	forget_replay(k);
	story_forget(&tb->story[tid]);
	if (tunnel_history(tb, tid))
		history_forget(tunnel_history(tb, tid));
	k->last_beat = k->last_typed = k->path_mtu_at = (mono_t){ 0 };
	__atomic_store_n(&k->moves, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&k->beats, 0, __ATOMIC_RELAXED);
	tb->tunnel[tid].remote_seq = 0;
}

static void adopt_static(const struct tunnel_conf *c, struct endpoint *ep)
{
	uint8_t type = ep->type == TYPE_GRE ? TYPE_GRE : TYPE_DIRECT;

	if (c->encap != ENCAP_AUTO)
		type = c->encap == ENCAP_GRE ? TYPE_GRE : TYPE_DIRECT;
	if (!addr_eq(&ep->them, &c->them))
		endpoint_forget_path(ep);	/* it was another path's */
	ep->them = c->them;
	ep->type = type;
	ep->state = STATE_UP;
}

static void adopt_dynamic(const struct tunnel_conf *c, struct endpoint *ep)
{
	/* what the new binding could never have brought up does not stay */
	if (ep->type == TYPE_AYIYA ? !conf_takes_ayiya(c) : !conf_takes_heartbeat(c))
		ep->type = TYPE_NONE;
	if (c->encap != ENCAP_AUTO && (ep->type == TYPE_DIRECT || ep->type == TYPE_GRE))
		ep->type = c->encap == ENCAP_GRE ? TYPE_GRE : TYPE_DIRECT;
	if (ep->state == STATE_NONE || ep->state == STATE_DISABLED || ep->type == TYPE_NONE)
		ep->state = STATE_DOWN;
}

void tunnel_adopt(struct table *tb, const struct config *cf, uint16_t tid, mono_t now,
		  wall_t wall)
{
	const struct tunnel_conf *c = &cf->tunnel[tid];
	struct tunnel *t = &tb->tunnel[tid];
	struct tunnel_cold *k = &tb->cold[tid];

	if (t->generation == c->generation)
		return;
	t->generation = c->generation;

	if (c->kind == KIND_NONE || k->tenant != c->tenant)
		forget_tunnel(tb, tid);
	k->tenant = c->tenant;
	if (c->kind == KIND_NONE) {
		k->reset_seq = c->reset_seq;
		return;
	}

	struct endpoint ep = t->ep;
	bool fresh = ep.state == STATE_NONE;

	if (conf_is_dynamic(c))
		adopt_dynamic(c, &ep);
	else
		adopt_static(c, &ep);
	if (c->remote_seq != t->remote_seq) {
		/* `tunnel set remote`: any tunnel, AYIYA port 5072, up */
		ep.them = c->them;
		ep.them_port = 5072;
		endpoint_forget_path(&ep);
		if (ep.type == TYPE_NONE)
			ep.type = conf_takes_heartbeat(c) || !conf_is_dynamic(c) ? TYPE_DIRECT : TYPE_AYIYA;
		ep.state = STATE_UP;
		k->last_beat = now;
		t->remote_seq = c->remote_seq;
	}
	if (c->flags & TUNNEL_DISABLED)
		ep.state = STATE_DISABLED;
	if (fresh)
		forget_replay(k);
	if (k->reset_seq != c->reset_seq) {
		forget_errors(&tb->errors[tid]);
		k->reset_seq = c->reset_seq;
	}
	if (ep.state != t->ep.state)
		story_since(&tb->story[tid], false, wall);
	tunnel_commit(tb, tid, &ep);
}

uint16_t tunnel_overhead(const struct tunnel_conf *c, const struct endpoint *ep)
{
	size_t ip = addr_is_ip4(&ep->them) ? sizeof(struct ip4_hdr) : sizeof(struct ip6_hdr);
	size_t shim = 0;

	switch ((enum tunnel_type)ep->type) {
	case TYPE_NONE:
		return 0;
	case TYPE_DIRECT:
		break;
	case TYPE_GRE:
		shim = sizeof(struct gre_hdr) + (c->flags & TUNNEL_GRE_KEY ? 4 : 0);
		break;
	case TYPE_AYIYA:
		shim = sizeof(struct udp_hdr) + sizeof(struct ayiya_hdr) +
		       (c->hash == HASH_SHA256 ? 32 : 20);
		break;
	}
	return (uint16_t)(ip + shim);
}

uint16_t tunnel_mtu(const struct tunnel_conf *c, const struct endpoint *ep)
{
	uint16_t over = tunnel_overhead(c, ep);
	uint16_t mtu = c->mtu_bytes;

	if (ep->path_mtu_bytes && ep->path_mtu_bytes < mtu + over)
		mtu = ep->path_mtu_bytes > MTU_MIN_BYTES + over ?
		      (uint16_t)(ep->path_mtu_bytes - over) : MTU_MIN_BYTES;
	return mtu;
}
