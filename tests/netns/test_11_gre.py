"""
GRE, RFC 2784 and 2890, over IPv4 and IPv6; IPv6 and IPv4 inside.

  T1 198.51.100.7    T2 2001:db8:cafe::7    T3 198.51.100.8, key 16909060
  T4 198.51.100.9, encap auto               T5 198.51.100.10, encap direct
"""
import pytest

from lib import packets
from lib.config import config, static
from lib.topology import HOST6, POP4
from lib.vectors import load, octets

KEY = 0x01020304
CONFIG = config(static("1", "198.51.100.7", 1476), static("2", "2001:db8:cafe::7", 1456),
                static("3", "198.51.100.8", 1472), static("4", "198.51.100.9"),
                static("5", "198.51.100.10"), "encap T1 gre", "encap T2 gre",
                f"encap T3 gre key {KEY}", "encap T5 direct")
WHERE = {"1": "198.51.100.7", "2": "2001:db8:cafe::7"}


@pytest.fixture(scope="module")
def pop(module_pop):
    return module_pop(CONFIG)


@pytest.fixture(params=sorted(WHERE), ids=["ipv4", "ipv6"])
def client(pop, request):
    pop.clear()
    return pop.gre(request.param, WHERE[request.param])


def test_before_the_first_packet_the_configured_way_is_used(pop, client):
    pop.from_uplink(packets.filler(HOST6, client.inner, 100))
    outer, inner = client.receive()
    assert len(inner.raw) == 100 and outer.payload[:4] == b"\0\0\x86\xdd"


def test_ping(client):
    outer, inner = client.ping(client.pop_inner)
    assert (outer.src, outer.dst) == (client.us, client.them)
    assert inner.src == client.pop_inner


def test_both_ways(pop, client):
    sent = packets.filler(client.inner, HOST6, 700)
    client.send(sent)
    got = pop.at_host()
    assert got.raw[8:] == sent[8:] and got.ttl == 63
    pop.from_uplink(packets.filler(HOST6, client.inner, 700))
    outer, inner = client.receive()
    assert inner.ttl == 63 and outer.checksum_ok()
    assert len(outer.raw) == 700 + client.overhead
    assert outer.ttl == 64 and (outer.version == 6 or outer.df)


VECTORS = {v["name"]: v for v in load("gre")["vectors"]}


@pytest.mark.parametrize("name", [n for n, v in VECTORS.items() if n != "plain ipv4"])
def test_header_vectors(pop, name):
    """Every published header, towards the tunnel without and the one with a key."""
    v = VECTORS[name]
    raw = octets(v, "gre_hex")
    for tid, them in (("1", "198.51.100.7"), ("3", "198.51.100.8")):
        pop.clear()
        # the vectors' inner source belongs to tunnel 1
        data = bytearray(raw)
        at = raw.find(bytes.fromhex("20010db802ff0001"))
        if at > 0:
            data[at + 7] = int(tid, 16)
        if v["header_length"] and raw[0] & 0x80:        # the checksum follows the change
            data[4:6] = b"\0\0"
            data[4:6] = packets.checksum(bytes(data)).to_bytes(2, "big")
        keyed = bool(raw[0] & 0x20)
        good = v["expect"].startswith("accept") and keyed == (tid == "3")
        pop.wan.send(packets.ip4(them, POP4, packets.GRE, bytes(data)))
        if good:
            assert pop.at_host().src == f"2001:db8:2ff:{tid}::2"
        pop.silent(f"{name} to T{tid}")


def test_the_wrong_key_and_the_wrong_checksum(pop):
    pop.clear()
    keyed = pop.gre("3", "198.51.100.8", key=KEY)
    keyed.send(packets.filler(keyed.inner, HOST6, 100))
    pop.at_host()
    with pop.counted("T3") as count:
        keyed.send(packets.filler(keyed.inner, HOST6, 100), key=KEY + 1)
    assert count.by == {"Wrong Outer Source": 1}
    plain = pop.gre("1", "198.51.100.7")
    whole = plain.wrap(packets.filler(plain.inner, HOST6, 100), checksummed=True)
    pop.wan.send(whole)
    pop.at_host()
    pop.wan.send(whole[:-1] + bytes([whole[-1] ^ 1]))
    pop.silent()


def test_a_key_goes_both_ways(pop):
    """A kernel with a key on its tunnel accepts nothing without it."""
    pop.clear()
    keyed = pop.gre("3", "198.51.100.8", key=KEY)
    keyed.ping(keyed.pop_inner)
    pop.from_uplink(packets.filler(HOST6, keyed.inner, 1400))
    outer, inner = keyed.receive()
    assert len(outer.raw) == 1428 and len(inner.raw) == 1400


def test_sequence_numbers_are_ignored(pop, client):
    for seq in (7, 8, 3, 0xFFFFFFFF):
        client.send(packets.filler(client.inner, HOST6, 100), seq=seq)
        pop.at_host()


def test_the_payload_is_exactly_as_long_as_it_says(pop, client):
    """The original took 20 octets too many."""
    pop.tun.clear()
    client.send(packets.filler(client.inner, HOST6, 100) + b"stale octets of another")
    got = pop.tun.expect(lambda p: p.src == client.inner and not p.out_of_device)
    assert len(got.raw) == 100
    assert len(pop.at_host().raw) == 100


def test_ipv4_inside(pop):
    """To-four: tunnel 1 of pop 1 is 240.127.128.2 and .3, and 240.64.1.0/24."""
    pop.clear()
    one = pop.gre("1", "198.51.100.7")
    one.send(packets.echo4("240.127.128.3", "240.127.128.2"))
    outer, inner = one.receive(lambda p: p.version == 4)
    assert (inner.src, inner.dst) == ("240.127.128.2", "240.127.128.3")
    assert inner.payload[0] == 0 and inner.checksum_ok()
    assert outer.payload[:4] == b"\0\0\x08\x00"
    two = pop.gre("2", "2001:db8:cafe::7")
    one.send(packets.echo4("240.64.1.5", "240.64.2.6", ttl=9))
    _, inner = two.receive(lambda p: p.version == 4)
    assert (inner.src, inner.dst, inner.ttl) == ("240.64.1.5", "240.64.2.6", 8)
    assert inner.checksum_ok()


def test_protocol_41_into_a_gre_tunnel_is_dropped(pop):
    pop.clear()
    plain = pop.p41("1", "198.51.100.7")
    with pop.counted("T1") as count:
        plain.send(packets.echo6(plain.inner, HOST6))
    pop.silent()
    assert count.by == {"Wrong Outer Source": 1}
    assert pop.show("T1")["Tunnel Type"] == "gre"


def test_gre_into_a_direct_tunnel_is_dropped(pop):
    pop.clear()
    gre = pop.gre("5", "198.51.100.10")
    with pop.counted("T5") as count:
        gre.send(packets.echo6(gre.inner, HOST6))
    pop.silent()
    assert count.by == {"Wrong Outer Source": 1}


def test_auto_takes_the_first_and_stays(pop):
    pop.clear()
    gre, plain = pop.gre("4", "198.51.100.9"), pop.p41("4", "198.51.100.9")
    gre.ping(gre.pop_inner)
    assert pop.show("T4")["Tunnel Type"] == "gre"
    plain.send(packets.echo6(plain.inner, HOST6))
    pop.silent("the type does not change packet by packet")
    assert pop.show("T4")["Tunnel Type"] == "gre"
    pop.from_uplink(packets.filler(HOST6, gre.inner, 100))
    gre.receive()
