/*
 * The latency test: what is asked, and which answers are believed (security.md L11).
 */
#include "pop.h"
#include "wire/ip4.h"

#define S     INT64_C(1000000)
#define TID   1
#define OUTER sizeof(struct ip4_hdr)
#define INNER (IP6_HDR_BYTES + LATENCY_ICMP_BYTES)
#define MAGIC UINT64_C(0x1122334455667788)

/* of the inner packet, RFC 8200 3 and RFC 4443 4.1 */
enum {
	AT_LEN = 4,
	AT_NEXT = 6,
	AT_SRC = 8,
	AT_DST = 24,
	AT_TYPE = 40,
	AT_SUM = 42,
	AT_ID = 44,
	AT_SEQ = 46,
	AT_OWN = 48
};

struct message {
	uint8_t bytes[INNER];
	size_t len;
};

static struct fixture *fresh(void)
{
	struct fixture *f = pop_new(NULL);

	pop_tunnel(f, TID)->ep.us = address(pop_v4);
	pop_tunnel(f, 2)->ep.us = address(pop_v4);
	path_magic(&f->pa, MAGIC);
	return f;
}

static struct latency figures(struct fixture *f)
{
	return tunnel_latency(&f->region.table.cold[TID]);
}

static enum verdict probe(struct fixture *f, uint16_t tid)
{
	pkt_init(&f->p, f->in, 0, VIA_SELF);
	return saw(path_probe(&f->pa, tid, &f->p));
}

/* What the client makes of a request: ends exchanged, type 129, checksum as RFC 1071 says. */
static struct message reply_to(const uint8_t *request)
{
	struct message m = { .len = INNER };
	uint32_t sum = LATENCY_ICMP_BYTES + 58;

	memcpy(m.bytes, request, INNER);
	memcpy(m.bytes + AT_SRC, request + AT_DST, 16);
	memcpy(m.bytes + AT_DST, request + AT_SRC, 16);
	m.bytes[AT_TYPE] = 129;
	m.bytes[AT_SUM] = m.bytes[AT_SUM + 1] = 0;
	for (size_t i = AT_SRC; i < INNER; i++)
		sum += i & 1 ? m.bytes[i] : (uint32_t)m.bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	m.bytes[AT_SUM] = (uint8_t)(~sum >> 8);
	m.bytes[AT_SUM + 1] = (uint8_t)~sum;
	return m;
}

static struct message ask(struct fixture *f)
{
	if (probe(f, TID) != PASS)
		exit(99);
	return reply_to(f->p.data + OUTER);
}

static enum verdict hear(struct fixture *f, const struct message *m, uint16_t from)
{
	pop_arrive(f, VIA_P41, m->bytes, m->len, NULL, NULL);
	f->p.from = from;
	return saw(latency_take(&f->pa, &f->p));
}

