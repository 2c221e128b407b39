/* The decision table of forwarding.md 2.2, 3 and 4, row by row as data, and what it counts. */
#include "wire/udp.h"
#include "pop.h"

#define WHO	"2001:db8:ffff::1"		/* a host out there */
#define T1	"2001:db8:2ff:1::2"
#define T2	"2001:db8:2ff:2::2"
#define T42C	"2001:db8:2ff:42c::2"

enum { UPLINK = TID_NONE, LOCAL = TID_NONE - 1 };

struct row {
	uint16_t	from;		/* tid or UPLINK */
	const char	*src, *dst;
	size_t		len;
	uint8_t		hop;
	enum verdict	v;
	uint16_t to; /* sent: tid or UPLINK; LOCAL; dropped: the tunnel charged */
	enum errname	e;		/* counted on that tunnel */
	uint8_t		hop_after;	/* sent: the inner hop limit as it leaves */
	uint32_t	param;		/* too big: the MTU told */
};

static const struct row row[] = {
	{ UPLINK, WHO, T1, 100, 64, SENT_TUNNEL, 1, ERR_NONE, 64, 0 },
	{ UPLINK, WHO, "2001:db8:2ff:8001::9", 100, 64, SENT_TUNNEL, 1, ERR_NONE, 64, 0 },
	{ UPLINK, WHO, "2001:db8:3001::9", 100, 64, SENT_TUNNEL, 1, ERR_NONE, 64, 0 },
	{ UPLINK, WHO, "2001:db8:2ff:1::1", 100, 64, PASS, LOCAL, ERR_NONE, 0, 0 },
	{ UPLINK, WHO, "2001:db8:2ff:1::3", 100, 64, DROP_TRANSFER, 1, ERR_NONE, 0, 0 },
	{ UPLINK, WHO, "2001:db8:2ff:3::2", 100, 64, DROP_TO_DOWN, 3, ERR_NONE, 0, 0 },
	{ UPLINK, WHO, "2001:db8:2ff:4::2", 100, 64, DROP_TO_DISABLED, 4, ERR_NONE, 0, 0 },
	{ UPLINK, WHO, "2001:db8:2ff:5::2", 100, 64, DROP_UNASSIGNED, UPLINK, ERR_NONE, 0, 0 },
	{ UPLINK, WHO, "2001:db8:3009::1", 100, 64, DROP_UNASSIGNED, UPLINK, ERR_NONE, 0, 0 },
	{ UPLINK, WHO, "2001:db8:2ff:1fff::2", 100, 64, DROP_UNASSIGNED, UPLINK, ERR_NONE, 0, 0 },
	{ UPLINK, WHO, "2001:db8:2ff:ffff::1", 100, 64, PASS, LOCAL, ERR_NONE, 0, 0 },
	{ 1, T1, "2001:db8:2ff:1fff::2", 100, 64, DROP_UNASSIGNED, 1, ERR_NONE, 0, 0 },
	{ 1, T1, "2001:db8:3009::1", 100, 64, DROP_UNASSIGNED, 1, ERR_NONE, 0, 0 },
	{ UPLINK, WHO, T1, 1500, 64, DROP_TOO_BIG, 1, ERR_TOO_BIG, 0, 1428 },
	{ UPLINK, T2, T1, 100, 64, DROP_OVER_UPLINK, 2, ERR_OVER_UPLINK, 0, 0 },
	{ UPLINK, "2001:db8:3002::5", T1, 100, 64, DROP_OVER_UPLINK, 2, ERR_OVER_UPLINK, 0, 0 },
	{ UPLINK, WHO, "2001:4860:4860::8888", 100, 64, DROP_UPLINK_UPLINK, UPLINK, ERR_NONE, 0,
	  0 },
	{ 1, T1, WHO, 100, 64, SENT_UPLINK, UPLINK, ERR_NONE, 64, 0 },
	{ 1, "2001:db8:2ff:8001::9", WHO, 100, 64, SENT_UPLINK, UPLINK, ERR_NONE, 64, 0 },
	{ 1, "2001:db8:3001::9", WHO, 100, 64, SENT_UPLINK, UPLINK, ERR_NONE, 64, 0 },
	{ 1, T1, T2, 100, 64, SENT_TUNNEL, 2, ERR_NONE, 63, 0 },
	{ 1, T1, "2001:db8:3002::1", 100, 64, SENT_TUNNEL, 2, ERR_NONE, 63, 0 },
	{ 1, T1, T42C, 1300, 64, DROP_TOO_BIG, 0x42c, ERR_TOO_BIG, 0, 1280 },
	{ 1, T1, "2001:db8:3001::1", 100, 64, DROP_SAME_INTERFACE, 1, ERR_SAME_INTERFACE, 0, 0 },
	{ 1, T1, "2001:db8:2ff:8001::1", 100, 64, DROP_SAME_INTERFACE, 1, ERR_SAME_INTERFACE, 0,
	  0 },
	{ 1, T2, WHO, 100, 64, DROP_IP6_SOURCE, 1, ERR_SOURCE6, 0, 0 },
	{ 1, WHO, T2, 100, 64, DROP_IP6_SOURCE, 1, ERR_SOURCE6, 0, 0 },
	{ 1, "2001:db8:2ff:1::3", WHO, 100, 64, DROP_IP6_SOURCE_TRANSFER, 1, ERR_SOURCE6, 0, 0 },
	{ 1, "2001:db8:2ff:1::1", WHO, 100, 64, DROP_IP6_SOURCE_POP, 1, ERR_SOURCE6, 0, 0 },
	{ 1, T1, "2001:db8:2ff:1::1", 100, 64, PASS, LOCAL, ERR_NONE, 0, 0 },
	{ 1, T1, "2001:db8:2ff:2::1", 100, 64, PASS, LOCAL, ERR_NONE, 0, 0 },
	{ 1, "fe80::1", "fe80::2", 100, 255, DROP_IP6_LINK_LOCAL, 1, ERR_NONE, 0, 0 },
	{ 1, "::", "ff02::16", 76, 1, DROP_IP6_UNSPECIFIED, 1, ERR_NONE, 0, 0 },
	{ 1, T1, "ff02::1", 100, 1, DROP_IP6_DEST_CLASS, 1, ERR_NONE, 0, 0 },
	{ 1, T1, "::ffff:192.0.2.1", 100, 64, DROP_IP6_DEST_CLASS, 1, ERR_NONE, 0, 0 },
	{ 1, T1, "::1", 100, 64, DROP_IP6_DEST_CLASS, 1, ERR_NONE, 0, 0 },
	{ 1, "2002:c000:22a::1", WHO, 100, 64, DROP_IP6_SOURCE, 1, ERR_SOURCE6, 0, 0 },
	{ UPLINK, "2002:c000:22a::1", T1, 100, 64, DROP_IP6_EMBEDDED, UPLINK, ERR_NONE, 0, 0 },
	{ 1, T1, WHO, 100, 1, DROP_HOP_LIMIT, 1, ERR_NONE, 0, 0 },
	{ 1, T1, WHO, 100, 0, DROP_HOP_ZERO, 1, ERR_NONE, 0, 0 },

	/* 2.2, the classes that the table above leaves out; H2 */
	{ 1, "ff02::1", WHO, 100, 64, DROP_IP6_SOURCE_CLASS, 1, ERR_SOURCE6, 0, 0 },
	{ 1, "::1", WHO, 100, 64, DROP_IP6_SOURCE_CLASS, 1, ERR_SOURCE6, 0, 0 },
	{ 1, "::192.0.2.1", WHO, 100, 64, DROP_IP6_SOURCE_CLASS, 1, ERR_SOURCE6, 0, 0 },
	{ 1, "::ffff:192.0.2.1", WHO, 100, 64, DROP_IP6_SOURCE_CLASS, 1, ERR_SOURCE6, 0, 0 },
	{ 1, T1, "::192.0.2.1", 100, 64, DROP_IP6_DEST_CLASS, 1, ERR_NONE, 0, 0 },
	{ 1, T1, "::", 100, 64, DROP_IP6_UNSPECIFIED, 1, ERR_NONE, 0, 0 },
	{ 1, T1, "fe80::1", 100, 64, DROP_IP6_LINK_LOCAL, 1, ERR_NONE, 0, 0 },
	{ 1, T1, "febf::1", 100, 64, DROP_IP6_LINK_LOCAL, 1, ERR_NONE, 0, 0 },
	{ 1, T1, "fec0::1", 100, 64, SENT_UPLINK, UPLINK, ERR_NONE, 64, 0 },
	{ 1, "2001:db8:2ff:5::2", WHO, 100, 64, DROP_IP6_SOURCE, 1, ERR_SOURCE6, 0, 0 },
	{ 1, "2001:db8:2ff:2::1", WHO, 100, 64, DROP_IP6_SOURCE, 1, ERR_SOURCE6, 0, 0 },
	{ 1, "2001:db8:2ff:2::3", WHO, 100, 64, DROP_IP6_SOURCE, 1, ERR_SOURCE6, 0, 0 },
	{ 1, "2001:db8:2ff:ffff::1", WHO, 100, 64, DROP_IP6_SOURCE, 1, ERR_SOURCE6, 0, 0 },
	{ 1, "2001:db8:3009::1", WHO, 100, 64, DROP_IP6_SOURCE, 1, ERR_SOURCE6, 0, 0 },
	{ UPLINK, "fe80::1", "ff02::2", 100, 255, DROP_IP6_LINK_LOCAL, UPLINK, ERR_NONE, 0, 0 },
	{ UPLINK, "ff0e::1", T1, 100, 64, DROP_IP6_SOURCE_CLASS, UPLINK, ERR_NONE, 0, 0 },
	{ UPLINK, "::1", T1, 100, 64, DROP_IP6_SOURCE_CLASS, UPLINK, ERR_NONE, 0, 0 },
	{ UPLINK, "::ffff:1.2.3.4", T1, 100, 64, DROP_IP6_SOURCE_CLASS, UPLINK, ERR_NONE, 0, 0 },

	/* 3, row 2: assigned or not, ours do not come from outside; H1 */
	{ UPLINK, "2001:db8:3009::1", T1, 100, 64, DROP_OVER_UPLINK, UPLINK, ERR_NONE, 0, 0 },
	{ UPLINK, "2001:db8:2ff:ffff::1", T1, 100, 64, DROP_OVER_UPLINK, UPLINK, ERR_NONE, 0, 0 },
	{ UPLINK, "2001:db8:2ff:5::2", T1, 100, 64, DROP_OVER_UPLINK, UPLINK, ERR_NONE, 0, 0 },
	{ UPLINK, "2001:db8:2ff:4::2", T1, 100, 64, DROP_OVER_UPLINK, 4, ERR_OVER_UPLINK, 0, 0 },

	/* 4: the order, and both sides of every limit */
	{ UPLINK, WHO, "2001:db8:2ff:3::1", 100, 64, PASS, LOCAL, ERR_NONE, 0, 0 },
	{ UPLINK, WHO, "2001:db8:2ff:4::1", 100, 64, PASS, LOCAL, ERR_NONE, 0, 0 },
	{ UPLINK, WHO, "2001:db8:2ff:ffff::2", 100, 64, DROP_UNASSIGNED, UPLINK, ERR_NONE, 0, 0 },
	{ UPLINK, WHO, "2001:db8:2ff:3::3", 100, 64, DROP_TRANSFER, 3, ERR_NONE, 0, 0 },
	{ 1, T1, "2001:db8:2ff:1::3", 100, 64, DROP_TRANSFER, 1, ERR_NONE, 0, 0 },
	{ 1, "2001:db8:3001::9", T1, 100, 64, DROP_SAME_INTERFACE, 1, ERR_SAME_INTERFACE, 0, 0 },
	{ 1, T1, "2001:db8:2ff:3::2", 100, 1, DROP_TO_DOWN, 3, ERR_NONE, 0, 0 },
	{ UPLINK, WHO, "2001:db8:2ff:4::2", 1500, 0, DROP_TO_DISABLED, 4, ERR_NONE, 0, 0 },
	{ 1, T1, T42C, 1300, 1, DROP_HOP_LIMIT, 0x42c, ERR_NONE, 0, 0 },
	{ 1, T1, T42C, 1300, 0, DROP_HOP_ZERO, 0x42c, ERR_NONE, 0, 0 },
	{ 1, T1, T42C, 1280, 2, SENT_TUNNEL, 0x42c, ERR_NONE, 1, 0 },
	{ 1, T1, T42C, 1281, 2, DROP_TOO_BIG, 0x42c, ERR_TOO_BIG, 0, 1280 },
	{ UPLINK, WHO, T1, 1428, 64, SENT_TUNNEL, 1, ERR_NONE, 64, 0 },
	{ UPLINK, WHO, T1, 1429, 64, DROP_TOO_BIG, 1, ERR_TOO_BIG, 0, 1428 },
	{ UPLINK, WHO, T2, 1480, 64, SENT_TUNNEL, 2, ERR_NONE, 64, 0 },
	{ UPLINK, WHO, T1, 100, 1, SENT_TUNNEL, 1, ERR_NONE, 1, 0 },
	{ UPLINK, WHO, T1, 100, 0, DROP_HOP_ZERO, 1, ERR_NONE, 0, 0 },
	{ 1, T1, WHO, 1500, 2, SENT_UPLINK, UPLINK, ERR_NONE, 2, 0 },
};

