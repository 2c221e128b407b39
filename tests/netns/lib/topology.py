"""
The network every test runs in, made of namespaces with names of their own.

      isp                      pop                          internet
 (all clients)          (sixxsd runs here)             (native IPv6 host)
+-------------+       +--------------------+          +------------------+
| 192.0.2.1   | veth  | 192.0.2.42         |   veth   | 2001:db8:ffff::1 |
| 2001:db8::1 |-------| 2001:db8::42       |----------|                  |
|    "isp0"   |       | "wan"       "core" |          |      "net0"      |
+-------------+       |     "sixxs"        |          +------------------+
  198.51.100.0/24     +--------------------+
  203.0.113.0/24        default IPv4, 2001:db8:cafe::/48: out of wan
  2001:db8:cafe::/48    default IPv6: out of core

By default the two outer namespaces are silent: they hold no address, their kernels
answer nothing, and the test itself is every client and every host, with packet sockets
on isp0 and net0. So what a test sees on a wire is what the PoP sent, and nothing else.
`with topology.kernels():` gives them the addresses of the picture, and forwarding, for
tests where a real kernel plays the other side (a guest on a tap in isp, iperf3, ping).

Everything is gone after remove(), which also runs at exit and on a signal.
"""
import atexit
import contextlib
import ctypes
import os
import signal
import socket
import struct
import subprocess

CLONE_NEWNET = 0x40000000
SIOCETHTOOL = 0x8946
ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO = 0x17, 0x1F, 0x24, 0x2C

POP4, POP6 = "192.0.2.42", "2001:db8::42"
POP4_OTHER, POP6_OTHER = "192.0.2.43", "2001:db8::43"
ISP4, ISP6 = "192.0.2.1", "2001:db8::1"
CORE6 = "2001:db8:ffff::42"
HOST6 = "2001:db8:ffff::1"

MAC = {
    "isp0": "02:00:00:00:01:01", "wan": "02:00:00:00:01:02",
    "core": "02:00:00:00:02:01", "net0": "02:00:00:00:02:02",
}

