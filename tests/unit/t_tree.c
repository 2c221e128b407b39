/*
 * Transcripts: a line in, the framed answer out. sixxsd-config.md 3 to 7, sixxsd-cli.md 2
 * and 9. Every row builds on the ones above it.
 */
#include "ctl.h"

struct turn {
	const char	*line, *answer;
};

#define UP(path)	"200 >> " path " (use '..' or 'end' to go up one level)\n"
#define NOT_TUNNEL(x)	"400 It would be nice if you provided a proper IP address or Tunnel ID (eg T<xxx>) and not '" x "'\n"

static const struct turn menus[] = {
	{ ".", "200 main\n" },
	{ "", "200 Thank you for your empty line\n" },
	{ " \t ", "200 Thank you for your empty line\n" },
	{ "# hello", "200 I appreciate your comments\n" },
	{ "  // hello", "200 I appreciate your comments\n" },
	{ "pop", UP("main > pop") },
	{ ".", "200 main > pop\n" },
	{ "SET", UP("main > pop > set") },
	{ "nothing here", "404 Unknown command: main > pop > set >> nothing\n" },
	{ ".", "200 main > pop > set\n" },
	{ "end", "200 << main > pop\n" },
	{ "..", "200 << main\n" },
	{ "end", "404 Unknown command: main >> end\n" },
	{ "..", "404 Unknown command: main >> ..\n" },
	{ "pop set", UP("main > pop > set") },
	{ "id 5", "200 Configured to ID 5\n" },
	{ "end get id", "200 5\n" },
	{ ".", "200 main > pop > set\n" },
	{ "/ pop get id", "200 5\n" },
	{ ".", "200 main > pop > set\n" },
	{ "/", "200 << main\n" },
	{ "pop get ID", "200 5\n" },
	{ ".", "200 main\n" },
	{ "tunnel bogus", "404 Unknown command: main > tunnel >> bogus\n" },
	{ "po", "404 Unknown command: main >> po\n" },
	{ "popp", "404 Unknown command: main >> popp\n" },	/* of old, to the octet */
	{ "pop tunnelprefix end set", UP("main > pop > set") },
	{ "end end", "200 << main\n" },
	{ "pop . ", "200 main > pop\n" },
	{ "pop get id 7", "404 Command 'id' requires arguments: id (takes none) (min=0, max=0, given=1)\n" },
	{ "tunnel reseterrors", "404 Command 'reseterrors' requires arguments: reseterrors {all|<tunnel>} (min=1, max=1, given=0)\n" },
	{ "tunnel set config 1 T1", "404 Command 'config' requires arguments: config <tid> <tunnel-id> <them> <state> <mtu> [<password>] (min=5, max=6, given=2)\n" },
	{ "tunnel set config 1 T1 192.0.2.1 up 1480 # x", "404 Command 'config' requires arguments: config <tid> <tunnel-id> <them> <state> <mtu> [<password>] (min=5, max=6, given=7)\n" },
	{ "pop \"get\" \"i\"d", "200 5\n" },
	{ "pop get \"id", "400 A quote is opened but not closed\n" },
	{ "pop get id\\", "400 The line ends in a backslash, which escapes nothing; write \\\\ for a backslash\n" },
	{ "json pop get id", "200 {\"id\":5}\n" },
	{ "json pop get id x", "404 {\"message\":\"Command 'id' requires arguments: id (takes none) (min=0, max=0, given=1)\"}\n" },
	{ "json", "404 Unknown command: main >> json\n" },
	{ "json pop", "200 {\"message\":\">> main > pop (use '..' or 'end' to go up one level)\"}\n" },
	{ "/", "200 << main\n" },
	{ "cmd format json", "200 {\"message\":\"Format is now json\"}\n" },
	{ "pop get id", "200 {\"id\":5}\n" },
	{ "cmd format xml", "400 {\"message\":\"'xml' is wrong here, it must be json|text\"}\n" },
	{ "cmd format TEXT", "200 Format is now text\n" },
	{ "pproxy set config 1 2 3 4", "200 Accepted and ignored, there is no port proxy\n" },
};

