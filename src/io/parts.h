/*
 * src/io/parts.h - the worker's inside, shared by the files of io/
 *
 *	turn	epoll says which inputs are ready; each gets one batch, then the next
 *	batch	receive.c fills it, path_run() decides, send.c takes what goes out
 *	tick	once a second: timeouts, latency probes, clock.c's random number
 *
 * Buffers are the worker's, taken in worker_new(): BATCH arriving packets and as
 * many answers, each PKT_ROOM. A packet lies in its buffer until it was sent.
 */
#ifndef SIXXSD_IO_PARTS_H
#define SIXXSD_IO_PARTS_H

#include <netinet/in.h>
#include <semaphore.h>
#include <sys/socket.h>
#include "host/steer.h"
#include "host/xsk.h"
#include "io/coalesce.h"
#include "io/fair.h"
#include "io/handover.h"
#include "io/worker.h"

#define BATCH		32
#define CONTROL_BYTES	256		/* pktinfo, traffic class, overflow count */
#define WIRE_MAX	(2 * BATCH)	/* a packet and its answer */

enum input_kind {
	INPUT_TUN,
	INPUT_RAW4,		/* the IPv4 header comes along */
	INPUT_RAW6,		/* addresses come beside */
	INPUT_UDP4,
	INPUT_UDP6,
	INPUT_XSK,		/* all AF_XDP sockets of this worker */
	INPUT_WAKE,
};

struct input {
	int		fd;		/* -1: not on this host */
	enum input_kind	kind;
	enum via	via;
	uint16_t	port;		/* UDP: ours */
	struct steer_gate *gate;	/* of this queue; NULL: none */
	uint32_t	read;		/* units, in this round of the gate */
	uint32_t	overflow;	/* packets its queue lost, as last told; wraps */
};

#define INPUTS_MAX	13

union name {
	struct sockaddr_in	four;
	struct sockaddr_in6	six;
};

/* A batch on its way in. */
struct inbox {
	struct mmsghdr	msg[BATCH];
	struct iovec	iov[BATCH];
	union name	name[BATCH];
	uint8_t		control[BATCH][CONTROL_BYTES] ALIGNED(16);
	uint8_t		*buffer;	/* [BATCH][PKT_ROOM] */
	uint8_t		*answer;	/* [BATCH][PKT_ROOM] */
	struct pkt	pkt[BATCH], reply[BATCH];
};

#define PIECES		64	/* of a merged packet, side by side */
#define PIECES_BYTES	(PIECES * 2304)
#define STATION_TRAINS	8

/* What leaves through the TUN device and may still grow. */
struct station {
	struct train	train[STATION_TRAINS];
	uint8_t		order[STATION_TRAINS];	/* of @n that wait, oldest first; then the free */
	unsigned int	n;
};

/*
 * Where so many packets of a tunnel follow one another that leaving merged, through the stack, is
 * cheaper than an order each, all of its packets that way go so until that has not happened for a
 * while: what left by an order would overtake what waits in a queueing discipline.
 */
#define FRAMES_MERGED	4
#define BULK_US		(US_PER_S / 4)

enum bulk_way {
	BULK_OUT_OF_TUNNEL,
	BULK_INTO_TUNNEL,
	BULK_WAYS,
};

/* Frames of AF_XDP sockets: where the batch's came from, and what of it leaves the same way. */
struct frames {
	struct xsk_set	*set;			/* NULL: there are none */
	struct {
		struct xsk	*xsk;
		uint64_t	address;
	} lent[BATCH];
	unsigned int	lents;
	unsigned int	turn;			/* socket that is looked at first */
	struct pkt	*out[WIRE_MAX];		/* outer packets */
	unsigned int	outs;
	mono_t		*bulk[BULK_WAYS];	/* [tunnels]: until then */
};

/* A packet as it arrived, while path_run() works on it. */
struct shot {
	uint8_t		*octets;		/* PKT_ROOM: what was around the inner packet, and that */
	size_t		len;
	size_t		front;			/* of them in front of where the packet began then */
	struct capring	*ring;			/* to control */
};

/* Outer packets of one family on their way out. */
struct outbox {
	int		fd;
	unsigned int	n;
	struct mmsghdr	msg[WIRE_MAX];
	struct iovec	iov[WIRE_MAX];
	union name	name[WIRE_MAX];
	struct pkt	*pkt[WIRE_MAX];
};

struct worker {
	struct region		*region;
	struct crew		*crew;
	uint8_t			*fragment;	/* PKT_ROOM, one fragment at a time */
	uint8_t			*pieces;	/* PIECES_BYTES: cut packets until they are sent */
	struct fair		*fair;
	struct steer_gate	*gates;		/* mapped; NULL: none */
	struct steer_flow	*flows;		/* mapped; the programs' */
	uint32_t		*shed_seen;	/* of flows[].shed, as counted last */
	uint32_t		shed_tun_seen;	/* of the device's gate, likewise */
	pthread_t		thread;
	sem_t			ready;
	struct path		path;
	struct shot		shot;
	uint64_t		revision;	/* of path.cf */
	int64_t			second;		/* ticks done, on the monotonic clock */
	mono_t			crowded;	/* a whole batch of several flows waited; 0: never */

	struct pkt		piece[PIECES];
	struct station		station;
	struct inbox		in;
	struct outbox		out[2];		/* [0] IPv4, [1] IPv6 */
	struct frames		frames;
	struct input		input[INPUTS_MAX];
	struct host_fds		fds;
	int			epoll;
	int			error;		/* of the thread's start; read after ready */
	unsigned int		number;
	unsigned int		inputs;
	uint32_t		fragment_id;
	uint32_t		handed;		/* workers that something was handed to: a bit each */
	bool			started;
	bool			offload;	/* `pop set offload`, as path.cf has it */
	bool			capturing;	/* somebody does, likewise */
	bool			segments[2];	/* UDP_SEGMENT works here, IPv4 and IPv6 ... */
	mono_t			segments_again[2];	/* ... but was refused: not before */
	bool			stop;		/* atomic; set by worker_stop() */
	bool			told;		/* something new is in the ring */
};

