"""
`tunnel why` and `pop why`: real clients do the wrong thing, and the first sentence says which.

Every test makes a tunnel of its own, so that nothing is left of the one before; where minutes of silence
have to pass, the daemon's clock is set. The last test compares what was said with src/why/cause.def, so that
a new cause without a test fails.
"""
import itertools
import os
import re
import struct
import time

import pytest

from lib import packets
from lib.client import ayiya
from lib.clock import Clock
from lib.config import PASSWORD, PREFIX, config, dynamic, static
from lib.pop import Pop
from lib.topology import CORE6, HOST6, ISP6, MAC, POP4, POP6

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
ROUTER4, ELSEWHERE4 = "203.0.113.1", "203.0.113.9"
SUBNET = "2001:db8:3001:"

SEEN = {}           # cause: the sentence it was told with first


@pytest.fixture(scope="module")
def pop(module_pop):
    return module_pop(config(static("1", "198.51.100.7")))


_tid = itertools.count(0x20)


class Tunnel:
    """One made for the test: name, tid, and how it was configured."""

    def __init__(self, pop, them, mtu=1480, state="up", password="", subnet=None):
        n = next(_tid)
        self.pop, self.tid, self.name = pop, f"{n:x}", f"T{n}"
        self.mtu, self.password, self.them = mtu, password, them
        self.address = f"198.51.100.{n}"
        self.set(state=state)
        if subnet:
            pop.cli(f"subnet set config {subnet} {self.tid} static")

    def set(self, them=None, state="up", password=None):
        self.them = them or self.them
        self.password = self.password if password is None else password
        them = self.address if self.them == "static" else self.them
        self.pop.settle()               # what was sent before is judged by what was set before
        self.pop.cli("tunnel set " + static(self.tid, them, self.mtu, state, password=self.password))

    def p41(self, them=None, **more):
        return self.pop.p41(self.tid, them or self.address, **more)

    def gre(self, **more):
        return self.pop.gre(self.tid, self.address, **more)

    def ayiya(self, them=None, **more):
        return self.pop.ayiya(self.tid, them or self.address, **more)

    def beats(self, them=None, **more):
        return self.pop.heartbeat(self.tid, them or self.address, **more)

    def why(self):
        self.pop.settle()
        return asked(self.pop.daemon.json(f"tunnel why {self.name}"))

    def first(self, cause, *words):
        """The first finding is @cause and its sentence has these words."""
        found = self.why()[0]
        assert found["cause"] == cause, found
        for word in words:
            assert word in found["sentence"], found
        return found

    def well(self, client):
        """Both ways, and then it says so. A heartbeat may go to its worker by way of another."""
        self.pop.settle()
        both_ways(self.pop, client)
        return self.first("TUNNEL_WELL", "All is well", client.them)


def static_tunnel(pop, **more):
    return Tunnel(pop, "static", **more)


def ayiya_tunnel(pop, **more):
    return Tunnel(pop, "ayiya", 1428, password=PASSWORD, **more)


def heartbeat_tunnel(pop, **more):
    return Tunnel(pop, "heartbeat", password=PASSWORD, **more)


def asked(answer):
    found = answer["why"]
    assert found, answer
    for f in found:
        assert f["sentence"].endswith("."), f
        assert f["evidence"] or f["cause"] in ("NO_PREFIX", "NO_TUNNELS"), f
        assert f["remedy"] or f["severity"] in ("ok", "note") or f["cause"] == "PREFIX_SILENT", f
        for text in (f["sentence"], f["remedy"], *f["evidence"]):
            assert len(text) < 479 and "(null)" not in text and "  " not in text, f
        SEEN.setdefault(f["cause"], f["sentence"])
    assert len({(f["cause"], f["sentence"]) for f in found}) == len(found), "each once"
    return found


def causes(found):
    return [f["cause"] for f in found]


def both_ways(pop, c):
    c.send(packets.filler(c.inner, HOST6, 100))
    pop.at_host(lambda p: p.src == c.inner)
    pop.from_uplink(packets.filler(HOST6, c.inner, 100))
    c.receive(lambda p: p.src == HOST6)


def evidence(found, *words):
    text = "\n".join(found["evidence"])
    for word in words:
        assert re.search(word, text), found
    return text


def times(n, act):
    for _ in range(n):
        act()


def now(off=0):
    return int(time.time()) + off


# ---- a PoP of their own, before the one that the other tests share ----

def test_no_tunnels_and_no_prefix(topology, sixxsd):
    with Pop(topology, config(marker=False)) as p:
        assert pop_why(p)[0]["cause"] == "NO_TUNNELS"
    with Pop(topology, f"pop\n\tset\n\t\tdetails 1 testpop {POP4} {POP6}\n\t\tid 1\n\tend\nend\n") as p:
        assert pop_why(p)[0]["cause"] == "NO_PREFIX"


def test_a_host_that_never_had_a_route(topology, sixxsd):
    topology.pop.ip("-6", "route", "del", "default")
    try:
        with Pop(topology, config(static("1", "198.51.100.7"), marker=False)) as p:
            c = p.p41("1", "198.51.100.7")
            p.from_uplink(packets.filler(HOST6, c.inner, 100))
            c.receive(lambda q: q.src == HOST6)
            c.send(packets.filler(c.inner, "2001:db8:dead::1", 100))
            c.receive(lambda q: q.proto == packets.ICMPV6)
            found = pop_why(p)[0]
            assert found["cause"] == "NO_UPLINK" and "default via" in found["remedy"]
            found = asked(p.daemon.json("tunnel why T1"))[0]
            assert found["cause"] == "POP_TROUBLE" and "no IPv6 route to the internet" in found["sentence"]
    finally:
        topology.pop.ip("-6", "route", "replace", "default", "via", HOST6)
    with Pop(topology, config(static("1", "198.51.100.7"))) as p:
        assert is_well(p)


