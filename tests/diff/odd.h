/*
 * tests/diff/odd.h - what may be odd about a frame, one thing at a time
 *
 * FATE_SAME: the program must forward it whenever path/ would, as if nothing were odd.
 * FATE_UP: it must never forward it. FATE_ANY: it may pass up, but may not be wrong.
 */
#ifndef SIXXSD_TEST_ODD_H
#define SIXXSD_TEST_ODD_H

#include "make.h"

enum fate { FATE_SAME, FATE_UP, FATE_ANY };

typedef void recipe_change(struct dice *d, const struct scene *s, struct recipe *r);
typedef void frame_change(struct dice *d, struct frame *f);

/* ---- link ---- */

static void priority_tag(struct dice *d, const struct scene *s, struct recipe *r)
{
	(void)d, (void)s;
	r->tagged = true;
}

static void other_vlan(struct dice *d, const struct scene *s, struct recipe *r)
{
	(void)s;
	r->tagged = true;
	r->vlan = (uint16_t)(10 + dice_below(d, 4000));
}

static void untagged(struct dice *d, const struct scene *s, struct recipe *r)
{
	(void)d;
	r->at = DOOR_VL7;
	r->tagged = false;	/* then it is for the port that has no tag, whose address it is not */
	memcpy(r->dmac, s->world.mac[FVL7], 6);
}

static void other_mac(struct dice *d, const struct scene *s, struct recipe *r)
{
	(void)s;
	r->dmac[dice_below(d, 6)] ^= (uint8_t)(1u << dice_below(d, 8));
}

static void padded(struct dice *d, const struct scene *s, struct recipe *r)
{
	(void)s;
	r->padding = (uint8_t)(1 + dice_below(d, 40));
}

/* ---- outer header ---- */

static void options(struct dice *d, const struct scene *s, struct recipe *r)
{
	(void)s;
	r->options = (uint8_t)(1 + dice_below(d, 10));
}

static void fragment(struct dice *d, const struct scene *s, struct recipe *r)
{
	(void)s;
	r->frag = (uint16_t)(dice_one_in(d, 2) ? IP4_MF : 1 + dice_below(d, IP4_OFFSET_MASK));
}

static void reserved_bit(struct dice *d, const struct scene *s, struct recipe *r)
{
	(void)d, (void)s;
	r->frag |= 0x8000;
}

static void gre_flags(struct dice *d, const struct scene *s, struct recipe *r)
{
	(void)s;
	r->gre_flags = (uint16_t)(1u << dice_below(d, 16));
}

static void gre_proto(struct dice *d, const struct scene *s, struct recipe *r)
{
	(void)s;
	r->gre_proto ^= (uint16_t)(1u << dice_below(d, 16));
}

static void other_proto(struct dice *d, const struct scene *s, struct recipe *r)
{
	static const uint8_t proto[] = { 41, 47, 4, 17, 6, 97, 0 };

	(void)s;
	r->proto = proto[dice_below(d, sizeof(proto))];
}

static void other_sender(struct dice *d, const struct scene *s, struct recipe *r)
{
	(void)s;
	r->them.b[dice_below(d, 4)] ^= (uint8_t)(1u << dice_below(d, 8));
}

static void other_address_of_ours(struct dice *d, const struct scene *s, struct recipe *r)
{
	(void)d, (void)s;
	r->us.b[3] ^= 1;	/* 42, 43 */
}

static void not_for_us(struct dice *d, const struct scene *s, struct recipe *r)
{
	(void)s;
	r->us.b[dice_below(d, 3)] ^= (uint8_t)(1u << dice_below(d, 8));
}

static void outer_length(struct dice *d, const struct scene *s, struct recipe *r)
{
	(void)s;
	r->outer_lie = (int)dice_below(d, 41) - 20;
	r->outer_lie += r->outer_lie == 0;
}

static void trailing(struct dice *d, const struct scene *s, struct recipe *r)
{
	(void)s;
	r->trail = (uint8_t)(1 + dice_below(d, 40));
}

static void congested(struct dice *d, const struct scene *s, struct recipe *r)
{
	(void)d, (void)s;
	r->tos |= 3;
}

/* ---- inner packet ---- */

static void version(struct dice *d, const struct scene *s, struct recipe *r)
{
	(void)s;
	r->version = (uint8_t)(r->version ^ (1 + dice_below(d, 15)));
}

static void inner_length(struct dice *d, const struct scene *s, struct recipe *r)
{
	(void)s;
	r->lie = (int)dice_below(d, 81) - 40;
	r->lie += r->lie == 0;
}

static void next_header(struct dice *d, const struct scene *s, struct recipe *r)
{
	(void)s;
	r->next = dice_byte(d);
}

static void extension(struct dice *d, const struct scene *s, struct recipe *r)
{
	static const uint8_t next[] = { 0, 43, 44, 51, 59, 60, 135, 139, 140, 253, 254 };

	(void)s;
	r->next = next[dice_below(d, sizeof(next))];
}

