/* /metrics: the PoP as a whole. */
#include "metrics/parts.h"
#include "table/enumword.h"

#define ACTIVE_S	900	/* as `pop show status` */

static const char receive[] = "receive", transmit[] = "transmit";

/* A metric that is one number. */
static void one(struct text *t, enum metric m, uint64_t n)
{
	text_family(t, m);
	text_sample(t, m, "");
	text_value(t, n);
}

static void one_time(struct text *t, enum metric m, int64_t s)
{
	one(t, m, s > 0 ? (uint64_t)s : 0);
}

/* A metric that is yes or no, where it is known. */
static void one_known(struct text *t, enum metric m, uint8_t known)
{
	if (known != OUTSIDE_UNKNOWN)
		one(t, m, known == OUTSIDE_YES);
}

static void one_direction(struct text *t, enum metric m, const char *direction, uint64_t n)
{
	text_sample(t, m, "");
	text_label(t, "direction", direction);
	text_value(t, n);
}

/* ---- the daemon and its configuration ---- */

static void say_daemon(struct text *t, const struct region *r, const struct outside *o)
{
	text_family(t, M_BUILD);
	text_sample(t, M_BUILD, "");
	text_label(t, "version", SIXXSD_VERSION);
	text_value(t, 1);
	one_time(t, M_START, r->head->started_s);
	one_time(t, M_CONTROL_SEEN, o->at_s);
	one(t, M_CONFIG_REVISION, __atomic_load_n(&r->head->published, __ATOMIC_ACQUIRE));
	one_time(t, M_CONFIG_LOADED, o->loaded_s);
	one_known(t, M_CONFIG_OK, o->load_ok);
}

/* ---- tunnels ---- */

struct count {
	uint64_t	state[STATE_UP + 1][TUNNEL_TYPES];
	uint64_t	active[TUNNEL_TYPES];
};

/* What another process writes is believed only as far as it indexes. */
static void count_tunnels(const struct region *r, wall_t now, struct count *n)
{
	const struct config *cf = region_config(r);
	uint32_t end = cf->head->tunnel_end;

	*n = (struct count){ .active = { 0 } };
	for (uint32_t tid = 0; tid < end && tid < cf->limits.tunnels; tid++) {
		struct endpoint ep;
		int64_t last_s;

		if (!config_tunnel(cf, (uint16_t)tid))
			continue;
		ep = tunnel_endpoint(&r->table.tunnel[tid]);
		if (ep.state > STATE_UP || ep.type >= TUNNEL_TYPES)
			continue;
		/* not adopted yet */
		n->state[ep.state == STATE_NONE ? STATE_DOWN : ep.state][ep.type]++;
		last_s = tunnel_last_in_s(&r->table, (uint16_t)tid);
		n->active[ep.type] += last_s != 0 &&
				      wall_since_s(now, (wall_t){ last_s }) < ACTIVE_S;
	}
}

static void say_tunnels(struct text *t, const struct region *r, wall_t now)
{
	struct count n;

	count_tunnels(r, now, &n);
	text_family(t, M_TUNNELS);
	for (unsigned int state = STATE_DISABLED; state <= STATE_UP; state++) {
		for (unsigned int type = 0; type < TUNNEL_TYPES; type++) {
			text_sample(t, M_TUNNELS, "");
			text_label(t, "state", word_state(state));
			text_label(t, "transport", word_type(type));
			text_value(t, n.state[state][type]);
		}
	}
	text_family(t, M_TUNNELS_ACTIVE);
	for (unsigned int type = TYPE_DIRECT; type < TUNNEL_TYPES; type++) {
		text_sample(t, M_TUNNELS_ACTIVE, "");
		text_label(t, "transport", word_type(type));
		text_value(t, n.active[type]);
	}
	one(t, M_TUNNELS_LIMIT, r->table.limits.tunnels);
}

/* ---- traffic ---- */

static void transport_line(struct text *t, enum metric m, const char *direction,
			   unsigned int type, uint64_t n)
{
	text_sample(t, m, "");
	text_label(t, "direction", direction);
	text_label(t, "transport", word_type(type));
	text_value(t, n);
}

