/*
 * src/path/icmp.c - the ICMP error a dropped packet owes its sender, if any
 *
 * forwarding.md 8 and 10. Three questions in this order, each cheaper to refuse than
 * the next: does this verdict owe anything, may anything be said about this packet at
 * all (RFC 4443 2.4 (e), RFC 1122 3.2.2), and is there a token left. Only then is a
 * byte written. Which tunnel pays: the one the packet came from, so that a tunnel's
 * noise uses up its own answers; for a packet from the uplink the one it was for.
 */
#include "path/steps.h"

#include "base/sum.h"
#include "path/ext.h"
#include "path/icmp.h"
#include "path/inner4.h"
#include "wire/proto.h"

/* ---- finishing what was written ---- */

void icmp6_finish(struct pkt *reply, const struct ip6_addr *src, const struct ip6_addr *dst,
		  uint8_t hop_limit, size_t len)
{
	uint8_t *msg = icmp6_room(reply);
	struct ip6_hdr h = {
		.vtf = be32_put((uint32_t)IP6_VERSION << 28), .payload_len = be16_put((uint16_t)len),
		.next = PROTO_ICMP6, .hop_limit = hop_limit, .src = *src, .dst = *dst,
	};
	be16_t sum = sum_done(sum_add(sum_pseudo6(src, dst, (uint32_t)len, PROTO_ICMP6), msg, len));

	memcpy(msg + offsetof(struct icmp6_hdr, checksum), &sum, sizeof(sum));
	memcpy(reply->data, &h, sizeof(h));
	reply->len = reply->inner_len = sizeof(h) + len;
	pkt_note(reply, NOTE_FROM_ICMP, TID_NONE, 0);
}

void icmp4_finish(struct pkt *reply, const struct ip4_addr *src, const struct ip4_addr *dst,
		  size_t len)
{
	uint8_t *msg = icmp4_room(reply);
	struct ip4_hdr h = {
		.vihl = IP4_VERSION << 4 | sizeof(h) / 4,
		.total_len = be16_put((uint16_t)(sizeof(h) + len)), .frag = be16_put(IP4_DF),
		.ttl = ICMP_HOPS, .protocol = PROTO_ICMP4, .src = *src, .dst = *dst,
	};
	be16_t sum = sum_done(sum_add(0, msg, len));

	memcpy(msg + offsetof(struct icmp4_hdr, checksum), &sum, sizeof(sum));
	h.checksum = sum_done(sum_add(0, &h, sizeof(h)));
	memcpy(reply->data, &h, sizeof(h));
	reply->len = reply->inner_len = sizeof(h) + len;
	pkt_note(reply, NOTE_FROM_ICMP, TID_NONE, 0);
}

/* ---- may anything be said about it? ---- */

static bool is_ours(const struct config *cf, const struct ip6_addr *a)
{
	enum place_kind k = config_lookup6(cf, a).kind;

	return k == PLACE_LOCAL || k == PLACE_POP;
}

static bool is_one_node6(const struct ip6_addr *a)
{
	return !addr_is_unspecified(a) && !addr_is_multicast6(a) && !addr_is_loopback6(a) &&
	       !addr_is_link_local(a);
}

/* RFC 4443 2.4 (e): what the packet carries forbids an error about it. */
static bool forbidden_by_content(const struct cur *packet, enum owed owed)
{
	struct ext_end end;

	if (ext_walk(*packet, &end) != PASS) {
		/* 4/0 is about just that; for the rest it might have been an error */
		return owed != OWED_PARAMETER;
	}
	if (end.fragment && !end.upper)	/* cannot prove it is no error: 2/0 and 3/0 only */
		return owed != OWED_TOO_BIG && owed != OWED_TIME_EXCEEDED;
	if (end.proto != PROTO_ICMP6)
		return false;

	struct cur c = *packet;
	uint8_t type;

	if (!cur_skip(&c, end.at) || !CUR_TAKE(&c, &type))
		return true;
	return type < ICMP6_INFORMATIONAL || type == ICMP6_REDIRECT;
}

static bool may_answer6(const struct config *cf, const struct ip6_hdr *h, const struct cur *packet,
			enum owed owed)
{
	if (!is_one_node6(&h->src) || is_ours(cf, &h->src))
		return false;
	if (addr_is_multicast6(&h->dst) && owed != OWED_TOO_BIG)	/* 4/2 is never sent here */
		return false;
	return !forbidden_by_content(packet, owed);
}

