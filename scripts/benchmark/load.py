"""Configuration: how long a full one takes, and what a push costs the traffic; memory, idling."""
import signal
import socket
import statistics
import subprocess
import threading
import time

from . import frames
from .frames import IPV6, NET6
from .judge import Wrong
from .packets import MODES, TABLE
from .stage import Stage

SUBNETS = 4096


def full():
    lines = Stage.head() + [Stage.static(t) for t in range(1, TABLE + 1)]
    lines.append("pop subnetprefix add 2001:db8:4000::/36 delegate 48")
    return lines + [f"subnet set config 2001:db8:4{i:03x}::/48 {1 + i:x} static"
                    for i in range(SUBNETS)]


def packet_socket(stage, name, device):
    home = open("/proc/thread-self/ns/net", "rb")
    with open(f"/run/netns/{stage.ns(name)}", "rb") as there:
        setns(there.fileno())
        try:
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(IPV6))
            s.bind((device, 0))
        finally:
            setns(home.fileno())
            home.close()
    return s


def setns(fd):
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(fd, 0x40000000):
        raise OSError(ctypes.get_errno(), "setns")


class FirstPacket:
    """Packets of the last tunnel's client, a thousand a second, until one has come through."""

    def __init__(self, stage):
        self.out = packet_socket(stage, "client", "c0")
        self.there = packet_socket(stage, "internet", "n0")
        self.there.settimeout(0.001)
        self.at = None
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        frame, end = frames.protocol41(TABLE, 100), time.monotonic() + 30
        while time.monotonic() < end:
            self.out.send(frame)
            try:
                if self.there.recv(2048)[22:28] == frames.packed(frames.PREFIX + "::")[:6]:
                    self.at = time.monotonic()
                    return
            except TimeoutError:
                continue

    def wait(self):
        self.thread.join()
        self.out.close()
        self.there.close()
        if self.at is None:
            raise Wrong("nothing was forwarded within 30 s of the start")
        return self.at


def count_lines(path):
    began = time.monotonic()
    subprocess.run(["wc", "-l", path], stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - began


def starts(stage, times):
    forwarding, answer, wc = [], [], []
    lines = full()
    for _ in range(times):
        first = FirstPacket(stage)
        began = time.monotonic()
        answer.append(stage.start(lines))
        forwarding.append(first.wait() - began)
        wc.append(count_lines(stage.file))
        resident = stage.resident_kib()
        stage.stop()
    return {"tunnels": TABLE, "subnets": SUBNETS, "forwarding_s": statistics.median(forwarding),
            "answer_s": statistics.median(answer), "wc_s": statistics.median(wc),
            "ratio_wc": statistics.median(f / w for f, w in zip(forwarding, wc)),
            "rss_kib": resident}


PAUSE_S = 0.5
GONE = range(25000, 26000)      # tunnels without subnets and without traffic


class Pushes(threading.Thread):
    """A file with 1,000 tunnels less and one with all of them, in turn, until stopped."""

    def __init__(self, stage, lines):
        super().__init__()
        fewer = set(map(Stage.static, GONE))
        self.stage, self.files = stage, ([x for x in lines if x not in fewer], lines)
        self.done, self.over, self.error = 0, threading.Event(), None

    def run(self):
        try:
            while not self.over.is_set():
                self.one()
                self.over.wait(PAUSE_S)
        except Exception as e:      # said by stop(), in the thread that measures
            self.error = e

    def one(self):
        before, deadline = revision_of(self.stage), time.monotonic() + 10
        self.stage.write(self.files[self.done % 2])
        self.stage.daemon.send_signal(signal.SIGHUP)
        while revision_of(self.stage) == before:
            if time.monotonic() > deadline:
                raise Wrong("a push was not taken within 10 s")
            time.sleep(0.01)
        self.done += 1

    def stop(self):
        self.over.set()
        self.join()
        if self.error:
            raise self.error
        return self.done


def push(stage, mode, rate, seconds):
    """What pushes cost the traffic of tunnels that none of them touches."""
    # in the file, which would switch the fast path off if it said nothing
    lines = full() + ["pop set fastpath " + MODES[mode]]
    stage.start(lines)
    time.sleep(1)                       # every tunnel of the start is in force
    try:
        pushes = Pushes(stage, lines)
        pushes.start()
        try:
            r = stage.traffic("internet", frames.protocol41(2000, 100), IPV6, seconds,
                              "--id-offset", 48, "--id-balance", 56, "--id-first", 2000 | 0x8000,
                              "--id-count", 20000, "--rate", rate)
        finally:
            done = pushes.stop()
    finally:
        stage.stop()
    return {"case": "push under traffic", "mode": mode, "pushes": done,
            "packets": r["offered_all"], "lost": r["offered_all"] - r["received_all"],
            "mpps": r["pps"] / 1e6}


def revision_of(stage):
    line = next(x for x in stage.ask("pop show info") if x.startswith("Configuration"))
    return int(line.rsplit(" ", 1)[1])


def idle(stage, seconds):
    stage.start(Stage.head() + [Stage.ayiya(t) for t in range(1, 8193)])
    try:
        time.sleep(1)
        before, began = stage.cpu_s(), time.monotonic()
        time.sleep(seconds)
        used = (stage.cpu_s() - before) / (time.monotonic() - began)
        return {"tunnels": 8192, "cpu": used, "seconds": seconds, "rss_kib": stage.resident_kib()}
    finally:
        stage.stop()


def measure(stage, quick, xdp_pps, user_pps):
    return {
        "start": starts(stage, 2 if quick else 5),
        "push": [push(stage, "XDP", int(xdp_pps * 0.5), 1.5 if quick else 4),
                 push(stage, "user", int(user_pps * 0.4), 1.5 if quick else 4)],
        "idle": idle(stage, 5 if quick else 20),
    }
