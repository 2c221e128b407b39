"""The demonstration's stage: what it takes down, and what it shows."""
import contextlib
import importlib.util
import os
import signal
import subprocess

import pytest

from fakes import ROOT

spec = importlib.util.spec_from_file_location("demo", os.path.join(ROOT, "scripts", "demo.py"))
demo = importlib.util.module_from_spec(spec)
spec.loader.exec_module(demo)


@pytest.fixture
def journal(monkeypatch):
    """What end() does, in order: signals as they are, the pauses as words."""
    done, kill, sleep = [], os.kill, demo.time.sleep

    def note_kill(pid, sig):
        done.append((pid, sig))
        kill(pid, sig)

    def note_sleep(seconds):
        done.append("pause")
        sleep(seconds)

    monkeypatch.setattr(demo.os, "kill", note_kill)
    monkeypatch.setattr(demo.time, "sleep", note_sleep)
    return done


def test_all_are_asked_before_any_is_waited_for(journal):
    asleep = [subprocess.Popen(["sleep", "600"]) for _ in range(5)]
    demo.end([p.pid for p in asleep])
    assert journal[:5] == [(p.pid, signal.SIGTERM) for p in asleep]
    assert all(what == "pause" for what in journal[5:])
    assert [p.wait(60) for p in asleep] == [-signal.SIGTERM] * 5


def test_who_does_not_listen_is_made_to(journal):
    deaf = subprocess.Popen(["sh", "-c", "trap '' TERM; echo ready; exec sleep 600"], stdout=subprocess.PIPE)
    assert deaf.stdout.readline() == b"ready\n"
    demo.end([deaf.pid])
    assert deaf.wait(60) == -signal.SIGKILL and (deaf.pid, signal.SIGKILL) in journal
    deaf.stdout.close()


def test_a_zombie_is_not_waited_for(journal):
    gone = subprocess.Popen(["true"])
    os.waitid(os.P_PID, gone.pid, os.WEXITED | os.WNOWAIT)
    demo.end([gone.pid])
    assert journal == [(gone.pid, signal.SIGTERM)]
    assert gone.wait() == 0


def test_a_name_may_hold_anything(tmp_path):
    """The state stands behind the name, which the program chooses."""
    program = tmp_path / "a) Z (b"
    program.symlink_to("/bin/sleep")
    p = subprocess.Popen([program, "600"])
    try:
        assert demo.is_running(p.pid)
    finally:
        p.kill()
        p.wait()
    assert not demo.is_running(p.pid)


def test_processes_end_before_any_namespace_goes(monkeypatch):
    done = []

    def sh(*argv, **_):
        done.append(argv[2:])
        return {"a": "11\n12\n", "b": "13\n", "c": ""}[argv[3]] if argv[2] == "pids" else ""

    monkeypatch.setattr(demo, "sh", sh)
    monkeypatch.setattr(demo, "end", lambda pids: done.append(("end", *sorted(pids))))
    demo.remove_namespaces(["a", "b", "c"])
    assert done == [("pids", "a"), ("pids", "b"), ("pids", "c"), ("end", 11, 12, 13),
                    ("delete", "a"), ("delete", "b"), ("delete", "c")]


NAMES = [s[1] for s in demo.SITES + demo.MISTAKEN]


def on_stage(rtt="0.28 0.44 0.61"):
    """Without a daemon: every tunnel has that latency."""
    stage = object.__new__(demo.Stage)
    stage.ask = lambda line: {
        "pop show uptime": ["0 days 00:00:01"],
        "tunnel list": [f"{name} 2001:db8::2 192.0.2.1 up direct 1280 0" for name in NAMES],
        "tunnel stats": [f"{name} 1 2 3 4 5 6 0.00 {rtt}" for name in NAMES],
    }.get(line, ['{"why": [{"severity": "info", "sentence": "Nothing was ever heard.", "remedy": "wait"}]}'])
    return stage


def test_latency_is_shown_where_it_is_known():
    assert on_stage().picture()[0].count(" 0.28/0.44/0.61\n") == len(NAMES)
    text = on_stage("-1.00 -1.00 -1.00").picture()[0]
    assert "-1.00" not in text and text.count(" -\n") == len(NAMES)


def test_a_picture_names_the_page_while_it_is_there():
    stage = on_stage()
    assert "http" not in stage.picture()[0]
    stage.page = 4711
    assert stage.picture()[0].count("http://127.0.0.1:4711/") == 1


