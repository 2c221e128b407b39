/*
 * Super-packets through the TC program: what the kernel cuts them to afterwards is what
 * path/ would have sent for each piece, and they are counted as those pieces.
 *
 *	pup --veth-- fup [TC program] facc --veth-- pacc	facc cannot send them whole
 *
 * Needs root and BPF; elsewhere it says so and is skipped.
 */
#pragma GCC diagnostic ignored "-Wunused-function"	/* of the headers that others use whole */

#include "around.h"

#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include <linux/sockios.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define SEGMENT		1220u
#define HEADERS		60u		/* IPv6 and TCP */
#define PIECES		12u
#define PAYLOAD		(PIECES * SEGMENT - 300)
#define FIRST_SEQ	UINT32_C(0xfffff000)	/* wraps on the way */
#define TO		0x12		/* its endpoint is the neighbour on facc */

struct super {
	struct virtio_net_hdr	how;
	uint8_t			frame[14 + HEADERS + PAYLOAD];
};

static struct scene scene;
static struct super super;

/* ---- devices and sockets ---- */

static bool switch_off(const char *device, uint32_t what)
{
	struct ethtool_value off = { .cmd = what };
	struct ifreq r = { .ifr_data = (void *)&off };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool good;

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", device);
	good = fd >= 0 && ioctl(fd, SIOCETHTOOL, &r) == 0;
	close(fd);
	return good;
}

/* The kernel cuts, and makes the checksums. */
static bool cannot_send_whole(const char *device)
{
	return switch_off(device, ETHTOOL_STSO) && switch_off(device, ETHTOOL_STXCSUM);
}

static int packet_socket(const char *device, bool sends)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = (int)if_nametoindex(device),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), on = 1;

	if (sends) {
		at.sll_protocol = 0;
		if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) != 0)
			return -1;
	}
	return bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 ? fd : -1;
}

static bool attach_tc(void)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)scene.world.ifindex[FUP],
		    .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = xdp_program_tc(scene.xdp));

	return bpf_tc_hook_create(&hook) == 0 && bpf_tc_attach(&hook, &opts) == 0;
}

/* ---- the packet ---- */

static void make_super(uint8_t hop, uint8_t next)
{
	struct recipe r = {
		.heading = OUTWARD, .from = TID_NONE, .to = TO, .at = DOOR_UP, .version = 6,
		.tclass = 2, .next = next, .hop = hop, .src = address("2a05:1::1"),
		.dst = plan_tunnel_addr(config_plan(scene.ref->pa.cf), TO, IID_USER), .len = HEADERS,
	};
	struct dice d = { 7 };
	struct frame f;
	struct tcp_hdr t = {
		.src = be16_put(80), .dst = be16_put(4711), .seq = be32_put(FIRST_SEQ),
		.off = 5 << 4, .flags = 0x10, .window = be16_put(1000),
	};
	be16_t len = be16_put(sizeof(t) + PAYLOAD);

	memcpy(r.dmac, scene.world.mac[FUP], 6);
	make_frame(&f, &scene, &r, &d);
	memcpy(f.bytes + 14 + offsetof(struct ip6_hdr, payload_len), &len, sizeof(len));
	/* the rest of the sum is left to whoever cuts */
	t.checksum = sum_done(sum_pseudo6(&r.src, &r.dst, sizeof(t) + PAYLOAD, PROTO_TCP));
	t.checksum.raw = (uint16_t)~t.checksum.raw;
	memcpy(super.frame, f.bytes, 14 + 40);
	memcpy(super.frame + 14 + 40, &t, sizeof(t));
	for (size_t i = 0; i < PAYLOAD; i++)
		super.frame[14 + HEADERS + i] = (uint8_t)(i * 7 + i / 256);
	super.how = (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = VIRTIO_NET_HDR_GSO_TCPV6,
		.hdr_len = 14 + HEADERS, .gso_size = SEGMENT, .csum_start = 14 + 40,
		.csum_offset = offsetof(struct tcp_hdr, checksum),
	};
}

