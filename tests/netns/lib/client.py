"""
What stands at the other end of a tunnel, written from the protocol descriptions alone.

A client wraps and unwraps; it sends from any outer address it is told to, because the
wire it uses is a packet socket (lib/wire.py).
"""
import hashlib
import struct
import time

from . import packets
from .packets import a6

AYIYA_PORT, HEARTBEAT_PORT = 5072, 3740
NOOP, FORWARD, ECHO_REQUEST, ECHO_REQUEST_FORWARD, ECHO_RESPONSE = 0, 1, 2, 3, 4


# ---- bytes ----

def ayiya(identity, password, payload=b"", epoch=None, opcode=None, next_header=None,
          sha256=False, first=0x41, second=None, auth=1, secret=None):
    """A signed AYIYA packet; every field can be forced. password: str or octets."""
    method = hashlib.sha256 if sha256 else hashlib.sha1
    if next_header is None:
        next_header = packets.NONE if not payload else \
            packets.IPV6 if payload[0] >> 4 == 6 else packets.IPV4_IN_IP
    if opcode is None:
        opcode = FORWARD if payload else NOOP
    if second is None:
        second = 0x84 if sha256 else 0x52
    if secret is None:
        secret = method(password.encode() if isinstance(password, str) else password).digest()
    epoch = int(time.time()) if epoch is None else epoch
    head = struct.pack("!BBBBI", first, second, auth << 4 | opcode, next_header, epoch)
    head += a6(identity)
    return head + method(head + secret + payload).digest() + payload


def ayiya_open(datagram, password, sha256=False):
    """opcode, next header, epoch, identity, payload; None when the signature is bad."""
    size = 32 if sha256 else 20
    method = hashlib.sha256 if sha256 else hashlib.sha1
    if len(datagram) < 24 + size:
        return None
    secret = method(password.encode()).digest()
    signature, payload = datagram[24:24 + size], datagram[24 + size:]
    if method(datagram[:24] + secret + payload).digest() != signature:
        return None
    _, _, op, next_header, epoch = struct.unpack("!BBBBI", datagram[:8])
    return op & 15, next_header, epoch, packets.text(datagram[8:24]), payload


def heartbeat(inner, password, sender="sender", now=None, digest=None):
    stem = f"HEARTBEAT TUNNEL {inner} {sender} {int(time.time()) if now is None else now} "
    return (stem + (digest or hashlib.md5((stem + password).encode()).hexdigest())).encode()


# ---- clients ----

class Client:
    """
    The user's end of one tunnel.

    @inner: its address, <prefix>:<tid>::2
    @them: its outer address
    @us: the PoP's outer address it talks to
    """
    overhead4, overhead6 = 0, 0

    def __init__(self, wire, inner, them, us=None):
        self.wire, self.inner, self.them = wire, inner, them
        self.us = us or ("2001:db8::42" if ":" in them else "192.0.2.42")
        self.pop_inner = inner[:-1] + "1"

    @property
    def overhead(self):
        return self.overhead6 if ":" in self.them else self.overhead4

    def wrap(self, inner, **how):
        raise NotImplementedError

    def unwrap(self, outer):
        """The inner octets if this packet is one to this client, else None."""
        raise NotImplementedError

    def send(self, *inner, **how):
        for packet in inner:
            self.wire.send(self.wrap(packet, **how))

    def receive(self, match=None, what="a packet in the tunnel", probes=False, deadline_s=10.0):
        """(outer, inner) of the first packet that arrives here and satisfies match(inner)."""
        def fits(outer):
            data = self.unwrap(outer)
            if data is None or (not probes and packets.is_latency_probe(data)):
                return None
            inner = packets.parse(data)
            if inner is None or (match and not match(inner)):
                return None
            inner.octets = data
            return outer, inner
        return self.wire.expect(fits, what, deadline_s)

    def everything(self):
        """All that has arrived for this client; what is not for it stays in the queue."""
        self.wire.pull()
        got, rest = [], []
        for outer in self.wire.queue:
            data = self.unwrap(outer)
            if data is None:
                rest.append(outer)
            elif not packets.is_latency_probe(data):
                got.append((outer, packets.parse(data)))
        self.wire.queue.clear()
        self.wire.queue.extend(rest)
        return got

    def ping(self, to, **how):
        """Echo request through the tunnel and the reply, (outer, inner)."""
        ident = how.setdefault("ident", 0x7000 + (hash(self.inner) & 0xFFF))
        self.send(packets.echo6(self.inner, to, **how))
        return self.receive(lambda p: p.proto == packets.ICMPV6 and p.payload[0] == 129
                            and p.payload[4:6] == struct.pack("!H", ident), "echo reply")


