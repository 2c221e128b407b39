"""
The fast path: what the driver forwards is what user space would have, and counts alike.

  T1 198.51.100.7 protocol 41    T2 198.51.100.8 GRE    T3 198.51.100.9 protocol 41, MTU 1280
  T4 heartbeat                   2001:db8:3001::/48 -> T1

Every test runs with native and with generic XDP and with TC on wan and core.
"""
import socket
import struct

import pytest

from lib import packets
from lib.fast import WHERE, attached, carried, client, plan, polling, ports, wait_in_force
from lib.pop import Pop
from lib.topology import HOST6, ISP4, MAC, POP4


@pytest.fixture(scope="module", params=["native", "generic", "tc", "clsact"])
def fast(topology, sixxsd, request):
    assert sixxsd
    with polling(topology), Pop(topology, plan(pop=[f"set {ports(request.param)}"])) as p:
        shown = p.daemon.json("pop show fastpath")
        if not shown["available"]:
            pytest.skip(f"skipped: no fast path here: {shown['why']}")
        assert [i["mode"] for i in shown["interfaces"]] == [request.param] * 2
        p.mode = request.param
        wait_in_force(p)
        yield p


def goes(p, send, receive, fast_packets=1):
    """Send one packet, get it at the other end; it went the way it should."""
    before = carried(p)
    send()
    got = receive()
    assert carried(p) - before == fast_packets
    return got


@pytest.mark.parametrize("tid", ["1", "2", "3"])
def test_out_of_a_tunnel(fast, tid):
    c = client(fast, tid)
    wait_in_force(fast, tid)
    for tc, flow in ((0, 0), (0xB9, 0x12345)):
        sent = packets.udp_segment(c.inner, HOST6, 1, 2, b"x" * 100)
        sent = packets.ip6(c.inner, HOST6, packets.UDP, sent, hlim=9, tc=tc, flow=flow)
        got = goes(fast, lambda s=sent: c.send(s), lambda: fast.at_host(lambda q: q.src == c.inner))
        assert got.raw[:7] == sent[:7] and got.raw[8:] == sent[8:] and got.ttl == 8


@pytest.mark.parametrize("tid", ["1", "2", "3"])
def test_into_a_tunnel(fast, tid):
    c = client(fast, tid)
    wait_in_force(fast, tid)
    sent = packets.filler(HOST6, c.inner, 1280, hlim=9, tc=2)
    outer, inner = goes(fast, lambda: fast.from_uplink(sent), c.receive)
    assert inner.octets[:7] == sent[:7] and inner.octets[8:] == sent[8:] and inner.ttl == 8
    assert (outer.src, outer.dst, outer.ttl, outer.tos, outer.df) == (POP4, c.them, 64, 2, True)
    assert outer.checksum_ok() and len(outer.raw) == 1280 + (24 if tid == "2" else 20)


def test_from_tunnel_to_tunnel_in_one_go(fast):
    one, two = client(fast, "1"), client(fast, "2")
    wait_in_force(fast, "2")
    sent = packets.filler(one.inner, two.inner, 300, hlim=9)
    _, inner = goes(fast, lambda: one.send(sent), two.receive)
    assert inner.ttl == 8 and inner.octets[8:] == sent[8:]


def test_a_subnet_is_the_tunnels(fast):
    c = client(fast, "1")
    sent = packets.filler("2001:db8:3001::77", HOST6, 100)
    goes(fast, lambda: c.send(sent), lambda: fast.at_host(lambda q: q.src == "2001:db8:3001::77"))
    goes(fast, lambda: fast.from_uplink(packets.filler(HOST6, "2001:db8:3001:5::1", 100)), c.receive)


def test_ecn_is_merged_as_in_user_space(fast):
    c = client(fast, "1")
    for inner, outer, result in ((2, 3, 3), (1, 3, 3), (2, 1, 1), (1, 2, 1), (0, 2, 0), (3, 0, 3)):
        sent = packets.filler(c.inner, HOST6, 100, tc=inner)
        got = goes(fast, lambda s=sent, o=outer: c.send(s, tos=o),
                   lambda: fast.at_host(lambda q: q.src == c.inner))
        assert got.tos == result


