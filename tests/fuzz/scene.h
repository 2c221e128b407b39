/*
 * tests/fuzz/scene.h - the PoP that packets are thrown at, and what they may do to it
 *
 *	T1 ayiya, up	T2 heartbeat, up	T5 dynamic	T6 dynamic, no password
 *	T7 disabled	T8 SHA-256, up		T9 6in4		Ta GRE	Tb GRE with key 7
 *	T3 down		T4 disabled		T42c 6in6	Tc with the PoP itself as endpoint
 *
 * Every input meets the same PoP. What may have changed afterwards is decided here
 * from the rules, not from the code: security.md D4, H8, L5, L9.
 */
#ifndef SIXXSD_TEST_SCENE_H
#define SIXXSD_TEST_SCENE_H

#include <ctype.h>

#include "auth.h"
#include "fuzz.h"
#include "naive.h"
#include "wire/ayiya.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"

#define SCENE_INPUT_MAX	8192

/* Who sends it. */
struct sender {
	const char	*them;
	uint16_t	port;
};

static const uint16_t scene_tids[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xa, 0xb, 0xc, 0x42c };

/* Two copies of what a packet may change: as every input finds it, and as it is now. */
struct scene_state {
	struct tunnel		tunnel[ARRAY_LEN(scene_tids)];
	struct tunnel_cold	cold[ARRAY_LEN(scene_tids)];
	struct tunnel_errors	errors[ARRAY_LEN(scene_tids)];
	struct worker_shared	me;
	struct path		pa;
};

static struct fixture *scene;
static struct scene_state scene_fresh;
static struct endpoint *scene_ep;	/* of every slot, as fresh */

static void scene_up(uint16_t tid, const char *them, uint16_t port, enum tunnel_type type)
{
	struct endpoint ep = pop_tunnel(scene, tid)->ep;

	ep.them = address(them);
	ep.us = address(pop_like(them));
	ep.them_port = port;
	ep.type = (uint8_t)type;
	ep.state = STATE_UP;
	tunnel_commit(&scene->region.table, tid, &ep);
}

static void scene_save(struct scene_state *s)
{
	for (size_t i = 0; i < ARRAY_LEN(scene_tids); i++) {
		s->tunnel[i] = scene->region.table.tunnel[scene_tids[i]];
		s->cold[i] = scene->region.table.cold[scene_tids[i]];
		s->errors[i] = scene->region.table.errors[scene_tids[i]];
	}
	s->me = *scene->pa.me;
	s->pa = scene->pa;
}

static void scene_restore(const struct scene_state *s)
{
	for (size_t i = 0; i < ARRAY_LEN(scene_tids); i++) {
		scene->region.table.tunnel[scene_tids[i]] = s->tunnel[i];
		scene->region.table.cold[scene_tids[i]] = s->cold[i];
		scene->region.table.errors[scene_tids[i]] = s->errors[i];
	}
	*scene->pa.me = s->me;
	scene->pa = s->pa;
}

static void scene_open(void)
{
	struct config *cf;

	if (scene)
		return;
	scene = auth_new();
	cf = pop_edit(scene);
	pop_static(scene, cf, 0xa, "203.0.113.201", 1280, 0);
	cf->tunnel[0xa].encap = ENCAP_GRE;
	pop_static(scene, cf, 0xb, "203.0.113.202", 1400, TUNNEL_GRE_KEY | TUNNEL_MSS);
	cf->tunnel[0xb].encap = ENCAP_GRE;
	cf->tunnel[0xb].gre_key = 7;
	pop_static(scene, cf, 0xc, pop_v4, 1280, 0);
	cf->subnet[1] = 9;
	cf->subnet[2] = 0xa;
	pop_apply(scene);

	scene_up(1, ALICE, 40001, TYPE_AYIYA);
	scene_up(2, "198.51.100.20", 0, TYPE_DIRECT);
	scene_up(8, "2001:db8:cafe::8", 5072, TYPE_AYIYA);
	path_magic(&scene->pa, 0x1122334455667788);
	scene_save(&scene_fresh);

	size_t n = scene->pa.cf->limits.tunnels;

	scene_ep = calloc(n, sizeof(*scene_ep));
	for (size_t i = 0; scene_ep && i < n; i++)
		scene_ep[i] = scene->region.table.tunnel[i].ep;
}

