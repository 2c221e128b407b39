#include "base/addr.h"

/* Digits allowed in one group; the fifth makes it too long to be a group. */
#define GROUP_DIGITS	4
#define GROUPS		8

struct ip6_addr addr_masked(const struct ip6_addr *a, unsigned int len)
{
	uint64_t hi = addr_hi(a), lo = addr_lo(a);

	if (len < 64) {
		hi &= len ? ~UINT64_C(0) << (64 - len) : 0;
		lo = 0;
	} else if (len < 128) {
		lo &= len > 64 ? ~UINT64_C(0) << (128 - len) : 0;
	}
	return addr_from_parts(hi, lo);
}

static bool ip4_is_bad_endpoint(uint32_t a)
{
	unsigned int first = a >> 24;

	return first == 0 || first == 127 || first >= 224;
}

bool addr_is_bad_endpoint(const struct ip6_addr *a)
{
	if (addr_is_ip4(a))
		return ip4_is_bad_endpoint(addr_ip4(a));

	return addr_is_unspecified(a) || addr_is_loopback6(a) || addr_is_compatible(a) ||
	       addr_is_multicast6(a) || addr_is_link_local(a);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool ip4_parse(const char *t, size_t len, uint32_t *host_order)
{
	uint32_t value = 0;
	size_t i = 0;

	for (int part = 0; part < 4; part++) {
		uint32_t n = 0;
		size_t digits = 0;

		if (part > 0 && (i >= len || t[i++] != '.'))
			return false;
		while (i < len && t[i] >= '0' && t[i] <= '9') {
			if (digits > 0 && n == 0)
				return false;	/* 01 is octal to some readers */
			n = n * 10 + (uint32_t)(t[i++] - '0');
			if (++digits > 3 || n > 255)
				return false;
		}
		if (digits == 0)
			return false;
		value = value << 8 | n;
	}
	if (i != len)
		return false;

	*host_order = value;
	return true;
}

/* One to four hex digits at the cursor; false when there are none, or five. */
static bool group_parse(const char *t, size_t len, size_t *i, uint16_t *group)
{
	unsigned int n = 0;
	size_t digits = 0;
	int v;

	while (*i + digits < len && (v = hex_value(t[*i + digits])) >= 0) {
		if (++digits > GROUP_DIGITS)
			return false;
		n = n << 4 | (unsigned int)v;
	}
	if (digits == 0)
		return false;

	*i += digits;
	*group = (uint16_t)n;
	return true;
}

static bool ip6_parse(const char *t, size_t len, struct ip6_addr *a)
{
	uint16_t group[GROUPS] = { 0 };
	size_t n = 0, gap = GROUPS + 1, i = 0;

	if (len >= 2 && t[0] == ':' && t[1] == ':') {
		gap = 0;
		i = 2;
	}
	while (i < len) {
		uint32_t v4;
		size_t start = i;

		if (n >= GROUPS)
			return false;
		/* the dotted tail takes the last two groups */
		if (n <= GROUPS - 2 && ip4_parse(t + i, len - i, &v4)) {
			group[n++] = (uint16_t)(v4 >> 16);
			group[n++] = (uint16_t)v4;
			i = len;
			break;
		}
		i = start;
		if (!group_parse(t, len, &i, &group[n]))
			return false;
		n++;
		if (i == len)
			break;
		if (t[i++] != ':')
			return false;
		if (i < len && t[i] == ':') {
			if (gap <= GROUPS)
				return false;	/* a second :: */
			gap = n;
			i++;
		} else if (i == len) {
			return false;		/* a single colon at the end */
		}
	}
	if (gap > GROUPS ? n != GROUPS : n >= GROUPS)
		return false;

	for (size_t g = 0; g < GROUPS; g++) {
		uint16_t v = 0;

		if (gap > GROUPS || g < gap)
			v = group[g];
		else if (g >= GROUPS - (n - gap))
			v = group[g - (GROUPS - n)];
		a->b[2 * g] = (uint8_t)(v >> 8);
		a->b[2 * g + 1] = (uint8_t)v;
	}
	return true;
}

bool addr_parse(const char *text, size_t len, struct ip6_addr *a)
{
	uint32_t v4;

	if (len >= ADDR_TEXT_MAX)
		return false;
	if (memchr(text, ':', len))
		return ip6_parse(text, len, a);
	if (!ip4_parse(text, len, &v4))
		return false;

	*a = addr_from_ip4(v4);
	return true;
}

bool prefix_parse(const char *text, size_t len, struct prefix *p)
{
	const char *slash = memchr(text, '/', len);
	struct ip6_addr a;
	unsigned int n = 0;

	if (!slash || !addr_parse(text, (size_t)(slash - text), &a))
		return false;

	size_t digits = len - (size_t)(slash - text) - 1;
	unsigned int most = addr_is_ip4(&a) && !memchr(text, ':', len) ? 32 : 128;

	if (digits < 1 || digits > 3 || (digits > 1 && slash[1] == '0'))
		return false;
	for (size_t i = 1; i <= digits; i++) {
		if (slash[i] < '0' || slash[i] > '9')
			return false;
		n = n * 10 + (unsigned int)(slash[i] - '0');
	}
	if (n > most)
		return false;
	n += 128 - most;

	struct ip6_addr net = addr_masked(&a, n);

	if (!addr_eq(&net, &a))
		return false;

	*p = (struct prefix){ .addr = a, .len = (uint8_t)n };
	return true;
}

static char *put_decimal(char *at, unsigned int n)
{
	char digits[10];
	size_t i = 0;

	do {
		digits[i++] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	while (i)
		*at++ = digits[--i];
	return at;
}

static char *put_hex(char *at, unsigned int n)
{
	bool started = false;

	for (int shift = 12; shift >= 0; shift -= 4) {
		unsigned int v = n >> shift & 15;

		if (v || started || shift == 0) {
			*at++ = "0123456789abcdef"[v];
			started = true;
		}
	}
	return at;
}

static char *put_ip4(char *at, uint32_t a)
{
	for (int shift = 24; shift >= 0; shift -= 8) {
		at = put_decimal(at, a >> shift & 255);
		if (shift)
			*at++ = '.';
	}
	return at;
}

/* The first longest run of two or more zero groups, RFC 5952 4.2. */
static void longest_zeros(const struct ip6_addr *a, size_t *start, size_t *run)
{
	*start = GROUPS;
	*run = 1;
	for (size_t g = 0; g < GROUPS; g++) {
		size_t n = 0;

		while (g + n < GROUPS && !a->b[2 * (g + n)] && !a->b[2 * (g + n) + 1])
			n++;
		if (n > *run) {
			*start = g;
			*run = n;
		}
		g += n;
	}
}

const char *addr_text(const struct ip6_addr *a, char buf[ADDR_TEXT_MAX])
{
	size_t start, run;
	char *at = buf;

	if (addr_is_ip4(a)) {
		*put_ip4(at, addr_ip4(a)) = '\0';
		return buf;
	}
	longest_zeros(a, &start, &run);
	for (size_t g = 0; g < GROUPS; g++) {
		if (g == start) {
			*at++ = ':';
			*at++ = ':';
			g += run - 1;
			continue;
		}
		if (at != buf && at[-1] != ':')
			*at++ = ':';
		at = put_hex(at, (unsigned int)(a->b[2 * g] << 8 | a->b[2 * g + 1]));
	}
	*at = '\0';
	return buf;
}

const char *prefix_text(const struct prefix *p, char buf[PREFIX_TEXT_MAX])
{
	unsigned int len = p->len;
	char *at = buf;

	addr_text(&p->addr, buf);
	while (*at)
		at++;
	if (addr_is_ip4(&p->addr) && len >= 96)
		len -= 96;
	*at++ = '/';
	*put_decimal(at, len) = '\0';
	return buf;
}