/* ---- what arrives ---- */

static ssize_t next_frame(int fd, uint8_t *to, size_t room)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 5000) == 1 ? recv(fd, to, room, 0) : -1;
}

/* The outer header but for its number, which the kernel counts up, and so its checksum. */
static bool same_frame(const uint8_t *got, const uint8_t *want, size_t len)
{
	uint8_t a[FRAME_MAX], b[FRAME_MAX];
	bool sums = sum_ok(sum_add(0, got + 14, 20));

	memcpy(a, got, len);
	memcpy(b, want, len);
	memset(a + 18, 0, 2), memset(a + 24, 0, 2);
	memset(b + 18, 0, 2), memset(b + 24, 0, 2);
	return sums && memcmp(a, b, len) == 0;
}

/* Would path/ have made this frame of the piece that is in it? */
static bool is_as_path_sends(const uint8_t *got, size_t len)
{
	struct frame f = { .len = len - 20, .device = scene.world.ifindex[FUP] };
	static struct fate_of o;

	memcpy(f.bytes, super.frame, 14);
	memcpy(f.bytes + 14, got + 14 + 20, len - 14 - 20);
	f.bytes[14 + offsetof(struct ip6_hdr, hop_limit)]++;
	around(&scene, scene.ref, &f, &o);
	return o.sent && o.len == len && same_frame(got, o.bytes, len);
}

/* The @n-th piece of the payload, its sequence number and its checksum. */
static bool is_piece(const uint8_t *got, size_t len, unsigned int n)
{
	const uint8_t *inner = got + 14 + 20;
	size_t size = n == PIECES - 1 ? PAYLOAD - n * SEGMENT : SEGMENT;
	struct ip6_hdr h;
	struct tcp_hdr t;
	uint64_t sum;

	if (len != 14 + 20 + HEADERS + size)
		return false;
	memcpy(&h, inner, sizeof(h));
	memcpy(&t, inner + sizeof(h), sizeof(t));
	sum = sum_pseudo6(&h.src, &h.dst, (uint32_t)(sizeof(t) + size), PROTO_TCP);
	return be32_get(&t.seq) == FIRST_SEQ + n * SEGMENT &&
	       sum_ok(sum_add(sum, inner + sizeof(h), sizeof(t) + size)) &&
	       memcmp(inner + HEADERS, super.frame + 14 + HEADERS + n * SEGMENT, size) == 0;
}

static bool same_counts(void)
{
	const struct fast_line *l = tunnel_line(scene.ref->pa.tb, scene.here, TO);
	const struct tunnel *t = pop_tunnel(scene.ref, TO);
	const struct fast *fast = &scene.ref->pa.tb->fast;
	struct traffic uplink = fast_uplink(fast), total = fast_total(fast);
	const struct worker_shared *me = scene.ref->pa.me;

	return l->out_packets == PIECES &&
	       memcmp(&l->in_packets, &t->traffic, sizeof(t->traffic)) == 0 &&
	       memcmp(&uplink, &me->uplink, sizeof(uplink)) == 0 &&
	       memcmp(&total, &me->total, sizeof(total)) == 0;
}

static void through_the_kernel(int from, int to)
{
	bool pieces = true, as_path = true;
	unsigned int n = 0;

	make_super(64, PROTO_TCP);
	if (!ok(send(from, &super, sizeof(super), 0) == sizeof(super), "a super-packet is sent"))
		return;
	for (; n < PIECES; n++) {
		uint8_t got[FRAME_MAX];
		ssize_t len = next_frame(to, got, sizeof(got));

		if (len < 14 + 20 + (ssize_t)HEADERS)
			break;
		pieces &= is_piece(got, (size_t)len, n);
		as_path &= is_as_path_sends(got, (size_t)len);
	}
	ok(n == PIECES, "as many frames leave as it has pieces (%u of %u)", n, PIECES);
	ok(pieces, "each with its part, its number and a good checksum");
	ok(as_path, "and each is what path/ would have sent for it");
	ok(same_counts(), "counted as %u packets, octet for octet", PIECES);
}

