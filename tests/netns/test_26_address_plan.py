"""
The address plan for the prefixes people really have, against a naive search over the
configuration for the longest prefix.
"""
import ipaddress
import random

import pytest

from lib import packets
from lib.client import Protocol41
from lib.config import PREFIX, WORKERS, config, static
from lib.topology import HOST6
from lib.vectors import load

HEAD = "pop set details 1 testpop 192.0.2.42 2001:db8::42\npop set id 1\n"


class Plan:
    """What a file says, kept as a list of prefixes and looked up by looking at all of them."""

    def __init__(self, tunnel, subnets, tids, routes):
        """@subnets: (prefix, delegate or None); @routes: (subnet, tid)"""
        self.tunnel = ipaddress.ip_network(tunnel)
        self.bits = 64 - self.tunnel.prefixlen
        self.routed = 1 << self.bits - 1
        self.tids = {tid: f"198.51.{100 + n // 250}.{1 + n % 250}" for n, tid in enumerate(tids)}
        self.subnets, self.routes = subnets, routes
        self.table = []
        for tid in tids:
            self.table.append((self.net64(tid), tid, "transfer"))
            self.table.append((self.net64(tid | self.routed), tid, "routed"))
        for subnet, tid in routes:
            self.table.append((ipaddress.ip_network(subnet), tid, "subnet"))

    def net64(self, number):
        base = int(self.tunnel.network_address) + (number << 64)
        return ipaddress.IPv6Network((base, 64))

    def address(self, tid, host):
        return str(self.net64(tid)[host])

    def owner(self, address):
        """The tid a packet to this address must go to, or None."""
        a = ipaddress.ip_address(address)
        # the tunnel prefix is looked up first, wherever it lies
        found = [(n.prefixlen, tid, kind) for n, tid, kind in self.table
                 if a in n and (kind != "subnet" or a not in self.tunnel)]
        if not found:
            return None
        _, tid, kind = max(found)
        if kind == "transfer" and int(a) & (1 << 64) - 1 != 2:
            return None
        return tid

    def text(self):
        lines = [HEAD + f"pop tunnelprefix add {self.tunnel}"]
        for prefix, delegate in self.subnets:
            lines.append(f"pop subnetprefix add {prefix}"
                         + (f" delegate {delegate}" if delegate else ""))
        for tid, them in self.tids.items():
            lines.append(f"tunnel set config {tid:x} T{tid} {them} up 1480")
        for subnet, tid in self.routes:
            lines.append(f"subnet set config {subnet} {tid:x} static")
        return "\n".join(lines) + "\n"


def interesting(plan, dice):
    """Addresses around everything that is configured, and anywhere inside."""
    nets = [plan.tunnel] + [ipaddress.ip_network(p) for p, _ in plan.subnets] + \
        [n for n, _, _ in plan.table]
    for net in nets:
        first, last = int(net[0]), int(net[-1])
        for n in (first, first + 1, first + 2, first + 3, last, last - 1):
            yield n
        for _ in range(4):
            yield dice.randint(first, last)
    for tid in plan.tids:
        for number in (tid, tid | plan.routed, tid + 1, tid ^ plan.routed ^ 1):
            if number < 1 << plan.bits:
                yield int(plan.net64(number)[2])


PLANS = {
    "/48, as it always was": Plan(
        "2001:db8:2ff::/48", [("2001:db8:3000::/40", None), ("2001:db8:4242::/48", None)],
        [0, 1, 2, 0x2AE, 0x42C, 0x1FFF],
        [("2001:db8:3001::/48", 1), ("2001:db8:30ff::/48", 2), ("2001:db8:4242:100::/56", 0x42C),
         ("2001:db8:4242:ff00::/56", 0x1FFF), ("2001:db8:3000::/48", 0)]),
    "/52 in a single /48 that hands out /60s and /56s": Plan(
        "2001:db8:4200:f000::/52",
        [("2001:db8:4200::/52", 60), ("2001:db8:4200:1000::/52", 56),
         ("2001:db8:4200:2000::/51", 64)],
        [0, 1, 5, 0x7FE, 0x400],
        [("2001:db8:4200:10::/60", 1), ("2001:db8:4200:ff0::/60", 5),
         ("2001:db8:4200:1100::/56", 0x7FE), ("2001:db8:4200:1f00::/56", 0),
         ("2001:db8:4200:2000::/64", 1), ("2001:db8:4200:3fff::/64", 0x400)]),
    "/56": Plan("2001:db8:4200:ff00::/56", [("2001:db8:4200::/49", 57)],
                [0, 1, 0x7E, 0x40],
                [("2001:db8:4200::/57", 1), ("2001:db8:4200:7f80::/57", 0x7E)]),
    "/60, seven tunnels": Plan("2001:db8:4200:fff0::/60", [("2001:db8:4200:8000::/50", 52)],
                               [0, 1, 2, 3, 4, 5, 6],
                               [("2001:db8:4200:8000::/52", 6), ("2001:db8:4200:b000::/52", 3)]),
    "/55, an odd length": Plan("2001:db8:4200:200::/55", [("2001:db8:4200:4000::/50", 63)],
                               [0, 3, 0xFE],
                               [("2001:db8:4200:4000::/63", 3), ("2001:db8:4200:7ffe::/63", 0)]),
    "the tunnel prefix inside a subnet prefix wins": Plan(
        "2001:db8:3002::/48", [("2001:db8:3000::/40", None)], [0, 1, 0x7FF],
        [("2001:db8:3001::/48", 1), ("2001:db8:3003::/48", 0x7FF)]),
    "16 subnet prefixes": Plan(
        "2001:db8:2ff::/48", [(f"2001:db8:50{n:x}0::/44", 48) for n in range(16)],
        [1, 2], [(f"2001:db8:50{n:x}{n:x}::/48", 1 + n % 2) for n in range(16)]),
}


