/*
 * tests/bench/gen.bpf.c - the packet source: every frame handed in leaves again
 *
 * Run by the kernel over live frames (BPF_PROG_TEST_RUN), so a frame costs tens of
 * nanoseconds to make. The kernel recycles the pages without putting the content back, and
 * whoever forwarded the frame changed it: so the headers are written again every time, with
 * a random tunnel id if one is asked for, at the pace asked for. The random number is drawn
 * in any case: a yardstick's frame must not be cheaper to make than the one it measures.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define HEAD_WORDS	10
#define HEAD_BYTES	(8 * HEAD_WORDS)

const volatile __u64 head[HEAD_WORDS] = { 0 };	/* Ethernet, IPv4 and IPv6 fit */
const volatile __u32 id_offset = 0;	/* octet of a 16-bit tunnel id in the frame; 0: leave it */
const volatile __u32 id_balance = 0;	/* octet of a word that keeps their sum; 0: none */
const volatile __u32 id_first = 0;
const volatile __u32 id_count = 0;
const volatile __u32 variants = 0;	/* frames that differ in their head; 0: all are the same */
const volatile __u64 pace_ns = 0;	/* between two frames; 0: as fast as it goes */

#define VARIANT_WORDS	14	/* to the end of an AYIYA packet's inner source */

struct variant {
	__u64	word[VARIANT_WORDS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct variant);
} heads SEC(".maps");

__u64 next_ns = 0;
__u64 sent = 0;

#define ID_OFFSET_MAX	(HEAD_BYTES - 2)
#define LATE_NS		100000		/* further behind than this is not caught up */

SEC("xdp")
int gen(struct xdp_md *x)
{
	void *data = (void *)(long)x->data, *end = (void *)(long)x->data_end;
	__u32 id;

	if (data + HEAD_BYTES > end)
		return XDP_DROP;
	if (pace_ns) {
		__u64 now = bpf_ktime_get_ns();

		if (now < next_ns)
			return XDP_DROP;
		next_ns = now > next_ns + LATE_NS ? now : next_ns + pace_ns;
	}
	id = id_first + (__u32)((__u64)bpf_get_prandom_u32() * id_count >> 32);
	if (variants) {
		struct variant *v = bpf_map_lookup_elem(&heads, &id);

		if (!v || data + sizeof(*v) > end)
			return XDP_DROP;
		for (int i = 0; i < VARIANT_WORDS; i++)
			((__u64 *)data)[i] = v->word[i];
		sent++;
		return XDP_TX;
	}
	for (int i = 0; i < HEAD_WORDS; i++)
		((__u64 *)data)[i] = head[i];
	if (id_offset && id_offset <= ID_OFFSET_MAX) {
		__u16 *at = data + id_offset;

		if ((void *)(at + 1) > end)
			return XDP_DROP;
		*at = bpf_htons(id);
		if (id_balance && id_balance <= ID_OFFSET_MAX) {
			at = data + id_balance;
			if ((void *)(at + 1) > end)
				return XDP_DROP;
			*at = bpf_htons(0xffff - id);
		}
	}
	sent++;
	return XDP_TX;
}

char _license[] SEC("license") = "GPL";
