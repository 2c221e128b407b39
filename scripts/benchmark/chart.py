"""The ratios as bars: one SVG without anything from elsewhere, for light and dark."""
from html import escape

WIDTH, LABEL, BAR, GAP = 920, 380, 15, 5
ORDER = ("XDP", "generic", "TC", "AF_XDP", "user")
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1b1f24 }
.title { font-size: 16px; font-weight: 600 } .group { font-weight: 600 } .small { fill: #57606a }
.bar { fill: #2f6fb5 } .tcp { fill: #2e8555 } .range { stroke: #1b1f24; stroke-width: 1.5 }
.one { stroke: #c2402e; stroke-width: 1.5; stroke-dasharray: 4 3 } .axis { stroke: #d0d7de }
svg { background: #ffffff }
@media (prefers-color-scheme: dark) {
 text { fill: #e6edf3 } .small { fill: #9aa4af } svg { background: #0d1117 }
 .bar { fill: #58a6ff } .tcp { fill: #56d364 } .range { stroke: #e6edf3 } .axis { stroke: #30363d }
 .one { stroke: #ff7b72 }
}
"""


def label(r):
    parts = [r["case"], r["mode"]]
    if "octets" in r:
        parts.append(f"{r['octets']} octets")
        parts.append(f"{r['tunnels']:,} tunnel" + ("s" if r["tunnels"] > 1 else ""))
        if r["workers"] > 1:
            parts.append(f"{r['workers']} workers")
    return ", ".join(parts)


class Drawing:
    def __init__(self):
        self.parts, self.y = [], 34

    def text(self, x, y, text, kind="", anchor="start"):
        self.parts.append(f'<text x="{x:.0f}" y="{y:.0f}" class="{kind}" text-anchor="{anchor}">'
                          f"{escape(text)}</text>")

    def line(self, x1, y1, x2, y2, kind):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
                          f'class="{kind}"/>')

    def group(self, title, rows, key, kind):
        """Bars of rows[key] with the range of the pairs; a line at 1."""
        most = max(max(r[key + "_max"] for r in rows), 1.0) * 1.08
        scale = (WIDTH - LABEL - 80) / most
        self.y += 24
        self.text(16, self.y, title, "group")
        self.y += 10
        top = self.y
        for r in rows:
            middle = self.y + BAR / 2
            self.text(LABEL - 8, middle + 4, label(r), "", "end")
            self.parts.append(f'<rect x="{LABEL}" y="{self.y}" width="{r[key] * scale:.1f}" '
                              f'height="{BAR}" rx="2" class="{kind}"/>')
            self.line(LABEL + r[key + "_min"] * scale, middle, LABEL + r[key + "_max"] * scale,
                      middle, "range")
            self.text(LABEL + r[key + "_max"] * scale + 8, middle + 4, f"{r[key]:.2f}", "small")
            self.y += BAR + GAP
        self.line(LABEL, top - 2, LABEL, self.y, "axis")
        self.line(LABEL + scale, top - 2, LABEL + scale, self.y, "one")

    def svg(self, title):
        height = self.y + 20
        return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
                f'viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
                f"<style>{STYLE}</style>" + "".join(self.parts) + "</svg>\n")


def write(result, path):
    d = Drawing()
    title = "sixxsd: ratios within one run"
    d.text(16, 26, title, "title")
    packets = result["packets"]
    for way, name in ((" in", "out of tunnels"), (" out", "into tunnels")):
        rows = [r for r in packets if r["case"].endswith(way)]
        if rows:
            d.group(f"Packets {name} / plain kernel forwarding of the same size (dashed: 1)",
                    sorted(rows, key=lambda r: (r["octets"] > 100, ORDER.index(r["mode"]),
                                                r["workers"], r["case"])),
                    "ratio_plain", "bar")
    if result["tcp"]:
        d.group("TCP over one tunnel / over no tunnel (dashed: 1)", result["tcp"], "ratio", "tcp")
    with open(path, "w", encoding="utf-8") as f:
        f.write(d.svg(title))
