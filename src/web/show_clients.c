/*
 * src/web/show_clients.c - what the client has to be told, ready to copy
 *
 * What works by itself comes first; what cannot work for this tunnel has no text, but a sentence
 * that says why. Never a password: the state region has none, so a placeholder stands there.
 */
#include <stdarg.h>
#include <stdio.h>
#include "ctl/text.h"
#include "table/enumword.h"
#include "web/parts.h"

#define TEXT_BYTES	2048
#define PASSWORD	"YOUR-PASSWORD"

struct facts {
	const struct tunnel_conf *c;
	uint16_t	tid;
	char		id[16];
	char		us[ADDR_TEXT_MAX], them[ADDR_TEXT_MAX];		/* inner */
	char		pop[ADDR_TEXT_MAX], client[ADDR_TEXT_MAX];	/* outer */
	char		routed[PREFIX_TEXT_MAX];
	unsigned int	mtu;
	bool		over6, gre, beats;
};

struct text {
	char	buf[TEXT_BYTES];
	size_t	len;
};

static void PRINTF(2, 3) put(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->len, sizeof(t->buf) - t->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->len = min_size(t->len + (size_t)n, sizeof(t->buf) - 1);
}

static void say(struct answer *an, const char *name, const char *file, const struct text *t, const struct text *note)
{
	json_open(an, NULL, '{');
	json_str(an, "name", name);
	json_str(an, "file", file);
	json_str(an, "text", t ? t->buf : NULL);
	json_str(an, "note", note && note->len ? note->buf : NULL);
	json_close(an, '}');
}

static void say_no(struct answer *an, const char *name, const char *why)
{
	struct text note = { .len = 0 };

	put(&note, "%s", why);
	say(an, name, NULL, NULL, &note);
}

static struct facts facts_of(const struct web *w, uint16_t tid)
{
	const struct config *cf = region_config(&w->region);
	const struct plan *plan = config_plan(cf);
	const struct pop *pop = &cf->head->pop[plan->pop_id];
	struct endpoint ep = tunnel_endpoint(&w->region.table.tunnel[tid]);
	struct prefix routed = plan_routed_prefix(plan, tid);
	struct facts f = { .c = &cf->tunnel[tid], .tid = tid };

	f.over6 = f.c->kind == KIND_STATIC ? !addr_is_ip4(&f.c->them) :
		  !addr_is_unspecified(&ep.them) && !addr_is_ip4(&ep.them);
	if (addr_is_unspecified(&pop->v4))
		f.over6 = true;
	f.gre = f.c->encap == ENCAP_GRE || (f.c->encap == ENCAP_AUTO && ep.type == TYPE_GRE);
	f.beats = conf_takes_heartbeat(f.c);
	f.mtu = f.c->mtu_bytes;
	snprintf(f.id, sizeof(f.id), "T%u", (unsigned int)f.c->id);
	inner_text(plan, tid, IID_POP, f.us);
	inner_text(plan, tid, IID_USER, f.them);
	prefix_text(&routed, f.routed);
	addr_text(f.over6 ? &pop->v6 : &pop->v4, f.pop);
	if (f.c->kind == KIND_STATIC)
		addr_text(&f.c->them, f.client);
	else
		snprintf(f.client, sizeof(f.client), "%s", f.over6 ? "::" : "0.0.0.0");
	return f;
}

/* ---- plain tunnels, which the client's system has ---- */

#define LINUX	"Linux (ip tunnel)"

static void beats_note(const struct facts *f, struct text *note)
{
	if (f->beats)
		put(note, "This alone does not bring %s up: something at the same public address must send a heartbeat "
		    "each 60 s. The last lines of \"%s\" do, in bash, on any machine there; AICCU does all by itself.",
		    f->id, LINUX);
}

static void beats_comment(const struct facts *f, struct text *t)
{
	if (f->beats)
		put(t, "# And a heartbeat each 60 s, from the same public address: see the end of \"%s\"\n", LINUX);
}

/* A heartbeat is a line of text and its digest, lower-case hex: see path/beat.c. */
static void beats_bash(const struct facts *f, struct text *t)
{
	if (f->beats)
		put(t, "\n# The heartbeat, in bash: it has to run for as long as the tunnel is wanted\n"
		    "while text=\"HEARTBEAT TUNNEL %s sender $(date +%%s) \"; do\n"
		    "	digest=$(printf '%%s' \"$text\" '%s' | %s | cut -d' ' -f1)\n"
		    "	printf '%%s' \"$text$digest\" > /dev/udp/%s/3740\n"
		    "	sleep 60\n"
		    "done\n", f->them, PASSWORD, f->c->hash == HASH_SHA256 ? "sha256sum" : "md5sum", f->pop);
}