def test_what_is_not_common_goes_up_and_is_answered_there(fast):
    c = client(fast, "3")
    wait_in_force(fast, "3")
    before = carried(fast)
    c.send(packets.filler(c.inner, HOST6, 100, hlim=1))
    _, error = c.receive(lambda q: q.proto == packets.ICMPV6)
    assert error.icmp()[:2] == (3, 0)
    fast.from_uplink(packets.filler(HOST6, c.inner, 1281))
    assert fast.core.expect(lambda q: q.proto == packets.ICMPV6 and q.payload[0] == 2,
                            "packet too big").icmp()[2] == 1280
    with fast.counted("T3") as count:
        c.send(packets.filler("2001:db8:2ff:1::2", HOST6, 100))    # of another tunnel
        fast.wan.send(packets.ip4("198.51.100.66", POP4, packets.IPV6,
                                  packets.filler(c.inner, HOST6, 100)))
    assert count.by == {"Wrong Outer Source": 1}
    assert c.ping(c.pop_inner)
    assert carried(fast) == before


def test_every_packet_is_counted_once_whichever_way_it_took(fast):
    c = client(fast, "1")
    # the first that user space sees of a tunnel teaches it our address: the line is written anew
    assert c.ping(c.pop_inner)
    wait_in_force(fast)
    before = fast.daemon.stats()
    fast_before = carried(fast)
    for n in range(200):
        # every fourth has an extension header, which user space looks into
        body = packets.udp_segment(c.inner, HOST6, 1, 2, b"y" * 50)
        if n % 4 == 0:
            sent = packets.ip6(c.inner, HOST6, packets.DSTOPTS,
                               bytes([packets.UDP, 0, 1, 4, 0, 0, 0, 0]) + body)
        else:
            sent = packets.ip6(c.inner, HOST6, packets.UDP, body + b"")
        c.send(sent)
    fast.settle()
    after = fast.daemon.stats()
    assert carried(fast) - fast_before >= 150
    grew = [a - b for a, b in zip(after["T1"][:4], before["T1"][:4])]
    assert grew == [150 * 98 + 50 * 106, 0, 200, 0]
    for name in ("uplink", "total"):
        assert after[name][3] - before[name][3] >= 200


def test_under_debug_a_tunnel_goes_through_user_space_at_once(fast):
    c = client(fast, "1")
    with fast.daemon.session() as s:
        s.ask("tunnel set debug T1 on")
        before = carried(fast)
        c.send(packets.filler(c.inner, HOST6, 100))
        fast.at_host(lambda q: q.src == c.inner)
        assert carried(fast) == before
        s.ask("tunnel set debug T1 off")
        goes(fast, lambda: c.send(packets.filler(c.inner, HOST6, 100)),
             lambda: fast.at_host(lambda q: q.src == c.inner))


def test_disabled_means_now_and_up_again_means_fast_again(fast):
    c = client(fast, "3")
    fast.cli("tunnel set config 3 T3 198.51.100.9 disabled 1280")
    with fast.counted("T3") as count:
        for _ in range(5):
            c.send(packets.filler(c.inner, HOST6, 100))
    assert count.by == {"Disabled tunnel": 5}
    fast.cli("tunnel set config 3 T3 198.51.100.9 up 1280")
    wait_in_force(fast, "3")


def test_a_heartbeat_moves_the_endpoint_of_a_fast_tunnel(fast):
    for them in ("198.51.100.20", "198.51.100.21"):
        beat = fast.heartbeat("4", them)
        c = fast.p41("4", them)
        WHERE["4"] = them
        fast.daemon.until(lambda b=beat, t=them: b.beat() or fast.show("T4")["Outer Them"] == t,
                          "the heartbeat is heard", 15)
        wait_in_force(fast, "4")
        outer, _ = goes(fast, lambda c=c: fast.from_uplink(packets.filler(HOST6, c.inner, 100)),
                        c.receive)
        assert outer.dst == them


