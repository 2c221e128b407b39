"""Several workers: the kernel brings a packet to its tunnel's worker, and a wrong one hands it on."""
import pytest

from lib import packets
from lib.config import config, dynamic, static
from lib.share import Share, steers, there_and_back, workers

T1, T2, T3 = "198.51.100.7", "198.51.100.8", "2001:db8:cafe::7"
WORKERS = 2
CONFIG = config(static("1", T1), static("2", T2), static("3", T3), dynamic("4", "ayiya"),
                dynamic("5", "ayiya"), static("6", "198.51.100.9"), "encap T6 gre",
                static("7", "198.51.100.10"), "encap T7 gre",
                subnets=[("2001:db8:3001::/48", "1"), ("2001:db8:3002::/48", "2")],
                pop=[f"set workers {WORKERS}"])


@pytest.fixture(scope="module")
def running(module_pop):
    return module_pop(CONFIG)


def clients(pop):
    return [pop.p41("1", T1), pop.p41("2", T2), pop.p41("3", T3), pop.ayiya("4", "198.51.100.11"),
            pop.ayiya("5", "2001:db8:cafe::11"), pop.gre("6", "198.51.100.9"),
            pop.gre("7", "198.51.100.10")]


def test_there_is_a_thread_for_each_worker_and_they_are_shown(running):
    shown = running.cli("pop show threads").lines
    for n in range(WORKERS):
        assert [line for line in shown if f" : sixxsd-worker{n} [" in line], shown
        assert [line for line in shown if line.startswith(f"worker {n}: ")], shown
    assert len(workers(running)) == WORKERS
    info = running.daemon.json("pop show info")
    assert info["workers"] == WORKERS


def test_every_transport_comes_in_at_its_worker(running):
    for tid, client in enumerate(clients(running), 1):
        if hasattr(client, "beat"):
            client.beat()
        with Share(running) as share:
            there_and_back(running, client)
        other = share.packets[1 - tid % WORKERS]
        assert share.packets[tid % WORKERS] >= 3, (client, share.packets)
        if steers(running):
            assert share.handed == 0 and other == 0, (client, share.packets, share.handed)


def test_a_subnet_comes_in_at_its_tunnels_worker_and_follows_it(running):
    t1, t2 = running.p41("1", T1), running.p41("2", T2)
    with Share(running) as share:
        there_and_back(running, t2, "2001:db8:3002::5")
    assert share.packets[0] >= 2
    assert share.handed == 0 or not steers(running)
    running.cli("subnet set config 2001:db8:3002::/48 1 static")
    try:
        with Share(running) as share:
            there_and_back(running, t1, "2001:db8:3002::5")
        assert share.packets[1] >= 2
        assert share.handed == 0 or not steers(running)
    finally:
        running.cli("subnet set config 2001:db8:3002::/48 2 static")


def test_from_tunnel_to_tunnel_it_changes_hands_once(running):
    t1, t2 = running.p41("1", T1), running.p41("2", T2)
    before = running.daemon.stats()
    with Share(running) as share:
        t1.send(packets.filler(t1.inner, t2.inner, 600, hlim=9))
        _, inner = t2.receive(lambda p: p.src == t1.inner)
    assert inner.ttl == 8 and len(inner.octets) == 600
    assert share.handed == 1 or not steers(running)
    after = running.daemon.stats()
    assert after != before


def test_the_largest_packet_changes_hands_too(running):
    """Cut to size by its destination's MTU: the error comes back the way it came."""
    t1, t2 = running.p41("1", T1), running.p41("2", T2)
    running.cli(f"tunnel set config 2 T2 {T2} up 1280")
    try:
        with running.counted("T2") as counted, Share(running) as share:
            t1.send(packets.filler(t1.inner, t2.inner, 1480))
            _, error = t1.receive(lambda p: p.proto == packets.ICMPV6 and p.payload[0] == 2)
        assert int.from_bytes(error.payload[4:8], "big") == 1280
        assert share.handed >= 2 or not steers(running)
        assert counted.by == {"Encap.Pkt Too Big": 1}
    finally:
        running.cli(f"tunnel set config 2 T2 {T2} up 1480")


def test_a_spoofed_packet_is_counted_on_the_tunnel_it_claims(running):
    """From the uplink, with T1's source, for T2: T1's record is its own worker's to write."""
    t2 = running.p41("2", T2)
    with running.counted("T1") as counted:
        running.from_uplink(packets.filler(running.inner("1"), t2.inner, 100))
        running.daemon.until(lambda: running.errors("T1")["Packet over uplink"], "the count")
    assert counted.by == {"Packet over uplink": 1}
