"""
The page's process, asked as browsers, Prometheus and attackers ask it.

  T1 6in4, T2 ayiya (down), T3 6in4 of somebody else
"""
import contextlib
import hashlib
import http.client
import itertools
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import time

import pytest

from lib import packets
from lib.config import MARKERS, config, dynamic, static
from lib.topology import HOST6

PORT = 42080
ADMIN, OWNER = "admin-token-of-this-test", "token-of-the-owner-of-T1"
CONFIG = config(static("1", "198.51.100.7"), dynamic("2", "ayiya"), static("3", "198.51.100.9"),
                subnets=[("2001:db8:3001::/48", "1")], pop=["set latency 1"])


def sha256(token):
    return hashlib.sha256(token.encode()).hexdigest()


class Http(http.client.HTTPConnection):
    """From inside the PoP's namespace, to wherever it is asked for."""

    def __init__(self, pop, host="127.0.0.1", port=PORT, tls=None, timeout=10, source=None):
        super().__init__(host, port, timeout=timeout)
        self.pop, self.tls, self.source = pop, tls, source

    def connect(self):
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self.sock = self.pop.topology.pop.socket(family, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        if self.source:
            self.sock.bind((self.source, 0))
        self.sock.connect((self.host, self.port))
        if self.tls:
            self.sock = self.tls.wrap_socket(self.sock)


def ask(pop, path, token=None, method="GET", headers=(), **where):
    """Status, headers, body."""
    c = Http(pop, **where)
    try:
        head = dict(headers)
        if token:
            head["Authorization"] = f"Bearer {token}"
        c.request(method, path, headers=head)
        r = c.getresponse()
        return r.status, dict(r.getheaders()), r.read()
    finally:
        c.close()


def fetch(pop, path, token=None, **where):
    status, headers, body = ask(pop, path, token, **where)
    assert status == 200, (status, body)
    assert headers["Content-Type"] == "application/json"
    return json.loads(body)


def web_pid(pop):
    """The child that serves the page."""
    pid = pop.daemon.process.pid
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True)
    mine = [int(c) for c in children.stdout.split()
            if b"--web" in open(f"/proc/{c}/cmdline", "rb").read()]
    return mine[0] if mine else None


def wait_for(what, why, deadline_s=20):
    end = time.monotonic() + deadline_s
    while True:
        with contextlib.suppress(OSError, AssertionError, http.client.HTTPException):
            got = what()
            if got:
                return got
        assert time.monotonic() < end, why
        time.sleep(0.05)


@pytest.fixture
def p(pop):
    running = pop(CONFIG)
    running.one = running.p41("1", "198.51.100.7")
    return running


# ---- what is said ----

def test_the_pop_and_its_tunnels(p):
    p.one.ping(p.one.pop_inner)
    p.from_uplink(packets.filler(HOST6, p.one.inner, 100))
    p.one.receive()
    said = fetch(p, "/api/v1/pop")
    assert (said["name"], said["tunnels"]["configured"]) == ("testpop", 3 + len(MARKERS))
    assert said["traffic"]["total"]["in_packets"] >= 2 and said["revision"] >= 1
    assert said["prefixes"] == {"tunnel": "2001:db8:2ff::/48",
                                "subnets": ["2001:db8:3000::/40", "2001:db8:4242::/48"]}
    assert all({"cause", "severity", "sentence", "evidence", "remedy"} <= set(w)
               for w in said["why"])
    rows = fetch(p, "/api/v1/tunnels")
    table = {r[0]: dict(zip(rows["columns"], r)) for r in rows["rows"]}
    assert set(table) >= {"T1", "T2", "T3"}
    assert (table["T1"]["state"], table["T1"]["outer"]) == ("up", "198.51.100.7")
    assert (table["T2"]["state"], table["T2"]["outer"], table["T2"]["kind"]) == \
        ("down", None, "ayiya")
    one = fetch(p, "/api/v1/tunnels/T1")
    assert one["subnets"] == ["2001:db8:3001::/48"] and one["inner_them"] == p.one.inner
    assert one["traffic"]["out_packets"] == int(p.show("T1")["Packets Out (Total)"])
    assert {c["name"] for c in one["client"]} == {
        "Linux (ip tunnel)", "systemd-networkd", "OpenWrt", "MikroTik", "OPNsense", "AICCU"}
    steps = [s["step_s"] for s in fetch(p, "/api/v1/tunnels/T1/history")["series"]]
    assert steps == [60, 900, 21600]


def test_the_same_sentences_as_the_command_line(p):
    for tunnel in ("T1", "T2"):
        page = [w["cause"] for w in fetch(p, f"/api/v1/tunnels/{tunnel}")["why"]]
        line = [w["cause"] for w in json.loads(
            p.cli(f"json tunnel why {tunnel}").text)["why"]]
        assert page == line
    assert [w["cause"] for w in fetch(p, "/api/v1/pop")["why"]] == \
        [w["cause"] for w in json.loads(p.cli("json pop why").text)["why"]]


def test_the_offending_packet_field_by_field(p):
    bad = packets.filler("2001:db8:2ff:3::2", HOST6, 60)
    three = p.p41("3", "198.51.100.9")
    three.send(packets.filler("2001:db8:2ff:3::99", HOST6, 60))
    p.settle()
    errors = fetch(p, "/api/v1/tunnels/T3")["errors"]
    assert [e["reason"] for e in errors] == ["DROP_IP6_SOURCE_TRANSFER"]
    fields = {f["name"]: f for f in errors[0]["packet"]["fields"] if f["layer"] == "IPv6"}
    assert fields["source"]["value"] == "2001:db8:2ff:3::99"
    assert (fields["source"]["offset"], fields["source"]["length"]) == (8, 16)
    octets = bytes.fromhex(errors[0]["packet"]["octets"])
    assert octets[8:24] == socket.inet_pton(socket.AF_INET6, "2001:db8:2ff:3::99")
    assert errors[0]["packet"]["length"] == len(bad)


def test_no_password_is_ever_said(p):
    from lib.config import PASSWORD
    everything = b"".join(ask(p, path)[2] for path in (
        "/api/v1/pop", "/api/v1/tunnels", "/api/v1/tunnels/T2", "/api/v1/tunnels/T2/history"))
    assert PASSWORD.encode() not in everything and b"YOUR-PASSWORD" in everything


