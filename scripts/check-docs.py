#!/usr/bin/python3
"""Documents, manual pages and examples are true.

    scripts/check-docs.py BUILD-DIRECTORY

Manual pages are clean for mandoc; every example configuration passes --check; every
file the documents link to exists; every option in a manual's list is known to --help and
the other way round; the configurations in README and operating.md are accepted; every command
that these and the manuals show to sixxsctl is in the command table.
"""
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def main():
    build = os.path.abspath(sys.argv[1])
    sixxsd = os.path.join(build, "src/sixxsd")
    bad = []

    pages = [os.path.join(build, "doc", p) for p in ("sixxsd.8", "sixxsd.conf.5", "sixxsctl.1", "sixxsd-metrics.5")]
    for page in pages:
        p = subprocess.run(["mandoc", "-Tlint", "-W", "warning", page], capture_output=True, text=True)
        if p.stdout or p.stderr:
            bad.append(p.stdout + p.stderr)

    for name in sorted(os.listdir(os.path.join(ROOT, "examples"))):
        p = subprocess.run([sixxsd, "--check", os.path.join(ROOT, "examples", name)],
                           capture_output=True, text=True)
        if p.returncode:
            bad.append(f"examples/{name}: {p.stdout}{p.stderr}")

    readme = open(os.path.join(ROOT, "README.md")).read()
    operating = open(os.path.join(ROOT, "doc/operating.md")).read()
    for name, text in (("the README", readme), ("doc/operating.md", operating)):
        config = re.search(r"```\n(pop\n.*?)```", text, re.S).group(1)
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
            f.write(config)
            f.flush()
            p = subprocess.run([sixxsd, "--check", f.name], capture_output=True, text=True)
            if p.returncode:
                bad.append(f"the configuration in {name}: {p.stdout}{p.stderr}")

    for doc in [os.path.join(ROOT, d) for d in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + \
            [os.path.join(ROOT, "doc", d) for d in os.listdir(os.path.join(ROOT, "doc")) if d.endswith(".md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", open(doc).read()):
            if not os.path.exists(os.path.join(os.path.dirname(doc), target)):
                bad.append(f"{os.path.relpath(doc, ROOT)} links to {target}, which is not there")

    dump = subprocess.run([os.path.join(build, "doc/dump-commands")], capture_output=True,
                          text=True, check=True).stdout
    paths = {line.split("\t")[0] for line in dump.splitlines()}
    shown = re.findall(r"^(?:\$ )?sixxsctl (?:-j )?([a-z].*)$",
                       readme + operating + "".join(open(p).read() for p in pages), re.M)
    if not shown:
        bad.append("no sixxsctl example found: has the layout of the documents changed?")
    for line in shown:
        words = line.replace("\\-", "-").split()
        if not any(" ".join(words[:n]) in paths for n in range(1, len(words) + 1)):
            bad.append(f"a document shows \"sixxsctl {line}\", which is no command")

    helped = subprocess.run([sixxsd, "--help"], capture_output=True, text=True)
    if helped.returncode == 0:
        bad.append("sixxsd --help exits with status 0")
    known = set(re.findall(r"--[a-z][a-z-]+", helped.stdout + helped.stderr))
    told = {"--" + o for o in re.findall(r"Fl -([a-z-]+)", open(pages[0]).read())}
    told |= {"--" + o for o in re.findall(r", -([a-z-]+)", "\n".join(re.findall(
        r"^\.It Fl .*$", open(pages[0]).read(), re.M)))}
    for o in sorted(known ^ told):
        bad.append(f"option {o} is {'not in sixxsd(8)' if o in known else 'not in --help'}")

    print("\n".join(bad))
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
