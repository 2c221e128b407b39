"""A strict reader of the pcapng files the daemon writes, and tshark's opinion of them."""
import json
import struct
import subprocess
import time


class Packet:
    def __init__(self, interface, us, data, original, options):
        self.interface, self.us, self.data, self.original = interface, us, data, original
        self.comment = options[1].decode()
        self.way = {1: "in", 2: "out"}[struct.unpack("<I", options[2])[0]]

    def __repr__(self):
        return f"<{self.interface} {self.way} {len(self.data)}/{self.original} {self.comment}>"


def _options(data):
    found = {}
    while True:
        code, length = struct.unpack_from("<HH", data)
        if code == 0:
            assert length == 0 and len(data) == 4, "the end of options is the end of the block"
            return found
        assert code not in found
        found[code] = data[4:4 + length]
        data = data[4 + (length + 3 & ~3):]


class File:
    """.packets, and what the last statistics said was lost"""

    def __init__(self, data):
        self.bytes, self.packets, self.names, self.statistics = data, [], [], []
        at = 0
        while at < len(data):
            kind, length = struct.unpack_from("<II", data, at)
            assert length % 4 == 0 and length >= 12 and at + length <= len(data), "a torn block"
            assert struct.unpack_from("<I", data, at + length - 4)[0] == length
            self._block(kind, data[at + 8:at + length - 4])
            at += length
        assert self.names == ["outer", "inner"]

    def _block(self, kind, body):
        if kind == 0x0A0D0D0A:
            magic, major, minor, length = struct.unpack_from("<IHHq", body)
            assert (magic, major, minor, length) == (0x1A2B3C4D, 1, 0, -1) and not self.names
            assert _options(body[16:])[4].startswith(b"sixxsd ")
        elif kind == 1:
            link, _, snap = struct.unpack_from("<HHI", body)
            options = _options(body[8:])
            assert (link, snap, options[9]) == (101, 0, b"\6")
            self.names.append(options[2].decode())
        elif kind == 6:
            interface, high, low, kept, original = struct.unpack_from("<IIIII", body)
            us, end = high << 32 | low, 20 + (kept + 3 & ~3)
            assert kept <= original and abs(us / 1e6 - time.time()) < 3600
            self.packets.append(Packet(self.names[interface], us, body[20:20 + kept], original,
                                       _options(body[end:])))
        elif kind == 5:
            interface, _, _ = struct.unpack_from("<III", body)
            options = _options(body[12:])
            self.statistics.append((self.names[interface],
                                    *(struct.unpack("<Q", options[n])[0] for n in (4, 5))))
        else:
            raise AssertionError(f"block of type {kind}")

    @property
    def lost(self):
        return sum({name: lost for name, _, lost in self.statistics}.values())

    def about(self, *words):
        return [p for p in self.packets if all(w in p.comment for w in words)]


def tshark(path, *args):
    """As a list of packets; nothing in them may be malformed or have a wrong checksum."""
    checks = [x for name in ("ip.check_checksum", "udp.check_checksum", "tcp.check_checksum")
              for x in ("-o", name + ":TRUE")]
    done = subprocess.run(["tshark", "-n", *checks, "-r", path, "-T", "json", *args],
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return [p["_source"]["layers"] for p in json.loads(done.stdout or "[]")]
