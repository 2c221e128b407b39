"""
The fast path's life: it comes and goes with the daemon and with interfaces, leaves other
programs alone, and does without where the kernel gives no rights. Plan as in test_70.
"""
import contextlib
import re
import signal
import socket
import struct
import subprocess

import pytest

from lib import packets
from lib.config import WORKERS, static
from lib.fast import attached, carried, client, gro, plan, polling, wait_in_force
from lib.topology import HOST6, ISP4, MAC


@pytest.fixture(scope="module", autouse=True)
def ends_poll(topology):
    with polling(topology):
        yield


def nobody_forwards(p, c):
    """What the kernel routes by itself comes after what a program would have sent."""
    p.core.clear()
    c.send(packets.filler(c.inner, HOST6, 100))
    p.wan.send(packets.filler("2001:db8:cafe::9", HOST6, 100))
    p.core.expect(lambda q: q.src == "2001:db8:cafe::9", "a native packet")
    assert not [q for q in p.core.seen() if q.src == c.inner]


def test_it_goes_with_the_daemon_also_when_that_is_killed(topology, pop):
    p = pop(plan(pop=["set fastpath wan/native core/native"]))
    if not p.daemon.json("pop show fastpath")["available"]:
        pytest.skip("skipped: no fast path here")
    wait_in_force(p)
    assert attached(topology, "wan") and attached(topology, "core")
    c = client(p, "1")
    p.daemon.stop(signal.SIGKILL, -signal.SIGKILL)
    p.daemon.process = None
    assert not attached(topology, "wan") and not attached(topology, "core")
    nobody_forwards(p, c)
    p.start()           # and twice in a row
    wait_in_force(p)


def test_an_interface_that_comes_late_and_one_that_goes(topology, pop):
    p = pop(plan(pop=["set fastpath wan/native late0/native"]))
    shown = p.daemon.json("pop show fastpath")
    if not shown["available"]:
        pytest.skip("skipped: no fast path here")
    assert {i["name"]: i["mode"] for i in shown["interfaces"]} == {"wan": "native", "late0": "none"}
    ip = topology.pop.ip

    def mode():
        return {i["name"]: i["mode"] for i in p.daemon.json("pop show fastpath")["interfaces"]}
    try:
        for _ in range(2):
            ip("link", "add", "late0", "type", "veth", "peer", "name", "late1")
            p.daemon.until(lambda: mode()["late0"] == "native", "late0 is attached")
            ip("link", "del", "late0")
            p.daemon.until(lambda: mode()["late0"] == "none", "late0 is gone")
    finally:
        ip("link", "del", "late0", check=False)
    p.daemon.wait_output("fast path: late0 is off .the interface is gone")


def test_without_the_right_to_load_programs_user_space_does_it_all(topology, pop):
    p = pop(plan(pop=["set fastpath wan core"]),
            wrap=["setpriv", "--bounding-set", "-bpf,-sys_admin,-perfmon",
                  "--inh-caps", "-bpf,-sys_admin,-perfmon"])
    shown = p.daemon.json("pop show fastpath")
    assert not shown["available"] and "BPF" in shown["why"]
    assert p.daemon.output().count("no fast path, user space forwards everything") == 1
    c = client(p, "1")
    c.send(packets.filler(c.inner, HOST6, 100))
    p.at_host(lambda q: q.src == c.inner)
    assert p.daemon.ask("pop set fastpath core").code == 500
    # nor does anything else mind that it is configured and not there
    p.cli("tunnel set config 77 T77 198.51.100.77 up 1480")
    p.cli("tunnel stats RESET")
    p.cli("tunnel remove T77")


@pytest.mark.parametrize("bad, said", [("nosuch", "there is no interface nosuch"),
                                       ("lo", "lo is no Ethernet interface: name one that is")])