static void the_request_is_as_published(void)
{
	/* the historic daemon's, up to where its private payload begins; the checksum covers that
	 */
	static const char published[] = "60000000001f3a4020010db802ff0001000000000000000120010db802"
	                                "ff000100000000000000028000"
					"a02642420000";
	struct fixture *f = fresh();
	struct ip6_addr them = address("198.51.100.7");
	uint8_t want[AT_OWN];
	struct traffic *t = &pop_tunnel(f, TID)->traffic;
	const uint8_t *inner;
	uint32_t sum = LATENCY_ICMP_BYTES + 58;

	unhex(published, want, sizeof(want));
	want[AT_LEN] = LATENCY_ICMP_BYTES >> 8;
	want[AT_LEN + 1] = LATENCY_ICMP_BYTES & 255;
	ok(probe(f, TID) == PASS && f->p.out == OUT_WIRE && f->p.len == OUTER + INNER &&
	           INNER == 1029 && addr_eq(&f->p.out_to, &them),
	   "1029 octets go to the tunnel's endpoint");
	inner = f->p.data + OUTER;
	memcpy(want + AT_SUM, inner + AT_SUM, 2);
	ok(memcmp(inner, want, sizeof(want)) == 0, "headers, identifier and sequence as published");
	for (size_t i = AT_SRC; i < INNER; i++)
		sum += i & 1 ? inner[i] : (uint32_t)inner[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	ok(sum == 0xffff, "the checksum is right");
	ok(t->out_packets == 1 && t->out_octets == OUTER + INNER,
	   "counted as traffic out of the tunnel");
	ok(probe(f, TID) == PASS && f->p.data[OUTER + AT_SEQ] == 0 &&
	           f->p.data[OUTER + AT_SEQ + 1] == 1,
	   "the second has sequence 1");
	ok(figures(f).sent == 2 && figures(f).received == 0, "two were sent");
}

static void there_may_be_nothing_to_ask(void)
{
	static const struct {
		uint16_t tid;
		enum verdict ends;
		const char *why;
	} rows[] = {
		{ 3, DROP_TO_DOWN, "down" },
		{ 4, DROP_TO_DISABLED, "disabled" },
		{ 5, DROP_TO_DISABLED, "not configured" },
		{ POP_TUNNELS, DROP_TO_DISABLED, "beyond the table" },
		{ 0x42c, DROP_NO_ENDPOINT, "up, but never heard from" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture *f = fresh();
		enum verdict v = probe(f, rows[i].tid);

		ok(v == rows[i].ends && f->p.out == OUT_NONE &&
		           (rows[i].tid >= POP_TUNNELS ||
		            (f->region.table.cold[rows[i].tid].latency.sent == 0 &&
		             f->region.table.cold[rows[i].tid].latency.next_seq == 0)),
		   "%s: %s", rows[i].why, verdict_info[v].name);
	}
}

static void an_answer_counts_once(void)
{
	struct fixture *f = fresh();
	struct message m = ask(f);

	pop_pass_time(f, 23456);
	ok(hear(f, &m, TID) == CONSUMED_LATENCY && figures(f).received == 1 &&
	           figures(f).min_us == 23456 && figures(f).max_us == 23456 &&
	           figures(f).sum_us == 23456,
	   "the answer gives the round trip");
	ask(f);
	ok(hear(f, &m, TID) == DROP_LOCAL_LATENCY && figures(f).received == 1,
	   "the same again does not, though another request is open");
	m = ask(f);
	pop_pass_time(f, 1000);
	hear(f, &m, TID);
	m = ask(f);
	pop_pass_time(f, 50000);
	hear(f, &m, TID);
	ok(figures(f).sent == 4 && figures(f).received == 3 && figures(f).min_us == 1000 &&
	           figures(f).max_us == 50000 && figures(f).sum_us == 23456 + 1000 + 50000,
	   "shortest, longest and sum over three answers of four requests");
}

static void change_nothing(struct fixture *f, struct message *m)
{
	(void)f, (void)m;
}

static void from_the_pop(struct fixture *f, struct message *m)
{
	(void)f;
	memcpy(m->bytes + AT_SRC, m->bytes + AT_DST, 16);
}

static void from_another_host(struct fixture *f, struct message *m)
{
	(void)f;
	m->bytes[AT_SRC + 15] = 3;
}

static void from_another_tunnel(struct fixture *f, struct message *m)
{
	(void)f;
	m->bytes[AT_SRC + 7] = 2;
}

static void to_another_tunnel(struct fixture *f, struct message *m)
{
	(void)f;
	m->bytes[AT_DST + 7] = 2;
}

/* the tunnel id that is none, in the addresses as well: nothing lies there */
static void to_and_from_nobody(struct fixture *f, struct message *m)
{
	(void)f;
	memset(m->bytes + AT_SRC + 6, 255, 2);
	memset(m->bytes + AT_DST + 6, 255, 2);
}

static void other_next_header(struct fixture *f, struct message *m)
{
	(void)f;
	m->bytes[AT_NEXT] = 60;
}

static void other_identifier(struct fixture *f, struct message *m)
{
	(void)f;
	m->bytes[AT_ID + 1] ^= 1;
}

static void a_request(struct fixture *f, struct message *m)
{
	(void)f;
	m->bytes[AT_TYPE] = 128;
}

static void next_sequence(struct fixture *f, struct message *m)
{
	(void)f;
	m->bytes[AT_SEQ + 1]++;
}

static void sequence_before(struct fixture *f, struct message *m)
{
	(void)f;
	m->bytes[AT_SEQ] = m->bytes[AT_SEQ + 1] = 255;
}

/* whichever of the first 16 octets are the time, the others are the magic */
static void wrong_magic(struct fixture *f, struct message *m)
{
	(void)f;
	m->bytes[AT_OWN + 15] ^= 1;
}

static void magic_of_zeros(struct fixture *f, struct message *m)
{
	(void)f;
	memset(m->bytes + AT_OWN + 8, 0, 8);
}

static void shorter(struct message *m, size_t icmp)
{
	m->len = IP6_HDR_BYTES + icmp;
	m->bytes[AT_LEN] = (uint8_t)(icmp >> 8);
	m->bytes[AT_LEN + 1] = (uint8_t)icmp;
}

static void icmp_of_57(struct fixture *f, struct message *m)
{
	(void)f;
	shorter(m, 57);
}

static void icmp_of_56(struct fixture *f, struct message *m)
{
	(void)f;
	shorter(m, 56);
}

static void after_10_s(struct fixture *f, struct message *m)
{
	(void)m;
	pop_pass_time(f, 10 * S);
}

static void after_more_than_10_s(struct fixture *f, struct message *m)
{
	(void)m;
	pop_pass_time(f, 10 * S + 1);
}

static void at_once(struct fixture *f, struct message *m)
{
	(void)m;
	pop_pass_time(f, 0);
}

static void from_the_future(struct fixture *f, struct message *m)
{
	(void)m;
	pop_pass_time(f, -1);
}

static void magic_replaced_once(struct fixture *f, struct message *m)
{
	(void)m;
	path_magic(&f->pa, 1);
}

static void magic_replaced_twice(struct fixture *f, struct message *m)
{
	(void)m;
	path_magic(&f->pa, 1);
	path_magic(&f->pa, 2);
}

static void only_the_true_answer_is_believed(void)
{
	static const struct {
		void (*change)(struct fixture *f, struct message *m);
		uint16_t from;
		bool good;
		const char *why;
	} rows[] = {
		{ change_nothing, TID, true, "as it should be" },
		{ change_nothing, 2, false, "through another tunnel" },
		{ change_nothing, TID_NONE, false, "from the uplink" },
		{ from_the_pop, TID, false, "source ::1" },
		{ from_another_host, TID, false, "source ::3" },
		{ from_another_tunnel, TID, false, "source of another tunnel" },
		{ to_another_tunnel, TID, false, "to another tunnel's ::1" },
		{ to_and_from_nobody, TID_NONE, false, "from nobody's tunnel" },
		{ other_next_header, TID, false, "not ICMPv6 at all" },
		{ other_identifier, TID, false, "another identifier" },
		{ a_request, TID, false, "a request" },
		{ next_sequence, TID, false, "a sequence not sent yet" },
		{ sequence_before, TID, false, "a sequence before the first" },
		{ wrong_magic, TID, false, "wrong magic" },
		{ magic_of_zeros, TID, false, "magic 0, right after start" },
		{ magic_replaced_once, TID, true, "the magic before" },
		{ magic_replaced_twice, TID, false, "the magic before that" },
		{ icmp_of_57, TID, true, "57 octets of ICMPv6" },
		{ icmp_of_56, TID, false, "56 octets of ICMPv6" },
		{ at_once, TID, true, "in no time" },
		{ from_the_future, TID, false, "sent in the future" },
		{ after_10_s, TID, true, "after 10 s" },
		{ after_more_than_10_s, TID, false, "after more than 10 s" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture *f = fresh();
		struct message m = ask(f);
		struct latency before = figures(f);

		rows[i].change(f, &m);
		enum verdict v = hear(f, &m, rows[i].from);
		struct latency after = figures(f);

		ok(v == (rows[i].good ? CONSUMED_LATENCY : DROP_LOCAL_LATENCY) &&
		           (memcmp(&before, &after, sizeof(before)) == 0) == !rows[i].good &&
		           f->region.table.cold[2].latency.received == 0,
		   "%s: %s", rows[i].why, verdict_info[v].name);
	}
}

static void every_shorter_length_is_refused(void)
{
	struct fixture *f = fresh();
	struct message m = ask(f);
	size_t accepted = 0;

	for (size_t n = 0; n < IP6_HDR_BYTES + 57; n++) {
		uint8_t *block = malloc(PKT_HEADROOM + n);

		memcpy(block + PKT_HEADROOM, m.bytes, n);
		pkt_init(&f->p, block, n, VIA_P41);
		f->p.from = TID;
		accepted += saw(latency_take(&f->pa, &f->p)) != DROP_LOCAL_LATENCY;
		free(block);
	}
	ok(accepted == 0 && figures(f).received == 0, "no length below 97 is accepted");
}

static void the_last_64_requests_may_be_answered(void)
{
	struct fixture *f = fresh();
	struct message m[65];

	for (size_t i = 0; i < ARRAY_LEN(m); i++)
		m[i] = ask(f);
	ok(hear(f, &m[0], TID) == DROP_LOCAL_LATENCY, "the 65th last may not");
	ok(hear(f, &m[1], TID) == CONSUMED_LATENCY, "the 64th last may");
	ok(hear(f, &m[64], TID) == CONSUMED_LATENCY, "the last may");
	ok(hear(f, &m[1], TID) == DROP_LOCAL_LATENCY && hear(f, &m[64], TID) == DROP_LOCAL_LATENCY,
	   "neither twice");
	size_t more = 0;

	for (size_t i = 2; i < 64; i++)
		more += hear(f, &m[i], TID) == CONSUMED_LATENCY;
	ok(more == 62 && figures(f).received == 64 && figures(f).seen == UINT64_MAX,
	   "in any order, every one once");
}

static void the_sequence_wraps(void)
{
	struct fixture *f = fresh();
	struct message a, b;

	f->region.table.cold[TID].latency.next_seq = UINT16_MAX;
	a = ask(f);
	b = ask(f);
	ok(b.bytes[AT_SEQ] == 0 && b.bytes[AT_SEQ + 1] == 0, "after 65535 comes 0");
	ok(hear(f, &a, TID) == CONSUMED_LATENCY && hear(f, &b, TID) == CONSUMED_LATENCY &&
	           hear(f, &a, TID) == DROP_LOCAL_LATENCY,
	   "answers to both count once");
}

static void a_reset_starts_from_zero(void)
{
	struct fixture *f = fresh();
	struct message first = ask(f), flying = ask(f), m;

	pop_pass_time(f, 1000);
	hear(f, &first, TID);
	pop_edit(f)->head->stats_epoch++;
	pop_apply(f);
	ok(hear(f, &flying, TID) == DROP_LOCAL_LATENCY,
	   "a request in flight at RESET is in neither window");
	ok(hear(f, &first, TID) == DROP_LOCAL_LATENCY, "nor one answered before");
	m = ask(f);
	ok(figures(f).epoch == 1 && figures(f).sent == 1 && figures(f).received == 0 &&
	           figures(f).min_us == 0 && figures(f).max_us == 0 && figures(f).sum_us == 0 &&
	           m.bytes[AT_SEQ + 1] == 2,
	   "the next request starts from zero, its sequence goes on");
	ok(hear(f, &flying, TID) == DROP_LOCAL_LATENCY &&
	           hear(f, &first, TID) == DROP_LOCAL_LATENCY,
	   "old answers do not fill the new window");
	pop_pass_time(f, 777);
	ok(hear(f, &m, TID) == CONSUMED_LATENCY && figures(f).received == 1 &&
	           figures(f).min_us == 777,
	   "its own answer does");
}

static void the_whole_way_counts_both_directions(void)
{
	struct fixture *f = fresh();
	struct message m = ask(f);
	struct traffic *t = &pop_tunnel(f, TID)->traffic;

	ok(pop_give(f, VIA_P41, m.bytes, m.len, "198.51.100.7", pop_v4) == CONSUMED_LATENCY &&
	           f->p.out == OUT_NONE && f->reply.out == OUT_NONE,
	   "arriving as protocol 41: consumed");
	ok(t->in_packets == 1 && t->in_octets == INNER && t->out_packets == 1 &&
	           figures(f).received == 1,
	   "counted as traffic in and out");
	m.bytes[AT_OWN + 20] ^= 1;
	ok(pop_give(f, VIA_P41, m.bytes, m.len, "198.51.100.7", pop_v4) == DROP_LOCAL_CHECKSUM,
	   "with a wrong checksum: dropped");
}

int main(void)
{
	the_request_is_as_published();
	there_may_be_nothing_to_ask();
	an_answer_counts_once();
	only_the_true_answer_is_believed();
	every_shorter_length_is_refused();
	the_last_64_requests_may_be_answered();
	the_sequence_wraps();
	a_reset_starts_from_zero();
	the_whole_way_counts_both_directions();
	return tap_done();
}
