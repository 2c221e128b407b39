/*
 * src/io/capture.c - packets of captured tunnels on their way to control
 *
 * A packet is up to three records: the outer packet it came in, the inner packet, the outer
 * packet it leaves in. Whose packet it is and what became of it is only known when
 * path_run() is done, and by then its headroom is another packet's headers; so while
 * anything is captured every packet is copied first. The outer headers it came in are
 * long gone (the kernel's sockets keep them) and are made again from what is known. A
 * packet that changed workers brings its encapsulation along (pkt_front()), and is captured where
 * it is counted.
 */
#include "io/parts.h"

#include <stdlib.h>
#include <string.h>
#include "table/rebuild.h"

static uint8_t *taken(size_t bytes)
{
	uint8_t *p = aligned_alloc(CACHE_LINE, (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);

	return p ? memset(p, 0, bytes) : NULL;
}

bool worker_capture_open(struct worker *w)
{
	uint8_t *memory = taken(CAPRING_BYTES);

	w->shot.octets = taken(PKT_ROOM);
	w->shot.ring = (void *)taken(sizeof(*w->shot.ring));
	if (!memory || !w->shot.octets || !w->shot.ring) {
		free(memory);
		return false;
	}
	capring_init(w->shot.ring, memory, CAPRING_BYTES);
	w->region->capture[w->number] = w->shot.ring;
	return true;
}

void worker_capture_close(struct worker *w)
{
	w->region->capture[w->number] = NULL;
	if (w->shot.ring)
		free(w->shot.ring->fifo.octets);
	free(w->shot.ring);
	free(w->shot.octets);
}

static void put(struct worker *w, const struct capture *c, struct cur head, struct cur body)
{
	if (capring_put(w->shot.ring, c, head, body))
		w->told = true;
	else
		count_add(&w->path.me->capture_lost, 1);
}

void worker_shoot(struct worker *w, const struct pkt *p)
{
	struct shot *s = &w->shot;

	s->front = pkt_front(p);
	s->len = min_size(s->front + p->len, PKT_ROOM);
	memcpy(s->octets, p->data - s->front, s->len);
}

static bool came_by_wire(const struct pkt *p)
{
	return p->via != VIA_TUN && p->via != VIA_SELF;
}

static bool was_for_uplink(const struct pkt *p)
{
	if (p->out == OUT_TUN || p->verdict == SENT_UPLINK)
		return true;
	for (unsigned int i = 0; i < p->notes; i++) {
		if (p->note[i].what == NOTE_TO_UPLINK)
			return true;
	}
	return false;
}

static enum toward toward_of(const struct pkt *p)
{
	if (p->to != TID_NONE)
		return TOWARD_TUNNEL;
	if (p->to_local)
		return TOWARD_POP;
	return was_for_uplink(p) ? TOWARD_UPLINK : TOWARD_UNKNOWN;
}

static struct capture facts_of(const struct worker *w, const struct pkt *p)
{
	return (struct capture){
		.at = w->path.now, .verdict = (uint16_t)p->verdict, .from = p->from, .to = p->to,
		.blame = p->blame, .via = (uint8_t)p->via, .toward = (uint8_t)toward_of(p),
	};
}

static struct cur nothing(void)
{
	return cur_of(NULL, 0);
}

/* The outer packet as it came: @body was inside. */
static void put_arrived(struct worker *w, const struct pkt *p, struct capture c, struct cur body)
{
	const struct around a = {
		.via = p->via, .them = p->outer.them, .us = p->outer.us, .ecn = p->outer.ecn,
		.them_port = p->outer.them_port, .us_port = p->outer.us_port,
	};
	uint8_t head[REBUILT_MAX];
	size_t len = rebuild_outer(head, &a, body, body.left);

	c.shown = SHOWN_OUTER;
	c.outbound = 0;
	c.len = (uint32_t)(len + body.left);
	put(w, &c, cur_of(head, len), body);
}

static void put_inner(struct worker *w, struct capture c, struct cur body)
{
	c.shown = SHOWN_INNER;
	c.len = (uint32_t)body.left;
	put(w, &c, nothing(), body);
}

/* The outer packet as it leaves, with what is otherwise added only when it does. */
static void put_leaving(struct worker *w, struct pkt *p, struct capture c)
{
	path_sign(&w->path, &p, 1);
	path_sum(p);
	c.shown = SHOWN_OUTER;
	c.outbound = 1;
	c.last = 1;
	c.len = (uint32_t)p->len;
	put(w, &c, nothing(), pkt_cur(p));
}

/* Where in the shot the inner packet begins: more was taken off since, or already before. */
static struct cur inner_of(const struct shot *s, const struct pkt *p)
{
	size_t at = min_size(s->front ? s->front : p->peeled, s->len);

	return cur_of(s->octets + at, min_size(p->inner_len, s->len - at));
}

static void capture(struct worker *w, struct pkt *p)
{
	struct capture c = facts_of(w, p);
	bool inner = p->accepted || p->via == VIA_TUN, leaves = p->out == OUT_WIRE;

	if (came_by_wire(p)) {
		c.last = !inner && !leaves;
		put_arrived(w, p, c, cur_of(w->shot.octets, w->shot.len));
	}
	if (inner) {
		c.last = !leaves;
		c.outbound = p->via == VIA_TUN;
		put_inner(w, c, inner_of(&w->shot, p));
	}
	if (leaves)
		put_leaving(w, p, c);
}

/* Made here. @cause: the tunnel of the packet it answers, if any. */
static void capture_own(struct worker *w, struct pkt *p, uint16_t cause)
{
	struct capture c = facts_of(w, p);
	bool leaves = p->out == OUT_WIRE;

	if (c.blame == TID_NONE)
		c.blame = cause;
	if (p->inner_len > 0) {
		c.last = !leaves;
		c.outbound = p->out != OUT_TUN;
		put_inner(w, c, cur_of(p->inner, p->inner_len));
	}
	if (leaves)
		put_leaving(w, p, c);
}

static bool is_captured(const struct worker *w, uint16_t tid)
{
	const struct config *cf = w->path.cf;

	return cf->head->capture_all || (tid != TID_NONE && cf->tunnel[tid].flags & TUNNEL_CAPTURE);
}

/* The tunnel an answer to @p is about. */
static uint16_t cause_of(const struct worker *w, const struct pkt *p)
{
	if (p->from != TID_NONE && (is_captured(w, p->from) || p->to == TID_NONE))
		return p->from;
	return p->to != TID_NONE ? p->to : p->blame;
}

void worker_capture(struct worker *w, struct pkt *p, struct pkt *reply)
{
	uint16_t cause = cause_of(w, p);

	if (p->captured)
		capture(w, p);
	if (reply->captured || (reply->out != OUT_NONE && is_captured(w, cause)))
		capture_own(w, reply, cause);
}

void worker_capture_probe(struct worker *w, struct pkt *p)
{
	if (p->captured)
		capture_own(w, p, TID_NONE);
}

void worker_capture_unsent(struct worker *w, const struct pkt *p, enum verdict v)
{
	struct capture c = facts_of(w, p);

	if (!p->captured)
		return;
	c.verdict = (uint16_t)v;
	c.len = (uint32_t)p->len;
	c.shown = p->out == OUT_WIRE ? SHOWN_OUTER : SHOWN_INNER;
	c.outbound = p->out == OUT_WIRE;
	put(w, &c, nothing(), pkt_cur(p));
}
