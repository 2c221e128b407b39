"""
Real kernels as customers: a guest (tests/peer/peer-vm) on a tap in the ISP's network,
with the drivers every Linux router has: sit, ip_gre, ip6_tunnel, ip6_gre.

   guest 198.51.100.7, 2001:db8:cafe::7 --tap-- isp -- pop -- internet 2001:db8:ffff::1
"""
import os
import re
import subprocess

import pytest

from lib.config import PASSWORD, config, dynamic, static
from lib.daemon import Daemon, SANITIZED, binary
from lib.topology import CORE6, HOST6

HERE = os.path.dirname(os.path.abspath(__file__))
PEER = os.path.abspath(os.path.join(HERE, "..", "peer"))
TAP, MAC = "guest0", "02:00:00:00:03:07"
THEM4, THEM6 = "198.51.100.7", "2001:db8:cafe::7"
LIMIT_S = 240 if SANITIZED else 120
P = "2001:db8:2ff"

V4 = f"remote 192.0.2.42 local {THEM4} ttl 64"
V6 = f"remote 2001:db8::42 local {THEM6}"
# name: tid, modules, how the guest makes the tunnel, lines of the PoP, mtu in the guest
KINDS = {
    "sit": ("1", "sit", f"ip tunnel add tun6 mode sit {V4}",
            [static("1", THEM4, 1480), "encap T1 direct"], 1480),
    "sit, a narrow tunnel": ("2", "sit", f"ip tunnel add tun6 mode sit {V4}",
                             [static("2", THEM4, 1280)], 1480),
    "ip_gre": ("3", "ip_gre", f"ip link add tun6 type gre {V4} ocsum oseq",
               [static("3", THEM4, 1280)], 1468),
    "ip_gre with a key": ("4", "ip_gre", f"ip link add tun6 type gre {V4} key 77",
                          [static("4", THEM4, 1280), "encap T4 gre key 77"], 1472),
    "ip6_tunnel": ("5", "ip6_tunnel", f"ip -6 tunnel add tun6 mode ip6ip6 {V6} encaplimit none",
                   [static("5", THEM6, 1280)], 1460),
    "ip6_tunnel with an option": ("6", "ip6_tunnel", f"ip -6 tunnel add tun6 mode ip6ip6 {V6}",
                                  [static("6", THEM6, 1280)], 1452),
    "ip6_gre": ("7", "ip6_gre", f"ip link add tun6 type ip6gre {V6} encaplimit none",
                [static("7", THEM6, 1280)], 1456),
}

OUTSIDE = f"""
ip addr add {THEM4}/24 dev eth0
ip -6 addr add {THEM6}/64 dev eth0 nodad
ip route add default via 198.51.100.1
ip -6 route add 2001:db8::/64 via 2001:db8:cafe::1
"""


def tunnel_up(tid, make, mtu):
    return f"""{OUTSIDE}
{make}
ip link set dev tun6 up mtu {mtu}
ip -6 addr add {P}:{tid}::2/64 dev tun6 nodad
ip -6 route add default dev tun6
"""


def needs_guest():
    if subprocess.run(["sh", "-c", "command -v linux.uml"], capture_output=True,
                      check=False).returncode:
        pytest.skip("skipped: package user-mode-linux is not here")


@pytest.fixture(scope="module")
def network(topology, sixxsd):
    """Kernels awake everywhere, a tap for the guest, a TCP server at the native host."""
    needs_guest()
    isp = topology.isp
    with topology.kernels():
        isp.ip("tuntap", "add", "dev", TAP, "mode", "tap")
        server = None
        try:
            isp.sysctl(f"net.ipv6.conf.{TAP}.disable_ipv6", 0)
            isp.sysctl(f"net.ipv6.conf.{TAP}.accept_dad", 0)
            isp.ip("link", "set", "dev", TAP, "up")
            isp.ip("addr", "add", "198.51.100.1/24", "dev", TAP)
            isp.ip("addr", "add", "2001:db8:cafe::1/64", "dev", TAP, "nodad")
            # the guest answers when it is up; nobody has to look for it
            for family, address in (("-4", THEM4), ("-6", THEM6)):
                isp.ip(family, "neigh", "replace", address, "lladdr", MAC, "dev", TAP,
                       "nud", "permanent")
            server = subprocess.Popen(topology.internet.command(
                os.path.join(PEER, "tcp-peer"), "serve", HOST6, "7000"))
            yield topology
        finally:
            if server:
                server.terminate()
                server.wait()
            isp.ip("link", "del", TAP, check=False)