static const struct turn pop[] = {
	{ "pop set id 63", "200 Configured to ID 63\n" },
	{ "pop set id 64", "400 PoP ID out of range (64 / 64 > 64)\n" },
	{ "pop set id 99", "400 PoP ID out of range (99 / 99 > 64)\n" },
	{ "pop set id x", "400 Invalid PoP ID (x) - not a number\n" },
	{ "pop set id -1", "400 Invalid PoP ID (-1) - not a number\n" },
	{ "pop set id 99999999999999999999", "400 Invalid PoP ID (99999999999999999999) - not a number\n" },
	{ "pop set id 1", "200 Configured to ID 1\n" },
	{ "pop get name", "200 \n" },
	{ "pop set details 1 chtst01 192.0.2.42 2001:db8::42", "200 PoP details updated\n" },
	{ "pop get name", "200 chtst01\n" },
	{ "pop set details 64 x 192.0.2.42 ::", "400 PoP ID out of range (64 / 64 > 64)\n" },
	{ "pop set details 1 x 192.0.2 ::", "400 Invalid IPv4 address (192.0.2)\n" },
	{ "pop set details 1 x 192.0.2.1 2001:db8", "400 Invalid IPv6 address (2001:db8)\n" },
	{ "pop set details 2 fourteen-chars 192.0.2.43 UNSPECIFIED", "200 PoP details updated\n" },
	{ "pop set details 2 fifteen-chars-x 192.0.2.43 ::", "400 PoP name must be 1 to 14 visible characters\n" },
	{ "pop set details 2 \"a b\" 192.0.2.43 ::", "400 PoP name must be 1 to 14 visible characters\n" },
	{ "pop set details 2 \"\" 192.0.2.43 ::", "400 PoP name must be 1 to 14 visible characters\n" },
	{ "pop set details 2 x 127.0.0.1 ::", "400 Invalid IPv4 address (127.0.0.1): an address clients can reach, or unspecified\n" },
	{ "pop set verbosity 41", "200 Verbosity is now 41\n" },
	{ "pop set verbosity 42", "500 Invalid number (42) given for verbosity (range: 0 - 42)\n" },
	{ "pop set verbosity 99", "500 Invalid number (99) given for verbosity (range: 0 - 42)\n" },
	{ "pop set verbosity 2", "200 Verbosity is now 2\n" },
	{ "pop set debug prefix on", "200 Ok\n" },
	{ "pop set debug foo on", "400 \"foo\" is a wrong type for the debug command\n" },
	{ "pop set http", "404 Command 'http' requires arguments: http <address>|off [<port>] [<certificate>] [<key>] (min=1, max=4, given=0)\n" },
	{ "pop set token", "404 Command 'token' requires arguments: token admin <sha256>|none (min=2, max=2, given=0)\n" },
	{ "tunnel set token", "404 Command 'token' requires arguments: token <tunnel> <sha256>|none (min=2, max=2, given=0)\n" },
	{ "pop set workers", "404 Command 'workers' requires arguments: workers <n>|auto (min=1, max=1, given=0)\n" },
	{ "tunnel capture", "404 Command 'capture' requires arguments: capture {all|<tunnel>} [<packets>] [<seconds>s] (min=1, max=3, given=0)\n" },
	{ "pop set reserved", "404 Command 'reserved' requires arguments: reserved {pass|drop} (min=1, max=1, given=0)\n" },
	{ "pop set reserved maybe", "400 'maybe' is wrong here, it must be pass|drop\n" },
	{ "pop set reserved DROP", "200 Reserved sources from the uplink are dropped\n" },
	{ "pop set reserved pass", "200 Reserved sources from the uplink pass\n" },
	{ "pop set latency 1", "200 Latency test every 1 s\n" },
	{ "pop set latency 3600", "200 Latency test every 3600 s\n" },
	{ "pop set latency 3601", "400 seconds 3601 is outside range (0-3600)\n" },
	{ "pop set latency 0", "200 Latency test is off\n" },
	{ "pop set localip", "404 Command 'localip' requires arguments: localip <address> ... (min=1, max=20, given=0)\n" },
	{ "pop set localip 192.0.2.42 2001:db8::42", "200 Local addresses updated\n" },
	{ "pop set localip 127.0.0.1", "400 Invalid local address (127.0.0.1): clients cannot reach the PoP there\n" },
	{ "pop set localip any", "200 Local addresses updated\n" },
	{ "pop set limits tunnels 8192 subnets 65536", "200 Limits are tunnels 8192 subnets 65536\n" },
	{ "pop set limits tunnels 8191 subnets 65536", "400 The limits are tunnels 8192 subnets 65536; changing limits needs a restart\n" },
	{ "pop set limits tunnels 32768 subnets 65536", "400 tunnels 32768 is outside range (1-32767)\n" },
	{ "pop set limits tunnels 8192", "404 Command 'limits' requires arguments: limits tunnels <tunnels> subnets <subnets> [history <tunnels>] (min=4, max=6, given=2)\n" },
	{ "pop set limits tunnels 8192 subnets 65536 history 0", "400 The limits are tunnels 8192 subnets 65536; changing limits needs a restart\n" },
	{ "pop set limits tunnels 8192 subnets 65536 history", "404 Command 'limits' requires arguments: limits tunnels <tunnels> subnets <subnets> [history <tunnels>] (min=4, max=6, given=5)\n" },
	{ "pop set limits tunnels 8192 subnets 65536 history 8193", "400 history 8193 is more than the 8192 tunnels there can be\n" },
	{ "pop set limits tunnels 8192 subnets 65536 history 8192", "200 Limits are tunnels 8192 subnets 65536\n" },
	{ "pop tunnelprefix list", "404 Tunnel Prefix is not configured yet\n" },
	{ "pop tunnelprefix add 2001:db8:2ff::1/48", "400 Invalid IPv6 prefix (2001:db8:2ff::1/48), it must be <address>/<length> with nothing set behind the length\n" },
	{ "pop tunnelprefix add 2001:db8:200::/47", "400 Tunnel Prefix 2001:db8:200::/47 must be IPv6 and of length /48 to /60\n" },
	{ "pop tunnelprefix add 2001:db8:200::/61", "400 Tunnel Prefix 2001:db8:200::/61 must be IPv6 and of length /48 to /60\n" },
	{ "pop tunnelprefix add 2001:db8:2ff::/48", "200 Tunnel Prefix 2001:db8:2ff::/48 configured\n" },
	{ "pop tunnelprefix add 2001:db8:2ff::/48", "200 Tunnel Prefix already configured\n" },
	{ "pop tunnelprefix add 2001:db8:2fe::/48", "200 Tunnel Prefix already configured\n" },
	{ "pop tunnelprefix list", "200 2001:db8:2ff::/48\n" },
	{ "pop subnetprefix list", "404 No Subnet Prefixes are configured\n" },
	{ "pop subnetprefix add 2001:db8:3000::/40", "200 Subnet Prefix 2001:db8:3000::/40 added\n" },
	{ "pop subnetprefix add 2001:db8:3000::/40", "200 Subnet Prefix already configured\n" },
	{ "pop subnetprefix add 2001:db8:3000::/40 delegate 48", "200 Subnet Prefix already configured\n" },
	{ "pop subnetprefix add 2001:db8:3000::/40 delegate 52", "400 Subnet Prefix is configured already and hands out /48s; remove it from the file and reload\n" },
	{ "pop subnetprefix add 2001:db8:4242::/48", "200 Subnet Prefix 2001:db8:4242::/48 added\n" },
	{ "pop subnetprefix add 2001:db8:5000::/52", "400 Subnet Prefix 2001:db8:5000::/52 is neither a /40 nor a /48; say what it hands out: delegate <length>\n" },
	{ "pop subnetprefix add 2001:db8:5000::/52 delegate 60", "200 Subnet Prefix 2001:db8:5000::/52 added\n" },
	{ "pop subnetprefix add 2001:db8:5000::/52 delegate", "404 Command 'add' requires arguments: add <prefix> [delegate <length>] (min=1, max=3, given=2)\n" },
	{ "pop subnetprefix add 2001:db8:3042::/48", "400 The prefix overlaps the Subnet Prefix 2001:db8:3000::/40\n" },
	{ "pop subnetprefix add 2001:db8:2ff::/48", "400 The prefix overlaps the Tunnel Prefix 2001:db8:2ff::/48\n" },
	{ "pop subnetprefix add 2001:db8:2ff:100::/56 delegate 60", "400 The prefix overlaps the Tunnel Prefix 2001:db8:2ff::/48\n" },
	{ "pop subnetprefix list", "201 3\n2001:db8:3000::/40\n2001:db8:4242::/48\n2001:db8:5000::/52\n200 OK\n" },
	{ "json pop subnetprefix list", "200 {\"prefixes\":[{\"prefix\":\"2001:db8:3000::/40\",\"delegate\":48},{\"prefix\":\"2001:db8:4242::/48\",\"delegate\":56},{\"prefix\":\"2001:db8:5000::/52\",\"delegate\":60}]}\n" },
	{ "pop cliacl list", "404 No CLI ACLs are configured\n" },
	{ "pop cliacl add 127.0.0.1", "200 CLI ACL added\n" },
	{ "pop cliacl add 127.0.0.1", "200 CLI ACL already present\n" },
	{ "pop cliacl add 198.51.100.0/24", "200 CLI ACL added\n" },
	{ "pop cliacl add 198.51.100.1/24", "400 Invalid IP address (198.51.100.1/24), it must be an address or <address>/<length> with nothing set behind the length\n" },
	{ "pop cliacl add ::1", "200 CLI ACL added\n" },
	{ "pop cliacl remove ::2", "404 CLI ACL ::2 not found\n" },
	{ "pop cliacl list", "201 3\n127.0.0.1\n198.51.100.0/24\n::1\n200 OK\n" },
	{ "json pop cliacl list", "200 {\"acl\":[\"127.0.0.1\",\"198.51.100.0/24\",\"::1\"]}\n" },
	{ "pop cliacl remove 127.0.0.1", "200 CLI ACL removed\n" },
	{ "pop cliacl list", "201 2\n198.51.100.0/24\n::1\n200 OK\n" },
	{ "pop cliacl reset", "200 CLI ACL has been reset\n" },
	{ "pop cliacl list", "404 No CLI ACLs are configured\n" },
};

