"""
What happens to a packet, row by row: the published decision table, and the rows that
the rules have beyond it.

  T1 ayiya, mtu 1428       T2 198.51.100.2, mtu 1480    T42c 198.51.100.42, mtu 1280
  T3 down (heartbeat)      T4 disabled                  T5 not configured
  2001:db8:3001::/48 -> T1    :3002: -> T2    :3003: -> T3    :3004: -> T4
"""
import re
import struct
from dataclasses import dataclass

import pytest

from lib import packets
from lib.client import ayiya
from lib.config import PASSWORD, config, dynamic, static
from lib.packets import HOPOPTS, ICMPV6, NONE, ROUTING, TCP, UDP
from lib.topology import HOST6
from lib.vectors import load

CONFIG = config(dynamic("1", "ayiya", 1428), static("2", "198.51.100.2", 1480),
                dynamic("3", "heartbeat", 1480), static("4", "198.51.100.4", 1480, "disabled"),
                static("42c", "198.51.100.42", 1280),
                subnets=[("2001:db8:3001::/48", "1"), ("2001:db8:3002::/48", "2"),
                         ("2001:db8:3003::/48", "3"), ("2001:db8:3004::/48", "4")])
ELSEWHERE = "2001:4860:4860::8888"
P = "2001:db8:2ff"


@dataclass
class Row:
    come: str               # uplink or T<tid>
    src: str
    dst: str
    expect: str
    len: int = 100
    hlim: int = 64
    proto: int = UDP
    body: bytes = None      # instead of filler, what follows the IPv6 header
    cut: int = None         # octets that really arrive

    def packet(self):
        if "local" in self.expect and self.body is None:
            return packets.echo6(self.src, self.dst, data=b"e" * (self.len - 48), hlim=self.hlim)
        if self.body is not None:
            return packets.ip6(self.src, self.dst, self.proto, self.body, self.hlim)
        return packets.filler(self.src, self.dst, self.len, self.hlim)


PUBLISHED = [Row(c["in"], c["src"], c["dst"], c["expect"], c["len"], c["hlim"])
             for c in load("forwarding")["cases"]]


def rh(kind, left=1):
    return struct.pack("!BBBBI", UDP, 2, kind, left, 0) + packets.a6(HOST6) + \
        packets.udp_segment(f"{P}:1::2", HOST6, 1, 2, b"x")


def source_drop(src):
    return Row("T1", src, HOST6, "drop, count 'Wrong Source IPv6' on T1")