def guest(topology, script, modules, memory=256, limit=LIMIT_S, **environment):
    """Run it; its output. A guest that could not run is a failure, told with its console."""
    path = os.path.join(topology.guest_dir, "script")
    with open(path, "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\n" + script)
    argv = [os.path.join(PEER, "peer-vm"), "-n", topology.isp.name, "-t", f"{TAP},{MAC}",
            "-m", modules, "-M", str(memory), "-T", str(limit)]
    for name, value in environment.items():
        argv += ["-e", f"{name}={value}"]
    return subprocess.run([*argv, path], capture_output=True, text=True, timeout=limit + 30,
                          check=False)


@pytest.fixture(scope="module")
def pop(network, tmp_path_factory):
    network.guest_dir = str(tmp_path_factory.mktemp("guest"))
    lines = [line for kind in KINDS.values() for line in kind[3]]
    d = Daemon(network, config(*lines, dynamic("8", "heartbeat", 1480), static("9", THEM4, 1480),
                               marker=False, pop=["set latency 1"],
                               subnets=[("2001:db8:3001::/48", "1")]))
    d.start()
    yield d
    d.close()


# One request each: once an answer has come, ping(8) waits for another no longer than its interval.
PINGS = """
pings() { n=$1; shift; while [ $n -gt 0 ]; do ping -6 -c 1 -W 5 "$@"; n=$((n - 1)); done; }
"""
ANSWERED = "1 packets transmitted, 1 received"

SCRIPT = """
section() {{ echo "== $1"; }}
section ping;    pings 3 {pop} ; pings 3 {host}
section big;     pings 2 -s 1200 {host}
section trace;   traceroute -6 -n -q 1 -w 5 -m 5 {host}
section tcp;     {peer}/tcp-peer ask {host} 7000
section open;    sleep {linger}
"""


@pytest.fixture(scope="module")
def reports(pop, network):
    """name of a kind: its sections, its guest run when first asked for"""
    done = {}

    def ask(name):
        if name not in done:
            tid, modules, make, _, mtu = KINDS[name]
            script = tunnel_up(tid, make, mtu) + PINGS + SCRIPT.format(
                pop=f"{P}:{tid}::1", host=HOST6, peer=PEER, linger=2)
            done[name] = run = guest(network, script, modules)
            if run.returncode:
                return ask(name)
            sections = dict(part.split("\n", 1) for part in ("\n" + run.stdout).split("\n== ")[1:])
            sections["route"] = network.internet.ip("-6", "route", "get", f"{P}:{tid}::2")
            done[name] = sections
        result = done[name]
        assert isinstance(result, dict), result.stdout + result.stderr
        return result
    return ask


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def test_ping(reports, kind):
    said = reports(kind)["ping"]
    assert said.count(ANSWERED) == 6, said
    assert reports(kind)["big"].count(ANSWERED) == 2


def test_one_megabyte_each_way(reports, kind):
    assert reports(kind)["tcp"].split("\n")[:2] == ["up good", "down good"]


def test_path_mtu_discovery(reports, kind):
    """The host was told by the PoP, and its kernel remembers: 1280, but for the wide one."""
    reports(kind)
    route = reports(kind)["route"]
    if KINDS[kind][3][0].split()[-1] == "1280":
        assert re.search(r"\bmtu 1280\b", route), route
    else:
        assert not re.search(r"\bmtu 1[2-4]\d\d\b", route) or "mtu 1480" in route, route


def test_traceroute_shows_the_pop_as_one_hop(reports, kind):
    said = reports(kind)["trace"]
    hops = re.findall(r"^ *(\d+) +(\S+)", said, re.M)
    tid = KINDS[kind][0]
    assert hops == [("1", f"{P}:{tid}::1"), ("2", HOST6)], said


def test_what_the_pop_counted(reports, pop, kind):
    reports(kind)
    name = "T" + KINDS[kind][0]
    row = pop.stats()[name]
    assert row[0] > 1 << 20 and row[1] > 1 << 20, "a megabyte and its headers each way"
    errors = {k: v for k, v in pop.errors(name).items() if v}
    # the guest's kernel asks for routers and says which groups it is in: no error
    assert set(errors) <= {"Encap.Pkt Too Big", "ICMPv4 Errors Received"}, errors
    assert pop.list()[name][3] == ("gre" if "gre" in kind else "direct")
    assert row[5] >= 1, "the latency test was answered by the guest's kernel"
    assert 0 < row[7] <= row[8] <= row[9]


