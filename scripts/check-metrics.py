#!/usr/bin/python3
"""What /metrics says is well-formed, and what is made of it fits.

    scripts/check-metrics.py BUILD-DIRECTORY

tests/unit/dump_metrics fills a region and prints both answers in both formats. promtool judges
the text, the parser of python3-prometheus-client OpenMetrics; both come from Debian's
packages, unpacked below build/, not installed (python3-decorator is what the latter needs). Then: both formats say the same, no label is an
address, a port or a time, every reason has its series, dashboards and alerts use only metrics and
labels that exist, promtool takes the alerts, and their unit tests pass.
"""
import glob
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOOLS = os.path.join(ROOT, "build/prometheus")
PROMTOOL = os.path.join(TOOLS, "usr/bin/promtool")
PACKAGES = ("prometheus", "python3-prometheus-client", "python3-decorator")
RULES = sorted(glob.glob(os.path.join(ROOT, "contrib/prometheus/*.yml")))
RULE_TESTS = sorted(glob.glob(os.path.join(ROOT, "tests/metrics/*.yml")))
DASHBOARDS = sorted(glob.glob(os.path.join(ROOT, "contrib/grafana/*.json")))

LABELS = {"version", "state", "transport", "direction", "reason", "outcome", "worker", "queue",
          "interface", "mode", "role", "le", "tunnel", "kind", "error"}
# what a scrape and a rule add
ADDED = {"job", "instance", "severity"}
ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+|[0-9a-f]*:[0-9a-f:]*:|\d{9,}|\d\d:\d\d")
# in what promtool and Grafana call a metric's name
NAME = re.compile(r"\bsixxsd_[a-z0-9_]+")

bad = []


def run(argv, text=None):
    p = subprocess.run(argv, input=text, capture_output=True, text=True)
    return p.returncode, (p.stdout + p.stderr).strip()


def fetch():
    """The packages, once."""
    done = os.path.join(TOOLS, "unpacked")
    if os.path.exists(done):
        return
    os.makedirs(TOOLS, exist_ok=True)
    for again in (False, True):
        if again:
            run(["apt-get", "update"])
        p = subprocess.run(["apt-get", "-q", "download", *PACKAGES], cwd=TOOLS, capture_output=True,
                           text=True)
        if p.returncode == 0:
            break
    else:
        sys.exit(f"cannot download {' and '.join(PACKAGES)}: {p.stderr.strip()}")
    for deb in glob.glob(os.path.join(TOOLS, "*.deb")):
        subprocess.run(["dpkg-deb", "-x", deb, TOOLS], check=True)
    with open(done, "w"):
        pass


def families(text, openmetrics):
    sys.path.insert(0, os.path.join(TOOLS, "usr/lib/python3/dist-packages"))
    if openmetrics:
        from prometheus_client.openmetrics.parser import text_string_to_metric_families
    else:
        from prometheus_client.parser import text_string_to_metric_families
    return list(text_string_to_metric_families(text))


def samples(fams):
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for f in fams for s in f.samples}


def judge(what, text, openmetrics):
    rc, said = run([PROMTOOL, "check", "metrics"], text)
    if rc or said:
        bad.append(f"promtool check metrics, {what}: {said}")
    try:
        om = families(openmetrics, True)
    except ValueError as e:
        bad.append(f"OpenMetrics parser, {what}: {e}")
        return {}
    plain = samples(families(text, False))
    if samples(om) != plain:
        bad.append(f"{what}: the two formats differ in {sorted(set(samples(om).items()) ^ set(plain.items()))[:4]}")
    for fam in om:
        if not fam.documentation or not fam.samples:
            bad.append(f"{what}: {fam.name} has no {'sample' if fam.documentation else 'HELP'}")
    for name, labels in plain:
        for label, value in labels:
            if label not in LABELS or (label != "le" and ADDRESS.search(value)):
                bad.append(f"{what}: {name} has {label}=\"{value}\"")
    return plain


