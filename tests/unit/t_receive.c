/* What a socket lost before we read it is counted, to the packet; and oversized datagrams. */
#include <arpa/inet.h>
#include <netinet/udp.h>
#include <unistd.h>

#include "io/parts.h"
#include "saw.h"
#include "tap.h"
#include "wire/proto.h"

enum { SENT = 1000, BYTES = 1000, SMALL = 8192 };

static struct worker *w;
static struct worker_shared me;
static struct sockaddr_in here;

static int receiver(void)
{
	socklen_t len = sizeof(here);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), small = SMALL, on = 1;

	here = (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on)) ||
	    setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&here, sizeof(here)) ||
	    getsockname(fd, (struct sockaddr *)&here, &len)) {
		perror("socket");
		exit(99);
	}
	return fd;
}

static void say(int fd, size_t n)
{
	static const char bytes[BYTES];

	for (size_t i = 0; i < n; i++) {
		if (sendto(fd, bytes, BYTES, 0, (struct sockaddr *)&here, sizeof(here)) != BYTES)
			exit(99);
	}
}

static uint64_t read_all(struct input *in)
{
	uint64_t got = 0, n;

	while ((n = worker_receive(w, in)) > 0)
		got += n;
	return got;
}

static void overflow_is_counted(void)
{
	struct input in = { .fd = receiver(), .kind = INPUT_UDP4, .via = VIA_AYIYA, .port = 5072 };
	int from = socket(AF_INET, SOCK_DGRAM, 0);
	uint64_t got;

	w->input[0] = in;
	w->inputs = 1;
	say(from, SENT);
	worker_poll_overflow(w);
	ok(me.queue_bytes[QUEUE_AYIYA_IP4] > BYTES && me.queue_limit[QUEUE_AYIYA_IP4] == 2 * SMALL &&
	   me.queue_limit[QUEUE_AYIYA_IP6] == 0, "what waits and what can is there to read");
	in = w->input[0];
	got = read_all(&in);
	worker_poll_overflow(w);
	ok(me.queue_bytes[QUEUE_AYIYA_IP4] == 0, "when all is read nothing waits");
	w->inputs = 0;
	ok(got > 0 && got < SENT, "%u of %u datagrams fitted the queue", (unsigned int)got, SENT);
	say(from, 1);		/* the kernel tells what was lost with the next that is not */
	got += read_all(&in);
	ok(got + me.verdict[DROP_QUEUE_SOCKET] == SENT + 1,
	   "the other %u are counted as lost", (unsigned int)me.verdict[DROP_QUEUE_SOCKET]);
	say(from, 1);
	ok(read_all(&in) == 1 && got + me.verdict[DROP_QUEUE_SOCKET] == SENT + 1, "once");
	saw(DROP_QUEUE_SOCKET);
	close(from);
	close(in.fd);
}

static void addresses_come_along(void)
{
	struct input in = { .fd = receiver(), .kind = INPUT_UDP4, .via = VIA_AYIYA, .port = 5072 };
	int from = socket(AF_INET, SOCK_DGRAM, 0);
	const struct pkt *p = &w->in.pkt[0];

	say(from, 1);
	ok(worker_receive(w, &in) == 1 && p->len == BYTES && addr_ip4(&p->outer.us) == INADDR_LOOPBACK &&
	   addr_ip4(&p->outer.them) == INADDR_LOOPBACK && p->outer.them_port != 0 &&
	   p->outer.us_port == 5072, "a datagram knows where it came from and went to");
	if (sendto(from, "", 0, 0, (struct sockaddr *)&here, sizeof(here)))
		exit(99);
	ok(worker_receive(w, &in) == 1 && p->len == 0, "an empty one is a packet of no octets");
	close(from);
	close(in.fd);
}

/* The kernel gives back merged what was sent to be cut, and every one of them counts. */
static void merged_datagrams_count(void)
{
	struct input in = { .fd = receiver(), .kind = INPUT_UDP4, .via = VIA_AYIYA, .port = 5072 };
	int from = socket(AF_INET, SOCK_DGRAM, 0), on = 1, size = BYTES / 4 - 1;
	const struct pkt *p = &w->in.pkt[0];
	struct pkt one;

	if (setsockopt(in.fd, SOL_UDP, UDP_GRO, &on, sizeof(on)) ||
	    setsockopt(from, SOL_UDP, UDP_SEGMENT, &size, sizeof(size)))
		exit(99);
	say(from, 1);
	ok(worker_receive(w, &in) == 1 && p->merged && p->len == BYTES && p->segment == size,
	   "four datagrams and a short one come as one packet");
	ok(worker_pieces(p) == 5, "which counts as five");
	pkt_init(&one, w->in.buffer, BYTES, VIA_TUN);
	ok(worker_pieces(&one) == 1, "a packet that was not merged counts as one");
	one.merged = PROTO_TCP;
	one.segment = 100;
	ok(worker_pieces(&one) == 1, "as does one that is not what it says");
	close(from);
	close(in.fd);
}

int main(void)
{
	w = calloc(1, sizeof(*w));
	if (!w || !(w->in.buffer = calloc(BATCH, PKT_ROOM)))
		return 99;
	w->path.me = &me;
	overflow_is_counted();
	addresses_come_along();
	merged_datagrams_count();
	free(w->in.buffer);
	free(w);
	return tap_done();
}
