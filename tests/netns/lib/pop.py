"""A running PoP with its two wires: what most tests hold in their hand."""
import itertools
import struct

from . import packets
from .client import Ayiya, Gre, Heartbeat, Protocol41
from .config import MARKERS, PASSWORD, PREFIX
from .daemon import Daemon
from .topology import HOST6
from .wire import Wire


class Pop:
    def __init__(self, topology, config, **how):
        self.topology = topology
        self.daemon = Daemon(topology, config, **how)
        self.wan = Wire(topology.isp, "isp0")
        self.core = Wire(topology.internet, "net0")
        self._tun = None
        self._count = itertools.count(1)
        self.markers = [Protocol41(self.wan, f"{PREFIX}:{tid}::2", them)
                        for tid, _, them in MARKERS]

    def start(self):
        self.daemon.start()
        return self

    def close(self):
        for wire in (self.wan, self.core, self._tun):
            if wire:
                wire.close()
        self.daemon.close()
        self.topology.forget_neighbours()

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if kind is None:
            self.close()
        else:
            self.daemon.discard()
            self.topology.forget_neighbours()
            for wire in (self.wan, self.core, self._tun):
                if wire:
                    wire.close()

    # what the daemon is asked most
    def cli(self, command, code=200):
        return self.daemon.cli(command, code)

    def errors(self, tunnel):
        return self.daemon.errors(tunnel)

    def show(self, tunnel):
        return self.daemon.show(tunnel)

    @property
    def tun(self):
        """A view of the TUN device, opened when first asked for."""
        if self._tun is None:
            self._tun = Wire(self.topology.pop, "sixxs", ethernet=False, both=True)
        return self._tun

    # ---- clients ----

    def inner(self, tid, host="2"):
        return f"{PREFIX}:{tid}::{host}"

    def p41(self, tid, them, **more):
        return Protocol41(self.wan, self.inner(tid), them, **more)

    def gre(self, tid, them, **more):
        return Gre(self.wan, self.inner(tid), them, **more)

    def ayiya(self, tid, them, password=PASSWORD, **more):
        return Ayiya(self.wan, self.inner(tid), them, password=password, **more)

    def heartbeat(self, tid, them, password=PASSWORD, **more):
        return Heartbeat(self.wan, self.inner(tid), them, password=password, **more)

    # ---- the uplink ----

    def from_uplink(self, *what):
        self.core.send(*what)

    def at_host(self, match=None, what="a packet at the native host", deadline_s=10.0):
        return self.core.expect(lambda p: p.version == 6 and (match is None or match(p)), what,
                                deadline_s)

    def settle(self):
        """
        Everything sent so far has been dealt with, and its consequences are in the
        queues of the wires. Three rounds from each side: when the second of two
        questions on one socket is answered, every packet that was waiting on any other
        socket when the first was asked has been read.
        """
        for _ in range(3):
            for marker in self.markers:
                self._ask_both(marker, next(self._count) & 0xFFFF)

    def _ask_both(self, marker, n):
        tunnel, core = (packets.echo6(who, marker.pop_inner, ident, n)
                        for who, ident in ((marker.inner, 0x5E77), (HOST6, 0x5E78)))
        self._asked(lambda: marker.send(tunnel), lambda: marker.receive(
            lambda p: p.payload[:1] == b"\x81" and
            p.payload[4:8] == struct.pack("!HH", 0x5E77, n),
            "the marker's echo reply through the tunnel"))
        self._asked(lambda: self.core.send(core), lambda: self.core.expect(
            lambda p: p.proto == packets.ICMPV6 and p.payload[:1] == b"\x81" and
            p.payload[4:8] == struct.pack("!HH", 0x5E78, n),
            "the marker's echo reply to the uplink"))

    @staticmethod
    def _asked(ask, answer):
        """A full queue loses the question as well: it is asked again, a few times."""
        for left in range(4, -1, -1):
            ask()
            try:
                return answer()
            except AssertionError:
                if not left:
                    raise
        return None

    def all_seen(self):
        """After settle(): everything the PoP sent that nobody took, probes left out."""
        self.settle()
        return [p for p in self.wan.seen() if not self._probe(p)] + self.core.seen()

    def _probe(self, p):
        if p.proto == packets.IPV6:
            return packets.is_latency_probe(p.payload)
        if p.proto == packets.GRE:
            return packets.is_latency_probe(p.payload[4:])
        if p.proto == packets.UDP:
            return any(packets.is_latency_probe(p.payload[8 + n:]) for n in (44, 56))
        return False

    def silent(self, why=""):
        seen = self.all_seen()
        assert not seen, f"{why or 'no packet at all was due'}; saw {seen}"

    def clear(self):
        self.settle()
        self.wan.clear()
        self.core.clear()
        if self._tun:
            self._tun.clear()

    def counted(self, tunnel, **_):
        return Counting(self, tunnel)


class Counting:
    """
    with pop.counted("T1") as c: ...
    c.by: how much each error name of the tunnel rose; c == {"Clock Off": 1}
    """

    def __init__(self, pop, tunnel):
        self.pop, self.tunnel, self.by = pop, tunnel, None

    def __enter__(self):
        self.before = self.pop.errors(self.tunnel)
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.pop.settle()
            after = self.pop.errors(self.tunnel)
            self.by = {name: count - self.before.get(name, 0) for name, count in after.items()
                       if count != self.before.get(name, 0)}
