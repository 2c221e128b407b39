"""scripts/page --check: the bundle is that of its sources, and what is not so is named."""
import os
import random
import shutil
import subprocess

import pytest

from fakes import ROOT


def check(root):
    done = subprocess.run(["/usr/bin/python3", os.path.join(root, "scripts/page"), "--check"],
                          capture_output=True, text=True, timeout=60, env={"PATH": "/nonexistent"})
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path):
    for part in ("src/web/page", "src/web/bundle"):
        shutil.copytree(os.path.join(ROOT, part), tmp_path / part,
                        ignore=shutil.ignore_patterns("node_modules"))
    (tmp_path / "scripts").mkdir()
    shutil.copy(os.path.join(ROOT, "scripts/page"), tmp_path / "scripts/page")
    return tmp_path


def test_the_bundle_is_that_of_its_sources_and_small_enough():
    status, said = check(ROOT)
    assert status == 0, said


def test_an_untouched_copy_passes_without_node(copy):
    assert check(copy)[0] == 0


@pytest.mark.parametrize("path", ["page/src/main.tsx", "page/package-lock.json", "page/vite.config.js",
                                  "bundle/app.js", "bundle/index.html"])
def test_a_changed_file_is_named(copy, path):
    with open(copy / "src/web" / path, "a") as f:
        f.write("\n")
    status, said = check(copy)
    assert status == 1 and f"src/web/{path} is not what the bundle was built with" in said


def test_a_new_source_and_a_missing_one_are_named(copy):
    (copy / "src/web/page/src/new.ts").write_text("")
    os.unlink(copy / "src/web/page/src/format.ts")
    status, said = check(copy)
    assert status == 1 and "page/src/new.ts" in said and "page/src/format.ts" in said


def test_a_file_that_does_not_belong_in_the_bundle_is_named(copy):
    (copy / "src/web/bundle/app-old.js").write_text("")
    status, said = check(copy)
    assert status == 1 and "app-old.js does not belong there" in said


def test_a_bundle_that_compresses_to_too_much_is_refused(copy):
    with open(copy / "src/web/bundle/app.js", "ab") as f:
        f.write(random.Random(1).randbytes(120_000))
    status, said = check(copy)
    assert status == 1 and "120000 are allowed" in said


def test_the_bundle_asks_nobody_else_and_needs_no_inline_code():
    for name in ("index.html", "app.js", "app.css"):
        with open(os.path.join(ROOT, "src/web/bundle", name)) as f:
            text = f.read()
        for word in ("eval(", "new Function", "@import", "url(http", 'src="http', 'href="http'):
            assert word not in text, (name, word)
        if name == "index.html":
            assert "<style" not in text and "<script>" not in text and " style=" not in text
