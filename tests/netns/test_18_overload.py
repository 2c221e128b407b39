"""More than the daemon can read: lost packets are counted, and nobody is answered."""
import time

import pytest

from lib import packets
from lib.config import config, static
from lib.topology import POP4, POP6

CLIENT4 = "198.51.100.7"
STRANGER = {4: "198.51.100.99", 6: "2001:db8:cafe::99"}
FLOOD = 12000        # 8 MiB of buffer hold some 7000 packets of this size
SIZE = 1200
QUEUE, SHARE = "DROP_QUEUE_SOCKET", "DROP_QUEUE_SHARE"     # full, or one sender's part of it


@pytest.fixture(scope="module")
def running(module_pop):
    return module_pop(config(static("1", CLIENT4)))


def drops(pop):
    """`pop show drops` as name: count"""
    return {line.split()[0]: int(line.split()[1]) for line in pop.cli("pop show drops").lines
            if line.startswith("DROP_")}


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("proto", [packets.IPV6, packets.GRE, packets.IPV4_IN_IP])
def test_D4_a_full_queue_is_silent_and_counted(running, family, proto):
    """A kernel takes a full raw socket for none, and would say "protocol unreachable"."""
    before = drops(running)
    payload = b"\x60" + bytes(SIZE - 1) if proto == packets.IPV6 else bytes(SIZE)
    flood = packets.ip(STRANGER[family], POP4 if family == 4 else POP6, proto, payload)
    with running.daemon.stopped():
        running.wan.send(*[flood] * FLOOD)
    if proto != packets.IPV4_IN_IP:     # those are never queued
        end = time.monotonic() + 20
        while True:
            now = drops(running)
            rose = {name: now.get(name, 0) - before.get(name, 0) for name in now}
            if sum(rose.values()) >= FLOOD:
                break
            assert time.monotonic() < end, rose
            time.sleep(0.1)
        assert rose.get(QUEUE, 0) + rose.get(SHARE, 0) > 0 and sum(rose.values()) < FLOOD + 10
    assert not [p for p in running.wan.seen() if p.dst == STRANGER[family]]


def test_then_it_forwards_as_before(running):
    client = running.p41("1", CLIENT4)
    client.ping(client.pop_inner)
