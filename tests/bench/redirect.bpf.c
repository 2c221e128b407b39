/*
 * tests/bench/redirect.bpf.c - the yardstick: new MAC addresses and out, nothing else
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define MAC_WORDS	3		/* destination and source, 12 octets */

const volatile __u32 out = 0;
const volatile __u32 mac[MAC_WORDS] = { 0 };

SEC("xdp")
int redirect(struct xdp_md *x)
{
	void *data = (void *)(long)x->data, *end = (void *)(long)x->data_end;
	__u32 *words = data;

	if ((void *)(words + MAC_WORDS) > end)
		return XDP_DROP;
	for (int i = 0; i < MAC_WORDS; i++)
		words[i] = mac[i];
	return bpf_redirect(out, 0);
}

char _license[] SEC("license") = "GPL";
