/*
 * tests/diff/world.h - the host around the PoP, twice: for the kernel, and as a table
 *
 *	fup	uplink, untagged, and VLAN 9 on it		via 192.0.2.1, fe80::1
 *	facc	access, untagged, and VLAN 7 on it		via 10.7.0.1, fe80::7
 *	foth	no port of the fast path			via 10.9.0.1, fe80::9
 *	ftun	the daemon's TUN device
 *
 * The reference kernel has no 8021q: a device of its own stands for each VLAN, which is all
 * that routes and neighbours see of one.
 */
#ifndef SIXXSD_TEST_WORLD_H
#define SIXXSD_TEST_WORLD_H

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/addr.h"
#include "wire/ether.h"
#include "wire/fast.h"

enum device { FUP, FACC, FVL7, FVL9, FOTH, FTUN, DEVICES };

/* Neighbours whose address may change. */
enum gateway { GW_UP, GW_VL7, GW_ACC, GW_COUNT };

enum door { DOOR_UP, DOOR_VL7, DOOR_ACC, DOOR_VL9, DOOR_COUNT, DOOR_NONE = -1 };

static const char *const world_device[DEVICES] = { "fup", "facc", "fvl7", "fvl9", "foth", "ftun" };

static const struct world_port {
	enum device	dev;		/* what routes name */
	enum device	device;		/* where frames arrive */
	uint16_t	vlan;
	uint16_t	flags;
} world_port[DOOR_COUNT] = {
	[DOOR_UP] = { FUP, FUP, 0, FAST_PORT_FORWARDS6 },
	[DOOR_VL7] = { FVL7, FACC, 7, FAST_PORT_FORWARDS6 },
	[DOOR_ACC] = { FACC, FACC, 0, FAST_PORT_FORWARDS6 },
	[DOOR_VL9] = { FVL9, FUP, 9, 0 },
};

/* The kernel's routing, as far as the packets of this test need it. */
static const struct way {
	const char	*prefix;
	enum door	port;		/* DOOR_NONE: no way, no neighbour, or not a fast port */
	enum gateway	gateway;
	uint16_t	mtu;
} world_way4[] = {
	{ "198.51.100.0/24", DOOR_UP, GW_UP, 1500 },
	{ "198.51.101.0/24", DOOR_UP, GW_UP, 1400 },
	{ "203.0.113.0/24", DOOR_VL7, GW_VL7, 1500 },
	{ "10.8.0.12/32", DOOR_ACC, GW_ACC, 1500 },
}, world_way6[] = {
	{ "2001:db8:e000::/36", DOOR_VL7, GW_VL7, 1500 },
	{ "2001:db8:f000::12/128", DOOR_ACC, GW_ACC, 1500 },
	{ "2001:db8:f000::/64", DOOR_NONE, GW_ACC, 1500 },
	{ "2a01::/16", DOOR_NONE, GW_UP, 1500 },
	{ "2a02::/16", DOOR_NONE, GW_UP, 1500 },
	{ "2a03::/16", DOOR_NONE, GW_UP, 1500 },
	{ "2a04::/16", DOOR_UP, GW_UP, 1300 },
	{ "::/0", DOOR_UP, GW_UP, 1500 },
};

