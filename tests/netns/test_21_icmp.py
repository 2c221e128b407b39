"""
ICMPv6 the PoP makes: the published octets over the wire, the rules of never, the limits.

  T1 198.51.100.7 (its state is changed by commands)     T2 198.51.100.2
"""
import struct
import time

import pytest

from lib import packets
from lib.config import config, dynamic, static
from lib.packets import FRAGMENT, ICMPV6, NONE, TCP, UDP
from lib.topology import HOST6
from lib.vectors import load, octets

ICMP = load("icmp")
P = "2001:db8:2ff"
CONFIG = config(static("1", "198.51.100.7", 1428), static("2", "198.51.100.2"),
                *(static(f"{n:x}", f"198.51.100.{n}") for n in range(16, 24)),
                dynamic("3", "heartbeat"))
UP = ["tunnel set config 1 T1 198.51.100.7 up 1428"]
STATE = {"tunnel disabled": ["tunnel set config 1 T1 198.51.100.7 disabled 1428"],
         "tunnel down": ["tunnel remove T1", "tunnel set config 1 T1 heartbeat up 1428 secret"]}


@pytest.fixture(scope="module")
def pop(module_pop):
    p = module_pop(CONFIG)
    assert p.tun
    return p


def arrive(pop, packet):
    """Let the PoP see exactly these octets, from where their source says."""
    source = packets.parse(packet).src
    if source.startswith(P + ":1:"):
        pop.p41("1", "198.51.100.7").send(packet)
    else:
        pop.from_uplink(packet[:7] + bytes([min(255, packet[7] + 1)]) + packet[8:])


@pytest.mark.parametrize("v", [pytest.param(v, id=v["name"]) for v in ICMP["vectors"]
                               if "format sample" not in v["name"]])
def test_published_octets(pop, v):
    for command in STATE.get(v["name"], UP):
        pop.cli(command)
    pop.clear()
    offending, result = octets(v, "offending_hex"), octets(v, "result_hex")
    arrive(pop, offending)
    want = packets.parse(result)
    if packets.parse(offending).src == HOST6:
        made = pop.tun.expect(lambda p: p.dst == HOST6 and not p.out_of_device)
        assert made.raw == result
        assert pop.at_host(lambda p: p.proto == ICMPV6).raw[8:] == result[8:]
    else:
        _, made = pop.p41("1", "198.51.100.7").receive()
        assert made.octets == result
    assert want.src == v["source"]
    pop.silent()


@pytest.fixture
def up(pop):
    for command in UP:
        pop.cli(command)
    pop.clear()
    return pop.p41("1", "198.51.100.7")


@pytest.mark.parametrize("v", [pytest.param(v, id=v["name"]) for v in ICMP["suppressed"]])
def test_never(pop, up, v):
    raw = octets(v, "offending_hex")
    if packets.parse(raw).dst == HOST6:
        up.send(raw)
    else:
        arrive(pop, raw)
    pop.silent(v["why"])


@pytest.mark.parametrize("kind", [1, 2, 3, 4, 0, 5, 100, 127, 137])
def test_never_about_icmp_errors_nor_redirects(pop, up, kind):
    for to in (f"{P}:1fff::2", f"{P}:3::2", f"{P}:1::3"):
        up.send(packets.icmp6(up.inner, to, kind, 0, bytes(4) + packets.echo6(to, up.inner)))
    up.send(packets.icmp6(up.inner, HOST6, kind, 0, bytes(64), hlim=1))
    pop.from_uplink(packets.icmp6(HOST6, up.inner, kind, 0, bytes(1400)))
    pop.silent()


def test_never_about_an_error_behind_extension_headers(pop, up):
    message = packets.icmp6_message(up.inner, f"{P}:1fff::2", 1, 0, bytes(60))
    options = struct.pack("!BB", ICMPV6, 0) + b"\1\4\0\0\0\0"
    up.send(packets.ip6(up.inner, f"{P}:1fff::2", packets.DSTOPTS, options + message))
    pop.silent()


def test_a_later_fragment_gets_only_the_errors_it_may(pop, up):
    """Nobody can tell whether it is part of an error: only 2/0 and 3/0."""
    later = struct.pack("!BBHI", UDP, 0, 1232 | 1, 7) + b"f" * 64
    up.send(packets.ip6(up.inner, f"{P}:1fff::2", FRAGMENT, later))
    pop.silent()
    up.send(packets.ip6(up.inner, HOST6, FRAGMENT, later, hlim=1))
    assert up.receive()[1].icmp()[:2] == (3, 0)


def test_echo_as_published(pop, up):
    up.send(octets(ICMP["echo_reply"], "request_hex"))
    assert up.receive()[1].octets == octets(ICMP["echo_reply"], "reply_hex")


def test_neighbour_advertisement_as_published(pop, up):
    up.send(octets(ICMP["neighbor"], "solicit_hex"))
    assert up.receive()[1].octets == octets(ICMP["neighbor"], "advert_hex")
    pop.silent()


def solicit(src, dst, target, hlim=255, code=0, more=b"", bad=0):
    p = packets.icmp6(src, dst, 135, code, bytes(4) + packets.a6(target) + more, hlim)
    return p[:42] + bytes([p[42] ^ bad]) + p[43:]


