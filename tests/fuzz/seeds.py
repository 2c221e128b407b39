#!/usr/bin/python3
"""Write the first inputs of the fuzz targets from the vectors: tests/data/fuzz/<target>/.

    tests/fuzz/seeds.py

The first octet of every input says how it arrives; see the head of each f_*.c. Inner
addresses of tunnel 1 become those of the tunnel that tests/fuzz/scene.h has for the job.
"""
import json
import os
import re
import struct
from ipaddress import IPv4Address, IPv6Address

DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data")
T1 = bytes.fromhex("20010db802ff0001")
INET = "2001:db8:ffff::1"


def vectors(name):
    with open(os.path.join(DATA, "vectors", name + ".json")) as f:
        return json.load(f)


def put(target, name, how, body):
    where = os.path.join(DATA, "fuzz", target)
    os.makedirs(where, exist_ok=True)
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60]
    with open(os.path.join(where, slug), "wb") as f:
        f.write(bytes([how]) + body)


def of(tid, packet):
    return packet.replace(T1, bytes.fromhex("20010db802ff") + struct.pack("!H", tid))


def ip6(src, dst, next_header, body, hops=64):
    return (struct.pack("!IHBB", 6 << 28, len(body), next_header, hops)
            + IPv6Address(src).packed + IPv6Address(dst).packed + body)


def ip4(src, dst, proto, body, ttl=64):
    return (struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0x4000, ttl, proto, 0)
            + IPv4Address(src).packed + IPv4Address(dst).packed + body)


def checksum(data):
    s = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return struct.pack("!H", ~s & 0xffff)


def p41():
    for v in vectors("encap")["frames"]:
        frame = bytes.fromhex(v["frame_hex"])
        inner = of(9, frame[20 if frame[0] >> 4 == 4 else 40:])
        put("p41", v["name"], 0, inner)
        put("p41", "marked " + v["name"], 0xc, inner)
        put("p41", "stranger " + v["name"], 2, inner)
    for i, c in enumerate(vectors("forwarding")["cases"]):
        src = c["src"].replace("2ff:1::", "2ff:9::").replace("2ff:8001:", "2ff:8009:")
        packet = ip6(src, c["dst"], 17, bytes(min(c["len"], 1300) - 40), c["hlim"])
        put("p41", f"case {i:02} {c['src']} {c['dst']}", 3 if c["in"] == "uplink" else 0, packet)
    chains = {
        "hop by hop": (0, "3a00010400000000"), "destination": (60, "3b00010400000000"),
        "routing 0": (43, "3b02000100000000" + "00" * 16), "routing 2": (43, "3b02020100000000" + "00" * 16),
        "fragment": (44, "3a00000100000007"), "later fragment": (44, "3a00000900000007"),
        "authentication": (51, "3b04000000000001000000010000000000000000000000aa"),
        "nine headers": (60, "3c00010400000000" * 8 + "3b00010400000000"),
        "too long": (60, "3bff010400000000"),
    }
    for name, (first, chain) in chains.items():
        for dst in (INET, "2001:db8:2ff:9::1"):
            put("p41", f"chain {name} {dst}", 0,
                ip6("2001:db8:2ff:9::2", dst, first, bytes.fromhex(chain) + bytes(24)))
    put("p41", "trailing", 0, ip6("2001:db8:2ff:9::2", INET, 17, bytes(20)) + b"trailing")
    put("p41", "trailing to a tunnel", 0, ip6("2001:db8:2ff:9::2", "2001:db8:2ff:a::2", 17, bytes(20)) + b"x")
    put("p41", "to ourselves", 0, ip6("2001:db8:2ff:9::2", "2001:db8:2ff:c::2", 17, bytes(20)))
    put("p41", "uplink to ourselves", 3, ip6(INET, "2001:db8:2ff:c::2", 17, bytes(20)))
    put("p41", "too big for 6in6", 3, ip6(INET, "2001:db8:2ff:42c::2", 17, bytes(1241)))
    put("p41", "6to4", 0, ip6("2001:db8:2ff:9::2", "2002:c000:22a::1", 59, b""))
    put("p41", "nested", 0, ip6("2001:db8:2ff:9::2", "2001:db8::42", 41, ip6(INET, INET, 59, b"")))
    put("p41", "hairpin to ayiya", 0, ip6("2001:db8:2ff:9::2", "2001:db8:2ff:1::2", 17, bytes(20)))
    put("p41", "hairpin to 6in6", 0, ip6("2001:db8:2ff:9::2", "2001:db8:2ff:42c::2", 17, bytes(20)))
    put("p41", "tcp syn", 0, ip6("2001:db8:2ff:9::2", "2001:db8:2ff:b::2", 6, bytes.fromhex(
        "04d2005000000001000000006002ffff00000000020405b4")))


