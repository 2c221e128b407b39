"""How long all that can be said of 32,767 tunnels takes to write: tests/bench/metrics_bench.c."""
import json
import os
import subprocess

from .judge import Wrong
from .stage import TOOLS


def measure(rounds):
    p = subprocess.run([os.path.join(TOOLS, "metrics_bench"), str(rounds)], capture_output=True, text=True)
    if p.returncode:
        raise Wrong("metrics_bench: " + p.stderr.strip())
    return json.loads(p.stdout)
