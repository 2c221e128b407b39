"""
Captures: what was on the wire, what was inside, which way, and what became of it; read by tshark.

  T1 6in4   T2 ayiya   T3 gre   T4 heartbeat   T5 6in4, captured by nobody
"""
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time

import pytest

from lib import packets
from lib.client import ayiya_open
from lib.config import PASSWORD, config, dynamic, static
from lib.daemon import binary
from lib.topology import HOST6
from test_18_overload import drops

CONFIG = config(static("1", "198.51.100.7"), dynamic("2", "ayiya"), static("3", "198.51.100.9", 1476),
                dynamic("4", "heartbeat"), static("5", "198.51.100.11"), "encap T3 gre")
EXTCAP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../contrib/wireshark/sixxs-extcap")
NAME = {"outer": 0, "inner": 1}


def blocks(data):
    """Every block of a pcapng file, framing checked to the octet."""
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        assert length % 4 == 0 and length >= 12 and at + length <= len(data), (at, kind, length)
        assert struct.unpack_from("<I", data, at + length - 4)[0] == length
        yield kind, data[at + 8:at + length - 4]
        at += length


def options(data):
    at, found = 0, {}
    while at + 4 <= len(data):
        code, length = struct.unpack_from("<HH", data, at)
        if code == 0:
            break
        found.setdefault(code, data[at + 4:at + 4 + length])
        at += 4 + (length + 3) // 4 * 4
    return found


