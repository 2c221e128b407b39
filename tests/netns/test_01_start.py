"""Start, stop, and the sentence that says why not."""
import os
import re
import signal
import socket
import stat
import subprocess
import time

import pytest

from lib.config import PASSWORD, config, dynamic, static
from lib.daemon import SANITIZED, START_S, Daemon, service_user
from lib.pop import Pop
from lib.topology import HOST6, POP4, Topology

PLAIN = config(static("1", "198.51.100.7"), dynamic("2", "ayiya"),
               subnets=[("2001:db8:3001::/48", "1")])
CAP_NET_ADMIN = 1 << 12


@pytest.fixture
def daemon(topology, sixxsd):
    """daemon(config) - not started"""
    made = []

    def make(text=PLAIN, **how):
        made.append(Daemon(topology, text, **how))
        return made[-1]
    yield make
    for d in made:
        d.close()


def routes(topology):
    return topology.pop.ip("-6", "route", "show", "table", "all", "dev", "sixxs", check=False)


def test_version(daemon):
    done = daemon(None).run("-V")
    assert done.returncode == 0
    for label in ("Product:", "Version:", "Release:"):
        assert re.search(rf"^{label}", done.stdout, re.M), done.said
    assert daemon(None).run("--version").stdout == done.stdout


@pytest.mark.parametrize("option", ["-h", "-?", "--help"])
def test_help_is_usage_and_a_status_that_is_not_0(daemon, option):
    done = daemon(None).run(option)
    assert done.returncode != 0
    for word in ("-c", "--check", "-f", "-V"):
        assert word in done.said


def test_an_unknown_option_is_refused(daemon):
    done = daemon(None).run("--no-such-option")
    assert done.returncode not in (0, 139)
    assert "no-such-option" in done.said


