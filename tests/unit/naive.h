/*
 * tests/unit/naive.h - checksums and packets made the slow, obvious way
 *
 * Shares nothing with src/base/sum.c: octet by octet, high half first, folded as it goes.
 */
#ifndef SIXXSD_TEST_NAIVE_H
#define SIXXSD_TEST_NAIVE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"

/* Add to a folded sum; every piece but the last has an even length. */
static uint32_t naive_add(uint32_t sum, const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		sum += i & 1 ? at[i] : (uint32_t)at[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static void naive_put(uint8_t *at, uint32_t sum)
{
	at[0] = (uint8_t)(~sum >> 8);
	at[1] = (uint8_t)~sum;
}

static void naive_address(int family, const char *text, uint8_t *at)
{
	if (inet_pton(family, text, at) != 1) {
		fprintf(stderr, "not an address: %s\n", text);
		exit(99);
	}
}

/* Header checksum of an IPv4 header of @header octets. */
static void naive_sum4(uint8_t *at, size_t header)
{
	at[10] = at[11] = 0;
	naive_put(at + 10, naive_add(0, at, header));
}

/* An IPv4 packet of @len octets in all, DF set, payload counting up from 0. Return: @len */
static size_t naive_ip4(uint8_t *at, const char *src, const char *dst, size_t len, uint8_t ttl,
			uint8_t protocol)
{
	for (size_t i = 20; i < len; i++)
		at[i] = (uint8_t)(i - 20);
	memset(at, 0, 20);
	at[0] = 0x45;
	at[2] = (uint8_t)(len >> 8);
	at[3] = (uint8_t)len;
	at[6] = 0x40;
	at[8] = ttl;
	at[9] = protocol;
	naive_address(AF_INET, src, at + 12);
	naive_address(AF_INET, dst, at + 16);
	naive_sum4(at, 20);
	return len;
}

/* Type, code and checksum of the ICMPv4 message @len octets long. */
static void naive_icmp4(uint8_t *at, size_t len, uint8_t type, uint8_t code)
{
	at[0] = type;
	at[1] = code;
	at[2] = at[3] = 0;
	naive_put(at + 2, naive_add(0, at, len));
}

/* The folded sum of an upper layer of @len octets in the IPv6 packet at @ip6; 0xffff: good. */
static uint32_t naive_upper6(const uint8_t *ip6, const uint8_t *at, size_t len, uint8_t next)
{
	uint8_t tail[8] = { 0, 0, (uint8_t)(len >> 8), (uint8_t)len, 0, 0, 0, next };

	return naive_add(naive_add(naive_add(0, ip6 + 8, 32), tail, sizeof(tail)), at, len);
}

/* Type, code and checksum of an ICMPv6 message that fills @ip6 from @at on. */
static void naive_icmp6(uint8_t *ip6, uint8_t *at, size_t len, uint8_t type, uint8_t code)
{
	at[0] = type;
	at[1] = code;
	at[2] = at[3] = 0;
	naive_put(at + 2, naive_upper6(ip6, at, len, 58));
}

#pragma GCC diagnostic pop

#endif
