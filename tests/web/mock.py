#!/usr/bin/python3
"""A daemon that is none: serves the bundle and the JSON API with invented data.

    tests/web/mock.py [--port 8642] [--tunnels 32767] [--admin TOKEN] [--owner T42=TOKEN]

For working on the page and for tests/web. Without --admin everybody who asks is the operator,
as on a loopback address. Everything is a function of the time and of a tunnel's number, so
that nothing has to be kept; all addresses are those set aside for documentation. Prints its
address when it listens, and ends when its standard input does if --tied is given.
"""
import argparse
import hmac
import http.server
import json
import math
import os
import random
import struct
import sys
import threading
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUNDLE = os.path.join(ROOT, "src/web/bundle")
KINDS = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
POLICY = "default-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
STARTED = int(time.time()) - 263_412
US = "192.0.2.42"

COLUMNS = ["tunnel", "tid", "inner", "outer", "state", "type", "kind", "mtu", "errors", "drops", "last_in",
           "in_octets", "out_octets", "rtt_ms", "loss_percent"]
BOUNDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000]


def total(rate, period, phase, now):
    """A counter that rises by `rate` a second, more by day (a `period`) than by night."""
    w = 2 * math.pi / period
    return max(0, int(rate * (now - STARTED + 0.6 * (math.cos(phase) - math.cos(w * (now - STARTED) + phase)) / w)))