static void say_traffic(struct text *t, const struct table *tb)
{
	struct traffic by[TUNNEL_TYPES], uplink = table_uplink(tb);

	for (unsigned int type = TYPE_DIRECT; type < TUNNEL_TYPES; type++)
		by[type] = table_transport(tb, type);
	text_family(t, M_PACKETS);
	for (unsigned int type = TYPE_DIRECT; type < TUNNEL_TYPES; type++) {
		transport_line(t, M_PACKETS, receive, type, by[type].in_packets);
		transport_line(t, M_PACKETS, transmit, type, by[type].out_packets);
	}
	text_family(t, M_BYTES);
	for (unsigned int type = TYPE_DIRECT; type < TUNNEL_TYPES; type++) {
		transport_line(t, M_BYTES, receive, type, by[type].in_octets);
		transport_line(t, M_BYTES, transmit, type, by[type].out_octets);
	}
	text_family(t, M_UPLINK_PACKETS);
	one_direction(t, M_UPLINK_PACKETS, receive, uplink.in_packets);
	one_direction(t, M_UPLINK_PACKETS, transmit, uplink.out_packets);
	text_family(t, M_UPLINK_BYTES);
	one_direction(t, M_UPLINK_BYTES, receive, uplink.in_octets);
	one_direction(t, M_UPLINK_BYTES, transmit, uplink.out_octets);
}

/* ---- what became of packets ---- */

static uint64_t verdicts(const struct table *tb, enum verdict v)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < WORKERS_MAX; i++)
		sum += count_get(&tb->worker[i].verdict[v]);
	return sum;
}

static void say_verdicts(struct text *t, const struct table *tb, const struct outside *o)
{
	text_family(t, M_DROPS);
	for (unsigned int v = VERDICT_FIRST_DROP; v < VERDICT_COUNT; v++) {
		text_sample(t, M_DROPS, "");
		text_label_lower(t, "reason", verdict_info[v].name + sizeof("DROP_") - 1);
		/* the kernel's own count, which no worker sees */
		text_value(t, verdicts(tb, v) + (v == DROP_QUEUE_TUN ? o->tun_lost : 0));
	}
	text_family(t, M_HANDLED);
	for (unsigned int v = PASS + 1; v < VERDICT_FIRST_DROP; v++) {
		text_sample(t, M_HANDLED, "");
		text_label_lower(t, "outcome", verdict_info[v].name);
		text_value(t, verdicts(tb, v));
	}
}

/* Of one answer, so that buckets, count and sum belong together as well as they can. */
static void say_latency(struct text *t, const struct table *tb)
{
	uint64_t bucket[RTT_BUCKETS] = { 0 }, sum_us = 0, all = 0;

	for (unsigned int w = 0; w < WORKERS_MAX; w++) {
		for (unsigned int i = 0; i < RTT_BUCKETS; i++)
			bucket[i] += count_get(&tb->worker[w].rtt[i]);
		sum_us += count_get(&tb->worker[w].rtt_sum_us);
	}
	text_family(t, M_LATENCY);
	for (unsigned int i = 0; i < RTT_BUCKETS; i++) {
		all += bucket[i];
		text_sample(t, M_LATENCY, "_bucket");
		if (i < RTT_BOUNDS)
			text_label_seconds(t, "le", rtt_bound_us[i]);
		else
			text_label(t, "le", "+Inf");
		text_value(t, all);
	}
	text_sample(t, M_LATENCY, "_count");
	text_value(t, all);
	text_sample(t, M_LATENCY, "_sum");
	text_value_seconds(t, sum_us);
}

/* ---- workers ---- */

static unsigned int workers(const struct outside *o)
{
	return o->workers < WORKERS_MAX ? o->workers : WORKERS_MAX;
}

