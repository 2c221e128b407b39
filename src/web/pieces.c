/* src/web/pieces.c - what a stream in pieces says next */
#include "web/parts.h"

const char *stream_type(const struct stream *s)
{
	switch (s->kind) {
	case STREAM_FREE:
	case STREAM_POP:
	case STREAM_TUNNEL:
	case STREAM_TRACE:
		break;
	case STREAM_LIST:
		return "application/json";
	case STREAM_METRICS:
		return metrics_content_type(s->metrics.format);
	}
	return "text/event-stream";
}

size_t stream_fill(struct stream *s, char *buf, size_t room)
{
	size_t len = 0;

	switch (s->kind) {
	case STREAM_FREE:
	case STREAM_POP:
	case STREAM_TUNNEL:
	case STREAM_TRACE:
		break;
	case STREAM_LIST:
		len = show_list(s->web, &s->at, &s->rows, &s->done, buf, room);
		break;
	case STREAM_METRICS:
		s->done = !metrics_tunnels(&s->metrics, &s->web->region, buf, room, &len);
		break;
	}
	return len;
}
