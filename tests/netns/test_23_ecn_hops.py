"""
Congestion marks over the tunnel border (RFC 6040), and exactly one hop whichever way.

  T1 6in4 198.51.100.7   T2 6in6 2001:db8:cafe::7   T3 GRE 198.51.100.8
  T4 GRE 2001:db8:cafe::8   T5 AYIYA 198.51.100.9   T6 AYIYA 2001:db8:cafe::9
"""
import pytest

from lib import packets
from lib.config import config, dynamic, static
from lib.topology import HOST6
from lib.vectors import load

ENCAP = load("encap")
CONFIG = config(static("1", "198.51.100.7"), static("2", "2001:db8:cafe::7"),
                static("3", "198.51.100.8"), static("4", "2001:db8:cafe::8"),
                dynamic("5", "ayiya", 1480), dynamic("6", "ayiya", 1480),
                "encap T3 gre", "encap T4 gre")
DSCP = 0b10111000


@pytest.fixture(scope="module")
def pop(module_pop):
    p = module_pop(CONFIG)
    p.end = {"6in4": p.p41("1", "198.51.100.7"), "6in6": p.p41("2", "2001:db8:cafe::7"),
             "gre4": p.gre("3", "198.51.100.8"), "gre6": p.gre("4", "2001:db8:cafe::8"),
             "ayiya4": p.ayiya("5", "198.51.100.9"), "ayiya6": p.ayiya("6", "2001:db8:cafe::9")}
    for name in ("ayiya4", "ayiya6"):
        p.end[name].beat()
    p.settle()
    return p


@pytest.fixture(params=["6in4", "6in6", "gre4", "gre6", "ayiya4", "ayiya6"])
def client(pop, request):
    pop.clear()
    return pop.end[request.param]


@pytest.mark.parametrize("row", ENCAP["ecn_decap"], ids=lambda r: f"{r['inner']}-{r['outer']}")
def test_decapsulation(pop, client, row):
    sent = packets.filler(client.inner, HOST6, 100, tc=DSCP | row["inner"])
    client.send(sent, tos=row["outer"])
    if row["result"] == "drop":
        pop.silent()
        return
    got = pop.at_host()
    assert got.tos == DSCP | row["result"], "and the inner DSCP stays"
    assert got.raw[8:] == sent[8:]


@pytest.mark.parametrize("row", ENCAP["ecn_encap_normal"], ids=lambda r: str(r["inner"]))
def test_encapsulation(pop, client, row):
    pop.from_uplink(packets.filler(HOST6, client.inner, 100, tc=DSCP | row["inner"]))
    outer, inner = client.receive()
    assert outer.tos == row["outer"], "the mark is copied, the DSCP is not"
    assert inner.tos == DSCP | row["inner"]


@pytest.mark.parametrize("row", [r for r in ENCAP["ecn_decap"] if r["result"] != "drop"],
                         ids=lambda r: f"{r['inner']}-{r['outer']}")
def test_through_two_tunnels(pop, row):
    """Out of one, into the other: the result is what goes on, outside and inside."""
    pop.clear()
    a, b = pop.end["6in4"], pop.end["ayiya4"]
    a.send(packets.filler(a.inner, b.inner, 100, tc=row["inner"]), tos=row["outer"])
    outer, inner = b.receive()
    assert (inner.ecn, outer.ecn) == (row["result"], row["result"])


def test_inner_ipv4_is_marked_and_its_checksum_follows(pop):
    pop.clear()
    a, b = pop.end["gre4"], pop.end["ayiya4"]
    a.send(packets.echo4("240.127.128.7", "240.127.128.11", tos=2), tos=3)
    _, inner = b.receive(lambda p: p.version == 4)
    assert inner.ecn == 3 and inner.checksum_ok()


def test_outer_dscp_inward_means_nothing(pop, client):
    client.send(packets.filler(client.inner, HOST6, 100), tos=DSCP)
    assert pop.at_host().tos == 0


def test_flow_label_of_an_outer_ipv6_header_follows_the_flow(pop):
    pop.clear()
    c = pop.end["6in6"]
    labels = {}
    for port in (1, 2, 3, 1, 2, 3):
        pop.from_uplink(packets.udp(HOST6, c.inner, port, 9, b"x" * 20))
        outer, _ = c.receive()
        labels.setdefault(port, set()).add(outer.flow)
    assert all(len(s) == 1 for s in labels.values()), "one flow, one label"


@pytest.mark.parametrize("ttl", [1, 2, 64, 255])
def test_the_outer_hop_limit_means_nothing(pop, client, ttl):
    client.send(packets.filler(client.inner, HOST6, 100, hlim=64), ttl=ttl)
    assert pop.at_host().ttl == 63


@pytest.mark.parametrize("hlim", [2, 64, 255])
def test_one_hop_from_the_tunnel(pop, client, hlim):
    client.send(packets.filler(client.inner, HOST6, 100, hlim=hlim))
    assert pop.at_host().ttl == hlim - 1


@pytest.mark.parametrize("hlim", [2, 64, 255])
def test_one_hop_to_the_tunnel(pop, client, hlim):
    pop.from_uplink(packets.filler(HOST6, client.inner, 100, hlim=hlim))
    assert client.receive()[1].ttl == hlim - 1


@pytest.mark.parametrize("hlim", [2, 64, 255])
def test_one_hop_between_tunnels(pop, client, hlim):
    other = pop.end["6in4"] if client is not pop.end["6in4"] else pop.end["gre6"]
    client.send(packets.filler(client.inner, other.inner, 100, hlim=hlim))
    assert other.receive()[1].ttl == hlim - 1


def test_expiry_shows_the_pop_once_each_way(pop, client):
    """A traceroute sees one hop: 1 ends here, 2 is through, from both sides."""
    client.send(packets.filler(client.inner, HOST6, 100, hlim=1))
    _, error = client.receive()
    assert error.src == client.pop_inner and error.icmp()[:2] == (3, 0)
    pop.from_uplink(packets.filler(HOST6, client.inner, 100, hlim=1))
    error = pop.at_host(lambda p: p.proto == packets.ICMPV6)
    assert error.icmp()[:2] == (3, 0)
    pop.from_uplink(packets.filler(HOST6, client.inner, 100, hlim=2))
    assert client.receive()[1].ttl == 1
