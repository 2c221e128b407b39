/*
 * src/table/capring.h - captured packets on their way from a worker to control
 *
 * A FIFO whose producer is the worker and whose consumer is control. What does not fit is lost and
 * counted: whoever reads a capture slowly never slows forwarding.
 */
#ifndef SIXXSD_TABLE_CAPRING_H
#define SIXXSD_TABLE_CAPRING_H

#include "base/cur.h"
#include "base/fifo.h"
#include "base/time.h"
#include "table/limits.h"

#define CAPRING_BYTES	((size_t)1 << 20)	/* of a worker */

/* Which of the two interfaces of a capture. */
enum shown {
	SHOWN_OUTER,			/* as on the wire, around the tunnelled packet */
	SHOWN_INNER,			/* what is tunnelled */
	SHOWN_KINDS,
};

/* Where a packet went, or would have: as far as it was found out. */
enum toward {
	TOWARD_UNKNOWN,
	TOWARD_TUNNEL,			/* .to */
	TOWARD_UPLINK,
	TOWARD_POP,			/* the PoP itself */
};

struct capture {
	mono_t		at;
	uint32_t	len;		/* octets the packet has */
	uint32_t	kept;		/* of them here */
	uint16_t	verdict;
	uint16_t	from, to, blame;	/* tunnels, or TID_NONE */
	uint8_t		via;		/* enum via */
	uint8_t		shown;		/* enum shown */
	uint8_t		toward;		/* enum toward */
	uint8_t		outbound;	/* from the PoP into the tunnel; else out of it */
	uint8_t		last;		/* no other record of this packet follows */
	uint8_t		pad[3];
};
_Static_assert(sizeof(struct capture) == 32, "half a cache line");

struct capring {
	struct fifo	fifo;
	uint64_t	lost[SHOWN_KINDS] ALIGNED(CACHE_LINE);	/* records that did not fit; all read it */
};

/* @memory: @size octets, cache-line aligned, a power of two of at least 256 KiB; outlives @r */
void capring_init(struct capring *r, void *memory, size_t size);

/**
 * capring_put() - producer: a record of what @head and then @body hold
 * @c:		.kept is filled in here
 *
 * Return: false when it does not fit, which is counted
 */
bool capring_put(struct capring *r, const struct capture *c, struct cur head, struct cur body);

/* Consumer: the oldest record, where it lies, until capring_drop(); NULL when there is none. */
const struct capture *capring_peek(struct capring *r, const uint8_t **octets);
void capring_drop(struct capring *r);
/* Consumer: everything put before now ends at this place; capring_at() says where it is. */
uint64_t capring_end(const struct capring *r);
uint64_t capring_at(const struct capring *r);

#endif
