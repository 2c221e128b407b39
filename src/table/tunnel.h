/*
 * src/table/tunnel.h - what a tunnel is at this moment
 *
 * Written by the one worker the tunnel belongs to, read by everybody: the
 * endpoint through a sequence (base/seq.h), counters as relaxed loads. Configured
 * facts are in table/config.h; a worker brings the two together in
 * tunnel_adopt(), once for every configuration that changed the tunnel.
 *
 *	          adopt: up (dynamic)              valid beat
 *	NONE ----------------------------> DOWN ------------------> UP
 *	  \                                  ^                      |
 *	   \ adopt: up (static)              +---- 120 s silent ----+
 *	    `------------------------------------------------------> UP
 *	any ---- adopt: disabled ----> DISABLED ---- adopt: up ----> DOWN or UP
 *
 * Only authenticated packets, and configuration, change the state (security.md
 * H8); the one exception is the first packet of a static tunnel with `encap auto`.
 */
#ifndef SIXXSD_TABLE_TUNNEL_H
#define SIXXSD_TABLE_TUNNEL_H

#include "base/bucket.h"
#include "base/seq.h"
#include "table/config.h"
#include "table/history.h"
#include "table/outside.h"
#include "table/recorder.h"
#include "table/story.h"
#include "table/verdict.h"
#include "wire/fast.h"

enum tunnel_state {
	STATE_NONE,
	STATE_DISABLED,
	STATE_DOWN,
	STATE_UP,
};

enum tunnel_type {
	TYPE_NONE,
	TYPE_DIRECT,		/* protocol 41 */
	TYPE_AYIYA,
	TYPE_GRE,
};
#define TUNNEL_TYPES	(TYPE_GRE + 1)

/* Everything forwarding needs to know about the way to the client. */
struct endpoint {
	struct ip6_addr	them;		/* unspecified: not known */
	struct ip6_addr	us;		/* unspecified: use config_outer_us() */
	uint16_t	them_port;	/* AYIYA */
	uint16_t	path_mtu_bytes;	/* outer path MTU learned from ICMP; 0: none */
	uint8_t		state;		/* enum tunnel_state */
	uint8_t		type;		/* enum tunnel_type */
	uint8_t		fragment_here;	/* our own interface is narrower than 1280 + overhead */
	uint8_t		pad;
};
_Static_assert(sizeof(struct endpoint) == 40, "whole words for the sequence");

/* In packets as received, inner; out octets include the outer header (sixxsd-cli.md 4). */
struct traffic {
	uint64_t	in_packets;
	uint64_t	in_octets;
	uint64_t	out_packets;
	uint64_t	out_octets;
};

/* The hot part: two lines. The owner reads @ep plainly and writes it with tunnel_commit(). */
struct tunnel {
	struct seq	seq;
	struct endpoint	ep;
	uint32_t	generation;	/* of the record adopted last */
	uint32_t	remote_seq;
	int64_t		last_beat_s;	/* wall clock, as the four below; 0: never */

	struct traffic	traffic;	/* since start: never reset */
	int64_t		last_in_s;
	int64_t		last_out_s;
	int64_t		data_in_s;	/* of which: what we did not answer or ask ourselves */
	int64_t		data_out_s;
} ALIGNED(CACHE_LINE);
_Static_assert(sizeof(struct tunnel) == 2 * CACHE_LINE, "two cache lines");

#define AYIYA_SEEN_MAX	64	/* signatures remembered of the newest second */

/* Latency test, forwarding.md 9. Round trips in microseconds. */
struct latency {
	uint64_t	sent;		/* all but next_seq: since stats_epoch */
	uint64_t	received;
	uint64_t	sum_us;
	uint64_t	seen;		/* bitmap: bit n = sequence next_seq - 1 - n was answered */
	uint32_t	min_us;
	uint32_t	max_us;
	uint32_t	recent_us;	/* the last answers count most: a quarter each; 0: none */
	uint32_t	epoch;		/* the config's stats_epoch the above belong to */
	uint16_t	next_seq;
	uint16_t	pad[3];
};
_Static_assert(sizeof(struct latency) == 56, "whole words for the sequence");

