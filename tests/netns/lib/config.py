"""Configuration files for tests, and the tunnels most of them use."""
import os

PREFIX = "2001:db8:2ff"
PASSWORD = "0123456789abcdef0123456789abcdef"

# Pop.settle() sends through this one; tests leave it alone.
MARKER_TID, MARKER_ID, MARKER4 = "1f0", "T9999", "198.51.100.250"

# A question answered in order is one worker's: a run with several has a marker for each.
WORKERS = int(os.environ.get("SIXXSD_WORKERS") or 1)
MARKERS = [(f"{int(MARKER_TID, 16) + n:x}", f"T{9999 - n}", f"198.51.100.{250 - n}")
           for n in range(WORKERS)]

# The latency test is off: a probe would be one packet more than a test sent.
HEAD = """\
pop
	set
		details 1 testpop 192.0.2.42 2001:db8::42
		id 1
		latency 0
	end
	tunnelprefix add {prefix}::/48
	subnetprefix add 2001:db8:3000::/40
	subnetprefix add 2001:db8:4242::/48
	cliacl add 127.0.0.1
	cliacl add ::1
{pop}end
"""


def static(tid, them, mtu=1480, state="up", ident=None, password=""):
    """A `tunnel set config` line; @tid hex text, the id T<decimal of tid> unless given."""
    ident = ident if ident is not None else int(tid, 16)
    return f"config {tid} T{ident} {them} {state} {mtu} {password}".rstrip()


def dynamic(tid, kind, mtu=1428, password=PASSWORD, state="up", ident=None):
    return static(tid, kind, mtu, state, ident, password)


def config(*tunnel, subnets=(), pop=(), marker=True, prefix=PREFIX, after=()):
    """
    @tunnel: lines for the menu `tunnel set`; @subnets: (prefix, tid); @pop: lines for `pop`
    """
    text = HEAD.format(prefix=prefix, pop="".join(f"\t{line}\n" for line in pop))
    tunnel = list(tunnel)
    if marker:
        tunnel += [f"config {tid} {ident} {them} up 1480" for tid, ident, them in MARKERS]
    if tunnel:
        text += "tunnel\n\tset\n" + "".join(f"\t\t{line}\n" for line in tunnel) + "\tend\nend\n"
    if subnets:
        text += "subnet\n\tset\n" + "".join(f"\t\tconfig {p} {t} static\n" for p, t in subnets)
        text += "\tend\nend\n"
    return text + "".join(line + "\n" for line in after)