# ---- what a client is told ----

PLAIN = ["Linux (ip tunnel)", "systemd-networkd", "OpenWrt", "MikroTik", "OPNsense"]


def told(pop, tunnel):
    """The clients of a tunnel in their order; those that have a text."""
    said = fetch(pop, f"/api/v1/tunnels/{tunnel}")["client"]
    assert all(c["text"] or c["note"] for c in said)
    return {c["name"]: c for c in said}, [c["name"] for c in said if c["text"]]


def test_what_works_comes_first_and_what_cannot_is_not_to_be_copied(p):
    assert told(p, "T1")[1] == [*PLAIN, "AICCU"]
    clients, usable = told(p, "T2")
    assert list(clients)[0] == "AICCU" and usable == ["AICCU"]
    for name in PLAIN:
        assert clients[name]["file"] is None
        assert "tunnel set config 2 T2 heartbeat|<address>" in clients[name]["note"]
    for kind in ("heartbeat", "dynamic"):
        p.cli(f"tunnel set config 5 T5 {kind} up 1428 secret")
        clients, usable = told(p, "T5")
        assert usable == ["AICCU", *PLAIN] and clients["AICCU"]["note"] is None
        assert all("heartbeat each 60 s" in clients[name]["note"] for name in PLAIN)
    p.cli("tunnel set encap T5 gre key 7")
    p.cli("tunnel set config 5 T5 heartbeat up 1428 secret")
    clients, usable = told(p, "T5")
    assert usable == PLAIN[:3] and "GRE" in clients["AICCU"]["note"]
    assert "okey='7'" in clients["OpenWrt"]["text"]
    p.cli("tunnel set config 6 T6 2001:db8:cafe::7 up 1428")
    assert told(p, "T6")[1] == ["Linux (ip tunnel)", "systemd-networkd", "OPNsense", "AICCU"]


@pytest.mark.parametrize("hashed", ["sha1", "sha256"])
def test_the_heartbeat_that_is_copied_brings_the_tunnel_up(p, hashed):
    p.cli("tunnel set config 5 T5 heartbeat up 1428 a-secret")
    p.cli(f"tunnel set hash T5 {hashed}")
    text = told(p, "T5")[0]["Linux (ip tunnel)"]["text"]
    loop = text[text.index("while "):].replace("YOUR-PASSWORD", "a-secret")
    assert loop.count("sleep 60\n") == 1
    with p.topology.kernels():
        p.topology.isp.run("bash", "-c", loop.replace("sleep 60\n", "break\n"))
        wait_for(lambda: fetch(p, "/api/v1/tunnels/T5")["state"] == "up", p.errors("T5"))


# ---- who may see it ----

def test_without_a_token_only_this_host_sees(p):
    """Neither a browser that was led here by another name, nor what a proxy passes on."""
    assert fetch(p, "/api/v1/session")["role"] == "admin"
    for headers in ({"Host": "evil.example"}, {"Host": "127.0.0.1.evil.example"},
                    {"X-Forwarded-For": "203.0.113.7"}, {"Forwarded": "for=203.0.113.7"},
                    {"X-Real-IP": "203.0.113.7"}, {"Via": "1.1 proxy"}):
        status, _, body = ask(p, "/api/v1/pop", headers=headers)
        assert status == 401 and b"token" in body, headers
    assert fetch(p, "/api/v1/pop", headers={"Host": "localhost:42080"})["name"] == "testpop"


def test_without_a_token_no_other_host_sees(p):
    p.cli("pop set http 192.0.2.42 42080")
    status, _, body = ask(p, "/api/v1/pop", host="192.0.2.42")
    assert status == 401 and b"token" in body
    assert ask(p, "/", host="192.0.2.42")[0] == 200


def test_tokens(p):
    p.cli(f"pop set token admin {sha256(ADMIN)}")
    p.cli(f"tunnel set token T1 {sha256(OWNER)}")
    assert ask(p, "/api/v1/pop")[0] == 401
    assert ask(p, "/metrics")[0] == 401
    status, headers, body = ask(p, "/api/v1/pop", "wrong")
    assert status == 401 and "Bearer" in headers["WWW-Authenticate"] and b"wrong" in body
    for path in ("/api/v1/pop", "/api/v1/tunnels", "/api/v1/tunnels/T2"):
        assert ask(p, path, ADMIN)[0] == 200
        assert ask(p, path, OWNER)[0] in (401, 403), path
    assert fetch(p, "/api/v1/tunnels/T1", OWNER)["tunnel"] == "T1"
    assert ask(p, "/api/v1/tunnels/T1/history", OWNER)[0] == 200
    session = fetch(p, "/api/v1/session?tunnel=T1", OWNER)
    assert (session["role"], session["tunnel"]) == ("owner", "T1")
    # after the owner is known as well
    for path in ("/api/v1/pop", "/api/v1/tunnels", "/api/v1/tunnels/T3", "/metrics/tunnels",
                 "/api/v1/tunnels/T99", "/api/v1/pop/events"):
        assert ask(p, path, OWNER)[0] in (401, 403), path


def test_a_token_that_was_changed_is_wrong_at_once(p):
    p.cli(f"pop set token admin {sha256(ADMIN)}")
    assert ask(p, "/api/v1/pop", ADMIN)[0] == 200
    p.cli(f"pop set token admin {sha256('another')}")
    assert wait_for(lambda: ask(p, "/api/v1/pop", ADMIN)[0] == 401, "the old token is wrong")
    assert ask(p, "/api/v1/pop", "another")[0] == 200
    p.cli("pop set token admin none")
    assert wait_for(lambda: ask(p, "/api/v1/pop")[0] == 200, "no token is needed")


