/* Changes to one tunnel's record. */
#include "ctl/edit.h"
#include "ctl/edit_notes.h"

#include <stdio.h>
#include <string.h>

#include "crypto/secret.h"
#include "ctl/answer.h"
#include "ctl/refuse.h"

/* How many subnets a refusal names. */
#define NAMED_MAX	6

const char *endpoint_fault(const struct config *cf, const struct ip6_addr *a)
{
	if (addr_is_unspecified(a))
		return "unspecified is no endpoint";
	if (addr_is_bad_endpoint(a))
		return "no loopback, multicast, broadcast, link-local or reserved address can be "
		       "an endpoint";
	if (config_is_own(cf, a))
		return "it is an address of this PoP";
	return "it lies inside this PoP's own prefixes";
}

uint16_t config_find_t_id(const struct config *cf, uint32_t id, uint16_t start)
{
	uint32_t end = cf->head->tunnel_end;

	for (uint32_t i = 0, tid = start < end ? start : 0; i < end; i++) {
		if (cf->tunnel[tid].kind != KIND_NONE && cf->tunnel[tid].id == id)
			return (uint16_t)tid;
		if (++tid == end)
			tid = 0;
	}
	return TID_NONE;
}

uint16_t config_tid_last(const struct config *cf)
{
	const struct plan *p = config_plan(cf);
	uint16_t last = (uint16_t)(cf->limits.tunnels - 1);

	if (plan_has_tunnel_prefix(p) && plan_tid_last(p) < last)
		return plan_tid_last(p);
	return last;
}

/* Where the plan has room and the limit has not, the limit is to be changed. */
int refuse_tid(const struct config *cf, uint64_t tid, struct why *why)
{
	uint16_t last = config_tid_last(cf);
	char text[64] = "";

	if (last + 1u < cf->limits.tunnels)
		snprintf(text, sizeof(text), ": the tunnel prefix is a /%u",
			 plan_tunnel_prefix(config_plan(cf)).len);
	else if (cf->limits.tunnels < TUNNELS_MAX)
		snprintf(text, sizeof(text), ": pop set limits says %u tunnels", cf->limits.tunnels);
	return refuse(why, ANSWER_BAD, "TID 0x%llx is out of range (0x0 - 0x%x)%s",
		      (unsigned long long)tid, last, text);
}

static int tunnel_args_ok(const struct config *cf, const struct tunnel_args *a, struct why *why)
{
	char text[ADDR_TEXT_MAX];

	if (a->tid > config_tid_last(cf))
		return refuse_tid(cf, a->tid, why);
	if (a->mtu_bytes < MTU_MIN_BYTES || a->mtu_bytes > MTU_MAX_BYTES)
		return refuse(why, ANSWER_BAD, "Tunnel MTU %u is outside range (%d-%d)",
			      a->mtu_bytes, MTU_MIN_BYTES, MTU_MAX_BYTES);
	if (a->kind == KIND_STATIC && config_bad_endpoint(cf, &a->them))
		return refuse(why, ANSWER_BAD, "Invalid Tunnel_Them address (%s): %s",
			      addr_text(&a->them, text), endpoint_fault(cf, &a->them));
	if (a->password && a->password_len > PASSWORD_MAX)
		return refuse(why, ANSWER_BAD, "Password given (..) is too long (%zu/%d)",
			      a->password_len, PASSWORD_MAX);
	if (a->password && a->password_len == 0)
		return refuse(why, ANSWER_BAD, "Password given is empty; leave it out to keep "
			      "what is set");
	return 0;
}

/* A free slot becomes a record with everything at its default. */
static void occupy(struct config *cf, uint16_t tid)
{
	struct config_head *h = cf->head;

	h->tunnels++;
	if (tid >= h->tunnel_end)
		h->tunnel_end = tid + 1u;
}

int edit_tunnel(struct config *cf, struct changes *ch, const struct tunnel_args *a,
		struct why *why)
{
	int r = tunnel_args_ok(cf, a, why);

	if (r < 0)
		return r;
	if (a->password && !secret_set(&cf->secret[a->tid], a->digest, a->password,
				       a->password_len))
		return refuse(why, ANSWER_BAD, "Password given cannot be used");

	struct tunnel_conf *t = &cf->tunnel[a->tid];

	note_tunnel(ch, a->tid);
	if (t->kind == KIND_NONE)
		occupy(cf, a->tid);
	if (a->kind == KIND_STATIC)
		t->them = a->them;
	else if (!conf_is_dynamic(t))
		t->them = (struct ip6_addr){ { 0 } };	/* the worker keeps the one in use */
	if (t->id != a->id)		/* renamed, but nobody said that it still has the same owner */
		cf->token[a->tid] = (struct token){ .set = 0 };
	t->kind = (uint8_t)a->kind;
	t->id = a->id;
	t->mtu_bytes = a->mtu_bytes;
	t->flags = (uint8_t)(a->disabled ? t->flags | TUNNEL_DISABLED : t->flags & ~TUNNEL_DISABLED);
	if (a->password)
		t->flags |= TUNNEL_SECRET;
	return 0;
}

static int unknown_tid(uint16_t tid, struct why *why)
{
	return refuse(why, ANSWER_NOT_FOUND, "No such tunnel 0x%x", tid);
}

