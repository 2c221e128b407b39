"""The packets the benchmark sends, octet for octet."""
import hashlib
import ipaddress
import struct
import time

MAC = {"c0": "0200000000c0", "p0": "0200000000a0", "p1": "0200000000a1", "n0": "0200000000b0"}
CLIENT4, POP4 = "198.51.100.2", "198.51.100.42"
CLIENT6, NET6 = "2001:db8:cccc::2", "2001:db8:ffff::1"
PREFIX = "2001:db8:2ff"
PASSWORD = b"bench-password"
PORT = 4096                     # the AYIYA clients'
HEAD_OCTETS = 112               # of a frame that may differ between variants (gen.bpf.c)

IPV4, IPV6 = 0x0800, 0x86DD


def packed(a):
    return ipaddress.ip_address(a).packed


def checksum(data):
    data += b"\0" * (len(data) % 2)
    s = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


def inside(tid, flow=0):
    """
    An address in the tunnel's routed /64. The last two words make its sum the same for every
    tunnel and flow, so that one UDP checksum is right for all of them.
    """
    net = tid | 0x8000
    rest = (0xFFFF - (net + flow) % 0xFFFF) % 0xFFFF
    return f"{PREFIX}:{net:x}::{flow:x}:{rest:x}"


def inner(source, to, length, hops=64, tail=b""):
    """An IPv6 packet with a UDP header and zeroes, length octets in all, that ends in tail."""
    body = length - 40
    head = struct.pack("!IHBB", 6 << 28, body, 17, hops) + packed(source) + packed(to)
    pseudo = packed(source) + packed(to) + struct.pack("!II", body, 17)
    udp = struct.pack("!HHHH", 4096, 8192, body, 0) + bytes(body - 8 - len(tail)) + tail
    udp = udp[:6] + struct.pack("!H", checksum(pseudo + udp) or 0xffff) + udp[8:]
    return head + udp


def ipv4(protocol, payload):
    h = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, protocol, 0)
    h += packed(CLIENT4) + packed(POP4)
    return h[:10] + struct.pack("!H", checksum(h)) + h[12:] + payload


def signed(payload, tid, next_header=41, op=1):
    head = struct.pack("!BBBBI", 0x41, 0x52, 0x10 | op, next_header, int(time.time()))
    head += packed(f"{PREFIX}:{tid:x}::2")
    secret = hashlib.sha1(PASSWORD).digest()
    return head + hashlib.sha1(head + secret + payload).digest() + payload


def udp4(payload):
    return ipv4(17, struct.pack("!HHHH", PORT, 5072, 8 + len(payload), 0) + payload)


def ethernet(to, source, kind, packet):
    return bytes.fromhex(MAC[to] + MAC[source]) + struct.pack("!H", kind) + packet


def to_pop(packet):
    """An outer packet of the client's."""
    return ethernet("p0", "c0", IPV4, packet)


def native(source, to, length):
    """A packet of the internet's."""
    return ethernet("p1", "n0", IPV6, inner(source, to, length))


def protocol41(tid, length, flow=0, tail=b""):
    return to_pop(ipv4(41, inner(inside(tid, flow), NET6, length, tail=tail)))


def gre(tid, length, flow=0):
    return to_pop(ipv4(47, bytes.fromhex("000086dd") + inner(inside(tid, flow), NET6, length)))


def ayiya(tid, length, flow=0):
    return to_pop(udp4(signed(inner(inside(tid, flow), NET6, length), tid)))