@pytest.mark.parametrize("what", ["hop limit 254", "code 1", "another target", "short",
                                  "bad checksum", "duplicate address detection", "option length 0"])
def test_neighbour_solicitations_that_get_no_answer(pop, up, what):
    us, them = f"{P}:1::1", f"{P}:1::2"
    up.send({
        "hop limit 254": solicit(them, us, us, hlim=254),
        "code 1": solicit(them, us, us, code=1),
        "another target": solicit(them, us, f"{P}:2::1"),
        "short": packets.icmp6(them, us, 135, 0, bytes(4) + packets.a6(us)[:15], 255),
        "bad checksum": solicit(them, us, us, bad=1),
        "duplicate address detection": solicit("::", us, us),
        "option length 0": solicit(them, us, us, more=b"\1\0" + bytes(6)),
    }[what])
    pop.silent(what)


@pytest.mark.parametrize("kind", [129, 130, 131, 133, 134, 136, 200, 255])
def test_other_icmp_for_the_pop_is_ignored(pop, up, kind):
    up.send(packets.icmp6(up.inner, up.pop_inner, kind, 0, bytes(20), 255))
    pop.silent()


def test_an_echo_request_with_a_bad_checksum(pop, up):
    p = packets.echo6(up.inner, up.pop_inner)
    up.send(p[:-1] + bytes([p[-1] ^ 1]))
    pop.silent()


@pytest.mark.parametrize("proto, body", [(TCP, bytes(20)), (UDP, bytes(8)), (132, bytes(12)),
                                         (253, b"x")])
def test_nothing_listens_at_the_pop(pop, up, proto, body):
    up.send(packets.ip6(up.inner, up.pop_inner, proto, body))
    _, error = up.receive()
    assert error.icmp()[:2] == (1, 4) or (proto == TCP and error.proto == TCP)
    pop.silent()


def test_next_header_none_for_the_pop(pop, up):
    up.send(packets.ip6(up.inner, up.pop_inner, NONE, b"whatever"))
    pop.silent()


def test_a_malformed_header_chain_for_the_pop(pop, up):
    up.send(packets.ip6(up.inner, up.pop_inner, packets.DSTOPTS, b"\x3a\xff" + bytes(6)))
    pop.settle()
    for _, error in up.everything():
        assert error.icmp()[:2] == (4, 0)


def test_echo_behind_options_is_answered(pop, up):
    message = packets.icmp6_message(up.inner, up.pop_inner, 128, 0, b"\0\7\0\7opts")
    options = struct.pack("!BB", ICMPV6, 0) + b"\1\4\0\0\0\0"
    up.send(packets.ip6(up.inner, up.pop_inner, packets.DSTOPTS, options + message))
    assert up.receive()[1].payload[0] == 129


def test_a_reply_larger_than_the_tunnel_carries(pop, up):
    """The reply obeys the tunnel's MTU, or the asker is told."""
    up.send(packets.echo6(up.inner, up.pop_inner, data=b"b" * 1400))     # 1448 > 1428
    pop.settle()
    got = up.everything()
    assert len(got) <= 1
    for _, p in got:
        assert p.icmp()[:3] == (2, 0, 1428)


def test_the_limit_of_a_tunnel(pop):
    """10 a second, 20 at once."""
    pop.clear()
    c = pop.p41("10", "198.51.100.16")
    began = time.monotonic()
    for n in range(300):
        c.send(packets.filler(c.inner, f"{P}:1fff::2", 100, mark=n))
    pop.settle()
    took = time.monotonic() - began
    answers = c.everything()
    assert 20 <= len(answers) <= 20 + 10 * (took + 1)


def test_the_limit_of_one_tunnel_is_not_anothers(pop):
    pop.clear()
    a, b = pop.p41("11", "198.51.100.17"), pop.p41("12", "198.51.100.18")
    for n in range(300):
        a.send(packets.filler(a.inner, f"{P}:1fff::2", 100, mark=n))
    b.send(packets.filler(b.inner, f"{P}:1fff::2", 100))
    assert b.receive()[1].icmp()[:2] == (1, 3)


def test_errors_towards_the_uplink_are_charged_to_the_tunnel_meant(pop):
    pop.clear()
    pop.cli("tunnel set config 13 T19 198.51.100.19 disabled 1480")
    began = time.monotonic()
    for n in range(300):
        pop.from_uplink(packets.filler(HOST6, f"{P}:13::2", 100, mark=n))
    pop.settle()
    took = time.monotonic() - began
    answers = [p for p in pop.core.seen() if p.proto == ICMPV6 and p.payload[0] == 1]
    assert 20 <= len(answers) <= 20 + 10 * (took + 1)


def test_path_mtu_discovery_survives_a_flood(pop):
    """Packet too big may have a bucket of its own."""
    pop.clear()
    c = pop.p41("14", "198.51.100.20")
    pop.cli("tunnel set config 14 T20 198.51.100.20 up 1280")
    for n in range(300):
        c.send(packets.filler(c.inner, f"{P}:1fff::2", 100, mark=n))
    pop.from_uplink(packets.filler(HOST6, c.inner, 1400))
    assert pop.at_host(lambda p: p.payload[:2] == b"\2\0").icmp()[2] == 1280
