#include "xdp/guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "host/netlink_ask.h"
#include "xdp/clsact.h"
#include "xdp/links.h"

/* ---- nftables, and iptables on top of it ---- */

/* What the kernel calls them; NF_INET_INGRESS and NF_NETDEV_EGRESS are newer than some headers. */
enum { INET_INGRESS = 5, NETDEV_INGRESS = 0, NETDEV_EGRESS = 1 };

struct chain {
	const struct nlattr	*table, *name, *hook;
	uint32_t		rules;
	uint32_t		policy;
};

static uint32_t be32_of(const struct nlattr *attr)
{
	return mnl_attr_validate(attr, MNL_TYPE_U32) < 0 ? 0 : ntohl(mnl_attr_get_u32(attr));
}

static int take_chain_attr(const struct nlattr *attr, void *data)
{
	struct chain *c = data;

	switch (mnl_attr_get_type(attr)) {
	case NFTA_CHAIN_TABLE:
		c->table = attr;
		break;
	case NFTA_CHAIN_NAME:
		c->name = attr;
		break;
	case NFTA_CHAIN_HOOK:
		c->hook = attr;
		break;
	case NFTA_CHAIN_USE:
		c->rules = be32_of(attr);
		break;
	case NFTA_CHAIN_POLICY:
		c->policy = be32_of(attr);
		break;
	default:	/* not our enum: the kernel's attributes */
		break;
	}
	return MNL_CB_OK;
}

static int take_hook_number(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == NFTA_HOOK_HOOKNUM)
		*(uint32_t *)data = be32_of(attr);
	return MNL_CB_OK;
}

/* Return: the hook's name if forwarded packets meet it, or NULL */
static const char *hook_name(uint8_t family, uint32_t hook)
{
	if (family == NFPROTO_NETDEV)
		return hook == NETDEV_INGRESS ? "ingress" : hook == NETDEV_EGRESS ? "egress" : NULL;
	if (family != NFPROTO_INET && family != NFPROTO_IPV4 && family != NFPROTO_IPV6)
		return NULL;
	switch (hook) {
	case NF_INET_PRE_ROUTING:
		return "prerouting";
	case NF_INET_FORWARD:
		return "forward";
	case NF_INET_POST_ROUTING:
		return "postrouting";
	case INET_INGRESS:
		return "ingress";
	default:	/* not our enum: netfilter's hooks; the others see only the host's own */
		return NULL;
	}
}

static const char *string_of(const struct nlattr *attr)
{
	return attr && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0 ? mnl_attr_get_str(attr) : "?";
}

/* A chain without rules that lets everything pass looks at nothing. */
static int look_at_chain(const struct nlmsghdr *nh, void *data)
{
	struct objection *o = data;
	struct chain c = { .policy = NF_ACCEPT };
	struct nfgenmsg m;
	uint32_t hook = UINT32_MAX;
	const char *name;

	if (o->text[0] || mnl_nlmsg_get_payload_len(nh) < sizeof(m))
		return MNL_CB_OK;
	memcpy(&m, mnl_nlmsg_get_payload(nh), sizeof(m));
	(void)mnl_attr_parse(nh, sizeof(m), take_chain_attr, &c);
	if (!c.hook || (c.rules == 0 && c.policy == NF_ACCEPT))
		return MNL_CB_OK;
	(void)mnl_attr_parse_nested(c.hook, take_hook_number, &hook);
	name = hook_name(m.nfgen_family, hook);
	if (name)
		snprintf(o->text, sizeof(o->text), "nftables has rules in hook %s (table %.40s, chain "
			 "%.40s)", name, string_of(c.table), string_of(c.name));
	return MNL_CB_OK;
}

/* Return: 0 or -errno: then nothing will be answered */
static int ask_for_chains(struct guard *g)
{
	struct nlmsghdr *nh = mnl_nlmsg_put_header(g->buffer);
	struct nfgenmsg *m;

	nh->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN;
	nh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nh->nlmsg_seq = ++g->seq;
	m = mnl_nlmsg_put_extra_header(nh, sizeof(*m));
	*m = (struct nfgenmsg){ .nfgen_family = NFPROTO_UNSPEC, .version = NFNETLINK_V0 };
	return mnl_socket_sendto(g->rules, nh, nh->nlmsg_len) < 0 ? -errno : 0;
}

/* Return: 1 and more to come, 0 at the end, -errno */
static int take_chains(struct guard *g, ssize_t got, struct objection *o)
{
	const struct nlmsghdr *nh = (const void *)g->buffer;
	int left = (int)got;

	for (; mnl_nlmsg_ok(nh, left); nh = mnl_nlmsg_next(nh, &left)) {
		if (nh->nlmsg_seq != g->seq)
			continue;
		if (nh->nlmsg_type == NLMSG_DONE)
			return 0;
		if (nh->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(nh);

			return mnl_nlmsg_get_payload_len(nh) < sizeof(*e) ? -EBADMSG : e->error;
		}
		(void)look_at_chain(nh, o);
	}
	return 1;
}

