/*
 * tests/bench/ayiya.c - an AYIYA client that is not what is measured
 *
 *	ayiya --pop ADDRESS --tun NAME --inner ADDRESS --password TEXT [--port N] [--no-hash]
 *
 * In the network namespace it is started in. Super-packets both ways, as the daemon does it,
 * with the daemon's own cutting and merging. --no-hash: signatures are neither made nor
 * checked (the daemon's end is sixxsd-nohash). Runs until it is ended.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include "crypto/digest_mb.h"
#include "crypto/digest_openssl.h"
#include "io/coalesce.h"
#include "io/offload.h"
#include "wire/ayiya.h"
#include "wire/proto.h"
#include "wire/udp.h"

#define BATCH  32
#define PLACES 64
#define PLACE  2304

struct client {
	int		tun, udp;
	bool		hash;
	struct digest	digest;
	uint8_t		secret[SHA1_BYTES];
	struct ip6_addr	inner;
	uint8_t		super[PKT_ROOM], place[PLACES][PLACE];
	struct pkt	piece[PLACES];
};

static void die(const char *what)
{
	fprintf(stderr, "ayiya: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- into the tunnel ---- */

static void put_header(const struct client *c, struct pkt *p, uint8_t op, uint8_t next)
{
	struct ayiya_hdr h = {
		.id = AYIYA_ID_IP6, .sig = AYIYA_SIG_SHA1, .op = AYIYA_AUTH_SECRET | op, .next = next,
		.epoch_s = be32_put((uint32_t)time(NULL)), .identity = c->inner,
	};

	memcpy(pkt_push(p, SHA1_BYTES), c->secret, SHA1_BYTES);
	memcpy(pkt_push(p, sizeof(h)), &h, sizeof(h));
}

/* The first @n pieces, each with the secret where the signature goes, all at once. */
static void hash(struct client *c, unsigned int n)
{
	struct digest_job job[PLACES];

	for (unsigned int i = 0; i < n; i++)
		job[i] = (struct digest_job){ c->piece[i].data, c->piece[i].len, c->piece[i].digest };
	if (c->hash)
		c->digest.sha1_many(c->digest.context, job, n);
}

static void sign(struct client *c, unsigned int n)
{
	hash(c, n);
	for (unsigned int i = 0; i < n; i++) {
		uint8_t *at = c->piece[i].data + sizeof(struct ayiya_hdr);

		if (c->hash)
			memcpy(at, c->piece[i].digest, SHA1_BYTES);
		else
			memset(at, 0, SHA1_BYTES);
	}
}

/* All of one size but the last. */
static void send_all(struct client *c, unsigned int n)
{
	uint8_t control[CMSG_SPACE(sizeof(uint16_t))] ALIGNED(16) = { 0 };
	struct iovec iov[PLACES];
	struct msghdr mh = {
		.msg_iov = iov,
		.msg_iovlen = n,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&mh);
	uint16_t segment;

	if (n == 0)
		return;
	sign(c, n);
	segment = (uint16_t)c->piece[0].len;
	cm->cmsg_level = SOL_UDP;
	cm->cmsg_type = UDP_SEGMENT;
	cm->cmsg_len = CMSG_LEN(sizeof(segment));
	memcpy(CMSG_DATA(cm), &segment, sizeof(segment));
	for (unsigned int i = 0; i < n; i++)
		iov[i] = (struct iovec){ c->piece[i].data, c->piece[i].len };
	if (n == 1)
		mh.msg_control = NULL, mh.msg_controllen = 0;
	(void)!sendmsg(c->udp, &mh, 0);
}

static void send_pieces(struct client *c, struct offload *o)
{
	size_t most = (65000 / (o->room + 100)), len;
	unsigned int n = 0;

	for (;;) {
		if (n == PLACES || n == most) {
			send_all(c, n);
			n = 0;
		}
		len = offload_next(o, c->place[n] + PKT_HEADROOM);
		if (len == 0)
			break;
		pkt_init(&c->piece[n], c->place[n], len, VIA_TUN);
		put_header(c, &c->piece[n++], AYIYA_OP_FORWARD, PROTO_IPV6);
	}
	send_all(c, n);
}

