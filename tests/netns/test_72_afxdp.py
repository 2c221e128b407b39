"""
AYIYA past the kernel's stack: AF_XDP sockets in, orders out. What comes and goes is the same.

  T1 T2 ayiya    T3 protocol 41 198.51.100.9, MTU 1280    2001:db8:3001::/48 -> T1

Every test runs with native and with generic XDP on wan and core.
"""
import struct

import pytest

from lib import packets
from lib.config import PASSWORD, config, dynamic, static
from lib.fast import polling, ports
from lib.pop import Pop
from lib.topology import HOST6, ISP4, MAC, POP4
from test_16_super import SEQ, merged, octets, older, pieces

WHERE = {"1": "198.51.100.7", "2": "198.51.100.8"}


def plan(*more, pop=()):
    return config(dynamic("1", "ayiya", 1428), dynamic("2", "ayiya", 1428),
                  static("3", "198.51.100.9", 1280), *more,
                  subnets=[("2001:db8:3001::/48", "1")], pop=pop)


def alone(mode):
    """Every packet for itself: what follows one another would leave merged, through the stack."""
    return [f"set {ports(mode)}", "set offload off"]


def taken(p):
    """Packets that came by AF_XDP, and such that left past the stack."""
    said = p.daemon.json("pop show fastpath")["ayiya"]
    return said["in_packets"], said["out_packets"]


def wait_in_force(p, c):
    def tried():
        before = taken(p)
        c.send(packets.filler(c.inner, HOST6, 64))
        p.at_host(lambda q: q.src == c.inner)
        after = taken(p)
        return after[0] > before[0] and after[1] > before[1]
    p.daemon.until(tried, "AF_XDP takes the tunnel's packets")
    p.clear()


@pytest.fixture(scope="module", params=["native", "generic"])
def pop(topology, sixxsd, request):
    assert sixxsd
    with polling(topology), Pop(topology, plan(pop=alone(request.param))) as p:
        shown = p.daemon.json("pop show fastpath")
        if not shown["available"]:
            pytest.skip(f"skipped: no fast path here: {shown['why']}")
        assert shown["ayiya"]["queues"] >= 2, shown
        p.mode = request.param
        yield p


@pytest.fixture(params=sorted(WHERE))
def client(pop, request):
    return up(pop, request.param)


def up(p, tid="1"):
    c = p.ayiya(tid, WHERE[tid], port=41000 + int(tid))
    c.beat()
    p.daemon.until(lambda: p.show("T" + tid)["Outer Them"] == WHERE[tid], "up")
    wait_in_force(p, c)
    return c


def goes(p, send, receive, came=1, left=1):
    before = taken(p)
    send()
    got = receive()
    # a packet is counted when it has been sent: it may be here before that
    p.settle()
    assert tuple(a - b for a, b in zip(taken(p), before)) == (came, left)
    return got


@pytest.mark.parametrize("size", [48, 100, 1280, 1428])
def test_out_of_a_tunnel(pop, client, size):
    sent = packets.filler(client.inner, HOST6, size, hlim=9, tc=0xB9)
    got = goes(pop, lambda: client.send(sent), lambda: pop.at_host(lambda q: q.src == client.inner))
    assert got.raw[:7] == sent[:7] and got.raw[8:] == sent[8:] and got.ttl == 8


@pytest.mark.parametrize("size", [48, 100, 1280, 1428])
def test_into_a_tunnel(pop, client, size):
    sent = packets.filler(HOST6, client.inner, size, hlim=9, tc=2)
    outer, inner = goes(pop, lambda: pop.from_uplink(sent), client.receive)
    assert inner.octets[:7] == sent[:7] and inner.octets[8:] == sent[8:] and inner.ttl == 8
    assert (outer.src, outer.dst, outer.ttl, outer.tos, outer.df) == (POP4, client.them, 64, 2, True)
    assert outer.checksum_ok() and outer.payload[6:8] != b"\0\0" and len(outer.raw) == size + 72


def test_a_subnet_is_the_tunnels(pop):
    c = up(pop)
    goes(pop, lambda: c.send(packets.filler("2001:db8:3001::77", HOST6, 100)),
         lambda: pop.at_host(lambda q: q.src == "2001:db8:3001::77"))
    goes(pop, lambda: pop.from_uplink(packets.filler(HOST6, "2001:db8:3001:5::1", 100)), c.receive)


def test_from_tunnel_to_tunnel(pop):
    one, two, plain = up(pop), up(pop, "2"), pop.p41("3", "198.51.100.9")
    sent = packets.filler(one.inner, two.inner, 300, hlim=9)
    _, inner = goes(pop, lambda: one.send(sent), two.receive)
    assert inner.ttl == 8 and inner.octets[8:] == sent[8:]
    _, inner = goes(pop, lambda: one.send(packets.filler(one.inner, plain.inner, 300, hlim=9)),
                    plain.receive, left=0)
    assert inner.ttl == 8
    _, inner = goes(pop, lambda: plain.send(packets.filler(plain.inner, one.inner, 300, hlim=9)),
                    one.receive, came=0, left=0)
    assert inner.ttl == 8


