#include "client/blocks.h"

void blocks_pass(struct blocks *b, const char *octets, size_t len)
{
	while (len > 0) {
		size_t n = b->left ? min_size(len, b->left) : 1;

		if (b->left)
			b->left -= n;
		else
			b->head[b->have++] = (uint8_t)*octets;
		if (b->have == sizeof(b->head)) {
			uint32_t whole = (uint32_t)b->head[4] | (uint32_t)b->head[5] << 8 |
					 (uint32_t)b->head[6] << 16 | (uint32_t)b->head[7] << 24;

			b->have = 0;
			b->left = whole > sizeof(b->head) ? whole - sizeof(b->head) : 0;
		}
		octets += n;
		len -= n;
	}
}

bool blocks_whole(const struct blocks *b)
{
	return b->have == 0 && b->left == 0;
}
