"""sixxsctl against a daemon that says what the test wants, and against the real one."""
import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import stat
import subprocess
import termios
import time

import pytest

from fakes import ROOT, BANNER, Fake, framed

CTL = os.environ.get("SIXXSCTL") or os.path.join(ROOT, "build", "t", "src", "client", "sixxsctl")
OK, REFUSED, USAGE, LOST = 0, 1, 2, 3

TREE = {"commands": [
    {"command": "cmd", "menu": True, "arguments": [], "help": "this session"},
    {"command": "cmd tree", "menu": False, "arguments": [], "help": "the tree"},
    {"command": "pop", "menu": True, "arguments": [], "help": "the PoP"},
    {"command": "pop set", "menu": True, "arguments": [], "help": "change the PoP"},
    {"command": "pop set debug", "menu": False, "help": "logging",
     "arguments": [{"name": "section", "type": "choice", "optional": False,
                    "choices": "sixxsd|common|prefix|thread"},
                   {"name": "state", "type": "onoff", "optional": False}]},
    {"command": "pop set http", "menu": False, "help": "the page",
     "arguments": [{"name": "<address>|off", "type": "word", "optional": False},
                   {"name": "port", "type": "number", "optional": True}]},
    {"command": "pop shutdown", "menu": False, "arguments": [], "help": "end the daemon"},
    {"command": "tunnel", "menu": True, "arguments": [], "help": "tunnels"},
    {"command": "tunnel list", "menu": False, "help": "one line per tunnel",
     "arguments": [{"name": "option", "type": "word", "optional": True}]},
    {"command": "tunnel set", "menu": True, "arguments": [], "help": "change a tunnel"},
    {"command": "tunnel set config", "menu": False, "help": "a tunnel",
     "arguments": [{"name": "tid", "type": "tid", "optional": False},
                   {"name": "password", "type": "secret", "optional": True}]},
]}


def dialect(line):
    """A line as the daemon reads it: words."""
    words, word, quoted, i = [], None, False, 0
    while i < len(line):
        c = line[i]
        if c in " \t" and not quoted:
            if word is not None:
                words.append(word)
            word = None
        else:
            word = word or ""
            if c == '"':
                quoted = not quoted
            elif c == "\\":
                i += 1
                word += dict(zip("abfnrtv", "\a\b\f\n\r\t\v")).get(line[i], line[i])
            else:
                word += c
        i += 1
    assert not quoted
    return words + ([word] if word is not None else [])


def answers(table):
    return lambda line: table.get(line, framed(["Unknown command: main >> " + line], 404))


