#!/usr/bin/python3
"""clang-tidy over src/ with the checks of .clang-tidy; any finding fails.

    scripts/check-tidy.py BUILD-DIRECTORY
"""
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def main():
    build = sys.argv[1]
    with open(os.path.join(build, "compile_commands.json")) as f:
        files = sorted({os.path.normpath(os.path.join(c["directory"], c["file"]))
                        for c in json.load(f)})
    files = [f for f in files if f.startswith(os.path.join(ROOT, "src") + "/")]

    def tidy(path):
        p = subprocess.run(["clang-tidy", "-quiet", "-p", build, "--warnings-as-errors=*", path],
                           capture_output=True, text=True, cwd=ROOT)
        return p.returncode, p.stdout + (p.stderr if p.returncode else "")

    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        results = list(pool.map(tidy, files))
    for rc, out in results:
        if rc:
            print(out)
    print(f"{len(files)} files")
    return not files or any(rc for rc, _ in results)


if __name__ == "__main__":
    sys.exit(main())