/* ---- judged without the kernel's scissors ---- */

/* One super-packet of TCP from tunnel @from to @to, or to the uplink. Return: forwarded? */
static bool across(uint16_t from, uint16_t to, uint8_t next, uint32_t segment)
{
	struct dice d = { 9 };
	const struct plan *plan = config_plan(scene.ref->pa.cf);
	const struct endpoint *ep = &scene.ep[from];
	struct recipe r = {
		.heading = to == TID_NONE ? INWARD : ACROSS, .from = from, .to = to, .at = DOOR_UP,
		.version = 6, .next = next, .hop = 64, .ttl = 64,
		.proto = ep->type == TYPE_GRE ? PROTO_GRE : PROTO_IPV6, .gre_proto = ETHER_IPV6,
		.them = addr_to_ip4_wire(&ep->them), .us = addr_to_ip4_wire(&ep->us),
		.src = plan_tunnel_addr(plan, from, IID_USER),
		.dst = to == TID_NONE ? address("2a05:1::1") : plan_tunnel_addr(plan, to, IID_USER),
		.len = 1480, .tcp_flags = 0x02,
	};
	struct frame f;
	uint8_t got[FRAME_MAX + 64];
	struct __sk_buff md = { .ifindex = scene.world.ifindex[FUP], .gso_size = segment };
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = f.bytes, .data_out = got,
		    .data_size_out = sizeof(got), .ctx_in = &md, .ctx_size_in = sizeof(md));

	memcpy(r.dmac, scene.world.mac[FUP], 6);
	make_frame(&f, &scene, &r, &d);
	o.data_size_in = (uint32_t)f.len;
	return bpf_prog_test_run_opts(xdp_program_tc(scene.xdp), &o) == 0 &&
	       o.retval == TC_ACT_REDIRECT;
}

/* make_inner() gives a SYN 24 octets of TCP header: 1480 - 64 of payload. */
static void between_tunnels(void)
{
	const struct fast_line *in = tunnel_line(scene.ref->pa.tb, scene.here, 1);
	const struct fast_line *out = tunnel_line(scene.ref->pa.tb, scene.here, 2);
	uint64_t octets = 1480 + 2 * 64;

	ok(across(1, 2, PROTO_TCP, 500), "between two tunnels of protocol 41 it stays whole");
	ok(in->in_packets == 3 && in->in_octets == octets,
	   "counted as the three packets it is on one side");
	ok(out->out_packets == 3 && out->out_octets == octets + 3 * 20,
	   "and on the other, with three outer headers");
	ok(across(2, 1, PROTO_TCP, 1364) && !across(2, 1, PROTO_TCP, 1365),
	   "its pieces, not the whole, have to fit the tunnel's MTU");
	ok(!across(1, 5, PROTO_TCP, 500) && !across(5, 1, PROTO_TCP, 500),
	   "GRE goes up, on either side");
	ok(!across(1, TID_NONE, PROTO_TCP, 500) && across(1, TID_NONE, PROTO_TCP, 0),
	   "out of its tunnel it goes up, a single packet does not");
	ok(!across(1, 2, PROTO_UDP, 500), "so does UDP");
}

int main(void)
{
	struct why why = { .text = "" };

	if (!scene_open(&scene, false, &why)) {
		printf("1..0 # SKIP %s\n", why.text);
		return 0;
	}
	if (!attach_tc() || !cannot_send_whole("facc")) {
		printf("1..0 # SKIP no clsact or no offload settings here\n");
		return 0;
	}

	int from = packet_socket("pup", true), to = packet_socket("pacc", false);

	if (ok(from >= 0 && to >= 0, "both ends are open"))
		through_the_kernel(from, to);
	between_tunnels();
	return tap_done();
}
