#!/usr/bin/python3
"""The arrows point one way: what each folder of src/ may include, and every header alone.

The table is the one of doc/architecture.md. An include outside it fails, as does a header
that does not compile by itself.
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SRC = os.path.join(ROOT, "src")
MAY = {
    "wire": set(),
    "base": {"wire"},
    "table": {"base", "wire"},
    "path": {"table", "base", "wire"},
    "crypto": {"table", "base", "wire"},
    "host": {"table", "base", "wire", "steer.skel.h"},
    "bpf": {"wire"},
    "xdp": {"table", "base", "wire", "host", "ctl"},
    "io": {"path", "table", "base", "wire", "host"},
    "why": {"table", "base", "wire"},
    "metrics": {"table", "base", "wire"},
    "ctl": {"table", "base", "wire", "crypto", "why"},
    "client": {"base", "wire"},
    "web": {"table", "base", "wire", "crypto", "why", "metrics", "ctl", "host"},
}
SYSTEM_IN_WIRE = {"stdint.h", "stddef.h"}


def main():
    bad = []
    headers = []
    for folder in sorted(os.listdir(SRC)):
        path = os.path.join(SRC, folder)
        if not os.path.isdir(path):
            continue
        for name in sorted(os.listdir(path)):
            if not name.endswith((".c", ".h", ".def")):
                continue
            text = open(os.path.join(path, name)).read()
            if name.endswith(".h"):
                headers.append(f"{folder}/{name}")
            for inc in re.findall(r'^#include "([^"]+)"', text, re.M):
                to = inc.split("/")[0]
                if inc.endswith(".skel.h"):     # generated from bpf/
                    continue
                if to != folder and to not in MAY.get(folder, set()) and inc not in MAY.get(folder, set()):
                    bad.append(f"{folder}/{name} may not include {inc}")
            if folder == "wire":
                for inc in re.findall(r"^#include <([^>]+)>", text, re.M):
                    if inc not in SYSTEM_IN_WIRE:
                        bad.append(f"wire/{name} may not include <{inc}>")
    for h in headers:
        p = subprocess.run(["gcc", "-std=gnu17", "-D_GNU_SOURCE", '-DSIXXSD_VERSION="0"', "-Wall", "-Wextra",
                            "-Wno-unused-function", "-I", SRC, "-fsyntax-only", "-x", "c", "-"],
                           input=f'#include "{h}"\n', capture_output=True, text=True)
        if p.returncode or p.stderr:
            bad.append(f"{h} does not compile alone:\n{p.stderr}")
    print("\n".join(bad))
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