def gre():
    for v in vectors("gre")["vectors"]:
        packet = bytes.fromhex(v["gre_hex"])
        put("gre", v["name"], 0, of(0xa, packet))
        put("gre", "keyed " + v["name"], 1, of(0xb, packet))
        put("gre", "stranger " + v["name"], 2, of(0xa, packet))
    four = ip4("240.127.128.21", "240.127.128.23", 17, bytes(20))
    put("gre", "to four", 0, bytes.fromhex("00000800") + four)


def ayiya():
    d = vectors("ayiya")
    for v in d["vectors"]:
        packet = bytes.fromhex(v["packet_hex"])
        put("ayiya", v["name"], 0, packet)
        put("ayiya", "signed " + v["name"], 0x31, packet)
    head = bytes.fromhex("41521129" "6553f100") + IPv6Address("2001:db8:2ff:1::2").packed + bytes(20)
    for name, src in {"another tunnel": "2001:db8:2ff:2::2", "the pop": "2001:db8:2ff:1::1",
                      "the internet": INET, "itself": "2001:db8:2ff:1::2"}.items():
        for dst in (INET, "2001:db8:2ff:9::2", "2001:db8:2ff:1::1"):
            put("ayiya", f"signed from {name} to {dst}", 0x31, head + ip6(src, dst, 17, bytes(12)))
    head = head[:3] + b"\x04" + head[4:]
    for src in ("240.127.128.3", "240.127.128.2", "240.64.1.9", "240.127.128.5", "10.0.0.1"):
        packet = bytearray(ip4(src, "240.127.128.21", 17, bytes(12)))
        packet[10:12] = checksum(packet[:20])
        put("ayiya", f"signed four from {src}", 0x31, head + packet)
    for k in ("beat_hex", "forward_hex"):
        packet = bytes.fromhex(d["sha256_extension"][k])
        put("ayiya", "sha256 " + k, 2, of(8, packet))
        put("ayiya", "sha256 signed " + k, 0x32, of(8, packet))


def beat():
    d = vectors("heartbeat")
    for v in d["vectors"]:
        put("beat", v["name"], 0, bytes.fromhex(v["message_hex"]))
    for name, text in {
            "signed": "HEARTBEAT TUNNEL 2001:db8:2ff:2::2 sender 1700000000 ",
            "signed address": "HEARTBEAT TUNNEL 2001:db8:2ff:2::2 203.0.113.66 1700000000 ",
            "signed early": "HEARTBEAT TUNNEL 2001:db8:2ff:2::2 sender 1699999879 "}.items():
        put("beat", name, 0x21, text.encode())


def icmp4():
    for v in vectors("icmp")["icmpv4_outer"]:
        put("icmp4", v["name"], 1, bytes.fromhex(v["icmp_hex"]))
    quotes = {
        "6in4": ("203.0.113.200", 41, ip6(INET, "2001:db8:2ff:9::2", 58, b"")),
        "8 octets": ("203.0.113.200", 41, ip6(INET, "2001:db8:2ff:9::2", 58, b"")[:8]),
        "gre": ("203.0.113.201", 47, bytes.fromhex("000086dd") + ip6(INET, "2001:db8:2ff:a::2", 58, bytes(8))),
        "gre key": ("203.0.113.202", 47, bytes.fromhex("200086dd00000007") + ip6(INET, "2001:db8:2ff:b::2", 58, b"")),
        "ayiya": ("198.51.100.7", 17, struct.pack("!HHHH", 5072, 40001, 100, 0)
                  + bytes.fromhex("415211296553f100") + IPv6Address("2001:db8:2ff:1::1").packed),
    }
    for name, (them, proto, body) in quotes.items():
        for typ, code, mtu in ((3, 4, 1300), (3, 1, 0), (11, 0, 0)):
            put("icmp4", f"outer {name} {typ} {code}", 1,
                struct.pack("!BBHHH", typ, code, 0, 0, mtu) + ip4("192.0.2.42", them, proto, body))
    echo = struct.pack("!BBHHH", 8, 0, 0, 7, 1) + b"abc"
    for dst in ("240.127.128.20", "240.127.128.2", "240.127.128.23", "192.0.2.1", "240.191.0.1"):
        put("icmp4", f"inner echo {dst}", 3, ip4("240.127.128.21", dst, 1, echo))
        put("icmp4", f"inner udp {dst}", 7, ip4("240.127.128.23", dst, 17, bytes(20), 1))


