/*
 * Lanes: what one worker puts is what the other takes, whole and in order; a full lane
 * loses the newest and says so. One thread, then two.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "io/parts.h"
#include "saw.h"
#include "tap.h"

static uint8_t buffer[PKT_ROOM];

static void *memory_of(size_t bytes)
{
	void *p = aligned_alloc(CACHE_LINE, bytes);

	if (!p)
		exit(99);
	return p;
}

/* Packet number @n: its length and octets follow from that. */
static size_t length_of(uint32_t n)
{
	static const size_t length[] = { 0, 1, 40, 41, 1280, 1480, 9000, 65535, 65536 };

	return length[(n * 7) % ARRAY_LEN(length)];
}

static void make(struct pkt *p, uint32_t n)
{
	pkt_init(p, buffer, length_of(n), VIA_GRE);
	memset(p->data, (int)(n & 0xff), p->len);
	p->from = (uint16_t)n;
	p->at = AT_ROUTE;
	p->traced = true;
	p->param = n;
	p->outer.them.b[15] = (uint8_t)n;
	pkt_note(p, NOTE_TO_TUNNEL, 7, n);
}

static bool is_number(const struct pkt *p, uint32_t n)
{
	if (p->len != length_of(n) || p->param != n || p->from != (uint16_t)n || p->via != VIA_GRE ||
	    p->at != AT_ROUTE || p->outer.them.b[15] != (uint8_t)n || p->notes != 1 ||
	    p->note[0].value != n)
		return false;
	for (size_t i = 0; i < p->len; i++) {
		if (p->data[i] != (uint8_t)n)
			return false;
	}
	return p->inner == p->data && p->inner_len == p->len && !p->traced &&
	       (size_t)(p->data - p->start) == PKT_HEADROOM;
}

/* What was around it, for a capture; not what happens to lie in front of another packet. */
static void its_encapsulation_comes_along(void)
{
	void *memory = memory_of(LANE_BYTES_MIN);
	struct lane l;
	struct pkt p;

	lane_init(&l, memory, LANE_BYTES_MIN);
	make(&p, 4);
	memset(p.data - 44, 0xab, 44);
	p.peeled = 44;
	ok(lane_put(&l, &p) && lane_take(&l, &p) && is_number(&p, 4) && p.peeled == 44 &&
	   p.data[-1] == 0xab && p.data[-44] == 0xab && !p.captured, "its encapsulation comes along");
	make(&p, 4);
	p.peeled = PKT_HEADROOM + 1;
	ok(lane_put(&l, &p) && lane_take(&l, &p) && is_number(&p, 4) && p.peeled == 0,
	   "one that has no room does not");
	free(memory);
}

/* Filled to the last place and emptied, so often that every end of memory is met. */
static void packets_come_out_as_they_went_in(void)
{
	size_t size = LANE_BYTES_MIN;
	struct lane l;
	uint32_t put = 0, taken = 0, full = 0;
	bool good = true;
	struct pkt p;

	lane_init(&l, memory_of(size), size);
	ok(!lane_waits(&l) && !lane_take(&l, &p), "a new lane is empty");
	for (unsigned int round = 0; round < 5000; round++) {
		unsigned int want = round % 50 + 1;

		for (unsigned int i = 0; i < want; i++) {
			make(&p, put);
			if (lane_put(&l, &p))
				put++;
			else
				full++;
		}
		for (unsigned int i = 0; i < (round * 13) % 60 && lane_take(&l, &p); i++) {
			good = good && is_number(&p, taken++);
			memset(p.start, 0xee, PKT_HEADROOM + p.len);	/* the taker's to change */
		}
		lane_free(&l);
	}
	while (lane_take(&l, &p))
		good = good && is_number(&p, taken++);
	ok(good && put == taken, "%u packets of 0 to 65536 octets come out whole and in order", taken);
	ok(full > 1000 && taken > 1000, "%u found it full and were told so", full);
	free(l.fifo.octets);
}

static void what_was_taken_stays_until_it_is_freed(void)
{
	size_t size = LANE_BYTES_MIN;
	struct pkt first, p;
	struct lane l;

	lane_init(&l, memory_of(size), size);
	make(&p, 4);
	ok(lane_put(&l, &p) && lane_take(&l, &first), "one is put and taken");
	make(&p, 4 + 9);		/* of the same length */
	while (lane_put(&l, &p))
		;
	ok(is_number(&first, 4), "until the lane is full again it lies where it lay");
	lane_free(&l);
	ok(lane_put(&l, &p), "freed, it makes room for another");
	free(l.fifo.octets);
}

static void the_largest_fits_wherever_the_end_lies(void)
{
	size_t size = LANE_BYTES_MIN;
	bool good = true;
	struct lane l;
	struct pkt p;

	lane_init(&l, memory_of(size), size);
	for (unsigned int i = 0; i < 4000; i++) {
		pkt_init(&p, buffer, i % 2 ? 65536 : i % 977, VIA_TUN);
		good = good && lane_put(&l, &p) && lane_take(&l, &p);
		lane_free(&l);
	}
	ok(good, "an empty lane takes the largest packet, whatever went before");
	pkt_init(&p, buffer, PKT_ROOM - PKT_HEADROOM + 1, VIA_TUN);
	ok(!lane_put(&l, &p), "and nothing larger");
	free(l.fifo.octets);
}

