/*
 * AYIYA past the kernel's stack: which frames go to a worker, what it gets, and what becomes of
 * its orders.
 *
 *	t_frames [frames [seed]]
 *
 * Frames of an AYIYA tunnel in force and of its uplink, half of them with octets changed, cut
 * or padded. To the worker goes what the kernel would have given to its socket or to the TUN
 * device, exactly as that would have been, and nothing else; all other frames go up as they came.
 *
 * Needs root, BPF and AF_XDP; elsewhere it says so and is skipped.
 */
#include "around.h"
#include "host/steer.h"
#include "host/xsk.h"
#include "wire/ayiya.h"

#define FRAMES		400000
#define SEED		UINT64_C(0xa11ce)
#define TID		0x16
#define THEM		"198.51.100.22"
#define INNER		"2001:db8:2ff:16::2"
#define HOST		"2001:db8:f000::12"	/* a neighbour on facc */

enum failure { LOST_ONE, NOT_ITS, OTHER_OCTETS, OTHER_PACKET, LEFT_BEHIND, TOUCHED, FAILURES };

static const char *const failure_name[FAILURES] = {
	[LOST_ONE] = "every frame goes to a worker or up: with room none is dropped",
	[NOT_ITS] = "to a worker goes only what the kernel would have given it",
	[OTHER_OCTETS] = "as it came, but for the hop of what comes from the uplink",
	[OTHER_PACKET] = "and the packet in it is the one the kernel would have given it",
	[LEFT_BEHIND] = "and all of that, where it is in force",
	[TOUCHED] = "what goes up is as it came",
};

struct run {
	struct scene	scene;
	struct dice	dice;
	struct xsk_set	*set;
	struct steer_gate *gate;
	struct steer_flow *flow;
	struct frame	frame;
	uint8_t		got[FRAME_MAX + 64];
	uint32_t	got_len;
	uint32_t	answer;
	uint64_t	taken[2], up[2];	/* AYIYA, native */
	uint64_t	failed[FAILURES];
};

/* ---- frames ---- */

static struct ip6_addr inner_host(struct run *r, bool plain)
{
	static const char *const some[] = { INNER, "2001:db8:2ff:8016::7", "2001:db8:2ff:16::1",
					    "2001:db8:2ff:1::2", "2001:db8:2ff:17::2", HOST };

	return address(plain ? INNER : some[dice_below(&r->dice, ARRAY_LEN(some))]);
}

static void put_ayiya(struct run *r, bool plain)
{
	struct frame *f = &r->frame;
	uint16_t octets = (uint16_t)(sizeof(struct ayiya_hdr) + dice_below(&r->dice, 300));
	struct ip6_addr them = address(plain || dice_below(&r->dice, 8) ? THEM : "198.51.100.23");
	struct ayiya_hdr a = { AYIYA_ID_IP6, AYIYA_SIG_SHA1, AYIYA_AUTH_SECRET | AYIYA_OP_FORWARD,
			       PROTO_IPV6, { 0 }, inner_host(r, plain) };
	struct ip6_addr us = address(plain || dice_below(&r->dice, 8) ? OUR_FIRST : OUR_SECOND);

	struct udp_hdr u = { be16_put(40001), be16_put(PORT_AYIYA),
			     be16_put((uint16_t)(sizeof(u) + octets)), { 0 } };
	struct ip4_hdr h = {
		.vihl = 0x45, .tos = (uint8_t)(dice_byte(&r->dice) & 3), .ttl = 60,
		.total_len = be16_put((uint16_t)(sizeof(h) + sizeof(u) + octets)),
		.protocol = PROTO_UDP, .src = addr_to_ip4_wire(&them), .dst = addr_to_ip4_wire(&us),
	};

	h.checksum = sum_done(sum_add(0, &h, sizeof(h)));
	memcpy(more(f, sizeof(h)), &h, sizeof(h));
	memcpy(more(f, sizeof(u)), &u, sizeof(u));
	memcpy(more(f, octets), &a, sizeof(a));
}