@pytest.mark.parametrize("name", PLANS)
def test_every_address_goes_where_the_naive_search_says(pop, name):
    plan, dice = PLANS[name], random.Random(name)
    p = pop(plan.text())
    # this plan has no room for the markers: the last tunnel of each worker stands in
    last = {tid % WORKERS: (tid, them) for tid, them in plan.tids.items()}
    p.markers = [Protocol41(p.wan, plan.address(tid, 2), them) for tid, them in last.values()]
    tunnel_of = {them: tid for tid, them in plan.tids.items()}
    route = p.topology.pop.ip("-6", "route", "show", "table", "all", "dev", "sixxs")
    assert str(plan.tunnel) in route or str(plan.tunnel.network_address) in route
    addresses = {str(ipaddress.IPv6Address(n)) for n in interesting(plan, dice)
                 if 0 < n < 1 << 128}
    covered = [plan.tunnel] + [ipaddress.ip_network(x) for x, _ in plan.subnets]
    addresses = sorted(a for a in addresses
                       if any(ipaddress.ip_address(a) in net for net in covered))
    assert len(addresses) > 60
    for n, a in enumerate(addresses):
        p.from_uplink(packets.filler(HOST6, a, 60, mark=n))
        if n % 100 == 99:
            p.settle()
    p.settle()
    got = {}
    for outer in p.wan.seen():
        inner = packets.parse(outer.payload)
        if outer.proto == packets.IPV6 and inner.proto == packets.UDP:
            got[inner.dst] = tunnel_of[outer.dst]
    want = {a: plan.owner(a) for a in addresses if plan.owner(a) is not None}
    assert len(want) > 10
    assert got == want

    # and the other way: a source is good from exactly that tunnel
    p.clear()
    sources = dice.sample(sorted(want), min(60, len(want)))
    for n, a in enumerate(sources):
        them = plan.tids[want[a]]
        p.wan.send(packets.ip4(them, "192.0.2.42", 41, packets.filler(a, HOST6, 60, mark=n)))
        wrong = next(t for t in plan.tids if t != want[a])
        p.wan.send(packets.ip4(plan.tids[wrong], "192.0.2.42", 41,
                               packets.filler(a, HOST6, 61, mark=n)))
    p.settle()
    arrived = [(x.src, len(x.raw)) for x in p.core.seen() if x.proto == packets.UDP]
    assert sorted(arrived) == sorted((a, 60) for a in sources)


def test_published_classes(pop):
    """addressing.json: who an address belongs to."""
    book = load("addressing")
    p = pop(config(*(static(t, f"198.51.100.{n}") for n, t in
                     enumerate(book["configured_tids"], 1)),
                   subnets=[("2001:db8:3001::/48", "1"), ("2001:db8:30ff::/48", "2"),
                            ("2001:db8:4242:100::/56", "2ae"),
                            ("2001:db8:4242:ff00::/56", "42c")]))
    who = {t: f"198.51.100.{n}" for n, t in enumerate(book["configured_tids"], 1)}
    subnet = {"2001:db8:3001::1": "1", "2001:db8:30ff:ffff::1": "2",
              "2001:db8:4242:100::1": "2ae", "2001:db8:4242:ff00::1": "42c"}
    for row in book["classify6"]:
        p.clear()
        a, kind = row["address"], row["class"]
        p.from_uplink(packets.filler(HOST6, a, 80))
        p.settle()
        outer = [x for x in p.wan.seen() if x.proto == packets.IPV6]
        errors = [x.icmp()[:2] for x in p.core.seen() if x.proto == packets.ICMPV6]
        if kind in ("tunnel-remote", "routed64", "subnet"):
            assert [x.dst for x in outer] == [who[subnet.get(a) or row["tid"]]], row
        elif kind == "uplink":
            assert not outer, row
        else:
            want = {"tunnel-local": (1, 4), "tunnel-other": (1, 0), "unassigned": (1, 3)}[kind]
            want = (1, 4) if a.endswith(":ffff::1") else want
            assert not outer and errors == [want], row


