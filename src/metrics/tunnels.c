/*
 * /metrics/tunnels: each tunnel by itself.
 *
 * Metric by metric, tunnel by tunnel; what is said of one tunnel and metric is written whole or
 * not at all. A tunnel's record may change, or its slot be freed and given away, while we look: it is
 * copied, and the copy is good if the same configuration was in force before and after, because control
 * writes only the one that is not.
 */
#include <assert.h>

#include "metrics/parts.h"
#include "table/enumword.h"

#define RECORD_TRIES	100

/* Return: is there such a tunnel? */
static bool record(const struct region *r, uint32_t tid, struct tunnel_conf *c)
{
	for (int i = 0; i < RECORD_TRIES; i++) {
		uint64_t revision = __atomic_load_n(&r->head->published, __ATOMIC_ACQUIRE);

		*c = r->config[revision & 1].tunnel[tid];
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&r->head->published, __ATOMIC_RELAXED) == revision)
			return c->kind != KIND_NONE;
	}
	return false;
}

/* Generations are given out one after the other, and wrap. */
static bool is_newer(uint32_t generation, uint32_t than)
{
	return (int32_t)(generation - than) > 0;
}

/* ---- two tunnels of one name ---- */

static bool is_marked(const uint64_t *bits, uint32_t n)
{
	return bits[n / 64] >> n % 64 & 1;
}

static void mark(uint64_t *bits, uint32_t n)
{
	bits[n / 64] |= UINT64_C(1) << n % 64;
}

static bool is_named_before(const struct region *r, uint32_t tid, uint32_t id)
{
	struct tunnel_conf c;

	for (uint32_t i = 0; i < tid; i++) {
		if (record(r, i, &c) && c.id == id)
			return true;
	}
	return false;
}

/* A Bloom filter in the caller's buffer. */
struct ids {
	uint8_t		*octets;
	uint32_t	mask;		/* of a bit's number */
};

#define ID_BITS	4

/* Return: false: @id was never added; true: it may have been */
static bool add_id(const struct ids *s, uint32_t id)
{
	uint64_t hash = (id + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15);
	uint32_t n = (uint32_t)(hash >> 32), by = (uint32_t)hash | 1;
	bool all = true;

	for (int i = 0; i < ID_BITS; i++, n += by) {
		uint8_t *octet = &s->octets[(n & s->mask) / 8], bit = (uint8_t)(1 << n % 8);

		all &= (*octet & bit) != 0;
		*octet |= bit;
	}
	return all;
}

/*
 * T-ids should be unique, but nothing says that they are, and a series that occurs twice spoils
 * the whole answer. Who meets nobody in the filter is unique, and only the others, in 64 KiB a
 * handful, are looked for.
 */
static void begin(struct metrics_cursor *c, const struct region *r, char *buf, size_t room)
{
	struct ids ids = { .octets = (uint8_t *)buf, .mask = 8 * METRICS_PIECE_MIN - 1 };
	uint32_t end = region_config(r)->head->tunnel_end;
	struct tunnel_conf conf;
	bool any = false;

	while (ids.mask / 4 + 1 <= room && ids.mask < UINT32_MAX / 2)
		ids.mask = 2 * ids.mask + 1;
	memset(buf, 0, ids.mask / 8 + 1);
	memset(c->twice, 0, sizeof(c->twice));
	c->end = end < r->table.limits.tunnels ? end : r->table.limits.tunnels;
	for (uint32_t tid = 0; tid < c->end; tid++) {
		if (!record(r, tid, &conf))
			continue;
		if (!any || is_newer(conf.generation, c->generation))
			c->generation = conf.generation;
		any = true;
		if (add_id(&ids, conf.id) && is_named_before(r, tid, conf.id))
			mark(c->twice, tid);
	}
	if (!any)
		c->end = 0;
}

/* ---- lines ---- */

/* A tunnel as it is while one metric of it is written. */
struct subject {
	const struct region	*r;
	const struct tunnel_conf *conf;
	uint16_t		tid;
};

static void name(struct text *t, const struct subject *s, enum metric m)
{
	text_sample(t, m, "");
	text_label_tunnel(t, s->conf->id);
}

static void number(struct text *t, const struct subject *s, enum metric m, uint64_t n)
{
	name(t, s, m);
	text_value(t, n);
}

static struct endpoint endpoint(const struct subject *s)
{
	return tunnel_endpoint(&s->r->table.tunnel[s->tid]);
}

static void say_info(struct text *t, const struct subject *s)
{
	struct endpoint ep = endpoint(s);

	name(t, s, M_T_INFO);
	text_label(t, "kind", word_kind(s->conf->kind));
	text_label(t, "transport", word_type(ep.type));
	text_value(t, 1);
}

static void say_traffic(struct text *t, const struct subject *s, enum metric m)
{
	struct traffic n = tunnel_traffic(&s->r->table, s->tid);

	number(t, s, m, m == M_T_IN_PACKETS ? n.in_packets : m == M_T_IN_BYTES ? n.in_octets :
	       m == M_T_OUT_PACKETS ? n.out_packets : n.out_octets);
}

static void say_last(struct text *t, const struct subject *s)
{
	int64_t last_s = tunnel_last_in_s(&s->r->table, s->tid);

	if (last_s > 0)
		number(t, s, M_T_LAST_IN, (uint64_t)last_s);
}

static void say_mtu(struct text *t, const struct subject *s)
{
	struct endpoint ep = endpoint(s);

	number(t, s, M_T_MTU, tunnel_mtu(s->conf, &ep));
}

