"""
The page in a browser, of a daemon that runs: page.test.js against it instead of the mock.

The browser is outside the PoP's namespace; what it says goes in through a socket of ours. T1 and
T2 have clients, and the owner of T1 a token; the list has as many tunnels as there can be.
"""
import hashlib
import os
import re
import select
import socket
import subprocess
import sys
import threading

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "netns"))

from lib import daemon as daemon_module                     # noqa: E402
from lib import packets                                     # noqa: E402
from lib.config import MARKERS, PASSWORD                    # noqa: E402
from lib.pop import Pop                                     # noqa: E402
from lib.topology import HOST6, Topology, stop_on_signals   # noqa: E402

MANY = 32766            # a /48's largest tid is the PoP's own
ADMIN, OWNER = "admin-of-this-test", "owner-of-this-test"
PAGE = ("127.0.0.1", 42080)

HEAD = """\
pop
	set
		limits tunnels 32767 subnets 65536
		details 1 testpop 192.0.2.42 2001:db8::42
		id 1
		latency 1
		token admin {admin}
	end
	tunnelprefix add 2001:db8:2ff::/48
	subnetprefix add 2001:db8:3000::/40
end
tunnel
	set
		config 1 T1 198.51.100.7 up 1480
		token T1 {owner}
		config 2 T2 ayiya up 1428 {password}
"""


def sha256(token):
    return hashlib.sha256(token.encode()).hexdigest()


def many_tunnels():
    taken = {int(tid, 16) for tid, _, _ in MARKERS} | {1, 2}
    lines = [HEAD.format(admin=sha256(ADMIN), owner=sha256(OWNER), password=PASSWORD)]
    lines += [f"\t\tconfig {tid} {ident} {them} up 1480\n" for tid, ident, them in MARKERS]
    names = {int(ident[1:]) for _, ident, _ in MARKERS} | {1, 2}
    for tid in range(MANY):
        if tid in taken:
            continue
        ident = tid if tid not in names else tid + 100000
        them = f"198.18.{tid >> 8}.{tid & 255}" if tid % 3 else "heartbeat"
        lines.append(f"\t\tconfig {tid:x} T{ident} {them} up 1480\n")
    return "".join(lines) + "\tend\nend\nsubnet\n\tset\n\t\tconfig 2001:db8:3001::/48 1 static\n\tend\nend\n"


class Door:
    """A port of this host's loopback that leads to the page."""

    def __init__(self, topology):
        self.topology = topology
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                inside = self.topology.pop.socket(socket.AF_INET, socket.SOCK_STREAM)
                inside.connect(PAGE)
            except OSError:
                return
            threading.Thread(target=self._pass, args=(client, inside), daemon=True).start()

    @staticmethod
    def _pass(client, inside):
        both = {client: inside, inside: client}
        with client, inside:
            while True:
                for ready in select.select(list(both), [], [])[0]:
                    try:
                        data = ready.recv(65536)
                        if not data:
                            return
                        both[ready].sendall(data)
                    except OSError:
                        return

    def close(self):
        self.listener.close()


class Clients(threading.Thread):
    """Traffic both ways, answers to the latency test, and now and then a mistake."""

    def __init__(self, pop):
        super().__init__(daemon=True)
        self.pop, self.over = pop, threading.Event()
        self.one, self.two = pop.p41("1", "198.51.100.7"), pop.ayiya("2", "198.51.100.8")

    def run(self):
        n = 0
        while not self.over.wait(0.1):
            n += 1
            if n % 20 == 1:
                self.two.beat()
            self.one.send(packets.filler(self.one.inner, HOST6, 300 + n % 700))
            self.pop.core.send(packets.filler(HOST6, self.one.inner, 200 + n % 900))
            self.two.send(packets.filler(self.two.inner, HOST6, 500))
            if n % 50 == 0:
                self.one.send(packets.filler("2001:db8:2ff:1::99", HOST6, 100))


@pytest.fixture(scope="module")
def page():
    stop_on_signals()
    assert daemon_module.binary(), "no sixxsd: set SIXXSD"
    topology = Topology()
    pop = Pop(topology, many_tunnels())
    try:
        pop.start()
        clients, door = Clients(pop), Door(topology)
        clients.start()
        yield door.url
        clients.over.set()
        clients.join()
        door.close()
    finally:
        pop.close()
        topology.remove()


def what_failed(tap):
    """Each "not ok" of Node's runner with what it says of it; what passed says nothing."""
    return "\n".join(re.findall(r"^ *not ok .*\n(?:(?! *(?:not )?ok |# Subtest).*\n)*", tap, re.M))


def test_the_page_in_a_browser(page):
    env = dict(os.environ, SIXXSD_WEB_URL=page, SIXXSD_WEB_ADMIN=ADMIN, SIXXSD_WEB_OWNER=OWNER,
               SIXXSD_WEB_TUNNEL="T1", SIXXSD_WEB_OTHER="T2", SIXXSD_WEB_TUNNELS=str(MANY))
    done = subprocess.run(["node", "--test"], cwd=HERE, env=env, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=900)
    if done.returncode:
        pytest.fail(what_failed(done.stdout) + done.stdout[-300:] + done.stderr[-2000:], pytrace=False)