def test_guessing_is_slow(p):
    p.cli(f"pop set token admin {sha256(ADMIN)}")
    assert ask(p, "/api/v1/pop", ADMIN)[0] == 200
    guesses = (ask(p, "/api/v1/pop", f"guess{n}", source="127.0.0.2")[0] for n in itertools.count())
    seen = list(itertools.islice(itertools.takewhile(lambda code: code != 429, guesses), 1000))
    assert set(seen) == {401} and 20 < len(seen) < 1000
    for n in range(5):
        assert ask(p, "/api/v1/pop", ADMIN, source="127.0.0.2")[0] == 200, "who is known is not held up"
        p.cli(f"tunnel set config 1 T1 198.51.100.7 up {1400 + n}")
    p.cli(f"tunnel set token T1 {sha256(OWNER)}")
    assert ask(p, "/api/v1/tunnels/T1", OWNER)[0] == 200, "nor who asks from elsewhere"
    p.cli(f"pop set token admin {sha256('another')}")
    assert set(ask(p, "/api/v1/pop", ADMIN, source="127.0.0.2")[0] for _ in range(3)) <= {401, 429}


def test_a_token_that_is_set_while_the_process_hears_nothing(p):
    """The word that tells of it gets lost when so many wait: what counts is the configuration."""
    assert ask(p, "/api/v1/pop")[0] == 200
    pid = web_pid(p)
    os.kill(pid, signal.SIGSTOP)
    try:
        with p.daemon.session() as s:
            for n in range(600):
                assert s.ask(f"tunnel set config 1 T1 198.51.100.7 up {1400 + n % 50}").code == 200
        p.cli(f"pop set token admin {sha256(ADMIN)}")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert ask(p, "/api/v1/pop")[0] == 401
    assert ask(p, "/api/v1/pop", ADMIN)[0] == 200


def test_an_owner_reads_of_no_other_tunnel(p):
    p.cli(f"pop set token admin {sha256(ADMIN)}")
    p.cli(f"tunnel set token T1 {sha256(OWNER)}")
    stray = p.p41("1", "198.51.100.9")      # where T3's client is
    for _ in range(3):
        stray.send(packets.filler(stray.inner, HOST6, 100))
    p.settle()

    def first(token):
        return fetch(p, "/api/v1/tunnels/T1", token)["why"][0]["sentence"]
    assert "from 198.51.100.9 (where the client of T3 is)" in first(ADMIN)
    assert "from 198.51.100.9 (where the client of another tunnel is)" in first(OWNER)
    stream = Events(p, "/api/v1/tunnels/T1/events", OWNER)
    assert "another tunnel" in stream.next("tunnel")["why"][0]["sentence"]
    stream.close()


def test_tokens_are_saved_as_hashes_and_shown_to_nobody(p):
    p.cli(f"pop set token admin {sha256(ADMIN)}")
    p.cli(f"tunnel set token T1 {sha256(OWNER)}")
    p.cli("pop saveconfig")
    text = open(p.daemon.conf).read()
    assert f"token admin {sha256(ADMIN)}" in text and f"token T1 {sha256(OWNER)}" in text
    assert ADMIN not in text and OWNER not in text
    assert "No differences" in p.cli("config diff").text
    assert sha256(ADMIN) not in p.daemon.output()
    for wrong in ("hello", "0" * 63, "g" * 64):
        said = p.cli(f"pop set token admin {wrong}", 400).text
        assert "SHA-256" in said and wrong not in said


# ---- streams ----

class Events:
    """An event stream, read as it comes."""

    def __init__(self, pop, path, token=None, http=None):
        """@http: a connection on which @path was asked for"""
        self.http = http or Http(pop, timeout=15)
        if not http:
            self.http.request("GET", path,
                              headers={"Authorization": f"Bearer {token}"} if token else {})
        self.answer = self.http.getresponse()
        self.status = self.answer.status

    def lines(self, deadline_s=30):
        """Until it ends, which it has to by then."""
        end = time.monotonic() + deadline_s
        with contextlib.suppress(http.client.HTTPException, ConnectionError):
            while line := self.answer.readline():
                yield line
                assert time.monotonic() < end, "it goes on"

    def next(self, name):
        kind = None
        for line in self.lines():
            line = line.decode().rstrip("\n")
            if line.startswith("event: "):
                kind = line[7:]
            if line.startswith("data: ") and kind == name:
                return json.loads(line[6:])
        raise AssertionError(f"it ended without {name}")

    def close(self):
        self.http.close()


def test_events_come_each_second(p):
    stream = Events(p, "/api/v1/tunnels/T1/events")
    assert stream.answer.getheader("Content-Type") == "text/event-stream"
    before = stream.next("tunnel")["traffic"]["in_packets"]
    p.one.ping(p.one.pop_inner)
    seen = [stream.next("tunnel")["traffic"]["in_packets"] for _ in range(3)]
    assert seen[-1] > before
    stream.close()
    pops = Events(p, "/api/v1/pop/events")
    first, second = pops.next("pop"), pops.next("pop")
    assert second["now_ms"] > first["now_ms"]
    pops.close()


def test_the_live_decision_view_traces_while_it_is_open(p):
    stream = Events(p, "/api/v1/tunnels/T1/trace")
    assert stream.next("state") == {"on": True}
    assert p.show("T1")["Tunnel Debugging"] == "yes"
    p.one.send(packets.filler(p.one.inner, HOST6, 100))
    assert "[IPv6 : " in stream.next("trace")["text"]
    second = Events(p, "/api/v1/tunnels/T1/trace")
    assert "another session" in second.next("end")["why"]
    second.close()
    stream.close()
    wait_for(lambda: p.show("T1")["Tunnel Debugging"] == "no", "debugging ends with the stream")


def test_a_tunnel_that_is_removed_ends_its_stream(p):
    stream = Events(p, "/api/v1/tunnels/T3/events")
    stream.next("tunnel")
    p.cli("tunnel remove T3")
    assert ended(stream)
    stream.close()
    assert ask(p, "/api/v1/tunnels/T3")[0] == 404


def ended(stream):
    for _ in stream.lines():
        pass
    return True


def test_streams_end_when_their_token_is_none_any_more(p):
    p.cli(f"pop set token admin {sha256(ADMIN)}")
    p.cli(f"tunnel set token T1 {sha256(OWNER)}")
    p.cli(f"tunnel set token T3 {sha256(OWNER)}")
    admin = [Events(p, f"/api/v1/{what}", ADMIN) for what in ("pop/events", "tunnels/T1/events")]
    owner = [Events(p, f"/api/v1/tunnels/T1/{what}", OWNER) for what in ("events", "trace")]
    other = Events(p, "/api/v1/tunnels/T3/events", OWNER)
    other.next("tunnel")
    p.cli("tunnel set token T1 none")
    assert all(ended(s) for s in owner)
    p.cli(f"pop set token admin {sha256('another')}")
    assert all(ended(s) for s in admin)
    for _ in range(2):
        assert other.next("tunnel")["tunnel"] == "T3", "and those whose token is right go on"
    other.close()


