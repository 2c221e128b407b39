#include "xdp/load.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/host.h"
#include "host/steer.h"
#include "wire/fast.h"

/* Generated; it mixes signs. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wcast-align"
#include "fast.skel.h"
#pragma GCC diagnostic pop

_Static_assert((int)FAST_SUBNET_PREFIXES == (int)SUBNET_PREFIXES_MAX, "every prefix fits");
_Static_assert((int)FAST_TID_NONE == (int)TID_NONE, "one number for none");

struct xdp {
	struct fast_bpf			*bpf;
	unsigned int			cpus;
	struct fast_line		*line;		/* this and all below: mapped */
	struct fast_cpu			*cpu;
	struct fast_subnet_value	*subnet;
	struct fast_hop			*hop;
	struct fast_answer		*answer;
};

static int silence(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level, (void)fmt, (void)args;
	return 0;
}

void xdp_grace(void)
{
	/* the kernel answers it with synchronize_rcu(), and programs run inside RCU */
	(void)syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

static bool grace_works(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0;
}

static uint32_t subnet_values(uint32_t subnets)
{
	return (subnets + FAST_SUBNETS_PER_VALUE - 1) / FAST_SUBNETS_PER_VALUE;
}

static void *map_in(const struct bpf_map *map)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t bytes = (size_t)bpf_map__value_size(map) * bpf_map__max_entries(map);
	void *p = mmap(NULL, (bytes + page - 1) / page * page, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_POPULATE, bpf_map__fd(map), 0);

	return p == MAP_FAILED ? NULL : p;
}

static int size_maps(struct xdp *x, struct limits limits, unsigned int workers)
{
	const struct {
		struct bpf_map	*map;
		uint32_t	entries;
	} all[] = {
		{ x->bpf->maps.lines, x->cpus * limits.tunnels },
		{ x->bpf->maps.cpus, x->cpus },
		{ x->bpf->maps.subnets, subnet_values(limits.subnets) },
		{ x->bpf->maps.hops, x->cpus * FAST_HOPS },
		{ x->bpf->maps.dests, x->cpus * FAST_DESTS },
		{ x->bpf->maps.answers, workers },
	};
	int error = 0;

	for (size_t i = 0; i < ARRAY_LEN(all) && !error; i++)
		error = bpf_map__set_max_entries(all[i].map, all[i].entries);
	return error;
}

/* Without gates there are empty ones, and no socket ever. */
static int share_gates(struct xdp *x, const struct steer *steer)
{
	int error;

	if (!steer)
		return 0;
	error = bpf_map__reuse_fd(x->bpf->maps.gates, steer_gates_map(steer));
	return error ? error : bpf_map__reuse_fd(x->bpf->maps.flows, steer_flows_map(steer));
}

static int map_all(struct xdp *x)
{
	x->line = map_in(x->bpf->maps.lines);
	x->cpu = map_in(x->bpf->maps.cpus);
	x->subnet = map_in(x->bpf->maps.subnets);
	x->hop = map_in(x->bpf->maps.hops);
	x->answer = map_in(x->bpf->maps.answers);
	return x->line && x->cpu && x->subnet && x->hop && x->answer ? 0 : -ENOMEM;
}

static bool has_enumerator(const struct btf *b, const struct btf_type *t, const char *name)
{
	if (!btf_is_enum(t))
		return false;
	for (unsigned int i = 0; i < btf_vlen(t); i++) {
		const char *have = btf__name_by_offset(b, btf_enum(t)[i].name_off);

		if (have && strcmp(have, name) == 0)
			return true;
	}
	return false;
}

/* Linux 6.3 and whoever has taken it over: the kernel's own types say so. */
static bool takes_off(void)
{
	struct btf *b = btf__load_vmlinux_btf();
	bool found = false;

	for (uint32_t i = 1; b && i < btf__type_cnt(b) && !found; i++)
		found = has_enumerator(b, btf__type_by_id(b, i), "BPF_F_ADJ_ROOM_DECAP_L3_IPV6");
	btf__free(b);
	return found;
}