REFUSED = [
    ("pop tunnelprefix add 2001:db8:2ff::/47", "longer or shorter"),
    ("pop tunnelprefix add 2001:db8:2ff::/61", ""),
    ("pop subnetprefix add 2001:db8:9000::/41", "without delegate"),
    ("pop subnetprefix add 2001:db8:9000::/40 delegate 57", "17 bits"),
    ("pop subnetprefix add 2001:db8:9000::/40 delegate 40", "0 bits"),
    ("pop subnetprefix add 2001:db8:9000::/40 delegate 39", "backwards"),
    ("pop subnetprefix add 2001:db8:9000::/56 delegate 65", "beyond /64"),
    ("pop subnetprefix add 2001:db8:3000::/48", "inside another"),
    ("pop subnetprefix add 2001:db8::/32 delegate 48", "around another"),
    ("pop subnetprefix add 2001:db8:9000::1/40", "host bits"),
    ("pop subnetprefix add 2001:db8:2ff:1000::/52 delegate 60", "inside the tunnel prefix"),
    ("subnet set config 2001:db8:3001:100::/56 1 static", "/48s are handed out here"),
    ("subnet set config 2001:db8:3001::/47 1 static", ""),
    ("subnet set config 2001:db8:4242:100::/48 1 static", "/56s are handed out here"),
]


def test_refused_with_a_sentence_and_nothing_changed(pop):
    p = pop(config(static("1", "198.51.100.1")))
    before = [p.cli(c).text for c in ("pop subnetprefix list", "pop tunnelprefix list")]
    for command, why in REFUSED:
        answer = p.daemon.ask(command)
        if "tunnelprefix" in command:
            assert answer.code in (200, 400)    # 200: already configured, no change
        else:
            assert answer.code == 400, f"{command} ({why}): {answer}"
            assert len(answer.text) > 10
    assert [p.cli(c).text for c in ("pop subnetprefix list", "pop tunnelprefix list")] == before


@pytest.mark.parametrize("length, last", [(48, 0x1FFF), (56, 0x7E), (60, 6)])
def test_the_last_tid(pop, length, last):
    p = pop(f"{HEAD}pop tunnelprefix add 2001:db8:2ff::/{length}\n")
    p.cli(f"tunnel set config {last:x} T1 198.51.100.1 up 1480")
    assert p.daemon.ask(f"tunnel set config {last + 1:x} T2 198.51.100.2 up 1480").code == 400
    assert p.cli("tunnel list").text.startswith("T1 ")


def test_a_large_table_and_the_end_of_the_ipv4_plan(pop):
    """32,767 tunnels in a /48; from tid 3f80 on a tunnel has no IPv4."""
    p = pop(config(static("3f7f", "198.51.100.1", ident=1), static("3f80", "198.51.100.2", ident=2),
                   static("7ffe", "198.51.100.3", ident=3), "encap T1 gre", "encap T2 gre",
                   "encap T3 gre").replace("pop\n", "pop set limits tunnels 32767 subnets 65536\n"
                                           "pop\n", 1))
    assert p.daemon.ask("tunnel set config 7fff T9 198.51.100.9 up 1480").code == 400
    one = p.gre("3f7f", "198.51.100.1")
    one.send(packets.echo4("240.127.254.255", "240.127.254.254"))
    assert one.receive(lambda x: x.version == 4)[1].src == "240.127.254.254"
    for tid, them in (("3f80", "198.51.100.2"), ("7ffe", "198.51.100.3")):
        c = p.gre(tid, them)
        c.ping(c.pop_inner)
        c.send(packets.echo4("240.127.255.1", "240.127.255.0"))
        p.silent()
    far = p.gre("7ffe", "198.51.100.3")
    p.from_uplink(packets.filler(HOST6, f"{PREFIX}:fffe::99", 100))
    assert far.receive()[1].dst == f"{PREFIX}:fffe::99"
    p.from_uplink(packets.filler(HOST6, f"{PREFIX}:7fff::2", 100))
    assert p.at_host(lambda x: x.proto == packets.ICMPV6).icmp()[:2] == (1, 3)
    assert p.show("T2")["IPv4 Inside"].startswith("none: ") and "IPv4 Us" in p.show("T1")
