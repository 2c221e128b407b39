/*
 * AYIYA, draft-massar-v6ops-ayiya-02 with the profile of ayiya.md: every packet is
 * signed with the tunnel's secret and stands alone, so any of them may bring the tunnel
 * up or move its endpoint. What keeps a captured one from doing so is the sender's
 * clock and, within one second, the memory of the signatures seen in it:
 *
 *	newest, seen[]		highest authenticated epoch, fingerprints of its packets
 *	from the endpoint	always processed; raises newest, adds to seen
 *	from elsewhere		only if epoch > newest, or == newest and not in seen
 *
 * A second with more packets than seen[] holds is closed to moves: the client moves
 * with its next second, a replay never.
 */
#include "path/steps.h"
#include "base/secret.h"
#include "wire/ayiya.h"
#include "wire/proto.h"

static bool profile_ok(const struct ayiya_hdr *h)
{
	bool next_ok = h->next == PROTO_IPV6 || h->next == PROTO_IPV4 || h->next == PROTO_NONE;

	return h->id == AYIYA_ID_IP6 && next_ok &&
	       (h->sig == AYIYA_SIG_SHA1 || h->sig == AYIYA_SIG_SHA256) &&
	       (h->op & AYIYA_AUTH_MASK) == AYIYA_AUTH_SECRET &&
	       (h->op & AYIYA_OP_MASK) <= AYIYA_OP_ECHO_FORWARD;
}

static uint8_t sig_of(const struct tunnel_conf *t)
{
	return t->hash == HASH_SHA256 ? AYIYA_SIG_SHA256 : AYIYA_SIG_SHA1;
}

static size_t sig_bytes(const struct ayiya_hdr *h)
{
	return h->sig == AYIYA_SIG_SHA256 ? SHA256_BYTES : SHA1_BYTES;
}

/* ayiya.md 4: the digest of the packet with the secret where the signature goes. */
static void sign(const struct path *pa, uint16_t tid, const struct ayiya_hdr *h,
		 struct cur payload, uint8_t out[SHA256_BYTES])
{
	const struct secret *s = &pa->cf->secret[tid];
	const struct digest *d = pa->digest;
	struct span image[] = {
		{ h, sizeof(*h) }, { s->sha1, sizeof(s->sha1) }, { payload.at, payload.left },
	};

	if (h->sig == AYIYA_SIG_SHA256) {
		image[1] = (struct span){ s->sha256, sizeof(s->sha256) };
		d->sha256(d->context, image, ARRAY_LEN(image), out);
		return;
	}
	d->sha1(d->context, image, ARRAY_LEN(image), out);
}

/* ayiya.md 5 (5): may this tunnel be spoken to in AYIYA, and in this one? */
static enum verdict binding_ok(const struct tunnel_conf *t, const struct ayiya_hdr *h)
{
	if (t->flags & TUNNEL_DISABLED)
		return DROP_AYIYA_DISABLED;
	if (!conf_takes_ayiya(t))
		return DROP_AYIYA_STATIC;
	if (!(t->flags & TUNNEL_SECRET))
		return DROP_AYIYA_NO_SECRET;	/* the secret is 20 zeros: anyone could sign */
	if (h->sig != sig_of(t))
		return DROP_AYIYA_HASH_METHOD;
	return PASS;
}

/* ayiya.md 5 (6, 7) */
static enum verdict version_ok(const struct ayiya_hdr *h, struct cur payload)
{
	bool any = payload.left > 0;

	if (h->next == PROTO_IPV6 && (!any || payload.at[0] >> 4 != IP6_VERSION))
		return DROP_AYIYA_NON_IPV6;
	if (h->next == PROTO_IPV4 && (!any || payload.at[0] >> 4 != IP4_VERSION))
		return DROP_AYIYA_NON_IPV4;
	return PASS;
}

static uint32_t fingerprint(const uint8_t *sig)
{
	be32_t n;

	memcpy(&n, sig, sizeof(n));
	return be32_get(&n);
}

