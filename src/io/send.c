/*
 * src/io/send.c - packets leave: outer packets in batches a family
 *
 * What the kernel refuses is counted where it belongs by path_sent(). Nothing waits: a
 * full queue is a verdict.
 */
#include "io/parts.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <string.h>
#include <unistd.h>
#include "path/fragment.h"

enum verdict worker_refused(int error)
{
	switch (error) {
	case EMSGSIZE:
		return DROP_SEND_BIG;
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
		return DROP_SEND_QUEUE;
	default:
		return DROP_SEND;
	}
}

/* ---- outer packets ---- */

static socklen_t put_name(union name *name, const struct ip6_addr *to)
{
	if (!addr_is_ip4(to)) {
		name->six = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
		memcpy(&name->six.sin6_addr, to, sizeof(*to));
		return sizeof(name->six);
	}
	struct ip4_addr wire = addr_to_ip4_wire(to);

	name->four = (struct sockaddr_in){ .sin_family = AF_INET };
	memcpy(&name->four.sin_addr, &wire, sizeof(wire));
	return sizeof(name->four);
}

/* For a packet that was too big the kernel left the device's MTU in the error queue; 0: it
 * did not. Empties the queue. */
static uint16_t too_big_for(int fd)
{
	uint16_t mtu = 0;

	for (;;) {
		uint8_t control[CONTROL_BYTES] ALIGNED(16);
		struct sock_extended_err e;
		struct msghdr mh = { .msg_control = control, .msg_controllen = sizeof(control) };

		if (recvmsg(fd, &mh, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			return mtu;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&mh); c; c = CMSG_NXTHDR(&mh, c)) {
			if (c->cmsg_len < CMSG_LEN(sizeof(e)))
				continue;
			memcpy(&e, CMSG_DATA(c), sizeof(e));
			if (e.ee_errno == EMSGSIZE && e.ee_origin == SO_EE_ORIGIN_LOCAL)
				mtu = (uint16_t)min_size(e.ee_info, UINT16_MAX);
		}
	}
}

static void failed(struct worker *w, int fd, const struct pkt *p, int error)
{
	enum verdict v = worker_refused(error);

	path_sent(&w->path, p, v, v == DROP_SEND_BIG ? too_big_for(fd) : 0);
	if (w->capturing)
		worker_capture_unsent(w, p, v);
}

static void flush(struct worker *w, struct outbox *o)
{
	unsigned int done = 0;

	path_sign(&w->path, o->pkt, o->n);
	while (done < o->n) {
		unsigned int alone = o->n - done, together = 0;
		int sent;

		if (w->offload)
			together = worker_send_datagrams(w, o, done, &alone);
		done += together;
		if (together)
			continue;
		for (unsigned int i = 0; i < alone; i++)
			path_sum(o->pkt[done + i]);
		sent = sendmmsg(o->fd, o->msg + done, alone, MSG_DONTWAIT);

		if (sent >= 0) {
			done += (unsigned int)sent;
			continue;
		}
		if (errno == EINTR)
			continue;
		failed(w, o->fd, o->pkt[done++], errno);
	}
	o->n = 0;
}

/* Rare enough to go one by one; what waits goes first, so that the order stays. */
static void send_fragments(struct worker *w, struct outbox *o, struct pkt *p)
{
	struct fragmenter f;
	union name name;
	socklen_t len = put_name(&name, &p->out_to);
	size_t octets;

	flush(w, o);
	path_sign(&w->path, &p, 1);
	path_sum(p);
	fragment_begin(&f, p->data, p->len, p->out_fragment,
		       w->fragment_id += w->path.workers);
	while ((octets = fragment_next(&f, w->fragment)) != 0) {
		if (sendto(o->fd, w->fragment, octets, MSG_DONTWAIT, (struct sockaddr *)&name,
			   len) < 0) {
			failed(w, o->fd, p, errno);
			return;		/* a packet with a hole helps nobody */
		}
	}
}

static void send_wire(struct worker *w, struct pkt *p)
{
	struct outbox *o = &w->out[addr_is_ip4(&p->out_to) ? 0 : 1];
	unsigned int i;

	if (o->fd < 0) {
		path_sent(&w->path, p, DROP_SEND, 0);
		if (w->capturing)
			worker_capture_unsent(w, p, DROP_SEND);
		return;
	}
	if (p->out_fragment && p->len > p->out_fragment) {
		send_fragments(w, o, p);
		return;
	}
	if (o->n == WIRE_MAX)
		flush(w, o);
	i = o->n++;
	o->pkt[i] = p;
	o->iov[i] = (struct iovec){ .iov_base = p->data, .iov_len = p->len };
	o->msg[i].msg_hdr = (struct msghdr){
		.msg_name = &o->name[i], .msg_namelen = put_name(&o->name[i], &p->out_to),
		.msg_iov = &o->iov[i], .msg_iovlen = 1,
	};
}

void worker_send(struct worker *w, struct pkt *p)
{
	switch (p->out) {
	case OUT_NONE:
		return;
	case OUT_TUN:
		worker_send_tun(w, p);
		return;
	case OUT_WIRE:
		if (!worker_send_frame(w, p))
			send_wire(w, p);
		return;
	case OUT_WORKER:
		worker_hand_over(w, p);
		return;
	}
}

void worker_send_flush(struct worker *w)
{
	worker_send_tun_flush(w);
	worker_send_frames_flush(w);	/* may leave something to those behind it */
	flush(w, &w->out[0]);
	flush(w, &w->out[1]);
	worker_hand_over_flush(w);
}
