"""The benchmark's own eyes: a sampled frame that is wrong fails the run."""
import os
import struct
import sys
import xml.etree.ElementTree as ET

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts"))

from benchmark import chart, frames, judge, report  # noqa: E402

CLIENT, INTERNET = frames.inside(1), frames.NET6


def out_of_tunnel():
    return frames.ethernet("n0", "p1", frames.IPV6, frames.inner(CLIENT, INTERNET, 100, hops=63))


def into_tunnel(kind):
    packet = frames.inner(INTERNET, CLIENT, 100, hops=63)
    if kind == "gre":
        packet = bytes.fromhex("000086dd") + packet
    proto = {"p41": 41, "gre": 47, "ayiya": 17}[kind]
    if kind == "ayiya":
        packet = frames.signed(packet, 1)
        head = struct.pack("!HHHH", 5072, frames.PORT, 8 + len(packet), 0)
        pseudo = frames.packed(frames.POP4) + frames.packed(frames.CLIENT4) + \
            struct.pack("!HH", 17, 8 + len(packet))
        packet = head[:6] + struct.pack("!H", frames.checksum(pseudo + head + packet)) + packet
    outer = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(packet), 0, 0x4000, 64, proto, 0)
    outer += frames.packed(frames.POP4) + frames.packed(frames.CLIENT4)
    outer = outer[:10] + struct.pack("!H", frames.checksum(outer)) + outer[12:]
    return frames.ethernet("c0", "p0", frames.IPV4, outer + packet)


def damaged(frame):
    """Every octet, one bit at a time of each."""
    for at in range(len(frame)):
        yield at, frame[:at] + bytes([frame[at] ^ 1]) + frame[at + 1:]


# what nothing protects, and nobody changes: class and flow label
UNSEEN_INSIDE = {14, 15, 16, 17}


def test_what_is_right_passes():
    judge.decapsulated(out_of_tunnel(), {100})
    for kind in ("p41", "gre", "ayiya"):
        judge.encapsulated(into_tunnel(kind), {100}, [kind])


def test_any_wrong_octet_out_of_a_tunnel_is_seen():
    for at, frame in damaged(out_of_tunnel()):
        if at not in UNSEEN_INSIDE:
            with pytest.raises(judge.Wrong):
                judge.decapsulated(frame, {100})


@pytest.mark.parametrize("kind, headers", [("p41", 20), ("gre", 24), ("ayiya", 72)])
def test_any_wrong_octet_into_a_tunnel_is_seen(kind, headers):
    unseen = {headers + at for at in UNSEEN_INSIDE}
    for at, frame in damaged(into_tunnel(kind)):
        if kind == "ayiya" or at not in unseen:     # a signature sees everything
            with pytest.raises(judge.Wrong):
                judge.encapsulated(frame, {100}, [kind])


def test_another_kind_and_another_length_are_seen():
    with pytest.raises(judge.Wrong):
        judge.encapsulated(into_tunnel("p41"), {100}, ["gre"])
    with pytest.raises(judge.Wrong):
        judge.decapsulated(out_of_tunnel(), {1280})


def test_every_tunnel_and_flow_has_the_same_sum():
    words = lambda a: sum(struct.unpack("!8H", frames.packed(a))) % 0xFFFF
    sums = {words(frames.inside(tid, flow)) for tid in (1, 2, 0x2AE, 0x3000, 0x7FFE)
            for flow in (0, 1, 15)}
    assert len(sums) == 1


def row(case, mode, **more):
    return {"case": case, "mode": mode, "octets": 86, "tunnels": 1024, "workers": 1, "flows": 1,
            "mpps": 1.0, "gbit_s": 1.0, "ratio_plain": 4.1, "ratio_plain_min": 4.0,
            "ratio_plain_max": 4.2, "ratio_redirect": 0.8, **more}


def test_goals_go_by_the_worst_case_and_say_what_was_not_measured():
    result = {"packets": [row("protocol 41 in", "XDP"), row("protocol 41 out", "XDP", ratio_plain=3.9)],
              "tcp": [], "roundtrips": [], "load": None}
    goals = {(g["number"], g["what"]): g for g in report.goals(result)}
    first = next(g for (n, _), g in goals.items() if n == 1)
    assert first["measured"] == "3.90" and first["met"] is False
    assert next(g for (n, _), g in goals.items() if n == 3)["measured"] == report.NOT


def test_a_scrape_is_a_row_and_a_goal():
    took = {"tunnels": 32767, "rounds": 3, "octets": 30 * 2**20, "median_s": 0.0546, "max_s": 0.07,
            "piece_max_s": 0.0018, "pop_s": 0.0008}
    assert "scrape of 32767 tunnels" in report.table(report.SCRAPE, [took])[1]
    assert report.table(report.SCRAPE, [took])[1].split()[-5:] == ["55", "70", "30.0", "1.80", "0.80"]
    goal = next(g for g in report.goals({"packets": [], "tcp": [], "roundtrips": [], "load": None, "scrape": took})
                if g["number"] == 11)
    assert goal["met"] is True and goal["measured"] == "55 ms"


def test_the_chart_is_a_picture(tmp_path):
    path = tmp_path / "chart.svg"
    chart.write({"packets": [row("protocol 41 in", "XDP"), row("AYIYA <out>", "user")], "tcp": []}, path)
    assert len(ET.parse(path).getroot().findall(".//{*}rect")) >= 1