def test_traceroute_from_the_world(network, pop):
    """The other way: the PoP, then the customer."""
    tid, modules, make, _, mtu = KINDS["sit"]
    trace = f"traceroute -6 -n -q 1 -w 5 -m 5 {P}:{tid}::2"
    tunnel = tunnel_up(tid, make, mtu) + """
ip -6 addr add 2001:db8:3001::1/48 dev lo
echo up
i=0; while [ $i -lt 200 ] && ! ip -6 neigh | grep -q "no such thing"; do
	sleep 0.1; i=$((i + 1)); done
"""
    path = os.path.join(network.guest_dir, "world")
    with open(path, "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\n" + tunnel)
    vm = subprocess.Popen([os.path.join(PEER, "peer-vm"), "-n", network.isp.name, "-t",
                           f"{TAP},{MAC}", "-m", modules, "-T", "100", path],
                          stdout=subprocess.PIPE, text=True)
    try:
        assert vm.stdout.readline() == "up\n"
        for to in (f"{P}:{tid}::2", "2001:db8:3001::1"):
            said = network.internet.run(*trace.split()[:-1], to).stdout
            hops = re.findall(r"^ *(\d+) +(\S+)", said, re.M)
            assert hops == [("1", CORE6), ("2", to if "3001" in to else f"{P}:{tid}::2")], said
    finally:
        vm.terminate()
        vm.wait()


def test_a_heartbeat_and_then_sit(network, pop):
    """The beat comes from inside the guest, as a customer's program sends it."""
    beat = f"""{tunnel_up("8", KINDS["sit"][2], 1480)}{PINGS}
ping -6 -c 1 -W 1 {P}:8::1 && echo "too early"
/usr/bin/python3 -c '
import socket, sys
sys.path.insert(0, "{HERE}")
from lib.client import heartbeat
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(heartbeat("{P}:8::2", "{PASSWORD}"), ("192.0.2.42", 3740))
'
i=0; while [ $i -lt 50 ] && ! ping -6 -c 1 -W 1 {P}:8::1 >/dev/null; do i=$((i + 1)); done
pings 3 {HOST6}
{PEER}/tcp-peer ask {HOST6} 7000
"""
    run = guest(network, beat, "sit")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "too early" not in run.stdout
    assert run.stdout.count(ANSWERED) == 3, run.stdout
    assert "up good\ndown good" in run.stdout
    assert pop.show("T8")["Outer Them"] == THEM4


def test_loss_and_delay_are_reported(network, pop):
    """The guest's netem delays and loses; `tunnel stats` says so."""
    tid, modules, make, _, mtu = ("9", *KINDS["sit"][1:])
    tunnel = tunnel_up(tid, make, mtu) + f"""
ping -6 -c 1 -W 5 {P}:9::1 >/dev/null || exit 2
tc qdisc add dev tun6 root netem delay 40ms loss 50% || exit 3
echo up
sleep 90
"""
    path = os.path.join(network.guest_dir, "netem")
    with open(path, "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\n" + tunnel)
    vm = subprocess.Popen([os.path.join(PEER, "peer-vm"), "-n", network.isp.name, "-t",
                           f"{TAP},{MAC}", "-m", modules + ",sch_netem", "-T", "100", path],
                          stdout=subprocess.PIPE, text=True)
    try:
        assert vm.stdout.readline() == "up\n"
        pop.cli("tunnel stats RESET")

        def seen():
            row = pop.stats().get("T9")
            return row if row and row[4] - row[5] >= 3 and row[5] >= 2 else None
        row = pop.until(seen, "some answered, some lost", 80)
        sent, received, loss, least, average, most = row[4:]
        assert loss == pytest.approx((sent - received) * 100 / sent, abs=0.01)
        assert 40.0 <= least <= average <= most < 10000
    finally:
        vm.terminate()
        vm.wait()


INSIDE = """pop set limits tunnels 64 subnets 256
pop set details 1 inside 198.51.100.7 2001:db8:cafe::7
pop set id 1
pop tunnelprefix add 2001:db8:2ff::/48
tunnel set config 1 T1 203.0.113.5 up 1480
"""


@pytest.mark.parametrize("modules, names", [("sit,tun", ["sit"]), ("ip_gre,ip6_tunnel,tun",
                                                                 ["ip_gre", "ip6_tunnel"]),
                                            ("tun", [])])
def test_the_daemon_where_a_driver_owns_its_protocols(network, pop, modules, names):
    """Inside the guest, whose kernel has the drivers: it says which one and what to do."""
    if SANITIZED:
        pytest.skip("skipped: a guest's address space has no room for a sanitizer's shadow")
    path = os.path.join(network.guest_dir, "inside.conf")
    with open(path, "w", encoding="utf-8") as f:
        f.write(INSIDE)
    os.chmod(path, 0o644)
    script = f"""{OUTSIDE}
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
{binary()} -f -c {path} >/run/log 2>&1 &
pid=$!
i=0; while [ $i -lt 600 ] && ! grep -q started /run/log && kill -0 $pid; do
	sleep 0.1; i=$((i + 1)); done
kill $pid; wait $pid; echo "status $?"
cat /run/log
"""
    run = guest(network, script, modules, memory=768 if SANITIZED else 384)
    assert "status 0" in run.stdout, run.stdout + run.stderr
    told = re.findall(r"another driver owns .*: the kernel module (\w+) is loaded", run.stdout)
    assert sorted(told) == sorted(names), run.stdout
    for name in names:
        assert f"rmmod {name}" in run.stdout