static void put_native(struct run *r, bool plain)
{
	static const uint8_t next[] = { PROTO_TCP, PROTO_ICMP6, PROTO_UDP, PROTO_ESP, 0, 44 };
	struct frame *f = &r->frame;
	uint16_t octets = (uint16_t)(40 + dice_below(&r->dice, plain ? 1200 : 1600));
	struct ip6_hdr h;

	octets = (uint16_t)min_size(octets, sizeof(f->bytes) - f->len - sizeof(h));
	h = (struct ip6_hdr){
		.vtf = be32_put(6u << 28), .payload_len = be16_put(octets),
		.next = next[plain ? 0 : dice_below(&r->dice, ARRAY_LEN(next))],
		.hop_limit = plain ? 64 : dice_byte(&r->dice) % 4, .src = address(HOST),
		.dst = inner_host(r, plain),
	};
	if (!plain && dice_one_in(&r->dice, 8))
		h.src = address("2001:db8:2ff:1::2");
	memcpy(more(f, sizeof(h)), &h, sizeof(h));
	dice_fill(&r->dice, more(f, octets), octets);
}

/* Return: is there nothing odd about it? */
static bool make(struct run *r, bool native)
{
	bool plain = dice_one_in(&r->dice, 2);
	enum door at = plain || dice_below(&r->dice, 4) ? DOOR_UP :
		       (enum door)dice_below(&r->dice, DOOR_COUNT);
	struct recipe link = { .at = at, .tagged = world_port[at].vlan || dice_one_in(&r->dice, 9),
			       .vlan = world_port[at].vlan };

	memcpy(link.dmac, r->scene.world.mac[world_port[at].dev], 6);
	r->frame.len = 0;
	r->frame.device = r->scene.world.ifindex[world_port[at].device];
	make_link(&r->frame, &link, native ? ETHER_IPV6 : ETHER_IPV4);
	(native ? put_native : put_ayiya)(r, plain);
	if (plain)
		return true;
	for (uint32_t i = dice_below(&r->dice, 4); i > 0; i--)
		r->frame.bytes[dice_below(&r->dice, (uint32_t)min_size(r->frame.len, 90))] ^=
			(uint8_t)(1 << dice_below(&r->dice, 8));
	if (dice_one_in(&r->dice, 6))
		r->frame.len = 14 + dice_below(&r->dice, (uint32_t)r->frame.len - 13);
	return false;
}

/* ---- what the kernel would have done ---- */

/* To the socket: a whole datagram for our port; the kernel trims, and drops what is short. */
static bool is_datagram(struct fixture *f, struct cur c)
{
	struct cur peek = c;
	struct ip4_hdr h;
	struct udp_hdr u;
	size_t len;

	if (!CUR_TAKE(&peek, &h) || h.vihl != 0x45 || be16_get(&h.total_len) != c.left ||
	    !sum_ok(sum_add(0, c.at, sizeof(h))) || h.protocol != PROTO_UDP ||
	    be16_get(&h.frag) & (IP4_MF | IP4_OFFSET_MASK) || !CUR_TAKE(&peek, &u) ||
	    be16_get(&u.dst) != PORT_AYIYA)
		return false;
	len = be16_get(&u.len);
	f->p.outer = (struct outer){ .them = addr_from_ip4_wire(&h.src),
				     .us = addr_from_ip4_wire(&h.dst), .ecn = h.tos & 3,
				     .them_port = be16_get(&u.src), .us_port = PORT_AYIYA };
	f->p.via = VIA_AYIYA;
	f->p.len = len < sizeof(u) || len - sizeof(u) > peek.left ? SIZE_MAX : len - sizeof(u);
	memcpy(f->in + PKT_HEADROOM, peek.at, peek.left);
	return peek.left >= sizeof(struct ayiya_hdr);
}

static bool is_of_tunnel(const struct run *r, const struct ip6_addr *a)
{
	struct place w = config_lookup6(r->scene.ref->pa.cf, a);

	return (w.kind == PLACE_REMOTE || w.kind == PLACE_ROUTED) && w.tid == TID;
}

static bool ayiya_is_its(const struct run *r, struct fixture *f, struct cur c)
{
	struct ip6_addr us = address(OUR_FIRST), them = address(THEM);
	struct ayiya_hdr a;

	if (!is_datagram(f, c))
		return false;
	memcpy(&a, f->in + PKT_HEADROOM, sizeof(a));
	return addr_eq(&f->p.outer.us, &us) && addr_eq(&f->p.outer.them, &them) &&
	       is_of_tunnel(r, &a.identity);
}