def test_a_stream_is_of_the_tunnel_that_was_asked_for(p):
    live = [Events(p, f"/api/v1/tunnels/T{n}/events") for n in "13"]
    for s in live:
        s.next("tunnel")
    trace = Events(p, "/api/v1/tunnels/T2/trace")
    assert trace.next("state")["on"]
    p.cli("tunnel set debug T2 off")
    assert "debugging off" in trace.next("end")["why"] and ended(trace)
    trace = Events(p, "/api/v1/tunnels/T1/trace")
    assert trace.next("state")["on"]
    p.daemon.reload(CONFIG.replace("config 1 T1 ", "config 1 T0 ").replace("config 3 T3 ", "config 3 T1 ").replace(
        "config 1 T0 ", "config 1 T3 "))
    assert all(ended(s) for s in live), "slots 1 and 3 are others' now"
    assert trace.next("end")["why"] == "the tunnel is gone" and ended(trace)
    assert fetch(p, "/api/v1/tunnels/T1")["tunnel"] == "T1"


@pytest.mark.parametrize("name, before", [("X-Forwarded-For", "192.0.2.77, "), ("X-Real-IP", "")])
def test_behind_a_proxy_wrong_tokens_are_those_of_who_sent_them(p, name, before):
    p.cli(f"pop set token admin {sha256(ADMIN)}")

    def asked(token, address):
        return ask(p, "/api/v1/pop", token, headers={name: before + address})[0]
    guesses = (asked("wrong", "203.0.113.9") for _ in itertools.count())
    assert 429 in itertools.islice(guesses, 1000)
    assert asked(ADMIN, "192.0.2.77") == 200, "not slowed down by another's guesses"
    assert asked("wrong", "2001:db8:77::1") == 401
    p.cli(f"pop set token admin {sha256('new')}")
    assert ask(p, "/api/v1/pop", "new")[0] == 200, "nor is who comes without a proxy"


def test_owners_leave_streams_for_the_operator(p):
    p.cli(f"pop set token admin {sha256(ADMIN)}")
    owners = {f"T{n}": f"the owner of {n}" for n in range(0x40, 0x48)}
    for name, token in owners.items():
        p.cli(f"tunnel set config {int(name[1:]):x} {name} 198.51.100.{name[1:]} up 1480")
        p.cli(f"tunnel set token {name} {sha256(token)}")

    def opened(name, what, token):
        s = Events(p, f"/api/v1/tunnels/{name}/{what}", token)
        assert s.status == 200
        return s

    def refused(what, token):
        status, _, body = ask(p, what, token)
        assert status == 503 and b"too many streams" in body

    first = list(owners)[:6]
    last = list(owners)[-1]
    streams = [opened(name, "trace", owners[name]) for name in first]
    refused(f"/api/v1/tunnels/{last}/trace", owners[last])
    streams += [opened(name, "events", owners[name]) for name in first for _ in range(5)]
    streams += [opened(name, "events", owners[name]) for name in list(owners)[6:] for _ in range(6)]
    refused(f"/api/v1/tunnels/{last}/events", owners[last])
    streams += [opened(name, "trace", ADMIN) for name in list(owners)[6:]]
    streams += [Events(p, "/api/v1/pop/events", ADMIN) for _ in range(14)]
    streams[-1].next("pop")
    refused("/api/v1/pop/events", ADMIN)
    for s in streams:
        s.close()


def test_one_owner_leaves_streams_for_others(p):
    p.cli(f"pop set token admin {sha256(ADMIN)}")
    p.cli(f"tunnel set token T1 {sha256(OWNER)}")
    own = [Events(p, "/api/v1/tunnels/T1/events", OWNER) for _ in range(8)]
    for s in own:
        s.next("tunnel")
    status, _, body = ask(p, "/api/v1/tunnels/T1/events", OWNER)
    assert status == 429 and b"too many streams" in body
    more = [Events(p, "/api/v1/tunnels/T1/events", ADMIN) for _ in range(9)]
    for s in more:
        s.next("tunnel")
    own.pop().close()

    def another():
        own.append(Events(p, "/api/v1/tunnels/T1/events", OWNER))
        try:
            return own[-1].next("tunnel")
        except AssertionError:
            own.pop().close()
            raise
    wait_for(another, "one that was closed leaves its place", 20)
    for s in own + more:
        s.close()


def test_without_a_token_streams_end_when_there_is_one(p):
    stream = Events(p, "/api/v1/pop/events")
    stream.next("pop")
    p.cli(f"pop set token admin {sha256(ADMIN)}")
    assert ended(stream)


def test_who_had_a_tunnel_does_not_see_the_next_one_of_that_number(p):
    p.cli(f"tunnel set token T3 {sha256(OWNER)}")
    stream = Events(p, "/api/v1/tunnels/T3/events", OWNER)
    stream.next("tunnel")
    with p.daemon.session() as s:
        s.send("tunnel remove T3\ntunnel set config 3 T3 198.51.100.77 up 1480\n")
        assert [s.answer().code, s.answer().code] == [200, 200]
    assert b"198.51.100.77" not in b"".join(stream.lines())


# ---- where it listens ----

