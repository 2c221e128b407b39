"""The demonstration's tunnel client, in a namespace of its own: what it does when its way to the PoP is gone."""
import os
import subprocess
import sys

import pytest

from fakes import ROOT

CLIENT = os.path.join(ROOT, "scripts", "tunnel-client.py")
POP4, POP6 = "192.0.2.42", "2001:db8:42::42"
INNER = "2001:db8:2ff:5::2"

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not os.path.exists("/dev/net/tun"),
                                reason="skipped: root and /dev/net/tun are needed")


class Site:
    """A host with a wire to nowhere, which takes all that is sent, and the client on it."""

    def __init__(self):
        self.name = f"sxtool{os.getpid()}"
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.client = None
        self("ip link set lo up")
        self("ip link add wan type veth peer name wire")
        self("ip link set wan up; ip link set wire up")
        self("ip address add 198.51.100.2/24 dev wan; ip address add 2001:db8:cafe::2/64 dev wan nodad")
        self("ip neigh add 198.51.100.1 lladdr 02:00:00:00:00:01 dev wan")
        self("ip neigh add 2001:db8:cafe::1 lladdr 02:00:00:00:00:01 dev wan")
        self(f"ip route add {POP4} via 198.51.100.1; ip -6 route add {POP6} via 2001:db8:cafe::1")

    def __call__(self, line, check=True):
        return subprocess.run(["ip", "netns", "exec", self.name, "sh", "-ec", line], check=check,
                              capture_output=True, text=True, timeout=60)

    def start(self, kind, pop):
        self.client = subprocess.Popen(["ip", "netns", "exec", self.name, sys.executable, CLIENT, kind, "--tun",
                                        "six0", "--pop", pop, "--inner", INNER],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return self.client.stdout.readline() == "up\n"

    def ended(self):
        """(exit status, what it said)"""
        said = self.client.communicate(timeout=60)[1]
        return self.client.returncode, said

    def remove(self):
        if self.client and self.client.poll() is None:
            self.client.kill()
            self.client.communicate()
        subprocess.run(["ip", "netns", "delete", self.name], check=True)


@pytest.fixture
def site():
    s = Site()
    yield s
    s.remove()


def ping(site):
    site("ping -6 -n -c 1 -W 1 2001:db8:ffff::1", check=False)


@pytest.mark.parametrize("kind", ["direct", "gre", "heartbeat", "ayiya"])
def test_its_own_packets_do_not_go_into_its_own_tunnel(site, kind):
    assert site.start(kind, POP6)
    site("ip -6 route add default dev six0")
    ping(site)
    assert site.client.poll() is None
    site("ip link delete wan")
    ping(site)
    status, said = site.ended()
    assert status == 1
    assert said == f"tunnel-client: the route to {POP6} leads into the tunnel itself: it needs one of its own\n"


def test_nor_do_their_fragments(site):
    assert site.start("ayiya", POP6)
    site("ip -6 route add default dev six0; ip link delete wan")
    site("ping -6 -n -c 1 -W 1 -s 1200 2001:db8:ffff::1", check=False)
    status, said = site.ended()
    assert status == 1 and "leads into the tunnel itself" in said


def test_what_others_send_to_the_pop_through_the_tunnel_goes_on(site):
    assert site.start("ayiya", POP6)
    site("ip -6 route add default dev six0")
    site(f"ping -6 -n -c 1 -W 1 -I six0 {POP6}", check=False)
    ping(site)
    assert site.client.poll() is None


@pytest.mark.parametrize("pop", [POP4, POP6])
@pytest.mark.parametrize("kind", ["direct", "gre", "heartbeat", "ayiya"])
def test_without_a_route_it_ends(site, kind, pop):
    assert site.start(kind, pop)
    site("ip -6 route add 2001:db8:ffff::/64 dev six0; ip link delete wan")
    ping(site)
    status, said = site.ended()
    assert status == 1 and said.startswith(f"tunnel-client: there is no way to {pop}: ") and said.count("\n") == 1


@pytest.mark.parametrize("pop", [POP4, POP6])
@pytest.mark.parametrize("kind", ["direct", "ayiya"])
def test_or_does_not_begin(site, kind, pop):
    site("ip link delete wan")
    assert not site.start(kind, pop)
    status, said = site.ended()
    assert status == 1 and said.startswith(f"tunnel-client: there is no way to {pop}: ") and said.count("\n") == 1


def test_without_its_device_it_ends(site):
    assert site.start("ayiya", POP4)
    site("ip link delete six0")
    status, said = site.ended()
    assert status == 1 and said.startswith("tunnel-client: six0 is gone: ")