class Tunnel:
    def __init__(self, number, tunnels):
        r = random.Random(number)
        self.number = number
        self.name = f"T{number}"
        self.tid = (number + 23) % tunnels + 1 if tunnels > 100 else number + 24
        self.kind = r.choices(["static", "ayiya", "heartbeat", "dynamic"], [45, 35, 15, 5])[0]
        if number == 42:
            self.kind = "ayiya"
        self.type = {"static": r.choices(["direct", "gre"], [9, 1])[0], "ayiya": "ayiya",
                     "heartbeat": "direct", "dynamic": "none"}[self.kind]
        self.state = r.choices(["up", "down", "disabled"], [88, 10, 2])[0] if number != 42 else "up"
        if self.state == "down" and self.kind != "static":
            self.type = "none"
        self.outer = None if self.type == "none" else r.choice(
            [f"198.51.100.{r.randrange(1, 255)}", f"203.0.113.{r.randrange(1, 255)}", f"192.0.2.{r.randrange(64, 255)}",
             f"2001:db8:ffff:{r.randrange(1, 0xffff):x}::{r.randrange(1, 0xff):x}"])
        if number == 42:
            self.outer = "198.51.100.1"
        self.port = r.randrange(1025, 65535) if self.type == "ayiya" else None
        self.mtu = 1428 if self.kind == "ayiya" else r.choice([1280, 1480, 1480])
        up = self.state == "up"
        self.rate = (r.paretovariate(0.9) * 400 if number != 42 else 310_000) if up else 0
        self.rtt = r.choice([0.4, 6, 14, 23, 31, 88, 160, 240]) * r.uniform(0.7, 1.5) if up else None
        if number == 42:
            self.rtt = 12.3
        self.loss = r.choices([0.0, 0.1, 0.8, 4.0, 22.0], [70, 15, 8, 5, 2])[0] if up else None
        self.faulty = number == 42 or r.random() < 0.06
        self.errors = r.randrange(1, 4000) if self.faulty else 0
        self.phase = r.uniform(0, 6)
        self.quiet_s = int(r.expovariate(1 / 90)) if up else r.randrange(4000, 4_000_000)

    def inner(self, end):
        return f"2001:db8:2ff:{self.tid:x}::{end}"

    def traffic(self, now):
        i, o = total(self.rate, 97, self.phase, now), total(self.rate * 6.5, 61, self.phase + 1, now)
        return {"in_packets": i // 210, "in_octets": i, "out_packets": o // 940, "out_octets": o}

    def last_in(self, now):
        if self.number == 42 or (self.rate > 20_000):
            return now
        return now - self.quiet_s if self.state != "disabled" else 0

    def row(self, now):
        t = self.traffic(now)
        return [self.name, self.tid, self.inner(2), self.outer, self.state, self.type, self.kind, self.mtu, self.errors,
                self.errors // 3, self.last_in(now), t["in_octets"], t["out_octets"],
                None if self.rtt is None else round(self.rtt, 2), self.loss]


def finding(cause, severity, sentence, evidence, remedy):
    return {"cause": cause, "severity": severity, "sentence": sentence, "evidence": evidence, "remedy": remedy}


class Bytes:
    """A packet, written field by field, that remembers where everything stands."""

    def __init__(self):
        self.data, self.fields = b"", []

    def put(self, layer, name, data, value):
        self.fields.append({"layer": layer, "name": name, "value": value, "offset": len(self.data), "length": len(data)})
        self.data += data

    def packet(self, kept=None):
        return {"length": len(self.data), "octets": self.data[:kept].hex(), "fields": self.fields}


def v6(text):
    import ipaddress
    return ipaddress.IPv6Address(text).packed


def put_ip6(b, source, destination, payload, next_header, hops=63):
    name = {58: "ICMPv6 (58)", 6: "TCP (6)", 17: "UDP (17)"}[next_header]
    b.put("IPv6", "version, class, flow label", bytes.fromhex("60000000"), "6, 0, 0x00000")
    b.put("IPv6", "payload length", struct.pack("!H", payload), str(payload))
    b.put("IPv6", "next header", bytes([next_header]), name)
    b.put("IPv6", "hop limit", bytes([hops]), str(hops))
    b.put("IPv6", "source", v6(source), source)
    b.put("IPv6", "destination", v6(destination), destination)


def put_echo(b, size):
    b.put("ICMPv6", "type", b"\x80", "echo request (128)")
    b.put("ICMPv6", "code", b"\0", "0")
    b.put("ICMPv6", "checksum", b"\x4f\x1a", "0x4f1a")
    b.put("ICMPv6", "identifier", b"\x12\x34", "4660")
    b.put("ICMPv6", "sequence", b"\x00\x07", "7")
    b.put("ICMPv6", "data", bytes(range(0x20, 0x20 + size)), f"{size} octets")


def wrong_source(t):
    b = Bytes()
    put_ip6(b, "2001:db8:beef::1", "2001:db8:42::53", 64, 58)
    put_echo(b, 56)
    return b.packet()


def hash_fail(t):
    b = Bytes()
    b.put("IPv4", "version, header length", b"\x45", "4, 20 octets")
    b.put("IPv4", "class", b"\0", "0")
    b.put("IPv4", "total length", struct.pack("!H", 176), "176")
    b.put("IPv4", "identification", b"\x3a\x91", "14993")
    b.put("IPv4", "flags, fragment offset", b"\x40\x00", "don't fragment, 0")
    b.put("IPv4", "time to live", b"\x37", "55")
    b.put("IPv4", "protocol", b"\x11", "UDP (17)")
    b.put("IPv4", "checksum", b"\x9c\x02", "0x9c02")
    b.put("IPv4", "source", bytes([198, 51, 100, 1]), "198.51.100.1")
    b.put("IPv4", "destination", bytes([192, 0, 2, 42]), US)
    b.put("UDP", "source port", struct.pack("!H", 40001), "40001")
    b.put("UDP", "destination port", struct.pack("!H", 5072), "5072")
    b.put("UDP", "length", struct.pack("!H", 156), "156")
    b.put("UDP", "checksum", b"\x77\x10", "0x7710")
    b.put("AYIYA", "identity", b"\x41", "16 octets, IPv6")
    b.put("AYIYA", "signature", b"\x52", "20 octets, SHA-1")
    b.put("AYIYA", "authentication, operation", b"\x11", "shared secret, forward")
    b.put("AYIYA", "next header", b"\x29", "IPv6 (41)")
    b.put("AYIYA", "epoch", struct.pack("!I", int(time.time()) - 71), time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(time.time() - 71)))
    b.put("AYIYA", "identity of the sender", v6(t.inner(2)), t.inner(2))
    b.put("AYIYA", "digest", random.Random(7).randbytes(20), "does not match")
    put_ip6(b, t.inner(2), "2001:db8:42::53", 64, 58)
    put_echo(b, 56)
    return b.packet(kept=128)


