#include "io/fair.h"

#include <stdlib.h>

static void *taken(size_t bytes)
{
	size_t whole = (bytes + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
	void *p = aligned_alloc(CACHE_LINE, whole);

	return p ? memset(p, 0, whole) : NULL;
}

static enum fair_class class_of_cell(uint16_t cell)
{
	return cell < FAIR_SMALL ? FAIR_IS_SMALL : FAIR_IS_LARGE;
}

static uint8_t *octets_of(const struct fair *f, uint16_t cell)
{
	if (class_of_cell(cell) == FAIR_IS_SMALL)
		return f->octets[FAIR_IS_SMALL] + (size_t)cell * FAIR_SMALL_BYTES;
	return f->octets[FAIR_IS_LARGE] + (size_t)(cell - FAIR_SMALL) * PKT_ROOM;
}

static void give_back(struct fair *f, uint16_t cell)
{
	enum fair_class c = class_of_cell(cell);

	f->next[cell] = f->free[c];
	f->free[c] = cell;
	f->left[c]++;
}

struct fair *fair_new(uint32_t flows)
{
	struct fair *f = taken(sizeof(*f));

	if (!f)
		return NULL;
	f->flows = flows;
	f->first = f->last = FAIR_NO_FLOW;
	f->taken = f->free[FAIR_IS_SMALL] = f->free[FAIR_IS_LARGE] = FAIR_NONE;
	f->flow = taken(flows * sizeof(*f->flow));
	f->pkt = taken(FAIR_CELLS * sizeof(*f->pkt));
	f->octets[FAIR_IS_SMALL] = taken((size_t)FAIR_SMALL * FAIR_SMALL_BYTES);
	f->octets[FAIR_IS_LARGE] = taken((size_t)FAIR_LARGE * PKT_ROOM);
	if (!f->flow || !f->pkt || !f->octets[FAIR_IS_SMALL] || !f->octets[FAIR_IS_LARGE]) {
		fair_free(f);
		return NULL;
	}
	for (uint32_t i = 0; i < flows; i++)
		f->flow[i].first = f->flow[i].last = FAIR_NONE;
	for (uint16_t i = FAIR_CELLS; i-- > 0;)
		give_back(f, i);
	return f;
}

void fair_free(struct fair *f)
{
	if (!f)
		return;
	free(f->flow);
	free(f->pkt);
	free(f->octets[FAIR_IS_SMALL]);
	free(f->octets[FAIR_IS_LARGE]);
	free(f);
}

/* ---- the flows that wait, in the order of their turns ---- */

static void line_up(struct fair *f, uint32_t flow)
{
	f->flow[flow].next = FAIR_NO_FLOW;
	if (f->last == FAIR_NO_FLOW)
		f->first = flow;
	else
		f->flow[f->last].next = flow;
	f->last = flow;
}

static void step_out(struct fair *f)
{
	f->first = f->flow[f->first].next;
	if (f->first == FAIR_NO_FLOW)
		f->last = FAIR_NO_FLOW;
}

bool fair_put(struct fair *f, uint32_t flow, const struct pkt *p)
{
	enum fair_class c = PKT_HEADROOM + p->len <= FAIR_SMALL_BYTES ? FAIR_IS_SMALL :
									FAIR_IS_LARGE;
	struct fair_flow *w = &f->flow[flow];
	uint16_t cell = f->free[c];
	size_t front = pkt_front(p);
	struct pkt *kept;

	if (w->n[c] >= f->left[c] || p->len > PKT_ROOM - PKT_HEADROOM)
		return false;	/* nothing left is less than any share */
	f->free[c] = f->next[cell];
	f->left[c]--;
	kept = &f->pkt[cell];
	*kept = *p;
	kept->start = octets_of(f, cell);
	kept->data = kept->start + PKT_HEADROOM;
	kept->peeled = (uint16_t)front;
	memcpy(kept->data - front, p->data - front, front + p->len);
	kept->inner = kept->data;
	kept->inner_len = kept->len;

	f->next[cell] = FAIR_NONE;
	if (w->first == FAIR_NONE) {
		w->first = cell;
		w->credit = FAIR_QUANTUM;
		line_up(f, flow);
	} else {
		f->next[w->last] = cell;
	}
	w->last = cell;
	w->n[c]++;
	f->waiting++;
	return true;
}

/* Out of the flow whose turn it is, and into what is being sent. */
static void take_first(struct fair *f, struct pkt *p)
{
	struct fair_flow *w = &f->flow[f->first];
	uint16_t cell = w->first;

	*p = f->pkt[cell];
	w->credit -= (int32_t)(FAIR_PACKET_COST + p->len);
	w->n[class_of_cell(cell)]--;
	w->first = f->next[cell];
	if (w->first == FAIR_NONE) {
		w->last = FAIR_NONE;
		step_out(f);
	}
	f->next[cell] = f->taken;
	f->taken = cell;
	f->waiting--;
}

bool fair_take(struct fair *f, struct pkt *p)
{
	while (f->first != FAIR_NO_FLOW) {
		uint32_t flow = f->first;

		if (f->flow[flow].credit > 0) {
			take_first(f, p);
			return true;
		}
		f->flow[flow].credit += FAIR_QUANTUM;
		step_out(f);
		line_up(f, flow);
	}
	return false;
}

void fair_done(struct fair *f)
{
	while (f->taken != FAIR_NONE) {
		uint16_t cell = f->taken;

		f->taken = f->next[cell];
		give_back(f, cell);
	}
}
