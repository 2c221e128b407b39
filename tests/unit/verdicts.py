#!/usr/bin/python3
"""Every verdict of verdict.def is produced by some unit test; prints TAP.

    verdicts.py SRC/table/verdict.def PROGRAM ...

Runs the programs and unites the lines "# verdicts: NAME ..." they print at their end.
"""
import re
import subprocess
import sys


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        names = re.findall(r"^VERDICT\((\w+),", f.read(), re.M)
    produced = set()
    for program in sys.argv[2:]:
        out = subprocess.run([program], capture_output=True, text=True, errors="replace",
                             check=False).stdout
        for line in re.findall(r"^# verdicts:(.*)$", out, re.M):
            produced.update(line.split())

    for n, name in enumerate(names, 1):
        print(f"{'ok' if name in produced else 'not ok'} {n} - {name} is produced by a unit test")
    print(f"1..{len(names)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
