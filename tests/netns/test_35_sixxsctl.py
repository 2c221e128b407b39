"""
sixxsctl and check_sixxsd against the real daemon.

  T1 198.51.100.7 static      T2 ayiya with a password      2001:db8:3001::/48 -> T1
"""
import json
import os
import signal
import subprocess

import pytest

from lib.config import PASSWORD, config, dynamic, static
from lib.daemon import binary

CONFIG = config(static("1", "198.51.100.7"), dynamic("2", "ayiya"),
                subnets=[("2001:db8:3001::/48", "1")])
CHECK = os.path.join(os.path.dirname(__file__), "..", "..", "contrib", "check_sixxsd")
ENV = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}

# What stands for an argument of each type; a command that takes others answers 4xx.
WORDS = {"word": "word", "number": "1300", "tid": "5", "new tunnel": "T5", "tunnel": "T1",
         "address": "198.51.100.9", "prefix": "2001:db8:3001::/48", "endpoint": "198.51.100.9",
         "onoff": "off", "secret": "word", "rest": "word"}
SKIPPED = ("pop shutdown", "tunnel remove", "pop capture", "tunnel capture")


@pytest.fixture(scope="module")
def pop(module_pop):
    return module_pop(CONFIG)


@pytest.fixture
def ctl(pop):
    program = binary("sixxsctl")
    assert program, "no sixxsctl: build it, or set SIXXSCTL"

    def run(*args, where=None, **how):
        how.setdefault("stdin", subprocess.DEVNULL) if "input" not in how else None
        return subprocess.run([*(where or [program, "-s", pop.daemon.control]), *args], env=ENV,
                              capture_output=True, text=True, timeout=60, check=False, **how)
    run.program = program
    return run


def test_one_command(ctl):
    done = ctl("tunnel", "list")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("T1 2001:db8:2ff:1::2 198.51.100.7 up direct 1480 0\nT2 ")
    assert ctl("tunnel", "list", "err=AYIYA Hash Fail").stdout == \
        "No tunnels are configured which have the requested error\n"


def test_refusals_have_an_exit_status(ctl):
    done = ctl("tunnel", "show", "T77")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "No such Tunnel ID (T77/T77) found\n"
    assert ctl("x", where=[ctl.program, "-s", "/nonexistent"]).returncode == 3


def test_words_reach_the_daemon_whole(ctl):
    done = ctl("-j", 'a "quoted" \\ word\twith\nall')
    assert done.returncode == 1
    assert json.loads(done.stderr)["message"].endswith(r'>> a "quoted" \ word?with?all')


def test_commands_from_a_pipe(ctl):
    text = "# as a script\ntunnel\n\tset\n\t\tmss T1 auto\n\t\tmss T1 off\n\tend\nend\npop get id\n"
    done = ctl(input=text)
    assert done.returncode == 0 and done.stdout.endswith("\n1\n"), done
    done = ctl(input="pop get id\ntunnel show T77\npop get name\n")
    assert done.returncode == 1 and done.stdout == "1\n" and "line 2 " in done.stderr


def test_tcp(pop, ctl):
    where = pop.topology.pop.command(ctl.program)
    for option in (["-h", "127.0.0.1"], ["-h", "::1"], ["-4", "-h", "localhost"]):
        done = ctl(*option, "pop", "get", "id", where=where)
        assert (done.returncode, done.stdout) == (0, "1\n"), done


def test_every_answer_is_one_json_object(pop, ctl):
    tree = json.loads(ctl("-j", "cmd", "tree").stdout)["commands"]
    before = pop.daemon.ask("config diff").raw
    assert len(tree) > 50
    for row in tree:
        if row["command"].startswith(SKIPPED) or row["menu"]:
            continue
        words = row["command"].split()
        for a in row["arguments"]:
            words.append(a.get("choices", "").split("|")[0] or WORDS[a["type"]])
        if row["command"].startswith(("pop set", "pop cliacl", "tunnel set", "subnet")):
            words = words[:2 + len(row["arguments"]) // 2]     # refused: nothing may change
        done = ctl("-j", *words)
        assert done.returncode in (0, 1), (words, done)
        answer = json.loads(done.stdout or done.stderr)
        assert isinstance(answer, dict), words
        assert (done.stdout + done.stderr).count("\n") == 1
        assert done.returncode == 0 or set(answer) == {"message"}, words
        assert PASSWORD not in done.stdout + done.stderr
    assert pop.daemon.ask("config diff").raw == before


def test_text_and_json_agree(pop):
    shown, told = pop.show("T2"), pop.daemon.json("tunnel show T2")
    assert shown["Heartbeat Password"] == "(set)" and told["password_set"] is True
    assert (shown["MTU"], shown["Tunnel State"]) == (str(told["mtu_bytes"]), told["state"])
    assert [e["name"] for e in told["errors"]][:3] == ["Encap.Pkt Too Big", "Disabled tunnel",
                                                      "Clock Off"]
    rows = {t["tunnel"]: t for t in pop.daemon.json("tunnel list")["tunnels"]}
    assert rows["T1"]["outer_them"] == "198.51.100.7" and rows["T2"]["outer_them"] is None


def test_a_tunnel_is_watched_until_ctrl_c(pop, ctl):
    watch = subprocess.Popen([ctl.program, "-s", pop.daemon.control, "tunnel", "set", "debug", "T1",
                              "on"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             env=ENV)
    try:
        assert watch.stdout.readline() == "Debugging has been enabled\n"
        pop.p41("1", "198.51.100.7").ping("2001:db8:2ff:1::1")
        line = watch.stdout.readline()
        assert line.startswith("[T1 ") and "2001:db8:2ff:1::2" in line, line
        assert pop.show("T1")["Tunnel Debugging"] == "yes"
        watch.send_signal(signal.SIGINT)
        out, err = watch.communicate(timeout=20)
        assert (watch.returncode, err) == (0, ""), out
    finally:
        watch.kill()
    pop.daemon.until(lambda: pop.show("T1")["Tunnel Debugging"] == "no", "the end of the debugging")


def test_reset_loses_no_packet(pop):
    """What RESET printed and what is counted afterwards add up, however often it is asked."""
    client = pop.p41("1", "198.51.100.7")
    before = int(pop.show("T1")["Packets In  (Total)"])
    pop.cli("tunnel stats RESET")
    total = 0
    for _ in range(5):
        for _ in range(7):
            client.ping("2001:db8:2ff:1::1")
        rows = pop.cli("tunnel stats RESET").lines
        total += sum(int(r.split()[3]) for r in rows if r.startswith("T1 "))
    shown = pop.show("T1")
    assert total == 35 == int(shown["Packets In  (Total)"]) - before
    assert shown["Packets In"] == "0"


def test_the_nagios_check(pop):
    def check(*args):
        done = pop.topology.pop.run("/usr/bin/python3", CHECK, "-h", "127.0.0.1", *args, check=False)
        return done.returncode, done.stdout
    assert check()[0] == 0 and check()[1].startswith("OK - only 2 tunnels configured, too few")
    assert check("-t", "1", "-c", "1", "-a", "0")[0] == 0
    rc, text = check("-t", "1", "-c", "1", "-a", "0", "-o", "3")
    assert (rc, text) == (1, "WARNING - Tunnels online: 2, want 3\n")
    assert check("-p", "1")[0] == 2
