#include "host/xsk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define COMPLETIONS	64	/* of sending, which we do not: the kernel wants it all the same */

_Static_assert((XSK_FRAMES & (XSK_FRAMES - 1)) == 0, "a ring");
_Static_assert(FAST_FRAME_MAX + 256 <= XSK_FRAME_BYTES, "a frame fits behind the kernel's headroom");

static int set_ring(int fd, int which, uint32_t entries)
{
	return setsockopt(fd, SOL_XDP, which, &entries, sizeof(entries));
}

static bool map_ring(int fd, const struct xdp_ring_offset *o, off_t page, size_t entry,
		     struct xsk_ring *r)
{
	uint8_t *p = mmap(NULL, o->desc + XSK_FRAMES * entry, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_POPULATE, fd, page);

	if (p == MAP_FAILED)
		return false;
	r->producer = (void *)(p + o->producer);
	r->consumer = (void *)(p + o->consumer);
	r->entries = p + o->desc;
	return true;
}

static int open_one(struct xsk *x)
{
	struct xdp_umem_reg memory = {
		.addr = (uintptr_t)x->frames, .len = (uint64_t)XSK_FRAMES * XSK_FRAME_BYTES,
		.chunk_size = XSK_FRAME_BYTES,
	};
	struct xdp_mmap_offsets o;
	socklen_t len = sizeof(o);

	x->fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (x->fd < 0 || setsockopt(x->fd, SOL_XDP, XDP_UMEM_REG, &memory, sizeof(memory)) < 0 ||
	    set_ring(x->fd, XDP_UMEM_FILL_RING, XSK_FRAMES) < 0 ||
	    set_ring(x->fd, XDP_UMEM_COMPLETION_RING, COMPLETIONS) < 0 ||
	    set_ring(x->fd, XDP_RX_RING, XSK_FRAMES) < 0 ||
	    getsockopt(x->fd, SOL_XDP, XDP_MMAP_OFFSETS, &o, &len) < 0)
		return -errno;
	if (len < sizeof(o))
		return -ENOTSUP;	/* before Linux 5.4 */
	if (!map_ring(x->fd, &o.rx, XDP_PGOFF_RX_RING, sizeof(struct xdp_desc), &x->rx) ||
	    !map_ring(x->fd, &o.fr, XDP_UMEM_PGOFF_FILL_RING, sizeof(uint64_t), &x->fill))
		return -errno;
	for (uint64_t i = 0; i < XSK_FRAMES; i++)
		xsk_give(x, i * XSK_FRAME_BYTES);
	return 0;
}

static int open_set(struct xsk_set *s)
{
	size_t bytes = (size_t)XSK_FRAMES * XSK_FRAME_BYTES;
	uint8_t *p = mmap(NULL, XSK_SOCKETS * bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	int error = 0;

	if (p == MAP_FAILED)
		return -errno;
	for (unsigned int i = 0; i < XSK_SOCKETS && !error; i++) {
		s->xsk[i].frames = p + i * bytes;
		error = open_one(&s->xsk[i]);
	}
	return error;
}

/* As the TUN device: exclusive, and gone with its descriptors. */
static int open_out(struct xsk_set *s, bool first)
{
	struct ifreq ifr = { .ifr_name = XSK_DEVICE };

	ifr.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE | (first ? IFF_TUN_EXCL : 0));
	s->out = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return s->out < 0 || ioctl(s->out, TUNSETIFF, &ifr) < 0 ? -errno : 0;
}

struct xsk_set *xsk_open(unsigned int workers, struct why *why)
{
	struct xsk_set *sets = aligned_alloc(CACHE_LINE, (workers * sizeof(*sets) + CACHE_LINE - 1) /
					     CACHE_LINE * CACHE_LINE);
	int error = 0;

	if (!sets) {
		why_say(why, -ENOMEM, "no memory for AF_XDP sockets");
		return NULL;
	}
	memset(sets, 0, workers * sizeof(*sets));
	for (unsigned int i = 0; i < workers; i++) {
		sets[i].out = -1;
		for (unsigned int n = 0; n < XSK_SOCKETS; n++)
			sets[i].xsk[n].fd = -1;
	}
	for (unsigned int i = 0; i < workers && !error; i++) {
		error = open_set(&sets[i]);
		if (!error)
			error = open_out(&sets[i], i == 0);
	}
	if (!error)
		return sets;
	why_say(why, error, "the kernel has no AF_XDP for us: %s", strerror(-error));
	xsk_close(sets, workers);
	return NULL;
}

/* Mappings go with the process. */
void xsk_close(struct xsk_set *sets, unsigned int workers)
{
	for (unsigned int i = 0; sets && i < workers; i++) {
		for (unsigned int n = 0; n < XSK_SOCKETS; n++) {
			if (sets[i].xsk[n].fd >= 0)
				close(sets[i].xsk[n].fd);
		}
		if (sets[i].out >= 0)
			close(sets[i].out);
	}
	free(sets);
}

int xsk_bind(const struct xsk *x, uint32_t ifindex, uint32_t queue)
{
	struct sockaddr_xdp a = {
		.sxdp_family = AF_XDP, .sxdp_flags = XDP_COPY, .sxdp_ifindex = ifindex,
		.sxdp_queue_id = queue,
	};

	return bind(x->fd, (struct sockaddr *)&a, sizeof(a)) < 0 ? -errno : 0;
}

uint64_t xsk_lost(struct xsk *x)
{
	struct xdp_statistics s = { .rx_dropped = 0 };
	socklen_t len = sizeof(s);
	uint64_t before = x->lost;

	if (getsockopt(x->fd, SOL_XDP, XDP_STATISTICS, &s, &len) == 0)
		x->lost = s.rx_dropped + s.rx_ring_full;
	return x->lost - before;
}
