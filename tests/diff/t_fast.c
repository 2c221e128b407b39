/*
 * The fast path and the user-space path meet the same packets: same packet on the wire and
 * same counters, or the fast path let it pass.
 *
 *	t_fast xdp|tc [packets [seed]]
 *
 * TC gets its tags beside the packet, where BPF_PROG_TEST_RUN cannot put them and does not
 * show them: a tag inside goes up, and one that is to be sent is looked at elsewhere.
 *
 * Needs root and BPF; elsewhere it says so and is skipped.
 */
#include "around.h"
#include "odd.h"

#include <linux/pkt_cls.h>

#define PACKETS		1200000
#define SEED		UINT64_C(0x5eed6)
#define EVENT_EVERY	4000
#define UNSETTLED	100	/* packets between an owner's change and control's answer */
#define SHOWN		5	/* failures told in full */

enum failure {
	WRONG_ACTION, TOUCHED, NOT_SENT, NOT_IN_FORCE, OTHER_FRAME, OTHER_COUNT, TAUGHT, MUST_GO_UP,
	MUST_STAY, FAILURES
};

static const char *const failure_name[FAILURES] = {
	[WRONG_ACTION] = "every frame is forwarded or goes up: none is dropped",
	[TOUCHED] = "what goes up is as it came",
	[NOT_SENT] = "nothing is forwarded that path/ or the kernel would not have sent",
	[NOT_IN_FORCE] = "nothing is forwarded for a tunnel whose line is not in force",
	[OTHER_FRAME] = "what is forwarded is octet for octet what path/ would have sent",
	[OTHER_COUNT] = "and the counters are those of path/",
	[TAUGHT] = "nothing is forwarded that would have taught the tunnel something",
	[MUST_GO_UP] = "what is too odd is never forwarded",
	[MUST_STAY] = "nothing plain goes up that path/ would have sent",
};

enum action { FORWARDED, WENT_UP, LOST };

struct tally {
	uint64_t	forwarded[ARRAY_LEN(kinds)], up[ARRAY_LEN(kinds)];
	uint64_t	way[HEADINGS][3][3];	/* enum fast_type of both ends */
	uint64_t	out[DOOR_COUNT];
	uint64_t	ecn[4][4][2];		/* inner, outer; went up, forwarded */
	uint64_t	failed[FAILURES];
	uint64_t	failures;
	uint64_t	verdict[VERDICT_COUNT];	/* of what went up */
};

struct run {
	struct scene	scene;
	struct dice	dice;
	struct tally	tally;
	struct frame	frame;
	struct fate_of	fate;
	uint8_t		got[FRAME_MAX + 64];
	uint32_t	got_len;
	enum action	action;
	uint64_t	shot;
	uint8_t		neighbours;
	bool		paused;
	bool		tc;
};

static void hex(const char *what, const uint8_t *at, size_t len)
{
	printf("#   %-8s", what);
	for (size_t i = 0; i < len && i < 120; i++)
		printf("%02x%s", at[i], i % 4 == 3 ? " " : "");
	printf(" (%zu octets)\n", len);
}

static void fail(struct run *r, enum failure why, const struct kind *k)
{
	r->tally.failed[why]++;
	if (r->tally.failures++ >= SHOWN)
		return;
	printf("# packet %llu, \"%s\": not so: %s (action %u, path: %s)\n",
	       (unsigned long long)r->shot, k->name, failure_name[why], r->action,
	       r->fate.ran ? verdict_info[r->fate.v].name : "the kernel's");
	hex("in", r->frame.bytes, r->frame.len);
	hex("out", r->got, r->got_len);
	if (r->fate.sent)
		hex("expected", r->fate.bytes, r->fate.len);
}

/* ---- one packet ---- */