def test_ecn_is_merged(pop):
    c = up(pop)
    for inner, outer, result in ((2, 3, 3), (1, 3, 3), (2, 1, 1), (0, 2, 0)):
        sent = packets.filler(c.inner, HOST6, 100, tc=inner)
        got = goes(pop, lambda s=sent, o=outer: c.send(s, tos=o),
                   lambda: pop.at_host(lambda q: q.src == c.inner))
        assert got.tos == result


def test_each_is_counted_once(pop):
    c = up(pop)
    before = pop.daemon.stats()
    for _ in range(100):
        c.send(packets.filler(c.inner, HOST6, 100))
        pop.from_uplink(packets.filler(HOST6, c.inner, 100))
    pop.settle()
    after = pop.daemon.stats()
    assert [a - b for a, b in zip(after["T1"][:4], before["T1"][:4])] == [10000, 17200, 100, 100]


def test_what_is_wrong_has_its_reason(pop):
    c = up(pop)
    with pop.counted("T1") as count:
        c.send(packets.filler(c.inner, HOST6, 100), secret=b"x" * 20)
        c.send(packets.filler(c.inner, HOST6, 100), epoch=1)
        c.send(packets.filler("2001:db8:2ff:2::2", HOST6, 100))     # of another tunnel
        c.wire.send(c.datagram(b"A" * 60))
    assert count.by == {"AYIYA Hash Fail": 1, "Clock Off": 1, "Wrong Source IPv6": 1}, count.by
    assert not [q for q in pop.core.seen() if q.src == c.inner]


def test_errors_are_answered_as_ever(pop):
    c = up(pop)
    c.send(packets.filler(c.inner, HOST6, 100, hlim=1))
    _, error = c.receive(lambda q: q.proto == packets.ICMPV6)
    assert error.icmp()[:2] == (3, 0)
    pop.from_uplink(packets.filler(HOST6, c.inner, 1429))
    assert pop.core.expect(lambda q: q.proto == packets.ICMPV6 and q.payload[0] == 2,
                           "packet too big").icmp()[2] == 1428
    assert c.ping(c.pop_inner)


def test_who_moves_is_followed(pop):
    c = up(pop)
    try:
        c.them = "198.51.100.77"
        before = taken(pop)
        # not with a clock that has been seen from elsewhere: a replay would look like that
        pop.daemon.until(lambda: c.beat() or pop.show("T1")["Outer Them"] == c.them, "it moves")
        assert taken(pop) == before
        wait_in_force(pop, c)
        outer, _ = goes(pop, lambda: pop.from_uplink(packets.filler(HOST6, c.inner, 100)), c.receive)
        assert outer.dst == "198.51.100.77"
    finally:
        c.them = WHERE["1"]
        pop.daemon.until(lambda: c.beat() or pop.show("T1")["Outer Them"] == c.them, "back")
        pop.clear()


def test_without_a_next_hop_the_kernel_answers(pop):
    c = up(pop)
    ip = pop.topology.pop.ip
    ip("-6", "route", "add", "unreachable", HOST6 + "/128")
    try:
        c.send(packets.filler(c.inner, HOST6, 100))
        c.receive(lambda q: q.proto == packets.ICMPV6 and q.payload[0] == 1, "unreachable")
    finally:
        ip("-6", "route", "del", "unreachable", HOST6 + "/128")
    wait_in_force(pop, c)


def test_a_narrow_route_is_the_kernels_to_answer(pop):
    c = up(pop)
    ip = pop.topology.pop.ip
    ip("-6", "route", "add", HOST6 + "/128", "dev", "core", "mtu", "lock", "1280")
    try:
        goes(pop, lambda: c.send(packets.filler(c.inner, HOST6, 1281)),
             lambda: c.receive(lambda q: q.proto == packets.ICMPV6 and q.payload[0] == 2, "too big"),
             left=0)
        goes(pop, lambda: c.send(packets.filler(c.inner, HOST6, 1280)),
             lambda: pop.at_host(lambda q: q.src == c.inner))
    finally:
        ip("-6", "route", "del", HOST6 + "/128", "dev", "core")
    wait_in_force(pop, c)


def test_a_narrow_way_to_the_client_lowers_the_tunnel(pop):
    c = up(pop)
    ip = pop.topology.pop.ip
    ip("route", "add", c.them + "/32", "via", ISP4, "mtu", "lock", "1400")
    try:
        pop.from_uplink(packets.filler(HOST6, c.inner, 1428))
        outer, _ = c.receive()
        assert len(outer.raw) == 1500, "the kernel's path MTU is for its own packets"
    finally:
        ip("route", "del", c.them + "/32")
    wait_in_force(pop, c)


