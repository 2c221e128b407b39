/* io/coalesce.c and io/offload.c: merging is the reverse of cutting, octet for octet */
#include "base/sum.h"
#include "io/coalesce.h"
#include "io/offload.h"
#include "wire/proto.h"
#include "wire/udp.h"
#include "tap.h"

enum {
	ROUNDS = 3000,
	PLACE = 4096,
	FLAG_FIN = 0x01,
	FLAG_PSH = 0x08,
	FLAG_ACK = 0x10,
	FLAG_ECE = 0x40,
	FLAG_CWR = 0x80,
	OPTIONS_MAX = 40,
};

static uint8_t super[PKT_ROOM], again[PKT_ROOM], place[TRAIN_MAX + 1][PLACE];
static struct pkt piece[TRAIN_MAX + 1];

static uint32_t state = 4711;

static uint32_t rnd(uint32_t n)
{
	state = state * 1664525 + 1013904223;
	return (state >> 8) % n;
}

struct shape {
	bool six;
	size_t options; /* octets of TCP options */
	size_t octets;  /* payload */
	uint16_t segment;
	uint8_t flags;
};

static size_t put(uint8_t *at, const void *what, size_t len)
{
	memcpy(at, what, len);
	return len;
}

static size_t put_ip(uint8_t *at, const struct shape *s, size_t l4, uint64_t *pseudo)
{
	struct ip6_hdr six = {
		.vtf = be32_put(0x60212345),
		.payload_len = be16_put((uint16_t)l4),
		.next = PROTO_TCP,
		.hop_limit = 60,
		.src = { { 0x20, 1, 7 } },
		.dst = { { 0x20, 2 } },
	};
	struct ip4_hdr four = {
		.vihl = 0x45,
		.tos = 2,
		.total_len = be16_put((uint16_t)(20 + l4)),
		.id = be16_put(0xfffc),
		.frag = be16_put(IP4_DF),
		.ttl = 60,
		.protocol = PROTO_TCP,
		.src = { { 240, 1, 2, 3 } },
		.dst = { { 240, 3, 2, 1 } },
	};

	if (s->six) {
		*pseudo = sum_pseudo6(&six.src, &six.dst, (uint32_t)l4, PROTO_TCP);
		return put(at, &six, sizeof(six));
	}
	*pseudo = sum_pseudo4(&four.src, &four.dst, (uint16_t)l4, PROTO_TCP);
	four.checksum = sum_done(sum_add(0, &four, sizeof(four)));
	return put(at, &four, sizeof(four));
}

/* As the kernel hands it over: the checksum holds the sum of the pseudo header. */
static struct pkt build(const struct shape *s)
{
	size_t l4 = sizeof(struct tcp_hdr) + s->options + s->octets, n;
	struct tcp_hdr h = {
		.src = be16_put(1000),
		.dst = be16_put(80),
		.seq = be32_put(0xfffff000),
		.ack = be32_put(77),
		.flags = s->flags,
		.window = be16_put(501),
		.off = (uint8_t)((sizeof(h) + s->options) / 4 << 4),
	};
	uint8_t *at = super + PKT_HEADROOM;
	uint64_t pseudo;
	struct pkt p;

	n = put_ip(at, s, l4, &pseudo);
	h.checksum.raw = (uint16_t)~sum_done(pseudo).raw;
	pkt_init(&p, super, n + l4, VIA_TUN);
	p.merged = PROTO_TCP;
	p.segment = s->segment;
	p.l4 = (uint16_t)n;
	n += put(at + n, &h, sizeof(h));
	for (size_t i = 0; i < s->options + s->octets; i++)
		at[n + i] = i < s->options ? 1 : (uint8_t)rnd(256);
	return p;
}

/* Return: how many pieces; 0: something was wrong */
static unsigned int cut(const struct pkt *p)
{
	struct offload o;
	unsigned int n = 0;
	size_t len;

	if (!offload_given(p, &o))
		return 0;
	while (n <= TRAIN_MAX && (len = offload_next(&o, place[n] + PKT_HEADROOM)) != 0) {
		pkt_init(&piece[n], place[n], len, VIA_TUN);
		n++;
	}
	return n;
}

/* All @n of them as one, in again[]. Return: the packet, len 0: they did not become one */
static struct pkt merge(unsigned int n)
{
	struct pkt p;
	struct train t;
	struct segment s;
	size_t len;

	pkt_init(&p, again, 0, VIA_TUN);
	if (!segment_of(&piece[0], &s) || !train_begin(&t, &s))
		return p;
	for (unsigned int i = 1; i < n; i++) {
		if (!segment_of(&piece[i], &s) || !segment_same_flow(&t.first, &s) ||
		    !train_add(&t, &s))
			return p;
	}
	len = train_head(&t, p.data);
	for (unsigned int i = 0; i < n; i++) {
		size_t octets = t.pkt[i]->len - t.first.payload;

		len += put(p.data + len, t.pkt[i]->data + t.first.payload, octets);
	}
	p.len = len;
	p.merged = PROTO_TCP;
	p.segment = t.first.octets;
	p.l4 = t.first.l4;
	return p;
}

