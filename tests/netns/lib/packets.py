"""
Packets as bytes: built and taken apart here, field by field, from the RFCs.

Nothing of the daemon is used, so that a mistake on one side is not repeated on the
other. Addresses are text; everything else is what stands on the wire.
"""
import socket
import struct
from dataclasses import dataclass

IPV4_IN_IP, TCP, UDP, IPV6, GRE, ICMPV6, ICMPV4, NONE = 4, 6, 17, 41, 47, 58, 1, 59
HOPOPTS, ROUTING, FRAGMENT, AH, DSTOPTS = 0, 43, 44, 51, 60


def a4(text):
    return socket.inet_pton(socket.AF_INET, text)


def a6(text):
    return socket.inet_pton(socket.AF_INET6, text)


def packed(text):
    return a6(text) if ":" in text else a4(text)


def text(address):
    return socket.inet_ntop(socket.AF_INET6 if len(address) == 16 else socket.AF_INET, address)


def checksum(data):
    """RFC 1071, as the number to store."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pseudo(src, dst, proto, length):
    if ":" in src:
        return a6(src) + a6(dst) + struct.pack("!IxxxB", length, proto)
    return a4(src) + a4(dst) + struct.pack("!xBH", proto, length)


def ip4(src, dst, proto, payload, ttl=64, tos=0, ident=0, df=True, more=False, offset=0,
        options=b"", total=None, check=None):
    words = 5 + len(options) // 4
    flags = (0x4000 if df else 0) | (0x2000 if more else 0) | offset // 8
    length = 4 * words + len(payload) if total is None else total
    head = struct.pack("!BBHHHBBH", 0x40 | words, tos, length, ident, flags, ttl, proto, 0)
    head += a4(src) + a4(dst) + options
    check = checksum(head) if check is None else check
    return head[:10] + struct.pack("!H", check) + head[12:] + payload


def ip6(src, dst, proto, payload, hlim=64, tc=0, flow=0, length=None):
    first = 6 << 28 | tc << 20 | flow
    length = len(payload) if length is None else length
    return struct.pack("!IHBB", first, length, proto, hlim) + a6(src) + a6(dst) + payload


def ip(src, dst, proto, payload, ttl=64, tos=0):
    if ":" in src:
        return ip6(src, dst, proto, payload, ttl, tos)
    return ip4(src, dst, proto, payload, ttl, tos)


def udp_segment(src, dst, sport, dport, data, check=None):
    length = 8 + len(data)
    head = struct.pack("!HHHH", sport, dport, length, 0)
    if check is None:
        check = checksum(pseudo(src, dst, UDP, length) + head + data) or 0xFFFF
    return head[:6] + struct.pack("!H", check) + data


def udp(src, dst, sport, dport, data, ttl=64, tos=0, check=None):
    return ip(src, dst, UDP, udp_segment(src, dst, sport, dport, data, check), ttl, tos)


def icmp6_message(src, dst, kind, code, rest):
    head = struct.pack("!BBH", kind, code, 0)
    check = checksum(pseudo(src, dst, ICMPV6, 4 + len(rest)) + head + rest)
    return struct.pack("!BBH", kind, code, check) + rest


def icmp6(src, dst, kind, code, rest, hlim=64, tc=0):
    return ip6(src, dst, ICMPV6, icmp6_message(src, dst, kind, code, rest), hlim, tc)


def echo6(src, dst, ident=0x1234, seq=1, data=b"inner-ipv6-echo!", hlim=64, tc=0, reply=False):
    return icmp6(src, dst, 129 if reply else 128, 0, struct.pack("!HH", ident, seq) + data,
                 hlim, tc)


def icmp4_message(kind, code, rest):
    head = struct.pack("!BBH", kind, code, 0)
    return struct.pack("!BBH", kind, code, checksum(head + rest)) + rest


def echo4(src, dst, ident=0x1234, seq=1, data=b"inner-ipv4-echo!", ttl=64, reply=False, **more):
    rest = struct.pack("!HH", ident, seq) + data
    return ip4(src, dst, ICMPV4, icmp4_message(0 if reply else 8, 0, rest), ttl, **more)


def tcp_syn(src, dst, sport, dport, mss, hlim=64):
    options = struct.pack("!BBHBBBB", 2, 4, mss, 1, 1, 1, 0)
    head = struct.pack("!HHIIBBHHH", sport, dport, 1, 0, 7 << 4, 2, 65535, 0, 0) + options
    check = checksum(pseudo(src, dst, TCP, len(head)) + head)
    return ip(src, dst, TCP, head[:16] + struct.pack("!H", check) + head[18:], hlim)


def filler(src, dst, length, hlim=64, tc=0, mark=0):
    """A whole IPv6 packet of exactly @length octets: UDP to a port nobody has."""
    data = struct.pack("!I", mark)
    data += b"x" * (length - 48 - len(data))
    return udp(src, dst, 40000, 40001, data[:length - 48], hlim, tc)


# ---- tunnels ----

def gre(inner, checksummed=False, key=None, seq=None, proto=None, flags=0):
    proto = proto if proto is not None else (0x86DD if inner[0] >> 4 == 6 else 0x0800)
    flags |= (0x8000 if checksummed else 0) | (0x2000 if key is not None else 0)
    flags |= 0x1000 if seq is not None else 0
    head = struct.pack("!HH", flags, proto)
    if checksummed:
        head += bytes(4)
    if key is not None:
        head += struct.pack("!I", key)
    if seq is not None:
        head += struct.pack("!I", seq)
    if checksummed:
        head = head[:4] + struct.pack("!H", checksum(head + inner)) + head[6:]
    return head + inner


@dataclass
class Packet:
    """An IP packet taken apart; raw is exactly the packet, without trailing octets."""
    raw: bytes
    version: int
    src: str
    dst: str
    proto: int
    ttl: int
    tos: int
    payload: bytes
    df: bool = False
    more: bool = False
    offset: int = 0
    ident: int = 0
    flow: int = 0
    options: bytes = b""

    @property
    def ecn(self):
        return self.tos & 3

    @property
    def fragment(self):
        return self.more or self.offset > 0

    def udp_ports(self):
        return struct.unpack("!HH", self.payload[:4])

    def icmp(self):
        """type, code, 32-bit rest of the header, body"""
        kind, code, _, param = struct.unpack("!BBHI", self.payload[:8])
        return kind, code, param, self.payload[8:]

    def checksum_ok(self):
        if self.version == 4 and checksum(self.raw[:len(self.raw) - len(self.payload)]):
            return False
        if self.fragment:
            return True
        if self.proto == ICMPV4:
            return checksum(self.payload) == 0
        if self.proto == UDP and self.version == 4 and self.payload[6:8] == b"\0\0":
            return True
        if self.proto in (ICMPV6, UDP, TCP):
            head = pseudo(self.src, self.dst, self.proto, len(self.payload))
            return checksum(head + self.payload) == 0
        return True

    def __repr__(self):
        note = f" {self.payload[0]}/{self.payload[1]}" if self.proto in (1, 58) and \
            len(self.payload) > 1 else ""
        return (f"<{self.src} > {self.dst} proto {self.proto}{note} ttl {self.ttl} tos {self.tos} "
                f"len {len(self.raw)}{' df' if self.df else ''}"
                f"{f' frag {self.offset}' if self.fragment else ''}>")


def parse(data):
    """An IP packet, or None when it is none."""
    if len(data) >= 40 and data[0] >> 4 == 6:
        first, length, proto, hlim = struct.unpack("!IHBB", data[:8])
        raw = data[:40 + length]
        return Packet(raw, 6, text(data[8:24]), text(data[24:40]), proto, hlim,
                      first >> 20 & 0xFF, raw[40:], flow=first & 0xFFFFF)
    if len(data) >= 20 and data[0] >> 4 == 4:
        words, tos, total, ident, frag, ttl, proto, _ = struct.unpack("!BBHHHBBH", data[:12])
        size = 4 * (words & 15)
        raw = data[:total]
        return Packet(raw, 4, text(data[12:16]), text(data[16:20]), proto, ttl, tos, raw[size:],
                      bool(frag & 0x4000), bool(frag & 0x2000), (frag & 0x1FFF) * 8, ident,
                      options=data[20:size])
    return None


def is_latency_probe(inner):
    """The PoP's own latency test (identifier 0x4242), which tests ignore unless they ask."""
    return (len(inner) == 1029 and inner[6] == ICMPV6 and inner[40] == 128
            and inner[44:46] == b"\x42\x42")
