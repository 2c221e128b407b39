/*
 * src/io/datagram.c - AYIYA datagrams to one client in one call (UDP_SEGMENT)
 *
 * Packets leave by a raw socket, with the headers path/ gave them. Datagrams of one size that
 * follow one another and differ in nothing but their payload may as well go through the UDP
 * socket, as one buffer that the kernel, or the network card, cuts: it writes the same
 * headers, but for the IPv4 identification, which with DF set means nothing (RFC 6864 4.1).
 * It is told the IPv6 flow label, so that of one connection inside all take the same way. If
 * it will not, they go one by one, and each learns what is wrong with it.
 */
#include "io/parts.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include "wire/udp.h"

#define TOGETHER_MAX 64    /* UDP_MAX_SEGMENTS of Linux before 6.8 */
#define OCTETS_MAX   65000 /* an IP packet with all of them, headers once */
#define FLOW_LABEL   0xfffff
#define AGAIN_US     (10 * US_PER_S) /* clients behind another device need not wait for long */

static size_t headers(bool six)
{
	return (six ? sizeof(struct ip6_hdr) : sizeof(struct ip4_hdr)) + sizeof(struct udp_hdr);
}

static bool alike(const struct pkt *a, const struct pkt *b, size_t from, size_t octets)
{
	return memcmp(a->data + from, b->data + from, octets) == 0;
}

/* Source, destination, ports, DS field, flow label. */
static bool same_headers(const struct pkt *a, const struct pkt *b, bool six)
{
	if (!a->datagram || !b->datagram)
		return false;
	if (six) /* version, class, label; then addresses and ports */
		return alike(a, b, 0, sizeof(be32_t)) &&
		       alike(a, b, offsetof(struct ip6_hdr, src), 2 * sizeof(struct ip6_addr) + 4);
	return alike(a, b, 0, 2) &&
	       alike(a, b, offsetof(struct ip4_hdr, src), 2 * sizeof(struct ip4_addr) + 4);
}

/* May @b follow, and be the last if it is shorter? */
static bool joins(const struct pkt *a, const struct pkt *b, bool six)
{
	return b->len <= a->len && same_headers(a, b, six);
}

static unsigned int train_from(const struct outbox *o, unsigned int first, bool six)
{
	struct pkt *const *p = o->pkt + first;
	unsigned int n = 1, most = o->n - first;
	size_t octets = p[0]->len;

	while (n < most && n < TOGETHER_MAX && p[n - 1]->len == p[0]->len &&
	       octets + p[n]->len <= OCTETS_MAX && joins(p[0], p[n], six))
		octets += p[n++]->len;
	return n;
}

static struct cmsghdr *put_cmsg(struct msghdr *mh, struct cmsghdr *last, int level, int type,
                                const void *value, size_t len)
{
	struct cmsghdr *c = last ? CMSG_NXTHDR(mh, last) : CMSG_FIRSTHDR(mh);

	if (!c)
		return last; /* cannot be: CONTROL_BYTES hold three */
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), value, len);
	return c;
}

static struct cmsghdr *put_source4(struct msghdr *mh, const struct pkt *p)
{
	struct in_pktinfo info = { .ipi_ifindex = 0 };
	struct ip4_hdr h;
	int tos;

	memcpy(&h, p->data, sizeof(h));
	memcpy(&info.ipi_spec_dst, &h.src, sizeof(info.ipi_spec_dst));
	tos = h.tos;
	return put_cmsg(mh, put_cmsg(mh, NULL, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info)),
	                IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
}

static struct cmsghdr *put_source6(struct msghdr *mh, const struct pkt *p)
{
	struct in6_pktinfo info = { .ipi6_ifindex = 0 };
	struct ip6_hdr h;
	int tclass;

	memcpy(&h, p->data, sizeof(h));
	memcpy(&info.ipi6_addr, &h.src, sizeof(info.ipi6_addr));
	tclass = (int)(be32_get(&h.vtf) >> 20 & 0xff);
	return put_cmsg(mh, put_cmsg(mh, NULL, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info)),
	                IPPROTO_IPV6, IPV6_TCLASS, &tclass, sizeof(tclass));
}

static void put_rest(union name *name, const struct pkt *p, bool six)
{
	struct udp_hdr u;
	be32_t vtf;

	memcpy(&u, p->data + headers(six) - sizeof(u), sizeof(u));
	if (!six) {
		name->four.sin_port = u.dst.raw;
		return;
	}
	memcpy(&vtf, p->data, sizeof(vtf));
	name->six.sin6_port = u.dst.raw;
	name->six.sin6_flowinfo = be32_put(be32_get(&vtf) & FLOW_LABEL).raw;
}

/* Return: did the kernel take them? */
static bool send_train(struct worker *w, struct outbox *o, unsigned int first, unsigned int n,
                       bool six)
{
	const struct pkt *p = o->pkt[first];
	uint8_t control[CONTROL_BYTES] ALIGNED(16) = { 0 };
	union name name = o->name[first];
	struct iovec iov[TOGETHER_MAX];
	struct msghdr mh = {
		.msg_name = &name,
		.msg_namelen = o->msg[first].msg_hdr.msg_namelen,
		.msg_iov = iov,
		.msg_iovlen = n,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	uint16_t segment = (uint16_t)(p->len - headers(six));
	struct cmsghdr *last;
	ssize_t sent;

	for (unsigned int i = 0; i < n; i++)
		iov[i] = (struct iovec){ o->pkt[first + i]->data + headers(six),
			                 o->pkt[first + i]->len - headers(six) };
	put_rest(&name, p, six);
	last = six ? put_source6(&mh, p) : put_source4(&mh, p);
	last = put_cmsg(&mh, last, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment));
	mh.msg_controllen = (size_t)((uint8_t *)last - control) + CMSG_SPACE(sizeof(segment));
	do {
		sent = sendmsg(w->fds.ayiya[six], &mh, MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno == EIO) /* that device cannot, and the kernel will not for it */
		w->segments_again[six] = (mono_t){ w->path.now.us + AGAIN_US };
	if (sent >= 0)
		count_add(&w->path.me->merged_out, n);
	return sent >= 0;
}

unsigned int worker_send_datagrams(struct worker *w, struct outbox *o, unsigned int first,
                                   unsigned int *alone)
{
	bool six = o == &w->out[1];
	unsigned int i, n;

	if (!w->segments[six] || w->path.now.us < w->segments_again[six].us)
		return 0;
	for (i = first; i + 1 < o->n && !joins(o->pkt[i], o->pkt[i + 1], six); i++)
		;
	if (i + 1 >= o->n)
		return 0;
	*alone = i - first;
	if (*alone > 0)
		return 0;
	n = train_from(o, first, six);
	if (n > 1 && send_train(w, o, first, n, six))
		return n;
	*alone = n;
	return 0;
}

void worker_datagrams_init(struct worker *w)
{
	for (int six = 0; six < 2; six++) {
		int value;
		socklen_t len = sizeof(value);

		/* older kernels would not know the control message, and send it all as one */
		w->segments[six] =
			w->fds.ayiya[six] >= 0 &&
			getsockopt(w->fds.ayiya[six], SOL_UDP, UDP_SEGMENT, &value, &len) == 0;
	}
}