/*
 * What AYIYA hands over: accepted from a tunnel whatever the source says. Protocol 41
 * chooses the tunnel by the source, so there a wrong one never gets this far.
 */
static enum verdict accepted_from(struct fixture *f, const struct row *r, const uint8_t *bytes)
{
	enum verdict v;

	pop_arrive(f, VIA_AYIYA, bytes, r->len, "198.51.100.7", pop_v4);
	f->p.from = r->from;
	f->p.accepted = true;
	v = check6(&f->pa, &f->p);
	if (v == PASS)
		v = route6(&f->pa, &f->p);
	if (v == PASS && !f->p.to_local)
		v = age6(&f->pa, &f->p);
	if (v == PASS && !f->p.to_local)
		v = encap(&f->pa, &f->p);
	return account(&f->pa, &f->p, v);
}

static uint64_t all_errors(struct fixture *f)
{
	uint64_t n = 0;

	for (uint16_t tid = 0; tid < POP_TUNNELS; tid++) {
		for (enum errname e = 0; e < ERR_COUNT; e++)
			n += pop_errors(f, tid, e);
	}
	return n;
}

static uint8_t hop_of_inner(const struct fixture *f, size_t inner)
{
	return f->p.data[f->p.len - inner + offsetof(struct ip6_hdr, hop_limit)];
}

