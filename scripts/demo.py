#!/usr/bin/python3
"""The stage behind ./demo: namespaces, a PoP, eight customers, a host on the internet.

        site 1 --+
        site 2 --+
        site 3 --+-- isp ---- pop ---- internet
        site 4 --+  (IPv4    (sixxsd)  2001:db8:ffff::1
        site 5 --+  + IPv6)
   and sites 6 to 8, whose owners made a common mistake each: the PoP says which

Every name carries this process's number; what a demo that was killed left behind is
removed by the next one.
"""
import ctypes
import glob
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SIXXSD = os.path.join(ROOT, "build/demo/src/sixxsd")
CLIENT = os.path.join(ROOT, "scripts/tunnel-client.py")
CONFIG = os.path.join(ROOT, "examples/demo.conf")
PREFIX = "sxdemo"
STATE = "/run/sixxsd-demo.json"

POP4, POP6 = "192.0.2.42", "2001:db8:42::42"
INTERNET = "2001:db8:ffff::1"
LARGE = "1200"

# tid, T-id, what it is, client type, outer address of the site, PoP address, password
SITES = [
    (1, "T6401", "6in4, static", "direct", "198.51.100.2", POP4, ""),
    (2, "T3740", "6in4, heartbeat", "heartbeat", "198.51.100.6", POP4, "hartslag-demo-3740"),
    (3, "T4700", "GRE", "gre", "198.51.100.10", POP4, ""),
    (4, "T5072", "AYIYA over IPv4", "ayiya", "198.51.100.14", POP4, "ayiya-demo-5072"),
    (5, "T5076", "AYIYA over IPv6", "ayiya", "2001:db8:cafe:5::2", POP6, "ayiya-demo-5076"),
]
# The same, and what is wrong: the PoP is not told. Options of the client behind the password.
MISTAKEN = [
    (6, "T5080", "AYIYA, wrong password", "ayiya", "198.51.100.18", POP4, "not-this-one"),
    (7, "T3750", "heartbeat, slow clock", "heartbeat", "198.51.100.22", POP4, "hartslag-demo-3750",
     "--clock-off", "-600"),
    (8, "T6408", "6in4, new address", "direct", "198.51.100.26", POP4, ""),
]
PAGE = 42080                          # of the daemon, in its namespace
CLONE_NEWNET = 0x40000000
ROUTED = ("2001:db8:3001::1", 4)      # an address of the /48 routed to site 4


class Failure(Exception):
    pass


class Unheard(Exception):
    """Who read our output is gone."""


def say(text=""):
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)    # for what is still in the buffer
        raise Unheard from None


def sh(*argv, check=True):
    p = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if check and p.returncode:
        raise Failure(f"{' '.join(argv)}: {p.stderr.strip() or p.stdout.strip()}")
    return p.stdout


def namespaces():
    return [line.split()[0] for line in sh("ip", "netns", "list").splitlines() if line.split()]


