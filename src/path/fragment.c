#include "path/fragment.h"

#include <string.h>

#include "base/sum.h"
#include "wire/proto.h"

/* Fragments carry whole units of 8 octets, the last one excepted. */
#define UNIT_MASK (~(size_t)7)

void fragment_begin(struct fragmenter *f, const void *packet, size_t len, uint16_t mtu,
		    uint32_t id)
{
	*f = (struct fragmenter){ .packet = packet, .len = len, .mtu = mtu, .id = id };
}

/* The next piece of the payload behind @fixed octets; @room of payload at most. */
static size_t piece(const struct fragmenter *f, size_t fixed, size_t room)
{
	size_t rest = f->len - fixed - f->offset;

	return rest <= room ? rest : room & UNIT_MASK;
}

static size_t next4(struct fragmenter *f, uint8_t *out)
{
	struct ip4_hdr h;
	size_t take = piece(f, sizeof(h), f->mtu - sizeof(h));
	bool last = sizeof(h) + f->offset + take == f->len;
	uint16_t where = (uint16_t)(f->offset / 8);

	memcpy(&h, f->packet, sizeof(h));
	h.total_len = be16_put((uint16_t)(sizeof(h) + take));
	h.id = be16_put((uint16_t)f->id);
	h.frag = be16_put(last ? where : (uint16_t)(where | IP4_MF));
	h.checksum = be16_put(0);
	h.checksum = sum_done(sum_add(0, &h, sizeof(h)));

	memcpy(out, &h, sizeof(h));
	memcpy(out + sizeof(h), f->packet + sizeof(h) + f->offset, take);
	f->offset += take;
	return sizeof(h) + take;
}

static size_t next6(struct fragmenter *f, uint8_t *out)
{
	struct ip6_hdr h;
	struct ip6_frag x;
	size_t take = piece(f, sizeof(h), f->mtu - sizeof(h) - sizeof(x));
	bool last = sizeof(h) + f->offset + take == f->len;

	memcpy(&h, f->packet, sizeof(h));
	x = (struct ip6_frag){
		.next = h.next,
		.offset = be16_put((uint16_t)(f->offset | (last ? 0 : IP6_FRAG_MORE))),
		.id = be32_put(f->id),
	};
	h.next = PROTO_FRAGMENT;
	h.payload_len = be16_put((uint16_t)(sizeof(x) + take));

	memcpy(out, &h, sizeof(h));
	memcpy(out + sizeof(h), &x, sizeof(x));
	memcpy(out + sizeof(h) + sizeof(x), f->packet + sizeof(h) + f->offset, take);
	f->offset += take;
	return sizeof(h) + sizeof(x) + take;
}

size_t fragment_next(struct fragmenter *f, uint8_t *out)
{
	bool four = f->packet[0] >> 4 == IP4_VERSION;
	size_t fixed = four ? sizeof(struct ip4_hdr) : sizeof(struct ip6_hdr);

	if (fixed + f->offset >= f->len)
		return 0;
	if (f->offset == 0 && f->len <= f->mtu) {	/* fits: no fragment at all (RFC 8021) */
		memcpy(out, f->packet, f->len);
		f->offset = f->len - fixed;
		return f->len;
	}
	return four ? next4(f, out) : next6(f, out);
}
