"""
The package is built once, the guest is booted once; the tests are numbered in the order in
which a package lives.
"""
import os
import subprocess

import pytest

from machine import Guest, root_image

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build", "packaging")


def run(*argv, **more):
    done = subprocess.run(argv, capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stdout}{done.stderr}"
    return done.stdout


def other_version(deb, version):
    """The same package, as if it were built from another changelog."""
    where = os.path.join(BUILD, "unpacked")
    subprocess.run(["rm", "-rf", where], check=True)
    run("dpkg-deb", "-R", deb, where)
    control = os.path.join(where, "DEBIAN", "control")
    with open(control, encoding="utf-8") as f:
        text = f.read()
    before = f"\nVersion: {run('dpkg-deb', '-f', deb, 'Version').strip()}\n"
    assert before in text
    with open(control, "w", encoding="utf-8") as f:
        f.write(text.replace(before, f"\nVersion: {version}\n"))
    out = os.path.join(BUILD, f"sixxsd_{version}.deb")
    run("dpkg-deb", "--root-owner-group", "-b", where, out)
    return out


@pytest.fixture(scope="session")
def deb(tmp_path_factory):
    """Built with no network, and with a node that fails whoever asks it."""
    out = os.path.join(BUILD, "deb")
    subprocess.run(["rm", "-rf", out], check=True)
    no = tmp_path_factory.mktemp("no")
    for name in ("node", "nodejs", "npm", "npx"):
        (no / name).write_text(f"#!/bin/sh\necho {name} was asked for >&2\nexit 1\n")
        (no / name).chmod(0o755)
    said = run("unshare", "-n", os.path.join(ROOT, "packaging", "build-deb"), out,
               env=dict(os.environ, PATH=f"{no}:{os.environ['PATH']}"))
    found = [line for line in said.split() if "dbgsym" not in line]
    assert len(found) == 1, said
    return found[0]


@pytest.fixture(scope="session")
def newer(deb):
    return other_version(deb, run("dpkg-deb", "-f", deb, "Version").strip() + "+test1")


@pytest.fixture(scope="module")
def guest(deb, newer):
    with Guest(root_image(deb, BUILD), BUILD) as g:
        yield g
