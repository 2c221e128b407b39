"""Fixtures: one topology for the whole run, daemons as tests want them."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import daemon as daemon_module     # noqa: E402
from lib.pop import Pop                     # noqa: E402
from lib.topology import Topology, stop_on_signals  # noqa: E402


def pytest_configure(config):
    stop_on_signals()


def needs(reason, there):
    if not there:
        pytest.skip(f"skipped: {reason}")


@pytest.fixture(scope="session")
def topology():
    needs("root and network namespaces are needed", os.geteuid() == 0)
    needs("no /dev/net/tun", os.path.exists("/dev/net/tun"))
    t = Topology()
    yield t
    t.remove()


@pytest.fixture(scope="session")
def sixxsd():
    path = daemon_module.binary()
    if not path:
        pytest.fail("no sixxsd: build it, or set SIXXSD")
    return path


@pytest.fixture
def pop(topology, sixxsd):
    """pop(config, ...) starts a daemon; ended and checked after the test."""
    running = []

    def start(config, **how):
        p = Pop(topology, config, **how)
        running.append(p)
        return p.start()

    yield start
    _close(running)


@pytest.fixture(scope="module")
def module_pop(topology, sixxsd):
    """The same, but the daemon lives until the module's last test."""
    running = []

    def start(config, **how):
        p = Pop(topology, config, **how)
        running.append(p)
        return p.start()

    yield start
    _close(running)


def _close(running):
    problem = None
    for p in running:
        try:
            p.close()
        except BaseException as e:      # every one is closed, then the first problem told
            problem = problem or e
    if problem:
        raise problem