static bool as_expected(struct fixture *f, const struct row *r, enum verdict v)
{
	if (r->to == LOCAL)
		return f->p.to_local && f->p.out == OUT_NONE;
	if (v != r->v || f->p.param != r->param)
		return false;
	if (r->v == SENT_UPLINK)
		return f->p.out == OUT_TUN && f->p.len == r->len &&
		       hop_of_inner(f, r->len) == r->hop_after;
	if (r->v == SENT_TUNNEL)
		return f->p.out == OUT_WIRE && f->p.to == r->to &&
		       hop_of_inner(f, r->len) == r->hop_after;
	return f->p.out == OUT_NONE;
}

/* Exactly the one historic error the row names, and the finer reason beside it. */
static bool counted_well(struct fixture *f, const struct row *r, uint64_t errors)
{
	if (r->to == LOCAL)
		return true;
	if (pop_verdicts(f, r->v) != 1 || errors != (r->e != ERR_NONE))
		return false;
	if (r->e != ERR_NONE && pop_errors(f, r->to, r->e) != 1)
		return false;
	return r->v == SENT_TUNNEL || r->v == SENT_UPLINK || r->to == UPLINK ||
	       f->region.table.errors[r->to].verdict[r->v] == 1;
}

/* What the sender is told, as the vectors spell it; type 0: silence. */
static const struct { enum verdict v; uint8_t type, code; } told[] = {
	{ DROP_TRANSFER, 1, 0 },    { DROP_TO_DOWN, 1, 0 },	{ DROP_TO_DISABLED, 1, 1 },
	{ DROP_UNASSIGNED, 1, 3 },  { DROP_TOO_BIG, 2, 0 },	{ DROP_HOP_LIMIT, 3, 0 },
};

