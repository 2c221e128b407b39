/*
 * src/table/outside.h - what lies around the tunnels, as control saw it last
 *
 * Host, fast path and clock are not in the region by themselves; control writes them there so
 * that whoever maps it (`pop why`, metrics, the page) knows them too. Read whole
 * through a sequence.
 */
#ifndef SIXXSD_TABLE_OUTSIDE_H
#define SIXXSD_TABLE_OUTSIDE_H

#include "base/seq.h"
#include "table/limits.h"
#include "wire/fast.h"

#define OUTSIDE_LINKS	16
#define OUTSIDE_WHY	160

enum outside_known {
	OUTSIDE_UNKNOWN,
	OUTSIDE_NO,
	OUTSIDE_YES,
};

/* What an interface is to us. */
enum outside_role {
	ROLE_DEVICE,		/* the TUN device */
	ROLE_UPLINK,		/* the kernel routes native IPv6 there */
	ROLE_OUTER4,		/* has the PoP's outer address of that family */
	ROLE_OUTER6,
	ROLE_PORT,		/* the fast path's */
};

struct outside_link {
	char		name[16];	/* as last known; empty: there never was one */
	uint8_t		role;		/* enum outside_role */
	uint8_t		present, up, running;	/* up: administratively; running: carrier too */
	uint8_t		found;		/* the role is its at this moment */
	uint8_t		pad[3];
};
_Static_assert(sizeof(struct outside_link) == 24, "whole words for the sequence");

struct outside_port {
	char		name[16];
	char		mode[16];	/* "native", "generic", "tc", "clsact"; empty: not attached */
	int64_t		since_s;
	char		why[OUTSIDE_WHY];
};
_Static_assert(sizeof(struct outside_port) == 200, "whole words for the sequence");

struct outside {
	int64_t		at_s;			/* wall clock; 0: never written */
	int64_t		loaded_s;		/* the file was read successfully last */
	uint64_t	tun_drops;		/* of the device's queue, all that the kernel counts */
	uint64_t	tun_lost;		/* of which no gate kept out; only grows */
	int64_t		tun_lost_s;		/* wall clock, when it last did; 0: never */
	uint8_t		clock_synchronised;	/* enum outside_known, and so on */
	uint8_t		forwarding6;
	uint8_t		fast_available;
	uint8_t		fast_automatic;
	uint8_t		load_ok;		/* the last file that was to be loaded */
	uint8_t		pad[3];
	uint32_t	workers;
	uint32_t	sessions, sessions_max;
	uint32_t	links;
	uint32_t	ports;
	uint32_t	queues;			/* AF_XDP: bound to receive queues */
	uint32_t	hops;			/* generation of the next hops */
	uint32_t	pad1;
	uint64_t	passed[FAST_PASS_COUNT];
	char		digests[32];
	char		fast_why[OUTSIDE_WHY], queues_why[OUTSIDE_WHY];
	struct outside_link link[OUTSIDE_LINKS];
	struct outside_port port[FASTPATH_MAX];
};
_Static_assert(sizeof(struct outside) % 8 == 0, "whole words for the sequence");

struct outside_shared {
	struct seq	seq;
	struct outside	outside;
};

/* Control. */
static inline void outside_write(struct outside_shared *s, const struct outside *o)
{
	seq_write(&s->seq, &s->outside, o, sizeof(*o));
}

/* Return: false when the writer was in the way a thousand times */
static inline MUST_CHECK bool outside_read(const struct outside_shared *s, struct outside *o)
{
	for (int i = 0; i < 1000; i++) {
		if (seq_read(&s->seq, &s->outside, o, sizeof(*o)))
			return true;
	}
	return false;
}

#endif
