"""
The log where standard error is the journal: a socket of ours in its place, in the /run that
only the daemon sees.
"""
import contextlib
import os
import socket
import subprocess

import pytest

from lib.config import config, dynamic, static
from lib.daemon import Daemon

CONFIG = config(static("1", "198.51.100.7"), dynamic("2", "ayiya"), pop=["set verbosity 1"],
                marker=False)


class Journal:
    """@there: with its socket; a stream for standard error it has in any case"""

    def __init__(self, topology, there=True, text=CONFIG):
        self.ours, self.theirs = socket.socketpair()
        st = os.fstat(self.theirs.fileno())
        self.daemon = Daemon(topology, text, env={"JOURNAL_STREAM": f"{st.st_dev}:{st.st_ino}"})
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        os.makedirs(os.path.join(self.daemon.run_dir, "systemd/journal"))
        self.path = os.path.join(self.daemon.run_dir, "systemd/journal/socket")
        if there:
            self.listen()

    def listen(self):
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)

    def start(self):
        d = self.daemon
        with open(d.log, "ab") as log:
            d.process = subprocess.Popen(d.command(), stdin=subprocess.DEVNULL, stdout=log,
                                         stderr=self.theirs, env=d.env)
        return d

    def entries(self, until, deadline_s=20):
        """Entries as dicts, up to the one of that event."""
        self.socket.settimeout(deadline_s)
        out = []
        while not out or out[-1].get("SIXXSD_EVENT") != until:
            data = self.socket.recv(65536).decode()
            assert data.endswith("\n")
            fields = [line.split("=", 1) for line in data[:-1].split("\n")]
            assert len(dict(fields)) == len(fields), data
            out.append(dict(fields))
            assert {"MESSAGE", "PRIORITY"} <= set(out[-1])
            assert out[-1]["SYSLOG_IDENTIFIER"] == "sixxsd"
        return out

    def stream(self):
        self.ours.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            return self.ours.recv(65536).decode()
        return ""

    def close(self):
        self.daemon.close()
        for s in (self.ours, self.theirs, self.socket):
            s.close()


@pytest.fixture
def journal(topology, sixxsd):
    made = []

    def make(**how):
        made.append(Journal(topology, **how))
        return made[-1]
    yield make
    for j in made:
        j.close()


def test_events_and_facts_are_fields(journal):
    j = journal()
    d = j.start()
    started = j.entries("started")[-1]
    assert started["SIXXSD_VALUE"] == "2" and started["SIXXSD_VERSION"] in started["MESSAGE"]
    assert started["PRIORITY"] == "5"
    d.wait_ready()
    opened = j.entries("session_opened")[-1]
    assert opened["MESSAGE"] == f"session {opened['SIXXSD_SESSION']}: from the local socket"
    assert "SIXXSD_ADDRESS" not in opened
    d.write(CONFIG + "\ntunnel set nonsense\n")
    d.kill(1)
    problem, refused = j.entries("reload_refused")[-2:]
    assert (problem["SIXXSD_EVENT"], problem["PRIORITY"]) == ("config_problem", "3")
    assert problem["SIXXSD_FILE"] == d.conf
    assert problem["SIXXSD_LINE"] == str(open(d.conf).read().splitlines().index("tunnel set nonsense") + 1)
    assert problem["SIXXSD_REASON"] in problem["MESSAGE"]
    assert refused["SIXXSD_FILE"] == d.conf and refused["SIXXSD_REASON"]
    d.reload(CONFIG)
    assert j.entries("reloaded")[-1]["SIXXSD_FILE"] == d.conf
    d.stop()
    last = j.entries("stopped")
    asked = [e for e in last if e.get("SIXXSD_EVENT") == "stop_asked"]
    assert asked[0]["SIXXSD_SIGNAL"] == "15"
    assert j.stream() == "" and d.output() == "", "all of it went to the socket"


def test_a_start_that_fails_is_an_event(journal):
    j = journal(text="tunnel nonsense\n")
    d = j.start()
    entries = j.entries("start_failed")
    assert d.process.wait(20) == 1
    d.process = None
    assert entries[-2]["SIXXSD_EVENT"] == "config_problem" and entries[-2]["SIXXSD_LINE"] == "1"
    assert entries[-1]["PRIORITY"] == "3" and entries[-1]["SIXXSD_REASON"]


def test_without_the_socket_lines_go_to_the_stream(journal):
    j = journal(there=False)
    d = j.start()
    d.wait_ready()
    d.until(lambda: "session" in j.stream(), "a line on the stream")
    j.listen()
    d.reload(CONFIG)
    assert j.entries("reloaded")[-1]["SIXXSD_FILE"] == d.conf
    assert j.stream() == ""
    j.socket.close()
    d.reload(CONFIG)
    said = d.until(j.stream, "a line on the stream again")
    assert said.startswith("<5>reload of ") and said.endswith(": done\n")


def test_a_stderr_that_is_not_the_journal_is_for_people(topology, sixxsd):
    d = Daemon(topology, CONFIG, env={"JOURNAL_STREAM": "8:1"})
    try:
        d.start()
        d.wait_output(r"(?m)^\d+ \d{4}-\d\d-\d\d .* started: 2 tunnels")
    finally:
        d.close()
