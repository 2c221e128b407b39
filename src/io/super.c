/*
 * src/io/super.c - a merged packet, cut before anything is decided about it
 *
 * The packet's way knows packets as they are on the wire: each piece is one, with its own
 * verdict, counters and ICMP errors. Only the system calls are shared: pieces lie side by
 * side until they are sent together, and what goes to the TUN device may be merged again.
 */
#include "io/parts.h"

#include "io/offload.h"
#include "wire/proto.h"

_Static_assert(PIECES_BYTES >= PKT_ROOM + 16, "one piece may be as large as a packet");

/* Return: octets of a piece's place, for pieces of up to @largest octets */
static size_t place_for(size_t largest)
{
	size_t small = PIECES_BYTES / PIECES;

	return PKT_HEADROOM + largest <= small ? small : PIECES_BYTES;
}

/* The next place, @used of which are taken; what lies there is sent first when there is none. */
static struct pkt *take_place(struct worker *w, size_t bytes, unsigned int *used, uint8_t **at)
{
	if (*used == PIECES_BYTES / bytes) {
		worker_send_flush(w);
		*used = 0;
	}
	*at = w->pieces + *used * bytes;
	return &w->piece[(*used)++];
}

void worker_run_cut(struct worker *w, const struct pkt *merged, struct offload *o, unsigned int i)
{
	size_t bytes = place_for(o->room + 16), len;
	unsigned int used = 0;
	struct pkt *p;
	uint8_t *at;

	for (;;) {
		p = take_place(w, bytes, &used, &at);
		len = offload_next(o, at + PKT_HEADROOM);
		if (len == 0)
			break;
		pkt_init(p, at, len, merged->via);
		p->outer = merged->outer;
		count_add(&w->path.me->merged_in, 1);
		worker_run_piece(w, p, i);
	}
	worker_send_flush(w);
}

/* As many as there are places: they are hashed together. Return: octets of @merged done */
static size_t run_some(struct worker *w, const struct pkt *merged, size_t done, unsigned int i)
{
	size_t bytes = place_for(merged->segment);
	unsigned int n = 0;

	for (; done < merged->len && n < PIECES_BYTES / bytes; n++) {
		size_t len = min_size(merged->segment, merged->len - done);
		uint8_t *at = w->pieces + n * bytes;

		memcpy(at + PKT_HEADROOM, merged->data + done, len);
		pkt_init(&w->piece[n], at, len, merged->via);
		w->piece[n].outer = merged->outer;
		done += len;
	}
	count_add(&w->path.me->merged_in, n);
	path_digest(&w->path, w->piece, n);
	for (unsigned int k = 0; k < n; k++)
		worker_run_piece(w, &w->piece[k], i);
	worker_send_flush(w);
	return done;
}

/* Datagrams of one sender, as UDP_GRO delivers them. */
static void run_datagrams(struct worker *w, const struct pkt *merged, unsigned int i)
{
	for (size_t done = 0; done < merged->len;)
		done = run_some(w, merged, done, i);
}

uint64_t worker_pieces(const struct pkt *p)
{
	size_t octets = p->len;
	struct offload o;

	if (!p->merged)
		return 1;
	if (p->via == VIA_TUN) {
		if (!offload_given(p, &o))
			return 1;
		octets = o.end - o.payload;
	}
	return (octets + p->segment - 1) / p->segment;
}

bool worker_super(struct worker *w, const struct pkt *p, unsigned int i)
{
	struct offload o;

	if (!p->merged)
		return false;
	worker_send_flush(w); /* what came before leaves before, and its places are free */
	if (p->via == VIA_AYIYA && p->segment)
		run_datagrams(w, p, i);
	else if (p->via == VIA_TUN && offload_given(p, &o))
		worker_run_cut(w, p, &o, i);
	else
		return false;
	return true;
}
