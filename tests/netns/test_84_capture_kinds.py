"""
Captures beyond what test_83 reads: tshark judges every kind of packet, the fast path is left and taken
again, slots change tenants, and tshark itself captures through the extcap script.
"""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

from lib import fast, packets
from lib.config import PASSWORD, config, dynamic, static
from lib.daemon import CLI_S, binary
from lib.pcapng import File, tshark
from lib.topology import HOST6, POP4
from lib.traffic import Stream

pytestmark = pytest.mark.skipif(not shutil.which("tshark"), reason="no tshark")

TUNNELS = (static("1", "198.51.100.1"), dynamic("2", "ayiya"), static("3", "198.51.100.3"),
           dynamic("4", "heartbeat"), static("5", "198.51.100.5"))
CONFIG = config(*TUNNELS)
EXTCAP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "contrib",
                      "wireshark", "sixxs-extcap")


class Live:
    """A session that captures; stop() ends its input and returns what it got."""

    def __init__(self, pop, what, session=None):
        self.pop = pop
        self.session = session or pop.daemon.session()
        self.session.send(f"tunnel capture {what}\n")
        assert self.session.line() == "200 pcapng follows"

    def stop(self):
        self.pop.settle()
        self.session.socket.shutdown(socket.SHUT_WR)
        return self.rest()

    def rest(self):
        got = File(self.session.rest())
        self.session.close()
        return got


@pytest.fixture
def running(pop):
    p = pop(CONFIG)
    p.one, p.two, p.three = (p.p41("1", "198.51.100.1"), p.ayiya("2", "198.51.100.2"),
                             p.gre("3", "198.51.100.3"))
    p.four = p.heartbeat("4", "198.51.100.4")
    p.two.beat()
    p.four.beat()
    p.three.ping(p.three.pop_inner)
    p.one.ping(p.one.pop_inner)
    p.settle()
    return p


def comment(layers):
    """Newer ones have it in the frame, older ones beside it."""
    beside = layers.get("pkt_comment", {})
    return layers["frame"].get("frame.comment", beside.get("frame.comment") if beside else None)


@pytest.fixture
def read(tmp_path):
    """Through tshark: nothing is malformed, every comment is there."""
    def look(file, *args):
        path = str(tmp_path / "capture.pcapng")
        with open(path, "wb") as f:
            f.write(file.bytes)
        got = tshark(path, *args)
        if not args:
            assert [comment(p) for p in got] == [p.comment for p in file.packets]
            assert tshark(path, "-Y", "_ws.malformed || ip.checksum.status == 0 || "
                          "udp.checksum.status == 0 || icmpv6.checksum.status == 0") == []
        return got
    return look


def three(file, *words):
    """interface and direction of one packet's records"""
    return [(p.interface, p.way) for p in file.about(*words)]


def stranger(running):
    """AYIYA of a tunnel that is not"""
    client = running.ayiya("77", "203.0.113.9")
    client.send(packets.filler(client.inner, HOST6, 100))


def test_both_directions_of_protocol_41(running, read):
    live = Live(running, "T1")
    up = packets.filler(running.one.inner, HOST6, 300)
    down = packets.filler(HOST6, running.one.inner, 301, hlim=40)
    running.one.send(up)
    running.from_uplink(down)
    file = live.stop()
    assert three(file, "T1 -> uplink: SENT_UPLINK: ") == [("outer", "in"), ("inner", "in")]
    assert three(file, "uplink -> T1: SENT_TUNNEL: ") == [("inner", "out"), ("outer", "out")]
    outer, inner = file.about("T1 -> uplink")
    assert inner.data == up and outer.data[20:] == up
    assert packets.parse(outer.data).src == "198.51.100.1"
    inner, outer = file.about("uplink -> T1")
    # the kernel took a hop before we saw it
    assert inner.data[8:] == down[8:] and outer.data[20:] == inner.data
    assert packets.parse(outer.data).dst == "198.51.100.1" and file.lost == 0
    got = read(file)
    assert [p["frame"]["frame.protocols"] for p in got][:2] == ["raw:ip:ipv6:data", "raw:ipv6:data"] \
        or len(got) == 4


def test_drops_say_why(running, read):
    live = Live(running, "T1"), Live(running, "T2")
    running.one.send(packets.filler(running.one.inner.replace("::2", "::3"), HOST6, 331))
    running.two.send(packets.filler(running.two.inner, HOST6, 332), epoch=int(time.time()) - 4000)
    running.wan.send(running.two.datagram(b"\x41\x52\x11\x29" + bytes(60)))
    running.from_uplink(packets.filler("2001:db8:2ff:1::9", running.one.inner, 333))
    one, two = (x.stop() for x in live)
    drop = one.about("DROP_IP6_SOURCE_TRANSFER: inner IPv6: source is in the tunnel's /64")
    assert [(p.interface, p.way) for p in drop] == [("outer", "in"), ("inner", "in")]
    assert drop[0].comment.startswith("T1: ") and len(drop[1].data) == 331
    assert three(two, "DROP_AYIYA_CLOCK") == [("outer", "in")]
    for file in (one, two):
        read(file)


