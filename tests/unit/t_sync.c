/*
 * xdp/sync.c against maps that are plain memory: what programs could see, and when. The
 * grace period is a function here that looks at the lines at that very moment.
 */
#include "pop.h"
#include "base/sum.h"
#include "tap.h"
#include "wire/proto.h"
#include "xdp/sync.h"

#define CPUS	3

struct xdp {
	struct fast_head		head;
	struct fast_line		line[CPUS * POP_TUNNELS];
	struct fast_cpu			cpu[CPUS];
	struct fast_subnet_value	subnet[POP_SUBNETS / FAST_SUBNETS_PER_VALUE];
};

static struct xdp maps;
static unsigned int graces;
static void (*at_grace)(void);

struct fast xdp_fast(const struct xdp *x)
{
	(void)x;
	return (struct fast){ .line = maps.line, .cpu = maps.cpu, .cpus = CPUS };
}

struct fast_head *xdp_head(struct xdp *x)
{
	return &x->head;
}

struct fast_subnet_value *xdp_subnets(struct xdp *x)
{
	return x->subnet;
}

void xdp_grace(void)
{
	graces++;
	if (at_grace)
		at_grace();
}

static struct fixture *f;
static struct sync s;

static struct fast_line *line(unsigned int cpu, uint16_t tid)
{
	return tunnel_line(&f->region.table, cpu, tid);
}

/* On how many cpus is it in force? */
static unsigned int in_force(uint16_t tid)
{
	unsigned int n = 0;

	for (unsigned int cpu = 0; cpu < CPUS; cpu++)
		n += line(cpu, tid)->have == line(cpu, tid)->want &&
		     line(cpu, tid)->type != FAST_OFF;
	return n;
}

static void fresh(void)
{
	memset(&maps, 0, sizeof(maps));
	at_grace = NULL;
	f = pop_new(NULL);
	sync_init(&s, &maps, &f->region);
	sync_switch(&s, true);
	graces = 0;
}

/* What control does with a transaction. */
static void publish(void)
{
	sync_hold(&s, region_config(&f->region), region_spare(&f->region));
	pop_apply(f);
	sync_release(&s);
}

static void a_line_says_what_path_would_do(void)
{
	const struct ip4_addr us = { { 192, 0, 2, 42 } }, them = { { 198, 51, 100, 8 } };
	struct fast_line *l;

	fresh();
	l = line(1, 2);
	ok(in_force(1) == CPUS && in_force(2) == CPUS && maps.head.on,
	   "static tunnels over IPv4 are in force on every cpu");
	ok(!memcmp(&l->us, &us, sizeof(us)) && !memcmp(&l->them, &them, sizeof(them)) &&
	   l->mtu_bytes == 1480 && l->type == FAST_DIRECT && l->flags == 0,
	   "with endpoint, our address, MTU and type");
	ok(in_force(3) == 0 && in_force(4) == 0 && in_force(0x42c) == 0 && in_force(5) == 0,
	   "one that is down, disabled, over IPv6 or not configured is not");
	ok(maps.subnet[0].tid[1] == 1 && maps.subnet[0].tid[2] == 2 &&
	   maps.subnet[0].tid[3] == TID_NONE, "and subnets lead where they should");
}

static void the_sum_is_that_of_the_header(void)
{
	struct ip4_hdr h = { .vihl = 0x45, .tos = 2, .frag = be16_put(IP4_DF), .ttl = 64,
			     .protocol = PROTO_IPV6, .total_len = be16_put(1300) };
	uint32_t sum;
	be16_t want;

	fresh();
	h.src = line(0, 1)->us;
	h.dst = line(0, 1)->them;
	want = sum_done(sum_add(0, &h, sizeof(h)));
	sum = line(0, 1)->sum.raw + (uint32_t)be16_put(2).raw + be16_put(1300).raw;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	ok((uint16_t)~sum == want.raw, "the kept sum and two words give the header's checksum");
}

