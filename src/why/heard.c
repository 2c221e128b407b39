/*
 * src/why/heard.c - the tunnel is configured so, or something is heard of it, and it is wrong
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cur.h"
#include "wire/ayiya.h"
#include "why/facts.h"

/* ---- configured so ---- */

bool look_disabled(struct facts *f)
{
	struct finding *e;
	char when[AT_TEXT];

	if (!(f->c->flags & TUNNEL_DISABLED))
		return false;
	e = why_find(f->d, CAUSE_TUNNEL_DISABLED, "The tunnel is disabled in the configuration: nothing "
		     "is forwarded for it.");
	if (f->story.since_s)
		why_evidence(e, "so since %s", at_text(f->story.since_s, f->now, when) + 3);
	why_remedy(e, "enable it: tunnel set config %x T%u ... up ...", (unsigned int)f->tid,
		   (unsigned int)f->c->id);
	return true;
}

bool look_password(struct facts *f)
{
	if (!conf_is_dynamic(f->c) || f->c->flags & TUNNEL_SECRET)
		return false;

	struct finding *e = why_find(f->d, CAUSE_NO_PASSWORD, "The tunnel has no password, so no message "
				     "can be verified and it stays down for ever.");

	why_evidence(e, "the configuration of T%u ends without a password", (unsigned int)f->c->id);
	why_remedy(e, "give it one: tunnel set config %x T%u ... <password>, and the same to the client",
		   (unsigned int)f->tid, (unsigned int)f->c->id);
	return true;
}

/* ---- something is heard, and it is wrong ---- */

/* Where the packet that was refused so came from. */
static const char *source_of(const struct facts *f, enum verdict v, char buf[ADDR_TEXT_MAX])
{
	struct error_sample s;

	return packet_of(f, v, &s) ? addr_text(&s.source, buf) : "an unknown address";
}

void look_secret(struct facts *f)
{
	static const enum verdict which[] = { DROP_AYIYA_DIGEST, DROP_AYIYA_HASH_METHOD,
					      DROP_BEAT_DIGEST };
	enum verdict v = latest(f, is_refused, which, ARRAY_LEN(which));
	struct error_sample s;
	struct finding *e;
	char source[ADDR_TEXT_MAX];

	if (v == VERDICT_COUNT)
		return;
	if (!packet_of(f, v, &s)) {
		e = why_find(f->d, CAUSE_WRONG_PASSWORD, "A client is heard, and what it sends is not "
			     "signed with this tunnel's password.");
	} else if (v == DROP_AYIYA_HASH_METHOD) {
		e = why_find(f->d, CAUSE_WRONG_PASSWORD, "The client at %s signs with another hash than "
			     "the tunnel's %s.", addr_text(&s.source, source),
			     f->c->hash == HASH_SHA256 ? "sha256" : "sha1");
	} else {
		e = why_find(f->d, CAUSE_WRONG_PASSWORD, "The client at %s is heard, and its %s are signed "
			     "with another password than this tunnel's.", addr_text(&s.source, source),
			     v == DROP_BEAT_DIGEST ? "heartbeats" : "AYIYA packets");
	}
	evidence_count(e, f, v);
	if (v == DROP_AYIYA_HASH_METHOD)
		why_remedy(e, "set the hash the client uses (tunnel set hash T%u sha1|sha256)",
			   (unsigned int)f->c->id);
	else
		why_remedy(e, "compare the password in the client's configuration with the tunnel's; AICCU "
			   "hashes the tunnel's password, not the account's");
}

/* The time a refused message was signed with; false: it does not say */
static bool epoch_of(const struct error_sample *s, uint64_t *epoch_s)
{
	struct cur c = cur_of(s->bytes, min_size(s->kept, sizeof(s->bytes)));
	struct ayiya_hdr h;

	if (s->verdict == DROP_AYIYA_CLOCK) {
		if (!CUR_TAKE(&c, &h))
			return false;
		*epoch_s = be32_get(&h.epoch_s);
		return true;
	}
	/* "HEARTBEAT TUNNEL <inner> <sender> <time> <digest>" */
	for (int space = 0; space < 4; space++) {
		const uint8_t *at = memchr(c.at, ' ', c.left);

		if (!at || !cur_skip(&c, (size_t)(at - c.at) + 1))
			return false;
	}
	*epoch_s = 0;
	for (uint8_t digit; cur_take(&c, &digit, 1) && digit != ' ';) {
		if (digit < '0' || digit > '9' || *epoch_s > INT64_MAX / 10 - 10)
			return false;
		*epoch_s = *epoch_s * 10 + (digit - '0');
	}
	return true;
}

