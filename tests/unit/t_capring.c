/*
 * The ring of captured packets: what is put comes out whole and in order, a full ring loses the
 * newest and counts it. One thread, then two. And outer headers made again.
 */
#include <pthread.h>

#include "base/sum.h"
#include "table/capring.h"
#include "table/rebuild.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/proto.h"
#include "wire/udp.h"
#include "tap.h"

#define SIZE	((size_t)256 << 10)

static uint8_t memory[SIZE] ALIGNED(CACHE_LINE);
static uint8_t octets[70000];

static size_t length_of(uint32_t n)
{
	static const size_t length[] = { 0, 1, 23, 24, 25, 40, 88, 1280, 1480, 9000, 65535 };

	return length[(n * 7) % ARRAY_LEN(length)];
}

/* Record number @n, in two parts. */
static bool put(struct capring *r, uint32_t n)
{
	struct capture c = { .at = { n }, .from = (uint16_t)n, .shown = n & 1 };
	size_t len = length_of(n), head = len < 40 ? len / 2 : 40;

	memset(octets, (int)(n & 0xff), len);
	c.len = (uint32_t)len;
	return capring_put(r, &c, cur_of(octets, head), cur_of(octets + head, len - head));
}

static bool take(struct capring *r, uint32_t n)
{
	const uint8_t *at;
	const struct capture *c = capring_peek(r, &at);
	bool good;

	if (!c)
		return false;
	good = c->at.us == (int64_t)n && c->from == (uint16_t)n && c->kept == length_of(n) &&
	       c->len == c->kept;
	for (uint32_t i = 0; good && i < c->kept; i++)
		good = at[i] == (uint8_t)n;
	capring_drop(r);
	return good;
}

static void records_come_out_as_they_went_in(void)
{
	struct capring r;
	const uint8_t *at;
	uint32_t in = 0, out = 0, lost = 0;
	bool good = true;

	capring_init(&r, memory, SIZE);
	ok(!capring_peek(&r, &at) && capring_at(&r) == capring_end(&r), "a new ring is empty");
	capring_drop(&r);
	for (uint32_t round = 0; round < 20000; round++) {
		for (uint32_t i = 0; i < round % 23; i++) {
			if (put(&r, in))
				in++;
			else
				lost++;
		}
		for (uint32_t i = 0; i < (round * 7) % 25 && out < in; i++)
			good = good && take(&r, out++);
	}
	while (out < in)
		good = good && take(&r, out++);
	ok(good && in > 10000, "%u records of all lengths come out whole and in order", in);
	ok(lost > 0 && lost == r.lost[0] + r.lost[1], "%u that did not fit are counted", lost);
	ok(!capring_peek(&r, &at), "and it is empty again");
}

static void a_full_ring_loses_the_newest(void)
{
	struct capture c = { .shown = SHOWN_INNER };
	struct capring r;
	uint32_t n = 0;
	bool good = true;

	capring_init(&r, memory, SIZE);
	while (put(&r, n))
		n++;
	good = r.lost[n & 1] == 1;
	for (uint32_t i = 0; i < n; i++)
		good = good && take(&r, i);
	ok(good, "what was there before is still whole");
	good = !capring_put(&r, &c, cur_of(octets, sizeof(octets)), cur_of(octets, sizeof(octets)));
	ok(good && capring_at(&r) == capring_end(&r), "what can never fit is lost and stops nothing");
	ok(put(&r, 4) && take(&r, 4), "after that it works as before");
}

/* ---- two threads ---- */

static struct capring shared;
static const uint32_t enough = 300000;
static uint32_t put_ok;

static void *produce(void *arg)
{
	(void)arg;
	for (uint32_t n = 0; n < enough; n++) {
		struct capture c = { .at = { n }, .len = n };
		uint8_t text[64];

		memset(text, (int)(n & 0xff), sizeof(text));
		if (capring_put(&shared, &c, cur_of(text, n % 65), cur_of(text, n % 33)))
			put_ok++;
	}
	return NULL;
}

