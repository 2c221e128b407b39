/*
 * src/host/links.c - how the interfaces are that matter, for `pop why`
 *
 * Few questions, each about one thing: a PoP may hold the whole Internet's routes, and nobody
 * wants those listed every few seconds.
 */
#include "host/netlink.h"

#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "host/netlink_ask.h"

/* ---- one link ---- */

struct link_found {
	char		name[16];
	unsigned int	flags;
	bool		found;
};

static int take_name(const struct nlattr *attr, void *data)
{
	struct link_found *l = data;

	if (mnl_attr_get_type(attr) == IFLA_IFNAME && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
		snprintf(l->name, sizeof(l->name), "%s", mnl_attr_get_str(attr));
	return MNL_CB_OK;
}

static int take_link(const struct nlmsghdr *nh, void *data)
{
	struct link_found *l = data;
	struct ifinfomsg m;

	if (nh->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(nh) < sizeof(m))
		return MNL_CB_OK;
	memcpy(&m, mnl_nlmsg_get_payload(nh), sizeof(m));
	l->flags = m.ifi_flags;
	l->found = true;
	return mnl_attr_parse(nh, sizeof(m), take_name, l);
}

/* By @index, or 0 and by @name. */
static bool link_get(struct netlink *nl, uint32_t index, const char *name, struct link_found *l)
{
	struct nlmsghdr *nh = netlink_begin(nl, RTM_GETLINK, NLM_F_ACK);
	struct ifinfomsg *m = mnl_nlmsg_put_extra_header(nh, sizeof(*m));

	memset(m, 0, sizeof(*m));
	m->ifi_index = (int)index;
	if (index == 0)
		mnl_attr_put_strz(nh, IFLA_IFNAME, name);
	*l = (struct link_found){ .found = false };
	(void)netlink_ask(nl, nh, take_link, l);
	return l->found;
}

/* ---- whose address, which way? ---- */

struct sought {
	struct ip6_addr	address;
	uint32_t	index;		/* 0: not found */
	bool		this_one;	/* of the message being read */
};

static int compare_address(const struct nlattr *attr, void *data)
{
	struct sought *s = data;
	size_t len = mnl_attr_get_payload_len(attr);
	struct ip6_addr a = { { 0 } };
	struct ip4_addr four;

	if (mnl_attr_get_type(attr) != IFA_LOCAL && mnl_attr_get_type(attr) != IFA_ADDRESS)
		return MNL_CB_OK;
	if (len == sizeof(four)) {
		memcpy(&four, mnl_attr_get_payload(attr), sizeof(four));
		a = addr_from_ip4_wire(&four);
	} else if (len == sizeof(a)) {
		memcpy(&a, mnl_attr_get_payload(attr), sizeof(a));
	}
	s->this_one = s->this_one || addr_eq(&a, &s->address);
	return MNL_CB_OK;
}

static int take_address(const struct nlmsghdr *nh, void *data)
{
	struct sought *s = data;
	struct ifaddrmsg m;

	if (nh->nlmsg_type != RTM_NEWADDR || mnl_nlmsg_get_payload_len(nh) < sizeof(m))
		return MNL_CB_OK;
	memcpy(&m, mnl_nlmsg_get_payload(nh), sizeof(m));
	s->this_one = false;
	(void)mnl_attr_parse(nh, sizeof(m), compare_address, s);
	if (s->this_one)
		s->index = m.ifa_index;
	return MNL_CB_OK;
}

static uint32_t index_of_address(struct netlink *nl, const struct ip6_addr *a)
{
	struct sought s = { .address = *a };
	struct nlmsghdr *nh;
	struct ifaddrmsg *m;

	if (addr_is_unspecified(a))
		return 0;
	nh = netlink_begin(nl, RTM_GETADDR, NLM_F_DUMP);
	m = mnl_nlmsg_put_extra_header(nh, sizeof(*m));
	memset(m, 0, sizeof(*m));
	m->ifa_family = addr_is_ip4(a) ? AF_INET : AF_INET6;
	(void)netlink_ask(nl, nh, take_address, &s);
	return s.index;
}

static int take_oif(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == RTA_OIF && mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
		*(uint32_t *)data = mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

static int take_route(const struct nlmsghdr *nh, void *data)
{
	struct rtmsg m;

	if (nh->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(nh) < sizeof(m))
		return MNL_CB_OK;
	memcpy(&m, mnl_nlmsg_get_payload(nh), sizeof(m));
	if (m.rtm_type != RTN_UNICAST)
		return MNL_CB_OK;
	return mnl_attr_parse(nh, sizeof(m), take_oif, data);
}

uint32_t netlink_towards(struct netlink *nl, const struct ip6_addr *to)
{
	struct nlmsghdr *nh = netlink_begin(nl, RTM_GETROUTE, NLM_F_ACK);
	struct rtmsg *m = mnl_nlmsg_put_extra_header(nh, sizeof(*m));
	uint32_t index = 0;

	memset(m, 0, sizeof(*m));
	m->rtm_family = AF_INET6;
	m->rtm_dst_len = 128;
	mnl_attr_put(nh, RTA_DST, sizeof(*to), to);
	(void)netlink_ask(nl, nh, take_route, &index);
	return index;
}

/*
 * The default route, found at the start of 2000::/3, where nobody is. A host that has the table
 * of the whole internet instead knows the way to the root servers A and K.
 */
static uint32_t index_of_uplink(struct netlink *nl)
{
	static const struct ip6_addr somewhere[] = {
		{ { 0x20 } },
		{ { 0x20, 0x01, 0x05, 0x03, 0xba, 0x3e, [13] = 0x02, [15] = 0x30 } },
		{ { 0x20, 0x01, 0x07, 0xfd, [15] = 0x01 } },
	};
	uint32_t index = 0;

	for (size_t i = 0; i < ARRAY_LEN(somewhere) && !index; i++) {
		index = netlink_towards(nl, &somewhere[i]);
		index = index == nl->device ? 0 : index;
	}
	return index;
}

/* ---- all of them ---- */

static void look_at(struct netlink *nl, struct outside_link *l, uint32_t index)
{
	struct link_found got;

	l->found = index != 0 || l->role == ROLE_DEVICE || l->role == ROLE_PORT;
	l->present = l->up = l->running = 0;
	if (index == 0 && !l->name[0])
		return;
	if (!link_get(nl, index, l->name, &got))
		return;
	if (got.name[0])
		memcpy(l->name, got.name, sizeof(l->name));
	l->present = 1;
	l->up = (got.flags & IFF_UP) != 0;
	l->running = (got.flags & IFF_RUNNING) != 0;
}

void netlink_outside(struct netlink *nl, struct outside_link *list, unsigned int n,
		     const struct ip6_addr *outer4, const struct ip6_addr *outer6)
{
	for (unsigned int i = 0; i < n; i++) {
		uint32_t index = 0;

		switch ((enum outside_role)list[i].role) {
		case ROLE_DEVICE:
		case ROLE_PORT:
			break;
		case ROLE_UPLINK:
			index = index_of_uplink(nl);
			break;
		case ROLE_OUTER4:
			index = index_of_address(nl, outer4);
			break;
		case ROLE_OUTER6:
			index = index_of_address(nl, outer6);
			break;
		}
		look_at(nl, &list[i], index);
	}
}