/* ---- proofs, recomputed from the input alone ---- */

static bool proves_ayiya(const uint8_t *bytes, size_t len)
{
	static uint8_t image[SCENE_INPUT_MAX];
	bool sha256 = len > 1 && bytes[1] == AYIYA_SIG_SHA256;
	const char *method = sha256 ? "SHA256" : "SHA1";
	size_t sig = sha256 ? 32 : 20;
	uint8_t out[32];

	if (len < 24 + sig || len > sizeof(image))
		return false;
	memcpy(image, bytes, len);
	test_digest(method, PASSWORD, strlen(PASSWORD), image + 24);
	test_digest(method, image, len, out);
	return memcmp(out, bytes + 24, sig) == 0;
}

static bool proves_beat(const uint8_t *bytes, size_t len)
{
	uint8_t image[SCENE_INPUT_MAX + sizeof(PASSWORD)], out[32];

	while (len && (bytes[len - 1] == '\n' || bytes[len - 1] == '\r'))
		len--;
	for (size_t size = 16; size <= 32; size += 16) {
		char hex[65] = "";
		size_t text = len - 2 * size;

		if (len < 2 * size)
			continue;
		memcpy(image, bytes, text);
		memcpy(image + text, PASSWORD, strlen(PASSWORD));
		test_digest(size == 16 ? "MD5" : "SHA256", image, text + strlen(PASSWORD), out);
		for (size_t i = 0; i < size; i++)
			snprintf(hex + 2 * i, 3, "%02x", out[i]);
		if (strncasecmp(hex, (const char *)bytes + text, 2 * size) == 0)
			return true;
	}
	return false;
}

static bool proves(enum via via, const uint8_t *bytes, size_t len)
{
	switch (via) {
	case VIA_AYIYA:
		return proves_ayiya(bytes, len);
	case VIA_BEAT:
		return proves_beat(bytes, len);
	case VIA_TUN:
	case VIA_P41:
	case VIA_GRE:
	case VIA_ICMP4:
	case VIA_ICMP6:
	case VIA_PROTO4:
	case VIA_SELF:
		break;
	}
	return false;
}

/* ---- what must hold ---- */

static void endpoints_hold(enum verdict v, const uint8_t *bytes, size_t len)
{
	const struct pkt *p = &scene->p;

	for (uint32_t tid = 0; tid < scene->pa.cf->head->tunnel_end; tid++) {
		const struct endpoint *was = &scene_ep[tid];
		const struct endpoint *is = &scene->region.table.tunnel[tid].ep;
		struct endpoint may = *is;

		if (memcmp(was, is, sizeof(*was)) == 0)
			continue;
		must(tid == p->from, "a packet changes no tunnel but the one it came from");
		if (p->via == VIA_AYIYA || p->via == VIA_BEAT) {
			must(proves(p->via, bytes, len), "only an authentic packet changes its tunnel");
			must(!config_bad_endpoint(scene->pa.cf, &is->them), "and never to a bad endpoint");
			continue;
		}
		if (p->via == VIA_ICMP4 || p->via == VIA_ICMP6) {
			must(v == CONSUMED_OUTER_PMTU, "ICMP changes only by saying so");
			may.path_mtu_bytes = was->path_mtu_bytes;
		} else {
			must(p->accepted, "an outer packet changes only what it may enter");
			may.us = was->us;
			may.type = was->type;
		}
		must(memcmp(&may, was, sizeof(may)) == 0, "an unproven packet keeps state and endpoint");
	}
}

