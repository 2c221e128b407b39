"""
Loading, pushing, reloading, saving: whole or nothing, and never a packet lost.
"""
import contextlib
import glob
import json
import os
import re
import signal
import stat
import subprocess
import time

import pytest

from lib import packets
from lib.config import MARKER4, MARKERS, PASSWORD, config, dynamic, static
from lib.daemon import SANITIZED, Daemon
from lib.topology import HOST6
from lib.traffic import Stream

TUNNELS = (static("1", "198.51.100.1"), dynamic("2", "ayiya"), dynamic("3", "heartbeat", 1480),
           static("4", "198.51.100.4", state="disabled"), static("5", "2001:db8:cafe::5", 1460),
           dynamic("6", "dynamic"))
SUBNETS = (("2001:db8:3001::/48", "1"), ("2001:db8:3002::/48", "2"),
           ("2001:db8:4242:100::/56", "5"))
EXTRAS = ("encap T5 gre key 77", "hash T6 sha256", "rate T1 100000 50000", "mss T1 auto")


def text(*more, tunnels=TUNNELS, subnets=SUBNETS, extras=EXTRAS, **how):
    return config(*tunnels, *more, *extras, subnets=subnets, **how)


def observable(p):
    """Everything a re-push may not change; times of last packets and ages are cut."""
    seen = {}
    for ident in p.daemon.list():
        shown = p.show(ident)
        seen[ident] = {k: re.sub(r"; \d+ days \S+ ago\)", ")", v) for k, v in shown.items()}
    seen["lists"] = [p.daemon.ask(c).text for c in (
        "tunnel list", "subnet list", "pop tunnelprefix list", "pop subnetprefix list",
        "pop cliacl list", "pop show pops", "pop show status")]
    return seen


def busy(p):
    """Tunnels with learned endpoints, errors, counters and path MTU."""
    p.one, p.ay = p.p41("1", "198.51.100.1"), p.ayiya("2", "198.51.100.2", port=4222)
    p.hb, p.five = p.heartbeat("3", "198.51.100.3"), p.gre("5", "2001:db8:cafe::5", key=77)
    p.ay.ping(p.ay.pop_inner)
    p.hb.beat()
    p.settle()
    p.hb.ping(p.hb.pop_inner)
    p.one.ping(p.one.pop_inner)
    p.five.send(packets.filler(p.five.inner, HOST6, 100))
    p.at_host()
    p.ay.send(packets.filler("2001:db8:2ff:9::2", HOST6, 100))
    p.from_uplink(packets.filler(HOST6, p.one.inner, 1200))
    outer, _ = p.one.receive()
    p.wan.send(packets.ip4("203.0.113.1", "192.0.2.42", 1, packets.icmp4_message(
        3, 4, b"\0\0" + (1400).to_bytes(2, "big") + outer.raw[:28])))
    p.clear()
    return p


@pytest.fixture
def running(pop):
    return busy(pop(text()))


# ---- pushing again ----

def test_pushing_the_same_again_changes_nothing_observable(running):
    before = observable(running)
    with running.daemon.session() as s:
        for line in text().splitlines():
            if line.strip():
                answer = s.ask(line)
                assert answer.code == 200, (line, answer)
    assert observable(running) == before
    for c in (running.one, running.ay, running.hb):
        running.from_uplink(packets.filler(HOST6, c.inner, 100))
        c.receive()


def test_reloading_the_same_changes_nothing_observable(running):
    before = observable(running)
    running.daemon.kill(signal.SIGHUP)
    running.cli(f"config apply {running.daemon.conf}")
    assert observable(running) == before
    assert running.daemon.json("pop show info")["tunnels"] == 6 + len(MARKERS)


