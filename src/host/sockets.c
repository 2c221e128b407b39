/*
 * src/host/sockets.c - how outer packets reach us and leave
 *
 * Raw sockets for protocol 41 and GRE (the kernel reassembles and, because somebody
 * listens, stays silent), UDP for AYIYA and heartbeats, ICMP for errors about what we
 * sent. Outward everything goes through one raw socket a family, header included, on
 * which the kernel's own idea of path MTUs is switched off: path/ decides.
 */
#include "host/host.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "host/steer.h"
#include "wire/icmp4.h"
#include "wire/icmp6.h"
#include "wire/proto.h"

#define RECEIVE_BYTES	(8 << 20)
#define SEND_BYTES	(4 << 20)

/* of <linux/in.h> and <linux/in6.h>; <netinet/in.h> lacks them */
#define NODEFRAG	22	/* IP_NODEFRAG */
#define FLOWINFO_SEND	33	/* IPV6_FLOWINFO_SEND */

static const char *family_name(int family)
{
	return family == AF_INET ? "IPv4" : "IPv6";
}

static int on(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

static int failed(struct why *why, const char *what, int family)
{
	int error = errno;

	if (error == EPERM || error == EACCES)
		return why_say(why, -error, "the capability CAP_NET_RAW is missing (needed for "
			       "%s over %s): start sixxsd as root", what, family_name(family));
	if (error == EADDRINUSE)
		return why_say(why, -error, "%s over %s is taken by another program: another "
			       "sixxsd runs in this network namespace?", what,
			       family_name(family));
	return why_say(why, -error, "cannot open %s over %s: %s", what, family_name(family),
		       strerror(error));
}

/* Large enough for a burst; less than asked for is said, not fatal. */
static void size_buffer(int fd, int force, int plain, int get, int bytes, const char *what,
			const struct say *to)
{
	socklen_t len = sizeof(int);
	int have = 0;

	if (on(fd, SOL_SOCKET, force, bytes) < 0)
		(void)on(fd, SOL_SOCKET, plain, bytes);
	/* the kernel doubles what it was asked for */
	if (getsockopt(fd, SOL_SOCKET, get, &have, &len) == 0 && have < bytes)
		host_say(to, "the buffer of %s holds %d octets instead of %d: bursts may be lost",
			 what, have, bytes);
}

/* A filter that lets nothing through: the packets count as taken, and cost nothing more. */
static int drop_all(int fd)
{
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = { .len = 1, .filter = &none };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static int want_addresses(int fd, int family, int type)
{
	if (on(fd, SOL_SOCKET, SO_RXQ_OVFL, 1) < 0)
		return -1;
	if (family == AF_INET6)
		return on(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) < 0 ? -1 :
		       on(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
	if (type == SOCK_RAW)
		return 0;	/* the IPv4 header itself arrives */
	return on(fd, IPPROTO_IP, IP_PKTINFO, 1) < 0 ? -1 : on(fd, IPPROTO_IP, IP_RECVTOS, 1);
}

static int open_receiver(int *fd, int family, int type, int protocol, const char *what,
			 const struct say *to, struct why *why)
{
	*fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	if (*fd < 0 || want_addresses(*fd, family, type) < 0)
		return failed(why, what, family);
	size_buffer(*fd, SO_RCVBUFFORCE, SO_RCVBUF, SO_RCVBUF, RECEIVE_BYTES, what, to);
	return 0;
}

/* @shared: every worker has one, and the kernel chooses among them */
static int open_udp(int *fd, int family, enum port port, bool shared, const char *what,
		    const struct say *to, struct why *why)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int error = open_receiver(fd, family, SOCK_DGRAM, IPPROTO_UDP, what, to, why);
	int bound;

	if (error)
		return error;
	if (shared && on(*fd, SOL_SOCKET, SO_REUSEPORT, 1) < 0)
		return failed(why, what, family);
	if (family == AF_INET6)
		bound = on(*fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) < 0 ? -1 :
			bind(*fd, (struct sockaddr *)&six, sizeof(six));
	else
		bound = bind(*fd, (struct sockaddr *)&four, sizeof(four));
	return bound < 0 ? failed(why, what, family) : 0;
}

/*
 * What open_sender() has, where datagrams leave by the socket they come to (io/datagram.c).
 */
static int also_sends(int fd, int family, const struct say *to, struct why *why)
{
	bool bad;

	if (family == AF_INET)
		bad = on(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE) < 0 ||
		      on(fd, IPPROTO_IP, IP_TTL, OUTER_HOPS) < 0;
	else
		bad = on(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE) < 0 ||
		      on(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, OUTER_HOPS) < 0 ||
		      on(fd, IPPROTO_IPV6, FLOWINFO_SEND, 1) < 0;
	if (bad)
		return failed(why, "UDP port 5072 (AYIYA)", family);
	size_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, SO_SNDBUF, SEND_BYTES, "AYIYA for sending", to);
	return 0;
}

static int open_icmp(int *fd, int family, const struct say *to, struct why *why)
{
	int protocol = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	int error = open_receiver(fd, family, SOCK_RAW, protocol, "ICMP", to, why);
	int set;

	if (error)
		return error;
	/* in both filters a set bit is a type that does not pass */
	if (family == AF_INET) {
		struct icmp_filter f = {
			.data = ~(1u << ICMP4_UNREACHABLE | 1u << ICMP4_ECHO_REQUEST |
				  1u << ICMP4_TIME_EXCEEDED | 1u << ICMP4_PARAMETER),
		};

		set = setsockopt(*fd, SOL_RAW, ICMP_FILTER, &f, sizeof(f));
	} else {
		struct icmp6_filter f;

		memset(&f, 0xff, sizeof(f));
		f.data[0] = ~(1u << ICMP6_UNREACHABLE | 1u << ICMP6_TOO_BIG |
			      1u << ICMP6_TIME_EXCEEDED | 1u << ICMP6_PARAMETER);
		set = setsockopt(*fd, IPPROTO_ICMPV6, ICMPV6_FILTER, &f, sizeof(f));
	}
	return set < 0 ? failed(why, "ICMP", family) : 0;
}

/*
 * IPPROTO_RAW includes the header. PROBE: only the device's MTU counts, the kernel's path
 * MTU cache does not. RECVERR: for EMSGSIZE the error queue says what that MTU is.
 * NODEFRAG: connection tracking leaves our own fragments alone.
 */
static int open_sender(int *fd, int family, const struct say *to, struct why *why)
{
	static const char what[] = "the raw socket for sending";
	bool bad;

	*fd = socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_RAW);
	if (*fd < 0)
		return failed(why, what, family);
	if (family == AF_INET)
		bad = on(*fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE) < 0 ||
		      on(*fd, IPPROTO_IP, IP_RECVERR, 1) < 0 ||
		      on(*fd, IPPROTO_IP, NODEFRAG, 1) < 0;
	else
		bad = on(*fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE) < 0 ||
		      on(*fd, IPPROTO_IPV6, IPV6_RECVERR, 1) < 0;
	if (bad || drop_all(*fd) < 0)
		return failed(why, what, family);
	size_buffer(*fd, SO_SNDBUFFORCE, SO_SNDBUF, SO_SNDBUF, SEND_BYTES, what, to);
	return 0;
}

