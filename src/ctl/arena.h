/*
 * src/ctl/arena.h - the memory that libraries of the control thread may allocate from
 *
 * libevent (and whoever else insists on malloc and free) draws from one block that was
 * taken at start. It never grows: when it is empty an allocation fails, the connection
 * that wanted it is refused, and forwarding does not notice.
 *
 * The block begins with struct arena; behind it lie chunks, without gaps:
 *
 *	| head | payload ... | head | payload ... | head |   (the last head ends the list)
 *
 * A head knows its own size and that of the chunk before it, so a freed chunk finds
 * both neighbours and merges with the free ones: two free chunks never touch. Free
 * chunks hang in one list for each power of two. Payloads are aligned to 16 octets.
 *
 * Not locked: only the control thread uses it once the workers run. Misuse (a pointer that
 * is not ours, a second free, an overwritten head) is a bug and asserted.
 */
#ifndef SIXXSD_CTL_ARENA_H
#define SIXXSD_CTL_ARENA_H

#include "base/def.h"

#define ARENA_ALIGN	16
#define ARENA_BYTES_MIN	4096

struct arena;

/**
 * arena_init() - make @memory an arena
 * @memory:	aligned to ARENA_ALIGN, outlives every allocation; the arena's from now on
 * @bytes:	at least ARENA_BYTES_MIN
 */
struct arena *arena_init(void *memory, size_t bytes);

/* NULL when there is no room, or for 0 octets. Content is not initialised. */
MUST_CHECK void *arena_alloc(struct arena *a, size_t bytes);
/* @p NULL: arena_alloc(). @bytes 0: arena_free(). NULL on failure, and @p is untouched. */
MUST_CHECK void *arena_realloc(struct arena *a, void *p, size_t bytes);
/* @p may be NULL. */
void arena_free(struct arena *a, void *p);

/* Octets that are not in use, heads not counted; the largest single piece may be smaller. */
size_t arena_room(const struct arena *a);
/* Octets there were when nothing was allocated. */
size_t arena_size(const struct arena *a);
/* Smallest arena_room() there has been, for `pop show limits`. */
size_t arena_low(const struct arena *a);
/* Walks every chunk and list. Return: false when something is broken; for tests */
MUST_CHECK bool arena_sane(const struct arena *a);

/**
 * arena_lend() - from now on libevent allocates here
 *
 * Before any other call into libevent; once. libevent's hooks have no context argument,
 * which is why lend.c holds the only pointer to the arena that is not handed around.
 */
void arena_lend(struct arena *a);

#endif