static void proof_holds(const uint8_t *bytes, size_t len)
{
	const struct pkt *p = &scene->p;

	if (p->accepted && p->via == VIA_AYIYA)
		must(proves(p->via, bytes, len), "nothing enters without its proof");
	if (p->accepted && (p->via == VIA_P41 || p->via == VIA_GRE))
		must(addr_eq(&p->outer.them, &pop_tunnel(scene, p->from)->ep.them),
		     "nor plainly, but from the endpoint");
	for (size_t i = 0; i < ARRAY_LEN(scene_tids); i++) {
		const struct tunnel_cold *was = &scene_fresh.cold[i];
		const struct tunnel_cold *is = &scene->region.table.cold[scene_tids[i]];

		if (was->beats == is->beats && was->ayiya_newest_s == is->ayiya_newest_s &&
		    was->beat_newest_s == is->beat_newest_s && was->last_beat.us == is->last_beat.us)
			continue;
		must(proves(scene->p.via, bytes, len) && scene_tids[i] == scene->p.from,
		     "only a proof is a sign of life");
		must(scene_tids[i] != 6 && scene_tids[i] != 7, "and none is without a password");
	}
}

/* Whose it says it is must be who sent it; security.md D1, D3, D5, H1. */
static void source_holds(enum verdict v)
{
	static const uint8_t ours[6] = { 0x20, 0x01, 0x0d, 0xb8, 0x02, 0xff };
	static const uint8_t subnets[5] = { 0x20, 0x01, 0x0d, 0xb8, 0x30 };
	const struct pkt *p = &scene->p;
	const uint8_t *src = p->inner + 8;
	unsigned int tid = TID_NONE;

	if (v != SENT_TUNNEL && v != SENT_UPLINK)
		return;
	if (p->inner[0] >> 4 == 4) {
		const uint8_t *four = p->inner + 12;
		uint32_t low = (uint32_t)(four[1] & 0x3f) << 16 | (uint32_t)four[2] << 8 | four[3];

		if (four[0] == 0xf0 && four[1] >> 6 == 1)
			tid = low >= 0x3f8000 ? low >> 1 & 0x3fff : low >> 8;
		must(low < 0x3f8000 || low & 1 || tid == TID_NONE, "the PoP's side is nobody's source");
	} else if (memcmp(src, ours, sizeof(ours)) == 0) {
		tid = ((unsigned int)src[6] << 8 | src[7]) & 0x7fff;
		must(src[6] & 0x80 || src[15] == 2, "of a transfer net only ::2 is a source");
	} else if (memcmp(src, subnets, sizeof(subnets)) == 0) {
		tid = src[5] == 1 ? 9 : src[5] == 2 ? 0xa : 0xfff0;
	}
	must(tid == p->from, "what is forwarded has a source of the tunnel it came from");
}

/* An outer packet to a tunnel: whole, to its endpoint, no larger than it may be. */
static void wire_holds(const struct pkt *p, size_t inner_most)
{
	const struct tunnel_conf *c = config_tunnel(scene->pa.cf, p->to);
	const struct endpoint *ep;
	size_t said;

	must(c != NULL, "the wire is for tunnels that are configured");
	ep = &pop_tunnel(scene, p->to)->ep;
	must(ep->state == STATE_UP, "and up");
	must(addr_eq(&p->out_to, &ep->them), "what is sent goes to the tunnel's endpoint");
	must(!config_bad_endpoint(scene->pa.cf, &p->out_to), "which is none of ours");
	must(p->data >= p->start && p->len >= 20, "a whole header");
	said = p->data[0] >> 4 == 4 ? (size_t)p->data[2] << 8 | p->data[3] :
				      40u + ((size_t)p->data[4] << 8 | p->data[5]);
	must(p->data[0] >> 4 == (addr_is_ip4(&p->out_to) ? 4 : 6), "of the endpoint's family");
	must(said == p->len, "that says its true length");
	must(p->len <= inner_most + tunnel_overhead(c, ep), "no larger than what it carries");
	if (p->data[0] >> 4 == 4)
		must(naive_add(0, p->data, 20) == 0xffff, "and has a good checksum");
}