/* Return: whether that was all there is to say about it */
static bool is_signed(const struct facts *f, const char *name, struct answer *an)
{
	struct text why = { .len = 0 };

	if (f->c->kind != KIND_AYIYA)
		return false;
	put(&why, "%s is an AYIYA tunnel, which needs AICCU or another AYIYA client; or the operator of the PoP can make it "
	    "heartbeat or static: tunnel set config %x %s heartbeat|<address> ...", f->id, (unsigned int)f->tid, f->id);
	say_no(an, name, why.buf);
	return true;
}

/* AICCU signs packets or sends heartbeats, and of the plain ones knows protocol 41. */
static bool has_aiccu(const struct facts *f)
{
	return conf_takes_ayiya(f->c) || f->c->encap != ENCAP_GRE;
}

static bool has_key(const struct facts *f)
{
	return f->gre && f->c->flags & TUNNEL_GRE_KEY;
}

static void linux_ip(const struct facts *f, struct answer *an)
{
	struct text t = { .len = 0 }, note = { .len = 0 };

	if (is_signed(f, LINUX, an))
		return;
	if (f->beats)
		put(&note, "%s is up only while something sends a heartbeat each 60 s: the last lines do, in bash. "
		    "AICCU does all of it by itself.", f->id);
	if (f->gre)
		put(&t, "ip link add sixxs type %s remote %s local %s ttl 64", f->over6 ? "ip6gre" : "gre",
		    f->pop, f->client);
	else if (f->over6)
		put(&t, "ip -6 tunnel add sixxs mode ip6ip6 remote %s local %s hoplimit 64 encaplimit none",
		    f->pop, f->client);
	else
		put(&t, "ip tunnel add sixxs mode sit remote %s local %s ttl 64", f->pop, f->client);
	if (has_key(f))
		put(&t, " key %u", (unsigned int)f->c->gre_key);
	put(&t, "\nip link set sixxs up mtu %u\n"
	    "ip -6 address add %s/64 dev sixxs\n"
	    "ip -6 route add default via %s dev sixxs\n", f->mtu, f->them, f->us);
	beats_bash(f, &t);
	say(an, LINUX, NULL, &t, &note);
}

static void networkd(const struct facts *f, struct answer *an)
{
	const char *kind = f->gre ? (f->over6 ? "ip6gre" : "gre") : f->over6 ? "ip6tnl" : "sit";
	struct text t = { .len = 0 }, note = { .len = 0 };

	if (is_signed(f, "systemd-networkd", an))
		return;
	beats_note(f, &note);
	beats_comment(f, &t);
	put(&t, "# /etc/systemd/network/50-sixxs.netdev\n"
	    "[NetDev]\nName=sixxs\nKind=%s\nMTUBytes=%u\n\n"
	    "[Tunnel]\nIndependent=yes\nLocal=%s\nRemote=%s\nTTL=64\n", kind, f->mtu,
	    f->c->kind == KIND_STATIC ? f->client : "any", f->pop);
	if (!f->gre && f->over6)
		put(&t, "Mode=ip6ip6\nEncapsulationLimit=none\n");
	if (has_key(f))
		put(&t, "Key=%u\n", (unsigned int)f->c->gre_key);
	put(&t, "\n# /etc/systemd/network/50-sixxs.network\n"
	    "[Match]\nName=sixxs\n\n"
	    "[Network]\nAddress=%s/64\nGateway=%s\nIPv6AcceptRA=no\nLinkLocalAddressing=no\n", f->them, f->us);
	say(an, "systemd-networkd", "/etc/systemd/network/50-sixxs.netdev and .network", &t, &note);
}

static void openwrt(const struct facts *f, struct answer *an)
{
	struct text t = { .len = 0 }, note = { .len = 0 };

	if (is_signed(f, "OpenWrt", an))
		return;
	if (f->over6 && !f->gre) {
		say_no(an, "OpenWrt", "OpenWrt has no protocol for IPv6 in IPv6: it takes a tunnel over IPv4, or GRE.");
		return;
	}
	beats_note(f, &note);
	beats_comment(f, &t);
	put(&t, "opkg install %s\n", f->gre ? "gre" : "6in4");
	put(&t, "uci set network.sixxs=interface\n");
	if (f->gre)
		put(&t, "uci set network.sixxs.proto='%s'\nuci set network.sixxs.%s='%s'\n",
		    f->over6 ? "grev6" : "gre", f->over6 ? "peer6addr" : "peeraddr", f->pop);
	else
		put(&t, "uci set network.sixxs.proto='6in4'\nuci set network.sixxs.peeraddr='%s'\n", f->pop);
	if (has_key(f))
		put(&t, "uci set network.sixxs.ikey='%u'\nuci set network.sixxs.okey='%u'\n",
		    (unsigned int)f->c->gre_key, (unsigned int)f->c->gre_key);
	put(&t, "uci set network.sixxs.mtu='%u'\n", f->mtu);
	if (f->gre)
		put(&t, "uci set network.sixxs_ip=interface\nuci set network.sixxs_ip.proto='static'\n"
		    "uci set network.sixxs_ip.device='@sixxs'\nuci set network.sixxs_ip.ip6addr='%s/64'\n"
		    "uci set network.sixxs_ip.ip6gw='%s'\nuci add_list network.sixxs_ip.ip6prefix='%s'\n",
		    f->them, f->us, f->routed);
	else
		put(&t, "uci set network.sixxs.ip6addr='%s/64'\nuci add_list network.sixxs.ip6prefix='%s'\n",
		    f->them, f->routed);
	put(&t, "uci add_list firewall.@zone[1].network='sixxs'\nuci commit\n"
	    "service network reload; service firewall reload\n");
	say(an, "OpenWrt", NULL, &t, &note);
}

