#!/usr/bin/python3
"""What ./bench measures: packets a second through the PoP, beside plain kernel forwarding
and a bare XDP redirect of the same frame in the same namespaces.

      client ---c0   p0--- pop ---p1   n0--- internet

Every case is measured in pairs, yardsticks and case in turn, so that a machine whose speed
drifts does not decide; ratios are of neighbours. Sampled frames are looked at: a wrong MAC
address, checksum, hop limit or signature fails the run.
"""
import argparse
import hashlib
import ipaddress
import json
import os
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build/bench")
SIXXSD = os.path.join(BUILD, "src/sixxsd")
TRAFFIC = os.path.join(BUILD, "tests/bench/traffic")

MAC = {"c0": "0200000000c0", "p0": "0200000000a0", "p1": "0200000000a1", "n0": "0200000000b0"}
CLIENT4, POP4 = "198.51.100.2", "198.51.100.42"
CLIENT6, NET6 = "2001:db8:cccc::2", "2001:db8:ffff::1"
PREFIX = "2001:db8:2ff"
PASSWORD = b"bench-password"
DIRECT, GRE, AYIYA = 0x10, 0x2000, 0x3000      # first tid of each kind


def packed(a):
    return ipaddress.ip_address(a).packed


def checksum(data):
    data += b"\0" * (len(data) % 2)
    s = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


def inner(source, to, length, hops=64):
    """An IPv6 packet with a UDP header and zeroes, length octets in all."""
    body = length - 40
    head = struct.pack("!IHBB", 6 << 28, body, 17, hops) + packed(source) + packed(to)
    pseudo = packed(source) + packed(to) + struct.pack("!II", body, 17)
    udp = struct.pack("!HHHH", 4096, 8192, body, 0) + bytes(body - 8)
    udp = udp[:6] + struct.pack("!H", checksum(pseudo + udp) or 0xffff) + udp[8:]
    return head + udp


def ipv4(source, to, protocol, payload):
    h = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, protocol, 0)
    h += packed(source) + packed(to)
    return h[:10] + struct.pack("!H", checksum(h)) + h[12:] + payload


def signed(payload, tid, next_header=41, op=1):
    head = struct.pack("!BBBBI", 0x41, 0x52, 0x10 | op, next_header, int(time.time()))
    head += packed(f"{PREFIX}:{tid:x}::2")
    return head + hashlib.sha1(head + hashlib.sha1(PASSWORD).digest() + payload).digest() + payload


def udp4(source, to, sport, dport, payload):
    return ipv4(source, to, 17, struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload)


def ethernet(to, source, kind, packet):
    return bytes.fromhex(MAC[to] + MAC[source]) + struct.pack("!H", kind) + packet


class Wrong(Exception):
    pass