/*
 * A packet of a protocol without a listener is answered by the kernel ("protocol
 * unreachable"). Newer kernels count a listener whose buffer is full as none: beside the
 * socket that is read there is one that takes every packet and keeps none, so that a
 * flood is not reflected and no client is told that its tunnel ended.
 */
static int open_silent(int *fd, int family, int protocol, const char *what, struct why *why)
{
	*fd = socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	if (*fd < 0 || drop_all(*fd) < 0)
		return failed(why, what, family);
	return 0;
}

/* Who opens what for whom. */
struct opening {
	const struct steer	*steer;		/* NULL: the kernel cannot tell whose a packet is */
	unsigned int		worker, workers;
	int			family;
	const struct say	*to;
};

/*
 * The kernel gives a copy to every raw socket: each takes its own worker's packets, and
 * between them they take all. Until that filter is on the socket takes nothing, so that no
 * packet is taken twice.
 */
static int open_plain(int *fd, const struct opening *o, int protocol, const char *what,
		      struct why *why)
{
	enum steer_socket which = protocol == IPPROTO_GRE ? STEER_GRE : STEER_P41;
	char byte;
	int error;

	if (!o->steer && o->worker > 0)
		return 0;	/* the first takes all, and hands over */
	error = open_receiver(fd, o->family, SOCK_RAW, protocol, what, o->to, why);
	if (error || !o->steer)
		return error;
	if (drop_all(*fd) < 0)
		return failed(why, what, o->family);
	while (recv(*fd, &byte, sizeof(byte), MSG_DONTWAIT) >= 0)
		;		/* came in between */
	error = steer_raw(o->steer, o->worker, o->family, which, *fd);
	return error ? why_say(why, error, "cannot steer %s over %s to its worker: %s", what,
			       family_name(o->family), strerror(-error)) : 0;
}

