/*
 * tests/diff/make.h - frames: the plain ones, and what is odd or broken about others
 *
 * A frame is made from a recipe, so that an oddity is one changed ingredient and everything
 * around it (lengths, checksums) stays right; what cannot be an ingredient is done to the
 * octets afterwards.
 */
#ifndef SIXXSD_TEST_MAKE_H
#define SIXXSD_TEST_MAKE_H

#include "dice.h"
#include "scene.h"

/* A program that includes this need not use all of it. */
#pragma GCC diagnostic ignored "-Wunused-function"

#define FRAME_MAX	1700

enum heading { INWARD, OUTWARD, ACROSS, HEADINGS };

struct recipe {
	enum heading	heading;
	uint16_t	from, to;	/* tunnels, where the heading has them */
	/* link */
	enum door	at;
	bool		tagged;		/* also where the port has no VLAN: priority tag */
	uint8_t		priority;
	uint16_t	vlan;
	uint8_t		dmac[6];
	/* outer header */
	uint8_t		tos, ttl, proto;
	uint16_t	id, frag;
	uint8_t		options;	/* words */
	struct ip4_addr	them, us;
	uint16_t	gre_flags, gre_proto;
	/* inner packet */
	uint8_t		version, tclass, next, hop;
	uint32_t	flow;
	struct ip6_addr	src, dst;
	uint16_t	udp_port;
	uint8_t		tcp_flags;
	uint16_t	len;		/* octets, header included */
	int		lie;		/* payload length says so many more */
	int		outer_lie;	/* likewise, total length of the outer header */
	uint8_t		trail;		/* octets behind the inner packet, inside the outer one */
	uint8_t		padding;	/* octets behind everything */
};

struct frame {
	uint8_t		bytes[FRAME_MAX];
	size_t		len;
	uint32_t	device;		/* arrives there */
	size_t		l2, inner;	/* octets before the outer header, the inner packet */
};

/* ---- who talks to whom ---- */

static uint16_t pick_tunnel(struct dice *d)
{
	for (;;) {
		const struct actor *a = &scene_actor[dice_below(d, ARRAY_LEN(scene_actor))];

		if (a->role == ROLE_GOOD || dice_one_in(d, 6))
			return a->tid;
	}
}

static struct ip6_addr random_in(struct dice *d, const struct prefix *p)
{
	struct ip6_addr r;

	dice_fill(d, r.b, sizeof(r.b));
	r = addr_from_parts((addr_hi(&r) & (p->len ? ~UINT64_C(0) >> p->len % 64 : 0)) |
			    addr_hi(&p->addr), addr_lo(&r));
	if (p->len >= 64)
		r = addr_from_parts(addr_hi(&p->addr), addr_lo(&r));
	return r;
}

/* One of the addresses that are routed to @tid. */
static struct ip6_addr tunnel_address(struct dice *d, const struct scene *s, uint16_t tid)
{
	const struct plan *plan = config_plan(s->ref->pa.cf);
	struct prefix p = plan_routed_prefix(plan, tid);

	if (dice_one_in(d, 3))
		return plan_tunnel_addr(plan, tid, IID_USER);
	for (int i = 0; i < 6; i++) {
		size_t n = dice_below(d, ARRAY_LEN(scene_subnet));
		const struct subnet_prefix *sp = &plan->subnet[scene_subnet[n].index >= 256];

		if (scene_subnet[n].tid == tid)
			p = plan_subnet(sp, scene_subnet[n].index - sp->base);
	}
	return random_in(d, &p);
}

static struct ip6_addr native_address(struct dice *d)
{
	static const char *const where[] = {
		"2001:db8:e000::/36", "2001:db8:f000::/64", "2a01::/16", "2a02::/16", "2a03::/16",
		"2a04::/16", "2a05::/16", "2600::/12", "3f00::/8", "2a05::/16", "2600::/12",
	};
	const char *text = where[dice_below(d, ARRAY_LEN(where))];
	struct prefix p;

