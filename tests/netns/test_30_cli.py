"""
The command line: framing to the octet, conversations as data (tests/data/cli), and
everything a stranger or a broken client can do to it.

  T1 198.51.100.1 static   T2 ayiya   T3 heartbeat   T4 disabled   :3001: -> T1
"""
import glob
import json
import os
import re
import select
import socket
import struct
import time

import pytest

from lib import packets
from lib.config import PASSWORD, config, dynamic, static
from lib.daemon import CLI_S, ERROR_NAMES, CliError
from lib.topology import HOST6

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "cli")
TUNNELS = (static("1", "198.51.100.1"), dynamic("2", "ayiya"), dynamic("3", "heartbeat", 1280),
           static("4", "198.51.100.4", state="disabled"))
SUBNETS = [("2001:db8:3001::/48", "1")]
CONFIG = config(*TUNNELS, subnets=SUBNETS)


@pytest.fixture(scope="module")
def running(module_pop):
    p = module_pop(CONFIG)
    p.one = p.p41("1", "198.51.100.1")
    return p


# ---- conversations ----

def steps(path):
    """[(sent, [(kind, text)])]"""
    result = []
    with open(path, encoding="utf-8") as f:
        for line in f.read().splitlines():
            if line.startswith(">"):
                result.append((line[2:], []))
            elif line[:1] in ("<", "~"):
                result[-1][1].append((line[0], line[2:]))
            elif line == "...":
                result[-1][1].append((".", ""))
            else:
                assert not line or line.startswith("#"), f"{path}: {line!r}"
    return result


def fits(kind, text, line):
    return line == text if kind == "<" else re.fullmatch(text, line) is not None


def compare(sent, want, got):
    lines, at = got.raw.split("\n"), 0
    for n, (kind, text) in enumerate(want):
        if kind == ".":
            while at < len(lines) and not fits(*want[n + 1], lines[at]):
                at += 1
            continue
        assert at < len(lines) and fits(kind, text, lines[at]), \
            f"> {sent}\nwanted {kind} {text}\ngot line {at} of:\n{got.raw}"
        at += 1
    assert at == len(lines), f"> {sent}\nmore than wanted:\n{got.raw}"


@pytest.mark.parametrize("path", sorted(glob.glob(os.path.join(DATA, "*.txt"))),
                         ids=os.path.basename)
def test_conversation(running, topology, path):
    # a fresh state each: the marker tunnel is left out, so that lists are what they say
    running.daemon.stop()
    running.daemon.write(config(*TUNNELS, subnets=SUBNETS, marker=False))
    running.daemon.start()
    try:
        with running.daemon.session() as s:
            for sent, want in steps(path):
                compare(sent, want, s.ask(sent))
    finally:
        running.daemon.stop()
        running.daemon.write(CONFIG)
        running.daemon.start()


# ---- framing and connections ----

def test_banner(running):
    with running.daemon.session() as s:
        assert re.fullmatch(r"200 testpop sixxsd \S+", s.banner)
    for address in ("127.0.0.1", "::1"):
        with running.daemon.tcp(address) as s:
            assert s.banner.startswith("200 testpop sixxsd ")
            assert s.ask("pop get id").raw == "200 1"


def test_it_listens_on_loopback_alone(running):
    for address in ("192.0.2.42", "2001:db8::42"):
        with pytest.raises(OSError):
            running.daemon.tcp(address)


def test_nothing_listens_on_udp_42003(running, topology):
    with topology.pop.inside():
        with open("/proc/thread-self/net/udp", encoding="ascii") as f:
            assert f":{42003:04X} " not in f.read()


def test_the_access_list(running):
    running.cli("pop cliacl remove 127.0.0.1")
    try:
        with running.daemon.tcp("127.0.0.1", banner=False) as s:
            said = s.rest()
            assert len(said) < 200 and not said.startswith(b"200")
        with running.daemon.tcp("::1") as s:
            assert s.ask("pop get id").code == 200
        running.cli("pop cliacl add 127.0.0.0/8")
        with running.daemon.tcp("127.0.0.1") as s:
            assert s.ask("pop get id").code == 200
    finally:
        running.cli("pop cliacl reset")
        running.cli("pop cliacl add 127.0.0.1")
        running.cli("pop cliacl add ::1")


