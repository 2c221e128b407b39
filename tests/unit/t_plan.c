/* The address plan: known answers, and arithmetic against a naive longest-prefix search. */
#include "table/config.h"
#include "table/limits.h"
#include "tap.h"

enum { TUNNELS = TUNNELS_MAX, SUBNETS = 1 << 18 };

static struct config_head head;
static struct tunnel_conf tunnel[TUNNELS];
static uint16_t subnet[SUBNETS];
static struct config cf = {
	.head = &head, .tunnel = tunnel, .subnet = subnet, .limits = { .tunnels = TUNNELS, .subnets = SUBNETS },
};

static struct ip6_addr address(const char *text)
{
	struct ip6_addr a = { { 0 } };

	if (!addr_parse(text, strlen(text), &a))
		exit(99);
	return a;
}

static void fresh(void)
{
	memset(&head, 0, sizeof(head));
	memset(tunnel, 0, sizeof(tunnel));
	memset(subnet, 0xff, sizeof(subnet));
}

static void set_tunnel_prefix(const struct ip6_addr *a, uint8_t len)
{
	plan_set_tunnel_prefix(&head.plan,
	                       &(struct prefix){ .addr = addr_masked(a, len), .len = len });
}

static struct subnet_prefix *add_subnet_prefix(const struct ip6_addr *a, uint8_t len,
					       uint8_t delegate)
{
	struct subnet_prefix *s = &head.plan.subnet[head.plan.subnet_prefixes];
	struct ip6_addr net = addr_masked(a, len);

	*s = (struct subnet_prefix){
		.hi = addr_hi(&net), .mask = ~UINT64_C(0) << (64 - len), .len = len,
		.delegate = delegate,
		.base = head.plan.subnet_prefixes ? s[-1].base + subnet_prefix_count(&s[-1]) : 0,
	};
	head.plan.subnet_prefixes++;
	return s;
}

/* ---- known answers ---- */

static void historic_plan(void)
{
	static const uint16_t configured[] = { 1, 2, 0x2ae, 0x42c };
	struct ip6_addr t = address("2001:db8:2ff::"), s40 = address("2001:db8:3000::"),
			s48 = address("2001:db8:4242::");

	fresh();
	set_tunnel_prefix(&t, 48);
	add_subnet_prefix(&s40, 40, 48);
	add_subnet_prefix(&s48, 48, 56);
	head.plan.pop_id = 1;
	for (size_t i = 0; i < ARRAY_LEN(configured); i++)
		tunnel[configured[i]].kind = KIND_STATIC;
}

static void addresses_of_a_tunnel(void)
{
	static const struct {
		uint16_t tid;
		const char *pop, *user, *routed, *four_pop, *four_user, *four_subnet;
	} row[] = {
		{ 0, "2001:db8:2ff::1", "2001:db8:2ff::2", "2001:db8:2ff:8000::/64",
		  "240.127.128.0", "240.127.128.1", "240.64.0.0" },
		{ 1, "2001:db8:2ff:1::1", "2001:db8:2ff:1::2", "2001:db8:2ff:8001::/64",
		  "240.127.128.2", "240.127.128.3", "240.64.1.0" },
		{ 2, "2001:db8:2ff:2::1", "2001:db8:2ff:2::2", "2001:db8:2ff:8002::/64",
		  "240.127.128.4", "240.127.128.5", "240.64.2.0" },
		{ 0x2ae, "2001:db8:2ff:2ae::1", "2001:db8:2ff:2ae::2", "2001:db8:2ff:82ae::/64",
		  "240.127.133.92", "240.127.133.93", "240.66.174.0" },
		{ 0x42c, "2001:db8:2ff:42c::1", "2001:db8:2ff:42c::2", "2001:db8:2ff:842c::/64",
		  "240.127.136.88", "240.127.136.89", "240.68.44.0" },
		{ 0x666, "2001:db8:2ff:666::1", "2001:db8:2ff:666::2", "2001:db8:2ff:8666::/64",
		  "240.127.140.204", "240.127.140.205", "240.70.102.0" },
		{ 0x1fff, "2001:db8:2ff:1fff::1", "2001:db8:2ff:1fff::2", "2001:db8:2ff:9fff::/64",
		  "240.127.191.254", "240.127.191.255", "240.95.255.0" },
	};
	const struct plan *p = &head.plan;

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct ip6_addr pop = plan_tunnel_addr(p, row[i].tid, IID_POP);
		struct ip6_addr user = plan_tunnel_addr(p, row[i].tid, IID_USER);
		struct ip6_addr want[] = { address(row[i].pop), address(row[i].user) };
		struct ip6_addr four[] = { address(row[i].four_pop), address(row[i].four_user),
					   address(row[i].four_subnet) };
		struct prefix routed = plan_routed_prefix(p, row[i].tid);
		char text[PREFIX_TEXT_MAX];

		ok(addr_eq(&pop, &want[0]) && addr_eq(&user, &want[1]), "tunnel %x: %s and %s",
		   row[i].tid, row[i].pop, row[i].user);
		ok(!strcmp(prefix_text(&routed, text), row[i].routed), "its routed /64 is %s",
		   text);
		ok(plan_four_local(p, row[i].tid) == addr_ip4(&four[0]) &&
		   plan_four_remote(p, row[i].tid) == addr_ip4(&four[1]) &&
		   plan_four_subnet(p, row[i].tid) == addr_ip4(&four[2]),
		   "and in IPv4 %s, %s, %s", row[i].four_pop, row[i].four_user, row[i].four_subnet);
	}
}

