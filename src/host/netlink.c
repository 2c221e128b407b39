#include "host/netlink_ask.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEVICE_MTU	1500
#define DEVICE_QUEUE	4096	/* packets; the default of 500 is two milliseconds at full speed */

int netlink_open(struct netlink *nl, struct why *why)
{
	int on = 1;

	memset(nl, 0, sizeof(*nl));
	nl->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!nl->socket || mnl_socket_bind(nl->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return why_say(why, -errno, "cannot open a netlink socket: %s", strerror(errno));
	nl->portid = mnl_socket_get_portid(nl->socket);
	/* sentences from the kernel, without our request quoted back; old kernels: neither */
	(void)mnl_socket_setsockopt(nl->socket, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)mnl_socket_setsockopt(nl->socket, NETLINK_CAP_ACK, &on, sizeof(on));
	return 0;
}

void netlink_close(struct netlink *nl)
{
	if (nl->socket)
		mnl_socket_close(nl->socket);
	nl->socket = NULL;
}

/* ---- one request, its answer ---- */

struct refusal {
	int		error;		/* errno; 0: none */
	char		text[160];	/* the kernel's own sentence, or its name for the error */
};

static int extended_text(const struct nlattr *attr, void *data)
{
	struct refusal *r = data;

	if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0) {
		const char *text = mnl_attr_get_str(attr);
		size_t n = min_size(strlen(text), sizeof(r->text) - 1);

		memcpy(r->text, text, n);
		r->text[n] = '\0';
	}
	return MNL_CB_OK;
}

static void refused(const struct nlmsghdr *nh, struct refusal *r)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nh);
	size_t skip = sizeof(*e);
	const char *name;

	if (mnl_nlmsg_get_payload_len(nh) < sizeof(*e))
		return;
	r->error = -e->error;
	name = r->error ? strerrordesc_np(r->error) : NULL;
	if (name) {
		size_t n = min_size(strlen(name), sizeof(r->text) - 1);

		memcpy(r->text, name, n);
		r->text[n] = '\0';
	}
	/* not capped: our request lies between, without its header */
	if (!(nh->nlmsg_flags & NLM_F_CAPPED) && e->msg.nlmsg_len > sizeof(e->msg))
		skip += e->msg.nlmsg_len - sizeof(e->msg);
	if (nh->nlmsg_flags & NLM_F_ACK_TLVS && skip <= mnl_nlmsg_get_payload_len(nh))
		(void)mnl_attr_parse(nh, (unsigned int)skip, extended_text, r);
}

/* One datagram of answers. Return: is the exchange over? */
static bool take_answers(struct netlink *nl, ssize_t got, mnl_cb_t each, void *data,
			 struct refusal *r)
{
	const struct nlmsghdr *nh = (void *)nl->buffer;
	int left = (int)got;

	for (; mnl_nlmsg_ok(nh, left); nh = mnl_nlmsg_next(nh, &left)) {
		if (nh->nlmsg_seq != nl->seq)
			continue;	/* an answer nobody waited for any more */
		if (nh->nlmsg_type == NLMSG_ERROR) {
			refused(nh, r);
			return true;
		}
		if (nh->nlmsg_type == NLMSG_DONE)
			return true;
		if (each)
			(void)each(nh, data);
	}
	return false;
}

/* Return: 0 or -errno, with @r telling more */
static int ask(struct netlink *nl, struct nlmsghdr *nh, mnl_cb_t each, void *data,
	       struct refusal *r)
{
	*r = (struct refusal){ .error = 0 };
	nh->nlmsg_seq = ++nl->seq;
	if (mnl_socket_sendto(nl->socket, nh, nh->nlmsg_len) < 0)
		r->error = errno;
	while (!r->error) {
		ssize_t got = mnl_socket_recvfrom(nl->socket, nl->buffer, sizeof(nl->buffer));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			r->error = errno;
		else if (take_answers(nl, got, each, data, r))
			break;
	}
	if (r->error && !r->text[0]) {
		const char *name = strerrordesc_np(r->error);
		size_t n = name ? min_size(strlen(name), sizeof(r->text) - 1) : 0;

		memcpy(r->text, name ? name : "", n);
	}
	return -r->error;
}

static struct nlmsghdr *begin(struct netlink *nl, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nh = mnl_nlmsg_put_header(nl->buffer);

	nh->nlmsg_type = type;
	nh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	return nh;
}

struct nlmsghdr *netlink_begin(struct netlink *nl, uint16_t type, uint16_t flags)
{
	return begin(nl, type, flags);
}

int netlink_ask(struct netlink *nl, struct nlmsghdr *nh, mnl_cb_t each, void *data)
{
	struct refusal r;

	return ask(nl, nh, each, data, &r);
}