def test_an_empty_list_admits_nobody_by_tcp(running):
    running.cli("pop cliacl reset")
    try:
        for address in ("127.0.0.1", "::1"):
            with running.daemon.tcp(address, banner=False) as s:
                assert not s.rest().startswith(b"200")
        assert running.cli("pop get id").text == "1", "the UNIX socket does not pass the list"
    finally:
        running.cli("pop cliacl add 127.0.0.1")
        running.cli("pop cliacl add ::1")


def test_reset_by_tcp_keeps_who_asked(running):
    with running.daemon.tcp("127.0.0.1") as s:
        assert s.ask("pop cliacl reset").raw == "200 CLI ACL has been reset"
        assert s.ask("pop cliacl list").raw == "200 127.0.0.1"
    running.cli("pop cliacl add ::1")


def test_line_ends_and_pipelining(running):
    with running.daemon.tcp() as s:
        s.send(b"pop get id\r\npop get name\n\r\n\npop get id\r\n")
        assert s.answer().raw == "200 1"
        assert s.answer().raw == "200 testpop"
        rest = [s.answer()]
        while rest[-1].raw != "200 1":
            rest.append(s.answer())
        assert all(r.code == 200 for r in rest)


def test_who_sends_many_lines_leaves_others_their_turn(running):
    """What another session sets shows in the middle of two hundred answers, not only behind them."""
    many, other = running.daemon.tcp(), running.daemon.tcp()
    try:
        with running.daemon.stopped():
            many.send("pop get id\n" * 200)
            other.send("pop set id 17\n")
        assert other.answer().code == 200
        got = [many.answer().text for _ in range(200)]
        assert len(set(got)) == 2 and "17" in got[-1] and got == sorted(got, key=lambda t: "17" in t)
    finally:
        running.cli("pop set id 1")
        many.close()
        other.close()


def test_a_command_octet_by_octet(running):
    with running.daemon.tcp() as s:
        for octet in b"pop show status\r\n":
            s.send(bytes([octet]))
        assert len(s.answer().lines) == 4


def test_the_collector_sends_nul_after_its_command(running):
    """tunnel stats RESET, CRLF, NUL; and the next line is not swallowed."""
    running.one.ping(running.one.pop_inner)
    with running.daemon.tcp() as s:
        for _ in range(3):
            s.send(b"tunnel stats RESET\r\n\0")
            answer = s.answer()
            assert answer.raw.startswith("201 ")
            for line in answer.lines:
                assert len(line.split(" ")) == (11 if line.startswith("T") else 5), line
        s.send(b"\0\0pop get id\n")
        assert s.answer().raw == "200 1"


def test_the_nagios_check_conversation(running):
    """First line 200, `pop show status` CRLF, then `total` with three integers."""
    with running.daemon.tcp() as s:
        s.send(b"pop show status\r\n")
        while True:
            line = s.line()
            if line.startswith("total"):
                break
        online, active, configured = (int(x) for x in line.split(" ")[1:4])
        assert 0 <= active <= online <= configured


def test_exit_and_quit_in_every_menu(running):
    for menu in ("", "pop", "pop set", "tunnel", "cmd"):
        for word in ("exit", "quit", "cmd exit"):
            if word == "cmd exit" and menu:
                word = "/ cmd exit"
            with running.daemon.session() as s:
                if menu:
                    s.ask(menu)
                answer = s.ask(word)
                assert answer.raw == "666 Tschau", (menu, word, answer)
                assert s.rest() == b""


def test_help_lists_every_command_with_its_text(running):
    with running.daemon.session() as s:
        for menu in ("main", "pop", "pop set", "tunnel", "tunnel set", "subnet"):
            if menu != "main":
                s.ask("/")
                s.ask(menu)
            lines = s.ask("help").lines
            assert len(lines) > 1
            assert lines[-1].startswith("help")
            for line in lines:
                assert re.fullmatch(r"\S.{23} *\S*.*", line), line
        s.ask("/")
        assert len(s.ask("fullhelp").lines) > 40


