/*
 * What is said of tunnels that anybody can send to: `tunnel why`, `pop why`, the page. Input: any
 * number of packets, each a reason, a tunnel, how it came, its length and its octets.
 */
#include "scene.h"
#include "json.h"

#include "ctl/show_part.h"
#include "web/parts.h"
#include "why/why.h"

#define WALL_S	((int64_t)POP_WALL_S + 4000)

static const char *const from[] = { ALICE, MALLORY, "203.0.113.200", "2001:db8:cafe::7",
				    "198.51.100.20", "2001:db8:2ff:9::2", "::", "192.0.2.42" };

/* As account() leaves it, whatever the packet; the reason is the input's. */
static void died(enum verdict v, uint16_t tid, uint8_t how, const uint8_t *octets, size_t len)
{
	struct table *tb = &scene->region.table;
	wall_t at = { WALL_S - (how & 0x38) * 20 };
	struct drop d = { .at = scene->pa.now, .len = (uint32_t)len * (how & 0x40 ? 7 : 1), .verdict = (uint16_t)v,
			  .kept = (uint16_t)min_size(len, DROP_BYTES), .from = tid, .to = TID_NONE,
			  .blame = how & 0x80 ? tid : TID_NONE, .via = how % 7, .accepted = how >> 6 & 1,
			  .them = address(from[how & 7]), .us = address(pop_like(from[how & 7])) };
	struct error_sample s = { .at_s = at.s, .source = d.them, .real_len = d.len, .verdict = d.verdict,
				  .kept = (uint16_t)min_size(len, ERROR_SAMPLE_BYTES) };
	struct error_record *r = &tb->errors[tid].record[verdict_info[v].error];

	if (len) {
		memcpy(d.bytes, octets, d.kept);
		memcpy(s.bytes, octets, s.kept);
	}
	if (verdict_is_drop(v))
		recorder_put(&tb->recorder[0], &d);
	count_add(&tb->errors[tid].verdict[v], 1u + (how & 7));
	story_verdict(&tb->story[tid], v, at);
	if (how & 0x20)
		story_moved(&tb->story[tid], &d.them, d.len & 0xffff, at);
	if (how & 0x10)
		story_too_big(&tb->story[tid], &d.them, &d.us, d.len, 1280, at);
	if (verdict_info[v].error != ERR_NONE) {
		count_add(&r->count, 1);
		seq_write(&r->seq, &r->last, &s, sizeof(s));
	}
}

/* Nothing of the last input is left. */
static void forget(void)
{
	struct table *tb = &scene->region.table;

	scene_restore(&scene_fresh);
	memset(tb->recorder, 0, sizeof(*tb->recorder));
	for (size_t i = 0; i < ARRAY_LEN(scene_tids); i++)
		memset(&tb->story[scene_tids[i]], 0, sizeof(*tb->story));
}

static void text_holds(const char *text, size_t room)
{
	must(memchr(text, '\0', room), "a text ends");
	must(!strstr(text, PASSWORD), "and has no password");
	for (; *text; text++)
		must((unsigned char)*text >= 0x20 && (unsigned char)*text < 0x7f, "and is plain");
}

static void diagnosis_holds(const struct diagnosis *d)
{
	static char buf[ANSWER_SIZE_MIN];
	struct answer an = { .buf = buf, .size = sizeof(buf) };

	must(d->n >= 1 && d->n <= WHY_FINDINGS, "something is found, and not too much");
	for (unsigned int i = 0; i < d->n; i++) {
		const struct finding *e = &d->finding[i];

		must(e->cause < CAUSES && e->evidences <= WHY_EVIDENCE && *e->sentence, "a finding is one");
		text_holds(e->sentence, sizeof(e->sentence));
		text_holds(e->remedy, sizeof(e->remedy));
		for (unsigned int j = 0; j < e->evidences; j++) {
			must(*e->evidence[j], "evidence says something");
			text_holds(e->evidence[j], sizeof(e->evidence[j]));
		}
	}
	answer_reset(&an, ANSWER_JSON);
	json_diagnosis(&an, d);
	json_decref(json_of(&an));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cur c = cur_of(data, size), octets;
	struct { uint8_t verdict, tid, how, len; } h;
	static struct diagnosis d;
	static struct web w;
	const wall_t now = { WALL_S };
	uint32_t hit = 0;
	mono_t mono;

	scene_open();
	forget();
	w.region = scene->region;
	while (CUR_TAKE(&c, &h)) {
		if (!cur_sub(&c, &octets, min_size(h.len, c.left)))
			break;
		hit |= 1u << h.tid % ARRAY_LEN(scene_tids);
		died(1 + h.verdict % (VERDICT_COUNT - 1), scene_tids[h.tid % ARRAY_LEN(scene_tids)], h.how,
		     octets.at, octets.left);
	}
	mono = (mono_t){ scene->pa.now.us + 4000 * (int64_t)US_PER_S };
	for (size_t i = 0; i < ARRAY_LEN(scene_tids); i++) {
		static char buf[4 * ANSWER_SIZE_MIN];
		struct answer an = { .buf = buf, .size = sizeof(buf) };

		if (!(hit >> i & 1))
			continue;
		why_tunnel(&scene->region, scene_tids[i], i % 2 ? WHY_OWNER : WHY_OPERATOR, now, mono, &d);
		diagnosis_holds(&d);
		answer_reset(&an, ANSWER_JSON);
		show_tunnel(&w, scene_tids[i], i % 2 ? WEB_OWNER : WEB_ADMIN, SHOW_ALL, &an);
		json_decref(json_of(&an));
	}
	why_pop(&scene->region, now, mono, &d);
	diagnosis_holds(&d);
	return 0;
}