static void nested(struct dice *d, const struct scene *s, struct recipe *r)
{
	static const uint8_t next[] = { 4, 41, 47 };

	(void)s;
	r->next = next[dice_below(d, sizeof(next))];
}

static void ayiya(struct dice *d, const struct scene *s, struct recipe *r)
{
	(void)d, (void)s;
	r->next = 17;
	r->udp_port = PORT_AYIYA;
	r->len = (uint16_t)(r->len < 48 ? 48 : r->len);
}

static void short_udp(struct dice *d, const struct scene *s, struct recipe *r)
{
	(void)s;
	r->next = 17;
	r->len = (uint16_t)(40 + dice_below(d, 8));
}

static void short_tcp(struct dice *d, const struct scene *s, struct recipe *r)
{
	(void)s;
	r->next = 6;
	r->len = (uint16_t)(40 + dice_below(d, 20));
}

static void syn(struct dice *d, const struct scene *s, struct recipe *r)
{
	(void)d, (void)s;
	r->next = 6;
	r->tcp_flags |= TCP_SYN;
}

static void last_hop(struct dice *d, const struct scene *s, struct recipe *r)
{
	(void)s;
	r->hop = (uint8_t)dice_below(d, 2);
}

static void too_big(struct dice *d, const struct scene *s, struct recipe *r)
{
	(void)s;
	r->len = (uint16_t)(1501 - dice_below(d, 20));
}

/* ---- addresses ---- */

static struct ip6_addr any_class(struct dice *d, const struct scene *s)
{
	static const char *const class[] = {
		"::", "::1", "::2", "::192.0.2.42", "::ffff:192.0.2.42", "64:ff9b::1", "100::1",
		"2001::1", "2001:0:c000:22a::1", "2001:0:1:2:3:4:3fff:fdd5", "2001:2::1",
		"2002::1", "2002:c000:22a::1", "2002:c000:22a:1::1", "2001:db8:e000::5efe:192.0.2.42",
		"2a05::200:5efe:192.0.2.42", "2a05::5efe:198.51.100.7", "1fff::1", "2000::1",
		"3fff:ffff::1", "4000::1", "5f00::1", "fc00::1", "fd00::1", "fe7f::1", "fe80::1",
		"febf::1", "fec0::1", "ff02::1", "ff0e::1", "2001:db8::42",
		"2001:db8:2ff:1::1", "2001:db8:2ff:1::3", "2001:db8:2ff:ffff::1",
		"2001:db8:2ff:ffff::2", "2001:db8:2ff:7fff::1", "2001:db8:2ff:7fff::2",
		"2001:db8:2ff:7ff::2", "2001:db8:2ff:800::2", "2001:db8:2ff:8001::5efe:c000:22a",
		"2001:db8:2ff::2", "2001:db8:2ff:6::2", "2001:db8:2fe:ffff::1", "2001:db8:300::1",
		"2001:db8:3000::1", "2001:db8:30ff::1", "2001:db8:3100::1", "2001:db8:2fff::1",
		"2001:db8:4242::1", "2001:db8:4242:ff00::1", "2001:db8:4243::1",
	};

	if (dice_one_in(d, 6))	/* near the edge of something of ours */
		return tunnel_address(d, s, (uint16_t)dice_below(d, 0x8000));
	return address(class[dice_below(d, ARRAY_LEN(class))]);
}

static void source_class(struct dice *d, const struct scene *s, struct recipe *r)
{
	r->src = any_class(d, s);
}

static void dest_class(struct dice *d, const struct scene *s, struct recipe *r)
{
	r->dst = any_class(d, s);
}

static void another_tunnels_source(struct dice *d, const struct scene *s, struct recipe *r)
{
	r->src = tunnel_address(d, s, pick_tunnel(d));
}

static void native_source(struct dice *d, const struct scene *s, struct recipe *r)
{
	(void)s;
	r->src = native_address(d);
}

static void native_both(struct dice *d, const struct scene *s, struct recipe *r)
{
	(void)s;
	r->src = native_address(d);
	r->dst = native_address(d);
}

static void same_tunnel(struct dice *d, const struct scene *s, struct recipe *r)
{
	if (r->from != TID_NONE)
		r->dst = tunnel_address(d, s, r->from);
	else
		r->src = tunnel_address(d, s, r->to);
}

/* ---- to the octets ---- */

static void double_tag(struct dice *d, struct frame *f)
{
	(void)d;
	memmove(f->bytes + 16, f->bytes + 12, f->len - 12);
	memcpy(f->bytes + 12, "\x81\0\0\7", 4);
	f->len += 4;
	f->l2 += 4;
	if (f->l2 == 18)
		f->bytes[15] = (uint8_t)(10 + dice_below(d, 200));
}

static void outer_checksum(struct dice *d, struct frame *f)
{
	f->bytes[f->l2 + 10 + dice_below(d, 2)] ^= (uint8_t)(1 + dice_below(d, 255));
}