def is_running(pid):
    """A zombie is not: whose child it is takes it when he likes."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            return f.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def end(pids):
    """Ask all, wait for all together up to two seconds, insist."""
    left = list(pids)
    for sig in (signal.SIGTERM, signal.SIGKILL):
        for pid in left:
            try:
                os.kill(pid, sig)
            except ProcessLookupError:
                pass
        for _ in range(40):
            left = [pid for pid in left if is_running(pid)]
            if not left:
                return
            time.sleep(0.05)


def remove_namespaces(names):
    """No process lives on in a namespace that is half taken down."""
    end({int(pid) for name in names for pid in sh("ip", "netns", "pids", name, check=False).split()})
    for name in names:
        sh("ip", "netns", "delete", name, check=False)


def alive(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return b"demo.py" in f.read()
    except OSError:
        return False


def sweep(everything=False):
    """Remove what demos that no longer run left behind."""
    kept = None
    try:
        with open(STATE) as f:
            kept = json.load(f)
    except (OSError, ValueError):
        pass
    names = []
    for name in namespaces():
        m = re.fullmatch(PREFIX + r"(\d+)-\w+", name)
        if not m or alive(m.group(1)):
            continue
        if kept and m.group(1) == str(kept["id"]) and not everything:
            continue
        names.append(name)
    remove_namespaces(names)
    for path in glob.glob(os.path.join(tempfile.gettempdir(), PREFIX + "*-*")):
        m = re.fullmatch(PREFIX + r"(\d+)-\w+", os.path.basename(path))
        if not m or alive(m.group(1)) or os.lstat(path).st_uid != os.getuid():
            continue
        if not kept or path != kept["dir"]:
            shutil.rmtree(path, ignore_errors=True)
    if kept and everything:
        shutil.rmtree(kept["dir"], ignore_errors=True)
        os.unlink(STATE)
    return len(names)


def latency(rtt):
    """As the daemon says it, where it is known: below zero it is not."""
    return "-" if not rtt or any(word.startswith("-") for word in rtt) else "/".join(rtt)


def percent(loss):
    return "-" if loss == "-" else loss + " %"


class Stage:
    page = None                 # the port of this machine that leads to the page, while we run

    def __init__(self):
        self.id = os.getpid()
        self.dir = tempfile.mkdtemp(prefix=f"{PREFIX}{self.id}-")
        os.chmod(self.dir, 0o755)
        self.made = []
        self.children = []
        self.log = open(os.path.join(self.dir, "sixxsd.log"), "wb")

    def ns(self, name):
        return f"{PREFIX}{self.id}-{name}"

    def ip(self, name, *args):
        sh("ip", "-n", self.ns(name), *args)

    def start(self, name, *argv, out=subprocess.DEVNULL, err=subprocess.DEVNULL):
        p = subprocess.Popen(["ip", "netns", "exec", self.ns(name), *argv],
                             stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                             start_new_session=True)
        self.children.append(p)
        return p

    def sysctl(self, name, **values):
        for key, value in values.items():
            path = "/proc/sys/net/" + key.replace("__", "/")
            sh("ip", "netns", "exec", self.ns(name), "sh", "-c", f"echo {value} > {path}")

    def link(self, a, ifa, b, ifb):
        sh("ip", "link", "add", ifa, "netns", self.ns(a), "type", "veth", "peer", "name", ifb,
           "netns", self.ns(b))
        for name, dev in ((a, ifa), (b, ifb)):
            self.ip(name, "link", "set", dev, "up")

    def address(self, name, dev, *addresses):
        for a in addresses:
            self.ip(name, "address", "add", a, "dev", dev, *(["nodad"] if ":" in a else []))

    def build(self):
        for name in ["pop", "isp", "internet"] + [f"site{s[0]}" for s in SITES + MISTAKEN]:
            self.made.append(self.ns(name))     # before: Ctrl-C may come while ip runs
            sh("ip", "netns", "add", self.ns(name))
            self.ip(name, "link", "set", "lo", "up")
        for name in ("pop", "isp"):
            self.sysctl(name, ipv4__ip_forward=1, ipv6__conf__all__forwarding=1)

        self.link("internet", "eth0", "pop", "uplink")
        self.address("internet", "eth0", "2001:db8:ffff::1/64")
        self.address("pop", "uplink", "2001:db8:ffff::42/64")
        self.ip("internet", "-6", "route", "add", "default", "via", "2001:db8:ffff::42")

        self.link("isp", "pop", "pop", "clients")
        self.address("pop", "clients", POP4 + "/24", POP6 + "/64")
        self.address("isp", "pop", "192.0.2.1/24", "2001:db8:42::1/64")
        self.ip("pop", "route", "add", "default", "via", "192.0.2.1")
        self.ip("pop", "-6", "route", "add", "2001:db8:cafe::/48", "via", "2001:db8:42::1")
        for tid, _, _, _, outer, *_ in SITES + MISTAKEN:
            site = f"site{tid}"
            self.link("isp", site, site, "wan")
            if ":" in outer:
                gate = outer.rsplit(":", 1)[0] + ":1"
                self.address("isp", site, gate + "/64")
                self.address(site, "wan", outer + "/64")
                self.ip(site, "-6", "route", "add", "2001:db8:42::/64", "via", gate)
            else:
                octets = outer.split(".")
                gate = ".".join(octets[:3] + [str(int(octets[3]) - 1)])
                self.address("isp", site, gate + "/30")
                self.address(site, "wan", outer + "/30")
                self.ip(site, "route", "add", "default", "via", gate)

    def daemon(self):
        conf = os.path.join(self.dir, "sixxsd.conf")
        shutil.copy(CONFIG, conf)
        os.chmod(conf, 0o644)
        self.pop = self.start("pop", SIXXSD, "-f", "-c", conf, "--run-dir", self.dir,
                              out=self.log, err=self.log)
        self.control = os.path.join(self.dir, "control")
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if self.pop.poll() is not None:
                break
            try:
                if self.ask("pop show uptime"):
                    return
            except OSError:
                time.sleep(0.05)
        with open(self.log.name, errors="replace") as f:
            raise Failure("sixxsd did not start:\n" + f.read()[-2000:])

    def ask(self, line):
        """One command on the control socket; the answer's lines."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.settimeout(5)
            s.connect(self.control)
            f = s.makefile("rwb")
            f.readline()
            f.write(line.encode() + b"\n")
            f.flush()
            first = f.readline().decode().rstrip("\n")
            m = re.fullmatch(r"(\d)01 (\d+)", first)
            if not m:
                return [first[4:]]
            lines = [f.readline().decode().rstrip("\n") for _ in range(int(m.group(2)))]
            f.readline()
            return lines

    def clients(self):
        for tid, name, _, kind, _, pop, password, *more in SITES + MISTAKEN:
            argv = [CLIENT, kind, "--tun", "six0", "--pop", pop,
                    "--inner", f"2001:db8:2ff:{tid:x}::2"]
            if password:
                path = os.path.join(self.dir, name)
                with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
                    f.write(password)
                argv += ["--password-file", path]
            argv += more
            site = f"site{tid}"
            p = self.start(site, "/usr/bin/python3", *argv, out=subprocess.PIPE, err=self.log)
            if p.stdout.readline().strip() != b"up":
                raise Failure(f"the client of {name} did not come up: see {self.log.name}")
            self.ip(site, "-6", "route", "add", "default", "dev", "six0")
        # the routed /48 lives behind site 4
        self.ip(f"site{ROUTED[1]}", "address", "add", ROUTED[0] + "/128", "dev", "lo")

    def mistakes(self):
        """A packet of each of those who made one, and time for the PoP to see it."""
        for tid, *_ in MISTAKEN:
            subprocess.run(["ip", "netns", "exec", self.ns(f"site{tid}"), "ping", "-6", "-n", "-c", "1",
                            "-W", "1", "-I", f"2001:db8:2ff:{tid:x}::2", INTERNET],
                           stdin=subprocess.DEVNULL, capture_output=True)

    def pinger(self, ns, source, target, size):
        return self.start(ns, "ping", "-6", "-n", "-i", "0.5", "-s", size, "-I", source, target)

    def traffic(self):
        for tid, *_ in SITES:
            inner = f"2001:db8:2ff:{tid:x}::2"
            self.pinger(f"site{tid}", inner, INTERNET, LARGE)
            self.pinger("internet", INTERNET, inner, "56")
        for tid, *_ in MISTAKEN:
            self.pinger(f"site{tid}", f"2001:db8:2ff:{tid:x}::2", INTERNET, "56")
        self.pinger(f"site{ROUTED[1]}", ROUTED[0], INTERNET, "56")
        self.pinger("internet", INTERNET, ROUTED[0], LARGE)

    def proof(self):
        """One ping each way through each tunnel and the routed /48; names what failed."""
        bad = []
        pairs = [(f"site{s[0]}", f"2001:db8:2ff:{s[0]:x}::2", s[1]) for s in SITES]
        pairs.append((f"site{ROUTED[1]}", ROUTED[0], "the routed /48"))
        for site, inner, what in pairs:
            for ns, source, target in ((site, inner, INTERNET), ("internet", INTERNET, inner)):
                p = subprocess.run(["ip", "netns", "exec", self.ns(ns), "ping", "-6", "-n", "-c",
                                    "3", "-i", "0.3", "-W", "5", "-I", source, target],
                                   stdin=subprocess.DEVNULL, capture_output=True, text=True)
                if p.returncode:
                    bad.append(f"{what}: no answer from {target} to {source}")
        return bad

    def why(self, name):
        """The likeliest reason, as the PoP has it."""
        said = json.loads(self.ask(f"json tunnel why {name}")[0])
        return said["why"][0]

    def found_out(self):
        """Whether the PoP knows of every mistake."""
        return all(self.why(s[1])["severity"] == "error" for s in MISTAKEN)

    def open_page(self):
        """A port on this machine's loopback leads to the page in the PoP's namespace."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.page = listener.getsockname()[1]
        inside = os.open(f"/run/netns/{self.ns('pop')}", os.O_RDONLY)
        threading.Thread(target=forward_all, args=(listener, inside), daemon=True).start()

    def stats(self):
        rows = {}
        for line in self.ask("tunnel list"):
            words = line.split()
            if len(words) == 7:
                rows[words[0]] = {"inner": words[1], "endpoint": words[2], "state": words[3],
                                  "type": words[4], "mtu": words[5], "errors": words[6]}
        for line in self.ask("tunnel stats"):
            words = line.split()
            if len(words) == 11 and words[0] in rows:
                rows[words[0]].update(
                    octets_in=int(words[1]), octets_out=int(words[2]), packets_in=int(words[3]),
                    packets_out=int(words[4]), sent=int(words[5]), received=int(words[6]),
                    loss=words[7], rtt=words[8:11])
        return rows

    def picture(self):
        rows = self.stats()
        out = ["", f"sixxsd demo: 8 tunnels and a routed /48 through one TUN device"
               f"                 up {self.ask('pop show uptime')[0]}", "",
               f"  {'tunnel':8}{'what':23}{'state':7}{'type':8}{'endpoint':20}"
               f"{'in':>8}{'out':>8}{'loss':>8}{'min/avg/max ms':>22}"]
        for _, name, what, *_ in SITES + MISTAKEN:
            r = rows.get(name, {})
            rtt = latency(r.get("rtt", []))
            out.append(f"  {name:8}{what:23}{r.get('state', '?'):7}{r.get('type', '?'):8}"
                       f"{r.get('endpoint', '?'):20}{r.get('packets_in', 0):>8}"
                       f"{r.get('packets_out', 0):>8}{percent(r.get('loss', '-')):>8}{rtt:>22}")
        out += ["", f"  2001:db8:3001::/48 is routed to T5072; in and out are packets;"
                    f" loss and latency come from the PoP's own test", "",
                "  Three of the customers made a mistake. tunnel why says:", ""]
        for _, name, *_ in MISTAKEN:
            said = self.why(name)
            out += [f"  {name:8}{line}" if n == 0 else f"          {line}"
                    for n, line in enumerate(textwrap.wrap(said["sentence"], 96))]
            out += [f"          {line}" for line in textwrap.wrap("-> " + said["remedy"], 96)]
        out.append("")
        if self.page:
            out += [f"  The page: http://127.0.0.1:{self.page}/", ""]
        return "\n".join(out), rows

    def close(self):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        end([p.pid for p in self.children])
        for p in self.children:
            p.poll()
        remove_namespaces(list(reversed(self.made)))
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def keep(self):
        with open(STATE, "w") as f:
            json.dump({"id": self.id, "dir": self.dir}, f)

    def farewell(self):
        ctl = os.path.join(ROOT, "build/demo/src/client/sixxsctl")
        return "\n".join([
            f"It stays up. The page is http://127.0.0.1:{PAGE}/ in the namespace {self.ns('pop')}.",
            "Enter a namespace with:", *(f"  ip netns exec {name} bash" for name in self.made),
            "Ask the daemon:", f"  {ctl} -s {self.control} tunnel list",
            f"Its log is {self.log.name}.", "Take it down with:", "  ./demo --remove"])


def enter(namespace):
    """The calling thread alone."""
    if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET):
        raise Failure(f"setns: {os.strerror(ctypes.get_errno())}")


def forward(client, inside):
    enter(inside)
    try:
        with client, socket.create_connection(("127.0.0.1", PAGE), 5) as page:
            page.settimeout(None)
            both = {client: page, page: client}
            while True:
                for ready in select.select(list(both), [], [])[0]:
                    data = ready.recv(65536)
                    if not data:
                        return
                    both[ready].sendall(data)
    except OSError:
        pass


def forward_all(listener, inside):
    while True:
        client, _ = listener.accept()
        threading.Thread(target=forward, args=(client, inside), daemon=True).start()


def interrupted(number, frame):
    raise KeyboardInterrupt


def unanswered(stage, error):
    with open(stage.log.name, errors="replace") as f:
        return Failure(f"sixxsd does not answer ({error}); its log says:\n{f.read()[-2000:]}")


def live(stage):
    tty = sys.stdout.isatty()
    while True:
        text, _ = stage.picture()
        if tty:
            text = "\x1b[H\x1b[J" + text + "\n  Ctrl-C ends the demo and removes everything.\n"
        say(text)
        time.sleep(1)


def settle(stage):
    """Until every latency test has had answers and every mistake is known, at most 20 seconds."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        rows = stage.stats()
        if all(rows.get(s[1], {}).get("received", 0) >= 2 for s in SITES) and stage.found_out():
            return
        time.sleep(0.2)


