#include "xdp/ports.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <string.h>
#include <stdio.h>
#include <unistd.h>
#include "xdp/links.h"

_Static_assert((int)FASTPATH_MAX <= (int)FAST_PORTS_MAX, "every interface is a port");

void ports_init(struct ports *p, struct sync *sync, struct netlink *nl, const struct say *say)
{
	*p = (struct ports){ .sync = sync, .netlink = nl, .say = say };
}

/* ---- one interface ---- */

static const char *mode_name(enum fastpath_mode m)
{
	return m == FASTPATH_GENERIC ? "generic" : "native";
}

static int link_to(const struct ports *p, uint32_t ifindex, enum fastpath_mode mode)
{
	LIBBPF_OPTS(bpf_link_create_opts, o,
		    .flags = mode == FASTPATH_GENERIC ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
	int fd = bpf_link_create(xdp_program(p->sync->x), (int)ifindex, BPF_XDP, &o);

	return fd < 0 ? -errno : fd;
}

static int refused(struct port *t, enum fastpath_mode mode, int error, struct why *why)
{
	const char *name = t->want.name, *how = mode_name(mode);

	switch (-error) {
	case EOPNOTSUPP:
		return why_say(why, error, "the driver of %s takes no %s XDP program (%s/generic works "
			       "with every driver, and is slower)", name, how, name);
	case EBUSY:
	case EEXIST:
		return why_say(why, error, "%s has another XDP program already (ip link show dev %s)",
			       name, name);
	case EINVAL:
	case ERANGE:
	case E2BIG:
		return why_say(why, error, "the driver of %s refuses the %s XDP program: %s (its MTU, "
			       "queues or offloads may be too much for XDP; see dmesg)", name, how,
			       strerror(-error));
	case EPERM:
		return why_say(why, error, "not allowed to attach a program to %s (the capability "
			       "CAP_NET_ADMIN is missing, or on a kernel before 6.0 CAP_BPF: then name it "
			       "in the configuration and restart)", name);
	default:
		return why_say(why, error, "cannot attach the %s XDP program to %s: %s", how, name,
			       strerror(-error));
	}
}

/* The ladder: native, else generic; an explicit mode is that one alone. */
static int attach(const struct ports *p, struct port *t, const struct link *l, struct why *why)
{
	enum fastpath_mode first = t->want.mode == FASTPATH_GENERIC ? FASTPATH_GENERIC :
				   FASTPATH_NATIVE;
	int fd;

	if (!l->ethernet || l->vlan)
		return why_say(why, -EINVAL, "%s is %s: name %s", l->name,
			       l->vlan ? "a VLAN" : "no Ethernet interface",
			       l->vlan ? "the interface it is on, and its frames are seen there" :
			       "one that is");
	fd = link_to(p, l->ifindex, first);
	snprintf(t->why, sizeof(t->why), "%s", t->want.mode == FASTPATH_ANY ?
		 "the driver can" : "as configured");
	if (fd == -EOPNOTSUPP && t->want.mode == FASTPATH_ANY) {
		first = FASTPATH_GENERIC;
		fd = link_to(p, l->ifindex, first);
		snprintf(t->why, sizeof(t->why), "the driver has no native XDP");
	}
	if (fd < 0)
		return refused(t, first, fd, why);
	t->link = fd;
	t->ifindex = l->ifindex;
	t->mode = first;
	host_say(p->say, "fast path: %s, %s XDP (%s)", t->want.name, mode_name(first), t->why);
	return 0;
}

static void detach(const struct ports *p, struct port *t, const char *why)
{
	if (t->link < 0)
		return;
	close(t->link);
	host_say(p->say, "fast path: %s is off (%s)", t->want.name, why);
	t->link = -1;
	t->ifindex = 0;
}

/* Return: 0 also when it is not there and may come */
static int try_attach(const struct ports *p, struct port *t, bool strict, struct why *why)
{
	struct link l;

	if (links_find(p->netlink, t->want.name, &l))
		return attach(p, t, &l, why);
	if (strict)
		return why_say(why, -ENODEV, "there is no interface %s", t->want.name);
	snprintf(t->why, sizeof(t->why), "there is no such interface yet");
	return 0;
}

/* ---- what the programs see ---- */

struct table_build {
	const struct ports	*ports;
	struct fast_port	port[FAST_PORTS_MAX];
	uint32_t		n;
};

static bool is_attached(const struct ports *p, uint32_t ifindex)
{
	for (unsigned int i = 0; i < p->n; i++) {
		if (p->port[i].link >= 0 && p->port[i].ifindex == ifindex)
			return true;
	}
	return false;
}

static void add_port(void *context, const struct link *l)
{
	struct table_build *b = context;
	uint32_t device = l->vlan ? l->parent : l->ifindex;

	if (!l->up || b->n == FAST_PORTS_MAX || !is_attached(b->ports, device))
		return;
	b->port[b->n] = (struct fast_port){
		.ifindex = l->ifindex, .device = device, .vlan = l->vlan,
		.mtu_bytes = l->mtu_bytes,
		.flags = link_forwards("ipv6", l->name) ? FAST_PORT_FORWARDS6 : 0,
	};
	memcpy(b->port[b->n++].mac, l->mac, sizeof(l->mac));
}

static void renew_table(struct ports *p)
{
	struct fast_head *h = xdp_head(p->sync->x);
	struct table_build b = { .ports = p };

	links_each(p->netlink, add_port, &b);
	if (b.n == h->ports && memcmp(b.port, h->port, sizeof(b.port)) == 0)
		return;
	sync_pause(p->sync);
	memcpy(h->port, b.port, sizeof(b.port));
	h->ports = b.n;
	h->tun = p->netlink->device;
	sync_resume(p->sync);
}

static bool any_attached(const struct ports *p)
{
	for (unsigned int i = 0; i < p->n; i++) {
		if (p->port[i].link >= 0)
			return true;
	}
	return false;
}

static void settle(struct ports *p)
{
	renew_table(p);
	sync_switch(p->sync, any_attached(p));
}

/* ---- what the others call ---- */

static struct port *find(struct ports *p, const struct fastpath_port *want)
{
	for (unsigned int i = 0; i < p->n; i++) {
		if (memcmp(&p->port[i].want, want, sizeof(*want)) == 0)
			return &p->port[i];
	}
	return NULL;
}

static bool wants(const struct fastpath_conf *f, const char *name)
{
	for (uint32_t i = 0; i < f->ports; i++) {
		if (strcmp(f->port[i].name, name) == 0)
			return true;
	}
	return false;
}

/* Attach what is new, beside what is there. A mode that changes: the old one has to go first. */
static int attach_new(struct ports *p, const struct fastpath_conf *f, bool strict,
		      struct port *next, struct why *why)
{
	for (uint32_t i = 0; i < f->ports; i++) {
		struct port *have = find(p, &f->port[i]);
		int error;

		next[i] = (struct port){ .want = f->port[i], .link = -1 };
		if (have) {
			next[i] = *have;
			continue;
		}
		for (unsigned int n = 0; n < p->n; n++) {
			if (strcmp(p->port[n].want.name, f->port[i].name) == 0)
				detach(p, &p->port[n], "its mode changes");
		}
		error = try_attach(p, &next[i], strict, why);
		if (!error)
			continue;
		while (i-- > 0) {
			if (!find(p, &next[i].want))
				detach(p, &next[i], "another interface was refused");
		}
		ports_look(p);		/* what had to go first comes back */
		return error;
	}
	return 0;
}

int ports_set(struct ports *p, const struct fastpath_conf *f, bool strict, struct why *why)
{
	struct port next[FASTPATH_MAX];
	int error = attach_new(p, f, strict, next, why);

	if (error)
		return error;
	for (unsigned int i = 0; i < p->n; i++) {
		if (!wants(f, p->port[i].want.name))
			detach(p, &p->port[i], "configured away");
	}
	memcpy(p->port, next, f->ports * sizeof(next[0]));
	p->n = f->ports;
	settle(p);
	return 0;
}

void ports_look(struct ports *p)
{
	for (unsigned int i = 0; i < p->n; i++) {
		struct port *t = &p->port[i];
		struct link l = { .ifindex = 0 };
		struct why why;
		bool there = links_find(p->netlink, t->want.name, &l);

		if (t->link >= 0 && (!there || l.ifindex != t->ifindex))
			detach(p, t, "the interface is gone");
		if (t->link >= 0 || !there)
			continue;
		if (attach(p, t, &l, &why) < 0 && strcmp(t->why, why.text) != 0) {
			host_say(p->say, "fast path: %s", why.text);
			snprintf(t->why, sizeof(t->why), "%.150s", why.text);
		}
	}
	settle(p);
}

void ports_close(struct ports *p)
{
	for (unsigned int i = 0; i < p->n; i++) {
		if (p->port[i].link >= 0)
			close(p->port[i].link);
		p->port[i].link = -1;
	}
}
