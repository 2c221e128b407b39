"""
Protocol 41, static: 6in4 and 6in6.

  T1 198.51.100.7 (IPv4)      T2 2001:db8:cafe::7 (IPv6)      T3 198.51.100.8
  2001:db8:3001::/48 -> T1    2001:db8:3002::/48 -> T2
"""
import pytest

from lib import packets
from lib.config import config, static
from lib.topology import HOST6, POP4, POP6
from lib.vectors import load, octets

CONFIG = config(static("1", "198.51.100.7", 1480), static("2", "2001:db8:cafe::7", 1460),
                static("3", "198.51.100.8", 1280),
                subnets=[("2001:db8:3001::/48", "1"), ("2001:db8:3002::/48", "2")])
WHERE = {"1": "198.51.100.7", "2": "2001:db8:cafe::7"}


@pytest.fixture(scope="module")
def pop(module_pop):
    return module_pop(CONFIG)


@pytest.fixture(params=sorted(WHERE), ids=["6in4", "6in6"])
def client(pop, request):
    pop.clear()
    return pop.p41(request.param, WHERE[request.param])


def subnet_of(client, host):
    return f"2001:db8:300{client.inner[13]}::{host}"


def test_the_pop_answers_a_ping_to_its_own_end(client):
    outer, inner = client.ping(client.pop_inner, data=b"hello pop")
    assert (outer.src, outer.dst) == (client.us, client.them)
    assert (inner.src, inner.dst, inner.ttl) == (client.pop_inner, client.inner, 64)
    assert inner.icmp()[3] == b"hello pop" and inner.checksum_ok()


def test_from_the_tunnel_to_the_world(pop, client):
    for source in (client.inner, client.inner.replace("ff:", "ff:800", 1).replace("::2", "::9"),
                   subnet_of(client, "77")):
        sent = packets.filler(source, HOST6, 200, hlim=64)
        client.send(sent)
        got = pop.at_host(lambda p, s=source: p.src == s)
        assert got.raw[:7] == sent[:7] and got.raw[8:] == sent[8:], "nothing but the hop limit"
        assert got.ttl == 63


def test_from_the_world_to_the_tunnel(pop, client):
    for to in (client.inner, client.inner.replace("ff:", "ff:800", 1).replace("::2", "::9"),
               subnet_of(client, "77")):
        sent = packets.filler(HOST6, to, 200, hlim=64)
        pop.from_uplink(sent)
        outer, inner = client.receive(lambda p, t=to: p.dst == t)
        assert inner.octets[:7] == sent[:7] and inner.octets[8:] == sent[8:]
        assert inner.ttl == 63
        assert outer.checksum_ok()
        assert (outer.src, outer.dst, outer.proto) == (client.us, client.them, 41)
        assert outer.ttl == 64 and outer.tos == 0
        if outer.version == 4:
            assert outer.df and len(outer.raw) == 220
        else:
            assert len(outer.raw) == 240


def test_as_in_the_vectors(pop):
    """The published frames, octet for octet."""
    pop.clear()
    frames = {f["name"]: octets(f, "frame_hex") for f in load("encap")["frames"]}
    pop.wan.send(frames["6in4 client->pop"])
    got = pop.at_host()
    assert got.raw[8:] == frames["6in4 client->pop"][28:]
    for name, tid, outer_len in (("6in4 pop->client, DF set, TTL 64", "1", 20),):
        inner = bytearray(frames[name][outer_len:])
        inner[7] += 1           # the kernel takes one on the way to the TUN device
        pop.from_uplink(bytes(inner))
        outer, _ = pop.p41(tid, WHERE[tid]).receive()
        masked = bytearray(outer.raw)
        want = bytearray(frames[name])
        for field in (4, 5, 10, 11):    # the identification is free when DF is set
            masked[field] = want[field] = 0
        assert masked == want