def test_a_name_that_is_wrong_touches_no_interface(pop, bad, said):
    p = pop(plan(pop=["set fastpath off"]))
    if not p.daemon.json("pop show fastpath")["available"]:
        pytest.skip("skipped: no fast path here")
    assert said in p.cli(f"pop set fastpath wan core {bad}", 500).text
    assert p.daemon.json("pop show fastpath")["interfaces"] == []
    assert "fast path: wan" not in p.daemon.output(), p.daemon.output()
    p.cli("pop set fastpath wan core")
    p.daemon.wait_output("fast path: wan, ")


def test_another_program_on_the_interface_is_left_alone(topology, pop, tmp_path):
    source = tmp_path / "pass.c"
    source.write_text('__attribute__((section("xdp"))) int pass(void *x) { return 2; }\n'
                      'char _license[] __attribute__((section("license"))) = "GPL";\n')
    obj = tmp_path / "pass.o"
    subprocess.run(["clang", "-O2", "-target", "bpf", "-c", source, "-o", obj], check=True)
    topology.pop.ip("link", "set", "dev", "wan", "xdpdrv", "obj", str(obj), "sec", "xdp")
    try:
        p = pop(plan())
        answer = p.daemon.ask("pop set fastpath wan/native")
        if not p.daemon.json("pop show fastpath")["available"]:
            pytest.skip("skipped: no fast path here")
        assert answer.code == 500 and "another XDP program" in answer.text
        assert attached(topology, "wan")
    finally:
        topology.pop.ip("link", "set", "dev", "wan", "xdpdrv", "off")


def state(p):
    return p.daemon.json("pop show fastpath")


def needs_fast(p):
    if not state(p)["available"]:
        pytest.skip("skipped: no fast path here")


def modes(p):
    return {i["name"]: i["mode"] for i in state(p)["interfaces"]}


def test_on_a_veth_tc_goes_first_and_a_mode_that_is_named_is_that_one(topology, pop):
    p = pop(plan(pop=["set fastpath wan core"]))
    needs_fast(p)
    assert modes(p) == {"wan": "tc", "core": "tc"}
    assert "super-packets" in state(p)["interfaces"][0]["why"]
    wait_in_force(p)
    p.cli("pop set fastpath wan/native core")
    assert modes(p) == {"wan": "native", "core": "tc"}


def test_xdp_sends_nothing_to_an_interface_that_tc_serves(topology, pop):
    p = pop(plan(pop=["set fastpath wan/native core/tc"]))
    needs_fast(p)
    for ns, device in ((topology.isp, "isp0"), (topology.internet, "net0")):
        gro(ns, device, 0)      # what XDP sent here would be lost
    c = client(p, "1")
    for n in range(20):
        c.send(packets.filler(c.inner, HOST6, 100, mark=n))
        p.at_host(lambda q: q.src == c.inner)
    for ns, device in ((topology.isp, "isp0"), (topology.internet, "net0")):
        gro(ns, device, 1)


def test_tc_goes_with_a_daemon_that_is_killed(topology, pop):
    p = pop(plan(pop=["set fastpath wan/tc core/tc"]))
    needs_fast(p)
    wait_in_force(p)

    c = client(p, "1")
    p.daemon.stop(signal.SIGKILL, -signal.SIGKILL)
    p.daemon.process = None
    nobody_forwards(p, c)
    p.start()
    wait_in_force(p)


def test_a_filter_that_is_left_behind_does_nothing(topology, pop):
    p = pop(plan(pop=["set fastpath wan/clsact core/clsact"]))
    needs_fast(p)
    wait_in_force(p)

    def there(device):
        shown = topology.pop.run("tc", "filter", "show", "dev", device, "ingress", check=False)
        return "sixxsd" in shown.stdout
    assert there("wan") and there("core")
    c = client(p, "1")
    p.daemon.stop(signal.SIGKILL, -signal.SIGKILL)
    p.daemon.process = None
    assert there("wan"), "a filter is the interface's"
    nobody_forwards(p, c)
    p.start()           # and takes over what it finds
    wait_in_force(p)
    p.cli("pop set fastpath off")
    assert not there("wan") and not there("core")
    p.cli("pop set fastpath wan/clsact core/clsact")
    wait_in_force(p)
    p.daemon.stop()
    assert not there("wan") and not there("core")