static bool shoot_xdp(struct run *r)
{
	struct xdp_md md = { .data_end = (uint32_t)r->frame.len, .ingress_ifindex = r->frame.device };
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = r->frame.bytes,
		    .data_size_in = (uint32_t)r->frame.len, .data_out = r->got,
		    .data_size_out = sizeof(r->got), .ctx_in = &md, .ctx_size_in = sizeof(md));

	if (bpf_prog_test_run_opts(xdp_program(r->scene.xdp), &o) != 0)
		return false;
	r->got_len = o.data_size_out;
	r->action = o.retval == XDP_REDIRECT ? FORWARDED : o.retval == XDP_PASS ? WENT_UP : LOST;
	return true;
}

/* What claims to be IP and has not even its header, this kind of test run refuses. */
static bool is_refused(const struct frame *f)
{
	size_t least = memcmp(f->bytes + 12, "\x86\xdd", 2) == 0 ? 14 + 40 : 14 + 20;

	return f->len < least;
}

static bool shoot_tc(struct run *r)
{
	struct __sk_buff md = { .ifindex = r->frame.device };
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = r->frame.bytes,
		    .data_size_in = (uint32_t)r->frame.len, .data_out = r->got,
		    .data_size_out = sizeof(r->got), .ctx_in = &md, .ctx_size_in = sizeof(md));

	if (bpf_prog_test_run_opts(xdp_program_tc(r->scene.xdp), &o) != 0)
		return false;
	r->got_len = o.data_size_out;
	r->action = o.retval == TC_ACT_REDIRECT		   ? FORWARDED :
		    o.retval == (uint32_t)TC_ACT_UNSPEC ? WENT_UP : LOST;
	return true;
}

static bool same_traffic(const struct scene *s, uint16_t tid)
{
	const struct fast_line *l = tunnel_line(s->ref->pa.tb, s->here, tid);
	const struct tunnel *t = pop_tunnel(s->ref, tid);

	return memcmp(&l->in_packets, &t->traffic, sizeof(t->traffic)) == 0 &&
	       l->last_in_s == t->last_in_s && l->last_out_s == t->last_out_s;
}

static bool same_transport(const struct scene *s, enum tunnel_type type)
{
	struct traffic fast = fast_transport(&s->ref->pa.tb->fast, type);

	return memcmp(&fast, &s->ref->pa.me->transport[type], sizeof(fast)) == 0;
}

static bool same_counts(const struct scene *s)
{
	const struct fast *fast = &s->ref->pa.tb->fast;
	struct traffic uplink = fast_uplink(fast), total = fast_total(fast);
	const struct worker_shared *me = s->ref->pa.me;
	const struct pkt *p = &s->ref->p;

	return (p->from == TID_NONE || same_traffic(s, p->from)) &&
	       (p->to == TID_NONE || same_traffic(s, p->to)) &&
	       same_transport(s, TYPE_DIRECT) && same_transport(s, TYPE_GRE) &&
	       memcmp(&uplink, &me->uplink, sizeof(uplink)) == 0 &&
	       memcmp(&total, &me->total, sizeof(total)) == 0;
}

static bool in_force(const struct run *r, const struct pkt *p)
{
	const struct scene *s = &r->scene;

	return !r->paused && (p->from == TID_NONE || s->in_force[p->from]) &&
	       (p->to == TID_NONE || s->in_force[p->to]);
}

/* What a packet may have taught stays without effect: the next one meets the same PoP. */
static bool unlearn(struct scene *s, struct fixture *f)
{
	uint16_t tid = f->p.from;

	if (tid == TID_NONE ||
	    memcmp(&pop_tunnel(f, tid)->ep, &s->ep[tid], sizeof(s->ep[tid])) == 0)
		return false;
	tunnel_commit(f->pa.tb, tid, &s->ep[tid]);
	return true;
}

static unsigned int end_type(const struct scene *s, uint16_t tid)
{
	if (tid == TID_NONE)
		return 0;
	return s->ep[tid].type == TYPE_GRE ? FAST_GRE : FAST_DIRECT;
}