def test_it_moves_and_a_place_that_is_not_there_changes_nothing(p):
    p.cli("pop set http 127.0.0.1 42090")
    assert fetch(p, "/api/v1/session", port=42090)["role"] == "admin"
    with pytest.raises(OSError):
        ask(p, "/api/v1/session")
    taken = p.topology.pop.socket(socket.AF_INET, socket.SOCK_STREAM)
    taken.bind(("127.0.0.1", 42091))
    taken.listen()
    for wrong, code, said in (
            ("203.0.113.99 42092", 500, "cannot listen"), ("127.0.0.1 42091", 500, "taken"),
            ("127.0.0.1 0", 400, "outside range"), ("127.0.0.1", 400, "port"),
            ("127.0.0.1 42092 /nowhere/cert.pem /nowhere/key.pem", 500, "certificate"),
            ("127.0.0.1 42092 cert.pem key.pem", 400, "absolute")):
        assert said in p.cli(f"pop set http {wrong}", code).text, wrong
        assert fetch(p, "/api/v1/session", port=42090)["role"] == "admin"
    taken.close()
    p.cli("pop set http off")
    with pytest.raises(OSError):
        ask(p, "/api/v1/session", port=42090)
    p.cli("pop set http ::1 42080")
    assert fetch(p, "/api/v1/session", host="::1")["role"] == "admin"


@pytest.fixture
def certificate(tmp_path):
    os.chmod(tmp_path, 0o755)
    for parent in tmp_path.parents:
        if str(parent).startswith("/tmp/pytest"):
            os.chmod(parent, 0o755)

    def make(name):
        key, cert = tmp_path / f"{name}.key", tmp_path / f"{name}.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key,
                        "-out", cert, "-days", "2", "-subj", f"/CN={name}"], check=True,
                       capture_output=True)
        os.chmod(key, 0o644)
        return cert, key
    return make


def subject(p):
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    c = Http(p, tls=tls)
    c.connect()
    der = c.sock.getpeercert(binary_form=True)
    c.close()
    return der


def test_tls_and_its_renewal(p, certificate):
    cert, key = certificate("first")
    other_cert, other_key = certificate("second")
    assert "not that of the certificate" in p.cli(
        f"pop set http 127.0.0.1 42080 {cert} {other_key}", 500).text
    p.cli(f"pop set http 127.0.0.1 42080 {cert} {key}")
    tls = ssl.create_default_context(cafile=cert)
    tls.check_hostname = False
    assert fetch(p, "/api/v1/session", tls=tls)["role"] == "admin"
    with pytest.raises((OSError, http.client.HTTPException)):
        ask(p, "/api/v1/session")
    before = subject(p)
    live = Http(p, tls=tls, timeout=15)
    live.request("GET", "/api/v1/pop/events")
    live = Events(p, None, http=live)
    first_cert, first_key = cert.read_bytes(), key.read_bytes()
    p.cli("pop saveconfig")
    cert.write_bytes(other_cert.read_bytes())
    key.write_bytes(other_key.read_bytes())
    p.cli("tunnel set mss T1 auto")
    assert subject(p) == before, "an unrelated command does not touch it"
    p.cli("config apply")
    assert subject(p) != before, "a file that is read again reads the certificate too"
    for _ in range(3):
        live.next("pop")                # and cuts nobody off
    second = subject(p)
    cert.write_bytes(first_cert)
    key.write_bytes(first_key)
    p.cli("config apply")
    assert subject(p) == before, "also one that says what it said before"
    key.write_bytes(other_key.read_bytes())
    assert "not that of the certificate" in p.cli("config apply", 500).text
    assert subject(p) == before != second, "and what is wrong changes nothing"


def test_a_whole_chain_is_served(p, certificate, tmp_path):
    """The certificate of who vouches for it comes along: a client has the root only."""
    def openssl(*argv):
        subprocess.run(["openssl", *argv], check=True, capture_output=True, cwd=tmp_path)

    root, root_key = certificate("root")
    for name, by, ca in (("middle", "root", "TRUE"), ("leaf", "middle", "FALSE")):
        (tmp_path / f"{name}.ext").write_text(f"basicConstraints=CA:{ca}\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
                "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{by}.pem", "-CAkey", f"{by}.key",
                "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem")
    chain, key = tmp_path / "chain.pem", tmp_path / "leaf.key"
    chain.write_bytes(b"".join((tmp_path / f"{n}.pem").read_bytes() for n in ("leaf", "middle")))
    os.chmod(key, 0o644)
    p.cli(f"pop set http 127.0.0.1 42080 {chain} {key}")
    tls = ssl.create_default_context(cafile=root)
    tls.check_hostname = False
    assert fetch(p, "/api/v1/session", tls=tls)["role"] == "admin"


def test_what_is_no_certificate_or_key_is_said(p, certificate, tmp_path):
    cert, key = certificate("good")
    made = {"fifo": None, "empty": b"", "cut": cert.read_bytes()[:300], "words": b"hello\n" * 99,
            "huge": b"A" * (3 << 20), "half": cert.read_bytes() + b"-----BEGIN CERTIFICATE-----\nAAAA\n"}
    os.mkfifo(tmp_path / "fifo")
    for name, data in made.items():
        if data is not None:
            (tmp_path / name).write_bytes(data)
    (tmp_path / "secret").write_bytes(key.read_bytes())
    subprocess.run(["openssl", "pkey", "-in", key, "-out", tmp_path / "encrypted", "-aes256",
                    "-passout", "pass:x"], check=True, capture_output=True)
    os.chmod(tmp_path / "encrypted", 0o644)
    os.chmod(tmp_path / "secret", 0o600)
    for name in made:
        bad = tmp_path / name
        said = "plain file" if name == "fifo" else "far too large" if name == "huge" else ""
        text = p.cli(f"pop set http 127.0.0.1 42080 {bad} {key}", 500).text
        assert f"cannot use the certificate {bad}: " in text and said in text, name
        if name != "half":
            text = p.cli(f"pop set http 127.0.0.1 42080 {cert} {bad}", 500).text
            assert f"cannot use the key {bad}: " in text and said in text, name
    text = p.cli(f"pop set http 127.0.0.1 42080 {cert} {tmp_path}/encrypted", 500).text
    assert "it is encrypted" in text and "openssl pkey" in text
    text = p.cli(f"pop set http 127.0.0.1 42080 {cert} {tmp_path}/secret", 500).text
    assert "Permission denied (as the user the daemon runs as)" in text
    assert fetch(p, "/api/v1/session")["role"] == "admin", "as it was before"


# ---- it is nobody's victim ----

def arena_kib(pid):
    """What its libraries have touched of their memory; a sanitizer's own is not in it."""
    found = re.findall(r"Size: +65536 kB\n(?:.*\n)*?Rss: +(\d+) kB\n(?:.*\n)*?VmFlags:(.*)",
                       open(f"/proc/{pid}/smaps").read())
    rss, = [int(kib) for kib, flags in found if " wr " in flags]
    return rss


