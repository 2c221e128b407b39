#include "xdp/clsact.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include "host/netlink_ask.h"

/* Which of an interface's filters is ours; the number means nothing. */
#define PREFERENCE	(0x6666u << 16)
#define HANDLE		1u

#define INGRESS		TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)
#define EGRESS		TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)

static struct nlmsghdr *request(struct netlink *nl, uint16_t type, uint16_t flags,
				struct tcmsg about)
{
	struct nlmsghdr *nh = netlink_begin(nl, type, flags);
	struct tcmsg *m = mnl_nlmsg_put_extra_header(nh, sizeof(*m));

	*m = about;
	m->tcm_family = AF_UNSPEC;
	return nh;
}

static struct tcmsg qdisc(uint32_t ifindex)
{
	return (struct tcmsg){ .tcm_ifindex = (int)ifindex, .tcm_parent = TC_H_CLSACT,
			       .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0) };
}

static struct tcmsg filter(uint32_t ifindex)
{
	return (struct tcmsg){ .tcm_ifindex = (int)ifindex, .tcm_parent = INGRESS,
			       .tcm_handle = HANDLE,
			       .tcm_info = TC_H_MAKE(PREFERENCE, htons(ETH_P_ALL)) };
}

static int add_qdisc(struct netlink *nl, uint32_t ifindex, bool *made)
{
	struct nlmsghdr *nh = request(nl, RTM_NEWQDISC, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
				      qdisc(ifindex));
	int error;

	mnl_attr_put_strz(nh, TCA_KIND, "clsact");
	error = netlink_ask(nl, nh, NULL, NULL);
	*made = error == 0;
	return error == -EEXIST ? 0 : error;
}

static int add_filter(struct netlink *nl, uint32_t ifindex, int program)
{
	struct nlmsghdr *nh = request(nl, RTM_NEWTFILTER, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
				      filter(ifindex));
	struct nlattr *options;

	mnl_attr_put_strz(nh, TCA_KIND, "bpf");
	options = mnl_attr_nest_start(nh, TCA_OPTIONS);
	mnl_attr_put_u32(nh, TCA_BPF_FD, (uint32_t)program);
	mnl_attr_put_strz(nh, TCA_BPF_NAME, "sixxsd");
	mnl_attr_put_u32(nh, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	mnl_attr_nest_end(nh, options);
	return netlink_ask(nl, nh, NULL, NULL);
}

int clsact_attach(struct netlink *nl, uint32_t ifindex, int program, bool *made)
{
	int error = add_qdisc(nl, ifindex, made);

	if (error)
		return error;
	error = add_filter(nl, ifindex, program);
	if (error)
		clsact_detach(nl, ifindex, *made);
	return error;
}

/* ---- whose filters ---- */

static int look_at_filter(const struct nlmsghdr *nh, void *data)
{
	struct tcmsg m;

	if (nh->nlmsg_type != RTM_NEWTFILTER || mnl_nlmsg_get_payload_len(nh) < sizeof(m))
		return MNL_CB_OK;
	memcpy(&m, mnl_nlmsg_get_payload(nh), sizeof(m));
	if (TC_H_MAJ(m.tcm_info) != PREFERENCE)
		*(bool *)data = true;
	return MNL_CB_OK;
}

static bool any_on(struct netlink *nl, uint32_t ifindex, uint32_t parent)
{
	struct tcmsg m = { .tcm_ifindex = (int)ifindex, .tcm_parent = parent };
	bool any = false;

	/* not known: then there may be */
	return netlink_ask(nl, request(nl, RTM_GETTFILTER, NLM_F_DUMP, m), look_at_filter, &any) < 0 ||
	       any;
}

bool clsact_has_others(struct netlink *nl, uint32_t ifindex)
{
	return any_on(nl, ifindex, INGRESS) || any_on(nl, ifindex, EGRESS);
}

/* The interface may be gone, and all of it with it: nobody needs to know. */
void clsact_detach(struct netlink *nl, uint32_t ifindex, bool made)
{
	(void)netlink_ask(nl, request(nl, RTM_DELTFILTER, NLM_F_ACK, filter(ifindex)), NULL, NULL);
	if (made && !clsact_has_others(nl, ifindex))
		(void)netlink_ask(nl, request(nl, RTM_DELQDISC, NLM_F_ACK, qdisc(ifindex)), NULL, NULL);
}
