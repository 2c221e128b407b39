"""
The package's life on a Debian where systemd is process 1: installed, used, killed, upgraded,
removed, purged. One guest, in order.
"""
import json
import os

import pytest

CONF = "/etc/sixxsd/sixxsd.conf"
TUNNELS = """\
# ours
pop
	set
		details 1 guest 192.0.2.42 2001:db8:42::42
		id 1
	end
	tunnelprefix add 2001:db8:2ff::/48
end
tunnel
	set
		config 1 T1001 198.51.100.1 up 1480
		config 2 T1002 ayiya up 1428 a-password
	end
end
"""

pytestmark = pytest.mark.timeout(900)


def pid(guest):
    return int(guest("systemctl show -P MainPID sixxsd"))


def write(guest, path, text):
    guest(f"cat >{path} <<'EOF'\n{text}EOF")


def test_00_the_guest_is_up(guest):
    assert guest("cat /proc/1/comm") == "systemd"


def test_01_installed_it_runs(guest, deb):
    guest(f"dpkg -i /host/deb/{os.path.basename(deb)}")
    assert guest("systemctl is-active sixxsd") == "active"
    assert guest("systemctl is-enabled sixxsd") == "enabled"


def test_02_with_a_configuration_that_forwards_nothing(guest):
    assert guest(f"stat -c '%a %U %G' /etc/sixxsd {CONF}").splitlines() == \
        ["750 sixxsd sixxsd", "600 sixxsd sixxsd"]
    assert guest(f"grep -v '^ *#' {CONF} | grep . || echo comments") == "comments"
    assert guest("dpkg-query -W -f='${Conffiles}' sixxsd") == ""


def test_03_it_answers(guest):
    said = guest("sixxsctl pop show info")
    assert "5.0.0" in guest("sixxsctl pop show version") and said


def test_04_started_means_ready(guest):
    """Type=notify: the manager waited for the daemon's own word."""
    assert guest("systemctl show -P Type sixxsd") == "notify"
    for _ in range(3):
        guest("systemctl restart sixxsd && sixxsctl pop show uptime && test -d /sys/class/net/sixxs")


def test_05_it_has_one_capability_and_a_filter(guest):
    of = dict(line.split(":\t", 1) for line in guest(f"cat /proc/{pid(guest)}/status").splitlines())
    net_admin = f"{1 << 12:016x}"
    assert (of["CapPrm"], of["CapEff"], of["CapAmb"], of["CapInh"]) == \
        (net_admin, net_admin, f"{0:016x}", f"{0:016x}")
    assert of["NoNewPrivs"] == "1"
    user = guest("id -u sixxsd")
    assert of["Uid"].split() == [user] * 4
    # 2: a filter; a kernel without them has no such line
    assert of.get("Seccomp", "2") == "2"


def test_06_reload_applies_an_edited_file(guest):
    before = pid(guest)
    write(guest, CONF, TUNNELS)
    guest("systemctl reload sixxsd")
    guest.within("sixxsctl tunnel list | grep T1002")
    guest.within("systemctl is-active sixxsd")
    assert pid(guest) == before
    assert "2001:db8:2ff::" in guest("cat /proc/net/ipv6_route | sed 's/^20010db802ff0*/2001:db8:2ff::/'")


def test_07_reload_of_a_wrong_file_fails_and_changes_nothing(guest):
    before = pid(guest)
    write(guest, CONF, TUNNELS + "nonsense\n")
    assert guest.status("systemctl reload sixxsd")[0] != 0
    assert f"{CONF}:15:" in guest("journalctl -b -u sixxsd -o cat --no-pager | tail -n 20")
    assert "T1002" in guest("sixxsctl tunnel list")
    assert guest("systemctl is-active sixxsd") == "active" and pid(guest) == before
    write(guest, CONF, TUNNELS)
    guest("systemctl reload sixxsd")


def test_08_saveconfig_can_write(guest):
    guest("sixxsctl tunnel set config 3 T1003 198.51.100.3 up 1480")
    guest("sixxsctl pop saveconfig")
    assert "T1003" in guest(f"cat {CONF}")
    assert guest(f"stat -c '%a %U %G' {CONF}") == "600 sixxsd sixxsd"
    guest(f"sixxsd --check {CONF}")


def test_09_the_group_may_use_the_socket_and_others_not(guest):
    assert guest("stat -c '%a %G' /run/sixxsd/control") == "660 sixxsd"


def test_10_ipv6_is_on_for_the_device_where_it_is_off_for_new_ones(guest):
    """All of /proc/sys is read-only for the daemon but for this."""
    guest("echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6 && systemctl restart sixxsd")
    assert guest("cat /proc/sys/net/ipv6/conf/sixxs/disable_ipv6") == "0"
    guest("echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6")


