"""
The fast path's life: it comes and goes with the daemon and with interfaces, leaves other
programs alone, and does without where the kernel gives no rights. Plan as in test_70.
"""
import signal
import subprocess

import pytest

from lib import packets
from lib.fast import attached, client, plan, polling, wait_in_force
from lib.topology import HOST6


@pytest.fixture(scope="module", autouse=True)
def ends_poll(topology):
    with polling(topology):
        yield


def test_it_goes_with_the_daemon_also_when_that_is_killed(topology, pop):
    p = pop(plan(pop=["set fastpath wan/native core/native"]))
    if not p.daemon.json("pop show fastpath")["available"]:
        pytest.skip("skipped: no fast path here")
    wait_in_force(p)
    assert attached(topology, "wan") and attached(topology, "core")
    c = client(p, "1")
    p.daemon.stop(signal.SIGKILL, -signal.SIGKILL)
    p.daemon.process = None
    assert not attached(topology, "wan") and not attached(topology, "core")
    p.core.clear()
    c.send(packets.filler(c.inner, HOST6, 100))
    p.start()           # and twice in a row
    wait_in_force(p)


def test_an_interface_that_comes_late_and_one_that_goes(topology, pop):
    p = pop(plan(pop=["set fastpath wan/native late0/native"]))
    shown = p.daemon.json("pop show fastpath")
    if not shown["available"]:
        pytest.skip("skipped: no fast path here")
    assert {i["name"]: i["mode"] for i in shown["interfaces"]} == {"wan": "native", "late0": "none"}
    ip = topology.pop.ip

    def mode():
        return {i["name"]: i["mode"] for i in p.daemon.json("pop show fastpath")["interfaces"]}
    try:
        for _ in range(2):
            ip("link", "add", "late0", "type", "veth", "peer", "name", "late1")
            p.daemon.until(lambda: mode()["late0"] == "native", "late0 is attached")
            ip("link", "del", "late0")
            p.daemon.until(lambda: mode()["late0"] == "none", "late0 is gone")
    finally:
        ip("link", "del", "late0", check=False)
    p.daemon.wait_output("fast path: late0 is off .the interface is gone")


def test_without_the_right_to_load_programs_user_space_does_it_all(topology, pop):
    p = pop(plan(pop=["set fastpath wan core"]),
            wrap=["setpriv", "--bounding-set", "-bpf,-sys_admin,-perfmon",
                  "--inh-caps", "-bpf,-sys_admin,-perfmon"])
    shown = p.daemon.json("pop show fastpath")
    assert not shown["available"] and "BPF" in shown["why"]
    assert p.daemon.output().count("no fast path, user space forwards everything") == 1
    c = client(p, "1")
    c.send(packets.filler(c.inner, HOST6, 100))
    p.at_host(lambda q: q.src == c.inner)
    assert p.daemon.ask("pop set fastpath core").code == 500


def test_another_program_on_the_interface_is_left_alone(topology, pop, tmp_path):
    source = tmp_path / "pass.c"
    source.write_text('__attribute__((section("xdp"))) int pass(void *x) { return 2; }\n'
                      'char _license[] __attribute__((section("license"))) = "GPL";\n')
    obj = tmp_path / "pass.o"
    subprocess.run(["clang", "-O2", "-target", "bpf", "-c", source, "-o", obj], check=True)
    topology.pop.ip("link", "set", "dev", "wan", "xdpdrv", "obj", str(obj), "sec", "xdp")
    try:
        p = pop(plan())
        answer = p.daemon.ask("pop set fastpath wan/native")
        if not p.daemon.json("pop show fastpath")["available"]:
            pytest.skip("skipped: no fast path here")
        assert answer.code == 500 and "another XDP program" in answer.text
        assert attached(topology, "wan")
    finally:
        topology.pop.ip("link", "set", "dev", "wan", "xdpdrv", "off")