FROM_TUNNEL = [     # sections 2.2 and 4
    Row("T1", "::", HOST6, "drop"),
    Row("T1", f"{P}:1::2", "::", "drop"),
    Row("T1", "fe80::1", HOST6, "drop"),
    Row("T1", f"{P}:1::2", "fe80::1", "drop"),
    Row("T1", "fe80::1", "ff02::2", "drop", hlim=255),
    *(source_drop(s) for s in (
        "ff02::1", "ff0e::1", "::1", "::192.0.2.1", "::ffff:192.0.2.1", f"{P}:1::",
        f"{P}:1:1::2", f"{P}:2::1", f"{P}:8002::9", f"{P}:42c::2", f"{P}:3::2", f"{P}:5::2",
        f"{P}:1fff::2", f"{P}:7ffe::2", f"{P}:ffff::1", "2001:db8:3002::5", "2001:db8:3009::5",
        "2001:db8:4242:100::1", "fc00::1", "2001:0:c000:22a::1")),
    *(Row("T1", f"{P}:1::2", d, "drop") for d in (
        "ff0e::1", "ff05::2", "::192.0.2.5", "::ffff:198.51.100.1")),
    Row("T1", f"{P}:1::2", HOST6, "drop", proto=ROUTING, body=rh(0)),
    Row("T1", f"{P}:1::2", HOST6, "drop", proto=HOPOPTS,
        body=struct.pack("!BB6x", ROUTING, 0)[:2] + b"\1\4\0\0\0\0" + rh(0)),
    Row("T1", f"{P}:1::2", HOST6, "uplink", proto=ROUTING, body=rh(4)),
    Row("T1", f"{P}:1::2", HOST6, "uplink", proto=NONE, body=b""),
    Row("T1", f"{P}:1::2", HOST6, "uplink", proto=TCP, body=b"\0" * 20),
    *(Row("T1", f"{P}:1::2", d, "drop, count 'Nested Encapsulation' on T1") for d in (
        "2002:c000:22a::1", "2002:c000:22b::1", "2001:0:c000:22a::1",
        "2001:0:102:304:0:ffff:3fff:fdd5", "2001:db8:ffff::5efe:c000:22a",
        "2001:db8:ffff::200:5efe:c000:22a")),
    *(Row("T1", f"{P}:1::2", d, "uplink") for d in (
        "2002:c000:201::1", "2001:0:102:304::1", "2001:db8:fffe::5efe:c000:201")),
    Row("T1", f"{P}:1::2", f"{P}:3::1", "local"),
    Row("T1", f"{P}:1::2", f"{P}:4::1", "local"),
    Row("T1", f"{P}:1::2", f"{P}:ffff::1", "local"),
    Row("T1", "2001:db8:3001::9", f"{P}:1::1", "local"),
    Row("T1", f"{P}:8001::9", f"{P}:2::1", "local"),
    Row("T1", f"{P}:1::2", f"{P}:1::3", "icmp6 1/0"),
    Row("T1", f"{P}:1::2", f"{P}:2::3", "icmp6 1/0"),
    Row("T1", f"{P}:1::2", f"{P}:1::2", "drop, count 'Same In&Out Interface' on T1"),
    Row("T1", "2001:db8:3001::9", f"{P}:1::2", "drop, count 'Same In&Out Interface' on T1"),
    Row("T1", "2001:db8:3001::9", "2001:db8:3001:ffff::1",
        "drop, count 'Same In&Out Interface' on T1", hlim=1),
    Row("T1", f"{P}:1::2", f"{P}:3::2", "icmp6 1/0"),
    Row("T1", f"{P}:1::2", f"{P}:8003::7", "icmp6 1/0"),
    Row("T1", f"{P}:1::2", "2001:db8:3003::7", "icmp6 1/0"),
    Row("T1", f"{P}:1::2", f"{P}:4::2", "icmp6 1/1"),
    Row("T1", f"{P}:1::2", f"{P}:8004::2", "icmp6 1/1"),
    Row("T1", f"{P}:1::2", "2001:db8:3004::2", "icmp6 1/1"),
    Row("T1", f"{P}:1::2", f"{P}:5::2", "icmp6 1/3"),
    Row("T1", f"{P}:1::2", f"{P}:8005::2", "icmp6 1/3"),
    Row("T1", f"{P}:1::2", f"{P}:2000::2", "icmp6 1/3"),
    Row("T1", f"{P}:1::2", f"{P}:7ffe::2", "icmp6 1/3"),
    Row("T1", f"{P}:1::2", f"{P}:fffe::2", "icmp6 1/3"),
    Row("T1", f"{P}:1::2", f"{P}:ffff::2", "icmp6 1/3"),
    Row("T1", f"{P}:1::2", "2001:db8:4242:100::1", "icmp6 1/3"),
    Row("T1", f"{P}:1::2", f"{P}:2::2", "icmp6 3/0", hlim=1),
    Row("T1", f"{P}:1::2", f"{P}:2::2", "drop", hlim=0),
    Row("T1", f"{P}:1::2", f"{P}:2::2", "encap T2, hop limit 1", hlim=2),
    Row("T1", f"{P}:1::2", f"{P}:42c::2", "icmp6 3/0", hlim=1, len=1300),
    Row("T1", f"{P}:1::2", f"{P}:3::2", "icmp6 1/0", hlim=1),
    Row("T1", f"{P}:1::2", f"{P}:42c::2", "encap T42c, hop limit 63", len=1280),
    Row("T1", f"{P}:1::2", f"{P}:42c::2", "icmp6 2/0 mtu 1280", len=1281),
    Row("T1", f"{P}:1::2", HOST6, "uplink", len=1428),
    Row("T2", f"{P}:2::2", f"{P}:1::2", "encap T1, hop limit 63", len=1428),
    Row("T2", f"{P}:2::2", f"{P}:1::2", "icmp6 2/0 mtu 1428", len=1429),
    Row("T2", f"{P}:2::2", f"{P}:2::1", "local", hlim=1),
    Row("T2", f"{P}:2::2", f"{P}:2::9", "icmp6 1/0"),
]