/* Fields of struct worker_shared, one a worker. */
static void worker_counts(struct text *t, const struct table *tb, unsigned int n, enum metric m,
			  size_t field)
{
	text_family(t, m);
	for (unsigned int i = 0; i < n; i++) {
		const char *w = (const char *)&tb->worker[i];

		text_sample(t, m, "");
		text_label_number(t, "worker", i);
		text_value(t, count_get((const void *)(w + field)));
	}
}

static void worker_ways(struct text *t, const struct table *tb, unsigned int n, enum metric m,
			size_t in, size_t out)
{
	text_family(t, m);
	for (unsigned int i = 0; i < 2 * n; i++) {
		const char *w = (const char *)&tb->worker[i / 2];

		text_sample(t, m, "");
		text_label_number(t, "worker", i / 2);
		text_label(t, "direction", i % 2 ? transmit : receive);
		text_value(t, count_get((const void *)(w + (i % 2 ? out : in))));
	}
}

static void say_queues(struct text *t, const struct table *tb, unsigned int n, enum metric m)
{
	static const char *const name[SOCKET_QUEUES] = {
		[QUEUE_P41_IP4] = "proto41_ip4", [QUEUE_P41_IP6] = "proto41_ip6",
		[QUEUE_GRE_IP4] = "gre_ip4", [QUEUE_GRE_IP6] = "gre_ip6",
		[QUEUE_AYIYA_IP4] = "ayiya_ip4", [QUEUE_AYIYA_IP6] = "ayiya_ip6",
		[QUEUE_BEAT_IP4] = "heartbeat_ip4", [QUEUE_BEAT_IP6] = "heartbeat_ip6",
		[QUEUE_ICMP_IP4] = "icmp_ip4", [QUEUE_ICMP_IP6] = "icmp_ip6",
	};

	text_family(t, m);
	for (unsigned int i = 0; i < n; i++) {
		const struct worker_shared *w = &tb->worker[i];

		for (unsigned int q = 0; q < SOCKET_QUEUES; q++) {
			uint32_t limit = __atomic_load_n(&w->queue_limit[q], __ATOMIC_RELAXED);
			uint32_t now = __atomic_load_n(&w->queue_bytes[q], __ATOMIC_RELAXED);

			if (limit == 0)
				continue;	/* it has no such socket */
			text_sample(t, m, "");
			text_label_number(t, "worker", i);
			text_label(t, "queue", name[q]);
			text_value(t, m == M_QUEUE ? now : limit);
		}
	}
}

#define FIELD(name)	offsetof(struct worker_shared, name)

static void say_workers(struct text *t, const struct table *tb, const struct outside *o)
{
	unsigned int n = workers(o);

	one(t, M_WORKERS, n);
	text_family(t, M_WORKER_BUSY);
	for (unsigned int i = 0; i < n; i++) {
		text_sample(t, M_WORKER_BUSY, "");
		text_label_number(t, "worker", i);
		text_value_seconds(t, count_get(&tb->worker[i].busy_us));
	}
	worker_ways(t, tb, n, M_WORKER_PACKETS, FIELD(total.in_packets), FIELD(total.out_packets));
	worker_counts(t, tb, n, M_WORKER_HANDED, FIELD(verdict[HANDED_OVER]));
	worker_ways(t, tb, n, M_WORKER_MERGED, FIELD(merged_in), FIELD(merged_out));
	worker_ways(t, tb, n, M_WORKER_AFXDP, FIELD(frames_in), FIELD(frames_out));
	worker_counts(t, tb, n, M_WORKER_EVENTS, FIELD(events_lost));
	worker_counts(t, tb, n, M_WORKER_CAPTURES, FIELD(capture_lost));
	worker_counts(t, tb, n, M_WORKER_REVISION, FIELD(seen_revision));
	say_queues(t, tb, n, M_QUEUE);
	say_queues(t, tb, n, M_QUEUE_LIMIT);
}

/* ---- the fast path ---- */

static void say_ports(struct text *t, const struct outside *o)
{
	text_family(t, M_FAST_ATTACHED);
	for (unsigned int i = 0; i < o->ports && i < FASTPATH_MAX; i++) {
		const struct outside_port *p = &o->port[i];

		text_sample(t, M_FAST_ATTACHED, "");
		text_label(t, "interface", p->name);
		text_label(t, "mode", p->mode[0] ? p->mode : "none");
		text_value(t, p->mode[0] != '\0');
	}
}