_libc = ctypes.CDLL(None, use_errno=True)


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Namespace:
    """One network namespace: run programs in it, make sockets in it."""

    def __init__(self, name):
        self.name = name
        subprocess.run(["ip", "netns", "add", name], check=True)
        self.fd = os.open(f"/run/netns/{name}", os.O_RDONLY)
        self.ip("link", "set", "lo", "up")

    def command(self, *argv):
        return ["ip", "netns", "exec", self.name, *argv]

    def run(self, *argv, check=True, **how):
        how.setdefault("capture_output", True)
        how.setdefault("text", True)
        done = subprocess.run(self.command(*argv), check=False, **how)
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(argv)}: {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def ip(self, *argv, check=True):
        done = subprocess.run(["ip", "-n", self.name, *argv], capture_output=True, text=True,
                              check=False)
        if check and done.returncode:
            raise RuntimeError(f"ip {' '.join(argv)}: {done.stderr}")
        return done.stdout

    def sysctl(self, name, value=None):
        path = "/proc/sys/" + name.replace(".", "/")
        with self.inside(), open(path, "r" if value is None else "w", encoding="ascii") as f:
            if value is None:
                return f.read().strip()
            f.write(str(value))
        return None

    @contextlib.contextmanager
    def inside(self):
        """This thread is in the namespace; sockets made here stay in it."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            _setns(self.fd)
            yield
        finally:
            _setns(home)
            os.close(home)

    def socket(self, *what):
        with self.inside():
            return socket.socket(*what)

    def devices(self):
        with self.inside():
            return [name for _, name in socket.if_nameindex()]

    def remove(self):
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)


def _offload_off(device):
    """Checksums are on the wire, not left to a card that is not there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for what in (ETHTOOL_SGSO, ETHTOOL_STSO, ETHTOOL_SGRO, ETHTOOL_STXCSUM):
            value = ctypes.create_string_buffer(struct.pack("II", what, 0))
            request = struct.pack("16sQ16x", device.encode(), ctypes.addressof(value))
            with contextlib.suppress(OSError):
                import fcntl
                fcntl.ioctl(s, SIOCETHTOOL, request)


class Topology:
    def __init__(self, forwarding=True):
        self.tag = f"s6t{os.getpid()}x{id(self) & 0xffff:x}"
        self.namespaces = []
        self._kernels = 0
        atexit.register(self.remove)
        try:
            self._build(forwarding)
        except BaseException:
            self.remove()
            raise

    def _add(self, role):
        ns = Namespace(f"{self.tag}-{role}")
        self.namespaces.append(ns)
        ns.sysctl("net.ipv6.conf.all.accept_dad", 0)
        ns.sysctl("net.ipv6.conf.default.accept_dad", 0)
        ns.sysctl("net.ipv6.conf.all.accept_ra", 0)
        ns.sysctl("net.ipv6.conf.default.accept_ra", 0)
        return ns

    def _pair(self, ns_a, a, ns_b, b):
        ns_a.ip("link", "add", "name", a, "address", MAC[a], "type", "veth",
                "peer", "name", b, "address", MAC[b], "netns", ns_b.name)
        for ns, dev in ((ns_a, a), (ns_b, b)):
            with ns.inside():
                _offload_off(dev)
            for family in ("ipv4", "ipv6"):
                with contextlib.suppress(OSError):
                    ns.sysctl(f"net.{family}.conf.{dev}.rp_filter", 0)

    def _build(self, forwarding):
        self.pop = self._add("pop")
        self.isp = self._add("isp")
        self.internet = self._add("net")
        for ns in (self.isp, self.internet):
            ns.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
        self._pair(self.pop, "wan", self.isp, "isp0")
        self._pair(self.pop, "core", self.internet, "net0")
        pop = self.pop
        pop.sysctl("net.ipv4.conf.all.rp_filter", 0)
        pop.sysctl("net.ipv4.conf.default.rp_filter", 0)
        pop.sysctl("net.ipv4.icmp_ratelimit", 0)
        pop.sysctl("net.ipv6.icmp.ratelimit", 0)
        # no connection takes by chance a port that a test or its daemon is to listen on
        pop.sysctl("net.ipv4.ip_local_port_range", "51000 60999")
        if forwarding:
            pop.sysctl("net.ipv6.conf.all.forwarding", 1)
            pop.sysctl("net.ipv4.ip_forward", 1)
        for a in (POP4 + "/24", POP4_OTHER + "/24"):
            pop.ip("addr", "add", a, "dev", "wan")
        for a in (POP6 + "/64", POP6_OTHER + "/64"):
            pop.ip("addr", "add", a, "dev", "wan", "nodad")
        pop.ip("addr", "add", CORE6 + "/64", "dev", "core", "nodad")
        for ns, dev in ((pop, "wan"), (pop, "core"), (self.isp, "isp0"), (self.internet, "net0")):
            ns.ip("link", "set", dev, "up")
        for gateway, dev, peer in ((ISP4, "wan", "isp0"), (ISP6, "wan", "isp0"),
                                   (HOST6, "core", "net0")):
            pop.ip("neigh", "replace", gateway, "lladdr", MAC[peer], "dev", dev,
                   "nud", "permanent")
        pop.ip("route", "add", "default", "via", ISP4)
        pop.ip("-6", "route", "add", "2001:db8:cafe::/48", "via", ISP6)
        pop.ip("-6", "route", "add", "default", "via", HOST6)

    def forget_neighbours(self):
        """
        What waits for a neighbour that nobody is, is told so now. The kernel would 3 s later,
        with an ICMPv6 error to a client whose addresses are by then the next test's.
        """
        self.pop.ip("neigh", "flush", "all")

    @contextlib.contextmanager
    def kernels(self):
        """The kernels of isp and internet are awake: addresses, forwarding, answers."""
        isp, net = self.isp, self.internet
        for ns, dev in ((isp, "isp0"), (net, "net0")):
            ns.sysctl(f"net.ipv6.conf.{dev}.disable_ipv6", 0)
            ns.sysctl(f"net.ipv6.conf.{dev}.accept_dad", 0)
        isp.sysctl("net.ipv4.ip_forward", 1)
        isp.sysctl("net.ipv6.conf.all.forwarding", 1)
        isp.ip("addr", "add", ISP4 + "/24", "dev", "isp0")
        isp.ip("addr", "add", ISP6 + "/64", "dev", "isp0", "nodad")
        net.ip("addr", "add", HOST6 + "/64", "dev", "net0", "nodad")
        for prefix in ("2001:db8:200::/40", "2001:db8:3000::/40", "2001:db8:4242::/48"):
            net.ip("-6", "route", "replace", prefix, "via", CORE6)
        try:
            yield self
        finally:
            for ns, dev in ((isp, "isp0"), (net, "net0")):
                ns.ip("addr", "flush", "dev", dev, check=False)
                ns.sysctl(f"net.ipv6.conf.{dev}.disable_ipv6", 1)

    def remove(self):
        while self.namespaces:
            self.namespaces.pop().remove()
        atexit.unregister(self.remove)


def stop_on_signals():
    """A terminated run cleans up like one that was interrupted."""
    def stop(number, frame):
        raise KeyboardInterrupt(f"signal {number}")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