class Stage:
    """The three namespaces, and a daemon when asked for one."""

    def __init__(self, binary):
        self.id = f"sxbench{os.getpid()}"
        self.binary = binary
        self.daemon = None
        self.dir = tempfile.mkdtemp(prefix=self.id)
        os.chmod(self.dir, 0o755)

    def ns(self, name):
        return f"{self.id}-{name}"

    def sh(self, *argv):
        p = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if p.returncode:
            raise Wrong(f"{' '.join(argv)}: {p.stderr.strip()}")
        return p.stdout

    def ip(self, name, *args):
        self.sh("ip", "-n", self.ns(name), *args)

    def inside(self, name, *argv):
        return self.sh("ip", "netns", "exec", self.ns(name), *argv)

    def build(self):
        for name in ("client", "pop", "internet"):
            self.sh("ip", "netns", "add", self.ns(name))
            self.ip(name, "link", "set", "lo", "up")
        for a, da, b, db in (("client", "c0", "pop", "p0"), ("internet", "n0", "pop", "p1")):
            def mac(d):
                return ":".join(MAC[d][i:i + 2] for i in range(0, 12, 2))
            self.sh("ip", "link", "add", da, "netns", self.ns(a), "address", mac(da), "type", "veth",
                    "peer", "name", db, "netns", self.ns(b), "address", mac(db))
            for name, d in ((a, da), (b, db)):
                self.ip(name, "link", "set", d, "up")
                # a veth takes frames from XDP only while its receiving side polls
                self.inside(name, "ethtool", "-K", d, "gro", "on")
        for name, dev, *addresses in (
                ("client", "c0", CLIENT4 + "/24", CLIENT6 + "/64"),
                ("pop", "p0", POP4 + "/24", "2001:db8:cccc::1/64"),
                ("pop", "p1", "2001:db8:ffff::2/64"), ("internet", "n0", NET6 + "/64")):
            for a in addresses:
                self.ip(name, "address", "add", a, "dev", dev, *(["nodad"] if ":" in a else []))
        self.inside("pop", "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding;"
                                       "echo 1 > /proc/sys/net/ipv4/ip_forward")
        for addr, mac, dev in ((CLIENT4, "c0", "p0"), (CLIENT6, "c0", "p0"), (NET6, "n0", "p1")):
            lladdr = ":".join(MAC[mac][i:i + 2] for i in range(0, 12, 2))
            self.ip("pop", "neigh", "add", addr, "lladdr", lladdr, "dev", dev, "nud", "permanent")

    def config(self, tunnels):
        lines = ["pop set limits tunnels 32767 subnets 65536",
                 f"pop set details 1 bench01 {POP4} unspecified", "pop set id 1",
                 f"pop tunnelprefix add {PREFIX}::/48"]
        for i in range(tunnels):
            lines.append(f"tunnel set config {1 + i:x} T{1 + i} {CLIENT4} up 1480")
        return lines

    def start(self, lines):
        path = os.path.join(self.dir, "sixxsd.conf")
        with open(path, "w") as f:
            f.write("\n".join(lines) + "\n")
        os.chmod(path, 0o644)
        log = open(os.path.join(self.dir, "log"), "wb")
        began = time.monotonic()
        self.daemon = subprocess.Popen(
            ["ip", "netns", "exec", self.ns("pop"), self.binary, "-f", "-c", path,
             "--run-dir", self.dir], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        while time.monotonic() < began + 60:
            if self.daemon.poll() is not None:
                break
            try:
                self.ask("pop show uptime")
                return time.monotonic() - began
            except OSError:
                time.sleep(0.002)
        raise Wrong("sixxsd did not start: " + open(log.name).read()[-2000:])

    def ask(self, line):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(30)
            s.connect(os.path.join(self.dir, "control"))
            f = s.makefile("rwb")
            f.readline()
            f.write(line.encode() + b"\n")
            f.flush()
            first = f.readline().decode().rstrip()
            if first[1:4] != "01 ":
                return [first[4:]]
            n = int(first.split()[1])
            return [f.readline().decode().rstrip("\n") for _ in range(n)]

    def stop(self):
        if self.daemon:
            self.daemon.terminate()
            self.daemon.wait(10)
            self.daemon = None

    def close(self):
        try:
            self.stop()
        finally:
            for name in ("client", "pop", "internet"):
                subprocess.run(["ip", "netns", "delete", self.ns(name)], capture_output=True)
            shutil.rmtree(self.dir, ignore_errors=True)

    def traffic(self, towards, frame, kind, seconds, *more):
        """Packets a second that came out at the other end, and sampled frames."""
        a, b = ("client:c0", "internet:n0") if towards == "internet" else ("internet:n0", "client:c0")
        p = subprocess.run([TRAFFIC, "--from", self.id + "-" + a, "--to", self.id + "-" + b,
                            "--frame", frame.hex(), "--ether-type", hex(kind),
                            "--seconds", str(seconds), *more], capture_output=True, text=True)
        if p.returncode:
            raise Wrong(f"traffic: {p.stderr.strip()}")
        r = json.loads(p.stdout)
        r["pps"] = r["received"] / r["seconds"]
        return r


class Case:
    """One row of the table."""

    def __init__(self, name, mode, towards, size, make, check, tunnels=1, prepare=None, ids=None):
        self.name, self.mode, self.towards, self.size = name, mode, towards, size
        self.make, self.check, self.tunnels, self.prepare, self.ids = make, check, tunnels, prepare, ids


def check_decap(source, size):
    def check(frame):
        if frame[:12].hex() != MAC["n0"] + MAC["p1"]:
            raise Wrong(f"wrong MAC addresses {frame[:12].hex()}")
        p = frame[14:]
        if len(p) != size or p[7] != 63:
            raise Wrong(f"length {len(p)} for {size}, hop limit {p[7]} for 63")
        if p[8:16] [:6] != packed(PREFIX + "::")[:6] and source is None:
            raise Wrong("source is no tunnel's")
        if checksum(p[8:40] + struct.pack("!II", len(p) - 40, 17) + p[40:]) and source:
            raise Wrong("the UDP checksum inside does not hold")
    return check


def check_encap(kind, size):
    def check(frame):
        if frame[:12].hex() != MAC["c0"] + MAC["p0"]:
            raise Wrong(f"wrong MAC addresses {frame[:12].hex()}")
        p = frame[14:]
        if p[0] != 0x45 or checksum(p[:20]):
            raise Wrong("outer IPv4 header checksum")
        if p[12:16] != packed(POP4) or p[16:20] != packed(CLIENT4):
            raise Wrong("outer addresses")
        body = p[20:]
        if kind == "gre":
            if body[:4].hex() != "000086dd":
                raise Wrong("GRE header")
            body = body[4:]
        elif kind == "ayiya":
            body = body[8:]
            image = body[:24] + hashlib.sha1(PASSWORD).digest() + body[44:]
            if hashlib.sha1(image).digest() != body[24:44]:
                raise Wrong("AYIYA signature")
            body = body[44:]
        if len(body) != size or body[7] != 63:
            raise Wrong(f"inner length {len(body)} for {size}, hop limit {body[7]} for 63")
    return check


FAST = {"XDP": "p0/native p1/native", "generic": "p0/generic p1/generic"}


def cases(quick):
    sizes = (100, 1280)
    return [c for mode in ("XDP", "generic", "user") for size in sizes for c in plain_cases(mode, size, quick)] \
        + [c for size in sizes for c in ayiya_cases(size)]


def plain_cases(mode, size, quick):
    """Protocol 41 and GRE, both ways; many tunnels where cache misses can show."""
    counts = (1024,) if quick else (1, 1024, 32766)
    out = []
    if True:
        for n in counts:
            ids = ("--id-first", "1", "--id-count", str(n))

            def p41(size=size):
                return ethernet("p0", "c0", 0x0800, ipv4(CLIENT4, POP4, 41, inner(f"{PREFIX}:1::2", NET6, size)))
            out.append(Case("protocol 41 in", mode, "internet", size, p41,
                            check_decap(None, size), n, None, ("--id-offset", "48", *ids)))

            def to41(size=size):
                return ethernet("p1", "n0", 0x86dd, inner(NET6, f"{PREFIX}:1::2", size))
            out.append(Case("protocol 41 out", mode, "client", size, to41,
                            check_encap("direct", size), n, None, ("--id-offset", "44", *ids)))

        def gre(size=size):
            return ethernet("p0", "c0", 0x0800, ipv4(
                CLIENT4, POP4, 47, bytes.fromhex("000086dd") + inner(f"{PREFIX}:1::2", NET6, size)))
        setup = ["tunnel set encap T1 gre"]
        out.append(Case("GRE in", mode, "internet", size, gre, check_decap(None, size), 1, setup))
        out.append(Case("GRE out", mode, "client", size,
                        lambda size=size: ethernet("p1", "n0", 0x86dd, inner(NET6, f"{PREFIX}:1::2", size)),
                        check_encap("gre", size), 1, setup))
    return out


def ayiya_cases(size):
    out = []
    if True:
        setup = [f"tunnel set config 1 T1 ayiya up 1428 {PASSWORD.decode()}"]

        def ayiya(size=size):
            return ethernet("p0", "c0", 0x0800, udp4(
                CLIENT4, POP4, 4096, 5072, signed(inner(f"{PREFIX}:1::2", NET6, size), 1)))
        out.append(Case("AYIYA in", "user", "internet", size, ayiya, check_decap(True, size), 1, setup))
        out.append(Case("AYIYA out", "user", "client", size,
                        lambda size=size: ethernet("p1", "n0", 0x86dd, inner(NET6, f"{PREFIX}:1::2", size)),
                        check_encap("ayiya", size), 1, setup))
    return out


def beat(stage):
    """A signed no-op from the client's port, so that the tunnel is up."""
    code = ("import socket,sys;s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);"
            "s.bind(('', 4096));s.sendto(bytes.fromhex(sys.argv[1]),(sys.argv[2],5072))")
    stage.inside("client", "/usr/bin/python3", "-c", code, signed(b"", 1, 59, 0).hex(), POP4)
    deadline = time.monotonic() + 10
    while "up" not in stage.ask("tunnel list")[0].split()[3:4]:
        if time.monotonic() > deadline:
            raise Wrong("the AYIYA tunnel did not come up: " + "; ".join(stage.ask("pop show drops") + stage.ask("tunnel list")))
        time.sleep(0.05)


def yardsticks(stage, case, seconds):
    """The same size of plain IPv6 through the kernel, and through a bare redirect."""
    if case.towards == "internet":
        frame = ethernet("p0", "c0", 0x86dd, inner(CLIENT6, NET6, case.size))
        redirect = ("--redirect", stage.ns("pop") + ":p0", "--out", "p1", "--mac", MAC["n0"] + MAC["p1"])
    else:
        frame = ethernet("p1", "n0", 0x86dd, inner(NET6, CLIENT6, case.size))
        redirect = ("--redirect", stage.ns("pop") + ":p1", "--out", "p0", "--mac", MAC["c0"] + MAC["p0"])
    plain = stage.traffic(case.towards, frame, 0x86dd, seconds)["pps"]
    return plain, stage.traffic(case.towards, frame, 0x86dd, seconds, *redirect)["pps"]


def measure(stage, case, pairs, seconds):
    lines = stage.config(case.tunnels) + (case.prepare or [])
    stage.start(lines)
    try:
        if case.name.startswith("AYIYA"):
            beat(stage)
        rows = []
        for _ in range(pairs):
            if case.mode in FAST:
                stage.ask("pop set fastpath off")
            plain, bare = yardsticks(stage, case, seconds)
            if case.mode in FAST:
                said = stage.ask("pop set fastpath " + FAST[case.mode])
                if said != ["Fast path updated"]:
                    raise Wrong(f"{case.mode}: {said}")
            r = stage.traffic(case.towards, case.make(), 0x86dd if case.towards == "internet" else 0x0800,
                              seconds, *(case.ids or ()))
            if not r["received"] or not r["samples"]:
                raise Wrong(f"{case.name}, {case.size} octets: nothing arrived: "
                            + "; ".join(stage.ask("pop show drops")))
            for sample in r["samples"]:
                case.check(bytes.fromhex(sample))
            rows.append({"pps": r["pps"], "offered": r["offered"] / r["seconds"],
                         "plain": plain, "redirect": bare})
        rss = int(next(x for x in open(f"/proc/{stage.daemon.pid}/status") if x.startswith("VmRSS")).split()[1])
    finally:
        stage.stop()
    ratios = [r["pps"] / r["plain"] for r in rows]
    return {
        "case": case.name, "mode": case.mode, "octets": case.size, "tunnels": case.tunnels,
        "mpps": statistics.median(r["pps"] for r in rows) / 1e6,
        "gbit_s": statistics.median(r["pps"] for r in rows) * case.size * 8 / 1e9,
        "ratio_plain": statistics.median(ratios), "ratio_plain_min": min(ratios),
        "ratio_plain_max": max(ratios),
        "ratio_redirect": statistics.median(r["pps"] / r["redirect"] for r in rows),
        "plain_mpps": statistics.median(r["plain"] for r in rows) / 1e6,
        "redirect_mpps": statistics.median(r["redirect"] for r in rows) / 1e6,
        "rss_kib": rss, "pairs": rows,
    }


def load_times(stage):
    """From exec to the first answer, for a full configuration."""
    lines = [x for x in stage.config(8192)] + ["pop subnetprefix add 2001:db8:4000::/36 delegate 48"]
    lines += [f"subnet set config 2001:db8:4{i:03x}::/48 {1 + i:x} static" for i in range(4096)]
    out = []
    for _ in range(3):
        out.append(stage.start(lines))
        rss = int(next(x for x in open(f"/proc/{stage.daemon.pid}/status") if x.startswith("VmRSS")).split()[1])
        stage.stop()
    return {"tunnels": 8192, "subnets": 4096, "seconds": statistics.median(out), "rss_kib": rss}


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--quick", action="store_true")
    ap.add_argument("--only", default="", help="cases whose name holds this")
    ap.add_argument("--binary", default=SIXXSD)
    a = ap.parse_args()
    pairs, seconds = (2, 0.4) if a.quick else (5, 0.7)

    stage = Stage(a.binary)
    results = []
    try:
        stage.build()
        print(f"{'case':18}{'mode':6}{'octets':>7}{'tunnels':>8}{'Mpps':>8}{'Gbit/s':>8}"
              f"{'/plain':>8}{'spread':>13}{'/redirect':>10}")
        for case in cases(a.quick):
            if a.only and a.only not in case.name:
                continue
            r = measure(stage, case, pairs, seconds)
            results.append(r)
            spread = f"{r['ratio_plain_min']:.2f}-{r['ratio_plain_max']:.2f}"
            print(f"{r['case']:18}{r['mode']:6}{r['octets']:>7}{r['tunnels']:>8}{r['mpps']:>8.3f}"
                  f"{r['gbit_s']:>8.2f}{r['ratio_plain']:>8.2f}{spread:>13}"
                  f"{r['ratio_redirect']:>10.3f}", flush=True)
        load = load_times(stage)
        print(f"{load['tunnels']} tunnels and {load['subnets']} subnets: from start to the first answer "
              f"{load['seconds']:.3f} s, {load['rss_kib'] / 1024:.0f} MiB resident")
    except Wrong as e:
        print(f"bench: {e}", file=sys.stderr)
        return 1
    finally:
        stage.close()
    with open(os.path.join(BUILD, "results.json"), "w") as f:
        json.dump({"cases": results, "load": load}, f, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
