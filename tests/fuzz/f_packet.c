/*
 * An offending packet, field by field, for the page. First octet: its reason; second: bit 0: from
 * an IPv6 endpoint, bit 1: it was longer than what was kept.
 */
#include "json.h"
#include "web/parts.h"

static void show(const struct error_sample *s, struct answer *an)
{
	answer_reset(an, ANSWER_JSON);
	show_packet(NULL, s, an);
}

static void octets_hold(const json_t *packet, const struct error_sample *s)
{
	const char *hex = json_text(packet, "octets");

	must(strlen(hex) == 2u * s->kept, "every octet that was kept is shown, and no other");
	for (size_t i = 0; i < s->kept; i++) {
		char two[3];

		snprintf(two, sizeof(two), "%02x", s->bytes[i]);
		must(memcmp(hex + 2 * i, two, 2) == 0, "as it is");
	}
	must(json_number(packet, "length") == s->real_len, "the length is the packet's");
}

static void fields_hold(const json_t *packet, const struct error_sample *s)
{
	const json_t *fields = json_object_get(packet, "fields"), *f;
	json_int_t before = 0;
	size_t i;

	must(json_is_array(fields), "fields are a list");
	json_array_foreach(fields, i, f) {
		json_int_t offset = json_number(f, "offset"), length = json_number(f, "length");

		must(*json_text(f, "layer") && *json_text(f, "name"), "each has names");
		(void)json_text(f, "value");
		must(offset >= 0 && length >= 0 && offset + length <= s->kept,
		     "and lies within what was kept");
		must(offset >= before || offset + 1 == before, "in the packet's order");
		before = offset;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char buf[2][ANSWER_SIZE_MIN];
	struct error_sample s = { .at_s = 1 };
	struct answer an = { .buf = buf[0], .size = sizeof(buf[0]) },
		      again = { .buf = buf[1], .size = sizeof(buf[1]) };

	if (size < 2)
		return 0;
	s.verdict = data[0];
	s.source = data[1] & 1 ? (struct ip6_addr){ { 0x20, 1 } } : addr_from_ip4(0xc6336407);
	s.kept = (uint16_t)min_size(size - 2, sizeof(s.bytes));
	s.real_len = s.kept + (data[1] & 2 ? 1000u : 0);
	memset(s.bytes, 0, sizeof(s.bytes));
	memcpy(s.bytes, data + 2, s.kept);
	show(&s, &an);
	memset(s.bytes + s.kept, 0x64, sizeof(s.bytes) - s.kept);
	show(&s, &again);
	must(an.len == again.len && memcmp(buf[0], buf[1], an.len) == 0,
	     "nothing behind what was kept is read");

	json_t *root = json_of(&an);

	octets_hold(json_object_get(root, "packet"), &s);
	fields_hold(json_object_get(root, "packet"), &s);
	json_decref(root);
	return 0;
}