/* ---- the device ---- */

static struct ifinfomsg *link_header(struct nlmsghdr *nh, uint32_t index)
{
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nh, sizeof(*ifi));

	memset(ifi, 0, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	ifi->ifi_index = (int)index;
	return ifi;
}

/* Without an own address on the device the kernel solicits no router and reports no group. */
static int no_link_local(struct netlink *nl, uint32_t index, struct refusal *r)
{
	struct nlmsghdr *nh = begin(nl, RTM_NEWLINK, NLM_F_ACK);
	struct nlattr *spec, *six;

	link_header(nh, index);
	spec = mnl_attr_nest_start(nh, IFLA_AF_SPEC);
	six = mnl_attr_nest_start(nh, AF_INET6);
	mnl_attr_put_u8(nh, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(nh, six);
	mnl_attr_nest_end(nh, spec);
	return ask(nl, nh, NULL, NULL, r);
}

static int size_and_up(struct netlink *nl, uint32_t index, struct refusal *r)
{
	struct nlmsghdr *nh = begin(nl, RTM_NEWLINK, NLM_F_ACK);
	struct ifinfomsg *ifi = link_header(nh, index);

	ifi->ifi_flags = IFF_UP;
	ifi->ifi_change = IFF_UP;
	mnl_attr_put_u32(nh, IFLA_MTU, DEVICE_MTU);
	mnl_attr_put_u32(nh, IFLA_TXQLEN, DEVICE_QUEUE);
	return ask(nl, nh, NULL, NULL, r);
}

/* Where IPv6 is switched off for new devices, ours alone has it all the same. */
static bool switch_ip6_on(void)
{
	static const char path[] = "/proc/sys/net/ipv6/conf/" HOST_DEVICE "/disable_ipv6";
	int fd = open(path, O_RDWR | O_CLOEXEC);
	char c = '1';

	if (fd >= 0)
		(void)!write(fd, "0", 1);
	else
		fd = open(path, O_RDONLY | O_CLOEXEC);	/* a container's */
	if (fd < 0)
		return false;
	if (pread(fd, &c, 1, 0) != 1)
		c = '1';
	close(fd);
	return c == '0';
}

int netlink_device(struct netlink *nl, const struct say *to, struct why *why)
{
	struct refusal r;

	nl->device = if_nametoindex(HOST_DEVICE);
	if (nl->device == 0)
		return why_say(why, -ENODEV, "the device " HOST_DEVICE " is not there");
	nl->no_ip6 = !switch_ip6_on();
	if (nl->no_ip6)
		host_say(to, "IPv6 is off on this host: tunnels will reach each other, but no "
			 "prefix can be routed to them");
	else if (no_link_local(nl, nl->device, &r) < 0)
		host_say(to, "the kernel keeps a link-local address on " HOST_DEVICE ": %s",
			 r.text);
	if (size_and_up(nl, nl->device, &r) < 0)
		return why_say(why, -r.error, "cannot bring the device " HOST_DEVICE " up: %s",
			       r.text);
	return 0;
}

int netlink_device_out(struct netlink *nl, const char *name, uint32_t *index, struct why *why)
{
	struct refusal r;

	*index = if_nametoindex(name);
	if (*index == 0)
		return why_say(why, -ENODEV, "the device %s is not there", name);
	(void)no_link_local(nl, *index, &r);	/* a host without IPv6 */
	if (size_and_up(nl, *index, &r) < 0)
		return why_say(why, -r.error, "cannot bring the device %s up: %s", name, r.text);
	return 0;
}

static int find_drops(const struct nlattr *attr, void *data)
{
	struct rtnl_link_stats64 stats;

	if (mnl_attr_get_type(attr) != IFLA_STATS64 ||
	    mnl_attr_get_payload_len(attr) < sizeof(stats.tx_dropped) +
	    offsetof(struct rtnl_link_stats64, tx_dropped))
		return MNL_CB_OK;
	memcpy(&stats, mnl_attr_get_payload(attr),
	       min_size(sizeof(stats), mnl_attr_get_payload_len(attr)));
	*(uint64_t *)data = stats.tx_dropped;
	return MNL_CB_STOP;
}

static int link_drops(const struct nlmsghdr *nh, void *data)
{
	if (nh->nlmsg_type == RTM_NEWLINK)
		(void)mnl_attr_parse(nh, sizeof(struct ifinfomsg), find_drops, data);
	return MNL_CB_OK;
}

int netlink_drops(struct netlink *nl, uint64_t *drops)
{
	struct nlmsghdr *nh = begin(nl, RTM_GETLINK, NLM_F_ACK);
	struct refusal r;

	link_header(nh, nl->device);
	return ask(nl, nh, link_drops, drops, &r);
}

void netlink_links(struct netlink *nl, mnl_cb_t each, void *data)
{
	struct nlmsghdr *nh = begin(nl, RTM_GETLINK, NLM_F_DUMP);
	struct refusal r;

	link_header(nh, 0);
	(void)ask(nl, nh, each, data, &r);
}

/* ---- routes ---- */

static struct nlmsghdr *route_request(struct netlink *nl, uint16_t type, uint16_t flags,
				      const struct prefix *p, const struct ip6_addr *gateway)
{
	struct nlmsghdr *nh = begin(nl, type, (uint16_t)(NLM_F_ACK | flags));
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nh, sizeof(*rtm));

	*rtm = (struct rtmsg){
		.rtm_family = AF_INET6, .rtm_dst_len = p->len, .rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC, .rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};
	mnl_attr_put(nh, RTA_DST, sizeof(p->addr), &p->addr);
	if (gateway)
		mnl_attr_put(nh, RTA_GATEWAY, sizeof(*gateway), gateway);
	mnl_attr_put_u32(nh, RTA_OIF, nl->device);
	return nh;
}