static struct shape any_shape(void)
{
	struct shape s = {
		.six = rnd(2),
		.options = 4 * rnd(OPTIONS_MAX / 4 + 1),
		.segment = (uint16_t)(1 + rnd(1400)),
		.flags = (uint8_t)(FLAG_ACK | (rnd(2) ? FLAG_PSH : 0) | (rnd(4) ? 0 : FLAG_ECE)),
	};
	size_t most = min_size((size_t)s.segment * TRAIN_MAX, 65535 - 40 - 60);

	s.octets = (size_t)s.segment + 1 + rnd((uint32_t)(most - s.segment));
	if (s.octets > most)
		s.octets = most;
	return s;
}

static void cut_and_merged_is_as_before(void)
{
	bool cuts = true, merges = true, same = true;

	for (int i = 0; i < ROUNDS; i++) {
		struct shape s = any_shape();
		struct pkt p = build(&s), q;
		unsigned int n = cut(&p),
			     want = (unsigned int)((s.octets + s.segment - 1) / s.segment);

		cuts &= n == want;
		if (n < 2)
			continue;
		q = merge(n);
		merges &= q.len > 0;
		same &= q.len == p.len && q.segment == s.segment &&
		        memcmp(q.data, p.data, p.len) == 0;
	}
	ok(cuts, "a super-packet becomes as many as its size says");
	ok(merges, "and the pieces become one again");
	ok(same, "which is the same, octet for octet");
}

static void every_piece_has_its_checksum(void)
{
	bool good = true;

	for (int i = 0; i < 200; i++) {
		struct shape s = any_shape();
		struct pkt p = build(&s);
		unsigned int n = cut(&p);

		for (unsigned int k = 0; k < n; k++) {
			struct segment g;
			struct train t;

			good &= segment_of(&piece[k], &g);
			/* a train of two of the same looks at the first one's checksum */
			if (g.flags & FLAG_PSH)
				continue;
			good &= train_begin(&t, &g);
			g.seq += g.octets;
			g.id++;
			good &= train_add(&t, &g);
		}
	}
	ok(good, "every piece has its checksum");
}

static void a_damaged_one_is_not_merged(void)
{
	struct shape s = { .six = true, .octets = 4000, .segment = 1000, .flags = FLAG_ACK };
	unsigned int wrong = 0;

	for (unsigned int which = 0; which < 4; which++) {
		for (size_t at = 60; at < 1060; at += 37) {
			struct pkt p = build(&s);
			unsigned int n = cut(&p);

			piece[which].data[at] ^= 1;
			wrong += merge(n).len > 0;
		}
	}
	ok(wrong == 0, "a damaged one is not merged, wherever it is");
}

struct change {
	const char *what;
	bool six, four; /* it makes sense there */
	size_t six_at, four_at;
	uint8_t bits;
};

/* An octet of the second piece that makes it another kind of packet; its checksum follows. */
static const struct change changes[] = {
	{ "the traffic class", 1, 1, 1, 1, 0x10 },
	{ "the hop limit", 1, 1, 7, 8, 1 },
	{ "the flow label", 1, 0, 3, 0, 1 },
	{ "may be fragmented", 0, 1, 0, 6, 0x40 },
	{ "the identification", 0, 1, 0, 5, 1 },
	{ "the sequence number", 1, 1, 40 + 7, 20 + 7, 1 },
	{ "the acknowledgement", 1, 1, 40 + 11, 20 + 11, 1 },
	{ "the window", 1, 1, 40 + 15, 20 + 15, 1 },
	{ "an option", 1, 1, 40 + 20, 20 + 20, 1 },
	{ "FIN", 1, 1, 40 + 13, 20 + 13, FLAG_FIN },
	{ "SYN", 1, 1, 40 + 13, 20 + 13, TCP_SYN },
	{ "CWR", 1, 1, 40 + 13, 20 + 13, FLAG_CWR },
	{ "ECE", 1, 1, 40 + 13, 20 + 13, FLAG_ECE },
	{ "the urgent pointer", 1, 1, 40 + 19, 20 + 19, 1 },
};

static void mend(struct pkt *p, bool six)
{
	size_t l4 = six ? 40 : 20, len = p->len - l4;
	uint8_t *sum = p->data + l4 + offsetof(struct tcp_hdr, checksum);
	struct ip6_hdr h6;
	struct ip4_hdr h4;
	uint64_t pseudo;
	be16_t now;

	if (six) {
		memcpy(&h6, p->data, sizeof(h6));
		pseudo = sum_pseudo6(&h6.src, &h6.dst, (uint32_t)len, PROTO_TCP);
	} else {
		memcpy(&h4, p->data, sizeof(h4));
		h4.checksum.raw = 0;
		h4.checksum = sum_done(sum_add(0, &h4, sizeof(h4)));
		memcpy(p->data, &h4, sizeof(h4));
		pseudo = sum_pseudo4(&h4.src, &h4.dst, (uint16_t)len, PROTO_TCP);
	}
	memset(sum, 0, sizeof(now));
	now = sum_done(sum_add(pseudo, p->data + l4, len));
	memcpy(sum, &now, sizeof(now));
}

