"""The page's list of every tunnel there can be: how long until its first row is drawn."""
import json
import os
import shutil
import statistics
import subprocess

from . import load
from .judge import Wrong

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WEB = os.path.join(ROOT, "tests/web")
CHROMIUM = "/usr/bin/chromium"


def missing():
    """What is not there of what a browser needs; None: nothing."""
    for name in ("node", "npm"):
        if not shutil.which(name):
            return name
    return None if os.path.exists(CHROMIUM) else "chromium"


def measure(stage, rounds):
    """None where there is no browser."""
    lacks = missing()
    if lacks:
        print(f"the page's list: not measured, there is no {lacks}\n", flush=True)
        return None
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=WEB, check=True, capture_output=True)
    stage.start(load.full())
    try:
        p = subprocess.run(["ip", "netns", "exec", stage.ns("pop"), "node", os.path.join(WEB, "first-row.js"),
                            "http://127.0.0.1:42080/", str(rounds)], capture_output=True, text=True)
    finally:
        stage.stop()
    if p.returncode:
        raise Wrong("the page's list: " + p.stderr.strip()[-500:])
    said = json.loads(p.stdout)
    return {"tunnels": said["tunnels"], "rounds": rounds, "median_ms": statistics.median(said["ms"]),
            "max_ms": max(said["ms"])}