def test_effects_of_a_push(running):
    """sixxsd-config.md 6, line by line."""
    p = running
    p.cli("tunnel set config 1 T1 198.51.100.11 up 1400")
    moved = p.p41("1", "198.51.100.11")
    p.from_uplink(packets.filler(HOST6, moved.inner, 100))
    moved.receive()
    assert p.show("T1")["MTU"] == "1400"
    # dynamic: endpoint, type, state stay; the password stays when it is left out
    before = p.show("T2")
    p.cli("tunnel set config 2 T222 ayiya up 1300")
    after = p.show("T222")
    for label in ("Outer Them", "Tunnel Type", "Tunnel State", "AYIYA Port Them",
                  "Packets In  (Total)", "Wrong Source IPv6"):
        assert before[label].split(" (")[0] == after[label].split(" (")[0], label
    assert after["MTU"] == "1300"
    p.ay.ping(p.ay.pop_inner, ident=9)
    # a new password counts at once
    p.cli("tunnel set config 2 T222 ayiya up 1300 changed")
    p.ay.send(packets.echo6(p.ay.inner, p.ay.pop_inner))
    p.silent()
    p.ay.password = "changed"
    p.ay.ping(p.ay.pop_inner, ident=10)
    # disabled and up again: down until heard
    p.cli("tunnel set config 2 T222 ayiya disabled 1300")
    assert p.show("T222")["Tunnel State"] == "disabled"
    p.cli("tunnel set config 2 T222 ayiya up 1300")
    assert p.show("T222")["Tunnel State"] == "down"


def test_a_tunnel_that_is_renamed_has_no_page_token(running):
    running.cli("tunnel set token T2 " + "0" * 64)
    running.cli(f"tunnel set config 2 T2 ayiya up 1428 {PASSWORD}")
    running.cli("pop saveconfig")
    saved = read(running.daemon)
    assert "token T2" in saved
    running.cli("tunnel set config 2 T222 ayiya up 1428")
    running.cli("pop saveconfig")
    assert "token" not in read(running.daemon)


def test_a_reload_with_another_id_is_another_tunnel(running):
    """Slot 2 becomes T8's: nothing of T2 is his, neither its client's address nor its past."""
    p = running
    assert p.show("T2")["Outer Them"] == "198.51.100.2" and p.daemon.stats()["T2"][0] > 0
    line = f"config 2 T2 ayiya up 1428 {PASSWORD}\n"
    assert line in text()
    p.daemon.reload(text().replace(line, f"config 2 T8 ayiya up 1428 {PASSWORD}8\n"))
    p.daemon.until(lambda: "T8" in p.daemon.list(), "the reload")
    shown = p.show("T8")
    assert shown["Tunnel State"] == "down" and shown["Packets In  (Total)"].split(" ")[0] == "0"
    assert "198.51.100.2" not in p.cli("tunnel show T8").text
    assert "T8" not in p.daemon.stats(), "nothing was ever counted on it"
    # the marks against replay are its own: a client with a slower clock than T2's is heard
    p.ayiya("2", "198.51.100.9", PASSWORD + "8", port=4333).beat(epoch=int(time.time()) - 60)
    p.settle()
    assert p.show("T8")["Outer Them"] == "198.51.100.9"