FROM_UPLINK = [     # sections 2.2, 3 and 4
    Row("uplink", HOST6, f"{P}:1::2", "encap T1", hlim=1),
    Row("uplink", HOST6, f"{P}:1::2", "encap T1", len=1428),
    Row("uplink", HOST6, f"{P}:1::2", "icmp6 2/0 mtu 1428", len=1429),
    Row("uplink", HOST6, f"{P}:42c::2", "icmp6 2/0 mtu 1280", len=1281),
    Row("uplink", HOST6, f"{P}:42c::2", "encap T42c", len=1280),
    Row("uplink", HOST6, f"{P}:1::2", "drop", proto=ROUTING, body=rh(0)),
    Row("uplink", f"{P}:1::2", f"{P}:2::2", "drop, count 'Packet over uplink' on T1"),
    Row("uplink", f"{P}:8001::2", f"{P}:2::2", "drop, count 'Packet over uplink' on T1"),
    Row("uplink", f"{P}:1::2", f"{P}:1::1", "drop, count 'Packet over uplink' on T1"),
    Row("uplink", "2001:db8:3001::1", f"{P}:1::2", "drop, count 'Packet over uplink' on T1"),
    Row("uplink", f"{P}:4::2", f"{P}:1::2", "drop, count 'Packet over uplink' on T4"),
    Row("uplink", f"{P}:5::2", f"{P}:1::2", "drop"),
    Row("uplink", f"{P}:ffff::1", f"{P}:1::2", "drop"),
    Row("uplink", f"{P}:1fff::2", f"{P}:1::2", "drop"),
    Row("uplink", "2001:db8:3009::1", f"{P}:1::2", "drop"),
    Row("uplink", "2001:0:c000:22a::1", f"{P}:1::2", "drop"),
    Row("uplink", "2001:0:102:304:0:ffff:3fff:fdd5", f"{P}:1::2", "drop"),
    Row("uplink", "2001:db8:ffff::5efe:c000:22a", f"{P}:1::2", "drop"),
    Row("uplink", "2002:c000:201::1", f"{P}:1::2", "encap T1"),
    Row("uplink", HOST6, f"{P}:3::1", "local"),
    Row("uplink", HOST6, f"{P}:4::1", "local"),
    Row("uplink", HOST6, f"{P}:2::", "icmp6 1/0"),
    Row("uplink", HOST6, f"{P}:8003::2", "icmp6 1/0"),
    Row("uplink", HOST6, "2001:db8:3003::2", "icmp6 1/0"),
    Row("uplink", HOST6, "2001:db8:3004::2", "icmp6 1/1"),
    Row("uplink", HOST6, f"{P}:8004::2", "icmp6 1/1"),
    Row("uplink", HOST6, f"{P}:8005::2", "icmp6 1/3"),
    Row("uplink", HOST6, f"{P}:7ffe::2", "icmp6 1/3"),
    Row("uplink", HOST6, f"{P}:ffff::2", "icmp6 1/3"),
    Row("uplink", HOST6, "2001:db8:30ff::2", "icmp6 1/3"),
    Row("uplink", HOST6, "2001:db8:4242:ff00::2", "icmp6 1/3"),
]


