#!/usr/bin/python3
"""The stage behind ./demo: namespaces, a PoP, five customers, a host on the internet.

        site 1 --+
        site 2 --+
        site 3 --+-- isp ---- pop ---- internet
        site 4 --+  (IPv4    (sixxsd)  2001:db8:ffff::1
        site 5 --+  + IPv6)

Every name carries this process's number; what a demo that was killed left behind is
removed by the next one.
"""
import glob
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
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
ROUTED = ("2001:db8:3001::1", 4)      # an address of the /48 routed to site 4


class Failure(Exception):
    pass


def sh(*argv, check=True):
    p = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if check and p.returncode:
        raise Failure(f"{' '.join(argv)}: {p.stderr.strip() or p.stdout.strip()}")
    return p.stdout


def namespaces():
    return [line.split()[0] for line in sh("ip", "netns", "list").splitlines() if line.split()]


def end(pid):
    """Ask, wait two seconds, insist."""
    for sig, tries in ((signal.SIGTERM, 40), (signal.SIGKILL, 40)):
        try:
            os.kill(pid, sig)
        except ProcessLookupError:
            return
        for _ in range(tries):
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass
            if not os.path.exists(f"/proc/{pid}"):
                return
            time.sleep(0.05)


def remove_namespace(name):
    for pid in sh("ip", "netns", "pids", name, check=False).split():
        end(int(pid))
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
    removed = 0
    for name in namespaces():
        m = re.fullmatch(PREFIX + r"(\d+)-\w+", name)
        if not m or alive(m.group(1)):
            continue
        if kept and m.group(1) == str(kept["id"]) and not everything:
            continue
        remove_namespace(name)
        removed += 1
    for path in glob.glob(os.path.join(tempfile.gettempdir(), PREFIX + "*-*")):
        m = re.fullmatch(PREFIX + r"(\d+)-\w+", os.path.basename(path))
        if not m or alive(m.group(1)) or os.lstat(path).st_uid != os.getuid():
            continue
        if not kept or path != kept["dir"]:
            shutil.rmtree(path, ignore_errors=True)
    if kept and everything:
        shutil.rmtree(kept["dir"], ignore_errors=True)
        os.unlink(STATE)
    return removed


class Stage:
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
        for name in ["pop", "isp", "internet"] + [f"site{s[0]}" for s in SITES]:
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
        for tid, _, _, _, outer, _, _ in SITES:
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
        for tid, name, _, kind, _, pop, password in SITES:
            argv = [CLIENT, kind, "--tun", "six0", "--pop", pop,
                    "--inner", f"2001:db8:2ff:{tid:x}::2"]
            if password:
                path = os.path.join(self.dir, name)
                with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
                    f.write(password)
                argv += ["--password-file", path]
            site = f"site{tid}"
            p = self.start(site, "/usr/bin/python3", *argv, out=subprocess.PIPE, err=self.log)
            if p.stdout.readline().strip() != b"up":
                raise Failure(f"the client of {name} did not come up: see {self.log.name}")
            self.ip(site, "-6", "route", "add", "default", "dev", "six0")
        # the routed /48 lives behind site 4
        self.ip(f"site{ROUTED[1]}", "address", "add", ROUTED[0] + "/128", "dev", "lo")

    def pinger(self, ns, source, target, size):
        return self.start(ns, "ping", "-6", "-n", "-i", "0.5", "-s", size, "-I", source, target)

    def traffic(self):
        for tid, *_ in SITES:
            inner = f"2001:db8:2ff:{tid:x}::2"
            self.pinger(f"site{tid}", inner, INTERNET, LARGE)
            self.pinger("internet", INTERNET, inner, "56")
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
        out = ["", f"sixxsd demo: 5 tunnels and a routed /48 through one TUN device"
               f"                 up {self.ask('pop show uptime')[0]}", "",
               f"  {'tunnel':8}{'what':18}{'state':7}{'type':8}{'endpoint':20}"
               f"{'in':>8}{'out':>8}{'loss':>8}{'min/avg/max ms':>22}"]
        for _, name, what, *_ in SITES:
            r = rows.get(name, {})
            rtt = "/".join(r.get("rtt", ["-"] * 3))
            out.append(f"  {name:8}{what:18}{r.get('state', '?'):7}{r.get('type', '?'):8}"
                       f"{r.get('endpoint', '?'):20}{r.get('packets_in', 0):>8}"
                       f"{r.get('packets_out', 0):>8}{r.get('loss', '-') + ' %':>8}{rtt:>22}")
        out += ["", f"  2001:db8:3001::/48 is routed to T5072; in and out are packets;"
                    f" loss and latency come from the PoP's own test", ""]
        return "\n".join(out), rows

    def close(self):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        for p in reversed(self.children):
            end(p.pid)
        for name in reversed(self.made):
            remove_namespace(name)
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def keep(self):
        with open(STATE, "w") as f:
            json.dump({"id": self.id, "dir": self.dir}, f)
        print("It stays up. Enter a namespace with:")
        for name in self.made:
            print(f"  ip netns exec {name} bash")
        ctl = os.path.join(ROOT, "build/demo/src/client/sixxsctl")
        print(f"Ask the daemon:\n  {ctl} -s {self.control} tunnel list")
        print(f"Its log is {self.log.name}.\nTake it down with:\n  ./demo --remove")


def interrupted(number, frame):
    raise KeyboardInterrupt


def live(stage):
    tty = sys.stdout.isatty()
    while True:
        try:
            text, _ = stage.picture()
        except OSError as e:
            with open(stage.log.name, errors="replace") as f:
                raise Failure(f"sixxsd does not answer ({e}); its log says:\n{f.read()[-2000:]}")
        if tty:
            text = "\x1b[H\x1b[J" + text + "\n  Ctrl-C ends the demo and removes everything.\n"
        print(text, flush=True)
        time.sleep(1)


def settle(stage):
    """Until every latency test has had an answer, at most 20 seconds."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        rows = stage.stats()
        if all(rows.get(s[1], {}).get("received", 0) >= 2 for s in SITES):
            return
        time.sleep(0.2)


def once(stage):
    bad = stage.proof()
    settle(stage)
    text, rows = stage.picture()
    print(text)
    for _, name, *_ in SITES:
        r = rows.get(name, {})
        if not r.get("packets_in") or not r.get("packets_out"):
            bad.append(f"{name}: no traffic counted in both directions")
        if not r.get("received"):
            bad.append(f"{name}: the latency test got no answer")
    for line in bad:
        print("FAILED: " + line, file=sys.stderr)
    if not bad:
        print("Every tunnel and the routed /48 carried traffic both ways.")
    return bool(bad)


def main():
    mode = sys.argv[1] if len(sys.argv) > 1 else ""
    if mode == "--remove":
        n = sweep(everything=True)
        print(f"removed {n} namespaces" if n else "nothing to remove")
        return 0
    sweep(everything=mode == "--keep")
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, interrupted)
    stage = Stage()
    kept = False
    try:
        stage.build()
        stage.daemon()
        stage.clients()
        if mode == "--once":
            return once(stage)
        stage.traffic()
        if mode == "--keep":
            settle(stage)
            print(stage.picture()[0])
            stage.keep()
            kept = True
            return 0
        live(stage)
    except KeyboardInterrupt:
        print()
        return 0 if mode == "" else 130
    except Failure as e:
        print(f"demo: {e}", file=sys.stderr)
        return 1
    finally:
        if not kept:
            stage.close()
            if sys.stdout.isatty():
                print("Everything the demo created is gone.")


if __name__ == "__main__":
    sys.exit(main())
