/*
 * What an authenticated packet may tell a tunnel. Everything before this is read-only:
 * a packet that fails on the way changed counters and the digest budget, nothing else
 * (security.md H8).
 */
#include "path/steps.h"

void path_emit(struct path *pa, struct path_event ev)
{
	if (pa->events == EVENTS_MAX) {
		count_add(&pa->me->events_lost, 1);
		return;
	}
	pa->event[pa->events++] = ev;
}

bool tunnel_is_at(const struct path *pa, const struct pkt *p, uint16_t tid)
{
	const struct endpoint *ep = &pa->tb->tunnel[tid].ep;

	/* every heartbeat comes from a fresh port, heartbeat.md 5 */
	return addr_eq(&ep->them, &p->outer.them) &&
	       (p->via != VIA_AYIYA || ep->them_port == p->outer.them_port);
}

bool digest_allowed(struct path *pa, bool stranger)
{
	return !stranger || bucket_take(&pa->digests, DIGEST_RATE, pa->now, 1);
}

void digest_good(struct path *pa, bool stranger)
{
	if (stranger)
		bucket_give(&pa->digests, 1);
}

/* Where packets to the tunnel go from now on. */
static struct endpoint endpoint_of(const struct endpoint *old, const struct pkt *p,
				   enum tunnel_type type)
{
	struct endpoint ep = *old;

	if (!addr_eq(&ep.them, &p->outer.them))
		endpoint_forget_path(&ep);	/* it was another path's */
	ep.them = p->outer.them;
	/* AYIYA answers from where it was asked; a heartbeat only fills what is unknown */
	if (type == TYPE_AYIYA || addr_is_unspecified(&ep.us) ||
	    addr_is_ip4(&ep.us) != addr_is_ip4(&ep.them))
		ep.us = p->outer.us;
	if (type == TYPE_AYIYA)
		ep.them_port = p->outer.them_port;
	ep.type = (uint8_t)type;
	ep.state = STATE_UP;
	return ep;
}

/* Events and notes of the way from @old to @ep. Return: the endpoint moved */
static bool tell_changes(struct path *pa, struct pkt *p, uint16_t tid,
			 const struct endpoint *old, const struct endpoint *ep)
{
	struct path_event ev = {
		.tid = tid, .address = ep->them,
		.port = ep->type == TYPE_AYIYA ? ep->them_port : 0,
	};
	bool moved = !addr_is_unspecified(&old->them) &&
		     (!addr_eq(&old->them, &ep->them) || old->them_port != ep->them_port);

	if (old->type != ep->type) {
		pkt_note(p, NOTE_TYPE, tid, ep->type);
		ev.event = EVENT_TYPE;
		ev.value = ep->type;
		path_emit(pa, ev);
		ev.value = 0;
	}
	if (moved || addr_is_unspecified(&old->them))
		story_moved(&pa->tb->story[tid], &ep->them, ev.port, pa->wall);
	if (old->state != ep->state) {
		pkt_note(p, NOTE_CAME_UP, tid, 0);
		ev.event = EVENT_UP;
		path_emit(pa, ev);
	} else if (moved) {
		pkt_note(p, NOTE_MOVED, tid, ev.port);
		ev.event = EVENT_MOVED;
		path_emit(pa, ev);
	}
	return moved;
}

void tunnel_heard(struct path *pa, struct pkt *p, uint16_t tid, enum tunnel_type type)
{
	struct tunnel *t = &pa->tb->tunnel[tid];
	struct tunnel_cold *k = &pa->tb->cold[tid];
	struct endpoint ep = endpoint_of(&t->ep, p, type);

	pkt_note(p, NOTE_AUTHENTIC, tid, 0);
	k->last_beat = pa->now;
	__atomic_store_n(&t->last_beat_s, pa->wall.s, __ATOMIC_RELAXED);
	count_add(&k->beats, 1);
	if (memcmp(&ep, &t->ep, sizeof(ep)) == 0)
		return;		/* the common packet: nothing to publish */

	/* a new type is held by the packets that use it, not by this: `encap auto` is open */
	if (ep.type != t->ep.type)
		k->last_typed = (mono_t){ 0 };
	if (tell_changes(pa, p, tid, &t->ep, &ep))
		count_add(&k->moves, 1);
	path_commit(pa, tid, &ep);
}
