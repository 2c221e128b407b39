#include "path/steps.h"

static void traffic_in(struct traffic *t, size_t octets)
{
	count_add(&t->in_packets, 1);
	count_add(&t->in_octets, octets);
}

static void traffic_out(struct traffic *t, size_t octets)
{
	count_add(&t->out_packets, 1);
	count_add(&t->out_octets, octets);
}

static void stamp(int64_t *seconds, wall_t now)
{
	__atomic_store_n(seconds, now.s, __ATOMIC_RELAXED);
}

static struct traffic *transport(const struct path *pa, const struct tunnel *t)
{
	return &pa->me->transport[t->ep.type];
}

/* As received: from a tunnel the inner packet, once its decapsulation accepted it. */
void account_in(struct path *pa, const struct pkt *p)
{
	if (p->via == VIA_TUN) {
		traffic_in(&pa->me->uplink, p->inner_len);
		traffic_in(&pa->me->total, p->inner_len);
	} else if (p->accepted) {
		struct tunnel *t = &pa->tb->tunnel[p->from];

		traffic_in(&t->traffic, p->inner_len);
		traffic_in(transport(pa, t), p->inner_len);
		traffic_in(&pa->me->total, p->inner_len);
		stamp(&t->last_in_s, pa->wall);
	}
}

/* It is on its way through: somebody's, and not just ours to answer. */
void account_data(struct path *pa, const struct pkt *p)
{
	if (p->accepted && p->from != TID_NONE)
		stamp(&pa->tb->tunnel[p->from].data_in_s, pa->wall);
}

/* As sent: towards a tunnel the whole outer packet. */
static void account_out(struct path *pa, const struct pkt *p)
{
	switch (p->out) {
	case OUT_NONE:
	case OUT_WORKER:
		return;
	case OUT_TUN:
		traffic_out(&pa->me->uplink, p->len);
		break;
	case OUT_WIRE:
		traffic_out(&pa->tb->tunnel[p->to].traffic, p->len);
		traffic_out(transport(pa, &pa->tb->tunnel[p->to]), p->len);
		stamp(&pa->tb->tunnel[p->to].last_out_s, pa->wall);
		if (p->via != VIA_SELF)
			stamp(&pa->tb->tunnel[p->to].data_out_s, pa->wall);
		break;
	}
	traffic_out(&pa->me->total, p->len);
}

/* Before a decapsulation accepted it, who sent the outer packet is all there is to know. */
static struct ip6_addr sample_source(const struct pkt *p)
{
	struct cur c = cur_of(p->inner, p->inner_len);
	struct ip6_hdr h6;
	struct ip4_hdr h4;

	if (p->via != VIA_TUN && p->via != VIA_SELF && !p->accepted)
		return p->outer.them;
	if (CUR_PEEK(c, &h6) && be32_get(&h6.vtf) >> 28 == IP6_VERSION)
		return h6.src;
	if (CUR_PEEK(c, &h4) && h4.vihl >> 4 == IP4_VERSION)
		return addr_from_ip4_wire(&h4.src);
	return p->outer.them;
}

static void sample(struct path *pa, const struct pkt *p, enum verdict v, struct error_record *r)
{
	size_t kept = min_size(p->inner_len, ERROR_SAMPLE_BYTES);
	struct error_sample s = {
		.at_s = pa->wall.s,
		.source = sample_source(p),
		.real_len = (uint32_t)p->inner_len,
		.kept = (uint16_t)kept,
		.verdict = (uint16_t)v,
	};

	memcpy(s.bytes, p->inner, kept);
	count_add(&r->count, 1);
	seq_write(&r->seq, &r->last, &s, sizeof(s));
}

/* The last packets that died here, for whoever asks afterwards. */
static void record_drop(struct path *pa, const struct pkt *p, enum verdict v)
{
	size_t kept = min_size(p->inner_len, DROP_BYTES);
	struct drop d = {
		.at = pa->now, .len = (uint32_t)p->inner_len, .kept = (uint16_t)kept,
		.verdict = (uint16_t)v, .from = p->from, .to = p->to, .blame = p->blame,
		.via = (uint8_t)p->via, .accepted = p->accepted,
		.them = p->outer.them, .us = p->outer.us,
		.them_port = p->outer.them_port, .us_port = p->outer.us_port,
	};

	memcpy(d.bytes, p->inner, kept);
	recorder_put(&pa->tb->recorder[pa->worker], &d);
}

/* Does the sender heed what it is told? `tunnel why` asks. */
static void note_too_big(struct path *pa, const struct pkt *p)
{
	struct cur c = cur_of(p->inner, p->inner_len);
	struct ip6_hdr h;

	if (p->to == TID_NONE || p->via == VIA_SELF || !CUR_PEEK(c, &h) ||
	    be32_get(&h.vtf) >> 28 != IP6_VERSION)
		return;
	story_too_big(&pa->tb->story[p->to], &h.src, &h.dst, p->inner_len, (uint16_t)p->param,
		      pa->wall);
}

void account_error(struct path *pa, const struct pkt *p, enum verdict v)
{
	uint16_t tid = account_tid(p);
	struct tunnel_errors *e;

	account_verdict(pa, v, 1);
	if (verdict_is_drop(v))
		record_drop(pa, p, v);
	if (tid == TID_NONE || v == SENT_TUNNEL || v == SENT_UPLINK)
		return;		/* the traffic counters say that already */

	e = &pa->tb->errors[tid];
	count_add(&e->verdict[v], 1);
	if (verdict_is_drop(v))
		count_add(&pa->tb->story[tid].drops, 1);
	story_verdict(&pa->tb->story[tid], v, pa->wall);
	if (v == DROP_TOO_BIG)
		note_too_big(pa, p);
	if (verdict_info[v].error != ERR_NONE)
		sample(pa, p, v, &e->record[verdict_info[v].error]);
}

static unsigned int flags_of(const struct path *pa, uint16_t tid)
{
	return tid == TID_NONE ? 0 : pa->cf->tunnel[tid].flags;
}

enum verdict account(struct path *pa, struct pkt *p, enum verdict v)
{
	unsigned int touched = flags_of(pa, p->from) | flags_of(pa, p->to) | flags_of(pa, p->blame);

	account_out(pa, p);
	account_error(pa, p, v);
	p->verdict = v;
	p->traced = touched & TUNNEL_DEBUG;
	p->captured = touched & TUNNEL_CAPTURE || pa->cf->head->capture_all;
	return v;
}