static int look_at_chains(struct guard *g, struct objection *o)
{
	int error = ask_for_chains(g), r = 1;

	if (error)
		return error;
	while (r > 0) {
		ssize_t got = mnl_socket_recvfrom(g->rules, g->buffer, sizeof(g->buffer));

		if (got < 0 && errno == EINTR)
			continue;
		r = got < 0 ? -errno : take_chains(g, got, o);
	}
	return r;
}

/* ---- iptables of old: its tables exist as soon as anybody looked at them ---- */

static bool has_legacy(struct objection *o)
{
	static const char *const modules[] = {
		"ip6table_filter", "ip6table_mangle", "ip6table_raw", "ip6table_nat",
		"iptable_filter", "iptable_mangle", "iptable_raw", "iptable_nat",
	};

	for (size_t i = 0; i < ARRAY_LEN(modules); i++) {
		char path[64];

		snprintf(path, sizeof(path), "/sys/module/%s", modules[i]);
		if (access(path, F_OK) < 0)
			continue;
		snprintf(o->text, sizeof(o->text), "iptables may have rules (the kernel module %s is "
			 "loaded)", modules[i]);
		return true;
	}
	return false;
}

bool guard_rules(struct guard *g, struct objection *o)
{
	int error;

	o->text[0] = '\0';
	if (has_legacy(o))
		return true;
	if (!g->rules)
		return false;
	error = look_at_chains(g, o);
	/* EINVAL: netfilter is there, nftables is not */
	if (error < 0 && error != -EINVAL && error != -EOPNOTSUPP && !o->text[0])
		snprintf(o->text, sizeof(o->text), "nftables does not say what rules it has: %s",
			 strerror(-error));
	return o->text[0];
}

/* ---- queueing disciplines ---- */

struct queues {
	const struct fastpath_conf	*conf;
	uint32_t			ifindex[FASTPATH_MAX];
	bool				clsact[FASTPATH_MAX];	/* whose filters are to be looked at */
	char				usual[32];	/* what this host gives every interface */
	struct objection		*o;
};

static int find_kind(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == TCA_KIND && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
		*(const char **)data = mnl_attr_get_str(attr);
	return MNL_CB_OK;
}

static bool is_usual_queue(const struct queues *q, const char *kind)
{
	static const char *const usual[] = { "noqueue", "fq_codel", "pfifo_fast", "mq" };

	for (size_t i = 0; i < ARRAY_LEN(usual); i++) {
		if (strcmp(kind, usual[i]) == 0)
			return true;
	}
	return strcmp(kind, q->usual) == 0;
}

static int look_at_queue(const struct nlmsghdr *nh, void *data)
{
	struct queues *q = data;
	const char *kind = "";
	struct tcmsg m;

	if (nh->nlmsg_type != RTM_NEWQDISC || mnl_nlmsg_get_payload_len(nh) < sizeof(m))
		return MNL_CB_OK;
	memcpy(&m, mnl_nlmsg_get_payload(nh), sizeof(m));
	(void)mnl_attr_parse(nh, sizeof(m), find_kind, &kind);
	if (q->o->text[0] || is_usual_queue(q, kind))
		return MNL_CB_OK;
	for (uint32_t i = 0; i < q->conf->ports; i++) {
		if (q->ifindex[i] != (uint32_t)m.tcm_ifindex)
			continue;
		if (strcmp(kind, "clsact") == 0)
			q->clsact[i] = true;
		else
			snprintf(q->o->text, sizeof(q->o->text), "%s has the queueing discipline %.30s",
				 q->conf->port[i].name, kind);
	}
	return MNL_CB_OK;
}

static void read_usual(char usual[32])
{
	int fd = open("/proc/sys/net/core/default_qdisc", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, usual, 31);

	if (fd >= 0)
		close(fd);
	usual[n < 0 ? 0 : n] = '\0';
	usual[strcspn(usual, "\n")] = '\0';
}

bool guard_queues(struct netlink *nl, const struct fastpath_conf *f, struct objection *o)
{
	struct queues q = { .conf = f, .o = o };
	struct nlmsghdr *nh;
	struct tcmsg *m;

	o->text[0] = '\0';
	read_usual(q.usual);
	for (uint32_t i = 0; i < f->ports; i++) {
		struct link l = { .ifindex = 0 };

		if (links_find(nl, f->port[i].name, &l))
			q.ifindex[i] = l.ifindex;
	}
	nh = netlink_begin(nl, RTM_GETQDISC, NLM_F_DUMP);
	m = mnl_nlmsg_put_extra_header(nh, sizeof(*m));
	memset(m, 0, sizeof(*m));
	if (netlink_ask(nl, nh, look_at_queue, &q) < 0 && !o->text[0])
		snprintf(o->text, sizeof(o->text), "the kernel does not say what queueing disciplines "
			 "there are");
	for (uint32_t i = 0; i < f->ports && !o->text[0]; i++) {
		if (q.clsact[i] && clsact_has_others(nl, q.ifindex[i]))
			snprintf(o->text, sizeof(o->text), "%s has filters (tc filter show dev %s "
				 "ingress; and egress)", f->port[i].name, f->port[i].name);
	}
	return o->text[0];
}

