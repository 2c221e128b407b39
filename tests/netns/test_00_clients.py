"""
The test clients themselves, against the vectors: before they may judge the daemon.
No daemon and no root is needed here.
"""
import hashlib
import re
import socket
import struct
import threading

import pytest

from lib import packets
from lib.client import Ayiya, Gre, Protocol41, ayiya, ayiya_open, heartbeat
from lib.config import PASSWORD, config, dynamic, static
from lib.daemon import CliError, Session
from lib.vectors import load, octets

AYIYA, BEAT, GRE, ENCAP, ICMP = (load(n) for n in ("ayiya", "heartbeat", "gre", "encap", "icmp"))
FORWARDING, ADDRESSING, PCAPNG = (load(n) for n in ("forwarding", "addressing", "pcapng"))


def named(entries, name):
    return next(e for e in entries if e["name"] == name)


# ---- AYIYA ----

def ayiya_cases():
    """Vectors that a client can build from their own header fields."""
    for v in AYIYA["vectors"]:
        raw = octets(v, "packet_hex")
        if len(raw) >= 44:
            yield pytest.param(v, raw, id=v["name"])


@pytest.mark.parametrize("v, raw", ayiya_cases())
def test_ayiya_packets_are_built_as_published(v, raw):
    wrong = {"bad-signature", "modified-payload", "wrong-password", "zero-secret"}
    first, second, op, nh, epoch = struct.unpack("!BBBBI", raw[:8])
    built = ayiya(packets.text(raw[8:24]), AYIYA["password"], raw[44:], epoch, op & 15, nh,
                  first=first, second=second, auth=op >> 4)
    assert (built == raw) == (v["name"] not in wrong)
    assert (ayiya_open(raw, AYIYA["password"]) is not None) == (v["name"] not in wrong)


def test_the_forged_ayiya_vectors_are_what_they_claim_to_be():
    zero = octets(named(AYIYA["vectors"], "zero-secret"), "packet_hex")
    assert ayiya("2001:db8:2ff:1::2", "", epoch=1700000000, secret=bytes(20)) == zero
    wrong = octets(named(AYIYA["vectors"], "wrong-password"), "packet_hex")
    assert wrong != ayiya("2001:db8:2ff:1::2", PASSWORD, epoch=1700000000)


def test_ayiya_opens_what_the_pop_must_emit():
    v = named(AYIYA["vectors"], "forward-ipv6-from-pop")
    opcode, nh, epoch, identity, inner = ayiya_open(octets(v, "packet_hex"), AYIYA["password"])
    assert (opcode, nh, epoch) == (1, 41, 1700000000)
    assert identity == "2001:db8:2ff:1::1"
    assert inner == octets(v, "inner_hex")


def test_ayiya_sha256():
    ext = AYIYA["sha256_extension"]
    beat = ayiya("2001:db8:2ff:1::2", AYIYA["password"], epoch=1700000000, sha256=True)
    assert beat == octets(ext, "beat_hex")
    forward = octets(ext, "forward_hex")
    assert ayiya("2001:db8:2ff:1::2", AYIYA["password"], forward[56:], 1700000000,
                 sha256=True) == forward
    assert ayiya_open(forward, AYIYA["password"], sha256=True)[4] == forward[56:]


def test_ayiya_frames(monkeypatch):
    frames = {f["name"].split(",")[0] + ("0" if "checksum 0" in f["name"] else ""):
              octets(f, "frame_hex") for f in AYIYA["frames"]}
    monkeypatch.setattr("lib.client.time.time", lambda: 1700000000)
    client = Ayiya(None, "2001:db8:2ff:1::2", "198.51.100.7", password=AYIYA["password"])
    seen = packets.parse(frames["beat over UDP/IPv4 as a NATed client is seen by the PoP"])
    assert client.wrap(b"")[28:] == seen.raw[28:]
    assert seen.udp_ports() == (40001, 5072)
    for name, raw in frames.items():
        outer = packets.parse(raw)
        assert outer.checksum_ok(), name
        assert outer.raw == raw, name
        if name.startswith("PoP to client"):
            there = Ayiya(None, "2001:db8:2ff:1::2", outer.dst, password=AYIYA["password"])
            assert there.unwrap(outer) == octets(AYIYA["vectors"][2], "inner_hex"), name


