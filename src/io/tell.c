#include "io/parts.h"

#include <string.h>
#include <unistd.h>

static void put(struct worker *w, const struct record *rec)
{
	if (ring_put(&w->region->ring[w->number], rec))
		w->told = true;
	else
		count_add(&w->path.me->events_lost, 1);
}

static void put_event(struct worker *w, const struct path_event *ev)
{
	struct record rec = {
		.at_s = w->path.wall.s, .event = (uint8_t)ev->event, .from = ev->tid,
		.to = TID_NONE, .blame = TID_NONE, .port = ev->port, .value = ev->value,
		.address = ev->address,
	};

	if (ev->event == EVENT_DROP)
		rec.verdict = (uint16_t)ev->value;
	put(w, &rec);
}

static void put_trace(struct worker *w, const struct pkt *p, enum verdict v)
{
	struct record rec = {
		.at_s = w->path.wall.s, .event = EVENT_TRACE, .notes = p->notes,
		.verdict = (uint16_t)v, .from = p->from, .to = p->to, .blame = p->blame,
		.port = p->outer.them_port, .len = (uint32_t)p->inner_len,
		.kept = (uint16_t)min_size(p->inner_len, TRACE_BYTES),
		.address = p->outer.them,
	};

	memcpy(rec.note, p->note, p->notes * sizeof(p->note[0]));
	memcpy(rec.bytes, p->inner, rec.kept);
	put(w, &rec);
}

void worker_tell(struct worker *w, const struct pkt *p, enum verdict v)
{
	for (unsigned int i = 0; i < w->path.events; i++)
		put_event(w, &w->path.event[i]);
	w->path.events = 0;
	if (p && p->traced)
		put_trace(w, p, v);
}

void worker_tell_flush(struct worker *w)
{
	uint64_t one = 1;

	if (!w->told)
		return;
	w->told = false;
	/* cannot fail but by being full, and then control is awake */
	(void)!write(w->fds.tell, &one, sizeof(one));
}
