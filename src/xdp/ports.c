#include "xdp/ports.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <string.h>
#include <stdio.h>
#include <unistd.h>
#include "xdp/clsact.h"
#include "xdp/links.h"

_Static_assert((int)FASTPATH_MAX <= (int)FAST_PORTS_MAX, "every interface is a port");

void ports_init(struct ports *p, struct sync *sync, struct sockets *sockets, struct netlink *nl,
		const struct say *say)
{
	*p = (struct ports){ .sync = sync, .sockets = sockets, .netlink = nl, .say = say };
}

/* ---- one interface ---- */

static const struct {
	const char	*name, *program;
} modes[] = {
	[FASTPATH_ANY]		= { "", "" },
	[FASTPATH_NATIVE]	= { "native", "native XDP" },
	[FASTPATH_GENERIC]	= { "generic", "generic XDP" },
	[FASTPATH_TC]		= { "tc", "TC" },
	[FASTPATH_CLSACT]	= { "clsact", "TC filter" },
};

const char *ports_mode(enum fastpath_mode m)
{
	return modes[m].name;
}

/* Linux 6.6; the headers and the libbpf we build with may be older. */
#define TCX_INGRESS	46

/* Stands for a link: the program, which goes on living in the filter alone otherwise. */
static int filter_on(const struct ports *p, struct port *t, uint32_t ifindex)
{
	int program = xdp_program_clsact(p->sync->x);
	int error = clsact_attach(p->netlink, ifindex, program, &t->made);
	int fd;

	if (error)
		return error;
	fd = fcntl(program, F_DUPFD_CLOEXEC, 0);
	error = -errno;
	if (fd < 0)
		clsact_detach(p->netlink, ifindex, t->made);
	return fd < 0 ? error : fd;
}

static void unlink_from(const struct ports *p, struct port *t)
{
	if (t->mode == FASTPATH_CLSACT)
		clsact_detach(p->netlink, t->ifindex, t->made);
	close(t->link);
	t->link = -1;
}