static bool from_tun(struct client *c)
{
	struct virtio_net_hdr h;
	struct iovec iov[] = {
		{ &h, sizeof(h) },
		{ c->super + PKT_HEADROOM, PKT_ROOM - PKT_HEADROOM },
	};
	ssize_t got = readv(c->tun, iov, 2);
	struct offload o;
	struct pkt p;

	if (got <= (ssize_t)sizeof(h))
		return false;
	pkt_init(&p, c->super, (size_t)got - sizeof(h), VIA_TUN);
	if ((h.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) == VIRTIO_NET_HDR_GSO_TCPV6) {
		p.merged = PROTO_TCP;
		p.segment = h.gso_size;
		p.l4 = h.csum_start;
		if (offload_given(&p, &o) && PKT_HEADROOM + o.room <= PLACE)
			send_pieces(c, &o);
		return true;
	}
	if (h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM &&
	    !offload_complete(&p, h.csum_start, h.csum_offset))
		return true;
	c->piece[0] = p;
	put_header(c, &c->piece[0], AYIYA_OP_FORWARD, PROTO_IPV6);
	send_all(c, 1);
	return true;
}

/* ---- out of it ---- */

static void write_train(const struct client *c, const struct train *t)
{
	struct virtio_net_hdr h = { .flags = 0 };
	struct iovec iov[2 + TRAIN_MAX] = { { &h, sizeof(h) } };
	uint8_t head[TRAIN_HEADERS_MAX];

	iov[1] = (struct iovec){ t->pkt[0]->data, t->pkt[0]->len };
	if (t->n > 1) {
		h = (struct virtio_net_hdr){
			.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
			.gso_type = VIRTIO_NET_HDR_GSO_TCPV6,
			.hdr_len = t->first.payload,
			.gso_size = t->first.octets,
			.csum_start = t->first.l4,
			.csum_offset = offsetof(struct tcp_hdr, checksum),
		};
		iov[1] = (struct iovec){ head, train_head(t, head) };
		for (unsigned int i = 0; i < t->n; i++)
			iov[2 + i] = (struct iovec){ t->pkt[i]->data + t->first.payload,
				                     t->pkt[i]->len - t->first.payload };
	}
	(void)!writev(c->tun, iov, t->n > 1 ? (int)(2 + t->n) : 2);
}

/* A train of one connection at a time: iperf3 has little else. */
static void board(const struct client *c, struct train *t, bool *open, const struct pkt *p)
{
	struct segment s;

	if (!segment_of(p, &s)) {
		t->n = 1;
		t->pkt[0] = p;
		write_train(c, t);
		return;
	}
	if (*open && segment_same_flow(&t->first, &s) && train_add(t, &s)) {
		if (t->closed)
			write_train(c, t), *open = false;
		return;
	}
	if (*open)
		write_train(c, t);
	*open = train_begin(t, &s);
	if (!*open)
		write_train(c, t);
}

static bool opened(const struct client *c, struct pkt *p, const uint8_t *sig)
{
	struct cur cur = pkt_cur(p);
	struct ayiya_hdr h;

	if (!CUR_TAKE(&cur, &h) || !cur_skip(&cur, SHA1_BYTES) || h.next != PROTO_IPV6 ||
	    (c->hash && memcmp(sig, p->digest, SHA1_BYTES) != 0))
		return false;
	pkt_keep(p, cur);
	return true;
}