static const struct turn tunnel[] = {
	{ "tunnel set config 0 T4141 198.51.100.1 up 1480", "200 Accepted Tunnel 0/T4141\n" },
	{ "tunnel set config 1fff T5072 dynamic up 1428 secret", "200 Accepted Tunnel 1fff/T5072\n" },
	{ "tunnel set config 0x2a T42 AYIYA disabled 1280", "200 Accepted Tunnel 2a/T42\n" },
	{ "tunnel set config zz T1 dynamic up 1428", "400 Invalid TID (zz) - not a hex number\n" },
	{ "tunnel set config 2000 T1 dynamic up 1428", "400 TID 0x2000 is out of range (0x0 - 0x1fff): pop set limits says 8192 tunnels\n" },
	{ "tunnel set config ffffffffffffffffff T1 dynamic up 1428", "400 Invalid TID (ffffffffffffffffff) - not a hex number\n" },
	{ "tunnel set config 5 1 dynamic up 1428", "400 Invalid Tunnel ID (1) - not a number: it must be T and digits (T1)\n" },
	{ "tunnel set config 5 Tx dynamic up 1428", "400 Invalid Tunnel ID (Tx) - not a number: it must be T and digits (T1)\n" },
	{ "tunnel set config 5 T1 dynamic up x", "400 Invalid Tunnel MTU (x) - not a number\n" },
	{ "tunnel set config 5 T1 dynamic up 1279", "400 Tunnel MTU 1279 is outside range (1280-1480)\n" },
	{ "tunnel set config 5 T1 dynamic up 1481", "400 Tunnel MTU 1481 is outside range (1280-1480)\n" },
	{ "tunnel set config 5 T1 foo up 1480", "400 Invalid Tunnel_Them address (foo): an IPv4 or IPv6 address, or ayiya, heartbeat, dynamic\n" },
	{ "tunnel set config 5 T1 127.0.0.1 up 1480", "400 Invalid Tunnel_Them address (127.0.0.1): no loopback, multicast, broadcast, link-local or reserved address can be an endpoint\n" },
	{ "tunnel set config 5 T1 unspecified up 1480", "400 Invalid Tunnel_Them address (::): unspecified is no endpoint\n" },
	{ "tunnel set config 5 T1 2001:db8:2ff:7::2 up 1480", "400 Invalid Tunnel_Them address (2001:db8:2ff:7::2): it lies inside this PoP's own prefixes\n" },
	{ "tunnel set config 5 T1 2001:db8:3001::2 up 1480", "400 Invalid Tunnel_Them address (2001:db8:3001::2): it lies inside this PoP's own prefixes\n" },
	{ "tunnel set config 5 T1 192.0.2.42 up 1480", "400 Invalid Tunnel_Them address (192.0.2.42): it is an address of this PoP\n" },
	{ "tunnel set remote T9 198.51.100.9", "404 No such Tunnel ID (T9/T9) found\n" },
	{ "tunnel set remote 9 198.51.100.9", NOT_TUNNEL("9") },
	{ "tunnel show 9", NOT_TUNNEL("9") },
	{ "tunnel why 1001", "400 It would be nice if you provided a proper IP address or Tunnel ID (eg T<xxx>) and not '1001': did you mean T1001?\n" },
	{ "tunnel set mss 9 auto", "400 It would be nice if you provided a proper IP address or Tunnel ID (eg T<xxx>) and not '9': did you mean T9?\n" },
	{ "tunnel set mss 1f auto", NOT_TUNNEL("1f") },
	{ "tunnel set remote 1fff 198.51.100.9", NOT_TUNNEL("1fff") },
	{ "tunnel set remote 2001:db8:2ff:9::2 198.51.100.9", "404 No such tunnel 2001:db8:2ff:9::2\n" },
	{ "tunnel set remote 2001:db8::1 198.51.100.9", "404 No such tunnel 2001:db8::1\n" },
	{ "tunnel set remote T5072 198.51.100.9", "200 Updated remote address to 198.51.100.9\n" },
	{ "tunnel set remote 2001:db8:2ff:1fff::2 198.51.100.10", "200 Updated remote address to 198.51.100.10\n" },
	{ "tunnel set remote 2001:db8:2ff:9fff::77 198.51.100.10", "200 Updated remote address to 198.51.100.10\n" },
	{ "tunnel set remote T5072 224.0.0.1", "400 Invalid remote address (224.0.0.1): no loopback, multicast, broadcast, link-local or reserved address can be an endpoint\n" },
	{ "tunnel set encap T4141 gre key 7", "200 Encapsulation of T4141 is now gre\n" },
	{ "tunnel set encap T4141 direct key 7", "400 A key belongs to GRE, not to direct (protocol 41)\n" },
	{ "tunnel set encap T4141 gre kei 7", "400 'kei' is wrong here, it must be key\n" },
	{ "tunnel set encap T4141 gre key", "404 Command 'encap' requires arguments: encap <tunnel> {auto|direct|gre} [key <n>] (min=2, max=4, given=3)\n" },
	{ "tunnel set encap T4141 AUTO", "200 Encapsulation of T4141 is now auto\n" },
	{ "tunnel set hash T5072 sha256", "200 Hash of T5072 is now sha256\n" },
	{ "tunnel set hash T5072 md5", "400 'md5' is wrong here, it must be sha1|sha256\n" },
	{ "tunnel set rate T5072 1000 200", "200 Rate of T5072 is now 1000 kbit/s and 200 packets/s\n" },
	{ "tunnel set mss T5072 auto", "200 TCP MSS of T5072 is clamped to its MTU\n" },
	{ "tunnel set mss T5072 off", "200 TCP MSS of T5072 is left alone\n" },
	{ "tunnel set debug T5072 on", "200 Debugging has been enabled\n" },
	{ "tunnel set debug T5072 off", "200 Debugging has been disabled\n" },
	{ "subnet list", "404 No subnets are configured\n" },
	{ "subnet set config 2001:db8:3001::/48 1fff static", "200 Accepted Route 2001:db8:3001::/48 via 1fff\n" },
	{ "subnet set config 2001:db8:3001::/48 0 bgp", "200 Accepted Route 2001:db8:3001::/48 via 0\n" },
	{ "subnet set config 2001:db8:4242:ff00::/56 0 static", "200 Accepted Route 2001:db8:4242:ff00::/56 via 0\n" },
	{ "subnet set config 2001:db8:5000:10::/60 2a static", "200 Accepted Route 2001:db8:5000:10::/60 via 2a\n" },
	{ "subnet set config 2001:db8:3001::/56 0 static", "400 Invalid IPv6 prefix (2001:db8:3001::/56): subnets of 2001:db8:3000::/40 are /48\n" },
	{ "subnet set config foo 0 static", "400 Invalid IPv6 prefix (foo), it must be <address>/<length> with nothing set behind the length\n" },
	{ "subnet set config 2001:db8:9000::/48 0 static", "400 Route 2001:db8:9000::/48 with gateway 0 doesn't have a master subnet: it lies in no pop subnetprefix\n" },
	{ "subnet set config 2001:db8:2ff::/48 0 static", "400 Route 2001:db8:2ff::/48 with gateway 0 doesn't have a master subnet: it lies in the tunnel prefix\n" },
	{ "subnet set config 2001:db8:3002::/48 T5 static", "400 Tunnel-ID T5 is not a number\n" },
	{ "subnet set config 2001:db8:3002::/48 2000 static", "400 Tunnel-ID (2000) is out of range\n" },
	{ "subnet set config 2001:db8:3002::/48 9 static", "400 Tunnel 9 for subnet 2001:db8:3002::/48 not found\n" },
	{ "subnet list", "201 3\n2001:db8:3001::/48 0 T4141\n2001:db8:4242:ff00::/56 0 T4141\n2001:db8:5000:10::/60 2a T42\n200 OK\n" },
	{ "json subnet list", "200 {\"subnets\":[{\"prefix\":\"2001:db8:3001::/48\",\"tid\":0,\"tunnel\":\"T4141\"},{\"prefix\":\"2001:db8:4242:ff00::/56\",\"tid\":0,\"tunnel\":\"T4141\"},{\"prefix\":\"2001:db8:5000:10::/60\",\"tid\":42,\"tunnel\":\"T42\"}]}\n" },
	{ "tunnel set remote 2001:db8:3001:ffff::1 198.51.100.2", "200 Updated remote address to 198.51.100.2\n" },
	{ "tunnel remove T4141", "400 Tunnel 0/T4141 still has 2 subnets: 2001:db8:3001::/48, 2001:db8:4242:ff00::/56; remove or move them first\n" },
	{ "subnet remove 2001:db8:3001::/48", "200 Removed Route 2001:db8:3001::/48\n" },
	{ "subnet remove 2001:db8:3001::/48", "404 Subnet 2001:db8:3001::/48 has no tunnel\n" },
	{ "subnet remove 2001:db8:9001::/48", "404 No Subnet Prefix holds 2001:db8:9001::/48\n" },
	{ "subnet remove 2001:db8:4242:ff00::/56", "200 Removed Route 2001:db8:4242:ff00::/56\n" },
	{ "tunnel remove T4141", "200 Removed Tunnel 0/T4141\n" },
	{ "tunnel remove T4141", "404 No such Tunnel ID (T4141/T4141) found\n" },
	{ "tunnel reseterrors all", "200 Wipeout!\n" },
	{ "tunnel reseterrors T5072", "200 Wipeout!\n" },
	{ "tunnel reseterrors 1fff", NOT_TUNNEL("1fff") },
};

