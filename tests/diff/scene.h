/*
 * tests/diff/scene.h - one PoP three times: in the maps, and in two fixtures of path/
 *
 * @ref sees only what the program has forwarded, so that its counters are what the maps'
 * must be; @judge says what would have become of the rest. The maps are loaded and kept
 * level by the daemon's own xdp/load.c and xdp/sync.c, which @ref's tunnels go through.
 */
#ifndef SIXXSD_TEST_SCENE_H
#define SIXXSD_TEST_SCENE_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>

#include "base/sum.h"
#include "host/host.h"
#include "pop.h"
#include "wire/gre.h"
#include "wire/udp.h"
#include "world.h"
#include "xdp/sync.h"

#define OUR_FIRST	"192.0.2.42"
#define OUR_SECOND	"192.0.2.43"

/* Why a tunnel is in the scene. */
enum role {
	ROLE_GOOD,		/* in force, and there is a way to its endpoint */
	ROLE_LOST,		/* in force, but the kernel knows no way through a port */
	ROLE_OFF,		/* not for the fast path */
};

static const struct actor {
	uint16_t	tid;
	enum role	role;
	const char	*them;		/* NULL: pop_new() made it */
	uint16_t	mtu;
	enum tunnel_encap encap;
	uint8_t		flags;
	const char	*what;
} scene_actor[] = {
	{ 0x1, ROLE_GOOD, NULL, 1428, ENCAP_AUTO, 0, "protocol 41" },
	{ 0x2, ROLE_GOOD, NULL, 1480, ENCAP_AUTO, 0, "protocol 41, largest MTU" },
	{ 0x5, ROLE_GOOD, "198.51.100.10", 1476, ENCAP_GRE, 0, "GRE" },
	{ 0x6, ROLE_GOOD, "203.0.113.6", 1280, ENCAP_GRE, 0, "GRE through a VLAN" },
	{ 0x7, ROLE_GOOD, "203.0.113.7", 1480, ENCAP_DIRECT, TUNNEL_MSS, "with MSS clamp" },
	{ 0xd, ROLE_GOOD, "198.51.101.13", 1480, ENCAP_DIRECT, 0, "through a route of 1400" },
	{ 0x12, ROLE_GOOD, "10.8.0.12", 1480, ENCAP_DIRECT, 0, "a neighbour" },
	{ 0x14, ROLE_GOOD, "198.51.100.14", 1480, ENCAP_DIRECT, 0, "path MTU 1350" },
	{ 0x7fe, ROLE_GOOD, "198.51.100.254", 1480, ENCAP_DIRECT, 0, "of the last slots" },
	{ 0xb, ROLE_LOST, "198.18.0.11", 1480, ENCAP_DIRECT, 0, "neighbour unknown" },
	{ 0xc, ROLE_LOST, "198.18.1.12", 1480, ENCAP_DIRECT, 0, "through a slow interface" },
	{ 0xe, ROLE_LOST, "198.18.2.14", 1480, ENCAP_GRE, 0, "blackhole" },
	{ 0x3, ROLE_OFF, NULL, 1280, ENCAP_AUTO, 0, "down" },
	{ 0x4, ROLE_OFF, NULL, 1280, ENCAP_AUTO, 0, "disabled" },
	{ 0x42c, ROLE_OFF, NULL, 1280, ENCAP_AUTO, 0, "over IPv6" },
	{ 0x8, ROLE_OFF, "198.51.100.18", 1476, ENCAP_GRE, TUNNEL_GRE_KEY, "GRE with a key" },
	{ 0x9, ROLE_OFF, "198.51.100.19", 1480, ENCAP_DIRECT, 0, "limited in rate" },
	{ 0xa, ROLE_OFF, "198.51.100.20", 1480, ENCAP_DIRECT, TUNNEL_DEBUG, "traced" },
	{ 0x11, ROLE_OFF, OUR_SECOND, 1480, ENCAP_DIRECT, 0, "its endpoint is the PoP" },
	{ 0x15, ROLE_OFF, "198.51.100.21", 1480, ENCAP_DIRECT, 0, "path MTU 1200" },
	{ 0x16, ROLE_OFF, "198.51.100.22", 1480, ENCAP_DIRECT, 0, "AYIYA" },
};