def rss_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status").read())[1])


def test_what_is_sent_while_an_answer_waits_is_not_kept(p):
    pid = web_pid(p)
    ask(p, "/app.js")
    before = rss_kib(pid)
    s = p.topology.pop.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("127.0.0.1", PORT))
    s.sendall(b"GET /app.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 40)
    s.settimeout(1)
    with contextlib.suppress(OSError):
        for _ in range(48 * 16):
            s.sendall(b"x" * 65536)
    assert rss_kib(pid) < before + 4096 and web_pid(p) == pid
    assert fetch(p, "/api/v1/session")["role"] == "admin"
    s.close()


def raw(p, data, wait_s=10, host="127.0.0.1"):
    s = p.topology.pop.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.settimeout(wait_s)
    s.connect((host, PORT))
    s.sendall(data)
    got, end = b"", time.monotonic() + 30
    with contextlib.suppress(OSError):
        while part := s.recv(65536):
            got += part
            assert time.monotonic() < end, "it goes on"
    s.close()
    return got


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 20000 + b"\r\n\r\n",
    b"POST /api/v1/pop HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello",
    b"DELETE /api/v1/tunnels/T1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"GET //evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"GET http://evil.example/api/v1/pop HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"GET /api/v1/tunnels/T1/../../pop HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"GET /api/v1/tunnels/T\xff\xfe%00 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"GET /api/v1/session?tunnel=T1&tunnel=%00%0d%0aX:y HTTP/1.1\r\nHost: localhost\r\n"
    b"Connection: close\r\n\r\n",
    b"\0" * 5000, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500,
    b"GET / HTTP/9.9\r\n\r\n", b"\r\n\r\n\r\n", b"GET",
], ids=["headers", "post", "delete", "dots", "coded dots", "slashes", "proxy", "up", "octets",
        "query", "zeros", "tls", "version", "empty", "part"])
def test_nonsense(p, data):
    before = web_pid(p)
    got = raw(p, data, wait_s=2)
    assert b"root:" not in got
    status = re.match(rb"HTTP/1\.[01] (\d+)", got)
    if status and b"session" not in data and b"//evil.example/ " not in data:
        assert int(status[1]) in (400, 401, 404, 405, 413, 501, 505), got[:200]
    assert fetch(p, "/api/v1/session")["role"] == "admin" and web_pid(p) == before


def test_more_connections_than_there_is_room_for(p):
    """Who connects and says nothing is put out; the tunnels do not notice."""
    silent = []
    for _ in range(300):
        s = p.topology.pop.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.settimeout(0.2)
        try:
            s.connect(("127.0.0.1", PORT))
        except OSError:
            s.close()
            break
        silent.append(s)
    assert len(os.listdir(f"/proc/{web_pid(p)}/fd")) < 150, "no more are taken than are looked after"
    p.one.ping(p.one.pop_inner)
    assert int(p.show("T1")["Packets In  (Total)"]) > 0
    assert web_pid(p)
    assert wait_for(lambda: fetch(p, "/api/v1/session", timeout=30)["role"] == "admin",
                    "the silent ones are put out", 60)
    for s in silent:
        s.close()


