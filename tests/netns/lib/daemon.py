"""
The daemon under test, in the pop namespace, and its command line.

SIXXSD      the binary (or the newest build/*/src/sixxsd)
SIXXSD_SAN  set for a sanitizer build: more patience, and any report on stderr fails
SIXXSD_WORKERS  a configuration that does not say how many workers gets this many
SIXXSD_FASTPATH  a mode (tc): one that does not say otherwise gets a fast path (tests that forward)
"""
import contextlib
import glob
import json
import os
import pwd
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

SANITIZED = bool(os.environ.get("SIXXSD_SAN"))
WORKERS = os.environ.get("SIXXSD_WORKERS")
FASTPATH = os.environ.get("SIXXSD_FASTPATH")
START_S, STOP_S, CLI_S = (60, 30, 60) if SANITIZED else (20, 10, 20)
REPORT = re.compile(r"Sanitizer|runtime error:|Assertion .* failed|malloc after start")
DEVICE = "sixxs"
HERE = os.path.dirname(os.path.abspath(__file__))
CLI_PORT = 42003

# sixxsd's error names in index order: 21 historic ones, then those added since
ERROR_NAMES = (
    "Encap.Pkt Too Big", "Disabled tunnel", "Clock Off", "Encap.Pkt Send Error",
    "Same In&Out Interface", "Wrong Source IPv6", "Wrong Source IPv4", "Packet over uplink",
    "Non-IPv6 Payload", "Non-IPv4 Payload", "AYIYA Hash Fail", "AYIYA-non-AYIYA",
    "AYIYA Invalid Forward", "Heartbeat Hash Fail", "HB-non-HB", "HB Missing sender",
    "HB Sender Mismatch", "HB Missing Time", "ICMPv4 Errors Received", "ICMPv4 Echo Req. Recv.",
    "Wrong Payload",
    "Wrong Outer Source", "Replayed Packet", "Rate Limited", "Nested Encapsulation",
    "Malformed Packet",
)


def binary(name="sixxsd"):
    chosen = os.environ.get(name.upper())
    if chosen:
        return os.path.abspath(chosen)
    if name != "sixxsd" and os.environ.get("SIXXSD"):
        beside = os.path.dirname(os.path.abspath(os.environ["SIXXSD"]))
        found = glob.glob(os.path.join(beside, "**", name), recursive=True)
    else:
        root = os.path.join(HERE, "..", "..", "..")
        found = glob.glob(os.path.join(root, "build", "*", "src", "**", name), recursive=True)
    found = [f for f in found if os.access(f, os.X_OK) and os.path.isfile(f)]
    return os.path.abspath(max(found, key=os.path.getmtime)) if found else None