static void say_latency(struct text *t, const struct subject *s, enum metric m)
{
	struct latency l = tunnel_latency(&s->r->table.cold[s->tid]);

	if (l.sent == 0 || l.epoch != region_config(s->r)->head->stats_epoch)
		return;
	if (m == M_T_LATENCY && l.recent_us) {
		name(t, s, m);
		text_value_seconds(t, l.recent_us);
	} else if (m == M_T_LOSS) {
		uint64_t lost = l.received < l.sent ? l.sent - l.received : 0;

		name(t, s, m);
		text_value_seconds(t, lost <= UINT64_MAX / US_PER_S ? lost * US_PER_S / l.sent :
							    lost / (l.sent / US_PER_S));
	}
}

static void say_count(struct text *t, const struct subject *s, enum metric m)
{
	const struct tunnel_cold *k = &s->r->table.cold[s->tid];

	if (conf_is_dynamic(s->conf))
		number(t, s, m, count_get(m == M_T_BEATS ? &k->beats : &k->moves));
}

/* Sums of the finer reasons: the historic counters are set back by `tunnel reseterrors`. */
static void say_errors(struct text *t, const struct subject *s)
{
	static const char *const error[ERR_COUNT] = {
#define ERRNAME(symbol, words, summed) [ERR_##symbol] = #symbol,
#include "table/errname.def"
#undef ERRNAME
	};
	const struct tunnel_errors *e = &s->r->table.errors[s->tid];
	uint64_t sum[ERR_COUNT + 1] = { 0 };	/* one for those without a name */

	for (unsigned int v = 0; v < VERDICT_COUNT; v++)
		sum[verdict_info[v].error] += count_get(&e->verdict[v]);
	for (unsigned int i = 0; i < ERR_COUNT; i++) {
		if (sum[i] == 0)
			continue;
		name(t, s, M_T_ERRORS);
		text_label_lower(t, "error", error[i]);
		text_value(t, sum[i]);
	}
}

static void say_drops(struct text *t, const struct subject *s)
{
	const struct tunnel_errors *e = &s->r->table.errors[s->tid];

	for (unsigned int v = VERDICT_FIRST_DROP; v < VERDICT_COUNT; v++) {
		uint64_t n = count_get(&e->verdict[v]);

		if (n == 0)
			continue;
		name(t, s, M_T_DROPS);
		text_label_lower(t, "reason", verdict_info[v].name + sizeof("DROP_") - 1);
		text_value(t, n);
	}
}

static void say(struct text *t, const struct subject *s, enum metric m)
{
	if (m == M_T_INFO)
		say_info(t, s);
	else if (m == M_T_ENABLED)
		number(t, s, m, !(s->conf->flags & TUNNEL_DISABLED));
	else if (m == M_T_UP)
		number(t, s, m, endpoint(s).state == STATE_UP);
	else if (m >= M_T_IN_PACKETS && m <= M_T_OUT_BYTES)
		say_traffic(t, s, m);
	else if (m == M_T_LAST_IN)
		say_last(t, s);
	else if (m == M_T_MTU)
		say_mtu(t, s);
	else if (m == M_T_LATENCY || m == M_T_LOSS)
		say_latency(t, s, m);
	else if (m == M_T_BEATS || m == M_T_MOVES)
		say_count(t, s, m);
	else if (m == M_T_ERRORS)
		say_errors(t, s);
	else if (m == M_T_DROPS)
		say_drops(t, s);
}

/* ---- pieces ---- */

void metrics_tunnels_begin(struct metrics_cursor *c, enum metrics_format f)
{
	c->format = f;
	c->metric = METRICS_FIRST_TUNNEL;
	c->tid = c->end = c->generation = 0;
	c->begun = c->headed = c->done = false;
}

/* The head of a metric, one tunnel of it, or the end. Return: false: that was all */
static bool step(struct metrics_cursor *c, const struct region *r, struct text *t)
{
	struct tunnel_conf conf;

	if (c->metric == METRICS) {
		text_end(t);
		c->done = true;
		return false;
	}
	if (!c->headed) {
		text_family(t, c->metric);
		c->headed = true;
		return true;
	}
	if (c->tid == c->end) {
		c->metric++;
		c->tid = 0;
		c->headed = false;
		return true;
	}
	if (!is_marked(c->twice, c->tid) && record(r, c->tid, &conf) &&
	    !is_newer(conf.generation, c->generation))
		say(t, &(struct subject){ .r = r, .conf = &conf, .tid = (uint16_t)c->tid },
		    c->metric);
	c->tid++;
	return true;
}

bool metrics_tunnels(struct metrics_cursor *c, const struct region *r, char *buf, size_t room,
		     size_t *len)
{
	struct text t = { .at = buf, .end = buf + room, .format = c->format };

	assert(room >= METRICS_PIECE_MIN);
	*len = 0;
	if (c->done)
		return false;
	if (!c->begun)
		begin(c, r, buf, room);
	c->begun = true;
	for (;;) {
		uint32_t tid = c->tid;
		unsigned int metric = c->metric;
		bool headed = c->headed;
		char *at = t.at;

		if (!step(c, r, &t) && !t.full)
			break;
		if (t.full) {		/* not whole: it opens the next piece */
			c->tid = tid;
			c->metric = metric;
			c->headed = headed;
			c->done = false;
			t.at = at;
			break;
		}
	}
	*len = (size_t)(t.at - buf);
	return !c->done;
}