def test_a_failing_command_has_no_effect(running):
    """Each is whole or nothing; the original stored half of it and saveconfig kept that."""
    before = observable(running)
    bad = ["tunnel set config 1 T77 198.51.100.99 up 1500",
           "tunnel set config 1 T77 198.51.100.999 up 1400",
           "tunnel set config 1 T1 198.51.100.1 up 1480 " + "p" * 133,
           "tunnel set config 8 T88 127.0.0.1 up 1480", "tunnel set config 8 T88 224.0.0.1 up 1480",
           "tunnel set config 8 T88 192.0.2.42 up 1480", "tunnel set config 8 T88 :: up 1480",
           "tunnel set config 8 T88 2001:db8:2ff:1::2 up 1480",
           "tunnel set config 8 T88 2001:db8:3001::2 up 1480",
           "tunnel set encap T1 gre key 4294967296", "tunnel set encap T1 direct key 5",
           "tunnel set rate T1 5", "tunnel set rate T1 5 x", "tunnel set hash T2 sha512",
           "tunnel set remote T1 192.0.2.42", "tunnel set remote T1 2001:db8:3001::1",
           "tunnel set remote T1 nonsense", "tunnel remove T99", "tunnel remove T1",
           "subnet set config 2001:db8:3003::/48 99 static",
           "subnet set config 2001:db8:3003::/56 1 static",
           "subnet remove 2001:db8:3003::/48", "pop set details 1 x 192.0.2.1 nonsense",
           "pop set details 1 waytoolonganame 192.0.2.1 ::", "pop set id 64",
           "pop subnetprefix add 2001:db8:3000::/41", "pop cliacl add 1.2.3.4/33"]
    for command in bad:
        answer = running.daemon.ask(command)
        assert 400 <= answer.code < 600, f"{command}: {answer}"
        assert len(answer.text) > 8
        assert observable(running) == before, command
    running.cli("pop saveconfig")
    with open(running.daemon.conf, encoding="utf-8") as f:
        saved = f.read()
    assert "T77" not in saved and "T88" not in saved


def test_a_tunnel_with_subnets_is_not_removed(running):
    answer = running.daemon.ask("tunnel remove T1")
    assert answer.code == 400 and "2001:db8:3001::/48" in answer.text
    running.cli("subnet remove 2001:db8:3001::/48")
    running.cli("tunnel remove T1")
    assert running.daemon.ask("tunnel show T1").code == 404
    running.one.send(packets.filler(running.one.inner, HOST6, 100))
    running.silent("a removed tunnel forwards nothing")
    running.from_uplink(packets.filler(HOST6, running.one.inner, 100))
    assert running.at_host().icmp()[:2] == (1, 3)
    running.cli("tunnel set config 1 T1 198.51.100.1 up 1480")
    shown = running.show("T1")
    assert shown["Packets In  (Total)"] == "0", "a slot used again starts from nothing"
    running.one.ping(running.one.pop_inner)


def test_moving_a_subnet(running):
    running.cli("subnet set config 2001:db8:3001::/48 5 static")
    running.from_uplink(packets.filler(HOST6, "2001:db8:3001::7", 100))
    five = running.gre("5", "2001:db8:cafe::5")
    pop_sends = running.wan.expect(lambda p: p.dst == "2001:db8:cafe::5")
    assert pop_sends.proto == packets.GRE and five
    running.one.send(packets.filler("2001:db8:3001::7", HOST6, 100))
    running.silent("and it is no source of its old tunnel any more")


def test_adding_a_prefix_while_running_installs_its_route(running, topology):
    running.cli("pop subnetprefix add 2001:db8:5000::/40")
    assert "2001:db8:5000::/40" in topology.pop.ip("-6", "route", "show", "dev", "sixxs")
    running.cli("subnet set config 2001:db8:5001::/48 1 static")
    running.from_uplink(packets.filler(HOST6, "2001:db8:5001::7", 100))
    running.one.receive()


# ---- under traffic ----

@pytest.fixture
def streams(running):
    """2 kpps in all, both ways, through three kinds of tunnel."""
    with contextlib.ExitStack() as stack:
        running.streams = [stack.enter_context(Stream(running, c, way, 334))
                           for c in (running.one, running.ay, running.hb)
                           for way in ("up", "down")]
        yield running
        for s in running.streams:
            s.pause_until(100)
    lost = {f"{s.client.inner} {'up' if s.up else 'down'}": s.lost() for s in running.streams}
    assert sum(s.sent for s in running.streams) > 500
    assert not any(lost.values()), lost


def test_a_full_push_loses_no_packet(streams):
    with streams.daemon.session() as s:
        for _ in range(3):
            s.send("".join(line + "\n" for line in text().splitlines() if line.strip()))
            for line in text().splitlines():
                if line.strip():
                    assert s.answer().code == 200, line
            streams.streams[0].pause_until(50)


