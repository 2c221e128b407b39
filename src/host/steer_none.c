/* Built without BPF. */
#include "host/steer.h"

#include <errno.h>

struct steer *steer_open(unsigned int workers, struct limits limits, const struct say *to)
{
	(void)limits;
	if (workers > 1)
		host_say(to, "this sixxsd is built without BPF: the kernel does not know which worker "
			 "a packet belongs to, and workers hand many packets on");
	return NULL;
}

void steer_close(struct steer *s)
{
	(void)s;
}

int steer_tun(const struct steer *s, int fd)
{
	(void)s, (void)fd;
	return -ENOTSUP;
}

int steer_raw(const struct steer *s, unsigned int worker, int family, enum steer_socket what, int fd)
{
	(void)s, (void)worker, (void)family, (void)what, (void)fd;
	return -ENOTSUP;
}

int steer_udp(const struct steer *s, int fd)
{
	(void)s, (void)fd;
	return -ENOTSUP;
}

int steer_udp_gate(const struct steer *s, unsigned int worker, int family, int fd)
{
	(void)s, (void)worker, (void)family, (void)fd;
	return -ENOTSUP;
}

struct steer_gate *steer_gates(const struct steer *s, unsigned int worker)
{
	(void)s, (void)worker;
	return NULL;
}

struct steer_flow *steer_flows(const struct steer *s)
{
	(void)s;
	return NULL;
}

int steer_gates_map(const struct steer *s)
{
	(void)s;
	return -1;
}

int steer_flows_map(const struct steer *s)
{
	(void)s;
	return -1;
}

void steer_update(struct steer *s, const struct config *cf)
{
	(void)s, (void)cf;
}