	if (dice_one_in(d, 8))
		return address("2001:db8:f000::12");
	if (dice_one_in(d, 4))
		return address("2a05:1::1");	/* often the same: its hop is remembered */
	if (!prefix_parse(text, strlen(text), &p))
		abort();
	return random_in(d, &p);
}

/* ---- a recipe ---- */

static uint16_t pick_len(struct dice *d, const struct scene *s, const struct recipe *r)
{
	static const uint16_t edge[] = { 1280, 1300, 1330, 1350, 1376, 1380, 1400, 1428, 1476, 1480 };
	uint16_t least = r->next == 17 ? 48 : 40, at;

	switch (dice_below(d, 4)) {
	case 0:		/* around where something ends: MTU of tunnel, route, path */
		at = edge[dice_below(d, ARRAY_LEN(edge))];
		if (r->heading != INWARD && dice_one_in(d, 2))
			at = tunnel_mtu(&s->ref->pa.cf->tunnel[r->to], &s->ep[r->to]);
		return (uint16_t)(at - 1 + dice_below(d, 3));
	case 1:
		return (uint16_t)(least + dice_below(d, 64));
	}
	return (uint16_t)(least + dice_below(d, 1441));
}

static void pick_outer(struct dice *d, const struct scene *s, struct recipe *r)
{
	const struct endpoint *ep = &s->ep[r->from];

	r->tos = dice_byte(d);
	r->ttl = dice_byte(d);
	r->id = (uint16_t)dice_roll(d);
	r->frag = dice_one_in(d, 2) ? IP4_DF : 0;
	r->proto = ep->type == TYPE_GRE ? PROTO_GRE : PROTO_IPV6;
	r->gre_proto = ETHER_IPV6;
	r->them = addr_to_ip4_wire(&ep->them);
	r->us = addr_to_ip4_wire(&ep->us);
}

static void pick_link(struct dice *d, const struct scene *s, struct recipe *r)
{
	r->at = (enum door)dice_below(d, r->heading == OUTWARD && !dice_one_in(d, 8) ? DOOR_VL9 :
				       DOOR_COUNT);
	r->vlan = world_port[r->at].vlan;
	r->tagged = r->vlan || dice_one_in(d, 4);
	r->priority = dice_byte(d) & 15;
	memcpy(r->dmac, s->world.mac[world_port[r->at].dev], 6);
}

/* Nothing is odd about it; whether it may pass is up to what it meets. */
static struct recipe plain_recipe(struct dice *d, const struct scene *s)
{
	static const uint8_t upper[] = { 6, 6, 17, 17, 58, 50, 132, 136 };
	static const uint8_t hops[] = { 0, 1, 2, 3, 64, 64, 64, 255 };
	struct recipe r = {
		.heading = (enum heading)dice_below(d, HEADINGS), .from = TID_NONE, .to = TID_NONE,
		.version = 6, .tclass = dice_byte(d), .flow = (uint32_t)dice_roll(d) & 0xfffff,
		.next = upper[dice_below(d, sizeof(upper))], .hop = hops[dice_below(d, 8)],
		.udp_port = (uint16_t)dice_roll(d), .tcp_flags = dice_byte(d),
	};

	if (r.udp_port == PORT_AYIYA)
		r.udp_port++;
	if (r.heading != OUTWARD) {
		r.from = pick_tunnel(d);
		pick_outer(d, s, &r);
	}
	if (r.heading != INWARD)
		do
			r.to = pick_tunnel(d);
		while (r.to == r.from);
	r.src = r.heading == OUTWARD ? native_address(d) : tunnel_address(d, s, r.from);
	r.dst = r.heading == INWARD ? native_address(d) : tunnel_address(d, s, r.to);
	r.len = pick_len(d, s, &r);
	pick_link(d, s, &r);
	return r;
}

/* ---- from recipe to octets ---- */

