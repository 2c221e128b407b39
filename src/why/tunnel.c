/*
 * src/why/tunnel.c - why is this tunnel dead, slow or dropping? The list of what is looked at
 */
#include <inttypes.h>
#include <stdio.h>

#include "why/facts.h"

/* The worst that is the matter with the PoP, told of a tunnel. */
static void tell_pop(struct facts *f, enum cause cause, const struct diagnosis *pop)
{
	const struct finding *worst = &pop->finding[0];
	struct finding *e;

	if (pop->n == 0)
		return;
	e = why_find(f->d, cause, "The PoP itself: %.440s", worst->sentence);
	if (worst->evidences)
		why_evidence(e, "%s", worst->evidence[0]);
	why_evidence(e, "`pop why` says more");
	why_remedy(e, "%s", worst->remedy);
}

/* Nothing passes, whatever the client does. */
static void look_broken(struct facts *f)
{
	struct diagnosis pop = { .n = 0 };

	why_host(f->r, addr_is_unspecified(&f->ep.them) ? NULL : &f->ep.them, &pop);
	tell_pop(f, CAUSE_POP_BROKEN, &pop);
}

static void look_trouble(struct facts *f)
{
	struct diagnosis pop = { .n = 0 };

	why_load(f->r, f->now, &pop);
	tell_pop(f, CAUSE_POP_TROUBLE, &pop);
}

static void evidence_last(struct finding *e, const struct facts *f)
{
	char in[AT_TEXT], out[AT_TEXT], beat[AT_TEXT];
	const struct latency *l = &f->latency;

	if (conf_is_dynamic(f->c))
		why_evidence(e, "last signed message %s, %" PRIu64 " accepted since the daemon started",
			     at_text(f->beat_s, f->now, beat), f->beats);
	why_evidence(e, "last packet from the client %s; last packet for it %s",
		     at_text(f->in_s, f->now, in), at_text(f->out_s, f->now, out));
	if (l->received)
		why_evidence(e, "latency test: %" PRIu64 " of %" PRIu64 " answered, %.1f ms on average",
			     l->received, l->sent, (double)l->sum_us / (double)l->received / 1000.0);
	else if (l->sent > 1)
		why_evidence(e, "latency test: none of %" PRIu64 " answered, so the client does not answer pings",
			     l->sent);
}

static void look_well(struct facts *f)
{
	char them[ENDPOINT_TEXT];
	bool in = is_recent(f->data_in_s, f->now), out = is_recent(f->data_out_s, f->now);

	for (unsigned int i = 0; i < f->d->n; i++) {
		if (cause_info[f->d->finding[i].cause].severity >= SEVERITY_WARNING)
			return;
	}
	if (!is_up(f))
		return;
	endpoint_word(&f->ep.them, f->ep.type == TYPE_AYIYA ? f->ep.them_port : 0, them);
	if (in && out)
		evidence_last(why_find(f->d, CAUSE_TUNNEL_WELL, "All is well: the tunnel is up at %s, and packets pass "
				       "both ways.", them), f);
	else if (in || out || is_answering(f))
		evidence_last(why_find(f->d, CAUSE_TUNNEL_WELL, "All is well: the tunnel is up at %s%s.", them,
				       is_answering(f) ? ", and its client answers our latency test" :
				       in ? ", and its client sends" : ", and packets go to its client"), f);
	else
		evidence_last(why_find(f->d, CAUSE_IDLE, "The tunnel is up at %s, and nobody %s: whether packets "
				       "would pass is not known.", them,
				       f->data_in_s || f->data_out_s ? "has used it lately" : "has used it yet"), f);
}

void why_tunnel(const struct region *r, uint16_t tid, enum why_reader reader, wall_t now, mono_t mono,
		struct diagnosis *d)
{
	struct facts f;

	d->n = 0;
	read_facts(&f, r, tid, now, mono, d);
	f.reader = reader;
	if (look_disabled(&f) || look_password(&f))
		return;
	look_broken(&f);
	look_secret(&f);
	look_clock(&f);
	look_address(&f);
	look_protocol(&f);
	look_plain(&f);
	look_beats(&f);
	look_key(&f);
	look_early_data(&f);
	look_replay(&f);
	look_elsewhere(&f);
	look_never(&f);
	look_down(&f);
	look_outer_icmp(&f);
	look_filtered(&f);
	look_send(&f);
	look_source(&f);
	look_transfer(&f);
	look_black_hole(&f);
	look_loop(&f);
	look_rate(&f);
	look_one_way(&f);
	look_trouble(&f);
	look_moves(&f);
	look_loss(&f);
	look_latency(&f);
	look_outer_mtu(&f);
	look_strangers(&f);
	look_others(&f);
	look_well(&f);
}