static uint32_t route_index(const struct netlink *nl, const struct prefix *p)
{
	uint32_t i = 0;

	while (i < nl->routes && (nl->route[i].prefix.len != p->len ||
				  !addr_eq(&nl->route[i].prefix.addr, &p->addr)))
		i++;
	return i;
}

/* Of the tunnel prefix that came last: while one follows another there are two. */
static struct ip6_addr gateway(const struct netlink *nl)
{
	for (uint32_t i = nl->routes; i-- > 0;) {
		if (!addr_is_unspecified(&nl->route[i].pop))
			return nl->route[i].pop;
	}
	return (struct ip6_addr){ { 0 } };
}

static int route_failed(struct why *why, const char *what, const struct prefix *p,
			const struct refusal *r)
{
	char text[PREFIX_TEXT_MAX];

	if (r->error == EEXIST)
		return why_say(why, -r->error, "the kernel already has a route for %s: remove it "
			       "(ip -6 route show %s)", prefix_text(p, text), text);
	return why_say(why, -r->error, "the kernel does not %s the route %s dev " HOST_DEVICE
		       ": %s", what, prefix_text(p, text), r->text);
}

/* Whether it is there or not: afterwards it leads to us. */
static int route_put(struct netlink *nl, const struct prefix *p, uint16_t flags, struct why *why)
{
	const struct ip6_addr gw = gateway(nl);
	bool direct = addr_is_unspecified(&gw) || (p->len == 128 && addr_eq(&p->addr, &gw));
	struct refusal r;

	flags |= NLM_F_CREATE;
	if (ask(nl, route_request(nl, RTM_NEWROUTE, flags, p, direct ? NULL : &gw), NULL, NULL, &r) < 0)
		return route_failed(why, "take", p, &r);
	return 0;
}

/* Without naming the gateway: it may have been another when the route was made. */
static int route_drop(struct netlink *nl, const struct prefix *p, struct why *why)
{
	struct refusal r;

	/* Gone already (somebody took the device down and up) is as good. */
	if (ask(nl, route_request(nl, RTM_DELROUTE, 0, p, NULL), NULL, NULL, &r) < 0 &&
	    r.error != ESRCH)
		return route_failed(why, "remove", p, &r);
	return 0;
}

/* What leads to us, whether it is there or not; to the gateway first. */
static int routes_put(struct netlink *nl, struct why *why)
{
	struct prefix host = { .addr = gateway(nl), .len = 128 };
	int error = 0;

	if (!addr_is_unspecified(&host.addr))
		error = route_put(nl, &host, NLM_F_REPLACE, why);
	for (uint32_t i = 0; i < nl->routes && !error; i++)
		error = route_put(nl, &nl->route[i].prefix, NLM_F_REPLACE, why);
	return error;
}

/*
 * The list has changed, and the gateway with it, if it is not @before any more: the routes go
 * by way of the new one. @left: the PoP's address of which no prefix is there any more
 */
static int gateway_moved(struct netlink *nl, const struct ip6_addr *before,
			 const struct ip6_addr *left, struct why *why)
{
	struct ip6_addr now = gateway(nl);
	int error = addr_eq(&now, before) ? 0 : routes_put(nl, why);

	if (!error && !addr_is_unspecified(left))
		error = route_drop(nl, &(struct prefix){ .addr = *left, .len = 128 }, why);
	return error;
}

static int pop_set(struct netlink *nl, uint32_t i, const struct ip6_addr *pop, struct why *why)
{
	const struct ip6_addr had = nl->route[i].pop, before = gateway(nl);

	nl->route[i].pop = *pop;
	return addr_eq(&had, pop) ? 0 : gateway_moved(nl, &before, &had, why);
}

