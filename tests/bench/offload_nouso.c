/*
 * tests/bench/offload_nouso.c - a TUN device that takes TCP merged, but no UDP; only measured
 *
 * Linked into sixxsd-nouso before the library that has the real one (host/offload.c): as on a
 * kernel before Linux 6.2.
 */
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include "host/host.h"

void host_offload(const struct host_fds *fds, unsigned int workers, bool on)
{
	int merged = on;

	(void)ioctl(fds[0].tun, TUNSETOFFLOAD,
		    on ? TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN : 0);
	for (unsigned int i = 0; i < workers; i++) {
		for (int six = 0; six < 2; six++)
			(void)setsockopt(fds[i].ayiya[six], SOL_UDP, UDP_GRO, &merged, sizeof(merged));
	}
}
