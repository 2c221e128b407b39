#include "host/steer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_tun.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/steer.h"

/* Generated; it mixes signs. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wcast-align"
#include "steer.skel.h"
#pragma GCC diagnostic pop

_Static_assert((int)STEER_PREFIXES == (int)SUBNET_PREFIXES_MAX, "every prefix fits");
_Static_assert((int)STEER_TID_NONE == (int)TID_NONE, "one number for none");

/* The maps are the first instance's; the others differ in whose packets they take. */
struct steer {
	unsigned int		workers;
	struct steer_bpf	*worker[WORKERS_MAX];
	struct steer_plan	*plan;		/* mapped */
	struct steer_subnets	*subnets;	/* mapped */
	struct steer_gate	*gates;		/* mapped */
	struct steer_flow	*flows;		/* mapped */
	size_t			plan_bytes, subnet_bytes, gate_bytes, flow_bytes;
	struct limits		limits;
};

static int silence(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level, (void)fmt, (void)args;
	return 0;
}

static size_t whole_pages(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

static uint32_t subnet_values(uint32_t subnets)
{
	return (subnets + STEER_SUBNETS_PER_VALUE - 1) / STEER_SUBNETS_PER_VALUE;
}

static uint32_t flows_of(const struct steer *s)
{
	return STEER_GATES * (s->limits.tunnels + 1);
}

static void *map_in(const struct bpf_map *map, size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		       bpf_map__fd(map), 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Only the first decides for all: TUN and UDP. */
static int prepare(const struct steer *s, struct steer_bpf *b, unsigned int worker)
{
	const struct steer_bpf *first = s->worker[0];

	b->rodata->workers = s->workers;
	b->rodata->mine = worker;
	b->rodata->tunnels = s->limits.tunnels;
	if (worker == 0 || !first)
		return bpf_map__set_max_entries(b->maps.subnets, subnet_values(s->limits.subnets)) ||
		       bpf_map__set_max_entries(b->maps.gates, s->workers * STEER_GATES) ||
		       bpf_map__set_max_entries(b->maps.flows, flows_of(s)) ? -EINVAL : 0;
	bpf_program__set_autoload(b->progs.tun, false);
	bpf_program__set_autoload(b->progs.tun_gate, false);
	bpf_program__set_autoload(b->progs.ayiya, false);
	return bpf_map__reuse_fd(b->maps.plan, bpf_map__fd(first->maps.plan)) ||
	       bpf_map__reuse_fd(b->maps.subnets, bpf_map__fd(first->maps.subnets)) ||
	       bpf_map__reuse_fd(b->maps.gates, bpf_map__fd(first->maps.gates)) ||
	       bpf_map__reuse_fd(b->maps.flows, bpf_map__fd(first->maps.flows)) ? -EINVAL : 0;
}

static int load_one(struct steer *s, unsigned int worker)
{
	struct steer_bpf *b = steer_bpf__open();
	int error;

	if (!b)
		return -errno;
	s->worker[worker] = b;
	error = prepare(s, b, worker);
	return error ? error : steer_bpf__load(b);
}

static int load(struct steer *s)
{
	int error = 0;

	for (unsigned int i = 0; i < s->workers && !error; i++)
		error = load_one(s, i);
	if (error || !s->worker[0])
		return error;
	s->plan_bytes = whole_pages(sizeof(*s->plan));
	s->subnet_bytes = whole_pages(subnet_values(s->limits.subnets) * sizeof(*s->subnets));
	s->gate_bytes = whole_pages(s->workers * STEER_GATES * sizeof(*s->gates));
	s->flow_bytes = whole_pages(flows_of(s) * sizeof(*s->flows));
	s->plan = map_in(s->worker[0]->maps.plan, s->plan_bytes);
	s->subnets = map_in(s->worker[0]->maps.subnets, s->subnet_bytes);
	s->gates = map_in(s->worker[0]->maps.gates, s->gate_bytes);
	s->flows = map_in(s->worker[0]->maps.flows, s->flow_bytes);
	if (!s->plan || !s->subnets || !s->gates || !s->flows)
		return -errno;
	for (unsigned int i = 0; i < s->workers * STEER_GATES; i++)
		s->gates[i].quota = steer_quota_max((enum steer_gate_kind)(i % STEER_GATES));
	memset(s->subnets, 0xff, s->subnet_bytes);
	return 0;
}

struct steer *steer_open(unsigned int workers, struct limits limits, const struct say *to)
{
	struct steer *s;
	int error;

	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->workers = workers;
	s->limits = limits;
	libbpf_set_print(silence);
	error = load(s);
	if (!error)
		return s;
	if (workers > 1)
		host_say(to, "the kernel takes no BPF program from us (%s): it does not know which "
			 "worker a packet belongs to, and workers hand many packets on",
			 strerror(-error));
	steer_close(s);
	return NULL;
}

void steer_close(struct steer *s)
{
	if (!s)
		return;
	if (s->plan)
		munmap(s->plan, s->plan_bytes);
	if (s->subnets)
		munmap(s->subnets, s->subnet_bytes);
	if (s->gates)
		munmap(s->gates, s->gate_bytes);
	if (s->flows)
		munmap(s->flows, s->flow_bytes);
	for (unsigned int i = 0; i < s->workers; i++)
		steer_bpf__destroy(s->worker[i]);
	free(s);
}

int steer_tun(const struct steer *s, int fd)
{
	int program;

	if (!s)
		return -ENOTSUP;
	program = bpf_program__fd(s->worker[0]->progs.tun);
	if (ioctl(fd, TUNSETSTEERINGEBPF, &program) < 0)
		return -errno;
	program = bpf_program__fd(s->worker[0]->progs.tun_gate);
	return ioctl(fd, TUNSETFILTEREBPF, &program) < 0 ? -errno : 0;
}

int steer_raw(const struct steer *s, unsigned int worker, int family, enum steer_socket what, int fd)
{
	const struct steer_bpf *b = s ? s->worker[worker] : NULL;
	int program;

	if (!b)
		return -ENOTSUP;
	if (what == STEER_P41)
		program = bpf_program__fd(family == AF_INET ? b->progs.p41_four : b->progs.p41_six);
	else
		program = bpf_program__fd(family == AF_INET ? b->progs.gre_four : b->progs.gre_six);
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof(program)) < 0 ? -errno : 0;
}

int steer_udp(const struct steer *s, int fd)
{
	int program;

	if (!s)
		return -ENOTSUP;
	program = bpf_program__fd(s->worker[0]->progs.ayiya);
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &program, sizeof(program)) < 0 ?
	       -errno : 0;
}