static void a_commit_takes_the_line_out_at_once(void)
{
	struct endpoint ep;

	fresh();
	ep = pop_tunnel(f, 1)->ep;
	ep.them = address("198.51.100.77");
	tunnel_commit(&f->region.table, 1, &ep);
	ok(in_force(1) == 0 && in_force(2) == CPUS, "on every cpu, and no other tunnel's");
	sync_moved(&s);
	ok(in_force(1) == CPUS && line(2, 1)->them.b[3] == 77 && graces == 1,
	   "control puts it in force again with what holds now, after one grace period");
	sync_moved(&s);
	ok(graces == 1, "and does nothing when nothing moved");
}

static void commit_again(void)
{
	struct endpoint ep = pop_tunnel(f, 1)->ep;

	at_grace = NULL;
	ep.them = address("198.51.100.78");
	tunnel_commit(&f->region.table, 1, &ep);
}

static void a_commit_in_between_is_not_lost(void)
{
	fresh();
	commit_again();
	at_grace = commit_again;
	sync_moved(&s);
	sync_moved(&s);
	ok(in_force(1) == CPUS && line(0, 1)->them.b[3] == 78,
	   "a commit during the grace period is written by the next round at the latest");
}

static unsigned int others_at_grace, changed_at_grace;
static uint64_t revision_at_grace;

static void look(void)
{
	changed_at_grace = in_force(1);
	others_at_grace = in_force(2);
	revision_at_grace = f->region.head->published;
}

static void a_transaction_takes_out_what_changes_before_it_publishes(void)
{
	uint64_t before;

	fresh();
	before = f->region.head->published;
	pop_touch(f, pop_edit(f), 1)->mtu_bytes = 1300;
	at_grace = look;
	publish();
	ok(changed_at_grace == 0 && others_at_grace == CPUS && revision_at_grace == before,
	   "when the grace period begins the tunnel is out, the others are not, and the old "
	   "configuration is the published one");
	ok(in_force(1) == CPUS && line(0, 1)->mtu_bytes == 1300, "afterwards the new one is in force");

	pop_edit(f);
	graces = 0;
	publish();
	ok(graces == 0 && in_force(1) == CPUS, "a transaction that changes nothing disturbs nothing");
}

static void a_transactions_own_commits_are_no_news(void)
{
	struct endpoint ep;

	fresh();
	pop_touch(f, pop_edit(f), 1)->mtu_bytes = 1300;
	publish();
	graces = 0;
	sync_moved(&s);
	ok(graces == 0 && in_force(1) == CPUS,
	   "the commit with which a worker adopts does not take the tunnel out once more");
	ep = pop_tunnel(f, 1)->ep;
	ep.them = address("198.51.100.79");
	tunnel_commit(&f->region.table, 1, &ep);
	sync_moved(&s);
	ok(graces == 1 && line(0, 1)->them.b[3] == 79, "the next one does");
}

static void what_user_space_wants_to_see_stays_out(void)
{
	static const uint8_t flags[] = { TUNNEL_DISABLED, TUNNEL_DEBUG, TUNNEL_CAPTURE, TUNNEL_GRE_KEY };

	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		fresh();
		pop_touch(f, pop_edit(f), 1)->flags |= flags[i];
		publish();
		ok(in_force(1) == 0, "flag %#x keeps the tunnel in user space", flags[i]);
	}
	fresh();
	pop_touch(f, pop_edit(f), 1)->rate_pps = 5;
	publish();
	ok(in_force(1) == 0, "so does a rate");
	fresh();
	pop_edit(f)->head->capture_all = 1;
	publish();
	ok(in_force(1) == 0 && in_force(2) == 0, "when all is captured, everything stays there");
	pop_edit(f)->head->capture_all = 0;
	publish();
	ok(in_force(1) == CPUS, "and comes back when nothing is");
	fresh();
	pop_touch(f, pop_edit(f), 1)->flags |= TUNNEL_MSS;
	publish();
	ok(in_force(1) == CPUS && line(0, 1)->flags == FAST_MSS, "MSS clamping is told to the program");
}