def next_frame(p, c):
    """A packet into the tunnel as the whole frame that arrives."""
    with p.topology.isp.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)) as s:
        s.bind(("isp0", 0x0800))
        s.settimeout(5)
        p.from_uplink(packets.filler(HOST6, c.inner, 100))
        while True:
            frame = s.recv(2048)
            if packets.parse(frame[14:]).dst == c.them:
                return frame


def test_a_neighbour_with_another_address_is_followed(fast):
    c = client(fast, "1")
    ip = fast.topology.pop.ip
    try:
        for lladdr in ("02:00:00:00:01:77", MAC["isp0"]):
            ip("neigh", "replace", ISP4, "lladdr", lladdr, "dev", "wan", "nud", "permanent")
            fast.daemon.until(lambda want=lladdr: next_frame(fast, c)[:6] == bytes.fromhex(
                want.replace(":", "")), f"frames go to {lladdr}")
            before = carried(fast)
            next_frame(fast, c)
            assert carried(fast) - before == 1, "by the fast path"
    finally:
        ip("neigh", "replace", ISP4, "lladdr", MAC["isp0"], "dev", "wan", "nud", "permanent")
    fast.clear()


def test_a_route_that_changes_is_followed(fast):
    c = client(fast, "1")
    ip = fast.topology.pop.ip
    goes(fast, lambda: c.send(packets.filler(c.inner, HOST6, 100)),
         lambda: fast.at_host(lambda q: q.src == c.inner))
    ip("-6", "route", "add", "unreachable", HOST6 + "/128")
    try:
        before = carried(fast)
        c.send(packets.filler(c.inner, HOST6, 100))
        c.receive(lambda q: q.proto == packets.ICMPV6 and q.payload[0] == 1,
                  "the kernel's own answer: unreachable")
        assert carried(fast) - before <= 1, "the answer alone may have been fast"
        assert not [q for q in fast.core.seen() if q.src == c.inner]
    finally:
        ip("-6", "route", "del", "unreachable", HOST6 + "/128")
    wait_in_force(fast)


def test_with_routing_rules_the_kernel_is_asked_each_time(fast):
    ip = fast.topology.pop.ip
    ip("-6", "rule", "add", "from", "2001:db8:2ff::/48", "lookup", "main", "prio", "100")
    try:
        fast.daemon.until(lambda: not fast.daemon.json("pop show fastpath")["next_hops_kept"],
                          "the rule is heard of")
        c = client(fast, "1")
        goes(fast, lambda: c.send(packets.filler(c.inner, HOST6, 100)),
             lambda: fast.at_host(lambda q: q.src == c.inner))
    finally:
        ip("-6", "rule", "del", "prio", "100")
    fast.daemon.until(lambda: fast.daemon.json("pop show fastpath")["next_hops_kept"],
                      "the rule is gone")


def test_a_route_for_some_sources_is_not_taken_for_others(fast):
    ip, one, two = fast.topology.pop.ip, client(fast, "1"), client(fast, "2")
    wait_in_force(fast, "2")
    for c in (one, two):            # the way to the host is known, whoever asked for it
        goes(fast, lambda c=c: c.send(packets.filler(c.inner, HOST6, 100)),
             lambda c=c: fast.at_host(lambda q: q.src == c.inner))
    route = ("unreachable", HOST6 + "/128", "from", "2001:db8:2ff:2::/64")
    ip("-6", "route", "add", *route)
    try:
        fast.daemon.until(lambda: not fast.daemon.json("pop show fastpath")["next_hops_kept"],
                          "the route is heard of")
        assert "routes from some sources" in fast.cli("pop show fastpath").text
        goes(fast, lambda: one.send(packets.filler(one.inner, HOST6, 100)),
             lambda: fast.at_host(lambda q: q.src == one.inner))
        two.send(packets.filler(two.inner, HOST6, 100))
        two.receive(lambda q: q.proto == packets.ICMPV6 and q.payload[0] == 1,
                    "the kernel's own answer: unreachable")
        assert not [q for q in fast.core.seen() if q.src == two.inner]
    finally:
        ip("-6", "route", "del", *route)
    fast.daemon.until(lambda: fast.daemon.json("pop show fastpath")["next_hops_kept"],
                      "the route is gone")


