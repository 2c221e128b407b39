"""
`tunnel why` of real kernels that are configured wrong: a guest, as in test_60_kernel_clients.py.
"""
import contextlib
import os
import subprocess

import pytest

from lib.config import config, static
from lib.daemon import Daemon
from lib.topology import HOST6
from test_60_kernel_clients import (KINDS, MAC, OUTSIDE, P, PEER, TAP, THEM4, network,  # noqa: F401
                                    tunnel_up)

SIT, INNER = KINDS["sit"][2], f"{P}:1::2"


@pytest.fixture
def pop(network, tmp_path):       # noqa: F811
    """A new daemon each time, which has heard nothing yet."""
    network.guest_dir = str(tmp_path)
    d = Daemon(network, config(static("1", THEM4), marker=False,
                               subnets=[("2001:db8:3001::/48", "1")]))
    d.start()
    yield d
    d.close()


@contextlib.contextmanager
def guest(topology, script, modules="sit"):
    """It has said that it is up, and stays so."""
    path = os.path.join(topology.guest_dir, "script")
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"#!/bin/sh\n{script}\necho up\nsleep 90\n")
    vm = subprocess.Popen([os.path.join(PEER, "peer-vm"), "-n", topology.isp.name, "-t",
                           f"{TAP},{MAC}", "-m", modules, "-T", "100", path],
                          stdout=subprocess.PIPE, text=True)
    try:
        assert vm.stdout.readline() == "up\n"
        yield vm
    finally:
        vm.terminate()
        vm.wait()


def why(pop, cause, *words):
    """Until it is told first, with these words in the sentence; the finding."""
    def told():
        found = pop.json("tunnel why T1")["why"]
        return found[0] if found[0]["cause"] == cause else None
    found = pop.until(told, f"{cause}, but {pop.json('tunnel why T1')['why']}")
    for word in words:
        assert word in found["sentence"], found
    return found


def ping(topology, to, count=1):
    topology.internet.run("ping", "-6", "-c", str(count), "-i", "0.2", "-W", "1", to, check=False)


def test_a_good_one(pop, network):      # noqa: F811
    with guest(network, tunnel_up("1", SIT, 1480) + f"ping -6 -c 2 -i 0.2 {HOST6} >/dev/null"):
        why(pop, "TUNNEL_WELL", THEM4, "packets pass both ways")


def test_another_address_of_the_transfer_network(pop, network):     # noqa: F811
    wrong = tunnel_up("1", SIT, 1480).replace(INNER, f"{P}:1::3")
    with guest(network, wrong + f"ping -6 -c 3 -i 0.2 -W 1 {HOST6} >/dev/null"):
        why(pop, "TRANSFER_SOURCE", f"uses {P}:1::3", f"only {INNER}")


def test_no_address_at_all(pop, network):       # noqa: F811
    """The interface is up: its kernel looks for routers."""
    script = f"{OUTSIDE}\n{SIT}\nip link set dev tun6 up\nping -6 -c 1 -W 1 -I tun6 ff02::2 >/dev/null 2>&1\n"
    with guest(network, script):
        pop.until(lambda: "link-local packets alone" in str(pop.json("tunnel why T1")), "they are seen")
        found = why(pop, "NEVER_HEARD")
        assert "give it its address" in found["remedy"]


@pytest.mark.parametrize("modules, word", [("sit", "port unreachable"), ("tun", "protocol unreachable")])
def test_no_tunnel_interface(pop, network, modules, word):     # noqa: F811
    """With the driver and without: Linux does not say the same."""
    with guest(network, OUTSIDE, modules):
        ping(network, INNER, 2)
        found = why(pop, "OUTER_ICMP", f"The client's own host {THEM4}", word)
        assert "bring its tunnel interface up" in found["remedy"]


def test_no_route_for_what_is_not_in_use(pop, network):     # noqa: F811
    """A router, and a subnet that falls back on its default route: packets come back."""
    script = tunnel_up("1", SIT, 1480) + f"""
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
ip -6 route replace default dev tun6
ping -6 -c 2 -i 0.2 -W 2 {HOST6} >/dev/null
"""
    with guest(network, script):
        ping(network, "2001:db8:3001:99::1", 3)
        why(pop, "LOOP", HOST6, "2001:db8:3001:99::1")