class Protocol41(Client):
    overhead4, overhead6 = 20, 40

    def wrap(self, inner, tos=0, ttl=64, them=None):
        return packets.ip(them or self.them, self.us, packets.IPV6, inner, ttl, tos)

    def unwrap(self, outer):
        if outer.proto == packets.IPV6 and outer.dst == self.them and not outer.fragment:
            return outer.payload
        return None


class Gre(Client):
    overhead4, overhead6 = 24, 44

    def __init__(self, *where, key=None, **more):
        super().__init__(*where, **more)
        self.key = key

    def wrap(self, inner, tos=0, ttl=64, them=None, **how):
        how.setdefault("key", self.key)
        return packets.ip(them or self.them, self.us, packets.GRE,
                          packets.gre(inner, **how), ttl, tos)

    def unwrap(self, outer):
        if outer.proto != packets.GRE or outer.dst != self.them or outer.fragment:
            return None
        flags, proto = struct.unpack("!HH", outer.payload[:4])
        inner, want = outer.payload[4:], 0
        if self.key is not None:
            want, inner = 0x2000, outer.payload[8:]
            if outer.payload[4:8] != struct.pack("!I", self.key):
                return None
        version = {0x86DD: 6, 0x0800: 4}.get(proto)
        return inner if flags == want and inner and inner[0] >> 4 == version else None


class Ayiya(Client):
    overhead4, overhead6 = 72, 92

    def __init__(self, *where, password, port=40001, sha256=False, **more):
        super().__init__(*where, **more)
        self.password, self.port, self.sha256 = password, port, sha256

    def datagram(self, data, tos=0, ttl=64, them=None, port=None):
        return packets.udp(them or self.them, self.us, port or self.port, AYIYA_PORT, data,
                           ttl, tos)

    def wrap(self, inner, tos=0, ttl=64, them=None, port=None, **how):
        return self.datagram(ayiya(self.inner, self.password, inner, sha256=self.sha256, **how),
                             tos, ttl, them, port)

    def beat(self, them=None, port=None, **how):
        self.wire.send(self.wrap(b"", them=them, port=port, **how))

    def opened(self, outer):
        if outer.proto != packets.UDP or outer.dst != self.them or outer.fragment or \
                outer.udp_ports() != (AYIYA_PORT, self.port):
            return None
        return ayiya_open(outer.payload[8:], self.password, self.sha256)

    def unwrap(self, outer):
        said = self.opened(outer)
        if said is None or said[0] != FORWARD or said[3] != self.pop_inner or \
                abs(said[2] - time.time()) > 120:
            return None
        return said[4] if said[1] in (packets.IPV6, packets.IPV4_IN_IP) else None


class Heartbeat(Protocol41):
    """Beats, and its data is protocol 41; for GRE use a Gre client and send(beat_packet())."""

    def __init__(self, *where, password, **more):
        super().__init__(*where, **more)
        self.password = password

    def beat(self, them=None, port=30000, message=None, **how):
        message = heartbeat(self.inner, self.password, **how) if message is None else message
        self.wire.send(packets.udp(them or self.them, self.us, port, HEARTBEAT_PORT, message))


def reassemble(parts):
    """One packet from the fragments of it, either family; None while some are missing."""
    if not parts:
        return None
    parts = sorted(parts, key=lambda p: p.offset)
    data, proto = b"", parts[0].proto
    for p in parts:
        if p.offset != len(data):
            return None
        data += p.payload
    if parts[-1].more:
        return None
    whole = packets.ip(parts[0].src, parts[0].dst, proto, data, parts[0].ttl, parts[0].tos)
    return packets.parse(whole)


def fragment6(packet):
    """An IPv6 packet with a fragment header, as a Packet of its own fragment; else as it is."""
    if packet.version != 6 or packet.proto != packets.FRAGMENT:
        return packet
    proto, _, where, ident = struct.unpack("!BBHI", packet.payload[:8])
    packet.proto, packet.payload, packet.ident = proto, packet.payload[8:], ident
    packet.offset, packet.more = where & 0xFFF8, bool(where & 1)
    return packet
