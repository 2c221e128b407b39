#include <stdio.h>
#include <sys/utsname.h>
#include <time.h>
#include "ctl/connection.h"
#include "ctl/pcapng.h"
#include "ctl/trace.h"
#include "table/rebuild.h"
#include "table/recorder.h"

#define NS_PER_US	1000
#define CLOSING_US	(20 * US_PER_MS)

static const struct config *config_of(const struct connection *cn)
{
	return region_config(cn->server->control->region);
}

/* ---- what is said of a packet ---- */

static const char *from_text(const struct config *cf, const struct capture *c,
			     char buf[TRACE_WHO_MAX])
{
	if (c->from != TID_NONE)
		return trace_tunnel(cf, c->from, buf);
	return c->via == VIA_TUN ? "uplink" : c->via == VIA_SELF ? "PoP" : "unknown";
}

static const char *to_text(const struct config *cf, const struct capture *c,
			   char buf[TRACE_WHO_MAX])
{
	switch ((enum toward)c->toward) {
	case TOWARD_TUNNEL:
		return trace_tunnel(cf, c->to, buf);
	case TOWARD_UPLINK:
		return "uplink";
	case TOWARD_POP:
		return "PoP";
	case TOWARD_UNKNOWN:
		break;
	}
	return NULL;
}

const char *capture_comment(const struct config *cf, const struct capture *c,
			    char buf[CAPTURE_COMMENT_MAX])
{
	char from[TRACE_WHO_MAX], to[TRACE_WHO_MAX], blame[TRACE_WHO_MAX], about[TRACE_WHO_MAX + 8];
	const struct verdict_info *v = &verdict_info[min_size(c->verdict, VERDICT_COUNT - 1)];
	const char *where = to_text(cf, c, to);

	about[0] = '\0';
	if (c->blame != TID_NONE && c->blame != c->from && c->blame != c->to)
		snprintf(about, sizeof(about), " (of %s)", trace_tunnel(cf, c->blame, blame));
	snprintf(buf, CAPTURE_COMMENT_MAX, "%s%s%s%s: %s: %s", from_text(cf, c, from),
		 where ? " -> " : "", where ? where : "", about, v->name, v->sentence);
	return buf;
}

/* ---- octets ---- */

/* Return: false: there was no memory, and the connection is gone */
static bool put_packet(struct connection *cn, const struct capture *c, const uint8_t *octets)
{
	struct capture_stream *s = &cn->stream;
	char comment[CAPTURE_COMMENT_MAX];
	struct pcapng_packet p = {
		.interface = c->shown, .us = c->at.us + s->wall_us, .captured = c->kept,
		.original = c->len, .way = c->outbound ? PCAPNG_OUTBOUND : PCAPNG_INBOUND,
		.comment = capture_comment(config_of(cn), c, comment),
	};
	uint8_t head[PCAPNG_BLOCK_MAX], tail[PCAPNG_BLOCK_MAX];
	size_t head_len = pcapng_head(head, &p), tail_len = pcapng_tail(tail, &p);

	s->shown[c->shown]++;
	return connection_put(cn, head, head_len) && connection_put(cn, octets, c->kept) &&
	       connection_put(cn, tail, tail_len);
}

static bool put_file_head(struct connection *cn)
{
	uint8_t buf[PCAPNG_BLOCK_MAX];
	struct utsname u;
	char os[160];

	snprintf(os, sizeof(os), "unknown");
	if (uname(&u) == 0)
		snprintf(os, sizeof(os), "%.60s %.60s", u.sysname, u.release);
	return connection_put(cn, buf, pcapng_section(buf, os, "sixxsd " SIXXSD_VERSION)) &&
	       connection_put(cn, buf, pcapng_interface(buf, "outer", "sixxsd: around the tunnels, "
							"as on the wire")) &&
	       connection_put(cn, buf, pcapng_interface(buf, "inner", "sixxsd: in the tunnels"));
}

static int64_t wall_lead_us(const struct connection *cn)
{
	const struct control *c = cn->server->control;
	struct timespec ts = { 0 };
	mono_t now = c->ops.mono ? c->ops.mono(c->ops.context) : (mono_t){ 0 };

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * (int64_t)US_PER_S + ts.tv_nsec / NS_PER_US - now.us;
}

static mono_t mono_now(const struct connection *cn)
{
	const struct control *c = cn->server->control;

	return c->ops.mono ? c->ops.mono(c->ops.context) : (mono_t){ 0 };
}

/* ---- what was lost ---- */

static uint64_t lost_by_workers(const struct connection *cn, enum shown kind)
{
	const struct region *r = cn->server->control->region;
	uint64_t lost = 0;

	for (unsigned int w = 0; w < WORKERS_MAX; w++) {
		if (r->capture[w])
			lost += __atomic_load_n(&r->capture[w]->lost[kind], __ATOMIC_RELAXED);
	}
	return lost;
}

static uint64_t lost_of(const struct connection *cn, enum shown kind)
{
	const struct capture_stream *s = &cn->stream;
	uint64_t lost = s->lost[kind];

	if (!s->order.drops)
		lost += lost_by_workers(cn, kind) - s->before[kind];
	return lost;
}