static const struct { uint16_t index, tid; } scene_subnet[] = {
	{ 3, 0x1 }, { 5, 0x5 }, { 6, 0x6 }, { 31, 0x7 }, { 32, 0x12 }, { 255, 0x1 }, { 256, 0x5 },
	{ 259, 0x2 }, { 300, 0x4 }, { 511, 0x7fe },
};

struct scene {
	struct world		world;
	struct fixture		*ref, *judge;
	struct endpoint		ep[POP_TUNNELS];	/* as both have it */
	bool			in_force[POP_TUNNELS];	/* the program may forward for it */
	const struct steer	*steer;			/* whose gates AYIYA passes; NULL: none */
	struct xdp		*xdp;
	struct sync		sync;
	struct fast_head	*head;
	unsigned int		here;			/* the cpu we run on */
};

/* ---- the fixtures ---- */

static void scene_tunnels(struct fixture *f)
{
	struct config *cf = pop_edit(f);

	cf->head->own[cf->head->owns++] = address(OUR_SECOND);
	for (size_t i = 0; i < ARRAY_LEN(scene_actor); i++) {
		const struct actor *a = &scene_actor[i];

		if (!a->them)
			continue;
		pop_static(f, cf, a->tid, a->them, a->mtu, a->flags);
		cf->tunnel[a->tid].encap = (uint8_t)a->encap;
		cf->tunnel[a->tid].gre_key = 7;
	}
	cf->tunnel[9].rate_pps = 1000;
	cf->tunnel[0x16].kind = KIND_AYIYA;
	memset(cf->subnet, 0xff, POP_SUBNETS * sizeof(*cf->subnet));
	for (size_t i = 0; i < ARRAY_LEN(scene_subnet); i++)
		cf->subnet[scene_subnet[i].index] = scene_subnet[i].tid;
	pop_apply(f);
}

/* Both fixtures learn it, as if the tunnel's owner had. */
static void scene_commit(struct scene *s, uint16_t tid)
{
	tunnel_commit(s->ref->pa.tb, tid, &s->ep[tid]);
	tunnel_commit(s->judge->pa.tb, tid, &s->ep[tid]);
}

static void scene_endpoints(struct scene *s)
{
	for (size_t i = 0; i < ARRAY_LEN(scene_actor); i++) {
		uint16_t tid = scene_actor[i].tid;
		struct endpoint *ep = &s->ep[tid];

		*ep = pop_tunnel(s->ref, tid)->ep;
		ep->us = address(addr_is_ip4(&ep->them) ? OUR_FIRST : pop_v6);
		if (tid == 0x12)
			ep->us = address(OUR_SECOND);
		if (tid == 0x14)
			ep->path_mtu_bytes = 1350;
		if (tid == 0x15)
			ep->path_mtu_bytes = 1200;
		if (tid == 0x16) {
			ep->them = address(scene_actor[i].them);
			ep->them_port = 5072;
			ep->type = TYPE_AYIYA;
			ep->state = STATE_UP;
		}
		scene_commit(s, tid);
	}
}

/* ---- what of it the program may touch, by rules of the test's own ---- */

