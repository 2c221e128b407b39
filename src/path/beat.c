/*
 * The heartbeat, draft-massar-v6ops-heartbeat-01 as the historic client sends it: one
 * line of text that says "this tunnel's client is where this came from", hashed with
 * the password. It is readable and valid for as long as the clock window, so a time
 * once accepted is used up: an equal or older one never moves the endpoint.
 *
 * The newest time is forgotten 240 s after it was accepted, if the tunnel is down: by
 * then whatever was said in the time before it has left the window (heartbeat.md 7).
 */
#include "path/steps.h"
#include "base/secret.h"
#include "wire/ayiya.h"

#define BEAT_MAX_BYTES		255
#define BEAT_SKEW_MAX_S		120
#define BEAT_FORGET_S		240	/* both sides of the window */
#define TIME_DIGITS_MAX		20
#define VERB			"HEARTBEAT TUNNEL "
#define SENDER			"sender"

struct beat {
	struct cur	inner;		/* the three fields, as spelled */
	struct cur	sender;
	uint64_t	time_s;
	struct cur	hashed;		/* from the first octet to the space before the digest */
	struct cur	digest;		/* the rest of the line, whatever it is */
};

static bool cur_is(struct cur c, const char *word, size_t len)
{
	return c.left == len && memcmp(c.at, word, len) == 0;
}

/* A field of at least one octet that a space ends; the space is stepped over. */
static MUST_CHECK bool take_field(struct cur *c, struct cur *field)
{
	const uint8_t *space = memchr(c->at, ' ', c->left);

	return space && space > c->at && cur_sub(c, field, (size_t)(space - c->at)) &&
	       cur_skip(c, 1);
}

static MUST_CHECK bool take_time(struct cur *c, uint64_t *time_s)
{
	struct cur field;
	uint64_t n = 0;

	if (!take_field(c, &field) || field.left > TIME_DIGITS_MAX)
		return false;
	for (; field.left; field.at++, field.left--) {
		unsigned int digit = field.at[0] - '0';

		if (field.at[0] < '0' || digit > 9)
			return false;
		/* what does not fit is beyond any clock */
		n = n > (UINT64_MAX - digit) / 10 ? UINT64_MAX : n * 10 + digit;
	}
	*time_s = n;
	return true;
}

/* heartbeat.md 4 (1, 2, 3) */
static MUST_CHECK bool beat_begin(struct cur *c, struct beat *b, struct ip6_addr *inner)
{
	struct cur verb;

	if (c->left > BEAT_MAX_BYTES)
		return false;
	while (c->left && (c->at[c->left - 1] == '\r' || c->at[c->left - 1] == '\n'))
		c->left--;
	b->hashed = *c;

	return cur_sub(c, &verb, sizeof(VERB) - 1) && cur_is(verb, VERB, sizeof(VERB) - 1) &&
	       take_field(c, &b->inner) && memchr(b->inner.at, ':', b->inner.left) &&
	       addr_parse((const char *)b->inner.at, b->inner.left, inner);
}

/* heartbeat.md 4 (5, 6) */
static enum verdict binding_ok(const struct tunnel_conf *t)
{
	if (t->flags & TUNNEL_DISABLED)
		return DROP_BEAT_DISABLED;
	if (!conf_takes_heartbeat(t))
		return DROP_BEAT_STATIC;
	return PASS;
}

/* heartbeat.md 4 (7 to 10) */
static enum verdict fields_ok(const struct path *pa, const struct pkt *p, struct cur c,
			      struct beat *b)
{
	struct ip6_addr said;

	if (!take_field(&c, &b->sender))
		return DROP_BEAT_NO_SENDER;
	if (!cur_is(b->sender, SENDER, sizeof(SENDER) - 1) &&
	    (!addr_parse((const char *)b->sender.at, b->sender.left, &said) ||
	     !addr_eq(&said, &p->outer.them)))
		return DROP_BEAT_MISMATCH;
	if (!take_time(&c, &b->time_s))
		return DROP_BEAT_NO_TIME;
	if (wall_skew_s(pa->wall, b->time_s) > BEAT_SKEW_MAX_S)
		return DROP_BEAT_CLOCK;

	b->hashed.left -= c.left;
	b->digest = c;
	return PASS;
}

