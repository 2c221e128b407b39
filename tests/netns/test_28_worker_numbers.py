"""Any number of workers, and a kernel that cannot steer."""
import pytest

from lib import packets
from lib.config import config, dynamic, static
from lib.share import Share, there_and_back, workers
from test_27_workers import CONFIG, T1, clients


def test_heartbeats_enter_at_the_first_worker_and_reach_the_others(pop):
    p = pop(config(dynamic("9", "heartbeat"), dynamic("a", "heartbeat"), pop=["set workers 3"]))
    for tid in "9a":
        client = p.heartbeat(tid, "198.51.100.77")
        client.beat()
        p.daemon.until(lambda: p.show(f"T{int(tid, 16)}")["Tunnel State"] == "up", "up")
        client.ping(client.pop_inner)


@pytest.mark.parametrize("number", [1, 3, 16])
def test_any_number_of_workers(pop, number):
    p = pop(config(*(static(f"{t:x}", f"198.51.100.{100 + t}") for t in range(1, 20)),
                   pop=[f"set workers {number}"]))
    for t in range(1, 20):
        there_and_back(p, p.p41(f"{t:x}", f"198.51.100.{100 + t}"))
    for t in range(1, 19):
        a, b = (p.p41(f"{x:x}", f"198.51.100.{100 + x}") for x in (t, t + 1))
        a.send(packets.filler(a.inner, b.inner, 100))
        b.receive(lambda q: q.src == a.inner)
    assert len(workers(p)) == number


def test_without_bpf_everything_works_and_it_is_said_once(pop):
    """No right to load programs: raw packets enter at the first worker, and are handed over."""
    p = pop(CONFIG, wrap=["setpriv", "--bounding-set", "-sys_admin,-bpf", "--"])
    for client in clients(p):
        if hasattr(client, "beat"):
            client.beat()
        there_and_back(p, client)
    said = p.daemon.output()
    assert said.count("which worker a packet belongs to") == 1, said
    with Share(p) as share:
        p.p41("1", T1).ping(p.inner("1", "1"))
    assert share.handed == 1, "T1 is the second worker's, and came in at the first"