def icmp6():
    d = vectors("icmp")
    for v in d["vectors"] + d["suppressed"]:
        packet = bytes.fromhex(v["offending_hex"])[:1300]
        put("icmp6", v["name"], 2, of(9, packet))
        put("icmp6", "uplink " + v["name"], 4, of(9, packet))
    for name, packet in {"echo": d["echo_reply"]["request_hex"], "neighbor": d["neighbor"]["solicit_hex"],
                         "latency": d["latency"]["reply_hex"]}.items():
        put("icmp6", name, 3, of(9, bytes.fromhex(packet)))
    for typ, mtu in ((2, 1300), (1, 0), (3, 0)):
        six = ip6("2001:db8::42", "2001:db8:cafe::7", 41, ip6(INET, "2001:db8:2ff:42c::2", 58, b""))
        put("icmp6", f"outer {typ}", 1, struct.pack("!BBHI", typ, 0, 0, mtu) + six)
        put("icmp6", f"outer brief {typ}", 1, struct.pack("!BBHI", typ, 0, 0, mtu) + six[:48])
        udp = struct.pack("!HHHH", 5072, 5072, 100, 0) + bytes.fromhex("418411296553f100")
        six = ip6("2001:db8::42", "2001:db8:cafe::8", 17, udp + IPv6Address("2001:db8:2ff:8::1").packed)
        put("icmp6", f"outer ayiya {typ}", 1, struct.pack("!BBHI", typ, 0, 0, mtu) + six)


def frames():
    """What AF_XDP hands over: both kinds, and each cut at every header."""
    def ether(kind, body, tag=b""):
        return bytes.fromhex("020000000102020000000101") + tag + struct.pack("!H", kind) + body
    udp = struct.pack("!HHHH", 40001, 5072, 8 + 44, 0) + bytes(44)
    four = struct.pack("!BBHHHBBH", 0x45, 2, 20 + len(udp), 0, 0x4000, 64, 17, 0) + \
        IPv4Address("198.51.100.7").packed + IPv4Address("192.0.2.42").packed + udp
    six = ip6(INET, "2001:db8:2ff:9::2", 17, struct.pack("!HHHH", 1, 2, 12, 0) + b"four")
    tag = struct.pack("!HH", 0x8100, 5 << 13)
    for name, frame in (("ayiya", ether(0x800, four)), ("native", ether(0x86dd, six)),
                        ("tagged ayiya", ether(0x800, four, tag)),
                        ("tagged native", ether(0x86dd, six, tag)),
                        ("padded", ether(0x86dd, six) + bytes(9)), ("arp", ether(0x806, bytes(28)))):
        put("frame", name, 0, frame)
        for cut in (13, 17, 20, 33, 41):
            put("frame", f"{name} cut {cut}", 0, frame[:cut])