/* The subnets that point to @tid, as many as fit, for people. Return: how many there are */
static unsigned int name_subnets(const struct config *cf, uint16_t tid, char *buf, size_t size)
{
	const struct plan *p = config_plan(cf);
	unsigned int found = 0;
	size_t len = 0;

	buf[0] = '\0';
	for (unsigned int i = 0; i < p->subnet_prefixes; i++) {
		const struct subnet_prefix *s = &p->subnet[i];

		for (uint32_t n = 0; n < subnet_prefix_count(s); n++) {
			char text[PREFIX_TEXT_MAX];
			struct prefix subnet = plan_subnet(s, n);

			if (cf->subnet[s->base + n] != tid || found++ >= NAMED_MAX)
				continue;
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "",
						prefix_text(&subnet, text));
		}
	}
	return found;
}

int edit_tunnel_remove(struct config *cf, struct changes *ch, uint16_t tid, struct why *why)
{
	char names[NAMED_MAX * (PREFIX_TEXT_MAX + 2)];

	if (!config_tunnel(cf, tid))
		return unknown_tid(tid, why);

	unsigned int subnets = name_subnets(cf, tid, names, sizeof(names));

	if (subnets > 0)
		return refuse(why, ANSWER_BAD, "Tunnel %x/T%u still has %u subnet%s: %s%s; remove "
			      "or move them first", tid, cf->tunnel[tid].id, subnets,
			      subnets == 1 ? "" : "s", names, subnets > NAMED_MAX ? ", ..." : "");

	struct config_head *h = cf->head;

	note_tunnel(ch, tid);
	cf->tunnel[tid] = (struct tunnel_conf){ .generation = cf->tunnel[tid].generation };
	secret_wipe(&cf->secret[tid]);
	cf->token[tid] = (struct token){ .set = 0 };
	h->tunnels--;
	while (h->tunnel_end > 0 && cf->tunnel[h->tunnel_end - 1].kind == KIND_NONE)
		h->tunnel_end--;
	return 0;
}

int edit_encap(struct config *cf, struct changes *ch, uint16_t tid, enum tunnel_encap e,
	       bool has_key, uint32_t key, struct why *why)
{
	struct tunnel_conf *t = &cf->tunnel[tid];

	if (!config_tunnel(cf, tid))
		return unknown_tid(tid, why);
	if (has_key && e == ENCAP_DIRECT)
		return refuse(why, ANSWER_BAD, "A key belongs to GRE, not to direct (protocol 41)");

	note_tunnel(ch, tid);
	t->encap = (uint8_t)e;
	t->gre_key = has_key ? key : 0;
	t->flags = (uint8_t)(has_key ? t->flags | TUNNEL_GRE_KEY : t->flags & ~TUNNEL_GRE_KEY);
	return 0;
}

int edit_hash(struct config *cf, struct changes *ch, uint16_t tid, enum tunnel_hash h,
	      struct why *why)
{
	if (!config_tunnel(cf, tid))
		return unknown_tid(tid, why);

	note_tunnel(ch, tid);
	cf->tunnel[tid].hash = (uint8_t)h;
	return 0;
}

int edit_rate(struct config *cf, struct changes *ch, uint16_t tid, uint32_t kbit_s, uint32_t pps,
	      struct why *why)
{
	if (!config_tunnel(cf, tid))
		return unknown_tid(tid, why);

	note_tunnel(ch, tid);
	cf->tunnel[tid].rate_kbit_s = kbit_s;
	cf->tunnel[tid].rate_pps = pps;
	return 0;
}

static int edit_flag(struct config *cf, struct changes *ch, uint16_t tid, enum tunnel_flag flag,
		     bool on, struct why *why)
{
	struct tunnel_conf *t = &cf->tunnel[tid];

	if (!config_tunnel(cf, tid))
		return unknown_tid(tid, why);

	note_tunnel(ch, tid);
	t->flags = (uint8_t)(on ? t->flags | flag : t->flags & ~flag);
	return 0;
}

int edit_token(struct config *cf, struct changes *ch, uint16_t tid, const struct token *token,
	       struct why *why)
{
	if (!config_tunnel(cf, tid))
		return unknown_tid(tid, why);

	note_tunnel(ch, tid);
	cf->token[tid] = *token;
	return 0;
}

int edit_mss(struct config *cf, struct changes *ch, uint16_t tid, bool clamp, struct why *why)
{
	return edit_flag(cf, ch, tid, TUNNEL_MSS, clamp, why);
}

int edit_debug(struct config *cf, struct changes *ch, uint16_t tid, bool on, struct why *why)
{
	return edit_flag(cf, ch, tid, TUNNEL_DEBUG, on, why);
}

int edit_capture(struct config *cf, struct changes *ch, uint16_t tid, bool on, struct why *why)
{
	return edit_flag(cf, ch, tid, TUNNEL_CAPTURE, on, why);
}

int edit_remote(struct config *cf, struct changes *ch, uint16_t tid, const struct ip6_addr *them,
		struct why *why)
{
	char text[ADDR_TEXT_MAX];

	if (!config_tunnel(cf, tid))
		return unknown_tid(tid, why);
	if (config_bad_endpoint(cf, them))
		return refuse(why, ANSWER_BAD, "Invalid remote address (%s): %s",
			      addr_text(them, text), endpoint_fault(cf, them));

	note_tunnel(ch, tid);
	cf->tunnel[tid].them = *them;
	cf->tunnel[tid].remote_seq++;
	return 0;
}

int edit_reset_errors(struct config *cf, struct changes *ch, uint16_t tid, struct why *why)
{
	if (!config_tunnel(cf, tid))
		return unknown_tid(tid, why);

	note_tunnel(ch, tid);
	cf->tunnel[tid].reset_seq++;
	return 0;
}
