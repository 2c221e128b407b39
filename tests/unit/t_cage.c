/* Behind the filter what is open can be used, and nothing can be opened. */
#include "web/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tap.h"

static int pair[2];

/* Each with what a kernel would otherwise do or answer something else to. */
static const struct {
	const char	*name;
	long		number;
	long		arg[6];
} forbidden[] = {
	{ "a socket", SYS_socket, { AF_UNIX, SOCK_STREAM } },
	{ "a socket pair", SYS_socketpair, { AF_UNIX, SOCK_STREAM } },
	{ "connect", SYS_connect, { -1 } },
	{ "bind", SYS_bind, { -1 } },
	{ "listen", SYS_listen, { -1 } },
	{ "another program", SYS_execve, { 0 } },
	{ "another program by a descriptor", SYS_execveat, { -1 } },
	{ "a thread", SYS_clone3, { 0 } },
	{ "another's memory", SYS_process_vm_readv, { 1 } },
	{ "another's descriptor", SYS_pidfd_getfd, { -1 } },
	{ "a signal to another", SYS_kill, { 1 } },
	{ "BPF", SYS_bpf, { BPF_PROG_LOAD } },
	{ "io_uring", SYS_io_uring_setup, { 1 } },
	{ "a new namespace", SYS_unshare, { 0 } },
	{ "a file by its handle", SYS_open_by_handle_at, { -1 } },
	{ "openat2", SYS_openat2, { AT_FDCWD } },
	{ "unlink", SYS_unlinkat, { AT_FDCWD } },
	{ "rename", SYS_renameat2, { AT_FDCWD } },
	{ "its user", SYS_setuid, { 0 } },
	{ "a signal to another's thread", SYS_tgkill, { 1, 1, 0 } },
	{ "what comes in to signal another", SYS_fcntl, { -1, F_SETOWN, 1 } },
	{ "the signal for that", SYS_fcntl, { -1, F_SETSIG, SIGKILL } },
	{ "a lock", SYS_fcntl, { -1, F_SETLK, 0 } },
	{ "to type on the terminal", SYS_ioctl, { -1, TIOCSTI } },
	{ "to connect by sending", SYS_sendto, { -1, 0, 0, MSG_FASTOPEN, 1, 16 } },
	{ "a message that may have an address", SYS_sendmsg, { -1 } },
#ifndef SANITIZED
	{ "a file", SYS_openat, { AT_FDCWD } },
	{ "another process to trace", SYS_ptrace, { 0 } },
	{ "a copy of itself", SYS_clone, { 0 } },
	{ "prctl", SYS_prctl, { 0 } },
#endif
};

/* In a process of its own: a filter stays. Bits of what was not as it should be. */
static uint64_t try_forbidden(void)
{
	uint64_t wrong = 0;

	for (size_t i = 0; i < ARRAY_LEN(forbidden); i++) {
		const long *a = forbidden[i].arg;

		errno = 0;
		if (syscall(forbidden[i].number, a[0], a[1], a[2], a[3], a[4], a[5]) != -1 || errno != ENOSYS)
			wrong |= 1ULL << i;
	}
	return wrong;
}

enum needed {
	NEED_READ, NEED_AVAILABLE, NEED_MEMORY, NEED_CODE, NEED_TIME, NEED_FLAGS,
	NEED_ABORT, NEEDS
};

static uint64_t try_needed(void)
{
	char octet;
	int waiting = 0;
	uint64_t wrong = 0;
	void *data;

	if (send(pair[1], "x", 1, 0) != 1 || ioctl(pair[0], FIONREAD, &waiting) < 0 || waiting != 1)
		wrong |= 1U << NEED_AVAILABLE;
	if (recv(pair[0], &octet, 1, 0) != 1 || octet != 'x')
		wrong |= 1U << NEED_READ;
	data = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (data == MAP_FAILED || syscall(SYS_mprotect, data, 4096, PROT_READ) < 0)
		wrong |= 1U << NEED_MEMORY;
	if (syscall(SYS_mprotect, data, 4096, PROT_READ | PROT_EXEC) != -1 || errno != ENOSYS ||
	    syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != -1)
		wrong |= 1U << NEED_CODE;
	if (syscall(SYS_clock_gettime, 1, &(struct timespec){ 0 }) < 0)
		wrong |= 1U << NEED_TIME;
	if (fcntl(pair[0], F_SETFL, fcntl(pair[0], F_GETFL) | O_NONBLOCK) < 0)
		wrong |= 1U << NEED_FLAGS;
	if (syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), 0) < 0)
		wrong |= 1U << NEED_ABORT;
	return wrong;
}

struct found {
	int		error;
	uint64_t	forbidden, needed;
};

/* Return: what the caged process found, or that it died */
static struct found caged(void)
{
	struct found f = { .error = -EPIPE };
	int out[2], status;
	pid_t pid;

	if (pipe(out) < 0 || (pid = fork()) < 0)
		return f;
	if (pid == 0) {
		f.error = cage();
		if (!f.error)
			f = (struct found){ .forbidden = try_forbidden(), .needed = try_needed() };
		_exit(write(out[1], &f, sizeof(f)) != (ssize_t)sizeof(f));
	}
	close(out[1]);
	if (read(out[0], &f, sizeof(f)) != (ssize_t)sizeof(f))
		f = (struct found){ .error = -EPIPE };
	close(out[0]);
	waitpid(pid, &status, 0);
	return f;
}

int main(void)
{
	static const char *const need[NEEDS] = {
		[NEED_READ] = "what is open can be read", [NEED_AVAILABLE] = "and asked how much waits",
		[NEED_MEMORY] = "memory can be had", [NEED_CODE] = "but none that can be executed",
		[NEED_TIME] = "time too, of a kernel without a vDSO",
		[NEED_FLAGS] = "a descriptor need not block", [NEED_ABORT] = "and it can end itself",
	};
	struct found f;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return 99;
	f = caged();
	if (f.error == -EOPNOTSUPP) {
		ok(true, "built without libseccomp: it says so");
		return tap_done();
	}
	ok(f.error == 0, "there is a filter: %d", f.error);
	for (size_t i = 0; i < ARRAY_LEN(forbidden); i++)
		ok(!f.error && !(f.forbidden >> i & 1), "forbidden: %s", forbidden[i].name);
	for (size_t i = 0; i < NEEDS; i++)
		ok(!f.error && !(f.needed >> i & 1), "%s", need[i]);
	return tap_done();
}