def test_strangers_sign_and_sign(topology, sixxsd):
    with Pop(topology, config(dynamic("2", "ayiya"), static("1", "198.51.100.7"))) as p:
        both_ways(p, p.p41("1", "198.51.100.7"))
        flood = p.ayiya("2", ELSEWHERE4, password="guess").wrap(b"")

        def spent():
            p.wan.send(*[flood] * 30000)        # 20000 a second are verified
            return "DIGEST_FLOOD" in causes(pop_why(p))
        p.daemon.until(spent, "the budget is spent")
        found = asked(p.daemon.json("tunnel why T1"))[0]
        assert found["cause"] == "POP_TROUBLE", found


def test_queues_overflow(topology, sixxsd):
    with Pop(topology, config(static("1", "198.51.100.7"))) as p:
        both_ways(p, p.p41("1", "198.51.100.7"))
        flood = packets.ip4("198.51.100.99", POP4, packets.IPV6, b"\x60" + bytes(1199))
        with p.daemon.stopped():
            p.wan.send(*[flood] * 12000)
        p.daemon.until(lambda: "QUEUE_DROPS" in causes(pop_why(p)), "the queue was full", 30)
        found = [f for f in pop_why(p) if f["cause"] == "QUEUE_DROPS"][0]
        evidence(found, r"DROP_QUEUE_\w+: \d+ packets, the last at .* ago")
        # what is dropped beyond a share is who sends too much's: nobody else is the worse for it
        lost = any("DROP_QUEUE_SHARE" not in f["evidence"][0] for f in pop_why(p)
                   if f["cause"] == "QUEUE_DROPS")
        assert asked(p.daemon.json("tunnel why T1"))[0]["cause"] == ("POP_TROUBLE" if lost else
                                                                    "TUNNEL_WELL")


# ---- minutes pass ----

def silent_pop(topology, clock, *tunnel):
    return Pop(topology, config(*tunnel, marker=False), env=clock.env)


def told(p, name, cause, *words):
    """Until it is so: what workers and the watch see takes them a moment."""
    found = []

    def first():
        found[:] = asked(p.daemon.json(f"tunnel why {name}"))
        return found[0]["cause"] == cause
    p.daemon.until(first, f"{cause} of {name}")
    for word in words:
        assert word in found[0]["sentence"], found
    return found[0]


def test_silence(topology, sixxsd):
    with Clock() as clock, silent_pop(topology, clock, static("1", "198.51.100.1"), static("2", "198.51.100.2"),
                                      static("3", "198.51.100.3")) as p:
        deaf, sends, quiet = (p.p41(n, f"198.51.100.{n}") for n in "123")
        for c in (deaf, sends, quiet):
            both_ways(p, c)
        before = time.strftime("%H:%M", time.gmtime())
        clock.pass_by(280)
        p.from_uplink(packets.filler(HOST6, deaf.inner, 100))
        deaf.receive(lambda q: q.src == HOST6)
        sends.send(packets.filler(sends.inner, HOST6, 100))
        p.at_host(lambda q: q.src == sends.inner)
        for name in ("T1", "T2"):
            assert asked(p.daemon.json(f"tunnel why {name}"))[0]["cause"] == "TUNNEL_WELL", "not yet"
        clock.pass_by(30)
        found = told(p, "T1", "CLIENT_SILENT", "nothing comes back")
        evidence(found, r"last packet for the client .*, \d+ s ago; last packet from it .*, 5 min ago")
        found = told(p, "T2", "UPLINK_SILENT", "nothing has arrived for it since", before)
        evidence(found, "last packet from the client .* ago")
        assert asked(p.daemon.json("tunnel why T3"))[0]["cause"] == "TUNNEL_WELL", "nobody wants anything of it"
        both_ways(p, deaf)
        both_ways(p, sends)
        for name in ("T1", "T2"):
            told(p, name, "TUNNEL_WELL")


def test_the_uplink_is_silent_for_a_whole_prefix(topology, sixxsd):
    with Clock() as clock, silent_pop(topology, clock, static("1", "198.51.100.1")) as p:
        c = p.p41("1", "198.51.100.1")
        both_ways(p, c)
        clock.synchronise(True)
        p.daemon.until(lambda: causes(asked(p.daemon.json("pop why"))) == ["POP_WELL"], "all is well", 30)
        clock.pass_by(700)
        c.send(packets.filler(c.inner, HOST6, 100))
        p.daemon.until(lambda: "PREFIX_SILENT" in causes(pop_why(p)), "the prefix is silent")
        found = next(f for f in pop_why(p) if f["cause"] == "PREFIX_SILENT")
        assert f"for {PREFIX}::/48 since" in found["sentence"], found
        both_ways(p, c)
        assert "PREFIX_SILENT" not in causes(pop_why(p))
        clock.synchronise(False)
        p.daemon.until(lambda: "CLOCK_UNSYNCED" in causes(asked(p.daemon.json("pop why"))), "it is not", 30)


