#include "table/region.h"

#define PAGE	4096

/* Offsets of the parts; every part starts on a cache line. */
struct layout {
	size_t	config[2], tunnel_conf[2], subnet[2];
	size_t	tunnel, cold, errors, story, worker, recorder, outside, window, moved, ring;
	size_t	bytes;
};

static size_t take(size_t *at, size_t bytes)
{
	size_t here = (*at + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);

	*at = here + bytes;
	return here;
}

static size_t whole_pages(size_t bytes)
{
	return (bytes + PAGE - 1) & ~(size_t)(PAGE - 1);
}

static struct layout lay_out(struct limits l)
{
	size_t at = sizeof(struct region_head);
	struct layout o;

	for (int i = 0; i < 2; i++) {
		o.config[i] = take(&at, sizeof(struct config_head));
		o.tunnel_conf[i] = take(&at, l.tunnels * sizeof(struct tunnel_conf));
		o.subnet[i] = take(&at, l.subnets * sizeof(uint16_t));
	}
	o.tunnel = take(&at, l.tunnels * sizeof(struct tunnel));
	o.cold = take(&at, l.tunnels * sizeof(struct tunnel_cold));
	o.errors = take(&at, l.tunnels * sizeof(struct tunnel_errors));
	o.story = take(&at, l.tunnels * sizeof(struct tunnel_story));
	o.worker = take(&at, WORKERS_MAX * sizeof(struct worker_shared));
	o.recorder = take(&at, WORKERS_MAX * sizeof(struct recorder));
	o.outside = take(&at, sizeof(struct outside_shared));
	o.window = take(&at, (l.tunnels + 2) * sizeof(struct window));
	o.moved = take(&at, MOVED_WORDS * sizeof(uint64_t));
	o.ring = take(&at, WORKERS_MAX * sizeof(struct ring));
	o.bytes = whole_pages(at);
	return o;
}

size_t region_bytes(struct limits limits)
{
	return lay_out(limits).bytes;
}

size_t region_secret_bytes(struct limits limits)
{
	return whole_pages(2 * limits.tunnels * sizeof(struct secret) +
			   2 * (limits.tunnels + 1) * sizeof(struct token));
}

size_t region_history_bytes(struct limits limits)
{
	return whole_pages(limits.history * sizeof(struct history));
}

void region_history(struct region *r, void *memory)
{
	r->table.history = memory;
}

size_t region_bytes_per_tunnel(void)
{
	return 2 * sizeof(struct tunnel_conf) + sizeof(struct tunnel) +
	       sizeof(struct tunnel_cold) + sizeof(struct tunnel_errors) +
	       sizeof(struct tunnel_story) +
	       sizeof(struct window) + 2 * sizeof(struct secret) +
	       2 * sizeof(struct token);
}

uint32_t region_layout_hash(void)
{
	static const size_t sizes[] = {
		sizeof(struct region_head), sizeof(struct config_head), sizeof(struct tunnel_conf),
		sizeof(struct tunnel), sizeof(struct tunnel_cold), sizeof(struct tunnel_errors),
		sizeof(struct worker_shared), sizeof(struct window), sizeof(struct ring),
		sizeof(struct tunnel_story), sizeof(struct recorder), sizeof(struct outside_shared),
		sizeof(struct history),
		offsetof(struct config_head, plan), offsetof(struct config_head, pop),
		offsetof(struct config_head, acl), offsetof(struct config_head, change),
		offsetof(struct config_head, http),
		offsetof(struct tunnel_conf, mtu_bytes), offsetof(struct tunnel, traffic),
		offsetof(struct tunnel_cold, ayiya_seen), offsetof(struct tunnel_cold, icmp),
		ERR_COUNT, VERDICT_COUNT,
	};
	uint32_t hash = 2166136261u;	/* FNV-1a */

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		for (size_t n = sizes[i], b = 0; b < 4; b++, n >>= 8)
			hash = (hash ^ (uint32_t)(n & 255)) * 16777619u;
	}
	return hash;
}

static void view(struct region *r, uint8_t *memory, struct secret *secret, struct limits limits)
{
	struct token *token = secret ? (void *)(secret + 2 * (size_t)limits.tunnels) : NULL;
	struct layout o = lay_out(limits);

	r->head = (void *)memory;
	memset(r->capture, 0, sizeof(r->capture));
	for (int i = 0; i < 2; i++) {
		r->config[i] = (struct config){
			.head = (void *)(memory + o.config[i]),
			.tunnel = (void *)(memory + o.tunnel_conf[i]),
			.subnet = (void *)(memory + o.subnet[i]),
			.secret = secret ? secret + (size_t)i * limits.tunnels : NULL,
			.token = token ? token + (size_t)i * (limits.tunnels + 1) : NULL,
			.limits = limits,
		};
	}
	r->table = (struct table){
		.tunnel = (void *)(memory + o.tunnel),
		.cold = (void *)(memory + o.cold),
		.errors = (void *)(memory + o.errors),
		.story = (void *)(memory + o.story),
		.worker = (void *)(memory + o.worker),
		.recorder = (void *)(memory + o.recorder),
		.outside = (void *)(memory + o.outside),
		.window = (void *)(memory + o.window),
		.moved = (void *)(memory + o.moved),
		.limits = limits,
	};
	r->ring = (void *)(memory + o.ring);
}

void region_init(struct region *r, void *memory, void *secret, struct limits limits, wall_t now)
{
	struct region_head *h = memory;

	*h = (struct region_head){
		.magic = REGION_MAGIC, .version = REGION_VERSION, .layout = region_layout_hash(),
		.bytes = region_bytes(limits), .limits = limits, .started_s = now.s,
	};
	view(r, memory, secret, limits);
	for (int i = 0; i < 2; i++)
		memset(r->config[i].subnet, 0xff, limits.subnets * sizeof(uint16_t));
}

bool region_attach(struct region *r, void *memory, size_t bytes, void *secret)
{
	struct region_head h;

	if (bytes < sizeof(h))
		return false;
	memcpy(&h, memory, sizeof(h));
	if (h.magic != REGION_MAGIC || h.version != REGION_VERSION ||
	    h.layout != region_layout_hash() || h.bytes != bytes ||
	    h.limits.tunnels > TUNNELS_MAX || h.limits.subnets > SUBNETS_MAX ||
	    h.limits.history > h.limits.tunnels ||
	    region_bytes(h.limits) != bytes)
		return false;

	view(r, memory, secret, h.limits);
	return true;
}