def test_show_has_every_label_in_order(running):
    running.one.ping(running.one.pop_inner)
    lines = running.cli("tunnel show T1").lines
    labels = [line[:24].rstrip() for line in lines]
    assert all(line[24:26] == ": " for line in lines if not line.startswith("ICMPv4 Echo")), lines
    want = ["Tunnel ID", "TID", "Tunnel Debugging", "Inner Us", "Inner Them", "Outer Us",
            "Outer Them", "MTU", "Tunnel State", "Tunnel Type", "Dynamic Tunnel", "Packet In",
            "Packets In", "Packets In  (Total)", "Octets In", "Octets In  (Total)",
            "Packet Out", "Packets Out", "Packets Out (Total)", "Octets Out",
            "Octets Out (Total)", "Latency Pkt Sent", "Latency Pkt Recv"]
    assert labels[:len(want)] == want
    start = labels.index("Encap.Pkt Too Big")
    assert labels[start:start + len(ERROR_NAMES)] == [n[:24].rstrip() for n in ERROR_NAMES]
    shown = running.show("T1")
    when = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(\d+; 0 days 00:\d\d:\d\d ago\)"
    assert re.fullmatch(when, shown["Packet In"]) and re.fullmatch(when, shown["Packet Out"])
    assert (shown["Inner Us"], shown["Inner Them"]) == ("2001:db8:2ff:1::1", "2001:db8:2ff:1::2")
    assert shown["TID"] == "0x1" and shown["Dynamic Tunnel"] == "no"
    dynamic_labels = [line[:24].rstrip() for line in running.cli("tunnel show T2").lines]
    at = dynamic_labels.index("Dynamic Tunnel")
    assert dynamic_labels[at + 1:at + 3] == ["Last Heartbeat", "Heartbeat Password"]


def test_status_counts_by_type(running):
    """online: up; active: heard in the last 15 minutes; configured: of that type."""
    def status():
        return {x[0]: [int(n) for n in x[1:]] for x in
                (line.split(" ") for line in running.cli("pop show status").lines)}
    before = status()
    c = running.ayiya("2", "198.51.100.2")
    c.beat()
    running.settle()
    after = status()
    rows = list(after)
    assert rows[:3] == ["direct", "ayiya", "gre"] and rows[-1] == "total"
    assert after["ayiya"] == [1, after["ayiya"][1], 1]
    assert after["total"] == [sum(after[r][n] for r in rows[:-1]) for n in range(3)]
    assert after["total"][2] == before["total"][2] + (before["ayiya"][2] == 0)
    c.send(packets.filler(c.inner, HOST6, 100))
    running.at_host()
    running.settle()
    assert status()["ayiya"] == [1, 1, 1]


def test_reset_prints_then_clears_the_window_alone(running):
    running.one.ping(running.one.pop_inner)
    running.settle()
    before = running.show("T1")
    printed = running.cli("tunnel stats RESET").lines
    assert any(line.startswith("T1 ") for line in printed)
    after = running.cli("tunnel stats").lines
    assert not any(line.startswith("T1 ") for line in after)
    assert after[0] == "total 0 0 0 0" and after[1] == "uplink 0 0 0 0"
    shown = running.show("T1")
    for label in ("Packets In  (Total)", "Octets Out (Total)", "Packet In"):
        assert shown[label].split(";")[0] == before[label].split(";")[0]
    assert shown["Packets In"] == "0"
    assert running.daemon.ask("tunnel stats reset").code in (400, 404), "RESET is upper case"


def test_error_packet(running):
    running.clear()
    running.cli("tunnel reseterrors T2")
    c = running.ayiya("2", "198.51.100.2")
    bad = packets.echo6("2001:db8:2ff:9::2", HOST6, data=b"x" * 100)
    c.send(bad)
    running.settle()
    assert running.cli("tunnel list erroronly").lines[0].startswith("T2 ")
    assert running.cli('tunnel list "err=wrong source ipv6"').lines[0].endswith(" 1")
    lines = running.cli('tunnel get errorpacket T2 "Wrong Source IPv6"').lines
    assert lines[0] == "Error       : Wrong Source IPv6"
    assert lines[1] == "Count       : 1"
    assert re.fullmatch(r"Last Seen   : \S+ \S+ \(\d+; 0 days 00:00:\d\d ago\)", lines[2])
    assert re.fullmatch(r"Source      : \S+", lines[3])
    assert lines[4] == f"Real Length : {len(bad)}"
    assert lines[5] == "8<" + "-" * 44 and lines[-1] == "-" * 44 + ">8"
    dump = lines[6:-1]
    assert len(dump) == 8, "128 octets"
    octets = b""
    for n, line in enumerate(dump):
        m = re.fullmatch(r"([0-9a-f]{8}) ((?:[0-9a-f]{2} |   ){16})(.{0,16})", line)
        assert m and int(m[1], 16) == 16 * n, line
        octets += bytes.fromhex(m[2])
    assert octets == bad[:128]
    running.cli("tunnel reseterrors T2")
    assert running.daemon.ask('tunnel get errorpacket T2 "Wrong Source IPv6"').code == 400


