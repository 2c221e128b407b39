#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "host/steer.h"

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

/* Exclusive: the device is ours alone and goes with the descriptors, however we end. */
static int open_tun(struct host_fds *fds, int flags, struct why *why)
{
	struct ifreq ifr = { .ifr_name = HOST_DEVICE };

	fds->tun = open(TUN_PATH, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fds->tun < 0)
		return tun_failed(why, errno);
	ifr.ifr_flags = (short)(IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | flags);
	if (ioctl(fds->tun, TUNSETIFF, &ifr) < 0)
		return tun_failed(why, errno);
	return 0;
}

/* A queue for each worker, numbered in this order; who is alone needs no queues. */
static int open_queues(struct host_fds *fds, unsigned int workers, const struct steer *steer,
		       struct why *why)
{
	int flags = workers > 1 ? IFF_MULTI_QUEUE : 0;
	int error = 0;

	for (unsigned int i = 0; i < workers && !error; i++)
		error = open_tun(&fds[i], i == 0 ? flags | IFF_TUN_EXCL : flags, why);
	if (!error)
		(void)steer_tun(steer, fds[0].tun);	/* else the kernel goes by flows */
	return error;
}

static int open_eventfds(struct host_fds *fds, const struct host_fds *first, struct why *why)
{
	fds->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	fds->tell = fds == first ? eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) :
				   fcntl(first->tell, F_DUPFD_CLOEXEC, 0);
	if (fds->wake < 0 || fds->tell < 0)
		return why_say(why, -errno, "cannot open an eventfd: %s", strerror(errno));
	return 0;
}

int host_open(struct host_fds *fds, unsigned int workers, const struct steer *steer,
	      const struct say *to, struct why *why)
{
	int error;

	for (unsigned int i = 0; i < workers; i++)
		host_none(&fds[i]);
	error = open_queues(fds, workers, steer, why);
	for (unsigned int i = 0; i < workers && !error; i++)
		error = open_eventfds(&fds[i], &fds[0], why);
	if (!error)
		error = host_open_sockets(fds, workers, steer, to, why);
	for (unsigned int i = 0; i < workers && error; i++)
		host_close(&fds[i]);
	return error;
}

unsigned int host_cpus(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	return (unsigned int)max_size((size_t)CPU_COUNT(&set), 1);
}
