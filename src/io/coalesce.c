#include "io/coalesce.h"

#include "base/sum.h"
#include "wire/proto.h"
#include "wire/udp.h"

enum {
	FLAG_PSH = 0x08,
	FLAG_ACK = 0x10,
	FLAG_ECE = 0x40, /* on every segment until it is heard: merged when alike */
};

/* ---- one packet ---- */

static bool read_ip6(struct cur *c, struct segment *s)
{
	struct ip6_hdr h;

	if (!CUR_TAKE(c, &h) || h.next != PROTO_TCP || be16_get(&h.payload_len) != c->left)
		return false;
	s->six = true;
	s->l4 = sizeof(h);
	return true;
}

static bool read_ip4(struct cur *c, struct segment *s)
{
	struct ip4_hdr h;

	if (!CUR_TAKE(c, &h) || h.vihl != (IP4_VERSION << 4 | sizeof(h) / 4) ||
	    h.protocol != PROTO_TCP || be16_get(&h.total_len) != sizeof(h) + c->left ||
	    be16_get(&h.frag) & (IP4_MF | IP4_OFFSET_MASK) || !sum_ok(sum_add(0, &h, sizeof(h))))
		return false;
	s->l4 = sizeof(h);
	s->id = be16_get(&h.id);
	return true;
}

bool segment_of(const struct pkt *p, struct segment *s)
{
	struct cur c = pkt_cur(p);
	struct tcp_hdr t;
	size_t header;

	*s = (struct segment){ .pkt = p };
	switch (pkt_version(p)) {
	case IP6_VERSION:
		if (!read_ip6(&c, s))
			return false;
		break;
	case IP4_VERSION:
		if (!read_ip4(&c, s))
			return false;
		break;
	default:
		return false;
	}
	if (!CUR_PEEK(c, &t))
		return false;
	header = (size_t)(t.off >> 4) * 4;
	if (header < sizeof(t) || c.left < header || c.left > UINT16_MAX)
		return false;
	s->payload = (uint16_t)(s->l4 + header);
	s->octets = (uint16_t)(c.left - header);
	s->flags = t.flags;
	s->seq = be32_get(&t.seq);
	return true;
}

/* Do the two agree in these octets? */
static bool alike(const struct segment *a, const struct segment *b, size_t from, size_t to)
{
	return memcmp(a->pkt->data + from, b->pkt->data + from, to - from) == 0;
}

bool segment_same_flow(const struct segment *a, const struct segment *b)
{
	const size_t addresses =
		a->six ? offsetof(struct ip6_hdr, src) : offsetof(struct ip4_hdr, src);

	/* addresses and ports lie behind one another: neither header has options */
	return a->six == b->six && alike(a, b, addresses, a->l4 + offsetof(struct tcp_hdr, seq));
}

bool segment_may_be_of(const struct segment *a, const struct pkt *p)
{
	const size_t header = a->six ? sizeof(struct ip6_hdr) : sizeof(struct ip4_hdr);
	const size_t addresses =
		a->six ? offsetof(struct ip6_hdr, src) : offsetof(struct ip4_hdr, src);
	uint8_t next;

	if (pkt_version(p) != (a->six ? IP6_VERSION : IP4_VERSION) || p->len < header)
		return false;
	next = p->data[a->six ? offsetof(struct ip6_hdr, next)
	                      : offsetof(struct ip4_hdr, protocol)];
	if (next == PROTO_UDP || next == (a->six ? PROTO_ICMP6 : PROTO_ICMP4))
		return false;
	return memcmp(a->pkt->data + addresses, p->data + addresses, header - addresses) == 0;
}

static uint64_t pseudo(const struct segment *s, size_t l4_len)
{
	struct ip6_hdr six;
	struct ip4_hdr four;

	if (s->six) {
		memcpy(&six, s->pkt->data, sizeof(six));
		return sum_pseudo6(&six.src, &six.dst, (uint32_t)l4_len, PROTO_TCP);
	}
	memcpy(&four, s->pkt->data, sizeof(four));
	return sum_pseudo4(&four.src, &four.dst, (uint16_t)l4_len, PROTO_TCP);
}

