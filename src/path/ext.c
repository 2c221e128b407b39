#include "path/ext.h"

#include "wire/ip6.h"
#include "wire/proto.h"

#define RH_TYPE_0 0

static bool is_extension(uint8_t next)
{
	return next == PROTO_HOPOPTS || next == PROTO_ROUTING || next == PROTO_FRAGMENT ||
	       next == PROTO_AH || next == PROTO_DSTOPTS;
}

/* Octets of the header @e, which is a @next. */
static size_t ext_bytes(uint8_t next, const struct ip6_ext *e)
{
	if (next == PROTO_FRAGMENT)
		return sizeof(struct ip6_frag);
	if (next == PROTO_AH)
		return (e->len + 2u) * 4;	/* RFC 4302 2.2 */
	return (e->len + 1u) * 8;		/* RFC 8200 4.3 */
}

/* The chain goes on beyond the packet. */
static enum verdict ext_cut(struct ext_end *end, size_t fault)
{
	end->pointer = (uint32_t)fault;
	return end->fragment ? PASS : DROP_IP6_EXTENSIONS;
}

enum verdict ext_walk(struct cur packet, struct ext_end *end)
{
	struct cur c = packet;
	struct ip6_hdr h;
	struct ip6_ext e;
	size_t named = offsetof(struct ip6_hdr, next);	/* where the coming header is announced */

	*end = (struct ext_end){ .proto = PROTO_NONE };
	if (!CUR_TAKE(&c, &h))
		return DROP_IP6_EXTENSIONS;

	end->proto = h.next;
	for (unsigned int n = 0; is_extension(end->proto); n++) {
		uint8_t kind = end->proto;

		end->at = packet.left - c.left;
		if (n == EXT_MAX) {
			end->pointer = (uint32_t)named;
			return DROP_IP6_EXTENSIONS;
		}
		if (!CUR_PEEK(c, &e))
			return ext_cut(end, named);
		if (kind == PROTO_ROUTING && e.type == RH_TYPE_0) {
			end->pointer = (uint32_t)(end->at + offsetof(struct ip6_ext, type));
			return DROP_IP6_RH0;
		}
		if (kind == PROTO_FRAGMENT) {
			struct ip6_frag f;
			uint16_t where;

			memcpy(&f, &e, sizeof(f));
			where = be16_get(&f.offset);
			end->fragment |= where & (IP6_FRAG_OFFSET_MASK | IP6_FRAG_MORE);
			if (where & IP6_FRAG_OFFSET_MASK) {
				end->proto = f.next;
				return PASS;	/* the rest is the middle of something */
			}
		}
		if (!cur_skip(&c, ext_bytes(kind, &e)))
			return ext_cut(end, end->at + offsetof(struct ip6_ext, len));
		named = end->at;
		end->proto = e.next;
	}
	end->at = packet.left - c.left;
	end->upper = end->proto != PROTO_NONE;
	return PASS;
}