class Seen:
    """One enhanced packet block."""

    def __init__(self, body):
        self.interface, high, low, kept, self.length = struct.unpack_from("<IIIII", body)
        self.at = ((high << 32) | low) / 1e6
        self.octets = body[20:20 + kept]
        said = options(body[20 + (kept + 3) // 4 * 4:])
        self.comment = said[1].decode()
        self.way = {1: "in", 2: "out"}[struct.unpack("<I", said[2])[0] & 3]

    def packet(self):
        return packets.parse(self.octets)

    def __repr__(self):
        return f"{self.interface} {self.way} {self.comment} {self.octets[:48].hex()}"


def read(data):
    """Packets, and how many of each interface were lost as last said."""
    found, lost = [], {0: 0, 1: 0}
    kinds = []
    for kind, body in blocks(data):
        kinds.append(kind)
        if kind == 6:
            found.append(Seen(body))
        if kind == 5:
            interface = struct.unpack_from("<I", body)[0]
            drop = options(body[12:]).get(5)
            lost[interface] = struct.unpack("<Q", drop)[0] if drop else 0
    assert kinds[:3] == [0x0A0D0D0A, 1, 1], kinds[:4]
    return found, lost


def tshark(data, path):
    """No packet may be malformed; and the comments must be there for people."""
    path.write_bytes(data)
    p = subprocess.run(["tshark", "-r", str(path), "-T", "json"], capture_output=True, text=True)
    assert p.returncode == 0, p.stderr
    rows = [r["_source"]["layers"] for r in json.loads(p.stdout or "[]")]
    for r in rows:
        assert "_ws.malformed" not in r, r
        assert "frame.comment" in json.dumps(r), r
    return rows


class Capture:
    def __init__(self, pop, what):
        self.session = pop.daemon.session()
        self.session.send(f"{what}\n")
        assert self.session.line() == "200 pcapng follows"

    def end(self, deadline_s=20):
        """Our end of input ends it; the rest comes."""
        import socket
        self.session.socket.setblocking(True)
        self.session.socket.shutdown(socket.SHUT_WR)
        self.session.socket.setblocking(False)
        data = self.session.rest(deadline_s)
        self.session.close()
        return data

    def rest(self, deadline_s=20):
        data = self.session.rest(deadline_s)
        self.session.close()
        return data


@pytest.fixture
def p(pop):
    running = pop(CONFIG)
    running.one = running.p41("1", "198.51.100.7")
    running.two = running.ayiya("2", "198.51.100.8")
    running.three = running.gre("3", "198.51.100.9")
    running.four = running.heartbeat("4", "198.51.100.10")
    running.five = running.p41("5", "198.51.100.11")
    running.two.beat()
    running.four.beat()
    running.settle()
    return running


def both_ways(p, client):
    client.send(packets.filler(client.inner, HOST6, 300))
    p.at_host(lambda q: q.src == client.inner)
    p.from_uplink(packets.filler(HOST6, client.inner, 400))
    return client.receive(lambda q: q.src == HOST6)


# ---- live ----

@pytest.mark.parametrize("which", ["one", "two", "three", "four"])
def test_what_is_outside_and_what_is_inside(p, which, tmp_path):
    client = getattr(p, which)
    name = {"one": "T1", "two": "T2", "three": "T3", "four": "T4"}[which]
    c = Capture(p, f"tunnel capture {name}")
    outer_sent, inner_sent = both_ways(p, client)
    both_ways(p, p.five)
    p.settle()
    data = c.end()
    found, lost = read(data)
    assert lost == {0: 0, 1: 0}
    tshark(data, tmp_path / "c.pcapng")
    outer = [s for s in found if s.interface == 0]
    inner = [s for s in found if s.interface == 1]
    assert [s.way for s in outer] == ["in", "out"] and [s.way for s in inner] == ["in", "out"]
    assert f"{name} -> uplink: SENT_UPLINK" in outer[0].comment
    assert f"uplink -> {name}: SENT_TUNNEL" in outer[1].comment
    # the inner packets as they came, to the octet
    assert inner[0].octets == packets.filler(client.inner, HOST6, 300)
    assert inner[1].octets[8:] == packets.filler(HOST6, client.inner, 400)[8:]
    # the outer one as the client got it, signature and checksum included
    assert outer[1].octets[20:] == outer_sent.raw[20:]
    assert abs(outer[0].at - time.time()) < 60
    arrived = outer[0].packet()
    assert (arrived.src, arrived.dst) == (client.them, "192.0.2.42")
    if which == "two":
        assert arrived.udp_ports()[1] == 5072 and ayiya_open(arrived.payload[8:], PASSWORD)
    else:
        assert outer[0].octets.endswith(inner[0].octets)


def test_tunnel_to_tunnel_shows_all_of_its_way(p):
    c = Capture(p, "tunnel capture T1")
    p.one.send(packets.filler(p.one.inner, p.two.inner, 200))
    p.two.receive(lambda q: q.src == p.one.inner)
    p.settle()
    found, _ = read(c.end())
    mine = [s for s in found if "T1 -> T2: SENT_TUNNEL" in s.comment]
    assert [(s.interface, s.way) for s in mine] == [(0, "in"), (1, "in"), (0, "out")], found
    assert mine[2].packet().udp_ports()[0] == 5072


def test_drops_and_answers_and_messages(p, tmp_path):
    c = Capture(p, "tunnel capture all")
    p.one.send(packets.filler("2001:db8:2ff:1::99", HOST6, 100))        # not its address
    p.one.send(packets.filler(p.one.inner, HOST6, 100)[:7] + b"\1" +
               packets.filler(p.one.inner, HOST6, 100)[8:])              # hop limit 1: an answer
    p.one.receive(lambda q: q.proto == packets.ICMPV6)
    p.four.beat()
    p.ayiya("2", "198.51.100.66", password="wrong").beat()
    p.settle()
    data = c.end()
    found, _ = read(data)
    tshark(data, tmp_path / "c.pcapng")
    said = [s.comment for s in found]
    assert any("DROP_IP6_SOURCE_TRANSFER: inner IPv6: source is in" in s for s in said)
    assert any("DROP_HOP_LIMIT" in s for s in said) and any("CONSUMED_BEAT" in s for s in said)
    assert any("DROP_AYIYA_DIGEST" in s for s in said)
    answers = [s for s in found if s.interface == 0 and s.way == "out" and
               s.octets[9] == 41 and s.octets[60:61] == b"\3"]
    assert answers, "the time exceeded that the client was sent"


def test_as_many_as_asked_for(p):
    c = Capture(p, "tunnel capture T1 3")
    for _ in range(10):
        both_ways(p, p.one)
    found, _ = read(c.rest())
    assert len({s.comment + str(s.at) for s in found if s.interface == 1}) <= 3
    assert len([s for s in found if s.interface == 1]) == 3
    c = Capture(p, "tunnel capture T1 1s")
    began = time.monotonic()
    read(c.rest())
    assert 0.8 < time.monotonic() - began < 20
    for wrong in ("T1 0", "T1 x", "T1 3 4", "T1 3s 4s", "T99", "T1 -1", "T1 99999999999"):
        assert p.daemon.ask(f"tunnel capture {wrong}").code in (400, 404), wrong


def test_nothing_is_captured_that_nobody_asked_for(p):
    c = Capture(p, "tunnel capture T1")
    both_ways(p, p.five)
    p.settle()
    assert read(c.end())[0] == []


def test_two_sessions_each_see_all(p):
    a, b, everything = (Capture(p, f"tunnel capture {w}") for w in ("T1", "T1", "all"))
    both_ways(p, p.one)
    p.settle()
    x, y, z = (len([s for s in read(c.end())[0] if "T1" in s.comment]) for c in (a, b, everything))
    assert x == y == z == 4


def flags(p):
    """Is any tunnel captured? The daemon's own word: it would go through user space."""
    return json.loads(p.cli("json tunnel show T1").text)


def test_a_session_that_dies_leaves_nothing(p):
    c = Capture(p, "tunnel capture all")
    c.session.close()
    both_ways(p, p.one)
    p.cli("tunnel set mss T1 auto")
    again = Capture(p, "tunnel capture T1")
    both_ways(p, p.one)
    p.settle()
    assert len(read(again.end())[0]) == 4


def test_a_tunnel_that_is_removed_ends_its_capture(p):
    c = Capture(p, "tunnel capture T5")
    p.cli("tunnel remove T5")
    found, _ = read(c.rest())
    assert found == []


def test_a_reload_does_not_end_it(p):
    c = Capture(p, "tunnel capture T1")
    p.cli("config apply")
    both_ways(p, p.one)
    p.settle()
    assert len(read(c.end())[0]) == 4
    p.cli("pop saveconfig")
    assert "capture" not in open(p.daemon.conf).read()


def test_who_does_not_read_loses_and_is_told(p):
    """And the tunnel forwards as ever."""
    c = Capture(p, "tunnel capture T1")
    n = 3000
    before = int(p.show("T1")["Packets In  (Total)"])
    big = packets.filler(p.one.inner, HOST6, 1300)
    for _ in range(n):
        p.one.send(big)
    def dealt_with():
        queues = sum(drops(p).get(f"DROP_QUEUE_{q}", 0) for q in ("SOCKET", "SHARE"))
        return int(p.show("T1")["Packets In  (Total)"]) - before + queues >= n

    p.settle()
    p.daemon.until(dealt_with, "every packet was forwarded, or lost where it is counted each second")
    got = int(p.show("T1")["Packets In  (Total)"]) - before
    found, lost = read(c.end(60))
    shown = len([s for s in found if s.interface == 1])
    assert lost[1] > 0 and shown + lost[1] == got, (shown, lost, got)


# ---- the flight recorder ----

def test_the_last_drops_are_there_afterwards(p, tmp_path):
    p.one.send(packets.filler("2001:db8:2ff:1::99", HOST6, 100))
    for _ in range(500):
        p.p41("1", "198.51.100.99").send(packets.filler(p.one.inner, HOST6, 120))
    p.settle()
    data = Capture(p, "pop capture drops").rest()
    found, _ = read(data)
    tshark(data, tmp_path / "c.pcapng")
    times = [s.at for s in found]
    assert times == sorted(times) and all(abs(t - time.time()) < 120 for t in times)
    one = [s for s in found if "DROP_IP6_SOURCE_TRANSFER" in s.comment]
    assert len(one) == 1 and one[0].octets == packets.filler("2001:db8:2ff:1::99", HOST6, 100)
    many = [s for s in found if "DROP_OUTER_SOURCE" in s.comment]
    assert 8 <= len(many) <= 8 * 16, "a flood leaves room for the others"
    assert many[0].packet().src == "198.51.100.99"


# ---- sixxsctl and Wireshark ----

def ctl(p, *argv, **how):
    return subprocess.Popen([binary("sixxsctl"), "-s", p.daemon.control, *argv],
                            stdin=subprocess.DEVNULL, **how)


def test_sixxsctl_writes_a_file_and_ctrl_c_ends_it_whole(p, tmp_path):
    with open(tmp_path / "f.pcapng", "wb") as f:
        c = ctl(p, "tunnel", "capture", "T1", stdout=f, stderr=subprocess.PIPE)
        time.sleep(1)
        both_ways(p, p.one)
        p.settle()
        time.sleep(0.5)
        c.send_signal(signal.SIGINT)
        c.wait(20)
    assert len(read((tmp_path / "f.pcapng").read_bytes())[0]) == 4


def test_sixxsctl_writes_no_capture_to_a_terminal(p):
    import pty
    leader, follower = pty.openpty()
    c = ctl(p, "pop", "capture", "drops", stdout=follower, stderr=subprocess.PIPE)
    said = c.communicate(timeout=20)[1]
    os.close(follower)
    os.close(leader)
    assert c.returncode == 2 and b"wireshark" in said


def extcap(p, *argv):
    env = dict(os.environ, SIXXSCTL=binary("sixxsctl"), SIXXSCTL_ARGS=f"-s {p.daemon.control}")
    return subprocess.run([sys.executable, EXTCAP, *argv], capture_output=True, text=True, env=env,
                          timeout=60, stdin=subprocess.DEVNULL)


def test_extcap_as_wireshark_drives_it(p, tmp_path):
    said = extcap(p, "--extcap-interfaces").stdout
    assert "extcap {version=" in said
    for name in ("sixxs-all", "sixxs-drops", "sixxs-T1", "sixxs-T4"):
        assert f"interface {{value={name}}}" in said
    dlts = extcap(p, "--extcap-interface", "sixxs-T1", "--extcap-dlts").stdout
    assert "dlt {number=101}" in dlts
    assert "arg {number=0}" in extcap(p, "--extcap-interface", "sixxs-all", "--extcap-config").stdout
    p.one.send(packets.filler("2001:db8:2ff:1::99", HOST6, 100))
    p.settle()
    out = tmp_path / "fifo"
    done = extcap(p, "--extcap-interface", "sixxs-drops", "--capture", "--fifo", str(out))
    assert done.returncode == 0, done.stderr
    assert read(out.read_bytes())[0]
    done = extcap(p, "--extcap-interface", "sixxs-T1", "--capture", "--fifo", str(out), "--seconds", "1")
    assert done.returncode == 0 and read(out.read_bytes())[0] == []
    assert extcap(p, "--extcap-interface", "sixxs-T77", "--capture", "--fifo", str(out)).returncode != 0


def test_tshark_is_here():
    assert shutil.which("tshark")