static bool checksum_good(const struct segment *s)
{
	size_t len = s->pkt->len - s->l4;

	return sum_ok(sum_add(pseudo(s, len), s->pkt->data + s->l4, len));
}

/* ---- several ---- */

bool train_begin(struct train *t, const struct segment *s)
{
	t->first = *s;
	t->pkt[0] = s->pkt;
	t->n = 1;
	t->octets = s->octets;
	t->verified = t->closed = false;
	t->push = s->flags & FLAG_PSH;
	return s->octets > 0 && (s->flags & ~FLAG_ECE) == FLAG_ACK;
}

static bool same_headers(const struct segment *a, const struct segment *b)
{
	const size_t l4 = a->l4;
	bool ip = a->six ? alike(a, b, 0, offsetof(struct ip6_hdr, payload_len)) &&
	                           alike(a, b, offsetof(struct ip6_hdr, next),
	                                 offsetof(struct ip6_hdr, src))
	                 : alike(a, b, 0, offsetof(struct ip4_hdr, total_len)) &&
	                           alike(a, b, offsetof(struct ip4_hdr, frag),
	                                 offsetof(struct ip4_hdr, checksum));

	return ip && a->payload == b->payload &&
	       alike(a, b, l4 + offsetof(struct tcp_hdr, ack),
	             l4 + offsetof(struct tcp_hdr, flags)) &&
	       alike(a, b, l4 + offsetof(struct tcp_hdr, window),
	             l4 + offsetof(struct tcp_hdr, checksum)) &&
	       alike(a, b, l4 + offsetof(struct tcp_hdr, urgent), a->payload);
}

static bool follows(const struct train *t, const struct segment *s)
{
	const struct segment *f = &t->first;

	return !t->closed && t->n < TRAIN_MAX && s->octets > 0 && s->octets <= f->octets &&
	       (s->flags & ~FLAG_PSH) == f->flags && s->seq == f->seq + t->octets &&
	       f->payload + t->octets + s->octets <= UINT16_MAX &&
	       (f->six || s->id == (uint16_t)(f->id + t->n)) && same_headers(f, s);
}

bool train_add(struct train *t, const struct segment *s)
{
	if (!follows(t, s))
		return false;
	if (!t->verified && !checksum_good(&t->first)) {
		t->closed = true;
		return false;
	}
	t->verified = true;
	if (!checksum_good(s))
		return false;
	t->pkt[t->n++] = s->pkt;
	t->octets += s->octets;
	t->push = s->flags & FLAG_PSH;
	t->closed = t->push || s->octets < t->first.octets || t->n == TRAIN_MAX;
	return true;
}

size_t train_head(const struct train *t, uint8_t *head)
{
	const struct segment *f = &t->first;
	size_t l4_len = f->payload - f->l4 + t->octets;
	uint8_t *l4 = head + f->l4;
	struct tcp_hdr tcp;

	memcpy(head, f->pkt->data, f->payload);
	if (f->six) {
		be16_t len = be16_put((uint16_t)l4_len);

		memcpy(head + offsetof(struct ip6_hdr, payload_len), &len, sizeof(len));
	} else {
		struct ip4_hdr four;

		memcpy(&four, head, sizeof(four));
		four.total_len = be16_put((uint16_t)(f->l4 + l4_len));
		four.checksum = be16_put(0);
		four.checksum = sum_done(sum_add(0, &four, sizeof(four)));
		memcpy(head, &four, sizeof(four));
	}
	memcpy(&tcp, l4, sizeof(tcp));
	if (t->push)
		tcp.flags |= FLAG_PSH;
	tcp.checksum.raw = (uint16_t)~sum_done(pseudo(f, l4_len)).raw;
	memcpy(l4, &tcp, sizeof(tcp));
	return f->payload;
}