static const char world_script[] =
	"link set lo up\n"
	"link add fup address 02:00:00:00:00:01 type veth peer name pup\n"
	"link add facc address 02:00:00:00:00:02 type veth peer name pacc\n"
	"link add fvl7 address 02:00:00:00:00:07 type veth peer name pvl7\n"
	"link add fvl9 address 02:00:00:00:00:09 type veth peer name pvl9\n"
	"link add foth address 02:00:00:00:00:0f type veth peer name poth\n"
	"tuntap add mode tun name ftun\n"
	"link set pup up\nlink set pacc up\nlink set pvl7 up\nlink set pvl9 up\nlink set poth up\n"
	"link set fup up\nlink set facc up\nlink set fvl7 up\nlink set fvl9 up\nlink set foth up\n"
	"link set ftun up\n"
	"addr add 192.0.2.42/24 dev fup\n"
	"addr add 192.0.2.43/24 dev fup\n"
	"addr add 10.7.0.2/24 dev fvl7\n"
	"addr add 10.8.0.2/24 dev facc\n"
	"addr add 10.9.0.2/24 dev foth\n"
	"route add 198.51.100.0/24 via 192.0.2.1 dev fup\n"
	"route add 198.51.101.0/24 via 192.0.2.1 dev fup mtu lock 1400\n"
	"route add 203.0.113.0/24 via 10.7.0.1 dev fvl7\n"
	"route add 198.18.0.0/24 via 192.0.2.9 dev fup\n"
	"route add 198.18.1.0/24 via 10.9.0.1 dev foth\n"
	"route add blackhole 198.18.2.0/24\n"
	"neigh add 10.9.0.1 lladdr 02:aa:00:00:00:0f nud permanent dev foth\n"
	"route add default via fe80::1 dev fup\n"
	"route add 2001:db8:e000::/36 via fe80::7 dev fvl7\n"
	"route add 2001:db8:f000::/64 dev facc\n"
	"route add 2a01::/16 via fe80::9 dev foth\n"
	"route add unreachable 2a02::/16\n"
	"route add 2a03::/16 via fe80::99 dev fup\n"
	"route add 2a04::/16 via fe80::1 dev fup mtu lock 1300\n"
	"route add 2001:db8:2ff::/48 dev ftun\n"
	"route add 2001:db8:3000::/40 dev ftun\n"
	"route add 2001:db8:4242::/48 dev ftun\n"
	"neigh add fe80::9 lladdr 02:aa:00:00:00:0f nud permanent dev foth\n";

struct world {
	uint32_t	ifindex[DEVICES];
	uint8_t		mac[DEVICES][6];
	uint8_t		gateway[GW_COUNT][6];
};

static bool world_ip(const char *script)
{
	FILE *ip = popen("ip -batch -", "w");

	if (!ip)
		return false;
	fputs(script, ip);
	return pclose(ip) == 0;
}

static bool world_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good;
}

/* Every gateway of the table has another Ethernet address from now on. */
static bool world_new_neighbours(struct world *h, uint8_t serial)
{
	static const char *const whom[GW_COUNT][2] = {
		[GW_UP] = { "192.0.2.1 dev fup", "fe80::1 dev fup" },
		[GW_VL7] = { "10.7.0.1 dev fvl7", "fe80::7 dev fvl7" },
		[GW_ACC] = { "10.8.0.12 dev facc", "2001:db8:f000::12 dev facc" },
	};
	char script[GW_COUNT * 2 * 128];
	size_t at = 0;

	for (unsigned int g = 0; g < GW_COUNT; g++) {
		uint8_t mac[6] = { 2, 0xaa, 0, serial, 0, (uint8_t)(g + 1) };

		memcpy(h->gateway[g], mac, sizeof(mac));
		for (int i = 0; i < 2; i++)
			at += (size_t)snprintf(script + at, sizeof(script) - at,
				"neigh replace %s lladdr 02:aa:00:%02x:00:%02x nud permanent\n",
				whom[g][i], serial, g + 1);
	}
	return world_ip(script);
}

static bool world_open(struct world *h)
{
	if (unshare(CLONE_NEWNET) != 0 || !world_ip(world_script) ||
	    !world_write("/proc/sys/net/ipv4/conf/all/forwarding", "1") ||
	    !world_write("/proc/sys/net/ipv6/conf/all/forwarding", "1"))
		return false;
	for (unsigned int i = 0; i < DEVICES; i++) {
		static const uint8_t last[DEVICES] = { 1, 2, 7, 9, 15 };
		uint8_t mac[6] = { 2, 0, 0, 0, 0, last[i] };

		memcpy(h->mac[i], mac, sizeof(mac));
		h->ifindex[i] = if_nametoindex(world_device[i]);
		if (h->ifindex[i] == 0)
			return false;
	}
	return world_new_neighbours(h, 1);
}

static const struct way *world_route(const struct way *ways, size_t n, const struct ip6_addr *dst)
{
	for (size_t i = 0; i < n; i++) {
		struct prefix p;

		if (!prefix_parse(ways[i].prefix, strlen(ways[i].prefix), &p))
			abort();
		if (prefix_has(&p, dst))
			return ways[i].port == DOOR_NONE ? NULL : &ways[i];
	}
	return NULL;
}

#endif
