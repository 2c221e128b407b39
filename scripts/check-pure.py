#!/usr/bin/python3
"""wire, base, table, path and metrics are pure: their objects may want nothing from outside but
each other, mem*, the assertion and what the compiler itself puts in.

    scripts/check-pure.py BUILD-DIRECTORY
"""
import os
import subprocess
import sys

PURE = ("base", "table", "path", "metrics/metrics")
ALLOWED = {
    "memcpy", "memmove", "memset", "memcmp", "memchr", "memrchr",
    "__assert_fail", "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_",
}


def symbols(objects, *options):
    out = subprocess.run(["nm", "-P", *options, *objects], check=True, capture_output=True,
                         text=True).stdout
    for line in out.splitlines():
        words = line.split()
        if len(words) >= 2 and not line.endswith(":"):
            yield words[0], words[1]


def main():
    src = os.path.join(sys.argv[1], "src")
    objects = []
    for lib in PURE:
        where = os.path.join(src, os.path.dirname(lib), f"lib{os.path.basename(lib)}.a.p")
        objects += [os.path.join(where, f) for f in sorted(os.listdir(where)) if f.endswith(".o")]
    if len(objects) < len(PURE):
        print(f"no objects of {', '.join(PURE)} below {src}")
        return 1
    defined = {name for name, _ in symbols(objects, "--defined-only")}
    wanted = {name for name, _ in symbols(objects, "--undefined-only")}
    foreign = sorted(wanted - defined - ALLOWED)
    if foreign:
        print("the pure folders call: " + " ".join(foreign))
    # mutable globals: data or bss in a pure object is state nobody owns
    # (constants with addresses in them lie in .data.rel.ro until the loader has been there)
    table = subprocess.run(["nm", "-f", "sysv", "--defined-only", *objects], check=True,
                           capture_output=True, text=True).stdout
    rows = [[w.strip() for w in line.split("|")] for line in table.splitlines() if "|" in line]
    state = sorted(r[0] for r in rows if len(r) == 7 and r[3] == "OBJECT" and
                   r[6].startswith((".data", ".bss")) and not r[6].startswith(".data.rel.ro"))
    if state:
        print("the pure folders keep state: " + " ".join(state))
    return bool(foreign or state)


if __name__ == "__main__":
    sys.exit(main())
