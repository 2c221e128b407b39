"""
IPv4 inside: the to-four plan, 240/4 addresses derived from the tunnel id; pop id 1.

  T1 gre  240.127.128.2/.3   240.64.1.0/24      T2 ayiya  240.127.128.4/.5  240.64.2.0/24
  T3 down (heartbeat)  T4 disabled  T6 direct (IPv6 only)  T7 gre, mtu 1280
"""
import struct

import pytest

from lib import packets
from lib.config import config, dynamic, static
from lib.topology import POP4
from lib.vectors import load

CONFIG = config(static("1", "198.51.100.1", 1476), dynamic("2", "ayiya", 1428),
                dynamic("3", "heartbeat"), static("4", "198.51.100.4", state="disabled"),
                static("6", "198.51.100.6"), static("7", "198.51.100.77", 1280),
                *(static(t["tid"], f"198.51.101.{n}") for n, t in
                  enumerate(load("addressing")["tunnels"], 1) if len(t["tid"]) > 1),
                "encap T1 gre", "encap T7 gre", "encap T6 direct",
                *(f"encap T{int(t['tid'], 16)} gre" for t in load("addressing")["tunnels"]
                  if len(t["tid"]) > 1))


def local(tid):
    return packets.text(struct.pack("!I", 0xF0000000 + (1 << 22) + 0x3F8000 + tid * 2))


def user(tid):
    return packets.text(struct.pack("!I", 0xF0000000 + (1 << 22) + 0x3F8000 + tid * 2 + 1))


def subnet(tid, host):
    return packets.text(struct.pack("!I", 0xF0000000 + (1 << 22) + (tid << 8) + host))


@pytest.fixture(scope="module")
def module(module_pop):
    p = module_pop(CONFIG)
    p.one, p.two = p.gre("1", "198.51.100.1"), p.ayiya("2", "198.51.100.2")
    p.seven = p.gre("7", "198.51.100.77")
    p.two.beat()
    p.settle()
    return p


@pytest.fixture
def pop(module):
    module.clear()
    return module


def four(c):
    return c.receive(lambda p: p.version == 4)[1]


def udp4(src, dst, length=100, **how):
    data = packets.udp_segment(src, dst, 1, 2, b"y" * (length - 28))
    return packets.ip4(src, dst, packets.UDP, data, **how)


@pytest.mark.parametrize("t", [t for t in load("addressing")["tunnels"] if len(t["tid"]) > 1],
                         ids=lambda t: t["tid"])
def test_the_published_addresses(pop, t):
    n = 1 + load("addressing")["tunnels"].index(t)
    c = pop.gre(t["tid"], f"198.51.101.{n}")
    c.send(packets.echo4(t["to_four_user"], t["to_four_pop"]))
    reply = four(c)
    assert (reply.src, reply.dst) == (t["to_four_pop"], t["to_four_user"])
    host = t["to_four_subnet"].replace(".0/24", ".99")
    pop.one.send(udp4(user(1), host, ttl=7))
    got = four(c)
    assert (got.dst, got.ttl) == (host, 6)


def test_ping_the_pop_in_both_encapsulations(pop):
    for tid, c in ((1, pop.one), (2, pop.two)):
        for source in (user(tid), subnet(tid, 5)):
            c.send(packets.echo4(source, local(tid), seq=tid))
            reply = four(c)
            assert (reply.src, reply.dst) == (local(tid), source)
            assert reply.payload[0] == 0 and reply.checksum_ok() and reply.ttl == 64


def test_the_pinged_address_answers(pop):
    pop.one.send(packets.echo4(user(1), local(2)))
    assert four(pop.one).src == local(2)


def test_between_tunnels(pop):
    sent = udp4(subnet(1, 9), subnet(2, 7), 300, ttl=64, ident=5)
    pop.one.send(sent)
    outer, got = pop.two.receive(lambda p: p.version == 4)
    assert got.ttl == 63 and got.raw[12:] == sent[12:] and got.checksum_ok()
    assert pop.two.opened(outer)[1] == packets.IPV4_IN_IP
    pop.two.send(udp4(user(2), user(1)))
    outer, got = pop.one.receive(lambda p: p.version == 4)
    assert outer.payload[:4] == b"\0\0\x08\0" and got.dst == user(1)


WRONG_SOURCE = [user(1), subnet(1, 1), local(1), local(2), "240.191.128.3", "10.0.0.1",
                "198.51.100.1", POP4, "240.0.0.1"]


@pytest.mark.parametrize("source", WRONG_SOURCE)
def test_wrong_sources(pop, source):
    with pop.counted("T2") as count:
        pop.two.send(udp4(source, user(1)))
    pop.silent()
    assert count.by == {"Wrong Source IPv4": 1}


@pytest.mark.parametrize("source", ["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"])
def test_source_classes_that_are_no_host(pop, source):
    pop.two.send(udp4(source, user(1)))
    pop.silent()


@pytest.mark.parametrize("dst", ["224.0.0.1", "255.255.255.255", "127.0.0.1", "0.0.0.0"])
def test_destination_classes_that_are_no_host(pop, dst):
    pop.two.send(udp4(user(2), dst))
    pop.silent()


