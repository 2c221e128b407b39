#include "io/parts.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "host/privileges.h"
#include "io/offload.h"
#include "wire/proto.h"

#define STACK_BYTES	(512 * 1024)

void worker_refresh(struct worker *w)
{
	const struct config *cf = region_config(w->region);
	uint64_t revision = cf->head->revision;

	w->path.now = host_mono();
	w->path.wall = host_wall();
	if (revision == w->revision)
		return;
	path_adopt(&w->path, cf);
	w->offload = !cf->head->no_offload;
	w->capturing = cf->head->captures > 0;
	w->revision = revision;
	worker_tell(w, NULL, PASS);
}

/* @i: whose answer buffer is free until the next flush */
static void one_packet(struct worker *w, struct pkt *p, unsigned int i)
{
	struct pkt *reply = &w->in.reply[i];
	enum verdict v;

	pkt_init(reply, w->in.answer + (size_t)i * PKT_ROOM, 0, VIA_SELF);
	if (w->capturing)
		worker_shoot(w, p);
	v = path_run(&w->path, p, reply);
	if (w->capturing)
		worker_capture(w, p, reply);
	worker_send(w, p);
	worker_send(w, reply);
	worker_tell(w, p, v);
}

void worker_run_piece(struct worker *w, struct pkt *p, unsigned int i)
{
	one_packet(w, p, i);
	if (w->in.reply[i].out != OUT_NONE)
		worker_send_flush(w);	/* the next piece may owe one too */
}

void worker_run(struct worker *w, unsigned int n)
{
	path_digest(&w->path, w->in.pkt, n);
	for (unsigned int i = 0; i < n; i++) {
		struct pkt *p = &w->in.pkt[i];
		/* what was handed over has been looked at already */
		bool plain = p->owner == TID_NONE && (p->via == VIA_P41 || p->via == VIA_GRE);
		struct offload o;

		if (worker_super(w, p, i))
			continue;
		if (!plain || !offload_find(p, &o)) {
			one_packet(w, p, i);
		} else if (o.cut) {
			worker_send_flush(w);
			worker_run_cut(w, p, &o, i);
		} else {
			offload_finish(p, &o);
			one_packet(w, p, i);
		}
	}
	worker_send_flush(w);
}

static void batch(struct worker *w, struct input *in)
{
	unsigned int n;

	worker_refresh(w);
	n = worker_receive(w, in);
	worker_gate(w, in, n);
	/*
	 * Heartbeats and ICMP errors have a queue and a batch of their own in each turn; behind
	 * a gate nobody floods the others away.
	 */
	if (in->gate || in->via == VIA_BEAT || in->via == VIA_ICMP4 || in->via == VIA_ICMP6 ||
	    !worker_crowd(w, n))
		worker_run(w, n);
	else
		worker_read_on(w, in);
	worker_frames_done(w);
}

static void turn(struct worker *w)
{
	struct epoll_event ready[INPUTS_MAX];
	bool sleep = !worker_gate_open(w) && worker_may_sleep(w);
	int n = epoll_wait(w->epoll, ready, INPUTS_MAX, sleep ? worker_wait_ms(w) : 0);
	mono_t woke;

	worker_woke(w);
	worker_gate_idle(w, ready, n);
	worker_refresh(w);
	woke = w->path.now;
	for (int i = 0; i < n; i++)
		batch(w, &w->input[ready[i].data.u32]);
	worker_take_over(w);
	worker_serve(w);
	worker_tick(w);
	worker_tell_flush(w);
	w->path.now = host_mono();
	count_add(&w->path.me->busy_us, (uint64_t)mono_since_us(w->path.now, woke));
}

static void *run(void *arg)
{
	struct worker *w = arg;

	w->error = privileges_thread();
	if (w->error) {
		sem_post(&w->ready);
		return NULL;
	}
	host_short_slice();
	worker_refresh(w);
	worker_tick_init(w);
	worker_tell_flush(w);
	sem_post(&w->ready);
	while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE))
		turn(w);
	return NULL;
}

/* ---- start ---- */

static int add_input(struct worker *w, struct input in, struct why *why)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = w->inputs };

	if (in.fd < 0)
		return 0;
	w->input[w->inputs++] = in;
	if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, in.fd, &ev) < 0)
		return why_say(why, -errno, "cannot watch a descriptor: %s", strerror(errno));
	return 0;
}

/* All of them are one input, with one gate. */
static int add_sockets(struct worker *w, struct why *why)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = w->inputs };

	if (!w->frames.set)
		return 0;
	w->input[w->inputs++] = (struct input){ .fd = -1, .kind = INPUT_XSK };
	for (unsigned int i = 0; i < XSK_SOCKETS; i++) {
		if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->frames.set->xsk[i].fd, &ev) < 0)
			return why_say(why, -errno, "cannot watch an AF_XDP socket: %s",
				       strerror(errno));
	}
	return 0;
}