/* Of a frame that TC sends the tag travels beside it. */
static void untag(struct fate_of *o)
{
	if (memcmp(o->bytes + 12, "\x81\0", 2) != 0)
		return;
	o->len -= sizeof(struct vlan_tag);
	memmove(o->bytes + 12, o->bytes + 16, o->len - 12);
}

static void judge_forwarded(struct run *r, const struct kind *k, enum fate fate)
{
	struct scene *s = &r->scene;
	struct tally *t = &r->tally;

	around(s, s->ref, &r->frame, &r->fate);
	if (fate == FATE_UP)
		fail(r, MUST_GO_UP, k);
	if (!r->fate.sent) {
		fail(r, NOT_SENT, k);
		return;
	}
	if (!in_force(r, &s->ref->p))
		fail(r, NOT_IN_FORCE, k);
	if (unlearn(s, s->ref))
		fail(r, TAUGHT, k);
	if (r->tc)
		untag(&r->fate);
	if (r->fate.len != r->got_len || memcmp(r->fate.bytes, r->got, r->got_len) != 0)
		fail(r, OTHER_FRAME, k);
	if (!same_counts(s))
		fail(r, OTHER_COUNT, k);
	t->out[r->fate.out]++;
}

/* `tunnel set mss`: the SYNs of such a tunnel go up, and what may be one. */
static bool is_clamped(const struct scene *s, const struct pkt *p)
{
	const uint8_t *at = p->inner;
	uint16_t ends[2] = { p->from, p->to };

	for (int i = 0; i < 2; i++) {
		if (ends[i] != TID_NONE && s->ref->pa.cf->tunnel[ends[i]].flags & TUNNEL_MSS &&
		    at[6] == PROTO_TCP && (p->inner_len < 60 || at[40 + 13] & TCP_SYN))
			return true;
	}
	return false;
}

static void judge_up(struct run *r, const struct kind *k, enum fate fate)
{
	struct scene *s = &r->scene;
	struct fixture *f = s->judge;

	if (r->got_len != r->frame.len || memcmp(r->got, r->frame.bytes, r->got_len) != 0)
		fail(r, TOUCHED, k);
	around(s, f, &r->frame, &r->fate);
	if (fate == FATE_SAME && r->fate.sent && in_force(r, &f->p) && !is_clamped(s, &f->p))
		fail(r, MUST_STAY, k);
	if (r->fate.ran)
		r->tally.verdict[r->fate.v]++;
	(void)unlearn(s, f);
}

static void count_recipe(struct run *r, const struct recipe *c, bool forwarded)
{
	const struct scene *s = &r->scene;

	if (forwarded)
		r->tally.way[c->heading][end_type(s, c->from)][end_type(s, c->to)]++;
	if (c->heading != OUTWARD)
		r->tally.ecn[c->tclass & 3][c->tos & 3][forwarded]++;
}

static bool one_packet(struct run *r)
{
	size_t n = dice_one_in(&r->dice, 3) ? 0 : dice_below(&r->dice, ARRAY_LEN(kinds));
	const struct kind *k = &kinds[n];
	enum fate fate = k->fate;
	struct recipe c;

	do
		c = plain_recipe(&r->dice, &r->scene);
	while ((k->outer && c.heading == OUTWARD) || (k->gre && c.proto != PROTO_GRE));
	if (k->recipe)
		k->recipe(&r->dice, &r->scene, &c);
	make_frame(&r->frame, &r->scene, &c, &r->dice);
	if (k->frame)
		k->frame(&r->dice, &r->frame);
	if (r->tc && memcmp(r->frame.bytes + 12, "\x81\0", 2) == 0)
		fate = FATE_UP;
	if (r->tc && is_refused(&r->frame))
		return true;
	if (!(r->tc ? shoot_tc(r) : shoot_xdp(r)))
		return false;

	bool forwarded = r->action == FORWARDED;

	if (forwarded)
		judge_forwarded(r, k, fate);
	else if (r->action == WENT_UP)
		judge_up(r, k, fate);
	else
		fail(r, WRONG_ACTION, k);
	(forwarded ? r->tally.forwarded : r->tally.up)[n]++;
	if (n == 0)
		count_recipe(r, &c, forwarded);
	return true;
}