/* What the fast path may look at of an inner packet is narrower than what the daemon may. */
static bool native_is_its(const struct run *r, struct fixture *f, struct cur c, enum door at)
{
	size_t left = c.left;
	struct ip6_hdr h;
	struct udp_hdr u;

	if (!input6(&r->scene, f, c, at) || f->p.len != left)
		return false;
	(void)!CUR_TAKE(&c, &h);
	if (config_lookup6(r->scene.ref->pa.cf, &h.src).kind != PLACE_UPLINK ||
	    !is_of_tunnel(r, &h.dst) || f->p.len > 1480)
		return false;
	if (h.next == PROTO_UDP)
		return CUR_TAKE(&c, &u) && be16_get(&u.dst) != PORT_AYIYA;
	return h.next == PROTO_TCP || h.next == PROTO_ICMP6 || h.next == PROTO_ESP || h.next == 132 ||
	       h.next == 136;
}

/* A source that is global, and in nobody's embedding: the program's own idea of it. */
static bool is_plain_source(const struct frame *f, size_t l2)
{
	const uint8_t *a = f->bytes + l2 + 8;
	bool isatap = (a[8] & ~2) == 0 && a[9] == 0 && a[10] == 0x5e && a[11] == 0xfe;

	return a[0] >> 5 == 1 && !isatap && memcmp(a, "\x20\x01\0\0", 4) != 0 &&
	       memcmp(a, "\x20\x02", 2) != 0;
}

/* Return: is it the worker's? Then @f->p is what it should get. */
static bool is_its(const struct run *r, struct fixture *f)
{
	struct cur c = cur_of(r->frame.bytes, r->frame.len);
	struct vlan_tag tag = { .tci = { 0 } };
	struct ether_hdr e;
	enum door at;
	size_t l2 = 14;

	if (!CUR_TAKE(&c, &e))
		return false;
	if (be16_get(&e.type) == ETHER_VLAN) {
		if (!CUR_TAKE(&c, &tag))
			return false;
		e.type = tag.type;
		l2 += sizeof(tag);
	}
	at = arrived_at(&r->scene, r->frame.device, be16_get(&tag.tci) & 0xfff);
	if (at == DOOR_NONE || !r->scene.head->keeper[(unsigned int)at * FAST_QUEUES] ||
	    memcmp(e.dst, r->scene.world.mac[world_port[at].dev], 6) != 0 ||
	    r->frame.len > FAST_FRAME_MAX)
		return false;
	pkt_init(&f->p, f->in, 0, VIA_TUN);
	if (be16_get(&e.type) == ETHER_IPV4)
		return ayiya_is_its(r, f, c);
	return be16_get(&e.type) == ETHER_IPV6 && native_is_its(r, f, c, at) &&
	       is_plain_source(&r->frame, l2);
}

/* ---- one frame ---- */

static int shoot(struct run *r, int program, const void *bytes, size_t len)
{
	struct xdp_md md = { .data_end = (uint32_t)len, .ingress_ifindex = r->frame.device };
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = bytes, .data_size_in = (uint32_t)len,
		    .data_out = r->got, .data_size_out = sizeof(r->got), .ctx_in = &md,
		    .ctx_size_in = sizeof(md));

	if (bpf_prog_test_run_opts(program, &o) != 0)
		return -1;
	r->got_len = o.data_size_out;
	return (int)o.retval;
}

static void fail(struct run *r, enum failure why)
{
	if (r->failed[why]++ > 0)
		return;
	printf("# not so: %s\n#   ", failure_name[why]);
	for (size_t i = 0; i < r->frame.len && i < 110; i++)
		printf("%02x%s", r->frame.bytes[i], i % 4 == 3 ? " " : "");
	printf(" (%zu octets)\n", r->frame.len);
}

static bool same_outer(const struct pkt *a, const struct pkt *b)
{
	return a->via == VIA_TUN ||
	       (addr_eq(&a->outer.them, &b->outer.them) && addr_eq(&a->outer.us, &b->outer.us) &&
		a->outer.them_port == b->outer.them_port && a->outer.us_port == b->outer.us_port &&
		a->outer.ecn == b->outer.ecn);
}