def test_it_starts_makes_device_and_routes_and_leaves_nothing(daemon, topology):
    d = daemon().start()
    assert "sixxs" in topology.pop.devices()
    link = topology.pop.ip("link", "show", "dev", "sixxs")
    assert "UP" in link and "POINTOPOINT" in link
    there = routes(topology)
    for prefix in ("2001:db8:2ff:ffff::1", "2001:db8:2ff::/48", "2001:db8:3000::/40",
                   "2001:db8:4242::/48"):
        assert re.search(rf"^{re.escape(prefix)}(/128)? ", there, re.M), there
    took = d.stop()
    assert took < 1.0 or SANITIZED, f"took {took:.2f} s"
    assert "sixxs" not in topology.pop.devices()
    assert routes(topology).strip() == ""
    left = topology.pop.ip("-6", "route", "show", "table", "all")
    assert "2001:db8:2ff" not in left and "2001:db8:3000" not in left


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_a_service_manager_is_told(daemon, kind):
    d = daemon()
    name = os.path.join(d.dir, "notify") if kind == "path" else f"@sixxsd-test-{os.getpid()}"
    d.wrap = ["env", f"NOTIFY_SOCKET={name}"]
    # an abstract name belongs to a network namespace
    with d.topology.pop.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(START_S)
        manager.bind(name.replace("@", "\0"))
        if kind == "path":
            os.chmod(name, 0o777)		# for the run-time user
        d.spawn()
        assert manager.recv(100) == b"READY=1"
        assert d.cli("pop get name").text == "testpop", "ready means ready"
        began = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        d.kill(signal.SIGHUP)
        said = re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=(\d+)", manager.recv(100))
        assert said and began <= int(said[1]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        assert manager.recv(100) == b"READY=1"
        d.stop()
        assert manager.recv(100) == b"STOPPING=1"
        manager.settimeout(0)
        with pytest.raises(BlockingIOError):
            manager.recv(100)


def test_int_ends_it_like_term(daemon):
    d = daemon().start()
    assert d.stop(signal.SIGINT) < 1.0 or SANITIZED


def test_the_device_is_big_enough_for_every_tunnel(daemon, topology):
    daemon().start()
    assert int(re.search(r"mtu (\d+)",
                         topology.pop.ip("link", "show", "dev", "sixxs"))[1]) >= 1480


def test_the_control_socket(daemon):
    d = daemon().start()
    info = os.stat(d.control)
    assert stat.S_ISSOCK(info.st_mode)
    assert stat.S_IMODE(info.st_mode) == 0o660
    assert info.st_uid == 0 or info.st_uid == service_user().pw_uid


def test_after_start_it_is_nobody_with_net_admin_alone(daemon):
    d = daemon().start()
    user = service_user()
    tasks = {int(t): d.status(t) for t in d.tasks()}
    if SANITIZED:       # the thread sanitizer has a thread of its own, older than the drop
        tasks = {t: s for t, s in tasks.items() if t == d.pid or s["Name"] != tasks[d.pid]["Name"]}
    assert len(tasks) >= 2, "control and worker are separate threads"
    for task, status in tasks.items():
        assert set(status["Uid"].split()) == {str(user.pw_uid)}, (task, status["Uid"])
        assert "0" not in status["Gid"].split()
        assert "0" not in status["Groups"].split()
        for name in ("CapInh", "CapAmb"):
            assert int(status[name], 16) == 0, (task, name)
        assert int(status["CapEff"], 16) in (0, CAP_NET_ADMIN), (task, status["CapEff"])
        assert int(status["CapPrm"], 16) in (0, CAP_NET_ADMIN), (task, status["CapPrm"])
        assert int(status["CapBnd"], 16) & ~CAP_NET_ADMIN == 0 or \
            status["NoNewPrivs"].strip() == "1", task
    main = tasks[d.pid]
    assert int(main["CapEff"], 16) == CAP_NET_ADMIN
    assert any(int(s["CapEff"], 16) == 0 and int(s["CapPrm"], 16) == 0
               for t, s in tasks.items() if t != d.pid), "the worker holds no capability"


def test_a_second_one_is_refused_with_a_sentence(daemon):
    first = daemon().start()
    second = daemon()
    done = second.run("-f", "-c", second.conf)
    assert done.returncode == 1
    assert re.search(r"sixxs|already|in use|running", done.said), done.said
    assert first.alive() and first.cli("pop get id").text == "1"


def test_killed_and_started_again(daemon, topology):
    d = daemon().start()
    d.stop(signal.SIGKILL, -signal.SIGKILL)
    assert os.path.lexists(d.control), "a killed daemon cannot clean up: this proves the point"
    d.start()
    assert "2001:db8:2ff::/48" in routes(topology)
    assert d.cli("pop get name").text == "testpop"


def test_started_again_at_once_many_times(daemon):
    d = daemon()
    for _ in range(5):
        d.start()
        d.stop()


def test_without_net_raw_it_says_so(daemon):
    d = daemon(wrap=["setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw"])
    done = d.run()
    assert done.returncode == 1
    assert re.search(r"CAP_NET_RAW|NET_RAW|privilege|permission|root", done.said, re.I), done.said


def test_without_net_admin_it_says_so(daemon):
    d = daemon(wrap=["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"])
    done = d.run()
    assert done.returncode == 1
    assert re.search(r"CAP_NET_ADMIN|NET_ADMIN|privilege|permission|root", done.said, re.I), \
        done.said


def test_an_ordinary_user_hears_of_root_and_not_of_memory(daemon):
    d = daemon()
    user = service_user()
    d.wrap = ["prlimit", "--memlock=65536:65536", "setpriv", "--reuid", str(user.pw_uid),
              "--regid", str(user.pw_gid), "--clear-groups", "--bounding-set", "-all"]
    done = d.run()
    assert done.returncode == 1
    assert "start sixxsd as root" in done.said and "MEMLOCK" not in done.said, done.said


def test_a_past_that_cannot_be_locked_is_said_once(daemon):
    """Root's memory is not limited; the thread that locks this is not root's any more."""
    d = daemon(wrap=["prlimit", "--memlock=1048576:1048576", "setpriv", "--bounding-set", "-sys_resource",
                     "--inh-caps", "-sys_resource"])
    d.start()
    d.wait_output(r"cannot lock \d+ MiB of memory for the past of tunnels: Cannot allocate memory; ")
    assert d.cli("pop show version").code == 200
    d.stop()
    assert d.output().count("past of tunnels") == 1


def test_without_a_tun_device_it_says_so(daemon):
    d = daemon(wrap=["sh", "-c", 'mount -t tmpfs none /dev/net && exec "$@"', "sh"])
    done = d.run()
    assert done.returncode == 1
    assert "/dev/net/tun" in done.said, done.said


def test_forwarding_off_is_told(sixxsd):
    t = Topology(forwarding=False)
    try:
        d = Daemon(t, PLAIN)
        try:
            d.start()
            said = d.wait_output(r"forwarding")
            assert re.search(r"net\.ipv6\.conf\.all\.forwarding|net/ipv6/conf/all/forwarding",
                             d.output()), said
        finally:
            d.close()
    finally:
        t.remove()


# ---- the file ----

BAD = {
    "an unknown command": ("pop\n\tfrobnicate\nend\n", 2),
    "an mtu out of range": ("tunnel set config 1 T1 198.51.100.7 up 1500\n", 1),
    "a tid that is no number": ("\n\ntunnel set config xyz T1 198.51.100.7 up 1480\n", 3),
    "a tid out of range": ("tunnel set config 2000 T1 198.51.100.7 up 1480\n", 1),
    "a tunnel id that is none": ("tunnel set config 1 99 198.51.100.7 up 1480\n", 1),
    "a bad endpoint": ("tunnel set config 1 T1 198.51.100.777 up 1480\n", 1),
    "an argument too many": ("# head\npop set id 1 # one\n", 2),
    "an end too many": ("pop\nend\nend\n", 3),
    "a subnet without a master": (
        "pop tunnelprefix add 2001:db8:2ff::/48\n"
        "tunnel set config 1 T1 198.51.100.7 up 1480\n"
        "subnet set config 2001:db8:9999::/48 1 static\n", 3),
    "a subnet for no tunnel": (
        "pop tunnelprefix add 2001:db8:2ff::/48\npop subnetprefix add 2001:db8:3000::/40\n"
        "subnet set config 2001:db8:3001::/48 7 static\n", 3),
    "host bits in a prefix": ("pop tunnelprefix add 2001:db8:2ff::1/48\n", 1),
    "a prefix too long": ("pop tunnelprefix add 2001:db8:2ff::/64\n", 1),
}


@pytest.mark.parametrize("name", BAD)
def test_check_names_file_line_and_what_is_wrong(daemon, name):
    text, line = BAD[name]
    d = daemon(text)
    done = d.run("--check", d.conf)
    assert done.returncode == 1, done.said
    assert re.search(rf"{re.escape(d.conf)}:{line}: ..........+", done.said), done.said


def test_check_reports_every_error_at_once(daemon):
    d = daemon("pop set id 99\npop set id 1\npop nonsense\n" + PLAIN)
    done = d.run("--check", d.conf)
    assert done.returncode == 1
    assert f"{d.conf}:1:" in done.said and f"{d.conf}:3:" in done.said
    assert f"{d.conf}:2:" not in done.said


def test_each_error_is_said_once(daemon):
    d = daemon("popp\n" + PLAIN)
    assert d.run("--check", d.conf).said == f"{d.conf}:1: Unknown command: main >> popp (did you mean pop?)\n"
    said = d.run().said
    assert said.count("Unknown command") == 1, said
    assert f"sixxsd: Code 404 occured on line 1 of {d.conf}\n" in said, "as it was of old"


def test_a_reload_says_each_error_once(daemon):
    d = daemon(PLAIN).start()
    d.write("popp\n" + PLAIN + "pop nonsense\n")
    d.kill(1)
    d.wait_output(f"reload of {d.conf}: nothing changed: 2 errors in it")
    assert d.output().count(">> popp") == d.output().count("nonsense") == 1, d.output()
    assert "Code" not in d.output()


def test_what_the_page_cannot_open_is_a_warning_with_its_line(daemon, tmp_path):
    d = daemon(PLAIN + "pop set http 127.0.0.1 42080 /nope /nope2\n")
    at = f"{d.conf}:{(PLAIN + 'x').count(chr(10)) + 1}: "
    nope = "cannot use the certificate /nope: No such file or directory (as the user "
    done = d.run("--check", d.conf)
    assert (done.returncode, done.said) == (0, at + "warning: " + nope + "that checks)\n")
    done = d.run()
    assert (done.returncode, done.said.count("/nope")) == (1, 1), done.said
    assert "sixxsd: " + at + nope + "the daemon runs as)\n" in done.said, done.said
    (tmp_path / "cert").write_text("")
    d.write(f"pop set http 127.0.0.1 42080 {tmp_path}/cert /nope2\n")
    done = d.run("--check", d.conf)
    assert f"{d.conf}:1: warning: cannot use the key /nope2: " in done.said, done.said
    d.write(PLAIN)
    d.start()
    d.write(PLAIN + "pop set http 127.0.0.1 42080 /nope /nope2\n")
    assert "warning: " + nope + "the daemon runs as)" in d.cli(f"config check {d.conf}").text
    d.kill(1)
    d.wait_output("nothing changed: line [0-9]+: cannot use the certificate /nope: ")


def test_check_reports_wrong_limits_among_the_rest(daemon):
    d = daemon("pop set id 99\npop set limits tunnels x subnets 4\npop nonsense\n" + PLAIN)
    done = d.run("--check", d.conf)
    assert done.returncode == 1
    for line in (1, 2, 3):
        assert f"{d.conf}:{line}:" in done.said, done.said


def test_check_of_a_good_file(daemon, topology):
    d = daemon(PLAIN)
    assert d.run("--check", d.conf).returncode == 0
    assert "sixxs" not in topology.pop.devices()


def test_check_needs_no_privilege(daemon):
    d = daemon(PLAIN)
    user = service_user()
    d.wrap = ["setpriv", "--reuid", str(user.pw_uid), "--regid", str(user.pw_gid),
              "--clear-groups", "--bounding-set", "-all", "--no-new-privs"]
    assert d.run("--check", d.conf).returncode == 0


def test_check_of_no_file(daemon):
    done = daemon(None).run("--check", "/no/such/file")
    assert done.returncode == 1 and "/no/such/file" in done.said


def test_a_bad_file_keeps_it_from_starting(daemon, topology):
    d = daemon("pop set id 1\npop set id 64\n")
    done = d.run()
    assert done.returncode == 1
    assert f"{d.conf}:2:" in done.said or "line 2" in done.said, done.said
    assert "sixxs" not in topology.pop.devices()


def test_no_file_is_told(daemon):
    done = daemon(None).run("-f", "-c", "/no/such/file")
    assert done.returncode == 1 and "/no/such/file" in done.said


def test_a_password_is_not_printed_when_its_line_is_wrong(daemon):
    d = daemon("tunnel set config 1 T1 ayiya up 1428 " + "hunter2" * 20 + "\n")
    done = d.run("--check", d.conf)
    assert done.returncode == 1 and "hunter2" not in done.said


def test_a_dynamic_tunnel_without_password_loads_with_a_warning(daemon):
    d = daemon(config(dynamic("2", "dynamic", password="")))
    done = d.run("--check", d.conf)
    assert done.returncode == 0
    assert re.search("password", done.said), done.said
    d.start()
    assert d.show("T2")["Tunnel State"] == "down"


def test_comments_crlf_tabs_and_a_last_line_without_end(daemon):
    d = daemon("# c\r\n// c\r\n\r\n \t pop set id 7\r\nPOP SET Details 7 \"x\"y 192.0.2.42 ::\r\n"
               "pop\n/\npop set id 5\npop set id 6")
    d.start()
    assert d.cli("pop get id").text == "6"


def test_in_the_background(daemon, topology):
    """Without -f it returns at once, and a process it left behind serves."""
    d = daemon()
    with open(d.log, "ab") as log:
        done = subprocess.run(d.command("-c", d.conf), stdin=subprocess.DEVNULL, stdout=log,
                              stderr=log, env=d.env, timeout=60, check=False)
    assert done.returncode == 0, d.output()

    def reached():
        try:
            return d.session()
        except (OSError, AssertionError):
            return None
    with d.until(reached, "the background daemon answers") as s:
        s.send("pop shutdown\n")
        assert s.answer().code == 666
    d.until(lambda: "sixxs" not in topology.pop.devices(), "it ended")


def test_shutdown_by_command(daemon):
    d = daemon().start()
    d._cli.send("pop shutdown\n")
    assert d._cli.answer().raw == "666 Tschau, shutting down"
    assert d._cli.rest() == b""
    d.stop()


def test_it_forwards_from_the_first_moment(topology, sixxsd):
    with Pop(topology, PLAIN) as pop:
        client = pop.p41("1", "198.51.100.7")
        outer, inner = client.ping(client.pop_inner)
        assert outer.src == POP4 and inner.src == client.pop_inner
        began = time.monotonic()
        pop.settle()
        assert time.monotonic() - began < 60
        assert HOST6 not in [p.src for p in pop.wan.seen()]
        assert PASSWORD not in pop.daemon.output()
