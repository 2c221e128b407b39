#include <errno.h>
#include <execinfo.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/def.h"
#include "host/trap.h"

#define FRAMES	32

/* glibc's own, under the names it keeps for those who replace malloc. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t n, size_t bytes);
void *__libc_realloc(void *p, size_t bytes);
void *__libc_memalign(size_t align, size_t bytes);
void __libc_free(void *p);

/* malloc() has no argument to hand this in by; only trap_arm() and trap_disarm() write it. */
static atomic_bool armed;

static void name_callers(void)
{
	void *frame[FRAMES];

	backtrace_symbols_fd(frame, backtrace(frame, FRAMES), STDERR_FILENO);
}

static void check(const char *function, size_t bytes)
{
	char text[96];

	if (!atomic_load_explicit(&armed, memory_order_relaxed))
		return;
	/* whatever the message itself needs may allocate now */
	trap_disarm();
	int n = snprintf(text, sizeof(text), "malloc trap: %s of %zu octets after start, by\n",
			 function, bytes);

	if (write(STDERR_FILENO, text, (size_t)n) == n)
		name_callers();
	abort();
}

void trap_arm(void)
{
	void *frame[FRAMES];

	/* the first backtrace loads libgcc, which allocates */
	backtrace(frame, FRAMES);
	atomic_store(&armed, true);
}

void trap_disarm(void)
{
	atomic_store(&armed, false);
}

void *malloc(size_t bytes)
{
	check("malloc", bytes);
	return __libc_malloc(bytes);
}

void *calloc(size_t n, size_t bytes)
{
	check("calloc", n * bytes);
	return __libc_calloc(n, bytes);
}

void *realloc(void *p, size_t bytes)
{
	check("realloc", bytes);
	return __libc_realloc(p, bytes);
}

void *reallocarray(void *p, size_t n, size_t bytes)
{
	size_t total;

	if (__builtin_mul_overflow(n, bytes, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	check("reallocarray", total);
	return __libc_realloc(p, total);
}

void *memalign(size_t align, size_t bytes)
{
	check("memalign", bytes);
	return __libc_memalign(align, bytes);
}

void *aligned_alloc(size_t align, size_t bytes)
{
	check("aligned_alloc", bytes);
	return __libc_memalign(align, bytes);
}

int posix_memalign(void **p, size_t align, size_t bytes)
{
	void *got;

	check("posix_memalign", bytes);
	if (align % sizeof(void *) || (align & (align - 1)) || align == 0)
		return EINVAL;
	got = __libc_memalign(align, bytes);
	if (!got)
		return ENOMEM;
	*p = got;
	return 0;
}

void *valloc(size_t bytes)
{
	check("valloc", bytes);
	return __libc_memalign((size_t)sysconf(_SC_PAGESIZE), bytes);
}

/* Giving back what was taken at start is no allocation. */
void free(void *p)
{
	__libc_free(p);
}