/* What was redirected is in r->got. */
static void judge_taken(struct run *r, const struct fixture *f)
{
	static uint8_t room[PKT_ROOM];
	struct frame want = r->frame;
	struct pkt p;

	if (f->p.via == VIA_TUN) {	/* the kernel's part of forwarding */
		size_t l2 = memcmp(want.bytes + 12, "\x81\0", 2) == 0 ? 18 : 14;

		want.bytes[l2 + offsetof(struct ip6_hdr, hop_limit)]--;
	}
	if (r->got_len != want.len || memcmp(r->got, want.bytes, want.len) != 0)
		fail(r, OTHER_OCTETS);
	memcpy(room + PKT_HEADROOM, r->got, r->got_len);
	pkt_init(&p, room, r->got_len, VIA_TUN);
	if (outer_strip_frame(&p) != PASS) {
		if (f->p.len != SIZE_MAX)
			fail(r, OTHER_PACKET);
		return;
	}
	if (p.via != f->p.via || p.len != f->p.len || !same_outer(&p, &f->p) ||
	    memcmp(p.data, f->in + PKT_HEADROOM, p.len) != 0)
		fail(r, OTHER_PACKET);
}

static bool one_frame(struct run *r)
{
	bool native = dice_one_in(&r->dice, 2), its;
	struct fixture *f = r->scene.judge;
	int action;

	(void)make(r, native);
	r->gate->round++;		/* there is always room */
	action = shoot(r, xdp_program(r->scene.xdp), r->frame.bytes, r->frame.len);
	if (action < 0)
		return false;
	if (action == XDP_REDIRECT && memcmp(r->got, r->frame.bytes, 6) != 0)
		return true;		/* forwarded: another tunnel's, and t_fast's business */
	its = is_its(r, f);
	if (action == XDP_REDIRECT) {
		r->taken[native]++;
		if (its)
			judge_taken(r, f);
		else
			fail(r, NOT_ITS);
		return true;
	}
	r->up[native]++;
	if (action != XDP_PASS)
		fail(r, LOST_ONE);
	if (its)
		fail(r, LEFT_BEHIND);
	if (r->got_len != r->frame.len || memcmp(r->got, r->frame.bytes, r->got_len) != 0)
		fail(r, TOUCHED);
	return true;
}

/* ---- no room ---- */

static void one_tunnel_gets_its_quota(struct run *r)
{
	uint32_t room = r->gate->quota, before = r->flow[STEER_GATE_XSK * (POP_TUNNELS + 1) + TID].shed;
	uint32_t taken = 0, dropped = 0;

	struct recipe link = { .at = DOOR_UP };

	memcpy(link.dmac, r->scene.world.mac[FUP], 6);
	r->frame.device = r->scene.world.ifindex[FUP];
	r->gate->round++;
	for (uint32_t i = 0; i < 2 * room; i++) {
		r->frame.len = 0;
		make_link(&r->frame, &link, ETHER_IPV4);
		put_ayiya(r, true);

		int action = shoot(r, xdp_program(r->scene.xdp), r->frame.bytes, r->frame.len);

		taken += action == XDP_REDIRECT;
		dropped += action == XDP_DROP;
	}
	ok(taken == room && dropped == room, "a tunnel gets in what its quota is, and no more");
	ok(r->flow[STEER_GATE_XSK * (POP_TUNNELS + 1) + TID].shed - before == dropped,
	   "and what is kept out is counted on it");
	r->gate->round++;
	ok(shoot(r, xdp_program(r->scene.xdp), r->frame.bytes, r->frame.len) == XDP_REDIRECT,
	   "with the next round it goes on");
}

/* ---- orders ---- */

struct order {
	const char	*what;
	uint8_t		kind;
	uint16_t	tid;
	const char	*src, *dst;
	uint8_t		hop;
	uint16_t	octets;		/* of the packet */
	enum door	out;		/* DOOR_NONE: refused */
	enum gateway	gateway;
};