/* ---- where the default routes go ---- */

struct ways {
	uint32_t	ifindex[FASTPATH_MAX];
	uint32_t	n;
	bool		more;		/* than fit */
};

static void add_way(struct ways *w, uint32_t ifindex)
{
	for (uint32_t i = 0; i < w->n; i++) {
		if (w->ifindex[i] == ifindex)
			return;
	}
	w->more = w->more || w->n == FASTPATH_MAX;
	if (w->n < FASTPATH_MAX)
		w->ifindex[w->n++] = ifindex;
}

static void add_ways(struct ways *w, const struct nlattr *attr)
{
	const struct rtnexthop *h = mnl_attr_get_payload(attr);
	int left = mnl_attr_get_payload_len(attr);

	while (RTNH_OK(h, left)) {
		int step = RTNH_ALIGN(h->rtnh_len);

		add_way(w, (uint32_t)h->rtnh_ifindex);
		h = (const void *)((const char *)h + step);
		left -= step;
	}
}

static int take_way(const struct nlattr *attr, void *data)
{
	uint32_t ifindex;

	if (mnl_attr_get_type(attr) == RTA_MULTIPATH)
		add_ways(data, attr);
	if (mnl_attr_get_type(attr) != RTA_OIF || mnl_attr_get_payload_len(attr) < sizeof(ifindex))
		return MNL_CB_OK;
	memcpy(&ifindex, mnl_attr_get_payload(attr), sizeof(ifindex));
	add_way(data, ifindex);
	return MNL_CB_OK;
}

static int look_at_route(const struct nlmsghdr *nh, void *data)
{
	struct rtmsg m;

	if (nh->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(nh) < sizeof(m))
		return MNL_CB_OK;
	memcpy(&m, mnl_nlmsg_get_payload(nh), sizeof(m));
	if (m.rtm_dst_len == 0 && m.rtm_table == RT_TABLE_MAIN && m.rtm_type == RTN_UNICAST &&
	    !(m.rtm_flags & RTM_F_CLONED))
		(void)mnl_attr_parse(nh, sizeof(m), take_way, data);
	return MNL_CB_OK;
}

static void find_ways(struct netlink *nl, uint8_t family, struct ways *w)
{
	struct nlmsghdr *nh = netlink_begin(nl, RTM_GETROUTE, NLM_F_DUMP);
	struct rtmsg *m = mnl_nlmsg_put_extra_header(nh, sizeof(*m));

	memset(m, 0, sizeof(*m));
	m->rtm_family = family;
	(void)netlink_ask(nl, nh, look_at_route, w);
}

struct naming {
	struct ways		*ways;
	struct ways		devices;	/* VLANs replaced by what they are on */
	struct fastpath_conf	*conf;
};

static void name_devices(void *context, const struct link *l)
{
	struct naming *n = context;

	for (uint32_t i = 0; i < n->ways->n; i++) {
		if (n->ways->ifindex[i] == l->ifindex && l->ethernet)
			add_way(&n->devices, l->vlan ? l->parent : l->ifindex);
	}
}

static void name_ports(void *context, const struct link *l)
{
	struct naming *n = context;
	struct fastpath_conf *f = n->conf;

	for (uint32_t i = 0; i < n->devices.n; i++) {
		if (n->devices.ifindex[i] != l->ifindex || f->ports == FASTPATH_MAX)
			continue;
		f->port[f->ports] = (struct fastpath_port){ .mode = FASTPATH_ANY };
		memcpy(f->port[f->ports++].name, l->name, sizeof(l->name));
	}
}

bool guard_choose(struct netlink *nl, struct fastpath_conf *f, struct objection *o)
{
	struct ways w = { .n = 0 };
	struct naming n = { .ways = &w, .conf = f };

	*f = (struct fastpath_conf){ .ports = 0 };
	o->text[0] = '\0';
	find_ways(nl, AF_INET, &w);
	find_ways(nl, AF_INET6, &w);
	links_each(nl, name_devices, &n);
	links_each(nl, name_ports, &n);
	if (w.more)
		snprintf(o->text, sizeof(o->text), "default routes leave through more than %d "
			 "interfaces: name those that matter", FASTPATH_MAX);
	else if (f->ports == 0)
		snprintf(o->text, sizeof(o->text), "no default route leaves through an Ethernet "
			 "interface");
	return !o->text[0];
}

/* ---- start and end ---- */

void guard_open(struct guard *g)
{
	memset(g, 0, sizeof(*g));
	g->rules = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!g->rules || mnl_socket_bind(g->rules, 0, MNL_SOCKET_AUTOPID) >= 0)
		return;
	mnl_socket_close(g->rules);
	g->rules = NULL;
}

void guard_close(struct guard *g)
{
	if (g->rules)
		mnl_socket_close(g->rules);
	g->rules = NULL;
}