void look_clock(struct facts *f)
{
	static const enum verdict which[] = { DROP_AYIYA_CLOCK, DROP_BEAT_CLOCK };
	enum verdict v = latest(f, is_refused, which, ARRAY_LEN(which));
	char source[ADDR_TEXT_MAX], span[AT_TEXT];
	struct error_sample s;
	struct outside o = { .at_s = 0 };
	struct finding *e;
	uint64_t epoch;

	if (v == VERDICT_COUNT)
		return;
	if (packet_of(f, v, &s) && epoch_of(&s, &epoch)) {
		int64_t off = (int64_t)epoch - s.at_s;

		e = why_find(f->d, CAUSE_CLOCK_OFF, "The clock of the client at %s is %s (%" PRId64 " s) %s; "
			     "120 s are allowed.", addr_text(&s.source, source),
			     span_word(off < 0 ? -off : off, span), off < 0 ? -off : off,
			     off < 0 ? "slow" : "fast");
	} else {
		e = why_find(f->d, CAUSE_CLOCK_OFF, "The client's clock is more than 120 s off.");
	}
	evidence_count(e, f, v);
	if (outside_read(f->r->table.outside, &o) && o.clock_synchronised == OUTSIDE_NO)
		why_evidence(e, "this host's own clock is not synchronised either: it may be the one "
			     "that is off");
	why_remedy(e, "set the client's clock (NTP) and start it again");
}

void look_address(struct facts *f)
{
	char them[ADDR_TEXT_MAX], source[ADDR_TEXT_MAX], who[AT_TEXT], of[AT_TEXT + 32] = "";
	struct error_sample s;
	struct finding *e;
	bool fixed = !conf_is_dynamic(f->c);

	if (!is_refused(f, DROP_OUTER_SOURCE))
		return;
	addr_text(&f->ep.them, them);
	if (packet_of(f, DROP_OUTER_SOURCE, &s)) {
		uint16_t other = tunnel_at(f, &s.source);

		if (other != TID_NONE)
			snprintf(of, sizeof(of), " (where the client of %s is)", tunnel_word(f, other, who));
		e = why_find(f->d, CAUSE_WRONG_ADDRESS, "Packets for this tunnel come from %s%s, not from %s, "
			     "which is %s.", addr_text(&s.source, source), of, them,
			     fixed ? "configured" : "where its heartbeats come from");
	} else {
		e = why_find(f->d, CAUSE_WRONG_ADDRESS, "Packets for this tunnel come from another address "
			     "than %s.", them);
	}
	evidence_count(e, f, DROP_OUTER_SOURCE);
	if (fixed)
		why_remedy(e, "if the client's address has changed: tunnel set config %x T%u <new address> "
			   "..., or make the tunnel a heartbeat or AYIYA one", (unsigned int)f->tid,
			   (unsigned int)f->c->id);
	else
		why_remedy(e, "heartbeats and packets of the client leave by different ways: let both use "
			   "one address");
}

/* What arrived, where another encapsulation was refused. */
static const char *other_encap(const struct facts *f)
{
	return f->ep.type == TYPE_GRE ? "protocol 41" : "GRE";
}