static int link_to(const struct ports *p, struct port *t, uint32_t ifindex, enum fastpath_mode mode)
{
	LIBBPF_OPTS(bpf_link_create_opts, o,
		    .flags = mode == FASTPATH_GENERIC ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
	struct xdp *x = p->sync->x;
	int fd;

	if (mode == FASTPATH_CLSACT)
		return filter_on(p, t, ifindex);
	fd = mode == FASTPATH_TC ?
		 bpf_link_create(xdp_program_tc(x), (int)ifindex, (enum bpf_attach_type)TCX_INGRESS,
				 NULL) :
		 bpf_link_create(xdp_program(x), (int)ifindex, BPF_XDP, &o);

	return fd < 0 ? -errno : fd;
}

static int refused(struct port *t, enum fastpath_mode mode, int error, struct why *why)
{
	const char *name = t->want.name, *how = modes[mode].program;

	if (error == -EPERM)
		return why_say(why, error, "not allowed to attach a program to %s (the capability "
			       "CAP_NET_ADMIN is missing, or on a kernel before 6.0 CAP_BPF: then name it "
			       "in the configuration and restart)", name);
	if (mode == FASTPATH_TC && error == -EINVAL)
		return why_say(why, error, "this kernel attaches a TC program to %s by a filter only "
			       "(Linux 6.6 has links): name it %s/clsact", name, name);
	switch (-error) {
	case EOPNOTSUPP:
		return why_say(why, error, "the driver of %s takes no %s program (%s/generic works "
			       "with every driver, and is slower)", name, how, name);
	case EBUSY:
	case EEXIST:
		return why_say(why, error, "%s has another XDP program already (ip link show dev %s)",
			       name, name);
	case EINVAL:
	case ERANGE:
	case E2BIG:
		return why_say(why, error, "the driver of %s refuses the %s program: %s (its MTU, "
			       "queues or offloads may be too much for XDP; see dmesg)", name, how,
			       strerror(-error));
	default:
		return why_say(why, error, "cannot attach the %s program to %s: %s", how, name,
			       strerror(-error));
	}
}

/*
 * What is tried, in this order; an explicit mode is that one alone. A veth loses frames that
 * XDP sends it while its other end does not poll, and carries super-packets, which only TC
 * leaves whole: TC goes first there.
 */
struct step {
	enum fastpath_mode	mode;
	const char		*why;
};

static const struct step ladder[] = {
	{ FASTPATH_NATIVE, "the driver can" },
	{ FASTPATH_GENERIC, "the driver has no native XDP" },
	{ FASTPATH_TC, "the driver takes no XDP" },
	{ FASTPATH_CLSACT, "the driver takes no XDP, and this kernel has no links for TC" },
};

static const struct step ladder_veth[] = {
	{ FASTPATH_TC, "a veth: super-packets stay whole, and its other end need not poll" },
	{ FASTPATH_CLSACT, "a veth: super-packets stay whole; this kernel has no links for TC" },
	{ FASTPATH_NATIVE, "a veth, and this kernel has no TC for it" },
	{ FASTPATH_GENERIC, "a veth, and this kernel has neither TC nor native XDP for it" },
};

/* Another rung may help; another program, or a missing right, is the same for all of them. */
static bool goes_on(enum fastpath_mode mode, int error)
{
	return error == -EOPNOTSUPP || (mode == FASTPATH_TC && error == -EINVAL);
}

static int climb(const struct ports *p, struct port *t, const struct link *l,
		 const struct step *step, size_t steps)
{
	int fd = -EOPNOTSUPP;

	for (size_t i = 0; i < steps; i++) {
		t->mode = step[i].mode;
		snprintf(t->why, sizeof(t->why), "%s", step[i].why);
		fd = link_to(p, t, l->ifindex, t->mode);
		if (!goes_on(t->mode, fd))
			break;
	}
	return fd;
}

static bool is_tc(const struct port *t)
{
	return t->mode == FASTPATH_TC || t->mode == FASTPATH_CLSACT;
}

static void tell_on(const struct ports *p, const struct port *t)
{
	const struct fact facts[] = { { "INTERFACE", t->want.name },
				      { "MODE", modes[t->mode].name }, { "REASON", t->why } };

	host_say_facts(p->say, LOGGED_FASTPATH_ON, facts, ARRAY_LEN(facts), "fast path: %s, %s (%s)",
		       t->want.name, modes[t->mode].program, t->why);
}

static int kind_ok(const struct link *l, struct why *why)
{
	if (l->ethernet && !l->vlan)
		return 0;
	return why_say(why, -EINVAL, "%s is %s: name %s", l->name,
		       l->vlan ? "a VLAN" : "no Ethernet interface",
		       l->vlan ? "the interface it is on, and its frames are seen there" :
		       "one that is");
}

static int attach(struct ports *p, struct port *t, const struct link *l, struct why *why)
{
	const struct step wanted = { t->want.mode, "as configured" };
	int fd = kind_ok(l, why);

	if (fd < 0)
		return fd;
	if (t->want.mode != FASTPATH_ANY)
		fd = climb(p, t, l, &wanted, 1);
	else if (l->veth && xdp_tc_takes_off(p->sync->x))
		fd = climb(p, t, l, ladder_veth, ARRAY_LEN(ladder_veth));
	else
		fd = climb(p, t, l, ladder, ARRAY_LEN(ladder));
	if (fd < 0)
		return refused(t, t->mode, fd, why);
	t->link = fd;
	t->ifindex = l->ifindex;
	p->moved = true;
	t->since_s = host_wall().s;
	if (is_tc(t) && !xdp_tc_takes_off(p->sync->x))
		snprintf(t->why + strlen(t->why), sizeof(t->why) - strlen(t->why),
			 "; only into tunnels, on this kernel");
	tell_on(p, t);
	return 0;
}

static void detach(const struct ports *p, struct port *t, const char *why)
{
	const struct fact facts[] = { { "INTERFACE", t->want.name }, { "REASON", why } };

	if (t->link < 0)
		return;
	unlink_from(p, t);
	host_say_facts(p->say, LOGGED_FASTPATH_OFF, facts, ARRAY_LEN(facts),
		       "fast path: %s is off (%s)", t->want.name, why);
	t->ifindex = 0;
}

/* Return: 0 also when it is not there and may come */
static int try_attach(struct ports *p, struct port *t, struct why *why)
{
	struct link l;

	if (links_find(p->netlink, t->want.name, &l))
		return attach(p, t, &l, why);
	snprintf(t->why, sizeof(t->why), "there is no such interface yet");
	return 0;
}

/* ---- what the programs see ---- */

struct table_build {
	const struct ports	*ports;
	struct fast_port	port[FAST_PORTS_MAX];
	uint32_t		n;
};

static const struct port *attached_to(const struct ports *p, uint32_t ifindex)
{
	for (unsigned int i = 0; i < p->n; i++) {
		if (p->port[i].link >= 0 && p->port[i].ifindex == ifindex)
			return &p->port[i];
	}
	return NULL;
}

static bool any_native(const struct ports *p)
{
	for (unsigned int i = 0; i < p->n; i++) {
		if (p->port[i].link >= 0 && p->port[i].mode == FASTPATH_NATIVE)
			return true;
	}
	return false;
}

/*
 * A driver without native XDP takes no frames from it either, and what it is sent is gone without
 * a word. Generic XDP sends as the stack does, so where all are generic every port may be an exit.
 */
static int exit_flags(const struct ports *p, const struct port *t)
{
	if (is_tc(t))
		return FAST_PORT_NO_EXIT;
	if (t->mode != FASTPATH_GENERIC)
		return 0;
	return any_native(p) ? FAST_PORT_NO_EXIT : FAST_PORT_GENERIC;
}

static void add_port(void *context, const struct link *l)
{
	struct table_build *b = context;
	uint32_t device = l->vlan ? l->parent : l->ifindex;
	const struct port *t = attached_to(b->ports, device);
	int flags = 0;

	if (!l->up || b->n == FAST_PORTS_MAX || !t)
		return;
	if (link_forwards("ipv6", l->name))
		flags |= FAST_PORT_FORWARDS6;
	flags |= exit_flags(b->ports, t);
	b->port[b->n] = (struct fast_port){
		.ifindex = l->ifindex, .device = device, .vlan = l->vlan,
		.mtu_bytes = l->mtu_bytes,
		.flags = (uint16_t)flags,
	};
	memcpy(b->port[b->n++].mac, l->mac, sizeof(l->mac));
}

static void renew_table(struct ports *p)
{
	struct fast_head *h = xdp_head(p->sync->x);
	struct table_build b = { .ports = p };

	links_each(p->netlink, add_port, &b);
	if (!p->moved && b.n == h->ports && memcmp(b.port, h->port, sizeof(b.port)) == 0)
		return;
	sync_pause(p->sync);
	for (uint32_t i = 0; i < b.n; i++) {
		if (xdp_set_exit(p->sync->x, i, b.port[i].device) < 0)
			b.port[i].flags |= FAST_PORT_NO_EXIT;
	}
	p->moved = false;
	memcpy(h->port, b.port, sizeof(b.port));
	h->ports = b.n;
	h->tun = p->netlink->device;
	sockets_renew(p->sockets);
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

/* What can be seen from the names alone: before any of them is touched. */
static int names_ok(struct ports *p, const struct fastpath_conf *f, bool strict, struct why *why)
{
	for (uint32_t i = 0; i < f->ports; i++) {
		const char *name = f->port[i].name;
		struct link l;
		int error = 0;

		if (find(p, &f->port[i]))
			continue;
		if (links_find(p->netlink, name, &l))
			error = kind_ok(&l, why);
		else if (strict)
			error = why_say(why, -ENODEV, "there is no interface %s", name);
		if (error)
			return error;
	}
	return 0;
}

/* Attach what is new, beside what is there. A mode that changes: the old one has to go first. */
static int attach_new(struct ports *p, const struct fastpath_conf *f, struct port *next,
		      struct why *why)
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
		error = try_attach(p, &next[i], why);
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
	int error = names_ok(p, f, strict, why);

	if (!error)
		error = attach_new(p, f, next, why);
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

static void tell_refused(const struct ports *p, const struct port *t, const char *why)
{
	const struct fact facts[] = { { "INTERFACE", t->want.name }, { "REASON", why } };

	host_say_facts(p->say, LOGGED_FASTPATH_REFUSED, facts, ARRAY_LEN(facts), "fast path: %s",
		       why);
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
			tell_refused(p, t, why.text);
			snprintf(t->why, sizeof(t->why), "%.150s", why.text);
		}
	}
	settle(p);
}

void ports_close(struct ports *p)
{
	for (unsigned int i = 0; i < p->n; i++) {
		if (p->port[i].link >= 0)
			unlink_from(p, &p->port[i]);
	}
}
