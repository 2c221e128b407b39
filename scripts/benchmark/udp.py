"""UDP of a sender that leaves cutting to others (UDP_SEGMENT), into a tunnel: what USO is worth."""
import json
import os
import statistics
import time

from . import packets
from .frames import PREFIX
from .judge import Wrong
from .stage import SIXXSD, TOOLS, Stage
from .tcp import offloads

NOUSO = os.path.join(TOOLS, "sixxsd-nouso")
CASES = (("protocol 41", packets.FIRST["p41"]), ("AYIYA", packets.FIRST["ayiya"]))
SEND = """
import socket, struct, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
s.setsockopt(17, 103, 1200)
s.connect((sys.argv[1], 9))
data = bytes(50 * 1200)
while True:
    try:
        s.send(data)
    except OSError:
        pass
"""


def received(stage):
    """Octets that have arrived at the client."""
    said = json.loads(stage.ip("client", "-j", "-s", "link", "show", "dev", "c0"))
    return said[0]["stats64"]["rx"]["bytes"]


def once(stage, tid, binary, seconds):
    stage.start(packets.config(False, 1), binary)
    try:
        packets.beat(stage)
        sender = stage.spawn("internet", "/usr/bin/python3", "-c", SEND, f"{PREFIX}:{tid:x}::2")
        time.sleep(0.3)
        before, began = received(stage), time.monotonic()
        time.sleep(seconds)
        rate = (received(stage) - before) * 8 / (time.monotonic() - began) / 1e9
        sender.terminate()
        sender.wait(10)
        stage.helpers.remove(sender)
        return rate
    finally:
        stage.stop()


def measure(stage, pairs, seconds, only=""):
    """Rows as those of TCP: with USO beside without."""
    out = []
    offloads(stage, "on")
    try:
        for name, tid in CASES:
            name = f"UDP, merged, {name} out"
            if only not in name:
                continue
            rows = [(once(stage, tid, SIXXSD, seconds), once(stage, tid, NOUSO, seconds))
                    for _ in range(pairs)]
            if not all(b > 0 for _, b in rows):
                raise Wrong(f"{name}: nothing arrived")
            ratios = [a / b for a, b in rows]
            out.append({"case": name, "mode": "user", "ratio": statistics.median(ratios),
                        "ratio_min": min(ratios), "ratio_max": max(ratios),
                        "gbit_s": statistics.median(a for a, _ in rows),
                        "none_gbit_s": statistics.median(b for _, b in rows)})
    finally:
        offloads(stage, "off")
    return out