static uint64_t passed(const struct fast *f, unsigned int why)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < f->cpus; i++)
		sum += count_get(&f->cpu[i].passed[why]);
	return sum;
}

static void say_fast(struct text *t, const struct table *tb, const struct outside *o)
{
	static const char *const why[FAST_PASS_COUNT] = {
		[FAST_PASS_LINE] = "tunnel", [FAST_PASS_PACKET] = "packet",
		[FAST_PASS_LOCAL] = "local", [FAST_PASS_AGE] = "age",
		[FAST_PASS_ROUTE] = "route", [FAST_PASS_ROOM] = "room",
	};
	struct traffic total = fast_total(&tb->fast);

	one_known(t, M_FAST_AVAILABLE, o->fast_available);
	say_ports(t, o);
	one(t, M_FAST_QUEUES, o->queues);
	one(t, M_FAST_PACKETS, total.in_packets);
	text_family(t, M_FAST_BYTES);
	one_direction(t, M_FAST_BYTES, receive, total.in_octets);
	one_direction(t, M_FAST_BYTES, transmit, total.out_octets);
	text_family(t, M_FAST_PASSED);
	for (unsigned int i = 0; i < FAST_PASS_COUNT; i++) {
		text_sample(t, M_FAST_PASSED, "");
		text_label(t, "reason", why[i]);
		text_value(t, passed(&tb->fast, i));
	}
}

/* ---- the host ---- */

static const char *role_word(uint8_t role)
{
	switch ((enum outside_role)role) {
	case ROLE_DEVICE:
		return "device";
	case ROLE_UPLINK:
		return "uplink";
	case ROLE_OUTER4:
		return "outer4";
	case ROLE_OUTER6:
		return "outer6";
	case ROLE_PORT:
		break;
	}
	return "fastpath";
}

static void say_host(struct text *t, const struct outside *o)
{
	one_known(t, M_CLOCK, o->clock_synchronised);
	one_known(t, M_FORWARDING, o->forwarding6);
	text_family(t, M_INTERFACE);
	for (unsigned int i = 0; i < o->links && i < OUTSIDE_LINKS; i++) {
		const struct outside_link *l = &o->link[i];

		if (!l->name[0])
			continue;
		text_sample(t, M_INTERFACE, "");
		text_label(t, "interface", l->name);
		text_label(t, "role", role_word(l->role));
		text_value(t, l->present && l->up && l->running);
	}
	one(t, M_SESSIONS, o->sessions);
	one(t, M_SESSIONS_LIMIT, o->sessions_max);
}

static struct outside look_outside(const struct table *tb)
{
	struct outside o;

	if (!outside_read(tb->outside, &o))
		return (struct outside){ .at_s = 0 };
	/* another process wrote it: let every word end */
	for (unsigned int i = 0; i < OUTSIDE_LINKS; i++)
		o.link[i].name[sizeof(o.link[i].name) - 1] = '\0';
	for (unsigned int i = 0; i < FASTPATH_MAX; i++) {
		o.port[i].name[sizeof(o.port[i].name) - 1] = '\0';
		o.port[i].mode[sizeof(o.port[i].mode) - 1] = '\0';
	}
	return o;
}

size_t metrics_pop(const struct region *r, wall_t now, enum metrics_format f, char *buf,
		   size_t room)
{
	const struct outside o = look_outside(&r->table);
	struct text t = { .at = buf, .end = buf + room, .format = f };

	say_daemon(&t, r, &o);
	say_tunnels(&t, r, now);
	say_traffic(&t, &r->table);
	say_verdicts(&t, &r->table, &o);
	say_latency(&t, &r->table);
	say_workers(&t, &r->table, &o);
	say_fast(&t, &r->table, &o);
	say_host(&t, &o);
	text_end(&t);
	return t.full ? 0 : (size_t)(t.at - buf);
}
