/*
 * src/io/frames.c - AYIYA past the kernel's stack: frames in, orders out (wire/fast.h)
 *
 * A packet is worked on where the kernel put the frame: the headers that are taken off leave the
 * room for those that are put on. What arrived this way leaves this way, unless the
 * program that looks for the next hop refuses; then it goes as every packet goes. So both of
 * its interfaces are ones the fast path was given. Bulk traffic leaves merged instead, through the
 * stack (parts.h, FRAMES_MERGED).
 */
#include "io/parts.h"

#include <errno.h>
#include <unistd.h>
#include "io/outer.h"

/* ---- in ---- */

static enum verdict open_frame(struct xsk *x, const struct xdp_desc *d, struct pkt *p)
{
	uint64_t offset = d->addr & (XSK_FRAME_BYTES - 1);
	uint8_t *cell = x->frames + (d->addr - offset);

	/* the kernel leaves more than PKT_HEADROOM in front; its word is not taken for it */
	if (d->addr >= (uint64_t)XSK_FRAMES * XSK_FRAME_BYTES || offset < PKT_HEADROOM ||
	    d->len > XSK_FRAME_BYTES - offset)
		return DROP_OUTER_SHORT;
	pkt_init(p, cell + offset - PKT_HEADROOM, d->len, VIA_TUN);
	p->start = cell;
	p->frame = true;
	return outer_strip_frame(p);
}

/* As many as the batch has room for. Return: how many of them are packets */
static unsigned int take_from(struct worker *w, struct xsk *x, unsigned int n)
{
	struct frames *f = &w->frames;
	struct xdp_desc d;

	while (f->lents < BATCH && xsk_take(x, &d)) {
		enum verdict v = open_frame(x, &d, &w->in.pkt[n]);

		f->lent[f->lents].xsk = x;
		f->lent[f->lents++].address = d.addr;
		if (v == PASS)
			n++;
		else
			worker_refuse(w, v, 1);
	}
	return n;
}

unsigned int worker_frames(struct worker *w)
{
	struct frames *f = &w->frames;
	unsigned int n = 0;

	for (unsigned int i = 0; i < XSK_SOCKETS && f->lents < BATCH; i++)
		n = take_from(w, &f->set->xsk[(f->turn + i) % XSK_SOCKETS], n);
	f->turn++;
	count_add(&w->path.me->frames_in, n);
	return n;
}

void worker_frames_done(struct worker *w)
{
	struct frames *f = &w->frames;

	for (unsigned int i = 0; i < f->lents; i++)
		xsk_give(f->lent[i].xsk, f->lent[i].address);
	f->lents = 0;
}

void worker_frames_lost(struct worker *w)
{
	for (unsigned int i = 0; w->frames.set && i < XSK_SOCKETS; i++) {
		uint64_t lost = xsk_lost(&w->frames.set->xsk[i]);

		if (lost > 0)
			worker_refuse(w, DROP_QUEUE_SOCKET, lost);
	}
}

/* ---- out ---- */

bool worker_order(struct worker *w, const struct pkt *p, enum fast_order_what what)
{
	const struct xsk_set *s = w->frames.set;
	struct fast_order o = { .what = (uint8_t)what, .worker = (uint8_t)w->number, .tid = p->to };
	uint32_t refused;
	uint8_t *at;
	ssize_t sent;

	if (pkt_version(p) != (what == FAST_ORDER_NATIVE ? IP6_VERSION : IP4_VERSION) ||
	    (size_t)(p->data - p->start) < sizeof(o))
		return false;
	refused = __atomic_load_n(&s->answer->refused, __ATOMIC_RELAXED);
	at = p->data - sizeof(o);
	memcpy(at, &o, sizeof(o));
	do {
		sent = write(s->out, at, sizeof(o) + p->len);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0 || __atomic_load_n(&s->answer->refused, __ATOMIC_RELAXED) != refused)
		return false;
	count_add(&w->path.me->frames_out, 1);
	return true;
}

bool worker_send_frame(struct worker *w, struct pkt *p)
{
	struct frames *f = &w->frames;

	if (!p->frame || !p->datagram || p->out_fragment || !addr_is_ip4(&p->out_to))
		return false;
	if (f->outs == WIRE_MAX)
		worker_send_frames_flush(w);
	f->out[f->outs++] = p;
	return true;
}

bool worker_bulk(struct worker *w, enum bulk_way way, uint16_t tid, unsigned int run)
{
	mono_t *until;

	if (!w->offload || tid >= w->path.cf->limits.tunnels)
		return false;
	until = &w->frames.bulk[way][tid];
	if (run >= FRAMES_MERGED)
		*until = (mono_t){ w->path.now.us + BULK_US };
	return w->path.now.us < until->us;
}

/* From @first on: how many of one size go to one client? */
static unsigned int run_from(const struct frames *f, unsigned int first)
{
	const struct pkt *p = f->out[first];
	unsigned int n = 1;

	while (first + n < f->outs && f->out[first + n]->to == p->to && f->out[first + n]->len == p->len)
		n++;
	return n;
}

static void send_out(struct worker *w, struct pkt *p, bool bulk)
{
	if (!bulk) {
		path_sum(p);
		if (worker_order(w, p, FAST_ORDER_OUTER))
			return;
	}
	p->frame = false;
	worker_send(w, p);
}

/* Signatures of all of them together. */
void worker_send_frames_flush(struct worker *w)
{
	struct frames *f = &w->frames;
	bool bulk;

	path_sign(&w->path, f->out, f->outs);
	for (unsigned int i = 0, n; i < f->outs; i += n) {
		n = run_from(f, i);
		bulk = worker_bulk(w, BULK_INTO_TUNNEL, f->out[i]->to, n);
		for (unsigned int k = i; k < i + n; k++)
			send_out(w, f->out[k], bulk);
	}
	f->outs = 0;
}
