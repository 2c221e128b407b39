/* `tunnel set mss`: only the option of a SYN, only downwards, and the checksum stays right. */
#include "base/sum.h"
#include "pop.h"
#include "wire/udp.h"

#define WHO	"2001:db8:ffff::1"
#define T1	"2001:db8:2ff:1::2"
#define CLIENT	"198.51.100.7"

enum { FLAGS_AT = 13, OFF_AT = 12, SUM_AT = 16 };

struct syn {
	uint8_t	bytes[400];
	size_t	len, ip, tcp;		/* where TCP begins: ip octets in front of it */
};

static void sum_tcp(struct syn *s)
{
	uint8_t *tcp = s->bytes + s->ip;
	be16_t sum = { 0 };
	uint64_t pseudo;
	struct ip6_hdr h6;
	struct ip4_hdr h4;

	memcpy(tcp + SUM_AT, &sum, 2);
	if (s->bytes[0] >> 4 == 6) {
		memcpy(&h6, s->bytes, sizeof(h6));
		pseudo = sum_pseudo6(&h6.src, &h6.dst, (uint32_t)s->tcp, PROTO_TCP);
	} else {
		memcpy(&h4, s->bytes, sizeof(h4));
		pseudo = sum_pseudo4(&h4.src, &h4.dst, (uint16_t)s->tcp, PROTO_TCP);
	}
	sum = sum_done(sum_add(pseudo, tcp, s->tcp));
	memcpy(tcp + SUM_AT, &sum, 2);
}

static void put_tcp(struct syn *s, const char *options, uint8_t flags)
{
	uint8_t *tcp = s->bytes + s->ip;
	size_t n;

	memset(tcp, 0x5a, 20);
	n = unhex(options, tcp + 20, 40);
	while (n % 4)
		tcp[20 + n++] = TCP_OPT_END;
	tcp[OFF_AT] = (uint8_t)((20 + n) / 4 << 4);
	tcp[FLAGS_AT] = flags;
	memset(tcp + 20 + n, 0xee, 11);		/* data, an odd number of octets */
	s->tcp = 20 + n + 11;
	s->len = s->ip + s->tcp;
}

static struct syn syn6(const char *src, const char *dst, const char *options, uint8_t flags)
{
	struct syn s = { .ip = 40 };

	put_tcp(&s, options, flags);
	uint8_t tcp[200];

	memcpy(tcp, s.bytes + 40, s.tcp);
	make_ip6(s.bytes, src, dst, s.len, 64, PROTO_TCP);
	memcpy(s.bytes + 40, tcp, s.tcp);
	sum_tcp(&s);
	return s;
}

static struct syn syn4(const char *options, size_t ip_options, uint16_t frag)
{
	struct syn s = { .ip = 20 + ip_options };
	struct ip4_hdr h = {
		.vihl = (uint8_t)(0x40 | s.ip / 4),
		.frag = be16_put(frag),
		.ttl = 64,
		.protocol = PROTO_TCP,
		.src = { { 240, 127, 128, 3 } },
		.dst = { { 240, 127, 128, 5 } },
	};

	put_tcp(&s, options, TCP_SYN);
	h.total_len = be16_put((uint16_t)s.len);
	memset(s.bytes + 20, 1, ip_options);
	memcpy(s.bytes, &h, sizeof(h));
	sum_tcp(&s);
	return s;
}

/* Clamp a copy. Return: what mss_clamp() says; @s is changed as it changed the packet. */
static uint16_t clamp(struct fixture *f, struct syn *s, uint16_t mtu)
{
	uint16_t mss;

	pop_arrive(f, VIA_TUN, s->bytes, s->len, NULL, NULL);
	mss = mss_clamp(&f->p, mtu);
	memcpy(s->bytes, f->p.data, s->len);
	return mss;
}

static bool tcp_sum_ok(const struct syn *s)
{
	struct syn again = *s;

	sum_tcp(&again);
	return !memcmp(again.bytes, s->bytes, s->len);
}

