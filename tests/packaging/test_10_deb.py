"""The package builds from a clean tree, lintian has no error to tell, and what is in it is in its place."""
import gzip
import os
import re
import subprocess

import pytest

from conftest import ROOT, run

pytestmark = pytest.mark.timeout(600)
EXPOSURE = 25		# tenths


@pytest.fixture(scope="module")
def tree(deb, tmp_path_factory):
    where = tmp_path_factory.mktemp("tree")
    run("dpkg-deb", "-x", deb, str(where))
    return where


def test_changelog_and_meson_agree_on_the_version(deb):
    with open(os.path.join(ROOT, "meson.build"), encoding="utf-8") as f:
        project = re.search(r"version: '([^']+)'", f.read()).group(1)
    assert run("dpkg-deb", "-f", deb, "Version").strip().rpartition("-")[0] == project


def test_lintian_has_no_error(deb):
    changes = deb.replace(".deb", ".changes")
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error", changes],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_needs_no_node_to_build():
    with open(os.path.join(ROOT, "packaging/debian/control"), encoding="utf-8") as f:
        assert not re.search(r"\bnode|\bnpm", f.read())


def test_what_is_in_it(tree):
    files = {os.path.relpath(os.path.join(d, f), tree) for d, _, names in os.walk(tree) for f in names}
    assert files >= {
        "lib/systemd/system/sixxsd.service",
        "usr/bin/sixxsctl",
        "usr/lib/nagios/plugins/check_sixxsd",
        "usr/lib/sysusers.d/sixxsd.conf",
        "usr/lib/tmpfiles.d/sixxsd.conf",
        "usr/sbin/sixxsd",
        "usr/share/bash-completion/completions/sixxsctl",
        "usr/share/bash-completion/completions/sixxsd",
        "usr/share/doc/sixxsd/contrib/grafana/sixxsd-tunnel.json",
        "usr/share/doc/sixxsd/contrib/grafana/sixxsd.json",
        "usr/share/doc/sixxsd/contrib/prometheus/sixxsd-alerts.yml",
        "usr/share/doc/sixxsd/contrib/wireshark/sixxs-extcap",
        "usr/share/doc/sixxsd/copyright",
        "usr/share/doc/sixxsd/doc/operating.md",
        "usr/share/man/man1/sixxsctl.1.gz",
        "usr/share/man/man5/sixxsd.conf.5.gz",
        "usr/share/man/man8/sixxsd.8.gz",
        "usr/share/sixxsd/sixxsd.conf",
    }
    outside = {f for f in files if not f.startswith(("usr/", "lib/systemd/system/"))}
    assert not outside


def documents(tree):
    return sorted((tree / "usr/share/doc/sixxsd").rglob("*.md"))


def test_the_documents_links_lead_somewhere(tree):
    assert len(documents(tree)) > 5
    for doc in documents(tree):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", doc.read_text(encoding="utf-8")):
            assert (doc.parent / target).exists(), f"{doc.relative_to(tree)} links to {target}"


def test_what_the_documents_name_is_there_as_it_is_named(tree):
    """Of contrib and examples, and what they say of the package's own folders."""
    where = tree / "usr/share/doc/sixxsd"
    operating = (where / "doc/operating.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\b(?:contrib|examples)/(?:[\w-]+/)*[\w.-]*\w", operating)) - {"contrib/check_sixxsd"}
    assert len(named) > 2
    for name in named:
        assert (where / name).exists(), f"operating.md names {name}"
    for name in re.findall(r"/usr/(?:lib|share)/[\w/.-]*\w", operating):
        assert (tree / name[1:]).exists(), f"operating.md names {name}"


def test_the_manuals_name_files_that_are_there(tree):
    named = set()
    for page in (tree / "usr/share/man").rglob("*.gz"):
        named |= set(re.findall(r"/usr/share/doc/[\w/.-]*\w", gzip.decompress(page.read_bytes()).decode()))
    assert {os.path.basename(name) for name in named} >= {"operating.md", "wireshark", "sixxsd.json", "sixxsd-alerts.yml"}
    for name in named:
        assert (tree / name[1:]).exists(), f"a manual names {name}"


def test_it_was_built_with_what_makes_it_fast(tree, deb):
    needed = run("objdump", "-p", str(tree / "usr/sbin/sixxsd"))
    assert "libbpf.so" in needed
    if run("dpkg-deb", "-f", deb, "Architecture").strip() == "amd64":
        assert "libIPSec_MB.so" in needed


def test_the_unit_is_sound_and_little_exposed(tree):
    unit = str(tree / "lib/systemd/system/sixxsd.service")
    run("systemd-analyze", "security", "--offline=yes", f"--threshold={EXPOSURE}", "--no-pager", unit)


def test_the_first_configuration_is_good_as_it_is_and_uncommented(tree, tmp_path):
    daemon, file = str(tree / "usr/sbin/sixxsd"), tree / "usr/share/sixxsd/sixxsd.conf"
    run(daemon, "--check", str(file))
    text, taken = re.subn(r"^#(?=[a-z\t])", "", file.read_text(), flags=re.M)
    assert taken > 10
    (tmp_path / "all.conf").write_text(text)
    run(daemon, "--check", str(tmp_path / "all.conf"))
