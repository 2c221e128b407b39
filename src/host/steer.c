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
	size_t			plan_bytes, subnet_bytes;
	uint32_t		subnet_limit;
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
	if (worker == 0)
		return bpf_map__set_max_entries(b->maps.subnets, subnet_values(s->subnet_limit));
	bpf_program__set_autoload(b->progs.tun, false);
	bpf_program__set_autoload(b->progs.ayiya, false);
	if (bpf_map__reuse_fd(b->maps.plan, bpf_map__fd(first->maps.plan)) < 0)
		return -errno;
	return bpf_map__reuse_fd(b->maps.subnets, bpf_map__fd(first->maps.subnets));
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
	if (error)
		return error;
	s->plan_bytes = whole_pages(sizeof(*s->plan));
	s->subnet_bytes = whole_pages(subnet_values(s->subnet_limit) * sizeof(*s->subnets));
	s->plan = map_in(s->worker[0]->maps.plan, s->plan_bytes);
	s->subnets = map_in(s->worker[0]->maps.subnets, s->subnet_bytes);
	if (!s->plan || !s->subnets)
		return -errno;
	memset(s->subnets, 0xff, s->subnet_bytes);
	return 0;
}

struct steer *steer_open(unsigned int workers, struct limits limits, const struct say *to)
{
	struct steer *s;
	int error;

	if (workers < 2)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->workers = workers;
	s->subnet_limit = limits.subnets;
	libbpf_set_print(silence);
	error = load(s);
	if (!error)
		return s;
	host_say(to, "the kernel takes no BPF program from us (%s): it does not know which worker a "
		 "packet belongs to, and workers hand many packets on", strerror(-error));
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
	return ioctl(fd, TUNSETSTEERINGEBPF, &program) < 0 ? -errno : 0;
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
	for (uint32_t i = 0; i < s->subnet_limit; i++) {
		uint16_t *tid = &s->subnets[i / STEER_SUBNETS_PER_VALUE].tid[i % STEER_SUBNETS_PER_VALUE];

		if (*tid != cf->subnet[i])
			__atomic_store_n(tid, cf->subnet[i], __ATOMIC_RELAXED);
	}
	if (memcmp(s->plan, &now, sizeof(now)) != 0)
		*s->plan = now;
}