def test_reloads_lose_no_packet(streams):
    extra = [static(f"{n:x}", f"198.51.101.{n}") for n in range(16, 200)]
    for n in range(6):
        streams.daemon.reload(text(*(extra if n % 2 == 0 else ())))
        have = 6 + len(MARKERS) + (len(extra) if n % 2 == 0 else 0)
        streams.daemon.until(lambda h=have: len(streams.daemon.list()) == h, "the reload applied")
        streams.streams[0].pause_until(50)


def test_a_bad_reload_loses_no_packet(streams):
    before = observable(streams)["lists"][1:6]
    for n in range(4):
        streams.daemon.reload(text() + f"tunnel set config 1 T1 198.51.100.{n} up 9000\n")
        streams.daemon.wait_output(r"9000|outside range|line \d+")
        streams.streams[0].pause_until(50)
    assert observable(streams)["lists"][1:6] == before


def test_commands_lose_no_packet(streams):
    for n in range(16, 80):
        streams.cli(f"tunnel set config {n:x} T{n} 198.51.101.{n} up 1480")
        streams.cli(f"subnet set config 2001:db8:30{n:02x}::/48 {n:x} static")
    streams.cli("tunnel stats RESET")
    streams.cli("pop saveconfig")
    for n in range(16, 80):
        streams.cli(f"subnet remove 2001:db8:30{n:02x}::/48")
        streams.cli(f"tunnel remove T{n}")


# ---- reload: the file is the whole truth ----

def routes(topology):
    return topology.pop.ip("-6", "route", "show", "table", "all", "dev", "sixxs")


def test_a_refused_reload_leaves_every_route_as_it_was(running, topology):
    before = routes(topology)
    other = text(tunnels=TUNNELS[:1], subnets=(), extras=()).replace(
        "tunnelprefix add 2001:db8:2ff::/48", "tunnelprefix add 2001:db8:4242::/48").replace(
        "\tsubnetprefix add 2001:db8:4242::/48\n",
        "\tsubnetprefix add 2001:db8:2ff::/48\n\tsubnetprefix add 2001:db8:5000::/40\n")
    route = ("unreachable", "2001:db8:5000::/40", "metric", "1024")
    topology.pop.ip("-6", "route", "add", *route)
    try:
        running.daemon.reload(other)
        running.daemon.wait_output("the kernel already has a route for 2001:db8:5000::/40")
        assert routes(topology) == before
    finally:
        topology.pop.ip("-6", "route", "del", *route)
    running.one.ping(running.one.pop_inner)
    running.daemon.reload(other)
    running.daemon.until(lambda: "T5" not in running.daemon.list(), "the reload")
    after = routes(topology)
    assert "2001:db8:2ff:ffff::1" not in after
    for prefix in ("2001:db8:4242::/48", "2001:db8:2ff::/48", "2001:db8:3000::/40", "2001:db8:5000::/40"):
        assert f"{prefix} via 2001:db8:4242:ffff::1" in after


def test_a_reload_removes_what_the_file_no_longer_names(running, topology):
    fewer = text(tunnels=(TUNNELS[0], TUNNELS[1]), subnets=SUBNETS[:1],
                 extras=("rate T1 100000 50000",)).replace(
        "\tsubnetprefix add 2001:db8:4242::/48\n", "")
    before = running.show("T1")
    running.daemon.reload(fewer)
    running.daemon.until(lambda: "T5" not in running.daemon.list(), "the reload")
    assert set(running.daemon.list()) == {"T1", "T2", *(ident for _, ident, _ in MARKERS)}
    assert running.cli("subnet list").text.startswith("2001:db8:3001::/48")
    assert len(running.cli("subnet list").lines) == 1
    assert "2001:db8:4242" not in topology.pop.ip("-6", "route", "show", "dev", "sixxs")
    after = running.show("T1")
    assert after["Packets In  (Total)"] == before["Packets In  (Total)"]
    running.one.ping(running.one.pop_inner, ident=3)


