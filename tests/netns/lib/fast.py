"""What the tests of the fast path share: a plan, and how to see which way packets took."""
import contextlib
import ctypes
import fcntl
import re
import socket
import struct

from . import packets
from .config import config, dynamic, static
from .topology import ETHTOOL_SGRO, HOST6, ISP4, SIOCETHTOOL

TUNNELS = (static("1", "198.51.100.7"), static("2", "198.51.100.8"),
           static("3", "198.51.100.9", 1280), dynamic("4", "heartbeat", 1480), "encap T2 gre")
WHERE = {"1": "198.51.100.7", "2": "198.51.100.8", "3": "198.51.100.9"}


def ports(mode):
    return f"fastpath wan/{mode} core/{mode}"


def plan(*more, pop=()):
    return config(*TUNNELS, *more, subnets=[("2001:db8:3001::/48", "1")], pop=pop)


def gro(namespace, device, on):
    with namespace.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        value = ctypes.create_string_buffer(struct.pack("II", ETHTOOL_SGRO, on))
        fcntl.ioctl(s, SIOCETHTOOL, struct.pack("16sQ16x", device.encode(),
                                                ctypes.addressof(value)))


@contextlib.contextmanager
def polling(topology):
    """A veth takes frames from XDP only while its other end polls: GRO on there."""
    ends = ((topology.isp, "isp0"), (topology.internet, "net0"))
    for ns, device in ends:
        gro(ns, device, 1)
    # what ICMP taught the kernel in earlier tests about the way to these endpoints
    topology.pop.ip("route", "del", "default")
    topology.pop.ip("route", "add", "default", "via", ISP4)
    try:
        yield
    finally:
        for ns, device in ends:
            gro(ns, device, 0)


def carried(p):
    """Packets the programs forwarded."""
    return p.daemon.json("pop show fastpath")["out_packets"]


def client(p, tid):
    return (p.gre if tid == "2" else p.p41)(tid, WHERE[tid])


def wait_in_force(p, tid="1"):
    """Tunnels that just came up are taken over by control within moments."""
    c = client(p, tid)

    def tried():
        before = carried(p)
        c.send(packets.filler(c.inner, HOST6, 64))
        p.at_host(lambda q: q.src == c.inner)
        return carried(p) > before
    p.daemon.until(tried, f"the fast path carries tunnel {tid}")
    p.clear()


def attached(topology, device):
    return re.search(r"xdp", topology.pop.ip("link", "show", "dev", device)) is not None
