/*
 * Edits and transactions: both sides of every limit, and a refusal that leaves every octet
 * of both copies where it was. (C11: a command has its whole effect or none.)
 */
#include <errno.h>

#include "ctl.h"

/* A PoP with a bit of everything. */
static const char *const setup[] = {
	"pop set details 1 chtst01 192.0.2.42 2001:db8::42",
	"pop set details 2 other 192.0.2.77 unspecified",
	"pop set id 1",
	"pop tunnelprefix add 2001:db8:2ff::/48",
	"pop subnetprefix add 2001:db8:3000::/40",
	"tunnel set config 1 T1 198.51.100.7 up 1428",
	"tunnel set config 2 T2 ayiya up 1428 \"a secret\"",
	"tunnel set config 3 T3 192.0.2.77 up 1280",
	"tunnel set config 4 T4 2001:db8:7777::1 up 1280",
	"tunnel set config 5 T5 2001:db8:4242:8000::1 up 1280",
	"subnet set config 2001:db8:3001::/48 1 static",
};

/* Every one is refused, with this code. */
static const struct { const char *line; int code; } refusal[] = {
	/* L3, L4: endpoints nobody may have */
	{ "tunnel set config 1 T1 0.0.0.0 up 1428", 400 },
	{ "tunnel set config 1 T1 :: up 1428", 400 },
	{ "tunnel set config 1 T1 ::1 up 1428", 400 },
	{ "tunnel set config 1 T1 127.0.0.1 up 1428", 400 },
	{ "tunnel set config 1 T1 224.0.0.1 up 1428", 400 },
	{ "tunnel set config 1 T1 255.255.255.255 up 1428", 400 },
	{ "tunnel set config 1 T1 ff02::1 up 1428", 400 },
	{ "tunnel set config 1 T1 fe80::1 up 1428", 400 },
	{ "tunnel set config 1 T1 192.0.2.42 up 1428", 400 },
	{ "tunnel set config 1 T1 2001:db8::42 up 1428", 400 },
	{ "tunnel set config 1 T1 192.0.2.99 up 1428", 400 },
	{ "tunnel set config 1 T1 2001:db8:2ff:1::2 up 1428", 400 },
	{ "tunnel set config 1 T1 2001:db8:30ff::1 up 1428", 400 },
	{ "tunnel set remote T2 192.0.2.42", 400 },
	{ "tunnel set remote T2 192.0.2.99", 400 },
	{ "tunnel set remote T2 2001:db8:2ff:1::2", 400 },
	{ "tunnel set remote T2 127.0.0.1", 400 },
	/* the original stored tid, id and MTU before it looked at the rest */
	{ "tunnel set config 9 T9 198.51.100.9 up 1481", 400 },
	{ "tunnel set config 9 T9 198.51.100.9 up 1279", 400 },
	{ "tunnel set config 1 T9 198.51.100.9 up 1481", 400 },
	{ "tunnel set config 9 T9 198.51.100.9 up 14x0", 400 },
	{ "tunnel set config 9 9 198.51.100.9 up 1480", 400 },
	{ "tunnel set config 9 T9 nowhere up 1480", 400 },
	{ "tunnel set config 2000 T9 198.51.100.9 up 1480", 400 },
	{ "tunnel set config 9 T9 ayiya up 1480 \"\"", 400 },
	{ "tunnel set config 9 T9 198.51.100.9 up", 404 },
	{ "tunnel set encap T1 direct key 1", 400 },
	{ "tunnel set encap T9 gre", 404 },
	{ "tunnel set rate T1 100000001 0", 400 },
	{ "tunnel remove T1", 400 },
	{ "tunnel remove T9", 404 },
	{ "subnet set config 2001:db8:3002::/48 9 static", 400 },
	{ "subnet set config 2001:db8:3002::/49 1 static", 400 },
	{ "subnet set config 2001:db8:4002::/48 1 static", 400 },
	{ "subnet remove 2001:db8:3002::/48", 404 },
	/* what would make a tunnel illegal that is there already */
	{ "pop set details 1 chtst01 198.51.100.7 2001:db8::42", 400 },
	{ "pop set details 1 chtst01 192.0.2.42 2001:db8:7777::1", 400 },
	{ "pop set id 2", 400 },
	{ "pop set localip 192.0.2.42 198.51.100.7", 400 },
	{ "pop set localip 2001:db8:2ff:1::1", 400 },
	{ "pop subnetprefix add 2001:db8:4242::/48", 400 },
	{ "pop subnetprefix add 2001:db8:3000::/39 delegate 48", 400 },
	{ "pop subnetprefix add 2001:db8:3000::/48", 400 },
	{ "pop subnetprefix add 2001:db8:2ff::/48", 400 },
	{ "pop subnetprefix add 2001:db8:8000::/48 delegate 48", 400 },
	{ "pop subnetprefix add 2001:db8:8000::/48 delegate 65", 400 },
	{ "pop subnetprefix add 2001:db8::/32 delegate 49", 400 },
	{ "pop subnetprefix add 2001:db9::/32 delegate 48", 400 },	/* more than are left */
	{ "pop subnetprefix add 192.0.2.0/24 delegate 40", 400 },
	{ "pop cliacl add 1.2.3", 400 },
	{ "pop cliacl remove 192.0.2.1", 404 },
	{ "pop set verbosity 42", 500 },
	{ "pop set latency 3601", 400 },
	{ "pop set limits tunnels 100 subnets 100", 400 },
};