def test_what_the_pop_says_itself(running, read):
    live = Live(running, "T1")
    running.one.ping(running.one.pop_inner)
    running.one.send(packets.filler(running.one.inner, HOST6, 340, hlim=1))
    running.from_uplink(packets.filler(HOST6, running.one.inner, 1500))
    file = live.stop()
    read(file)
    assert three(file, "T1 -> PoP: ") == [("outer", "in"), ("inner", "in")]
    assert three(file, "DROP_HOP_LIMIT") or three(file, "T1 -> uplink: DROP")
    assert ("outer", "out") in three(file, "PoP -> T1: ")
    assert three(file, "DROP_TOO_BIG")[0] == ("inner", "out")
    assert three(file, "PoP -> uplink (of T1): SENT_UPLINK") == [("inner", "in")], "the answer to it"


def test_a_heartbeat_and_outer_icmp(running, read):
    live = Live(running, "T4"), Live(running, "T1")
    running.four.beat()
    quoted = packets.ip4(POP4, "198.51.100.1", packets.IPV6,
                         packets.filler(HOST6, running.one.inner, 60))
    running.wan.send(packets.ip4("198.51.100.1", POP4, packets.ICMPV4,
                                 packets.icmp4_message(3, 1, bytes(4) + quoted)))
    four, one = (x.stop() for x in live)
    assert [(p.interface, p.way) for p in four.packets] == [("outer", "in")]
    assert PASSWORD.encode() not in four.bytes
    assert [(p.interface, p.way, p.data[9]) for p in one.packets] == [("outer", "in", 1)]
    for file in (four, one):
        read(file)


def test_probes(pop, read):
    p = pop(CONFIG.replace("latency 0", "latency 1"))
    p.one = p.p41("1", "198.51.100.1")
    p.one.ping(p.one.pop_inner)
    live = Live(p, "T1 3s")
    file = live.rest()
    assert three(file, "PoP -> T1")[:2] == [("inner", "out"), ("outer", "out")]
    read(file)


def test_count_and_seconds(running):
    live = Live(running, "T1 3 60s")
    for n in range(5):
        running.one.send(packets.filler(running.one.inner, HOST6, 350 + n))
        running.settle()
    file = live.rest()
    assert sorted({len(p.data) for p in file.packets if p.interface == "inner"}) == [350, 351, 352]
    began = time.monotonic()
    file = Live(running, "T3 1s").rest()
    assert file.packets == [] and 0.9 < time.monotonic() - began < 5
    for wrong in ("T1 x", "T1 0", "T1 5 6", "T1 5s 6s", "T1 s", "T1 -1", "T1 99999999999", "T77", "nobody"):
        answer = running.daemon.ask("tunnel capture " + wrong)
        assert answer.code in (400, 404) and answer.lines[0], wrong
    assert running.daemon.ask("tunnel capture").code == 404


def test_all_and_several_sessions(running, read):
    live = Live(running, "all"), Live(running, "T1"), Live(running, "T1")
    for client in (running.one, running.three):
        client.send(packets.filler(client.inner, HOST6, 360))
    stranger(running)
    every, first, second = (x.stop() for x in live)
    assert len(first.about("T1 -> uplink")) == len(second.about("T1 -> uplink")) == 2
    assert not first.about("T3")
    assert len(every.about("T1 -> uplink")) == len(every.about("T3 -> uplink")) == 2
    assert three(every, "unknown: DROP_AYIYA_DISABLED") == [("outer", "in")]
    read(every)


def test_the_flight_recorder(running, read):
    running.one.send(packets.filler(running.inner("1", "3"), HOST6, 370))
    running.settle()
    stranger(running)
    running.settle()
    for n in range(20):
        running.from_uplink(packets.filler(HOST6, "2001:db8:2ff:77::1", 400 + n))
    running.settle()
    with running.daemon.session() as s:
        s.send("pop capture drops\n")
        assert s.line() == "200 pcapng follows"
        file = File(s.rest())
    read(file)
    mine = file.about("T1", "DROP_IP6_SOURCE_TRANSFER")
    assert [(p.interface, p.way, p.original, len(p.data)) for p in mine] == [("inner", "in", 370, 256)]
    assert three(file, "unknown: DROP_AYIYA_DISABLED") == [("outer", "in")]
    kept = [p.original for p in file.packets if p.original in range(400, 420)]
    assert kept == list(range(412, 420)), "the last eight of a reason"
    assert [p.us for p in file.packets] == sorted(p.us for p in file.packets)


