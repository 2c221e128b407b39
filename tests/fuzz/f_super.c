/*
 * Super-packets: octets 0-1 segment size, 2 where TCP or UDP begins, 3 bit 0: UDP; the packet.
 * Bit 1 of octet 3: one from a raw socket instead, which says nothing of that, bit 2: of GRE,
 * bit 3: with the checksum that makes it unfinished, because no fuzzer finds one.
 * Whatever it is, what is cut has all of its payload, and what is merged was cut so.
 */
#include "fuzz.h"
#include "io/coalesce.h"
#include "io/offload.h"
#include "wire/proto.h"

#define PLACE (PKT_ROOM + 16)

static uint8_t whole[PKT_ROOM], place[2][PLACE];

static void join(struct train *t, bool *open, const struct pkt *p)
{
	uint8_t head[TRAIN_HEADERS_MAX];
	struct segment s;

	if (!segment_of(p, &s))
		return;
	if (*open && segment_same_flow(&t->first, &s) && train_add(t, &s)) {
		must(train_head(t, head) == t->first.payload,
		     "a train has its first one's headers");
		must(t->octets + t->first.payload <= UINT16_MAX, "and is a packet");
	}
	*open = train_begin(t, &s);
}

/* ---- what receive offload left unfinished ---- */

static void make_unfinished(struct pkt *p, const struct offload *o)
{
	size_t at = o->l4 + (o->proto == PROTO_UDP ? 6 : 16);

	if (o->partial && at + sizeof(o->partial) <= p->len)
		memcpy(p->data + at, &o->partial, sizeof(o->partial));
}

static void raw(struct pkt *p, bool help)
{
	size_t len, octets = 0, guard = PKT_ROOM;
	struct offload o;

	if (!offload_find(p, &o) && help)
		make_unfinished(p, &o);
	if (!offload_find(p, &o))
		return;
	must(o.end <= p->len && o.l4 < o.end, "what is unfinished lies within the packet");
	if (!o.cut) {
		offload_finish(p, &o);
		return;
	}
	while ((len = offload_next(&o, place[0] + PKT_HEADROOM)) != 0) {
		must(len <= o.room + 16 && guard-- > 0, "a piece is no larger than was said");
		must(len + o.drop >= o.payload, "and has all headers");
		octets += len + o.drop - o.payload;
	}
	must(octets == o.end - o.payload, "together they have all of it");
}

/* ---- what the TUN device says ---- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len, octets = 0;
	bool open = false;
	struct offload o;
	struct train t;
	struct pkt p, q[2];
	unsigned int n = 0;

	if (size < 4 || size - 4 > PKT_ROOM - PKT_HEADROOM)
		return 0;
	memcpy(whole + PKT_HEADROOM, data + 4, size - 4);
	pkt_init(&p, whole, size - 4, VIA_TUN);
	if (data[3] & 2) {
		p.via = data[3] & 4 ? VIA_GRE : VIA_P41;
		raw(&p, data[3] & 8);
		return 0;
	}
	join(&t, &open, &p);
	p.segment = (uint16_t)(data[0] << 8 | data[1]);
	p.l4 = data[2];
	p.merged = data[3] & 1 ? PROTO_UDP : PROTO_TCP;
	open = false;
	if (!offload_given(&p, &o)) {
		(void)!offload_complete(&p, data[2], data[0]);
		return 0;
	}
	while ((len = offload_next(&o, place[n & 1] + PKT_HEADROOM)) != 0) {
		must(len <= o.room && len > o.payload,
		     "a piece is no larger than was said, and has payload");
		octets += len - o.payload;
		pkt_init(&q[n & 1], place[n & 1], len, VIA_TUN);
		join(&t, &open, &q[n & 1]);
		n++;
	}
	must(octets == p.len - o.payload, "the pieces have all of it");
	return 0;
}