static void build(struct world *w)
{
	w->address[0] = addr_from_ip4(UINT32_C(0xc0000263));	/* 192.0.2.99 */
	w->addresses = 1;
	ok(control_addresses_changed(&w->control), "the host's addresses changed");
	for (size_t i = 0; i < ARRAY_LEN(setup); i++)
		ok(!strncmp(ask(w, setup[i]), "200 ", 4), "%s", setup[i]);
}

static void a_refusal_changes_nothing(struct world *w)
{
	for (size_t i = 0; i < ARRAY_LEN(refusal); i++) {
		struct copy k0 = copy_of(&w->region.config[0]), k1 = copy_of(&w->region.config[1]);
		uint64_t published = w->region.head->published;
		const char *got = ask(w, refusal[i].line);
		bool same0 = is_copy(&w->region.config[0], &k0);
		bool same1 = is_copy(&w->region.config[1], &k1);

		ok(atoi(got) == refusal[i].code && same0 && same1 &&
		   published == w->region.head->published && !w->control.open,
		   "refused and nothing moved: %s -> %.*s", refusal[i].line,
		   (int)strcspn(got, "\n"), got);
	}
}

static void a_repeated_push_is_not_observable(struct world *w)
{
	uint64_t published = w->region.head->published;

	for (size_t i = 0; i < ARRAY_LEN(setup); i++)
		ok(!strncmp(ask(w, setup[i]), "200 ", 4), "again: %s", setup[i]);
	ok(w->region.head->published == published, "nothing was published");
	ask(w, "tunnel set config 2 T2 ayiya up 1428");
	ok(w->region.head->published == published, "nor with the password left out, which keeps it");
	ask(w, "tunnel set config 2 T2 ayiya up 1428 other");
	ok(w->region.head->published == published + 1 && running(w)->head->changes == 1 &&
	   running(w)->head->change[0] == 2, "another password is a change, of that tunnel");
	ask(w, "tunnel set config 2 T2 ayiya up 1428 \"a secret\"");
}

static void both_copies_are_level(struct world *w)
{
	const struct config *a = &w->region.config[0], *b = &w->region.config[1];

	ok(config_equal(a, b) &&
	   memcmp(a->tunnel, b->tunnel, a->limits.tunnels * sizeof(*a->tunnel)) == 0 &&
	   memcmp(a->secret, b->secret, a->limits.tunnels * sizeof(*a->secret)) == 0,
	   "after all that both copies are level");
}