/* RFC 1122 3.2.2, and no error about a type nobody here knows. */
static bool is_icmp4_query(uint8_t type)
{
	return type == ICMP4_ECHO_REPLY || type == ICMP4_ECHO_REQUEST ||
	       (type >= ICMP4_TIMESTAMP && type <= ICMP4_MASK_REPLY);
}

static bool may_answer4(const struct config *cf, const struct ip4_hdr *h, struct cur packet)
{
	if (ip4_is_nobody(ip4_number(&h->src)) || ip4_is_nobody(ip4_number(&h->dst)))
		return false;
	if (plan_four(config_plan(cf), ip4_number(&h->src)).kind == FOUR_LOCAL)
		return false;
	if (be16_get(&h->frag) & IP4_OFFSET_MASK)
		return false;
	if (h->protocol != PROTO_ICMP4)
		return true;

	uint8_t type;

	return cur_skip(&packet, ip4_header_len(h)) && CUR_TAKE(&packet, &type) &&
	       is_icmp4_query(type);
}

/* ---- is there a token left? ---- */

static bool pay(struct path *pa, uint16_t tid, enum owed owed)
{
	struct tunnel_cold *k = tid == TID_NONE ? NULL : &pa->tb->cold[tid];

	if (owed == OWED_TOO_BIG) {
		if (k && !bucket_take(&k->icmp_big, ICMP_TUNNEL_BIG_RATE, pa->now, 1))
			return false;
		return bucket_take(&pa->icmp_big, path_part(pa, ICMP_BIG_RATE), pa->now, 1);
	}
	if (k && !bucket_take(&k->icmp, ICMP_TUNNEL_RATE, pa->now, 1))
		return false;
	return bucket_take(&pa->icmp, path_part(pa, ICMP_TOTAL_RATE), pa->now, 1);
}

static void withheld(struct path *pa, enum verdict why)
{
	account_verdict(pa, why, 1);
}

/* ---- what it says ---- */

struct words {
	uint8_t	type, code;
};

static struct words words6(enum owed owed)
{
	switch (owed) {
	case OWED_NONE:
		break;
	case OWED_NO_ROUTE:
		return (struct words){ ICMP6_UNREACHABLE, ICMP6_NO_ROUTE };
	case OWED_ADMIN:
		return (struct words){ ICMP6_UNREACHABLE, ICMP6_ADMIN };
	case OWED_ADDRESS:
		return (struct words){ ICMP6_UNREACHABLE, ICMP6_ADDRESS };
	case OWED_PORT:
	case OWED_PROTOCOL:
		return (struct words){ ICMP6_UNREACHABLE, ICMP6_PORT };
	case OWED_TIME_EXCEEDED:
		return (struct words){ ICMP6_TIME_EXCEEDED, 0 };
	case OWED_TOO_BIG:
		return (struct words){ ICMP6_TOO_BIG, 0 };
	case OWED_PARAMETER:
		return (struct words){ ICMP6_PARAMETER, 0 };
	}
	assert(owed != OWED_NONE);
	return (struct words){ 0, 0 };
}

static struct words words4(enum owed owed)
{
	switch (owed) {
	case OWED_NONE:
		break;
	case OWED_NO_ROUTE:
	case OWED_ADDRESS:
		return (struct words){ ICMP4_UNREACHABLE, ICMP4_NET };
	case OWED_ADMIN:
		return (struct words){ ICMP4_UNREACHABLE, ICMP4_ADMIN };
	case OWED_PORT:
		return (struct words){ ICMP4_UNREACHABLE, ICMP4_PORT };
	case OWED_PROTOCOL:
		return (struct words){ ICMP4_UNREACHABLE, ICMP4_PROTOCOL };
	case OWED_TIME_EXCEEDED:
		return (struct words){ ICMP4_TIME_EXCEEDED, 0 };
	case OWED_TOO_BIG:
		return (struct words){ ICMP4_UNREACHABLE, ICMP4_FRAG_NEEDED };
	case OWED_PARAMETER:
		return (struct words){ ICMP4_PARAMETER, 0 };
	}
	assert(owed != OWED_NONE);
	return (struct words){ 0, 0 };
}

