/*
 * src/path/pkt.h - one packet on its way through the PoP
 *
 * The caller owns the buffer; @data and @len always describe the packet as it is
 * now: the outer payload on arrival, the inner packet after decapsulation, the
 * whole outer packet when path_run() returns with out == OUT_WIRE. Headroom in
 * front lets encapsulation push headers without moving a byte.
 */
#ifndef SIXXSD_PATH_PKT_H
#define SIXXSD_PATH_PKT_H

#include <assert.h>
#include <string.h>
#include "base/cur.h"
#include "base/digest.h"
#include "table/limits.h"
#include "table/note.h"
#include "table/ring.h"
#include "table/via.h"

#define PKT_HEADROOM	192		/* 40 + 8 + 24 + 32, and a fragment header, rounded up */
#define PKT_ROOM	(PKT_HEADROOM + 65536)

/* Where it goes. */
enum out {
	OUT_NONE,
	OUT_TUN,		/* write data to the TUN device; the kernel routes it */
	OUT_WIRE,		/* data starts at the outer IPv4 or IPv6 header */
	OUT_WORKER,		/* path_run() goes on at the worker of tunnel @owner */
};

/* Where path_run() takes it up: path.h, "One writer". */
enum stage {
	AT_START,		/* as it arrived */
	AT_ROUTE,		/* decapsulated, checked and counted as received */
	AT_COUNT,		/* @verdict is reached, and not counted yet */
	AT_ANSWER,		/* counted; the sender is owed an ICMP error */
};

struct outer {
	struct ip6_addr	them;		/* source as received */
	struct ip6_addr	us;		/* destination as received */
	uint16_t	them_port;
	uint16_t	us_port;
	uint8_t		ecn;		/* enum ecn of the outer header */
};

struct pkt {
	uint8_t		*data;
	size_t		len;
	uint8_t		*start;		/* of the buffer: data may move down to here */
	enum via	via;
	struct outer	outer;

	uint16_t	from;		/* tunnel it came from, or TID_NONE */
	uint16_t	to;		/* tunnel it goes to, or TID_NONE */
	uint16_t	blame;		/* tunnel an error is counted on besides; TID_NONE: none */
	uint8_t		inner_ecn;	/* to be written on the way out; valid if ecn_changes */
	bool		ecn_changes;
	bool		accepted;	/* decapsulated: it counts as traffic from @from */
	bool		to_local;	/* destination is the PoP */
	uint32_t	param;		/* of the ICMP error owed: MTU or pointer */
	/*
	 * Where the inner packet began and how long it was on arrival. Until a packet is
	 * sent nothing of it is changed, so an ICMP error quotes it as received.
	 */
	const uint8_t	*inner;
	size_t		inner_len;
	uint16_t	peeled;		/* octets of its encapsulation that lie in front of it */

	enum stage	at;
	enum verdict	verdict;	/* so far */
	uint16_t	owner;		/* OUT_WORKER, and ever after: the tunnel whose worker takes it */

	enum out	out;
	struct ip6_addr	out_to;		/* OUT_WIRE: the outer destination */
	uint16_t	out_fragment;	/* OUT_WIRE, not 0: send in fragments of at most this */

	/*
	 * Several packets in one, cut before path_run() sees them (io/super.c): TCP segments or
	 * UDP datagrams the kernel merged or never cut, or whole AYIYA datagrams in a row.
	 */
	uint8_t		merged;		/* PROTO_TCP or PROTO_UDP; 0: it is one packet */
	uint16_t	segment;	/* payload octets of each but the last */
	uint16_t	l4;		/* where the TCP or UDP header is; VIA_TUN */

	/* AYIYA, sign.c: computed with the batch's others */
	uint8_t		digest[SHA1_BYTES];	/* on arrival: what the signature should be ... */
	uint16_t	digest_of;	/* ... with this tunnel's secret; TID_NONE: not computed */
	uint8_t		*unsigned_at;	/* OUT_WIRE: there it is still due; NULL: nothing is */
	bool		unsummed;	/* OUT_WIRE: so is the UDP checksum */

	bool		frame;		/* came past the kernel's stack, and leaves so if it can */
	bool		datagram;	/* OUT_WIRE: a UDP socket could send it as well */
	bool		traced;		/* a tunnel it touched is under debug */
	bool		captured;	/* ... is captured, or every one is */
	uint8_t		notes;
	struct note	note[TRACE_NOTES];
};

/* Ready for path_run(): @len octets of arrived bytes lie at @buffer + PKT_HEADROOM. */
static inline void pkt_init(struct pkt *p, uint8_t *buffer, size_t len, enum via via)
{
	p->data = buffer + PKT_HEADROOM;
	p->len = len;
	p->start = buffer;
	p->via = via;
	p->outer = (struct outer){ .ecn = 0 };
	p->from = p->to = p->blame = TID_NONE;
	p->inner_ecn = 0;
	p->ecn_changes = p->accepted = p->to_local = p->frame = p->datagram = p->traced = p->captured = false;
	p->digest_of = TID_NONE;
	p->unsigned_at = NULL;
	p->unsummed = false;
	p->merged = 0;
	p->segment = p->l4 = 0;
	p->param = 0;
	p->inner = p->data;
	p->inner_len = len;
	p->peeled = 0;
	p->at = AT_START;
	p->verdict = PASS;
	p->owner = TID_NONE;
	p->out = OUT_NONE;
	p->out_fragment = 0;
	p->notes = 0;
}

static inline struct cur pkt_cur(const struct pkt *p)
{
	return cur_of(p->data, p->len);
}

/* The version the packet's first nibble claims, 0 for an empty one. */
static inline unsigned int pkt_version(const struct pkt *p)
{
	return p->len ? p->data[0] >> 4 : 0;
}

/* What @c has left becomes the packet: the bytes before it are peeled off. */
static inline void pkt_keep(struct pkt *p, struct cur c)
{
	p->data += (size_t)(c.at - p->data);
	p->len = c.left;
}

/* Octets in front of @data that belong to the packet as it arrived: who copies it copies them. */
static inline size_t pkt_front(const struct pkt *p)
{
	return p->data == p->inner && p->peeled <= PKT_HEADROOM ? p->peeled : 0;
}

/* Room for @len octets in front; the caller fills all of them. */
static inline void *pkt_push(struct pkt *p, size_t len)
{
	assert((size_t)(p->data - p->start) >= len);
	p->data -= len;
	p->len += len;
	return p->data;
}

/* Always taken: a few stores, and whether anybody reads them is known only later. */
static inline void pkt_note(struct pkt *p, enum note_kind what, uint16_t tid, uint32_t value)
{
	if (p->notes < TRACE_NOTES)
		p->note[p->notes++] = (struct note){ (uint16_t)what, tid, value };
}

#endif