static void a_change_gives_a_generation(struct world *w)
{
	uint32_t one = running(w)->tunnel[1].generation, two = running(w)->tunnel[2].generation;

	ask(w, "tunnel set config 1 T1 198.51.100.7 disabled 1428");
	ok(running(w)->tunnel[1].generation > one && running(w)->tunnel[2].generation == two,
	   "the changed tunnel alone gets a new generation");
	ask(w, "tunnel set config 1 T1 198.51.100.7 up 1428");
}

static void dynamic_keeps_what_it_learned(struct world *w)
{
	struct ip6_addr remote = addr_from_ip4(UINT32_C(0xcb007107));
	const struct tunnel_conf *t;

	ask(w, "tunnel set remote T2 203.0.113.7");
	t = &running(w)->tunnel[2];
	ok(t->remote_seq == 1 && addr_eq(&t->them, &remote), "set remote steps a sequence");
	ask(w, "tunnel set config 2 T2 heartbeat disabled 1280");
	t = &running(w)->tunnel[2];
	ok(addr_eq(&t->them, &remote) && t->remote_seq == 1 && t->kind == KIND_HEARTBEAT &&
	   t->flags == (TUNNEL_DISABLED | TUNNEL_SECRET),
	   "a push of a dynamic tunnel keeps remote and password");
	ask(w, "tunnel set config 2 T2 198.51.100.20 up 1280");
	ask(w, "tunnel set config 2 T2 ayiya up 1280");
	t = &running(w)->tunnel[2];
	ok(addr_is_unspecified(&t->them) && t->flags & TUNNEL_SECRET,
	   "static and dynamic again: the address was configuration and is gone");
}

static void removed_leaves_nothing(struct world *w)
{
	static const struct secret none;
	uint32_t end = running(w)->head->tunnel_end;

	ask(w, "tunnel set config 1ff0 T999 dynamic up 1280 gone");
	ok(running(w)->head->tunnel_end == 0x1ff1 && running(w)->head->tunnels == 6,
	   "the bounds follow the highest tunnel");
	ask(w, "tunnel set debug T999 on");
	ask(w, "tunnel set rate T999 1 1");
	w->region.table.window[0x1ff0].tunnel.in_packets = 7;
	ask(w, "tunnel remove T999");
	ok(running(w)->head->tunnel_end == end && running(w)->head->tunnels == 5, "and fall back");
	ok(memcmp(&w->region.config[0].secret[0x1ff0], &none, sizeof(none)) == 0 &&
	   memcmp(&w->region.config[1].secret[0x1ff0], &none, sizeof(none)) == 0,
	   "no copy keeps the password");
	ok(!w->control.tracer[0x1ff0] && w->region.table.window[0x1ff0].tunnel.in_packets == 0,
	   "nor control what it knew of it");
	ask(w, "tunnel set config 1ff0 T998 198.51.100.98 up 1280");
	ok(running(w)->tunnel[0x1ff0].rate_pps == 0 && running(w)->tunnel[0x1ff0].flags == 0,
	   "the next one in the slot starts with defaults");
	ask(w, "tunnel remove T998");
}

static void the_secret_is_the_digest(struct world *w)
{
	struct secret *s;
	uint8_t expected[SHA1_BYTES];
	struct span span = { "s3 \"cret\\", 9 };

	ask(w, "tunnel set config 6 T6 ayiya up 1280 \"s3 \\\"cret\\\\\"");
	s = &running(w)->secret[6];
	digest_openssl.sha1(NULL, &span, 1, expected);
	ok(s->len == 9 && !memcmp(s->password, "s3 \"cret\\", 9) &&
	   !memcmp(s->sha1, expected, sizeof(expected)), "a password with blanks and quotes is taken as it is");
	ask(w, "tunnel remove T6");
}

