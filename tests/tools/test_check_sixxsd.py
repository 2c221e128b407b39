"""contrib/check_sixxsd: every state, from a daemon that says what the test wants."""
import os
import socket
import subprocess
import time

import pytest

from fakes import ROOT, BANNER, Fake, framed

CHECK = os.path.join(ROOT, "contrib", "check_sixxsd")
OK, WARNING, CRITICAL, USAGE = 0, 1, 2, 3


def status(online, active, configured):
    total = f"total {online} {active} {configured}"
    return framed([f"direct {online} {active} {configured}", "ayiya 0 0 0", "gre 0 0 0", total])


def run(*args):
    done = subprocess.run(["/usr/bin/python3", CHECK, *args], capture_output=True, text=True,
                          timeout=30)
    return done.returncode, done.stdout


def against(answer, *args, banner=BANNER):
    fake = Fake(answer if callable(answer) else lambda line: answer, banner=banner)
    try:
        return (*run("-h", "127.0.0.1", "-p", str(fake.port), *args), fake.lines)
    finally:
        fake.close()


# online, active, configured, options, exit status, line
JUDGED = [
    (100, 80, 100, [], OK, "OK - Tunnels configured: 100, online: 100, active: 80"),
    (0, 0, 0, [], CRITICAL, "CRITICAL - no tunnels configured"),
    (0, 0, 1, [], OK, "OK - only 1 tunnels configured, too few to judge; online: 0, active: 0"),
    (0, 0, 49, [], OK, "OK - only 49 "),
    (50, 25, 50, [], OK, "OK - Tunnels configured: 50, online: 50, active: 25"),
    (0, 0, 0, ["-t", "0"], CRITICAL, "CRITICAL - no tunnels configured"),
    # shares: of the configured, of the online; exactly the share is enough
    (5, 5, 50, [], OK, "OK - "),
    (4, 4, 50, [], WARNING, "WARNING - Tunnels online: 4 of 50 (0.08), want 0.10"),
    (50, 24, 50, [], WARNING, "WARNING - Tunnels active: 24 of 50 (0.48), want 0.50"),
    (0, 0, 50, [], WARNING, "WARNING - Tunnels online: 0 of 50 (0.00), want 0.10"),
    (0, 0, 50, ["-o", "0"], WARNING, "WARNING - Tunnels active: 0 of 0 (0.00), want 0.50"),
    (0, 0, 50, ["-o", "0", "-a", "0"], OK, "OK - "),
    (30, 30, 50, ["--min-online", "0.60"], OK, "OK - "),
    (30, 30, 50, ["--min-online", "0.61"], WARNING, "WARNING - Tunnels online: "),
    (30, 15, 50, ["--min-active", "0.51"], WARNING, "WARNING - Tunnels active: "),
    # counts, from 1 on
    (20, 20, 50, ["-o", "20"], OK, "OK - "),
    (20, 20, 50, ["-o", "21"], WARNING, "WARNING - Tunnels online: 20, want 21"),
    (1, 1, 50, ["-o", "1"], OK, "OK - "),
    (20, 7, 50, ["-a", "7"], OK, "OK - "),
    (20, 7, 50, ["-a", "8"], WARNING, "WARNING - Tunnels active: 7, want 8"),
    (50, 50, 50, ["-c", "50"], OK, "OK - "),
    (50, 50, 50, ["-c", "51"], WARNING, "WARNING - Tunnels configured: 50, want 51"),
    (50, 50, 50, ["-c", "0.99"], OK, "OK - "),
    (3, 3, 3, ["-t", "3"], WARNING, "WARNING - Tunnels configured: 3, want 5"),
    (3, 3, 3, ["--tunnels", "3", "--min-configured", "3"], OK, "OK - "),
    # small comes before everything
    (0, 0, 10, ["-c", "1000", "-o", "1000"], OK, "OK - only 10 "),
]


