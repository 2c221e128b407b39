"""
A packet socket on one device: send anything, see everything that arrives.

Nothing here sleeps. A test waits for the packet it wants, with a generous deadline, and
to prove that something did *not* happen it first makes something happen that comes
after it (Pop.settle) and then looks at what is in the queue.
"""
import select
import socket
import struct
import time
from collections import deque

from . import packets
from .topology import MAC

ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 = 3, 0x0800, 0x86DD
PACKET_OUTGOING = 4
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23
DEADLINE_S = 10.0


class Timeout(AssertionError):
    pass


class Wire:
    """
    @ethernet: False on a TUN device, whose frames are bare packets
    @both: also what the kernel sends out of this device (packets into the daemon on a TUN)
    """

    def __init__(self, namespace, device, ethernet=True, both=False):
        self.device = device
        self.peer = {"isp0": "wan", "wan": "isp0", "net0": "core", "core": "net0"}.get(device)
        self.ethernet = ethernet
        self.socket = namespace.socket(socket.AF_PACKET,
                                       socket.SOCK_RAW if ethernet else socket.SOCK_DGRAM,
                                       socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)        # SO_RCVBUFFORCE
        self.socket.setsockopt(socket.SOL_SOCKET, 32, 16 << 20)        # SO_SNDBUFFORCE
        if not both:
            self.socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.socket.bind((device, ETH_P_ALL))
        self.socket.setblocking(False)
        self.queue = deque()

    def close(self):
        self.socket.close()

    def header(self, packet, dst_mac=None):
        kind = ETH_P_IPV6 if packet[:1] and packet[0] >> 4 == 6 else ETH_P_IP
        to = dst_mac or MAC[self.peer]
        return bytes.fromhex(to.replace(":", "") + MAC[self.device].replace(":", "")) + \
            struct.pack("!H", kind)

    def send(self, *what, dst_mac=None):
        for packet in what:
            frame = self.header(packet, dst_mac) + packet
            while True:
                try:
                    self.socket.send(frame)
                    break
                except BlockingIOError:
                    select.select([], [self.socket], [], DEADLINE_S)

    def _take(self):
        """One frame from the socket into the queue; False when there is none."""
        try:
            frame, address = self.socket.recvfrom(65600)
        except BlockingIOError:
            return False
        if self.ethernet:
            if struct.unpack("!H", frame[12:14])[0] not in (ETH_P_IP, ETH_P_IPV6):
                return True
            frame = frame[14:]
        packet = packets.parse(frame)
        if packet is None or _chatter(packet):
            return True
        packet.out_of_device = address[2] == PACKET_OUTGOING
        self.queue.append(packet)
        return True

    def pull(self):
        while self._take():
            pass

    def seen(self):
        """Everything that has arrived and was not taken by expect()."""
        self.pull()
        got = list(self.queue)
        self.queue.clear()
        return got

    def clear(self):
        self.seen()

    def expect(self, match, what="a packet", deadline_s=DEADLINE_S):
        """
        The first packet for which match(packet) is true (or returns something true,
        which is then the result); others stay in the queue.
        """
        end = time.monotonic() + deadline_s
        looked = 0
        while True:
            while looked < len(self.queue):
                found = match(self.queue[looked])
                if found:
                    packet = self.queue[looked]
                    del self.queue[looked]
                    return packet if found is True else found
                looked += 1
            if self._take():
                continue
            left = end - time.monotonic()
            if left <= 0:
                raise Timeout(f"{self.device}: no {what}; saw {list(self.queue)}")
            select.select([self.socket], [], [], left)


def _chatter(packet):
    """
    What kernels say unasked: neighbour and router discovery, multicast reports; and up to a
    minute later, of fragments that an earlier test left alone, that the others never came.
    """
    if packet.proto in (packets.ICMPV4, packets.ICMPV6) and not packet.fragment and \
            packet.payload[:2] == (b"\x03\x01" if packet.version == 6 else b"\x0b\x01"):
        return True
    if packet.version == 6:
        return packet.dst.startswith("ff") or packet.src.startswith("fe80:")
    return packet.dst.startswith("224.")