static void classes(void)
{
	static const struct {
		const char *a;
		enum place_kind kind;
		uint16_t tid;
		uint32_t subnet;
	} row[] = {
		{ "2001:db8:2ff:1::1", PLACE_LOCAL, 1, 0 },
		{ "2001:db8:2ff:1::2", PLACE_REMOTE, 1, 0 },
		{ "2001:db8:2ff:1::3", PLACE_TRANSFER, 1, 0 },
		{ "2001:db8:2ff:1::", PLACE_TRANSFER, 1, 0 },
		{ "2001:db8:2ff:1:8000::2", PLACE_TRANSFER, 1, 0 },
		{ "2001:db8:2ff:8001::", PLACE_ROUTED, 1, 0 },
		{ "2001:db8:2ff:8001::1", PLACE_ROUTED, 1, 0 },
		{ "2001:db8:2ff:8001:1:2:3:4", PLACE_ROUTED, 1, 0 },
		{ "2001:db8:2ff:3::2", PLACE_UNASSIGNED, 3, 0 },
		{ "2001:db8:2ff:42c::2", PLACE_REMOTE, 0x42c, 0 },
		{ "2001:db8:2ff:842c::99", PLACE_ROUTED, 0x42c, 0 },
		{ "2001:db8:2ff:1fff::2", PLACE_UNASSIGNED, 0x1fff, 0 },
		{ "2001:db8:2ff:fffe::1", PLACE_UNASSIGNED, 0x7ffe, 0 },
		/* reserved ids: the PoP itself, and nobody */
		{ "2001:db8:2ff:ffff::1", PLACE_POP, TID_NONE, 0 },
		{ "2001:db8:2ff:ffff::2", PLACE_UNASSIGNED, TID_NONE, 0 },
		{ "2001:db8:2ff:7fff::1", PLACE_UNASSIGNED, TID_NONE, 0 },
		{ "2001:db8:3001::1", PLACE_SUBNET, 1, 1 },
		{ "2001:db8:30ff:ffff::1", PLACE_UNASSIGNED, TID_NONE, 255 },
		{ "2001:db8:3100::1", PLACE_UPLINK, TID_NONE, 0 },
		{ "2001:db8:2fff::1", PLACE_UPLINK, TID_NONE, 0 },
		{ "2001:db8:4242:100::1", PLACE_SUBNET, 2, 257 },
		{ "2001:db8:4242:ff00::1", PLACE_UNASSIGNED, 3, 511 },
		{ "2001:db8:4243::1", PLACE_UPLINK, TID_NONE, 0 },
		{ "2001:db8:300::1", PLACE_UPLINK, TID_NONE, 0 },
		{ "2001:4860:4860::8888", PLACE_UPLINK, TID_NONE, 0 },
	};

	subnet[1] = 1;
	subnet[257] = 2;
	subnet[511] = 3;	/* a tunnel that is not configured */
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct ip6_addr a = address(row[i].a);
		struct place w = config_lookup6(&cf, &a), raw = plan_place(&head.plan, &a);
		bool in_subnet = raw.kind == PLACE_SUBNET;

		ok(w.kind == row[i].kind && w.tid == row[i].tid &&
		   (!in_subnet || raw.subnet == row[i].subnet) &&
		   plan_is_inside(&head.plan, &a) == (row[i].kind != PLACE_UPLINK),
		   "%s is of kind %d, tunnel %x", row[i].a, row[i].kind, row[i].tid);
	}
}

