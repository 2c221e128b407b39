"""
The security checklist, one test or more per item, its number in the name.

  T1 198.51.100.1 (6in4)   T2 ayiya   T3 heartbeat   T4 198.51.100.4 (gre, key 77)
  T5 2001:db8:cafe::5 (6in6)   T6 dynamic, no password   T7 T8 T9 static, spare
"""
import itertools
import os
import re
import struct
import subprocess
import time

import pytest

from lib import packets
from lib.client import ayiya, heartbeat
from lib.config import MARKER4, PASSWORD, config, dynamic, static
from lib.daemon import Daemon
from lib.topology import HOST6, MAC, POP4, POP6, Topology
from lib.vectors import load, octets

P = "2001:db8:2ff"
STRANGER, STRANGER6 = "203.0.113.66", "2001:db8:cafe::66"
TUNNELS = (static("1", "198.51.100.1"), dynamic("2", "ayiya", 1428), dynamic("3", "heartbeat", 1480),
           static("4", "198.51.100.4"), static("5", "2001:db8:cafe::5"),
           dynamic("6", "dynamic", password=""), *(static(n, f"198.51.100.{n}") for n in "789"),
           dynamic("a", "dynamic"), *(dynamic(f"{n:x}", "ayiya") for n in range(0x20, 0x28)),
           *(dynamic(f"{n:x}", "heartbeat") for n in range(0x28, 0x30)),
           "encap T4 gre key 77", "encap T1 direct")
CONFIG = config(*TUNNELS, subnets=[("2001:db8:3001::/48", "1"), ("2001:db8:3002::/48", "2")])


@pytest.fixture(scope="module")
def module(module_pop):
    p = module_pop(CONFIG)
    p.one, p.ay = p.p41("1", "198.51.100.1"), p.ayiya("2", "198.51.100.2", port=40002)
    p.hb, p.four = p.heartbeat("3", "198.51.100.3"), p.gre("4", "198.51.100.4", key=77)
    p.five = p.p41("5", "2001:db8:cafe::5")
    for c in (p.ay, p.hb):
        c.beat()
    p.settle()
    for c in (p.one, p.ay, p.hb, p.four, p.five):
        c.ping(c.pop_inner)
    p.fresh_ayiya, p.fresh_beat = iter(range(0x20, 0x28)), iter(range(0x28, 0x30))
    assert p.tun
    return p


@pytest.fixture
def pop(module):
    module.clear()
    return module


def now(offset=0):
    return int(time.time()) + offset


def state(pop):
    """All tunnel state except counters and times."""
    return {t: row[:-1] for t, row in pop.daemon.list().items()}, \
        {t: {k: v for k, v in pop.show(t).items() if k in
             ("Outer Us", "Outer Them", "Tunnel State", "Tunnel Type", "AYIYA Port Them", "MTU",
              "Last Heartbeat", "MTU In Force", "Endpoint Moves", "Messages Accepted")
             and not (k == "Last Heartbeat" and v != "never")} for t in pop.daemon.list()}


# ---- 1. decapsulation of unauthenticated traffic ----

def test_D1_no_open_relay_for_6in4(pop):
    for source in (f"{P}:1::2", f"{P}:8001::9", "2001:db8:3001::1", HOST6, "2001:db8:9::1"):
        pop.wan.send(packets.ip4(STRANGER, POP4, 41, packets.echo6(source, HOST6)))
    pop.settle()
    with pop.counted("T1") as count:
        pop.one.send(packets.echo6(pop.one.inner, HOST6), them=STRANGER)
    pop.silent("no packet at all is sent back")
    assert count.by == {"Wrong Outer Source": 1}


def outside(name):
    """Encapsulations that nothing is configured for, each with a good inner packet."""
    inner = packets.echo6(f"{P}:1::2", HOST6)
    inner4 = packets.echo4("240.127.128.3", "240.127.128.2")
    them, six = "198.51.100.1", "2001:db8:cafe::5"
    gre6 = packets.gre(packets.echo6(f"{P}:5::2", HOST6))
    return {
        "GRE to a direct tunnel": packets.ip4(them, POP4, 47, packets.gre(inner)),
        "GRE from a stranger": packets.ip4(STRANGER, POP4, 47, packets.gre(inner)),
        "GRE over IPv6 from a stranger": packets.ip6(STRANGER6, POP6, 47, gre6),
        "6in6 from a stranger": packets.ip6(STRANGER6, POP6, 41,
                                            packets.echo6(f"{P}:5::2", HOST6)),
        "4in6": packets.ip6(six, POP6, 4, inner4),
        "IPIP": packets.ip4(them, POP4, 4, inner4),
        "IPIP with IPv4 of the world": packets.ip4(them, POP4, 4,
                                                   packets.echo4("198.51.100.1", "192.0.2.1")),
        "IPv4 in protocol 41": packets.ip4(them, POP4, 41, inner4),
        "GUE": packets.udp(them, POP4, 6080, 6080, b"\0\x29\0\0" + inner),
        "FOU": packets.udp(them, POP4, 5555, 5555, inner),
        "VXLAN": packets.udp(them, POP4, 4789, 4789, b"\x08\0\0\0\0\0\1\0" + bytes(14) + inner),
        "Geneve": packets.udp(them, POP4, 6081, 6081, b"\0\0\x86\xdd\0\0\1\0" + inner),
        "L2TP": packets.udp(them, POP4, 1701, 1701, bytes(12) + inner),
        "L2TPv3 over IP": packets.ip4(them, POP4, 115, bytes(8) + inner),
        "Teredo": packets.udp(them, POP4, 3544, 3544, inner),
        "EtherIP": packets.ip4(them, POP4, 97, b"\x30\0" + bytes(14) + inner),
        "ESP": packets.ip4(them, POP4, 50, bytes(8) + inner),
        "MPLS in IP": packets.ip4(them, POP4, 137, b"\0\0\1\x40" + inner),
        "minimal encapsulation": packets.ip4(them, POP4, 55, bytes(8) + inner),
    }[name]


@pytest.mark.parametrize("name", [
    "GRE to a direct tunnel", "GRE from a stranger", "GRE over IPv6 from a stranger",
    "6in6 from a stranger", "4in6", "IPIP", "IPIP with IPv4 of the world", "IPv4 in protocol 41",
    "GUE", "FOU", "VXLAN", "Geneve", "L2TP", "L2TPv3 over IP", "Teredo", "EtherIP", "ESP",
    "MPLS in IP", "minimal encapsulation"])
def test_D2_nothing_else_is_decapsulated(pop, name):
    pop.wan.send(outside(name))
    pop.settle()
    assert pop.core.seen() == [], "forwarded"
    for p in pop.wan.seen():        # the kernel may say that nobody listens at a port
        assert p.proto in (packets.ICMPV4, packets.ICMPV6) and p.payload[0] in (1, 3, 4), p
        assert name not in ("IPIP", "4in6", "IPIP with IPv4 of the world"), "silence"
    assert not [p for p in pop.tun.seen() if p.src in (f"{P}:1::2", f"{P}:5::2")]


