#include "ctl/capture.h"

#include <errno.h>

#include "ctl/edit_notes.h"
#include "ctl/refuse.h"

static bool is_wanted(const struct control *c, uint16_t tid)
{
	for (unsigned int i = 0; i < c->captors; i++) {
		if (c->captor[i].tid == tid)
			return true;
	}
	return false;
}

void capture_mark(struct control *c, struct config *cf)
{
	struct config_head *h = cf->head;
	struct why why;

	note_head(&c->changes);
	h->captures = c->captors;
	h->capture_all = 0;
	for (unsigned int i = 0; i < c->captors; i++)
		h->capture_all += c->captor[i].tid == TID_NONE;
	for (uint32_t tid = 0; tid < h->tunnel_end; tid++) {
		const struct tunnel_conf *t = config_tunnel(cf, (uint16_t)tid);

		if (t && !(t->flags & TUNNEL_CAPTURE) != !is_wanted(c, (uint16_t)tid))
			(void)edit_capture(cf, &c->changes, (uint16_t)tid,
					   !(t->flags & TUNNEL_CAPTURE), &why);
	}
}

static int mark(struct control *c, struct why *why)
{
	struct config *cf = control_begin(c, why);

	if (!cf)
		return -EAGAIN;
	capture_mark(c, cf);
	return control_commit(c, why);
}

void capture_settle(struct control *c)
{
	struct why why;

	c->captures_behind = mark(c, &why) < 0;
}

int capture_begin(struct control *c, void *connection, uint16_t tid, struct why *why)
{
	int r;

	if (c->captors == CAPTORS_MAX)
		return refuse(why, ANSWER_UNAVAILABLE, "%u sessions capture already, more cannot",
			      CAPTORS_MAX);
	c->captor[c->captors++] = (struct captor){ connection, tid };
	r = mark(c, why);
	if (r < 0)
		c->captors--;
	return r;
}

bool capture_forget(struct control *c, const void *connection)
{
	unsigned int kept = 0, had = c->captors;

	for (unsigned int i = 0; i < had; i++) {
		if (c->captor[i].connection != connection)
			c->captor[kept++] = c->captor[i];
	}
	c->captors = kept;
	return kept < had;
}