/* ayiya.md 8, for a packet from elsewhere that verified */
static enum verdict may_move(const struct path *pa, const struct pkt *p, uint16_t tid,
			     uint32_t epoch_s, uint32_t print)
{
	const struct tunnel_cold *k = &pa->tb->cold[tid];

	if (p->outer.them_port == 0 || config_bad_endpoint(pa->cf, &p->outer.them))
		return DROP_AYIYA_ENDPOINT;
	if (epoch_s > k->ayiya_newest_s)
		return PASS;
	if (epoch_s < k->ayiya_newest_s || k->ayiya_seens > AYIYA_SEEN_MAX)
		return DROP_AYIYA_REPLAYED;
	for (uint32_t i = 0; i < k->ayiya_seens; i++) {
		if (k->ayiya_seen[i] == print)
			return DROP_AYIYA_REPLAYED;
	}
	return PASS;
}

/* ayiya.md 5 (9, 10): the packet is the client's, and where it came from may be believed. */
static enum verdict authenticate(struct path *pa, const struct pkt *p, const struct ayiya_view *w)
{
	bool stranger = !tunnel_is_at(pa, p, w->tid);
	uint8_t computed[SHA256_BYTES];
	const uint8_t *good = p->digest;
	enum verdict v = PASS;

	if (!digest_allowed(pa, stranger))
		return DROP_DIGEST_BUDGET;
	if (p->digest_of != w->tid) {
		sign(pa, w->tid, &w->h, w->payload, computed);
		good = computed;
	}
	if (!secret_eq(w->sig, good, sig_bytes(&w->h)))
		return DROP_AYIYA_DIGEST;
	if (stranger)
		v = may_move(pa, p, w->tid, be32_get(&w->h.epoch_s), fingerprint(w->sig));
	if (v == PASS)
		digest_good(pa, stranger);	/* a replay keeps what it cost */
	return v;
}

static void remember(struct tunnel_cold *k, uint32_t epoch_s, uint32_t print)
{
	if (epoch_s < k->ayiya_newest_s)
		return;
	if (epoch_s > k->ayiya_newest_s) {
		k->ayiya_newest_s = epoch_s;
		k->ayiya_seens = 0;
	}
	if (k->ayiya_seens < AYIYA_SEEN_MAX)
		k->ayiya_seen[k->ayiya_seens] = print;
	if (k->ayiya_seens <= AYIYA_SEEN_MAX)
		k->ayiya_seens++;	/* one past the ring says: not all of them are in it */
}

/* Opcode 4 with the payload as it came; as large as the request, to who just signed it. */
static void echo_response(struct path *pa, struct pkt *reply, uint16_t tid, uint8_t next,
			  struct cur payload)
{
	reply_begin(reply);
	memcpy(reply->data, payload.at, payload.left);
	reply->len = payload.left;
	ayiya_push(pa, reply, tid, AYIYA_OP_ECHO_REPLY, next);
	if (outer_push(pa, reply, tid, PROTO_UDP, ECN_NOT_ECT) != PASS)
		reply_begin(reply);	/* what is left in it would be sent as a packet of ours */
}

/* ayiya.md 5, last paragraph: what the inner header says is the packet, the rest is cut off. */
static enum verdict keep_inner(struct pkt *p, struct cur c, uint8_t next)
{
	struct ip6_hdr six;
	struct ip4_hdr four;

	switch (next) {
	case PROTO_IPV6:
		if (!CUR_PEEK(c, &six) || !cur_cut(&c, sizeof(six) + be16_get(&six.payload_len)))
			return DROP_IP6_MALFORMED;
		break;
	case PROTO_IPV4:
		if (!CUR_PEEK(c, &four) || be16_get(&four.total_len) < sizeof(four) ||
		    !cur_cut(&c, be16_get(&four.total_len)))
			return DROP_IP4_MALFORMED;
		break;
	default:
		return DROP_AYIYA_FORWARD_NONE;
	}
	pkt_keep(p, c);
	return PASS;
}