static void to_four(void)
{
	static const struct {
		const char *a;
		enum four_kind kind;
		uint16_t tid;
	} row[] = {
		{ "240.127.128.2", FOUR_LOCAL, 1 },
		{ "240.127.128.3", FOUR_REMOTE, 1 },
		{ "240.127.136.89", FOUR_REMOTE, 1068 },
		{ "240.191.128.3", FOUR_OTHER_POP, TID_NONE },
		{ "240.64.1.5", FOUR_SUBNET, 1 },
		{ "240.68.44.7", FOUR_SUBNET, 1068 },
		{ "240.0.0.1", FOUR_OTHER_POP, TID_NONE },
		{ "239.255.255.255", FOUR_UPLINK, TID_NONE },
		{ "10.0.0.1", FOUR_UPLINK, TID_NONE },
		/* both sides of the boundary between /24s and /31s, and the last id */
		{ "240.127.127.255", FOUR_SUBNET, 0x3f7f },
		{ "240.127.128.0", FOUR_LOCAL, 0 },
		{ "240.127.254.255", FOUR_REMOTE, 0x3f7f },
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct ip6_addr a = address(row[i].a);
		struct four f = plan_four(&head.plan, addr_ip4(&a));

		ok(f.kind == row[i].kind && f.tid == row[i].tid, "%s is of kind %d, tunnel %x",
		   row[i].a, row[i].kind, row[i].tid);
	}
}

/* ---- against a naive search ---- */

struct entry {
	uint8_t		bytes[16];
	unsigned int	len;
	enum place_kind	kind;
	uint16_t	tid;
};

static struct entry entry[1024];
static size_t entries, tunnel_entries;
static uint64_t seed = 42;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static uint64_t rnd_below(uint64_t n)
{
	return (rnd() >> 11) % n;
}

static struct ip6_addr rnd_addr(void)
{
	return addr_from_parts(rnd(), rnd());
}

static bool bit_of(const uint8_t *bytes, unsigned int n)
{
	return bytes[n / 8] >> (7 - n % 8) & 1;
}

static bool covers(const struct entry *e, const struct ip6_addr *a)
{
	for (unsigned int n = 0; n < e->len; n++) {
		if (bit_of(e->bytes, n) != bit_of(a->b, n))
			return false;
	}
	return true;
}

static void add_entry(struct ip6_addr a, unsigned int len, enum place_kind kind, uint16_t tid)
{
	if (entries == ARRAY_LEN(entry))
		exit(99);
	entry[entries] = (struct entry){ .len = len, .kind = kind, .tid = tid };
	memcpy(entry[entries++].bytes, a.b, 16);
}

static const struct entry *longest(const struct entry *e, size_t n, const struct ip6_addr *a)
{
	const struct entry *best = NULL;

	for (size_t i = 0; i < n; i++) {
		if (covers(&e[i], a) && (!best || e[i].len > best->len))
			best = &e[i];
	}
	return best;
}

/* The tunnel prefix wins over a subnet prefix around it; within each the longest match. */
static const struct entry *oracle(const struct ip6_addr *a)
{
	const struct entry *e = longest(entry, tunnel_entries, a);

	return e ? e : longest(entry + tunnel_entries, entries - tunnel_entries, a);
}

