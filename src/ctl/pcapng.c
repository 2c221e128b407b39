#include "ctl/pcapng.h"

#include <string.h>

enum {
	BLOCK_SECTION		= 0x0a0d0d0a,
	BLOCK_INTERFACE		= 1,
	BLOCK_STATISTICS	= 5,
	BLOCK_PACKET		= 6,
	MAGIC			= 0x1a2b3c4d,
	VERSION_MAJOR		= 1,
	LINKTYPE_RAW		= 101,	/* bare IPv4 or IPv6 */
	RESOLUTION_US		= 6,	/* 10^-6 s */
};

enum {
	OPT_END			= 0,
	OPT_COMMENT		= 1,
	OPT_SHB_OS		= 3,
	OPT_SHB_USERAPPL	= 4,
	OPT_IF_NAME		= 2,
	OPT_IF_DESCRIPTION	= 3,
	OPT_IF_TSRESOL		= 9,
	OPT_EPB_FLAGS		= 2,
	OPT_ISB_IFRECV		= 4,
	OPT_ISB_IFDROP		= 5,
};

struct out {
	uint8_t	*buf;
	size_t	len;
};

static void put(struct out *o, uint64_t value, size_t octets)
{
	for (size_t i = 0; i < octets; i++, value >>= 8)
		o->buf[o->len++] = (uint8_t)value;
}

static void put16(struct out *o, uint32_t value)
{
	put(o, value, 2);
}

static void put32(struct out *o, uint32_t value)
{
	put(o, value, 4);
}

static void pad(struct out *o, size_t len)
{
	put(o, 0, -len & 3);
}

static void put_option(struct out *o, uint32_t code, const void *value, size_t len)
{
	put16(o, code);
	put16(o, (uint32_t)len);
	memcpy(o->buf + o->len, value, len);
	o->len += len;
	pad(o, len);
}

static void put_text(struct out *o, uint32_t code, const char *text)
{
	if (text)
		put_option(o, code, text, strnlen(text, PCAPNG_TEXT_MAX));
}

static void put_counter(struct out *o, uint32_t code, uint64_t n)
{
	put16(o, code);
	put16(o, sizeof(n));
	put(o, n, sizeof(n));
}

static struct out begin(uint8_t *buf, uint32_t type)
{
	struct out o = { buf, 0 };

	put32(&o, type);
	put32(&o, 0);			/* the length: end() */
	return o;
}

static void end_options(struct out *o)
{
	put16(o, OPT_END);
	put16(o, 0);
}

static size_t end(struct out *o)
{
	struct out length = { o->buf, 4 };

	end_options(o);
	put32(&length, (uint32_t)o->len + 4);
	put32(o, (uint32_t)o->len + 4);
	return o->len;
}

/* High half first: RFC-to-be, "Enhanced Packet Block". */
static void put_time(struct out *o, int64_t us)
{
	put32(o, (uint32_t)((uint64_t)us >> 32));
	put32(o, (uint32_t)us);
}

size_t pcapng_section(uint8_t buf[PCAPNG_BLOCK_MAX], const char *os, const char *application)
{
	struct out o = begin(buf, BLOCK_SECTION);

	put32(&o, MAGIC);
	put16(&o, VERSION_MAJOR);
	put16(&o, 0);
	put(&o, UINT64_MAX, 8);		/* length of the section: not known */
	put_text(&o, OPT_SHB_OS, os);
	put_text(&o, OPT_SHB_USERAPPL, application);
	return end(&o);
}

size_t pcapng_interface(uint8_t buf[PCAPNG_BLOCK_MAX], const char *name, const char *description)
{
	static const uint8_t resolution = RESOLUTION_US;
	struct out o = begin(buf, BLOCK_INTERFACE);

	put16(&o, LINKTYPE_RAW);
	put16(&o, 0);
	put32(&o, 0);			/* packets are not cut */
	put_text(&o, OPT_IF_NAME, name);
	put_text(&o, OPT_IF_DESCRIPTION, description);
	put_option(&o, OPT_IF_TSRESOL, &resolution, sizeof(resolution));
	return end(&o);
}

/* Options, and the length again: what follows the packet. */
static size_t put_tail(struct out *o, const struct pcapng_packet *p)
{
	pad(o, p->captured);
	put_text(o, OPT_COMMENT, p->comment);
	if (p->way != PCAPNG_WAY_UNKNOWN) {
		put16(o, OPT_EPB_FLAGS);
		put16(o, 4);
		put32(o, (uint32_t)p->way);
	}
	end_options(o);
	return o->len + 4;
}

#define HEAD_BYTES	28

static uint32_t length_of(const struct pcapng_packet *p)
{
	uint8_t buf[PCAPNG_BLOCK_MAX];
	struct out o = { buf, 0 };

	return (uint32_t)(HEAD_BYTES + p->captured + put_tail(&o, p));
}

size_t pcapng_head(uint8_t buf[PCAPNG_BLOCK_MAX], const struct pcapng_packet *p)
{
	struct out o = { buf, 0 };

	put32(&o, BLOCK_PACKET);
	put32(&o, length_of(p));
	put32(&o, p->interface);
	put_time(&o, p->us);
	put32(&o, p->captured);
	put32(&o, p->original);
	return o.len;
}

size_t pcapng_tail(uint8_t buf[PCAPNG_BLOCK_MAX], const struct pcapng_packet *p)
{
	struct out o = { buf, 0 };

	put_tail(&o, p);
	put32(&o, (uint32_t)(HEAD_BYTES + p->captured + o.len + 4));
	return o.len;
}

size_t pcapng_statistics(uint8_t buf[PCAPNG_BLOCK_MAX], uint32_t interface, int64_t us,
			 uint64_t received, uint64_t lost)
{
	struct out o = begin(buf, BLOCK_STATISTICS);

	put32(&o, interface);
	put_time(&o, us);
	put_counter(&o, OPT_ISB_IFRECV, received);
	put_counter(&o, OPT_ISB_IFDROP, lost);
	return end(&o);
}