static void two_threads_lose_nothing_they_do_not_count(void)
{
	pthread_t thread;
	uint32_t got = 0;
	int64_t last = -1;
	bool good = true, over = false;

	capring_init(&shared, memory, SIZE);
	if (pthread_create(&thread, NULL, produce, NULL))
		exit(99);
	while (!over || capring_at(&shared) != capring_end(&shared)) {
		const uint8_t *at;
		const struct capture *c = capring_peek(&shared, &at);

		if (!c) {
			over = over || pthread_tryjoin_np(thread, NULL) == 0;
			continue;
		}
		good = good && c->at.us > last && c->kept == c->at.us % 65 + c->at.us % 33;
		for (uint32_t i = 0; i < c->kept; i++)
			good = good && at[i] == (uint8_t)c->at.us;
		last = c->at.us;
		got++;
		capring_drop(&shared);
	}
	ok(good, "every record is whole, and later than the one before");
	ok(got == put_ok && got + shared.lost[0] == enough, "%u taken, %llu lost, none unaccounted for",
	   got, (unsigned long long)shared.lost[0]);
}

/* ---- headers ---- */

static struct ip6_addr address(const char *text)
{
	struct ip6_addr a;

	if (!addr_parse(text, strlen(text), &a))
		exit(99);
	return a;
}

static void headers_are_made_again(void)
{
	static const struct {
		enum via	via;
		bool		six;
		uint8_t		proto;
	} kinds[] = {
		{ VIA_P41, false, PROTO_IPV6 }, { VIA_P41, true, PROTO_IPV6 },
		{ VIA_GRE, false, PROTO_GRE }, { VIA_AYIYA, false, PROTO_UDP },
		{ VIA_AYIYA, true, PROTO_UDP }, { VIA_BEAT, false, PROTO_UDP },
		{ VIA_ICMP4, false, PROTO_ICMP4 }, { VIA_ICMP6, true, PROTO_ICMP6 },
		{ VIA_PROTO4, false, PROTO_IPV4 },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		bool six = kinds[i].six, udp = kinds[i].proto == PROTO_UDP, good;
		struct around a = {
			.via = kinds[i].via, .them_port = 40000, .us_port = 5072, .ecn = 2,
			.them = address(six ? "2001:db8::1" : "198.51.100.1"),
			.us = address(six ? "2001:db8::2" : "192.0.2.42"),
		};
		uint8_t out[REBUILT_MAX + 101];
		size_t n = rebuild_outer(out, &a, cur_of(octets, 101), 101);
		size_t ip = six ? sizeof(struct ip6_hdr) : sizeof(struct ip4_hdr);
		struct ip4_hdr h4;
		struct ip6_hdr h6;
		uint64_t pseudo;

		memcpy(out + n, octets, 101);
		memcpy(&h4, out, sizeof(h4));
		memcpy(&h6, out, sizeof(h6));
		good = n == ip + (udp ? 8 : 0);
		if (six)
			good = good && be16_get(&h6.payload_len) == n - ip + 101 &&
			       h6.next == kinds[i].proto && be32_get(&h6.vtf) == 0x60200000;
		else
			good = good && be16_get(&h4.total_len) == n + 101 && sum_ok(sum_add(0, out, ip)) &&
			       h4.protocol == kinds[i].proto && h4.tos == 2;
		pseudo = six ? sum_pseudo6(&h6.src, &h6.dst, 109, PROTO_UDP) :
			       sum_pseudo4(&h4.src, &h4.dst, 109, PROTO_UDP);
		if (udp)
			good = good && sum_ok(sum_add(pseudo, out + ip, 109));
		ok(good, "outer header of protocol %u over IPv%d", kinds[i].proto, six ? 6 : 4);
	}
}

int main(void)
{
	records_come_out_as_they_went_in();
	a_full_ring_loses_the_newest();
	two_threads_lose_nothing_they_do_not_count();
	headers_are_made_again();
	return tap_done();
}
