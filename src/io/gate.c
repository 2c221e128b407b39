/*
 * src/io/gate.c - how much one tunnel may have waiting for us (wire/steer.h)
 *
 * The program in front of a queue lets in what fits the round; here rounds begin and end, and
 * what it kept out is counted on its tunnel. Costs two stores a batch.
 *
 * A round that is never ended would close the gate for good, as nothing wakes a worker for
 * packets that are kept out. So it ends with every batch that found the end of the queue, and a
 * worker does not sleep before it has seen that end (worker_gate_open()).
 */
#include "io/parts.h"

#include <sys/epoll.h>

static struct steer_gate *gate_of(struct worker *w, const struct input *in)
{
	if (in->kind == INPUT_XSK)
		return &w->gates[STEER_GATE_XSK];

	bool six = in->kind == INPUT_RAW6 || in->kind == INPUT_UDP6;

	switch (in->via) {
	case VIA_TUN:
		return in->kind == INPUT_TUN ? &w->gates[STEER_GATE_TUN] : NULL;
	case VIA_P41:
		return &w->gates[six ? STEER_GATE_P41_SIX : STEER_GATE_P41_FOUR];
	case VIA_GRE:
		return &w->gates[six ? STEER_GATE_GRE_SIX : STEER_GATE_GRE_FOUR];
	case VIA_AYIYA:
		return &w->gates[six ? STEER_GATE_AYIYA_SIX : STEER_GATE_AYIYA_FOUR];
	case VIA_BEAT:
	case VIA_ICMP4:
	case VIA_ICMP6:
	case VIA_PROTO4:
	case VIA_SELF:
		break;
	}
	return NULL;
}

void worker_gate_init(struct worker *w)
{
	for (unsigned int i = 0; w->gates && i < w->inputs; i++)
		w->input[i].gate = gate_of(w, &w->input[i]);
}

static void next_round(struct steer_gate *g, struct input *in, uint32_t quota)
{
	in->read = 0;
	if (g->quota != quota)
		__atomic_store_n(&g->quota, quota, __ATOMIC_RELAXED);
	__atomic_store_n(&g->round, g->round + 1, __ATOMIC_RELEASE);
}

void worker_gate(struct worker *w, struct input *in, unsigned int n)
{
	struct steer_gate *g = in->gate;
	enum steer_gate_kind kind;
	uint32_t quota;

	if (!g)
		return;
	kind = (enum steer_gate_kind)(g - w->gates);
	quota = g->quota;
	for (unsigned int i = 0; i < n; i++)
		in->read += steer_cost((uint32_t)w->in.pkt[i].len);
	if (n < BATCH)		/* that was all of it */
		next_round(g, in, (uint32_t)min_size(2 * quota, steer_quota_max(kind)));
	else if (in->read >= steer_round(kind))
		next_round(g, in, (uint32_t)max_size(quota / 2, STEER_QUOTA_MIN));
}

bool worker_gate_open(const struct worker *w)
{
	for (unsigned int i = 0; i < w->inputs; i++) {
		if (w->input[i].gate && w->input[i].read)
			return true;
	}
	return false;
}

void worker_gate_idle(struct worker *w, const struct epoll_event *ready, int n)
{
	uint32_t busy = 0;

	for (int i = 0; i < n; i++)
		busy |= UINT32_C(1) << ready[i].data.u32;
	for (unsigned int i = 0; i < w->inputs; i++) {
		if (w->input[i].gate && w->input[i].read && !(busy & UINT32_C(1) << i))
			worker_gate(w, &w->input[i], 0);
	}
}

/* ---- what was kept out ---- */

static void count_flow(struct worker *w, unsigned int kind, uint32_t tid)
{
	uint32_t at = kind * (w->path.cf->limits.tunnels + 1) + tid;
	uint32_t now = __atomic_load_n(&w->flows[at].shed, __ATOMIC_RELAXED);
	uint32_t news = now - w->shed_seen[at];

	if (news == 0)
		return;
	w->shed_seen[at] = now;
	/* the last one is behind all tunnels: what names none */
	path_shed(&w->path, 2 * tid, news);
}

/* The device counts as drops of its own what its gate kept out. */
static void count_device(struct worker *w)
{
	uint32_t now = __atomic_load_n(&w->gates[STEER_GATE_TUN].shed, __ATOMIC_RELAXED);

	count_add(&w->path.me->shed_tun, now - w->shed_tun_seen);
	w->shed_tun_seen = now;
}

void worker_count_shed(struct worker *w)
{
	uint32_t end = w->path.cf->head->tunnel_end;

	if (w->gates)
		count_device(w);

	for (unsigned int kind = 0; w->flows && kind < STEER_GATES; kind++) {
		for (uint32_t tid = w->number; tid < end; tid += w->path.workers)
			count_flow(w, kind, tid);
		if (w->number == 0)
			count_flow(w, kind, w->path.cf->limits.tunnels);
	}
}
