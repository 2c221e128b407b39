/* src/web/show_history.c - a tunnel's last hours, days and weeks */
#include <stdio.h>
#include "web/parts.h"

#define TRIES	100

enum column {
	IN_OCTETS,
	OUT_OCTETS,
	IN_PACKETS,
	OUT_PACKETS,
	RTT,
	LOSS,
	DROPS,
	COLUMNS,
};

static const char *const names[COLUMNS] = {
	"in_octets", "out_octets", "in_packets", "out_packets", "rtt_ms", "loss_percent", "drops",
};

static void value(const struct history_sample *k, enum column c, unsigned int step_s, struct answer *an)
{
	switch (c) {
	case IN_OCTETS:
		json_float(an, NULL, (double)history_unround(k->in_octets) / step_s);
		return;
	case OUT_OCTETS:
		json_float(an, NULL, (double)history_unround(k->out_octets) / step_s);
		return;
	case IN_PACKETS:
		json_float(an, NULL, (double)history_unround(k->in_packets) / step_s);
		return;
	case OUT_PACKETS:
		json_float(an, NULL, (double)history_unround(k->out_packets) / step_s);
		return;
	case RTT:
		if (history_rtt_us(k))
			json_float(an, NULL, (double)history_rtt_us(k) / US_PER_MS);
		else
			json_none(an, NULL);
		return;
	case LOSS:
		if (history_tested(k))
			json_float(an, NULL, history_loss_percent(k));
		else
			json_none(an, NULL);
		return;
	case DROPS:
		json_float(an, NULL, (double)history_unround8(k->drops) * 60 / step_s);
		return;
	case COLUMNS:
		return;
	}
}

static void series(const struct history *h, enum history_ring r, struct answer *an)
{
	struct history_view v;
	bool good = false;

	/* the owner writes once a minute: whoever loses this often has met a bug */
	for (int i = 0; i < TRIES && !good; i++)
		good = history_read(h, r, web_mono(), &v);
	if (!good)
		v.samples = 0;
	json_open(an, NULL, '{');
	json_uint(an, "step_s", history_step_s(r));
	json_int(an, "end", web_wall().s - v.age_s);
	for (unsigned int c = 0; c < COLUMNS; c++) {
		json_open(an, names[c], '[');
		for (unsigned int i = 0; i < v.samples; i++) {
			if (v.known[i])
				value(&v.sample[i], c, history_step_s(r), an);
			else
				json_none(an, NULL);
		}
		json_close(an, ']');
	}
	json_close(an, '}');
}

void show_history(const struct web *w, uint16_t tid, struct answer *an)
{
	const struct history *h = tunnel_history(&w->region.table, tid);
	char id[16];

	snprintf(id, sizeof(id), "T%u", (unsigned int)region_config(&w->region)->tunnel[tid].id);
	json_int(an, "now", web_wall().s);
	json_str(an, "tunnel", id);
	json_open(an, "series", '[');
	for (unsigned int r = 0; h && r < HISTORY_RINGS; r++)
		series(h, r, an);
	json_close(an, ']');
}
