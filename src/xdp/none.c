/* Built without clang, bpftool or libbpf: there is no fast path. */
#include "xdp/fastpath.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char built[] = "this sixxsd was built without it (clang, bpftool and libbpf were missing)";

struct fastpath {
	char	nothing;
};

struct fastpath *fastpath_open(struct region *region, unsigned int workers,
			       const struct steer *steer, struct netlink *nl, const struct say *say)
{
	(void)region, (void)workers, (void)steer, (void)nl, (void)say;
	return calloc(1, sizeof(struct fastpath));
}

void fastpath_close(struct fastpath *f)
{
	free(f);
}

unsigned int fastpath_readers(const struct fastpath *f, int fd[2])
{
	(void)f;
	fd[0] = fd[1] = -1;
	return 0;
}

struct xsk_set *fastpath_sockets(struct fastpath *f, unsigned int worker)
{
	(void)f, (void)worker;
	return NULL;
}

int fastpath_ports(struct fastpath *f, const struct fastpath_conf *want, bool strict,
		   struct why *why)
{
	(void)f;
	if (!strict || (want->ports == 0 && !want->automatic))
		return 0;
	return why_say(why, -ENOTSUP, "there is no fast path: %s", built);
}

void fastpath_hold(struct fastpath *f, const struct config *now, const struct config *next)
{
	(void)f, (void)now, (void)next;
}

void fastpath_release(struct fastpath *f)
{
	(void)f;
}

void fastpath_view(struct fastpath *f, struct fast_view *v)
{
	(void)f;
	*v = (struct fast_view){ .available = false };
	snprintf(v->why, sizeof(v->why), "%s", built);
}

int fastpath_fd(const struct fastpath *f)
{
	(void)f;
	return -1;
}

void fastpath_event(struct fastpath *f)
{
	(void)f;
}

void fastpath_moved(struct fastpath *f)
{
	(void)f;
}

void fastpath_second(struct fastpath *f)
{
	(void)f;
}