/* ---- what happens meanwhile ---- */

static uint16_t some_good(struct run *r)
{
	for (;;) {
		const struct actor *a = &scene_actor[dice_below(&r->dice, ARRAY_LEN(scene_actor))];

		if (a->role == ROLE_GOOD)
			return a->tid;
	}
}

static void move_endpoint(struct run *r)
{
	uint16_t tid = some_good(r);
	struct endpoint *ep = &r->scene.ep[tid];
	static const char *const where[] = {
		"198.51.100.0", "198.51.101.0", "203.0.113.0", "10.8.0.12", "198.18.1.0",
	};

	if (dice_one_in(&r->dice, 2)) {
		ep->us.b[15] ^= 1;
	} else {
		ep->them = address(where[dice_below(&r->dice, ARRAY_LEN(where))]);
		if (ep->them.b[15] == 0)
			ep->them.b[15] = (uint8_t)tid;
	}
	scene_move(&r->scene, tid);
}

static void edit_one(struct fixture *f, struct config *cf, uint16_t tid, uint8_t debug,
		     uint16_t mtu)
{
	struct tunnel_conf *c = pop_touch(f, cf, tid);

	c->flags = (uint8_t)((c->flags & ~TUNNEL_DEBUG) | debug);
	c->mtu_bytes = mtu;
}

/* As control does it: out of force, published, everybody has moved over, in force again. */
static void edit_tunnel(struct run *r)
{
	struct scene *s = &r->scene;
	uint16_t tid = some_good(r);
	uint8_t debug = dice_one_in(&r->dice, 6) ? TUNNEL_DEBUG : 0;
	uint16_t mtu = (uint16_t)(1280 + dice_below(&r->dice, 201));
	struct endpoint before = s->ep[tid];
	struct config *cf = pop_edit(s->ref);

	edit_one(s->ref, cf, tid, debug, mtu);
	sync_hold(&s->sync, s->ref->pa.cf, cf);
	pop_apply(s->ref);
	sync_release(&s->sync);
	cf = pop_edit(s->judge);
	edit_one(s->judge, cf, tid, debug, mtu);
	pop_apply(s->judge);
	/* an endpoint that moved goes back to the configured one */
	s->ep[tid] = pop_tunnel(s->ref, tid)->ep;
	if (memcmp(&before, &s->ep[tid], sizeof(before)) != 0)
		s->ep[tid].path_mtu_bytes = before.path_mtu_bytes;
	scene_move(s, tid);
}

static bool event(struct run *r)
{
	struct scene *s = &r->scene;

	switch (dice_below(&r->dice, 8)) {
	case 0:
		s->head->cache ^= FAST_CACHE_OFF;
		return true;
	case 1:
		sync_pause(&s->sync);
		r->paused = true;
		return true;
	case 2:
		if (!world_new_neighbours(&s->world, ++r->neighbours))
			return false;
		sync_forget_hops(&s->sync);
		return true;
	case 3:
	case 4:
	case 5:
		edit_tunnel(r);
		return true;
	}
	move_endpoint(r);
	return true;
}

static void settle(struct run *r)
{
	if (r->paused)
		sync_resume(&r->scene.sync);
	r->paused = false;
	scene_settle(&r->scene);
}

static bool run(struct run *r, uint64_t packets)
{
	for (r->shot = 0; r->shot < packets; r->shot++) {
		if (r->shot % EVENT_EVERY == EVENT_EVERY - 1 && !event(r))
			return false;
		if (r->shot % EVENT_EVERY == UNSETTLED && r->shot > EVENT_EVERY)
			settle(r);
		if (!one_packet(r))
			return false;
	}
	settle(r);
	return true;
}

/* ---- what it must have met ---- */

