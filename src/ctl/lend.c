#include <errno.h>
#include <event2/event.h>
#include "ctl/arena.h"

/*
 * The hooks of libraries carry no context, so this pointer cannot be an argument. It is
 * set once, before the first thread, and only the hooks below read it.
 */
static struct arena *lent;

/* libevent looks at errno: a stale EAGAIN would make it try for ever. */
static void *or_enomem(void *p)
{
	if (!p)
		errno = ENOMEM;
	return p;
}

static void *lent_malloc(size_t bytes)
{
	return or_enomem(arena_alloc(lent, bytes));
}

static void *lent_realloc(void *p, size_t bytes)
{
	return or_enomem(arena_realloc(lent, p, bytes));
}

static void lent_free(void *p)
{
	arena_free(lent, p);
}

void arena_lend(struct arena *a)
{
	lent = a;
	event_set_mem_functions(lent_malloc, lent_realloc, lent_free);
}
