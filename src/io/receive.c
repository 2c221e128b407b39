/*
 * src/io/receive.c - one batch from one descriptor, as packets with their outer addresses
 */
#include "io/parts.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "io/outer.h"
#include "wire/proto.h"

enum { TCLASS_ECN_MASK = 3 };

void worker_refuse(struct worker *w, enum verdict v, uint64_t n)
{
	count_add(&w->path.me->verdict[v], n);
	__atomic_store_n(&w->path.me->verdict_s[v], (uint32_t)w->path.wall.s, __ATOMIC_RELAXED);
}

static uint8_t *buffer(struct worker *w, unsigned int i)
{
	return w->in.buffer + (size_t)i * PKT_ROOM;
}

/* ---- the TUN device: one packet a read, which may be a super-packet ---- */

/* Somebody removed the device: it would be "ready" for ever. Control notices and ends. */
static void forget(struct worker *w, const struct input *in)
{
	(void)epoll_ctl(w->epoll, EPOLL_CTL_DEL, in->fd, NULL);
}

static unsigned int receive_tun(struct worker *w, const struct input *in)
{
	unsigned int n = 0;

	while (n < BATCH) {
		ssize_t got = worker_read_tun(in->fd, &w->in.pkt[n], buffer(w, n));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EBADFD)
			forget(w, in);
		if (got <= 0)
			break;
		n++;
	}
	return n;
}

/* ---- sockets ---- */

/* recvmmsg() writes lengths and flags: all of it is set again for every batch. */
static void prepare(struct worker *w)
{
	for (unsigned int i = 0; i < BATCH; i++) {
		w->in.iov[i] = (struct iovec){
			.iov_base = buffer(w, i) + PKT_HEADROOM,
			.iov_len = PKT_ROOM - PKT_HEADROOM,
		};
		w->in.msg[i].msg_hdr = (struct msghdr){
			.msg_name = &w->in.name[i], .msg_namelen = sizeof(w->in.name[i]),
			.msg_iov = &w->in.iov[i], .msg_iovlen = 1,
			.msg_control = w->in.control[i], .msg_controllen = CONTROL_BYTES,
		};
	}
}

/* A packet says how many were lost before it was queued, which may be less than is known. */
static void count_overflow(struct worker *w, struct input *in, uint32_t now)
{
	int32_t lost;

	/* a UDP socket counts what its gate kept out as well, which has a reason of its own */
	if (in->gate && in->port)
		now -= __atomic_load_n(&in->gate->shed, __ATOMIC_RELAXED);
	lost = (int32_t)(now - in->overflow);	/* wraps as the kernel's does */
	if (lost <= 0)
		return;
	in->overflow = now;
	worker_refuse(w, DROP_QUEUE_SOCKET, (uint64_t)lost);
}

/* Which of the queues others read about; SOCKET_QUEUES: none */
static enum socket_queue queue_of(const struct input *in)
{
	bool six = in->kind == INPUT_RAW6 || in->kind == INPUT_UDP6;

	switch (in->via) {
	case VIA_P41:
		return six ? QUEUE_P41_IP6 : QUEUE_P41_IP4;
	case VIA_GRE:
		return six ? QUEUE_GRE_IP6 : QUEUE_GRE_IP4;
	case VIA_AYIYA:
		return six ? QUEUE_AYIYA_IP6 : QUEUE_AYIYA_IP4;
	case VIA_BEAT:
		return six ? QUEUE_BEAT_IP6 : QUEUE_BEAT_IP4;
	case VIA_ICMP4:
		return QUEUE_ICMP_IP4;
	case VIA_ICMP6:
		return QUEUE_ICMP_IP6;
	case VIA_TUN:
	case VIA_PROTO4:
	case VIA_SELF:
		break;
	}
	return SOCKET_QUEUES;
}

static void show_queue(struct worker *w, const struct input *in, const uint32_t *info)
{
	enum socket_queue q = queue_of(in);

	if (q == SOCKET_QUEUES)
		return;
	__atomic_store_n(&w->path.me->queue_bytes[q], info[SK_MEMINFO_RMEM_ALLOC], __ATOMIC_RELAXED);
	__atomic_store_n(&w->path.me->queue_limit[q], info[SK_MEMINFO_RCVBUF], __ATOMIC_RELAXED);
}