def clients(t):
    us, them = t.inner(1), t.inner(2)
    beats = t.kind in ("heartbeat", "dynamic")
    plain = [
        ("Linux (ip tunnel)", None,
            f"ip tunnel add sixxs mode sit remote {US} local 0.0.0.0 ttl 64\nip link set sixxs up mtu {t.mtu}\n"
            f"ip -6 address add {them}/64 dev sixxs\nip -6 route add default via {us} dev sixxs\n" + (
                f"\n# The heartbeat, in bash: it has to run for as long as the tunnel is wanted\n"
                f"while text=\"HEARTBEAT TUNNEL {them} sender $(date +%s) \"; do\n"
                f"\tdigest=$(printf '%s' \"$text\" 'YOUR-PASSWORD' | md5sum | cut -d' ' -f1)\n"
                f"\tprintf '%s' \"$text$digest\" > /dev/udp/{US}/3740\n\tsleep 60\ndone\n" if beats else "")),
        ("systemd-networkd", "/etc/systemd/network/sixxs.netdev",
            f"[NetDev]\nName=sixxs\nKind=sit\nMTUBytes={t.mtu}\n\n[Tunnel]\nLocal=any\nRemote={US}\nTTL=64\n"),
        ("OpenWrt", "/etc/config/network",
            f"config interface 'sixxs'\n\toption proto '6in4'\n\toption peeraddr '{US}'\n\toption ip6addr '{them}/64'\n"
            f"\toption mtu '{t.mtu}'\n"),
        ("MikroTik", None,
            f"/interface 6to4 add name=sixxs remote-address={US} mtu={t.mtu}\n/ipv6 address add address={them}/64 interface=sixxs\n"
            f"/ipv6 route add dst-address=2000::/3 gateway={us}\n"),
        ("OPNsense", None,
            f"Interfaces > Devices > GIF\n  Remote address    {US}\n  Local tunnel      {them}\n  Remote tunnel     {us} / 64\n"),
    ]
    aiccu = [{"name": "AICCU", "file": "/etc/aiccu.conf", "note": None, "text":
              f"username {t.name}\npassword YOUR-PASSWORD\nprotocol tic\nserver TIC-SERVER\ntunnel_id {t.name}\nipv6_interface sixxs\n"
              "daemonize true\nautomatic true\n"}]
    if t.kind == "ayiya":
        why = (f"{t.name} is an AYIYA tunnel, which needs AICCU or another AYIYA client; or the operator of the PoP can make it heartbeat "
               f"or static: tunnel set config {t.tid:x} {t.name} heartbeat|<address> ...")
        return aiccu + [{"name": name, "file": None, "text": None, "note": why} for name, _, _ in plain]
    own = f"{t.name} is up only while something sends a heartbeat each 60 s: the last lines do, in bash. AICCU does all of it by itself."
    other = (f"This alone does not bring {t.name} up: something at the same public address must send a heartbeat each 60 s. The last "
             "lines of \"Linux (ip tunnel)\" do, in bash, on any machine there; AICCU does all by itself.")
    told = [{"name": name, "file": file, "text": text, "note": (other if n else own) if beats else None}
            for n, (name, file, text) in enumerate(plain)]
    return aiccu + told if beats else told + aiccu