static const struct order orders[] = {
	{ "an inner packet to a neighbour", FAST_ORDER_NATIVE, TID, INNER, HOST, 64, 100, DOOR_ACC,
	  GW_ACC },
	{ "an inner packet to the default route", FAST_ORDER_NATIVE, TID, INNER, "2a05::1", 2, 1280,
	  DOOR_UP, GW_UP },
	{ "an inner packet through a VLAN", FAST_ORDER_NATIVE, TID, INNER, "2001:db8:e000::1", 9, 1500,
	  DOOR_VL7, GW_VL7 },
	{ "hop limit 1", FAST_ORDER_NATIVE, TID, INNER, HOST, 1, 100, DOOR_NONE, GW_ACC },
	{ "longer than the way out", FAST_ORDER_NATIVE, TID, INNER, HOST, 64, 1501, DOOR_NONE, GW_ACC },
	{ "longer than a locked route", FAST_ORDER_NATIVE, TID, INNER, "2a04::1", 64, 1301, DOOR_NONE,
	  GW_UP },
	{ "unreachable", FAST_ORDER_NATIVE, TID, INNER, "2a02::1", 64, 100, DOOR_NONE, GW_UP },
	{ "through an interface that is no port", FAST_ORDER_NATIVE, TID, INNER, "2a01::1", 64, 100,
	  DOOR_NONE, GW_UP },
	{ "for ourselves", FAST_ORDER_NATIVE, TID, INNER, "2001:db8:2ff:16::1", 64, 100, DOOR_NONE, GW_UP },
	{ "an outer packet to the endpoint", FAST_ORDER_OUTER, TID, OUR_FIRST, THEM, 64, 172, DOOR_UP,
	  GW_UP },
	{ "as long as the way out", FAST_ORDER_OUTER, TID, OUR_FIRST, THEM, 64, 1500, DOOR_UP, GW_UP },
	{ "longer", FAST_ORDER_OUTER, TID, OUR_FIRST, THEM, 64, 1501, DOOR_NONE, GW_UP },
	{ "to where the endpoint was", FAST_ORDER_OUTER, TID, OUR_FIRST, "198.51.100.23", 64, 172,
	  DOOR_NONE, GW_UP },
	{ "from another address of ours", FAST_ORDER_OUTER, TID, OUR_SECOND, THEM, 64, 172, DOOR_NONE,
	  GW_UP },
	{ "of a tunnel that is no AYIYA", FAST_ORDER_OUTER, 1, OUR_FIRST, "198.51.100.7", 64, 172,
	  DOOR_NONE, GW_UP },
	{ "of a tunnel that is not there", FAST_ORDER_OUTER, 0xffff, OUR_FIRST, THEM, 64, 172, DOOR_NONE,
	  GW_UP },
};

static struct frame order_frame(const struct order *t)
{
	struct fast_order o = { .what = t->kind, .tid = t->tid };
	struct ip6_addr src = address(t->src), dst = address(t->dst);
	struct frame f = { .len = 0 };
	uint8_t *at;

	memcpy(more(&f, sizeof(o)), &o, sizeof(o));
	at = more(&f, t->octets);
	if (t->kind == FAST_ORDER_NATIVE) {
		struct ip6_hdr h = { .vtf = be32_put(6u << 28), .next = PROTO_TCP,
				     .payload_len = be16_put((uint16_t)(t->octets - 40)),
				     .hop_limit = t->hop, .src = src, .dst = dst };

		memcpy(at, &h, sizeof(h));
	} else {
		struct ip4_hdr h = { .vihl = 0x45, .ttl = t->hop, .protocol = PROTO_UDP,
				     .total_len = be16_put(t->octets), .src = addr_to_ip4_wire(&src),
				     .dst = addr_to_ip4_wire(&dst) };

		memcpy(at, &h, sizeof(h));
	}
	return f;
}

static bool left_as_it_should(const struct run *r, const struct order *t, const struct frame *f)
{
	struct recipe link = { .tagged = world_port[t->out].vlan != 0, .vlan = world_port[t->out].vlan };
	struct frame want = { .len = 0 };
	bool native = t->kind == FAST_ORDER_NATIVE;

	memcpy(link.dmac, r->scene.world.gateway[t->gateway], 6);
	make_link(&want, &link, native ? ETHER_IPV6 : ETHER_IPV4);
	memcpy(want.bytes + 6, r->scene.world.mac[world_port[t->out].dev], 6);
	memcpy(more(&want, t->octets), f->bytes + sizeof(struct fast_order), t->octets);
	if (native)
		want.bytes[want.len - t->octets + offsetof(struct ip6_hdr, hop_limit)]--;
	return want.len == r->got_len && memcmp(want.bytes, r->got, want.len) == 0;
}