def test_ayiya_client_refuses_what_aiccu_refuses(monkeypatch):
    monkeypatch.setattr("lib.client.time.time", lambda: 1700000000)
    client = Ayiya(None, "2001:db8:2ff:1::2", "198.51.100.7", password=PASSWORD)
    inner = packets.echo6("2001:db8:ffff::1", "2001:db8:2ff:1::2")

    def from_pop(identity="2001:db8:2ff:1::1", sport=5072, dport=40001, **how):
        return packets.parse(packets.udp("192.0.2.42", "198.51.100.7", sport, dport,
                                         ayiya(identity, PASSWORD, inner, **how)))
    assert client.unwrap(from_pop()) == inner
    assert client.unwrap(from_pop(identity="2001:db8:2ff:1::2")) is None
    assert client.unwrap(from_pop(opcode=0)) is None
    assert client.unwrap(from_pop(epoch=1700000121)) is None
    assert client.unwrap(from_pop(sport=5073)) is None
    assert client.unwrap(from_pop(dport=40002)) is None


# ---- heartbeat ----

@pytest.mark.parametrize("v", [pytest.param(v, id=v["name"]) for v in BEAT["vectors"]
                               if v["expect"] == "accept" and "crlf" not in v["name"]])
def test_heartbeats_are_built_as_published(v):
    _, _, inner, sender, now, _ = v["message"].split(" ")
    assert heartbeat(inner, BEAT["password"], sender, int(now)) == octets(v, "message_hex")


def test_heartbeat_published_example():
    example = BEAT["published_example"]
    assert heartbeat("2001:db8::2", example["password"], "10.100.13.42", 1063665852) == \
        example["message"].encode()
    ext = BEAT["sha256_extension"]
    assert hashlib.sha256((ext["stem"] + BEAT["password"]).encode()).hexdigest() == ext["sha256"]


# ---- protocol 41 and GRE ----

def test_protocol_41_frames():
    frames = {f["name"]: octets(f, "frame_hex") for f in ENCAP["frames"]}
    inner = frames["6in4 client->pop"][20:]
    client = Protocol41(None, "2001:db8:2ff:1::2", "198.51.100.7")
    assert client.wrap(inner) == frames["6in4 client->pop"]
    assert client.wrap(inner, them="203.0.113.66") == \
        frames["6in4 spoofed outer source (must be dropped silently)"]
    down = packets.parse(frames["6in4 pop->client, DF set, TTL 64"])
    assert down.df and down.ttl == 64 and down.checksum_ok()
    assert client.unwrap(down) == down.raw[20:]
    six = packets.parse(frames["6in6 pop->client"])
    assert Protocol41(None, "2001:db8:2ff:1::2", "2001:db8:cafe::7").unwrap(six) == six.raw[40:]
    assert packets.ip6("2001:db8::42", "2001:db8:cafe::7", 41, six.raw[40:]) == six.raw


@pytest.mark.parametrize("name, how", [
    ("plain ipv6", {}), ("plain ipv4", {}), ("checksum", {"checksummed": True}),
    ("key", {"key": 0x01020304}), ("sequence", {"seq": 7}),
    ("checksum+key+sequence", {"checksummed": True, "key": 0x01020304, "seq": 7}),
    ("unknown protocol", {"proto": 0x6558}), ("version 1", {"flags": 1, "proto": 0x880B}),
])
def test_gre_headers_are_built_as_published(name, how):
    v = named(GRE["vectors"], name)
    raw = octets(v, "gre_hex")
    inner = raw[v["header_length"] or 4:]
    assert packets.gre(inner, **how) == raw


def test_gre_frames():
    for frame in GRE["frames"]:
        outer = packets.parse(octets(frame, "frame_hex"))
        client = Gre(None, "2001:db8:2ff:1::2", outer.dst)
        assert client.unwrap(outer) == outer.payload[4:]
        assert packets.ip(outer.src, outer.dst, packets.GRE, packets.gre(outer.payload[4:])) == \
            outer.raw


# ---- ICMP, checksums, addresses ----

@pytest.mark.parametrize("v", [pytest.param(v, id=v["name"]) for v in ICMP["vectors"]])
def test_icmpv6_errors_are_built_as_published(v):
    offending, result = octets(v, "offending_hex"), octets(v, "result_hex")
    to = packets.parse(offending).src
    built = packets.icmp6(v["source"], to, v["type"], v["code"],
                          struct.pack("!I", v["param"]) + offending[:1280 - 48])
    assert built == result and len(built) == v["result_len"]
    assert packets.parse(result).checksum_ok()


def test_echo_and_neighbour_messages():
    echo = ICMP["echo_reply"]
    request, reply = packets.parse(octets(echo, "request_hex")), octets(echo, "reply_hex")
    _, _, param, data = request.icmp()
    assert packets.echo6(request.dst, request.src, param >> 16, param & 0xFFFF, data,
                         reply=True) == reply
    for name in ("solicit_hex", "advert_hex"):
        p = packets.parse(octets(ICMP["neighbor"], name))
        assert p.checksum_ok() and p.ttl == 255
        kind, code, param, body = p.icmp()
        assert packets.icmp6(p.src, p.dst, kind, code, struct.pack("!I", param) + body, 255) == p.raw


