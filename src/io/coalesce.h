/*
 * src/io/coalesce.h - consecutive TCP segments of one connection become one packet again
 *
 * What a packet costs on its way from us through the kernel does not depend on its size, so
 * the segments of a batch that follow one another are written to the TUN device together,
 * with a header that says how to cut them (Linux "GSO"). The other way round is
 * io/offload.h: cutting what was merged gives back the same octets.
 *
 * Merged is only what would be cut the same again: the same headers but for length, sequence
 * number, checksum and the IPv4 identification, which counts up; equal payloads, the last may
 * be shorter; nothing but ACK and, on the last, PSH set; and every checksum right, for a new
 * one will be made, and a packet that was damaged must arrive damaged. Pure.
 */
#ifndef SIXXSD_IO_COALESCE_H
#define SIXXSD_IO_COALESCE_H

#include "path/pkt.h"

#define TRAIN_MAX		64	/* segments */
#define TRAIN_HEADERS_MAX	(40 + 60)

/* One packet, as far as it matters here. Offsets are from its first octet. */
struct segment {
	const struct pkt *pkt;
	uint16_t	l4;
	uint16_t	payload;
	uint16_t	octets;		/* of payload */
	uint8_t		flags;		/* of TCP */
	bool		six;
	uint16_t	id;		/* IPv4 */
	uint32_t	seq;
};

struct train {
	struct segment	first;
	const struct pkt *pkt[TRAIN_MAX];
	unsigned int	n;
	uint32_t	octets;		/* of payload, all */
	bool		verified;	/* the first one's checksum */
	bool		closed;		/* nothing can follow */
	bool		push;		/* the last one has PSH */
};

/* Return: is @p TCP behind a plain IP header, whole and as long as it says? Then @s is filled. */
MUST_CHECK bool segment_of(const struct pkt *p, struct segment *s);

/* Of the same connection and direction? Their order has to stay. */
MUST_CHECK bool segment_same_flow(const struct segment *a, const struct segment *b);

/*
 * Might @p, which is no segment, be of the same connection nevertheless? A fragment, or one with
 * IP options or extension headers.
 */
MUST_CHECK bool segment_may_be_of(const struct segment *a, const struct pkt *p);

/* @s begins a train. Return: false when nothing can ever follow it */
MUST_CHECK bool train_begin(struct train *t, const struct segment *s);

/* Return: @s, of the same flow, is part of @t now; false: it does not follow, @t is as before */
MUST_CHECK bool train_add(struct train *t, const struct segment *s);

/**
 * train_head() - the headers of the one packet that two or more became
 * @head:	TRAIN_HEADERS_MAX octets; the payloads follow, each its packet's from
 *		t->first.payload on
 *
 * The checksum of TCP holds the folded sum of the pseudo header. Return: octets
 */
size_t train_head(const struct train *t, uint8_t *head);

#endif