def test_between_two_tunnels_one_hop_and_both_accounted(pop):
    pop.clear()
    one, two = pop.p41("1", WHERE["1"]), pop.p41("2", WHERE["2"])
    before = pop.daemon.stats()
    sent = packets.filler(one.inner, two.inner, 300, hlim=64)
    one.send(sent)
    _, inner = two.receive()
    assert inner.ttl == 63 and inner.octets[8:] == sent[8:]
    pop.silent("a hairpin never touches the uplink")
    after = pop.daemon.stats()
    zero = [0] * 4
    assert after["T1"][0] - before.get("T1", zero)[0] == 300
    assert after["T1"][2] - before.get("T1", zero)[2] == 1
    assert after["T2"][1] - before.get("T2", zero)[1] == 340
    assert after["T2"][3] - before.get("T2", zero)[3] == 1


def test_counters_in_is_inner_out_is_outer(pop, client):
    before = pop.daemon.stats()
    name = "T" + client.inner[13]
    client.send(packets.filler(client.inner, HOST6, 200))
    pop.at_host()
    pop.from_uplink(packets.filler(HOST6, client.inner, 150))
    client.receive()
    pop.settle()
    after = pop.daemon.stats()
    zero = [0] * 4
    grew = [a - b for a, b in zip(after[name][:4], before.get(name, zero)[:4])]
    assert grew == [200, 150 + client.overhead, 1, 1]


def test_trailing_octets_are_cut(pop, client):
    sent = packets.filler(client.inner, HOST6, 100)
    client.send(sent + b"left over from something else")
    assert len(pop.at_host().raw) == 100
    pop.tun.clear()
    client.send(sent + b"again")
    got = pop.tun.expect(lambda p: p.src == client.inner and not p.out_of_device)
    assert len(got.raw) == 100


@pytest.mark.parametrize("size", [100, 1280, 1460])
def test_every_size_both_ways(pop, client, size):
    client.send(packets.filler(client.inner, HOST6, size))
    assert len(pop.at_host().raw) == size
    pop.from_uplink(packets.filler(HOST6, client.inner, size))
    assert len(client.receive()[1].raw) == size


def test_outer_fragments_are_reassembled(pop):
    pop.clear()
    one = pop.p41("1", WHERE["1"])
    inner = packets.filler(one.inner, HOST6, 1400)
    for offset, part, more in ((0, inner[:800], True), (800, inner[800:], False)):
        pop.wan.send(packets.ip4(one.them, POP4, 41, part, df=False, ident=77, more=more,
                                 offset=offset))
    assert len(pop.at_host().raw) == 1400


def test_options_in_the_outer_header(pop):
    pop.clear()
    one = pop.p41("1", WHERE["1"])
    inner = packets.filler(one.inner, HOST6, 100)
    pop.wan.send(packets.ip4(one.them, POP4, 41, inner, options=b"\x01" * 8))
    assert len(pop.at_host().raw) == 100
    two = pop.p41("2", WHERE["2"])
    options = bytes([41, 0, 1, 4, 0, 0, 0, 0])
    pop.wan.send(packets.ip6(two.them, POP6, packets.DSTOPTS,
                             options + packets.filler(two.inner, HOST6, 101)))
    assert len(pop.at_host().raw) == 101


def test_another_source_is_dropped_in_silence(pop, client):
    name = "T" + client.inner[13]
    stranger = "203.0.113.66" if client.us == POP4 else "2001:db8:cafe::66"
    with pop.counted(name) as count:
        client.send(packets.echo6(client.inner, HOST6), them=stranger)
    pop.silent()
    assert count.by == {"Wrong Outer Source": 1}


def test_a_down_static_tunnel_takes_its_first_packet(pop):
    pop.clear()
    client = pop.p41("3", "198.51.100.8")
    assert pop.show("T3")["Tunnel State"] == "up"
    client.send(packets.filler(client.inner, HOST6, 100))
    pop.at_host()
    assert pop.show("T3")["Outer Us"] == POP4


def test_tunnel_list_shows_it(pop, client):
    client.ping(client.pop_inner)
    row = pop.daemon.list()["T" + client.inner[13]]
    assert row[:4] == [client.inner, client.them, "up", "direct"]
