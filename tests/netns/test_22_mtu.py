"""
MTU: packet too big inside, path MTU learned from outer ICMP, fragments when 1280 does
not fit. security.md P1 to P4 are in test_40_security.

  T1 6in4 198.51.100.7   T2 6in6 2001:db8:cafe::7   T3 GRE 198.51.100.8
  T4 GRE 2001:db8:cafe::8   T5 AYIYA 198.51.100.9   T6 AYIYA 2001:db8:cafe::9
"""
import struct

import pytest

from lib import packets
from lib.client import fragment6, reassemble
from lib.config import config, dynamic, static
from lib.topology import HOST6, POP4, POP6

ROUTER4, ROUTER6 = "203.0.113.1", "2001:db8:cafe:ffff::1"
T4, T6 = "198.51.100.{}", "2001:db8:cafe::{}"


def text(mtu):
    return config(static("1", T4.format(7), mtu), static("2", T6.format(7), mtu),
                  static("3", T4.format(8), mtu), static("4", T6.format(8), mtu),
                  dynamic("5", "ayiya", mtu), dynamic("6", "ayiya", mtu),
                  "encap T3 gre", "encap T4 gre")


@pytest.fixture(scope="module")
def pop(module_pop):
    return module_pop(text(1400))


def make(pop, tid):
    where = (T6 if int(tid) % 2 == 0 else T4).format({"1": 7, "2": 7, "3": 8, "4": 8,
                                                     "5": 9, "6": 9}[tid])
    kind = {"1": pop.p41, "2": pop.p41, "3": pop.gre, "4": pop.gre}.get(tid, pop.ayiya)
    return kind(tid, where)


over_ipv4 = pytest.mark.parametrize("client", "135", ids=["6in4", "gre4", "ayiya4"], indirect=True)


@pytest.fixture(params="123456", ids=["6in4", "6in6", "gre4", "gre6", "ayiya4", "ayiya6"])
def client(pop, request):
    """Fresh: nothing learned about its path, and the PoP's outer address known."""
    tid = request.param
    line = next(x for x in text(1400).splitlines() if f"config {tid} T{tid} " in x).strip()
    pop.cli(f"tunnel remove T{tid}")
    pop.cli("tunnel set " + line)
    if tid in "34":
        pop.cli(f"tunnel set encap T{tid} gre")
    c = make(pop, tid)
    if tid in "56":
        c.beat()
    pop.clear()
    return c


def downstream(pop, c, length, mark=0):
    """A native packet towards the tunnel; what comes: ("tunnel", outer, inner) or the error."""
    pop.from_uplink(packets.filler(HOST6, c.inner, length, mark=mark))
    pop.settle()
    errors = [p for p in pop.core.seen() if p.proto == packets.ICMPV6 and p.payload[0] == 2]
    parts = [fragment6(p) for p in pop.wan.seen() if p.dst == c.them]
    if errors:
        assert not parts
        return "too big", errors[0].icmp()[2], None
    outer = reassemble(parts) if len(parts) > 1 else parts[0]
    return "tunnel", parts, packets.parse(c.unwrap(outer))


def mtu_of(pop, c):
    """The MTU in force, asked from outside."""
    said = downstream(pop, c, 1470)
    return said[1] if said[0] == "too big" else None


def too_big(outer, mtu, router=None, quote=None, reach=None):
    """An outer ICMP error "too big" about @outer, as a router on the way sends it."""
    reach = 28 + len(outer.raw[:8]) if reach is None else reach
    quoted = (quote if quote is not None else outer.raw)[:max(reach, 28)]
    if outer.version == 4:
        message = packets.icmp4_message(3, 4, struct.pack("!HH", 0, mtu) + quoted)
        return packets.ip4(router or ROUTER4, POP4, packets.ICMPV4, message)
    quoted = (quote if quote is not None else outer.raw)[:1232]
    return packets.icmp6(router or ROUTER6, POP6, 2, 0, struct.pack("!I", mtu) + quoted)