/* As if the header had 20 octets all the same. */
static void outer_first_octet(struct dice *d, struct frame *f)
{
	uint8_t *at = f->bytes + f->l2;
	be16_t sum;

	at[0] = (uint8_t)(at[0] ^ (1 + dice_below(d, 255)));
	memset(at + offsetof(struct ip4_hdr, checksum), 0, sizeof(sum));
	sum = sum_done(sum_add(0, at, sizeof(struct ip4_hdr)));
	memcpy(at + offsetof(struct ip4_hdr, checksum), &sum, sizeof(sum));
}

/* Half of the time in the headers. */
static void flipped_bits(struct dice *d, struct frame *f)
{
	size_t reach = dice_one_in(d, 2) ? f->len : 14 + 4 + 20 + 4 + 40 + 20;

	for (uint32_t n = 1 + dice_below(d, 4); n > 0; n--)
		f->bytes[dice_below(d, (uint32_t)(reach < f->len ? reach : f->len))] ^=
			(uint8_t)(1u << dice_below(d, 8));
}

static void cut(struct dice *d, struct frame *f)
{
	f->len = 15 + dice_below(d, (uint32_t)f->len - 15);
}

static void garbage(struct dice *d, struct frame *f)
{
	f->len = 15 + dice_below(d, 200);
	dice_fill(d, f->bytes + 12, f->len - 12);
	if (dice_one_in(d, 2))
		memcpy(f->bytes + 12, dice_one_in(d, 2) ? "\x08\0" : "\x86\xdd", 2);
}

static const struct kind {
	const char	*name;
	enum fate	fate;
	recipe_change	*recipe;
	frame_change	*frame;
	bool		outer;		/* only of frames that have an outer header */
	bool		gre;		/* only of GRE */
} kinds[] = {
	{ "plain", FATE_SAME, NULL, NULL, false, false },
	{ "priority tag", FATE_SAME, priority_tag, NULL, false, false },
	{ "VLAN that is no port", FATE_UP, other_vlan, NULL, false, false },
	{ "tag left out", FATE_UP, untagged, NULL, false, false },
	{ "two tags", FATE_UP, NULL, double_tag, false, false },
	{ "for another Ethernet address", FATE_UP, other_mac, NULL, false, false },
	{ "padding behind the packet", FATE_UP, padded, NULL, false, false },
	{ "IPv4 options", FATE_UP, options, NULL, true, false },
	{ "IPv4 fragment", FATE_UP, fragment, NULL, true, false },
	{ "IPv4 reserved bit", FATE_ANY, reserved_bit, NULL, true, false },
	{ "IPv4 checksum wrong", FATE_UP, NULL, outer_checksum, true, false },
	{ "IPv4 version or header length", FATE_UP, NULL, outer_first_octet, true, false },
	{ "IPv4 length wrong", FATE_UP, outer_length, NULL, true, false },
	{ "another protocol", FATE_ANY, other_proto, NULL, true, false },
	{ "outer source of a stranger", FATE_UP, other_sender, NULL, true, false },
	{ "to another address of ours", FATE_UP, other_address_of_ours, NULL, true, false },
	{ "outer destination not ours", FATE_UP, not_for_us, NULL, true, false },
	{ "GRE flags", FATE_UP, gre_flags, NULL, true, true },
	{ "GRE protocol", FATE_UP, gre_proto, NULL, true, true },
	{ "octets behind the inner packet", FATE_UP, trailing, NULL, true, false },
	{ "congestion outside", FATE_SAME, congested, NULL, true, false },
	{ "inner version", FATE_UP, version, NULL, false, false },
	{ "inner length wrong", FATE_UP, inner_length, NULL, false, false },
	{ "any next header", FATE_ANY, next_header, NULL, false, false },
	{ "extension header", FATE_UP, extension, NULL, false, false },
	{ "tunnel inside", FATE_UP, nested, NULL, false, false },
	{ "AYIYA inside", FATE_UP, ayiya, NULL, false, false },
	{ "UDP cut short", FATE_UP, short_udp, NULL, false, false },
	{ "TCP cut short", FATE_ANY, short_tcp, NULL, false, false },
	{ "SYN", FATE_SAME, syn, NULL, false, false },
	{ "last hop", FATE_UP, last_hop, NULL, false, false },
	{ "about as large as a frame", FATE_SAME, too_big, NULL, false, false },
	{ "source of any class", FATE_ANY, source_class, NULL, false, false },
	{ "destination of any class", FATE_ANY, dest_class, NULL, false, false },
	{ "source of another tunnel", FATE_ANY, another_tunnels_source, NULL, false, false },
	{ "source from outside", FATE_ANY, native_source, NULL, false, false },
	{ "from outside to outside", FATE_UP, native_both, NULL, false, false },
	{ "back where it came from", FATE_UP, same_tunnel, NULL, false, false },
	{ "flipped bits", FATE_ANY, NULL, flipped_bits, false, false },
	{ "cut short", FATE_UP, NULL, cut, false, false },
	{ "garbage", FATE_UP, NULL, garbage, false, false },
};

#endif