/* From the input tunnel's ::1, else the output tunnel's, else the PoP's own (forwarding.md 8). */
static struct ip6_addr teller(const struct fixture *f, const struct row *r)
{
	const struct plan *plan = config_plan(f->pa.cf);

	if (r->from != UPLINK)
		return plan_tunnel_addr(plan, r->from, IID_POP);
	return r->to == UPLINK ? plan_pop_addr(plan) : plan_tunnel_addr(plan, r->to, IID_POP);
}

static bool answered_well(const struct fixture *f, const struct row *r)
{
	const uint8_t *inner = f->reply.data + (f->reply.out == OUT_WIRE ? 20 : 0);
	struct ip6_addr src = teller(f, r), dst = address(r->src);
	struct icmp6_hdr icmp;
	struct ip6_hdr h;

	if (r->to == LOCAL)
		return true;		/* local.c's to decide */
	for (size_t i = 0; i < ARRAY_LEN(told); i++) {
		if (told[i].v != r->v)
			continue;
		if (f->reply.out != (r->from == UPLINK ? OUT_TUN : OUT_WIRE))
			return false;
		memcpy(&h, inner, sizeof(h));
		memcpy(&icmp, inner + sizeof(h), sizeof(icmp));
		return addr_eq(&h.src, &src) && addr_eq(&h.dst, &dst) && h.hop_limit == 64 &&
		       h.next == PROTO_ICMP6 && icmp.type == told[i].type &&
		       icmp.code == told[i].code && be32_get(&icmp.param) == r->param;
	}
	return f->reply.out == OUT_NONE;
}

