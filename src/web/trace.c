/*
 * src/web/trace.c - the live decision view
 *
 * Control hands us a socket for each viewer, on which a session of its own says what `tunnel set
 * debug` says, and hears nothing (ctl/server.h, server_watch()): when the stream ends the socket
 * does, and with it the debugging. Only lines that are traces go on to the viewer; the one answer
 * that is none says why there will be none.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdio.h>
#include <unistd.h>
#include "web/parts.h"
#include "web/trace_line.h"

#define LINE_BYTES	8192

static void end(struct stream *s, const char *why)
{
	struct answer an = answer_begin(s->web);

	json_str(&an, "why", why);
	an.buf[an.len++] = '}';
	(void)stream_event(s, "end", an.buf, an.len);
	stream_end(s);
}

/* @rest: of the object, from the text on */
static bool send_text(struct stream *s, const char *rest)
{
	char event[LINE_BYTES + 16];
	int len = snprintf(event, sizeof(event), "{\"text\":%s", rest);

	return len < 0 || (size_t)len >= sizeof(event) || stream_event(s, "trace", event, (size_t)len);
}

/* Return: the stream is over */
static bool take_line(struct stream *s, const char *line)
{
	const char *rest;

	switch (trace_read(line, s->on, &rest)) {
	case TRACE_REFUSED:
		end(s, "another session is debugging this tunnel, or it is gone");
		return true;
	case TRACE_BEGUN:
		s->on = true;
		return !stream_event(s, "state", "{\"on\":true}", 11);
	case TRACE_TEXT:
		return !send_text(s, rest);
	case TRACE_OTHER:
		break;
	}
	return false;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct stream *s = arg;
	char *line;
	bool over = false;

	while (!over && (line = evbuffer_readln(in, NULL, EVBUFFER_EOL_LF)) != NULL) {
		over = take_line(s, line);
		arena_free(s->web->arena, line);	/* libevent took it from there */
	}
	if (!over && evbuffer_get_length(in) > LINE_BYTES)
		end(s, "the daemon's answer was not understood");
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)what;
	end(arg, "the daemon closed the session");
}

static unsigned int traces(const struct web *w)
{
	unsigned int n = 0;

	for (size_t i = 0; i < WEB_STREAMS_MAX; i++)
		n += w->stream[i].kind == STREAM_TRACE;
	return n;
}

bool trace_open(struct stream *s)
{
	struct web_word word = { .what = WEB_WATCH, .id = ++s->web->asked, .tid = s->tid };

	s->asked = word.id;
	return traces(s->web) <= WEB_TRACES_MAX && web_ask(s->web, &word);
}

/* Return: NULL: the viewer has gone meanwhile */
static struct stream *waiting(struct web *w, uint32_t id)
{
	for (size_t i = 0; i < WEB_STREAMS_MAX; i++) {
		struct stream *s = &w->stream[i];

		if (s->kind == STREAM_TRACE && !s->line && s->asked == id)
			return s;
	}
	return NULL;
}

void trace_watched(struct web *w, uint32_t id, int fd)
{
	struct stream *s = waiting(w, id);

	if (s && fd >= 0)
		s->line = bufferevent_socket_new(w->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!s || !s->line) {
		if (fd >= 0)
			close(fd);
		if (s)
			end(s, fd < 0 ? "the tunnel is gone" : "no memory for it");
		return;
	}
	bufferevent_setcb(s->line, on_read, NULL, on_event, s);
	if (bufferevent_enable(s->line, EV_READ) < 0)
		end(s, "no memory for it");
}

bool trace_look(struct stream *s)
{
	const struct tunnel_conf *t = config_tunnel(region_config(&s->web->region), s->tid);

	if (!stream_is_same(s))
		end(s, "the tunnel is gone");
	else if (s->on && !(t->flags & TUNNEL_DEBUG))
		end(s, "another session switched the tunnel's debugging off");
	else
		return true;
	return false;
}

void trace_close(struct stream *s)
{
	if (s->line)
		bufferevent_free(s->line);
	s->line = NULL;
}