static void play(struct world *w, const struct turn *t, size_t n)
{
	for (size_t i = 0; i < n; i++)
		answers(w, t[i].line, t[i].answer);
}

static void passwords_are_not_printed(struct world *w)
{
	char line[512];

	snprintf(line, sizeof(line), "tunnel set config 7 T7 dynamic up 1280 %0133d", 0);
	answers(w, line, "400 Password given (..) is too long (133/132)\n");
	snprintf(line, sizeof(line), "tunnel set config 7 T7 dynamic up 1280 %0132d", 0);
	answers(w, line, "200 Accepted Tunnel 7/T7\n");
	answers(w, "tunnel set config 7 T7 dynamic up 1280 \"\"",
		"400 Password given is empty; leave it out to keep what is set\n");
	answers(w, "tunnel remove T7", "200 Removed Tunnel 7/T7\n");
}

static void strangers(struct world *w)
{
	char line[20000];
	const char *got;

	memset(line, 'x', sizeof(line));
	got = ask_as(w, &w->session, line, 4095);
	ok(!strcmp(got, "404 Unknown command: main >> (a word of 4095 octets)\n"),
	   "a word of 4095 octets is unknown, and not repeated");
	got = ask_as(w, &w->session, line, 4096);
	ok(!strcmp(got, "400 The line is longer than 4095 octets\n"), "4096 octets are refused");
	got = ask_as(w, &w->session, line, sizeof(line));
	ok(!strcmp(got, "400 The line is longer than 4095 octets\n"), "20000 octets are refused");

	for (size_t i = 0; i < 600; i++)
		line[i] = i % 2 ? ' ' : 'a';
	got = ask_as(w, &w->session, line, 600);
	ok(!strcmp(got, "400 The line has more than 128 words\n"), "300 words are refused");
	got = ask_as(w, &w->session, line, 256);
	ok(!strcmp(got, "404 Unknown command: main >> a\n"), "128 words are words");
	got = ask_as(w, &w->session, "pop\0 get id", 11);
	ok(!strcmp(got, "400 There is a NUL octet in the line\n"), "a NUL is refused");
	got = ask(w, "\"a\\nb\x01\"");
	ok(!strcmp(got, "404 Unknown command: main >> a?b?\n"), "a quoted line feed does not frame");
	got = ask(w, "pop get id\r");
	ok(!strcmp(got, "200 1\n"), "a CR at the end is no part of the line");
}

