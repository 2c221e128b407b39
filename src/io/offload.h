/*
 * src/io/offload.h - finishing what receive offload left unfinished
 *
 * A network card or the kernel (GRO) may merge consecutive TCP segments, also those
 * inside protocol 41 and GRE, into one packet of up to 64 KiB, and a sender on the
 * same machine hands over packets of that size that never were segments. Such a packet
 * carries no TCP checksum but only the folded sum of its pseudo header (the kernel's
 * CHECKSUM_PARTIAL), for the hardware to complete on the way out. A raw socket is told
 * neither. Sent on as it is, such a packet is lost for its checksum or its size, so it is
 * completed, and cut into packets of 1280 octets, which every path takes: how long
 * the segments were is not known any more, and a guess above the path's MTU would be
 * merged and guessed again after every "packet too big".
 *
 * A whole packet whose checksum happens to equal that sum (one in 65536) gets the same
 * checksum again, or becomes two good segments. Pure.
 */
#ifndef SIXXSD_IO_OFFLOAD_H
#define SIXXSD_IO_OFFLOAD_H

#include "path/pkt.h"

#define OFFLOAD_CUT_BYTES	1280	/* inner packets are cut to this, headers included */

struct offload {
	const uint8_t	*packet;	/* the outer payload; borrowed */
	size_t		ip;		/* where the inner IP header begins: behind GRE */
	size_t		l4;		/* TCP or UDP header */
	size_t		payload;	/* behind it */
	size_t		end;		/* of the inner packet */
	size_t		room;		/* octets from @ip on of the largest packet it becomes */
	size_t		at;		/* next payload octet to send */
	size_t		drop;		/* octets of GRE checksum words; it covers what changes */
	uint16_t	done;		/* segments */
	uint16_t	partial;	/* the folded sum of its pseudo header, byte order as summed */
	uint8_t		proto;
	bool		six;
	bool		cut;		/* take it with offload_next(), else offload_finish() */
};

/**
 * offload_find() - is this packet unfinished?
 * @p:	VIA_P41 or VIA_GRE, data at the payload of the outer header
 * @o:	filled when it is
 */
MUST_CHECK bool offload_find(const struct pkt *p, struct offload *o);

/**
 * offload_given() - the same for a super-packet of the TUN device, which says what it is
 * @p:	VIA_TUN, with merged, segment and l4 set
 *
 * Return: false when it is not what it says; then it is one packet, and not a good one
 */
MUST_CHECK bool offload_given(const struct pkt *p, struct offload *o);

/**
 * offload_complete() - the checksum a packet of the TUN device came without
 * @start:	where the sum begins, TCP or UDP header
 * @field:	of the checksum, from there; it holds the folded sum of the pseudo header
 *
 * Return: false when that lies outside
 */
MUST_CHECK bool offload_complete(struct pkt *p, size_t start, size_t field);

/* Write the checksum in place; o->cut is false. */
void offload_finish(struct pkt *p, const struct offload *o);

/**
 * offload_next() - the next of the packets it becomes, as an outer payload of its own
 * @out:	o->room + 16 octets; not in @o's packet
 *
 * Return: octets written; 0 when that was all
 */
size_t offload_next(struct offload *o, uint8_t *out);

#endif