static void options(void)
{
	static const struct {
		const char *before, *after, *why;
	} row[] = {
		{ "020405a0", "020404c4", "MSS 1440, alone" },
		{ "01020405a0", "01020404c4", "behind one NOP, at an odd offset" },
		{ "0101020405a0", "0101020404c4", "behind two" },
		{ "0402080a0102030405060708020405a0", "0402080a0102030405060708020404c4",
		  "behind SACK and timestamps" },
		{ "030307020405a00402", "030307020404c40402", "in the middle, odd" },
		{ "020404c5", "020404c4", "one more than fits" },
		{ "020404c4", NULL, "exactly what fits" },
		{ "02040200", NULL, "less than fits: never raised" },
		{ "0402", NULL, "no such option" },
		{ "", NULL, "no options at all" },
		{ "00020405a0", NULL, "behind the end of the list" },
		{ "020305a0", NULL, "an MSS of wrong length" },
		{ "0200", NULL, "an option of length 0" },
		{ "0301020405a0", NULL, "an option of length 1" },
		{ "03ff020405a0", NULL, "an option longer than the header" },
		{ "01010204", NULL, "an MSS cut off by the header's end" },
		{ "01010102", NULL, "a kind without its length" },
	};
	struct fixture *f = pop_new(NULL);

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct syn s = syn6(WHO, T1, row[i].before, TCP_SYN), was = s;
		struct syn want =
			syn6(WHO, T1, row[i].after ? row[i].after : row[i].before, TCP_SYN);
		uint16_t mss = clamp(f, &s, 1280);

		ok(mss == (row[i].after ? 1220 : 0) && !memcmp(s.bytes, want.bytes, s.len) &&
		   (row[i].after || !memcmp(s.bytes, was.bytes, s.len)), "%s: %s", row[i].why,
		   row[i].after ? "1220, and the checksum is right" : "untouched");
	}
	pop_free(f);
}

static void who_is_touched(void)
{
	struct fixture *f = pop_new(NULL);
	struct syn s = syn6(WHO, T1, "020405a0", 0x10);

	ok(clamp(f, &s, 1280) == 0, "an ACK keeps its options");
	s = syn6(WHO, T1, "020405a0", 0x12);
	ok(clamp(f, &s, 1280) == 1220 && tcp_sum_ok(&s), "a SYN-ACK does not");
	s = syn6(WHO, T1, "020405a0", TCP_SYN);
	s.bytes[6] = PROTO_UDP;
	ok(clamp(f, &s, 1280) == 0, "nor is UDP touched");
	s = syn6(WHO, T1, "020405a0", TCP_SYN);
	s.bytes[40 + OFF_AT] = 0x40;
	ok(clamp(f, &s, 1280) == 0, "nor a TCP header shorter than it may be");
	s = syn6(WHO, T1, "020405a0", TCP_SYN);
	s.bytes[40 + OFF_AT] = 0xf0;
	s.len = 40 + 24;
	ok(clamp(f, &s, 1280) == 0, "nor one that is longer than the packet");
	s.len = 40 + 19;
	ok(clamp(f, &s, 1280) == 0, "nor a truncated one");

	/* destination options in front */
	struct syn plain = syn6(WHO, T1, "020405a0", TCP_SYN);
	uint8_t shifted[400];

	memcpy(shifted, plain.bytes, 40);
	memset(shifted + 40, 0, 8);
	shifted[6] = PROTO_DSTOPTS;
	shifted[40] = PROTO_TCP;
	memcpy(shifted + 48, plain.bytes + 40, plain.tcp);
	pop_arrive(f, VIA_TUN, shifted, plain.len + 8, NULL, NULL);
	ok(mss_clamp(&f->p, 1280) == 1220 && f->p.data[48 + 22] == 0x04 &&
	           f->p.data[48 + 23] == 0xc4,
	   "a SYN behind an extension header is found");
	pop_free(f);
}

