#include "host/host.h"

#include <linux/if_tun.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Linux 6.2; the headers may be older. The kernel takes both or neither. */
#define OFFLOAD_USO (0x20 | 0x40) /* TUN_F_USO4 | TUN_F_USO6 */
#define OFFLOAD_TSO (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN)

static void offload_tun(int fd, bool on)
{
	if (on && ioctl(fd, TUNSETOFFLOAD, OFFLOAD_TSO | OFFLOAD_USO) == 0)
		return;
	(void)ioctl(fd, TUNSETOFFLOAD, on ? OFFLOAD_TSO : 0);
}

static void offload_udp(int fd, int on)
{
	if (fd >= 0)
		(void)setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on));
}

void host_offload(const struct host_fds *fds, unsigned int workers, bool on)
{
	offload_tun(fds[0].tun, on); /* the device's, not the queue's */
	for (unsigned int i = 0; i < workers; i++) {
		offload_udp(fds[i].ayiya[0], on);
		offload_udp(fds[i].ayiya[1], on);
	}
}
