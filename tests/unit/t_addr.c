/* Addresses in text: RFC 4291 2.2 in, RFC 5952 out, and nothing else. */
#include "base/addr.h"
#include "tap.h"

static const struct {
	const char *text, *canonical;	/* NULL: refused */
} row[] = {
	{ "::", "::" },
	{ "::1", "::1" },
	{ "1::", "1::" },
	{ "2001:0DB8:02ff:0001::0002", "2001:db8:2ff:1::2" },
	{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
	{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
	{ "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8" },
	{ "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0" },
	{ "::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8" },
	{ "::ffff:192.0.2.1", "192.0.2.1" },
	{ "64:ff9b::192.0.2.33", "64:ff9b::c000:221" },
	{ "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304" },
	{ "192.0.2.42", "192.0.2.42" },
	{ "0.0.0.0", "0.0.0.0" },
	{ "255.255.255.255", "255.255.255.255" },
	{ "", NULL }, { ":", NULL }, { ":::", NULL }, { "1", NULL }, { "1:", NULL },
	{ ":1", NULL }, { "1::2::3", NULL }, { "12345::", NULL }, { "g::", NULL },
	{ "1:2:3:4:5:6:7:8:9", NULL }, { "1:2:3:4:5:6:7", NULL }, { "1:2:3:4:5:6:7:8::", NULL },
	{ "::1%eth0", NULL }, { "::1 ", NULL }, { " ::1", NULL }, { "1:2:3:4:5:6:7:1.2.3.4", NULL },
	{ "1.2.3", NULL }, { "1.2.3.4.5", NULL }, { "256.1.1.1", NULL }, { "01.2.3.4", NULL },
	{ "1.2.3.4 ", NULL }, { "1..2.3", NULL }, { "0001.2.3.4", NULL },
	{ "0000:0000:0000:0000:0000:0000:0000:0000:0000:00", NULL },
};

static void text(void)
{
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		char buf[ADDR_TEXT_MAX];
		struct ip6_addr a;
		bool good = addr_parse(row[i].text, strlen(row[i].text), &a);

		ok(good == (row[i].canonical != NULL), "\"%s\" is %s", row[i].text,
		   row[i].canonical ? "taken" : "refused");
		if (good && row[i].canonical)
			ok(!strcmp(addr_text(&a, buf), row[i].canonical), "and prints as %s: %s",
			   row[i].canonical, buf);
	}
}

static void prefixes(void)
{
	static const struct { const char *text; bool good; const char *back; } p[] = {
		{ "2001:db8:2ff::/48", true, "2001:db8:2ff::/48" },
		{ "::/0", true, "::/0" },
		{ "::1/128", true, "::1/128" },
		{ "10.0.0.0/8", true, "10.0.0.0/8" },
		{ "2001:db8:2ff::1/48", false, NULL },
		{ "2001:db8::/129", false, NULL }, { "10.0.0.0/33", false, NULL },
		{ "2001:db8::", false, NULL }, { "2001:db8::/", false, NULL },
		{ "2001:db8::/048", false, NULL }, { "2001:db8::/4x", false, NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(p); i++) {
		char buf[PREFIX_TEXT_MAX];
		struct prefix x;
		bool good = prefix_parse(p[i].text, strlen(p[i].text), &x);

		ok(good == p[i].good, "prefix \"%s\" is %s", p[i].text, p[i].good ? "taken" : "refused");
		if (good && p[i].back)
			ok(!strcmp(prefix_text(&x, buf), p[i].back), "and prints as %s", buf);
	}
}

static void endpoints(void)
{
	static const struct { const char *text; bool bad; } e[] = {
		{ "198.51.100.7", false }, { "2001:db8::1", false }, { "10.1.2.3", false },
		{ "0.0.0.0", true }, { "0.1.2.3", true }, { "127.0.0.1", true },
		{ "223.255.255.255", false }, { "224.0.0.1", true }, { "255.255.255.255", true },
		{ "240.0.0.1", true }, { "::", true }, { "::1", true }, { "::2", true },
		{ "fe80::1", true }, { "febf::1", true }, { "fec0::1", false }, { "ff02::1", true },
	};

	for (size_t i = 0; i < ARRAY_LEN(e); i++) {
		struct ip6_addr a = { { 0 } };

		ok(addr_parse(e[i].text, strlen(e[i].text), &a) &&
		   addr_is_bad_endpoint(&a) == e[i].bad,
		   "%s can%s be an endpoint", e[i].text, e[i].bad ? "not" : "");
	}
}

int main(void)
{
	text();
	prefixes();
	endpoints();
	return tap_done();
}