static void leaving(struct world *w)
{
	static const struct { const char *line, *answer; enum session_wants wants; } row[] = {
		{ "exit", "666 Tschau\n", WANTS_CLOSE },
		{ "pop set quit", "666 Tschau\n", WANTS_CLOSE },
		{ "cmd exit", "666 Tschau\n", WANTS_CLOSE },
		{ "pop shutdown", "666 Tschau, shutting down\n", WANTS_SHUTDOWN },
		{ "pop shutdown now", "404 Command 'shutdown' requires arguments: shutdown (takes none) (min=0, max=0, given=1)\n", WANTS_NOTHING },
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		w->session.wants = WANTS_NOTHING;
		answers(w, row[i].line, row[i].answer);
		ok(w->session.wants == row[i].wants, "and the server is told");
	}
}

static void who_asks(struct world *w)
{
	struct session tcp;
	const char *got;

	session_init(&tcp, SESSION_TCP, &control_root);
	tcp.peer = addr_from_ip4(UINT32_C(0xc0000207));
	got = ask_as(w, &tcp, "pop cliacl reset", 16);
	ok(!strcmp(got, "200 CLI ACL has been reset\n"), "cliacl reset over TCP");
	answers(w, "pop cliacl list", "200 192.0.2.7\n");
	answers(w, "pop cliacl reset", "200 CLI ACL has been reset\n");
	answers(w, "pop cliacl list", "404 No CLI ACLs are configured\n");
}