def test_10_the_page_can_be_on_a_port_of_roots(guest):
    write(guest, CONF, TUNNELS + "pop set http 127.0.0.1 80\n")
    guest("systemctl restart sixxsd && grep -q ' 0100007F:0050 00000000:0000 0A ' /proc/net/tcp")
    write(guest, CONF, TUNNELS)
    guest("systemctl restart sixxsd && ! grep -q ' 0100007F:0050 ' /proc/net/tcp")
    guest("sixxsctl tunnel set config 3 T1003 198.51.100.3 up 1480 && sixxsctl pop saveconfig")


def test_11_killed_it_is_started_again(guest):
    before = pid(guest)
    guest(f"kill -KILL {before}")
    guest.within("sixxsctl pop show uptime")
    guest.within(f"test $(systemctl show -P MainPID sixxsd) -ne {before}")
    guest.within("systemctl is-active sixxsd")
    assert "T1003" in guest("sixxsctl tunnel list")


def test_12_the_journal_has_no_complaint(guest):
    said = guest("journalctl -b -u sixxsd -o cat --no-pager")
    for word in ("cannot", "will fail", "not permitted", "Permission denied", "Read-only"):
        lines = [line for line in said.splitlines() if word in line and "BPF" not in line]
        assert not lines, lines


def test_12_the_page_has_its_filter_where_the_kernel_has_them(guest):
    web = guest("grep -lx sixxsd-web /proc/[0-9]*/comm | cut -d/ -f3")
    there = "Seccomp:" in guest(f"cat /proc/{web}/status")
    said = guest("journalctl -b -u sixxsd -o cat --no-pager")
    assert ("without a system-call filter" in said) == (not there)


def test_12_and_it_has_events_with_their_facts(guest):
    """The journal itself, with all the unit's walls between it and the daemon."""
    started = json.loads(guest("journalctl -b SIXXSD_EVENT=started -o json --no-pager | tail -n 1"))
    assert started["SIXXSD_VALUE"] == "3" and " started: " in started["MESSAGE"]
    assert (started["_SYSTEMD_UNIT"], started["_TRANSPORT"]) == ("sixxsd.service", "journal")
    assert (started["PRIORITY"], started["SYSLOG_IDENTIFIER"]) == ("5", "sixxsd")
    assert CONF in guest(f"journalctl -b SIXXSD_EVENT=reloaded SIXXSD_FILE={CONF} -o cat --no-pager")


def test_13_an_upgrade_keeps_configuration_and_state(guest, newer):
    before, file = pid(guest), guest(f"sha256sum {CONF}")
    guest(f"dpkg -i /host/{os.path.basename(newer)}")
    assert guest("dpkg-query -W -f='${Version}' sixxsd").endswith("+test1")
    assert guest(f"sha256sum {CONF}") == file
    assert guest("systemctl is-active sixxsd") == "active"
    assert pid(guest) != before
    assert "T1003" in guest("sixxsctl tunnel list")


def test_14_an_upgrade_leaves_stopped_what_was_disabled(guest, deb, newer):
    guest("systemctl disable --now sixxsd")
    guest(f"dpkg -i /host/{os.path.basename(newer)}")
    assert guest.status("systemctl is-enabled sixxsd")[1] == "disabled"
    guest("systemctl enable --now sixxsd")
    guest("sixxsctl pop show uptime")


def test_15_removed_it_stops_and_leaves_the_configuration(guest):
    guest("dpkg -r sixxsd")
    assert guest.status("systemctl is-active sixxsd")[0] != 0
    assert guest.status("test -e /sys/class/net/sixxs || test -e /run/sixxsd")[0] == 1
    assert "T1003" in guest(f"cat {CONF}")


def test_16_installed_again_it_goes_on_with_it(guest, deb):
    guest(f"dpkg -i /host/deb/{os.path.basename(deb)}")
    assert "T1003" in guest("sixxsctl tunnel list")


def test_17_purged_nothing_is_left(guest):
    guest("dpkg -P sixxsd")
    assert guest.status("pidof sixxsd")[0] == 1
    left = guest("find / -xdev -iname '*sixxsd*' -not -path '/proc/*' -not -path '/sys/*'; "
                 "find /run /tmp /var/tmp -iname '*sixxsd*'")
    assert left == ""
    assert guest.status("dpkg-query -W sixxsd")[0] != 0
    # the user stays, as Debian does it: a number is not given to somebody else
    guest("id sixxsd")