def test_D3_a_forged_outer_source_injects_only_that_tunnels_addresses(pop):
    """6in4 cannot tell; the damage ends at the tunnel's own addresses."""
    forged = pop.p41("1", "198.51.100.1")
    forged.send(packets.filler(f"{P}:1::2", HOST6, 100))
    pop.at_host()
    for source in (f"{P}:2::2", f"{P}:7::2", f"{P}:8002::1", "2001:db8:3002::1", HOST6,
                   f"{P}:1::1", "2001:db8:3009::1", f"{P}:ffff::1"):
        forged.send(packets.filler(source, HOST6, 100))
    pop.silent()


def malformed():
    good = packets.echo6(f"{P}:1::2", HOST6)
    yield from (packets.ip4(STRANGER, POP4, 41, x) for x in (b"", b"\x60", good[:39], good,
                                                             b"\x45" + good[1:]))
    yield from (packets.ip4(STRANGER, POP4, 47, x) for x in
                (b"", b"\0", b"\0\0\x86\xdd", packets.gre(good), b"\0\1\x88\x0b" + good,
                 b"\x40\0\x86\xdd" + good, b"\xb0\0\x86\xdd"))
    yield packets.ip4(STRANGER, POP4, 4, packets.echo4("240.127.128.3", "240.127.128.2"))
    yield packets.ip4(STRANGER, POP4, 4, b"")
    for v in load("ayiya")["vectors"]:
        yield packets.udp(STRANGER, POP4, 999, 5072, octets(v, "packet_hex"))
    for v in load("heartbeat")["vectors"]:
        yield packets.udp(STRANGER, POP4, 999, 3740, octets(v, "message_hex"))
    for v in load("gre")["vectors"]:
        yield packets.ip4(STRANGER, POP4, 47, octets(v, "gre_hex"))
        yield packets.ip6(STRANGER6, POP6, 47, octets(v, "gre_hex"))
    yield packets.ip6(STRANGER6, POP6, 41, b"")
    yield packets.ip6(STRANGER6, POP6, 41, packets.echo6(f"{P}:5::2", HOST6))
    yield packets.ip6(STRANGER6, POP6, 4, b"")
    yield packets.udp(STRANGER6, POP6, 999, 5072, b"")
    yield packets.udp(STRANGER6, POP6, 999, 3740, b"")


def test_D4_no_oracle_and_no_reflector(pop):
    for packet in malformed():
        pop.wan.send(packet)
    pop.silent("any malformed or unauthorised tunnel packet: zero packets out")


SPOOFED = ["ff02::1", "::1", "::", "::192.0.2.1", "::ffff:192.0.2.1", "fe80::1", f"{P}:1::1",
           f"{P}:1::3", f"{P}:1::", f"{P}:7::2", f"{P}:2::2", f"{P}:8007::1", "2001:db8:3002::1",
           "2001:db8:3009::1", f"{P}:1fff::2", f"{P}:ffff::1", HOST6, "2002:c000:22a::1",
           "2001:4860:4860::8888"]


@pytest.mark.parametrize("source", SPOOFED)
@pytest.mark.parametrize("how", ["ayiya", "6in4"])
def test_D5_inner_sources_of_others(pop, how, source):
    c = pop.ay if how == "ayiya" else pop.one
    if how == "ayiya":      # of T2: what is its own becomes what is not
        source = {f"{P}:2::2": f"{P}:2::1", "2001:db8:3002::1": "2001:db8:3001::1"}.get(
            source, source)
    sent = packets.filler(source, HOST6, 100)
    with pop.counted("T2" if how == "ayiya" else "T1") as count:
        c.send(sent)
    pop.silent(source)
    if how == "ayiya":      # the tunnel is known: it is the one to blame
        quiet = source in ("::", "fe80::1")
        assert count.by == ({} if quiet else {"Wrong Source IPv6": 1}), source


def test_D6_a_disabled_tunnel_sends_nothing(pop):
    c = pop.p41("7", "198.51.100.7")
    c.ping(c.pop_inner)
    pop.cli("tunnel set config 7 T7 198.51.100.7 disabled 1480")
    pop.clear()
    with pop.counted("T7") as count:
        c.send(packets.echo6(c.inner, HOST6))
        c.send(packets.echo6(c.inner, c.pop_inner))
    pop.silent()
    assert count.by == {"Disabled tunnel": 2}
    pop.cli("tunnel set config 7 T7 198.51.100.7 up 1480")


def test_D6_a_down_tunnel_sends_nothing(pop):
    tid = next(pop.fresh_beat)
    c = pop.p41(f"{tid:x}", "0.0.0.0", us=POP4)
    c.them = "198.51.100.99"
    with pop.counted(f"T{tid}") as count:
        c.send(packets.echo6(c.inner, HOST6))
    pop.silent()
    assert sum(count.by.values()) == 1


@pytest.mark.parametrize("how", ["protocol 41", "GRE"])
def test_D7_plain_packets_do_not_change_an_ayiya_tunnel(pop, how):
    """From the very address of the client; also on a tunnel configured `dynamic`."""
    both = pop.ayiya("a", "198.51.100.10", port=40010)
    both.beat()
    pop.settle()
    for c, name in ((pop.ay, "T2"), (both, "T10")):
        plain = (pop.p41 if how == "protocol 41" else pop.gre)(c.inner.split(":")[3], c.them)
        with pop.counted(name) as count:
            plain.send(packets.echo6(c.inner, HOST6))
        pop.silent()
        assert sum(count.by.values()) == 1
        assert pop.show(name)["Tunnel Type"] == "ayiya"
        pop.from_uplink(packets.filler(HOST6, c.inner, 100))
        outer, _ = c.receive()
        assert outer.proto == packets.UDP


def test_D8_a_tunnel_without_password_never_comes_up(pop):
    c = pop.ayiya("6", "198.51.100.6")
    zero = ayiya(c.inner, "", secret=bytes(20))
    with pop.counted("T6") as count:
        pop.wan.send(c.datagram(zero), c.datagram(ayiya(c.inner, "")),
                     c.datagram(ayiya(c.inner, "", packets.filler(c.inner, HOST6, 100))))
        for password in ("", "\0"):
            pop.wan.send(packets.udp(c.them, POP4, 1, 3740, heartbeat(c.inner, password)))
    pop.silent()
    assert count.by == {"AYIYA Hash Fail": 3, "Heartbeat Hash Fail": 2}
    assert pop.show("T6")["Tunnel State"] == "down"


def test_D8_the_zero_secret_on_a_tunnel_with_password(pop):
    pop.wan.send(pop.ay.datagram(ayiya(pop.ay.inner, "", secret=bytes(20)), them=STRANGER))
    pop.silent()
    assert pop.show("T2")["Outer Them"] == "198.51.100.2"


