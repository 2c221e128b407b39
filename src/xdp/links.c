#include "xdp/links.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "host/netlink_ask.h"

struct visit {
	void		(*each)(void *context, const struct link *l);
	void		*context;
};

static bool word32(const struct nlattr *attr, uint32_t *n)
{
	if (mnl_attr_get_payload_len(attr) < sizeof(*n))
		return false;
	memcpy(n, mnl_attr_get_payload(attr), sizeof(*n));
	return true;
}

static int find_vlan_id(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == IFLA_VLAN_ID &&
	    mnl_attr_get_payload_len(attr) >= sizeof(uint16_t))
		memcpy(data, mnl_attr_get_payload(attr), sizeof(uint16_t));
	return MNL_CB_OK;
}

struct info {
	bool			vlan, veth;
	const struct nlattr	*data;
};

static int find_info(const struct nlattr *attr, void *data)
{
	struct info *i = data;

	if (mnl_attr_get_type(attr) == IFLA_INFO_KIND &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0) {
		i->vlan = strcmp(mnl_attr_get_str(attr), "vlan") == 0;
		i->veth = strcmp(mnl_attr_get_str(attr), "veth") == 0;
	}
	if (mnl_attr_get_type(attr) == IFLA_INFO_DATA)
		i->data = attr;
	return MNL_CB_OK;
}

static void take_info(const struct nlattr *attr, struct link *l)
{
	struct info i = { .vlan = false };

	(void)mnl_attr_parse_nested(attr, find_info, &i);
	l->veth = i.veth;
	if (i.vlan && i.data)
		(void)mnl_attr_parse_nested(i.data, find_vlan_id, &l->vlan);
}

static int take_attr(const struct nlattr *attr, void *data)
{
	struct link *l = data;

	switch (mnl_attr_get_type(attr)) {
	case IFLA_IFNAME:
		if (mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
			snprintf(l->name, sizeof(l->name), "%s", mnl_attr_get_str(attr));
		break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(attr) == sizeof(l->mac))
			memcpy(l->mac, mnl_attr_get_payload(attr), sizeof(l->mac));
		break;
	case IFLA_MTU:
		(void)word32(attr, &l->mtu_bytes);
		break;
	case IFLA_LINK:
		(void)word32(attr, &l->parent);
		break;
	case IFLA_LINKINFO:
		take_info(attr, l);
		break;
	default:	/* not our enum: the kernel's attributes */
		break;
	}
	return MNL_CB_OK;
}

static int take_link(const struct nlmsghdr *nh, void *data)
{
	const struct visit *v = data;
	struct ifinfomsg ifi;
	struct link l = { .ifindex = 0 };

	if (nh->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(nh) < sizeof(ifi))
		return MNL_CB_OK;
	memcpy(&ifi, mnl_nlmsg_get_payload(nh), sizeof(ifi));
	l.ifindex = (uint32_t)ifi.ifi_index;
	l.up = ifi.ifi_flags & IFF_UP;
	l.ethernet = ifi.ifi_type == ARPHRD_ETHER;
	(void)mnl_attr_parse(nh, sizeof(ifi), take_attr, &l);
	if (l.vlan == 0)
		l.parent = 0;	/* a veth names its peer there */
	v->each(v->context, &l);
	return MNL_CB_OK;
}

void links_each(struct netlink *nl, void (*each)(void *context, const struct link *l), void *context)
{
	struct visit v = { .each = each, .context = context };

	netlink_links(nl, take_link, &v);
}

struct search {
	const char	*name;
	struct link	*found;
	bool		any;
};

static void match(void *context, const struct link *l)
{
	struct search *s = context;

	if (strcmp(l->name, s->name) != 0)
		return;
	*s->found = *l;
	s->any = true;
}

bool links_find(struct netlink *nl, const char *name, struct link *l)
{
	struct search s = { .name = name, .found = l };

	links_each(nl, match, &s);
	return s.any;
}

bool link_forwards(const char *family, const char *name)
{
	char path[96], c = '0';
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/forwarding", family, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (read(fd, &c, 1) != 1)
		c = '0';
	close(fd);
	return c == '1';
}
