#include "io/offload.h"

#include "base/sum.h"
#include "wire/gre.h"
#include "wire/proto.h"
#include "wire/udp.h"

enum {
	GRE_WORD	= 4,		/* checksum, key, sequence: four octets each */
	TCP_FIN		= 0x01,
	TCP_RST		= 0x04,
	TCP_PSH		= 0x08,
	TCP_URG		= 0x20,
	TCP_CWR		= 0x80,
	TCP_WHOLE	= TCP_SYN | TCP_RST | TCP_URG,	/* never merged, never cut */
	TCP_LAST	= TCP_FIN | TCP_PSH,		/* belong to the last octet */
};

/* ---- finding ---- */

static bool skip_gre(struct cur *c, struct offload *o)
{
	struct gre_hdr h;
	uint16_t flags;

	if (!CUR_TAKE(c, &h))
		return false;
	flags = be16_get(&h.flags);
	if (flags & (GRE_REFUSED | GRE_VERSION_MASK))
		return false;
	o->ip = sizeof(h);
	if (flags & GRE_CHECKSUM)
		o->drop = GRE_WORD;
	for (uint16_t word = GRE_CHECKSUM; word >= GRE_SEQUENCE; word >>= 1) {
		if (!(flags & word))
			continue;
		if (!cur_skip(c, GRE_WORD))
			return false;
		o->ip += GRE_WORD;
	}
	return true;
}

/* Return: the folded sum over the pseudo header; 0: not a packet that could be unfinished */
static uint16_t pseudo6(struct cur *c, struct offload *o)
{
	struct ip6_hdr h;
	size_t len;

	if (!CUR_TAKE(c, &h))
		return 0;
	len = be16_get(&h.payload_len);
	if (!cur_cut(c, len))
		return 0;
	o->six = true;
	o->proto = h.next;
	o->l4 = o->ip + sizeof(h);
	o->end = o->l4 + len;
	return (uint16_t)~sum_done(sum_pseudo6(&h.src, &h.dst, (uint32_t)len, h.next)).raw;
}

static uint16_t pseudo4(struct cur *c, struct offload *o)
{
	struct ip4_hdr h;
	size_t header, total;

	if (!CUR_TAKE(c, &h))
		return 0;
	header = (size_t)(h.vihl & 0x0f) * 4;
	total = be16_get(&h.total_len);
	if (header < sizeof(h) || total < header ||
	    be16_get(&h.frag) & (IP4_MF | IP4_OFFSET_MASK) ||
	    !cur_skip(c, header - sizeof(h)) || !cur_cut(c, total - header))
		return 0;
	o->proto = h.protocol;
	o->l4 = o->ip + header;
	o->end = o->ip + total;
	return (uint16_t)~sum_done(sum_pseudo4(&h.src, &h.dst, (uint16_t)(total - header),
					       h.protocol)).raw;
}

static bool tcp_unfinished(struct cur c, struct offload *o, uint16_t pseudo)
{
	struct tcp_hdr h;
	size_t header;

	if (!CUR_PEEK(c, &h) || h.checksum.raw != pseudo)
		return false;
	header = (size_t)(h.off >> 4) * 4;
	if (header < sizeof(h) || !cur_skip(&c, header))
		return false;
	o->payload = o->at = o->l4 + header;
	o->cut = !(h.flags & TCP_WHOLE) && (o->drop || o->end - o->ip > OFFLOAD_CUT_BYTES);
	return true;
}

static bool udp_unfinished(struct cur c, struct offload *o, uint16_t pseudo)
{
	struct udp_hdr h;

	if (!CUR_PEEK(c, &h) || h.checksum.raw != pseudo)
		return false;
	o->payload = o->l4 + sizeof(h);
	return true;
}