def good_packets(pop):
    """One valid packet of each kind as IP packet, and where its payload starts."""
    inner = packets.echo6(pop.one.inner, HOST6)
    yield "6in4", pop.one.wrap(inner), 20
    yield "6in6", pop.five.wrap(packets.echo6(pop.five.inner, HOST6)), 40
    yield "gre", pop.four.wrap(packets.echo6(pop.four.inner, HOST6)), 20
    yield "ayiya", pop.ay.wrap(packets.echo6(pop.ay.inner, HOST6)), 28
    beat = heartbeat(pop.hb.inner, PASSWORD, now=now(-60))
    yield "heartbeat", packets.udp(pop.hb.them, POP4, 1, 3740, beat), 28


@pytest.mark.parametrize("kind", ["6in4", "6in6", "gre", "ayiya", "heartbeat"])
def test_D9_every_length_of_every_valid_packet(pop, kind):
    """No fault, no state change, nothing forwarded (the memory checker sees the rest)."""
    before = state(pop)
    whole, head = next((w, h) for k, w, h in good_packets(pop) if k == kind)
    outer = packets.parse(whole)
    for length in range(min(121, len(whole) - head)):
        payload = whole[head:head + length]
        if kind in ("ayiya", "heartbeat"):
            sport, dport = outer.udp_ports()
            pop.wan.send(packets.udp(outer.src, outer.dst, sport, dport, payload))
        else:
            pop.wan.send(packets.ip(outer.src, outer.dst, outer.proto, payload))
    pop.silent()
    assert state(pop) == before


def test_D9_lying_udp_lengths(pop):
    """The kernel checks these; whatever it lets through is checked again."""
    whole = pop.ay.wrap(packets.echo6(pop.ay.inner, HOST6))
    for length in (0, 7, 8, 20, 51, 52, 1000, 65535):
        bad = bytearray(whole)
        bad[24:26] = struct.pack("!H", length)
        bad[26:28] = b"\0\0"
        pop.wan.send(bytes(bad))
    pop.silent()


@pytest.mark.parametrize("kind", ["6in4", "6in6", "gre", "ayiya"])
def test_D10_no_trailing_octet_leaks(pop, kind):
    whole, head = next((w, h) for k, w, h in good_packets(pop) if k == kind)
    stale = b"S" * 400
    if kind == "ayiya":
        pop.ay.send(packets.echo6(pop.ay.inner, HOST6) + stale)
    else:
        outer = packets.parse(whole)
        pop.wan.send(packets.ip(outer.src, outer.dst, outer.proto, whole[head:] + stale))
    got = pop.tun.expect(lambda p: p.dst == HOST6 and not p.out_of_device)
    assert len(got.raw) == 64
    pop.topology.pop.ip("-s", "link", "show", "dev", "sixxs")
    assert b"SSSS" not in pop.at_host().raw


def test_D10_nothing_stale_behind_a_short_packet(pop):
    """A long packet, then one whose header promises more than it brings."""
    pop.one.send(packets.ip6(pop.one.inner, HOST6, 59, b"SECRET" * 200))
    pop.at_host()
    short = packets.ip6(pop.one.inner, HOST6, 59, b"x", length=1200)
    pop.one.send(short)
    pop.silent()


# ---- 2. loops and amplification ----

def test_L1_no_ping_pong(pop):
    with pop.counted("T1") as count:
        pop.one.send(packets.filler(f"{P}:1::2", "2001:db8:3001:ffff::1", 100, hlim=255))
        pop.one.send(packets.filler(f"{P}:1::2", f"{P}:8001::99", 100, hlim=255))
    pop.silent("exactly one packet was seen: ours; no ICMP")
    assert count.by == {"Same In&Out Interface": 2}


@pytest.mark.parametrize("dst", [f"{P}:1fff::2", f"{P}:7ffe::2", f"{P}:fffe::9", f"{P}:ffff::9",
                                 "2001:db8:30ee::1", "2001:db8:4242:5500::1"])
def test_L2_no_loop_through_the_kernel(pop, dst):
    pop.cli("tunnel remove T8") if dst.endswith("1fff::2") else None
    c = pop.p41("9", "198.51.100.9")
    c.send(packets.filler(c.inner, dst, 100, hlim=255))
    assert c.receive()[1].icmp()[:2] == (1, 3)
    pop.silent(dst)
    assert not [p for p in pop.tun.seen() if p.dst == dst], "never written to the TUN device"


@pytest.mark.parametrize("where", [f"{P}:1::2", f"{P}:8001::1", f"{P}:ffff::1", "2001:db8:3001::1",
                                   "2001:db8:3099::1"])
def test_L3_endpoints_inside_our_prefixes_are_refused_at_configuration(pop, where):
    before = pop.daemon.list()
    assert pop.daemon.ask(f"tunnel set config 30 T48 {where} up 1480").code == 400
    assert pop.daemon.ask(f"tunnel set remote T9 {where}").code == 400
    assert {t: r[:-1] for t, r in pop.daemon.list().items()} == \
        {t: r[:-1] for t, r in before.items()}


def test_L3_a_prefix_added_around_an_endpoint_is_refused(pop):
    pop.cli("tunnel set config 31 T49 2001:db8:7777::1 up 1480")
    answer = pop.daemon.ask("pop subnetprefix add 2001:db8:7700::/40")
    assert answer.code == 400 and "T49" in answer.text
    pop.cli("tunnel remove T49")


def test_L3_endpoints_inside_our_prefixes_are_not_learned(pop):
    a, h = next(pop.fresh_ayiya), next(pop.fresh_beat)
    ay, hb = pop.ayiya(f"{a:x}", "::"), pop.heartbeat(f"{h:x}", "::")
    for where in (f"{P}:1::2", "2001:db8:3001::1"):
        pop.wan.send(packets.udp(where, POP6, 1, 5072, ayiya(ay.inner, PASSWORD)))
        pop.wan.send(packets.udp(where, POP6, 1, 3740, heartbeat(hb.inner, PASSWORD)))
    pop.silent()
    assert pop.show(f"T{a}")["Tunnel State"] == pop.show(f"T{h}")["Tunnel State"] == "down"


def test_L3_and_L4_are_checked_again_before_sending(topology, pop):
    """An address that becomes ours while a tunnel points at it."""
    c = pop.p41("9", "198.51.100.9")
    c.ping(c.pop_inner)
    topology.pop.ip("addr", "add", "198.51.100.9/32", "dev", "wan")
    try:
        def no_answer():
            pop.clear()
            pop.from_uplink(packets.filler(HOST6, c.inner, 100))
            pop.settle()
            return not c.everything()
        pop.daemon.until(no_answer, "the daemon notices the new address")
    finally:
        topology.pop.ip("addr", "del", "198.51.100.9/32", "dev", "wan")

    def answers():
        pop.clear()
        pop.from_uplink(packets.filler(HOST6, c.inner, 100))
        pop.settle()
        return c.everything()
    pop.daemon.until(answers, "and that it is gone again")


