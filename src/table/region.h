/*
 * src/table/region.h - all mutable state as one block of memory without pointers
 *
 * The caller takes the memory (a memfd, mapped once and locked) and hands it
 * here; this file decides what lies where. Because there are only indexes
 * inside, the same bytes mean the same in every process that maps them: a reader
 * of statistics, or the next version of the daemon if its layout hash agrees.
 * Secrets are a second block with the same two configuration slots.
 *
 *	head | config 0 | config 1 | tunnels | cold | errors | stories | workers | recorders |
 *	outside | windows | rings
 *
 * What tunnels did in the last weeks is a third block, because it is large and forwarding does not
 * need it: region_history().
 */
#ifndef SIXXSD_TABLE_REGION_H
#define SIXXSD_TABLE_REGION_H

#include "table/capring.h"
#include "table/config.h"
#include "table/ring.h"
#include "table/tunnel.h"

#define REGION_MAGIC	UINT64_C(0x6473787869730a1a)	/* "sixxsd" and what text is not */
#define REGION_VERSION	2

struct region_head {
	uint64_t	magic;
	uint32_t	version;
	uint32_t	layout;		/* region_layout_hash() */
	uint64_t	bytes;
	struct limits	limits;
	int64_t		started_s;	/* wall clock */
	uint64_t	published;	/* revision; slot = revision & 1. One store publishes. */
} ALIGNED(CACHE_LINE);

/* Process-private views of one mapped region. */
struct region {
	struct region_head	*head;
	struct config		config[2];
	struct table		table;
	struct ring		*ring;		/* [WORKERS_MAX] worker to control */
	struct capring		*capture[WORKERS_MAX];	/* likewise, of this process alone; or NULL */
};

/* Octets the blocks need for these limits; multiples of 4096. */
size_t region_bytes(struct limits limits);
size_t region_secret_bytes(struct limits limits);
size_t region_history_bytes(struct limits limits);	/* 0: there is none */
/* Of which: octets a single tunnel costs, for `pop show limits`. */
size_t region_bytes_per_tunnel(void);

/**
 * region_init() - lay out fresh, zeroed memory
 * @memory:	region_bytes(@limits) octets, page aligned, all zero; outlives @r
 * @secret:	region_secret_bytes(@limits) octets, likewise
 *
 * Every tunnel unconfigured, every subnet unassigned, configuration 0 published.
 */
void region_init(struct region *r, void *memory, void *secret, struct limits limits, wall_t now);

/**
 * region_attach() - view memory that somebody laid out
 * @secret:	NULL for readers: their configs have no secrets
 *
 * Return: false when magic, version, layout hash or size do not agree; @r untouched
 */
MUST_CHECK bool region_attach(struct region *r, void *memory, size_t bytes, void *secret);

/* Lay @memory, region_history_bytes() octets, zeroed or of another process, under @r's tunnels. */
void region_history(struct region *r, void *memory);

/* Changes whenever a struct in the region does. */
uint32_t region_layout_hash(void);

/* The published configuration; any thread. */
static inline const struct config *region_config(const struct region *r)
{
	return &r->config[__atomic_load_n(&r->head->published, __ATOMIC_ACQUIRE) & 1];
}

/* The other one: control's alone, once every worker has seen the published revision. */
static inline struct config *region_spare(struct region *r)
{
	return &r->config[~__atomic_load_n(&r->head->published, __ATOMIC_RELAXED) & 1];
}

/* Publish the spare; workers pick it up with their next batch. Return: its revision */
static inline uint64_t region_publish(struct region *r)
{
	uint64_t revision = __atomic_load_n(&r->head->published, __ATOMIC_RELAXED) + 1;

	r->config[revision & 1].head->revision = revision;
	__atomic_store_n(&r->head->published, revision, __ATOMIC_RELEASE);
	return revision;
}

/* Has worker @n moved to @revision (or past it)? */
static inline bool region_seen(const struct region *r, unsigned int n, uint64_t revision)
{
	return __atomic_load_n(&r->table.worker[n].seen_revision, __ATOMIC_ACQUIRE) >= revision;
}

#endif