def super_packets():
    for four in (False, True):
        for options in (b"", b"\1\1\x08\x0attttaaaa"):
            for flags, size, octets in ((0x10, 1000, 3500), (0x98, 700, 700), (0x19, 100, 250)):
                tcp = struct.pack("!HHIIBBHHH", 1, 2, 0xfffffff0, 3, (5 + len(options) // 4) << 4,
                                  flags, 9, 0x1234, 0) + options + bytes(octets)
                packet = ip4("240.0.0.1", "240.0.0.2", 6, tcp) if four else \
                    ip6(INET, "2001:db8:2ff:9::2", 6, tcp)
                put("super", f"tcp {four} {len(options)} {size} {octets}", size >> 8,
                    struct.pack("!BBB", size & 255, 20 if four else 40, 0) + packet)
    udp = struct.pack("!HHHH", 1, 2, 8 + 900, 0x1234) + bytes(900)
    put("super", "udp", 1, struct.pack("!BBB", 0, 40, 1) + ip6(INET, "2001:db8:2ff:9::2", 17, udp))
    # from raw sockets; octet 3: raw, GRE, unfinished
    tcp = struct.pack("!HHIIBBHHH", 1, 2, 7, 3, 5 << 4, 0x18, 9, 0, 0)
    six = ip6(INET, "2001:db8:2ff:9::2", 6, tcp + bytes(3000))
    four = ip4("240.0.0.1", "240.0.0.2", 6, tcp + bytes(3000))
    words = struct.pack("!III", 0xabcd0000, 7, 1)
    put("super", "raw p41", 0, b"\0\0\x0a" + six)
    put("super", "raw p41 small", 0, b"\0\0\x0a" + ip6(INET, "2001:db8:2ff:9::2", 6, tcp + bytes(90)))
    put("super", "raw p41 udp", 0, b"\0\0\x0a" + ip6(INET, "2001:db8:2ff:9::2", 17, udp))
    put("super", "raw gre", 0, b"\0\0\x0e" + struct.pack("!HH", 0, 0x86dd) + six)
    put("super", "raw gre words", 0, b"\0\0\x0e" + struct.pack("!HH", 0xb000, 0x86dd) + words + six)
    put("super", "raw gre four", 0, b"\0\0\x0e" + struct.pack("!HH", 0x2000, 0x0800) + words[4:8] + four)


REASONS = re.findall(r"^VERDICT\((\w+),", open(os.path.join(
    os.path.dirname(DATA), "..", "src", "table", "verdict.def"), encoding="utf-8").read(), re.M)


def offending():
    """Packets of every kind, with the reason they may have died of."""
    six = ip6(INET, "2001:db8:2ff:9::2", 17, bytes(12))
    four = ip4("203.0.113.200", "192.0.2.42", 6, bytes(20))
    yield "6in4", "DROP_IP6_SOURCE", six
    yield "6in4 in 6in4", "DROP_IP6_SOURCE", ip6(INET, "2001:db8::42", 41, six)
    yield "4in4 options", "DROP_OUTER_SOURCE", b"\x46" + four[1:20] + bytes(4) + four[20:]
    yield "icmp error", "CONSUMED_OUTER_ICMP", struct.pack("!BBHI", 3, 4, 0, 1300) + four
    yield "icmp6 error", "CONSUMED_OUTER_PMTU", struct.pack("!BBHI", 2, 0, 0, 1300) + six
    yield "icmp6 inside", "DROP_HOP_LIMIT", ip6(INET, "2001:db8:2ff:9::2", 58, struct.pack("!BBHI", 1, 0, 0, 0) + six)
    yield "gre", "DROP_GRE_KEY", struct.pack("!HH", 0, 0x86dd) + six
    yield "gre words", "DROP_GRE_KEY", struct.pack("!HHIII", 0xb000, 0x86dd, 0xabcd0000, 7, 0x60000000) + six
    for v in vectors("ayiya")["vectors"][:3]:
        yield "ayiya " + v["name"], "DROP_AYIYA_DIGEST", bytes.fromhex(v["packet_hex"])
    for v in vectors("heartbeat")["vectors"][:3]:
        yield "beat " + v["name"], "DROP_BEAT_DIGEST", bytes.fromhex(v["message_hex"])


def packet():
    for name, reason, body in offending():
        for cut in (len(body), len(body) // 2, 3):
            put("packet", f"{name} {cut}", REASONS.index(reason), b"\0" + body[:cut])


def why():
    every = b""
    for n, (name, reason, body) in enumerate(offending()):
        one = struct.pack("!BBBB", REASONS.index(reason) - 1, n % 13, 0x30 | n & 7, min(len(body), 255)) + body[:255]
        put("why", name, one[0], one[1:])
        every += one
    put("why", "all of them", every[0], every[1:])
    for n, reason in enumerate(REASONS[1:]):
        put("why", reason, n, bytes((n % 13, 1 + n % 6, 40)) + ip6(INET, "2001:db8:2ff:9::2", 59, b""))


def pcapng():
    for n, (name, _, body) in enumerate(offending()):
        for how in (8, 16, 24, 25):     # inner, outer over IPv6, over IPv4, and not all of it
            put("pcapng", f"{name} {how}", n % 7, bytes((how, 1, 0, 0x13, 0xd0, 0x9c, 0x41, n, n * 7, 15 & n, 1, 2, 9, n, 3, n)) + body)


def trace():
    for name, line in {"yes": '200 {"message":"Debugging has been enabled"}', "no": '401 {"message":"no"}',
                       "trace": '200 {"trace":"[T1  uplink ] \\"x\\""}', "text": "200 OK", "cut": '200 {"trace":"',
                       "empty": '200 {"trace":}', "number": "20x {}"}.items():
        for on in (0, 1):
            put("trace", f"{name} {on}", on, line.encode())


def wish():
    paths = ["/", "/metrics", "/metrics/tunnels", "/app.js", "/api/v1/nothing", "/api/v1/tunnels/", "/api/v1/tunnels/T0"]
    paths += ["/api/v1/" + p for p in ("session", "pop", "pop/events", "tunnels", "openapi.json", "tunnels/T9")]
    paths += ["/api/v1/tunnels/T1068" + p for p in ("/history", "/events", "/trace", "/", "/history/")]
    texts = (paths, ["tunnel=T9", "a=b&tunnel=T10", "tunnel=T1&tunnel=T2", "tunnel", "tunnel=", "xtunnel=T1&tunnel=T9"],
             ["localhost", "LOCALHOST:8080", "127.0.0.1:80", "[::1]", "[::1]:443", "localhost.example.net", "[::1", "localhost:8080.example.net"],
             ["Bearer abc", "bearer  x", "Basic YTpi", "Bearer ", "Bearer " + "x" * 256, "Bearer " + "x" * 257],
             ["application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1",
              'application/openmetrics-text; version="1.0.0"', "text/plain", "*/*;q=1.000", "text/*;q=.5;x=y", ",,;;q=2"])
    for kind, each in enumerate(texts):
        for text in each:
            put("wish", f"{kind} {text}", kind, text.encode())


for make in (p41, gre, ayiya, beat, icmp4, icmp6, frames, super_packets, packet, why, pcapng, trace, wish):
    make()
