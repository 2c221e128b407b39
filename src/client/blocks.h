/* src/client/blocks.h - does a capture end between two blocks, or inside one? */
#ifndef SIXXSD_CLIENT_BLOCKS_H
#define SIXXSD_CLIENT_BLOCKS_H

#include "base/def.h"

/* Where in pcapng's blocks a stream is: type, length of the whole block, the rest of it. */
struct blocks {
	uint8_t		head[8];
	size_t		have;		/* of the head */
	size_t		left;		/* octets behind the head */
};

/* The next octets of the stream, however it was cut. */
void blocks_pass(struct blocks *b, const char *octets, size_t len);
bool blocks_whole(const struct blocks *b);

#endif