def title(row):
    more = f" proto {row.proto}" if row.body is not None else ""
    return f"{row.come} {row.src} to {row.dst} len {row.len} hlim {row.hlim}{more}"


@pytest.fixture(scope="module")
def pop(module_pop, topology):
    p = module_pop(CONFIG)
    topology.pop.ip("-6", "route", "add", "2001:4860:4860::/48", "dev", "sixxs")
    p.end = {"T1": p.ayiya("1", "198.51.100.1"), "T2": p.p41("2", "198.51.100.2"),
             "T42c": p.p41("42c", "198.51.100.42")}
    p.end["T1"].beat()
    p.settle()
    assert p.tun
    return p


def send(pop, row, packet):
    """@packet is what the PoP shall see; the kernel takes a hop on the way from the uplink."""
    if row.come == "uplink":
        pop.from_uplink(packet[:7] + bytes([packet[7] + 1]) + packet[8:])
    else:
        pop.end[row.come].send(packet)


def at_source(pop, row, match, what):
    if row.come == "uplink":
        return pop.at_host(lambda p: p.dst == row.src and match(p), what)
    return pop.end[row.come].receive(lambda p: p.dst == row.src and match(p), what)[1]


def error_source(row):
    """forwarding.md 8: the input tunnel's ::1, else the output tunnel's, else the PoP's."""
    if row.come != "uplink":
        return f"{P}:{row.come[1:]}::1"
    tunnel = {"1::2": "1", "1::3": "1", "2::": "2", "3::2": "3", "4::2": "4", "42c::2": "42c",
              "8003::2": "3", "8004::2": "4"}.get(row.dst.removeprefix(P + ":"))
    tunnel = tunnel or {"2001:db8:3003::2": "3", "2001:db8:3004::2": "4"}.get(row.dst)
    return f"{P}:{tunnel}::1" if tunnel else f"{P}:ffff::1"


def walk(pop, row):
    pop.clear()
    packet = row.packet()
    names = {"T1": "T1", "T2": "T2", "T3": "T3", "T4": "T4", "T42c": "T1068"}
    before = {n: pop.errors(i) for n, i in names.items()}
    send(pop, row, packet)

    def is_error(p):
        return p.proto == ICMPV6 and p.payload[0] < 128

    encap = re.match(r"encap (T\w+)(?:, hop limit (\d+|unchanged))?", row.expect)
    icmp = re.match(r"icmp6 (\d)/(\d)(?: mtu (\d+))?", row.expect)
    if encap:
        _, inner = pop.end[encap[1]].receive(lambda p: p.dst == row.dst)
        left = row.hlim if row.come == "uplink" else row.hlim - 1
        assert inner.octets[:7] + inner.octets[8:] == packet[:7] + packet[8:]
        assert inner.ttl == left
        if encap[2] and encap[2] != "unchanged":
            assert inner.ttl == int(encap[2])
    elif icmp:
        error = at_source(pop, row, is_error, row.expect)
        kind, code, param, quoted = error.icmp()
        assert (kind, code) == (int(icmp[1]), int(icmp[2]))
        assert param == int(icmp[3] or 0)
        assert error.checksum_ok() and len(error.raw) == min(1280, 48 + len(packet))
        assert quoted == packet[:1232], "quoted as received"
        # the answer to the uplink is forwarded by the kernel
        assert error.ttl == (63 if row.come == "uplink" else 64)
        assert error.src == error_source(row)
    elif row.expect.startswith("local"):
        reply = at_source(pop, row, lambda p: p.proto == ICMPV6, "echo reply")
        assert reply.payload[0] == 129 and reply.payload[4:] == packet[44:]
        assert reply.src == row.dst and reply.checksum_ok()
    elif row.expect.startswith("uplink"):
        got = pop.core.expect(lambda p: p.src == row.src and p.dst == row.dst, "the packet")
        assert got.ttl == row.hlim - 1
        assert got.raw[:7] + got.raw[8:] == packet[:7] + packet[8:]
        inside = pop.tun.expect(lambda p: p.src == row.src and not p.out_of_device)
        assert inside.ttl == row.hlim
    else:
        assert row.expect.startswith("drop"), row.expect
    pop.silent(row.expect)
    if not row.expect.startswith("uplink") and row.come != "uplink":
        mine = [p for p in pop.tun.seen() if p.src == row.src and not p.out_of_device]
        assert not mine, "never written to the TUN device"

    want = {}
    counted = re.search(r"count '([^']+)'(?: on (T\w+))?", row.expect)
    if counted:
        want = {counted[2] or row.come: {counted[1]: 1}}
    if icmp and icmp[1] == "2":
        out = next(n for n in ("T1", "T42c") if row.dst.startswith(f"{P}:{n[1:]}::"))
        want = {out: {"Encap.Pkt Too Big": 1}}
    got = {}
    for name, ident in names.items():
        after = pop.errors(ident)
        grew = {e: n - before[name][e] for e, n in after.items() if n != before[name][e]}
        if grew:
            got[name] = grew
    assert got == want