static bool is_fast(const struct scene *s, uint16_t tid)
{
	const struct config *cf = s->ref->pa.cf;
	const struct tunnel_conf *c = &cf->tunnel[tid];
	const struct endpoint *ep = &s->ep[tid];
	bool plain = ep->type == TYPE_DIRECT || ep->type == TYPE_GRE;
	unsigned int narrow = 1280u + tunnel_overhead(c, ep);

	return c->kind == KIND_STATIC && ep->state == STATE_UP && plain &&
	       addr_is_ip4(&ep->them) && addr_is_ip4(&ep->us) && c->rate_pps == 0 &&
	       !(c->flags & (TUNNEL_DEBUG | TUNNEL_GRE_KEY)) && ep->path_mtu_bytes != 1200 &&
	       (ep->path_mtu_bytes == 0 || ep->path_mtu_bytes >= narrow) &&
	       !config_is_own(cf, &ep->them);
}

/* The owner commits an endpoint: from here on the tunnel's packets go up. */
static void scene_move(struct scene *s, uint16_t tid)
{
	scene_commit(s, tid);
	s->in_force[tid] = false;
}

/* Control has seen what the owners did. */
static void scene_settle(struct scene *s)
{
	sync_moved(&s->sync);
	for (size_t i = 0; i < ARRAY_LEN(scene_actor); i++)
		s->in_force[scene_actor[i].tid] = is_fast(s, scene_actor[i].tid);
}

static bool scene_ports(const struct scene *s)
{
	bool good = true;

	struct fast_head *h = s->head;

	h->wall_s = (uint32_t)s->ref->pa.wall.s;
	h->tun = s->world.ifindex[FTUN];
	h->ports = DOOR_COUNT;
	for (unsigned int i = 0; i < DOOR_COUNT; i++) {
		const struct world_port *from = &world_port[i];

		h->port[i] = (struct fast_port){
			.ifindex = s->world.ifindex[from->dev], .vlan = from->vlan,
			.device = s->world.ifindex[from->device], .flags = from->flags,
			.mtu_bytes = 1500,
		};
		memcpy(h->port[i].mac, s->world.mac[from->dev], 6);
		good &= xdp_set_exit(s->xdp, i, h->port[i].device) == 0;
	}
	return good;
}

/* ---- opening ---- */

/* A device has the receive queue that BPF_PROG_TEST_RUN names only while a program is there. */
static bool scene_attach(const struct scene *s)
{
	int fd = xdp_program(s->xdp);

	return bpf_xdp_attach((int)s->world.ifindex[FUP], fd, XDP_FLAGS_DRV_MODE, NULL) == 0 &&
	       bpf_xdp_attach((int)s->world.ifindex[FACC], fd, XDP_FLAGS_DRV_MODE, NULL) == 0;
}

/* The lines are one cpu's: stay on it. */
static bool scene_stay(struct scene *s)
{
	cpu_set_t one;

	s->here = (unsigned int)sched_getcpu();
	CPU_ZERO(&one);
	CPU_SET(s->here, &one);
	return sched_setaffinity(0, sizeof(one), &one) == 0;
}

/* @xdp: run as XDP, else as TC. Return: false with @why filled */
static bool scene_open(struct scene *s, bool xdp, struct why *why)
{
	const struct limits limits = { .tunnels = POP_TUNNELS, .subnets = POP_SUBNETS };

	s->xdp = scene_stay(s) ? xdp_load(limits, 1, s->steer, why) : NULL;
	if (!s->xdp)
		return false;
	if (!world_open(&s->world) || (xdp && !scene_attach(s))) {
		why_say(why, -ENODEV, "no network namespace with veth devices here");
		return false;
	}
	s->ref = pop_new(NULL);
	s->judge = pop_new(NULL);
	s->head = xdp_head(s->xdp);
	sync_init(&s->sync, s->xdp, &s->ref->region);
	s->ref->pa.tb->fast = s->ref->region.table.fast;
	scene_tunnels(s->ref);
	scene_tunnels(s->judge);
	scene_endpoints(s);
	if (!scene_ports(s)) {
		why_say(why, -ENODEV, "a device takes nothing from XDP");
		return false;
	}
	sync_switch(&s->sync, true);
	scene_settle(s);
	return true;
}

#endif
