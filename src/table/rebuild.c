#include "table/rebuild.h"

#include <string.h>

#include "base/sum.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/proto.h"
#include "wire/udp.h"

#define TC_SHIFT	20

static uint8_t proto_of(enum via via)
{
	switch (via) {
	case VIA_P41:
		return PROTO_IPV6;
	case VIA_GRE:
		return PROTO_GRE;
	case VIA_AYIYA:
	case VIA_BEAT:
		return PROTO_UDP;
	case VIA_ICMP4:
		return PROTO_ICMP4;
	case VIA_ICMP6:
		return PROTO_ICMP6;
	case VIA_PROTO4:
		return PROTO_IPV4;
	case VIA_TUN:
	case VIA_SELF:
		break;
	}
	return PROTO_NONE;
}

/* @pseudo: sum of the pseudo header */
static void put_udp(uint8_t *out, const struct around *a, struct cur payload, size_t len,
		    uint64_t pseudo)
{
	struct udp_hdr u = {
		.src = be16_put(a->them_port), .dst = be16_put(a->us_port),
		.len = be16_put((uint16_t)(len + sizeof(u))),
	};

	if (payload.left == len)
		u.checksum = sum_done(sum_add(sum_add(pseudo, &u, sizeof(u)), payload.at, len));
	if (u.checksum.raw == 0 && (payload.left == len || !addr_is_ip4(&a->them)))
		u.checksum.raw = 0xffff;	/* 0 would say that there is none */
	memcpy(out, &u, sizeof(u));
}

static size_t rebuild4(uint8_t *out, const struct around *a, struct cur payload, size_t len)
{
	uint8_t proto = proto_of(a->via);
	size_t udp = proto == PROTO_UDP ? sizeof(struct udp_hdr) : 0;
	struct ip4_hdr h = {
		.vihl = IP4_VERSION << 4 | sizeof(h) / 4, .tos = a->ecn,
		.total_len = be16_put((uint16_t)(sizeof(h) + udp + len)),
		.ttl = OUTER_HOPS, .protocol = proto,
		.src = addr_to_ip4_wire(&a->them), .dst = addr_to_ip4_wire(&a->us),
	};

	h.checksum = sum_done(sum_add(0, &h, sizeof(h)));
	memcpy(out, &h, sizeof(h));
	if (udp)
		put_udp(out + sizeof(h), a, payload, len,
			sum_pseudo4(&h.src, &h.dst, (uint16_t)(udp + len), PROTO_UDP));
	return sizeof(h) + udp;
}

static size_t rebuild6(uint8_t *out, const struct around *a, struct cur payload, size_t len)
{
	uint8_t proto = proto_of(a->via);
	size_t udp = proto == PROTO_UDP ? sizeof(struct udp_hdr) : 0;
	struct ip6_hdr h = {
		.vtf = be32_put((uint32_t)IP6_VERSION << 28 | (uint32_t)a->ecn << TC_SHIFT),
		.payload_len = be16_put((uint16_t)(udp + len)), .next = proto,
		.hop_limit = OUTER_HOPS, .src = a->them, .dst = a->us,
	};

	memcpy(out, &h, sizeof(h));
	if (udp)
		put_udp(out + sizeof(h), a, payload, len,
			sum_pseudo6(&h.src, &h.dst, (uint32_t)(udp + len), PROTO_UDP));
	return sizeof(h) + udp;
}

size_t rebuild_outer(uint8_t out[REBUILT_MAX], const struct around *a, struct cur payload,
		     size_t len)
{
	return addr_is_ip4(&a->them) ? rebuild4(out, a, payload, len) :
				       rebuild6(out, a, payload, len);
}