/* Address arithmetic of the oracle's own: add @n at the bit position that ends a prefix of @len. */
static struct ip6_addr plus(struct ip6_addr a, unsigned int len, uint64_t n)
{
	for (unsigned int bit = len; bit > 0 && n; bit--, n >>= 1) {
		if (n & 1)
			a.b[(bit - 1) / 8] |= (uint8_t)(1u << (7 - (bit - 1) % 8));
	}
	return a;
}

static void random_tunnels(const struct ip6_addr *net, uint8_t len)
{
	unsigned int bits = 64u - len;
	uint64_t all_ones = (UINT64_C(1) << (bits - 1)) - 1;
	struct ip6_addr routed_half = plus(*net, len + 1u, 1);

	set_tunnel_prefix(net, len);
	add_entry(*net, len, PLACE_UNASSIGNED, TID_NONE);
	add_entry(plus(plus(routed_half, 64, all_ones), 128, 1), 128, PLACE_POP, TID_NONE);
	for (unsigned int i = 0; i < 30; i++) {
		uint16_t tid = (uint16_t)rnd_below(all_ones);	/* never all ones: reserved */
		struct ip6_addr transfer = plus(*net, 64, tid);

		if (tunnel[tid].kind != KIND_NONE)
			continue;
		tunnel[tid].kind = KIND_STATIC;
		add_entry(transfer, 64, PLACE_TRANSFER, tid);
		add_entry(plus(transfer, 128, 1), 128, PLACE_LOCAL, tid);
		add_entry(plus(transfer, 128, 2), 128, PLACE_REMOTE, tid);
		add_entry(plus(routed_half, 64, tid), 64, PLACE_ROUTED, tid);
	}
}

static bool overlaps(const struct ip6_addr *a, unsigned int len)
{
	for (unsigned int i = 0; i < head.plan.subnet_prefixes; i++) {
		const struct subnet_prefix *s = &head.plan.subnet[i];
		unsigned int common = len < s->len ? len : s->len;
		struct ip6_addr x = addr_from_parts(s->hi, 0);
		struct ip6_addr m = addr_masked(a, common), n = addr_masked(&x, common);

		if (addr_eq(&m, &n))
			return true;
	}
	return false;
}

static void random_subnets(struct ip6_addr net, uint8_t len, uint8_t delegate)
{
	uint64_t count = UINT64_C(1) << (delegate - len);
	struct subnet_prefix *s;

	net = addr_masked(&net, len);
	if (overlaps(&net, len))
		return;
	s = add_subnet_prefix(&net, len, delegate);
	add_entry(net, len, PLACE_UNASSIGNED, TID_NONE);
	for (unsigned int i = 0; i < 12; i++) {
		uint64_t index = i == 0 ? 0 : i == 1 ? count - 1 : rnd_below(count);
		uint16_t tid = (uint16_t)rnd_below(i % 3 ? 4 : TUNNELS);

		if (subnet[s->base + index] != TID_NONE)
			continue;
		subnet[s->base + index] = tid;
		/* a subnet of a tunnel that does not exist is nobody's */
		add_entry(plus(net, delegate, index), delegate,
			  tunnel[tid].kind ? PLACE_SUBNET : PLACE_UNASSIGNED, tid);
	}
}

static void random_config(uint8_t len)
{
	struct ip6_addr a = rnd_addr(), net = addr_masked(&a, len);

	fresh();
	entries = 0;
	random_tunnels(&net, len);
	tunnel_entries = entries;

	/* one around the tunnel prefix, one with a delegation as narrow as it goes */
	uint8_t outside = (uint8_t)(len - 1 - rnd_below(8));

	random_subnets(net, outside,
		       (uint8_t)(outside + 1 + rnd_below(min_size(64u - outside, 16))));
	random_subnets(rnd_addr(), 63, 64);
	for (unsigned int i = 0; i < 4; i++) {
		uint8_t p = (uint8_t)(1 + rnd_below(63));
		unsigned int room = 64u - p > 14 ? 14 : 64u - p;

		random_subnets(rnd_addr(), p, (uint8_t)(p + 1 + rnd_below(room)));
	}
}

