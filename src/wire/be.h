/*
 * src/wire/be.h - numbers in network byte order, as types of their own
 *
 * A be32_t cannot be added, compared with a number or passed where a number is
 * due: the compiler refuses it. Accessors take a pointer, because clang 14
 * splits a BPF load into four bytes when such a struct is passed by value.
 */
#ifndef SIXXSD_WIRE_BE_H
#define SIXXSD_WIRE_BE_H

#include <stdint.h>

typedef struct { uint16_t raw; } be16_t;
typedef struct { uint32_t raw; } be32_t;
typedef struct { uint64_t raw; } be64_t;

_Static_assert(sizeof(be16_t) == 2 && sizeof(be32_t) == 4 && sizeof(be64_t) == 8, "bare numbers");

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define WIRE_SWAP16(n) __builtin_bswap16(n)
#define WIRE_SWAP32(n) __builtin_bswap32(n)
#define WIRE_SWAP64(n) __builtin_bswap64(n)
#else
#define WIRE_SWAP16(n) (n)
#define WIRE_SWAP32(n) (n)
#define WIRE_SWAP64(n) (n)
#endif

static inline uint16_t be16_get(const be16_t *n)
{
	return WIRE_SWAP16(n->raw);
}

static inline uint32_t be32_get(const be32_t *n)
{
	return WIRE_SWAP32(n->raw);
}

static inline uint64_t be64_get(const be64_t *n)
{
	return WIRE_SWAP64(n->raw);
}

static inline be16_t be16_put(uint16_t n)
{
	return (be16_t){ WIRE_SWAP16(n) };
}

static inline be32_t be32_put(uint32_t n)
{
	return (be32_t){ WIRE_SWAP32(n) };
}

static inline be64_t be64_put(uint64_t n)
{
	return (be64_t){ WIRE_SWAP64(n) };
}

#endif