int steer_udp_gate(const struct steer *s, unsigned int worker, int family, int fd)
{
	const struct steer_bpf *b = s ? s->worker[worker] : NULL;
	int program;

	if (!b)
		return -ENOTSUP;
	program = bpf_program__fd(family == AF_INET ? b->progs.ayiya_four : b->progs.ayiya_six);
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof(program)) < 0 ? -errno : 0;
}

struct steer_gate *steer_gates(const struct steer *s, unsigned int worker)
{
	return s ? &s->gates[worker * STEER_GATES] : NULL;
}

struct steer_flow *steer_flows(const struct steer *s)
{
	return s ? s->flows : NULL;
}

int steer_gates_map(const struct steer *s)
{
	return s ? bpf_map__fd(s->worker[0]->maps.gates) : -1;
}

int steer_flows_map(const struct steer *s)
{
	return s ? bpf_map__fd(s->worker[0]->maps.flows) : -1;
}

static struct steer_plan plan_of(const struct plan *p)
{
	struct steer_plan sp = {
		.tunnel_hi = p->tunnel_hi, .tunnel_mask = p->tunnel_mask, .tid_mask = p->tid_mask,
		.prefixes = p->subnet_prefixes, .pop_id = p->pop_id,
	};

	for (unsigned int i = 0; i < p->subnet_prefixes; i++) {
		sp.prefix[i] = (struct steer_prefix){
			.hi = p->subnet[i].hi, .mask = p->subnet[i].mask,
			.base = p->subnet[i].base, .shift = 64u - p->subnet[i].delegate,
		};
	}
	return sp;
}

/* What is the same already is not written: its packets notice nothing. */
void steer_update(struct steer *s, const struct config *cf)
{
	struct steer_plan now;

	if (!s)
		return;
	now = plan_of(config_plan(cf));
	for (uint32_t i = 0; i < s->limits.subnets; i++) {
		uint16_t *tid = &s->subnets[i / STEER_SUBNETS_PER_VALUE].tid[i % STEER_SUBNETS_PER_VALUE];

		if (*tid != cf->subnet[i])
			__atomic_store_n(tid, cf->subnet[i], __ATOMIC_RELAXED);
	}
	if (memcmp(s->plan, &now, sizeof(now)) != 0)
		*s->plan = now;
}