@pytest.mark.parametrize("where", [POP4, "192.0.2.43", POP6, "2001:db8::43", "2001:db8:ffff::42",
                                   "127.0.0.1", "::1", "224.0.0.1", "ff02::1", "255.255.255.255",
                                   "0.0.0.0", "::"])
def test_L4_our_own_and_impossible_endpoints_are_refused(pop, where):
    assert pop.daemon.ask(f"tunnel set config 30 T48 {where} up 1480").code == 400
    assert "T48" not in pop.daemon.list()
    assert pop.daemon.ask(f"tunnel set remote T9 {where}").code == 400


def nested(dst, proto):
    inner = packets.echo6(f"{P}:7::2", HOST6)
    body = {41: inner, 47: packets.gre(inner), 4: packets.echo4("240.127.128.15", "240.127.128.14"),
            17: None}[proto]
    if proto == 17:
        return packets.udp(f"{P}:1::2", dst, 5072, 5072, ayiya(f"{P}:2::2", PASSWORD, inner))
    return packets.ip6(f"{P}:1::2", dst, proto, body)


@pytest.mark.parametrize("proto", [41, 47, 4, 17])
@pytest.mark.parametrize("dst", [f"{P}:1::1", f"{P}:ffff::1", POP6])
def test_L5_one_layer_is_peeled(pop, dst, proto):
    before = state(pop)
    pop.one.send(nested(dst, proto))
    pop.settle()
    for _, inner in pop.one.everything():
        assert inner.icmp()[:2] == (1, 4), "answered 1/4, or dropped"
    seen = [p for p in pop.core.seen() if p.dst == HOST6 and p.src != f"{P}:1::2"]
    assert not seen, "never decapsulated"
    pop.settle()
    assert not [p for p in pop.wan.seen() if p.dst != "198.51.100.1"]
    assert state(pop) == before


def embedded():
    v4, inverted = "c000:22a", "3fff:fdd5"
    yield from ((f"2002:{v4}::1", "6to4"), (f"2001:0:{v4}::1", "Teredo server"),
                (f"2001:0:102:304:0:ffff:{inverted}", "Teredo client"),
                (f"2001:db8:ffff::5efe:{v4}", "ISATAP"),
                (f"2001:db8:ffff::200:5efe:{v4}", "ISATAP, universal"),
                ("2002:c000:22b::1", "6to4, the other address"))


@pytest.mark.parametrize("address, kind", list(embedded()), ids=lambda x: x)
def test_L6_addresses_that_embed_ours(pop, address, kind):
    pop.one.send(packets.filler(pop.one.inner, address, 100))
    pop.from_uplink(packets.filler(address, pop.one.inner, 100))
    pop.silent(kind)


def test_L7_no_error_about_an_error(pop):
    for v in load("icmp")["suppressed"]:
        raw = octets(v, "offending_hex")
        if packets.parse(raw).src == HOST6:
            pop.from_uplink(raw[:7] + bytes([min(255, raw[7] + 1)]) + raw[8:])
        else:
            pop.one.send(raw)
    for kind in (1, 2, 3, 4, 100, 127, 137):
        pop.one.send(packets.icmp6(pop.one.inner, f"{P}:1fff::2", kind, 0, bytes(60)))
        pop.from_uplink(packets.icmp6(HOST6, f"{P}:1fff::2", kind, 0, bytes(60)))
    pop.silent()


def test_L7_errors_to_our_own_address_end_there(pop):
    error = packets.icmp6(pop.one.inner, pop.one.pop_inner, 1, 0, bytes(60))
    pop.one.send(error)
    pop.from_uplink(packets.icmp6(HOST6, f"{P}:ffff::1", 3, 0, bytes(60)))
    pop.silent()


def test_L8_multicast_provokes_nothing(pop):
    for dst in ("ff02::1", "ff05::1", "ff0e::1", "ff3e::8000:1"):
        pop.one.send(packets.filler(pop.one.inner, dst, 100))
        pop.one.send(packets.echo6(pop.one.inner, dst, hlim=1))
    for src in ("ff02::1", "ff0e::1"):
        pop.one.send(packets.filler(src, HOST6, 100))
        pop.one.send(packets.echo6(src, pop.one.pop_inner))
    pop.silent()


def test_L9_answers_are_not_larger_than_they_must(pop):
    pop.one.send(packets.filler(pop.one.inner, f"{P}:1fff::2", 1480))
    assert len(pop.one.receive()[1].raw) == 1280
    pop.one.send(packets.filler(pop.one.inner, f"{P}:1fff::2", 60))
    assert len(pop.one.receive()[1].raw) == 108
    with pop.daemon.tcp() as s:
        assert len(s.banner) < 80
    pop.cli("pop cliacl remove 127.0.0.1")
    with pop.daemon.tcp(banner=False) as s:
        assert len(s.rest()) < 200
    pop.cli("pop cliacl add 127.0.0.1")


def test_L10_a_flood_of_triggers_is_answered_at_the_rate(pop):
    """10 000 triggers: at most burst + rate answers, and another tunnel is not touched."""
    began = time.monotonic()
    other, answered = pop.p41("9", "198.51.100.9"), 0
    flood = [pop.p41("7", "198.51.100.7").wrap(
        packets.filler(f"{P}:7::2", f"{P}:1fff::2", 60, hlim=1 + n % 2)) for n in range(1000)]
    for n in range(10):
        pop.wan.send(*flood)
        other.send(packets.filler(other.inner, HOST6, 100, mark=n))
        pop.at_host(lambda p: p.src == other.inner, "another tunnel's packet")
        pop.settle()
        answered += len(pop.p41("7", "198.51.100.7").everything())
    took = time.monotonic() - began
    assert 20 <= answered <= 2 * (20 + 10 * (took + 1))