def test_a_removed_tunnel_ends_it_and_a_reload_does_not(running):
    gone, stays = Live(running, "T5"), Live(running, "T1")
    running.cli("tunnel remove T5")
    assert gone.rest().packets == []
    running.daemon.reload(CONFIG + "tunnel set config 7 T7 198.51.100.7 up 1480\n")
    running.daemon.until(lambda: "T7" in running.daemon.list(), "the reload")
    running.cli("pop saveconfig")
    with open(running.daemon.conf, encoding="utf-8") as f:
        assert "capture" not in f.read()
    running.one.send(packets.filler(running.one.inner, HOST6, 380))
    assert len(stays.stop().about("T1 -> uplink")) == 2
    # the slot is somebody else's: who captured its last tenant sees nothing of him
    gone = Live(running, "T7")
    running.daemon.reload(CONFIG + "tunnel set config 7 T8 198.51.100.7 up 1480\n")
    assert gone.rest().packets == []


def test_a_session_takes_no_further_command_and_a_killed_one_is_forgotten(running):
    live = Live(running, "T1")
    live.session.send("pop get id\n")
    running.one.send(packets.filler(running.one.inner, HOST6, 385))
    running.settle()
    File(live.session.buffer)
    live.session.close()
    sessions = [running.daemon.tcp() for _ in range(16)]
    captures = [Live(running, "T1", s) for s in sessions[:15]]
    captures.append(Live(running, "all", sessions[15]))
    assert running.daemon.ask("tunnel capture T1").code == 401, "the first one's place was free"
    for x in captures:
        x.session.close()

    def again():
        with running.daemon.session() as s:
            return s.ask("tunnel capture T1").code == 200
    running.daemon.until(again, "room for another")


def test_a_slow_reader_loses_records_and_slows_nothing(running):
    s = running.daemon.session()
    s.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    live = Live(running, "T1", s)
    streams = [Stream(running, running.one, way, 2000, size=1200) for way in ("up", "down")]
    with contextlib.ExitStack() as stack:
        for stream in streams:
            stack.enter_context(stream)
        streams[0].pause_until(2500)
        assert running.cli("pop get id").text == "1"
    for stream in streams:
        assert stream.lost() == []
    file = live.stop()
    assert file.lost > 1000 and len(file.packets) > 100
    shown = {name: n for name, n, _ in file.statistics}
    assert sum(shown.values()) == len(file.packets) + file.lost


def test_a_captured_tunnel_leaves_the_fast_path(pop):
    p = pop(fast.plan(pop=["set " + fast.ports("tc")]))
    client = fast.client(p, "1")
    fast.wait_in_force(p)
    for what in ("T1", "all"):
        live = Live(p, what)
        before = fast.carried(p)
        client.send(packets.filler(client.inner, HOST6, 390))
        file = live.stop()
        assert fast.carried(p) == before and len(file.about("T1 -> uplink")) == 2, what
        fast.wait_in_force(p)
    live = Live(p, "all")
    live.session.close()
    fast.wait_in_force(p)


# ---- extcap ----

def environment(pop):
    return {**os.environ, "SIXXSCTL": binary("sixxsctl"), "SIXXSCTL_ARGS": f"-s {pop.daemon.control}"}


def test_extcap_ends_its_file_when_wireshark_says_so(running, tmp_path):
    fifo = str(tmp_path / "fifo")
    os.mkfifo(fifo)
    with subprocess.Popen([sys.executable, EXTCAP, "--capture", "--extcap-interface", "sixxs-T1",
                           "--fifo", fifo], env=environment(running), stderr=subprocess.PIPE) as c:
        with open(fifo, "rb") as f:
            first = os.read(f.fileno(), 65536)
            running.one.send(packets.filler(running.one.inner, HOST6, 399))
            running.settle()
            c.send_signal(signal.SIGTERM)
            file = File(first + f.read())
        assert len(file.about("T1 -> uplink")) == 2
        assert c.wait(CLI_S) == 0 and c.stderr.read() == b""


def test_tshark_captures_through_it(running, tmp_path):
    home = tmp_path / "home"
    for where in (home / ".config" / "wireshark" / "extcap", home / ".local/lib/wireshark/extcap"):
        where.mkdir(parents=True)
        shutil.copy(EXTCAP, where / "sixxs-extcap")
    env = {**environment(running), "HOME": str(home), "WIRESHARK_EXTCAP_DIR":
           str(home / ".config" / "wireshark" / "extcap")}
    listed = subprocess.run(["tshark", "-D"], env=env, capture_output=True, text=True, timeout=60, check=False)
    assert "sixxs-all" in listed.stdout, listed
    out = tmp_path / "out"
    with open(out, "w", encoding="utf-8") as f:
        c = subprocess.Popen(["tshark", "-n", "-l", "-i", "sixxs-T1", "-T", "fields", "-e", "frame.comment"],
                             env=env, stdout=f, stderr=subprocess.PIPE, text=True)
    try:
        end = time.monotonic() + 30
        while "T1 -> uplink: SENT_UPLINK" not in out.read_text() and time.monotonic() < end:
            running.one.send(packets.filler(running.one.inner, HOST6, 397))
            time.sleep(0.5)
        assert "T1 -> uplink: SENT_UPLINK" in out.read_text()
    finally:
        c.terminate()
        c.communicate(timeout=30)