def test_a_client_falls_silent(topology, sixxsd):
    """120 seconds without a signed message: a heartbeat, an AYIYA packet."""
    with Clock() as clock, silent_pop(topology, clock, dynamic("1", "heartbeat"), dynamic("2", "ayiya")) as p:
        beats, signs = p.heartbeat("1", "198.51.100.1"), p.ayiya("2", "198.51.100.2")
        beats.beat()
        signs.beat()
        for n in "12":
            p.daemon.until(lambda n=n: p.show(f"T{n}")["Tunnel State"] == "up", "it is up")
        clock.pass_by(100)
        assert [p.show(f"T{n}")["Tunnel State"] for n in "12"] == ["up", "up"]
        clock.pass_by(30)
        for n in "12":
            found = told(p, f"T{n}", "DOWN", "because for 120 s nothing signed had come from the client")
            evidence(found, f"last message .* ago.*, from 198.51.100.{n}")
            assert "the client is off" in found["remedy"]


# ---- no false alarm ----

def test_a_healthy_static_tunnel(pop):
    t = static_tunnel(pop)
    said = t.well(t.p41())
    assert "packets pass both ways" in said["sentence"] and said["severity"] == "ok"
    evidence(said, r"last packet from the client at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, \d s ago")
    assert causes(t.why()) == ["TUNNEL_WELL"]


def test_a_healthy_gre_tunnel(pop):
    t = static_tunnel(pop)
    t.well(t.gre())


def test_a_healthy_heartbeat_tunnel(pop):
    t = heartbeat_tunnel(pop)
    t.beats().beat()
    t.well(t.p41())
    assert causes(t.why()) == ["TUNNEL_WELL"]


def test_a_healthy_ayiya_tunnel(pop):
    t = ayiya_tunnel(pop)
    said = t.well(t.ayiya())
    assert "port 40001" in said["sentence"]
    assert causes(t.why()) == ["TUNNEL_WELL"]


def test_a_tunnel_that_nobody_uses(pop):
    """Up, and nothing passed but the PoP's own answers: not said to be well, nor to be ill."""
    t = static_tunnel(pop)
    c = t.p41()
    c.ping(c.pop_inner)
    t.first("IDLE", c.them, "nobody has used it yet", "not known")
    t = heartbeat_tunnel(pop)
    for n in (-2, -1, 0):
        t.beats().beat(now=now(n))
    found = t.first("IDLE", t.address)
    evidence(found, "last signed message at .*, 3 accepted", "last packet from the client never")
    t = ayiya_tunnel(pop)
    t.ayiya().beat()
    t.first("IDLE", t.address, "port 40001")


def test_what_every_client_says_is_no_trouble(pop):
    """Router solicitations, listener reports, duplicate address detection, a traceroute."""
    t = static_tunnel(pop)
    c = t.p41()
    for _ in range(4):
        c.send(packets.icmp6("fe80::1", "ff02::2", 133, 0, bytes(4), 255),
               packets.icmp6("::", "ff02::1:ff00:2", 135, 0, bytes(4) + packets.a6(c.inner), 255),
               packets.filler(c.inner, HOST6, 100, hlim=1))
    t.well(c)
    assert causes(t.why()) == ["TUNNEL_WELL"]


# ---- the configuration says so ----

def test_disabled(pop):
    t = static_tunnel(pop, state="disabled")
    t.p41().send(packets.filler(t.p41().inner, HOST6, 100))
    found = t.first("TUNNEL_DISABLED")
    evidence(found, r"so since \d{4}-.* UTC, \d s ago")
    assert f"tunnel set config {t.tid} {t.name}" in found["remedy"]
    t.set(state="up")
    t.well(t.p41())


def test_no_password(pop):
    t = Tunnel(pop, "ayiya", 1428)
    t.ayiya().beat()
    t.first("NO_PASSWORD")
    t.set(password=PASSWORD)
    t.well(t.ayiya())


# ---- something is heard, and it is wrong ----

def test_wrong_password_ayiya(pop):
    t = ayiya_tunnel(pop)
    times(2, t.ayiya(password="not the password").beat)
    found = t.first("WRONG_PASSWORD", t.address, "AYIYA packets", "another password")
    evidence(found, "DROP_AYIYA_DIGEST: 2 packets, the last at .* s ago")
    assert causes(t.why())[1] == "DOWN"
    t.well(t.ayiya())


def test_wrong_password_heartbeat(pop):
    t = heartbeat_tunnel(pop)
    t.beats(password="not the password").beat()
    found = t.first("WRONG_PASSWORD", t.address, "heartbeats")
    evidence(found, "DROP_BEAT_DIGEST: 1 packet, ")
    t.beats().beat()
    t.well(t.p41())


def test_the_password_was_changed_under_a_good_client(pop):
    t = ayiya_tunnel(pop)
    t.well(t.ayiya())
    t.set(password="f" * 32)
    time.sleep(1.1)
    times(4, t.ayiya().beat)
    t.first("WRONG_PASSWORD", t.address)


def test_wrong_hash(pop):
    t = ayiya_tunnel(pop)
    t.ayiya(sha256=True).beat()
    found = t.first("WRONG_PASSWORD", t.address, "another hash than the tunnel's sha1")
    assert f"tunnel set hash {t.name}" in found["remedy"]
    pop.cli(f"tunnel set hash {t.name} sha256")
    assert "WRONG_PASSWORD" not in causes(t.why())
    t.well(t.ayiya(sha256=True))


@pytest.mark.parametrize("off, words", [(1500, "fast"), (-7300, "slow")])
def test_clock_off_ayiya(pop, off, words):
    t = ayiya_tunnel(pop)
    t.ayiya().beat(epoch=now(off))
    found = t.first("CLOCK_OFF", t.address, words, "25 min" if off > 0 else "2 h")
    said = int(re.search(r"\((\d+) s\)", found["sentence"])[1])
    assert abs(said - abs(off)) <= 2
    evidence(found, "DROP_AYIYA_CLOCK: 1 packet")
    t.well(t.ayiya())