def test_L11_forged_echo_replies(topology, pop):
    pop.cli("pop set latency 1")
    try:
        c = pop.one

        def probe():
            return c.receive(lambda p: packets.is_latency_probe(p.raw), "a latency request",
                             probes=True)[1]

        def received():
            pop.settle()
            return int(pop.show("T1")["Latency Pkt Recv"])

        def reply(p, src=c.inner, dst=c.pop_inner, ident=0x4242, step=0, change=None, cut=None):
            seq = struct.unpack("!H", p.payload[6:8])[0] + step & 0xFFFF
            data = bytearray(p.payload[8:cut])
            for at in change or ():
                data[at] ^= 0x55
            return packets.echo6(src, dst, ident, seq, bytes(data), reply=True)
        probe()
        pop.cli("tunnel stats RESET")
        p = probe()
        before = received()
        forged = {"magic": reply(p, change=[8]), "all of magic": reply(p, change=range(8, 16)),
                  "sequence not sent": reply(p, step=5), "sequence long ago": reply(p, step=-70),
                  "identifier": reply(p, ident=0x4243), "short": reply(p, cut=50),
                  "time in the future": reply(p, change=range(0, 2)),
                  "for another end": reply(p, dst=f"{P}:2::1"),
                  "from the subnet": reply(p, src="2001:db8:3001::1")}
        for what, packet in forged.items():
            c.send(packet)
            assert received() == before, what
        # through another tunnel: its source cannot be right
        other = pop.p41("9", "198.51.100.9")
        other.send(reply(p))
        pop.from_uplink(reply(p))
        assert received() == before
        good = reply(p)
        c.send(good)
        assert received() == before + 1
        c.send(good)
        assert received() == before + 1, "a duplicate counts once"
        sent = int(pop.show("T1")["Latency Pkt Sent"])
        assert sent >= received()
    finally:
        pop.cli("pop set latency 60")


# ---- 3. control protocols ----

def test_C1_a_replayed_heartbeat_does_not_move_the_tunnel(pop):
    tid = next(pop.fresh_beat)
    c = pop.heartbeat(f"{tid:x}", "198.51.100.11")
    captured = heartbeat(c.inner, PASSWORD, now=now(-2))
    c.beat(message=captured)
    pop.settle()
    with pop.counted(f"T{tid}") as count:
        for them in (STRANGER, STRANGER6):
            pop.wan.send(packets.udp(them, POP4 if "." in them else POP6, 1, 3740, captured))
    assert count.by == {"Replayed Packet": 2}
    assert pop.show(f"T{tid}")["Outer Them"] == "198.51.100.11"
    pop.from_uplink(packets.filler(HOST6, c.inner, 100))
    c.receive()
    # and a newer beat makes the one captured before even older
    c.beat(now=now(-1))
    pop.wan.send(packets.udp(STRANGER, POP4, 1, 3740, captured))
    pop.silent()
    assert pop.show(f"T{tid}")["Outer Them"] == "198.51.100.11"


def test_C2_a_replayed_ayiya_packet_neither_moves_nor_forwards(pop):
    tid = next(pop.fresh_ayiya)
    c = pop.ayiya(f"{tid:x}", "198.51.100.12", port=40012)
    captured = ayiya(c.inner, PASSWORD, packets.filler(c.inner, HOST6, 100), epoch=now(-3))
    pop.wan.send(c.datagram(captured))
    pop.at_host()
    for after in ([], [now(-2)], [now()]):
        for epoch in after:
            c.beat(epoch=epoch)
        with pop.counted(f"T{tid}") as count:
            pop.wan.send(c.datagram(captured, port=40013))
            pop.wan.send(c.datagram(captured, them=STRANGER))
        pop.silent("not forwarded twice")
        assert count.by == {"Replayed Packet": 2}
        shown = pop.show(f"T{tid}")
        assert (shown["Outer Them"], shown["AYIYA Port Them"]) == ("198.51.100.12", "40012")


def test_C2a_a_reflected_packet_of_the_pop_is_refused(pop):
    pop.from_uplink(packets.filler(HOST6, pop.ay.inner, 100))
    outer, _ = pop.ay.receive()
    before = state(pop)
    data = outer.payload[8:]
    pop.wan.send(packets.udp(STRANGER, POP4, 1, 5072, data), pop.ay.datagram(data))
    pop.silent()
    assert state(pop) == before


@pytest.mark.parametrize("src", ["127.0.0.1", "224.0.0.1", "255.255.255.255", "0.0.0.0", POP4,
                                 "192.0.2.43"])
def test_C3_classes_of_endpoints_that_are_refused(pop, src):
    a = pop.ayiya("24", "198.51.100.13")
    pop.wan.send(packets.udp(src, POP4, 1, 5072, ayiya(a.inner, PASSWORD)))
    pop.wan.send(packets.udp(src, POP4, 1, 3740, heartbeat(f"{P}:2d::2", PASSWORD)))
    pop.silent()
    assert pop.show("T36")["Tunnel State"] == pop.show("T45")["Tunnel State"] == "down"


def test_C3_the_rate_limit_of_a_tunnel_holds_towards_it(pop):
    pop.cli("tunnel set rate T9 0 50")
    try:
        c = pop.p41("9", "198.51.100.9")
        began = time.monotonic()
        with pop.counted("T9") as count:
            for n in range(1000):
                pop.from_uplink(packets.filler(HOST6, c.inner, 100, mark=n))
            pop.settle()
        took = time.monotonic() - began
        through = len(c.everything())
        assert 1 <= through <= 50 * (took + 2)
        assert count.by == {"Rate Limited": 1000 - through}
    finally:
        pop.cli("tunnel set rate T9 0 0")


def test_C4_guessing_is_answered_by_nothing_and_logged_a_little(pop):
    size = len(pop.daemon.output())
    before = pop.errors("T2")
    for n in range(3000):
        pop.wan.send(pop.ay.datagram(ayiya(pop.ay.inner, f"guess{n}"), them=STRANGER))
        if n % 500 == 499:
            pop.settle()
    pop.silent()
    counted = {k: v - before[k] for k, v in pop.errors("T2").items() if v != before[k]}
    assert sum(counted.values()) == 3000 and counted["AYIYA Hash Fail"] > 0
    assert len(pop.daemon.output()) - size < 20000
    pop.ay.ping(pop.ay.pop_inner, ident=0x77)


def test_C4_a_flood_of_guesses_for_one_tunnel_leaves_others_alone(pop):
    flood = [pop.ay.datagram(ayiya(pop.ay.inner, "guess", epoch=now()), them=STRANGER)] * 500
    for n in range(10):
        pop.wan.send(*flood)
        pop.one.send(packets.filler(pop.one.inner, HOST6, 100, mark=n))
        pop.at_host(lambda p: p.src == pop.one.inner)

    def all_counted():
        before = pop.errors("T2")
        time.sleep(0.3)
        return pop.errors("T2") == before
    pop.daemon.until(all_counted, "the flood is over, for the next test as well")


def test_C5_a_clock_that_is_off_is_counted(pop):
    with pop.counted("T2") as count:
        pop.ay.beat(epoch=now(-3600))
        pop.ay.beat(epoch=now(+3600))
    assert count.by == {"Clock Off": 2}
    with pop.counted("T3") as count:
        pop.hb.beat(now=now(-3600))
    assert count.by == {"Clock Off": 1}
    assert "clock" in pop.cli("pop show info").text.lower()


