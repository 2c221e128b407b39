"""
What the historic daemon died of, hung on, or leaked. Each a test; afterwards it must
still forward, answer, and sit still.
"""
import os
import socket
import time

import pytest

from lib import packets
from lib.client import ayiya, heartbeat
from lib.config import PASSWORD, config, dynamic, static
from lib.daemon import SANITIZED
from lib.topology import HOST6, POP4

CONFIG = config(static("1", "198.51.100.1"), dynamic("2", "ayiya"), dynamic("3", "heartbeat"))


@pytest.fixture(scope="module")
def running(module_pop):
    p = module_pop(CONFIG)
    p.one, p.two = p.p41("1", "198.51.100.1"), p.ayiya("2", "198.51.100.2")
    return p


@pytest.fixture
def pop(running):
    running.clear()
    yield running
    assert running.daemon.alive(), running.daemon.output()
    running.one.ping(running.one.pop_inner)
    assert running.cli("pop get id").text == "1"


@pytest.mark.parametrize("size", [1472, 1473, 2048, 3000, 9000, 65000])
def test_an_oversized_ayiya_datagram(pop, size):
    """3000 octets were too many; signed or not."""
    good = ayiya(pop.two.inner, PASSWORD, packets.ip6(pop.two.inner, HOST6, 59,
                                                      b"x" * (size - 84)))
    for data in (b"\x41" * size, good, good[:44] + b"\0" * (size - 44)):
        datagram = packets.udp_segment("198.51.100.2", POP4, 40001, 5072, data)
        parts = [datagram[i:i + 1400] for i in range(0, len(datagram), 1400)]
        ident = int.from_bytes(os.urandom(2), "big")
        for n, part in enumerate(parts):
            pop.wan.send(packets.ip4("198.51.100.2", POP4, 17, part, df=False, ident=ident,
                                     more=n + 1 < len(parts), offset=n * 1400))
    pop.settle()


def test_an_empty_datagram_to_3740_and_5072(pop):
    for port in (3740, 5072):
        for them in ("198.51.100.9", "2001:db8:cafe::9"):
            us = POP4 if "." in them else "2001:db8::42"
            for _ in range(10):
                pop.wan.send(packets.udp(them, us, 1, port, b""))
    pop.silent()


def test_heartbeats_of_every_small_size(pop):
    for data in (b"\n", b"\r\n", b"\r" * 255, b"\n" * 255, b" " * 255, b"HEARTBEAT TUNNEL ",
                 b"HEARTBEAT TUNNEL \n", b"HEARTBEAT TUNNEL " + b":" * 200,
                 b"HEARTBEAT TUNNEL " + b"2001:db8:2ff:3::2 " * 13, b"\xff" * 255):
        pop.wan.send(packets.udp("198.51.100.9", POP4, 1, 3740, data))
    pop.silent()


def test_one_octet_to_udp_42003(pop, topology):
    with topology.pop.inside():
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(b"x", ("127.0.0.1", 42003))
    s.close()
    pop.wan.send(packets.udp("198.51.100.9", POP4, 1, 42003, b"x"))
    pop.settle()


def test_tunnel_id_2000(pop):
    before = pop.daemon.list()
    for tid in ("2000", "0x2000", "7fff", "ffff", "10000", "-1", "ffffffffffffffff1"):
        assert pop.daemon.ask(f"tunnel set config {tid} T77 198.51.100.77 up 1480").code == 400
    assert pop.daemon.list().keys() == before.keys()
    pop.wan.send(packets.ip4("198.51.100.77", POP4, 41,
                             packets.echo6("2001:db8:2ff:2000::2", HOST6)))
    for identity in ("2001:db8:2ff:2000::2", "2001:db8:2ff:7fff::2", "2001:db8:2ff:1fff::2"):
        pop.wan.send(packets.udp("198.51.100.7", POP4, 1, 5072, ayiya(identity, PASSWORD)))
        pop.wan.send(packets.udp("198.51.100.7", POP4, 1, 3740, heartbeat(identity, PASSWORD)))
    pop.silent()


