/*
 * src/web/cage.c - what the web process may ask of the kernel
 *
 * It reads what strangers send. Whoever gets further than that finds no file, socket or program
 * to open: only the descriptors that are there can be used. What is not listed is answered as by
 * a kernel that lacks it (ENOSYS), so that a library which would like better falls back.
 */
#include "web/parts.h"

#include <errno.h>
#include <seccomp.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static const int allowed[] = {
	/* connections */
	SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(getpeername), SCMP_SYS(getsockname),
	SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(shutdown),
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg),
	SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(close),
	/* the loop */
	SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl), SCMP_SYS(poll),
	SCMP_SYS(restart_syscall), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask),
	/* time, memory, randomness */
	SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(getrandom),
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex),
	/* the end */
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(getpid), SCMP_SYS(gettid),
#ifdef SANITIZED
	/* what a sanitizer asks for, above all to report */
	SCMP_SYS(clone), SCMP_SYS(close_range), SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(fstat),
	SCMP_SYS(getdents64), SCMP_SYS(getrlimit), SCMP_SYS(lseek), SCMP_SYS(newfstatat), SCMP_SYS(openat),
	SCMP_SYS(pipe2), SCMP_SYS(prctl), SCMP_SYS(prlimit64), SCMP_SYS(ptrace), SCMP_SYS(readlink),
	SCMP_SYS(rt_sigaction), SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_yield), SCMP_SYS(set_robust_list),
	SCMP_SYS(sigaltstack), SCMP_SYS(uname), SCMP_SYS(wait4),
#endif
};

/* Memory may be had, but none that can be executed. */
static int allow_data(scmp_filter_ctx f)
{
	static const int maps[] = { SCMP_SYS(mmap), SCMP_SYS(mprotect) };
	int error = 0;

	for (size_t i = 0; i < ARRAY_LEN(maps) && !error; i++)
		error = seccomp_rule_add(f, SCMP_ACT_ALLOW, maps[i], 1,
					 SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return error;
}

/*
 * Calls that can be had with one argument only: with another one they type on the terminal
 * (TIOCSTI), have the kernel signal the daemon (F_SETOWN), signal it or connect (MSG_FASTOPEN).
 */
static int allow_narrow(scmp_filter_ctx f)
{
	const struct {
		int		call;
		unsigned int	arg;
		uint64_t	mask, value;
	} narrow[] = {
		{ SCMP_SYS(ioctl), 1, UINT32_MAX, FIONREAD },
		{ SCMP_SYS(fcntl), 1, UINT32_MAX, F_GETFL }, { SCMP_SYS(fcntl), 1, UINT32_MAX, F_SETFL },
		{ SCMP_SYS(fcntl), 1, UINT32_MAX, F_GETFD }, { SCMP_SYS(fcntl), 1, UINT32_MAX, F_SETFD },
		{ SCMP_SYS(tgkill), 0, UINT32_MAX, (uint64_t)getpid() },	/* abort() */
		{ SCMP_SYS(sendto), 4, UINT64_MAX, 0 },				/* send() */
	};
	int error = 0;

	for (size_t i = 0; i < ARRAY_LEN(narrow) && !error; i++)
		error = seccomp_rule_add(f, SCMP_ACT_ALLOW, narrow[i].call, 1,
					 SCMP_CMP(narrow[i].arg, SCMP_CMP_MASKED_EQ, narrow[i].mask,
						  narrow[i].value));
	return error;
}

int cage(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int error = f ? allow_data(f) : -ENOMEM;

	if (!error)
		error = allow_narrow(f);

	for (size_t i = 0; i < ARRAY_LEN(allowed) && !error; i++)
		error = seccomp_rule_add(f, SCMP_ACT_ALLOW, allowed[i], 0);
	if (!error)
		error = seccomp_load(f);
	if (f)
		seccomp_release(f);
	return error;
}