def test_C7_the_command_line_by_default(sixxsd):
    """Without a word about it: loopback only, and loopback admitted or nobody."""
    topology = Topology()
    d = Daemon(topology, "pop set id 1\n")
    try:
        d.start()
        with topology.pop.inside(), open("/proc/thread-self/net/tcp", encoding="ascii") as f:
            listening = [line.split()[1] for line in f if line.split()[3] == "0A"]
        assert all(a.startswith("0100007F:") for a in listening), listening
        with topology.pop.inside(), open("/proc/thread-self/net/tcp6", encoding="ascii") as f:
            listening = [line.split()[1] for line in f if line.split()[3] == "0A"]
        assert all(a.startswith("00000000000000000000000001000000:") for a in listening)
    finally:
        d.close()
        topology.remove()


def test_C7_sessions_are_limited_and_passwords_not_shown(pop):
    held = []
    try:
        for _ in range(400):
            s = pop.daemon.tcp(banner=False)
            held.append(s)
        refused = 0
        for s in held[-50:]:
            try:
                refused += not s.line().startswith("200 ")
            except AssertionError:
                refused += 1
        assert refused, "400 sessions are too many"
    finally:
        for s in held:
            s.close()
    shown = pop.show("T2")
    assert shown["Heartbeat Password"] == "(set)"
    assert pop.show("T6")["Heartbeat Password"] != "(set)"


def test_C10_secrets_at_rest(topology, pop):
    pop.cli("pop saveconfig")
    info = os.stat(pop.daemon.conf)
    assert info.st_mode & 0o777 == 0o600
    for command in ("tunnel set config 2 T2 ayiya up 1428 " + "topsecret" * 20,
                    "tunnel set config 2 T2 ayiya up 99999 topsecret",
                    "tunnel set config 2 T2 nowhere up 1428 topsecret",
                    "tunnel set config 2 T2 ayiya up 1428 topsecret one too many",
                    "tunnel set confg 2 T2 ayiya up 1428 topsecret"):
        answer = pop.daemon.ask(command)
        assert answer.code >= 400
        assert "topsecret" not in answer.text or "confg" in command, answer
    assert "topsecret" not in pop.daemon.output() and PASSWORD not in pop.daemon.output()


def test_C10_secrets_are_not_in_what_others_may_read(pop):
    """Not in the process's arguments, environment, nor in a core it would leave."""
    pid = pop.daemon.pid
    for name in ("cmdline", "environ"):
        with open(f"/proc/{pid}/{name}", "rb") as f:
            assert PASSWORD.encode() not in f.read()
    with open(f"/proc/{pid}/smaps", encoding="ascii", errors="replace") as f:
        flags = re.findall(r"^VmFlags:.*\bdd\b", f.read(), re.M)
    assert flags, "the region of secrets is left out of core dumps"


def test_C11_a_failing_command_and_a_repeated_file(pop):
    """More of this in test_31_config."""
    before = state(pop)
    counters = {t: pop.errors(t) for t in ("T1", "T2", "T3", "T4")}
    assert pop.daemon.ask("tunnel set config 2 T222 heartbeat up 9000").code == 400
    assert state(pop) == before
    with pop.daemon.session() as s:
        for line in CONFIG.splitlines():
            if line.strip():
                assert s.ask(line).code == 200, line
    for n, them in (("7", "198.51.100.7"), ("8", "198.51.100.8")):
        pop.cli(f"tunnel set config {n} T{n} {them} up 1480")
    assert {t: r for t, r in state(pop)[0].items() if t != "T8"} == \
        {t: r for t, r in before[0].items() if t != "T8"}
    assert {t: pop.errors(t) for t in counters} == counters
    for c in (pop.one, pop.ay, pop.hb):
        pop.from_uplink(packets.filler(HOST6, c.inner, 100))
        c.receive()


# ---- 4. ICMP and path MTU ----

def downstream(pop, c, length):
    """What arrives at the tunnel, as outer packets; or the MTU of the error."""
    pop.clear()
    pop.from_uplink(packets.filler(HOST6, c.inner, length))
    pop.settle()
    errors = [p.icmp()[2] for p in pop.core.seen() if p.payload[:2] == b"\2\0"]
    return errors[0] if errors else [p for p in pop.wan.seen() if p.dst == c.them]


def needs_fragmentation(mtu, quoted, router=STRANGER):
    return packets.ip4(router, POP4, 1,
                       packets.icmp4_message(3, 4, struct.pack("!HH", 0, mtu) + quoted))


@pytest.fixture
def seven(pop):
    """A tunnel that has learned nothing, and an outer packet to it to quote."""
    pop.daemon.ask("tunnel remove T7")
    pop.cli("tunnel set config 7 T7 198.51.100.7 up 1480")
    c = pop.p41("7", "198.51.100.7")
    c.ping(c.pop_inner)
    c.quote = downstream(pop, c, 1200)[0].raw
    return c


@pytest.mark.parametrize("mtu", [68, 100, 576, 1299])
def test_P1_never_below_1280_inside(pop, seven, mtu):
    pop.wan.send(needs_fragmentation(mtu, seven.quote[:28]))
    assert downstream(pop, seven, 1400) == 1280
    assert isinstance(downstream(pop, seven, 1280), list)


def test_P1_only_what_quotes_us_is_believed(pop, seven):
    good = seven.quote
    wrong = {
        "another source": packets.ip4("192.0.2.99", "198.51.100.7", 41, good[20:]),
        "another endpoint": packets.ip4(POP4, "198.51.100.200", 41, good[20:]),
        "another protocol": packets.ip4(POP4, "198.51.100.7", 6, good[20:]),
        "GRE": packets.ip4(POP4, "198.51.100.7", 47, good[20:]),
        "UDP": packets.ip4(POP4, "198.51.100.7", 17, good[20:]),
    }
    for what, quoted in wrong.items():
        pop.wan.send(needs_fragmentation(1300, quoted[:28]))
        assert isinstance(downstream(pop, seven, 1480), list), what
    pop.wan.send(needs_fragmentation(1400, good[:28]))
    assert downstream(pop, seven, 1480) == 1380
    pop.wan.send(needs_fragmentation(1450, good[:28]))
    assert downstream(pop, seven, 1480) == 1380, "never above what is known"


def test_P1_forged_steps_do_not_fill_the_log(pop, seven):
    """Each of them is a change, and anybody can forge them: 2 lines a second, not 50."""
    before = len(pop.daemon.output())
    for mtu in range(1499, 1100, -1):
        pop.wan.send(needs_fragmentation(mtu, seven.quote))
    pop.settle()
    assert downstream(pop, seven, 1400) == 1280
    lines = pop.daemon.output()[before:].count("path MTU of the outer packets is now")
    assert lines < 60, lines        # none at all when strangers have just used the log up


def test_P2_forged_unreachables_change_nothing(pop, seven):
    before = state(pop)
    with pop.counted("T7") as count:
        for code in range(0, 16):
            if code != 4:
                pop.wan.send(packets.ip4(STRANGER, POP4, 1, packets.icmp4_message(
                    3, code, bytes(4) + seven.quote[:28])))
    assert count.by == {"ICMPv4 Errors Received": 15}
    assert state(pop) == before
    assert isinstance(downstream(pop, seven, 1480), list)


