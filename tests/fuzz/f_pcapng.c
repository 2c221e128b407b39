/*
 * A capture: what is written for any packet, and how sixxsctl finds where a block ends. Input:
 * how it came (9 octets), what became of it (8), then its octets.
 */
#include "scene.h"

#include "client/blocks.h"
#include "ctl/capture_stream.h"
#include "ctl/pcapng.h"
#include "table/rebuild.h"

#define FILE_MAX	(64 * 1024)

struct file {
	uint8_t	octets[FILE_MAX];
	size_t	len;
	size_t	end[8];		/* of each block */
	unsigned int blocks;
};

static uint32_t le(const uint8_t *at, size_t octets)
{
	uint32_t n = 0;

	while (octets--)
		n = n << 8 | at[octets];
	return n;
}

static void append(struct file *f, const void *octets, size_t len)
{
	must(f->len + len <= sizeof(f->octets), "a block is no longer than its packet asks for");
	memcpy(f->octets + f->len, octets, len);
	f->len += len;
}

static void block_ends(struct file *f)
{
	f->end[f->blocks++] = f->len;
}

/* ---- the file, read back ---- */

static bool is_utf8(const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		size_t more = at[i] < 0x80 ? 0 : at[i] >> 5 == 6 ? 1 : at[i] >> 4 == 14 ? 2 :
			      at[i] >> 3 == 30 ? 3 : 9;

		if (more >= len - i)
			return false;
		while (more--) {
			if (at[++i] >> 6 != 2)
				return false;
		}
	}
	return true;
}

/* Return: where the options of that code begin; @len: its length; NULL: there is none */
static const uint8_t *options_hold(const uint8_t *at, size_t left, uint32_t code, size_t *len)
{
	const uint8_t *found = NULL;

	for (;;) {
		must(left >= 4, "options have an end");

		uint32_t is = le(at, 2), octets = le(at + 2, 2), padded = (octets + 3) & ~3u;

		if (is == 0) {
			must(octets == 0 && left == 4, "which is the last thing in the block");
			return found;
		}
		must(left >= 4 + padded, "an option lies in its block");
		for (uint32_t i = octets; i < padded; i++)
			must(at[4 + i] == 0, "padded with nothing");
		if (is == 1)
			must(is_utf8(at + 4, octets), "a comment is UTF-8");
		if (is == code) {
			found = at + 4;
			*len = octets;
		}
		at += 4 + padded;
		left -= 4 + padded;
	}
}

static const uint8_t *block(const struct file *f, unsigned int n, uint32_t type, size_t *len)
{
	size_t from = n ? f->end[n - 1] : 0;
	const uint8_t *b = f->octets + from;

	*len = f->end[n] - from;
	must(*len >= 12 && *len % 4 == 0, "a block is whole words");
	must(le(b, 4) == type, "of its type");
	must(le(b + 4, 4) == *len && le(b + *len - 4, 4) == *len, "and says its length twice");
	return b;
}

static void packet_holds(const struct file *f, unsigned int n, const struct capture *c,
			 const uint8_t *octets, const char *comment)
{
	size_t len, padded = (c->kept + 3u) & ~3u, option;
	const uint8_t *b = block(f, n, 6, &len), *text;

	must(le(b + 8, 4) == c->shown, "on its interface");
	must(le(b + 20, 4) == c->kept && le(b + 24, 4) == c->len, "with its lengths");
	must(len >= 32 + padded && memcmp(b + 28, octets, c->kept) == 0, "and its octets");
	text = options_hold(b + 28 + padded, len - 32 - padded, 1, &option);
	must(text && option == min_size(strlen(comment), PCAPNG_TEXT_MAX) &&
		     memcmp(text, comment, option) == 0, "and what is said of it");
	text = options_hold(b + 28 + padded, len - 32 - padded, 2, &option);
	must(text && option == 4 && le(text, 4) == (c->outbound ? 2 : 1), "and its direction");
}

static void client_agrees(const struct file *f, size_t piece)
{
	struct blocks at = { .have = 0 };
	unsigned int n = 0;

	for (size_t i = 0; i < f->len; i++) {
		blocks_pass(&at, (const char *)f->octets + i, 1);
		must(blocks_whole(&at) == (i + 1 == f->end[n]), "sixxsctl knows where a block ends");
		n += i + 1 == f->end[n];
	}
	at = (struct blocks){ .have = 0 };
	for (size_t i = 0; i < f->len; i += min_size(piece, f->len - i))
		blocks_pass(&at, (const char *)f->octets + i, min_size(piece, f->len - i));
	must(blocks_whole(&at), "however they come");
}

/* Whatever somebody else says is a capture. */
static void client_stands(const uint8_t *octets, size_t len, size_t piece)
{
	struct blocks one = { .have = 0 }, pieces = { .have = 0 };

	for (size_t i = 0; i < len; i++)
		blocks_pass(&one, (const char *)octets + i, 1);
	for (size_t i = 0; i < len; i += min_size(piece, len - i))
		blocks_pass(&pieces, (const char *)octets + i, min_size(piece, len - i));
	must(one.have == pieces.have && one.left == pieces.left &&
		     (one.have == 0 || memcmp(one.head, pieces.head, one.have) == 0),
	     "and where it is in others does not hang on how they come");
	must(one.have < sizeof(one.head), "a head is taken when it is whole");
}

/* ---- the headers that were around it ---- */