/* What the header of the packet inside says; 0: it is none. */
static size_t own_length(const struct pkt *p)
{
	const uint8_t *h = p->inner;

	if (p->inner_len >= 40 && h[0] >> 4 == 6)
		return 40u + ((size_t)h[4] << 8 | h[5]);
	return p->inner_len >= 20 && h[0] >> 4 == 4 ? (size_t)h[2] << 8 | h[3] : 0;
}

/* No octet more than the packet said it has, and no more than the tunnel takes. */
static void length_holds(const struct pkt *p)
{
	const struct endpoint *ep;
	const struct tunnel_conf *c;

	if (p->out == OUT_TUN)
		must(p->len == own_length(p), "nothing trails on the way to the uplink");
	if (p->out != OUT_WIRE)
		return;
	ep = &pop_tunnel(scene, p->to)->ep;
	c = config_tunnel(scene->pa.cf, p->to);
	must(p->len == own_length(p) + tunnel_overhead(c, ep), "nor to a tunnel");
	must(own_length(p) <= tunnel_mtu(c, ep), "what is larger than the MTU stays here");
}

/* A message made here, whole: it is quoted back at us by every stack that finds a flaw. */
static void message_holds(const struct pkt *r)
{
	const uint8_t *h = r->inner;
	size_t len = own_length(r);

	if (r->inner_len < 1 || (h[0] != 0x45 && h[0] != 0x60))
		return;		/* an AYIYA echo response */
	must(len == r->inner_len, "an answer says its true length");
	if (h[0] == 0x45)
		must(naive_add(0, h, 20) == 0xffff && naive_add(0, h + 20, len - 20) == 0xffff,
		     "and has good checksums");
	else
		must(naive_upper6(h, h + 40, len - 40, 58) == 0xffff, "and a good checksum");
}

static void out_holds(const struct pkt *p, size_t most)
{
	switch (p->out) {
	case OUT_NONE:
	case OUT_WORKER:
		return;
	case OUT_TUN:
		must(p->len <= most, "nothing grows on the way to the uplink");
		must(p->data[0] >> 4 == 4 || p->len == 40u + ((size_t)p->data[4] << 8 | p->data[5]),
		     "and its length is its own");
		return;
	case OUT_WIRE:
		wire_holds(p, most);
		return;
	}
}

static void answer_holds(size_t len)
{
	const struct pkt *p = &scene->p, *r = &scene->reply;
	size_t most = len > IP6_MTU_MIN_BYTES ? len : IP6_MTU_MIN_BYTES;

	if (r->out == OUT_NONE)
		return;
	must(r->via == VIA_SELF, "an answer is made here");
	must(p->accepted || p->via == VIA_TUN || p->via == VIA_AYIYA,
	     "what was not accepted is not answered");
	must(p->out == OUT_NONE || p->via == VIA_AYIYA, "forwarded or answered, not both");
	out_holds(r, most);
	message_holds(r);
	if (r->out == OUT_TUN)
		must(r->inner_len <= most, "an answer is no larger than its cause, or 1280");
}

static void counting_holds(enum verdict v)
{
	uint64_t counted = scene->pa.me->verdict[v] - scene_fresh.me.verdict[v];

	must(v < VERDICT_COUNT && v != PASS, "every packet ends in a verdict");
	must(counted >= 1 && counted <= 2, "which is counted, once for it and once for its answer");
	if (verdict_is_drop(v) || v >= CONSUMED_BEAT)
		must(scene->p.out == OUT_NONE, "what is not forwarded is not sent");
	must(v != SENT_TUNNEL || scene->p.out == OUT_WIRE, "what is sent to a tunnel is on the wire");
	must(v != SENT_UPLINK || scene->p.out == OUT_TUN, "what is sent to the uplink is in the TUN");
}

/* ---- and once more as a worker does it, signatures computed ahead and afterwards ---- */