/* The cold part: touched by control messages, drops and once a minute. */
struct tunnel_cold {
	struct seq	latency_seq;
	struct latency	latency;
	/* replay defence, ayiya.md 8 and heartbeat.md 7 */
	int64_t		ayiya_newest_s;	/* highest authenticated epoch; -1: none */
	uint32_t	ayiya_seen[AYIYA_SEEN_MAX];	/* fingerprints of that second's signatures */
	uint32_t	ayiya_seens;	/* how many ever; the ring holds the last 64 */
	uint32_t	reset_seq;	/* of the record adopted last */
	uint16_t	tenant;		/* likewise */
	int64_t		beat_newest_s;	/* highest authenticated heartbeat time; -1: none */
	mono_t		beat_newest_at;	/* when it was accepted */
	mono_t		last_beat;	/* last authenticated packet; the 120 s run from here */
	mono_t		last_typed;	/* last packet of the current type; encap auto, 120 s */
	mono_t		path_mtu_at;	/* when ep.path_mtu_bytes was learned */
	struct bucket	icmp;		/* ICMP errors owed on behalf of this tunnel */
	struct bucket	icmp_big;	/* of them packet too big, so that PMTUD survives floods */
	struct bucket	from_pps, from_octets, to_pps, to_octets;
	/* endpoint changes since start, for tunnel show and why */
	uint64_t	moves;
	uint64_t	beats;		/* authenticated packets accepted */
} ALIGNED(CACHE_LINE);		/* the next tunnel is another worker's */

struct error_sample {
	int64_t		at_s;		/* wall clock; 0: never */
	struct ip6_addr	source;
	uint32_t	real_len;	/* octets the packet had */
	uint16_t	kept;		/* octets in @bytes */
	uint16_t	verdict;	/* the finer reason of this last one */
	uint8_t		bytes[ERROR_SAMPLE_BYTES];
};
_Static_assert(sizeof(struct error_sample) == 160, "whole words for the sequence");

struct error_record {
	uint64_t	count;		/* since `tunnel reseterrors` */
	struct seq	seq;
	struct error_sample last;
};

/* Of one tunnel, since start, never reset: the finer reasons, for metrics and why. */
struct tunnel_errors {
	struct error_record record[ERR_COUNT];
	uint64_t	verdict[VERDICT_COUNT];
} ALIGNED(CACHE_LINE);

_Static_assert(sizeof(struct tunnel) + sizeof(struct tunnel_cold) + sizeof(struct tunnel_errors) +
	       sizeof(struct tunnel_story) <= 7 * 1024,
	       "the budget per tunnel of doc/architecture.md");

/* Round trips of all tunnels' probes, in a histogram. The last bucket has no upper bound. */
#define RTT_BOUNDS	12
#define RTT_BUCKETS	(RTT_BOUNDS + 1)
extern const uint32_t rtt_bound_us[RTT_BOUNDS];

/* Sockets' queues, as far as a worker has them. */
enum socket_queue {
	QUEUE_P41_IP4,
	QUEUE_P41_IP6,
	QUEUE_GRE_IP4,
	QUEUE_GRE_IP6,
	QUEUE_AYIYA_IP4,
	QUEUE_AYIYA_IP6,
	QUEUE_BEAT_IP4,
	QUEUE_BEAT_IP6,
	QUEUE_ICMP_IP4,
	QUEUE_ICMP_IP6,
	SOCKET_QUEUES,
};

/* Parts of a worker that others read; one a worker, padded apart. */
struct worker_shared {
	uint64_t	seen_revision;	/* the configuration this worker has moved to */
	struct traffic	uplink;
	struct traffic	total;
	/* with tunnels, by the type they had when the packet came or left */
	struct traffic	transport[TUNNEL_TYPES];
	uint64_t	verdict[VERDICT_COUNT];	/* all packets, with or without a tunnel */
	uint64_t	events_lost;	/* log events and trace records that found the ring full */
	uint64_t	shed_tun;	/* kept out of the TUN device's queue, which it counts as well */
	uint64_t	merged_in;	/* packets that came in one with others; before any verdict */
	uint64_t	merged_out;	/* packets that left in one with others */
	uint64_t	frames_in;	/* packets taken from an AF_XDP socket, */
	uint64_t	frames_out;	/* and such that left past the kernel's stack */
	uint64_t	busy_us;	/* time spent handling packets */
	uint64_t	rtt[RTT_BUCKETS];	/* answers to the latency test, by round trip */
	uint64_t	rtt_sum_us;
	uint64_t	capture_lost;	/* records that found the ring of captures full */
	/* wall clock of the last packet from the uplink for the tunnel prefix, [0], and each subnet's */
	int64_t		prefix_in_s[1 + SUBNET_PREFIXES_MAX];
	uint32_t	verdict_s[VERDICT_COUNT];	/* wall clock, of the last; 0: never */
	uint32_t	queue_bytes[SOCKET_QUEUES];	/* once a second: octets waiting, */
	uint32_t	queue_limit[SOCKET_QUEUES];	/* and how many can; 0: no such socket here */
} ALIGNED(CACHE_LINE);

/* Control's own, per tunnel: where the window of `tunnel stats` began. */
struct window {
	struct traffic	tunnel;
};

/*
 * The fast path's half of the state, wire/fast.h: in the kernel's maps, seen here. A
 * daemon without one has cpus 0 and never looks at the rest.
 */
struct fast {
	struct fast_line	*line;		/* [cpus][limits.tunnels] */
	struct fast_cpu		*cpu;		/* [cpus] */
	unsigned int		cpus;
};