void look_protocol(struct facts *f)
{
	static const enum verdict which[] = { DROP_AYIYA_STATIC, DROP_BEAT_STATIC, DROP_ENCAP_OTHER };
	enum verdict v = latest(f, is_refused, which, ARRAY_LEN(which));
	char source[ADDR_TEXT_MAX];
	struct finding *e;

	if (v == VERDICT_COUNT)
		return;
	if (v == DROP_ENCAP_OTHER)
		e = why_find(f->d, CAUSE_WRONG_PROTOCOL, "The client at %s sends %s, and the tunnel uses %s%s.",
			     source_of(f, v, source), other_encap(f), f->ep.type == TYPE_GRE ? "GRE" : "protocol 41",
			     f->c->encap == ENCAP_AUTO ? " until that has been silent for 120 s" : "");
	else
		e = why_find(f->d, CAUSE_WRONG_PROTOCOL, "The client at %s sends %s, and the tunnel takes %s.",
			     source_of(f, v, source), v == DROP_AYIYA_STATIC ? "AYIYA" : "heartbeats", protocol_word(f));
	evidence_count(e, f, v);
	if (v == DROP_ENCAP_OTHER)
		why_remedy(e, "set the same on both sides: tunnel set encap T%u auto|direct|gre",
			   (unsigned int)f->c->id);
	else
		why_remedy(e, "change the client, or the tunnel: tunnel set config %x T%u ayiya|heartbeat|"
			   "dynamic|<address> ...", (unsigned int)f->tid, (unsigned int)f->c->id);
}

void look_plain(struct facts *f)
{
	struct finding *e;
	char source[ADDR_TEXT_MAX];

	if (!is_refused(f, DROP_TUNNEL_AYIYA))
		return;
	e = why_find(f->d, CAUSE_PLAIN_FOR_AYIYA, "Protocol 41 or GRE arrives from %s, and %s: such packets are "
		     "not signed, so they are dropped.", source_of(f, DROP_TUNNEL_AYIYA, source),
		     f->c->kind == KIND_AYIYA ? "this is an AYIYA tunnel" : "the tunnel was brought up by AYIYA");
	evidence_count(e, f, DROP_TUNNEL_AYIYA);
	why_remedy(e, "let the client speak AYIYA (AICCU with tunnel type ayiya), or make the tunnel static "
		   "or heartbeat: tunnel set config %x T%u <address>|heartbeat ...", (unsigned int)f->tid,
		   (unsigned int)f->c->id);
}

void look_beats(struct facts *f)
{
	static const enum verdict which[] = { DROP_BEAT_NO_SENDER, DROP_BEAT_MISMATCH, DROP_BEAT_NO_TIME,
					      DROP_BEAT_ENDPOINT, DROP_AYIYA_ENDPOINT };
	enum verdict v = latest(f, is_refused, which, ARRAY_LEN(which));
	char source[ADDR_TEXT_MAX];
	struct finding *e;

	if (v == VERDICT_COUNT)
		return;
	e = why_find(f->d, CAUSE_BEAT_MALFORMED, "Messages from %s cannot be used: %s.", source_of(f, v, source),
		     verdict_info[v].sentence);
	evidence_count(e, f, v);
	why_remedy(e, v == DROP_BEAT_MISMATCH ? "behind a NAT use AYIYA, or let the client send \"sender\" "
		   "for its address" : "look at the client's version and configuration");
}

void look_key(struct facts *f)
{
	char source[ADDR_TEXT_MAX] = "the client";
	struct error_sample s;
	struct finding *e;

	if (!is_refused(f, DROP_GRE_KEY))
		return;
	if (packet_of(f, DROP_GRE_KEY, &s))
		addr_text(&s.source, source);
	if (f->c->flags & TUNNEL_GRE_KEY)
		e = why_find(f->d, CAUSE_WRONG_KEY, "GRE packets of %s carry another key than the tunnel's %u, or "
			     "none.", source, (unsigned int)f->c->gre_key);
	else
		e = why_find(f->d, CAUSE_WRONG_KEY, "GRE packets of %s carry a key, and the tunnel has none.",
			     source);
	evidence_count(e, f, DROP_GRE_KEY);
	why_remedy(e, "set the same key on both sides: tunnel set encap T%u gre key <n>",
		   (unsigned int)f->c->id);
}