def once(stage):
    bad = stage.proof()
    stage.mistakes()
    settle(stage)
    text, rows = stage.picture()
    for _, name, *_ in SITES:
        r = rows.get(name, {})
        if not r.get("packets_in") or not r.get("packets_out"):
            bad.append(f"{name}: no traffic counted in both directions")
        if not r.get("received"):
            bad.append(f"{name}: the latency test got no answer")
    for _, name, *_ in MISTAKEN:
        if stage.why(name)["severity"] != "error":
            bad.append(f"{name}: its mistake was not found")
    say(text)
    for line in bad:
        print("FAILED: " + line, file=sys.stderr)
    if not bad:
        say("Every tunnel and the routed /48 carried traffic both ways.")
    return bool(bad)


def show(stage, mode):
    """The exit status of --once; live never returns."""
    stage.build()
    stage.daemon()
    stage.clients()
    try:
        if mode == "--once":
            return once(stage)
        stage.traffic()
        print("waiting for the first answers ...", file=sys.stderr, flush=True)
        settle(stage)
        if mode == "":
            stage.open_page()
            live(stage)
        say(stage.picture()[0])
    except OSError as e:
        raise unanswered(stage, e) from e
    return None


def main():
    mode = sys.argv[1] if len(sys.argv) > 1 else ""
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, interrupted)
    stage = kept = None
    try:
        if mode == "--remove":
            n = sweep(everything=True)
            say(f"removed {n} namespaces" if n else "nothing to remove")
            return 0
        sweep(everything=mode == "--keep")
        stage = Stage()
        status = show(stage, mode)
        if mode == "--keep":
            stage.keep()
            kept = True
            say(stage.farewell())
        return status or 0
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 0 if mode == "" else 130
    except Unheard:
        return 128 + signal.SIGPIPE
    except Failure as e:
        print(f"demo: {e}", file=sys.stderr)
        return 1
    finally:
        if stage and not kept:
            stage.close()
            if sys.stdout.isatty():
                print("Everything the demo created is gone.")


if __name__ == "__main__":
    sys.exit(main())