def test_clock_off_heartbeat(pop):
    t = heartbeat_tunnel(pop)
    t.beats().beat(now=now(-300))
    t.p41().send(packets.filler(t.p41().inner, HOST6, 100))
    found = t.first("CLOCK_OFF", t.address, "slow")
    assert abs(int(re.search(r"\((\d+) s\)", found["sentence"])[1]) - 300) <= 2
    assert "DATA_BEFORE_BEAT" not in causes(t.why()), "heartbeats do arrive"
    t.beats().beat()
    t.well(t.p41())


def test_the_clock_and_not_a_stray_signature(pop):
    """One packet of a stranger does not outrank what the client sends all the time."""
    t = ayiya_tunnel(pop)
    t.ayiya(them=ELSEWHERE4, password="guess").beat()
    times(12, lambda: t.ayiya().beat(epoch=now(-200)))
    t.first("CLOCK_OFF", t.address)


def test_another_address(pop):
    t = static_tunnel(pop)
    moved = t.p41(them=ELSEWHERE4)
    times(3, lambda: moved.send(packets.filler(moved.inner, HOST6, 100)))
    found = t.first("WRONG_ADDRESS", f"come from {ELSEWHERE4}", f"not from {t.address}", "configured")
    evidence(found, "DROP_OUTER_SOURCE: 3 packets")
    assert f"tunnel set config {t.tid} {t.name}" in found["remedy"]
    t.set(them=ELSEWHERE4)
    assert "WRONG_ADDRESS" not in causes(t.why()), "the configuration of now would take them"
    t.well(moved)


def test_another_tunnels_address(pop):
    t, neighbour = static_tunnel(pop), static_tunnel(pop)
    t.p41(them=neighbour.address).send(packets.filler(t.p41().inner, HOST6, 100))
    t.first("WRONG_ADDRESS", f"come from {neighbour.address} (where the client of {neighbour.name} is)")
    found = neighbour.first("WRONG_SOURCE", f"source {t.p41().inner}", f"the client's address of {t.name}")
    evidence(found, "DROP_OUTER_SOURCE: a packet of 100 octets")


def test_heartbeats_from_here_and_data_from_there(pop):
    t = heartbeat_tunnel(pop)
    t.beats().beat()
    pop.settle()
    other = t.p41(them=ELSEWHERE4)
    times(3, lambda: other.send(packets.filler(other.inner, HOST6, 100)))
    t.first("WRONG_ADDRESS", ELSEWHERE4, t.address, "where its heartbeats come from")
    t.well(t.p41())


def test_a_stranger_beside_a_good_client_is_a_note(pop):
    for t, c, bad in ((static_tunnel(pop), "p41", "p41"), (ayiya_tunnel(pop), "ayiya", "ayiya"),
                      (ayiya_tunnel(pop), "ayiya", "p41")):
        good = getattr(t, c)()
        more = {"password": "guess"} if bad == "ayiya" else {}
        stray = getattr(t, bad)(them=ELSEWHERE4, **more)
        stray.send(packets.filler(good.inner, HOST6, 100))
        t.well(good)
        found = t.why()
        assert causes(found) == ["TUNNEL_WELL", "STRANGERS"], found
        assert ELSEWHERE4 in found[1]["sentence"] and found[1]["severity"] == "note"


def test_ayiya_for_a_static_tunnel(pop):
    t = static_tunnel(pop)
    t.ayiya().beat()
    t.first("WRONG_PROTOCOL", t.address, "sends AYIYA", "takes protocol 41 or GRE")
    t.set(them="ayiya", password=PASSWORD)
    assert "WRONG_PROTOCOL" not in causes(t.why())
    t.well(t.ayiya())


def test_heartbeats_for_an_ayiya_tunnel(pop):
    t = ayiya_tunnel(pop)
    t.beats().beat()
    t.first("WRONG_PROTOCOL", t.address, "sends heartbeats", "takes AYIYA (UDP port 5072)")


def test_gre_for_a_protocol_41_tunnel(pop):
    t = static_tunnel(pop)
    pop.cli(f"tunnel set encap {t.name} direct")
    times(3, lambda: t.gre().send(packets.filler(t.gre().inner, HOST6, 100)))
    found = t.first("WRONG_PROTOCOL", t.address, "sends GRE", "uses protocol 41")
    assert f"tunnel set encap {t.name}" in found["remedy"]
    pop.cli(f"tunnel set encap {t.name} gre")
    assert "WRONG_PROTOCOL" not in causes(t.why())
    t.well(t.gre())


def test_protocol_41_for_an_ayiya_tunnel(pop):
    t = ayiya_tunnel(pop)
    times(3, lambda: t.p41().send(packets.filler(t.p41().inner, HOST6, 100)))
    found = t.first("PLAIN_FOR_AYIYA", t.address, "this is an AYIYA tunnel")
    evidence(found, "DROP_TUNNEL_AYIYA: 3 packets")
    t.well(t.ayiya())


def test_heartbeats_that_cannot_be_used(pop):
    t = heartbeat_tunnel(pop)
    t.beats().beat(sender="10.0.0.7")
    found = t.first("BEAT_MALFORMED", t.address, "names another address than it came from")
    assert "NAT" in found["remedy"]
    t.beats().beat(sender=t.address)
    t.well(t.p41())


def test_another_gre_key(pop):
    t = static_tunnel(pop)
    pop.cli(f"tunnel set encap {t.name} gre key 77")
    times(3, lambda: t.gre(key=78).send(packets.filler(t.gre().inner, HOST6, 100)))
    t.first("WRONG_KEY", t.address, "another key than the tunnel's 77")
    pop.cli(f"tunnel set encap {t.name} gre key 78")
    assert "WRONG_KEY" not in causes(t.why())
    t.well(t.gre(key=78))


