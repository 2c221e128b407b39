#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "host/trap.h"
#include "tap.h"

static void *volatile sink;		/* keeps the compiler from leaving an allocation out */

/* not static: the message can name it */
void by_malloc(void);

void by_malloc(void)
{
	sink = malloc(100);
}

static void by_calloc(void)
{
	sink = calloc(10, 10);
}

static void by_realloc(void)
{
	sink = realloc(sink, 200);
}

static void by_reallocarray(void)
{
	sink = reallocarray(NULL, 10, 20);
}

static void by_posix_memalign(void)
{
	void *p = NULL;

	sink = posix_memalign(&p, 64, 64) ? NULL : p;
}

static void by_aligned_alloc(void)
{
	sink = aligned_alloc(64, 64);
}

static void by_memalign(void)
{
	sink = memalign(64, 64);
}

static void by_valloc(void)
{
	sink = valloc(64);
}

/* within libc, not in this program */
static void by_strdup(void)
{
	sink = strdup("a copy");
}

static void by_fopen(void)
{
	sink = fopen("/dev/null", "r");
}

static void by_free(void)
{
	free(sink);
	sink = NULL;
}

static pthread_barrier_t armed;

/* Started before the trap is armed, as the workers are. */
static void *in_thread(void *arg)
{
	void (*deed)(void) = *(void (**)(void))arg;

	pthread_barrier_wait(&armed);
	deed();
	return NULL;
}

static char said[8192];

/* What a child says on standard error. Return: how it ended */
static int in_child(void (*deed)(void), bool arm, bool thread)
{
	int err[2], status = 0;
	ssize_t n, all = 0;

	fflush(stdout);
	if (pipe(err))
		exit(99);
	pid_t child = fork();

	if (child == 0) {
		pthread_t t;

		dup2(err[1], STDERR_FILENO);
		sink = malloc(50);
		pthread_barrier_init(&armed, NULL, 2);
		if (thread && pthread_create(&t, NULL, in_thread, &deed))
			_exit(99);
		if (arm)
			trap_arm();
		if (!thread)
			deed();
		else if (pthread_barrier_wait(&armed) != EINVAL)
			pthread_join(t, NULL);
		_exit(0);
	}
	close(err[1]);
	while ((n = read(err[0], said + all, sizeof(said) - 1 - (size_t)all)) > 0)
		all += n;
	said[all] = '\0';
	close(err[0]);
	waitpid(child, &status, 0);
	return status;
}

static const struct {
	const char	*name;
	void		(*deed)(void);
	const char	*function;
} row[] = {
	{ "malloc",		by_malloc,		"malloc of 100 octets" },
	{ "calloc",		by_calloc,		"calloc of 100 octets" },
	{ "realloc",		by_realloc,		"realloc of 200 octets" },
	{ "reallocarray",	by_reallocarray,	"reallocarray of 200 octets" },
	{ "posix_memalign",	by_posix_memalign,	"posix_memalign of 64 octets" },
	{ "aligned_alloc",	by_aligned_alloc,	"aligned_alloc of 64 octets" },
	{ "memalign",		by_memalign,		"memalign of 64 octets" },
	{ "valloc",		by_valloc,		"valloc of 64 octets" },
	{ "strdup",		by_strdup,		"malloc of 7 octets" },
	{ "fopen",		by_fopen,		"malloc of " },
};

int main(void)
{
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		int status = in_child(row[i].deed, true, false);

		ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && strstr(said, row[i].function),
		   "%s after start ends the program and says so", row[i].name);
		ok(in_child(row[i].deed, false, false) == 0, "before, %s works", row[i].name);
	}
	ok(in_child(by_malloc, true, false) != 0 && strstr(said, "by_malloc"), "the caller is named");
	ok(in_child(by_malloc, true, true) != 0 && strstr(said, "by_malloc"),
	   "also when another thread armed the trap");
	ok(in_child(by_malloc, false, true) == 0, "which it did not before");
	ok(in_child(by_free, true, false) == 0, "free() is always allowed");

	trap_arm();
	trap_disarm();
	by_malloc();
	ok(sink != NULL, "disarmed, everything works again");
	free(sink);
	return tap_done();
}
