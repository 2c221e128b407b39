#!/usr/bin/python3
"""A small tunnel client: one TUN device, one tunnel to a PoP. For demonstrations and tests
on kernels without sit and GRE; it is no product and does no more than its protocol needs.

    tunnel-client.py TYPE --tun NAME --pop ADDRESS --inner ADDRESS [--password-file FILE]

TYPE is direct, gre, heartbeat or ayiya. Runs until it is ended; needs CAP_NET_ADMIN and
CAP_NET_RAW. The device comes up with the inner address; routes are the caller's. Without a
route to the PoP that is not the tunnel itself it ends, with a sentence and status 1.
"""
import argparse
import errno
import fcntl
import hashlib
import ipaddress
import os
import select
import socket
import struct
import subprocess
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
BEAT_S = 30
# a send that fails so has no route, or no address of its own any more
NO_WAY = (errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EINVAL)


class Lost(Exception):
    """There is no going on; the sentence says why."""


def is_between(packet, source, destination):
    """An IP packet of these two; its fragments as well."""
    v4 = packet[0] >> 4 == 4
    return (source.version == 4) == v4 and (packet[12:20] if v4 else packet[8:40]) == \
        source.packed + destination.packed


def tun_open(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return fd


class Plain:
    """Protocol 41, or GRE with its four octets."""

    def __init__(self, pop, shim, protocol):
        self.shim = shim
        self.v4 = pop.version == 4
        family = socket.AF_INET if self.v4 else socket.AF_INET6
        self.sock = socket.socket(family, socket.SOCK_RAW, protocol)
        self.sock.connect((str(pop), 0))

    def send(self, inner):
        self.sock.send(self.shim + inner)

    def recv(self):
        data = self.sock.recv(65535)
        if self.v4:
            data = data[(data[0] & 15) * 4:]
        return data[len(self.shim):] if data.startswith(self.shim) else b""

    def beat(self):
        pass


class Heartbeat(Plain):
    """Protocol 41 whose address the PoP learns from a signed line on UDP 3740."""

    def __init__(self, pop, inner, password, off=0):
        super().__init__(pop, b"", 41)
        self.pop, self.inner, self.password, self.off = pop, inner, password, off

    def beat(self):
        text = f"HEARTBEAT TUNNEL {self.inner} sender {int(time.time()) + self.off} ".encode()
        digest = hashlib.md5(text + self.password).hexdigest().encode()
        family = socket.AF_INET if self.v4 else socket.AF_INET6
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            s.sendto(text + digest, (str(self.pop), 3740))


class Ayiya:
    """Signed UDP to port 5072."""

    def __init__(self, pop, inner, password, off=0):
        self.off = off
        family = socket.AF_INET if pop.version == 4 else socket.AF_INET6
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.sock.connect((str(pop), 5072))
        self.identity = inner.packed
        self.secret = hashlib.sha1(password).digest()

    def sign(self, op, following, inner):
        head = struct.pack("!BBBBI", 0x41, 0x52, 0x10 | op, following,
                           int(time.time()) + self.off)
        head += self.identity
        return head + hashlib.sha1(head + self.secret + inner).digest() + inner

    def send(self, inner):
        self.sock.send(self.sign(1, 41, inner))

    def recv(self):
        data = self.sock.recv(65535)
        if len(data) < 44:
            return b""
        image = data[:24] + self.secret + data[44:]
        return data[44:] if hashlib.sha1(image).digest() == data[24:44] else b""

    def beat(self):
        self.sock.send(self.sign(0, 59, b""))


def tunnel_of(a):
    password = open(a.password_file, "rb").read().strip() if a.password_file else b""
    if a.type == "direct":
        return Plain(a.pop, b"", 41)
    if a.type == "gre":
        return Plain(a.pop, bytes.fromhex("000086dd"), 47)
    if a.type == "heartbeat":
        return Heartbeat(a.pop, a.inner, password, a.clock_off)
    return Ayiya(a.pop, a.inner, password, a.clock_off)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("type", choices=("direct", "gre", "heartbeat", "ayiya"))
    ap.add_argument("--tun", required=True)
    ap.add_argument("--pop", required=True, type=ipaddress.ip_address)
    ap.add_argument("--inner", required=True, type=ipaddress.IPv6Address)
    ap.add_argument("--password-file")
    ap.add_argument("--mtu", type=int, default=1280)
    ap.add_argument("--clock-off", type=int, default=0, metavar="S",
                    help="sign as if the clock were S seconds fast")
    a = ap.parse_args()
    try:
        tunnel = tunnel_of(a)
    except OSError as e:
        no_way(a.pop, e)
        raise
    ours = ipaddress.ip_address(tunnel.sock.getsockname()[0])
    tun = tun_open(a.tun)
    subprocess.run(["ip", "link", "set", a.tun, "mtu", str(a.mtu), "up"], check=True)
    subprocess.run(["ip", "-6", "address", "add", f"{a.inner}/64", "dev", a.tun, "nodad"],
                   check=True)
    print("up", flush=True)

    next_beat = 0.0
    while True:
        now = time.monotonic()
        if now >= next_beat:
            next_beat = now + BEAT_S
            try:
                tunnel.beat()
            except OSError as e:
                no_way(a.pop, e)
                next_beat = now + 1
        ready, _, _ = select.select([tun, tunnel.sock], [], [], max(0.0, next_beat - now))
        if tun in ready:
            to_pop(tun, tunnel, ours, a)
        if tunnel.sock in ready:
            from_pop(tun, tunnel)


def no_way(pop, error):
    if error.errno in NO_WAY:
        raise Lost(f"there is no way to {pop}: {error.strerror}")


def complain(error):
    print(f"tunnel-client: {error}", file=sys.stderr)


def to_pop(tun, tunnel, ours, a):
    try:
        packet = os.read(tun, 65535)
    except BlockingIOError:
        return
    except OSError as e:
        raise Lost(f"{a.tun} is gone: {e.strerror}") from e
    if is_between(packet, ours, a.pop):
        # sent once more it would come back again, longer each time
        raise Lost(f"the route to {a.pop} leads into the tunnel itself: it needs one of its own")
    try:
        if packet[0] >> 4 == 6:
            tunnel.send(packet)
    except OSError as e:
        no_way(a.pop, e)
        complain(e)


def from_pop(tun, tunnel):
    try:
        packet = tunnel.recv()
        if packet and packet[0] >> 4 == 6:
            os.write(tun, packet)
    except OSError as e:
        complain(e)


if __name__ == "__main__":
    try:
        main()
    except Lost as e:
        sys.exit(f"tunnel-client: {e}")
    except KeyboardInterrupt:
        pass