def test_data_and_no_heartbeat(pop):
    t = heartbeat_tunnel(pop)
    times(3, lambda: t.p41().send(packets.filler(t.p41().inner, HOST6, 100)))
    found = t.first("DATA_BEFORE_BEAT", t.address)
    evidence(found, "DROP_TUNNEL_DOWN: 3 packets", "last heartbeat: never")
    t.beats().beat()
    t.well(t.p41())


def test_two_clients_on_one_heartbeat_tunnel(pop):
    t = heartbeat_tunnel(pop)
    t.beats().beat(now=now())
    for n in (-9, -5, -2):
        t.beats(them=ELSEWHERE4).beat(now=now(n))
    found = t.first("REPLAYED", ELSEWHERE4, "two clients")
    evidence(found, "DROP_BEAT_REPLAYED: 3 packets", f"endpoint is {t.address}")


# ---- nothing is heard ----

def test_never_heard(pop):
    t = static_tunnel(pop)
    found = t.first("NEVER_HEARD")
    evidence(found, "started at .* UTC", f"expected from {t.address}")
    assert POP4 in found["remedy"] and POP6 in found["remedy"]
    t.well(t.p41())
    t = ayiya_tunnel(pop)
    pop.from_uplink(packets.filler(HOST6, t.ayiya().inner, 100))     # others' packets are not its own
    found = t.first("NEVER_HEARD")
    assert "5072" in found["remedy"]
    t.well(t.ayiya())


def test_only_the_interface_is_up(pop):
    t = static_tunnel(pop)
    t.p41().send(packets.icmp6("fe80::1", "ff02::2", 133, 0, bytes(4), 255))
    found = t.first("NEVER_HEARD")
    evidence(found, "link-local packets alone")


def test_a_source_that_names_no_tunnel(pop):
    """The client has another provider's address in its tunnel: not even the tunnel is named."""
    t = static_tunnel(pop)
    t.p41().send(packets.filler("2001:db8:dead::1", HOST6, 100))
    found = t.first("WRONG_SOURCE", t.address, "source 2001:db8:dead::1", "outside this PoP's prefixes")
    evidence(found, "DROP_INNER_UNKNOWN: a packet of 100 octets", "pop capture drops")
    t.well(t.p41())
    assert causes(t.why()) == ["TUNNEL_WELL"]


def test_down(pop):
    t = ayiya_tunnel(pop)
    t.ayiya().beat()
    t.set(state="disabled")
    t.set(state="up")
    found = t.first("DOWN", "its configuration was changed")
    evidence(found, f"from {t.address}", "accepted since the daemon started: 1")
    t.ayiya().beat()
    t.well(t.ayiya())


# ---- it is up, and something is wrong all the same ----

def icmp4(pop, t, kind, code, router):
    """A router's complaint about the next packet to the client."""
    c = t.p41()
    pop.settle()
    pop.from_uplink(packets.filler(HOST6, c.inner, 200))
    outer, _ = c.receive(lambda p: p.src == HOST6)
    pop.wan.send(packets.ip4(router, POP4, packets.ICMPV4,
                             packets.icmp4_message(kind, code, bytes(4) + outer.raw[:80])))


@pytest.mark.parametrize("kind, code, word, what", [
    (3, 1, "host unreachable", "type 3 code 1"),
    (3, 13, "communication administratively prohibited", "type 3 code 13"),
    (11, 0, "time to live exceeded", "type 11 code 0")])
def test_a_router_complains(pop, kind, code, word, what):
    t = static_tunnel(pop)
    icmp4(pop, t, kind, code, ROUTER4)
    found = t.first("OUTER_ICMP", f"router {ROUTER4}", t.address, word)
    evidence(found, what, "1 ICMP message")
    assert causes(t.why()) == ["OUTER_ICMP", "NEVER_HEARD"]
    if (kind, code) == (3, 1):
        time.sleep(5.1)
        t.well(t.p41())


def test_the_client_itself_does_not_take_the_protocol(pop):
    t = heartbeat_tunnel(pop)
    for n in (-2, -1, 0):
        t.beats().beat(now=now(n))
    icmp4(pop, t, 3, 2, t.address)
    found = t.first("OUTER_ICMP", f"The client's own host {t.address}", "protocol unreachable")
    assert "bring its tunnel interface up" in found["remedy"]


def test_this_host_refuses_to_send(pop, topology):
    t = static_tunnel(pop)
    c = t.p41()
    topology.pop.ip("route", "add", "prohibit", t.address + "/32")
    try:
        c.send(packets.echo6(c.inner, HOST6))
        for _ in range(3):
            pop.from_uplink(packets.filler(HOST6, c.inner, 100))
        found = t.first("SEND_REFUSED", t.address)
        evidence(found, "DROP_SEND: 3 packets")
        assert f"ip route get {t.address}" in found["remedy"]
    finally:
        topology.pop.ip("route", "del", "prohibit", t.address + "/32")
    time.sleep(1.1)


def test_wrong_source(pop):
    other, t = static_tunnel(pop, subnet="2001:db8:3005::/48"), ayiya_tunnel(pop)
    for source, whose in (("2001:db8:3005::9", f"in a subnet of {other.name}"),
                          ("2001:db8:dead::5", "outside this PoP's prefixes"),
                          (f"{PREFIX}:{t.tid}::1", "the PoP's end of " + t.name),
                          ("2001:db8:4242::1", "nobody's")):
        t.ayiya().send(packets.filler(source, HOST6, 100))
        found = t.first("WRONG_SOURCE", f"source {source}", whose)
        evidence(found, "DROP_IP6_SOURCE", "the last one: 100 octets")
        assert t.ayiya().inner in found["remedy"]


