/*
 * src/io/uplink.c - the TUN device's side: what comes with a header before it, and what leaves
 *
 * Every packet on the descriptor is preceded by a struct virtio_net_hdr (IFF_VNET_HDR). Inward
 * it says that a checksum is still missing, or that this is a super-packet; outward the same,
 * for what coalesce.c made of a batch. Order is kept within a connection, not between them.
 */
#include "io/parts.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <sys/uio.h>
#include <unistd.h>
#include "io/coalesce.h"
#include "io/offload.h"
#include "wire/proto.h"
#include "wire/udp.h"

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

/* ---- in ---- */

/* What the kernel says is taken at its word, but not beyond the packet's end. */
static void take_header(struct pkt *p, const struct virtio_net_hdr *h)
{
	bool unfinished = h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;

	switch (h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
	case VIRTIO_NET_HDR_GSO_TCPV6:
		p->merged = PROTO_TCP;
		break;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		p->merged = PROTO_UDP;
		break;
	default:
		if (unfinished)
			(void)!offload_complete(p, h->csum_start, h->csum_offset);
		return;
	}
	p->segment = h->gso_size;
	p->l4 = h->csum_start;
}

/* Return: octets of packet, 0: an empty one, -1: none (errno) */
ssize_t worker_read_tun(int fd, struct pkt *p, uint8_t *buffer)
{
	struct virtio_net_hdr h;
	struct iovec iov[] = {
		{ &h, sizeof(h) },
		{ buffer + PKT_HEADROOM, PKT_ROOM - PKT_HEADROOM },
	};
	ssize_t got = readv(fd, iov, ARRAY_LEN(iov));

	if (got < 0)
		return -1;
	got -= (ssize_t)sizeof(h);
	if (got <= 0)
		return 0;
	pkt_init(p, buffer, (size_t)got, VIA_TUN);
	take_header(p, &h);
	return got;
}

/* ---- out ---- */

static void write_tun(struct worker *w, struct iovec *iov, int n, const struct pkt *const *pkt,
                      unsigned int pkts)
{
	ssize_t sent;

	do {
		sent = writev(w->fds.tun, iov, n);
	} while (sent < 0 && errno == EINTR);
	for (unsigned int i = 0; sent < 0 && i < pkts; i++) {
		enum verdict v = worker_refused(errno);

		path_sent(&w->path, pkt[i], v, 0);
		if (w->capturing)
			worker_capture_unsent(w, pkt[i], v);
	}
}

static void write_one(struct worker *w, const struct pkt *p)
{
	struct virtio_net_hdr h = { .flags = 0 };
	struct iovec iov[] = { { &h, sizeof(h) }, { p->data, p->len } };

	if (p->frame && !worker_bulk(w, BULK_OUT_OF_TUNNEL, p->from, 1) &&
	    worker_order(w, p, FAST_ORDER_NATIVE))
		return;
	write_tun(w, iov, ARRAY_LEN(iov), &p, 1);
}

static void write_train(struct worker *w, const struct train *t)
{
	struct iovec iov[2 + TRAIN_MAX];
	uint8_t head[TRAIN_HEADERS_MAX];
	struct virtio_net_hdr h = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = t->first.six ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = t->first.payload,
		.gso_size = t->first.octets,
		.csum_start = t->first.l4,
		.csum_offset = offsetof(struct tcp_hdr, checksum),
	};

	if (t->n == 1 || (t->pkt[0]->frame &&
			  !worker_bulk(w, BULK_OUT_OF_TUNNEL, t->pkt[0]->from, t->n))) {
		for (unsigned int i = 0; i < t->n; i++)
			write_one(w, t->pkt[i]);
		return;
	}
	iov[0] = (struct iovec){ &h, sizeof(h) };
	iov[1] = (struct iovec){ head, train_head(t, head) };
	for (unsigned int i = 0; i < t->n; i++)
		iov[2 + i] = (struct iovec){
			t->pkt[i]->data + t->first.payload,
			t->pkt[i]->len - t->first.payload,
		};
	write_tun(w, iov, (int)(2 + t->n), t->pkt, t->n);
	count_add(&w->path.me->merged_out, t->n);
}

/* Close the train at @i, keeping the others in the order in which they began. */
static void depart(struct worker *w, unsigned int i)
{
	struct station *s = &w->station;

	write_train(w, &s->train[s->order[i]]);
	for (unsigned int last = s->order[i]; i + 1 < s->n; i++) {
		s->order[i] = s->order[i + 1];
		s->order[i + 1] = (uint8_t)last;
	}
	s->n--;
}

static struct train *find(struct station *s, const struct segment *g, unsigned int *i)
{
	for (*i = 0; *i < s->n; (*i)++) {
		struct train *t = &s->train[s->order[*i]];

		if (segment_same_flow(&t->first, g))
			return t;
	}
	return NULL;
}

static void board(struct worker *w, const struct segment *g)
{
	struct station *s = &w->station;
	unsigned int i;
	struct train *t = find(s, g, &i);

	if (t && train_add(t, g)) {
		if (t->closed)
			depart(w, i);
		return;
	}
	if (t)
		depart(w, i);
	if (s->n == STATION_TRAINS)
		depart(w, 0);
	if (!train_begin(&s->train[s->order[s->n]], g))
		write_one(w, g->pkt);
	else
		s->n++;
}

/* Whatever @p is, nothing of its connection that came before it leaves behind it. */
static void let_out_before(struct worker *w, const struct pkt *p)
{
	struct station *s = &w->station;

	for (unsigned int i = 0; i < s->n;) {
		if (segment_may_be_of(&s->train[s->order[i]].first, p))
			depart(w, i);
		else
			i++;
	}
}

void worker_send_tun(struct worker *w, const struct pkt *p)
{
	struct segment g;

	if (w->offload && segment_of(p, &g)) {
		board(w, &g);
		return;
	}
	let_out_before(w, p);
	write_one(w, p);
}

void worker_send_tun_flush(struct worker *w)
{
	while (w->station.n > 0)
		depart(w, 0);
}

void worker_station_init(struct worker *w)
{
	for (unsigned int i = 0; i < STATION_TRAINS; i++)
		w->station.order[i] = (uint8_t)i;
}