def test_a_full_access_list_with_one_removed(pop):
    pop.cli("pop cliacl reset")
    try:
        for n in range(64):
            assert pop.daemon.ask(f"pop cliacl add 10.0.0.{n}").code == 200
        assert pop.daemon.ask("pop cliacl add 10.0.1.1").code == 400
        for n in (0, 63, 31):
            pop.cli(f"pop cliacl remove 10.0.0.{n}")
        left = pop.cli("pop cliacl list").lines
        assert sorted(left) == sorted(f"10.0.0.{n}" for n in range(64) if n not in (0, 63, 31))
        for n in range(3):
            pop.cli(f"pop cliacl add 10.0.2.{n}")
        assert pop.daemon.ask("pop cliacl add 10.0.1.1").code == 400
        with pop.daemon.tcp(banner=False) as s:
            assert not s.rest().startswith(b"200")
    finally:
        pop.cli("pop cliacl reset")
        pop.cli("pop cliacl add 127.0.0.1")
        pop.cli("pop cliacl add ::1")


def test_stale_octets_behind_a_truncated_packet(pop):
    """After a full packet, a short one of the same tunnel: the rest is not made up."""
    whole = packets.filler(pop.one.inner, HOST6, 1000)
    pop.one.send(whole)
    pop.at_host()
    for cut in (0, 1, 20, 39, 40, 41, 500, 999):
        pop.one.send(whole[:cut])
    pop.silent()


def test_icmp_errors_are_not_answered(pop):
    for _ in range(50):
        pop.one.send(packets.icmp6(pop.one.inner, "2001:db8:2ff:1fff::2", 1, 0, bytes(60)))
    pop.silent()


def test_icmp_errors_are_limited(pop):
    began = time.monotonic()
    for n in range(1000):
        pop.one.send(packets.filler(pop.one.inner, "2001:db8:2ff:1fff::2", 60, mark=n))
    pop.settle()
    answers = len(pop.one.everything())
    assert 1 <= answers <= 20 + 10 * (time.monotonic() - began + 1)


def test_idle_costs_nothing(pop):
    pop.settle()
    before, began = pop.daemon.cpu_s(), time.monotonic()
    time.sleep(2)
    used = pop.daemon.cpu_s() - before
    assert used <= (0.05 if not SANITIZED else 0.5) * (time.monotonic() - began), \
        f"{used} s of CPU in two idle seconds"


def test_a_failed_command_leaves_nothing_and_saveconfig_keeps_nothing(pop):
    before = pop.show("T1")
    assert pop.daemon.ask("tunnel set config 1 T4711 198.51.100.111 up 1500").code == 400
    assert pop.daemon.ask("tunnel set config 1 T4711 198.51.100.111 up 12x0").code == 400
    assert pop.daemon.ask("tunnel show T4711").code == 404
    for label in ("Tunnel ID", "Outer Them", "MTU"):
        assert pop.show("T1")[label] == before[label]
    pop.cli("pop saveconfig")
    with open(pop.daemon.conf, encoding="utf-8") as f:
        assert "4711" not in f.read()


def test_ayiya_over_ipv6_goes_both_ways(pop):
    """The original wrote a wrong length and it never worked outbound."""
    c = pop.ayiya("2", "2001:db8:cafe::2", port=40111)
    c.beat(epoch=int(time.time()) + 30)
    pop.settle()
    pop.from_uplink(packets.filler(HOST6, c.inner, 555))
    outer, inner = c.receive()
    assert outer.version == 6 and outer.checksum_ok() and len(inner.raw) == 555


def test_no_memory_is_taken_by_work(pop):
    for n in range(200):
        pop.one.send(packets.filler(pop.one.inner, HOST6, 100, mark=n))
    pop.settle()
    pop.clear()
    before = pop.daemon.rss_kib()
    for n in range(5000):
        pop.one.send(packets.filler(pop.one.inner, HOST6, 100, mark=n))
        if n % 1000 == 0:
            pop.cli("tunnel list")
            pop.settle()
    pop.clear()
    assert pop.daemon.rss_kib() - before <= (512 if not SANITIZED else 65536)
