"""Wireshark's way to captures, with a client that says what it was asked, or ends as the test wants."""
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys

import pytest

from fakes import ROOT

EXTCAP = os.path.join(ROOT, "contrib", "wireshark", "sixxs-extcap")


@pytest.fixture
def client(tmp_path):
    """SIXXSCTL is a program of the test's."""
    def make(text, interpreter=sys.executable):
        path = tmp_path / "client"
        path.write_text(f"#!{interpreter}\n{text}")
        path.chmod(0o755)
        return {**os.environ, "SIXXSCTL": str(path), "SIXXSCTL_ARGS": "-s /a/path"}
    return make


def extcap(env, *argv):
    return subprocess.run([sys.executable, EXTCAP, *argv], env=env, capture_output=True, timeout=60,
                          stdin=subprocess.DEVNULL, check=False)


ECHO = "import json, sys\njson.dump(sys.argv[1:], sys.stdout)\n"


def test_what_the_client_is_asked(client, tmp_path):
    env, out = client(ECHO), tmp_path / "out"
    for argv, asked in (([], ["tunnel", "capture", "all"]),
                        (["--extcap-interface", "sixxs-drops"], ["pop", "capture", "drops"]),
                        (["--extcap-interface", "sixxs-drops", "--seconds", "5"], ["pop", "capture", "drops"]),
                        (["--extcap-interface", "sixxs-T42", "--seconds", "5"], ["tunnel", "capture", "T42", "5s"]),
                        (["--extcap-interface", "sixxs-T42", "--seconds", "0"], ["tunnel", "capture", "T42"])):
        done = extcap(env, "--capture", "--fifo", str(out), *argv)
        assert done.returncode == 0, done.stderr
        assert json.loads(out.read_text()) == ["-s", "/a/path", *asked]


def test_whatever_the_interface_is_called_it_is_one_word(client, tmp_path):
    env, out = client(ECHO), tmp_path / "out"
    chance = random.Random(7)
    names = ["", "-x", "--help", "T1 5s", "T1\npop shutdown", "$(x)", "a;b", "'\"", "\u00fc", "sixxs-", "sixxs-sixxs-all"]
    names += ["".join(chance.choice("sixxs-T1 \t\n\"\\'$`;|&-=%\x7f\u20ac") for _ in range(chance.randrange(1, 40)))
              for _ in range(20)]
    for name in names:
        done = extcap(env, "--capture", "--fifo", str(out), f"--extcap-interface={name}")
        assert done.returncode == 0, (name, done.stderr)
        assert json.loads(out.read_text())[2:] == ["tunnel", "capture", name.removeprefix("sixxs-")]


@pytest.mark.parametrize("argv", [["--seconds", "x"], ["--seconds", "1.5"], ["--nothing"], ["--capture"], []])
def test_arguments_it_does_not_know(client, argv):
    done = extcap(client(ECHO), *argv)
    assert done.returncode == 2 and b"usage" in done.stderr and done.stdout == b""


def test_what_cannot_be_is_said_in_a_line(client, tmp_path):
    env = client(ECHO)
    for there, fifo in ((env, str(tmp_path / "no" / "fifo")), ({**env, "SIXXSCTL": "/nowhere"}, str(tmp_path / "f")),
                        ({**env, "SIXXSCTL_ARGS": "'"}, str(tmp_path / "f"))):
        done = extcap(there, "--capture", "--fifo", fifo)
        assert done.returncode == 1 and done.stderr.startswith(b"sixxs-extcap: ")
        assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("answer", ["", "{", "no", '{"tunnels": null}', '{"tunnels": [1]}', '{"tunnels": [{}]}', "{}"])
def test_a_client_that_knows_no_tunnels(client, answer):
    done = extcap(client(f"print({answer!r})\n"), "--extcap-interfaces")
    assert done.returncode == 0 and done.stderr == b"" and b"sixxs-all" in done.stdout


def test_seconds_are_asked_for_where_they_are_heeded(client):
    env = client(ECHO)
    for interface in ("sixxs-all", "sixxs-T42"):
        done = extcap(env, "--extcap-interface", interface, "--extcap-config")
        assert done.returncode == 0 and b"{call=--seconds}" in done.stdout
    done = extcap(env, "--extcap-interface", "sixxs-drops", "--extcap-config")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("put", [os.symlink, shutil.copy])
def test_wireshark_finds_it_where_it_says(client, tmp_path, put):
    """The folder is that of the script's own text, for the version that is here."""
    said = subprocess.run(["tshark", "-v"], capture_output=True, text=True, timeout=60, check=True).stdout
    version = tuple(int(n) for n in re.search(r"(\d+)\.(\d+)", said).groups())
    with open(EXTCAP, encoding="utf-8") as f:
        old, new = re.findall(r"~/(\S+/extcap)\b", f.read())
    folder = tmp_path / (old if version < (4, 2) else new)
    folder.mkdir(parents=True)
    put(EXTCAP, folder / "sixxs-extcap")
    env = {k: v for k, v in client(ECHO).items() if not k.startswith("XDG_")}
    done = subprocess.run(["tshark", "-D"], env={**env, "HOME": str(tmp_path)}, capture_output=True, text=True,
                          timeout=60, check=False)
    assert "sixxs-all" in done.stdout and "sixxs-drops" in done.stdout, done


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_it_may_be_ended_while_it_begins(client, tmp_path, by):
    """The client's first act is to have it ended: it must be told, and waited for."""
    env, out = client(f"trap 'echo ended; exit 0' INT\nkill -{by.value} $PPID\n"
                      "while :; do sleep 0.1; done\n", "/bin/sh"), tmp_path / "out"
    for _ in range(10):
        done = extcap(env, "--capture", "--fifo", str(out))
        assert done.returncode == 0 and done.stderr == b"" and out.read_text() == "ended\n"


def test_a_client_that_had_not_begun_is_no_failure(client, tmp_path):
    env = client("kill -TERM $PPID\nexec sleep 60\n", "/bin/sh")
    done = extcap(env, "--capture", "--fifo", str(tmp_path / "out"))
    assert done.returncode == 0 and done.stderr == b""