def learn(pop, c, mtu, **how):
    """Send something so that there is a packet to quote, then the router's complaint."""
    how_, parts, _ = downstream(pop, c, 1200, mark=7)
    assert how_ == "tunnel"
    pop.wan.send(too_big(parts[0], mtu, **how))
    pop.settle()


def test_exactly_the_configured_mtu(pop, client):
    assert downstream(pop, client, 1400)[0] == "tunnel"
    with pop.counted("T" + client.inner[13]) as count:
        assert downstream(pop, client, 1401)[:2] == ("too big", 1400)
    assert count.by == {"Encap.Pkt Too Big": 1}
    row = pop.daemon.list()["T" + client.inner[13]]
    assert row[-1] == "0", "too big is no error in sums"


def test_packets_from_the_tunnel_are_not_limited_by_its_mtu(pop, client):
    client.send(packets.filler(client.inner, HOST6, 1401))
    assert len(pop.at_host().raw) == 1401


def test_a_smaller_path_is_learned(pop, client):
    """inner MTU = next-hop MTU - overhead"""
    outer_mtu = 1340 + client.overhead
    learn(pop, client, outer_mtu)
    assert downstream(pop, client, 1341)[:2] == ("too big", 1340)
    how, parts, inner = downstream(pop, client, 1340)
    assert how == "tunnel" and len(parts) == 1 and len(inner.raw) == 1340
    if parts[0].version == 4:
        assert parts[0].df


@over_ipv4
def test_icmpv4_errors_are_counted_on_the_tunnel(pop, client):
    with pop.counted("T" + client.inner[13]) as count:
        learn(pop, client, 1340 + client.overhead)
    assert count.by == {"ICMPv4 Errors Received": 1}


def test_a_larger_one_later_is_ignored(pop, client):
    learn(pop, client, 1340 + client.overhead)
    learn(pop, client, 1360 + client.overhead)
    assert mtu_of(pop, client) == 1340
    learn(pop, client, 1320 + client.overhead)
    assert mtu_of(pop, client) == 1320


def test_below_1280_the_outer_packet_is_fragmented(pop, client):
    """The inner MTU never falls below 1280."""
    outer_mtu = 1270 + client.overhead
    learn(pop, client, outer_mtu)
    assert mtu_of(pop, client) == 1280
    how, parts, inner = downstream(pop, client, 1280)
    assert how == "tunnel" and len(inner.raw) == 1280
    if parts[0].version == 4:
        assert not any(p.df for p in parts), "a router may fragment it"
    else:
        assert len(parts) > 1 and all(len(p.raw) <= max(outer_mtu, 1280) for p in parts)
    if len(parts) > 1:
        assert len({p.ident for p in parts}) == 1


def test_identifications_differ_without_df(pop):
    c = make(pop, "1")
    pop.clear()
    learn(pop, c, 1290)
    idents = []
    for n in range(8):
        how, parts, _ = downstream(pop, c, 1280, mark=n)
        assert how == "tunnel" and not parts[0].df
        idents.append(parts[0].ident)
    assert len(set(idents)) == 8


def test_a_removed_and_new_tunnel_has_learned_nothing(pop, client):
    assert downstream(pop, client, 1400)[0] == "tunnel"


def test_a_re_push_does_not_forget_the_path(pop, client):
    learn(pop, client, 1340 + client.overhead)
    tid = client.inner[13]
    line = next(x for x in text(1400).splitlines() if f"config {tid} T{tid} " in x).strip()
    pop.cli("tunnel set " + line)
    assert mtu_of(pop, client) == 1340


@over_ipv4
def test_the_smallest_mtu_that_is_believed_is_68(pop, client):
    learn(pop, client, 67)
    assert downstream(pop, client, 1400)[0] == "tunnel"
    learn(pop, client, 0)
    assert downstream(pop, client, 1400)[0] == "tunnel"