class World:
    def __init__(self, tunnels):
        self.tunnels = {f"T{n}": Tunnel(n, tunnels) for n in range(1, tunnels + 1)}
        if "T42" not in self.tunnels:
            self.tunnels["T42"] = Tunnel(42, tunnels)
        self.lock = threading.Lock()
        self.tracing = set()
        all_ = self.tunnels.values()
        self.counts = {s: sum(t.state == s for t in all_) for s in ("up", "down", "disabled")}
        self.types = {y: sum(t.type == y for t in all_) for y in ("direct", "ayiya", "gre", "none")}

    def pop(self):
        now = time.time()
        wave = [total(r, p, ph, now) for r, p, ph in ((48e6, 83, 0), (19e6, 59, 2))]
        up = {"in_octets": wave[0], "in_packets": wave[0] // 870, "out_octets": wave[1], "out_packets": wave[1] // 240}
        scale = lambda f: {k: int(v * f) for k, v in up.items()}
        since = now - STARTED
        drops = [("DROP_UNASSIGNED", "destination in our prefixes but nobody's", 3.2),
                 ("DROP_INNER_UNKNOWN", "inner source belongs to no tunnel", 1.4),
                 ("DROP_TO_DOWN", "destination tunnel is down", 0.9),
                 ("DROP_IP6_SOURCE", "inner IPv6: source does not belong to the tunnel", 0.31),
                 ("DROP_AYIYA_DIGEST", "AYIYA: digest does not match the tunnel's secret", 0.12),
                 ("DROP_HOP_LIMIT", "hop limit ran out here", 0.09),
                 ("DROP_TOO_BIG", "larger than the tunnel's MTU", 0.04),
                 ("DROP_BEAT_CLOCK", "heartbeat: sender's clock is more than 120 s off", 0.008)]
        rtt = [int(since * f) for f in (0.1, 0.3, 1.9, 5.2, 9.3, 11.2, 4.8, 2.2, 0.7, 0.1, 0.02, 0.004, 0.001)]
        return {
            "name": "example01", "id": 1, "version": "5.0.0", "started": STARTED, "now": int(now), "now_ms": time.monotonic_ns() // 1_000_000,
            "uptime_s": int(since), "revision": 118, "clock_synchronised": True,
            "prefixes": {"tunnel": "2001:db8:2ff::/48", "subnets": ["2001:db8:3000::/40", "2001:db8:4000::/40"]},
            "tunnels": {"configured": len(self.tunnels), **self.counts, "active": int(self.counts["up"] * 0.83),
                        "by_type": self.types, "limit": 32767},
            "traffic": {"uplink": up, "total": scale(1.07), "fast": scale(0.71)},
            "drops": [{"reason": r, "sentence": s, "count": int(f * since)} for r, s, f in drops],
            "rtt": {"bounds_ms": BOUNDS, "counts": rtt, "sum_ms": sum(rtt) * 27.4, "count": sum(rtt)},
            "workers": [{"busy_us": total(b, 71, i, now), "events_lost": 0, "merged_in": int(since * 4100), "merged_out": int(since * 5200),
                         "frames_in": int(since * 7700), "frames_out": int(since * 7400)} for i, b in enumerate((410_000, 280_000))],
            "fastpath": {"available": True, "why": "", "automatic": True, "queues": 4, "ports": [
                {"name": "eth0", "mode": "native", "since": STARTED + 4, "why": ""},
                {"name": "eth1", "mode": "tc", "since": STARTED + 4, "why": "the driver has no XDP of its own"}]},
            "why": [
                finding("CLOCKS_OFF", "warning", "17 clients have a clock that is more than 120 s off.",
                        ["DROP_BEAT_CLOCK rose by 29 within an hour", "T10, T4711, T2077 and 14 more"],
                        "Tell their owners to run NTP: their tunnels stay down until then."),
                finding("FASTPATH_TC", "note", "One port of the fast path is in TC mode.", ["eth1: the driver has no XDP of its own"], "")],
        }

    def list(self):
        now = int(time.time())
        return {"now": now, "columns": COLUMNS, "rows": [t.row(now) for t in self.tunnels.values()]}

    def tunnel(self, t, client):
        now = time.time()
        at = int(now)
        up = t.state == "up"
        errors, why = [], []
        if t.faulty:
            errors.append({"name": "Wrong Source IPv6", "count": t.errors + int((now - STARTED) / 40), "last": at - at % 40,
                           "source": "2001:db8:beef::1", "reason": "DROP_IP6_SOURCE",
                           "sentence": "inner IPv6: source does not belong to the tunnel", "packet": wrong_source(t)})
            why.append(finding("WRONG_SOURCE", "warning", "Something behind the client uses addresses that are not this tunnel's.",
                               ["the last packet came from 2001:db8:beef::1", f"allowed are {t.inner(2)} and the tunnel's subnets"],
                               "Send only packets of the tunnel's own prefixes into it; look for a second router or a VPN."))
        if t.kind == "ayiya" and t.faulty:
            errors.append({"name": "AYIYA Hash Fail", "count": 3, "last": at - 7411, "source": "198.51.100.1",
                           "reason": "DROP_AYIYA_DIGEST", "sentence": "AYIYA: digest does not match the tunnel's secret",
                           "packet": hash_fail(t)})
            errors.append({"name": "Clock Off", "count": 1, "last": at - 90_000, "source": None, "reason": "DROP_AYIYA_CLOCK",
                           "sentence": "AYIYA: sender's clock is more than 120 s off", "packet": None})
        if t.state == "down":
            why.append(finding("NO_HEARTBEAT", "error", "The client has not been heard of: the tunnel is down.",
                               [f"last packet {at - t.last_in(at)} s ago"], "Start the client, and see that its clock is right."))
        if t.state == "disabled":
            why.append(finding("DISABLED", "error", "The tunnel is disabled.", [], f"enable it: tunnel set config {t.tid:x} {t.name} ... up ..."))
        if not why:
            why.append(finding("FINE", "ok", "Nothing is wrong with this tunnel.", [], ""))
        rtt = None if t.rtt is None else t.rtt + 1.5 * math.sin(now / 7)
        return {
            "now": at, "now_ms": time.monotonic_ns() // 1_000_000, "tunnel": t.name, "tid": t.tid, "inner_us": t.inner(1), "inner_them": t.inner(2),
            "outer_us": US, "outer_them": t.outer, "outer_port": t.port, "state": t.state, "state_since": STARTED + 61 if up else at - 5000,
            "type": t.type, "kind": t.kind, "encapsulation": "auto", "dynamic": t.kind != "static", "disabled": t.state == "disabled",
            "password_set": t.kind != "static", "debugging": t.name in self.tracing, "mtu_bytes": t.mtu, "mtu_in_force_bytes": t.mtu,
            "outer_path_mtu_bytes": None, "rate_kbit_s": 0, "rate_packets_s": 0, "tcp_mss_clamp": False,
            "routed_prefix": f"2001:db8:2ff:{t.tid:x}::/64", "subnets": [f"2001:db8:{0x3000 + t.tid % 255 + 1:x}::/48"],
            "traffic": t.traffic(now), "last_in": t.last_in(at), "last_out": t.last_in(at), "last_heartbeat": t.last_in(at) and at - at % 60 if t.kind != "static" else None,
            "beats": int((now - STARTED) / 60) if up else 0, "moves": 3,
            "latency": {"sent": 4390 if up else 0, "received": 4386 if up else 0, "loss_percent": t.loss, "min_ms": t.rtt and t.rtt * 0.8,
                        "avg_ms": t.rtt, "max_ms": t.rtt and t.rtt * 4.1, "recent_ms": rtt},
            "errors": errors, "drops": [{"reason": e["reason"], "sentence": e["sentence"], "count": e["count"]} for e in errors],
            "endpoints": [{"at": STARTED + 61, "address": t.outer, "port": t.port}, {"at": STARTED - 81_000, "address": "203.0.113.77", "port": 5072},
                          {"at": STARTED - 412_000, "address": "198.51.100.200", "port": 61_002}] if t.outer else [],
            "why": why, **({"client": clients(t)} if client else {}),
        }

    def history(self, t):
        now = int(time.time())
        series = []
        for step, n in ((60, 120), (900, 192), (21600, 360)):
            end = now - now % step
            r = random.Random(t.number * 1000 + step)
            ats = [end - (n - 1 - i) * step for i in range(n)]
            gap = range(n // 3, n // 3 + n // 20)
            day = [1 + 0.7 * math.sin(2 * math.pi * (at / 86400 - 0.3)) for at in ats]
            hole = lambda values: [None if i in gap else v for i, v in enumerate(values)]
            wobble = lambda: r.lognormvariate(0, 0.25)
            series.append({
                "step_s": step, "end": end,
                "in_octets": hole([int(t.rate * d * wobble()) for d in day]),
                "out_octets": hole([int(t.rate * 6.5 * d * wobble()) for d in day]),
                "in_packets": hole([int(t.rate / 210 * d) for d in day]),
                "out_packets": hole([int(t.rate * 6.5 / 940 * d) for d in day]),
                "rtt_ms": hole([t.rtt and round(t.rtt * (0.9 + 0.15 * d + 0.05 * wobble()), 2) for d in day]),
                "loss_percent": hole([round(max(0, r.gauss(-3, 3)), 1) if t.rtt else None for _ in ats]),
                "drops": hole([r.choices([0, 1, 2, 14], [80, 10, 6, 4])[0] for _ in ats])})
        return {"now": now, "tunnel": t.name, "series": series}

    def trace(self, t):
        far = "2001:db8:42::53"
        yield f"[{t.name}    uplink ][IPv6 : {t.inner(2)} > {far}, ICMPv6, 104 octets, hop limit 64] arrived in {t.type.upper()}"
        yield f"[{t.name}    uplink ][IPv6 : {t.inner(2)} > {far}, ICMPv6, 104 octets, hop limit 64] authenticated"
        yield f"[{t.name}    uplink ][IPv6 : {t.inner(2)} > {far}, ICMPv6, 104 octets, hop limit 64] source belongs to {t.name}"
        yield f"[{t.name}    uplink ][IPv6 : {t.inner(2)} > {far}, ICMPv6, 104 octets, hop limit 64] destination is outside: uplink"
        yield f"[{t.name}    uplink ][IPv6 : {t.inner(2)} > {far}, ICMPv6, 104 octets, hop limit 64] forwarded to the uplink"
        yield f"[uplink {t.name}    ][IPv6 : {far} > {t.inner(2)}, ICMPv6, 104 octets, hop limit 57] fits the tunnel's MTU of {t.mtu}"
        yield f"[uplink {t.name}    ][IPv6 : {far} > {t.inner(2)}, ICMPv6, 104 octets, hop limit 57] forwarded into a tunnel"


class Stop(Exception):
    def __init__(self, status, sentence):
        super().__init__(sentence)
        self.status = status


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    world = admin = owners = None

    def log_message(self, *_):
        pass

    def send(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def json(self, value, status=200):
        self.send(status, "application/json", json.dumps(value).encode())

    def role(self, tunnel):
        """(role, tunnel) for the token of this request."""
        word = self.headers.get("Authorization", "")
        token = word[7:] if word.startswith("Bearer ") else ""
        same = lambda a: hmac.compare_digest(a.encode(), token.encode())
        if not self.admin and not token:
            return "admin", None
        if self.admin and same(self.admin):
            return "admin", None
        for name, secret in self.owners.items():
            if same(secret) and tunnel in (None, name):
                return "owner", name
        if token and any(same(secret) for secret in self.owners.values()):
            raise Stop(403, "That token is another tunnel's.")
        if token:
            raise Stop(401, "There is no such token.")
        return "none", None

    def events(self, produce):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            for name, value in produce:
                self.wfile.write(f"event: {name}\ndata: {json.dumps(value)}\n\n".encode())
                self.wfile.flush()
        except OSError:
            pass        # gone
        finally:
            produce.close()

    def every_second(self, name, make):
        while True:
            yield name, make()
            time.sleep(1 - time.time() % 1)

    def traced(self, t):
        with self.world.lock:
            if t.name in self.world.tracing:
                yield "end", {"why": f"Another session is debugging {t.name} already"}
                return
            self.world.tracing.add(t.name)
        try:
            while True:
                for text in self.world.trace(t):
                    yield "trace", {"text": text}
                time.sleep(0.4)
        finally:
            self.world.tracing.discard(t.name)

    def api(self, path, query):
        w = self.world
        if path == ["session"]:
            role, tunnel = self.role(query.get("tunnel", [None])[0])
            return self.json({"role": role, "tunnel": tunnel, "pop": "example01", "version": "5.0.0", "token_needed": role == "none"})
        name = path[1] if len(path) > 1 and path[0] == "tunnels" else None
        role, _ = self.role(name)
        if role == "none":
            raise Stop(401, "A token is needed.")
        if name:
            t = w.tunnels.get(name)
            if not t:
                raise Stop(404, f"There is no tunnel {name}.")
            what = path[2] if len(path) == 3 else ""
            if len(path) == 2:
                return self.json(w.tunnel(t, True))
            if what == "history":
                return self.json(w.history(t))
            if what == "events":
                return self.events(self.every_second("tunnel", lambda: w.tunnel(t, False)))
            if what == "trace":
                return self.events(self.traced(t))
        elif role != "admin":
            raise Stop(403, "That is for the operator.")
        elif path == ["pop"]:
            return self.json(w.pop())
        elif path == ["pop", "events"]:
            return self.events(self.every_second("pop", w.pop))
        elif path == ["tunnels"]:
            return self.json(w.list())
        raise Stop(404, "There is nothing of that name.")

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        path = [urllib.parse.unquote(p) for p in url.path.split("/") if p]
        try:
            if path[:2] == ["api", "v1"]:
                return self.api(path[2:], urllib.parse.parse_qs(url.query))
            name = path[0] if path else "index.html"
            if len(path) > 1 or name not in os.listdir(BUNDLE):
                raise Stop(404, "There is nothing of that name.")
            with open(os.path.join(BUNDLE, name), "rb") as f:
                self.send(200, KINDS.get(os.path.splitext(name)[1], "text/plain"), f.read())
        except Stop as e:
            self.json({"error": str(e)}, e.status)
        except (BrokenPipeError, ConnectionResetError):
            pass


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--port", type=int, default=8642, help="0: any that is free")
    p.add_argument("--tunnels", type=int, default=32767)
    p.add_argument("--admin", default="")
    p.add_argument("--owner", action="append", default=[], metavar="T42=TOKEN")
    p.add_argument("--tied", action="store_true")
    a = p.parse_args()

    Handler.world, Handler.admin = World(a.tunnels), a.admin
    Handler.owners = dict(o.split("=", 1) for o in a.owner)
    http.server.ThreadingHTTPServer.daemon_threads = True
    server = http.server.ThreadingHTTPServer(("127.0.0.1", a.port), Handler)
    if a.tied:
        threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