static void what_is_not_alike_is_not_merged(void)
{
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		for (int six = 0; six < 2; six++) {
			struct shape s = {
				.six = six,
				.octets = 2000,
				.segment = 1000,
				.flags = FLAG_ACK,
				.options = 12,
			};
			const struct change *c = &changes[i];
			struct pkt p = build(&s);
			unsigned int n = cut(&p);

			if (six ? !c->six : !c->four)
				continue;
			piece[1].data[six ? c->six_at : c->four_at] ^= c->bits;
			mend(&piece[1], six);
			ok(n == 2 && merge(n).len == 0, "another one is not merged: %s, IPv%d",
			   c->what, six ? 6 : 4);
		}
	}
}

static void ends_of_a_train(void)
{
	struct shape s = { .six = true, .octets = 3000, .segment = 1000, .flags = FLAG_ACK };
	struct pkt p = build(&s);
	unsigned int n = cut(&p);
	struct segment g[3], pure;
	struct train t;

	for (unsigned int i = 0; i < n; i++)
		ok(segment_of(&piece[i], &g[i]), "piece %u is a segment", i);
	ok(train_begin(&t, &g[0]) && train_add(&t, &g[1]) && !t.closed,
	   "two full ones wait for more");
	ok(!train_add(&t, &g[1]) && t.n == 2, "the same once more does not follow");
	ok(train_add(&t, &g[2]) && t.n == 3 && t.octets == 3000, "the third does");
	piece[1].len -= 100;
	ok(!segment_of(&piece[1], &g[1]), "a packet that is not as long as it says is none");
	pure = g[0];
	pure.octets = 0;
	ok(!train_begin(&t, &pure), "an acknowledgement alone begins nothing");
	pure = g[0];
	pure.flags |= FLAG_PSH;
	ok(!train_begin(&t, &pure), "nothing follows a push");
}

static void what_the_device_says_is_checked(void)
{
	struct shape s = { .six = true, .octets = 3000, .segment = 1000, .flags = FLAG_ACK };
	struct pkt p = build(&s), q;
	struct offload o;

	q = p, q.segment = 0;
	ok(!offload_given(&q, &o), "segments of no size are refused");
	q = p, q.l4 = 39;
	ok(!offload_given(&q, &o), "so is a TCP header inside the IP header");
	q = p, q.l4 = 65000;
	ok(!offload_given(&q, &o), "or behind the end");
	q = p, q.len = 60;
	ok(!offload_given(&q, &o), "or without payload");
	q = p, q.data[40 + 12] = 4 << 4;
	ok(!offload_given(&q, &o), "or too short for itself");
	s.octets = 40000;
	p = build(&s);
	ok(!offload_complete(&p, p.len - 10, 16) && !offload_complete(&p, p.len + 1, 16),
	   "a checksum outside the packet is not written");
	ok(offload_complete(&p, 40, 16), "one inside is");
	p.merged = 0;
	struct segment g;
	struct train t;

	ok(segment_of(&p, &g) && train_begin(&t, &g), "and the packet is a good one");
	g.seq += g.octets;
	ok(!train_add(&t, &g) && t.n == 1, "but two of 40,000 octets are none");
}

static void datagrams_are_cut(void)
{
	struct ip6_hdr h = {
		.vtf = be32_put(0x60000000),
		.payload_len = be16_put(8 + 2500),
		.next = PROTO_UDP,
		.hop_limit = 9,
		.src = { { 0x20, 1 } },
		.dst = { { 0x20, 2 } },
	};
	struct udp_hdr u = { .src = be16_put(9), .dst = be16_put(10), .len = be16_put(8 + 2500) };
	unsigned int n;
	bool good = true;
	struct pkt p;

	u.checksum.raw = (uint16_t)~sum_done(sum_pseudo6(&h.src, &h.dst, 8 + 2500, PROTO_UDP)).raw;
	pkt_init(&p, super, 48 + 2500, VIA_TUN);
	put(p.data, &h, sizeof(h));
	put(p.data + 40, &u, sizeof(u));
	p.merged = PROTO_UDP;
	p.segment = 1000;
	p.l4 = 40;
	n = cut(&p);
	for (unsigned int i = 0; i < n; i++) {
		size_t len = i < 2 ? 1008 : 508;
		struct udp_hdr got;

		memcpy(&got, piece[i].data + 40, sizeof(got));
		good &= piece[i].len == 40 + len && be16_get(&got.len) == len &&
		        sum_ok(sum_add(sum_pseudo6(&h.src, &h.dst, (uint32_t)len, PROTO_UDP),
		                       piece[i].data + 40, len));
	}
	ok(n == 3 && good, "datagrams of one sender are cut, each with its length and checksum");
}

int main(void)
{
	cut_and_merged_is_as_before();
	every_piece_has_its_checksum();
	a_damaged_one_is_not_merged();
	what_is_not_alike_is_not_merged();
	ends_of_a_train();
	what_the_device_says_is_checked();
	datagrams_are_cut();
	return tap_done();
}