static void a_full_list_with_one_removed(struct world *w)
{
	char line[64];
	bool all = true;

	for (unsigned int i = 0; i < ACL_MAX; i++) {
		snprintf(line, sizeof(line), "pop cliacl add 198.51.100.%u", i);
		all = all && !strcmp(ask(w, line), "200 CLI ACL added\n");
	}
	ok(all, "64 addresses fit");
	answers(w, "pop cliacl add 198.51.100.99", "400 The CLI ACL is full, 64 entries\n");
	answers(w, "pop cliacl remove 198.51.100.63", "200 CLI ACL removed\n");
	answers(w, "pop cliacl add 198.51.100.99", "200 CLI ACL added\n");
	answers(w, "pop cliacl remove 198.51.100.0", "200 CLI ACL removed\n");
	answers(w, "pop cliacl add 198.51.100.100", "200 CLI ACL added\n");
	answers(w, "pop cliacl add 198.51.100.101", "400 The CLI ACL is full, 64 entries\n");
	answers(w, "pop cliacl reset", "200 CLI ACL has been reset\n");
}

static void debugging_belongs_to_a_session(struct world *w)
{
	struct session other = w->session;
	int somebody;
	const char *got;

	other.connection = &somebody;
	answers(w, "tunnel set debug T5072 on", "200 Debugging has been enabled\n");
	ok(w->control.tracer[0x1fff] == w && running(w)->tunnel[0x1fff].flags & TUNNEL_DEBUG,
	   "the tracer is the session, and the worker is told");
	got = ask_as(w, &other, "tunnel set debug T5072 on", 25);
	ok(!strcmp(got, "400 Another session is debugging T5072 already\n"), "another one is refused");
	control_forget_session(&w->control, &other);
	ok(w->control.tracer[0x1fff] == w, "when the other ends, nothing ends");
	control_forget_session(&w->control, &w->session);
	ok(!w->control.tracer[0x1fff] && !(running(w)->tunnel[0x1fff].flags & TUNNEL_DEBUG),
	   "when the session ends, so does debugging");
	got = ask_as(w, &other, "tunnel set debug T5072 on", 25);
	ok(!strcmp(got, "200 Debugging has been enabled\n"), "then another one may");
	control_forget_session(&w->control, &other);
}