@pytest.mark.parametrize("which", ["first", "second"])
def test_a_request_that_never_ends_is_ended(p, which):
    s = p.topology.pop.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.connect(("127.0.0.1", PORT))
    if which == "second":
        s.send(b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert s.recv(4096).startswith(b"HTTP/1.1 404")
    s.settimeout(0.5)
    end = time.monotonic() + 50
    s.send(b"GET / HTTP/1.1\r\n")
    closed = False
    while not closed and time.monotonic() < end:
        try:
            s.send(b"X: y\r\n")
            closed = s.recv(100) != b"" or True
        except TimeoutError:
            continue
        except OSError:
            closed = True
    assert closed
    s.close()


def test_one_address_leaves_room_for_others(p):
    p.cli("pop set http 192.0.2.42 42080")
    many = []

    def ended():
        n = 0
        for s in many:
            with contextlib.suppress(BlockingIOError):
                n += s.recv(1, socket.MSG_PEEK) == b""
        return n
    with p.topology.kernels():
        for _ in range(60):
            s = p.topology.isp.socket(socket.AF_INET, socket.SOCK_STREAM)
            s.settimeout(10)
            s.connect(("192.0.2.42", PORT))
            s.setblocking(False)
            many.append(s)
        wait_for(lambda: ended() >= 28, "those that are too many are ended", 10)
        assert ended() < 60, "and no others"
        assert ask(p, "/api/v1/pop", host="192.0.2.42")[0] == 401
        for s in many:
            s.close()


def test_a_reader_that_does_not_read(p):
    """Its stream is bounded in our memory, and others are answered."""
    slow = [Events(p, "/api/v1/pop/events") for _ in range(8)]
    for s in slow:
        s.next("pop")
    time.sleep(3)
    assert fetch(p, "/api/v1/session")["role"] == "admin"
    assert rss_kib(web_pid(p)) < 400 * 1024
    for s in slow:
        s.close()


def test_streams_that_were_left_leave_nothing_behind(p):
    pid = web_pid(p)

    def come_and_go(times):
        before = len(os.listdir(f"/proc/{pid}/fd"))
        for _ in range(times):
            s = p.topology.pop.socket(socket.AF_INET, socket.SOCK_STREAM)
            s.connect(("127.0.0.1", PORT))
            s.sendall(b"GET /api/v1/tunnels/T1/events HTTP/1.1\r\nHost: localhost\r\n"
                      b"X: " + b"a" * 7000 + b"\r\n\r\n")
            assert s.recv(100).startswith(b"HTTP/1.1 200")
            s.close()
        wait_for(lambda: len(os.listdir(f"/proc/{pid}/fd")) <= before, "all are gone")

    come_and_go(50)
    before = arena_kib(pid)
    come_and_go(500)
    assert arena_kib(pid) < before + 2048, "each kept some 14 KiB"


# ---- it is a process of its own ----

def test_it_has_no_privilege_no_secret_and_cannot_write_the_state(p):
    pid = web_pid(p)
    status = open(f"/proc/{pid}/status").read()
    assert re.search(r"CapEff:\s+0+$", status, re.M) and re.search(r"CapPrm:\s+0+$", status, re.M)
    assert re.search(r"NoNewPrivs:\s+1", status) and re.search(r"^Uid:\s+[1-9]", status, re.M)
    assert re.search(r"Seccomp:\s+2", status), "and can open nothing: tests/unit/t_cage.c"
    assert os.stat(f"/proc/{pid}/mem").st_uid == 0, "nobody of its user can look into it"
    arena = re.findall(r"Size: +65536 kB\n(?:.*\n)*?VmFlags:(.*)", open(f"/proc/{pid}/smaps").read())
    arena = [flags for flags in arena if " wr " in flags]
    assert arena and all(" dd " in flags for flags in arena), "nor is it in a core"
    maps = open(f"/proc/{pid}/maps").read()
    assert "sixxsd-secrets" not in maps
    state = [line for line in maps.splitlines() if "memfd:sixxsd" in line]
    assert state and all(line.split()[1].startswith("r--") for line in state), state
    owned = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    assert not any("tun" in o or "raw" in o or "secrets" in o for o in owned)


def test_it_dies_and_comes_back(p):
    for sig in (signal.SIGKILL, signal.SIGABRT):
        pid = web_pid(p)
        os.kill(pid, sig)
        p.one.ping(p.one.pop_inner)
        wait_for(lambda: fetch(p, "/api/v1/session")["role"] == "admin" and web_pid(p) != pid,
                 "another process serves")
    assert "web: the process" in p.daemon.output()


def test_a_bad_certificate_while_it_is_gone_does_not_keep_it_away(p):
    """What is refused was tried with a process made for it: that one goes, the old place is restored."""
    os.kill(web_pid(p), signal.SIGKILL)
    wait_for(lambda: not web_pid(p), "it is gone", 10)
    assert "certificate" in p.cli(f"pop set http 127.0.0.1 {PORT} /nosuch.pem /nosuch.key", 500).text
    wait_for(lambda: fetch(p, "/api/v1/session", timeout=5)["role"] == "admin", "the page is back", 60)


def test_a_page_that_nobody_asked_for_keeps_no_tunnel_from_starting(pop):
    """Its process cannot be made at first: said, tried again, and forwarding does not wait for it."""
    p = pop(CONFIG, wrap=["strace", "-D", "-qq", "-o", "/dev/null", "-e", "trace=socketpair",
                          "-e", "inject=socketpair:error=EMFILE:when=1"])
    assert "web: no socket for the page's process: Too many open files; another try in" in p.daemon.output()
    one = p.p41("1", "198.51.100.7")
    one.ping(one.pop_inner)
    wait_for(lambda: "ok" if ask(p, "/api/v1/session")[0] == 200 else None, "the page comes later", 60)


def test_a_default_port_that_is_taken_is_said_once(topology, pop):
    with topology.pop.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", PORT))
        other.listen()
        p = pop(CONFIG)
        for n in range(3):
            p.cli(f"tunnel set config {n + 17} T{n + 23} 198.51.100.{n + 60} up 1480")
        assert p.daemon.output().count("no page: ") == 1, p.daemon.output()


def test_another_address_of_its_own_port_is_said_to_be_taken_by_itself(p):
    assert "the page itself listens on port" in p.cli(f"pop set http 0.0.0.0 {PORT}", 500).text
    with p.topology.pop.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
        other.bind(("127.0.0.2", PORT))
        other.listen()
        assert "the page itself" not in p.cli(f"pop set http 127.0.0.2 {PORT}", 500).text
    assert fetch(p, "/api/v1/session")["role"] == "admin"


def test_it_goes_with_the_daemon(p):
    pid = web_pid(p)
    os.kill(p.daemon.process.pid, signal.SIGKILL)
    p.daemon.process.wait()
    wait_for(lambda: not os.path.exists(f"/proc/{pid}"), "the page's process is gone too")
    p.daemon.process = None


def test_a_process_that_hangs_holds_nothing_up(p):
    pid = web_pid(p)
    os.kill(pid, signal.SIGSTOP)
    try:
        p.one.ping(p.one.pop_inner)
        p.cli("tunnel set mss T1 auto")
        assert "did not answer" in p.cli("pop set http 127.0.0.1 42095", 500).text
        p.one.ping(p.one.pop_inner)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert wait_for(lambda: fetch(p, "/api/v1/session")["role"] == "admin", "as it was before")


def test_questions_that_could_not_be_asked_are_not_waited_for(p):
    """While control does not listen there is no room for more of them than that."""
    p.cli(f"pop set token admin {sha256(ADMIN)}")
    assert ask(p, "/api/v1/pop", ADMIN)[0] == 200
    refused, end = 0, time.monotonic() + 60
    daemon = p.daemon.process.pid
    os.kill(daemon, signal.SIGSTOP)
    try:
        for _ in range(600):
            s = p.topology.pop.socket(socket.AF_INET, socket.SOCK_STREAM)
            s.settimeout(10)
            s.connect(("127.0.0.1", PORT))
            s.sendall(b"GET /api/v1/tunnels/T1/trace HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " +
                      ADMIN.encode() + b"\r\n\r\n")
            assert s.recv(100).startswith((b"HTTP/1.1 200", b"HTTP/1.1 503"))
            s.close()
        while refused < 70:     # more than can wait
            refused += ask(p, "/api/v1/pop", "guess")[0] == 503
            assert time.monotonic() < end
            time.sleep(0.05)
    finally:
        os.kill(daemon, signal.SIGCONT)
    wait_for(lambda: ask(p, "/api/v1/tunnels/T1", "guess")[0] == 401, "it asks again")


def test_a_view_that_is_asked_for_while_control_waits_is_shown_afterwards(p, certificate):
    """It is a command, and another one's transaction is open then."""
    cert, _ = certificate("first")
    _, key = certificate("second")
    watching = Http(p)
    watching.request("GET", "/api/v1/session")      # a connection the process knows
    watching.getresponse().read()
    pid = web_pid(p)
    os.kill(pid, signal.SIGSTOP)
    try:
        # both are there when it goes on, the view's request first
        watching.request("GET", "/api/v1/tunnels/T1/trace")
        with p.daemon.session() as s:
            s.send(f"pop set http 127.0.0.1 42090 {cert} {key}\n")
            time.sleep(0.3)
            os.kill(pid, signal.SIGCONT)
            said = s.answer()
    finally:
        os.kill(pid, signal.SIGCONT)
    assert said.code == 500 and "not that of the certificate" in said.text
    stream = Events(p, None, http=watching)
    assert stream.next("state") == {"on": True}
    assert p.show("T1")["Tunnel Debugging"] == "yes"
    stream.close()


# ---- the bundle ----

def test_the_page_is_served_with_strict_headers(p):
    for path, kind in (("/", "text/html"), ("/app.js", "text/javascript"), ("/app.css", "text/css")):
        status, headers, body = ask(p, path)
        assert status == 200 and headers["Content-Type"].startswith(kind) and body
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY" and headers["Referrer-Policy"] == "no-referrer"
        status, headers, packed = ask(p, path, headers={"Accept-Encoding": "gzip"})
        assert headers["Content-Encoding"] == "gzip" and len(packed) < len(body)
    assert ask(p, "/app.map")[0] == 404
    api = json.loads(ask(p, "/api/v1/openapi.json")[2])
    assert api["openapi"].startswith("3.1")


def test_every_path_is_described(p):
    api = json.loads(ask(p, "/api/v1/openapi.json")[2])
    for path, item in api["paths"].items():
        at = path.replace("{tunnel}", "T1")
        if "text/event-stream" in item["get"]["responses"]["200"]["content"]:
            stream = Events(p, at)
            assert stream.status == 200, at
            stream.close()
            continue
        status, headers, body = ask(p, at)
        assert status == 200, at
        kind = headers["Content-Type"].split(";")[0]
        content = item["get"]["responses"]["200"]["content"]
        assert kind in content, (at, kind)
        schema = content[kind].get("schema", {})
        if "$ref" in schema and kind == "application/json":
            name = schema["$ref"].split("/")[-1]
            want = api["components"]["schemas"][name]
            assert set(want["required"]) == set(json.loads(body)), at


def test_head_and_keep_alive(p):
    status, headers, body = ask(p, "/api/v1/pop", method="HEAD")
    assert status == 200 and body == b""
    c = Http(p)
    for _ in range(5):
        c.request("GET", "/api/v1/session")
        assert json.loads(c.getresponse().read())["role"] == "admin"
    c.close()


AFTER = b"GET /api/v1/session HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("path", ["/", "/nothing", "/api/v1/pop", "/api/v1/tunnels", "/metrics",
                                  "/metrics/tunnels", "/api/v1/pop/events"])