/* ---- routes and workers ---- */

static void routes_come_before_and_go_after(void)
{
	struct world *w = world_new(limits_default);
	const char *got;

	ask(w, "pop tunnelprefix add 2001:db8:2ff::/48");
	ask(w, "pop subnetprefix add 2001:db8:3000::/40");
	ok(!strcmp(w->routes, "+2001:db8:2ff::/48* +2001:db8:3000::/40 "),
	   "prefixes get their routes: %s", w->routes);
	w->no_routes = true;
	got = ask(w, "pop subnetprefix add 2001:db8:4242::/48");
	ok(!strcmp(got, "500 The host has no room for routes\n") &&
	   running(w)->head->plan.subnet_prefixes == 1 &&
	   config_equal(&w->region.config[0], &w->region.config[1]),
	   "a route that fails fails the command, whole");
	w->no_routes = false;
	world_end(w);
}

static void a_late_worker_delays_and_breaks_nothing(void)
{
	struct world *w = world_new(limits_default);
	const char *got;

	w->control.workers = 2;
	got = ask(w, "pop set id 1");
	ok(!strcmp(got, "200 Configured to ID 1\n") && w->wakes == 1 && !w->control.behind,
	   "workers are woken and waited for");
	w->stuck = true;
	got = ask(w, "pop set id 2");
	ok(!strcmp(got, "200 Configured to ID 2\n") && running(w)->head->plan.pop_id == 2 &&
	   w->control.behind, "a late worker does not undo what is published");
	ok(region_spare(&w->region)->head->plan.pop_id == 1, "the copy it still reads is left alone");
	got = ask(w, "pop set id 3");
	ok(!strncmp(got, "500 A worker has not taken over", 31) &&
	   running(w)->head->plan.pop_id == 2, "the next change waits, and is refused in the end");
	w->stuck = false;
	world_wake(w);
	got = ask(w, "pop set id 3");
	ok(!strcmp(got, "200 Configured to ID 3\n") && running(w)->head->plan.pop_id == 3 &&
	   config_equal(&w->region.config[0], &w->region.config[1]), "and then goes on as if nothing was");
	world_end(w);
}

static void a_reset_is_whole_or_did_not_happen(void)
{
	struct world *w = world_new(limits_default);
	struct traffic *total = &w->region.table.worker[0].total;
	const char *got;

	w->control.workers = 2;
	answers(w, "tunnel set config 1 T1 198.51.100.1 up 1280", "200 Accepted Tunnel 1/T1\n");
	total->in_packets = 5;
	w->stuck = true;
	(void)ask(w, "pop set id 2");
	got = ask(w, "tunnel stats RESET");
	ok(!strncmp(got, "500 A worker has not taken over", 31),
	   "RESET while a worker is late: refused, and nothing else is said");
	ok(strstr(ask(w, "tunnel stats"), "total 0 0 5 0\n") != NULL,
	   "no window began anew by it");
	w->stuck = false;
	world_wake(w);
	ok(strstr(ask(w, "tunnel stats RESET"), "total 0 0 5 0\n") != NULL &&
	   strstr(ask(w, "tunnel stats"), "total 0 0 0 0\n") != NULL, "later it does");
	world_end(w);
}

static void addresses_are_asked_for_again_after_a_late_worker(void)
{
	struct world *w = world_new(limits_default);

	w->control.workers = 2;
	w->stuck = true;
	(void)ask(w, "pop set id 2");
	ok(!control_addresses_changed(&w->control), "addresses that could not be told are not told");
	w->stuck = false;
	world_wake(w);
	ok(control_addresses_changed(&w->control), "and are the next time");
	world_end(w);
}

/* ---- limits of the plan ---- */