static unsigned int flag_of(struct world *w, uint16_t tid)
{
	return running(w)->tunnel[tid].flags & TUNNEL_CAPTURE;
}

static void captures_belong_to_sessions(struct world *w)
{
	struct session other = w->session, more[CAPTORS_MAX];
	int who[CAPTORS_MAX + 1];

	other.connection = &who[CAPTORS_MAX];
	answers(w, "tunnel capture T5072 20 5s", "200 pcapng follows\n");
	ok(w->session.wants == WANTS_STREAM && w->session.order.tid == 0x1fff &&
	   w->session.order.id == 5072 && w->session.order.packets == 20 &&
	   w->session.order.seconds == 5 && !w->session.order.drops, "the server is told what was asked for");
	ok(flag_of(w, 0x1fff) && running(w)->head->captures == 1 && !running(w)->head->capture_all,
	   "and the workers");
	ask_as(w, &other, "tunnel capture T5072", 20);
	ok(running(w)->head->captures == 2, "another session may capture the same tunnel");
	control_forget_session(&w->control, &w->session);
	ok(flag_of(w, 0x1fff) && running(w)->head->captures == 1, "when one ends the other goes on");
	ask_as(w, &w->session, "tunnel capture all", 18);
	ok(running(w)->head->capture_all == 1 && w->session.order.tid == TID_NONE, "all");
	w->stuck = true;
	control_forget_session(&w->control, &other);
	control_forget_session(&w->control, &w->session);
	w->stuck = false;
	world_wake(w);
	control_settle(&w->control);
	control_settle(&w->control);
	ok(!flag_of(w, 0x1fff) && running(w)->head->captures == 0 && !running(w)->head->capture_all,
	   "what a late worker kept from ending ends later");
	for (unsigned int i = 0; i < CAPTORS_MAX; i++) {
		more[i] = w->session;
		more[i].connection = &who[i];
		ask_as(w, &more[i], "tunnel capture T5072", 20);
	}
	answers(w, "tunnel capture all", "401 16 sessions capture already, more cannot\n");
	for (unsigned int i = 0; i < CAPTORS_MAX; i++)
		control_forget_session(&w->control, &more[i]);
	ok(!flag_of(w, 0x1fff), "nobody captures any more");
	answers(w, "tunnel capture all 0", "400 0 is neither a number of packets (20) nor of seconds "
		"(20s), or is given twice\n");
	answers(w, "tunnel capture all 5 6", "400 6 is neither a number of packets (20) nor of seconds "
		"(20s), or is given twice\n");
	answers(w, "pop capture drops", "200 pcapng follows\n");
	ok(w->session.wants == WANTS_STREAM && w->session.order.drops, "the flight recorder");
}