def test_no_body_follows_head(p, path):
    """It would be taken for the next answer on that connection."""
    got = raw(p, f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() + AFTER)
    head, rest = got.split(b"\r\n\r\n", 1)
    assert rest.startswith(b"HTTP/1.1 200 OK\r\n") and rest.endswith(b"}"), got
    length = re.search(rb"\r\nContent-Length: (\d+)", head)
    if path in ("/", "/nothing"):
        assert int(length[1]) == len(ask(p, path)[2])


@pytest.mark.parametrize("path", ["/api/v1/tunnels", "/metrics/tunnels"])
def test_what_comes_in_pieces_ends_with_a_connection_of_http_1_0(p, path):
    s = p.topology.pop.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.settimeout(20)
    s.connect(("127.0.0.1", PORT))
    s.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n".encode())
    got = b""
    while part := s.recv(65536):        # that it ends is what is waited for
        got += part
    s.close()
    head, body = got.split(b"\r\n\r\n", 1)
    assert b"Content-Length" not in head and b"keep-alive" not in head.lower() and body


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("headers", [
    "Content-Length : 5", "Content-Length\t: 5", "Content-Length: 0\r\nContent-Length: 5",
    "Content-Length: +5", "Content-Length: 5, 5", "Content-Length: 5\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: xchunked", "Transfer-Encoding: gzip, chunked", "Host: elsewhere", "A b: c", ": c",
    "X-Forwarded-For : 203.0.113.7"])
def test_what_can_be_read_in_two_ways_is_not_answered(p, method, headers):
    """A proxy may see its end elsewhere than we do: what comes then would be somebody else's request."""
    got = raw(p, f"{method} /nothing HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n\r\n".encode() +
              b"0\r\n\r\n" + AFTER, wait_s=2)
    assert b"admin" not in got and len(re.findall(rb"HTTP/1\.[01] ", got)) <= 1, got
    assert not got or got.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 ")), got


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT",
                                    "PATCH"])
def test_a_body_is_no_request(p, method):
    hidden = AFTER.replace(b"session", b"pop").replace(b"close", b"keep-alive")
    for body in (f"Content-Length: {len(hidden)}\r\n\r\n".encode() + hidden,
                 b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(hidden) + hidden + b"\r\n0\r\n\r\n"):
        got = raw(p, f"{method} /nothing HTTP/1.1\r\nHost: localhost\r\n".encode() + body + AFTER)
        assert got.count(b"HTTP/1.1 ") <= 2 and got.count(b"testpop") <= 1, got


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
def test_nothing_is_changed_by_the_page(p, method):
    """405 in our words and with our headers, wherever, before anybody is asked for a token."""
    for path in ("/metrics", "/api/v1/pop", "/", "/no/such"):
        status, headers, body = ask(p, path, method=method)
        assert (status, headers.get("Allow")) == (405, "GET, HEAD"), (path, status, body)
        assert headers["Content-Type"] == "application/json" and "error" in json.loads(body)
        assert headers["X-Frame-Options"] == "DENY" and headers["Server"] == "sixxsd"
        assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_a_body_is_bounded_and_read_past(p):
    c = Http(p)
    c.request("POST", "/metrics", body=b"x" * 1000)
    r = c.getresponse()
    assert r.status == 405 and "error" in json.loads(r.read())
    c.request("GET", "/api/v1/session")
    assert json.loads(c.getresponse().read())["role"] == "admin"
    c.close()
    got = raw(p, b"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n")
    assert not got or b" 413 " in got.split(b"\r\n")[0]
