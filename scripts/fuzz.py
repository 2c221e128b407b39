#!/usr/bin/python3
"""Build the libFuzzer targets and run each for a while.

    scripts/fuzz.py [--seconds N] [--merge] [TARGET ...]

Every target starts from its corpus in tests/data/fuzz/TARGET. --merge adds the inputs that
reached new edges to that corpus afterwards (minimised). Prints executions and edges of
each target, as doc/testing.md records them; exit 1 when a target crashed, and the input
is kept below build/fuzz/crashes.
"""
import argparse
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build", "fuzz")
SEEDS = os.path.join(ROOT, "tests", "data", "fuzz")


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--seconds", type=int, default=60)
    ap.add_argument("--merge", action="store_true")
    ap.add_argument("targets", nargs="*")
    a = ap.parse_args()

    env = dict(os.environ, CC="clang")
    if not os.path.exists(os.path.join(BUILD, "build.ninja")):
        subprocess.run(["meson", "setup", BUILD, "-Dfuzz=true", "-Dwerror=true"], check=True,
                       env=env, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", BUILD], check=True, stdout=subprocess.DEVNULL)

    where = os.path.join(BUILD, "tests", "fuzz")
    targets = a.targets or sorted(
        f[2:] for f in os.listdir(where)
        if f.startswith("f_") and os.access(os.path.join(where, f), os.X_OK)
        and os.path.isfile(os.path.join(where, f)))
    if not targets:
        print("no fuzz targets were built")
        return 1
    bad = 0
    for t in targets:
        work = os.path.join(BUILD, "corpus", t)
        crashes = os.path.join(BUILD, "crashes", t) + "/"
        os.makedirs(work, exist_ok=True)
        os.makedirs(crashes, exist_ok=True)
        seeds = os.path.join(SEEDS, t)
        exe = os.path.join(where, "f_" + t)
        p = subprocess.run([exe, work, seeds, f"-max_total_time={a.seconds}", "-timeout=10",
                            "-rss_limit_mb=4096", "-print_final_stats=1", f"-artifact_prefix={crashes}"],
                           capture_output=True, text=True, errors="replace")
        runs = re.search(r"stat::number_of_executed_units: (\d+)", p.stderr)
        edges = re.findall(r"cov: (\d+)", p.stderr)
        print(f"{t}: {runs.group(1) if runs else '?'} executions, {edges[-1] if edges else '?'} edges"
              + ("" if p.returncode == 0 else ", CRASHED"), flush=True)
        if p.returncode:
            bad += 1
            print("\n".join(p.stderr.splitlines()[-40:]))
        elif a.merge:
            subprocess.run([exe, "-merge=1", seeds, work], capture_output=True)
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
