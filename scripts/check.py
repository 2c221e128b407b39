#!/usr/bin/python3
"""The steps behind ./check: build, test, count. One line a step, details of failures below it.

A step returns (passed, failed, skipped, text shown when something failed). Nothing here
decides by time except that a step which hangs is ended and counts as failed.
"""
import json
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build")
PYTHON = "/usr/bin/python3"
JOBS = str(os.cpu_count() or 2)

GCC = {"CC": "gcc"}
CLANG = {"CC": "clang"}
SAN = "-Db_sanitize=address,undefined -Db_lundef=false".split()
TSAN = "-Db_sanitize=thread -Db_lundef=false".split()
BARE = ["-Dipsec_mb=disabled", "-Dbpf=disabled", "-Dseccomp=disabled"]
TRAP = ["-Dmalloc_trap=true"]

# what several workers could do wrong: packets, and pushes under traffic
TRAFFIC = "(test_1 or test_2 or test_33 or lose_no_packet) and not (test_27 or test_28 or test_29)"


def run(argv, seconds, env=None, cwd=ROOT):
    """Return (exit status, output); the whole process group ends at the time-out."""
    e = dict(os.environ, **(env or {}))
    p = subprocess.Popen(argv, cwd=cwd, env=e, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, start_new_session=True)
    try:
        out, _ = p.communicate(timeout=seconds)
        return p.returncode, out.decode(errors="replace")
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, 15)
        try:
            out, _ = p.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, 9)
            out, _ = p.communicate()
        return 124, out.decode(errors="replace") + f"\n(ended after {seconds} s)"


def tail(text, lines=60):
    return "\n".join(text.rstrip().splitlines()[-lines:])


def build(name, options, env):
    """Configure (once) and compile with warnings fatal. Counts as one test."""
    where = os.path.join(BUILD, name)
    if not os.path.exists(os.path.join(where, "build.ninja")):
        rc, out = run(["meson", "setup", where, "-Dwerror=true", *options], 120, env)
        if rc:
            return 0, 1, 0, tail(out)
    rc, out = run(["ninja", "-C", where, "-j", JOBS], 900, env)
    return (1, 0, 0, "") if rc == 0 else (0, 1, 0, tail(out))


def tap_count(text):
    good = len(re.findall(r"^ok \d+", text, re.M))
    bad = len(re.findall(r"^not ok \d+", text, re.M))
    skip = len(re.findall(r"^ok \d+.*# SKIP", text, re.M))
    return good - skip, bad, skip


def meson_test(name, suites=(), wrap=None, seconds=900):
    where = os.path.join(BUILD, name)
    log = os.path.join(where, "meson-logs", "testlog.json")
    if os.path.exists(log):
        os.unlink(log)
    argv = ["meson", "test", "-C", where, "--no-rebuild", "--num-processes", JOBS]
    for s in suites:
        argv += ["--suite", s]
    env = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0", "UBSAN_OPTIONS": "halt_on_error=1",
           "TSAN_OPTIONS": "halt_on_error=1"}
    rc, out = run(argv, seconds, env)
    passed = failed = skipped = 0
    text = ""
    if os.path.exists(log):
        for line in open(log):
            t = json.loads(line)
            good, bad, skip = tap_count(t.get("stdout", ""))
            passed += good or (t["result"] in ("OK", "EXPECTEDFAIL"))
            failed += bad
            skipped += skip + (t["result"] == "SKIP")
            if t["result"] not in ("OK", "SKIP", "EXPECTEDFAIL"):
                failed += not bad
                lines = [x for x in t.get("stdout", "").splitlines() if not x.startswith("ok ")]
                text += f"--- {t['name']}: {t['result']}\n" + tail("\n".join(lines), 30) + "\n"
                text += tail(t.get("stderr", "") or "", 40) + "\n"
    if rc and not failed:
        failed, text = 1, tail(out)
    return passed, failed, skipped, text


def pytest(name, paths, env, seconds, extra=()):
    xml = os.path.join(BUILD, f"junit-{name}.xml")
    os.makedirs(BUILD, exist_ok=True)
    if os.path.exists(xml):
        os.unlink(xml)
    argv = [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout=180",
            f"--junitxml={xml}", *extra, *paths]
    rc, out = run(argv, seconds, dict(env, PYTHONDONTWRITEBYTECODE="1"))
    if not os.path.exists(xml):
        return 0, 1, 0, tail(out)
    suite = ET.parse(xml).getroot().find("testsuite")
    tests, fails, errors, skips = (int(suite.get(k, 0))
                                   for k in ("tests", "failures", "errors", "skipped"))
    reasons = sorted({s.get("message") or "" for s in suite.iter("skipped")})
    for r in reasons:
        print(f"      skipped: {re.sub('^skipped: *', '', r)}")
    bad = fails + errors
    if rc not in (0, 5) and not bad:
        bad = 1
    return tests - fails - errors - skips, bad, skips, tail(out, 120) if bad else ""


def netns(name, san="", seconds=1500, extra=(), workers=0):
    exe = os.path.join(BUILD, name, "src", "sixxsd")
    env = {"SIXXSD": exe, "SIXXSCTL": os.path.join(BUILD, name, "src", "client", "sixxsctl"),
           "SIXXSD_SAN": san}
    if workers:
        env["SIXXSD_WORKERS"] = str(workers)
    return pytest(f"netns-{name}{workers or ''}", ["tests/netns"], env, seconds, extra)


