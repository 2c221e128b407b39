#include "xdp/sockets.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- start and end ---- */

static int attach_orders(struct sockets *s, bool generic, struct why *why)
{
	LIBBPF_OPTS(bpf_link_create_opts, o,
		    .flags = generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);

	if (s->link >= 0)
		close(s->link);
	s->generic = generic;
	s->link = bpf_link_create(xdp_program_order(s->x), (int)s->index, BPF_XDP, &o);
	return s->link < 0 ? why_say(why, -errno, "the kernel takes no program on the device "
				     XSK_DEVICE ": %s", strerror(errno)) : 0;
}

static int open_all(struct sockets *s, struct netlink *nl, struct why *why)
{
	int error;

	s->sets = xsk_open(s->workers, why);
	if (!s->sets)
		return -ENOTSUP;
	for (unsigned int i = 0; i < s->workers; i++)
		s->sets[i].answer = &xdp_answers(s->x)[i];
	error = netlink_device_out(nl, XSK_DEVICE, &s->index, why);
	return error ? error : attach_orders(s, false, why);
}

void sockets_open(struct sockets *s, struct xdp *x, unsigned int workers, struct netlink *nl)
{
	struct why why = { .code = 0 };

	*s = (struct sockets){ .x = x, .workers = workers, .link = -1 };
	if (open_all(s, nl, &why) == 0)
		return;
	snprintf(s->why, sizeof(s->why), "%.150s", why.text);
	sockets_close(s);
}

void sockets_close(struct sockets *s)
{
	if (s->link >= 0)
		close(s->link);
	s->link = -1;
	xsk_close(s->sets, s->workers);
	s->sets = NULL;
}

/* ---- which queue ---- */

struct found {
	unsigned int	worker, socket;
};

/* @device 0: one that is free */
static bool find_in(const struct sockets *s, unsigned int worker, uint32_t device, uint32_t queue,
		    struct found *f)
{
	for (unsigned int i = 0; i < XSK_SOCKETS; i++) {
		const struct socket_slot *t = &s->slot[worker][i];

		if (t->device == device && (device == 0 || t->queue == queue)) {
			*f = (struct found){ worker, i };
			return true;
		}
	}
	return false;
}

/* The worker whose turn it is first, so that queues are spread over all. */
static bool find(const struct sockets *s, uint32_t device, uint32_t queue, unsigned int first,
		 struct found *f)
{
	for (unsigned int i = 0; i < s->workers; i++) {
		if (find_in(s, (first + i) % s->workers, device, queue, f))
			return true;
	}
	return false;
}

/* The first that goes wrong is said. */
static void cannot(struct sockets *s, uint32_t device, uint32_t queue, const char *why)
{
	char name[IF_NAMESIZE];

	if (!s->why[0])
		snprintf(s->why, sizeof(s->why), "%s, queue %u: %s",
			 if_indextoname(device, name) ? name : "an interface", queue, why);
}

/* Binding would tell; this is for where there is nothing to bind. */
static bool queue_exists(uint32_t device, uint32_t queue)
{
	char name[IF_NAMESIZE], path[64 + IF_NAMESIZE];

	if (!if_indextoname(device, name))
		return false;
	snprintf(path, sizeof(path), "/sys/class/net/%s/queues/rx-%u", name, queue);
	return access(path, F_OK) == 0;
}

/* Return: 0; -EINVAL: no such queue; -ENOSPC: nor is there a socket for any after it */
static int take(struct sockets *s, uint32_t device, uint32_t queue, struct found *f)
{
	int error;

	if (find(s, device, queue, 0, f))
		return 0;
	if (!find(s, 0, 0, queue % s->workers, f)) {
		if (!queue_exists(device, queue))
			return -EINVAL;
		cannot(s, device, queue, "no socket is left (fewer queues: ethtool -L, or a restart)");
		return -ENOSPC;
	}
	error = xsk_bind(&s->sets[f->worker].xsk[f->socket], device, queue);
	if (error == 0)
		s->slot[f->worker][f->socket] = (struct socket_slot){ device, queue };
	else if (error != -EINVAL)
		cannot(s, device, queue, error == -EBUSY ?
		       "another program has its AF_XDP socket there" : strerror(-error));
	return error;
}

/* Every queue of @port's device that has, or gets, a socket. */
static void renew_port(struct sockets *s, uint32_t port, const struct fast_port *p)
{
	struct fast_head *h = xdp_head(s->x);
	struct found f;

	for (uint32_t queue = 0; queue < FAST_QUEUES; queue++) {
		uint32_t at = port * FAST_QUEUES + queue;
		int error = take(s, p->device, queue, &f);

		if (error == -EINVAL || error == -ENOSPC)
			return;
		if (error)
			continue;
		if (xdp_set_socket(s->x, at, s->sets[f.worker].xsk[f.socket].fd) < 0)
			continue;
		h->keeper[at] = (uint8_t)(f.worker + 1);
		s->queues += p->vlan == 0;
	}
}

/* Orders leave as the ports can take them. Return: false: they cannot, and @why */
static bool orders_fit(struct sockets *s)
{
	const struct fast_head *h = xdp_head(s->x);
	struct why why = { .code = 0 };
	bool generic = false;

	for (uint32_t i = 0; i < h->ports; i++)
		generic = generic || h->port[i].flags & FAST_PORT_GENERIC;
	if (generic == s->generic && s->link >= 0)
		return true;
	if (attach_orders(s, generic, &why) == 0)
		return true;
	snprintf(s->why, sizeof(s->why), "%.150s", why.text);
	return false;
}

void sockets_renew(struct sockets *s)
{
	struct fast_head *h = xdp_head(s->x);

	if (!s->sets)
		return;
	s->why[0] = '\0';
	s->queues = 0;
	for (uint32_t at = 0; at < ARRAY_LEN(h->keeper); at++) {
		if (h->keeper[at])
			(void)xdp_set_socket(s->x, at, -1);
		h->keeper[at] = 0;
	}
	if (!orders_fit(s))
		return;
	for (uint32_t i = 0; i < h->ports; i++) {
		if (!(h->port[i].flags & FAST_PORT_NO_EXIT))
			renew_port(s, i, &h->port[i]);
	}
}