def test_under_debug_it_is_an_ordinary_tunnel(pop):
    c = up(pop)
    with pop.daemon.session() as s:
        s.ask("tunnel set debug T1 on")
        goes(pop, lambda: c.send(packets.filler(c.inner, HOST6, 100)),
             lambda: pop.at_host(lambda q: q.src == c.inner), came=0, left=0)
        s.ask("tunnel set debug T1 off")
        wait_in_force(pop, c)


def test_off_and_on_again_while_packets_flow(pop):
    c = up(pop)
    for n, words in enumerate(("off", f"wan/{pop.mode} core/{pop.mode}") * 3):
        c.send(packets.filler(c.inner, HOST6, 100, mark=n))
        pop.cli(f"pop set fastpath {words}")
        pop.at_host(lambda q, n=n: q.payload[8:12] == struct.pack("!I", n))
        assert (pop.daemon.json("pop show fastpath")["ayiya"]["queues"] > 0) == (words != "off")
    wait_in_force(pop, c)


def test_only_where_both_interfaces_are_given(pop):
    c = up(pop)
    pop.cli(f"pop set fastpath core/{pop.mode}")
    try:
        goes(pop, lambda: c.send(packets.filler(c.inner, HOST6, 100)),
             lambda: pop.at_host(lambda q: q.src == c.inner), came=0, left=0)
        goes(pop, lambda: pop.from_uplink(packets.filler(HOST6, c.inner, 100)), c.receive, left=0)
    finally:
        pop.cli(f"pop set fastpath wan/{pop.mode} core/{pop.mode}")
    wait_in_force(pop, c)


def test_a_priority_tag_is_no_vlan(pop):
    c = up(pop)
    frame = bytes.fromhex(MAC["wan"].replace(":", "")) + bytes.fromhex("020000000101")
    sent = c.wrap(packets.filler(c.inner, HOST6, 100))
    goes(pop, lambda: pop.wan.socket.send(frame + struct.pack("!HHH", 0x8100, 5 << 13, 0x0800) + sent),
         lambda: pop.at_host(lambda q: q.src == c.inner))


def stream(take, octets_due):
    """Of one connection, as it arrives; the receiving end may have merged segments (GRO)."""
    got = b""
    while len(got) < octets_due:
        tcp = take().raw[40:]
        assert struct.unpack("!I", tcp[4:8])[0] == (SEQ + len(got)) & 0xFFFFFFFF
        got += tcp[(tcp[12] >> 4) * 4:]
    return got


@pytest.mark.parametrize("offload", ["on", "off"])
def test_what_follows_one_another_may_leave_merged_and_arrives_as_it_was(pop, offload):
    c = up(pop)
    pop.cli(f"pop set offload {offload}")
    try:
        before, seen = merged(pop)[1], 0
        for _ in range(20):     # how many of them the worker finds at once is nobody's promise
            sent = octets(12 * 1000 - 77)
            c.send(*pieces(c.inner, HOST6, sent))
            assert stream(lambda: pop.at_host(lambda p: p.proto == packets.TCP), len(sent)) == sent
            data = pieces(HOST6, c.inner, sent)
            pop.from_uplink(*data)
            got = [c.receive(lambda p: p.proto == packets.TCP) for _ in data]
            assert [inner.octets for _, inner in got] == [older(x) for x in data]
            assert all(outer.checksum_ok() and outer.dst == c.them for outer, _ in got)
            seen = merged(pop)[1] - before
            if seen and offload == "on":
                break
        assert (seen > 0) == (offload == "on")
    finally:
        pop.cli("pop set offload off")
    pop.clear()


def test_reload_disturbs_nothing(pop):
    c = up(pop)
    before = taken(pop)
    pop.daemon.reload(plan(pop=alone(pop.mode)))
    for n in range(100):
        c.send(packets.filler(c.inner, HOST6, 100, mark=n))
    pop.daemon.wait_output("reload of .*: done")
    for n in range(100):
        pop.at_host(lambda q, n=n: q.payload[8:12] == struct.pack("!I", n))
    assert taken(pop)[0] - before[0] == 100


def test_it_is_shown(pop):
    text = pop.daemon.ask("pop show fastpath").text
    assert "AYIYA                   : AF_XDP, receive queues: " in text, text
    assert PASSWORD not in text


def test_without_its_device_all_goes_as_ever(pop):
    """The last one: somebody removes it, and nothing brings it back."""
    c = up(pop)
    pop.topology.pop.ip("link", "del", "sixxs-out")
    goes(pop, lambda: c.send(packets.filler(c.inner, HOST6, 100)),
         lambda: pop.at_host(lambda q: q.src == c.inner), left=0)
    goes(pop, lambda: pop.from_uplink(packets.filler(HOST6, c.inner, 100)), c.receive, left=0)
