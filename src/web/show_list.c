/* src/web/show_list.c - every tunnel as one row, in pieces */
#include <inttypes.h>
#include <stdio.h>
#include "ctl/text.h"
#include "table/enumword.h"
#include "web/parts.h"

#define ROW_BYTES	512

static const char columns[] =
	"\"tunnel\",\"tid\",\"inner\",\"outer\",\"state\",\"type\",\"kind\",\"mtu\",\"errors\",\"drops\","
	"\"last_in\",\"in_octets\",\"out_octets\",\"rtt_ms\",\"loss_percent\"";

static uint64_t errors_of(const struct tunnel_errors *e)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < ERR_COUNT; i++) {
		if (errname_summed[i])
			sum += count_get(&e->record[i].count);
	}
	return sum;
}

static int put_row(const struct region *r, uint16_t tid, bool comma, char *buf, size_t room)
{
	const struct config *cf = region_config(r);
	const struct tunnel_conf *c = &cf->tunnel[tid];
	const struct tunnel_errors *e = &r->table.errors[tid];
	struct endpoint ep = tunnel_endpoint(&r->table.tunnel[tid]);
	struct latency l = tunnel_latency(&r->table.cold[tid]);
	struct traffic t = tunnel_traffic(&r->table, tid);
	char inner[ADDR_TEXT_MAX], outer[ADDR_TEXT_MAX + 2] = "null", rtt[32] = "null", loss[32] = "null";

	if (!addr_is_unspecified(&ep.them)) {
		char text[ADDR_TEXT_MAX];

		snprintf(outer, sizeof(outer), "\"%s\"", addr_text(&ep.them, text));
	}
	if (l.epoch == cf->head->stats_epoch && l.received)
		snprintf(rtt, sizeof(rtt), "%.2f", (double)l.recent_us / US_PER_MS);
	if (l.epoch == cf->head->stats_epoch && l.sent)
		snprintf(loss, sizeof(loss), "%.2f", (double)(l.sent - l.received) * 100 / (double)l.sent);
	inner_text(config_plan(cf), tid, IID_USER, inner);
	return snprintf(buf, room, "%s[\"T%" PRIu32 "\",%u,\"%s\",%s,\"%s\",\"%s\",\"%s\",%u,%" PRIu64 ",%" PRIu64
			",%" PRId64 ",%" PRIu64 ",%" PRIu64 ",%s,%s]\n", comma ? "," : "", c->id,
			(unsigned int)tid, inner, outer, word_state(ep.state), word_type(ep.type),
			word_kind(c->kind), (unsigned int)c->mtu_bytes, errors_of(e),
			count_get(&r->table.story[tid].drops),
			tunnel_last_in_s(&r->table, tid), t.in_octets, t.out_octets, rtt, loss);
}

/* *@at: 0 before the head, then 1 + the next tid. */
size_t show_list(const struct web *w, uint32_t *at, uint32_t *rows, bool *done, char *buf, size_t room)
{
	const struct region *r = &w->region;
	const struct config *cf = region_config(r);
	size_t len = 0;

	if (*at == 0) {
		len = (size_t)snprintf(buf, room, "{\"now\":%" PRId64 ",\"columns\":[%s],\"rows\":[\n",
				       web_wall().s, columns);
		*at = 1;
	}
	for (; *at - 1 < cf->head->tunnel_end && *at - 1 < cf->limits.tunnels && len + ROW_BYTES < room; ++*at) {
		uint16_t tid = (uint16_t)(*at - 1);

		if (!config_tunnel(cf, tid))
			continue;
		len += (size_t)put_row(r, tid, (*rows)++ > 0, buf + len, room - len);
	}
	if (*at - 1 < cf->head->tunnel_end && *at - 1 < cf->limits.tunnels)
		return len;
	len += (size_t)snprintf(buf + len, room - len, "]}\n");
	*done = true;
	return len;
}