def reasons(pop):
    text = open(os.path.join(ROOT, "src/table/verdict.def")).read()
    names = re.findall(r"^VERDICT\((\w+)", text, re.M)
    wanted = {n[5:].lower() for n in names if n.startswith("DROP_")}
    wanted |= {n.lower() for n in names if not n.startswith("DROP_") and n != "PASS"}
    got = [v for name, labels in pop for k, v in labels if k in ("reason", "outcome")
           and not name.startswith("sixxsd_fastpath")]
    if sorted(got) != sorted(wanted):
        bad.append(f"reasons without a series, or too many: {sorted(set(got) ^ wanted)}")


def expressions(node):
    """Every expression of a dashboard, and queries of its variables."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("expr", "query") and isinstance(value, str):
                yield value
            else:
                yield from expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from expressions(value)


def check_expressions(where, exprs, known):
    labels = {}
    for name, pairs in known:
        labels.setdefault(name, set()).update(k for k, _ in pairs)
    used = 0
    for e in exprs:
        for name in NAME.findall(e):
            used += 1
            if name not in labels:
                bad.append(f"{where} uses {name}, which does not exist")
        for name, inside in re.findall(r"\b(sixxsd_[a-z0-9_]+)\{([^}]*)\}", e):
            for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", inside):
                if label not in labels.get(name, set()) | ADDED:
                    bad.append(f"{where}: {name} has no label {label}")
    if not used:
        bad.append(f"{where} uses no metric of ours: has its layout changed?")


def without_variables(e):
    e = e.replace("$__rate_interval", "5m").replace("$__range", "1h")
    return re.sub(r"\$\{?\w+\}?", "x", e)


def check_dashboard(path, known):
    board = json.load(open(path))
    exprs = list(expressions(board))
    where = os.path.relpath(path, ROOT)
    check_expressions(where, exprs, known)
    ids = [p["id"] for p in board["panels"]]
    if len(ids) != len(set(ids)):
        bad.append(f"{where}: two panels have the same id")
    # promtool parses what is in a rule
    text = "groups:\n- name: dashboard\n  rules:\n" + "".join(
        f"  - record: panel:{i}\n    expr: {json.dumps(without_variables(e))}\n"
        for i, e in enumerate(exprs) if not e.startswith("label_values("))
    file = os.path.join(TOOLS, "panels.yml")
    with open(file, "w") as f:
        f.write(text)
    rc, said = run([PROMTOOL, "check", "rules", file])
    if rc:
        bad.append(f"{where}: {said}")


def check_rules(known):
    if not RULES or not RULE_TESTS or not DASHBOARDS:
        bad.append("no rules, no tests of them or no dashboards found")
    for path in RULES:
        rc, said = run([PROMTOOL, "check", "rules", path])
        if rc:
            bad.append(said)
        text = open(path).read()
        where = os.path.relpath(path, ROOT)
        check_expressions(where, [text], known)
        for alert in re.split(r"\n\s*- alert: ", text)[1:]:
            for key in ("for:", "severity:", "summary:", "description:"):
                if key not in alert:
                    bad.append(f"{where}: {alert.split()[0]} has no {key[:-1]}")
            if alert.split()[0] not in "".join(open(t).read() for t in RULE_TESTS):
                bad.append(f"{where}: {alert.split()[0]} has no unit test")
    for path in RULE_TESTS:
        rc, said = run([PROMTOOL, "test", "rules", path])
        if rc:
            bad.append(said)


def main():
    dump = os.path.join(os.path.abspath(sys.argv[1]), "tests/unit/dump_metrics")
    fetch()
    known = {}
    for what in ("pop", "tunnels"):
        text, openmetrics = (subprocess.run([dump, what, f], check=True, capture_output=True,
                                            text=True).stdout for f in ("text", "openmetrics"))
        known[what] = judge(what, text, openmetrics)
    if any("tunnel" in dict(labels) for _, labels in known["pop"]):
        bad.append("/metrics speaks of single tunnels")
    reasons(known["pop"])
    everything = {**known["pop"], **known["tunnels"]}
    for path in DASHBOARDS:
        check_dashboard(path, everything)
    check_rules(everything)
    print("\n".join(bad))
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