static uint32_t param6(enum owed owed, uint32_t param)
{
	if (owed == OWED_TOO_BIG)	/* never less: it would make hosts send atomic fragments */
		return param > IP6_MTU_MIN_BYTES ? param : IP6_MTU_MIN_BYTES;
	return owed == OWED_PARAMETER ? param : 0;
}

/* The tunnel an answer to @p is about: input, else output. TID_NONE: neither */
static uint16_t tunnel_of(const struct pkt *p, uint16_t destination_tid)
{
	if (p->from != TID_NONE)
		return p->from;
	return p->to != TID_NONE ? p->to : destination_tid;
}

static void answer6(struct path *pa, const struct pkt *p, enum owed owed, struct pkt *reply)
{
	struct cur packet = cur_of(p->inner, p->inner_len);
	struct ip6_hdr h;

	if (!CUR_PEEK(packet, &h) || !may_answer6(pa->cf, &h, &packet, owed)) {
		withheld(pa, DROP_ICMP_NEVER);
		return;
	}

	struct place to = config_lookup6(pa->cf, &h.dst);
	uint16_t tid = tunnel_of(p, to.kind == PLACE_UNASSIGNED ? TID_NONE : to.tid);

	if (!pay(pa, tid, owed)) {
		withheld(pa, DROP_ICMP_RATE);
		return;
	}

	const struct plan *plan = config_plan(pa->cf);
	struct ip6_addr src = tid == TID_NONE ? plan_pop_addr(plan) :
						plan_tunnel_addr(plan, tid, IID_POP);
	struct words w = words6(owed);
	struct icmp6_hdr icmp = {
		.type = w.type, .code = w.code, .param = be32_put(param6(owed, p->param)),
	};
	size_t quote = min_size(p->inner_len, IP6_MTU_MIN_BYTES - sizeof(h) - sizeof(icmp));

	reply_begin(reply);
	memcpy(icmp6_room(reply), &icmp, sizeof(icmp));
	memcpy(icmp6_room(reply) + sizeof(icmp), p->inner, quote);
	icmp6_finish(reply, &src, &h.src, ICMP_HOPS, sizeof(icmp) + quote);
}

static void answer4(struct path *pa, const struct pkt *p, enum owed owed, struct pkt *reply)
{
	struct cur packet = cur_of(p->inner, p->inner_len);
	struct ip4_hdr h;
	uint16_t tid = TID_NONE;

	if (CUR_PEEK(packet, &h) && may_answer4(pa->cf, &h, packet))
		tid = tunnel_of(p, ip4_place(pa->cf, &h.dst).tid);
	if (tid == TID_NONE || tid > FOUR_TID_LAST) {	/* else there is no address to say it from */
		withheld(pa, DROP_ICMP_NEVER);
		return;
	}
	if (!pay(pa, tid, owed)) {
		withheld(pa, DROP_ICMP_RATE);
		return;
	}

	struct ip6_addr mapped = addr_from_ip4(plan_four_local(config_plan(pa->cf), tid));
	struct ip4_addr src = addr_to_ip4_wire(&mapped);
	struct words w = words4(owed);
	struct icmp4_hdr icmp = { .type = w.type, .code = w.code };
	size_t quote = min_size(p->inner_len, ICMP4_ERROR_BYTES - sizeof(h) - sizeof(icmp));

	if (owed == OWED_TOO_BIG)
		icmp.mtu = be16_put((uint16_t)p->param);
	if (owed == OWED_PARAMETER)	/* the pointer is the first octet: RFC 792 */
		icmp.unused = be16_put((uint16_t)(p->param << 8));

	reply_begin(reply);
	memcpy(icmp4_room(reply), &icmp, sizeof(icmp));
	memcpy(icmp4_room(reply) + sizeof(icmp), p->inner, quote);
	icmp4_finish(reply, &src, &h.src, sizeof(icmp) + quote);
}

void icmp_answer(struct path *pa, const struct pkt *p, enum verdict v, struct pkt *reply)
{
	enum owed owed = verdict_info[v].owed;

	if (owed == OWED_NONE || p->inner_len == 0)
		return;
	if (p->inner[0] >> 4 == IP4_VERSION)
		answer4(pa, p, owed, reply);
	else
		answer6(pa, p, owed, reply);
}