static bool agrees(const struct ip6_addr *a)
{
	const struct entry *e = oracle(a);
	struct place w = config_lookup6(&cf, a);
	char text[ADDR_TEXT_MAX];
	bool same = e ? w.kind == e->kind && (e->kind == PLACE_UNASSIGNED || w.tid == e->tid) :
			w.kind == PLACE_UPLINK;

	if (!same)
		printf("# %s: kind %d tunnel %x, the search says %d %x\n", addr_text(a, text),
		       w.kind, w.tid, e ? (int)e->kind : -1, e ? e->tid : 0);
	return same;
}

/* Around every entry: inside, its first and last address, and the neighbours outside. */
static size_t disagreements(void)
{
	size_t wrong = 0;

	for (size_t i = 0; i < entries; i++) {
		struct ip6_addr first = { { 0 } }, r = rnd_addr(), x;

		memcpy(first.b, entry[i].bytes, 16);
		wrong += !agrees(&first);
		for (int k = 0; k < 6; k++) {
			x = first;
			r = rnd_addr();
			for (unsigned int n = entry[i].len; n < 128; n++) {
				bool b = k == 0   ? 1
				         : k == 1 ? n == 127
				         : k == 2 ? n == 126
				                  : bit_of(r.b, n);

				if (b)
					x.b[n / 8] |= (uint8_t)(1u << (7 - n % 8));
			}
			wrong += !agrees(&x);
		}
		/* the sibling that differs in the last bit of the prefix */
		x = first;
		x.b[(entry[i].len - 1) / 8] ^= (uint8_t)(1u << (7 - (entry[i].len - 1) % 8));
		wrong += !agrees(&x);
	}
	for (int k = 0; k < 50; k++) {
		struct ip6_addr x = rnd_addr();

		wrong += !agrees(&x);
	}
	return wrong;
}

static void every_length_agrees_with_a_search(void)
{
	for (uint8_t len = TUNNEL_PREFIX_LEN_MIN; len <= TUNNEL_PREFIX_LEN_MAX; len++) {
		size_t wrong = 0;

		for (int i = 0; i < 12; i++) {
			random_config(len);
			wrong += disagreements();
		}
		ok(wrong == 0, "tunnel prefix /%d: the bits say what a longest-prefix search says",
		   len);
	}
}

static void delegations(void)
{
	size_t wrong = 0, tried = 0;

	for (uint8_t len = 20; len < 64; len++) {
		for (uint8_t bits = 1; bits <= DELEGATION_BITS_MAX && len + bits <= 64; bits++) {
			fresh();
			entries = tunnel_entries = 0;
			tunnel[0].kind = tunnel[1].kind = tunnel[2].kind = KIND_STATIC;
			random_subnets(rnd_addr(), len, (uint8_t)(len + bits));
			wrong += disagreements();
			tried++;
		}
	}
	ok(wrong == 0 && tried > 500, "%zu delegations of 1 to 16 bits agree with the search",
	   tried);
}

static void room_for_tunnels(void)
{
	static const struct { uint8_t len; unsigned int tunnels; } row[] = {
		{ 48, 32767 }, { 56, 127 }, { 60, 7 },
	};
	struct ip6_addr a = address("2001:db8:2ff::");

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		fresh();
		set_tunnel_prefix(&a, row[i].len);
		ok(plan_tid_last(&head.plan) + 1u == row[i].tunnels, "a /%d holds %u tunnels",
		   row[i].len, row[i].tunnels);
	}
	fresh();
	ok(config_lookup6(&cf, &a).kind == PLACE_UPLINK, "without a prefix nothing is ours");
}

static void only_existing_tunnels(void)
{
	fresh();
	cf.limits.tunnels = 8;
	tunnel[7].kind = tunnel[8].kind = KIND_STATIC;
	ok(config_tunnel(&cf, 7) && !config_tunnel(&cf, 8) && !config_tunnel(&cf, TID_NONE) &&
	   !config_tunnel(&cf, 6), "a tunnel id beyond the slots, or of an empty one, is nobody");
	cf.limits.tunnels = TUNNELS;
}

int main(void)
{
	historic_plan();
	addresses_of_a_tunnel();
	classes();
	to_four();
	every_length_agrees_with_a_search();
	delegations();
	room_for_tunnels();
	only_existing_tunnels();
	return tap_done();
}
