"""The table, the goals, the files."""
import json
import os
import platform

NOT = "not measured"


def goal(number, what, wanted, value, met, text=None):
    return {"number": number, "what": what, "goal": wanted, "measured": text or
            (NOT if value is None else f"{value:.2f}"), "met": met}


def find(rows, case, **more):
    return [r for r in rows if r["case"].startswith(case)
            and all(r.get(k) == v for k, v in more.items())]


def least(rows, key):
    return min((r[key] for r in rows), default=None)


def at_least(value, wanted):
    return None if value is None else value >= wanted


def goals(result):
    packets, tcp = result["packets"], result["tcp"]
    fast = find(packets, "protocol 41", mode="XDP", tunnels=1024, workers=1)
    table = [r for r in find(packets, "protocol 41", mode="XDP") if r["tunnels"] > 30000]
    one, flows, many = (find(packets, "AYIYA", mode="AF_XDP", tunnels=t, flows=f, workers=1)
                        for t, f in ((1, 1), (1, 16), (1024, 1)))
    user41 = [r for r in tcp if r["case"].startswith("TCP, protocol 41") and r["mode"] == "user"]
    hashed, bare = find(tcp, "TCP, AYIYA in", mode="user") + find(tcp, "TCP, AYIYA out", mode="user"), \
        find(tcp, "TCP, AYIYA, no hashing")
    # two daemons, measured one after the other: each beside no tunnel
    hashing = min((a["ratio"] / b["ratio"] for a, b in zip(hashed, bare)), default=None)
    trips = [r["ratio_p99"] for r in result["roundtrips"]]
    out = []
    for number, what, wanted, rows, key in (
            (1, "XDP protocol 41, 1,024 tunnels / plain forwarding", 4.0, fast, "ratio_plain"),
            (2, "the same / bare XDP redirect", 0.9, fast, "ratio_redirect"),
            (2, "32,766 random tunnels / bare XDP redirect", 0.75, table, "ratio_redirect"),
            (3, "protocol 41 in user space, TCP / no tunnel", 0.5, user41, "ratio"),
            (4, "AYIYA, one tunnel, one flow / plain forwarding", 1.0, one, "ratio_plain"),
            (4, "AYIYA, one tunnel, 16 flows / plain forwarding", 1.0, flows, "ratio_plain"),
            (4, "AYIYA, 1,024 tunnels / plain forwarding", 0.6, many, "ratio_plain")):
        value = least(rows, key)
        out.append(goal(number, what, f">= {wanted}", value, at_least(value, wanted)))
    out.append(goal(5, "AYIYA TCP / the same without hashing", ">= 0.85", hashing,
                    at_least(hashing, 0.85)))
    two = find(packets, "AYIYA", mode="AF_XDP", tunnels=1024, flows=1, workers=2)
    more = least(two, "mpps") / least(many, "mpps") if two and many else None
    few = os.cpu_count() < 6        # generator and sink want cores of their own
    out.append(goal(7, "two workers / one, AYIYA", ">= 1.7", more,
                    None if few else at_least(more, 1.7),
                    f"{NOT}: {os.cpu_count()} cores" if few else None))
    load = result["load"]
    if load:
        s = load["start"]
        lost = sum(p["lost"] for p in load["push"])
        out.append(goal(8, f"{s['tunnels']} tunnels from exec to forwarding", "aim 0.5 s",
                        None, s["forwarding_s"] <= 0.5,
                        f"{s['forwarding_s']:.2f} s, {s['ratio_wc']:.0f} x wc -l"))
        out.append(goal(8, "packets lost by full pushes under traffic", "0", None, lost == 0,
                        f"{lost} of {sum(p['packets'] for p in load['push'])}"))
    value = max(trips, default=None)
    out.append(goal(9, "p99 round trip, user space / plain forwarding", "<= 2", value,
                    None if value is None else value <= 2))
    if load:
        out.append(goal(10, "CPU with 8,192 tunnels, none up", "<= 0.1 %", None,
                        load["idle"]["cpu"] <= 0.001, f"{100 * load['idle']['cpu']:.3f} %"))
    scrape = result.get("scrape")
    if scrape:
        out.append(goal(11, f"scrape of {scrape['tunnels']} tunnels, each by itself", "aim 200 ms", None,
                        scrape["median_s"] < 0.2, f"{1000 * scrape['median_s']:.0f} ms"))
    page = result.get("page")
    if page:
        out.append(goal(12, f"first row of the page's list of {page['tunnels']}", "aim 1 s", None,
                        page["median_ms"] < 1000, f"{page['median_ms']:.0f} ms"))
    out.append(goal(10, "allocations after start", "0", None, None, "held by ./check (malloc trap)"))
    return out


def spread(low, high):
    return f"{low:.2f}-{high:.2f}"


PACKETS = (("case", 30, "{case}"), ("mode", 8, "{mode}"), ("octets", 7, "{octets}"),
           ("tunnels", 8, "{tunnels}"), ("workers", 8, "{workers}"), ("Mpps", 8, "{mpps:.3f}"),
           ("Gbit/s", 8, "{gbit_s:.2f}"), ("/plain", 8, "{ratio_plain:.2f}"),
           ("spread", 12, "{spread}"), ("/redirect", 10, "{ratio_redirect:.3f}"))