def packaging(test):
    return pytest(test[:-3], [os.path.join("tests/packaging", test)], {}, 1200)


def node_count(out):
    """What Node's own runner says at its end."""
    found = {k: int(n) for k, n in re.findall(r"^(?:#|\S) (pass|fail|cancelled|skipped) (\d+)$", out, re.M)}
    return found.get("pass", 0), found.get("fail", 0) + found.get("cancelled", 0)


def browser_mock():
    where = os.path.join(ROOT, "tests/web")
    rc, out = run(["npm", "ci", "--no-audit", "--no-fund"], 300, cwd=where)
    if rc:
        return 0, 1, 0, tail(out)
    rc, out = run(["node", "--test"], 900, cwd=where)
    passed, failed = node_count(out)
    failed = failed or int(rc != 0)
    return passed, failed, 0, tail(out, 120) if failed else ""


def browser_daemon():
    env = {"SIXXSD": os.path.join(BUILD, "trap", "src", "sixxsd"),
           "SIXXSCTL": os.path.join(BUILD, "trap", "src", "client", "sixxsctl")}
    return pytest("web", ["tests/web/test_daemon.py"], env, 1000, ["--timeout=950"])


def command(argv, seconds=300, env=None):
    rc, out = run(argv, seconds, env)
    return (1, 0, 0, "") if rc == 0 else (0, 1, 0, tail(out))


def script(path, *args, seconds=300):
    return command([PYTHON, os.path.join(ROOT, path), *args], seconds)


def steps_quick():
    yield "build with gcc", lambda: build("quick", [], GCC)
    yield "unit tests", lambda: meson_test("quick", ["unit", "fuzz"])
    yield "pure folders call nothing", lambda: script("scripts/check-pure.py", "build/quick")
    yield "arrows point one way", lambda: script("scripts/check-arrows.py")


def steps_default():
    yield "build with gcc, allocation trap", lambda: build("trap", TRAP, GCC)
    yield "unit tests", lambda: meson_test("trap")
    yield "pure folders call nothing", lambda: script("scripts/check-pure.py", "build/trap")
    yield "arrows point one way", lambda: script("scripts/check-arrows.py")
    yield "build with clang, ASan and UBSan", lambda: build("asan", SAN, CLANG)
    yield "unit tests and corpora under ASan and UBSan", lambda: meson_test("asan")
    yield "tools", lambda: pytest(
        "tools", ["tests/tools"],
        {"SIXXSD": os.path.join(BUILD, "trap/src/sixxsd"),
         "SIXXSCTL": os.path.join(BUILD, "trap/src/client/sixxsctl")}, 300)
    yield "the page's bundle is that of its sources", lambda: command(["scripts/page", "--check"])
    yield "the page in a browser", browser_mock
    yield "the page in a browser, of a daemon", browser_daemon
    yield "metrics, dashboards and alerts", lambda: script("scripts/check-metrics.py", "build/trap")
    yield "documents and examples", lambda: script("scripts/check-docs.py", "build/trap")
    yield "benchmark, briefly", lambda: command(["./bench", "--smoke"], 600)
    yield "namespaces and kernel clients", lambda: netns("trap")
    yield "namespaces with two workers", lambda: netns("trap", extra=["-k", TRAFFIC], workers=2)


def steps_full():
    yield from steps_default()
    yield "build without the optional libraries", lambda: build("bare", BARE, GCC)
    yield "unit tests without them", lambda: meson_test("bare", ["unit", "fuzz"])
    yield "build with clang", lambda: build("clang", [], CLANG)
    yield "unit tests, clang", lambda: meson_test("clang")
    yield "namespaces under ASan and UBSan", lambda: netns("asan", "address", 2100)
    yield "build with ThreadSanitizer", lambda: build("tsan", TSAN, CLANG)
    yield "unit tests under ThreadSanitizer", lambda: meson_test("tsan")
    yield "namespaces under ThreadSanitizer", lambda: netns(
        "tsan", "thread", 1500, ["-k", "not kernel_clients"])
    yield "namespaces under ThreadSanitizer, three workers", lambda: netns(
        "tsan", "thread", 1500, ["-k", "not kernel_clients and not killed_at_any and not nagios"], 3)
    yield "fuzz targets build and run", lambda: script("scripts/fuzz.py", "--seconds", "10",
                                                      seconds=600)
    yield "clang-tidy", lambda: script("scripts/check-tidy.py", "build/clang", seconds=1200)
    yield "cppcheck", lambda: script("scripts/check-cppcheck.py", seconds=600)
    yield "demo", lambda: command(["./demo", "--once"], 300)
    yield ".deb builds, lintian", lambda: packaging("test_10_deb.py")
    yield ".deb in a systemd guest", lambda: packaging("test_20_guest.py")


def main():
    mode = sys.argv[1] if len(sys.argv) > 1 else ""
    steps = {"--quick": steps_quick, "--full": steps_full, "": steps_default}[mode]()
    passed = failed = skipped = 0
    for title, step in steps:
        print(f"  ... {title}", flush=True)
        t0 = time.monotonic()
        p, f, s, text = step()
        passed, failed, skipped = passed + p, failed + f, skipped + s
        took = time.monotonic() - t0
        print(f"{'FAIL' if f else ' ok '}  {title}: {p} passed, {f} failed"
              + (f", {s} skipped" if s else "") + f" ({took:.0f} s)", flush=True)
        if f:
            print("\n".join("      " + x for x in text.splitlines()), flush=True)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
