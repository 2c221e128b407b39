/* What lies around the tunnels, into the region: table/outside.h. */
#include "ctl/control.h"
#include "ctl/stats.h"

#include <stdio.h>
#include <string.h>

static uint8_t known(bool yes)
{
	return yes ? OUTSIDE_YES : OUTSIDE_NO;
}

static void take_fast(const struct control *c, struct outside *o)
{
	struct fast_view v;

	o->fast_available = OUTSIDE_UNKNOWN;
	o->ports = 0;
	if (!c->ops.fast_view)
		return;
	c->ops.fast_view(c->ops.context, &v);
	o->fast_available = known(v.available);
	o->fast_automatic = v.automatic;
	o->queues = v.queues;
	o->hops = v.generation;
	memcpy(o->passed, v.passed, sizeof(o->passed));
	snprintf(o->fast_why, sizeof(o->fast_why), "%s", v.why);
	snprintf(o->queues_why, sizeof(o->queues_why), "%s", v.queues_why);
	for (unsigned int i = 0; i < v.ports && i < FASTPATH_MAX; i++) {
		struct outside_port *to = &o->port[o->ports++];
		const struct fast_port_view *from = &v.port[i];

		*to = (struct outside_port){ .since_s = from->mode ? from->since_s : 0 };
		snprintf(to->name, sizeof(to->name), "%s", from->name);
		snprintf(to->mode, sizeof(to->mode), "%s", from->mode ? from->mode : "");
		snprintf(to->why, sizeof(to->why), "%s", from->why);
	}
}

/* A role keeps the name it had when it was last filled: that one may be down now. */
static void name_links(struct outside *o)
{
	static const enum outside_role roles[] = { ROLE_DEVICE, ROLE_UPLINK, ROLE_OUTER4, ROLE_OUTER6 };

	_Static_assert(ARRAY_LEN(roles) + FASTPATH_MAX <= OUTSIDE_LINKS, "all have room");
	for (size_t i = 0; i < ARRAY_LEN(roles); i++)
		o->link[i].role = (uint8_t)roles[i];
	snprintf(o->link[0].name, sizeof(o->link[0].name), "sixxs");
	o->links = ARRAY_LEN(roles);
	for (uint32_t i = 0; i < o->ports; i++) {
		o->link[o->links] = (struct outside_link){ .role = ROLE_PORT };
		memcpy(o->link[o->links++].name, o->port[i].name, sizeof(o->port[i].name));
	}
}

void control_look_outside(struct control *c)
{
	struct outside *o = &c->outside;

	o->at_s = c->ops.wall(c->ops.context).s;
	o->loaded_s = c->loaded_s;
	o->tun_drops = c->tun_drops;
	/* the two it is made of are not read at the same moment */
	if (stats_tun_lost(c) > o->tun_lost) {
		o->tun_lost = stats_tun_lost(c);
		o->tun_lost_s = o->at_s;
	}
	o->load_ok = c->loaded_s == 0 && !c->load_failed ? OUTSIDE_UNKNOWN : known(!c->load_failed);
	o->clock_synchronised = known(!c->clock_unsynced);
	o->workers = c->workers;
	o->sessions = c->sessions;
	o->sessions_max = c->sessions_max;
	snprintf(o->digests, sizeof(o->digests), "%s", c->digests ? c->digests : "");
	take_fast(c, o);
	name_links(o);
	if (c->ops.outside)
		c->ops.outside(c->ops.context, o->link, o->links, &o->forwarding6);
	outside_write(c->region->table.outside, o);
}