def test_json(running):
    d = running.daemon
    with d.session() as s:
        for command in ("tunnel show T1", "tunnel list", "tunnel stats", "pop show status",
                        "pop show info", "pop show limits", "subnet list", "pop get id"):
            answer = s.ask("json " + command)
            assert answer.code == 200 and isinstance(json.loads(answer.text), dict), command
        assert s.ask("pop get id").raw == "200 1", "the prefix is for once"
        assert s.ask("cmd format json").code == 200
        assert isinstance(json.loads(s.ask("pop get id").text), dict)
        refused = s.ask("tunnel show T99")
        assert refused.code == 404 and isinstance(json.loads(refused.text), dict)
        s.ask("cmd format text")
        assert s.ask("pop get id").raw == "200 1"
    shown = d.json("tunnel show T1")
    assert shown["tunnel"] == "T1" and shown["state"] == "up"
    assert PASSWORD not in json.dumps(d.json("tunnel show T2"))


def test_passwords_are_not_shown(running):
    for command in ("tunnel show T2", "tunnel list", "json tunnel show T2", "pop show info",
                    "fullhelp", f"config diff {running.daemon.conf}"):
        assert PASSWORD not in running.daemon.ask(command).text, command


def test_a_json_answer_survives_every_octet_in_a_name(running):
    running.cli('pop set details 9 "a\\"b\\\\c" 192.0.2.9 ::')
    found = running.daemon.json("pop show pops")
    assert [p["name"] for p in found["pops"]] == ["testpop", 'a"b\\c']
    for odd in (b"\xff\xfe", b"\x01\x7f\x1b", b"\xc3\x28"):
        with running.daemon.session() as s:
            s.send(b"json nonsense" + odd + b"\n")
            assert isinstance(json.loads(s.answer().text), dict), odd


# ---- what a stranger can do ----

def alive(running):
    running.one.ping(running.one.pop_inner)
    assert running.cli("pop get id").text == "1"


def closed_or_answered(s, deadline_s=CLI_S):
    """The daemon says something with an error code, or closes. Return: what it said"""
    try:
        line = s.line(deadline_s)
    except CliError:
        return None
    assert re.match(r"[2345]\d\d |666 ", line), line
    return line


@pytest.mark.parametrize("size", [4095, 4096, 20000, 200000])
def test_long_lines(running, size):
    with running.daemon.tcp() as s:
        try:
            s.send(b"x" * size + b"\n")
            said = closed_or_answered(s)
            if said is not None:
                assert said.startswith("4") and len(said) < 6000
                s.send(b"pop get id\n")
                assert s.answer().raw == "200 1", "and goes on with the next line"
        except ConnectionError:
            pass
    alive(running)


def test_a_line_of_4095_octets_is_a_line(running):
    with running.daemon.tcp() as s:
        s.send(b"pop get id" + b" " * (4095 - 10) + b"\n")
        assert s.answer().raw == "200 1"


def test_300_arguments(running):
    with running.daemon.tcp() as s:
        answer = s.ask("pop set id " + " ".join(["1"] * 300))
        assert answer.code in (400, 404)
        answer = s.ask(" ".join(["pop"] * 127))
        assert answer.code in (200, 400, 404)
        assert s.ask("/ pop get id").raw == "200 1"


