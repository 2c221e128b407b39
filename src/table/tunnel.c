#include "table/tunnel.h"

#include "wire/ayiya.h"
#include "wire/gre.h"
#include "wire/udp.h"

/* A writer is inside for a few dozen stores; a reader that loses this often met a bug. */
#define SEQ_TRIES	1000000

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

/* The slot was freed: its next tenant finds nothing of the last one. */
static void forget_tunnel(struct table *tb, uint16_t tid)
{
	static const struct endpoint none;
	static const struct latency no_latency;
	struct tunnel_cold *k = &tb->cold[tid];
	struct tunnel_errors *e = &tb->errors[tid];

	tunnel_commit(&tb->tunnel[tid], &none);
	forget_counters(&tb->tunnel[tid]);
	forget_errors(e);
	for (size_t i = 0; i < VERDICT_COUNT; i++)
		__atomic_store_n(&e->verdict[i], 0, __ATOMIC_RELAXED);
	seq_write(&k->latency_seq, &k->latency, &no_latency, sizeof(no_latency));
	forget_replay(k);
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

void tunnel_adopt(struct table *tb, const struct config *cf, uint16_t tid, mono_t now)
{
	const struct tunnel_conf *c = &cf->tunnel[tid];
	struct tunnel *t = &tb->tunnel[tid];
	struct tunnel_cold *k = &tb->cold[tid];

	if (t->generation == c->generation)
		return;
	t->generation = c->generation;

	if (c->kind == KIND_NONE) {
		forget_tunnel(tb, tid);
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
	tunnel_commit(t, &ep);
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
