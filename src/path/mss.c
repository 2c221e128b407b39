/*
 * `tunnel set mss`: TCP's two ends agree on segments that fit the tunnel, for networks
 * that lose Packet Too Big. Only the option of a SYN is lowered, never raised.
 */
#include "path/steps.h"

#include "base/sum.h"
#include "path/ext.h"
#include "wire/proto.h"
#include "wire/udp.h"

/* Where the TCP header begins; 0: there is none to be read. */
static size_t tcp_at(const struct pkt *p)
{
	struct cur c = pkt_cur(p);
	struct ip4_hdr h;
	struct ext_end end;

	if (pkt_version(p) == IP6_VERSION) {
		bool good = ext_walk(c, &end) == PASS && end.upper && end.proto == PROTO_TCP;

		return good ? end.at : 0;
	}
	if (!CUR_TAKE(&c, &h) || h.protocol != PROTO_TCP ||
	    (be16_get(&h.frag) & IP4_OFFSET_MASK))
		return 0;
	return (h.vihl & 15u) * 4;
}

/* The MSS value of the option, as an offset from the TCP header; 0: not there. */
static size_t mss_at(struct cur tcp)
{
	struct tcp_hdr h;
	uint8_t kind, len;

	if (!CUR_TAKE(&tcp, &h) || !(h.flags & TCP_SYN))
		return 0;

	size_t header = (h.off >> 4) * 4u;

	if (header < sizeof(h) || !cur_cut(&tcp, header - sizeof(h)))
		return 0;
	while (CUR_TAKE(&tcp, &kind) && kind != TCP_OPT_END) {
		if (kind == TCP_OPT_NOP)
			continue;
		if (!CUR_TAKE(&tcp, &len) || len < 2)
			return 0;
		if (kind == TCP_OPT_MSS)
			return len == TCP_OPT_MSS_BYTES && tcp.left >= 2 ? header - tcp.left : 0;
		if (!cur_skip(&tcp, len - 2u))
			return 0;
	}
	return 0;
}

/* The sum is taken over words that begin at even offsets: an odd value lies across two. */
static be16_t as_summed(be16_t n, bool odd)
{
	if (odd)
		n.raw = __builtin_bswap16(n.raw);
	return n;
}

uint16_t mss_clamp(struct pkt *p, uint16_t mtu_bytes)
{
	size_t ip = pkt_version(p) == IP4_VERSION ? sizeof(struct ip4_hdr) :
						    sizeof(struct ip6_hdr);
	uint16_t most = (uint16_t)(mtu_bytes - ip - sizeof(struct tcp_hdr));
	struct cur c = pkt_cur(p);
	size_t tcp = tcp_at(p), at;
	be16_t old, new = be16_put(most), sum;

	if (tcp == 0 || !cur_skip(&c, tcp))
		return 0;
	at = mss_at(c);
	if (at == 0)
		return 0;

	memcpy(&old, c.at + at, sizeof(old));
	if (be16_get(&old) <= most)
		return 0;

	uint8_t *header = p->data + tcp;
	size_t sum_at = offsetof(struct tcp_hdr, checksum);

	memcpy(&sum, header + sum_at, sizeof(sum));
	sum = sum_replace(sum, as_summed(old, at & 1), as_summed(new, at & 1));
	memcpy(header + at, &new, sizeof(new));
	memcpy(header + sum_at, &sum, sizeof(sum));
	return most;
}