bool offload_find(const struct pkt *p, struct offload *o)
{
	struct cur c = pkt_cur(p);
	uint16_t pseudo = 0;
	uint8_t first;

	*o = (struct offload){ .packet = p->data, .room = OFFLOAD_CUT_BYTES };
	if (p->via == VIA_GRE && !skip_gre(&c, o))
		return false;
	if (!CUR_PEEK(c, &first))
		return false;
	if (first >> 4 == IP6_VERSION)
		pseudo = pseudo6(&c, o);
	else if (first >> 4 == IP4_VERSION && p->via == VIA_GRE)
		pseudo = pseudo4(&c, o);
	if (pseudo == 0)
		return false;
	o->partial = pseudo;
	if (o->proto == PROTO_TCP)
		return tcp_unfinished(c, o, pseudo);
	return o->proto == PROTO_UDP && udp_unfinished(c, o, pseudo);
}

/* ---- being told ---- */

static bool ip_ends_at(const struct pkt *p, size_t l4)
{
	return (pkt_version(p) == IP6_VERSION && l4 >= sizeof(struct ip6_hdr)) ||
	       (pkt_version(p) == IP4_VERSION && l4 == (size_t)(p->data[0] & 0x0f) * 4 &&
		l4 >= sizeof(struct ip4_hdr));
}

bool offload_given(const struct pkt *p, struct offload *o)
{
	struct cur c = pkt_cur(p);
	struct tcp_hdr t;
	struct udp_hdr u;
	size_t header;

	*o = (struct offload){
		.packet = p->data, .l4 = p->l4, .end = p->len, .proto = p->merged,
		.six = pkt_version(p) == IP6_VERSION, .cut = true,
	};
	if (p->segment == 0 || !ip_ends_at(p, p->l4) || !cur_skip(&c, p->l4))
		return false;
	if (p->merged == PROTO_TCP) {
		if (!CUR_PEEK(c, &t))
			return false;
		header = (size_t)(t.off >> 4) * 4;
		o->partial = t.checksum.raw;
		if (header < sizeof(t))
			return false;
	} else {
		if (!CUR_PEEK(c, &u))
			return false;
		header = sizeof(u);
		o->partial = u.checksum.raw;
	}
	o->payload = o->at = o->l4 + header;
	o->room = o->payload + p->segment;
	return o->payload < o->end;
}

/* ---- finishing ---- */

/* The field holds the pseudo header's sum: summing over it completes the checksum. */
static be16_t complete(const uint8_t *l4, size_t len, uint8_t proto)
{
	be16_t sum = sum_done(sum_add(0, l4, len));

	if (proto == PROTO_UDP && sum.raw == 0)
		sum.raw = UINT16_MAX;		/* RFC 768: 0 would mean none */
	return sum;
}

bool offload_complete(struct pkt *p, size_t start, size_t field)
{
	bool udp = field == offsetof(struct udp_hdr, checksum);
	be16_t sum;

	if (start > p->len || p->len - start < field + sizeof(sum))
		return false;
	sum = complete(p->data + start, p->len - start, udp ? PROTO_UDP : PROTO_TCP);
	memcpy(p->data + start + field, &sum, sizeof(sum));
	return true;
}

void offload_finish(struct pkt *p, const struct offload *o)
{
	size_t field = o->proto == PROTO_UDP ? offsetof(struct udp_hdr, checksum) :
		       offsetof(struct tcp_hdr, checksum);
	uint8_t *l4 = p->data + o->l4;
	be16_t sum = complete(l4, o->end - o->l4, o->proto);

	memcpy(l4 + field, &sum, sizeof(sum));
}

/* ---- cutting ---- */

/* Without its checksum: that covered another payload, and the kernel has verified it. */
static size_t put_gre(const struct offload *o, uint8_t *out)
{
	struct gre_hdr h;

	if (o->ip == 0)
		return 0;
	memcpy(&h, o->packet, sizeof(h));
	h.flags = be16_put(be16_get(&h.flags) & (uint16_t)~GRE_CHECKSUM);
	memcpy(out, &h, sizeof(h));
	memcpy(out + sizeof(h), o->packet + sizeof(h) + o->drop, o->ip - sizeof(h) - o->drop);
	return o->ip - o->drop;
}