def test_an_error_anywhere_changes_nothing_and_says_where(running):
    before = observable(running)
    lines = text(static("7", "198.51.100.7")).splitlines()
    at = len(lines) - 3
    lines.insert(at, "/ tunnel set config 8 T8 198.51.100.8 up 5000")
    running.daemon.reload("\n".join(lines) + "\n")
    running.daemon.wait_output(rf"(:{at + 1}:|line {at + 1}\b)")
    assert observable(running) == before
    assert "T7" not in running.daemon.list()


def test_a_file_that_went_away(running):
    before = observable(running)
    os.rename(running.daemon.conf, running.daemon.conf + ".away")
    running.daemon.kill(signal.SIGHUP)
    running.daemon.wait_output(r"No such file|cannot (read|open)|not found")
    assert observable(running) == before


def test_what_needs_a_restart_is_refused_by_a_reload(running):
    before = observable(running)
    running.daemon.reload(text().replace("pop\n", "pop set limits tunnels 9000 subnets 70000\npop\n",
                                         1))
    running.daemon.wait_output(r"restart")
    assert observable(running) == before
    answer = running.daemon.ask("pop set limits tunnels 9000 subnets 70000")
    assert answer.code == 400 and "restart" in answer.text


def test_check_diff_apply_from_a_session(running):
    other = os.path.join(running.daemon.conf_dir, "other.conf")

    def write(what):
        with open(other, "w", encoding="utf-8") as f:
            f.write(what)
    write(text(static("7", "198.51.100.7"), tunnels=TUNNELS[:5], extras=EXTRAS[:1]))
    before = observable(running)
    assert running.cli(f"config check {other}").code == 200
    diff = running.cli(f"config diff {other}").text
    assert re.search(r"^\+ .*T7 198\.51\.100\.7", diff, re.M), diff
    assert re.search(r"^- .*T6\b", diff, re.M), diff
    assert observable(running) == before
    running.cli(f"config apply {other}")
    assert "T7" in running.daemon.list() and "T6" not in running.daemon.list()
    write(text() + "nonsense\n")
    before = observable(running)
    for what in ("check", "apply", "diff"):
        answer = running.daemon.ask(f"config {what} {other}")
        assert answer.code >= 400 and str(len(text().splitlines()) + 1) in answer.text, answer
    assert running.daemon.ask("config check /no/such/file").code >= 400
    assert observable(running) == before


