"""Hosts that lack something the daemon can do without."""
from lib.config import config, static
from lib.daemon import Daemon
from lib.topology import Topology

TWO = config(static("1", "198.51.100.7"), static("2", "198.51.100.8"))


def started(topology):
    d = Daemon(topology, TWO)
    try:
        d.start()
        return d
    except BaseException:
        d.close()
        raise


def test_ipv6_switched_off_for_new_devices():
    """The TUN device is one, and ours: it gets IPv6 and its routes all the same."""
    t = Topology()
    try:
        t.pop.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
        d = started(t)
        try:
            assert t.pop.sysctl("net.ipv6.conf.sixxs.disable_ipv6") == "0"
            assert "2001:db8:2ff::/48" in t.pop.ip("-6", "route", "show", "dev", "sixxs")
            assert "inet6" not in t.pop.ip("addr", "show", "dev", "sixxs"), "no link-local address"
        finally:
            d.close()
    finally:
        t.remove()


def test_no_address_of_a_family_is_told_and_no_reason_not_to_start():
    t = Topology()
    try:
        t.pop.ip("-4", "addr", "flush", "dev", "wan")
        d = started(t)
        try:
            d.wait_output("no IPv4 address")
            assert "no IPv6 address" not in d.output()
        finally:
            d.close()
    finally:
        t.remove()


def test_an_address_that_comes_later_is_the_pops_own():
    """Not an endpoint any more (security.md L4), without anybody having told the daemon."""
    t = Topology()
    try:
        d = started(t)
        try:
            refused = "tunnel set config 3 T3 192.0.2.77 up 1480"
            t.pop.ip("addr", "add", "192.0.2.77/24", "dev", "wan")
            d.until(lambda: d.ask(refused).code == 400, "its own address is refused")
        finally:
            d.close()
    finally:
        t.remove()
