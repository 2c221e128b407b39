#include "xdp/watch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include "host/netlink_ask.h"

#define SOURCES_EVERY_S	10	/* at most */

static const int groups[] = {
	RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE,
	RTNLGRP_IPV6_RULE, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_NETCONF,
	RTNLGRP_IPV6_NETCONF, RTNLGRP_NEXTHOP,
};

/* ---- routing rules ---- */

/* Every network namespace has these: local, main and, for IPv4, default. */
static bool is_usual(const struct fib_rule_hdr *h)
{
	return h->src_len == 0 && h->dst_len == 0 && h->tos == 0 && h->action == FR_ACT_TO_TBL &&
	       (h->table == RT_TABLE_LOCAL || h->table == RT_TABLE_MAIN ||
		h->table == RT_TABLE_DEFAULT);
}

/* A rule may look at a mark, an interface, a port: whatever it is, it is more than a table. */
static int find_condition(const struct nlattr *attr, void *data)
{
	switch (mnl_attr_get_type(attr)) {
	case FRA_TABLE:
	case FRA_PRIORITY:
	case FRA_PROTOCOL:
	case FRA_SUPPRESS_PREFIXLEN:
		return MNL_CB_OK;
	default:	/* not our enum: the kernel's attributes */
		*(bool *)data = true;
		return MNL_CB_OK;
	}
}

static int look_at_rule(const struct nlmsghdr *nh, void *data)
{
	struct fib_rule_hdr h;

	if (nh->nlmsg_type != RTM_NEWRULE || mnl_nlmsg_get_payload_len(nh) < sizeof(h))
		return MNL_CB_OK;
	memcpy(&h, mnl_nlmsg_get_payload(nh), sizeof(h));
	if (!is_usual(&h))
		*(bool *)data = true;
	(void)mnl_attr_parse(nh, sizeof(h), find_condition, data);
	return MNL_CB_OK;
}

static bool has_rules(struct netlink *nl, uint8_t family)
{
	struct nlmsghdr *nh = netlink_begin(nl, RTM_GETRULE, NLM_F_DUMP);
	struct fib_rule_hdr *h = mnl_nlmsg_put_extra_header(nh, sizeof(*h));
	bool more = false;

	memset(h, 0, sizeof(*h));
	h->family = family;
	if (netlink_ask(nl, nh, look_at_rule, &more) < 0)
		return true;		/* not known: then the kernel is asked each time */
	return more;
}

static void look_at_rules(struct watch *w)
{
	w->rules = has_rules(w->netlink, AF_INET) || has_rules(w->netlink, AF_INET6);
}

/* ---- routes for packets of some sources only: IPv6 has them, IPv4 does not ---- */

static bool depends_on_source(const struct nlmsghdr *nh)
{
	struct rtmsg m;

	if (mnl_nlmsg_get_payload_len(nh) < sizeof(m))
		return false;
	memcpy(&m, mnl_nlmsg_get_payload(nh), sizeof(m));
	return m.rtm_src_len != 0;
}

static int look_at_route(const struct nlmsghdr *nh, void *data)
{
	if (nh->nlmsg_type == RTM_NEWROUTE && depends_on_source(nh))
		*(bool *)data = true;
	return MNL_CB_OK;
}

/* All routes are listed for that. */
static void look_at_sources(struct watch *w)
{
	struct nlmsghdr *nh = netlink_begin(w->netlink, RTM_GETROUTE, NLM_F_DUMP);
	struct rtmsg *m = mnl_nlmsg_put_extra_header(nh, sizeof(*m));
	bool found = false;
	int error;

	memset(m, 0, sizeof(*m));
	m->rtm_family = AF_INET6;
	error = netlink_ask(w->netlink, nh, look_at_route, &found);
	w->sources = error < 0 || found;
	w->sources_unsure = error < 0;
	w->sources_age_s = 0;
}

/* ---- what that means ---- */

/* A next hop is kept for a destination: where anything else counts, the kernel is asked each time. */
static void keep_or_ask(struct watch *w)
{
	struct sync *s = w->ports->sync;
	struct fast_head *h = xdp_head(s->x);
	uint32_t cache = w->rules || w->sources ? FAST_CACHE_OFF : FAST_CACHE_ON;

	if (cache == h->cache)
		return;
	__atomic_store_n(&h->cache, cache, __ATOMIC_RELEASE);
	sync_forget_hops(s);
}