def ctl(fake, *args, stdin=None, where=None, timeout=30):
    where = where or ["-h", "127.0.0.1", "-p", str(fake.port)]
    done = subprocess.run([CTL, *where, *args], input=stdin, timeout=timeout,
                          stdin=subprocess.DEVNULL if stdin is None else None,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture
def daemon():
    fakes = []

    def make(answer, **kw):
        fakes.append(Fake(answers(answer) if isinstance(answer, dict) else answer, **kw))
        return fakes[-1]
    yield make
    for fake in fakes:
        fake.close()


# answer, exit status, standard output, standard error
FRAMES = [
    (b"200 0 days 00:00:19\n", OK, "0 days 00:00:19\n", ""),
    (b"200 0 days 00:00:19\r\n", OK, "0 days 00:00:19\n", ""),
    (b"200 OK\n", OK, "", ""),
    (b"200 Ok\n", OK, "Ok\n", ""),
    (b"201 2\ndirect 1 0 2\n200 is no code here\n200 OK\n", OK,
     "direct 1 0 2\n200 is no code here\n", ""),
    (b"201 3\n\n\nx\n200 OK\n", OK, "\n\nx\n", ""),
    (b"200 5\n", OK, "5\n", ""),
    (b"200 201 2\n", OK, "201 2\n", ""),
    (b"300 No PoPs are configured\n", OK, "No PoPs are configured\n", ""),
    (b"301 2\na\nb\n300 OK\n", OK, "a\nb\n", ""),
    (b"400 bad argument\n", REFUSED, "", "bad argument\n"),
    (b"401 not available\n", REFUSED, "", "not available\n"),
    (b"401 2\na\nb\n404 OK\n", REFUSED, "", "a\nb\n"),
    (b"404 Unknown command: main >> x\n", REFUSED, "", "Unknown command: main >> x\n"),
    (b"500 broken\n", REFUSED, "", "broken\n"),
    (b"666 Tschau\n", OK, "Tschau\n", ""),
    (b"666 Tschau, shutting down\n", OK, "Tschau, shutting down\n", ""),
]


@pytest.mark.parametrize("answer,code,out,err", FRAMES)
def test_framing(daemon, answer, code, out, err):
    assert ctl(daemon(lambda line: answer), "x") == (code, out, err)


@pytest.mark.parametrize("answer,code,out,err", FRAMES)
def test_framing_octet_by_octet(daemon, answer, code, out, err):
    pieces = [answer[i:i + 1] for i in range(len(answer))]
    banner = [BANNER[i:i + 1] for i in range(len(BANNER))]
    assert ctl(daemon(lambda line: pieces, banner=banner), "x") == (code, out, err)


def test_a_long_answer(daemon):
    lines = [f"T{i} 2001:db8:2ff:{i:x}::2 198.51.100.7 up ayiya 1428 3" for i in range(32767)]
    rc, out, err = ctl(daemon(lambda line: framed(lines)), "tunnel", "list")
    assert (rc, err) == (OK, "") and out.splitlines() == lines


def test_a_long_line(daemon):
    rc, out, _ = ctl(daemon(lambda line: b'200 {"x":"' + b"y" * 3000000 + b'"}\n'), "-j", "x")
    assert rc == OK and len(json.loads(out)["x"]) == 3000000


@pytest.mark.parametrize("answer", [
    b"", b"201 3\na\n", b"201 2\na\nb\n", b"hello\n", b"20\n", b"201 2\na\nb\nc\n",
])
def test_half_an_answer(daemon, answer):
    fake = daemon(lambda line: fake.open[-1].sendall(answer))    # and None: closed
    rc, _, err = ctl(fake, "x")
    assert rc == LOST and "connection lost" in err


WORDS = [
    ["tunnel", "list", "err=AYIYA Hash Fail"],
    ["a b", "c\td", 'q"x"', "back\\slash", "", "'", "#", "//", "a//b"],
    ["\a\b\f\n\r\v", "\x01\x7f", "ä€🐧", " ", '"', "\\", "\\n"],
    ["-j", "--help", "x"],
]


@pytest.mark.parametrize("words", WORDS)
def test_words_survive(daemon, words):
    fake = daemon(lambda line: b"200 OK\n")
    rc, _, err = ctl(fake, "--", *words)
    assert (rc, err) == (OK, "")
    assert len(fake.lines) == 1 and dialect(fake.lines[0]) == words


def test_options_behind_the_command_are_the_commands(daemon):
    fake = daemon(lambda line: b"200 OK\n")
    assert ctl(fake, "tunnel", "-j", "--help")[0] == OK
    assert fake.lines == ["tunnel -j --help"]


def test_the_longest_line(daemon):
    fake = daemon(lambda line: b"200 OK\n")
    assert ctl(fake, "x" * 4095)[0] == OK
    assert fake.lines == ["x" * 4095]
    for args in (["x" * 4096], ["x" * 4000, "y" * 95], ["-j", "x" * 4091]):
        rc, _, err = ctl(fake, *args)
        assert rc == USAGE and "longer than 4095" in err
    assert len(fake.lines) == 1


def test_json(daemon):
    fake = daemon({"json tunnel list": b'200 {"tunnels":[]}\n',
                   "json x": b'404 {"message":"Unknown command"}\n'})
    assert ctl(fake, "-j", "tunnel", "list") == (OK, '{"tunnels":[]}\n', "")
    assert ctl(fake, "-j", "x") == (REFUSED, "", '{"message":"Unknown command"}\n')


# ---- where it connects ----

def test_unix_socket(daemon, tmp_path):
    path = str(tmp_path / "control")
    fake = daemon({"x": b"200 here\n"}, path=path)
    assert ctl(fake, "x", where=["-s", path]) == (OK, "here\n", "")
    os.unlink(path)
    rc, _, err = ctl(fake, "x", where=["-s", path])
    assert rc == LOST and path in err and "No such file" in err


def test_no_connection():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        rc, _, err = ctl(None, "x", where=["-h", "127.0.0.1", "-p", port])
        assert rc == LOST and "Connection refused" in err
        rc, _, err = ctl(None, "x", where=["-p", port])
        assert rc == LOST and "127.0.0.1 port " + port in err
    rc, _, err = ctl(None, "x", where=["-h", "no.such.host.invalid"])
    assert rc == LOST and "no.such.host.invalid" in err
    rc, _, err = ctl(None, "x", where=["-6", "-h", "127.0.0.1"])
    assert rc == LOST


@pytest.mark.parametrize("port", ["99999", "65536", "0", "-1", "", "http", "42003x"])
def test_what_is_no_port(port):
    rc, out, err = ctl(None, "x", where=["-h", "127.0.0.1", f"-p{port}"] if port else ["-p", ""])
    assert (rc, out, err) == (USAGE, "", f"sixxsctl: {port} is no port: 1 to 65535\n")


def test_the_default_names_both_places():
    if os.path.exists("/run/sixxsd/control"):
        pytest.skip("a daemon runs on this machine")
    rc, _, err = ctl(None, "x", where=["-4"])
    if rc == LOST:
        assert "/run/sixxsd/control: " in err and "127.0.0.1 port 42003: " in err


@pytest.mark.parametrize("banner,text", [
    (b"404 go away\n", "turned away: 404 go away"),
    (b"HTTP/1.0 302 Found\r\n\r\n", "no sixxsd answers there: HTTP/1.0 302 Found"),
    (None, "no sixxsd answers there"),
])
def test_turned_away(daemon, banner, text):
    fake = daemon(lambda line: b"200 OK\n", banner=banner)
    rc, out, err = ctl(fake, "x")
    assert (rc, out, fake.lines) == (LOST, "", []) and text in err


@pytest.mark.parametrize("args", [["-x"], ["-s"], ["-p"], ["-s", "a", "-h", "b"], ["-s", "a", "-p", "1"]])
def test_usage(args):
    rc, out, err = ctl(None, *args, where=["-4"])
    assert (rc, out) == (USAGE, "") and err


def test_help_and_version():
    rc, out, _ = ctl(None, "--help", where=["-4"])
    assert rc == OK and "Exit status" in out
    rc, out, _ = ctl(None, "-V", where=["-4"])
    assert rc == OK and re.fullmatch(r"sixxsctl \d+\.\d+\.\d+\n", out)


# ---- commands from standard input ----

def test_lines_from_stdin(daemon):
    fake = daemon({"pop": b"200 >> main > pop (use '..' or 'end' to go up one level)\n",
                   "show uptime": b"200 up\n", "last": b"200 OK\n"})
    text = b"# a comment\n\npop\r\n  // another\nshow uptime\nlast"
    rc, out, err = ctl(fake, stdin=text)
    assert (rc, err) == (OK, "") and out.endswith("up\n")
    assert fake.lines == ["pop", "show uptime", "last"]


def test_the_first_failure_ends_it(daemon):
    fake = daemon({"a": b"200 OK\n", "b": b"400 no\n", "c": b"200 OK\n"})
    rc, out, err = ctl(fake, stdin=b"a\n\nb\nc\n")
    assert (rc, out) == (REFUSED, "") and err.startswith("no\n") and "line 3 " in err
    assert fake.lines == ["a", "b"]


def test_stdin_ends(daemon):
    fake = daemon({"exit": b"666 Tschau\n", "gone": None})
    assert ctl(fake, stdin=b"")[0] == OK
    assert ctl(fake, stdin=b"exit\nx\n")[0] == OK and fake.lines == ["exit"]
    rc, _, err = ctl(fake, stdin=b"gone\nx\n")
    assert rc == LOST and "connection lost" in err
    rc, _, err = ctl(fake, stdin=b"x" * 4096 + b"\ny\n")
    assert rc == REFUSED and "line 1 is longer" in err
    assert fake.lines == ["exit", "gone"]


def test_stdin_as_json(daemon):
    fake = daemon({"cmd format json": b'200 {"message":"Ok"}\n', "x": b'200 {"y":1}\n'})
    assert ctl(fake, "-j", stdin=b"x\nx\n") == (OK, '{"y":1}\n{"y":1}\n', "")
    assert fake.lines == ["cmd format json", "x", "x"]


# ---- streams ----

def test_a_stream_ends_with_ctrl_c(daemon):
    fake = daemon(lambda line: [b"200 trace follows\n", b"200 [T1 one", b"] line\n"])
    p = subprocess.Popen([CTL, "-h", "127.0.0.1", "-p", str(fake.port), "tunnel", "set", "debug",
                          "T1", "on"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert p.stdout.readline() == b"200 [T1 one] line\n"
    p.send_signal(signal.SIGINT)
    assert p.wait(10) == OK and p.stdout.read() == b"" and p.stderr.read() == b""


def test_a_stream_that_breaks_is_lost(daemon):
    fake = daemon(lambda line: fake.open[-1].sendall(b"200 pcapng follows\n\x0a\x0d\x0d\x0a\0\0"))
    done = subprocess.run([CTL, "-h", "127.0.0.1", "-p", str(fake.port), "x"], capture_output=True,
                          timeout=30)
    assert done.returncode == LOST and done.stdout == b"\x0a\x0d\x0d\x0a\0\0"
    assert b"connection lost" in done.stderr


BLOCK = (1).to_bytes(4, "little") + (4096).to_bytes(4, "little") + bytes(4084) + (4096).to_bytes(4, "little")


def capturing(daemon, first, rest=b""):
    """A daemon whose capture is @first, and @rest once the client wants no more."""
    def answer(_):
        conn = fake.open[-1]
        conn.sendall(b"200 pcapng follows\n" + first)
        while conn.recv(4096):
            pass
        conn.sendall(rest)
    fake = daemon(answer)
    return [CTL, "-h", "127.0.0.1", "-p", str(fake.port), "tunnel", "capture", "all"]


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_capture_is_whole_whatever_ends_it(daemon, by):
    p = subprocess.Popen(capturing(daemon, BLOCK + BLOCK[:100], BLOCK[100:] + BLOCK),
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert p.stdout.read(4196) == BLOCK + BLOCK[:100]
    p.send_signal(by)
    assert p.communicate(timeout=30) == (BLOCK[100:] + BLOCK, b"") and p.returncode == OK


def test_a_capture_whose_reader_is_slow_is_whole(daemon):
    n = 64      # more than a socket and a pipe hold
    p = subprocess.Popen(capturing(daemon, BLOCK * n, BLOCK), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    fcntl.fcntl(p.stdout, fcntl.F_SETPIPE_SZ, 4096)
    while fionread(p.stdout) < 4096 or state(p, "State") != "S":
        time.sleep(0.01)
    p.send_signal(signal.SIGINT)
    while int(state(p, "ShdPnd"), 16):
        time.sleep(0.01)
    assert p.communicate(timeout=30) == (BLOCK * (n + 1), b"") and p.returncode == OK


def fionread(f):
    return int.from_bytes(fcntl.ioctl(f, termios.FIONREAD, bytes(4)), "little")


def state(p, name):
    with open(f"/proc/{p.pid}/status", encoding="utf-8") as f:
        return next(line.split()[1] for line in f if line.startswith(name + ":"))


def test_a_capture_that_cannot_be_written_says_so(daemon):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(capturing(daemon, BLOCK), stdout=full, stderr=subprocess.PIPE, timeout=30)
    assert done.returncode == LOST and b"No space left" in done.stderr and b"connection" not in done.stderr


def test_a_text_that_cannot_be_written_says_so(daemon):
    fake = daemon(lambda line: framed(["a", "b"]))
    with open("/dev/full", "wb") as full:
        done = subprocess.run([CTL, "-h", "127.0.0.1", "-p", str(fake.port), "x"], stdout=full,
                              stderr=subprocess.PIPE, timeout=30)
    assert done.returncode == LOST and b"No space left" in done.stderr


def test_a_quiet_capture_ends_with_its_reader(daemon):
    p = subprocess.Popen(capturing(daemon, BLOCK), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert p.stdout.read(len(BLOCK)) == BLOCK
    p.stdout.close()
    assert p.wait(30) == OK and p.stderr.read() == b""


@pytest.mark.parametrize("args,answer,trace,shown", [
    ([], b"200 Debugging has been enabled\n", b"200 [T1  uplink ] x\n", b"[T1  uplink ] x\n"),
    (["-j"], b'200 {"message":"Debugging has been enabled"}\n', b'200 {"trace":"x"}\n',
     b'{"trace":"x"}\n'),
])
def test_a_tunnel_under_debug_is_watched(daemon, args, answer, trace, shown):
    fake = daemon(lambda line: [answer, trace[:7], trace[7:]])
    p = subprocess.Popen([CTL, "-h", "127.0.0.1", "-p", str(fake.port), *args, "tunnel", "set",
                          "debug", "T1", "on"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert p.stdout.readline() == answer[4:]
    assert p.stdout.readline() == shown
    p.send_signal(signal.SIGINT)
    assert p.wait(10) == OK and p.stdout.read() == b"" and p.stderr.read() == b""


@pytest.mark.parametrize("line", [b"200 what follows is text\n", b"404 trace follows\n"])
def test_not_every_line_that_ends_so_is_a_stream(daemon, line):
    assert ctl(daemon(lambda asked: line), "x")[1:] in (
        (line[4:].decode(), ""), ("", line[4:].decode()))


# ---- the terminal ----

class Terminal:
    def __init__(self, fake, tmp_path, *args):
        self.file = tmp_path / "state" / "sixxsctl_history"
        main, side = pty.openpty()
        self.fd = main
        # libedit never frees the names of added functions
        env = dict(os.environ, ASAN_OPTIONS="detect_leaks=0", TERM="xterm", XDG_STATE_HOME=str(tmp_path / "state"), LC_ALL="C.UTF-8")
        self.p = subprocess.Popen([CTL, "-h", "127.0.0.1", "-p", str(fake.port), *args], stdin=side,
                                  stdout=side, stderr=side, env=env, start_new_session=True,
                                  preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(side)
        self.seen = ""

    def type(self, text):
        os.write(self.fd, text.encode())

    def expect(self, text, seconds=10):
        """Waits until @text was printed; what came before it is forgotten."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            left = end - time.monotonic()
            assert left > 0, f"no {text!r} in {self.seen!r}"
            if select.select([self.fd], [], [], left)[0]:
                try:
                    new = os.read(self.fd, 4096).decode("utf-8", "replace")
                except OSError:
                    new = ""
                assert new, f"ended without {text!r}: {self.seen!r}"
                self.seen += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\r", "", new)
        before, _, self.seen = self.seen.partition(text)
        return before

    def end(self, seconds=10):
        """Reads to the end, so that the client can write; its exit status."""
        end = time.monotonic() + seconds
        try:
            while select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                if not os.read(self.fd, 4096):
                    break
        except OSError:
            pass
        try:
            return self.p.wait(max(1, end - time.monotonic()))
        finally:
            os.close(self.fd)

    def history(self):
        return [line for line in self.file.read_text().splitlines() if not line.startswith("_Hi")]


@pytest.fixture
def terminal(daemon, tmp_path):
    table = {
        "json cmd tree": b"200 " + json.dumps(TREE).encode() + b"\n",
        "pop": b"200 >> main > pop (use '..' or 'end' to go up one level)\n",
        "set": b"200 >> main > pop > set (use '..' or 'end' to go up one level)\n",
        "/": b"200 << main\n", "end": b"200 << main\n",
        "tunnel list": b"201 2\nT1 up\nT2 up\n200 OK\n", "tunnel list ": b"200 blank\n",
        "exit": b"666 Tschau\n", "stream": [b"200 trace follows\n", b"200 one\n"],
        "cmd format json": b'200 {"message":"Ok"}\n', "gone": None, "pop ": b"200 >> main > pop\n",
        "slow": [b"201 2\n"] + [b"one\n"] + [b""] * 20 + [b"two\n200 OK\n"],
        "debug": b"200 Debugging has been enabled\n200 [T1 two\n",
    }
    made = []

    def make(*args):
        fake = daemon(table)
        made.append(Terminal(fake, tmp_path, *args))
        return made[-1], fake
    yield make
    for t in made:
        if t.p.poll() is None:
            t.p.kill()
            t.p.wait()


@pytest.mark.parametrize("args", [[], ["-j"]])
def test_a_capture_onto_a_terminal_names_the_command(daemon, tmp_path, args):
    fake = daemon(lambda line: [b"200 pcapng follows\n", b"\n\r\r\n"])
    t = Terminal(fake, tmp_path, *args, "pop", "capture", "drops")
    t.expect("sixxsctl: a capture is no text")
    t.expect(": sixxsctl pop capture drops | wireshark -k -i -")
    assert t.end() == USAGE


def test_a_capture_from_a_menu_is_named_from_main(daemon, tmp_path):
    fake = daemon({"json cmd tree": b"200 " + json.dumps(TREE).encode() + b"\n",
                   "pop": b"200 >> main > pop (use '..' or 'end' to go up one level)\n",
                   "capture drops": [b"200 pcapng follows\n", b"\n\r\r\n"]})
    t = Terminal(fake, tmp_path)
    t.type("pop\r")
    t.expect("pop> ")
    t.type("capture drops\r")
    t.expect(": sixxsctl pop capture drops | wireshark")
    t.type("exit\r")
    t.end()


def test_prompt_shows_the_menu(terminal):
    t, _ = terminal()
    t.expect("chtst01> ")
    t.type("pop\r")
    t.expect("chtst01 pop> ")
    t.type("set\r")
    t.expect("chtst01 pop set> ")
    t.type("/\r")
    t.expect("chtst01> ")
    t.type("nonsense\r")
    t.expect("Unknown command")
    t.expect("chtst01> ")
    t.type("exit\r")
    t.expect("Tschau")
    assert t.end() == OK


def test_tab_completes_from_the_daemons_table(terminal):
    t, fake = terminal()
    t.expect("chtst01> ")
    t.type("tu\tli\t\r")
    t.expect("blank")
    assert fake.lines[-1] == "tunnel list "
    t.expect("chtst01> ")
    t.type("pop s\t\t")
    text = t.expect("chtst01> pop s")
    assert "set" in text and "[>>] change the PoP" in text and "shutdown" in text
    t.type("\x15pop set http \t")
    text = t.expect("chtst01> pop set http ")
    assert "\n  <address>|off\n" in text, "and no word is put in"
    t.type("::1 \t")
    text = t.expect("chtst01> pop set http ::1 ")
    assert "\n  <port>\n" in text
    t.type("\x15pop set debug \t")
    text = t.expect("chtst01> pop set debug ")
    assert all(word in text for word in ("sixxsd", "common", "prefix", "thread"))
    t.type("th\t")
    t.expect("thread ")
    t.type("\x15pop\r")
    t.expect("chtst01 pop> ")
    t.type("set d\t")
    t.expect("set debug ")
    t.type("\x15/ tun\t")
    t.expect("/ tunnel ")
    t.type("\x15.. tun\t")
    t.expect(".. tunnel ")
    t.type("\x15\x04")
    assert t.end() == OK


def test_question_mark_helps(terminal):
    t, fake = terminal()
    t.expect("chtst01> ")
    t.type("?")
    text = t.expect("chtst01> ")
    assert "tunnels" in text and "exit" in text
    t.type("tunnel set config ?")
    assert "<tid>" in t.expect("chtst01> tunnel set config ")
    t.type("\x15x \"a?b\"\r")
    t.expect("Unknown command")
    assert fake.lines[-1] == 'x "a?b"'


def test_history_is_private_and_holds_no_password(terminal):
    t, _ = terminal()
    t.expect("chtst01> ")
    for line in ("tunnel list", "tunnel set config 1 hunter2", "tunnel set config 1",
                 "tunel set config 1 T1 dynamic up 1428 hunter3", "json tunnel set config 1 hunter4",
                 "tunnel set \"config\" 1 hunter5"):
        t.type(line + "\r")
        t.expect("chtst01> ")
    t.type("\x1b[A")
    t.expect("tunnel set config 1")
    t.type("\x15exit\r")
    t.expect("Tschau")
    assert t.end() == OK
    assert stat.S_IMODE(t.file.stat().st_mode) == 0o600
    text = t.file.read_text()
    assert "hunter" not in text and "tunnel" in text
    assert len(t.history()) == 3

    t, _ = terminal()
    t.expect("chtst01> ")
    t.type("\x1b[A\x1b[A\x1b[A\r")
    t.expect("T2 up")
    t.type("\x04")
    assert t.end() == OK


def test_ctrl_c_drops_the_line_and_ctrl_d_ends(terminal):
    t, fake = terminal()
    t.expect("chtst01> ")
    t.type("half a line\x03")
    t.expect("^C")
    t.expect("chtst01> ")
    t.type("tunnel list\r")
    t.expect("T2 up")
    assert fake.lines[-1] == "tunnel list"
    t.expect("chtst01> ")
    t.type("\x04")
    assert t.end() == OK


def test_ctrl_d_typed_ahead_ends_it(terminal):
    t, _ = terminal()
    t.expect("chtst01> ")
    t.type("slow\r")
    t.expect("one")
    t.type("\x04")         # the terminal is in its own mode while an answer is awaited
    assert t.end() == OK


def test_a_stream_gives_the_prompt_back(terminal):
    t, fake = terminal()
    t.expect("chtst01> ")
    t.type("stream\r")
    t.expect("200 one")
    t.type("\x03")
    t.expect("chtst01> ")
    t.type("tunnel list\r")
    t.expect("T2 up")
    t.expect("chtst01> ")
    assert len(fake.open) == 2
    t.type("pop\r")
    t.expect("chtst01 pop> ")
    t.type("debug\r")
    t.expect("[T1 two")
    t.type("\x03")
    t.expect("chtst01 pop> ")
    assert len(fake.open) == 3 and fake.lines[-1] == "pop "
    t.type("\x04")
    assert t.end() == OK


def test_a_daemon_that_leaves_is_noticed_at_once(terminal):
    t, fake = terminal()
    t.expect("chtst01> ")
    fake.open[-1].sendall(b"404 Tschau, closing down\n")
    fake.open[-1].shutdown(socket.SHUT_RDWR)
    t.expect("Tschau, closing down")
    t.expect("connection lost")
    assert t.end() == LOST


def test_a_line_that_kills_the_connection(terminal):
    t, _ = terminal()
    t.expect("chtst01> ")
    t.type("gone\r")
    t.expect("connection lost")
    assert t.end() == LOST


def test_json_at_the_prompt(terminal):
    t, fake = terminal("-j")
    t.expect("chtst01> ")
    t.type("exit\r")
    t.expect("Tschau")
    assert "cmd format json" in fake.lines and t.end() == OK