static bool put_statistics(struct connection *cn)
{
	struct capture_stream *s = &cn->stream;
	uint8_t buf[PCAPNG_BLOCK_MAX];

	s->told = 0;
	for (unsigned int kind = 0; kind < SHOWN_KINDS; kind++) {
		uint64_t lost = lost_of(cn, (enum shown)kind);
		size_t len = pcapng_statistics(buf, kind, mono_now(cn).us + s->wall_us,
					       s->shown[kind] + lost, lost);

		s->told += lost;
		if (!connection_put(cn, buf, len))
			return false;
	}
	return true;
}

/* Return: false: the connection is gone */
static bool report_lost(struct connection *cn)
{
	uint64_t lost = lost_of(cn, SHOWN_OUTER) + lost_of(cn, SHOWN_INNER);

	return lost == cn->stream.told || put_statistics(cn);
}

/* ---- live ---- */

static bool is_gone(const struct connection *cn)
{
	const struct capture_order *o = &cn->stream.order;
	const struct tunnel_conf *t = o->tid == TID_NONE ? NULL : config_tunnel(config_of(cn), o->tid);

	return !o->drops && o->tid != TID_NONE &&
	       (!t || t->id != o->id || !(t->flags & TUNNEL_CAPTURE));
}

static bool is_mine(const struct connection *cn, const struct capture *c)
{
	uint16_t tid = cn->stream.order.tid;

	return tid == TID_NONE || ((c->from == tid || c->to == tid || c->blame == tid) && !is_gone(cn));
}

void capture_stream_put(struct connection *cn, const struct capture *c, const uint8_t *octets)
{
	struct capture_stream *s = &cn->stream;

	if (!is_mine(cn, c))
		return;
	if (!connection_has_room(cn)) {
		s->lost[c->shown]++;
		return;
	}
	if (!report_lost(cn) || !put_packet(cn, c, octets))
		return;
	s->packets += c->last;
	if (s->order.packets && s->packets >= s->order.packets)
		capture_stream_end(cn);
}

void capture_stream_look(struct connection *cn)
{
	struct capture_stream *s = &cn->stream;
	bool timed = s->order.seconds || s->closing;

	if (is_gone(cn) || (timed && mono_since_us(mono_now(cn), s->until) >= 0)) {
		capture_stream_end(cn);
		return;
	}
	if (connection_has_room(cn))
		(void)report_lost(cn);
}

void capture_stream_close(struct connection *cn)
{
	struct capture_stream *s = &cn->stream;

	s->closing = true;
	s->until = (mono_t){ mono_now(cn).us + CLOSING_US };
}

void capture_stream_end(struct connection *cn)
{
	if (put_statistics(cn))
		connection_finish(cn);
}

/* ---- the flight recorder ---- */

/* Not inside an encapsulation that was good: the outer packet is what there is. */
static bool put_drop(struct connection *cn, const struct drop *d)
{
	bool outer = d->via != VIA_TUN && d->via != VIA_SELF && !d->accepted;
	const struct around a = {
		.via = (enum via)d->via, .them = d->them, .us = d->us,
		.them_port = d->them_port, .us_port = d->us_port,
	};
	struct capture c = {
		.at = d->at, .len = d->len, .verdict = d->verdict, .from = d->from, .to = d->to,
		.blame = d->blame, .via = d->via, .shown = outer ? SHOWN_OUTER : SHOWN_INNER,
		.toward = d->to == TID_NONE ? TOWARD_UNKNOWN : TOWARD_TUNNEL,
		.outbound = d->via == VIA_TUN || d->via == VIA_SELF, .last = 1,
	};
	size_t kept = min_size(d->kept, DROP_BYTES), head = 0;
	uint8_t octets[REBUILT_MAX + DROP_BYTES];

	if (outer)
		head = rebuild_outer(octets, &a, cur_of(d->bytes, kept), d->len);
	memcpy(octets + head, d->bytes, kept);
	c.len += (uint32_t)head;
	c.kept = (uint32_t)(head + kept);
	return put_packet(cn, &c, octets);
}

/* All at once, by time: what lies in the recorder is less than what may lie unsent. */
static void send_drops(struct connection *cn)
{
	struct recall *c = cn->server->control->recall;
	struct drop d;

	recall_begin(c, cn->server->control->region->table.recorder);
	while (recall_next(c, &d)) {
		if (!connection_has_memory(cn))
			cn->stream.lost[SHOWN_INNER]++;
		else if (!put_drop(cn, &d))
			return;
	}
	cn->stream.lost[SHOWN_INNER] += c->lost;
	capture_stream_end(cn);
}

void capture_stream_begin(struct connection *cn)
{
	struct capture_stream *s = &cn->stream;

	*s = (struct capture_stream){ .order = cn->session.order, .wall_us = wall_lead_us(cn) };
	s->until = (mono_t){ mono_now(cn).us + (int64_t)s->order.seconds * US_PER_S };
	for (unsigned int kind = 0; kind < SHOWN_KINDS; kind++)
		s->before[kind] = lost_by_workers(cn, (enum shown)kind);
	if (!put_file_head(cn))
		return;
	if (s->order.drops)
		send_drops(cn);
	else if (cn->ended)
		capture_stream_close(cn);
}