static void every_row(void)
{
	static uint8_t bytes[2000];

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		const struct row *r = &row[i];
		struct fixture *f = pop_new(NULL);
		enum verdict v;

		make_ip6(bytes, r->src, r->dst, r->len, r->hop, PROTO_UDP);
		v = r->from == UPLINK ? pop_give(f, VIA_TUN, bytes, r->len, NULL, NULL) :
					accepted_from(f, r, bytes);

		ok(as_expected(f, r, v) && counted_well(f, r, all_errors(f)),
		   "%s %x: %s > %s, %zu octets, hop limit %u: %s",
		   r->from == UPLINK ? "uplink" : "T", r->from, r->src, r->dst, r->len, r->hop,
		   verdict_info[v].name);
		if (r->from == UPLINK)
			ok(answered_well(f, r), "and the sender is told what the table says");
		pop_free(f);
	}
}

/* The same rows in protocol 41 from T1's endpoint: whatever is dropped there stays dropped. */
static void the_same_in_protocol_41(void)
{
	static uint8_t bytes[2000];

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		const struct row *r = &row[i];
		struct fixture *f = pop_new(NULL);
		enum verdict v;

		if (r->from == UPLINK) {
			pop_free(f);
			continue;
		}
		make_ip6(bytes, r->src, r->dst, r->len, r->hop, PROTO_UDP);
		v = pop_give(f, VIA_P41, bytes, r->len, "198.51.100.7", pop_v4);
		if (f->p.from == 1)
			ok(as_expected(f, r, v) && answered_well(f, r), "protocol 41: %s > %s: %s",
			   r->src, r->dst, verdict_info[v].name);
		else
			ok(f->p.out == OUT_NONE && f->reply.out == OUT_NONE && !f->reply.len,
			   "protocol 41: %s > %s: silence (%s)", r->src, r->dst,
			   verdict_info[v].name);
		pop_free(f);
	}
}

