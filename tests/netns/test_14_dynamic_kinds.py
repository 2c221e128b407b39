"""
`ayiya`, `heartbeat`, `dynamic`: the word binds the tunnel to its protocol.

  T1 ayiya    T2 heartbeat    T3 T4 dynamic    T5 static
"""
import pytest

from lib import packets
from lib.config import config, dynamic, static
from lib.topology import HOST6

CONFIG = config(dynamic("1", "ayiya"), dynamic("2", "heartbeat"), dynamic("3", "dynamic"),
                dynamic("4", "DYNAMIC"), static("5", "198.51.100.5"))


@pytest.fixture(scope="module")
def pop(module_pop):
    return module_pop(CONFIG)


def state(pop, ident):
    shown = pop.show(ident)
    return shown["Tunnel State"], shown["Tunnel Type"]


def test_an_ayiya_tunnel_takes_no_heartbeat(pop):
    pop.clear()
    with pop.counted("T1") as count:
        pop.heartbeat("1", "198.51.100.1").beat()
    assert count.by == {"HB-non-HB": 1}
    assert state(pop, "T1") == ("down", "none")
    pop.silent()


def test_a_heartbeat_tunnel_takes_no_ayiya(pop):
    pop.clear()
    with pop.counted("T2") as count:
        pop.ayiya("2", "198.51.100.2").beat()
    assert count.by == {"AYIYA-non-AYIYA": 1}
    assert state(pop, "T2") == ("down", "none")
    pop.heartbeat("2", "198.51.100.2").beat()
    pop.settle()
    assert state(pop, "T2") == ("up", "direct")
    with pop.counted("T2") as count:
        pop.ayiya("2", "198.51.100.2").beat()
    assert count.by == {"AYIYA-non-AYIYA": 1}
    assert state(pop, "T2") == ("up", "direct")


def test_a_dynamic_tunnel_takes_either(pop):
    pop.clear()
    a, h = pop.ayiya("3", "198.51.100.3"), pop.heartbeat("3", "198.51.100.3")
    a.beat()
    pop.settle()
    assert state(pop, "T3") == ("up", "ayiya")
    a.ping(a.pop_inner)
    h.beat()
    pop.settle()
    assert state(pop, "T3") == ("up", "direct")
    h.ping(h.pop_inner)
    h2, a2 = pop.heartbeat("4", "198.51.100.4"), pop.ayiya("4", "198.51.100.4")
    h2.beat()
    pop.settle()
    assert state(pop, "T4") == ("up", "direct")
    a2.beat()
    pop.settle()
    assert state(pop, "T4") == ("up", "ayiya")
    pop.from_uplink(packets.filler(HOST6, a2.inner, 100))
    a2.receive()


def test_a_static_tunnel_takes_neither(pop):
    pop.clear()
    with pop.counted("T5") as count:
        pop.heartbeat("5", "198.51.100.55", password="").beat()
        pop.ayiya("5", "198.51.100.55", password="").beat()
    assert count.by == {"HB-non-HB": 1, "AYIYA-non-AYIYA": 1}
    assert pop.show("T5")["Outer Them"] == "198.51.100.5"
    assert pop.show("T5")["Dynamic Tunnel"] == "no"


def test_pushed_from_dynamic_to_static_and_back(pop):
    pop.clear()
    pop.cli("tunnel set config 6 T6 ayiya up 1428 secret")
    a, p = pop.ayiya("6", "198.51.100.6", password="secret"), pop.p41("6", "198.51.100.66")
    a.ping(a.pop_inner)
    pop.cli("tunnel set config 6 T6 198.51.100.66 up 1428")
    p.ping(p.pop_inner)
    assert state(pop, "T6") == ("up", "direct")
    pop.cli("tunnel set config 6 T6 ayiya up 1428")
    a.ping(a.pop_inner, ident=0x4321)
    assert state(pop, "T6") == ("up", "ayiya")
