/*
 * src/host/trap.h - test builds: nothing allocates after start
 *
 * With -Dmalloc_trap=true the executable brings its own malloc family, which forwards to
 * glibc's until trap_arm() and ends the program afterwards, naming the caller. free() is
 * never an error. In other builds both calls are nothing.
 */
#ifndef SIXXSD_HOST_TRAP_H
#define SIXXSD_HOST_TRAP_H

#ifdef MALLOC_TRAP
/* All threads are covered. Loads what the message needs, then arms. */
void trap_arm(void);
/* On the way out libraries may clean up as they like. */
void trap_disarm(void);
#else
static inline void trap_arm(void)
{
}

static inline void trap_disarm(void)
{
}
#endif

#endif
