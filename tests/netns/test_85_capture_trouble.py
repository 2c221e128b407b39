"""
Captures in trouble: floods, readers and clients that die, the daemon's end and reload, packets of every
shape; whatever happens, a file is whole and says what it lacks.
"""
import contextlib
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import threading

import pytest

from lib import packets
from lib.config import PASSWORD
from lib.daemon import CLI_S, binary
from lib.pcapng import File, tshark
from lib.topology import HOST6, POP4
from lib.traffic import Stream
from test_16_super import ACK, COUNT, GSO_TCP6, PSH, SEQ, SIZE, host, octets, tcp  # noqa: F401, pylint: disable=unused-import
from test_84_capture_kinds import CONFIG, EXTCAP, Live, environment

pytestmark = pytest.mark.skipif(not shutil.which("tshark"), reason="no tshark")

KEPT, WORKERS = 8, 16


@pytest.fixture
def running(pop):
    p = pop(CONFIG)
    p.one, p.two, p.three = (p.p41("1", "198.51.100.1"), p.ayiya("2", "198.51.100.2"),
                             p.gre("3", "198.51.100.3"))
    p.two.beat()
    p.three.ping(p.three.pop_inner)
    p.one.ping(p.one.pop_inner)
    p.settle()
    return p


@contextlib.contextmanager
def flood(*sends):
    """As fast as it goes."""
    stop, begun = threading.Event(), threading.Event()

    def run():
        while not stop.is_set():
            for send in sends:
                send()
            begun.set()
    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert begun.wait(60)
        yield
    finally:
        stop.set()
        thread.join()


def recorder(running):
    with running.daemon.session() as s:
        s.send("pop capture drops\n")
        assert s.line() == "200 pcapng follows"
        return File(s.rest(60))


def test_the_recorder_is_whole_under_a_flood(running, tmp_path):
    running.three.send(packets.filler(running.inner("3", "3"), HOST6, 370))
    running.settle()
    bad = packets.filler(running.one.inner, HOST6, 1300, hlim=1)
    stranger = running.p41("1", "198.51.100.99")
    big = [running.one.wrap(bad)] * 20 + [stranger.wrap(bad)] * 20
    with flood(lambda: running.wan.send(*big)):
        running.daemon.until(lambda: recorder(running).about("DROP_OUTER_SOURCE"), "the flood is there")
        files = [recorder(running) for _ in range(30)]
    for file in files:
        assert [p.us for p in file.packets] == sorted(p.us for p in file.packets)
        assert len(file.about("T3", "DROP_IP6_SOURCE_TRANSFER")) == 1, "a flood of others leaves it"
        for reason in ("DROP_HOP_LIMIT", "DROP_OUTER_SOURCE"):
            assert len(file.about(reason)) <= KEPT * WORKERS
        total = {name: n for name, n, _ in file.statistics}
        assert sum(total.values()) == len(file.packets) + file.lost
    assert any(f.about("DROP_HOP_LIMIT") for f in files) and any(f.about("DROP_OUTER_SOURCE") for f in files)
    for file in files[::10]:
        (tmp_path / "f").write_bytes(file.bytes)
        assert len(tshark(str(tmp_path / "f"))) == len(file.packets)