static void outer_holds(const struct around *a, const uint8_t *h, size_t head, struct cur body,
			size_t len)
{
	bool four = addr_is_ip4(&a->them), udp = a->via == VIA_AYIYA || a->via == VIA_BEAT;
	size_t ip = four ? 20 : 40, said;

	must(head == ip + (udp ? 8 : 0), "an outer header, and UDP's where there is one");
	must(h[0] >> 4 == (four ? 4 : 6), "of the endpoint's family");
	said = four ? (size_t)h[2] << 8 | h[3] : 40u + ((size_t)h[4] << 8 | h[5]);
	must(said == head + len, "that says its length");
	if (four)
		must(naive_add(0, h, 20) == 0xffff, "with a good checksum");
	if (!udp)
		return;
	must(((size_t)h[ip + 4] << 8 | h[ip + 5]) == 8 + len, "UDP's likewise");
	if (body.left == len) {
		static uint8_t whole[REBUILT_MAX + SCENE_INPUT_MAX];

		memcpy(whole, h, head);
		memcpy(whole + head, body.at, body.left);
		if (four) {
			uint8_t pseudo[12] = { 0 };

			memcpy(pseudo, h + 12, 8);
			pseudo[9] = 17;
			memcpy(pseudo + 10, h + ip + 4, 2);
			must(naive_add(naive_add(0, pseudo, 12), whole + ip, 8 + len) == 0xffff,
			     "and its checksum is good");
		} else {
			must(naive_upper6(whole, whole + 40, 8 + len, 17) == 0xffff,
			     "and its checksum is good");
		}
		must(h[ip + 6] || h[ip + 7], "and is one");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum via vias[] = { VIA_P41, VIA_GRE, VIA_AYIYA, VIA_BEAT, VIA_ICMP4, VIA_ICMP6,
					 VIA_PROTO4 };
	static struct file f;
	uint8_t buf[PCAPNG_BLOCK_MAX], octets[REBUILT_MAX + SCENE_INPUT_MAX];
	char comment[CAPTURE_COMMENT_MAX];

	scene_open();
	if (size < 17 || size - 17 > SCENE_INPUT_MAX)
		return 0;

	const uint8_t *h = data;
	struct cur body = cur_of(data + 17, size - 17);
	/* what is longer is no packet */
	size_t was = min_size(body.left + (h[1] & 1 ? (size_t)h[2] << 8 | h[3] : 0), 65535 - REBUILT_MAX);
	const struct around a = {
		.via = vias[h[0] % ARRAY_LEN(vias)], .ecn = h[1] >> 1 & 3,
		.them = h[1] & 8 ? address(MALLORY) : address("2001:db8:cafe::7"),
		.us = h[1] & 8 ? address(pop_v4) : address(pop_v6),
		.them_port = (uint16_t)(h[4] << 8 | h[5]), .us_port = (uint16_t)(h[6] << 8 | h[7]),
	};
	bool outer = h[1] & 16;
	size_t head = outer ? rebuild_outer(octets, &a, body, was) : 0;
	struct capture c = {
		.at = { h[8] }, .kept = (uint32_t)(head + body.left), .len = (uint32_t)(head + was),
		.verdict = h[9] % (VERDICT_COUNT + 1), .from = h[10] & 1 ? h[11] : TID_NONE,
		.to = h[10] & 2 ? h[12] : TID_NONE, .blame = h[10] & 4 ? h[13] : TID_NONE,
		.via = (uint8_t)a.via, .shown = outer ? SHOWN_OUTER : SHOWN_INNER,
		.toward = h[14] & 3, .outbound = h[10] >> 3 & 1,
	};

	if (outer)
		outer_holds(&a, octets, head, body, was);
	memcpy(octets + head, body.at, body.left);
	(void)capture_comment(region_config(&scene->region), &c, comment);
	must(is_utf8((const uint8_t *)comment, strlen(comment)) && *comment &&
		     strlen(comment) < sizeof(comment) - 1, "what is said of it is whole");

	struct pcapng_packet p = {
		.interface = c.shown, .us = (int64_t)le(h, 8), .captured = c.kept, .original = c.len,
		.way = c.outbound ? PCAPNG_OUTBOUND : PCAPNG_INBOUND, .comment = comment,
	};
	size_t len;

	f.len = f.blocks = 0;
	append(&f, buf, pcapng_section(buf, "Linux", "sixxsd"));
	block_ends(&f);
	append(&f, buf, pcapng_interface(buf, "outer", "text"));
	block_ends(&f);
	append(&f, buf, pcapng_head(buf, &p));
	append(&f, octets, c.kept);
	append(&f, buf, pcapng_tail(buf, &p));
	block_ends(&f);
	append(&f, buf, pcapng_statistics(buf, c.shown, p.us, was, h[15]));
	block_ends(&f);
	(void)options_hold(block(&f, 0, 0x0a0d0d0a, &len) + 24, f.end[0] - 28, 0, &len);
	(void)options_hold(block(&f, 1, 1, &len) + 16, f.end[1] - f.end[0] - 20, 0, &len);
	packet_holds(&f, 2, &c, octets, comment);
	(void)options_hold(block(&f, 3, 5, &len) + 20, f.end[3] - f.end[2] - 24, 0, &len);
	client_agrees(&f, h[16] + 1u);
	client_stands(data, size, h[16] + 1u);
	return 0;
}