def test_another_address_of_the_transfer_network(pop):
    t = static_tunnel(pop)
    c = t.p41()
    times(2, lambda: c.send(packets.filler(f"{PREFIX}:{t.tid}::3", HOST6, 100)))
    found = t.first("TRANSFER_SOURCE", f"uses {PREFIX}:{t.tid}::3", f"only {c.inner}")
    evidence(found, "DROP_IP6_SOURCE_TRANSFER: 2 packets")
    time.sleep(1.1)
    t.well(c)


def test_one_wrong_source_among_good_ones_is_an_accident(pop):
    t = static_tunnel(pop)
    c = t.p41()
    c.send(packets.filler(f"{PREFIX}:{t.tid}::3", HOST6, 100))
    t.well(c)
    assert causes(t.why()) == ["TUNNEL_WELL"]


def test_a_path_mtu_black_hole(pop):
    t = static_tunnel(pop, mtu=1280)
    c = t.p41()
    both_ways(pop, c)

    def told():
        pop.from_uplink(packets.filler(HOST6, c.inner, 1400))
        return causes(t.why())[0] == "PMTU_BLACK_HOLE"
    assert causes(t.why())[0] == "TUNNEL_WELL"
    end = time.monotonic() + 10
    while not told():
        assert time.monotonic() < end, t.why()
        time.sleep(0.3)
    found = t.first("PMTU_BLACK_HOLE", HOST6, "1400 octets", c.inner, "told that 1280 fit")
    evidence(found, r"\d+ more later than 2 s after the first", "DROP_TOO_BIG")
    assert f"tunnel set mss {t.name} auto" in found["remedy"]


def test_a_sender_that_heeds_is_no_black_hole(pop):
    t = static_tunnel(pop, mtu=1280)
    pop.from_uplink(packets.filler(HOST6, t.p41().inner, 1400))
    time.sleep(2.5)
    t.well(t.p41())


@pytest.mark.parametrize("kind, subnet, reason", [
    ("p41", "3006", "DROP_INNER_UNKNOWN: 4 of the last packets"), ("gre", "3008", "DROP_INNER_UNKNOWN: 4"),
    ("ayiya", "3009", "DROP_IP6_SOURCE: 4 packets")])
def test_a_loop_of_packets_from_the_internet(pop, kind, subnet, reason):
    """The client's router has no route for an unused part of its subnet but the default."""
    unused = f"2001:db8:{subnet}:99::1"
    t = (ayiya_tunnel if kind == "ayiya" else static_tunnel)(pop, subnet=f"2001:db8:{subnet}::/48")
    c = getattr(t, kind)()
    both_ways(pop, c)
    for n in range(4):
        pop.from_uplink(packets.filler(HOST6, unused, 100, mark=n))
        _, inner = c.receive(lambda p: p.dst == unused)
        c.send(inner.octets[:7] + bytes([inner.octets[7] - 1]) + inner.octets[8:])
    found = t.first("LOOP", HOST6, unused, "come back out of the tunnel")
    evidence(found, reason)
    assert "unreachable" in found["remedy"]


def test_a_loop_of_the_clients_own_packets(pop):
    t = static_tunnel(pop, subnet="2001:db8:3007::/48")
    c = t.p41()
    for n in range(3):
        c.send(packets.filler(c.inner, "2001:db8:3007:99::1", 100, mark=n))
    found = t.first("LOOP", c.inner, "2001:db8:3007:99::1")
    evidence(found, "DROP_SAME_INTERFACE: 3 packets")


def test_rate_limited(pop):
    t = static_tunnel(pop)
    c = t.p41()
    both_ways(pop, c)
    pop.cli(f"tunnel set rate {t.name} 0 5")
    times(20, lambda: c.send(packets.filler(c.inner, HOST6, 100)))
    found = t.first("RATE_LIMITED", "5 packets/s", "more comes from the client")
    evidence(found, r"DROP_RATE_FROM: \d+ packets")
    pop.cli(f"tunnel set rate {t.name} 0 0")
    pop.clear()
    t.well(c)


def test_the_port_keeps_changing(pop):
    t = ayiya_tunnel(pop)
    for n in range(6):
        t.ayiya(port=50000 + n).beat(epoch=now(n - 7))
    found = t.first("ENDPOINT_MOVES", "port changed 5 times within", "NAT")
    evidence(found, f"now {t.address} port 50005, before {t.address} port 50004")


def test_two_clients_take_turns(pop):
    t = ayiya_tunnel(pop)
    for n in range(10):
        t.ayiya(them=(t.address, ELSEWHERE4)[n % 2]).beat(epoch=now(n - 11))
    found = t.first("ENDPOINT_MOVES", "address changed at least 7 times", "two clients share")
    evidence(found, ELSEWHERE4, t.address)


def too_big(pop, t, mtu):
    c = t.p41()
    pop.from_uplink(packets.filler(HOST6, c.inner, 1200))
    outer, _ = c.receive(lambda p: p.src == HOST6)
    pop.wan.send(packets.ip4(ROUTER4, POP4, packets.ICMPV4, packets.icmp4_message(
        3, 4, struct.pack("!HH", 0, mtu) + outer.raw[:80])))


def test_the_outer_path_is_narrow(pop):
    t = static_tunnel(pop)
    both_ways(pop, t.p41())
    times(2, lambda: too_big(pop, t, 1400))
    found = t.why()
    assert causes(found) == ["TUNNEL_WELL", "OUTER_PMTU"]
    for word in ("1400 octets", "MTU of 1480 needs 1500", "1380 is used"):
        assert word in found[1]["sentence"]
    too_big(pop, t, 1290)
    assert "1280, needs 1300: larger packets go in fragments" in t.why()[1]["sentence"]


