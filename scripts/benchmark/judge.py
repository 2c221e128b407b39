"""Is a sampled frame what the PoP should have made of what it got?"""
import hashlib
import struct

from .frames import CLIENT4, IPV4, IPV6, MAC, PASSWORD, POP4, PREFIX, checksum, packed


class Wrong(Exception):
    """The run is worth nothing: something is not as it must be."""


def mac(frame, to, source, kind):
    if frame[:14].hex() != MAC[to] + MAC[source] + f"{kind:04x}":
        raise Wrong(f"Ethernet header {frame[:14].hex()}")


def inner(p, lengths):
    if len(p) not in lengths or len(p) != 40 + int.from_bytes(p[4:6], "big"):
        raise Wrong(f"inner length {len(p)}, not of {sorted(lengths)}")
    if p[0] >> 4 != 6 or p[6] != 17:
        raise Wrong(f"inner version {p[0] >> 4}, next header {p[6]}")
    if p[7] != 63:
        raise Wrong(f"hop limit {p[7]} instead of 63")
    if checksum(p[8:40] + struct.pack("!II", len(p) - 40, 17) + p[40:]):
        raise Wrong("the UDP checksum inside does not hold")


def decapsulated(frame, lengths):
    mac(frame, "n0", "p1", IPV6)
    inner(frame[14:], lengths)
    if not frame[22:38].startswith(packed(PREFIX + "::")[:6]):
        raise Wrong("the source is no tunnel's")


def encapsulated(frame, lengths, kinds):
    """kinds: which of "p41", "gre", "ayiya" it may be"""
    mac(frame, "c0", "p0", IPV4)
    p = frame[14:]
    if p[0] != 0x45 or checksum(p[:20]) or len(p) != int.from_bytes(p[2:4], "big"):
        raise Wrong("the outer IPv4 header")
    if p[12:16] != packed(POP4) or p[16:20] != packed(CLIENT4):
        raise Wrong("outer addresses")
    kind = {41: "p41", 47: "gre", 17: "ayiya"}.get(p[9])
    if kind not in kinds:
        raise Wrong(f"outer protocol {p[9]}")
    body = p[20:]
    if kind == "gre":
        if body[:4].hex() != "000086dd":
            raise Wrong("the GRE header")
        body = body[4:]
    elif kind == "ayiya":
        udp = p[12:20] + struct.pack("!HH", 17, len(body)) + body
        if body[6:8] != b"\0\0" and checksum(udp):
            raise Wrong("the outer UDP checksum")
        body = body[8:]
        image = body[:24] + hashlib.sha1(PASSWORD).digest() + body[44:]
        if hashlib.sha1(image).digest() != body[24:44]:
            raise Wrong("the AYIYA signature")
        body = body[44:]
    inner(body, lengths)
