/*
 * The dialect, line by line, as a file or a session gives it; first octet: which. A line
 * that is refused changed nothing, and one that was taken is in both copies.
 */
#include "ctl.h"
#include "fuzz.h"

static struct world *the_world;
static struct control kept;	/* where a leak checker looks for what it holds: the world is no heap */

static bool is_about_disk(const uint8_t *line, size_t len)
{
	/* it would test the disk, and slowly */
	return memmem(line, len, "saveconfig", 10) || memmem(line, len, "SAVECONFIG", 10);
}

static void one_line(struct world *w, const uint8_t *line, size_t len)
{
	uint64_t before = w->region.head->published;

	answer_reset(&w->answer, w->session.format);
	control_execute(&w->control, &w->session, (const char *)line, len, &w->answer);
	must(!w->control.open, "no transaction stays open");
	must(w->answer.code >= 200 && w->answer.code <= 666, "there is an answer");
	must(w->answer.code / 100 == 2 || w->region.head->published == before,
	     "what is refused is not published");
	must(config_equal(&w->region.config[0], &w->region.config[1]), "both copies agree");
	must(w->region.config[0].head->tunnel_end <= w->region.config[0].limits.tunnels,
	     "no tunnel lies beyond the slots");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;

	if (!the_world)
		the_world = world_new((struct limits){ .tunnels = 64, .subnets = 1024 });
	kept = the_world->control;
	must(kept.answer_buf && kept.tracer && kept.scratch && kept.recall, "control has its memory");
	if (size < 1)
		return 0;

	struct world *w = the_world;

	config_clear(&w->region.config[0]);
	config_clear(&w->region.config[1]);
	w->routes[0] = '\0';
	session_init(&w->session, data[0] & 1 ? SESSION_UNIX : SESSION_FILE, &control_root);
	w->session.connection = data[0] & 1 ? w : NULL;
	for (const uint8_t *at = data + 1; at < end;) {
		const uint8_t *lf = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((lf ? lf : end) - at);

		if (!is_about_disk(at, len))
			one_line(w, at, len);
		at += len + 1;
	}
	control_forget_session(&w->control, &w->session);
	return 0;
}