/* Messages do come, and are refused: that has a sentence of its own. */
static bool is_message_refused(const struct facts *f)
{
	static const enum verdict which[] = {
		DROP_AYIYA_DIGEST, DROP_AYIYA_HASH_METHOD, DROP_BEAT_DIGEST, DROP_AYIYA_CLOCK, DROP_BEAT_CLOCK,
		DROP_BEAT_NO_SENDER, DROP_BEAT_MISMATCH, DROP_BEAT_NO_TIME, DROP_BEAT_ENDPOINT,
		DROP_AYIYA_ENDPOINT,
	};

	return latest(f, is_refused, which, ARRAY_LEN(which)) != VERDICT_COUNT;
}

void look_early_data(struct facts *f)
{
	char source[ADDR_TEXT_MAX], when[AT_TEXT];
	struct finding *e;

	if (is_up(f) || !is_refused(f, DROP_TUNNEL_DOWN) || is_message_refused(f))
		return;
	e = why_find(f->d, CAUSE_DATA_BEFORE_BEAT, "Packets arrive from %s, but no heartbeat that would say "
		     "that this is the client.", source_of(f, DROP_TUNNEL_DOWN, source));
	evidence_count(e, f, DROP_TUNNEL_DOWN);
	why_evidence(e, "last heartbeat: %s", at_text(f->beat_s, f->now, when));
	why_remedy(e, "start the client's heartbeat program, and let UDP port 3740 pass on the way");
}

static bool is_replayed(const struct facts *f, enum verdict v)
{
	return count_of(f, v) > 1 && is_within(f, story_verdict_s(f->ts, v), WHY_BESIDE_S) &&
	       recorded(f, v, f->now.s - WHY_BESIDE_S) > 1;	/* networks duplicate, now and then */
}

void look_replay(struct facts *f)
{
	static const enum verdict which[] = { DROP_AYIYA_REPLAYED, DROP_BEAT_REPLAYED };
	enum verdict v = latest(f, is_replayed, which, ARRAY_LEN(which));
	char source[ADDR_TEXT_MAX], them[ENDPOINT_TEXT];
	struct finding *e;

	if (v == VERDICT_COUNT)
		return;
	e = why_find(f->d, CAUSE_REPLAYED, "Signed messages from %s are older than the newest one: two clients use "
		     "this tunnel, its client's clock was set back, or somebody replays them.", source_of(f, v, source));
	evidence_count(e, f, v);
	why_evidence(e, "the tunnel's endpoint is %s", endpoint_word(&f->ep.them, f->ep.them_port, them));
	why_remedy(e, "stop the second client, or give it a tunnel of its own; a clock that was set back is "
		   "believed again a few minutes after the client was silent");
}

void look_strangers(struct facts *f)
{
	static const enum verdict which[] = {
		DROP_OUTER_SOURCE, DROP_ENCAP_OTHER, DROP_GRE_KEY, DROP_TUNNEL_AYIYA,
		DROP_AYIYA_DIGEST, DROP_AYIYA_HASH_METHOD, DROP_BEAT_DIGEST, DROP_AYIYA_CLOCK, DROP_BEAT_CLOCK,
		DROP_BEAT_NO_SENDER, DROP_BEAT_MISMATCH, DROP_BEAT_NO_TIME, DROP_BEAT_ENDPOINT,
		DROP_AYIYA_ENDPOINT, DROP_AYIYA_STATIC, DROP_BEAT_STATIC,
	};
	enum verdict v = latest(f, is_beside, which, ARRAY_LEN(which));
	char source[ADDR_TEXT_MAX] = "an unknown address", who[AT_TEXT] = "";
	uint16_t other = TID_NONE;
	struct error_sample s;
	struct finding *e;

	if (v == VERDICT_COUNT)
		return;
	if (packet_of(f, v, &s)) {
		addr_text(&s.source, source);
		other = tunnel_at(f, &s.source);
	}
	e = why_find(f->d, CAUSE_STRANGERS, "Besides good ones, packets from %s%s%s are refused: %s.", source,
		     other != TID_NONE ? ", where the client of this tunnel is too: " : "",
		     other != TID_NONE ? tunnel_word(f, other, who) : "", verdict_info[v].sentence);
	evidence_count(e, f, v);
	why_remedy(e, "nothing, if somebody else sends them; if it is the client, it sends some of its packets "
		   "another way");
}