def mutated(chance, packet):
    """Cut, prolonged, or with octets changed."""
    data = bytearray(packet)
    for _ in range(chance.randrange(4)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    how = chance.randrange(4)
    if how == 0:
        del data[chance.randrange(1, len(data) + 1):]
    if how == 1:
        data += bytes(chance.randrange(60))
    return bytes(data)


@pytest.mark.parametrize("seed", [1, 2])
def test_packets_of_every_shape(running, tmp_path, seed):
    chance = random.Random(seed)
    live = Live(running, "all")
    four = packets.udp(running.one.inner, HOST6, 1, 2, bytes(30))
    quoted = packets.ip4(POP4, "198.51.100.1", packets.IPV6, four)
    outer = (running.one.wrap(four), running.two.wrap(packets.filler(running.two.inner, HOST6, 90)),
             running.three.wrap(packets.filler(running.three.inner, HOST6, 90)),
             packets.ip4("198.51.100.1", POP4, packets.ICMPV4, packets.icmp4_message(3, 4, bytes(4) + quoted)))
    for _ in range(300):
        packet = chance.choice(outer)
        head = 20 + (8 if packet[9] == packets.UDP else 0)
        body = mutated(chance, packet[head:])
        if packet[9] == packets.UDP:
            ports = struct.unpack("!HH", packet[20:24])
            body = struct.pack("!HHHH", *ports, 8 + len(body), 0) + body
        running.wan.send(packets.ip4(packets.parse(packet).src, POP4, packet[9], body))
    for size in (1, 39, 40, 41, 1279, 1280, 1480):
        running.one.send(packets.filler(running.one.inner, HOST6, max(size, 40))[:size])
    file = live.stop()
    assert file.lost == 0 and len(file.packets) > 300
    for f in (file, recorder(running)):
        (tmp_path / "f").write_bytes(f.bytes)
        rows = tshark(str(tmp_path / "f"))
        assert [int(r["frame"]["frame.cap_len"]) for r in rows] == [len(p.data) for p in f.packets]
        assert PASSWORD.encode() not in f.bytes
    for what in ("tunnel why T1", "tunnel why T2", "tunnel why T3", "tunnel why T4", "pop why"):
        answer = running.daemon.ask(what)
        assert answer.code == 200 and PASSWORD not in answer.text


@pytest.mark.parametrize("offload", ["on", "off"])
def test_super_packets_are_seen_as_they_travel(running, host, tmp_path, offload):
    running.cli(f"pop set offload {offload}")
    data = octets(COUNT * SIZE - 123)
    for name, client in (("T1", running.one), ("T2", running.two)):
        live = Live(running, name)
        host.send(tcp(HOST6, client.inner, data, SEQ, ACK | PSH, partial=True), GSO_TCP6, SIZE)
        for _ in range(COUNT):
            client.receive(lambda p: p.proto == packets.TCP)
        file = live.stop()
        (tmp_path / "f").write_bytes(file.bytes)
        assert len(tshark(str(tmp_path / "f"))) == len(file.packets) >= 2 and file.lost == 0
        inner = [p.data for p in file.packets if p.interface == "inner"]
        assert b"".join(x[72:] for x in inner) == data, "all of it, once"
        assert tshark(str(tmp_path / "f"), "-Y", "_ws.malformed || ip.checksum.status == 0 || "
                      "udp.checksum.status == 0 || tcp.checksum.status == 0") == []


def test_many_slow_readers_slow_nothing(running):
    captures = [Live(running, "all", running.daemon.session()) for _ in range(12)]
    streams = [Stream(running, running.one, way, 1000, size=1200) for way in ("up", "down")]
    with contextlib.ExitStack() as stack:
        for stream in streams:
            stack.enter_context(stream)
        streams[0].pause_until(3000)
        assert running.cli("pop get id").text == "1"
        assert running.daemon.ask("tunnel why T1").code == 200
        for c in captures[::2]:
            c.session.close()               # dies in the middle
    for stream in streams:
        assert stream.lost() == []
    for c in captures[1::2]:
        file = c.stop()
        assert file.lost > 0 and sum(n for n in {x: n for x, n, _ in file.statistics}.values()) == \
            len(file.packets) + file.lost
    running.daemon.until(lambda: running.daemon.ask("tunnel capture T1 1s").code == 200, "their places are free")
    with contextlib.ExitStack() as stack:
        for _ in range(12):
            Live(running, "T1", stack.enter_context(running.daemon.session()))


class Refused(AssertionError):
    """What sixxsctl said, and ended."""


def started(running, path, *words):
    """sixxsctl that captures into a file, from the moment it does."""
    out = open(path, "wb")
    p = subprocess.Popen([binary("sixxsctl"), "-s", running.daemon.control, *words], stdout=out,
                         stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    running.daemon.until(lambda: os.path.getsize(path) > 0 or p.poll() is not None, "the head of the file")
    out.close()
    if os.path.getsize(path) == 0:
        raise Refused(p.stderr.read().decode())
    return p


@pytest.mark.parametrize("how", ["remove", "stop", "int", "term"])
def test_every_end_leaves_a_whole_file(running, tmp_path, how):
    path = tmp_path / "f.pcapng"
    p = started(running, path, "tunnel", "capture", "T1")
    running.one.send(packets.filler(running.one.inner, HOST6, 300))
    running.settle()
    with flood(lambda: running.one.send(*[packets.filler(running.one.inner, HOST6, 1200)] * 10)):
        running.daemon.until(lambda: os.path.getsize(path) > 100000, "some of it")
        if how == "remove":
            running.cli("tunnel remove T1")
        elif how == "stop":
            running.daemon.stop()
        else:
            p.send_signal({"int": signal.SIGINT, "term": signal.SIGTERM}[how])
        assert p.wait(60) == 0 and p.stderr.read() == b""
    file = File(path.read_bytes())
    assert len(file.about("T1 -> uplink")) >= 2 and file.statistics


def test_a_reload_in_a_flood_leaves_it_going(running, tmp_path):
    path = tmp_path / "f.pcapng"
    p = started(running, path, "tunnel", "capture", "T1")
    with flood(lambda: running.one.send(*[packets.filler(running.one.inner, HOST6, 1200)] * 10)):
        for n in range(5):
            running.daemon.reload(CONFIG + f"tunnel set config {7 + n} T{7 + n} 198.51.100.{7 + n} up 1480\n")
            running.daemon.until(lambda n=n: f"T{7 + n}" in running.daemon.list(), "the reload")
            running.cli(f"tunnel set mss T1 {'auto' if n % 2 else 'off'}")
    running.settle()                # the flood left no room in a queue
    running.one.send(packets.filler(running.one.inner, HOST6, 381))
    running.settle()
    assert p.poll() is None
    p.send_signal(signal.SIGINT)
    assert p.wait(60) == 0
    file = File(path.read_bytes())
    assert [x for x in file.packets if len(x.data) == 381 and x.interface == "inner"] or file.lost


def test_a_killed_client_frees_its_place(running, tmp_path):
    clients = [started(running, tmp_path / f"f{n}", "tunnel", "capture", "all") for n in range(12)]
    for p in clients:
        p.kill()
        p.wait(CLI_S)

    def accepted(n):
        try:        # the daemon may not have seen yet that the others have died
            return started(running, tmp_path / f"g{n}", "tunnel", "capture", "T1", "1")
        except Refused:
            return None
    for n in range(12):
        clients[n] = running.daemon.until(lambda n=n: accepted(n), "a place is free")
    running.one.send(packets.filler(running.one.inner, HOST6, 300))
    for p in clients:
        assert p.wait(CLI_S) == 0


def test_extcap_killed_or_left_alone_leaves_nothing(running, tmp_path):
    """Wireshark dies, or kills it: a quiet tunnel's capture ends with the reader of its file."""
    for kill in (False, True):
        fifo = str(tmp_path / f"fifo{kill}")
        os.mkfifo(fifo)
        with subprocess.Popen([sys.executable, EXTCAP, "--capture", "--extcap-interface", "sixxs-T5",
                               "--fifo", fifo], env=environment(running), stderr=subprocess.PIPE) as c:
            with open(fifo, "rb") as f:
                os.read(f.fileno(), 65536)
                assert sessions(running) == 1
                if kill:
                    c.kill()
            c.wait(60)
        running.daemon.until(lambda: sessions(running) == 0, "nobody captures any more")


def sessions(running):
    """Clients that have this daemon's socket open."""
    out = subprocess.run(["pgrep", "-f", "-x", f".*sixxsctl -s {running.daemon.control} .*"], capture_output=True,
                         text=True, check=False).stdout
    return len(out.split())
