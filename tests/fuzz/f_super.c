/*
 * Super-packets: octets 0-1 segment size, 2 where TCP or UDP begins, 3 bit 0: UDP; the packet.
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
