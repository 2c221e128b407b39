/*
 * tests/diff/around.h - the user-space path from wire to wire, with the kernel on both sides
 *
 * What the kernel does to a frame before the daemon sees the packet and afterwards, told
 * once more: link, IPv4 and IPv6 input, the hop it takes when it forwards, and the way out.
 */
#ifndef SIXXSD_TEST_AROUND_H
#define SIXXSD_TEST_AROUND_H

#include "io/outer.h"
#include "make.h"

/* A program that includes this need not use all of it. */
#pragma GCC diagnostic ignored "-Wunused-function"

/* What became of a frame. */
struct fate_of {
	bool		ran;		/* path/ has seen it */
	enum verdict	v;
	bool		sent;		/* @bytes is the frame as it leaves */
	enum door	out;
	size_t		len;
	uint8_t		bytes[FRAME_MAX];
};

static enum door arrived_at(const struct scene *s, uint32_t device, uint16_t vlan)
{
	for (int i = 0; i < DOOR_COUNT; i++) {
		if (s->world.ifindex[world_port[i].device] == device && world_port[i].vlan == vlan)
			return (enum door)i;
	}
	return DOOR_NONE;
}

/* To the raw sockets: a whole packet for an address of ours. */
static bool input4(struct fixture *f, struct cur c)
{
	struct ip6_addr dst, first = address(OUR_FIRST), second = address(OUR_SECOND);
	struct cur peek = c;
	struct ip4_hdr h;
	size_t header;

	if (!CUR_TAKE(&peek, &h) || h.vihl >> 4 != 4 || (h.vihl & 15) < 5)
		return false;
	header = (h.vihl & 15) * 4u;
	if (header > c.left || !sum_ok(sum_add(0, c.at, header)) ||
	    be16_get(&h.total_len) < header || be16_get(&h.total_len) > c.left)
		return false;
	dst = addr_from_ip4_wire(&h.dst);
	if ((!addr_eq(&dst, &first) && !addr_eq(&dst, &second)) ||
	    (h.protocol != PROTO_IPV6 && h.protocol != PROTO_GRE))
		return false;
	memcpy(f->in + PKT_HEADROOM, c.at, be16_get(&h.total_len));
	pkt_init(&f->p, f->in, be16_get(&h.total_len),
		 h.protocol == PROTO_GRE ? VIA_GRE : VIA_P41);
	return outer_strip4(&f->p) == PASS;
}

/* Forwarded to the TUN device: one hop less, and nothing behind the packet. */
static bool input6(const struct scene *s, struct fixture *f, struct cur c, enum door at)
{
	struct cur peek = c;
	struct ip6_hdr h;
	size_t len;

	if (!CUR_TAKE(&peek, &h) || be32_get(&h.vtf) >> 28 != 6)
		return false;
	len = sizeof(h) + be16_get(&h.payload_len);
	if (len > c.left || h.hop_limit <= 1 || !(world_port[at].flags & FAST_PORT_FORWARDS6) ||
	    !plan_is_inside(config_plan(s->ref->pa.cf), &h.dst))
		return false;
	memcpy(f->in + PKT_HEADROOM, c.at, len);
	f->in[PKT_HEADROOM + offsetof(struct ip6_hdr, hop_limit)]--;
	pkt_init(&f->p, f->in, len, VIA_TUN);
	return true;
}

/* Return: does the daemon get it? Then @f->p is ready. */
static bool input(const struct scene *s, struct fixture *f, const struct frame *frame)
{
	struct cur c = cur_of(frame->bytes, frame->len);
	struct vlan_tag tag = { .tci = { 0 } };
	struct ether_hdr e;
	enum door at;

	if (!CUR_TAKE(&c, &e))
		return false;
	if (be16_get(&e.type) == ETHER_VLAN) {
		if (!CUR_TAKE(&c, &tag))
			return false;
		e.type = tag.type;
	}
	at = arrived_at(s, frame->device, be16_get(&tag.tci) & 0xfff);
	if (at == DOOR_NONE || memcmp(e.dst, s->world.mac[world_port[at].dev], 6) != 0)
		return false;
	if (be16_get(&e.type) == ETHER_IPV4)
		return input4(f, c);
	return be16_get(&e.type) == ETHER_IPV6 && input6(s, f, c, at);
}

/* The kernel's way out of what the daemon gave it. */
static const struct way *output_way(struct fixture *f)
{
	struct pkt *p = &f->p;
	struct ip6_hdr h;

	if (p->out == OUT_WIRE) {
		if (p->out_fragment || !addr_is_ip4(&p->out_to))
			return NULL;
		return world_route(world_way4, ARRAY_LEN(world_way4), &p->out_to);
	}
	memcpy(&h, p->data, sizeof(h));
	p->data[offsetof(struct ip6_hdr, hop_limit)]--;
	return world_route(world_way6, ARRAY_LEN(world_way6), &h.dst);
}

static void output(const struct scene *s, struct fixture *f, struct fate_of *o)
{
	const struct way *w = output_way(f);
	struct frame frame = { .len = 0 };
	struct recipe r = { .priority = 0 };
	uint16_t type = f->p.out == OUT_WIRE ? ETHER_IPV4 : ETHER_IPV6;
	const uint8_t *mac;

	if (!w || f->p.len > w->mtu)
		return;
	mac = s->world.mac[world_port[w->port].dev];
	r.vlan = world_port[w->port].vlan;
	r.tagged = r.vlan != 0;
	memcpy(r.dmac, s->world.gateway[w->gateway], 6);
	make_link(&frame, &r, type);
	memcpy(frame.bytes + 6, mac, 6);
	memcpy(more(&frame, f->p.len), f->p.data, f->p.len);
	memcpy(o->bytes, frame.bytes, frame.len);
	o->len = frame.len;
	o->out = w->port;
	o->sent = true;
}

/* The whole way, at @f's expense. */
static void around(const struct scene *s, struct fixture *f, const struct frame *frame,
		   struct fate_of *o)
{
	o->ran = o->sent = false;
	o->v = PASS;
	pkt_init(&f->p, f->in, 0, VIA_SELF);
	if (!input(s, f, frame))
		return;
	pkt_init(&f->reply, f->out, 0, VIA_SELF);
	o->ran = true;
	o->v = path_run(&f->pa, &f->p, &f->reply);
	f->pa.events = 0;
	if (o->v == SENT_TUNNEL || o->v == SENT_UPLINK)
		output(s, f, o);
}

#endif