const char *watch_asks(const struct watch *w)
{
	if (w->rules)
		return "routing rules";
	if (!w->sources)
		return NULL;
	return w->sources_unsure ? "routes that are looked at again" : "routes from some sources";
}

/* ---- events ---- */

struct news {
	bool	hops, links, rules, ways;
	bool	source;		/* a route for some sources has come */
	bool	source_gone;	/* or gone */
};

/* Of a PoP that holds the whole Internet's routes only these few are about where `auto` attaches. */
static bool is_default_route(const struct nlmsghdr *nh)
{
	struct rtmsg m;

	if (mnl_nlmsg_get_payload_len(nh) < sizeof(m))
		return false;
	memcpy(&m, mnl_nlmsg_get_payload(nh), sizeof(m));
	return m.rtm_dst_len == 0;
}

static int take_event(const struct nlmsghdr *nh, void *data)
{
	struct news *n = data;

	n->hops = true;
	switch (nh->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
	case RTM_NEWNETCONF:
	case RTM_DELNETCONF:
		n->links = n->ways = true;
		break;
	case RTM_NEWADDR:	/* routes go with it, without a word */
	case RTM_DELADDR:
	case RTM_NEWNEXTHOP:
	case RTM_DELNEXTHOP:
		n->ways = true;
		break;
	case RTM_NEWROUTE:
		n->source = n->source || depends_on_source(nh);
		n->ways = n->ways || is_default_route(nh);
		break;
	case RTM_DELROUTE:
		n->source_gone = n->source_gone || depends_on_source(nh);
		n->ways = n->ways || is_default_route(nh);
		break;
	case RTM_NEWRULE:
	case RTM_DELRULE:
		n->rules = true;
		break;
	default:	/* not our enum: the kernel's messages */
		break;
	}
	return MNL_CB_OK;
}

static void take_events(const uint64_t *buffer, ssize_t got, struct news *n)
{
	const struct nlmsghdr *nh = (const void *)buffer;
	int left = (int)got;

	for (; mnl_nlmsg_ok(nh, left); nh = mnl_nlmsg_next(nh, &left))
		(void)take_event(nh, n);
}

void watch_read(struct watch *w)
{
	struct news n = { .hops = false };

	for (;;) {
		ssize_t got = recv(mnl_socket_get_fd(w->events), w->buffer, sizeof(w->buffer),
				   MSG_DONTWAIT);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == ENOBUFS) {	/* some were lost: anything may be new */
			n = (struct news){ true, true, true, true, true, true };
			continue;
		}
		if (got <= 0)
			break;
		take_events(w->buffer, got, &n);
	}
	w->ways = w->ways || n.ways;
	if (n.hops)
		sync_forget_hops(w->ports->sync);
	if (n.links)
		ports_look(w->ports);
	if (n.rules)
		look_at_rules(w);
	w->sources = w->sources || n.source;
	/* those of an interface that went down go without a word */
	w->sources_unsure = w->sources && (w->sources_unsure || n.source_gone || n.links);
	keep_or_ask(w);
}

void watch_second(struct watch *w)
{
	if (w->sources_age_s < SOURCES_EVERY_S)
		w->sources_age_s++;
	if (!w->sources_unsure || w->sources_age_s < SOURCES_EVERY_S)
		return;
	look_at_sources(w);
	keep_or_ask(w);
}

/* ---- neighbours ---- */

struct used {
	const struct watch	*watch;
	struct {
		uint32_t	ifindex;
		uint8_t		family;
		uint8_t		len;
		uint8_t		address[16];
	} list[64];
	unsigned int		n;
};

/* Is there a kept next hop of that port with that address? */
static bool is_used(const struct watch *w, uint32_t ifindex, const uint8_t *mac)
{
	struct sync *s = w->ports->sync;
	const struct fast_head *h = xdp_head(s->x);
	const struct fast_hop *hop = xdp_hops(s->x);
	size_t all = (size_t)s->region->table.fast.cpus * FAST_HOPS;

	for (size_t i = 0; i < all; i++) {
		if (hop[i].gen == h->gen && hop[i].port < h->ports &&
		    h->port[hop[i].port].ifindex == ifindex && memcmp(hop[i].dmac, mac, 6) == 0)
			return true;
	}
	return false;
}