@pytest.mark.parametrize("data", [b"\0" * 5000 + b"\n", b"pop get\0 id\n", b"\xff\xfe\x80\n",
                                  b"\x1b[2J\n", b'"pop get id\n', b'"\n', b"\\\n", b"pop\\\n",
                                  b'tunnel list "err=%s%n%x"\n', b"\r\r\r\n", b"\n" * 2000,
                                  b"pop set details 1 \"" + b"y" * 100 + b"\" 192.0.2.1 ::\n"])
def test_strange_octets(running, data):
    with running.daemon.tcp() as s:
        s.send(data)
        s.send(b"/ pop get id\n")
        for _ in range(4100):
            try:
                if s.answer().raw == "200 1":
                    break
            except CliError as e:
                assert "closed" in str(e)
                break
        else:
            pytest.fail("never answered the good line")
    alive(running)


def test_half_a_line_and_silence_bothers_nobody(running):
    silent = [running.daemon.tcp() for _ in range(20)]
    for s in silent:
        s.send(b"pop show sta")
    alive(running)
    for s in silent:
        s.close()
    alive(running)


def test_many_connections_while_forwarding_goes_on(running, topology):
    """1000 of them: admitted or refused, and neither packets nor the others suffer."""
    running.clear()
    sockets, sent = [], 0
    try:
        for n in range(1000):
            s = topology.pop.socket(socket.AF_INET, socket.SOCK_STREAM)
            s.settimeout(CLI_S)
            s.connect(("127.0.0.1", 42003))
            sockets.append(s)
            if n % 5 == 0:
                running.one.send(packets.filler(running.one.inner, HOST6, 100, mark=n))
                sent += 1
        running.settle()
        assert len([p for p in running.core.seen() if p.proto == packets.UDP]) == sent
        assert running.cli("pop get id").text == "1", "a session from before still works"
        spoken = 0
        for s in sockets[:20] + sockets[-20:]:
            if select.select([s], [], [], CLI_S)[0]:
                try:
                    data = s.recv(200)
                except ConnectionError:
                    data = b""
                spoken += data.startswith(b"200 ")
                assert not data or re.match(rb"\d\d\d ", data)
        assert 1 <= spoken, "the first ones were served"
    finally:
        for s in sockets:
            s.close()

    def again():
        try:
            with running.daemon.tcp() as s:
                return s.ask("pop get id").raw == "200 1"
        except (CliError, OSError):
            return False
    running.daemon.until(again, "new sessions are admitted again")
    alive(running)


def test_who_does_not_read_is_not_waited_for(running):
    s = running.daemon.tcp()
    s.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.socket.setblocking(False)
    end = time.monotonic() + CLI_S
    asked = b"fullhelp\n" * 200
    full = 0
    while full < 20 and time.monotonic() < end:
        try:
            s.socket.send(asked)
        except BlockingIOError:
            full += 1
            alive(running)
        except ConnectionError:
            break
    alive(running)
    s.close()


def test_connections_that_are_reset(running):
    for _ in range(50):
        s = running.daemon.tcp()
        s.send(b"fullhelp\n" * 10)
        s.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    alive(running)


BODY = "pop set id 7\ntunnel remove T1\n"


@pytest.mark.parametrize("head", [
    "POST / HTTP/1.1\r\nHost: 127.0.0.1:42003\r\nContent-Type: text/plain\r\n\r\n",
    "GET /" + "x" * 5000 + " HTTP/1.1\r\nHost: 127.0.0.1:42003\r\n\r\n",
    "Host: 127.0.0.1\r\n\r\n"], ids=["request", "long request", "header"])
def test_a_browsers_request_is_no_command(running, head):
    before = running.cli("pop get id").text
    with running.daemon.tcp() as s:
        s.send(head + BODY)
        said = s.rest().decode()
    assert "200" not in said and "This is a command line and no web server" in said, said
    assert running.cli("pop get id").text == before and "T1" in running.daemon.list()
    with running.daemon.session() as s:         # who may open the UNIX socket is no browser
        s.send(head + "pop get id\nexit\n")
        assert f"200 {before}" in s.rest().decode()


def test_closing_down_is_said(running):
    s = running.daemon.tcp()
    took = running.daemon.stop()
    assert took < 10
    assert s.rest() in (b"404 Tschau, closing down\n", b"")
    s.close()
    running.daemon.start()
    alive(running)