static void what_is_owed(void)
{
	static const struct { enum verdict v; enum owed owed; } o[] = {
		{ DROP_TRANSFER, OWED_NO_ROUTE }, { DROP_TO_DOWN, OWED_NO_ROUTE },
		{ DROP_TO_DISABLED, OWED_ADMIN }, { DROP_UNASSIGNED, OWED_ADDRESS },
		{ DROP_HOP_LIMIT, OWED_TIME_EXCEEDED }, { DROP_TOO_BIG, OWED_TOO_BIG },
		{ DROP_HOP_ZERO, OWED_NONE }, { DROP_SAME_INTERFACE, OWED_NONE },
		{ DROP_IP6_SOURCE, OWED_NONE }, { DROP_IP6_SOURCE_POP, OWED_NONE },
		{ DROP_IP6_SOURCE_TRANSFER, OWED_NONE }, { DROP_OVER_UPLINK, OWED_NONE },
		{ DROP_IP6_DEST_CLASS, OWED_NONE }, { DROP_IP6_EMBEDDED, OWED_NONE },
		{ DROP_OUTER_SOURCE, OWED_NONE }, { DROP_NESTED, OWED_NONE },
	};

	for (size_t i = 0; i < ARRAY_LEN(o); i++)
		ok(verdict_info[o[i].v].owed == o[i].owed, "%s owes what the table says",
		   verdict_info[o[i].v].name);
}

/* L6: addresses that other sites' automatic tunnels would wrap and send back to us. */
static void embedded_addresses(void)
{
	static const struct { const char *a; bool bad; } e[] = {
		{ "2002:c000:22a::1", true }, { "2002:c000:22b::1", false },
		{ "2001:0:c000:22a::1", true },			/* Teredo server */
		{ "2001:0:c000:22b::1", false },
		{ "2001::3fff:fdd5", true },			/* Teredo client, inverted */
		{ "2001::3fff:fdd4", false }, { "2001::c000:22a", false },
		{ "2001:db8:ffff::5efe:c000:22a", true },	/* ISATAP */
		{ "2001:db8:ffff::200:5efe:c000:22a", true },
		{ "2001:db8:ffff::100:5efe:c000:22a", false },
		{ "2001:db8:ffff::5efe:c000:22b", false },
		{ "2001:db8:ffff::5eff:c000:22a", false },
	};
	uint8_t bytes[100];

	for (size_t i = 0; i < ARRAY_LEN(e); i++) {
		struct fixture *f = pop_new(NULL);
		enum verdict v;

		make_ip6(bytes, T1, e[i].a, 100, 64, PROTO_UDP);
		v = pop_give(f, VIA_P41, bytes, 100, "198.51.100.7", pop_v4);
		ok(v == (e[i].bad ? DROP_IP6_EMBEDDED : SENT_UPLINK) &&
		   pop_errors(f, 1, ERR_NESTED) == e[i].bad,
		   "L6: from a tunnel to %s is %s", e[i].a, e[i].bad ? "dropped" : "forwarded");

		make_ip6(bytes, e[i].a, T1, 100, 64, PROTO_UDP);
		v = pop_give(f, VIA_TUN, bytes, 100, NULL, NULL);
		ok(v == (e[i].bad ? DROP_IP6_EMBEDDED : SENT_TUNNEL),
		   "L6: from the uplink with source %s is %s", e[i].a,
		   e[i].bad ? "dropped" : "forwarded");
		pop_free(f);
	}
}