static void plan_limits(void)
{
	const struct limits most = { TUNNELS_MAX, 4096, TUNNELS_MAX };
	struct world *w = world_new(most);
	char line[128];
	unsigned int taken = 0;

	answers(w, "tunnel set config 7ffe T1 198.51.100.1 up 1280", "200 Accepted Tunnel 7ffe/T1\n");
	answers(w, "tunnel set config 7fff T2 198.51.100.1 up 1280",
		"400 TID 0x7fff is out of range (0x0 - 0x7ffe)\n");
	answers(w, "tunnel set config ffff T2 198.51.100.1 up 1280",
		"400 TID 0xffff is out of range (0x0 - 0x7ffe)\n");
	answers(w, "pop tunnelprefix add 2001:db8:0:10::/60",
		"400 Tunnel 7ffe/T1 would be out of range (0x0 - 0x6)\n");
	answers(w, "tunnel remove T1", "200 Removed Tunnel 7ffe/T1\n");
	answers(w, "pop tunnelprefix add 2001:db8:0:10::/60",
		"200 Tunnel Prefix 2001:db8:0:10::/60 configured\n");
	answers(w, "tunnel set config 6 T1 198.51.100.1 up 1280", "200 Accepted Tunnel 6/T1\n");
	answers(w, "tunnel set config 7 T1 198.51.100.1 up 1280",
		"400 TID 0x7 is out of range (0x0 - 0x6): the tunnel prefix is a /60\n");

	answers(w, "pop subnetprefix add 2001:db8:1000::/48 delegate 49",
		"200 Subnet Prefix 2001:db8:1000::/48 added\n");
	answers(w, "pop subnetprefix add 2001:db8:2000::/52 delegate 64",
		"400 The prefix holds 4096 subnets, 4094 of 4096 are left; see pop set limits\n");
	for (unsigned int i = 0; i < 20; i++) {
		snprintf(line, sizeof(line), "pop subnetprefix add 2001:db8:3:%x00::/56 delegate 57", i + 1);
		taken += !strncmp(ask(w, line), "200", 3);
	}
	ok(taken == 15, "16 subnet prefixes fit in all: %u more", taken);
	answers(w, "subnet set config 2001:db8:1000:8000::/49 6 static",
		"200 Accepted Route 2001:db8:1000:8000::/49 via 6\n");
	ok(running(w)->subnet[1] == 6, "the upper half of a halved /48 is entry 1");
	world_end(w);
}

static void a_tunnel_prefix_inside_a_subnet_prefix(void)
{
	struct world *w = world_new(limits_default);

	ask(w, "pop subnetprefix add 2001:db8:3000::/40");
	ask(w, "tunnel set config 1 T1 198.51.100.1 up 1280");
	ask(w, "subnet set config 2001:db8:3001::/48 1 static");
	answers(w, "pop tunnelprefix add 2001:db8:3001::/48",
		"400 Tunnel Prefix 2001:db8:3001::/48 would hide the subnet 2001:db8:3001::/48, which is in use\n");
	answers(w, "pop tunnelprefix add 2001:db8:3002::/48",
		"200 Tunnel Prefix 2001:db8:3002::/48 configured\n");
	answers(w, "subnet set config 2001:db8:3002::/48 1 static",
		"400 Route 2001:db8:3002::/48 with gateway 1 doesn't have a master subnet: it lies in the tunnel prefix\n");
	world_end(w);
}

int main(void)
{
	struct world *w = world_new(limits_default);

	build(w);
	a_refusal_changes_nothing(w);
	a_repeated_push_is_not_observable(w);
	a_change_gives_a_generation(w);
	dynamic_keeps_what_it_learned(w);
	removed_leaves_nothing(w);
	the_secret_is_the_digest(w);
	both_copies_are_level(w);
	world_end(w);
	routes_come_before_and_go_after();
	a_late_worker_delays_and_breaks_nothing();
	a_reset_is_whole_or_did_not_happen();
	addresses_are_asked_for_again_after_a_late_worker();
	plan_limits();
	a_tunnel_prefix_inside_a_subnet_prefix();
	return tap_done();
}