static void *more(struct frame *f, size_t len)
{
	void *at = f->bytes + f->len;

	if (f->len + len > sizeof(f->bytes))
		abort();
	memset(at, 0, len);
	f->len += len;
	return at;
}

static void make_link(struct frame *f, const struct recipe *r, uint16_t type)
{
	struct ether_hdr *e = more(f, sizeof(*e));

	memcpy(e->dst, r->dmac, 6);
	memcpy(e->src, "\x02\x55\0\0\0\1", 6);
	e->type = be16_put(r->tagged ? ETHER_VLAN : type);
	if (r->tagged) {
		struct vlan_tag *t = more(f, sizeof(*t));

		t->tci = be16_put((uint16_t)(r->priority << 12 | r->vlan));
		t->type = be16_put(type);
	}
	f->l2 = f->len;
}

static void make_outer(struct frame *f, const struct recipe *r)
{
	bool gre = r->proto == PROTO_GRE;
	size_t words = !gre ? 0 : (size_t)((r->gre_flags >> 15 & 1) + (r->gre_flags >> 13 & 1) +
					   (r->gre_flags >> 12 & 1));
	size_t header = sizeof(struct ip4_hdr) + r->options * 4u;
	size_t total = header + (gre ? 4 + 4 * words : 0) + r->len + r->trail;
	struct ip4_hdr h = {
		.vihl = (uint8_t)(0x40 | header / 4), .tos = r->tos, .id = be16_put(r->id),
		.total_len = be16_put((uint16_t)((int)total + r->outer_lie)),
		.frag = be16_put(r->frag), .ttl = r->ttl, .protocol = r->proto,
		.src = r->them, .dst = r->us,
	};
	uint8_t *at = more(f, header);

	memset(at + sizeof(h), 1, header - sizeof(h));	/* no operation */
	memcpy(at, &h, sizeof(h));
	h.checksum = sum_done(sum_add(0, at, header));
	memcpy(at, &h, sizeof(h));
	if (gre) {
		struct gre_hdr g = { be16_put(r->gre_flags), be16_put(r->gre_proto) };

		memcpy(more(f, sizeof(g) + 4 * words), &g, sizeof(g));
	}
}

static void make_inner(struct frame *f, const struct recipe *r, struct dice *d)
{
	size_t payload = r->len - sizeof(struct ip6_hdr);
	struct ip6_hdr h = {
		.vtf = be32_put((uint32_t)r->version << 28 | (uint32_t)r->tclass << 20 | r->flow),
		.payload_len = be16_put((uint16_t)((int)payload + r->lie)),
		.next = r->next, .hop_limit = r->hop, .src = r->src, .dst = r->dst,
	};
	be16_t port = be16_put(r->udp_port);
	uint8_t *at;

	f->inner = f->len;
	memcpy(more(f, sizeof(h)), &h, sizeof(h));
	at = more(f, payload);
	for (size_t i = 0; i + 8 <= payload && i < 64; i += 8) {
		uint64_t chance = dice_roll(d);

		memcpy(at + i, &chance, sizeof(chance));
	}
	if (r->next == PROTO_UDP && payload >= 4)
		memcpy(at + 2, &port, sizeof(port));
	if (r->next == PROTO_TCP && payload >= 14)
		at[13] = r->tcp_flags;
	if (r->next == PROTO_TCP && payload >= 24) {
		at[12] = 6 << 4;
		memcpy(at + 20, "\2\4\xff", 3);	/* the MSS option, larger than anybody's */
	}
}

static void make_frame(struct frame *f, const struct scene *s, const struct recipe *r,
		       struct dice *d)
{
	f->len = 0;
	f->device = s->world.ifindex[world_port[r->at].device];
	make_link(f, r, r->heading == OUTWARD ? ETHER_IPV6 : ETHER_IPV4);
	if (r->heading != OUTWARD)
		make_outer(f, r);
	make_inner(f, r, d);
	dice_fill(d, more(f, r->trail), r->trail);
	dice_fill(d, more(f, r->padding), r->padding);
}

#endif
