#include <sys/mman.h>
#include "ctl/trace.h"
#include "table/note.h"
#include "table/region.h"
#include "tap.h"

#define TUNNELS	16

static struct region region;

/* Slot 1 is T5072, slot 2 T42; the others are not configured. */
static const struct config *configured(void)
{
	const struct limits small = { .tunnels = TUNNELS, .subnets = 16 };
	void *memory = mmap(NULL, region_bytes(small), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *secret = mmap(NULL, region_secret_bytes(small), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED || secret == MAP_FAILED)
		exit(99);
	region_init(&region, memory, secret, small, (wall_t){ 1 });
	region.config[0].tunnel[1] = (struct tunnel_conf){ .kind = KIND_STATIC, .id = 5072 };
	region.config[0].tunnel[2] = (struct tunnel_conf){ .kind = KIND_DYNAMIC, .id = 42 };
	return region_config(&region);
}

static struct ip6_addr address(const char *text)
{
	struct ip6_addr a;

	if (!addr_parse(text, strlen(text), &a))
		exit(99);
	return a;
}

static void says(size_t len, const char *got, const char *wanted, const char *sentence)
{
	if (!ok(strcmp(got, wanted) == 0 && len == strlen(wanted), "%s", sentence))
		printf("# wanted: %s\n# got:    %s\n", wanted, got);
}

static const struct {
	const char	*name, *facts;
} table[LOGGED_COUNT] = {
#define EVENT(symbol, name, facts, sentence) [LOGGED_##symbol] = { name, facts },
#include "table/event.def"
#undef EVENT
};

/* "tunnel_up TUNNEL=T42": facts that the event's row does not know are marked. */
static size_t facts_text(const struct config *cf, const struct record *rec, char buf[TRACE_LINE_MAX])
{
	struct trace_facts f;
	size_t len;

	trace_facts(cf, rec, &f);
	len = (size_t)snprintf(buf, TRACE_LINE_MAX, "%s", table[f.event].name);
	for (unsigned int i = 0; i < f.n; i++) {
		if (f.fact[i].value)
			len += (size_t)snprintf(buf + len, TRACE_LINE_MAX - len, " %s%s=%s",
						strstr(table[f.event].facts, f.fact[i].name) ? "" : "?",
						f.fact[i].name, f.fact[i].value);
	}
	return len;
}

static void an_event_is_a_sentence_and_its_facts(const struct config *cf)
{
	static const struct {
		enum event_kind	event;
		uint16_t	from, port;
		uint32_t	value;
		const char	*address;
		const char	*text, *facts;
	} row[] = {
		{ EVENT_UP, 2, 5072, 0, "192.0.2.1", "tunnel T42: up from 192.0.2.1:5072",
		  "tunnel_up TUNNEL=T42 ADDRESS=192.0.2.1 PORT=5072" },
		{ EVENT_UP, 2, 0, 0, "192.0.2.1", "tunnel T42: up from 192.0.2.1",
		  "tunnel_up TUNNEL=T42 ADDRESS=192.0.2.1" },
		{ EVENT_DOWN, 2, 0, 120, "192.0.2.1", "tunnel T42: down: no heartbeat for 120 s",
		  "tunnel_down TUNNEL=T42 VALUE=120" },
		{ EVENT_MOVED, 2, 5072, 0, "2001:db8::1",
		  "tunnel T42: endpoint moved to [2001:db8::1]:5072",
		  "endpoint_moved TUNNEL=T42 ADDRESS=2001:db8::1 PORT=5072" },
		{ EVENT_MOVED, 1, 0, 0, "2001:db8::1", "tunnel T5072: endpoint moved to 2001:db8::1",
		  "endpoint_moved TUNNEL=T5072 ADDRESS=2001:db8::1" },
		{ EVENT_TYPE, 1, 0, TYPE_GRE, "::", "tunnel T5072: type is now gre",
		  "type_changed TUNNEL=T5072 TYPE=gre" },
		{ EVENT_TYPE, 1, 0, 77, "::", "tunnel T5072: type is now unknown",
		  "type_changed TUNNEL=T5072 TYPE=unknown" },
		{ EVENT_PATH_MTU, 1, 0, 1400, "::",
		  "tunnel T5072: path MTU of the outer packets is now 1400",
		  "path_mtu TUNNEL=T5072 VALUE=1400" },
		{ EVENT_PATH_MTU, 1, 0, 0, "::", "tunnel T5072: path MTU of the outer packets forgotten",
		  "path_mtu TUNNEL=T5072 VALUE=0" },
		{ EVENT_UP, 7, 0, 0, "192.0.2.1", "tunnel 0x7: up from 192.0.2.1",
		  "tunnel_up TUNNEL=0x7 ADDRESS=192.0.2.1" },
		{ EVENT_UP, TUNNELS, 0, 0, "192.0.2.1", "tunnel 0x10: up from 192.0.2.1",
		  "tunnel_up TUNNEL=0x10 ADDRESS=192.0.2.1" },
		{ EVENT_DROP, 1, 0, DROP_AYIYA_DIGEST, "192.0.2.1",
		  "tunnel T5072: dropped, from 192.0.2.1: AYIYA: digest does not match the tunnel's secret",
		  "dropped TUNNEL=T5072 ADDRESS=192.0.2.1 REASON=DROP_AYIYA_DIGEST" },
		{ EVENT_DROP, TID_NONE, 9, DROP_AYIYA_SHORT, "192.0.2.1",
		  "dropped, from 192.0.2.1:9: AYIYA: shorter than its header",
		  "dropped ADDRESS=192.0.2.1 PORT=9 REASON=DROP_AYIYA_SHORT" },
		{ EVENT_DROP, TID_NONE, 0, VERDICT_COUNT, "192.0.2.1",
		  "dropped, from 192.0.2.1: unknown verdict",
		  "dropped ADDRESS=192.0.2.1" },
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct record rec = {
			.event = (uint8_t)row[i].event, .from = row[i].from, .to = TID_NONE,
			.port = row[i].port, .value = row[i].value,
			.verdict = (uint16_t)row[i].value, .address = address(row[i].address),
		};
		char text[TRACE_LINE_MAX];

		says(trace_event(cf, &rec, text), text, row[i].text, row[i].text);
		says(facts_text(cf, &rec, text), text, row[i].facts, row[i].facts);
	}
}

#define SIX	"600000000010403f20010db802ff0001000000000000000220010db8000f00000000000000000001"

/* What stands in brackets for these octets, ends and verdict. */
static void a_packet_is_named_by_ends_and_header(const struct config *cf)
{
	static const struct {
		const char	*hex;
		uint16_t	from, to;
		enum note_kind	note;
		enum verdict	verdict;
		const char	*text;
	} row[] = {
		{ SIX, 1, TID_NONE, NOTE_FROM_P41, SENT_UPLINK,
		  "[T5072  uplink ][IPv6 : 2001:db8:2ff:1::2 - 2001:db8:f::1 ttl=63 proto=64 len=999 "
		  "plen=16] forwarded to the uplink" },
		{ SIX, TID_NONE, 2, NOTE_FROM_TUN, DROP_TO_DOWN,
		  "[uplink  T42 ][IPv6 : 2001:db8:2ff:1::2 - 2001:db8:f::1 ttl=63 proto=64 len=999 "
		  "plen=16] dropped: destination tunnel is down" },
		{ SIX, 1, TID_NONE, NOTE_TO_LOCAL, CONSUMED_ECHO,
		  "[T5072  local ][IPv6 : 2001:db8:2ff:1::2 - 2001:db8:f::1 ttl=63 proto=64 len=999 "
		  "plen=16] echo request to the PoP answered" },
		{ "", 1, 2, NOTE_TO_LOCAL, CONSUMED_ECHO,
		  "[T5072  T42 ][len=999] echo request to the PoP answered" },
		{ "45000054abcd40003f010000c0000201c6336407", 1, 2, NOTE_FROM_AYIYA, SENT_TUNNEL,
		  "[T5072  T42 ][IPv4 : 192.0.2.1 - 198.51.100.7 ttl=63 proto=1 len=999 plen=64] "
		  "forwarded into a tunnel" },
		{ "4f000010abcd40003f010000c0000201c6336407", 1, 2, NOTE_FROM_AYIYA, DROP_IP4_MALFORMED,
		  "[T5072  T42 ][IPv4 : 192.0.2.1 - 198.51.100.7 ttl=63 proto=1 len=999 plen=0] "
		  "dropped: inner IPv4: header, length or checksum bad" },
		{ "6000", 1, TID_NONE, NOTE_FROM_P41, DROP_P41_SHORT,
		  "[T5072  - ][len=999] dropped: protocol 41: no whole IPv6 header inside" },
		{ "", 1, TID_NONE, NOTE_FROM_P41, DROP_P41_SHORT,
		  "[T5072  - ][len=999] dropped: protocol 41: no whole IPv6 header inside" },
		{ "4845415254424541542054554e4e454c20323030313a646238", 2, TID_NONE, NOTE_FROM_BEAT,
		  CONSUMED_BEAT, "[T42  - ][len=999] keep-alive or heartbeat accepted" },
		{ "4152113b5db3c4d020010db802ff00010000000000000002", 2, TID_NONE, NOTE_FROM_AYIYA,
		  DROP_AYIYA_SHORT, "[T42  - ][len=999] dropped: AYIYA: shorter than its header" },
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct record rec = { .event = EVENT_TRACE, .verdict = (uint16_t)row[i].verdict,
				      .from = row[i].from, .to = row[i].to, .blame = TID_NONE,
				      .notes = 1, .len = 999 };
		char text[TRACE_LINE_MAX];

		rec.note[0].what = (uint16_t)row[i].note;
		rec.kept = (uint16_t)unhex(row[i].hex, rec.bytes, sizeof(rec.bytes));
		says(trace_line(cf, &rec, 1, text), text, row[i].text, row[i].text);
	}
}

/* Who debugs a tunnel that nobody gets into wants to see who tries. */
static void a_packet_that_is_not_ours_yet_names_whose_it_may_be(const struct config *cf)
{
	static const struct {
		uint16_t	from, to, blame, port;
		enum verdict	verdict;
		const char	*text;
	} row[] = {
		{ TID_NONE, TID_NONE, 2, 5072, DROP_AYIYA_DIGEST,
		  "[-  - ][len=60] dropped: AYIYA: digest does not match the tunnel's secret (counted on T42; "
		  "from 198.51.100.7 port 5072)" },
		{ TID_NONE, TID_NONE, 2, 0, DROP_OUTER_SOURCE, " (counted on T42; from 198.51.100.7)" },
		{ TID_NONE, TID_NONE, TID_NONE, 0, DROP_OUTER_SOURCE, NULL },
		{ 2, TID_NONE, 2, 0, DROP_HOP_LIMIT, NULL }, { 1, 2, 2, 0, DROP_HOP_LIMIT, NULL },
		{ TID_NONE, TID_NONE, 2, 0, CONSUMED_BEAT, NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct record rec = { .event = EVENT_TRACE, .verdict = (uint16_t)row[i].verdict,
				      .from = row[i].from, .to = row[i].to, .blame = row[i].blame,
				      .port = row[i].port, .len = 60, .address = addr_from_ip4(0xc6336407) };
		char text[TRACE_LINE_MAX];

		trace_line(cf, &rec, 0, text);
		if (row[i].text)
			ok(strstr(text, row[i].text) != NULL, "%s", text);
		else
			ok(!strstr(text, "counted"), "%s", text);
	}
}

static void notes_have_their_values(const struct config *cf)
{
	static const struct {
		struct note	note;
		const char	*text;
	} row[] = {
		{ { NOTE_TUNNEL_IS, 2, 0 }, "belongs to T42" },
		{ { NOTE_TUNNEL_IS, 3, 0 }, "belongs to 0x3" },
		{ { NOTE_TUNNEL_IS, TID_NONE, 0 }, "belongs to -" },
		{ { NOTE_MTU, 1, 1428 }, "fits the tunnel's MTU of 1428" },
		{ { NOTE_TYPE, 1, TYPE_AYIYA }, "tunnel type is now ayiya" },
		{ { NOTE_TYPE, 1, 99 }, "tunnel type is now 99" },
		{ { NOTE_HOP, 1, 0 }, "hop limit now 0" },
		{ { NOTE_COUNT, 1, 0 }, "note " },
		{ { UINT16_MAX, 1, 0 }, "note 65535" },
	};
	struct record rec = { .event = EVENT_TRACE, .from = 1, .to = 2, .blame = TID_NONE, .notes = 1 };
	char text[TRACE_LINE_MAX];

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		rec.note[0] = row[i].note;
		trace_line(cf, &rec, 0, text);
		ok(strstr(text, row[i].text) != NULL, "%s", row[i].text);
	}
	for (unsigned int what = 0; what < NOTE_COUNT; what++) {
		rec.note[0] = (struct note){ (uint16_t)what, 2, 4711 };
		trace_line(cf, &rec, 0, text);
		ok(!strchr(text, '%') && strlen(text) > strlen("[T5072  T42 ][len=0] "),
		   "note %u has words and all of them are filled in", what);
	}
	rec.notes = 200;
	ok(trace_lines(&rec) == TRACE_NOTES + 1, "a record never has more notes than it has room for");
	ok(trace_line(cf, &rec, TRACE_NOTES, text) > 0 && strstr(text, "carry on"),
	   "behind the last stands the verdict");
}

int main(void)
{
	const struct config *cf = configured();

	an_event_is_a_sentence_and_its_facts(cf);
	a_packet_is_named_by_ends_and_header(cf);
	a_packet_that_is_not_ours_yet_names_whose_it_may_be(cf);
	notes_have_their_values(cf);
	return tap_done();
}