static void a_narrow_path_is_user_spaces(void)
{
	struct endpoint ep;

	fresh();
	ep = pop_tunnel(f, 1)->ep;
	ep.path_mtu_bytes = 1300;
	tunnel_commit(&f->region.table, 1, &ep);
	sync_moved(&s);
	ok(in_force(1) == CPUS && line(0, 1)->mtu_bytes == 1280, "1280 inside still pass whole");
	ep.path_mtu_bytes = 1299;
	tunnel_commit(&f->region.table, 1, &ep);
	sync_moved(&s);
	ok(in_force(1) == 0, "below, fragments are needed");
}

static uint16_t subnet_at_grace;

static void look_at_subnet(void)
{
	subnet_at_grace = maps.subnet[0].tid[1];
}

static void a_subnet_that_changes_hands_is_nobodys_in_between(void)
{
	fresh();
	pop_edit(f)->subnet[1] = 2;
	at_grace = look_at_subnet;
	publish();
	ok(subnet_at_grace == TID_NONE && maps.subnet[0].tid[1] == 2 && maps.head.on,
	   "nobody's at the grace period, the new tunnel's afterwards");
}

static uint32_t on_at_grace;

static void look_at_head(void)
{
	on_at_grace = maps.head.on;
}

static void another_plan_stops_everything_for_a_moment(void)
{
	fresh();
	pop_subnet_prefix(pop_edit(f), "2001:db8:5000::/48", 56);
	at_grace = look_at_head;
	publish();
	ok(on_at_grace == 0 && maps.head.on && maps.head.subnet_prefixes == 3,
	   "off at the grace period, on afterwards with the new plan");
}

static void a_freed_slot_starts_from_nothing(void)
{
	struct config *cf;

	fresh();
	line(1, 1)->in_packets = 5;
	line(2, 1)->in_packets = 6;
	maps.cpu[1].way[FAST_WAY(FAST_DIRECT, FAST_OFF)].packets = 6;
	maps.cpu[2].way[FAST_WAY(FAST_GRE, FAST_DIRECT)].packets = 5;
	pop_tunnel(f, 1)->traffic.in_packets = 7;
	ok(tunnel_traffic(&f->region.table, 1).in_packets == 18, "a tunnel's packets are the sum");
	f->pa.me->transport[TYPE_DIRECT].in_packets = 7;
	ok(table_transport(&f->region.table, TYPE_DIRECT).in_packets == 13 &&
	   table_transport(&f->region.table, TYPE_DIRECT).out_packets == 5 &&
	   table_transport(&f->region.table, TYPE_GRE).in_packets == 5 &&
	   table_transport(&f->region.table, TYPE_GRE).out_packets == 0 &&
	   table_uplink(&f->region.table).out_packets == 6 &&
	   table_uplink(&f->region.table).in_packets == 0, "and so are a transport's and the uplink's");
	cf = pop_edit(f);
	*pop_touch(f, cf, 1) = (struct tunnel_conf){ .generation = f->generation };
	publish();
	ok(tunnel_traffic(&f->region.table, 1).in_packets == 0 &&
	   table_total(&f->region.table).in_packets == 11,
	   "its next tenant begins at 0, the total stays");
}

int main(void)
{
	a_line_says_what_path_would_do();
	the_sum_is_that_of_the_header();
	a_commit_takes_the_line_out_at_once();
	a_commit_in_between_is_not_lost();
	a_transaction_takes_out_what_changes_before_it_publishes();
	a_transactions_own_commits_are_no_news();
	what_user_space_wants_to_see_stays_out();
	a_narrow_path_is_user_spaces();
	a_subnet_that_changes_hands_is_nobodys_in_between();
	another_plan_stops_everything_for_a_moment();
	a_freed_slot_starts_from_nothing();
	return tap_done();
}
