#!/usr/bin/python3
"""
How fast, as ratios within one run: what ./bench calls.

Everything is measured in pairs, yardstick and case in turn, so that a machine whose speed
drifts does not decide. Sampled frames are looked at: a wrong MAC address, checksum, hop limit or
signature fails the run. doc/performance.md says how to read what comes out.
"""
import argparse
import datetime
import os
import sys

from benchmark import chart, load, packets, page, report, roundtrip, scrape, tcp, udp
from benchmark.judge import Wrong
from benchmark.stage import BUILD, SIXXSD, Stage

# pairs, seconds and warming up of a stream; rounds and seconds of TCP; rounds and number of pings
FULL = {"pairs": 5, "seconds": 0.25, "warm": 0.1, "tcp": (5, 1), "udp": (5, 1), "trips": (5, 500),
        "scrapes": 20, "pages": 5}
QUICK = {"pairs": 2, "seconds": 0.25, "warm": 0.1, "tcp": (1, 1), "udp": (1, 0.5), "trips": (2, 200),
         "scrapes": 10, "pages": 3}
SMOKE = {"pairs": 1, "seconds": 0.05, "warm": 0.05, "tcp": (1, 1), "udp": (1, 0.2), "trips": (1, 20),
         "scrapes": 3, "pages": 1}


def run(a, plan, quick):
    stage = Stage(a.binary)
    result = {"date": datetime.date.today().isoformat(), "machine": report.machine(),
              "rounds": plan["pairs"], "packets": [], "tcp": [], "udp": [], "roundtrips": [], "load": None,
              "scrape": None, "page": None}
    try:
        stage.build()
        result["packets"] = packets.measure(stage, quick, plan["pairs"], plan["seconds"],
                                            plan["warm"], a.only)
        show(report.PACKETS, result["packets"])
        result["tcp"] = tcp.measure(stage, *plan["tcp"], a.only)
        show(report.TCP, result["tcp"])
        result["udp"] = udp.measure(stage, *plan["udp"], a.only)
        show(report.UDP, result["udp"])
        if not a.only:
            result["roundtrips"] = roundtrip.measure(stage, *plan["trips"])
            show(report.TRIPS, result["roundtrips"])
            result["load"] = load.measure(stage, quick, *rates(result["packets"]))
            print("\n".join(report.load_lines(result["load"])), "\n", flush=True)
            result["scrape"] = scrape.measure(plan["scrapes"])
            show(report.SCRAPE, [result["scrape"]])
            result["page"] = page.measure(stage, plan["pages"])
            if result["page"]:
                show(report.PAGE, [result["page"]])
    finally:
        stage.close()
    result["goals"] = report.goals(result)
    if not a.only:
        show(report.GOALS, result["goals"])
    return result


def rates(rows):
    """Packets a second that XDP and user space can, of protocol 41 out of 1,024 tunnels."""
    def of(mode):
        return next(r["mpps"] for r in rows if r["case"] == "protocol 41 in" and r["mode"] == mode
                    and r["tunnels"] == 1024 and r["octets"] < 200) * 1e6
    return of("XDP"), of("user")


def show(columns, rows):
    if rows:
        print("\n".join(report.table(columns, rows)), "\n", flush=True)


def main():
    ap = argparse.ArgumentParser(description="How fast, as ratios within one run.")
    how = ap.add_mutually_exclusive_group()
    how.add_argument("--quick", action="store_true", help="fewer cases and pairs, under 2 minutes")
    how.add_argument("--smoke", action="store_true",
                     help="everything once and briefly: does it run, is the content right?")
    ap.add_argument("--only", default="", help="cases whose name holds this")
    ap.add_argument("--binary", default=SIXXSD, help="another build of the daemon")
    ap.add_argument("--markdown", help="also write the tables to this file")
    a = ap.parse_args()
    try:
        result = run(a, SMOKE if a.smoke else QUICK if a.quick else FULL, a.quick or a.smoke)
    except Wrong as e:
        print(f"bench: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted; what it made is gone again", file=sys.stderr)
        return 130
    report.write_json(result, os.path.join(BUILD, "results.json"))
    chart.write(result, os.path.join(BUILD, "results.svg"))
    if a.markdown:
        report.write_markdown(result, a.markdown)
    return 0


if __name__ == "__main__":
    sys.exit(main())