def test_a_mistake_that_is_not_known_yet_is_waited_for(monkeypatch):
    stage, pauses = on_stage(), []
    stage.found_out = lambda: len(pauses) == 3
    monkeypatch.setattr(demo.time, "sleep", pauses.append)
    demo.settle(stage)
    assert len(pauses) == 3
    del stage.found_out
    assert not stage.found_out()


PLAY = """
import sys
sys.path.insert(0, sys.argv.pop(1))
import demo
class Stage(demo.Stage):
    def __init__(self):
        pass
    def nothing(self, *_):
        pass
    build = daemon = clients = traffic = mistakes = open_page = keep = nothing
    def proof(self):
        return []
    def stats(self):
        return {s[1]: {"packets_in": 1, "packets_out": 1, "received": 2} for s in demo.SITES}
    def why(self, name):
        return {"severity": "error"}
    def picture(self):
        return "picture", self.stats()
    def farewell(self):
        return "it stays up"
    def close(self):
        print("closed", file=sys.stderr)
demo.Stage = Stage
demo.sweep = lambda everything=False: 0
sys.exit(demo.main())
"""


def play(mode, **how):
    return subprocess.run(["/usr/bin/python3", "-c", PLAY, os.path.join(ROOT, "scripts"), *mode], text=True,
                          stderr=subprocess.PIPE, timeout=60, check=False,
                          env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"), **how)


def test_once_and_keep_say_what_they_did():
    done = play(["--once"], stdout=subprocess.PIPE)
    assert done.returncode == 0 and done.stderr == "closed\n"
    assert done.stdout == "picture\nEvery tunnel and the routed /48 carried traffic both ways.\n"
    done = play(["--keep"], stdout=subprocess.PIPE)
    assert done.returncode == 0 and "closed" not in done.stderr
    assert done.stdout == "picture\nit stays up\n"


@pytest.mark.parametrize("mode", [[], ["--once"], ["--keep"]])
def test_a_reader_that_goes_ends_it_quietly_and_cleanly(mode):
    gone, out = os.pipe()
    os.close(gone)
    try:
        done = play(mode, stdout=out)
    finally:
        os.close(out)
    assert done.returncode == 128 + signal.SIGPIPE
    assert done.stderr.replace("waiting for the first answers ...\n", "") == "closed\n"


def test_nothing_to_remove_for_nobody():
    gone, out = os.pipe()
    os.close(gone)
    done = play(["--remove"], stdout=out)
    os.close(out)
    assert done.returncode == 128 + signal.SIGPIPE and done.stderr == ""


# ---- ./demo itself: what is seen of the building ----

@pytest.fixture
def clone(tmp_path):
    """./demo with a ninja that only says so, and nothing to show afterwards."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "bin").mkdir()
    for path, text in (("demo", open(os.path.join(ROOT, "demo"), encoding="utf-8").read()),
                       ("scripts/deps", "#!/bin/sh\n"), ("bin/meson", "#!/bin/sh\necho meson\n"),
                       ("bin/ninja", "#!/bin/sh\necho compiling\nexit ${FAIL-0}\n"),
                       ("bin/sudo", '#!/bin/sh\nexec "$@"\n'), ("scripts/demo.py", "print('shown')\n")):
        (tmp_path / path).write_text(text)
        (tmp_path / path).chmod(0o755)
    return tmp_path


def run_clone(clone, out, **env):
    return subprocess.run([clone / "demo", "--once"], stdout=out, stderr=subprocess.PIPE, text=True, timeout=60,
                          check=False, env={**os.environ, "PATH": f"{clone}/bin:{os.environ['PATH']}", **env})


def test_building_is_seen_on_a_terminal(clone):
    ours, theirs = os.openpty()
    done = run_clone(clone, theirs)
    os.close(theirs)
    seen = b""
    with open(ours, "rb", buffering=0) as f, contextlib.suppress(OSError):     # EIO is its end
        while more := f.read(4096):
            seen += more
    assert done.returncode == 0 and "minute" in done.stderr
    assert seen.split() == [b"compiling", b"shown"]


def test_building_is_silent_elsewhere_unless_it_fails(clone):
    done = run_clone(clone, subprocess.PIPE)
    assert done.returncode == 0 and done.stdout == "shown\n" and done.stderr.count("\n") == 1
    done = run_clone(clone, subprocess.PIPE, FAIL="1")
    assert done.returncode == 1 and done.stdout == "" and done.stderr.endswith("compiling\n")
