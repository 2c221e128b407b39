"""
A throw-away Debian with systemd as process 1: user-mode Linux on an image that is made once and
never written, since what a guest changes goes to a file of its own.

    image   the host's Debian release, minimal, and what the package depends on;
            its packages come from where the host's apt has them from
    /host   build/packaging of the host (hostfs)
    ttyS0   commands in, outputs and exit statuses out: guest("systemctl ...")
"""
import base64
import glob
import hashlib
import os
import platform
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

KERNEL = "linux.uml"
MODULES = "/usr/lib/uml/modules"
BOOT_S, COMMAND_S = 120, 60

# One command at a time, each in a shell of its own. No udev: what it does to /dev/net/tun is here.
AGENT = """\
#!/bin/sh
modprobe -a tun ipv6
chmod 0666 /dev/net/tun
for word in $(cat /proc/cmdline); do
	case $word in host=*) host=${word#host=} ;; esac
done
mkdir -p /host
mount -t hostfs -o "$host" none /host && state=ready || state="no /host"
exec </dev/ttyS0 >/dev/ttyS0
stty raw -echo
echo "$state"
while read -r text; do
	said=$(sh -c "$(echo "$text" | base64 -d)" 2>&1 </dev/null)
	status=$?
	echo "$status $(printf %s "$said" | base64 -w0)"
done
"""
UNIT = """\
[Unit]
Description=what the test wants
After=multi-user.target
[Service]
ExecStart=/usr/local/sbin/agent
[Install]
WantedBy=multi-user.target
"""
# `mount` needs a file system type it knows: the modules are the host's
FSTAB = "none /lib/modules hostfs @MODULES@ 0 0\n"


def run(*argv, **more):
    done = subprocess.run(argv, capture_output=True, text=True, check=False, **more)
    if done.returncode:
        pytest.fail(f"{' '.join(argv)}: {(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


def depends_on(deb):
    """Names, the first where there is a choice."""
    text = run("dpkg-deb", "-f", deb, "Depends")
    return sorted({re.match(r"\s*([a-z0-9.+-]+)", one).group(1) for one in text.split(",")})


def sources():
    lines = run("apt-get", "indextargets", "--format",
                "deb $(REPO_URI) $(CODENAME) $(COMPONENT)|$(ORIGIN)", "Identifier: Packages")
    return sorted({line.split("|")[0] for line in lines.splitlines() if line.endswith("|Debian")})


def root_image(deb, cache):
    if platform.machine() != "x86_64":
        pytest.skip("user-mode Linux is there for amd64 only")
    include = ",".join(["systemd-sysv", "kmod", "init-system-helpers", *depends_on(deb)])
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    recipe = hashlib.sha256("\n".join([AGENT, UNIT, FSTAB, include, release]).encode()).hexdigest()
    image = os.path.join(cache, f"root-{recipe[:12]}.ext4")
    if os.path.exists(image):
        return image
    for old in glob.glob(os.path.join(cache, "root-*")):
        os.unlink(old)
    os.makedirs(cache, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sixxsd-root-") as work:
        root = os.path.join(work, "root")
        run("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={include}",
            "--aptopt=Acquire::Check-Valid-Until \"false\"",
            *(f"--dpkgopt=path-exclude=/usr/share/{d}/*" for d in ("doc", "man", "locale")),
            release, root, "-", input="".join(s + "\n" for s in sources()))
        furnish(root)
        run("mkfs.ext4", "-q", "-O", "^has_journal", "-d", root, image + ".new", "640M")
    os.rename(image + ".new", image)
    return image


def furnish(root):
    for name, text, mode in (("usr/local/sbin/agent", AGENT, 0o755),
                             ("etc/systemd/system/agent.service", UNIT, 0o644),
                             ("etc/fstab", FSTAB.replace("@MODULES@", MODULES), 0o644)):
        with open(os.path.join(root, name), "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(os.path.join(root, name), mode)
    os.makedirs(os.path.join(root, "lib/modules"), exist_ok=True)
    run("systemctl", f"--root={root}", "enable", "agent.service")
    # nobody logs in, nothing is due
    run("systemctl", f"--root={root}", "mask", "console-getty.service", "getty-static.service",
        "getty@.service", "serial-getty@.service", "apt-daily.timer", "apt-daily-upgrade.timer", "fstrim.timer",
        "e2scrub_all.timer", "dpkg-db-backup.timer")


class Guest:
    def __init__(self, image, host):
        self.image, self.host = image, host
        self.buffer = b""

    def __enter__(self):
        kernel = shutil.which(KERNEL)
        assert kernel, f"no {KERNEL}: install user-mode-linux"
        self.work = tempfile.mkdtemp(prefix="sixxsd-guest-")
        self.console = open(os.path.join(self.work, "console"), "w+b")
        theirs_in, self.to = os.pipe()
        self.back, theirs_out = os.pipe()
        self.process = subprocess.Popen(
            [kernel, "mem=512M", f"ubd0={self.work}/changes,{self.image}", "root=/dev/ubda", "rw",
             "init=/lib/systemd/systemd", "con=null", f"con0=null,fd:{self.console.fileno()}",
             "ssl=null", f"ssl0=fd:{theirs_in},fd:{theirs_out}", "panic=1", "quiet",
             f"host={self.host}", "umid=guest", f"uml_dir={self.work}/uml/"],
            stdin=subprocess.DEVNULL, stdout=self.console, stderr=self.console,
            pass_fds=(self.console.fileno(), theirs_in, theirs_out), start_new_session=True)
        os.close(theirs_in)
        os.close(theirs_out)
        try:
            state = self.line(BOOT_S)
            assert state == "ready", state
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        """It and the processes it is made of, which are one session of their own."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
                self.process.wait(5)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
        for fd in (self.to, self.back):
            os.close(fd)
        self.console.close()
        shutil.rmtree(self.work, ignore_errors=True)

    def line(self, seconds):
        deadline = time.monotonic() + seconds
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            data = b""
            if left > 0 and select.select([self.back], [], [], left)[0]:
                data = os.read(self.back, 65536)
            if not data:
                self.console.seek(0)
                tail = self.console.read().decode(errors="replace")[-2000:]
                raise AssertionError(f"the guest says nothing for {seconds} s, or is gone: {tail}")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.decode().strip()

    def status(self, command, seconds=COMMAND_S):
        """(exit status, output)"""
        os.write(self.to, base64.b64encode(command.encode()) + b"\n")
        status, _, said = self.line(seconds).partition(" ")
        return int(status), base64.b64decode(said).decode()

    def __call__(self, command, seconds=COMMAND_S):
        status, said = self.status(command, seconds)
        assert status == 0, f"{command}: status {status}: {said}"
        return said

    def within(self, command, seconds=COMMAND_S):
        """Its output as soon as it succeeds."""
        deadline = time.monotonic() + seconds
        while True:
            status, said = self.status(command)
            if status == 0:
                return said
            assert time.monotonic() < deadline, f"{command}: still {said}"
            time.sleep(0.2)