static void ipv4(void)
{
	struct fixture *f = pop_new(NULL);
	struct syn s = syn4("020405b4", 0, 0);

	ok(clamp(f, &s, 1280) == 1240 && tcp_sum_ok(&s), "IPv4: 40 less than the MTU");
	s = syn4("01020405b4", 8, IP4_DF);
	ok(clamp(f, &s, 1280) == 1240 && tcp_sum_ok(&s), "behind IPv4 options too");
	s = syn4("020405b4", 0, 1);
	ok(clamp(f, &s, 1280) == 0, "the middle of a fragmented packet is no SYN");
	pop_free(f);
}

static void every_length(void)
{
	struct fixture *f = pop_new(NULL);
	struct syn good = syn6(WHO, T1, "0402080a0102030405060708020405a0", TCP_SYN);
	struct syn good4 = syn4("0402080a0102030405060708020405a0", 0, 0);
	size_t touched = 0, n = 40 + 20 + 16;

	for (size_t len = 0; len < n; len++) {
		struct syn s = good;

		s.len = len;
		touched += clamp(f, &s, 1280) != 0;
		s = good4;
		s.len = len < n - 20 ? len : 0;
		touched += clamp(f, &s, 1280) != 0;
	}
	ok(touched == 0, "D9: a SYN truncated anywhere within its header is left alone");
	pop_free(f);
}

/* Through the PoP: both directions, the setting of either tunnel. */
static void on_the_way(void)
{
	struct fixture *f = pop_new(NULL);
	struct syn s = syn6(WHO, T1, "020405a0", TCP_SYN), r;

	pop_give(f, VIA_TUN, s.bytes, s.len, NULL, NULL);
	ok(!memcmp(f->p.data + 20, s.bytes, s.len), "off unless it is set");

	pop_touch(f, pop_edit(f), 1)->flags |= TUNNEL_MSS;
	pop_apply(f);
	pop_give(f, VIA_TUN, s.bytes, s.len, NULL, NULL);
	memcpy(s.bytes, f->p.data + 20, s.len);
	ok(s.bytes[62] == 0x05 && s.bytes[63] == 0x58 && tcp_sum_ok(&s),
	   "towards the tunnel: 1428 - 60");

	r = syn6(T1, WHO, "020405a0", TCP_SYN);
	pop_give(f, VIA_P41, r.bytes, r.len, CLIENT, pop_v4);
	memcpy(r.bytes, f->p.data, r.len);
	ok(f->p.out == OUT_TUN && r.bytes[62] == 0x05 && r.bytes[63] == 0x58 && tcp_sum_ok(&r),
	   "from the tunnel as well");

	pop_touch(f, pop_edit(f), 0x42c)->flags |= TUNNEL_MSS;
	pop_apply(f);
	r = syn6(T1, "2001:db8:2ff:42c::2", "020405a0", TCP_SYN);
	pop_give(f, VIA_P41, r.bytes, r.len, CLIENT, pop_v4);
	memcpy(r.bytes, f->p.data + 40, r.len);
	ok(r.bytes[62] == 0x04 && r.bytes[63] == 0xc4 && r.bytes[7] == 63 && tcp_sum_ok(&r),
	   "from one tunnel to another the narrower one counts");

	pop_tunnel(f, 1)->ep.path_mtu_bytes = 1400;
	s = syn6(WHO, T1, "020405a0", TCP_SYN);
	pop_give(f, VIA_TUN, s.bytes, s.len, NULL, NULL);
	ok(f->p.data[20 + 62] == (1320 >> 8) && f->p.data[20 + 63] == (1320 & 255),
	   "a narrower path counts too");
	pop_free(f);
}

int main(void)
{
	options();
	who_is_touched();
	ipv4();
	every_length();
	on_the_way();
	return tap_done();
}