struct neighbour {
	const struct nlattr	*to, *mac;
};

static int find_neighbour(const struct nlattr *attr, void *data)
{
	struct neighbour *n = data;

	if (mnl_attr_get_type(attr) == NDA_DST)
		n->to = attr;
	else if (mnl_attr_get_type(attr) == NDA_LLADDR && mnl_attr_get_payload_len(attr) == 6)
		n->mac = attr;
	return MNL_CB_OK;
}

static int take_neighbour(const struct nlmsghdr *nh, void *data)
{
	struct used *u = data;
	struct neighbour n = { .to = NULL };
	struct ndmsg m;
	uint16_t len;

	if (nh->nlmsg_type != RTM_NEWNEIGH || mnl_nlmsg_get_payload_len(nh) < sizeof(m))
		return MNL_CB_OK;
	memcpy(&m, mnl_nlmsg_get_payload(nh), sizeof(m));
	(void)mnl_attr_parse(nh, sizeof(m), find_neighbour, &n);
	if (m.ndm_state != NUD_STALE || !n.to || !n.mac || u->n == ARRAY_LEN(u->list))
		return MNL_CB_OK;
	len = mnl_attr_get_payload_len(n.to);
	if (len > sizeof(u->list[0].address) ||
	    !is_used(u->watch, (uint32_t)m.ndm_ifindex, mnl_attr_get_payload(n.mac)))
		return MNL_CB_OK;
	u->list[u->n].ifindex = (uint32_t)m.ndm_ifindex;
	u->list[u->n].family = m.ndm_family;
	u->list[u->n].len = (uint8_t)len;
	memcpy(u->list[u->n++].address, mnl_attr_get_payload(n.to), len);
	return MNL_CB_OK;
}

static void say_used(struct netlink *nl, const struct used *u, unsigned int i)
{
	struct nlmsghdr *nh = netlink_begin(nl, RTM_NEWNEIGH, NLM_F_ACK);
	struct ndmsg *m = mnl_nlmsg_put_extra_header(nh, sizeof(*m));

	*m = (struct ndmsg){ .ndm_family = u->list[i].family, .ndm_flags = NTF_USE,
			     .ndm_ifindex = (int)u->list[i].ifindex };
	mnl_attr_put(nh, NDA_DST, u->list[i].len, u->list[i].address);
	(void)netlink_ask(nl, nh, NULL, NULL);	/* gone by now: an event will say so */
}

void watch_neighbours(struct watch *w)
{
	struct nlmsghdr *nh;
	struct ndmsg *m;
	struct used u = { .watch = w };

	if (!w->ports->sync->on)
		return;
	nh = netlink_begin(w->netlink, RTM_GETNEIGH, NLM_F_DUMP);
	m = mnl_nlmsg_put_extra_header(nh, sizeof(*m));
	memset(m, 0, sizeof(*m));
	if (netlink_ask(w->netlink, nh, take_neighbour, &u) < 0)
		return;
	for (unsigned int i = 0; i < u.n; i++)
		say_used(w->netlink, &u, i);
}

/* ---- start and end ---- */

int watch_open(struct watch *w, struct ports *ports, struct netlink *nl, struct why *why)
{
	memset(w, 0, sizeof(*w));
	w->ports = ports;
	w->netlink = nl;
	w->events = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!w->events || mnl_socket_bind(w->events, 0, MNL_SOCKET_AUTOPID) < 0)
		return why_say(why, -errno, "cannot hear what netlink tells: %s", strerror(errno));
	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		int group = groups[i];

		/* a kernel without one of them has nothing to tell of it */
		(void)mnl_socket_setsockopt(w->events, NETLINK_ADD_MEMBERSHIP, &group,
					    sizeof(group));
	}
	look_at_rules(w);
	look_at_sources(w);
	keep_or_ask(w);
	return 0;
}

void watch_close(struct watch *w)
{
	if (w->events)
		mnl_socket_close(w->events);
	w->events = NULL;
}

int watch_fd(const struct watch *w)
{
	return w->events ? mnl_socket_get_fd(w->events) : -1;
}
