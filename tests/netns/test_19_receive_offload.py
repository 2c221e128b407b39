"""TCP segments that receive offload merges inside a tunnel come out as segments again."""
import contextlib
import ctypes
import fcntl
import socket
import struct

import pytest

from lib import packets
from lib.config import config, static
from lib.topology import HOST6, POP4, SIOCETHTOOL

CLIENT4 = "198.51.100.7"
CLIENT6 = "2001:db8:cafe::7"
SEQ, SIZE, COUNT = 0xFFFFF000, 1000, 10
DATA = b"".join(bytes([65 + i]) * SIZE for i in range(COUNT))
FLUSH_NS = 300_000_000
ETHTOOL_SGRO = 0x2C


def tcp(src, data, seq, flags=0x10, partial=False):
    """@partial: only the pseudo header's sum, as the kernel leaves it (CHECKSUM_PARTIAL)"""
    head = struct.pack("!HHIIBBHHH", 1000, 80, seq & 0xFFFFFFFF, 1, 5 << 4, flags, 500, 0, 0)
    sum_over = packets.pseudo(src, HOST6, packets.TCP, len(head) + len(data))
    check = packets.checksum(sum_over) ^ 0xFFFF if partial else \
        packets.checksum(sum_over + head + data)
    return packets.ip6(src, HOST6, packets.TCP,
                       head[:16] + struct.pack("!H", check) + head[18:] + data)


def arrived(pop, src):
    """The stream as the native host gets it; every packet whole and no larger than 1280."""
    got = {}
    while sum(map(len, got.values())) < len(DATA):
        p = pop.at_host(lambda p: p.proto == packets.TCP and p.src == src)
        assert p.checksum_ok(), p
        assert 40 + len(p.payload) <= 1280
        seq, = struct.unpack("!I", p.payload[4:8])
        got[(seq - SEQ) & 0xFFFFFFFF] = p.payload[20:]
    return b"".join(got[at] for at in sorted(got))


def fragments(outer_src, proto, payload, size=1400):
    return [packets.ip4(outer_src, POP4, proto, payload[at:at + size], ident=77, df=False,
                        more=at + size < len(payload), offset=at)
            for at in range(0, len(payload), size)]


@pytest.fixture
def both(pop):
    return pop(config(static("1", CLIENT4), static("2", "198.51.100.8"),
                      after=["tunnel set encap T2 gre"]))


@pytest.mark.parametrize("kind", ["6in4", "gre", "gre with a checksum"])
def test_a_packet_as_offload_leaves_it(both, kind):
    """The same octets, brought past the real offload by outer fragments."""
    tid, them, proto = ("1", CLIENT4, packets.IPV6) if kind == "6in4" else \
        ("2", "198.51.100.8", packets.GRE)
    src = both.inner(tid)
    merged = tcp(src, DATA, SEQ, flags=0x18, partial=True)
    if proto == packets.GRE:
        merged = packets.gre(merged, checksummed=kind != "gre")
    both.wan.send(*fragments(them, proto, merged))
    assert arrived(both, src) == DATA
    both.silent()


def test_a_small_one_gets_its_checksum(both):
    src = both.inner("1")
    both.p41("1", CLIENT4).send(tcp(src, b"x" * 100, SEQ, partial=True))
    p = both.at_host(lambda p: p.proto == packets.TCP)
    assert p.checksum_ok() and p.payload[20:] == b"x" * 100


def test_a_wrong_checksum_stays_wrong(both):
    """Nothing is mended that the kernel did not leave open."""
    src = both.inner("1")
    bad = bytearray(tcp(src, b"y" * 100, SEQ))
    bad[-1] ^= 1
    both.p41("1", CLIENT4).send(bytes(bad))
    p = both.at_host(lambda p: p.proto == packets.TCP)
    assert not p.checksum_ok() and p.payload[-1] == bad[-1]


def ethtool(namespace, device, command, value):
    with namespace.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        words = ctypes.create_string_buffer(struct.pack("II", command, value))
        fcntl.ioctl(s, SIOCETHTOOL, struct.pack("16sQ16x", device.encode(),
                                                ctypes.addressof(words)))


@contextlib.contextmanager
def receive_offload(topology):
    """The device holds segments back a while, as a busy network card's would be."""
    def tune(flush, defer):
        topology.pop.run("sh", "-c", f"echo {flush} >/sys/class/net/wan/gro_flush_timeout;"
                                     f"echo {defer} >/sys/class/net/wan/napi_defer_hard_irqs")
    try:
        ethtool(topology.pop, "wan", ETHTOOL_SGRO, 1)
        tune(FLUSH_NS, 5)
    except (OSError, RuntimeError) as e:
        pytest.skip(f"skipped: this kernel merges nothing on a veth: {e}")
    try:
        yield
    finally:
        tune(0, 0)
        ethtool(topology.pop, "wan", ETHTOOL_SGRO, 0)


@pytest.mark.parametrize("kind", ["6in4", "gre"])
def test_segments_merged_by_the_kernel(both, topology, kind):
    client = both.p41("1", CLIENT4) if kind == "6in4" else both.gre("2", "198.51.100.8")
    segments = [client.wrap(tcp(client.inner, DATA[at:at + SIZE], SEQ + at))
                for at in range(0, len(DATA), SIZE)]
    with receive_offload(topology):
        with topology.pop.socket(socket.AF_INET, socket.SOCK_RAW,
                                 packets.IPV6 if kind == "6in4" else packets.GRE) as witness:
            witness.settimeout(10)
            both.wan.send(*segments)
            merged = len(witness.recv(65536)) > len(segments[0])
        assert arrived(both, client.inner) == DATA
    if not merged:
        pytest.skip("skipped: this kernel merged nothing")