def test_other_drops(pop):
    t = static_tunnel(pop)
    c = t.p41()
    both_ways(pop, c)
    c.send(packets.ip6(c.inner, HOST6, packets.UDP, b"short", length=1000))
    found = t.why()
    assert causes(found) == ["TUNNEL_WELL", "OTHER_DROPS"]
    evidence(found[1], "DROP_IP6_MALFORMED: 1 packet")


# ---- what the latency test shows, every second for once ----

def answer(c, request):
    c.send(packets.icmp6(c.inner, c.pop_inner, 129, 0, request.payload[4:]))


def test_probes(pop):
    """One loop for all: a lossy client, one that becomes slow, one that never answers, and a good one."""
    lossy, slow, mute, good, filtered = (static_tunnel(pop), static_tunnel(pop), static_tunnel(pop),
                                         static_tunnel(pop), heartbeat_tunnel(pop))
    ends = {t: t.p41() for t in (lossy, slow, mute, good, filtered)}
    for n in (-3, -2, -1):
        filtered.beats().beat(now=now(n))
    for t, c in ends.items():
        if t is not filtered:
            c.ping(c.pop_inner)
    pop.clear()
    pop.cli("pop set latency 1")
    asked_, due, seen_slow, seen_loss = dict.fromkeys(ends, 0), [], None, None
    try:
        end = time.monotonic() + 60
        while not (seen_slow and seen_loss):
            assert time.monotonic() < end, (lossy.why(), slow.why())
            for t, c in ends.items():
                for outer, inner in probes(pop, c):
                    asked_[t] += 1
                    if t is slow and asked_[t] > 11:
                        due.append((time.monotonic() + 0.3, c, inner))
                    elif t in (good, slow) or (t is lossy and asked_[t] % 3):
                        answer(c, inner)
            while due and due[0][0] <= time.monotonic():
                answer(*due.pop(0)[1:])
            if asked_[slow] > 12 and not seen_slow:
                found = ask(pop, slow)
                seen_slow = found if causes(found)[0] == "LATENCY_RISE" else None
            if asked_[lossy] > 12 and not seen_loss:
                found = ask(pop, lossy)
                seen_loss = found if causes(found)[0] == "LOSS" else None
            time.sleep(0.002)
        assert re.search(r"Round trips take \d+ ms now; on average it was \d+ ms", seen_slow[0]["sentence"])
        assert slow.address in seen_slow[0]["remedy"]
        assert re.search(r"\d+ % of the last latency tests were lost \(\d+ of \d+\)", seen_loss[0]["sentence"])
        found = ask(pop, filtered)[0]
        assert found["cause"] == "BEATS_NO_DATA" and filtered.address in found["sentence"]
        assert "protocol 41 is filtered on the way" in found["sentence"]
        evidence(found, r"3 accepted\), last packet never", r"\d+ of our last \d+ latency tests")
        found = ask(pop, good)
        assert causes(found) == ["TUNNEL_WELL"] and "answers our latency test" in found[0]["sentence"]
        found = ask(pop, mute)
        assert causes(found) == ["LOSS"] and "None of our last" in found[0]["sentence"]
        # who never answers pings, and whose packets pass, is well
        both_ways(pop, ends[mute])
        found = ask(pop, mute)
        assert causes(found) == ["TUNNEL_WELL"]
        evidence(found[0], "does not answer pings")
        # and the other one recovers
        both_ways(pop, ends[filtered])
        assert causes(ask(pop, filtered)) == ["TUNNEL_WELL"]
    finally:
        pop.cli("pop set latency 0")
        pop.clear()


def ask(pop, t):
    return asked(pop.daemon.json(f"tunnel why {t.name}"))


def probes(pop, c):
    """What has arrived of the latency test for this client; everything else stays."""
    pop.wan.pull()
    got, rest = [], []
    for outer in pop.wan.queue:
        data = c.unwrap(outer)
        if data is not None and packets.is_latency_probe(data):
            got.append((outer, packets.parse(data)))
        else:
            rest.append(outer)
    pop.wan.queue.clear()
    pop.wan.queue.extend(rest)
    return got


# ---- the PoP ----

def pop_why(p):
    """Without what the machine itself is like: in a test its clock may well be unsynchronised."""
    found = asked(p.daemon.json("pop why"))
    unsynced = not p.daemon.json("pop show info")["clock_synchronised"]
    assert ("CLOCK_UNSYNCED" in causes(found)) == unsynced
    return [f for f in found if f["cause"] not in ("CLOCK_UNSYNCED", "POP_WELL")]


def is_well(p):
    return not [f for f in pop_why(p) if f["severity"] != "note"]


def test_a_pop_at_work(pop):
    assert is_well(pop)


def test_text_and_json_say_the_same(pop):
    t = static_tunnel(pop)
    found = t.why()
    lines = pop.cli(f"tunnel why {t.name}").lines
    assert lines[0] == f"1. [error] {found[0]['sentence']}"
    assert f"   what to do: {found[0]['remedy']}" in lines
    assert pop.cli("pop why").lines[0].startswith("1. [")


def test_unknown_clients(pop):
    pop.wan.send(packets.udp(ELSEWHERE4, POP4, 40001, 5072, ayiya(f"{PREFIX}:1ff::1", PASSWORD)))
    pop.settle()
    found = [f for f in pop_why(pop) if f["cause"] == "UNKNOWN_CLIENTS"][0]
    evidence(found, f"DROP_AYIYA_UNKNOWN: 1 packet, .* from {ELSEWHERE4}")