def test_a_key_that_is_taken_for_a_configuration_is_not_shown(running):
    secret = [f"{n:02d}" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ" for n in range(20)]
    where = running.daemon.conf + ".pem"
    with open(where, "w", encoding="utf-8") as f:
        f.write("\n".join(["-----BEGIN PRIVATE KEY-----", *secret, "-----END PRIVATE KEY-----", ""]))
    os.chmod(where, 0o644)
    for how in ("check", "diff", "apply"):
        answer = running.daemon.ask(f"config {how} {where}")
        said = answer.raw
        assert answer.code == 400 and "MIIE" not in said, said
        assert how != "check" or said.count("(a word of 52 octets)") == 20, said


def test_a_reload_may_change_every_kind_of_setting(running):
    changed = text(tunnels=(static("1", "198.51.100.111", 1300), dynamic("2", "dynamic", 1300),
                            static("3", "198.51.100.33"), static("4", "198.51.100.4"),
                            dynamic("5", "ayiya"), static("6", "198.51.100.6", state="disabled")),
                   extras=("encap T4 gre",), subnets=(("2001:db8:3001::/48", "4"),),
                   pop=("cliacl add 192.0.2.9",))
    running.daemon.reload(changed)
    running.daemon.until(lambda: running.show("T1")["MTU"] == "1300", "the reload")
    rows = running.daemon.list()
    assert rows["T1"][1] == "198.51.100.111" and rows["T3"][1:3] == ["198.51.100.33", "up"]
    assert rows["T4"][2] == "up" and rows["T6"][2] == "disabled"
    assert "192.0.2.9" in running.cli("pop cliacl list").lines
    running.ay.ping(running.ay.pop_inner, ident=5)
    four = running.gre("4", "198.51.100.4")
    running.from_uplink(packets.filler(HOST6, "2001:db8:3001::1", 100))
    four.receive()


# ---- saving ----

def read(d):
    with open(d.conf, encoding="utf-8") as f:
        return f.read()


def test_what_is_saved_loads_to_the_same_and_saves_to_the_same(running):
    d = running.daemon
    d.cli('tunnel set config a T10 ayiya up 1400 "pass word \\"q\\" \\\\ #x"')
    d.cli("pop set details 3 other 192.0.2.3 2001:db8::3")
    d.cli("pop cliacl add 2001:db8:9::/64")
    d.cli("pop set verbosity 3")
    d.cli("pop saveconfig")
    first = read(d)
    assert stat.S_IMODE(os.stat(d.conf).st_mode) == 0o600
    assert d.run("--check", d.conf).returncode == 0
    assert d.ask(f"config diff {d.conf}").lines[0] not in ("+", "-")
    assert not re.search(r"^[+-] ", d.ask(f"config diff {d.conf}").text, re.M)
    lists = [running.cli(c).text for c in ("tunnel list", "subnet list", "pop show pops",
                                           "pop cliacl list", "pop subnetprefix list")]
    d.stop()
    d.start()
    d.cli("pop saveconfig")
    assert read(d) == first
    again = [running.cli(c).text for c in ("tunnel list", "subnet list", "pop show pops",
                                           "pop cliacl list", "pop subnetprefix list")]
    assert again[1:] == lists[1:]
    c = running.ayiya("a", "198.51.100.10", password='pass word "q" \\ #x')
    c.ping(c.pop_inner)
    left = [f for f in os.listdir(d.conf_dir) if f not in ("sixxsd.conf", "sixxsd.conf.old")]
    assert left == [], left


def test_layout_and_words(running):
    running.cli("pop saveconfig")
    saved = read(running.daemon)
    assert saved.startswith("# ")
    for line in ("\t\tid 1", "\ttunnelprefix add 2001:db8:2ff::/48",
                 "\t\tdetails 1 testpop 192.0.2.42 2001:db8::42",
                 "\t\tconfig 1 T1 198.51.100.1 up 1480",
                 f"\t\tconfig 2 T2 ayiya up 1428 {PASSWORD}",
                 f"\t\tconfig 3 T3 heartbeat up 1480 {PASSWORD}",
                 "\t\tconfig 4 T4 198.51.100.4 disabled 1480",
                 f"\t\tconfig 6 T6 dynamic up 1428 {PASSWORD}",
                 f"\t\tconfig 1f0 T9999 {MARKER4} up 1480",
                 "\t\tconfig 2001:db8:3001::/48 1 static",
                 "\t\tconfig 2001:db8:4242:100::/56 5 static"):
        assert f"\n{line}\n" in saved, f"{line!r} not in:\n{saved}"
    for words in ("encap T5 gre key 77", "hash T6 sha256", "rate T1 100000 50000", "mss T1 auto",
                  "add 127.0.0.1", "add ::1"):
        assert re.search(rf"\b{re.escape(words)}$", saved, re.M), words


def test_comments_at_the_head_are_kept(pop):
    head = "# our PoP\n#\n// noc@example.org, do not edit by hand\n# the end\n"
    p = pop(head + "\n" + text())
    for _ in range(2):
        p.cli("pop saveconfig")
        saved = read(p.daemon)
        assert head in saved and saved.index(head) < saved.index("\npop\n"), saved[:200]
        assert saved.count("do not edit by hand") == saved.count("stored by") == 1
        p.daemon.stop()
        p.daemon.start()


def test_a_directory_that_cannot_be_written(pop):
    p = pop(text(), user_files=False)
    os.chmod(p.daemon.conf_dir, 0o500)
    before = read(p.daemon)
    p.cli("tunnel set config 7 T7 198.51.100.7 up 1480")
    answer = p.daemon.ask("pop saveconfig")
    if answer.code != 200:      # the run-time user has no right to it
        assert answer.code in (400, 406, 500) and len(answer.text) > 10
        assert read(p.daemon) == before


STEPS = ["openat", "fchmod", "write", "fsync", "fdatasync", "rename", "renameat", "renameat2",
         "close", "link", "linkat", "unlink"]


@pytest.mark.parametrize("call", STEPS)
def test_killed_at_any_step_of_saving_the_file_is_whole(topology, sixxsd, call):
    """strace ends the daemon at the n-th such call of saving, for every n."""
    old = text()
    d = Daemon(topology, old)
    try:
        d.start()
        d.cli("tunnel set config 7 T7 198.51.100.7 up 1480")
        d.cli("pop saveconfig")
        new = read(d)
        assert "T7" in new
        d.stop()
        for n in range(1, 40):
            d.write(old)
            d.start()
            d.cli("tunnel set config 7 T7 198.51.100.7 up 1480")
            killed = save_and_kill(d, call, n)
            left = read(d)
            assert left in (old, new), f"{call} {n}: half a file:\n{left}"
            if not killed:
                assert left == new
                d.stop()
                break
            for stray in glob.glob(os.path.join(d.conf_dir, "*")):
                if os.path.basename(stray) != "sixxsd.conf":
                    assert stat.S_IMODE(os.stat(stray).st_mode) & 0o077 == 0, stray
            # and what a killed one left behind is no obstacle
            d.process = None
            d._cli = None
            d.start()
            d.cli("pop saveconfig")
            d.stop()
        else:
            pytest.fail(f"{call}: killed {n} times and still not through")
    finally:
        d.discard()


def save_and_kill(d, call, n):
    """Is it dead? (n-th @call after strace has taken hold)"""
    # a thread that ends while strace takes hold of it is one strace waits for in vain
    d.until(lambda: "sixxsd-touch" not in d.threads(), "the past is in memory")
    tracer = subprocess.Popen(
        ["strace", "-f", "-qq", "-o", os.path.join(d.dir, "strace"), "-e", f"trace={call}",
         "-e", f"inject={call}:signal=KILL:when={n}", "-p", str(d.pid)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        d.until(lambda: all(d.status(t).get("TracerPid", "0").strip() != "0" for t in d.tasks()),
                "strace holds every thread")
        with contextlib.suppress(Exception):
            d._cli.send("pop saveconfig\n")
            d._cli.answer(5 if not SANITIZED else 30)
        # the answer can come before a call that ends it
        end = time.monotonic() + 0.2
        while d.process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        return d.process.poll() is not None
    finally:
        tracer.terminate()
        tracer.wait()


def test_examples_load(topology, sixxsd):
    """Every example configuration of the documentation."""
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    found = glob.glob(os.path.join(root, "doc", "examples", "*.conf")) + \
        glob.glob(os.path.join(root, "examples", "*.conf")) + \
        glob.glob(os.path.join(root, "contrib", "*.conf"))
    if not found:
        pytest.skip("skipped: no example configurations here")
    for path in found:
        d = Daemon(topology, None)
        try:
            done = d.run("--check", os.path.abspath(path))
            assert done.returncode == 0, done.said
        finally:
            d.discard()


def test_limits_are_shown(running):
    shown = running.daemon.json("pop show limits")
    assert "8192" in json.dumps(shown)