/* What came of a packet. */
struct outcome {
	struct pkt		pkt;
	uint8_t			bytes[PKT_ROOM];	/* those of it that are sent */
};

static void outcome_of(struct outcome *o, const struct pkt *p)
{
	o->pkt = *p;
	memcpy(o->bytes, p->data, p->out == OUT_NONE ? 0 : p->len);
}

static bool is_outcome(const struct outcome *o, const struct pkt *p)
{
	if (p->out != o->pkt.out || p->to != o->pkt.to || p->from != o->pkt.from)
		return false;
	if (p->out == OUT_NONE)
		return true;
	return p->len == o->pkt.len && memcmp(p->data, o->bytes, p->len) == 0 &&
	       !p->unsigned_at && !p->unsummed == !o->pkt.unsummed;
}

static void scene_arrive(enum via via, struct sender from, uint8_t ecn, const uint8_t *bytes,
			 size_t len)
{
	scene_restore(&scene_fresh);
	pop_arrive(scene, via, bytes, len, from.them, from.them ? pop_like(from.them) : NULL);
	scene->p.outer.them_port = from.port;
	scene->p.outer.us_port = via == VIA_AYIYA ? PORT_AYIYA : PORT_HEARTBEAT;
	scene->p.outer.ecn = ecn;
}

static void a_batch_does_the_same(enum verdict v, enum via via, struct sender from, uint8_t ecn,
				  const uint8_t *bytes, size_t len)
{
	static struct outcome packet, answer;
	static struct scene_state alone, batch;
	struct pkt *const all[] = { &scene->p, &scene->reply };

	outcome_of(&packet, &scene->p);
	outcome_of(&answer, &scene->reply);
	scene_save(&alone);
	scene_arrive(via, from, ecn, bytes, len);
	scene->pa.defer = true;
	path_digest(&scene->pa, &scene->p, 1);
	must(!memcmp(scene->in + PKT_HEADROOM, bytes, len), "a packet hashed ahead is as it came");
	must(path_run(&scene->pa, &scene->p, &scene->reply) == v, "and meets the same verdict");
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if (all[i]->out != OUT_WIRE)
			continue;
		path_sign(&scene->pa, &all[i], 1);
		path_sum(all[i]);
	}
	must(is_outcome(&packet, &scene->p), "the same leaves, signed");
	must(is_outcome(&answer, &scene->reply), "and so does the answer");
	scene_save(&batch);
	must(!memcmp(alone.tunnel, batch.tunnel, sizeof(batch.tunnel)) &&
		     !memcmp(alone.cold, batch.cold, sizeof(batch.cold)) &&
		     !memcmp(alone.errors, batch.errors, sizeof(batch.errors)) &&
		     !memcmp(&alone.me, &batch.me, sizeof(batch.me)),
	     "with the same state and counters left behind");
	must(alone.pa.events == batch.pa.events &&
		     !memcmp(&alone.pa.digests, &batch.pa.digests, sizeof(batch.pa.digests)),
	     "the same events, and at the same cost to a stranger");
}

/* @len octets arrive; the PoP is as fresh. Everything that must hold is checked. */
static enum verdict scene_run(enum via via, struct sender from, uint8_t ecn, const uint8_t *bytes,
			      size_t len)
{
	static uint8_t before[SCENE_INPUT_MAX];
	enum verdict v;

	if (len > sizeof(before))
		return PASS;
	memcpy(before, bytes, len);
	scene_arrive(via, from, ecn, before, len);
	v = saw(path_run(&scene->pa, &scene->p, &scene->reply));

	counting_holds(v);
	endpoints_hold(v, before, len);
	proof_holds(before, len);
	source_holds(v);
	out_holds(&scene->p, len);
	length_holds(&scene->p);
	answer_holds(len);
	if (scene->p.out == OUT_NONE)
		must(!memcmp(scene->in + PKT_HEADROOM, before, len), "what stays here is not changed");
	a_batch_does_the_same(v, via, from, ecn, before, len);
	return v;
}

#pragma GCC diagnostic pop

#endif