def test_auto_is_off_while_somebody_has_filters(topology, pop):
    ip = topology.pop
    # a daemon that was killed may have left it
    ip.run("tc", "qdisc", "del", "dev", "core", "clsact", check=False)
    if ip.run("tc", "qdisc", "add", "dev", "core", "clsact", check=False).returncode:
        pytest.skip("skipped: no tc here")
    try:
        p = pop(plan(pop=["set fastpath auto"]))
        needs_fast(p)
        assert state(p)["on"], "clsact alone is nothing that looks at packets"
        ip.run("tc", "filter", "add", "dev", "core", "egress", "bpf", "bytecode", "1,6 0 0 0")
        p.daemon.until(lambda: not state(p)["on"], "the filter is noticed")
        assert "core has filters" in state(p)["why"]
        ip.run("tc", "filter", "del", "dev", "core", "egress")
        p.daemon.until(lambda: state(p)["on"], "it is gone")
    finally:
        ip.run("tc", "qdisc", "del", "dev", "core", "clsact")


def test_auto_takes_the_interfaces_of_the_default_routes(topology, pop):
    p = pop(plan(pop=["set fastpath auto"]))
    needs_fast(p)
    assert state(p)["automatic"] and set(modes(p)) == {"wan", "core"}
    wait_in_force(p)
    p.cli("pop saveconfig")
    with open(p.daemon.conf, encoding="utf-8") as f:
        assert "\t\tfastpath auto\n" in f.read()


def wait_in_force_out(p, c):
    """The uplink's packets go past user space."""
    def tried():
        before = carried(p)
        p.from_uplink(packets.filler(HOST6, c.inner, 64))
        c.receive()
        return carried(p) > before
    p.daemon.until(tried, "the fast path carries what comes from the uplink")


def test_native_sends_nothing_to_where_only_generic_may(topology, pop):
    """A driver without native XDP takes no frames from it: they go up. The other way they do not have to."""
    p = pop(plan(pop=["set fastpath wan/native core/generic"]))
    needs_fast(p)
    c = client(p, "1")
    assert c.ping(c.pop_inner)
    wait_in_force_out(p, c)
    before = carried(p)
    c.send(packets.filler(c.inner, HOST6, 100))
    p.at_host(lambda q: q.src == c.inner)
    assert carried(p) == before
    p.cli("pop set fastpath wan/generic core/generic")
    wait_in_force(p)
    assert "xdpgeneric" in topology.pop.ip("link", "show", "dev", "sixxs-out"), "orders leave likewise"
    p.cli("pop set fastpath wan/native core/native")
    wait_in_force(p)
    assert "xdpgeneric" not in topology.pop.ip("link", "show", "dev", "sixxs-out")


def test_auto_follows_the_default_routes(topology, pop):
    ip = topology.pop.ip
    p = pop(plan(pop=["set fastpath auto"]))
    if not p.daemon.json("pop show fastpath")["available"]:
        pytest.skip("skipped: no fast path here")
    p.daemon.until(lambda: set(modes(p)) == {"wan", "core"}, "those there are")
    try:
        ip("link", "add", "auto0", "type", "veth", "peer", "name", "auto1")
        ip("link", "set", "dev", "auto0", "up")
        ip("link", "set", "dev", "auto1", "up")
        ip("route", "add", "default", "dev", "auto0", "metric", "5000")
        p.daemon.until(lambda: set(modes(p)) == {"wan", "core", "auto0"}, "the new one is taken")
        ip("route", "del", "default", "dev", "auto0", "metric", "5000")
        p.daemon.until(lambda: set(modes(p)) == {"wan", "core"}, "and left again")
    finally:
        ip("link", "del", "auto0", check=False)