static void put_ip6(const struct offload *o, uint8_t *out, size_t l4_len)
{
	size_t header = o->l4 - o->ip;
	struct ip6_hdr h;

	memcpy(out, o->packet + o->ip, header);
	memcpy(&h, out, sizeof(h));
	h.payload_len = be16_put((uint16_t)(header - sizeof(h) + l4_len));
	memcpy(out, &h, sizeof(h));
}

static void put_ip4(const struct offload *o, uint8_t *out, size_t l4_len)
{
	size_t header = o->l4 - o->ip;
	struct ip4_hdr h;

	memcpy(&h, o->packet + o->ip, sizeof(h));
	h.total_len = be16_put((uint16_t)(header + l4_len));
	h.id = be16_put((uint16_t)(be16_get(&h.id) + o->done));
	h.checksum = be16_put(0);
	memcpy(out, &h, sizeof(h));
	memcpy(out + sizeof(h), o->packet + o->ip + sizeof(h), header - sizeof(h));
	h.checksum = sum_done(sum_add(0, out, header));
	memcpy(out, &h, sizeof(h));
}

/* The pseudo header's sum with another length: that of the final destination, also behind a
 * routing header. */
static uint64_t pseudo_of(const struct offload *o, size_t l4_len)
{
	be16_t was = be16_put((uint16_t)(o->end - o->l4)), is = be16_put((uint16_t)l4_len);

	return (uint64_t)o->partial + (uint16_t)~was.raw + is.raw;
}

static void put_tcp(const struct offload *o, uint8_t *out, size_t take, uint64_t pseudo)
{
	size_t header = o->payload - o->l4;
	struct tcp_hdr h;

	memcpy(&h, o->packet + o->l4, sizeof(h));
	h.seq = be32_put(be32_get(&h.seq) + (uint32_t)(o->at - o->payload));
	if (o->at + take < o->end)
		h.flags &= (uint8_t)~TCP_LAST;
	if (o->done > 0)
		h.flags &= (uint8_t)~TCP_CWR;		/* RFC 3168 6.1.2: said once */
	h.checksum = be16_put(0);
	memcpy(out, &h, sizeof(h));
	memcpy(out + sizeof(h), o->packet + o->l4 + sizeof(h), header - sizeof(h));
	memcpy(out + header, o->packet + o->at, take);
	h.checksum = sum_done(sum_add(pseudo, out, header + take));
	memcpy(out, &h, sizeof(h));
}

static void put_udp(const struct offload *o, uint8_t *out, size_t take, uint64_t pseudo)
{
	struct udp_hdr h;

	memcpy(&h, o->packet + o->l4, sizeof(h));
	h.len = be16_put((uint16_t)(sizeof(h) + take));
	h.checksum = be16_put(0);
	memcpy(out, &h, sizeof(h));
	memcpy(out + sizeof(h), o->packet + o->at, take);
	h.checksum = sum_done(sum_add(pseudo, out, sizeof(h) + take));
	if (h.checksum.raw == 0)
		h.checksum.raw = UINT16_MAX;		/* RFC 768 */
	memcpy(out, &h, sizeof(h));
}

size_t offload_next(struct offload *o, uint8_t *out)
{
	size_t take = min_size(o->end - o->at, o->room - (o->payload - o->ip));
	size_t l4_len = o->payload - o->l4 + take;
	size_t gre, ip = o->l4 - o->ip;

	if (take == 0 && o->done > 0)
		return 0;
	gre = put_gre(o, out);
	if (o->six)
		put_ip6(o, out + gre, l4_len);
	else
		put_ip4(o, out + gre, l4_len);
	if (o->proto == PROTO_UDP)
		put_udp(o, out + gre + ip, take, pseudo_of(o, l4_len));
	else
		put_tcp(o, out + gre + ip, take, pseudo_of(o, l4_len));
	o->at += take;
	o->done++;
	return gre + ip + l4_len;
}