static size_t make_udp(uint8_t *at, const char *src, const char *dst, uint16_t port)
{
	struct udp_hdr u = { .dst = be16_put(port), .len = be16_put(60) };
	size_t len = make_ip6(at, src, dst, 100, 64, PROTO_UDP);

	memcpy(at + sizeof(struct ip6_hdr), &u, sizeof(u));
	return len;
}

/* L5: one layer a packet, and no tunnel to this PoP inside a tunnel. */
static void nested_tunnels(void)
{
	static const uint8_t proto[] = { PROTO_IPV6, PROTO_IPV4, PROTO_GRE };
	struct fixture *f = pop_new(NULL);
	uint8_t bytes[200];
	enum verdict v;

	for (size_t i = 0; i < ARRAY_LEN(proto); i++) {
		make_ip6(bytes, T1, pop_v6, 100, 64, proto[i]);
		v = pop_give(f, VIA_P41, bytes, 100, "198.51.100.7", pop_v4);
		ok(v == DROP_NESTED, "L5: protocol %u to the PoP's outer address inside a tunnel",
		   proto[i]);
		make_ip6(bytes, T1, "2001:db8::43", 100, 64, proto[i]);
		v = pop_give(f, VIA_P41, bytes, 100, "198.51.100.7", pop_v4);
		ok(v == SENT_UPLINK, "but to another host it is nobody's business here");
		make_ip6(bytes, WHO, T1, 100, 64, proto[i]);
		v = pop_give(f, VIA_TUN, bytes, 100, NULL, NULL);
		ok(v == SENT_TUNNEL, "nor from the uplink to a client");
		make_ip6(bytes, WHO, pop_v6, 100, 64, proto[i]);
		v = pop_give(f, VIA_TUN, bytes, 100, NULL, NULL);
		ok(v == DROP_UPLINK_UPLINK, "from the uplink there is nothing to be nested in");
	}
	make_udp(bytes, T1, pop_v6, PORT_AYIYA);
	ok(pop_give(f, VIA_P41, bytes, 100, "198.51.100.7", pop_v4) == DROP_NESTED,
	   "L5: nor AYIYA");
	make_udp(bytes, T1, pop_v6, 53);
	ok(pop_give(f, VIA_P41, bytes, 100, "198.51.100.7", pop_v4) == SENT_UPLINK,
	   "other UDP to the PoP's own address passes");
	ok(pop_errors(f, 1, ERR_NESTED) == 4, "each is counted on its tunnel");

	/* 6in4 in 6in4: the inner one is a packet like any other, to be routed */
	make_ip6(bytes, T1, T2, 140, 64, PROTO_IPV6);
	make_ip6(bytes + 40, T2, WHO, 100, 64, PROTO_UDP);
	v = pop_give(f, VIA_P41, bytes, 140, "198.51.100.7", pop_v4);
	ok(v == SENT_TUNNEL && f->p.to == 2 && f->p.len == 160, "L5: exactly one layer is peeled");
	pop_free(f);
}

/* L2: whatever is ours but nobody's never reaches the kernel, which would route it back. */
static void nothing_ours_reaches_the_uplink(void)
{
	struct fixture *f = pop_new(NULL);
	uint8_t bytes[100];
	size_t out = 0, unassigned = 0, to_pop = 0;

	make_ip6(bytes, T1, "2001:db8:2ff::2", 100, 255, PROTO_UDP);
	for (unsigned int group = 0; group < 65536; group++) {
		be16_t g = be16_put((uint16_t)group);

		memcpy(bytes + 24 + 6, &g, sizeof(g));
		enum verdict v = pop_give(f, VIA_P41, bytes, 100, "198.51.100.7", pop_v4);

		out += f->p.out == OUT_TUN;
		unassigned += v == DROP_UNASSIGNED;
		to_pop += f->p.to_local;
	}
	ok(out == 0, "L2: no address of the tunnel prefix is written to the TUN device");
	/* T1, T2, T3, T4, T42c each have a /64 and a routed /64 */
	ok(unassigned == 65536 - 10 && to_pop == 0, "all but the tunnels' own are unassigned: %zu",
	   unassigned);
	pop_free(f);
}