/* @had: what the prefix was before; NULL: it is new. What the kernel refuses now is lost. */
static void route_undo(struct netlink *nl, uint32_t i, const struct ip6_addr *had)
{
	struct why unsaid;

	if (had)
		(void)pop_set(nl, i, had, &unsaid);
	else
		(void)netlink_route_remove(nl, &nl->route[i].prefix, &unsaid);
}

int netlink_route_put(struct netlink *nl, const struct prefix *p, const struct ip6_addr *pop,
		      struct why *why)
{
	const struct ip6_addr want = pop ? *pop : (struct ip6_addr){ { 0 } };
	uint32_t i = route_index(nl, p);
	bool is_new = i == nl->routes;
	struct ip6_addr had;
	int error = 0;

	if (nl->no_ip6)
		return 0;
	if (i == ROUTES_MAX)
		return why_say(why, -ENOSPC, "more than %d prefixes", ROUTES_MAX);
	if (is_new) {
		error = route_put(nl, p, NLM_F_EXCL, why);
		if (error)
			return error;
		nl->route[nl->routes++] = (struct netlink_route){ .prefix = *p };
	}
	had = nl->route[i].pop;
	error = pop_set(nl, i, &want, why);
	if (error)
		route_undo(nl, i, is_new ? NULL : &had);
	return error;
}

bool netlink_routes_back(struct netlink *nl)
{
	const struct ip6_addr gw = gateway(nl);
	const struct ip6_addr *to = addr_is_unspecified(&gw) ? &nl->route[0].prefix.addr : &gw;
	struct why unsaid;

	if (nl->no_ip6 || nl->routes == 0)
		return false;
	if (netlink_towards(nl, to) == nl->device) {
		nl->overruled = false;
		return false;
	}
	if (nl->overruled)
		return false;
	/* refused as long as the device is down: pop why says that */
	if (routes_put(nl, &unsaid) < 0)
		return false;
	nl->overruled = netlink_towards(nl, to) != nl->device;
	return !nl->overruled;
}

int netlink_route_remove(struct netlink *nl, const struct prefix *p, struct why *why)
{
	const struct ip6_addr before = gateway(nl);
	uint32_t i = route_index(nl, p);
	struct ip6_addr left;
	int error, moved;

	if (i == nl->routes)
		return 0;
	error = route_drop(nl, p, why);
	left = nl->route[i].pop;
	nl->routes--;
	memmove(&nl->route[i], &nl->route[i + 1], (nl->routes - i) * sizeof(nl->route[0]));
	moved = gateway_moved(nl, &before, &left, why);
	return error ? error : moved;
}

/* ---- addresses ---- */

struct address_list {
	struct ip6_addr	*list;
	unsigned int	n, max;
};

static int find_address(const struct nlattr *attr, void *data)
{
	const struct nlattr **best = data;
	uint16_t type = mnl_attr_get_type(attr);

	/* On a point-to-point link ADDRESS is the other end and LOCAL is ours. */
	if (type == IFA_LOCAL || (type == IFA_ADDRESS && !*best))
		*best = attr;
	return MNL_CB_OK;
}

static int add_address(const struct nlmsghdr *nh, void *data)
{
	struct address_list *l = data;
	const struct nlattr *attr = NULL;
	struct ip6_addr a;

	if (nh->nlmsg_type != RTM_NEWADDR || l->n == l->max)
		return MNL_CB_OK;
	(void)mnl_attr_parse(nh, sizeof(struct ifaddrmsg), find_address, (void *)&attr);
	if (!attr)
		return MNL_CB_OK;
	if (mnl_attr_get_payload_len(attr) == sizeof(struct ip4_addr)) {
		struct ip4_addr four;

		memcpy(&four, mnl_attr_get_payload(attr), sizeof(four));
		a = addr_from_ip4_wire(&four);
	} else if (mnl_attr_get_payload_len(attr) == sizeof(a)) {
		memcpy(&a, mnl_attr_get_payload(attr), sizeof(a));
	} else {
		return MNL_CB_OK;
	}
	/* loopback, link-local: nobody can reach those from outside */
	if (!addr_is_bad_endpoint(&a))
		l->list[l->n++] = a;
	return MNL_CB_OK;
}

unsigned int netlink_addresses(struct netlink *nl, struct ip6_addr *list, unsigned int max)
{
	struct nlmsghdr *nh = begin(nl, RTM_GETADDR, NLM_F_DUMP);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nh, sizeof(*ifa));
	struct address_list l = { .list = list, .max = max };
	struct refusal r;

	memset(ifa, 0, sizeof(*ifa));
	ifa->ifa_family = AF_UNSPEC;
	(void)ask(nl, nh, add_address, &l, &r);
	return l.n;
}
