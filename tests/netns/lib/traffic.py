"""A steady stream of numbered packets, and which of them arrived."""
import struct
import threading
import time

from . import packets
from .topology import HOST6
from .wire import Wire


class Stream:
    """
    with Stream(pop, client, "down", 2000) as s: ...     # packets a second
    s.lost() -> the numbers that never arrived

    "up" is from the client to the native host, "down" the other way. The rate is what
    is asked for; what counts is that nothing of what was sent is missing.
    """
    BATCH_S = 0.01

    def __init__(self, pop, client, direction, rate, size=100):
        self.pop, self.client, self.up, self.rate = pop, client, direction == "up", rate
        self.size = size
        there = pop.topology
        self.sender = Wire(there.isp, "isp0") if self.up else Wire(there.internet, "net0")
        self.sink = Wire(there.internet, "net0") if self.up else Wire(there.isp, "isp0")
        self.sent = 0
        self.error = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.port = 50000 + (id(self) >> 4) % 10000

    def _packet(self, number):
        src, dst = (self.client.inner, HOST6) if self.up else (HOST6, self.client.inner)
        inner = packets.udp(src, dst, self.port, 7, struct.pack("!I", number)
                            + b"s" * (self.size - 52))
        return self.client.wrap(inner) if self.up else inner

    def _run(self):
        try:
            began = time.monotonic()
            while not self._stop.is_set():
                due = min(int((time.monotonic() - began) * self.rate) + 1, self.sent + 200)
                while self.sent < due:
                    self.sender.send(self._packet(self.sent))
                    self.sent += 1
                self._stop.wait(self.BATCH_S)
        except BaseException as e:
            self.error = e

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def pause_until(self, sent, deadline_s=60):
        """Until that many more have been sent."""
        goal, end = self.sent + sent, time.monotonic() + deadline_s
        while self.sent < goal and not self.error:
            assert time.monotonic() < end, "the stream stands still"
            time.sleep(self.BATCH_S)

    def lost(self):
        """After the with block."""
        if self.error:
            raise self.error
        self.pop.settle()
        arrived = set()
        for p in self.sink.seen():
            data = p.raw if self.up else self.client.unwrap(p)
            inner = packets.parse(data) if data else None
            if inner and inner.proto == packets.UDP and inner.udp_ports() == (self.port, 7):
                arrived.add(struct.unpack("!I", inner.payload[8:12])[0])
        self.sink.close()
        self.sender.close()
        return sorted(set(range(self.sent)) - arrived)