static void memory_is_shared_among_many(void)
{
	ok(lane_bytes(1) >= LANE_BYTES_MIN && lane_bytes(2) == LANES_BYTES &&
	   lane_bytes(WORKERS_MAX) == LANE_BYTES_MIN, "2 MiB for two, 256 KiB for sixteen");
	for (unsigned int n = 1; n <= WORKERS_MAX; n++) {
		struct crew *c = crew_new(n);
		bool good = c != NULL;

		for (unsigned int i = 0; good && i < n * n; i++)
			good = (c->lane[i].fifo.octets != NULL) == (i / n != i % n);
		ok(good, "%u workers have a lane for every pair", n);
		crew_free(c);
	}
}

/* ---- what is written by two threads lies on two lines ---- */

#define LINE_OF(type, member)	(offsetof(type, member) / CACHE_LINE)

static void no_line_is_written_by_two(void)
{
	ok(LINE_OF(struct lane, fifo.head) != LINE_OF(struct lane, fifo.tail) &&
	   LINE_OF(struct lane, fifo.head) == LINE_OF(struct lane, fifo.tail_seen) &&
	   LINE_OF(struct lane, fifo.tail) == LINE_OF(struct lane, fifo.at) &&
	   LINE_OF(struct lane, fifo.octets) != LINE_OF(struct lane, fifo.tail) &&
	   sizeof(struct lane) % CACHE_LINE == 0, "a lane's two ends");
	ok(sizeof(struct bell) == CACHE_LINE, "a bell");
}

/* ---- who wakes whom ---- */

static struct worker w[2];
static struct worker_shared shared[2];

static void two_workers(void)
{
	struct crew *c = crew_new(2);

	for (unsigned int i = 0; i < 2; i++) {
		w[i] = (struct worker){ .crew = c, .number = i, .fair = fair_new(2) };
		w[i].path.me = &shared[i];
		w[i].path.worker = i;
		w[i].path.workers = 2;
		c->wake[i] = eventfd(0, EFD_NONBLOCK);
	}
}

static bool woken(unsigned int i)
{
	uint64_t times;

	return read(w[0].crew->wake[i], &times, sizeof(times)) == sizeof(times);
}

static void hand(uint16_t tid)
{
	struct pkt p;

	make(&p, 2);
	p.owner = tid;
	worker_hand_over(&w[0], &p);
}

static void who_sleeps_is_woken_and_who_is_awake_is_not(void)
{
	struct pkt p;

	two_workers();
	hand(7);
	worker_hand_over_flush(&w[0]);
	ok(!woken(1), "who is awake is not woken");
	ok(!worker_may_sleep(&w[1]), "but finds it before it sleeps");
	worker_woke(&w[1]);
	ok(lane_take(crew_lane(w[1].crew, 0, 1), &p) && is_number(&p, 2), "what was handed to it");
	lane_free(crew_lane(w[1].crew, 0, 1));

	ok(worker_may_sleep(&w[1]), "with nothing to do it may sleep");
	worker_hand_over_flush(&w[0]);
	ok(!woken(1), "nobody wakes it for nothing");
	hand(9);
	ok(!woken(1), "nor before the batch is over");
	worker_hand_over_flush(&w[0]);
	ok(woken(1), "then it is woken");
	hand(11);
	worker_hand_over_flush(&w[0]);
	ok(!woken(1), "once");
}

static void a_full_lane_is_counted_and_waits_for_nobody(void)
{
	uint64_t *lost = &shared[0].verdict[DROP_QUEUE_HANDOVER];
	struct lane *l = crew_lane(w[0].crew, 0, 1);
	uint32_t taken = 0, handed = 4000;
	struct pkt p;

	while (lane_take(l, &p))
		lane_free(l);
	for (uint32_t i = 0; i < handed; i++)
		hand(1);
	while (lane_take(l, &p))
		taken++;
	ok(*lost > 0 && *lost + taken == handed, "%u of %u fit, and the %u lost are counted", taken,
	   handed, (unsigned int)*lost);
	if (*lost)
		saw(DROP_QUEUE_HANDOVER);
	ok(shared[1].verdict[DROP_QUEUE_HANDOVER] == 0, "by who lost them");
}

/* ---- two threads ---- */

#define MANY	200000u

static struct lane across;

static void *producer(void *arg)
{
	struct pkt p;
	static uint8_t mine[PKT_ROOM];

	(void)arg;
	for (uint32_t n = 0; n < MANY; n++) {
		pkt_init(&p, mine, n % 1500, VIA_TUN);
		memset(p.data, (int)(n & 0xff), p.len);
		p.param = n;
		while (!lane_put(&across, &p))
			sched_yield();
	}
	return NULL;
}

static void two_threads_agree(void)
{
	uint32_t n = 0;
	bool good = true;
	pthread_t t;

	lane_init(&across, memory_of(LANE_BYTES_MIN), LANE_BYTES_MIN);
	if (pthread_create(&t, NULL, producer, NULL))
		exit(99);
	while (n < MANY) {
		struct pkt p;

		for (unsigned int i = 0; i < 32 && lane_take(&across, &p); i++, n++) {
			good = good && p.param == n && p.len == n % 1500;
			good = good && (p.len == 0 || (p.data[0] == (uint8_t)n &&
						       p.data[p.len - 1] == (uint8_t)n));
		}
		lane_free(&across);
		if (!lane_waits(&across))
			sched_yield();
	}
	pthread_join(t, NULL);
	ok(good && !lane_waits(&across), "what one thread put the other took: %u packets", n);
	free(across.fifo.octets);
}

int main(void)
{
	packets_come_out_as_they_went_in();
	its_encapsulation_comes_along();
	what_was_taken_stays_until_it_is_freed();
	the_largest_fits_wherever_the_end_lies();
	memory_is_shared_among_many();
	no_line_is_written_by_two();
	who_sleeps_is_woken_and_who_is_awake_is_not();
	a_full_lane_is_counted_and_waits_for_nobody();
	two_threads_agree();
	return tap_done();
}
