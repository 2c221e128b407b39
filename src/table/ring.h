/*
 * src/table/ring.h - what a worker tells control: events for the log, traces for a session
 *
 * One producer (the worker), one consumer (control), fixed records, no lock. A
 * full ring loses the new record and the producer counts it: a debugging session
 * that is slow or dead never slows forwarding.
 */
#ifndef SIXXSD_TABLE_RING_H
#define SIXXSD_TABLE_RING_H

#include "base/addr.h"
#include "base/time.h"
#include "table/verdict.h"

#define RING_RECORDS	2048		/* power of two */
#define TRACE_NOTES	16
#define TRACE_BYTES	96

enum event_kind {
	EVENT_TRACE,			/* a packet of a tunnel under debug */
	EVENT_UP,			/* tunnel came up from address, port */
	EVENT_DOWN,			/* beat timeout; value: seconds of silence */
	EVENT_MOVED,			/* endpoint changed to address, port */
	EVENT_TYPE,			/* value: enum tunnel_type now in use */
	EVENT_PATH_MTU,			/* value: outer path MTU; 0: forgotten */
	EVENT_DROP,			/* a drop worth a rate-limited line: verdict, address */
};

/* One decision on a packet's way; the words are in table/note.def. */
struct note {
	uint16_t	what;		/* enum note_kind */
	uint16_t	tid;
	uint32_t	value;
};

struct record {
	int64_t		at_s;		/* wall clock */
	uint8_t		event;		/* enum event_kind */
	uint8_t		notes;
	uint16_t	verdict;
	uint16_t	from;		/* tid or TID_NONE: uplink or unknown */
	uint16_t	to;
	uint16_t	port;
	uint16_t	kept;		/* octets in @bytes */
	uint32_t	value;
	uint32_t	len;		/* octets the inner packet had */
	uint16_t	blame;		/* tid it was counted on though it is neither; or TID_NONE */
	uint16_t	pad;
	struct ip6_addr	address;
	struct note	note[TRACE_NOTES];
	uint8_t		bytes[TRACE_BYTES];	/* start of the inner packet as received */
	uint64_t	pad1[2];
};
_Static_assert(sizeof(struct record) == 288, "part of the region");

struct ring {
	uint64_t	head ALIGNED(CACHE_LINE);	/* next to write: the producer's */
	uint64_t	tail ALIGNED(CACHE_LINE);	/* next to read: the consumer's */
	struct record	record[RING_RECORDS] ALIGNED(CACHE_LINE);
};

/* Producer. Return: false when full, nothing written */
MUST_CHECK bool ring_put(struct ring *r, const struct record *rec);
/* Consumer. Return: false when empty, @rec untouched */
MUST_CHECK bool ring_take(struct ring *r, struct record *rec);

#endif