void worker_poll_overflow(struct worker *w)
{
	worker_frames_lost(w);
	for (unsigned int i = 0; i < w->inputs; i++) {
		uint32_t info[SK_MEMINFO_VARS];
		socklen_t len = sizeof(info);
		struct input *in = &w->input[i];

		if (in->kind == INPUT_TUN || in->kind == INPUT_WAKE || in->kind == INPUT_XSK)
			continue;
		if (getsockopt(in->fd, SOL_SOCKET, SO_MEMINFO, info, &len) == 0 &&
		    len > SK_MEMINFO_DROPS * sizeof(info[0])) {
			count_overflow(w, in, info[SK_MEMINFO_DROPS]);
			show_queue(w, in, info);
		}
	}
}

/* The kernel's word, copied out: control messages are aligned for nobody in particular. */
#define TAKE_CMSG(c, to) \
	((c)->cmsg_len >= CMSG_LEN(sizeof(*(to))) && memcpy((to), CMSG_DATA(c), sizeof(*(to))))

/* The kernel says how long each is, also where there is but one. */
static void take_merged(struct pkt *p, int segment)
{
	if (segment <= 0 || (size_t)segment >= p->len)
		return;
	p->merged = PROTO_UDP;
	p->segment = (uint16_t)segment;
}

/* Return: was the destination address among them? */
static bool take_control(struct worker *w, struct input *in, struct msghdr *mh, struct pkt *p)
{
	struct outer *o = &p->outer;
	bool found = false;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
		struct in6_pktinfo six;
		struct in_pktinfo four;
		uint32_t lost;
		uint8_t tos;
		int tclass, segment;

		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL &&
		    TAKE_CMSG(c, &lost)) {
			count_overflow(w, in, lost);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO &&
			   TAKE_CMSG(c, &six)) {
			memcpy(&o->us, &six.ipi6_addr, sizeof(o->us));
			found = true;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS &&
			   TAKE_CMSG(c, &tclass)) {
			o->ecn = (uint8_t)tclass & TCLASS_ECN_MASK;
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO &&
			   TAKE_CMSG(c, &four)) {
			struct ip4_addr us;

			memcpy(&us, &four.ipi_addr, sizeof(us));
			o->us = addr_from_ip4_wire(&us);
			found = true;
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS &&
			   TAKE_CMSG(c, &tos)) {
			o->ecn = tos & TCLASS_ECN_MASK;
		} else if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO &&
			   TAKE_CMSG(c, &segment)) {
			take_merged(p, segment);
		}
	}
	return found;
}

static void take_name(const struct input *in, const union name *name, struct outer *o)
{
	if (in->kind == INPUT_UDP4) {
		struct ip4_addr them;

		memcpy(&them, &name->four.sin_addr, sizeof(them));
		o->them = addr_from_ip4_wire(&them);
		o->them_port = ntohs(name->four.sin_port);
	} else {
		memcpy(&o->them, &name->six.sin6_addr, sizeof(o->them));
		o->them_port = in->kind == INPUT_UDP6 ? ntohs(name->six.sin6_port) : 0;
	}
	o->us_port = in->port;
}

/* Only what was received counts: what the buffer held before is nobody's. */
static enum verdict one_packet(struct worker *w, struct input *in, unsigned int i, struct pkt *p)
{
	struct msghdr *mh = &w->in.msg[i].msg_hdr;
	bool found;

	pkt_init(p, buffer(w, i), w->in.msg[i].msg_len, in->via);
	found = take_control(w, in, mh, p);
	if (mh->msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return DROP_OUTER_SHORT;
	if (in->kind == INPUT_RAW4)
		return outer_strip4(p);
	take_name(in, &w->in.name[i], &p->outer);
	return found ? PASS : DROP_OUTER_SHORT;
}

static unsigned int receive_socket(struct worker *w, struct input *in)
{
	unsigned int n = 0;
	int got;

	prepare(w);
	got = recvmmsg(in->fd, w->in.msg, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < got; i++) {
		enum verdict v = one_packet(w, in, (unsigned int)i, &w->in.pkt[n]);

		if (v == PASS)
			n++;
		else
			worker_refuse(w, v, 1);
	}
	return n;
}

unsigned int worker_receive(struct worker *w, struct input *in)
{
	uint64_t wakes;

	switch (in->kind) {
	case INPUT_TUN:
		return receive_tun(w, in);
	case INPUT_RAW4:
	case INPUT_RAW6:
	case INPUT_UDP4:
	case INPUT_UDP6:
		return receive_socket(w, in);
	case INPUT_XSK:
		return worker_frames(w);
	case INPUT_WAKE:
		/* worker_refresh() sees what it was about */
		(void)!read(in->fd, &wakes, sizeof(wakes));
		return 0;
	}
	return 0;
}