static void mikrotik(const struct facts *f, struct answer *an)
{
	struct text t = { .len = 0 }, note = { .len = 0 };

	if (is_signed(f, "MikroTik", an))
		return;
	if (has_key(f) || (f->over6 && !f->gre)) {
		say_no(an, "MikroTik", f->gre ? "RouterOS has no key for GRE: it takes a tunnel without one." :
		       "RouterOS has no IPv6 in IPv6: it takes a tunnel over IPv4, or GRE.");
		return;
	}
	beats_note(f, &note);
	beats_comment(f, &t);
	if (f->gre)
		put(&t, "/interface %s add name=sixxs remote-address=%s mtu=%u keepalive=0\n",
		    f->over6 ? "gre6" : "gre", f->pop, f->mtu);
	else
		put(&t, "/interface 6to4 add name=sixxs remote-address=%s mtu=%u\n", f->pop, f->mtu);
	put(&t, "/ipv6 address add address=%s/64 interface=sixxs advertise=no\n"
	    "/ipv6 route add dst-address=2000::/3 gateway=%s%%sixxs\n", f->them, f->us);
	say(an, "MikroTik", NULL, &t, &note);
}

static void opnsense(const struct facts *f, struct answer *an)
{
	struct text t = { .len = 0 }, note = { .len = 0 };

	if (is_signed(f, "OPNsense", an))
		return;
	if (has_key(f)) {
		say_no(an, "OPNsense", "OPNsense has no key for GRE: it takes a tunnel without one.");
		return;
	}
	beats_note(f, &note);
	beats_comment(f, &t);
	put(&t, "Interfaces > Devices > %s, add:\n"
	    "    Local address           WAN\n"
	    "    Remote address          %s\n"
	    "    Tunnel local address    %s\n"
	    "    Tunnel remote address   %s\n"
	    "    Tunnel netmask/prefix   64\n"
	    "Interfaces > Assignments: assign it, enable it, IPv6 type none, MTU %u\n"
	    "System > Gateways > Configuration, add: that interface, IPv6, address %s\n"
	    "LAN: a static IPv6 address in %s, Router Advertisements on\n", f->gre ? "GRE" : "GIF", f->pop,
	    f->them, f->us, f->mtu, f->us, f->routed);
	say(an, "OPNsense", NULL, &t, &note);
}

/* ---- a program that does it all ---- */

static void aiccu(const struct facts *f, struct answer *an)
{
	static const char *const told[] = {
		[KIND_NONE] = "", [KIND_STATIC] = "6in4-static", [KIND_AYIYA] = "ayiya",
		[KIND_HEARTBEAT] = "6in4-heartbeat", [KIND_DYNAMIC] = "ayiya or 6in4-heartbeat",
	};
	struct text t = { .len = 0 };

	if (!has_aiccu(f)) {
		say_no(an, "AICCU", "AICCU knows no GRE, and the operator has set this tunnel to nothing else.");
		return;
	}
	if (f->c->kind == KIND_STATIC)
		put(&t, "# %s is static: it needs no program, see \"%s\".\n", f->id, LINUX);
	put(&t, "# AICCU asks a TIC server for addresses and type of the tunnel: your provider's.\n"
	    "username %s\npassword %s\nprotocol tic\nserver TIC-SERVER\ntunnel_id %s\n"
	    "ipv6_interface sixxs\ndaemonize true\nautomatic true\nrequiretls false\n", f->id, PASSWORD, f->id);
	put(&t, "# What it will be told: PoP %s, client %s, MTU %u, %s\n", f->pop, f->them, f->mtu, told[f->c->kind]);
	say(an, "AICCU", "/etc/aiccu.conf", &t, NULL);
}

void show_clients(const struct web *w, uint16_t tid, struct answer *an)
{
	static void (*const plain[])(const struct facts *f, struct answer *an) = {
		linux_ip, networkd, openwrt, mikrotik, opnsense,
	};
	struct facts f = facts_of(w, tid);
	bool program_first = has_aiccu(&f) && conf_is_dynamic(f.c);

	json_open(an, "client", '[');
	if (program_first)
		aiccu(&f, an);
	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		plain[i](&f, an);
	if (!program_first)
		aiccu(&f, an);
	json_close(an, ']');
}