RULES = [
    ("table inet t { chain f { type filter hook forward priority 0; counter; }; }", "hook forward"),
    ("table ip6 t { chain f { type filter hook forward priority 0; policy drop; }; }",
     "hook forward"),
    ("table ip6 t { chain p { type filter hook prerouting priority 0; counter; }; }",
     "hook prerouting"),
    ("table netdev t { chain i { type filter hook ingress device wan priority 0; counter; }; }",
     "hook ingress"),
]


@pytest.mark.parametrize("rule, said", RULES)
def test_auto_is_off_while_there_are_rules(topology, pop, rule, said):
    if topology.pop.run("nft", rule, check=False).returncode:
        pytest.skip("skipped: no nftables here")
    try:
        p = pop(plan(pop=["set fastpath auto"]))
        needs_fast(p)
        assert not state(p)["on"] and said in state(p)["why"]
        assert p.daemon.output().count("fast path: automatic, and off: nftables") == 1
        p.cli("pop set fastpath wan core")     # who names them wants it
        c = client(p, "1")

        def passes_by():
            c.send(packets.filler(c.inner, HOST6, 100))
            return state(p)["out_packets"] > 0
        p.daemon.until(passes_by, "packets do not meet the rule")
    finally:
        topology.pop.run("nft", "flush ruleset")


@pytest.mark.parametrize("rule", [
    "table inet t { chain f { type filter hook forward priority 0; }; }",
    "table inet t { chain i { type filter hook input priority 0; counter; }; }",
    "table inet t { chain c { counter; }; }",
])
def test_rules_that_forwarded_packets_do_not_meet_do_not_matter(topology, pop, rule):
    if topology.pop.run("nft", rule, check=False).returncode:
        pytest.skip("skipped: no nftables here")
    try:
        p = pop(plan(pop=["set fastpath auto"]))
        needs_fast(p)
        assert state(p)["on"], state(p)["why"]
    finally:
        topology.pop.run("nft", "flush ruleset")


def test_auto_goes_off_and_on_while_running(topology, pop):
    p = pop(plan(pop=["set fastpath auto"]))
    needs_fast(p)
    assert state(p)["on"]
    if topology.pop.run("nft", RULES[0][0], check=False).returncode:
        pytest.skip("skipped: no nftables here")
    try:
        p.daemon.until(lambda: not state(p)["on"], "the rule is noticed")
    finally:
        topology.pop.run("nft", "flush ruleset")
    p.daemon.until(lambda: state(p)["on"], "it is gone")
    wait_in_force(p)


def test_auto_is_off_with_a_queueing_discipline_of_ones_own(topology, pop):
    ip = topology.pop
    if ip.run("tc", "qdisc", "add", "dev", "core", "root", "pfifo", "limit", "100",
              check=False).returncode:
        pytest.skip("skipped: no tc here")
    try:
        p = pop(plan(pop=["set fastpath auto"]))
        needs_fast(p)
        assert not state(p)["on"] and "core has the queueing discipline pfifo" in state(p)["why"]
    finally:
        ip.run("tc", "qdisc", "del", "dev", "core", "root")
    p.daemon.until(lambda: state(p)["on"], "it is gone")


CROWD = range(0x100, 0x100 + 4000)


def crowd(mtu):
    """T1 to T4 as ever, and four thousand more."""
    more = [static(f"{tid:x}", "203.0.113.9", mtu, ident=tid) for tid in CROWD]
    return plan(*more, pop=["set fastpath wan/tc core/tc"]).replace(
        "pop\n", "pop set limits tunnels 32767 subnets 65536\npop\n", 1)