def tagged(wire, mac, vlan, packet):
    """A raw frame with one 802.1Q tag."""
    frame = bytes.fromhex(mac.replace(":", "")) + bytes.fromhex("020000000101")
    wire.socket.send(frame + struct.pack("!HHH", 0x8100, vlan, 0x0800) + packet)


def test_a_priority_tag_is_no_vlan_and_an_unknown_vlan_goes_up(fast):
    c = client(fast, "1")
    outer = packets.ip4(c.them, POP4, packets.IPV6, packets.filler(c.inner, HOST6, 100))
    goes(fast, lambda: tagged(fast.wan, MAC["wan"], 5 << 13, outer),
         lambda: fast.at_host(lambda q: q.src == c.inner))
    before = carried(fast)
    tagged(fast.wan, MAC["wan"], 42, outer)
    fast.silent("a VLAN that is not configured")
    assert carried(fast) == before


def test_a_frame_for_somebody_else_is_not_ours(fast):
    c = client(fast, "1")
    outer = packets.ip4(c.them, POP4, packets.IPV6, packets.filler(c.inner, HOST6, 100))
    frame = bytes.fromhex("0200000001ee020000000101") + struct.pack("!H", 0x0800) + outer
    fast.clear()
    fast.wan.socket.send(frame)
    fast.silent("addressed to another station")


def test_the_same_file_again_disturbs_nothing(fast):
    c = client(fast, "1")
    generation = fast.daemon.json("pop show fastpath")["generation"]
    before = carried(fast)
    fast.daemon.reload(plan(pop=[f"set {ports(fast.mode)}"]))
    for n in range(100):
        c.send(packets.filler(c.inner, HOST6, 100, mark=n))
    fast.daemon.wait_output("reload of .*: done")
    for n in range(100):
        fast.at_host(lambda q, n=n: q.payload[8:12] == struct.pack("!I", n))
    assert carried(fast) - before == 100
    assert fast.daemon.json("pop show fastpath")["generation"] == generation


def test_saved_and_loaded_again(fast):
    fast.cli("pop saveconfig")
    with open(fast.daemon.conf, encoding="utf-8") as f:
        assert f"\t\t{ports(fast.mode)}\n" in f.read()


@pytest.mark.parametrize("words, code, said", [
    ("nosuch0", 500, "there is no interface nosuch0"),
    ("wan/fast", 400, "Invalid mode"),
    ("wan wan", 400, "named twice"),
    ("lo", 500, "no Ethernet interface"),
    ("thisnameiswaytoolong", 400, "Invalid interface"),
])
def test_what_cannot_be_is_refused_and_changes_nothing(fast, words, code, said):
    before = fast.daemon.json("pop show fastpath")["interfaces"]
    answer = fast.daemon.ask(f"pop set fastpath {words}")
    assert answer.code == code and said in answer.text, answer
    assert fast.daemon.json("pop show fastpath")["interfaces"] == before


def test_off_and_on_again_while_packets_flow(fast):
    c = client(fast, "1")
    for n, words in enumerate(("off", f"wan/{fast.mode} core/{fast.mode}") * 3):
        c.send(packets.filler(c.inner, HOST6, 100, mark=n))
        fast.cli(f"pop set fastpath {words}")
        fast.at_host(lambda q, n=n: q.payload[8:12] == struct.pack("!I", n))
        assert fast.daemon.json("pop show fastpath")["on"] == (words != "off")
        assert attached(fast.topology, "wan") == (words != "off" and fast.mode not in ("tc", "clsact"))
    wait_in_force(fast)
