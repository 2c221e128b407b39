"""Super-packets: what the kernel hands over merged, and what it takes merged from us."""
import socket
import struct
import time

import pytest

from lib import packets
from lib.client import ayiya
from lib.config import config, dynamic, static
from lib.share import Share, steers, workers
from lib.topology import ETHTOOL_STSO, ETHTOOL_STXCSUM, HOST6, MAC
from test_18_overload import drops
from test_19_receive_offload import ethtool, receive_offload

CLIENT4, CLIENT6 = "198.51.100.7", "2001:db8:cafe::9"
SEQ, SIZE, COUNT = 0xFFFFF800, 1000, 12
ACK, PSH, CWR = 0x10, 0x08, 0x80
SOL_PACKET, PACKET_VNET_HDR = 263, 15
NEEDS_CSUM, GSO_TCP6, GSO_UDP_L4, GSO_ECN = 1, 4, 5, 0x80
TIMESTAMPS = b"\1\1\x08\x0a" + b"tttteeee"

KINDS = ["6in4", "ayiya", "ayiya over IPv6"]


def octets(n):
    return bytes((i * 7 + i // 251) & 0xFF for i in range(n))


def tcp(src, dst, data, seq, flags=ACK, partial=False, sport=1000):
    head = struct.pack("!HHIIBBHHH", sport, 80, seq & 0xFFFFFFFF, 1, 8 << 4, flags, 500, 0, 0)
    head += TIMESTAMPS
    over = packets.pseudo(src, dst, packets.TCP, len(head) + len(data))
    check = packets.checksum(over) ^ 0xFFFF if partial else packets.checksum(over + head + data)
    return packets.ip6(src, dst, packets.TCP, head[:16] + struct.pack("!H", check) + head[18:]
                       + data)


def udp(src, dst, data, partial=False):
    head = struct.pack("!HHHH", 4000, 443, 8 + len(data), 0)
    over = packets.pseudo(src, dst, packets.UDP, len(head) + len(data))
    check = packets.checksum(over) ^ 0xFFFF if partial else packets.checksum(over + head + data)
    return packets.ip6(src, dst, packets.UDP, head[:6] + struct.pack("!H", check) + data)


@pytest.fixture
def running(pop):
    return pop(config(static("1", CLIENT4), dynamic("2", "ayiya"), dynamic("3", "ayiya")))


def client_of(p, kind):
    if kind == "6in4":
        return p.p41("1", CLIENT4)
    c = p.ayiya("2", "198.51.100.8") if kind == "ayiya" else p.ayiya("3", CLIENT6)
    c.beat()
    p.settle()                  # a packet from the uplink must not overtake it
    return c


def merged(p):
    p.settle()                  # what left is counted after it left
    rows = workers(p)
    return sum(w["merged_in"] for w in rows), sum(w["merged_out"] for w in rows)


class Host:
    """The native host's network card, which leaves cutting and checksums to others."""

    def __init__(self, topology):
        self.topology = topology
        for what in (ETHTOOL_STXCSUM, ETHTOOL_STSO):
            ethtool(topology.internet, "net0", what, 1)
        self.sock = topology.internet.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        self.sock.bind(("net0", 0))

    def send(self, packet, kind=0, segment=0, field=16, l4=40, headers=72):
        frame = bytes.fromhex((MAC["core"] + MAC["net0"]).replace(":", "")) + b"\x86\xdd" + packet
        self.sock.send(struct.pack("=BBHHHH", NEEDS_CSUM, kind, 14 + headers if segment else 0,
                                   segment, 14 + l4, field) + frame)

    def close(self):
        self.sock.close()
        for what in (ETHTOOL_STSO, ETHTOOL_STXCSUM):
            ethtool(self.topology.internet, "net0", what, 0)


@pytest.fixture
def host(topology):
    h = Host(topology)
    yield h
    h.close()


def older(packet):
    return packet[:7] + bytes([packet[7] - 1]) + packet[8:]


def pieces(src, dst, data, flags=ACK, size=SIZE):
    out = []
    for at in range(0, len(data), size):
        last = at + size >= len(data)
        f = flags & ~CWR if at else flags
        out.append(tcp(src, dst, data[at:at + size], SEQ + at, f if last else f & ~PSH))
    return out


# ---- from the uplink, super-packets of the TUN device ----

@pytest.mark.parametrize("offload", ["on", "off"])
@pytest.mark.parametrize("kind", KINDS)
def test_tcp_towards_a_tunnel_is_cut_as_its_sender_would_have(running, host, kind, offload):
    running.cli(f"pop set offload {offload}")
    client = client_of(running, kind)
    data = octets(COUNT * SIZE - 123)
    with Share(running) as share:
        host.send(tcp(HOST6, client.inner, data, SEQ, ACK | PSH | CWR, partial=True),
                  GSO_TCP6 | GSO_ECN, SIZE)
        got = [client.receive(lambda p: p.proto == packets.TCP)[1].raw for _ in range(COUNT)]
    assert got == [older(x) for x in pieces(HOST6, client.inner, data, ACK | PSH | CWR)]
    assert sum(share.packets) == COUNT, "each is one packet in the books"
    came, left = merged(running)
    if offload == "off":
        assert (came, left) == (0, 0)
    else:
        assert came == COUNT and left == (0 if kind == "6in4" else COUNT)
    running.silent()


def test_udp_towards_a_tunnel(running, host, topology):
    client = client_of(running, "ayiya")
    data = octets(3 * SIZE + 7)
    try:
        host.send(udp(HOST6, client.inner, data, partial=True), GSO_UDP_L4, SIZE, field=6,
                  headers=48)
    except OSError as e:
        pytest.skip(f"skipped: this kernel takes no UDP super-packet: {e}")
    got = [client.receive(lambda p: p.proto == packets.UDP)[1].raw for _ in range(4)]
    assert got == [older(udp(HOST6, client.inner, data[at:at + SIZE]))
                   for at in range(0, len(data), SIZE)]
    running.silent()


@pytest.mark.parametrize("kind", KINDS)
def test_a_checksum_that_was_left_to_the_card_is_there(running, host, kind):
    client = client_of(running, kind)
    host.send(tcp(HOST6, client.inner, b"x" * 77, SEQ, partial=True))
    assert client.receive(lambda p: p.proto == packets.TCP)[1].raw == \
        older(tcp(HOST6, client.inner, b"x" * 77, SEQ))
    host.send(udp(HOST6, client.inner, b"y" * 77, partial=True), field=6)
    assert client.receive(lambda p: p.proto == packets.UDP)[1].raw == \
        older(udp(HOST6, client.inner, b"y" * 77))


def test_segments_too_big_for_the_tunnel_are_told_so_one_by_one(running, host):
    """The segment counts, not the super-packet; and what is quoted was never merged."""
    client = client_of(running, "6in4")
    size = 1456 - 72                # fits the first tunnel's 1480, not the second's 1428
    host.send(tcp(HOST6, client.inner, octets(3 * size), SEQ, partial=True), GSO_TCP6, size)
    assert len([client.receive(lambda p: p.proto == packets.TCP) for _ in range(3)]) == 3
    narrow = client_of(running, "ayiya")
    host.send(tcp(HOST6, narrow.inner, octets(3 * size), SEQ, partial=True), GSO_TCP6, size)
    for n in range(3):
        error = running.at_host(lambda p: p.proto == packets.ICMPV6)
        assert error.icmp()[:2] == (2, 0)
        quoted = error.payload[8:]
        whole = older(tcp(HOST6, narrow.inner, octets(3 * size)[n * size:(n + 1) * size],
                          SEQ + n * size))
        assert quoted == whole[:len(quoted)] and len(error.raw) <= 1280
    running.silent()


def test_a_super_packet_that_is_kept_out_counts_as_its_segments(running, host):
    """What one tunnel may have waiting is bounded, and no segment beyond it is forgotten."""
    if not steers(running):
        pytest.skip("skipped: without programs in the kernel nothing is kept out there")
    client = client_of(running, "6in4")
    each, many = 50, 200
    before = drops(running)
    with running.daemon.stopped():
        for _ in range(many):
            host.send(tcp(HOST6, client.inner, octets(each * SIZE), SEQ, partial=True), GSO_TCP6,
                      SIZE)

    def counted():
        now = drops(running)
        lost = {name: now[name] - before.get(name, 0) for name in now
                if now[name] > before.get(name, 0)}
        return int(running.show("T1")["Packets Out (Total)"].split(";")[0]), lost

    end = time.monotonic() + 20
    while True:
        out, lost = counted()
        if out + lost.get("DROP_QUEUE_SHARE", 0) >= each * many:
            break
        assert time.monotonic() < end, (out, lost)
        time.sleep(0.1)             # once a second it is looked up
    assert lost["DROP_QUEUE_SHARE"] == each * many - out > 0 and "DROP_QUEUE_TUN" not in lost, lost


# ---- to the uplink, segments that follow one another ----

def burst(p, client, segments):
    with p.daemon.stopped():     # what is sent meanwhile waits, and is one batch
        p.wan.send(*[client.wrap(s) for s in segments])


@pytest.mark.parametrize("offload", ["on", "off"])
@pytest.mark.parametrize("kind", KINDS)
def test_consecutive_segments_leave_as_one_and_arrive_as_they_were(running, kind, offload):
    running.cli(f"pop set offload {offload}")
    client = client_of(running, kind)
    segments = pieces(client.inner, HOST6, octets(COUNT * SIZE - 123), ACK | PSH)
    burst(running, client, segments)
    got = [running.at_host(lambda p: p.proto == packets.TCP).raw for _ in segments]
    assert got == [older(s) for s in segments]
    assert merged(running)[1] == (COUNT if offload == "on" else 0)
    running.silent()


def test_a_damaged_segment_stays_damaged_and_in_its_place(running):
    client = client_of(running, "6in4")
    segments = pieces(client.inner, HOST6, octets(COUNT * SIZE))
    segments[5] = segments[5][:-1] + bytes([segments[5][-1] ^ 1])
    burst(running, client, segments)
    got = [running.at_host(lambda p: p.proto == packets.TCP).raw for _ in segments]
    assert got == [older(s) for s in segments]
    assert merged(running)[1] == COUNT - 1


def test_two_connections_are_not_mixed(running):
    client = client_of(running, "6in4")
    one = [tcp(client.inner, HOST6, octets(SIZE), SEQ + n * SIZE, sport=1001) for n in range(5)]
    two = [tcp(client.inner, HOST6, octets(SIZE), SEQ + n * SIZE, sport=1002) for n in range(5)]
    burst(running, client, [s for pair in zip(one, two) for s in pair])
    got = [running.at_host(lambda p: p.proto == packets.TCP).raw for _ in range(10)]
    assert [g for g in got if g[41] == 1001 & 0xFF] == [older(s) for s in one]
    assert [g for g in got if g[41] == 1002 & 0xFF] == [older(s) for s in two]
    assert merged(running)[1] == 10


@pytest.mark.parametrize("what", ["a hole", "another acknowledgement", "a longer one",
                                  "another traffic class", "a flag"])
def test_what_does_not_follow_is_not_merged(running, what):
    client = client_of(running, "6in4")
    first = tcp(client.inner, HOST6, octets(SIZE), SEQ)
    second = tcp(client.inner, HOST6, octets(SIZE + 8 * (what == "a longer one")),
                 SEQ + SIZE + (what == "a hole"), ACK | (1 if what == "a flag" else 0))
    if what == "another acknowledgement":
        second = bytearray(second)
        second[51] ^= 3             # the checksum follows it
        second[56:58] = b"\0\0"
        body = packets.pseudo(client.inner, HOST6, packets.TCP, len(second) - 40) + second[40:]
        second[56:58] = struct.pack("!H", packets.checksum(bytes(body)))
        second = bytes(second)
    if what == "another traffic class":
        second = bytes([second[0], second[1] | 0x20]) + second[2:]
    burst(running, client, [first, second])
    got = [running.at_host(lambda p: p.proto == packets.TCP).raw for _ in range(2)]
    assert got == [older(first), older(second)]
    assert merged(running)[1] == 0


def with_option(packet):
    """The same segment behind a destination options header, which the checksum does not see."""
    header = bytes([packets.TCP, 0, 1, 4, 0, 0, 0, 0])
    return packet[:4] + struct.pack("!HB", len(packet) - 40 + len(header), packets.DSTOPTS) \
        + packet[7:40] + header + packet[40:]


def test_a_segment_that_cannot_be_merged_does_not_overtake(running):
    client = client_of(running, "6in4")
    segments = pieces(client.inner, HOST6, octets(COUNT * SIZE))
    segments[5] = with_option(segments[5])
    burst(running, client, segments)
    got = [running.at_host(lambda p: p.proto in (packets.TCP, packets.DSTOPTS)).raw
           for _ in segments]
    assert got == [older(s) for s in segments]
    assert merged(running)[1] == COUNT - 1


def test_datagrams_of_one_connection_have_its_flow_label(running, host):
    """RFC 6438: whether they left together or alone, or a network would reorder them."""
    client = client_of(running, "ayiya over IPv6")
    labels = {}
    for sport in (1001, 1002):
        for count in (1, COUNT):
            host.send(tcp(HOST6, client.inner, octets(count * SIZE), SEQ, partial=True,
                          sport=sport), GSO_TCP6 if count > 1 else 0, SIZE if count > 1 else 0)
            got = [client.receive(lambda p: p.proto == packets.TCP)[0] for _ in range(count)]
            labels.setdefault(sport, set()).update(outer.flow for outer in got)
    assert merged(running)[1] == 2 * COUNT
    assert all(len(s) == 1 and 0 not in s for s in labels.values()), labels
    assert labels[1001] != labels[1002]


def test_datagrams_that_the_kernel_merged_are_verified_one_by_one(running, topology):
    client = client_of(running, "ayiya")
    segments = pieces(client.inner, HOST6, octets(COUNT * SIZE))
    signed = [ayiya(client.inner, client.password, x) for x in segments]
    signed[4] = signed[4][:-1] + bytes([signed[4][-1] ^ 1])
    with receive_offload(topology):
        # the UDP checksum is right in all of them: only the signature tells
        running.wan.send(*[client.datagram(x, 0, 64, None, None) for x in signed])
        got = [running.at_host(lambda p: p.proto == packets.TCP).raw for _ in range(COUNT - 1)]
    assert got == [older(x) for n, x in enumerate(segments) if n != 4]
    assert running.errors("T2")["AYIYA Hash Fail"] == 1
    if merged(running)[0] == 0:
        pytest.skip("skipped: this kernel merged nothing")
