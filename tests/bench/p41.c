/*
 * tests/bench/p41.c - put the protocol 41 client in place, and end
 *
 *	p41 --netns NETNS --real DEV --dummy DEV --us ADDRESS --them ADDRESS --dmac HEX --smac HEX
 *
 * The programs stay with the devices (clsact) until those go.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <net/if.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "p41.skel.h"

static void die(const char *what)
{
	fprintf(stderr, "p41: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void enter(const char *ns)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", ns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(path);
	close(fd);
}

static void take_hex(volatile const unsigned char *to, const char *hex)
{
	for (int i = 0; i < 6; i++) {
		unsigned int n;

		if (sscanf(hex + 2 * i, "%2x", &n) != 1)
			die("a MAC address");
		((unsigned char *)to)[i] = (unsigned char)n;
	}
}

static unsigned int take_address(const char *text)
{
	struct in_addr a;

	if (inet_pton(AF_INET, text, &a) != 1)
		die(text);
	return a.s_addr;
}

static void attach(unsigned int device, enum bpf_tc_attach_point where, int fd)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)device, .attach_point = where);
	LIBBPF_OPTS(bpf_tc_opts, o, .prog_fd = fd);
	int error = bpf_tc_hook_create(&hook);

	if (error && error != -EEXIST)
		die("clsact");
	if (bpf_tc_attach(&hook, &o))
		die("attaching");
}

int main(int argc, char **argv)
{
	static const struct option all[] = {
		{ "netns", 1, NULL, 'n' }, { "real", 1, NULL, 'r' }, { "dummy", 1, NULL, 'd' },
		{ "us", 1, NULL, 'u' },    { "them", 1, NULL, 't' }, { "dmac", 1, NULL, 'D' },
		{ "smac", 1, NULL, 'S' },  { NULL, 0, NULL, 0 },
	};
	struct p41 *bpf = p41__open();
	const char *real = "", *dummy = "";
	int c;

	if (!bpf)
		die("opening the programs");
	while ((c = getopt_long(argc, argv, "", all, NULL)) != -1) {
		switch (c) {
		case 'n':
			enter(optarg);
			break;
		case 'r':
			real = optarg;
			break;
		case 'd':
			dummy = optarg;
			break;
		case 'u':
			bpf->rodata->us = take_address(optarg);
			break;
		case 't':
			bpf->rodata->them = take_address(optarg);
			break;
		case 'D':
			take_hex(bpf->rodata->dmac, optarg);
			break;
		case 'S':
			take_hex(bpf->rodata->smac, optarg);
			break;
		default:
			return 2;
		}
	}
	bpf->rodata->real = if_nametoindex(real);
	bpf->rodata->dummy = if_nametoindex(dummy);
	if (!bpf->rodata->real || !bpf->rodata->dummy || p41__load(bpf))
		die("loading the programs");
	attach(bpf->rodata->dummy, BPF_TC_EGRESS, bpf_program__fd(bpf->progs.put_on));
	attach(bpf->rodata->real, BPF_TC_INGRESS, bpf_program__fd(bpf->progs.take_off));
	return 0;
}