def service_user():
    for name in ("sixxsd", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError("neither user sixxsd nor nobody")


class CliError(AssertionError):
    pass


class Answer:
    def __init__(self, code, lines, raw):
        self.code, self.lines, self.raw = code, lines, raw

    @property
    def text(self):
        return "\n".join(self.lines)

    def __repr__(self):
        return f"{self.code} {self.lines}"


class Session:
    """
    A command-line connection that insists on the framing to the octet: one line is
    `<code> <line>` with code not x01, more are `<c>01 <n>`, n lines, `<code> OK`.
    """

    def __init__(self, sock, banner=True):
        self.socket = sock
        self.buffer = b""
        self.socket.setblocking(False)
        self.banner = self.line() if banner else None
        if banner and not self.banner.startswith("200 "):
            raise CliError(f"banner {self.banner!r}")

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.socket.setblocking(True)
        self.socket.sendall(data.encode() if isinstance(data, str) else data)
        self.socket.setblocking(False)

    def more(self, deadline_s=CLI_S):
        """Read what there is; False at the end of the connection."""
        if not select.select([self.socket], [], [], deadline_s)[0]:
            raise CliError(f"no answer within {deadline_s} s; so far {self.buffer!r}")
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            data = b""
        self.buffer += data
        return bool(data)

    def line(self, deadline_s=CLI_S):
        while b"\n" not in self.buffer:
            if not self.more(deadline_s):
                raise CliError(f"closed; left over: {self.buffer!r}")
        line, self.buffer = self.buffer.split(b"\n", 1)
        if b"\r" in line or b"\0" in line:
            raise CliError(f"CR or NUL in {line!r}")
        return line.decode(errors="surrogateescape")

    def rest(self, deadline_s=CLI_S):
        """Everything until the daemon closes."""
        while self.more(deadline_s):
            pass
        rest, self.buffer = self.buffer, b""
        return rest

    def answer(self, deadline_s=CLI_S):
        first = self.line(deadline_s)
        head = re.fullmatch(r"(\d{3}) (.*)", first)
        if not head:
            raise CliError(f"no code: {first!r}")
        code, said = int(head[1]), head[2]
        if code % 100 != 1 or not re.fullmatch(r"\d+", said):
            return Answer(code, [said], first)
        count = int(said)
        if count < 2:
            raise CliError(f"{first!r}: a single line is not framed so")
        lines = [self.line(deadline_s) for _ in range(count)]
        last = self.line(deadline_s)
        end = re.fullmatch(r"(\d{3}) OK", last)
        if not end or int(end[1]) // 100 != code // 100:
            raise CliError(f"{first!r} ended by {last!r} after {lines}")
        return Answer(int(end[1]), lines, "\n".join([first, *lines, last]))

    def ask(self, command, deadline_s=CLI_S):
        self.send(command + "\n")
        return self.answer(deadline_s)


class Daemon:
    def __init__(self, topology, config, args=(), env=None, wrap=(), user_files=True):
        """
        @config: text of the file, or None for no -c at all
        @wrap: a program to run it under (strace -o ...)
        """
        self.topology, self.args, self.wrap = topology, list(args), list(wrap)
        self.dir = tempfile.mkdtemp(prefix="sixxsd-test-")
        os.chmod(self.dir, 0o755)
        self.run_dir = os.path.join(self.dir, "run")
        self.conf_dir = os.path.join(self.dir, "etc")
        os.mkdir(self.run_dir)
        os.mkdir(self.conf_dir)
        self.conf = os.path.join(self.conf_dir, "sixxsd.conf")
        self.user_files = user_files
        self.env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0",
                    "UBSAN_OPTIONS": "print_stacktrace=1", **(env or {})}
        if config is not None:
            self.write(config)
        self.has_config = config is not None
        self.process = None
        self.log = os.path.join(self.dir, "log")
        self._cli = None
        self.check_report = True

    def write(self, config):
        if WORKERS and "workers" not in config:
            config += f"\npop set workers {WORKERS}\n"
        if FASTPATH and "fastpath" not in config:
            config += f"\npop set fastpath wan/{FASTPATH} core/{FASTPATH}\n"
        with open(self.conf + ".w", "w", encoding="utf-8") as f:
            f.write(config)
        os.chmod(self.conf + ".w", 0o600)
        if self.user_files:
            user = service_user()
            for path in (self.conf_dir, self.conf + ".w"):
                os.chown(path, user.pw_uid, user.pw_gid)
        os.rename(self.conf + ".w", self.conf)

    def command(self, *args):
        program = binary()
        if not program:
            raise RuntimeError("no sixxsd: build it, or set SIXXSD")
        config = ["-c", self.conf] if self.has_config else []
        # a /run of its own, so that runs side by side and the machine's stay apart
        return self.topology.pop.command(
            "unshare", "-m", "--propagation", "private", "sh", "-c",
            'mount --bind "$1" /run && shift && exec "$@"', "sh", self.run_dir,
            *self.wrap, program, *(args or ["-f", *config, *self.args]))

    def run(self, *args, timeout=START_S, **how):
        """The daemon as a command that ends by itself (--check, -V, a refused start)."""
        done = subprocess.run(self.command(*args), capture_output=True, text=True, env=self.env,
                              timeout=timeout, stdin=subprocess.DEVNULL, check=False, **how)
        done.said = done.stdout + done.stderr
        assert not REPORT.search(done.said), done.said
        return done

    def spawn(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env=self.env)

    def start(self):
        self.spawn()
        self.wait_ready()
        return self

    def wait_ready(self):
        end = time.monotonic() + START_S
        while True:
            if self.process.poll() is not None:
                code, self.process = self.process.returncode, None
                raise RuntimeError(f"ended with {code}: {self.output()}")
            with contextlib.suppress(OSError, CliError):
                self._cli = self.session()
                return
            if time.monotonic() > end:
                raise RuntimeError(f"not ready after {START_S} s: {self.output()}")
            time.sleep(0.01)

    def output(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def wait_output(self, pattern, deadline_s=START_S):
        end = time.monotonic() + deadline_s
        while True:
            found = re.search(pattern, self.output())
            if found:
                return found
            assert time.monotonic() < end, f"log never said {pattern!r}: {self.output()}"
            time.sleep(0.02)

    # ---- command line ----

    @property
    def control(self):
        return os.path.join(self.run_dir, "sixxsd", "control")

    def session(self, banner=True):
        s = socket.socket(socket.AF_UNIX)
        try:
            s.settimeout(CLI_S)
            s.connect(self.control)
            return Session(s, banner)
        except BaseException:
            s.close()
            raise

    def tcp(self, to="127.0.0.1", namespace=None, banner=True, source=None):
        family = socket.AF_INET6 if ":" in to else socket.AF_INET
        s = (namespace or self.topology.pop).socket(family, socket.SOCK_STREAM)
        try:
            s.settimeout(CLI_S)
            if source:
                s.bind((source, 0))
            s.connect((to, CLI_PORT))
            return Session(s, banner)
        except BaseException:
            s.close()
            raise

    def ask(self, command):
        """Any answer."""
        if self._cli is None:
            self._cli = self.session()
        return self._cli.ask(command)

    def cli(self, command, code=200):
        answer = self.ask(command)
        assert answer.code == code, f"{command!r}: {answer}"
        return answer

    def json(self, command):
        answer = self.ask("json " + command)
        return json.loads(answer.text)

    def show(self, tunnel):
        """`tunnel show` as label: value"""
        return dict(re.split(r" *: ", line, maxsplit=1)
                    for line in self.cli(f"tunnel show {tunnel}").lines)

    def errors(self, tunnel):
        """error name: count, from `tunnel show`"""
        shown = self.show(tunnel)
        return {name: 0 if shown[name] == "none" else
                int(re.fullmatch(r"(\d+), last: .+", shown[name])[1]) for name in ERROR_NAMES}

    def stats(self):
        """`tunnel stats`: name: list of numbers"""
        return {f[0]: [float(x) if "." in x else int(x) for x in f[1:]]
                for f in (line.split(" ") for line in self.cli("tunnel stats").lines)}

    def list(self):
        """`tunnel list`: T-id: the other six columns"""
        answer = self.cli("tunnel list")
        return {f[0]: f[1:] for f in (line.split(" ") for line in answer.lines)
                if len(f) == 7 and f[0].startswith("T")}

    def until(self, look, what, deadline_s=START_S):
        """look() until it returns something true."""
        end = time.monotonic() + deadline_s
        while True:
            found = look()
            if found:
                return found
            assert time.monotonic() < end, f"never happened: {what}"
            time.sleep(0.02)

    # ---- the process ----

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process.poll() is None

    def status(self, task=None):
        path = f"/proc/{self.pid}/status" if task is None else f"/proc/{self.pid}/task/{task}/status"
        with open(path, encoding="ascii") as f:
            return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)

    def tasks(self):
        return [int(t) for t in os.listdir(f"/proc/{self.pid}/task")]

    def threads(self):
        """Their names."""
        names = []
        for t in self.tasks():
            with contextlib.suppress(OSError), open(f"/proc/{self.pid}/task/{t}/comm") as f:
                names.append(f.read().strip())
        return names

    def rss_kib(self):
        return int(self.status()["VmRSS"].split()[0])

    def cpu_s(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self, number):
        self.process.send_signal(number)

    @contextlib.contextmanager
    def stopped(self):
        """Nothing is read meanwhile: every thread has stopped, which kill() does not wait for."""
        self.kill(signal.SIGSTOP)
        try:
            self.until(lambda: all(self.status(t)["State"].startswith("T") for t in self.tasks()),
                       "every thread stops")
            yield
        finally:
            self.kill(signal.SIGCONT)

    def reload(self, config):
        """Write the file, SIGHUP; the caller waits for what he wants to see."""
        self.write(config)
        self.kill(signal.SIGHUP)

    def stop(self, number=signal.SIGTERM, status=0):
        """End it; everything it made has to be gone. Return: seconds it took"""
        if self._cli:
            self._cli.close()
            self._cli = None
        if self.process is None:
            return 0.0
        began = time.monotonic()
        if self.alive():
            self.kill(number)
        try:
            code = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired as e:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"still there {STOP_S} s after the signal: {self.output()}") from e
        took = time.monotonic() - began
        self.process = None
        said = self.output()
        assert not REPORT.search(said), said
        assert code == status, f"exit status {code}: {said}"
        if number != signal.SIGKILL:
            assert DEVICE not in self.topology.pop.devices(), "device left behind"
        return took

    def discard(self):
        if self._cli:
            self._cli.close()
        if self.process is not None and self.alive():
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def close(self):
        """stop(), and the files go whatever happens"""
        try:
            if self.process is not None:
                self.stop()
        finally:
            self.discard()