def test_P3_no_packet_too_big_below_1280(pop, seven):
    pop.wan.send(needs_fragmentation(68, seven.quote[:28]))
    for length in (1281, 1400, 1480):
        assert downstream(pop, seven, length) == 1280
    # received for outer IPv6: ignored
    pop.five.ping(pop.five.pop_inner)
    quote = downstream(pop, pop.five, 1200)[0].raw
    for mtu in (0, 68, 576, 1279):
        pop.wan.send(packets.icmp6(STRANGER6, POP6, 2, 0, struct.pack("!I", mtu) + quote[:1232]))
    got = downstream(pop, pop.five, 1400)
    assert isinstance(got, list) and len(got) == 1 and got[0].proto == 41, "no atomic fragment"


@pytest.mark.parametrize("mtu", [1300, 1299, 1280, 1000, 576])
def test_P4_1280_octets_always_arrive(pop, seven, mtu):
    pop.wan.send(needs_fragmentation(mtu, seven.quote[:28]))
    got = downstream(pop, seven, 1280)
    assert isinstance(got, list)
    if mtu < 1300:
        assert not any(p.df for p in got), "routers may fragment it"
    data = b"".join(p.payload for p in sorted(got, key=lambda p: p.offset))
    assert len(data) == 1280 and data[:4] == b"\x60\0\0\0"


def test_P5_overlapping_outer_fragments(pop):
    inner = packets.filler(pop.one.inner, HOST6, 1200)
    evil = packets.filler(pop.one.inner, f"{P}:9::2", 1200)
    for ident, parts in enumerate((
            ((0, inner[:800], 1), (400, evil[400:1200], 0)),
            ((0, inner[:800], 1), (792, evil[792:], 0)),
            ((0, inner[:64], 1), (0, evil[:64], 1), (64, inner[64:], 0)),
            ((8, inner[8:], 0), (0, inner[:16], 1))), 100):
        for offset, data, more in parts:
            pop.wan.send(packets.ip4(pop.one.them, POP4, 41, data, df=False, ident=ident,
                                     more=bool(more), offset=offset))
        pop.settle()
        for p in pop.core.seen():   # if the kernel takes one of two equal ones, it is whole
            assert p.raw[8:] in (inner[8:], evil[8:]) and p.dst == HOST6
        assert not [p for p in pop.wan.seen()]


def test_P5_a_single_outer_fragment_is_not_decapsulated(pop):
    inner = packets.filler(pop.one.inner, HOST6, 800)
    pop.wan.send(packets.ip4(pop.one.them, POP4, 41, inner, df=False, ident=200, more=True))
    pop.wan.send(packets.ip4(pop.one.them, POP4, 41, inner, df=False, ident=201, offset=800))
    frag = struct.pack("!BBHI", 41, 0, 1, 77)
    six = packets.filler(pop.five.inner, HOST6, 800)
    pop.wan.send(packets.ip6(pop.five.them, POP6, packets.FRAGMENT, frag + six))
    pop.silent()


def test_P6_inner_fragments_are_forwarded_and_not_for_the_pop(pop):
    first = struct.pack("!BBHI", packets.DSTOPTS, 0, 1, 9) + b"\x3a\0\1\4\0\0\0\0"
    pop.one.send(packets.ip6(pop.one.inner, HOST6, packets.FRAGMENT, first))
    assert pop.at_host().proto == packets.FRAGMENT
    message = packets.icmp6_message(pop.one.inner, pop.one.pop_inner, 128, 0, bytes(4) + b"f" * 60)
    for where, part in ((1, message[:32]), (32, message[32:])):
        body = struct.pack("!BBHI", 58, 0, where, 10) + part
        pop.one.send(packets.ip6(pop.one.inner, pop.one.pop_inner, packets.FRAGMENT, body))
    first = struct.pack("!BBHI", packets.DSTOPTS, 0, 1, 11) + b"\x3a\0\1\4\0\0\0\0"
    pop.one.send(packets.ip6(pop.one.inner, pop.one.pop_inner, packets.FRAGMENT, first))
    pop.silent()


def test_P7_outer_fragments_without_end_cost_the_kernel_only(pop):
    before = pop.daemon.rss_kib()
    for n in range(3000):
        pop.wan.send(packets.ip4("198.51.100.1", POP4, 41, b"f" * 800, df=False, ident=n,
                                 more=True))
    pop.one.ping(pop.one.pop_inner, ident=0x99)
    assert pop.daemon.rss_kib() - before < 4096


# ---- 5. data path hygiene ----

@pytest.mark.parametrize("src, tunnel", [(f"{P}:1::2", "T1"), (f"{P}:8001::7", "T1"),
                                         ("2001:db8:3001::7", "T1"), (f"{P}:2::2", "T2")])
def test_H1_our_customers_addresses_do_not_come_from_the_uplink(pop, src, tunnel):
    with pop.counted(tunnel) as count:
        pop.from_uplink(packets.filler(src, f"{P}:7::2", 100))
        pop.from_uplink(packets.echo6(src, f"{P}:7::1"))
    pop.silent()
    assert count.by == {"Packet over uplink": 2}


@pytest.mark.parametrize("src", ["::", "::1", "fe80::1", "ff02::1", "::192.0.2.9",
                                 "::ffff:192.0.2.9"])
def test_H2_martians_on_both_sides(topology, pop, src):
    pop.one.send(packets.filler(src, HOST6, 100))
    pop.ay.send(packets.filler(src, HOST6, 100))
    # the kernel drops most of these itself: put them into the device beside it
    pop.from_uplink(packets.filler(src, pop.one.inner, 100))
    pop.silent(src)


def test_H3_routing_header_0(pop):
    for src, dst, send in ((pop.one.inner, HOST6, pop.one.send),
                           (HOST6, pop.one.inner, pop.from_uplink)):
        for before in (b"", struct.pack("!BB", packets.ROUTING, 0) + b"\1\4\0\0\0\0"):
            header = struct.pack("!BBBBI", packets.NONE, 2, 0, 1, 0) + packets.a6(HOST6)
            first = packets.HOPOPTS if before else packets.ROUTING
            send(packets.ip6(src, dst, first, before + header))
    pop.settle()
    for p in pop.wan.seen() + pop.core.seen():
        assert b"\x3a" in p.raw[6:7] or p.proto == 41
        inner = packets.parse(p.payload) if p.proto == 41 else p
        assert inner.proto == packets.ICMPV6 and inner.payload[0] == 4, "at most a 4/0"


def chain(n, last, kind=packets.DSTOPTS):
    data = b""
    for i in range(n):
        following = kind if i + 1 < n else last
        data += struct.pack("!BB", following, 0) + b"\1\4\0\0\0\0"
    return data