def test_outer_icmp_messages_have_good_checksums():
    for v in ICMP["icmpv4_outer"]:
        raw = octets(v, "icmp_hex")
        assert packets.checksum(raw) == 0
        assert packets.icmp4_message(raw[0], raw[1], raw[4:]) == raw


def test_fillers_have_exactly_the_length_asked_for():
    for length in (52, 76, 100, 1280, 1500):
        p = packets.filler("2001:db8:ffff::1", "2001:db8:2ff:1::2", length)
        assert len(p) == length and packets.parse(p).checksum_ok()


def test_ipv4_and_fragments():
    p = packets.parse(packets.ip4("10.0.0.1", "10.0.0.2", 41, b"12345678", df=False, more=True,
                                  offset=1480, ident=7) + b"trailer")
    assert p.checksum_ok() and p.fragment and (p.offset, p.ident, p.payload) == \
        (1480, 7, b"12345678")
    syn = packets.parse(packets.tcp_syn("2001:db8::1", "2001:db8::2", 1, 2, 1440))
    assert syn.checksum_ok()


def test_scapy_agrees():
    scapy = pytest.importorskip("scapy.layers.inet6")
    inet = pytest.importorskip("scapy.layers.inet")
    raw = packets.echo6("2001:db8:2ff:1::2", "2001:db8:ffff::1")
    theirs = scapy.IPv6(src="2001:db8:2ff:1::2", dst="2001:db8:ffff::1") / \
        scapy.ICMPv6EchoRequest(id=0x1234, seq=1, data=b"inner-ipv6-echo!")
    assert bytes(theirs) == raw
    outer = inet.IP(src="198.51.100.7", dst="192.0.2.42", proto=41, id=0, flags="DF") / theirs
    assert bytes(outer) == Protocol41(None, "2001:db8:2ff:1::2", "198.51.100.7").wrap(raw)


def test_the_vectors_that_the_suite_walks_are_whole():
    assert len(FORWARDING["cases"]) >= 38
    assert len(ADDRESSING["tunnels"]) == 7 and len(ADDRESSING["classify6"]) == 22
    assert PCAPNG["file_hex"] == PCAPNG["shb_hex"] + PCAPNG["idb_hex"] + PCAPNG["epb_hex"]


# ---- the command line client, against a fake ----

def converse(*said):
    """A Session whose other end says these octets, one send each."""
    ours, theirs = socket.socketpair()

    def talk():
        for data in said:
            theirs.sendall(data)
        theirs.close()
    threading.Thread(target=talk).start()
    return Session(ours)


@pytest.mark.parametrize("said, code, lines", [
    ([b"200 ok\n"], 200, ["ok"]),
    ([b"2", b"01 2\nan", b"e\n201 two\n20", b"0 OK\n"], 200, ["ane", "201 two"]),
    ([b"401 2\nx\ny\n404 OK\n"], 404, ["x", "y"]),
    ([b"200 OK\n"], 200, ["OK"]),
    ([b"666 Tschau\n"], 666, ["Tschau"]),
])
def test_session_reads_the_framing(said, code, lines):
    with converse(b"200 pop sixxsd 5\n", *said) as s:
        answer = s.answer()
    assert (answer.code, answer.lines) == (code, lines)


@pytest.mark.parametrize("said", [
    [b"hello\n"], [b"201 1\nx\n200 OK\n"], [b"201 2\nx\ny\n200 done\n"],
    [b"201 2\nx\n"], [b"201 2\nx\ny\n400 OK\n"], [b"200 ok\r\n"], [b"200 ok"],
])
def test_session_refuses_bad_framing(said):
    with converse(b"200 pop sixxsd 5\n", *said) as s, pytest.raises(CliError):
        s.answer()


def test_configurations_balance_their_menus():
    text = config(static("1", "198.51.100.7"), dynamic("2", "ayiya"),
                  subnets=[("2001:db8:3001::/48", "1")])
    depth = 0
    for line in text.splitlines():
        word = line.strip().split(" ")
        menu = len(word) == 1 and word[0] in ("pop", "set", "tunnel", "subnet")
        depth += 1 if menu else -1 if word == ["end"] else 0
        assert depth >= 0
    assert depth == 0
    assert re.search(r"^\t\tconfig 2 T2 ayiya up 1428 [0-9a-f]{32}$", text, re.M)