@pytest.mark.parametrize("row", PUBLISHED, ids=title)
def test_published(pop, row):
    walk(pop, row)


@pytest.mark.parametrize("row", FROM_TUNNEL, ids=title)
def test_from_a_tunnel(pop, row):
    walk(pop, row)


@pytest.mark.parametrize("row", FROM_UPLINK, ids=title)
def test_from_the_uplink(pop, row):
    walk(pop, row)


# ---- rows that do not fit the form ----

def test_uplink_to_uplink_is_dropped(pop):
    pop.clear()
    pop.from_uplink(packets.filler("2001:db8:ffff::2", ELSEWHERE, 100))
    pop.tun.expect(lambda p: p.dst == ELSEWHERE and p.out_of_device, "it reached the device")
    pop.settle()
    assert not [p for p in pop.tun.seen() if p.dst == ELSEWHERE and not p.out_of_device]


@pytest.mark.parametrize("what, counted", [
    ("version", {"Malformed Packet": 1}), ("short", {"Malformed Packet": 1}),
    ("length", {"Malformed Packet": 1}),
])
def test_broken_inner_headers_in_ayiya(pop, what, counted):
    pop.clear()
    good = packets.filler(f"{P}:1::2", HOST6, 100)
    bad = {"version": b"\x75" + good[1:], "short": good[:39],
           "length": good[:4] + b"\0\x3d" + good[6:]}[what]
    c = pop.end["T1"]
    with pop.counted("T1") as count:
        pop.wan.send(c.datagram(ayiya(c.inner, PASSWORD, bad, next_header=41)))
    pop.silent()
    assert count.by == ({"Non-IPv6 Payload": 1} if what == "version" else counted)


@pytest.mark.parametrize("cut", [0, 1, 8, 20, 39])
def test_truncated_protocol_41_leaks_nothing(pop, cut):
    pop.clear()
    c = pop.end["T2"]
    c.send(packets.filler(c.inner, HOST6, 100)[:cut])
    pop.silent()


def test_a_length_field_beyond_the_packet_in_protocol_41(pop):
    pop.clear()
    c = pop.end["T2"]
    good = packets.filler(c.inner, HOST6, 100)
    c.send(good[:4] + b"\0\x3d" + good[6:])
    pop.silent()


def test_unassigned_space_with_hop_limit_255_is_answered_once(pop):
    pop.clear()
    for dst in (f"{P}:1fff::2", f"{P}:7fff::9", "2001:db8:3077::1"):
        pop.end["T2"].send(packets.filler(f"{P}:2::2", dst, 100, hlim=255))
        pop.end["T2"].receive(lambda p: p.payload[:2] == b"\1\3")
        pop.silent(dst)