/* Return: 1 followed, 0 refused, -1 neither, or not as it should be */
static int give(struct run *r, const struct order *t)
{
	struct frame f = order_frame(t);
	uint32_t before = r->set->answer->refused;
	int action = shoot(r, xdp_program_order(r->scene.xdp), f.bytes, f.len);
	uint32_t refused = r->set->answer->refused - before;

	if (action == XDP_REDIRECT && refused == 0)
		return t->out != DOOR_NONE && !left_as_it_should(r, t, &f) ? -1 : 1;
	return action == XDP_DROP && refused == 1 ? 0 : -1;
}

static void every_order(struct run *r)
{
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		const struct order *t = &orders[i];
		int want = t->out != DOOR_NONE;

		/* the first asks the kernel, the second remembers */
		ok(give(r, t) == want && give(r, t) == want, "%s: %s", t->what,
		   want ? "leaves with its next hop" : "is refused at once");
	}
	sync_pause(&r->scene.sync);
	ok(give(r, &orders[0]) == 0 && give(r, &orders[9]) == 0, "while it is off all are refused");
	sync_resume(&r->scene.sync);
	scene_move(&r->scene, TID);
	ok(give(r, &orders[9]) == 0 && give(r, &orders[0]) == 1,
	   "and outer ones while the endpoint is being moved");
	scene_settle(&r->scene);
	ok(give(r, &orders[9]) == 1, "until it is in force again");
}

/* ---- opening ---- */

static bool open_sockets(struct run *r, struct why *why)
{
	static const struct { enum door at; unsigned int socket; } keep[] = {
		{ DOOR_UP, 0 }, { DOOR_ACC, 1 }, { DOOR_VL7, 1 },	/* of VLAN 9 there is none */
	};
	struct scene *s = &r->scene;

	r->set = xsk_open(1, why);
	if (!r->set)
		return false;
	r->set->answer = xdp_answers(s->xdp);
	if (xsk_bind(&r->set->xsk[0], s->world.ifindex[FUP], 0) < 0 ||
	    xsk_bind(&r->set->xsk[1], s->world.ifindex[FACC], 0) < 0) {
		why_say(why, -ENOTSUP, "no AF_XDP socket on a veth here");
		return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(keep); i++) {
		uint32_t at = (uint32_t)keep[i].at * FAST_QUEUES;

		if (xdp_set_socket(s->xdp, at, r->set->xsk[keep[i].socket].fd) < 0)
			return false;
		s->head->keeper[at] = 1;
	}
	return true;
}

static void quiet(void *context, enum logged event, const struct fact *facts, unsigned int n,
		  const char *sentence)
{
	(void)context, (void)event, (void)facts, (void)n, (void)sentence;
}

int main(int argc, char **argv)
{
	static struct run r;
	const struct limits limits = { .tunnels = POP_TUNNELS, .subnets = POP_SUBNETS };
	const struct say say = { .line = quiet };
	uint64_t frames = argc > 1 ? strtoull(argv[1], NULL, 0) : FRAMES;
	struct why why = { .text = "" };
	bool good = true;

	r.dice.state = argc > 2 ? strtoull(argv[2], NULL, 0) : SEED;
	r.scene.steer = steer_open(1, limits, &say);
	if (!r.scene.steer || !scene_open(&r.scene, true, &why) || !open_sockets(&r, &why)) {
		printf("1..0 # SKIP %s\n", why.text[0] ? why.text : "no BPF here");
		return 0;
	}
	r.gate = &steer_gates(r.scene.steer, 0)[STEER_GATE_XSK];
	r.flow = steer_flows(r.scene.steer);
	for (uint64_t i = 0; i < frames && good; i++)
		good = one_frame(&r);
	ok(good, "every frame could be run");
	for (int i = 0; i < FAILURES; i++)
		ok(r.failed[i] == 0, "%s", failure_name[i]);
	printf("# AYIYA: %llu taken, %llu up; native: %llu taken, %llu up\n",
	       (unsigned long long)r.taken[0], (unsigned long long)r.up[0],
	       (unsigned long long)r.taken[1], (unsigned long long)r.up[1]);
	ok(r.taken[0] > frames / 5 && r.taken[1] > frames / 5 && r.up[0] > frames / 20 &&
	   r.up[1] > frames / 20, "of both kinds many were taken, and many were not");
	one_tunnel_gets_its_quota(&r);
	every_order(&r);
	return tap_done();
}
