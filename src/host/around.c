/*
 * src/host/around.c - what the host has that will get in our way
 *
 * While a driver for protocol 41 or GRE is loaded the kernel hands it every such packet
 * besides us and answers those that no interface of its own wants with an ICMP error:
 * clients see "unreachable" between good packets, and strangers get a reflector
 * (security.md H10). It shows as an interface of its kind, or as its module even
 * where the fallback interface is not made in this network namespace.
 */
#include "host/netlink.h"

#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "host/netlink_ask.h"

static const struct driver {
	const char	*kind;		/* of its interfaces */
	const char	*module;
	const char	*what;
} drivers[] = {
	{ "sit", "sit", "protocol 41 over IPv4" },
	{ "ip6tnl", "ip6_tunnel", "protocol 41 over IPv6" },
	{ "gre", "ip_gre", "GRE over IPv4" },
	{ "ip6gre", "ip6_gre", "GRE over IPv6" },
};

static int find_kind(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == IFLA_INFO_KIND &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
		*(const char **)data = mnl_attr_get_str(attr);
	return MNL_CB_OK;
}

static int find_info(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == IFLA_LINKINFO)
		(void)mnl_attr_parse_nested(attr, find_kind, data);
	return MNL_CB_OK;
}

static int mark_kind(const struct nlmsghdr *nh, void *data)
{
	const char *kind = NULL;
	bool *seen = data;

	if (nh->nlmsg_type != RTM_NEWLINK)
		return MNL_CB_OK;
	(void)mnl_attr_parse(nh, sizeof(struct ifinfomsg), find_info, (void *)&kind);
	for (size_t i = 0; kind && i < ARRAY_LEN(drivers); i++) {
		if (strcmp(kind, drivers[i].kind) == 0)
			seen[i] = true;
	}
	return MNL_CB_OK;
}

static void look_for_drivers(struct netlink *nl, const struct say *to)
{
	bool seen[ARRAY_LEN(drivers)] = { false };

	netlink_links(nl, mark_kind, seen);
	for (size_t i = 0; i < ARRAY_LEN(drivers); i++) {
		char path[64];

		snprintf(path, sizeof(path), "/sys/module/%s", drivers[i].module);
		if (!seen[i] && access(path, F_OK) < 0)
			continue;
		host_say(to, "another driver owns %s: the kernel module %s is loaded and answers "
			 "clients with ICMP errors besides us; remove it (rmmod %s) or keep it "
			 "from loading (install %s /bin/false in /etc/modprobe.d)",
			 drivers[i].what, drivers[i].module, drivers[i].module,
			 drivers[i].module);
	}
}

/* Return: the first character, or 0 */
static char read_one(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char c = 0;

	if (fd < 0)
		return 0;
	if (read(fd, &c, 1) != 1)
		c = 0;
	close(fd);
	return c;
}

enum outside_known host_forwards6(void)
{
	char c = read_one("/proc/sys/net/ipv6/conf/all/forwarding");

	return c == 0 ? OUTSIDE_UNKNOWN : c == '0' ? OUTSIDE_NO : OUTSIDE_YES;
}

static void look_for_forwarding(const struct say *to)
{
	if (host_forwards6() == OUTSIDE_NO)
		host_say(to, "IPv6 forwarding is off: tunnels will reach each other, but not the "
			 "world; switch it on (sysctl net.ipv6.conf.all.forwarding=1)");
}

static void look_for_addresses(struct netlink *nl, const struct say *to)
{
	struct ip6_addr list[64];
	unsigned int n = netlink_addresses(nl, list, ARRAY_LEN(list));
	bool four = false, six = false;

	for (unsigned int i = 0; i < n; i++) {
		if (addr_is_ip4(&list[i]))
			four = true;
		else
			six = true;
	}
	if (!four)
		host_say(to, "this host has no IPv4 address: no tunnel over IPv4 until it has one");
	if (!six && !nl->no_ip6)
		host_say(to, "this host has no IPv6 address: no tunnel over IPv6 until it has one");
}

void netlink_look_around(struct netlink *nl, const struct say *to)
{
	look_for_drivers(nl, to);
	look_for_forwarding(to);
	look_for_addresses(nl, to);
}
