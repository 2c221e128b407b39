/*
 * tests/netns/flood.c - one tunnel at full rate, others at a steady pace: who loses what?
 *
 *	flood FRAMES FROM-NETNS FROM-DEV TO-NETNS TO-DEV OFFSET VALUE ID-OFFSET ID-FIRST PPS SECONDS
 *
 * FRAMES is a file of hex frames, one a line. The first is sent as fast as it goes; each of the
 * others PPS times a second, evenly. On the other side the frames are counted that have the
 * 32-bit VALUE at OFFSET: by the 16-bit number at ID-OFFSET, which is ID-FIRST for the second
 * frame of the file, and so on. Prints one JSON object. Without a flood with an empty first line.
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { FRAMES_MAX = 1024, FRAME_MAX = 2048, BATCH = 64, SNAP = 128, BUFFER = 256 << 20 };

struct frame {
	size_t	len;
	uint8_t	bytes[FRAME_MAX];
};

static struct frame frame[FRAMES_MAX];
static unsigned int frames;
static uint64_t sent[FRAMES_MAX], received[FRAMES_MAX];
static unsigned int id_offset, id_first;
static bool stop_flood, stop_sink;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void enter(const char *ns)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", ns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die(path);
	close(fd);
}

static void read_frames(const char *path)
{
	static char line[2 * FRAME_MAX + 2];
	FILE *f = fopen(path, "r");

	if (!f)
		die(path);
	while (frames < FRAMES_MAX && fgets(line, sizeof(line), f)) {
		struct frame *to = &frame[frames++];

		for (const char *at = line; at[0] > ' ' && at[1] > ' '; at += 2) {
			char pair[3] = { at[0], at[1], 0 };

			to->bytes[to->len++] = (uint8_t)strtoul(pair, NULL, 16);
		}
	}
	fclose(f);
}

static int packet_socket(const char *dev, int protocol)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons((uint16_t)protocol),
				  .sll_ifindex = (int)if_nametoindex(dev) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), bytes = BUFFER;

	if (fd < 0 || !at.sll_ifindex ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		die(dev);
	if (protocol && bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		die(dev);
	if (!protocol && bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		die(dev);
	return fd;
}

static void *flood(void *arg)
{
	int fd = *(int *)arg;
	struct iovec iov = { frame[0].bytes, frame[0].len };
	static struct mmsghdr msg[BATCH];

	for (int i = 0; i < BATCH; i++)
		msg[i].msg_hdr = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1 };
	/* the others keep their pace beside it, and are there first */
	(void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 19);
	nanosleep(&(struct timespec){ .tv_nsec = 300000000 }, NULL);
	while (frame[0].len && !__atomic_load_n(&stop_flood, __ATOMIC_RELAXED)) {
		int n = sendmmsg(fd, msg, BATCH, 0);

		if (n > 0)
			__atomic_add_fetch(&sent[0], (uint64_t)n, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *sink(void *arg)
{
	static uint8_t bytes[BATCH][SNAP];
	static struct mmsghdr msg[BATCH];
	static struct iovec iov[BATCH];
	struct timespec wait = { .tv_nsec = 100000000 };
	int fd = *(int *)arg;

	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ bytes[i], SNAP };
		msg[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	while (!__atomic_load_n(&stop_sink, __ATOMIC_RELAXED)) {
		int n = recvmmsg(fd, msg, BATCH, MSG_WAITFORONE, &wait);

		for (int i = 0; i < n; i++) {
			unsigned int id = (unsigned int)(bytes[i][id_offset] << 8 |
							 bytes[i][id_offset + 1]);

			if (id >= id_first && id - id_first + 1 < frames)
				received[id - id_first + 1]++;
		}
	}
	return NULL;
}

static int filtered(const char *dev, uint32_t offset, uint32_t value)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SNAP),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { .len = 4, .filter = code };
	struct timeval tick = { .tv_usec = 100000 };
	int fd = packet_socket(dev, ETH_P_ALL), on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof(tick)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0)
		die("filter");
	return fd;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Round after round; what is late is not caught up, so nobody exceeds his pace. */
static void pace(int fd, double pps, double seconds)
{
	double began = now_s(), due = began;

	while (now_s() < began + seconds) {
		for (unsigned int i = 1; i < frames; i++) {
			while (send(fd, frame[i].bytes, frame[i].len, 0) < 0)
				sched_yield();
			sent[i]++;
		}
		due += 1 / pps;
		if (due < now_s())
			due = now_s();
		while (now_s() < due) {
			struct timespec t = { .tv_nsec = 50000 };

			nanosleep(&t, NULL);
		}
	}
}

/* One CPU is ours, so that the rest is the daemon's. */
static void keep_to_one_cpu(void)
{
	cpu_set_t may, one;

	CPU_ZERO(&one);
	if (sched_getaffinity(0, sizeof(may), &may) < 0)
		die("sched_getaffinity");
	for (size_t cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++) {
		if (CPU_ISSET(cpu, &may))
			CPU_SET(cpu, &one);
	}
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		die("sched_setaffinity");
}

int main(int argc, char **argv)
{
	pthread_t flooder, counter;
	uint64_t all_sent = 0, all_received = 0, worst = 0;
	struct timespec rest = { .tv_sec = 1 };
	int from, paced, to;

	if (argc != 12) {
		fprintf(stderr, "usage: see the head of flood.c\n");
		return 2;
	}
	keep_to_one_cpu();
	read_frames(argv[1]);
	enter(argv[4]);
	to = filtered(argv[5], (uint32_t)strtoul(argv[6], NULL, 0), (uint32_t)strtoul(argv[7], NULL, 0));
	id_offset = (unsigned int)strtoul(argv[8], NULL, 0);
	id_first = (unsigned int)strtoul(argv[9], NULL, 0);
	enter(argv[2]);
	from = packet_socket(argv[3], 0);
	paced = packet_socket(argv[3], 0);
	if (pthread_create(&counter, NULL, sink, &to))
		die("pthread_create");
	if (pthread_create(&flooder, NULL, flood, &from))
		die("pthread_create");
	pace(paced, strtod(argv[10], NULL), strtod(argv[11], NULL));
	__atomic_store_n(&stop_flood, true, __ATOMIC_RELAXED);
	pthread_join(flooder, NULL);
	nanosleep(&rest, NULL);		/* what waits is forwarded */
	__atomic_store_n(&stop_sink, true, __ATOMIC_RELAXED);
	pthread_join(counter, NULL);
	for (unsigned int i = 1; i < frames; i++) {
		uint64_t lost = sent[i] > received[i] ? sent[i] - received[i] : 0;

		all_sent += sent[i];
		all_received += received[i];
		worst = lost > worst ? lost : worst;
	}
	printf("{\"flood\": %llu, \"sent\": %llu, \"received\": %llu, \"worst\": %llu}\n",
	       (unsigned long long)sent[0], (unsigned long long)all_sent,
	       (unsigned long long)all_received, (unsigned long long)worst);
	return 0;
}