def broken(what):
    good = udp4(user(2), user(1))
    if what == "checksum":
        return good[:10] + bytes([good[10] ^ 1]) + good[11:]
    if what == "ihl 4":
        bad = b"\x44" + good[1:]
    elif what == "ihl beyond":
        bad = b"\x4f" + good[1:2] + b"\0\x28" + good[4:40]
    elif what == "total length beyond":
        bad = good[:2] + struct.pack("!H", 101) + good[4:]
    elif what == "total length below the header":
        bad = good[:2] + struct.pack("!H", 19) + good[4:]
    else:
        return good[:int(what)]
    size = 20
    bad = bad[:10] + b"\0\0" + bad[12:]
    return bad[:10] + struct.pack("!H", packets.checksum(bad[:size])) + bad[12:]


@pytest.mark.parametrize("what", ["checksum", "ihl 4", "ihl beyond", "total length beyond",
                                  "total length below the header", "1", "19"])
def test_broken_headers(pop, what):
    pop.two.send(broken(what), next_header=4, opcode=1)
    pop.silent(what)


ROWS = [    # destination, ttl, expected ICMPv4 type and code, or None for silence
    (user(2), 64, None),                    # back where it came from
    (subnet(2, 200), 64, None),
    ("240.191.128.3", 64, (3, 0)),          # another pop
    (user(0x155), 64, (3, 0)),              # nobody's
    (subnet(0x155, 1), 64, (3, 0)),
    ("192.0.2.99", 64, (3, 13)),            # no way out of 240/4
    ("8.8.8.8", 64, (3, 13)),
    (user(4), 64, (3, 13)),                 # disabled
    (user(3), 64, (3, 0)),                  # down
    (subnet(3, 3), 64, (3, 0)),
    (user(5), 64, (3, 0)),                  # not configured
    (user(6), 64, (3, 0)),                  # direct: carries IPv6 only
    (user(1), 1, (11, 0)),
    (user(1), 0, None),
    (local(2), 64, (3, 3)),                 # UDP to the PoP
]


@pytest.mark.parametrize("dst, ttl, want", ROWS, ids=lambda x: str(x))
def test_rows(pop, dst, ttl, want):
    sent = udp4(user(2), dst, ttl=ttl)
    pop.two.send(sent)
    if want is None:
        pop.silent()
        return
    error = four(pop.two)
    assert tuple(error.payload[:2]) == want
    assert error.src == local(2) and error.ttl == 64 and error.checksum_ok()
    assert error.payload[8:] == sent[:len(error.payload) - 8] and len(error.payload) >= 36
    pop.silent()


def test_an_unknown_protocol_for_the_pop(pop):
    pop.two.send(packets.ip4(user(2), local(2), 253, b"what is this"))
    assert tuple(four(pop.two).payload[:2]) == (3, 2)


def test_errors_are_576_octets_at_most(pop):
    pop.two.send(udp4(user(2), "8.8.8.8", 1400))
    error = four(pop.two)
    assert len(error.raw) <= 576


def test_same_interface_is_counted(pop):
    with pop.counted("T2") as count:
        pop.two.send(udp4(user(2), subnet(2, 3)))
    assert count.by == {"Same In&Out Interface": 1}


def test_too_big_with_df(pop):
    pop.two.send(udp4(user(2), user(7), 1281))
    error = four(pop.two)
    assert tuple(error.payload[:2]) == (3, 4)
    assert struct.unpack("!H", error.payload[6:8])[0] == 1280
    pop.two.send(udp4(user(2), user(7), 1280))
    assert len(four(pop.seven).raw) == 1280


def test_too_big_without_df_is_fragmented_or_told(pop):
    sent = udp4(user(2), user(7), 1400, df=False, ident=9)
    pop.two.send(sent)
    pop.settle()
    told, parts = pop.two.everything(), pop.seven.everything()
    if told:
        assert not parts and tuple(told[0][1].payload[:2]) == (3, 4)
        return
    inner = sorted((p for _, p in parts), key=lambda p: p.offset)
    assert all(p.checksum_ok() and len(p.raw) <= 1280 and p.ident == 9 for p in inner)
    assert b"".join(p.payload for p in inner) == sent[20:]


@pytest.mark.parametrize("what", ["error", "later fragment", "multicast"])
def test_never(pop, what):
    if what == "error":
        pop.two.send(packets.ip4(user(2), "8.8.8.8", 1,
                                 packets.icmp4_message(3, 1, bytes(4) + udp4(user(1), user(2)))))
    elif what == "later fragment":
        pop.two.send(packets.ip4(user(2), "8.8.8.8", 17, b"z" * 64, df=False, offset=8))
    else:
        pop.two.send(udp4(user(2), "239.1.2.3", ttl=1))
    pop.silent()


def test_ipv4_from_the_uplink_does_not_reach_a_tunnel(pop):
    """240/4 is not routed into the device by itself; what is put there is checked."""
    pop.topology.pop.ip("route", "add", "240.127.128.5/32", "dev", "sixxs")
    try:
        pop.core.send(udp4("10.9.8.7", user(2)))
        pop.core.send(udp4(user(1), user(2)))
        pop.settle()
        got = [p for _, p in pop.two.everything()]
        assert not [p for p in got if p.src == user(1)], "our own address over the uplink"
    finally:
        pop.topology.pop.ip("route", "del", "240.127.128.5/32")