/* receive.c: read one batch of @in. Return: how many packets lie in w->in */
unsigned int worker_receive(struct worker *w, struct input *in);
/* Count a packet that never became one. */
void worker_refuse(struct worker *w, enum verdict v, uint64_t n);

/* What was lost and no packet has told of, because none came after it. */
void worker_poll_overflow(struct worker *w);

/* uplink.c: the TUN device */
ssize_t worker_read_tun(int fd, struct pkt *p, uint8_t *buffer);
void worker_send_tun(struct worker *w, const struct pkt *p);
void worker_send_tun_flush(struct worker *w);
void worker_station_init(struct worker *w);

/**
 * frames.c: AYIYA past the kernel's stack, wire/fast.h
 *
 * worker_frames() is worker_receive() for INPUT_XSK; what lies in w->in afterwards is the kernel's
 * again with worker_frames_done().
 */
unsigned int worker_frames(struct worker *w);
void worker_frames_done(struct worker *w);
/* Return: @p, OUT_WIRE, left or will; false: it goes the way of all others. */
MUST_CHECK bool worker_send_frame(struct worker *w, struct pkt *p);
/* Is tunnel @tid's traffic bulk that way? @run: that many could leave merged now */
bool worker_bulk(struct worker *w, enum bulk_way way, uint16_t tid, unsigned int run);
/* At once; with an order in @p's headroom. Return: has it left? */
MUST_CHECK bool worker_order(struct worker *w, const struct pkt *p, enum fast_order_what what);
void worker_send_frames_flush(struct worker *w);
void worker_frames_lost(struct worker *w);

/* super.c: Return: true: @p was several packets, and all of them are done; @i as below */
bool worker_super(struct worker *w, const struct pkt *p, unsigned int i);
/* Return: how many packets @p is */
uint64_t worker_pieces(const struct pkt *p);
struct offload;
void worker_run_cut(struct worker *w, const struct pkt *merged, struct offload *o, unsigned int i);

/**
 * datagram.c: the messages of @o from @first on that one call can send, sent
 * @alone:	how many there are before the next that may be sent together
 *
 * Return: how many were; 0: none could or the kernel would not, and @alone go one by one
 */
unsigned int worker_send_datagrams(struct worker *w, struct outbox *o, unsigned int first,
				   unsigned int *alone);
void worker_datagrams_init(struct worker *w);

/* send.c */
enum verdict worker_refused(int error);
void worker_send(struct worker *w, struct pkt *p);
void worker_send_flush(struct worker *w);

/* crew.c: other workers. Nothing here waits, and none of it but the lanes is shared. */
void worker_hand_over(struct worker *w, const struct pkt *p);
/* Wake who sleeps of those that were handed something. */
void worker_hand_over_flush(struct worker *w);
/* One batch of every lane that has any. */
void worker_take_over(struct worker *w);
/* About to wait: false when there is something to take first. Then worker_woke(). */
bool worker_may_sleep(struct worker *w);
void worker_woke(struct worker *w);

/* gate.c: @n packets were read from @in */
void worker_gate(struct worker *w, struct input *in, unsigned int n);
void worker_gate_init(struct worker *w);
struct epoll_event;
/* Has a round begun that only the end of its queue will end? Then do not sleep, but look: */
bool worker_gate_open(const struct worker *w);
/* of all inputs the @n @ready have something to read, the others have been read to the end. */
void worker_gate_idle(struct worker *w, const struct epoll_event *ready, int n);
/* Once a second: what the gates kept out. */
void worker_count_shed(struct worker *w);

/* crowd.c: may the @n packets in w->in go at once? Return: no, they wait in w->fair now */
MUST_CHECK bool worker_crowd(struct worker *w, unsigned int n);
/* They wait: see what else there is on @in. */
void worker_read_on(struct worker *w, struct input *in);
/* Forward some of what waits. */
void worker_serve(struct worker *w);

/* tell.c: events and the trace of @p (or NULL) into the ring */
void worker_tell(struct worker *w, const struct pkt *p, enum verdict v);
/* Wake control if there is anything new. */
void worker_tell_flush(struct worker *w);

/**
 * capture.c: what of packets goes to sessions that capture. Only while w->capturing
 *
 * worker_shoot() before path_run(), which may write over what arrived; worker_capture() between it and
 * sending: signs and sums what leaves. worker_capture_unsent(): @p was captured as sent, and was not.
 */
MUST_CHECK bool worker_capture_open(struct worker *w);
void worker_capture_close(struct worker *w);
void worker_shoot(struct worker *w, const struct pkt *p);
void worker_capture(struct worker *w, struct pkt *p, struct pkt *reply);
void worker_capture_probe(struct worker *w, struct pkt *p);
void worker_capture_unsent(struct worker *w, const struct pkt *p, enum verdict v);

/* tick.c */
void worker_tick_init(struct worker *w);
void worker_tick(struct worker *w);
/* Milliseconds until the next tick is due, rounded up. */
int worker_wait_ms(const struct worker *w);

/* worker.c: the @n packets in w->in, through path_run() and out. */
void worker_run(struct worker *w, unsigned int n);
/* One of the pieces of packet @i, whose answer buffer it shares. */
void worker_run_piece(struct worker *w, struct pkt *p, unsigned int i);
/* Clocks, then the configuration if it has moved. Before every batch. */
void worker_refresh(struct worker *w);

#endif
