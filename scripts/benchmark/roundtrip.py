"""Round trips at light load: what the way through the PoP's user space adds."""
import re
import statistics
import subprocess

from .frames import CLIENT6, NET6
from .judge import Wrong
from .tcp import INNER, Joined

INTERVAL_S = 0.002


def pings(stage, source, count):
    p = subprocess.run(["ip", "netns", "exec", stage.ns("client"), "ping", "-6", "-n", "-D",
                        "-i", str(INTERVAL_S), "-c", str(count), "-W", "2", "-I", source, NET6],
                       capture_output=True, text=True, timeout=120)
    times = [float(x) * 1000 for x in re.findall(r"time=([0-9.]+) ms", p.stdout)]
    if len(times) < count:
        raise Wrong(f"ping: {len(times)} of {count} answered: {p.stdout[-200:]}{p.stderr[-200:]}")
    return times


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p / 100))]


CASES = (("protocol 41", "user"), ("AYIYA", "user"), ("AYIYA", "AF_XDP"))


def measure(stage, rounds, count):
    out = []
    for name, mode in CASES:
        plain, through, ratios = [], [], []
        tunnel = Joined(stage, name, mode, None)
        try:
            tunnel.through(True)
            pings(stage, INNER, 20)     # neighbours and caches
            for _ in range(rounds):
                tunnel.through(False)
                a = pings(stage, CLIENT6, count)
                tunnel.through(True)
                b = pings(stage, INNER, count)
                ratios.append(percentile(b, 99) / percentile(a, 99))
                plain += a
                through += b
        finally:
            tunnel.leave()
        out.append({
            "case": f"round trip, {name}", "mode": mode,
            "p50_us": percentile(through, 50), "p99_us": percentile(through, 99),
            "plain_p50_us": percentile(plain, 50), "plain_p99_us": percentile(plain, 99),
            "ratio_p99": statistics.median(ratios), "ratio_p99_min": min(ratios),
            "ratio_p99_max": max(ratios), "samples": len(through),
        })
    return out