@pytest.mark.parametrize("what", ["source", "destination", "protocol", "truncated", "checksum"])
def test_a_quote_that_is_not_of_ours_teaches_nothing(pop, client, what):
    _, parts, _ = downstream(pop, client, 1200)
    outer = parts[0]
    raw = bytearray(outer.raw)
    at_src, at_dst, at_proto = (12, 16, 9) if outer.version == 4 else (8, 24, 6)
    if what == "source":
        raw[at_src + 3 if outer.version == 4 else at_src + 15] ^= 0x7F
    elif what == "destination":
        raw[at_dst + 3 if outer.version == 4 else at_dst + 15] ^= 0x70
    elif what == "protocol":
        raw[at_proto] = 6
    elif what == "truncated":
        raw = raw[:12]
    message = too_big(outer, 1340 + client.overhead, quote=bytes(raw))
    if what == "truncated":
        body = struct.pack("!I", 1340 + client.overhead) + bytes(raw)
        message = packets.ip4(ROUTER4, POP4, 1, packets.icmp4_message(3, 4, body)) \
            if outer.version == 4 else packets.icmp6(ROUTER6, POP6, 2, 0, body)
    elif what == "checksum":
        message = message[:-1] + bytes([message[-1] ^ 0xFF])
    pop.wan.send(message)
    assert downstream(pop, client, 1400)[0] == "tunnel", what


def test_the_ports_of_an_ayiya_quote_must_match(pop):
    for tid in "56":
        c = make(pop, tid)
        c.beat()
        pop.clear()
        _, parts, _ = downstream(pop, c, 1200)
        raw = bytearray(parts[0].raw)
        head = 20 if parts[0].version == 4 else 40
        raw[head + 3] ^= 1
        pop.wan.send(too_big(parts[0], 1340 + c.overhead, quote=bytes(raw)))
        said = downstream(pop, c, 1400)
        assert said[0] == "tunnel" or said[1] != 1340


def test_other_icmpv4_is_counted_and_changes_nothing(pop):
    c = make(pop, "1")
    pop.clear()
    _, parts, _ = downstream(pop, c, 1200)
    quoted = parts[0].raw[:28]
    with pop.counted("T1") as count:
        for kind, code in ((3, 1), (3, 0), (3, 2), (11, 0), (12, 0)):
            pop.wan.send(packets.ip4(ROUTER4, POP4, 1,
                                     packets.icmp4_message(kind, code, bytes(4) + quoted)))
    assert count.by == {"ICMPv4 Errors Received": 5}
    with pop.counted("T1") as count:
        for kind in (0, 4, 5, 13, 14, 17, 18):
            pop.wan.send(packets.ip4(ROUTER4, POP4, 1,
                                     packets.icmp4_message(kind, 0, bytes(4) + quoted)))
    assert count.by == {}
    assert pop.show("T1")["Tunnel State"] == "up"


def test_the_error_goes_to_the_tunnel_the_inner_destination_names(pop):
    """Two tunnels to one address: the quoted inner packet tells which."""
    pop.cli("tunnel set config a T10 198.51.100.77 up 1400")
    pop.cli("tunnel set config b T11 198.51.100.77 up 1400")
    pop.clear()
    b = pop.p41("b", "198.51.100.77")
    pop.from_uplink(packets.filler(HOST6, b.inner, 1200))
    outer, _ = b.receive()
    with pop.counted("T10") as one, pop.counted("T11") as two:
        pop.wan.send(too_big(outer, 1360, reach=80))
    assert (one.by, two.by) == ({}, {"ICMPv4 Errors Received": 1})
    a = pop.p41("a", "198.51.100.77")
    assert downstream(pop, a, 1400)[0] == "tunnel"
    assert downstream(pop, b, 1341)[:2] == ("too big", 1340)