def test_forwarding_off(pop, topology):
    t = static_tunnel(pop)
    c = t.p41()
    both_ways(pop, c)
    topology.pop.sysctl("net.ipv6.conf.all.forwarding", 0)
    try:
        found = pop_why(pop)[0]
        assert found["cause"] == "FORWARDING_OFF"
        assert "sysctl -w net.ipv6.conf.all.forwarding=1" in found["remedy"]
        assert causes(ask(pop, t))[0] == "POP_BROKEN"
    finally:
        topology.pop.sysctl("net.ipv6.conf.all.forwarding", 1)
    t.well(c)


def test_the_uplink_is_down(pop, topology):
    """The kernel forgets address and routes with it; the interface is what is told."""
    ns = topology.pop
    t = static_tunnel(pop)
    both_ways(pop, t.p41())
    pop_why(pop)
    ns.ip("link", "set", "core", "down")
    try:
        found = pop_why(pop)[0]
        assert found["cause"] == "LINK_DOWN"
        assert "interface core, which leads to the internet, is down" in found["sentence"]
        assert found["remedy"] == "ip link set core up"
        found = ask(pop, t)[0]
        assert found["cause"] == "POP_BROKEN" and "core" in found["sentence"]
    finally:
        ns.ip("link", "set", "core", "up")
        ns.ip("addr", "replace", CORE6 + "/64", "dev", "core", "nodad")
        ns.ip("neigh", "replace", HOST6, "lladdr", MAC["net0"], "dev", "core", "nud", "permanent")
        ns.ip("-6", "route", "replace", "default", "via", HOST6)
    t.well(t.p41())


def test_the_uplinks_route_is_gone(pop, topology):
    t = static_tunnel(pop)
    both_ways(pop, t.p41())
    pop_why(pop)
    topology.pop.ip("-6", "route", "del", "default")
    try:
        found = pop_why(pop)[0]
        assert found["cause"] == "UPLINK_GONE" and "led out of core" in found["sentence"]
        assert causes(ask(pop, t))[0] == "POP_BROKEN"
    finally:
        topology.pop.ip("-6", "route", "replace", "default", "via", HOST6)
    t.well(t.p41())


def test_the_whole_table_is_as_good_as_a_default_route(pop, topology):
    """2001:7fd::1 is a root server."""
    topology.pop.ip("-6", "route", "del", "default")
    try:
        assert causes(pop_why(pop))[0] == "UPLINK_GONE"
        topology.pop.ip("-6", "route", "add", "2001:7fd::/32", "via", HOST6)
        assert is_well(pop)
    finally:
        topology.pop.ip("-6", "route", "del", "2001:7fd::/32")
        topology.pop.ip("-6", "route", "replace", "default", "via", HOST6)


def test_the_outer_address_is_gone(pop, topology):
    """Of IPv6, so a tunnel over IPv4 is none the worse."""
    t = static_tunnel(pop)
    both_ways(pop, t.p41())
    pop_why(pop)
    topology.pop.ip("addr", "del", POP6 + "/64", "dev", "wan")
    try:
        found = pop_why(pop)[0]
        assert found["cause"] == "ADDRESS_GONE" and POP6 in found["sentence"] and "wan" in found["sentence"]
        assert causes(ask(pop, t))[0] == "TUNNEL_WELL"
    finally:
        topology.pop.ip("addr", "add", POP6 + "/64", "dev", "wan", "nodad")
        topology.pop.ip("-6", "route", "replace", "2001:db8:cafe::/48", "via", ISP6)
    assert is_well(pop)


def test_the_fast_path(pop, topology):
    ns = topology.pop
    if not pop.daemon.json("pop show fastpath")["available"]:
        pytest.skip("skipped: no fast path here")
    ns.ip("link", "add", "why0", "type", "veth", "peer", "name", "why1")
    try:
        ns.ip("link", "set", "why0", "up")
        ns.ip("link", "set", "why1", "up")
        pop.cli("pop set fastpath why0")
        ns.ip("link", "del", "why0")
        pop.daemon.until(lambda: "FAST_NOT_ATTACHED" in causes(pop_why(pop)), "it is gone")
        found = pop_why(pop)
        assert causes(found)[:2] == ["LINK_DOWN", "FAST_NOT_ATTACHED"]
        assert "interface why0, which the fast path uses, is gone" in found[0]["sentence"]
        assert "attached to why0: there is no such interface now" in found[1]["sentence"]
    finally:
        ns.ip("link", "del", "why0", check=False)
        pop.cli("pop set fastpath off")
    ns.run("nft", "add table inet why; add chain inet why f { type filter hook forward priority 0; policy drop; }"
           "; add rule inet why f accept")
    try:
        pop.cli("pop set fastpath auto")
        pop.daemon.until(lambda: "FAST_AUTO_OFF" in causes(pop_why(pop)), "it stays off")
        assert is_well(pop)
    finally:
        ns.run("nft", "delete table inet why")
        pop.cli("pop set fastpath off")


# ---- and all of them ----

def test_every_cause_has_a_test():
    """After the others: each cause of the table was told here."""
    with open(os.path.join(ROOT, "src/why/cause.def"), encoding="utf-8") as f:
        table = set(re.findall(r"^CAUSE\((\w+),", f.read(), re.M))
    for cause in sorted(table):
        print(f"{cause}: {SEEN.get(cause)}")
    assert set(SEEN) <= table
    missing = table - set(SEEN)
    assert not missing, f"no test produces {sorted(missing)}"
