/* pop show fastpath */
#include <inttypes.h>
#include <stdio.h>

#include "ctl/control.h"
#include "ctl/show_part.h"
#include "ctl/text.h"

static const struct {
	const char	*label, *key;
} passes[FAST_PASS_COUNT] = {
	[FAST_PASS_LINE]	= { "Passed Up, tunnel", "tunnel" },
	[FAST_PASS_PACKET]	= { "Passed Up, packet", "packet" },
	[FAST_PASS_LOCAL]	= { "Passed Up, for the PoP", "local" },
	[FAST_PASS_AGE]		= { "Passed Up, hops or size", "age" },
	[FAST_PASS_ROUTE]	= { "Passed Up, no next hop", "route" },
	[FAST_PASS_ROOM]	= { "Passed Up, no room", "room" },
};

static void show_ports(const struct fast_view *v, struct answer *an)
{
	json_open(an, "interfaces", '[');
	for (unsigned int i = 0; i < v->ports; i++) {
		const struct fast_port_view *p = &v->port[i];
		char name[40], since[DATE_TEXT_MAX];

		snprintf(name, sizeof(name), "Interface %s", p->name);
		if (p->mode)
			label(an, name, "%s (%s), since %s", p->mode, p->why,
			      date_text(p->since_s, since));
		else
			label(an, name, "not attached (%s)", p->why);
		json_open(an, NULL, '{');
		json_str(an, "name", p->name);
		json_str(an, "mode", p->mode ? p->mode : "none");
		json_str(an, "why", p->why);
		json_when(an, "since", p->mode ? p->since_s : 0);
		json_close(an, '}');
	}
	json_close(an, ']');
}

static void show_counts(const struct fast_view *v, struct answer *an)
{
	label(an, "Packets In", "%" PRIu64, v->traffic.in_packets);
	label(an, "Octets In", "%" PRIu64, v->traffic.in_octets);
	label(an, "Packets Out", "%" PRIu64, v->traffic.out_packets);
	label(an, "Octets Out", "%" PRIu64, v->traffic.out_octets);
	json_uint(an, "in_packets", v->traffic.in_packets);
	json_uint(an, "in_octets", v->traffic.in_octets);
	json_uint(an, "out_packets", v->traffic.out_packets);
	json_uint(an, "out_octets", v->traffic.out_octets);
	json_open(an, "passed", '{');
	for (unsigned int i = 0; i < FAST_PASS_COUNT; i++) {
		label(an, passes[i].label, "%" PRIu64, v->passed[i]);
		json_uint(an, passes[i].key, v->passed[i]);
	}
	json_close(an, '}');
}

static void show_hops(const struct fast_view *v, struct answer *an)
{
	if (v->asked)
		label(an, "Next Hops", "asked for each time, because of %s; generation %u", v->asked,
		      v->generation);
	else
		label(an, "Next Hops", "kept, generation %u", v->generation);
	if (!v->forwards4)
		label(an, "Towards Endpoints", "off: the kernel tells no way (sysctl -w "
		      "net.ipv4.conf.lo.forwarding=1)");
	json_bool(an, "next_hops_kept", !v->asked);
	json_uint(an, "generation", v->generation);
	json_bool(an, "endpoints", v->forwards4);
}

/* AYIYA: past the kernel's stack or not. */
static void show_queues(const struct control *c, const struct fast_view *v, struct answer *an)
{
	const char *sep = v->queues_why[0] ? "; " : "";
	uint64_t in = 0, out = 0;

	for (unsigned int i = 0; i < c->workers; i++) {
		in += count_get(&c->region->table.worker[i].frames_in);
		out += count_get(&c->region->table.worker[i].frames_out);
	}
	if (v->queues)
		label(an, "AYIYA", "AF_XDP, receive queues: %u%s%s", v->queues, sep, v->queues_why);
	else
		label(an, "AYIYA", "through the kernel's stack%s%s", sep, v->queues_why);
	label(an, "AYIYA, AF_XDP", "%" PRIu64 " packets in, %" PRIu64 " out", in, out);
	json_open(an, "ayiya", '{');
	json_uint(an, "queues", v->queues);
	json_str(an, "why", v->queues_why);
	json_uint(an, "in_packets", in);
	json_uint(an, "out_packets", out);
	json_close(an, '}');
}

static bool is_on(const struct fast_view *v)
{
	for (unsigned int i = 0; i < v->ports; i++) {
		if (v->port[i].mode)
			return true;
	}
	return false;
}

static const char *state_of(const struct fast_view *v)
{
	if (!v->available)
		return "not available";
	if (v->automatic)
		return is_on(v) ? "on, automatic" : "off, automatic";
	return is_on(v) ? "on" : "off";
}

int show_fastpath(struct control *c, struct session *s, const struct arg *args, unsigned int n,
		  struct answer *an)
{
	struct fast_view v = { .available = false, .why = "built without it" };

	(void)s, (void)args, (void)n;
	if (c->ops.fast_view)
		c->ops.fast_view(c->ops.context, &v);
	label(an, "Fast Path", "%s%s%s", state_of(&v), v.why[0] ? ": " : "", v.why);
	json_bool(an, "available", v.available);
	json_bool(an, "automatic", v.automatic);
	json_bool(an, "on", is_on(&v));
	json_str(an, "why", v.why);
	if (!v.available)
		return 0;
	show_ports(&v, an);
	show_hops(&v, an);
	show_counts(&v, an);
	show_queues(c, &v, an);
	label(an, "Bypassed", "netfilter, queueing disciplines, traffic accounting and packet "
	      "capture of these interfaces");
	return 0;
}