static int add_inputs(struct worker *w, struct why *why)
{
	const struct host_fds *f = &w->fds;
	const struct input all[] = {
		{ .fd = f->wake, .kind = INPUT_WAKE },
		{ .fd = f->tun, .kind = INPUT_TUN, .via = VIA_TUN },
		{ .fd = f->p41[0], .kind = INPUT_RAW4, .via = VIA_P41 },
		{ .fd = f->p41[1], .kind = INPUT_RAW6, .via = VIA_P41 },
		{ .fd = f->gre[0], .kind = INPUT_RAW4, .via = VIA_GRE },
		{ .fd = f->gre[1], .kind = INPUT_RAW6, .via = VIA_GRE },
		{ .fd = f->ayiya[0], .kind = INPUT_UDP4, .via = VIA_AYIYA, .port = PORT_AYIYA },
		{ .fd = f->ayiya[1], .kind = INPUT_UDP6, .via = VIA_AYIYA, .port = PORT_AYIYA },
		{ .fd = f->beat[0], .kind = INPUT_UDP4, .via = VIA_BEAT, .port = PORT_HEARTBEAT },
		{ .fd = f->beat[1], .kind = INPUT_UDP6, .via = VIA_BEAT, .port = PORT_HEARTBEAT },
		{ .fd = f->icmp[0], .kind = INPUT_RAW4, .via = VIA_ICMP4 },
		{ .fd = f->icmp[1], .kind = INPUT_RAW6, .via = VIA_ICMP6 },
	};
	int error = 0;

	_Static_assert(ARRAY_LEN(all) + 1 == INPUTS_MAX, "one slot each, one for AF_XDP");
	for (size_t i = 0; i < ARRAY_LEN(all) && !error; i++)
		error = add_input(w, all[i], why);
	return error ? error : add_sockets(w, why);
}

/* Written once, so that the first packet finds its pages. */
static uint8_t *taken(size_t bytes)
{
	uint8_t *p = aligned_alloc(CACHE_LINE, (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);

	if (p)
		memset(p, 0, bytes);
	return p;
}

struct worker *worker_new(struct region *region, struct crew *crew, const struct host_fds *fds,
			  const struct steer *steer, struct xsk_set *xsks, unsigned int number,
			  const struct digest *digest, struct why *why)
{
	struct worker *w = (void *)taken(sizeof(*w));

	if (!w) {
		why_say(why, -ENOMEM, "no memory for a worker");
		return NULL;
	}
	w->region = region;
	w->crew = crew;
	crew->wake[number] = fds->wake;
	w->fds = *fds;
	w->number = number;
	w->frames.set = steer ? xsks : NULL;
	for (int way = 0; way < BULK_WAYS; way++)
		w->frames.bulk[way] = (void *)taken(region->head->limits.tunnels * sizeof(mono_t));
	w->out[0].fd = fds->send[0];
	w->out[1].fd = fds->send[1];
	w->in.buffer = taken((size_t)BATCH * PKT_ROOM);
	w->in.answer = taken((size_t)BATCH * PKT_ROOM);
	w->fragment = taken(PKT_ROOM);
	w->pieces = taken(PIECES_BYTES);
	worker_station_init(w);
	worker_datagrams_init(w);
	w->fair = fair_new(path_flows(region->head->limits));
	w->gates = steer_gates(steer, number);
	w->flows = steer_flows(steer);
	w->shed_seen = (void *)taken(STEER_GATES * (region->head->limits.tunnels + 1) *
				     sizeof(*w->shed_seen));
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!w->in.buffer || !w->in.answer || !w->fragment || !w->pieces || !w->fair ||
	    !worker_capture_open(w) || !w->shed_seen || !w->frames.bulk[0] || !w->frames.bulk[1] || w->epoll < 0 ||
	    sem_init(&w->ready, 0, 0) < 0) {
		why_say(why, -ENOMEM, "no memory for a worker's packets");
		worker_stop(w);
		return NULL;
	}
	path_init(&w->path, region_config(region), &region->table, &region->table.worker[number],
		  digest, host_mono(), host_wall());
	path_share(&w->path, number, crew->workers);
	w->path.defer = true;
	w->revision = UINT64_MAX;	/* none yet: the thread adopts what is published */
	if (add_inputs(w, why) < 0) {
		worker_stop(w);
		return NULL;
	}
	worker_gate_init(w);
	return w;
}

/* All signals are the control thread's: the worker is born with every one blocked. */
int worker_start(struct worker *w, struct why *why)
{
	char name[16];		/* all that the kernel keeps */
	pthread_attr_t attr;
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_attr_init(&attr);
	if (!error)
		error = pthread_attr_setstacksize(&attr, STACK_BYTES);
	if (!error)
		error = pthread_create(&w->thread, &attr, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error)
		return why_say(why, -error, "cannot start a worker: %s", strerror(error));
	pthread_attr_destroy(&attr);
	w->started = true;
	(void)snprintf(name, sizeof(name), "sixxsd-worker%u", w->number % WORKERS_MAX);
	pthread_setname_np(w->thread, name);
	while (sem_wait(&w->ready) < 0 && errno == EINTR)
		;
	if (w->error)
		return why_say(why, w->error, "a worker cannot give up its privileges: %s",
			       strerror(-w->error));
	return 0;
}

void worker_stop(struct worker *w)
{
	uint64_t one = 1;

	if (!w)
		return;
	if (w->started) {
		__atomic_store_n(&w->stop, true, __ATOMIC_RELEASE);
		(void)!write(w->fds.wake, &one, sizeof(one));
		pthread_join(w->thread, NULL);
		sem_destroy(&w->ready);
	}
	if (w->epoll >= 0)
		close(w->epoll);
	free(w->in.buffer);
	free(w->in.answer);
	free(w->fragment);
	free(w->pieces);
	worker_capture_close(w);
	fair_free(w->fair);
	free(w->shed_seen);
	free(w->frames.bulk[0]);
	free(w->frames.bulk[1]);
	free(w);
}
