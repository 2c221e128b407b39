/*
 * src/ctl/capture_stream.h - a capture on its way into a session, private to the server
 *
 * After its answer a session that captures gets pcapng blocks until it ends: its client
 * closes, its packets or seconds are over, its tunnel is gone, the daemon stops. What
 * finds too much unsent is lost, and the stream says how much: in statistics of its
 * interfaces when there is room again, and at the end. Records that a worker lost on the way
 * here may have been of any capture, so all of them say so.
 */
#ifndef SIXXSD_CTL_CAPTURE_STREAM_H
#define SIXXSD_CTL_CAPTURE_STREAM_H

#include "ctl/session.h"
#include "table/capring.h"
#include "table/region.h"

struct connection;

struct capture_stream {
	struct capture_order	order;
	mono_t			until;		/* with order.seconds, or .closing */
	bool			closing;
	int64_t			wall_us;	/* the wall clock's lead over the monotonic one */
	uint32_t		packets;	/* complete ones shown */
	uint64_t		shown[SHOWN_KINDS];
	uint64_t		lost[SHOWN_KINDS];	/* not shown because the client was too slow */
	uint64_t		before[SHOWN_KINDS];	/* lost by the workers before this began */
	uint64_t		told;		/* of all lost, as the last statistics said */
};

/* cn->session.order says what. Drops are sent whole, and the stream ends. */
void capture_stream_begin(struct connection *cn);
/* One record, if it is this capture's. */
void capture_stream_put(struct connection *cn, const struct capture *c, const uint8_t *octets);
/* There may be room again; or it is time, or the tunnel is gone. */
void capture_stream_look(struct connection *cn);
/* The client wants no more; what is on its way from the workers still comes. */
void capture_stream_close(struct connection *cn);
/* The last statistics, and then the connection is finished. */
void capture_stream_end(struct connection *cn);

#define CAPTURE_COMMENT_MAX	300

/* "T42 -> uplink: DROP_IP6_SOURCE: inner IPv6: source does not belong to the tunnel". Return: @buf */
const char *capture_comment(const struct config *cf, const struct capture *c,
			    char buf[CAPTURE_COMMENT_MAX]);

#endif