def test_a_large_file_is_applied_while_packets_flow_and_none_is_lost(topology, pop):
    p = pop(crowd(1480))
    needs_fast(p)
    wait_in_force(p)
    c = client(p, "1")
    before, carried_before = p.daemon.stats()["T1"], carried(p)
    p.daemon.reload(crowd(1400))
    n = 0
    while n < 200 or not re.search("reload of .*: done", p.daemon.output()):
        c.send(packets.filler(c.inner, HOST6, 100, mark=n))
        p.at_host(lambda q, n=n: q.payload[8:12] == struct.pack("!I", n))
        p.from_uplink(packets.filler(HOST6, c.inner, 100, mark=n))
        c.receive(lambda q, n=n: q.payload[8:12] == struct.pack("!I", n))
        n += 1
    assert p.daemon.show(f"T{CROWD[-1]}")["MTU"].startswith("1400")
    after = p.daemon.stats()["T1"]
    grew = [b - a for a, b in zip(before[:4], after[:4])]
    assert grew == [100 * n, 120 * n, n, n]
    assert carried(p) - carried_before == 2 * n, "what did not change stayed fast"


def test_a_neighbour_of_the_fast_path_alone_is_verified_and_missed_when_it_is_gone(topology, pop):
    p = pop(plan(pop=["set fastpath wan/tc core/tc"]))
    needs_fast(p)
    ip, sysctl = topology.pop.ip, topology.pop.sysctl
    slow = {f"net.ipv4.neigh.wan.{name}": sysctl(f"net.ipv4.neigh.wan.{name}")
            for name in ("delay_first_probe_time", "retrans_time_ms")}
    c = client(p, "1")

    def is_fast():
        before = carried(p)
        p.from_uplink(packets.filler(HOST6, c.inner, 100))
        return carried(p) > before

    def asked_meanwhile(arp):
        """Traffic goes on: who has none is not asked about."""
        for _ in range(30):
            is_fast()
            with contextlib.suppress(TimeoutError):
                return arp.recv(128)
        raise AssertionError("nobody asked for the neighbour in half a minute")
    try:
        for name, value in zip(slow, (1, 100)):
            sysctl(name, value)
        p.daemon.until(is_fast, "packets to the endpoint are fast")
        with topology.isp.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806)) as arp:
            arp.bind(("isp0", 0x0806))
            arp.settimeout(1)
            ip("neigh", "replace", ISP4, "lladdr", MAC["isp0"], "dev", "wan", "nud", "stale")
            p.daemon.until(is_fast, "still, from a stale entry")
            asked = asked_meanwhile(arp)
            assert asked[6:12] == bytes.fromhex(MAC["wan"].replace(":", ""))
            assert asked[38:42] == socket.inet_aton(ISP4)
        p.daemon.until(lambda: not is_fast(), "nobody answers: not fast any more", 30)
    finally:
        for name, value in slow.items():
            sysctl(name, value)
        ip("neigh", "replace", ISP4, "lladdr", MAC["isp0"], "dev", "wan", "nud", "permanent")
    p.daemon.until(is_fast, "and again")


def test_when_no_af_xdp_socket_is_left_it_says_so(topology, pop):
    p = pop(plan(pop=["set fastpath late0/native"]))
    needs_fast(p)
    ip = topology.pop.ip

    def again():
        ip("link", "add", "late0", "type", "veth", "peer", "name", "late1")
        ip("link", "set", "late0", "up")
        said = p.daemon.until(lambda: any((a := state(p)["ayiya"]).values()) and a, "attached")
        ip("link", "del", "late0")
        p.daemon.until(lambda: modes(p) == {"late0": "none"}, "gone")
        return said
    # the kernel binds a socket once: 8 a worker (host/xsk.h), and a new interface takes a new one
    seen = [again() for _ in range(8 * max(WORKERS, 1) + 1)]
    assert all(s["queues"] == 1 and not s["why"] for s in seen[:-1]), seen
    assert seen[-1]["queues"] == 0 and "late0, queue 0: no socket is left" in seen[-1]["why"]