/* heartbeat.md 3 and 8: lower-case hex of the text as received and the password */
static bool digest_ok(const struct path *pa, uint16_t tid, const struct beat *b)
{
	bool sha256 = pa->cf->tunnel[tid].hash == HASH_SHA256;
	const struct secret *s = &pa->cf->secret[tid];
	const struct digest *d = pa->digest;
	struct span text[] = { { b->hashed.at, b->hashed.left }, { s->password, s->len } };
	size_t len = sha256 ? SHA256_BYTES : MD5_BYTES;
	uint8_t raw[SHA256_BYTES];
	char hex[2 * SHA256_BYTES];

	if (b->digest.left != 2 * len)
		return false;
	if (sha256)
		d->sha256(d->context, text, ARRAY_LEN(text), raw);
	else
		d->md5(d->context, text, ARRAY_LEN(text), raw);
	for (size_t i = 0; i < len; i++) {
		hex[2 * i] = "0123456789abcdef"[raw[i] >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[raw[i] & 15];
	}
	return secret_eq(b->digest.at, hex, 2 * len);
}

/* heartbeat.md 7. Return: PASS, CONSUMED_BEAT for one that has been heard already, or a drop */
static enum verdict is_news(const struct path *pa, const struct pkt *p, uint16_t tid,
			    uint64_t time_s)
{
	const struct endpoint *ep = &pa->tb->tunnel[tid].ep;
	const struct tunnel_cold *k = &pa->tb->cold[tid];
	int64_t said = (int64_t)time_s;		/* near the clock, so it fits */
	bool here = tunnel_is_at(pa, p, tid);

	if (!here && config_bad_endpoint(pa->cf, &p->outer.them))
		return DROP_BEAT_ENDPOINT;
	if (said > k->beat_newest_s)
		return PASS;
	if (said == k->beat_newest_s)
		return here ? CONSUMED_BEAT : DROP_BEAT_REPLAYED;
	if (ep->state == STATE_DOWN &&
	    mono_since_us(pa->now, k->beat_newest_at) >= BEAT_FORGET_S * (int64_t)US_PER_S)
		return PASS;
	return DROP_BEAT_REPLAYED;
}

static enum verdict authenticate(struct path *pa, const struct pkt *p, uint16_t tid,
				 const struct beat *b)
{
	bool stranger = !tunnel_is_at(pa, p, tid);
	enum verdict v;

	if (!(pa->cf->tunnel[tid].flags & TUNNEL_SECRET))
		return DROP_BEAT_NO_SECRET;
	if (!digest_allowed(pa, stranger))
		return DROP_DIGEST_BUDGET;
	if (!digest_ok(pa, tid, b))
		return DROP_BEAT_DIGEST;
	v = is_news(pa, p, tid, b->time_s);
	if (v == PASS)
		digest_good(pa, stranger);	/* a replay keeps what it cost */
	return v;
}

/* heartbeat.md 4: data flows plainly from here on; which way, the configuration or data say. */
static enum tunnel_type type_after(const struct tunnel_conf *t, const struct endpoint *ep)
{
	switch ((enum tunnel_encap)t->encap) {
	case ENCAP_DIRECT:
		return TYPE_DIRECT;
	case ENCAP_GRE:
		return TYPE_GRE;
	case ENCAP_AUTO:
		break;
	}
	return ep->type == TYPE_GRE ? TYPE_GRE : TYPE_DIRECT;
}

enum verdict beat_take(struct path *pa, struct pkt *p)
{
	struct cur c = pkt_cur(p);
	struct ip6_addr inner;
	struct beat b;

	if (!beat_begin(&c, &b, &inner))
		return DROP_BEAT_MALFORMED;

	struct place w = plan_place(config_plan(pa->cf), &inner);

	if (w.kind != PLACE_REMOTE || w.tid >= pa->cf->limits.tunnels)
		return DROP_BEAT_UNKNOWN;

	const struct tunnel_conf *t = config_tunnel(pa->cf, w.tid);

	if (!t)
		return DROP_BEAT_DISABLED;
	if (!path_owns(pa, w.tid))
		return path_elsewhere(pa, p, AT_START, w.tid);
	p->blame = w.tid;	/* from here on, drops are counted against it */
	pkt_note(p, NOTE_TUNNEL_IS, w.tid, 0);

	enum verdict v = binding_ok(t);

	if (v == PASS)
		v = fields_ok(pa, p, c, &b);
	if (v == PASS)
		v = authenticate(pa, p, w.tid, &b);
	if (v != PASS)
		return v;

	/* Authenticated: only now may the packet change the tunnel. */
	pa->tb->cold[w.tid].beat_newest_s = (int64_t)b.time_s;
	pa->tb->cold[w.tid].beat_newest_at = pa->now;
	tunnel_heard(pa, p, w.tid, type_after(t, &pa->tb->tunnel[w.tid].ep));
	p->from = w.tid;
	return CONSUMED_BEAT;
}