static bool from_pop(struct client *c)
{
	uint8_t control[CMSG_SPACE(sizeof(int))] ALIGNED(16);
	struct iovec iov = { c->super + PKT_HEADROOM, sizeof(c->super) - PKT_HEADROOM };
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got = recvmsg(c->udp, &mh, MSG_DONTWAIT);
	int segment = (int)got;
	struct cmsghdr *cm = CMSG_FIRSTHDR(&mh);
	uint8_t sig[PLACES][SHA1_BYTES];
	bool open = false;
	struct train t;
	unsigned int n = 0;

	if (got <= 0)
		return false;
	if (cm && cm->cmsg_level == SOL_UDP && cm->cmsg_type == UDP_GRO)
		memcpy(&segment, CMSG_DATA(cm), sizeof(segment));
	for (ssize_t at = 0; at < got && n < PLACES; at += segment) {
		struct pkt *p = &c->piece[n];

		pkt_init(p, c->super + at, (size_t)(got - at < segment ? got - at : segment), VIA_AYIYA);
		if (p->len < sizeof(struct ayiya_hdr) + SHA1_BYTES)
			break;
		memcpy(sig[n], p->data + sizeof(struct ayiya_hdr), SHA1_BYTES);
		memcpy(p->data + sizeof(struct ayiya_hdr), c->secret, SHA1_BYTES);
		n++;
	}
	hash(c, n);
	for (unsigned int i = 0; i < n; i++) {
		if (opened(c, &c->piece[i], sig[i]))
			board(c, &t, &open, &c->piece[i]);
	}
	if (open)
		write_train(c, &t);
	return true;
}

/* ---- start ---- */

static int open_tun(const char *name)
{
	struct ifreq r = { .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &r) < 0 ||
	    ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN) < 0)
		die(name);
	return fd;
}

static int open_udp(const char *pop, unsigned int port)
{
	struct sockaddr_in us = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct sockaddr_in them = { .sin_family = AF_INET, .sin_port = htons(PORT_AYIYA) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1, bytes = 8 << 20;

	if (fd < 0 || inet_pton(AF_INET, pop, &them.sin_addr) != 1 ||
	    bind(fd, (struct sockaddr *)&us, sizeof(us)) < 0 ||
	    connect(fd, (struct sockaddr *)&them, sizeof(them)) < 0 ||
	    setsockopt(fd, SOL_UDP, UDP_GRO, &one, sizeof(one)) < 0)
		die("the UDP socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
	return fd;
}

static void beat(struct client *c)
{
	pkt_init(&c->piece[0], c->place[0], 0, VIA_SELF);
	put_header(c, &c->piece[0], AYIYA_OP_NOOP, PROTO_NONE);
	send_all(c, 1);
}

static struct client client;

int main(int argc, char **argv)
{
	static const struct option all[] = {
		{ "pop", 1, NULL, 'p' },      { "tun", 1, NULL, 't' },  { "inner", 1, NULL, 'i' },
		{ "password", 1, NULL, 'w' }, { "port", 1, NULL, 'P' }, { "no-hash", 0, NULL, 'N' },
		{ NULL, 0, NULL, 0 },
	};
	const char *pop = "", *tun = "ayiya", *password = "";
	unsigned int port = 4096;
	struct client *c = &client;
	time_t beaten = 0;
	int o;

	c->hash = true;
	while ((o = getopt_long(argc, argv, "", all, NULL)) != -1) {
		switch (o) {
		case 'p':
			pop = optarg;
			break;
		case 't':
			tun = optarg;
			break;
		case 'i':
			if (inet_pton(AF_INET6, optarg, &c->inner) != 1)
				die(optarg);
			break;
		case 'w':
			password = optarg;
			break;
		case 'P':
			port = (unsigned int)atoi(optarg);
			break;
		case 'N':
			c->hash = false;
			break;
		default:
			return 2;
		}
	}
	digest_openssl.sha1(NULL, &(struct span){ password, strlen(password) }, 1, c->secret);
	(void)digest_mb_open(&c->digest);
	c->tun = open_tun(tun);
	c->udp = open_udp(pop, port);
	for (;;) {
		struct pollfd fd[] = { { c->tun, POLLIN, 0 }, { c->udp, POLLIN, 0 } };

		if (time(NULL) - beaten >= 10) {
			beaten = time(NULL);
			beat(c);
		}
		(void)poll(fd, 2, 1000);
		for (int i = 0; i < BATCH && from_tun(c); i++)
			;
		for (int i = 0; i < BATCH && from_pop(c); i++)
			;
	}
}