enum verdict ayiya_view(const struct path *pa, const struct pkt *p, struct ayiya_view *v)
{
	struct cur c = pkt_cur(p);

	if (!CUR_TAKE(&c, &v->h) || c.left < SHA1_BYTES)
		return DROP_AYIYA_SHORT;
	if (!profile_ok(&v->h))
		return DROP_AYIYA_PROFILE;
	if (!cur_take(&c, v->sig, sig_bytes(&v->h)))
		return DROP_AYIYA_SHORT;
	v->payload = c;

	/* the client's end and nothing else: a packet of ours sent back says ::1 */
	struct place w = plan_place(config_plan(pa->cf), &v->h.identity);

	if (w.kind != PLACE_REMOTE || w.tid >= pa->cf->limits.tunnels)
		return DROP_AYIYA_UNKNOWN;
	v->tid = w.tid;
	return config_tunnel(pa->cf, w.tid) ? PASS : DROP_AYIYA_DISABLED;
}

enum verdict ayiya_acceptable(const struct path *pa, const struct ayiya_view *w)
{
	enum verdict v = binding_ok(config_tunnel(pa->cf, w->tid), &w->h);

	if (v == PASS)
		v = version_ok(&w->h, w->payload);
	if (v == PASS && wall_skew_s(pa->wall, be32_get(&w->h.epoch_s)) > AYIYA_SKEW_MAX_S)
		v = DROP_AYIYA_CLOCK;
	return v;
}

enum verdict ayiya_decap(struct path *pa, struct pkt *p, struct pkt *reply)
{
	struct ayiya_view w;
	enum verdict v = ayiya_view(pa, p, &w);

	if (v != PASS)
		return v;
	if (!path_owns(pa, w.tid))
		return path_elsewhere(pa, p, AT_START, w.tid);
	p->blame = w.tid;	/* from here on, drops are counted against it */
	pkt_note(p, NOTE_TUNNEL_IS, w.tid, 0);

	v = ayiya_acceptable(pa, &w);
	if (v == PASS)
		v = authenticate(pa, p, &w);
	if (v != PASS)
		return v;

	/* Authenticated: only now may the packet change the tunnel. */
	remember(&pa->tb->cold[w.tid], be32_get(&w.h.epoch_s), fingerprint(w.sig));
	tunnel_heard(pa, p, w.tid, TYPE_AYIYA);
	p->from = w.tid;

	switch (w.h.op & AYIYA_OP_MASK) {
	case AYIYA_OP_NOOP:
		return CONSUMED_BEAT;
	case AYIYA_OP_ECHO:
		echo_response(pa, reply, w.tid, w.h.next, w.payload);
		return CONSUMED_ECHO;
	case AYIYA_OP_ECHO_FORWARD:
		echo_response(pa, reply, w.tid, w.h.next, w.payload);
		break;
	}
	return keep_inner(p, w.payload, w.h.next);
}

void ayiya_push(struct path *pa, struct pkt *p, uint16_t tid, uint8_t opcode, uint8_t next)
{
	struct ayiya_hdr h = {
		.id = AYIYA_ID_IP6,
		.sig = sig_of(&pa->cf->tunnel[tid]),
		.op = (uint8_t)(AYIYA_AUTH_SECRET | opcode),
		.next = next,
		.epoch_s = be32_put((uint32_t)pa->wall.s),
		.identity = plan_tunnel_addr(config_plan(pa->cf), tid, IID_POP),
	};
	uint8_t sig[SHA256_BYTES] = { 0 };

	if (pa->defer && h.sig == AYIYA_SIG_SHA1)
		p->unsigned_at = p->data - sig_bytes(&h);
	else
		sign(pa, tid, &h, pkt_cur(p), sig);
	memcpy(pkt_push(p, sig_bytes(&h)), sig, sig_bytes(&h));
	memcpy(pkt_push(p, sizeof(h)), &h, sizeof(h));
}