static void help(struct world *w)
{
	answers(w, "cmd help",
		"201 3\n"
		"format                  {json|text}                how this session is answered\n"
		"tree                                               every command and argument, for programs\n"
		"help                                               the commands of this menu\n"
		"200 OK\n");
	answers(w, "pproxy help",
		"201 2\n"
		"set                                           [>>] accepted for old files\n"
		"help                                               the commands of this menu\n"
		"200 OK\n");
	ok(strstr(ask(w, "fullhelp"), "\npop subnetprefix add    <prefix> [delegate <length>]     ") != NULL,
	   "fullhelp lists every command with its path");
}

struct dumped {
	unsigned int	n, without_help;
	bool		config;
};

static void dump_one(void *context, const char *path, const char *synopsis, const char *text)
{
	struct dumped *d = context;

	d->n++;
	d->without_help += !text || !*text;
	if (!strcmp(path, "tunnel set config") &&
	    !strcmp(synopsis, "<tid> <tunnel-id> <them> <state> <mtu> [<password>]"))
		d->config = true;
}

static void the_manual_comes_from_the_table(void)
{
	struct dumped d = { .n = 0 };

	control_dump_commands(&control_root, dump_one, &d);
	ok(d.n > 40 && d.config, "%u commands are dumped, with their synopsis", d.n);
	ok(d.without_help == 0, "each has a line of help");
}

int main(void)
{
	struct world *w = world_new(limits_default);

	play(w, menus, ARRAY_LEN(menus));
	play(w, pop, ARRAY_LEN(pop));
	play(w, tunnel, ARRAY_LEN(tunnel));
	passwords_are_not_printed(w);
	strangers(w);
	leaving(w);
	who_asks(w);
	a_full_list_with_one_removed(w);
	debugging_belongs_to_a_session(w);
	captures_belong_to_sessions(w);
	help(w);
	the_manual_comes_from_the_table();
	world_end(w);
	return tap_done();
}