static int load(struct xdp *x, struct limits limits, unsigned int workers,
		const struct steer *steer)
{
	int cpus = libbpf_num_possible_cpus();
	int error;

	if (cpus < 1)
		return -ENOSYS;
	x->cpus = (unsigned int)cpus;
	x->bpf = fast_bpf__open();
	if (!x->bpf)
		return -errno;
	x->bpf->rodata->tc_takes_off = takes_off();
	error = size_maps(x, limits, workers);
	if (!error)
		error = share_gates(x, steer);
	if (!error)
		error = fast_bpf__load(x->bpf);
	if (!error)
		error = map_all(x);
	if (error)
		return error;
	memset(x->subnet, 0xff, subnet_values(limits.subnets) * sizeof(*x->subnet));
	*xdp_head(x) = (struct fast_head){
		.gen = 1, .tunnels = limits.tunnels, .subnets = limits.subnets,
	};
	return 0;
}

struct xdp *xdp_load(struct limits limits, unsigned int workers, const struct steer *steer,
		     struct why *why)
{
	struct xdp *x = calloc(1, sizeof(*x));
	int error;

	if (!x) {
		why_say(why, -ENOMEM, "no memory for the fast path");
		return NULL;
	}
	libbpf_set_print(silence);
	error = load(x, limits, workers, steer);
	if (error == -EPERM)
		why_say(why, error, "the kernel takes no BPF program from us (the capability CAP_BPF "
			"or CAP_SYS_ADMIN is missing)");
	else if (error)
		why_say(why, error, "the kernel takes no BPF program from us: %s",
			strerror(-error));
	else if (!grace_works())
		error = why_say(why, -ENOTSUP, "the kernel tells nobody when its programs have "
				"finished (membarrier: %s; nohz_full?)", strerror(errno));
	if (!error)
		return x;
	xdp_unload(x);
	return NULL;
}

/* The mappings go with the process: others look at them until then. */
void xdp_unload(struct xdp *x)
{
	if (!x)
		return;
	fast_bpf__destroy(x->bpf);
	free(x);
}

static int reader_of(const struct bpf_map *map)
{
	LIBBPF_OPTS(bpf_get_fd_by_id_opts, opts, .open_flags = BPF_F_RDONLY);
	struct bpf_map_info info = { .id = 0 };
	__u32 len = sizeof(info);
	int fd;

	if (bpf_obj_get_info_by_fd(bpf_map__fd(map), &info, &len) < 0)
		return -1;
	fd = bpf_map_get_fd_by_id_opts(info.id, &opts);
	return fd < 0 ? -1 : fd;
}

void xdp_readers(const struct xdp *x, int fd[2])
{
	fd[0] = reader_of(x->bpf->maps.lines);
	fd[1] = reader_of(x->bpf->maps.cpus);
}

struct fast xdp_fast(const struct xdp *x)
{
	return (struct fast){ .line = x->line, .cpu = x->cpu, .cpus = x->cpus };
}

struct fast_head *xdp_head(struct xdp *x)
{
	return &x->bpf->bss->head;
}

struct fast_subnet_value *xdp_subnets(struct xdp *x)
{
	return x->subnet;
}

const struct fast_hop *xdp_hops(const struct xdp *x)
{
	return x->hop;
}

int xdp_program(const struct xdp *x)
{
	return bpf_program__fd(x->bpf->progs.fast_xdp);
}

int xdp_program_tc(const struct xdp *x)
{
	return bpf_program__fd(x->bpf->progs.fast_tc);
}

int xdp_program_clsact(const struct xdp *x)
{
	return bpf_program__fd(x->bpf->progs.fast_clsact);
}

int xdp_program_order(const struct xdp *x)
{
	return bpf_program__fd(x->bpf->progs.fast_order);
}

int xdp_set_socket(struct xdp *x, uint32_t at, int socket)
{
	int map = bpf_map__fd(x->bpf->maps.sockets);

	if (socket < 0)
		return bpf_map_delete_elem(map, &at) == 0 || errno == ENOENT ? 0 : -errno;
	return bpf_map_update_elem(map, &at, &socket, BPF_ANY) == 0 ? 0 : -errno;
}

const struct fast_answer *xdp_answers(const struct xdp *x)
{
	return x->answer;
}

int xdp_set_exit(struct xdp *x, uint32_t port, uint32_t device)
{
	int map = bpf_map__fd(x->bpf->maps.exits);

	if (bpf_map_update_elem(map, &port, &device, BPF_ANY) == 0)
		return 0;

	int error = -errno;

	(void)bpf_map_delete_elem(map, &port);
	return error;
}

bool xdp_tc_takes_off(const struct xdp *x)
{
	return x->bpf->rodata->tc_takes_off;
}
