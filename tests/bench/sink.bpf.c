/*
 * tests/bench/sink.bpf.c - the packet sink: count, sample, drop
 *
 * A wrong MAC address or checksum does not stop a counter, so every sample_every-th frame
 * is handed to the reader whole, and that one looks at the content.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define SAMPLE_BYTES	1536
#define FRAME_MIN	74	/* Ethernet, IPv4, IPv6 */

struct sample {
	__u32	len;
	__u32	kept;
	__u8	bytes[SAMPLE_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} samples SEC(".maps");

const volatile __u32 ether_type = 0;	/* what is counted; other frames pass to the kernel */
const volatile __u32 sample_every = 1009;

__u64 packets = 0;
__u64 octets = 0;

SEC("xdp")
int sink(struct xdp_md *x)
{
	void *data = (void *)(long)x->data, *end = (void *)(long)x->data_end;
	__u32 len = end - data;
	__u64 n;

	if (data + FRAME_MIN > end || *(__u16 *)(data + 12) != bpf_htons(ether_type))
		return XDP_PASS;
	/* neighbour discovery and the kernels' multicast are not the measured stream */
	if (*(__u8 *)data & 1 || (ether_type == 0x86dd && *(__u8 *)(data + 20) == 58))
		return XDP_PASS;
	n = __sync_fetch_and_add(&packets, 1);
	__sync_fetch_and_add(&octets, len - 14);
	if (n % sample_every == 0) {
		struct sample *s = bpf_ringbuf_reserve(&samples, sizeof(*s), 0);

		if (s) {
			s->len = len;
			s->kept = 0;
			/*
			 * The barriers keep two comparisons on the register the helper is given:
			 * merged into one they tell the verifier nothing about it.
			 */
			asm volatile("" : "+r"(len));
			if (len > SAMPLE_BYTES)
				len = SAMPLE_BYTES;
			asm volatile("" : "+r"(len));
			if (len == 0)
				len = FRAME_MIN;
			if (!bpf_xdp_load_bytes(x, 0, s->bytes, len))
				s->kept = len;
			bpf_ringbuf_submit(s, 0);
		}
	}
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