/* L1, L8: what must not be answered leaves nothing in the reply. */
static void silence(void)
{
	static const struct { const char *src, *dst, *why; } s[] = {
		{ T1, "2001:db8:3001::5", "L1: ping-pong inside a tunnel" },
		{ T1, "2001:db8:2ff:8001::5", "L1: the same for the routed /64" },
		{ T1, "ff0e::1", "L8: to a multicast address" },
		{ "ff0e::1", T2, "L8: from a multicast address" },
		{ "2001:db8:2ff:1::1", WHO, "D5: from the PoP's own end" },
	};

	for (size_t i = 0; i < ARRAY_LEN(s); i++) {
		struct fixture *f = pop_new(NULL);
		uint8_t bytes[100];

		make_ip6(bytes, s[i].src, s[i].dst, 100, 255, PROTO_UDP);
		pop_give(f, VIA_P41, bytes, 100, "198.51.100.7", pop_v4);
		ok(f->p.out == OUT_NONE && f->reply.out == OUT_NONE && f->reply.len == 0,
		   "%s: silence", s[i].why);
		pop_free(f);
	}
}

/* "as received" is what ICMP quotes: whatever is owed an answer was not touched. */
static void a_drop_leaves_the_packet_as_received(void)
{
	static uint8_t bytes[2000];
	size_t touched = 0, owed = 0;

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		const struct row *r = &row[i];
		struct fixture *f = pop_new(NULL);

		if (verdict_info[r->v].owed != OWED_NONE) {
			make_ip6(bytes, r->src, r->dst, r->len, r->hop, PROTO_UDP);
			if (r->from == UPLINK)
				pop_give(f, VIA_TUN, bytes, r->len, NULL, NULL);
			else
				pop_give(f, VIA_P41, bytes, r->len, "198.51.100.7", pop_v4);
			owed++;
			touched +=
				f->p.inner_len != r->len || memcmp(f->p.inner, bytes, r->len) != 0;
		}
		pop_free(f);
	}
	ok(owed > 10 && touched == 0, "%zu packets that are owed an answer: all as received", owed);
}

/* security.md H2, the part that is configurable and off by default */
static void H2_reserved_sources_from_the_uplink(void)
{
	static const struct { const char *src; bool reserved; } rows[] = {
		{ "fc00::1", true }, { "fdff:ffff::1", true }, { "fbff::1", false },
		{ "100::1", true }, { "100:0:0:1::1", false }, { "5f00::1", true },
		{ "5f01::1", false }, { WHO, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (uint32_t drop = 0; drop < 2; drop++) {
			struct fixture *f = pop_new(NULL);
			uint8_t bytes[128];
			size_t len = make_ip6(bytes, rows[i].src, T1, 100, 64, 17);
			enum verdict v, wanted = drop && rows[i].reserved ? DROP_IP6_RESERVED :
									    SENT_TUNNEL;

			pop_edit(f)->head->drop_reserved = drop;
			pop_apply(f);
			v = pop_give(f, VIA_TUN, bytes, len, NULL, NULL);
			ok(v == wanted && f->reply.out == OUT_NONE, "H2: %s %s when reserved sources %s",
			   rows[i].src, wanted == SENT_TUNNEL ? "passes" : "is dropped in silence",
			   drop ? "are dropped" : "pass");
			pop_free(f);
		}
	}
}

int main(void)
{
	every_row();
	the_same_in_protocol_41();
	what_is_owed();
	embedded_addresses();
	H2_reserved_sources_from_the_uplink();
	nested_tunnels();
	nothing_ours_reaches_the_uplink();
	silence();
	a_drop_leaves_the_packet_as_received();
	return tap_done();
}