@pytest.mark.parametrize("online,active,configured,args,code,line", JUDGED)
def test_judged(online, active, configured, args, code, line):
    rc, out, lines = against(status(online, active, configured), *args)
    assert (rc, out[:len(line)]) == (code, line)
    assert out.count("\n") == 1 and out.endswith("\n") and "|" not in out
    assert lines == ["pop show status"]


@pytest.mark.parametrize("answer,banner,line", [
    (status(1, 1, 100), b"404 no\n", 'CRITICAL - banner is "404 no"'),
    (status(1, 1, 100), b"HTTP/1.0 302 Found\r\n\r\n", 'CRITICAL - banner is "HTTP/1.0 302 Found"'),
    (status(1, 1, 100), b"200\n", 'CRITICAL - banner is "200"'),
    (status(1, 1, 100), b"<a|b>\n", 'CRITICAL - banner is "<a/b>"'),
    (status(1, 1, 100), None, "CRITICAL - connection closed before the answer"),
    (None, BANNER, "CRITICAL - connection closed before the answer"),
    (b"404 Unknown command: main > pop\n", BANNER, "CRITICAL - no totals, but"),
    (b"201 1\ndirect 1 1 1\n200 OK\n", BANNER, "CRITICAL - no totals, but"),
    (b"201 1\ntotal 1 x 1\n200 OK\n", BANNER, 'CRITICAL - cannot read "total 1 x 1"'),
    (b"201 1\ntotal 1 1\n200 OK\n", BANNER, 'CRITICAL - cannot read "total 1 1"'),
    (b"201 1\ntotal  1 1 1\n200 OK\n", BANNER, "CRITICAL - cannot read"),
    (b"201 1\ntotal -1 1 1\n200 OK\n", BANNER, "CRITICAL - cannot read"),
    (b"x" * 100000, BANNER, "CRITICAL - the answer does not end"),
])
def test_critical(answer, banner, line):
    rc, out, _ = against(answer if answer is not None else (lambda asked: None), banner=banner)
    assert (rc, out[:len(line)]) == (CRITICAL, line)
    assert out.count("\n") == 1


def test_new_rows_and_pieces_are_read():
    pieces = [b"201", b" 5\ndir", b"ect 0 0 0\r\nwireguard 9 9 9\r\n", b"total 60 50", b" 60\r\n200 OK\n"]
    rc, out, _ = against(lambda line: pieces, banner=[b"2", b"00 chtst01 sixxsd", b" 5.0.0\n"])
    assert (rc, out) == (OK, "OK - Tunnels configured: 60, online: 60, active: 50\n")


def test_no_connection():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        rc, out = run("-h", "127.0.0.1", "-p", str(taken.getsockname()[1]))
    assert rc == CRITICAL and out.startswith("CRITICAL - 127.0.0.1 port ")


@pytest.mark.parametrize("host", ["no.such.host.invalid", "x" * 80 + ".invalid"])
def test_no_host(host):
    rc, out = run("-h", host)
    assert rc == CRITICAL and out.startswith("CRITICAL - ")


@pytest.mark.parametrize("banner", [b"", BANNER, b"2"])
def test_silence_times_out(banner):
    start = time.monotonic()
    rc, out, _ = against(lambda line: b"201 4\n", "--timeout", "0.5", banner=banner)
    assert rc == CRITICAL and "timed out" in out
    assert time.monotonic() - start < 5


def test_a_trickle_times_out_as_a_whole():
    start = time.monotonic()
    rc, out, _ = against(lambda line: [b"x"] * 500, "--timeout", "0.5")
    assert rc == CRITICAL and "timed out" in out
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("args", [
    ["-x"], ["-p"], ["-p", "x"], ["-p", "0"], ["-p", "65536"], ["-o", "many"], ["-a", "nan"],
    ["-t", "-1"], ["-c", "inf"], ["host"], ["--por", "1"],
])
def test_usage(args):
    rc, out = run(*args)
    assert rc == USAGE and out == ""


def test_help_is_no_error():
    rc, out = run("--help")
    assert rc == 0 and "--min-online" in out
