#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TUN_PATH	"/dev/net/tun"

/* Every descriptor, for the loops that treat all alike. */
enum { FDS = sizeof(struct host_fds) / sizeof(int) };

static void all_fds(struct host_fds *f, int *list[FDS])
{
	int *each[] = {
		&f->tun, &f->p41[0], &f->p41[1], &f->gre[0], &f->gre[1], &f->proto4[0],
		&f->proto4[1], &f->p41_silent[0], &f->p41_silent[1], &f->gre_silent[0],
		&f->gre_silent[1], &f->ayiya[0], &f->ayiya[1], &f->beat[0], &f->beat[1], &f->icmp[0],
		&f->icmp[1], &f->send[0], &f->send[1], &f->wake, &f->tell,
	};

	_Static_assert(ARRAY_LEN(each) == FDS, "a descriptor is missing here");
	memcpy(list, each, sizeof(each));
}

void host_none(struct host_fds *fds)
{
	int *list[FDS];

	all_fds(fds, list);
	for (size_t i = 0; i < FDS; i++)
		*list[i] = -1;
}

void host_close(struct host_fds *fds)
{
	int *list[FDS];

	all_fds(fds, list);
	for (size_t i = 0; i < FDS; i++) {
		if (*list[i] >= 0)
			close(*list[i]);
		*list[i] = -1;
	}
}

static int tun_failed(struct why *why, int error)
{
	switch (error) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return why_say(why, -error, "%s is missing: load the kernel module tun (modprobe "
			       "tun) or let the container have that device", TUN_PATH);
	case EACCES:
		return why_say(why, -error, "no permission to open %s: start sixxsd as root",
			       TUN_PATH);
	case EPERM:
		return why_say(why, -error, "the capability CAP_NET_ADMIN is missing (needed for "
			       "the device " HOST_DEVICE "): start sixxsd as root");
	case EBUSY:
	case EEXIST:
		return why_say(why, -error, "the network device " HOST_DEVICE " exists already: "
			       "another sixxsd runs in this network namespace");
	default:
		return why_say(why, -error, "cannot open %s: %s", TUN_PATH, strerror(error));
	}
}

/* Exclusive: the device is ours alone and goes with the descriptor, however we end. */
static int open_tun(struct host_fds *fds, struct why *why)
{
	struct ifreq ifr = { .ifr_name = HOST_DEVICE };

	fds->tun = open(TUN_PATH, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fds->tun < 0)
		return tun_failed(why, errno);
	ifr.ifr_flags = (short)(IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL);
	if (ioctl(fds->tun, TUNSETIFF, &ifr) < 0)
		return tun_failed(why, errno);
	return 0;
}

static int open_eventfds(struct host_fds *fds, struct why *why)
{
	fds->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	fds->tell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fds->wake < 0 || fds->tell < 0)
		return why_say(why, -errno, "cannot open an eventfd: %s", strerror(errno));
	return 0;
}

int host_open(struct host_fds *fds, const struct say *to, struct why *why)
{
	int error;

	host_none(fds);
	error = open_tun(fds, why);
	if (!error)
		error = open_eventfds(fds, why);
	if (!error)
		error = host_open_sockets(fds, to, why);
	if (error)
		host_close(fds);
	return error;
}