/* What every worker has. */
static int open_share(struct host_fds *f, int i, const struct opening *o, struct why *why)
{
	int e = open_plain(&f->p41[i], o, IPPROTO_IPV6, "protocol 41", why);

	if (!e)
		e = open_plain(&f->gre[i], o, IPPROTO_GRE, "GRE", why);
	if (!e)
		e = open_udp(&f->ayiya[i], o->family, PORT_AYIYA, o->workers > 1,
			     "UDP port 5072 (AYIYA)", o->to, why);
	if (!e)
		e = also_sends(f->ayiya[i], o->family, o->to, why);
	if (!e && o->steer)
		(void)steer_udp_gate(o->steer, o->worker, o->family, f->ayiya[i]);
	if (!e)
		e = open_sender(&f->send[i], o->family, o->to, why);
	return e;
}

/* What there is once. */
static int open_family(struct host_fds *f, int i, int family, const struct say *to,
		       struct why *why)
{
	int e = open_silent(&f->proto4[i], family, IPPROTO_IPIP, "protocol 4", why);

	if (!e)
		e = open_silent(&f->p41_silent[i], family, IPPROTO_IPV6, "protocol 41", why);
	if (!e)
		e = open_silent(&f->gre_silent[i], family, IPPROTO_GRE, "GRE", why);
	if (!e)
		e = open_udp(&f->beat[i], family, PORT_HEARTBEAT, false, "UDP port 3740 (heartbeat)",
			     to, why);
	if (!e)
		e = open_icmp(&f->icmp[i], family, to, why);
	return e;
}

static int open_all(struct host_fds *fds, int i, struct opening o, struct why *why)
{
	int e = 0;

	for (o.worker = 0; o.worker < o.workers && !e; o.worker++)
		e = open_share(&fds[o.worker], i, &o, why);
	if (!e)
		e = open_family(&fds[0], i, o.family, o.to, why);
	if (!e && o.steer && o.workers > 1)
		(void)steer_udp(o.steer, fds[0].ayiya[i]);	/* else the kernel goes by flows */
	return e;
}

int host_open_sockets(struct host_fds *fds, unsigned int workers, const struct steer *steer,
		      const struct say *to, struct why *why)
{
	static const int family[2] = { AF_INET, AF_INET6 };
	unsigned int there = 0;

	for (int i = 0; i < 2; i++) {
		int e = open_all(fds, i, (struct opening){ .steer = steer, .workers = workers,
							  .family = family[i], .to = to }, why);

		if (e == -EAFNOSUPPORT) {
			host_say(to, "this host has no %s: tunnels over %s cannot work, going on "
				 "with the other", family_name(family[i]), family_name(family[i]));
			continue;
		}
		if (e)
			return e;
		there++;
	}
	if (there == 0)
		return why_say(why, -EAFNOSUPPORT, "this host has neither IPv4 nor IPv6");
	return 0;
}