/* The handle over the state arrays of the region; see table/region.h. */
struct table {
	struct tunnel		*tunnel;	/* [limits.tunnels] */
	struct tunnel_cold	*cold;
	struct tunnel_errors	*errors;
	struct tunnel_story	*story;
	struct history		*history;	/* [limits.history]; NULL: none */
	struct recorder		*recorder;	/* [WORKERS_MAX] */
	struct outside_shared	*outside;
	struct worker_shared	*worker;	/* [WORKERS_MAX] */
	struct window		*window;	/* [limits.tunnels + 2]: tunnels, uplink, total */
	uint64_t		*moved;		/* [MOVED_WORDS] bitmap: endpoints committed since */
						/* control looked last, see tunnels_moved() */
	struct fast		fast;
	struct limits		limits;
};

#define MOVED_WORDS	((TUNNELS_MAX + 63) / 64)

/* Line of @tid on @cpu, which is below fast.cpus. */
static inline struct fast_line *tunnel_line(const struct table *tb, unsigned int cpu, uint16_t tid)
{
	return &tb->fast.line[(size_t)cpu * tb->limits.tunnels + tid];
}

/**
 * tunnel_commit() - publish the new endpoint; what its owner sees from here on
 *
 * Only the owner calls this. The fast path lets go of the tunnel at once, on every cpu
 * (the order is that of wire/fast.h), until control has told it what holds now.
 */
void tunnel_commit(struct table *tb, uint16_t tid, const struct endpoint *ep);

/**
 * tunnels_moved() - which tunnels' endpoints were committed since the last call?
 * @which:	a bitmap of MOVED_WORDS words, all of it written
 *
 * Control's. Return: any at all?
 */
bool tunnels_moved(struct table *tb, uint64_t which[MOVED_WORDS]);

/*
 * Control is about to read these again for a reason of its own. What is committed from
 * here on shows in the next tunnels_moved().
 */
void tunnels_seen(struct table *tb, const uint64_t which[MOVED_WORDS]);

/* The fast path alone, since start; any thread. */
struct traffic fast_uplink(const struct fast *f);
struct traffic fast_total(const struct fast *f);
struct traffic fast_transport(const struct fast *f, enum tunnel_type type);
/* User space and fast path together, since start; any thread. */
struct traffic tunnel_traffic(const struct table *tb, uint16_t tid);
struct traffic table_uplink(const struct table *tb);
struct traffic table_total(const struct table *tb);
/* With tunnels of a type; what was counted stays when a tunnel changes its type. */
struct traffic table_transport(const struct table *tb, enum tunnel_type type);
/* Wall clock of the last packet; 0: never. */
int64_t tunnel_last_in_s(const struct table *tb, uint16_t tid);
int64_t tunnel_last_out_s(const struct table *tb, uint16_t tid);
/* Packets of others: no probes of ours, no answers to them or from us. */
int64_t tunnel_data_in_s(const struct table *tb, uint16_t tid);
int64_t tunnel_data_out_s(const struct table *tb, uint16_t tid);
/* Of the fast path alone: every packet of the tunnel's present type. */
int64_t tunnel_fast_in_s(const struct table *tb, uint16_t tid);

/* What was learned about the way to an endpoint does not hold for the next one. */
static inline void endpoint_forget_path(struct endpoint *ep)
{
	ep->path_mtu_bytes = 0;
	ep->fragment_here = 0;
}

/* For every thread but the owner. Never spins for ever: the writer is inside for nanoseconds. */
struct endpoint tunnel_endpoint(const struct tunnel *t);
struct latency tunnel_latency(const struct tunnel_cold *c);
struct error_sample tunnel_error(const struct error_record *r);

/**
 * tunnel_adopt() - bring a tunnel's state in line with its configuration record
 * @tb:		state arrays; only @tid's entries change
 * @cf:		the configuration the worker has just moved to
 *
 * sixxsd-config.md 6, "Effects (also when re-pushed)": an unchanged record changes
 * nothing, a removed one clears everything the slot ever held. Only the owner calls this.
 */
void tunnel_adopt(struct table *tb, const struct config *cf, uint16_t tid, mono_t now,
		  wall_t wall);

/* NULL where none is kept. */
static inline struct history *tunnel_history(const struct table *tb, uint16_t tid)
{
	return tb->history && tid < tb->limits.history ? &tb->history[tid] : NULL;
}

/* Inner MTU in force: the configured one, lowered by the path; never below 1280. */
uint16_t tunnel_mtu(const struct tunnel_conf *c, const struct endpoint *ep);

/* Octets the outer headers add for this tunnel now (ayiya.md 9); 0 while its type is none. */
uint16_t tunnel_overhead(const struct tunnel_conf *c, const struct endpoint *ep);

#endif