TCP = (("case", 30, "{case}"), ("mode", 8, "{mode}"), ("Gbit/s", 8, "{gbit_s:.2f}"),
       ("no tunnel", 11, "{none_gbit_s:.2f}"), ("ratio", 8, "{ratio:.2f}"), ("spread", 12, "{spread}"))
UDP = (("case", 30, "{case}"), ("mode", 8, "{mode}"), ("Gbit/s", 8, "{gbit_s:.2f}"),
       ("no USO", 11, "{none_gbit_s:.2f}"), ("ratio", 8, "{ratio:.2f}"), ("spread", 12, "{spread}"))
TRIPS = (("case", 30, "{case}"), ("mode", 8, "{mode}"), ("p50 us", 8, "{p50_us:.0f}"),
         ("p99 us", 8, "{p99_us:.0f}"), ("plain p50", 10, "{plain_p50_us:.0f}"),
         ("plain p99", 10, "{plain_p99_us:.0f}"), ("p99/plain", 10, "{ratio_p99:.2f}"),
         ("spread", 12, "{spread}"))
SCRAPE = (("case", 34, "scrape of {tunnels} tunnels"), ("ms", 8, "{median_ms:.0f}"), ("largest ms", 12, "{max_ms:.0f}"),
          ("MiB", 8, "{mib:.1f}"), ("one piece ms", 14, "{piece_ms:.2f}"), ("/metrics ms", 13, "{pop_ms:.2f}"))
PAGE = (("case", 44, "first row of a list of {tunnels} tunnels"), ("ms", 8, "{median_ms:.0f}"),
        ("largest ms", 12, "{max_ms:.0f}"))
GOALS = (("#", 4, "{number}"), ("goal", 52, "{what}"), ("wanted", 10, "{goal}"),
         ("  measured", 34, "  {measured}"), ("", 8, "{said}"))


def cells(columns, row):
    if "median_s" in row:
        row = {**row, "median_ms": 1000 * row["median_s"], "max_ms": 1000 * row["max_s"],
               "mib": row["octets"] / 2**20, "piece_ms": 1000 * row["piece_max_s"], "pop_ms": 1000 * row["pop_s"]}
    low = next((row[k] for k in ("ratio_plain_min", "ratio_min", "ratio_p99_min") if k in row), 0)
    high = next((row[k] for k in ("ratio_plain_max", "ratio_max", "ratio_p99_max") if k in row), 0)
    said = {True: "met", False: "not met", None: ""}[row.get("met")]
    return [text.format(**row, spread=spread(low, high), said=said) for _, _, text in columns]


def line(columns, values):
    out = ""
    for (name, width, _), value in zip(columns, values):
        left = name in ("case", "mode", "goal", "#", "  measured", "")
        out += value.ljust(width) if left else value.rjust(width)
    return out.rstrip()


def table(columns, rows):
    return [line(columns, [n for n, _, _ in columns])] + [line(columns, cells(columns, r)) for r in rows]


def markdown(columns, rows):
    names = [n.strip() or "result" for n, _, _ in columns]
    return ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)] + \
        ["| " + " | ".join(c.strip() for c in cells(columns, r)) + " |" for r in rows] + [""]


def load_lines(load):
    s, i = load["start"], load["idle"]
    yield (f"{s['tunnels']} tunnels and {s['subnets']} subnets: {s['forwarding_s']:.2f} s from exec to "
           f"the first forwarded packet, {s['answer_s']:.2f} s to the first answer "
           f"(wc -l of that file: {1000 * s['wc_s']:.1f} ms), {s['rss_kib'] / 1024:.0f} MiB resident")
    for p in load["push"]:
        yield (f"{p['pushes']} full pushes while {p['mpps']:.2f} Mpps are forwarded ({p['mode']}): "
               f"{p['lost']} of {p['packets']} packets lost")
    yield (f"{i['tunnels']} tunnels, none up: {100 * i['cpu']:.3f} % CPU over {i['seconds']} s")


def sections(result):
    return [(c, rows) for c, rows in ((PACKETS, result["packets"]), (TCP, result["tcp"]),
                                      (UDP, result["udp"]),
                                      (TRIPS, result["roundtrips"]),
                                      (SCRAPE, [result["scrape"]] if result.get("scrape") else []),
                                      (PAGE, [result["page"]] if result.get("page") else []), (GOALS, result["goals"])) if rows]


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = next((x.split(":", 1)[1].strip() for x in f if x.startswith("model name")), "unknown")
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release().split("-")[0]}


def write_markdown(result, path):
    m = result["machine"]
    text = [f"{m['cores']} cores ({m['cpu']}), Linux {m['kernel']}, {result['date']}, "
            f"{result['rounds']} pairs a case.", ""]
    for columns, rows in sections(result):
        text += markdown(columns, rows)
    if result["load"]:
        text += [f"* {x}" for x in load_lines(result["load"])]
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(text).rstrip() + "\n")


def write_json(result, path):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(result, f, indent=1)