static void kinds_met(const struct run *r)
{
	const struct tally *t = &r->tally;
	bool forwarded = true, up = true;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		printf("# %8llu forwarded, %8llu up: %s\n", (unsigned long long)t->forwarded[i],
		       (unsigned long long)t->up[i], kinds[i].name);
		up &= t->up[i] > 0;
		forwarded &= kinds[i].fate == FATE_UP || t->forwarded[i] > 0 ||
			     (r->tc && kinds[i].recipe == priority_tag);
	}
	ok(up, "of every kind some went up");
	ok(forwarded, "and of every kind that may be forwarded, some were");
}

static void ways_met(const struct tally *t)
{
	bool all = true;

	for (unsigned int a = FAST_DIRECT; a <= FAST_GRE; a++) {
		all &= t->way[INWARD][a][0] > 0 && t->way[OUTWARD][0][a] > 0;
		for (unsigned int b = FAST_DIRECT; b <= FAST_GRE; b++)
			all &= t->way[ACROSS][a][b] > 0;
	}
	ok(all, "protocol 41 and GRE were forwarded in, out, and between each other");
	ok(t->out[DOOR_UP] && t->out[DOOR_VL7] && t->out[DOOR_ACC],
	   "through every interface, with and without a VLAN tag");
}

static void marks_met(const struct tally *t)
{
	bool good = true;

	for (int inner = 0; inner < 4; inner++) {
		for (int outer = 0; outer < 4; outer++)
			good &= inner == 0 && outer == 3 ? t->ecn[0][3][1] == 0 && t->ecn[0][3][0] :
							   t->ecn[inner][outer][1] > 0;
	}
	ok(good, "all 16 pairs of congestion marks were met, the one that is dropped went up");
}

static void reasons_met(const struct run *r)
{
	const struct fast_cpu *c = &r->scene.ref->pa.tb->fast.cpu[r->scene.here];
	bool all = true;

	for (int i = 0; i < FAST_PASS_COUNT; i++)
		all &= i == FAST_PASS_ROOM || c->passed[i] > 0;
	ok(all && c->passed[FAST_PASS_ROOM] == 0, "for every reason but want of room some went up");
	for (int v = 0; v < VERDICT_COUNT; v++) {
		if (r->tally.verdict[v])
			printf("# went up: %8llu %s\n", (unsigned long long)r->tally.verdict[v],
			       verdict_info[v].name);
	}
}

/* Nothing was counted where nobody looked, packet by packet. */
static bool all_counts(const struct scene *s)
{
	const struct table *tb = s->ref->pa.tb;

	for (unsigned int c = 0; c < tb->fast.cpus; c++) {
		for (uint32_t tid = 0; tid < POP_TUNNELS; tid++) {
			const struct fast_line *l = tunnel_line(tb, c, (uint16_t)tid);

			if (c == s->here ? !same_traffic(s, (uint16_t)tid) :
					   l->in_packets | l->out_packets)
				return false;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	static struct run r;
	uint64_t packets = argc > 2 ? strtoull(argv[2], NULL, 0) : PACKETS;
	uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 0) : SEED;
	struct why why = { .text = "" };

	r.dice.state = seed ? seed : 1;
	r.neighbours = 1;
	r.tc = argc > 1 && strcmp(argv[1], "tc") == 0;
	if (!scene_open(&r.scene, !r.tc, &why)) {
		printf("1..0 # SKIP %s\n", why.text);
		return 0;
	}
	printf("# %s, %llu packets, seed %#llx\n", r.tc ? "TC" : "XDP", (unsigned long long)packets,
	       (unsigned long long)seed);
	ok(run(&r, packets), "every packet could be run");
	for (int i = 0; i < FAILURES; i++)
		ok(r.tally.failed[i] == 0, "%s", failure_name[i]);
	ok(all_counts(&r.scene), "nothing else was counted anywhere");
	kinds_met(&r);
	ways_met(&r.tally);
	marks_met(&r.tally);
	reasons_met(&r);
	return tap_done();
}
