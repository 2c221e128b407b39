#include "ctl/show_part.h"

#include <fcntl.h>
#include <unistd.h>

#include "ctl/control.h"

static void json_ms(struct answer *an, const char *key, double ms)
{
	if (ms < 0)
		json_none(an, key);
	else
		json_float(an, key, ms);
}

void json_latency(struct answer *an, const struct stats_latency *l)
{
	json_uint(an, "pings_sent", l->sent);
	json_uint(an, "pings_received", l->received);
	json_float(an, "loss_percent", l->loss_percent);
	json_ms(an, "min_ms", l->min_ms);
	json_ms(an, "avg_ms", l->avg_ms);
	json_ms(an, "max_ms", l->max_ms);
}

void json_verdict(struct answer *an, enum verdict v, uint64_t count)
{
	json_open(an, NULL, '{');
	json_str(an, "reason", verdict_info[v].name);
	json_uint(an, "count", count);
	json_str(an, "sentence", verdict_info[v].sentence);
	json_close(an, '}');
}

size_t show_read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (fd >= 0) {
		while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
			len += (size_t)n;
		close(fd);
	}
	buf[len] = '\0';
	return len;
}

const char *show_pop_name(const struct control *c)
{
	const struct config_head *h = region_config(c->region)->head;
	const struct pop *pop = &h->pop[h->plan.pop_id];

	return pop->set ? pop->name : "unnamed";
}

uint64_t show_uptime_s(const struct control *c)
{
	int64_t us = mono_since_us(c->ops.mono(c->ops.context), c->started);

	return us > 0 ? (uint64_t)us / US_PER_S : 0;
}