def test_H4_extension_headers_are_walked_within_bounds(pop):
    echo = packets.icmp6_message(pop.one.inner, pop.one.pop_inner, 128, 0, b"\0\1\0\1hello")
    pop.one.send(packets.ip6(pop.one.inner, pop.one.pop_inner, packets.DSTOPTS,
                             chain(2, 58) + echo))
    assert pop.one.receive()[1].payload[0] == 129
    bad = [chain(9, 58) + echo, chain(100, 58) + echo, b"\x3a\xff" + bytes(6) + echo,
           b"\x3a", b"\x3c\x00" * 4, chain(3, packets.FRAGMENT) + b"\x3a\0"]
    for body in bad:
        pop.one.send(packets.ip6(pop.one.inner, pop.one.pop_inner, packets.DSTOPTS, body))
    pop.settle()
    for _, inner in pop.one.everything():
        assert inner.payload[0] == 4, "parameter problem, or nothing"
    # AH is (len + 2) * 4: behind the right length comes an echo request
    ah = struct.pack("!BBHII", 58, 4, 0, 1, 1) + bytes(12)
    pop.one.send(packets.ip6(pop.one.inner, pop.one.pop_inner, packets.AH, ah + echo))
    pop.settle()
    for _, inner in pop.one.everything():
        assert inner.payload[:1] in (b"\x81", b"\x01", b"\x04")


def test_H5_checksums_and_hop_limits_of_what_is_for_the_pop(pop):
    echo = packets.echo6(pop.one.inner, pop.one.pop_inner)
    pop.one.send(echo[:42] + bytes([echo[42] ^ 0x10]) + echo[43:])
    target = packets.a6(pop.one.pop_inner)
    for hlim in (254, 64, 1):
        pop.one.send(packets.icmp6(pop.one.inner, pop.one.pop_inner, 135, 0, bytes(4) + target,
                                   hlim))
    pop.silent()


def test_H6_congestion_marks_and_dscp(pop):
    pop.one.send(packets.filler(pop.one.inner, HOST6, 100, tc=0), tos=3)
    pop.silent("CE on Not-ECT")
    pop.from_uplink(packets.filler(HOST6, pop.one.inner, 100, tc=0xB8))
    assert pop.one.receive()[0].tos == 0


def test_H7_buckets_of_a_tunnel_both_ways(pop):
    c, other = pop.p41("7", "198.51.100.7"), pop.p41("9", "198.51.100.9")
    c.ping(c.pop_inner)
    pop.cli("tunnel set rate T7 0 20")
    try:
        began = time.monotonic()
        with pop.counted("T7") as count:
            for n in range(400):
                c.send(packets.filler(c.inner, HOST6, 100, mark=n))
                other.send(packets.filler(other.inner, HOST6, 100, mark=n))
            pop.settle()
        took = time.monotonic() - began
        seen = [p.src for p in pop.core.seen()]
        assert seen.count(other.inner) == 400, "one tunnel does not starve another"
        assert 1 <= seen.count(c.inner) <= 20 * (took + 2)
        assert count.by["Rate Limited"] == 400 - seen.count(c.inner)
        pop.cli("tunnel set rate T7 80 0")      # 10 000 octets a second
        pop.clear()
        began = time.monotonic()
        for n in range(100):
            pop.from_uplink(packets.filler(HOST6, c.inner, 1400, mark=n))
        pop.settle()
        through = sum(len(p.raw) for _, p in c.everything())
        assert through <= 10000 * (time.monotonic() - began + 3)
        assert through < 100 * 1400
    finally:
        pop.cli("tunnel set rate T7 0 0")


def negatives(pop):
    """Every negative vector, made current and addressed to tunnels that are here."""
    yield from malformed()
    for expect in ("bad", "clock"):
        yield pop.ay.datagram(ayiya(pop.ay.inner, "wrong" if expect == "bad" else PASSWORD,
                                    packets.filler(pop.ay.inner, HOST6, 100),
                                    epoch=now(0 if expect == "bad" else -500)), them=STRANGER)
        yield packets.udp(STRANGER, POP4, 1, 3740, heartbeat(
            pop.hb.inner, "wrong" if expect == "bad" else PASSWORD,
            now=now(0 if expect == "bad" else -500)))
    for identity in (f"{P}:2::1", f"{P}:2::3", f"{P}:8002::2", f"{P}:1fff::2"):
        yield packets.udp(STRANGER, POP4, 1, 5072, ayiya(identity, PASSWORD))
    for them in (STRANGER, "198.51.100.2", "198.51.100.3"):
        for tid in ("1", "2", "3", "4", "6", "a"):
            inner = packets.echo6(f"{P}:{tid}::2", HOST6)
            if not (tid == "3" and them == "198.51.100.3"):
                yield packets.ip4(them, POP4, 41, inner)
            yield packets.ip4(them, POP4, 47, packets.gre(inner))
    good = pop.ay.wrap(packets.echo6(pop.ay.inner, HOST6))
    yield from (good[:n] for n in range(29, len(good), 3))


def test_H8_unauthenticated_packets_change_counters_only(pop):
    pop.cli("tunnel set config 32 T50 198.51.100.50 up 1480")
    before = state(pop)
    for packet in negatives(pop):
        pop.wan.send(packet)
    pop.silent()
    assert state(pop) == before


def test_H9_counters_are_64_bits_and_time_may_step(pop):
    """What can be seen from outside: a time in the future prints as now, numbers are whole."""
    for name, row in pop.daemon.stats().items():
        assert all(x >= 0 for x in row[:4]), (name, row)
    for line in pop.cli("tunnel show T1").lines:
        m = re.search(r"; (\d+) days (\d\d):(\d\d):(\d\d) ago\)", line)
        assert not m or int(m[1]) < 2, line
    text = subprocess.run(["grep", "-rn", "uint64_t.*packets", os.path.join(
        os.path.dirname(os.path.abspath(__file__)), "..", "..", "src", "table")],
        capture_output=True, text=True, check=False).stdout
    assert "in_packets" in text or not text


def test_H10_privileges_and_the_kernels_silence(pop):
    status = pop.daemon.status()
    assert "0" not in status["Uid"].split()
    assert int(status["CapEff"], 16) == 1 << 12
    for proto in (41, 47, 4):
        pop.wan.send(packets.ip4(STRANGER, POP4, proto, b"\0" * 60))
        pop.wan.send(packets.ip6(STRANGER6, POP6, proto, b"\0" * 60))
    pop.silent("the kernel does not answer in the daemon's place")


def test_the_wire_is_the_only_way_in(pop):
    """The suite itself: a frame for another machine is not taken as ours."""
    pop.wan.send(pop.one.wrap(packets.echo6(pop.one.inner, HOST6)), dst_mac="02:00:00:00:09:09")
    pop.silent()
    assert MARKER4 and MAC and list(itertools.islice(good_packets(pop), 1))
